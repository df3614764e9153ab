package shtrih

import (
	"encoding/binary"
	"math/bits"
	"time"

	"github.com/kopilka/kopilka/drivers/charset"
	"github.com/kopilka/kopilka/drivers/emulator/paper"
	"github.com/kopilka/kopilka/drivers/emulator/storage"
	"github.com/kopilka/kopilka/drivers/ffd"
	"github.com/kopilka/kopilka/drivers/shtrih/frame"
	"github.com/kopilka/kopilka/ledger/sale"
)

// Sizes of the receipt commands' parameters, the password included.
const (
	opHead    = 30  // FF46 before the name
	nameMax   = 128 // tag 1030
	closeHead = 116 // FF45 before the text
	closeText = 64
	tlvMax    = 250
)

// Documents in the making, as FF01 names them.
const (
	curNone       = 0
	curShiftOpen  = 0x02
	curReceipt    = 0x04
	curShiftClose = 0x08
	curCorrection = 0x14
)

// reckon is the amount that asks the register to compute it.
const reckon = frame.Uint40Max

// receipt is the document that is open.
type receipt struct {
	Kind  byte           `json:"kind"`            // of 8Dh: 0 sale, 1 buy, 2 sale return, 3 buy return
	Fixes bool           `json:"fixes,omitempty"` // a correction: 80h is added to the kind
	Who   byte           `json:"who"`
	Lines []storage.Line `json:"lines"`
	Total sale.Money     `json:"total"`
	Tags  []storage.Tag  `json:"tags"`
}

// signs is tag 1054 for each kind of 8Dh.
var signs = [4]uint8{0: 1, 1: 3, 2: 2, 3: 4}

// fixing is added to the kind of a receipt that corrects, from FFD 1.1 on.
const fixing = 0x80

func (d *receipt) form() storage.DocType {
	if d.Fixes {
		return storage.DocCorrection
	}
	return storage.DocReceipt
}

func (d *receipt) current() uint8 {
	if d.Fixes {
		return curCorrection
	}
	return curReceipt
}

func (r *Register) openReceipt(q request) ([]byte, byte) {
	doc := &receipt{Kind: q.p[0] &^ fixing, Who: q.who, Fixes: q.p[0]&fixing != 0}
	if doc.Kind > 3 || doc.Fixes && r.opt.FFD == ffd105 {
		return nil, errParameters
	}
	if code := r.FN.Allows(doc.form(), r.clock()); code != storage.OK {
		return nil, byte(code)
	}
	r.ram.Receipt = doc
	r.ram.Tags = nil
	r.FN.Current, r.FN.Data = doc.current(), false
	title := titles[doc.Kind]
	if doc.Fixes {
		title = correctionTitle + title
	}
	r.header(title)
	r.ram.save()
	return nil, 0
}

// operation adds a position: FF46.
func (r *Register) operation(q request) ([]byte, byte) {
	doc := r.ram.Receipt
	line, op, fault := r.position(q.p)
	switch {
	case fault != 0:
		return nil, fault
	case op != signs[doc.Kind]:
		return nil, errOperation
	case len(doc.Lines) >= r.opt.Positions:
		return nil, errLines
	case doc.Total+line.Sum > sale.MoneyMax:
		return nil, errParameters
	}
	doc.Lines = append(doc.Lines, line)
	doc.Total += line.Sum
	r.FN.Data = true
	r.printLine(line)
	r.ram.save()
	return nil, 0
}

// position reads FF46 from the operation byte on.
func (r *Register) position(p []byte) (storage.Line, uint8, byte) {
	q := request{p: p}
	l := storage.Line{
		Qty: int64(q.uint(1, 6)), Price: q.money(7), Sum: q.money(12), VATSum: q.money(17),
		Dept: p[23], Method: p[24], Subject: p[25], Name: charset.From1251(p[26:]),
	}
	vat, ok := r.vat(p[22])
	want, fits := product(l.Price, l.Qty)
	if l.Sum == reckon {
		l.Sum = want
	}
	if !ok || !fits || l.Qty == 0 || l.Dept > 16 || l.Method < 1 || l.Method > 7 || l.Subject < 1 || l.Subject > 33 {
		return l, 0, errParameters
	}
	if diff := l.Sum - want; diff > 1 || diff < -1 {
		return l, 0, errParameters
	}
	l.VAT = vat
	if l.VATSum == reckon {
		l.VATSum = inside(l.Sum, vat)
	}
	if l.VATSum > l.Sum {
		return l, 0, errParameters
	}
	return l, p[0], 0
}

// product is price × millionths rounded half up, and whether it fits five bytes.
func product(price sale.Money, qty int64) (sale.Money, bool) {
	const million = 1_000_000
	hi, lo := bits.Mul64(uint64(price), uint64(qty))
	lo, carry := bits.Add64(lo, million/2, 0)
	hi += carry
	if hi >= million {
		return 0, false
	}
	v, _ := bits.Div64(hi, lo, million)
	return sale.Money(v), v <= uint64(sale.MoneyMax)
}

