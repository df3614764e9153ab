package store

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/kopilka/kopilka/cloud/web/page"
	"github.com/kopilka/kopilka/ledger/sale"
	"github.com/kopilka/kopilka/sync/wire"
)

// TillRows lists the tills by store and number; no other than zero chooses one.
func (s *Store) TillRows(ctx context.Context, org sale.OrgNo, no sale.TillNo) ([]page.Till, error) {
	var out []page.Till
	err := s.view(ctx, func(tx *tx) error {
		p := &picker{}
		p.and("t.org = ? AND t.till <> 0", int64(org))
		if no != 0 {
			p.and("t.till = ?", int64(no))
		}
		var err error
		if out, err = listTills(ctx, tx, p); err != nil {
			return err
		}
		return tillSums(ctx, tx, org, out)
	})
	if err != nil {
		return nil, fmt.Errorf("list tills: %w", err)
	}
	return out, nil
}

func listTills(ctx context.Context, tx *tx, p *picker) ([]page.Till, error) {
	names, err := staffNames(ctx, tx, p.args[0])
	if err != nil {
		return nil, err
	}
	var out []page.Till
	err = tx.each(ctx, `SELECT t.till, t.name, t.store, COALESCE(st.name, ''), COALESCE(st.zone, ''), t.state, t.seen, t.enrolled, t.program, t.unsent, t.status
 FROM tills t LEFT JOIN stores st ON st.org = t.org AND st.store = t.store`+p.where()+` ORDER BY t.store, t.till`, p.args, func(r *sql.Rows) error {
		var t page.Till
		var unsent uint64
		var status []byte
		if err := r.Scan(&t.No, &t.Name, &t.Store, &t.StoreName, &t.Zone, &t.State, &t.Seen, &t.Enrolled, &t.Program, &unsent, &status); err != nil {
			return err
		}
		if len(status) > 0 {
			var w wire.Status
			if err := sale.Decode(status, &w); err != nil {
				return fmt.Errorf("the stored status of till %d: %w", t.No, err)
			}
			t.Status = tillStatus(w, names)
		}
		out = append(out, t)
		return nil
	})
	return out, err
}

func tillStatus(w wire.Status, names map[sale.StaffNo]string) *page.TillStatus {
	var up *page.TillUpdate
	if w.Update != nil {
		up = &page.TillUpdate{Version: w.Update.Version, State: page.UpdateState(w.Update.State), RU: w.Update.RU, EN: w.Update.EN}
	}
	return &page.TillStatus{
		Update: up, At: w.At, Shift: w.Shift, ShiftOpen: w.ShiftOpen, Staff: names[w.Staff], Online: w.Register.Online, Model: w.Register.Model,
		Serial: w.Register.Serial, FN: w.Register.FN, Firmware: w.Register.Firmware, Conditions: w.Register.Conditions,
		UnsentOFD: w.Register.Unsent, Unsent: w.Unsent, Unknown: w.Unknown, ClockLag: w.ClockLag, Customers: w.Customers,
	}
}

func staffNames(ctx context.Context, tx *tx, org any) (map[sale.StaffNo]string, error) {
	out := map[sale.StaffNo]string{}
	err := tx.each(ctx, `SELECT no, name FROM staff WHERE org = ?`, []any{org}, func(r *sql.Rows) error {
		var no sale.StaffNo
		var name string
		err := r.Scan(&no, &name)
		out[no] = name
		return err
	})
	return out, err
}

// tillSums adds journal positions, leases and records in doubt.
func tillSums(ctx context.Context, tx *tx, org sale.OrgNo, tills []page.Till) error {
	at := make(map[sale.TillNo]*page.Till, len(tills))
	for i := range tills {
		at[tills[i].No] = &tills[i]
	}
	one := []any{int64(org)}
	narrow := ""
	if len(tills) == 1 {
		one, narrow = append(one, int64(tills[0].No)), " AND till = ?"
	}
	err := tx.each(ctx, `SELECT till, epoch, seq, head FROM cursors WHERE org = ?`+narrow+` AND fork = 0 ORDER BY till, epoch`, one, func(r *sql.Rows) error {
		var no sale.TillNo
		var p sale.Position
		err := r.Scan(&no, &p.Epoch, &p.Seq, scanHash{&p.Head})
		if t := at[no]; t != nil {
			t.Have = p
		}
		return err
	})
	if err != nil {
		return err
	}
	err = tx.each(ctx, `SELECT till, state, count(*) FROM records WHERE org = ?`+narrow+` AND state <> 0 GROUP BY till, state`, one, func(r *sql.Rows) error {
		var no sale.TillNo
		var state page.RecordState
		var n int
		err := r.Scan(&no, &state, &n)
		t := at[no]
		switch {
		case t == nil:
		case state == page.RecordParked:
			t.Parked = n
		case state == page.RecordQuarantined:
			t.Quarantined = n
		}
		return err
	})
	if err != nil {
		return err
	}
	return tx.each(ctx, `SELECT l.till, count(DISTINCT l.id), COALESCE(SUM(CASE WHEN p.amount > p.spent THEN p.amount - p.spent ELSE 0 END), 0) FROM leases l
 JOIN lease_parts p ON p.org = l.org AND p.lease = l.id WHERE l.org = ?`+map[bool]string{true: " AND l.till = ?"}[narrow != ""]+` AND l.released = 0 AND l.retired = 0 GROUP BY l.till`, one, func(r *sql.Rows) error {
		var no sale.TillNo
		var n int
		var sum sale.Points
		err := r.Scan(&no, &n, &sum)
		if t := at[no]; t != nil {
			t.Leases, t.Exposure = n, sum
		}
		return err
	})
}

