package mercury

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/kopilka/kopilka/drivers"
	"github.com/kopilka/kopilka/drivers/ffd"
	"github.com/kopilka/kopilka/drivers/mercury/frame"
	"github.com/kopilka/kopilka/ledger/sale"
)

const (
	// linesMax is what no model of the family exceeds; how many one takes it tells itself.
	linesMax = 1000
	// qtyFactor turns thousandths into the service's ten-thousandths.
	qtyFactor = frame.QtyScale / int64(sale.Piece)
	// keyName is tag 1085 beside a sale's short name.
	keyName = "Kopilka"
)

// paper is a receipt or a correction on its way.
type paper struct {
	drivers.Receipt
	correction *drivers.Correction
	kind       int64
	tax        int64
}

func (d paper) doc() sale.DocKind {
	if d.correction != nil {
		return d.Doc.Correction()
	}
	return d.Doc
}

// Print implements [drivers.Printer]. Up to the closing command a failure leaves nothing signed, and the open
// receipt is dropped where the service still answers. A loss at the closing command is OutcomeUnknown. A
// receipt that is closed is a success even when the paper ends in the middle of it: Status tells.
func (p *Printer) Print(ctx context.Context, r drivers.Receipt) (sale.Fiscal, error) {
	f, err := p.issue(ctx, paper{Receipt: r}, errors.Join(drivers.CheckReceipt(r, linesMax), drivers.NoExtra(r)))
	return f, p.report("print receipt", err)
}

// Correct implements [drivers.Corrector].
func (p *Printer) Correct(ctx context.Context, c drivers.Correction) (sale.Fiscal, error) {
	f, err := p.issue(ctx, paper{Receipt: c.Receipt, correction: &c}, errors.Join(drivers.CheckCorrection(c, linesMax), drivers.NoExtra(c.Receipt)))
	return f, p.report("print correction", err)
}

func (p *Printer) issue(ctx context.Context, d paper, wrong error) (sale.Fiscal, error) {
	if wrong != nil {
		return sale.Fiscal{}, wrong
	}
	if err := p.number(&d); err != nil {
		return sale.Fiscal{}, err
	}
	before, err := p.prepare(ctx, d)
	if err != nil {
		return sale.Fiscal{}, outcome(err, drivers.OutcomeNotDone)
	}
	if err := p.compose(ctx, d); err != nil {
		p.tidy(ctx, err)
		return sale.Fiscal{}, outcome(err, drivers.OutcomeNotDone)
	}
	f, err := p.sign(ctx, d, before)
	if err != nil {
		if drivers.NotDone(err) {
			p.tidy(ctx, err)
		}
		return sale.Fiscal{}, err
	}
	if !d.NoPaper {
		_ = p.slip(ctx, d.Footer, d.QR) // the receipt is signed: paper or a lost link after that is for Status to tell
	}
	return f, nil
}

// number finds the service's words for what the receipt says, and refuses what it has none for.
func (p *Printer) number(d *paper) error {
	var okKind, okTax bool
	d.kind, okKind = frame.Kind(uint8(d.Doc), d.correction != nil)
	d.tax, okTax = frame.TaxSystem(uint8(d.Tax))
	switch {
	case !okKind, !okTax:
		return drivers.BadReceipt("document kind %d, tax system %d", d.Doc, d.Tax)
	case d.Total > frame.AmountMax || d.Given > frame.AmountMax:
		return drivers.BadReceipt("total %s, given %s: more than the register can reckon with", d.Total, d.Given)
	}
	for i, l := range d.Lines {
		if _, ok := p.opts.rates[l.VAT]; !ok {
			return early(drivers.FailConfig, "position %d: no tax code is known for VAT %d", i+1, l.VAT)
		}
		if int64(l.Part.Qty) > frame.QtyMax/qtyFactor || l.Part.Price > frame.AmountMax {
			return drivers.BadReceipt("position %d: %s × %s is more than the register can reckon with", i+1, l.Part.Price, l.Part.Qty)
		}
	}
	return nil
}

// prepare makes sure that the register can take the receipt, and keeps what it was before.
func (p *Printer) prepare(ctx context.Context, d paper) (state, error) {
	before, err := p.state(ctx)
	if err != nil {
		return state{}, err
	}
	if err := mayOpen(before, d.NoPaper); err != nil {
		return state{}, err
	}
	info, err := p.learn(ctx)
	if err != nil {
		return state{}, err
	}
	if info.LinesMax > 0 && int64(len(d.Lines)) > info.LinesMax {
		return state{}, drivers.BadReceipt("%d positions, the register takes %d", len(d.Lines), info.LinesMax)
	}
	return before, p.checkMarks(ctx, d, info)
}

