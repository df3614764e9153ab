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

const (
	// payments, taxes and the rest of FF45.
	payments = 16
	taxes    = 6
)

// slots says where a tender stands among the payments of FF45.
var slots = map[sale.TenderKind]int{
	sale.TenderCash: 0, sale.TenderCard: 1, sale.TenderAdvance: 13, sale.TenderCredit: 14, sale.TenderCounter: 15,
}

// openings are the documents of 8Dh.
var openings = map[sale.DocKind]byte{
	sale.DocSale: 0, sale.DocExpense: 1, sale.DocSaleReturn: 2, sale.DocExpenseReturn: 3,
}

// openCorrection is added to them for a correction, from FFD 1.1 on.
const openCorrection = 0x80

// paper is a receipt or a correction on its way to the storage.
type paper struct {
	drivers.Receipt
	kind  sale.DocKind // as the archive will name it
	basis []ffd.TLV    // of a correction
}

// Print implements [drivers.Printer]. Up to the closing command a failure leaves nothing signed, and
// the open document is cancelled where the line still allows it. A loss at the closing command is
// OutcomeUnknown, after the answer has been asked for again where the protocol can do that. A receipt
// that is closed is a success even when the paper ends in the middle of it: Status tells.
func (p *Printer) Print(ctx context.Context, r drivers.Receipt) (sale.Fiscal, error) {
	const op = "print receipt"
	if err := drivers.CheckReceipt(r, int(p.opts.positions)); err != nil {
		return sale.Fiscal{}, p.report(op, err)
	}
	f, err := p.make(ctx, paper{Receipt: r, kind: r.Doc})
	return f, p.report(op, err)
}

// make prepares, composes, signs and finishes.
func (p *Printer) make(ctx context.Context, r paper) (sale.Fiscal, error) {
	f, err := p.prepare(ctx, r)
	if err != nil {
		return sale.Fiscal{}, outcome(err, drivers.OutcomeNotDone)
	}
	if err := p.compose(ctx, r); err != nil {
		p.tidy(ctx)
		return sale.Fiscal{}, outcome(err, drivers.OutcomeNotDone)
	}
	before := f.Key.FD
	if err := p.sign(ctx, r.Receipt, &f); err != nil {
		return sale.Fiscal{}, p.refused(ctx, before, err)
	}
	p.marks = map[string]kept{}  // a signed document empties the storage's table of codes
	_ = p.finish(ctx, r.Receipt) // the document is signed: paper or a lost link after that is for Status to tell
	return f, nil
}

