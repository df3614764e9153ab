package capture_test

import (
	"bytes"
	"context"
	"errors"
	"image"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/text/encoding/charmap"
	"pgregory.net/rapid"

	"github.com/kopilka/kopilka/drivers"
	"github.com/kopilka/kopilka/drivers/all"
	"github.com/kopilka/kopilka/drivers/capture"
	displaydevice "github.com/kopilka/kopilka/drivers/emulator/display"
	slipdevice "github.com/kopilka/kopilka/drivers/emulator/escpos"
	"github.com/kopilka/kopilka/drivers/port"
)

// beside is what stands beside the register: an emulated slip printer and a display, both written down.
type beside struct {
	t       *testing.T
	printer *slipdevice.Printer
	screen  *displaydevice.Display
	slips   drivers.SlipPrinter
	display drivers.Display
	ring    *capture.Ring
	path    string
	link    net.Conn // its end of the printer's newest
	ended   func()
}

// putBeside wires both in a bubble; settings are the printer's.
func putBeside(t *testing.T, settings map[string]string, o slipdevice.Options) *beside {
	t.Helper()
	b := &beside{t: t, path: filepath.Join(t.TempDir(), "devices.capture"), screen: displaydevice.New(displaydevice.Options{}), printer: slipdevice.New(o)}
	var err error
	b.ring, err = capture.OpenRing(b.path, capture.SizeMin)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	var served sync.WaitGroup
	to := func(serve func(context.Context, io.ReadWriteCloser) error) port.Dial {
		return func(context.Context) (port.Conn, error) {
			ours, theirs := net.Pipe()
			b.link = theirs
			served.Go(func() { _ = serve(ctx, theirs) }) // ends with the link
			return cable{ours}, nil
		}
	}
	b.slips, err = recorderOf(b.ring, "counter", "escpos").SlipPrinter(to(b.printer.Serve), settings, func(d port.Dial) (drivers.SlipPrinter, error) {
		return all.SlipPrinter("escpos", "counter", d, settings)
	})
	require.NoError(t, err)
	screen := func(ctx context.Context, conn io.ReadWriteCloser) error { return b.screen.Serve(ctx, conn) }
	b.display, err = recorderOf(b.ring, "pole", "line-display").Display(to(screen), nil, func(d port.Dial) (drivers.Display, error) {
		return all.Display("line-display", "pole", d, nil)
	})
	require.NoError(t, err)
	b.ended = func() {
		cancel()
		served.Wait()
	}
	return b
}

// cable takes deadlines when its other end is gone, as every link does but a pipe.
type cable struct{ net.Conn }

func (c cable) SetReadDeadline(t time.Time) error {
	_ = c.Conn.SetReadDeadline(t)
	return nil
}

func (c cable) SetWriteDeadline(t time.Time) error {
	_ = c.Conn.SetWriteDeadline(t)
	return nil
}

func recorderOf(ring *capture.Ring, device, kind string) *capture.Recorder {
	return capture.NewRecorder(capture.Options{Ring: ring, Now: time.Now, Device: device, Type: kind, Program: "test", Rewrite: all.Kinds[kind].Rewrite})
}

// sessions ends the writing and gives back what was written, the printer's and the display's.
func (b *beside) sessions() (all []capture.Session, file []byte) {
	b.t.Helper()
	require.NoError(b.t, b.slips.Close())
	require.NoError(b.t, b.display.Close())
	b.ended()
	require.NoError(b.t, b.ring.Close())
	require.Zero(b.t, b.ring.Dropped())
	entries, damaged, err := capture.Read(b.path)
	require.NoError(b.t, err)
	require.Zero(b.t, damaged)
	file, err = os.ReadFile(b.path)
	require.NoError(b.t, err)
	return capture.Sessions(entries), file
}

func greeting() drivers.Slip {
	logo := image.NewGray(image.Rect(0, 0, 90, 24))
	return drivers.Slip{
		Logo: logo, QR: "HTTPS://KOPILKA.EXAMPLE/KARTA-4276",
		Lines: []drivers.SlipLine{
			{Text: "Мария Петрова, спасибо за покупку", Centre: true, Bold: true},
			{Text: "Баланс на 22.11.2026, баллов", Right: "1 240"},
			{Text: "№ 5 — «Ёлочка» ½ кг за 12 ₽ и ещё столько слов, чтобы строка перешла на другую: да, я", Large: true},
		},
	}
}

