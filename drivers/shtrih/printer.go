// Package shtrih drives the fiscal registers of SHTRIH-M and those that speak its protocol: it prints
// receipts and reports, and finds out what became of a document whose answer was lost.
//
// What will bite: a register may close a receipt and the answer may get lost. Everything before the
// close can be cancelled and is reported as not done; from the close on a loss is OutcomeUnknown, and
// this package then only reads. Error 50h (printing) is no failure, and neither is a receipt that is
// closed and lacks paper. VAT is the device's own table: firmware may turn 20 % into 22 % by itself.
// Buyers' contacts pass through here and are never put into errors.
//
// Sources: the vendor's protocol text 1.10 and public drivers; what is uncertain is in DESIGN.md.
package shtrih

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/kopilka/kopilka/drivers"
	"github.com/kopilka/kopilka/drivers/port"
	"github.com/kopilka/kopilka/drivers/shtrih/frame"
	"github.com/kopilka/kopilka/ledger/sale"
)

// How long commands may take, after the vendor's driver; closing a shift and opening one may wait for
// the fiscal storage, which renews its keys over the network.
const (
	answerWait      = 30 * time.Second
	answerWaitRead  = 5 * time.Second
	answerWaitZ     = 65 * time.Second
	answerWaitShift = 120 * time.Second
	// A storage signs a receipt in a second or two. Giving up early costs nothing, since the register is
	// asked what became of it; waiting long costs a queue of customers.
	answerWaitClose = 15 * time.Second
	// The marking system is asked through the operator of fiscal data.
	answerWaitMark = 40 * time.Second
	// busyPause is the vendor's; busyMax is a receipt of three hundred lines at 50 mm a second.
	busyPause = 333 * time.Millisecond
	busyMax   = 60 * time.Second
	// printPause and printMax: as above, but looking costs less than being refused.
	printPause = 100 * time.Millisecond
	printMax   = 60 * time.Second
	// cleanupMax bounds the cancelling of a document after a failure; nobody waits longer for an error.
	cleanupMax = 10 * time.Second
	// readTries is how often a command that only reads is tried.
	readTries = 3
	// probeWait is for the first answer of a device that is there; a serial port adds 100 ms.
	probeWait = time.Second
)

// Printer is one register. The first call dials; after a failure of the link the next call dials anew.
type Printer struct {
	name string
	dial port.Dial
	opts options

	link     link
	protocol protocol // what the device was found to speak
	model    *model   // what it can do; forgotten with the connection, since another device may answer next
	rates    map[sale.VAT]*drivers.Error
	probe    time.Duration
	marks    map[string]kept // codes that the storage holds for the next receipt; nil: not known
	hushed   bool            // the device was told not to print the next document
}

// New makes a driver of settings as they stand in the config; see [Settings]. Nothing is dialled yet.
func New(name string, dial port.Dial, settings map[string]string) (drivers.Printer, error) {
	opts, err := parse(settings)
	if err != nil {
		return nil, fmt.Errorf("register %s: %w", name, err)
	}
	return &Printer{name: name, dial: dial, opts: opts, protocol: opts.protocol, probe: probeWait}, nil
}

// Close lets go of the device.
func (p *Printer) Close() error {
	if p.link == nil {
		return nil
	}
	err := p.link.close()
	p.link = nil
	if err != nil {
		return fmt.Errorf("close register %s: %w", p.name, err)
	}
	return nil
}

// kind is what a command risks.
type kind uint8

const (
	reads kind = iota // changes nothing: free to repeat
	works             // does something that can be undone or seen at once
	final             // cannot be undone: a fiscal document, cash moved
)

// connect dials and finds out which protocol the device speaks.
func (p *Printer) connect(ctx context.Context) error {
	if p.link != nil {
		return nil
	}
	conn, err := p.dial(ctx)
	if err != nil {
		return unsent(err)
	}
	p.model, p.rates, p.marks = nil, nil, nil
	l, err := p.speak(ctx, conn)
	if err != nil {
		return unsent(errors.Join(err, conn.Close()))
	}
	p.link = l
	return nil
}

// speak chooses the protocol. The newer one is asked for first: its five bytes mean nothing to a
// device that knows only the older one, while an ENQ may stir up an old answer.
func (p *Printer) speak(ctx context.Context, conn port.Conn) (link, error) {
	switch p.protocol {
	case protocol1:
		return newLink1(conn), nil
	case protocol2:
		return newLink2(conn), nil
	}
	two := newLink2(conn)
	stop := two.interruptible(ctx)
	err := two.sync(ctx, 1, p.probe)
	stop()
	if err == nil {
		p.protocol = protocol2
		return two, nil
	}
	if !errors.Is(err, errSilent) {
		return nil, err
	}
	one := newLink1(conn)
	defer one.interruptible(ctx)()
	if _, err := one.ready(ctx, enqTries, answerWait); err != nil {
		return nil, fmt.Errorf("the device speaks neither protocol 2.0 nor 1.0: %w", err)
	}
	p.protocol = protocol1
	return one, nil
}

// hangUp drops a connection that failed; what it still carried is lost with it.
func (p *Printer) hangUp() {
	if p.link != nil {
		_ = p.link.close() // the failure that led here is the one to report
		p.link = nil
	}
}

