package hidscanner_test

import (
	"context"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/drivers"
	"github.com/kopilka/kopilka/drivers/drivertest"
	"github.com/kopilka/kopilka/drivers/emulator"
	"github.com/kopilka/kopilka/drivers/hidscanner"
	"github.com/kopilka/kopilka/drivers/hidscanner/report"
	"github.com/kopilka/kopilka/drivers/port"
	"github.com/kopilka/kopilka/ledger/sale"
)

// desk is a cable between a scanner and its driver. A write of one end is a read of the other, as reports are.
type desk struct {
	net.Conn
	descriptor []byte
}

func (d desk) ReportDescriptor() []byte { return d.descriptor }

func rig(t *testing.T, name string, settings map[string]string, o emulator.ScannerOptions) drivertest.ScannerRig {
	near, far := net.Pipe()
	s, err := hidscanner.New(name, func(context.Context) (port.Conn, error) { return desk{Conn: near}, nil }, settings)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	device := emulator.WireScanner(far, o)
	shown := make(chan sale.Code, 100)
	done := make(chan struct{})
	// A pipe holds nothing, a device some reports: so it types beside the test.
	go func() {
		defer close(done)
		for code := range shown {
			if show(device, far, code, o) != nil { // the driver has hung up
				return
			}
		}
	}()
	t.Cleanup(func() {
		close(shown)
		require.NoError(t, device.Close())
		<-done
	})
	return drivertest.ScannerRig{
		Scanner: s,
		Show:    func(c sale.Code) { shown <- c },
		Unplug:  func() { require.NoError(t, far.Close()) },
	}
}

// show types a code; one that no scanner would read goes out all the same.
func show(device *emulator.Scanner, line net.Conn, code sale.Code, o emulator.ScannerOptions) error {
	if len(code.Text) <= sale.CodeBytesMax {
		return device.Type(context.Background(), code)
	}
	for _, r := range o.Reports.Split("]Q1", []byte(code.Text)) {
		if _, err := line.Write(r); err != nil {
			return err
		}
	}
	return nil
}

func TestContract(t *testing.T) {
	for name, o := range map[string]emulator.ScannerOptions{
		"usual layout":       {AIM: true, Reports: &report.Usual},
		"shifted layout":     {AIM: true, Reports: &report.Shifted},
		"without identifier": {Reports: &report.Usual},
		"with a suffix":      {AIM: true, Suffix: "\r\n", Reports: &report.Usual},
	} {
		t.Run(name, func(t *testing.T) {
			drivertest.Scanner(t, func(t *testing.T, name string, settings map[string]string) drivertest.ScannerRig {
				return rig(t, name, settings, o)
			})
		})
	}
}

func link(t *testing.T, descriptor []byte) (drivers.Scanner, net.Conn) {
	near, far := net.Pipe()
	s, err := hidscanner.New("hand", func(context.Context) (port.Conn, error) { return desk{near, descriptor}, nil }, nil)
	require.NoError(t, err)
	return s, far
}

func TestLostReportIsToldAndNotJoined(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, far := link(t, nil)
		long := make([]byte, 100)
		for i := range long {
			long[i] = 'x'
		}
		go func() {
			_, _ = far.Write(report.Usual.Split("]d2", long)[0]) // the reader's side tells what arrived
			<-time.After(10 * time.Second)
			for _, r := range report.Usual.Split("]E0", []byte("4600494000010")) {
				_, _ = far.Write(r)
			}
		}()
		began := time.Now()
		_, err := s.Read(t.Context())
		require.Equal(t, drivers.FailScan, drivers.FailOf(err))
		require.Contains(t, drivers.HintOf(err).RU, "не целиком")
		require.Equal(t, 500*time.Millisecond, time.Since(began))
		code, err := s.Read(t.Context())
		require.NoError(t, err)
		require.Equal(t, sale.Code{Symbology: sale.SymbologyEAN13, Text: "4600494000010", Scanner: "hand"}, code)
		require.NoError(t, s.Close())
	})
}

func TestBrokenAndForeignReports(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, far := link(t, nil)
		broken := report.Usual.Split("]E0", []byte("4600494000010"))[0]
		broken[1] = 200
		go func() {
			_, _ = far.Write(make([]byte, 64)) // report 0: an answer to a setting, no scan
			_, _ = far.Write(broken)
			_, _ = far.Write(report.Usual.Split("]E4", []byte("46009333"))[0])
		}()
		_, err := s.Read(t.Context())
		require.Equal(t, drivers.FailScan, drivers.FailOf(err), "%v", err)
		code, err := s.Read(t.Context())
		require.NoError(t, err)
		require.Equal(t, "46009333", code.Text)
		require.NoError(t, s.Close())
	})
}

func TestKeyboardIsRefusedWithAHint(t *testing.T) {
	s, far := link(t, []byte{0x05, 0x01, 0x09, 0x06, 0xA1, 0x01, 0xC0})
	_, err := s.Read(t.Context())
	require.ErrorIs(t, err, port.ErrMode)
	require.Contains(t, drivers.HintOf(err).EN, "keyboard mode")
	_, err = far.Write([]byte{1})
	require.Error(t, err, "it is let go")
	require.NoError(t, s.Close())
}

func TestDescriptorDecidesTheLayout(t *testing.T) {
	// One byte of the maker's own before the identifier: everything is further on.
	descriptor := []byte{
		0x05, 0x8C, 0x09, 0x02, 0xA1, 0x01, 0x85, 0x07, 0x75, 0x08, 0x95, 0x01, 0x05, 0x01, 0x09, 0x3B, 0x81, 0x02,
		0x06, 0x00, 0xFF, 0x09, 0x01, 0x81, 0x02, 0x05, 0x8C, 0x95, 0x03, 0x09, 0xFB, 0x09, 0xFC, 0x09, 0xFD, 0x81, 0x02,
		0x95, 0x14, 0x09, 0xFE, 0x81, 0x02, 0x95, 0x01, 0x75, 0x01, 0x09, 0xFF, 0x81, 0x02, 0x95, 0x07, 0x81, 0x03, 0xC0,
	}
	layout, err := report.Learn(descriptor)
	require.NoError(t, err)
	require.Equal(t, report.Layout{ID: 7, Size: 27, Count: 1, AIM: 3, Data: 6, DataMax: 20, More: 26, MoreBit: 1, Learned: true}, layout)
	synctest.Test(t, func(t *testing.T) {
		s, far := link(t, descriptor)
		text := "0104600494000010215AbCdE\x1d93dGVz"
		go func() {
			for _, r := range layout.Split("]d2", []byte(text)) {
				_, _ = far.Write(r)
			}
		}()
		code, err := s.Read(t.Context())
		require.NoError(t, err)
		require.Equal(t, sale.Code{Symbology: sale.SymbologyGS1DataMatrix, Text: text, Scanner: "hand"}, code)
		require.NoError(t, s.Close())
	})
}

func TestSettings(t *testing.T) {
	_, err := hidscanner.New("hand", nil, map[string]string{"silence": "1s", "repeat": "1h", "encoding": "x"})
	require.ErrorContains(t, err, "known are aim, encoding, prefix, repeat, suffix")
	require.ErrorContains(t, err, "repeat: want a duration")
	require.ErrorContains(t, err, "encoding: want one of")
}
