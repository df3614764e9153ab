// Package cloud is head office put together: the database, the door for tills, what head office decides by
// itself, and the pages, behind one listener.
//
// It only assembles. What will bite: the order of starting (the listener last, so that nobody is let in
// before all is ready) and of ending (the listener first, then sessions, then the database).
package cloud

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/kopilka/kopilka/cloud/hub"
	"github.com/kopilka/kopilka/cloud/programme"
	"github.com/kopilka/kopilka/cloud/store"
	"github.com/kopilka/kopilka/cloud/updates"
	"github.com/kopilka/kopilka/ledger/sale"
	"github.com/kopilka/kopilka/sync/update"
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
	ACME     ACME   `yaml:"acme"`    // certificates from an issuer instead of files
	HTTP     string `yaml:"http"`    // host:port that sends browsers to https; empty: none
	Metrics  string `yaml:"metrics"` // host:port on this machine; empty: none
	Backups  string `yaml:"backups"` // folder
	Keep     int    `yaml:"backups_keep"`
	Updates  string `yaml:"updates"` // folder of the repository of till programs; empty: updates below data
}

// backupsKept is a fortnight of nights: a mistake is mostly noticed within one.
const backupsKept = 14

// DefaultConfig listens on this machine only: to be reached from outside is a decision.
func DefaultConfig() Config {
	return Config{Listen: "127.0.0.1:8420", Data: "kopilka-data", Backups: "kopilka-backups", Keep: backupsKept}
}

// Validate names every problem at once, a line each: "path: problem (got value)".
func (c Config) Validate() error {
	var problems []error
	bad := func(path, problem, got string) {
		problems = append(problems, fmt.Errorf("%s: %s (got %q)", path, problem, got))
	}
	for _, a := range []struct{ path, value string }{{"listen", c.Listen}, {"http", c.HTTP}, {"metrics", c.Metrics}} {
		if _, _, err := net.SplitHostPort(a.value); err != nil && (a.value != "" || a.path == "listen") {
			bad(a.path, "want host:port / нужно адрес:порт", a.value)
		}
	}
	if c.Metrics != "" && !isLoopback(c.Metrics) {
		bad("metrics", "this machine only, as in 127.0.0.1:9420: they have no password / только эта машина: пароля у них нет", c.Metrics)
	}
	if c.Data == "" && c.Postgres == "" {
		bad("data", "want a folder, or postgres: an address / нужна папка или адрес postgres", "")
	}
	if (c.TLSCert == "") != (c.TLSKey == "") {
		bad("tls_key", "tls_cert and tls_key come together / tls_cert и tls_key задаются вместе", c.TLSKey)
	}
	if c.TLSCert != "" && len(c.ACME.Domains) > 0 {
		bad("acme.domains", "certificates come from files or by acme, not both / сертификаты из файлов или по acme, не вместе", strings.Join(c.ACME.Domains, ", "))
	}
	if c.HTTP != "" && !c.TLS() {
		bad("http", "there is no https to send people to: set tls_cert and tls_key, or acme / некуда перенаправлять: нет https", c.HTTP)
	}
	if c.Keep < 0 {
		bad("backups_keep", "want 1 or more / нужно 1 или больше", strconv.Itoa(c.Keep))
	}
	for i, d := range c.ACME.Domains {
		if net.ParseIP(d) != nil || !strings.Contains(d, ".") || strings.ContainsAny(d, "*:/ ") {
			bad(fmt.Sprintf("acme.domains[%d]", i), "want a full name, as in kopilka.example.ru / нужно полное имя", d)
		}
	}
	if u, err := url.Parse(c.ACME.Directory); c.ACME.Directory != "" && (err != nil || u.Scheme != "https" || u.Host == "") {
		bad("acme.directory", "want an address with https:// / нужен адрес с https://", c.ACME.Directory)
	}
	return errors.Join(problems...)
}

func isLoopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	ip := net.ParseIP(host)
	return err == nil && (host == "localhost" || ip != nil && ip.IsLoopback())
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

	Store   *store.Store
	Office  *programme.Office
	Hub     *hub.Hub
	Updates *updates.Repo

	handler    http.Handler
	background background

	certificates    *certificates // nil: plain HTTP
	plain, measured net.Listener  // nil: none
	metrics         *metrics
}

// Open opens the database and puts the parts together.
func (p *Program) Open(ctx context.Context) (err error) {
	if err := p.Config.Validate(); err != nil {
		return err
	}
	if p.certificates, err = openCertificates(p.Config, p.Now, p.Logger); err != nil {
		return err
	}
	if p.Store, err = store.Open(ctx, p.Config.where(), p.Now); err != nil {
		return err
	}
	p.openUpdates()
	p.Office = programme.New(programme.Options{Store: p.Store, Stale: store.ErrStale, Now: p.Now, Logger: p.Logger})
	p.metrics = newMetrics(p)
	p.Hub = hub.New(hub.Options{Store: counted{p.Store, p.metrics}, Leases: p.Office, Now: p.Now, Random: p.Random, Logger: p.Logger, Cut: p.Cut})
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
	mux.Handle(update.Base, p.Updates.Handler())
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
	work(func(ctx context.Context) error { p.Updates.Run(ctx); return nil })
	work(p.serve)
	if p.certificates != nil {
		work(p.certificates.watch)
	}
	if p.plain != nil {
		work(p.servePlain)
	}
	if p.measured != nil {
		work(p.serveMetrics)
	}
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
