package sale

// TenderKind is how money was given, in the groups of the fiscal receipt (FFD 1031, 1081, 1215..1217).
type TenderKind uint8

// The tenders.
const (
	TenderCash    TenderKind = 1
	TenderCard    TenderKind = 2 // any cashless payment that the cashier confirms
	TenderAdvance TenderKind = 3
	TenderCredit  TenderKind = 4
	TenderCounter TenderKind = 5 // counter-provision, tag 1217
)

// Tender is one payment. For cash Amount is what settles the sale; the notes given are Sale.Given.
type Tender struct {
	Kind   TenderKind `cbor:"1,keyasint" json:"kind"`
	Amount Money      `cbor:"2,keyasint" json:"amount"`
}

// Sale is what was sold, how it was reckoned and how it was paid.
type Sale struct {
	No        OperationNo `cbor:"1,keyasint" json:"no"`
	Lines     []SoldLine  `cbor:"2,keyasint" json:"lines"`
	Customer  CustomerNo  `cbor:"3,keyasint,omitempty" json:"customer,omitempty"`
	Tier      uint16      `cbor:"4,keyasint,omitempty" json:"tier,omitempty"`
	Programme uint32      `cbor:"5,keyasint,omitempty" json:"programme,omitempty"` // version of the rules that reckoned it
	Gross     Money       `cbor:"6,keyasint" json:"gross"`
	Discount  Money       `cbor:"7,keyasint,omitempty" json:"discount,omitempty"`
	Redeemed  Points      `cbor:"8,keyasint,omitempty" json:"redeemed,omitempty"`
	Total     Money       `cbor:"9,keyasint" json:"total"`
	Earned    Points      `cbor:"10,keyasint,omitempty" json:"earned,omitempty"`
	Tenders   []Tender    `cbor:"11,keyasint" json:"tenders"`
	Given     Money       `cbor:"12,keyasint,omitempty" json:"given,omitempty"` // cash handed over; change is Given − cash tender
	Contact   Commitment  `cbor:"13,keyasint,omitzero" json:"-"`
	Reasons   []Reason    `cbor:"14,keyasint,omitempty" json:"reasons,omitempty"`
	Reward    Points      `cbor:"15,keyasint,omitempty" json:"reward,omitempty"` // to the cashier
	Codes     []CodeUse   `cbor:"16,keyasint,omitempty" json:"codes,omitempty"`
	Applied   []Applied   `cbor:"17,keyasint,omitempty" json:"applied,omitempty"`
	Watched   []Watched   `cbor:"18,keyasint,omitempty" json:"watched,omitempty"`
	FoundBy   FoundBy     `cbor:"19,keyasint,omitempty" json:"foundBy,omitempty"`  // how the customer was named
	Training  bool        `cbor:"20,keyasint,omitempty" json:"training,omitempty"` // a test customer's: out of all figures
}

// FoundBy is how a customer was named at the till.
type FoundBy uint8

// The ways.
const (
	FoundCard  FoundBy = 1 // scanned
	FoundPhone FoundBy = 2
	FoundTyped FoundBy = 3 // a card number typed by hand
)

// CodeUse is a promo code taken by a receipt, whether or not it came to give anything.
type CodeUse struct {
	Campaign uint32    `cbor:"1,keyasint" json:"campaign"`
	Key      LookupKey `cbor:"2,keyasint" json:"key"`
}

// Applied is a promotion that a receipt had: how often, and what it gave.
type Applied struct {
	Promotion uint32 `cbor:"1,keyasint" json:"promotion"`
	Times     uint32 `cbor:"2,keyasint" json:"times"`
	Discount  Money  `cbor:"3,keyasint,omitempty" json:"discount,omitempty"`
	Points    Points `cbor:"4,keyasint,omitempty" json:"points,omitempty"`
}

// Watched is a fraud rule that a receipt met, and what was done.
type Watched struct {
	Rule   string  `cbor:"1,keyasint" json:"rule"` // stable code: "own-card"
	Amount int64   `cbor:"2,keyasint,omitempty" json:"amount,omitempty"`
	By     StaffNo `cbor:"3,keyasint,omitempty" json:"by,omitempty"` // the manager whose PIN let it pass
}

// Cash is the part paid in cash.
func (s *Sale) Cash() Money { return tendered(s.Tenders, TenderCash) }

