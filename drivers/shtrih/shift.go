package shtrih

import (
	"context"
	"fmt"

	"github.com/kopilka/kopilka/drivers"
	"github.com/kopilka/kopilka/drivers/shtrih/frame"
	"github.com/kopilka/kopilka/ledger/sale"
)

// OpenShift implements [drivers.Printer].
func (p *Printer) OpenShift(ctx context.Context, who drivers.Operator) (sale.Fiscal, error) {
	f, err := p.shiftDocument(ctx, who, shiftOpening)
	return f, p.report("open shift", err)
}

// CloseShift implements [drivers.Printer].
func (p *Printer) CloseShift(ctx context.Context, who drivers.Operator) (sale.Fiscal, error) {
	f, err := p.shiftDocument(ctx, who, shiftClosing)
	return f, p.report("close shift", err)
}

// shiftStep is how one of the two documents of a shift is made.
type shiftStep struct {
	begin, do frame.Cmd
	doc       sale.DocKind
	admin     bool
}

var (
	shiftOpening = shiftStep{begin: frame.CmdFNShiftOpen, do: frame.CmdOpenShift, doc: sale.DocShiftOpen}
	shiftClosing = shiftStep{begin: frame.CmdFNShiftClose1, do: frame.CmdZReport, doc: sale.DocShiftClose, admin: true}
)

// shiftDocument makes the document, then finds it in the archive: the command's answer names none.
func (p *Printer) shiftDocument(ctx context.Context, who drivers.Operator, step shiftStep) (sale.Fiscal, error) {
	before, err := p.beginShift(ctx, who, step)
	if err != nil {
		p.tidy(ctx)
		return sale.Fiscal{}, outcome(err, drivers.OutcomeNotDone)
	}
	send := p.call
	if step.admin {
		send = p.adminCall
	}
	if _, err := send(ctx, final, step.do); err != nil {
		if _, err = p.fetch(ctx, step.do, err); err != nil {
			return sale.Fiscal{}, p.refused(ctx, before, err)
		}
	}
	f, err := p.made(ctx, before, step.doc)
	if err != nil {
		return sale.Fiscal{}, outcome(err, drivers.OutcomeUnknown)
	}
	_ = p.printed(ctx) // the document is signed: paper is for Status to tell
	return f, nil
}

// beginShift announces the document, so that it can name the cashier, and notes where the archive ends.
func (p *Printer) beginShift(ctx context.Context, who drivers.Operator, step shiftStep) (uint32, error) {
	b, err := p.brief(ctx)
	if err != nil {
		return 0, err
	}
	s, err := p.storage(ctx)
	if err != nil {
		return 0, err
	}
	if s.phase != phaseFiscal {
		return 0, refusedBy(codeUnfiscal, false)
	}
	if err := mayDoShift(b, step.doc); err != nil || who.Name == "" {
		return s.last, err
	}
	if _, err := p.call(ctx, works, step.begin); err != nil {
		if codeIn(err) == codeUnsupported {
			return s.last, nil // then the name is the one in the device's table of operators
		}
		return 0, err
	}
	return s.last, p.send(ctx, operatorTags(who))
}

// mayDoShift refuses early what the device would refuse with a code that fits many cases.
func mayDoShift(b brief, doc sale.DocKind) error {
	mode := b.mode & modeMask
	switch {
	case b.sub == subPassive || b.sub == subActive:
		return refusedBy(codeNoPaper, false)
	case b.sub == subContinue:
		return refusedBy(codeContinue, false)
	case b.doc():
		return refusedBy(0x4A, false)
	case mode == modeDate:
		return refusedBy(0xC0, false)
	case doc == sale.DocShiftClose && mode == modeClosed:
		return refusedBy(codeShiftClosed, false)
	case doc == sale.DocShiftOpen && mode == modeOver24h:
		return refusedBy(0x4E, false)
	case doc == sale.DocShiftOpen && mode == modeOpen:
		return &drivers.Error{Fail: drivers.FailShiftOpen, Outcome: drivers.OutcomeNotDone, Hint: drivers.Hint{
			RU: "Смена уже открыта.", EN: "A shift is open already.",
		}}
	}
	return nil
}

// made finds the document that was just signed.
func (p *Printer) made(ctx context.Context, before uint32, doc sale.DocKind) (sale.Fiscal, error) {
	m, err := p.learn(ctx)
	if err != nil {
		return sale.Fiscal{}, err
	}
	s, err := p.storage(ctx)
	if err != nil {
		return sale.Fiscal{}, err
	}
	for fd := s.last; fd > before; fd-- {
		d, err := p.document(ctx, m, fd)
		if err != nil || d.Fiscal.Doc == doc {
			return d.Fiscal, err
		}
	}
	return sale.Fiscal{}, malformed(frame.CmdFNStatus, fmt.Errorf("the shift's document is not among those after %d", before))
}

// XReport implements [drivers.Reporter].
func (p *Printer) XReport(ctx context.Context, _ drivers.Operator) error {
	_, err := p.adminCall(ctx, works, frame.CmdXReport)
	if err == nil {
		err = p.printed(ctx)
	}
	return p.report("print X report", err)
}
