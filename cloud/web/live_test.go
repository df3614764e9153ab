package web_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/cloud/web"
	"github.com/kopilka/kopilka/cloud/web/page"
	"github.com/kopilka/kopilka/ledger/sale"
)

// always is somebody who is signed in.
type always struct{ web.Accounts }

func (always) PageSession(context.Context, sale.OrgNo, [32]byte) (page.Session, page.User, error) {
	return page.Session{Ends: 1 << 60}, page.User{Login: "viewer", Role: page.RoleViewer}, nil
}

// pipes is a listener in memory.
type pipes chan net.Conn

func (p pipes) Accept() (net.Conn, error) {
	if c, ok := <-p; ok {
		return c, nil
	}
	return nil, net.ErrClosed
}
func (p pipes) Close() error   { return nil }
func (p pipes) Addr() net.Addr { return &net.TCPAddr{} }

func (p pipes) dial(context.Context, string, string) (net.Conn, error) {
	ours, theirs := net.Pipe()
	p <- theirs
	return ours, nil
}

// TestTheStreamOutlivesTheServersLimits listens for ten minutes to a quiet head office, as a browser does: by HTTP/1
// and, as by https, by HTTP/2, where a limit of writing that is left standing ends the stream.
func TestTheStreamOutlivesTheServersLimits(t *testing.T) {
	o := open(t)
	options := o.PageOptions(o.org)
	options.Accounts, options.Watch = always{}, nil
	options.Pulse = func(context.Context, sale.OrgNo) (page.Pulse, error) { return page.Pulse{}, nil }
	options.Now = func() time.Time { return evening }
	pages, err := web.New(options)
	require.NoError(t, err)
	certified := httptest.NewUnstartedServer(nil)
	certified.EnableHTTP2 = true
	certified.StartTLS()
	t.Cleanup(certified.Close)
	for _, protocol := range []string{"HTTP/1.1", "HTTP/2.0"} {
		t.Run(protocol, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := make(pipes, 1)
				server := &http.Server{Handler: pages, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 2 * time.Minute, IdleTimeout: 2 * time.Minute}
				transport := &http.Transport{DialContext: l.dial}
				scheme, serve := "http", func() error { return server.Serve(l) }
				if protocol == "HTTP/2.0" {
					server.TLSConfig = &tls.Config{Certificates: certified.TLS.Certificates, Time: time.Now, NextProtos: []string{"h2"}}
					transport.TLSClientConfig, transport.ForceAttemptHTTP2 = &tls.Config{InsecureSkipVerify: true}, true //nolint:gosec // the test's own certificate
					scheme, serve = "https", func() error { return server.ServeTLS(l, "", "") }
				}
				ended := make(chan error, 1)
				go func() { ended <- serve() }()
				defer func() {
					transport.CloseIdleConnections()
					close(l)
					require.NoError(t, server.Close())
					<-ended
				}()
				r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, scheme+"://head.office/live", nil)
				require.NoError(t, err)
				r.Header.Set("Cookie", "kopilka=token")
				begun := time.Now()
				res, err := transport.RoundTrip(r)
				require.NoError(t, err)
				require.Equal(t, protocol, res.Proto)
				require.Equal(t, http.StatusOK, res.StatusCode)
				defer func() { require.NoError(t, res.Body.Close()) }()
				lines := bufio.NewScanner(res.Body)
				for time.Since(begun) < 10*time.Minute {
					require.True(t, lines.Scan(), "the stream ended after %s: %v", time.Since(begun), lines.Err())
					require.False(t, strings.HasPrefix(lines.Text(), "event:"))
				}
			})
		})
	}
}

// leaving is somebody who signs out, or is put out, while pages are live.
type leaving struct {
	always
	gone atomic.Bool
}

func (l *leaving) PageSession(ctx context.Context, org sale.OrgNo, token [32]byte) (page.Session, page.User, error) {
	if l.gone.Load() {
		return page.Session{}, page.User{}, page.ErrNotFound
	}
	return l.always.PageSession(ctx, org, token)
}

// TestABusyStreamEndsWithItsSession: news comes every two seconds, so that there is never a silence.
func TestABusyStreamEndsWithItsSession(t *testing.T) {
	o := open(t)
	options := o.PageOptions(o.org)
	who := &leaving{}
	var records int64
	options.Accounts, options.Watch = who, nil
	options.Pulse = func(context.Context, sale.OrgNo) (page.Pulse, error) {
		records++
		return page.Pulse{Records: records}, nil
	}
	options.Now = func() time.Time { return evening }
	pages, err := web.New(options)
	require.NoError(t, err)
	synctest.Test(t, func(t *testing.T) {
		l := make(pipes, 1)
		server := &http.Server{Handler: pages, ReadHeaderTimeout: time.Minute}
		ended := make(chan error, 1)
		go func() { ended <- server.Serve(l) }()
		transport := &http.Transport{DialContext: l.dial}
		defer func() {
			transport.CloseIdleConnections()
			close(l)
			require.NoError(t, server.Close())
			<-ended
		}()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://head.office/live", nil)
		require.NoError(t, err)
		r.Header.Set("Cookie", "kopilka=token")
		res, err := transport.RoundTrip(r)
		require.NoError(t, err)
		defer func() { require.NoError(t, res.Body.Close()) }()
		lines, begun := bufio.NewScanner(res.Body), time.Now()
		for lines.Scan() {
			who.gone.Store(true)
			require.Less(t, time.Since(begun), time.Minute, "the stream goes on for somebody who has gone")
		}
	})
}

