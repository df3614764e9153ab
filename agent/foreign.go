package agent

import (
	"slices"
	"time"

	"github.com/kopilka/kopilka/ledger"
	"github.com/kopilka/kopilka/ledger/loyalty"
	"github.com/kopilka/kopilka/ledger/sale"
)

// Returns of receipts that this till has not made. Head office is asked beside the till's turns; where it
// cannot be, a receipt with a valid QR is taken back within limits on a manager's word, and head office
// settles the points once it has both.

// foreignDaysDefault is how old such a receipt may be where the programme does not say: the 14 days of the
// consumer law.
const foreignDaysDefault = 14

// foreign is a return of a sale that nobody here knows: goods are scanned into it, at the prices of their
// receipt.
type foreign struct {
	lines  []sale.Line
	shelf  []sale.Money   // what each line's goods cost as they were scanned, whatever was put right since
	before []*sale.Record // that came back here of the same receipt already
}

// returnUnknown begins a return of a receipt that is not in this journal.
func (t *Till) returnUnknown(qr sale.Fiscal) error {
	_, settled, err := t.ledger.Undocumented(qr.Key)
	if err != nil {
		return err
	}
	if r := nearest(settled, qr, t.shop.zone); r != nil {
		return t.returnOf(r, nil)
	}
	if t.mayAsk() {
		t.desk.done = nil
		t.desk.ret = &openReturn{qr: &qr, asking: true, chosen: map[int]sale.Qty{}}
		t.finder.ask(qr.Key)
		return nil
	}
	return t.openForeign(qr)
}

// settledSlack is how far a manager's word about a receipt may lie from the time on its paper: a shift's length.
const settledSlack = 24 * time.Hour

// nearest finds the sale that a manager settled as done and whose paper this may be: of the same sum, and
// nearest in time.
func nearest(settled []*sale.Record, qr sale.Fiscal, zone *time.Location) (found *sale.Record) {
	made, err := qr.Stamp.Time()
	if err != nil || qr.Doc != sale.DocSale {
		return nil
	}
	made = localTime(made, zone)
	least := settledSlack
	for _, r := range settled {
		if apart := r.At.Time().Sub(made).Abs(); r.Fiscal.Sum == qr.Sum && apart <= least {
			found, least = r, apart
		}
	}
	return found
}

// localTime reads a register's wall clock in the shop's zone.
func localTime(wall time.Time, zone *time.Location) time.Time {
	return time.Date(wall.Year(), wall.Month(), wall.Day(), wall.Hour(), wall.Minute(), 0, 0, zone)
}

func (t *Till) mayAsk() bool { return t.finder != nil && t.desk.network.Online }

// heard takes head office's answer. One that nobody waits for any more is dropped.
func (t *Till) heard(a foundSale) {
	o := t.desk.ret
	if o == nil || !o.asking || o.doc() != a.doc || t.desk.printing > 0 {
		return
	}
	o.asking = false
	if a.err != nil {
		t.log.Info("head office did not find a sale", "doc", a.doc.String(), "err", a.err)
	}
	var err error
	switch {
	case o.of != nil && a.err == nil:
		err = t.joinReturns(a.returns)
	case o.of != nil:
		return // the sale is known here; what came back elsewhere head office will tell from the conflict
	case a.err == nil:
		err = t.openFound(*o.qr, a)
	default:
		err = t.openForeign(*o.qr)
	}
	if err != nil {
		t.desk.ret = nil
		if shown := t.show(inWords(err)); shown != nil {
			t.log.Info("return refused", "doc", a.doc.String(), "err", shown)
		}
	}
}

// openFound opens a sale that head office has sent, with all that came back of it there and here.
func (t *Till) openFound(qr sale.Fiscal, a foundSale) error {
	if a.sold == nil || a.sold.Sale == nil || a.sold.Fiscal == nil || a.sold.Fiscal.Key != qr.Key {
		return refuse(textNotASale(), nil)
	}
	if err := fitsQR(a.sold, qr); err != nil {
		return err
	}
	t.desk.ret = &openReturn{of: a.sold, qr: &qr, elsewhere: true, chosen: map[int]sale.Qty{}}
	own, err := t.returnsHere(a.sold)
	if err != nil {
		return err
	}
	t.desk.ret.came = own
	return t.joinReturns(a.returns)
}