// Change is what the cashier gave back.
func (s *Sale) Change() Money {
	if s.Given == 0 {
		return 0
	}
	return s.Given - s.Cash()
}

// Return undoes a part of a sale. All figures are this return's own share, computed so that the
// shares of several returns add up to exactly what one whole return would have been.
type Return struct {
	No       OperationNo    `cbor:"1,keyasint" json:"no"`
	Of       ID             `cbor:"2,keyasint" json:"of"`                       // the sale
	OfNo     OperationNo    `cbor:"3,keyasint,omitempty" json:"ofNo,omitempty"` // its number for people
	OfDoc    FiscalKey      `cbor:"4,keyasint,omitzero" json:"ofDoc"`
	Lines    []ReturnedLine `cbor:"5,keyasint" json:"lines"`
	Customer CustomerNo     `cbor:"6,keyasint,omitempty" json:"customer,omitempty"`
	Total    Money          `cbor:"7,keyasint" json:"total"`                        // money given back
	Restored Points         `cbor:"8,keyasint,omitempty" json:"restored,omitempty"` // redeemed points given back
	Clawed   Points         `cbor:"9,keyasint,omitempty" json:"clawed,omitempty"`   // earned points taken back
	Tenders  []Tender       `cbor:"10,keyasint" json:"tenders"`
	Reason   string         `cbor:"11,keyasint,omitempty" json:"reason,omitempty"`
	Contact  Commitment     `cbor:"12,keyasint,omitzero" json:"-"`
	Reward   Points         `cbor:"13,keyasint,omitempty" json:"reward,omitempty"` // taken back from whoever sold
	Seller   StaffNo        `cbor:"14,keyasint,omitempty" json:"seller,omitempty"`
	// Pending: the sale was made elsewhere and is not known here, only its fiscal QR. Of is zero, lines
	// name goods instead of the sale's lines, and head office settles the points once it has both.
	Pending bool      `cbor:"15,keyasint,omitempty" json:"pending,omitempty"`
	QR      *Fiscal   `cbor:"16,keyasint,omitempty" json:"qr,omitempty"` // as scanned, of a pending return
	By      StaffNo   `cbor:"17,keyasint,omitempty" json:"by,omitempty"` // the manager who allowed it
	Watched []Watched `cbor:"18,keyasint,omitempty" json:"watched,omitempty"`
	// Training: of a test customer's sale, out of all figures as that is.
	Training bool `cbor:"19,keyasint,omitempty" json:"training,omitempty"`
}

// ReturnedLine is the part of one sold line that came back.
type ReturnedLine struct {
	Line     int           `cbor:"1,keyasint" json:"line"` // index into the sale's lines
	SKU      SKU           `cbor:"2,keyasint" json:"sku"`
	Name     string        `cbor:"3,keyasint" json:"name"`
	Qty      Qty           `cbor:"4,keyasint" json:"qty"`
	Net      Money         `cbor:"5,keyasint" json:"net"`
	Restored Points        `cbor:"6,keyasint,omitempty" json:"restored,omitempty"`
	Clawed   Points        `cbor:"7,keyasint,omitempty" json:"clawed,omitempty"`
	VAT      VAT           `cbor:"8,keyasint" json:"vat"`
	Subject  Subject       `cbor:"9,keyasint" json:"subject"`
	Unit     Unit          `cbor:"10,keyasint,omitempty" json:"unit,omitempty"`
	Code     string        `cbor:"11,keyasint,omitempty" json:"code,omitempty"`
	Parts    []Part        `cbor:"12,keyasint" json:"parts"`
	Extra    []PurseAmount `cbor:"13,keyasint,omitempty" json:"extra,omitempty"` // taken back from other purses
	Paid     []PurseAmount `cbor:"14,keyasint,omitempty" json:"paid,omitempty"`  // given back to other purses
	Shelf    []Part        `cbor:"15,keyasint,omitempty" json:"shelf,omitempty"` // as [SoldLine] has it
}

// CashMove is money put into the drawer or taken out of it between sales.
type CashMove struct {
	Amount Money  `cbor:"1,keyasint" json:"amount"`
	Reason string `cbor:"2,keyasint,omitempty" json:"reason,omitempty"`
}

func tendered(tenders []Tender, kind TenderKind) Money {
	var sum Money
	for _, t := range tenders {
		if t.Kind == kind {
			sum += t.Amount
		}
	}
	return sum
}
