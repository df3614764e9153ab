package mercury

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/kopilka/kopilka/drivers"
	"github.com/kopilka/kopilka/drivers/mercury/frame"
	"github.com/kopilka/kopilka/drivers/port"
	"github.com/kopilka/kopilka/ledger/sale"
)

// ofdWarn: documents that wait longer are worth a warning; the storage's own warning bit, which the service
// does not pass on, comes about then.
const ofdWarn = 3 * 24 * time.Hour

// state is GetStatus, read.
type state struct {
	*frame.Status
	clock time.Time
	fn    string
	last  frame.LastDoc
}

func (p *Printer) state(ctx context.Context) (state, error) {
	s, err := ask[frame.Status](ctx, p, frame.CmdStatus)
	if err != nil {
		return state{}, err
	}
	clock, err := frame.Time(s.Clock)
	switch {
	case err != nil:
		return state{}, malformed(frame.CmdStatus, err)
	case s.FN.Last == nil:
		return state{}, malformed(frame.CmdStatus, errors.New("the last document is not told; without it no loss can be cleared up"))
	}
	out := state{Status: s, clock: clock, fn: s.FN.Serial, last: *s.FN.Last}
	if out.fn == "" { // services before protocol 3 leave it to another command
		info, err := p.learn(ctx)
		if err != nil {
			return state{}, err
		}
		out.fn = info.FN
	}
	return out, nil
}

// learn reads once per session what the register is.
func (p *Printer) learn(ctx context.Context) (*frame.CommonInfo, error) {
	if p.info != nil && p.session != "" {
		return p.info, nil
	}
	info, err := ask[frame.CommonInfo](ctx, p, frame.CmdCommonInfo)
	if err != nil {
		return nil, err
	}
	p.info = info
	return info, nil
}

// Identify implements [drivers.Printer].
func (p *Printer) Identify(ctx context.Context) (drivers.Identity, error) {
	id, err := p.identify(ctx)
	return id, p.report("identify", err)
}

func (p *Printer) identify(ctx context.Context) (drivers.Identity, error) {
	info, err := ask[frame.CommonInfo](ctx, p, frame.CmdCommonInfo) // not from memory: the register may be another
	if err != nil {
		return drivers.Identity{}, err
	}
	p.info = info
	id := drivers.Identity{Model: info.Model, Serial: info.Serial, Firmware: info.Program, FN: info.FN}
	if info.Built != "" {
		id.Firmware += " of " + info.Built
	}
	reg, err := ask[frame.Registration](ctx, p, frame.CmdRegistration)
	if err != nil {
		return drivers.Identity{}, err
	}
	if reg.Info != nil {
		id.INN = reg.Info.Owner.INN
	}
	return id, nil
}

// Snapshot implements [drivers.Printer].
func (p *Printer) Snapshot(ctx context.Context) (drivers.Snapshot, error) {
	const op = "read state"
	s, err := p.state(ctx)
	if err != nil {
		return drivers.Snapshot{}, p.report(op, err)
	}
	return drivers.Snapshot{
		FN: s.fn, LastFD: s.last.FD, Shift: s.shift(), ShiftNo: s.Shift.No, Open: s.Check.Open, Clock: s.clock,
	}, nil
}

func (s state) shift() drivers.Shift {
	switch {
	case s.Shift.Open && s.Shift.Expired:
		return drivers.ShiftExpired
	case s.Shift.Open:
		return drivers.ShiftOpen
	}
	return drivers.ShiftClosed
}

