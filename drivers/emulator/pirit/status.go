package pirit

import (
	"encoding/binary"
	"encoding/hex"
	"strings"
	"time"

	"github.com/kopilka/kopilka/drivers/charset"
	"github.com/kopilka/kopilka/drivers/emulator/storage"
	"github.com/kopilka/kopilka/drivers/ffd"
	"github.com/kopilka/kopilka/ledger/sale"
)

// Bits of the current flags, the second number of 00h.
const (
	flagNotStarted = 1 << 0
	flagNotFiscal  = 1 << 1
	flagShift      = 1 << 2
	flagOver24     = 1 << 3
	flagZHalf      = 1 << 8
)

func (r *Register) flags(request) ([][]byte, byte) {
	now := 0
	for _, f := range []struct {
		bit int
		on  bool
	}{{flagNotStarted, !r.started}, {flagNotFiscal, r.FN.Phase() != storage.PhaseFiscal}, {flagShift, r.FN.ShiftOpen()}, {flagOver24, r.FN.Over24()}, {flagZHalf, r.ram.ZHalf}} {
		if f.on {
			now |= f.bit
		}
	}
	fatal := 0
	if r.ram.Failed() != nil {
		fatal = 1
	}
	return numbers(fatal, now, r.docStatus()), 0
}

// printer is 04h: the state of paper and lid.
func (r *Register) printer(request) ([][]byte, byte) {
	const notReady, noPaper, open = 1 << 0, 1 << 1, 1 << 2
	bits := 0
	if !r.paper {
		bits |= noPaper
	}
	if r.cover {
		bits |= open
	}
	if bits != 0 {
		bits |= notReady
	}
	return numbers(bits), 0
}

func (r *Register) errorMore(q request) ([][]byte, byte) {
	switch n, _ := q.number(0); n {
	case 1:
		out := numbers(1, r.more)
		if r.opt.Family == FamilyViki {
			out = append(out, text("код "+string(number(r.more))))
		}
		return out, 0
	case 2:
		return numbers(2, 0), 0
	}
	return nil, errFormat
}

func (r *Register) counters(q request) ([][]byte, byte) {
	switch n, _ := q.number(0); n {
	case 1:
		return append(numbers(n), number(r.FN.ShiftNo())), 0
	case 2:
		return append(numbers(n), number(r.FN.Receipts()+1)), 0
	}
	return nil, errFormat
}

// model numbers are not published; this one is the emulator's own.
const model = 5

func (r *Register) info(q request) ([][]byte, byte) {
	n, _ := q.number(0)
	out := numbers(n)
	switch n {
	case 1:
		return append(out, []byte(leading(r.opt.Serial, 10))), 0
	case 2:
		return append(out, []byte("665")), 0
	case 3:
		return append(out, []byte(r.opt.INN)), 0
	case 4:
		return append(out, []byte(registered)), 0
	case 5:
		return append(out, stamp(r.FN.Last().At)...), 0
	case 7:
		return append(out, roubles(r.ram.Cash)), 0
	case 8:
		return append(out, number(r.ram.DocNo+1)), 0
	case 11:
		return append(out, r.operations()), 0
	case 14:
		left := int(r.FN.Expires().Sub(r.FN.Clock()) / (24 * time.Hour))
		return append(out, stamp(r.FN.Expires())[0], number(max(left, 0))), 0
	case 16:
		return append(out, number(map[bool]int{true: 1}[r.opt.Width < 40])), 0
	case 17:
		return append(out, stamp(r.FN.Opened())...), 0
	case 18:
		if r.opt.Family == FamilyViki {
			return append(out, number(r.opt.Width)), 0
		}
	case 21:
		return append(out, number(model)), 0
	case 23:
		return append(out, number(r.opt.Taxes), number(0), number(0)), 0
	case 70:
		return append(out, []byte("665.4.14")), 0
	}
	return nil, errFormat
}

func leading(n uint32, width int) string {
	s := string(number(n))
	return strings.Repeat("0", max(width-len(s), 0)) + s
}

// receiptData is 03h.
func (r *Register) receiptData(q request) ([][]byte, byte) {
	n, _ := q.number(0)
	out := numbers(n)
	switch n {
	case 1:
		total := sale.Money(0)
		if r.ram.Doc != nil {
			total = r.ram.Doc.Total
		}
		return append(out, roubles(total), roubles(0), roubles(0)), 0
	case 2:
		l := r.ram.Last
		return append(out, number(l.Type), r.operations(), number(l.Receipt), number(l.DocNo), roubles(l.Sum), roubles(0), roubles(0),
			number(l.Sign), number(l.FD)), 0
	}
	return nil, errFormat
}

// storage is 78h.
func (r *Register) storage(q request) ([][]byte, byte) {
	n, _ := q.number(0)
	out := numbers(n)
	switch n {
	case 1:
		return append(out, []byte(r.FN.Serial())), 0
	case 2:
		return append(out, numbers(r.phase(), int(r.FN.Current), int(r.FN.Warnings()))...), 0
	case 3:
		return append(out, number(r.FN.Last().FD)), 0
	case 6:
		return append(out, number(r.FN.ShiftNo()), number(map[bool]int{true: 1}[r.FN.ShiftOpen()]), number(r.FN.Receipts())), 0
	case 7:
		return append(out, r.exchange()...), 0
	case 11:
		return r.stored(q)
	case 15:
		return r.choose(q)
	case 16:
		return r.block(q)
	case 22:
		return append(out, numbers(r.format(), formatNew)...), 0
	}
	return nil, errFormat
}

// Numbers of the formats of fiscal data.
const (
	formatOld = 2
	formatNew = 4
)

func (r *Register) format() int {
	if r.opt.OldFormat {
		return formatOld
	}
	return formatNew
}

