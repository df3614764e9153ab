package hub

import (
	"context"
	"crypto/ed25519"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"github.com/kopilka/kopilka/ledger/sale"
	"github.com/kopilka/kopilka/sync/wire"
)

// Limits of the door.
const (
	handshakesMax = 64               // at once; a fleet that comes back together is told to wait (sync.md C9)
	downloadsMax  = 32               // snapshot requests at once: each is some hundred kilobytes in memory
	backlogMax    = 2                // appends of draining tills at once, so that live sales are never behind more
	budgetBytes   = 64 << 20         // of batches on the way from socket to store, decompressed
	bufferBytes   = 1024             // of a connection: more only costs memory while idle
	helloMax      = 20 * time.Second // from the challenge to the hello
	pingEvery     = 30 * time.Second
	deadAfter     = 75 * time.Second // two pings and some
	writeMax      = 15 * time.Second // for one frame
	pollEvery     = 5 * time.Second  // for changes that another node has committed
	retryPer      = 300              // reconnects a second that head office bears (sync.md C9)
	retryMin      = 5 * time.Second
)

// Journal keeps tills' records. What a till did wrong comes back as a *[wire.Bye].
type Journal interface {
	Append(ctx context.Context, org sale.OrgNo, till sale.TillNo, fork uint32, records []wire.Sealed) (sale.Position, error)
	Position(ctx context.Context, org sale.OrgNo, till sale.TillNo) (sale.Position, error)
	HashAt(ctx context.Context, org sale.OrgNo, till sale.TillNo, epoch uint32, seq uint64) (sale.Hash, bool, error)
}

// Feed is what comes down.
type Feed interface {
	Changes(ctx context.Context, org sale.OrgNo, till sale.TillNo, after, snapshot uint64, limit, bytesMax int) ([]sale.Change, uint64, bool, error)
	NeedsRefill(ctx context.Context, org sale.OrgNo, down, snapshot uint64) (bool, error)
	Watch(org sale.OrgNo) (moved <-chan struct{}, stop func())
}

// Receipts are what any till has sold and taken back.
type Receipts interface {
	// FindReceipt is a sale's record and its returns', by fiscal document, by ID, or by both.
	FindReceipt(ctx context.Context, org sale.OrgNo, doc sale.FiscalKey, id sale.ID) (record []byte, returns [][]byte, err error)
}

// Tills knows who is who.
type Tills interface {
	TillKey(ctx context.Context, org sale.OrgNo, till sale.TillNo) (key ed25519.PublicKey, revoked bool, err error)
	Enrol(ctx context.Context, req *wire.EnrolRequest) (*wire.EnrolAnswer, error)
	Flag(ctx context.Context, org sale.OrgNo, till sale.TillNo, kind, cause, ru, en string) error
}

// Office is the organisation's own voice.
type Office interface {
	Generation(ctx context.Context, org sale.OrgNo) (uint32, error)
	SignWelcome(ctx context.Context, org sale.OrgNo, body []byte) (signature, cert []byte, err error)
}

// Notes are what tills say of themselves.
type Notes interface {
	SawTill(ctx context.Context, org sale.OrgNo, till sale.TillNo, program string) error
	SaveStatus(ctx context.Context, org sale.OrgNo, till sale.TillNo, st *wire.Status) error
	SaveDown(ctx context.Context, org sale.OrgNo, till sale.TillNo, version uint64) error
}

// Snapshots are the customers of one moment.
type Snapshots interface {
	Manifest(ctx context.Context, org sale.OrgNo) (signed []byte, version uint64, err error)
	Chunk(ctx context.Context, org sale.OrgNo, hash sale.Hash) ([]byte, error)
}

// Store is the database behind all of these.
type Store interface {
	Journal
	Feed
	Tills
	Office
	Notes
	Snapshots
	Receipts
}

// Leases moves the right to spend points to where a customer stands. The answer comes by the feed.
type Leases interface {
	Request(ctx context.Context, org sale.OrgNo, till sale.TillNo, customers []sale.CustomerNo) error
}

// Cut is a place where a test may cut the line.
type Cut string

// The places.
const (
	CutBeforeCommit Cut = "before-commit"
	CutAfterCommit  Cut = "after-commit" // committed, the Ack never leaves
	CutBeforeDown   Cut = "before-down"
)

// Options is what a hub is made of. All but Cut are required.
type Options struct {
	Store  Store
	Leases Leases
	Now    func() time.Time
	Random io.Reader
	Logger *slog.Logger
	// Cut, where set, is asked at each place and hangs up without a word when it says so.
	Cut func(at Cut, org sale.OrgNo, till sale.TillNo) bool
}

// tillKey names a till in the world.
type tillKey struct {
	org  sale.OrgNo
	till sale.TillNo
}

