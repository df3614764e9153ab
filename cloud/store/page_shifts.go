package store

import (
	"context"
	"database/sql"
	"encoding/binary"
	"fmt"
	"math"

	"github.com/kopilka/kopilka/cloud/web/page"
	"github.com/kopilka/kopilka/ledger/sale"
)

// Shifts lists shifts, newest first, after a place in that list.
func (s *Store) Shifts(ctx context.Context, org sale.OrgNo, f page.ShiftFilter, after page.ShiftKey, limit int) ([]page.Shift, error) {
	p := &picker{}
	p.and("h.org = ?", int64(org))
	if f.Store != 0 {
		p.and("h.store = ?", int64(f.Store))
	}
	if f.Till != 0 {
		p.and("h.till = ?", int64(f.Till))
	}
	if f.From != 0 {
		p.and("h.opened >= ?", int64(f.From))
	}
	if f.To != 0 {
		p.and("h.opened < ?", int64(f.To))
	}
	if after != (page.ShiftKey{}) {
		p.and("(h.opened < ? OR (h.opened = ? AND (h.till < ? OR (h.till = ? AND (h.fn < ? OR (h.fn = ? AND h.shift < ?))))))",
			int64(after.Opened), int64(after.Opened), int64(after.Till), int64(after.Till), after.FN, after.FN, int64(after.Shift))
	}
	var out []page.Shift
	err := s.view(ctx, func(tx *tx) error {
		var err error
		if out, err = listShifts(ctx, tx, p, limit); err != nil {
			return err
		}
		return ourSums(ctx, tx, org, out)
	})
	if err != nil {
		return nil, fmt.Errorf("list shifts: %w", err)
	}
	return out, nil
}

func listShifts(ctx context.Context, tx *tx, p *picker, limit int) ([]page.Shift, error) {
	text := `SELECT h.till, h.fn, h.shift, h.store, COALESCE(st.name, ''), COALESCE(st.zone, ''), COALESCE(w.name, ''), h.opened, h.closed,
 h.sales, h.returns, h.sold, h.refunded, h.cash, h.card, h.earned, h.redeemed, h.head, h.storage, h.st_sales, h.st_returns, h.st_sold, h.st_refunded,
 h.corrections, h.corrected, h.st_corrections, h.st_corrected, h.swapped
 FROM shifts h LEFT JOIN stores st ON st.org = h.org AND st.store = h.store LEFT JOIN staff w ON w.org = h.org AND w.no = h.staff` +
		p.where() + ` ORDER BY h.opened DESC, h.till DESC, h.fn DESC, h.shift DESC LIMIT ?`
	var out []page.Shift
	err := tx.each(ctx, text, append(p.args, limit), func(rows *sql.Rows) error {
		var r page.Shift
		var c sale.ShiftClose
		var st sale.StorageTotals
		var storage int64
		err := rows.Scan(&r.Till, &r.FN, &r.Shift, &r.Store, &r.StoreName, &r.Zone, &r.StaffName, &r.Opened, &r.Closed,
			&c.Sales, &c.Returns, &c.Sold, &c.Refunded, &c.Cash, &c.Card, &c.Earned, &c.Redeemed, scanHash{&c.Head},
			&storage, &st.Sales, &st.Returns, &st.Sold, &st.Refunded,
			&c.Corrections, &c.Corrected, &st.Corrections, &st.Corrected, &c.Swapped)
		if r.Closed != 0 {
			r.Close = &c
		}
		if storage != 0 {
			c.Storage = &st
		}
		out = append(out, r)
		return err
	})
	return out, err
}

// shiftSlack is how far a receipt's trusted time may lie outside its shift's own: the till's clock is
// corrected while a shift is open.
const shiftSlack = 60 * 60 * 1000

// together is how long a shift may be that is added up with the others of a page; one lasts a day by law.
const together = 48 * 60 * 60 * 1000

// bounds are the time that a shift covers. One without a close (its till died, its storage was changed) ends where the
// till's next one begins, or with the till's last record: adding it up must not take all that was sold since.
func bounds(ctx context.Context, tx *tx, org sale.OrgNo, h *page.Shift) (from, to int64, err error) {
	from, to = int64(h.Opened)-shiftSlack, int64(h.Closed)+shiftSlack
	if h.Closed != 0 {
		return from, to, nil
	}
	next, err := tx.int(ctx, `SELECT COALESCE(MIN(opened), 0) FROM shifts WHERE org = ? AND till = ? AND opened > ?`, int64(org), int64(h.Till), int64(h.Opened))
	if err != nil || next != 0 {
		return from, next + shiftSlack, err
	}
	last, err := tx.int(ctx, lastRecord, int64(org), int64(h.Till))
	return from, last + shiftSlack, err
}

