package web

import (
	"fmt"
	"slices"
	"strings"

	"github.com/kopilka/kopilka/ledger/loyalty"
	"github.com/kopilka/kopilka/ledger/sale"
)

// listing is a part of a programme that holds many things of one kind.
type listing struct {
	One     Text // "a tier", as the buttons name it
	Empty   Text
	Columns []Text
	Kinds   func() []kindChoice // a thing is first given its kind; nil: it has none

	size   func(p *loyalty.Programme) int
	cells  func(f formats, p *loyalty.Programme, k *known, i int) []string
	tag    func(p *loyalty.Programme, i int, today sale.Date) Text // beside the name; may be empty
	name   func(p *loyalty.Programme, i int) (ident string, name Text)
	add    func(p *loyalty.Programme, k *known, kind uint8)
	copy   func(p *loyalty.Programme, k *known, i int) error
	remove func(p *loyalty.Programme, i int)
	sheet  func(p *loyalty.Programme, k *known, i int) *sheet
	off    func(p *loyalty.Programme, i int, today sale.Date) // nil: cannot be switched off and on
	// kind is what a thing's fields depend on, and reshape clears what a new kind does not show; nil: no kind.
	kind    func(p *loyalty.Programme, i int) uint8
	reshape func(p *loyalty.Programme, i int)
}

// kindChoice is what a new thing may be.
type kindChoice struct {
	Kind       uint8
	Name, Hint Text
}

// rows says how the things of a type T lie in a programme.
type rows[T any] struct {
	of    func(p *loyalty.Programme) *[]T
	path  string
	fresh func(p *loyalty.Programme, k *known, kind uint8) T
	renew func(p *loyalty.Programme, k *known, v *T) // gives a copy a number of its own
	ident func(v *T) (string, Text)
	cells func(f formats, k *known, v *T) []string
	sheet func(path string, v *T, k *known) *sheet
}

// over makes a listing of the rows.
func over[T any](r rows[T], l listing) *listing {
	l.size = func(p *loyalty.Programme) int { return len(*r.of(p)) }
	l.cells = func(f formats, p *loyalty.Programme, k *known, i int) []string { return r.cells(f, k, &(*r.of(p))[i]) }
	l.name = func(p *loyalty.Programme, i int) (string, Text) { return r.ident(&(*r.of(p))[i]) }
	l.add = func(p *loyalty.Programme, k *known, kind uint8) {
		list := r.of(p)
		*list = append(*list, r.fresh(p, k, kind))
	}
	l.copy = func(p *loyalty.Programme, k *known, i int) error {
		list := r.of(p)
		twin, err := clone((*list)[i])
		if err != nil {
			return err
		}
		r.renew(p, k, &twin)
		*list = slices.Insert(*list, i+1, twin)
		return nil
	}
	l.remove = func(p *loyalty.Programme, i int) {
		list := r.of(p)
		*list = slices.Delete(*list, i, i+1)
		if len(*list) == 0 {
			*list = nil
		}
	}
	l.sheet = func(p *loyalty.Programme, k *known, i int) *sheet {
		v := &(*r.of(p))[i]
		s := r.sheet(fmt.Sprintf("%s.%d.", r.path, i), v, k)
		_, s.Title = r.ident(v)
		return s
	}
	return &l
}

// clone copies a thing with all that it points to.
func clone[T any](v T) (out T, err error) {
	b, err := sale.Encode(v)
	if err == nil {
		err = sale.Decode(b, &out)
	}
	if err != nil {
		return out, fmt.Errorf("copy a part of a programme: %w", err)
	}
	return out, nil
}

func copied(ru, en *string) { *ru, *en = *ru+" (копия)", *en+" (copy)" }

// free is the number after the highest that the draft or any version has used: receipts name these
// numbers, so none is ever given to another thing.
func free[T any](k *known, of func(*loyalty.Programme) []T, no func(T) uint32) uint32 {
	last := uint32(0)
	for _, p := range append(slices.Clone(k.history), k.p) {
		for _, v := range of(p) {
			last = max(last, no(v))
		}
	}
	return last + 1
}

