package page

import "github.com/kopilka/kopilka/ledger/sale"

// Reward is points that head office gave or took back, and why.
type Reward struct {
	Record  sale.ID
	Cause   string // "welcome", "referral", …
	Key     string
	Level   uint8
	Amount  sale.Points // below zero: taken back
	Of      sale.ID     // the receipt, enrolment or reward that it is for
	At      sale.Time
	Reasons []sale.Reason
}

// Share is what one friend's receipt deserves for whoever brought them, paid or not.
type Share struct {
	Receipt  sale.ID
	Friend   sale.CustomerNo
	Level    uint8
	Deserved sale.Points
	Counts   bool
	At       sale.Time
	Reasons  []sale.Reason
}

// Tickets is how many draw tickets a customer has.
type Tickets struct {
	Customer sale.CustomerNo
	Count    uint64
}

// Draw is a prize draw that was held.
type Draw struct {
	Record sale.ID
	At     sale.Time
	sale.Draw
}

// Brought is what attribution codes have brought in a time.
type Brought struct {
	Customers int64 // who came with a code, or showed one
	Bought    int64 // of them who have bought
	Receipts  int64
	Spent     sale.Money
}
