package desk

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"html/template"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"github.com/kopilka/kopilka/agent"
)

// Till is what the desk needs of the till.
type Till interface {
	// Do carries out a command and returns when the till has taken or refused it. A refusal that the
	// cashier can read is an *agent.Refusal. Safe for concurrent use.
	Do(ctx context.Context, c agent.Command) error
	// Watch gives the present view at once and then each newer one; a view not yet received is replaced
	// by its successor, never queued. The function ends the watch and may be called more than once.
	Watch() (<-chan agent.View, func())
	// Products finds by name, article number or code, best first.
	Products(query string, limit int) []agent.ProductView
	// Receipts lists the till's own receipts, newest first; an empty query matches all.
	Receipts(query string, limit int) []agent.ReceiptView
}

// Options is what a desk is made of; Till is required.
type Options struct {
	Till        Till
	Lang        string       // "ru" (default) or "en": the page's language until the cashier picks another
	Logger      *slog.Logger // default: slog.Default
	NoticeToken string       // opens /notices to the notify helper; empty keeps it shut

	// Health and Hold are for who updates the program; nil keeps their routes shut.
	Health func(context.Context) (any, error)
	Hold   func(ctx context.Context, seconds int) error
	// Doctor examines the till without holding it up; nil: there is none. Never called twice at a time.
	Doctor func(ctx context.Context) []agent.Finding
	Log    Log // nil: the log cannot be changed
}

// Desk is the cashier's page as an http.Handler. Close ends its sockets.
type Desk struct {
	Options
	mux      *http.ServeMux
	page     *template.Template
	upgrader websocket.Upgrader
	ctx      context.Context
	cancel   context.CancelFunc

	examinations examinations

	entering sync.Mutex // orders enter and Close
	sockets  sync.WaitGroup
}

const textClosing = "the till program is stopping; the page reconnects by itself"

//go:embed assets index.html doctor.html
var files embed.FS

const (
	headerReadMax  = 5 * time.Second // a browser on the same machine sends its headers at once
	headerBytesMax = 16 << 10        // our own page sends under 1 KB
	idleMax        = 2 * time.Minute // between requests on one connection
	shutdownMax    = time.Second     // an answer to this machine takes milliseconds
)

// New makes a desk.
func New(o Options) *Desk {
	if o.Lang != "en" {
		o.Lang = "ru"
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	ctx, cancel := context.WithCancel(context.Background())
	d := &Desk{Options: o, mux: http.NewServeMux(), ctx: ctx, cancel: cancel}
	d.page = template.Must(template.ParseFS(files, "index.html", "doctor.html"))
	d.upgrader = websocket.Upgrader{
		HandshakeTimeout: headerReadMax,
		CheckOrigin:      func(r *http.Request) bool { return originHere(r) == nil },
	}
	d.routes()
	return d
}

func (d *Desk) routes() {
	assets, err := fs.Sub(files, "assets")
	if err != nil { // the folder is compiled in: only a build without it gets here
		panic(fmt.Errorf("find the page's assets: %w", err))
	}
	d.mux.HandleFunc("GET /{$}", d.index)
	d.mux.Handle("GET /assets/", http.StripPrefix("/assets/", http.FileServerFS(assets)))
	d.mux.HandleFunc("GET /products", d.products)
	d.mux.HandleFunc("GET /receipts", d.receipts)
	d.mux.HandleFunc("POST /command", d.command)
	d.mux.HandleFunc("GET /socket", d.socket)
	d.mux.HandleFunc("GET /notices", d.notices)
	d.mux.HandleFunc("GET /health", d.health)
	d.mux.HandleFunc("POST /hold", d.hold)
	d.mux.HandleFunc("GET /doctor", d.doctor)
	d.mux.HandleFunc("GET /doctor.json", d.examine)
	d.mux.HandleFunc("GET /log", d.logState)
	d.mux.HandleFunc("POST /log", d.changeLog)
}

// ServeHTTP answers requests of this machine and refuses all others.
func (d *Desk) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if err := requestHere(r); err != nil {
		d.Logger.Warn("desk: refused a request", "remote", r.RemoteAddr, "err", err)
		http.Error(w, "this page is for the till itself: open http://127.0.0.1 with the till's port", http.StatusForbidden)
		return
	}
	protect(w.Header())
	d.mux.ServeHTTP(w, r)
}

// protect forbids the browser everything that the page does not do.
func protect(h http.Header) {
	h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "+
		"connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cache-Control", "no-store") // a till updated overnight must not show yesterday's page
}

func (d *Desk) index(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	if err := d.page.Execute(w, d.Lang); err != nil {
		d.Logger.Debug("desk: page not delivered", "err", err)
	}
}

// Serve answers on the listener until the context ends; then it closes every socket and waits for them.
func (d *Desk) Serve(ctx context.Context, l net.Listener) error {
	if err := loopback(l.Addr().String()); err != nil {
		return fmt.Errorf("serve the cashier's page on %s: %w", l.Addr(), err)
	}
	server := &http.Server{
		Handler:           d,
		ReadHeaderTimeout: headerReadMax,
		IdleTimeout:       idleMax,
		MaxHeaderBytes:    headerBytesMax,
		ErrorLog:          slog.NewLogLogger(d.Logger.Handler(), slog.LevelDebug),
	}
	stopped := make(chan error, 1)
	stop := context.AfterFunc(ctx, func() { stopped <- d.shutdown(server) })
	err := server.Serve(l)
	if stop() || !errors.Is(err, http.ErrServerClosed) {
		d.Close()
		return fmt.Errorf("serve the cashier's page: %w", err)
	}
	return <-stopped
}

func (d *Desk) shutdown(server *http.Server) error {
	d.Close()
	ctx, cancel := context.WithTimeout(context.Background(), shutdownMax)
	defer cancel()
	if err := server.Shutdown(ctx); errors.Is(err, context.DeadlineExceeded) {
		return server.Close() // a browser keeps spare connections open that have never asked anything
	} else if err != nil {
		return fmt.Errorf("stop the cashier's page: %w", err)
	}
	return nil
}

// Close ends every socket and notice stream and waits until they are gone.
func (d *Desk) Close() {
	d.entering.Lock()
	d.cancel()
	d.entering.Unlock()
	d.sockets.Wait()
}

// enter counts a socket in, unless the desk is closing.
func (d *Desk) enter() bool {
	d.entering.Lock()
	defer d.entering.Unlock()
	if d.ctx.Err() != nil {
		return false
	}
	d.sockets.Add(1)
	return true
}
