package pirit

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/kopilka/kopilka/drivers/pirit/frame"
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
	LoseAnswer       FaultKind = "lose answer"    // the answer does not arrive
	LateAnswer       FaultKind = "late answer"    // the answer comes just before the next command's answer
	SlowAnswer       FaultKind = "slow answer"    // the work is done at once, the answer takes For
	Busy             FaultKind = "busy"           // the work begins For later; ENQ is answered meanwhile
	Noise            FaultKind = "noise"          // N bytes FFh before the answer
	ClockJump        FaultKind = "clock jump"     // the register's clock moves by For
	DayPasses        FaultKind = "day passes"     // the shift grows 24 hours older
	PaperOutAtLine   FaultKind = "paper out"      // N lines print, then the paper ends
	PowerOutAtLine   FaultKind = "power out"      // N lines print, then the power goes
	PowerBeforeWrite FaultKind = "power before"   // the power goes before the document is signed
	PowerAfterWrite  FaultKind = "power after"    // it goes between signing and answering
	PowerAfterAnswer FaultKind = "power answered" // it goes when the last byte of the answer has left
)

// Kinds are all of them.
func Kinds() []FaultKind {
	return []FaultKind{
		DropByte, RepeatByte, CorruptByte, DelayByte, CloseAfter, LoseAnswer, LateAnswer, SlowAnswer, Busy, Noise, ClockJump,
		DayPasses, PaperOutAtLine, PowerOutAtLine, PowerBeforeWrite, PowerAfterWrite, PowerAfterAnswer,
	}
}

// Direction is which way bytes run.
type Direction uint8

// The directions.
const (
	ToDevice Direction = 1
	ToHost   Direction = 2
)

// Fault is one thing to go wrong, once.
type Fault struct {
	Kind FaultKind
	// Command makes the fault wait for a command and count bytes inside its frame, where Any is false. To the
	// device a command is known only once its code has arrived: a smaller N means that byte.
	Command frame.Cmd
	Any     bool // whatever the command; bytes count from the moment of Inject
	Dir     Direction
	N       int
	For     time.Duration
	Mask    byte // what CorruptByte flips; zero flips the lowest bit
}

// String is the fault in a log.
func (f Fault) String() string {
	s := fmt.Sprintf("%s n=%d", f.Kind, f.N)
	if !f.Any {
		s += " in " + f.Command.String()
	}
	if f.Dir == ToDevice {
		s += " to the device"
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

func (f *faults) arm(fault Fault) {
	if fault.Dir == 0 {
		fault.Dir = ToHost
	}
	if fault.Mask == 0 {
		fault.Mask = 1
	}
	f.armed = append(f.armed, &armed{Fault: fault})
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
func (f *faults) strike(kind FaultKind, cmd frame.Cmd) (Fault, bool) {
	for _, a := range f.armed {
		if a.Kind == kind && (a.Any || a.Command == cmd) {
			f.fire(a)
			return a.Fault, true
		}
	}
	return Fault{}, false
}

// RandomFault draws a fault for a simulation; the same generator gives the same faults.
func RandomFault(rng *rand.Rand, commands ...frame.Cmd) Fault {
	kinds := Kinds()
	f := Fault{
		Kind: kinds[rng.IntN(len(kinds))], Dir: Direction(1 + rng.IntN(2)), N: rng.IntN(24),
		For: time.Duration(1+rng.IntN(40)) * time.Second, Mask: byte(1 + rng.IntN(255)), Any: len(commands) == 0,
	}
	if len(commands) > 0 {
		f.Command = commands[rng.IntN(len(commands))]
	}
	return f
}

// before lets the faults happen that come before a command is looked at.
func (r *Register) before(cmd frame.Cmd) {
	if f, ok := r.faults.strike(ClockJump, cmd); ok {
		r.jump(f.For)
	}
	if _, ok := r.faults.strike(DayPasses, cmd); ok {
		r.pass(24 * time.Hour)
	}
}

// cutAt is the storage's question whether the power goes now.
func (r *Register) cutAt(cmd frame.Cmd) func(after bool) bool {
	return func(after bool) bool {
		kind := PowerBeforeWrite
		if after {
			kind = PowerAfterWrite
		}
		_, struck := r.faults.strike(kind, cmd)
		r.gone = r.gone || struck
		return struck
	}
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

// stretch is bytes of one direction, and which frame they belong to.
type stretch struct {
	dir   Direction
	cmd   frame.Cmd
	known bool // the command is known; else these are control bytes, noise, or a frame's beginning
	at    int  // of the first byte inside its frame
	end   bool // the frame's last byte is among them
}

// wire sends bytes through the faults of their direction.
func (r *Register) wire(s stretch, data []byte) []piece {
	r.Mu.Lock()
	defer r.Mu.Unlock()
	pieces := []piece{{}}
	for i, b := range data {
		here := s
		here.at += i
		var cut bool
		if pieces, cut = r.faults.pass(pieces, here, b); cut {
			return pieces
		}
	}
	if s.end && s.known {
		r.faults.atEnd(pieces, s, s.at+len(data))
	}
	return pieces
}

// atEnd closes a link after the whole frame of a command.
func (f *faults) atEnd(pieces []piece, s stretch, length int) {
	for _, a := range f.armed {
		if a.Kind == CloseAfter && a.Dir == s.dir && !a.Any && a.Command == s.cmd && a.N >= length {
			f.fire(a)
			pieces[len(pieces)-1].cut = true
			return
		}
	}
}

func (f *faults) pass(pieces []piece, s stretch, b byte) (out []piece, cut bool) {
	last := &pieces[len(pieces)-1]
	a := f.meets(s)
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
func (f *faults) meets(s stretch) *armed {
	var hit *armed
	for _, a := range f.armed {
		switch a.Kind {
		case DropByte, RepeatByte, CorruptByte, DelayByte, CloseAfter:
		default:
			continue
		}
		if a.Dir != s.dir || !a.Any && (!s.known || a.Command != s.cmd) {
			continue
		}
		reached := a.seen == a.N
		if !a.Any {
			reached = s.at == a.N || s.dir == ToDevice && a.seen == 0 && s.at > a.N
		}
		a.seen++
		if reached && hit == nil {
			hit = a
		}
	}
	return hit
}
