package loyalty

import (
	"errors"
	"fmt"
	"time"

	"github.com/kopilka/kopilka/ledger/sale"
)

// Buyer is what a quote needs to know of a customer.
type Buyer struct {
	No        sale.CustomerNo
	Tier      uint16
	State     sale.CustomerState
	Spendable sale.Points // here and now: what the till holds on lease

	Segment  uint8
	Bought   uint32             // receipts so far, as far as the till knows
	Staff    sale.StaffNo       // a member of staff's own card
	Uses     []sale.PromoUse    // of promotions limited per customer
	Purses   []sale.PurseAmount // spendable here and now, beside the points
	NoRedeem string             // a rule's code, where points must not be spent: how they were named, a fraud rule
}

// Claim is a promo code shown at the till and found to be genuine.
type Claim struct {
	Campaign uint32
	Key      sale.LookupKey
	Owner    sale.CustomerNo // of a personal code
}

// RedeemAll asks for as many points as the rules allow.
const RedeemAll sale.Points = -1

// Request is a basket to be reckoned. Buyer is nil for a sale to nobody in particular.
type Request struct {
	Lines  []sale.Line
	Buyer  *Buyer
	Redeem sale.Points // wanted; more than allowed is cut down with a reason
	At     sale.Time

	Zone    *time.Location // of the store; nil is UTC
	Store   sale.StoreNo
	Cashier sale.StaffNo
	Claims  []Claim
	Wishes  []sale.PurseAmount // to spend from partners' purses; more than allowed is cut down with a reason
}

// Quote is a reckoned basket, ready to be a sale: Gross − Discount − Redeemed is Total, and every sum
// is exactly the sum of its lines.
type Quote struct {
	Programme  uint32          `json:"programme"` // version; zero without one
	Lines      []sale.SoldLine `json:"lines"`
	Gross      sale.Money      `json:"gross"`
	Discount   sale.Money      `json:"discount"`
	Total      sale.Money      `json:"total"`
	Redeemed   sale.Points     `json:"redeemed"`
	Redeemable sale.Points     `json:"redeemable"` // the most that points could pay for
	Earned     sale.Points     `json:"earned"`
	Reasons    []sale.Reason   `json:"reasons,omitempty"`

	Reward  sale.Points        `json:"reward,omitempty"` // the cashier's
	Applied []sale.Applied     `json:"applied,omitempty"`
	Codes   []sale.CodeUse     `json:"codes,omitempty"`   // that gave something
	Paid    []sale.PurseAmount `json:"paid,omitempty"`    // from other purses, as on the lines
	Payable []sale.PurseAmount `json:"payable,omitempty"` // the most that a partner's purses could pay
}

// ErrBasket is wrapped by every refusal of a request.
var ErrBasket = errors.New("basket")

// reckoning is a quote on its way. A programme either discounts or takes points, so one cut per line
// is enough, whichever it is.
type reckoning struct {
	programme *Programme
	request   Request
	tier      Tier
	lines     []position
	quote     Quote
}

// position is a line on its way.
type position struct {
	line    sale.Line
	gross   sale.Money
	open    bool       // takes part in the discount or redemption
	room    sale.Money // the most that may be cut; zero where the product forbids it
	cut     sale.Money
	earned  sale.Points
	reasons []sale.Reason
}

func (p *position) net() sale.Money { return p.gross - p.cut }

func (p *position) may(refusal sale.Traits) bool { return !p.line.Product.Traits.Has(refusal) }

func (p *position) because(rule string, amount sale.Money) {
	p.reasons = append(p.reasons, sale.Reason{Rule: rule, Amount: int64(amount)})
}

func (r *reckoning) because(reason sale.Reason) { r.quote.Reasons = append(r.quote.Reasons, reason) }

func (r *reckoning) begin() error {
	if n := len(r.request.Lines); n == 0 || n > sale.LinesMax {
		return fmt.Errorf("%d lines, want 1 to %d / строк в чеке: %d, можно от 1 до %d", n, sale.LinesMax, n, sale.LinesMax)
	}
	if r.request.Redeem < RedeemAll {
		return fmt.Errorf("redeem %s points, want zero or more / нельзя списать отрицательное число баллов", r.request.Redeem)
	}
	r.lines = make([]position, len(r.request.Lines))
	for i, l := range r.request.Lines {
		gross, err := checkLine(l)
		if err != nil {
			return fmt.Errorf("line %d, %s: %w", i+1, l.Product.Name, err)
		}
		r.lines[i] = position{line: l, gross: gross}
		if r.quote.Gross += gross; r.quote.Gross > sale.MoneyMax {
			return fmt.Errorf("%w: receipt of more than %s / сумма чека слишком велика", sale.ErrAmount, sale.MoneyMax)
		}
	}
	return nil
}

