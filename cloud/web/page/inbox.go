package page

import "github.com/kopilka/kopilka/ledger/sale"

// Action is what a person may do about a conflict.
type Action string

// The actions. Which of them a conflict offers stands in [Conflict].Actions.
const (
	ActionNote    Action = "note"    // looked into; nothing changes
	ActionAccept  Action = "accept"  // what head office did by itself is right
	ActionMerge   Action = "merge"   // Other joins Customer
	ActionSplit   Action = "split"   // Other leaves Customer again
	ActionForgive Action = "forgive" // the debt is taken over by the programme
	ActionRevoke  Action = "revoke"  // the code is worth nothing from now on
)

// Conflict is a row of the inbox: something that two tills could not know of each other, or that a rule found
// odd. The customer is never to blame: head office has decided already, as Policy says, and a person may
// decide otherwise with one of Actions.
type Conflict struct {
	Flag
	Customer sale.CustomerNo
	Other    sale.CustomerNo // the enrolment that was merged, or might be
	Amount   int64           // hundredths of a point, kopecks or a count, as the kind says
	Rule     string          // of kind "watch": the fraud rule's code; see loyalty.WatchText
	Code     []byte          // of kind "code": the key of the promo code
	Policy   string          // stable code of what head office did: see the constants Policy…
	Actions  []Action        // what may be done; empty once resolved
	Action   Action          // what was done
}

// What head office does by itself.
const (
	PolicyMerged   = "merged"   // into the older enrolment; its points are all there
	PolicyStands   = "stands"   // the receipt stands as it was printed
	PolicyReopened = "reopened" // points that had expired were given back, since they were spent in time
	PolicyNetted   = "netted"   // the debt is paid out of the next accrual
	PolicyWaits    = "waits"    // settled by itself once the receipt arrives
	PolicyUnnamed  = "unnamed"  // the customer stays without name and keys
)

// ConflictFilter chooses conflicts; zero values choose all.
type ConflictFilter struct {
	Resolved bool // those resolved instead of those open
	Kind     string
	Customer sale.CustomerNo
}

// Certificate is a gift certificate. Its number is a customer's number of its own.
type Certificate struct {
	No      sale.CustomerNo
	Code    string // to print; what a till scans
	Batch   string
	Amount  sale.Points // issued for; a hundredth is a kopeck
	Left    sale.Points
	Expires sale.Time // zero: never
	Issued  sale.Time
	By      string
	State   sale.CustomerState
}

// CertificateBatch is certificates issued together.
type CertificateBatch struct {
	Batch   string
	Count   int
	Amount  sale.Points // of all together
	Left    sale.Points
	Issued  sale.Time
	Expires sale.Time
	By      string
}

// CodeState is what a single-use promo code is worth.
type CodeState int

// The states.
const (
	CodeGood    CodeState = 0
	CodeUsed    CodeState = 1
	CodeRevoked CodeState = 2
)

// PromoCode is a single-use code as head office keeps it, to print and to look up.
type PromoCode struct {
	Campaign uint32
	Text     string
	Key      sale.LookupKey
	Owner    sale.CustomerNo // of personal codes
	State    CodeState
	Made     sale.Time
	Record   sale.ID   // of the receipt that used it first by its own time; zero: none
	UsedAt   sale.Time // of that receipt
	Uses     int       // more than one is a conflict
}

// CampaignCodes is how many codes of a campaign there are.
type CampaignCodes struct {
	Campaign  uint32
	Codes     int
	Used      int
	Revoked   int
	Withdrawn bool
}

// Consent is a customer's yes or no.
type Consent struct {
	sale.Consent
	At     sale.Time
	Till   sale.TillNo // zero: given at head office
	Record sale.ID
}

// MergedAccount is a number whose accounts belong to another customer.
type MergedAccount struct {
	No       sale.CustomerNo
	Name     string
	Enrolled sale.Time
	Balance  sale.Points
}

// CustomerExtra is what the whole programme adds to a customer's card.
type CustomerExtra struct {
	Main     sale.CustomerNo // another number, where this one was merged
	Merged   []MergedAccount
	Consents []Consent
	Customer sale.Customer // as tills have it: purses, progress, expiring, uses
	Birthday string        // MM-DD or YYYY-MM-DD, may be empty
	Enrolled sale.Time     // at a till; zero: at head office
	ByTill   sale.TillNo
	ByStaff  sale.StaffNo
	Conflict int // open conflicts about the customer
}

// PromotionCost is what a promotion has given between two moments.
type PromotionCost struct {
	Promotion uint32
	Receipts  int
	Times     int64
	Discount  sale.Money
	Points    sale.Points
}
