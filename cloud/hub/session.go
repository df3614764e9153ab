package hub

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"github.com/kopilka/kopilka/ledger/sale"
	"github.com/kopilka/kopilka/sync/wire"
)

// Limits of one session.
const (
	downsMax    = 4                // Downs on the way without a DownAck
	mergeMax    = 4000             // records in one append (sync.md C7)
	backlogFrom = 64               // records at once: a till that hands in more is draining, not selling
	inflateRate = 8                // how many times a batch grows when it is decompressed, at the outside of what was measured
	noteEvery   = 30 * time.Second // between notes of how far a till's state is: for people, and each costs a commit
	flagDay     = "2006-01-02"
	storeMax    = time.Minute // for one append: beyond it the store is ill, and the till should try again
)

// errCut ends a session without a word, for tests.
var errCut = errors.New("cut by a test")

// session is one connection. run's goroutine owns it and alone writes; the reader only moves messages.
type session struct {
	hub      *Hub
	conn     *websocket.Conn
	from     string
	replaced chan struct{}

	in   chan inbound
	done chan struct{}
	wg   sync.WaitGroup

	gathered *haul       // verified, to be stored next
	storing  *haul       // on its way to disk
	stored   chan stored // its end

	key      tillKey
	pub      ed25519.PublicKey
	revoked  bool
	expect   sale.Position // the last record stored of the newest epoch
	down     uint64        // version that the till has, or that is on the way to it
	snapshot uint64
	flying   []uint64 // versions of Downs on the way
	refill   bool     // the till fetches the snapshot: nothing more for this session
	more     bool     // changes wait
	asked    bool     // a customer waits at the till for one of them
	noted    time.Time
}

// inbound is a message with the part of the budget that it holds, or the reader's end.
type inbound struct {
	m    any
	held int
	err  error
}

func newSession(h *Hub, conn *websocket.Conn, from string) *session {
	return &session{
		hub: h, conn: conn, from: from, replaced: make(chan struct{}), in: make(chan inbound, wire.WindowDefault), done: make(chan struct{}),
		stored: make(chan stored, 1),
	}
}

// run is a session's whole life.
func (s *session) run(ctx context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	s.conn.SetReadLimit(wire.MessageBytesMax)
	s.wg.Go(func() { s.read(ctx) })
	err := s.greet(ctx)
	<-s.hub.handshakes
	if err == nil {
		err = s.serve(ctx)
	}
	s.end(err)
	cancel()
	close(s.done)
	if err := s.conn.Close(); err != nil {
		s.hub.Logger.Debug("close a till's connection", "err", err)
	}
	s.wg.Wait()
	for len(s.in) > 0 {
		s.hub.budget.give((<-s.in).held)
	}
}

// end says why, where the till should know.
func (s *session) end(err error) {
	if s.key.till != 0 {
		s.hub.drop(s)
	}
	var b *wire.Bye
	switch {
	case errors.As(err, &b):
	case errors.Is(err, context.Canceled):
		b = &wire.Bye{Code: wire.ByeShutdown, RetryAfter: s.hub.retryAfter().Milliseconds()}
	case errors.Is(err, errCut) || isClosed(err):
		s.hub.Logger.Debug("a till has gone", "org", s.key.org, "till", s.key.till, "err", err)
		return
	default:
		b = &wire.Bye{Code: wire.ByeInternal, Text: "see head office's log", RetryAfter: s.hub.retryAfter().Milliseconds()}
		s.hub.Logger.Error("a till's session broke", "org", s.key.org, "till", s.key.till, "err", err)
	}
	s.hub.Logger.Info("goodbye to a till", "org", s.key.org, "till", s.key.till, "from", s.from, "code", b.Code, "text", b.Text)
	if err := s.say(b); err != nil {
		s.hub.Logger.Debug("a till did not hear our goodbye", "till", s.key.till, "err", err)
	}
}

// isClosed tells the ends of a connection that are nobody's fault.
func isClosed(err error) bool {
	var closed *websocket.CloseError
	return errors.As(err, &closed) || errors.Is(err, io.EOF) || errors.Is(err, errLine)
}

var errLine = errors.New("the line broke")

// read moves messages from the socket, as fast as the owner takes them and the budget allows.
func (s *session) read(ctx context.Context) {
	alive := func(string) error { return s.conn.SetReadDeadline(time.Now().Add(deadAfter)) }
	s.conn.SetPongHandler(alive)
	if err := s.conn.SetReadDeadline(time.Now().Add(helloMax)); err != nil {
		s.pass(inbound{err: err})
		return
	}
	for {
		m, err := s.readMessage(ctx)
		m.err = err
		if !s.pass(m) || err != nil {
			return
		}
		if err := alive(""); err != nil {
			s.pass(inbound{err: fmt.Errorf("%w: %w", errLine, err)})
			return
		}
	}
}

