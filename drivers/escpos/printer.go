// Package escpos prints slips, which are no fiscal documents, on receipt printers that speak ESC/POS: copies,
// vouchers, certificates; and opens the drawer behind such a printer.
//
// What will bite: a printer takes bytes without paper, and a USB cable takes them with the printer switched off.
// So a slip counts as printed only when the printer has answered a question that stands behind it (setting
// barrier); with barrier off nobody knows, and an error-free PrintSlip means only that the bytes are gone. A slip
// that stopped half way is not repeated: the printer may print the rest when paper is put in, so the error is
// OutcomeUnknown, and a person looks. What a slip says is never put into errors.
//
// Sources: public command manuals, and capability tables for the code pages; what is uncertain is in DESIGN.md.
package escpos

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/kopilka/kopilka/drivers"
	"github.com/kopilka/kopilka/drivers/escpos/command"
	"github.com/kopilka/kopilka/drivers/port"
)

const (
	// statusWait is for a status byte of an idle printer.
	statusWait = 1500 * time.Millisecond
	// statusWaitBusy is the same behind two windows that still lie in the system's buffer, at 4800 baud.
	statusWaitBusy = 10 * time.Second
	// staleWait is for leftovers of another program; a serial port is no finer.
	staleWait = 100 * time.Millisecond
	// pollEvery is how long a window may take before the printer is asked whether it stands still.
	pollEvery = time.Second
	// windowMaxWait is for two windows of text on a slow impact printer, twice over.
	windowMaxWait = 60 * time.Second
	// askWait is for the answer of a printer that does nothing; barrierWait of one that prints what it still has.
	askWait     = 2 * time.Second
	barrierWait = 10 * time.Second
	// headMax zeros end any head of a command that an earlier connection has left unfinished, before other bytes
	// can make a length of it that nothing ever fills.
	headMax = 16
	// settleQuiet ends the answers on a line that was at rest; settleQuietOwed those of an earlier slip: between
	// two of them lies at most one window of printing.
	settleQuiet     = 300 * time.Millisecond
	settleQuietOwed = 3 * time.Second
	// windowsAhead keeps the head busy: while one window prints the next arrives.
	windowsAhead = 2
	// redialAfter is how long a connection is believed in to a printer that says nothing: a dead one takes a slip
	// without a word, and a new one shows at least what cannot be dialled. The last slip has left the system's buffer.
	redialAfter = 30 * time.Second
	// probeMax bounds Probe; probeWait each question.
	probeMax  = 2 * time.Second
	probeWait = 350 * time.Millisecond
)

// Printer is one receipt printer, owned by one goroutine. The first call dials; after a failure of the link the
// next call dials anew.
type Printer struct {
	name string
	dial port.Dial
	opts options

	line   *line
	astray bool // answers of an earlier slip may still come
	owed   int  // how many, of connections that are gone
	torn   bool // the last connection broke, perhaps inside a command
	asked  uint32
}

// New makes a driver of settings as they stand in the config; see [Settings]. Nothing is dialled yet.
func New(name string, dial port.Dial, settings map[string]string) (drivers.SlipPrinter, error) {
	opts, err := parse(settings)
	if err != nil {
		return nil, fmt.Errorf("receipt printer %s: %w", name, err)
	}
	// Numbers begin where no earlier run of this program has left any that may still be answered.
	return &Printer{name: name, dial: dial, opts: opts, astray: true, asked: uint32(time.Now().UnixMilli())}, nil
}

// Width is how many plain characters a line holds.
func (p *Printer) Width() int { return p.opts.columns }

// Close lets go of the printer.
func (p *Printer) Close() error {
	if p.line == nil {
		return nil
	}
	err := p.line.conn.Close()
	p.line = nil
	if err != nil {
		return fmt.Errorf("close receipt printer %s: %w", p.name, err)
	}
	return nil
}

// Status reads paper, cover and faults. A printer set to status off has none: nil and the zero Status mean only that
// it could be dialled.
func (p *Printer) Status(ctx context.Context) (drivers.Status, error) {
	if !p.opts.status {
		if err := p.connect(ctx); err != nil {
			return drivers.Status{}, p.report("read status", notDone(err))
		}
		return drivers.Status{}, nil
	}
	s, err := p.look(ctx)
	if err != nil {
		return drivers.Status{}, p.report("read status", notDone(err))
	}
	return drivers.Status{Conditions: conditions(s), Mode: fmt.Sprintf("% X", s[:])}, nil
}

