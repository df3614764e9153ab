package charset_test

import (
	"encoding/hex"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/kopilka/kopilka/drivers/charset"
)

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	require.NoError(t, err)
	return b
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
		require.Equal(t, unhex(t, tt.cp1251), charset.Text1251(tt.in, 40), tt.in)
		require.Equal(t, unhex(t, tt.cp866), charset.Text866(tt.in, 40), tt.in)
	}
	require.Equal(t, unhex(t, "CC EE EB"), charset.Text1251("Молоко", 3), "cut by bytes after encoding")
	require.Equal(t, unhex(t, "78 2E 2E"), charset.Text866("x…", 3))
	require.Equal(t, "Мо", charset.From1251(unhex(t, "CC EE 00 41")))
	require.Equal(t, "Мо", charset.From866(unhex(t, "8C AE")))
}

func TestTextsNeverOutgrowTheirField(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, width := rapid.String().Draw(t, "text"), rapid.IntRange(0, 48).Draw(t, "width")
		require.LessOrEqual(t, len(charset.Text1251(s, width)), width)
		require.LessOrEqual(t, len(charset.Text866(s, width)), width)
		for _, b := range append(charset.Text1251(s, width), charset.Text866(s, width)...) {
			require.GreaterOrEqual(t, b, byte(0x20), "control bytes never reach a printer")
		}
	})
}
