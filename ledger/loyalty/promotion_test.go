package loyalty

import (
	"testing"
	"time"

	"github.com/kopilka/kopilka/ledger/sale"
	"github.com/stretchr/testify/require"
)

// moscow has had one offset since 2014; the rules need no table of zones.
var moscow = time.FixedZone("MSK", 3*60*60)

// noon is a Wednesday.
var noon = sale.At(time.Date(2027, 3, 10, 12, 0, 0, 0, moscow))

func onlySKU(skus ...sale.SKU) Goods { return Goods{SKUs: skus} }

// promoted is the default programme to the kopeck, with purses, and the promotions given.
func promoted(list ...Promotion) *Programme {
	p := kopecks()
	p.Purses = []Purse{
		{No: 1, RU: "Кофе", EN: "Coffee", Kind: PurseStamps},
		{No: 2, RU: "Розыгрыш", EN: "Draw", Kind: PurseTickets},
		{No: 3, RU: "Партнёр", EN: "Partner", Kind: PursePartner, Max: 5000},
	}
	p.Campaigns = []Campaign{
		{ID: 1, RU: "Пушкин", EN: "Pushkin", Kind: CodeGeneric, Code: "PUSHKIN10", From: 20270301, Until: 20270310},
		{ID: 2, RU: "Личный", EN: "Personal", Kind: CodePersonal},
		{ID: 3, RU: "Кассир", EN: "Cashier", Kind: CodeAttribution, Code: "ANNA", Staff: 5},
	}
	for i := range list {
		list[i].ID, list[i].RU, list[i].EN = uint32(i+1), "Акция", "Promotion"
	}
	p.Promotions = list
	return p
}

func of(lines ...sale.Line) Request {
	return Request{Lines: lines, Buyer: buyer(0, 0), At: noon, Zone: moscow, Store: 1, Cashier: 5}
}

func (r Request) by(b *Buyer) Request {
	r.Buyer = b
	return r
}

// got is what a test says of a receipt's line and of all of it.
type got struct {
	discount sale.Money
	redeemed sale.Points
	net      sale.Money
	earned   sale.Points
}

func quoted(t *testing.T, p *Programme, req Request) (Quote, []got) {
	t.Helper()
	q, err := p.Quote(req)
	require.NoError(t, err)
	require.NoError(t, broken(p, req, q))
	var lines []got
	for _, l := range q.Lines {
		lines = append(lines, got{l.Discount, l.Redeemed, l.Net, l.Earned})
	}
	return q, lines
}

