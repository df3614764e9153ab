package main

import (
	"bytes"
	"context"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/agent"
	"github.com/kopilka/kopilka/agent/desk"
)

func TestALevelGoesBackByItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLogLevel("warn")
		defer l.close()
		require.NoError(t, l.Change("debug", 30*time.Minute))
		require.Equal(t, slog.LevelDebug, l.now.Level())
		s := l.State()
		require.Equal(t, "debug", s.Level)
		require.Equal(t, "warn", s.Config)
		time.Sleep(20 * time.Minute)
		require.NoError(t, l.Change("info", 30*time.Minute), "another wish takes the place of the first")
		time.Sleep(15 * time.Minute)
		require.Equal(t, slog.LevelInfo, l.now.Level(), "the first wish's end is not the second's")
		time.Sleep(16 * time.Minute)
		synctest.Wait()
		require.Equal(t, slog.LevelWarn, l.now.Level())
		require.Equal(t, agent.LogState{Level: "warn", Config: "warn"}, l.State())
	})
}

func TestALevelIsSetBackAtOnce(t *testing.T) {
	l := newLogLevel("info")
	defer l.close()
	require.NoError(t, l.Change("debug", time.Hour))
	require.NoError(t, l.Change("info", time.Hour))
	require.True(t, l.State().Until.IsZero())
}

func TestOddWishesForTheLogAreRefused(t *testing.T) {
	l := newLogLevel("info")
	for _, wish := range []desk.LogWish{{Level: "loud", Seconds: 60}, {Level: "", Seconds: 60}, {Level: "debug"}, {Level: "debug", Seconds: -5}, {Level: "debug", Seconds: 86401}} {
		require.ErrorIs(t, l.Change(wish.Level, time.Duration(wish.Seconds)*time.Second), desk.ErrLog, "%+v", wish)
	}
	require.Equal(t, slog.LevelInfo, l.now.Level())
}

func TestTheJournalHearsHowGraveALineIs(t *testing.T) {
	var out bytes.Buffer
	log := slog.New(newLogHandler(&out, "debug", true)).With("till", 7)
	log.Debug("a")
	log.Info("b")
	log.Warn("c", "err", "one\ntwo")
	log.WithGroup("g").Error("d", "time", "kept")
	require.Equal(t, "<7>level=DEBUG msg=a till=7\n<6>level=INFO msg=b till=7\n<4>level=WARN msg=c till=7 err=\"one\\ntwo\"\n<3>level=ERROR msg=d till=7 g.time=kept\n", out.String())
	out.Reset()
	slog.New(newLogHandler(&out, "info", false)).Info("b")
	require.Contains(t, out.String(), "time=")
	require.NotContains(t, out.String(), "<6>")
}

func TestLinesKeepTheirOwnLevelsWhenManyWrite(t *testing.T) {
	var out bytes.Buffer
	log := slog.New(newLogHandler(&out, "debug", true))
	var writing sync.WaitGroup
	for _, level := range []slog.Level{slog.LevelDebug, slog.LevelInfo, slog.LevelWarn, slog.LevelError} {
		writing.Go(func() {
			for range 200 {
				log.Log(context.Background(), level, "x")
			}
		})
	}
	writing.Wait()
	for _, line := range strings.Split(strings.TrimSpace(out.String()), "\n") {
		require.Contains(t, []string{"<7>level=DEBUG msg=x", "<6>level=INFO msg=x", "<4>level=WARN msg=x", "<3>level=ERROR msg=x"}, line)
	}
}

// The command speaks to a real page over its socket.
func TestTheLogCommandChangesARunningTill(t *testing.T) {
	h := newLogHandler(&bytes.Buffer{}, "info", false)
	defer h.level.close()
	page := logPage(t, desk.Options{Till: &noticeBoard{views: make(chan agent.View, 1)}, Logger: slog.New(h), Log: h.level})
	path := ill(t, "language: en\n")
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	lines := strings.Split(string(b), "\n")
	lines[1] = "page: " + page
	require.NoError(t, os.WriteFile(path, []byte(strings.Join(lines, "\n")), 0o600))
	run := func(words ...string) (string, error) {
		var out bytes.Buffer
		err := logCommand.run(t.Context(), append(words, "-config", path), &out)
		return out.String(), err
	}
	said, err := run()
	require.NoError(t, err)
	require.Equal(t, "The program logs at level info, as the config says\n", said)
	said, err = run("debug", "-for", "30m")
	require.NoError(t, err)
	require.Contains(t, said, "at level debug until")
	require.Equal(t, slog.LevelDebug, h.level.now.Level())
	require.WithinDuration(t, time.Now().Add(30*time.Minute), h.level.State().Until, time.Minute)
	_, err = run("loud")
	require.ErrorContains(t, err, "want debug, info, warn or error")
	_, err = run("debug", "-for", "48h")
	require.ErrorContains(t, err, "want up to 24h")
	_, err = run("debug", "foo")
	require.Error(t, err)

	bare, err := http.Post("http://"+page+"/log", "application/json", strings.NewReader(`{"level":"error","seconds":60}`))
	require.NoError(t, err)
	require.NoError(t, bare.Body.Close())
	require.Equal(t, http.StatusForbidden, bare.StatusCode, "a form of a foreign page cannot set the header")
	require.Equal(t, slog.LevelDebug, h.level.now.Level())
}

func TestTheLogCommandWithoutATill(t *testing.T) {
	err := logCommand.run(t.Context(), []string{"debug", "-config", ill(t, "")}, &bytes.Buffer{})
	require.ErrorContains(t, err, "kopilka-agent service start")
}

func TestTheLogCommandBeforeTheEnrolment(t *testing.T) {
	path := ill(t, "")
	c, err := agent.LoadConfig(path)
	require.NoError(t, err)
	l, err := desk.Listen(c.Page)
	require.NoError(t, err)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	waiting := desk.Waiting{State: func() desk.WaitingView { return desk.WaitingView{} }, Lang: "ru", Logger: slog.New(slog.DiscardHandler)}
	go func() { ended <- waiting.Serve(ctx, l) }()
	defer func() { stop(); require.NoError(t, <-ended) }()
	for _, words := range [][]string{nil, {"debug"}} {
		err = logCommand.run(t.Context(), append(words, "-config", path), &bytes.Buffer{})
		require.ErrorContains(t, err, "waits to be enrolled")
		require.ErrorContains(t, err, "ждёт подключения")
	}
}

// logPage serves a desk until the test ends.
func logPage(t *testing.T, o desk.Options) string {
	t.Helper()
	var l net.Listener
	l, err := desk.Listen("127.0.0.1:0")
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- desk.New(o).Serve(ctx, l) }()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-ended)
	})
	return l.Addr().String()
}