func (s *session) pass(m inbound) bool {
	select {
	case s.in <- m:
		return true
	case <-s.done:
		s.hub.budget.give(m.held)
		return false
	}
}

func (s *session) readMessage(ctx context.Context) (inbound, error) {
	kind, frame, err := s.conn.ReadMessage()
	if errors.Is(err, websocket.ErrReadLimit) {
		return inbound{}, &wire.Bye{Code: wire.ByeMessage, Text: fmt.Sprintf("a frame of more than %d bytes", wire.MessageBytesMax)}
	}
	if err != nil {
		return inbound{}, fmt.Errorf("%w: %w", errLine, err)
	}
	if kind != websocket.BinaryMessage {
		return inbound{}, &wire.Bye{Code: wire.ByeMessage, Text: "a frame that is not binary"}
	}
	m, err := wire.Unmarshal(frame)
	if err != nil {
		return inbound{}, &wire.Bye{Code: wire.ByeMessage, Text: err.Error()}
	}
	held := 0
	if _, ok := m.(*wire.Batch); ok {
		held = min(inflateRate*len(frame), wire.BatchInflatedMax)
		if err := s.hub.budget.take(ctx, held); err != nil {
			return inbound{}, err
		}
	}
	return inbound{m: m, held: held}, nil
}

// say writes one message.
func (s *session) say(m any) error {
	frame, err := wire.Marshal(m)
	if err != nil {
		return err
	}
	if err := s.conn.SetWriteDeadline(time.Now().Add(writeMax)); err != nil {
		return fmt.Errorf("%w: %w", errLine, err)
	}
	if err := s.conn.WriteMessage(websocket.BinaryMessage, frame); err != nil {
		return fmt.Errorf("%w: %w", errLine, err)
	}
	return nil
}

// greet learns who the till is and tells it what head office has.
func (s *session) greet(ctx context.Context) error {
	c := &wire.Challenge{Nonce: make([]byte, wire.NonceBytes), VersionMin: wire.VersionMin, VersionMax: wire.VersionMax}
	if _, err := io.ReadFull(s.hub.Random, c.Nonce); err != nil {
		return fmt.Errorf("read randomness for a challenge: %w", err)
	}
	if err := s.say(c); err != nil {
		return err
	}
	var first inbound
	select {
	case first = <-s.in:
	case <-ctx.Done():
		return ctx.Err()
	}
	if first.err != nil {
		return first.err
	}
	s.hub.budget.give(first.held)
	h, ok := first.m.(*wire.Hello)
	if !ok {
		return &wire.Bye{Code: wire.ByeMessage, Text: fmt.Sprintf("%T where a hello was due", first.m)}
	}
	if h.Version < wire.VersionMin || h.Version > wire.VersionMax {
		return &wire.Bye{Code: wire.ByeVersion, Text: fmt.Sprintf("version %d, head office speaks %d to %d", h.Version, wire.VersionMin, wire.VersionMax)}
	}
	if err := s.recognise(ctx, c, h); err != nil {
		return err
	}
	return s.welcome(ctx, h)
}

func (s *session) recognise(ctx context.Context, c *wire.Challenge, h *wire.Hello) error {
	key, revoked, err := s.hub.Store.TillKey(ctx, h.Org, h.Till)
	if err != nil {
		return err
	}
	if key == nil {
		return &wire.Bye{Code: wire.ByeUnknown, Text: fmt.Sprintf("till %d of organisation %d", h.Till, h.Org)}
	}
	if !ed25519.Verify(key, wire.HelloBytes(c.Nonce, h), h.Signature) {
		return errors.Join(&wire.Bye{Code: wire.ByeSignature, Text: "hello"}, s.flagSignature(ctx, tillKey{h.Org, h.Till}))
	}
	s.key, s.pub, s.revoked, s.down, s.snapshot = tillKey{h.Org, h.Till}, key, revoked, h.Down, h.Snapshot
	return nil
}

func (s *session) flagSignature(ctx context.Context, k tillKey) error {
	return s.hub.Store.Flag(ctx, k.org, k.till, "signature", s.hub.Now().Format(flagDay),
		fmt.Sprintf("От имени кассы %d подключались с чужим ключом, адрес %s", k.till, s.from),
		fmt.Sprintf("Somebody spoke in the name of till %d without its key, from %s", k.till, s.from))
}

