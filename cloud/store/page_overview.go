package store

import (
	"context"
	"database/sql"
	"fmt"
	"sort"

	"github.com/kopilka/kopilka/cloud/web/page"
	"github.com/kopilka/kopilka/ledger/sale"
)

// Pulse tells cheaply whether there is anything new: it reads one row per till and epoch, never the
// growing tables.
func (s *Store) Pulse(ctx context.Context, org sale.OrgNo) (page.Pulse, error) {
	var p page.Pulse
	err := s.view(ctx, func(tx *tx) error {
		var err error
		if p.Records, err = tx.int(ctx, `SELECT SUM(seq) + count(*) FROM cursors WHERE org = ?`, int64(org)); err != nil {
			return err
		}
		if p.Tills, err = tx.int(ctx, `SELECT SUM(status_at) + SUM(state) + SUM(unsent) FROM tills WHERE org = ?`, int64(org)); err != nil {
			return err
		}
		p.Flags, err = tx.int(ctx, `SELECT count(*) FROM flags WHERE org = ? AND resolved_at = 0`, int64(org))
		return err
	})
	if err != nil {
		return page.Pulse{}, fmt.Errorf("ask for news: %w", err)
	}
	return p, nil
}

// Day adds up the receipts of [from, to) by store and by quarter of an hour; store zero is all.
func (s *Store) Day(ctx context.Context, org sale.OrgNo, store sale.StoreNo, from, to sale.Time) ([]page.StoreTotals, []page.Bucket, error) {
	var stores []page.StoreTotals
	var buckets []page.Bucket
	err := s.view(ctx, func(tx *tx) error {
		p := &picker{}
		p.and("s.org = ? AND s.at >= ? AND s.at < ?", int64(org), int64(from), int64(to))
		if store != 0 {
			p.and("s.store = ?", int64(store))
		}
		var err error
		stores, buckets, err = dayTotals(ctx, tx, p)
		return err
	})
	if err != nil {
		return nil, nil, fmt.Errorf("add up the day: %w", err)
	}
	return stores, buckets, nil
}

// dayTotals passes over the day's sales once: by store and quarter, from which both answers follow.
func dayTotals(ctx context.Context, tx *tx, p *picker) ([]page.StoreTotals, []page.Bucket, error) {
	stores := map[sale.StoreNo]*page.StoreTotals{}
	at := func(store sale.StoreNo, name string) *page.StoreTotals {
		if stores[store] == nil {
			stores[store] = &page.StoreTotals{Store: store, Name: name}
		}
		return stores[store]
	}
	buckets := map[sale.Time]page.Bucket{}
	err := tx.each(ctx, `SELECT s.store, COALESCE(MAX(st.name), ''), s.at / 900000, count(*), SUM(s.total), SUM(s.discount), SUM(CASE WHEN s.customer <> 0 THEN 1 ELSE 0 END), SUM(s.earned), SUM(s.redeemed)
 FROM sales s LEFT JOIN stores st ON st.org = s.org AND st.store = s.store`+p.where()+` AND s.training = 0 GROUP BY s.store, s.at / 900000`, p.args, func(r *sql.Rows) error {
		var store sale.StoreNo
		var name string
		var quarter int64
		var t page.Totals
		if err := r.Scan(&store, &name, &quarter, &t.Sales, &t.Sold, &t.Discount, &t.WithCustomer, &t.Earned, &t.Redeemed); err != nil {
			return err
		}
		at(store, name).Add(t)
		b := buckets[sale.Time(quarter*page.BucketMs)]
		b.From, b.Sales, b.Sold = sale.Time(quarter*page.BucketMs), b.Sales+t.Sales, b.Sold+t.Sold
		buckets[b.From] = b
		return nil
	})
	if err != nil {
		return nil, nil, err
	}
	err = tx.each(ctx, `SELECT s.store, COALESCE(MAX(st.name), ''), count(*), SUM(s.total) FROM returns s
 LEFT JOIN stores st ON st.org = s.org AND st.store = s.store`+p.where()+` AND NOT EXISTS (SELECT 1 FROM sales x WHERE x.org = s.org AND x.id = s.of_sale AND x.training = 1) GROUP BY s.store`, p.args, func(r *sql.Rows) error {
		var store sale.StoreNo
		var name string
		var t page.Totals
		err := r.Scan(&store, &name, &t.Returns, &t.Refunded)
		at(store, name).Add(t)
		return err
	})
	return bySales(stores), byTime(buckets), err
}

func bySales(stores map[sale.StoreNo]*page.StoreTotals) []page.StoreTotals {
	out := make([]page.StoreTotals, 0, len(stores))
	for _, s := range stores {
		out = append(out, *s)
	}
	sort.Slice(out, func(i, j int) bool {
		if out[i].Sold != out[j].Sold {
			return out[i].Sold > out[j].Sold
		}
		return out[i].Store < out[j].Store
	})
	return out
}

func byTime(buckets map[sale.Time]page.Bucket) []page.Bucket {
	out := make([]page.Bucket, 0, len(buckets))
	for _, b := range buckets {
		out = append(out, b)
	}
	sort.Slice(out, func(i, j int) bool { return out[i].From < out[j].From })
	return out
}
