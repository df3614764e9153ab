package agent

import (
	"context"
	"errors"
	"time"

	"github.com/kopilka/kopilka/drivers"
)

// Times of the register's line.
const (
	registerPoll  = 2 * time.Second  // between two looks at an idle register
	storagePolls  = 1800             // looks until its storage is asked for its life again: an hour
	registerRetry = 3 * time.Second  // before dialling again
	statusWait    = 10 * time.Second // for the reads between jobs
)

// OpenPrinter dials the register anew.
type OpenPrinter func(ctx context.Context) (drivers.Printer, error)

// registerState is the register as last seen.
type registerState struct {
	online   bool
	identity drivers.Identity
	status   drivers.Status
	snapshot drivers.Snapshot
	storage  *drivers.Storage // as last told, for the doctor; nil: not told
	can      abilities
	err      error // why it is not online
}

// abilities are what a register can do beyond what every one can.
type abilities struct{ marks, slips, corrects, drawer bool }

func abilitiesOf(p drivers.Printer) (a abilities) {
	_, a.marks = p.(drivers.MarkChecker)
	_, a.slips = p.(drivers.Slips)
	_, a.corrects = p.(drivers.Corrector)
	_, a.drawer = p.(drivers.Drawer)
	return a
}

// stopped tells that no receipt comes out until a person has done something.
func (r registerState) stopped() bool {
	return !r.online || r.status.Has(drivers.PaperOut|drivers.CoverOpen|drivers.WaitsForResume)
}

// registerLine owns the register: one goroutine dials it, watches it and works through its jobs, so
// that nothing else ever talks to the device.
type registerLine struct {
	open    OpenPrinter
	jobs    chan func(ctx context.Context, p drivers.Printer) error
	seen    func(registerState)                                // called from the line's goroutine
	connect func(ctx context.Context, p drivers.Printer) error // after dialling, before any job: recovery
	wake    chan struct{}                                      // there is something to ask between jobs
	slept   chan struct{}                                      // the machine has
	between func(ctx context.Context, p drivers.Printer) error // asks it
	state   registerState
	polls   int // since the register was dialled
}

func newRegisterLine(open OpenPrinter) *registerLine {
	return &registerLine{open: open, jobs: make(chan func(context.Context, drivers.Printer) error, 1), wake: make(chan struct{}, 1), slept: make(chan struct{}, 1)}
}

// errNoRegister is given to a job that no register could take.
var errNoRegister = &drivers.Error{
	Op: "reach", Device: "register", Fail: drivers.FailLink, Outcome: drivers.OutcomeNotDone,
	Hint: drivers.Hint{RU: "Касса не отвечает: проверьте питание и кабель", EN: "The register does not answer: check its power and cable"},
}

// run serves until ctx ends; without a register it only waits for that.
func (r *registerLine) run(ctx context.Context) {
	if r.open == nil {
		<-ctx.Done()
		return
	}
	for ctx.Err() == nil {
		p, err := r.dial(ctx)
		if err == nil {
			err = r.serve(ctx, p)
			closeQuietly(p)
		}
		if ctx.Err() != nil {
			return
		}
		r.state.online, r.state.err = false, err
		r.seen(r.state)
		r.wait(ctx)
	}
}

// closeQuietly closes a device that has already failed or is being left: there is nobody to tell.
func closeQuietly(p drivers.Printer) { _ = p.Close() }

func (r *registerLine) dial(ctx context.Context) (drivers.Printer, error) {
	p, err := r.open(ctx)
	if err != nil {
		return nil, err
	}
	if err := r.look(ctx, p, true); err != nil {
		closeQuietly(p)
		return nil, err
	}
	return p, nil
}

// look reads the register's state and tells the till.
func (r *registerLine) look(ctx context.Context, p drivers.Printer, first bool) error {
	ctx, cancel := context.WithTimeout(ctx, statusWait)
	defer cancel()
	var err error
	if first {
		if r.state.identity, err = p.Identify(ctx); err != nil {
			return err
		}
		r.state.can = abilitiesOf(p)
	}
	if r.state.status, err = p.Status(ctx); err != nil {
		return err
	}
	if r.state.snapshot, err = p.Snapshot(ctx); err != nil {
		return err
	}
	r.state.online, r.state.err = true, nil
	r.seen(r.state)
	return nil
}

// serve works until the link is lost. Recovery comes before the first job: what an earlier connection left
// undecided is decided first.
func (r *registerLine) serve(ctx context.Context, p drivers.Printer) error {
	if err := r.connect(ctx, p); lostLink(err) {
		return err
	}
	poll := time.NewTicker(registerPoll)
	defer poll.Stop()
	r.polls, r.state.storage = 0, nil // another register may have been plugged in
	for {
		var err error
		select {
		case <-ctx.Done():
			return ctx.Err()
		case job := <-r.jobs:
			err = r.work(ctx, p, job)
		case <-r.wake:
			select {
			case job := <-r.jobs: // a cashier waits for it; the question is asked for again after it
				err = r.work(ctx, p, job)
			default:
				err = r.between(ctx, p)
			}
		case <-r.slept:
			err = errSlept
		case <-poll.C:
			r.askStorage(ctx, p)
			err = r.look(ctx, p, false)
		}
		if lostLink(err) {
			return err
		}
	}
}

// askStorage asks now and then how long the fiscal storage lasts: the doctor may not ask while the port is ours. A
// register that does not answer this may sell all the same; a line that broke shows at the look that follows.
func (r *registerLine) askStorage(ctx context.Context, p drivers.Printer) {
	r.polls++
	teller, ok := p.(drivers.StorageTeller)
	if !ok || r.polls%storagePolls != 1 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, statusWait)
	defer cancel()
	if s, err := teller.Storage(ctx); err == nil {
		r.state.storage = &s
	}
}

// work does one job and looks what the register is like after it.
func (r *registerLine) work(ctx context.Context, p drivers.Printer, job func(context.Context, drivers.Printer) error) error {
	if err := job(ctx, p); lostLink(err) {
		return err
	}
	return r.look(ctx, p, false)
}

// lostLink tells errors after which the register must be dialled anew.
func lostLink(err error) bool {
	if err == nil {
		return false
	}
	fail := drivers.FailOf(err)
	return fail == drivers.FailLink || fail == drivers.FailProtocol || fail == "" || errors.Is(err, context.DeadlineExceeded)
}

// wait pauses before dialling again; a job that comes meanwhile is told so at once.
func (r *registerLine) wait(ctx context.Context) {
	timer := time.NewTimer(registerRetry)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
			return
		case job := <-r.jobs:
			// A job that meets no register says so itself; the error is its own to report.
			_ = job(ctx, nil)
		}
	}
}
