package mercury_test

import (
	"context"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/drivers/drivertest"
	"github.com/kopilka/kopilka/drivers/drivertest/world"
	emulator "github.com/kopilka/kopilka/drivers/emulator/mercury"
	"github.com/kopilka/kopilka/drivers/mercury"
	"github.com/kopilka/kopilka/drivers/port"
)

func TestContractHTTP(t *testing.T) { drivertest.Printer(t, rig("http")) }

func TestContractLength(t *testing.T) { drivertest.Printer(t, rig("length")) }

// rig makes a fresh register behind its service on a real socket.
func rig(transport string) func(*testing.T) drivertest.Rig {
	return func(t *testing.T) drivertest.Rig {
		reg, err := emulator.New(emulator.Options{INN: "7707083893", OFDDelay: time.Millisecond, Password: "2580"})
		require.NoError(t, err)
		dial := onTCP(t, reg)
		with := func(more map[string]string) *mercury.Printer {
			settings := map[string]string{"transport": transport, "operator": "1", "password": "2580"}
			for key, value := range more {
				settings[key] = value
			}
			return driver(t, dial, settings)
		}
		return drivertest.Rig{
			Printer: with(nil), Stranger: with(map[string]string{"password": "1111"}), Keyed: with(map[string]string{"sale-key": "on"}),
			Device: world.Mercury(reg), Paperless: true,
			Untold: drivertest.SignsUntold | drivertest.ExpiryUntold | drivertest.ResumeUntold,
		}
	}
}

func driver(t *testing.T, dial port.Dial, settings map[string]string) *mercury.Printer {
	t.Helper()
	p, err := mercury.New("front", dial, settings)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, p.Close()) })
	return p.(*mercury.Printer)
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
