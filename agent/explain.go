package agent

import (
	"strconv"
	"strings"

	"github.com/kopilka/kopilka/ledger/loyalty"
	"github.com/kopilka/kopilka/ledger/sale"
)

// ExplainReason is a reason as a sentence, with promotions, campaigns and purses called by the names that
// the programme gives them. A nil programme, or one that does not know a number, leaves the number.
func ExplainReason(p *loyalty.Programme, r sale.Reason) Text {
	if text, ok := refusedText(r); ok {
		return text
	}
	detail := strings.Fields(r.Detail)
	type named struct {
		mark string
		name Text
	}
	var names []named
	for i, field := range detail {
		kind, value, _ := strings.Cut(field, "=")
		name, known := nameOf(p, kind, value)
		if !known {
			continue
		}
		mark := "\x01" + strconv.Itoa(i) + "\x01" // a name has blanks, which a detail's values have not
		detail[i] = kind + "=" + mark
		names = append(names, named{mark, name})
	}
	if len(names) > 0 {
		r.Detail = strings.Join(detail, " ")
	}
	text := Text{RU: loyalty.ReasonText(r, "ru"), EN: loyalty.ReasonText(r, "en")}
	for _, n := range names {
		text.RU = strings.ReplaceAll(text.RU, n.mark, "«"+n.name.RU+"»")
		text.EN = strings.ReplaceAll(text.EN, n.mark, "“"+n.name.EN+"”")
	}
	return text
}

// refusedText says in words why points are not spent, where the till has them.
func refusedText(r sale.Reason) (Text, bool) {
	why, ok := strings.CutPrefix(r.Detail, "why=")
	if !ok || r.Rule != loyalty.RuleRedeemRefused {
		return Text{}, false
	}
	if why == phoneOnly {
		return textPhoneOnly(), true
	}
	text := Text{RU: loyalty.WatchText(why, "ru"), EN: loyalty.WatchText(why, "en")}
	return text, text.EN != why
}

// nameOf is the name of what a reason's detail numbers.
func nameOf(p *loyalty.Programme, kind, value string) (Text, bool) {
	id, err := strconv.ParseUint(value, 10, 32)
	if err != nil || p == nil {
		return Text{}, false
	}
	switch kind {
	case "promo":
		return PromotionName(p, uint32(id))
	case "campaign":
		for _, c := range p.Campaigns {
			if c.ID == uint32(id) {
				return Text{RU: c.RU, EN: c.EN}, true
			}
		}
	case "purse":
		for _, o := range p.Purses {
			if o.No == sale.PurseNo(id) {
				return Text{RU: o.RU, EN: o.EN}, true
			}
		}
	case "tier":
		for _, t := range p.Tiers {
			if t.No == uint16(id) {
				return Text{RU: t.RU, EN: t.EN}, true
			}
		}
	}
	return Text{}, false
}

// PromotionName is what a programme calls one of its promotions.
func PromotionName(p *loyalty.Programme, id uint32) (Text, bool) {
	if p == nil {
		return textPromotion(id), false
	}
	for _, x := range p.Promotions {
		if x.ID == id {
			return Text{RU: x.RU, EN: x.EN}, true
		}
	}
	return textPromotion(id), false
}
