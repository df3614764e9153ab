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

// callMax ends a call that waits for ever; the longest that a driver waits is two minutes for a shift.
const callMax = 5 * time.Minute

// Session is what was written down of one driver since it was made.
type Session struct {
	ID      string
	About   About
	Entries []Entry
	Whole   bool // its beginning is there: it can be replayed
}

// Sessions puts the entries of a capture together, in the order in which they began.
func Sessions(entries []Entry) (all []Session) {
	at := map[string]int{}
	for _, e := range entries {
		i, ok := at[e.Session]
		if !ok {
			i = len(all)
			at[e.Session] = i
			all = append(all, Session{ID: e.Session})
		}
		s := &all[i]
		if e.Kind == KindSession && e.About != nil {
			s.About, s.Whole = *e.About, len(s.Entries) == 0
		}
		e.no = len(s.Entries)
		s.Entries = append(s.Entries, e)
	}
	return all
}

// Calls counts the calls, and those that failed.
func (s Session) Calls() (calls, failed int) {
	for _, e := range s.Entries {
		if e.Kind == KindEnd {
			calls++
			if e.Failure != nil {
				failed++
			}
		}
	}
	return calls, failed
}

// Difference is the first thing that a replay found to be otherwise.
type Difference struct {
	Call   int // number of the call, from 1
	Op     Op
	What   string
	Offset int    // of the first byte that differs
	Sent   []byte // now
	Then   []byte // in the capture
	At     int64  // when it was written down, Unix microseconds
}

// Error says it in a sentence or two.
func (d *Difference) Error() string {
	text := fmt.Sprintf("call %d (%s): %s", d.Call, d.Op, d.What)
	if d.Sent != nil || d.Then != nil {
		text += fmt.Sprintf(", from byte %d\n  now:  % X\n  then: % X", d.Offset, d.Sent, d.Then)
	}
	return text
}

// ErrSession is wrapped when a session cannot be replayed at all.
var ErrSession = errors.New("this session cannot be replayed")

// Makers make the driver that a session is about.
type Makers struct {
	Printer func(about About, dial port.Dial) (drivers.Printer, error)
	// These give no driver and no error where the type is none of theirs.
	Scanner     func(about About, dial port.Dial) (drivers.Scanner, error)
	SlipPrinter func(about About, dial port.Dial) (drivers.SlipPrinter, error)
	Display     func(about About, dial port.Dial) (drivers.Display, error)
	// Rewrite is a type's frames; nil: none.
	Rewrite func(kind string) Rewrite
	// Rename is how a type names its requests; a type that does not has none.
	Rename func(kind string) Rename
	// Wait waits until the recorded moment of a call, for tests in virtual time; nil: nobody waits.
	Wait func(until time.Time)
}

// Rename gives each request named in a burst another name, of the same length, and seals the frames again. What
// names nothing stays. Names that a till makes up are no difference.
type Rename func(burst []byte, answer bool, rename func(old string) string)

// Replay makes the calls of a session again on a device made of the capture and says how many were made. A
// *Difference is where driver and capture part. Answers come at once; only what a driver waits for in vain
// takes its time.
func (m Makers) Replay(ctx context.Context, s Session) (calls int, err error) {
	if !s.Whole {
		return 0, fmt.Errorf("%w: the file has lost its beginning", ErrSession)
	}
	mask := NewMasker(m.Rewrite(s.About.Type))
	run := &replay{Makers: m, script: newScript(s.Entries, mask)}
	if rename := m.Rename(s.About.Type); rename != nil {
		run.script.rename = rename
	}
	if err := run.open(s.About); err != nil {
		return 0, fmt.Errorf("%w: %w", ErrSession, err)
	}
	calls, err = run.calls(ctx, s)
	return calls, errors.Join(err, run.close())
}

// replay is one session under way, with one driver.
type replay struct {
	Makers
	script  *script
	printer drivers.Printer
	scanner drivers.Scanner
	slips   drivers.SlipPrinter
	display drivers.Display
	driver  io.Closer // which of them
	over    bool      // the session closed its driver itself
}

// open makes the driver.
func (r *replay) open(a About) (err error) {
	if r.scanner, err = r.Scanner(a, r.script.dial); err != nil || r.scanner != nil {
		r.driver = r.scanner
		return err
	}
	if r.slips, err = r.SlipPrinter(a, r.script.dial); err != nil || r.slips != nil {
		r.driver, r.script.mask.shapes = r.slips, true
		return err
	}
	if r.display, err = r.Display(a, r.script.dial); err != nil || r.display != nil {
		r.driver, r.script.mask.shapes = r.display, true
		return err
	}
	r.printer, err = r.Printer(a, r.script.dial)
	r.driver = r.printer
	return err
}

