package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/agent"
	"github.com/kopilka/kopilka/drivers"
	"github.com/kopilka/kopilka/ledger"
	"github.com/kopilka/kopilka/ledger/sale"
)

// offered are metrics over a real ledger, served on a real port, of a till that shows what view says.
func offered(t *testing.T, view *agent.View) (*metrics, func(path string) (int, string)) {
	t.Helper()
	c := agent.DefaultConfig()
	c.Data, c.Metrics = t.TempDir(), "127.0.0.1:0"
	clock := agent.NewClock(time.Now)
	l, err := ledger.Open(filepath.Join(c.Data, ledgerFolder), ledger.Options{Clock: clock.Now, Random: rand.NewChaCha8([32]byte{7})})
	require.NoError(t, err)
	require.NoError(t, l.Enrol(ledger.Identity{Org: 1, Store: 1, Till: 7}))
	m, err := newMetrics(c, l, func(context.Context) (agent.View, error) {
		if view.Seq == 0 {
			return agent.View{}, errNoView
		}
		return *view, nil
	})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- m.run(ctx) }()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-ended)
		require.NoError(t, l.Close())
		left, err := filepath.Glob(filepath.Join(c.Data, "metrics-*"))
		require.NoError(t, err)
		require.Empty(t, left)
	})
	return m, func(path string) (int, string) {
		a, err := http.Get("http://" + m.listener.Addr().String() + path)
		require.NoError(t, err)
		b, err := io.ReadAll(a.Body)
		require.NoError(t, errors.Join(err, a.Body.Close()))
		return a.StatusCode, string(b)
	}
}

func TestMetricsTellHowTheTillIs(t *testing.T) {
	now := time.Now()
	view := &agent.View{Seq: 1, Shift: agent.ShiftView{Open: true}, Network: agent.NetworkView{Online: true}, Scanners: []agent.DeviceView{{Name: "Maria Petrova", Online: true}, {Name: "hand"}}}
	view.Register = agent.RegisterView{Online: true, Unsent: 3, FN: "9999078900000001", Storage: &agent.StorageView{Expires: sale.At(now.Add(48 * time.Hour)), Oldest: sale.At(now.Add(-time.Hour))}}
	m, get := offered(t, view)
	require.NoError(t, m.scanned(func() error { return nil }))
	m.connected(false, true)
	m.connected(true, true)
	m.connected(true, false)
	m.connected(false, true)
	m.add(&sale.Record{Kind: sale.KindSale, Sale: &sale.Sale{Total: 12345}})
	m.add(&sale.Record{Kind: sale.KindSale, Sale: &sale.Sale{Total: 55}})
	m.add(&sale.Record{Kind: sale.KindReturn, Return: &sale.Return{Total: 100}})
	status, text := get("/metrics")
	require.Equal(t, http.StatusOK, status, text)
	for _, want := range []string{
		"kopilka_till_up 1", "kopilka_register_up 1", "kopilka_head_office_up 1", "kopilka_shift_open 1", "kopilka_register_ofd_queue_documents 3", "kopilka_head_office_connects_total 2",
		`kopilka_receipts_total{kind="sale"} 2`, `kopilka_receipts_kopecks_total{kind="sale"} 12400`, `kopilka_receipts_kopecks_total{kind="return"} 100`,
		`kopilka_scanner_up{scanner="0"} 1`, `kopilka_scanner_up{scanner="1"} 0`, "kopilka_scan_duration_seconds_count 1", "kopilka_records_unsent 1", "kopilka_ledger_bytes ",
		`kopilka_build_info{version="` + version + `"} 1`, "go_goroutines ", "kopilka_register_storage_expires_seconds ", "kopilka_disk_sync_duration_seconds_bucket",
	} {
		require.True(t, strings.Contains(text, want), want)
	}
	for _, never := range []string{"Maria", "9999078900000001"} {
		require.False(t, strings.Contains(text, never), never)
	}
	status, text = get("/healthz")
	require.Equal(t, http.StatusOK, status)
	require.Equal(t, "ok\n", text)
}

