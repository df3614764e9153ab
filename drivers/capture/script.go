package capture

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sync"
	"time"

	"github.com/kopilka/kopilka/drivers/port"
)

// script is the device of a capture: it answers what was answered then, at once, and fails where it failed
// then. What the till sends is held against what it sent then.
type script struct {
	mu     sync.Mutex
	conns  map[int]*lane
	dials  []Entry // dials in their order, failed ones too
	no     int     // dials that are over
	until  int     // number of the last entry of the call that runs: nothing later has happened yet
	mask   *Masker
	rename Rename
	names  map[string]string // of requests now, by those then
	differ *Difference       // the first
	stop   context.CancelFunc
}

// lane is what happened on one connection.
type lane struct {
	entries []Entry
	at      int // the entry that is next
	done    int // bytes of it that are over
	got     []byte
	wake    chan struct{} // closed and made anew whenever something has changed
	readBy  time.Time
	closed  bool
}

// errDiffers ends every exchange after the first difference.
var errDiffers = errors.New("the till differs from the capture")

func newScript(entries []Entry, mask *Masker) *script {
	s := &script{conns: map[int]*lane{}, names: map[string]string{}, mask: mask, rename: func([]byte, bool, func(string) string) {}}
	for _, e := range entries {
		switch e.Kind {
		case KindDial, KindDialFailed:
			s.dials = append(s.dials, e)
		case KindWrite, KindRead, KindTimeout, KindReadFailed, KindWriteFailed, KindClose:
			l := s.conns[e.Conn]
			if l == nil {
				l = &lane{wake: make(chan struct{})}
				s.conns[e.Conn] = l
			}
			l.entries = append(l.entries, e)
		}
	}
	return s
}

// dial is a port.Dial.
func (s *script) dial(context.Context) (port.Conn, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.differ != nil {
		return nil, errDiffers
	}
	if s.no == len(s.dials) || s.dials[s.no].no > s.until {
		if s.given() {
			return nil, context.Canceled
		}
		return nil, s.difference(&Difference{What: "the till opens a connection more than in the capture"})
	}
	e := s.dials[s.no]
	s.no++
	if e.Kind == KindDialFailed {
		return nil, e.Failure.error()
	}
	l := s.conns[e.Conn]
	if l == nil {
		l = &lane{wake: make(chan struct{})}
		s.conns[e.Conn] = l
	}
	return &scripted{s: s, l: l}, nil
}

// given gives the call up where it was given up then: nothing more happened in it.
func (s *script) given() bool {
	if s.stop == nil {
		return false
	}
	s.stop()
	return true
}

// difference notes the first one.
func (s *script) difference(d *Difference) error {
	if s.differ == nil {
		s.differ = d
		for _, l := range s.conns {
			l.stir()
		}
	}
	return errDiffers
}

// error is a failure as a driver would meet it.
func (f *Failure) error() error {
	if f == nil {
		return errors.New("a failure of which the capture tells nothing")
	}
	err := map[Why]error{
		WhyGone: port.ErrGone, WhyBusy: port.ErrBusy, WhyMissing: fs.ErrNotExist, WhyEnd: io.EOF, WhyClosed: os.ErrClosed,
	}[f.Why]
	if err == nil {
		return errors.New(f.Text)
	}
	return fmt.Errorf("%s: %w", f.Text, err)
}

// stir wakes whoever waits on the lane.
func (l *lane) stir() {
	close(l.wake)
	l.wake = make(chan struct{})
}

// next is the entry that the lane is at.
func (l *lane) next() *Entry {
	if l.at == len(l.entries) {
		return nil
	}
	return &l.entries[l.at]
}

func (l *lane) advance() {
	l.at++
	l.done, l.got = 0, nil
	l.stir()
}

// scripted is one connection to the device of a capture.
type scripted struct {
	s *script
	l *lane
}

// Write holds what is sent against the capture.
func (c *scripted) Write(p []byte) (int, error) {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	if c.l.closed {
		return 0, os.ErrClosed
	}
	for rest := p; len(rest) > 0; {
		if c.s.differ != nil {
			return 0, errDiffers
		}
		n, err := c.take(rest)
		if err != nil {
			return 0, err
		}
		rest = rest[n:]
	}
	return len(p), nil
}