// prepare makes sure that the device can take the receipt, and learns the numbers that the answer of
// the closing command does not give: after it nothing more should be needed. FD is the last one before.
func (p *Printer) prepare(ctx context.Context, r paper) (sale.Fiscal, error) {
	m, err := p.learn(ctx)
	if err != nil {
		return sale.Fiscal{}, err
	}
	f, err := p.full(ctx)
	if err != nil {
		return sale.Fiscal{}, err
	}
	// Storage or register may have been swapped on a connection that a serial server keeps up.
	s, err := p.storage(ctx)
	if err != nil {
		return sale.Fiscal{}, err
	}
	if s.phase != phaseFiscal {
		return sale.Fiscal{}, refusedBy(codeUnfiscal, false)
	}
	if err := mayOpen(f.brief); err != nil {
		return sale.Fiscal{}, err
	}
	if err := p.checkRates(ctx, r.Receipt, f.clock); err != nil {
		return sale.Fiscal{}, err
	}
	if err := p.judge(ctx, r); err != nil {
		p.tidy(ctx)
		return sale.Fiscal{}, err
	}
	n, err := p.shiftNumbers(ctx)
	if err != nil {
		return sale.Fiscal{}, err
	}
	m.fn, m.serial = s.fn, f.serial
	return sale.Fiscal{
		Kind: sale.FiscalOwn, Key: sale.FiscalKey{FN: s.fn, FD: s.last}, Shift: n.shift, Receipt: n.receipt + 1,
		Doc: r.kind, Sum: r.Total, Register: m.serial,
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
func (p *Printer) compose(ctx context.Context, r paper) error {
	if err := p.hush(ctx, r.NoPaper); err != nil {
		return err
	}
	kind := openings[r.Doc]
	if r.kind != r.Doc {
		kind |= openCorrection
	}
	if _, err := p.call(ctx, works, frame.CmdOpenReceipt, kind); err != nil {
		return err
	}
	if err := p.documentTags(ctx, r); err != nil {
		return err
	}
	if !p.hushed {
		if err := p.lines(ctx, r.Header); err != nil {
			return err
		}
	}
	for _, l := range r.Lines {
		if err := p.position(ctx, r.Doc, l); err != nil {
			return err
		}
	}
	return p.checkSum(ctx, r.Total)
}

// position adds one line with what hangs on it. The marking code comes last, as the vendor's text demands.
func (p *Printer) position(ctx context.Context, doc sale.DocKind, l drivers.ReceiptLine) error {
	params, err := p.operation(doc, l)
	if err != nil {
		return err
	}
	if _, err := p.call(ctx, works, frame.CmdOperation2, params...); err != nil {
		return err
	}
	if err := p.unit(ctx, l.Unit); err != nil {
		return err
	}
	if l.Mark != nil {
		if err := p.bind(ctx, l.Mark); err != nil {
			return err
		}
	}
	if p.hushed {
		return nil
	}
	return p.lines(ctx, l.Text)
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
	out = append(out, rate.code, p.opts.department, ffd.MethodFull, byte(l.Subject))
	return append(out, charset.Text1251(l.Name, ffd.NameBytes)...), nil
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
	return p.numbered(ctx, frame.CmdClose2, rest[5:], rest[13:], f)
}

// refused clears up after a command that should have signed a document. Which codes mean that nothing was signed
// no vendor has written down, so that even those that sound like it are held against the storage.
func (p *Printer) refused(ctx context.Context, before uint32, err error) error {
	if !drivers.NotDone(p.report("", err)) {
		return err
	}
	if s, lost := p.storage(ctx); codeIn(err) != 0 && (lost != nil || s.last != before) {
		return outcome(err, drivers.OutcomeUnknown)
	}
	p.tidy(ctx)
	return err
}

// numbered takes number and sign of a document that was just signed, then its time.
func (p *Printer) numbered(ctx context.Context, cmd frame.Cmd, numbers, more []byte, f *sale.Fiscal) error {
	before := f.Key.FD
	f.Key.FD, f.Sign = binary.LittleEndian.Uint32(numbers), binary.LittleEndian.Uint32(numbers[4:])
	if f.Key.FD <= before {
		err := fmt.Errorf("document %d, but %d was there before: the answer is to an earlier receipt", f.Key.FD, before)
		return outcome(malformed(cmd, err), drivers.OutcomeUnknown)
	}
	return outcome(p.stamp(ctx, more, f), drivers.OutcomeUnknown)
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
	if p.hushed {
		return p.hush(ctx, false)
	}
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
	if p.link != nil {
		_ = p.hush(ctx, false) // likewise
	}
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
		if err := p.annul(ctx); err != nil {
			return outcome(err, drivers.OutcomeNotDone)
		}
	}
	s, err := p.storage(ctx)
	if err != nil {
		return err
	}
	if s.current != 0 {
		if _, err := p.call(ctx, works, frame.CmdFNCancel); err != nil {
			return err
		}
	}
	return p.forgetMarks(ctx)
}

// annul is 88h, under the administrator's password where another cashier has opened the document.
func (p *Printer) annul(ctx context.Context) error {
	_, err := p.call(ctx, works, frame.CmdCancel)
	if codeIn(err) == codeOtherUser {
		_, err = p.adminCall(ctx, works, frame.CmdCancel)
	}
	if codeIn(err) == codeReceiptClosed {
		return nil
	}
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