// Records are counted once each, and those from before the start not at all.
func TestMetricsCountWhatIsBooked(t *testing.T) {
	m, _ := offered(t, &agent.View{})
	before := m.after
	r, err := m.book.Book(sale.Record{ID: sale.ID{1}, Kind: sale.KindLookup, Lookup: &sale.Watched{Rule: "lookups"}}, nil)
	require.NoError(t, err)
	require.NoError(t, m.count())
	require.Equal(t, r.Seq, m.after.Seq)
	require.Equal(t, before.Seq+1, m.after.Seq)
	require.NoError(t, m.count())
	require.Equal(t, m.book.Head(), m.after)
	require.Zero(t, testutil.ToFloat64(m.receipts.WithLabelValues("sale")))
}

func TestMetricsFollowTheConventions(t *testing.T) {
	m, _ := offered(t, &agent.View{Seq: 1, Register: agent.RegisterView{Online: true, Storage: &agent.StorageView{Expires: 1, Oldest: 1}}, Scanners: []agent.DeviceView{{}}})
	problems, err := testutil.GatherAndLint(m.registry)
	require.NoError(t, err)
	require.Empty(t, problems)
}

// However odd the till, the number of series is bounded.
func TestMetricsHaveFewSeries(t *testing.T) {
	view := &agent.View{Seq: 1, Register: agent.RegisterView{Online: true}}
	for i := range 1000 {
		view.Scanners = append(view.Scanners, agent.DeviceView{Name: fmt.Sprint("scanner ", i)})
		view.Register.Conditions = append(view.Register.Conditions, fmt.Sprint("condition ", i))
	}
	_, get := offered(t, view)
	_, text := get("/metrics")
	own := 0
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "kopilka_") {
			own++
		}
	}
	require.Positive(t, own)
	require.Less(t, own, 80)
	require.Equal(t, scannersMax, strings.Count(text, "kopilka_scanner_up{"))
}

func TestHealthSaysWhy(t *testing.T) {
	for _, test := range []struct {
		name string
		view agent.View
		says string
	}{
		{"stuck", agent.View{}, "till: the till shows nothing"},
		{"no register", agent.View{Seq: 1}, "register: does not answer"},
		{"no paper", agent.View{Seq: 1, Register: agent.RegisterView{Online: true, Flags: uint16(drivers.PaperOut), Conditions: []string{"paper-out"}}}, "register: [paper-out]"},
		{"in doubt", agent.View{Seq: 1, Register: agent.RegisterView{Online: true}, Unknown: &agent.UnknownView{}}, "the outcome of a receipt is unknown"},
		{"no head office", agent.View{Seq: 1, Register: agent.RegisterView{Online: true}}, ""},
		{"no register at all", agent.View{Seq: 1, Register: agent.RegisterView{Plain: true, Online: true}}, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, get := offered(t, &test.view)
			status, text := get("/healthz")
			if test.says == "" {
				require.Equal(t, http.StatusOK, status, text)
				return
			}
			require.Equal(t, http.StatusServiceUnavailable, status)
			require.Contains(t, text, test.says)
		})
	}
}

func TestMetricsOfATakenPort(t *testing.T) {
	m, _ := offered(t, &agent.View{})
	c := agent.DefaultConfig()
	c.Metrics = m.listener.Addr().String()
	_, err := newMetrics(c, m.book, nil)
	require.ErrorContains(t, err, "offer metrics")
}

// A page in the till's browser whose name leads to 127.0.0.1 does not read the shop's turnover.
func TestMetricsAreForThisMachineOnly(t *testing.T) {
	m, _ := offered(t, &agent.View{})
	for _, path := range []string{"/metrics", "/healthz"} {
		q, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+m.listener.Addr().String()+path, nil)
		require.NoError(t, err)
		_, port, err := net.SplitHostPort(m.listener.Addr().String())
		require.NoError(t, err)
		q.Host = "rebound.example:" + port
		a, err := http.DefaultClient.Do(q)
		require.NoError(t, err)
		require.NoError(t, a.Body.Close())
		require.Equal(t, http.StatusForbidden, a.StatusCode, path)
	}
}
