package uplink

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"github.com/kopilka/kopilka/ledger/sale"
	"github.com/kopilka/kopilka/sync/wire"
)

// How long what may take (sync.md C8).
const (
	handshakeMax = 20 * time.Second // from dialling to the welcome, each step
	pingEvery    = 30 * time.Second
	deadAfter    = 75 * time.Second // without a byte; two pings and some
	closeMax     = time.Second      // for the last words of a session
	replacedWait = 30 * time.Second // two machines with one identity must not fight at full speed
)

// errAgain ends a session that must begin anew at once, with a new hello.
var errAgain = errors.New("say hello again")

// session is one connection. run's goroutine owns it; the reader and the writer only move frames.
type session struct {
	*Uplink
	conn *websocket.Conn

	in        chan any      // messages read, in order
	out       chan []byte   // frames to write
	readFail  chan error    // the reader's end, one
	writeFail chan error    // the writer's end, one
	filled    chan error    // the end of a fill, one
	done      chan struct{} // closed when the session ends
	wg        sync.WaitGroup

	welcomed  time.Time // by Now, when head office's time was...
	officeNow sale.Time // ...this
	outbox    outbox
	revoked   bool
	filling   bool
	queue     [][]byte // small messages, before any batch
	status    *wire.Status
}

// talk is one session from dialling to its end, which is always an error.
func (u *Uplink) talk(ctx context.Context) error {
	conn, err := u.connect(ctx)
	if err != nil {
		return err
	}
	s := &session{
		Uplink: u, conn: conn, in: make(chan any), out: make(chan []byte), done: make(chan struct{}),
		readFail: make(chan error, 1), writeFail: make(chan error, 1), filled: make(chan error, 1),
	}
	ctx, cancel := context.WithCancel(ctx)
	s.wg.Go(s.read)
	s.wg.Go(s.write)
	err = s.run(ctx)
	cancel()
	return s.end(err)
}

func (u *Uplink) connect(ctx context.Context) (*websocket.Conn, error) {
	address, err := u.Identity.endpoint(true, wire.PathSocket)
	if err != nil {
		return nil, err
	}
	dialer := websocket.Dialer{NetDialContext: u.Dial, TLSClientConfig: u.TLS, Proxy: u.Proxy, HandshakeTimeout: handshakeMax}
	ctx, cancel := context.WithTimeout(ctx, handshakeMax)
	defer cancel()
	conn, answer, err := dialer.DialContext(ctx, address, nil)
	if err == nil {
		conn.SetReadLimit(wire.MessageBytesMax)
		return conn, nil
	}
	err = fmt.Errorf("connect to %s: %w", address, err)
	if answer == nil {
		return nil, &Problem{Code: CodeNetwork, Err: err}
	}
	err = errors.Join(fmt.Errorf("head office answered %s: %w", answer.Status, err), answer.Body.Close())
	if answer.StatusCode == http.StatusServiceUnavailable || answer.StatusCode == http.StatusTooManyRequests {
		return nil, &Problem{Code: CodeBusy, Err: err, Retry: retryAfter(answer)}
	}
	return nil, &Problem{Code: CodeProtocol, Err: err}
}

// retryAfter reads the header of that name, in seconds.
func retryAfter(a *http.Response) time.Duration {
	n, err := strconv.ParseUint(a.Header.Get("Retry-After"), 10, 16)
	if err != nil {
		return 0 // absent, or a date, which nobody here sends
	}
	return time.Duration(n) * time.Second
}

// end closes the connection and waits for the session's goroutines.
func (s *session) end(cause error) error {
	if cause == nil || errors.Is(cause, errAgain) || errors.Is(cause, context.Canceled) {
		bye := websocket.FormatCloseMessage(websocket.CloseNormalClosure, "")
		_ = s.conn.WriteControl(websocket.CloseMessage, bye, time.Now().Add(closeMax)) // a courtesy; the line may be dead
	}
	s.wishes.openFinds(false)
	close(s.done)
	_ = s.conn.Close() // ends the reader and the writer; the session's own error says more than this one
	s.wg.Wait()
	if s.status != nil {
		s.keepStatus()
	}
	return cause
}

