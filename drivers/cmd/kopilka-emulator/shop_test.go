package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/drivers"
	"github.com/kopilka/kopilka/drivers/all"
	"github.com/kopilka/kopilka/drivers/emulator/paper"
	"github.com/kopilka/kopilka/drivers/port"
	"github.com/kopilka/kopilka/ledger/sale"
)

const goodsJSON = `{"products":[
 {"sku":"1","name":"Молоко","code":"4607025392408","price":89.90},
 {"sku":"2","name":"Яблоки <сезонные>","code":"101","price":"129.90","weighed":true}],
 "cards":[{"name":"Мария С.","code":"2990000000017","tier":"золотой"}]}`

// testShop is the whole program on ports of its own.
type testShop struct {
	*shop
	t    *testing.T
	stop context.CancelFunc
	done chan error
	base string
}

func start(t *testing.T, folder string) *testShop {
	t.Helper()
	return startOf(t, folder, "")
}

// startOf puts a register of a type on the counter.
func startOf(t *testing.T, folder, kind string) *testShop {
	t.Helper()
	return startWith(t, folder, registerConfig{Type: kind})
}

// startWith puts a register on the counter, with the rest of what every one has.
func startWith(t *testing.T, folder string, r registerConfig) *testShop {
	t.Helper()
	r.Listen, r.Folder, r.INN, r.Shop = "127.0.0.1:0", filepath.Join(folder, "register"), "7707083893", []string{"ПРОДУКТЫ"}
	goods := filepath.Join(folder, "goods.json")
	require.NoError(t, os.WriteFile(goods, []byte(goodsJSON), 0o600))
	target, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, target.Close()) })
	c := defaultConfig()
	c.Listen, c.Goods = "127.0.0.1:0", goods
	c.Counters = []counterConfig{{
		Name:     "Касса 1",
		Register: r,
		Scanner:  scannerConfig{Listen: "127.0.0.1:0"},
		Network:  networkConfig{Listen: "127.0.0.1:0", Target: target.Addr().String()},
	}}
	s, err := openShop(c)
	require.NoError(t, err)
	ctx, stop := context.WithCancel(context.Background())
	ts := &testShop{shop: s, t: t, stop: stop, done: make(chan error, 1), base: "http://" + s.ln.Addr().String()}
	go func() { ts.done <- s.run(ctx) }()
	t.Cleanup(ts.end)
	return ts
}

// end stops the program as Ctrl-C does; a second end finds nothing to do.
func (s *testShop) end() {
	if s.done == nil {
		return
	}
	s.stop()
	require.NoError(s.t, <-s.done)
	require.NoError(s.t, s.close())
	s.done = nil
}

func (s *testShop) get(path string) string {
	s.t.Helper()
	answer, err := http.Get(s.base + path)
	require.NoError(s.t, err)
	body, err := io.ReadAll(answer.Body)
	require.NoError(s.t, err)
	require.NoError(s.t, answer.Body.Close())
	require.Equal(s.t, http.StatusOK, answer.StatusCode, string(body))
	return string(body)
}

func (s *testShop) post(path string, body any) (int, string) {
	s.t.Helper()
	raw, err := json.Marshal(body)
	require.NoError(s.t, err)
	answer, err := http.Post(s.base+path, "application/json", bytes.NewReader(raw))
	require.NoError(s.t, err)
	text, err := io.ReadAll(answer.Body)
	require.NoError(s.t, err)
	require.NoError(s.t, answer.Body.Close())
	return answer.StatusCode, string(text)
}

func (s *testShop) state() view {
	s.t.Helper()
	var v view
	require.NoError(s.t, json.Unmarshal([]byte(s.get("/counters/1/state.json")), &v))
	return v
}

// command sends one frame to the register's port and reads the answer's error byte.
func (s *testShop) command(body ...byte) byte {
	s.t.Helper()
	conn, err := net.Dial("tcp", s.state().Address)
	require.NoError(s.t, err)
	defer conn.Close()
	lrc := byte(len(body))
	for _, b := range body {
		lrc ^= b
	}
	_, err = conn.Write(append(append([]byte{2, byte(len(body))}, body...), lrc))
	require.NoError(s.t, err)
	answer := make([]byte, 5)
	require.NoError(s.t, conn.SetReadDeadline(time.Now().Add(time.Minute)))
	_, err = io.ReadFull(conn, answer)
	require.NoError(s.t, err)
	return answer[4]
}

var openShift = []byte{0xE0, 1, 0, 0, 0}

