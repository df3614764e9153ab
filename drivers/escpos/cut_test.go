package escpos_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/drivers"
	device "github.com/kopilka/kopilka/drivers/emulator/escpos"
)

// The cable is cut before every byte, both ways: PrintSlip succeeds only with the whole slip on paper, says that
// nothing was done only when no dot of it is, and the next slip comes out right on a new cable.
func TestCutBeforeEveryByte(t *testing.T) {
	slip := voucher()
	for _, barrier := range []string{"gs-r", "gs-h"} {
		settings := map[string]string{"barrier": barrier, "window": "256"}
		var total [2]int
		bubble(t, device.Options{LineTime: lineTime}, settings, func(b *bench) {
			whole := &cut{left: -1}
			b.cut = whole
			require.NoError(t, b.p.PrintSlip(b.ctx, slip))
			total = whole.passed
		})
		require.Greater(t, total[0], 300)
		require.Greater(t, total[1], 4)
		outcomes := map[string]int{}
		for direction, out := range []bool{true, false} {
			for at := range total[direction] {
				bubble(t, device.Options{LineTime: lineTime}, settings, func(b *bench) {
					b.cut = &cut{out: out, left: at}
					err := b.p.PrintSlip(b.ctx, slip)
					b.later()
					judge(b, err, outcomes)
					b.dev.Tear()
					require.NoError(t, b.p.PrintSlip(b.ctx, voucher()), "cut at byte %d of %v", at, out)
					require.Equal(t, voucherPaper, b.paper()[len(b.paper())-len(voucherPaper):])
				})
			}
		}
		t.Logf("barrier %s: cut before each of %d bytes to the printer and %d to the host: %v", barrier, total[0], total[1], outcomes)
		require.Positive(t, outcomes["unknown"])
		require.Positive(t, outcomes["not done"])
	}
}

func judge(b *bench, err error, outcomes map[string]int) {
	switch {
	case err == nil:
		outcomes["done"]++
		require.Equal(b.T, voucherPaper, b.paper(), "success without the slip")
	case drivers.NotDone(err):
		outcomes["not done"]++
		require.Empty(b.T, b.paper(), "not done, and yet on paper")
	default:
		outcomes["unknown"]++
	}
}
