package shtrih_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/drivers"
	"github.com/kopilka/kopilka/drivers/drivertest"
	emulator "github.com/kopilka/kopilka/drivers/emulator/shtrih"
	"github.com/kopilka/kopilka/drivers/shtrih"
)

// onWire is a register on a slow line.
func onWire(protocol string) func(t *testing.T) (*drivertest.Wire, drivers.Printer, func() error) {
	return func(t *testing.T) (*drivertest.Wire, drivers.Printer, func() error) {
		reg, err := emulator.New(emulator.Options{})
		require.NoError(t, err)
		wire := &drivertest.Wire{Serve: reg.Serve}
		p, err := shtrih.New("front", wire.Dial, map[string]string{"protocol": protocol})
		require.NoError(t, err)
		return wire, p, reg.Close
	}
}

// A receipt takes as long as its bytes do, and no pause of the driver's own beyond a twentieth.
func TestDriverAddsLittle(t *testing.T) {
	for _, protocol := range []string{"1", "2"} {
		own, took := drivertest.Added(t, onWire(protocol))
		t.Logf("protocol %s: %s for the bytes, %s in all", protocol, own, took)
		require.Greater(t, own, 20*time.Millisecond)
		require.Less(t, (took-own)*100, own*drivertest.AddedMax)
	}
}

func BenchmarkReceiptProtocol1(b *testing.B) { drivertest.BenchmarkAdded(b, onWire("1")) }

func BenchmarkReceiptProtocol2(b *testing.B) { drivertest.BenchmarkAdded(b, onWire("2")) }
