package loyalty

import (
	"fmt"
	"slices"
	"strings"

	"github.com/kopilka/kopilka/ledger/sale"
)

// Limits of a programme's rules. What is beyond them is a slip of the hand or slows a till down.
const (
	PromotionsMax  = 500
	CampaignsMax   = 500
	CapsMax        = 200
	GiftsMax       = 500
	PursesMax      = 64
	GoodsNamesMax  = 1000                 // names in one list of goods
	NameMax        = 64                   // bytes of a category, tag, group, region or code
	EarnTimesMax   = 10 * sale.Hundred    // ten times the usual points
	GivePointsMax  = 100_000 * sale.Point // points that one promotion or gift is about
	GiveMoneyMax   = 1_000_000 * sale.Rouble
	TicketMoneyMin = sale.Rouble // a ticket for less would print thousands
	NthMax         = 100
	GiftQtyMax     = 100 * sale.Piece
	SegmentsMax    = 255
	weekdaysAll    = 1<<7 - 1
)

func (c *checker) named(path, ru, en string) {
	c.want(ru != "" && len(ru) <= sale.NameBytesMax, path+"ru", "want a name of 1 to 256 bytes / нужно название от 1 до 256 байт", fmt.Sprintf("%d bytes", len(ru)))
	c.want(en != "" && len(en) <= sale.NameBytesMax, path+"en", "want a name of 1 to 256 bytes / нужно название от 1 до 256 байт", fmt.Sprintf("%d bytes", len(en)))
}

func (c *checker) place(p *Programme) {
	c.want(p.Day == 0 || p.Day.Valid(), "day", "want a day of the calendar / нужен день календаря", p.Day)
	c.want(p.Day == 0 || p.EffectiveFrom == 0, "day", "want either a day or effectiveFrom / нужно что-то одно: день или effectiveFrom", p.Day)
	c.want(p.Scope.Region == "" || p.Scope.Store == 0, "scope", "want a region or a store / нужно что-то одно: регион или магазин", p.Scope.Region)
	c.want(tidy(p.Scope.Region), "scope.region", "want a name without spaces around it, at most 64 bytes / нужно название до 64 байт без пробелов по краям", p.Scope.Region)
}

// tidy tells names that compare as they look; empty is tidy.
func tidy(name string) bool { return len(name) <= NameMax && strings.TrimSpace(name) == name }

func (c *checker) when(path string, w When) {
	c.want(w.From == 0 || w.From.Valid(), path+"from", "want a day of the calendar / нужен день календаря", w.From)
	c.want(w.Until == 0 || w.Until.Valid(), path+"until", "want a day of the calendar / нужен день календаря", w.Until)
	c.want(w.Until == 0 || w.From <= w.Until, path+"until", "want no day before from / последний день раньше первого", w.Until)
	c.want(w.Weekdays <= weekdaysAll, path+"weekdays", "want bits of seven days / нужны биты семи дней", w.Weekdays)
	c.want(w.Start < minutesOfDay, path+"startMinute", "want 0 to 1439 / нужно от 0 до 1439", w.Start)
	c.want(w.End <= minutesOfDay, path+"endMinute", "want 0 to 1440 / нужно от 0 до 1440", w.End)
	c.want(w.Start != w.End || w.Start == 0, path+"endMinute", "want another minute than startMinute / начало и конец совпадают", w.End)
}

func (c *checker) who(path string, w Who, p *Programme) {
	c.tierNos(path+"tiers", w.Tiers, p)
	c.want(len(w.Segments) <= SegmentsMax, path+"segments", "want at most 255 / нужно не больше 255", len(w.Segments))
	c.want(!w.Anyone || (len(w.Tiers) == 0 && len(w.Segments) == 0 && !w.First), path+"anyone",
		"want no tiers, segments or first beside it: who has no card has none of them / для всех и без карты, а указаны уровни, сегменты или первая покупка", w.Anyone)
}

