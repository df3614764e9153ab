package desk

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"io/fs"
	"log/slog"
	"net"
	"net/http"

	"github.com/kopilka/kopilka/agent"
)

// Waiting is the page of a till that is not enrolled: it says why, what to do, and how the devices are.
type Waiting struct {
	State  func() WaitingView
	Doctor func(context.Context) []agent.Finding // nil: there is none
	Health any                                   // the answer of GET /health
	Lang   string                                // "ru" or "en"
	Logger *slog.Logger
}

// WaitingView is what the page shows.
type WaitingView struct {
	Reason  agent.Text      `json:"reason"`
	Todo    agent.Text      `json:"todo"`
	Command string          `json:"command,omitempty"` // what to type
	Again   int             `json:"again,omitempty"`   // seconds until head office is asked again; zero: it is not
	Office  string          `json:"office,omitempty"`  // its address, where one is known
	Version string          `json:"version"`
	Devices []agent.Finding `json:"devices"`
}

//go:embed waiting.html
var waitingPage string

// Serve answers on the listener until ctx ends.
func (p Waiting) Serve(ctx context.Context, l net.Listener) error {
	if err := loopback(l.Addr().String()); err != nil {
		return fmt.Errorf("serve the page on %s: %w", l.Addr(), err)
	}
	server := &http.Server{
		Handler: p.handler(), ReadHeaderTimeout: headerReadMax, IdleTimeout: idleMax, MaxHeaderBytes: headerBytesMax,
		ErrorLog: slog.NewLogLogger(p.Logger.Handler(), slog.LevelDebug),
	}
	stopped := make(chan error, 1)
	stop := context.AfterFunc(ctx, func() { stopped <- shutWaiting(server) })
	if err := server.Serve(l); stop() || !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve the page: %w", err)
	}
	return <-stopped
}

// shutWaiting lets an answer out and then closes: a browser keeps spare connections.
func shutWaiting(server *http.Server) error {
	ctx, cancel := context.WithTimeout(context.Background(), shutdownMax)
	defer cancel()
	if err := server.Shutdown(ctx); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("stop the page: %w", err)
	}
	return server.Close()
}

func (p Waiting) handler() http.Handler {
	assets, err := fs.Sub(files, "assets")
	if err != nil { // the folder is compiled in: only a build without it gets here
		panic(fmt.Errorf("find the page's assets: %w", err))
	}
	page := template.Must(template.New("waiting").Parse(waitingPage))
	doctor := template.Must(template.ParseFS(files, "doctor.html"))
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		if err := page.Execute(w, p.Lang); err != nil {
			p.Logger.Debug("desk: page not delivered", "err", err)
		}
	})
	mux.Handle("GET /assets/", http.StripPrefix("/assets/", http.FileServerFS(assets)))
	mux.HandleFunc("GET /waiting.json", func(w http.ResponseWriter, _ *http.Request) { p.answer(w, p.State()) })
	examined := &examinations{}
	mux.HandleFunc("GET /doctor", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		if err := doctor.ExecuteTemplate(w, "doctor.html", p.Lang); err != nil {
			p.Logger.Debug("desk: page not delivered", "err", err)
		}
	})
	mux.HandleFunc("GET /doctor.json", func(w http.ResponseWriter, r *http.Request) {
		if p.Doctor == nil {
			http.NotFound(w, r)
			return
		}
		e, err := examined.make(r.Context(), p.Doctor)
		if err != nil {
			http.Error(w, "the examination was cut short: try again / осмотр прерван: повторите", http.StatusServiceUnavailable)
			return
		}
		p.answer(w, e)
	})
	mux.HandleFunc("GET /health", func(w http.ResponseWriter, _ *http.Request) { p.answer(w, p.Health) })
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := requestHere(r); err != nil {
			p.Logger.Warn("desk: refused a request", "remote", r.RemoteAddr, "err", err)
			http.Error(w, "this page is for the till itself: open http://127.0.0.1 with the till's port", http.StatusForbidden)
			return
		}
		protect(w.Header())
		mux.ServeHTTP(w, r)
	})
}

func (p Waiting) answer(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(v); err != nil {
		p.Logger.Debug("desk: answer not delivered", "err", err)
	}
}
