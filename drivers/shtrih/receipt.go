package shtrih

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/kopilka/kopilka/drivers"
	"github.com/kopilka/kopilka/drivers/charset"
	"github.com/kopilka/kopilka/drivers/ffd"
	"github.com/kopilka/kopilka/drivers/shtrih/frame"
	"github.com/kopilka/kopilka/ledger/sale"
)

// Tags that are sent for a document, and how long they may be.
const (
	tagContact     = 1008
	tagCashier     = 1021
	tagCashierINN  = 1203
	tagUnit        = 2108
	cashierBytes   = 64
	cashierINNSize = 12
	contactBytes   = 64
)

const (
	// linesMax is what the vendor's models hold; one more and the device refuses with 94h.
	linesMax = 300
	// nameBytes is tag 1030.
	nameBytes = 128
	// payments, taxes and the rest of FF45.
	payments = 16
	taxes    = 6
	// methodFull is tag 1214: paid in full when handed over.
	methodFull = 4
)

// slots says where a tender stands among the payments of FF45.
var slots = map[sale.TenderKind]int{
	sale.TenderCash: 0, sale.TenderCard: 1, sale.TenderAdvance: 13, sale.TenderCredit: 14, sale.TenderCounter: 15,
}

// openings are the documents of 8Dh.
var openings = map[sale.DocKind]byte{
	sale.DocSale: 0, sale.DocExpense: 1, sale.DocSaleReturn: 2, sale.DocExpenseReturn: 3,
}

// Print implements [drivers.Printer]. Up to the closing command a failure leaves nothing signed, and
// the open document is cancelled where the line still allows it. A loss at the closing command is
// OutcomeUnknown, after the answer has been asked for again where the protocol can do that. A receipt
// that is closed is a success even when the paper ends in the middle of it: Status tells.
func (p *Printer) Print(ctx context.Context, r drivers.Receipt) (sale.Fiscal, error) {
	const op = "print receipt"
	if err := drivers.CheckReceipt(r, linesMax); err != nil {
		return sale.Fiscal{}, p.report(op, err)
	}
	f, err := p.prepare(ctx, r)
	if err != nil {
		return sale.Fiscal{}, p.report(op, outcome(err, drivers.OutcomeNotDone))
	}
	if err := p.compose(ctx, r); err != nil {
		p.tidy(ctx)
		return sale.Fiscal{}, p.report(op, outcome(err, drivers.OutcomeNotDone))
	}
	if err := p.sign(ctx, r, &f); err != nil {
		if drivers.NotDone(p.report(op, err)) {
			p.tidy(ctx)
		}
		return sale.Fiscal{}, p.report(op, err)
	}
	_ = p.finish(ctx, r) // the receipt is signed: paper or a lost link after that is for Status to tell
	return f, nil
}

// prepare makes sure that the device can take the receipt, and learns the numbers that the answer of
// the closing command does not give: after it nothing more should be needed. FD is the last one before.
func (p *Printer) prepare(ctx context.Context, r drivers.Receipt) (sale.Fiscal, error) {
	m, err := p.learn(ctx)
	if err != nil {
		return sale.Fiscal{}, err
	}
	f, err := p.full(ctx)
	if err != nil {
		return sale.Fiscal{}, err
	}
	if err := mayOpen(f.brief); err != nil {
		return sale.Fiscal{}, err
	}
	if err := p.checkRates(ctx, r, f.clock); err != nil {
		return sale.Fiscal{}, err
	}
	n, err := p.shiftNumbers(ctx)
	if err != nil {
		return sale.Fiscal{}, err
	}
	// Storage or register may have been swapped on a connection that a serial server keeps up.
	s, err := p.storage(ctx)
	if err != nil {
		return sale.Fiscal{}, err
	}
	m.fn, m.serial = s.fn, f.serial
	return sale.Fiscal{
		Kind: sale.FiscalOwn, Key: sale.FiscalKey{FN: s.fn, FD: s.last}, Shift: n.shift, Receipt: n.receipt + 1,
		Doc: r.Doc, Sum: r.Total, Register: m.serial,
	}, nil
}

// mayOpen refuses early what the device would refuse with a code, so that the hint is plain.
func mayOpen(b brief) error {
	var code byte
	switch {
	case b.sub == subPassive || b.sub == subActive:
		code = codeNoPaper
	case b.sub == subContinue:
		code = codeContinue
	case b.mode&modeMask == modeClosed:
		code = codeShiftClosed
	case b.mode&modeMask == modeOver24h:
		code = 0x4E
	case b.mode&modeMask == modeDate:
		code = 0xC0
	case b.doc():
		code = 0x4A
	default:
		return nil
	}
	return refusedBy(code, false)
}

