package pirit

import (
	"context"
	"errors"
	"strconv"

	"github.com/kopilka/kopilka/drivers"
	"github.com/kopilka/kopilka/drivers/ffd"
	"github.com/kopilka/kopilka/drivers/pirit/frame"
	"github.com/kopilka/kopilka/ledger/sale"
)

const (
	// linesMax is our own: the storage answers 4Eh where it has enough, and that limit is not published.
	linesMax = 300
	// textBytes is a line of text in 40h and 49h.
	textBytes = 72
)

// Bits and types of the mode in 30h. The batch bit (10h) is never set: in batch mode a command that succeeds is
// not answered, so that nobody could tell a lost command from a good one.
const (
	typeService   = 1
	typeCashIn    = 4
	typeCashOut   = 5
	modeNoPrint   = 1 << 7
	cutDocument   = 0 // of 31h
	keepReceipt   = 5 // do not cut: more follows
	payCash       = 0
	payCard       = 1
	payAdvance    = 13
	payCredit     = 14
	payCounter    = 15
	namelessClerk = "Кассир"
)

var openings = map[sale.DocKind]int{sale.DocSale: 2, sale.DocSaleReturn: 3, sale.DocExpense: 6, sale.DocExpenseReturn: 7}

var payments = map[sale.TenderKind]int{
	sale.TenderCash: payCash, sale.TenderCard: payCard, sale.TenderAdvance: payAdvance, sale.TenderCredit: payCredit, sale.TenderCounter: payCounter,
}

// baseline is what is known before the first irreversible byte.
type baseline struct {
	fn    string
	fd    uint32 // the storage's last document
	model *model
	rates map[sale.VAT]int
}

// job is a receipt on its way, correction or not.
type job struct {
	drivers.Receipt
	kind     sale.DocKind
	verdicts map[string]int // of marking codes, tag 2106
	base     baseline
}

// Print implements [drivers.Printer]. Up to the closing command a failure leaves nothing signed, and the open
// document is cancelled where the line still allows it. After a loss at the closing command the storage is asked;
// what it does not settle is OutcomeUnknown. A receipt that is signed is a success even when the paper ends in
// the middle of it: Status tells.
func (p *Printer) Print(ctx context.Context, r drivers.Receipt) (sale.Fiscal, error) {
	const op = "print receipt"
	if err := errors.Join(drivers.CheckReceipt(r, linesMax), drivers.NoExtra(r)); err != nil {
		return sale.Fiscal{}, p.report(op, err)
	}
	j := &job{Receipt: r, kind: r.Doc}
	f, err := p.make(ctx, j, func() error {
		mode := openings[r.Doc]
		if r.NoPaper {
			mode |= modeNoPrint
		}
		return p.open(ctx, mode, r.Operator, r.Tax)
	})
	return f, p.report(op, err)
}

// make carries a receipt from the first look at the device to the last line of paper.
func (p *Printer) make(ctx context.Context, j *job, open func() error) (sale.Fiscal, error) {
	p.who = j.Operator
	if err := p.prepare(ctx, j); err != nil {
		return sale.Fiscal{}, outcome(err, drivers.OutcomeNotDone)
	}
	err := open()
	if err == nil {
		err = p.compose(ctx, j)
	}
	if err != nil {
		p.tidy(ctx)
		return sale.Fiscal{}, outcome(err, drivers.OutcomeNotDone)
	}
	f, err := p.sign(ctx, j)
	if err != nil {
		if drivers.NotDone(p.report("", err)) {
			p.tidy(ctx)
		}
		return sale.Fiscal{}, err
	}
	p.checked = nil // the storage forgets the codes of a receipt with it
	if !j.NoPaper && len(j.Footer)+len(j.QR) > 0 {
		_ = p.slip(ctx, j.Footer, j.QR) // the receipt is signed: paper or a lost link after that is for Status to tell
	}
	return f, nil
}

// prepare makes sure that the device can take the receipt, and notes where the archive ends.
func (p *Printer) prepare(ctx context.Context, j *job) error {
	if err := p.mayOpen(ctx, j.NoPaper); err != nil {
		return err
	}
	m, err := p.learn(ctx)
	if err != nil {
		return err
	}
	j.base.model = m
	if j.base.rates, err = p.checkRates(ctx, j.Lines); err != nil {
		return err
	}
	// The storage may have been swapped on a connection that a serial server keeps up.
	if j.base.fn, err = p.fn(ctx); err != nil {
		return err
	}
	if j.base.fd, err = p.lastFD(ctx); err != nil {
		return err
	}
	return p.checkMarks(ctx, j)
}

