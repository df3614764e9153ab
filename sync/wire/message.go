package wire

import (
	"errors"
	"fmt"

	"github.com/kopilka/kopilka/ledger/sale"
)

// Versions of the talk that this program speaks. A till two versions old still syncs. From VersionFind on
// a till may ask for a sale made elsewhere.
const (
	VersionMin  uint16 = 1
	VersionMax  uint16 = 2
	VersionFind uint16 = 2
)

// Paths of head office that tills use.
const (
	PathSocket   = "/till/v1/socket"
	PathEnrol    = "/till/v1/enrol"
	PathManifest = "/till/v1/snapshot" // signed manifest of the customers' snapshot
	PathChunk    = "/till/v1/chunk/"   // + hexadecimal SHA-256 of the chunk
)

// Limits. A message over MessageBytesMax closes the socket before it is read whole.
const (
	MessageBytesMax   = 1 << 20   // one frame, as sent
	BatchRecordsMax   = 256       // sync.md C6
	BatchBytesMax     = 64 << 10  // of records before compression, unless one record alone is larger
	BatchInflatedMax  = 1 << 20   // of a batch after decompression: refused before memory is taken
	DownChangesMax    = 512       // changes in one Down
	DownBytesMax      = 256 << 10 // of their bodies together
	WindowDefault     = 16        // batches on the way without an Ack: a megabyte, which fills a transaction and a line of 100 ms (sync.md A8)
	WindowMax         = 32
	NonceBytes        = 32
	AskCustomersMax   = 16
	NameBytesMax      = 200
	EnrolBodyBytesMax = 16 << 10
	FoundReturnsMax   = 100       // returns of one sale in a Found; a receipt of LinesMax lines comes back in fewer
	FoundBytesMax     = 768 << 10 // of a Found's records together, within one message
)

// Type is the first byte of a message.
type Type byte

// The messages.
const (
	TypeChallenge Type = 1
	TypeHello     Type = 2
	TypeWelcome   Type = 3
	TypeBatch     Type = 4
	TypeAck       Type = 5
	TypeDown      Type = 6
	TypeDownAck   Type = 7
	TypeAsk       Type = 8
	TypeStatus    Type = 9
	TypeBye       Type = 10
	TypeFind      Type = 11
	TypeFound     Type = 12
)

// Challenge opens the talk.
type Challenge struct {
	Nonce      []byte `cbor:"1,keyasint"`
	VersionMin uint16 `cbor:"2,keyasint"`
	VersionMax uint16 `cbor:"3,keyasint"`
}

// Hello says who the till is and where its journal ends. Signature is over [HelloBytes].
type Hello struct {
	Version uint16        `cbor:"1,keyasint"`
	Org     sale.OrgNo    `cbor:"2,keyasint"`
	Till    sale.TillNo   `cbor:"3,keyasint"`
	Nonce   []byte        `cbor:"4,keyasint"` // for head office to sign
	Head    sale.Position `cbor:"5,keyasint"`
	// Down is the version of the state applied: everything newer comes; zero asks for everything.
	// Snapshot is the version of the customers' snapshot held: customers that have not changed since it
	// do not come again, while every other kind of state still comes from Down on.
	Down      uint64 `cbor:"6,keyasint"`
	Snapshot  uint64 `cbor:"9,keyasint,omitempty"`
	Program   string `cbor:"7,keyasint"` // "kopilka-agent 1.0.0"
	Signature []byte `cbor:"8,keyasint"`
}

// Welcome is head office's answer. Signature is over [WelcomeBytes].
type Welcome struct {
	Version    uint16        `cbor:"1,keyasint"`
	Now        sale.Time     `cbor:"2,keyasint"`
	Generation uint32        `cbor:"3,keyasint"` // raised when head office was restored from a backup
	Have       sale.Position `cbor:"4,keyasint"` // the last record that head office holds of this till's newest epoch
	Window     int           `cbor:"5,keyasint"`
	Quarantine bool          `cbor:"6,keyasint,omitempty"` // revoked: hand in your records, nothing comes down
	Cert       []byte        `cbor:"7,keyasint"`           // certificate of the key that signs
	Signature  []byte        `cbor:"8,keyasint"`
}

