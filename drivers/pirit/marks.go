package pirit

import (
	"context"
	"fmt"

	"github.com/kopilka/kopilka/drivers"
	"github.com/kopilka/kopilka/drivers/ffd"
	"github.com/kopilka/kopilka/drivers/pirit/frame"
	"github.com/kopilka/kopilka/ledger/sale"
)

// Requests of 79h.
const (
	markCheck  = 1
	markAccept = 2
	markClear  = 3
	markBind   = 15
)

// checkedAs is how a code was checked: the same code for a return has another planned state, and one that was
// weighed again another quantity.
type checkedAs struct {
	planned int
	unit    sale.Unit
	qty     sale.Qty
	verdict int
}

// asked is what a check of q would be remembered as, but for its verdict.
func asked(q drivers.MarkQuery) checkedAs {
	return checkedAs{planned: planned(q.Return, q.Unit), unit: q.Unit, qty: q.Amount()}
}

// query is what is asked about a position's code.
func (j *job) query(l drivers.ReceiptLine) drivers.MarkQuery {
	return drivers.MarkQuery{Raw: l.Mark.Raw, Return: j.Doc == sale.DocSaleReturn, Unit: l.Unit, Qty: l.Part.Qty}
}

// known is the check of a code that was asked about in just this way.
func (p *Printer) known(q drivers.MarkQuery) (c checkedAs, ok bool) {
	c, ok = p.checked[q.Raw]
	want := asked(q)
	want.verdict = c.verdict
	return c, ok && c == want
}

// CheckMark implements [drivers.MarkChecker]. With FFD 1.05 a register checks nothing, and says so by a verdict
// of zero.
func (p *Printer) CheckMark(ctx context.Context, q drivers.MarkQuery) (drivers.MarkVerdict, error) {
	const op = "check marking code"
	if q.Raw == "" || len(q.Raw) > sale.CodeBytesMax {
		return 0, p.report(op, drivers.BadReceipt("a marking code of %d bytes", len(q.Raw)))
	}
	if _, err := p.ready(ctx); err != nil {
		return 0, p.report(op, err)
	}
	m, err := p.learn(ctx)
	if err != nil || !m.marks {
		return 0, p.report(op, err)
	}
	verdict, err := p.check(ctx, q)
	return drivers.MarkVerdict(verdict), p.report(op, outcome(err, drivers.OutcomeNotDone))
}

// planned is tag 2003.
func planned(back bool, u sale.Unit) int {
	switch {
	case back && u == sale.UnitPiece:
		return ffd.PlannedReturned
	case back:
		return ffd.PlannedReturnedMeasured
	case u == sale.UnitPiece:
		return ffd.PlannedSold
	}
	return ffd.PlannedSoldMeasured
}

// check asks storage and marking system (79/1), then keeps the code or drops it (79/2).
func (p *Printer) check(ctx context.Context, q drivers.MarkQuery) (int, error) {
	if err := p.forgetOpenCheck(ctx); err != nil {
		return 0, err
	}
	as := asked(q)
	fields, err := p.call(ctx, works, frame.CmdMark, decimal(markCheck), frame.Escape(q.Raw), decimal(0), decimal(as.planned),
		[]byte(as.qty.String()), decimal(int(as.unit)), decimal(0))
	if err != nil {
		return 0, err
	}
	n, err := numbersIn(frame.CmdMark, fields, 1, 1)
	if err != nil {
		return 0, err
	}
	verdict, keep := n[0], 1
	if drivers.MarkVerdict(verdict).Refused() {
		keep = 0
	}
	if fields, err = p.call(ctx, works, frame.CmdMark, decimal(markAccept), decimal(keep)); err != nil {
		return 0, err
	}
	if keep == 0 {
		return verdict, nil
	}
	// The answer to the acceptance has the verdict as the document will carry it.
	if n, err := numbersIn(frame.CmdMark, fields, 1, 1); err == nil && n[0] != 0 {
		verdict = n[0]
	}
	if p.checked == nil {
		p.checked = map[string]checkedAs{}
	}
	as.verdict = verdict
	p.checked[q.Raw] = as
	return verdict, nil
}

// forgetOpenCheck drops a code that was asked about and neither accepted nor dropped, because the line was lost
// in between: the storage checks one at a time.
func (p *Printer) forgetOpenCheck(ctx context.Context) error {
	const none = 1
	fields, err := p.call(ctx, reads, frame.CmdMark, decimal(0))
	if err != nil {
		return err
	}
	n, err := numbersIn(frame.CmdMark, fields, 1, 1)
	if err != nil || n[0] <= none {
		return err
	}
	_, err = p.call(ctx, works, frame.CmdMark, decimal(markAccept), decimal(0))
	return err
}

