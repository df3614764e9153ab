//go:build vm && linux

package all_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/karalabe/hid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/tarm/serial"
	"go.bug.st/serial/enumerator"
	"golang.org/x/sys/unix"

	"github.com/kopilka/kopilka/drivers"
	"github.com/kopilka/kopilka/drivers/all"
	"github.com/kopilka/kopilka/drivers/drivertest"
	"github.com/kopilka/kopilka/drivers/emulator"
	"github.com/kopilka/kopilka/drivers/hidscanner/report"
	"github.com/kopilka/kopilka/drivers/port"
	"github.com/kopilka/kopilka/ledger/sale"
)

// These tests run in the virtual machine of .ci/vm.sh, where USB devices are made of software: what is
// written to the gadget's file comes out of the till's USB port, through the kernel's own drivers.

const (
	gadgets = "/sys/kernel/config/usb_gadget/"
	// appearMax is how long a device may take from the plug to its file; emulated, it is under a second.
	appearMax = 20 * time.Second
	pollEvery = 20 * time.Millisecond
)

// gadget is one USB device.
type gadget struct {
	name, serial string // in configfs; as the device says it
	udc          string // the socket it is plugged into
	file         string // the device's own side
	product      string
}

var (
	hidGadgets = []gadget{{"hid0", "HIDA", "dummy_udc.0", "/dev/hidg0", "A4AC"}, {"hid1", "HIDB", "dummy_udc.1", "/dev/hidg1", "A4AC"}}
	acmGadgets = []gadget{{"acm0", "ACMA", "dummy_udc.2", "/dev/ttyGS0", "A4A7"}, {"acm1", "ACMB", "dummy_udc.3", "/dev/ttyGS1", "A4A7"}}
	keyboard   = gadget{"kbd0", "KBDA", "dummy_udc.0", "/dev/hidg2", "A4AD"}
)

func (g gadget) plug(t *testing.T) {
	t.Helper()
	require.NoError(t, os.WriteFile(gadgets+g.name+"/UDC", []byte(g.udc+"\n"), 0o600))
}

func (g gadget) unplug(t *testing.T) {
	t.Helper()
	require.NoError(t, os.WriteFile(gadgets+g.name+"/UDC", []byte("\n"), 0o600))
}

func (g gadget) plugged(t *testing.T) bool {
	b, err := os.ReadFile(gadgets + g.name + "/UDC")
	require.NoError(t, err)
	return len(bytes.TrimSpace(b)) > 0
}

func address(t *testing.T, scheme string, g gadget) port.Address {
	t.Helper()
	a, err := port.ParseAddress(fmt.Sprintf("%s://0525:%s/%s", scheme, g.product, g.serial))
	require.NoError(t, err)
	return a
}

// appears waits until the kernel has made the device's file.
func appears(t *testing.T, a port.Address) string {
	t.Helper()
	var node string
	require.Eventually(t, func() bool {
		at, err := a.Resolve(t.Context())
		if err != nil || at == "" {
			return false
		}
		node = at
		_, err = os.Stat(at)
		return err == nil
	}, appearMax, pollEvery, "%s", a)
	return node
}

// goes waits until the system has noticed that the device is gone.
func goes(t *testing.T, a port.Address) {
	t.Helper()
	var at string
	var err error
	ok := assert.Eventually(t, func() bool {
		at, err = a.Resolve(context.Background()) // a test's own context has ended when it cleans up
		return errors.Is(err, port.ErrAbsent)
	}, appearMax, pollEvery)
	require.True(t, ok, "%s is still at %q: %v", a, at, err)
}

// raw is the device's side of a serial cable.
func raw(t *testing.T, path string) *os.File {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR|unix.O_NOCTTY, 0)
	require.NoError(t, err)
	conn, err := f.SyscallConn()
	require.NoError(t, err)
	require.NoError(t, conn.Control(func(fd uintptr) {
		term, err := unix.IoctlGetTermios(int(fd), unix.TCGETS)
		require.NoError(t, err)
		term.Iflag, term.Oflag, term.Lflag = 0, 0, 0
		require.NoError(t, unix.IoctlSetTermios(int(fd), unix.TCSETS, term))
	}))
	return f
}

