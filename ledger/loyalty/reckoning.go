package loyalty

import (
	"fmt"
	"math"

	"github.com/kopilka/kopilka/ledger/sale"
)

// reckoning is a quote on its way: gifts, promotions' money off, the tier's discount, partners' points,
// points, then what is earned on the money left.
type reckoning struct {
	engine    *Engine
	programme *Programme
	request   Request
	now       moment
	buyer     *Buyer // nil: nobody whom rules may give to
	tier      Tier
	spendable sale.Points // of the buyer, less gifts
	claims    []claimed
	lines     []position
	quiet     bool // a trial: figures only
	quote     Quote

	weights, limits []int64
}

// position is a line on its way.
type position struct {
	line      *sale.Line
	gross     sale.Money
	price     sale.Money // least price of a unit on this day
	keep      sale.Money // least that the line must keep
	off       sale.Money // all discounts
	redeemed  sale.Money
	redeemMax sale.Money // that a cap on these goods lets points pay
	partners  sale.Money // what partners' points paid, part of off
	gift      bool
	free      int64      // pieces that a promotion gave
	freeKeep  sale.Money // and what they still cost
	parts     [2]bool    // took part in a cut, by its kind
	barred    bool       // a promotion forbids accrual
	rate      int64      // of accrual, in millionths
	fixed     sale.Points
	earned    sale.Points
	extra     []sale.PurseAmount
	paid      []sale.PurseAmount
	reasons   []sale.Reason
}

// cutKind is where money comes off a line; both kinds share one room above the line's floor.
type cutKind int

const (
	cutOff cutKind = iota
	cutPoints
)

// left is what is still to be paid in money.
func (p *position) left() sale.Money { return p.gross - p.off - p.redeemed }

func (p *position) may(refusal sale.Traits) bool { return !p.line.Product.Traits.Has(refusal) }

func (p *position) pieces() int64 { return int64(p.line.Qty / sale.Piece) }

// room is the most that a cut of this kind can still take.
func (p *position) room(kind cutKind) sale.Money {
	room := p.left() - p.keep
	switch {
	case p.gift:
		return 0
	case kind == cutOff && !p.may(sale.NoDiscount):
		return 0
	case kind == cutPoints && !p.may(sale.NoRedeem):
		return 0
	case kind == cutPoints:
		room = min(room, p.redeemMax-p.redeemed)
	}
	return max(0, room)
}

// take cuts the line; a negative amount gives back.
func (p *position) take(kind cutKind, amount sale.Money) {
	if kind == cutPoints {
		p.redeemed += amount
	} else {
		p.off += amount
	}
}

// note is a line's reason.
func (r *reckoning) note(p *position, rule string, amount int64, detail string) {
	if !r.quiet {
		p.reasons = append(p.reasons, sale.Reason{Rule: rule, Amount: amount, Detail: detail})
	}
}

// once is a line's reason that several rules would give.
func (r *reckoning) once(p *position, rule string, amount sale.Money) {
	if r.quiet {
		return
	}
	for _, said := range p.reasons {
		if said.Rule == rule {
			return
		}
	}
	r.note(p, rule, int64(amount), "")
}

// because is a receipt's reason.
func (r *reckoning) because(reason sale.Reason) {
	if !r.quiet {
		r.quote.Reasons = append(r.quote.Reasons, reason)
	}
}

// refuse says why points that were asked for by number are not taken.
func (r *reckoning) refuse(rule string) {
	if r.request.Redeem > 0 {
		r.because(sale.Reason{Rule: rule, Amount: int64(r.request.Redeem)})
	}
	for _, w := range r.request.Wishes {
		if w.Amount > 0 {
			r.because(sale.Reason{Rule: rule, Amount: int64(w.Amount), Detail: purseName(w.Purse)})
		}
	}
}

func (r *reckoning) whole() error {
	if err := r.begin(); err != nil {
		return err
	}
	r.member()
	if err := r.gifts(); err != nil {
		return err
	}
	if r.programme != nil {
		r.claim()
		r.reckon(r.choose(r.candidates()))
		r.nothingFor()
		r.reward()
	}
	return r.finish()
}

