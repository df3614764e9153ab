package web

import (
	"fmt"

	"github.com/kopilka/kopilka/ledger/loyalty"
	"github.com/kopilka/kopilka/ledger/sale"
)

// gift is a kind of promotion: its words, and which fields of what it gives count.
type gift struct {
	kindChoice
	fields []string // of loyalty.Give: rate, money, points, sku, qty, nth, purse
	purse  loyalty.PurseKind
	rate   Text
	money  Text
	nth    Text
	start  loyalty.Give
}

var gifts = []gift{
	{kindChoice: kindChoice{uint8(loyalty.GivePercentOff), Text{"Скидка в процентах", "Percentage off"}, Text{"Например, 10 % на сыры по выходным", "For example 10 % off cheese at weekends"}}, fields: []string{"rate"}, rate: Text{"Скидка, %", "Discount, %"}, start: loyalty.Give{Rate: 1000}},
	{kindChoice: kindChoice{uint8(loyalty.GiveAmountOff), Text{"Скидка в рублях", "Amount off"}, Text{"Например, 200 ₽ от чека на 2 000 ₽", "For example 200 off a receipt of 2,000"}}, fields: []string{"money"}, money: Text{"Скидка, ₽", "Discount"}, start: loyalty.Give{Money: 100 * sale.Rouble}},
	{kindChoice: kindChoice{uint8(loyalty.GiveEarnTimes), Text{"Умножить начисление", "Multiply the accrual"}, Text{"Двойные баллы на выбранные товары или ни одного", "Double points on chosen goods, or none"}}, fields: []string{"rate"}, rate: Text{"Начислять, % от обычного (200 — вдвойне, 0 — ничего)", "Earns, % of the usual (200 doubles, 0 forbids)"}, start: loyalty.Give{Rate: 2 * sale.Hundred}},
	{kindChoice: kindChoice{uint8(loyalty.GiveEarnExtra), Text{"Добавить к начислению", "Add to the accrual"}, Text{"Плюс 5 % баллами сверх уровня", "Another 5 % in points beside the tier's"}}, fields: []string{"rate"}, rate: Text{"Ещё баллами, %", "More points, %"}, start: loyalty.Give{Rate: 500}},
	{kindChoice: kindChoice{uint8(loyalty.GivePoints), Text{"Баллы за покупку", "Points for a purchase"}, Text{"300 баллов за каждые 3 000 ₽", "300 points for every 3,000 spent"}}, fields: []string{"points"}, start: loyalty.Give{Points: 100 * sale.Point}},
	{kindChoice: kindChoice{uint8(loyalty.GiveGift), Text{"Подарок в чеке", "A gift on the receipt"}, Text{"Товар за минимальную цену при покупке других", "An article for its floor with others bought"}}, fields: []string{"sku", "qty"}, start: loyalty.Give{Qty: sale.Piece}},
	{kindChoice: kindChoice{uint8(loyalty.GiveNthFree), Text{"N-й в подарок", "Every Nth free"}, Text{"Четвёртая упаковка бесплатно: дешёвая из четырёх", "The fourth pack free: the cheapest of four"}}, fields: []string{"nth"}, nth: Text{"Каждая какая штука бесплатно", "Which piece is free"}, start: loyalty.Give{Nth: 4}},
	{kindChoice: kindChoice{uint8(loyalty.GiveStamps), Text{"Карта штампов", "Stamp card"}, Text{"Десятый кофе бесплатно, штампы копятся между чеками", "The tenth coffee free, stamps kept between receipts"}}, fields: []string{"purse", "nth"}, purse: loyalty.PurseStamps, nth: Text{"Штампов за подарок", "Stamps for a gift"}, start: loyalty.Give{Nth: 9}},
	{kindChoice: kindChoice{uint8(loyalty.GiveTickets), Text{"Билеты розыгрыша", "Draw tickets"}, Text{"Билет за каждые 500 ₽", "A ticket for every 500 spent"}}, fields: []string{"purse", "money"}, purse: loyalty.PurseTickets, money: Text{"Билет за каждые, ₽", "A ticket for every"}, start: loyalty.Give{Money: 500 * sale.Rouble}},
	{kindChoice: kindChoice{uint8(loyalty.GivePurse), Text{"Баллы партнёра", "A partner's points"}, Text{"Партнёр возвращает долю покупки в свой кошелёк", "A partner gives a share of the purchase into its purse"}}, fields: []string{"purse", "rate"}, purse: loyalty.PursePartner, rate: Text{"Доля покупки, %", "Share of the purchase, %"}, start: loyalty.Give{Rate: 500}},
}