// call carries out one command under the operator's password and returns what follows the error byte.
func (p *Printer) call(ctx context.Context, k kind, cmd frame.Cmd, params ...byte) ([]byte, error) {
	return p.command(ctx, k, cmd, append(binary.LittleEndian.AppendUint32(nil, p.opts.password), params...))
}

// adminCall is call under the administrator's password.
func (p *Printer) adminCall(ctx context.Context, k kind, cmd frame.Cmd, params ...byte) ([]byte, error) {
	return p.command(ctx, k, cmd, append(binary.LittleEndian.AppendUint32(nil, p.opts.admin), params...))
}

// command repeats what may be repeated: a read after any loss, and anything that the device refused
// because it was printing.
func (p *Printer) command(ctx context.Context, k kind, cmd frame.Cmd, params []byte) ([]byte, error) {
	body := append(cmd.Append(nil), params...)
	losses := 0
	for began := time.Now(); ; {
		rest, code, err := p.once(ctx, cmd, body)
		switch {
		case err != nil:
			losses++
			if k != reads || losses >= readTries || ctx.Err() != nil {
				return nil, linkFailure(ctx, cmd, k, err)
			}
		case code == codePrinting && time.Since(began) < busyMax:
			if err := pause(ctx, busyPause); err != nil {
				return nil, linkFailure(ctx, cmd, k, unsent(err))
			}
		case code != 0:
			return nil, refusedBy(code, k == final)
		default:
			return rest, nil
		}
	}
}

// once sends a command one time.
func (p *Printer) once(ctx context.Context, cmd frame.Cmd, body []byte) (rest []byte, code byte, err error) {
	if err := p.connect(ctx); err != nil {
		return nil, 0, err
	}
	answer, err := p.link.exchange(ctx, body, waitFor(cmd))
	if err != nil || p.link.astray() {
		p.hangUp()
	}
	if err != nil {
		return nil, 0, err
	}
	return open(answer)
}

// open takes an answer apart.
func open(answer []byte) (rest []byte, code byte, err error) {
	_, rest, ok := frame.Split(answer)
	if !ok || len(rest) == 0 {
		return nil, 0, sent(fmt.Errorf("the answer has %d bytes and no error code", len(answer)))
	}
	return rest[1:], rest[0], nil
}

func waitFor(cmd frame.Cmd) time.Duration {
	switch cmd {
	case frame.CmdShortStatus, frame.CmdStatus, frame.CmdFNStatus, frame.CmdModel, frame.CmdDeviceType, frame.CmdReadTable:
		return answerWaitRead
	case frame.CmdZReport, frame.CmdFNShiftClose2:
		return answerWaitZ
	case frame.CmdOpenShift, frame.CmdFNShiftOpen:
		return answerWaitShift
	case frame.CmdClose2:
		return answerWaitClose
	case frame.CmdMarkCheck, frame.CmdMarkBind:
		return answerWaitMark
	}
	return answerWait
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// linkFailure is the error for a command that was not answered.
func linkFailure(ctx context.Context, cmd frame.Cmd, k kind, err error) *deviceError {
	e := &deviceError{failure: failure{
		Fail: drivers.FailLink, Outcome: drivers.OutcomeNotDone, Hint: hintLink, Err: fmt.Errorf("command %s: %w", cmd, err),
	}}
	var lost *linkError
	if k != reads && (!errors.As(err, &lost) || lost.sent) {
		e.Outcome = drivers.OutcomeUnknown
	}
	if errors.Is(err, errBroken) && ctx.Err() == nil {
		e.Fail, e.Hint = drivers.FailProtocol, hintProtocol
	}
	return e
}

// malformed is the error for an answer that cannot be.
func malformed(cmd frame.Cmd, why error) *deviceError {
	return &deviceError{failure: failure{
		Fail: drivers.FailProtocol, Outcome: drivers.OutcomeNotDone, Hint: hintProtocol, Err: fmt.Errorf("answer to %s: %w", cmd, why),
	}}
}

// need refuses an answer that is shorter than its fields.
func need(cmd frame.Cmd, rest []byte, n int) error {
	if len(rest) < n {
		return malformed(cmd, fmt.Errorf("%d bytes, at least %d expected", len(rest), n))
	}
	return nil
}

// report is how every exported method hands out its error.
func (p *Printer) report(op string, err error) error {
	if err == nil {
		return nil
	}
	var e *drivers.Error
	var d *deviceError
	switch {
	case errors.As(err, &d):
		e = &d.failure
	case !errors.As(err, &e):
		e = &drivers.Error{Fail: drivers.FailLink, Outcome: drivers.OutcomeNotDone, Hint: hintLink, Err: err}
	}
	out := *e
	out.Op, out.Device = op, p.name
	return &out
}

// outcome sets what is known of the work as a whole, whatever the failed step knew of itself.
func outcome(err error, o drivers.Outcome) error {
	var e *drivers.Error
	var d *deviceError
	switch {
	case err == nil:
	case errors.As(err, &d):
		out := *d
		out.Outcome = o
		return &out
	case errors.As(err, &e):
		out := *e
		out.Outcome = o
		return &out
	}
	return err
}

// codeIn is the device's code inside an error, zero when it is none.
func codeIn(err error) byte {
	var d *deviceError
	if errors.As(err, &d) {
		return d.code
	}
	return 0
}
