package agent

import (
	"errors"

	"github.com/kopilka/kopilka/drivers/gs1"
	"github.com/kopilka/kopilka/ledger"
	"github.com/kopilka/kopilka/ledger/loyalty"
	"github.com/kopilka/kopilka/ledger/sale"
)

// open is the sale being put together.
type open struct {
	basket       sale.Basket
	customer     *sale.Customer
	foundBy      sale.FoundBy
	held         []loyalty.Held
	wish         sale.Points        // to redeem: 0 none, loyalty.RedeemAll as much as allowed
	wishes       []sale.PurseAmount // of partners' points
	codes        []shownCode
	certificates []certificate
	quote        loyalty.Quote
	adult        bool              // the buyer's age is confirmed
	waiting      *sale.Line        // a line that waits for that confirmation
	asked        bool              // head office was asked for the customer's leases
	totalled     bool              // the payment was begun, whether or not it was left again
	paying       bool              // and was not left
	late         bool              // the customer was named after that
	met          []metRule         // fraud rules that this receipt meets
	spends       sale.Points       // points and partners' points that pay, as if no rule stopped them
	permits      map[string]permit // managers who let a rule's receipt pass
	lookups      uint32            // look-ups without a sale, where they stop this receipt
	wanted       *sale.Line        // marked goods that wait for their code
	marks        map[string]markStage
	latest       int // line that the customer display shows
}

// scan answers a code at once, from this till's disk. by says whether a scanner has read it, so that the card was
// there, or a person has typed it.
func (t *Till) scan(code sale.Code, by sale.FoundBy) error {
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
	case t.desk.ret != nil && t.desk.ret.foreign == nil:
		return t.scanBack(m)
	case m.product != nil:
		return t.take(sale.Line{Product: *m.product, Qty: m.qty, Code: toValid(code.Text)}, m.mark)
	case m.mark != nil:
		return t.takeMark(m.mark)
	case t.desk.stage == StageReturn:
		return refuse(textNotNow(StageReturn), nil)
	case m.customer != nil:
		return t.name(*m.customer, by)
	case m.promo != nil:
		return t.showCode(*m.promo)
	default:
		return t.returnByDoc(*m.receipt)
	}
}

// take puts goods where they belong: into the basket, or into a return of a receipt that is not known here.
// Marked goods without their code go nowhere until it is scanned.
func (t *Till) take(line sale.Line, mark *gs1.Mark) error {
	with, err := t.withMark(line, mark)
	if err != nil || with == nil {
		return err
	}
	if t.desk.ret != nil {
		return t.addForeign(*with)
	}
	return t.add(*with)
}

func (t *Till) mayScan() error {
	if holdsStage(selling, t.desk.stage) || t.desk.stage == StageReturn {
		return nil
	}
	return refuse(textNotNow(t.desk.stage), nil)
}

func (t *Till) addSKU(c Command) error {
	if err := t.mayScan(); err != nil {
		return err
	}
	if t.desk.ret != nil && t.desk.ret.foreign == nil {
		return refuse(textNotNow(StageReturn), nil)
	}
	p, err := t.ledger.Product(c.SKU)
	if err != nil || p.Gone {
		return refuse(textNoProduct(string(c.SKU)), err)
	}
	qty := c.Qty
	if qty == 0 {
		qty = sale.Piece
	}
	if !sellable(p, qty) {
		return refuse(textQty(), nil)
	}
	if t.desk.stage == StageDone {
		t.next()
	}
	return t.take(sale.Line{Product: p, Qty: qty}, nil)
}

