package gs1

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/kopilka/kopilka/ledger/sale"
)

func sorted(s []string) []string { slices.Sort(s); return s }

const (
	head   = "0104600494000010" + "21"
	crypto = "pu7IpfBPdY1wqFxLEXrQoPlh9vMmtNKbAh0CoDwA6Z0="
)

var fullCode = head + "5AbCdEf91h93X\x1d91EE06\x1d92" + crypto

func TestParseMark(t *testing.T) {
	stamp150 := strings.Repeat("1A2B3C4D5E", 15)
	tests := []struct {
		name, in string
		want     Mark
		identity string
		err      error
	}{
		{"full", fullCode, Mark{Kind: MarkFull, Serial: "5AbCdEf91h93X", Key: "EE06", Crypto: crypto}, head + "5AbCdEf91h93X", nil},
		{"footwear", head + "5AbCdEfGh12X4\x1d91EE06\x1d92" + crypto + crypto, Mark{Kind: MarkFull, Serial: "5AbCdEfGh12X4", Key: "EE06", Crypto: crypto + crypto}, head + "5AbCdEfGh12X4", nil},
		{"short", head + "5AbCdE\x1d93dGVz", Mark{Kind: MarkShort, Serial: "5AbCdE", Crypto: "dGVz"}, head + "5AbCdE", nil},
		{"93 inside the serial", head + "5a93dGV\x1d93dGVz", Mark{Kind: MarkShort, Serial: "5a93dGV", Crypto: "dGVz"}, head + "5a93dGV", nil},
		{"cheese by weight", head + "5AbCdE\x1d93dGVz\x1d3103000765", Mark{Kind: MarkShort, Serial: "5AbCdE", Crypto: "dGVz", Weight: 765}, head + "5AbCdE", nil},
		{"block of cigarettes", head + "hc?WYn7\x1d8005112000\x1d93dGVz", Mark{Kind: MarkShort, Serial: "hc?WYn7", Crypto: "dGVz", Price: 112000}, head + "hc?WYn7", nil},
		{"no crypto part", head + "5AbCdEfGh12X4", Mark{Kind: MarkIdentity, Serial: "5AbCdEfGh12X4"}, head + "5AbCdEfGh12X4", nil},
		{"FNC1 in front", "\x1d" + fullCode, Mark{Kind: MarkFull, Serial: "5AbCdEf91h93X", Key: "EE06", Crypto: crypto}, head + "5AbCdEf91h93X", nil},
		{"pack of cigarettes", "04600494000010NWvtqZ4AB6QqLaT", Mark{Kind: MarkTobacco, GTIN: "04600494000010", Serial: "NWvtqZ4", Price: 1*6400 + 58*80 + 16, Crypto: "qLaT"}, "04600494000010NWvtqZ4", nil},
		{"fur", "RU-430302-AAA1234567", Mark{Kind: MarkFur, GTIN: "-", Serial: "RU-430302-AAA1234567"}, "RU-430302-AAA1234567", nil},
		{"excise stamp", stamp150, Mark{Kind: MarkEGAIS3, GTIN: "-", Serial: stamp150}, stamp150, nil},
		{"old excise stamp", stamp150[:68], Mark{Kind: MarkEGAIS2, GTIN: "-", Serial: stamp150[:68]}, stamp150[:68], nil},

		{"GS lost everywhere", strings.ReplaceAll(fullCode, "\x1d", ""), Mark{}, "", ErrSeparator},
		{"GS lost before the key", strings.Replace(fullCode, "\x1d", "", 1), Mark{}, "", ErrSeparator},
		{"GS lost after the key", head + "5AbCdEf91h93X\x1d91EE0692" + crypto, Mark{}, "", ErrSeparator},
		{"GS lost, serial of 6", head + "5AbCdE93dGVz", Mark{}, "", ErrSeparator},
		{"GS lost, serial of 7", head + "5AbCdEf93dGVz", Mark{}, "", ErrSeparator},
		{"GS lost, serial of 13", head + "5AbCdEfGh12X493dGVz", Mark{}, "", ErrSeparator},
		{"wrong check digit", "010460049400001121" + "5AbCdE\x1d93dGVz", Mark{}, "", ErrNotMark},
		{"an article", "4600494000010", Mark{}, "", ErrNotMark},
		{"a serial with a space", head + "5Ab dE\x1d93dGVz", Mark{}, "", ErrCharacter},
		{"an unknown element", head + "5AbCdE\x1d88dGVz", Mark{}, "", ErrAI},
		{"empty", "", Mark{}, "", ErrNotMark},
	}
	for _, tt := range tests {
		got, err := ParseMark(tt.in)
		if tt.err != nil {
			require.ErrorIs(t, err, tt.err, tt.name)
			require.NotEmpty(t, HintOf(err).EN, tt.name)
			continue
		}
		require.NoError(t, err, tt.name)
		want := tt.want
		want.Raw = strings.TrimPrefix(tt.in, "\x1d")
		if want.GTIN = strings.TrimPrefix(want.GTIN, "-"); want.GTIN == "" && want.Kind < MarkFur {
			want.GTIN = "04600494000010"
		}
		require.Equal(t, want, got, tt.name)
		require.Equal(t, tt.identity, got.Identity(), tt.name)
	}
}

