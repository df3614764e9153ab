package sale

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"

	"github.com/fxamacker/cbor/v2"
)

// Hash is SHA-256. A record holds the hash of the one before it, so a journal cannot be edited unseen.
type Hash [32]byte

// String is the hash in hexadecimal.
func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// Short is its first eight digits, for people.
func (h Hash) Short() string { return hex.EncodeToString(h[:4]) }

// MarshalText makes hashes readable in JSON.
func (h Hash) MarshalText() ([]byte, error) { return []byte(h.String()), nil }

// Commitment hides personal data inside hashed bytes: SHA-256 over a random salt and the data. The
// data itself lies sealed beside the record and can be deleted without breaking the chain.
type Commitment = Hash

// Contact is where a buyer wants the electronic receipt (tag 1008); it never enters a record.
type Contact struct {
	Salt  [16]byte `cbor:"1,keyasint"`
	Value string   `cbor:"2,keyasint"`
}

// NewContact salts a phone or e-mail.
func NewContact(value string, random io.Reader) (Contact, error) {
	c := Contact{Value: value}
	if _, err := io.ReadFull(random, c.Salt[:]); err != nil {
		return Contact{}, fmt.Errorf("read randomness for a contact's salt: %w", err)
	}
	return c, nil
}

// Commit is what the record holds instead of the contact.
func (c Contact) Commit() Commitment { return sha256.Sum256(append(c.Salt[:], c.Value...)) }

// RecordKind is what happened.
type RecordKind uint8

// The kinds. Those from 100 on are head office's own events, in the same form (till zero).
const (
	KindSale       RecordKind = 1
	KindReturn     RecordKind = 2
	KindShiftOpen  RecordKind = 3
	KindShiftClose RecordKind = 4
	KindCashIn     RecordKind = 5
	KindCashOut    RecordKind = 6
	KindAbandon    RecordKind = 7 // a begun fiscal job that the register never made
	KindEpoch      RecordKind = 8 // first record of an epoch: where the journal before it ended
	KindRelease    RecordKind = 9 // a lease handed back
	KindEnrol      RecordKind = 10
	KindLookup     RecordKind = 11 // a fraud rule met outside a receipt
	KindCorrection RecordKind = 12 // a correction receipt

	KindGrant  RecordKind = 100 // a lease granted
	KindAdjust RecordKind = 101 // points given or taken by hand, opening balances
	KindNet    RecordKind = 102 // debt netted against free points
	KindExpire RecordKind = 103
	KindMerge  RecordKind = 104 // one enrolment's accounts join another's
	KindSplit  RecordKind = 105 // and leave it again
	KindReward RecordKind = 106 // points that head office reckons: welcome, referral, birthday
	KindSettle RecordKind = 107 // the points of a return whose sale was not known where it was made
	KindTier   RecordKind = 108
	KindIssue  RecordKind = 109 // a gift certificate
	KindDraw   RecordKind = 110 // a prize draw held
	KindRevoke RecordKind = 111 // a reward taken back, in full or in part
)

// String is the stable name used in exports.
func (k RecordKind) String() string {
	names := map[RecordKind]string{
		KindSale: "sale", KindReturn: "return", KindShiftOpen: "shift-open", KindShiftClose: "shift-close",
		KindCashIn: "cash-in", KindCashOut: "cash-out", KindAbandon: "abandon", KindEpoch: "epoch", KindRelease: "release", KindCorrection: "correction",
		KindGrant: "grant", KindAdjust: "adjust", KindNet: "net", KindExpire: "expire",
		KindEnrol: "enrol", KindLookup: "lookup", KindMerge: "merge", KindSplit: "split", KindReward: "reward", KindSettle: "settle",
		KindTier: "tier", KindIssue: "issue", KindDraw: "draw", KindRevoke: "revoke",
	}
	if n, ok := names[k]; ok {
		return n
	}
	return fmt.Sprintf("kind%d", uint8(k))
}

