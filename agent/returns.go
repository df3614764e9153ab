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
	of     *sale.Record
	before []*sale.Record
	chosen map[int]sale.Qty
	quote  *sale.Return // of what is chosen; nil while nothing is
}

func (t *Till) returnFind(c Command) error {
	if len(t.desk.sale.basket.Lines) > 0 {
		return refuse(textBasketOpen(), nil)
	}
	if f, err := sale.ParseFiscalQR(strings.TrimSpace(c.Code)); err == nil {
		return t.returnByDoc(f.Key)
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

func (t *Till) returnByDoc(k sale.FiscalKey) error {
	if len(t.desk.sale.basket.Lines) > 0 {
		return refuse(textBasketOpen(), nil)
	}
	r, err := t.ledger.RecordByDoc(k)
	return t.returnOf(r, err)
}

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
	before, err := t.ledger.Returns(r.ID)
	if err != nil {
		return err
	}
	t.desk.done = nil
	t.desk.ret = &openReturn{of: r, before: before, chosen: map[int]sale.Qty{}}
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
	if c.Line < 0 || c.Line >= len(o.of.Sale.Lines) {
		return refuse(textNoLine(), nil)
	}
	if c.Qty < 0 || c.Qty > o.left(c.Line) {
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
	return err
}

func (t *Till) newReturn() ledger.NewReturn {
	o := t.desk.ret
	n := ledger.NewReturn{At: t.now(), Staff: t.desk.cashier.No, Sale: o.of, Before: o.before, Holder: t.holder()}
	for line := range o.of.Sale.Lines {
		if q := o.chosen[line]; q > 0 {
			n.Now = append(n.Now, loyalty.Returned{Line: line, Qty: q})
		}
	}
	return n
}

func (t *Till) returnPay(c Command) error {
	o := t.desk.ret
	if o.quote == nil {
		return refuse(textNothingChosen(), nil)
	}
	tenders := c.Tenders
	if len(tenders) == 0 {
		tenders = o.sameWay()
	}
	if err := checkTenders(tenders, 0, o.quote.Total); err != nil {
		return err
	}
	if cash := cashOf(tenders); cash > t.ledger.Tally().Cash {
		return refuse(textDrawerShort(t.ledger.Tally().Cash), nil)
	}
	n := t.newReturn()
	n.Tenders, n.Reason = tenders, clip(c.Reason)
	var err error
	if n.ID, err = sale.NewID(t.now().Time(), t.random); err != nil {
		return err
	}
	if no := o.of.Sale.Customer; no != 0 {
		if n.Held, err = t.held(no); err != nil {
			return err
		}
	}
	draft, err := n.Draft()
	if err != nil {
		return err
	}
	return t.start(job{draft: draft, do: printing(t.returnReceipt(draft.Return))})
}

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

func cashOf(tenders []sale.Tender) (sum sale.Money) {
	for _, x := range tenders {
		if x.Kind == sale.TenderCash {
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
