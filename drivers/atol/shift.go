package atol

import (
	"context"
	"slices"

	"github.com/kopilka/kopilka/drivers"
	"github.com/kopilka/kopilka/drivers/atol/task"
	"github.com/kopilka/kopilka/ledger/sale"
)

// OpenShift implements [drivers.Printer].
func (p *Printer) OpenShift(ctx context.Context, who drivers.Operator) (sale.Fiscal, error) {
	f, err := p.shift(ctx, task.Task{Type: task.OpenShift, Operator: operator(who)})
	return f, p.report("open shift", err)
}

// CloseShift implements [drivers.Printer].
func (p *Printer) CloseShift(ctx context.Context, who drivers.Operator) (sale.Fiscal, error) {
	f, err := p.shift(ctx, task.Task{Type: task.CloseShift, Operator: operator(who)})
	return f, p.report("close shift", err)
}

func (p *Printer) shift(ctx context.Context, t task.Task) (sale.Fiscal, error) {
	s, err := p.state(ctx)
	if err == nil {
		err = mayPrint(s, t)
	}
	if err != nil {
		return sale.Fiscal{}, outcome(err, drivers.OutcomeNotDone)
	}
	p.marks = nil // the vendor's tasks clear the table on their way
	return p.sign(ctx, s, t, max(p.opts.wait, shiftWait))
}

// XReport implements [drivers.Reporter].
func (p *Printer) XReport(ctx context.Context, who drivers.Operator) error {
	return p.report("print X report", p.plainWork(ctx, task.Task{Type: task.ReportX, Operator: operator(who)}))
}

// plainWork does a task that leaves no fiscal document.
func (p *Printer) plainWork(ctx context.Context, t task.Task) error {
	p.marks = nil // as above
	results, err := p.work(ctx, p.opts.wait, t)
	if err == nil {
		err = firstError(results)
	}
	if slices.Contains(broken, codeIn(err)) {
		return outcome(err, drivers.OutcomeUnknown)
	}
	return err
}

// broken are codes of a link or a part that failed in the middle of the work: some of it may be done.
var broken = []int{2, 3, 4, 5, 6, 15, 46, 47, 104, 115, 140, 159, 165, 241}
