package pirit

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/kopilka/kopilka/drivers"
	"github.com/kopilka/kopilka/drivers/pirit/frame"
	"github.com/kopilka/kopilka/ledger/sale"
)

// Bits of the current flags.
const (
	flagNotStarted = 1 << 0
	flagNotFiscal  = 1 << 1
	flagShift      = 1 << 2
	flagOver24     = 1 << 3
	flagArchive    = 1 << 4 // closed for good
	flagUnknownFN  = 1 << 5 // not registered
	flagZHalf      = 1 << 8 // the Z report must be asked for again
)

// stateSigned is in the high four bits of a document's status: signed, and not all printed.
const stateSigned = 8

// typeMask is the type of a document, the low four bits of its status.
const typeMask = 0x0F

// Bits of the printer.
const (
	printerNotReady = 1 << 0
	printerNoPaper  = 1 << 1
	printerOpen     = 1 << 2
	printerCutter   = 1 << 3
	printerGone     = 1 << 7
)

// Bits of the storage's warnings.
const (
	warnReplace  = 1 << 0
	warnMonth    = 1 << 1
	warnArchive  = 1 << 2
	warnOFD      = 1 << 3
	warnCritical = 1 << 7
	phaseFiscal  = 3
	phaseMask    = 0x0F
)

// Requests of 02h and 78h.
const (
	infoSerial   = 1
	infoFirmware = 2
	infoINN      = 3
	infoCash     = 7
	infoExpires  = 14
	infoPaper    = 16
	infoWidth    = 18
	infoModel    = 21
	infoTaxes    = 23
	infoVersion  = 70
	fnSerial     = 1
	fnState      = 2
	fnLast       = 3
	fnShift      = 6
	fnExchange   = 7
	fnChoose     = 15
	fnBlock      = 16
	fnFormat     = 22
)

// FFD as 78/22 numbers it.
const formatNew = 4

const (
	widthSafe  = 40 // characters that 80 mm of paper hold on every model
	widthSmall = 32 // and 57 mm
	widthMax   = 57
)

// model is what a device is, read once per connection.
type model struct {
	serial string
	width  int  // characters of a line
	marks  bool // it is registered for FFD 1.2
}

// flags is the answer of 00h.
type flags struct{ fatal, now, doc int }

func (f flags) signed() bool { return f.doc>>4 == stateSigned }

// open tells that there is a document that can be cancelled.
func (f flags) open() bool { return f.doc != 0 && !f.signed() }

func (f flags) has(bit int) bool { return f.now&bit != 0 }

func digits(p []byte) (int, bool) {
	n, err := strconv.ParseUint(string(p), 10, 32)
	return int(n), err == nil
}

// numbersIn reads whole numbers out of an answer; an empty field is zero.
func numbersIn(cmd frame.Cmd, fields [][]byte, from, count int) ([]int, error) {
	out := make([]int, count)
	for i := range out {
		p := frame.Field(fields, from+i)
		if len(p) == 0 {
			continue
		}
		n, ok := digits(p)
		if !ok {
			return nil, malformed(cmd, "field %d is no number", from+i+1)
		}
		out[i] = n
	}
	return out, nil
}

func (p *Printer) flags(ctx context.Context) (flags, error) {
	fields, err := p.call(ctx, reads, frame.CmdFlags)
	if err != nil {
		return flags{}, err
	}
	if len(fields) < 3 {
		return flags{}, malformed(frame.CmdFlags, "%d fields, 3 expected", len(fields))
	}
	n, err := numbersIn(frame.CmdFlags, fields, 0, 3)
	if err != nil {
		return flags{}, err
	}
	return flags{n[0], n[1], n[2]}, nil
}

// ready makes sure that the register has begun its work since it was switched on. It is told its own time, so
// that its clock stays as it is: setting it is a deed of its own.
func (p *Printer) ready(ctx context.Context) (flags, error) {
	f, err := p.flags(ctx)
	if err != nil || !f.has(flagNotStarted) {
		return f, err
	}
	p.checked, p.model, p.rates = nil, nil, nil // the power was gone
	clock, err := p.call(ctx, reads, frame.CmdReadClock)
	if err != nil {
		return f, err
	}
	if err := p.begin(ctx, frame.Field(clock, 0), frame.Field(clock, 1)); err != nil {
		return f, err
	}
	return p.flags(ctx)
}

