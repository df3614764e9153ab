package all_test

import (
	"context"
	"net"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/drivers"
	"github.com/kopilka/kopilka/drivers/all"
	"github.com/kopilka/kopilka/drivers/drivertest/world"
	"github.com/kopilka/kopilka/drivers/port"
)

// A register fresh out of its box is known for what it is, says so in a sentence, and signs nothing.
func TestARegisterThatIsNotRegistered(t *testing.T) {
	require.NotEmpty(t, world.All())
	for _, w := range world.All() {
		t.Run(w.Name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m, err := w.New(world.Options{Serial: 4711, Unregistered: true})
				require.NoError(t, err)
				ctx, cancel := context.WithCancel(t.Context())
				var served sync.WaitGroup
				p, err := all.Printer(w.Type, "register", func(context.Context) (port.Conn, error) {
					ours, theirs := net.Pipe()
					served.Go(func() { _ = m.Serve(ctx, theirs) }) // ends with the link
					return ours, nil
				}, w.Settings)
				require.NoError(t, err)
				_, err = p.Identify(ctx)
				require.NoError(t, err)
				status, err := p.Status(ctx)
				require.NoError(t, err)
				require.True(t, status.Has(drivers.NotFiscal), "%+v", status)
				_, err = p.Snapshot(ctx)
				require.NoError(t, err)
				_, err = p.OpenShift(ctx, drivers.Operator{Name: "Иванова"})
				require.True(t, drivers.NotDone(err), "%v", err)
				require.Equal(t, drivers.FailStorage, drivers.FailOf(err), "%v", err)
				require.Contains(t, drivers.HintOf(err).EN, "not registered")
				require.Contains(t, drivers.HintOf(err).RU, "не зарегистрирован")
				if c, ok := p.(drivers.Preflighter); ok {
					require.Contains(t, drivers.HintOf(c.Preflight(ctx, drivers.TaxOSN, nil)).EN, "not registered")
				}
				require.Empty(t, m.Documents())
				require.NoError(t, p.Close())
				cancel()
				served.Wait()
				require.NoError(t, m.Close())
			})
		})
	}
}
