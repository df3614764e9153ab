package scan

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/drivers"
	"github.com/kopilka/kopilka/drivers/port"
	"github.com/kopilka/kopilka/ledger/sale"
)

func options(t testing.TB, settings map[string]string) Options {
	t.Helper()
	var o Options
	for key, value := range settings {
		require.NoError(t, o.Set(key, value))
	}
	return o
}

func TestDecode(t *testing.T) {
	marking := "0104600494000010215AbCdEf\x1d93dGVz"
	tests := []struct {
		name, in  string
		id        string // where the line carries it apart
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
		{name: "AIM with a byte lost", in: "]E0460049400001", symbology: 0, err: ErrCheck},
		{name: "AIM marking code", in: "]d2" + marking, symbology: sale.SymbologyGS1DataMatrix, text: marking},
		{name: "AIM, FNC1 sent as GS", in: "]d2\x1d" + marking, symbology: sale.SymbologyGS1DataMatrix, text: marking},
		{name: "marking code without AIM", in: marking, text: marking},
		{name: "AIM GS1-128", in: "]C1" + marking, symbology: sale.SymbologyGS1128, text: marking},
		{name: "AIM QR", in: "]Q1https://e.ru", symbology: sale.SymbologyQR, text: "https://e.ru"},
		{name: "AIM DataBar", in: "]e00104600494000010", symbology: sale.SymbologyDataBar, text: "0104600494000010"},
		{name: "AIM nobody listed", in: "]A0ABC", text: "ABC"},
		{name: "AIM off", in: "]E04600494000010", settings: map[string]string{"aim": "off"}, text: "]E04600494000010"},
		{name: "AIM demanded", in: "4600494000010", settings: map[string]string{"aim": "on"}, err: ErrAIM},
		{name: "not an AIM", in: "]-x", text: "]-x"},
		{name: "GS in a linear code", in: "]E046004\x1d94000010", err: ErrControl},
		{name: "control byte", in: "46\x00", err: ErrControl},
		{name: "delete", in: "46\x7f", err: ErrControl},
		{name: "other page", in: "\xcf\xf0", err: ErrEncoding},
		{name: "Cyrillic QR", in: "Привет", text: "Привет"},
		{name: "glued", in: "46004940000104600494000010", err: ErrGlued},
		{name: "26 digits of something else", in: "46004940000104600494000012", text: "46004940000104600494000012"},
		{name: "26 digits of Code 128", in: "]C046004940000104600494000010", symbology: sale.SymbologyCode128, text: "46004940000104600494000010"},
		{name: "prefix", in: "\x02K1", settings: map[string]string{"prefix": `\x02`}, text: "K1"},
		{name: "prefix missing", in: "K1", settings: map[string]string{"prefix": `\x02`}, err: ErrPrefix},
		{name: "cp1251 where UTF-8 was set", in: "\xcf\xf0\xe8\xe2\xe5\xf2", err: ErrEncoding},
		{name: "cp866 where UTF-8 was set", in: "\x8f\xe0\xa8\xa2\xa5\xe2", err: ErrEncoding},
		{name: "cp1251", in: "\xcf\xf0\xe8\xe2\xe5\xf2", settings: map[string]string{"encoding": "cp1251"}, text: "Привет"},
		{name: "cp866", in: "\x8f\xe0\xa8\xa2\xa5\xe2", settings: map[string]string{"encoding": "cp866"}, text: "Привет"},
		{name: "cp866 where cp1251 was set", in: "\x8f\xe0\xa8\xa2\xa5\xe2", settings: map[string]string{"encoding": "cp1251"}, err: ErrEncoding},
		{name: "UTF-8 where cp1251 was set", in: "Привет", settings: map[string]string{"encoding": "cp1251"}, err: ErrEncoding},
		{name: "noise", in: "46\x80\xd5\xff", err: ErrText},
		{name: "identifier apart", id: "]d2", in: marking, symbology: sale.SymbologyGS1DataMatrix, text: marking},
		{name: "identifier apart and no more", id: "]E0", in: "", err: ErrEmpty},
		{name: "identifier apart is not wanted", id: "]C0", in: "4600494000010", settings: map[string]string{"aim": "off"}, symbology: sale.SymbologyEAN13, text: "4600494000010"},
		{name: "UPC-E", in: "]E001234565", symbology: sale.SymbologyUPCA, text: "012345000065"},
		{name: "UPC-E ending in 3", in: "]E001234531", symbology: sale.SymbologyUPCA, text: "012300000451"},
		{name: "only an identifier", in: "]E0", err: ErrEmpty},
		{name: "longest", in: strings.Repeat("x", sale.CodeBytesMax), text: strings.Repeat("x", sale.CodeBytesMax)},
		{name: "longer", in: strings.Repeat("x", sale.CodeBytesMax+1), err: ErrTooLong},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			code, bad := options(t, tt.settings).Decode(tt.id, []byte(tt.in))
			if tt.err != nil {
				require.NotNil(t, bad)
				require.ErrorIs(t, bad.Cause, tt.err)
				require.NotEmpty(t, bad.Hint.RU)
				require.NotEmpty(t, bad.Hint.EN)
				require.True(t, tt.in == "" || !strings.Contains(bad.Cause.Error(), tt.in), "a code may be a customer's card")
				return
			}
			require.Nil(t, bad)
			require.Equal(t, sale.Code{Symbology: tt.symbology, Text: tt.text}, code)
		})
	}
}