// begin is 10h. A clock that is off by more than eight minutes is no reason not to begin.
func (p *Printer) begin(ctx context.Context, date, clock []byte) error {
	_, err := p.call(ctx, reads, frame.CmdStart, date, clock) // a second time does no harm
	if codeIn(err) == codeDrift {
		return nil
	}
	return err
}

func (p *Printer) info(ctx context.Context, n int) ([]byte, error) {
	fields, err := p.call(ctx, reads, frame.CmdInfo, decimal(n))
	return frame.Field(fields, 1), err
}

func (p *Printer) storage(ctx context.Context, n int, more ...[]byte) ([][]byte, error) {
	fields, err := p.call(ctx, reads, frame.CmdStorage, append([][]byte{decimal(n)}, more...)...)
	if err != nil {
		return nil, err
	}
	if got, ok := digits(frame.Field(fields, 0)); !ok || got != n {
		return nil, malformed(frame.CmdStorage, "it is not to request %d", n)
	}
	return fields[1:], nil
}

func decimal(n int) []byte { return []byte(strconv.Itoa(n)) }

// learn reads once per connection what the device is.
func (p *Printer) learn(ctx context.Context) (*model, error) {
	if p.model != nil && p.link != nil {
		return p.model, nil
	}
	serial, err := p.info(ctx, infoSerial)
	if err != nil {
		return nil, err
	}
	m := &model{serial: strings.TrimSpace(frame.ReadText(serial))}
	if m.width, err = p.width(ctx); err != nil {
		return nil, err
	}
	format, err := p.storage(ctx, fnFormat)
	if err != nil && !unknownHere(err) {
		return nil, err
	}
	n, _ := digits(frame.Field(format, 0)) // firmware that does not answer is older than FFD 1.2
	m.marks = n == formatNew
	p.model = m
	return m, nil
}

// unknownHere tells that a device lacks what was asked for; families differ in how they say it.
func unknownHere(err error) bool {
	switch codeIn(err) {
	case codeFunction, codeFormat, codeNoData, codeState:
		return true
	}
	return false
}

func (p *Printer) width(ctx context.Context) (int, error) {
	said, err := p.info(ctx, infoWidth)
	if n, ok := digits(said); err == nil && ok && n > 0 {
		return min(n, widthMax), nil
	}
	if err != nil && !unknownHere(err) {
		return 0, err
	}
	small, err := p.info(ctx, infoPaper)
	if err != nil && !unknownHere(err) {
		return 0, err
	}
	if string(small) == "1" {
		return widthSmall, nil
	}
	return widthSafe, nil
}

// Identify implements [drivers.Printer].
func (p *Printer) Identify(ctx context.Context) (drivers.Identity, error) {
	id, err := p.identify(ctx)
	return id, p.report("identify", err)
}

func (p *Printer) identify(ctx context.Context) (drivers.Identity, error) {
	if _, err := p.ready(ctx); err != nil {
		return drivers.Identity{}, err
	}
	id, err := p.describe(ctx)
	if err != nil {
		return drivers.Identity{}, err
	}
	id.FN, err = p.fn(ctx)
	return id, err
}

// describe reads what a register tells at any time.
func (p *Printer) describe(ctx context.Context) (drivers.Identity, error) {
	var said [4]string
	for i, n := range [4]int{infoModel, infoSerial, infoVersion, infoINN} {
		value, err := p.info(ctx, n)
		if err != nil && n == infoVersion && unknownHere(err) {
			value, err = p.info(ctx, infoFirmware)
		}
		if err != nil && !unknownHere(err) {
			return drivers.Identity{}, err
		}
		said[i] = strings.TrimSpace(frame.ReadText(value))
	}
	return drivers.Identity{Model: "Pirit / Viki Print, model " + said[0], Serial: said[1], Firmware: said[2], INN: said[3]}, nil
}

func (p *Printer) fn(ctx context.Context) (string, error) {
	fields, err := p.storage(ctx, fnSerial)
	return strings.TrimSpace(frame.ReadText(frame.Field(fields, 0))), err
}

// lastFD is the number of the storage's last document.
func (p *Printer) lastFD(ctx context.Context) (uint32, error) {
	fields, err := p.storage(ctx, fnLast)
	if err != nil {
		return 0, err
	}
	n, err := strconv.ParseUint(strings.TrimSpace(string(frame.Field(fields, 0))), 10, 32)
	if err != nil {
		return 0, malformed(frame.CmdStorage, "the last document's number is none")
	}
	return uint32(n), nil
}

