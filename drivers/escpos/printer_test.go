package escpos_test

import (
	"context"
	"errors"
	"image"
	"image/color"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/text/encoding/charmap"

	"github.com/kopilka/kopilka/drivers"
	device "github.com/kopilka/kopilka/drivers/emulator/escpos"
	"github.com/kopilka/kopilka/drivers/escpos"
	"github.com/kopilka/kopilka/drivers/port"
)

func TestSlipOnPaper(t *testing.T) {
	bubble(t, device.Options{Chinese: true, StatusBack: true, LineTime: lineTime}, nil, func(b *bench) {
		require.NoError(t, b.p.PrintSlip(b.ctx, voucher()))
		require.Equal(t, voucherPaper, b.paper())
		require.NoError(t, b.p.PrintSlip(b.ctx, voucher()))
		require.Equal(t, append(append([]string{}, voucherPaper...), voucherPaper...), b.paper())
		require.Equal(t, 1, b.dials)
		require.Equal(t, 48, b.p.Width())
	})
}

func TestCodePages(t *testing.T) {
	tests := []struct {
		settings map[string]string
		pages    map[byte]*charmap.Charmap
	}{
		{map[string]string{"profile": "citizen"}, map[byte]*charmap.Charmap{7: charmap.CodePage866}},
		{map[string]string{"profile": "star"}, map[byte]*charmap.Charmap{10: charmap.CodePage866}},
		{map[string]string{"profile": "wcp1251"}, map[byte]*charmap.Charmap{46: charmap.Windows1251}},
		{map[string]string{"codepage": "34", "encoding": "cp1251", "profile": "epson"}, map[byte]*charmap.Charmap{34: charmap.Windows1251}},
	}
	for _, tt := range tests {
		bubble(t, device.Options{CodePages: tt.pages}, tt.settings, func(b *bench) {
			require.NoError(t, b.p.PrintSlip(b.ctx, drivers.Slip{Lines: []drivers.SlipLine{{Text: "Съешь ещё № 5"}}}))
			require.Equal(t, []string{"Съешь ещё № 5", "[partial cut]"}, b.paper(), tt.settings)
		})
	}
}

func TestPrinterSettingsOnPaper(t *testing.T) {
	slip := drivers.Slip{Lines: []drivers.SlipLine{{Text: "Товар с очень длинным названием", Right: "1 234,56"}}}
	tests := []struct {
		name     string
		settings map[string]string
		columns  int
		want     []string
	}{
		{"58 mm", map[string]string{"width": "32"}, 32, []string{"Товар с очень длинным названием", "                        1 234,56", "[partial cut]"}},
		{"42", map[string]string{"width": "42", "cut": "full", "feed": "2"}, 42, []string{"Товар с очень длинным названием   1 234,56", "", "", "[cut]"}},
		{"no cutter", map[string]string{"cut": "off"}, 48, []string{"Товар с очень длинным названием         1 234,56", "", "", "", "", ""}},
	}
	for _, tt := range tests {
		bubble(t, device.Options{Columns: tt.columns}, tt.settings, func(b *bench) {
			require.NoError(t, b.p.PrintSlip(b.ctx, slip))
			require.Equal(t, tt.want, b.paper(), tt.name)
		})
	}
}

func TestStatus(t *testing.T) {
	tests := []struct {
		trouble device.Trouble
		near    bool
		want    drivers.Condition
	}{
		{device.None, false, 0},
		{device.None, true, drivers.PaperNear},
		{device.PaperOut, false, drivers.PaperOut},
		{device.CoverOpen, true, drivers.CoverOpen | drivers.PaperNear},
		{device.CutterJam, false, drivers.Fault},
	}
	for _, tt := range tests {
		bubble(t, device.Options{}, nil, func(b *bench) {
			b.dev.Arrange(tt.trouble, 0)
			if tt.trouble == device.CutterJam {
				_ = b.p.PrintSlip(b.ctx, voucher()) // it jams at the cut
			}
			b.dev.NearEnd(tt.near)
			s, err := b.p.Status(b.ctx)
			require.NoError(t, err)
			require.Equal(t, tt.want, s.Conditions, "%v", tt)
			require.Len(t, s.Mode, 11)
		})
	}
}

