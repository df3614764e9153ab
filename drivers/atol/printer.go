// Package atol drives the fiscal registers of ATOL through the vendor's web server: JSON tasks go into its queue
// over HTTP and are looked after until they are done.
//
// What will bite: the server keeps working when nobody listens. A task is posted once, under a uuid that was
// made before; when its answer is lost, the driver asks by that uuid and, where the server knows none, what the
// fiscal storage holds. A queue that is blocked has a document of unknown outcome in front and stands still; it
// is never got round. The server drops another program's open receipt by itself, so Snapshot never shows one.
// Buyers' contacts and marking codes pass through here and are never put into errors.
//
// Sources and doubts are in DESIGN.md.
package atol

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"

	"github.com/kopilka/kopilka/drivers"
	"github.com/kopilka/kopilka/drivers/port"
)

// Printer is one register behind one web server. The first call dials; after a failure of the link the next
// call dials anew.
type Printer struct {
	name   string
	dial   port.Dial
	opts   options
	random io.Reader // of request keys

	link      *link
	unprinted bool                           // the register said that paper is missing from the last document
	marks     map[string]drivers.MarkVerdict // codes that were checked and accepted for the next receipt
}

// New makes a driver of settings as they stand in the config; see [Settings]. Nothing is dialled yet.
func New(name string, dial port.Dial, settings map[string]string) (drivers.Printer, error) {
	opts, err := parse(settings)
	if err != nil {
		return nil, fmt.Errorf("register %s: %w", name, err)
	}
	return &Printer{name: name, dial: dial, opts: opts, random: rand.Reader}, nil
}

// Close lets go of the web server.
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

// linkFailure is the error for a job whose request or answer was not carried.
func (p *Printer) linkFailure(ctx context.Context, j job, err error) *deviceError {
	e := &deviceError{failure: failure{
		Fail: drivers.FailLink, Outcome: drivers.OutcomeNotDone, Hint: hintLink, Err: fmt.Errorf("ask the web server: %w", err),
	}}
	var lost *linkError
	if j.kind != reads && errors.As(err, &lost) && lost.sent {
		e.Outcome = drivers.OutcomeUnknown
	}
	if errors.Is(err, port.ErrBusy) && ctx.Err() == nil {
		e.Hint = hintOther
	}
	return e
}

// notSent is a failure from before the first byte.
func notSent(err error) error {
	return &drivers.Error{Fail: drivers.FailRefused, Outcome: drivers.OutcomeNotDone, Hint: hintProtocol, Err: err}
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

// withOutcome makes a failure after the POST was taken unknown, unless it was only a question.
func withOutcome(err error, j job) error {
	if j.kind == reads {
		return outcome(err, drivers.OutcomeNotDone)
	}
	return outcome(err, drivers.OutcomeUnknown)
}

// codeIn is the register's code inside an error, zero when it is none.
func codeIn(err error) int {
	var d *deviceError
	if errors.As(err, &d) {
		return d.code
	}
	return 0
}