// pool gives each rig of a case a device of its own.
type pool struct {
	mu   sync.Mutex
	free []gadget
}

func (p *pool) take(t *testing.T) gadget {
	p.mu.Lock()
	defer p.mu.Unlock()
	require.NotEmpty(t, p.free, "a case wants more devices than there are")
	g := p.free[0]
	p.free = p.free[1:]
	t.Cleanup(func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.free = append(p.free, g)
	})
	return g
}

// start plugs a device in and opens it as a till does.
func start(t *testing.T, g gadget, kind, scheme, name string, settings map[string]string, o emulator.ScannerOptions) drivertest.ScannerRig {
	g.plug(t)
	t.Cleanup(func() {
		if g.plugged(t) {
			g.unplug(t)
		}
		goes(t, address(t, scheme, g))
	})
	a := address(t, scheme, g)
	appears(t, a)
	s := listening(t, kind, name, a, settings)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	show := types(t, g, o)
	return drivertest.ScannerRig{Scanner: s, Show: show, Unplug: func() { g.unplug(t) }}
}

// listening is a driver that has opened its device: what is scanned before that, a device drops.
func listening(t *testing.T, kind, name string, a port.Address, settings map[string]string) drivers.Scanner {
	t.Helper()
	opened := make(chan error, 1)
	s, err := all.Scanner(kind, name, func(ctx context.Context) (port.Conn, error) {
		c, err := a.Dial(ctx)
		opened <- err
		return c, err
	}, settings)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		_, err := s.Read(ctx)
		ended <- err
	}()
	require.NoError(t, <-opened)
	cancel()
	require.ErrorIs(t, <-ended, context.Canceled)
	return s
}

// types opens the device's side. It types beside the test, as a person does.
func types(t *testing.T, g gadget, o emulator.ScannerOptions) func(sale.Code) {
	var line *os.File
	if o.Reports == nil {
		line = raw(t, g.file)
	} else {
		f, err := os.OpenFile(g.file, os.O_RDWR, 0)
		require.NoError(t, err)
		line = f
	}
	device := emulator.WireScanner(line, o)
	shown := make(chan sale.Code, 100)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for code := range shown {
			if len(code.Text) > sale.CodeBytesMax {
				for _, b := range long(code, o) {
					if _, err := line.Write(b); err != nil {
						return
					}
				}
				continue
			}
			if err := device.Type(context.Background(), code); err != nil {
				t.Log("the device stops typing: ", err)
				return
			}
		}
	}()
	t.Cleanup(func() {
		close(shown)
		require.NoError(t, device.Close())
		<-done
	})
	return func(c sale.Code) { shown <- c }
}

func long(code sale.Code, o emulator.ScannerOptions) [][]byte {
	if o.Reports == nil {
		return [][]byte{[]byte(code.Text + "\r")}
	}
	return o.Reports.Split("]Q1", []byte(code.Text))
}

var (
	reports = emulator.ScannerOptions{AIM: true, Reports: &report.Usual}
	bytesOf = emulator.ScannerOptions{AIM: true}
)

// links are the ways to a USB scanner, each through other code.
var links = []struct {
	name, kind, scheme string
	gadgets            []gadget
	options            emulator.ScannerOptions
}{
	{"HID POS through libusb", "hid-scanner", "hid", hidGadgets, reports},
	{"HID POS through hidraw", "hid-scanner", "hidraw", hidGadgets, reports},
	{"CDC-ACM", "serial-scanner", "usb-serial", acmGadgets, bytesOf},
}

func TestUSBContract(t *testing.T) {
	require.True(t, hid.Supported(), "compiled with cgo")
	for _, l := range links {
		t.Run(l.name, func(t *testing.T) {
			p := &pool{free: append([]gadget(nil), l.gadgets...)}
			drivertest.Scanner(t, func(t *testing.T, name string, settings map[string]string) drivertest.ScannerRig {
				return start(t, p.take(t), l.kind, l.scheme, name, settings, l.options)
			})
		})
	}
}