func TestEveryRefusalHasAHint(t *testing.T) {
	for _, err := range []error{ErrTooLong, ErrControl, ErrText, ErrPrefix, ErrAIM, ErrCheck, ErrGlued, ErrEmpty, ErrEncoding, ErrCut} {
		require.NotEmpty(t, hints[err].RU, err)
		require.NotEmpty(t, hints[err].EN, err)
	}
}

func TestSettings(t *testing.T) {
	for key, value := range map[string]string{
		"prefix": "123456789", "suffix": `\x`, "repeat": "11s", "aim": "perhaps", "encoding": "koi8-r", "colour": "red",
	} {
		var o Options
		require.Error(t, o.Set(key, value), key)
		_, known := Settings[key]
		require.Equal(t, !known, errors.Is(o.Set(key, value), ErrSetting), key)
	}
	require.Len(t, Settings, 5)
}

func TestRepeats(t *testing.T) {
	var r Repeats
	now := time.Unix(1000, 0)
	require.False(t, r.Again("A", now, time.Second))
	require.True(t, r.Again("A", now.Add(900*time.Millisecond), time.Second))
	require.True(t, r.Again("A", now.Add(1800*time.Millisecond), time.Second), "held down, the window goes on")
	require.False(t, r.Again("B", now.Add(1900*time.Millisecond), time.Second))
	require.False(t, r.Again("A", now.Add(2000*time.Millisecond), time.Second), "another code was between")
	require.False(t, r.Again("A", now.Add(3000*time.Millisecond), time.Second), "the window is over")
	require.False(t, r.Again("A", now.Add(3001*time.Millisecond), 0), "nothing is dropped unless asked for")
}

func TestGoneSaysWhatToDo(t *testing.T) {
	seen := map[string]bool{}
	for _, err := range []error{port.ErrBusy, port.ErrMode, port.ErrMany, port.ErrNoHID, port.ErrAbsent, os.ErrPermission, port.ErrGone} {
		got := Gone(t.Context(), "hand", err)
		require.ErrorIs(t, got, err)
		require.Equal(t, drivers.FailLink, drivers.FailOf(got))
		hint := drivers.HintOf(got)
		require.NotEmpty(t, hint.EN)
		require.False(t, seen[hint.RU], "each has its own: %s", hint.RU)
		seen[hint.RU] = true
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, Gone(ended, "hand", port.ErrGone), context.Canceled)
}

func FuzzDecode(f *testing.F) {
	f.Add("]d2", []byte("0104600494000010215AbCdEf\x1d93dGVz"), 0)
	f.Add("", []byte("]E04600494000010"), 1)
	f.Add("", []byte("\xcf\xf0\xe8"), 2)
	f.Fuzz(func(t *testing.T, id string, b []byte, encoding int) {
		o := Options{Encoding: Encodings[uint(encoding)%uint(len(Encodings))]}
		code, bad := o.Decode(id, b)
		if bad != nil {
			require.NotEmpty(t, bad.Hint.RU)
			return
		}
		require.NotEmpty(t, code.Text)
		require.LessOrEqual(t, len(code.Text), sale.CodeBytesMax)
		require.True(t, strings.ToValidUTF8(code.Text, "?") == code.Text)
	})
}
