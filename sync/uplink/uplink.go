package uplink

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"github.com/kopilka/kopilka/ledger/sale"
	"github.com/kopilka/kopilka/sync/wire"
)

// Journal is the till's journal, and its outbox at once.
type Journal interface {
	// Head is the newest record.
	Head() sale.Position
	// Acked is the cursor: how far head office holds the journal, as it last told.
	Acked() sale.Position
	// Since reads records of after's epoch that follow it, at most so many and so many bytes, but always
	// one if there is one. A later epoch is asked for by its own position with seq zero.
	Since(after sale.Position, records, bytes int) ([]sale.Entry, error)
	// Find is the hash of a record. Seq zero is found, with the zero hash, in every epoch up to the newest.
	Find(epoch uint32, seq uint64) (sale.Hash, bool, error)
	// Confirm moves the cursor to what head office holds; backwards it does nothing.
	Confirm(have sale.Position) error
	// OpenEpoch begins an epoch after both ours and theirs, freezes the leases, and forgets what state was
	// applied, so that all of it is asked for again.
	OpenEpoch(reason string, theirs sale.Position) error
	// Appended is signalled when new records are there; one signal may stand for many.
	Appended() <-chan struct{}
}

// Replica is head office's state as the till holds it.
type Replica interface {
	// Applied is the version of the state that is on disk; zero is none.
	Applied() uint64
	// Apply puts changes on disk and the version to `to`, in one transaction.
	Apply(to uint64, changes []sale.Change) error
	// Filled is the version of the customers' snapshot; zero is none.
	Filled() uint64
	// Fill replaces the customers with a snapshot, whole or not at all. Applied stays: the snapshot holds
	// nothing but customers. next gives them sorted by number, a chunk at a time, and nil, nil at
	// the end.
	Fill(version uint64, at sale.Time, customers uint64, next func() ([]sale.CustomerChange, error)) error
	// Regenerate hands every lease back when head office came back from a backup.
	Regenerate(generation uint32) error
	// SetAside counts the changes that Apply could not read and left out.
	SetAside() int
}

// Ledger is what the uplink needs of the till's ledger. Its methods are called from several goroutines.
type Ledger interface {
	Journal
	Replica
}

// Options are what an uplink needs. Identity, Ledger and Cache are required.
type Options struct {
	Identity Identity
	Ledger   Ledger
	Cache    string // folder for snapshot chunks; made if missing
	Program  string // "kopilka-agent 1.0.0", for head office's list of tills
	// Trust is told head office's time at every welcome, before anything else comes down.
	Trust func(now sale.Time)

	Dial   func(ctx context.Context, network, addr string) (net.Conn, error) // default: the machine's network
	TLS    *tls.Config                                                       // default: the machine's roots
	Proxy  func(*http.Request) (*url.URL, error)                             // default: none
	Now    func() time.Time                                                  // default: time.Now
	Random io.Reader                                                         // nonces and waits; default: crypto/rand
	Logger *slog.Logger                                                      // default: slog.Default
}

// Uplink is the till's side of the talk with head office. Its methods are safe for concurrent use and
// return at once, except Run.
type Uplink struct {
	Options
	client  *http.Client
	state   atomic.Pointer[State]
	changed chan struct{}
	wishes  wishes
	backoff backoff
	grumble grumble
	again   bool   // the last session asked to be repeated at once; twice in a row is not granted
	gen     uint32 // head office's generation at the last welcome
}

// New prepares an uplink; it does nothing before Run.
func New(o Options) (*Uplink, error) {
	if o.Ledger == nil || o.Cache == "" {
		return nil, errors.New("uplink: ledger and cache folder are required")
	}
	if !o.Identity.Enrolled() {
		return nil, ErrNotEnrolled
	}
	if err := o.Identity.check(); err != nil {
		return nil, err
	}
	if _, err := o.Identity.endpoint(true, wire.PathSocket); err != nil {
		return nil, err
	}
	o.setDefaults()
	u := &Uplink{Options: o, changed: make(chan struct{}, 1), backoff: backoff{random: o.Random}}
	u.wishes.signal = make(chan struct{}, 1)
	u.client = &http.Client{Transport: &http.Transport{
		DialContext: o.Dial, TLSClientConfig: o.TLS, Proxy: o.Proxy, ForceAttemptHTTP2: true,
		TLSHandshakeTimeout: handshakeMax, ResponseHeaderTimeout: deadAfter, IdleConnTimeout: deadAfter,
	}}
	u.state.Store(&State{Since: o.Now(), Unsent: u.unsent(o.Ledger.Acked()), Code: CodeNetwork, Text: texts[CodeNetwork]})
	return u, nil
}

