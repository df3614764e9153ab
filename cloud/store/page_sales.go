package store

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"sort"
	"strings"

	"github.com/kopilka/kopilka/cloud/web/page"
	"github.com/kopilka/kopilka/ledger/sale"
)

// picker gathers the conditions of a WHERE.
type picker struct {
	conds []string
	args  []any
}

func (p *picker) and(cond string, args ...any) {
	p.conds = append(p.conds, cond)
	p.args = append(p.args, args...)
}

func (p *picker) where() string { return " WHERE " + strings.Join(p.conds, " AND ") }

// scanID reads an identifier out of a BLOB column.
type scanID struct{ id *sale.ID }

func (s scanID) Scan(v any) error {
	b, ok := v.([]byte)
	if v == nil || (ok && len(b) == 0) {
		*s.id = sale.ID{}
		return nil
	}
	if !ok || len(b) != len(s.id) {
		return fmt.Errorf("an identifier of %d bytes in the database", len(b))
	}
	copy(s.id[:], b)
	return nil
}

// scanHash reads a hash; none is zero.
type scanHash struct{ hash *sale.Hash }

func (s scanHash) Scan(v any) error {
	b, ok := v.([]byte)
	if v == nil || (ok && len(b) == 0) {
		*s.hash = sale.Hash{}
		return nil
	}
	if !ok || len(b) != len(s.hash) {
		return fmt.Errorf("a hash of %d bytes in the database", len(b))
	}
	copy(s.hash[:], b)
	return nil
}

