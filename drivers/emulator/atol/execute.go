package atol

import (
	"strconv"
	"time"

	"github.com/kopilka/kopilka/drivers/atol/task"
	"github.com/kopilka/kopilka/drivers/emulator/paper"
	"github.com/kopilka/kopilka/drivers/emulator/storage"
	"github.com/kopilka/kopilka/drivers/ffd"
	"github.com/kopilka/kopilka/ledger/sale"
)

// command does one task and gives its result or the vendor's code.
type command func(r *Register, t task.Task) (any, int)

// commands are the tasks that this register knows.
var commands = map[task.Type]command{
	task.OpenShift: (*Register).openShift, task.CloseShift: (*Register).closeShift,
	task.Sell: (*Register).receipt, task.SellReturn: (*Register).receipt, task.Buy: (*Register).receipt, task.BuyReturn: (*Register).receipt,
	task.SellCorrection: (*Register).receipt, task.SellReturnCorrection: (*Register).receipt,
	task.BuyCorrection: (*Register).receipt, task.BuyReturnCorrection: (*Register).receipt,
	task.NonFiscal: (*Register).nonFiscal, task.ReportX: (*Register).reportX, task.CashIn: (*Register).cashIn, task.CashOut: (*Register).cashOut,
	task.ContinuePrint: (*Register).continuePrint, task.PrintLastReceiptCopy: (*Register).copyLast, task.OpenCashDrawer: (*Register).openDrawer,
	task.SetDateTime: (*Register).setDateTime, task.GetDeviceInfo: (*Register).deviceInfo, task.GetDeviceStatus: (*Register).deviceStatus,
	task.GetShiftStatus: (*Register).shiftStatus, task.GetFnInfo: (*Register).fnInfo, task.GetFnStatus: (*Register).fnStatus,
	task.GetFnDocument: (*Register).fnDocument, task.OfdExchangeStatus: (*Register).ofdStatus, task.GetCashDrawerStatus: (*Register).drawerStatus,
	task.GetRegistrationInfo: (*Register).registration, task.BeginMark: (*Register).beginMark, task.MarkStatus: (*Register).markStatus,
	task.AcceptMark: (*Register).acceptMark, task.DeclineMark: (*Register).declineMark, task.CancelMark: (*Register).cancelMark,
	task.ClearMarks: (*Register).clearMarks,
}

// execute does one task, with the power and the cable that there are.
func (r *Register) execute(t task.Task) (any, int) {
	if !r.power || !r.link {
		return nil, codeNoLink
	}
	do, known := commands[t.Type]
	if !known {
		return nil, codeUnknownTask
	}
	if f, struck := r.faults.strike(ClockJump, t.Type); struck {
		r.ram.Drift += f.For
	}
	value, code := do(r, t)
	r.ram.save()
	if r.gone {
		r.gone = false
		r.cutPower()
		return nil, codeNoLink
	}
	if !r.link {
		return nil, codeNoLink
	}
	r.Notify()
	return value, code
}

// begin is what every task that prints does first: an open receipt of whoever is dropped, and with it the codes
// that were checked, unless the task is a receipt itself.
func (r *Register) begin(t task.Task) int {
	r.foreign = false
	if _, _, receipt := t.Type.Receipt(); !receipt {
		r.FN.ClearMarks()
		r.check = nil
	}
	if t.Electronically {
		return codeOK
	}
	return r.ready()
}

func (r *Register) ready() int {
	switch {
	case !r.paper:
		return codeNoPaper
	case r.cover:
		return codeCover
	}
	return codeOK
}

// codes are the storage's, as the vendor's driver passes them on.
var codes = map[storage.Code]int{
	storage.OK: codeOK, storage.WrongState: codeFNState, storage.Broken: codeFNFault, storage.Expired: codeFNExpired, storage.Full: codeFNFull,
	storage.WrongTime: codeFNTime, storage.NoData: codeFNNoData, storage.Parameter: codeParameter, storage.TLVTooBig: codeTooLong,
	storage.OFDWait: codeOFDWait, storage.Shift24: codeFNShift, storage.TimeDiff: codeFNTimeDiff, storage.MarkOrder: codeMarkState,
	storage.MarksFull: codeMarksFull, storage.MarkMissing: codeMarkUnchecked, storage.MarkUnknown: codeMarkUnchecked,
}