func TestScanGoesThroughTheScanner(t *testing.T) {
	s := start(t, t.TempDir())
	status, _ := s.post("/counters/1/scan", scanOrder{Code: "x"})
	require.Equal(t, http.StatusConflict, status, "no till is connected")
	till, err := net.Dial("tcp", s.state().Scanner)
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		status, _ := s.post("/counters/1/scan", scanOrder{Code: "4607025392408"})
		return status == http.StatusOK
	}, time.Minute, time.Millisecond)
	status, text := s.post("/counters/1/scan", scanOrder{Code: "101", Grams: 432})
	require.Equal(t, http.StatusOK, status, text)
	require.NoError(t, till.SetReadDeadline(time.Now().Add(time.Minute)))
	r := bufio.NewReader(till)
	for _, want := range []string{"4607025392408\r", "2100101004322\r"} {
		got, err := r.ReadString('\r')
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	for _, bad := range []scanOrder{{Code: "101", Grams: 100_000}, {Code: "101", Grams: -1}, {Code: "123456", Grams: 5}, {Code: "1a", Grams: 5}} {
		status, _ := s.post("/counters/1/scan", bad)
		require.Equal(t, http.StatusBadRequest, status)
	}
	require.NoError(t, till.Close())
}

func TestSwitchesReachTheDevices(t *testing.T) {
	s := start(t, t.TempDir())
	require.Zero(t, s.command(openShift...))
	for _, name := range []string{"paper-out", "cover-open", "cable-out", "ofd-silent", "answer-lost", "internet-cut", "power-off"} {
		for _, on := range []bool{true, false} {
			status, _ := s.post("/counters/1/switch", map[string]any{"name": name, "on": on})
			require.Equal(t, http.StatusOK, status)
			require.Equal(t, on, s.state().Switches[name], name)
		}
	}
	status, _ := s.post("/counters/1/switch", map[string]any{"name": "day-passed", "on": true})
	require.Equal(t, http.StatusOK, status)
	require.True(t, s.state().Register.Expired)
	require.Equal(t, byte(0x4E), s.command(0x8D, 1, 0, 0, 0, 0))
	status, _ = s.post("/counters/1/switch", map[string]any{"name": "nonsense", "on": true})
	require.Equal(t, http.StatusNotFound, status)
}

func TestEverythingIsKeptOverARestart(t *testing.T) {
	folder := t.TempDir()
	first := start(t, folder)
	require.Zero(t, first.command(openShift...))
	var log ledgerView
	require.NoError(t, json.Unmarshal([]byte(first.get("/counters/1/storage.json")), &log))
	require.Len(t, log.Documents, 2)
	tape := first.get("/counters/1/tape.json")
	require.Contains(t, tape, "ОТКРЫТИИ СМЕНЫ")
	first.end()
	second := start(t, folder)
	require.Equal(t, tape, second.get("/counters/1/tape.json"))
	require.True(t, second.state().Register.ShiftOpen)
}

func TestPaperComesByItself(t *testing.T) {
	s := start(t, t.TempDir())
	answer, err := http.Get(s.base + "/counters/1/events")
	require.NoError(t, err)
	defer answer.Body.Close()
	lines := bufio.NewScanner(answer.Body)
	until := func(part string) {
		for lines.Scan() {
			if strings.Contains(lines.Text(), part) {
				return
			}
		}
		require.Fail(t, "the stream ended", "before %q", part)
	}
	until(`"shiftOpen":false`)
	require.Zero(t, s.command(openShift...))
	until("ОТКРЫТИИ СМЕНЫ")
	until(`"shiftOpen":true`)
	_, _ = s.post("/counters/1/switch", map[string]any{"name": "internet-cut", "on": true})
	until(`"internet-cut":true`)
}

func TestPageInBothLanguages(t *testing.T) {
	s := start(t, t.TempDir())
	ru, en := s.get("/counters/1?lang=ru"), s.get("/counters/1?lang=en")
	require.Contains(t, ru, "Неприятности")
	require.Contains(t, ru, "89,90")
	require.Contains(t, en, "Troubles")
	require.Contains(t, en, "89.90")
	require.Contains(t, en, "Яблоки &lt;сезонные&gt;", "names are escaped")
	require.NotContains(t, ru, "<no value>")
	require.Contains(t, s.get("/qr.svg?t=hello"), "<path")
	for key := range words["ru"] {
		require.NotEmpty(t, words["en"][key], key)
	}
	require.Len(t, words["en"], len(words["ru"]))
}

