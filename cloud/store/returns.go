package store

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/kopilka/kopilka/cloud/web/page"
	"github.com/kopilka/kopilka/ledger/sale"
	"github.com/kopilka/kopilka/sync/wire"
)

// projectPending files a return whose sale the till did not know, by the document on the receipt.
func (b *booking) projectPending(r *sale.Record) {
	key := r.Return.QR.Key
	b.tables.pending.add(int64(b.org), r.ID[:], text(key.FN), int64(key.FD), int64(r.At))
	b.flag(flag{
		kind: FlagPending, record: r.ID, till: b.till, amount: int64(r.Return.Total), policy: page.PolicyWaits, actions: []page.Action{page.ActionAccept},
		ru: fmt.Sprintf("Касса %d приняла возврат по чеку %s, которого здесь ещё нет: баллы пересчитаются, когда он придёт", b.till, key),
		en: fmt.Sprintf("Till %d took a return of receipt %s, which is not here yet: its points are settled once it comes", b.till, key),
	})
}

// settle closes a pending return.
func (b *booking) settle(ctx context.Context, r *sale.Record) error {
	ret, of := r.Settle.Return, r.Settle.Sale
	if _, err := b.tx.exec(ctx, `UPDATE pending_returns SET settled = ?, sale = ? WHERE org = ? AND id = ?`, int64(max(1, r.At)), of[:], int64(b.org), ret[:]); err != nil {
		return err
	}
	if _, err := b.tx.exec(ctx, `UPDATE returns SET of_sale = ? WHERE org = ? AND id = ?`, of[:], int64(b.org), ret[:]); err != nil {
		return err
	}
	b.counts.traded[of] = true
	_, err := b.tx.exec(ctx, `UPDATE flags SET resolved_at = ?, resolved_by = ?, action = ? WHERE org = ? AND kind = ? AND record = ? AND resolved_at = 0`,
		int64(b.now), "head office", string(page.ActionAccept), int64(b.org), string(FlagPending), ret[:])
	return err
}

// PendingReturns are returns by fiscal QR that are not settled and whose sale is known by now, each beside its
// sale, the oldest first: those after a return, where one is given. Post KindSettle to close one.
func (s *Store) PendingReturns(ctx context.Context, org sale.OrgNo, after *sale.Record, limit int) (returns, sales []*sale.Record, err error) {
	var from sale.Time
	var last sale.ID
	if after != nil {
		from, last = after.At, after.ID
	}
	err = s.view(ctx, func(tx *tx) error {
		return tx.each(ctx, `SELECT r.body, o.body FROM pending_returns p
			JOIN fiscal_docs d ON d.org = p.org AND d.fn = p.fn AND d.fd = p.fd AND d.recovered = 0
			JOIN records r ON r.org = p.org AND r.id = p.id AND r.state = 0
			JOIN records o ON o.org = p.org AND o.id = d.record AND o.state = 0 AND o.kind = ?
			WHERE p.org = ? AND p.settled = 0 AND (p.at > ? OR (p.at = ? AND p.id > ?)) ORDER BY p.at, p.id LIMIT ?`,
			[]any{int64(sale.KindSale), int64(org), int64(from), int64(from), last[:], int64(limit)}, func(r *sql.Rows) error {
				var back, sold []byte
				if err := r.Scan(&back, &sold); err != nil {
					return err
				}
				x, err := sale.DecodeRecord(back)
				y, errSold := sale.DecodeRecord(sold)
				returns, sales = append(returns, x), append(sales, y)
				return errors.Join(err, errSold)
			})
	})
	if err != nil {
		return nil, nil, fmt.Errorf("list returns that wait for their sale: %w", err)
	}
	return returns, sales, nil
}

