package loyalty

import (
	"cmp"
	"slices"

	"github.com/kopilka/kopilka/ledger/sale"
)

// moneyOff takes off what a promotion gives in money; the others give points later.
func (r *reckoning) moneyOff(c *candidate) {
	for _, n := range c.lines {
		if p := &r.lines[n]; !r.quiet && c.Give.Kind.money() && !p.may(sale.NoDiscount) {
			r.once(p, RuleNoDiscount, 0)
		}
	}
	switch c.Give.Kind {
	case GivePercentOff:
		r.percentOff(c)
	case GiveAmountOff:
		r.amountOff(c)
	case GiveGift:
		r.give(c, r.dearest(c.lines), min(c.times*int64(c.Give.Qty/sale.Piece), freeMax), RulePromoGift)
	case GiveNthFree:
		r.nthFree(c)
	case GiveStamps:
		r.stampsPay(c)
	}
}

// money tells the kinds that take money off goods.
func (k GiveKind) money() bool {
	return k == GivePercentOff || k == GiveAmountOff || k == GiveGift || k == GiveNthFree
}

// percent takes a rate off lines, each by what is left of it and no further than its floor: what a floor
// refuses is lost, not moved to other goods.
func (r *reckoning) percent(lines []int, rate sale.BasisPoints, why sale.Reason) (off, base sale.Money) {
	var fine int64 // kopecks × 10 000, so that the receipt is rounded once
	for _, n := range lines {
		p := &r.lines[n]
		if !p.gift && p.may(sale.NoDiscount) {
			base += p.left()
			fine += min(int64(p.left())*int64(rate), int64(p.room(cutOff))*int64(sale.Hundred))
		}
	}
	off = sale.Money(fine / int64(sale.Hundred))
	r.spread(cutOff, off, lines, why)
	return off, base
}

func (r *reckoning) percentOff(c *candidate) {
	off, base := r.percent(c.lines, c.Give.Rate, sale.Reason{Rule: RulePromoPercent, Detail: c.name})
	if off == 0 {
		return
	}
	if !r.quiet {
		r.because(sale.Reason{Rule: RulePromoPercent, Amount: int64(off), Detail: c.name + " rate=" + c.Give.Rate.String() + " of=" + base.String()})
	}
	r.apply(c, 1, off, 0)
}

// amountOff takes a sum off the goods, as often as they earn it; what their floors refuse is lost.
func (r *reckoning) amountOff(c *candidate) {
	var room sale.Money
	for _, n := range c.lines {
		room += r.lines[n].room(cutOff)
	}
	off := min(room, c.Give.Money*sale.Money(c.times))
	if off == 0 {
		return
	}
	r.spread(cutOff, off, c.lines, sale.Reason{Rule: RulePromoAmount, Detail: c.name})
	r.because(sale.Reason{Rule: RulePromoAmount, Amount: int64(off), Detail: c.name})
	r.apply(c, c.times, off, 0)
}

// freeMax bounds the pieces that one promotion gives on one receipt: more is a wholesale delivery.
const freeMax = 10_000

// dearest puts lines of whole pieces in the order of what a piece still costs, the dearer first. Goods
// by weight have no pieces and stay out.
func (r *reckoning) dearest(lines []int) []int {
	order := slices.DeleteFunc(slices.Clone(lines), func(n int) bool {
		p := &r.lines[n]
		return !p.whole() || p.room(cutOff) == 0
	})
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(r.lines[b].piece(), r.lines[a].piece()) })
	return order
}

// whole tells lines that can be counted in pieces.
func (p *position) whole() bool { return p.line.Qty%sale.Piece == 0 && p.may(sale.Weighed) }

// piece is what one piece that nobody gave yet costs.
func (p *position) piece() sale.Money {
	if p.free >= p.pieces() {
		return 0
	}
	return (p.left() - p.freeKeep).Share(1, p.pieces()-p.free)
}

// free takes pieces of a line down to their floor and returns how many and what came off.
func (r *reckoning) free(p *position, want int64) (given int64, off sale.Money) {
	open := p.pieces() - p.free
	given = min(want, open)
	if given <= 0 {
		return 0, 0
	}
	keep := p.price
	if r.programme.LineFloor > 0 {
		keep = max(keep, 1)
	}
	costs := (p.left() - p.freeKeep).Share(given, open)
	keep = min(keep*sale.Money(given), costs)
	if off = min(costs-keep, p.room(cutOff)); off <= 0 {
		return 0, 0
	}
	p.take(cutOff, off)
	p.parts[cutOff] = true
	p.free, p.freeKeep = p.free+given, p.freeKeep+keep
	return given, off
}

// give gives up to so many pieces of lines, in their order.
func (r *reckoning) give(c *candidate, lines []int, want int64, word string) {
	var given int64
	var off sale.Money
	for _, n := range lines {
		p := &r.lines[n]
		some, money := r.free(p, want-given)
		if some == 0 {
			continue
		}
		given, off = given+some, off+money
		r.note(p, word, int64(money), c.name)
		r.full(p, cutOff)
	}
	if given > 0 {
		r.because(sale.Reason{Rule: word, Amount: int64(off), Detail: c.name})
		r.apply(c, min(given, c.times), off, 0)
	}
}

// nthFree lays the pieces in a row, the dearer first, and gives the last of every N: the way of counting
// that is best for the customer.
func (r *reckoning) nthFree(c *candidate) {
	order := r.dearest(c.lines)
	each := make(map[int]int64, len(order))
	n, left := int64(c.Give.Nth), min(c.times, freeMax)
	var before int64
	for _, at := range order {
		p := &r.lines[at]
		open := p.pieces() - p.free
		each[at] = min(left, (before+open)/n-before/n)
		before, left = before+open, left-each[at]
	}
	var given int64
	var off sale.Money
	for _, at := range order {
		p := &r.lines[at]
		some, money := r.free(p, each[at])
		if some == 0 {
			continue
		}
		given, off = given+some, off+money
		r.note(p, RulePromoNth, int64(money), c.name)
		r.full(p, cutOff)
	}
	if given > 0 {
		r.because(sale.Reason{Rule: RulePromoNth, Amount: int64(off), Detail: c.name})
		r.apply(c, given, off, 0)
	}
}
