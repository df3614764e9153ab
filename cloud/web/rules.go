package web

import (
	"fmt"

	"github.com/kopilka/kopilka/ledger/loyalty"
	"github.com/kopilka/kopilka/ledger/sale"
)

// section is a part of a programme with a page of its own: one sheet, or a list of things with a sheet
// each.
type section struct {
	Key         string // in the address, and the first word of its problems' paths
	Paths       []string
	Title, Hint Text
	sheet       func(p *loyalty.Programme, k *known) *sheet
	List        *listing
}

// chapter is sections that stand together on a programme's page.
type chapter struct {
	Title    Text
	Sections []section
}

// known is what the sheets offer to choose from.
type known struct {
	shop     shop
	partners []option
	history  []*loyalty.Programme // every version published
	p        *loyalty.Programme   // the draft
}

func (k *known) tiers() []option {
	var out []option
	for _, t := range k.p.Tiers {
		out = append(out, option{fmt.Sprint(t.No), Text{t.RU, t.EN}})
	}
	return out
}

func (k *known) stores() []option {
	var out []option
	for _, s := range k.shop.Stores {
		out = append(out, option{fmt.Sprint(s.No), Text{s.Name, s.Name}})
	}
	return out
}

func (k *known) staff() []option {
	out := []option{{"", Text{"никто", "nobody"}}}
	for _, m := range k.shop.Staff {
		out = append(out, option{fmt.Sprint(m.No), Text{m.Name, m.Name}})
	}
	return out
}

func (k *known) partnersOr(none Text) []option {
	return append([]option{{"", none}}, k.partners...)
}

func (k *known) campaigns() []option {
	out := []option{{"", Text{"без кода", "without a code"}}}
	for _, c := range k.p.Campaigns {
		out = append(out, option{fmt.Sprint(c.ID), Text{c.RU, c.EN}})
	}
	return out
}

func (k *known) purses(kind loyalty.PurseKind) []option {
	out := []option{{"", Text{"выберите", "choose"}}}
	for _, w := range k.p.Purses {
		if w.Kind == kind {
			out = append(out, option{fmt.Sprint(w.No), Text{w.RU, w.EN}})
		}
	}
	return out
}

// chapters is the whole programme as the editor shows it.
func chapters() []chapter {
	return []chapter{
		{Text{"Основа", "The base"}, []section{
			{Key: "base", Paths: []string{"policy", "earnStep", "redeemStep", "lineFloor", "lots", "graceDays", "counter"}, Title: Text{"Баллы и скидка", "Points and discount"}, Hint: Text{"Что даёт программа, срок жизни баллов, округление", "What the programme gives, how long points live, rounding"}, sheet: baseSheet},
			{Key: "tiers", Title: Text{"Уровни", "Tiers"}, Hint: Text{"Проценты и условия перехода", "Percentages and what they ask for"}, List: tierList()},
			{Key: "window", Title: Text{"Переход между уровнями", "Moving between tiers"}, Hint: Text{"За какой срок считаем, понижаем ли", "Over what time, and whether down too"}, sheet: windowSheet},
			{Key: "caps", Title: Text{"Пределы оплаты баллами", "Limits of paying with points"}, Hint: Text{"Товары, которые баллами оплачивают не полностью", "Goods that points may not pay in full"}, List: capList()},
		}},
		{Text{"Акции", "Promotions"}, []section{
			{Key: "promotions", Title: Text{"Акции", "Promotions"}, Hint: Text{"Скидки, баллы и подарки по условиям", "Discounts, points and gifts on conditions"}, List: promotionList()},
			{Key: "campaigns", Title: Text{"Промокоды", "Promo codes"}, Hint: Text{"Кампании, коды кассиров, каналов и партнёров", "Campaigns, codes of cashiers, channels and partners"}, List: campaignList()},
			{Key: "gifts", Title: Text{"Товары за баллы", "Goods for points"}, Hint: Text{"Что покупатель берёт за баллы", "What a customer takes for points"}, List: giftList()},
			{Key: "purses", Title: Text{"Кошельки", "Purses"}, Hint: Text{"Штампы, билеты розыгрышей, баллы партнёров", "Stamps, draw tickets, partners' points"}, List: purseList()},
		}},
		{Text{"Начисляет офис", "Given by head office"}, []section{
			{Key: "referral", Title: Text{"Приведи друга", "Bring a friend"}, Hint: Text{"Награды по уровням рекомендаций", "Rewards by level of referral"}, sheet: referralSheet},
			{Key: "grants", Title: Text{"Подарочные баллы", "Gift points"}, Hint: Text{"За регистрацию, первую покупку, отзыв, день рождения", "For joining, first purchase, review, birthday"}, sheet: grantSheet},
			{Key: "holidays", Paths: []string{"grants.holidays"}, Title: Text{"Праздники", "Holidays"}, Hint: Text{"Баллы к датам, раз в год", "Points on dates, once a year"}, List: holidayList()},
		}},
		{Text{"Касса", "At the till"}, []section{
			{Key: "cashier", Title: Text{"Награда кассира", "Cashier's reward"}, Hint: Text{"Процент с чека на счёт сотрудника", "A percentage of receipts on an account"}, sheet: cashierSheet},
			{Key: "watch", Title: Text{"Защита от злоупотреблений", "Fraud rules"}, Hint: Text{"Что делать, если касса заметила странное", "What happens when a till meets something odd"}, sheet: watchSheet},
			{Key: "enrolment", Title: Text{"Регистрация", "Enrolment"}, Hint: Text{"Кого и как заводят на кассе", "Whom tills enrol and how"}, sheet: enrolmentSheet},
			{Key: "consents", Paths: []string{"enrolment.consents"}, Title: consentSection, Hint: Text{"Тексты, с которыми соглашается покупатель", "The texts that a customer agrees to"}, List: consentList()},
			{Key: "returns", Title: Text{"Возвраты", "Returns"}, Hint: Text{"Чеки, которых касса не знает", "Receipts that a till does not know"}, sheet: returnSheet},
		}},
	}
}

