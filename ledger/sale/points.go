package sale

import "fmt"

// AccountKind is whose points an account holds.
type AccountKind uint8

// The accounts. A record's postings over all of them add up to zero; the programme, expired and
// employee accounts are counterparts and keep no balance row.
const (
	AccountCustomer  AccountKind = 1 // held in lots
	AccountProgramme AccountKind = 2 // what the programme has issued and taken back
	AccountExpired   AccountKind = 3
	AccountDebt      AccountKind = 4 // negative while a customer owes points
	AccountEmployee  AccountKind = 5
	AccountPartner   AccountKind = 6
)

// String is the stable name used in exports.
func (k AccountKind) String() string {
	switch k {
	case AccountCustomer:
		return "customer"
	case AccountProgramme:
		return "programme"
	case AccountExpired:
		return "expired"
	case AccountDebt:
		return "debt"
	case AccountEmployee:
		return "employee"
	case AccountPartner:
		return "partner"
	}
	return fmt.Sprintf("account%d", uint8(k))
}

// PurseNo tells the purses of one owner apart. Zero holds the programme's points; what the others hold,
// stamps, draw tickets or a partner's points, the programme says.
type PurseNo uint32

// PurseAmount is an amount in one purse, in hundredths: of a point, a stamp or a ticket.
type PurseAmount struct {
	Purse  PurseNo `cbor:"1,keyasint" json:"purse"`
	Amount Points  `cbor:"2,keyasint" json:"amount"`
}

// Account is one account; a customer's first account bears the customer's number, and postings stay
// on the account where they were made whatever is merged later.
type Account struct {
	Kind AccountKind `cbor:"1,keyasint" json:"kind"`
	No   Number      `cbor:"2,keyasint,omitempty" json:"no"`
	// Purse is zero for all but customers, their debts, and the programme's counter-accounts of purses.
	Purse PurseNo `cbor:"3,keyasint,omitempty" json:"purse,omitempty"`
}

// In is the same owner's account of a purse.
func (a Account) In(p PurseNo) Account {
	a.Purse = p
	return a
}

// CustomerAccount is the account of a customer's points.
func CustomerAccount(no CustomerNo) Account { return Account{Kind: AccountCustomer, No: no} }

// DebtAccount is where a customer's shortfall stands.
func DebtAccount(no CustomerNo) Account { return Account{Kind: AccountDebt, No: no} }

// ProgrammeAccount is the programme's counter-account.
func ProgrammeAccount() Account { return Account{Kind: AccountProgramme} }

// EmployeeAccount is where a member of staff's rewards stand.
func EmployeeAccount(no StaffNo) Account { return Account{Kind: AccountEmployee, No: Number(no)} }

// PartnerAccount is where a partner's rewards stand.
func PartnerAccount(no PartnerNo) Account { return Account{Kind: AccountPartner, No: Number(no)} }

// ExpiredAccount is where points go that nobody spent in time.
func ExpiredAccount() Account { return Account{Kind: AccountExpired} }

// Posting adds a signed amount to an account and, for customers, to one lot.
type Posting struct {
	Account Account `cbor:"1,keyasint" json:"account"`
	Lot     ID      `cbor:"2,keyasint,omitzero" json:"lot,omitzero"`
	Amount  Points  `cbor:"3,keyasint" json:"amount"`
}

// Lot is points of one origin with one life. Its remainder is the sum of the postings that name it.
type Lot struct {
	ID          ID      `cbor:"1,keyasint" json:"id"`
	Account     Account `cbor:"2,keyasint" json:"account"`
	ActivatesAt Time    `cbor:"3,keyasint,omitempty" json:"activatesAt,omitempty"`
	ExpiresAt   Time    `cbor:"4,keyasint,omitempty" json:"expiresAt,omitempty"` // zero: never
	Source      ID      `cbor:"5,keyasint" json:"source"`                        // the record that made it
}

// Spendable tells whether the lot may be spent at a moment.
func (l Lot) Spendable(at Time) bool {
	return l.ActivatesAt <= at && (l.ExpiresAt == 0 || at < l.ExpiresAt)
}

// Holder is the till or the store that holds a lease.
type Holder struct {
	Store StoreNo `cbor:"1,keyasint,omitempty" json:"store,omitempty"`
	Till  TillNo  `cbor:"2,keyasint,omitempty" json:"till,omitempty"` // zero: the whole store
}

// LotAmount is a part of a lot.
type LotAmount struct {
	Lot    ID     `cbor:"1,keyasint" json:"lot"`
	Amount Points `cbor:"2,keyasint" json:"amount"`
}

// Lease is the right to spend named amounts of named lots, and nobody else's right while it lasts.
type Lease struct {
	ID      ID          `cbor:"1,keyasint" json:"id"`
	Account Account     `cbor:"2,keyasint" json:"account"`
	Holder  Holder      `cbor:"3,keyasint" json:"holder"`
	Until   Time        `cbor:"4,keyasint,omitempty" json:"until,omitempty"` // zero: until released
	Parts   []LotAmount `cbor:"5,keyasint" json:"parts"`
}

// Amount is all that the lease was granted for.
func (l Lease) Amount() Points {
	var sum Points
	for _, p := range l.Parts {
		sum += p.Amount
	}
	return sum
}

// Spend takes a part of a lot out of a lease.
type Spend struct {
	Lease  ID     `cbor:"1,keyasint" json:"lease"`
	Lot    ID     `cbor:"2,keyasint" json:"lot"`
	Amount Points `cbor:"3,keyasint" json:"amount"`
}
