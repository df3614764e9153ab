package escpos

// Trouble is what stops a printer.
type Trouble uint8

// The troubles.
const (
	None      Trouble = iota
	PaperOut          // the roll has ended
	CoverOpen         //
	CutterJam         //
	PowerCut          // the buffer is lost, connections close
)

// trouble is what is the matter and what is going to be.
type trouble struct {
	now   Trouble
	dark  bool // without power
	near  bool // the roll is near its end
	plan  Trouble
	after int // lines to print before the plan comes true
}

// Arrange makes something go wrong after so many more lines; a jam of the cutter waits for the next cut and
// counts no lines.
func (p *Printer) Arrange(t Trouble, lines int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.work()
	p.plan, p.after = t, lines
	if t != CutterJam && lines == 0 {
		p.happen()
	}
}

// happen lets the plan come true.
func (p *Printer) happen() {
	t := p.plan
	p.plan = None
	if t == PowerCut {
		p.goDark()
		return
	}
	p.trouble.now = t
	p.tell()
}

// line counts one line of paper.
func (p *Printer) line() {
	p.free = p.free.Add(p.opt.LineTime)
	if p.plan == None || p.plan == CutterJam {
		return
	}
	if p.after--; p.after <= 0 {
		p.happen()
	}
}

// jams tells whether a cut meets its planned jam.
func (p *Printer) jams() bool {
	if p.plan != CutterJam {
		return false
	}
	p.happen()
	return true
}

// Mend puts paper in, closes the cover, frees the cutter and switches the power on. What waits is printed.
func (p *Printer) Mend() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.plan, p.trouble.now, p.dark = None, None, false
	p.free = later(p.free, p.opt.Now())
	p.tell()
	p.work()
	if p.link != nil {
		p.link.poke()
	}
}

// NearEnd says that the roll is near its end, or is not.
func (p *Printer) NearEnd(near bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.near = near
	p.tell()
}

// goDark loses what a printer without power loses.
func (p *Printer) goDark() {
	p.dark = true
	p.buffer.Reset()
	p.head.init(p.opt)
	p.back = p.opt.StatusBack
	if p.link != nil {
		p.link.drop()
	}
}

// tell sends automatic status, where it is on: four bytes for each change.
func (p *Printer) tell() {
	if !p.back || p.dark {
		return
	}
	s := p.status()
	first := byte(0x10)
	if s.Offline() {
		first |= 0x08
	}
	if s.Cover() {
		first |= 0x20
	}
	second := byte(0)
	if s.Cutter() {
		second |= 0x08
	}
	third := byte(0)
	if s.PaperNear() {
		third |= 0x03
	}
	if s.PaperEnd() {
		third |= 0x0C
	}
	p.answer([]byte{first, second, third, 0})
}