// fitsQR refuses a QR whose sum or sign is not the receipt's: it was made by hand.
func fitsQR(r *sale.Record, qr sale.Fiscal) error {
	f := r.Fiscal
	if f == nil || (f.Sum != 0 && f.Sum != qr.Sum) || (f.Sign != 0 && f.Sign != qr.Sign) {
		return refuse(textForgedQR(), nil)
	}
	return nil
}

// returnsHere are this journal's own returns of a sale, those by QR too.
func (t *Till) returnsHere(r *sale.Record) ([]*sale.Record, error) {
	own, err := t.ledger.Returns(r.ID)
	if err != nil || r.Fiscal == nil || r.Fiscal.Key.FD == 0 {
		return own, err
	}
	more, err := t.ledger.ReturnsOfDoc(r.Fiscal.Key)
	return joined(own, more), err
}

// joined adds the returns that are not in a list yet.
func joined(list, more []*sale.Record) []*sale.Record {
	for _, r := range more {
		if r != nil && r.Return != nil && !slices.ContainsFunc(list, func(b *sale.Record) bool { return b.ID == r.ID }) {
			list = append(list, r)
		}
	}
	return list
}

// joinReturns adds what head office knows to have come back to what is known here.
func (t *Till) joinReturns(more []*sale.Record) error {
	o := t.desk.ret
	o.came = joined(o.came, more)
	before, err := settle(o.of.Sale, o.came)
	if err != nil {
		return err
	}
	o.before = before
	for line, qty := range o.chosen {
		o.chosen[line] = min(qty, o.left(line))
	}
	if err := t.reckonReturn(); err != nil || o.fitsMoney() == nil {
		return err
	}
	clear(o.chosen)
	return t.reckonReturn()
}

// settle says what earlier returns come to on the lines of their sale, as head office does. Those by lines come
// first; what two tills took back both counts once, so that the other lines stay free. Those by QR alone
// find their goods among what is left, and count as the money that they gave, whatever fits: the rest
// is head office's conflict. What it answers is so reckoned, ways to pay too.
func settle(s *sale.Sale, came []*sale.Record) (out []*sale.Record, err error) {
	var known []loyalty.Returned
	for _, b := range came {
		if b.Return.Pending {
			continue
		}
		lines := loyalty.StillSold(s, known, loyalty.ReturnedBy(b.Return))
		if !slices.Equal(lines, loyalty.ReturnedBy(b.Return)) {
			if b, err = clamped(s, known, lines, b); err != nil {
				return nil, err
			}
		}
		known, out = append(known, lines...), append(out, b)
	}
	for _, b := range came {
		if !b.Return.Pending {
			continue
		}
		found, err := loyalty.Settle(s, known, b.Return)
		if err != nil {
			return nil, err
		}
		known = append(known, found.Lines...)
		out = append(out, reckonedAs(b, found.Figures, b.Return.Total))
	}
	return out, nil
}

// clamped is a return as what of it fits the sale.
func clamped(s *sale.Sale, known, lines []loyalty.Returned, b *sale.Record) (*sale.Record, error) {
	if len(lines) == 0 {
		return reckonedAs(b, nil, 0), nil
	}
	as, err := loyalty.Refund(s, known, lines)
	if err != nil {
		return nil, err
	}
	return reckonedAs(b, as, as.Total), nil
}

// reckonedAs is a return with other figures; nil: no line of the sale.
func reckonedAs(b *sale.Record, figures *sale.Return, total sale.Money) *sale.Record {
	as := sale.Return{}
	if figures != nil {
		as = *figures
	}
	as.Tenders, as.Total = lessen(b.Return.Tenders, b.Return.Total-total), total
	r := *b
	r.Return = &as
	return &r
}