// consentSection has texts under the names of both languages, where other things have their own names.
var consentSection = Text{"Согласия", "Consents"}

func findSection(key string) (section, bool) {
	for _, ch := range chapters() {
		for _, s := range ch.Sections {
			if s.Key == key {
				return s, true
			}
		}
	}
	return section{}, false
}

func baseSheet(p *loyalty.Programme, _ *known) *sheet {
	return &sheet{Groups: []*group{
		newGroup("Что получает покупатель", "What a customer gets",
			chooseEntry("policy", &p.Policy, Text{"Вид программы", "Kind of programme"},
				option{"1", Text{"Баллы: копит и платит ими", "Points: earns and pays with them"}},
				option{"2", Text{"Скидка по уровню, без баллов", "A discount by tier, no points"}},
				option{"3", Text{"И то и другое: сначала скидка, с остатка баллы", "Both: the discount first, points on the rest"}}).wide()),
		newGroup("Жизнь баллов", "The life of points", append(lotEntries("lots", &p.Lots),
			wholeEntry("graceDays", &p.GraceDays, Text{"Ждать чеков после сгорания, дней", "Wait for receipts after expiry, days"}).hint("Касса без связи успеет сдать чеки; покупатель потратить их уже не может", "A till offline can hand in its receipts; customers cannot spend them"))...),
		newGroup("Округление", "Rounding",
			pointsEntry("earnStep", &p.EarnStep, Text{"Начислять по, баллов", "Earn in steps of, points"}).hint("1 — целыми баллами, вниз", "1: whole points, rounded down"),
			pointsEntry("redeemStep", &p.RedeemStep, Text{"Списывать по, баллов", "Redeem in steps of, points"}),
			moneyEntry("lineFloor", &p.LineFloor, Text{"Оставлять в строке чека, ₽", "A line of the receipt keeps, ₽"}).hint("0,01 — строка не станет нулевой", "0.01: no line becomes zero")),
		newGroup("Баллы в чеке", "Points on the receipt",
			flagEntry("counter", &p.Counter, Text{"Оплата баллами — иное встречное предоставление", "Points paid are counter-provision"}).wide().hint(
				"Цена в чеке не меняется, списанные баллы стоят отдельной оплатой (тег 1217). Без отметки баллы снижают цену, как скидка. Покупатель платит столько же. Решает бухгалтер: спросите его, от этого зависит выручка",
				"Prices on the receipt stay, points paid are a payment of their own (tag 1217). Without it points lower the price, as a discount. The customer pays the same. Ask your accountant: it changes the revenue on the books")),
	}}
}