// gate stands before the pages as a proxy does: while it is shut, it cuts streams and answers 502 in their place.
type gate struct {
	next http.Handler
	mu   sync.Mutex
	shut bool
	cut  []context.CancelFunc
}

func (g *gate) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/live" {
		ctx, cut := context.WithCancel(r.Context())
		defer cut()
		r = r.WithContext(ctx)
		g.mu.Lock()
		shut := g.shut
		g.cut = append(g.cut, cut)
		g.mu.Unlock()
		if shut {
			http.Error(w, "head office is restarting", http.StatusBadGateway)
			return
		}
	}
	g.next.ServeHTTP(w, r)
}

func (g *gate) set(shut bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.shut = shut
	for _, cut := range g.cut {
		cut()
	}
	g.cut = nil
}

// TestLivePagesComeBackAndKeepWhatIsTyped: the stream is refused by a proxy for a while, and what came meanwhile is
// shown afterwards. A renewal takes neither typed text nor an opened table nor the keyboard's place.
func TestLivePagesComeBackAndKeepWhatIsTyped(t *testing.T) {
	o := fill(t)
	ctx := chrome(t, 1440, 900)
	home, err := url.Parse(o.url)
	require.NoError(t, err)
	g := &gate{next: httputil.NewSingleHostReverseProxy(home)}
	proxy := httptest.NewServer(g)
	t.Cleanup(func() { g.set(true); proxy.CloseClientConnections(); proxy.Close() })
	o.url = proxy.URL
	signIn(t, ctx, o, "manager")
	lit, dark := chromedp.WaitVisible(chromedp.CSS(`.live[data-on=yes]`)), chromedp.WaitVisible(chromedp.CSS(`.live[data-on=no]`))
	sold := func() *sale.Record {
		j := o.tills[2]
		before := j.Position.Seq
		r := j.Plain(2)
		j.At = sale.At(evening)
		j.Add(r)
		o.send(j, before)
		return r
	}
	require.NoError(t, chromedp.Do(ctx, chromedp.Navigate(o.url+"/sales"), lit))
	g.set(true)
	require.NoError(t, chromedp.Do(ctx, dark))
	missed := sold()
	g.set(false)
	require.NoError(t, chromedp.Do(ctx, chromedp.WaitVisible(chromedp.CSS(fmt.Sprintf(`tr[data-key="%s"]`, missed.ID))), lit))

	require.NoError(t, chromedp.Do(ctx, chromedp.Navigate(o.url+"/"), lit, chromedp.Click(chromedp.CSS("#hours summary"))))
	_, err = chromedp.Run(ctx, chromedp.Evaluate[bool](`document.querySelector("#tiles .tile").dataset.seen = "old"; true`))
	require.NoError(t, err)
	sold()
	require.NoError(t, chromedp.Do(ctx, chromedp.WaitVisible(chromedp.CSS("#tiles .tile:first-child:not([data-seen])")), chromedp.WaitVisible(chromedp.CSS("#hours details[open] table"))))

	flags, err := o.Store.FlagRows(context.Background(), o.org, false, page.FlagKey{}, 2)
	require.NoError(t, err)
	note := "#n-" + flags[0].ID.String()
	require.NoError(t, chromedp.Do(ctx, chromedp.Navigate(o.url+"/flags"), lit, chromedp.SendKeys(chromedp.CSS(`input[id="`+note[1:]+`"]`), "звонил в магазин")))
	_, err = chromedp.Run(ctx, chromedp.Evaluate[bool](`document.querySelector("#list button").focus(); document.querySelector("#menu-flags .badge").dataset.seen = "old"; true`))
	require.NoError(t, err)
	require.NoError(t, o.Store.ResolveConflict(context.Background(), o.org, flags[1].ID, page.ActionNote, "owner", "сверено"))
	require.NoError(t, chromedp.Do(ctx, chromedp.WaitVisible(chromedp.CSS("#menu-flags .badge:not([data-seen])"))))
	typed, err := chromedp.Run(ctx, chromedp.Evaluate[string](`document.getElementById("`+note[1:]+`").value + "|" + document.activeElement.tagName`))
	require.NoError(t, err)
	require.Equal(t, "звонил в магазин|BUTTON", typed)
}
