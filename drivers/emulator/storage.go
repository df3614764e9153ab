package emulator

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"
	"time"

	"github.com/kopilka/kopilka/ledger/sale"
)

// DocType is the form of a fiscal document as FFD numbers the forms; the archive answers with it.
type DocType uint8

// The forms that this storage makes.
const (
	DocRegistration DocType = 1
	DocShiftOpen    DocType = 2
	DocReceipt      DocType = 3
	DocShiftClose   DocType = 5
)

// Limits of a fiscal storage.
const (
	shiftMax     = 24 * time.Hour           // 54-FZ: a shift is at most 24 hours
	ofdWaitMax   = 30 * 24 * time.Hour      // 54-FZ: unsent documents block sales after 30 days
	ofdWarn      = 3 * 24 * time.Hour       // the warning bit comes well before the block
	clockDrift   = 5 * time.Minute          // register against storage inside a shift
	lifeDefault  = 15 * 30 * 24 * time.Hour // the usual 15-month storage
	documentsMax = 250_000                  // what a real storage can sign
)

// Error codes of the storage, as the register passes them on.
const (
	fnOK        = 0x00
	fnState     = 0x02
	fnFault     = 0x03
	fnExpired   = 0x05
	fnFull      = 0x06
	fnTime      = 0x07
	fnNoData    = 0x08
	fnParameter = 0x09
	fnTLVBig    = 0x10
	fnOFDWait   = 0x15
	fnShift24   = 0x16
	fnTimeDiff  = 0x17
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
	Sent     bool       `json:"-"` // the operator of fiscal data has confirmed it
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
}

// Payment is one of the sixteen payment sums: 1 cash, 2 electronic, 14 advance, 15 credit.
type Payment struct {
	Type uint8      `json:"type"`
	Sum  sale.Money `json:"sum"`
}

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
	case DocShiftOpen:
		return sale.DocShiftOpen
	case DocShiftClose:
		return sale.DocShiftClose
	case DocRegistration:
	}
	return sale.DocOther
}

// storage is the fiscal storage: it numbers, signs and keeps documents, and nothing can take one
// back. The register's lock guards it.
type storage struct {
	serial string
	key    []byte
	life   time.Time // it signs nothing after this
	delay  time.Duration
	log    *archive
	docs   []Document
	answer bool // the operator of fiscal data answers
	drift  time.Duration
	now    func() time.Time

	shiftOpen bool
	shiftNo   uint32
	shiftAt   time.Time // by the storage's own clock
	receiptNo uint32
	current   uint8 // document being made, as FF01 says it
	data      bool  // the current document has received data
}

func newStorage(o Options) (*storage, error) {
	s := &storage{
		serial: o.FNSerial, key: []byte("kopilka emulator " + o.FNSerial), delay: o.OFDDelay,
		answer: true, now: o.Now,
	}
	log, events, err := openArchive(o.Folder)
	if err != nil {
		return nil, fmt.Errorf("open the archive of fiscal storage %s: %w", o.FNSerial, err)
	}
	s.log = log
	for _, e := range events {
		s.replay(e)
	}
	if len(s.docs) == 0 {
		if code := s.append(Document{Type: DocRegistration, At: s.clock()}, nil); code != fnOK {
			return nil, fmt.Errorf("register fiscal storage %s: %w", o.FNSerial, s.log.failed)
		}
	}
	s.life = o.FNExpires
	if s.life.IsZero() {
		s.life = s.docs[0].At.Add(lifeDefault)
	}
	return s, nil
}

