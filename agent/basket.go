package agent

import (
	"errors"
	"strings"

	"github.com/kopilka/kopilka/ledger"
	"github.com/kopilka/kopilka/ledger/loyalty"
	"github.com/kopilka/kopilka/ledger/sale"
)

// open is the sale being put together.
type open struct {
	basket   sale.Basket
	customer *sale.Customer
	held     []loyalty.Held
	wish     sale.Points // to redeem: 0 none, loyalty.RedeemAll as much as allowed
	quote    loyalty.Quote
	adult    bool       // the buyer's age is confirmed
	waiting  *sale.Line // a line that waits for that confirmation
	asked    bool       // head office was asked for the customer's leases
}

// scan answers a code at once, from this till's disk.
func (t *Till) scan(code sale.Code) error {
	if err := t.mayScan(); err != nil {
		return err
	}
	if len(code.Text) == 0 || len(code.Text) > sale.CodeBytesMax {
		return refuse(textUnknownCode(""), errUnknownCode)
	}
	m, err := t.read(code)
	if err != nil {
		return inWords(err)
	}
	if t.desk.stage == StageDone {
		t.next()
	}
	switch {
	case m.product != nil:
		return t.add(sale.Line{Product: *m.product, Qty: m.qty, Code: code.Text})
	case m.customer != nil:
		return t.setCustomer(*m.customer)
	default:
		return t.returnByDoc(m.receipt.Key)
	}
}

func (t *Till) mayScan() error {
	if holdsStage(selling, t.desk.stage) {
		return nil
	}
	return refuse(textNotNow(t.desk.stage), nil)
}

func (t *Till) addSKU(c Command) error {
	p, err := t.ledger.Product(c.SKU)
	if err != nil || p.Gone {
		return refuse(textNoProduct(string(c.SKU)), err)
	}
	if t.desk.stage == StageDone {
		t.next()
	}
	qty := c.Qty
	if qty == 0 {
		qty = sale.Piece
	}
	return t.add(sale.Line{Product: p, Qty: qty})
}

// add puts a line into the basket, after the question of age where the product asks it.
func (t *Till) add(line sale.Line) error {
	if line.Product.Traits.Has(sale.AdultOnly) && !t.desk.sale.adult {
		t.desk.sale.waiting = &line
		return nil
	}
	return t.change(func(b *sale.Basket) error {
		if i := sameLine(b.Lines, line); i >= 0 {
			b.Lines[i].Qty += line.Qty
			return nil
		}
		if len(b.Lines) >= sale.LinesMax {
			return refuse(textTooManyLines(), nil)
		}
		b.Lines = append(b.Lines, line)
		return nil
	})
}

// sameLine finds the line that more of the same joins: pieces at the same price, not marked one by one.
func sameLine(lines []sale.Line, line sale.Line) int {
	if line.Product.Traits&(sale.Weighed|sale.Marked) != 0 {
		return -1
	}
	for i, l := range lines {
		if l.Product.SKU == line.Product.SKU && l.Product.Price == line.Product.Price {
			return i
		}
	}
	return -1
}

func (t *Till) adult(c Command) error {
	line := t.desk.sale.waiting
	t.desk.sale.waiting = nil
	if !c.Yes || line == nil {
		return nil
	}
	t.desk.sale.adult = true
	return t.add(*line)
}

// qtyMax keeps a slip of the finger, a barcode typed as a quantity, off the receipt.
const qtyMax = 10_000 * sale.Piece

func (t *Till) setQty(c Command) error {
	return t.change(func(b *sale.Basket) error {
		if c.Line < 0 || c.Line >= len(b.Lines) {
			return refuse(textNoLine(), nil)
		}
		l := &b.Lines[c.Line]
		if c.Qty <= 0 || c.Qty > qtyMax || (c.Qty%sale.Piece != 0 && !l.Product.Traits.Has(sale.Weighed)) {
			return refuse(textQty(), nil)
		}
		l.Qty = c.Qty
		return nil
	})
}

func (t *Till) removeLine(c Command) error {
	return t.change(func(b *sale.Basket) error {
		if c.Line < 0 || c.Line >= len(b.Lines) {
			return refuse(textNoLine(), nil)
		}
		b.Lines = append(b.Lines[:c.Line], b.Lines[c.Line+1:]...)
		return nil
	})
}

func (t *Till) clear(Command) error {
	t.desk.sale = open{}
	t.next()
	return nil
}

// change works on a copy of the basket: what the rules refuse leaves it as it was.
func (t *Till) change(f func(*sale.Basket) error) error {
	if t.desk.stage == StageDone {
		t.next()
	}
	before := t.desk.sale.basket
	next := before
	next.Lines = append([]sale.Line(nil), before.Lines...)
	if err := f(&next); err != nil {
		return err
	}
	t.desk.sale.basket = next
	if err := t.reckon(); err != nil {
		t.desk.sale.basket = before
		return errors.Join(err, t.reckon())
	}
	return nil
}