// mayOpen refuses early what the device would refuse with a code, so that the hint is plain.
func (p *Printer) mayOpen(ctx context.Context, noPaper bool) error {
	f, err := p.clear(ctx)
	if err != nil {
		return err
	}
	if !noPaper {
		if err := p.mayPrint(ctx); err != nil {
			return err
		}
	}
	switch {
	case f.has(flagNotFiscal):
		return because(codeState, whyNotFiscal)
	case f.signed() || f.has(flagZHalf):
		return because(codeState, 15)
	case f.open():
		return because(codeState, 9)
	case f.has(flagOver24):
		return because(codeDay, 0)
	case !f.has(flagShift):
		return because(codeState, 20)
	}
	return nil
}

// clear is ready, and takes away a slip of our own that a lost line has left half printed: no document of anybody
// else, and nothing fiscal.
func (p *Printer) clear(ctx context.Context) (flags, error) {
	f, err := p.ready(ctx)
	if err != nil || !p.halfSlip || f.doc&typeMask != typeService || !f.open() {
		return f, err
	}
	if err := p.cancel(ctx); err != nil {
		return f, err
	}
	return p.flags(ctx)
}

// mayPrint looks at the paper.
func (p *Printer) mayPrint(ctx context.Context) error {
	bits, err := p.printer(ctx)
	switch {
	case err != nil:
		return err
	case bits&printerNoPaper != 0:
		return because(codePaper, 0)
	case bits&printerOpen != 0:
		return because(codePrinter, 0)
	case bits&(printerCutter|printerGone) != 0:
		return refuse(drivers.FailHardware, "Неисправен принтер или резчик кассы. Уберите застрявшую бумагу. "+askService,
			"The register's printer or cutter has failed. Remove the paper stuck in it. "+callService)
	}
	return nil
}

func (p *Printer) open(ctx context.Context, mode int, who drivers.Operator, tax drivers.TaxSystem) error {
	_, err := p.call(ctx, works, frame.CmdOpen, decimal(mode), decimal(p.opts.department), operator(who), nil, decimal(taxIndex(tax)))
	return err
}

// operator is who the document names; the device refuses a document without a name.
func operator(who drivers.Operator) []byte {
	if who.Name == "" {
		who.Name = namelessClerk
	}
	return frame.Operator(who.INN, who.Name)
}

// compose fills the open document: header, positions, total, payments. Everything can still be cancelled.
func (p *Printer) compose(ctx context.Context, j *job) error {
	if err := p.texts(ctx, j, j.Header); err != nil {
		return err
	}
	for _, l := range j.Lines {
		if err := p.line(ctx, j, l); err != nil {
			return err
		}
		if err := p.texts(ctx, j, l.Text); err != nil {
			return err
		}
	}
	for range 2 { // the first ends the positions, the second begins the payment
		if _, err := p.call(ctx, works, frame.CmdSubtotal); err != nil {
			return err
		}
	}
	if err := p.compare(ctx, j.Total); err != nil {
		return err
	}
	return p.pay(ctx, j.Receipt)
}

// compare holds the device's total against ours while the document can still be cancelled.
func (p *Printer) compare(ctx context.Context, total sale.Money) error {
	_, err := p.call(ctx, reads, frame.CmdCompare, []byte(total.String()))
	if codeIn(err) == codeFormat {
		return malformed(frame.CmdCompare, "the register reckons another total than %s", total)
	}
	return err
}

// line sends what a position needs before itself, then the position: 24h, 79/15, 42h.
func (p *Printer) line(ctx context.Context, j *job, l drivers.ReceiptLine) error {
	if err := p.lineTags(ctx, j.base.model, l); err != nil {
		return err
	}
	if l.Mark != nil && j.base.model.marks {
		if err := p.bind(ctx, j, l); err != nil {
			return err
		}
	}
	const nothing = "" // fields that we leave to the device
	fields := [][]byte{
		frame.Text(l.Name, ffd.NameBytes), []byte(nothing), []byte(l.Part.Qty.String()), []byte(l.Part.Price.String()),
		decimal(j.base.rates[l.VAT]), []byte(nothing), []byte(nothing), []byte(nothing), unit(l.Unit, j.base.model.marks), []byte(nothing),
		decimal(ffd.MethodFull), decimal(int(l.Subject)),
	}
	_, err := p.call(ctx, works, frame.CmdLine, fields...)
	return err
}