func (s *storage) replay(e event) {
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

// clock is the storage's own, on which a shift grows old.
func (s *storage) clock() time.Time { return s.now().UTC().Add(s.drift) }

// setClock follows the register's clock; a storage does so only when a shift opens.
func (s *storage) setClock(at time.Time) {
	s.pass(at.Sub(s.clock()))
}

// pass moves the storage's clock.
func (s *storage) pass(d time.Duration) {
	s.drift += d
	drift := s.drift
	_ = s.log.write(event{Drift: &drift}) // a failed log refuses the next document, which is where it matters
}

func (s *storage) last() Document {
	if len(s.docs) == 0 {
		return Document{}
	}
	return s.docs[len(s.docs)-1]
}

func (s *storage) find(fd uint32) (Document, bool) {
	if fd == 0 || fd > uint32(len(s.docs)) {
		return Document{}, false
	}
	return s.docs[fd-1], true
}

func (s *storage) expired() bool {
	return s.shiftOpen && s.clock().Sub(s.shiftAt) >= shiftMax
}

// allows tells whether a document of this form may be made at this register time.
func (s *storage) allows(t DocType, at time.Time) byte {
	switch {
	case len(s.docs) >= documentsMax:
		return fnFull
	case s.clock().After(s.life) && t != DocShiftClose:
		return fnExpired
	case at.Before(s.last().At):
		return fnTime
	case t == DocShiftOpen && s.shiftOpen, t != DocShiftOpen && !s.shiftOpen:
		return fnState
	case t == DocReceipt && s.expired():
		return fnShift24
	case t != DocShiftClose && s.overdue():
		return fnOFDWait
	case t == DocReceipt && at.Sub(s.clock()).Abs() > clockDrift:
		return fnTimeDiff
	}
	return fnOK
}

// sign numbers, signs and keeps the document. The cut is asked before and after the write: a true
// means that the power has gone at that point, and nobody hears the result.
func (s *storage) sign(d Document, cut func(after bool) bool) (Document, byte) {
	if code := s.allows(d.Type, d.At); code != fnOK {
		return Document{}, code
	}
	if d.Type == DocShiftOpen {
		s.setClock(d.At)
	}
	code := s.append(d, cut)
	return s.last(), code
}

// append writes the document to the log and only then counts it as made.
func (s *storage) append(d Document, cut func(after bool) bool) byte {
	if cut != nil && cut(false) {
		return fnFault
	}
	d.FD = s.last().FD + 1
	d.At = d.At.Truncate(time.Minute)
	d.Shift = s.shiftNo
	switch d.Type {
	case DocShiftOpen:
		d.Shift++
	case DocReceipt:
		d.Receipt = s.receiptNo + 1
	case DocRegistration, DocShiftClose:
	}
	d.Sign = s.fpd(d)
	if err := s.log.write(event{Document: &d, Opened: s.openedAt(d)}); err != nil {
		return fnFault
	}
	s.take(d)
	if d.Type == DocShiftOpen {
		s.shiftAt = s.clock()
	}
	s.current, s.data = 0, false
	if cut != nil && cut(true) {
		return fnFault
	}
	return fnOK
}

// openedAt keeps the exact moment a shift opened: the document itself knows only the minute.
func (s *storage) openedAt(d Document) time.Time {
	if d.Type != DocShiftOpen {
		return time.Time{}
	}
	return s.clock()
}

// take counts a document that is in the log.
func (s *storage) take(d Document) {
	s.docs = append(s.docs, d)
	switch d.Type {
	case DocShiftOpen:
		s.shiftOpen, s.shiftNo, s.receiptNo, s.shiftAt = true, d.Shift, 0, d.At
	case DocShiftClose:
		s.shiftOpen = false
	case DocReceipt:
		s.receiptNo = d.Receipt
	case DocRegistration:
	}
}

// fpd is the fiscal sign: 32 bits that only the holder of the key can make, the same for the same
// document every time.
func (s *storage) fpd(d Document) uint32 {
	mac := hmac.New(sha256.New, s.key)
	fmt.Fprintf(mac, "%s|%d|%d|%d|%s", s.serial, d.FD, d.Type, d.Sum, sale.StampOf(d.At)) // a hash does not fail
	return binary.BigEndian.Uint32(mac.Sum(nil))
}

// settle lets the operator of fiscal data confirm what it has had time for. It is asked before
// every look at the queue, so that no goroutine has to run for it.
func (s *storage) settle() {
	if !s.answer {
		return
	}
	upTo := uint32(0)
	for i := range s.docs {
		if !s.docs[i].Sent && !s.clock().Before(s.docs[i].At.Add(s.delay)) {
			s.docs[i].Sent, upTo = true, s.docs[i].FD
		}
	}
	if upTo > 0 {
		_ = s.log.write(event{Confirmed: upTo}) // a failed log refuses the next document, which is where it matters
	}
}

// unsent is the queue to the operator of fiscal data: how many, and the oldest.
func (s *storage) unsent() (int, Document) {
	s.settle()
	first := slices.IndexFunc(s.docs, func(d Document) bool { return !d.Sent })
	if first < 0 {
		return 0, Document{}
	}
	return len(s.docs) - first, s.docs[first]
}

func (s *storage) overdue() bool {
	n, oldest := s.unsent()
	return n > 0 && s.clock().Sub(oldest.At) > ofdWaitMax
}

// Warning bits of FF01.
const (
	warnReplace3  = 1 << 0
	warnReplace30 = 1 << 1
	warnArchive90 = 1 << 2
	warnOFDWait   = 1 << 3
	warnCritical  = 1 << 7
)

func (s *storage) warnings() byte {
	var w byte
	left := s.life.Sub(s.clock())
	if left <= 30*24*time.Hour {
		w |= warnReplace30
	}
	if left <= 3*24*time.Hour {
		w |= warnReplace3
	}
	if left <= 0 {
		w |= warnCritical
	}
	if len(s.docs) >= documentsMax/10*9 {
		w |= warnArchive90
	}
	if n, oldest := s.unsent(); n > 0 && s.clock().Sub(oldest.At) > ofdWarn {
		w |= warnOFDWait
	}
	return w
}