// checkMarks checks the codes of a receipt that were not checked before, as long as no document is open. Codes
// that the storage holds beyond those are of a receipt that was never made, and go.
func (p *Printer) checkMarks(ctx context.Context, j *job) error {
	j.verdicts = map[string]int{}
	if !j.base.model.marks || j.kind != j.Doc { // a correction is of papers, not of pieces that are there
		return nil
	}
	if err := p.checkedBefore(ctx, j); err != nil {
		return err
	}
	for _, l := range j.Lines {
		if l.Mark == nil {
			continue
		}
		if c, ok := p.known(j.query(l)); ok {
			j.verdicts[l.Mark.Raw] = c.verdict
			continue
		}
		verdict, err := p.check(ctx, j.query(l))
		if err == nil && drivers.MarkVerdict(verdict).Refused() {
			err = refuse(drivers.FailMark, "Товар с этой маркировкой продать нельзя. Отложите его и уберите из чека.",
				"The article with this marking must not be sold. Put it aside and take it off the receipt.")
		}
		if err != nil {
			_ = p.dropMarks(ctx) // the refusal is the error to report
			return err
		}
		j.verdicts[l.Mark.Raw] = verdict
	}
	return nil
}

// checkedBefore keeps what is remembered only where the storage holds exactly as many codes, and none of this
// receipt that was asked about in another way: what a storage makes of the same code twice is not written.
func (p *Printer) checkedBefore(ctx context.Context, j *job) error {
	const saved = 4
	marked, fits := false, true
	for _, l := range j.Lines {
		if l.Mark == nil {
			continue
		}
		_, held := p.checked[l.Mark.Raw]
		_, known := p.known(j.query(l))
		marked, fits = true, fits && held == known
	}
	if !marked && len(p.checked) == 0 {
		return nil
	}
	fields, err := p.call(ctx, reads, frame.CmdMark, decimal(0))
	if err != nil {
		return err
	}
	n, err := numbersIn(frame.CmdMark, fields, saved, 1)
	if err != nil || n[0] == len(p.checked) && marked && fits {
		return err
	}
	return p.dropMarks(ctx)
}

// DropMarks implements [drivers.MarkChecker].
func (p *Printer) DropMarks(ctx context.Context) error {
	const op = "drop marking codes"
	if _, err := p.ready(ctx); err != nil {
		return p.report(op, err)
	}
	return p.report(op, outcome(p.dropMarks(ctx), drivers.OutcomeNotDone))
}

// dropMarks empties the storage's table of codes.
func (p *Printer) dropMarks(ctx context.Context) error {
	m, err := p.learn(ctx)
	if err != nil || !m.marks {
		return err
	}
	p.checked = nil
	_, err = p.call(ctx, works, frame.CmdMark, decimal(markClear))
	if codeIn(err) == codeMarkMode { // not registered for marked goods: there is no table
		return nil
	}
	return err
}

// bind names the piece that the next position is: 79/15.
func (p *Printer) bind(ctx context.Context, j *job, l drivers.ReceiptLine) error {
	verdict, ok := j.verdicts[l.Mark.Raw]
	if !ok {
		return nil
	}
	plan := planned(j.Doc == sale.DocSaleReturn, l.Unit)
	_, err := p.call(ctx, works, frame.CmdMark, decimal(markBind), frame.Escape(l.Mark.Raw), decimal(plan), decimal(0), decimal(verdict), decimal(int(l.Unit)))
	return err
}

// lineTags sends what 24h carries for a position: the raw code with FFD 1.05, the answer of the permissive mode
// (tag 1260) with FFD 1.2.
func (p *Printer) lineTags(ctx context.Context, m *model, l drivers.ReceiptLine) error {
	const office = 14
	if l.Mark == nil || m.marks && l.Mark.Permit == nil {
		return nil
	}
	fields := make([][]byte, office, office+4)
	if !m.marks {
		fields[0] = frame.Escape(l.Mark.Raw)
		fields = fields[:1]
	} else {
		day := ffd.PermitDay[:2] + ffd.PermitDay[3:5] + ffd.PermitDay[6:] // ddmmyyyy
		said := fmt.Sprintf("UUID=%s&Time=%d", l.Mark.Permit.Request, l.Mark.Permit.At)
		fields = append(fields, []byte(ffd.PermitOffice), []byte(day), []byte(ffd.PermitNumber), frame.Text(said, ffd.IndustryBytes))
	}
	_, err := p.call(ctx, works, frame.CmdLineTags, fields...)
	return err
}