// Batch is records From, From+1, … of one epoch. Signature is over [BatchBytes].
type Batch struct {
	Epoch     uint32    `cbor:"1,keyasint"`
	From      uint64    `cbor:"2,keyasint"`
	Count     int       `cbor:"3,keyasint"`
	Head      sale.Hash `cbor:"4,keyasint"` // of the last record in it
	Payload   []byte    `cbor:"5,keyasint"` // see PackEntries
	Signature []byte    `cbor:"6,keyasint"`
	// Fork is set when these records are the till's own tail of an epoch that head office knows
	// otherwise (a till restored from an old image): the epoch that the till has opened since.
	Fork uint32 `cbor:"7,keyasint,omitempty"`
}

// Ack says up to where head office holds the journal durably.
type Ack struct {
	Have sale.Position `cbor:"1,keyasint"`
	Fork uint32        `cbor:"2,keyasint,omitempty"` // acknowledges a fork's records instead
}

// Down carries changes of state with versions in (From, To]; Last says that nothing newer waits.
type Down struct {
	From    uint64        `cbor:"1,keyasint"`
	To      uint64        `cbor:"2,keyasint"`
	Changes []sale.Change `cbor:"3,keyasint,omitempty"`
	Last    bool          `cbor:"4,keyasint,omitempty"`
	// Refill tells a till whose customers are too old, or none, while there are many, to fetch the
	// snapshot and to connect again with Hello.Snapshot set to its version (Down as before).
	Refill bool `cbor:"5,keyasint,omitempty"`
}

// DownAck says that the till has the state up to a version on disk.
type DownAck struct {
	Version uint64 `cbor:"1,keyasint"`
}

// Ask wants the leases of customers who stand at this till. The answer is state: it comes in a Down.
type Ask struct {
	Customers []sale.CustomerNo `cbor:"1,keyasint"`
}

// Status is how a till is, for the people at head office.
type Status struct {
	At        sale.Time      `cbor:"1,keyasint" json:"at"`
	Shift     uint32         `cbor:"2,keyasint" json:"shift"`
	ShiftOpen bool           `cbor:"3,keyasint" json:"shiftOpen"`
	Staff     sale.StaffNo   `cbor:"4,keyasint,omitempty" json:"staff"`
	Register  RegisterStatus `cbor:"5,keyasint" json:"register"`
	Unsent    uint64         `cbor:"6,keyasint" json:"unsent"` // records not yet acknowledged
	Customers uint64         `cbor:"7,keyasint,omitempty" json:"customers"`
	Unknown   int            `cbor:"8,keyasint,omitempty" json:"unknown"`  // fiscal jobs of unknown outcome
	ClockLag  int64          `cbor:"9,keyasint,omitempty" json:"clockLag"` // ms that the machine's clock is ahead of trusted time
	// Generation is head office's, of which the till knows that it holds no other leases than head office
	// has: after a restore it has handed back all that it held before.
	Generation uint32 `cbor:"10,keyasint,omitempty" json:"generation,omitempty"`
	// Update is the last update that the till has begun; nil: none, or one that it runs for good.
	Update *UpdateStatus `cbor:"11,keyasint,omitempty" json:"update,omitempty"`
}

// UpdateStatus is how far an update of the till program has come.
type UpdateStatus struct {
	Version string      `cbor:"1,keyasint" json:"version"`
	State   UpdateState `cbor:"2,keyasint" json:"state"`
	RU      string      `cbor:"3,keyasint,omitempty" json:"ru,omitempty"` // why it failed, [UpdateTextMax] bytes at most
	EN      string      `cbor:"4,keyasint,omitempty" json:"en,omitempty"`
}

// UpdateTextMax bounds what a till says about a failed update.
const UpdateTextMax = 500

// UpdateState is a stage of an update.
type UpdateState uint8

// The stages of an update.
const (
	UpdateLoading UpdateState = 1 // being downloaded
	UpdateReady   UpdateState = 2 // verified, waits for the updater and a quiet moment
	UpdateTrial   UpdateState = 3 // runs, and may yet be gone back from
	UpdateFailed  UpdateState = 4 // refused, or gone back from
)

// RegisterStatus is the register's part of Status.
type RegisterStatus struct {
	Online     bool   `cbor:"1,keyasint" json:"online"`
	Model      string `cbor:"2,keyasint,omitempty" json:"model"`
	Serial     string `cbor:"3,keyasint,omitempty" json:"serial"`
	FN         string `cbor:"4,keyasint,omitempty" json:"fn"`
	Conditions uint16 `cbor:"5,keyasint,omitempty" json:"conditions"` // drivers.Condition
	Unsent     int    `cbor:"6,keyasint,omitempty" json:"unsent"`     // documents that wait for the OFD
	Firmware   string `cbor:"7,keyasint,omitempty" json:"firmware"`
}

