package web

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/kopilka/kopilka/cloud/web/page"
	"github.com/kopilka/kopilka/ledger/loyalty"
	"github.com/kopilka/kopilka/ledger/sale"
)

// maker draws the parts of a programme that a person could have typed.
type maker struct{ t *rapid.T }

func (m maker) whole(most int) int { return rapid.IntRange(0, most).Draw(m.t, "n") }

func (m maker) yes() bool { return rapid.Bool().Draw(m.t, "yes") }

func (m maker) word() string {
	return rapid.StringMatching(`[А-Яа-яA-Za-z0-9<>"&;=+,.№][А-Яа-яA-Za-z0-9 <>"&;=+,.№]{0,12}[а-яa-z0-9>"&;]`).Draw(m.t, "word")
}

func (m maker) money() sale.Money {
	return sale.Money(rapid.Int64Range(0, int64(sale.MoneyMax)).Draw(m.t, "money"))
}

func (m maker) points() sale.Points {
	return sale.Points(rapid.Int64Range(0, 1<<40).Draw(m.t, "points"))
}
func (m maker) rate() sale.BasisPoints { return sale.BasisPoints(m.whole(int(percentMax))) }
func (m maker) u32() uint32            { return rapid.Uint32().Draw(m.t, "u32") }

func (m maker) day() sale.Date {
	if m.yes() {
		return 0
	}
	return sale.Date(20260101).Add(m.whole(3000))
}

func several[T ~string](m maker) []T {
	var out []T
	for range m.whole(3) {
		out = append(out, T(m.word()))
	}
	return out
}

func some[T ~uint8 | ~uint16 | ~uint32](m maker, of ...T) []T {
	var out []T
	for _, v := range of {
		if m.yes() {
			out = append(out, v)
		}
	}
	return out
}

func (m maker) goods() loyalty.Goods {
	g := loyalty.Goods{SKUs: several[sale.SKU](m), Categories: several[string](m), Tags: several[string](m)}
	if m.yes() {
		g.Except = &loyalty.Goods{SKUs: []sale.SKU{sale.SKU(m.word())}, Tags: several[string](m)}
	}
	return g
}

func (m maker) when() loyalty.When {
	return loyalty.When{From: m.day(), Until: m.day(), Weekdays: uint8(m.whole(127)), Start: uint16(m.whole(1439)), End: uint16(m.whole(1440))}
}

func (m maker) who() loyalty.Who {
	w := loyalty.Who{Tiers: some[uint16](m, 0, 3, 7), First: m.yes(), Anyone: m.yes()}
	for range m.whole(3) {
		w.Segments = append(w.Segments, uint8(m.whole(255)))
	}
	return w
}

func (m maker) lots() loyalty.LotRules {
	return loyalty.LotRules{ActivateAfterHours: m.u32(), ExpireAfterDays: m.u32()}
}

func (m maker) watched() loyalty.Watched {
	return loyalty.Watched{Measure: loyalty.Measure(m.whole(3)), Limit: m.u32()}
}

func (m maker) give(p *loyalty.Programme) loyalty.Give {
	kind := gifts[m.whole(len(gifts)-1)]
	g := loyalty.Give{Kind: loyalty.GiveKind(kind.Kind)}
	for _, field := range kind.fields {
		switch field {
		case "rate":
			g.Rate = m.rate()
		case "money":
			g.Money = m.money()
		case "points":
			g.Points = m.points()
		case "sku":
			g.SKU = sale.SKU(m.word())
		case "qty":
			g.Qty = sale.Qty(m.whole(100000))
		case "nth":
			g.Nth = m.u32()
		case "purse":
			for _, w := range p.Purses {
				if w.Kind == kind.purse {
					g.Purse = w.No
				}
			}
		}
	}
	return g
}