func lotEntries(path string, l *loyalty.LotRules) []*entry {
	return []*entry{
		wholeEntry(path+".activateAfterHours", &l.ActivateAfterHours, Text{"Можно тратить через, часов", "May be spent after, hours"}).hint("Пусто — сразу", "Empty: at once"),
		wholeEntry(path+".expireAfterDays", &l.ExpireAfterDays, Text{"Сгорают через, дней", "Expire after, days"}).hint("Пусто — никогда", "Empty: never"),
	}
}

func windowSheet(p *loyalty.Programme, _ *known) *sheet {
	w := &p.Window
	return &sheet{Groups: []*group{newGroup("За что дают уровень", "What counts towards a tier",
		wholeEntry("window.days", &w.Days, Text{"Учитывать покупки за последние, дней", "Count purchases of the last, days"}).hint("Пусто — за всё время", "Empty: since ever"),
		moneyEntry("window.minReceipt", &w.Min, Text{"Чек засчитывается от, ₽", "A receipt counts from, ₽"}).hint("Пусто — любой", "Empty: any"),
		flagEntry("window.downgrade", &w.Downgrade, Text{"Понижать, когда условие больше не выполнено", "Move down when the condition no longer holds"}),
		wholeEntry("window.holdDays", &w.HoldDays, Text{"Новый уровень держится не меньше, дней", "A new tier is kept at least, days"}).hint("Защищает от понижения сразу после повышения", "Guards against moving down right after moving up"),
	)}}
}

func referralSheet(p *loyalty.Programme, _ *known) *sheet {
	r := &p.Referral
	return &sheet{Groups: []*group{
		newGroup("За покупки друга", "For a friend's purchases",
			percentsEntry("referral.rates", &r.Rates, Text{"Проценты по уровням", "Percentages by level"}).hint("5; 2; 1 — пригласившему, пригласившему его и так далее. Пусто — не платим", "5; 2; 1: to who brought the buyer, to who brought them, and so on. Empty: nothing"),
			moneyEntry("referral.minReceipt", &r.Min, Text{"Чек засчитывается от, ₽", "A receipt counts from, ₽"}),
			pointsEntry("referral.month", &r.Month, Text{"Не больше за месяц одному, баллов", "At most a month to one, points"}).hint("Пусто — без предела", "Empty: no limit")),
		newGroup("За первую покупку друга", "For a friend's first purchase",
			pointsEntry("referral.first", &r.First, Text{"Пригласившему, баллов", "To who brought them, points"}),
			pointsEntry("referral.friend", &r.Friend, Text{"Самому другу, баллов", "To the friend, points"})),
		newGroup("Жизнь этих баллов", "The life of these points", lotEntries("referral.lots", &r.Lots)...),
	}}
}

func grantSheet(p *loyalty.Programme, _ *known) *sheet {
	g := &p.Grants
	b := &g.Birthday
	return &sheet{Groups: []*group{
		newGroup("Один раз", "Once",
			pointsEntry("grants.welcome", &g.Welcome, Text{"За регистрацию, баллов", "For joining, points"}),
			pointsEntry("grants.firstPurchase", &g.FirstPurchase, Text{"За первую покупку, баллов", "For the first purchase, points"})),
		newGroup("За отзыв", "For a review",
			pointsEntry("grants.review", &g.Review, Text{"За отзыв, баллов", "For a review, points"}),
			wholeEntry("grants.reviewsMonth", &g.ReviewsMonth, Text{"Оплачивать отзывов в месяц", "Reviews paid a month"}).hint("Пусто — один", "Empty: one")),
		newGroup("День рождения", "Birthday",
			pointsEntry("grants.birthday.points", &b.Points, Text{"Подарок, баллов", "Gift, points"}),
			percentEntry("grants.birthday.average", &b.Average, Text{"Или процент от среднего чека", "Or a percentage of the average receipt"}).hint("Дарится то, что больше", "The greater of the two is given"),
			wholeEntry("grants.birthday.before", &b.Before, Text{"За сколько дней до", "Days before"}),
			wholeEntry("grants.birthday.after", &b.After, Text{"Действует дней после", "Days after"})),
		newGroup("Вручную", "By hand",
			pointsEntry("grants.byHandMax", &g.ByHandMax, Text{"Менеджер может начислить за раз, баллов", "A manager may give at once, points"}).hint("Владелец — сколько угодно", "An owner: any number")),
	}}
}

