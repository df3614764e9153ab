// Package storage is the fiscal storage (ФН) that every emulated register has inside: it numbers and signs
// documents, keeps them for good, counts the shift's 24 hours and queues for the operator of fiscal data.
//
// What will bite: a document is made when its line is in the log, before any register can answer; nothing
// takes one back. The register's lock guards a storage: it has none of its own. The key that signs is in the
// source, so documents are for tests; serials begin with 9999.
package storage

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/kopilka/kopilka/drivers/charset"
	"github.com/kopilka/kopilka/ledger/sale"
)

// Options describe one storage. The zero value lives in memory.
type Options struct {
	Folder  string           // where the archive is kept; empty: nothing survives the process
	Serial  string           // 16 digits; default 9999078900000001
	Expires time.Time        // zero: fifteen months after registration
	Delay   time.Duration    // how long a document waits until the operator of fiscal data confirms it
	Now     func() time.Time // the shop's wall clock; default time.Now
	// Unregistered leaves a new storage as it comes out of its box: it signs nothing.
	Unregistered bool
}

// SerialDefault is the serial of a storage that was given none.
const SerialDefault = "9999078900000001"

// Cash is what the document moves into or out of the drawer.
func (d Document) Cash() sale.Money {
	var sum sale.Money
	for _, p := range d.Payments {
		if p.Tender == sale.TenderCash {
			sum += p.Sum
		}
	}
	return sum - d.Change
}

// DocType is the form of a fiscal document as FFD numbers the forms; the archive answers with it.
type DocType uint8

// The forms that this storage makes.
const (
	DocRegistration DocType = 1
	DocShiftOpen    DocType = 2
	DocReceipt      DocType = 3
	DocShiftClose   DocType = 5
	DocCorrection   DocType = 31
)

// Limits of a fiscal storage.
const (
	shiftMax     = 24 * time.Hour           // 54-FZ: a shift is at most 24 hours
	ofdWaitMax   = 30 * 24 * time.Hour      // 54-FZ: unsent documents block sales after 30 days
	ofdWarn      = 3 * 24 * time.Hour       // the warning bit comes well before the block
	clockDrift   = 5 * time.Minute          // register against storage inside a shift
	lifeDefault  = 15 * 30 * 24 * time.Hour // the usual 15-month storage
	DocumentsMax = 250_000                  // what a real storage can sign
)

// Code is what the storage answers, as registers pass it on.
type Code byte

// The codes. Those of marking begin with A0h.
const (
	OK          Code = 0x00
	WrongState  Code = 0x02
	Broken      Code = 0x03
	Expired     Code = 0x05
	Full        Code = 0x06
	WrongTime   Code = 0x07
	NoData      Code = 0x08
	Parameter   Code = 0x09
	TLVTooBig   Code = 0x10
	OFDWait     Code = 0x15
	Shift24     Code = 0x16
	TimeDiff    Code = 0x17
	MarkOrder   Code = 0xA1
	MarksFull   Code = 0xA3
	MarkMissing Code = 0xAA
	MarkUnknown Code = 0xAC // not checked
)

// Document is one document of the archive, with everything that was on it.
type Document struct {
	FD       uint32     `json:"fd"`
	Type     DocType    `json:"type"`
	At       time.Time  `json:"at"` // the register's wall clock, to the minute, written as UTC
	Sign     uint32     `json:"sign"`
	Shift    uint32     `json:"shift"`
	Receipt  uint32     `json:"receipt,omitempty"` // number in the shift
	Op       uint8      `json:"op,omitempty"`      // tag 1054
	Sum      sale.Money `json:"sum"`
	Lines    []Line     `json:"lines,omitempty"`
	Payments []Payment  `json:"payments,omitempty"`
	Change   sale.Money `json:"change,omitempty"`
	Rounding sale.Money `json:"rounding,omitempty"`
	Tax      uint8      `json:"tax,omitempty"` // tag 1055
	Operator string     `json:"operator,omitempty"`
	Tags     []Tag      `json:"tags,omitempty"`
	Basis    *Basis     `json:"basis,omitempty"` // of a correction
	Sent     bool       `json:"-"`               // the operator of fiscal data has confirmed it
}

// Line is one position of a receipt.
type Line struct {
	Name    string     `json:"name"`
	Qty     int64      `json:"qty"` // millionths, as the protocol carries it
	Price   sale.Money `json:"price"`
	Sum     sale.Money `json:"sum"`
	VAT     sale.VAT   `json:"vat"`
	VATSum  sale.Money `json:"vatSum"`
	Dept    uint8      `json:"dept,omitempty"`
	Method  uint8      `json:"method"`  // tag 1214
	Subject uint8      `json:"subject"` // tag 1212
	Tags    []Tag      `json:"tags,omitempty"`
	Mark    string     `json:"mark,omitempty"`    // the raw marking code of the piece
	Verdict uint8      `json:"verdict,omitempty"` // tag 2106 of its check
}