func tierList() *listing {
	freeTier := func(p *loyalty.Programme) uint16 {
		n := uint16(0)
		for slices.ContainsFunc(p.Tiers, func(t loyalty.Tier) bool { return t.No == n }) {
			n++
		}
		return n
	}
	return over(rows[loyalty.Tier]{
		of: func(p *loyalty.Programme) *[]loyalty.Tier { return &p.Tiers }, path: "tiers",
		fresh: func(p *loyalty.Programme, _ *known, _ uint8) loyalty.Tier {
			return loyalty.Tier{No: freeTier(p), RU: "Новый уровень", EN: "New tier"}
		},
		renew: func(p *loyalty.Programme, _ *known, t *loyalty.Tier) { t.No = freeTier(p); copied(&t.RU, &t.EN) },
		ident: func(t *loyalty.Tier) (string, Text) { return fmt.Sprint(t.No), Text{t.RU, t.EN} },
		cells: func(f formats, _ *known, t *loyalty.Tier) []string {
			return []string{f.percent(t.Earn), f.percent(t.RedeemMax), f.percent(t.Discount), f.need(t.Need)}
		},
		sheet: func(path string, t *loyalty.Tier, _ *known) *sheet {
			return &sheet{Groups: []*group{
				newGroup("Название", "Name", append(nameEntries(path, &t.RU, &t.EN), wholeEntry(path+"no", &t.No, Text{"Номер", "Number"}).hint("0 — с него начинают все", "0: everybody begins here"))...),
				newGroup("Что получает", "What it gives",
					percentEntry(path+"earn", &t.Earn, Text{"Начисление, % от денег", "Earns, % of the money"}),
					percentEntry(path+"redeemMax", &t.RedeemMax, Text{"Баллами до, % чека", "Points pay up to, % of a receipt"}),
					percentEntry(path+"discount", &t.Discount, Text{"Скидка, %", "Discount, %"})),
				newGroup("Как попасть", "How to get there",
					moneyEntry(path+"need.spend", &t.Need.Spend, Text{"Покупок на, ₽", "Purchases of"}),
					wholeEntry(path+"need.receipts", &t.Need.Receipts, Text{"Или покупок, штук", "Or purchases, number of"}),
					wholeEntry(path+"need.referrals", &t.Need.Referrals, Text{"Или друзей с покупкой", "Or friends who bought"})).
					hint("Достаточно одного условия. Всё пусто — только вручную.", "Any one is enough. All empty: by hand only."),
			}}
		},
	}, listing{
		One: Text{"уровень", "tier"}, Empty: Text{"Нужен хотя бы уровень 0, с которого начинают все.", "There must be a tier 0 at least, where everybody begins."},
		Columns: []Text{{"Начисление", "Earns"}, {"Баллами до", "Points up to"}, {"Скидка", "Discount"}, {"Условие", "Asks for"}},
	})
}

// need is what a tier asks for, in words.
func (f formats) need(n loyalty.Need) string {
	var words []string
	if n.Spend != 0 {
		words = append(words, f.pick("от ", "from ")+f.money(n.Spend)+nbsp+"₽")
	}
	if n.Receipts != 0 {
		words = append(words, f.number(int(n.Receipts), "покупка", "покупки", "покупок", "purchase", "purchases"))
	}
	if n.Referrals != 0 {
		words = append(words, f.number(int(n.Referrals), "друг", "друга", "друзей", "friend", "friends"))
	}
	if len(words) == 0 {
		return "—"
	}
	return strings.Join(words, f.pick(" или ", " or "))
}