func (c *checker) tierNos(path string, tiers []uint16, p *Programme) {
	c.want(len(tiers) <= TiersMax, path, "want at most 64 / нужно не больше 64", len(tiers))
	for _, no := range tiers[:min(len(tiers), TiersMax)] {
		_, known := p.tier(no)
		c.want(known, path, "want tiers of this programme / такого уровня в программе нет", no)
	}
}

func (c *checker) goods(path string, g Goods) {
	c.want(g.named() <= GoodsNamesMax, path, "want at most 1000 names / нужно не больше 1000 названий", g.named())
	for _, sku := range g.SKUs {
		c.want(sku != "" && len(sku) <= NameMax, path+".skus", "want an article of 1 to 64 bytes / нужен артикул от 1 до 64 байт", sku)
	}
	for i, names := range [][]string{g.Categories, g.Tags} {
		for _, name := range names {
			c.want(name != "" && tidy(name), path+[]string{".categories", ".tags"}[i], "want a name of 1 to 64 bytes without spaces around it / нужно название от 1 до 64 байт без пробелов по краям", name)
		}
	}
	if g.Except == nil {
		return
	}
	c.want(g.Except.named() > 0, path+".except", "want it to name goods, or leave it out / исключение ничего не называет", 0)
	c.want(g.Except.Except == nil, path+".except.except", "want no exception of an exception / исключение из исключения не поддерживается", "one")
	for _, sku := range g.SKUs {
		c.want(!slices.Contains(g.Except.SKUs, sku), path+".except.skus", "want no article that is named too / артикул и назван, и исключён", sku)
	}
	if g.Except.Except == nil {
		c.goods(path+".except", *g.Except)
	}
}

func (c *checker) promotions(p *Programme) {
	c.want(len(p.Promotions) <= PromotionsMax, "promotions", "want at most 500 / нужно не больше 500", len(p.Promotions))
	seen := make(map[uint32]bool)
	for i := range p.Promotions[:min(len(p.Promotions), PromotionsMax)] {
		o, at := &p.Promotions[i], fmt.Sprintf("promotions[%d].", i)
		c.want(o.ID > 0 && !seen[o.ID], at+"id", "want a number from 1 that no other has / нужен номер от 1, не занятый другой акцией", o.ID)
		seen[o.ID] = true
		c.named(at, o.RU, o.EN)
		c.when(at+"when.", o.When)
		c.who(at+"who.", o.Who, p)
		c.goods(at+"goods", o.Goods)
		c.want(o.Least.Sum >= 0 && o.Least.Sum <= GiveMoneyMax, at+"least.sum", "want 0.00 to 1000000.00 / нужно от 0 до 1 000 000 ₽", o.Least.Sum)
		c.want(o.Least.Qty >= 0 && o.Least.Qty <= sale.QtyMax, at+"least.qty", "want zero or more / нужно ноль или больше", o.Least.Qty)
		c.want(tidy(o.Group), at+"group", "want a name without spaces around it, at most 64 bytes / нужно название до 64 байт без пробелов по краям", o.Group)
		c.want(o.PerCustomer == 0 || !o.Who.Anyone, at+"perCustomer", "want zero: who has no card cannot be counted / без карты нельзя сосчитать, сколько раз", o.PerCustomer)
		c.give(at+"give.", o, p)
		c.campaignOf(at+"campaign", o.Campaign, p)
	}
}

func (c *checker) campaignOf(path string, id uint32, p *Programme) {
	if id == 0 {
		return
	}
	at := slices.IndexFunc(p.Campaigns, func(k Campaign) bool { return k.ID == id })
	c.want(at >= 0, path, "want a campaign of this programme / такой кампании в программе нет", id)
	c.want(at < 0 || p.Campaigns[at].Kind != CodeAttribution, path, "want codes that give something, not attribution / коды привлечения сами ничего не дают", id)
}

