//go:build linux

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/ledger/sale"
)

// Linux only: the counters' scanners are pseudo terminals, and here we see that no process is left.

// shopWait bounds one wait of a test: for a start with everything to be seeded, on a busy machine.
const shopWait = 4 * time.Minute

// programs builds what the demo starts, once.
var programs = sync.OnceValues(func() (dir string, err error) {
	if dir, err = os.MkdirTemp("", "kopilka-demo-bin-"); err != nil {
		return "", err
	}
	build := exec.Command("go", "build", "-o", dir, "./agent/cmd/kopilka-agent", "./cloud/cmd/kopilka-cloud", "./drivers/cmd/kopilka-emulator")
	build.Dir = filepath.Join("..", "..", "..")
	if said, err := build.CombinedOutput(); err != nil {
		return dir, fmt.Errorf("build the programs: %w\n%s", err, said)
	}
	return dir, nil
})

// TestMain takes the built programs away again.
func TestMain(m *testing.M) {
	code := m.Run()
	if dir, err := programs(); err == nil && dir != "" {
		if err := os.RemoveAll(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

// running is a demo shop that is open.
type running struct {
	*testing.T
	*demo
	stop  context.CancelFunc
	ended func() error // waits for the end
	pids  []int
}

// openShop opens a shop in a folder; one that the test leaves open is closed with it.
func openShop(t *testing.T, folder string) *running {
	t.Helper()
	bin, err := programs()
	require.NoError(t, err)
	d, err := newDemo(bin, folder, t.Output())
	require.NoError(t, err)
	ctx, stop := context.WithCancel(context.Background())
	opened, done := make(chan struct{}), make(chan error, 1)
	r := &running{T: t, demo: d, stop: stop, ended: sync.OnceValue(func() error { return <-done })}
	d.opened = func() {
		for _, c := range d.children {
			r.pids = append(r.pids, c.cmd.Process.Pid)
		}
		close(opened)
	}
	go func() {
		runtime.LockOSThread() // as run does
		defer runtime.UnlockOSThread()
		done <- d.run(ctx)
		stop()
	}()
	t.Cleanup(func() {
		stop()
		_ = r.ended() // the test has looked at it, or has failed already
		r.gone()
	})
	select {
	case <-opened:
	case <-ctx.Done():
		t.Fatalf("the shop did not open: %v", r.ended())
	case <-time.After(shopWait):
		t.Fatalf("the shop is not open after %s, see %s", shopWait, d.at("logs"))
	}
	return r
}

// close is Ctrl-C.
func (r *running) close() {
	r.Helper()
	r.stop()
	require.NoError(r, r.ended())
	r.gone()
}

// gone makes sure that no program outlives the shop.
func (r *running) gone() {
	for _, pid := range r.pids {
		require.ErrorIs(r, syscall.Kill(pid, 0), syscall.ESRCH, "program %d is still there", pid)
	}
}

// command is a key of the cashier.
func (r *running) command(t till, command string) {
	r.Helper()
	r.post(r.tillURL(t)+"command", "X-Kopilka", "1", command)
}

// scan holds a code under the counter's scanner.
func (r *running) scan(t till, code string) {
	r.Helper()
	r.post(r.counterURL(t)+"/scan", "Content-Type", "application/json", fmt.Sprintf(`{"code":%q}`, code))
}

func (r *running) throw(t till, name string, on bool) {
	r.Helper()
	r.post(r.counterURL(t)+"/switch", "Content-Type", "application/json", fmt.Sprintf(`{"name":%q,"on":%t}`, name, on))
}

func (r *running) post(url, header, value, body string) {
	r.Helper()
	q, err := http.NewRequestWithContext(r.Context(), http.MethodPost, url, strings.NewReader(body))
	require.NoError(r, err)
	q.Header.Set(header, value)
	answer, err := http.DefaultClient.Do(q)
	require.NoError(r, err)
	said, err := io.ReadAll(answer.Body)
	require.NoError(r, err)
	require.NoError(r, answer.Body.Close())
	require.Equal(r, http.StatusOK, answer.StatusCode, "%s %s: %s", url, body, said)
}

// stage waits until the cashier's page would show a stage of the till.
func (r *running) stage(t till, wanted string) {
	r.Helper()
	ctx, cancel := context.WithTimeout(r.Context(), shopWait)
	defer cancel()
	conn, answer, err := websocket.DefaultDialer.DialContext(ctx, strings.Replace(r.tillURL(t), "http", "ws", 1)+"socket", nil)
	require.NoError(r, err)
	defer answer.Body.Close()
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	for {
		var message struct {
			View *struct {
				Stage string `json:"stage"`
			} `json:"view"`
		}
		require.NoError(r, conn.ReadJSON(&message), "waiting for %s", wanted)
		if message.View != nil && message.View.Stage == wanted {
			return
		}
	}
}

// receipt is one row of a till's own receipts.
type receipt struct {
	ID    sale.ID    `json:"id"`
	No    string     `json:"no"`
	Kind  string     `json:"kind"`
	Total sale.Money `json:"total"`
}

func (r *running) receipts(t till) []receipt {
	r.Helper()
	body, err := get(r.Context(), r.tillURL(t)+"receipts?q=")
	require.NoError(r, err)
	var list struct {
		Receipts []receipt `json:"receipts"`
	}
	require.NoError(r, json.Unmarshal(body, &list))
	return list.Receipts
}

// document is what the register's fiscal storage says it has made.
type document struct {
	Type uint8      `json:"type"`
	Sum  sale.Money `json:"sum"`
}

const documentReceipt = 3 // the form of a receipt as FFD numbers the forms

func (r *running) fiscal(t till) (sums []sale.Money) {
	r.Helper()
	body, err := get(r.Context(), r.counterURL(t)+"/storage.json")
	require.NoError(r, err)
	var storage struct {
		Documents []document `json:"documents"`
	}
	require.NoError(r, json.Unmarshal(body, &storage))
	for _, d := range storage.Documents {
		if d.Type == documentReceipt {
			sums = append(sums, d.Sum)
		}
	}
	return sums
}

// find is a product of the seed by the beginning of its name.
func find(t *testing.T, name string) sale.Product {
	t.Helper()
	all, err := products()
	require.NoError(t, err)
	for _, p := range all {
		if strings.HasPrefix(p.Name, name) {
			return p
		}
	}
	t.Fatalf("no product is called %s", name)
	return sale.Product{}
}

// TestShopContinuesWhereItWas sells, closes, opens again and finds everything in its place; then one of
// the programs dies.
func TestShopContinuesWhereItWas(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "demo")
	first := openShop(t, folder)
	milk, yogurt := find(t, "Молоко"), find(t, "Йогурт питьевой")
	free := 2*yogurt.Price + 1 // the third is free by the demo's own rules, but for the kopeck that a line keeps
	for _, k := range tills {
		first.command(k, fmt.Sprintf(`{"do":"sign-in","pin":%q}`, who(k.store, roleCashier).PIN))
		first.command(k, `{"do":"open-shift"}`)
		first.stage(k, "sale")
		first.command(k, fmt.Sprintf(`{"do":"add","sku":%q,"qty":2000}`, milk.SKU))
		first.command(k, fmt.Sprintf(`{"do":"pay","tenders":[{"kind":1,"amount":%d}],"given":%d}`, 2*milk.Price, 2*milk.Price))
		first.stage(k, "done")
		first.command(k, `{"do":"next"}`)
		first.command(k, fmt.Sprintf(`{"do":"add","sku":%q,"qty":3000}`, yogurt.SKU))
		first.command(k, fmt.Sprintf(`{"do":"pay","tenders":[{"kind":2,"amount":%d}]}`, free))
		first.stage(k, "done")
	}
	before := first.receipts(tills[0])
	require.Len(t, before, 2)
	ports, login := first.demo.ports, first.login
	first.close()

	second := openShop(t, folder)
	require.Equal(t, ports, second.demo.ports)
	require.Equal(t, login, second.login)
	require.Len(t, login.Password, 16)
	for _, k := range tills {
		require.Equal(t, []sale.Money{2 * milk.Price, free}, second.fiscal(k), "the register of till %d", k.n)
	}
	require.Equal(t, before, second.receipts(tills[0]))

	_, err := choosePorts(filepath.Join(folder, "ports.json"))
	require.NoError(t, err)
	other, err := newDemo(second.bin, folder, t.Output())
	require.NoError(t, err)
	require.ErrorContains(t, other.run(t.Context()), "runs in this folder already")

	victim := second.children[len(second.children)-1]
	require.NoError(t, victim.cmd.Process.Kill())
	err = second.ended()
	require.ErrorContains(t, err, victim.name+" ended")
	require.ErrorContains(t, err, "msg=started", "its last words")
	second.gone()
}

func TestFirstStartThatFailsLeavesNothingBehind(t *testing.T) {
	var said bytes.Buffer
	folder := t.TempDir()
	d, err := newDemo(filepath.Join(folder, "no-programs"), filepath.Join(folder, "demo"), &said)
	require.NoError(t, err)
	require.ErrorContains(t, d.run(t.Context()), "kopilka-cloud init")
	require.NoDirExists(t, d.at("cloud"))
	require.Empty(t, d.children)
}
