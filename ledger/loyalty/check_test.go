package loyalty

import (
	"fmt"
	"strings"
	"testing"

	"github.com/kopilka/kopilka/ledger/sale"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// Each wrong rule is named by its path, in both languages, and refuses the programme alone.
func TestValidateRules(t *testing.T) {
	fine := func() *Programme {
		p := promoted(
			Promotion{Give: Give{Kind: GivePercentOff, Rate: 1000}},
			Promotion{Give: Give{Kind: GiveStamps, Purse: 1, Nth: 6}},
			Promotion{Campaign: 1, Give: Give{Kind: GiveAmountOff, Money: 100}},
		)
		p.Gifts = []Gift{{SKU: "mug", Points: 100}}
		p.Caps = []GoodsCap{{Max: 1000}}
		return p
	}
	require.NoError(t, fine().Validate())
	for path, spoil := range map[string]func(p *Programme){
		"day: want a day of the calendar":         func(p *Programme) { p.Day = 20270230 },
		"day: want either a day or effectiveFrom": func(p *Programme) { p.Day, p.EffectiveFrom = 20270301, 1 },
		"scope: want a region or a store":         func(p *Programme) { p.Scope = Scope{Region: "Центр", Store: 1} },
		"scope.region:":                           func(p *Programme) { p.Scope.Region = " Центр" },
		"promotions: want at most 500":            func(p *Programme) { p.Promotions = make([]Promotion, PromotionsMax+1) },
		"promotions[1].id":                        func(p *Programme) { p.Promotions[1].ID = 1 },
		"promotions[0].id":                        func(p *Programme) { p.Promotions[0].ID = 0 },
		"promotions[0].ru":                        func(p *Programme) { p.Promotions[0].RU = "" },
		"promotions[0].when.from":                 func(p *Programme) { p.Promotions[0].When.From = 20270431 },
		"promotions[0].when.until: want no day":   func(p *Programme) { p.Promotions[0].When = When{From: 20270302, Until: 20270301} },
		"promotions[0].when.weekdays":             func(p *Programme) { p.Promotions[0].When.Weekdays = 128 },
		"promotions[0].when.startMinute":          func(p *Programme) { p.Promotions[0].When.Start = 1440 },
		"promotions[0].when.endMinute: want 0":    func(p *Programme) { p.Promotions[0].When.End = 1441 },
		"promotions[0].when.endMinute: want ano":  func(p *Programme) { p.Promotions[0].When = When{Start: 60, End: 60} },
		"promotions[0].who.tiers":                 func(p *Programme) { p.Promotions[0].Who.Tiers = []uint16{9} },
		"promotions[0].who.anyone":                func(p *Programme) { p.Promotions[0].Who = Who{Anyone: true, First: true} },
		"promotions[1].give.kind: want money off": func(p *Programme) { p.Promotions[1].Who.Anyone = true },
		"promotions[0].perCustomer": func(p *Programme) {
			p.Promotions[0].Who.Anyone, p.Promotions[0].PerCustomer = true, 1
		},
		"promotions[0].goods.skus":         func(p *Programme) { p.Promotions[0].Goods.SKUs = []sale.SKU{""} },
		"promotions[0].goods.tags":         func(p *Programme) { p.Promotions[0].Goods.Tags = []string{" эко"} },
		"promotions[0].goods.except: want": func(p *Programme) { p.Promotions[0].Goods.Except = &Goods{} },
		"promotions[0].goods.except.except": func(p *Programme) {
			p.Promotions[0].Goods.Except = &Goods{Tags: []string{"а"}, Except: &Goods{Tags: []string{"б"}}}
		},
		"promotions[0].goods.except.skus": func(p *Programme) {
			p.Promotions[0].Goods = Goods{SKUs: []sale.SKU{"a"}, Except: &Goods{SKUs: []sale.SKU{"a"}}}
		},
		"promotions[0].goods: want at most 1000":       func(p *Programme) { p.Promotions[0].Goods.SKUs = manySKUs(GoodsNamesMax + 1) },
		"promotions[0].least.sum":                      func(p *Programme) { p.Promotions[0].Least.Sum = -1 },
		"promotions[0].least.qty":                      func(p *Programme) { p.Promotions[0].Least.Qty = -1 },
		"promotions[0].group":                          func(p *Programme) { p.Promotions[0].Group = strings.Repeat("а", 33) },
		"promotions[2].campaign: want a campaign":      func(p *Programme) { p.Promotions[2].Campaign = 8 },
		"promotions[2].campaign: want codes that give": func(p *Programme) { p.Promotions[2].Campaign = 3 },
		"promotions[0].give.kind: want a kind":         func(p *Programme) { p.Promotions[0].Give.Kind = 11 },
		"promotions[0].give.rate: want more than 0":    func(p *Programme) { p.Promotions[0].Give.Rate = 10_001 },
		"promotions[0].give.rate: want 0 to 1000 %":    func(p *Programme) { p.Promotions[0].Give = Give{Kind: GiveEarnTimes, Rate: EarnTimesMax + 1} },
		"promotions[0].give.points":                    func(p *Programme) { p.Promotions[0].Give = Give{Kind: GivePoints} },
		"promotions[2].give.money":                     func(p *Programme) { p.Promotions[2].Give.Money = 0 },
		"promotions[0].give.sku":                       func(p *Programme) { p.Promotions[0].Give = Give{Kind: GiveGift, Qty: 1000} },
		"promotions[0].give.sku: want other goods": func(p *Programme) {
			p.Promotions[0].Goods, p.Promotions[0].Least, p.Promotions[0].Give = onlySKU("mug"), Least{Qty: 2000}, Give{Kind: GiveGift, SKU: "mug", Qty: 1000}
		},
		"promotions[0].give.qty":                       func(p *Programme) { p.Promotions[0].Give = Give{Kind: GiveGift, SKU: "mug", Qty: 500} },
		"promotions[0].give.nth: want 2":               func(p *Programme) { p.Promotions[0].Give = Give{Kind: GiveNthFree, Nth: 1} },
		"promotions[1].give.nth: want 1":               func(p *Programme) { p.Promotions[1].Give.Nth = 0 },
		"promotions[1].give.purse":                     func(p *Programme) { p.Promotions[1].Give.Purse = 2 },
		"promotions[0].give.purse":                     func(p *Programme) { p.Promotions[0].Give = Give{Kind: GiveTickets, Money: 100, Purse: 9} },
		"promotions[0].give.money: want 1.00":          func(p *Programme) { p.Promotions[0].Give = Give{Kind: GiveTickets, Money: 99, Purse: 2} },
		"campaigns[1].id":                              func(p *Programme) { p.Campaigns[1].ID = 1 },
		"campaigns[0].en":                              func(p *Programme) { p.Campaigns[0].EN = "" },
		"campaigns[0].until":                           func(p *Programme) { p.Campaigns[0].Until = 20260101 },
		"campaigns[0].code: want a code of":            func(p *Programme) { p.Campaigns[0].Code = " - " },
		"campaigns[2].code: want a code that no other": func(p *Programme) { p.Campaigns[2].Code = "pushkin-10" },
		"campaigns[1].code: want none":                 func(p *Programme) { p.Campaigns[1].Code = "X" },
		"campaigns[1].kind: want a kind":               func(p *Programme) { p.Campaigns[1].Kind = 5 },
		"campaigns[2].kind: want a cashier":            func(p *Programme) { p.Campaigns[2].Staff = 0 },
		"campaigns[0].kind: want a cashier":            func(p *Programme) { p.Campaigns[0].Channel = "ВК" },
		"caps[0].max":                                  func(p *Programme) { p.Caps[0].Max = 10_001 },
		"caps[0].goods.categories":                     func(p *Programme) { p.Caps[0].Goods.Categories = []string{""} },
		"gifts[0].sku":                                 func(p *Programme) { p.Gifts[0].SKU = "" },
		"gifts[0].points":                              func(p *Programme) { p.Gifts[0].Points = 0 },
		"gifts[0].tiers":                               func(p *Programme) { p.Gifts[0].Tiers = []uint16{77} },
		"gifts[0].when.until":                          func(p *Programme) { p.Gifts[0].When.Until = 1 },
		"gifts: want none":                             func(p *Programme) { p.Policy = PolicyDiscount },
		"promotions[0].give.kind: want no points": func(p *Programme) {
			p.Gifts, p.Policy = nil, PolicyDiscount
			p.Promotions[0].Give = Give{Kind: GivePoints, Points: 1}
		},
		"purses[1].no":                     func(p *Programme) { p.Purses[1].No = 1 },
		"purses[0].no":                     func(p *Programme) { p.Purses[0].No = 0 },
		"purses[0].kind":                   func(p *Programme) { p.Purses[0].Kind = 0 },
		"purses[0].lots.expireAfterDays":   func(p *Programme) { p.Purses[0].Lots.ExpireAfterDays = 4000 },
		"purses[2].max: want more than 0":  func(p *Programme) { p.Purses[2].Max = 0 },
		"purses[0].max: want zero but for": func(p *Programme) { p.Purses[0].Max = 1 },
	} {
		t.Run(path, func(t *testing.T) {
			p := fine()
			spoil(p)
			err := p.Validate()
			require.ErrorIs(t, err, ErrProgramme)
			require.Contains(t, err.Error(), "programme: "+path)
			for _, line := range strings.Split(err.Error(), "\n") {
				require.Contains(t, line, " / ")
			}
			_, err = Compile(p)
			require.ErrorIs(t, err, ErrProgramme)
			_, err = p.Encode()
			require.ErrorIs(t, err, ErrProgramme)
		})
	}
}

func manySKUs(n int) (list []sale.SKU) {
	for i := range n {
		list = append(list, diceSKU(i))
	}
	return list
}

// Rules that contradict each other are all named in one go.
func TestValidateNamesEveryProblemOfRules(t *testing.T) {
	p := promoted(
		Promotion{When: When{From: 20270302, Until: 20270301}, Give: Give{Kind: GivePercentOff, Rate: 20_000}},
		Promotion{Who: Who{Anyone: true, Tiers: []uint16{5}}, Give: Give{Kind: GivePoints, Points: -1}},
	)
	p.Caps = []GoodsCap{{Max: -1}}
	err := p.Validate()
	for _, path := range []string{
		"promotions[0].when.until", "promotions[0].give.rate", "promotions[1].who.tiers", "promotions[1].who.anyone", "promotions[1].give.points", "promotions[1].give.kind", "caps[0].max",
	} {
		require.ErrorContains(t, err, path)
	}
}

// A programme of many rules travels whole.
func TestRulesEncoding(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := diceOf(rapid.Uint64().Draw(t, "seed")).programme()
		b, err := want.Encode()
		require.NoError(t, err)
		got, err := Decode(b)
		require.NoError(t, err)
		require.Equal(t, fmt.Sprintf("%+v", want.Tiers), fmt.Sprintf("%+v", got.Tiers))
		again, err := got.Encode()
		require.NoError(t, err)
		require.Equal(t, b, again)
	})
	b, err := manyPromotions(benchRules).Encode()
	require.NoError(t, err)
	require.Less(t, len(b), ProgrammeBytesMax, "200 promotions fit")
}
