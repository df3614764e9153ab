// Package cloud is head office put together: the database, the door for tills, what head office decides by
// itself, and the pages, behind one listener.
//
// It only assembles. What will bite: the order of starting (the listener last, so that nobody is let in
// before all is ready) and of ending (the listener first, then sessions, then the database).
package cloud

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/kopilka/kopilka/cloud/hub"
	"github.com/kopilka/kopilka/cloud/programme"
	"github.com/kopilka/kopilka/cloud/store"
	"github.com/kopilka/kopilka/ledger/sale"
)

// Limits of the listener.
const (
	headerMax   = 16 << 10
	headerWait  = 10 * time.Second
	requestWait = 2 * time.Minute // for a whole request: the largest is an import of products
	idleWait    = 2 * time.Minute
	closeWait   = 10 * time.Second
)

// Config is what differs between two head offices.
type Config struct {
	Listen   string `yaml:"listen"`   // host:port; port 0 takes a free one
	Data     string `yaml:"data"`     // folder of the embedded database
	Postgres string `yaml:"postgres"` // address of PostgreSQL instead of the folder
	BaseURL  string `yaml:"base_url"` // where tills and people reach us, shown with enrolment codes
	TLSCert  string `yaml:"tls_cert"` // PEM; both empty: plain HTTP, for behind a proxy
	TLSKey   string `yaml:"tls_key"`
}

// DefaultConfig listens on this machine only: to be reached from outside is a decision.
func DefaultConfig() Config { return Config{Listen: "127.0.0.1:8420", Data: "kopilka-data"} }

// Validate names every problem at once, a line each: "path: problem (got value)".
func (c Config) Validate() error {
	var problems []error
	bad := func(path, problem, got string) {
		problems = append(problems, fmt.Errorf("%s: %s (got %q)", path, problem, got))
	}
	if _, _, err := net.SplitHostPort(c.Listen); err != nil {
		bad("listen", "want host:port", c.Listen)
	}
	if c.Data == "" && c.Postgres == "" {
		bad("data", "want a folder, or postgres: an address", "")
	}
	if (c.TLSCert == "") != (c.TLSKey == "") {
		bad("tls_key", "tls_cert and tls_key come together", c.TLSKey)
	}
	return errors.Join(problems...)
}

// where is what the store opens.
func (c Config) where() string {
	if c.Postgres != "" {
		return c.Postgres
	}
	return c.Data
}

// Program is a running head office. Fill in the first part, then Open, then Run.
type Program struct {
	Config Config
	Now    func() time.Time
	Random io.Reader
	Logger *slog.Logger
	// Listener, where set, is used instead of Config.Listen.
	Listener net.Listener
	// Pages, where set, makes the handler of everything that is not a till's path.
	Pages func(*Program) (http.Handler, error)
	// Cut is the hub's, for tests.
	Cut func(at hub.Cut, org sale.OrgNo, till sale.TillNo) bool

	Store  *store.Store
	Office *programme.Office
	Hub    *hub.Hub

	handler    http.Handler
	background background
}

// Open opens the database and puts the parts together.
func (p *Program) Open(ctx context.Context) (err error) {
	if err := p.Config.Validate(); err != nil {
		return err
	}
	if p.Store, err = store.Open(ctx, p.Config.where(), p.Now); err != nil {
		return err
	}
	p.Office = programme.New(programme.Options{Store: p.Store, Stale: store.ErrStale, Now: p.Now, Logger: p.Logger})
	p.Hub = hub.New(hub.Options{Store: p.Store, Leases: p.Office, Now: p.Now, Random: p.Random, Logger: p.Logger, Cut: p.Cut})
	if p.handler, err = p.mux(); err != nil {
		return errors.Join(err, p.Close())
	}
	return nil
}

// Close closes the database. Call it after Run has returned.
func (p *Program) Close() error {
	p.background.close()
	return p.Store.Close()
}