func TestPromotions(t *testing.T) {
	percent := func(rate sale.BasisPoints, skus ...sale.SKU) Promotion {
		return Promotion{Goods: onlySKU(skus...), Give: Give{Kind: GivePercentOff, Rate: rate}}
	}
	for name, c := range map[string]struct {
		give    Promotion
		request Request
		want    []got
		applied []sale.Applied
	}{
		"10 % off milk": { // 135.41 left, 3 % = 4.0623 → 4.06 = 2.426 + 1.634
			percent(1000, "milk"),
			of(pieces(milk, 1), pieces(bread, 1)),
			[]got{{899, 0, 8091, 243}, {0, 0, 5450, 163}},
			[]sale.Applied{{Promotion: 1, Times: 1, Discount: 899}},
		},
		"20 % off vodka ends at its minimum price": { // 79.80, of which the floor lets 50.00
			percent(2000, "vodka"),
			of(pieces(vodka, 1)),
			[]got{{5000, 0, 34900, 1047}},
			[]sale.Applied{{Promotion: 1, Times: 1, Discount: 5000}},
		},
		"100 % off leaves a kopeck a piece": {
			percent(10_000, "bread"),
			of(pieces(bread, 3)),
			[]got{{16347, 0, 3, 0}},
			[]sale.Applied{{Promotion: 1, Times: 1, Discount: 16347}},
		},
		"tobacco takes no part and does not count": {
			Promotion{Least: Least{Sum: 20000}, Give: Give{Kind: GivePercentOff, Rate: 1000}},
			of(pieces(tobacco, 1), pieces(bread, 1)),
			[]got{{0, 0, 21900, 0}, {0, 0, 5450, 163}},
			nil,
		},
		"goods of a category but one": {
			Promotion{Goods: Goods{Categories: []string{"Хлеб"}, Except: &Goods{SKUs: []sale.SKU{"bread"}}}, Give: Give{Kind: GivePercentOff, Rate: 1000}},
			of(pieces(inCategory(bread, "Хлеб"), 1), pieces(inCategory(milk, "Хлеб"), 1)),
			[]got{{0, 0, 5450, 163}, {899, 0, 8091, 243}},
			[]sale.Applied{{Promotion: 1, Times: 1, Discount: 899}},
		},
		"50 roubles off, spread": { // 50 × 109.00 ÷ 198.90 = 27.4007; 3 % of 148.90 = 4.467 → 4.46 = 2.444 + 2.0158
			Promotion{Give: Give{Kind: GiveAmountOff, Money: 5000}},
			of(pieces(bread, 2), pieces(milk, 1)),
			[]got{{2740, 0, 8160, 244}, {2260, 0, 6730, 202}},
			[]sale.Applied{{Promotion: 1, Times: 1, Discount: 5000}},
		},
		"30 off for every 100, twice at most": { // 272.50 holds 100 twice
			Promotion{Least: Least{Sum: 10000}, PerReceipt: 3, Give: Give{Kind: GiveAmountOff, Money: 3000}},
			of(pieces(bread, 5)),
			[]got{{6000, 0, 21250, 637}},
			[]sale.Applied{{Promotion: 1, Times: 2, Discount: 6000}},
		},
		"more off than the goods cost leaves their floor": {
			Promotion{Give: Give{Kind: GiveAmountOff, Money: 100000}},
			of(pieces(bread, 1), pieces(tobacco, 1)),
			[]got{{5449, 0, 1, 0}, {0, 0, 21900, 0}},
			[]sale.Applied{{Promotion: 1, Times: 1, Discount: 5449}},
		},
		"bread as a gift for 150 roubles of milk": { // the gift earns nothing
			Promotion{Goods: onlySKU("milk"), Least: Least{Sum: 15000}, Give: Give{Kind: GiveGift, SKU: "bread", Qty: 1000}},
			of(pieces(milk, 2), pieces(bread, 2)),
			[]got{{0, 0, 17980, 539}, {5449, 0, 5451, 163}}, // 3 % of 234.30, the kopeck left of the gift aside: 7.029 = 5.39 + 1.63
			[]sale.Applied{{Promotion: 1, Times: 1, Discount: 5449}},
		},
		"a gift does not count towards itself": {
			Promotion{Least: Least{Sum: 15000}, Give: Give{Kind: GiveGift, SKU: "bread", Qty: 1000}},
			of(pieces(milk, 1), pieces(bread, 2)),
			[]got{{0, 0, 8990, 269}, {0, 0, 10900, 327}},
			nil,
		},
		"the third is free, the cheapest of three": { // milk, bread, bread: 3 % of 144.40 = 4.33 = 1.634 + 2.6957
			Promotion{Give: Give{Kind: GiveNthFree, Nth: 3}},
			of(pieces(bread, 2), pieces(milk, 1)),
			[]got{{5449, 0, 5451, 163}, {0, 0, 8990, 270}},
			[]sale.Applied{{Promotion: 1, Times: 1, Discount: 5449}},
		},
		"of six the third and the sixth": { // 89.90 ×3 | 54.50 ×3: a milk and a bread
			Promotion{Give: Give{Kind: GiveNthFree, Nth: 3}},
			of(pieces(bread, 3), pieces(milk, 3)),
			[]got{{5449, 0, 10901, 327}, {8989, 0, 17981, 539}},
			[]sale.Applied{{Promotion: 1, Times: 2, Discount: 14438}},
		},
		"once a receipt": {
			Promotion{PerReceipt: 1, Give: Give{Kind: GiveNthFree, Nth: 3}},
			of(pieces(bread, 3), pieces(milk, 3)),
			[]got{{0, 0, 16350, 490}, {8989, 0, 17981, 539}}, // 343.30 × 3 % = 10.299 → 10.29 = 4.9008 + 5.3892
			[]sale.Applied{{Promotion: 1, Times: 1, Discount: 8989}},
		},
		"a free spirit costs its minimum price, which earns nothing": { // 3 % of 399.00
			Promotion{Give: Give{Kind: GiveNthFree, Nth: 2}},
			of(pieces(vodka, 2)),
			[]got{{5000, 0, 74800, 1197}},
			[]sale.Applied{{Promotion: 1, Times: 1, Discount: 5000}},
		},
		"weights have no Nth piece": {
			Promotion{Give: Give{Kind: GiveNthFree, Nth: 2}},
			of(weighed(apples, 2000)),
			[]got{{0, 0, 25980, 779}},
			nil,
		},
		"double points on milk": { // 5.394 + 1.635 = 7.029
			Promotion{Goods: onlySKU("milk"), Give: Give{Kind: GiveEarnTimes, Rate: 20_000}},
			of(pieces(milk, 1), pieces(bread, 1)),
			[]got{{0, 0, 8990, 539}, {0, 0, 5450, 163}},
			[]sale.Applied{{Promotion: 1, Times: 1, Points: 269}}, // 7.02 less the tier's 4.33
		},
		"no points on milk": {
			Promotion{Goods: onlySKU("milk"), Give: Give{Kind: GiveEarnTimes}},
			of(pieces(milk, 1), pieces(bread, 1)),
			[]got{{0, 0, 8990, 0}, {0, 0, 5450, 163}},
			nil,
		},
		"10 % more on milk": { // 13 % of 89.90 = 11.687, and 1.635
			Promotion{Goods: onlySKU("milk"), Give: Give{Kind: GiveEarnExtra, Rate: 1000}},
			of(pieces(milk, 1), pieces(bread, 1)),
			[]got{{0, 0, 8990, 1169}, {0, 0, 5450, 163}},
			[]sale.Applied{{Promotion: 1, Times: 1, Points: 899}},
		},
		"a line earns no more points than its money": {
			Promotion{Goods: onlySKU("milk"), Give: Give{Kind: GiveEarnExtra, Rate: 10_000}},
			of(pieces(milk, 1)),
			[]got{{0, 0, 8990, 8990}},
			[]sale.Applied{{Promotion: 1, Times: 1, Points: 8721}}, // 89.90 less the tier's 2.69
		},
		"50 points for every two loaves": { // 100 points and 8.175
			Promotion{Goods: onlySKU("bread"), Least: Least{Qty: 2000}, Give: Give{Kind: GivePoints, Points: 5000}},
			of(pieces(bread, 5)),
			[]got{{0, 0, 27250, 10817}},
			[]sale.Applied{{Promotion: 1, Times: 2, Points: 10000}},
		},
		"50 points once": {
			Promotion{Goods: onlySKU("bread"), Least: Least{Qty: 2000}, PerReceipt: 1, Give: Give{Kind: GivePoints, Points: 5000}},
			of(pieces(bread, 5)),
			[]got{{0, 0, 27250, 5817}},
			[]sale.Applied{{Promotion: 1, Times: 1, Points: 5000}},
		},
		"for silver only": {
			Promotion{Who: Who{Tiers: []uint16{1}}, Give: Give{Kind: GivePercentOff, Rate: 1000}},
			of(pieces(bread, 1)),
			[]got{{0, 0, 5450, 163}},
			nil,
		},
		"first purchase": {
			Promotion{Who: Who{First: true}, Give: Give{Kind: GivePercentOff, Rate: 1000}},
			of(pieces(bread, 1)),
			[]got{{545, 0, 4905, 147}},
			[]sale.Applied{{Promotion: 1, Times: 1, Discount: 545}},
		},
		"not the first purchase": {
			Promotion{Who: Who{First: true}, Give: Give{Kind: GivePercentOff, Rate: 1000}},
			of(pieces(bread, 1)).by(&Buyer{No: 7, Bought: 1}),
			[]got{{0, 0, 5450, 163}},
			nil,
		},
		"of a segment": {
			Promotion{Who: Who{Segments: []uint8{4}}, Give: Give{Kind: GivePercentOff, Rate: 1000}},
			of(pieces(bread, 1)).by(&Buyer{No: 7, Segment: 4}),
			[]got{{545, 0, 4905, 147}},
			[]sale.Applied{{Promotion: 1, Times: 1, Discount: 545}},
		},
		"for anyone, without a card": {
			Promotion{Who: Who{Anyone: true}, Give: Give{Kind: GivePercentOff, Rate: 1000}},
			of(pieces(bread, 1)).by(nil),
			[]got{{545, 0, 4905, 0}},
			[]sale.Applied{{Promotion: 1, Times: 1, Discount: 545}},
		},
		"for cards only": {
			percent(1000, "bread"),
			of(pieces(bread, 1)).by(nil),
			[]got{{0, 0, 5450, 0}},
			nil,
		},
		"a house account is nobody": {
			Promotion{Who: Who{Anyone: true}, Give: Give{Kind: GivePercentOff, Rate: 1000}},
			of(pieces(bread, 1)).by(&Buyer{No: 1, State: sale.CustomerHouse, Spendable: 5000}),
			[]got{{545, 0, 4905, 0}},
			[]sale.Applied{{Promotion: 1, Times: 1, Discount: 545}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			q, lines := quoted(t, promoted(c.give), c.request)
			require.Equal(t, c.want, lines)
			require.Equal(t, c.applied, q.Applied)
		})
	}
}

