package cloudtest

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/gorilla/websocket"

	"github.com/kopilka/kopilka/cloud/store/storetest"
	"github.com/kopilka/kopilka/ledger/sale"
	"github.com/kopilka/kopilka/sync/wire"
)

// drainBatch is small, so that a short journal meets many faults.
const drainBatch = 4

// hearMax ends a test that waits for a message which does not come.
const hearMax = 90 * time.Second

// Line is a till's side of the talk, message by message, for tests of what a real till would never do.
type Line struct {
	*websocket.Conn
	Till    Enrolled
	Welcome *wire.Welcome
	dial    func(ctx context.Context, network, address string) (net.Conn, error)
	url     string
	Nonce   []byte // of the challenge
}

// Dial connects a till and reads the challenge. dial may be nil.
func Dial(ctx context.Context, url string, till Enrolled, dial func(ctx context.Context, network, address string) (net.Conn, error)) (*Line, error) {
	d := websocket.Dialer{NetDialContext: dial, HandshakeTimeout: hearMax}
	conn, _, err := d.DialContext(ctx, "ws"+strings.TrimPrefix(url, "http")+wire.PathSocket, nil)
	if err != nil {
		return nil, fmt.Errorf("dial head office: %w", err)
	}
	l := &Line{Conn: conn, Till: till, dial: dial, url: url}
	m, err := l.Hear()
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	c, ok := m.(*wire.Challenge)
	if !ok {
		return nil, fmt.Errorf("%T where a challenge was due", m)
	}
	l.Nonce = c.Nonce
	return l, nil
}

// Hello is a signed hello of a till whose journal ends at head.
func (l *Line) Hello(head sale.Position, down uint64) *wire.Hello {
	h := &wire.Hello{
		Version: wire.VersionMax, Org: l.Till.Org, Till: l.Till.Till, Nonce: make([]byte, wire.NonceBytes), Head: head, Down: down, Program: "line 1.0.0",
	}
	_, _ = rand.Read(h.Nonce) // never fails
	h.Signature = ed25519.Sign(l.Till.Key, wire.HelloBytes(l.Nonce, h))
	return h
}

// Greet says hello and checks the welcome's signature.
func (l *Line) Greet(head sale.Position, down uint64) error {
	h := l.Hello(head, down)
	if err := l.Say(h); err != nil {
		return err
	}
	m, err := l.Hear()
	if err != nil {
		return err
	}
	w, ok := m.(*wire.Welcome)
	if !ok {
		if b, bye := m.(*wire.Bye); bye {
			return b
		}
		return fmt.Errorf("%T where a welcome was due", m)
	}
	c, err := wire.VerifyCert(l.Till.Root, w.Cert, wire.RoleOnline)
	if err != nil {
		return err
	}
	if !ed25519.Verify(c.Key, wire.WelcomeBytes(h.Nonce, w), w.Signature) {
		return fmt.Errorf("welcome: %w", wire.ErrTrust)
	}
	l.Welcome = w
	return nil
}

// Say writes a message.
func (l *Line) Say(m any) error {
	frame, err := wire.Marshal(m)
	if err != nil {
		return err
	}
	return l.WriteMessage(websocket.BinaryMessage, frame)
}

// Hear reads a message.
func (l *Line) Hear() (any, error) {
	if err := l.SetReadDeadline(time.Now().Add(hearMax)); err != nil {
		return nil, err
	}
	_, frame, err := l.ReadMessage()
	if err != nil {
		return nil, err
	}
	return wire.Unmarshal(frame)
}

// HearA reads until a message of the wanted type, passing others over; a Bye is an error.
func HearA[M any](l *Line) (M, error) {
	var none M
	for {
		m, err := l.Hear()
		if err != nil {
			return none, err
		}
		if want, ok := m.(M); ok {
			return want, nil
		}
		if b, ok := m.(*wire.Bye); ok {
			return none, b
		}
	}
}

// Send hands records in as one signed batch, without waiting for the Ack.
func (l *Line) Send(fork uint32, records []wire.Sealed) error {
	b, err := storetest.Batch(func(m []byte) []byte { return ed25519.Sign(l.Till.Key, m) }, l.Till.Org, l.Till.Till, fork, records)
	if err != nil {
		return err
	}
	return l.Say(b)
}

// Drain hands a journal in from where head office's copy ends until all is acknowledged, connecting again
// whenever the line breaks. It answers how often that was.
func Drain(ctx context.Context, url string, till Enrolled, j *storetest.Journal) (breaks int, err error) {
	for ; breaks < 1000; breaks++ {
		done, err := drainOnce(ctx, url, till, j)
		if done || err != nil {
			return breaks, err
		}
	}
	return breaks, errors.New("the line broke a thousand times")
}

// drainOnce tells whether all is acknowledged; an error is what connecting again will not mend.
func drainOnce(ctx context.Context, url string, till Enrolled, j *storetest.Journal) (done bool, err error) {
	l, err := Dial(ctx, url, till, nil)
	if err != nil {
		return false, err
	}
	defer func() { _ = l.Close() }() // the line may be cut already
	if err := l.Greet(j.Position, 1<<60); err != nil {
		return false, err
	}
	for have := l.Welcome.Have; have != j.Position; {
		rest := j.After(have.Seq)
		n := min(drainBatch, len(rest))
		if err := l.Send(0, rest[:n]); err != nil {
			return false, nil
		}
		a, err := HearA[*wire.Ack](l)
		var bye *wire.Bye
		if errors.As(err, &bye) {
			return false, bye
		}
		if err != nil {
			return false, nil
		}
		have = a.Have
	}
	return true, nil
}