// close lets go of the driver. What it says then was said before as a difference, or does not matter.
func (r *replay) close() error {
	if r.over {
		return nil
	}
	return r.driver.Close()
}

func (r *replay) calls(ctx context.Context, s Session) (calls int, err error) {
	for i, e := range s.Entries {
		if e.Kind != KindCall {
			continue
		}
		end := s.end(i)
		if end == nil {
			return calls, nil // the program ended in the middle of it
		}
		calls++
		if d := r.call(ctx, e, *end); d != nil {
			d.Call, d.Op = calls, e.Op
			return calls, d
		}
	}
	return calls, nil
}

// end is the entry that ends a call.
func (s Session) end(call int) *Entry {
	for i := call + 1; i < len(s.Entries); i++ {
		switch s.Entries[i].Kind {
		case KindEnd:
			return &s.Entries[i]
		case KindCall:
			return nil // it was lost
		}
	}
	return nil
}

func (r *replay) call(ctx context.Context, e, end Entry) *Difference {
	if r.Wait != nil {
		r.Wait(e.Time())
	}
	ctx, cancel := context.WithTimeout(ctx, callMax)
	defer cancel()
	r.script.begin(e, end, cancel)
	result, err := r.perform(ctx, e)
	if d := r.script.finish(); d != nil {
		return d
	}
	if what := differs(result, err, end); what != "" {
		return &Difference{What: what}
	}
	return nil
}

// begin lets the device live until the end of a call.
func (s *script) begin(call, end Entry, stop context.CancelFunc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.until, s.stop = end.no, nil
	if end.Failure != nil && end.Failure.Why == WhyEnded {
		s.stop = stop
		if end.no == call.no+1 {
			stop() // before anything was done
		}
	}
	s.mask.Learn(call.Args)
	for _, l := range s.conns {
		l.stir()
	}
}

// finish is the difference that was met, or what the till left unsent.
func (s *script) finish() *Difference {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stop = nil
	for _, l := range s.conns {
		for e := l.next(); e != nil && e.no < s.until && s.differ == nil; e = l.next() {
			if e.Kind == KindWrite {
				_ = s.difference(&Difference{What: "the till sends less than in the capture", Then: e.Data, At: e.At}) // kept in s
				break
			}
			l.advance()
		}
	}
	return s.differ
}

// differs says how an outcome differs from the recorded one; empty: not at all.
func differs(result *Result, err error, end Entry) string {
	switch got := failureOf(err); {
	case got == nil && end.Failure != nil:
		return fmt.Sprintf("it succeeds, but failed then: %s", end.Failure.Text)
	case got != nil && end.Failure == nil:
		return fmt.Sprintf("it fails, but succeeded then: %s", got.Text)
	case got != nil && (got.Fail != end.Failure.Fail || got.Outcome != end.Failure.Outcome || got.Code != end.Failure.Code):
		return fmt.Sprintf("it fails in another way: %s\n  then: %s", got.Text, end.Failure.Text)
	case got != nil:
		return ""
	}
	now, then := text(result), text(end.Result)
	if now != then {
		return fmt.Sprintf("it gives something else\n  now:  %s\n  then: %s", now, then)
	}
	return ""
}

// text is a result as it is written down.
func text(r *Result) string {
	if r == nil {
		r = &Result{}
	}
	b, err := json.Marshal(r)
	if err != nil {
		return err.Error()
	}
	return string(b)
}

// perform makes one call.
func (r *replay) perform(ctx context.Context, e Entry) (*Result, error) {
	args := orZero(e.Args)
	result := &Result{}
	if e.Op == OpClose {
		r.over = true
		return result, r.driver.Close()
	}
	switch {
	case r.scanner != nil && e.Op == OpScan:
		code, err := r.scanner.Read(ctx)
		result.Code = &sale.Code{Symbology: code.Symbology, Text: code.Text}
		return result, err
	case r.display != nil && e.Op == OpShow && len(args.Lines) == displayLines:
		return result, r.display.Show(ctx, args.Lines[0], args.Lines[1])
	case r.slips != nil:
		return result, r.slip(ctx, e.Op, args, result)
	case r.printer == nil:
		return nil, fmt.Errorf("%w: this device cannot do %s", ErrSession, e.Op)
	}
	if handled, err := r.basic(ctx, e.Op, args, result); handled {
		return result, err
	}
	return result, r.optional(ctx, e.Op, args, result)
}

