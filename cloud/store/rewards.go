package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"github.com/kopilka/kopilka/cloud/programme/deed"
	"github.com/kopilka/kopilka/ledger/sale"
)

func dueRows() *bulk {
	return insertInto("due_rewards", "org, subject, kind, customer, cause, at",
		"ON CONFLICT (org, subject) DO UPDATE SET cause = excluded.cause, at = excluded.at, customer = CASE WHEN excluded.customer <> 0 THEN excluded.customer ELSE due_rewards.customer END")
}

// tierSubject stands for a customer's tier among what is due.
func tierSubject(no sale.CustomerNo) sale.ID { return sale.DeriveID(sale.ID{}, "tier", int(no)) }

// dueReward notes, in the transaction that books a record, that head office should reckon what follows
// from it. What happens to one receipt is noted once, under the receipt.
func (b *booking) dueReward(r *sale.Record) {
	add := func(subject sale.ID, kind sale.RecordKind, no sale.CustomerNo) {
		b.due[subject] = deed.Due{Subject: subject, Cause: r.ID, Kind: kind, Customer: no}
	}
	switch r.Kind {
	case sale.KindSale:
		if r.Sale.Customer != 0 && !r.Sale.Training {
			add(r.ID, sale.KindSale, r.Sale.Customer)
		}
	case sale.KindReturn:
		if !r.Return.Of.IsZero() {
			add(r.Return.Of, sale.KindSale, r.Return.Customer)
		}
	case sale.KindSettle:
		add(r.Settle.Sale, sale.KindSale, r.Settle.Customer)
	case sale.KindEnrol:
		add(r.ID, sale.KindEnrol, r.Enrol.Customer)
	case sale.KindMerge, sale.KindSplit:
		add(r.ID, sale.KindMerge, r.Merge.Into)
		add(sale.DeriveID(r.ID, "from", 0), sale.KindMerge, r.Merge.From)
	}
	b.mayOwe(r)
}

// mayOwe lets head office's own event leave a debt, and has it netted as soon as something is free.
func (b *booking) mayOwe(r *sale.Record) {
	if b.till != 0 || (r.Kind != sale.KindRevoke && r.Kind != sale.KindSettle) {
		return
	}
	for _, p := range r.Postings {
		if p.Account.Kind == sale.AccountDebt && p.Amount < 0 {
			b.points.owing = true
			b.points.due[p.Account.No] = r.ID
		}
	}
}

// writeDue writes what the records have made due.
func (b *booking) writeDue(ctx context.Context) error {
	rows := dueRows()
	for _, id := range sortedIDs(b.due) {
		d := b.due[id]
		rows.add(int64(b.org), d.Subject[:], int64(d.Kind), int64(d.Customer), d.Cause[:], int64(b.now))
	}
	clear(b.due)
	return rows.write(ctx, b.tx)
}

// projectDecision writes the rows of head office's own event, in the transaction that journals it.
func (t *tx) projectDecision(ctx context.Context, org sale.OrgNo, r *sale.Record) error {
	switch r.Kind {
	case sale.KindReward, sale.KindRevoke:
		return t.putReward(ctx, org, r)
	case sale.KindTier:
		return t.putTier(ctx, org, r)
	case sale.KindDraw:
		return t.putDraw(ctx, org, r)
	}
	return nil
}