// ways are how a printer can be set.
var ways = map[string]map[string]string{
	"asks by number": {"barrier": "gs-h"},
	"asks in order":  {},
	"asks nothing":   {"barrier": "off", "status": "off"},
	"draws QR codes": {"qr": "raster", "width": "32"},
	"cp1251":         {"profile": "wcp1251", "cut": "off"},
}

func TestSlipsAreReplayed(t *testing.T) {
	for name, settings := range ways {
		t.Run(name, func(t *testing.T) {
			var all []capture.Session
			synctest.Test(t, func(t *testing.T) {
				time.Sleep(time.Hour) // the replay's questions begin with other numbers
				b := putBeside(t, settings, slipdevice.Options{LineTime: 30 * time.Millisecond})
				for range 3 {
					_, err := b.slips.Status(t.Context())
					require.NoError(t, err)
					require.NoError(t, b.slips.PrintSlip(t.Context(), greeting()))
					require.NoError(t, b.slips.OpenDrawer(t.Context()))
					require.NoError(t, b.display.Show(t.Context(), "Мария, здравствуйте", "К оплате     1 234.50"))
					time.Sleep(time.Minute)
				}
				require.Equal(t, []int{2, 2, 2}, b.printer.Pulses())
				all, _ = b.sessions()
			})
			require.Len(t, all, 2)
			replayed(t, t, all)
		})
	}
}

// replayed runs sessions again, whole and without a difference; else it is r that fails, a property or the test.
func replayed(t *testing.T, r require.TestingT, sessions []capture.Session) {
	t.Helper()
	for _, s := range sessions {
		require.True(r, s.Whole)
		made, _ := s.Calls()
		calls, err := replay(t, s)
		require.NoError(r, err, s.About.Type)
		require.Equal(r, made, calls)
		require.NotZero(r, calls)
	}
}

// Paper that ends in the middle, a cover that is open, a cable that is pulled: the same trouble comes again.
func TestTroubleOfAPrinterIsReplayed(t *testing.T) {
	for _, trouble := range []slipdevice.Trouble{slipdevice.PaperOut, slipdevice.CoverOpen, slipdevice.CutterJam} {
		for name, settings := range map[string]map[string]string{"by number": ways["asks by number"], "in order": {}} {
			var all []capture.Session
			synctest.Test(t, func(t *testing.T) {
				b := putBeside(t, settings, slipdevice.Options{LineTime: 30 * time.Millisecond})
				require.NoError(t, b.slips.PrintSlip(t.Context(), greeting()))
				b.printer.Arrange(trouble, 2)
				require.Error(t, b.slips.PrintSlip(t.Context(), greeting()))
				require.Error(t, b.slips.PrintSlip(t.Context(), greeting()), "it still stands")
				b.printer.Mend()
				time.Sleep(time.Minute)
				require.NoError(t, b.slips.PrintSlip(t.Context(), greeting()))
				require.NoError(t, b.link.Close())
				_, err := b.slips.Status(t.Context())
				require.NoError(t, err, "dialled anew")
				all, _ = b.sessions()
			})
			require.NotEmpty(t, all, name)
			replayed(t, t, all[:1])
		}
	}
}

func TestAnotherByteForAPrinterIsFound(t *testing.T) {
	var all []capture.Session
	synctest.Test(t, func(t *testing.T) {
		b := putBeside(t, ways["asks by number"], slipdevice.Options{})
		require.NoError(t, b.slips.PrintSlip(t.Context(), greeting()))
		require.NoError(t, b.display.Show(t.Context(), "Итого", "12.00"))
		all, _ = b.sessions()
	})
	found := 0
	for _, s := range all {
		for i, e := range s.Entries {
			if e.Kind != capture.KindWrite || e.Data[0] == 0 { // zeros mean nothing to a printer, but are compared too
				continue
			}
			found++
			data := bytes.Clone(e.Data)
			data[0] ^= 0x01
			s.Entries[i].Data = data
			_, err := replay(t, s)
			var d *capture.Difference
			require.True(t, errors.As(err, &d), "%s, entry %d: %v", s.About.Type, i, err)
			require.Zero(t, d.Offset)
			s.Entries[i].Data = e.Data
		}
	}
	require.GreaterOrEqual(t, found, 4)
}