// keepStatus puts back a status that may not have arrived, unless a newer one waits.
func (s *session) keepStatus() {
	s.wishes.mu.Lock()
	defer s.wishes.mu.Unlock()
	if s.wishes.status == nil {
		s.wishes.status = s.status
	}
}

// read moves messages from the socket until it fails. A pong counts as a sign of life.
func (s *session) read() {
	alive := func(string) error { return s.conn.SetReadDeadline(time.Now().Add(deadAfter)) }
	s.conn.SetPongHandler(alive)
	for {
		if err := alive(""); err != nil {
			s.readFail <- err
			return
		}
		m, err := s.readMessage()
		if err != nil {
			s.readFail <- err
			return
		}
		select {
		case s.in <- m:
		case <-s.done:
			return
		}
	}
}

func (s *session) readMessage() (any, error) {
	kind, frame, err := s.conn.ReadMessage()
	if err != nil {
		return nil, fmt.Errorf("read from head office: %w", err)
	}
	if kind != websocket.BinaryMessage {
		return nil, problem(CodeProtocol, "a frame of websocket type %d", kind)
	}
	m, err := wire.Unmarshal(frame)
	if err != nil {
		return nil, &Problem{Code: CodeProtocol, Err: err}
	}
	return m, nil
}

// write moves frames to the socket, and pings.
func (s *session) write() {
	ping := time.NewTicker(pingEvery)
	defer ping.Stop()
	for {
		var err error
		select {
		case <-s.done:
			return
		case frame := <-s.out:
			err = errors.Join(s.conn.SetWriteDeadline(time.Now().Add(deadAfter)), s.conn.WriteMessage(websocket.BinaryMessage, frame))
		case <-ping.C:
			err = s.conn.WriteControl(websocket.PingMessage, nil, time.Now().Add(deadAfter))
		}
		if err != nil {
			s.writeFail <- fmt.Errorf("write to head office: %w", err)
			return
		}
	}
}

// run greets, and then serves the session until it fails.
func (s *session) run(ctx context.Context) error {
	if err := s.greet(ctx); err != nil {
		return err
	}
	for {
		frame, err := s.nextFrame()
		if err != nil {
			return err
		}
		if err := s.step(ctx, frame); err != nil {
			return err
		}
	}
}

// nextFrame is what should be written next, or nil: small messages first, then records.
func (s *session) nextFrame() ([]byte, error) {
	if len(s.queue) > 0 {
		return s.queue[0], nil
	}
	return s.outbox.next()
}

// sent notes that the writer took what nextFrame gave.
func (s *session) sent() {
	if len(s.queue) > 0 {
		s.queue = s.queue[1:]
		return
	}
	s.outbox.sent()
}

// step waits for one thing to happen. It never waits for the writer alone, so that head office, which
// may stop reading while its own writes wait for us, cannot lock up with us.
func (s *session) step(ctx context.Context, frame []byte) error {
	var out chan []byte
	if frame != nil {
		out = s.out
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case out <- frame:
		s.sent()
		return nil
	case m := <-s.in:
		return s.hear(ctx, m)
	case err := <-s.readFail:
		return err
	case err := <-s.writeFail:
		return s.lastWords(err)
	case err := <-s.filled:
		return s.afterFill(err)
	case <-s.Ledger.Appended():
		s.countUnsent()
		return nil
	case <-s.wishes.signal:
		return s.grant()
	}
}

// lastWords reads on for a moment after a failed write: head office may have said why it hung up.
func (s *session) lastWords(cause error) error {
	timer := time.NewTimer(closeMax)
	defer timer.Stop()
	for {
		select {
		case m := <-s.in:
			if bye, ok := m.(*wire.Bye); ok {
				return farewell(bye)
			}
		case end := <-s.readFail:
			return errors.Join(cause, end)
		case <-timer.C:
			return cause
		}
	}
}

