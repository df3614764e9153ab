//go:build linux

package port_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/creack/pty"
	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/drivers/port"
)

func TestDeviceFile(t *testing.T) {
	for address, why := range map[string]string{
		"file://dev/usb/lp0": "three slashes", "file:///": "three slashes", "file:///dev/usb/lp0?baud=1": "nothing may follow",
	} {
		_, err := port.ParseAddress(address)
		require.ErrorIs(t, err, port.ErrAddress, address)
		require.ErrorContains(t, err, why, address)
	}
	master, slave, err := pty.Open()
	require.NoError(t, err)
	defer master.Close()
	a, err := port.ParseAddress("file://" + slave.Name())
	require.NoError(t, err)
	require.Equal(t, "file://"+slave.Name(), a.String())
	c, err := a.Dial(t.Context())
	require.NoError(t, err)
	require.NoError(t, slave.Close())

	_, err = c.Write([]byte("slip"))
	require.NoError(t, err)
	got := make([]byte, 4)
	_, err = master.Read(got)
	require.NoError(t, err)
	require.Equal(t, "slip", string(got))
	require.NoError(t, c.SetReadDeadline(time.Now().Add(time.Millisecond)))
	_, err = c.Read(got)
	require.ErrorIs(t, err, os.ErrDeadlineExceeded)
	require.NoError(t, c.SetReadDeadline(time.Time{}))
	require.NoError(t, master.Close())
	_, err = c.Read(got)
	require.ErrorIs(t, err, port.ErrGone)
	require.NoError(t, c.Close())
}

func TestDeviceFileThatIsNone(t *testing.T) {
	paper := filepath.Join(t.TempDir(), "lp0")
	a, err := port.ParseAddress("file://" + paper)
	require.NoError(t, err)
	_, err = a.Dial(t.Context())
	require.ErrorIs(t, err, os.ErrNotExist)
	require.NoError(t, os.WriteFile(paper, nil, 0o600))
	_, err = a.Dial(t.Context())
	require.ErrorIs(t, err, port.ErrAddress, "a read of a file on a disk could not be ended")
}