func cashierSheet(p *loyalty.Programme, _ *known) *sheet {
	return &sheet{Groups: []*group{newGroup("", "",
		percentEntry("cashier.rate", &p.Cashier.Rate, Text{"Процент с чека покупателя с картой", "Percentage of a receipt with a customer"}).
			hint("На счёт сотрудника. С собственных покупок не платится, при возврате снимается", "To the member's account. None on their own purchases, taken back on a return"))}}
}

func enrolmentSheet(p *loyalty.Programme, _ *known) *sheet {
	e := &p.Enrolment
	return &sheet{Groups: []*group{newGroup("", "",
		flagEntry("enrolment.closed", &e.Closed, Text{"На кассах никого не заводить", "Tills enrol nobody"}),
		flagEntry("enrolment.noPhoneRedeem", &e.NoRedeem, Text{"Кто назвал только телефон, баллы не тратит — нужна карта", "Who is named by phone only may not spend points: a card is needed"}))}}
}

func returnSheet(p *loyalty.Programme, _ *known) *sheet {
	r := &p.Returns
	return &sheet{Groups: []*group{newGroup("Чек другого магазина, когда связи нет", "Another store's receipt while offline",
		moneyEntry("returns.foreignMax", &r.ForeignMax, Text{"Принять по QR-коду до, ₽", "Take by QR code up to, ₽"}).hint("Пусто — без связи не принимать", "Empty: not while offline"),
		wholeEntry("returns.foreignDays", &r.ForeignDays, Text{"Чек не старше, дней", "Receipt no older than, days"}).hint("Пусто — 14, как в законе о защите прав потребителей", "Empty: 14, as the consumer law has it"))}}
}

// watched is a fraud rule as the form shows it.
type watched struct {
	key, code   string // in a form, in a record
	rule        func(*loyalty.Watch) *loyalty.Watched
	name, limit Text
}

var fraudRules = []watched{
	{"ownCard", loyalty.WatchOwnCard, func(w *loyalty.Watch) *loyalty.Watched { return &w.OwnCard }, Text{"Своя карта на своей кассе", "Own card at one's own till"}, Text{}},
	{"cardReceipts", loyalty.WatchCardReceipts, func(w *loyalty.Watch) *loyalty.Watched { return &w.CardReceipts }, Text{"Много чеков по одной карте за смену", "Many receipts on one card in a shift"}, Text{"Больше, чеков", "More than, receipts"}},
	{"afterTotal", loyalty.WatchAfterTotal, func(w *loyalty.Watch) *loyalty.Watched { return &w.AfterTotal }, Text{"Карта названа после начала оплаты", "Card named after the payment was begun"}, Text{}},
	{"fresh", loyalty.WatchFresh, func(w *loyalty.Watch) *loyalty.Watched { return &w.Fresh }, Text{"Списание сразу после регистрации", "Points spent right after enrolment"}, Text{"В течение, часов", "Within, hours"}},
	{"refund", loyalty.WatchRefund, func(w *loyalty.Watch) *loyalty.Watched { return &w.Refund }, Text{"Возврат вскоре после оплаты баллами", "Return soon after paying with points"}, Text{"В течение, часов", "Within, hours"}},
	{"lookups", loyalty.WatchLookups, func(w *loyalty.Watch) *loyalty.Watched { return &w.Lookups }, Text{"Поиск покупателей без продажи", "Customers looked up without a sale"}, Text{"Больше за смену", "More than a shift"}},
	{"pointsOnly", loyalty.WatchPointsOnly, func(w *loyalty.Watch) *loyalty.Watched { return &w.PointsOnly }, Text{"Чек оплачен почти одними баллами", "Receipt paid by points almost alone"}, Text{}},
	{"typed", loyalty.WatchTyped, func(w *loyalty.Watch) *loyalty.Watched { return &w.Typed }, Text{"Списание по номеру, набранному вручную", "Points spent on a number typed by hand"}, Text{}},
	{"night", loyalty.WatchNight, func(w *loyalty.Watch) *loyalty.Watched { return &w.Night }, Text{"Списание около полуночи", "Points spent around midnight"}, Text{"За минут до полуночи", "Minutes before midnight"}},
}