var mark = sale.Code{Symbology: sale.SymbologyGS1DataMatrix, Text: "0104600494000010215AbCdEfGh12X4\x1d91EE06\x1d92pu7IpfBPdY1wqFxLEXrQoPlh9vMmtNKbAh0CoDwA6Z0="}

func scanned(t *testing.T, s drivers.Scanner) sale.Code {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), appearMax)
	defer cancel()
	code, err := s.Read(ctx)
	require.NoError(t, err)
	return code
}

// A scanner is pulled in the middle of a shift and plugged in again, a few times over: the driver that dials
// anew finds it by what it is.
func TestUSBReplug(t *testing.T) {
	for _, l := range links {
		t.Run(l.name, func(t *testing.T) {
			g := l.gadgets[0]
			a := address(t, l.scheme, g)
			for round := range 3 {
				g.plug(t)
				node := appears(t, a)
				s := listening(t, l.kind, "hand", a, nil)
				t.Run(fmt.Sprint("round ", round+1), func(t *testing.T) {
					show := types(t, g, l.options)
					show(mark)
					code := scanned(t, s)
					require.Equal(t, mark.Text, code.Text, "two reports, GS kept")
					require.Equal(t, sale.SymbologyGS1DataMatrix, code.Symbology)

					again, err := all.Scanner(l.kind, "second", a.Dial, nil)
					require.NoError(t, err)
					_, err = again.Read(t.Context())
					require.ErrorIs(t, err, port.ErrBusy, "opened once")
					require.Contains(t, drivers.HintOf(err).EN, "Another program holds")
					show(mark)
					require.Equal(t, mark.Text, scanned(t, s).Text, "and the first is not disturbed")

					pulled := time.Now()
					g.unplug(t)
					ctx, cancel := context.WithTimeout(t.Context(), appearMax)
					defer cancel()
					_, err = s.Read(ctx)
					require.ErrorIs(t, err, port.ErrGone)
					t.Logf("%s: unplugging noticed after %d ms", node, time.Since(pulled).Milliseconds())
					require.NoError(t, s.Close())
					goes(t, a)
					_, err = again.Read(t.Context())
					require.ErrorIs(t, err, port.ErrAbsent)
				})
			}
		})
	}
}

// The device comes back while its old file is still open, and gets another name.
func TestUSBReplugUnderAnotherName(t *testing.T) {
	g := acmGadgets[0]
	a := address(t, "usb-serial", g)
	g.plug(t)
	before := appears(t, a)
	held, err := os.OpenFile(before, os.O_RDWR|unix.O_NOCTTY|unix.O_NONBLOCK, 0)
	require.NoError(t, err)
	g.unplug(t)
	goes(t, a)
	g.plug(t)
	after := appears(t, a)
	require.NotEqual(t, before, after)
	t.Logf("%s became %s", before, after)
	s := listening(t, "serial-scanner", "hand", a, nil)
	show := types(t, g, bytesOf)
	show(mark)
	require.Equal(t, mark.Text, scanned(t, s).Text)
	require.NoError(t, s.Close())
	require.NoError(t, held.Close())
	g.unplug(t)
	goes(t, a)
}

func TestUSBListAndWrongMode(t *testing.T) {
	keyboard.plug(t)
	acmGadgets[0].plug(t)
	a := address(t, "hid", keyboard)
	appears(t, a)
	appears(t, address(t, "usb-serial", acmGadgets[0]))
	s, err := all.Scanner("hid-scanner", "hand", a.Dial, nil)
	require.NoError(t, err)
	_, err = s.Read(t.Context())
	require.ErrorIs(t, err, port.ErrMode)
	require.Contains(t, drivers.HintOf(err).RU, "клавиатура")

	found, err := port.List(t.Context())
	require.NoError(t, err)
	offered := map[string]port.Found{}
	for _, f := range found {
		offered[f.Address()] = f
	}
	require.Contains(t, offered, "usb-serial://0525:A4A7/ACMA?baud=115200")
	require.Contains(t, offered, "hid://0525:A4AD/KBDA")
	require.False(t, offered["hid://0525:A4AD/KBDA"].IsScanner())
	require.Contains(t, offered, "serial:///dev/ttyS0?baud=115200")
	keyboard.unplug(t)
	acmGadgets[0].unplug(t)
	goes(t, a)
}

