package shtrih

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/kopilka/kopilka/drivers/shtrih/frame"
)

// FaultKind names what goes wrong.
type FaultKind string

// The faults. N means a byte, a line or a count, as each says.
const (
	DropByte         FaultKind = "drop byte"      // byte N never arrives
	RepeatByte       FaultKind = "repeat byte"    // byte N arrives twice
	CorruptByte      FaultKind = "corrupt byte"   // byte N arrives changed by Mask
	DelayByte        FaultKind = "delay byte"     // byte N and what follows come For later
	CloseAfter       FaultKind = "close after"    // N bytes arrive, then the link closes
	LoseAnswer       FaultKind = "lose answer"    // the answer does not arrive; ENQ can still fetch it
	ForgetAnswer     FaultKind = "forget answer"  // the answer does not arrive and nothing is kept
	LateAnswer       FaultKind = "late answer"    // the answer comes just before the next command's answer
	SlowAnswer       FaultKind = "slow answer"    // the work is done at once, the answer takes For
	NAKStorm         FaultKind = "nak storm"      // the frame is refused as if its checksum were wrong
	NoiseFF          FaultKind = "noise"          // N bytes FFh before the reply to ENQ
	Busy             FaultKind = "busy"           // work is refused with 50h for For
	ClockJump        FaultKind = "clock jump"     // the register's clock moves by For
	PaperOutAtLine   FaultKind = "paper out"      // N lines print, then the paper ends
	PowerOutAtLine   FaultKind = "power out"      // N lines print, then the power goes
	PowerBeforeWrite FaultKind = "power before"   // the power goes before the document is signed
	PowerAfterWrite  FaultKind = "power after"    // it goes between signing and answering
	PowerAfterAnswer FaultKind = "power answered" // it goes when the last byte of the answer has left
)

// Direction is which way bytes run.
type Direction uint8

// The directions.
const (
	ToDevice Direction = 1
	ToHost   Direction = 2
)

// Fault is one thing to go wrong. It waits until its moment comes, and then happens Times times.
type Fault struct {
	Kind FaultKind
	// Command makes the fault wait for a command, and count bytes inside its frame. The command of a
	// frame to the device is known only once its code has arrived: a smaller N means that byte. Zero
	// is any command, and counts every byte of the direction from the moment of Inject.
	Command frame.Cmd
	Dir     Direction
	N       int
	Times   int           // zero is once
	For     time.Duration //
	Mask    byte          // what CorruptByte flips; zero flips the lowest bit
}

// String is the fault in a log.
func (f Fault) String() string {
	s := fmt.Sprintf("%s n=%d", f.Kind, f.N)
	if f.Command != 0 {
		s += " in " + f.Command.String()
	}
	if f.Dir == ToDevice {
		s += " to the device"
	}
	return s
}