func capList() *listing {
	return over(rows[loyalty.GoodsCap]{
		of: func(p *loyalty.Programme) *[]loyalty.GoodsCap { return &p.Caps }, path: "caps",
		fresh: func(*loyalty.Programme, *known, uint8) loyalty.GoodsCap { return loyalty.GoodsCap{} },
		renew: func(*loyalty.Programme, *known, *loyalty.GoodsCap) {},
		ident: func(c *loyalty.GoodsCap) (string, Text) {
			return "", Text{formats{RU}.goods(c.Goods), formats{EN}.goods(c.Goods)}
		},
		cells: func(f formats, _ *known, c *loyalty.GoodsCap) []string { return []string{f.percent(c.Max)} },
		sheet: func(path string, c *loyalty.GoodsCap, _ *known) *sheet {
			return &sheet{Groups: []*group{
				newGroup("Предел", "The limit", percentEntry(path+"max", &c.Max, Text{"Баллами не больше, %", "Points pay at most, %"}).hint("Пусто — баллами нельзя совсем", "Empty: none of it")),
				newGroup("Товары", "Goods", goodsEntries(path+"goods", &c.Goods)...),
			}}
		},
	}, listing{
		One: Text{"предел", "limit"}, Empty: Text{"Действуют только пределы уровней.", "Only the tiers' limits hold."}, Columns: []Text{{"Баллами не больше", "Points at most"}},
	})
}

// goods names what a rule is about, in a few words.
func (f formats) goods(g loyalty.Goods) string {
	words := slices.Clone(g.Categories)
	for _, t := range g.Tags {
		words = append(words, "#"+t)
	}
	for _, s := range g.SKUs {
		words = append(words, f.pick("арт. ", "art. ")+string(s))
	}
	const shown = 3
	more := len(words) - shown
	if more > 0 {
		words = append(words[:shown], fmt.Sprintf(f.pick("и ещё %d", "and %d more"), more))
	}
	text := f.pick("Любые товары", "Any goods")
	if len(words) > 0 {
		text = strings.Join(words, ", ")
	}
	if g.Except != nil {
		text += f.pick(", с исключениями", ", with exceptions")
	}
	return text
}

func giftList() *listing {
	return over(rows[loyalty.Gift]{
		of: func(p *loyalty.Programme) *[]loyalty.Gift { return &p.Gifts }, path: "gifts",
		fresh: func(*loyalty.Programme, *known, uint8) loyalty.Gift { return loyalty.Gift{Points: 100 * sale.Point} },
		renew: func(*loyalty.Programme, *known, *loyalty.Gift) {},
		ident: func(g *loyalty.Gift) (string, Text) {
			return string(g.SKU), Text{"арт. " + string(g.SKU), "art. " + string(g.SKU)}
		},
		cells: func(f formats, _ *known, g *loyalty.Gift) []string {
			return []string{f.points(g.Points), f.span(g.When)}
		},
		sheet: func(path string, g *loyalty.Gift, k *known) *sheet {
			return &sheet{Groups: []*group{
				newGroup("Товар", "Goods",
					textEntry(path+"sku", &g.SKU, textMax, Text{"Артикул", "Article number"}),
					pointsEntry(path+"points", &g.Points, Text{"Цена, баллов", "Price, points"})),
				newGroup("Когда", "When", whenEntries(path+"when", &g.When)...),
				newGroup("Кому", "For whom", manyEntry(path+"tiers", &g.Tiers, Text{"Уровни; ни одного — все", "Tiers; none: all"}, k.tiers()...)),
			}}
		},
	}, listing{
		One: Text{"товар за баллы", "goods for points"}, Empty: Text{"Товаров за баллы нет.", "There are no goods for points."}, Columns: []Text{{"Баллов", "Points"}, {"Когда", "When"}},
	})
}

// span is the days of a rule in words.
func (f formats) span(w loyalty.When) string {
	text := f.pick("всегда", "always")
	switch {
	case w.From != 0 && w.Until != 0:
		text = f.day(w.From) + " – " + f.day(w.Until)
	case w.From != 0:
		text = f.pick("с ", "from ") + f.day(w.From)
	case w.Until != 0:
		text = f.pick("по ", "until ") + f.day(w.Until)
	}
	if w.Start != 0 || w.End != 0 {
		text += ", " + clockText(w.Start) + "–" + clockText(w.End)
	}
	if w.Weekdays != 0 {
		text += ", " + f.pick("не каждый день", "some weekdays")
	}
	return text
}

// tagOf says whether a rule's days are over or yet to come.
func tagOf(from, until, today sale.Date) Text {
	switch {
	case until != 0 && until < today:
		return Text{"закончилась", "over"}
	case from > today:
		return Text{"впереди", "to come"}
	}
	return Text{}
}

