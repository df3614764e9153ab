package loyalty

import "github.com/kopilka/kopilka/ledger/sale"

// Scope is where a programme holds: a store before a region before the whole organisation.
type Scope struct {
	Region string       `cbor:"1,keyasint,omitempty" json:"region,omitempty"`
	Store  sale.StoreNo `cbor:"2,keyasint,omitempty" json:"store,omitempty"`
}

// Promotion is a rule that gives something on a receipt: for all, for some, or for a code.
type Promotion struct {
	ID          uint32 `cbor:"1,keyasint" json:"id"` // of the organisation; a receipt names it, so it is never given again
	RU          string `cbor:"2,keyasint" json:"ru"`
	EN          string `cbor:"3,keyasint" json:"en"`
	When        When   `cbor:"4,keyasint,omitzero" json:"when,omitzero"`
	Who         Who    `cbor:"5,keyasint,omitzero" json:"who,omitzero"`
	Goods       Goods  `cbor:"6,keyasint,omitzero" json:"goods,omitzero"` // that it counts and gives on; empty: all
	Least       Least  `cbor:"7,keyasint,omitzero" json:"least,omitzero"`
	Give        Give   `cbor:"8,keyasint" json:"give"`
	Campaign    uint32 `cbor:"9,keyasint,omitempty" json:"campaign,omitempty"`  // only with a code of it
	Priority    int32  `cbor:"10,keyasint,omitempty" json:"priority,omitempty"` // the higher first, where the order matters
	Group       string `cbor:"11,keyasint,omitempty" json:"group,omitempty"`    // of those with one name a receipt gets one
	PerReceipt  uint32 `cbor:"12,keyasint,omitempty" json:"perReceipt,omitempty"`
	PerCustomer uint32 `cbor:"13,keyasint,omitempty" json:"perCustomer,omitempty"` // over all receipts, as far as the till knows; head office flags more
}

// When bounds a promotion in the store's own time.
type When struct {
	From     sale.Date `cbor:"1,keyasint,omitempty" json:"from,omitempty"`
	Until    sale.Date `cbor:"2,keyasint,omitempty" json:"until,omitempty"`       // the last day
	Weekdays uint8     `cbor:"3,keyasint,omitempty" json:"weekdays,omitempty"`    // bit 0 is Monday; zero: every day
	Start    uint16    `cbor:"4,keyasint,omitempty" json:"startMinute,omitempty"` // of the day
	End      uint16    `cbor:"5,keyasint,omitempty" json:"endMinute,omitempty"`   // first minute after; before Start: over midnight; both zero: all day
}

// Who bounds a promotion to customers. All that is set must hold.
type Who struct {
	Tiers    []uint16 `cbor:"1,keyasint,omitempty" json:"tiers,omitempty"`
	Segments []uint8  `cbor:"2,keyasint,omitempty" json:"segments,omitempty"`
	First    bool     `cbor:"3,keyasint,omitempty" json:"first,omitempty"`  // the customer's first purchase
	Anyone   bool     `cbor:"4,keyasint,omitempty" json:"anyone,omitempty"` // without a card too
}

// Goods names products; empty names all. A product in Except is not named, whatever else says so.
type Goods struct {
	SKUs       []sale.SKU `cbor:"1,keyasint,omitempty" json:"skus,omitempty"`
	Categories []string   `cbor:"2,keyasint,omitempty" json:"categories,omitempty"`
	Tags       []string   `cbor:"3,keyasint,omitempty" json:"tags,omitempty"`
	Except     *Goods     `cbor:"4,keyasint,omitempty" json:"except,omitempty"`
}

// Least is what must lie in the basket of the goods named.
type Least struct {
	Sum sale.Money `cbor:"1,keyasint,omitempty" json:"sum,omitempty"` // before discounts
	Qty sale.Qty   `cbor:"2,keyasint,omitempty" json:"qty,omitempty"`
}

// GiveKind is what a promotion gives.
type GiveKind uint8

// The kinds. Money off never goes below a line's floor, and never touches goods that refuse it.
const (
	GiveEarnTimes  GiveKind = 1  // the goods' accrual times Rate (20000 doubles, 0 forbids)
	GiveEarnExtra  GiveKind = 2  // Rate more of the goods' money
	GivePoints     GiveKind = 3  // Points, once for every Least that the basket holds, PerReceipt times at most
	GivePercentOff GiveKind = 4  // Rate off the goods
	GiveAmountOff  GiveKind = 5  // Money off the goods, spread over them
	GiveGift       GiveKind = 6  // up to Qty of the SKU, where it lies in the basket, for their floor
	GiveNthFree    GiveKind = 7  // of every Nth pieces of the goods the cheapest for its floor
	GiveStamps     GiveKind = 8  // a stamp a piece into Purse; Nth stamps make one piece of the goods cost its floor
	GiveTickets    GiveKind = 9  // a draw ticket into Purse for every Money of the goods' net
	GivePurse      GiveKind = 10 // Rate of the goods' net into Purse: a partner's points
)

