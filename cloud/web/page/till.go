package page

import "github.com/kopilka/kopilka/ledger/sale"

// TillState is what head office has decided about a till.
type TillState uint8

// The states.
const (
	TillWaits    TillState = 0 // its code has not been typed yet
	TillEnrolled TillState = 1
	TillRevoked  TillState = 2 // hands in its sales to quarantine, gets nothing
)

// Till is a till as head office sees it.
type Till struct {
	No          sale.TillNo
	Name        string
	Store       sale.StoreNo
	StoreName   string
	Zone        string
	State       TillState
	Online      bool
	Seen        sale.Time // last word from it
	Enrolled    sale.Time
	Program     string // "kopilka-agent 1.0.0"
	Have        sale.Position
	Status      *TillStatus // last reported, nil: never
	Exposure    sale.Points // held on lease and not known to be spent
	Leases      int
	Quarantined int
	Parked      int // records stored and not understood
}

// EnrolCode is a code that waits for its till; the code itself is shown once and not kept.
type EnrolCode struct {
	Store   string
	Till    sale.TillNo // zero: a new one
	Expires sale.Time
	By      string
}

// TillStatus is what the till last said of itself.
type TillStatus struct {
	At         sale.Time
	Shift      uint32
	ShiftOpen  bool
	Staff      string
	Online     bool // the register answers
	Model      string
	Serial     string
	FN         string
	Firmware   string
	Conditions uint16 // drivers.Condition
	UnsentOFD  int
	Unsent     uint64 // records not yet at head office
	Unknown    int    // fiscal jobs of unknown outcome
	ClockLag   int64  // ms
	Customers  uint64
	Update     *TillUpdate // nil: none begun
}

// Flag is something that a person should look at.
type Flag struct {
	ID        sale.ID
	Kind      string
	RU, EN    string // what it is
	At        sale.Time
	Zone      string
	StoreName string
	Till      sale.TillNo
	Record    sale.ID
	Receipt   bool // Record is a sale or a return
	Resolved  sale.Time
	By        string
	Note      string
}

// FlagKey is a place in the list of flags, newest first.
type FlagKey struct {
	At sale.Time
	ID sale.ID
}

// Key is the flag's place.
func (f Flag) Key() FlagKey { return FlagKey{f.At, f.ID} }

// Store is a shop.
type Store struct {
	No      sale.StoreNo
	Name    string
	Address string
	Zone    string
	Region  string // rules may hold for a region; empty: none
	Tills   int
}