var purseKinds = []kindChoice{
	{uint8(loyalty.PurseStamps), Text{"Штампы", "Stamps"}, Text{"Каждая N-я покупка в подарок", "Every Nth purchase free"}},
	{uint8(loyalty.PurseTickets), Text{"Билеты розыгрыша", "Draw tickets"}, Text{"Копятся к розыгрышу призов", "Gathered for a prize draw"}},
	{uint8(loyalty.PursePartner), Text{"Баллы партнёра", "A partner's points"}, Text{"Платит партнёр, тратят по его правилам", "Paid for by a partner, spent by the partner's rules"}},
}

func kindOptions(kinds []kindChoice) []option {
	var out []option
	for _, k := range kinds {
		out = append(out, option{fmt.Sprint(k.Kind), k.Name})
	}
	return out
}

func purseList() *listing {
	number := func(k *known) sale.PurseNo {
		return sale.PurseNo(free(k, func(p *loyalty.Programme) []loyalty.Purse { return p.Purses }, func(w loyalty.Purse) uint32 { return uint32(w.No) }))
	}
	return over(rows[loyalty.Purse]{
		of: func(p *loyalty.Programme) *[]loyalty.Purse { return &p.Purses }, path: "purses",
		fresh: func(_ *loyalty.Programme, k *known, kind uint8) loyalty.Purse {
			return loyalty.Purse{No: number(k), Kind: loyalty.PurseKind(kind), RU: "Новый кошелёк", EN: "New purse"}
		},
		renew: func(_ *loyalty.Programme, k *known, w *loyalty.Purse) { w.No = number(k); copied(&w.RU, &w.EN) },
		ident: func(w *loyalty.Purse) (string, Text) { return fmt.Sprint(w.No), Text{w.RU, w.EN} },
		cells: func(f formats, _ *known, w *loyalty.Purse) []string {
			return []string{optionText(kindOptions(purseKinds), fmt.Sprint(uint8(w.Kind))).in(f.lang)}
		},
		sheet: purseSheet,
	}, listing{
		One: Text{"кошелёк", "purse"}, Empty: Text{"Покупатели копят только баллы.", "Customers gather points only."}, Columns: []Text{{"Вид", "Kind"}},
		Kinds: func() []kindChoice { return purseKinds },
		kind:  func(p *loyalty.Programme, i int) uint8 { return uint8(p.Purses[i].Kind) },
		reshape: func(p *loyalty.Programme, i int) {
			w := &p.Purses[i]
			w.Goods, w.Max, w.Partner, w.Stores = loyalty.Goods{}, 0, 0, nil
		},
	})
}

func purseSheet(path string, w *loyalty.Purse, k *known) *sheet {
	out := &sheet{Groups: []*group{
		newGroup("Название", "Name", append(nameEntries(path, &w.RU, &w.EN), chooseEntry(path+"kind", &w.Kind, Text{"Вид", "Kind"}, kindOptions(purseKinds)...))...),
		newGroup("Срок жизни", "How long they live", lotEntries(path+"lots", &w.Lots)...),
	}}
	if w.Kind == loyalty.PursePartner {
		out.Groups = append(out.Groups,
			newGroup("Партнёр", "The partner",
				chooseEntry(path+"partner", &w.Partner, Text{"Кто платит", "Who pays"}, k.partnersOr(Text{"выберите", "choose"})...),
				percentEntry(path+"max", &w.Max, Text{"Можно оплатить до, %", "May pay up to, %"}),
				manyEntry(path+"stores", &w.Stores, Text{"Магазины; ни одного — все", "Stores; none: all"}, k.stores()...)),
			newGroup("За какие товары", "For which goods", goodsEntries(path+"goods", &w.Goods)...))
	}
	return out
}

