package page

import "github.com/kopilka/kopilka/ledger/sale"

// Partner is a firm that brings customers or pays for points in a purse of its own.
type Partner struct {
	No      sale.PartnerNo
	Name    string
	Contact string
	Gone    bool
}

// Attributed is what a campaign's codes have brought between two moments.
type Attributed struct {
	Campaign uint32
	Joined   int // customers enrolled with a code of it
	Receipts int // that showed one
	Total    sale.Money
}

// Earner is a member of staff's account of rewards.
type Earner struct {
	Staff   sale.StaffNo
	Earned  sale.Points // in the time asked for, less what returns took back
	Paid    sale.Points // in that time
	Balance sale.Points // now
}

// Leader is one cashier's figures at one store between two moments.
type Leader struct {
	Store        sale.StoreNo
	Staff        sale.StaffNo
	Receipts     int
	WithCustomer int
	Enrolled     int
}

// Event is a row of the log of who did what at head office.
type Event struct {
	ID     sale.ID
	At     sale.Time
	Who    string
	What   string
	Object string
	Detail string
}

// EventKey is a place in that log, newest first.
type EventKey struct {
	At sale.Time
	ID sale.ID
}

// Key is the event's place.
func (e Event) Key() EventKey { return EventKey{e.At, e.ID} }

// EventFilter chooses events; zero values choose all. What is a prefix.
type EventFilter struct {
	Who, What, Object string
	From, To          sale.Time
}

// Aside is a record that was stored and not booked.
type Aside struct {
	Till    sale.TillNo
	ID      sale.ID
	Kind    sale.RecordKind
	State   RecordState
	Epoch   uint32
	Seq     uint64
	At      sale.Time
	Problem string // of a parked one
}