// unit is the measure of a position: its number (tag 2108) in FFD 1.2, a word (tag 1197) before.
func unit(u sale.Unit, numbered bool) []byte {
	if numbered {
		return decimal(int(u))
	}
	return frame.Text(map[sale.Unit]string{sale.UnitPiece: "шт.", sale.UnitKilogram: "кг", sale.UnitLitre: "л"}[u], 16)
}

// texts prints lines inside the open receipt, four to a command.
func (p *Printer) texts(ctx context.Context, j *job, lines []string) error {
	const perCommand = 4
	if j.NoPaper {
		return nil
	}
	rows := wrap(lines, j.base.model.width)
	for len(rows) > 0 {
		n := min(perCommand, len(rows))
		fields := [][]byte{decimal(0), decimal(0)}
		for _, row := range rows[:n] {
			fields = append(fields, printable(row))
		}
		rows = rows[n:]
		if _, err := p.call(ctx, works, frame.CmdRequisite, fields...); err != nil {
			return err
		}
	}
	return nil
}

// printable is a line as 40h and 49h take it: never empty, and without the sign that joins lines.
func printable(row string) []byte {
	out := frame.Text(row, textBytes)
	switch {
	case len(out) == 0:
		return []byte{' '}
	case out[0] == '&':
		out[0] = '+'
	}
	return out
}

// wrap breaks texts into lines of a width in characters.
func wrap(texts []string, width int) []string {
	var out []string
	for _, text := range texts {
		runes := []rune(text)
		for len(runes) > width {
			out, runes = append(out, string(runes[:width])), runes[width:]
		}
		out = append(out, string(runes))
	}
	return out
}

// pay sends what was paid, cash last: the device reckons the change of what is left.
func (p *Printer) pay(ctx context.Context, r drivers.Receipt) error {
	sums := map[sale.TenderKind]sale.Money{}
	for _, t := range r.Tenders {
		sums[t.Kind] += t.Amount
	}
	if r.Given > 0 {
		sums[sale.TenderCash] = r.Given
	}
	for _, kind := range []sale.TenderKind{sale.TenderAdvance, sale.TenderCredit, sale.TenderCounter, sale.TenderCard, sale.TenderCash} {
		if sums[kind] == 0 {
			continue
		}
		if _, err := p.call(ctx, works, frame.CmdPay, decimal(payments[kind]), []byte(sums[kind].String())); err != nil {
			return err
		}
	}
	return nil
}

// closing is what 31h says of a receipt: whether to cut, the contact, the short name of the sale.
func (p *Printer) closingOf(j *job) [][]byte {
	cut := cutDocument
	if !j.NoPaper && len(j.Footer)+len(j.QR) > 0 {
		cut = keepReceipt
	}
	out := [][]byte{decimal(cut), frame.Text(j.Contact, ffd.ContactBytes)}
	if p.opts.saleKey && j.Key != "" {
		out = append(out, nil, nil, nil, nil, frame.Text(ffd.KeyName, ffd.UserNameBytes), frame.Text(j.Key, ffd.UserValueBytes))
	}
	return out
}

// sign closes the document. From its first byte on a loss is settled by what the storage holds, or is unknown.
func (p *Printer) sign(ctx context.Context, j *job) (sale.Fiscal, error) {
	p.closing = p.closingOf(j)
	fields, err := p.call(ctx, final, frame.CmdClose, p.closing...)
	if err != nil {
		return p.settle(ctx, j, err)
	}
	f, err := j.closed(fields)
	if err != nil {
		return p.settle(ctx, j, outcome(err, drivers.OutcomeUnknown))
	}
	return f, nil
}

// closed reads the answer of 31h.
func (j *job) closed(fields [][]byte) (sale.Fiscal, error) {
	const fd, sign, shift, receipt, date, clock = 3, 4, 5, 6, 7, 8
	f := sale.Fiscal{
		Kind: sale.FiscalOwn, Key: sale.FiscalKey{FN: j.base.fn}, Doc: j.kind, Sum: j.Total, Register: j.base.model.serial,
	}
	for i, to := range map[int]*uint32{fd: &f.Key.FD, sign: &f.Sign, shift: &f.Shift, receipt: &f.Receipt} {
		n, err := strconv.ParseUint(string(frame.Field(fields, i)), 10, 32)
		if err != nil {
			return f, malformed(frame.CmdClose, "field %d is no number", i+1)
		}
		*to = uint32(n)
	}
	at, err := frame.Time(frame.Field(fields, date), frame.Field(fields, clock))
	if err != nil {
		return f, malformed(frame.CmdClose, "%w", err)
	}
	if f.Key.FD <= j.base.fd {
		return f, malformed(frame.CmdClose, "document %d, but %d was there before: the answer is to an earlier receipt", f.Key.FD, j.base.fd)
	}
	f.Stamp = sale.StampOf(at)
	return f, nil
}

