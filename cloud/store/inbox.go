package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/kopilka/kopilka/cloud/web/page"
	"github.com/kopilka/kopilka/ledger/sale"
)

// Conflicts lists the inbox, newest first, after a place in it.
func (s *Store) Conflicts(ctx context.Context, org sale.OrgNo, f page.ConflictFilter, after page.FlagKey, limit int) ([]page.Conflict, error) {
	p := &picker{}
	p.and(map[bool]string{false: "f.resolved_at = 0", true: "f.resolved_at <> 0"}[f.Resolved])
	if f.Kind != "" {
		p.and("f.kind = ?", f.Kind)
	}
	if f.Customer != 0 {
		p.and("(f.customer = ? OR f.other = ?)", int64(f.Customer), int64(f.Customer))
	}
	if after != (page.FlagKey{}) {
		p.and("f.at <= ? AND (f.at < ? OR f.id < ?)", int64(after.At), int64(after.At), after.ID[:])
	}
	var out []page.Conflict
	err := s.view(ctx, func(tx *tx) (err error) {
		out, err = listConflicts(ctx, tx, org, strings.Join(p.conds, " AND "), p.args, limit)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list conflicts: %w", err)
	}
	return out, nil
}

// Conflict reads one.
func (s *Store) Conflict(ctx context.Context, org sale.OrgNo, id sale.ID) (out page.Conflict, err error) {
	err = s.view(ctx, func(tx *tx) error {
		out, err = tx.conflict(ctx, org, id)
		return err
	})
	if err != nil {
		return page.Conflict{}, fmt.Errorf("read conflict %s: %w", id, err)
	}
	return out, nil
}

func (t *tx) conflict(ctx context.Context, org sale.OrgNo, id sale.ID) (page.Conflict, error) {
	found, err := listConflicts(ctx, t, org, "f.id = ?", []any{id[:]}, 1)
	if err == nil && len(found) == 0 {
		err = page.ErrNotFound
	}
	if err != nil {
		return page.Conflict{}, err
	}
	return found[0], nil
}

func listConflicts(ctx context.Context, tx *tx, org sale.OrgNo, cond string, args []any, limit int) ([]page.Conflict, error) {
	flags, err := listFlags(ctx, tx, org, cond, args, limit)
	if err != nil || len(flags) == 0 {
		return nil, err
	}
	out := make([]page.Conflict, len(flags))
	at := map[sale.ID]*page.Conflict{}
	var ids []any
	for i, f := range flags {
		out[i].Flag = f
		at[f.ID], ids = &out[i], append(ids, f.ID[:])
	}
	err = tx.in(ctx, `SELECT id, customer, other, amount, rule, code, policy, actions, action FROM flags WHERE org = ? AND id IN %s`, []any{int64(org)}, ids, func(r *sql.Rows) error {
		var id sale.ID
		var c page.Conflict
		var actions string
		if err := r.Scan(scanID{&id}, &c.Customer, &c.Other, &c.Amount, &c.Rule, &c.Code, &c.Policy, &actions, &c.Action); err != nil {
			return err
		}
		to := at[id]
		c.Flag = to.Flag
		if c.Resolved == 0 {
			for _, a := range strings.Split(actions, ",") {
				if a != "" {
					c.Actions = append(c.Actions, page.Action(a))
				}
			}
		}
		*to = c
		return nil
	})
	return out, err
}

// ConflictCounts counts open conflicts by kind.
func (s *Store) ConflictCounts(ctx context.Context, org sale.OrgNo) (out map[string]int, err error) {
	out = map[string]int{}
	err = s.view(ctx, func(tx *tx) error {
		return tx.each(ctx, `SELECT kind, count(*) FROM flags WHERE org = ? AND resolved_at = 0 GROUP BY kind`, []any{int64(org)}, func(r *sql.Rows) error {
			var kind string
			var n int
			err := r.Scan(&kind, &n)
			out[kind] = n
			return err
		})
	})
	if err != nil {
		return nil, fmt.Errorf("count conflicts: %w", err)
	}
	return out, nil
}

// ErrAction is wrapped when a conflict does not offer an action, or somebody else was quicker.
var ErrAction = errors.New("this cannot be done about the conflict, or it is resolved already / так этот вопрос не решить, или он уже закрыт")

// ResolveConflict does what a person has decided and closes the conflict, all or nothing.
func (s *Store) ResolveConflict(ctx context.Context, org sale.OrgNo, id sale.ID, action page.Action, by, note string) error {
	err := s.change(ctx, func(tx *tx) error {
		c, err := tx.conflict(ctx, org, id)
		if err != nil {
			return err
		}
		if !slices.Contains(c.Actions, action) {
			return fmt.Errorf("%w: %s of %v", ErrAction, action, c.Actions)
		}
		if err := tx.act(ctx, org, c, action, by, note); err != nil {
			return err
		}
		res, err := tx.exec(ctx, `UPDATE flags SET resolved_by = ?, resolved_at = ?, note = ?, action = ? WHERE org = ? AND id = ? AND resolved_at = 0`,
			text(by), s.now().UnixMilli(), text(note), string(action), int64(org), id[:])
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			return errors.Join(err, ErrAction)
		}
		return tx.audit(ctx, org, by, "conflict."+string(action), c.Kind, note)
	})
	if err != nil {
		return fmt.Errorf("resolve conflict %s by %q: %w", id, action, err)
	}
	return nil
}

