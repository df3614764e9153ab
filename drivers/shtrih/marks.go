package shtrih

import (
	"context"
	"errors"
	"fmt"

	"github.com/kopilka/kopilka/drivers"
	"github.com/kopilka/kopilka/drivers/ffd"
	"github.com/kopilka/kopilka/drivers/shtrih/frame"
	"github.com/kopilka/kopilka/ledger/sale"
)

var _ drivers.MarkChecker = (*Printer)(nil)

// What FF69h does with the code that was checked last. Clearing the whole table is named by one source only;
// a device that does not know it is left as it is.
const (
	markDrop   = 0
	markAccept = 1
	markClear  = 2
)

const (
	// markMode is tag 2102, how a code is worked on; zero is the only value a shop uses.
	markMode = 0
	// markBytesMax is the one byte that FF61 and FF67 have for the length.
	markBytesMax = 255
	// markBytesMax1 is what a frame of protocol 1.0 holds beside the rest of FF61.
	markBytesMax1 = frame.BodyMax1 - 10
)

// kept is a code that the storage holds for the next receipt.
type kept struct {
	status byte     // tag 2003 that it was checked for
	qty    sale.Qty // tag 1023; a piece is one
}

// CheckMark implements [drivers.MarkChecker].
func (p *Printer) CheckMark(ctx context.Context, q drivers.MarkQuery) (drivers.MarkVerdict, error) {
	const op = "check marking code"
	if err := p.knowMarks(ctx); err != nil {
		return 0, p.report(op, err)
	}
	doc := sale.DocSale
	if q.Return {
		doc = sale.DocSaleReturn
	}
	verdict, err := p.checkMark(ctx, q, planned(doc, q.Unit))
	return verdict, p.report(op, outcome(err, drivers.OutcomeNotDone))
}

// DropMarks implements [drivers.MarkChecker].
func (p *Printer) DropMarks(ctx context.Context) error {
	p.marks = nil
	return p.report("forget marking codes", outcome(p.forgetMarks(ctx), drivers.OutcomeNotDone))
}

// planned is tag 2003: what will become of the piece.
func planned(doc sale.DocKind, u sale.Unit) byte {
	status := byte(ffd.PlannedSold)
	switch doc {
	case sale.DocSaleReturn:
		status = ffd.PlannedReturned
	case sale.DocExpense, sale.DocExpenseReturn:
		return ffd.PlannedUnchanged
	}
	if u != sale.UnitPiece {
		status++ // the measured kind stands behind the other in both pairs
	}
	return status
}

// knowMarks makes sure that what the storage holds is what the driver has put there: after a connection was
// made anew the table may hold codes of a receipt that was never made.
func (p *Printer) knowMarks(ctx context.Context) error {
	if p.marks != nil && p.link != nil {
		return nil
	}
	return p.forgetMarks(ctx)
}

// forgetMarks empties the storage's table of codes. A register that knows no marking has none.
func (p *Printer) forgetMarks(ctx context.Context) error {
	if p.marks != nil && len(p.marks) == 0 && p.link != nil {
		return nil
	}
	_, err := p.call(ctx, works, frame.CmdMarkAccept, markClear)
	switch code := codeIn(err); {
	case err == nil, code == codeUnsupported, code == codeParameters, code == codeFNCommand, code == codeFNParameters:
		p.marks = map[string]kept{}
	case code == 0:
		return err
	}
	return nil // else it is not known, and asked for again before the next marked receipt
}

// judge has every marked piece of a receipt checked and accepted before a document is opened.
func (p *Printer) judge(ctx context.Context, r paper) error {
	if !marked(r.Lines) {
		return p.dropStale(ctx)
	}
	if err := p.knowMarks(ctx); err != nil {
		return err
	}
	if !p.fits(r) {
		if err := p.forgetMarks(ctx); err != nil {
			return err
		}
	}
	for i, l := range r.Lines {
		if l.Mark == nil {
			continue
		}
		if _, known := p.marks[l.Mark.Raw]; known {
			continue // asked for early, and accepted
		}
		verdict, err := p.checkMark(ctx, query(l), planned(r.Doc, l.Unit))
		if err != nil {
			return err
		}
		if verdict.Refused() {
			return refusedMark(i+1, verdict)
		}
	}
	return nil
}

// query is what is asked about a position's code. What becomes of the piece says tag 2003, which see [planned].
func query(l drivers.ReceiptLine) drivers.MarkQuery {
	return drivers.MarkQuery{Raw: l.Mark.Raw, Unit: l.Unit, Qty: l.Part.Qty}
}

// fits tells that each code which the storage holds is on the receipt, and was checked for that.
func (p *Printer) fits(r paper) bool {
	held := 0
	for _, l := range r.Lines {
		if l.Mark == nil {
			continue
		}
		if k, ok := p.marks[l.Mark.Raw]; ok && k == (kept{planned(r.Doc, l.Unit), query(l).Amount()}) {
			held++
		}
	}
	return held == len(p.marks)
}