// What stands still before the first byte is refused: nothing is on paper, and nothing comes later.
func TestNothingIsSentToAPrinterThatStandsStill(t *testing.T) {
	for trouble, fail := range map[device.Trouble]drivers.Fail{device.PaperOut: drivers.FailPaper, device.CoverOpen: drivers.FailCover} {
		bubble(t, device.Options{}, nil, func(b *bench) {
			b.dev.Arrange(trouble, 0)
			failed(t, b.p.PrintSlip(b.ctx, voucher()), fail, drivers.OutcomeNotDone)
			failed(t, b.p.OpenDrawer(b.ctx), fail, drivers.OutcomeNotDone)
			b.dev.Mend()
			require.Empty(t, b.dev.Paper())
			require.Empty(t, b.dev.Pulses(), "the drawer does not open with nobody before it")
			require.NoError(t, b.p.PrintSlip(b.ctx, voucher()))
			require.Equal(t, voucherPaper, b.paper())
		})
	}
}

// Paper, cover or cutter fail at every line of a slip: never a success without the slip, never a word that
// nothing was done, nothing sent twice, and the printer is good again when mended.
func TestTroubleAtEveryLine(t *testing.T) {
	const lines = 60
	whole := 0
	for trouble, fail := range map[device.Trouble]drivers.Fail{
		device.PaperOut: drivers.FailPaper, device.CoverOpen: drivers.FailCover, device.PowerCut: drivers.FailLink,
	} {
		for at := 1; at <= lines+1; at += 3 {
			bubble(t, device.Options{LineTime: lineTime}, nil, func(b *bench) {
				b.dev.Arrange(trouble, at)
				err := b.p.PrintSlip(b.ctx, long(lines))
				if at > lines {
					require.NoError(t, err)
					whole++
					return
				}
				failed(t, err, fail, drivers.OutcomeUnknown)
				require.Len(t, b.dev.Paper(), at)
				b.dev.Mend()
				synctest.Wait()
				time.Sleep(time.Minute) // of virtual time: whatever it still had is printed
				if trouble == device.PowerCut {
					require.Len(t, b.dev.Paper(), at, "what it had was in its memory")
				}
				require.LessOrEqual(t, len(b.dev.Paper()), lines+1, "nothing was sent twice")
				b.dev.Tear()
				require.NoError(t, b.p.PrintSlip(b.ctx, voucher()))
				require.Equal(t, voucherPaper, b.paper())
			})
		}
	}
	require.Positive(t, whole)
}

func TestCutterJam(t *testing.T) {
	bubble(t, device.Options{}, nil, func(b *bench) {
		b.dev.Arrange(device.CutterJam, 0)
		failed(t, b.p.PrintSlip(b.ctx, voucher()), drivers.FailHardware, drivers.OutcomeUnknown)
		failed(t, b.p.PrintSlip(b.ctx, voucher()), drivers.FailHardware, drivers.OutcomeNotDone)
		require.Equal(t, voucherPaper[:len(voucherPaper)-1], b.paper(), "the second was not begun")
	})
}

// The answers of a slip that stopped come when it is mended: none of them may vouch for the next slip.
func TestOldAnswersVouchForNothing(t *testing.T) {
	for _, barrier := range []string{"gs-r", "gs-h"} {
		bubble(t, device.Options{LineTime: lineTime}, map[string]string{"barrier": barrier}, func(b *bench) {
			b.dev.Arrange(device.PaperOut, 5)
			failed(t, b.p.PrintSlip(b.ctx, long(60)), drivers.FailPaper, drivers.OutcomeUnknown)
			b.dev.Mend() // two windows wait in the printer, each with its question
			b.dev.Arrange(device.PaperOut, 70)
			err := b.p.PrintSlip(b.ctx, long(60))
			failed(t, err, drivers.FailPaper, drivers.OutcomeUnknown)
			b.dev.Mend()
			time.Sleep(time.Minute)
			b.dev.Tear()
			require.NoError(t, b.p.PrintSlip(b.ctx, voucher()))
			require.Equal(t, voucherPaper, b.paper())
		})
	}
}

// Nor do those that an earlier run of the program has left, which this one has not counted: the paper ends a second
// time, at every few lines of what the printer still has and of the new slip.
func TestAnswersOfAnEarlierRunVouchForNothing(t *testing.T) {
	refused, printed := 0, 0
	for lines := 1; lines < 140; lines += 4 {
		bubble(t, device.Options{LineTime: lineTime}, nil, func(b *bench) {
			b.dev.Arrange(device.PaperOut, 5)
			failed(b, b.p.PrintSlip(b.ctx, long(160)), drivers.FailPaper, drivers.OutcomeUnknown)
			require.NoError(b, b.p.Close())
			require.Greater(b, b.dev.Waiting(), 2000, "two windows wait, each with its question")
			b.dev.Mend()
			again, err := escpos.New("counter", b.dial, nil)
			require.NoError(b, err)
			b.dev.Arrange(device.PaperOut, lines)
			if err = again.PrintSlip(b.ctx, voucher()); err == nil {
				printed++
				paper := b.paper()
				require.Equal(b, voucherPaper, paper[max(0, len(paper)-len(voucherPaper)):], "success without the slip, paper ended after %d lines", lines)
			} else {
				refused++
			}
			require.NoError(b, again.Close())
		})
	}
	require.Positive(t, refused)
	require.Positive(t, printed)
}

