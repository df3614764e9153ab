package shtrih

import (
	"context"
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/kopilka/kopilka/drivers"
	"github.com/kopilka/kopilka/drivers/charset"
	"github.com/kopilka/kopilka/drivers/shtrih/frame"
	"github.com/kopilka/kopilka/ledger/sale"
)

// Modes, the low four bits of the mode byte.
const (
	modeOpen    = 2
	modeOver24h = 3
	modeClosed  = 4
	modeDate    = 6
	modeDoc     = 8
	modeMask    = 0x0F
)

// Sub-modes: what the printer does with the paper.
const (
	subReady    = 0
	subPassive  = 1 // no paper, nothing to print
	subActive   = 2 // paper ran out in the middle
	subContinue = 3 // paper is in again, waits for B0h
	subReport   = 4
	subPrinting = 5
)

// Bits of the status flags.
const (
	flagRoll  = 1 << 1 // by weight or diameter: cleared near the end, on models with the sensor
	flagPaper = 1 << 7
	flagCover = 1 << 10
)

// Bits of the model parameters.
const (
	capRollSensor = 1 << 1
	capCutter     = 1 << 13
	capFN         = 1 << 43
	capFFD11      = 1 << 47
	capCloseTime  = 1 << 50
)

// model is what the device says of itself once.
type model struct {
	caps   uint64
	width  int // characters of a line in font 1
	serial string
	fn     string
	format string // of fiscal data; empty until it was asked for
}

// brief is the answer of 10h.
type brief struct {
	flags     uint16
	mode, sub byte
}

func (b brief) doc() bool { return b.mode&modeMask == modeDoc }

func (b brief) String() string {
	return fmt.Sprintf("mode %02Xh sub-mode %d flags %04Xh", b.mode, b.sub, b.flags)
}

func (p *Printer) brief(ctx context.Context) (brief, error) {
	rest, err := p.call(ctx, reads, frame.CmdShortStatus)
	if err != nil {
		return brief{}, err
	}
	if err := need(frame.CmdShortStatus, rest, 5); err != nil {
		return brief{}, err
	}
	return brief{flags: binary.LittleEndian.Uint16(rest[1:]), mode: rest[3], sub: rest[4]}, nil
}

// full is what the driver uses of the answer of 11h.
type full struct {
	brief
	clock    time.Time
	firmware string
	serial   string
	inn      string
}

// noINN is six bytes of ones: none has been entered.
const noINN = 1<<48 - 1

func (p *Printer) full(ctx context.Context) (full, error) {
	rest, err := p.call(ctx, reads, frame.CmdStatus)
	if err != nil {
		return full{}, err
	}
	if err := need(frame.CmdStatus, rest, fullBytes); err != nil {
		return full{}, err
	}
	return readFull(rest), nil
}

// fullBytes is the answer of 11h after the error byte.
const fullBytes = 46

func readFull(rest []byte) full {
	clock, err := frame.OldTime(rest[23:26], rest[26:29])
	if err != nil {
		clock = time.Time{} // a dead battery: the device waits for its date, and Status says so
	}
	f := full{
		brief:    brief{flags: binary.LittleEndian.Uint16(rest[11:]), mode: rest[13], sub: rest[14]},
		clock:    clock,
		firmware: fmt.Sprintf("%s.%s build %d", rest[1:2], rest[2:3], binary.LittleEndian.Uint16(rest[3:])),
		serial:   fmt.Sprintf("%08d", binary.LittleEndian.Uint32(rest[30:])),
	}
	if inn := frame.Uint(rest[40:46]); inn != noINN && inn != 0 {
		f.inn = taxpayer(inn)
	}
	return f
}

// taxpayer restores the leading zeros: an organisation has ten digits, a person twelve.
func taxpayer(inn uint64) string {
	if inn < 10_000_000_000 {
		return fmt.Sprintf("%010d", inn)
	}
	return fmt.Sprintf("%012d", inn)
}

// storage is the answer of FF01.
type storage struct {
	phase, current byte
	shift          bool
	warnings       byte
	fn             string
	last           uint32
}

// Phases and warnings of the fiscal storage.
const (
	phaseFiscal  = 3
	warnReplace  = 1 << 0
	warnMonth    = 1 << 1
	warnArchive  = 1 << 2
	warnOFD      = 1 << 3
	warnCritical = 1 << 7
)

func (p *Printer) storage(ctx context.Context) (storage, error) {
	rest, err := p.call(ctx, reads, frame.CmdFNStatus)
	if err != nil {
		return storage{}, err
	}
	if err := need(frame.CmdFNStatus, rest, storageBytes); err != nil {
		return storage{}, err
	}
	return readStorage(rest), nil
}

// storageBytes is the answer of FF01 after the error byte.
const storageBytes = 30

func readStorage(rest []byte) storage {
	return storage{
		phase: rest[0], current: rest[1], shift: rest[3] != 0, warnings: rest[4],
		fn: strings.TrimSpace(string(rest[10:26])), last: binary.LittleEndian.Uint32(rest[26:]),
	}
}

