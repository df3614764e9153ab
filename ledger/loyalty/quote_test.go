package loyalty

import (
	"testing"

	"github.com/kopilka/kopilka/ledger/sale"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// kopecks is the default programme with points to the kopeck, so that sums can be checked by hand.
func kopecks() *Programme {
	p := Default()
	p.EarnStep, p.RedeemStep = 1, 1
	return p
}

func discounts() *Programme {
	p := Default()
	p.Policy = PolicyDiscount
	return p
}

func buyer(tier uint16, spendable sale.Points) *Buyer {
	return &Buyer{No: 7, Tier: tier, Spendable: spendable}
}

func rules(reasons []sale.Reason) []string {
	var list []string
	for _, r := range reasons {
		list = append(list, r.Rule)
	}
	return list
}

// line is what a test says of a sold line.
type line struct {
	discount sale.Money
	redeemed sale.Points
	net      sale.Money
	earned   sale.Points
	rules    []string
}

func TestQuote(t *testing.T) {
	for name, c := range map[string]struct {
		programme *Programme
		request   Request
		want      []line
		total     sale.Money
		most      sale.Points
		rules     []string
	}{
		"no programme is a plain sale": {
			nil,
			Request{Lines: []sale.Line{pieces(bread, 2), weighed(apples, 432)}, Buyer: buyer(1, 5000)},
			[]line{{net: 10900}, {net: 5612}},
			16512, 0, nil, // 0.432 × 129.90 = 56.1168
		},
		"no programme takes no points": {
			nil,
			Request{Lines: []sale.Line{pieces(bread, 1)}, Buyer: buyer(1, 5000), Redeem: 100},
			[]line{{net: 5450}},
			5450, 0,
			[]string{RuleNoProgramme},
		},
		"nobody neither earns nor redeems": {
			kopecks(),
			Request{Lines: []sale.Line{pieces(bread, 1)}, Redeem: 100},
			[]line{{net: 5450}},
			5450, 0,
			[]string{RuleRedeemNobody},
		},
		"nobody, all points": {
			kopecks(),
			Request{Lines: []sale.Line{pieces(bread, 1)}, Redeem: RedeemAll},
			[]line{{net: 5450}},
			5450, 0, nil,
		},
		"base tier earns 3 % to the kopeck": { // 109.00 + 56.12 = 165.12 → 4.9536 → 4.95 = 3.2676 + 1.6823
			kopecks(),
			Request{Lines: []sale.Line{pieces(bread, 2), weighed(apples, 432)}, Buyer: buyer(0, 0)},
			[]line{{net: 10900, earned: 327}, {net: 5612, earned: 168}},
			16512, 0,
			[]string{RuleRedeemCap, RuleRedeemSpendable, RuleTierEarn},
		},
		"whole points are rounded once a receipt": { // 4.95 → 4 = 2.6405 + 1.3595
			Default(),
			Request{Lines: []sale.Line{pieces(bread, 2), weighed(apples, 432)}, Buyer: buyer(0, 0)},
			[]line{{net: 10900, earned: 264}, {net: 5612, earned: 136}},
			16512, 0,
			[]string{RuleRedeemCap, RuleRedeemSpendable, RuleTierEarn, RuleRoundEarn},
		},
		"gold earns 7 % of the money only": { // 50 % of 98.00 by points: 49.00 left, 3.43 earned
			kopecks(),
			Request{Lines: []sale.Line{pieces(sale.Product{Name: "Сыр", Price: 9800}, 1)}, Buyer: buyer(2, 100000), Redeem: RedeemAll},
			[]line{{redeemed: 4900, net: 4900, earned: 343}},
			4900, 4900,
			[]string{RuleRedeemCap, RuleTierEarn},
		},
		"redeeming is capped by what is spendable": {
			kopecks(),
			Request{Lines: []sale.Line{pieces(bread, 2)}, Buyer: buyer(0, 1234), Redeem: 5000},
			[]line{{redeemed: 1234, net: 9666, earned: 289}},
			9666, 1234,
			[]string{RuleRedeemCap, RuleRedeemSpendable, RuleRedeemLess, RuleTierEarn},
		},
		"redeeming in whole points": { // 30 % of 109.00 = 32.70 → 32
			Default(),
			Request{Lines: []sale.Line{pieces(bread, 2)}, Buyer: buyer(0, 100000), Redeem: RedeemAll},
			[]line{{redeemed: 3200, net: 7700, earned: 200}},
			7700, 3200,
			[]string{RuleRedeemCap, RuleRedeemStep, RuleTierEarn, RuleRoundEarn},
		},
		"a wanted fraction goes down to the step": {
			Default(),
			Request{Lines: []sale.Line{pieces(bread, 2)}, Buyer: buyer(0, 3200), Redeem: 1050},
			[]line{{redeemed: 1000, net: 9900, earned: 200}},
			9900, 3200,
			[]string{RuleRedeemCap, RuleRedeemSpendable, RuleRedeemLess, RuleTierEarn, RuleRoundEarn},
		},
		"tobacco is never touched": {
			kopecks(),
			Request{Lines: []sale.Line{pieces(tobacco, 1), pieces(bread, 1)}, Buyer: buyer(2, 100000), Redeem: RedeemAll},
			[]line{{net: 21900, rules: []string{RuleNoRedeem, RuleNoEarn}}, {redeemed: 2725, net: 2725, earned: 190}},
			24625, 2725,
			[]string{RuleRedeemCap, RuleTierEarn},
		},
		"a gift card takes no points": {
			kopecks(),
			Request{Lines: []sale.Line{pieces(giftCard, 1)}, Buyer: buyer(2, 100000), Redeem: 100},
			[]line{{net: 100000, rules: []string{RuleNoRedeem, RuleNoEarn}}},
			100000, 0,
			[]string{RuleRedeemCap, RuleRedeemLess, RuleTierEarn},
		},
		"spirits stop at the minimum price": { // half of 399.00 is 199.50, the floor leaves 50.00
			kopecks(),
			Request{Lines: []sale.Line{pieces(vodka, 1)}, Buyer: buyer(2, 100000), Redeem: RedeemAll},
			[]line{{redeemed: 5000, net: 34900, earned: 2443, rules: []string{RulePriceFloor}}},
			34900, 5000,
			[]string{RuleRedeemCap, RuleRedeemFloor, RuleTierEarn},
		},
		"points that spirits refuse go to other goods": { // half of 453.50 = 226.75; room 50.00 + 54.49
			kopecks(),
			Request{Lines: []sale.Line{pieces(vodka, 1), pieces(bread, 1)}, Buyer: buyer(2, 8000), Redeem: RedeemAll},
			[]line{{redeemed: 5000, net: 34900, earned: 2443, rules: []string{RulePriceFloor}}, {redeemed: 3000, net: 2450, earned: 171}},
			37350, 8000,
			[]string{RuleRedeemCap, RuleRedeemFloor, RuleRedeemSpendable, RuleTierEarn},
		},
		"blocked customers get nothing": {
			kopecks(),
			Request{Lines: []sale.Line{pieces(bread, 1)}, Buyer: &Buyer{State: sale.CustomerBlocked, Spendable: 9999}, Redeem: RedeemAll},
			[]line{{net: 5450}},
			5450, 0,
			[]string{RuleBlocked},
		},
		"erased customers get nothing": {
			kopecks(),
			Request{Lines: []sale.Line{pieces(bread, 1)}, Buyer: &Buyer{State: sale.CustomerErased, Spendable: 9999}, Redeem: RedeemAll},
			[]line{{net: 5450}},
			5450, 0,
			[]string{RuleErased},
		},
		"an unknown tier falls to the base": {
			kopecks(),
			Request{Lines: []sale.Line{pieces(bread, 1)}, Buyer: buyer(77, 0)},
			[]line{{net: 5450, earned: 163}},
			5450, 0,
			[]string{RuleTierUnknown, RuleRedeemCap, RuleRedeemSpendable, RuleTierEarn},
		},
		"silver takes 5 % off": { // 109.00 + 0.432 × 129.90 = 56.12 → 8.256 → 8.25 = 5.446 + 2.804
			discounts(),
			Request{Lines: []sale.Line{pieces(bread, 2), weighed(apples, 432)}, Buyer: buyer(1, 5000)},
			[]line{{discount: 545, net: 10355}, {discount: 280, net: 5332}},
			15687, 0,
			[]string{RuleTierDiscount},
		},
		"no discount on a promotion": {
			discounts(),
			Request{Lines: []sale.Line{pieces(promotion, 1), pieces(bread, 2)}, Buyer: buyer(1, 0)},
			[]line{{net: 4999, rules: []string{RuleNoDiscount}}, {discount: 545, net: 10355}},
			15354, 0,
			[]string{RuleTierDiscount},
		},
		"a discount refused by a floor is lost": { // 5 % of 403.50 is 20.17; bread alone takes 2.72
			discounts(),
			Request{Lines: []sale.Line{pieces(vodkaMin, 1), pieces(bread, 1)}, Buyer: buyer(1, 0)},
			[]line{{net: 34900, rules: []string{RulePriceFloor}}, {discount: 272, net: 5178}},
			40078, 0,
			[]string{RuleTierDiscount, RulePriceFloor},
		},
		"a discount programme takes no points": {
			discounts(),
			Request{Lines: []sale.Line{pieces(bread, 2)}, Buyer: buyer(0, 5000), Redeem: 1000},
			[]line{{discount: 327, net: 10573}},
			10573, 0,
			[]string{RuleRedeemPolicy, RuleTierDiscount},
		},
		"no discount for nobody": {
			discounts(),
			Request{Lines: []sale.Line{pieces(bread, 2)}},
			[]line{{net: 10900}},
			10900, 0, nil,
		},
	} {
		t.Run(name, func(t *testing.T) {
			q, err := c.programme.Quote(c.request)
			require.NoError(t, err)
			var got []line
			for _, l := range q.Lines {
				got = append(got, line{l.Discount, l.Redeemed, l.Net, l.Earned, rules(l.Reasons)})
			}
			require.Equal(t, c.want, got)
			require.Equal(t, c.total, q.Total)
			require.Equal(t, c.most, q.Redeemable)
			require.Equal(t, c.rules, rules(q.Reasons))
			require.NoError(t, recordOf(saleOf(q), nil).Validate())
		})
	}
}

// The receipt of qna.habr.com/q/838073: 1086.10 less 86.10 must be 1000.00 on paper. The weighed line's
// share leaves 342.88, which no price × 3.8 gives; the dearest single piece absorbs the kopeck.
func TestQuoteAcceptanceVector(t *testing.T) {
	p := kopecks()
	lines := []sale.Line{
		weighed(sale.Product{Name: "Мясо", Price: 9800, Traits: sale.Weighed}, 3800),
		pieces(sale.Product{Name: "Пакет", Price: 450}, 1),
		pieces(sale.Product{Name: "Масло", Price: 8820}, 6),
		pieces(sale.Product{Name: "Сыр", Price: 18000}, 1),
	}
	q, err := p.Quote(Request{Lines: lines, Buyer: buyer(0, 8610), Redeem: 8610})
	require.NoError(t, err)
	require.Equal(t, sale.Money(108610), q.Gross)
	require.Equal(t, sale.Points(8610), q.Redeemed)
	require.Equal(t, sale.Money(100000), q.Total)
	for _, l := range q.Lines {
		requireParts(t, l.Parts, l.Qty, l.Net)
	}
	require.Equal(t, []sale.Part{{Qty: 3800, Price: 9023, Sum: 34287}}, q.Lines[0].Parts)
	require.Equal(t, []sale.Part{{Qty: 1000, Price: 414, Sum: 414}}, q.Lines[1].Parts)
	require.Equal(t, []sale.Part{{Qty: 1000, Price: 8120, Sum: 8120}, {Qty: 5000, Price: 8121, Sum: 40605}}, q.Lines[2].Parts)
	require.Equal(t, []sale.Part{{Qty: 1000, Price: 16574, Sum: 16574}}, q.Lines[3].Parts)
	require.Equal(t, []sale.Reason{{Rule: RuleRoundMove, Amount: -1}}, q.Lines[0].Reasons)
	require.Equal(t, []sale.Reason{{Rule: RuleRoundMove, Amount: 1}}, q.Lines[3].Reasons)
}

// Without a single piece to absorb the kopeck, the weight is split and the sum is still exact.
func TestQuoteSplitsWeightWithoutAbsorber(t *testing.T) {
	for name, other := range map[string]sale.Line{
		"six pieces":     pieces(sale.Product{Name: "Масло", Price: 8820}, 6),
		"tobacco":        pieces(tobacco, 1),
		"piece at floor": pieces(sale.Product{Name: "Водка", Price: 34900, MinPrice: 34900, Traits: sale.NoRedeem}, 1),
	} {
		t.Run(name, func(t *testing.T) {
			lines := []sale.Line{weighed(sale.Product{Name: "Мясо", Price: 9800, Traits: sale.Weighed}, 3800), other}
			base := sale.Money(37240)
			want := sale.Points(2952)
			if name == "six pieces" {
				want = 2952 + 4195
			}
			q, err := kopecks().Quote(Request{Lines: lines, Buyer: buyer(0, want), Redeem: want})
			require.NoError(t, err)
			require.Equal(t, base-2952, q.Lines[0].Net)
			require.Len(t, q.Lines[0].Parts, 2)
			requireParts(t, q.Lines[0].Parts, 3800, 34288)
		})
	}
}

// 40 kg leave 1160.23, 20 kopecks from the next sum that one price gives: too much to move to the bread.
func TestQuoteMovesFewKopecks(t *testing.T) {
	potatoes := sale.Product{Name: "Картофель", Price: 3000, Traits: sale.Weighed}
	q, err := kopecks().Quote(Request{Lines: []sale.Line{weighed(potatoes, 40_001), pieces(bread, 1)}, Buyer: buyer(0, 4161), Redeem: RedeemAll})
	require.NoError(t, err)
	require.Equal(t, []sale.Money{116_023, 5_269}, []sale.Money{q.Lines[0].Net, q.Lines[1].Net})
	require.Len(t, q.Lines[0].Parts, 2)
	requireParts(t, q.Lines[0].Parts, 40_001, 116_023)
}

// A tier that earns nothing gives no reasons about earning.
func TestQuoteTierWithoutEarning(t *testing.T) {
	p := kopecks()
	p.Tiers[0].Earn = 0
	q, err := p.Quote(Request{Lines: []sale.Line{pieces(tobacco, 1)}, Buyer: buyer(0, 0)})
	require.NoError(t, err)
	require.Zero(t, q.Earned)
	require.Equal(t, []string{RuleRedeemCap}, rules(q.Reasons))
	require.Equal(t, []string{RuleNoRedeem}, rules(q.Lines[0].Reasons))
}

// A hundred percent by points leaves each line a kopeck a unit, or nothing where the owner allows it.
func TestQuoteLineFloor(t *testing.T) {
	for floor, want := range map[sale.Money][]sale.Money{0: {0, 0}, 1: {3, 1}, 100: {100, 100}} {
		p := kopecks()
		p.LineFloor, p.Tiers[0].RedeemMax = floor, sale.Hundred
		q, err := p.Quote(Request{Lines: []sale.Line{pieces(bread, 3), weighed(apples, 900)}, Buyer: buyer(0, 1_000_000), Redeem: RedeemAll})
		require.NoError(t, err)
		require.Equal(t, want, []sale.Money{q.Lines[0].Net, q.Lines[1].Net}, "floor %s", floor)
		require.NoError(t, recordOf(saleOf(q), nil).Validate())
	}
}

func TestQuoteRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		programme *Programme
		request   Request
	}{
		"no lines":          {nil, Request{}},
		"too many lines":    {nil, Request{Lines: make([]sale.Line, sale.LinesMax+1)}},
		"zero quantity":     {nil, Request{Lines: []sale.Line{pieces(bread, 0)}}},
		"negative quantity": {nil, Request{Lines: []sale.Line{pieces(bread, -1)}}},
		"half a loaf":       {nil, Request{Lines: []sale.Line{weighed(bread, 500)}}},
		"negative price":    {nil, Request{Lines: []sale.Line{pieces(sale.Product{Price: -1}, 1)}}},
		"negative minimum":  {nil, Request{Lines: []sale.Line{pieces(sale.Product{Price: 1, MinPrice: -1}, 1)}}},
		"price too large":   {nil, Request{Lines: []sale.Line{weighed(sale.Product{Price: sale.MoneyMax + 1, Traits: sale.Weighed}, 22)}}},
		"line too large":    {nil, Request{Lines: []sale.Line{pieces(sale.Product{Price: sale.MoneyMax}, 2)}}},
		"sum too large":     {nil, Request{Lines: []sale.Line{pieces(sale.Product{Price: sale.MoneyMax}, 1), pieces(bread, 1)}}},
		"negative points":   {kopecks(), Request{Lines: []sale.Line{pieces(bread, 1)}, Redeem: -2}},
		"broken programme":  {&Programme{}, Request{Lines: []sale.Line{pieces(bread, 1)}}},
	} {
		t.Run(name, func(t *testing.T) {
			q, err := c.programme.Quote(c.request)
			require.ErrorIs(t, err, ErrBasket)
			require.Zero(t, q)
		})
	}
}

func TestQuoteProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p, req := drawProgramme(t), drawRequest(t)
		programmeBefore, err := p.Encode()
		require.NoError(t, err)
		linesBefore, err := sale.Encode(req.Lines)
		require.NoError(t, err)

		q, err := p.Quote(req)
		require.NoError(t, err)
		require.NoError(t, recordOf(saleOf(q), nil).Validate())
		for i, l := range q.Lines {
			requireSold(t, p, req.Lines[i], l)
		}
		requireLimits(t, p, req, q)
		requireDerivable(t, p, req, q)

		again, err := p.Quote(req)
		require.NoError(t, err)
		require.Equal(t, q, again)
		programmeAfter, err := p.Encode()
		require.NoError(t, err)
		linesAfter, err := sale.Encode(req.Lines)
		require.NoError(t, err)
		require.Equal(t, programmeBefore, programmeAfter)
		require.Equal(t, linesBefore, linesAfter)
	})
}

// requireSold checks what must hold of any line, whatever the rules.
func requireSold(t require.TestingT, p *Programme, asked sale.Line, l sale.SoldLine) {
	requireParts(t, l.Parts, l.Qty, l.Net)
	gross, err := asked.Gross()
	require.NoError(t, err)
	require.Equal(t, gross, l.Gross)
	minimum, err := asked.Product.MinPrice.Times(l.Qty)
	require.NoError(t, err)
	require.GreaterOrEqual(t, l.Net, min(gross, max(minimum, p.LineFloor)))
	if l.Net < l.Gross {
		for _, part := range l.Parts {
			require.GreaterOrEqual(t, part.Price, asked.Product.MinPrice, "a part below the minimum price")
			require.LessOrEqual(t, part.Price, asked.Product.Price, "a part above the shelf price")
			require.False(t, p.LineFloor > 0 && part.Price == 0, "a part for nothing")
		}
	} else {
		require.Equal(t, []sale.Part{{Qty: l.Qty, Price: asked.Product.Price, Sum: gross}}, l.Parts)
	}
	if l.Traits.Has(sale.NoStimulus) {
		require.Equal(t, gross, l.Net)
		require.Zero(t, l.Earned)
	}
	require.False(t, l.Traits.Has(sale.NoDiscount) && l.Discount != 0)
	require.False(t, l.Traits.Has(sale.NoRedeem) && l.Redeemed != 0)
	require.False(t, l.Traits.Has(sale.NoEarn) && l.Earned != 0)
	require.False(t, l.Discount != 0 && l.Redeemed != 0)
	require.LessOrEqual(t, l.Earned, l.Net.AsPoints())
}

