package cloud

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"syscall"
)

// Listen takes the addresses; Run does it if it was not done before.
func (p *Program) Listen(ctx context.Context) (err error) {
	if p.Listener != nil {
		return nil
	}
	if p.Listener, err = take(ctx, "listen", p.Config.Listen); err != nil {
		return err
	}
	if p.Config.HTTP != "" {
		if p.plain, err = take(ctx, "http", p.Config.HTTP); err != nil {
			return errors.Join(err, p.letGo())
		}
	}
	if p.Config.Metrics != "" {
		if p.measured, err = take(ctx, "metrics", p.Config.Metrics); err != nil {
			return errors.Join(err, p.letGo())
		}
	}
	return nil
}

// letGo gives the addresses back where not all were to be had.
func (p *Program) letGo() error {
	err := p.Listener.Close()
	p.Listener = nil
	if p.plain != nil {
		err = errors.Join(err, p.plain.Close())
	}
	return err
}

// take listens, or says what a person can do about it.
func take(ctx context.Context, key, address string) (net.Listener, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("%s: another program has the port of %s: end it (ss -ltnp shows which) or choose another one / "+
			"порт занят другой программой: завершите её (ss -ltnp покажет какая) или выберите другой: %w", key, address, err)
	case errors.Is(err, os.ErrPermission):
		return nil, fmt.Errorf("%s: ports below 1024 as in %s need a right that this account lacks: use the packaged service, or a port above / "+
			"для портов ниже 1024 нужно право: запускайте службой из пакета или выберите порт выше: %w", key, address, err)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return nil, fmt.Errorf("%s: this machine does not have the address %s / у этой машины нет такого адреса: %w", key, address, err)
	case err != nil:
		return nil, fmt.Errorf("%s: listen on %s: %w", key, address, err)
	}
	return l, nil
}

// serveOn serves until ctx ends, and then lets running requests end.
func (p *Program) serveOn(ctx context.Context, l net.Listener, handler http.Handler) error {
	server := &http.Server{
		Handler: handler, ReadHeaderTimeout: headerWait, ReadTimeout: requestWait, IdleTimeout: idleWait, MaxHeaderBytes: headerMax,
		ErrorLog: slog.NewLogLogger(p.Logger.Handler(), slog.LevelDebug), BaseContext: func(net.Listener) context.Context { return ctx },
	}
	secure := l == p.Listener && p.certificates != nil
	if secure {
		server.TLSConfig = p.certificates.config()
	}
	ended := make(chan error, 1)
	go func() {
		if secure {
			ended <- server.ServeTLS(l, "", "")
			return
		}
		ended <- server.Serve(l)
	}()
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

func (p *Program) serve(ctx context.Context) error {
	handler := p.handler
	if p.certificates != nil {
		handler = strict(handler)
	}
	p.Logger.Info("head office is open", "address", p.Listener.Addr().String(), "tls", p.certificates != nil, "database", p.Store.Engine())
	return p.serveOn(ctx, p.Listener, handler)
}

// servePlain answers the issuer of certificates, and sends everybody else to https.
func (p *Program) servePlain(ctx context.Context) error {
	var handler http.Handler = http.HandlerFunc(p.toHTTPS)
	if p.certificates.acme != nil {
		handler = p.certificates.acme.HTTPHandler(handler)
	}
	return p.serveOn(ctx, p.plain, handler)
}

// toHTTPS sends browsers to the port that we listen on. Tills' calls are refused: their key must not be told to
// come again where anybody may read along.
func (p *Program) toHTTPS(w http.ResponseWriter, q *http.Request) {
	if q.Method != http.MethodGet && q.Method != http.MethodHead {
		http.Error(w, "use https", http.StatusBadRequest)
		return
	}
	host, _, err := net.SplitHostPort(q.Host)
	if err != nil {
		host = q.Host
	}
	if _, port, err := net.SplitHostPort(p.Listener.Addr().String()); err == nil && port != "443" {
		host = net.JoinHostPort(host, port)
	}
	http.Redirect(w, q, "https://"+host+q.URL.RequestURI(), http.StatusFound)
}
