package port_test

import (
	"context"
	"io"
	"net"
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/drivers/port"
)

func TestParseAddress(t *testing.T) {
	tests := []struct{ in, out, err string }{
		{in: "tcp://192.168.1.10:7778", out: "tcp://192.168.1.10:7778"},
		{in: "tcp://[fe80::1]:7778", out: "tcp://[fe80::1]:7778"},
		{in: "serial:///dev/ttyS0?baud=9600", out: "serial:///dev/ttyS0?baud=9600"},
		{in: "serial:///dev/serial/by-id/usb-x_y-if00", out: "serial:///dev/serial/by-id/usb-x_y-if00?baud=115200"},
		{in: "serial://COM3?baud=9600", out: "serial://COM3?baud=9600"},
		{in: "serial://COM12", out: "serial://COM12?baud=115200"},
		{in: "usb-serial://0c2e:0b6a", out: "usb-serial://0C2E:0B6A?baud=115200"},
		{in: "usb-serial://0C2E:0B6A/S%2F1?baud=9600&interface=2", out: "usb-serial://0C2E:0B6A/S%2F1?baud=9600&interface=2"},
		{in: "usb-serial://0C2E:0C2E/@1-1.4", out: "usb-serial://0C2E:0C2E/@1-1.4?baud=115200"},
		{in: "hid://0c2e:0b61", out: "hid://0C2E:0B61"},
		{in: "hid://0c2e:0b61/HID%20001", out: "hid://0C2E:0B61/HID%20001"},
		{in: "hidraw://0C2E:0B61/@1-1", out: "hidraw://0C2E:0B61/@1-1"},
		{in: "hidraw:///dev/hidraw0", out: "hidraw:///dev/hidraw0"},
		{in: "hid:///dev/hidraw0", err: "is not VID:PID"},
		{in: "hidraw:///", err: "device file is missing"},
		{in: "hid://0c2e", err: "is not VID:PID"},
		{in: "hid://0c2e:b61", err: "is not VID:PID"},
		{in: "hid://0c2e:+b61", err: "is not VID:PID"},
		{in: "hid://0c2e:0b61/", err: "stands a serial number"},
		{in: "hid://0c2e:0b61/@", err: "stands a serial number"},
		{in: "hid://0c2e:0b61/%zz", err: "stands a serial number"},
		{in: "hid://0c2e:0b61?baud=9600", err: "takes no settings"},
		{in: "usb-serial://0c2e:0b61?baud=1", err: "baud=1 is none of"},
		{in: "usb-serial://0c2e:0b61?interface=-1", err: "is not 0 to 255"},
		{in: "usb-serial://0c2e:0b61?baud=9600&baud=9600", err: "stands twice"},
		{in: "usb-serial://0c2e:0b61?parity=1", err: "known are baud and interface"},
		{in: "", err: "unknown kind"},
		{in: "/dev/ttyS0", err: "unknown kind"},
		{in: "usb://1", err: `unknown kind "usb"`},
		{in: "tcp://host", err: "port is missing"},
		{in: "tcp://host:0", err: "port is missing"},
		{in: "tcp://host:99999", err: "port is missing"},
		{in: "tcp://:7778", err: "host is missing"},
		{in: "tcp://host:1/x", err: "nothing may follow"},
		{in: "serial://", err: "name is missing"},
		{in: "serial:///", err: "name is missing"},
		{in: "serial://dev/ttyS0", err: "three slashes"},
		{in: "serial://COM3?baud=12345", err: "baud=12345 is none of"},
		{in: "serial://COM3?baud=fast", err: "baud=fast is none of"},
		{in: "serial://COM3?parity=even", err: "the only one is baud"},
		{in: "serial://COM3?baud=9600&baud=2400", err: "the only one is baud"},
		{in: "tcp://a b:1", err: "invalid character"},
	}
	for _, tt := range tests {
		a, err := port.ParseAddress(tt.in)
		if tt.err != "" {
			require.ErrorIs(t, err, port.ErrAddress, tt.in)
			require.ErrorContains(t, err, tt.err, tt.in)
			continue
		}
		require.NoError(t, err, tt.in)
		require.Equal(t, tt.out, a.String())
	}
	_, err := port.Address{}.Dial(t.Context())
	require.ErrorIs(t, err, port.ErrAddress)
}

func TestPipeIsAConn(t *testing.T) {
	a, b := net.Pipe()
	for _, c := range []port.Conn{a, b} {
		require.NoError(t, c.Close())
	}
}

func TestTCP(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	echoed := make(chan error, 1)
	go func() {
		c, err := l.Accept()
		if err == nil {
			_, err = io.CopyN(c, c, 3)
		}
		echoed <- err
	}()
	a, err := port.ParseAddress("tcp://" + l.Addr().String())
	require.NoError(t, err)
	c, err := a.Dial(t.Context())
	require.NoError(t, err)
	_, err = c.Write([]byte("abc"))
	require.NoError(t, err)
	got := make([]byte, 3)
	_, err = io.ReadFull(c, got)
	require.NoError(t, err)
	require.Equal(t, "abc", string(got))
	require.NoError(t, c.SetReadDeadline(time.Now().Add(time.Millisecond)))
	require.NoError(t, <-echoed)
	require.NoError(t, l.Close())
	_, err = c.Read(got)
	require.Error(t, err)
	require.NoError(t, c.Close())

	_, err = a.Dial(t.Context())
	require.ErrorContains(t, err, "connect to")
}

func TestMissingSerialPort(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("device files are not Windows's")
	}
	a, err := port.ParseAddress("serial:///dev/ttyNONE")
	require.NoError(t, err)
	_, err = a.Dial(t.Context())
	require.ErrorIs(t, err, os.ErrNotExist)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = a.Dial(ended)
	require.ErrorIs(t, err, context.Canceled)
}

func FuzzParseAddress(f *testing.F) {
	f.Add("tcp://h:1")
	f.Add("serial:///dev/ttyS0?baud=9600")
	f.Add("serial://COM3")
	f.Add("usb-serial://0C2E:0B6A/S?baud=9600&interface=1")
	f.Add("hid://0C2E:0B61/@1-1.2")
	f.Fuzz(func(t *testing.T, s string) {
		a, err := port.ParseAddress(s)
		if err != nil {
			require.ErrorIs(t, err, port.ErrAddress)
			return
		}
		again, err := port.ParseAddress(a.String())
		if err == nil {
			require.Equal(t, a.String(), again.String())
		} else {
			require.NotContains(t, a.String(), "hid", "what is written by identity can be read")
		}
	})
}

func TestAnAddressWithoutItsKindIsCompleted(t *testing.T) {
	for in, want := range map[string]string{
		"127.0.0.1:7778": "tcp://127.0.0.1:7778", "kassa.local:7778": "tcp://kassa.local:7778", "com3": "serial://COM3", "COM3?baud=9600": "serial://COM3?baud=9600",
		"/dev/ttyUSB0": "serial:///dev/ttyUSB0", "/dev/hidraw0": "hidraw:///dev/hidraw0", "/dev/usb/lp0": "file:///dev/usb/lp0", "1fc9:0089": "usb-serial://1fc9:0089",
		"7778": "", "": "", "register": "", "127.0.0.1:99999": "",
	} {
		_, err := port.ParseAddress(in)
		var e *port.AddressError
		require.ErrorAs(t, err, &e, in)
		require.Equal(t, want, e.Meant, in)
		require.NotEqual(t, e.RU, e.EN, in)
		if want != "" {
			_, err := port.ParseAddress(want)
			require.NoError(t, err, "what is proposed is an address")
		}
	}
}
