package loyalty

import (
	"fmt"

	"github.com/kopilka/kopilka/ledger/sale"
)

// Need is what a tier asks for, within the programme's window: any one of what is set is enough.
type Need struct {
	Spend     sale.Money `cbor:"1,keyasint,omitempty" json:"spend,omitempty"`
	Receipts  uint32     `cbor:"2,keyasint,omitempty" json:"receipts,omitempty"`
	Referrals uint32     `cbor:"3,keyasint,omitempty" json:"referrals,omitempty"` // friends who have bought
}

// Window is what counts towards tiers.
type Window struct {
	Days      uint32     `cbor:"1,keyasint,omitempty" json:"days,omitempty"`       // zero: since ever
	Downgrade bool       `cbor:"2,keyasint,omitempty" json:"downgrade,omitempty"`  // else a tier once reached is kept
	HoldDays  uint32     `cbor:"3,keyasint,omitempty" json:"holdDays,omitempty"`   // a tier just reached is kept so long
	Min       sale.Money `cbor:"4,keyasint,omitempty" json:"minReceipt,omitempty"` // receipts of less count as no purchase
}

// Referral rewards whoever brought a buyer.
type Referral struct {
	Rates  []sale.BasisPoints `cbor:"1,keyasint,omitempty" json:"rates,omitempty"`      // of the friend's money, by level; the first is who brought them
	First  sale.Points        `cbor:"2,keyasint,omitempty" json:"first,omitempty"`      // once, for the friend's first purchase
	Friend sale.Points        `cbor:"3,keyasint,omitempty" json:"friend,omitempty"`     // to the friend, with it
	Min    sale.Money         `cbor:"4,keyasint,omitempty" json:"minReceipt,omitempty"` // of a receipt that counts
	Month  sale.Points        `cbor:"5,keyasint,omitempty" json:"month,omitempty"`      // most that one customer is given in a calendar month; zero: no limit
	Lots   LotRules           `cbor:"6,keyasint,omitzero" json:"lots,omitzero"`
}

// Grants are points that head office gives by itself.
type Grants struct {
	Welcome       sale.Points `cbor:"1,keyasint,omitempty" json:"welcome,omitempty"`
	FirstPurchase sale.Points `cbor:"2,keyasint,omitempty" json:"firstPurchase,omitempty"`
	Review        sale.Points `cbor:"3,keyasint,omitempty" json:"review,omitempty"`
	ReviewsMonth  uint32      `cbor:"4,keyasint,omitempty" json:"reviewsMonth,omitempty"` // paid in a calendar month; zero: one
	Birthday      Birthday    `cbor:"5,keyasint,omitzero" json:"birthday,omitzero"`
	Holidays      []Holiday   `cbor:"6,keyasint,omitempty" json:"holidays,omitempty"`
	ByHandMax     sale.Points `cbor:"7,keyasint,omitempty" json:"byHandMax,omitempty"` // that a manager may give at once, an owner any; zero: no limit
}

// Birthday is a gift with a window around the day, once a year.
type Birthday struct {
	Points  sale.Points      `cbor:"1,keyasint,omitempty" json:"points,omitempty"`
	Average sale.BasisPoints `cbor:"2,keyasint,omitempty" json:"average,omitempty"` // of the customer's average receipt, where that is more
	Before  uint32           `cbor:"3,keyasint,omitempty" json:"before,omitempty"`  // days
	After   uint32           `cbor:"4,keyasint,omitempty" json:"after,omitempty"`
}

// Holiday is a gift to many, once a year.
type Holiday struct {
	ID     uint32      `cbor:"1,keyasint" json:"id"`
	RU     string      `cbor:"2,keyasint" json:"ru"`
	EN     string      `cbor:"3,keyasint" json:"en"`
	Month  uint8       `cbor:"4,keyasint" json:"month"`
	Day    uint8       `cbor:"5,keyasint" json:"day"`
	Before uint32      `cbor:"6,keyasint,omitempty" json:"before,omitempty"` // days
	After  uint32      `cbor:"7,keyasint,omitempty" json:"after,omitempty"`
	Points sale.Points `cbor:"8,keyasint" json:"points"`
	Who    Who         `cbor:"9,keyasint,omitzero" json:"who,omitzero"`
}

