package display_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/text/encoding/charmap"
	"pgregory.net/rapid"

	"github.com/kopilka/kopilka/drivers"
	"github.com/kopilka/kopilka/drivers/display"
	device "github.com/kopilka/kopilka/drivers/emulator/display"
	"github.com/kopilka/kopilka/drivers/port"
)

var pages = map[byte]*charmap.Charmap{17: charmap.CodePage866, 46: charmap.Windows1251}

func TestTwoLines(t *testing.T) {
	tests := []struct {
		name     string
		settings map[string]string
		o        device.Options
	}{
		{"CD5220 as its switches are", nil, device.Options{}},
		{"CD5220 in cp1251 by number", map[string]string{"encoding": "cp1251", "codepage": "46"}, device.Options{CodePages: pages}},
		{"Epson", map[string]string{"protocol": "epson"}, device.Options{Letters: charmap.CodePage437, CodePages: pages}},
		{"Epson in cp1251", map[string]string{"protocol": "epson", "encoding": "cp1251", "codepage": "46"}, device.Options{Letters: charmap.CodePage437, CodePages: pages}},
		{"sixteen wide", map[string]string{"width": "16"}, device.Options{Width: 16}},
	}
	for _, tt := range tests {
		synctest.Test(t, func(t *testing.T) {
			dev := device.New(tt.o)
			d, close := wired(t, dev, tt.settings)
			defer close()
			width := d.Width()
			require.NoError(t, d.Show(t.Context(), "Молоко № 1", "84,90 ₽ за штуку и ещё немного"))
			synctest.Wait()
			long := []rune("84,90 р за штуку и ещё немного")[:width]
			require.Equal(t, [2]string{"Молоко № 1", strings.TrimRight(string(long), " ")}, dev.Lines(), tt.name)
			require.NoError(t, d.Show(t.Context(), "Итого", ""))
			synctest.Wait()
			require.Equal(t, [2]string{"Итого", ""}, dev.Lines(), tt.name)
		})
	}
}

// A display that was switched off between two customers has its letters again.
func TestBlankSetsUpAnew(t *testing.T) {
	for _, protocol := range []string{"cd5220", "epson"} {
		synctest.Test(t, func(t *testing.T) {
			dev := device.New(device.Options{Letters: charmap.CodePage437, CodePages: pages})
			d, close := wired(t, dev, map[string]string{"protocol": protocol, "codepage": "17"})
			defer close()
			require.NoError(t, d.Show(t.Context(), "Добро", "пожаловать"))
			synctest.Wait()
			dev.SwitchOff()
			require.NoError(t, d.Show(t.Context(), "", ""))
			require.NoError(t, d.Show(t.Context(), "Снова", "здесь"))
			synctest.Wait()
			require.Equal(t, [2]string{"Снова", "здесь"}, dev.Lines(), protocol)
		})
	}
}

// A display that takes nothing costs half a second once, and nothing for the next five.
func TestPulledCableDelaysNoSale(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dials := 0
		d, err := display.New("pole", func(context.Context) (port.Conn, error) {
			dials++
			near, far := net.Pipe() // nobody reads
			t.Cleanup(func() { far.Close() })
			return near, nil
		}, nil)
		require.NoError(t, err)
		began := time.Now()
		refused(t, d.Show(t.Context(), "a", "b"))
		require.Equal(t, 500*time.Millisecond, time.Since(began))
		for range 20 {
			refused(t, d.Show(t.Context(), "a", "b"))
		}
		require.Equal(t, 500*time.Millisecond, time.Since(began))
		require.Equal(t, 1, dials)
		time.Sleep(5 * time.Second)
		refused(t, d.Show(t.Context(), "a", "b"))
		require.Equal(t, 2, dials)
		require.NoError(t, d.Close())
	})
}

func TestAway(t *testing.T) {
	away := errors.New("no such file")
	d, err := display.New("pole", func(context.Context) (port.Conn, error) { return nil, away }, nil)
	require.NoError(t, err)
	require.ErrorIs(t, refused(t, d.Show(t.Context(), "a", "b")), away)
	require.NoError(t, d.Close())
	_, err = display.Probe(t.Context(), nil)
	require.ErrorIs(t, err, display.ErrMute)
}

func TestSettings(t *testing.T) {
	_, err := display.New("pole", nil, map[string]string{"protocol": "x", "encoding": "utf-8", "codepage": "300", "width": "4", "colour": "red"})
	for _, want := range []string{"want one of cd5220, epson", "want one of cp1251, cp866", "want a number from 0 to 255", "want a number from 16 to 40", "unknown setting, known are codepage, encoding, protocol, width"} {
		require.ErrorContains(t, err, want)
	}
	for key := range display.Settings {
		_, err := display.New("pole", nil, map[string]string{key: "\x00"})
		require.Error(t, err, key)
		require.NotContains(t, err.Error(), "unknown setting", key)
	}
}

// Whatever is shown, the display shows it and nothing of it is a command.
func TestAnyText(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		protocol := rapid.SampledFrom([]string{"cd5220", "epson"}).Draw(rt, "protocol")
		top, bottom := rapid.String().Draw(rt, "top"), rapid.String().Draw(rt, "bottom")
		synctest.Test(t, func(t *testing.T) {
			dev := device.New(device.Options{CodePages: pages})
			d, close := wired(t, dev, map[string]string{"protocol": protocol})
			defer close()
			require.NoError(t, d.Show(t.Context(), "stays", "not"))
			require.NoError(t, d.Show(t.Context(), top, bottom))
			require.NoError(t, d.Show(t.Context(), top, "end"))
			synctest.Wait()
			require.Equal(t, "end", dev.Lines()[1])
			require.LessOrEqual(t, len([]rune(dev.Lines()[0])), 20)
		})
	})
}

func refused(t *testing.T, err error) error {
	t.Helper()
	var e *drivers.Error
	require.ErrorAs(t, err, &e)
	require.Equal(t, drivers.FailLink, e.Fail)
	require.Equal(t, "pole", e.Device)
	require.NotEmpty(t, e.Hint.RU)
	return err
}

// wired joins a display to its driver in memory.
func wired(t *testing.T, dev *device.Display, settings map[string]string) (drivers.Display, func()) {
	ctx, cancel := context.WithCancel(t.Context())
	var served sync.WaitGroup
	d, err := display.New("pole", func(context.Context) (port.Conn, error) {
		near, far := net.Pipe()
		served.Go(func() { _ = dev.Serve(ctx, far) }) // ends with the link
		return near, nil
	}, settings)
	require.NoError(t, err)
	return d, func() {
		require.NoError(t, d.Close())
		cancel()
		served.Wait()
	}
}