func giftOf(kind loyalty.GiveKind) gift {
	for _, g := range gifts {
		if g.Kind == uint8(kind) {
			return g
		}
	}
	name := fmt.Sprintf("№ %d", kind)
	return gift{kindChoice: kindChoice{Kind: uint8(kind), Name: Text{name, name}}}
}

func giftKinds() []kindChoice {
	var out []kindChoice
	for _, g := range gifts {
		out = append(out, g.kindChoice)
	}
	return out
}

// reshaped is what a promotion gives after its kind was changed: the kind's own beginning, so that
// nothing is left of fields that are not shown any more.
func reshaped(kind loyalty.GiveKind) loyalty.Give {
	give := giftOf(kind).start
	give.Kind = kind
	return give
}

func promotionList() *listing {
	number := func(k *known) uint32 {
		return free(k, func(p *loyalty.Programme) []loyalty.Promotion { return p.Promotions }, func(m loyalty.Promotion) uint32 { return m.ID })
	}
	return over(rows[loyalty.Promotion]{
		of: func(p *loyalty.Programme) *[]loyalty.Promotion { return &p.Promotions }, path: "promotions",
		fresh: func(_ *loyalty.Programme, k *known, kind uint8) loyalty.Promotion {
			name := giftOf(loyalty.GiveKind(kind)).Name
			return loyalty.Promotion{ID: number(k), RU: name.RU, EN: name.EN, Give: reshaped(loyalty.GiveKind(kind))}
		},
		renew: func(_ *loyalty.Programme, k *known, m *loyalty.Promotion) { m.ID = number(k); copied(&m.RU, &m.EN) },
		ident: func(m *loyalty.Promotion) (string, Text) { return fmt.Sprint(m.ID), Text{m.RU, m.EN} },
		cells: func(f formats, k *known, m *loyalty.Promotion) []string {
			return []string{f.gives(m.Give), f.goods(m.Goods), f.span(m.When), f.count(m.Priority)}
		},
		sheet: promotionSheet,
	}, listing{
		One: Text{"акцию", "promotion"}, Empty: Text{"Акций нет: действуют только уровни.", "No promotions: only tiers hold."},
		Columns: []Text{{"Что даёт", "Gives"}, {"На что", "On"}, {"Когда", "When"}, {"Приоритет", "Priority"}},
		Kinds:   giftKinds,
		kind:    func(p *loyalty.Programme, i int) uint8 { return uint8(p.Promotions[i].Give.Kind) },
		reshape: func(p *loyalty.Programme, i int) { p.Promotions[i].Give = reshaped(p.Promotions[i].Give.Kind) },
		tag: func(p *loyalty.Programme, i int, today sale.Date) Text {
			return tagOf(p.Promotions[i].When.From, p.Promotions[i].When.Until, today)
		},
		off: func(p *loyalty.Programme, i int, today sale.Date) {
			w := &p.Promotions[i].When
			if w.Until != 0 && w.Until < today {
				w.Until = 0
				return
			}
			w.Until = today.Add(-1)
			w.From = min(w.From, w.Until)
		},
	})
}

// gives is what a promotion gives, in a few words.
func (f formats) gives(g loyalty.Give) string {
	var figure string
	switch g.Kind {
	case loyalty.GivePercentOff:
		return minus + f.percent(g.Rate)
	case loyalty.GiveAmountOff:
		return minus + f.money(g.Money) + nbsp + "₽"
	case loyalty.GiveEarnTimes:
		return f.pick("начисление × ", "accrual × ") + f.figure(sale.Points(g.Rate/100).String())
	case loyalty.GiveEarnExtra:
		return "+" + f.percent(g.Rate) + f.pick(" баллами", " in points")
	case loyalty.GivePoints:
		return "+" + f.points(g.Points) + f.pick(" баллов", " points")
	case loyalty.GiveGift:
		figure = string(g.SKU)
	case loyalty.GiveNthFree, loyalty.GiveStamps:
		figure = f.count(g.Nth)
	case loyalty.GiveTickets:
		figure = f.money(g.Money) + nbsp + "₽"
	case loyalty.GivePurse:
		figure = f.percent(g.Rate)
	}
	return giftOf(g.Kind).Name.in(f.lang) + ": " + figure
}

