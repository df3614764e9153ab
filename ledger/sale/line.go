package sale

// VAT is the value-added tax of a line, numbered as FFD tag 1199 numbers it; each register driver
// translates it into its device's own table.
type VAT uint8

// The rates in force (FNS order ЕД-7-20/1050@ of 2025-12-08 added 22 %).
const (
	VAT20    VAT = 1
	VAT10    VAT = 2
	VAT20120 VAT = 3
	VAT10110 VAT = 4
	VAT0     VAT = 5
	VATNone  VAT = 6
	VAT5     VAT = 7
	VAT7     VAT = 8
	VAT5105  VAT = 9
	VAT7107  VAT = 10
	VAT22    VAT = 11
	VAT22122 VAT = 12
)

// Subject is what is being sold, FFD tag 1212.
type Subject uint8

// The subjects that a grocery uses.
const (
	SubjectGoods          Subject = 1
	SubjectExcisable      Subject = 2
	SubjectService        Subject = 4
	SubjectMarkedExcise   Subject = 31
	SubjectMarkedGoods    Subject = 33
	SubjectExciseUnmarked Subject = 30
)

// Unit is the measure of quantity, FFD tag 2108.
type Unit uint8

// The units that a grocery uses.
const (
	UnitPiece    Unit = 0
	UnitKilogram Unit = 11
	UnitLitre    Unit = 41
)

// Traits are what the catalogue says a product may not or must do.
type Traits uint16

// The traits. NoStimulus is tobacco (15-FZ: no discount, no points, no promotion of any kind).
const (
	NoDiscount Traits = 1 << iota // price is final, not even a tier discount
	NoRedeem                      // points may not pay for it
	NoEarn                        // earns nothing
	AdultOnly                     // the cashier confirms the buyer's age of 18
	Weighed                       // sold by weight: quantity may be a fraction
	Marked                        // carries a Chestny ZNAK code, one piece a line
	NoStimulus = NoDiscount | NoRedeem | NoEarn
)

// Has tells whether all the given traits are set.
func (t Traits) Has(want Traits) bool { return t&want == want }

// SKU is the retailer's own article number.
type SKU string

// Product is a row of the catalogue as a till holds it.
type Product struct {
	SKU      SKU      `cbor:"1,keyasint" json:"sku"`
	Name     string   `cbor:"2,keyasint" json:"name"`
	Price    Money    `cbor:"3,keyasint" json:"price"`
	MinPrice Money    `cbor:"4,keyasint,omitempty" json:"minPrice,omitempty"` // per unit; spirits may not be sold below it
	VAT      VAT      `cbor:"5,keyasint" json:"vat"`
	Subject  Subject  `cbor:"6,keyasint" json:"subject"`
	Unit     Unit     `cbor:"7,keyasint,omitempty" json:"unit"`
	Traits   Traits   `cbor:"8,keyasint,omitempty" json:"traits,omitempty"`
	Codes    []string `cbor:"9,keyasint,omitempty" json:"codes,omitempty"` // barcodes, GTIN-13 or shorter as scanned
	Category string   `cbor:"10,keyasint,omitempty" json:"category,omitempty"`
	Gone     bool     `cbor:"11,keyasint,omitempty" json:"gone,omitempty"` // withdrawn: not sold any more, kept for returns
	Tags     []string `cbor:"12,keyasint,omitempty" json:"tags,omitempty"` // for rules to name: "own-brand", "spring"
	// Floors are minimum prices known in advance, by the day from which they hold; a till without
	// network switches at the store's midnight.
	Floors []DatedPrice `cbor:"13,keyasint,omitempty" json:"floors,omitempty"`
}

// DatedPrice is a price that holds from a day on.
type DatedPrice struct {
	From  Date  `cbor:"1,keyasint" json:"from"`
	Price Money `cbor:"2,keyasint" json:"price"`
}

// Floor is the least price of a unit on a day: of the floors that have begun the latest, else MinPrice.
func (p Product) Floor(day Date) Money {
	price, from := p.MinPrice, Date(0)
	for _, f := range p.Floors {
		if f.From <= day && f.From > from {
			price, from = f.Price, f.From
		}
	}
	return price
}