func (p *Program) mux() (http.Handler, error) {
	mux := http.NewServeMux()
	mux.Handle("/till/", p.Hub.Handler())
	mux.HandleFunc("GET /healthz", p.healthz)
	if p.Pages == nil {
		return mux, nil
	}
	pages, err := p.Pages(p)
	if err != nil {
		return nil, fmt.Errorf("make the pages: %w", err)
	}
	mux.Handle("/", pages)
	return mux, nil
}

// healthz answers ok while the database answers.
func (p *Program) healthz(w http.ResponseWriter, q *http.Request) {
	if _, err := p.Store.Orgs(q.Context()); err != nil {
		p.Logger.Error("the database does not answer", "err", err)
		http.Error(w, "the database does not answer", http.StatusServiceUnavailable)
		return
	}
	if _, err := io.WriteString(w, "ok\n"); err != nil {
		p.Logger.Debug("answer a health check", "err", err)
	}
}

// Listen takes the address; Run does it if it was not done before.
func (p *Program) Listen(ctx context.Context) error {
	if p.Listener != nil {
		return nil
	}
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", p.Config.Listen)
	if err != nil {
		return fmt.Errorf("listen on %s: %w", p.Config.Listen, err)
	}
	p.Listener = l
	return nil
}

// Run serves until ctx ends, and returns when every session and worker has ended.
func (p *Program) Run(ctx context.Context) error {
	orgs, err := p.Store.Orgs(ctx)
	if err == nil {
		err = p.Listen(ctx)
	}
	if ctx.Err() != nil {
		return nil // told to end before it had begun
	}
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var wg sync.WaitGroup
	work := func(fn func(context.Context) error) {
		wg.Go(func() {
			if err := fn(ctx); err != nil {
				cancel(err)
			}
		})
	}
	work(p.Hub.Run)
	for _, org := range orgs {
		work(func(ctx context.Context) error { return p.Office.Run(ctx, org) })
		work(func(ctx context.Context) error { p.tellStandings(ctx, org); return nil })
	}
	work(p.serve)
	<-ctx.Done()
	wg.Wait()
	if err := context.Cause(ctx); !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

// standingsEvery is how often stores are told of cashiers' figures that changed since they last heard.
const standingsEvery = time.Minute

// tellStandings runs until ctx ends. A failure is told again with the next receipt or minute.
func (p *Program) tellStandings(ctx context.Context, org sale.OrgNo) {
	tick := time.NewTicker(standingsEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if err := p.Store.SweepStandings(ctx, org); err != nil && ctx.Err() == nil {
				p.Logger.Error("could not tell stores how their cashiers stand; will try again", "org", org, "err", err)
			}
		}
	}
}

func (p *Program) serve(ctx context.Context) error {
	server := &http.Server{
		Handler: p.handler, ReadHeaderTimeout: headerWait, ReadTimeout: requestWait, IdleTimeout: idleWait, MaxHeaderBytes: headerMax,
		ErrorLog: slog.NewLogLogger(p.Logger.Handler(), slog.LevelDebug), BaseContext: func(net.Listener) context.Context { return ctx },
		TLSConfig: &tls.Config{MinVersion: tls.VersionTLS12},
	}
	ended := make(chan error, 1)
	go func() {
		if p.Config.TLSCert != "" {
			ended <- server.ServeTLS(p.Listener, p.Config.TLSCert, p.Config.TLSKey)
			return
		}
		ended <- server.Serve(p.Listener)
	}()
	p.Logger.Info("head office is open", "address", p.Listener.Addr().String(), "database", p.Store.Engine())
	select {
	case err := <-ended:
		return fmt.Errorf("serve: %w", err)
	case <-ctx.Done():
	}
	within, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeWait)
	defer cancel()
	err := server.Shutdown(within)
	if err != nil {
		err = errors.Join(fmt.Errorf("end running requests: %w", err), server.Close())
	}
	if served := <-ended; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	return err
}
