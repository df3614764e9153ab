package linktest

import (
	"io"
	"math/rand/v2"
	"net"
	"os"
	"time"
)

// Conn is one end of a connection.
type Conn struct {
	net           *Network
	link          *link
	local, remote addr
	in, out       *half // in: what this end reads; out: what it writes, the other end's in
	shared        *traffic
}

// traffic is what both ends of a connection share.
type traffic struct {
	rng   *rand.Rand
	bytes int64
}

// half is one direction. Everything in it is guarded by the network's mutex.
type half struct {
	segments []segment
	buffered int
	free     time.Time // when the line has sent what it was given
	last     time.Time // when the newest segment arrives
	ended    bool      // the writer has closed
	broken   bool      // the line was reset behind what is under way
	closed   bool      // the reader has closed
	err      error     // reset

	readBy, writeBy time.Time
	wake            chan struct{}
}

type segment struct {
	at   time.Time
	data []byte
}

func newPair(n *Network, k *link, local, remote addr, rng *rand.Rand) (near, far *Conn) {
	up, down := &half{wake: make(chan struct{})}, &half{wake: make(chan struct{})}
	shared := &traffic{rng: rng}
	near = &Conn{net: n, link: k, local: local, remote: remote, in: down, out: up, shared: shared}
	far = &Conn{net: n, link: k, local: remote, remote: local, in: up, out: down, shared: shared}
	return near, far
}

// end is what a reader gets when nothing more is under way; nil while something may still come.
func (h *half) end(cut bool) error {
	switch {
	case cut || len(h.segments) > 0:
		return nil
	case h.broken:
		return errReset
	case h.ended:
		return io.EOF
	}
	return nil
}

func (h *half) signal() {
	close(h.wake)
	h.wake = make(chan struct{})
}

// Read waits for bytes that have arrived.
func (c *Conn) Read(b []byte) (int, error) {
	for {
		n, until, wake, err := c.tryRead(b)
		if n > 0 || err != nil || len(b) == 0 {
			return n, err
		}
		await(wake, until)
	}
}

// tryRead is one look; without bytes it says until when, and on what, to wait.
func (c *Conn) tryRead(b []byte) (n int, until time.Time, wake chan struct{}, err error) {
	c.net.mu.Lock()
	defer c.net.mu.Unlock()
	h, now := c.in, time.Now()
	switch {
	case h.err != nil:
		return 0, until, nil, h.err
	case h.closed:
		return 0, until, nil, net.ErrClosed
	case !h.readBy.IsZero() && !now.Before(h.readBy):
		return 0, until, nil, os.ErrDeadlineExceeded
	}
	until = h.readBy
	if len(h.segments) == 0 || c.link.cut {
		return 0, until, h.wake, h.end(c.link.cut)
	}
	s := &h.segments[0]
	if now.Before(s.at) {
		return 0, earlier(until, s.at), h.wake, nil
	}
	n = copy(b, s.data)
	if s.data = s.data[n:]; len(s.data) == 0 {
		h.segments = h.segments[1:]
	}
	h.buffered -= n
	h.signal()
	return n, until, nil, nil
}

// Write hands bytes to the line; it waits only while too many are under way.
func (c *Conn) Write(b []byte) (int, error) {
	done := 0
	for done < len(b) {
		n, until, wake, err := c.tryWrite(b[done:])
		done += n
		if err != nil {
			return done, err
		}
		if n == 0 {
			await(wake, until)
		}
	}
	return done, nil
}

