//go:build linux

package pirit_test

import (
	"context"
	"net"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/creack/pty"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/kopilka/kopilka/drivers"
	"github.com/kopilka/kopilka/drivers/drivertest"
	"github.com/kopilka/kopilka/drivers/drivertest/world"
	emulator "github.com/kopilka/kopilka/drivers/emulator/pirit"
	"github.com/kopilka/kopilka/drivers/pirit"
	"github.com/kopilka/kopilka/drivers/port"
)

func TestContractTCP(t *testing.T) {
	drivertest.Printer(t, rig(onTCP, emulator.Options{}))
}

func TestContractPTY(t *testing.T) {
	drivertest.Printer(t, rig(onPTY, emulator.Options{Family: emulator.FamilyPirit}))
}

// rig makes a fresh register on a line.
func rig(line func(*testing.T, *emulator.Register) port.Dial, o emulator.Options) func(*testing.T) drivertest.Rig {
	return func(t *testing.T) drivertest.Rig {
		o.INN, o.OFDDelay = "7707083893", time.Millisecond
		reg, err := emulator.New(o)
		require.NoError(t, err)
		dial := line(t, reg)
		return drivertest.Rig{
			Printer:   driver(t, dial, nil),
			Stranger:  driver(t, dial, map[string]string{"password": "XXXX"}),
			Keyed:     driver(t, dial, map[string]string{"sale-key": "on"}),
			Device:    world.Pirit(reg),
			Paperless: true,
		}
	}
}

func driver(t *testing.T, dial port.Dial, settings map[string]string) drivers.Printer {
	t.Helper()
	p, err := pirit.New("front", dial, settings)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, p.Close()) })
	return p
}

// onTCP serves a register on a random port of this machine.
func onTCP(t *testing.T, reg *emulator.Register) port.Dial {
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
			served.Go(func() { _ = reg.Serve(ctx, conn) }) // ends with the connection, as tests want
		}
	})
	t.Cleanup(func() {
		cancel()
		require.NoError(t, l.Close())
		served.Wait()
		require.NoError(t, reg.Close())
	})
	addr, err := port.ParseAddress("tcp://" + l.Addr().String())
	require.NoError(t, err)
	return addr.Dial
}

// onPTY gives each dial a cable of its own, as a USB adapter does when it is plugged in again.
func onPTY(t *testing.T, reg *emulator.Register) port.Dial {
	ctx, cancel := context.WithCancel(context.Background())
	var served sync.WaitGroup
	t.Cleanup(func() {
		cancel()
		served.Wait()
		require.NoError(t, reg.Close())
	})
	return func(dialCtx context.Context) (port.Conn, error) {
		master, slave, err := pty.Open()
		if err != nil {
			return nil, err
		}
		addr, err := port.ParseAddress("serial://" + slave.Name() + "?baud=57600")
		if err != nil {
			return nil, err
		}
		conn, err := addr.Dial(dialCtx)
		if err != nil {
			return nil, err
		}
		device, err := interruptible(master)
		if err != nil {
			return nil, err
		}
		served.Go(func() { _ = reg.Serve(ctx, device) }) // ends with the cable
		return conn, slave.Close()
	}
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
	return os.NewFile(uintptr(fd), f.Name()), f.Close()
}
