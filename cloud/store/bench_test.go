package store

import (
	"context"
	"testing"

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

// BenchmarkAppend drains decoded batches into a fresh database, fully booked. Compare with
// BenchmarkRaw: the very same rows, gathered beforehand, inserted by the same statements.
func BenchmarkAppend(b *testing.B) {
	s := openIn(b, b.TempDir())
	org, _ := seat(b, s, 1)
	j := benchJournal(org, b.N)
	fresh := make([]wire.Sealed, len(j.Records))
	copy(fresh, j.Records)
	b.ResetTimer()
	for len(fresh) > 0 {
		n := min(AppendMax, len(fresh))
		for i := range fresh[:n] { // the hub has decoded them: count that too
			r, err := sale.DecodeRecord(fresh[i].Bytes)
			require.NoError(b, err)
			fresh[i].Record, fresh[i].Hash = r, sale.HashOf(fresh[i].Bytes)
		}
		_, err := s.Append(context.Background(), org, 1, 0, fresh[:n])
		require.NoError(b, err)
		fresh = fresh[n:]
	}
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "sales/s")
}

// BenchmarkRaw writes the rows of the same sales without looking at anything.
func BenchmarkRaw(b *testing.B) {
	b.StopTimer()
	s := openIn(b, b.TempDir())
	ctx := context.Background()
	org, _ := seat(b, s, 1)
	j := benchJournal(org, b.N)
	fresh := j.Records
	rows := 0
	for len(fresh) > 0 {
		n := min(AppendMax, len(fresh))
		require.NoError(b, s.change(ctx, func(tx *tx) error {
			k := newBooking(tx, org, 1, 0)
			for i := range fresh[:n] {
				k.take(&fresh[i])
			}
			all := k.rawRows()
			for _, t := range all {
				rows += len(t.args) / len(t.cols)
			}
			b.StartTimer()
			defer b.StopTimer()
			for _, t := range all {
				if err := t.write(ctx, tx); err != nil {
					return err
				}
			}
			return nil
		}))
		fresh = fresh[n:]
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "sales/s")
	b.ReportMetric(float64(rows)/float64(b.N), "rows/sale")
}

// rawRows are the tables of a booking together with the rows of points, as plain insertions.
func (b *booking) rawRows() []*bulk {
	p := &b.points
	leases := insertInto("leases", "org, id, kind, no, store, till, until, granted", "")
	parts := insertInto("lease_parts", "org, lease, lot, amount, spent", "")
	lots := insertInto("lots", "org, id, kind, no, activates, expires, source, known, remaining, leased", "")
	accounts := insertInto("accounts", "org, kind, no, balance", "ON CONFLICT (org, kind, no) DO UPDATE SET balance = accounts.balance + excluded.balance")
	feed := insertInto("feed", "org, kind, key, version, gone, till, store", "ON CONFLICT (org, kind, key) DO UPDATE SET version = excluded.version")
	for _, id := range sortedIDs(p.born) {
		l := p.born[id]
		leases.add(int64(b.org), l.ID[:], int64(1), int64(l.Account.No), int64(1), int64(1), int64(0), int64(1))
		parts.add(int64(b.org), l.ID[:], l.Parts[0].Lot[:], int64(l.Parts[0].Amount), int64(0))
	}
	for _, id := range sortedIDs(p.lots) {
		m := p.lots[id]
		lots.add(int64(b.org), id[:], int64(1), int64(m.lot.Account.No), int64(m.lot.ActivatesAt), int64(m.lot.ExpiresAt), m.lot.Source[:], int64(1), int64(m.remaining), int64(m.leased))
	}
	for a, n := range p.accounts {
		accounts.add(int64(b.org), int64(a.Kind), int64(a.No), int64(n))
	}
	for k := range p.feed {
		feed.add(int64(b.org), int64(k.kind), []byte(k.key), int64(1), int64(0), int64(0), int64(0))
	}
	return append(b.tables.all(), leases, parts, lots, accounts, feed)
}