// Cashier is the reward of whoever sells.
type Cashier struct {
	Rate sale.BasisPoints `cbor:"1,keyasint,omitempty" json:"rate,omitempty"` // of a receipt's money; none on one's own purchases
}

// Measure is what happens when a fraud rule is met.
type Measure uint8

// The measures, each milder than the next.
const (
	MeasureOff   Measure = 0
	MeasureFlag  Measure = 1 // the sale goes on, head office hears of it
	MeasurePIN   Measure = 2 // a manager's PIN is asked for
	MeasureBlock Measure = 3 // points are refused; goods are sold all the same
)

// Watched is one fraud rule's setting. Limit is what it counts: receipts, hours, look-ups, minutes.
type Watched struct {
	Measure Measure `cbor:"1,keyasint" json:"measure"`
	Limit   uint32  `cbor:"2,keyasint,omitempty" json:"limit,omitempty"`
}

// Watch are the fraud rules, all reckoned on the till without network.
type Watch struct {
	OwnCard      Watched `cbor:"1,keyasint,omitzero" json:"ownCard,omitzero"`      // of whoever is at this till
	CardReceipts Watched `cbor:"2,keyasint,omitzero" json:"cardReceipts,omitzero"` // of one card, more than Limit in a shift
	AfterTotal   Watched `cbor:"3,keyasint,omitzero" json:"afterTotal,omitzero"`   // card named after the payment was begun
	Fresh        Watched `cbor:"4,keyasint,omitzero" json:"fresh,omitzero"`        // points spent within Limit hours of enrolment
	Refund       Watched `cbor:"5,keyasint,omitzero" json:"refund,omitzero"`       // return within Limit hours of a sale paid with points
	Lookups      Watched `cbor:"6,keyasint,omitzero" json:"lookups,omitzero"`      // more than Limit customers looked up without a sale in a shift
	PointsOnly   Watched `cbor:"7,keyasint,omitzero" json:"pointsOnly,omitzero"`   // receipts that points pay but for the floors
	Typed        Watched `cbor:"8,keyasint,omitzero" json:"typed,omitzero"`        // points spent by a customer named by typing
	Night        Watched `cbor:"9,keyasint,omitzero" json:"night,omitzero"`        // points spent in the Limit minutes before midnight or the hour after
}

// ConsentText is what a customer reads before saying yes.
type ConsentText struct {
	Kind     sale.ConsentKind `cbor:"1,keyasint" json:"kind"`
	Version  uint32           `cbor:"2,keyasint" json:"version"`
	RU       string           `cbor:"3,keyasint" json:"ru"`
	EN       string           `cbor:"4,keyasint" json:"en"`
	Required bool             `cbor:"5,keyasint,omitempty" json:"required,omitempty"`
}

// Enrolment is how customers are taken in at a till.
type Enrolment struct {
	Consents []ConsentText `cbor:"1,keyasint,omitempty" json:"consents,omitempty"`
	NoRedeem bool          `cbor:"2,keyasint,omitempty" json:"noPhoneRedeem,omitempty"` // who is named by phone only may not spend
	Closed   bool          `cbor:"3,keyasint,omitempty" json:"closed,omitempty"`        // tills enrol nobody
}

// Returns bounds returns of receipts that this till does not know.
type Returns struct {
	ForeignMax  sale.Money `cbor:"1,keyasint,omitempty" json:"foreignMax,omitempty"`  // by fiscal QR without head office; zero: refused
	ForeignDays uint32     `cbor:"2,keyasint,omitempty" json:"foreignDays,omitempty"` // oldest receipt; zero: 14, as the consumer law has it
}

