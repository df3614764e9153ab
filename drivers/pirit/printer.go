// Package pirit drives the fiscal registers of the Pirit family, Viki Print among them: it prints receipts and
// reports, and finds out what became of a document whose answer was lost.
//
// What will bite: after each power-up the register wants to be told to begin (10h) and refuses everything until
// then; this package does so with the register's own clock, so that time never moves in passing. A document that
// is signed and not all printed is in state 8: it cannot be cancelled, and Resume sends the close again. There is
// no bound on the time of an answer, so ENQ decides whether the line is dead, and a question put behind a command
// decides whether its answer is lost. VAT goes by the rows of the register's own table, read and never assumed.
// Buyers' contacts and marking codes pass through here and are never put into errors.
//
// Source: the vendor's protocol text and sample; what is uncertain is in DESIGN.md.
package pirit

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/kopilka/kopilka/drivers"
	"github.com/kopilka/kopilka/drivers/pirit/frame"
	"github.com/kopilka/kopilka/drivers/port"
	"github.com/kopilka/kopilka/ledger/sale"
)

const (
	// readTries is how often a command that only reads is tried.
	readTries = 3
	// sendTries is how often a command is sent that the device says it did not take: errors 04, 05, 07.
	sendTries = 3
	// cleanupMax bounds the cancelling of a document after a failure; nobody waits longer for an error.
	cleanupMax = 15 * time.Second
)

// Printer is one register. The first call dials; after a failure of the link the next call dials anew.
type Printer struct {
	name string
	dial port.Dial
	opts options

	link     *link
	id       byte                 // of the last request; it runs on over connections
	model    *model               // what the device is; forgotten with the connection
	rates    map[sale.VAT]int     // rows of the device's table; forgotten with the connection
	checked  map[string]checkedAs // marking codes that the storage has accepted for the next receipt
	closing  [][]byte             // the parameters of the last 31h, for a document in state 8
	stuck    bool                 // a cancel was refused for want of paper
	halfSlip bool                 // a slip of ours may have been left open
	who      drivers.Operator     // the cashier of the last document
}

// New makes a driver of settings as they stand in the config; see [Settings]. Nothing is dialled yet.
func New(name string, dial port.Dial, settings map[string]string) (drivers.Printer, error) {
	opts, err := parse(settings)
	if err != nil {
		return nil, fmt.Errorf("register %s: %w", name, err)
	}
	return &Printer{name: name, dial: dial, opts: opts, id: firstID(time.Now())}, nil
}

// firstID begins somewhere: an answer that a till's earlier run has left on the line should not find a request of
// the same name.
func firstID(now time.Time) byte {
	const ids = int64(frame.IDMax - frame.IDMin + 1)
	return frame.IDMin + byte((now.UnixNano()/int64(time.Millisecond))%ids)
}

// Close lets go of the device.
func (p *Printer) Close() error {
	if p.link == nil {
		return nil
	}
	err := p.link.conn.Close()
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

func (p *Printer) connect(ctx context.Context) error {
	if p.link != nil {
		return nil
	}
	conn, err := p.dial(ctx)
	if err != nil {
		return unsent(err)
	}
	p.model, p.rates = nil, nil
	l := &link{conn: conn}
	stop := l.interruptible(ctx)
	err = l.greet(ctx)
	stop()
	if err != nil {
		return unsent(errors.Join(err, conn.Close()))
	}
	p.link = l
	return nil
}

// hangUp drops a connection that failed; what it still carried is lost with it.
func (p *Printer) hangUp() {
	if p.link != nil {
		_ = p.link.conn.Close() // the failure that led here is the one to report
		p.link = nil
	}
}

func (p *Printer) nextID() byte {
	if p.id++; p.id > frame.IDMax || p.id < frame.IDMin {
		p.id = frame.IDMin
	}
	return p.id
}

// call carries out one command and returns the fields of its answer.
func (p *Printer) call(ctx context.Context, k kind, cmd frame.Cmd, fields ...[]byte) ([][]byte, error) {
	for tries := 1; ; tries++ {
		a, err := p.once(ctx, cmd, fields)
		switch {
		case err != nil:
			if k != reads || tries >= readTries || ctx.Err() != nil {
				return nil, linkFailure(cmd, k, err)
			}
		case notTaken(a.Code) && tries < sendTries:
		case a.Code != 0:
			return nil, p.refusal(ctx, cmd, a.Code, k)
		default:
			return a.Fields, nil
		}
	}
}

// once sends a command one time.
func (p *Printer) once(ctx context.Context, cmd frame.Cmd, fields [][]byte) (frame.Answer, error) {
	if err := p.connect(ctx); err != nil {
		return frame.Answer{}, err
	}
	a, err := p.link.exchange(ctx, frame.Request{Password: p.opts.password, ID: p.nextID(), Cmd: cmd, Fields: fields}, p.question)
	if err != nil && !errors.Is(err, errLost) {
		p.hangUp()
	}
	return a, err
}

// question is a request that any device answers at once and that changes nothing.
func (p *Printer) question() (byte, []byte) {
	id := p.nextID()
	packed, _ := frame.Request{Password: p.opts.password, ID: id, Cmd: frame.CmdFlags}.Encode() // it has no fields that could not be packed
	return id, packed
}

// refusal is the error for an answer with a code. Two codes have their reason in a register of its own.
func (p *Printer) refusal(ctx context.Context, cmd frame.Cmd, code byte, k kind) error {
	why := 0
	if (code == codeState || code == codeFormat) && p.link != nil {
		if a, err := p.once(ctx, frame.CmdErrorMore, [][]byte{[]byte("1")}); err == nil && a.Code == 0 {
			why, _ = digits(frame.Field(a.Fields, 1))
		}
	}
	return refusedBy(cmd, code, why, k == final)
}

// linkFailure is the error for a command that was not answered.
func linkFailure(cmd frame.Cmd, k kind, err error) *deviceError {
	e := &deviceError{failure: failure{
		Fail: drivers.FailLink, Outcome: drivers.OutcomeNotDone, Hint: hintLink, Err: fmt.Errorf("command %s: %w", cmd, err),
	}}
	var lost *linkError
	if k != reads && (!errors.As(err, &lost) || lost.sent) {
		e.Outcome = drivers.OutcomeUnknown
	}
	if errors.Is(err, frame.ErrFrame) {
		e.Fail, e.Hint = drivers.FailRefused, hintProtocol
	}
	return e
}

// malformed is the error for an answer that cannot be.
func malformed(cmd frame.Cmd, format string, args ...any) *deviceError {
	return &deviceError{failure: failure{
		Fail: drivers.FailProtocol, Outcome: drivers.OutcomeNotDone, Hint: hintProtocol,
		Err: fmt.Errorf("answer to %s: %w", cmd, fmt.Errorf(format, args...)),
	}}
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
