package shtrih

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/kopilka/kopilka/drivers/port"
	"github.com/kopilka/kopilka/drivers/shtrih/frame"
)

const (
	// enqTries times enqWait is how long a device may be deaf: the vendor asks hosts for ten seconds.
	enqTries = 5
	enqWait  = 2 * time.Second
	// ackWait is for the one byte that says the frame arrived; more than the longest byte timeout
	// that a shop sets, and no command is worked on before it.
	ackWait = 5 * time.Second
	// sendTries is how often a frame that the device refused by NAK, and did not take, is sent.
	sendTries = 3
	// writeWait is for a frame of 260 bytes at 2400 baud, twice over.
	writeWait = 3 * time.Second
	// staleMax bounds the leftovers read before a command: a device keeps one answer, not many.
	staleMax = 8
	readSize = 512
)

// link sends one command and waits for its answer. Neither implementation sends a command twice
// unless the device has said that it did not take it.
type link interface {
	exchange(ctx context.Context, body []byte, wait time.Duration) ([]byte, error)
	// leftover reads the answer that the device still holds for us, where the protocol has such a thing.
	leftover(ctx context.Context) ([]byte, error)
	// astray tells that questions and replies may be out of step: dial anew before the next command.
	astray() bool
	close() error
}

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
	errBroken = errors.New("answer with a wrong checksum")
)

// decoder is either of the two of package frame.
type decoder interface {
	Next(b byte) (frame.Event, bool)
	Inside() bool
	Reset()
}

// stream reads events and writes bytes with deadlines; both end when the context does.
type stream struct {
	conn   port.Conn
	dec    decoder
	events []frame.Event
}

// next waits for an event until a moment. errSilent means that none came and the line is still good.
func (s *stream) next(ctx context.Context, by time.Time) (frame.Event, error) {
	for len(s.events) == 0 {
		if err := s.fill(ctx, by); err != nil {
			return frame.Event{}, err
		}
	}
	e := s.events[0]
	s.events = s.events[1:]
	return e, nil
}

func (s *stream) fill(ctx context.Context, by time.Time) error {
	if err := s.conn.SetReadDeadline(by); err != nil {
		return fmt.Errorf("set the read deadline: %w", err)
	}
	// Asked after the deadline is set, so that the end of ctx is noticed whichever comes first.
	if err := ctx.Err(); err != nil {
		return err
	}
	var chunk [readSize]byte
	n, err := s.conn.Read(chunk[:])
	for _, b := range chunk[:n] {
		if e, ok := s.dec.Next(b); ok {
			s.events = append(s.events, e)
		}
	}
	switch {
	case err == nil || len(s.events) > 0:
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	case !errors.Is(err, os.ErrDeadlineExceeded):
		return fmt.Errorf("read: %w", err)
	case time.Now().Before(by):
		return nil // a deadline left over from a context that has ended
	}
	s.dec.Reset() // whatever was begun will not be finished
	return errSilent
}

func (s *stream) write(ctx context.Context, p ...byte) error {
	if err := s.conn.SetWriteDeadline(time.Now().Add(writeWait)); err != nil {
		return fmt.Errorf("set the write deadline: %w", err)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if _, err := s.conn.Write(p); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return fmt.Errorf("write: %w", err)
	}
	return nil
}

// forget drops what came without being asked for.
func (s *stream) forget() { s.events = nil }

// interruptible makes the end of ctx end a read or write that waits. Call the result when done.
func (s *stream) interruptible(ctx context.Context) func() bool {
	return context.AfterFunc(ctx, func() {
		past := time.Unix(1, 0)
		_ = s.conn.SetReadDeadline(past)  // a connection that refuses a deadline is broken,
		_ = s.conn.SetWriteDeadline(past) // and its reads and writes end by themselves
	})
}

// answers tells whether a body answers a command.
func answers(body, command []byte) bool {
	got, _, okGot := frame.Split(body)
	want, _, okWant := frame.Split(command)
	return okGot && okWant && got == want
}