// Listing must not touch a port that a register is working on.
func TestListLeavesSerialPortsAlone(t *testing.T) {
	const node = "/dev/ttyS1"
	p, err := serial.OpenPort(&serial.Config{Name: node, Baud: 115200, ReadTimeout: time.Second})
	require.NoError(t, err)
	defer p.Close()
	speed := func() uint32 {
		f, err := os.OpenFile(node, os.O_RDWR|unix.O_NOCTTY|unix.O_NONBLOCK, 0)
		require.NoError(t, err)
		defer f.Close()
		term, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
		require.NoError(t, err)
		return term.Cflag & unix.CBAUD
	}
	require.EqualValues(t, unix.B115200, speed())
	_, err = port.List(t.Context())
	require.NoError(t, err)
	require.EqualValues(t, unix.B115200, speed(), "our own list opens no port")
	_, err = enumerator.GetDetailedPortsList()
	require.NoError(t, err)
	t.Logf("after the enumerator of go.bug.st/serial the port is at 115200 baud: %v", speed() == unix.B115200)
}

// A Bluetooth scanner has no USB device: libusb cannot see it, hidraw can.
func TestScannerWithoutUSB(t *testing.T) {
	f, err := os.OpenFile("/dev/uhid", os.O_RDWR, 0)
	require.NoError(t, err)
	descriptor, err := os.ReadFile(filepath.Join(gadgets, "hid0/functions/hid.0/report_desc"))
	require.NoError(t, err)
	_, err = f.Write(uhidCreate("Pocket scanner", "aa:bb:cc", descriptor))
	require.NoError(t, err)
	a, err := port.ParseAddress("hid://05F9:2222/aa:bb:cc")
	require.NoError(t, err)
	appears(t, a)
	devices, err := hid.Enumerate(0x05F9, 0x2222)
	require.NoError(t, err)
	require.Empty(t, devices, "libusb does not see it")
	found, err := port.List(t.Context())
	require.NoError(t, err)
	require.Condition(t, func() bool {
		for _, f := range found {
			if f.Address() == "hidraw://05F9:2222/aa:bb:cc" {
				return f.IsScanner()
			}
		}
		return false
	}, "it is listed as a scanner")

	s := listening(t, "hid-scanner", "hand", a, nil)
	for _, r := range report.Usual.Split("]d2", []byte(mark.Text)) {
		_, err := f.Write(uhidInput(r))
		require.NoError(t, err)
	}
	require.Equal(t, mark.Text, scanned(t, s).Text)
	require.NoError(t, f.Close())
	ctx, cancel := context.WithTimeout(t.Context(), appearMax)
	defer cancel()
	_, err = s.Read(ctx)
	require.ErrorIs(t, err, port.ErrGone, "out of range")
	require.NoError(t, s.Close())
}

// uhidCreate is the event UHID_CREATE2 of linux/uhid.h: names, then the descriptor, on a Bluetooth bus.
func uhidCreate(name, serial string, descriptor []byte) []byte {
	b := make([]byte, 4+128+64+64+2+2+4*4+4096)
	binary.NativeEndian.PutUint32(b, 11)
	copy(b[4:], name)
	copy(b[4+128+64:], serial)
	at := 4 + 128 + 64 + 64
	binary.NativeEndian.PutUint16(b[at:], uint16(len(descriptor)))
	binary.NativeEndian.PutUint16(b[at+2:], 5)
	binary.NativeEndian.PutUint32(b[at+4:], 0x05F9)
	binary.NativeEndian.PutUint32(b[at+8:], 0x2222)
	copy(b[at+20:], descriptor)
	return b
}

// uhidInput is the event UHID_INPUT2: a report.
func uhidInput(r []byte) []byte {
	b := make([]byte, 4+2+4096)
	binary.NativeEndian.PutUint32(b, 12)
	binary.NativeEndian.PutUint16(b[4:], uint16(len(r)))
	copy(b[6:], r)
	return b
}