// shiftNo is the number of the shift that is open, or of the last one. The vendor's text leaves open whether
// number or state comes first: the state is known from the flags, so the number is the other one.
func (p *Printer) shiftNo(ctx context.Context, f flags) (uint32, error) {
	fields, err := p.storage(ctx, fnShift)
	if err != nil {
		return 0, err
	}
	n, err := numbersIn(frame.CmdStorage, fields, 0, 2)
	if err != nil {
		return 0, err
	}
	state := 0
	if f.has(flagShift) {
		state = 1
	}
	if n[1] == state {
		return uint32(n[0]), nil
	}
	return uint32(n[1]), nil
}

func (p *Printer) clock(ctx context.Context) (time.Time, error) {
	fields, err := p.call(ctx, reads, frame.CmdReadClock)
	if err != nil {
		return time.Time{}, err
	}
	at, err := frame.Time(frame.Field(fields, 0), frame.Field(fields, 1))
	if err != nil {
		return time.Time{}, malformed(frame.CmdReadClock, "%w", err)
	}
	return at, nil
}

// Snapshot implements [drivers.Printer].
func (p *Printer) Snapshot(ctx context.Context) (drivers.Snapshot, error) {
	s, err := p.snapshot(ctx)
	return s, p.report("read state", err)
}

func (p *Printer) snapshot(ctx context.Context) (drivers.Snapshot, error) {
	f, err := p.ready(ctx)
	if err != nil {
		return drivers.Snapshot{}, err
	}
	s := drivers.Snapshot{Shift: shiftOf(f), Open: f.open()}
	var errs [4]error
	s.FN, errs[0] = p.fn(ctx)
	s.LastFD, errs[1] = p.lastFD(ctx)
	s.ShiftNo, errs[2] = p.shiftNo(ctx, f)
	s.Clock, errs[3] = p.clock(ctx)
	for _, err := range errs {
		if err != nil {
			return drivers.Snapshot{}, err
		}
	}
	return s, nil
}

func shiftOf(f flags) drivers.Shift {
	switch {
	case f.has(flagOver24):
		return drivers.ShiftExpired
	case f.has(flagShift):
		return drivers.ShiftOpen
	}
	return drivers.ShiftClosed
}

// Status implements [drivers.Printer].
func (p *Printer) Status(ctx context.Context) (drivers.Status, error) {
	s, err := p.status(ctx)
	return s, p.report("read status", err)
}

func (p *Printer) status(ctx context.Context) (drivers.Status, error) {
	f, err := p.ready(ctx)
	unset := codeIn(err) == codeEarlier
	if err != nil && !unset {
		return drivers.Status{}, err
	}
	paper, err := p.printer(ctx)
	if err != nil {
		return drivers.Status{}, err
	}
	s := drivers.Status{Conditions: p.paperConditions(f, paper), Mode: fmt.Sprintf("flags %d/%d document %02Xh printer %02Xh", f.fatal, f.now, f.doc, paper)}
	if unset {
		s.Conditions |= drivers.ClockUnset
		return s, nil // a register that has not begun tells nothing of its storage
	}
	fn, err := p.storage(ctx, fnState)
	if err != nil {
		return drivers.Status{}, err
	}
	n, err := numbersIn(frame.CmdStorage, fn, 0, 3)
	if err != nil {
		return drivers.Status{}, err
	}
	s.Conditions |= storageConditions(f, n[0], n[2])
	life, err := p.queue(ctx)
	s.Unsent, s.Oldest = life.Unsent, life.Oldest
	return s, err
}

func (p *Printer) printer(ctx context.Context) (int, error) {
	fields, err := p.call(ctx, reads, frame.CmdPrinter)
	if err != nil {
		return 0, err
	}
	n, err := numbersIn(frame.CmdPrinter, fields, 0, 1)
	if err != nil {
		return 0, err
	}
	return n[0], nil
}

func (p *Printer) paperConditions(f flags, printer int) drivers.Condition {
	var c drivers.Condition
	if printer&printerNoPaper != 0 {
		c |= drivers.PaperOut
	}
	if printer&printerOpen != 0 {
		c |= drivers.CoverOpen
	}
	if printer&(printerCutter|printerGone) != 0 || f.fatal != 0 {
		c |= drivers.Fault
	}
	if printer&printerNotReady != 0 && c == 0 {
		c |= drivers.Printing
	}
	if c&(drivers.PaperOut|drivers.CoverOpen) == 0 && p.waits(f) {
		c |= drivers.WaitsForResume
	}
	return c
}

