package atol

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/kopilka/kopilka/drivers"
	"github.com/kopilka/kopilka/drivers/atol/task"
	"github.com/kopilka/kopilka/ledger/sale"
)

// device is what the register says of itself.
type device struct {
	model, serial, firmware string
	ffd                     string
}

// ffd12 is the format that knows marking codes and units; texts of versions compare as they should.
const ffd12 = "1.2"

// state is the register and its storage at one moment, read by one request.
type state struct {
	device
	clock    time.Time
	paper    bool
	cover    bool
	blocked  bool
	storage  bool // there is one
	fiscal   bool // both it and the register are registered
	shift    drivers.Shift
	shiftNo  uint32
	end      mark
	receipts uint32 // of the shift
	expires  time.Time
	warnings task.FnWarnings
}

var shifts = map[string]drivers.Shift{
	task.ShiftClosed: drivers.ShiftClosed, task.ShiftOpened: drivers.ShiftOpen, task.ShiftExpired: drivers.ShiftExpired,
}

// state asks for everything that decides what may be done. The tasks of one request run in a row, so that
// nobody's document comes between them.
func (p *Printer) state(ctx context.Context) (state, error) {
	results, err := p.read(ctx, task.Task{Type: task.GetDeviceInfo}, task.Task{Type: task.GetDeviceStatus},
		task.Task{Type: task.GetShiftStatus}, task.Task{Type: task.GetFnInfo}, task.Task{Type: task.GetFnStatus})
	if err == nil {
		err = firstError(results)
	}
	if err != nil {
		return state{}, err
	}
	return readState(results)
}

func readState(results []task.Result) (state, error) {
	var info task.DeviceInfo
	var status task.DeviceStatus
	var shift task.ShiftStatus
	var fn task.FnInfo
	var last task.FnStatus
	err := errors.Join(
		task.ParseResult(results[0].Result, &info), task.ParseResult(results[1].Result, &status), task.ParseResult(results[2].Result, &shift),
		task.ParseResult(results[3].Result, &fn), task.ParseResult(results[4].Result, &last))
	if err != nil {
		return state{}, malformed(err)
	}
	if info.Info == nil || status.Status == nil || shift.Status == nil || fn.Info == nil || last.Status == nil {
		return state{}, malformed(errIncomplete)
	}
	kind, known := shifts[shift.Status.State]
	if !known {
		return state{}, malformed(fmt.Errorf("shift %.32q", shift.Status.State))
	}
	return state{
		device: device{model: info.Info.Name, serial: info.Info.Serial, firmware: info.Info.Firmware, ffd: info.Info.FFD},
		clock:  status.Status.Clock.Time(), paper: status.Status.Paper, cover: status.Status.Cover, blocked: status.Status.Blocked,
		storage: status.Status.FN, fiscal: status.Status.Fiscal && status.Status.FNFiscal,
		shift: kind, shiftNo: shift.Status.Number, end: mark{fn: fn.Info.Serial, fd: last.Status.Document},
		receipts: last.Status.Receipt, expires: fn.Info.Validity.Time(), warnings: last.Status.Warnings,
	}, nil
}

// signs refuses early where the register can make no document at all.
func (s state) signs() error {
	switch {
	case !s.storage:
		return refusedBy(codeNoStorage)
	case !s.fiscal:
		return refusedBy(codeNotRegistered)
	}
	return nil
}

// Identify implements [drivers.Printer].
func (p *Printer) Identify(ctx context.Context) (drivers.Identity, error) {
	id, err := p.identify(ctx)
	return id, p.report("identify", err)
}

func (p *Printer) identify(ctx context.Context) (drivers.Identity, error) {
	s, err := p.state(ctx)
	if err != nil {
		return drivers.Identity{}, err
	}
	r, err := p.registration(ctx)
	if err != nil {
		return drivers.Identity{}, err
	}
	return drivers.Identity{Model: s.model, Serial: s.serial, Firmware: s.firmware, INN: r.Organization.VATIN, FN: s.end.fn}, nil
}