// Transactions lists sales and returns, newest first, after a place in that list. Sales and returns
// lie in two tables, each with an index by time: both are read as far as one page needs, and merged.
func (s *Store) Transactions(ctx context.Context, org sale.OrgNo, f page.SaleFilter, after page.SaleKey, limit int) ([]page.Sale, error) {
	var out []page.Sale
	err := s.view(ctx, func(tx *tx) error {
		var err error
		out, err = transactions(ctx, tx, org, f, after, limit)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list transactions: %w", err)
	}
	return out, nil
}

func transactions(ctx context.Context, tx *tx, org sale.OrgNo, f page.SaleFilter, after page.SaleKey, limit int) ([]page.Sale, error) {
	var out []page.Sale
	pick := func() *picker { return pickSales(org, f, after) }
	if f.Customer != 0 { // merged numbers are one person
		_, numbers, err := tx.numbersOf(ctx, org, f.Customer)
		if err != nil {
			return nil, err
		}
		pick = func() *picker { return pickSales(org, f, after).customers(numbers) }
	}
	if f.FN != "" && f.FD != 0 {
		ids, err := tx.claimants(ctx, org, sale.FiscalKey{FN: f.FN, FD: f.FD})
		if err != nil || len(ids) == 0 {
			return nil, err
		}
		wide := pick
		pick = func() *picker { return wide().ids(ids) }
	}
	if f.Kind == page.SaleKindAny || f.Kind == page.SaleKindSale {
		rows, err := listSales(ctx, tx, pick(), limit)
		if err != nil {
			return nil, err
		}
		out = append(out, rows...)
	}
	if f.Kind == page.SaleKindAny || f.Kind == page.SaleKindReturn {
		rows, err := listReturns(ctx, tx, pick(), limit)
		if err != nil {
			return nil, err
		}
		out = append(out, rows...)
	}
	if (f.Kind == page.SaleKindAny || f.Kind == page.SaleKindCorrection) && f.Card != page.WithCustomer && f.Customer == 0 {
		rows, err := listCorrections(ctx, tx, pick(), limit)
		if err != nil {
			return nil, err
		}
		out = append(out, rows...)
	}
	sort.SliceStable(out, func(i, j int) bool { return newer(out[i].Key(), out[j].Key()) })
	return out[:min(limit, len(out))], nil
}

func newer(a, b page.SaleKey) bool {
	if a.At != b.At {
		return a.At > b.At
	}
	return strings.Compare(string(a.ID[:]), string(b.ID[:])) > 0
}

// customers narrows to the numbers of one person. The index of customers' receipts leaves out those of nobody, and
// SQLite goes by it only where the statement says so too.
func (p *picker) customers(numbers []any) *picker {
	p.and("s.customer <> 0 AND s.customer IN ("+marks(len(numbers))+")", numbers...)
	return p
}

// pickSales are the conditions that sales and returns share.
func pickSales(org sale.OrgNo, f page.SaleFilter, after page.SaleKey) *picker {
	p := &picker{}
	p.and("s.org = ?", int64(org))
	if after != (page.SaleKey{}) {
		p.and("s.at <= ? AND (s.at < ? OR s.id < ?)", int64(after.At), int64(after.At), after.ID[:])
	}
	for _, n := range []struct {
		column string
		value  int64
	}{{"s.store", int64(f.Store)}, {"s.till", int64(f.Till)}, {"s.staff", int64(f.Staff)}, {"s.no", int64(f.No)}, {"s.fd", int64(f.FD)}} {
		if n.value != 0 {
			p.and(n.column+" = ?", n.value)
		}
	}
	if f.From != 0 {
		p.and("s.at >= ?", int64(f.From))
	}
	if f.To != 0 {
		p.and("s.at < ?", int64(f.To))
	}
	if f.Min != 0 {
		p.and("s.total >= ?", int64(f.Min))
	}
	if f.Max != 0 {
		p.and("s.total <= ?", int64(f.Max))
	}
	switch f.Card {
	case page.WithCustomer:
		p.and("s.customer <> 0")
	case page.WithoutCustomer:
		p.and("s.customer = 0")
	}
	if !f.ID.IsZero() {
		p.and("s.id = ?", f.ID[:])
	}
	if f.FN != "" {
		p.and("s.fn = ?", f.FN)
	}
	return p
}

// ids narrows to some records.
func (p *picker) ids(ids []any) *picker {
	p.and("s.id IN ("+marks(len(ids))+")", ids...)
	return p
}

// A receipt is looked for by its document whatever its time. An index of receipts by document would make every append
// dearer for a rare search: the table of documents names the record that each was booked by first, and others that claim
// the same one are among the flagged. Given as a subquery, SQLite would rather look at every receipt there is.
const (
	documentOwner = `SELECT record FROM fiscal_docs WHERE org = ? AND fn = ? AND fd = ?`
	// the join is a CROSS one so that it begins with the flags
	documentClaims = `SELECT s.id FROM flags f CROSS JOIN %s s WHERE f.org = ? AND f.kind = ? AND s.org = f.org AND s.id = f.record AND s.fn = ? AND s.fd = ?`
)

// claimants are the records of a fiscal document.
func (t *tx) claimants(ctx context.Context, org sale.OrgNo, doc sale.FiscalKey) (ids []any, err error) {
	scan := func(r *sql.Rows) error {
		var id []byte
		err := r.Scan(&id)
		ids = append(ids, bytes.Clone(id))
		return err
	}
	err = t.each(ctx, documentOwner, []any{int64(org), text(doc.FN), int64(doc.FD)}, scan)
	for _, table := range []string{"sales", "returns", "corrections"} {
		if err == nil {
			err = t.each(ctx, fmt.Sprintf(documentClaims, table), []any{int64(org), string(FlagDuplicate), text(doc.FN), int64(doc.FD)}, scan)
		}
	}
	return ids, err
}

const saleNames = ` LEFT JOIN stores st ON st.org = s.org AND st.store = s.store
 LEFT JOIN staff w ON w.org = s.org AND w.no = s.staff
 LEFT JOIN customers c ON c.org = s.org AND c.no = s.customer`

const saleShared = `s.id, s.no, s.at, COALESCE(st.zone, ''), s.store, COALESCE(st.name, ''), s.till, s.shift, s.staff,
 COALESCE(w.name, ''), s.customer, COALESCE(c.name, ''), s.total, s.cash, s.fn, s.fd, s.total - s.cash - s.advance`

func sharedInto(r *page.Sale) []any {
	return []any{
		scanID{&r.ID},
		&r.No, &r.At, &r.Zone, &r.Store, &r.StoreName, &r.Till, &r.Shift, &r.Staff,
		&r.StaffName, &r.Customer, &r.CustomerName, &r.Total, &r.Cash, &r.Doc.FN, &r.Doc.FD, &r.Card,
	}
}

func listSales(ctx context.Context, tx *tx, p *picker, limit int) ([]page.Sale, error) {
	text := "SELECT " + saleShared + ", s.gross, s.discount, s.redeemed, s.earned FROM sales s" + saleNames + p.where() +
		" ORDER BY s.at DESC, s.id DESC LIMIT ?"
	var out []page.Sale
	err := tx.each(ctx, text, append(p.args, limit), func(rows *sql.Rows) error {
		r := page.Sale{Kind: sale.KindSale}
		err := rows.Scan(append(sharedInto(&r), &r.Gross, &r.Discount, &r.Redeemed, &r.Earned)...)
		out = append(out, r)
		return err
	})
	return out, err
}

func listReturns(ctx context.Context, tx *tx, p *picker, limit int) ([]page.Sale, error) {
	text := "SELECT " + saleShared + ", s.restored, s.clawed, s.of_sale FROM returns s" + saleNames + p.where() +
		" ORDER BY s.at DESC, s.id DESC LIMIT ?"
	var out []page.Sale
	err := tx.each(ctx, text, append(p.args, limit), func(rows *sql.Rows) error {
		r := page.Sale{Kind: sale.KindReturn}
		err := rows.Scan(append(sharedInto(&r), &r.Redeemed, &r.Earned, scanID{&r.Of})...)
		r.Gross = r.Total
		out = append(out, r)
		return err
	})
	return out, err
}

// listCorrections reads correction receipts as rows of the same list: they have no customer and no points.
func listCorrections(ctx context.Context, tx *tx, p *picker, limit int) ([]page.Sale, error) {
	text := "SELECT " + saleShared + ", s.of_doc FROM (SELECT *, 0 AS customer, 0 AS advance FROM corrections) s" + saleNames + p.where() +
		" ORDER BY s.at DESC, s.id DESC LIMIT ?"
	var out []page.Sale
	err := tx.each(ctx, text, append(p.args, limit), func(rows *sql.Rows) error {
		r := page.Sale{Kind: sale.KindCorrection}
		err := rows.Scan(append(sharedInto(&r), &r.Corrects)...)
		r.Gross = r.Total
		out = append(out, r)
		return err
	})
	return out, err
}

// Receipt reads one record with all that belongs to it.
func (s *Store) Receipt(ctx context.Context, org sale.OrgNo, id sale.ID) (page.Receipt, error) {
	var out page.Receipt
	err := s.view(ctx, func(tx *tx) error { return readReceipt(ctx, tx, org, id, &out) })
	if err != nil {
		return page.Receipt{}, fmt.Errorf("read receipt %s: %w", id, err)
	}
	return out, nil
}

func readReceipt(ctx context.Context, tx *tx, org sale.OrgNo, id sale.ID, out *page.Receipt) error {
	var body []byte
	rows := 0
	// of several copies (a fork's, a quarantined one) the booked one is shown
	err := tx.each(ctx, `SELECT r.hash, r.body, r.state, COALESCE(st.zone, ''), COALESCE(st.name, ''), COALESCE(st.address, ''), COALESCE(w.name, '')
 FROM records r LEFT JOIN stores st ON st.org = r.org AND st.store = r.store LEFT JOIN staff w ON w.org = r.org AND w.no = r.staff
 WHERE r.org = ? AND r.id = ? ORDER BY r.state, r.fork LIMIT 1`, []any{int64(org), id[:]}, func(r *sql.Rows) error {
		rows++
		return r.Scan(scanHash{&out.Hash}, &body, &out.State, &out.Zone, &out.StoreName, &out.Address, &out.StaffName)
	})
	if err != nil {
		return err
	}
	if rows == 0 {
		return page.ErrNotFound
	}
	if out.Record, err = sale.DecodeRecord(body); err != nil {
		return fmt.Errorf("a stored record: %w", err)
	}
	fillReceipt(out)
	if err := receiptCustomer(ctx, tx, org, out); err != nil {
		return err
	}
	if err := receiptLinks(ctx, tx, org, out); err != nil {
		return err
	}
	return receiptLots(ctx, tx, org, out)
}

// fillReceipt copies what the record itself says.
func fillReceipt(out *page.Receipt) {
	r := out.Record
	out.ID, out.Kind, out.At, out.Store, out.Till, out.Shift, out.Staff = r.ID, r.Kind, r.At, r.Store, r.Till, r.Shift, r.Staff
	if r.Fiscal != nil {
		out.Doc = r.Fiscal.Key
	}
	switch {
	case r.Sale != nil:
		out.No, out.Customer, out.Gross, out.Discount, out.Total = r.Sale.No, r.Sale.Customer, r.Sale.Gross, r.Sale.Discount, r.Sale.Total
		out.Redeemed, out.Earned = r.Sale.Redeemed, r.Sale.Earned
	case r.Return != nil:
		out.No, out.Customer, out.Gross, out.Total = r.Return.No, r.Return.Customer, r.Return.Total, r.Return.Total
		out.Redeemed, out.Earned, out.Of = r.Return.Restored, r.Return.Clawed, r.Return.Of
	case r.Correct != nil:
		out.No, out.Gross, out.Total = r.Correct.No, r.Correct.Total, r.Correct.Total
		out.Corrects = r.Correct.Of
	case r.Adjust != nil:
		out.Customer = r.Adjust.Customer
	}
}

func receiptCustomer(ctx context.Context, tx *tx, org sale.OrgNo, out *page.Receipt) error {
	if out.Customer == 0 {
		return nil
	}
	return tx.each(ctx, `SELECT name FROM customers WHERE org = ? AND no = ?`, []any{int64(org), int64(out.Customer)},
		func(r *sql.Rows) error { return r.Scan(&out.CustomerName) })
}

// returnsShownMax bounds the returns listed beside a sale: a sale of LinesMax lines returned one by one.
const returnsShownMax = sale.LinesMax

func receiptLinks(ctx context.Context, tx *tx, org sale.OrgNo, out *page.Receipt) error {
	p := &picker{}
	p.and("s.org = ?", int64(org))
	p.and("s.of_sale = ?", out.ID[:])
	var err error
	if out.Returns, err = listReturns(ctx, tx, p, returnsShownMax); err != nil {
		return err
	}
	if out.Of.IsZero() {
		return receiptFlags(ctx, tx, org, out)
	}
	found, err := listSales(ctx, tx, pickSales(org, page.SaleFilter{ID: out.Of}, page.SaleKey{}), 1)
	if err != nil {
		return err
	}
	if len(found) == 1 {
		out.Original = &found[0]
	}
	return receiptFlags(ctx, tx, org, out)
}

func receiptFlags(ctx context.Context, tx *tx, org sale.OrgNo, out *page.Receipt) error {
	flags, err := listFlags(ctx, tx, org, "f.record = ?", []any{out.ID[:]}, 20)
	out.Flags = flags
	return err
}

func receiptLots(ctx context.Context, tx *tx, org sale.OrgNo, out *page.Receipt) error {
	amounts := map[sale.ID]sale.Points{}
	for _, p := range out.Record.Postings {
		if !p.Lot.IsZero() {
			amounts[p.Lot] += p.Amount
		}
	}
	made := map[sale.ID]bool{}
	for _, l := range out.Record.Lots {
		made[l.ID] = true
	}
	ids := make([]sale.ID, 0, len(amounts))
	for id := range amounts {
		ids = append(ids, id)
	}
	sort.Slice(ids, func(i, j int) bool { return string(ids[i][:]) < string(ids[j][:]) })
	for _, id := range ids {
		lots, err := listLots(ctx, tx, org, "l.id = ?", id[:])
		if err != nil {
			return err
		}
		lot := page.Lot{ID: id}
		if len(lots) == 1 {
			lot = lots[0]
		}
		lot.Amount = amounts[id]
		if made[id] {
			out.LotsMade = append(out.LotsMade, lot)
		} else {
			out.LotsSpent = append(out.LotsSpent, lot)
		}
	}
	return nil
}