func TestOtherSitesAreKeptOut(t *testing.T) {
	s := start(t, t.TempDir())
	ask := func(change func(*http.Request)) int {
		r, err := http.NewRequest(http.MethodPost, s.base+"/counters/1/switch", strings.NewReader(`{"name":"power-off","on":true}`))
		require.NoError(t, err)
		r.Header.Set("Content-Type", "application/json")
		change(r)
		answer, err := http.DefaultClient.Do(r)
		require.NoError(t, err)
		require.NoError(t, answer.Body.Close())
		return answer.StatusCode
	}
	require.Equal(t, http.StatusForbidden, ask(func(r *http.Request) { r.Host = "evil.example" }))
	require.Equal(t, http.StatusUnsupportedMediaType, ask(func(r *http.Request) { r.Header.Set("Content-Type", "text/plain") }))
	require.Equal(t, http.StatusNotFound, ask(func(r *http.Request) { r.URL.Path = "/counters/2/switch" }))
	require.True(t, s.state().Register.Power)
	require.Equal(t, http.StatusOK, ask(func(*http.Request) {}))
	require.False(t, s.state().Register.Power)
}

// TestEveryTypeStandsOnACounter rings up on each type of register with the driver that a till would use, throws
// the switches, and looks what the page knows.
func TestEveryTypeStandsOnACounter(t *testing.T) {
	require.ElementsMatch(t, slices.Collect(maps.Keys(all.Printers)), slices.Collect(maps.Keys(types)), "a type of register without an emulator in the shop")
	for kind := range types {
		t.Run(kind, func(t *testing.T) {
			t.Parallel() // a driver waits for an answer that is lost
			s := startOf(t, t.TempDir(), kind)
			require.Equal(t, kind, s.state().Register.Type)
			addr, err := port.ParseAddress("tcp://" + s.state().Address)
			require.NoError(t, err)
			p, err := all.Printer(kind, "front", addr.Dial, nil)
			require.NoError(t, err)
			defer func() { require.NoError(t, p.Close()) }()
			_, err = p.OpenShift(t.Context(), drivers.Operator{Name: "Анна"})
			require.NoError(t, err)
			_, err = p.Print(t.Context(), bread())
			require.NoError(t, err)
			require.Contains(t, s.get("/counters/1/tape.json"), "Хлеб")
			require.Contains(t, s.get("/counters/1"), kind)
			now := s.state().Register
			require.True(t, now.ShiftOpen)
			require.Equal(t, uint32(1), now.Receipt)
			require.Equal(t, int64(5490), now.Drawer)
			require.False(t, now.Document)

			s.throw("answer-lost", true)
			require.True(t, s.state().Switches["answer-lost"])
			_, err = p.Print(t.Context(), bread())
			require.False(t, err != nil && drivers.NotDone(err), "it is signed: %v", err)
			require.Eventually(t, func() bool { return s.state().Register.Receipt == 2 }, time.Minute, time.Millisecond)
			s.throw("paper-out", true)
			_, err = p.Print(t.Context(), bread())
			require.Equal(t, drivers.FailPaper, drivers.FailOf(err), "%v", err)
			s.throw("paper-out", false)
			s.throw("power-off", true)
			require.False(t, s.state().Register.Power)
			s.throw("power-off", false)
			var log ledgerView
			require.NoError(t, json.Unmarshal([]byte(s.get("/counters/1/storage.json")), &log))
			require.Len(t, log.Documents, 4)
			require.Equal(t, kind != "mercury", slices.Contains(slices.Collect(maps.Keys(s.state().Switches)), "cover-open"))
		})
	}
}

// A storage that is new, or at its end, signs nothing on any type of register, and the driver says why.
func TestStoragesThatSignNothing(t *testing.T) {
	for kind := range types {
		for says, r := range map[string]registerConfig{
			"not registered": {Type: kind, Unregistered: true},
			"expired":        {Type: kind, FNExpires: "2020-01-01"},
		} {
			s := startWith(t, t.TempDir(), r)
			addr, err := port.ParseAddress("tcp://" + s.state().Address)
			require.NoError(t, err)
			p, err := all.Printer(kind, "front", addr.Dial, nil)
			require.NoError(t, err)
			_, err = p.OpenShift(t.Context(), drivers.Operator{Name: "Анна"})
			require.Equal(t, drivers.FailStorage, drivers.FailOf(err), "%s, %s: %v", kind, says, err)
			require.Contains(t, drivers.HintOf(err).EN, says, kind)
			require.Contains(t, s.get("/counters/1"), kind, "its page shows it")
			require.NoError(t, p.Close())
			s.end()
		}
	}
}

