package pirit

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/kopilka/kopilka/drivers/pirit/frame"
)

// ErrPower is what Serve returns when the power went, or was off.
var ErrPower = errors.New("register has no power")

const (
	// outMax is how many pieces of answers may wait for a host that does not read.
	outMax = 64
	// waitMax is how many commands may wait behind a busy one; more overflow the port's buffer (04h).
	waitMax = 16
)

// Serve talks on one byte stream until ctx ends, the host closes it, or the power goes; it closes conn.
func (r *Register) Serve(ctx context.Context, conn io.ReadWriteCloser) error {
	r.Mu.Lock()
	off, power := r.off, r.power
	r.Mu.Unlock()
	if !power {
		return errors.Join(ErrPower, conn.Close())
	}
	l := &link{r: r, conn: conn, off: off, in: make(chan []byte), out: make(chan piece, outMax), done: make(chan struct{}), dead: make(chan struct{})}
	var wg sync.WaitGroup
	wg.Go(l.read)
	wg.Go(l.write)
	wg.Go(func() { l.watch(ctx) })
	err := l.run(ctx)
	close(l.done)
	wg.Wait()
	return err
}

// link is one connection. The goroutine in run owns all but the channels.
type link struct {
	r    *Register
	conn io.ReadWriteCloser
	off  <-chan struct{}
	in   chan []byte
	out  chan piece
	done chan struct{} // closed when run has ended
	dead chan struct{} // closed when writing has ended

	dec     frame.Decoder
	at      int // of the next byte inside its frame
	busy    <-chan time.Time
	mine    bool            // what the register is busy with came on this link
	slow    []byte          // an answer that takes its time
	slowCmd frame.Cmd       //
	waiting []frame.Request // heard while busy
	late    []byte          // an answer that is held back
}

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

// watch ends a blocked Read or Write by closing the stream under it.
func (l *link) watch(ctx context.Context) {
	select {
	case <-ctx.Done():
	case <-l.off:
	case <-l.done:
	case <-l.dead:
	}
	_ = l.conn.Close() // the stream is given up; there is nobody to tell
}

func (l *link) write() {
	defer close(l.dead)
	for {
		select {
		case p := <-l.out:
			if !l.deliver(p) {
				return
			}
		case <-l.done:
			return
		}
	}
}

func (l *link) deliver(p piece) bool {
	if p.wait > 0 && !l.sleep(p.wait) {
		return false
	}
	if len(p.data) > 0 {
		if _, err := l.conn.Write(p.data); err != nil {
			return false
		}
	}
	if p.powerOff {
		l.r.SetPower(false)
	}
	return !p.cut && !p.powerOff
}

func (l *link) sleep(d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-l.done:
	case <-l.off:
	}
	return false
}

func (l *link) run(ctx context.Context) error {
	gap := time.NewTimer(l.r.opt.ByteGap)
	defer gap.Stop()
	l.inherit()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-l.off:
			return ErrPower
		case <-l.dead:
			return l.ended()
		case chunk, open := <-l.in:
			if !open {
				return l.ended()
			}
			gap.Reset(l.r.opt.ByteGap)
			if !l.arrive(chunk) {
				return nil
			}
		case <-gap.C:
			l.silence()
		case <-l.busy:
			l.wakeUp()
		}
	}
}

// ended tells the end of a link from the end of the power.
func (l *link) ended() error {
	select {
	case <-l.off:
		return ErrPower
	default:
		return nil
	}
}

// silence drops a frame that was cut: the host has been silent too long in the middle of it.
func (l *link) silence() {
	if !l.dec.Inside() {
		return
	}
	l.refuse(l.dec.Partial(), errTimeout)
	l.dec.Reset()
	l.at = 0
}

// refuse answers a frame that could not be read, as far as it says who asks.
func (l *link) refuse(body []byte, code byte) {
	ask, err := frame.ParseRequest(body)
	if err != nil && ask.ID == 0 || ask.ID < frame.IDMin || ask.ID > frame.IDMax {
		return
	}
	l.answer(frame.Answer{ID: ask.ID, Cmd: ask.Cmd, Code: code})
}

// arrive takes bytes through the faults of their direction; false closes the link.
func (l *link) arrive(chunk []byte) bool {
	for _, b := range chunk {
		cmd, known := l.incoming()
		for _, p := range l.r.wire(stretch{dir: ToDevice, cmd: cmd, known: known, at: l.at}, []byte{b}) {
			if p.wait > 0 {
				if !l.sleep(p.wait) {
					return false
				}
				if p.wait > l.r.opt.ByteGap {
					l.silence()
				}
			}
			for _, b := range p.data {
				l.take(b)
			}
			if p.cut {
				return false
			}
		}
	}
	return true
}

// incoming is the command of the frame that is coming in, once its code has arrived.
func (l *link) incoming() (frame.Cmd, bool) {
	ask, err := frame.ParseRequest(l.dec.Partial())
	return ask.Cmd, err == nil && l.dec.Inside()
}

