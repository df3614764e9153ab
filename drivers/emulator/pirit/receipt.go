package pirit

import (
	"math/bits"
	"strconv"
	"strings"
	"time"

	"github.com/kopilka/kopilka/drivers/emulator/paper"
	"github.com/kopilka/kopilka/drivers/emulator/storage"
	"github.com/kopilka/kopilka/drivers/ffd"
	"github.com/kopilka/kopilka/drivers/pirit/frame"
	"github.com/kopilka/kopilka/ledger/sale"
)

// Types of documents, the low four bits of the document's status.
const (
	typeService    = 1
	typeSale       = 2
	typeReturn     = 3
	typeCashIn     = 4
	typeCashOut    = 5
	typeBuy        = 6
	typeBuyReturn  = 7
	typeCorrection = 8 // plus tag 1054: 9 to 12
)

// States of documents, the high four bits.
const (
	stateOpen   = 1
	stateTotal  = 2
	statePays   = 3
	statePaid   = 4
	stateSigned = 8
)

// Bits of the mode in 30h.
const (
	modeBatch   = 1 << 4
	modeNoPrint = 1 << 7
	modeType    = 0x0F
)

// document is the one that is open.
type document struct {
	Type     int               `json:"type"`
	State    int               `json:"state"`
	Operator string            `json:"operator"`
	INN      string            `json:"inn,omitempty"`
	Tax      uint8             `json:"tax"` // tag 1055
	Lines    []storage.Line    `json:"lines"`
	Next     []storage.Tag     `json:"next,omitempty"` // tags of the next position
	Mark     string            `json:"mark,omitempty"` // of the next position
	Verdict  uint8             `json:"verdict,omitempty"`
	Total    sale.Money        `json:"total"`
	Paid     sale.Money        `json:"paid"`
	Payments []storage.Payment `json:"payments"`
	Basis    *storage.Basis    `json:"basis,omitempty"`
	NoPrint  bool              `json:"noPrint,omitempty"`
	Moves    sale.Money        `json:"moves,omitempty"` // of a cash movement
}

// ops is tag 1054 by type.
var ops = map[int]uint8{
	typeSale: 1, typeReturn: 2, typeBuy: 3, typeBuyReturn: 4,
	typeCorrection + 1: 1, typeCorrection + 2: 2, typeCorrection + 3: 3, typeCorrection + 4: 4,
}

var titles = map[int]string{
	typeService: "СЕРВИСНЫЙ ДОКУМЕНТ", typeSale: "КАССОВЫЙ ЧЕК / ПРИХОД", typeReturn: "КАССОВЫЙ ЧЕК / ВОЗВРАТ ПРИХОДА",
	typeCashIn: "ВНЕСЕНИЕ", typeCashOut: "ИНКАССАЦИЯ", typeBuy: "КАССОВЫЙ ЧЕК / РАСХОД", typeBuyReturn: "КАССОВЫЙ ЧЕК / ВОЗВРАТ РАСХОДА",
}

func (d *document) fiscal() bool { return ops[d.Type] != 0 }

// docStatus is the third number of 00h.
func (r *Register) docStatus() int {
	switch d := r.ram.Doc; {
	case r.ram.Signed != 0:
		signed, _ := r.FN.Find(r.ram.Signed)
		return typeOf(signed) | stateSigned<<4
	case d == nil:
		return 0
	default:
		return d.Type | d.State<<4
	}
}

func typeOf(d storage.Document) int {
	if d.Type == storage.DocCorrection {
		return typeCorrection + int(d.Op)
	}
	return map[uint8]int{1: typeSale, 2: typeReturn, 3: typeBuy, 4: typeBuyReturn}[d.Op]
}

// taxBits are tag 1055 by the number that 30h takes.
var taxBits = []uint8{1, 2, 4, 8, 16, 32}

