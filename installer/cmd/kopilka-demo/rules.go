package main

import (
	"slices"
	"strings"

	"github.com/kopilka/kopilka/ledger/loyalty"
	"github.com/kopilka/kopilka/ledger/sale"
)

// codes and certificates are as the seed file writes them.
type (
	codes struct {
		Campaign uint32 `json:"campaign"`
		Count    int    `json:"count"`
	}
	certificates struct {
		Batch string     `json:"batch"`
		Count int        `json:"count"`
		Worth sale.Money `json:"worth"`
		Days  int        `json:"days"`
	}
)

var (
	singleCodes      = []codes{{Campaign: campaignSingle, Count: 50}}
	giftCertificates = []certificates{{"Подарочные 1000 ₽", 5, 1000 * sale.Rouble, 365}, {"Подарочные 3000 ₽", 3, 3000 * sale.Rouble, 365}}
)

// Numbers of the demo's campaigns and purses.
const (
	campaignGeneric = 1
	campaignSingle  = 2
	campaignCashier = 3
	purseBuns       = 1
	purseDraw       = 2
	codeGeneric     = "KOPILKA150"
)

// programme is rules that show most of what there is, and take nothing off the goods that the demo's own
// customers buy first.
func programme(goods []sale.Product) *loyalty.Programme {
	p := loyalty.Default()
	p.Tiers[1].Need = loyalty.Need{Spend: 30_000 * sale.Rouble, Receipts: 40}
	p.Tiers[2].Need = loyalty.Need{Spend: 100_000 * sale.Rouble, Referrals: 5}
	p.Window = loyalty.Window{Days: 365, Min: 100 * sale.Rouble}
	p.GraceDays = 14
	p.Promotions, p.Campaigns, p.Purses = promotions(), campaigns(), purses()
	p.Caps = []loyalty.GoodsCap{
		{Goods: loyalty.Goods{Categories: []string{"Детское питание"}}, Max: 2000},
		{Goods: loyalty.Goods{Categories: []string{"Энергетические напитки"}}},
	}
	p.Gifts = gifts(goods)
	p.Referral = loyalty.Referral{
		Rates: []sale.BasisPoints{300, 100, 50}, First: 200 * sale.Point, Friend: 100 * sale.Point, Min: 300 * sale.Rouble, Month: 5000 * sale.Point,
		Lots: loyalty.LotRules{ExpireAfterDays: 180},
	}
	p.Grants = loyalty.Grants{
		Welcome: 100 * sale.Point, FirstPurchase: 50 * sale.Point, Review: 50 * sale.Point, ReviewsMonth: 2, ByHandMax: 500 * sale.Point,
		Birthday: loyalty.Birthday{Points: 300 * sale.Point, Average: 1500, Before: 3, After: 7},
		Holidays: []loyalty.Holiday{
			{ID: 1, RU: "8 Марта", EN: "Women's Day", Month: 3, Day: 8, Before: 2, After: 5, Points: 100 * sale.Point},
			{ID: 2, RU: "Новый год", EN: "New Year", Month: 12, Day: 31, Before: 5, After: 10, Points: 150 * sale.Point},
		},
	}
	p.Cashier = loyalty.Cashier{Rate: 50}
	p.Watch = watch()
	p.Enrolment = loyalty.Enrolment{Consents: consents}
	p.Returns = loyalty.Returns{ForeignMax: 5000 * sale.Rouble, ForeignDays: 14}
	return p
}

