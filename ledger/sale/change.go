package sale

// ChangeKind is what a piece of head office's state is about.
type ChangeKind uint8

// The kinds of state that come down to a till.
const (
	ChangeCustomer  ChangeKind = 1 // Body: CustomerChange
	ChangeLease     ChangeKind = 2 // Body: LeaseChange
	ChangeProgramme ChangeKind = 3 // Body: a signed programme (wire.Signed); opaque here
	ChangeProduct   ChangeKind = 4 // Body: Product
	ChangeStaff     ChangeKind = 5 // Body: Staff
	ChangeSettings  ChangeKind = 6 // Body: Settings
	ChangeStanding  ChangeKind = 8 // Body: Standing; Key: store u32
	ChangeCodes     ChangeKind = 7 // Body: CodeShard; Key: campaign u32, first byte of the codes' keys
)

// Standing is how a store's cashiers did on a day, up to what head office has seen.
type Standing struct {
	Store StoreNo       `cbor:"1,keyasint"`
	Day   Date          `cbor:"2,keyasint"`
	Rows  []StandingRow `cbor:"3,keyasint,omitempty"`
}

// StandingRow is one cashier's day.
type StandingRow struct {
	Staff        StaffNo `cbor:"1,keyasint"`
	Receipts     uint32  `cbor:"2,keyasint,omitempty"`
	WithCustomer uint32  `cbor:"3,keyasint,omitempty"`
	Enrolled     uint32  `cbor:"4,keyasint,omitempty"`
}

// CodeShard is the unused single codes of one campaign whose keys begin with one byte, sorted by key.
// A used code is missing from the next version.
type CodeShard struct {
	Campaign uint32       `cbor:"1,keyasint"`
	Shard    uint8        `cbor:"2,keyasint"`
	Keys     []byte       `cbor:"3,keyasint,omitempty"` // 8 bytes each
	Owners   []CustomerNo `cbor:"4,keyasint,omitempty"` // whose each is; empty: anybody's
}

// Change is one versioned piece of state for a till. Applying it twice, or an older one after a newer
// one of the same key, changes nothing.
type Change struct {
	Kind    ChangeKind `cbor:"1,keyasint"`
	Key     []byte     `cbor:"2,keyasint"` // unique within the kind
	Version uint64     `cbor:"3,keyasint"` // of head office's feed
	Gone    bool       `cbor:"4,keyasint,omitempty"`
	Body    []byte     `cbor:"5,keyasint,omitempty"` // CBOR, as the kind says
}

// KeyKind tells card keys from phone keys.
type KeyKind uint8

// The kinds of look-up key.
const (
	KeyCard  KeyKind = 1
	KeyPhone KeyKind = 2
)

// CustomerKey is one way to find a customer.
type CustomerKey struct {
	Kind KeyKind   `cbor:"1,keyasint"`
	Key  LookupKey `cbor:"2,keyasint"`
}

// CustomerChange is a customer with every key that finds them.
type CustomerChange struct {
	Customer Customer      `cbor:"1,keyasint"`
	Keys     []CustomerKey `cbor:"2,keyasint,omitempty"`
}

// LeaseChange is a lease as head office has it. A till keeps its own count of what it has spent;
// head office's count matters only after a restore, when the till's own is lost.
type LeaseChange struct {
	Lease  Lease       `cbor:"1,keyasint"`
	Lots   []Lot       `cbor:"2,keyasint"`           // the lots that it names
	Spent  []LotAmount `cbor:"3,keyasint,omitempty"` // as of Seen
	Recall bool        `cbor:"4,keyasint,omitempty"` // head office asks for it back
	Seen   Seen        `cbor:"5,keyasint,omitzero"`
}

// Settings is what head office tells a till about itself and its store.
type Settings struct {
	Org        string     `cbor:"1,keyasint" json:"org"`
	Store      StoreNo    `cbor:"2,keyasint" json:"store"`
	StoreName  string     `cbor:"3,keyasint" json:"storeName"`
	Address    string     `cbor:"4,keyasint,omitempty" json:"address,omitempty"`
	Zone       string     `cbor:"5,keyasint" json:"zone"` // IANA name: "Europe/Moscow"
	CardSecret []byte     `cbor:"6,keyasint" json:"-"`    // key of CardKey
	Phones     PhoneHash  `cbor:"7,keyasint" json:"-"`
	Support    string     `cbor:"8,keyasint,omitempty" json:"support,omitempty"` // whom a cashier calls
	Region     string     `cbor:"9,keyasint,omitempty" json:"region,omitempty"`  // of the store, for programmes of a region
	House      CustomerNo `cbor:"10,keyasint,omitempty" json:"house,omitempty"`  // account of receipts without a customer; zero: none
}

// Entry is a record as it travels: its bytes, and beside them the personal data that it commits to,
// sealed to head office's key. Sealed may be deleted; the bytes may not.
type Entry struct {
	Record []byte `cbor:"1,keyasint"`
	Sealed []byte `cbor:"2,keyasint,omitempty"`
}

// Position is a place in a till's journal: the record (epoch, seq) and its hash. Seq zero is before
// an epoch's first record.
type Position struct {
	Epoch uint32 `cbor:"1,keyasint" json:"epoch"`
	Seq   uint64 `cbor:"2,keyasint" json:"seq"`
	Head  Hash   `cbor:"3,keyasint" json:"head"`
}