// registration is what the register was registered for.
func (p *Printer) registration(ctx context.Context) (task.Registration, error) {
	results, err := p.read(ctx, task.Task{Type: task.GetRegistrationInfo})
	if err == nil {
		err = firstError(results)
	}
	if err != nil {
		return task.Registration{}, err
	}
	var r task.Registration
	if err := task.ParseResult(results[0].Result, &r); err != nil {
		return r, malformed(err)
	}
	if r.Organization == nil || r.Device == nil {
		return r, malformed(errIncomplete)
	}
	return r, nil
}

// Snapshot implements [drivers.Printer]. Open is never true: the vendor's tasks do not tell of an open document,
// and the next one drops it.
func (p *Printer) Snapshot(ctx context.Context) (drivers.Snapshot, error) {
	s, err := p.state(ctx)
	if err != nil {
		return drivers.Snapshot{}, p.report("read state", err)
	}
	return drivers.Snapshot{FN: s.end.fn, LastFD: s.end.fd, Shift: s.shift, ShiftNo: s.shiftNo, Clock: s.clock}, nil
}

// Status implements [drivers.Printer].
func (p *Printer) Status(ctx context.Context) (drivers.Status, error) {
	const op = "read status"
	s, err := p.state(ctx)
	if err != nil {
		return drivers.Status{}, p.report(op, err)
	}
	queue, err := p.unsent(ctx)
	if err != nil {
		return drivers.Status{}, p.report(op, err)
	}
	out := drivers.Status{
		Conditions: p.conditions(s), Unsent: queue.Status.Count,
		Mode: fmt.Sprintf("shift %d, paper %t, cover open %t, blocked %t", s.shift, s.paper, s.cover, s.blocked),
	}
	if at := queue.Status.FirstAt; at != nil && queue.Status.Count > 0 {
		out.Oldest = at.Time()
	}
	return out, nil
}

func (p *Printer) conditions(s state) drivers.Condition {
	w := s.warnings
	var c drivers.Condition
	for condition, holds := range map[drivers.Condition]bool{
		drivers.PaperOut: !s.paper, drivers.CoverOpen: s.cover, drivers.WaitsForResume: p.unprinted && s.paper,
		drivers.ShiftOver24h: s.shift == drivers.ShiftExpired, drivers.NotFiscal: !s.fiscal || !s.storage, drivers.Fault: s.blocked,
		drivers.StorageEnding: w.Replace || w.Exhausted || w.Memory || w.Critical, drivers.OFDOverdue: w.OFD,
	} {
		if holds {
			c |= condition
		}
	}
	return c
}

func (p *Printer) unsent(ctx context.Context) (task.OfdStatus, error) {
	results, err := p.read(ctx, task.Task{Type: task.OfdExchangeStatus})
	if err == nil {
		err = firstError(results)
	}
	if err != nil {
		return task.OfdStatus{}, err
	}
	var q task.OfdStatus
	if err := task.ParseResult(results[0].Result, &q); err != nil {
		return q, malformed(err)
	}
	if q.Status == nil {
		return q, malformed(errIncomplete)
	}
	return q, nil
}

// Storage implements [drivers.StorageTeller].
func (p *Printer) Storage(ctx context.Context) (drivers.Storage, error) {
	const op = "read storage"
	s, err := p.state(ctx)
	if err != nil {
		return drivers.Storage{}, p.report(op, err)
	}
	q, err := p.unsent(ctx)
	if err != nil {
		return drivers.Storage{}, p.report(op, err)
	}
	out := drivers.Storage{FN: s.end.fn, Expires: s.expires, FFD: s.ffd, Unsent: q.Status.Count}
	if q.Status.Count > 0 {
		out.FirstFD = q.Status.First
		if q.Status.FirstAt != nil {
			out.Oldest = q.Status.FirstAt.Time()
		}
	}
	return out, nil
}

