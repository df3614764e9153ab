package store

import (
	"context"
	"sort"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/cloud/store/storetest"
	"github.com/kopilka/kopilka/ledger/sale"
	"github.com/kopilka/kopilka/sync/wire"
)

// A sale of eight lines with a customer who earns is these rows: record, sale, 8 lines, tender, fiscal
// document, 2 postings, lot, lease, lease part, account, feed.
const benchLines = 8

// benchJournal is so many sales of distinct customers, so that balances cannot hide in one row.
func benchJournal(org sale.OrgNo, sales int) *storetest.Journal {
	j := storetest.New(org, 1, 1, sale.At(testNow)-sale.Time(4*sales))
	for i := range sales {
		j.Add(j.Earning(sale.CustomerNo(1+i%5000), benchLines, 240))
	}
	return j
}

// BenchmarkAppend drains decoded batches into one database, fully booked, and writes the very same rows,
// gathered beforehand, by the same statements into another. Both are timed chunk by chunk in turn, so that
// a busy machine disturbs both alike; "of-raw" is the median of their ratios, the target is 0.5.
func BenchmarkAppend(b *testing.B) {
	ctx := context.Background()
	booked, raw := openIn(b, b.TempDir()), openIn(b, b.TempDir())
	org, _ := seat(b, booked, 1)
	_, _ = seat(b, raw, 1)
	fresh := benchJournal(org, b.N).Records
	var ratios []float64
	var spent time.Duration
	rows := 0
	b.ResetTimer()
	for len(fresh) > 0 {
		n := min(AppendMax, len(fresh))
		began := time.Now()
		for i := range fresh[:n] { // the hub decodes and hashes them: count that too
			r, err := sale.DecodeRecord(fresh[i].Bytes)
			require.NoError(b, err)
			fresh[i].Record, fresh[i].Hash = r, sale.HashOf(fresh[i].Bytes)
		}
		_, err := booked.Append(ctx, org, 1, 0, fresh[:n])
		require.NoError(b, err)
		took := time.Since(began)
		plain, written := writeRaw(b, raw, org, fresh[:n])
		ratios = append(ratios, float64(plain)/float64(took))
		spent, rows, fresh = spent+took, rows+written, fresh[n:]
	}
	b.StopTimer()
	sort.Float64s(ratios)
	b.ReportMetric(ratios[len(ratios)/2], "of-raw")
	b.ReportMetric(float64(b.N)/spent.Seconds(), "sales/s")
	b.ReportMetric(float64(rows)/float64(b.N), "rows/sale")
}

// writeRaw inserts the rows of the records without looking at anything; it answers how long that took,
// commit included, and how many rows they were.
func writeRaw(b *testing.B, s *Store, org sale.OrgNo, records []wire.Sealed) (took time.Duration, rows int) {
	ctx := context.Background()
	var began time.Time
	require.NoError(b, s.change(ctx, func(tx *tx) error {
		k := newBooking(tx, org, 1, 0)
		for i := range records {
			k.take(&records[i])
		}
		all := k.rawRows()
		for _, t := range all {
			rows += len(t.args) / len(t.cols)
		}
		began = time.Now()
		for _, t := range all {
			if err := t.write(ctx, tx); err != nil {
				return err
			}
		}
		return nil
	}))
	return time.Since(began), rows
}

// rawRows are the tables of a booking together with the rows of points, as plain insertions.
func (b *booking) rawRows() []*bulk {
	p := &b.points
	leases := insertInto("leases", "org, id, kind, no, purse, store, till, until, granted", "")
	parts := insertInto("lease_parts", "org, lease, lot, amount, spent", "")
	lots := insertInto("lots", "org, id, kind, no, purse, activates, expires, source, known, remaining, leased", "")
	accounts := insertInto("accounts", "org, kind, no, purse, balance", "ON CONFLICT (org, kind, no, purse) DO UPDATE SET balance = accounts.balance + excluded.balance")
	feed := insertInto("feed", "org, kind, key, version, gone, till, store", "ON CONFLICT (org, kind, key) DO UPDATE SET version = excluded.version")
	for _, id := range sortedIDs(p.born) {
		l := p.born[id]
		leases.add(int64(b.org), l.ID[:], int64(1), int64(l.Account.No), int64(0), int64(1), int64(1), int64(0), int64(1))
		parts.add(int64(b.org), l.ID[:], l.Parts[0].Lot[:], int64(l.Parts[0].Amount), int64(0))
	}
	for _, id := range sortedIDs(p.lots) {
		m := p.lots[id]
		lots.add(int64(b.org), id[:], int64(1), int64(m.lot.Account.No), int64(0), int64(m.lot.ActivatesAt), int64(m.lot.ExpiresAt), m.lot.Source[:], int64(1), int64(m.remaining), int64(m.leased))
	}
	for a, n := range p.accounts {
		accounts.add(int64(b.org), int64(a.Kind), int64(a.No), int64(a.Purse), int64(n))
	}
	for k := range p.feed {
		feed.add(int64(b.org), int64(k.kind), []byte(k.key), int64(1), int64(0), int64(0), int64(0))
	}
	return append(b.tables.all(), leases, parts, lots, accounts, feed)
}