// requireLimits checks the receipt against every cap, reckoned here on its own.
func requireLimits(t require.TestingT, p *Programme, req Request, q Quote) {
	if req.Buyer == nil || req.Buyer.State == sale.CustomerBlocked || req.Buyer.State == sale.CustomerErased {
		require.Zero(t, q.Redeemable+q.Redeemed+q.Earned)
		require.Zero(t, q.Discount)
		return
	}
	tier, known := p.tier(req.Buyer.Tier)
	if !known {
		tier = p.Tiers[0]
	}
	var redeemBase, earnBase, discountBase sale.Money
	for _, l := range q.Lines {
		if !l.Traits.Has(sale.NoRedeem) {
			redeemBase += l.Gross
		}
		if !l.Traits.Has(sale.NoEarn) {
			earnBase += l.Net
		}
		if !l.Traits.Has(sale.NoDiscount) {
			discountBase += l.Gross
		}
	}
	require.LessOrEqual(t, q.Redeemed, q.Redeemable)
	require.LessOrEqual(t, q.Redeemable, req.Buyer.Spendable)
	require.LessOrEqual(t, int64(q.Redeemable)*10_000, int64(redeemBase)*int64(tier.RedeemMax))
	require.Zero(t, q.Redeemed%p.RedeemStep)
	require.Zero(t, q.Redeemable%p.RedeemStep)
	require.Zero(t, q.Earned%p.EarnStep)
	require.LessOrEqual(t, int64(q.Discount)*10_000, int64(discountBase)*int64(tier.Discount))
	if req.Redeem >= 0 {
		require.LessOrEqual(t, q.Redeemed, req.Redeem)
	} else {
		require.Equal(t, q.Redeemable, q.Redeemed)
	}
	if p.Policy == PolicyPoints {
		exact := int64(earnBase) * int64(tier.Earn) / 10_000
		require.Equal(t, exact-exact%int64(p.EarnStep), int64(q.Earned))
		require.Zero(t, q.Discount)
	} else {
		require.Zero(t, q.Earned+q.Redeemed+q.Redeemable)
	}
}