// Status implements [drivers.Printer].
func (p *Printer) Status(ctx context.Context) (drivers.Status, error) {
	const op = "read status"
	s, err := p.state(ctx)
	if err != nil {
		return drivers.Status{}, p.report(op, err)
	}
	oldest, err := frame.Time(s.FN.Unsent.At)
	if err != nil {
		return drivers.Status{}, p.report(op, malformed(frame.CmdStatus, err))
	}
	out := drivers.Status{
		Mode:   fmt.Sprintf("shift %d open %t, receipt open %t, storage phase %d", s.Shift.No, s.Shift.Open, s.Check.Open, s.FN.Phase),
		Unsent: int(s.FN.Unsent.Count),
	}
	if out.Unsent > 0 {
		out.Oldest = oldest
	}
	for condition, holds := range map[drivers.Condition]bool{
		drivers.PaperOut:      s.paperOut(),
		drivers.ShiftOver24h:  s.shift() == drivers.ShiftExpired,
		drivers.NotFiscal:     s.FN.Phase != frame.PhaseFiscal,
		drivers.StorageEnding: s.FN.Phase > frame.PhaseFiscal,
		drivers.OFDOverdue:    !out.Oldest.IsZero() && s.clock.Sub(out.Oldest) > ofdWarn,
		drivers.ClockUnset:    s.clock.IsZero(),
	} {
		if holds {
			out.Conditions |= condition
		}
	}
	return out, nil
}

func (s state) paperOut() bool { return s.Paper != nil && !*s.Paper }

// formats are the names of the FFD versions as the service writes them.
var formats = map[string]string{"1.0.5": "1.05", "1.05": "1.05", "1.1": "1.1", "1.2": "1.2"}

// Storage implements [drivers.StorageTeller]. When the storage expires the service does not tell.
func (p *Printer) Storage(ctx context.Context) (drivers.Storage, error) {
	const op = "read the storage's life"
	s, err := p.state(ctx)
	if err != nil {
		return drivers.Storage{}, p.report(op, err)
	}
	info, err := p.learn(ctx)
	if err != nil {
		return drivers.Storage{}, p.report(op, err)
	}
	oldest, err := frame.Time(s.FN.Unsent.At)
	if err != nil {
		return drivers.Storage{}, p.report(op, malformed(frame.CmdStatus, err))
	}
	out := drivers.Storage{FN: s.fn, FFD: formats[info.FFD], Unsent: int(s.FN.Unsent.Count)}
	if out.Unsent > 0 {
		out.FirstFD, out.Oldest = s.FN.Unsent.First, oldest
	}
	return out, nil
}

// Preflight implements [drivers.Preflighter]: the tax system must be one that the register is registered for.
// Rates cannot be read from the register; those that no code is known for are refused.
func (p *Printer) Preflight(ctx context.Context, tax drivers.TaxSystem, rates []sale.VAT) error {
	const op = "preflight"
	reg, err := ask[frame.Registration](ctx, p, frame.CmdRegistration)
	if err != nil {
		return p.report(op, err)
	}
	var errs []error
	want, ok := frame.TaxSystem(uint8(tax))
	switch {
	case reg.Info == nil || !reg.Registered:
		errs = append(errs, p.report(op, unregistered(0)))
	case !ok || !slices.Contains(reg.Info.TaxSystems, want):
		errs = append(errs, p.report(op, early(drivers.FailConfig, "tax system %d is none of the register's", tax)))
	}
	for _, v := range rates {
		if _, known := p.opts.rates[v]; !known {
			errs = append(errs, p.report(op, early(drivers.FailConfig, "no tax code is known for VAT %d", v)))
		}
	}
	return errors.Join(errs...)
}

// Probe asks whether the service INECRMAN is at the other end. It asks for the service's version only, which
// needs no session and touches no register, so what Identity tells is the service.
func Probe(ctx context.Context, dial port.Dial) (drivers.Identity, error) {
	var errs []error
	for _, t := range []frame.Transport{frame.HTTP, frame.Length} {
		p := &Printer{name: "probe", dial: dial, opts: options{transport: t}}
		info, err := send[frame.DriverInfo](ctx, p, reads, probeCommand{frame.CmdDriverInfo}, frame.CmdDriverInfo, waitProbe/2)
		if err == nil && info.Driver != "" {
			return drivers.Identity{Model: "INECRMAN", Firmware: info.Driver}, nil
		}
		if err == nil {
			err = malformed(frame.CmdDriverInfo, errors.New("no version of the driver"))
		}
		errs = append(errs, err)
	}
	return drivers.Identity{}, fmt.Errorf("no INECRMAN service: %w", errors.Join(errs...))
}

// probeCommand has no session key at all.
type probeCommand struct {
	Command frame.Command `json:"command"`
}