func (l *link) take(b byte) {
	event, found := l.dec.Next(b)
	if l.dec.Inside() {
		if b == frame.STX {
			l.at = 0
		}
		l.at++
	} else {
		l.at = 0
	}
	if !found {
		return
	}
	switch event.Kind {
	case frame.Control:
		l.control(event.Byte)
	case frame.Broken:
		l.refuse(event.Body, errChecksum)
	case frame.Frame:
		l.frame(event.Body)
	}
}

// control is ENQ, which is answered whatever the register does, or a line feed.
func (l *link) control(b byte) {
	switch b {
	case frame.ENQ:
		l.putAll(l.r.wire(stretch{dir: ToHost}, []byte{frame.ACK}))
	case frame.LF:
		l.r.feedLine()
	}
}

func (l *link) frame(body []byte) {
	ask, err := frame.ParseRequest(body)
	switch {
	case err != nil:
		l.refuse(body, errFormat)
	case ask.Password != l.r.password():
		l.refuse(body, errPassword)
	case l.busy == nil:
		l.work(ask)
	case len(l.waiting) < waitMax:
		l.waiting = append(l.waiting, ask)
	default:
		l.refuse(body, errOverflow)
	}
}

// work does a command, or begins to be busy with it.
func (l *link) work(ask frame.Request) {
	if until, ok := l.r.owe(ask); ok {
		l.busy, l.mine = time.After(until), true
		return
	}
	l.reply(ask)
}

// inherit goes on with what an earlier connection has left the register to do.
func (l *link) inherit() {
	if until, ok := l.r.owing(); ok {
		l.busy = time.After(until)
	}
}

// wakeUp is the end of being busy: the owed work is done, and what has come meanwhile.
func (l *link) wakeUp() {
	l.busy = nil
	switch answer, ok := l.r.settle(); {
	case l.slow != nil:
		packed := l.slow
		l.slow = nil
		l.sendFrame(packed, l.slowCmd)
	case ok && l.mine: // else the host that asked has gone
		l.answer(answer)
	}
	l.mine = false
	for l.busy == nil && len(l.waiting) > 0 {
		ask := l.waiting[0]
		l.waiting = l.waiting[1:]
		l.work(ask)
	}
}

// owe tells how long the register is busy before it takes up a command.
func (r *Register) owe(ask frame.Request) (time.Duration, bool) {
	r.Mu.Lock()
	defer r.Mu.Unlock()
	f, ok := r.faults.strike(Busy, ask.Cmd)
	if ok {
		ask.Fields = cloned(ask.Fields)
		r.owed = &owed{ask: ask, when: r.opt.Now().Add(f.For)}
	}
	return f.For, ok
}

func cloned(fields [][]byte) [][]byte {
	out := make([][]byte, len(fields))
	for i, f := range fields {
		out[i] = bytes.Clone(f)
	}
	return out
}

func (r *Register) owing() (time.Duration, bool) {
	r.Mu.Lock()
	defer r.Mu.Unlock()
	if r.owed == nil {
		return 0, false
	}
	return max(r.owed.when.Sub(r.opt.Now()), 0), true
}

// settle does what is owed, before anything that came later.
func (r *Register) settle() (frame.Answer, bool) {
	r.Mu.Lock()
	defer r.Mu.Unlock()
	if r.owed == nil {
		return frame.Answer{}, false
	}
	ask := r.owed.ask
	r.owed = nil
	return r.execute(ask)
}

func (l *link) reply(ask frame.Request) {
	answer, ok := l.r.Execute(ask)
	if ok {
		l.answer(answer)
	}
}

// answer sends an answer through the faults that concern whole answers.
func (l *link) answer(a frame.Answer) {
	packed, err := a.Encode()
	if err != nil { // our own answers fit: an archive block is bounded
		return
	}
	l.r.Mu.Lock()
	_, lost := l.r.faults.strike(LoseAnswer, a.Cmd)
	_, late := l.r.faults.strike(LateAnswer, a.Cmd)
	slow, isSlow := l.r.faults.strike(SlowAnswer, a.Cmd)
	noise, isNoise := l.r.faults.strike(Noise, a.Cmd)
	_, last := l.r.faults.strike(PowerAfterAnswer, a.Cmd)
	l.r.Mu.Unlock()
	if isNoise {
		l.put(piece{data: bytes.Repeat([]byte{0xFF}, max(noise.N, 1))})
	}
	switch {
	case lost:
	case late:
		l.late = packed
	case isSlow:
		l.slow, l.slowCmd, l.busy = packed, a.Cmd, time.After(slow.For)
	default:
		if l.late != nil {
			l.put(piece{data: l.late})
			l.late = nil
		}
		l.sendFrame(packed, a.Cmd)
	}
	if last {
		l.put(piece{powerOff: true})
	}
}

func (l *link) sendFrame(packed []byte, cmd frame.Cmd) {
	l.putAll(l.r.wire(stretch{dir: ToHost, cmd: cmd, known: true, end: true}, packed))
}

func (l *link) putAll(pieces []piece) {
	for _, p := range pieces {
		l.put(p)
	}
}

func (l *link) put(p piece) {
	select {
	case l.out <- p:
	case <-l.dead:
	case <-l.off:
	}
}