func marked(lines []drivers.ReceiptLine) bool {
	for _, l := range lines {
		if l.Mark != nil {
			return true
		}
	}
	return false
}

// dropStale keeps codes that were asked for early out of a receipt without any.
func (p *Printer) dropStale(ctx context.Context) error {
	if len(p.marks) == 0 {
		return nil
	}
	return p.forgetMarks(ctx)
}

func (p *Printer) markMax() int {
	if p.protocol == protocol1 {
		return markBytesMax1
	}
	return markBytesMax
}

// checkMark asks for a code, and accepts or drops it by the answer.
func (p *Printer) checkMark(ctx context.Context, q drivers.MarkQuery, status byte) (drivers.MarkVerdict, error) {
	raw, more := q.Raw, []byte(nil)
	if status == ffd.PlannedSoldMeasured || status == ffd.PlannedReturnedMeasured {
		more = ffd.AppendTLV(nil, ffd.TagUnit, []byte{byte(q.Unit)})
		more = ffd.AppendTLV(more, ffd.TagQty, ffd.FVLN(uint64(q.Amount()), qtyPlaces))
	}
	if raw == "" || len(raw) > p.markMax()-len(more) {
		return 0, drivers.BadReceipt("a marking code of %d bytes, at most %d", len(raw), p.markMax()-len(more))
	}
	params := append([]byte{status, markMode, byte(len(raw)), byte(len(more))}, raw...)
	rest, err := p.call(ctx, works, frame.CmdMarkCheck, append(params, more...)...)
	if codeIn(err) == codeUnsupported {
		return 0, noMarks(err)
	}
	if err != nil {
		return 0, p.markTrouble(err)
	}
	verdict, err := verdictOf(rest)
	if err != nil {
		return 0, err
	}
	action := byte(markAccept)
	if verdict.Refused() {
		action = markDrop
	}
	if _, err := p.call(ctx, works, frame.CmdMarkAccept, action); err != nil {
		return 0, p.markTrouble(err)
	}
	delete(p.marks, raw)
	if p.marks != nil && action == markAccept { // not known again after a connection that was made anew in between
		p.marks[raw] = kept{status, q.Amount()}
	}
	return verdict, nil
}

// qtyPlaces are the decimals of a quantity: thousandths.
const qtyPlaces = 3

// markTrouble forgets what is known of the storage's table when a step failed in the middle.
func (p *Printer) markTrouble(err error) error {
	p.marks = nil
	return err
}

// verdictOf reads the answer of FF61: outcome in the storage, why none, kind of code, how much follows; then,
// where the marking system was asked, the storage's code of that and tag 2106.
func verdictOf(rest []byte) (drivers.MarkVerdict, error) {
	const local, online = drivers.MarkChecked | drivers.MarkValid, 2
	if err := need(frame.CmdMarkCheck, rest, 4); err != nil {
		return 0, err
	}
	verdict := drivers.MarkVerdict(rest[0]) & local
	if rest[3] < online || len(rest) < 6 || rest[4] != 0 {
		return verdict, nil // nobody beyond the storage has been asked
	}
	return drivers.MarkVerdict(rest[5]), nil
}

// bind hangs a code that was accepted, and what the permissive mode said of it, on the last position.
func (p *Printer) bind(ctx context.Context, m *drivers.Mark) error {
	if m.Permit != nil {
		t := permitTag(*m.Permit)
		if _, err := p.call(ctx, works, frame.CmdOperationTag, ffd.AppendTLV(nil, t.Tag, t.Value)...); err != nil {
			return err
		}
	}
	_, err := p.call(ctx, works, frame.CmdMarkBind, append([]byte{byte(len(m.Raw))}, m.Raw...)...)
	return err
}

// noMarks is said of a register that does not know FF61: by FFD 1.05, or with a firmware from before marking.
func noMarks(err error) error {
	var d *deviceError
	if !errors.As(err, &d) {
		return err
	}
	out := *d
	out.Outcome = drivers.OutcomeNotDone
	out.Hint = drivers.Hint{
		RU: "Эта касса не умеет продавать маркированный товар (ФФД 1.05 или старая прошивка). " + askService,
		EN: "This register cannot sell marked goods (FFD 1.05 or old firmware). " + callService,
	}
	return &out
}

// refusedMark names the position and not the code: whoever has the code has the piece.
func refusedMark(position int, v drivers.MarkVerdict) error {
	return &drivers.Error{
		Fail: drivers.FailMark, Outcome: drivers.OutcomeNotDone, Err: fmt.Errorf("marking code of position %d: verdict %d", position, v),
		Hint: drivers.Hint{
			RU: fmt.Sprintf("Код маркировки товара в позиции %d не прошёл проверку. Уберите товар из чека.", position),
			EN: fmt.Sprintf("The marking code of position %d was refused. Take the article off the receipt.", position),
		},
	}
}
