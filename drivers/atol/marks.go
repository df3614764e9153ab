package atol

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/kopilka/kopilka/drivers"
	"github.com/kopilka/kopilka/drivers/atol/task"
	"github.com/kopilka/kopilka/drivers/ffd"
	"github.com/kopilka/kopilka/ledger/sale"
)

const (
	// markWait is for the marking system: the register asks it for a few seconds and then goes on alone.
	markWait = 30 * time.Second
	// markPause is between looks at a check.
	markPause = 300 * time.Millisecond
)

// CheckMark implements [drivers.MarkChecker]. A code that is not refused is accepted for the next receipt at once,
// since the register's table is emptied by almost any other document in between.
func (p *Printer) CheckMark(ctx context.Context, q drivers.MarkQuery) (drivers.MarkVerdict, error) {
	verdict, err := p.checkMark(ctx, imcOf(q))
	return verdict, p.report("check marking code", outcome(err, drivers.OutcomeNotDone))
}

// DropMarks implements [drivers.MarkChecker].
func (p *Printer) DropMarks(ctx context.Context) error {
	return p.report("drop marking codes", outcome(p.clearMarks(ctx), drivers.OutcomeNotDone))
}

func (p *Printer) clearMarks(ctx context.Context) error {
	p.marks = nil
	results, err := p.read(ctx, task.Task{Type: task.ClearMarks}) // to clear twice is to clear once
	if err == nil {
		err = firstError(results)
	}
	switch codeIn(err) {
	case codeUnsupported, codeMarkFFD:
		return nil // a register that checks no codes has none
	}
	return err
}

func imcOf(q drivers.MarkQuery) task.Imc {
	i := task.Imc{ImcType: task.ImcAuto, Imc: base64.StdEncoding.EncodeToString([]byte(q.Raw))}
	measured := q.Measured()
	switch {
	case measured && q.Return:
		i.ItemEstimatedStatus = task.DryReturn
	case measured:
		i.ItemEstimatedStatus = task.DrySold
	case q.Return:
		i.ItemEstimatedStatus = task.PieceReturn
	default:
		i.ItemEstimatedStatus = task.PieceSold
	}
	if measured {
		unit, qty := uint8(q.Unit), task.Qty(q.Amount())
		i.ItemUnits, i.ItemQuantity = &unit, &qty
	}
	return i
}

// checkMark has the storage and the marking system look at a code, and accepts it unless they refuse.
func (p *Printer) checkMark(ctx context.Context, i task.Imc) (drivers.MarkVerdict, error) {
	results, err := p.begin(ctx, i)
	if codeIn(err) == codeMarkBusy { // a program that was stopped in the middle has left its check behind
		if err = p.step(ctx, task.CancelMark); err != nil {
			return 0, err
		}
		results, err = p.begin(ctx, i)
	}
	if err != nil {
		return 0, err
	}
	verdict, err := p.verdict(ctx, results)
	if err != nil {
		return 0, errors.Join(err, p.step(ctx, task.CancelMark))
	}
	if verdict.Refused() {
		return verdict, p.step(ctx, task.DeclineMark)
	}
	if err := p.step(ctx, task.AcceptMark); err != nil {
		return 0, err
	}
	if p.marks == nil {
		p.marks = map[string]drivers.MarkVerdict{}
	}
	p.marks[key(i)] = verdict
	return verdict, nil
}

// key tells checks apart: the same code sold and taken back are two, and so is what was weighed again.
func key(i task.Imc) string {
	if i.ItemUnits == nil || i.ItemQuantity == nil {
		return i.ItemEstimatedStatus + " " + i.Imc
	}
	return fmt.Sprintf("%s %s %d %d", i.ItemEstimatedStatus, i.Imc, *i.ItemUnits, *i.ItemQuantity)
}

// begin starts a check and looks at once how it goes.
func (p *Printer) begin(ctx context.Context, i task.Imc) ([]task.Result, error) {
	results, err := p.work(ctx, readWait, task.Task{Type: task.BeginMark, Params: &i}, task.Task{Type: task.MarkStatus})
	if err == nil {
		err = firstError(results)
	}
	return results, err
}

func (p *Printer) step(ctx context.Context, t task.Type) error {
	results, err := p.work(ctx, readWait, task.Task{Type: t})
	if err == nil {
		err = firstError(results)
	}
	return err
}