func holidayList() *listing {
	number := func(k *known) uint32 {
		return free(k, func(p *loyalty.Programme) []loyalty.Holiday { return p.Grants.Holidays }, func(h loyalty.Holiday) uint32 { return h.ID })
	}
	return over(rows[loyalty.Holiday]{
		of: func(p *loyalty.Programme) *[]loyalty.Holiday { return &p.Grants.Holidays }, path: "grants.holidays",
		fresh: func(_ *loyalty.Programme, k *known, _ uint8) loyalty.Holiday {
			return loyalty.Holiday{ID: number(k), RU: "Новый праздник", EN: "New holiday", Month: 1, Day: 1, Points: 100 * sale.Point}
		},
		renew: func(_ *loyalty.Programme, k *known, h *loyalty.Holiday) { h.ID = number(k); copied(&h.RU, &h.EN) },
		ident: func(h *loyalty.Holiday) (string, Text) { return fmt.Sprint(h.ID), Text{h.RU, h.EN} },
		cells: func(f formats, _ *known, h *loyalty.Holiday) []string {
			return []string{fmt.Sprintf("%02d.%02d", h.Day, h.Month), f.points(h.Points)}
		},
		sheet: func(path string, h *loyalty.Holiday, k *known) *sheet {
			return &sheet{Groups: []*group{
				newGroup("Праздник", "The holiday", append(nameEntries(path, &h.RU, &h.EN),
					wholeEntry(path+"day", &h.Day, Text{"День", "Day"}), wholeEntry(path+"month", &h.Month, Text{"Месяц, 1–12", "Month, 1–12"}))...),
				newGroup("Подарок", "The gift", pointsEntry(path+"points", &h.Points, Text{"Баллов", "Points"}),
					wholeEntry(path+"before", &h.Before, Text{"За сколько дней до", "Days before"}), wholeEntry(path+"after", &h.After, Text{"Действует дней после", "Days after"})),
				newGroup("Кому", "For whom", whoEntries(path+"who", &h.Who, k)...),
			}}
		},
	}, listing{
		One: Text{"праздник", "holiday"}, Empty: Text{"Праздничных подарков нет.", "There are no holiday gifts."}, Columns: []Text{{"Дата", "Date"}, {"Баллов", "Points"}},
	})
}

func consentList() *listing {
	kinds := []option{{"1", Text{"Персональные данные", "Personal data"}}, {"2", Text{"Реклама", "Advertising"}}}
	return over(rows[loyalty.ConsentText]{
		of: func(p *loyalty.Programme) *[]loyalty.ConsentText { return &p.Enrolment.Consents }, path: "enrolment.consents",
		fresh: func(*loyalty.Programme, *known, uint8) loyalty.ConsentText {
			return loyalty.ConsentText{Kind: sale.ConsentPersonalData, Version: 1, Required: true}
		},
		renew: func(_ *loyalty.Programme, _ *known, c *loyalty.ConsentText) { c.Version++ },
		ident: func(c *loyalty.ConsentText) (string, Text) {
			name := optionText(kinds, fmt.Sprint(c.Kind))
			return fmt.Sprint(c.Kind), name
		},
		cells: func(f formats, _ *known, c *loyalty.ConsentText) []string {
			must := f.pick("по желанию", "optional")
			if c.Required {
				must = f.pick("обязательно", "required")
			}
			return []string{f.count(c.Version), must}
		},
		sheet: func(path string, c *loyalty.ConsentText, _ *known) *sheet {
			return &sheet{Groups: []*group{newGroup("", "",
				chooseEntry(path+"kind", &c.Kind, Text{"О чём", "About"}, kinds...),
				wholeEntry(path+"version", &c.Version, Text{"Редакция текста", "Version of the text"}).hint("Увеличьте, когда меняете текст", "Raise it whenever the text changes"),
				areaEntry(path+"ru", &c.RU, consentMax, Text{"Текст по-русски", "Text in Russian"}),
				areaEntry(path+"en", &c.EN, consentMax, Text{"Текст по-английски", "Text in English"}),
				flagEntry(path+"required", &c.Required, Text{"Без этого согласия на кассе не заводят", "Tills enrol nobody without it"}))}}
		},
	}, listing{
		One: Text{"согласие", "consent"}, Empty: Text{"Текстов нет: кассы никого не спросят.", "No texts: tills ask nothing."}, Columns: []Text{{"Редакция", "Version"}, {"Нужно ли", "Needed"}},
	})
}

// consentMax is the longest text that a cashier could read out.
const consentMax = 4000