// drawMark makes a marking code of any group of goods.
func drawMark(t *rapid.T) (text, serial string) {
	gtin := rapid.StringMatching(`0[0-9]{12}`).Draw(t, "gtin")
	gtin += string(sale.GTINCheckDigit(gtin))
	n := rapid.SampledFrom([]int{6, 7, 13, 20}).Draw(t, "serial length")
	serial = rapid.StringOfN(rapid.RuneFrom([]rune(base80+"()")), n, n, -1).Draw(t, "serial")
	base64 := []rune("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=")
	tail := func(n int) string { return rapid.StringOfN(rapid.RuneFrom(base64), n, n, -1).Draw(t, "crypto") }
	text = "01" + gtin + "21" + serial
	switch rapid.IntRange(0, 2).Draw(t, "kind") {
	case 0:
		text += "\x1d93" + tail(4)
	case 1:
		text += "\x1d91" + tail(4) + "\x1d92" + tail(44)
	case 2:
		text += "\x1d91" + tail(4) + "\x1d92" + tail(88)
	}
	return text, serial
}

func TestEveryMarkIsReadAndKeptRaw(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text, serial := drawMark(t)
		m, err := ParseMark(text)
		require.NoError(t, err)
		require.Equal(t, text, m.Raw)
		require.Equal(t, serial, m.Serial)
		require.Equal(t, text[:18]+serial, m.Identity())
	})
}

// A code without its separators is refused or, where nothing hangs on the serial, whole.
func TestLostSeparatorsAreNoticed(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text, _ := drawMark(t)
		lost := strings.ReplaceAll(text, "\x1d", "")
		_, err := ParseMark(lost)
		require.ErrorIs(t, err, ErrSeparator)
		_, err = Read(sale.Code{Text: lost})
		require.ErrorIs(t, err, ErrSeparator)
		require.Contains(t, HintOf(err).RU, "GS")
	})
}

func FuzzParseMark(f *testing.F) {
	f.Add(fullCode)
	f.Add("04600494000010NWvtqZ4AB6QqLaT")
	f.Add("RU-430302-AAA1234567")
	f.Fuzz(func(t *testing.T, text string) {
		m, err := ParseMark(text)
		if err != nil {
			require.NotEmpty(t, HintOf(err).RU)
			return
		}
		require.Equal(t, strings.TrimPrefix(text, "\x1d"), m.Raw)
		again, err := ParseMark(m.Raw)
		require.NoError(t, err)
		require.Equal(t, m, again)
		if m.Kind <= MarkIdentity {
			require.True(t, strings.HasPrefix(m.Raw, m.Identity()))
		}
	})
}