// Find asks for a sale that this till does not know: by its fiscal document, as the receipt's QR names it,
// or by its ID. Ref is the till's own, and comes back with the answer.
type Find struct {
	Ref uint32         `cbor:"1,keyasint"`
	Doc sale.FiscalKey `cbor:"2,keyasint,omitzero"`
	ID  sale.ID        `cbor:"3,keyasint,omitzero"`
}

// Found answers a Find: the bytes of the sale's record and of the returns of it so far, in the order in which
// head office booked them. Both are empty where head office does not know the sale, or where they are too
// much for one message.
type Found struct {
	Ref     uint32   `cbor:"1,keyasint"`
	Record  []byte   `cbor:"2,keyasint,omitempty"`
	Returns [][]byte `cbor:"3,keyasint,omitempty"`
}

// NewFound answers a Find within the limits of a message; no record says that the sale is not known.
func NewFound(ref uint32, record []byte, returns [][]byte) *Found {
	f := &Found{Ref: ref, Record: record, Returns: returns}
	if len(record) == 0 || f.bytes() > FoundBytesMax || len(returns) > FoundReturnsMax {
		return &Found{Ref: ref}
	}
	return f
}

func (f *Found) bytes() int {
	n := len(f.Record)
	for _, r := range f.Returns {
		n += len(r)
	}
	return n
}

// Open decodes what was found and holds it against what was asked. A nil sale: head office does not know it.
// That the records are head office's is what the welcome proved; they are not chained here.
func (f *Found) Open(asked *Find) (sold *sale.Record, returns []*sale.Record, err error) {
	if f.Ref != asked.Ref {
		return nil, nil, fmt.Errorf("%w: answer %d to question %d", ErrMessage, f.Ref, asked.Ref)
	}
	if len(f.Record) == 0 {
		return nil, nil, nil
	}
	if sold, err = sale.DecodeRecord(f.Record); err != nil {
		return nil, nil, fmt.Errorf("%w: found sale: %w", ErrMessage, err)
	}
	if !asked.fits(sold) {
		return nil, nil, fmt.Errorf("%w: asked for %s %s, found %s %s", ErrMessage, asked.Doc, asked.ID, sold.Kind, sold.ID)
	}
	for _, b := range f.Returns {
		r, err := sale.DecodeRecord(b)
		if err != nil {
			return nil, nil, fmt.Errorf("%w: return of the found sale: %w", ErrMessage, err)
		}
		if r.Kind != sale.KindReturn || r.Org != sold.Org || (r.Return.Of != sold.ID && !r.Return.Pending) {
			return nil, nil, fmt.Errorf("%w: %s %s is no return of sale %s", ErrMessage, r.Kind, r.ID, sold.ID)
		}
		returns = append(returns, r)
	}
	return sold, returns, nil
}

func (q *Find) fits(r *sale.Record) bool {
	if r.Kind != sale.KindSale || (!q.ID.IsZero() && r.ID != q.ID) {
		return false
	}
	return q.Doc == sale.FiscalKey{} || (r.Fiscal != nil && r.Fiscal.Key == q.Doc)
}

// ByeCode is why the talk ends.
type ByeCode string

// The reasons.
const (
	ByeBusy      ByeCode = "busy"      // come back after RetryAfter
	ByeVersion   ByeCode = "version"   // no common version
	ByeUnknown   ByeCode = "unknown"   // no such till
	ByeSignature ByeCode = "signature" // a signature does not fit
	ByeOrder     ByeCode = "order"     // a batch out of order
	ByeFork      ByeCode = "fork"      // your journal and ours differ: open a new epoch
	ByeMessage   ByeCode = "message"   // a message that cannot be read
	ByeReplaced  ByeCode = "replaced"  // the same till has connected again
	ByeShutdown  ByeCode = "shutdown"  // head office restarts
	ByeInternal  ByeCode = "internal"  // head office's own fault: come back
)

// Bye ends the talk.
type Bye struct {
	Code       ByeCode `cbor:"1,keyasint"`
	Text       string  `cbor:"2,keyasint,omitempty"` // for the log
	RetryAfter int64   `cbor:"3,keyasint,omitempty"` // milliseconds
}

// Error makes a Bye an error for whoever reads it.
func (b *Bye) Error() string { return fmt.Sprintf("head office ended the talk: %s %s", b.Code, b.Text) }

// fnBytesMax is the digits of a fiscal storage's serial.
const fnBytesMax = 16

