package agent

import (
	"context"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/drivers"
	"github.com/kopilka/kopilka/drivers/atol"
	emulator "github.com/kopilka/kopilka/drivers/emulator/atol"
	"github.com/kopilka/kopilka/drivers/port"
	"github.com/kopilka/kopilka/ledger/sale"
)

// A register that is off fills no queue: the till's own patience ends before the driver's, and each
// look that it gives up is asked back. In the morning the register is there as soon as it is switched on.
func TestARegisterThatIsOffFillsNoQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reg, err := emulator.New(emulator.Options{JobTime: time.Second})
		require.NoError(t, err)
		reg.SetPower(false)
		ctx, cancel := context.WithCancel(t.Context())
		var served, line sync.WaitGroup
		dial := func(context.Context) (port.Conn, error) {
			host, end := net.Pipe()
			served.Go(func() { _ = reg.Serve(ctx, end) }) // ends with the cable
			return host, nil
		}
		var dials atomic.Int32
		online := make(chan struct{}, 1)
		r := newRegisterLine(func(context.Context) (drivers.Printer, error) {
			dials.Add(1)
			return atol.New("front", dial, nil)
		})
		r.connect = func(context.Context, drivers.Printer) error { return nil }
		r.between = r.connect
		r.seen = func(s registerState) {
			if s.online && len(online) == 0 {
				online <- struct{}{}
			}
		}
		line.Go(func() { r.run(ctx) })
		<-time.After(time.Hour)
		require.Greater(t, dials.Load(), int32(200))
		require.LessOrEqual(t, reg.State().Waiting, 1, "only what the till waits for now")
		reg.SetPower(true)
		select {
		case <-online:
		case <-time.After(2 * (statusWait + registerRetry)):
			require.Fail(t, "the register is on and the till says that it does not answer")
		}
		cancel()
		line.Wait()
		served.Wait()
		require.NoError(t, reg.Close())
	})
}

// A register that is being dialled, which takes most of a minute where it is looked for on every port, prints nothing:
// the cashier is told so at once and may serve on, instead of reading that it prints.
func TestNobodyWaitsForARegisterThatIsBeingDialled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCounter(t, 182)
		c.openShift()
		c.stop()
		driver, found := c.driver, make(chan struct{})
		find := sync.OnceFunc(func() { close(found) })
		defer find()
		c.driver = func(dial port.Dial) (drivers.Printer, error) {
			<-found
			return driver(dial)
		}
		c.start()
		c.must(Command{Do: "sign-in", PIN: testPIN})
		c.scan(milkCode)
		require.NoError(t, c.payCash())
		v := c.view()
		require.Equal(t, StageSale, v.Stage)
		require.Contains(t, v.Notices[len(v.Notices)-1].Text.EN, "Connecting to the register")
		c.scan(sugarCode)
		find()
		c.dialled()
		require.NoError(t, c.payCash())
		c.untilStage(StageDone)
		require.Len(t, c.receipts(sale.DocSale), 1)
	})
}
