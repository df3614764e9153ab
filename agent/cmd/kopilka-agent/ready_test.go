//go:build !windows

package main

import (
	"context"
	"net"
	"path/filepath"
	"strconv"
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

func TestWithoutSystemdNothingHappens(t *testing.T) {
	t.Setenv("NOTIFY_SOCKET", "")
	notifyReady(t.Context())()
	handled, err := asService(func(context.Context) error { return nil })
	require.NoError(t, err)
	require.False(t, handled)
}