// Payment is one sum that was paid, with the name that the paper gives it.
type Payment struct {
	Tender sale.TenderKind `json:"tender"`
	Name   string          `json:"name,omitempty"`
	Sum    sale.Money      `json:"sum"`
}

// Basis is why a correction was made: tags 1173 and 1174.
type Basis struct {
	Prescribed bool      `json:"prescribed,omitempty"`
	Day        time.Time `json:"day"`
	Number     string    `json:"number,omitempty"`
}

// Tag is one tagged value of a document, as it was sent.
type Tag struct {
	Tag   uint16 `json:"tag"`
	Value []byte `json:"value"`
}

// Text is the value of a text tag.
func (t Tag) Text() string { return charset.From866(t.Value) }

// Fiscal is the document in the words of the ledger.
func (d Document) Fiscal(fn, register string) sale.Fiscal {
	return sale.Fiscal{
		Kind: sale.FiscalOwn, Key: sale.FiscalKey{FN: fn, FD: d.FD}, Sign: d.Sign, Shift: d.Shift,
		Receipt: d.Receipt, Doc: d.kind(), Sum: d.Sum, Stamp: sale.StampOf(d.At), Register: register,
	}
}

func (d Document) kind() sale.DocKind {
	switch d.Type {
	case DocReceipt:
		return sale.DocKind(d.Op)
	case DocCorrection:
		return sale.DocKind(d.Op).Correction()
	case DocShiftOpen:
		return sale.DocShiftOpen
	case DocShiftClose:
		return sale.DocShiftClose
	case DocRegistration:
	}
	return sale.DocOther
}

// Storage is one fiscal storage. The register that holds it guards it by its own lock.
type Storage struct {
	// Current is the document being made, as FF01 of SHTRIH-M numbers it: 0 none, 2 and 8 shift, 4 receipt, 14h correction.
	Current uint8
	// Data tells that the current document has received data.
	Data bool

	serial string
	key    []byte
	life   time.Time // it signs nothing after this
	delay  time.Duration
	log    *archive
	docs   []Document
	answer bool // the operator of fiscal data answers
	drift  time.Duration
	now    func() time.Time
	marks  marks

	shiftOpen bool
	shiftNo   uint32
	shiftAt   time.Time // by the storage's own clock
	receiptNo uint32
}

// ErrOptions is wrapped by every refusal of [Options].
var ErrOptions = errors.New("fiscal storage cannot be built so")

// Open puts a storage into a register: a new one is registered at once, one with a folder goes on.
func Open(o Options) (*Storage, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Serial == "" {
		o.Serial = SerialDefault
	}
	if len(o.Serial) != 16 || !sale.Digits(o.Serial) {
		return nil, fmt.Errorf("%w: serial %q must have 16 digits", ErrOptions, o.Serial)
	}
	s := &Storage{
		serial: o.Serial, key: []byte("kopilka emulator " + o.Serial), delay: o.Delay,
		answer: true, now: o.Now,
	}
	log, events, err := openArchive(o.Folder)
	if err != nil {
		return nil, fmt.Errorf("open the archive of fiscal storage %s: %w", o.Serial, err)
	}
	s.log = log
	for _, e := range events {
		s.replay(e)
	}
	if len(s.docs) == 0 && !o.Unregistered {
		if code := s.append(Document{Type: DocRegistration, At: s.Clock()}, nil); code != OK {
			return nil, fmt.Errorf("register fiscal storage %s: %w", o.Serial, s.log.failed)
		}
	}
	s.life = o.Expires
	if s.life.IsZero() {
		s.life = s.born().Add(lifeDefault)
	}
	return s, nil
}

// born is when the storage was registered, or now where it is not.
func (s *Storage) born() time.Time {
	if len(s.docs) == 0 {
		return s.Clock()
	}
	return s.docs[0].At
}

// The phases of a storage's life.
const (
	PhaseReady  uint8 = 1 // not registered yet
	PhaseFiscal uint8 = 3
)

// Phase is where the storage stands in its life, as every register passes it on.
func (s *Storage) Phase() uint8 {
	if len(s.docs) == 0 {
		return PhaseReady
	}
	return PhaseFiscal
}

// Close gives the archive back and reports the first write to disk that failed.
func (s *Storage) Close() error { return errors.Join(s.log.failed, s.log.close()) }

// Serial is the storage's number.
func (s *Storage) Serial() string { return s.serial }