func promotions() []loyalty.Promotion {
	return []loyalty.Promotion{
		{
			ID: 1, RU: "Двойные баллы на молочное по вторникам", EN: "Double points on dairy on Tuesdays", When: loyalty.When{Weekdays: 1 << 1},
			Goods: loyalty.Goods{Categories: []string{"Молочные продукты"}}, Give: loyalty.Give{Kind: loyalty.GiveEarnTimes, Rate: 2 * sale.Hundred},
		},
		{
			ID: 2, RU: "Вечером овощи и фрукты: ещё 3 % баллами", EN: "Fruit and vegetables in the evening: 3 % more in points",
			When: loyalty.When{Start: 18 * 60, End: 22 * 60}, Goods: loyalty.Goods{Categories: []string{"Овощи и фрукты"}},
			Give: loyalty.Give{Kind: loyalty.GiveEarnExtra, Rate: 300},
		},
		{
			ID: 3, RU: "150 ₽ по промокоду от 1000 ₽", EN: "150 roubles off 1000 by promo code", Campaign: campaignGeneric, Group: "промокод", PerCustomer: 1,
			Least: loyalty.Least{Sum: 1000 * sale.Rouble}, Give: loyalty.Give{Kind: loyalty.GiveAmountOff, Money: 150 * sale.Rouble},
		},
		{
			ID: 4, RU: "10 % на свою марку по личному коду", EN: "10 % off our own brand by a single code", Campaign: campaignSingle, Group: "промокод",
			Goods: loyalty.Goods{Tags: []string{tagOwn}}, Give: loyalty.Give{Kind: loyalty.GivePercentOff, Rate: 1000},
		},
		{
			ID: 5, RU: "Шестая булочка или слойка в подарок", EN: "Every sixth bun for free", Goods: loyalty.Goods{Tags: []string{tagBuns}},
			Give: loyalty.Give{Kind: loyalty.GiveStamps, Purse: purseBuns, Nth: 5},
		},
		{
			ID: 6, RU: "Третий йогурт в подарок", EN: "The third yogurt for free", Who: loyalty.Who{Anyone: true}, Goods: loyalty.Goods{Tags: []string{tagYogurt}},
			Give: loyalty.Give{Kind: loyalty.GiveNthFree, Nth: 3},
		},
		{
			ID: 7, RU: "Новогодний розыгрыш: билет за каждую 1000 ₽", EN: "New Year draw: a ticket for every 1000 roubles",
			When: loyalty.When{From: 20261201, Until: 20261231}, Give: loyalty.Give{Kind: loyalty.GiveTickets, Money: 1000 * sale.Rouble, Purse: purseDraw},
		},
	}
}

func campaigns() []loyalty.Campaign {
	return []loyalty.Campaign{
		{ID: campaignGeneric, RU: "Листовка", EN: "Leaflet", Kind: loyalty.CodeGeneric, Code: codeGeneric, PerCustomer: 1},
		{ID: campaignSingle, RU: "Рассылка вернувшимся", EN: "Mailing to those who come back", Kind: loyalty.CodeUnique},
		{ID: campaignCashier, RU: "Приглашает Соколова", EN: "Invited by Sokolova", Kind: loyalty.CodeAttribution, Code: "IRINA", Staff: staff[0].No},
	}
}

func purses() []loyalty.Purse {
	return []loyalty.Purse{
		{No: purseBuns, RU: "Наклейки за выпечку", EN: "Stamps for buns", Kind: loyalty.PurseStamps, Lots: loyalty.LotRules{ExpireAfterDays: 90}},
		{No: purseDraw, RU: "Билеты розыгрыша", EN: "Draw tickets", Kind: loyalty.PurseTickets},
	}
}

// gifts are goods for points: the first of each name.
func gifts(goods []sale.Product) (out []loyalty.Gift) {
	for _, g := range []struct {
		name   string
		points sale.Points
	}{{"Сумка для покупок «Копилка»", 200 * sale.Point}, {"Мёд цветочный «Пасека»", 400 * sale.Point}} {
		if i := slices.IndexFunc(goods, func(p sale.Product) bool { return strings.HasPrefix(p.Name, g.name) }); i >= 0 {
			out = append(out, loyalty.Gift{SKU: goods[i].SKU, Points: g.points})
		}
	}
	return out
}

// watch flags and never hinders: a demo should not ask for a manager.
func watch() loyalty.Watch {
	flag := func(limit uint32) loyalty.Watched { return loyalty.Watched{Measure: loyalty.MeasureFlag, Limit: limit} }
	return loyalty.Watch{
		OwnCard: flag(0), CardReceipts: flag(5), AfterTotal: flag(0), Fresh: flag(24), Refund: flag(24), Lookups: flag(5), PointsOnly: flag(0),
		Typed: flag(0), Night: flag(30),
	}
}

var consents = []loyalty.ConsentText{
	{
		Kind: sale.ConsentPersonalData, Version: 1, Required: true,
		RU: "Согласен на обработку имени, телефона и сведений о покупках для участия в программе лояльности «Копилка». Согласие можно отозвать в любом магазине.",
		EN: "I agree that my name, phone and purchases are processed so that I can take part in the Kopilka loyalty programme. I can withdraw this in any store.",
	},
	{
		Kind: sale.ConsentAdvertising, Version: 1,
		RU: "Согласен получать рассылки об акциях. Отказ не влияет на участие в программе.",
		EN: "I agree to receive messages about promotions. Saying no does not affect my part in the programme.",
	},
}