// Whatever a slip says, in whatever letters and however it wraps, is replayed; and none of it is in the file.
func TestNothingOfASlipIsKept(t *testing.T) {
	letters := rapid.RuneFrom([]rune("абвЯёЁїқABCxyzéßñ漢字😀€№½²ª\u0301 -–—«»₽™.,:;!?\t"))
	texts := rapid.StringOfN(letters, 0, 60, 180)
	names := rapid.StringMatching(`[А-ЯЁ][а-яё]{5,12} [А-ЯЁ][а-яё]{5,12}`)
	codes := rapid.StringMatching(`[A-Z]{8,12}|[a-z]{4}-[A-Z]{8}|[1-9]{9,16}`)
	rapid.Check(t, func(r *rapid.T) {
		name, code := names.Draw(r, "name"), codes.Draw(r, "code")
		slip := drivers.Slip{QR: code, Lines: []drivers.SlipLine{{Text: name, Large: rapid.Bool().Draw(r, "large")}}}
		for range rapid.IntRange(0, 4).Draw(r, "lines") {
			slip.Lines = append(slip.Lines, drivers.SlipLine{Text: texts.Draw(r, "text"), Bold: rapid.Bool().Draw(r, "bold")})
		}
		settings := rapid.SampledFrom([]map[string]string{ways["asks by number"], ways["draws QR codes"], ways["cp1251"]}).Draw(r, "settings")
		shown := texts.Draw(r, "shown")
		var all []capture.Session
		var file []byte
		synctest.Test(t, func(t *testing.T) {
			b := putBeside(t, settings, slipdevice.Options{})
			require.NoError(t, b.slips.PrintSlip(t.Context(), slip))
			require.NoError(t, b.display.Show(t.Context(), name, shown))
			all, file = b.sessions()
		})
		replayed(t, r, all)
		kept := []byte(nil)
		for _, s := range all {
			for _, e := range s.Entries {
				kept = append(append(kept, e.Data...), 0)
			}
		}
		for _, secret := range append(strings.Fields(name), code) {
			for _, page := range []*charmap.Charmap{charmap.CodePage866, charmap.Windows1251} {
				encoded, err := page.NewEncoder().String(secret)
				require.NoError(r, err)
				require.NotContains(r, string(kept), encoded)
			}
			require.NotContains(r, string(file), secret)
		}
	})
}

// A printer that is well is asked every few seconds, and the file tells of it once.
func TestStatusIsKeptWhenItChanges(t *testing.T) {
	var all []capture.Session
	synctest.Test(t, func(t *testing.T) {
		b := putBeside(t, nil, slipdevice.Options{})
		ask := func(times int) {
			for range times {
				_, err := b.slips.Status(t.Context())
				require.NoError(t, err)
				time.Sleep(2 * time.Second)
			}
		}
		ask(500)
		b.printer.Arrange(slipdevice.PaperOut, 0)
		ask(100) // more would fill its buffer
		b.printer.Mend()
		require.NoError(t, b.slips.PrintSlip(t.Context(), greeting()))
		ask(500)
		all, _ = b.sessions()
	})
	var ops []capture.Op
	for _, e := range all[0].Entries {
		if e.Kind == capture.KindCall {
			ops = append(ops, e.Op)
		}
	}
	// The first one dials, so the second is another.
	require.Equal(t, []capture.Op{capture.OpStatus, capture.OpStatus, capture.OpStatus, capture.OpPrintSlip, capture.OpStatus, capture.OpClose}, ops)
	replayed(t, t, all[:1])
}

// After half of the file was given up printer and display begin sessions anew.
func TestSlipsBeginAnewWhenTheRingTurns(t *testing.T) {
	var all []capture.Session
	synctest.Test(t, func(t *testing.T) {
		b := putBeside(t, nil, slipdevice.Options{})
		for range 40 {
			for range 100 {
				b.ring.Put(capture.Entry{Kind: capture.KindRead, Session: "other", Data: make([]byte, 1_000)})
			}
			time.Sleep(time.Millisecond) // until all of it is on the disk
			_, err := b.slips.Status(t.Context())
			require.NoError(t, err)
			require.NoError(t, b.slips.PrintSlip(t.Context(), greeting()))
			require.NoError(t, b.display.Show(t.Context(), "Итого", "12.00"))
		}
		all, _ = b.sessions()
	})
	whole := map[string]int{}
	for _, s := range all {
		if s.Whole {
			whole[s.About.Type]++
			_, err := replay(t, s)
			require.NoError(t, err)
		}
	}
	require.NotZero(t, whole["escpos"])
	require.NotZero(t, whole["line-display"])
}
