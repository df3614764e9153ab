package agent

import (
	"context"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/drivers"
	receiptprinter "github.com/kopilka/kopilka/drivers/emulator/escpos"
	emulator "github.com/kopilka/kopilka/drivers/emulator/shtrih"
	"github.com/kopilka/kopilka/drivers/escpos"
	"github.com/kopilka/kopilka/drivers/port"
	"github.com/kopilka/kopilka/drivers/shtrih"
)

// ageing is a patient whose register was made with options, looked at some time later.
func ageing(t *testing.T, o emulator.Options, later time.Duration) *Checkup {
	t.Helper()
	c, _ := patient(t)
	now := c.Now()
	shop := now
	o.INN, o.Now = "7707083893", func() time.Time { return shop }
	reg, err := emulator.New(o)
	require.NoError(t, err)
	var served sync.WaitGroup
	t.Cleanup(func() {
		require.NoError(t, reg.Close())
		served.Wait()
	})
	dial := func(ctx context.Context) (port.Conn, error) {
		host, end := net.Pipe()
		served.Go(func() { _ = reg.Serve(context.WithoutCancel(ctx), end) }) // ends with the cable
		return host, nil
	}
	c.Register = func(context.Context) (drivers.Printer, error) {
		return shtrih.New("front", dial, map[string]string{"protocol": "2"})
	}
	p, err := c.Register(t.Context())
	require.NoError(t, err)
	_, err = p.OpenShift(t.Context(), drivers.Operator{Name: "Иванова"})
	require.NoError(t, err)
	require.NoError(t, p.Close())
	shop = now.Add(later)
	c.Now = func() time.Time { return shop }
	return c
}

const days = 24 * time.Hour

func TestDoctorTellsTheStoragesLife(t *testing.T) {
	soon := time.Now().Add(10 * days)
	c := ageing(t, emulator.Options{OFDDelay: time.Second, FNExpires: soon}, 0)
	requireFinding(t, examine(t, c), "register", LevelWarning, "expires on "+soon.Format("02.01.2006"))
	c = ageing(t, emulator.Options{OFDDelay: time.Second, FNExpires: soon}, 20*days)
	requireFinding(t, examine(t, c), "register", LevelError, "have it replaced")
	c = ageing(t, emulator.Options{OFDDelay: time.Second}, 0)
	requireFinding(t, examine(t, c), "register", LevelOK, "serves until")
	requireFinding(t, examine(t, c), "register", LevelOK, "VAT rates and tax system are as needed")
	requireFinding(t, examine(t, c), "register", LevelOK, "Protocol shtrih-m, port tcp://192.0.2.7:7778")
}

func TestDoctorCountsTheDaysOfTheOperator(t *testing.T) {
	c := ageing(t, emulator.Options{OFDDelay: 1000 * days}, 5*days)
	requireFinding(t, examine(t, c), "register", LevelWarning, "at 30 days it stops selling, 25 days are left")
	c = ageing(t, emulator.Options{OFDDelay: 1000 * days}, 25*days)
	requireFinding(t, examine(t, c), "register", LevelError, "5 days are left")
}

func TestDoctorSaysThatARegisterHasMoved(t *testing.T) {
	c := ageing(t, emulator.Options{OFDDelay: time.Second}, 0)
	c.Config.Register.Serial = "00000001"
	requireFinding(t, examine(t, c), "register", LevelOK, "number is the config's: 00000001")
	c.Moved = func() string { return "serial:///dev/ttyUSB7?baud=115200" }
	requireFinding(t, examine(t, c), "register", LevelWarning, "was found at serial:///dev/ttyUSB7")
}

func TestDoctorLooksAtTheReceiptPrinter(t *testing.T) {
	paper := receiptprinter.New(receiptprinter.Options{})
	var served sync.WaitGroup
	t.Cleanup(served.Wait)
	c, _ := patient(t)
	c.Config.Printer.Port = "tcp://192.0.2.9:9100"
	c.Printer = func(context.Context) (drivers.SlipPrinter, error) {
		return escpos.New("printer", func(ctx context.Context) (port.Conn, error) {
			host, end := net.Pipe()
			served.Go(func() { _ = paper.Serve(context.WithoutCancel(ctx), end) }) // ends with the cable
			return host, nil
		}, nil)
	}
	requireFinding(t, examine(t, c), "printer", LevelOK, "characters wide")
	c.Printer = func(context.Context) (drivers.SlipPrinter, error) { return nil, errTestTaken }
	requireFinding(t, examine(t, c), "printer", LevelError, "used by another program")
}

func TestDoctorSaysOnceThatTheStorageHasExpired(t *testing.T) {
	c := ageing(t, emulator.Options{OFDDelay: time.Second, FNExpires: time.Now().Add(10 * days)}, 20*days)
	said := 0
	for _, f := range examine(t, c) {
		if f.Level != LevelOK && strings.Contains(strings.ToLower(f.Text.EN), "fiscal storage") {
			said++
		}
	}
	require.Equal(t, 1, said)
}
