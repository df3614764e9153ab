package loyalty

import (
	"math"

	"github.com/kopilka/kopilka/ledger/sale"
)

// A rate of accrual is counted in millionths, so that 3.33 % times 1.5 is exact to a hundredth of a
// basis point; a line of [sale.MoneyMax] times the rate still fits an int64 many times over.
const (
	millionths   = 1_000_000
	perBasis     = millionths / int64(sale.Hundred)
	rateMax      = millionths // a line never earns more than the money paid for it, but for points given once
	fixedMax     = 1_000_000 * sale.Point
	pointsMaxAll = sale.Points(sale.MoneyMax)
)

// earnBase is the money that a line earns on: what was paid for pieces that nobody gave.
func (p *position) earnBase() sale.Money {
	if p.gift || p.barred || !p.may(sale.NoEarn) || (p.free > 0 && p.free == p.pieces()) {
		return 0
	}
	return max(0, p.left()-p.freeKeep)
}

// fine is a line's accrual in millionths of a hundredth.
func (p *position) fine() int64 { return int64(p.earnBase())*p.rate + int64(p.fixed)*millionths }

// earn gives points on the money paid, rounded once for the receipt and then spread over its lines: the
// tier's rate, multiplied by promotions, then their additions, then points given once.
func (r *reckoning) earn(chosen []candidate) {
	giving := false
	for i := range chosen {
		k := chosen[i].Give.Kind
		giving = giving || k == GiveEarnTimes || k == GiveEarnExtra || k == GivePoints
	}
	if r.programme.Policy == PolicyDiscount || (r.tier.Earn <= 0 && !giving) {
		return
	}
	a := accruing{reckoning: r}
	a.byTier()
	for _, kind := range []GiveKind{GiveEarnTimes, GiveEarnExtra, GivePoints} {
		for i := range chosen {
			if chosen[i].Give.Kind == kind {
				a.byPromotion(&chosen[i])
			}
		}
	}
	a.round()
}

// accruing adds up a receipt's accrual. What a rule gave is by how much it moved the whole points of the
// sum so far, so that the reasons add up to the receipt's figure exactly.
type accruing struct {
	*reckoning
	sum   int64       // in millionths of a hundredth
	said  sale.Points // of it, in reasons
	given sale.Points // points given once
}

// gain is how much the sum has grown since it was last asked.
func (a *accruing) gain() sale.Points {
	now := sale.Points(a.sum / millionths)
	grown := now - a.said
	a.said = now
	return grown
}

func (a *accruing) byTier() {
	var base sale.Money
	for i := range a.lines {
		p := &a.lines[i]
		if !p.may(sale.NoEarn) {
			a.once(p, RuleNoEarn, 0)
			continue
		}
		p.rate = int64(a.tier.Earn) * perBasis
		base += p.earnBase()
		a.sum += p.fine()
	}
	if exact := a.gain(); a.tier.Earn > 0 && !a.quiet {
		a.because(rated(RuleTierEarn, int64(exact), a.tier, a.tier.Earn, base))
	}
}

func (a *accruing) byPromotion(c *candidate) {
	word, detail := RuleEarnPoints, ""
	switch c.Give.Kind {
	case GiveEarnTimes:
		word = RuleEarnTimes
		a.times(c)
	case GiveEarnExtra:
		word = RuleEarnExtra
		a.rates(c, func(p *position) int64 { return p.rate + int64(c.Give.Rate)*perBasis })
	case GivePoints:
		a.points(c)
	}
	grown := a.gain()
	if a.quiet {
		return
	}
	if c.Give.Kind != GivePoints {
		detail = " rate=" + c.Give.Rate.String()
	}
	if grown != 0 {
		a.because(sale.Reason{Rule: word, Amount: int64(grown), Detail: c.name + detail})
	}
	if grown > 0 {
		n := int64(1)
		if c.Give.Kind == GivePoints {
			n = c.times
		}
		a.apply(c, n, 0, grown)
	}
}

// times multiplies; by zero the goods earn nothing, whatever else would give on them.
func (a *accruing) times(c *candidate) {
	if c.Give.Rate > 0 {
		a.rates(c, func(p *position) int64 { return p.rate * int64(c.Give.Rate) / int64(sale.Hundred) })
		return
	}
	for _, n := range c.lines {
		p := &a.lines[n]
		a.sum -= p.fine()
		p.barred = true
		a.once(p, RuleEarnBarred, 0)
	}
}

func (a *accruing) rates(c *candidate, next func(p *position) int64) {
	for _, n := range c.lines {
		p := &a.lines[n]
		if p.earnBase() == 0 {
			continue
		}
		before := p.fine()
		if p.rate = next(p); p.rate > rateMax {
			p.rate = rateMax
			a.once(p, RuleEarnMax, p.earnBase())
		}
		a.sum += p.fine() - before
	}
}

// points spreads points given once over the goods, so that a return takes back their share.
func (a *accruing) points(c *candidate) {
	weights, caps := a.buffers(len(c.lines))
	base := int64(0)
	for i, n := range c.lines {
		weights[i] = int64(a.lines[n].earnBase())
		base += weights[i]
		if weights[i] > 0 {
			caps[i] = math.MaxInt64
		}
	}
	if base == 0 {
		return
	}
	amount := min(sale.Points(min(c.times, int64(fixedMax/c.Give.Points)))*c.Give.Points, fixedMax-a.given)
	a.given += amount
	shares, err := Allocate(int64(amount), weights, caps)
	if err != nil {
		panic(err) // some line has weight and takes any amount
	}
	for i, n := range c.lines {
		a.lines[n].fixed += sale.Points(shares[i])
	}
	a.sum += int64(amount) * millionths
}

func (a *accruing) round() {
	exact, step := min(a.said, pointsMaxAll), max(1, a.programme.EarnStep)
	a.quote.Earned = exact - exact%step
	if exact%step > 0 && !a.quiet {
		a.because(stepped(RuleRoundEarn, exact%step, step))
	}
	if a.quiet || a.quote.Earned == 0 {
		return
	}
	weights, caps := a.buffers(len(a.lines))
	for i := range a.lines {
		if weights[i] = a.lines[i].fine(); weights[i] > 0 {
			caps[i] = math.MaxInt64
		}
	}
	earned, err := Allocate(int64(a.quote.Earned), weights, caps)
	if err != nil {
		panic(err) // whole points come of some line's weight, and each takes any amount
	}
	for i := range a.lines {
		a.lines[i].earned = sale.Points(earned[i])
	}
}

// reward is the cashier's share of the receipt, never of their own purchases.
func (r *reckoning) reward() {
	rate := r.programme.Cashier.Rate
	if rate <= 0 || r.request.Cashier == 0 {
		return
	}
	if b := r.request.Buyer; r.request.Own || (b != nil && b.Staff == r.request.Cashier) {
		r.because(sale.Reason{Rule: RuleRewardOwn})
		return
	}
	var total sale.Money
	for i := range r.lines {
		total += r.lines[i].left()
	}
	if r.quote.Reward = total.Percent(rate).AsPoints(); r.quote.Reward > 0 {
		r.because(sale.Reason{Rule: RuleReward, Amount: int64(r.quote.Reward), Detail: "rate=" + rate.String() + " of=" + total.String()})
	}
}
