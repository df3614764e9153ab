package capture

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/kopilka/kopilka/drivers"
	"github.com/kopilka/kopilka/drivers/port"
	"github.com/kopilka/kopilka/ledger/sale"
)

// Create makes a driver that dials by a function.
type Create[D any] func(dial port.Dial) (D, error)

// ErrCapabilities is wrapped when a driver has a set of capabilities that [capable] has no type for: it works,
// but cannot be recorded.
var ErrCapabilities = errors.New("a driver with these capabilities cannot be captured yet")

// Printer makes a driver whose every call and byte is written down. It has exactly the optional capabilities of
// the driver. settings are written down too, without the secret ones.
func (r *Recorder) Printer(dial port.Dial, settings map[string]string, create Create[drivers.Printer]) (drivers.Printer, error) {
	inner, err := record(r, dial, settings, create)
	if err != nil {
		return nil, err
	}
	p, ok := capable(&printer{inner})
	if !ok {
		return nil, errors.Join(fmt.Errorf("%w: %s", ErrCapabilities, r.Type), inner.inner.Close())
	}
	return p, nil
}

// recorded is a driver that is written down.
type recorded[D io.Closer] struct {
	inner  D
	r      *Recorder
	again  func() (D, error)
	failed bool // the last call did
}

// record begins a session and makes its driver.
func record[D io.Closer](r *Recorder, dial port.Dial, settings map[string]string, create Create[D]) (*recorded[D], error) {
	again := func() (D, error) {
		r.begin(settings)
		return create(r.Dial(dial))
	}
	inner, err := again()
	if err != nil {
		return nil, err
	}
	return &recorded[D]{inner: inner, r: r, again: again}, nil
}

// do writes down a call around f. What is masked is a copy of the arguments.
func (p *recorded[D]) do(op Op, args *Args, f func(*Result) error) error {
	if p.r.Ring != nil {
		p.r.call(op, copied(args))
	}
	var result Result
	err := f(&result)
	p.failed = err != nil
	if p.r.Failed != nil {
		p.r.Failed(op, err)
	}
	if err != nil {
		p.r.end(op, nil, err)
		return err
	}
	if p.r.Ring != nil {
		p.r.end(op, copied(&result), nil)
	}
	return nil
}

// plain is a call that gives nothing but an error.
func (p *recorded[D]) plain(op Op, args *Args, f func() error) error {
	return p.do(op, args, func(*Result) error { return f() })
}

// renew begins a session anew when the file has lost the beginning of this one, so that what it holds can
// always be replayed. Only between two calls that succeeded: a driver may remember what it owes to the last.
func (p *recorded[D]) renew() error {
	if p.failed || !p.r.turnedSince() {
		return nil
	}
	if err := p.inner.Close(); err != nil {
		return err
	}
	inner, err := p.again()
	if err != nil {
		return err
	}
	p.inner = inner
	return nil
}

// Close lets go of the device.
func (p *recorded[D]) Close() error { return p.plain(OpClose, nil, p.inner.Close) }

// status is a call after which a session may begin anew: it is made again and again, and leaves nothing behind.
func status[D interface {
	io.Closer
	Status(ctx context.Context) (drivers.Status, error)
}](ctx context.Context, p *recorded[D]) (v drivers.Status, err error) {
	if err := p.renew(); err != nil {
		return v, err
	}
	err = p.do(OpStatus, nil, func(r *Result) (err error) {
		v, err = p.inner.Status(ctx)
		r.Status = &v
		return err
	})
	return v, err
}

// printer is a register that is written down.
type printer struct {
	*recorded[drivers.Printer]
}

// copied is a deep copy, by way of the form in which it is written down.
func copied[T any](v *T) *T {
	if v == nil {
		return nil
	}
	b, err := json.Marshal(v)
	if err != nil {
		return nil // a receipt that cannot be written down is printed all the same
	}
	c := new(T)
	if json.Unmarshal(b, c) != nil {
		return nil
	}
	return c
}

func (p *printer) Identify(ctx context.Context) (v drivers.Identity, err error) {
	err = p.do(OpIdentify, nil, func(r *Result) (err error) {
		v, err = p.inner.Identify(ctx)
		r.Identity = &v
		return err
	})
	return v, err
}

func (p *printer) Status(ctx context.Context) (drivers.Status, error) { return status(ctx, p.recorded) }

func (p *printer) Snapshot(ctx context.Context) (v drivers.Snapshot, err error) {
	err = p.do(OpSnapshot, nil, func(r *Result) (err error) {
		v, err = p.inner.Snapshot(ctx)
		r.Snapshot = &v
		return err
	})
	return v, err
}

func (p *printer) Documents(ctx context.Context, after, last uint32) (v []drivers.Document, err error) {
	err = p.do(OpDocuments, &Args{After: after, Last: last}, func(r *Result) (err error) {
		v, err = p.inner.Documents(ctx, after, last)
		r.Documents = v
		return err
	})
	return v, err
}

// fiscal is a call that makes a fiscal document.
func (p *printer) fiscal(op Op, args *Args, f func() (sale.Fiscal, error)) (v sale.Fiscal, err error) {
	err = p.do(op, args, func(r *Result) (err error) {
		v, err = f()
		r.Fiscal = &v
		return err
	})
	return v, err
}

