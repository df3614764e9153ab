package loyalty

import "github.com/kopilka/kopilka/ledger/sale"

// discount takes the tier's percentage off what promotions have left. What a floor refuses is lost, not
// moved to other goods: a customer of 5 % gets 5 % of each product at most.
func (r *reckoning) discount() {
	if r.programme.Policy == PolicyPoints {
		return
	}
	if r.programme.Policy == PolicyDiscount && r.request.Redeem > 0 {
		r.because(sale.Reason{Rule: RuleRedeemPolicy, Amount: int64(r.request.Redeem)})
	}
	rate := r.tier.Discount
	if rate <= 0 {
		return
	}
	for i := range r.lines {
		if p := &r.lines[i]; !p.may(sale.NoDiscount) {
			r.once(p, RuleNoDiscount, 0)
		}
	}
	off, base := r.percent(r.every(), rate, sale.Reason{})
	if r.quiet {
		return
	}
	r.because(rated(RuleTierDiscount, int64(off), r.tier, rate, base))
	if refused := base.Percent(rate) - off; refused > 0 {
		r.because(sale.Reason{Rule: RulePriceFloor, Amount: int64(refused)})
	}
}

// redeem lets points pay, as many as are wanted and allowed.
func (r *reckoning) redeem() {
	if r.programme.Policy == PolicyDiscount {
		return
	}
	if r.buyer.NoRedeem != "" {
		r.because(sale.Reason{Rule: RuleRedeemRefused, Amount: int64(max(0, r.request.Redeem)), Detail: "why=" + r.buyer.NoRedeem})
		return
	}
	r.quote.Redeemable = r.redeemable()
	redeemed := r.quote.Redeemable
	if wanted := r.request.Redeem; wanted != RedeemAll {
		step := max(1, r.programme.RedeemStep)
		given := min(wanted, r.quote.Redeemable)
		redeemed = given - given%step
		if less := wanted - redeemed; less > 0 {
			r.because(sale.Reason{Rule: RuleRedeemLess, Amount: int64(less)})
		}
	}
	if redeemed > 0 {
		r.spread(cutPoints, redeemed.Worth(), r.every(), sale.Reason{})
	}
}

// openToPoints finds how much points may pay of each line, and of all lines: the sum of those that take part,
// what their floors leave, and what caps on goods leave of that.
func (r *reckoning) openToPoints() (base, floors, caps sale.Money) {
	for i := range r.lines {
		p := &r.lines[i]
		if p.gift {
			continue
		}
		if !p.may(sale.NoRedeem) {
			r.once(p, RuleNoRedeem, 0)
			continue
		}
		floors += max(0, p.left()-p.keep)
		if limit, capped := r.goodsCap(p); capped {
			if p.redeemMax = p.left().Percent(limit); limit == 0 {
				floors -= max(0, p.left()-p.keep)
				r.once(p, RuleGoodsCap, 0)
				continue
			}
		}
		base, caps = base+p.left(), caps+p.room(cutPoints)
	}
	return base, floors, caps
}

// goodsCap is the least of the caps that name a product.
func (r *reckoning) goodsCap(p *position) (limit sale.BasisPoints, capped bool) {
	limit = sale.Hundred
	if len(r.programme.Caps) == 0 {
		return limit, false
	}
	r.engine.caps.visit(&p.line.Product, func(i int) {
		limit, capped = min(limit, r.programme.Caps[i].Max), true
	})
	return limit, capped
}

// redeemable goes through the limits, naming the tier's always and the others where they bind.
func (r *reckoning) redeemable() sale.Points {
	base, floors, caps := r.openToPoints()
	limit := base.Percent(r.tier.RedeemMax).AsPoints()
	if !r.quiet {
		r.because(rated(RuleRedeemCap, int64(limit), r.tier, r.tier.RedeemMax, base))
	}
	lower := func(to sale.Points, rule string) {
		if to < limit {
			limit = to
			r.because(sale.Reason{Rule: rule, Amount: int64(limit)})
		}
	}
	lower(floors.AsPoints(), RuleRedeemFloor)
	lower(caps.AsPoints(), RuleRedeemGoods)
	lower(r.spendable, RuleRedeemSpendable)
	step := max(1, r.programme.RedeemStep)
	if dropped := limit % step; dropped > 0 {
		limit -= dropped
		r.because(stepped(RuleRedeemStep, dropped, step))
	}
	return limit
}