// Expires is the last moment at which it signs.
func (s *Storage) Expires() time.Time { return s.life }

// Expire ends the storage's life now: it still closes the shift, and signs nothing else.
func (s *Storage) Expire() { s.life = s.Clock().Add(-time.Second) }

// ShiftNo is the number of the shift that is open, or of the last one.
func (s *Storage) ShiftNo() uint32 { return s.shiftNo }

// ShiftOpen tells whether a shift is open.
func (s *Storage) ShiftOpen() bool { return s.shiftOpen }

// Opened is when the shift was opened, by the storage's clock.
func (s *Storage) Opened() time.Time { return s.shiftAt }

// Receipts is how many receipts the shift has.
func (s *Storage) Receipts() uint32 { return s.receiptNo }

// SetAnswer says whether the operator of fiscal data answers, and with it the marking system.
func (s *Storage) SetAnswer(answers bool) { s.answer = answers }

// Answers tells whether the operator of fiscal data answers.
func (s *Storage) Answers() bool { return s.answer }

// Documents is the whole archive, in order; the operator has confirmed what it had time for.
func (s *Storage) Documents() []Document {
	s.settle()
	return slices.Clone(s.docs) // what a document points to never changes once it is signed
}

// Drop forgets a document in the making. The codes checked for it stay: clearing them is the host's duty.
func (s *Storage) Drop() {
	s.Current, s.Data = 0, false
}

// PowerOff is what the storage loses without power: the table of checked codes.
func (s *Storage) PowerOff() { s.ClearMarks() }

func (s *Storage) replay(e event) {
	if e.Document != nil {
		s.take(*e.Document)
	}
	if !e.Opened.IsZero() {
		s.shiftAt = e.Opened
	}
	if e.Drift != nil {
		s.drift = *e.Drift
	}
	for i := range s.docs {
		if s.docs[i].FD <= e.Confirmed {
			s.docs[i].Sent = true
		}
	}
}

// Clock is the storage's own, on which a shift grows old.
func (s *Storage) Clock() time.Time { return s.now().UTC().Add(s.drift) }

// setClock follows the register's clock; a storage does so only when a shift opens.
func (s *Storage) setClock(at time.Time) {
	s.Pass(at.Sub(s.Clock()))
}

// Pass moves the storage's clock.
func (s *Storage) Pass(d time.Duration) {
	s.drift += d
	drift := s.drift
	_ = s.log.write(event{Drift: &drift}) // a failed log refuses the next document, which is where it matters
}

// Last is the newest document.
func (s *Storage) Last() Document {
	if len(s.docs) == 0 {
		return Document{}
	}
	return s.docs[len(s.docs)-1]
}

// Find gives a document by its number.
func (s *Storage) Find(fd uint32) (Document, bool) {
	s.settle()
	if fd == 0 || fd > uint32(len(s.docs)) {
		return Document{}, false
	}
	return s.docs[fd-1], true
}

// Over24 tells whether the open shift is older than a shift may be.
func (s *Storage) Over24() bool {
	return s.shiftOpen && s.Clock().Sub(s.shiftAt) >= shiftMax
}

func receiptLike(t DocType) bool { return t == DocReceipt || t == DocCorrection }

// Allows tells whether a document of this form may be made at this register time.
func (s *Storage) Allows(t DocType, at time.Time) Code {
	switch {
	case len(s.docs) == 0 && t != DocRegistration:
		return WrongState
	case len(s.docs) >= DocumentsMax:
		return Full
	case s.Clock().After(s.life) && t != DocShiftClose:
		return Expired
	case at.Before(s.Last().At):
		return WrongTime
	case t == DocShiftOpen && s.shiftOpen, t != DocShiftOpen && !s.shiftOpen:
		return WrongState
	case receiptLike(t) && s.Over24():
		return Shift24
	case t != DocShiftClose && s.overdue():
		return OFDWait
	case receiptLike(t) && at.Sub(s.Clock()).Abs() > clockDrift:
		return TimeDiff
	}
	return OK
}

// Sign numbers, signs and keeps the document. The cut is asked before and after the write: a true
// means that the power has gone at that point, and nobody hears the result.
func (s *Storage) Sign(d Document, cut func(after bool) bool) (Document, Code) {
	if code := s.Allows(d.Type, d.At); code != OK {
		return Document{}, code
	}
	if code := s.judged(d.Lines); code != OK {
		return Document{}, code
	}
	if d.Type == DocShiftOpen {
		s.setClock(d.At)
	}
	code := s.append(d, cut)
	return s.Last(), code
}

