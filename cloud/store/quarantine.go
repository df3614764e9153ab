package store

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/kopilka/kopilka/ledger/sale"
	"github.com/kopilka/kopilka/sync/wire"
)

// Release books what a till has in quarantine, or what was parked, in the order of its journal, as many
// as [AppendMax] at once; it answers how many were booked. Each is booked behind a savepoint of its own: what
// still cannot be, or what the database refuses, stays where it is, with the reason.
func (s *Store) Release(ctx context.Context, org sale.OrgNo, till sale.TillNo, by string) (booked int, err error) {
	var waiting []aside
	var records []wire.Sealed
	err = s.view(ctx, func(tx *tx) error {
		waiting, err = tx.setAside(ctx, org, till)
		return err
	})
	for _, w := range waiting {
		if w.sealed.Record != nil {
			records = append(records, w.sealed)
		}
	}
	var opened people
	if err == nil {
		opened, err = s.openEnrolments(ctx, org, records)
	}
	if err == nil {
		err = s.change(ctx, func(tx *tx) (err error) {
			booked, err = tx.release(ctx, org, till, opened, by)
			return err
		})
	}
	if err == nil {
		err = errors.Join(s.MergeDoubles(ctx, org, enrolledIn(records)), s.reopenExpired(ctx, org, spentIn(records)))
	}
	if err != nil {
		return 0, fmt.Errorf("release the records of till %d: %w", till, err)
	}
	return booked, nil
}

func (t *tx) release(ctx context.Context, org sale.OrgNo, till sale.TillNo, opened people, by string) (booked int, err error) {
	var state int64
	if err := t.row(ctx, `SELECT state FROM tills WHERE org = ? AND till = ?`+t.s.dialect.lock(), []any{int64(org), int64(till)}, &state); err != nil {
		return 0, err
	}
	waiting, err := t.setAside(ctx, org, till)
	if err != nil {
		return 0, err
	}
	for _, w := range waiting {
		ok, err := t.releaseOne(ctx, org, till, w, opened)
		if err != nil {
			return 0, err
		}
		if ok {
			booked++
		}
	}
	return booked, t.audit(ctx, org, by, "till.release", fmt.Sprint(till), fmt.Sprintf("%d of %d", booked, len(waiting)))
}

// aside is a record that was stored without being booked; one that cannot be read has no Record.
type aside struct {
	fork       uint32
	epoch, seq int64
	sealed     wire.Sealed
}

func (a aside) place(org sale.OrgNo, till sale.TillNo) []any {
	return []any{int64(org), int64(till), int64(a.fork), a.epoch, a.seq}
}

func (t *tx) setAside(ctx context.Context, org sale.OrgNo, till sale.TillNo) (out []aside, err error) {
	err = t.each(ctx, `SELECT r.fork, r.epoch, r.seq, r.body, s.body FROM records r LEFT JOIN sealed s ON s.org = r.org AND s.record = r.id AND r.kind = ?
		WHERE r.org = ? AND r.till = ? AND r.state IN (1, 2) ORDER BY r.epoch, r.fork, r.seq LIMIT ?`,
		[]any{int64(sale.KindEnrol), int64(org), int64(till), AppendMax}, func(r *sql.Rows) error {
			var a aside
			var body, blob []byte
			if err := r.Scan(&a.fork, &a.epoch, &a.seq, &body, &blob); err != nil {
				return err
			}
			record := new(sale.Record)
			if sale.Decode(body, record) == nil { // else it stays where it is
				a.sealed = wire.Sealed{Record: record, Bytes: bytes.Clone(body), Hash: sale.HashOf(body), Blob: bytes.Clone(blob)}
			}
			out = append(out, a)
			return nil
		})
	return out, err
}

// releaseOne books one record behind a savepoint.
func (t *tx) releaseOne(ctx context.Context, org sale.OrgNo, till sale.TillNo, a aside, opened people) (bool, error) {
	if a.sealed.Record == nil {
		return false, nil
	}
	if _, err := t.exec(ctx, `SAVEPOINT one`); err != nil {
		return false, err
	}
	ok, err := t.bookAgain(ctx, org, till, a, opened)
	if err == nil {
		_, err = t.exec(ctx, `RELEASE SAVEPOINT one`)
		return ok, err
	}
	if ctx.Err() != nil || retryable(err) {
		return false, err
	}
	if _, back := t.exec(ctx, `ROLLBACK TO SAVEPOINT one`); back != nil {
		return false, errors.Join(err, back)
	}
	if _, kept := t.exec(ctx, `UPDATE parked SET problem = ? WHERE org = ? AND till = ? AND fork = ? AND epoch = ? AND seq = ?`,
		append([]any{text(err.Error())}, a.place(org, till)...)...); kept != nil {
		return false, errors.Join(err, kept)
	}
	_, err = t.exec(ctx, `RELEASE SAVEPOINT one`)
	return false, err
}

func (t *tx) bookAgain(ctx context.Context, org sale.OrgNo, till sale.TillNo, a aside, opened people) (bool, error) {
	r := a.sealed.Record
	b := newBooking(t, org, till, a.fork)
	b.again, b.people = true, opened
	if err := b.prefetch(ctx, []wire.Sealed{a.sealed}); err != nil {
		return false, err
	}
	if problem := b.examine(r); problem != nil {
		return false, problem
	}
	if err := b.makeWay(ctx, &a.sealed); err != nil {
		return false, err
	}
	state := recordBooked
	if b.duplicate(r) {
		state = recordDuplicate
	} else {
		b.project(&a.sealed)
	}
	if err := b.write(ctx); err != nil {
		return false, err
	}
	where := a.place(org, till)
	if _, err := t.exec(ctx, `DELETE FROM parked WHERE org = ? AND till = ? AND fork = ? AND epoch = ? AND seq = ?`, where...); err != nil {
		return false, err
	}
	_, err := t.exec(ctx, `UPDATE records SET state = ? WHERE org = ? AND till = ? AND fork = ? AND epoch = ? AND seq = ?`, append([]any{state}, where...)...)
	return state == recordBooked, err
}