// hear takes one message.
func (s *session) hear(ctx context.Context, m any) error {
	switch m := m.(type) {
	case *wire.Ack:
		return s.heardAck(m)
	case *wire.Down:
		return s.heardDown(ctx, m)
	case *wire.Found:
		return s.heardFound(m)
	case *wire.Bye:
		return farewell(m)
	}
	return problem(CodeProtocol, "%T in the middle of the talk", m)
}

func (s *session) heardAck(a *wire.Ack) error {
	moved, err := s.outbox.ack(a)
	if err != nil || !moved {
		return err
	}
	s.progress()
	s.publish(func(st *State) { st.LastAck = s.Now() })
	s.countUnsent()
	return nil
}

func (s *session) countUnsent() {
	s.publish(func(st *State) { st.Unsent = s.unsent(s.outbox.acked) })
}

// grant sends what the till wishes to say.
func (s *session) grant() error {
	ask, status := s.wishes.take()
	for len(ask) > 0 && !s.revoked {
		n := min(len(ask), wire.AskCustomersMax)
		if err := s.push(&wire.Ask{Customers: ask[:n]}); err != nil {
			return err
		}
		ask = ask[n:]
	}
	for _, q := range s.wishes.takeFinds() {
		if err := s.push(q); err != nil {
			return err
		}
	}
	if status == nil {
		return nil
	}
	// The till counts from what was ever acknowledged. A head office that came back from a backup has less, and would
	// grant the points of those records anew to whoever is of its generation with nothing unsent.
	status.Unsent = max(status.Unsent, s.unsent(s.outbox.acked))
	s.status = status
	return s.push(status)
}

// push queues a small message.
func (s *session) push(m any) error {
	frame, err := wire.Marshal(m)
	if err != nil {
		return &Problem{Code: CodeProtocol, Err: err}
	}
	s.queue = append(s.queue, frame)
	return nil
}

// greet proves each side to the other and compares the journals.
func (s *session) greet(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, handshakeMax)
	defer cancel()
	c, err := expect[*wire.Challenge](ctx, s)
	if err != nil {
		return err
	}
	if c.VersionMin > wire.VersionMax || c.VersionMax < wire.VersionMin {
		return problem(CodeVersion, "head office speaks versions %d to %d, this program %d to %d",
			c.VersionMin, c.VersionMax, wire.VersionMin, wire.VersionMax)
	}
	h, err := s.hello(c)
	if err != nil {
		return err
	}
	if err := s.push(h); err != nil {
		return err
	}
	w, err := expect[*wire.Welcome](ctx, s)
	if err != nil {
		return err
	}
	if err := s.believe(h, w); err != nil {
		return err
	}
	return s.welcome(w)
}

// expect writes what is queued and reads one message of the wanted type.
func expect[M any](ctx context.Context, s *session) (M, error) {
	var none M
	for {
		var out chan []byte
		var frame []byte
		if len(s.queue) > 0 {
			out, frame = s.out, s.queue[0]
		}
		select {
		case <-ctx.Done():
			return none, fmt.Errorf("wait for %T: %w", none, ctx.Err())
		case out <- frame:
			s.queue = s.queue[1:]
		case err := <-s.readFail:
			return none, err
		case err := <-s.writeFail:
			return none, s.lastWords(err)
		case m := <-s.in:
			if bye, ok := m.(*wire.Bye); ok {
				return none, farewell(bye)
			}
			if want, ok := m.(M); ok {
				return want, nil
			}
			return none, problem(CodeProtocol, "%T where %T was due", m, none)
		}
	}
}

func (s *session) hello(c *wire.Challenge) (*wire.Hello, error) {
	h := &wire.Hello{
		Version: min(c.VersionMax, wire.VersionMax), Org: s.Identity.Org, Till: s.Identity.Till, Nonce: make([]byte, wire.NonceBytes),
		Head: s.Ledger.Head(), Down: s.Ledger.Applied(), Snapshot: s.Ledger.Filled(), Program: s.Program,
	}
	if _, err := io.ReadFull(s.Random, h.Nonce); err != nil {
		return nil, fmt.Errorf("read randomness for a nonce: %w", err)
	}
	h.Signature = ed25519.Sign(s.Identity.Key, wire.HelloBytes(c.Nonce, h))
	return h, nil
}