// add puts a line into the basket, after the question of age where the product asks it.
func (t *Till) add(line sale.Line) error {
	if err := t.mayHold(line); err != nil {
		return err
	}
	if w := t.desk.sale.wanted; w != nil && w.Product.SKU == line.Product.SKU {
		t.desk.sale.wanted = nil
	}
	if line.Product.Traits.Has(sale.AdultOnly) && !t.desk.sale.adult {
		t.desk.sale.waiting = &line
		return nil
	}
	return t.change(func(b *sale.Basket) error {
		if i := sameLine(b.Lines, line); i >= 0 {
			if b.Lines[i].Qty += line.Qty; b.Lines[i].Qty > qtyMax {
				return refuse(textQty(), nil)
			}
			t.desk.sale.latest = i
			return nil
		}
		if len(b.Lines) >= sale.LinesMax {
			return refuse(textTooManyLines(), nil)
		}
		t.desk.sale.latest = len(b.Lines)
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
		if l.Product.SKU == line.Product.SKU && l.Product.Price == line.Product.Price && l.Gift == line.Gift {
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

// sellable tells whether so much of a product can be on a line: something, and whole pieces of what is not
// weighed.
func sellable(p sale.Product, qty sale.Qty) bool {
	return qty > 0 && qty <= qtyMax && (qty%sale.Piece == 0 || p.Traits.Has(sale.Weighed))
}

// sameAsSeen refuses a line that is not there, or is another than the cashier saw: one above it may have left since, a
// refused piece or a gift, or by another page.
func sameAsSeen(lines []sale.Line, c Command) error {
	switch {
	case c.Line < 0 || c.Line >= len(lines):
		return refuse(textNoLine(), nil)
	case c.SKU != "" && lines[c.Line].Product.SKU != c.SKU:
		return refuse(textLineMoved(), nil)
	}
	return nil
}

func (t *Till) setQty(c Command) error {
	return t.change(func(b *sale.Basket) error {
		if err := sameAsSeen(b.Lines, c); err != nil {
			return err
		}
		l := &b.Lines[c.Line]
		if l.Product.Traits&(sale.Marked|sale.Weighed) == sale.Marked && c.Qty != sale.Piece {
			return refuse(textMarkQty(), nil)
		}
		t.desk.sale.latest = c.Line
		if !sellable(l.Product, c.Qty) {
			return refuse(textQty(), nil)
		}
		if l.Qty != c.Qty {
			t.weighedAgain(*l)
		}
		l.Qty = c.Qty
		return nil
	})
}

func (t *Till) removeLine(c Command) error {
	return t.change(func(b *sale.Basket) error {
		if err := sameAsSeen(b.Lines, c); err != nil {
			return err
		}
		t.desk.staleMarks = t.desk.staleMarks || b.Lines[c.Line].Product.Traits.Has(sale.Marked)
		b.Lines = append(b.Lines[:c.Line], b.Lines[c.Line+1:]...)
		t.desk.sale.latest = max(0, len(b.Lines)-1)
		return nil
	})
}

func (t *Till) clear(Command) error {
	t.desk.staleMarks = t.desk.staleMarks || len(t.desk.sale.marks) > 0
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
	if giftPieces(next) > giftPieces(before) {
		if err := t.reckonAll(); err != nil {
			t.desk.sale.basket = before
			return errors.Join(refuse(textGiftGone(), err), t.reckon())
		}
		return nil
	}
	if err := t.reckon(); err != nil {
		t.desk.sale.basket = before
		return errors.Join(err, t.reckon())
	}
	return nil
}

// reckon makes the quote anew. Fraud rules look at what it comes to; where one stops the points, it is
// made once more without them. Gifts that cannot be given any more leave the basket: their points were
// taken elsewhere meanwhile, or a rule keeps them.
func (t *Till) reckon() error {
	err := t.reckonAll()
	if s := &t.desk.sale; err != nil && giftPieces(s.basket) > 0 {
		s.dropGifts()
		t.notify("info", "gift", textGiftGone())
		return t.reckonAll()
	}
	return err
}

func (t *Till) reckonAll() error {
	s := &t.desk.sale
	q, err := t.quote(t.buyer())
	if err != nil {
		return err
	}
	s.spends = q.Redeemed + t.partners(q.Paid)
	if s.met, err = t.watch(q); err != nil {
		return err
	}
	if len(s.stopping()) > 0 {
		if q, err = t.quote(t.stopped()); err != nil {
			return err
		}
	}
	s.quote = q
	return nil
}

// quote reckons the basket for a buyer.
func (t *Till) quote(b *loyalty.Buyer) (loyalty.Quote, error) {
	s := &t.desk.sale
	if len(s.basket.Lines) == 0 {
		return loyalty.Quote{}, nil
	}
	r := loyalty.Request{
		Lines: s.basket.Lines, Buyer: b, Redeem: s.wish, At: t.now(), Zone: t.shop.zone, Store: t.shop.settings.Store,
		Claims: s.claims(b), Wishes: s.wishes,
	}
	if c := t.desk.cashier; c != nil {
		r.Cashier = c.No
		r.Own = s.customer != nil && s.customer.Staff == c.No
	}
	return t.rulebook().engine.Quote(r)
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
	if _, quality := t.ledger.Now(); quality == sale.TimeFrozen && t.desk.frozen == nil {
		text := t.clockDoubt()
		return &text
	}
	return t.journalDoubt()
}

// journalDoubt is why nobody knows here what was spent already, or nil: on a disk restored from an image that is so from
// the start, and the archive that shows it takes its time or does not answer.
func (t *Till) journalDoubt() *Text {
	if t.desk.frozen == nil && !t.desk.compared && !t.desk.spoken {
		text := textUncompared()
		return &text
	}
	return t.desk.frozen
}

func (t *Till) park(Command) error {
	s := &t.desk.sale
	if len(s.basket.Lines) == 0 {
		return refuse(textEmpty(), nil)
	}
	if err := t.othersCode(""); err != nil {
		return err
	}
	id, err := sale.NewID(t.now().Time(), t.random)
	if err != nil {
		return err
	}
	p := ledger.Parked{
		ID: id, Staff: t.desk.cashier.No, Basket: s.basket,
		FoundBy: s.foundBy, Totalled: s.totalled, Late: s.late, Lookups: s.lookups,
	}
	if err := t.ledger.Park(p); errors.Is(err, ledger.ErrBusy) {
		return refuse(textTooManyParked(), err)
	} else if err != nil {
		return err
	}
	return t.clear(Command{})
}

func (t *Till) recall(c Command) error {
	if len(t.desk.sale.basket.Lines) > 0 {
		return refuse(textBasketOpen(), nil)
	}
	p, err := t.ledger.Unpark(c.ID)
	switch {
	case errors.Is(err, ledger.ErrNotFound):
		return refuse(textNotParked(), err)
	case err != nil:
		return err
	}
	return t.layOut(p)
}

// layOut puts a basket on the empty counter.
func (t *Till) layOut(p ledger.Parked) error {
	t.next()
	t.dropSold(&p.Basket)
	s := &t.desk.sale
	s.basket, s.totalled, s.adult, s.marks, s.latest = p.Basket, p.Totalled, false, nil, 0
	found, err := t.ledger.Customer(p.Basket.Customer)
	if p.Basket.Customer == 0 || err != nil || found.State == sale.CustomerHouse { // the store's own account is nobody
		return t.buyerInHand()
	}
	if p.FoundBy == 0 {
		p.FoundBy = sale.FoundPhone // parked before this was kept: the strictest of the ways
	}
	if err := t.setCustomer(found, p.FoundBy); err != nil {
		return err
	}
	s.late, s.lookups = p.Late, p.Lookups
	return t.reckon()
}

// buyerInHand makes whoever was named before a basket was recalled its buyer: the one who came back shows the card first.
func (t *Till) buyerInHand() error {
	s := &t.desk.sale
	s.basket.Customer = 0
	if s.customer != nil {
		s.dropGifts() // they were another's to pay with points
		s.basket.Customer, s.late = s.customer.No, s.totalled
	}
	return t.reckon()
}
