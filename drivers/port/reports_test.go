package port

import (
	"errors"
	"io"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// gadget is a HID device on a desk: reports are put into it, and it can be pulled.
type gadget struct {
	in      chan []byte
	pulled  chan struct{}
	written [][]byte
	closed  int
}

func newGadget() *gadget { return &gadget{in: make(chan []byte, 1000), pulled: make(chan struct{})} }

func (g *gadget) ReadTimeout(b []byte, milliseconds int) (int, error) {
	select {
	case r := <-g.in:
		return copy(b, r), nil
	case <-g.pulled:
		return 0, errors.New("hidapi: hid_error is not implemented yet")
	case <-time.After(time.Duration(milliseconds) * time.Millisecond):
		return 0, nil
	}
}

func (g *gadget) Write(b []byte) (int, error) { g.written = append(g.written, b); return len(b), nil }
func (g *gadget) Close() error                { g.closed++; return nil }

func TestOneReadIsOneReport(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGadget()
		c := newReportConn("1-1:1.0", g, []byte{5})
		require.Equal(t, []byte{5}, c.ReportDescriptor())
		g.in <- []byte{2, 1}
		g.in <- []byte{2, 2, 2}
		buf := make([]byte, ReportMax)
		n, err := c.Read(buf)
		require.NoError(t, err)
		require.Equal(t, []byte{2, 1}, buf[:n])
		_, err = c.Read(buf[:2])
		require.ErrorIs(t, err, io.ErrShortBuffer, "half a report would be a wrong code")
		_, err = c.Write([]byte{0xFD, 1})
		require.NoError(t, err)
		require.NoError(t, c.Close())
		require.Equal(t, [][]byte{{0xFD, 1}}, g.written)
		require.Equal(t, 1, g.closed)
		_, err = c.Read(buf)
		require.ErrorIs(t, err, os.ErrClosed)
		_, err = c.Write(buf)
		require.ErrorIs(t, err, os.ErrClosed)
		require.NoError(t, c.Close(), "twice is once")
		require.Equal(t, 1, g.closed)
	})
}

func TestReportDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGadget()
		c := newReportConn("1-1:1.0", g, nil)
		began := time.Now()
		require.NoError(t, c.SetReadDeadline(began.Add(time.Second)))
		_, err := c.Read(make([]byte, 64))
		require.ErrorIs(t, err, os.ErrDeadlineExceeded)
		require.Equal(t, time.Second, time.Since(began))
		require.NoError(t, c.SetReadDeadline(time.Time{}))
		ended := make(chan error, 1)
		go func() {
			_, err := c.Read(make([]byte, 64))
			ended <- err
		}()
		synctest.Wait()
		require.NoError(t, c.SetReadDeadline(time.Unix(1, 0)))
		require.ErrorIs(t, <-ended, os.ErrDeadlineExceeded, "a waiting Read is ended")
		require.NoError(t, c.SetReadDeadline(time.Time{}))
		g.in <- []byte{2}
		_, err = c.Read(make([]byte, 64))
		require.NoError(t, err, "and the connection stays good")
		require.NoError(t, c.Close())
	})
}

func TestPulledHIDDevice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGadget()
		c := newReportConn("1-1:1.0", g, nil)
		g.in <- []byte{2, 1}
		synctest.Wait()
		close(g.pulled)
		n, err := c.Read(make([]byte, 64))
		require.NoError(t, err, "what came before is not lost")
		require.Equal(t, 2, n)
		_, err = c.Read(make([]byte, 64))
		require.ErrorIs(t, err, ErrGone)
		require.Equal(t, 1, g.closed, "the library's handle is freed at once")
		require.NoError(t, c.Close())
	})
}

// A reader that has stopped must not get a code with a piece missing in the middle.
func TestUnreadReportsEndTheConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGadget()
		c := newReportConn("1-1:1.0", g, nil)
		for i := range reportsMax + 1 {
			g.in <- []byte{2, byte(i)}
		}
		synctest.Wait()
		buf := make([]byte, 64)
		for i := range reportsMax {
			_, err := c.Read(buf)
			require.NoError(t, err)
			require.Equal(t, byte(i), buf[1])
		}
		_, err := c.Read(buf)
		require.ErrorIs(t, err, ErrGone)
		require.ErrorContains(t, err, "nobody took")
		require.NoError(t, c.Close())
	})
}

// empty is a device that answers at once with nothing, as a broken one would.
type empty struct {
	gadget
	reads int
}

func (e *empty) ReadTimeout([]byte, int) (int, error) { e.reads++; return 0, nil }

func TestEmptyReportsDoNotBurnACore(t *testing.T) {
	e := &empty{}
	c := newReportConn("1-1:1.0", e, nil)
	_, err := c.Read(make([]byte, 64))
	require.ErrorIs(t, err, ErrGone)
	require.Equal(t, emptyFastMax, e.reads)
	require.NoError(t, c.Close())
}

