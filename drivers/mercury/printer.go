// Package mercury drives the fiscal registers Mercury (Incotex) through the service INECRMAN, which holds the
// register's port and speaks JSON: it prints receipts and reports, and finds out what became of a document
// whose answer was lost.
//
// What will bite: there is no idempotency key and no answer can be fetched again, so from the first byte of a
// closing command a loss is OutcomeUnknown and only reads follow. A session's key dies with the service; every
// work here begins with a read, which opens a new session where the old one is refused. What the service's
// numbers of errors mean is not public: a refusal is sorted by its words, and its outcome by what the register
// shows afterwards. Buyers' contacts and marking codes pass through here and are never put into errors.
//
// Sources and what is uncertain: DESIGN.md.
package mercury

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/kopilka/kopilka/drivers"
	"github.com/kopilka/kopilka/drivers/mercury/frame"
	"github.com/kopilka/kopilka/drivers/port"
)

// How long answers may take. The service talks to the register over a serial line and waits for its storage.
const (
	waitRead = 10 * time.Second
	waitWork = 30 * time.Second
	// waitClose: a storage signs in a second or two. Giving up early costs nothing, since the register is
	// asked what became of it.
	waitClose = 15 * time.Second
	// waitShift: the storage may renew its keys over the network.
	waitShift = 120 * time.Second
	waitProbe = 1500 * time.Millisecond
	writeWait = 5 * time.Second
	// busyPause and busyMax: a register that prints or talks to its storage is busy for seconds, at worst half
	// a minute.
	busyPause = 300 * time.Millisecond
	busyMax   = 45 * time.Second
	// lateMax: a service whose caller has gone may carry the command out all the same, a moment later. What is
	// read before that would show a register in which it has not been done yet.
	lateMax = 3 * time.Second
	// cleanupMax bounds the cancelling of a document after a failure; nobody waits longer for an error.
	cleanupMax = 10 * time.Second
	// readTries is how often a command that only reads is tried.
	readTries = 3
	readSize  = 4096
)

// Printer is one register. Each command dials anew, as the vendor's clients do.
type Printer struct {
	name string
	dial port.Dial
	opts options

	session string                          // empty: none is open as far as we know
	info    *frame.CommonInfo               // of the session; another register may answer the next one
	marks   map[markKey]drivers.MarkVerdict // checked and accepted; nil: what the storage holds is not known
	lost    time.Time                       // when the answer to work was last lost
}

// New makes a driver of settings as they stand in the config; see [Settings]. Nothing is dialled yet.
func New(name string, dial port.Dial, settings map[string]string) (drivers.Printer, error) {
	opts, err := parse(settings)
	if err != nil {
		return nil, fmt.Errorf("register %s: %w", name, err)
	}
	return &Printer{name: name, dial: dial, opts: opts}, nil
}

// Close lets go of the device, so that the service gives its port to others.
func (p *Printer) Close() error {
	if p.session == "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), waitProbe)
	defer cancel()
	key := p.session
	p.session = ""
	// A service that is gone has no session to close; a key that it has forgotten is closed already.
	_, _ = p.exchange(ctx, frame.Plain{Head: frame.Head{Key: &key, Command: frame.CmdCloseSession}}, waitProbe)
	return nil
}

// kind is what a command risks.
type kind uint8

const (
	reads kind = iota // changes nothing: free to repeat
	works             // does something that can be undone or seen at once
	final             // cannot be undone: a fiscal document, cash moved
)

// linkError is a failure to carry a command or its answer.
type linkError struct {
	sent bool // the service may have the command
	err  error
}

func (e *linkError) Error() string { return e.err.Error() }
func (e *linkError) Unwrap() error { return e.err }

// head is what a command begins with, under the session that is open.
func (p *Printer) head(cmd frame.Command) frame.Head {
	key := p.session
	return frame.Head{Key: &key, Command: cmd}
}

// read asks something that changes nothing. A lost answer is asked for again. A refusal may mean that the
// service was restarted and has forgotten the session: then a new one is opened, once.
func read[A any](ctx context.Context, p *Printer, cmd frame.Command, make func(frame.Head) any) (*A, error) {
	fresh := p.session == ""
	for try := 1; ; try++ {
		answer, err := readOnce[A](ctx, p, cmd, make)
		var lost *linkError
		switch {
		case err == nil:
			return answer, nil
		case ctx.Err() == nil && errors.As(err, &lost) && try < readTries:
		case codeIn(err) != "" && !fresh:
			p.forget()
			fresh = true
		default:
			return nil, err
		}
	}
}

func readOnce[A any](ctx context.Context, p *Printer, cmd frame.Command, make func(frame.Head) any) (*A, error) {
	if err := p.open(ctx); err != nil {
		return nil, err
	}
	return send[A](ctx, p, reads, make(p.head(cmd)), cmd, waitRead)
}

// ask is read for a command without parameters.
func ask[A any](ctx context.Context, p *Printer, cmd frame.Command) (*A, error) {
	return read[A](ctx, p, cmd, func(h frame.Head) any { return frame.Plain{Head: h} })
}

