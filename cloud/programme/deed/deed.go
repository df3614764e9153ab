// Package deed is the words in which head office's decisions and its database speak of customers, receipts
// and rewards.
//
// What will bite: amounts of rewards are signed sums, of what was given less what was taken back, and a
// customer is all of their accounts, so whoever asks about one account asks about half a person.
package deed

import "github.com/kopilka/kopilka/ledger/sale"

// Due is something to be decided about. Cause changes whenever its subject does, so a decision made on an
// older reading is known by it.
type Due struct {
	Subject  sale.ID
	Cause    sale.ID
	Kind     sale.RecordKind // KindSale with its returns, KindEnrol, KindMerge, KindTier
	Customer sale.CustomerNo
	Changed  bool // what is written about the subject changes, even where nothing is left to write
}

// Person is a customer with every account that was merged into them.
type Person struct {
	No       sale.CustomerNo
	Accounts []sale.CustomerNo // No among them
	State    sale.CustomerState
	Segment  uint8
	Home     sale.StoreNo
	Bearer   bool
	Birthday string          // "03-08" or "1988-03-08"
	Enrolled sale.Time       // of the oldest account; zero: not at a till, or imported
	Friend   string          // the code with which the oldest account came
	Came     sale.CustomerNo // the oldest account
	Referrer sale.CustomerNo // whom its code was found to name; zero: not found yet

	Tier    uint16
	Until   sale.Time // of a tier given by hand
	Since   sale.Time // when the tier was reached
	Earned  uint16    // the tier that the rules gave last
	Changes int       // of tier, so far

	Told sale.Progress // as tills have it
}

// Brought tells whether somebody brought this person, known or not.
func (p Person) Brought() bool { return p.Friend != "" || p.Referrer != 0 }

// Receipt is a sale as it stands: Back is what of Total has been given back.
type Receipt struct {
	ID        sale.ID
	At        sale.Time
	Store     sale.StoreNo
	Customer  sale.CustomerNo
	Programme uint32
	Total     sale.Money
	Back      sale.Money
	Training  bool
}

// Kept is the money that has not come back.
func (r Receipt) Kept() sale.Money { return r.Total - r.Back }

// Given is what somebody was given for a cause: how many events, what they come to, and what of the lots
// that they made is free to be taken back.
type Given struct {
	Times  int
	Amount sale.Points
	Free   []Free
}

// Free is a part of a lot that nobody holds.
type Free struct {
	Lot     sale.ID
	Account sale.Account
	Amount  sale.Points
}

// Share is what one level above a buyer deserves for a receipt.
type Share struct {
	Sale     sale.ID
	Level    uint8
	Referrer sale.CustomerNo
	Friend   sale.CustomerNo
	Period   string
	Deserved sale.Points
	Counts   bool
	At       sale.Time // of the receipt
	Reasons  []sale.Reason
}

// Decision is what a reading of one turn came to. All of it is written together, or, where another decision
// or record came between, nothing.
type Decision struct {
	Turn   uint64
	Due    *Due // what it settles; nil: it came from a calendar or a person
	Events []*sale.Record
	Shares []Share           // instead of those that the subject had
	Look   []sale.CustomerNo // whose tier should be reckoned
	Tell   *Progress
}

// Progress is what tills should show of a customer's way to the next tier.
type Progress struct {
	Customer sale.CustomerNo
	Progress sale.Progress
}

// Place is a store's region and zone.
type Place struct {
	Region string
	Zone   string
}

// Holding is a lot that has expired, as head office has it.
type Holding struct {
	Lot       sale.Lot
	Remaining sale.Points
	Leased    sale.Points
	Times     int // that some of it was taken off the books before
}

// Celebrant is a customer to whom a gift may be due.
type Celebrant struct {
	No       sale.CustomerNo
	Birthday string
	Home     sale.StoreNo
	Tier     uint16
	Segment  uint8
}

// Tickets is how many draw tickets a person has.
type Tickets struct {
	Customer sale.CustomerNo
	Count    uint64
}

// Brought is what a partner's codes have brought.
type Brought struct {
	Customers int64      // who came with a code, or showed one
	Bought    int64      // of them who have bought
	Receipts  int64      // of theirs in the time asked for
	Spent     sale.Money // in them, less what came back
}

// Earner is a member of staff's reward account.
type Earner struct {
	Staff   sale.StaffNo
	Earned  sale.Points // in the time asked for, less what returns took back
	Paid    sale.Points // in that time
	Balance sale.Points // now
}
