// Package cloudtest starts a whole head office for tests: a real database in a temp folder, real sockets on
// a random port, with faults on request.
package cloudtest

import (
	"context"
	"crypto/ed25519"
	crand "crypto/rand"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/kopilka/kopilka/cloud"
	"github.com/kopilka/kopilka/cloud/hub"
	"github.com/kopilka/kopilka/cloud/store"
	"github.com/kopilka/kopilka/ledger/loyalty"
	"github.com/kopilka/kopilka/ledger/sale"
	"github.com/kopilka/kopilka/sync/wire"
)

// Options change a head office for a test; the zero value is a healthy one with one store.
type Options struct {
	Now      func() time.Time // nil: the real clock
	Listener net.Listener     // nil: a free port of this machine
	Postgres string           // nil: SQLite in a temp folder
	Stores   int              // zero: one
	// FailureRate is the part of batches after whose commit the line is cut before the Ack leaves, drawn
	// from Seed.
	FailureRate float64
	Seed        uint64
	// Cut is asked besides.
	Cut    func(at hub.Cut, org sale.OrgNo, till sale.TillNo) bool
	Pages  func(*cloud.Program) (http.Handler, error)
	Logger *slog.Logger
}

// HeadOffice is a running head office with one organisation and its default programme.
type HeadOffice struct {
	*cloud.Program
	Org  sale.OrgNo
	Root ed25519.PublicKey
	URL  string // "http://127.0.0.1:40001"

	t      testing.TB
	cancel context.CancelFunc
	ended  chan error
	faults *faults
}

// faults draws from its own seed, so that a run repeats.
type faults struct {
	mu   sync.Mutex
	rate float64
	rand *rand.Rand
	also func(at hub.Cut, org sale.OrgNo, till sale.TillNo) bool
}

func (f *faults) cut(at hub.Cut, org sale.OrgNo, till sale.TillNo) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.also != nil && f.also(at, org, till) {
		return true
	}
	return at == hub.CutAfterCommit && f.rate > 0 && f.rand.Float64() < f.rate
}

// Start runs a head office until the test ends.
func Start(t testing.TB, o Options) *HeadOffice {
	t.Helper()
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	f := &faults{rate: o.FailureRate, rand: rand.New(rand.NewPCG(o.Seed, 1)), also: o.Cut}
	h := &HeadOffice{t: t, faults: f, Program: &cloud.Program{
		Config: cloud.Config{Listen: "127.0.0.1:0", Data: t.TempDir(), Postgres: o.Postgres}, Now: o.Now, Random: crand.Reader, Logger: o.Logger,
		Listener: o.Listener, Pages: o.Pages, Cut: f.cut,
	}}
	ctx := context.Background()
	h.must(h.Open(ctx), "open head office")
	h.found(ctx, max(1, o.Stores))
	h.start()
	t.Cleanup(h.Stop)
	return h
}

func (h *HeadOffice) must(err error, what string) {
	h.t.Helper()
	if err != nil {
		h.t.Fatalf("%s: %v", what, err)
	}
}

// found makes the organisation, its stores and its rules.
func (h *HeadOffice) found(ctx context.Context, stores int) {
	h.t.Helper()
	org, err := h.Store.CreateOrg(ctx, "Test", crand.Reader)
	h.must(err, "create the organisation")
	o, err := h.Store.Org(ctx, org)
	h.must(err, "read the organisation")
	h.Org, h.Root = org, o.Root
	for no := range stores {
		h.must(h.Store.PutShop(ctx, org, store.Shop{No: sale.StoreNo(no + 1), Name: "Test store", Zone: "Europe/Moscow"}), "create a store")
	}
	_, err = h.Office.Publish(ctx, org, *loyalty.Default(), "test", "")
	h.must(err, "publish the programme")
}

func (h *HeadOffice) start() {
	h.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	h.must(h.Listen(ctx), "listen")
	h.URL, h.cancel, h.ended = "http://"+h.Listener.Addr().String(), cancel, make(chan error, 1)
	go func() { h.ended <- h.Run(ctx) }()
}

// Stop ends head office and waits for it. It may be called twice.
func (h *HeadOffice) Stop() {
	if h.cancel == nil {
		return
	}
	h.cancel()
	h.cancel = nil
	if err := <-h.ended; err != nil {
		h.t.Errorf("head office ended badly: %v", err)
	}
	if err := h.Close(); err != nil {
		h.t.Errorf("close head office: %v", err)
	}
}

// SetFailureRate changes how often the line is cut between commit and Ack.
func (h *HeadOffice) SetFailureRate(rate float64) {
	h.faults.mu.Lock()
	defer h.faults.mu.Unlock()
	h.faults.rate = rate
}

// Code makes an enrolment code for a store, as the pages do.
func (h *HeadOffice) Code(no sale.StoreNo) wire.EnrolCode {
	h.t.Helper()
	code, err := h.Store.NewCode(context.Background(), h.Org, no, 0, "test", crand.Reader)
	h.must(err, "make an enrolment code")
	return code
}

// Enrolled is a till with its key, enrolled without a network.
type Enrolled struct {
	wire.EnrolAnswer
	Key ed25519.PrivateKey
}

// Enrol seats a till with a key of its own.
func (h *HeadOffice) Enrol(no sale.StoreNo) Enrolled {
	h.t.Helper()
	public, private, err := ed25519.GenerateKey(crand.Reader)
	h.must(err, "draw a till's key")
	code := h.Code(no)
	a, err := h.Store.Enrol(context.Background(), &wire.EnrolRequest{
		Secret: code.Secret, Key: public, Proof: ed25519.Sign(private, wire.ProofBytes(code.Secret)), Name: "test till", Program: "test",
	})
	h.must(err, "enrol a till")
	return Enrolled{*a, private}
}
