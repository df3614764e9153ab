package pirit_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/drivers"
	"github.com/kopilka/kopilka/drivers/drivertest"
	emulator "github.com/kopilka/kopilka/drivers/emulator/pirit"
	"github.com/kopilka/kopilka/drivers/pirit"
)

// onWire is a register on a slow line.
func onWire(t *testing.T) (*drivertest.Wire, drivers.Printer, func() error) {
	reg, err := emulator.New(emulator.Options{})
	require.NoError(t, err)
	wire := &drivertest.Wire{Serve: reg.Serve}
	p, err := pirit.New("front", wire.Dial, nil)
	require.NoError(t, err)
	return wire, p, reg.Close
}

// A receipt takes as long as its bytes do, and no pause of the driver's own beyond a twentieth.
func TestDriverAddsLittle(t *testing.T) {
	own, took := drivertest.Added(t, onWire)
	t.Logf("%s for the bytes, %s in all", own, took)
	require.Greater(t, own, 20*time.Millisecond)
	require.Less(t, (took-own)*100, own*drivertest.AddedMax)
}

func BenchmarkReceipt(b *testing.B) { drivertest.BenchmarkAdded(b, onWire) }