// Limits of the mechanics.
const (
	DaysMax       = 10 * 366               // of any window or term: longer is a typing error
	GiftDaysMax   = 180                    // around a birthday or holiday: two years' windows must not meet
	LevelsMax     = 3                      // of referral, as UDS has them; deeper is a pyramid
	HolidaysMax   = 64                     // more than a calendar has
	ConsentsMax   = 8                      // kinds are two, each with a few texts
	TextBytesMax  = 4 << 10                // of a consent
	GrantMax      = 1_000_000 * sale.Point // above it a gift is a typing error
	WatchLimitMax = 100_000
)

// mechanics checks what head office and the fraud rules reckon by.
func (c *checker) mechanics(p *Programme) {
	c.want(p.GraceDays <= DaysMax, "graceDays", "want at most 3660 / нужно не больше 3660", p.GraceDays)
	for i, t := range p.Tiers[:min(len(p.Tiers), TiersMax)] {
		at := fmt.Sprintf("tiers[%d].need", i)
		c.amount(at+".spend", int64(t.Need.Spend), int64(sale.MoneyMax))
		c.want(t.No != 0 || t.Need == (Need{}), at, "tier 0 is everybody's and needs nothing / уровень 0 общий, условий у него нет", t.Need)
	}
	c.window(p.Window)
	c.referral(p.Referral)
	c.grants(p)
	c.percent("cashier.rate", p.Cashier.Rate)
	c.watch(p.Watch)
	c.enrolment(p.Enrolment)
	c.amount("returns.foreignMax", int64(p.Returns.ForeignMax), int64(sale.MoneyMax))
	c.days("returns.foreignDays", p.Returns.ForeignDays)
}

func (c *checker) amount(path string, got, most int64) {
	c.want(got >= 0 && got <= most, path, fmt.Sprintf("want 0 to %s / нужно от 0 до %s", sale.Money(most), sale.Money(most)), sale.Money(got))
}

func (c *checker) points(path string, got sale.Points) { c.amount(path, int64(got), int64(GrantMax)) }

func (c *checker) days(path string, got uint32) {
	c.want(got <= DaysMax, path, "want at most 3660 days / нужно не больше 3660 дней", got)
}

func (c *checker) lots(path string, l LotRules) {
	c.want(l.ActivateAfterHours <= ActivateHoursMax, path+".activateAfterHours", "want at most 8784 / нужно не больше 8784", l.ActivateAfterHours)
	c.want(l.ExpireAfterDays <= ExpireDaysMax, path+".expireAfterDays", "want at most 3660 / нужно не больше 3660", l.ExpireAfterDays)
}

func (c *checker) window(w Window) {
	c.days("window.days", w.Days)
	c.days("window.holdDays", w.HoldDays)
	c.amount("window.minReceipt", int64(w.Min), int64(sale.MoneyMax))
	c.want(!w.Downgrade || w.Days > 0, "window.downgrade", "want a number of days, else nothing is ever forgotten / укажите число дней: без него понижать не за что", w.Days)
}

func (c *checker) referral(r Referral) {
	c.want(len(r.Rates) <= LevelsMax, "referral.rates", "want at most 3 levels / нужно не больше 3 уровней", len(r.Rates))
	var sum sale.BasisPoints
	for i, rate := range r.Rates[:min(len(r.Rates), LevelsMax)] {
		c.percent(fmt.Sprintf("referral.rates[%d]", i), rate)
		sum += rate
	}
	c.want(sum <= sale.Hundred, "referral.rates", "want at most 100 % together / вместе не больше 100 %", sum)
	c.points("referral.first", r.First)
	c.points("referral.friend", r.Friend)
	c.points("referral.month", r.Month)
	c.amount("referral.minReceipt", int64(r.Min), int64(sale.MoneyMax))
	c.lots("referral.lots", r.Lots)
}

