package loyalty

import (
	"math"
	"slices"

	"github.com/kopilka/kopilka/ledger/sale"
)

// Bounds of the search for the best of conflicting promotions. Ten candidates make at most 36 choices
// (four groups of two and three), each reckoned whole, and a till answers within a millisecond; beyond
// that the priorities decide, and the receipt's reasons say so.
const (
	// StackCandidatesMax is how many promotions in conflict are tried against each other.
	StackCandidatesMax = 10
	// StackWorkMax is how many promotions all trials together may reckon.
	StackWorkMax = 500
)

// candidate is a promotion whose conditions a receipt meets.
type candidate struct {
	rule
	lines []int
	times int64 // it may be had
}

// candidates finds the promotions that this receipt meets, in the order in which they are reckoned.
func (r *reckoning) candidates() []candidate {
	open := make([]bool, len(r.engine.rules))
	meets := false
	for i := range r.engine.rules {
		open[i] = r.open(&r.engine.rules[i])
		meets = meets || open[i]
	}
	if !meets {
		return nil
	}
	lines := r.named(open)
	list := make([]candidate, 0, len(lines))
	for i, own := range lines {
		if len(own) == 0 {
			continue
		}
		c := candidate{rule: r.engine.rules[i], lines: own}
		if c.times = r.times(&c); c.times > 0 && r.gives(&c) {
			list = append(list, c)
		}
	}
	return list
}

// named lists, for every open rule, the lines that it names. Tobacco is not even counted towards what
// other goods are given for.
func (r *reckoning) named(open []bool) [][]int {
	type match struct{ rule, line int32 }
	matches := make([]match, 0, 8*len(r.lines)+len(open))
	counts, last := make([]int32, len(open)), make([]int32, len(open))
	for n := range r.lines {
		p := &r.lines[n]
		if p.gift || p.line.Product.Traits.Has(sale.NoStimulus) {
			continue
		}
		r.engine.goods.visit(&p.line.Product, func(i int) {
			if line := int32(n) + 1; open[i] && last[i] != line { // an article may be named by its tag too
				last[i], counts[i] = line, counts[i]+1
				matches = append(matches, match{int32(i), int32(n)})
			}
		})
	}
	all, lines := make([]int, len(matches)), make([][]int, len(open))
	from := 0
	for i, count := range counts {
		to := from + int(count)
		lines[i], from = all[from:from:to], to
	}
	for _, m := range matches {
		lines[m.rule] = append(lines[m.rule], int(m.line))
	}
	return lines
}

// open tells whether a promotion holds now for this buyer, whatever lies in the basket.
func (r *reckoning) open(p *rule) bool {
	return p.When.holds(r.now) && p.Who.admits(r.buyer, r.tier.No) && (p.Campaign == 0 || r.claimOf(p.Campaign) >= 0)
}

// times is how often a promotion may be had on this receipt: as often as the goods make up what it asks
// for, within its limits. Promotions of pieces count pieces later.
func (r *reckoning) times(c *candidate) int64 {
	n := r.leasts(c)
	switch c.Give.Kind {
	case GivePoints:
		if c.PerReceipt > 0 {
			n = min(n, int64(c.PerReceipt))
		}
	case GiveAmountOff, GiveGift:
		n = min(n, max(1, int64(c.PerReceipt)))
	case GiveNthFree, GiveStamps:
		if n > 0 {
			n = math.MaxInt32
		}
		if c.PerReceipt > 0 {
			n = min(n, int64(c.PerReceipt))
		}
	default:
		n = min(n, 1)
	}
	if c.PerCustomer == 0 || r.buyer == nil || n == 0 {
		return n
	}
	had := usesOf(r.buyer.Uses, c.ID)
	if had >= c.PerCustomer {
		r.because(sale.Reason{Rule: RulePromoLimit, Amount: int64(had), Detail: c.name})
		return 0
	}
	return min(n, int64(c.PerCustomer-had))
}

func usesOf(uses []sale.PromoUse, promotion uint32) uint32 {
	for _, u := range uses {
		if u.Promotion == promotion {
			return u.Times
		}
	}
	return 0
}

// leasts is how often the goods hold what the promotion asks for; one where it asks for nothing. A gift
// does not count towards itself.
func (r *reckoning) leasts(c *candidate) int64 {
	if c.Least == (Least{}) {
		return 1
	}
	var sum sale.Money
	var qty sale.Qty
	for _, n := range c.lines {
		p := &r.lines[n]
		if c.Give.Kind == GiveGift && p.line.Product.SKU == c.Give.SKU {
			continue
		}
		sum, qty = sum+p.gross, qty+p.line.Qty
	}
	n := int64(math.MaxInt64)
	if c.Least.Sum > 0 {
		n = int64(sum / c.Least.Sum)
	}
	if c.Least.Qty > 0 {
		n = min(n, int64(qty/c.Least.Qty))
	}
	return n
}

