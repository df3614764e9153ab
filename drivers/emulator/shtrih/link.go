package shtrih

import (
	"context"
	"errors"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/kopilka/kopilka/drivers/shtrih/frame"
)

// ErrPower is what Serve returns when the power went, or was off.
var ErrPower = errors.New("register has no power")

// outMax is how many pieces of answers may wait for a host that does not read. A host gets one
// answer for one command, so more than a handful means that it is not listening.
const outMax = 64

// Serve talks on one byte stream until ctx ends, the host closes it, or the power goes; it closes
// conn. Both protocols are spoken, as each frame begins. An answer that a protocol 1.0 host has not
// acknowledged is kept in the register, so it can be fetched on the next connection.
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

	v1    frame.Decoder1
	v2    frame.Decoder2
	raw   []byte // of the frame that is coming in, as far as it is needed for its code
	at    int    // bytes of it so far
	late  []byte // an answer that is held back
	slow  []byte // an answer that is being prepared
	slowC <-chan time.Time
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
	if len(p.data) > 0 && l.r.plugged() {
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

func (r *Register) plugged() bool {
	r.Mu.Lock()
	defer r.Mu.Unlock()
	return r.cable && r.power
}

func (l *link) run(ctx context.Context) error {
	gap := time.NewTimer(l.r.opt.ByteGap)
	defer gap.Stop()
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
			if l.r.plugged() && !l.arrive(chunk) {
				return nil
			}
		case <-gap.C:
			l.forget()
		case <-l.slowC:
			answer := l.slow
			l.slow, l.slowC = nil, nil
			l.send(answer)
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

// forget drops a frame that was cut: the line was silent too long.
func (l *link) forget() {
	l.v1.Reset()
	l.v2.Reset()
	l.raw, l.at = nil, 0
}

// arrive takes bytes through the faults of their direction; false closes the link.
func (l *link) arrive(chunk []byte) bool {
	for _, b := range chunk {
		for _, p := range l.r.wire(ToDevice, l.incoming(), l.at, []byte{b}, false) {
			if p.wait > 0 && !l.sleep(p.wait) {
				return false
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

// incoming is the command of the frame that is coming in, or zero while its code has not arrived.
func (l *link) incoming() frame.Cmd {
	const head1, head2 = 2, 4 // STX LEN; LEN and NUM after the start
	body := l.raw
	switch {
	case l.v1.Inside() && len(body) > head1:
		body = body[head1:]
	case l.v2.Inside():
		body = unstuffed(body)
		if len(body) <= head2 {
			return 0
		}
		body = body[head2:]
	default:
		return 0
	}
	code, _, ok := frame.Split(body)
	if !ok {
		return 0
	}
	return code
}

// unstuffed undoes the masking of a protocol 2.0 frame's beginning, without its start byte.
func unstuffed(raw []byte) []byte {
	var out []byte
	for i := 1; i < len(raw); i++ {
		if raw[i] == 0x9F && i+1 < len(raw) {
			i++
			out = append(out, map[byte]byte{0x81: frame.STX2, 0x83: 0x9F}[raw[i]])
			continue
		}
		out = append(out, raw[i])
	}
	return out
}

// rawMax is enough of a frame to know its code, all bytes masked.
const rawMax = 16

// take gives one byte to the decoder whose frame it belongs to.
func (l *link) take(b byte) {
	event, found := l.decode(b)
	if l.v1.Inside() || l.v2.Inside() {
		if b == frame.STX2 && l.v2.Inside() {
			l.raw, l.at = nil, 0
		}
		if len(l.raw) < rawMax {
			l.raw = append(l.raw, b)
		}
		l.at++
	} else {
		l.raw, l.at = nil, 0
	}
	if found {
		l.event(event)
	}
}

// second is an event of protocol 2.0.
type second struct {
	frame.Event
	v2 bool
}

func (l *link) decode(b byte) (second, bool) {
	if l.v2.Inside() || !l.v1.Inside() && b == frame.STX2 {
		e, ok := l.v2.Next(b)
		return second{e, true}, ok
	}
	e, ok := l.v1.Next(b)
	return second{e, false}, ok
}

func (l *link) event(e second) {
	if l.slow != nil { // working: only ENQ is heard
		if e.Kind == frame.Control && e.Byte == frame.ENQ {
			l.send([]byte{frame.ACK})
		}
		return
	}
	switch {
	case e.Kind == frame.Control:
		l.control(e.Byte)
	case e.v2:
		l.event2(e.Event)
	case e.Kind == frame.Broken:
		l.send([]byte{frame.NAK})
	case e.Kind == frame.Frame:
		l.command1(e.Body)
	}
}

// control is the host's ENQ, ACK or NAK. After NAK the answer is repeated only on ENQ.
func (l *link) control(b byte) {
	switch b {
	case frame.ENQ:
		if n, ok := l.r.noise(); ok {
			l.send(slices.Repeat([]byte{0xFF}, n))
		}
		pending := l.r.waiting()
		if pending == nil {
			l.send([]byte{frame.NAK})
			return
		}
		l.send([]byte{frame.ACK})
		l.sendFrame(pending, codeOf1(pending))
	case frame.ACK:
		l.r.keep(nil)
	}
}

func (r *Register) noise() (int, bool) {
	r.Mu.Lock()
	defer r.Mu.Unlock()
	f, ok := r.faults.strike(NoiseFF, 0)
	return max(f.N, 1), ok
}

func (r *Register) waiting() []byte {
	r.Mu.Lock()
	defer r.Mu.Unlock()
	return r.pending
}

func (r *Register) keep(answer []byte) {
	r.Mu.Lock()
	defer r.Mu.Unlock()
	r.pending = answer
}

func codeOf1(packed []byte) frame.Cmd {
	code, _, _ := frame.Split(packed[2:]) // what we packed has a code
	return code
}

// command1 runs a command of protocol 1.0. An answer that nobody fetched is gone with the next command.
func (l *link) command1(body []byte) {
	code, _, _ := frame.Split(body) // a body without a code matches faults of any command
	if l.r.naks(code) {
		l.send([]byte{frame.NAK})
		return
	}
	l.send([]byte{frame.ACK})
	l.r.keep(nil)
	answer, ok := l.r.Execute(body)
	if !ok {
		return
	}
	packed, err := frame.Encode1(answer)
	if err != nil { // no answer of ours is longer than a frame
		return
	}
	if !l.r.forgets(code) {
		l.r.keep(packed)
		l.answer(packed, code)
	}
}

func (r *Register) naks(code frame.Cmd) bool {
	r.Mu.Lock()
	defer r.Mu.Unlock()
	_, ok := r.faults.strike(NAKStorm, code)
	return ok
}

func (r *Register) forgets(code frame.Cmd) bool {
	r.Mu.Lock()
	defer r.Mu.Unlock()
	_, ok := r.faults.strike(ForgetAnswer, code)
	return ok
}

// event2 is protocol 2.0: a frame is taken when its number follows the last one. Anything else is
// answered with the number that the device stands at, and the host begins from there.
func (l *link) event2(e frame.Event) {
	switch e.Kind {
	case frame.Sync:
		l.send2(l.r.number(), nil, 0)
	case frame.Frame:
		l.command2(e.Num, e.Body)
	case frame.Broken, frame.Control: // a broken frame is not answered: the host's timer speaks
	}
}

func (r *Register) number() uint16 {
	r.Mu.Lock()
	defer r.Mu.Unlock()
	return r.num
}

// next moves to a frame's number, or says what to answer instead of running it.
func (r *Register) next(num uint16) (run bool, cached []byte) {
	r.Mu.Lock()
	defer r.Mu.Unlock()
	switch {
	case num == r.num+1:
		r.num, r.repeat = num, nil
		return true, nil
	case num == r.num && r.opt.RunRepeated:
		return true, nil
	case num == r.num:
		return false, r.repeat
	}
	return false, nil
}

func (l *link) command2(num uint16, body []byte) {
	code, _, _ := frame.Split(body) // a body without a code matches faults of any command
	run, cached := l.r.next(num)
	if !run {
		l.send2(l.r.number(), cached, code)
		return
	}
	answer, ok := l.r.Execute(body)
	if !ok || l.r.forgets(code) {
		return
	}
	l.r.Mu.Lock()
	l.r.repeat = answer
	l.r.Mu.Unlock()
	packed, err := frame.Encode2(num, answer)
	if err != nil { // no answer of ours is longer than a frame
		return
	}
	l.answer(packed, code)
}

func (l *link) send2(num uint16, body []byte, code frame.Cmd) {
	packed, err := frame.Encode2(num, body)
	if err == nil { // what was packed once can be packed again
		l.sendFrame(packed, code)
	}
}

// answer sends a fresh answer through the faults that concern whole answers.
func (l *link) answer(packed []byte, code frame.Cmd) {
	l.r.Mu.Lock()
	_, lost := l.r.faults.strike(LoseAnswer, code)
	_, late := l.r.faults.strike(LateAnswer, code)
	slow, isSlow := l.r.faults.strike(SlowAnswer, code)
	_, last := l.r.faults.strike(PowerAfterAnswer, code)
	l.r.Mu.Unlock()
	switch {
	case lost:
	case late:
		l.late = packed
	case isSlow:
		l.slow, l.slowC = packed, time.After(slow.For)
	default:
		if l.late != nil {
			l.send(l.late)
			l.late = nil
		}
		l.sendFrame(packed, code)
	}
	if last {
		l.put(piece{powerOff: true})
	}
}

func (l *link) send(data []byte) { l.putAll(l.r.wire(ToHost, 0, 0, data, true)) }

func (l *link) sendFrame(packed []byte, code frame.Cmd) {
	l.putAll(l.r.wire(ToHost, code, 0, packed, true))
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
