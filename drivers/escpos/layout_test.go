package escpos

import (
	"image"
	"image/color"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/kopilka/kopilka/drivers"
	"github.com/kopilka/kopilka/drivers/escpos/command"
)

func TestWrap(t *testing.T) {
	tests := []struct {
		in   string
		n    int
		want []string
	}{
		{"", 10, []string{""}},
		{"abc", 3, []string{"abc"}},
		{"abc def", 3, []string{"abc", "def"}},
		{"abc def ghi", 7, []string{"abc def", "ghi"}},
		{"abcdefgh", 3, []string{"abc", "def", "gh"}},
		{"ab cdefgh", 4, []string{"ab", "cdef", "gh"}},
		{"  indented text", 10, []string{"  indented", "text"}},
		{"a   b", 2, []string{"a", "b"}},
		{"trailing   ", 20, []string{"trailing"}},
		{"     x", 3, []string{"", "x"}},
	}
	for _, tt := range tests {
		require.Equal(t, tt.want, wrap(tt.in, tt.n), "%q in %d", tt.in, tt.n)
	}
}

func TestColumns(t *testing.T) {
	lay := func(l drivers.SlipLine, columns int) (out []string) {
		for _, r := range layOut(l, cp866, columns) {
			out = append(out, r.text)
		}
		return out
	}
	require.Equal(t, []string{"Хлеб    45,00"}, lay(drivers.SlipLine{Text: "Хлеб", Right: "45,00"}, 13))
	require.Equal(t, []string{"Хлеб белый", "        45,00"}, lay(drivers.SlipLine{Text: "Хлеб белый", Right: "45,00"}, 13))
	require.Equal(t, []string{"Хлеб белый", "нарезной     45,00"}, lay(drivers.SlipLine{Text: "Хлеб белый нарезной", Right: "45,00"}, 18))
	require.Equal(t, []string{"        45,00"}, lay(drivers.SlipLine{Right: "45,00"}, 13))
	require.Equal(t, []string{"ИТОГО", "100,00"}, lay(drivers.SlipLine{Text: "ИТОГО", Right: "100,00", Large: true}, 13))
	require.Equal(t, []string{"одна", "две"}, lay(drivers.SlipLine{Text: "одна\nдве"}, 13))
	require.Equal(t, []string{`"5 р" - N`}, lay(drivers.SlipLine{Text: "«5 ₽» — N"}, 13))
}

// Whatever is printed, rows fit the paper and no word is lost; no piece holds a request, and each that is no code
// fits a window.
func TestAnySlip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o, err := parse(map[string]string{
			"width": rapid.SampledFrom([]string{"32", "42", "48"}).Draw(t, "width"), "qr": rapid.SampledFrom([]string{"native", "raster"}).Draw(t, "qr"),
			"window": rapid.SampledFrom([]string{"256", "2048"}).Draw(t, "window"), "encoding": rapid.SampledFrom([]string{"cp866", "cp1251"}).Draw(t, "encoding"),
		})
		require.NoError(t, err)
		var s drivers.Slip
		for range rapid.IntRange(0, 6).Draw(t, "lines") {
			s.Lines = append(s.Lines, drivers.SlipLine{
				Text: rapid.String().Draw(t, "text"), Right: rapid.StringN(0, 60, -1).Draw(t, "right"),
				Bold: rapid.Bool().Draw(t, "bold"), Large: rapid.Bool().Draw(t, "large"), Centre: rapid.Bool().Draw(t, "centre"),
			})
		}
		s.QR = rapid.StringMatching(`[0-9A-Za-z:/?&=.-]{0,60}`).Draw(t, "code")
		s.Logo = picture(t)
		for _, l := range s.Lines {
			checkRows(t, l, o)
		}
		pieces, err := compose(s, o)
		require.NoError(t, err)
		var w command.Watch
		for _, piece := range pieces {
			if len(piece) > max(o.window, 80) {
				require.Contains(t, string(piece), "\x1d(k", "%d bytes in a window of %d", len(piece), o.window)
			}
			for _, b := range piece {
				_, request := w.Next(b)
				require.False(t, request)
			}
		}
	})
}

func checkRows(t *rapid.T, l drivers.SlipLine, o options) {
	columns := o.columns
	if l.Large {
		columns /= 2
	}
	squeeze := func(s string) string { return strings.Join(strings.Fields(s), "") }
	var all strings.Builder
	for _, r := range layOut(l, o.encoding, o.columns) {
		require.LessOrEqual(t, utf8.RuneCountInString(r.text), columns)
		require.Len(t, o.encoding.encode(r.text), utf8.RuneCountInString(r.text))
		all.WriteString(squeeze(r.text))
	}
	var want strings.Builder
	for part := range strings.Lines(l.Text) {
		want.WriteString(squeeze(o.encoding.fit(part)))
	}
	require.Equal(t, want.String()+squeeze(o.encoding.fit(l.Right)), all.String())
}

func picture(t *rapid.T) image.Image {
	if rapid.Bool().Draw(t, "no logo") {
		return nil
	}
	img := image.NewGray(image.Rect(0, 0, rapid.IntRange(1, 620).Draw(t, "wide"), rapid.IntRange(1, 8).Draw(t, "high")))
	trap := []byte{0x10, 0x04, 0x14, 0x05}
	from := rapid.IntRange(0, 3).Draw(t, "trap")
	for y := range img.Rect.Max.Y {
		for x := range img.Rect.Max.X {
			if trap[(x/8+from)%4]&(0x80>>(x%8)) == 0 {
				img.SetGray(x, y, color.Gray{Y: 255})
			}
		}
	}
	return img
}