// Record is one entry of a till's journal. Exactly one of the pointers is set, as Kind says.
type Record struct {
	Version uint8       `cbor:"1,keyasint" json:"version"`
	Org     OrgNo       `cbor:"2,keyasint" json:"org"`
	Store   StoreNo     `cbor:"3,keyasint" json:"store"`
	Till    TillNo      `cbor:"4,keyasint" json:"till"`
	Epoch   uint32      `cbor:"5,keyasint" json:"epoch"` // from 1; a restore or replacement opens the next
	Seq     uint64      `cbor:"6,keyasint" json:"seq"`   // from 1 in each epoch
	Prev    Hash        `cbor:"7,keyasint" json:"prev"`  // zero in an epoch's first record
	ID      ID          `cbor:"8,keyasint" json:"id"`
	Kind    RecordKind  `cbor:"9,keyasint" json:"kind"`
	At      Time        `cbor:"10,keyasint" json:"at"`
	Quality TimeQuality `cbor:"11,keyasint" json:"quality"`
	Staff   StaffNo     `cbor:"12,keyasint,omitempty" json:"staff,omitempty"`
	Shift   uint32      `cbor:"13,keyasint,omitempty" json:"shift,omitempty"`

	Sale    *Sale       `cbor:"20,keyasint,omitempty" json:"sale,omitempty"`
	Return  *Return     `cbor:"21,keyasint,omitempty" json:"return,omitempty"`
	Cash    *CashMove   `cbor:"22,keyasint,omitempty" json:"cash,omitempty"`
	Close   *ShiftClose `cbor:"23,keyasint,omitempty" json:"close,omitempty"`
	Abandon *Abandon    `cbor:"24,keyasint,omitempty" json:"abandon,omitempty"`
	Start   *EpochStart `cbor:"25,keyasint,omitempty" json:"start,omitempty"`
	Release *Release    `cbor:"26,keyasint,omitempty" json:"release,omitempty"`
	Adjust  *Adjust     `cbor:"27,keyasint,omitempty" json:"adjust,omitempty"`
	Enrol   *Enrolment  `cbor:"28,keyasint,omitempty" json:"enrol,omitempty"`
	Lookup  *Watched    `cbor:"29,keyasint,omitempty" json:"lookup,omitempty"`
	Merge   *Merge      `cbor:"40,keyasint,omitempty" json:"merge,omitempty"`  // of KindMerge and KindSplit
	Reward  *Reward     `cbor:"41,keyasint,omitempty" json:"reward,omitempty"` // of KindReward and KindRevoke
	Settle  *Settle     `cbor:"42,keyasint,omitempty" json:"settle,omitempty"`
	Tier    *TierChange `cbor:"43,keyasint,omitempty" json:"tier,omitempty"`
	Issue   *Issue      `cbor:"44,keyasint,omitempty" json:"issue,omitempty"`
	Draw    *Draw       `cbor:"45,keyasint,omitempty" json:"draw,omitempty"`
	Correct *Correction `cbor:"46,keyasint,omitempty" json:"correction,omitempty"`

	Fiscal   *Fiscal   `cbor:"30,keyasint,omitempty" json:"fiscal,omitempty"`
	Postings []Posting `cbor:"31,keyasint,omitempty" json:"postings,omitempty"`
	Lots     []Lot     `cbor:"32,keyasint,omitempty" json:"lots,omitempty"`   // made by this record
	Leases   []Lease   `cbor:"33,keyasint,omitempty" json:"leases,omitempty"` // born or granted with it
	Spends   []Spend   `cbor:"34,keyasint,omitempty" json:"spends,omitempty"` // taken out of leases
}

// RecordVersion is written into records; a reader of a later version must read all earlier ones.
const RecordVersion = 1

