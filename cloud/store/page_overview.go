package store

import (
	"context"
	"database/sql"
	"fmt"

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
		if stores, err = dayTotals(ctx, tx, p); err != nil {
			return err
		}
		return tx.each(ctx, `SELECT s.at / 900000, count(*), SUM(s.total) FROM sales s`+p.where()+` GROUP BY s.at / 900000 ORDER BY 1`, p.args, func(r *sql.Rows) error {
			var n int64
			var b page.Bucket
			err := r.Scan(&n, &b.Sales, &b.Sold)
			b.From = sale.Time(n * page.BucketMs)
			buckets = append(buckets, b)
			return err
		})
	})
	if err != nil {
		return nil, nil, fmt.Errorf("add up the day: %w", err)
	}
	return stores, buckets, nil
}

func dayTotals(ctx context.Context, tx *tx, p *picker) ([]page.StoreTotals, error) {
	var out []page.StoreTotals
	place := map[sale.StoreNo]int{}
	at := func(store sale.StoreNo, name string) *page.Totals {
		i, ok := place[store]
		if !ok {
			i = len(out)
			place[store] = i
			out = append(out, page.StoreTotals{Store: store, Name: name})
		}
		return &out[i].Totals
	}
	err := tx.each(ctx, `SELECT s.store, COALESCE(MAX(st.name), ''), count(*), SUM(s.total), SUM(s.discount), SUM(CASE WHEN s.customer <> 0 THEN 1 ELSE 0 END), SUM(s.earned), SUM(s.redeemed)
 FROM sales s LEFT JOIN stores st ON st.org = s.org AND st.store = s.store`+p.where()+` GROUP BY s.store ORDER BY SUM(s.total) DESC, s.store`, p.args, func(r *sql.Rows) error {
		var store sale.StoreNo
		var name string
		var t page.Totals
		err := r.Scan(&store, &name, &t.Sales, &t.Sold, &t.Discount, &t.WithCustomer, &t.Earned, &t.Redeemed)
		*at(store, name) = t
		return err
	})
	if err != nil {
		return nil, err
	}
	err = tx.each(ctx, `SELECT s.store, COALESCE(MAX(st.name), ''), count(*), SUM(s.total) FROM returns s
 LEFT JOIN stores st ON st.org = s.org AND st.store = s.store`+p.where()+` GROUP BY s.store ORDER BY s.store`, p.args, func(r *sql.Rows) error {
		var store sale.StoreNo
		var name string
		var n int
		var sum sale.Money
		err := r.Scan(&store, &name, &n, &sum)
		t := at(store, name)
		t.Returns, t.Refunded = n, sum
		return err
	})
	return out, err
}