const lastRecord = `SELECT COALESCE(MAX(at), 0) FROM (SELECT at FROM records WHERE org = ? AND till = ? AND fork = 0 ORDER BY epoch DESC, seq DESC LIMIT 1) r`

// ourSums adds up the receipts of the shifts: of those of ordinary length in one pass over their time, of every other
// one by its till.
func ourSums(ctx context.Context, tx *tx, org sale.OrgNo, shifts []page.Shift) error {
	at := make(map[page.ShiftID]*page.Shift, len(shifts))
	from, to := int64(math.MaxInt64), int64(0)
	tills := map[sale.TillNo]bool{}
	for i := range shifts {
		h := &shifts[i]
		begin, end, err := bounds(ctx, tx, org, h)
		if err != nil {
			return err
		}
		if end-begin > together {
			if err := addUp(ctx, tx, org, map[page.ShiftID]*page.Shift{h.ShiftID: h}, begin, end, h.Till); err != nil {
				return err
			}
			continue
		}
		at[h.ShiftID], from, to, tills[h.Till] = h, min(from, begin), max(to, end), true
	}
	if len(at) == 0 {
		return nil
	}
	one := sale.TillNo(0)
	if len(tills) == 1 {
		for till := range tills {
			one = till
		}
	}
	return addUp(ctx, tx, org, at, from, to, one)
}

// addUp adds the receipts of a time, of one till or of all, to their shifts.
func addUp(ctx context.Context, tx *tx, org sale.OrgNo, at map[page.ShiftID]*page.Shift, from, to int64, one sale.TillNo) error {
	till, args := "", []any{int64(org), from, to}
	if one != 0 {
		till, args = " AND till = ?", append(args, int64(one))
	}
	add := func(text string, put func(*page.ShiftSums, [6]int64)) error {
		return tx.each(ctx, text, args, func(rows *sql.Rows) error {
			var key page.ShiftID
			var n [6]int64
			if err := rows.Scan(&key.Till, &key.FN, &key.Shift, &n[0], &n[1], &n[2], &n[3], &n[4], &n[5]); err != nil {
				return err
			}
			if h := at[key]; h != nil {
				put(&h.Ours, n)
			}
			return nil
		})
	}
	err := add(`SELECT till, fn, shift, count(*), SUM(total), SUM(cash), SUM(total - cash - advance), SUM(earned), SUM(redeemed) FROM sales
 WHERE org = ? AND at >= ? AND at <= ?`+till+` GROUP BY till, fn, shift`, func(o *page.ShiftSums, n [6]int64) {
		o.Sales, o.Sold, o.Cash, o.Card = int(n[0]), sale.Money(n[1]), o.Cash+sale.Money(n[2]), o.Card+sale.Money(n[3])
		o.Earned, o.Redeemed = o.Earned+sale.Points(n[4]), o.Redeemed+sale.Points(n[5])
	})
	if err != nil {
		return err
	}
	err = add(`SELECT till, fn, shift, count(*), SUM(total), SUM(cash), SUM(total - cash - advance), SUM(clawed), SUM(restored) FROM returns
 WHERE org = ? AND at >= ? AND at <= ?`+till+` GROUP BY till, fn, shift`, func(o *page.ShiftSums, n [6]int64) {
		o.Returns, o.Refunded, o.Cash, o.Card = int(n[0]), sale.Money(n[1]), o.Cash-sale.Money(n[2]), o.Card-sale.Money(n[3])
	})
	if err != nil {
		return err
	}
	// of_doc 2 is a corrected return, which counts less than zero
	return add(`SELECT till, fn, shift, count(*), SUM(total * (3 - 2 * of_doc)), SUM(cash * (3 - 2 * of_doc)), SUM((total - cash) * (3 - 2 * of_doc)), 0, 0 FROM corrections
 WHERE org = ? AND at >= ? AND at <= ?`+till+` GROUP BY till, fn, shift`, func(o *page.ShiftSums, n [6]int64) {
		o.Corrections, o.Corrected, o.Cash, o.Card = int(n[0]), sale.Money(n[1]), o.Cash+sale.Money(n[2]), o.Card+sale.Money(n[3])
	})
}

