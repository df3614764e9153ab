package mercury

import (
	"fmt"
	"slices"
	"time"

	"github.com/kopilka/kopilka/drivers/mercury/frame"
)

// FaultKind names what goes wrong.
type FaultKind string

// The faults. N means a byte or a line, as each says.
const (
	CloseAfter       FaultKind = "close after"    // N bytes of the answer leave, then the link closes
	CutRequest       FaultKind = "cut request"    // N more bytes are taken, then the link closes
	LoseAnswer       FaultKind = "lose answer"    // the work is done, no answer leaves, the link stays open
	SlowAnswer       FaultKind = "slow answer"    // the work is done at once, the answer takes For
	LateRequest      FaultKind = "late request"   // the command is carried out only after For
	CorruptAnswer    FaultKind = "corrupt answer" // byte N of the answer is changed
	HTTPError        FaultKind = "http error"     // the work is done, the answer is a page of HTTP 500
	Busy             FaultKind = "busy"           // work is refused for For
	ClockJump        FaultKind = "clock jump"     // the register's clock moves by For
	RestartBefore    FaultKind = "restart before" // the service is restarted before the command: keys are lost
	RestartAfter     FaultKind = "restart after"  // after its work, before its answer
	PaperOutAtLine   FaultKind = "paper out"      // N lines print, then the paper ends
	PowerOutAtLine   FaultKind = "power out"      // N lines print, then the power goes
	PowerBeforeWrite FaultKind = "power before"   // the power goes before the document is signed
	PowerAfterWrite  FaultKind = "power after"    // it goes between signing and answering
	PowerAfterAnswer FaultKind = "power answered" // it goes when the last byte of the answer has left
)

// Fault is one thing to go wrong. It waits until its moment comes, and then happens once.
type Fault struct {
	Kind    FaultKind
	Command frame.Command // that it waits for; empty: any
	N       int
	For     time.Duration
}

// String is the fault in a log.
func (f Fault) String() string {
	s := fmt.Sprintf("%s n=%d", f.Kind, f.N)
	if f.Command != "" {
		s += " in " + string(f.Command)
	}
	return s
}

type armed struct {
	Fault
	seen int // bytes or lines counted
}

// faults is what is armed and what has happened.
type faults struct {
	armed []*armed
	fired []Fault
}

func (f *faults) names() []string {
	names := make([]string, len(f.armed))
	for i, a := range f.armed {
		names[i] = a.String()
	}
	return names
}

func (f *faults) fire(a *armed) {
	f.fired = append(f.fired, a.Fault)
	f.armed = slices.DeleteFunc(f.armed, func(x *armed) bool { return x == a })
}

// strike fires the first armed fault of a kind that this command meets.
func (f *faults) strike(kind FaultKind, cmd frame.Command) (Fault, bool) {
	for _, a := range f.armed {
		if a.Kind == kind && (a.Command == "" || a.Command == cmd) {
			f.fire(a)
			return a.Fault, true
		}
	}
	return Fault{}, false
}

// Inject arms a fault.
func (r *Register) Inject(f Fault) {
	r.Mu.Lock()
	defer r.Mu.Unlock()
	r.faults.armed = append(r.faults.armed, &armed{Fault: f})
	r.Notify()
}

// Disarm takes back the faults of a kind that have not happened yet, or all for the empty kind.
func (r *Register) Disarm(kind FaultKind) {
	r.Mu.Lock()
	defer r.Mu.Unlock()
	r.faults.armed = slices.DeleteFunc(r.faults.armed, func(a *armed) bool { return kind == "" || a.Kind == kind })
	r.Notify()
}

// Fired is what went wrong so far, in order: a test that armed a fault can see that it happened.
func (r *Register) Fired() []Fault {
	r.Mu.Lock()
	defer r.Mu.Unlock()
	return slices.Clone(r.faults.fired)
}

// before lets the faults happen that come before a command is looked at.
func (r *Register) before(cmd frame.Command) {
	if f, ok := r.faults.strike(Busy, cmd); ok {
		r.busy = r.opt.Now().Add(f.For)
	}
	if f, ok := r.faults.strike(ClockJump, cmd); ok {
		r.jump(f.For)
	}
	if _, ok := r.faults.strike(RestartBefore, cmd); ok {
		r.restart()
	}
}

// cutFault is the storage's question whether the power goes now.
func (r *Register) cutFault(cmd frame.Command) func(after bool) bool {
	return func(after bool) bool { return r.cutHere(cmd, after) }
}

func (r *Register) cutHere(cmd frame.Command, after bool) bool {
	kind := PowerBeforeWrite
	if after {
		kind = PowerAfterWrite
	}
	_, struck := r.faults.strike(kind, cmd)
	r.gone = r.gone || struck
	return struck
}

// lineFault is asked before each line and tells whether it stays in the queue.
func (r *Register) lineFault() bool {
	for _, a := range r.faults.armed {
		if a.Kind != PaperOutAtLine && a.Kind != PowerOutAtLine {
			continue
		}
		if a.seen++; a.seen <= a.N {
			continue
		}
		r.faults.fire(a)
		if a.Kind == PaperOutAtLine {
			r.paper = false
		} else {
			r.gone = true
		}
		return true
	}
	return false
}

// taken counts bytes of requests; it tells how many of n pass, and whether the link closes behind them.
func (r *Register) taken(n int) (pass int, closes bool) {
	r.Mu.Lock()
	defer r.Mu.Unlock()
	for _, a := range r.faults.armed {
		if a.Kind != CutRequest {
			continue
		}
		if a.seen+n < a.N {
			a.seen += n
			return n, false
		}
		pass = a.N - a.seen
		r.faults.fire(a)
		return pass, true
	}
	return n, false
}

// delivery is what becomes of an answer on its way out.
type delivery struct {
	data     []byte
	wait     time.Duration
	mute     bool // nothing leaves, the link stays open
	closes   bool
	powerOff bool
}

const errorPage = "HTTP/1.1 500 Internal Server Error\r\nContent-Type: text/html\r\nContent-Length: 21\r\n\r\n<h1>Ошибка</h1>"

func (r *Register) deliver(cmd frame.Command, packed []byte) delivery {
	r.Mu.Lock()
	defer r.Mu.Unlock()
	d := delivery{data: packed}
	if f, ok := r.faults.strike(SlowAnswer, cmd); ok {
		d.wait = f.For
	}
	if _, ok := r.faults.strike(HTTPError, cmd); ok {
		d.data, d.closes = []byte(errorPage), true
	}
	if f, ok := r.faults.strike(CorruptAnswer, cmd); ok {
		d.data = slices.Clone(d.data)
		d.data[f.N%len(d.data)] ^= 0x55
	}
	if f, ok := r.faults.strike(CloseAfter, cmd); ok {
		d.data, d.closes = d.data[:min(f.N, len(d.data))], true
	}
	_, d.mute = r.faults.strike(LoseAnswer, cmd)
	_, d.powerOff = r.faults.strike(PowerAfterAnswer, cmd)
	return d
}

func (r *Register) delayed(cmd frame.Command) time.Duration {
	r.Mu.Lock()
	defer r.Mu.Unlock()
	f, _ := r.faults.strike(LateRequest, cmd)
	return f.For
}