// open is 30h.
func (r *Register) open(q request) ([][]byte, byte) {
	const depts = 99
	mode, okMode := q.number(0)
	dept, okDept := q.number(1)
	tax, okTax := q.number(4)
	kind := mode & modeType
	switch {
	case !okMode || !okDept || !okTax || titles[kind] == "" || dept < 1 || dept > depts || tax >= len(taxBits):
		return nil, errFormat
	case r.ram.Doc != nil:
		return r.impossible(whyDocument)
	}
	d := &document{Type: kind, State: stateOpen, Tax: taxBits[tax], NoPrint: mode&modeNoPrint != 0}
	d.INN, d.Operator = frame.ReadOperator(q.field(2))
	if kind != typeService && d.Operator == "" {
		return r.impossible(whyNoName)
	}
	if code := r.admits(d); code != 0 {
		return nil, code
	}
	r.begin(d)
	if mode&modeBatch != 0 {
		r.batch = batchOn
	}
	return nil, 0
}

// admits tells whether a document may be begun, as shift, storage and paper are.
func (r *Register) admits(d *document) byte {
	if d.Type != typeService {
		if !r.FN.ShiftOpen() {
			r.more = whyShift
			return errState
		}
		if r.FN.Over24() {
			return errDay
		}
	}
	if d.fiscal() {
		form := storage.DocReceipt
		if d.Basis != nil {
			form = storage.DocCorrection
		}
		if code := r.FN.Allows(form, r.clock()); code != storage.OK {
			return fnCode(code)
		}
		if d.Tax&r.opt.Taxes == 0 {
			return 0x59
		}
	}
	if d.NoPrint {
		return 0
	}
	return r.ready()
}

func (r *Register) begin(d *document) {
	r.ram.Doc = d
	if d.fiscal() {
		r.FN.Current = 0x04
		if d.Basis != nil {
			r.FN.Current = 0x14
		}
	}
	if !d.NoPrint {
		title := titles[d.Type]
		if d.Basis != nil {
			title = "ЧЕК КОРРЕКЦИИ"
		}
		r.header(title, d.Operator)
	}
	r.ram.save()
}

// show prints inside the open document, where it prints at all.
func (r *Register) show(texts ...string) {
	if !r.ram.Doc.NoPrint {
		r.print(texts...)
	}
}

// adds checks that the open document is a receipt in the given states.
func (r *Register) adds(upTo int) byte {
	d := r.ram.Doc
	why := 0
	switch {
	case d == nil:
		why = whyNoDocument
	case !d.fiscal():
		why = whyNotReceipt
	case d.State > upTo:
		why = map[int]int{stateOpen: whyState1, stateTotal: whyState2, statePays: whyState3}[upTo]
	}
	if why != 0 {
		r.more = why
		return errState
	}
	if d.NoPrint {
		return 0
	}
	return r.ready()
}

// lineTags is 24h: the marking code (FFD 1.05) and the requisites of the next position.
func (r *Register) lineTags(q request) ([][]byte, byte) {
	const mark, office, day, no, value = 0, 14, 15, 16, 17
	if code := r.adds(stateOpen); code != 0 {
		return nil, code
	}
	if date := q.field(day); (len(date) != 0 || len(q.field(value)) != 0) && (len(date) != len("ddmmyyyy") || !sale.Digits(string(date))) {
		return nil, errFormat
	}
	d := r.ram.Doc
	if raw := frame.Unescape(q.field(mark)); raw != "" && r.opt.OldFormat {
		d.Next = append(d.Next, storage.Tag{Tag: ffd.TagMarkCode, Value: []byte(raw)})
	}
	if len(q.field(value)) > 0 && !r.opt.OldFormat {
		date := q.text(day)
		nested := ffd.AppendTLV(nil, ffd.TagIndustryOffice, q.field(office))
		nested = ffd.AppendTLV(nested, ffd.TagIndustryDay, []byte(date[:2]+"."+date[2:4]+"."+date[4:]))
		nested = ffd.AppendTLV(nested, ffd.TagIndustryNumber, q.field(no))
		nested = ffd.AppendTLV(nested, ffd.TagIndustryValue, q.field(value))
		d.Next = append(d.Next, storage.Tag{Tag: ffd.TagIndustry, Value: nested})
	}
	r.ram.save()
	return [][]byte{nil}, 0
}

