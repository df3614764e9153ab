package store

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	"github.com/kopilka/kopilka/cloud/web/page"
	"github.com/kopilka/kopilka/ledger/sale"
)

// Events lists who did what, newest first, after a place in that list.
func (s *Store) Events(ctx context.Context, org sale.OrgNo, f page.EventFilter, after page.EventKey, limit int) (out []page.Event, err error) {
	p := &picker{}
	p.and("org = ?", int64(org))
	if f.Who != "" {
		p.and("who = ?", text(f.Who))
	}
	if f.What != "" {
		p.and("what >= ? AND what < ?", text(f.What), text(f.What)+"\U0010ffff")
	}
	if f.Object != "" {
		p.and("object = ?", text(f.Object))
	}
	if f.From != 0 {
		p.and("at >= ?", int64(f.From))
	}
	if f.To != 0 {
		p.and("at < ?", int64(f.To))
	}
	if after != (page.EventKey{}) {
		p.and("at <= ? AND (at < ? OR id < ?)", int64(after.At), int64(after.At), after.ID[:])
	}
	err = s.view(ctx, func(tx *tx) error {
		return tx.each(ctx, `SELECT id, at, who, what, object, detail FROM audit WHERE `+strings.Join(p.conds, " AND ")+` ORDER BY at DESC, id DESC LIMIT ?`,
			append(p.args, int64(limit)), func(r *sql.Rows) error {
				var e page.Event
				err := r.Scan(scanID{&e.ID}, &e.At, &e.Who, &e.What, &e.Object, &e.Detail)
				out = append(out, e)
				return err
			})
	})
	if err != nil {
		return nil, fmt.Errorf("list who did what: %w", err)
	}
	return out, nil
}

// SetAside lists records that were stored and not booked, those of one till or of all, in the order of
// the journals.
func (s *Store) SetAside(ctx context.Context, org sale.OrgNo, till sale.TillNo, limit int) (out []page.Aside, err error) {
	cond, args := "", []any{int64(org)}
	if till != 0 {
		cond, args = " AND r.till = ?", append(args, int64(till))
	}
	err = s.view(ctx, func(tx *tx) error {
		return tx.each(ctx, `SELECT r.till, r.id, r.kind, r.state, r.epoch, r.seq, r.at, COALESCE(p.problem, '') FROM records r
			LEFT JOIN parked p ON p.org = r.org AND p.till = r.till AND p.fork = r.fork AND p.epoch = r.epoch AND p.seq = r.seq
			WHERE r.org = ? AND r.state <> 0 AND r.state IN (1, 2)`+cond+` ORDER BY r.till, r.epoch, r.fork, r.seq LIMIT ?`, append(args, int64(limit)), func(r *sql.Rows) error {
			var a page.Aside
			err := r.Scan(&a.Till, scanID{&a.ID}, &a.Kind, &a.State, &a.Epoch, &a.Seq, &a.At, &a.Problem)
			out = append(out, a)
			return err
		})
	})
	if err != nil {
		return nil, fmt.Errorf("list records set aside: %w", err)
	}
	return out, nil
}

// Attributed counts what campaigns' codes have brought in [from, to): customers enrolled with one, and
// receipts that showed one, with their money less what came back; training uses no code up.
func (s *Store) Attributed(ctx context.Context, org sale.OrgNo, from, to sale.Time) (out []page.Attributed, err error) {
	by := map[uint32]int{}
	at := func(campaign uint32) *page.Attributed {
		if _, ok := by[campaign]; !ok {
			by[campaign] = len(out)
			out = append(out, page.Attributed{Campaign: campaign})
		}
		return &out[by[campaign]]
	}
	err = s.view(ctx, func(tx *tx) error {
		// two codes of one campaign on a receipt are one receipt
		err := tx.each(ctx, `SELECT u.campaign, COUNT(*), COALESCE(SUM(s.total - COALESCE((SELECT SUM(t.total) FROM returns t WHERE t.org = s.org AND t.of_sale = s.id), 0)), 0) FROM (SELECT DISTINCT campaign, record FROM code_uses WHERE org = ? AND at >= ? AND at < ?) u
			JOIN sales s ON s.org = ? AND s.id = u.record GROUP BY u.campaign ORDER BY u.campaign`, []any{int64(org), int64(from), int64(to), int64(org)}, func(r *sql.Rows) error {
			var x page.Attributed
			err := r.Scan(&x.Campaign, &x.Receipts, &x.Total)
			*at(x.Campaign) = x
			return err
		})
		if err != nil {
			return err
		}
		return tx.each(ctx, `SELECT came_campaign, COUNT(*) FROM customers WHERE org = ? AND came_campaign <> 0 AND enrolled >= ? AND enrolled < ?
			GROUP BY came_campaign ORDER BY came_campaign`, []any{int64(org), int64(from), int64(to)}, func(r *sql.Rows) error {
			var campaign uint32
			var n int
			err := r.Scan(&campaign, &n)
			at(campaign).Joined = n
			return err
		})
	})
	if err != nil {
		return nil, fmt.Errorf("count what codes have brought: %w", err)
	}
	return out, nil
}

// Leaders are cashiers' figures by store in [from, to), days of test customers left out.
func (s *Store) Leaders(ctx context.Context, org sale.OrgNo, store sale.StoreNo, from, to sale.Date) (out []page.Leader, err error) {
	cond, args := "", []any{int64(org), int64(from), int64(to)}
	if store != 0 {
		cond, args = " AND store = ?", append(args, int64(store))
	}
	err = s.view(ctx, func(tx *tx) error {
		return tx.each(ctx, `SELECT store, staff, SUM(receipts), SUM(with_customer), SUM(enrolled) FROM standings WHERE org = ? AND day >= ? AND day <= ?`+cond+`
			GROUP BY store, staff ORDER BY SUM(enrolled) DESC, SUM(with_customer) DESC, staff LIMIT 500`, args, func(r *sql.Rows) error {
			var l page.Leader
			err := r.Scan(&l.Store, &l.Staff, &l.Receipts, &l.WithCustomer, &l.Enrolled)
			out = append(out, l)
			return err
		})
	})
	if err != nil {
		return nil, fmt.Errorf("add up cashiers' days: %w", err)
	}
	return out, nil
}
