package escpos_test

import (
	"context"
	"net"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/creack/pty"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/kopilka/kopilka/drivers"
	device "github.com/kopilka/kopilka/drivers/emulator/escpos"
	"github.com/kopilka/kopilka/drivers/escpos"
	"github.com/kopilka/kopilka/drivers/port"
)

// The same slips over each real transport: a socket, a serial port, and a device file of a USB printer.
func TestRealLines(t *testing.T) {
	lines := map[string]func(*testing.T, *device.Printer) port.Dial{"tcp": onTCP, "serial": onTerminal("serial"), "file": onTerminal("file")}
	var ran atomic.Int32
	t.Run("over", func(t *testing.T) {
		for name, line := range lines {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				realLine(t, line)
				ran.Add(1)
			})
		}
	})
	require.EqualValues(t, len(lines), ran.Load())
}

func realLine(t *testing.T, line func(*testing.T, *device.Printer) port.Dial) {
	dev := device.New(device.Options{Model: "TM-T20", Drops: true})
	dial := line(t, dev)
	id, err := escpos.Probe(t.Context(), dial)
	require.NoError(t, err)
	require.Equal(t, "TM-T20", id.Model)
	p, err := escpos.New("counter", dial, nil)
	require.NoError(t, err)
	for range 2 {
		require.NoError(t, p.PrintSlip(t.Context(), voucher()))
		require.Equal(t, voucherPaper, device.Lines(dev.Paper()))
		dev.Tear()
	}
	require.NoError(t, p.OpenDrawer(t.Context()))
	require.Equal(t, []int{2}, dev.Pulses())
	dev.Arrange(device.PaperOut, 3)
	failed(t, p.PrintSlip(t.Context(), long(40)), drivers.FailPaper, drivers.OutcomeUnknown)
	s, err := p.Status(t.Context())
	require.NoError(t, err)
	require.True(t, s.Has(drivers.PaperOut))
	require.NoError(t, p.Close())
}

func onTCP(t *testing.T, dev *device.Printer) port.Dial {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	var served sync.WaitGroup
	served.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			served.Go(func() { _ = dev.Serve(ctx, conn) }) // ends with the connection, as tests want
		}
	})
	t.Cleanup(func() {
		cancel()
		require.NoError(t, l.Close())
		served.Wait()
	})
	addr, err := port.ParseAddress("tcp://" + l.Addr().String())
	require.NoError(t, err)
	return addr.Dial
}

// onTerminal gives each dial a cable of its own, as a USB adapter does when it is plugged in again.
func onTerminal(scheme string) func(*testing.T, *device.Printer) port.Dial {
	return func(t *testing.T, dev *device.Printer) port.Dial {
		ctx, cancel := context.WithCancel(context.Background())
		var served sync.WaitGroup
		t.Cleanup(func() {
			cancel()
			served.Wait()
		})
		return func(dialCtx context.Context) (port.Conn, error) {
			master, slave, err := pty.Open()
			if err != nil {
				return nil, err
			}
			if err := raw(slave); err != nil {
				return nil, err
			}
			addr, err := port.ParseAddress(scheme + "://" + slave.Name())
			if err != nil {
				return nil, err
			}
			conn, err := addr.Dial(dialCtx)
			if err != nil {
				return nil, err
			}
			end, err := interruptible(master)
			if err != nil {
				return nil, err
			}
			served.Go(func() { _ = dev.Serve(ctx, end) }) // ends with the cable
			// From here on only the driver holds its end, so that its Close is seen at the other.
			return conn, slave.Close()
		}
	}
}

// raw leaves bytes as they are, as a printer's device file does.
func raw(f *os.File) error {
	t, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	if err != nil {
		return err
	}
	t.Iflag, t.Oflag, t.Lflag = 0, 0, 0
	return unix.IoctlSetTermios(int(f.Fd()), unix.TCSETS, t)
}

// interruptible is the same terminal as a file whose Read ends when it is closed.
func interruptible(f *os.File) (*os.File, error) {
	fd, err := unix.Dup(int(f.Fd()))
	if err != nil {
		return nil, err
	}
	if err := unix.SetNonblock(fd, true); err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), strings.Clone(f.Name())), f.Close()
}