func TestChooseHID(t *testing.T) {
	id := identity{vid: 0x0C2E, pid: 0x0B61, iface: -1}
	f := func(port, serial string, iface int, page uint16) Found {
		return Found{Kind: KindHID, VID: 0x0C2E, PID: 0x0B61, Port: port, Serial: serial, Interface: iface, Page: page}
	}
	tests := []struct {
		name string
		id   identity
		all  []Found
		want int // interface
		err  error
	}{
		{"none", id, nil, 0, ErrAbsent},
		{"another model", id, []Found{{Kind: KindHID, VID: 1, PID: 2}}, 0, ErrAbsent},
		{"the interface of codes", id, []Found{f("1-1", "", 0, 1), f("1-1", "", 1, 0x8C)}, 1, nil},
		{"a keyboard", id, []Found{f("1-1", "", 0, 1)}, 0, ErrMode},
		{"held, so nobody knows", id, []Found{f("1-1", "", 0, 0)}, 0, nil},
		{"two of a kind", id, []Found{f("1-1", "A", 0, 0x8C), f("1-2", "B", 0, 0x8C)}, 0, ErrMany},
		{"by serial", identity{vid: 0x0C2E, pid: 0x0B61, serial: "B", iface: -1}, []Found{f("1-1", "A", 0, 0x8C), f("1-2", "B", 2, 0x8C)}, 2, nil},
		{"by port", identity{vid: 0x0C2E, pid: 0x0B61, at: "1-2", iface: -1}, []Found{f("1-1", "", 0, 0x8C), f("1-2", "", 3, 0x8C)}, 3, nil},
	}
	for _, tt := range tests {
		got, err := tt.id.chooseHID(tt.all)
		require.ErrorIs(t, err, tt.err, tt.name)
		if tt.err == nil {
			require.NoError(t, err, tt.name)
			require.Equal(t, tt.want, got.Interface, tt.name)
		}
	}
}

func TestTopUsage(t *testing.T) {
	scanner := []byte{0x05, 0x8C, 0x09, 0x02, 0xA1, 0x01, 0x09, 0x12, 0xA1, 0x02, 0xC0, 0xC0}
	keyboard := []byte{0x05, 0x01, 0x09, 0x06, 0xA1, 0x01, 0x05, 0x07, 0xC0}
	for name, tt := range map[string]struct {
		report      []byte
		page, usage uint16
	}{
		"scanner": {scanner, 0x8C, 2}, "keyboard": {keyboard, 1, 6}, "both": {append(keyboard, scanner...), 0x8C, 2},
		"long usage": {[]byte{0x0B, 0x02, 0x00, 0x8C, 0x00, 0xA1, 0x01}, 0x8C, 2}, "nothing": {nil, 0, 0}, "cut": {scanner[:5], 0, 0},
	} {
		page, usage := topUsage(tt.report)
		require.Equal(t, tt.page, page, name)
		require.Equal(t, tt.usage, usage, name)
	}
}

func FuzzTopUsage(f *testing.F) {
	f.Add([]byte{0x05, 0x8C, 0x09, 0x02, 0xA1, 0x01})
	f.Add([]byte{0xFE, 1, 2})
	f.Fuzz(func(_ *testing.T, report []byte) { topUsage(report) })
}

// A register that is two serial ports at once is one device: the first port is the driver's, another is asked for.
func TestChooseOfSeveralInterfaces(t *testing.T) {
	f := func(port string, iface int, path string) Found {
		return Found{Kind: KindSerial, VID: 0x2912, PID: 5, Serial: "1", Port: port, Interface: iface, Path: path}
	}
	all := []Found{f("1-1", 2, "/dev/ttyACM0"), f("1-1", 0, "/dev/ttyACM1")}
	id := identity{vid: 0x2912, pid: 5, iface: -1}
	got, err := id.choose(all)
	require.NoError(t, err)
	require.Equal(t, "/dev/ttyACM1", got.Path)
	id.iface = 2
	got, err = id.choose(all)
	require.NoError(t, err)
	require.Equal(t, "/dev/ttyACM0", got.Path)
	require.Equal(t, "usb-serial://2912:0005/1?baud=115200&interface=2", address(all[0], all))
	require.Equal(t, "usb-serial://2912:0005/1?baud=115200", address(all[1], all))

	nameless := []Found{{Kind: KindSerial, VID: 0x2912, PID: 5, Path: "COM3"}, {Kind: KindSerial, VID: 0x2912, PID: 5, Path: "COM4"}}
	id.iface = -1
	_, err = id.choose(nameless)
	require.ErrorIs(t, err, ErrMany, "nothing tells whether they are one device")
	require.ErrorContains(t, err, "COM4")
}