func (p *printer) OpenShift(ctx context.Context, who drivers.Operator) (sale.Fiscal, error) {
	return p.fiscal(OpOpenShift, &Args{Who: who}, func() (sale.Fiscal, error) { return p.inner.OpenShift(ctx, who) })
}

func (p *printer) CloseShift(ctx context.Context, who drivers.Operator) (sale.Fiscal, error) {
	return p.fiscal(OpCloseShift, &Args{Who: who}, func() (sale.Fiscal, error) { return p.inner.CloseShift(ctx, who) })
}

func (p *printer) Print(ctx context.Context, receipt drivers.Receipt) (sale.Fiscal, error) {
	return p.fiscal(OpPrint, &Args{Receipt: &receipt}, func() (sale.Fiscal, error) { return p.inner.Print(ctx, receipt) })
}

func (p *printer) Cancel(ctx context.Context) error {
	return p.plain(OpCancel, nil, func() error { return p.inner.Cancel(ctx) })
}

func (p *printer) Resume(ctx context.Context) error {
	return p.plain(OpResume, nil, func() error { return p.inner.Resume(ctx) })
}

// The optional capabilities, each in a type of its own so that [capable] can put them together.
type (
	cashMover     struct{ *printer }
	reporter      struct{ *printer }
	slips         struct{ *printer }
	copier        struct{ *printer }
	drawer        struct{ *printer }
	clockSetter   struct{ *printer }
	corrector     struct{ *printer }
	markChecker   struct{ *printer }
	storageTeller struct{ *printer }
	preflighter   struct{ *printer }
)

// is the driver as one of its capabilities; capable has made sure that it has it.
func is[C any](p *printer) C { return p.inner.(C) }

func (p cashMover) CashIn(ctx context.Context, who drivers.Operator, amount sale.Money) error {
	return p.plain(OpCashIn, &Args{Who: who, Amount: amount}, func() error { return is[drivers.CashMover](p.printer).CashIn(ctx, who, amount) })
}

func (p cashMover) CashOut(ctx context.Context, who drivers.Operator, amount sale.Money) error {
	return p.plain(OpCashOut, &Args{Who: who, Amount: amount}, func() error { return is[drivers.CashMover](p.printer).CashOut(ctx, who, amount) })
}

func (p cashMover) CashInDrawer(ctx context.Context) (v sale.Money, err error) {
	err = p.do(OpDrawerCash, nil, func(r *Result) (err error) {
		v, err = is[drivers.CashMover](p.printer).CashInDrawer(ctx)
		r.Amount = v
		return err
	})
	return v, err
}

func (p reporter) XReport(ctx context.Context, who drivers.Operator) error {
	return p.plain(OpXReport, &Args{Who: who}, func() error { return is[drivers.Reporter](p.printer).XReport(ctx, who) })
}

func (p slips) Slip(ctx context.Context, lines []string, qr string) error {
	return p.plain(OpSlip, &Args{Lines: lines, QR: qr}, func() error { return is[drivers.Slips](p.printer).Slip(ctx, lines, qr) })
}

func (p copier) CopyLast(ctx context.Context) error {
	return p.plain(OpCopyLast, nil, func() error { return is[drivers.Copier](p.printer).CopyLast(ctx) })
}

func (p drawer) OpenDrawer(ctx context.Context) error {
	return p.plain(OpOpenDrawer, nil, func() error { return is[drivers.Drawer](p.printer).OpenDrawer(ctx) })
}

func (p clockSetter) SetClock(ctx context.Context, wall time.Time) error {
	return p.plain(OpSetClock, &Args{Wall: wall}, func() error { return is[drivers.ClockSetter](p.printer).SetClock(ctx, wall) })
}

func (p corrector) Correct(ctx context.Context, c drivers.Correction) (sale.Fiscal, error) {
	return p.fiscal(OpCorrect, &Args{Correct: &c}, func() (sale.Fiscal, error) { return is[drivers.Corrector](p.printer).Correct(ctx, c) })
}

func (p markChecker) CheckMark(ctx context.Context, q drivers.MarkQuery) (v drivers.MarkVerdict, err error) {
	err = p.do(OpCheckMark, &Args{Mark: &q}, func(r *Result) (err error) {
		v, err = is[drivers.MarkChecker](p.printer).CheckMark(ctx, q)
		r.Verdict = v
		return err
	})
	return v, err
}

func (p markChecker) DropMarks(ctx context.Context) error {
	return p.plain(OpDropMarks, nil, func() error { return is[drivers.MarkChecker](p.printer).DropMarks(ctx) })
}

func (p storageTeller) Storage(ctx context.Context) (v drivers.Storage, err error) {
	err = p.do(OpStorage, nil, func(r *Result) (err error) {
		v, err = is[drivers.StorageTeller](p.printer).Storage(ctx)
		r.Storage = &v
		return err
	})
	return v, err
}

func (p preflighter) Preflight(ctx context.Context, tax drivers.TaxSystem, rates []sale.VAT) error {
	return p.plain(OpPreflight, &Args{Tax: tax, Rates: rates}, func() error {
		return is[drivers.Preflighter](p.printer).Preflight(ctx, tax, rates)
	})
}
