package loyalty

import (
	"fmt"
	"math"
	"slices"

	"github.com/kopilka/kopilka/ledger/sale"
)

func purseName(no sale.PurseNo) string { return fmt.Sprintf("purse=%d", no) }

// purse finds a purse; a programme that does not know it has one of no kind.
func (r *reckoning) purse(no sale.PurseNo) Purse {
	for i := range r.programme.Purses {
		if r.programme.Purses[i].No == no {
			return r.programme.Purses[i]
		}
	}
	return Purse{}
}

// partners lets partners' points pay, in the order of the programme's purses, before the programme's own
// points: what is left of those is the customer's for anything.
func (r *reckoning) partners() {
	for i := range r.programme.Purses {
		o := &r.programme.Purses[i]
		wish, balance := purseOf(r.request.Wishes, o.No), purseOf(r.buyer.Purses, o.No)
		if o.Kind == PursePartner && (wish != 0 || balance > 0) {
			r.partner(i, o, wish, balance)
		}
	}
	for _, w := range r.request.Wishes {
		if r.purse(w.Purse).Kind != PursePartner && w.Amount > 0 {
			r.because(sale.Reason{Rule: RulePurseUnknown, Amount: int64(w.Amount), Detail: purseName(w.Purse)})
		}
	}
}

func (r *reckoning) partner(index int, o *Purse, wish, balance sale.Points) {
	lines, most := r.payable(index, o, balance)
	if most > 0 && !r.quiet {
		r.quote.Payable = append(r.quote.Payable, sale.PurseAmount{Purse: o.No, Amount: most})
	}
	pay := most
	if wish != RedeemAll {
		pay = min(wish, most)
	}
	if less := wish - pay; less > 0 {
		r.because(sale.Reason{Rule: RulePurseLess, Amount: int64(less), Detail: purseName(o.No)})
	}
	if pay <= 0 {
		return
	}
	name := purseName(o.No)
	cuts := r.spread(cutOff, pay.Worth(), lines, sale.Reason{Rule: RulePursePaid, Detail: name})
	for i, n := range lines {
		if cuts[i] > 0 {
			p := &r.lines[n]
			p.partners += sale.Money(cuts[i])
			r.pay(p, o.No, sale.Points(cuts[i]))
		}
	}
	r.because(sale.Reason{Rule: RulePursePaid, Amount: int64(pay), Detail: name})
}

// pay writes down what another purse paid of a line.
func (r *reckoning) pay(p *position, purse sale.PurseNo, amount sale.Points) {
	r.quote.Paid = addPurse(r.quote.Paid, purse, amount)
	if !r.quiet {
		p.paid = addPurse(p.paid, purse, amount)
	}
}

// payable is the most that a partner's points can pay here now, and of which lines.
func (r *reckoning) payable(index int, o *Purse, balance sale.Points) (lines []int, most sale.Points) {
	if r.buyer.NoRedeem != "" || (len(o.Stores) > 0 && !slices.Contains(o.Stores, r.request.Store)) {
		return nil, 0
	}
	var base, room sale.Money
	for n := range r.lines {
		p := &r.lines[n]
		if p.gift || !p.may(sale.NoDiscount) || !p.may(sale.NoRedeem) || !r.partnerTakes(index, p) {
			continue
		}
		lines = append(lines, n)
		base, room = base+p.left(), room+p.room(cutOff)
	}
	return lines, max(0, min(base.Percent(o.Max).AsPoints(), room.AsPoints(), balance))
}

func (r *reckoning) partnerTakes(index int, p *position) (named bool) {
	r.engine.partners.visit(&p.line.Product, func(i int) { named = named || i == index })
	return named
}

