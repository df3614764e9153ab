package page

import "github.com/kopilka/kopilka/ledger/sale"

// Customer is a row of the list of customers.
type Customer struct {
	No      sale.CustomerNo
	Name    string
	Phone   string
	Card    string // one of them
	Tier    uint16
	Home    sale.StoreNo
	State   sale.CustomerState
	Balance sale.Points
	Debt    sale.Points // positive: owed
	Made    sale.Time
	Last    sale.Time // last purchase
	Bearer  bool      // a certificate: its name and its card are the code that pays
}

// CustomerFilter chooses customers; the search text is folded by whoever asks.
type CustomerFilter struct {
	Name  string // folded prefix of a word of the name
	Phone string // digits, a part
	Card  string
	No    sale.CustomerNo
	State *sale.CustomerState
}

// CustomerCard is a customer with all that hangs on them.
type CustomerCard struct {
	Customer
	Zone     string
	HomeName string
	Lots     []Lot
	Keys     []Key
}

// Key is a card or a phone that finds a customer.
type Key struct {
	Kind  sale.KeyKind
	Value string
}

// Lot is a lot with what is left of it and who may spend it now.
type Lot struct {
	ID          sale.ID
	Purse       sale.PurseNo // zero: points
	Left        sale.Points
	Amount      sale.Points // in a receipt: what this receipt added or took
	ActivatesAt sale.Time
	ExpiresAt   sale.Time
	Source      sale.ID
	Leased      []Leased
}

// Leased says who holds a part of a lot.
type Leased struct {
	Till   sale.TillNo
	Store  string
	Amount sale.Points
	Until  sale.Time
}

// Posting is a row of a customer's history of points.
type Posting struct {
	Record  sale.ID
	Kind    sale.RecordKind
	At      sale.Time
	Zone    string
	Account sale.AccountKind
	Lot     sale.ID
	Amount  sale.Points
	Till    sale.TillNo

	Purse     sale.PurseNo
	No        sale.CustomerNo // the account's: another number where one was merged
	Programme uint32          // version of the rules that reckoned the receipt; zero: none
}

// CustomerForm is what a person at head office may write of a customer; number zero makes a new one.
type CustomerForm struct {
	No    sale.CustomerNo
	Name  string
	Phone string // E.164 or empty
	Cards []string
	Home  sale.StoreNo
	State sale.CustomerState
}
