package store

import (
	"context"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/kopilka/kopilka/ledger/sale"
)

// mainOf is the customer that a number stands for: itself, or the one it was merged into.
func (t *tx) mainOf(ctx context.Context, org sale.OrgNo, no sale.CustomerNo) (sale.CustomerNo, error) {
	main, err := t.int(ctx, `SELECT merged_into FROM customers WHERE org = ? AND no = ?`, int64(org), int64(no))
	if err != nil {
		return 0, fmt.Errorf("look whom customer %s was merged into: %w", no, err)
	}
	if main != 0 {
		return sale.CustomerNo(main), nil
	}
	return no, nil
}

// numbersOf is the main customer of a number and all numbers whose accounts are theirs, the main one first.
func (t *tx) numbersOf(ctx context.Context, org sale.OrgNo, no sale.CustomerNo) (main sale.CustomerNo, numbers []any, err error) {
	if main, err = t.mainOf(ctx, org, no); err != nil {
		return 0, nil, err
	}
	numbers = []any{int64(main)}
	err = t.each(ctx, `SELECT no FROM customers WHERE org = ? AND merged_into = ? AND merged_into <> 0 ORDER BY no`, []any{int64(org), int64(main)}, func(r *sql.Rows) error {
		var part int64
		err := r.Scan(&part)
		numbers = append(numbers, part)
		return err
	})
	return main, numbers, err
}

// toMain turns changes of merged customers into changes of their main ones. It runs under the lock on the
// organisation's row, so a merge that commits meanwhile is seen.
func (t *tx) toMain(ctx context.Context, org sale.OrgNo, changed map[feedKey]feedRow) (map[feedKey]feedRow, error) {
	var numbers []any
	for k, row := range changed {
		if k.kind == sale.ChangeCustomer && !row.gone {
			numbers = append(numbers, int64(binary.BigEndian.Uint64([]byte(k.key))))
		}
	}
	main := map[sale.CustomerNo]sale.CustomerNo{}
	err := t.in(ctx, `SELECT no, merged_into FROM customers WHERE org = ? AND merged_into <> 0 AND no IN %s`, []any{int64(org)}, numbers, func(r *sql.Rows) error {
		var no, into sale.CustomerNo
		err := r.Scan(&no, &into)
		main[no] = into
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("look for merged customers: %w", err)
	}
	if len(main) == 0 {
		return changed, nil
	}
	out := make(map[feedKey]feedRow, len(changed))
	for k, row := range changed {
		out[k] = row
	}
	for no, into := range main {
		delete(out, customerKey(no))
		out[customerKey(into)] = feedRow{}
	}
	return out, nil
}

// Debts is what a customer owes, by account: positive amounts are owed, negative ones were paid too much.
func (s *Store) Debts(ctx context.Context, org sale.OrgNo, no sale.CustomerNo) (out map[sale.Account]sale.Points, err error) {
	out = map[sale.Account]sale.Points{}
	err = s.view(ctx, func(tx *tx) error {
		_, numbers, err := tx.numbersOf(ctx, org, no)
		if err != nil {
			return err
		}
		return tx.in(ctx, `SELECT no, purse, balance FROM accounts WHERE org = ? AND kind = ? AND balance <> 0 AND no IN %s`,
			[]any{int64(org), int64(sale.AccountDebt)}, numbers, func(r *sql.Rows) error {
				a := sale.Account{Kind: sale.AccountDebt}
				var balance sale.Points
				err := r.Scan(&a.No, &a.Purse, &balance)
				out[a] = -balance
				return err
			})
	})
	if err != nil {
		err = errors.Join(fmt.Errorf("read what customer %s owes: %w", no, err))
	}
	return out, err
}