func inCategory(p sale.Product, name string) sale.Product {
	p.Category = name
	return p
}

// A tier's discount comes after promotions, points after both, and none is earned on what they paid.
func TestCombined(t *testing.T) {
	p := promoted(Promotion{Goods: onlySKU("milk"), Give: Give{Kind: GivePercentOff, Rate: 1000}})
	p.Policy = PolicyCombined
	req := of(pieces(bread, 2)).by(buyer(1, 100_000))
	req.Redeem = RedeemAll
	q, lines := quoted(t, p, req)
	require.Equal(t, []got{{545, 4142, 6213, 310}}, lines) // 5 % of 109.00; 40 % of 103.55; 5 % of 62.13
	require.Equal(t, []string{RuleTierDiscount, RuleRedeemCap, RuleTierEarn}, rules(q.Reasons))

	req.Lines = []sale.Line{pieces(milk, 1), pieces(tobacco, 1)}
	_, lines = quoted(t, p, req)
	require.Equal(t, []got{{899 + 404, 3074, 4613, 230}, {0, 0, 21900, 0}}, lines) // 80.91 less 5 % = 4.0455; 40 % of 76.87

	req.Lines = []sale.Line{pieces(vodka, 1)} // 19.95 and 30.05 are all that the floor leaves
	q, lines = quoted(t, p, req)
	require.Equal(t, []got{{1995, 3005, 34900, 1745}}, lines)
	require.Equal(t, sale.Points(3005), q.Redeemable)
}