// shiftNumbers is the answer of FF40.
type shiftNumbers struct {
	open    bool
	shift   uint32
	receipt uint32 // the last one in the shift
}

func (p *Printer) shiftNumbers(ctx context.Context) (shiftNumbers, error) {
	rest, err := p.call(ctx, reads, frame.CmdShiftParams)
	if err != nil {
		return shiftNumbers{}, err
	}
	if err := need(frame.CmdShiftParams, rest, 5); err != nil {
		return shiftNumbers{}, err
	}
	return shiftNumbers{
		open:    rest[0] != 0,
		shift:   uint32(binary.LittleEndian.Uint16(rest[1:])),
		receipt: uint32(binary.LittleEndian.Uint16(rest[3:])),
	}, nil
}

// learn reads once per connection what the device can do and who it is.
func (p *Printer) learn(ctx context.Context) (*model, error) {
	if p.model != nil && p.link != nil {
		return p.model, nil
	}
	rest, err := p.command(ctx, reads, frame.CmdModel, []byte{1})
	if err != nil {
		return nil, err
	}
	if err := need(frame.CmdModel, rest, 9); err != nil {
		return nil, err
	}
	m := &model{caps: binary.LittleEndian.Uint64(rest), width: min(max(int(rest[8]), widthMin), widthMax)}
	if m.caps&capFN == 0 {
		return nil, &drivers.Error{Fail: drivers.FailConfig, Outcome: drivers.OutcomeNotDone, Hint: drivers.Hint{
			RU: "Касса не поддерживает фискальный накопитель. " + askService,
			EN: "The register knows no fiscal storage. " + callService,
		}}
	}
	f, err := p.full(ctx)
	if err != nil {
		return nil, err
	}
	s, err := p.storage(ctx)
	if err != nil {
		return nil, err
	}
	m.serial, m.fn = f.serial, s.fn
	p.model, p.rates = m, nil
	return m, nil
}

// Identify implements [drivers.Printer].
func (p *Printer) Identify(ctx context.Context) (drivers.Identity, error) {
	id, err := p.identify(ctx)
	return id, p.report("identify", err)
}

func (p *Printer) identify(ctx context.Context) (drivers.Identity, error) {
	rest, err := p.command(ctx, reads, frame.CmdDeviceType, nil)
	if err != nil {
		return drivers.Identity{}, err
	}
	if err := need(frame.CmdDeviceType, rest, 6); err != nil {
		return drivers.Identity{}, err
	}
	f, err := p.full(ctx)
	if err != nil {
		return drivers.Identity{}, err
	}
	s, err := p.storage(ctx)
	if err != nil {
		return drivers.Identity{}, err
	}
	return drivers.Identity{
		Model: strings.TrimSpace(charset.From1251(rest[6:])), Serial: f.serial, Firmware: f.firmware, INN: f.inn, FN: s.fn,
	}, nil
}

// Snapshot implements [drivers.Printer].
func (p *Printer) Snapshot(ctx context.Context) (drivers.Snapshot, error) {
	s, err := p.snapshot(ctx)
	return s, p.report("read state", err)
}

func (p *Printer) snapshot(ctx context.Context) (drivers.Snapshot, error) {
	f, err := p.full(ctx)
	if err != nil {
		return drivers.Snapshot{}, err
	}
	s, err := p.storage(ctx)
	if err != nil {
		return drivers.Snapshot{}, err
	}
	n, err := p.shiftNumbers(ctx)
	if err != nil {
		return drivers.Snapshot{}, err
	}
	snap := drivers.Snapshot{
		FN: s.fn, LastFD: s.last, Shift: drivers.ShiftClosed, ShiftNo: n.shift, Open: f.doc() || s.current != 0, Clock: f.clock,
	}
	switch {
	case f.mode&modeMask == modeOver24h:
		snap.Shift = drivers.ShiftExpired
	case s.shift:
		snap.Shift = drivers.ShiftOpen
	}
	return snap, nil
}

// Status implements [drivers.Printer].
func (p *Printer) Status(ctx context.Context) (drivers.Status, error) {
	s, err := p.status(ctx)
	return s, p.report("read status", err)
}

func (p *Printer) status(ctx context.Context) (drivers.Status, error) {
	m, err := p.learn(ctx)
	if err != nil {
		return drivers.Status{}, err
	}
	b, err := p.brief(ctx)
	if err != nil {
		return drivers.Status{}, err
	}
	s, err := p.storage(ctx)
	if err != nil {
		return drivers.Status{}, err
	}
	q, err := p.queue(ctx)
	if err != nil {
		return drivers.Status{}, err
	}
	return drivers.Status{
		Conditions: paperConditions(b, m) | storageConditions(b, s),
		Mode:       b.String() + " storage phase " + strconv.Itoa(int(s.phase)),
		Unsent:     q.unsent,
		Oldest:     q.oldest,
	}, nil
}

