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
	sum := task.Money(amount)
	return p.plainWork(ctx, task.Task{Type: t, Operator: operator(who), CashSum: &sum})
}

// CashInDrawer implements [drivers.CashMover].
func (p *Printer) CashInDrawer(ctx context.Context) (sale.Money, error) {
	const op = "read cash in drawer"
	results, err := p.read(ctx, task.Task{Type: task.GetCashDrawerStatus})
	if err == nil {
		err = firstError(results)
	}
	if err != nil {
		return 0, p.report(op, err)
	}
	var d task.DrawerStatus
	if err := task.ParseResult(results[0].Result, &d); err != nil {
		return 0, p.report(op, malformed(err))
	}
	if d.Counters == nil || d.Counters.Cash == nil {
		return 0, p.report(op, malformed(errIncomplete))
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