// believe checks that the welcome comes from a key that the pinned root has certified for it.
func (s *session) believe(h *wire.Hello, w *wire.Welcome) error {
	c, err := wire.VerifyCert(s.Identity.Root, w.Cert, wire.RoleOnline)
	if err != nil {
		return &Problem{Code: CodeTrust, Err: fmt.Errorf("welcome: %w", err)}
	}
	if c.Org != s.Identity.Org || !ed25519.Verify(c.Key, wire.WelcomeBytes(h.Nonce, w), w.Signature) {
		return problem(CodeTrust, "welcome: %w", wire.ErrTrust)
	}
	if w.Version != h.Version {
		return problem(CodeVersion, "head office answered in version %d to %d", w.Version, h.Version)
	}
	return nil
}

// welcome takes what head office says of itself and finds where the journals meet.
func (s *session) welcome(w *wire.Welcome) error {
	s.welcomed, s.officeNow = s.Now(), w.Now
	s.Trust(w.Now)
	if s.gen != 0 && s.gen != w.Generation {
		s.Logger.Warn("head office was restored from a backup", "generation", w.Generation, "before", s.gen, "has", w.Have.Seq)
	}
	s.gen, s.revoked = w.Generation, w.Quarantine
	s.outbox = outbox{identity: s.Identity, journal: s.Ledger, window: w.Window}
	if err := s.outbox.meet(w.Have); err != nil {
		if errors.Is(err, errAgain) {
			s.Logger.Warn("this ledger is older than head office's copy: opened a new epoch",
				"epoch", s.Ledger.Head().Epoch, "their_epoch", w.Have.Epoch, "their_seq", w.Have.Seq)
		}
		return err
	}
	if err := s.Ledger.Regenerate(w.Generation); err != nil {
		return &Problem{Code: CodeLedger, Err: fmt.Errorf("hand the leases back to a restored head office: %w", err)}
	}
	code := CodeNone
	if w.Quarantine {
		code = CodeRevoked
	}
	s.Logger.Info("connected to head office", "epoch", w.Have.Epoch, "has", w.Have.Seq, "fork", s.outbox.fork, "quarantine", w.Quarantine)
	if code == CodeNone && s.Ledger.SetAside() > 0 {
		code = CodeAside
	}
	s.online(code)
	s.wishes.openFinds(!w.Quarantine && w.Version >= wire.VersionFind)
	s.countUnsent()
	return s.grant()
}

// trusted is head office's time carried on.
func (s *session) trusted() sale.Time { return s.officeNow.Add(s.Now().Sub(s.welcomed)) }

// farewell makes a problem of a bye.
func farewell(b *wire.Bye) error {
	codes := map[wire.ByeCode]Code{
		wire.ByeBusy: CodeBusy, wire.ByeVersion: CodeVersion, wire.ByeUnknown: CodeUnknown, wire.ByeSignature: CodeUnknown,
		wire.ByeOrder: CodeJournal, wire.ByeFork: CodeJournal, wire.ByeMessage: CodeProtocol, wire.ByeReplaced: CodeReplaced,
		wire.ByeShutdown: CodeBusy, wire.ByeInternal: CodeBusy,
	}
	p := &Problem{Code: CodeProtocol, Err: b, Retry: time.Duration(min(uint64(max(0, b.RetryAfter)), retryMaxMS)) * time.Millisecond}
	if code, ok := codes[b.Code]; ok {
		p.Code = code
	}
	if b.Code == wire.ByeReplaced {
		p.Retry = max(p.Retry, replacedWait)
	}
	return p
}

// retryMaxMS bounds what a bye may ask for before it is reckoned with.
const retryMaxMS = uint64(backoffMax / time.Millisecond)
