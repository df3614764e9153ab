//go:build !windows

package main

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// systemdEar is the socket on which systemd listens to a service.
func systemdEar(t *testing.T) func() string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "notify")
	ear, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, ear.Close()) })
	t.Setenv("NOTIFY_SOCKET", path)
	return func() string {
		require.NoError(t, ear.SetReadDeadline(time.Now().Add(10*time.Second)))
		b := make([]byte, 256)
		n, err := ear.Read(b)
		require.NoError(t, err)
		return string(b[:n])
	}
}

func TestSystemdHearsThatTheTillLives(t *testing.T) {
	hear := systemdEar(t)
	t.Setenv("WATCHDOG_USEC", strconv.Itoa(int((40 * time.Millisecond).Microseconds())))
	t.Setenv("WATCHDOG_PID", "")
	stopped := notifyReady(t.Context())
	require.Equal(t, "READY=1", hear())
	require.Equal(t, "WATCHDOG=1", hear())
	require.Equal(t, "WATCHDOG=1", hear())
	stopped()
	for word := hear(); word != "STOPPING=1"; word = hear() {
		require.Equal(t, "WATCHDOG=1", word)
	}
}

func TestSystemdHearsTheEndWithoutAWatchdog(t *testing.T) {
	hear := systemdEar(t)
	ctx, cancel := context.WithCancel(t.Context())
	stopped := notifyReady(ctx)
	require.Equal(t, "READY=1", hear())
	cancel()
	require.Equal(t, "STOPPING=1", hear())
	stopped()
}

func TestSystemdStartsAndStopsTheTill(t *testing.T) {
	hear := systemdEar(t)
	t.Setenv("WATCHDOG_USEC", "")
	ended := make(chan error, 1)
	printed := errors.New("the receipt was seen through")
	go func() {
		handled, err := asService(func(ctx context.Context) error {
			<-ctx.Done()
			return printed
		})
		if !handled {
			err = errors.New("not taken for a service")
		}
		ended <- err
	}()
	require.Equal(t, "READY=1", hear())
	require.NoError(t, syscall.Kill(os.Getpid(), syscall.SIGTERM)) // as systemd stops it
	require.Equal(t, "STOPPING=1", hear())
	require.ErrorIs(t, <-ended, printed)
}

func TestATillThatCannotStartIsNeverReady(t *testing.T) {
	hear := systemdEar(t)
	broken := errors.New("the ledger is damaged")
	handled, err := asService(func(context.Context) error { return broken })
	require.True(t, handled)
	require.ErrorIs(t, err, broken)
	tellSystemd("STATUS=nothing came before this")
	require.Equal(t, "STATUS=nothing came before this", hear())
}

func TestWithoutSystemdTheProgramRunsAsItIs(t *testing.T) {
	t.Setenv("NOTIFY_SOCKET", "")
	handled, err := asService(func(context.Context) error { return errors.New("run by somebody else") })
	require.NoError(t, err)
	require.False(t, handled)
}
