package desk

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"

	"github.com/kopilka/kopilka/agent"
)

// ErrNotHere is wrapped by every refusal of an address, a Host or an Origin that is not this machine.
var ErrNotHere = errors.New("not this machine")

// Listen opens a TCP port of this machine; any address that others could reach is refused.
func Listen(address string) (net.Listener, error) {
	if err := loopback(address); err != nil {
		return nil, fmt.Errorf("listen for the cashier's page on %q: %w (use 127.0.0.1 with a port)", address, err)
	}
	l, err := net.Listen("tcp", address)
	if errors.Is(err, portTaken) {
		return nil, fmt.Errorf("%[1]w: another program has %[2]s; close that one, or set page in the config; kopilka-agent doctor tells how to find it / порт страницы %[2]s занят другой программой: закройте её или впишите другой порт в page; как её найти, скажет kopilka-agent doctor (%[3]w)", agent.ErrPageTaken, address, err)
	}
	if err != nil {
		return nil, fmt.Errorf("listen for the cashier's page on %q: %w", address, err)
	}
	return l, nil
}

// loopback accepts only addresses written as numbers, and "localhost", which the resolver may not move.
func loopback(address string) error {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrNotHere, err)
	}
	if !hostHere(host) {
		return fmt.Errorf("%w: %q", ErrNotHere, host)
	}
	return nil
}

func hostHere(host string) bool {
	if host == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback()
}

// Here answers only what this machine's own programs and pages ask.
func Here(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := requestHere(r); err != nil {
			http.Error(w, "ask from this machine, by 127.0.0.1 or localhost", http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// requestHere refuses what a page from elsewhere could send through the cashier's browser: a name of its
// own that resolves to 127.0.0.1 (it shows in Host), and requests across sites (they show in Origin, or, as an
// image's, only in what the browser says of them).
func requestHere(r *http.Request) error {
	if err := placeHere(r, r.Host); err != nil {
		return fmt.Errorf("host: %w", err)
	}
	site, mode := r.Header.Get("Sec-Fetch-Site"), r.Header.Get("Sec-Fetch-Mode")
	if (site == "cross-site" || site == "same-site") && mode != "navigate" {
		return fmt.Errorf("%w: a page of another site asks", ErrNotHere)
	}
	return originHere(r)
}

func originHere(r *http.Request) error {
	origin := r.Header.Get("Origin")
	if origin == "" { // not a browser, or a plain navigation
		return nil
	}
	u, err := url.Parse(origin)
	if err != nil || u.Scheme != "http" {
		return fmt.Errorf("origin: %w: %q", ErrNotHere, origin)
	}
	if err := placeHere(r, u.Host); err != nil {
		return fmt.Errorf("origin: %w", err)
	}
	return nil
}

// placeHere wants "127.0.0.1:port" with the very port that the request came to.
func placeHere(r *http.Request, place string) error {
	host, port, err := net.SplitHostPort(place)
	if err != nil {
		host, port = place, "80"
	}
	local, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	if !ok {
		return fmt.Errorf("%w: the connection has no local address", ErrNotHere)
	}
	_, ours, err := net.SplitHostPort(local.String())
	if err != nil || !hostHere(host) || port != ours {
		return fmt.Errorf("%w: %q", ErrNotHere, place)
	}
	return nil
}