// Spirits' minimum price changes at the store's midnight, without a network.
func TestFloorOfTheDay(t *testing.T) {
	dated := vodka
	dated.Floors = []sale.DatedPrice{{From: 20270301, Price: 36900}, {From: 20280101, Price: 40900}}
	p := promoted(Promotion{Give: Give{Kind: GivePercentOff, Rate: 5000}})
	for at, want := range map[time.Time]sale.Money{
		time.Date(2027, 2, 28, 23, 59, 0, 0, moscow): 34900,
		time.Date(2027, 3, 1, 0, 0, 0, 0, moscow):    36900,
		time.Date(2028, 1, 1, 0, 0, 0, 0, moscow):    39900, // above the price: nothing may come off
	} {
		req := of(pieces(dated, 1))
		req.At = sale.At(at)
		q, _ := quoted(t, p, req)
		require.Equal(t, want, q.Total, at)
		require.Equal(t, want, q.Lines[0].Parts[0].Price, at)
	}
}

func TestWhen(t *testing.T) {
	at := func(day, hour, minute int) time.Time { return time.Date(2027, 3, day, hour, minute, 0, 0, moscow) }
	night := When{Start: 22 * 60, End: 2 * 60, Weekdays: 1, From: 20270301, Until: 20270308} // Mondays
	happy := When{Start: 16 * 60, End: 18 * 60}
	for _, c := range []struct {
		when When
		at   time.Time
		want bool
	}{
		{When{}, at(8, 12, 0), true},
		{happy, at(8, 15, 59), false},
		{happy, at(8, 16, 0), true},
		{happy, at(8, 17, 59), true},
		{happy, at(8, 18, 0), false},
		{When{Weekdays: 1}, at(8, 0, 0), true},    // a Monday
		{When{Weekdays: 1}, at(7, 23, 59), false}, // a Sunday
		{When{Weekdays: 1 << 6}, at(7, 23, 59), true},
		{When{From: 20270308, Until: 20270308}, at(8, 0, 0), true},
		{When{From: 20270308, Until: 20270308}, at(8, 23, 59), true},
		{When{From: 20270308, Until: 20270308}, at(9, 0, 0), false},
		{When{From: 20270309}, at(8, 23, 59), false},
		{night, at(8, 21, 59), false},
		{night, at(8, 22, 0), true},
		{night, at(9, 1, 59), true}, // Tuesday by the calendar, still Monday's night, and its last
		{night, at(9, 2, 0), false},
		{night, at(8, 1, 0), false}, // Sunday's night
		{night, at(1, 1, 0), false}, // the night before the first day
		{night, at(15, 23, 0), false},
		{When{Start: 0, End: 60}, at(8, 0, 30), true},
		{When{Start: 23 * 60, End: 24 * 60}, at(8, 23, 30), true},
		{When{Start: 23 * 60}, at(8, 23, 30), true}, // until midnight
		{When{Start: 23 * 60}, at(8, 22, 30), false},
	} {
		require.Equal(t, c.want, c.when.holds(momentOf(sale.At(c.at), moscow)), "%+v at %s", c.when, c.at)
	}
	require.True(t, When{From: 20270308}.holds(momentOf(sale.At(at(9, 2, 0)), nil)), "UTC without a zone")
}