// reckon runs the rules. It is run on copies too, to find which promotions serve the customer best.
func (r *reckoning) reckon(chosen []candidate) {
	for i := range chosen {
		r.moneyOff(&chosen[i])
	}
	if r.buyer != nil {
		r.discount()
		r.partners()
		r.redeem()
	}
	if !r.quiet {
		r.smooth()
	}
	if r.buyer != nil {
		r.earn(chosen)
		r.extras(chosen)
	}
}

func (r *reckoning) begin() error {
	if n := len(r.request.Lines); n == 0 || n > sale.LinesMax {
		return fmt.Errorf("%d lines, want 1 to %d / строк в чеке: %d, можно от 1 до %d", n, sale.LinesMax, n, sale.LinesMax)
	}
	if r.request.Redeem < RedeemAll {
		return fmt.Errorf("redeem %s points, want zero or more / нельзя списать отрицательное число баллов", r.request.Redeem)
	}
	if err := checkWishes(r.request.Wishes); err != nil {
		return err
	}
	r.now = momentOf(r.request.At, r.request.Zone)
	r.lines = make([]position, len(r.request.Lines))
	for i := range r.request.Lines {
		l := &r.request.Lines[i]
		p := &r.lines[i]
		*p = position{line: l, price: l.Product.Floor(r.now.day), redeemMax: math.MaxInt64}
		var err error
		if p.gross, err = checkLine(l, p.price); err != nil {
			return fmt.Errorf("line %d, %s: %w", i+1, l.Product.Name, err)
		}
		p.keep = r.floor(p)
		if r.quote.Gross += p.gross; r.quote.Gross > sale.MoneyMax {
			return fmt.Errorf("%w: receipt of more than %s / сумма чека слишком велика", sale.ErrAmount, sale.MoneyMax)
		}
	}
	return nil
}

func checkLine(l *sale.Line, floor sale.Money) (sale.Money, error) {
	switch p := &l.Product; {
	case l.Qty <= 0:
		return 0, fmt.Errorf("quantity %s, want more than zero / количество должно быть больше нуля", l.Qty)
	case l.Qty > sale.QtyMax:
		return 0, fmt.Errorf("%w: quantity %s, a register holds %s / количество слишком велико", sale.ErrAmount, l.Qty, sale.QtyMax)
	case l.Qty%sale.Piece != 0 && !p.Traits.Has(sale.Weighed):
		return 0, fmt.Errorf("quantity %s of goods sold by the piece / штучный товар продаётся целыми штуками", l.Qty)
	case p.Price < 0 || floor < 0:
		return 0, fmt.Errorf("price %s, minimum %s, want zero or more / цена не может быть отрицательной", p.Price, floor)
	case p.Price > sale.MoneyMax:
		return 0, fmt.Errorf("%w: price %s, a register holds %s / цена слишком велика", sale.ErrAmount, p.Price, sale.MoneyMax)
	}
	return l.Gross()
}

func checkWishes(wishes []sale.PurseAmount) error {
	for i, w := range wishes {
		if w.Amount < RedeemAll {
			return fmt.Errorf("pay %s of purse %d, want zero or more / нельзя списать отрицательную сумму", w.Amount, w.Purse)
		}
		for _, other := range wishes[:i] {
			if other.Purse == w.Purse {
				return fmt.Errorf("purse %d is asked for twice / один кошелёк указан дважды", w.Purse)
			}
		}
	}
	return nil
}

// member finds whom rules may give to, and their tier.
func (r *reckoning) member() {
	if r.programme == nil {
		r.refuse(RuleNoProgramme)
		return
	}
	r.quote.Programme = r.programme.Version
	switch b := r.request.Buyer; {
	case b == nil, b.State == sale.CustomerHouse:
		r.refuse(RuleRedeemNobody)
	case b.State == sale.CustomerBlocked:
		r.because(sale.Reason{Rule: RuleBlocked})
	case b.State == sale.CustomerErased:
		r.because(sale.Reason{Rule: RuleErased})
	default:
		r.buyer, r.spendable = b, max(0, b.Spendable)
		r.findTier(b.Tier)
	}
}

func (r *reckoning) findTier(no uint16) {
	tier, known := r.programme.tier(no)
	if !known {
		r.because(sale.Reason{Rule: RuleTierUnknown, Amount: int64(no)})
		tier, _ = r.programme.tier(0) // a valid programme has it
	}
	r.tier = tier
}

