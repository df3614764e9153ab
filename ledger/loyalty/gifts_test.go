package loyalty

import (
	"testing"
	"time"

	"github.com/kopilka/kopilka/ledger/sale"
	"github.com/stretchr/testify/require"
)

// Goods for points: the points price, a discount of the rest, the floor in money, and nothing earned.
func TestGiftsForPoints(t *testing.T) {
	mug := sale.Product{SKU: "mug", Name: "Кружка", Price: 50000, VAT: sale.VAT20, Subject: sale.SubjectGoods}
	gift := func(p sale.Product, n sale.Qty) sale.Line {
		l := pieces(p, n)
		l.Gift = true
		return l
	}
	p := promoted(Promotion{Give: Give{Kind: GivePercentOff, Rate: 1000}})
	p.Gifts = []Gift{
		{SKU: "mug", Points: 30000},
		{SKU: "mug", Points: 25000, Tiers: []uint16{1}},
		{SKU: "vodka", Points: 10000},
		{SKU: "tobacco", Points: 100},
		{SKU: "promo", Points: 100},
		{SKU: "milk", Points: 100, When: When{From: 20280101}},
	}
	req := of(gift(mug, 1), pieces(bread, 2)).by(buyer(0, 40000))
	req.Redeem = RedeemAll
	q, lines := quoted(t, p, req) // bread less 10 % is 98.10, of which points may pay 30 %
	require.Equal(t, []got{{19999, 30000, 1, 0}, {1090, 2943, 6867, 206}}, lines)
	require.Equal(t, sale.Points(2943), q.Redeemable)
	require.Equal(t, sale.Points(32943), q.Redeemed)

	_, lines = quoted(t, p, of(gift(mug, 1)).by(buyer(1, 40000)))
	require.Equal(t, []got{{24999, 25000, 1, 0}}, lines)
	_, lines = quoted(t, p, of(gift(vodka, 1)).by(buyer(0, 40000))) // no more points than the floor lets them pay
	require.Equal(t, []got{{0, 5000, 34900, 0}}, lines)

	noRedeem := buyer(0, 40000)
	noRedeem.NoRedeem = "fresh"
	for name, c := range map[string]struct {
		programme *Programme
		request   Request
		says      string
	}{
		"too few points": {p, of(gift(mug, 2)).by(buyer(0, 59999)), "it costs 600 points, 599.99 can be spent"},
		"nobody":         {p, of(gift(mug, 1)).by(nil), "не назван покупатель"},
		"blocked":        {p, of(gift(mug, 1)).by(&Buyer{State: sale.CustomerBlocked, Spendable: 99999}), "no customer"},
		"a rule":         {p, of(gift(mug, 1)).by(noRedeem), "fresh"},
		"not a gift":     {p, of(gift(bread, 1)).by(buyer(0, 40000)), "not on the list"},
		"not yet":        {p, of(gift(milk, 1)).by(buyer(0, 40000)), "not on the list"},
		"tobacco":        {p, of(gift(tobacco, 1)).by(buyer(0, 40000)), "points may not pay"},
		"final price":    {p, of(gift(promotion, 1)).by(buyer(0, 40000)), "takes no discount"},
		"no programme":   {nil, of(gift(mug, 1)).by(buyer(0, 40000)), "no loyalty programme"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := c.programme.Quote(c.request)
			require.ErrorIs(t, err, ErrBasket)
			require.ErrorContains(t, err, c.says)
		})
	}
}

