package desk_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/agent"
	"github.com/kopilka/kopilka/agent/desk"
)

// waiting serves the page of a till that is not enrolled.
func waiting(t *testing.T, lang string, view *atomic.Pointer[desk.WaitingView]) (address string) {
	t.Helper()
	l, err := desk.Listen("127.0.0.1:0")
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	p := desk.Waiting{State: func() desk.WaitingView { return *view.Load() }, Health: map[string]bool{"idle": true}, Lang: lang, Logger: slog.New(slog.DiscardHandler)}
	go func() { ended <- p.Serve(ctx, l) }()
	t.Cleanup(func() { cancel(); require.NoError(t, <-ended) })
	return l.Addr().String()
}

// longView has sentences of the longest kind.
func longView() *atomic.Pointer[desk.WaitingView] {
	var p atomic.Pointer[desk.WaitingView]
	long := strings.Repeat("Сертификату центрального офиса здесь нет доверия. ", 5)
	p.Store(&desk.WaitingView{
		Reason: agent.Text{RU: long, EN: "It does not answer."}, Todo: agent.Text{RU: "Возьмите код", EN: "Take a code"}, Again: 40,
		Command: "kopilka-agent enroll https://" + strings.Repeat("very-long-name.", 12) + "ru …", Version: "1.2.3",
		Devices: []agent.Finding{{Subject: "scanner " + strings.Repeat("w", 90), Level: agent.LevelError, Text: agent.Text{RU: "Порта нет", EN: "No port"}}},
	})
	return &p
}

func TestWaitingPageIsForThisMachine(t *testing.T) {
	address := waiting(t, "ru", longView())
	get := func(path, host string) (int, string) {
		q, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+address+path, nil)
		require.NoError(t, err)
		q.Host = host
		a, err := http.DefaultClient.Do(q)
		require.NoError(t, err)
		b, err := io.ReadAll(a.Body)
		require.NoError(t, err)
		require.NoError(t, a.Body.Close())
		return a.StatusCode, string(b)
	}
	status, _ := get("/waiting.json", "evil.example")
	require.Equal(t, http.StatusForbidden, status)
	status, body := get("/waiting.json", address)
	require.Equal(t, http.StatusOK, status)
	require.True(t, json.Valid([]byte(body)))
	_, body = get("/health", address)
	require.JSONEq(t, `{"idle":true}`, body)
	status, _ = get("/receipts", address)
	require.Equal(t, http.StatusNotFound, status, "this till does not sell")
}

func TestWaitingPageIsAccessibleAndFits(t *testing.T) {
	checker := axe(t)
	for _, l := range []look{{"ru", 1024, 768}, {"en", 1024, 768}, {"ru", 1440, 900}, {"en", 1440, 900}} {
		t.Run(fmt.Sprintf("%s-%d", l.lang, l.width), func(t *testing.T) {
			p := &page{T: t, ctx: tab(t)}
			p.do(chromedp.EmulateViewport(l.width, l.height))
			p.do(chromedp.Navigate("http://" + waiting(t, l.lang, longView()) + "/"))
			p.until(`document.querySelector('.devices .error') !== null`)
			p.until(`document.documentElement.lang === '` + l.lang + `'`)
			p.until(`document.querySelector('.reason').textContent.includes('40')`)
			p.screenshot(fmt.Sprintf("waiting-%s-%d", l.lang, l.width))
			require.Empty(t, eval[[]string](p, overflowing))
			require.True(t, eval[bool](p, `document.body.scrollHeight <= innerHeight`))
			p.do(chromedp.Evaluate[chromedp.Void](checker))
			require.Empty(t, eval[[]string](p, runAxe))
		})
	}
}