func (c *checker) grants(p *Programme) {
	g := p.Grants
	c.points("grants.welcome", g.Welcome)
	c.points("grants.firstPurchase", g.FirstPurchase)
	c.points("grants.review", g.Review)
	c.points("grants.byHandMax", g.ByHandMax)
	c.points("grants.birthday.points", g.Birthday.Points)
	c.percent("grants.birthday.average", g.Birthday.Average)
	c.around("grants.birthday", g.Birthday.Before, g.Birthday.After)
	c.want(len(g.Holidays) <= HolidaysMax, "grants.holidays", "want at most 64 / нужно не больше 64", len(g.Holidays))
	seen := map[uint32]bool{}
	for i, h := range g.Holidays[:min(len(g.Holidays), HolidaysMax)] {
		at := fmt.Sprintf("grants.holidays[%d]", i)
		c.want(h.ID != 0 && !seen[h.ID], at+".id", "want a number of its own, from 1 / нужен свой номер, от 1", h.ID)
		seen[h.ID] = true
		c.want(h.RU != "" && h.EN != "" && len(h.RU)+len(h.EN) <= 2*sale.NameBytesMax, at+".ru", "want a name in both languages / нужно название на двух языках", h.RU+"/"+h.EN)
		c.want(yearDay(2028, h.Month, h.Day).Valid(), at+".day", "want a day of the calendar / такого дня нет", fmt.Sprintf("%d.%d", h.Day, h.Month))
		c.points(at+".points", h.Points)
		c.around(at, h.Before, h.After)
		for _, no := range h.Who.Tiers {
			_, known := p.tier(no)
			c.want(known, at+".who.tiers", "no such tier / такого уровня нет", no)
		}
	}
}

func (c *checker) around(path string, before, after uint32) {
	c.want(before <= GiftDaysMax && after <= GiftDaysMax && before+after <= GiftDaysMax, path+".before", "want at most 180 days with after / вместе с «после» не больше 180 дней", before)
}

func (c *checker) watch(w Watch) {
	for _, rule := range w.rules() {
		at := "watch." + rule.path
		c.want(rule.set.Measure <= MeasureBlock, at+".measure", "want 0 to 3 / нужно от 0 до 3", rule.set.Measure)
		c.want(rule.set.Limit <= WatchLimitMax, at+".limit", "want at most 100000 / нужно не больше 100000", rule.set.Limit)
		c.want(!rule.counts || rule.set.Measure == MeasureOff || rule.set.Limit > 0, at+".limit", "want 1 or more, else every receipt is met / нужно 1 или больше, иначе сработает на каждом чеке", rule.set.Limit)
	}
}

func (c *checker) enrolment(e Enrolment) {
	c.want(len(e.Consents) <= ConsentsMax, "enrolment.consents", "want at most 8 / нужно не больше 8", len(e.Consents))
	for i, t := range e.Consents[:min(len(e.Consents), ConsentsMax)] {
		at := fmt.Sprintf("enrolment.consents[%d].", i)
		c.want(t.Kind == sale.ConsentPersonalData || t.Kind == sale.ConsentAdvertising, at+"kind", "want 1 (personal data) or 2 (advertising) / нужно 1 (персональные данные) или 2 (реклама)", t.Kind)
		c.want(t.Version > 0, at+"version", "want 1 or more / нужно 1 или больше", t.Version)
		c.want(t.RU != "" && len(t.RU) <= TextBytesMax, at+"ru", "want a text of 1 to 4096 bytes / нужен текст от 1 до 4096 байт", fmt.Sprintf("%d bytes", len(t.RU)))
		c.want(t.EN != "" && len(t.EN) <= TextBytesMax, at+"en", "want a text of 1 to 4096 bytes / нужен текст от 1 до 4096 байт", fmt.Sprintf("%d bytes", len(t.EN)))
	}
}
