package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/kopilka/kopilka/cloud/programme/deed"
	"github.com/kopilka/kopilka/ledger/sale"
)

// Brought adds up what customers who came with a code of these campaigns, or showed one, have bought in a
// time. A person's accounts count once.
func (s *Store) Brought(ctx context.Context, org sale.OrgNo, campaigns []uint32, from, to sale.Time) (x deed.Brought, err error) {
	if len(campaigns) == 0 {
		return x, nil
	}
	ids := make([]any, len(campaigns))
	for i, c := range campaigns {
		ids[i] = int64(c)
	}
	err = s.view(ctx, func(tx *tx) error {
		who := map[sale.CustomerNo]bool{}
		for _, q := range []string{
			`SELECT DISTINCT CASE WHEN merged_into = 0 THEN no ELSE merged_into END FROM customers WHERE org = ? AND came_campaign IN %s`,
			`SELECT DISTINCT CASE WHEN c.merged_into = 0 THEN c.no ELSE c.merged_into END FROM code_uses u JOIN customers c ON c.org = u.org AND c.no = u.customer WHERE u.org = ? AND u.campaign IN %s`,
		} {
			err := tx.in(ctx, q, []any{int64(org)}, ids, func(r *sql.Rows) error {
				var no sale.CustomerNo
				err := r.Scan(&no)
				who[no] = true
				return err
			})
			if err != nil {
				return err
			}
		}
		return tx.boughtBy(ctx, org, who, from, to, &x)
	})
	if err != nil {
		err = fmt.Errorf("add up what a partner brought: %w", err)
	}
	return x, err
}

func (t *tx) boughtBy(ctx context.Context, org sale.OrgNo, who map[sale.CustomerNo]bool, from, to sale.Time, x *deed.Brought) error {
	for no := range who {
		main, accounts, err := t.numbersOf(ctx, org, no)
		if err != nil {
			return err
		}
		var state sale.CustomerState
		if err := t.row(ctx, `SELECT state FROM customers WHERE org = ? AND no = ?`, []any{int64(org), int64(main)}, &state); err != nil && !errors.Is(err, ErrNotFound) {
			return err
		}
		if state == sale.CustomerTest {
			continue
		}
		x.Customers++
		args := append(append([]any{int64(org)}, accounts...), int64(from), int64(to))
		var n int64
		var spent sale.Money
		err = t.row(ctx, `SELECT count(*), coalesce(sum(s.total - coalesce((SELECT sum(r.total) FROM returns r WHERE r.org = s.org AND r.of_sale = s.id), 0)), 0)
			FROM sales s WHERE s.org = ? AND s.customer IN (`+marks(len(accounts))+`) AND s.training = 0 AND s.at >= ? AND s.at < ?`, args, &n, &spent)
		if err != nil {
			return err
		}
		if x.Receipts, x.Spent = x.Receipts+n, x.Spent+spent; n > 0 {
			x.Bought++
		}
	}
	return nil
}

// Earners are the reward accounts of the staff: what a time brought and paid out, and what stands now.
func (s *Store) Earners(ctx context.Context, org sale.OrgNo, from, to sale.Time) (out []deed.Earner, err error) {
	err = s.view(ctx, func(tx *tx) error {
		return tx.each(ctx, `SELECT no, sum(CASE WHEN at >= ? AND at < ? AND what <> ? THEN amount ELSE 0 END), sum(CASE WHEN at >= ? AND at < ? AND what = ? THEN -amount ELSE 0 END), sum(amount)
			FROM postings WHERE org = ? AND kind = ? GROUP BY no ORDER BY no`,
			[]any{int64(from), int64(to), int64(sale.KindAdjust), int64(from), int64(to), int64(sale.KindAdjust), int64(org), int64(sale.AccountEmployee)}, func(r *sql.Rows) error {
				var e deed.Earner
				err := r.Scan(&e.Staff, &e.Earned, &e.Paid, &e.Balance)
				out = append(out, e)
				return err
			})
	})
	if err != nil {
		err = fmt.Errorf("add up the cashiers' rewards: %w", err)
	}
	return out, err
}