// requireDerivable reckons the receipt's figures again from its reasons alone.
func requireDerivable(t require.TestingT, p *Programme, req Request, q Quote) {
	amounts := map[string]int64{}
	for _, r := range q.Reasons {
		amounts[r.Rule] = r.Amount
		require.NotContains(t, ReasonText(r, "ru"), "{")
		require.NotContains(t, ReasonText(r, "en"), "{")
	}
	require.Equal(t, int64(q.Earned), amounts[RuleTierEarn]-amounts[RuleRoundEarn])
	require.Equal(t, int64(q.Discount), amounts[RuleTierDiscount])
	if limit, ok := amounts[RuleRedeemCap]; ok {
		for _, rule := range []string{RuleRedeemFloor, RuleRedeemSpendable} {
			if v, binds := amounts[rule]; binds {
				require.Less(t, v, limit, rule)
				limit = v
			}
		}
		require.Equal(t, int64(q.Redeemable), limit-amounts[RuleRedeemStep])
		if req.Redeem != RedeemAll {
			require.Equal(t, int64(req.Redeem), int64(q.Redeemed)+amounts[RuleRedeemLess])
		}
	}
	requireLinesDerivable(t, q)
}

// requireLinesDerivable spreads the receipt's figures over its lines again, from what the lines say.
func requireLinesDerivable(t require.TestingT, q Quote) {
	n := len(q.Lines)
	gross, rooms, nets := make([]int64, n), make([]int64, n), make([]int64, n)
	moved, movedAll := make([]int64, n), int64(0)
	for i, l := range q.Lines {
		gross[i], rooms[i], nets[i] = int64(l.Gross), int64(l.Gross), int64(l.Net)
		for _, r := range l.Reasons {
			require.NotContains(t, ReasonText(r, "ru"), "{")
			switch r.Rule {
			case RuleNoDiscount, RuleNoRedeem:
				rooms[i] = 0
			case RulePriceFloor:
				rooms[i] = int64(l.Gross) - r.Amount
			case RuleNoEarn:
				nets[i] = 0
			case RuleRoundMove:
				moved[i] += r.Amount
				movedAll += r.Amount
			}
		}
	}
	require.Zero(t, movedAll, "kopecks moved must stay on the receipt")
	cuts, err := Allocate(int64(q.Discount)+int64(q.Redeemed), gross, rooms)
	require.NoError(t, err)
	earned, err := Allocate(int64(q.Earned), nets, nets)
	require.NoError(t, err)
	for i, l := range q.Lines {
		require.Equal(t, cuts[i]-moved[i], int64(l.Discount)+int64(l.Redeemed), "line %d", i)
		require.Equal(t, earned[i], int64(l.Earned), "line %d", i)
	}
}

