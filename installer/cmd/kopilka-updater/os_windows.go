package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/sys/windows/svc"

	"github.com/kopilka/kopilka/installer"
	"github.com/kopilka/kopilka/installer/slots"
	"github.com/kopilka/kopilka/sync/update"
)

// config is the till's.
const config = `C:\ProgramData\Kopilka\config.yaml`

// which is the program in the service's settings on this system.
func which(l slots.Layout, _ slots.Disk) (slots.Switch, service) {
	return setting{l}, installer.Service{}
}

// setting is the Switch of Windows.
type setting struct{ layout slots.Layout }

// Slot is empty where the service is not there, or starts a program from elsewhere.
func (s setting) Slot() (string, error) {
	program, err := installer.Service{}.Chosen()
	if errors.Is(err, installer.ErrNotInstalled) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("ask which version the service starts: %w", err)
	}
	slot, err := filepath.Rel(s.layout.Programs, filepath.Dir(program))
	if err != nil || !filepath.IsLocal(slot) { // on another disk, or somewhere above
		return "", nil //nolint:nilerr // that is the answer
	}
	return filepath.ToSlash(slot), nil
}

// Choose changes the service's settings.
func (s setting) Choose(slot string) error {
	if err := (installer.Service{}).Choose(s.layout.Program(slot)); err != nil {
		return fmt.Errorf("make %s current: %w", slot, err)
	}
	return nil
}

// Settle flushes the service's settings.
func (setting) Settle() error { return installer.Service{}.Settle() }

// Times of the service. There is no timer and no path unit on this system.
const (
	lookEvery  = 10 * time.Second // at what the agent wants: one question to the file system
	againEvery = 5 * time.Minute  // for what was refused and may be granted now
	stopHint   = 10 * time.Second // until the service manager hears of a stop again; a copy is cut off at once
	stopBeat   = 3 * time.Second
	exitError  = 1 // service-specific
)

// asService takes over where the service manager has started the program. Wine cannot say so, the marker can.
func asService(b box) (handled bool, err error) {
	if !started() {
		return false, nil
	}
	h := &handler{apply: b.apply, wanted: func() string { return filepath.Join(folderOf(config, b.layout), update.WantedFile) }, log: b.updater.log}
	// The name is not looked at in a process with one service.
	return true, errors.Join(svc.Run("KopilkaUpdater", h), h.err)
}

func started() bool {
	is, err := svc.IsWindowsService()
	return (err == nil && is) || slices.Contains(os.Args, installer.Marker)
}

// handler is the updater as the service manager sees it.
type handler struct {
	apply  func(context.Context) error
	wanted func() string // the file; the config may change
	log    *slog.Logger
	err    error
}

// Execute is done when the manager wants it to be. Being cut off is the updater's daily bread: what it was doing is on
// the disk, and it goes on there next time.
func (h *handler) Execute(_ []string, requests <-chan svc.ChangeRequest, states chan<- svc.Status) (specific bool, code uint32) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- h.watch(ctx) }()
	now := svc.Status{State: svc.Running, Accepts: svc.AcceptStop | svc.AcceptShutdown | svc.AcceptPreShutdown}
	states <- now
	beat := time.NewTicker(stopBeat)
	defer beat.Stop()
	for {
		select {
		case h.err = <-done:
			if h.err != nil {
				return true, exitError
			}
			return false, 0
		case r := <-requests:
			switch r.Cmd {
			case svc.Stop, svc.Shutdown, svc.PreShutdown:
				cancel()
				now = svc.Status{State: svc.StopPending, WaitHint: uint32(stopHint.Milliseconds())}
			}
			states <- now
		case <-beat.C:
			if now.State == svc.StopPending {
				now.CheckPoint++
				states <- now
			}
		}
	}
}

// watch runs apply at the start, when the agent wants something else, and at intervals.
func (h *handler) watch(ctx context.Context) error {
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	for ctx.Err() == nil {
		seen := mark(h.wanted())
		if err := h.apply(ctx); err != nil && ctx.Err() == nil {
			h.log.Error("the updater failed", "err", err) // and tries again: the till sells meanwhile
		}
		for again := time.Now().Add(againEvery); ctx.Err() == nil && time.Now().Before(again) && mark(h.wanted()) == seen; {
			select {
			case <-ctx.Done():
			case <-look.C:
			}
		}
	}
	return nil
}

// mark changes when a file does: it is always replaced whole.
func mark(path string) string {
	info, err := os.Lstat(path)
	if err != nil {
		return ""
	}
	return fmt.Sprint(info.ModTime().UnixNano(), info.Size())
}

// Of the service's log.
const (
	logName     = "kopilka-updater.log"
	logOld      = ".old"
	logBytesMax = 2 << 20 // an update is some ten lines; a refusal that stays is one in five minutes
)

// journal is the service's own file and, for what people should see, the Windows event log. Started by hand, it is
// standard error.
func journal() *slog.Logger {
	if !started() {
		return slog.New(slog.NewTextHandler(os.Stderr, nil))
	}
	events, err := installer.OpenEvents()
	out := &logFile{path: filepath.Join(slots.System().State, logName)}
	log := slog.New(&eventLog{Handler: slog.NewTextHandler(out, nil), to: events})
	if err != nil {
		log.Warn("no event log", "err", err)
	}
	return log
}

// logFile is opened for each line, of which there are few, so that it can always be turned.
type logFile struct{ path string }

// Write never fails: a full disk must not stop an update on its way back.
func (l *logFile) Write(p []byte) (int, error) {
	if info, err := os.Stat(l.path); err == nil && info.Size()+int64(len(p)) > logBytesMax {
		if os.Rename(l.path, l.path+logOld) != nil && os.Truncate(l.path, 0) != nil {
			return len(p), nil // somebody holds it: what is in it is worth more than a line more
		}
	}
	f, err := os.OpenFile(l.path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return len(p), nil
	}
	_, err = f.Write(p)
	_ = errors.Join(err, f.Close())
	return len(p), nil
}

var _ io.Writer = (*logFile)(nil)

// eventLog gives each line on, and what it says in words to the Windows event log, if that is not what it said last: a
// refusal that stays would fill it.
type eventLog struct {
	slog.Handler
	to   installer.Events
	last string
}

// Handle is called by one goroutine at a time: the updater does one thing after the other.
func (e *eventLog) Handle(ctx context.Context, r slog.Record) error {
	text := r.Message
	r.Attrs(func(a slog.Attr) bool {
		text += fmt.Sprintf(" %s=%v", a.Key, a.Value)
		return true
	})
	err := e.Handler.Handle(ctx, r)
	if text == e.last {
		return err
	}
	e.last = text
	if r.Level >= slog.LevelError {
		return errors.Join(err, e.to.Error(installer.EventFailed, text))
	}
	return errors.Join(err, e.to.Info(installer.EventUpdate, text))
}
