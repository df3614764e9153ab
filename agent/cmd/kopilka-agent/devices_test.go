//go:build linux

package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/agent"
	"github.com/kopilka/kopilka/drivers"
	"github.com/kopilka/kopilka/drivers/all"
	"github.com/kopilka/kopilka/drivers/capture"
	displaydevice "github.com/kopilka/kopilka/drivers/emulator/display"
	slipdevice "github.com/kopilka/kopilka/drivers/emulator/escpos"
	"github.com/kopilka/kopilka/drivers/port"
)

func TestDevicesFindsARegisterAmongPorts(t *testing.T) {
	s := newShelf(t)
	s.plug("ttyUSB0", register(t, 4711))
	s.plug("ttyUSB1", register(t, 815))
	s.plug("ttyUSB2", register(t, 99))
	var asked sync.Map
	d := deviceSearch{
		list: s.list, probe: true, named: []string{s.path("ttyUSB2")},
		holders: func(path string) []string {
			if strings.HasSuffix(path, "ttyUSB1") {
				return []string{"1cv8, 77"}
			}
			return nil
		},
		dial: func(address string) (port.Dial, error) {
			asked.Store(address, true)
			a, err := port.ParseAddress(address)
			return a.Dial, err
		},
	}
	var out bytes.Buffer
	require.NoError(t, d.run(t.Context(), &out))
	require.Contains(t, out.String(), "shtrih-m: ")
	require.Contains(t, out.String(), "4711")
	require.Contains(t, out.String(), "1cv8, 77")
	require.Contains(t, out.String(), "left alone")
	asked.Range(func(k, _ any) bool {
		require.True(t, strings.HasPrefix(k.(string), "serial://"+s.path("ttyUSB0")), "%v was held or excluded and is asked all the same", k)
		return true
	})

	_, lines, ok := strings.Cut(out.String(), "# Lines for the config / Строки для настроек:\n")
	require.True(t, ok)
	c, err := agent.ParseConfig([]byte(lines))
	require.NoError(t, err)
	require.Equal(t, "shtrih-m", c.Register.Type)
	require.Equal(t, s.address("ttyUSB0"), c.Register.Port)
	require.True(t, sameSerial("4711", c.Register.Serial), c.Register.Serial)
}

func TestDevicesAsksNobodyUnasked(t *testing.T) {
	s := newShelf(t)
	s.plug("ttyUSB0", register(t, 1))
	d := deviceSearch{list: s.list, dial: func(a string) (port.Dial, error) { return nil, fmt.Errorf("%s was dialled", a) }}
	var out bytes.Buffer
	require.NoError(t, d.run(t.Context(), &out))
	require.NotContains(t, out.String(), "dialled")
	require.Contains(t, out.String(), "ttyUSB0")
	require.Contains(t, out.String(), "-probe")
}

func TestAnExclusionOfNothingIsRefused(t *testing.T) {
	s := newShelf(t)
	s.plug("ttyUSB0", register(t, 1))
	for name, known := range map[string]bool{
		"7778": false, "127.0.0.1:7779": false, "ttyUSB9": false, "127.0.0.1:7778": true, "tcp://127.0.0.1:7778": true, s.path("ttyUSB0"): true,
	} {
		d := deviceSearch{list: s.list, named: []string{name}}
		err := d.run(t.Context(), &bytes.Buffer{})
		if known {
			require.NoError(t, err, name)
			continue
		}
		require.ErrorContains(t, err, "-exclude "+name)
	}
	require.True(t, all.Search{Local: true, Only: "shtrih-m", Exclude: []string{"127.0.0.1:7778", "192.168.137.111:7778"}}.Run(t.Context())[0].Excluded)
}