func (s *testShop) throw(name string, on bool) {
	s.t.Helper()
	status, text := s.post("/counters/1/switch", map[string]any{"name": name, "on": on})
	require.Equal(s.t, http.StatusOK, status, text)
}

func bread() drivers.Receipt {
	return drivers.Receipt{
		Doc: sale.DocSale, Operator: drivers.Operator{Name: "Анна"}, Tax: drivers.TaxOSN, Total: 5490,
		Lines: []drivers.ReceiptLine{{
			Name: "Хлеб", Part: sale.Part{Qty: sale.Piece, Price: 5490, Sum: 5490}, VAT: sale.VAT10, Subject: sale.SubjectGoods,
		}},
		Tenders: []sale.Tender{{Kind: sale.TenderCash, Amount: 5490}},
	}
}

func TestPulledCableSwallowsBytes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		var c cable
		till := c.plug(far)
		c.out.Store(true)
		n, err := till.Write([]byte("lost"))
		require.NoError(t, err)
		require.Equal(t, 4, n)
		got := make(chan string, 1)
		go func() {
			var b [16]byte
			n, _ := till.Read(b[:])
			got <- string(b[:n])
		}()
		_, err = near.Write([]byte("lost too"))
		require.NoError(t, err)
		synctest.Wait()
		c.out.Store(false)
		_, err = near.Write([]byte("heard"))
		require.NoError(t, err)
		require.Equal(t, "heard", <-got)
		require.NoError(t, till.Close())
		require.NoError(t, near.Close())
	})
}

func TestWeighedCode(t *testing.T) {
	code, err := weighedCode("21", "101", 432)
	require.NoError(t, err)
	require.Equal(t, "2100101004322", code)
	require.True(t, sale.ValidGTIN(code))
	for _, grams := range []int{0, -5, 100_000} {
		_, err := weighedCode("21", "101", grams)
		require.Error(t, err)
	}
}

func TestConfigNamesEveryProblem(t *testing.T) {
	path := filepath.Join(t.TempDir(), "c.yaml")
	load := func(text string) (config, error) {
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		return loadConfig(path)
	}
	_, err := load("listen: 0.0.0.0:80\nweight_prefix: \"99\"\ncounters:\n - register: {folder: a}\n   network: {listen: x}\n - {name: b, register: {listen: y, folder: a, type: evotor, fn_expires: soon}}\n")
	for _, part := range []string{"listen: must", "weight_prefix", "counters[0].name", "counters[0].register.listen", "counters[0].network", "counters[1].register.folder", "counters[1].register.type", "counters[1].register.fn_expires"} {
		require.ErrorContains(t, err, part)
	}
	_, err = load("listn: 1\n")
	require.ErrorContains(t, err, "listn")
	c, err := load("counters:\n - {name: a, register: {listen: \"127.0.0.1:1\", folder: till}}\n")
	require.NoError(t, err)
	require.Equal(t, filepath.Join(filepath.Dir(path), "till"), c.Counters[0].Register.Folder)
	require.Equal(t, "21", c.WeightPrefix)
}

func TestRunSaysItsAddressesAndEnds(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "c.yaml")
	require.NoError(t, os.WriteFile(path, []byte("counters:\n - {name: Till, register: {listen: \"127.0.0.1:0\"}, scanner: {listen: \"127.0.0.1:0\"}}\n"), 0o600))
	ctx, stop := context.WithCancel(context.Background())
	r, w := io.Pipe()
	done := make(chan error, 1)
	go func() { done <- run(ctx, []string{"-config", path, "-listen", "127.0.0.1:0"}, w) }()
	lines := bufio.NewScanner(r)
	for _, part := range []string{"page      http://127.0.0.1:", "Till", "register  127.0.0.1:", "scanner   127.0.0.1:"} {
		require.True(t, lines.Scan())
		require.Contains(t, lines.Text(), part)
	}
	stop()
	require.NoError(t, <-done)
	require.NoError(t, w.Close())
}

func TestSlipsAreCutWhereThePrinterCut(t *testing.T) {
	text, cut := paper.Line{Kind: paper.Text}, paper.Line{Kind: paper.Cut}
	require.Len(t, slips([]paper.Line{text, text, cut, text}), 2)
	require.Empty(t, slips(nil))
}