// compose opens the document and fills it. The header goes inside the document: before it, a refused
// opening would leave a stray strip of paper.
func (p *Printer) compose(ctx context.Context, r drivers.Receipt) error {
	if _, err := p.call(ctx, works, frame.CmdOpenReceipt, openings[r.Doc]); err != nil {
		return err
	}
	if err := p.tags(ctx, r.Operator, r.Contact); err != nil {
		return err
	}
	if err := p.lines(ctx, r.Header); err != nil {
		return err
	}
	for _, l := range r.Lines {
		params, err := p.operation(r.Doc, l)
		if err != nil {
			return err
		}
		if _, err := p.call(ctx, works, frame.CmdOperation2, params...); err != nil {
			return err
		}
		if err := p.unit(ctx, l.Unit); err != nil {
			return err
		}
		if err := p.lines(ctx, l.Text); err != nil {
			return err
		}
	}
	return p.checkSum(ctx, r.Total)
}

// operation packs a position: FF46 after the password.
func (p *Printer) operation(doc sale.DocKind, l drivers.ReceiptLine) ([]byte, error) {
	rate, ok := p.opts.rate(l.VAT)
	if !ok {
		return nil, drivers.BadReceipt("VAT %d", l.VAT)
	}
	out := []byte{byte(doc)}
	out, errQty := frame.AppendQty6(out, int64(l.Part.Qty))
	out, errPrice := frame.AppendMoney(out, int64(l.Part.Price))
	out, errSum := frame.AppendMoney(out, int64(l.Part.Sum))
	if err := errors.Join(errQty, errPrice, errSum); err != nil {
		return nil, drivers.BadReceipt("position: %w", err)
	}
	out = frame.AppendReckon(out)
	out = append(out, rate.code, p.opts.department, methodFull, byte(l.Subject))
	return append(out, charset.Text1251(l.Name, nameBytes)...), nil
}

// unit names the measure of the last position where it is not pieces. Registers of FFD 1.05 know no
// such tag and refuse it; the position is whole without it there.
func (p *Printer) unit(ctx context.Context, u sale.Unit) error {
	if u == sale.UnitPiece {
		return nil
	}
	_, err := p.call(ctx, works, frame.CmdOperationTag, ffd.AppendTLV(nil, tagUnit, []byte{byte(u)})...)
	switch codeIn(err) {
	case codeUnsupported, codeParameters, codeFNCommand, codeFNParameters:
		return nil
	}
	return err
}

// tags sends what a document says beside its positions. The values are never put into an error.
func (p *Printer) tags(ctx context.Context, who drivers.Operator, contact string) error {
	for _, t := range []struct {
		tag  uint16
		text string
		max  int
	}{{tagCashier, who.Name, cashierBytes}, {tagCashierINN, who.INN, cashierINNSize}, {tagContact, contact, contactBytes}} {
		if t.text == "" {
			continue
		}
		value := charset.Text866(t.text, t.max)
		if _, err := p.call(ctx, works, frame.CmdFNTag, ffd.AppendTLV(nil, t.tag, value)...); err != nil {
			return err
		}
	}
	return nil
}

// checkSum compares the device's sub-total with ours while the document can still be cancelled.
func (p *Printer) checkSum(ctx context.Context, want sale.Money) error {
	rest, err := p.call(ctx, reads, frame.CmdSubtotal)
	if err != nil {
		return err
	}
	if err := need(frame.CmdSubtotal, rest, 1+frame.MoneyBytes); err != nil {
		return err
	}
	if got := sale.Money(frame.Uint(rest[1 : 1+frame.MoneyBytes])); got != want {
		return malformed(frame.CmdSubtotal, fmt.Errorf("the register reckons %s, the till %s", got, want))
	}
	return nil
}

// closing packs FF45 after the password.
func closing(r drivers.Receipt) ([]byte, error) {
	var sums [payments]sale.Money
	for _, t := range r.Tenders {
		sums[slots[t.Kind]] += t.Amount
	}
	if r.Given > 0 {
		sums[slots[sale.TenderCash]] = r.Given
	}
	var out []byte
	for _, s := range sums {
		var err error
		if out, err = frame.AppendMoney(out, int64(s)); err != nil {
			return nil, drivers.BadReceipt("payment: %w", err)
		}
	}
	out = append(out, 0) // the total is not rounded
	out = append(out, make([]byte, taxes*frame.MoneyBytes)...)
	return append(out, byte(r.Tax)), nil
}

// sign closes the document. From its first byte on the outcome of a loss is unknown.
func (p *Printer) sign(ctx context.Context, r drivers.Receipt, f *sale.Fiscal) error {
	params, err := closing(r)
	if err != nil {
		return err
	}
	rest, err := p.call(ctx, final, frame.CmdClose2, params...)
	if err != nil {
		if rest, err = p.fetch(ctx, frame.CmdClose2, err); err != nil {
			return err
		}
	}
	if err := need(frame.CmdClose2, rest, 13); err != nil {
		return outcome(err, drivers.OutcomeUnknown)
	}
	before := f.Key.FD
	f.Key.FD, f.Sign = binary.LittleEndian.Uint32(rest[5:]), binary.LittleEndian.Uint32(rest[9:])
	if f.Key.FD <= before {
		err := fmt.Errorf("document %d, but %d was there before: the answer is to an earlier receipt", f.Key.FD, before)
		return outcome(malformed(frame.CmdClose2, err), drivers.OutcomeUnknown)
	}
	return outcome(p.stamp(ctx, rest[13:], f), drivers.OutcomeUnknown)
}