func (r *Register) openShift(t task.Task) (any, int) {
	if code := r.begin(t); code != codeOK {
		return nil, code
	}
	if r.FN.ShiftOpen() {
		return nil, codeShiftOpen
	}
	return r.sign(t, storage.Document{Type: storage.DocShiftOpen, At: r.clock(), Operator: operator(t)}, nil, nil)
}

func (r *Register) closeShift(t task.Task) (any, int) {
	if code := r.begin(t); code != codeOK {
		return nil, code
	}
	if !r.FN.ShiftOpen() {
		return nil, codeShiftClosed
	}
	return r.sign(t, storage.Document{Type: storage.DocShiftClose, At: r.clock(), Operator: operator(t)}, r.turnover(), nil)
}

func operator(t task.Task) string {
	if t.Operator == nil {
		return "СИС. АДМИНИСТРАТОР"
	}
	return t.Operator.Name
}

// sign makes a document, prints it and tells of it. Above and below are what the task wants around it.
func (r *Register) sign(t task.Task, d storage.Document, above, below []paper.Line) (any, int) {
	d, code := r.FN.Sign(d, func(after bool) bool { return r.cut(t.Type, after) })
	if code != storage.OK {
		return nil, codes[code]
	}
	r.book(d)
	if _, struck := r.faults.strike(StorageSilent, t.Type); struck {
		return nil, codeFNTimeout
	}
	if !t.Electronically {
		r.print(append(append(above, r.document(d)...), below...)...)
	}
	result := map[string]any{"fiscalParams": r.fiscalParams(d.Type == storage.DocReceipt || d.Type == storage.DocCorrection)}
	if len(r.ram.Queue) > 0 {
		result["warnings"] = map[string]any{"notPrinted": true}
	}
	return result, codeOK
}

// fiscalParams tell of the last document.
func (r *Register) fiscalParams(receipt bool) map[string]any {
	d := r.FN.Last()
	out := map[string]any{
		"fiscalDocumentNumber": d.FD, "fiscalDocumentSign": strconv.FormatUint(uint64(d.Sign), 10), "fiscalDocumentDateTime": task.DateTime(d.At),
		"shiftNumber": d.Shift, "fnNumber": r.FN.Serial(), "registrationNumber": "0000000001000001", "fnsUrl": "www.nalog.gov.ru",
	}
	if receipt {
		out["fiscalReceiptNumber"], out["total"] = d.Receipt, task.Money(d.Sum)
	}
	return out
}

// book counts a signed document in the device's memory, once for each.
func (r *Register) book(d storage.Document) {
	r.ram.Seen = d.FD
	switch d.Type {
	case storage.DocShiftOpen, storage.DocShiftClose:
		r.ram.Sums, r.ram.Counts, r.ram.CashIn, r.ram.CashOut = [4]sale.Money{}, [4]uint32{}, 0, 0
	case storage.DocReceipt, storage.DocCorrection:
		if d.Op < 1 || d.Op > 4 {
			return
		}
		if paysOut(sale.DocKind(d.Op)) {
			r.ram.Cash -= d.Cash()
		} else {
			r.ram.Cash += d.Cash()
		}
		r.ram.Sums[d.Op-1] += d.Sum
		r.ram.Counts[d.Op-1]++
	case storage.DocRegistration:
	}
}

// paysOut tells whether money leaves the drawer.
func paysOut(k sale.DocKind) bool { return k == sale.DocSaleReturn || k == sale.DocExpense }

func (r *Register) nonFiscal(t task.Task) (any, int) {
	if code := r.begin(t); code != codeOK {
		return nil, code
	}
	lines, ok := items(t.Items)
	if !ok {
		return nil, codeParameter
	}
	r.print(append(lines, paper.Line{Kind: paper.Cut})...)
	return nil, r.left()
}

// left is the code of a document that is not fiscal and did not come out whole.
func (r *Register) left() int {
	if len(r.ram.Queue) > 0 {
		return codeNoPaper
	}
	return codeOK
}

func (r *Register) reportX(t task.Task) (any, int) {
	if code := r.begin(t); code != codeOK {
		return nil, code
	}
	r.print(append(r.turnover(), paper.Line{Kind: paper.Cut})...)
	return nil, r.left()
}