// floor is the least that a line must keep. Above LineFloor it is a kopeck for every started unit, so
// that no part of the line costs nothing: registers and the tax service's checks dislike zero prices.
func (r *reckoning) floor(p *position) sale.Money {
	if r.programme == nil {
		return p.gross
	}
	floor := sale.Money(0)
	if r.programme.LineFloor > 0 {
		floor = max(r.programme.LineFloor, sale.Money((p.line.Qty+sale.Piece-1)/sale.Piece))
	}
	minimum, err := p.price.Times(p.line.Qty)
	if err != nil {
		return p.gross // a minimum beyond any receipt: nothing may come off
	}
	return min(p.gross, max(floor, minimum))
}

// spread cuts lines by a total that their rooms can hold, in proportion to what is left to pay, and says
// which of them could take no more. The rule's own reason stands on each line that it cut.
func (r *reckoning) spread(kind cutKind, total sale.Money, lines []int, why sale.Reason) []int64 {
	weights, rooms := r.buffers(len(lines))
	for i, n := range lines {
		p := &r.lines[n]
		if room := p.room(kind); room > 0 {
			weights[i], rooms[i] = int64(p.left()), int64(room)
			p.parts[kind] = true
		}
	}
	cuts, err := Allocate(int64(total), weights, rooms)
	if err != nil {
		panic(err) // every caller holds the total down to the sum of the rooms
	}
	for i, n := range lines {
		p := &r.lines[n]
		p.take(kind, sale.Money(cuts[i]))
		if cuts[i] > 0 && why.Rule != "" {
			r.note(p, why.Rule, cuts[i], why.Detail)
		}
		r.full(p, kind)
	}
	return cuts
}

// buffers are for the weights and limits of one [Allocate]; the next takes them over.
func (r *reckoning) buffers(n int) (weights, limits []int64) {
	if r.weights == nil {
		both := make([]int64, 2*len(r.lines))
		r.weights, r.limits = both[:len(r.lines)], both[len(r.lines):]
	}
	clear(r.weights[:n])
	clear(r.limits[:n])
	return r.weights[:n], r.limits[:n]
}

// full says why a line takes no more.
func (r *reckoning) full(p *position, kind cutKind) {
	switch {
	case r.quiet || p.gift || p.gross == 0 || p.room(kind) > 0:
	case kind == cutOff && !p.may(sale.NoDiscount), kind == cutPoints && !p.may(sale.NoRedeem):
	case p.left() <= p.keep:
		r.once(p, RulePriceFloor, p.left())
	default:
		r.once(p, RuleGoodsCap, p.redeemMax)
	}
}

// every is all lines, for rules that leave none out.
func (r *reckoning) every() []int {
	all := make([]int, len(r.lines))
	for i := range all {
		all[i] = i
	}
	return all
}

func (r *reckoning) finish() error {
	r.quote.Lines = make([]sale.SoldLine, len(r.lines))
	for i := range r.lines {
		sold, err := r.lines[i].sold()
		if err == nil && r.programme != nil && r.programme.Counter {
			sold.Shelf, err = r.lines[i].shelf()
		}
		if err != nil {
			return fmt.Errorf("line %d: %w", i+1, err)
		}
		r.quote.Lines[i] = sold
		r.quote.Total += sold.Net
		r.quote.Discount += sold.Discount
		r.quote.Redeemed += sold.Redeemed
	}
	return nil
}

// shelf is the line at its price before points, the programme's and partners'; nil where none paid. Stamps are
// no payment: what they give is a promotion's discount.
func (p *position) shelf() ([]sale.Part, error) {
	if p.redeemed+p.partners == 0 {
		return nil, nil
	}
	return representLine(p, p.left()+p.redeemed+p.partners)
}

func (p *position) sold() (sale.SoldLine, error) {
	parts, err := representLine(p, p.left())
	if err != nil {
		return sale.SoldLine{}, err
	}
	g := &p.line.Product
	return sale.SoldLine{
		SKU: g.SKU, Name: g.Name, Code: p.line.Code, Qty: p.line.Qty, Price: g.Price,
		Gross: p.gross, Discount: p.off, Redeemed: p.redeemed.AsPoints(), Net: p.left(), Earned: p.earned,
		VAT: g.VAT, Subject: g.Subject, Unit: g.Unit, Traits: g.Traits, Parts: parts, Reasons: p.reasons,
		Extra: p.extra, Paid: p.paid, Gift: p.line.Gift,
	}, nil
}
