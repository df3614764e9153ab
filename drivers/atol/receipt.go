package atol

import (
	"context"
	"fmt"
	"time"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/kopilka/kopilka/drivers"
	"github.com/kopilka/kopilka/drivers/atol/task"
	"github.com/kopilka/kopilka/drivers/ffd"
	"github.com/kopilka/kopilka/ledger/sale"
)

const (
	// linesMax is what every model of the vendor's holds.
	linesMax = 300
	// textLinesMax bounds the texts of one document, a metre of paper.
	textLinesMax = 300
	// textMax is more than any line that people read.
	textMax = 512
	// qrBytesMax is what a code still holds that a phone reads from 58 mm paper.
	qrBytesMax = 512
	// qrScale is the dot of a printed code.
	qrScale = 5
	// cleanupMax bounds the clearing of codes after a failure; nobody waits longer for an error.
	cleanupMax = 10 * time.Second
)

// Print implements [drivers.Printer]. The receipt is one task of the queue, so there is no half of it to cancel:
// it is made or it is not, and where the driver cannot find out which, the outcome is unknown. A receipt that is
// signed is a success even when its paper is missing: Status tells.
func (p *Printer) Print(ctx context.Context, r drivers.Receipt) (sale.Fiscal, error) {
	const op = "print receipt"
	f, err := p.receipt(ctx, r, func(t *task.Task) error {
		t.Type = task.ReceiptType(r.Doc, false)
		return nil
	})
	return f, p.report(op, err)
}

// Correct implements [drivers.Corrector].
func (p *Printer) Correct(ctx context.Context, c drivers.Correction) (sale.Fiscal, error) {
	f, err := p.receipt(ctx, c.Receipt, func(t *task.Task) error {
		if err := drivers.CheckCorrection(c, linesMax); err != nil {
			return err
		}
		t.Type, t.CorrectionType = task.ReceiptType(c.Receipt.Doc, true), task.CorrectionSelf
		if c.Prescribed {
			t.CorrectionType = task.CorrectionInstruction
		}
		t.CorrectionBaseDate, t.CorrectionBaseNumber = c.Day.Format(task.CorrectionDateLayout), c.Number
		return nil
	})
	return f, p.report("print correction", err)
}

// receipt makes a receipt or, as more says, a correction.
func (p *Printer) receipt(ctx context.Context, r drivers.Receipt, more func(*task.Task) error) (sale.Fiscal, error) {
	if err := drivers.CheckReceipt(r, linesMax); err != nil {
		return sale.Fiscal{}, err
	}
	t, err := p.compose(r)
	if err == nil {
		err = more(&t)
	}
	if err != nil {
		return sale.Fiscal{}, err
	}
	s, err := p.state(ctx)
	if err == nil {
		err = mayPrint(s, t)
	}
	if err != nil {
		return sale.Fiscal{}, outcome(err, drivers.OutcomeNotDone)
	}
	if s.ffd < ffd12 {
		plain(&t)
	}
	if err := p.mark(ctx, r, &t); err != nil {
		p.tidy(ctx, r)
		return sale.Fiscal{}, outcome(err, drivers.OutcomeNotDone)
	}
	f, err := p.sign(ctx, s, t, p.opts.wait)
	if err != nil {
		p.tidy(ctx, r)
		return sale.Fiscal{}, err
	}
	p.marks = nil // the storage has emptied its table
	return f, nil
}

// mayPrint refuses early what the register would refuse with a code, so that the hint is plain.
func mayPrint(s state, t task.Task) error {
	if err := s.signs(); err != nil {
		return err
	}
	switch {
	case !s.paper && !t.Electronically:
		return refusedBy(codeNoPaper)
	case s.cover && !t.Electronically:
		return refusedBy(codeCover)
	case s.shift == drivers.ShiftClosed && t.Type != task.OpenShift:
		return refusedBy(codeShiftClosed)
	case s.shift == drivers.ShiftExpired && t.Type != task.CloseShift:
		return refusedBy(codeShiftOver)
	case s.shift == drivers.ShiftOpen && t.Type == task.OpenShift:
		return refusedBy(codeShiftOpen)
	}
	return nil
}

// plain takes out what a register of FFD 1.05 does not know. The position is whole without its unit there.
func plain(t *task.Task) {
	for i := range t.Items {
		t.Items[i].MeasurementUnit = nil
	}
}

