package page

import "github.com/kopilka/kopilka/ledger/sale"

// SaleKind narrows a list of transactions.
type SaleKind uint8

// The kinds; zero is all.
const (
	SaleKindAny    SaleKind = 0
	SaleKindSale   SaleKind = 1
	SaleKindReturn SaleKind = 2

	SaleKindCorrection SaleKind = 3
)

// SaleFilter chooses transactions. Zero fields choose all.
type SaleFilter struct {
	Store    sale.StoreNo
	Till     sale.TillNo
	Staff    sale.StaffNo
	Kind     SaleKind
	From     sale.Time // inclusive
	To       sale.Time // exclusive
	Customer sale.CustomerNo
	Card     CustomerShare
	Min, Max sale.Money // of the total, Max zero: no limit
	// What the search box was found to mean; at most one is set.
	ID sale.ID
	No sale.OperationNo
	FN string
	FD uint32
}

// CustomerShare narrows by whether a customer was named.
type CustomerShare uint8

// The choices.
const (
	WithAny         CustomerShare = 0
	WithCustomer    CustomerShare = 1
	WithoutCustomer CustomerShare = 2
)

// SaleKey is a place in the list of transactions, newest first; zero is its top.
type SaleKey struct {
	At sale.Time
	ID sale.ID
}

// Sale is a row of the list of transactions.
type Sale struct {
	ID           sale.ID
	Kind         sale.RecordKind
	No           sale.OperationNo
	At           sale.Time
	Zone         string
	Store        sale.StoreNo
	StoreName    string
	Till         sale.TillNo
	Shift        uint32
	Staff        sale.StaffNo
	StaffName    string
	Customer     sale.CustomerNo
	CustomerName string
	Gross        sale.Money
	Discount     sale.Money
	Total        sale.Money
	Redeemed     sale.Points // given back in a return
	Earned       sale.Points // taken back in a return
	Cash, Card   sale.Money
	Doc          sale.FiscalKey
	Of           sale.ID      // of a return: the sale
	Corrects     sale.DocKind // of a correction: what is corrected
}

// Back tells whether the money goes the other way: the total counts less than zero.
func (s Sale) Back() bool { return s.Kind == sale.KindReturn || s.Corrects == sale.DocSaleReturn }

// Key is the row's place.
func (s Sale) Key() SaleKey { return SaleKey{s.At, s.ID} }

// RecordState is what head office made of a record.
type RecordState uint8

// The states.
const (
	RecordBooked      RecordState = 0
	RecordParked      RecordState = 1 // stored, not understood
	RecordQuarantined RecordState = 2 // from a revoked till
	RecordDuplicate   RecordState = 3
)

// Receipt is one record of a till with all that head office knows around it.
type Receipt struct {
	Sale
	Address   string
	Record    *sale.Record
	Hash      sale.Hash
	State     RecordState
	Returns   []Sale // of this sale
	Original  *Sale  // of this return
	LotsMade  []Lot
	LotsSpent []Lot
	Flags     []Flag
}