// phase is the state of the storage: fiscal, document data, shift.
func (r *Register) phase() int {
	const fiscal, data, shift = 3, 1 << 4, 1 << 5
	bits := 0
	if r.FN.Phase() == storage.PhaseFiscal {
		bits = fiscal
	}
	if r.FN.Data {
		bits |= data
	}
	if r.FN.ShiftOpen() {
		bits |= shift
	}
	return bits
}

func (r *Register) exchange() [][]byte {
	const has = 1 << 1
	n, oldest := r.FN.Unsent()
	if n == 0 {
		return append(numbers(0, 0, 0), nil, nil)
	}
	return append(append(numbers(has, n), number(oldest.FD)), stamp(oldest.At)...)
}

// stored is 78/11: whether the operator has confirmed a document, and the storage's short form of it.
func (r *Register) stored(q request) ([][]byte, byte) {
	fd, ok := q.number(1)
	d, found := r.FN.Find(uint32(fd))
	switch {
	case !ok:
		return nil, errFormat
	case !found:
		return nil, errNoData
	}
	at := d.At
	short := []byte{byte(d.Type), byte(map[bool]int{true: 1}[d.Sent]), byte(at.Year() - 2000), byte(at.Month()), byte(at.Day()), byte(at.Hour()), byte(at.Minute())}
	short = binary.LittleEndian.AppendUint32(binary.LittleEndian.AppendUint32(short, d.FD), d.Sign)
	return append(numbers(11, int(short[1])), hexed(short)), 0
}

func hexed(p []byte) []byte { return []byte(strings.ToUpper(hex.EncodeToString(p))) }

// choose is 78/15: it reads a document as tagged values, which 78/16 gives out in blocks.
func (r *Register) choose(q request) ([][]byte, byte) {
	fd, ok := q.number(1)
	d, found := r.FN.Find(uint32(fd))
	switch {
	case !ok:
		return nil, errFormat
	case !found:
		return nil, errNoData
	}
	r.read = tagged(d, r.FN.Serial())
	return append(numbers(15, int(d.Type)), number(len(r.read))), 0
}

func (r *Register) block(q request) ([][]byte, byte) {
	const blockMax = 1000
	at, okAt := q.number(1)
	size, okSize := q.number(2)
	switch {
	case !okAt || !okSize || size < 1 || size > blockMax || at > len(r.read):
		return nil, errFormat
	case r.read == nil:
		return nil, errNoData
	}
	return append(numbers(16), hexed(r.read[at:min(at+size, len(r.read))])), 0
}

// tagDateTime and tagPayments are tags that only the archive's form needs.
const tagDateTime = 1012

var payTags = map[sale.TenderKind]uint16{
	sale.TenderCash: ffd.TagCash, sale.TenderCard: ffd.TagCashless, sale.TenderAdvance: ffd.TagAdvance, sale.TenderCredit: ffd.TagCredit, sale.TenderCounter: ffd.TagCounter,
}

// tagged is a document as the storage keeps it for thirty days.
func tagged(d storage.Document, fn string) []byte {
	word := func(v uint32) []byte { return binary.LittleEndian.AppendUint32(nil, v) }
	out := ffd.AppendTLV(nil, ffd.TagFN, []byte(fn))
	out = ffd.AppendTLV(out, ffd.TagFD, word(d.FD))
	out = ffd.AppendTLV(out, tagDateTime, word(uint32(d.At.Unix())))
	out = ffd.AppendTLV(out, ffd.TagFiscalSign, binary.BigEndian.AppendUint32([]byte{0x33, 0x01}, d.Sign))
	out = ffd.AppendTLV(out, ffd.TagShift, word(d.Shift))
	if d.Operator != "" {
		out = ffd.AppendTLV(out, ffd.TagCashier, charset.Text866(d.Operator, ffd.CashierBytes))
	}
	if d.Type == storage.DocReceipt || d.Type == storage.DocCorrection {
		out = ffd.AppendTLV(out, ffd.TagReceipt, word(d.Receipt))
		out = ffd.AppendTLV(out, ffd.TagSign, []byte{d.Op})
		out = ffd.AppendTLV(out, ffd.TagTotal, ffd.VLN(uint64(d.Sum)))
		out = ffd.AppendTLV(out, ffd.TagTaxSystem, []byte{d.Tax})
		for _, p := range d.Payments {
			out = ffd.AppendTLV(out, payTags[p.Tender], ffd.VLN(uint64(p.Sum)))
		}
	}
	if b := d.Basis; b != nil {
		nested := ffd.AppendTLV(ffd.AppendTLV(nil, ffd.TagBasisDay, word(uint32(b.Day.Unix()))), ffd.TagBasisNumber, charset.Text866(b.Number, 32))
		out = ffd.AppendTLV(out, ffd.TagCorrectionKind, []byte{byte(map[bool]int{true: 1}[b.Prescribed])})
		out = ffd.AppendTLV(out, ffd.TagBasis, nested)
	}
	for _, l := range d.Lines {
		nested := ffd.AppendTLV(nil, ffd.TagName, charset.Text866(l.Name, ffd.NameBytes))
		nested = ffd.AppendTLV(nested, ffd.TagPrice, ffd.VLN(uint64(l.Price)))
		nested = ffd.AppendTLV(nested, ffd.TagQty, ffd.FVLN(uint64(l.Qty), 6))
		nested = ffd.AppendTLV(nested, ffd.TagSum, ffd.VLN(uint64(l.Sum)))
		out = ffd.AppendTLV(out, ffd.TagPosition, ffd.AppendTLV(nested, ffd.TagRate, []byte{byte(l.VAT)}))
	}
	for _, t := range d.Tags {
		out = ffd.AppendTLV(out, t.Tag, t.Value)
	}
	return out
}