// A discount never takes more off a line than the percentage, to a kopeck and what smoothing moves.
func TestQuoteDiscountStaysEven(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p, req := drawProgramme(t), drawRequest(t)
		p.Policy = PolicyDiscount
		req.Buyer = buyer(1, 0)
		q, err := p.Quote(req)
		require.NoError(t, err)
		for _, l := range q.Lines {
			slack := sale.Money(1)
			for _, r := range l.Reasons {
				if r.Rule == RuleRoundMove {
					slack += max(sale.Money(r.Amount), -sale.Money(r.Amount))
				}
			}
			require.LessOrEqual(t, l.Discount, l.Gross.Percent(p.Tiers[1].Discount)+slack)
		}
	})
}

// What the buyer already has on the counter redeems no less when they can spend more.
func TestQuoteMoreSpendableNeverRedeemsLess(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p, req := drawProgramme(t), drawRequest(t)
		req.Buyer, req.Redeem = buyer(1, 1000), RedeemAll
		few, err := p.Quote(req)
		require.NoError(t, err)
		req.Buyer = buyer(1, 1000+sale.Points(rapid.Int64Range(0, 10_000).Draw(t, "more")))
		more, err := p.Quote(req)
		require.NoError(t, err)
		require.LessOrEqual(t, few.Redeemed, more.Redeemed)
	})
}

