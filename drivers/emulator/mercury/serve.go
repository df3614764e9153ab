package mercury

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"sync"
	"time"

	"github.com/kopilka/kopilka/drivers/mercury/frame"
)

// ErrPower is what Serve returns when the power went, or was off.
var ErrPower = errors.New("register has no power")

// errCut is how a link ends that a fault has closed.
var errCut = errors.New("the link was cut")

// Serve talks on one connection until ctx ends, the host closes it, or the power goes; it closes conn. Each
// command comes over HTTP or behind its length, as its first byte tells.
func (r *Register) Serve(ctx context.Context, conn io.ReadWriteCloser) error {
	r.Mu.Lock()
	off, power := r.off, r.power
	r.Mu.Unlock()
	if !power {
		return errors.Join(ErrPower, conn.Close())
	}
	l := &link{r: r, conn: conn, off: off, done: make(chan struct{})}
	var watching sync.WaitGroup
	watching.Go(func() { l.watch(ctx) })
	l.run()
	close(l.done)
	watching.Wait()
	select {
	case <-off:
		return ErrPower
	default:
		return nil
	}
}

// link is one connection.
type link struct {
	r    *Register
	conn io.ReadWriteCloser
	off  <-chan struct{}
	done chan struct{} // closed when run has ended
}

// watch ends a blocked Read or Write by closing the stream under it.
func (l *link) watch(ctx context.Context) {
	select {
	case <-ctx.Done():
	case <-l.off:
	case <-l.done:
	}
	_ = l.conn.Close() // the stream is given up; there is nobody to tell
}

// run ends with the stream, a command that cannot be read, or a fault.
func (l *link) run() {
	in := bufio.NewReader(tap{l})
	for {
		transport, body, last, err := frame.ReadRequest(in)
		if err != nil {
			return
		}
		var head frame.Head
		_ = json.Unmarshal(body, &head) // what is no JSON is answered so
		if wait := l.r.delayed(head.Command); wait > 0 {
			l.linger(wait)
		}
		answer, cmd, ok := l.r.Execute(body)
		if !ok || !l.send(l.r.deliver(cmd, transport.AppendAnswer(nil, answer))) || last {
			return
		}
	}
}

func (l *link) send(d delivery) bool {
	if d.wait > 0 && !l.sleep(d.wait) {
		return false
	}
	if !d.mute && l.r.plugged() {
		if _, err := l.conn.Write(d.data); err != nil {
			return false
		}
	}
	if d.powerOff {
		l.r.SetPower(false)
	}
	if d.mute && !d.closes {
		l.hold()
	}
	return !d.closes && !d.powerOff && !d.mute
}

// hold keeps a link open that nothing more leaves on, until the other side closes it.
func (l *link) hold() {
	var trash [64]byte
	for {
		if _, err := l.conn.Read(trash[:]); err != nil {
			return
		}
	}
}

// sleep ends early when the power goes.
func (l *link) sleep(d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-l.off:
		return false
	}
}

// linger is sleep for a command that is carried out whatever became of its link.
func (l *link) linger(d time.Duration) { _ = l.sleep(d) }

func (r *Register) plugged() bool {
	r.Mu.Lock()
	defer r.Mu.Unlock()
	return r.cable && r.power
}

// tap reads a link's bytes through the faults of their direction. With the cable pulled, bytes vanish.
type tap struct{ l *link }

func (t tap) Read(p []byte) (int, error) {
	for {
		n, err := t.l.conn.Read(p)
		if !t.l.r.plugged() {
			if err != nil {
				return 0, err
			}
			continue
		}
		pass, closes := t.l.r.taken(n)
		if closes {
			return pass, errors.Join(errCut, t.l.conn.Close())
		}
		return n, err
	}
}