// Hub serves tills. A till that comes before Run waits for it.
type Hub struct {
	Options
	upgrader   websocket.Upgrader
	handshakes chan struct{}
	downloads  chan struct{}
	backlog    chan struct{}
	budget     *budget
	enrols     *rate

	running chan struct{} // closed by Run

	mu       sync.Mutex // of what follows, for moments only
	ctx      context.Context
	closed   bool
	sessions map[tillKey]*session
	finds    map[tillKey]*finds
	wg       sync.WaitGroup
}

// New makes a hub.
func New(o Options) *Hub {
	return &Hub{
		Options: o,
		upgrader: websocket.Upgrader{
			ReadBufferSize: bufferBytes, WriteBufferSize: bufferBytes, WriteBufferPool: new(sync.Pool), HandshakeTimeout: writeMax,
			CheckOrigin: func(*http.Request) bool { return true }, // tills prove themselves by signature, not by cookie
		},
		handshakes: make(chan struct{}, handshakesMax), downloads: make(chan struct{}, downloadsMax), backlog: make(chan struct{}, backlogMax),
		budget: newBudget(budgetBytes), enrols: newRate(), sessions: map[tillKey]*session{}, finds: map[tillKey]*finds{},
		running: make(chan struct{}),
	}
}

// Run lets tills in until ctx ends, and then waits for every session to end.
func (h *Hub) Run(ctx context.Context) error {
	h.mu.Lock()
	if h.ctx != nil {
		h.mu.Unlock()
		return errors.New("the hub is running already")
	}
	h.ctx = ctx
	h.mu.Unlock()
	close(h.running)
	<-ctx.Done()
	h.mu.Lock()
	h.closed = true // nobody begins from here on, so Wait waits for all
	h.mu.Unlock()
	h.wg.Wait()
	return nil
}

// Handler serves the paths of package wire.
func (h *Hub) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+wire.PathSocket, h.serveSocket)
	mux.HandleFunc("POST "+wire.PathEnrol, h.serveEnrol)
	mux.HandleFunc("GET "+wire.PathManifest, h.serveManifest)
	mux.HandleFunc("GET "+wire.PathChunk+"{hash}", h.serveChunk)
	return mux
}

// Online tells whether a till is connected to this node.
func (h *Hub) Online(org sale.OrgNo, till sale.TillNo) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.sessions[tillKey{org, till}] != nil
}

// Sessions is how many tills are connected to this node.
func (h *Hub) Sessions() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.sessions)
}

// busy asks to come back: the longer, the more tills there are.
func (h *Hub) busy(w http.ResponseWriter) {
	w.Header().Set("Retry-After", strconv.Itoa(int(h.retryAfter().Seconds())))
	http.Error(w, "busy", http.StatusServiceUnavailable)
}

func (h *Hub) retryAfter() time.Duration {
	h.mu.Lock()
	defer h.mu.Unlock()
	return max(retryMin, time.Duration(len(h.sessions))*time.Second/retryPer)
}

// enter counts a goroutine into Run, unless Run is not there or about to end.
func (h *Hub) enter(work func(ctx context.Context)) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.ctx == nil || h.closed {
		return false
	}
	ctx := h.ctx
	h.wg.Go(func() { work(ctx) })
	return true
}

func (h *Hub) serveSocket(w http.ResponseWriter, q *http.Request) {
	select {
	case <-h.running: // the listener may be a moment ahead of it
	case <-q.Context().Done():
		return
	}
	select {
	case h.handshakes <- struct{}{}:
	default:
		h.busy(w)
		return
	}
	conn, err := h.upgrader.Upgrade(w, q, nil)
	if err != nil {
		<-h.handshakes
		h.Logger.Debug("a websocket that was none", "err", err, "from", q.RemoteAddr)
		return
	}
	s := newSession(h, conn, q.RemoteAddr)
	if !h.enter(s.run) {
		<-h.handshakes
		if err := conn.Close(); err != nil {
			h.Logger.Debug("close a connection", "err", err)
		}
	}
}

// take makes s the till's session and sends the one before it away.
func (h *Hub) take(s *session) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if old := h.sessions[s.key]; old != nil {
		close(old.replaced)
	}
	h.sessions[s.key] = s
}

func (h *Hub) drop(s *session) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.sessions[s.key] == s {
		delete(h.sessions, s.key)
	}
}

// pause is how long a session lets changes gather before it reads them: with many tills, each reading at
// every sale would cost tills × sales.
func (h *Hub) pause() time.Duration {
	h.mu.Lock()
	defer h.mu.Unlock()
	return min(2*time.Second, 20*time.Millisecond+time.Duration(len(h.sessions))*time.Millisecond)
}

func (h *Hub) cut(at Cut, k tillKey) bool { return h.Cut != nil && h.Cut(at, k.org, k.till) }