// fetch asks once more for the answer of a command whose outcome is unknown. Nothing is sent that
// could do anything: protocol 1.0 gives a kept answer for an ENQ, protocol 2.0 has no such thing.
func (p *Printer) fetch(ctx context.Context, cmd frame.Cmd, lost error) ([]byte, error) {
	var d *deviceError
	if !errors.As(lost, &d) || d.Outcome != drivers.OutcomeUnknown || d.code != 0 || p.protocol != protocol1 {
		return nil, lost
	}
	if err := p.connect(ctx); err != nil {
		return nil, lost
	}
	left, err := p.link.leftover(ctx)
	if err != nil {
		p.hangUp()
		return nil, lost
	}
	if left == nil || !answers(left, cmd.Append(nil)) {
		return nil, lost
	}
	rest, code, err := open(left)
	if err != nil {
		return nil, lost
	}
	if code != 0 {
		return nil, refusedBy(code, true)
	}
	return rest, nil
}

// stamp takes the document's time from the answer where the model gives it, else from the archive.
func (p *Printer) stamp(ctx context.Context, rest []byte, f *sale.Fiscal) error {
	if p.model != nil && p.model.caps&capCloseTime != 0 && len(rest) >= frame.FNTimeBytes {
		at, err := frame.FNTime(rest[:frame.FNTimeBytes])
		if err == nil && !at.IsZero() {
			f.Stamp = sale.StampOf(at)
			return nil
		}
	}
	m, err := p.learn(ctx)
	if err != nil {
		return err
	}
	d, err := p.document(ctx, m, f.Key.FD)
	f.Stamp = d.Fiscal.Stamp
	return err
}

// finish prints what comes below a signed receipt.
func (p *Printer) finish(ctx context.Context, r drivers.Receipt) error {
	if err := p.printed(ctx); err != nil {
		return err
	}
	if len(r.Footer) == 0 && r.QR == "" {
		return nil // the device cuts below its own receipts
	}
	return p.slip(ctx, r.Footer, r.QR)
}

// printed waits until the device has put everything on paper. Paper that ends is an error here.
func (p *Printer) printed(ctx context.Context) error {
	for began := time.Now(); time.Since(began) < printMax; {
		b, err := p.brief(ctx)
		if err != nil {
			return err
		}
		switch b.sub {
		case subReady:
			return nil
		case subPassive, subActive:
			return refusedBy(codeNoPaper, false)
		case subContinue:
			return refusedBy(codeContinue, false)
		}
		if err := pause(ctx, printPause); err != nil {
			return linkFailure(ctx, frame.CmdShortStatus, reads, err)
		}
	}
	return refusedBy(codePrinting, false)
}

// tidy cancels the document after a failure, as far as the line still carries. It dials nothing: a
// broken line stays broken until the next call, and Snapshot shows the document open.
func (p *Printer) tidy(ctx context.Context) {
	if p.link == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanupMax)
	defer cancel()
	_ = p.cancel(ctx) // the failure that led here is the one to report
}

// Cancel implements [drivers.Printer].
func (p *Printer) Cancel(ctx context.Context) error {
	return p.report("cancel document", p.cancel(ctx))
}

func (p *Printer) cancel(ctx context.Context) error {
	b, err := p.brief(ctx)
	if err != nil {
		return err
	}
	if b.doc() {
		if b.sub == subContinue {
			if _, err := p.call(ctx, works, frame.CmdContinue); err != nil {
				return err
			}
		}
		if _, err := p.call(ctx, works, frame.CmdCancel); err != nil && codeIn(err) != codeReceiptClosed {
			return outcome(err, drivers.OutcomeNotDone)
		}
	}
	s, err := p.storage(ctx)
	if err != nil || s.current == 0 {
		return err
	}
	_, err = p.call(ctx, works, frame.CmdFNCancel)
	return err
}

// Resume implements [drivers.Printer].
func (p *Printer) Resume(ctx context.Context) error {
	return p.report("resume printing", p.resume(ctx))
}

func (p *Printer) resume(ctx context.Context) error {
	b, err := p.brief(ctx)
	if err != nil {
		return err
	}
	switch b.sub {
	case subReady, subReport, subPrinting:
		return nil
	case subPassive, subActive:
		return refusedBy(codeNoPaper, false)
	}
	if _, err := p.call(ctx, works, frame.CmdContinue); err != nil {
		return err
	}
	return p.printed(ctx)
}