// Give is what and how much; which fields count depends on the kind.
type Give struct {
	Kind   GiveKind         `cbor:"1,keyasint" json:"kind"`
	Rate   sale.BasisPoints `cbor:"2,keyasint,omitempty" json:"rate,omitempty"`
	Money  sale.Money       `cbor:"3,keyasint,omitempty" json:"money,omitempty"`
	Points sale.Points      `cbor:"4,keyasint,omitempty" json:"points,omitempty"`
	SKU    sale.SKU         `cbor:"5,keyasint,omitempty" json:"sku,omitempty"`
	Qty    sale.Qty         `cbor:"6,keyasint,omitempty" json:"qty,omitempty"`
	Nth    uint32           `cbor:"7,keyasint,omitempty" json:"nth,omitempty"`
	Purse  sale.PurseNo     `cbor:"8,keyasint,omitempty" json:"purse,omitempty"`
}

// CodeKind is how a campaign's codes are told from each other.
type CodeKind uint8

// The kinds.
const (
	CodeGeneric     CodeKind = 1 // one text for all, in the programme
	CodeUnique      CodeKind = 2 // single-use; tills hold their keys
	CodePersonal    CodeKind = 3 // single-use, of one customer each
	CodeAttribution CodeKind = 4 // says who brought the customer; gives nothing by itself
)

// Campaign is codes that promotions ask for, or that say where a customer came from.
type Campaign struct {
	ID          uint32         `cbor:"1,keyasint" json:"id"`
	RU          string         `cbor:"2,keyasint" json:"ru"`
	EN          string         `cbor:"3,keyasint" json:"en"`
	Kind        CodeKind       `cbor:"4,keyasint" json:"kind"`
	Code        string         `cbor:"5,keyasint,omitempty" json:"code,omitempty"` // of generic and attribution campaigns
	From        sale.Date      `cbor:"6,keyasint,omitempty" json:"from,omitempty"`
	Until       sale.Date      `cbor:"7,keyasint,omitempty" json:"until,omitempty"`
	PerCustomer uint32         `cbor:"8,keyasint,omitempty" json:"perCustomer,omitempty"`
	Staff       sale.StaffNo   `cbor:"9,keyasint,omitempty" json:"staff,omitempty"`    // of attribution: the cashier
	Partner     sale.PartnerNo `cbor:"10,keyasint,omitempty" json:"partner,omitempty"` // or the partner
	Channel     string         `cbor:"11,keyasint,omitempty" json:"channel,omitempty"` // or the channel
}

// GoodsCap is the most that points may pay of some goods, beside the tier's cap.
type GoodsCap struct {
	Goods Goods            `cbor:"1,keyasint" json:"goods"`
	Max   sale.BasisPoints `cbor:"2,keyasint" json:"max"` // zero: none of it
}

// Gift is goods for points: a cashier puts it into the basket as a gift, and points pay all but its floor.
type Gift struct {
	SKU    sale.SKU    `cbor:"1,keyasint" json:"sku"`
	Points sale.Points `cbor:"2,keyasint" json:"points"`
	When   When        `cbor:"3,keyasint,omitzero" json:"when,omitzero"`
	Tiers  []uint16    `cbor:"4,keyasint,omitempty" json:"tiers,omitempty"`
}

// PurseKind is what a purse holds.
type PurseKind uint8

// The kinds.
const (
	PurseStamps  PurseKind = 1
	PurseTickets PurseKind = 2
	PursePartner PurseKind = 3
)

// Purse is an account of its own beside a customer's points, spent by rules of its own.
type Purse struct {
	No      sale.PurseNo     `cbor:"1,keyasint" json:"no"` // from 1
	RU      string           `cbor:"2,keyasint" json:"ru"`
	EN      string           `cbor:"3,keyasint" json:"en"`
	Kind    PurseKind        `cbor:"4,keyasint" json:"kind"`
	Lots    LotRules         `cbor:"5,keyasint,omitzero" json:"lots,omitzero"`
	Goods   Goods            `cbor:"6,keyasint,omitzero" json:"goods,omitzero"` // of a partner's: what they may pay for
	Max     sale.BasisPoints `cbor:"7,keyasint,omitempty" json:"max,omitempty"` // and how much of it
	Partner sale.PartnerNo   `cbor:"8,keyasint,omitempty" json:"partner,omitempty"`
	Stores  []sale.StoreNo   `cbor:"9,keyasint,omitempty" json:"stores,omitempty"` // where it may be spent; empty: everywhere
}