// Whatever is found, the lines can be pasted.
func TestConfigLinesAreAConfig(t *testing.T) {
	hits := []all.Hit{
		{Type: "shtrih-m", Address: "usb-serial://1fc9:0089/00%2012?baud=115200", Identity: drivers.Identity{Serial: "0012: #'\""}},
		{Type: "pirit", Address: "tcp://127.0.0.1:50003", Identity: drivers.Identity{Serial: "77"}},
		{Type: "escpos", Address: "serial:///dev/ttyUSB1?baud=9600"},
		{Port: port.Found{Kind: port.KindSerial, VID: 0x0C2E}, Maker: "Honeywell", Address: "usb-serial://0c2e:0b61/AB?baud=115200"},
		{Port: port.Found{Kind: port.KindHID, VID: 0x05E0, Page: 0x8C}, Maker: "Zebra", Address: "hid://05e0:1300/1"},
		{Port: port.Found{Kind: port.KindHID, VID: 0x05E0, Page: 1}, Maker: "Zebra", Address: "hid://05e0:1300/2"},
		{Port: port.Found{Kind: port.KindSerial, VID: 0x0C2E}, Maker: "Honeywell", Held: []string{"x"}, Address: "usb-serial://0c2e:0b61/CD?baud=115200"},
		{Port: port.Found{Kind: port.KindSerial}, Address: "serial:///dev/ttyS0?baud=115200"},
	}
	text := configLines(hits)
	c, err := agent.ParseConfig([]byte(text))
	require.NoError(t, err, text)
	require.Equal(t, "0012: #'\"", c.Register.Serial)
	require.Equal(t, "escpos", c.Printer.Type)
	require.Len(t, c.Scanners, 2)
	require.Equal(t, []string{"serial-scanner", "hid-scanner"}, []string{c.Scanners[0].Type, c.Scanners[1].Type})
	_, block, ok := strings.Cut(text, "# or / или:\n")
	require.True(t, ok)
	other, err := agent.ParseConfig([]byte(strings.ReplaceAll(block, "# ", "")))
	require.NoError(t, err, block)
	require.Equal(t, "tcp://127.0.0.1:50003", other.Register.Port)
	require.Equal(t, "77", other.Register.Serial)
	p := &Program{config: c}
	_, err = p.devices()
	require.NoError(t, err, "the drivers take the lines as they are")
	require.Empty(t, configLines(hits[5:6]))
}

func TestDevicesKeepsAwayFromTheDaemonsOwn(t *testing.T) {
	c := agent.DefaultConfig()
	c.Register.Port = "tcp://127.0.0.1:7778"
	c.Scanners = []agent.DeviceConfig{{Port: "serial:///dev/ttyACM0?baud=9600"}}
	d := deviceSearch{}
	d.taken(c)
	hits := all.Search{
		Ports: []port.Found{{Kind: port.KindSerial, Path: "/dev/ttyACM0"}}, Local: true, Exclude: d.exclude, Only: "shtrih-m",
		Dial: func(address string) (port.Dial, error) {
			require.NotEqual(t, "tcp://127.0.0.1:7778", address)
			require.NotContains(t, address, "ttyACM0")
			return nil, net.ErrClosed
		},
	}.Run(t.Context())
	require.True(t, hits[0].Excluded)
}

// Nothing written down yet is no fault of a file, and a mistyped word is none of a capture's.
func TestCaptureThatIsNotThere(t *testing.T) {
	config := ill(t, "")
	err := runCapture(t.Context(), []string{"list", "-config", config}, &bytes.Buffer{})
	require.ErrorIs(t, err, os.ErrNotExist)
	require.ErrorContains(t, err, "capture.size")
	require.ErrorContains(t, err, "записи ещё нет")
	require.EqualError(t, runCapture(t.Context(), []string{"lst", "-config", config}, &bytes.Buffer{}), captureUsage)
}

