package sale

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestFiscalQR(t *testing.T) {
	text := "t=20261121T2248&s=1234.50&fn=9999078900001234&i=17&fp=3522207165&n=1"
	f, err := ParseFiscalQR(text)
	require.NoError(t, err)
	require.Equal(t, Fiscal{
		Kind: FiscalForeign, Key: FiscalKey{FN: "9999078900001234", FD: 17}, Sign: 3522207165, Doc: DocSale, Sum: 123450, Stamp: "20261121T2248",
	}, f)
	require.Equal(t, text, f.QR())
	require.Equal(t, "FN 9999078900001234 FD 17", f.Key.String())
}

func TestFiscalQRInOtherForms(t *testing.T) {
	for _, text := range []string{
		"n=1&fp=3522207165&i=17&fn=9999078900001234&s=1234.50&t=20261121T2248",
		"t=20261121T224859&s=1234.5&fn=9999078900001234&i=17&fp=3522207165&n=1&extra=x",
	} {
		f, err := ParseFiscalQR(text)
		require.NoError(t, err, text)
		require.Equal(t, FiscalKey{FN: "9999078900001234", FD: 17}, f.Key)
		at, err := f.Stamp.Time()
		require.NoError(t, err)
		require.Equal(t, time.Date(2026, 11, 21, 22, 48, 0, 0, time.UTC), at.Truncate(time.Minute))
	}
}

func TestFiscalQRRefused(t *testing.T) {
	for name, text := range map[string]string{
		"empty":              "",
		"a link":             "https://example.test/?fn=1",
		"short storage":      "t=20261121T2248&s=1.00&fn=999907890000123&i=17&fp=1&n=1",
		"letters in storage": "t=20261121T2248&s=1.00&fn=99990789000012a4&i=17&fp=1&n=1",
		"no sum":             "t=20261121T2248&fn=9999078900001234&i=17&fp=1&n=1",
		"negative sum":       "t=20261121T2248&s=-1.00&fn=9999078900001234&i=17&fp=1&n=1",
		"sum beyond":         "t=20261121T2248&s=99999999999.00&fn=9999078900001234&i=17&fp=1&n=1",
		"document zero":      "t=20261121T2248&s=1.00&fn=9999078900001234&i=0&fp=1&n=1",
		"document too large": "t=20261121T2248&s=1.00&fn=9999078900001234&i=4294967296&fp=1&n=1",
		"sign too large":     "t=20261121T2248&s=1.00&fn=9999078900001234&i=1&fp=4294967296&n=1",
		"kind zero":          "t=20261121T2248&s=1.00&fn=9999078900001234&i=1&fp=1&n=0",
		"kind unknown":       "t=20261121T2248&s=1.00&fn=9999078900001234&i=1&fp=1&n=5",
		"no time":            "s=1.00&fn=9999078900001234&i=1&fp=1&n=1",
		"31 February":        "t=20260231T2248&s=1.00&fn=9999078900001234&i=1&fp=1&n=1",
		"bad escape":         "t=20261121T2248&s=1.00&fn=9999078900001234&i=1&fp=1&n=%zz",
	} {
		_, err := ParseFiscalQR(text)
		require.ErrorIs(t, err, ErrFiscalQR, name)
	}
}

func FuzzParseFiscalQR(f *testing.F) {
	f.Add("t=20261121T2248&s=1234.50&fn=9999078900001234&i=17&fp=3522207165&n=1")
	f.Add("t=20261121T224859&s=0&fn=9999078900001234&i=1&fp=0&n=4")
	f.Add("fn=")
	f.Add("fn=%")
	f.Fuzz(func(t *testing.T, text string) {
		q, err := ParseFiscalQR(text)
		if err != nil {
			require.ErrorIs(t, err, ErrFiscalQR)
			require.Zero(t, q)
			return
		}
		again, err := ParseFiscalQR(q.QR())
		require.NoError(t, err)
		require.Equal(t, q, again)
	})
}

func TestStamp(t *testing.T) {
	at := time.Date(2026, 11, 21, 22, 48, 0, 0, time.UTC)
	require.Equal(t, Stamp("20261121T2248"), StampOf(at))
	got, err := StampOf(at).Time()
	require.NoError(t, err)
	require.Equal(t, at, got)
	for _, s := range []Stamp{"", "2026", "20261121T2460", "20261121 2248"} {
		_, err := s.Time()
		require.Error(t, err, s)
	}
}