// ErrMessage is wrapped by every refusal of bytes that are not a message.
var ErrMessage = errors.New("not a message of this protocol")

// Marshal makes one frame of a message.
func Marshal(m any) ([]byte, error) {
	t, ok := typeOf(m)
	if !ok {
		return nil, fmt.Errorf("%w: %T", ErrMessage, m)
	}
	body, err := sale.Encode(m)
	if err != nil {
		return nil, err
	}
	if len(body) >= MessageBytesMax {
		return nil, fmt.Errorf("%w: %T of %d bytes, at most %d", ErrMessage, m, len(body), MessageBytesMax)
	}
	return append([]byte{byte(t)}, body...), nil
}

// Unmarshal reads one frame; the answer is a pointer to one of the message types.
func Unmarshal(frame []byte) (any, error) {
	if len(frame) == 0 || len(frame) > MessageBytesMax {
		return nil, fmt.Errorf("%w: %d bytes", ErrMessage, len(frame))
	}
	m := newMessage(Type(frame[0]))
	if m == nil {
		return nil, fmt.Errorf("%w: type %d", ErrMessage, frame[0])
	}
	if err := sale.Decode(frame[1:], m); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMessage, err)
	}
	if err := check(m); err != nil {
		return nil, err
	}
	return m, nil
}

func typeOf(m any) (Type, bool) {
	switch m.(type) {
	case *Challenge:
		return TypeChallenge, true
	case *Hello:
		return TypeHello, true
	case *Welcome:
		return TypeWelcome, true
	case *Batch:
		return TypeBatch, true
	case *Ack:
		return TypeAck, true
	case *Down:
		return TypeDown, true
	case *DownAck:
		return TypeDownAck, true
	case *Ask:
		return TypeAsk, true
	case *Status:
		return TypeStatus, true
	case *Bye:
		return TypeBye, true
	case *Find:
		return TypeFind, true
	case *Found:
		return TypeFound, true
	}
	return 0, false
}

func newMessage(t Type) any {
	switch t {
	case TypeChallenge:
		return new(Challenge)
	case TypeHello:
		return new(Hello)
	case TypeWelcome:
		return new(Welcome)
	case TypeBatch:
		return new(Batch)
	case TypeAck:
		return new(Ack)
	case TypeDown:
		return new(Down)
	case TypeDownAck:
		return new(DownAck)
	case TypeAsk:
		return new(Ask)
	case TypeStatus:
		return new(Status)
	case TypeBye:
		return new(Bye)
	case TypeFind:
		return new(Find)
	case TypeFound:
		return new(Found)
	}
	return nil
}

// check holds each message against its limits.
func check(m any) error {
	bad := func(format string, args ...any) error {
		return fmt.Errorf("%w: %T: %s", ErrMessage, m, fmt.Sprintf(format, args...))
	}
	switch m := m.(type) {
	case *Challenge:
		if len(m.Nonce) != NonceBytes {
			return bad("nonce of %d bytes", len(m.Nonce))
		}
	case *Hello:
		if len(m.Nonce) != NonceBytes || len(m.Program) > NameBytesMax || m.Till == 0 || m.Till > sale.TillNoMax || m.Org == 0 {
			return bad("organisation %d, till %d, nonce of %d bytes", m.Org, m.Till, len(m.Nonce))
		}
	case *Welcome:
		if m.Window < 1 || m.Window > WindowMax {
			return bad("window %d", m.Window)
		}
	case *Batch:
		if m.Count < 1 || m.Count > BatchRecordsMax || m.From == 0 || m.Epoch == 0 {
			return bad("%d records from %d of epoch %d", m.Count, m.From, m.Epoch)
		}
	case *Down:
		if len(m.Changes) > DownChangesMax || m.To < m.From {
			return bad("%d changes, versions %d to %d", len(m.Changes), m.From, m.To)
		}
	case *Ask:
		if len(m.Customers) > AskCustomersMax {
			return bad("%d customers", len(m.Customers))
		}
	case *Find:
		if len(m.Doc.FN) > fnBytesMax || (m.Doc.FD == 0 && m.ID.IsZero()) {
			return bad("nothing to find: %s, %s", m.Doc, m.ID)
		}
	case *Found:
		if len(m.Returns) > FoundReturnsMax || m.bytes() > FoundBytesMax || (len(m.Record) == 0 && len(m.Returns) > 0) {
			return bad("%d returns in %d bytes", len(m.Returns), m.bytes())
		}
	}
	return nil
}
