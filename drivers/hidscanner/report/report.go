// Package report reads and writes the input reports of scanners in HID POS mode, and learns their layout
// from the report descriptor. It is pure.
//
// What will bite: a code longer than a report comes in several, and the byte that says so is the report's
// last. Some makers put the AIM identifier one byte further on than others: the descriptor tells, and where
// none can be read the bracket of the identifier does.
//
// Sources: HID Point of Sale Usage Tables 1.02, page 8Ch; HID 1.11 section 6.2.2 for descriptors; manuals of
// Access-IS for the layout of 64 bytes.
package report

import (
	"errors"
	"fmt"
)

// aimBytes is "]", a letter for the family, a character for its variant.
const aimBytes = 3

// Layout is where the parts of an input report stand, in bytes from the report's first, which is its number
// where it has one.
type Layout struct {
	ID      byte // number of the report; zero: reports carry none
	Size    int  // of a whole report
	Count   int  // the byte that says how many data bytes are in this report
	AIM     int  // three bytes of the identifier; zero: there is no place for one
	Data    int
	DataMax int
	More    int  // the byte that says that the code goes on in the next report
	MoreBit byte // and the bit in it
	Learned bool // from the device's descriptor; else the identifier's place is looked for in each report
}

// Usual is the layout that most makers use.
var Usual = Layout{ID: 2, Size: 64, Count: 1, AIM: 2, Data: 5, DataMax: 56, More: 63, MoreBit: 1}

// Shifted is the layout of makers who leave a byte before the identifier.
var Shifted = Layout{ID: 2, Size: 64, Count: 1, AIM: 3, Data: 6, DataMax: 56, More: 63, MoreBit: 1}

var (
	// ErrOther is returned for reports that carry no code: answers to settings, states.
	ErrOther = errors.New("a report of another kind")
	// ErrReport is wrapped when a report cannot be what it says.
	ErrReport = errors.New("broken report")
	// ErrDescriptor is wrapped when a descriptor describes no scanner.
	ErrDescriptor = errors.New("the device is no scanner in HID POS mode")
)

// Part is what one report holds.
type Part struct {
	AIM  string // empty where the scanner sends none
	Data []byte // not copied
	More bool   // the code goes on
}

// Parse takes a report apart.
func (l Layout) Parse(b []byte) (Part, error) {
	if l.ID != 0 && (len(b) == 0 || b[0] != l.ID) {
		return Part{}, ErrOther
	}
	if len(b) < l.Size {
		return Part{}, fmt.Errorf("%w: %d bytes, want %d", ErrReport, len(b), l.Size)
	}
	at, data := l.AIM, l.Data
	// A place before the bracket means the layout that leaves a byte free.
	if !l.Learned && b[at] != ']' && b[at+1] == ']' {
		at, data = at+1, data+1
	}
	n := int(b[l.Count])
	if n > l.DataMax || data+n > len(b) {
		return Part{}, fmt.Errorf("%w: it says that it holds %d bytes, at most %d fit", ErrReport, n, l.DataMax)
	}
	p := Part{Data: b[data : data+n], More: b[l.More]&l.MoreBit != 0}
	if at > 0 && b[at] == ']' {
		p.AIM = string(b[at : at+aimBytes])
	}
	return p, nil
}

// Split puts a code into reports, as a scanner does. It is for devices in software.
func (l Layout) Split(aim string, code []byte) [][]byte {
	var all [][]byte
	for {
		n := min(len(code), l.DataMax)
		b := make([]byte, l.Size)
		if l.ID != 0 {
			b[0] = l.ID
		}
		b[l.Count] = byte(n)
		if l.AIM > 0 {
			copy(b[l.AIM:l.AIM+aimBytes], aim)
		}
		copy(b[l.Data:], code[:n])
		if code = code[n:]; len(code) > 0 {
			b[l.More] |= l.MoreBit
		}
		all = append(all, b)
		if len(code) == 0 {
			return all
		}
	}
}

// codeMax bounds what is joined: the longest code of a shop is far shorter, and a scanner that never says
// that a code has ended must not fill the memory.
const codeMax = 4096

// Message is a whole code.
type Message struct {
	AIM  string
	Data []byte
	Long bool // only the beginning: the rest was dropped
	Cut  bool // the end never came
}

// Joiner puts the parts of codes together. The zero value waits for the first part.
type Joiner struct {
	open bool
	now  Message
}

// Add takes a part. It gives the code that this part ends, and before it a code that can no longer be ended.
func (j *Joiner) Add(p Part) (done []Message) {
	if j.open && p.AIM != j.now.AIM {
		done = append(done, j.End()...) // another code has begun: a report was lost
	}
	if !j.open {
		j.open, j.now = true, Message{AIM: p.AIM}
	}
	if len(j.now.Data)+len(p.Data) > codeMax {
		j.now.Long = true
	} else {
		j.now.Data = append(j.now.Data, p.Data...)
	}
	if p.More {
		return done
	}
	j.open = false
	return append(done, j.now)
}

// Open tells whether a code waits for its next part.
func (j *Joiner) Open() bool { return j.open }

// End gives up the code that waits: its next part did not come.
func (j *Joiner) End() []Message {
	if !j.open {
		return nil
	}
	j.open, j.now.Cut = false, true
	return []Message{j.now}
}
