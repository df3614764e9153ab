package cloudtest_test

import (
	"fmt"
	"math"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/cloud/cloudtest"
	"github.com/kopilka/kopilka/ledger/sale"
)

// The sizes and limits that the benchmarks state beside what they measure.
const (
	backlogSales    = 100_000
	backlogRatioMin = 0.5  // of the raw insertion of the same rows
	wireRatioMax    = 0.25 // of the same sales as JSON
)

// scaleEnv makes the benchmarks smaller for a look while working on the code: 0.01 is a hundredth. Ratios
// of small runs are worth little.
const scaleEnv = "KOPILKA_BENCH_SCALE"

func scaled(b *testing.B, full int) int {
	b.Helper()
	text := os.Getenv(scaleEnv)
	if text == "" {
		return full
	}
	scale, err := strconv.ParseFloat(text, 64)
	require.NoError(b, err, scaleEnv)
	require.True(b, scale > 0 && scale <= 1, "%s is %s, want above 0 and up to 1", scaleEnv, text)
	return max(1, int(math.Round(scale*float64(full))))
}

func verdict(holds bool) string {
	if holds {
		return "holds"
	}
	return "MISSED"
}

// backlog is one drain and what it is compared with.
type backlog struct {
	*till
	head    *cloudtest.HeadOffice
	seconds float64
}

// drainBacklog sells, drains, and stops head office, whose database can be read then.
func drainBacklog(t testing.TB, sales int) *backlog {
	t.Helper()
	h := cloudtest.Start(t, cloudtest.Options{})
	x := newTill(t, h, sales)
	x.sell(sales)
	took := x.drain()
	h.Stop()
	return &backlog{till: x, head: h, seconds: took.Seconds()}
}

// BenchmarkBacklog drains a real ledger's backlog by the real uplink over a real websocket into the real hub
// and SQLite, fully booked, and inserts the very rows that this produced once more without looking at
// anything. Till and head office share the machine; what head office sends down meanwhile (balances and
// leases) is part of the drain. The journal is written by Ledger.Book, quote and draft as at a counter; only
// the register's answers are made up, and the customers, who buy ten times each, have no rows of their own at
// head office. Raw insertion writes a row that the drain updated ten times (a balance) once. Run it with
// -benchtime=1x.
func BenchmarkBacklog(b *testing.B) {
	for b.Loop() {
		sales := scaled(b, backlogSales)
		d := drainBacklog(b, sales)
		raw := rawInsert(b, d.head.Config.Data, d.acks)
		ours, theirs := float64(sales)/d.seconds, float64(sales)/raw.took.Seconds()
		up := float64(d.sent.Load()) / float64(d.json)
		b.Logf("backlog of %d sales of %d lines: %.0f sales/s, %.2f of raw insertion at %.0f sales/s (target ≥ %.2f: %s), %.1f rows a sale, %d sales a transaction",
			sales, linesOfSale, ours, ours/theirs, theirs, backlogRatioMin, verdict(ours/theirs >= backlogRatioMin), float64(raw.rows)/float64(sales), sales/d.acks)
		b.Logf("backlog on the wire: %.0f bytes a sale, %.2f of the same records as JSON, %.0f bytes (target ≤ %.2f: %s); %.0f bytes a sale came down meanwhile",
			float64(d.sent.Load())/float64(sales), up, float64(d.json)/float64(sales), wireRatioMax, verdict(up <= wireRatioMax), float64(d.heard.Load())/float64(sales))
		b.ReportMetric(ours, "sales/s")
		b.ReportMetric(ours/theirs, "of_raw")
		b.ReportMetric(up, "of_JSON")
	}
}

