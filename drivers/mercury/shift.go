package mercury

import (
	"context"
	"time"

	"github.com/kopilka/kopilka/drivers"
	"github.com/kopilka/kopilka/drivers/mercury/frame"
	"github.com/kopilka/kopilka/ledger/sale"
)

// OpenShift implements [drivers.Printer].
func (p *Printer) OpenShift(ctx context.Context, by drivers.Operator) (sale.Fiscal, error) {
	f, err := p.shiftDocument(ctx, by, frame.CmdOpenShift, sale.DocShiftOpen)
	return f, p.report("open shift", err)
}

// CloseShift implements [drivers.Printer].
func (p *Printer) CloseShift(ctx context.Context, by drivers.Operator) (sale.Fiscal, error) {
	f, err := p.shiftDocument(ctx, by, frame.CmdCloseShift, sale.DocShiftClose)
	return f, p.report("close shift", err)
}

func (p *Printer) shiftDocument(ctx context.Context, by drivers.Operator, cmd frame.Command, doc sale.DocKind) (sale.Fiscal, error) {
	before, err := p.state(ctx)
	if err == nil {
		err = mayTurn(before, doc)
	}
	if err != nil {
		return sale.Fiscal{}, outcome(err, drivers.OutcomeNotDone)
	}
	info, err := p.learn(ctx)
	if err != nil {
		return sale.Fiscal{}, outcome(err, drivers.OutcomeNotDone)
	}
	made, err := do[frame.ShiftMade](ctx, p, final, frame.Shift{Head: p.head(cmd), Print: true, Cashier: who(by)}, cmd, waitShift)
	if err != nil {
		return sale.Fiscal{}, p.settle(ctx, err, before.signedNothing)
	}
	f := sale.Fiscal{
		Kind: sale.FiscalOwn, Key: sale.FiscalKey{FN: before.fn, FD: made.FD}, Shift: made.Shift, Doc: doc, Register: info.Serial,
	}
	return p.made(ctx, cmd, f, made.Sign, before)
}

// mayTurn refuses early what the service would refuse with a number.
func mayTurn(s state, doc sale.DocKind) error {
	open := s.shift() != drivers.ShiftClosed
	switch {
	case s.FN.Phase != frame.PhaseFiscal:
		return unregistered(s.FN.Phase)
	case doc == sale.DocShiftOpen && open:
		return early(drivers.FailShiftOpen, "shift %d is open", s.Shift.No)
	case doc == sale.DocShiftClose && !open:
		return early(drivers.FailShiftClosed, "no shift is open")
	case s.Check.Open:
		return early(drivers.FailDocument, "a receipt is open")
	case s.paperOut():
		return early(drivers.FailPaper, "the paper is out")
	}
	return nil
}

// CashIn implements [drivers.CashMover].
func (p *Printer) CashIn(ctx context.Context, by drivers.Operator, amount sale.Money) error {
	return p.report("cash in", p.move(ctx, by, amount, frame.CmdBringMoney))
}

// CashOut implements [drivers.CashMover].
func (p *Printer) CashOut(ctx context.Context, by drivers.Operator, amount sale.Money) error {
	return p.report("cash out", p.move(ctx, by, amount, frame.CmdWithdraw))
}

func (p *Printer) move(ctx context.Context, by drivers.Operator, amount sale.Money, cmd frame.Command) error {
	if amount <= 0 || amount > frame.AmountMax {
		return early(drivers.FailRefused, "amount %s", amount)
	}
	before, err := p.state(ctx)
	switch {
	case err != nil:
		return outcome(err, drivers.OutcomeNotDone)
	case before.Check.Open:
		return early(drivers.FailDocument, "a receipt is open")
	case before.paperOut():
		return early(drivers.FailPaper, "the paper is out")
	case cmd == frame.CmdWithdraw && amount > sale.Money(before.Shift.Cash):
		e := early(drivers.FailRefused, "%s asked for, the drawer holds %s", amount, sale.Money(before.Shift.Cash))
		e.Hint = drivers.Hint{
			RU: "В ящике кассы не хватает наличных. Внесите наличные.",
			EN: "There is not enough cash in the drawer. Put cash in first.",
		}
		return e
	}
	_, err = do[frame.Answer](ctx, p, final, frame.MoveMoney{Head: p.head(cmd), Cash: int64(amount), Cashier: who(by)}, cmd, waitWork)
	if err != nil {
		return p.settle(ctx, err, func(now state) bool { return now.Shift.Cash == before.Shift.Cash })
	}
	return nil
}

// CashInDrawer implements [drivers.CashMover].
func (p *Printer) CashInDrawer(ctx context.Context) (sale.Money, error) {
	s, err := p.state(ctx)
	if err != nil {
		return 0, p.report("read the drawer", err)
	}
	return sale.Money(s.Shift.Cash), nil
}

// XReport implements [drivers.Reporter]. The service does not ask who wants it.
func (p *Printer) XReport(ctx context.Context, _ drivers.Operator) error {
	const op = "print X report"
	if err := p.withPaper(ctx); err != nil {
		return p.report(op, err)
	}
	req := frame.PrintReport{Head: p.head(frame.CmdPrintReport), Report: frame.ReportX}
	_, err := do[frame.Answer](ctx, p, works, req, frame.CmdPrintReport, waitWork)
	return p.report(op, err)
}

// CopyLast implements [drivers.Copier].
func (p *Printer) CopyLast(ctx context.Context) error {
	const op = "copy last document"
	s, err := p.state(ctx)
	if err == nil && s.paperOut() {
		err = early(drivers.FailPaper, "the paper is out")
	}
	if err != nil {
		return p.report(op, err)
	}
	req := frame.PrintDoc{Head: p.head(frame.CmdPrintDoc), FD: s.last.FD}
	_, err = do[frame.Answer](ctx, p, works, req, frame.CmdPrintDoc, waitWork)
	return p.report(op, err)
}

// OpenDrawer implements [drivers.Drawer].
func (p *Printer) OpenDrawer(ctx context.Context) error {
	const op = "open drawer"
	if _, err := p.state(ctx); err != nil {
		return p.report(op, err)
	}
	_, err := do[frame.Answer](ctx, p, works, frame.Plain{Head: p.head(frame.CmdOpenBox)}, frame.CmdOpenBox, waitWork)
	return p.report(op, err)
}

// SetClock implements [drivers.ClockSetter].
func (p *Printer) SetClock(ctx context.Context, wall time.Time) error {
	const op = "set clock"
	s, err := p.state(ctx)
	if err == nil && s.shift() != drivers.ShiftClosed {
		err = early(drivers.FailShiftOpen, "shift %d is open", s.Shift.No)
	}
	if err != nil {
		return p.report(op, err)
	}
	req := frame.SetDateTime{Head: p.head(frame.CmdSetDateTime), At: wall.Format(frame.TimeLayout)}
	_, err = do[frame.Answer](ctx, p, works, req, frame.CmdSetDateTime, waitWork)
	return p.report(op, err)
}