func (c *checker) give(at string, o *Promotion, p *Programme) {
	g := o.Give
	switch g.Kind {
	case GiveEarnTimes:
		c.want(g.Rate >= 0 && g.Rate <= EarnTimesMax && g.Rate != sale.Hundred, at+"rate", "want 0 to 1000 % and not 100 %, which changes nothing / нужно от 0 до 1000 %, кроме 100 %", g.Rate)
	case GiveEarnExtra, GivePercentOff:
		c.share(at+"rate", g.Rate)
	case GivePoints:
		c.want(g.Points > 0 && g.Points <= GivePointsMax, at+"points", "want 0.01 to 100000 points / нужно от 0.01 до 100 000 баллов", g.Points)
	case GiveAmountOff:
		c.want(g.Money > 0 && g.Money <= GiveMoneyMax, at+"money", "want 0.01 to 1000000.00 / нужно от 0.01 до 1 000 000 ₽", g.Money)
	case GiveGift:
		c.want(g.SKU != "" && len(g.SKU) <= NameMax, at+"sku", "want an article of 1 to 64 bytes / нужен артикул от 1 до 64 байт", g.SKU)
		onlyItself := o.Goods.named() > 0 && !slices.ContainsFunc(o.Goods.SKUs, func(sku sale.SKU) bool { return sku != g.SKU }) && o.Goods.named() == len(o.Goods.SKUs)
		c.want(o.Least == (Least{}) || !onlyItself, at+"sku", "want other goods to count: a gift does not count towards itself / подарок не считается в условие своей же акции", g.SKU)
		c.want(g.Qty >= sale.Piece && g.Qty <= GiftQtyMax && g.Qty%sale.Piece == 0, at+"qty", "want 1 to 100 whole pieces / нужно от 1 до 100 целых штук", g.Qty)
	case GiveNthFree:
		c.want(g.Nth >= 2 && g.Nth <= NthMax, at+"nth", "want 2 to 100 / нужно от 2 до 100", g.Nth)
	case GiveStamps:
		c.want(g.Nth >= 1 && g.Nth <= NthMax, at+"nth", "want 1 to 100 stamps / нужно от 1 до 100 наклеек", g.Nth)
		c.purseOf(at+"purse", g.Purse, PurseStamps, p)
	case GiveTickets:
		c.want(g.Money >= TicketMoneyMin && g.Money <= GiveMoneyMax, at+"money", "want 1.00 to 1000000.00 / нужно от 1 до 1 000 000 ₽", g.Money)
		c.purseOf(at+"purse", g.Purse, PurseTickets, p)
	case GivePurse:
		c.share(at+"rate", g.Rate)
		c.purseOf(at+"purse", g.Purse, PursePartner, p)
	default:
		c.want(false, at+"kind", "want a kind from 1 to 10 / нужен вид от 1 до 10", g.Kind)
		return
	}
	c.want(g.Kind.money() || !o.Who.Anyone, at+"kind", "want money off: who has no card cannot be given points / без карты можно дать только скидку", g.Kind)
	c.want(p.Policy != PolicyDiscount || g.Kind > GivePoints, at+"kind", "want no points in a programme of discounts / программа скидок баллов не начисляет", g.Kind)
}

// share is a percentage that gives something.
func (c *checker) share(path string, bp sale.BasisPoints) {
	c.want(bp > 0 && bp <= sale.Hundred, path, "want more than 0 up to 100 % / нужно больше 0 и до 100 %", bp)
}

func (c *checker) purseOf(path string, no sale.PurseNo, kind PurseKind, p *Programme) {
	c.want(slices.ContainsFunc(p.Purses, func(o Purse) bool { return o.No == no && o.Kind == kind }), path,
		"want a purse of this programme of the right kind / нет кошелька с таким номером и нужного вида", no)
}