// What the benchmark compares is only worth something when every sale is booked once, and every row that the
// drain wrote is inserted by the other side too.
func TestBacklogIsBookedOnceAndComparedWhole(t *testing.T) {
	const sales = 300
	d := drainBacklog(t, sales)
	db := openRaw(t, d.head.Config.Data)
	require.Equal(t, sales, count(t, db, "sales"))
	require.Equal(t, sales*linesOfSale, count(t, db, "sale_lines"))
	require.Equal(t, sales, count(t, db, "fiscal_docs"))
	require.Equal(t, sales, count(t, db, "lots"))
	require.Equal(t, sales+1, count(t, db, "records WHERE state = 0"), "and the opening of the epoch")
	require.Zero(t, count(t, db, "flags"))
	for _, id := range d.records {
		require.Equal(t, 1, count(t, db, fmt.Sprintf("sales WHERE id = x'%x'", id[:])))
	}
	raw := rawInsert(t, d.head.Config.Data, 3)
	require.Equal(t, written(t, d.head.Config.Data), raw.rows)
	require.Less(t, float64(d.sent.Load()), wireRatioMax*float64(d.json))
}

// own are tables of what head office has still to reckon, or has reckoned, beside the drain: how many rows are
// in them is a matter of the moment.
var own = []string{"due", "due_rewards", "jobs", "turns"}

// written counts the rows of every table that a head office without tills has fewer of.
func written(t testing.TB, data string) (rows int) {
	t.Helper()
	h := cloudtest.Start(t, cloudtest.Options{})
	h.Enrol(1)
	h.Stop()
	before, after := openRaw(t, h.Config.Data), openRaw(t, data)
	names, err := after.Query("SELECT name FROM sqlite_schema WHERE type = 'table'")
	require.NoError(t, err)
	for names.Next() {
		var name string
		require.NoError(t, names.Scan(&name))
		if slices.Contains(own, name) {
			continue
		}
		if n := count(t, after, name); n > count(t, before, name) {
			t.Logf("%s: %d rows", name, n)
			rows += n
		}
	}
	require.NoError(t, names.Err())
	require.NoError(t, names.Close())
	return rows
}

// BenchmarkFirstFill has a till of its own process fetch all customers over HTTP into an empty ledger. Head
// office's customers are put straight into its database, with made-up look-up keys. Run it with
// -benchtime=1x.
func BenchmarkFirstFill(b *testing.B) {
	for b.Loop() {
		h := cloudtest.Start(b, cloudtest.Options{})
		customers := scaled(b, fillCustomers)
		found(b, h, customers)
		start := time.Now()
		require.NoError(b, h.Store.BuildSnapshot(b.Context(), h.Org))
		built := time.Since(start).Seconds()
		r := firstFill(b, h)
		require.EqualValues(b, customers, r.Customers)
		mb := float64(r.Bytes) / 1e6
		b.Logf("first fill of %d customers: %.1f s until the till has all state (target ≤ %.0f s: %s), in place after %.1f s; %.1f MB on the wire (target ≤ %.0f MB: %s)",
			customers, r.Seconds, fillSecondsMax, verdict(r.Seconds <= fillSecondsMax), r.InPlace, mb, fillMBMax, verdict(mb <= fillMBMax))
		memory := "not told by this system"
		if r.AnonMB > 0 {
			memory = fmt.Sprintf("at most %.0f MB while filling, %.0f MB before (target ≤ %.0f MB: %s)", r.AnonMB, r.IdleMB, fillAnonMBMax, verdict(r.AnonMB <= fillAnonMBMax))
		}
		b.Logf("first fill: RssAnon of the till %s; fields: %s", memory, fillFields)
		b.Logf("first fill: head office made the snapshot beforehand, once for all tills, in %.1f s", built)
		b.ReportMetric(r.Seconds, "fill_s")
		b.ReportMetric(mb, "wire_MB")
		b.ReportMetric(r.AnonMB, "anon_MB")
		b.ReportMetric(built, "build_s")
	}
}

func TestFirstFillBringsEveryCustomer(t *testing.T) {
	h := cloudtest.Start(t, cloudtest.Options{})
	found(t, h, fillSmoke)
	r := firstFill(t, h)
	require.EqualValues(t, fillSmoke, r.Customers)
	var name string
	var balance sale.Points
	require.NoError(t, openRaw(t, h.Config.Data).QueryRow(
		"SELECT short, balance FROM customers JOIN accounts USING (org, no) WHERE no = ?", fillSmoke).Scan(&name, &balance))
	require.Equal(t, name, r.Last.Name)
	require.Equal(t, balance, r.Last.Balance)
	require.NotZero(t, r.Bytes)
}
