//go:build linux

package port_test

import (
	"io"
	"os"
	"testing"
	"time"

	"github.com/creack/pty"
	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/drivers/port"
)

// line is a pseudo terminal: the master stands for the device, the port is opened by its name.
func line(t *testing.T) (master *os.File, addr port.Address) {
	t.Helper()
	master, slave, err := pty.Open()
	require.NoError(t, err)
	t.Cleanup(func() { _ = master.Close() }) // closed already where a test unplugs it
	a, err := port.ParseAddress("serial://" + slave.Name())
	require.NoError(t, err)
	// The slave stays open so that the master sees no hang-up before the test dials.
	t.Cleanup(func() { _ = slave.Close() }) // nothing was written through it
	return master, a
}

func dial(t *testing.T, a port.Address) port.Conn {
	t.Helper()
	c, err := a.Dial(t.Context())
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.Close() }) // some tests close it themselves
	return c
}

func TestSerialCarriesEveryByte(t *testing.T) {
	master, a := line(t)
	c := dial(t, a)
	want := make([]byte, 256)
	for i := range want {
		want[i] = byte(i)
	}
	_, err := master.Write(want)
	require.NoError(t, err)
	got := make([]byte, len(want))
	_, err = io.ReadFull(c, got)
	require.NoError(t, err)
	require.Equal(t, want, got, "no byte is translated on the way in")

	n, err := c.Write(want)
	require.NoError(t, err)
	require.Equal(t, len(want), n)
	_, err = io.ReadFull(master, got)
	require.NoError(t, err)
	require.Equal(t, want, got, "nor on the way out")
}

func TestSerialDeadline(t *testing.T) {
	master, a := line(t)
	c := dial(t, a)
	require.NoError(t, c.SetReadDeadline(time.Now().Add(250*time.Millisecond)))
	began := time.Now()
	_, err := c.Read(make([]byte, 1))
	require.ErrorIs(t, err, os.ErrDeadlineExceeded)
	require.GreaterOrEqual(t, time.Since(began), 250*time.Millisecond)

	require.NoError(t, c.SetReadDeadline(time.Time{}))
	_, err = master.Write([]byte("x"))
	require.NoError(t, err)
	_, err = c.Read(make([]byte, 1))
	require.NoError(t, err, "a missed deadline leaves the connection good")
}

func TestSerialDeadlineEndsAWaitingRead(t *testing.T) {
	_, a := line(t)
	c := dial(t, a)
	ended := make(chan error, 1)
	go func() {
		_, err := c.Read(make([]byte, 1))
		ended <- err
	}()
	require.NoError(t, c.SetReadDeadline(time.Now()))
	require.ErrorIs(t, <-ended, os.ErrDeadlineExceeded)
}

func TestSerialUnplug(t *testing.T) {
	master, a := line(t)
	c := dial(t, a)
	ended := make(chan error, 1)
	go func() {
		_, err := c.Read(make([]byte, 1))
		ended <- err
	}()
	require.NoError(t, master.Close())
	require.ErrorIs(t, <-ended, port.ErrGone)
	_, err := c.Read(make([]byte, 1))
	require.ErrorIs(t, err, port.ErrGone, "gone stays gone")
	_, err = c.Write([]byte("x"))
	require.ErrorIs(t, err, port.ErrGone)
	require.NoError(t, c.Close())
}

func TestSerialPortIsTakenOnce(t *testing.T) {
	_, a := line(t)
	c := dial(t, a)
	_, err := a.Dial(t.Context())
	require.ErrorIs(t, err, port.ErrBusy)
	require.NoError(t, c.Close())
	again, err := a.Dial(t.Context())
	require.NoError(t, err, "Close gives the port back")
	require.NoError(t, again.Close())
	_, err = c.Read(make([]byte, 1))
	require.ErrorIs(t, err, os.ErrClosed)
}

func TestSerialWriteToADeviceThatTakesNothing(t *testing.T) {
	master, a := line(t)
	c := dial(t, a)
	require.NoError(t, c.SetWriteDeadline(time.Now().Add(200*time.Millisecond)))
	_, err := c.Write(make([]byte, 1<<20))
	require.ErrorIs(t, err, port.ErrGone)
	require.ErrorIs(t, err, os.ErrDeadlineExceeded)
	require.NoError(t, c.Close(), "Close does not hang")
	require.NoError(t, master.Close())
}