func (t *tx) putReward(ctx context.Context, org sale.OrgNo, r *sale.Record) error {
	w := r.Reward
	reasons, err := sale.Encode(w.Reasons)
	if err != nil {
		return err
	}
	amount, lot := w.Amount, sale.ID{}
	if r.Kind == sale.KindRevoke {
		amount = -amount
	}
	if len(r.Lots) > 0 {
		lot = r.Lots[0].ID
	}
	period, _, _ := strings.Cut(w.Key, "/")
	if _, err := t.exec(ctx, `INSERT INTO rewards (org, record, customer, cause, key, period, level, amount, subject, lot, at, programme, reasons)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		int64(org), r.ID[:], int64(w.Customer), text(w.Cause), text(w.Key), text(period), int64(w.Level), int64(amount), w.Of[:], lot[:], int64(r.At), int64(w.Programme), reasons); err != nil {
		return fmt.Errorf("write down a reward: %w", err)
	}
	return nil
}

// Turn counts the decisions so far: read it before anything that a decision rests on.
func (s *Store) Turn(ctx context.Context, org sale.OrgNo) (turn uint64, err error) {
	err = s.view(ctx, func(tx *tx) error {
		n, err := tx.int(ctx, `SELECT turn FROM turns WHERE org = ?`, int64(org))
		turn = uint64(n)
		return err
	})
	return turn, err
}

// Decide writes a decision down, all of it or nothing: [ErrStale] when another was made since its turn, or
// when its subject has changed.
func (s *Store) Decide(ctx context.Context, org sale.OrgNo, d deed.Decision) error {
	err := s.change(ctx, func(tx *tx) error {
		if err := tx.takeTurn(ctx, org, d); err != nil {
			return err
		}
		for _, e := range d.Events {
			if err := tx.postRecord(ctx, org, e); err != nil {
				return fmt.Errorf("journal head office's %s: %w", e.Kind, err)
			}
		}
		if d.Due != nil && d.Due.Kind == sale.KindSale {
			if err := tx.putShares(ctx, org, d.Due.Subject, d.Shares); err != nil {
				return err
			}
		}
		if err := tx.queueTiers(ctx, org, d.Look); err != nil {
			return err
		}
		return tx.tellProgress(ctx, org, d.Tell)
	})
	if err != nil {
		return fmt.Errorf("write a decision down: %w", err)
	}
	return nil
}

// takeTurn holds the row of turns to the commit, so that decisions follow one another; the row that said
// what was due goes with it. A decision that changes nothing leaves the turn to others.
func (t *tx) takeTurn(ctx context.Context, org sale.OrgNo, d deed.Decision) error {
	if _, err := t.exec(ctx, `INSERT INTO turns (org, turn) VALUES (?, 0) ON CONFLICT (org) DO NOTHING`, int64(org)); err != nil {
		return err
	}
	var turn uint64
	if err := t.row(ctx, `SELECT turn FROM turns WHERE org = ?`+t.s.dialect.lock(), []any{int64(org)}, &turn); err != nil {
		return fmt.Errorf("take the turn: %w", err)
	}
	if turn != d.Turn {
		return fmt.Errorf("%w: turn %d was read, it is %d", ErrStale, d.Turn, turn)
	}
	if d.Due != nil {
		res, err := t.exec(ctx, `DELETE FROM due_rewards WHERE org = ? AND subject = ? AND cause = ?`, int64(org), d.Due.Subject[:], d.Due.Cause[:])
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			return errors.Join(err, fmt.Errorf("%w: %s has changed or is decided", ErrStale, d.Due.Subject))
		}
	}
	if len(d.Events) == 0 && len(d.Shares) == 0 && (d.Due == nil || !d.Due.Changed) {
		return nil
	}
	_, err := t.exec(ctx, `UPDATE turns SET turn = turn + 1 WHERE org = ?`, int64(org))
	return err
}

// DueRewards lists what is to be decided, oldest first.
func (s *Store) DueRewards(ctx context.Context, org sale.OrgNo, limit int) (out []deed.Due, err error) {
	err = s.view(ctx, func(tx *tx) error {
		return tx.each(ctx, `SELECT subject, kind, customer, cause FROM due_rewards WHERE org = ? ORDER BY at, subject LIMIT ?`, []any{int64(org), int64(limit)},
			func(r *sql.Rows) error {
				var d deed.Due
				var subject, cause []byte
				if err := r.Scan(&subject, &d.Kind, &d.Customer, &cause); err != nil {
					return err
				}
				d.Subject, d.Cause = sale.ID(subject), sale.ID(cause)
				out = append(out, d)
				return nil
			})
	})
	if err != nil {
		err = fmt.Errorf("list the rewards that are due: %w", err)
	}
	return out, err
}

// Undue takes subjects of which nothing follows off the list at once, unless they have changed.
func (s *Store) Undue(ctx context.Context, org sale.OrgNo, list []deed.Due) error {
	return s.change(ctx, func(tx *tx) error {
		for _, d := range list {
			if _, err := tx.exec(ctx, `DELETE FROM due_rewards WHERE org = ? AND subject = ? AND cause = ?`, int64(org), d.Subject[:], d.Cause[:]); err != nil {
				return fmt.Errorf("take %s off the list of rewards: %w", d.Subject, err)
			}
		}
		return nil
	})
}

// Given is what was given for a cause, by customer: to these accounts, or, where there are none, to anybody.
// An empty period or no keys ask for all of them.
func (s *Store) Given(ctx context.Context, org sale.OrgNo, accounts []sale.CustomerNo, cause, period string, keys ...string) (out map[sale.CustomerNo]deed.Given, err error) {
	out = map[sale.CustomerNo]deed.Given{}
	where, args := rewardsWhere(org, accounts, cause, period, keys)
	err = s.view(ctx, func(tx *tx) error {
		err := tx.each(ctx, `SELECT r.customer, count(*), sum(r.amount) FROM rewards r WHERE `+where+` GROUP BY r.customer`, args, func(r *sql.Rows) error {
			var no sale.CustomerNo
			var g deed.Given
			err := r.Scan(&no, &g.Times, &g.Amount)
			out[no] = g
			return err
		})
		if err != nil {
			return err
		}
		return tx.each(ctx, `SELECT r.customer, l.id, l.no, l.purse, l.remaining - l.leased FROM rewards r JOIN lots l ON l.org = r.org AND l.id = r.lot
			WHERE `+where+` AND l.remaining > l.leased ORDER BY r.at, l.id LIMIT ?`, append(args, freeMax), func(r *sql.Rows) error {
			f := deed.Free{Account: sale.Account{Kind: sale.AccountCustomer}}
			var no sale.CustomerNo
			var id []byte
			if err := r.Scan(&no, &id, &f.Account.No, &f.Account.Purse, &f.Amount); err != nil {
				return err
			}
			f.Lot = sale.ID(id)
			g := out[no]
			g.Free = append(g.Free, f)
			out[no] = g
			return nil
		})
	})
	if err != nil {
		err = fmt.Errorf("look what was given for %s: %w", cause, err)
	}
	return out, err
}

func rewardsWhere(org sale.OrgNo, accounts []sale.CustomerNo, cause, period string, keys []string) (where string, args []any) {
	where, args = `r.org = ? AND r.cause = ?`, []any{int64(org), text(cause)}
	if len(accounts) > 0 {
		where, args = where+` AND r.customer IN (`+marks(len(accounts))+`)`, append(args, numbers(org, accounts)[1:]...)
	}
	if period != "" {
		where, args = where+` AND r.period = ?`, append(args, text(period))
	}
	if len(keys) > 0 {
		where += ` AND r.key IN (` + marks(len(keys)) + `)`
		for _, k := range keys {
			args = append(args, text(k))
		}
	}
	return where, args
}

// FreeOf is what nobody holds of these lots, in their order.
func (s *Store) FreeOf(ctx context.Context, org sale.OrgNo, lots []sale.ID) (out []deed.Free, err error) {
	found := map[sale.ID]deed.Free{}
	ids := make([]any, len(lots))
	for i := range lots {
		ids[i] = lots[i][:]
	}
	err = s.view(ctx, func(tx *tx) error {
		return tx.in(ctx, `SELECT id, kind, no, purse, remaining - leased FROM lots WHERE org = ? AND remaining > leased AND id IN %s`, []any{int64(org)}, ids, func(r *sql.Rows) error {
			var f deed.Free
			var id []byte
			if err := r.Scan(&id, &f.Account.Kind, &f.Account.No, &f.Account.Purse, &f.Amount); err != nil {
				return err
			}
			f.Lot = sale.ID(id)
			found[f.Lot] = f
			return nil
		})
	})
	for _, id := range lots {
		if f, ok := found[id]; ok {
			out = append(out, f)
		}
	}
	if err != nil {
		err = fmt.Errorf("look what is free of %d lots: %w", len(lots), err)
	}
	return out, err
}

// freeMax bounds the lots out of which one event takes back: an event takes no more postings.
const freeMax = 200

// numbers are the arguments of "org = ? AND customer IN (…)".
func numbers(org sale.OrgNo, accounts []sale.CustomerNo) []any {
	args := []any{int64(org)}
	for _, no := range accounts {
		args = append(args, int64(no))
	}
	return args
}

// Reward is one row of a customer's rewards, for people.
type Reward struct {
	Record  sale.ID
	Cause   string
	Key     string
	Level   uint8
	Amount  sale.Points // below zero: taken back
	Of      sale.ID
	At      sale.Time
	Reasons []sale.Reason
}

// Rewards lists what a customer was given and what was taken back, the newest first.
func (s *Store) Rewards(ctx context.Context, org sale.OrgNo, no sale.CustomerNo, limit int) (out []Reward, err error) {
	err = s.view(ctx, func(tx *tx) error {
		_, accounts, err := tx.numbersOf(ctx, org, no)
		if err != nil {
			return err
		}
		args := append(append([]any{int64(org)}, accounts...), int64(limit))
		return tx.each(ctx, `SELECT record, cause, key, level, amount, subject, at, reasons FROM rewards WHERE org = ? AND customer IN (`+marks(len(accounts))+`)
			ORDER BY at DESC, record LIMIT ?`, args, func(r *sql.Rows) error {
			var x Reward
			var record, of, reasons []byte
			if err := r.Scan(&record, &x.Cause, &x.Key, &x.Level, &x.Amount, &of, &x.At, &reasons); err != nil {
				return err
			}
			x.Record, x.Of = sale.ID(record), sale.ID(of)
			out = append(out, x)
			return sale.Decode(reasons, &out[len(out)-1].Reasons)
		})
	})
	if err != nil {
		err = fmt.Errorf("list the rewards of customer %s: %w", no, err)
	}
	return out, err
}