func (r *Register) cashIn(t task.Task) (any, int)  { return r.moveCash(t, "ВНЕСЕНИЕ", 1) }
func (r *Register) cashOut(t task.Task) (any, int) { return r.moveCash(t, "ВЫПЛАТА", -1) }

func (r *Register) moveCash(t task.Task, title string, sign sale.Money) (any, int) {
	if code := r.begin(t); code != codeOK {
		return nil, code
	}
	switch {
	case t.CashSum == nil || *t.CashSum <= 0 || sale.Money(*t.CashSum) > sale.MoneyMax:
		return nil, codeParameter
	case sign < 0 && sale.Money(*t.CashSum) > r.ram.Cash:
		return nil, codeNoCash
	}
	sum := sale.Money(*t.CashSum)
	if r.cut(t.Type, false) {
		return nil, codeNoLink
	}
	r.ram.Cash += sign * sum
	if sign > 0 {
		r.ram.CashIn += sum
	} else {
		r.ram.CashOut += sum
	}
	r.ram.save()
	if r.cut(t.Type, true) {
		return nil, codeNoLink
	}
	r.print(r.heading(title)...)
	r.print(append(sides("СУММА", "="+sum.String()), paper.Line{Kind: paper.Cut})...)
	return map[string]any{"counters": map[string]any{"cashSum": task.Money(r.ram.Cash)}}, codeOK
}

func (r *Register) continuePrint(task.Task) (any, int) {
	if len(r.ram.Queue) > 0 {
		if code := r.ready(); code != codeOK {
			return nil, code
		}
		r.feed()
	} else if code := r.ready(); code != codeOK {
		return nil, code
	}
	return nil, r.left()
}

func (r *Register) copyLast(t task.Task) (any, int) {
	if code := r.begin(t); code != codeOK {
		return nil, code
	}
	r.print(r.heading("КОПИЯ ДОКУМЕНТА")...)
	r.print(r.document(r.FN.Last())...)
	return nil, r.left()
}

func (r *Register) openDrawer(task.Task) (any, int) {
	r.drawer++
	return nil, codeOK
}

func (r *Register) setDateTime(t task.Task) (any, int) {
	if r.FN.ShiftOpen() {
		return nil, codeShiftOpen
	}
	at, err := time.Parse(task.ClockLayout, t.DateTime)
	if err != nil {
		return nil, codeParameter
	}
	if at.Before(r.FN.Last().At) {
		return nil, codeFNTime
	}
	r.ram.Drift += at.Sub(r.clock())
	return nil, codeOK
}

func (r *Register) deviceInfo(task.Task) (any, int) {
	return map[string]any{"deviceInfo": map[string]any{
		"model": 87, "modelName": r.opt.Model, "serial": r.serial(), "firmwareVersion": "5.8.100", "configurationVersion": "5.8.100",
		"receiptLineLength": widthDefault, "receiptLineLengthPix": 504, "ffdVersion": r.opt.FFD, "fnFfdVersion": r.opt.FFD,
	}}, codeOK
}

func (r *Register) deviceStatus(task.Task) (any, int) {
	registered := r.FN.Phase() == storage.PhaseFiscal
	return map[string]any{"deviceStatus": map[string]any{
		"currentDateTime": task.DateTime(r.clock()), "shift": r.shiftState(), "blocked": false, "coverOpened": r.cover, "paperPresent": r.paper,
		"fiscal": registered, "fnFiscal": registered, "fnPresent": true, "cashDrawerOpened": false,
	}}, codeOK
}

func (r *Register) shiftState() string {
	switch {
	case r.FN.Over24():
		return task.ShiftExpired
	case r.FN.ShiftOpen():
		return task.ShiftOpened
	}
	return task.ShiftClosed
}

func (r *Register) shiftStatus(task.Task) (any, int) {
	return map[string]any{"shiftStatus": map[string]any{
		"state": r.shiftState(), "number": r.FN.ShiftNo(), "expiredTime": task.DateTime(r.FN.Opened().Add(24 * time.Hour)),
		"documentsCount": r.FN.Receipts(),
	}}, codeOK
}