// Whatever figures come in, a quote is an error or a valid sale.
func FuzzQuote(f *testing.F) {
	f.Add(int64(9800), int64(3800), int64(0), uint16(sale.Weighed), int64(18000), int64(1000), int64(8610), int64(8610), true)
	f.Add(int64(sale.MoneyMax), int64(1), int64(1), uint16(sale.Weighed), int64(0), int64(1)<<62, int64(-1), int64(1)<<62, false)
	f.Fuzz(func(t *testing.T, price, qty, minimum int64, traits uint16, other, otherQty, redeem, spendable int64, points bool) {
		p := Default()
		if !points {
			p.Policy = PolicyDiscount
		}
		p.Tiers[0].RedeemMax, p.Tiers[0].Discount = sale.Hundred, sale.Hundred
		q, err := p.Quote(Request{
			Lines: []sale.Line{
				{Product: sale.Product{Price: sale.Money(price), MinPrice: sale.Money(minimum), Traits: sale.Traits(traits)}, Qty: sale.Qty(qty)},
				{Product: sale.Product{Price: sale.Money(other)}, Qty: sale.Qty(otherQty)},
			},
			Buyer: buyer(0, sale.Points(spendable)), Redeem: sale.Points(redeem),
		})
		if err != nil {
			require.ErrorIs(t, err, ErrBasket)
			return
		}
		s := saleOf(q)
		require.NoError(t, recordOf(s, nil).Validate())
		r, err := Refund(s, nil, []Returned{{0, sale.Qty(qty)}, {1, sale.Qty(otherQty)}})
		require.NoError(t, err)
		require.Equal(t, []int64{int64(q.Total), int64(q.Redeemed), int64(q.Earned)}, []int64{int64(r.Total), int64(r.Restored), int64(r.Clawed)})
	})
}

func BenchmarkQuote30Lines(b *testing.B) {
	var lines []sale.Line
	for i := range 30 {
		switch i % 4 {
		case 0:
			lines = append(lines, pieces(bread, sale.Qty(i%3+1)))
		case 1:
			lines = append(lines, weighed(apples, sale.Qty(1000+37*i)))
		case 2:
			lines = append(lines, pieces(vodka, 1))
		default:
			lines = append(lines, pieces(milk, 1))
		}
	}
	p, req := Default(), Request{Lines: lines, Buyer: buyer(1, 1_000_000), Redeem: RedeemAll}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := p.Quote(req); err != nil {
			b.Fatal(err)
		}
	}
}