// mayOpen refuses early what the service would refuse with a number, so that the hint is plain.
func mayOpen(s state, noPaper bool) error {
	switch {
	case s.FN.Phase != frame.PhaseFiscal:
		return unregistered(s.FN.Phase)
	case s.paperOut() && !noPaper:
		return early(drivers.FailPaper, "the paper is out")
	case s.Check.Open:
		return early(drivers.FailDocument, "a receipt is open")
	case s.shift() == drivers.ShiftClosed:
		return early(drivers.FailShiftClosed, "no shift is open")
	case s.shift() == drivers.ShiftExpired:
		return early(drivers.FailShiftOver, "the shift is older than 24 hours")
	}
	return nil
}

// compose prints the header, opens the document and fills it.
func (p *Printer) compose(ctx context.Context, d paper) error {
	if !d.NoPaper {
		if err := p.slip(ctx, d.Header, ""); err != nil {
			return err
		}
	}
	if _, err := do[frame.CheckOpened](ctx, p, works, p.opening(d), frame.CmdOpenCheck, waitWork); err != nil {
		return err
	}
	info, err := p.learn(ctx)
	if err != nil {
		return err
	}
	var total sale.Money
	for _, l := range d.Lines {
		total += l.Part.Sum
		added, err := do[frame.GoodsAdded](ctx, p, works, p.position(d, l, formats[info.FFD]), frame.CmdAddGoods, waitWork)
		if err != nil {
			return err
		}
		if added.Total != nil && sale.Money(*added.Total) != total {
			return malformed(frame.CmdAddGoods, fmt.Errorf("the register reckons %s, the till %s", sale.Money(*added.Total), total))
		}
	}
	return nil
}

func (p *Printer) opening(d paper) frame.OpenCheck {
	req := frame.OpenCheck{
		Head: p.head(frame.CmdOpenCheck), Kind: d.kind, Tax: d.tax, Print: !d.NoPaper, Cashier: who(d.Operator),
	}
	if c := d.correction; c != nil {
		req.Extra = p.opts.correction
		req.Correction = &frame.Correction{Day: c.Day.Format(frame.DayLayout), Number: c.Number}
		if c.Prescribed {
			req.Correction.Prescribed = 1
		}
	}
	if p.opts.saleKey && d.Key != "" {
		req.User = &frame.User{Name: keyName, Value: cut(d.Key, ffd.UserValueBytes)}
	}
	return req
}

func who(o drivers.Operator) frame.Cashier {
	return frame.Cashier{Name: cut(o.Name, ffd.CashierBytes), INN: o.INN}
}

// position packs a line. The measure is a word of FFD 1.2 only.
func (p *Printer) position(d paper, l drivers.ReceiptLine, format string) frame.AddGoods {
	req := frame.AddGoods{
		Head: p.head(frame.CmdAddGoods), Name: cut(l.Name, ffd.NameBytes), Qty: int64(l.Part.Qty) * qtyFactor, Section: p.opts.section,
		Rate: p.opts.rates[l.VAT], Method: ffd.MethodFull, Subject: int64(l.Subject), Price: int64(l.Part.Price), Sum: int64(l.Part.Sum),
		Info: cut(strings.Join(l.Text, "; "), frame.LineInfoMax),
	}
	if format == format12 {
		unit := int64(l.Unit)
		req.Unit = &unit
	}
	if l.Mark != nil {
		req.Mark = &frame.Mark{Code: []byte(l.Mark.Raw), Planned: planned(d.Doc == sale.DocSaleReturn, l.Unit)}
		if permit := l.Mark.Permit; permit != nil {
			req.Industry = []frame.Industry{{
				Office: permitOffice, Day: permitDay, Number: permitNumber,
				Value: fmt.Sprintf("UUID=%s&Time=%d", permit.Request, permit.At),
			}}
		}
	}
	return req
}

// Decree 1944 of 21.11.2023 in tag 1260.
const (
	permitOffice = "030"
	permitDay    = "2023-11-21"
	permitNumber = "1944"
)

// closing packs the payments.
func (p *Printer) closing(d paper) frame.CloseCheck {
	req := frame.CloseCheck{Head: p.head(frame.CmdCloseCheck), Contact: d.Contact}
	slots := map[sale.TenderKind]*int64{
		sale.TenderCash: &req.Payment.Cash, sale.TenderCard: &req.Payment.Card, sale.TenderAdvance: &req.Payment.Advance,
		sale.TenderCredit: &req.Payment.Credit, sale.TenderCounter: &req.Payment.Counter,
	}
	for _, t := range d.Tenders {
		*slots[t.Kind] += int64(t.Amount)
	}
	if d.Given > 0 {
		req.Payment.Cash = int64(d.Given)
	}
	return req
}

// sign closes the document. From its first byte on the outcome of a loss is unknown.
func (p *Printer) sign(ctx context.Context, d paper, before state) (sale.Fiscal, error) {
	closed, err := do[frame.CheckClosed](ctx, p, final, p.closing(d), frame.CmdCloseCheck, waitClose)
	if err != nil {
		return sale.Fiscal{}, p.settle(ctx, err, before.signedNothing)
	}
	p.marks = nil // a signed receipt empties the storage's table
	f := sale.Fiscal{
		Kind: sale.FiscalOwn, Key: sale.FiscalKey{FN: before.fn, FD: closed.FD}, Shift: closed.Shift, Receipt: closed.No,
		Doc: d.doc(), Sum: d.Total, Register: p.info.Serial,
	}
	return p.made(ctx, frame.CmdCloseCheck, f, closed.Sign, before)
}