// openForeign opens a return by QR alone, where the programme allows it.
func (t *Till) openForeign(qr sale.Fiscal) error {
	rules := loyalty.Returns{}
	if p := t.programme(); p != nil {
		rules = p.Returns
	}
	if err := t.checkForeign(qr, rules); err != nil {
		return err
	}
	own, _, err := t.ledger.Undocumented(qr.Key)
	if err != nil {
		return err
	}
	if own {
		return refuse(textOwnStorage(), ledger.ErrNotFound)
	}
	before, err := t.ledger.ReturnsOfDoc(qr.Key)
	if err != nil {
		return err
	}
	t.desk.done = nil
	t.desk.ret = &openReturn{qr: &qr, foreign: &foreign{before: before}, chosen: map[int]sale.Qty{}}
	if t.foreignLimit() <= 0 {
		t.desk.ret = nil
		return refuse(textForeignDone(), nil)
	}
	if p := t.programme(); p != nil && p.Counter {
		t.notify("info", "foreign", textForeignCounter())
	}
	return nil
}

// textForeignCounter warns of what the QR does not say: how much of its sum points paid.
func textForeignCounter() Text {
	return say("Сумма в QR может включать оплату баллами. Посмотрите в чеке «Встречное предоставление»: деньгами верните только остальное, поправьте цену. Баллы вернёт головной офис",
		"The QR's sum may include what points paid. Look for counter-provision on the receipt: give back in money only the rest, put the price right. Head office gives the points back")
}

func (t *Till) checkForeign(qr sale.Fiscal, rules loyalty.Returns) error {
	days := rules.ForeignDays
	if days == 0 {
		days = foreignDaysDefault
	}
	made, err := qr.Stamp.Time()
	if err != nil {
		return refuse(textForgedQR(), err)
	}
	age := t.now().Time().Sub(localTime(made, t.shop.zone))
	switch {
	case qr.Doc != sale.DocSale:
		return refuse(textNotASale(), nil)
	case rules.ForeignMax <= 0:
		return refuse(textNoReceipt(), ledger.ErrNotFound)
	case age < -24*time.Hour: // registers' clocks of other zones and a day's slip
		return refuse(textForgedQR(), nil)
	case age > time.Duration(days)*24*time.Hour:
		return refuse(textForeignOld(int(days)), nil)
	}
	return nil
}

// foreignLimit is the most that may come back of the receipt without head office: what it is for and what
// the programme allows, less what has come back here.
func (t *Till) foreignLimit() sale.Money {
	o := t.desk.ret
	limit := o.qr.Sum
	if p := t.programme(); p != nil {
		limit = min(limit, p.Returns.ForeignMax)
	}
	for _, b := range o.foreign.before {
		limit -= b.Return.FiscalTotal()
	}
	return limit
}

// addForeign takes goods back at the catalogue's price, or their label's, until return-price says better. That holds
// for more of the same, but not for the label of another price.
func (t *Till) addForeign(line sale.Line) error {
	f := t.desk.ret.foreign
	if line.Product.Traits&(sale.Weighed|sale.Marked) == 0 {
		for i := range f.lines {
			if f.lines[i].Product.SKU == line.Product.SKU && f.shelf[i] == line.Product.Price {
				if f.lines[i].Qty+line.Qty > qtyMax {
					return refuse(textQty(), nil)
				}
				f.lines[i].Qty += line.Qty
				return nil
			}
		}
	}
	if hasPiece(f.lines, line.Code) {
		return refuse(textMarkTwice(line.Product.Name), nil)
	}
	if len(f.lines) >= sale.LinesMax {
		return refuse(textTooManyLines(), nil)
	}
	f.lines, f.shelf = append(f.lines, line), append(f.shelf, line.Product.Price)
	return nil
}