// settle finds out what became of a document whose closing went wrong, and only reads. A document beyond the
// number noted before, of its kind and sum, is it: nobody else speaks to this register meanwhile. A refusal with
// no such document means that nothing was signed; after a lost answer its absence proves nothing yet.
func (p *Printer) settle(ctx context.Context, j *job, lost error) (sale.Fiscal, error) {
	unknown := outcome(lost, drivers.OutcomeUnknown)
	fn, err := p.fn(ctx)
	if err != nil || fn != j.base.fn {
		return sale.Fiscal{}, unknown
	}
	last, err := p.lastFD(ctx)
	if err != nil || last < j.base.fd || last-j.base.fd > documentsMax {
		return sale.Fiscal{}, unknown
	}
	if last == j.base.fd {
		if codeIn(lost) != 0 {
			return sale.Fiscal{}, outcome(lost, drivers.OutcomeNotDone)
		}
		return sale.Fiscal{}, unknown
	}
	docs, err := p.documents(ctx, j.base.fd, last)
	if err != nil {
		return sale.Fiscal{}, unknown
	}
	for _, d := range docs {
		if d.Fiscal.Doc == j.kind && d.Fiscal.Sum == j.Total {
			return d.Fiscal, nil
		}
	}
	return sale.Fiscal{}, unknown
}

// tidy cancels the document after a failure, as far as the line still carries. It dials nothing: a broken line
// stays broken until the next call, and Snapshot shows the document open.
func (p *Printer) tidy(ctx context.Context) {
	if p.link == nil {
		return
	}
	ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), cleanupMax)
	defer stop()
	_ = p.cancel(ctx) // the failure that led here is the one to report
}

// Cancel implements [drivers.Printer].
func (p *Printer) Cancel(ctx context.Context) error {
	return p.report("cancel document", outcome(p.cancel(ctx), drivers.OutcomeNotDone))
}

// cancel drops the open document and the codes that were checked for it. A document in state 8 is signed, and
// stays.
func (p *Printer) cancel(ctx context.Context) error {
	f, err := p.ready(ctx)
	if err != nil {
		return err
	}
	if f.open() {
		if _, err := p.call(ctx, works, frame.CmdCancel); err != nil {
			code := codeIn(err)
			p.stuck = code == codePaper || code == codePrinter
			return err
		}
	}
	p.stuck, p.halfSlip = false, false
	if f.signed() {
		return nil
	}
	return p.dropMarks(ctx)
}

// Resume implements [drivers.Printer].
func (p *Printer) Resume(ctx context.Context) error {
	return p.report("resume printing", outcome(p.resume(ctx), drivers.OutcomeNotDone))
}

func (p *Printer) resume(ctx context.Context) error {
	f, err := p.ready(ctx)
	if err != nil {
		return err
	}
	if !p.waits(f) {
		return nil
	}
	if err := p.mayPrint(ctx); err != nil {
		return err
	}
	switch {
	case f.signed():
		return p.closeAgain(ctx)
	case f.has(flagZHalf):
		_, err := p.call(ctx, works, frame.CmdZReport, operator(p.who), decimal(0))
		return err
	}
	return p.cancel(ctx)
}

// closeAgain sends the close of a signed document anew, with the parameters that it had: they are remembered, or
// else read from the document itself.
func (p *Printer) closeAgain(ctx context.Context) error {
	if p.closing == nil {
		fields, err := p.closingIn(ctx)
		if err != nil {
			return err
		}
		p.closing = fields
	}
	_, err := p.call(ctx, works, frame.CmdClose, p.closing...)
	return err
}

// closingIn reads the parameters of 31h out of the last document.
func (p *Printer) closingIn(ctx context.Context) ([][]byte, error) {
	last, err := p.lastFD(ctx)
	if err != nil {
		return nil, err
	}
	values, _, err := p.tagged(ctx, last)
	if err != nil {
		return nil, err
	}
	contact, _ := ffd.Find(values, ffd.TagContact)
	out := [][]byte{decimal(cutDocument), contact}
	if nested, ok := ffd.Find(values, ffd.TagUserRequisite); ok {
		inner, err := ffd.ParseTLV(nested)
		if err != nil {
			return nil, malformed(frame.CmdStorage, "%w", err)
		}
		name, _ := ffd.Find(inner, ffd.TagUserName)
		value, _ := ffd.Find(inner, ffd.TagUserValue)
		out = append(out, nil, nil, nil, nil, name, value)
	}
	return out, nil
}
