package store

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/kopilka/kopilka/cloud/programme/deed"
	"github.com/kopilka/kopilka/ledger/sale"
)

// Tickets lists who takes part in a draw and with how many whole tickets of a purse, by number; a person's
// accounts are added up. Who is blocked, erased, a test, a store's house account or a certificate does not.
func (s *Store) Tickets(ctx context.Context, org sale.OrgNo, purse sale.PurseNo) (out []deed.Tickets, err error) {
	err = s.view(ctx, func(tx *tx) error {
		return tx.each(ctx, `SELECT m.no, sum(a.balance) FROM accounts a
			JOIN customers c ON c.org = a.org AND c.no = a.no
			JOIN customers m ON m.org = c.org AND m.no = CASE WHEN c.merged_into = 0 THEN c.no ELSE c.merged_into END
			WHERE a.org = ? AND a.kind = ? AND a.purse = ? AND m.state = ? AND m.bearer = 0 GROUP BY m.no HAVING sum(a.balance) >= 100 ORDER BY m.no`,
			[]any{int64(org), int64(sale.AccountCustomer), int64(purse), int64(sale.CustomerActive)}, func(r *sql.Rows) error {
				var x deed.Tickets
				var hundredths uint64
				err := r.Scan(&x.Customer, &hundredths)
				x.Count = hundredths / uint64(sale.Point)
				out = append(out, x)
				return err
			})
	})
	if err != nil {
		err = fmt.Errorf("count the tickets of purse %d: %w", purse, err)
	}
	return out, err
}

func (t *tx) putDraw(ctx context.Context, org sale.OrgNo, r *sale.Record) error {
	winners, err := sale.Encode(r.Draw.Winners)
	if err != nil {
		return err
	}
	if _, err := t.exec(ctx, `INSERT INTO draws (org, record, purse, seed, tickets, winners, at) VALUES (?, ?, ?, ?, ?, ?, ?)`,
		int64(org), r.ID[:], int64(r.Draw.Purse), text(r.Draw.Seed), int64(r.Draw.Tickets), winners, int64(r.At)); err != nil {
		return fmt.Errorf("write a draw down: %w", err)
	}
	return nil
}

// DrawRow is a draw that was held.
type DrawRow struct {
	Record sale.ID
	At     sale.Time
	sale.Draw
}

// Draws lists the draws held, the newest first.
func (s *Store) Draws(ctx context.Context, org sale.OrgNo) (out []DrawRow, err error) {
	err = s.view(ctx, func(tx *tx) error {
		return tx.each(ctx, `SELECT record, purse, seed, tickets, winners, at FROM draws WHERE org = ? ORDER BY at DESC, record`, []any{int64(org)}, func(r *sql.Rows) error {
			var d DrawRow
			var id, winners []byte
			if err := r.Scan(&id, &d.Purse, &d.Seed, &d.Tickets, &winners, &d.At); err != nil {
				return err
			}
			d.Record = sale.ID(id)
			out = append(out, d)
			return sale.Decode(winners, &out[len(out)-1].Winners)
		})
	})
	if err != nil {
		err = fmt.Errorf("list the draws: %w", err)
	}
	return out, err
}

// Celebrants are the next customers after a number to whom a gift may be due: active or for training, not
// merged into another. birthdays leaves out those whose birthday is not known.
func (s *Store) Celebrants(ctx context.Context, org sale.OrgNo, birthdays bool, after sale.CustomerNo, limit int) (out []deed.Celebrant, err error) {
	also := ""
	if birthdays {
		also = ` AND birthday <> ''`
	}
	err = s.view(ctx, func(tx *tx) error {
		return tx.each(ctx, `SELECT no, birthday, home, tier, segment FROM customers WHERE org = ? AND no > ? AND merged_into = 0 AND bearer = 0 AND state IN (?, ?)`+also+` ORDER BY no LIMIT ?`,
			[]any{int64(org), int64(after), int64(sale.CustomerActive), int64(sale.CustomerTest), int64(limit)}, func(r *sql.Rows) error {
				var c deed.Celebrant
				err := r.Scan(&c.No, &c.Birthday, &c.Home, &c.Tier, &c.Segment)
				out = append(out, c)
				return err
			})
	})
	if err != nil {
		err = fmt.Errorf("list customers to congratulate: %w", err)
	}
	return out, err
}