// compose writes the receipt's task. Nothing is asked or sent.
func (p *Printer) compose(r drivers.Receipt) (task.Task, error) {
	if n := utf8.RuneCountInString(r.Contact); n > ffd.ContactBytes {
		return task.Task{}, drivers.BadReceipt("a contact of %d letters, at most %d", n, ffd.ContactBytes)
	}
	total := task.Money(r.Total)
	t := task.Task{
		TaxationType: task.TaxSystems[uint8(r.Tax)], Operator: operator(r.Operator), Electronically: r.NoPaper,
		IgnoreNonFiscalPrintErrors: true, Total: &total,
	}
	if t.TaxationType == "" {
		return t, drivers.BadReceipt("tax system %d", r.Tax)
	}
	if r.Contact != "" {
		t.ClientInfo = &task.Client{EmailOrPhone: r.Contact}
	}
	var err error
	if t.PreItems, err = texts(r.Header, ""); err != nil {
		return t, err
	}
	if t.PostItems, err = texts(r.Footer, r.QR); err != nil {
		return t, err
	}
	if p.opts.key && r.Key != "" {
		quiet := false
		t.Items = append(t.Items, task.Item{Type: task.UserAttribute, Name: ffd.KeyName, Value: r.Key, Print: &quiet})
	}
	if r.Extra != "" {
		quiet := false
		t.Items = append(t.Items, task.Item{Type: task.AdditionalAttribute, Value: r.Extra, Print: &quiet})
	}
	for _, l := range r.Lines {
		if err := p.position(&t, l); err != nil {
			return t, err
		}
	}
	t.Payments = payments(r)
	return t, nil
}

// operator is nobody where the cashier is not known: the register then names its own.
func operator(who drivers.Operator) *task.Operator {
	if who.Name == "" {
		return nil
	}
	return &task.Operator{Name: cut(who.Name, ffd.CashierBytes), VATIN: who.INN}
}

// cut shortens a text to so many letters: each is one byte of fiscal data, a letter written as two runes too.
func cut(text string, letters int) string {
	text = norm.NFC.String(text)
	if utf8.RuneCountInString(text) <= letters {
		return text
	}
	return string([]rune(text)[:letters])
}

// position appends a line and the texts under it.
func (p *Printer) position(t *task.Task, l drivers.ReceiptLine) error {
	rate, ok := task.Taxes[l.VAT]
	if !ok {
		return wrongRate(l.VAT)
	}
	subject, ok := task.Subjects[l.Subject]
	if !ok {
		return drivers.BadReceipt("subject of settlement %d", l.Subject)
	}
	price, qty, sum, unit := task.Money(l.Part.Price), task.Qty(l.Part.Qty), task.Money(l.Part.Sum), uint8(l.Unit)
	t.Items = append(t.Items, task.Item{
		Type: task.Position, Name: cut(l.Name, ffd.NameBytes), Price: &price, Quantity: &qty, Amount: &sum, Department: p.opts.department,
		MeasurementUnit: &unit, PaymentMethod: task.MethodFull, PaymentObject: subject, Tax: &task.Tax{Type: rate},
	})
	under, err := texts(l.Text, "")
	t.Items = append(t.Items, under...)
	return err
}

// texts are lines and, below them, a QR code.
func texts(lines []string, qr string) ([]task.Item, error) {
	if len(lines) > textLinesMax {
		return nil, drivers.BadReceipt("%d lines of text, at most %d", len(lines), textLinesMax)
	}
	if len(qr) > qrBytesMax {
		return nil, drivers.BadReceipt("QR text of %d bytes, at most %d", len(qr), qrBytesMax)
	}
	var out []task.Item
	for _, line := range lines {
		out = append(out, task.Item{Type: task.Text, Text: cut(line, textMax), Wrap: task.WrapWords})
	}
	if qr != "" {
		out = append(out, task.Item{Type: task.Barcode, Barcode: qr, BarcodeType: task.BarcodeQR, Alignment: task.AlignCentre, Scale: qrScale})
	}
	return out, nil
}

// payments are the sums by kind; of cash what was handed over, so that the register prints the change.
func payments(r drivers.Receipt) []task.Payment {
	sums := map[sale.TenderKind]sale.Money{}
	for _, t := range r.Tenders {
		sums[t.Kind] += t.Amount
	}
	if r.Given > 0 {
		sums[sale.TenderCash] = r.Given
	}
	var out []task.Payment
	for kind := sale.TenderCash; kind <= sale.TenderCounter; kind++ {
		if sums[kind] > 0 {
			out = append(out, task.Payment{Type: task.Tenders[kind], Sum: task.Money(sums[kind])})
		}
	}
	return out
}

