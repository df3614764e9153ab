package serialscanner_test

import (
	"context"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/drivers"
	"github.com/kopilka/kopilka/drivers/drivertest"
	"github.com/kopilka/kopilka/drivers/port"
	"github.com/kopilka/kopilka/drivers/serialscanner"
	"github.com/kopilka/kopilka/ledger/sale"
)

// aims are what a scanner with AIM identifiers switched on puts before a code.
var aims = map[sale.Symbology]string{
	sale.SymbologyEAN13: "]E0", sale.SymbologyEAN8: "]E4", sale.SymbologyGS1DataMatrix: "]d2",
	sale.SymbologyCode128: "]C0", sale.SymbologyQR: "]Q1",
}

func TestContract(t *testing.T) {
	for name, aim := range map[string]bool{"with AIM": true, "without AIM": false} {
		t.Run(name, func(t *testing.T) {
			drivertest.Scanner(t, func(t *testing.T, name string, settings map[string]string) drivertest.ScannerRig {
				return overTCP(t, aim, name, settings)
			})
		})
	}
}

func overTCP(t *testing.T, aim bool, name string, settings map[string]string) drivertest.ScannerRig {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	addr, err := port.ParseAddress("tcp://" + l.Addr().String())
	require.NoError(t, err)
	near, err := addr.Dial(t.Context())
	require.NoError(t, err)
	device, err := l.Accept()
	require.NoError(t, err)
	require.NoError(t, l.Close())
	t.Cleanup(func() { _ = device.Close() }) // unplugged already in one case
	s, err := serialscanner.New(name, func(context.Context) (port.Conn, error) { return near, nil }, settings)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	send := func(text string) {
		_, err := device.Write([]byte(text))
		require.NoError(t, err)
	}
	return drivertest.ScannerRig{
		Scanner: s,
		Show: func(c sale.Code) {
			if aim {
				c.Text = aims[c.Symbology] + c.Text
			}
			send(c.Text + "\r\n")
		},
		Unplug: func() { require.NoError(t, device.Close()) },
	}
}

// link is a scanner in a bubble of virtual time, on an in-memory link.
func link(t *testing.T, settings map[string]string) (drivers.Scanner, net.Conn) {
	near, far := net.Pipe()
	s, err := serialscanner.New("hand", func(context.Context) (port.Conn, error) { return near, nil }, settings)
	require.NoError(t, err)
	return s, far
}

func TestSilenceEndsACode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, far := link(t, nil)
		go func() {
			_, _ = far.Write([]byte("46004")) // the reader's side tells what arrived
			<-time.After(40 * time.Millisecond)
			_, _ = far.Write([]byte("94000010"))
		}()
		began := time.Now()
		code, err := s.Read(t.Context())
		require.NoError(t, err)
		require.Equal(t, "4600494000010", code.Text, "a pause of 40 ms is inside a code")
		require.Equal(t, 90*time.Millisecond, time.Since(began), "50 ms after the last byte")
		require.NoError(t, s.Close())
	})
}

func TestGluedThenApart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, far := link(t, nil)
		go func() {
			_, _ = far.Write([]byte("46004940000104600494000010"))
			<-time.After(time.Second)
			_, _ = far.Write([]byte("4600494000010\r4600494000010\r"))
		}()
		_, err := s.Read(t.Context())
		require.Equal(t, drivers.FailScan, drivers.FailOf(err))
		for range 2 {
			code, err := s.Read(t.Context())
			require.NoError(t, err, "a suffix between them makes two codes")
			require.Equal(t, "4600494000010", code.Text)
		}
		require.NoError(t, s.Close())
	})
}

func TestRepeatWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, far := link(t, map[string]string{"repeat": "500ms"})
		go func() {
			for _, pause := range []time.Duration{0, 100, 100, 700} {
				<-time.After(pause * time.Millisecond)
				_, _ = far.Write([]byte("K1\r"))
			}
			_, _ = far.Write([]byte("K2\r"))
		}()
		var got []string
		for range 3 {
			code, err := s.Read(t.Context())
			require.NoError(t, err)
			got = append(got, code.Text)
		}
		require.Equal(t, []string{"K1", "K1", "K2"}, got)
		require.NoError(t, s.Close())
	})
}

func TestLongNoiseIsOneRefusal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, far := link(t, nil)
		go func() {
			for range 100 {
				_, _ = far.Write([]byte("99999999999999999999"))
			}
			_, _ = far.Write([]byte("\rK1\r"))
		}()
		_, err := s.Read(t.Context())
		require.Equal(t, drivers.FailScan, drivers.FailOf(err))
		code, err := s.Read(t.Context())
		require.NoError(t, err)
		require.Equal(t, "K1", code.Text)
		require.NoError(t, s.Close())
	})
}