// take is one burst's part of what is written. A till that writes may not have read to the end, nor waited in
// vain as long as then.
func (c *scripted) take(p []byte) (int, error) {
	e := c.l.next()
	for e != nil && (e.Kind == KindRead || e.Kind == KindTimeout) {
		c.l.advance()
		e = c.l.next()
	}
	over := e == nil || e.no > c.s.until || e.Kind == KindClose
	switch {
	case over && c.s.given():
		return 0, context.Canceled
	case over || e.Kind == KindReadFailed:
		return 0, c.s.difference(&Difference{What: "the till sends more than in the capture", Sent: p})
	case e.Kind == KindWriteFailed:
		c.l.advance()
		return 0, e.Failure.error()
	}
	n := min(len(p), len(e.Data)+e.Lost-len(c.l.got))
	c.l.got = append(c.l.got, p[:n]...)
	if len(c.l.got) == len(e.Data)+e.Lost {
		if at := c.s.compare(e.Data, c.s.mask.Burst(c.l.got)); at >= 0 && e.Lost == 0 {
			return 0, c.s.difference(&Difference{What: "the till sends other bytes", Offset: at, Sent: c.l.got, Then: e.Data, At: e.At})
		}
		c.l.advance()
	}
	return n, nil
}

// compare is where two bursts differ, -1 where they do not. Names of requests that the till makes up are put
// down as each other's, in their order.
func (s *script) compare(then, sent []byte) int {
	var names []string
	s.rename(bytes.Clone(then), false, func(name string) string {
		names = append(names, name)
		return name
	})
	plain := bytes.Clone(sent)
	s.rename(plain, false, func(now string) string {
		if len(names) == 0 || len(names[0]) != len(now) {
			return now
		}
		old := names[0]
		names = names[1:]
		s.names[old] = now
		return old
	})
	for i := range min(len(then), len(plain)) {
		if then[i] != plain[i] {
			return i
		}
	}
	if len(then) != len(plain) {
		return min(len(then), len(plain))
	}
	return -1
}

// Read gives what the device sent then, once the till has sent what came before it.
func (c *scripted) Read(p []byte) (int, error) {
	for {
		c.s.mu.Lock()
		n, wait, err := c.offer(p)
		wake, by := c.l.wake, c.l.readBy
		c.s.mu.Unlock()
		if !wait {
			return n, err
		}
		if !waited(wake, by) {
			return 0, c.vain()
		}
	}
}

// vain is a wait that ended at its deadline.
func (c *scripted) vain() error {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	switch e := c.l.next(); {
	case e == nil:
	case e.Kind == KindTimeout:
		c.l.advance()
	case e.Kind == KindWrite && len(c.l.got) > 0:
		at := c.s.compare(e.Data, c.l.got)
		return c.s.difference(&Difference{What: "the till sends fewer bytes", Offset: at, Sent: c.l.got, Then: e.Data, At: e.At})
	}
	return os.ErrDeadlineExceeded
}

// waited waits for a change; false: the deadline came first.
func waited(wake <-chan struct{}, by time.Time) bool {
	if by.IsZero() {
		<-wake
		return true
	}
	timer := time.NewTimer(time.Until(by))
	defer timer.Stop()
	select {
	case <-wake:
		return true
	case <-timer.C:
		return false
	}
}

// offer is what can be read now; wait: nothing yet.
func (c *scripted) offer(p []byte) (n int, wait bool, err error) {
	e := c.l.next()
	switch {
	case c.l.closed:
		return 0, false, os.ErrClosed
	case c.s.differ != nil:
		return 0, false, errDiffers
	case e == nil || e.no > c.s.until || e.Kind == KindClose:
		c.s.given()
		return 0, true, nil
	case e.Kind == KindReadFailed:
		c.l.advance()
		return 0, false, e.Failure.error()
	case e.Kind != KindRead:
		return 0, true, nil
	case e.Lost > 0:
		return 0, false, c.s.difference(&Difference{What: "the capture has lost a part of what the device sent"})
	}
	n = copy(p, c.s.named(e.Data)[c.l.done:])
	c.l.done += n
	if c.l.done == len(e.Data) {
		c.l.advance()
	}
	return n, false, nil
}

// named is an answer with the names of requests of this run.
func (s *script) named(p []byte) []byte {
	p = bytes.Clone(p)
	s.rename(p, true, func(old string) string {
		if now, known := s.names[old]; known {
			return now
		}
		return old
	})
	return p
}

func (c *scripted) SetReadDeadline(t time.Time) error {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	c.l.readBy = t
	c.l.stir()
	return nil
}

// SetWriteDeadline changes nothing: a write never waits here.
func (c *scripted) SetWriteDeadline(time.Time) error { return nil }

func (c *scripted) Close() error {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	c.l.closed = true
	c.l.stir()
	return nil
}
