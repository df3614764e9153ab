package main

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/agent"
	"github.com/kopilka/kopilka/agent/desk"
)

// noticeBoard is a till of which only the notices matter.
type noticeBoard struct {
	desk.Till
	views chan agent.View
}

func (b *noticeBoard) Watch() (<-chan agent.View, func()) { return b.views, func() {} }

func (b *noticeBoard) post(notices ...agent.Notice) { b.views <- agent.View{Notices: notices} }

func notice(id uint64, level, ru, en string) agent.Notice {
	return agent.Notice{ID: id, Level: level, Text: agent.Text{RU: ru, EN: en}}
}

// daemonPage serves the real page with its token until stopped.
func daemonPage(t *testing.T, address string, board *noticeBoard) (page, token string, stop func()) {
	t.Helper()
	token = filepath.Join(t.TempDir(), tokenFile)
	secret, err := desk.NoticeToken(token)
	require.NoError(t, err)
	l, err := desk.Listen(address)
	require.NoError(t, err)
	d := desk.New(desk.Options{Till: board, NoticeToken: secret, Logger: logger("error")})
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- d.Serve(ctx, l) }()
	stopped := false
	stop = func() {
		if !stopped {
			stopped = true
			cancel()
			require.NoError(t, <-ended)
		}
	}
	t.Cleanup(stop)
	return l.Addr().String(), token, stop
}

type shown struct {
	title, text string
	alarm       bool
}

// helper runs a notice helper whose desktop is a channel.
func helper(t *testing.T, args ...string) <-chan shown {
	t.Helper()
	n, err := notifyFlags(args)
	require.NoError(t, err)
	desktop := make(chan shown, 16)
	n.show = func(title, text string, alarm bool) error {
		desktop <- shown{title, text, alarm}
		return nil
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- n.run(ctx, &bytes.Buffer{}) }()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-ended)
	})
	return desktop
}

func next(t *testing.T, desktop <-chan shown) shown {
	t.Helper()
	select {
	case s := <-desktop:
		return s
	case <-time.After(time.Minute):
		t.Fatal("nothing was shown")
		return shown{}
	}
}

func TestNoticesAreShownOnce(t *testing.T) {
	board := &noticeBoard{views: make(chan agent.View)}
	page, token, _ := daemonPage(t, "127.0.0.1:0", board)
	desktop := helper(t, "-page", page, "-token", token, "-lang", "en")

	paper := notice(1, "warning", "Бумага кончается", "Paper is running out")
	cover := notice(2, "error", "Крышка открыта", "The cover is open")
	board.post(paper)
	require.Equal(t, shown{"Till: warning", "Paper is running out", false}, next(t, desktop))
	board.post(paper, cover)
	require.Equal(t, shown{"Till: error", "The cover is open", true}, next(t, desktop))
	board.post(cover)        // paper was put in
	board.post(cover, paper) // and runs out again
	require.Equal(t, "Paper is running out", next(t, desktop).text)
	board.post(cover, notice(1, "info", "Смена открыта", "The shift is open"))
	require.Equal(t, shown{"Till", "The shift is open", false}, next(t, desktop), "a notice that changes is news")
	require.Empty(t, desktop)
}

// A daemon that was restarted sends all again: what still stands is not news.
func TestNoticesOutliveTheDaemon(t *testing.T) {
	board := &noticeBoard{views: make(chan agent.View)}
	page, token, stop := daemonPage(t, "127.0.0.1:0", board)
	desktop := helper(t, "-page", page, "-token", token)
	board.post(notice(1, "error", "Крышка открыта", "The cover is open"))
	require.Equal(t, shown{"Касса: ошибка", "Крышка открыта", true}, next(t, desktop))
	stop()

	again := &noticeBoard{views: make(chan agent.View)}
	_, newToken, _ := daemonPage(t, page, again)
	b, err := os.ReadFile(newToken)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(token, b, 0o600)) // the token may change too
	again.post(notice(7, "error", "Крышка открыта", "The cover is open"), notice(8, "warning", "Бумага кончается", "Paper is running out"))
	require.Equal(t, "Бумага кончается", next(t, desktop).text)
	require.Empty(t, desktop)
}

func TestWrongTokenIsSaid(t *testing.T) {
	page, _, _ := daemonPage(t, "127.0.0.1:0", &noticeBoard{})
	wrong := filepath.Join(t.TempDir(), tokenFile)
	require.NoError(t, os.WriteFile(wrong, []byte("00"), 0o600))
	n, err := notifyFlags([]string{"-page", page, "-token", wrong})
	require.NoError(t, err)
	heard, err := n.listen(t.Context())
	require.False(t, heard)
	require.ErrorContains(t, err, "401")

	n.token = filepath.Join(t.TempDir(), "none")
	_, err = n.listen(t.Context())
	require.ErrorContains(t, err, "has the till ever been started")
}

func TestRubbishInTheStreamIsNoNotice(t *testing.T) {
	for _, stream := range []string{
		"event: notice\ndata: {\n\n",
		"event: notice\ndata: " + strings.Repeat("x", noticeLineMax) + "\n\n",
		"",
	} {
		n, err := notifyFlags(nil)
		require.NoError(t, err)
		n.show = func(string, string, bool) error {
			t.Error("nothing is to be shown")
			return nil
		}
		require.Error(t, n.read(strings.NewReader(stream), func() {}))
	}
}

// A daemon that hangs keeps its connection open and says nothing.
func TestSilenceEndsTheConnection(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	hung := &http.Server{ReadHeaderTimeout: time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = fmt.Fprint(w, ": still here\n\n") // the test looks at the other side
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	})}
	ended := make(chan error, 1)
	go func() { ended <- hung.Serve(l) }()
	t.Cleanup(func() {
		require.NoError(t, hung.Close())
		require.ErrorIs(t, <-ended, http.ErrServerClosed)
	})
	token := filepath.Join(t.TempDir(), tokenFile)
	require.NoError(t, os.WriteFile(token, []byte("00"), 0o600))
	n, err := notifyFlags([]string{"-page", l.Addr().String(), "-token", token})
	require.NoError(t, err)
	n.silence = 50 * time.Millisecond
	heard, err := n.listen(t.Context())
	require.True(t, heard)
	require.ErrorIs(t, err, errQuiet)
}

// Fuzzing feeds the reader what a daemon of another version might send.
func FuzzNoticeStream(f *testing.F) {
	f.Add([]byte("event: notice\ndata: {\"id\":1,\"level\":\"error\",\"text\":{\"ru\":\"а\",\"en\":\"b\"}}\n\n: still here\n\nevent: gone\ndata: {\"id\":1}\n\n"))
	f.Add([]byte("data: 7\n"))
	f.Fuzz(func(t *testing.T, stream []byte) {
		n, err := notifyFlags(nil)
		require.NoError(t, err)
		n.show = func(title, _ string, _ bool) error {
			require.True(t, slices.Contains([]string{"Касса", "Касса: внимание", "Касса: ошибка"}, title))
			return nil
		}
		require.Error(t, n.read(bytes.NewReader(stream), func() {}), "a stream always ends with a reason")
		require.LessOrEqual(t, len(n.standing), len(n.ids))
	})
}
