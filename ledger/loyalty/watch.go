package loyalty

import (
	"time"

	"github.com/kopilka/kopilka/ledger/sale"
)

// The codes of fraud rules, as they stand in records.
const (
	WatchOwnCard      = "own-card"
	WatchCardReceipts = "card-receipts"
	WatchAfterTotal   = "after-total"
	WatchFresh        = "fresh-redeem"
	WatchRefund       = "redeem-refund"
	WatchLookups      = "lookups"
	WatchPointsOnly   = "points-only"
	WatchTyped        = "typed-redeem"
	WatchNight        = "night-redeem"
)

// WatchFacts is what a till knows of a receipt, a return or a look-up when it asks the fraud rules.
// What does not apply stays zero: a look-up has only Lookups and At, a return only the Sold fields and At.
type WatchFacts struct {
	At   sale.Time
	Zone *time.Location // of the store; nil is UTC

	Cashier      sale.StaffNo // who is at this till
	CardStaff    sale.StaffNo // whose own card the customer's is; zero: no member of staff's
	CardReceipts uint32       // of this customer on this till in this shift, this one included
	AfterTotal   bool         // the customer was named after the payment was begun
	Enrolled     sale.Time    // when the customer was; zero: long ago or unknown
	FoundBy      sale.FoundBy
	Redeemed     sale.Points // that this receipt takes
	Total        sale.Money  // that is paid in money
	Floors       sale.Money  // that the receipt's lines keep at least

	Lookups uint32 // customers looked up in this shift without a sale, this one included

	SoldAt       sale.Time   // of a return: when the goods were sold
	SoldRedeemed sale.Points // and how many points paid for them
}

// Finding is a fraud rule that was met. Amount is what was counted, in the rule's own unit.
type Finding struct {
	Rule    string
	Measure Measure
	Amount  int64
}

// watchRule ties a rule's setting to its code and to what it looks for.
type watchRule struct {
	code, path string
	set        Watched
	counts     bool // a limit of zero would meet every receipt
	met        func(WatchFacts, int64) (int64, bool)
}

func (w Watch) rules() []watchRule {
	return []watchRule{
		{WatchOwnCard, "ownCard", w.OwnCard, false, func(f WatchFacts, _ int64) (int64, bool) {
			return int64(f.CardStaff), f.CardStaff != 0 && f.CardStaff == f.Cashier
		}},
		{WatchCardReceipts, "cardReceipts", w.CardReceipts, true, func(f WatchFacts, limit int64) (int64, bool) {
			return int64(f.CardReceipts), int64(f.CardReceipts) > limit
		}},
		{WatchAfterTotal, "afterTotal", w.AfterTotal, false, func(f WatchFacts, _ int64) (int64, bool) { return 0, f.AfterTotal }},
		{WatchFresh, "fresh", w.Fresh, true, func(f WatchFacts, limit int64) (int64, bool) {
			hours, ok := within(f.Enrolled, f.At, limit)
			return hours, ok && f.Redeemed > 0
		}},
		{WatchRefund, "refund", w.Refund, true, func(f WatchFacts, limit int64) (int64, bool) {
			hours, ok := within(f.SoldAt, f.At, limit)
			return hours, ok && f.SoldRedeemed > 0
		}},
		{WatchLookups, "lookups", w.Lookups, true, func(f WatchFacts, limit int64) (int64, bool) {
			return int64(f.Lookups), int64(f.Lookups) > limit
		}},
		{WatchPointsOnly, "pointsOnly", w.PointsOnly, false, func(f WatchFacts, _ int64) (int64, bool) {
			return int64(f.Redeemed), f.Redeemed > 0 && f.Total <= f.Floors
		}},
		{WatchTyped, "typed", w.Typed, false, func(f WatchFacts, _ int64) (int64, bool) {
			return int64(f.Redeemed), f.Redeemed > 0 && (f.FoundBy == sale.FoundTyped || f.FoundBy == sale.FoundPhone)
		}},
		{WatchNight, "night", w.Night, true, func(f WatchFacts, limit int64) (int64, bool) {
			return int64(f.Redeemed), f.Redeemed > 0 && aroundMidnight(f.At, f.Zone, limit)
		}},
	}
}

// within counts the whole hours since a moment; false when it is unknown, ahead, or the limit has passed.
func within(since, at sale.Time, hours int64) (int64, bool) {
	gone := at.Sub(since)
	return int64(gone / time.Hour), since != 0 && gone >= 0 && gone < time.Duration(hours)*time.Hour
}

// aroundMidnight tells the last minutes of a day and the first hour of the next.
func aroundMidnight(at sale.Time, zone *time.Location, minutes int64) bool {
	if zone == nil {
		zone = time.UTC
	}
	t := at.Time().In(zone)
	minute := int64(t.Hour()*60 + t.Minute())
	return minute < 60 || minute >= 24*60-minutes
}

// Check lists the fraud rules that the facts meet, in a fixed order, the harshest measure not first: the
// caller takes the harshest of all. A nil programme watches nothing. Goods are sold whatever it says.
func (p *Programme) Check(f WatchFacts) []Finding {
	if p == nil {
		return nil
	}
	var found []Finding
	for _, rule := range p.Watch.rules() {
		if rule.set.Measure == MeasureOff {
			continue
		}
		if amount, met := rule.met(f, int64(rule.set.Limit)); met {
			found = append(found, Finding{Rule: rule.code, Measure: rule.set.Measure, Amount: amount})
		}
	}
	return found
}

// Harshest is the strongest measure of the findings; MeasureOff when there are none.
func Harshest(found []Finding) Measure {
	var m Measure
	for _, f := range found {
		m = max(m, f.Measure)
	}
	return m
}

// watchTexts are read by cashiers with the customer beside them: they say what to do, and blame nobody.
var watchTexts = map[string]struct{ ru, en string }{
	WatchOwnCard:      {"Карта сотрудника, который сейчас за кассой: пусть чек пробьёт коллега", "The card belongs to whoever is at this till: let a colleague make the receipt"},
	WatchCardReceipts: {"По этой карте сегодня уже много чеков на этой кассе: нужен взгляд старшего", "This card has had many receipts at this till today: a manager should have a look"},
	WatchAfterTotal:   {"Карта показана после итога: в следующий раз лучше до оплаты", "The card was shown after the total: next time better before paying"},
	WatchFresh:        {"Карта оформлена недавно: баллами можно будет платить чуть позже", "The card is new: points can pay a little later"},
	WatchRefund:       {"Недавняя покупка с баллами: возврат подтверждает старший", "A recent purchase with points: a manager confirms the return"},
	WatchLookups:      {"Сегодня много поисков без покупки: нужен взгляд старшего", "Many look-ups without a sale today: a manager should have a look"},
	WatchPointsOnly:   {"Чек почти целиком оплачен баллами: нужно подтверждение старшего", "Points pay almost all of the receipt: a manager confirms it"},
	WatchTyped:        {"Чтобы платить баллами, покажите карту или код в приложении", "To pay with points, please show the card or the code in the app"},
	WatchNight:        {"Поздний час: оплату баллами подтверждает старший", "It is late: a manager confirms paying with points"},
}

// WatchText is a fraud rule as a sentence for the till, in Russian ("ru") or else English. A code that
// this version does not know is shown as it stands.
func WatchText(rule, lang string) string {
	t, known := watchTexts[rule]
	switch {
	case !known:
		return rule
	case lang == "ru":
		return t.ru
	}
	return t.en
}
