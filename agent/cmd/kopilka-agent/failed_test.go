//go:build linux

package main

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/agent"
	"github.com/kopilka/kopilka/ledger"
)

// lines is a log that a test reads while the program writes.
type lines struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(b)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func (l *lines) count(words string) int { return strings.Count(l.String(), words) }

// fill leaves no room on the disk of a folder.
func fill(t *testing.T, folder string) {
	t.Helper()
	f, err := os.Create(filepath.Join(folder, "fill"))
	require.NoError(t, err)
	for err == nil {
		_, err = f.Write(make([]byte, 4096))
	}
	require.ErrorIs(t, err, syscall.ENOSPC)
	require.NoError(t, f.Close())
}

// A full disk stops the ledger. The till says so once, waits for room and ends, so that it is started anew.
func TestAStoppedLedgerEndsTheProgramWhenThereIsRoom(t *testing.T) {
	o := newOffering(t)
	data := o.config.Data
	identity, err := os.ReadFile(filepath.Join(data, identityFile))
	require.NoError(t, err)
	if err := syscall.Mount("kopilka-test", data, "tmpfs", 0, "size=40m"); err != nil {
		t.Skipf("a small tmpfs cannot be mounted here (wants root): %v", err)
	}
	defer func() { require.NoError(t, syscall.Unmount(data, syscall.MNT_DETACH)) }()
	require.NoError(t, os.WriteFile(filepath.Join(data, identityFile), identity, 0o600))
	o.config.Register.Type, o.config.Register.Port = agent.RegisterNone, ""
	var log lines
	p, err := NewProgram(o.config, slog.New(slog.NewTextHandler(&log, nil)))
	require.NoError(t, err)
	p.patience = patience{look: 10 * time.Millisecond}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- p.Run(ctx) }()
	require.True(t, healthOf(t, p).Ledger)

	fill(t, data)
	until(t, "the ledger stops", func() bool {
		settings, err := p.ledger.Settings()
		if err != nil && !errors.Is(err, ledger.ErrNotFound) {
			return errors.Is(err, ledger.ErrBroken)
		}
		settings.StoreName = strings.Repeat("a", 1<<20) + time.Now().String()
		return errors.Is(p.ledger.SetSettings(settings), ledger.ErrBroken)
	})
	until(t, "it is said", func() bool { return log.count("the ledger has stopped") > 0 })
	require.False(t, healthOf(t, p).Ledger)
	seen, err := askDaemon(t.Context(), p.listener.Addr().String())
	require.NoError(t, err)
	require.True(t, seen.Stopped)
	findings := p.examine(t.Context())
	require.Equal(t, agent.LevelError, levelOf(findings, "ledger", "Make room"))
	require.Empty(t, ended, "where there is no room the next one would stop as well")
	require.Equal(t, 1, log.count("level=ERROR"), log.String())

	require.NoError(t, syscall.Mount("kopilka-test", data, "tmpfs", syscall.MS_REMOUNT, "size=256m"))
	require.ErrorIs(t, <-ended, ledger.ErrBroken, "the service manager starts what has failed")
	again, err := NewProgram(o.config, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	_, err = again.ledger.Settings()
	require.True(t, err == nil || errors.Is(err, ledger.ErrNotFound), err)
	require.NoError(t, again.close())
}