// line is 42h: a position. The answer is the tax in it, with four decimals.
func (r *Register) line(q request) ([][]byte, byte) {
	if code := r.adds(stateOpen); code != 0 {
		return nil, code
	}
	d := r.ram.Doc
	l, code := r.position(q)
	switch {
	case code != 0:
		return nil, code
	case len(d.Lines) >= linesMax:
		return nil, errLines
	case d.Total+l.Sum > sale.MoneyMax:
		return nil, errFormat
	}
	d.Lines = append(d.Lines, l)
	d.Total += l.Sum
	d.Next, d.Mark, d.Verdict = nil, "", 0
	r.FN.Data = true
	r.show(l.Name, r.sides("  "+quantity(l.Qty)+" x "+l.Price.String(), "="+l.Sum.String()))
	r.ram.save()
	return [][]byte{[]byte(l.VATSum.String() + "00")}, 0
}

// position reads 42h.
func (r *Register) position(q request) (storage.Line, byte) {
	const nameMax, sections, methods, subjects = 256, 16, 7, 33
	d := r.ram.Doc
	qty, okQty := millionths(q.field(2))
	price, okPrice := q.money(3)
	rate, okRate := q.number(4)
	section, okSection := q.number(6)
	method, okMethod := q.number(10)
	subject, okSubject := q.number(11)
	if !okQty || !okPrice || !okRate || !okSection || !okMethod || !okSubject || qty == 0 || price < 0 ||
		rate >= len(r.opt.Rates) || section > sections || method > methods || subject > subjects || len(q.field(0)) > nameMax {
		r.more = 46
		return storage.Line{}, errFormat
	}
	sum, fits := product(price, qty)
	if !fits {
		return storage.Line{}, errFormat
	}
	l := storage.Line{
		Name: q.text(0), Qty: qty, Price: price, Sum: sum, VAT: r.opt.Rates[rate].VAT, Dept: uint8(section),
		Method: uint8(max(method, ffd.MethodFull)), Subject: uint8(max(subject, 1)), Tags: d.Next, Mark: d.Mark, Verdict: d.Verdict,
	}
	if method != 0 {
		l.Method = uint8(method)
	}
	l.VATSum = storage.TaxInside(sum, l.VAT)
	return l, r.unit(q, &l)
}

// unit takes the measure: a number in FFD 1.2, a word in FFD 1.05.
func (r *Register) unit(q request, l *storage.Line) byte {
	if len(q.field(8)) == 0 || r.opt.OldFormat {
		return 0
	}
	n, ok := q.number(8)
	if !ok || n > 255 {
		return errFormat
	}
	l.Tags = append(l.Tags, storage.Tag{Tag: ffd.TagUnit, Value: []byte{byte(n)}})
	return 0
}

// millionths reads a quantity of up to nine decimals; what is finer than a millionth must be zero here.
func millionths(p []byte) (int64, bool) {
	whole, part, _ := strings.Cut(string(p), ".")
	if len(part) > 9 {
		return 0, false
	}
	part += strings.Repeat("0", 9-len(part))
	n, errWhole := strconv.ParseUint(whole, 10, 31)
	fraction, errPart := strconv.ParseUint(part, 10, 31)
	return int64(n)*1_000_000 + int64(fraction/1000), errWhole == nil && errPart == nil && fraction%1000 == 0
}

// quantity writes millionths with no more places than they need.
func quantity(q int64) string {
	s := strconv.FormatInt(q/1_000_000, 10)
	if rest := q % 1_000_000; rest != 0 {
		s += "." + strings.TrimRight(strconv.FormatInt(1_000_000+rest, 10)[1:], "0")
	}
	return s
}

// product is price × millionths rounded half up, and whether it is money that a register can hold.
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

// subtotal is 44h: the first one ends the positions, the second one begins the payment.
func (r *Register) subtotal(request) ([][]byte, byte) {
	if code := r.adds(stateTotal); code != 0 {
		return nil, code
	}
	d := r.ram.Doc
	if d.Total == 0 {
		return r.impossible(whyZero)
	}
	if d.State++; d.State == stateTotal {
		r.show(r.sides("ПОДЫТОГ", "="+d.Total.String()))
	}
	r.ram.save()
	return nil, 0
}