// ShiftClose is what the journal says of a shift, to stand beside the register's Z report.
type ShiftClose struct {
	Sales    int    `cbor:"1,keyasint" json:"sales"`
	Returns  int    `cbor:"2,keyasint" json:"returns"`
	Sold     Money  `cbor:"3,keyasint" json:"sold"`
	Refunded Money  `cbor:"4,keyasint" json:"refunded"`
	Cash     Money  `cbor:"5,keyasint" json:"cash"` // that should lie in the drawer
	Card     Money  `cbor:"6,keyasint" json:"card"`
	Earned   Points `cbor:"7,keyasint" json:"earned"`
	Redeemed Points `cbor:"8,keyasint" json:"redeemed"`
	Head     Hash   `cbor:"9,keyasint" json:"head"` // of the record before this one
	// The same shift as the fiscal storage's archive has it, read document by document.
	Storage *StorageTotals `cbor:"10,keyasint,omitempty" json:"storage,omitempty"`
	Advance Money          `cbor:"11,keyasint,omitempty" json:"advance,omitempty"` // paid with gift certificates
	// Correction receipts, and what they come to: those of returns count less than zero.
	Corrections int   `cbor:"12,keyasint,omitempty" json:"corrections,omitempty"`
	Corrected   Money `cbor:"13,keyasint,omitempty" json:"corrected,omitempty"`
	// Swapped is the fiscal storage that was found instead of the shift's own, and By the manager who confirmed
	// it: such a shift ends in the journal alone.
	Swapped string  `cbor:"14,keyasint,omitempty" json:"swapped,omitempty"`
	By      StaffNo `cbor:"15,keyasint,omitempty" json:"by,omitempty"`
	// Counter is what points paid of the sales as counter-provision, and CounterBack of the returns: by so much
	// the fiscal storage's sums are above Sold and Refunded, which are money.
	Counter     Money `cbor:"16,keyasint,omitempty" json:"counter,omitempty"`
	CounterBack Money `cbor:"17,keyasint,omitempty" json:"counterBack,omitempty"`
}

// Counted is what the fiscal storage should hold of the shift.
func (c *ShiftClose) Counted() StorageTotals {
	return StorageTotals{
		Sales: c.Sales, Returns: c.Returns, Sold: c.Sold + c.Counter, Refunded: c.Refunded + c.CounterBack, Corrections: c.Corrections, Corrected: c.Corrected,
	}
}

// StorageTotals are the receipts of one shift in a fiscal storage.
type StorageTotals struct {
	Sales    int   `cbor:"1,keyasint" json:"sales"`
	Returns  int   `cbor:"2,keyasint" json:"returns"`
	Sold     Money `cbor:"3,keyasint" json:"sold"`
	Refunded Money `cbor:"4,keyasint" json:"refunded"`

	Corrections int   `cbor:"5,keyasint,omitempty" json:"corrections,omitempty"`
	Corrected   Money `cbor:"6,keyasint,omitempty" json:"corrected,omitempty"`
}

// Abandon tells of a begun job that came to nothing.
type Abandon struct {
	What   RecordKind `cbor:"1,keyasint" json:"what"`
	Total  Money      `cbor:"2,keyasint" json:"total"`
	Reason string     `cbor:"3,keyasint" json:"reason"`
	By     StaffNo    `cbor:"4,keyasint,omitempty" json:"by,omitempty"` // the manager, where a person settled it
}

// EpochStart ties an epoch to the one before it.
type EpochStart struct {
	Reason   string    `cbor:"1,keyasint" json:"reason"` // "enrolled", "restored", "replaced"
	OldEpoch uint32    `cbor:"2,keyasint,omitempty" json:"oldEpoch,omitempty"`
	OldSeq   uint64    `cbor:"3,keyasint,omitempty" json:"oldSeq,omitempty"`
	OldHead  Hash      `cbor:"4,keyasint,omitzero" json:"oldHead,omitzero"`
	Storage  FiscalKey `cbor:"5,keyasint,omitzero" json:"storage,omitzero"` // the storage and its last document then
}

// Release hands a lease back: head office may grant what is left of it to another.
type Release struct {
	Lease ID `cbor:"1,keyasint" json:"lease"`
}

// Adjust is a change of points by a person or an import.
type Adjust struct {
	Customer CustomerNo `cbor:"1,keyasint" json:"customer"`
	Amount   Points     `cbor:"2,keyasint" json:"amount"`
	Reason   string     `cbor:"3,keyasint" json:"reason"`
}

// Merge joins From's accounts to Into's customer, or takes them out again.
type Merge struct {
	Into   CustomerNo `cbor:"1,keyasint" json:"into"`
	From   CustomerNo `cbor:"2,keyasint" json:"from"`
	Reason string     `cbor:"3,keyasint,omitempty" json:"reason,omitempty"`
}