func (c *Conn) tryWrite(b []byte) (n int, until time.Time, wake chan struct{}, err error) {
	c.net.mu.Lock()
	defer c.net.mu.Unlock()
	h, now := c.out, time.Now()
	switch {
	case h.err != nil:
		return 0, until, nil, h.err
	case h.ended:
		return 0, until, nil, net.ErrClosed
	case h.closed:
		return 0, until, nil, errReset
	case !h.writeBy.IsZero() && !now.Before(h.writeBy):
		return 0, until, nil, os.ErrDeadlineExceeded
	case h.buffered >= bufferMax:
		return 0, h.writeBy, h.wake, nil
	}
	b = b[:min(len(b), bufferMax-h.buffered)]
	limit := c.link.ResetAfter
	over := limit > 0 && c.shared.bytes+int64(len(b)) >= limit
	if over {
		b = b[:max(0, limit-c.shared.bytes)]
	}
	if c.link.Reset > 0 && c.shared.rng.Float64() < c.link.Reset {
		b, over = b[:c.shared.rng.IntN(len(b)+1)], true
	}
	c.send(b, now)
	if over {
		c.shutLine()
		return len(b), until, nil, errReset
	}
	return len(b), until, nil, nil
}

// send queues bytes with the moment at which they arrive.
func (c *Conn) send(b []byte, now time.Time) {
	if len(b) == 0 {
		return
	}
	h := c.out
	start := later(now, h.free)
	h.free = start
	if c.link.Bytes > 0 {
		h.free = start.Add(time.Duration(len(b)) * time.Second / time.Duration(c.link.Bytes))
	}
	at := h.free.Add(c.link.Latency)
	if c.link.Jitter > 0 {
		at = at.Add(time.Duration(c.shared.rng.Int64N(int64(c.link.Jitter))))
	}
	h.last = later(h.last, at)
	h.segments = append(h.segments, segment{h.last, append([]byte(nil), b...)})
	h.buffered += len(b)
	c.shared.bytes += int64(len(b))
	h.signal()
}

// shutLine ends the connection under both ends: what was sent to the other end still arrives, then it
// fails; this end fails at once.
func (c *Conn) shutLine() {
	c.in.err = errReset
	c.out.ended, c.out.broken = true, true
	c.in.signal()
	c.out.signal()
	delete(c.link.conns, c)
}

// reset fails both directions at once; the network's mutex is held.
func (c *Conn) reset() {
	for _, h := range []*half{c.in, c.out} {
		if h.err == nil {
			h.err = errReset
		}
		h.signal()
	}
	for other := range c.link.conns {
		if other.shared == c.shared {
			delete(c.link.conns, other)
		}
	}
}

// Close ends this end; what it has written still arrives.
func (c *Conn) Close() error {
	c.net.mu.Lock()
	defer c.net.mu.Unlock()
	c.in.closed, c.out.ended = true, true
	c.in.signal()
	c.out.signal()
	delete(c.link.conns, c)
	return nil
}

// LocalAddr is this end's "host:port".
func (c *Conn) LocalAddr() net.Addr { return c.local }

// RemoteAddr is the other end's.
func (c *Conn) RemoteAddr() net.Addr { return c.remote }

// SetDeadline bounds both reading and writing.
func (c *Conn) SetDeadline(t time.Time) error { return c.deadlines(&t, &t) }

// SetReadDeadline bounds reading.
func (c *Conn) SetReadDeadline(t time.Time) error { return c.deadlines(&t, nil) }

// SetWriteDeadline bounds writing.
func (c *Conn) SetWriteDeadline(t time.Time) error { return c.deadlines(nil, &t) }

func (c *Conn) deadlines(read, write *time.Time) error {
	c.net.mu.Lock()
	defer c.net.mu.Unlock()
	if read != nil {
		c.in.readBy = *read
		c.in.signal()
	}
	if write != nil {
		c.out.writeBy = *write
		c.out.signal()
	}
	return nil
}

// await waits for a signal, or until a moment if one is given.
func await(wake chan struct{}, until time.Time) {
	if until.IsZero() {
		<-wake
		return
	}
	t := time.NewTimer(time.Until(until))
	defer t.Stop()
	select {
	case <-wake:
	case <-t.C:
	}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// earlier is the first of two moments; a zero is no moment.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || b.Before(a) {
		return b
	}
	return a
}