// stampsPay lets a full card of stamps pay for the dearest pieces, down to their floor.
func (r *reckoning) stampsPay(c *candidate) {
	if r.buyer == nil || r.buyer.NoRedeem != "" || c.Give.Nth == 0 {
		return
	}
	price := sale.Points(c.Give.Nth) * sale.Point
	left := max(0, purseOf(r.buyer.Purses, c.Give.Purse)-purseOf(r.quote.Paid, c.Give.Purse))
	want := min(int64(left/price), c.times, freeMax)
	var off sale.Money
	var given int64
	for _, n := range r.dearest(c.lines) {
		p := &r.lines[n]
		if !p.may(sale.NoRedeem) || p.piece() <= p.price {
			continue
		}
		some, money := r.free(p, want-given)
		if some == 0 {
			continue
		}
		given, off = given+some, off+money
		r.pay(p, c.Give.Purse, price*sale.Points(some))
		r.note(p, RulePromoStamps, int64(money), c.name)
		r.full(p, cutOff)
	}
	if given > 0 {
		r.because(sale.Reason{Rule: RulePromoStamps, Amount: int64(off), Detail: c.name + " stamps=" + (price * sale.Points(given)).String()})
		r.apply(c, given, off, 0)
	}
}

// extras gives what promotions put into other purses, on the money paid for goods that may earn.
func (r *reckoning) extras(chosen []candidate) {
	for i := range chosen {
		c := &chosen[i]
		switch c.Give.Kind {
		case GiveStamps:
			r.stamps(c)
		case GiveTickets:
			r.into(c, RuleTickets, func(base sale.Money) sale.Points { return sale.Points(base/c.Give.Money) * sale.Point })
		case GivePurse:
			r.into(c, RulePromoPurse, func(base sale.Money) sale.Points { return base.Percent(c.Give.Rate).AsPoints() })
		}
	}
}

// stamps gives one for every piece that was paid for in money.
func (r *reckoning) stamps(c *candidate) {
	var all sale.Points
	for _, n := range c.lines {
		p := &r.lines[n]
		if open := r.inMoney(p); p.may(sale.NoEarn) && p.whole() && open > 0 {
			amount := sale.Points(open) * sale.Point
			p.extra = addPurse(p.extra, c.Give.Purse, amount)
			all += amount
		}
	}
	r.gave(c, RuleStamps, all)
}

// into spreads an amount over the lines that it was reckoned from.
func (r *reckoning) into(c *candidate, word string, amount func(base sale.Money) sale.Points) {
	var base sale.Money
	weights, caps := r.buffers(len(c.lines))
	for i, n := range c.lines {
		b := r.lines[n].earnBase()
		weights[i], base = int64(b), base+b
		if b > 0 {
			caps[i] = math.MaxInt64
		}
	}
	all := amount(base)
	shares, err := Allocate(int64(all), weights, caps)
	if err != nil {
		panic(err) // an amount above zero has a base, whose lines take any
	}
	for i, n := range c.lines {
		if shares[i] > 0 {
			p := &r.lines[n]
			p.extra = addPurse(p.extra, c.Give.Purse, sale.Points(shares[i]))
		}
	}
	r.gave(c, word, all)
}

// inMoney counts the pieces that neither a promotion gave nor points, the programme's or a partner's, paid down
// to their floor. Kopecks that smoothing moved and the step of redemption left above it tell nothing.
func (r *reckoning) inMoney(p *position) int64 {
	open, points := p.pieces()-p.free, int64(p.redeemed+p.partners)
	above := int64(p.left() - p.keep)
	switch {
	case p.gift:
		return 0
	case points == 0:
		return open
	case above <= int64(moveMax), above < int64(r.programme.RedeemStep.Worth()):
		return 0
	}
	return open - open*points/(points+above)
}

func (r *reckoning) gave(c *candidate, word string, amount sale.Points) {
	if amount > 0 && !r.quiet {
		r.because(sale.Reason{Rule: word, Amount: int64(amount), Detail: c.name + " " + purseName(c.Give.Purse)})
		if !slices.ContainsFunc(r.quote.Applied, func(a sale.Applied) bool { return a.Promotion == c.ID }) {
			r.apply(c, 1, 0, 0)
		}
	}
}