const (
	// documentsMax bounds one call of Documents: nobody who looks for a lost receipt needs more than a day's.
	documentsMax = 20_000
	// documentsBatch is how many are read by one request: few enough that the queue is free again in a second.
	documentsBatch = 16
)

// Documents implements [drivers.Printer].
func (p *Printer) Documents(ctx context.Context, after, last uint32) ([]drivers.Document, error) {
	const op = "read documents"
	if last > after && last-after > documentsMax {
		return nil, p.report(op, &drivers.Error{
			Fail: drivers.FailRefused, Outcome: drivers.OutcomeNotDone,
			Err: fmt.Errorf("%d documents asked for, at most %d at a time", last-after, documentsMax),
		})
	}
	docs, err := p.documents(ctx, after, last)
	return docs, p.report(op, err)
}

func (p *Printer) documents(ctx context.Context, after, last uint32) (docs []drivers.Document, err error) {
	if after >= last {
		return nil, nil
	}
	s, err := p.state(ctx)
	if err != nil {
		return nil, err
	}
	q, err := p.unsent(ctx)
	if err != nil {
		return nil, err
	}
	for fd := after; fd < last; {
		var tasks []task.Task
		for ; fd < last && len(tasks) < documentsBatch; fd++ {
			tasks = append(tasks, task.Task{Type: task.GetFnDocument, FiscalDocumentNumber: fd + 1})
		}
		results, err := p.read(ctx, tasks...)
		if err == nil {
			err = firstError(results)
		}
		if err != nil {
			return nil, err
		}
		for i, r := range results {
			d, err := readDocument(r, tasks[i].FiscalDocumentNumber, s)
			if err != nil {
				return nil, err
			}
			d.OFD = q.Status.Count == 0 || d.Fiscal.Key.FD < q.Status.First
			docs = append(docs, d)
		}
	}
	return docs, nil
}

// readDocument takes a document of the archive apart.
func readDocument(r task.Result, fd uint32, s state) (drivers.Document, error) {
	var doc task.FnDocument
	if err := task.ParseResult(r.Result, &doc); err != nil {
		return drivers.Document{}, malformed(err)
	}
	t := doc.TLV
	switch {
	case t == nil || t.At.Time().IsZero():
		return drivers.Document{}, malformed(errIncomplete)
	case t.Number != fd:
		return drivers.Document{}, malformed(fmt.Errorf("document %d instead of %d", t.Number, fd))
	case t.FN != "" && t.FN != s.end.fn:
		return drivers.Document{}, malformed(fmt.Errorf("document of storage %.20q", t.FN))
	}
	d := drivers.Document{Fiscal: sale.Fiscal{
		Kind: sale.FiscalOwn, Key: sale.FiscalKey{FN: s.end.fn, FD: fd}, Sign: uint32(t.Sign), Shift: t.Shift, Receipt: t.Receipt,
		Doc: sale.DocOther, Stamp: sale.StampOf(t.At.Time()), Register: s.serial,
	}}
	if t.User != nil {
		d.Key = t.User.Value
	}
	switch t.Type {
	case task.FormOpenShift:
		d.Fiscal.Doc = sale.DocShiftOpen
	case task.FormCloseShift:
		d.Fiscal.Doc = sale.DocShiftClose
	case task.FormReceipt, task.FormCorrection:
		if t.Total == nil || t.Op < uint8(sale.DocSale) || t.Op > uint8(sale.DocExpenseReturn) {
			return d, malformed(fmt.Errorf("receipt %d: %w", fd, errIncomplete))
		}
		d.Fiscal.Doc, d.Fiscal.Sum = sale.DocKind(t.Op), sale.Money(*t.Total)
		if t.Type == task.FormCorrection {
			d.Fiscal.Doc = d.Fiscal.Doc.Correction()
		}
	}
	return d, nil
}