// verdict waits for the marking system's word; where it is not heard, the storage's own stands.
func (p *Printer) verdict(ctx context.Context, results []task.Result) (drivers.MarkVerdict, error) {
	var begun task.MarkBegun
	if err := task.ParseResult(results[0].Result, &begun); err != nil {
		return 0, malformed(err)
	}
	last := results[1]
	for began := time.Now(); ; {
		var r task.MarkResult
		if err := task.ParseResult(last.Result, &r); err != nil {
			return 0, malformed(err)
		}
		if r.Ready {
			return verdictOf(begun, r), nil
		}
		if time.Since(began) >= markWait {
			return 0, refusedBy(codeMarkBusy)
		}
		if err := pause(ctx, markPause); err != nil {
			return 0, p.linkFailure(ctx, job{kind: reads}, &linkError{err: err})
		}
		next, err := p.read(ctx, task.Task{Type: task.MarkStatus})
		if err == nil {
			err = firstError(next)
		}
		if err != nil {
			return 0, err
		}
		last = next[0]
	}
}

func verdictOf(begun task.MarkBegun, r task.MarkResult) drivers.MarkVerdict {
	if r.Online != nil && r.Online.Check != nil {
		return drivers.MarkVerdict(r.Online.Check.Bits())
	}
	var v drivers.MarkVerdict
	if begun.Offline != nil && begun.Offline.Checked {
		v |= drivers.MarkChecked
		if begun.Offline.Valid {
			v |= drivers.MarkValid
		}
	}
	return v
}

// mark checks the codes of a receipt that were not checked before and writes them into its positions.
func (p *Printer) mark(ctx context.Context, r drivers.Receipt, t *task.Task) error {
	if !marked(r) {
		return nil
	}
	if len(p.marks) == 0 || !p.fits(r) {
		if err := p.clearMarks(ctx); err != nil { // of another program, this one before it was stopped, another weight
			return err
		}
	}
	at := 0
	for _, l := range r.Lines {
		for t.Items[at].Type != task.Position {
			at++
		}
		if l.Mark != nil {
			if err := p.markLine(ctx, r.Doc, l, &t.Items[at]); err != nil {
				return err
			}
		}
		at++
	}
	return nil
}

// fits tells that each code that was accepted is on the receipt, and was checked for that.
func (p *Printer) fits(r drivers.Receipt) bool {
	held := 0
	for _, l := range r.Lines {
		if l.Mark == nil {
			continue
		}
		if _, ok := p.marks[key(imcOf(query(r.Doc, l)))]; ok {
			held++
		}
	}
	return held == len(p.marks)
}

// query is what is asked about a position's code.
func query(doc sale.DocKind, l drivers.ReceiptLine) drivers.MarkQuery {
	return drivers.MarkQuery{Raw: l.Mark.Raw, Return: doc == sale.DocSaleReturn || doc == sale.DocExpense, Unit: l.Unit, Qty: l.Part.Qty}
}

func marked(r drivers.Receipt) bool {
	for _, l := range r.Lines {
		if l.Mark != nil {
			return true
		}
	}
	return false
}

func (p *Printer) markLine(ctx context.Context, doc sale.DocKind, l drivers.ReceiptLine, item *task.Item) error {
	i := imcOf(query(doc, l))
	verdict, known := p.marks[key(i)]
	if !known {
		var err error
		if verdict, err = p.checkMark(ctx, i); err != nil {
			return err
		}
	}
	if verdict.Refused() {
		return refusedMark(l.Name)
	}
	check := task.CheckOf(uint8(verdict))
	i.ItemInfoCheckResult = &check
	item.ImcParams = &i
	if permit := l.Mark.Permit; permit != nil {
		day, err := time.Parse("02.01.2006", ffd.PermitDay)
		if err != nil {
			return drivers.BadReceipt("permit: %w", err)
		}
		item.IndustryInfo = []task.Industry{{
			Fois: ffd.PermitOffice, Date: day.Format(task.CorrectionDateLayout), Number: ffd.PermitNumber,
			Attribute: fmt.Sprintf("UUID=%s&Time=%d", permit.Request, permit.At),
		}}
	}
	return nil
}

// refusedMark names the article and not the code.
func refusedMark(name string) error {
	return &drivers.Error{
		Fail: drivers.FailMark, Outcome: drivers.OutcomeNotDone, Err: fmt.Errorf("the marking code of %s is refused", inMarks(name, `"`, `"`)),
		Hint: drivers.Hint{
			RU: inMarks(name, "«", "»") + ": код маркировки не прошёл проверку, продавать нельзя. Уберите товар из чека.",
			EN: name + ": the marking code was refused, it must not be sold. Take the article off the receipt.",
		},
	}
}

// inMarks is a name in quotation marks; one that has some of its own, as Сок «Добрый», stands without ours.
func inMarks(name, before, behind string) string {
	if strings.ContainsAny(name, "«»“”„\"") {
		return name
	}
	return before + name + behind
}

// tidy forgets codes after a failure, as far as the line still carries; Cancel does the rest.
func (p *Printer) tidy(ctx context.Context, r drivers.Receipt) {
	if !marked(r) {
		return
	}
	p.marks = nil
	if p.link == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanupMax)
	defer cancel()
	_ = p.clearMarks(ctx) // the failure that led here is the one to report
}