// vatCodes are the tax bytes of FF46 by row of table 6; from row 11 on the byte is C0h + row, which
// was never seen on a wire.
var vatCodes = map[byte]byte{
	1: 1, 2: 2, 4: 3, 8: 4, 16: 5, 32: 6, 0x81: 7, 0x82: 8, 0x84: 9, 0x90: 10, 0xCB: 11, 0xCC: 12,
}

// vatTags are tag 1199 by row of table 6.
var vatTags = [vatRows]sale.VAT{
	sale.VAT20, sale.VAT10, sale.VAT0, sale.VATNone, sale.VAT20120, sale.VAT10110,
	sale.VAT5, sale.VAT7, sale.VAT5105, sale.VAT7107, sale.VAT22, sale.VAT22122,
}

// vat22From is when firmware whose table 17 field 71 says 1 begins to turn 20 % into 22 %.
var vat22From = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func (r *Register) vat(code byte) (sale.VAT, bool) {
	row, ok := vatCodes[code]
	if !ok {
		return 0, false
	}
	v := vatTags[row-1]
	mode, _ := r.cell(cellKey{tableRegional, 1, fieldVAT22}) // the field exists
	if len(mode) == 1 && mode[0] == 1 && !r.clock().Before(vat22From) {
		switch v {
		case sale.VAT20:
			return sale.VAT22, true
		case sale.VAT20120:
			return sale.VAT22122, true
		}
	}
	return v, true
}

func vatRowOf(v sale.VAT) int {
	for i, tag := range vatTags {
		if tag == v {
			return i
		}
	}
	return 3
}

// inside is the tax that a sum contains: sum × r ÷ (100 + r), half up.
func inside(sum sale.Money, v sale.VAT) sale.Money {
	percent := int64(vatTable[vatRowOf(v)].percent)
	return sum.ShareRounded(percent, 10000+percent)
}

func (r *Register) tagLine(q request) ([]byte, byte) {
	tags, fault := parseTags(q.p)
	lines := r.ram.Receipt.Lines
	if fault != 0 {
		return nil, fault
	}
	if len(lines) == 0 {
		return nil, byte(storage.WrongState)
	}
	last := &lines[len(lines)-1]
	last.Tags = append(last.Tags, tags...)
	r.ram.save()
	return nil, 0
}

// tagDocument takes values for the document in the making; without one the storage refuses.
func (r *Register) tagDocument(q request) ([]byte, byte) {
	tags, fault := parseTags(q.p)
	switch {
	case fault != 0:
		return nil, fault
	case r.FN.Current == curNone:
		return nil, byte(storage.WrongState)
	case r.ram.Receipt != nil:
		r.ram.Receipt.Tags = append(r.ram.Receipt.Tags, tags...)
	default:
		r.ram.Tags = append(r.ram.Tags, tags...)
	}
	r.FN.Data = true
	r.ram.save()
	return nil, 0
}

func parseTags(p []byte) ([]storage.Tag, byte) {
	if len(p) > tlvMax {
		return nil, byte(storage.TLVTooBig)
	}
	values, err := ffd.ParseTLV(p)
	if err != nil || len(values) == 0 {
		return nil, byte(storage.Parameter)
	}
	tags := make([]storage.Tag, len(values))
	for i, v := range values {
		tags[i] = storage.Tag{Tag: v.Tag, Value: append([]byte(nil), v.Value...)}
	}
	return tags, 0
}

func (r *Register) subtotal(request) ([]byte, byte) {
	return appendMoney(nil, r.ram.Receipt.Total), 0
}

func appendMoney(dst []byte, m sale.Money) []byte {
	return append(dst, binary.LittleEndian.AppendUint64(nil, uint64(m))[:frame.MoneyBytes]...)
}

// cancelReceipt drops the open document in register and storage: 88h.
func (r *Register) cancelReceipt(request) ([]byte, byte) {
	r.annul()
	return nil, 0
}

func (r *Register) annul() {
	r.ram.Receipt = nil
	r.ram.DocNo++
	lines := append(r.wrapped("", r.middle("ЧЕК АННУЛИРОВАН"), ""), paper.Line{Kind: paper.Cut})
	r.queue(lines...)
	r.FN.Drop()
	r.loud()
	r.ram.save()
}

// fnCancel drops the document in the storage only: FF08. An open receipt of the register can then
// no longer be closed, only cancelled.
func (r *Register) fnCancel(request) ([]byte, byte) {
	r.FN.Drop()
	r.ram.Tags = nil
	r.ram.save()
	return nil, 0
}

