package escpos

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/kopilka/kopilka/drivers/escpos/command"
	"github.com/kopilka/kopilka/drivers/port"
)

const (
	// writeWait is for the largest window at 9600 baud.
	writeWait = 20 * time.Second
	// readSize is more than a printer ever says at once.
	readSize = 256
)

// errSilent means that nothing came in time and the line is still good.
var errSilent = errors.New("no answer in time")

// line is one connection: what is written, and what came back sorted by kind. An answer that comes while
// another is waited for is kept.
type line struct {
	conn     port.Conn
	reader   command.Reader
	realTime []byte
	queued   []byte // answers to GS r
	process  [][]byte
	info     []string
	owed     int       // answers to GS r that may still come, as far as we know
	stirred  time.Time // since when nothing may have come: no answer to GS r, and nothing that holds one back
}

func (l *line) write(ctx context.Context, p []byte) error {
	if err := l.conn.SetWriteDeadline(time.Now().Add(writeWait)); err != nil {
		return fmt.Errorf("set the write deadline: %w", err)
	}
	// Asked after the deadline is set, so that the end of ctx is noticed whichever comes first.
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

// read takes what comes until a moment; errSilent when nothing did.
func (l *line) read(ctx context.Context, by time.Time) error {
	if err := l.conn.SetReadDeadline(by); err != nil {
		return fmt.Errorf("set the read deadline: %w", err)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	var chunk [readSize]byte
	n, err := l.conn.Read(chunk[:])
	for _, b := range chunk[:n] {
		if a, ok := l.reader.Next(b); ok {
			l.sort(a)
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

func (l *line) sort(a command.Answer) {
	switch a.Kind {
	case command.AnswerRealTime:
		l.realTime = append(l.realTime, a.Bytes[0])
	case command.AnswerQueued:
		l.queued = append(l.queued, a.Bytes[0])
		l.stirred = time.Now()
		l.owed = max(l.owed-1, 0)
	case command.AnswerProcess:
		l.process = append(l.process, a.Bytes)
	case command.AnswerInfo:
		l.info = append(l.info, string(a.Bytes))
	}
}

// until reads until something holds; errSilent when it does not by a moment.
func (l *line) until(ctx context.Context, by time.Time, holds func() bool) error {
	for !holds() {
		if err := l.read(ctx, by); err != nil {
			return err
		}
	}
	return nil
}

// forget drops what came without being asked for. Bytes that the system already holds are read first.
func (l *line) forget(ctx context.Context) error {
	for {
		err := l.read(ctx, time.Now().Add(staleWait))
		if errors.Is(err, errSilent) {
			break
		}
		if err != nil {
			return err
		}
	}
	l.reader.Reset()
	l.realTime, l.queued, l.process, l.info = nil, nil, nil, nil
	return nil
}

// status asks for the four status bytes, each when the last has come: they carry no numbers.
func (l *line) status(ctx context.Context, wait time.Duration) (s command.Status, err error) {
	l.realTime = nil
	for i := range s {
		var ask command.Script
		ask.RealTime(byte(i + 1))
		if err := l.write(ctx, ask.Bytes()); err != nil {
			return s, err
		}
		if err := l.until(ctx, time.Now().Add(wait), func() bool { return len(l.realTime) > i }); err != nil {
			return s, fmt.Errorf("status byte %d: %w", i+1, err)
		}
		s[i] = l.realTime[i]
	}
	return s, nil
}

// interruptible makes the end of ctx end a read or write that waits. Call the result when done.
func (l *line) interruptible(ctx context.Context) func() bool {
	return context.AfterFunc(ctx, func() {
		past := time.Unix(1, 0)
		_ = l.conn.SetReadDeadline(past)  // a connection that refuses a deadline is broken,
		_ = l.conn.SetWriteDeadline(past) // and its reads and writes end by themselves
	})
}
