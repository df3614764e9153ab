package atol

import (
	"context"
	"time"

	"github.com/kopilka/kopilka/drivers"
	"github.com/kopilka/kopilka/drivers/atol/task"
	"github.com/kopilka/kopilka/ledger/sale"
)

// The printer's other skills.
var (
	_ drivers.Printer       = (*Printer)(nil)
	_ drivers.CashMover     = (*Printer)(nil)
	_ drivers.Reporter      = (*Printer)(nil)
	_ drivers.Slips         = (*Printer)(nil)
	_ drivers.Copier        = (*Printer)(nil)
	_ drivers.Drawer        = (*Printer)(nil)
	_ drivers.ClockSetter   = (*Printer)(nil)
	_ drivers.Corrector     = (*Printer)(nil)
	_ drivers.MarkChecker   = (*Printer)(nil)
	_ drivers.StorageTeller = (*Printer)(nil)
	_ drivers.Preflighter   = (*Printer)(nil)
)

// CashIn implements [drivers.CashMover].
func (p *Printer) CashIn(ctx context.Context, who drivers.Operator, amount sale.Money) error {
	return p.report("put cash in", p.moveCash(ctx, task.CashIn, who, amount))
}

// CashOut implements [drivers.CashMover].
func (p *Printer) CashOut(ctx context.Context, who drivers.Operator, amount sale.Money) error {
	return p.report("take cash out", p.moveCash(ctx, task.CashOut, who, amount))
}

func (p *Printer) moveCash(ctx context.Context, t task.Type, who drivers.Operator, amount sale.Money) error {
	if amount <= 0 || amount > sale.MoneyMax {
		return drivers.BadReceipt("amount %s", amount)
	}
	before, err := p.cash(ctx)
	if err != nil {
		return outcome(err, drivers.OutcomeNotDone)
	}
	p.marks = nil // the vendor's tasks clear the table on their way
	sum := task.Money(amount)
	results, err := p.work(ctx, p.opts.wait, task.Task{Type: t, Operator: operator(who), CashSum: &sum})
	if err != nil {
		return err
	}
	if results[0].Status == task.Canceled {
		return canceled() // the server's own word that it was never begun
	}
	if err := firstError(results); err != nil {
		return p.counted(ctx, before, err)
	}
	return nil
}

// counted asks the drawer's counter whether a task that ended with an error has moved the money all the same: the
// server calls a link that broke in the middle an error too, and no archive tells of cash.
func (p *Printer) counted(ctx context.Context, before sale.Money, refused error) error {
	if now, err := p.cash(ctx); err == nil && now == before {
		return outcome(refused, drivers.OutcomeNotDone)
	}
	return outcome(refused, drivers.OutcomeUnknown)
}

// CashInDrawer implements [drivers.CashMover].
func (p *Printer) CashInDrawer(ctx context.Context) (sale.Money, error) {
	sum, err := p.cash(ctx)
	return sum, p.report("read cash in drawer", err)
}

func (p *Printer) cash(ctx context.Context) (sale.Money, error) {
	results, err := p.read(ctx, task.Task{Type: task.GetCashDrawerStatus})
	if err == nil {
		err = firstError(results)
	}
	if err != nil {
		return 0, err
	}
	var d task.DrawerStatus
	if err := task.ParseResult(results[0].Result, &d); err != nil {
		return 0, malformed(err)
	}
	if d.Counters == nil || d.Counters.Cash == nil {
		return 0, malformed(errIncomplete)
	}
	return sale.Money(*d.Counters.Cash), nil
}

// Slip implements [drivers.Slips].
func (p *Printer) Slip(ctx context.Context, lines []string, qr string) error {
	items, err := texts(lines, qr)
	if err == nil {
		err = p.plainWork(ctx, task.Task{Type: task.NonFiscal, Items: items})
	}
	return p.report("print slip", err)
}

// CopyLast implements [drivers.Copier].
func (p *Printer) CopyLast(ctx context.Context) error {
	return p.report("print copy", p.plainWork(ctx, task.Task{Type: task.PrintLastReceiptCopy}))
}

// OpenDrawer implements [drivers.Drawer].
func (p *Printer) OpenDrawer(ctx context.Context) error {
	results, err := p.work(ctx, readWait, task.Task{Type: task.OpenCashDrawer})
	if err == nil {
		err = firstError(results)
	}
	return p.report("open drawer", err)
}

// SetClock implements [drivers.ClockSetter].
func (p *Printer) SetClock(ctx context.Context, wall time.Time) error {
	return p.report("set clock", p.setClock(ctx, wall))
}

func (p *Printer) setClock(ctx context.Context, wall time.Time) error {
	s, err := p.state(ctx)
	if err != nil {
		return err
	}
	if s.shift != drivers.ShiftClosed {
		return refusedBy(codeShiftOpen)
	}
	return p.plainWork(ctx, task.Task{Type: task.SetDateTime, DateTime: wall.Format(task.ClockLayout)})
}