func (c *checker) campaigns(list []Campaign) {
	c.want(len(list) <= CampaignsMax, "campaigns", "want at most 500 / нужно не больше 500", len(list))
	seen, codes := make(map[uint32]bool), make(map[string]bool)
	for i := range list[:min(len(list), CampaignsMax)] {
		k, at := &list[i], fmt.Sprintf("campaigns[%d].", i)
		c.want(k.ID > 0 && !seen[k.ID], at+"id", "want a number from 1 that no other has / нужен номер от 1, не занятый другой кампанией", k.ID)
		seen[k.ID] = true
		c.named(at, k.RU, k.EN)
		c.when(at, When{From: k.From, Until: k.Until})
		code := sale.NormalCode(k.Code)
		switch k.Kind {
		case CodeGeneric, CodeAttribution:
			c.want(code != "" && len(k.Code) <= NameMax, at+"code", "want a code of 1 to 64 bytes / нужен код от 1 до 64 байт", k.Code)
			c.want(code == "" || !codes[code], at+"code", "want a code that no other campaign has / такой код есть у другой кампании", k.Code)
			codes[code] = true
		case CodeUnique, CodePersonal:
			c.want(k.Code == "", at+"code", "want none: each code is of its own / общего кода у таких кампаний нет", k.Code)
		default:
			c.want(false, at+"kind", "want a kind from 1 to 4 / нужен вид от 1 до 4", k.Kind)
		}
		brings := k.Staff != 0 || k.Partner != 0 || k.Channel != ""
		c.want(brings == (k.Kind == CodeAttribution), at+"kind", "want a cashier, partner or channel in attribution, and only there / кассир, партнёр или канал указываются у кодов привлечения и только у них", k.Kind)
		c.want(tidy(k.Channel), at+"channel", "want a name without spaces around it, at most 64 bytes / нужно название до 64 байт без пробелов по краям", k.Channel)
	}
}

func (c *checker) caps(list []GoodsCap) {
	c.want(len(list) <= CapsMax, "caps", "want at most 200 / нужно не больше 200", len(list))
	for i := range list[:min(len(list), CapsMax)] {
		at := fmt.Sprintf("caps[%d].", i)
		c.goods(at+"goods", list[i].Goods)
		c.percent(at+"max", list[i].Max)
	}
}

func (c *checker) gifts(p *Programme) {
	c.want(len(p.Gifts) <= GiftsMax, "gifts", "want at most 500 / нужно не больше 500", len(p.Gifts))
	c.want(len(p.Gifts) == 0 || p.Policy != PolicyDiscount, "gifts", "want none in a programme that takes no points / программа скидок баллов не принимает", len(p.Gifts))
	for i := range p.Gifts[:min(len(p.Gifts), GiftsMax)] {
		g, at := &p.Gifts[i], fmt.Sprintf("gifts[%d].", i)
		c.want(g.SKU != "" && len(g.SKU) <= NameMax, at+"sku", "want an article of 1 to 64 bytes / нужен артикул от 1 до 64 байт", g.SKU)
		c.want(g.Points > 0 && g.Points <= GivePointsMax, at+"points", "want 0.01 to 100000 points / нужно от 0.01 до 100 000 баллов", g.Points)
		c.when(at+"when.", g.When)
		c.tierNos(at+"tiers", g.Tiers, p)
	}
}

func (c *checker) purses(list []Purse) {
	c.want(len(list) <= PursesMax, "purses", "want at most 64 / нужно не больше 64", len(list))
	seen := make(map[sale.PurseNo]bool)
	for i := range list[:min(len(list), PursesMax)] {
		o, at := &list[i], fmt.Sprintf("purses[%d].", i)
		c.want(o.No > 0 && !seen[o.No], at+"no", "want a number from 1 that no other has / нужен номер от 1, не занятый другим кошельком", o.No)
		seen[o.No] = true
		c.named(at, o.RU, o.EN)
		c.want(o.Kind >= PurseStamps && o.Kind <= PursePartner, at+"kind", "want a kind from 1 to 3 / нужен вид от 1 до 3", o.Kind)
		c.lots(at+"lots", o.Lots)
		c.goods(at+"goods", o.Goods)
		if o.Kind == PursePartner {
			c.share(at+"max", o.Max)
		} else {
			c.want(o.Max == 0 && o.Partner == 0, at+"max", "want zero but for a partner's purse / задаётся только у кошелька партнёра", o.Max)
		}
	}
}