func checkLine(l sale.Line) (sale.Money, error) {
	switch p := l.Product; {
	case l.Qty <= 0:
		return 0, fmt.Errorf("quantity %s, want more than zero / количество должно быть больше нуля", l.Qty)
	case l.Qty > sale.QtyMax:
		return 0, fmt.Errorf("%w: quantity %s, a register holds %s / количество слишком велико", sale.ErrAmount, l.Qty, sale.QtyMax)
	case l.Qty%sale.Piece != 0 && !p.Traits.Has(sale.Weighed):
		return 0, fmt.Errorf("quantity %s of goods sold by the piece / штучный товар продаётся целыми штуками", l.Qty)
	case p.Price < 0 || p.MinPrice < 0:
		return 0, fmt.Errorf("price %s, minimum %s, want zero or more / цена не может быть отрицательной", p.Price, p.MinPrice)
	case p.Price > sale.MoneyMax:
		return 0, fmt.Errorf("%w: price %s, a register holds %s / цена слишком велика", sale.ErrAmount, p.Price, sale.MoneyMax)
	}
	return l.Gross()
}

// member finds the buyer's tier; false when no rule applies to this sale.
func (r *reckoning) member() bool {
	if r.programme == nil {
		r.refuse(RuleNoProgramme)
		return false
	}
	r.quote.Programme = r.programme.Version
	switch b := r.request.Buyer; {
	case b == nil:
		r.refuse(RuleRedeemNobody)
		return false
	case b.State == sale.CustomerBlocked:
		r.because(sale.Reason{Rule: RuleBlocked})
		return false
	case b.State == sale.CustomerErased:
		r.because(sale.Reason{Rule: RuleErased})
		return false
	}
	return r.findTier(r.request.Buyer.Tier)
}

func (r *reckoning) findTier(no uint16) bool {
	tier, known := r.programme.tier(no)
	if !known {
		r.because(sale.Reason{Rule: RuleTierUnknown, Amount: int64(no)})
		tier, known = r.programme.tier(0)
	}
	r.tier = tier
	return known
}

// refuse says why points that were asked for by number are not taken.
func (r *reckoning) refuse(rule string) {
	if r.request.Redeem > 0 {
		r.because(sale.Reason{Rule: rule, Amount: int64(r.request.Redeem)})
	}
}

// floor is the least that a line must keep. Above LineFloor it is a kopeck for every started unit, so
// that no part of the line costs nothing: registers and the tax service's checks dislike zero prices.
func (r *reckoning) floor(p *position) sale.Money {
	floor := sale.Money(0)
	if r.programme.LineFloor > 0 {
		floor = max(r.programme.LineFloor, sale.Money((p.line.Qty+sale.Piece-1)/sale.Piece))
	}
	minimum, err := p.line.Product.MinPrice.Times(p.line.Qty)
	if err != nil {
		return p.gross // a minimum beyond any receipt: nothing may come off
	}
	return min(p.gross, max(floor, minimum))
}

// open finds how much may come off each line and returns the sum of the lines that take part.
func (r *reckoning) open(refusal sale.Traits, rule string) (base, room sale.Money) {
	for i := range r.lines {
		p := &r.lines[i]
		if !p.may(refusal) {
			p.because(rule, 0)
			continue
		}
		p.open, p.room = true, p.gross-r.floor(p)
		base, room = base+p.gross, room+p.room
	}
	return base, room
}

// discount takes the tier's percentage off. What a floor refuses is lost, not moved to other goods:
// a customer of 5 % gets 5 % of each product at most.
func (r *reckoning) discount() {
	if r.programme.Policy != PolicyDiscount {
		return
	}
	r.refuse(RuleRedeemPolicy)
	rate := r.tier.Discount
	if rate <= 0 {
		return
	}
	base, _ := r.open(sale.NoDiscount, RuleNoDiscount)
	var fine int64 // kopecks × 10 000, so that the receipt is rounded once
	for _, p := range r.lines {
		if p.may(sale.NoDiscount) {
			fine += min(int64(p.gross)*int64(rate), int64(p.room)*int64(sale.Hundred))
		}
	}
	r.quote.Discount = sale.Money(fine / int64(sale.Hundred))
	r.because(rated(RuleTierDiscount, int64(r.quote.Discount), r.tier, rate, base))
	if refused := base.Percent(rate) - r.quote.Discount; refused > 0 {
		r.because(sale.Reason{Rule: RulePriceFloor, Amount: int64(refused)})
	}
	r.spread(r.quote.Discount)
}

