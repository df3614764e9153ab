package frame_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/kopilka/kopilka/drivers/shtrih/frame"
)

func TestMoney(t *testing.T) {
	got, err := frame.AppendMoney(nil, 123456)
	require.NoError(t, err)
	require.Equal(t, unhex(t, "40 E2 01 00 00"), got)
	require.Equal(t, uint64(123456), frame.Uint(got))
	for _, bad := range []int64{-1, frame.Uint40Max, 1 << 41} {
		_, err = frame.AppendMoney(nil, bad)
		require.ErrorIs(t, err, frame.ErrValue, "%d", bad)
	}
	require.Equal(t, unhex(t, "FFFFFFFFFF"), frame.AppendReckon(nil))
}

func TestQty6(t *testing.T) {
	got, err := frame.AppendQty6(nil, 432)
	require.NoError(t, err)
	require.Equal(t, unhex(t, "80 97 06 00 00 00"), got, "0.432 is 432000 millionths")
	back, err := frame.Qty6(got)
	require.NoError(t, err)
	require.Equal(t, int64(432), back)
	_, err = frame.Qty6(unhex(t, "01 00 00 00 00 00"))
	require.ErrorIs(t, err, frame.ErrValue)
	_, err = frame.Qty6([]byte{1})
	require.ErrorIs(t, err, frame.ErrValue)
	_, err = frame.AppendQty6(nil, -1)
	require.ErrorIs(t, err, frame.ErrValue)
}

func TestTimes(t *testing.T) {
	at := time.Date(2026, 11, 21, 22, 48, 0, 0, time.UTC)
	fn := frame.AppendFNTime(nil, at)
	require.Equal(t, []byte{26, 11, 21, 22, 48}, fn)
	back, err := frame.FNTime(fn)
	require.NoError(t, err)
	require.Equal(t, at, back)
	back, err = frame.OldTime(frame.AppendDMY(nil, at), frame.AppendHMS(nil, at))
	require.NoError(t, err)
	require.Equal(t, at, back)
	zero, err := frame.FNTime(make([]byte, 5))
	require.NoError(t, err)
	require.True(t, zero.IsZero())
	for _, bad := range [][]byte{{26, 13, 1, 0, 0}, {26, 2, 30, 0, 0}, {26, 1, 1, 24, 0}, {200, 1, 1, 0, 0}, {1}} {
		_, err = frame.FNTime(bad)
		require.ErrorIs(t, err, frame.ErrValue, "%v", bad)
	}
	_, err = frame.OldTime([]byte{1}, []byte{1})
	require.ErrorIs(t, err, frame.ErrValue)
}

func TestPaddedTexts(t *testing.T) {
	require.Equal(t, unhex(t, "CC EE 00 00"), frame.AppendPadded(nil, "Мо", 4))
	rapid.Check(t, func(t *rapid.T) {
		s, width := rapid.String().Draw(t, "text"), rapid.IntRange(0, 48).Draw(t, "width")
		require.Len(t, frame.AppendPadded(nil, s, width), width)
	})
}