func watchSheet(p *loyalty.Programme, _ *known) *sheet {
	out := &sheet{}
	for _, w := range fraudRules {
		rule := w.rule(&p.Watch)
		g := &group{Title: w.name, Entries: []*entry{chooseEntry("watch."+w.key+".measure", &rule.Measure, Text{"Что делать", "What to do"},
			option{"0", Text{"Ничего", "Nothing"}}, option{"1", Text{"Отметить для офиса", "Tell head office"}},
			option{"2", Text{"Спросить PIN старшего", "Ask for a manager's PIN"}}, option{"3", Text{"Без баллов (товар продаётся)", "No points (goods are sold)"}})}}
		if w.limit.RU != "" {
			g.Entries = append(g.Entries, wholeEntry("watch."+w.key+".limit", &rule.Limit, w.limit))
		}
		out.Groups = append(out.Groups, g)
	}
	return out
}

// goodsEntries name products; what is set in several fields is named by any of them.
func goodsEntries(path string, g *loyalty.Goods) []*entry {
	except := g.Except
	if except == nil {
		except = new(loyalty.Goods)
	}
	// An empty exception would except everything, so it is kept only while it names something.
	keep := func(e *entry) *entry {
		take := e.take
		e.take = func(f *form, n string) {
			take(f, n)
			g.Except = nil
			if len(except.SKUs)+len(except.Categories)+len(except.Tags) > 0 || except.Except != nil {
				g.Except = except
			}
		}
		return e
	}
	return []*entry{
		listEntry(path+".skus", &g.SKUs, Text{"Артикулы, по одному в строке", "Article numbers, one a line"}).hint("Все три поля пусты — любые товары", "All three empty: any goods"),
		listEntry(path+".categories", &g.Categories, Text{"Категории, по одной в строке", "Categories, one a line"}),
		listEntry(path+".tags", &g.Tags, Text{"Метки, по одной в строке", "Tags, one a line"}),
		keep(listEntry(path+".except.skus", &except.SKUs, Text{"Кроме артикулов", "Except article numbers"})),
		keep(listEntry(path+".except.categories", &except.Categories, Text{"Кроме категорий", "Except categories"})),
		keep(listEntry(path+".except.tags", &except.Tags, Text{"Кроме меток", "Except tags"})),
	}
}

func whenEntries(path string, w *loyalty.When) []*entry {
	return []*entry{
		dayEntry(path+".from", &w.From, Text{"С дня", "From the day"}),
		dayEntry(path+".until", &w.Until, Text{"По день включительно", "To the day, included"}),
		clockEntry(path+".startMinute", &w.Start, Text{"С часа", "From the hour"}).hint("18:30. Пусто — весь день", "18:30. Empty: all day"),
		clockEntry(path+".endMinute", &w.End, Text{"До часа", "To the hour"}).hint("Раньше начала — через полночь", "Before the beginning: over midnight"),
		weekdaysEntry(path+".weekdays", &w.Weekdays, Text{"Дни недели; ни одного — каждый день", "Days of the week; none: every day"}),
	}
}

func whoEntries(path string, w *loyalty.Who, k *known) []*entry {
	return []*entry{
		manyEntry(path+".tiers", &w.Tiers, Text{"Уровни; ни одного — все", "Tiers; none: all"}, k.tiers()...),
		numbersEntry(path+".segments", &w.Segments, Text{"Сегменты, номера через запятую", "Segments, numbers with commas"}).hint("Пусто — все", "Empty: all"),
		flagEntry(path+".first", &w.First, Text{"Только первая покупка", "First purchase only"}),
		flagEntry(path+".anyone", &w.Anyone, Text{"И тем, кто без карты", "Without a card too"}),
	}
}

func nameEntries(path string, ru, en *string) []*entry {
	return []*entry{
		textEntry(path+"ru", ru, sale.NameBytesMax, Text{"Название по-русски", "Name in Russian"}),
		textEntry(path+"en", en, sale.NameBytesMax, Text{"Название по-английски", "Name in English"}),
	}
}