// redeem lets points pay, as many as are wanted and allowed.
func (r *reckoning) redeem() {
	if r.programme.Policy != PolicyPoints {
		return
	}
	base, room := r.open(sale.NoRedeem, RuleNoRedeem)
	r.quote.Redeemable = r.redeemable(base, room)
	r.quote.Redeemed = r.quote.Redeemable
	if wanted := r.request.Redeem; wanted != RedeemAll {
		step := max(1, r.programme.RedeemStep)
		given := min(wanted, r.quote.Redeemable)
		r.quote.Redeemed = given - given%step
		if less := wanted - r.quote.Redeemed; less > 0 {
			r.because(sale.Reason{Rule: RuleRedeemLess, Amount: int64(less)})
		}
	}
	if r.quote.Redeemed > 0 {
		r.spread(r.quote.Redeemed.Worth())
	}
}

// redeemable goes through the limits, naming the tier's always and the others where they bind.
func (r *reckoning) redeemable(base, room sale.Money) sale.Points {
	limit := base.Percent(r.tier.RedeemMax).AsPoints()
	r.because(rated(RuleRedeemCap, int64(limit), r.tier, r.tier.RedeemMax, base))
	if floors := room.AsPoints(); floors < limit {
		limit = floors
		r.because(sale.Reason{Rule: RuleRedeemFloor, Amount: int64(limit)})
	}
	if spendable := max(0, r.request.Buyer.Spendable); spendable < limit {
		limit = spendable
		r.because(sale.Reason{Rule: RuleRedeemSpendable, Amount: int64(limit)})
	}
	step := max(1, r.programme.RedeemStep)
	if dropped := limit % step; dropped > 0 {
		limit -= dropped
		r.because(stepped(RuleRedeemStep, dropped, step))
	}
	return limit
}

// spread cuts the lines by a total that their rooms can hold, and says which of them could take no more.
func (r *reckoning) spread(total sale.Money) {
	weights, rooms := make([]int64, len(r.lines)), make([]int64, len(r.lines))
	for i, p := range r.lines {
		rooms[i] = int64(p.room)
		if p.room > 0 {
			weights[i] = int64(p.gross)
		}
	}
	cuts, err := Allocate(int64(total), weights, rooms)
	if err != nil {
		panic(err) // both callers hold the total down to the sum of the rooms
	}
	for i := range r.lines {
		p := &r.lines[i]
		p.cut = sale.Money(cuts[i])
		if p.open && p.gross > 0 && p.cut == p.room {
			p.because(RulePriceFloor, p.net())
		}
	}
}

// earn gives points on the money paid, rounded once for the receipt and then spread over its lines.
func (r *reckoning) earn() {
	if r.programme.Policy != PolicyPoints || r.tier.Earn <= 0 {
		return
	}
	var base sale.Money
	weights, caps := make([]int64, len(r.lines)), make([]int64, len(r.lines))
	for i := range r.lines {
		p := &r.lines[i]
		if !p.may(sale.NoEarn) {
			p.because(RuleNoEarn, 0)
			continue
		}
		weights[i], caps[i] = int64(p.net()), int64(p.net())
		base += p.net()
	}
	exact, step := base.Percent(r.tier.Earn).AsPoints(), max(1, r.programme.EarnStep)
	r.quote.Earned = exact - exact%step
	r.because(rated(RuleTierEarn, int64(exact), r.tier, r.tier.Earn, base))
	if exact%step > 0 {
		r.because(stepped(RuleRoundEarn, exact%step, step))
	}
	earned, err := Allocate(int64(r.quote.Earned), weights, caps)
	if err != nil {
		panic(err) // a valid tier earns at most 100 %, so the caps hold the sum
	}
	for i := range r.lines {
		r.lines[i].earned = sale.Points(earned[i])
	}
}

func (r *reckoning) finish() error {
	r.quote.Lines = make([]sale.SoldLine, len(r.lines))
	for i := range r.lines {
		sold, err := r.sold(&r.lines[i])
		if err != nil {
			return fmt.Errorf("line %d: %w", i+1, err)
		}
		r.quote.Lines[i] = sold
		r.quote.Total += sold.Net
	}
	return nil
}

func (r *reckoning) sold(p *position) (sale.SoldLine, error) {
	parts, err := representLine(p.line, p.net())
	if err != nil {
		return sale.SoldLine{}, err
	}
	g := p.line.Product
	line := sale.SoldLine{
		SKU: g.SKU, Name: g.Name, Code: p.line.Code, Qty: p.line.Qty, Price: g.Price,
		Gross: p.gross, Net: p.net(), Earned: p.earned,
		VAT: g.VAT, Subject: g.Subject, Unit: g.Unit, Traits: g.Traits, Parts: parts, Reasons: p.reasons,
	}
	if r.programme != nil && r.programme.Policy == PolicyDiscount {
		line.Discount = p.cut
	} else {
		line.Redeemed = p.cut.AsPoints()
	}
	return line, nil
}
