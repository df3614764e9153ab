package pirit

import (
	"context"

	"github.com/kopilka/kopilka/drivers"
	"github.com/kopilka/kopilka/drivers/pirit/frame"
	"github.com/kopilka/kopilka/ledger/sale"
)

// OpenShift implements [drivers.Printer].
func (p *Printer) OpenShift(ctx context.Context, who drivers.Operator) (sale.Fiscal, error) {
	f, err := p.shiftDocument(ctx, who, sale.DocShiftOpen)
	return f, p.report("open shift", err)
}

// CloseShift implements [drivers.Printer].
func (p *Printer) CloseShift(ctx context.Context, who drivers.Operator) (sale.Fiscal, error) {
	f, err := p.shiftDocument(ctx, who, sale.DocShiftClose)
	return f, p.report("close shift", err)
}

// shiftDocument makes the document, then finds it in the archive: the answer names none.
func (p *Printer) shiftDocument(ctx context.Context, who drivers.Operator, doc sale.DocKind) (sale.Fiscal, error) {
	p.who = who
	j := &job{kind: doc}
	if err := p.beginShift(ctx, j); err != nil {
		return sale.Fiscal{}, outcome(err, drivers.OutcomeNotDone)
	}
	cmd, fields := frame.CmdOpenShift, [][]byte{operator(who)}
	if doc == sale.DocShiftClose {
		cmd, fields = frame.CmdZReport, append(fields, decimal(0))
	}
	_, err := p.call(ctx, final, cmd, fields...)
	if err == nil {
		err = outcome(malformed(cmd, "the document is not in the archive"), drivers.OutcomeUnknown)
	}
	return p.settle(ctx, j, err)
}

// beginShift refuses early what the device would refuse with a code that fits many cases, and notes where the
// archive ends.
func (p *Printer) beginShift(ctx context.Context, j *job) error {
	f, err := p.clear(ctx)
	if err != nil {
		return err
	}
	if err := p.mayPrint(ctx); err != nil {
		return err
	}
	switch {
	case f.has(flagNotFiscal):
		return because(codeState, whyNotFiscal)
	case f.signed() || f.has(flagZHalf):
		return because(codeState, 15)
	case f.open():
		return because(codeState, 9)
	case j.kind == sale.DocShiftClose && !f.has(flagShift):
		return because(codeState, 20)
	case j.kind == sale.DocShiftOpen && f.has(flagOver24):
		return because(codeDay, 0)
	case j.kind == sale.DocShiftOpen && f.has(flagShift):
		return refuse(drivers.FailShiftOpen, "Смена уже открыта.", "A shift is open already.")
	}
	if j.base.model, err = p.learn(ctx); err != nil {
		return err
	}
	if j.base.fn, err = p.fn(ctx); err != nil {
		return err
	}
	j.base.fd, err = p.lastFD(ctx)
	return err
}

// XReport implements [drivers.Reporter].
func (p *Printer) XReport(ctx context.Context, who drivers.Operator) error {
	const op = "print X report"
	if _, err := p.ready(ctx); err != nil {
		return p.report(op, err)
	}
	_, err := p.call(ctx, works, frame.CmdXReport, operator(who))
	return p.report(op, err)
}

// CashIn implements [drivers.CashMover].
func (p *Printer) CashIn(ctx context.Context, who drivers.Operator, amount sale.Money) error {
	return p.report("put cash in", p.moveCash(ctx, typeCashIn, who, amount))
}

// CashOut implements [drivers.CashMover].
func (p *Printer) CashOut(ctx context.Context, who drivers.Operator, amount sale.Money) error {
	return p.report("take cash out", p.moveCash(ctx, typeCashOut, who, amount))
}

// moveCash opens a document, names the sum and closes it: only the close moves anything.
func (p *Printer) moveCash(ctx context.Context, kind int, who drivers.Operator, amount sale.Money) error {
	if amount <= 0 || amount > sale.MoneyMax {
		return drivers.BadReceipt("cash of %s", amount)
	}
	if err := p.mayOpen(ctx, false); err != nil {
		return outcome(err, drivers.OutcomeNotDone)
	}
	err := p.open(ctx, kind, who, 1)
	if err == nil {
		_, err = p.call(ctx, works, frame.CmdCash, nil, []byte(amount.String()))
	}
	if err != nil {
		p.tidy(ctx)
		return outcome(err, drivers.OutcomeNotDone)
	}
	p.closing = nil
	if _, err = p.call(ctx, final, frame.CmdClose, decimal(cutDocument)); err == nil || codeIn(err) == 0 {
		return err
	}
	if f, lost := p.flags(ctx); lost == nil && f.open() { // refused, and the document is still there: nothing has moved
		p.tidy(ctx)
		return outcome(err, drivers.OutcomeNotDone)
	}
	return outcome(err, drivers.OutcomeUnknown)
}

// Slip implements [drivers.Slips].
func (p *Printer) Slip(ctx context.Context, lines []string, qr string) error {
	const op = "print slip"
	err := p.mayPrint(ctx)
	if err == nil {
		err = p.slip(ctx, lines, qr)
	}
	return p.report(op, err)
}

// slip is a service document.
func (p *Printer) slip(ctx context.Context, lines []string, qr string) error {
	f, err := p.clear(ctx)
	switch {
	case err != nil:
		return err
	case f.signed() || f.has(flagZHalf):
		return because(codeState, 15)
	case f.open():
		return because(codeState, 9)
	}
	m, err := p.learn(ctx)
	if err != nil {
		return err
	}
	p.halfSlip = true
	err = p.open(ctx, typeService, p.who, 1)
	if err == nil {
		err = p.service(ctx, wrap(lines, m.width), qr)
	}
	if err != nil {
		p.tidy(ctx)
		return err
	}
	p.halfSlip = false
	return nil
}

func (p *Printer) service(ctx context.Context, rows []string, qr string) error {
	const below, width, height, kindQR = 0, 5, 1, 8
	for _, row := range rows {
		if _, err := p.call(ctx, works, frame.CmdText, printable(row), decimal(0)); err != nil {
			return err
		}
	}
	if qr != "" {
		code := frame.Text(qr, frame.BodyMax/2)
		if _, err := p.call(ctx, works, frame.CmdBarcode, decimal(below), decimal(width), decimal(height), decimal(kindQR), code); err != nil {
			return err
		}
	}
	_, err := p.call(ctx, works, frame.CmdClose, decimal(cutDocument))
	return err
}

// CopyLast implements [drivers.Copier]: the storage's last document is printed anew.
func (p *Printer) CopyLast(ctx context.Context) error {
	const op = "print copy"
	if _, err := p.ready(ctx); err != nil {
		return p.report(op, err)
	}
	last, err := p.lastFD(ctx)
	if err == nil {
		_, err = p.call(ctx, works, frame.CmdPrintStored, decimal(int(last)), decimal(0))
	}
	return p.report(op, err)
}

// OpenDrawer implements [drivers.Drawer].
func (p *Printer) OpenDrawer(ctx context.Context) error {
	const op = "open drawer"
	if _, err := p.ready(ctx); err != nil {
		return p.report(op, err)
	}
	_, err := p.call(ctx, works, frame.CmdDrawer, decimal(p.opts.pulse))
	return p.report(op, err)
}
