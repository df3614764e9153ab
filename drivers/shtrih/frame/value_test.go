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

func TestTexts(t *testing.T) {
	tests := []struct{ in, cp1251, cp866 string }{
		{"Молоко 3,2%", "CC EE EB EE EA EE 20 33 2C 32 25", "8C AE AB AE AA AE 20 33 2C 32 25"},
		{"ёЁ№", "B8 A8 B9", "F1 F0 FC"},
		{"5 ₽", "35 20 F0", "35 20 E0"},
		{"«А»", "AB C0 BB", "22 80 22"},
		{"—", "97", "2D"},
		{"a\tb\u00a0c", "61 20 62 20 63", "61 20 62 20 63"},
		{"日😀", "3F 3F", "3F 3F"},
		{"и\u0306", "E9", "A9"}, // a macOS file's й in two runes is one letter
		{"x…", "78 85", "78 2E 2E 2E"},
	}
	for _, tt := range tests {
		require.Equal(t, unhex(t, tt.cp1251), frame.Text1251(tt.in, 40), tt.in)
		require.Equal(t, unhex(t, tt.cp866), frame.Text866(tt.in, 40), tt.in)
	}
	require.Equal(t, unhex(t, "CC EE EB"), frame.Text1251("Молоко", 3), "cut by bytes after encoding")
	require.Equal(t, unhex(t, "78 2E 2E"), frame.Text866("x…", 3))
	require.Equal(t, unhex(t, "CC EE 00 00"), frame.AppendPadded(nil, "Мо", 4))
	require.Equal(t, "Мо", frame.From1251(unhex(t, "CC EE 00 41")))
	require.Equal(t, "Мо", frame.From866(unhex(t, "8C AE")))
}

func TestTLV(t *testing.T) {
	inner := frame.AppendTLV(nil, 1030, frame.Text866("Хлеб", 128))
	p := frame.AppendTLV(frame.AppendTLV(nil, 1008, frame.Text866("+79001234567", 64)), 1059, inner)
	got, err := frame.ParseTLV(p)
	require.NoError(t, err)
	require.Len(t, got, 2)
	require.Equal(t, uint16(1008), got[0].Tag)
	require.Equal(t, "+79001234567", frame.From866(got[0].Value))
	nested, err := frame.ParseTLV(got[1].Value)
	require.NoError(t, err)
	require.Equal(t, "Хлеб", frame.From866(nested[0].Value))
	for _, cut := range []int{1, 3, 5, len(p) - 1} {
		_, err = frame.ParseTLV(p[:cut])
		require.ErrorIs(t, err, frame.ErrValue, "cut at %d", cut)
	}
	require.Equal(t, []byte{0}, frame.VLN(0))
	require.Equal(t, []byte{0x40, 0xE2, 0x01}, frame.VLN(123456))
	require.Equal(t, []byte{3, 0xB0, 0x01}, frame.FVLN(432, 3))
}

func TestTextsNeverOutgrowTheirField(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, width := rapid.String().Draw(t, "text"), rapid.IntRange(0, 48).Draw(t, "width")
		require.LessOrEqual(t, len(frame.Text1251(s, width)), width)
		require.LessOrEqual(t, len(frame.Text866(s, width)), width)
		require.Len(t, frame.AppendPadded(nil, s, width), width)
		for _, b := range append(frame.Text1251(s, width), frame.Text866(s, width)...) {
			require.GreaterOrEqual(t, b, byte(0x20), "control bytes never reach a printer")
		}
	})
}

func FuzzParseTLV(f *testing.F) {
	f.Add(frame.AppendTLV(nil, 1021, []byte("x")))
	f.Fuzz(func(t *testing.T, p []byte) {
		values, err := frame.ParseTLV(p)
		if err != nil {
			return
		}
		again := []byte{}
		for _, v := range values {
			again = frame.AppendTLV(again, v.Tag, v.Value)
		}
		require.Equal(t, append([]byte{}, p...), again)
	})
}