// EnrolCodes lists the codes that wait for their till.
func (s *Store) EnrolCodes(ctx context.Context, org sale.OrgNo) ([]page.EnrolCode, error) {
	var out []page.EnrolCode
	err := s.view(ctx, func(tx *tx) error {
		return tx.each(ctx, `SELECT COALESCE(st.name, ''), e.till, e.expires, e.made_by FROM enrol_codes e
 LEFT JOIN stores st ON st.org = e.org AND st.store = e.store WHERE e.org = ? AND e.used_at = 0 AND e.expires > ? ORDER BY e.expires`,
			[]any{int64(org), s.now().UnixMilli()}, func(r *sql.Rows) error {
				var c page.EnrolCode
				err := r.Scan(&c.Store, &c.Till, &c.Expires, &c.By)
				out = append(out, c)
				return err
			})
	})
	if err != nil {
		return nil, fmt.Errorf("list enrolment codes: %w", err)
	}
	return out, nil
}

// StoreRows lists the stores with the number of their tills.
func (s *Store) StoreRows(ctx context.Context, org sale.OrgNo) ([]page.Store, error) {
	var out []page.Store
	err := s.view(ctx, func(tx *tx) error {
		return tx.each(ctx, `SELECT s.store, s.name, s.address, s.zone, s.region,
 (SELECT count(*) FROM tills t WHERE t.org = s.org AND t.store = s.store AND t.till <> 0) FROM stores s WHERE s.org = ? ORDER BY s.store`,
			[]any{int64(org)}, func(r *sql.Rows) error {
				var v page.Store
				err := r.Scan(&v.No, &v.Name, &v.Address, &v.Zone, &v.Region, &v.Tills)
				out = append(out, v)
				return err
			})
	})
	if err != nil {
		return nil, fmt.Errorf("list stores: %w", err)
	}
	return out, nil
}

// FlagRows lists flags, newest first, after a place in that list: open ones, or those resolved.
func (s *Store) FlagRows(ctx context.Context, org sale.OrgNo, resolved bool, after page.FlagKey, limit int) ([]page.Flag, error) {
	cond, args := "f.resolved_at = 0", []any{}
	if resolved {
		cond = "f.resolved_at <> 0"
	}
	if after != (page.FlagKey{}) {
		cond += " AND f.at <= ? AND (f.at < ? OR f.id < ?)"
		args = append(args, int64(after.At), int64(after.At), after.ID[:])
	}
	return s.flags(ctx, org, cond, args, limit)
}

// FlagRow reads one.
func (s *Store) FlagRow(ctx context.Context, org sale.OrgNo, id sale.ID) (page.Flag, error) {
	flags, err := s.flags(ctx, org, "f.id = ?", []any{id[:]}, 1)
	if err == nil && len(flags) == 0 {
		err = fmt.Errorf("flag %s: %w", id, page.ErrNotFound)
	}
	if err != nil {
		return page.Flag{}, err
	}
	return flags[0], nil
}

func (s *Store) flags(ctx context.Context, org sale.OrgNo, cond string, args []any, limit int) ([]page.Flag, error) {
	var out []page.Flag
	err := s.view(ctx, func(tx *tx) error {
		var err error
		out, err = listFlags(ctx, tx, org, cond, args, limit)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list flags: %w", err)
	}
	return out, nil
}

func listFlags(ctx context.Context, tx *tx, org sale.OrgNo, cond string, args []any, limit int) ([]page.Flag, error) {
	var out []page.Flag
	err := tx.each(ctx, `SELECT f.id, f.kind, f.ru, f.en, f.at, f.till, f.record, f.resolved_by, f.resolved_at, f.note, COALESCE(st.name, ''), COALESCE(st.zone, ''),
 CASE WHEN EXISTS (SELECT 1 FROM records r WHERE r.org = f.org AND r.id = f.record) THEN 1 ELSE 0 END
 FROM flags f LEFT JOIN tills t ON t.org = f.org AND t.till = f.till LEFT JOIN stores st ON st.org = t.org AND st.store = t.store
 WHERE f.org = ? AND `+cond+` ORDER BY f.at DESC, f.id DESC LIMIT ?`, append(append([]any{int64(org)}, args...), limit), func(r *sql.Rows) error {
		var f page.Flag
		var receipt int
		err := r.Scan(scanID{&f.ID}, &f.Kind, &f.RU, &f.EN, &f.At, &f.Till, scanID{&f.Record}, &f.By, &f.Resolved, &f.Note, &f.StoreName, &f.Zone, &receipt)
		f.Receipt = receipt == 1
		out = append(out, f)
		return err
	})
	return out, err
}