func conditions(s command.Status) (c drivers.Condition) {
	set := func(on bool, what drivers.Condition) {
		if on {
			c |= what
		}
	}
	set(s.PaperEnd(), drivers.PaperOut)
	set(s.PaperNear() && !s.PaperEnd(), drivers.PaperNear)
	set(s.Cover(), drivers.CoverOpen)
	set(s.Cutter() || s.Broken(), drivers.Fault)
	return c
}

// PrintSlip prints and cuts. Without an error the printer has said that all of it was worked on; with barrier
// off it says nothing, and the slip was only sent. An error whose outcome is OutcomeNotDone means that not a dot
// was printed; after any other a part may be on paper, and the printer may print the rest by itself.
func (p *Printer) PrintSlip(ctx context.Context, s drivers.Slip) error {
	pieces, err := compose(s, p.opts)
	if err == nil {
		err = p.print(ctx, pieces)
	}
	return p.report("print slip", err)
}

// TestPage prints every candidate code page with its number: the person who sees which line is right writes that
// number into the settings.
func (p *Printer) TestPage(ctx context.Context) error {
	return p.report("print test page", p.print(ctx, testPieces(p.opts)))
}

// OpenDrawer sends one pulse, never a second one. A printer that stands still is asked for nothing: it would
// open the drawer later, with nobody before it.
func (p *Printer) OpenDrawer(ctx context.Context) error {
	var s command.Script
	s.Pulse(p.opts.pin, int(p.opts.pulse.Milliseconds()), pulsePauseMs)
	return p.report("open drawer", p.print(ctx, [][]byte{s.Bytes()}))
}

// print sends pieces to a printer that is ready.
func (p *Printer) print(ctx context.Context, pieces [][]byte) error {
	if err := p.ready(ctx); err != nil {
		return notDone(err)
	}
	defer p.line.interruptible(ctx)()
	if p.torn && p.opts.barrier == barrierOff {
		pieces = append([][]byte{make([]byte, max(p.opts.window, command.QRBytesMax))}, pieces...) // see settle
	}
	p.torn = false
	err := p.stream(ctx, pieces)
	if err == nil {
		if !p.opts.status {
			p.line.stirred = time.Now()
		}
		return nil
	}
	p.astray = true
	var stop *drivers.Error
	if !errors.As(err, &stop) { // the link failed, not the printer
		p.torn = true
		p.hangUp()
	}
	return err
}

// ready connects and sees that the printer prints.
func (p *Printer) ready(ctx context.Context) error {
	if !p.opts.status {
		if p.line != nil && time.Since(p.line.stirred) > redialAfter {
			p.hangUp()
		}
		return p.connect(ctx)
	}
	s, err := p.look(ctx)
	if err != nil {
		return err
	}
	if stop := stopped(s, false); stop != nil {
		return stop
	}
	if p.astray && p.opts.barrier != barrierOff {
		defer p.line.interruptible(ctx)()
		if err := p.settle(ctx); err != nil {
			return err
		}
	}
	p.astray = false
	return nil
}

// look reads the status. A connection that was idle may be gone without a word, so it is dialled anew once.
func (p *Printer) look(ctx context.Context) (command.Status, error) {
	kept := p.line != nil
	s, err := p.lookOnce(ctx)
	if err != nil && kept && ctx.Err() == nil {
		s, err = p.lookOnce(ctx)
	}
	return s, err
}

func (p *Printer) lookOnce(ctx context.Context) (command.Status, error) {
	if err := p.connect(ctx); err != nil {
		return command.Status{}, err
	}
	defer p.line.interruptible(ctx)()
	s, err := p.line.status(ctx, statusWait)
	if err != nil {
		p.hangUp()
		return s, err
	}
	if stopped(s, false) != nil {
		p.line.stirred = time.Now()
	}
	return s, nil
}

func (p *Printer) connect(ctx context.Context) error {
	if p.line != nil {
		return nil
	}
	conn, err := p.dial(ctx)
	if err != nil {
		return err
	}
	p.line, p.astray = &line{conn: conn, owed: p.owed, stirred: time.Now()}, true
	p.owed = 0
	if !p.opts.status {
		return nil
	}
	defer p.line.interruptible(ctx)()
	err = p.line.write(ctx, make([]byte, headMax))
	if err == nil {
		err = p.line.forget(ctx)
	}
	if err != nil {
		p.hangUp()
	}
	return err
}