// A shop's capture, from the daemon's own wiring to the commands.
func TestCaptureCommands(t *testing.T) {
	s := newShelf(t)
	m := register(t, 4711)
	s.plug("ttyUSB0", m)
	r, _ := s.opener("ttyUSB0", "", &bytes.Buffer{})
	file := filepath.Join(t.TempDir(), "devices.capture")
	ring, err := capture.OpenRing(file, capture.SizeMin)
	require.NoError(t, err)
	r.recorder = (&Program{config: agent.DefaultConfig(), ring: ring}).recorder(r.config.DeviceConfig)
	p, err := r.open(t.Context())
	require.NoError(t, err)
	_, err = p.OpenShift(t.Context(), drivers.Operator{Name: "Иванова Анна"})
	require.NoError(t, err)
	_, err = p.Status(t.Context())
	require.NoError(t, err)
	require.NoError(t, p.Close())
	require.NoError(t, ring.Close())

	var out bytes.Buffer
	require.NoError(t, runCapture(t.Context(), []string{"list", file}, &out))
	require.Regexp(t, `1 +register +shtrih-m .* 3 +0`, out.String())

	out.Reset()
	require.NoError(t, runCapture(t.Context(), []string{"show", file}, &out))
	require.Contains(t, out.String(), "┌ open-shift")
	require.Contains(t, out.String(), "E0h open shift")
	require.Contains(t, out.String(), "10h short status")
	require.NotContains(t, out.String(), "Иванова")

	out.Reset()
	folder := t.TempDir()
	require.NoError(t, runCapture(t.Context(), []string{"replay", "-as-test", folder, file}, &out), out.String())
	require.Contains(t, out.String(), "3 calls as then")
	tests, err := filepath.Glob(filepath.Join(folder, "shtrih-m-*.capture"))
	require.NoError(t, err)
	require.Len(t, tests, 1)
	out.Reset()
	require.NoError(t, runCapture(t.Context(), []string{"replay", tests[0]}, &out), "what was kept for the tests replays too")

	entries, _, err := capture.Read(tests[0])
	require.NoError(t, err)
	sessions := capture.Sessions(entries)
	for i, e := range sessions[0].Entries {
		if e.Kind == capture.KindWrite && len(e.Data) > 8 {
			sessions[0].Entries[i].Data[6] ^= 1
			break
		}
	}
	broken, err := os.Create(filepath.Join(folder, "broken"))
	require.NoError(t, err)
	require.NoError(t, capture.WriteSession(broken, sessions[0]))
	require.NoError(t, broken.Close())
	out.Reset()
	require.ErrorIs(t, runCapture(t.Context(), []string{"replay", broken.Name()}, &out), errReplay, "scripts look at the exit status")
	require.Contains(t, out.String(), "the till sends other bytes")
	require.Error(t, runCapture(t.Context(), nil, &out))
	require.Error(t, runCapture(t.Context(), []string{"replay", "-session", "7", file}, &out))
}

// Slip printer and customer display are captured by the daemon's own wiring, over real sockets, without a word of
// what they were told.
func TestSlipsAndDisplaysAreCaptured(t *testing.T) {
	paper, pole := slipdevice.New(slipdevice.Options{}), displaydevice.New(displaydevice.Options{})
	c, err := agent.ParseConfig(fmt.Appendf(nil, "register: {type: none}\nprinter: {type: escpos, port: %q, settings: {barrier: gs-h}}\ndisplay: {type: line-display, port: %q}\n",
		served(t, paper.Serve), served(t, func(ctx context.Context, conn io.ReadWriteCloser) error { return pole.Serve(ctx, conn) })))
	require.NoError(t, err)
	c.Data = t.TempDir()
	p := &Program{config: c}
	o, err := p.devices()
	require.NoError(t, err)
	require.NoError(t, p.startCapture())
	printer, err := o.printer(t.Context())
	require.NoError(t, err)
	require.NoError(t, printer.PrintSlip(t.Context(), drivers.Slip{Lines: []drivers.SlipLine{{Text: "Мария Петрова, спасибо"}}, QR: "card 4276"}))
	require.NoError(t, printer.OpenDrawer(t.Context()))
	require.Equal(t, []int{2}, paper.Pulses())
	require.NoError(t, printer.Close())
	display, err := o.display(t.Context())
	require.NoError(t, err)
	require.NoError(t, display.Show(t.Context(), "Мария Петрова", "Баллов: 120"))
	require.NoError(t, display.Close())
	require.NoError(t, p.ring.Close())

	file := filepath.Join(c.Data, captureFile)
	var out bytes.Buffer
	require.NoError(t, runCapture(t.Context(), []string{"list", file}, &out))
	require.Regexp(t, `1 +printer +escpos .* 3 +0`, out.String())
	require.Regexp(t, `2 +display +line-display .* 2 +0`, out.String())
	out.Reset()
	require.NoError(t, runCapture(t.Context(), []string{"show", file}, &out))
	for _, want := range []string{"┌ print-slip", "┌ show", "init, code page 17, text of 22, line, QR code, cut, printed?", "status 1?"} {
		require.Contains(t, out.String(), want)
	}
	require.NotContains(t, out.String(), "Петрова")
	require.NotContains(t, out.String(), "4276")
	out.Reset()
	require.NoError(t, runCapture(t.Context(), []string{"replay", file}, &out), out.String())
	require.Contains(t, out.String(), "1: escpos printer: 3 calls as then")
	require.Contains(t, out.String(), "2: line-display display: 2 calls as then")
}

// served is the address of a device on a real socket.
func served(t *testing.T, serve func(context.Context, io.ReadWriteCloser) error) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			serving.Go(func() { _ = serve(ctx, conn) }) // ends with the link
		}
	})
	t.Cleanup(func() {
		cancel()
		require.NoError(t, l.Close())
		serving.Wait()
	})
	return "tcp://" + l.Addr().String()
}