func (o *Options) setDefaults() {
	if o.Dial == nil {
		o.Dial = new(net.Dialer).DialContext
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Random == nil {
		o.Random = rand.Reader
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.Trust == nil {
		o.Trust = func(sale.Time) {}
	}
}

// Run keeps the till connected until ctx ends; then it returns nil. Every goroutine that it starts has
// ended by then. It returns an error only when it has no randomness to go on with.
func (u *Uplink) Run(ctx context.Context) error {
	defer u.client.CloseIdleConnections()
	for {
		began := u.Now()
		err := u.talk(ctx)
		if ctx.Err() != nil {
			u.offline(CodeNetwork)
			return nil
		}
		if u.Now().Sub(began) > deadAfter {
			u.progress()
		}
		if errors.Is(err, errAgain) {
			if !u.again {
				u.again = true
				continue
			}
			err = problem(CodeProtocol, "head office asked twice in a row to begin anew: %w", err)
		}
		if err := u.pause(ctx, err); err != nil {
			return err
		}
	}
}

// pause waits out a failure.
func (u *Uplink) pause(ctx context.Context, failure error) error {
	p := problemOf(failure)
	u.offline(p.Code)
	wait, err := u.backoff.next(p.Retry)
	if err != nil {
		return err
	}
	u.grumble.log(u.Logger, u.Now(), p, wait)
	timer := time.NewTimer(wait)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
			return nil
		case <-u.Ledger.Appended():
			u.publish(func(s *State) { s.Unsent = u.unsent(u.Ledger.Acked()) })
		}
	}
}

// progress follows anything that shows that head office takes or gives: the next failure waits little.
func (u *Uplink) progress() {
	u.backoff.reset()
	u.again = false
}

// unsent counts the records after a position.
func (u *Uplink) unsent(acked sale.Position) uint64 {
	head := u.Ledger.Head()
	if head.Epoch <= acked.Epoch {
		return head.Seq - min(head.Seq, acked.Seq)
	}
	older := u.last(acked.Epoch)
	return head.Seq + older - min(older, acked.Seq)
}

// last is the number of an older epoch's last record, by halving; zero where it cannot be read. Epochs
// change a few times in a till's life, so nobody keeps an index for this.
func (u *Uplink) last(epoch uint32) uint64 {
	holds := func(seq uint64) bool {
		_, found, err := u.Ledger.Find(epoch, seq)
		return err == nil && found
	}
	low, high := uint64(0), uint64(1)
	for high < 1<<62 && holds(high) {
		low, high = high, 2*high
	}
	for low+1 < high {
		if middle := low + (high-low)/2; holds(middle) {
			low = middle
		} else {
			high = middle
		}
	}
	return low
}

// grumbleEvery is how often the same failure is logged: a till that is off the network for a week
// must not fill its disk by saying so.
const grumbleEvery = 10 * time.Minute

// grumble logs failures, the same one at most every grumbleEvery.
type grumble struct {
	code    Code
	at      time.Time
	skipped int
}

func (g *grumble) log(l *slog.Logger, now time.Time, p *Problem, wait time.Duration) {
	if p.Code == g.code && now.Sub(g.at) < grumbleEvery {
		g.skipped++
		return
	}
	l.Warn("head office not reached", "problem", string(p.Code), "err", p.Err, "retry_in", wait, "not_logged", g.skipped)
	*g = grumble{code: p.Code, at: now}
}

func (g *grumble) reset() { *g = grumble{} }

// wishes are what the till wants to tell head office besides its journal.
type wishes struct {
	mu     sync.Mutex // held for a few instructions, never across I/O
	ask    []sale.CustomerNo
	status *wire.Status
	signal chan struct{}

	finding bool // a session is there that takes questions
	ref     uint32
	finds   []*find // that wait for an answer
	unasked []*wire.Find
}

// askMax bounds the customers who wait to be asked for: the people who can stand at one till.
const askMax = 4 * wire.AskCustomersMax

// Ask wants the leases of customers who stand at this till; the answer comes as state. Repeated wishes
// are one. It tells whether head office will hear of it: offline there is nobody to ask, and an old wish
// would move points to a till that the customer has left.
func (u *Uplink) Ask(customers ...sale.CustomerNo) bool {
	if s := u.State(); !s.Online || s.Code == CodeRevoked {
		return false
	}
	u.wishes.mu.Lock()
	defer u.wishes.mu.Unlock()
	for _, no := range customers {
		if !contains(u.wishes.ask, no) {
			u.wishes.ask = append(u.wishes.ask, no)
		}
	}
	if len(u.wishes.ask) > askMax {
		u.wishes.ask = u.wishes.ask[len(u.wishes.ask)-askMax:]
	}
	u.wishes.ring()
	return true
}

func contains(list []sale.CustomerNo, no sale.CustomerNo) bool {
	for _, have := range list {
		if have == no {
			return true
		}
	}
	return false
}

// SendStatus tells head office how the till is. The latest wins; offline it is kept, and sent when
// connected.
func (u *Uplink) SendStatus(s wire.Status) {
	u.wishes.mu.Lock()
	defer u.wishes.mu.Unlock()
	u.wishes.status = &s
	u.wishes.ring()
}

// ring needs the mutex.
func (w *wishes) ring() {
	select {
	case w.signal <- struct{}{}:
	default: // one signal stands for all
	}
}

// take empties the wishes; a session that fails puts the status back.
func (w *wishes) take() ([]sale.CustomerNo, *wire.Status) {
	w.mu.Lock()
	defer w.mu.Unlock()
	ask, status := w.ask, w.status
	w.ask, w.status = nil, nil
	return ask, status
}

func (w *wishes) forgetAsk() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ask = nil
}