type armed struct {
	Fault
	left int
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

// fire notes that a fault happened and disarms it after its last time.
func (f *faults) fire(a *armed) {
	f.fired = append(f.fired, a.Fault)
	a.seen = 0
	if a.left--; a.left <= 0 {
		f.armed = slices.DeleteFunc(f.armed, func(x *armed) bool { return x == a })
	}
}

// strike fires the first armed fault of a kind that this command meets.
func (f *faults) strike(kind FaultKind, code frame.Cmd) (Fault, bool) {
	for _, a := range f.armed {
		if a.Kind == kind && (a.Command == 0 || a.Command == code) {
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
	if f.Dir == 0 {
		f.Dir = ToHost
	}
	if f.Mask == 0 {
		f.Mask = 1
	}
	r.faults.armed = append(r.faults.armed, &armed{Fault: f, left: max(f.Times, 1)})
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

// RandomFault draws a fault for a simulation; the same generator gives the same faults.
func RandomFault(rng *rand.Rand, commands ...frame.Cmd) Fault {
	kinds := []FaultKind{
		DropByte, RepeatByte, CorruptByte, DelayByte, CloseAfter, LoseAnswer, ForgetAnswer, LateAnswer, SlowAnswer,
		NAKStorm, NoiseFF, Busy, PaperOutAtLine, PowerOutAtLine, PowerBeforeWrite, PowerAfterWrite, PowerAfterAnswer,
	}
	f := Fault{
		Kind: kinds[rng.IntN(len(kinds))], Dir: Direction(1 + rng.IntN(2)), N: rng.IntN(24),
		For: time.Duration(1+rng.IntN(40)) * time.Second, Mask: byte(1 + rng.IntN(255)),
	}
	if len(commands) > 0 {
		f.Command = commands[rng.IntN(len(commands))]
	}
	return f
}

// before lets the faults happen that come before a command is looked at.
func (r *Register) before(code frame.Cmd) {
	if f, ok := r.faults.strike(Busy, code); ok {
		r.busy = r.opt.Now().Add(f.For)
	}
	if f, ok := r.faults.strike(ClockJump, code); ok {
		r.jump(f.For)
	}
}

// cutFault is the storage's question whether the power goes now.
func (r *Register) cutFault(code frame.Cmd) func(after bool) bool {
	return func(after bool) bool { return r.cutHere(code, after) }
}

func (r *Register) cutHere(code frame.Cmd, after bool) bool {
	kind := PowerBeforeWrite
	if after {
		kind = PowerAfterWrite
	}
	_, struck := r.faults.strike(kind, code)
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

// piece is bytes on their way, what they wait for, and what happens behind them.
type piece struct {
	data     []byte
	wait     time.Duration
	cut      bool // the link closes behind them
	powerOff bool
}

// wire sends bytes through the faults of one direction. Code is the command whose frame they are, from
// its byte at; zero for control bytes and noise. End says that the frame's last byte is among them.
func (r *Register) wire(dir Direction, code frame.Cmd, at int, data []byte, end bool) []piece {
	r.Mu.Lock()
	defer r.Mu.Unlock()
	pieces := []piece{{}}
	for i, b := range data {
		var cut bool
		if pieces, cut = r.faults.pass(pieces, dir, code, at+i, b); cut {
			return pieces
		}
	}
	if end && code != 0 {
		r.faults.atEnd(pieces, dir, code, at+len(data))
	}
	return pieces
}

// atEnd closes a link after the whole frame of a command.
func (f *faults) atEnd(pieces []piece, dir Direction, code frame.Cmd, length int) {
	for _, a := range f.armed {
		if a.Kind == CloseAfter && a.Dir == dir && a.Command == code && a.N >= length {
			f.fire(a)
			pieces[len(pieces)-1].cut = true
			return
		}
	}
}

func (f *faults) pass(pieces []piece, dir Direction, code frame.Cmd, at int, b byte) (out []piece, cut bool) {
	last := &pieces[len(pieces)-1]
	a := f.meets(dir, code, at)
	if a == nil {
		last.data = append(last.data, b)
		return pieces, false
	}
	f.fire(a)
	switch a.Kind {
	case RepeatByte:
		last.data = append(last.data, b, b)
	case CorruptByte:
		last.data = append(last.data, b^a.Mask)
	case DelayByte:
		return append(pieces, piece{data: []byte{b}, wait: a.For}), false
	case CloseAfter:
		last.cut = true
		return pieces, true
	}
	return pieces, false // DropByte
}

// meets counts a byte and finds the fault that takes it.
func (f *faults) meets(dir Direction, code frame.Cmd, at int) *armed {
	var hit *armed
	for _, a := range f.armed {
		switch a.Kind {
		case DropByte, RepeatByte, CorruptByte, DelayByte, CloseAfter:
		default:
			continue
		}
		if a.Dir != dir || a.Command != 0 && a.Command != code {
			continue
		}
		reached := a.seen == a.N
		if a.Command != 0 {
			reached = at == a.N || dir == ToDevice && a.seen == 0 && at > a.N
		}
		a.seen++
		if reached && hit == nil {
			hit = a
		}
	}
	return hit
}