// Line is one position of a basket before any rule has touched it. The product is a copy: a price
// that changes in the catalogue does not change under the cashier's hands.
type Line struct {
	Product Product `cbor:"1,keyasint" json:"product"`
	Qty     Qty     `cbor:"2,keyasint" json:"qty"`
	Code    string  `cbor:"3,keyasint,omitempty" json:"code,omitempty"` // as scanned, for marked goods and for the audit
	Gift    bool    `cbor:"4,keyasint,omitempty" json:"gift,omitempty"` // chosen from the list of goods for points
}

// Gross is price × quantity before discounts.
func (l Line) Gross() (Money, error) { return l.Product.Price.Times(l.Qty) }

// Basket is what lies on the counter.
type Basket struct {
	Lines    []Line     `cbor:"1,keyasint" json:"lines"`
	Customer CustomerNo `cbor:"2,keyasint,omitempty" json:"customer,omitempty"`
}

// Part is a piece of a line as a fiscal receipt can hold it: Sum is exactly Price × Qty rounded half up.
type Part struct {
	Qty   Qty   `cbor:"1,keyasint" json:"qty"`
	Price Money `cbor:"2,keyasint" json:"price"`
	Sum   Money `cbor:"3,keyasint" json:"sum"`
}

// SoldLine is a line with every figure that the rules gave it, kept so that a return can be computed
// from it years later.
type SoldLine struct {
	SKU      SKU           `cbor:"1,keyasint" json:"sku"`
	Name     string        `cbor:"2,keyasint" json:"name"`
	Code     string        `cbor:"3,keyasint,omitempty" json:"code,omitempty"`
	Qty      Qty           `cbor:"4,keyasint" json:"qty"`
	Price    Money         `cbor:"5,keyasint" json:"price"`
	Gross    Money         `cbor:"6,keyasint" json:"gross"`
	Discount Money         `cbor:"7,keyasint,omitempty" json:"discount,omitempty"`
	Redeemed Points        `cbor:"8,keyasint,omitempty" json:"redeemed,omitempty"`
	Net      Money         `cbor:"9,keyasint" json:"net"` // Gross − Discount − Redeemed: what is paid in money
	Earned   Points        `cbor:"10,keyasint,omitempty" json:"earned,omitempty"`
	VAT      VAT           `cbor:"11,keyasint" json:"vat"`
	Subject  Subject       `cbor:"12,keyasint" json:"subject"`
	Unit     Unit          `cbor:"13,keyasint,omitempty" json:"unit,omitempty"`
	Traits   Traits        `cbor:"14,keyasint,omitempty" json:"traits,omitempty"`
	Parts    []Part        `cbor:"15,keyasint" json:"parts"`
	Reasons  []Reason      `cbor:"16,keyasint,omitempty" json:"reasons,omitempty"`
	Extra    []PurseAmount `cbor:"17,keyasint,omitempty" json:"extra,omitempty"` // earned into other purses: stamps, tickets, a partner's points
	Paid     []PurseAmount `cbor:"18,keyasint,omitempty" json:"paid,omitempty"`  // of other purses: what stamps or a partner's points paid, part of Discount
	Gift     bool          `cbor:"19,keyasint,omitempty" json:"gift,omitempty"`  // chosen from the list of goods for points: Redeemed is its price
	// Shelf is what stands on the fiscal receipt instead of Parts where points paid as counter-provision: the
	// line at its price before points. See [SoldLine.Printed].
	Shelf []Part `cbor:"20,keyasint,omitempty" json:"shelf,omitempty"`
}

// Reason says which rule gave or refused a figure, so that explain can name it.
type Reason struct {
	Rule   string `cbor:"1,keyasint" json:"rule"`             // stable code of the rule: "tier.earn", "redeem.cap"
	Amount int64  `cbor:"2,keyasint,omitempty" json:"amount"` // kopecks or hundredths of a point, as the rule says
	Detail string `cbor:"3,keyasint,omitempty" json:"detail,omitempty"`
}