func (r *Register) warnings() map[string]any {
	w := r.FN.Warnings()
	return map[string]any{
		"memoryOverflow": w&storage.WarnArchive90 != 0, "needReplacement": w&storage.WarnReplace3 != 0, "ofdTimeout": w&storage.WarnOFDWait != 0,
		"resourceExhausted": w&storage.WarnReplace30 != 0, "criticalError": w&storage.WarnCritical != 0,
	}
}

func (r *Register) fnInfo(task.Task) (any, int) {
	return map[string]any{"fnInfo": map[string]any{
		"serial": r.FN.Serial(), "numberOfRegistrations": 1, "registrationsRemaining": 29, "validityDate": task.DateTime(r.FN.Expires()),
		"ffdVersion": r.opt.FFD, "fnFfdVersion": r.opt.FFD, "livePhase": "fiscal", "warnings": r.warnings(),
	}}, codeOK
}

func (r *Register) fnStatus(task.Task) (any, int) {
	return map[string]any{"fnStatus": map[string]any{
		"fiscalDocumentNumber": r.FN.Last().FD, "fiscalReceiptNumber": r.FN.Receipts(), "warnings": r.warnings(),
	}}, codeOK
}

func (r *Register) ofdStatus(task.Task) (any, int) {
	n, oldest := r.FN.Unsent()
	status := map[string]any{"notSentCount": n, "notSentFirstDocNumber": oldest.FD}
	if n > 0 {
		status["notSentFirstDocDateTime"] = task.DateTime(oldest.At)
	}
	return map[string]any{"status": status, "errors": map[string]any{}}, codeOK
}

func (r *Register) drawerStatus(task.Task) (any, int) {
	return map[string]any{
		"cashDrawerStatus": map[string]any{"cashDrawerOpened": false}, "counters": map[string]any{"cashSum": task.Money(r.ram.Cash)},
	}, codeOK
}

func (r *Register) registration(task.Task) (any, int) {
	return map[string]any{
		"organization": map[string]any{"name": "КОПИЛКА", "vatin": r.opt.INN, "taxationTypes": r.opt.Taxes},
		"device":       map[string]any{"registrationNumber": "0000000001000001", "ffdVersion": r.opt.FFD, "defaultTaxationType": r.opt.Taxes[0]},
	}, codeOK
}

var forms = map[storage.DocType]string{
	storage.DocRegistration: task.FormRegistration, storage.DocShiftOpen: task.FormOpenShift, storage.DocShiftClose: task.FormCloseShift,
	storage.DocReceipt: task.FormReceipt, storage.DocCorrection: task.FormCorrection,
}

// fnDocument is a document of the archive, its fields named by tags.
func (r *Register) fnDocument(t task.Task) (any, int) {
	d, ok := r.FN.Find(t.FiscalDocumentNumber)
	if !ok {
		return nil, codeFNNoData
	}
	tlv := map[string]any{
		"fiscalDocumentType": forms[d.Type], "short": false, tag(ffd.TagFD): d.FD, tag(ffd.TagFiscalSign): strconv.FormatUint(uint64(d.Sign), 10),
		"1012": task.DateTime(d.At), tag(ffd.TagFN): r.FN.Serial(), tag(ffd.TagShift): d.Shift,
	}
	if d.Type == storage.DocReceipt || d.Type == storage.DocCorrection {
		tlv[tag(ffd.TagSign)], tlv[tag(ffd.TagTotal)], tlv[tag(ffd.TagReceipt)] = d.Op, task.Money(d.Sum), d.Receipt
		tlv["qr"] = d.Fiscal(r.FN.Serial(), "").QR()
	}
	for _, x := range d.Tags {
		if x.Tag == ffd.TagUserRequisite {
			tlv[tag(x.Tag)] = []any{nested(x.Value)}
		}
	}
	return map[string]any{"documentTLV": tlv}, codeOK
}

func tag(n uint16) string { return strconv.Itoa(int(n)) }

// nested are texts inside a tag.
func nested(value []byte) map[string]any {
	out := map[string]any{}
	values, err := ffd.ParseTLV(value)
	if err != nil {
		return out
	}
	for _, v := range values {
		out[tag(v.Tag)] = storage.Tag{Value: v.Value}.Text()
	}
	return out
}
