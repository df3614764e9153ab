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
	of      *sale.Record   // the sale; nil while head office is asked for it, and of a foreign return
	came    []*sale.Record // returns of it so far, as they were made
	before  []*sale.Record // the same as what they come to on the sale's lines, see [settle]
	chosen  map[int]sale.Qty
	quote   *sale.Return // of what is chosen; nil while nothing is
	qr      *sale.Fiscal // as scanned
	asking  bool         // head office is being asked
	foreign *foreign     // the sale is not known here
	// elsewhere: head office sent the sale; its lots are not this till's to hold
	elsewhere bool
	met       []metRule      // fraud rules
	codes     map[int]string // marking codes scanned, by line
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

// total is what comes back by what is chosen, or scanned, so far.
func (o *openReturn) total() sale.Money {
	switch {
	case o.foreign != nil:
		return o.foreign.total()
	case o.quote != nil:
		return o.quote.Total
	}
	return 0
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
	came, err := t.returnsHere(r)
	if err != nil {
		return err
	}
	before, err := settle(r.Sale, came)
	if err != nil {
		return err
	}
	o := &openReturn{of: r, came: came, before: before, chosen: map[int]sale.Qty{}}
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
	case c.Qty > 0 && wantsCode(o.of.Sale.Lines[c.Line]) && o.codes[c.Line] == "":
		return refuse(textMarkReturn(o.of.Sale.Lines[c.Line].Name), nil)
	}
	if c.Qty == 0 {
		delete(o.codes, c.Line)
	}
	return t.choose(c.Line, c.Qty)
}

// choose takes so much of a line into the return, if the money allows it.
func (t *Till) choose(line int, qty sale.Qty) error {
	o := t.desk.ret
	old := o.chosen[line]
	o.chosen[line] = qty
	why := textQty()
	err := t.reckonReturn()
	if err == nil {
		if err = o.fitsMoney(); err == nil {
			return nil
		}
		why = textReturnMoney(o.moneyLeft())
	}
	o.chosen[line] = old
	return refuse(why, errors.Join(err, t.reckonReturn()))
}

// moneyLeft is what the receipt was for, less all that has been given back of it: a return by QR alone may
// have given more than its goods cost.
func (o *openReturn) moneyLeft() sale.Money { return max(0, o.of.Sale.Total-o.moneyBack()) }

func (o *openReturn) moneyBack() (sum sale.Money) {
	for _, b := range o.before {
		sum += b.Return.Total
	}
	return sum
}

var errMoneyBack = errors.New("more money than is left of the receipt")

func (o *openReturn) fitsMoney() error {
	if o.quote != nil && o.quote.Total > o.moneyLeft() {
		return errMoneyBack
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
	if err := o.fitsMoney(); err != nil {
		return refuse(textReturnMoney(o.moneyLeft()), err)
	}
	tenders, err := o.tenders(c.Tenders)
	if err != nil {
		return err
	}
	if err = t.checkRefund(tenders, o.quote.Total); err != nil {
		return err
	}
	n := t.newReturn()
	if n.By, n.Watched, err = t.permitReturn(c.PIN); err != nil {
		return err
	}
	if n.By == 0 {
		if n.By, err = t.permitWays(tenders, c.PIN); err != nil {
			return err
		}
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
	traits := make([]sale.Traits, len(draft.Return.Lines))
	for i := range draft.Return.Lines {
		l := &draft.Return.Lines[i]
		traits[i] = o.of.Sale.Lines[l.Line].Traits
		if code := o.codes[l.Line]; code != "" {
			l.Code = code // with the crypto part that the pack has now
		}
	}
	return t.start(job{draft: draft, do: printing(t.returnReceipt(draft.Return, traits))})
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

// tenders are the ways that the money goes back: as the cashier chose, or as it came. What the certificates
// get is not the cashier's to choose: else a certificate could be cashed.
func (o *openReturn) tenders(chosen []sale.Tender) ([]sale.Tender, error) {
	if len(chosen) == 0 {
		return o.sameWay(), nil
	}
	due := o.advance()
	if due > 0 && tendered(chosen, sale.TenderAdvance) == 0 {
		chosen = withAdvance(lessen(chosen, due), due) // the cashier chose for the rest
	}
	if tendered(chosen, sale.TenderAdvance) != due {
		return nil, refuse(textAdvanceBack(due), nil)
	}
	return chosen, nil
}

// advance is what goes back to the certificates now: money goes back first to whatever else paid, and what of
// all that has come back is beyond that is the certificates'. So however a return is split and whatever
// the cashier chooses, they end with what they paid.
func (o *openReturn) advance() sale.Money {
	paid := tendered(o.of.Sale.Tenders, sale.TenderAdvance)
	beyond := max(0, o.moneyBack()+o.quote.Total-(o.of.Sale.Total-paid))
	return min(max(0, min(beyond, paid)-o.wentBack(sale.TenderAdvance)), o.quote.Total)
}

// wentBack is what earlier returns gave back in one way.
func (o *openReturn) wentBack(kind sale.TenderKind) (sum sale.Money) {
	for _, b := range o.before {
		sum += tendered(b.Return.Tenders, kind)
	}
	return sum
}

// most is what may go back in one way on the cashier's own word: what it paid and has not got back.
func (o *openReturn) most(kind sale.TenderKind) sale.Money {
	return max(0, tendered(o.of.Sale.Tenders, kind)-o.wentBack(kind))
}

// ways is the most that each way gets back without a manager, for the page.
func (o *openReturn) ways() (out []sale.Tender) {
	for _, kind := range []sale.TenderKind{sale.TenderCard, sale.TenderCash} {
		if most := o.most(kind); most > 0 {
			out = append(out, sale.Tender{Kind: kind, Amount: most})
		}
	}
	if due := o.advance(); due > 0 {
		out = append(out, sale.Tender{Kind: sale.TenderAdvance, Amount: due})
	}
	return out
}

// permitWays asks for a manager where money goes back in another way than it came: a card's money out of the
// drawer, or the drawer's to somebody's card.
func (t *Till) permitWays(tenders []sale.Tender, pin string) (sale.StaffNo, error) {
	o := t.desk.ret
	for _, kind := range []sale.TenderKind{sale.TenderCash, sale.TenderCard} {
		most := o.most(kind)
		if tendered(tenders, kind) <= most {
			continue
		}
		if strings.TrimSpace(pin) == "" {
			return 0, refuse(textOtherWay(kind, most), nil)
		}
		by, err := t.manager(pin)
		if err != nil {
			return 0, err
		}
		return by.No, nil
	}
	return 0, nil
}

// sameWay gives money back the way it came: to the certificates what is theirs, to the card what the card
// paid and has not got back yet, the rest in cash.
func (o *openReturn) sameWay() (out []sale.Tender) {
	due := o.advance()
	total := o.quote.Total - due
	if back := min(o.most(sale.TenderCard), total); back > 0 {
		out, total = append(out, sale.Tender{Kind: sale.TenderCard, Amount: back}), total-back
	}
	if total > 0 || (len(out) == 0 && due == 0) {
		out = append(out, sale.Tender{Kind: sale.TenderCash, Amount: total})
	}
	if due > 0 {
		out = append(out, sale.Tender{Kind: sale.TenderAdvance, Amount: due})
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
