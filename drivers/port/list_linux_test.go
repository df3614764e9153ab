package port

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// machine is a folder that looks like /sys of a machine with a register on a plug-in port, two scanners of
// one kind and a mouse.
func machine(t *testing.T) sysfs {
	s := sysfs{root: t.TempDir()}
	usb := "sys/devices/pci0/usb1"
	device := func(port, vid, pid, serial, product string) {
		for name, value := range map[string]string{"idVendor": vid, "idProduct": pid, "serial": serial, "product": product, "manufacturer": "Maker", "busnum": "1", "devnum": "7"} {
			if value != "" {
				s.put(t, usb+"/"+port+"/"+name, value)
			}
		}
		s.link(t, usb+"/"+port, "sys/bus/usb/devices/"+port)
	}
	iface := func(at, number, class string) string {
		port, _, _ := strings.Cut(at, ":")
		folder := usb + "/" + port + "/" + at
		s.put(t, folder+"/bInterfaceNumber", number)
		s.put(t, folder+"/bInterfaceClass", class)
		s.link(t, folder, "sys/bus/usb/devices/"+at)
		return folder
	}
	device("1-1", "0c2e", "0b6a", "CDC1", "Scanner")
	acm := iface("1-1:1.0", "00", "02")
	s.put(t, acm+"/tty/ttyACM0/dev", "166:0")
	s.link(t, acm, "sys/class/tty/ttyACM0/device")

	device("1-2", "1a86", "7523", "", "Adapter")
	usbSerial := iface("1-2:1.0", "00", "ff") + "/ttyUSB10"
	s.put(t, usbSerial+"/port_number", "0")
	s.link(t, usbSerial, "sys/class/tty/ttyUSB10/device")

	for _, port := range []string{"1-3", "1-4"} {
		device(port, "05e0", "1300", "", "Symbol")
		folder := iface(port+":1.0", "00", "03") + "/0003:05E0:1300.000" + port[2:]
		s.put(t, folder+"/uevent", "HID_ID=0003:000005E0:00001300\nHID_NAME=Symbol\nHID_UNIQ=\n")
		s.put(t, folder+"/report_descriptor", "\x05\x8c\x09\x02\xa1\x01\xc0")
		s.link(t, folder, "sys/class/hidraw/hidraw"+port[2:]+"/device")
	}
	device("1-5", "0c2e", "0b61", "HID0001", "Taken by libusb")
	iface("1-5:1.0", "00", "03")

	bluetooth := "sys/devices/virtual/misc/uhid/0005:05F9:2222.0009"
	s.put(t, bluetooth+"/uevent", "HID_ID=0005:000005F9:00002222\nHID_NAME=Pocket\nHID_UNIQ=aa:bb\n")
	s.put(t, bluetooth+"/report_descriptor", "\x05\x8c\x09\x02\xa1\x01\xc0")
	s.link(t, bluetooth, "sys/class/hidraw/hidraw9/device")

	for name, kind := range map[string]string{"ttyS0": "4", "ttyS1": "0"} {
		s.put(t, "sys/devices/platform/serial8250/tty/"+name+"/type", kind)
		s.put(t, "sys/class/tty/"+name+"/type", kind)
		s.link(t, "sys/devices/platform/serial8250", "sys/class/tty/"+name+"/device")
	}
	s.put(t, "sys/class/tty/tty0/dev", "4:0")
	return s
}

func (s sysfs) put(t *testing.T, path, value string) {
	t.Helper()
	at := s.path(path)
	require.NoError(t, os.MkdirAll(filepath.Dir(at), 0o750))
	require.NoError(t, os.WriteFile(at, []byte(value+"\n"), 0o600))
}

func (s sysfs) link(t *testing.T, target, name string) {
	t.Helper()
	require.NoError(t, os.MkdirAll(filepath.Dir(s.path(name)), 0o750))
	require.NoError(t, os.Symlink(s.path(target), s.path(name)))
}

func TestListOfAMachine(t *testing.T) {
	s := machine(t)
	serial, err := s.serial(t.Context())
	require.NoError(t, err)
	hid, err := s.hid(t.Context())
	require.NoError(t, err)
	all := append(serial, hid...)
	type row struct{ path, address, product string }
	var got []row
	for _, f := range all {
		got = append(got, row{f.Path, address(f, all), f.Product})
	}
	require.Equal(t, []row{
		{"/dev/ttyACM0", "usb-serial://0C2E:0B6A/CDC1?baud=115200", "Scanner"},
		{"/dev/ttyS0", "serial:///dev/ttyS0?baud=115200", ""},
		{"/dev/ttyUSB10", "usb-serial://1A86:7523?baud=115200", "Adapter"},
		{"/dev/hidraw3", "hid://05E0:1300/@1-3", "Symbol"},
		{"/dev/hidraw4", "hid://05E0:1300/@1-4", "Symbol"},
		{"/dev/hidraw9", "hidraw://05F9:2222/aa:bb", "Pocket"},
		{"", "hid://0C2E:0B61/HID0001", "Taken by libusb"},
	}, got)
	for _, f := range all {
		a, err := ParseAddress(address(f, all))
		require.NoError(t, err, "what is offered can be pasted")
		if f.VID == 0 {
			continue
		}
		found, err := a.id.choose(all)
		require.NoError(t, err)
		require.Equal(t, f.Path, found.Path, "and finds the device again")
	}
	require.True(t, hid[0].IsScanner())
	require.Equal(t, s.path("dev/bus/usb/001/007"), s.usbNode("1-5"))
}

func TestReplugFindsTheNewFile(t *testing.T) {
	s := machine(t)
	id := identity{vid: 0x0C2E, pid: 0x0B6A, serial: "CDC1", iface: -1}
	before, err := s.serial(t.Context())
	require.NoError(t, err)
	f, err := id.choose(before)
	require.NoError(t, err)
	require.Equal(t, "/dev/ttyACM0", f.Path)

	require.NoError(t, os.RemoveAll(s.path("sys/class/tty/ttyACM0")))
	gone, err := s.serial(t.Context())
	require.NoError(t, err)
	_, err = id.choose(gone)
	require.ErrorIs(t, err, ErrAbsent)

	s.link(t, "sys/devices/pci0/usb1/1-1/1-1:1.0", "sys/class/tty/ttyACM1/device")
	after, err := s.serial(t.Context())
	require.NoError(t, err)
	f, err = id.choose(after)
	require.NoError(t, err)
	require.Equal(t, "/dev/ttyACM1", f.Path)
}

func TestDialWhatIsNotThere(t *testing.T) {
	for _, in := range []string{"usb-serial://FFFF:FFFE", "hid://FFFF:FFFE/X", "hidraw://FFFF:FFFE"} {
		a, err := ParseAddress(in)
		require.NoError(t, err)
		_, err = a.Dial(t.Context())
		require.ErrorIs(t, err, ErrAbsent, in)
		require.ErrorContains(t, err, "FFFF:FFFE")
	}
	a, err := ParseAddress("hidraw://" + os.DevNull)
	require.NoError(t, err)
	_, err = a.Dial(t.Context())
	require.Error(t, err, "a file that is no hidraw")
	all, err := List(t.Context())
	require.NoError(t, err)
	for _, f := range all {
		_, err := ParseAddress(f.Address())
		require.NoError(t, err, f.Address())
	}
}
