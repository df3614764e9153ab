package port

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/tarm/serial"
)

const (
	// readTimeout is the finest that a POSIX serial port knows. Zero is never used: a read without it
	// cannot be ended, not even by closing the port.
	readTimeout = 100 * time.Millisecond
	// idleFastMax is how many empty reads in a row may come back in less than half the timeout. An
	// unplugged adapter returns millions of them a second; a signal may cut one or two short.
	idleFastMax = 10
	// writeTimeoutDefault holds where the caller set no deadline: a frame of 4 KB at 2400 baud takes 17 s.
	writeTimeoutDefault = 20 * time.Second
)

// dialSerial takes the port for itself, then opens it.
func dialSerial(ctx context.Context, a Address) (Conn, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("open %s: %w", a.target, err)
	}
	lock, err := lockNode(a.target)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", a.target, err)
	}
	p, err := serial.OpenPort(&serial.Config{Name: a.target, Baud: a.baud, ReadTimeout: readTimeout})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open %s: %w", a.target, err), lock.Close())
	}
	return &serialConn{port: p, lock: lock, node: a.target}, nil
}

// serialConn gives a serial port the deadlines that it lacks. One goroutine reads, one writes.
type serialConn struct {
	port io.ReadWriteCloser
	lock io.Closer
	node string

	fast int // empty reads in a row that came back too early; the reader's own

	mu      sync.Mutex // guards what follows; never held across a read or a write
	readBy  time.Time
	writeBy time.Time
	dead    error // set when a write was abandoned, or the device went
}

// Read waits for the first bytes. The deadline is looked at between waits of 100 ms.
func (c *serialConn) Read(p []byte) (int, error) {
	for {
		if err := c.mayRead(); err != nil {
			return 0, err
		}
		began := time.Now()
		n, err := c.port.Read(p)
		if n > 0 {
			c.fast = 0
			return n, nil
		}
		if gone := c.idle(time.Since(began), err); gone != nil {
			return 0, gone
		}
	}
}

func (c *serialConn) mayRead() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.dead != nil {
		return c.dead
	}
	if !c.readBy.IsZero() && !time.Now().Before(c.readBy) {
		return os.ErrDeadlineExceeded
	}
	return nil
}

// idle judges an empty read: silence, or a device that is gone. Linux reports silence as io.EOF,
// Windows as no error; a vanished USB adapter gives io.EOF too, only at once and for ever.
func (c *serialConn) idle(took time.Duration, err error) error {
	if err != nil && !errors.Is(err, io.EOF) {
		return c.kill(fmt.Errorf("%w: read %s: %w", ErrGone, c.node, err))
	}
	if took >= readTimeout/2 {
		c.fast = 0
		return nil
	}
	c.fast++
	if c.fast >= idleFastMax {
		return c.kill(fmt.Errorf("%w: %s answers every read at once with nothing", ErrGone, c.node))
	}
	if err := nodeThere(c.node); err != nil {
		return c.kill(fmt.Errorf("%w: %w", ErrGone, err))
	}
	return nil
}

func (c *serialConn) kill(err error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.dead == nil {
		c.dead = err
	}
	return c.dead
}

// Write sends all bytes or abandons the connection: the system cannot cancel a serial write, so after
// a missed deadline the writing goroutine stays until the device takes the bytes or goes away.
func (c *serialConn) Write(p []byte) (int, error) {
	c.mu.Lock()
	by, dead := c.writeBy, c.dead
	c.mu.Unlock()
	if dead != nil {
		return 0, dead
	}
	if by.IsZero() {
		by = time.Now().Add(writeTimeoutDefault)
	}
	type result struct {
		n   int
		err error
	}
	done := make(chan result, 1)
	own := append([]byte(nil), p...)
	go func() {
		n, err := c.port.Write(own)
		done <- result{n, err}
	}()
	timer := time.NewTimer(time.Until(by))
	defer timer.Stop()
	select {
	case r := <-done:
		if r.err != nil {
			return r.n, c.kill(fmt.Errorf("%w: write %s: %w", ErrGone, c.node, r.err))
		}
		return r.n, nil
	case <-timer.C:
		return 0, c.kill(fmt.Errorf("%w: %s takes no bytes: %w", ErrGone, c.node, os.ErrDeadlineExceeded))
	}
}

// SetReadDeadline ends a Read at a moment; zero never.
func (c *serialConn) SetReadDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.readBy = t
	return nil
}

// SetWriteDeadline ends a Write at a moment; zero after a default.
func (c *serialConn) SetWriteDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.writeBy = t
	return nil
}

// Close gives the port back. It waits for a Read under way, at most 100 ms. Where a write hangs the
// closing hangs too, so then it is left to end by itself and the port stays taken until it does.
func (c *serialConn) Close() error {
	c.mu.Lock()
	stuck := errors.Is(c.dead, os.ErrDeadlineExceeded)
	if c.dead == nil {
		c.dead = fmt.Errorf("%s: %w", c.node, os.ErrClosed)
	}
	c.mu.Unlock()
	if stuck {
		go func() { _ = c.shut() }() // nobody is left to tell: Write has reported the connection dead
		return nil
	}
	return c.shut()
}

func (c *serialConn) shut() error {
	return errors.Join(c.port.Close(), c.lock.Close())
}
