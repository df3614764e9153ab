package display_test

import (
	"os"
	"testing"
	"time"

	"github.com/creack/pty"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/kopilka/kopilka/drivers/display"
	device "github.com/kopilka/kopilka/drivers/emulator/display"
	"github.com/kopilka/kopilka/drivers/port"
)

// On a serial port as it is, unplugging included.
func TestSerialPort(t *testing.T) {
	master, slave, err := pty.Open()
	require.NoError(t, err)
	fd, err := unix.Dup(int(master.Fd()))
	require.NoError(t, err)
	require.NoError(t, unix.SetNonblock(fd, true))
	cable := os.NewFile(uintptr(fd), master.Name())
	require.NoError(t, master.Close())
	dev := device.New(device.Options{})
	served := make(chan error, 1)
	go func() { served <- dev.Serve(t.Context(), cable) }()
	addr, err := port.ParseAddress("serial://" + slave.Name() + "?baud=9600")
	require.NoError(t, err)
	d, err := display.New("pole", addr.Dial, nil)
	require.NoError(t, err)
	require.NoError(t, d.Show(t.Context(), "К оплате", "1 234,56"))
	require.NoError(t, slave.Close())
	require.Eventually(t, func() bool { return dev.Lines() == [2]string{"К оплате", "1 234,56"} }, time.Minute, time.Millisecond)
	require.NoError(t, cable.Close())
	<-served
	refused(t, d.Show(t.Context(), "Сдача", "10,00"))
	require.NoError(t, d.Close())
}