// forget drops the session and what was known of the register behind it.
func (p *Printer) forget() { p.session, p.info, p.marks = "", nil, nil }

// open asks for a session where there is none. The service then opens the register's port; nothing is printed
// and no document touched.
func (p *Printer) open(ctx context.Context) error {
	if p.session != "" {
		return nil
	}
	p.forget()
	s, err := send[frame.Session](ctx, p, reads, frame.OpenSession{
		Head: frame.Head{Command: frame.CmdOpenSession}, Port: p.opts.port, Baud: p.opts.baud, Model: p.opts.model,
		Operator: p.opts.operator, Password: p.opts.password,
	}, frame.CmdOpenSession, waitWork)
	if err != nil {
		return err
	}
	if s.Key == "" {
		return malformed(frame.CmdOpenSession, errors.New("no session key"))
	}
	p.session = s.Key
	return nil
}

// do sends a command that does something, under the session that a read has just proved. One that cannot be
// undone is sent once. Any other that was refused because the register is busy was not taken, and is sent again
// when it has come to rest.
func do[A any](ctx context.Context, p *Printer, k kind, req any, cmd frame.Command, wait time.Duration) (*A, error) {
	for began := time.Now(); ; {
		answer, err := send[A](ctx, p, k, req, cmd, wait)
		if err == nil || k == final || codeIn(err) == "" || drivers.FailOf(err) != drivers.FailBusy || time.Since(began) > busyMax {
			return answer, err
		}
		if pause(ctx, busyPause) != nil {
			return nil, err
		}
	}
}

// send carries out one command and reads its answer.
func send[A any](ctx context.Context, p *Printer, k kind, req any, cmd frame.Command, wait time.Duration) (*A, error) {
	if err := p.outlastLate(ctx); err != nil {
		return nil, linkFailure(ctx, cmd, k, &linkError{err: err})
	}
	raw, err := p.exchange(ctx, req, wait)
	if err != nil {
		e := linkFailure(ctx, cmd, k, err)
		if e.Outcome == drivers.OutcomeUnknown {
			p.lost = time.Now()
		}
		return nil, e
	}
	var plain frame.Answer
	answer := new(A)
	if err := errors.Join(json.Unmarshal(raw, &plain), json.Unmarshal(raw, answer)); err != nil {
		return nil, unread(cmd, k, err)
	}
	if plain.Result != 0 {
		return nil, refusal(cmd, k, plain, req)
	}
	return answer, nil
}

// outlastLate waits until a command whose answer was lost is done or never will be.
func (p *Printer) outlastLate(ctx context.Context) error {
	if left := lateMax - time.Since(p.lost); !p.lost.IsZero() && left > 0 {
		return pause(ctx, left)
	}
	return nil
}

// exchange dials, sends one command and waits for its answer. It sends nothing twice.
func (p *Printer) exchange(ctx context.Context, req any, wait time.Duration) ([]byte, error) {
	body, err := frame.Marshal(req)
	if err != nil {
		return nil, &linkError{err: err}
	}
	conn, err := p.dial(ctx)
	if err != nil {
		return nil, &linkError{err: err}
	}
	raw, sent, err := p.talk(ctx, conn, p.opts.transport.AppendRequest(nil, body), wait)
	closed := conn.Close()
	if err != nil {
		return nil, &linkError{sent: sent, err: errors.Join(err, closed)}
	}
	return raw, nil
}

func (p *Printer) talk(ctx context.Context, conn port.Conn, request []byte, wait time.Duration) (raw []byte, sent bool, err error) {
	defer interruptible(ctx, conn)()
	if err := conn.SetWriteDeadline(time.Now().Add(writeWait)); err != nil {
		return nil, false, fmt.Errorf("set the write deadline: %w", err)
	}
	if err := conn.SetReadDeadline(time.Now().Add(wait)); err != nil {
		return nil, false, fmt.Errorf("set the read deadline: %w", err)
	}
	// Asked after the deadlines are set, so that the end of ctx is noticed whichever comes first.
	if err := ctx.Err(); err != nil {
		return nil, false, err
	}
	n, err := conn.Write(request)
	if err != nil {
		return nil, n > 0, fmt.Errorf("write: %w", ended(ctx, err))
	}
	raw, err = p.opts.transport.ReadAnswer(bufio.NewReaderSize(conn, readSize))
	if err != nil {
		return nil, true, ended(ctx, err)
	}
	return raw, true, nil
}

// interruptible makes the end of ctx end a read or write that waits. Call the result when done.
func interruptible(ctx context.Context, conn port.Conn) func() bool {
	return context.AfterFunc(ctx, func() {
		past := time.Unix(1, 0)
		_ = conn.SetReadDeadline(past)  // a connection that refuses a deadline is broken,
		_ = conn.SetWriteDeadline(past) // and its reads and writes end by themselves
	})
}

// ended prefers the reason of a context that has ended to the broken deadline that it left behind.
func ended(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return err
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