// Reward is points that head office reckons. Cause and Key name the deed, so that the same one is paid
// once: "birthday" and "2027", "referral" and the friend's receipt.
type Reward struct {
	Customer  CustomerNo `cbor:"1,keyasint" json:"customer"`
	Amount    Points     `cbor:"2,keyasint" json:"amount"` // of KindRevoke what is taken, as a positive number
	Cause     string     `cbor:"3,keyasint" json:"cause"`
	Key       string     `cbor:"4,keyasint" json:"key"`
	Of        ID         `cbor:"5,keyasint,omitzero" json:"of,omitzero"`      // the receipt, enrolment or reward that it is for
	Level     uint8      `cbor:"6,keyasint,omitempty" json:"level,omitempty"` // of referral: 1 is who brought the buyer
	Programme uint32     `cbor:"7,keyasint,omitempty" json:"programme,omitempty"`
	Reasons   []Reason   `cbor:"8,keyasint,omitempty" json:"reasons,omitempty"`
	Partner   PartnerNo  `cbor:"9,keyasint,omitempty" json:"partner,omitempty"` // instead of a customer
}

// Settle is the points of a pending return, once its sale is known.
type Settle struct {
	Return   ID         `cbor:"1,keyasint" json:"return"`
	Sale     ID         `cbor:"2,keyasint" json:"sale"`
	Customer CustomerNo `cbor:"3,keyasint,omitempty" json:"customer,omitempty"`
	Restored Points     `cbor:"4,keyasint,omitempty" json:"restored,omitempty"`
	Clawed   Points     `cbor:"5,keyasint,omitempty" json:"clawed,omitempty"`
}

// TierChange moves a customer to another tier.
type TierChange struct {
	Customer  CustomerNo `cbor:"1,keyasint" json:"customer"`
	From      uint16     `cbor:"2,keyasint" json:"from"`
	To        uint16     `cbor:"3,keyasint" json:"to"`
	Until     Time       `cbor:"4,keyasint,omitempty" json:"until,omitempty"` // by hand: not reckoned again before
	Reason    string     `cbor:"5,keyasint" json:"reason"`
	Programme uint32     `cbor:"6,keyasint,omitempty" json:"programme,omitempty"`
}

// Issue makes a gift certificate: a bearer's account with one lot.
type Issue struct {
	Certificate CustomerNo `cbor:"1,keyasint" json:"certificate"`
	Amount      Points     `cbor:"2,keyasint" json:"amount"`
	Batch       string     `cbor:"3,keyasint,omitempty" json:"batch,omitempty"`
}

// Draw is a prize draw: whoever has the seed and the tickets finds the same winners.
type Draw struct {
	Purse   PurseNo      `cbor:"1,keyasint" json:"purse"`
	Seed    string       `cbor:"2,keyasint" json:"seed"`
	Tickets uint64       `cbor:"3,keyasint" json:"tickets"`
	Winners []CustomerNo `cbor:"4,keyasint" json:"winners"`
}

// Limits of a record. A receipt of LinesMax lines of long names still fits RecordBytesMax.
const (
	LinesMax       = 500
	PartsMax       = 8
	NameBytesMax   = 256
	RecordBytesMax = 256 << 10
)

// ErrRecord is wrapped by every refusal of bytes that are not a record.
var ErrRecord = errors.New("not a journal record")

var (
	encMode = must(cbor.CoreDetEncOptions().EncMode())
	decMode = must(cbor.DecOptions{
		DupMapKey: cbor.DupMapKeyEnforcedAPF, IndefLength: cbor.IndefLengthForbidden, MaxNestedLevels: 12,
		MaxArrayElements: 4096, MaxMapPairs: 4096, TagsMd: cbor.TagsForbidden, UTF8: cbor.UTF8RejectInvalid,
	}.DecMode())
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err) // options are constants of this file
	}
	return v
}

// Encode writes v as deterministic CBOR (RFC 8949, 4.2): the same value is always the same bytes.
func Encode(v any) ([]byte, error) {
	b, err := encMode.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("encode %T: %w", v, err)
	}
	return b, nil
}

// Decode reads what [Encode] wrote, refusing duplicate keys, tags and indefinite lengths. Unknown
// keys are skipped: they come from a newer version.
func Decode(b []byte, v any) error {
	if err := decMode.Unmarshal(b, v); err != nil {
		return fmt.Errorf("decode %T: %w", v, err)
	}
	return nil
}

// Bytes encodes the record; they are what is hashed, stored and sent.
func (r *Record) Bytes() ([]byte, error) { return Encode(r) }

// HashOf is the hash of a record's bytes.
func HashOf(record []byte) Hash { return sha256.Sum256(record) }