// shiftRecordsMax bounds the list of a shift's records: a busy till makes some 1500 a day.
const shiftRecordsMax = 5000

// Shift reads one shift with its records.
func (s *Store) Shift(ctx context.Context, org sale.OrgNo, id page.ShiftID) (page.Shift, []page.Record, error) {
	var out page.Shift
	var records []page.Record
	err := s.view(ctx, func(tx *tx) error {
		p := &picker{}
		p.and("h.org = ? AND h.till = ? AND h.fn = ? AND h.shift = ?", int64(org), int64(id.Till), id.FN, int64(id.Shift))
		found, err := listShifts(ctx, tx, p, 1)
		if err != nil {
			return err
		}
		if len(found) == 0 {
			return page.ErrNotFound
		}
		if err := ourSums(ctx, tx, org, found); err != nil {
			return err
		}
		out = found[0]
		records, err = shiftRecords(ctx, tx, org, &out)
		return err
	})
	if err != nil {
		return page.Shift{}, nil, fmt.Errorf("read shift %d of till %d: %w", id.Shift, id.Till, err)
	}
	return out, records, nil
}

// shiftRecords reads the journal of a shift by the index of identifiers: they begin with their time.
func shiftRecords(ctx context.Context, tx *tx, org sale.OrgNo, h *page.Shift) ([]page.Record, error) {
	from, to, err := bounds(ctx, tx, org, h)
	if err != nil {
		return nil, err
	}
	var out []page.Record
	var closeEpoch, closeSeq int64
	err = tx.each(ctx, `SELECT r.id, r.kind, r.epoch, r.seq, r.at, r.hash, r.body, COALESCE(w.name, '') FROM records r
 LEFT JOIN staff w ON w.org = r.org AND w.no = r.staff
 WHERE r.org = ? AND r.id >= ? AND r.id <= ? AND r.till = ? AND r.shift = ? AND r.state IN (0, 1)
 ORDER BY r.epoch, r.seq LIMIT ?`, []any{int64(org), idAt(from), idAt(to), int64(h.Till), int64(h.Shift), shiftRecordsMax}, func(rows *sql.Rows) error {
		var r page.Record
		var body []byte
		if err := rows.Scan(scanID{&r.ID}, &r.Kind, &r.Epoch, &r.Seq, &r.At, scanHash{&r.Hash}, &body, &r.StaffName); err != nil {
			return err
		}
		full, err := sale.DecodeRecord(body)
		if err != nil {
			return fmt.Errorf("a stored record: %w", err)
		}
		fillRow(&r, full)
		if h.FN != "" && r.Doc.FN != "" && r.Doc.FN != h.FN {
			return nil // numbers of shifts begin anew with another storage
		}
		if r.Kind == sale.KindShiftClose {
			closeEpoch, closeSeq, h.Doc = int64(r.Epoch), int64(r.Seq), r.Doc
		}
		h.CashIn, h.CashOut = h.CashIn+cashMoved(full, sale.KindCashIn), h.CashOut+cashMoved(full, sale.KindCashOut)
		out = append(out, r)
		return nil
	})
	if err != nil || closeSeq == 0 {
		return out, err
	}
	err = tx.each(ctx, `SELECT hash FROM records WHERE org = ? AND till = ? AND fork = 0 AND epoch = ? AND seq = ?`,
		[]any{int64(org), int64(h.Till), closeEpoch, closeSeq - 1}, func(rows *sql.Rows) error { return rows.Scan(scanHash{&h.Head}) })
	return out, err
}

func fillRow(r *page.Record, full *sale.Record) {
	if full.Fiscal != nil {
		r.Doc = full.Fiscal.Key
	}
	switch {
	case full.Sale != nil:
		r.Amount = full.Sale.Total
	case full.Return != nil:
		r.Amount = -full.Return.Total
	case full.Correct != nil:
		r.Amount = full.Correct.Signed()
	case full.Cash != nil && full.Kind == sale.KindCashOut:
		r.Amount = -full.Cash.Amount
	case full.Cash != nil:
		r.Amount = full.Cash.Amount
	}
}

func cashMoved(full *sale.Record, kind sale.RecordKind) sale.Money {
	if full.Kind != kind || full.Cash == nil {
		return 0
	}
	return full.Cash.Amount
}

// idAt is the least identifier of a moment (UUIDv7).
func idAt(ms int64) []byte {
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], uint64(min(max(0, ms), 1<<48-1)))
	return append(b[2:8:8], make([]byte, 10)...)
}
