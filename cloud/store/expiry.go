package store

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/kopilka/kopilka/cloud/programme/deed"
	"github.com/kopilka/kopilka/ledger/sale"
)

// Expired lists lots with a remainder that expired before a moment, in the order of their accounts, after a
// given one: the zero account begins. All lots of an account come together, at most limit accounts at once.
func (s *Store) Expired(ctx context.Context, org sale.OrgNo, before sale.Time, after sale.Account, limit int) (out []deed.Holding, err error) {
	err = s.view(ctx, func(tx *tx) error {
		var accounts []sale.Account
		err := tx.each(ctx, `SELECT DISTINCT no, purse FROM lots WHERE org = ? AND expires > 0 AND remaining > 0 AND expires <= ? AND kind = ?
			AND (no > ? OR (no = ? AND purse > ?)) ORDER BY no, purse LIMIT ?`,
			[]any{int64(org), int64(before), int64(sale.AccountCustomer), int64(after.No), int64(after.No), int64(after.Purse), int64(limit)}, func(r *sql.Rows) error {
				a := sale.Account{Kind: sale.AccountCustomer}
				err := r.Scan(&a.No, &a.Purse)
				accounts = append(accounts, a)
				return err
			})
		if err != nil {
			return err
		}
		for _, a := range accounts {
			if out, err = tx.expiredOf(ctx, org, before, a, out); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		err = fmt.Errorf("look for expired lots: %w", err)
	}
	return out, err
}

func (t *tx) expiredOf(ctx context.Context, org sale.OrgNo, before sale.Time, a sale.Account, out []deed.Holding) ([]deed.Holding, error) {
	err := t.each(ctx, `SELECT l.id, l.activates, l.expires, l.source, l.remaining, l.leased,
		(SELECT count(*) FROM postings p WHERE p.org = l.org AND p.kind = l.kind AND p.no = l.no AND p.lot = l.id AND p.what = ?)
		FROM lots l WHERE l.org = ? AND l.kind = ? AND l.no = ? AND l.purse = ? AND l.expires > 0 AND l.remaining > 0 AND l.expires <= ? ORDER BY l.expires, l.id LIMIT ?`,
		[]any{int64(sale.KindExpire), int64(org), int64(a.Kind), int64(a.No), int64(a.Purse), int64(before), freeMax}, func(r *sql.Rows) error {
			h := deed.Holding{Lot: sale.Lot{Account: a}}
			var id, source []byte
			err := r.Scan(&id, &h.Lot.ActivatesAt, &h.Lot.ExpiresAt, &source, &h.Remaining, &h.Leased, &h.Times)
			if err == nil {
				h.Lot.ID, h.Lot.Source = sale.ID(id), sale.ID(source)
				out = append(out, h)
			}
			return err
		})
	return out, err
}

// LeasesOn are the open leases that hold a part of a lot and have not been recalled.
func (s *Store) LeasesOn(ctx context.Context, org sale.OrgNo, lot sale.Lot) (out []sale.ID, err error) {
	err = s.view(ctx, func(tx *tx) error {
		return tx.each(ctx, `SELECT l.id FROM leases l JOIN lease_parts p ON p.org = l.org AND p.lease = l.id
			WHERE l.org = ? AND l.kind = ? AND l.no = ? AND l.released = 0 AND l.recalled = 0 AND p.lot = ? AND p.amount > p.spent ORDER BY l.id`,
			[]any{int64(org), int64(lot.Account.Kind), int64(lot.Account.No), lot.ID[:]}, func(r *sql.Rows) error {
				var id []byte
				err := r.Scan(&id)
				out = append(out, sale.ID(append([]byte(nil), id...)))
				return err
			})
	})
	if err != nil {
		err = fmt.Errorf("look who holds lot %s: %w", lot.ID, err)
	}
	return out, err
}