// compare is 52h.
func (r *Register) compare(q request) ([][]byte, byte) {
	sum, ok := q.money(0)
	switch {
	case r.ram.Doc == nil:
		return r.impossible(whyNoDocument)
	case !ok || sum != r.ram.Doc.Total:
		return nil, errFormat
	}
	return nil, 0
}

// tenders are fiscal kinds by the register's types of payment; what is not named is paid by card.
var tenders = map[int]sale.TenderKind{0: sale.TenderCash, 13: sale.TenderAdvance, 14: sale.TenderCredit, 15: sale.TenderCounter}

// pay is 47h. Cash may exceed what is left to pay, nothing else may.
func (r *Register) pay(q request) ([][]byte, byte) {
	const types = 16
	if code := r.adds(statePays); code != 0 {
		return nil, code
	}
	d := r.ram.Doc
	kind, okKind := q.number(0)
	sum, okSum := q.money(1)
	left := d.Total - d.Paid
	switch {
	case !okKind || !okSum || kind >= types || sum <= 0, kind != 0 && sum > left, left <= 0:
		r.more = 56
		return nil, errFormat
	case d.Total == 0:
		return r.impossible(whyZero)
	case kind == 0 && d.Basis == nil && paysOut(ops[d.Type]) && min(sum, left) > r.ram.Cash:
		return nil, errCash
	}
	tender, ok := tenders[kind]
	if !ok {
		tender = sale.TenderCard
	}
	d.Payments = append(d.Payments, storage.Payment{Tender: tender, Name: r.settings[cell{setPayments, kind}], Sum: sum})
	d.Paid += sum
	d.State = statePays
	if d.Paid >= d.Total {
		d.State = statePaid
	}
	r.ram.save()
	return nil, 0
}

// paysOut tells whether money leaves the drawer: a return of income and an expense.
func paysOut(op uint8) bool { return op == 2 || op == 3 }

// close is 31h: sign, print, and only then answer; in state 8 it prints the rest and answers.
func (r *Register) close(q request) ([][]byte, byte) {
	cut, ok := q.number(0)
	d := r.ram.Doc
	switch {
	case !ok:
		return nil, errFormat
	case r.ram.Signed != 0:
		return r.finish()
	case d == nil:
		return r.impossible(whyNoDocument)
	case !d.fiscal():
		return r.closePlain(q, cut)
	case d.State != statePaid:
		return r.impossible(whyState4)
	}
	if !d.NoPrint {
		if code := r.ready(); code != 0 {
			return nil, code
		}
	}
	r.batch = batchOff
	signed, code := r.FN.Sign(r.settled(d, q), r.cutAt(q.cmd))
	if code != storage.OK {
		return nil, fnCode(code)
	}
	quiet := d.NoPrint
	r.book(signed)
	if !quiet {
		r.queue(r.ending(signed, cut)...)
	}
	return r.finish()
}

// finish prints what is left of a signed document; while it cannot, the register stays in state 8.
func (r *Register) finish() ([][]byte, byte) {
	if len(r.ram.Queue) > 0 {
		if code := r.ready(); code != 0 {
			r.ram.save()
			return nil, code
		}
	}
	if r.gone {
		return nil, 0
	}
	d, _ := r.FN.Find(r.ram.Signed)
	r.ram.Signed = 0
	r.ram.save()
	fd, sign := string(number(d.FD)), string(number(d.Sign))
	out := [][]byte{number(r.ram.DocNo), r.operations(), []byte(fd + " " + sign), []byte(fd), []byte(sign), number(d.Shift), number(d.Receipt)}
	return append(out, frame.Date(d.At), []byte(d.At.Format("1504"))), 0
}

// operations is the register's own counter of everything it did.
func (r *Register) operations() []byte { return number(r.ram.DocNo) }