// A picture larger than the printer's buffer arrives whole, on a line that has no flow control.
func TestLargePicturePassesASmallBuffer(t *testing.T) {
	img := image.NewGray(image.Rect(0, 0, 576, 600))
	for y := range 600 {
		for x := range 576 {
			img.SetGray(x, y, color.Gray{Y: uint8((x*y + x) % 256)})
		}
	}
	bubble(t, device.Options{Drops: true, LineTime: lineTime}, nil, func(b *bench) {
		require.NoError(t, b.p.PrintSlip(b.ctx, drivers.Slip{Logo: img}))
		require.Zero(t, b.dev.Lost())
		paper := b.dev.Paper()
		require.Equal(t, []string{"[picture 576×600]", "[partial cut]"}, device.Lines(paper))
		for y := range 600 {
			for x := range 576 {
				if dark := (x*y+x)%256 < 128; paper[0].Bitmap.Black(x, y) != dark {
					require.True(t, !dark && x%8 == 2, "only a dot that breaks a request may differ, not %d, %d", x, y)
				}
			}
		}
	})
	bubble(t, device.Options{Drops: true, LineTime: lineTime}, map[string]string{"barrier": "off", "window": "16384"}, func(b *bench) {
		require.NoError(t, b.p.PrintSlip(b.ctx, drivers.Slip{Logo: img}))
		synctest.Wait()
		require.Positive(t, b.dev.Lost(), "the emulator's buffer is small indeed")
	})
}

// Dots that read as requests: the printer must neither answer nor open the drawer.
func TestPictureFullOfRequests(t *testing.T) {
	img := image.NewGray(image.Rect(0, 0, 24, 16))
	trap := [3]byte{0x10, 0x14, 0x01}
	for y := range 16 {
		for x := range 24 {
			if trap[x/8]&(0x80>>(x%8)) == 0 {
				img.SetGray(x, y, color.Gray{Y: 255})
			}
		}
	}
	bubble(t, device.Options{}, nil, func(b *bench) {
		require.NoError(t, b.p.PrintSlip(b.ctx, drivers.Slip{Logo: img}))
		require.Empty(t, b.dev.Pulses())
		require.Equal(t, []string{"[picture 24×16]", "[partial cut]"}, b.paper())
	})
}

func TestDrawer(t *testing.T) {
	bubble(t, device.Options{}, map[string]string{"drawer": "5"}, func(b *bench) {
		require.NoError(t, b.p.OpenDrawer(b.ctx))
		require.Equal(t, []int{5}, b.dev.Pulses())
		require.Empty(t, b.dev.Paper())
	})
}

func TestTestPageShowsEveryCandidate(t *testing.T) {
	pages := map[byte]*charmap.Charmap{0: charmap.CodePage437, 59: charmap.CodePage866, 73: charmap.Windows1251}
	bubble(t, device.Options{CodePages: pages, Columns: 48}, nil, func(b *bench) {
		require.NoError(t, b.p.TestPage(b.ctx))
		var right []string
		for _, line := range b.paper() {
			if strings.Contains(line, "Привет, Ёжик! Ъёлка № 1") {
				right = append(right, strings.Fields(line)[0])
			}
		}
		require.Equal(t, []string{"59", "73"}, right, "only the pages that this printer has read right")
	})
}

func TestPrinterThatCannotAnswer(t *testing.T) {
	bubble(t, device.Options{Mute: true}, map[string]string{"status": "off"}, func(b *bench) {
		require.NoError(t, b.p.PrintSlip(b.ctx, voucher()))
		s, err := b.p.Status(b.ctx)
		require.NoError(t, err)
		require.Zero(t, s)
		synctest.Wait()
		require.Equal(t, voucherPaper, b.paper())
	})
	bubble(t, device.Options{Mute: true}, nil, func(b *bench) {
		e := failed(t, b.p.PrintSlip(b.ctx, voucher()), drivers.FailLink, drivers.OutcomeNotDone)
		require.Contains(t, e.Hint.EN, "status: off")
		require.Empty(t, b.dev.Paper())
	})
	bubble(t, device.Options{NoBarrier: true}, nil, func(b *bench) {
		e := failed(t, b.p.PrintSlip(b.ctx, voucher()), drivers.FailConfig, drivers.OutcomeNotDone)
		require.Contains(t, e.Hint.EN, "barrier: off")
		require.Empty(t, b.dev.Paper())
	})
	bubble(t, device.Options{NoBarrier: true, LineTime: lineTime}, map[string]string{"barrier": "gs-h"}, func(b *bench) {
		require.NoError(t, b.p.PrintSlip(b.ctx, voucher()))
		require.Equal(t, voucherPaper, b.paper())
	})
}