func (s *session) welcome(ctx context.Context, h *wire.Hello) error {
	st := s.hub.Store
	generation, err := st.Generation(ctx, s.key.org)
	if err != nil {
		return err
	}
	if s.expect, err = st.Position(ctx, s.key.org, s.key.till); err != nil {
		return err
	}
	w := &wire.Welcome{
		Version: h.Version, Now: sale.At(s.hub.Now()), Generation: generation, Have: s.expect, Window: wire.WindowDefault, Quarantine: s.revoked,
	}
	if w.Signature, w.Cert, err = st.SignWelcome(ctx, s.key.org, wire.WelcomeBytes(h.Nonce, w)); err != nil {
		return err
	}
	s.hub.take(s)
	if err := st.SawTill(ctx, s.key.org, s.key.till, h.Program); err != nil {
		return err
	}
	if err := s.say(w); err != nil {
		return err
	}
	s.hub.Logger.Info("a till has come", "org", s.key.org, "till", s.key.till, "from", s.from, "program", h.Program,
		"has", s.expect.Seq, "quarantine", s.revoked)
	if h.Head.Epoch == s.expect.Epoch && h.Head.Epoch != 0 && (h.Head.Seq < s.expect.Seq || (h.Head.Seq == s.expect.Seq && h.Head.Head != s.expect.Head)) {
		return &wire.Bye{Code: wire.ByeFork, Text: fmt.Sprintf("you end at %d/%d, head office has %d/%d", h.Head.Epoch, h.Head.Seq, s.expect.Epoch, s.expect.Seq)}
	}
	if s.revoked {
		return nil
	}
	s.refill, err = st.NeedsRefill(ctx, s.key.org, s.down, s.snapshot)
	if err == nil && s.refill {
		return s.say(&wire.Down{From: s.down, To: s.down, Refill: true})
	}
	s.more = true
	return err
}

// serve answers the till until one of both goes.
func (s *session) serve(ctx context.Context) error {
	moved, stop := s.hub.Store.Watch(s.key.org)
	defer stop()
	defer s.abandon()
	ping, poll := time.NewTicker(pingEvery), time.NewTicker(pollEvery)
	defer ping.Stop()
	defer poll.Stop()
	wake := time.NewTimer(0) // the first Down
	defer wake.Stop()
	for {
		in := s.in
		if s.full() {
			in = nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-s.replaced:
			return &wire.Bye{Code: wire.ByeReplaced, Text: "the same till has connected again"}
		case m := <-in:
			if err := s.hear(ctx, m); err != nil {
				return err
			}
			if s.more && len(s.flying) < downsMax && s.mayPush() {
				wake.Reset(0)
			}
		case end := <-s.stored:
			if err := s.afterStore(ctx, end); err != nil {
				return err
			}
			if s.more && s.mayPush() {
				wake.Reset(s.hub.pause())
			}
		case <-moved:
			s.more = true
			if s.mayPush() {
				wake.Reset(s.hub.pause())
			}
		case <-poll.C:
			s.more = true
			if err := s.pushDown(ctx); err != nil {
				return err
			}
		case <-wake.C:
			if !s.mayPush() {
				continue // afterStore wakes us again
			}
			if err := s.pushDown(ctx); err != nil {
				return err
			}
		case <-ping.C:
			if err := s.conn.WriteControl(websocket.PingMessage, nil, time.Now().Add(writeMax)); err != nil {
				return fmt.Errorf("%w: %w", errLine, err)
			}
		}
	}
}

// mayPush tells whether changes are read as soon as there are any. While a till hands in a backlog, each of
// its sales changes its customers once more: what would be sent now would be sent again. So they wait for the
// poll, unless a customer stands at the till.
func (s *session) mayPush() bool { return s.asked || !s.draining() }

func (s *session) hear(ctx context.Context, m inbound) error {
	if m.err != nil {
		return errors.Join(s.settle(ctx), m.err)
	}
	switch x := m.m.(type) {
	case *wire.Batch:
		return s.hearBatch(ctx, x, m.held)
	case *wire.DownAck:
		return s.hearDownAck(ctx, x)
	case *wire.Ask:
		if s.revoked {
			return nil
		}
		s.asked = true
		if err := s.settle(ctx); err != nil { // what it sold to that customer just now counts
			return err
		}
		return s.hub.Leases.Request(ctx, s.key.org, s.key.till, x.Customers)
	case *wire.Find:
		return s.hearFind(ctx, x)
	case *wire.Status:
		return s.hub.Store.SaveStatus(ctx, s.key.org, s.key.till, x)
	}
	return &wire.Bye{Code: wire.ByeMessage, Text: fmt.Sprintf("%T in the middle of the talk", m.m)}
}