// chooseForeign sets how much of some goods comes back; none takes the line off.
func (t *Till) chooseForeign(c Command) error {
	f := t.desk.ret.foreign
	if c.Line < 0 || c.Line >= len(f.lines) {
		return refuse(textNoLine(), nil)
	}
	if c.Qty == 0 {
		f.lines, f.shelf = slices.Delete(f.lines, c.Line, c.Line+1), slices.Delete(f.shelf, c.Line, c.Line+1)
		return nil
	}
	l := &f.lines[c.Line]
	if l.Product.Traits&(sale.Marked|sale.Weighed) == sale.Marked && c.Qty != sale.Piece {
		return refuse(textMarkQty(), nil)
	}
	if c.Qty < 0 || c.Qty > qtyMax || (c.Qty%sale.Piece != 0 && !l.Product.Traits.Has(sale.Weighed)) {
		return refuse(textQty(), nil)
	}
	l.Qty = c.Qty
	return nil
}

// returnPrice puts right what a unit cost by its receipt.
func (t *Till) returnPrice(c Command) error {
	o := t.desk.ret
	switch {
	case o.foreign == nil:
		return refuse(textNotNow(StageReturn), nil)
	case c.Line < 0 || c.Line >= len(o.foreign.lines):
		return refuse(textNoLine(), nil)
	case c.Amount < 0 || c.Amount > sale.MoneyMax:
		return refuse(textAmount(), nil)
	}
	o.foreign.lines[c.Line].Product.Price = c.Amount
	return nil
}

func (f *foreign) total() (sum sale.Money) {
	for _, l := range f.lines {
		net, err := l.Gross()
		if err != nil {
			return sale.MoneyMax // beyond any limit: refused when it is paid
		}
		sum += net
	}
	return min(sum, sale.MoneyMax)
}

// payForeign gives the money back on a manager's word. The points are head office's to settle.
func (t *Till) payForeign(c Command) error {
	o := t.desk.ret
	total := o.foreign.total()
	tenders := c.Tenders
	if len(tenders) == 0 {
		tenders = []sale.Tender{{Kind: sale.TenderCash, Amount: total}}
	}
	switch {
	case len(o.foreign.lines) == 0:
		return refuse(textNothingChosen(), nil)
	case total > t.foreignLimit():
		return refuse(textForeignLimit(t.foreignLimit()), nil)
	}
	if err := t.checkRefund(tenders, total); err != nil {
		return err
	}
	by, err := t.manager(c.PIN)
	if err != nil {
		return err
	}
	n := ledger.PendingReturn{
		Staff: t.desk.cashier.No, QR: *o.qr, Before: o.foreign.before, Lines: o.foreign.lines, Tenders: tenders, By: by.No,
	}
	if n.Reason, err = reasonText(c.Reason); err != nil {
		return err
	}
	if n.ID, err = sale.NewID(t.now().Time(), t.random); err != nil {
		return err
	}
	draft, err := n.Draft()
	if err != nil {
		return err
	}
	traits := make([]sale.Traits, len(draft.Return.Lines))
	for i := range traits {
		traits[i] = o.foreign.lines[i].Product.Traits
	}
	return t.start(job{draft: draft, do: printing(t.returnReceipt(draft.Return, traits))})
}

func (t *Till) foreignView() *ReturnView {
	o := t.desk.ret
	v := &ReturnView{
		Doc: docText(o.qr), Asking: o.asking, Sum: o.qr.Sum, Tenders: []sale.Tender{}, Foreign: o.foreign != nil, Manager: o.foreign != nil,
		Lines: []ReturnLineView{},
	}
	if made, err := o.qr.Stamp.Time(); err == nil {
		v.At = sale.At(localTime(made, t.shop.zone))
	}
	if o.foreign == nil {
		return v
	}
	v.Limit, v.Total = t.foreignLimit(), o.foreign.total()
	for i, l := range o.foreign.lines {
		net, err := l.Gross()
		if err != nil {
			net = sale.MoneyMax
		}
		v.Lines = append(v.Lines, ReturnLineView{
			Line: i, Name: l.Product.Name, Sold: l.Qty, Left: qtyMax, Chosen: l.Qty, Net: net, Price: l.Product.Price, Weighed: l.Product.Traits.Has(sale.Weighed),
		})
	}
	return v
}