// displayLines are those of [drivers.Display].
const displayLines = 2

func (r *replay) slip(ctx context.Context, op Op, a *Args, out *Result) (err error) {
	switch op {
	case OpStatus:
		out.Status = new(drivers.Status)
		*out.Status, err = r.slips.Status(ctx)
		return err
	case OpPrintSlip:
		return r.slips.PrintSlip(ctx, orZero(a.Slip).slip())
	case OpOpenDrawer:
		return r.slips.OpenDrawer(ctx)
	}
	return fmt.Errorf("%w: a slip printer cannot do %s", ErrSession, op)
}

func (r *replay) basic(ctx context.Context, op Op, a *Args, out *Result) (handled bool, err error) {
	p := r.printer
	switch op {
	case OpIdentify:
		out.Identity = new(drivers.Identity)
		*out.Identity, err = p.Identify(ctx)
	case OpStatus:
		out.Status = new(drivers.Status)
		*out.Status, err = p.Status(ctx)
	case OpSnapshot:
		out.Snapshot = new(drivers.Snapshot)
		*out.Snapshot, err = p.Snapshot(ctx)
	case OpDocuments:
		out.Documents, err = p.Documents(ctx, a.After, a.Last)
	case OpOpenShift:
		out.Fiscal = new(sale.Fiscal)
		*out.Fiscal, err = p.OpenShift(ctx, a.Who)
	case OpCloseShift:
		out.Fiscal = new(sale.Fiscal)
		*out.Fiscal, err = p.CloseShift(ctx, a.Who)
	case OpPrint:
		out.Fiscal = new(sale.Fiscal)
		*out.Fiscal, err = p.Print(ctx, *orZero(a.Receipt))
	case OpCancel:
		err = p.Cancel(ctx)
	case OpResume:
		err = p.Resume(ctx)
	default:
		return false, nil
	}
	return true, err
}

// optional calls are made on a driver that has them; one that has lost them since is a difference.
func (r *replay) optional(ctx context.Context, op Op, a *Args, out *Result) (err error) {
	p := r.printer
	switch op {
	case OpCashIn:
		return with(p, func(c drivers.CashMover) error { return c.CashIn(ctx, a.Who, a.Amount) })
	case OpCashOut:
		return with(p, func(c drivers.CashMover) error { return c.CashOut(ctx, a.Who, a.Amount) })
	case OpDrawerCash:
		return with(p, func(c drivers.CashMover) (err error) { out.Amount, err = c.CashInDrawer(ctx); return err })
	case OpXReport:
		return with(p, func(c drivers.Reporter) error { return c.XReport(ctx, a.Who) })
	case OpSlip:
		return with(p, func(c drivers.Slips) error { return c.Slip(ctx, a.Lines, a.QR) })
	case OpCopyLast:
		return with(p, func(c drivers.Copier) error { return c.CopyLast(ctx) })
	case OpOpenDrawer:
		return with(p, func(c drivers.Drawer) error { return c.OpenDrawer(ctx) })
	case OpSetClock:
		return with(p, func(c drivers.ClockSetter) error { return c.SetClock(ctx, a.Wall) })
	case OpCorrect:
		out.Fiscal = new(sale.Fiscal)
		return with(p, func(c drivers.Corrector) (err error) {
			*out.Fiscal, err = c.Correct(ctx, *orZero(a.Correct))
			return err
		})
	case OpCheckMark:
		return with(p, func(c drivers.MarkChecker) (err error) {
			out.Verdict, err = c.CheckMark(ctx, *orZero(a.Mark))
			return err
		})
	case OpDropMarks:
		return with(p, func(c drivers.MarkChecker) error { return c.DropMarks(ctx) })
	case OpStorage:
		out.Storage = new(drivers.Storage)
		return with(p, func(c drivers.StorageTeller) (err error) { *out.Storage, err = c.Storage(ctx); return err })
	case OpPreflight:
		return with(p, func(c drivers.Preflighter) error { return c.Preflight(ctx, a.Tax, a.Rates) })
	}
	return fmt.Errorf("%w: nobody knows the call %q", ErrSession, op)
}

func with[C any](p drivers.Printer, call func(C) error) error {
	c, ok := p.(C)
	if !ok {
		return fmt.Errorf("%w: the driver has no such call any more", ErrSession)
	}
	return call(c)
}

func orZero[V any](v *V) *V {
	if v == nil {
		return new(V)
	}
	return v
}