func promotionSheet(path string, m *loyalty.Promotion, k *known) *sheet {
	return &sheet{Groups: []*group{
		newGroup("Название и вид", "Name and kind", append(nameEntries(path, &m.RU, &m.EN),
			chooseEntry(path+"give.kind", &m.Give.Kind, Text{"Вид", "Kind"}, kindOptions(giftKinds())...))...),
		newGroup("Что даёт", "What it gives", giveEntries(path+"give.", &m.Give, k)...),
		newGroup("На какие товары", "On which goods", goodsEntries(path+"goods", &m.Goods)...),
		newGroup("Сколько нужно купить этих товаров", "How much of these goods must be bought",
			moneyEntry(path+"least.sum", &m.Least.Sum, Text{"На сумму от, ₽", "For at least"}).hint("До скидок", "Before discounts"),
			qtyEntry(path+"least.qty", &m.Least.Qty, Text{"Количество от", "At least, quantity"})),
		newGroup("Когда", "When", whenEntries(path+"when", &m.When)...),
		newGroup("Кому", "For whom", whoEntries(path+"who", &m.Who, k)...),
		newGroup("Код и пределы", "Code and limits",
			chooseEntry(path+"campaign", &m.Campaign, Text{"По промокоду", "With a promo code"}, k.campaigns()...),
			wholeEntry(path+"perReceipt", &m.PerReceipt, Text{"Не больше раз в чеке", "At most times a receipt"}).hint("Пусто — без предела", "Empty: no limit"),
			wholeEntry(path+"perCustomer", &m.PerCustomer, Text{"Не больше раз одному покупателю", "At most times a customer"}).hint("Касса считает по тому, что знает; лишнее офис отметит", "Tills count what they know; head office flags more")),
		newGroup("Вместе с другими акциями", "Together with other promotions",
			numberEntry(path+"priority", &m.Priority, Text{"Приоритет", "Priority"}).hint("Больше — раньше", "The higher first"),
			textEntry(path+"group", &m.Group, textMax, Text{"Группа", "Group"}).hint("Из акций одной группы чек получит одну, лучшую для покупателя", "Of a group's promotions a receipt gets one, the best for the customer")),
	}}
}

func giveEntries(path string, g *loyalty.Give, k *known) []*entry {
	kind := giftOf(g.Kind)
	all := map[string]*entry{
		"rate":   percentEntry(path+"rate", &g.Rate, kind.rate),
		"money":  moneyEntry(path+"money", &g.Money, kind.money),
		"points": pointsEntry(path+"points", &g.Points, Text{"Баллов", "Points"}).hint("Столько раз, сколько в чеке наберётся условие ниже", "As often as the receipt holds what is asked below"),
		"sku":    textEntry(path+"sku", &g.SKU, textMax, Text{"Артикул подарка", "The gift's article number"}),
		"qty":    qtyEntry(path+"qty", &g.Qty, Text{"Сколько штук", "How many"}),
		"nth":    wholeEntry(path+"nth", &g.Nth, kind.nth),
		"purse":  chooseEntry(path+"purse", &g.Purse, Text{"Кошелёк", "Purse"}, k.purses(kind.purse)...).hint("Заводится в разделе «Кошельки»", "Made in the section “Purses”"),
	}
	var out []*entry
	for _, name := range kind.fields {
		out = append(out, all[name])
	}
	return out
}

var codeKinds = []kindChoice{
	{uint8(loyalty.CodeGeneric), Text{"Общий код", "One code for all"}, Text{"Одно слово для всех: ВЕСНА", "One word for everybody: SPRING"}},
	{uint8(loyalty.CodeUnique), Text{"Одноразовые коды", "Single-use codes"}, Text{"Партия разных кодов, каждый действует раз", "A batch of different codes, each good once"}},
	{uint8(loyalty.CodePersonal), Text{"Личные коды", "Personal codes"}, Text{"По одному на покупателя из списка", "One for each customer of a list"}},
	{uint8(loyalty.CodeAttribution), Text{"Код источника", "Attribution code"}, Text{"Показывает, кто привёл покупателя: кассир, канал или партнёр", "Says who brought the customer: a cashier, a channel or a partner"}},
}