// programme draws one that fills every section.
func (m maker) programme() *loyalty.Programme {
	p := &loyalty.Programme{
		Policy: loyalty.Policy(1 + m.whole(2)), EarnStep: m.points(), RedeemStep: m.points(), LineFloor: m.money(), Lots: m.lots(), GraceDays: m.u32(), Counter: m.yes(),
		Window:   loyalty.Window{Days: m.u32(), Downgrade: m.yes(), HoldDays: m.u32(), Min: m.money()},
		Referral: loyalty.Referral{First: m.points(), Friend: m.points(), Min: m.money(), Month: m.points(), Lots: m.lots()},
		Grants: loyalty.Grants{
			Welcome: m.points(), FirstPurchase: m.points(), Review: m.points(), ReviewsMonth: m.u32(), ByHandMax: m.points(),
			Birthday: loyalty.Birthday{Points: m.points(), Average: m.rate(), Before: m.u32(), After: m.u32()},
		},
		Cashier: loyalty.Cashier{Rate: m.rate()}, Returns: loyalty.Returns{ForeignMax: m.money(), ForeignDays: m.u32()},
		Enrolment: loyalty.Enrolment{NoRedeem: m.yes(), Closed: m.yes()},
	}
	for _, no := range []uint16{0, 3, 7} {
		p.Tiers = append(p.Tiers, loyalty.Tier{No: no, RU: m.word(), EN: m.word(), Earn: m.rate(), Discount: m.rate(), RedeemMax: m.rate(), Need: loyalty.Need{Spend: m.money(), Receipts: m.u32(), Referrals: m.u32()}})
	}
	for _, w := range fraudRules {
		*w.rule(&p.Watch) = m.watched()
		if w.limit.RU == "" {
			w.rule(&p.Watch).Limit = 0
		}
	}
	for range m.whole(3) {
		p.Referral.Rates = append(p.Referral.Rates, m.rate())
	}
	m.lists(p)
	return p
}

func (m maker) lists(p *loyalty.Programme) {
	for kind := loyalty.PurseStamps; kind <= loyalty.PursePartner; kind++ {
		w := loyalty.Purse{No: sale.PurseNo(kind), RU: m.word(), EN: m.word(), Kind: kind, Lots: m.lots()}
		if kind == loyalty.PursePartner {
			w.Goods, w.Max, w.Partner, w.Stores = m.goods(), m.rate(), sale.PartnerNo(m.whole(1)), some[sale.StoreNo](m, 1, 2)
		}
		p.Purses = append(p.Purses, w)
	}
	for i := range m.whole(3) {
		k := loyalty.Campaign{ID: uint32(i + 1), RU: m.word(), EN: m.word(), Kind: loyalty.CodeKind(1 + m.whole(3)), From: m.day(), Until: m.day(), PerCustomer: m.u32()}
		if k.Kind == loyalty.CodeGeneric || k.Kind == loyalty.CodeAttribution {
			k.Code = m.word()
		}
		if k.Kind == loyalty.CodeAttribution {
			k.Staff, k.Partner, k.Channel = sale.StaffNo(m.whole(1)), sale.PartnerNo(m.whole(1)), m.word()
		}
		p.Campaigns = append(p.Campaigns, k)
	}
	for i := range m.whole(3) {
		n := loyalty.Promotion{
			ID: uint32(i + 1), RU: m.word(), EN: m.word(), When: m.when(), Who: m.who(), Goods: m.goods(), Least: loyalty.Least{Sum: m.money(), Qty: sale.Qty(m.whole(5000))},
			Give: m.give(p), Priority: int32(m.whole(2000) - 1000), Group: m.word(), PerReceipt: m.u32(), PerCustomer: m.u32(),
		}
		if len(p.Campaigns) > 0 {
			n.Campaign = p.Campaigns[0].ID
		}
		p.Promotions = append(p.Promotions, n)
	}
	for range m.whole(2) {
		p.Caps = append(p.Caps, loyalty.GoodsCap{Goods: m.goods(), Max: m.rate()})
		p.Gifts = append(p.Gifts, loyalty.Gift{SKU: sale.SKU(m.word()), Points: m.points(), When: m.when(), Tiers: some[uint16](m, 0, 3, 7)})
		p.Grants.Holidays = append(p.Grants.Holidays, loyalty.Holiday{ID: uint32(len(p.Grants.Holidays) + 1), RU: m.word(), EN: m.word(), Month: uint8(m.whole(12)), Day: uint8(m.whole(31)), Before: m.u32(), After: m.u32(), Points: m.points(), Who: m.who()})
		p.Enrolment.Consents = append(p.Enrolment.Consents, loyalty.ConsentText{Kind: sale.ConsentKind(1 + m.whole(1)), Version: m.u32(), RU: m.word() + "\n" + m.word(), EN: m.word(), Required: m.yes()})
	}
}