func TestCodes(t *testing.T) {
	p := promoted(
		Promotion{Campaign: 1, Give: Give{Kind: GivePercentOff, Rate: 1000}},
		Promotion{Campaign: 2, Goods: onlySKU("milk"), Give: Give{Kind: GiveAmountOff, Money: 1000}},
	)
	generic, mine := Claim{Campaign: 1, Key: sale.LookupKey{1}}, Claim{Campaign: 2, Key: sale.LookupKey{2}, Owner: 7}
	for name, c := range map[string]struct {
		claims []Claim
		at     sale.Time
		lines  []sale.Line
		buyer  *Buyer
		total  sale.Money
		codes  []sale.CodeUse
		rule   string
	}{
		"without a code":     {nil, noon, []sale.Line{pieces(bread, 1)}, buyer(0, 0), 5450, nil, ""},
		"a generic code":     {[]Claim{generic}, noon, []sale.Line{pieces(bread, 1)}, buyer(0, 0), 4905, []sale.CodeUse{{Campaign: 1, Key: generic.Key}}, RuleCodeUsed},
		"its last minute":    {[]Claim{generic}, sale.At(time.Date(2027, 3, 10, 23, 59, 0, 0, moscow)), []sale.Line{pieces(bread, 1)}, buyer(0, 0), 4905, []sale.CodeUse{{Campaign: 1, Key: generic.Key}}, RuleCodeUsed},
		"expired":            {[]Claim{generic}, sale.At(time.Date(2027, 3, 11, 0, 0, 0, 0, moscow)), []sale.Line{pieces(bread, 1)}, buyer(0, 0), 5450, nil, RuleCodeDate},
		"shown twice":        {[]Claim{generic, generic}, noon, []sale.Line{pieces(bread, 1)}, buyer(0, 0), 4905, []sale.CodeUse{{Campaign: 1, Key: generic.Key}}, RuleCodeTwice},
		"a personal code":    {[]Claim{mine}, noon, []sale.Line{pieces(milk, 1)}, buyer(0, 0), 7990, []sale.CodeUse{{Campaign: 2, Key: mine.Key}}, RuleCodeUsed},
		"another's":          {[]Claim{mine}, noon, []sale.Line{pieces(milk, 1)}, &Buyer{No: 8}, 8990, nil, RuleCodeOwner},
		"nobody's":           {[]Claim{mine}, noon, []sale.Line{pieces(milk, 1)}, nil, 8990, nil, RuleCodeNobody},
		"no owner":           {[]Claim{{Campaign: 2}}, noon, []sale.Line{pieces(milk, 1)}, &Buyer{}, 8990, nil, RuleCodeOwner},
		"no goods for it":    {[]Claim{mine}, noon, []sale.Line{pieces(bread, 1)}, buyer(0, 0), 5450, nil, RuleCodeNothing},
		"unknown campaign":   {[]Claim{{Campaign: 9}}, noon, []sale.Line{pieces(bread, 1)}, buyer(0, 0), 5450, nil, RuleCodeUnknown},
		"attribution":        {[]Claim{{Campaign: 3}}, noon, []sale.Line{pieces(bread, 1)}, buyer(0, 0), 5450, nil, ""},
		"generic for nobody": {[]Claim{generic}, noon, []sale.Line{pieces(bread, 1)}, nil, 5450, nil, RuleCodeNothing},
	} {
		t.Run(name, func(t *testing.T) {
			req := of(c.lines...).by(c.buyer)
			req.At, req.Claims = c.at, c.claims
			q, _ := quoted(t, p, req)
			require.Equal(t, c.total, q.Total)
			require.Equal(t, c.codes, q.Codes)
			if c.rule != "" {
				require.Contains(t, rules(q.Reasons), c.rule)
			}
		})
	}
}

// macrozheng/mall#1003: one coupon paid five orders at once and the sum to pay was negative. Here each
// order says what it took, the next one knows, and the sum never goes below the floor.
func TestOneCouponInFiveOrders(t *testing.T) {
	p := promoted(Promotion{Campaign: 1, PerCustomer: 1, Give: Give{Kind: GiveAmountOff, Money: 500_000}})
	b := buyer(0, 0)
	req := of(pieces(bread, 2)).by(b)
	req.Claims = []Claim{{Campaign: 1}, {Campaign: 1}, {Campaign: 1}, {Campaign: 1}, {Campaign: 1}}
	var totals []sale.Money
	for range 5 {
		q, _ := quoted(t, p, req)
		totals = append(totals, q.Total)
		for _, a := range q.Applied {
			b.Uses = append(b.Uses, sale.PromoUse{Promotion: a.Promotion, Times: a.Times})
		}
	}
	require.Equal(t, []sale.Money{2, 10900, 10900, 10900, 10900}, totals)

	p.Promotions[0].PerCustomer, p.Campaigns[0].PerCustomer = 0, 1 // the same by the campaign's own limit
	q, _ := quoted(t, p, req)
	require.Equal(t, sale.Money(10900), q.Total)
	require.Contains(t, rules(q.Reasons), RuleCodeLimit)
}

// odoo#150833: the line of the reward earned a point of its own.
func TestRewardLineEarnsNothing(t *testing.T) {
	mug := sale.Product{SKU: "mug", Name: "Кружка", Price: 50000}
	p := promoted(
		Promotion{Goods: onlySKU("milk"), Least: Least{Qty: 1000}, Give: Give{Kind: GiveGift, SKU: "bread", Qty: 1000}},
		Promotion{Give: Give{Kind: GivePoints, Points: 1000}},
		Promotion{Give: Give{Kind: GiveStamps, Purse: 1, Nth: 10}},
		Promotion{Give: Give{Kind: GivePurse, Purse: 3, Rate: 1000}},
	)
	p.LineFloor = 100 // the rouble that a gift still costs earns nothing either
	p.Gifts = []Gift{{SKU: "mug", Points: 10000}}
	l := pieces(mug, 1)
	l.Gift = true
	q, lines := quoted(t, p, of(l, pieces(bread, 1), pieces(milk, 1)).by(buyer(0, 10000)))
	require.Equal(t, []got{{39900, 10000, 100, 0}, {5350, 0, 100, 0}, {0, 0, 8990, 1269}}, lines)
	require.Empty(t, q.Lines[0].Extra)
	require.Empty(t, q.Lines[1].Extra)
	require.Equal(t, []sale.PurseAmount{{Purse: 1, Amount: 100}, {Purse: 3, Amount: 899}}, q.Lines[2].Extra)
}
