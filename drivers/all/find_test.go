package all_test

import (
	"context"
	"errors"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/drivers"
	"github.com/kopilka/kopilka/drivers/all"
	"github.com/kopilka/kopilka/drivers/drivertest/world"
	"github.com/kopilka/kopilka/drivers/port"
)

func TestEveryTypeCanBeLookedFor(t *testing.T) {
	for kind := range all.Printers {
		require.NotNil(t, all.Kinds[kind].Probe, kind)
		require.NotNil(t, all.Kinds[kind].Rewrite, kind)
		require.NotEmpty(t, slices.Concat(all.Kinds[kind].Local, make([]string, len(all.Kinds[kind].Bauds))), "%s is nowhere", kind)
		for _, address := range all.Kinds[kind].Local {
			_, err := port.ParseAddress(address)
			require.NoError(t, err)
		}
		for _, baud := range all.Kinds[kind].Bauds {
			_, err := port.ParseAddress(all.AtBaud("serial:///dev/ttyS0", baud))
			require.NoError(t, err)
		}
	}
	for kind := range all.Kinds {
		_, register := all.Printers[kind]
		_, printer := all.SlipPrinters[kind]
		_, display := all.Displays[kind]
		require.True(t, register || printer || display, "%s is the name of no driver", kind)
		require.Equal(t, display, all.Kinds[kind].Probe == nil, "displays alone answer nothing")
	}
}

// Every register is asked by the probes of all types until one knows it: it is found for what it is, and its shift
// and its documents are what they were.
func TestEveryRegisterIsFoundAndLeftAlone(t *testing.T) {
	for _, w := range world.All() {
		t.Run(w.Name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m, err := w.New(world.Options{Serial: 4711, INN: "7707083893"})
				require.NoError(t, err)
				ctx, cancel := context.WithCancel(t.Context())
				var served sync.WaitGroup
				dial := func(context.Context) (port.Conn, error) {
					ours, theirs := net.Pipe()
					served.Go(func() { _ = m.Serve(ctx, theirs) }) // ends with the link
					return ours, nil
				}
				p, err := all.Printer(w.Type, "register", dial, w.Settings)
				require.NoError(t, err)
				_, err = p.OpenShift(ctx, drivers.Operator{Name: "Иванова"})
				require.NoError(t, err)
				before, err := p.Snapshot(ctx)
				require.NoError(t, err)
				require.NoError(t, p.Close())

				search := all.Search{Ports: []port.Found{{Kind: port.KindSerial, Path: "/dev/ttyUSB0"}}, Local: true, Dial: func(address string) (port.Dial, error) {
					if strings.HasPrefix(address, "serial://") == (len(all.Kinds[w.Type].Bauds) > 0) {
						return dial, nil
					}
					return func(context.Context) (port.Conn, error) { return nil, errors.New("nobody there") }, nil
				}}
				found := slices.DeleteFunc(search.Run(ctx), func(h all.Hit) bool { return h.Type == "" })
				require.NotEmpty(t, found)
				for _, h := range found {
					require.Equal(t, w.Type, h.Type, "taken for another")
				}
				require.LessOrEqual(t, len(m.Documents()), 2, "nobody printed anything")

				p, err = all.Printer(w.Type, "register", dial, w.Settings)
				require.NoError(t, err)
				after, err := p.Snapshot(ctx)
				require.NoError(t, err)
				require.Equal(t, before.LastFD, after.LastFD)
				require.Equal(t, before.Shift, after.Shift)
				require.NoError(t, p.Close())
				cancel()
				served.Wait()
				require.NoError(t, m.Close())
			})
		})
	}
}

func TestAtBaud(t *testing.T) {
	for _, tt := range []struct {
		in   string
		baud int
		out  string
	}{
		{"serial:///dev/ttyS0", 9600, "serial:///dev/ttyS0?baud=9600"},
		{"serial://COM3?baud=115200", 9600, "serial://COM3?baud=9600"},
		{"usb-serial://1fc9:0089/1?baud=115200&interface=2", 4800, "usb-serial://1fc9:0089/1?baud=4800&interface=2"},
		{"serial://COM3?baud=115200", 0, "serial://COM3?baud=115200"},
		{"tcp://127.0.0.1:7778", 9600, "tcp://127.0.0.1:7778"},
	} {
		require.Equal(t, tt.out, all.AtBaud(tt.in, tt.baud))
	}
	require.Equal(t, 9600, all.Baud("serial://COM3?baud=9600"))
	require.Zero(t, all.Baud("tcp://h:1"))
}

func TestHeldAndExcludedPortsAreNotTouched(t *testing.T) {
	hits := all.Search{
		Ports: []port.Found{
			{Kind: port.KindSerial, Path: "/dev/ttyUSB0"},
			{Kind: port.KindSerial, Path: "/dev/ttyUSB1"},
			{Kind: port.KindSerial, Path: "/dev/ttyUSB2", VID: 0x0C2E},
			{Kind: port.KindHID, Path: "/dev/hidraw0"},
			{Kind: port.KindSerial, Path: "/dev/ttyUSB3"},
			{Kind: port.KindSerial, Path: "/dev/ttyUSB4"},
		},
		Exclude: []string{"serial:///dev/ttyUSB1?baud=9600"},
		Holders: func(path string) []string {
			if path == "/dev/ttyUSB0" {
				return []string{"1cv8, 77"}
			}
			return nil
		},
		Dial: func(address string) (port.Dial, error) {
			return func(context.Context) (port.Conn, error) {
				switch {
				case strings.Contains(address, "ttyUSB3"):
					return nil, port.ErrBusy
				case strings.Contains(address, "ttyUSB4"):
					return nil, errors.New("broken")
				}
				t.Errorf("%s is dialled", address)
				return nil, errors.New("never")
			}, nil
		},
	}.Run(t.Context())
	require.Equal(t, []string{"1cv8, 77"}, hits[0].Held)
	require.True(t, hits[1].Excluded)
	require.Equal(t, "Honeywell", hits[2].Maker)
	require.Empty(t, hits[3].Type)
	require.True(t, hits[4].Busy)
	require.ErrorContains(t, hits[5].Err, "broken")
}

func TestHeldAddressesAreNotAsked(t *testing.T) {
	held := all.Kinds["shtrih-m"].Local[0]
	hits := all.Search{
		Local: true,
		Holders: func(at string) []string {
			if at == held {
				return []string{"kopilka-agent, 7"}
			}
			return nil
		},
		Dial: func(address string) (port.Dial, error) {
			require.NotEqual(t, held, address)
			return nil, net.ErrClosed
		},
	}.Run(t.Context())
	require.Len(t, hits, 1)
	require.Equal(t, []string{"kopilka-agent, 7"}, hits[0].Held)
}