// bones is a programme of the same things by number and kind, with nothing else in it: what the forms do
// not carry over will be missing.
func bones(p *loyalty.Programme) *loyalty.Programme {
	q := &loyalty.Programme{}
	for range p.Caps {
		q.Caps, q.Gifts, q.Enrolment.Consents = append(q.Caps, loyalty.GoodsCap{}), append(q.Gifts, loyalty.Gift{}), append(q.Enrolment.Consents, loyalty.ConsentText{})
	}
	for _, t := range p.Tiers {
		q.Tiers = append(q.Tiers, loyalty.Tier{No: t.No})
	}
	for _, w := range p.Purses {
		q.Purses = append(q.Purses, loyalty.Purse{No: w.No, Kind: w.Kind})
	}
	for _, k := range p.Campaigns {
		q.Campaigns = append(q.Campaigns, loyalty.Campaign{ID: k.ID, Kind: k.Kind})
	}
	for _, n := range p.Promotions {
		q.Promotions = append(q.Promotions, loyalty.Promotion{ID: n.ID, Give: loyalty.Give{Kind: n.Give.Kind}})
	}
	for _, h := range p.Grants.Holidays {
		q.Grants.Holidays = append(q.Grants.Holidays, loyalty.Holiday{ID: h.ID})
	}
	return q
}

// TestFormsCarryAWholeProgramme takes any programme through every form into an empty one: nothing may be
// lost, and nothing be complained about.
func TestFormsCarryAWholeProgramme(t *testing.T) {
	t.Parallel()
	sh := shop{Stores: []page.Store{{No: 1, Name: "Лесная"}, {No: 2, Name: "Химки"}}, Staff: []page.Staff{{Staff: sale.Staff{No: 1, Name: "Анна"}}}}
	rapid.Check(t, func(t *rapid.T) {
		p := maker{t}.programme()
		q := bones(p)
		partners := []option{{"1", Text{"Кафе", "Café"}}}
		from := &known{shop: sh, partners: partners, p: p}
		into := &known{shop: sh, partners: partners, p: q}
		for _, ch := range chapters() {
			for _, sec := range ch.Sections {
				if sec.List == nil {
					carry(t, sec.sheet(p, from), sec.sheet(q, into))
					continue
				}
				for i := range sec.List.size(p) {
					carry(t, sec.List.sheet(p, from, i), sec.List.sheet(q, into, i))
				}
			}
		}
		want, err := sale.Encode(p)
		require.NoError(t, err)
		got, err := sale.Encode(q)
		require.NoError(t, err)
		if !slices.Equal(want, got) {
			require.Equal(t, p, q)
		}
		require.Empty(t, differences(formats{RU}, p, q, from))
	})
}

func carry(t *rapid.T, from, into *sheet) {
	f := from.fill()
	into.take(f)
	require.Empty(t, f.Problems, fmt.Sprint(f.Values))
}

// TestEveryProblemFindsItsPage breaks one rule of each section and looks where the editor would send a
// person.
func TestEveryProblemFindsItsPage(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"policy": "base", "lots.expireAfterDays": "base", "tiers.3.earn": "tiers 3", "tiers": "tiers", "grants.holidays.1.day": "holidays 1", "grants.birthday.points": "grants",
		"enrolment.consents.0.ru": "consents 0", "enrolment.closed": "enrolment", "watch.fresh.limit": "watch", "promotions.12.give.rate": "promotions 12", "purses.0.max": "purses 0", "version": "",
	} {
		sec, i := sectionOf(name)
		got := sec.Key
		if i >= 0 {
			got += fmt.Sprint(" ", i)
		}
		require.Equal(t, want, got, name)
	}
	p := loyalty.Default()
	p.Tiers[1].Earn, p.EarnStep = 20000, 0
	problems := ruleProblems(p.Validate())
	require.Len(t, problems, 2)
	require.Equal(t, "earnStep", problems[0].Name)
	require.Equal(t, ruleProblem{"tiers.1.earn", Text{"Нужно от 0 до 100 %, сейчас: 200%.", "Want 0 to 100 %, now: 200%."}}, problems[1])
}