// hangUp drops a connection that failed.
func (p *Printer) hangUp() {
	if p.line != nil {
		p.owed, p.astray = p.line.owed, true
		_ = p.line.conn.Close() // the failure that led here is the one to report
		p.line = nil
	}
}

// settle finds the printer at the beginning of a command and waits until no answer of an earlier slip can be
// taken for one of the next. A cable that was cut may have left it inside a picture, where it eats what comes:
// so where the question is not answered it is filled with zeros, which mean nothing outside.
func (p *Printer) settle(ctx context.Context) error {
	restless := p.line.owed > 0 || time.Since(p.line.stirred) < settleQuietOwed
	err := p.ask(ctx, 0, askWait)
	if errors.Is(err, errSilent) {
		err = p.ask(ctx, max(p.opts.window, command.QRBytesMax), barrierWait)
	}
	if err == nil && p.opts.barrier == barrierQueued {
		err = p.line.quieten(ctx, restless)
	}
	switch {
	case err == nil:
		return nil
	case errors.Is(err, errSilent):
		return failure(drivers.FailConfig, hintBarrier, errors.New("no answer to the question whether it has printed"))
	}
	p.hangUp()
	return err
}

// ask puts one question behind so many zeros.
func (p *Printer) ask(ctx context.Context, zeros int, wait time.Duration) error {
	var quiet command.Script
	quiet.Quiet()
	m, question := p.mark()
	p.line.queued = nil
	if err := p.line.write(ctx, slices.Concat(make([]byte, zeros), quiet.Bytes(), question)); err != nil {
		return err
	}
	return p.line.until(ctx, time.Now().Add(wait), func() bool { return p.line.answered(m) })
}

// quieten reads the answers to GS r that are still to come: they carry no numbers, so a silence is awaited that is
// longer than lies between two of them. An earlier run of this program may have left some that nobody counted;
// only on a line that has long been at rest are there none, and a moment is enough.
func (l *line) quieten(ctx context.Context, restless bool) error {
	quiet := settleQuiet
	if restless {
		quiet = settleQuietOwed
	}
	var err error
	for err == nil {
		err = l.read(ctx, time.Now().Add(quiet))
	}
	if !errors.Is(err, errSilent) {
		return err
	}
	l.owed, l.queued = 0, nil
	return nil
}

// Probe asks whether an ESC/POS printer is at the other end, and who it is. It sends real-time requests, which
// other devices take for noise, and only to a printer that is on-line the question for its name.
func Probe(ctx context.Context, dial port.Dial) (drivers.Identity, error) {
	ctx, cancel := context.WithTimeout(ctx, probeMax)
	defer cancel()
	conn, err := dial(ctx)
	if err != nil {
		return drivers.Identity{}, fmt.Errorf("probe for ESC/POS: %w", err)
	}
	l := &line{conn: conn}
	stop := l.interruptible(ctx)
	id, err := l.identify(ctx)
	stop()
	if err = errors.Join(err, conn.Close()); err != nil {
		return drivers.Identity{}, fmt.Errorf("probe for ESC/POS: %w", err)
	}
	return id, nil
}

func (l *line) identify(ctx context.Context) (drivers.Identity, error) {
	if err := l.forget(ctx); err != nil {
		return drivers.Identity{}, err
	}
	s, err := l.status(ctx, probeWait)
	if err != nil {
		return drivers.Identity{}, err
	}
	id := drivers.Identity{Model: "ESC/POS"}
	if s.Offline() {
		return id, nil
	}
	for i, into := range []*string{&id.Model, &id.Firmware, &id.Serial} {
		var ask command.Script
		ask.Info([]byte{67, 65, 68}[i])
		l.info = nil
		if err := l.write(ctx, ask.Bytes()); err != nil {
			return id, nil //nolint:nilerr // it is a printer; who made it is a courtesy
		}
		if err := l.until(ctx, time.Now().Add(probeWait/2), func() bool { return len(l.info) > 0 }); err != nil {
			return id, nil //nolint:nilerr // as above
		}
		*into = l.info[0]
	}
	return id, nil
}
