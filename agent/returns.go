package agent

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/kopilka/kopilka/ledger"
	"github.com/kopilka/kopilka/ledger/loyalty"
	"github.com/kopilka/kopilka/ledger/sale"
)

// openReturn is a return being put together.
type openReturn struct {
	of      *sale.Record // the sale; nil while head office is asked for it, and of a foreign return
	before  []*sale.Record
	chosen  map[int]sale.Qty
	quote   *sale.Return // of what is chosen; nil while nothing is
	qr      *sale.Fiscal // as scanned
	asking  bool         // head office is being asked
	foreign *foreign     // the sale is not known here
	// elsewhere: head office sent the sale; its lots are not this till's to hold
	elsewhere bool
	met       []metRule // fraud rules
}

// doc is the fiscal document of the receipt.
func (o *openReturn) doc() sale.FiscalKey {
	switch {
	case o.of != nil && o.of.Fiscal != nil:
		return o.of.Fiscal.Key
	case o.qr != nil:
		return o.qr.Key
	}
	return sale.FiscalKey{}
}

func (t *Till) returnFind(c Command) error {
	if len(t.desk.sale.basket.Lines) > 0 {
		return refuse(textBasketOpen(), nil)
	}
	if f, err := sale.ParseFiscalQR(strings.TrimSpace(c.Code)); err == nil {
		return t.returnByDoc(f)
	}
	if !c.ID.IsZero() {
		r, err := t.ledger.Record(c.ID)
		return t.returnOf(r, err)
	}
	no, err := t.receiptNo(c.Code)
	if err != nil {
		return err
	}
	r, err := t.ledger.RecordByNo(no)
	return t.returnOf(r, err)
}

func (t *Till) receiptNo(s string) (sale.OperationNo, error) {
	no, err := ParseReceiptNo(s, t.holder().Till)
	if err != nil {
		return 0, refuse(textNoReceipt(), err)
	}
	return no, nil
}

// ParseReceiptNo reads "7-1042", or "1042" of the given till.
func ParseReceiptNo(s string, own sale.TillNo) (sale.OperationNo, error) {
	till, counter, both := strings.Cut(strings.TrimSpace(s), "-")
	if !both {
		till, counter = strconv.Itoa(int(own)), till
	}
	n, errTill := strconv.ParseUint(till, 10, 21)
	c, errCounter := strconv.ParseUint(counter, 10, 32)
	if err := errors.Join(errTill, errCounter); err != nil {
		return 0, fmt.Errorf("receipt number %q, want 1042 or 7-1042: %w", s, err)
	}
	return sale.MakeNumber(sale.TillNo(n), uint32(c)), nil
}

func (t *Till) returnByDoc(qr sale.Fiscal) error {
	if len(t.desk.sale.basket.Lines) > 0 {
		return refuse(textBasketOpen(), nil)
	}
	r, err := t.ledger.RecordByDoc(qr.Key)
	switch {
	case errors.Is(err, ledger.ErrNotFound):
		return t.returnUnknown(qr)
	case err != nil:
		return err
	case r.Sale != nil:
		if err := fitsQR(r, qr); err != nil {
			return err
		}
	}
	return t.returnOf(r, nil)
}

// returnOf opens a return of this till's own sale. What has come back of it elsewhere only head office
// knows: it is asked beside, where it can be.
func (t *Till) returnOf(r *sale.Record, err error) error {
	if errors.Is(err, ledger.ErrNotFound) {
		return refuse(textNoReceipt(), err)
	}
	if err != nil {
		return err
	}
	if r.Sale == nil {
		return refuse(textNotASale(), nil)
	}
	before, err := t.returnsHere(r)
	if err != nil {
		return err
	}
	if before, err = settle(r.Sale, before); err != nil {
		return err
	}
	o := &openReturn{of: r, before: before, chosen: map[int]sale.Qty{}}
	t.desk.done, t.desk.ret = nil, o
	if doc := o.doc(); doc.FD != 0 && t.mayAsk() {
		o.asking = true
		t.finder.ask(doc)
	}
	return nil
}

// left is how much of a line can still come back.
func (o *openReturn) left(line int) sale.Qty {
	left := o.of.Sale.Lines[line].Qty
	for _, b := range o.before {
		for _, l := range b.Return.Lines {
			if l.Line == line {
				left -= l.Qty
			}
		}
	}
	return left
}

func (t *Till) returnChoose(c Command) error {
	o := t.desk.ret
	switch {
	case o.foreign != nil:
		return t.chooseForeign(c)
	case o.of == nil:
		return refuse(textReturnAsking(), nil)
	case c.Line < 0 || c.Line >= len(o.of.Sale.Lines):
		return refuse(textNoLine(), nil)
	case c.Qty < 0 || c.Qty > o.left(c.Line):
		return refuse(textReturnQty(o.left(c.Line)), nil)
	}
	old := o.chosen[c.Line]
	o.chosen[c.Line] = c.Qty
	if err := t.reckonReturn(); err != nil {
		o.chosen[c.Line] = old
		return refuse(textQty(), errors.Join(err, t.reckonReturn()))
	}
	return nil
}

