// Package escpos is a receipt printer in software that speaks ESC/POS: it takes the bytes of a slip, prints them
// on paper that tests and people can look at, and tells how it is when asked.
//
// What will bite a driver here bites it on a counter: real-time requests are answered from inside a picture,
// as they are on hardware; GS r is answered only when all before it is printed; paper, cover and cutter stop it in
// the middle of a slip and it goes on with the rest when they are mended; its buffer is small.
package escpos

import (
	"sync"
	"time"

	"github.com/kopilka/kopilka/drivers/escpos/command"
	"golang.org/x/text/encoding/charmap"
)

const (
	// BufferDefault is what the smaller Epsons and most clones have.
	BufferDefault = 4096
	// columnsDefault and dotsDefault are font A on 80 mm paper.
	columnsDefault = 48
	dotsDefault    = 576
	// dotsLine is how high a line of text is, so that pictures end the paper too.
	dotsLine = 24
)

// Options are what the printer is. The zero value is an obedient printer on 80 mm paper.
type Options struct {
	Columns   int                       // plain characters of a line; 0: 48
	Dots      int                       // dots of a line; 0: 576
	CodePages map[byte]*charmap.Charmap // by the number of ESC t; nil: Epson's
	Chinese   bool                      // switched on in Chinese mode, as many clones are
	Buffer    int                       // bytes it keeps while it prints; 0: 4096
	Drops     bool                      // loses what does not fit in the buffer, as on a line without flow control
	LineTime  time.Duration             // one line takes this long; 0: none
	Model     string                    // answers to GS I; empty: it does not know GS I
	Mute      bool                      // answers nothing, as a printer on a one-way cable
	NoBarrier bool                      // does not know GS r
	NoProcess bool                      // does not know GS ( H
	NoQR      bool                      // does not know GS ( k
	// StatusBack leaves automatic status on until it is switched off, as a printer's switches may.
	StatusBack bool
	Now        func() time.Time // nil: time.Now
}

// CodePagesEpson are the pages of Epson's printers that a Russian shop may meet.
var CodePagesEpson = map[byte]*charmap.Charmap{
	0: charmap.CodePage437, 2: charmap.CodePage850, 16: charmap.Windows1252, 17: charmap.CodePage866, 46: charmap.Windows1251,
}

// Printer is one printer. All methods may be called from any goroutine.
type Printer struct {
	opt Options

	mu     sync.Mutex // guards what follows; never held while bytes move
	buffer command.Decoder
	free   time.Time // when the mechanism is done with what it prints
	head   head
	paper  []Item
	pulses []int // pins of the drawer, in order
	lost   int   // bytes that found the buffer full
	back   bool  // automatic status is on
	trouble
	link *link // the cable; nil while nobody is connected
}

// New makes a printer that is switched on and has paper.
func New(o Options) *Printer {
	if o.Columns == 0 {
		o.Columns = columnsDefault
	}
	if o.Dots == 0 {
		o.Dots = dotsDefault
	}
	if o.CodePages == nil {
		o.CodePages = CodePagesEpson
	}
	if o.Buffer == 0 {
		o.Buffer = BufferDefault
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	p := &Printer{opt: o, back: o.StatusBack}
	p.head.init(o)
	return p
}

// Paper is everything printed so far.
func (p *Printer) Paper() []Item {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.work()
	return append([]Item(nil), p.paper...)
}

// Pulses are the pins that the drawer was opened by, in order.
func (p *Printer) Pulses() []int {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.work()
	return append([]int(nil), p.pulses...)
}

// Lost is how many bytes came while the buffer was full and were dropped.
func (p *Printer) Lost() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.lost
}

// Waiting is how many bytes were taken and not yet worked on.
func (p *Printer) Waiting() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.work()
	return p.buffer.Len()
}

// Tear takes the paper away; what is being printed goes on on a new strip.
func (p *Printer) Tear() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.work()
	p.paper = nil
}

// work prints what time and faults allow. Time passes only when somebody looks.
func (p *Printer) work() {
	now := p.opt.Now()
	for p.trouble.now == None && !p.dark && !p.free.After(now) {
		c, ok := p.buffer.Next()
		if !ok {
			return
		}
		if p.free.IsZero() {
			p.free = now
		}
		p.execute(c)
	}
}

// take is bytes arriving. It tells how many were taken: all, unless the buffer is full and nothing is dropped.
func (p *Printer) take(b []byte, w *command.Watch) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.buffer.Len() == 0 {
		p.free = later(p.free, p.opt.Now())
	}
	for i := range b {
		if p.buffer.Len() >= p.opt.Buffer {
			p.work()
		}
		full := p.full()
		if full && !p.opt.Drops {
			return i
		}
		if r, ok := w.Next(b[i]); ok {
			p.atOnce(r)
		}
		if full {
			p.lost++
			continue
		}
		p.buffer.Write(b[i : i+1])
		if p.dark {
			return i + 1
		}
	}
	p.work()
	return len(b)
}

// full tells that no byte more fits. The rest of a command that is under way goes to the print head as it comes.
func (p *Printer) full() bool {
	if p.buffer.Len() < p.opt.Buffer {
		return false
	}
	idle := p.trouble.now == None && !p.free.After(p.opt.Now())
	return !idle || p.buffer.Ready()
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// due is when work can go on; zero when nothing waits or something must be mended first.
func (p *Printer) due() time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.work()
	if p.trouble.now != None || p.dark || p.buffer.Len() == 0 || !p.free.After(p.opt.Now()) {
		return time.Time{}
	}
	return p.free
}

// atOnce answers a real-time request, wherever it stood.
func (p *Printer) atOnce(r command.Request) {
	switch {
	case p.dark:
	case r.Status() && len(r.Args) == 1 && r.Args[0] >= 1 && r.Args[0] <= 4:
		p.work() // what time has allowed is printed before the answer
		p.answer([]byte{p.status()[r.Args[0]-1]})
	case r.Pulse() && len(r.Args) == 3:
		p.pulse(r.Args[1])
	}
}

func (p *Printer) pulse(m byte) {
	pin := 2
	if m == 1 || m == '1' {
		pin = 5
	}
	p.pulses = append(p.pulses, pin)
}

func (p *Printer) answer(b []byte) {
	if p.link != nil && !p.opt.Mute {
		p.link.say(b)
	}
}

// status is the four bytes of 10h 04h.
func (p *Printer) status() (s command.Status) {
	t := p.trouble.now
	s.Set(t != None, t == CoverOpen, t == PaperOut, p.near || t == PaperOut, t == CutterJam)
	return s
}