func TestSlipsThatCannotBePrinted(t *testing.T) {
	tests := map[string]drivers.Slip{
		"too many lines":    {Lines: make([]drivers.SlipLine, 501)},
		"too long a line":   {Lines: []drivers.SlipLine{{Text: strings.Repeat("x", 2001)}}},
		"too long a code":   {QR: strings.Repeat("x", 1001)},
		"a code that acts":  {QR: "a\x10\x04\x01"},
		"no picture at all": {Logo: image.NewGray(image.Rectangle{})},
	}
	for name, slip := range tests {
		bubble(t, device.Options{}, nil, func(b *bench) {
			failed(t, b.p.PrintSlip(b.ctx, slip), drivers.FailRefused, drivers.OutcomeNotDone)
			require.Zero(t, b.dials, name)
		})
	}
	bubble(t, device.Options{}, map[string]string{"width": "32", "dots": "256", "qr-level": "H"}, func(b *bench) {
		failed(t, b.p.PrintSlip(b.ctx, drivers.Slip{QR: strings.Repeat("Ж", 500)}), drivers.FailRefused, drivers.OutcomeNotDone)
	})
}

func TestContextEnds(t *testing.T) {
	bubble(t, device.Options{LineTime: time.Second}, nil, func(b *bench) {
		ctx, cancel := context.WithTimeout(b.ctx, 9*time.Second)
		defer cancel()
		began := time.Now()
		e := failed(t, b.p.PrintSlip(ctx, long(60)), drivers.FailLink, drivers.OutcomeUnknown)
		require.ErrorIs(t, e, context.DeadlineExceeded)
		require.Equal(t, 9*time.Second, time.Since(began))
	})
}

func TestPrinterAway(t *testing.T) {
	away := errors.New("no route")
	p, err := escpos.New("counter", func(context.Context) (port.Conn, error) { return nil, away }, nil)
	require.NoError(t, err)
	require.ErrorIs(t, failed(t, p.PrintSlip(t.Context(), voucher()), drivers.FailLink, drivers.OutcomeNotDone), away)
	_, err = p.Status(t.Context())
	require.ErrorIs(t, failed(t, err, drivers.FailLink, drivers.OutcomeNotDone), away)
	require.NoError(t, p.Close())
}

func TestSettings(t *testing.T) {
	_, err := escpos.New("counter", nil, map[string]string{
		"colour": "red", "width": "40", "profile": "x", "codepage": "256", "pulse": "1h", "barrier": "maybe", "qr-level": "Z", "feed": "-1",
	})
	require.Error(t, err)
	for _, want := range []string{
		"colour: unknown setting, known are barrier, codepage, cut", "width: want one of 32, 42, 48", "profile: want one of citizen, epson", "codepage: want a number from 0 to 255",
		"pulse: want a duration from 20ms to 500ms", "barrier: want one of gs-h, gs-r, off", "qr-level: want one of H, L, M, Q", `feed: want a number from 0 to 20 (got "-1")`,
	} {
		require.ErrorContains(t, err, want)
	}
	_, err = escpos.New("counter", nil, map[string]string{"status": "off", "barrier": "gs-r"})
	require.ErrorContains(t, err, "cannot answer")
	for key := range escpos.Settings {
		_, err := escpos.New("counter", nil, map[string]string{key: "\x00"})
		require.Error(t, err, key)
		require.NotContains(t, err.Error(), "unknown setting", key)
	}
}

func TestProbe(t *testing.T) {
	bubble(t, device.Options{Model: "TM-T88V"}, nil, func(b *bench) {
		id, err := escpos.Probe(b.ctx, b.dial)
		require.NoError(t, err)
		require.Equal(t, drivers.Identity{Model: "TM-T88V", Firmware: "1.0", Serial: "0001"}, id)
		require.Empty(t, b.dev.Paper())
	})
	bubble(t, device.Options{}, nil, func(b *bench) {
		b.dev.Arrange(device.PaperOut, 0)
		id, err := escpos.Probe(b.ctx, b.dial)
		require.NoError(t, err)
		require.Equal(t, drivers.Identity{Model: "ESC/POS"}, id)
	})
	bubble(t, device.Options{Mute: true}, nil, func(b *bench) {
		began := time.Now()
		_, err := escpos.Probe(b.ctx, b.dial)
		require.Error(t, err)
		require.LessOrEqual(t, time.Since(began), 2*time.Second)
	})
}
