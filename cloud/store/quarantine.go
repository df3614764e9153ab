package store

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/kopilka/kopilka/ledger/sale"
	"github.com/kopilka/kopilka/sync/wire"
)

// Release books what a till has in quarantine, or what was parked, in the order of its journal, as many
// as [AppendMax] at once; it answers how many were booked. Those that still cannot be stay parked.
func (s *Store) Release(ctx context.Context, org sale.OrgNo, till sale.TillNo, by string) (booked int, err error) {
	err = s.change(ctx, func(tx *tx) error {
		booked = 0
		var state int64
		if err := tx.row(ctx, `SELECT state FROM tills WHERE org = ? AND till = ?`+s.dialect.lock(), []any{int64(org), int64(till)}, &state); err != nil {
			return err
		}
		waiting, err := tx.setAside(ctx, org, till)
		if err != nil {
			return err
		}
		for _, w := range waiting {
			ok, err := tx.bookAgain(ctx, org, till, w)
			if err != nil {
				return err
			}
			if ok {
				booked++
			}
		}
		return tx.audit(ctx, org, by, "till.release", fmt.Sprint(till), fmt.Sprintf("%d of %d", booked, len(waiting)))
	})
	if err != nil {
		return 0, fmt.Errorf("release the records of till %d: %w", till, err)
	}
	return booked, nil
}

// aside is a record that was stored without being booked.
type aside struct {
	fork       uint32
	epoch, seq int64
	body       []byte
}

func (t *tx) setAside(ctx context.Context, org sale.OrgNo, till sale.TillNo) (out []aside, err error) {
	err = t.each(ctx, `SELECT fork, epoch, seq, body FROM records WHERE org = ? AND till = ? AND state IN (1, 2) ORDER BY epoch, fork, seq LIMIT ?`,
		[]any{int64(org), int64(till), AppendMax}, func(r *sql.Rows) error {
			var a aside
			err := r.Scan(&a.fork, &a.epoch, &a.seq, &a.body)
			out = append(out, a)
			return err
		})
	return out, err
}

func (t *tx) bookAgain(ctx context.Context, org sale.OrgNo, till sale.TillNo, a aside) (bool, error) {
	r := new(sale.Record)
	if err := sale.Decode(a.body, r); err != nil {
		return false, nil // it stays where it is
	}
	sealed := wire.Sealed{Record: r, Bytes: a.body, Hash: sale.HashOf(a.body)}
	b := newBooking(t, org, till, a.fork)
	b.again = true
	if err := b.prefetch(ctx, []wire.Sealed{sealed}); err != nil {
		return false, err
	}
	if b.examine(r) != nil {
		return false, nil
	}
	state := recordBooked
	if b.duplicate(r) {
		state = recordDuplicate
	} else {
		b.project(&sealed)
	}
	if err := b.write(ctx); err != nil {
		return false, err
	}
	where := []any{int64(org), int64(till), int64(a.fork), a.epoch, a.seq}
	if _, err := t.exec(ctx, `DELETE FROM parked WHERE org = ? AND till = ? AND fork = ? AND epoch = ? AND seq = ?`, where...); err != nil {
		return false, err
	}
	_, err := t.exec(ctx, `UPDATE records SET state = ? WHERE org = ? AND till = ? AND fork = ? AND epoch = ? AND seq = ?`, append([]any{state}, where...)...)
	return state == recordBooked, err
}