func paperConditions(b brief, m *model) drivers.Condition {
	var c drivers.Condition
	if b.flags&flagPaper == 0 || b.sub == subPassive || b.sub == subActive {
		c |= drivers.PaperOut
	} else if m.caps&capRollSensor != 0 && b.flags&flagRoll == 0 {
		c |= drivers.PaperNear
	}
	if b.flags&flagCover != 0 {
		c |= drivers.CoverOpen
	}
	if b.sub == subReport || b.sub == subPrinting {
		c |= drivers.Printing
	}
	if b.sub == subContinue {
		c |= drivers.WaitsForResume
	}
	return c
}

func storageConditions(b brief, s storage) drivers.Condition {
	var c drivers.Condition
	if b.mode&modeMask == modeOver24h {
		c |= drivers.ShiftOver24h
	}
	if b.mode&modeMask == modeDate {
		c |= drivers.ClockUnset
	}
	if s.phase != phaseFiscal {
		c |= drivers.NotFiscal
	}
	if s.warnings&(warnReplace|warnMonth|warnArchive|warnCritical) != 0 {
		c |= drivers.StorageEnding
	}
	if s.warnings&warnOFD != 0 {
		c |= drivers.OFDOverdue
	}
	return c
}

// documentsMax bounds one call of Documents: a full fiscal storage holds 250 thousand, and nobody who
// looks for a lost receipt needs more than a day's.
const documentsMax = 20_000

// Documents implements [drivers.Printer].
func (p *Printer) Documents(ctx context.Context, after, last uint32) ([]drivers.Document, error) {
	const op = "read documents"
	if last > after && last-after > documentsMax {
		return nil, p.report(op, &drivers.Error{
			Fail: drivers.FailRefused, Outcome: drivers.OutcomeNotDone,
			Err: fmt.Errorf("%d documents asked for, at most %d at a time", last-after, documentsMax),
		})
	}
	m, err := p.learn(ctx)
	if err != nil {
		return nil, p.report(op, err)
	}
	var docs []drivers.Document
	for fd := after; fd < last; {
		fd++
		d, err := p.document(ctx, m, fd)
		if err != nil {
			return nil, p.report(op, err)
		}
		if _, correction := d.Fiscal.Doc.Corrects(); p.opts.saleKey && (d.Fiscal.Doc < sale.DocShiftOpen || correction) {
			if d.Key, err = p.readKey(ctx, fd); err != nil {
				return nil, p.report(op, err)
			}
		}
		docs = append(docs, d)
	}
	return docs, nil
}

// Forms of documents as FFD numbers them.
const (
	formShiftOpen  = 2
	formReceipt    = 3
	formShiftClose = 5
	formCorrection = 31
)

func (p *Printer) document(ctx context.Context, m *model, fd uint32) (drivers.Document, error) {
	rest, err := p.call(ctx, reads, frame.CmdFNFind, binary.LittleEndian.AppendUint32(nil, fd)...)
	if err != nil {
		return drivers.Document{}, err
	}
	if err := need(frame.CmdFNFind, rest, 15); err != nil {
		return drivers.Document{}, err
	}
	at, err := frame.FNTime(rest[2:7])
	if err != nil {
		return drivers.Document{}, malformed(frame.CmdFNFind, err)
	}
	if got := binary.LittleEndian.Uint32(rest[7:]); got != fd {
		return drivers.Document{}, malformed(frame.CmdFNFind, fmt.Errorf("document %d instead of %d", got, fd))
	}
	d := drivers.Document{OFD: rest[1] != 0, Fiscal: sale.Fiscal{
		Kind: sale.FiscalOwn, Key: sale.FiscalKey{FN: m.fn, FD: fd}, Sign: binary.LittleEndian.Uint32(rest[11:]),
		Doc: sale.DocOther, Stamp: sale.StampOf(at), Register: m.serial,
	}}
	err = particulars(&d.Fiscal, rest[0], rest[15:])
	return d, err
}

// particulars reads what the archive says beyond the common head of every form.
func particulars(f *sale.Fiscal, form byte, more []byte) error {
	switch form {
	case formReceipt, formCorrection:
		if err := need(frame.CmdFNFind, more, 1+frame.MoneyBytes); err != nil {
			return err
		}
		f.Doc, f.Sum = sale.DocKind(more[0]), sale.Money(frame.Uint(more[1:1+frame.MoneyBytes]))
		if form == formCorrection {
			f.Doc = f.Doc.Correction()
		}
	case formShiftOpen, formShiftClose:
		if err := need(frame.CmdFNFind, more, 2); err != nil {
			return err
		}
		f.Doc, f.Shift = sale.DocShiftOpen, uint32(binary.LittleEndian.Uint16(more))
		if form == formShiftClose {
			f.Doc = sale.DocShiftClose
		}
	}
	return nil
}