func (t *tx) act(ctx context.Context, org sale.OrgNo, c page.Conflict, action page.Action, by, note string) error {
	switch action {
	case page.ActionSplit:
		return t.splitByHand(ctx, org, c.Other, note, by)
	case page.ActionMerge:
		return t.mergeByHand(ctx, org, c.Customer, c.Other, note, by)
	case page.ActionRevoke:
		var key sale.LookupKey
		copy(key[:], c.Code)
		return t.revokeCode(ctx, org, key, by)
	case page.ActionForgive:
		return t.forgive(ctx, org, c, by, note)
	}
	return nil
}

// forgive pays what a customer owes out of the programme, of every account and purse. What was paid meanwhile
// is not paid again.
func (t *tx) forgive(ctx context.Context, org sale.OrgNo, c page.Conflict, by, note string) error {
	at, err := t.lockOffice(ctx, org)
	if err != nil {
		return err
	}
	main, numbers, err := t.numbersOf(ctx, org, c.Customer)
	if err != nil {
		return err
	}
	r := &sale.Record{Kind: sale.KindAdjust, ID: sale.DeriveID(c.ID, "forgive", int(at.Seq))}
	owed := map[sale.PurseNo]sale.Points{}
	var sum sale.Points
	err = t.in(ctx, `SELECT no, purse, balance FROM accounts WHERE org = ? AND kind = ? AND balance < 0 AND no IN %s ORDER BY no, purse`,
		[]any{int64(org), int64(sale.AccountDebt)}, numbers, func(rows *sql.Rows) error {
			a := sale.Account{Kind: sale.AccountDebt}
			var balance sale.Points
			err := rows.Scan(&a.No, &a.Purse, &balance)
			r.Postings = append(r.Postings, sale.Posting{Account: a, Amount: -balance})
			owed[a.Purse] -= balance
			sum -= balance
			return err
		})
	if err != nil || sum == 0 {
		return err
	}
	for _, p := range slices.Sorted(maps.Keys(owed)) {
		r.Postings = append(r.Postings, sale.Posting{Account: sale.ProgrammeAccount().In(p), Amount: -owed[p]})
	}
	r.Adjust = &sale.Adjust{Customer: main, Amount: sum, Reason: "forgiven / прощено: " + note + " (" + by + ")"}
	return t.postRecord(ctx, org, r)
}