func campaignList() *listing {
	number := func(k *known) uint32 {
		return free(k, func(p *loyalty.Programme) []loyalty.Campaign { return p.Campaigns }, func(m loyalty.Campaign) uint32 { return m.ID })
	}
	return over(rows[loyalty.Campaign]{
		of: func(p *loyalty.Programme) *[]loyalty.Campaign { return &p.Campaigns }, path: "campaigns",
		fresh: func(_ *loyalty.Programme, k *known, kind uint8) loyalty.Campaign {
			return loyalty.Campaign{ID: number(k), Kind: loyalty.CodeKind(kind), RU: "Новая кампания", EN: "New campaign"}
		},
		renew: func(_ *loyalty.Programme, k *known, m *loyalty.Campaign) { m.ID = number(k); copied(&m.RU, &m.EN) },
		ident: func(m *loyalty.Campaign) (string, Text) { return fmt.Sprint(m.ID), Text{m.RU, m.EN} },
		cells: func(f formats, _ *known, m *loyalty.Campaign) []string {
			return []string{optionText(kindOptions(codeKinds), fmt.Sprint(uint8(m.Kind))).in(f.lang), m.Code, f.span(loyalty.When{From: m.From, Until: m.Until})}
		},
		sheet: campaignSheet,
	}, listing{
		One: Text{"кампанию", "campaign"}, Empty: Text{"Промокодов нет.", "There are no promo codes."},
		Columns: []Text{{"Вид", "Kind"}, {"Код", "Code"}, {"Когда", "When"}}, Kinds: func() []kindChoice { return codeKinds },
		kind: func(p *loyalty.Programme, i int) uint8 { return uint8(p.Campaigns[i].Kind) },
		reshape: func(p *loyalty.Programme, i int) {
			m := &p.Campaigns[i]
			if m.Kind != loyalty.CodeAttribution {
				m.Staff, m.Partner, m.Channel = 0, 0, ""
			}
			if m.Kind == loyalty.CodeUnique || m.Kind == loyalty.CodePersonal {
				m.Code = ""
			}
		},
		tag: func(p *loyalty.Programme, i int, today sale.Date) Text {
			return tagOf(p.Campaigns[i].From, p.Campaigns[i].Until, today)
		},
		off: func(p *loyalty.Programme, i int, today sale.Date) {
			m := &p.Campaigns[i]
			if m.Until != 0 && m.Until < today {
				m.Until = 0
				return
			}
			m.Until = today.Add(-1)
			m.From = min(m.From, m.Until)
		},
	})
}

func campaignSheet(path string, m *loyalty.Campaign, k *known) *sheet {
	out := &sheet{Groups: []*group{
		newGroup("Название и вид", "Name and kind", append(nameEntries(path, &m.RU, &m.EN),
			chooseEntry(path+"kind", &m.Kind, Text{"Вид", "Kind"}, kindOptions(codeKinds)...))...),
	}}
	if m.Kind == loyalty.CodeGeneric || m.Kind == loyalty.CodeAttribution {
		out.Groups = append(out.Groups, newGroup("Код", "The code", textEntry(path+"code", &m.Code, 64, Text{"Код", "Code"}).hint("Регистр, пробелы и дефисы не важны", "Capitals, spaces and dashes do not matter")))
	}
	if m.Kind == loyalty.CodeAttribution {
		out.Groups = append(out.Groups, newGroup("Кто привёл", "Who brings",
			chooseEntry(path+"staff", &m.Staff, Text{"Кассир", "Cashier"}, k.staff()...),
			chooseEntry(path+"partner", &m.Partner, Text{"Или партнёр", "Or partner"}, k.partnersOr(Text{"никто", "nobody"})...),
			textEntry(path+"channel", &m.Channel, textMax, Text{"Или канал", "Or channel"}).hint("Например: листовка, сайт", "For example: leaflet, site")))
	}
	out.Groups = append(out.Groups, newGroup("Когда и сколько", "When and how often",
		dayEntry(path+"from", &m.From, Text{"С дня", "From the day"}), dayEntry(path+"until", &m.Until, Text{"По день включительно", "To the day, included"}),
		wholeEntry(path+"perCustomer", &m.PerCustomer, Text{"Не больше раз одному покупателю", "At most times a customer"}).hint("Пусто — без предела", "Empty: no limit")))
	return out
}