// gives tells whether the promotion has something to act on, so that one without does not win a group.
func (r *reckoning) gives(c *candidate) bool {
	acts := func(p *position) bool { return p.may(sale.NoEarn) }
	switch c.Give.Kind {
	case GivePercentOff, GiveAmountOff, GiveNthFree:
		acts = func(p *position) bool { return p.room(cutOff) > 0 }
	case GiveGift:
		if c.lines = r.linesOf(c.Give.SKU); len(c.lines) == 0 {
			r.because(sale.Reason{Rule: RuleGiftDue, Amount: c.times, Detail: c.name + " sku=" + string(c.Give.SKU)})
			return false
		}
		acts = func(p *position) bool { return p.room(cutOff) > 0 }
	case GiveStamps:
		acts = func(p *position) bool { return p.may(sale.NoEarn) || p.room(cutOff) > 0 }
	}
	return slices.ContainsFunc(c.lines, func(n int) bool { return acts(&r.lines[n]) })
}

// linesOf are the lines of a product that a promotion may give.
func (r *reckoning) linesOf(sku sale.SKU) (lines []int) {
	for n := range r.lines {
		if p := &r.lines[n]; p.line.Product.SKU == sku && !p.gift {
			lines = append(lines, n)
		}
	}
	return lines
}

// choose keeps one promotion of each group: those that together give the customer most where few are in
// conflict, else of each group the first by priority. Most is money off, points and partners' points;
// what is equal is decided by priority.
func (r *reckoning) choose(list []candidate) []candidate {
	groups, conflicting := conflicts(list)
	if conflicting == 0 {
		return list
	}
	choices := int64(1)
	for _, g := range groups {
		choices = min(choices*int64(len(g)), math.MaxInt32)
	}
	word, picked := RuleStackFirst, make([]int, len(groups))
	if conflicting <= StackCandidatesMax && choices*int64(len(list)) <= StackWorkMax {
		word, picked = RuleStackBest, r.best(list, groups)
	}
	for i, g := range groups {
		r.because(sale.Reason{Rule: word, Amount: int64(len(g)), Detail: list[g[picked[i]]].name})
	}
	return pick(list, groups, picked)
}

// conflicts lists the groups of which a receipt meets more than one promotion, and counts these.
func conflicts(list []candidate) (groups [][]int, conflicting int) {
	index := make(map[string]int)
	for i := range list {
		name := list[i].Group
		if name == "" {
			continue
		}
		at, known := index[name]
		if !known {
			at = len(groups)
			index[name], groups = at, append(groups, nil)
		}
		groups[at] = append(groups[at], i)
	}
	groups = slices.DeleteFunc(groups, func(g []int) bool { return len(g) < 2 })
	for _, g := range groups {
		conflicting += len(g)
	}
	return groups, conflicting
}

// best tries every choice, those of higher priority first, so that they win what is equal.
func (r *reckoning) best(list []candidate, groups [][]int) []int {
	now, best := make([]int, len(groups)), make([]int, len(groups))
	most := sale.Money(math.MinInt64)
	scratch := make([]position, len(r.lines))
	for {
		if worth := r.worth(pick(list, groups, now), scratch); worth > most {
			most = worth
			copy(best, now)
		}
		at := len(groups) - 1
		for at >= 0 && now[at] == len(groups[at])-1 {
			now[at], at = 0, at-1
		}
		if at < 0 {
			return best
		}
		now[at]++
	}
}

// pick is the list without the promotions that were not chosen.
func pick(list []candidate, groups [][]int, chosen []int) []candidate {
	out := make([]bool, len(list))
	for i, g := range groups {
		for j, n := range g {
			out[n] = j != chosen[i]
		}
	}
	kept := make([]candidate, 0, len(list))
	for i := range list {
		if !out[i] {
			kept = append(kept, list[i])
		}
	}
	return kept
}

// worth is what the customer has of a choice.
func (r *reckoning) worth(chosen []candidate, scratch []position) sale.Money {
	copy(scratch, r.lines)
	trial := *r
	trial.quiet, trial.lines, trial.quote = true, scratch, Quote{}
	trial.reckon(chosen)
	worth := trial.quote.Earned.Worth()
	for i := range trial.lines {
		p := &trial.lines[i]
		worth += p.off
		for _, e := range p.extra {
			if trial.purse(e.Purse).Kind == PursePartner {
				worth += e.Amount.Worth()
			}
		}
	}
	return worth
}

// apply writes down that a promotion gave something, and that its code is used.
func (r *reckoning) apply(c *candidate, times int64, off sale.Money, points sale.Points) {
	if r.quiet {
		return
	}
	r.quote.Applied = append(r.quote.Applied, sale.Applied{Promotion: c.ID, Times: uint32(times), Discount: off, Points: max(0, points)})
	if at := r.claimOf(c.Campaign); c.Campaign != 0 && at >= 0 && !r.claims[at].used {
		r.claims[at].used = true
		r.quote.Codes = append(r.quote.Codes, r.claims[at].use)
		r.because(sale.Reason{Rule: RuleCodeUsed, Detail: campaignName(c.Campaign) + " " + c.name})
	}
}
