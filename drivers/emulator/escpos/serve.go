package escpos

import (
	"context"
	"errors"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/kopilka/kopilka/drivers/escpos/command"
)

// ErrPower is what Serve returns when the printer has no power.
var ErrPower = errors.New("printer has no power")

// sayMax is how many answers may wait for a host that does not read; more are dropped, as by a full line.
const sayMax = 256

// Serve talks on one byte stream until ctx ends, the host closes it, or the power goes; it closes conn. The
// printer keeps what it was sent: a cable pulled out stops no printing. The last stream gets the answers.
func (p *Printer) Serve(ctx context.Context, conn io.ReadWriteCloser) error {
	l := &link{p: p, conn: conn, in: make(chan []byte), out: make(chan []byte, sayMax), kick: make(chan struct{}, 1), done: make(chan struct{})}
	p.mu.Lock()
	dark := p.dark
	if !dark {
		p.link = l
	}
	p.mu.Unlock()
	if dark {
		return errors.Join(ErrPower, conn.Close())
	}
	var wg sync.WaitGroup
	wg.Go(l.read)
	wg.Go(l.write)
	err := l.run(ctx)
	p.mu.Lock()
	if p.link == l {
		p.link = nil
	}
	p.mu.Unlock()
	_ = conn.Close() // given up, whatever it says
	close(l.done)
	wg.Wait()
	return err
}

// link is one stream. run owns all but the channels.
type link struct {
	p     *Printer
	conn  io.ReadWriteCloser
	in    chan []byte
	out   chan []byte
	kick  chan struct{} // something was mended, or the power went
	done  chan struct{}
	watch command.Watch
}

// say queues an answer; called under the printer's lock.
func (l *link) say(b []byte) {
	select {
	case l.out <- b:
	default:
	}
}

func (l *link) poke() {
	select {
	case l.kick <- struct{}{}:
	default:
	}
}

// drop ends the stream of a printer that lost its power.
func (l *link) drop() { l.poke() }

func (l *link) read() {
	defer close(l.in)
	buf := make([]byte, 512)
	for {
		n, err := l.conn.Read(buf)
		if n > 0 {
			select {
			case l.in <- slices.Clone(buf[:n]):
			case <-l.done:
				return
			}
		}
		if err != nil {
			return
		}
	}
}

func (l *link) write() {
	for {
		select {
		case b := <-l.out:
			if _, err := l.conn.Write(b); err != nil {
				return
			}
		case <-l.done:
			return
		}
	}
}

// run takes bytes as they come, and wakes when the mechanism is done with a line.
func (l *link) run(ctx context.Context) error {
	var held []byte // what the full buffer did not take
	for {
		if l.p.isDark() {
			return ErrPower
		}
		in := l.in
		if len(held) > 0 {
			held = held[l.p.take(held, &l.watch):]
		}
		if len(held) > 0 {
			in = nil
		}
		timer, stop := wake(l.p.due(), l.p.opt.Now())
		select {
		case b, ok := <-in:
			if !ok {
				stop()
				return nil
			}
			held = b
		case <-timer:
		case <-l.kick:
		case <-ctx.Done():
			stop()
			return ctx.Err()
		}
		stop()
	}
}

func wake(at, now time.Time) (<-chan time.Time, func() bool) {
	if at.IsZero() {
		return nil, func() bool { return true }
	}
	t := time.NewTimer(max(at.Sub(now), 0))
	return t.C, t.Stop
}

func (p *Printer) isDark() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.dark
}