// closeReceipt is FF45: check, sign, print.
func (r *Register) closeReceipt(q request) ([]byte, byte) {
	if r.FN.Current != r.ram.Receipt.current() {
		return nil, byte(storage.WrongState)
	}
	quiet := r.quiet()
	d, fault := r.settled(q)
	if fault != 0 {
		return nil, fault
	}
	d, code := r.FN.Sign(d, r.cutFault(q.code))
	if code != storage.OK {
		return nil, byte(code)
	}
	r.book(d)
	if !quiet {
		r.queue(r.ending(d)...)
	}
	r.loud()
	r.ram.save()
	out := appendMoney(nil, d.Change)
	out = binary.LittleEndian.AppendUint32(out, d.FD)
	out = binary.LittleEndian.AppendUint32(out, d.Sign)
	return frame.AppendFNTime(out, d.At), 0
}

// settled makes the document out of the open receipt and the payments of FF45.
func (r *Register) settled(q request) (storage.Document, byte) {
	doc := r.ram.Receipt
	d := storage.Document{
		Type: doc.form(), At: r.clock(), Op: signs[doc.Kind], Lines: doc.Lines, Tags: doc.Tags,
		Operator: r.operatorText(doc.Who, doc.Tags), Rounding: sale.Money(q.p[80]), Tax: q.p[111],
	}
	var paid, cashless sale.Money
	for i := range paymentKinds {
		sum := q.money(i * frame.MoneyBytes)
		paid += sum
		if i > 0 {
			cashless += sum
		}
		if sum > 0 {
			d.Payments = append(d.Payments, storage.Payment{
				Tender: tenderOf(i + 1), Name: r.cellText(cellKey{tablePayments, uint16(i + 1), 1}), Sum: sum,
			})
		}
	}
	d.Sum, d.Change = doc.Total-d.Rounding, paid-(doc.Total-d.Rounding)
	if basis, ok := storage.BasisOf(doc.Tags); doc.Fixes && ok {
		d.Basis = &basis
	}
	return d, r.refusesPayment(d, paid, cashless)
}

func (r *Register) refusesPayment(d storage.Document, paid, cashless sale.Money) byte {
	if d.Type == storage.DocCorrection && d.Basis == nil {
		return byte(storage.MarkMissing) // AAh: a value that the document must have is missing
	}
	oneTax := d.Tax != 0 && d.Tax&(d.Tax-1) == 0 && d.Tax <= 32
	switch {
	case d.Rounding > 99, !oneTax:
		return errParameters
	case len(d.Lines) == 0, d.Sum <= 0:
		return errZero
	case paid < d.Sum:
		return errPayment
	case cashless > d.Sum:
		return errCashless
	case paysOut(d.Op) && d.Cash() > r.ram.Cash:
		return errDrawer
	}
	return 0
}

// tenderOf is how fiscal data sees one of the sixteen sums of FF45: 1 cash, 2 to 13 cashless, then advance,
// credit, counter-provision.
func tenderOf(slot int) sale.TenderKind {
	switch slot {
	case 1:
		return sale.TenderCash
	case 14:
		return sale.TenderAdvance
	case 15:
		return sale.TenderCredit
	case 16:
		return sale.TenderCounter
	}
	return sale.TenderCard
}

// paysOut tells whether money leaves the drawer: a return of income and an expense.
func paysOut(op uint8) bool { return op == 2 || op == 3 }

// book counts a signed document in the register's memory. It is called once for each document, at
// once or, when the power went between signing and counting, at the next power-on.
func (r *Register) book(d storage.Document) {
	r.ram.Seen = d.FD
	r.ram.DocNo++
	r.ram.Tags = nil
	switch d.Type {
	case storage.DocShiftOpen, storage.DocShiftClose:
		r.ram.Turnover, r.ram.Count = [4][4]sale.Money{}, [4]uint16{}
		r.ram.CashIn, r.ram.CashOut = 0, 0
	case storage.DocReceipt, storage.DocCorrection:
		r.ram.Receipt = nil
		r.bookReceipt(d)
	case storage.DocRegistration:
	}
}

func (r *Register) bookReceipt(d storage.Document) {
	if d.Op < 1 || d.Op > 4 {
		return
	}
	cash := d.Cash()
	if paysOut(d.Op) {
		r.ram.Cash -= cash
	} else {
		r.ram.Cash += cash
	}
	r.ram.Count[d.Op-1]++
	for _, p := range d.Payments {
		sum, group := p.Sum, min(int(p.Tender)-1, 3)
		if p.Tender == sale.TenderCash {
			sum = cash
		}
		r.ram.Turnover[d.Op-1][group] += sum
	}
}

// operatorText is tag 1021 where it was sent, else the name in table 2.
func (r *Register) operatorText(row byte, tags []storage.Tag) string {
	for _, t := range tags {
		if t.Tag == 1021 {
			return t.Text()
		}
	}
	return r.cellText(cellKey{tableOperators, uint16(row), 2})
}