// signedNothing tells that the storage is as it was.
func (s state) signedNothing(now state) bool { return now.fn == s.fn && now.last.FD == s.last.FD }

// settle clears up a refusal at a closing command: the answer has come, so the register is done with the
// command, and what it shows now decides. Only reads are sent. A loss stays unknown: the command may still
// be on its way.
func (p *Printer) settle(ctx context.Context, refused error, same func(state) bool) error {
	if codeIn(refused) == "" {
		return refused
	}
	now, err := p.state(ctx)
	if err != nil || !same(now) {
		return refused
	}
	return outcome(refused, drivers.OutcomeNotDone)
}

// made completes a document that the service says was signed, and refuses the answer to an earlier one. The
// time is the storage's own.
func (p *Printer) made(ctx context.Context, cmd frame.Command, f sale.Fiscal, sign string, before state) (sale.Fiscal, error) {
	var err error
	if f.Sign, err = frame.Sign(sign); err == nil && f.Sign == 0 {
		err = errors.New("no fiscal sign")
	}
	if err == nil && f.Key.FD <= before.last.FD {
		err = fmt.Errorf("document %d, but %d was there before", f.Key.FD, before.last.FD)
	}
	if err != nil {
		return sale.Fiscal{}, outcome(malformed(cmd, err), drivers.OutcomeUnknown)
	}
	now, err := p.state(ctx)
	if err != nil {
		return sale.Fiscal{}, outcome(err, drivers.OutcomeUnknown)
	}
	at, err := frame.Time(now.last.At)
	if err != nil || now.last.FD != f.Key.FD {
		err = errors.Join(err, fmt.Errorf("the last document is %d, not %d", now.last.FD, f.Key.FD))
		return sale.Fiscal{}, outcome(malformed(frame.CmdStatus, err), drivers.OutcomeUnknown)
	}
	f.Stamp = sale.StampOf(at)
	return f, nil
}

// tidy drops the document after a failure, unless it is the link that failed: then nothing gets through, and
// Snapshot shows the document open.
func (p *Printer) tidy(ctx context.Context, after error) {
	if drivers.FailOf(after) == drivers.FailLink && codeIn(after) == "" {
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

func (p *Printer) cancel(ctx context.Context) error {
	s, err := p.state(ctx)
	if err != nil {
		return err
	}
	if s.Check.Open {
		if _, err := do[frame.Answer](ctx, p, works, frame.Plain{Head: p.head(frame.CmdResetCheck)}, frame.CmdResetCheck, waitWork); err != nil {
			return err
		}
	}
	if s.Check.Open || p.marks != nil {
		return p.clearMarks(ctx)
	}
	return nil
}

// Resume implements [drivers.Printer]. The service has no such command: the register goes on by itself when
// there is paper.
func (p *Printer) Resume(ctx context.Context) error {
	const op = "resume printing"
	s, err := p.state(ctx)
	if err == nil && s.paperOut() {
		err = early(drivers.FailPaper, "the paper is out")
	}
	return p.report(op, err)
}

// Slip implements [drivers.Slips].
func (p *Printer) Slip(ctx context.Context, lines []string, qr string) error {
	const op = "print slip"
	if utf8.RuneCountInString(qr) > frame.QRMax {
		return p.report(op, early(drivers.FailRefused, "a QR code of %d characters, at most %d", utf8.RuneCountInString(qr), frame.QRMax))
	}
	if err := p.withPaper(ctx); err != nil {
		return p.report(op, err)
	}
	return p.report(op, p.slip(ctx, lines, qr))
}

func (p *Printer) slip(ctx context.Context, lines []string, qr string) error {
	for _, line := range lines {
		if line == "" {
			line = " " // an empty text is refused
		}
		req := frame.PrintText{Head: p.head(frame.CmdPrintText), Text: cut(line, frame.TextMax), Force: true}
		if _, err := do[frame.Answer](ctx, p, works, req, frame.CmdPrintText, waitWork); err != nil {
			return err
		}
	}
	if qr == "" {
		return nil
	}
	_, err := do[frame.Answer](ctx, p, works, frame.PrintBarCode{Head: p.head(frame.CmdPrintBarCode), Kind: frame.BarQR, Value: qr}, frame.CmdPrintBarCode, waitWork)
	return err
}

// withPaper looks before something is printed that is no receipt; it also proves the session.
func (p *Printer) withPaper(ctx context.Context) error {
	s, err := p.state(ctx)
	if err == nil && s.paperOut() {
		return early(drivers.FailPaper, "the paper is out")
	}
	return err
}