// DecodeRecord reads a record and checks what must hold of any record, whoever wrote it.
func DecodeRecord(b []byte) (*Record, error) {
	if len(b) > RecordBytesMax {
		return nil, fmt.Errorf("%w: %d bytes, at most %d", ErrRecord, len(b), RecordBytesMax)
	}
	r := new(Record)
	if err := Decode(b, r); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrRecord, err)
	}
	if err := r.Validate(); err != nil {
		return nil, err
	}
	return r, nil
}

// Validate checks the record's shape and sums: postings add up to zero, lines to the total, parts to
// their line, tenders to the total.
func (r *Record) Validate() error {
	switch {
	case r.Version == 0 || r.Version > RecordVersion:
		return fmt.Errorf("%w: version %d, this program reads 1 to %d", ErrRecord, r.Version, RecordVersion)
	case r.Org == 0 || r.Epoch == 0 || r.Seq == 0 || r.ID.IsZero() || r.Till > TillNoMax:
		return fmt.Errorf("%w: organisation %d, till %d, epoch %d, seq %d, id %s", ErrRecord, r.Org, r.Till, r.Epoch, r.Seq, r.ID)
	}
	if err := r.validateBody(); err != nil {
		return fmt.Errorf("%w: %s %s: %w", ErrRecord, r.Kind, r.ID, err)
	}
	return nil
}

func (r *Record) validateBody() error {
	if err := r.validateKind(); err != nil {
		return err
	}
	var sum Points
	for _, p := range r.Postings {
		if !inRange(int64(p.Amount)) {
			return fmt.Errorf("a posting of %s", p.Amount)
		}
		sum += p.Amount
	}
	if sum != 0 {
		return fmt.Errorf("postings add up to %s, not to zero", sum)
	}
	switch r.Kind {
	case KindSale:
		return r.Sale.validate()
	case KindReturn:
		return r.Return.validate()
	case KindCorrection:
		return r.Correct.validate()
	}
	return nil
}

// validateKind wants the body of the kind and no other. Kinds of a newer program pass.
func (r *Record) validateKind() error {
	bodies := 0
	for _, present := range []bool{
		r.Sale != nil, r.Return != nil, r.Cash != nil, r.Close != nil, r.Abandon != nil, r.Start != nil, r.Release != nil, r.Adjust != nil,
		r.Enrol != nil, r.Lookup != nil, r.Merge != nil, r.Reward != nil, r.Settle != nil, r.Tier != nil, r.Issue != nil, r.Draw != nil,
		r.Correct != nil,
	} {
		if present {
			bodies++
		}
	}
	own, want := false, 1
	switch r.Kind {
	case KindSale:
		own = r.Sale != nil
	case KindReturn:
		own = r.Return != nil
	case KindShiftClose:
		own = r.Close != nil
	case KindCashIn, KindCashOut:
		own = r.Cash != nil && r.Cash.Amount >= 0
	case KindAbandon:
		own = r.Abandon != nil
	case KindEpoch:
		own = r.Start != nil
	case KindRelease:
		own = r.Release != nil
	case KindAdjust:
		own = r.Adjust != nil
	case KindEnrol:
		own = r.Enrol != nil && r.Enrol.Customer != 0
	case KindLookup:
		own = r.Lookup != nil
	case KindCorrection:
		own = r.Correct != nil
	case KindMerge, KindSplit:
		own = r.Merge != nil && r.Merge.Into != 0 && r.Merge.From != 0 && r.Merge.Into != r.Merge.From
	case KindReward, KindRevoke:
		own = r.Reward != nil && r.Reward.Amount >= 0
	case KindSettle:
		own = r.Settle != nil
	case KindTier:
		own = r.Tier != nil
	case KindIssue:
		own = r.Issue != nil && r.Issue.Amount > 0
	case KindDraw:
		own = r.Draw != nil
	case KindShiftOpen, KindGrant, KindNet, KindExpire:
		own, want = true, 0
	default:
		return nil
	}
	if !own || bodies != want {
		return errors.New("its body is missing, or is not the one of its kind")
	}
	return nil
}

// inRange keeps sums of a record's amounts from overflowing: [LinesMax] lines of [MoneyMax] fit an int64
// many times over.
func inRange(amounts ...int64) bool {
	for _, a := range amounts {
		if a > int64(MoneyMax) || a < -int64(MoneyMax) {
			return false
		}
	}
	return true
}