// A stamp for every piece; six of them make the dearest piece cost its floor. The piece that stamps paid
// earns neither stamps nor points.
func TestStamps(t *testing.T) {
	p := promoted(Promotion{Goods: onlySKU("bread", "milk"), Give: Give{Kind: GiveStamps, Purse: 1, Nth: 6}})
	stamps := func(n sale.Points) *Buyer {
		return &Buyer{No: 7, Purses: []sale.PurseAmount{{Purse: 1, Amount: n * sale.Point}}}
	}
	q, lines := quoted(t, p, of(pieces(bread, 2), pieces(tobacco, 1)).by(stamps(5)))
	require.Equal(t, []got{{0, 0, 10900, 327}, {0, 0, 21900, 0}}, lines)
	require.Equal(t, []sale.PurseAmount{{Purse: 1, Amount: 200}}, q.Lines[0].Extra)
	require.Empty(t, q.Paid)

	q, lines = quoted(t, p, of(pieces(bread, 2), pieces(milk, 1)).by(stamps(11)))
	require.Equal(t, []got{{0, 0, 10900, 327}, {8989, 0, 1, 0}}, lines)
	require.Equal(t, []sale.PurseAmount{{Purse: 1, Amount: 600}}, q.Lines[1].Paid)
	require.Equal(t, []sale.PurseAmount{{Purse: 1, Amount: 600}}, q.Paid)
	require.Equal(t, []sale.PurseAmount{{Purse: 1, Amount: 200}}, EarnedInto(0, q.Lines))
	require.Equal(t, []sale.Applied{{Promotion: 1, Times: 1, Discount: 8989}}, q.Applied)

	p.Tiers[0].RedeemMax = sale.Hundred
	for redeem, want := range map[sale.Points]sale.Points{0: 200, 5400: 200, 5500: 100, 10800: 100, 10898: 0} { // of 2 × 54.50
		request := of(pieces(bread, 2)).by(&Buyer{No: 7, Spendable: redeem})
		request.Redeem = redeem
		q, _ = quoted(t, p, request)
		require.Equal(t, redeem, q.Redeemed)
		require.Equal(t, want, purseOf(q.Lines[0].Extra, 1), "points paid %s", redeem)
	}
	b := stamps(6)
	b.NoRedeem = "own-card"
	q, _ = quoted(t, p, of(pieces(milk, 1)).by(b))
	require.Empty(t, q.Paid)
	require.Equal(t, sale.Money(8990), q.Total)
}

