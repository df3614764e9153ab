package escpos_test

import (
	"image"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/drivers"
	device "github.com/kopilka/kopilka/drivers/emulator/escpos"
)

// The cable is cut before every byte, both ways: PrintSlip succeeds only with the whole slip on paper, says that
// nothing was done only when no dot of it is, and the next slip comes out right on a new cable.
func TestCutBeforeEveryByte(t *testing.T) {
	next := drivers.Slip{Lines: []drivers.SlipLine{{Text: "Снова в строю", Bold: true}}}
	logo := image.NewGray(image.Rect(0, 0, 48, 24)) // black
	slips := map[string]struct {
		slip     drivers.Slip
		settings map[string]string
		paper    []string
	}{
		"voucher, GS r":    {voucher(), map[string]string{"window": "256"}, voucherPaper},
		"voucher, GS ( H":  {voucher(), map[string]string{"window": "256", "barrier": "gs-h"}, voucherPaper},
		"pictures, GS r":   {drivers.Slip{Logo: logo, QR: "7"}, map[string]string{"qr": "raster", "qr-size": "2"}, []string{"[picture 48×24]", "", "[picture 48×42]", "[partial cut]"}},
		"pictures, GS ( H": {drivers.Slip{Logo: logo, QR: "7"}, map[string]string{"qr": "raster", "qr-size": "2", "barrier": "gs-h"}, []string{"[picture 48×24]", "", "[picture 48×42]", "[partial cut]"}},
	}
	for name, s := range slips {
		t.Run(name, func(t *testing.T) {
			total := lengths(t, s.slip, s.settings)
			outcomes := map[string]int{}
			for direction, out := range []bool{true, false} {
				for at := range total[direction] {
					bubble(t, device.Options{LineTime: lineTime}, s.settings, func(b *bench) {
						b.cut = &cut{out: out, left: at}
						err := b.p.PrintSlip(b.ctx, s.slip)
						b.later()
						judge(b, err, s.paper, outcomes)
						b.dev.Tear()
						require.NoError(b, b.p.PrintSlip(b.ctx, next), "cut at byte %d of %v", at, out)
						paper := b.paper()
						require.Equal(b, []string{"*Снова в строю", "[partial cut]"}, paper[max(0, len(paper)-2):], "cut at byte %d of %v", at, out)
					})
				}
			}
			t.Logf("cut before each of %d bytes to the printer and %d to the host: %v", total[0], total[1], outcomes)
			require.Positive(t, outcomes["unknown"])
			require.Positive(t, outcomes["not done"])
		})
	}
}

// lengths are the bytes that a slip takes, to the printer and to the host.
func lengths(t *testing.T, s drivers.Slip, settings map[string]string) (total [2]int) {
	bubble(t, device.Options{LineTime: lineTime}, settings, func(b *bench) {
		whole := &cut{left: -1}
		b.cut = whole
		require.NoError(b, b.p.PrintSlip(b.ctx, s))
		total = whole.passed
	})
	require.Greater(t, total[0], 300)
	require.Greater(t, total[1], 4)
	return total
}

func judge(b *bench, err error, want []string, outcomes map[string]int) {
	switch {
	case err == nil:
		outcomes["done"]++
		require.Equal(b, want, b.paper(), "success without the slip")
	case drivers.NotDone(err):
		outcomes["not done"]++
		require.Empty(b, b.paper(), "not done, and yet on paper")
	default:
		outcomes["unknown"]++
	}
}
