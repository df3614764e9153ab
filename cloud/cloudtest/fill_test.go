package cloudtest_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/cloud/cloudtest"
	"github.com/kopilka/kopilka/ledger"
	"github.com/kopilka/kopilka/ledger/sale"
	"github.com/kopilka/kopilka/sync/uplink"
)

// What a first fill is held against.
const (
	fillCustomers    = 1_000_000
	fillSecondsMax   = 5.0
	fillMBMax        = 45.0
	fillAnonMBMax    = 200.0
	fillSmoke        = 21_000 // a little more than a head office sends change by change
	childFill        = "fill"
	fillURL, fillKey = "KOPILKA_FILL_URL", "KOPILKA_FILL_CODE"
	fillDir          = "KOPILKA_FILL_DIR"
	sampleEvery      = 2 * time.Millisecond
	fillFields       = "number, short name, tier, home store, balance, one card key, one phone key (8 bytes each)"
)

// fillReport is what the till's process says of its first fill.
type fillReport struct {
	Customers uint64
	Last      sale.Customer
	Seconds   float64 // from dialling to a till that has all state
	InPlace   float64 // to customers that can be looked up
	Bytes     int64   // heard, HTTP and websocket together
	AnonMB    float64 // most of RssAnon while filling
	IdleMB    float64 // before
}

// fillChild is a till's process: it enrols, fills, and reports. It shares nothing with head office but the
// network, so that its memory can be measured.
func fillChild() int {
	r, err := fillTill()
	if err == nil {
		err = json.NewEncoder(os.Stdout).Encode(r)
	}
	if err != nil {
		slog.Error("fill", "err", err)
		return 1
	}
	return 0
}

// watched tells when the customers are in place.
type watched struct {
	*ledger.Ledger
	filled time.Time
}

func (w *watched) Fill(version uint64, at sale.Time, customers uint64, next func() ([]sale.CustomerChange, error)) error {
	err := w.Ledger.Fill(version, at, customers, next)
	w.filled = time.Now()
	return err
}

func fillTill() (r fillReport, err error) {
	ctx, stop := context.WithTimeout(context.Background(), drainPatience)
	defer stop()
	random := rand.NewChaCha8([32]byte{byte(os.Getpid())})
	dir := os.Getenv(fillDir)
	id, _, err := uplink.Enrol(ctx, filepath.Join(dir, "identity.json"), uplink.Enrolment{
		URL: os.Getenv(fillURL), Code: os.Getenv(fillKey), Name: "касса", Program: "bench 1", Client: http.DefaultClient, Random: random,
	})
	if err != nil {
		return r, err
	}
	l, err := ledger.Open(filepath.Join(dir, "ledger"), ledger.Options{
		Clock: func() (sale.Time, sale.TimeQuality) { return sale.At(time.Now()), sale.TimeHeadOffice }, Random: random,
	})
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	if err := l.Enrol(ledger.Identity{Org: id.Org, Store: id.Store, Till: id.Till}); err != nil {
		return r, err
	}
	return measureFill(ctx, id, l, filepath.Join(dir, "cache"))
}

// measureFill runs the uplink until the till has all state.
func measureFill(ctx context.Context, id uplink.Identity, l *ledger.Ledger, cache string) (r fillReport, err error) {
	var sent, heard atomic.Int64
	w := &watched{Ledger: l}
	u, err := uplink.New(uplink.Options{
		Identity: id, Ledger: w, Cache: cache, Program: "bench 1", Dial: counted(&sent, &heard), Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		return r, err
	}
	if r.IdleMB, err = anonMB(); err != nil {
		return r, err
	}
	run, stop := context.WithCancel(ctx)
	done := make(chan error, 1)
	start := time.Now()
	go func() { done <- u.Run(run) }()
	sample := time.NewTicker(sampleEvery)
	defer sample.Stop()
	for l.Filled() == 0 || l.Applied() < l.Filled() {
		select {
		case <-ctx.Done():
			stop()
			return r, errors.Join(fmt.Errorf("the customers never came: %+v", u.State()), <-done)
		case <-sample.C:
		}
		mb, err := anonMB()
		if err != nil {
			stop()
			return r, errors.Join(err, <-done)
		}
		r.AnonMB = max(r.AnonMB, mb)
	}
	r.Seconds, r.Bytes = time.Since(start).Seconds(), heard.Load()
	stop()
	err = <-done
	r.InPlace = w.filled.Sub(start).Seconds()
	r.Customers = l.Customers()
	if err == nil {
		r.Last, err = l.Customer(sale.CustomerNo(r.Customers))
	}
	return r, err
}

// anonMB is the process's memory that no file stands behind; zero where the system does not tell.
func anonMB() (float64, error) {
	status, err := os.ReadFile("/proc/self/status")
	if errors.Is(err, os.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	_, rest, _ := strings.Cut(string(status), "RssAnon:")
	fields := strings.Fields(rest)
	if len(fields) == 0 {
		return 0, errors.New("/proc/self/status tells no RssAnon")
	}
	kb, err := strconv.ParseFloat(fields[0], 64)
	return kb / 1024, err
}

// found puts customers straight into head office's database, with balances, two look-up keys each and
// their rows of the feed. The keys are random: those of phones take 15 ms each to make, and hashes look no
// different.
func found(t testing.TB, h *cloudtest.HeadOffice, customers int) {
	t.Helper()
	db := openRaw(t, h.Config.Data)
	tx, err := db.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	feed := 0
	require.NoError(t, tx.QueryRow("SELECT feed FROM orgs WHERE org = ?", int64(h.Org)).Scan(&feed))
	const numbers = `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?2) INSERT INTO `
	for _, text := range []string{
		`customers (org, no, name, short, tier, home, search, created) SELECT ?1, i, name || ' ' || letter || '.', name || ' ' || letter || '.', i % 10 / 8, i % 40, lower(name), 0
			FROM (SELECT i, json_extract('["Анна","Мария","Елена","Ольга","Наталья","Иван","Сергей","Дмитрий","Алексей","Татьяна","Екатерина","Светлана"]', '$[' || abs(random() % 12) || ']') AS name,
				substr('АБВГДЕЖЗИКЛМНОПРСТУФХЦЧШЩЭЮЯ', 1 + abs(random() % 28), 1) AS letter FROM n)`,
		`customer_keys (org, customer, kind, key) SELECT ?1, i, 1, randomblob(8) FROM n UNION ALL SELECT ?1, i, 2, randomblob(8) FROM n`,
		`accounts (org, kind, no, purse, balance) SELECT ?1, 1, i, 0, abs(random() % 100000) FROM n`,
		`feed (org, kind, key, version, gone, till, store) SELECT ?1, ?3, unhex(printf('%016x', i)), ?4 + i, 0, 0, 0 FROM n`,
	} {
		args := []any{int64(h.Org), customers}
		if strings.Contains(text, "?3") {
			args = append(args, int64(sale.ChangeCustomer), feed)
		}
		_, err := tx.Exec(numbers+text, args...)
		require.NoError(t, err, text)
	}
	_, err = tx.Exec("UPDATE orgs SET feed = feed + ?, customers = ? WHERE org = ?", customers, customers, int64(h.Org))
	require.NoError(t, err)
	require.NoError(t, tx.Commit())
}

// firstFill fills a till that is a process of its own.
func firstFill(t testing.TB, h *cloudtest.HeadOffice) (r fillReport) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"="+childFill, fillURL+"="+h.URL, fillKey+"="+h.Code(1).String(), fillDir+"="+t.TempDir())
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(out, &r))
	return r
}
