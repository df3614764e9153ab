package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-systemd/v22/journal"

	"github.com/kopilka/kopilka/agent"
	"github.com/kopilka/kopilka/agent/desk"
)

// logger writes to standard error: with the levels that journalctl -p asks for where that is the journal, as plain
// text elsewhere.
func logger(level string) *slog.Logger {
	toJournal, err := journal.StderrIsJournalStream()
	return slog.New(newLogHandler(stderr{}, level, toJournal && err == nil))
}

// stderr is looked up at each line: on Windows a service puts a file in its place.
type stderr struct{}

func (stderr) Write(p []byte) (int, error) { return os.Stderr.Write(p) }

// logHandler is a text handler whose level can be changed while the program runs.
type logHandler struct {
	slog.Handler
	level *logLevel
	lines *journalLines // nil: no levels before the lines
}

func newLogHandler(to io.Writer, level string, toJournal bool) *logHandler {
	h := &logHandler{level: newLogLevel(level)}
	o := &slog.HandlerOptions{Level: &h.level.now}
	if toJournal {
		h.lines = &journalLines{to: to}
		to = h.lines
		o.ReplaceAttr = withoutTime
	}
	h.Handler = slog.NewTextHandler(to, o)
	return h
}

// withoutTime: the journal has the time itself.
func withoutTime(groups []string, a slog.Attr) slog.Attr {
	if len(groups) == 0 && a.Key == slog.TimeKey {
		return slog.Attr{}
	}
	return a
}

// Handle has the journal know how grave a line is.
func (h *logHandler) Handle(ctx context.Context, r slog.Record) error {
	if h.lines == nil {
		return h.Handler.Handle(ctx, r)
	}
	h.lines.mu.Lock()
	defer h.lines.mu.Unlock()
	h.lines.grave = r.Level
	return h.Handler.Handle(ctx, r)
}

// WithAttrs keeps the levels.
func (h *logHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &logHandler{h.Handler.WithAttrs(attrs), h.level, h.lines}
}

// WithGroup keeps the levels.
func (h *logHandler) WithGroup(name string) slog.Handler {
	return &logHandler{h.Handler.WithGroup(name), h.level, h.lines}
}

// journalLines puts before a line what sd-daemon(3) describes: "<4>" is a warning.
type journalLines struct {
	to    io.Writer
	mu    sync.Mutex // held from when grave is set until the line is out
	grave slog.Level
}

func (j *journalLines) Write(line []byte) (int, error) {
	prefix := "<7>"
	switch {
	case j.grave >= slog.LevelError:
		prefix = "<3>"
	case j.grave >= slog.LevelWarn:
		prefix = "<4>"
	case j.grave >= slog.LevelInfo:
		prefix = "<6>"
	}
	if _, err := j.to.Write(append([]byte(prefix), line...)); err != nil {
		return 0, err
	}
	return len(line), nil
}

// Times for which the log may differ from the config. A till left at debug fills its disk and tells too much.
const (
	logFor    = time.Hour
	logForMax = 24 * time.Hour
)

// logLevel goes back to the config's by itself.
type logLevel struct {
	now    slog.LevelVar
	config slog.Level

	mu    sync.Mutex
	until time.Time // zero: it is the config's
	back  *time.Timer
}

func newLogLevel(name string) *logLevel {
	l := &logLevel{}
	if err := l.config.UnmarshalText([]byte(name)); err != nil {
		l.config = slog.LevelInfo // the config has been checked: only a level without a name gets here
	}
	l.now.Set(l.config)
	return l
}

// State says how much is logged.
func (l *logLevel) State() agent.LogState {
	l.mu.Lock()
	defer l.mu.Unlock()
	return agent.LogState{Level: strings.ToLower(l.now.Level().String()), Config: strings.ToLower(l.config.String()), Until: l.until}
}

// Change has another level for a while; the config's own ends that.
func (l *logLevel) Change(name string, d time.Duration) error {
	var level slog.Level
	switch name {
	case "debug", "info", "warn", "error":
		if err := level.UnmarshalText([]byte(name)); err != nil {
			return fmt.Errorf("change the log's level: %w", err)
		}
	default:
		return fmt.Errorf("%w: want debug, info, warn or error (got %q) / нужно debug, info, warn или error", desk.ErrLog, name)
	}
	if d <= 0 || d > logForMax {
		return fmt.Errorf("%w: want up to %v (got %v) / нужно не больше %v", desk.ErrLog, logForMax, d, logForMax)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.back != nil {
		l.back.Stop()
	}
	l.now.Set(level)
	l.until = time.Time{}
	if level != l.config {
		l.until = time.Now().Add(d)
		until := l.until
		l.back = time.AfterFunc(d, func() { l.restore(until) })
	}
	return nil
}

// restore ends the change that was to last until then, unless there was another since.
func (l *logLevel) restore(until time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.until.Equal(until) {
		l.now.Set(l.config)
		l.until = time.Time{}
	}
}

// close leaves no timer behind.
func (l *logLevel) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.back != nil {
		l.back.Stop()
	}
}