// waits tells that something is left to print: a signed document, a report, or the end of one that is to be
// cancelled.
func (p *Printer) waits(f flags) bool {
	return f.signed() || f.has(flagZHalf) || p.stuck && f.open()
}

func storageConditions(f flags, phase, warnings int) drivers.Condition {
	var c drivers.Condition
	if f.has(flagOver24) {
		c |= drivers.ShiftOver24h
	}
	if f.now&(flagNotFiscal|flagArchive|flagUnknownFN) != 0 || phase&phaseMask != phaseFiscal {
		c |= drivers.NotFiscal
	}
	if warnings&(warnReplace|warnMonth|warnArchive|warnCritical) != 0 {
		c |= drivers.StorageEnding
	}
	if warnings&warnOFD != 0 {
		c |= drivers.OFDOverdue
	}
	return c
}

// queue is what waits for the operator of fiscal data.
func (p *Printer) queue(ctx context.Context) (drivers.Storage, error) {
	fields, err := p.storage(ctx, fnExchange)
	if err != nil {
		return drivers.Storage{}, err
	}
	n, err := numbersIn(frame.CmdStorage, fields, 0, 3)
	if err != nil || n[1] == 0 {
		return drivers.Storage{}, err
	}
	at, err := frame.Time(frame.Field(fields, 3), frame.Field(fields, 4))
	if err != nil {
		return drivers.Storage{}, malformed(frame.CmdStorage, "%w", err)
	}
	return drivers.Storage{Unsent: n[1], FirstFD: uint32(n[2]), Oldest: at}, nil
}

// Storage implements [drivers.StorageTeller].
func (p *Printer) Storage(ctx context.Context) (drivers.Storage, error) {
	s, err := p.life(ctx)
	return s, p.report("read storage", err)
}

func (p *Printer) life(ctx context.Context) (drivers.Storage, error) {
	if _, err := p.ready(ctx); err != nil {
		return drivers.Storage{}, err
	}
	m, err := p.learn(ctx)
	if err != nil {
		return drivers.Storage{}, err
	}
	s, err := p.queue(ctx)
	if err != nil {
		return drivers.Storage{}, err
	}
	if s.FN, err = p.fn(ctx); err != nil {
		return drivers.Storage{}, err
	}
	s.FFD = "1.05"
	if m.marks {
		s.FFD = "1.2"
	}
	end, err := p.info(ctx, infoExpires)
	if err != nil {
		return s, ignoreUnknown(err)
	}
	if s.Expires, err = frame.Day(end); err != nil {
		return s, malformed(frame.CmdInfo, "%w", err)
	}
	return s, nil
}

func ignoreUnknown(err error) error {
	if unknownHere(err) {
		return nil
	}
	return err
}

// CashInDrawer implements [drivers.CashMover].
func (p *Printer) CashInDrawer(ctx context.Context) (sale.Money, error) {
	const op = "read cash in drawer"
	if _, err := p.ready(ctx); err != nil {
		return 0, p.report(op, err)
	}
	said, err := p.info(ctx, infoCash)
	if err != nil {
		return 0, p.report(op, err)
	}
	sum, err := sale.ParseMoney(string(said))
	if err != nil {
		return 0, p.report(op, malformed(frame.CmdInfo, "%w", err))
	}
	return sum, nil
}

// SetClock implements [drivers.ClockSetter]. A leap of more than a day is given twice, as the device wants it.
func (p *Printer) SetClock(ctx context.Context, at time.Time) error {
	return p.report("set clock", outcome(p.setClock(ctx, at), drivers.OutcomeNotDone))
}

func (p *Printer) setClock(ctx context.Context, at time.Time) error {
	f, err := p.ready(ctx)
	if codeIn(err) == codeEarlier { // locked by its own clock: the right time unlocks it
		if err = p.begin(ctx, frame.Date(at), frame.Clock(at)); err == nil {
			f, err = p.flags(ctx)
		}
	}
	switch {
	case err != nil:
		return err
	case f.has(flagShift):
		return because(0x0F, 0)
	}
	_, err = p.call(ctx, works, frame.CmdWriteClock, frame.Date(at), frame.Clock(at))
	if codeIn(err) == codeDay {
		_, err = p.call(ctx, works, frame.CmdWriteClock, frame.Date(at), frame.Clock(at))
	}
	var d *deviceError
	if errors.As(err, &d) && (d.code == codeEarlier || d.code == codeDay) {
		d.Fail = drivers.FailClock
	}
	return err
}
