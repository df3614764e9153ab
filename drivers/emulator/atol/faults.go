package atol

import (
	"fmt"
	"slices"
	"time"

	"github.com/kopilka/kopilka/drivers/atol/task"
)

// FaultKind names what goes wrong.
type FaultKind string

// The faults of the way to the server. N counts HTTP requests from the moment of Inject; zero is the next one
// that the fault's Tasks and Method meet.
const (
	LoseRequest   FaultKind = "lose request"   // the request never reaches the server, the link closes
	LoseAnswer    FaultKind = "lose answer"    // the request is taken, the link closes without an answer
	CutAnswer     FaultKind = "cut answer"     // the link closes after Bytes bytes of the answer
	SlowAnswer    FaultKind = "slow answer"    // the answer takes For
	Conflict      FaultKind = "conflict"       // the request is taken and answered 409
	ServerFailure FaultKind = "server failure" // the request is taken and answered 500
	RestartBefore FaultKind = "restart before" // the server dies before it has stored the request; Keep its queue
	RestartAfter  FaultKind = "restart after"  // it dies when the request is done, before the answer
)

// The faults of server, device and their cable.
const (
	Busy             FaultKind = "busy"           // the task stays in the queue for For
	LinkBeforeWrite  FaultKind = "link before"    // the cable goes before the document is signed
	LinkAfterWrite   FaultKind = "link after"     // it goes between signing and answering
	PowerBeforeWrite FaultKind = "power before"   // the device's power goes before the document is signed
	PowerAfterWrite  FaultKind = "power after"    // it goes between signing and answering
	StorageSilent    FaultKind = "storage silent" // the document is signed, and the register does not hear of it: error 140
	PaperOutAtLine   FaultKind = "paper out"      // N lines print, then the paper ends
	PowerOutAtLine   FaultKind = "power out"      // N lines print, then the power goes
	ClockJump        FaultKind = "clock jump"     // the register's clock moves by For
)

// Fault is one thing to go wrong, once.
type Fault struct {
	Kind   FaultKind
	Tasks  []task.Type // only in a request with one of these tasks; empty: in any
	Method string      // only with this HTTP method; empty: with any
	N      int
	Bytes  int
	For    time.Duration
	Keep   bool // the queue survives a restart
}

// String is the fault in a log.
func (f Fault) String() string {
	s := fmt.Sprintf("%s n=%d", f.Kind, f.N)
	for _, t := range f.Tasks {
		s += " in " + string(t)
	}
	if f.Method != "" {
		s += " at " + f.Method
	}
	return s
}

type armed struct {
	Fault
	seen int
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

// Inject arms a fault.
func (r *Register) Inject(f Fault) {
	r.Mu.Lock()
	defer r.Mu.Unlock()
	r.faults.armed = append(r.faults.armed, &armed{Fault: f})
	r.Notify()
}

// Disarm takes back every fault that has not happened.
func (r *Register) Disarm() {
	r.Mu.Lock()
	defer r.Mu.Unlock()
	r.faults.armed = nil
	r.Notify()
}

// Fired is what went wrong so far, in order: a test that armed a fault can see that it happened.
func (r *Register) Fired() []Fault {
	r.Mu.Lock()
	defer r.Mu.Unlock()
	return slices.Clone(r.faults.fired)
}

// onTheWay finds the fault that strikes an HTTP request. Each request is counted by every fault that it meets.
func (f *faults) onTheWay(method string, tasks []task.Task) (Fault, bool) {
	var hit *armed
	for _, a := range f.armed {
		switch a.Kind {
		case LoseRequest, LoseAnswer, CutAnswer, SlowAnswer, Conflict, ServerFailure, RestartBefore, RestartAfter:
		default:
			continue
		}
		if a.Method != "" && a.Method != method || !a.concerns(tasks...) {
			continue
		}
		if a.seen == a.N && hit == nil {
			hit = a
		}
		a.seen++
	}
	if hit == nil {
		return Fault{}, false
	}
	f.fire(hit)
	return hit.Fault, true
}

// concerns tells whether a request with these tasks is one that the fault waits for.
func (f Fault) concerns(tasks ...task.Task) bool {
	return len(f.Tasks) == 0 || slices.ContainsFunc(tasks, func(t task.Task) bool { return slices.Contains(f.Tasks, t.Type) })
}

// strike fires the first armed fault of a kind that this task meets.
func (f *faults) strike(kind FaultKind, t task.Type) (Fault, bool) {
	for _, a := range f.armed {
		if a.Kind == kind && a.concerns(task.Task{Type: t}) {
			f.fire(a)
			return a.Fault, true
		}
	}
	return Fault{}, false
}

// cut is the storage's question, around a write, whether device or cable goes now. A cable that goes after the
// write does the document no harm: only the server does not hear of it.
func (r *Register) cut(t task.Type, after bool) bool {
	power, link := PowerBeforeWrite, LinkBeforeWrite
	if after {
		power, link = PowerAfterWrite, LinkAfterWrite
	}
	if _, struck := r.faults.strike(power, t); struck {
		r.gone = true
		return true
	}
	if _, struck := r.faults.strike(link, t); struck {
		r.link = false
		return !after
	}
	return false
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