func (t *Till) reckonReturn() (err error) {
	o := t.desk.ret
	o.quote = nil
	n := t.newReturn()
	if len(n.Now) > 0 {
		o.quote, err = n.Refund()
	}
	t.watchReturn()
	return err
}

func (t *Till) newReturn() ledger.NewReturn {
	o := t.desk.ret
	n := ledger.NewReturn{At: t.now(), Staff: t.desk.cashier.No, Sale: o.of, Before: o.before, Holder: t.holder(), Foreign: o.elsewhere}
	for line := range o.of.Sale.Lines {
		if q := o.chosen[line]; q > 0 {
			n.Now = append(n.Now, loyalty.Returned{Line: line, Qty: q})
		}
	}
	return n
}

func (t *Till) returnPay(c Command) error {
	o := t.desk.ret
	switch {
	case o.asking:
		return refuse(textReturnAsking(), nil)
	case o.foreign != nil:
		return t.payForeign(c)
	case o.quote == nil:
		return refuse(textNothingChosen(), nil)
	}
	tenders := c.Tenders
	if len(tenders) == 0 {
		tenders = o.sameWay()
	}
	due := o.advance()
	if due > 0 && tendered(tenders, sale.TenderAdvance) == 0 {
		tenders = withAdvance(lessen(tenders, due), due) // the cashier chose for the rest
	}
	if err := t.checkRefund(tenders, o.quote.Total); err != nil {
		return err
	}
	if tendered(tenders, sale.TenderAdvance) != due {
		return refuse(textAdvanceBack(due), nil)
	}
	n := t.newReturn()
	var err error
	if n.By, n.Watched, err = t.permitReturn(c.PIN); err != nil {
		return err
	}
	n.Tenders = tenders
	if n.Reason, err = reasonText(c.Reason); err != nil {
		return err
	}
	if n.ID, err = sale.NewID(t.now().Time(), t.random); err != nil {
		return err
	}
	if n.Held, err = t.heldForReturn(); err != nil {
		return err
	}
	draft, err := n.Draft()
	if err != nil {
		return err
	}
	return t.start(job{draft: draft, do: printing(t.returnReceipt(draft.Return))})
}

// heldForReturn is what earned points may be taken back from.
func (t *Till) heldForReturn() ([]loyalty.Held, error) {
	no := t.desk.ret.of.Sale.Customer
	if no == 0 {
		return nil, nil
	}
	holder, err := t.ledger.HolderOf(no) // merged since: what the two have is one
	if err != nil {
		return nil, err
	}
	return t.held(holder)
}

// checkRefund holds what is given back against what is due and what lies in the drawer.
func (t *Till) checkRefund(tenders []sale.Tender, total sale.Money) error {
	if err := checkTenders(tenders, 0, total); err != nil {
		return err
	}
	if cash := tendered(tenders, sale.TenderCash); cash > t.ledger.Tally().Cash {
		return refuse(textDrawerShort(t.ledger.Tally().Cash), nil)
	}
	return nil
}

// lessen takes an amount off payments, from the first on.
func lessen(tenders []sale.Tender, amount sale.Money) (out []sale.Tender) {
	for _, x := range tenders {
		less := min(amount, x.Amount)
		amount -= less
		if x.Amount -= less; x.Amount > 0 {
			out = append(out, x)
		}
	}
	return out
}

// advance is what goes back to the certificates that paid.
func (o *openReturn) advance() sale.Money { return tendered(o.sameWay(), sale.TenderAdvance) }

// sameWay gives money back the way it came: to the card what the card paid and has not got back yet,
// the rest in cash.
func (o *openReturn) sameWay() (out []sale.Tender) {
	total := o.quote.Total
	for _, p := range o.of.Sale.Tenders {
		if p.Kind == sale.TenderCash {
			continue
		}
		for _, b := range o.before {
			for _, x := range b.Return.Tenders {
				if x.Kind == p.Kind {
					p.Amount -= x.Amount
				}
			}
		}
		if back := min(p.Amount, total); back > 0 {
			out = append(out, sale.Tender{Kind: p.Kind, Amount: back})
			total -= back
		}
	}
	if total > 0 || len(out) == 0 {
		out = append(out, sale.Tender{Kind: sale.TenderCash, Amount: total})
	}
	return out
}

func tendered(tenders []sale.Tender, kind sale.TenderKind) (sum sale.Money) {
	for _, x := range tenders {
		if x.Kind == kind {
			sum += x.Amount
		}
	}
	return sum
}

func (t *Till) returnCancel(Command) error {
	t.desk.ret = nil
	t.next()
	return nil
}