// ReturnsOf are a sale's booked returns, the oldest first; pending ones are among them once they are settled.
func (s *Store) ReturnsOf(ctx context.Context, org sale.OrgNo, of sale.ID) (out []*sale.Record, err error) {
	err = s.view(ctx, func(tx *tx) error {
		bodies, err := tx.returnBodies(ctx, org, of)
		for _, b := range bodies {
			if err != nil {
				return err
			}
			var r *sale.Record
			r, err = sale.DecodeRecord(b)
			out = append(out, r)
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read the returns of sale %s: %w", of, err)
	}
	return out, nil
}

// returnsOfMax bounds a sale's returns: every piece of every line on its own.
const returnsOfMax = 2 * sale.LinesMax

func (t *tx) returnBodies(ctx context.Context, org sale.OrgNo, of sale.ID) (out [][]byte, err error) {
	err = t.each(ctx, `SELECT r.body FROM returns t JOIN records r ON r.org = t.org AND r.id = t.id AND r.state = 0
		WHERE t.org = ? AND t.of_sale = ? ORDER BY t.at, t.id LIMIT ?`, []any{int64(org), of[:], returnsOfMax}, func(r *sql.Rows) error {
		var b []byte
		err := r.Scan(&b)
		out = append(out, bytes.Clone(b))
		return err
	})
	return out, err
}

// FindReceipt is the booked record of a sale by its fiscal document, its ID or both, and those of its returns, as they were
// hashed: a till reckons another till's return from them. No record when there is no such sale, or only what
// was read back from a fiscal storage.
func (s *Store) FindReceipt(ctx context.Context, org sale.OrgNo, doc sale.FiscalKey, of sale.ID) (record []byte, returns [][]byte, err error) {
	p := &picker{}
	p.and("r.org = ? AND r.kind = ? AND r.state = 0", int64(org), int64(sale.KindSale))
	p.and("EXISTS (SELECT 1 FROM sales s WHERE s.org = r.org AND s.id = r.id AND s.recovered = 0)")
	if !of.IsZero() {
		p.and("r.id = ?", of[:])
	}
	if doc != (sale.FiscalKey{}) || of.IsZero() {
		p.and("r.id = (SELECT d.record FROM fiscal_docs d WHERE d.org = ? AND d.fn = ? AND d.fd = ?)", int64(org), text(doc.FN), int64(doc.FD))
	}
	err = s.view(ctx, func(tx *tx) error {
		var id []byte
		err := tx.row(ctx, `SELECT r.id, r.body FROM records r`+p.where(), p.args, &id, &record)
		if errors.Is(err, ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		returns, err = tx.returnBodies(ctx, org, sale.ID(id))
		return err
	})
	if err != nil {
		return nil, nil, fmt.Errorf("look for receipt %s %s: %w", doc, of, err)
	}
	return record, returns, nil
}

// makeWay takes back what was booked from a fiscal storage's archive when the record itself comes: the archive
// knows the sum alone, the record knows goods, customer and points. In whichever order they come, the record is
// booked and the archive's copy is a duplicate.
func (b *booking) makeWay(ctx context.Context, s *wire.Sealed) error {
	r := s.Record
	if r.Fiscal == nil || b.quarantine || b.same[s.Hash] || b.ids[r.ID] || isRecovered(r) || (r.Sale == nil && r.Return == nil) {
		return nil
	}
	doc, known := b.docs[r.Fiscal.Key]
	if !known || !doc.found || doc.id == r.ID {
		return nil
	}
	if problem := b.examine(r); problem != nil { // it is going to be parked: what is known of the sum stays
		return nil //nolint:nilerr // that it cannot be booked is said where it is parked
	}
	if !doc.stored {
		if err := b.write(ctx); err != nil {
			return err
		}
	}
	if err := b.unbook(ctx, doc.id); err != nil {
		return fmt.Errorf("take back what was read from the fiscal storage as %s: %w", r.Fiscal.Key, err)
	}
	delete(b.docs, r.Fiscal.Key)
	return nil
}

// forgetDoc goes by the document's key: there is no index by record.
const forgetDoc = `DELETE FROM fiscal_docs WHERE org = ? AND fn = ? AND fd = ? AND record = ?`

// unbook makes a booked record of the archive a duplicate. It moved no points: the archive knows none.
func (b *booking) unbook(ctx context.Context, id sale.ID) error {
	var body []byte
	var till sale.TillNo
	var fork uint32
	if err := b.tx.row(ctx, `SELECT till, fork, body FROM records WHERE org = ? AND id = ? AND state = 0`, []any{int64(b.org), id[:]}, &till, &fork, &body); err != nil {
		return err
	}
	r, err := sale.DecodeRecord(body)
	if err != nil {
		return err
	}
	for _, text := range []string{
		`DELETE FROM sales WHERE org = ? AND id = ?`, `DELETE FROM sale_lines WHERE org = ? AND sale = ?`, `DELETE FROM sale_promos WHERE org = ? AND sale = ?`,
		`DELETE FROM returns WHERE org = ? AND id = ?`, `DELETE FROM return_lines WHERE org = ? AND ret = ?`, `DELETE FROM tenders WHERE org = ? AND record = ?`,
		`UPDATE records SET state = 3 WHERE org = ? AND id = ? AND state = 0`,
	} {
		if _, err := b.tx.exec(ctx, text, int64(b.org), id[:]); err != nil {
			return err
		}
	}
	if _, err := b.tx.exec(ctx, forgetDoc, int64(b.org), text(r.Fiscal.Key.FN), int64(r.Fiscal.Key.FD), id[:]); err != nil {
		return err
	}
	if err := b.prefetchZones(ctx, []wire.Sealed{{Record: r}}); err != nil {
		return err
	}
	if r.Sale != nil {
		b.counts.sale(b, r, -1)
	} else {
		b.counts.giveBack(r, -1)
	}
	b.flagDuplicate(till, fork, r, r.Fiscal.Key.String())
	return nil
}