func TestTicketsAndPartners(t *testing.T) {
	p := promoted(
		Promotion{Give: Give{Kind: GiveTickets, Purse: 2, Money: 10000}},
		Promotion{Give: Give{Kind: GivePurse, Purse: 3, Rate: 200}},
	)
	q, _ := quoted(t, p, of(pieces(bread, 2), pieces(milk, 1), pieces(tobacco, 1)))
	require.Equal(t, []sale.PurseAmount{{Purse: 2, Amount: 55}, {Purse: 3, Amount: 218}}, q.Lines[0].Extra) // 1 ticket; 3.97 of 198.90
	require.Equal(t, []sale.PurseAmount{{Purse: 2, Amount: 45}, {Purse: 3, Amount: 179}}, q.Lines[1].Extra)
	require.Empty(t, q.Lines[2].Extra)
	require.Equal(t, []sale.PurseAmount{{Purse: 0, Amount: q.Earned}, {Purse: 2, Amount: 100}, {Purse: 3, Amount: 397}}, EarnedInto(q.Earned, q.Lines))

	b := buyer(0, 0)
	b.Purses = []sale.PurseAmount{{Purse: 3, Amount: 20000}}
	req := of(pieces(bread, 2), pieces(milk, 1)).by(b)
	req.Wishes = []sale.PurseAmount{{Purse: 3, Amount: RedeemAll}}
	q, lines := quoted(t, promoted(), req) // half of 198.90
	require.Equal(t, []got{{5450, 0, 5450, 163}, {4495, 0, 4495, 135}}, lines)
	require.Equal(t, []sale.PurseAmount{{Purse: 3, Amount: 9945}}, q.Paid)
	require.Equal(t, []sale.PurseAmount{{Purse: 3, Amount: 9945}}, q.Payable)

	req.Wishes[0].Amount = 12000
	q, _ = quoted(t, promoted(), req)
	require.Contains(t, q.Reasons, sale.Reason{Rule: RulePurseLess, Amount: 2055, Detail: "purse=3"})

	elsewhere := promoted()
	elsewhere.Purses[2].Stores = []sale.StoreNo{2}
	q, _ = quoted(t, elsewhere, req)
	require.Empty(t, q.Paid)
	require.Empty(t, q.Payable)

	bakery := promoted()
	bakery.Purses[2].Goods = onlySKU("bread")
	_, lines = quoted(t, bakery, req)
	require.Equal(t, []got{{5450, 0, 5450, 163}, {0, 0, 8990, 270}}, lines) // 4.332 → 4.33 = 1.634 + 2.696

	req.Wishes = []sale.PurseAmount{{Purse: 1, Amount: 100}}
	q, _ = quoted(t, promoted(), req)
	require.Contains(t, q.Reasons, sale.Reason{Rule: RulePurseUnknown, Amount: 100, Detail: "purse=1"})
	req.Wishes = []sale.PurseAmount{{Purse: 3, Amount: 1}, {Purse: 3, Amount: 1}}
	_, err := promoted().Quote(req)
	require.ErrorIs(t, err, ErrBasket)
	req.Wishes = []sale.PurseAmount{{Purse: 3, Amount: -2}}
	_, err = promoted().Quote(req)
	require.ErrorIs(t, err, ErrBasket)
}