// sign posts the task that makes a document and finds out what became of it.
func (p *Printer) sign(ctx context.Context, before state, t task.Task, wait time.Duration) (sale.Fiscal, error) {
	results, err := p.do(ctx, job{kind: final, tasks: []task.Task{t}, wait: wait, mark: before.end})
	if err != nil {
		return sale.Fiscal{}, err
	}
	if results[0].Status == task.Canceled {
		return sale.Fiscal{}, canceled() // the server's own word that it was never begun
	}
	if err := firstError(results); err != nil {
		return sale.Fiscal{}, p.proved(ctx, before, err)
	}
	f, err := p.made(ctx, before, t, results[0])
	return f, outcome(err, drivers.OutcomeUnknown)
}

// proved asks the storage whether a task that ended with an error has left a document all the same: the server
// says "error" also for a link that broke, and paper may end between the storage and the answer.
func (p *Printer) proved(ctx context.Context, before state, refused error) error {
	if now, err := p.end(ctx); err == nil && now == before.end {
		return outcome(refused, drivers.OutcomeNotDone)
	}
	return outcome(refused, drivers.OutcomeUnknown)
}

// made is the document that a task made, as its result or, where that is missing, the archive tells.
func (p *Printer) made(ctx context.Context, before state, t task.Task, r task.Result) (sale.Fiscal, error) {
	var result task.FiscalResult
	if len(r.Result) > 0 {
		if err := task.ParseResult(r.Result, &result); err != nil {
			return sale.Fiscal{}, malformed(err)
		}
	}
	if w := result.Warnings; w != nil {
		p.unprinted = p.unprinted || w.NotPrinted
	}
	doc := docOf(t.Type)
	params := result.Params
	if params == nil {
		return p.newest(ctx, before, doc)
	}
	switch {
	case params.FN != before.end.fn:
		return sale.Fiscal{}, malformed(fmt.Errorf("document of storage %.20q, another one is in the register", params.FN))
	case params.Number <= before.end.fd:
		return sale.Fiscal{}, malformed(fmt.Errorf("document %d, but %d was there before", params.Number, before.end.fd))
	case params.At.Time().IsZero():
		return sale.Fiscal{}, malformed(errIncomplete)
	case t.Total != nil && params.Total != nil && *params.Total != *t.Total:
		return sale.Fiscal{}, malformed(fmt.Errorf("document of %s, the till reckons %s", sale.Money(*params.Total), sale.Money(*t.Total)))
	}
	f := sale.Fiscal{
		Kind: sale.FiscalOwn, Key: sale.FiscalKey{FN: params.FN, FD: params.Number}, Sign: uint32(params.Sign), Shift: params.Shift,
		Receipt: params.Receipt, Doc: doc, Stamp: sale.StampOf(params.At.Time()), Register: before.serial,
	}
	if t.Total != nil {
		f.Sum = sale.Money(*t.Total)
	}
	return f, nil
}

// docOf is the kind of document that a task makes.
func docOf(t task.Type) sale.DocKind {
	kind, correction, receipt := t.Receipt()
	switch {
	case receipt && correction:
		return kind.Correction()
	case receipt:
		return kind
	case t == task.OpenShift:
		return sale.DocShiftOpen
	}
	return sale.DocShiftClose
}

// newest finds the one document of a kind that came after the end of the archive.
func (p *Printer) newest(ctx context.Context, before state, doc sale.DocKind) (sale.Fiscal, error) {
	now, err := p.end(ctx)
	if err != nil {
		return sale.Fiscal{}, err
	}
	if now.fn != before.end.fn {
		return sale.Fiscal{}, malformed(fmt.Errorf("another storage, %.20q, is in the register", now.fn))
	}
	docs, err := p.documents(ctx, before.end.fd, now.fd)
	if err != nil {
		return sale.Fiscal{}, err
	}
	var found []sale.Fiscal
	for _, d := range docs {
		if d.Fiscal.Doc == doc {
			found = append(found, d.Fiscal)
		}
	}
	if len(found) != 1 {
		return sale.Fiscal{}, malformed(fmt.Errorf("%d such documents after %d", len(found), before.end.fd))
	}
	return found[0], nil
}

// Cancel implements [drivers.Printer]. No task leaves a document open; what may be left are checked codes.
func (p *Printer) Cancel(ctx context.Context) error {
	return p.report("cancel document", outcome(p.clearMarks(ctx), drivers.OutcomeNotDone))
}

// Resume implements [drivers.Printer].
func (p *Printer) Resume(ctx context.Context) error {
	results, err := p.work(ctx, p.opts.wait, task.Task{Type: task.ContinuePrint})
	if err == nil {
		err = firstError(results)
	}
	if err == nil {
		p.unprinted = false
	}
	return p.report("resume printing", err)
}
