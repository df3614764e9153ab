package serialscanner

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/kopilka/kopilka/ledger/sale"
)

func options1(t testing.TB, settings map[string]string) options {
	t.Helper()
	o, err := parse(settings)
	require.NoError(t, err)
	return o
}

func TestDecode(t *testing.T) {
	marking := "0104600494000010215AbCdEf\x1d93dGVz"
	tests := []struct {
		name, in  string
		settings  map[string]string
		symbology sale.Symbology
		text      string
		err       error
	}{
		{name: "EAN-13 guessed", in: "4600494000010", symbology: sale.SymbologyEAN13, text: "4600494000010"},
		{name: "EAN-8 guessed", in: "46009333", symbology: sale.SymbologyEAN8, text: "46009333"},
		{name: "UPC-A guessed", in: "036000291452", symbology: sale.SymbologyUPCA, text: "036000291452"},
		{name: "GTIN-14 guessed", in: "10012345678902", symbology: sale.SymbologyITF, text: "10012345678902"},
		{name: "digits with a wrong check digit are a card", in: "4600494000012", text: "4600494000012"},
		{name: "card", in: "K-1234", text: "K-1234"},
		{name: "AIM EAN-13", in: "]E04600494000010", symbology: sale.SymbologyEAN13, text: "4600494000010"},
		{name: "AIM EAN-8", in: "]E446009333", symbology: sale.SymbologyEAN8, text: "46009333"},
		{name: "AIM UPC-A", in: "]E0036000291452", symbology: sale.SymbologyUPCA, text: "036000291452"},
		{name: "AIM with a byte lost", in: "]E0460049400001", symbology: 0, err: errCheck},
		{name: "AIM marking code", in: "]d2" + marking, symbology: sale.SymbologyGS1DataMatrix, text: marking},
		{name: "AIM, FNC1 sent as GS", in: "]d2\x1d" + marking, symbology: sale.SymbologyGS1DataMatrix, text: marking},
		{name: "marking code without AIM", in: marking, text: marking},
		{name: "AIM GS1-128", in: "]C1" + marking, symbology: sale.SymbologyGS1128, text: marking},
		{name: "AIM QR", in: "]Q1https://e.ru", symbology: sale.SymbologyQR, text: "https://e.ru"},
		{name: "AIM DataBar", in: "]e00104600494000010", symbology: sale.SymbologyDataBar, text: "0104600494000010"},
		{name: "AIM nobody listed", in: "]A0ABC", text: "ABC"},
		{name: "AIM off", in: "]E04600494000010", settings: map[string]string{"aim": "off"}, text: "]E04600494000010"},
		{name: "AIM demanded", in: "4600494000010", settings: map[string]string{"aim": "on"}, err: errAIM},
		{name: "not an AIM", in: "]-x", text: "]-x"},
		{name: "GS in a linear code", in: "]E046004\x1d94000010", err: errControl},
		{name: "control byte", in: "46\x00", err: errControl},
		{name: "delete", in: "46\x7f", err: errControl},
		{name: "other page", in: "\xcf\xf0", err: errText},
		{name: "Cyrillic QR", in: "Привет", text: "Привет"},
		{name: "glued", in: "46004940000104600494000010", err: errGlued},
		{name: "26 digits of something else", in: "46004940000104600494000012", text: "46004940000104600494000012"},
		{name: "26 digits of Code 128", in: "]C046004940000104600494000010", symbology: sale.SymbologyCode128, text: "46004940000104600494000010"},
		{name: "prefix", in: "\x02K1", settings: map[string]string{"prefix": `\x02`}, text: "K1"},
		{name: "prefix missing", in: "K1", settings: map[string]string{"prefix": `\x02`}, err: errPrefix},
		{name: "only an identifier", in: "]E0", err: errEmpty},
		{name: "longest", in: strings.Repeat("x", sale.CodeBytesMax), text: strings.Repeat("x", sale.CodeBytesMax)},
		{name: "longer", in: strings.Repeat("x", sale.CodeBytesMax+1), err: errTooLong},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			code, bad := options1(t, tt.settings).decode(raw{bytes: []byte(tt.in)})
			if tt.err != nil {
				require.NotNil(t, bad)
				require.ErrorIs(t, bad.cause, tt.err)
				require.NotEmpty(t, bad.hint.RU)
				require.NotEmpty(t, bad.hint.EN)
				require.NotContains(t, bad.cause.Error(), tt.in, "a code may be a customer's card")
				return
			}
			require.Nil(t, bad)
			require.Equal(t, sale.Code{Symbology: tt.symbology, Text: tt.text}, code)
		})
	}
}

