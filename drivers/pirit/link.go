package pirit

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/kopilka/kopilka/drivers/pirit/frame"
	"github.com/kopilka/kopilka/drivers/port"
)

const (
	// enqAfter is a silence after which the device is asked whether it is there. A receipt line takes less.
	enqAfter = time.Second
	// enqWait is for the one byte of the answer: it may have to wait for the end of another answer, and 8 KB
	// take a second and a half at 57600 baud.
	enqWait  = 2 * time.Second
	enqTries = 3
	// askFirst is when a question is put behind a command that has no answer yet, though the device is there.
	// Commands are worked on in their order, so an answer to the question says that the other one is lost. Each
	// further question comes after twice the time: a device that is busy for minutes has a small buffer.
	askFirst = 3 * time.Second
	// waitMax ends even a device that is there and never answers. Renewing the keys of a storage takes minutes.
	waitMax = 10 * time.Minute
	// writeWait is for the longest frame at 4800 baud.
	writeWait = 20 * time.Second
	readSize  = 1024
)

// linkError is a failure to carry a command or its answer.
type linkError struct {
	sent bool // the device may have taken the command
	err  error
}

func (e *linkError) Error() string { return e.err.Error() }
func (e *linkError) Unwrap() error { return e.err }

// unsent marks a failure from before the first byte of a command.
func unsent(err error) error { return &linkError{err: err} }

// sent marks a failure after which the device may have taken the command.
func sent(err error) error { return &linkError{sent: true, err: err} }

var (
	errSilent = errors.New("no answer in time")
	errLost   = errors.New("the answer was lost: the device has answered what was asked later")
)

// link is one connection.
type link struct {
	conn   port.Conn
	dec    frame.Decoder
	events []frame.Event
}

// fill reads until a moment. errSilent means that nothing came and the line is still good.
func (l *link) fill(ctx context.Context, by time.Time) error {
	if err := l.conn.SetReadDeadline(by); err != nil {
		return fmt.Errorf("set the read deadline: %w", err)
	}
	// Asked after the deadline is set, so that the end of ctx is noticed whichever comes first.
	if err := ctx.Err(); err != nil {
		return err
	}
	var chunk [readSize]byte
	n, err := l.conn.Read(chunk[:])
	for _, b := range chunk[:n] {
		if e, ok := l.dec.Next(b); ok {
			l.events = append(l.events, e)
		}
	}
	switch {
	case n > 0 || err == nil:
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	case !errors.Is(err, os.ErrDeadlineExceeded):
		return fmt.Errorf("read: %w", err)
	case time.Now().Before(by):
		return nil // a deadline left over from a context that has ended
	}
	return errSilent
}

func (l *link) write(ctx context.Context, p ...byte) error {
	if err := l.conn.SetWriteDeadline(time.Now().Add(writeWait)); err != nil {
		return fmt.Errorf("set the write deadline: %w", err)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if _, err := l.conn.Write(p); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return fmt.Errorf("write: %w", err)
	}
	return nil
}

// interruptible makes the end of ctx end a read or write that waits. Call the result when done.
func (l *link) interruptible(ctx context.Context) func() bool {
	return context.AfterFunc(ctx, func() {
		past := time.Unix(1, 0)
		_ = l.conn.SetReadDeadline(past)  // a connection that refuses a deadline is broken,
		_ = l.conn.SetWriteDeadline(past) // and its reads and writes end by themselves
	})
}

// greet makes sure that the device is there, and reads away what an earlier command has left on the line: the
// device ends what it is sending before it answers.
func (l *link) greet(ctx context.Context) error {
	for range enqTries {
		if err := l.write(ctx, frame.ENQ); err != nil {
			return err
		}
		for by := time.Now().Add(enqWait); ; {
			err := l.fill(ctx, by)
			if errors.Is(err, errSilent) {
				break
			}
			if err != nil {
				return err
			}
			if l.acknowledged() {
				return nil
			}
		}
	}
	return errSilent
}

// acknowledged looks for the answer to ENQ and drops everything else.
func (l *link) acknowledged() bool {
	found := false
	for _, e := range l.events {
		found = found || e.Kind == frame.Control && e.Byte == frame.ACK
	}
	l.events = nil
	return found
}

// talk is one command until its answer.
type talk struct {
	*link
	id, question byte // the question's id is zero while none is asked
	cmd          frame.Cmd
	began        time.Time
	heard        time.Time     // the last sign of life
	enqs         int           // asked since
	wait         time.Duration // until the next question
	asked        time.Time
	ask          func() (byte, []byte) // a fresh question
}

// exchange sends a packed request once and waits for its answer: as long as the device says that it is there.
func (l *link) exchange(ctx context.Context, req frame.Request, ask func() (byte, []byte)) (frame.Answer, error) {
	packed, err := req.Encode()
	if err != nil {
		return frame.Answer{}, unsent(err)
	}
	defer l.interruptible(ctx)()
	if err := ctx.Err(); err != nil {
		return frame.Answer{}, unsent(err)
	}
	if err := l.write(ctx, packed...); err != nil {
		return frame.Answer{}, sent(err)
	}
	now := time.Now()
	t := &talk{link: l, id: req.ID, cmd: req.Cmd, began: now, heard: now, asked: now, wait: askFirst, ask: ask}
	a, err := t.await(ctx)
	if err != nil {
		return frame.Answer{}, sent(err)
	}
	return a, nil
}

func (t *talk) await(ctx context.Context) (frame.Answer, error) {
	for {
		if a, ok, err := t.look(); ok || err != nil {
			return a, err
		}
		err := t.fill(ctx, t.next())
		switch {
		case err == nil:
			t.heard, t.enqs = time.Now(), 0
		case !errors.Is(err, errSilent):
			return frame.Answer{}, err
		default:
			if err := t.prod(ctx); err != nil {
				return frame.Answer{}, err
			}
		}
	}
}

// next is when something is to be done if nothing is heard.
func (t *talk) next() time.Time {
	if t.enqs > 0 {
		return t.heard.Add(enqAfter + time.Duration(t.enqs)*enqWait)
	}
	return t.heard.Add(enqAfter)
}

// look goes through what has come.
func (t *talk) look() (frame.Answer, bool, error) {
	for len(t.events) > 0 {
		e := t.events[0]
		t.events = t.events[1:]
		if e.Kind == frame.Broken {
			t.wait = 0 // it may have been the answer: do not wait to ask
		}
		if e.Kind != frame.Frame {
			continue
		}
		a, err := frame.ParseAnswer(e.Body)
		switch {
		case err != nil:
		case a.ID == t.id && a.Cmd == t.cmd:
			return a, true, nil
		case a.ID == t.question && t.question != 0 && a.Code != codeOverflow:
			return frame.Answer{}, false, errLost
		}
	}
	return frame.Answer{}, false, nil
}

// prod asks a silent device whether it is there, and one that is there but does not answer a question.
func (t *talk) prod(ctx context.Context) error {
	now := time.Now()
	switch {
	case now.Sub(t.began) >= waitMax, t.enqs >= enqTries:
		return errSilent
	case t.enqs == 0 && now.Sub(t.asked) >= t.wait:
		t.wait = max(2*t.wait, askFirst)
		t.asked = now
		id, packed := t.ask()
		t.question = id
		if err := t.write(ctx, packed...); err != nil {
			return err
		}
		t.heard = now // give it its time before an ENQ
		return nil
	}
	t.enqs++
	return t.write(ctx, frame.ENQ)
}