func TestGoodsCap(t *testing.T) {
	p := promoted()
	p.Caps = []GoodsCap{{Goods: onlySKU("milk"), Max: 1000}, {Goods: onlySKU("milk", "vodka"), Max: 2000}}
	req := of(pieces(milk, 1), pieces(bread, 1)).by(buyer(0, 100_000))
	req.Redeem = RedeemAll
	q, lines := quoted(t, p, req)                                            // 30 % of 144.40 is 43.32, of which milk takes 8.99
	require.Equal(t, []got{{0, 899, 8091, 243}, {0, 3433, 2017, 60}}, lines) // 3.0324 → 3.03 = 2.4254 + 0.6046
	require.Equal(t, sale.Reason{Rule: RuleGoodsCap, Amount: 899}, q.Lines[0].Reasons[0])

	p.Caps[0].Max = 0 // not of milk at all: 30 % of bread
	_, lines = quoted(t, p, req)
	require.Equal(t, []got{{0, 0, 8990, 270}, {0, 1635, 3815, 114}}, lines) // 3.8415 → 3.84 = 2.6959 + 1.1441

	req.Lines = []sale.Line{pieces(vodka, 1), pieces(milk, 1)} // 5 % of 399.00 binds before the floor and the tier; of 14.06 earned milk has 2.6953, rounded up
	p.Caps[1].Max = 500
	q, lines = quoted(t, p, req)
	require.Equal(t, got{0, 1995, 37905, 1136}, lines[0])
	require.Contains(t, q.Reasons, sale.Reason{Rule: RuleRedeemGoods, Amount: 1995})
}

func TestCashiersReward(t *testing.T) {
	p := promoted()
	p.Cashier.Rate = 100
	q, _ := quoted(t, p, of(pieces(bread, 2), pieces(milk, 1)))
	require.Equal(t, sale.Points(198), q.Reward) // 1 % of 198.90
	q, _ = quoted(t, p, of(pieces(bread, 2)).by(nil))
	require.Equal(t, sale.Points(109), q.Reward)
	q, _ = quoted(t, p, of(pieces(bread, 2)).by(&Buyer{No: 7, Staff: 5}))
	require.Zero(t, q.Reward)
	require.Contains(t, rules(q.Reasons), RuleRewardOwn)
	req := of(pieces(bread, 2))
	req.Cashier = 0
	q, err := p.Quote(req)
	require.NoError(t, err)
	require.Zero(t, q.Reward)
}

func TestNoRedeemSaysWhy(t *testing.T) {
	b := buyer(0, 5000)
	b.NoRedeem = "own-card"
	req := of(pieces(bread, 2)).by(b)
	req.Redeem = 1000
	q, lines := quoted(t, promoted(), req)
	require.Equal(t, []got{{0, 0, 10900, 327}}, lines)
	require.Equal(t, sale.Reason{Rule: RuleRedeemRefused, Amount: 1000, Detail: "why=own-card"}, q.Reasons[0])
	require.Equal(t, "В этом чеке баллы не списываются (правило own-card)", ReasonText(q.Reasons[0], "ru"))
}

// A gift that is due and not yet scanned is said, so that the cashier can hand it over.
func TestGiftDue(t *testing.T) {
	p := promoted(Promotion{Goods: onlySKU("milk"), Least: Least{Sum: 8000}, Give: Give{Kind: GiveGift, SKU: "bread", Qty: 1000}})
	q, _ := quoted(t, p, of(pieces(milk, 1)))
	require.Contains(t, q.Reasons, sale.Reason{Rule: RuleGiftDue, Amount: 1, Detail: "promo=1 sku=bread"})
	require.Empty(t, q.Applied)
}