func (s *Sale) validate() error {
	if len(s.Lines) == 0 || len(s.Lines) > LinesMax {
		return fmt.Errorf("%d lines, want 1 to %d", len(s.Lines), LinesMax)
	}
	var gross, net, discount Money
	var redeemed, earned Points
	for i, l := range s.Lines {
		if !inRange(int64(l.Gross), int64(l.Discount), int64(l.Redeemed), int64(l.Net), int64(l.Earned)) || l.Earned < 0 {
			return fmt.Errorf("line %d: %w", i+1, ErrAmount)
		}
		if l.Gross-l.Discount-l.Redeemed.Worth() != l.Net || l.Net < 0 || l.Discount < 0 || l.Redeemed < 0 {
			return fmt.Errorf("line %d: %s − %s − %s ≠ %s", i+1, l.Gross, l.Discount, l.Redeemed, l.Net)
		}
		if err := validateParts(l.Parts, l.Qty, l.Net); err != nil {
			return fmt.Errorf("line %d: %w", i+1, err)
		}
		if err := l.validateShelf(); err != nil {
			return fmt.Errorf("line %d: %w", i+1, err)
		}
		gross, net, discount = gross+l.Gross, net+l.Net, discount+l.Discount
		redeemed, earned = redeemed+l.Redeemed, earned+l.Earned
	}
	if gross != s.Gross || net != s.Total || discount != s.Discount || redeemed != s.Redeemed || earned != s.Earned {
		return fmt.Errorf("lines add up to %s − %s − %s = %s earning %s, the sale says %s − %s − %s = %s earning %s",
			gross, discount, redeemed, net, earned, s.Gross, s.Discount, s.Redeemed, s.Total, s.Earned)
	}
	return validateTenders(s.Tenders, s.Total)
}

func (r *Return) validate() error {
	if len(r.Lines) == 0 || len(r.Lines) > LinesMax {
		return fmt.Errorf("%d lines, want 1 to %d", len(r.Lines), LinesMax)
	}
	var net Money
	var restored, clawed Points
	for i, l := range r.Lines {
		if !inRange(int64(l.Net), int64(l.Restored), int64(l.Clawed)) || l.Net < 0 || l.Restored < 0 || l.Clawed < 0 || l.Line < 0 {
			return fmt.Errorf("line %d: %w", i+1, ErrAmount)
		}
		if err := validateParts(l.Parts, l.Qty, l.Net); err != nil {
			return fmt.Errorf("line %d: %w", i+1, err)
		}
		if err := l.validateShelf(); err != nil {
			return fmt.Errorf("line %d: %w", i+1, err)
		}
		net, restored, clawed = net+l.Net, restored+l.Restored, clawed+l.Clawed
	}
	if net != r.Total || restored != r.Restored || clawed != r.Clawed {
		return fmt.Errorf("lines add up to %s, %s back, %s taken; the return says %s, %s, %s", net, restored, clawed, r.Total, r.Restored, r.Clawed)
	}
	return validateTenders(r.Tenders, r.Total)
}

func validateParts(parts []Part, qty Qty, net Money) error {
	if len(parts) == 0 || len(parts) > PartsMax {
		return fmt.Errorf("%d parts, want 1 to %d", len(parts), PartsMax)
	}
	var q Qty
	var sum Money
	for _, p := range parts {
		if !inRange(int64(p.Qty), int64(p.Sum)) {
			return ErrAmount
		}
		exact, err := p.Price.Times(p.Qty)
		if err != nil {
			return err
		}
		if exact != p.Sum || p.Qty <= 0 || p.Price < 0 {
			return fmt.Errorf("%s × %s = %s cannot stand on a receipt", p.Qty, p.Price, p.Sum)
		}
		q, sum = q+p.Qty, sum+p.Sum
	}
	if q != qty || sum != net {
		return fmt.Errorf("parts add up to %s for %s, the line says %s for %s", sum, q, net, qty)
	}
	return nil
}

func validateTenders(tenders []Tender, total Money) error {
	var sum Money
	for _, t := range tenders {
		if t.Amount < 0 || t.Amount > MoneyMax {
			return fmt.Errorf("a payment of %s", t.Amount)
		}
		sum += t.Amount
	}
	if sum != total {
		return fmt.Errorf("payments add up to %s, the total is %s", sum, total)
	}
	return nil
}