// append writes the document to the log and only then counts it as made.
func (s *Storage) append(d Document, cut func(after bool) bool) Code {
	if cut != nil && cut(false) {
		return Broken
	}
	d.FD = s.Last().FD + 1
	d.At = d.At.Truncate(time.Minute)
	d.Shift = s.shiftNo
	switch d.Type {
	case DocShiftOpen:
		d.Shift++
	case DocReceipt, DocCorrection:
		d.Receipt = s.receiptNo + 1
	case DocRegistration, DocShiftClose:
	}
	d.Sign = s.fpd(d)
	if err := s.log.write(event{Document: &d, Opened: s.openedAt(d)}); err != nil {
		return Broken
	}
	s.take(d)
	if d.Type == DocShiftOpen {
		s.shiftAt = s.Clock()
	}
	s.Drop()
	if cut != nil && cut(true) {
		return Broken
	}
	return OK
}

// openedAt keeps the exact moment a shift opened: the document itself knows only the minute.
func (s *Storage) openedAt(d Document) time.Time {
	if d.Type != DocShiftOpen {
		return time.Time{}
	}
	return s.Clock()
}

// take counts a document that is in the log.
func (s *Storage) take(d Document) {
	s.docs = append(s.docs, d)
	switch d.Type {
	case DocShiftOpen:
		s.shiftOpen, s.shiftNo, s.receiptNo, s.shiftAt = true, d.Shift, 0, d.At
	case DocShiftClose:
		s.shiftOpen = false
	case DocReceipt, DocCorrection:
		s.receiptNo = d.Receipt
		s.sold(d)
	case DocRegistration:
	}
}

// fpd is the fiscal sign: 32 bits that only the holder of the key can make, the same for the same
// document every time.
func (s *Storage) fpd(d Document) uint32 {
	mac := hmac.New(sha256.New, s.key)
	fmt.Fprintf(mac, "%s|%d|%d|%d|%s", s.serial, d.FD, d.Type, d.Sum, sale.StampOf(d.At)) // a hash does not fail
	return binary.BigEndian.Uint32(mac.Sum(nil))
}

// settle lets the operator of fiscal data confirm what it has had time for. It is asked before
// every look at the queue, so that no goroutine has to run for it.
func (s *Storage) settle() {
	if !s.answer {
		return
	}
	upTo := uint32(0)
	for i := range s.docs {
		if !s.docs[i].Sent && !s.Clock().Before(s.docs[i].At.Add(s.delay)) {
			s.docs[i].Sent, upTo = true, s.docs[i].FD
		}
	}
	if upTo > 0 {
		_ = s.log.write(event{Confirmed: upTo}) // a failed log refuses the next document, which is where it matters
	}
}

// Unsent is the queue to the operator of fiscal data: how many, and the oldest.
func (s *Storage) Unsent() (int, Document) {
	s.settle()
	first := slices.IndexFunc(s.docs, func(d Document) bool { return !d.Sent })
	if first < 0 {
		return 0, Document{}
	}
	return len(s.docs) - first, s.docs[first]
}

func (s *Storage) overdue() bool {
	n, oldest := s.Unsent()
	return n > 0 && s.Clock().Sub(oldest.At) > ofdWaitMax
}

// The bits of [Storage.Warnings].
const (
	WarnReplace3  = 1 << 0
	WarnReplace30 = 1 << 1
	WarnArchive90 = 1 << 2
	WarnOFDWait   = 1 << 3
	WarnCritical  = 1 << 7
)

// Warnings are the bits of FF01, the same in every register since they are the storage's own.
func (s *Storage) Warnings() byte {
	var w byte
	left := s.life.Sub(s.Clock())
	if left <= 30*24*time.Hour {
		w |= WarnReplace30
	}
	if left <= 3*24*time.Hour {
		w |= WarnReplace3
	}
	if left <= 0 {
		w |= WarnCritical
	}
	if len(s.docs) >= DocumentsMax/10*9 {
		w |= WarnArchive90
	}
	if n, oldest := s.Unsent(); n > 0 && s.Clock().Sub(oldest.At) > ofdWarn {
		w |= WarnOFDWait
	}
	return w
}

// TaxInside is the tax in a sum that contains it, half up to the kopeck.
func TaxInside(sum sale.Money, v sale.VAT) sale.Money {
	percent := percents[v]
	return sum.ShareRounded(percent, 100+percent)
}

var percents = map[sale.VAT]int64{
	sale.VAT20: 20, sale.VAT10: 10, sale.VAT20120: 20, sale.VAT10110: 10, sale.VAT5: 5, sale.VAT7: 7, sale.VAT5105: 5,
	sale.VAT7107: 7, sale.VAT22: 22, sale.VAT22122: 22,
}
