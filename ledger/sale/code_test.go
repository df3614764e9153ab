package sale

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestValidGTIN(t *testing.T) {
	for code, want := range map[string]bool{
		"4006381333931":  true, // GS1 General Specifications' own kind of example
		"4600051000057":  true,
		"96385074":       true, // EAN-8
		"036000291452":   true, // UPC-A
		"00012345600012": true, // GTIN-14
		"10012345600019": true,
		"4006381333930":  false,
		"4006381333913":  false, // neighbours swapped
		"400638133393":   false, // cut short: not a right UPC-A
		"400638133393a":  false,
		"":               false,
		"4":              false,
		"40063813339311": false,
	} {
		require.Equal(t, want, ValidGTIN(code), code)
	}
}

// One wrong digit is always found.
func TestGTINFindsOneWrongDigit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.SampledFrom([]int{7, 11, 12, 13}).Draw(t, "length")
		body := rapid.StringMatching(`[0-9]{13}`).Draw(t, "digits")[:n]
		code := []byte(body + string(GTINCheckDigit(body)))
		require.True(t, ValidGTIN(string(code)))
		at := rapid.IntRange(0, n).Draw(t, "at")
		code[at] = '0' + (code[at]-'0'+byte(rapid.IntRange(1, 9).Draw(t, "by")))%10
		require.False(t, ValidGTIN(string(code)))
	})
}

func TestGTINForm(t *testing.T) {
	for in, want := range map[string]string{
		"036000291452": "0036000291452", "04006381333931": "4006381333931", "10012345600019": "10012345600019",
		"4006381333931": "4006381333931", "96385074": "96385074", "abcdefghijkl": "abcdefghijkl", "": "",
	} {
		require.Equal(t, want, GTIN(in), in)
	}
	require.True(t, Digits("0123456789"))
	for _, s := range []string{"", "12a", "-1", "١"} {
		require.False(t, Digits(s), s)
	}
}
