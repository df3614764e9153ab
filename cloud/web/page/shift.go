package page

import "github.com/kopilka/kopilka/ledger/sale"

// ShiftFilter chooses shifts.
type ShiftFilter struct {
	Store sale.StoreNo
	Till  sale.TillNo
	From  sale.Time
	To    sale.Time
}

// ShiftID names a shift: numbers of shifts begin anew with each fiscal storage.
type ShiftID struct {
	Till  sale.TillNo
	FN    string
	Shift uint32
}

// ShiftKey is a place in the list of shifts, newest first; zero is its top.
type ShiftKey struct {
	Opened sale.Time
	ShiftID
}

// ShiftSums are the receipts of a shift.
type ShiftSums struct {
	Sales    int
	Returns  int
	Sold     sale.Money
	Refunded sale.Money
	Cash     sale.Money // of receipts: taken less given back
	Card     sale.Money
	Earned   sale.Points
	Redeemed sale.Points

	Corrections int // correction receipts, out of all the other counts
	Corrected   sale.Money
}

// Shift is a shift of a till: what head office reckons from the records, beside what the till and the
// fiscal storage say.
type Shift struct {
	ShiftID
	Store     sale.StoreNo
	StoreName string
	Zone      string
	StaffName string
	Opened    sale.Time
	Closed    sale.Time        // zero: open, or its close has not come yet
	Ours      ShiftSums        // added up from the receipts that head office holds
	Close     *sale.ShiftClose // what the till says, nil while the shift is open
	CashIn    sale.Money
	CashOut   sale.Money
	Head      sale.Hash // in a single shift: of the record before the close, as head office holds it
	Doc       sale.FiscalKey
}

// Key is the shift's place in the list.
func (s Shift) Key() ShiftKey { return ShiftKey{s.Opened, s.ShiftID} }

// Record is a row of a till's journal.
type Record struct {
	ID        sale.ID
	Kind      sale.RecordKind
	Epoch     uint32
	Seq       uint64
	At        sale.Time
	Amount    sale.Money
	Doc       sale.FiscalKey
	Hash      sale.Hash
	StaffName string
}
