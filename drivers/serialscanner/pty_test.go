//go:build linux

package serialscanner_test

import (
	"testing"

	"github.com/creack/pty"
	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/drivers/drivertest"
	"github.com/kopilka/kopilka/drivers/port"
	"github.com/kopilka/kopilka/drivers/serialscanner"
	"github.com/kopilka/kopilka/ledger/sale"
)

// The same contract on a serial port: 100 ms steps, no sockets, end of file for silence.
func TestContractOnASerialPort(t *testing.T) {
	drivertest.Scanner(t, func(t *testing.T, name string, settings map[string]string) drivertest.ScannerRig {
		master, slave, err := pty.Open()
		require.NoError(t, err)
		t.Cleanup(func() { _ = master.Close() }) // unplugged already in one case
		addr, err := port.ParseAddress("serial://" + slave.Name() + "?baud=9600")
		require.NoError(t, err)
		s, err := serialscanner.New(name, addr.Dial, settings)
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, s.Close()) })
		t.Cleanup(func() { _ = slave.Close() }) // kept open until the driver has dialled
		send := func(text string) {
			_, err := master.WriteString(text)
			require.NoError(t, err)
		}
		return drivertest.ScannerRig{
			Scanner: s,
			Show:    func(c sale.Code) { send(aims[c.Symbology] + c.Text + "\r") },
			Unplug:  func() { require.NoError(t, master.Close()) },
		}
	})
}
