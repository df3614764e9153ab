package loyalty

import "github.com/kopilka/kopilka/ledger/sale"

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
	ByHandMax     sale.Points `cbor:"7,keyasint,omitempty" json:"byHandMax,omitempty"` // that a manager may give at once; an administrator any
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