// settled makes the document out of the open receipt and the requisites of 31h.
func (r *Register) settled(d *document, q request) storage.Document {
	out := storage.Document{
		Type: storage.DocReceipt, At: r.clock(), Op: ops[d.Type], Sum: d.Total, Lines: d.Lines, Payments: d.Payments,
		Change: d.Paid - d.Total, Tax: d.Tax, Operator: d.Operator, Basis: d.Basis,
	}
	if d.Basis != nil {
		out.Type = storage.DocCorrection
	}
	if d.INN != "" {
		out.Tags = append(out.Tags, storage.Tag{Tag: ffd.TagCashierINN, Value: []byte(d.INN)})
	}
	if contact := q.field(1); len(contact) > 0 {
		out.Tags = append(out.Tags, storage.Tag{Tag: ffd.TagContact, Value: contact})
	}
	if name, value := q.field(6), q.field(7); len(name) > 0 && len(value) > 0 {
		nested := ffd.AppendTLV(ffd.AppendTLV(nil, ffd.TagUserName, name), ffd.TagUserValue, value)
		out.Tags = append(out.Tags, storage.Tag{Tag: ffd.TagUserRequisite, Value: nested})
	}
	return out
}

// book counts a signed document in the register's memory: once for each document, at once or, when the power
// went between signing and counting, at the next power-on.
func (r *Register) book(d storage.Document) {
	r.ram.Seen = d.FD
	r.ram.DocNo++
	switch d.Type {
	case storage.DocShiftOpen, storage.DocShiftClose:
		r.ram.Turnover, r.ram.Count = [4]sale.Money{}, [4]int{}
		r.ram.CashIn, r.ram.CashOut = 0, 0
		r.ram.ZHalf = d.Type == storage.DocShiftClose
	case storage.DocReceipt, storage.DocCorrection:
		r.bookReceipt(d)
	case storage.DocRegistration:
	}
	r.ram.save()
}

func (r *Register) bookReceipt(d storage.Document) {
	r.ram.Last = lastReceipt{Type: typeOf(d), Receipt: d.Receipt, DocNo: r.ram.DocNo, Sum: d.Sum, Sign: d.Sign, FD: d.FD}
	r.ram.Doc, r.ram.Signed = nil, d.FD
	if d.Op < 1 || d.Op > 4 {
		return
	}
	if paysOut(d.Op) {
		r.ram.Cash -= d.Cash()
	} else {
		r.ram.Cash += d.Cash()
	}
	r.ram.Count[d.Op-1]++
	r.ram.Turnover[d.Op-1] += d.Sum
}

// cancel is 32h. It prints that the document is void, so it needs paper.
func (r *Register) cancel(request) ([][]byte, byte) {
	if r.ram.Doc == nil {
		return r.impossible(whyNoDocument)
	}
	if !r.ram.Doc.NoPrint {
		if code := r.ready(); code != 0 {
			return nil, code
		}
	}
	r.annul()
	return nil, 0
}

func (r *Register) annul() {
	if r.ram.Doc.fiscal() {
		r.ram.Last = lastReceipt{Receipt: r.FN.Receipts(), DocNo: r.ram.DocNo}
	}
	quiet := r.ram.Doc.NoPrint
	r.ram.Doc, r.batch = nil, batchOff
	r.ram.DocNo++
	r.FN.Drop()
	if !quiet {
		r.ram.Queue = append(r.ram.Queue, append(r.wrapped(paper.Middle(r.opt.Width, "ДОКУМЕНТ АННУЛИРОВАН")), paper.Line{Kind: paper.Cut})...)
		if r.started {
			r.feed()
		}
	}
	r.ram.save()
}

// Foreign opens a sale as another program would, and leaves it open with one position in it.
func (r *Register) Foreign() {
	r.Mu.Lock()
	defer r.Mu.Unlock()
	l := storage.Line{Name: "чужой товар", Qty: 1_000_000, Price: 100, Sum: 100, VAT: sale.VATNone, Method: ffd.MethodFull, Subject: 1}
	r.begin(&document{Type: typeSale, State: stateOpen, Operator: "Другой", Tax: 1, Lines: []storage.Line{l}, Total: l.Sum})
	r.Notify()
}

func day(t time.Time) time.Time { return time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC) }