// reckon makes the quote anew.
func (t *Till) reckon() error {
	s := &t.desk.sale
	if len(s.basket.Lines) == 0 {
		s.quote = loyalty.Quote{}
		return nil
	}
	q, err := t.programme().Quote(loyalty.Request{Lines: s.basket.Lines, Buyer: t.buyer(), Redeem: s.wish, At: t.now()})
	if err != nil {
		return err
	}
	s.quote = q
	return nil
}

func (t *Till) buyer() *loyalty.Buyer {
	s := &t.desk.sale
	if s.customer == nil {
		return nil
	}
	return &loyalty.Buyer{No: s.customer.No, Tier: s.customer.Tier, State: s.customer.State, Spendable: loyalty.Spendable(s.held, t.now())}
}

// refresh reads the customer and the leases anew, after head office or a release has changed them.
func (t *Till) refresh() error {
	s := &t.desk.sale
	if s.customer == nil || t.desk.stage == StagePrinting {
		return nil
	}
	c, err := t.ledger.Customer(s.customer.No)
	if err != nil {
		return err
	}
	held, err := t.held(c.No)
	if err != nil {
		return err
	}
	s.customer, s.held = &c, held
	return t.reckon()
}

// held is what may be spent here; nothing while time or journal is in doubt.
func (t *Till) held(no sale.CustomerNo) ([]loyalty.Held, error) {
	if t.doubt() != nil {
		return nil, nil
	}
	return t.ledger.Held(no)
}

// doubt is why points cannot be spent just now, or nil.
func (t *Till) doubt() *Text {
	if t.desk.frozen != nil {
		return t.desk.frozen
	}
	if _, quality := t.ledger.Now(); quality == sale.TimeFrozen {
		text := t.clockDoubt()
		return &text
	}
	return nil
}

func (t *Till) setCustomer(c sale.Customer) error {
	held, err := t.held(c.No)
	if err != nil {
		return err
	}
	s := &t.desk.sale
	s.customer, s.held, s.wish, s.asked = &c, held, 0, false
	s.basket.Customer = c.No
	if loyalty.Spendable(held, t.now()) < c.Balance && c.State == sale.CustomerActive {
		s.asked = true
		t.ask([]sale.CustomerNo{c.No})
	}
	return t.reckon()
}

// customer finds a customer by a typed phone or card number.
func (t *Till) customer(c Command) error {
	key := sale.CustomerKey{Kind: sale.KeyCard, Key: sale.CardKey(t.shop.settings.CardSecret, strings.TrimSpace(c.Code))}
	if c.Phone != "" {
		phone, err := sale.ParsePhone(c.Phone)
		if err != nil {
			return refuse(textPhone(), err)
		}
		key = sale.CustomerKey{Kind: sale.KeyPhone, Key: t.shop.settings.Phones.Key(phone)}
	}
	found, err := t.ledger.FindCustomer(key)
	if errors.Is(err, ledger.ErrNotFound) {
		return refuse(textNoCustomer(c.Phone != ""), err)
	}
	if err != nil {
		return err
	}
	if t.desk.stage == StageDone {
		t.next()
	}
	return t.setCustomer(found)
}

func (t *Till) dropCustomer(Command) error {
	s := &t.desk.sale
	s.customer, s.held, s.wish, s.asked, s.basket.Customer = nil, nil, 0, false, 0
	return t.reckon()
}

func (t *Till) redeem(c Command) error {
	s := &t.desk.sale
	if s.customer == nil {
		return refuse(textNobody(), nil)
	}
	if c.Points != 0 {
		if doubt := t.doubt(); doubt != nil {
			return refuse(*doubt, nil)
		}
	}
	if c.Points < loyalty.RedeemAll {
		return refuse(textAmount(), nil)
	}
	s.wish = c.Points
	if err := t.reckon(); err != nil {
		return err
	}
	if c.Points > s.quote.Redeemed {
		s.wish = s.quote.Redeemed
		t.notify("info", "redeem", textRedeemLess(s.quote.Redeemed))
	}
	return nil
}

func (t *Till) park(Command) error {
	s := &t.desk.sale
	if len(s.basket.Lines) == 0 {
		return refuse(textEmpty(), nil)
	}
	id, err := sale.NewID(t.now().Time(), t.random)
	if err != nil {
		return err
	}
	if err := t.ledger.Park(ledger.Parked{ID: id, Staff: t.desk.cashier.No, Basket: s.basket}); err != nil {
		return err
	}
	return t.clear(Command{})
}

func (t *Till) recall(c Command) error {
	if len(t.desk.sale.basket.Lines) > 0 {
		return refuse(textBasketOpen(), nil)
	}
	p, err := t.ledger.Unpark(c.ID)
	if err != nil {
		return err
	}
	t.next()
	t.desk.sale = open{basket: p.Basket}
	if p.Basket.Customer == 0 {
		return t.reckon()
	}
	found, err := t.ledger.Customer(p.Basket.Customer)
	if err != nil {
		t.desk.sale.basket.Customer = 0
		return t.reckon()
	}
	return t.setCustomer(found)
}
