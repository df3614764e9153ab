package page

import "github.com/kopilka/kopilka/ledger/sale"

// Draft is a programme being written. Its body may still break the rules; only publishing asks for more.
type Draft struct {
	No      int64
	Rev     int64 // grows with each save: a save that names an older one is refused
	Base    uint32
	Note    string // what it changes, in the author's words
	Body    []byte // loyalty.Programme as CBOR, not validated
	Made    sale.Time
	By      string
	Changed sale.Time
	Changer string
}

// DraftsMax bounds the drafts of an organisation: more are forgotten ones.
const DraftsMax = 50
