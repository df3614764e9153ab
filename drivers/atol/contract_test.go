package atol_test

import (
	"context"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/drivers/atol"
	"github.com/kopilka/kopilka/drivers/drivertest"
	"github.com/kopilka/kopilka/drivers/drivertest/world"
	emulator "github.com/kopilka/kopilka/drivers/emulator/atol"
	"github.com/kopilka/kopilka/drivers/port"
)

const (
	user     = "till"
	password = "пароль кассы"
)

func TestContractTCP(t *testing.T) {
	drivertest.Printer(t, func(t *testing.T) drivertest.Rig {
		reg, err := emulator.New(emulator.Options{OFDDelay: time.Millisecond, User: user, Password: password})
		require.NoError(t, err)
		dial := onTCP(t, reg)
		access := map[string]string{"user": user, "password": password, "poll": "20ms"}
		keyed := map[string]string{"user": user, "password": password, "sale-key": "on"}
		return drivertest.Rig{
			Printer: driver(t, dial, access), Keyed: driver(t, dial, keyed),
			Stranger: driver(t, dial, map[string]string{"user": user, "password": "wrong"}),
			Device:   world.Atol(reg), Paperless: true, Extra: true, Untold: drivertest.OpenUntold,
		}
	})
}

func driver(t *testing.T, dial port.Dial, settings map[string]string) *atol.Printer {
	t.Helper()
	p, err := atol.New("front", dial, settings)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, p.Close()) })
	return p.(*atol.Printer)
}

// onTCP serves a register on a random port of this machine.
func onTCP(t *testing.T, reg *emulator.Register) port.Dial {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	var served sync.WaitGroup
	served.Go(func() { _ = reg.Listen(ctx, l) }) // ends with ctx
	t.Cleanup(func() {
		cancel()
		served.Wait()
		require.NoError(t, reg.Close())
	})
	addr, err := port.ParseAddress("tcp://" + l.Addr().String())
	require.NoError(t, err)
	return addr.Dial
}
