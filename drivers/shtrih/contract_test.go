//go:build linux

package shtrih_test

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

	"github.com/kopilka/kopilka/drivers/drivertest"
	"github.com/kopilka/kopilka/drivers/drivertest/world"
	emulator "github.com/kopilka/kopilka/drivers/emulator/shtrih"
	"github.com/kopilka/kopilka/drivers/port"
	"github.com/kopilka/kopilka/drivers/shtrih"
)

func TestContractTCPProtocol2(t *testing.T) {
	drivertest.Printer(t, rig(onTCP, "2"))
}

func TestContractTCPProtocol1(t *testing.T) {
	drivertest.Printer(t, rig(onTCP, "1"))
}

func TestContractPTYProtocol1(t *testing.T) {
	drivertest.Printer(t, rig(onPTY, "1"))
}

func TestContractAuto(t *testing.T) {
	drivertest.Printer(t, rig(onTCP, "auto"))
}

// rig makes a fresh register on a line.
func rig(line func(*testing.T, *emulator.Register) port.Dial, protocol string) func(*testing.T) drivertest.Rig {
	return func(t *testing.T) drivertest.Rig {
		reg, err := emulator.New(emulator.Options{INN: "7707083893", OFDDelay: time.Millisecond, Silent: true})
		require.NoError(t, err)
		dial := line(t, reg)
		return drivertest.Rig{
			Printer:   driver(t, dial, map[string]string{"protocol": protocol}),
			Stranger:  driver(t, dial, map[string]string{"protocol": protocol, "password": "12345", "admin-password": "54321"}),
			Keyed:     driver(t, dial, map[string]string{"protocol": protocol, "sale-key": "on"}),
			Device:    world.Shtrih(reg),
			Paperless: true,
			Extra:     true,
		}
	}
}

func driver(t *testing.T, dial port.Dial, settings map[string]string) *shtrih.Printer {
	t.Helper()
	p, err := shtrih.New("front", dial, settings)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, p.Close()) })
	return p.(*shtrih.Printer)
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
		addr, err := port.ParseAddress("serial://" + slave.Name())
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
		// From here on only the driver holds its end, so that its Close is seen at the other.
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