func TestEveryRefusalHasAHint(t *testing.T) {
	for _, err := range []error{errTooLong, errControl, errText, errPrefix, errAIM, errCheck, errGlued, errEmpty} {
		require.NotEmpty(t, hints[err].RU, err)
		require.NotEmpty(t, hints[err].EN, err)
	}
}

func runs(suffix, stream string) []raw {
	s := splitter{suffix: []byte(suffix)}
	var out []raw
	for i := range len(stream) {
		if r, ok := s.push(stream[i]); ok {
			out = append(out, r)
		}
	}
	if r, ok := s.end(); ok {
		out = append(out, r)
	}
	return out
}

func TestSplit(t *testing.T) {
	long := strings.Repeat("9", 2000)
	tests := []struct {
		name, suffix, in string
		want             []string
	}{
		{"CR", "", "a\rb\r", []string{"a", "b"}},
		{"LF", "", "a\nb\n", []string{"a", "b"}},
		{"CR LF", "", "a\r\nb\r\n", []string{"a", "b"}},
		{"silence", "", "a", []string{"a"}},
		{"nothing", "", "\r\n\r\n", nil},
		{"GS stays", "", "a\x1db\r", []string{"a\x1db"}},
		{"own suffix", "\x03", "a\x03b\x03", []string{"a", "b"}},
		{"suffix of two", "\r\n", "a\rb\r\nc", []string{"a\rb", "c"}},
		{"too long, then good", "", long + "\rb\r", []string{"", "b"}},
		{"too long, own suffix", "\r\n", long + "\r\nb\r\n", []string{"", "b"}},
	}
	for _, tt := range tests {
		var got []string
		for _, r := range runs(tt.suffix, tt.in) {
			if r.tooLong {
				r.bytes = nil
			}
			got = append(got, string(r.bytes))
		}
		require.Equal(t, tt.want, got, tt.name)
	}
}

// Codes without suffix bytes inside come out as they went in, however they are cut into reads.
func TestSplitKeepsCodes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		codes := rapid.SliceOfN(rapid.StringMatching(`[!-~\x1d]{1,60}`), 1, 6).Draw(t, "codes")
		suffix := rapid.SampledFrom([]string{"", "\r\n", "\t", "\x03"}).Draw(t, "suffix")
		ending := suffix
		if ending == "" {
			ending = rapid.SampledFrom([]string{"\r", "\n", "\r\n"}).Draw(t, "ending")
		}
		var got []string
		for _, r := range runs(suffix, strings.Join(codes, ending)+ending) {
			got = append(got, string(r.bytes))
		}
		require.Equal(t, codes, got)
	})
}

func FuzzScanner(f *testing.F) {
	f.Add([]byte("]d2010460049400001021x\x1d93y\r\n4600494000010\r"), "")
	f.Add([]byte("\x02K\x03"), "\x03")
	f.Fuzz(func(t *testing.T, stream []byte, suffix string) {
		if len(suffix) > affixMax {
			return
		}
		s := splitter{suffix: []byte(suffix)}
		o := options{aim: aimAuto}
		for _, b := range stream {
			r, ok := s.push(b)
			require.LessOrEqual(t, len(s.buf), rawMax, "memory is bounded")
			if !ok {
				continue
			}
			code, bad := o.decode(r)
			if bad == nil {
				require.NotEmpty(t, code.Text)
				require.LessOrEqual(t, len(code.Text), sale.CodeBytesMax)
				require.True(t, bytes.Contains(stream, []byte(code.Text)))
			}
		}
	})
}
