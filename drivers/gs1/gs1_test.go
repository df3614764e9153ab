package gs1

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/kopilka/kopilka/ledger/sale"
)

func TestParse(t *testing.T) {
	tests := []struct {
		name, in string
		want     Elements
		err      error
	}{
		{"GTIN alone", "0104600494000011", nil, ErrCheckDigit},
		{"GTIN", "0104600494000010", Elements{{"01", "04600494000010"}}, nil},
		{"GTIN, serial, short", "010460049400001021Ab93cd\x1d93dGVz", Elements{{"01", "04600494000010"}, {"21", "Ab93cd"}, {"93", "dGVz"}}, nil},
		{"FNC1 in front", "\x1d0104600494000010", Elements{{"01", "04600494000010"}}, nil},
		{"needless separator", "0104600494000010\x1d17301231", Elements{{"01", "04600494000010"}, {"17", "301231"}}, nil},
		{"batch ends at GS, date follows", "10AB-1\x1d17301200", Elements{{"10", "AB-1"}, {"17", "301200"}}, nil},
		{"fixed by format, not by prefix", "422643\x1d10X", Elements{{"422", "643"}, {"10", "X"}}, nil},
		{"the same without GS", "42264310X", nil, ErrLength},
		{"weight", "0104600494000010310300123410X", Elements{{"01", "04600494000010"}, {"3103", "001234"}, {"10", "X"}}, nil},
		{"price with a currency", "393264312345", Elements{{"3932", "64312345"}}, nil},
		{"location", "4144600494000011", nil, ErrCheckDigit},
		{"twice the same", "10A\x1d10A", Elements{{"10", "A"}, {"10", "A"}}, nil},
		{"twice another", "10A\x1d10B", nil, ErrTwice},
		{"trailing separator", "10A\x1d", Elements{{"10", "A"}}, nil},
		{"two separators", "10A\x1d\x1d11300101", nil, ErrAI},
		{"cut", "010460049400", nil, ErrLength},
		{"cut by GS", "0104600494\x1d000016", nil, ErrLength},
		{"no such day", "17300231", nil, ErrDate},
		{"leap day", "17280229", Elements{{"17", "280229"}}, nil},
		{"no leap day", "17290229", nil, ErrDate},
		{"month 13", "17301301", nil, ErrDate},
		{"letters in digits", "01O4600494000010", nil, ErrCharacter},
		{"space in a serial", "21A B", nil, ErrCharacter},
		{"Cyrillic in a serial", "21Ф", nil, ErrCharacter},
		{"no identifier 04", "0412345678901234", nil, ErrAI},
		{"batch of 21", "10" + strings.Repeat("A", 21), nil, ErrLength},
		{"empty batch", "10", nil, ErrLength},
		{"empty", "", nil, ErrAI},
		{"only FNC1", "\x1d", nil, ErrAI},
		{"too long", strings.Repeat("1", sale.CodeBytesMax+1), nil, ErrLength},
	}
	for _, tt := range tests {
		got, err := Parse(tt.in)
		if tt.err != nil {
			require.ErrorIs(t, err, tt.err, tt.name)
			hint := HintOf(err)
			require.NotEmpty(t, hint.RU, tt.name)
			require.NotEmpty(t, hint.EN, tt.name)
			continue
		}
		require.NoError(t, err, tt.name)
		require.Equal(t, tt.want, got, tt.name)
	}
}

// The table is a text: a slip in it would be a silent zero.
func TestTableIsSound(t *testing.T) {
	all := formats()
	require.Greater(t, len(all), 450)
	for ai, parts := range all {
		require.NotEmpty(t, parts, ai)
		total := 0
		for i, p := range parts {
			require.Contains(t, "nxyzd", string(p.kind), ai)
			require.Positive(t, p.max, ai)
			require.LessOrEqual(t, p.min, p.max, ai)
			require.True(t, p.min == p.max || i == len(parts)-1, "%s: only the last part may vary", ai)
			require.True(t, !p.checked || p.kind == 'n' && p.min == p.max, ai)
			require.True(t, p.kind != 'd' || p.max == 6, ai)
			total += p.max
		}
		if fixed := predefined[ai[:2]]; fixed != 0 {
			require.Equal(t, fixed, len(ai)+total, "%s: its prefix has a predefined length", ai)
		}
		for n := 2; n < len(ai); n++ {
			require.NotContains(t, all, ai[:n], "no identifier begins another")
		}
	}
}

// drawElement makes a value that fits its identifier's format.
func drawElement(t *rapid.T, ai string) Element {
	chars := map[byte]string{'n': `[0-9]`, 'x': `[!"%&'()*+,\-./0-9:;<=>?A-Z_a-z]`, 'y': `[#\-/0-9A-Z]`, 'z': `[A-Za-z0-9\-_=]`}
	value := ""
	for _, p := range formats()[ai] {
		if p.kind == 'd' {
			day := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC).AddDate(0, 0, rapid.IntRange(0, 30000).Draw(t, "day"))
			value += day.Format("060102")
			continue
		}
		n := rapid.IntRange(p.min, p.max).Draw(t, "length")
		s := ""
		for range n {
			s += rapid.StringMatching(chars[p.kind]).Draw(t, "char")
		}
		if p.checked {
			s = s[:n-1] + string(sale.GTINCheckDigit(s[:n-1]))
		}
		value += s
	}
	return Element{AI: ai, Value: value}
}

func drawElements(t *rapid.T, from []string, most int) Elements {
	var all Elements
	for _, ai := range rapid.SliceOfNDistinct(rapid.SampledFrom(from), 1, most, rapid.ID[string]).Draw(t, "identifiers") {
		all = append(all, drawElement(t, ai))
	}
	return all
}

func identifiers() []string {
	var all []string
	for ai := range formats() {
		all = append(all, ai)
	}
	return sorted(all)
}

func TestEveryElementStringComesBack(t *testing.T) {
	from := identifiers()
	rapid.Check(t, func(t *rapid.T) {
		want := drawElements(t, from, 6)
		got, err := Parse(want.String())
		require.NoError(t, err)
		require.Equal(t, want, got)
		again, err := Parse("\x1d" + got.String())
		require.NoError(t, err)
		require.Equal(t, want, again)
	})
}

func TestValues(t *testing.T) {
	now := time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)
	day := func(s string) time.Time {
		d, ok := Element{AI: "17", Value: s}.Day(now)
		require.True(t, ok, s)
		return d
	}
	require.Equal(t, "2030-02-28", day("300200").Format(time.DateOnly), "day 00 is the last of the month")
	require.Equal(t, "2076-01-01", day("760101").Format(time.DateOnly), "50 years ahead")
	require.Equal(t, "1977-01-01", day("770101").Format(time.DateOnly), "51 years ahead is the century before")
	_, ok := Element{AI: "10", Value: "300200"}.Day(now)
	require.False(t, ok)
	_, ok = Element{AI: "17", Value: "301301"}.Day(now)
	require.False(t, ok)

	digits, behind, ok := Element{AI: "3932", Value: "64312345"}.Decimal()
	require.True(t, ok)
	require.EqualValues(t, 12345, digits)
	require.Equal(t, 2, behind)
	_, _, ok = Element{AI: "8005", Value: "123456"}.Decimal()
	require.False(t, ok)

	for value, want := range map[string]sale.Qty{"3103001234": 1234, "3100000012": 12000, "3105012345": 123, "3105012355": 124, "3104000005": 1} {
		all, err := Parse(value)
		require.NoError(t, err)
		got, ok := all.Weight()
		require.True(t, ok)
		require.Equal(t, want, got, value)
	}
	all, err := Parse("392012\x1d10X")
	require.NoError(t, err)
	price, ok := all.Price()
	require.True(t, ok)
	require.EqualValues(t, 1200, price)
	_, ok = all.Weight()
	require.False(t, ok)
}

func TestErrorsNeverHoldTheCode(t *testing.T) {
	_, err := Parse("0104600494000010" + "21SECRET SERIAL")
	require.Error(t, err)
	require.NotContains(t, err.Error(), "SECRET")
	require.Equal(t, "element 21: character that may not stand there (byte 17)", err.Error())
}

func FuzzParse(f *testing.F) {
	f.Add("010460049400001021Ab93cd\x1d93dGVz")
	f.Add("\x1d10A\x1d17300100")
	f.Add("0104600494000010310300123439326431234")
	f.Fuzz(func(t *testing.T, text string) {
		all, err := Parse(text)
		if err != nil {
			require.NotEmpty(t, HintOf(err).RU)
			return
		}
		again, err := Parse(all.String())
		require.NoError(t, err)
		require.Equal(t, all, again)
		require.LessOrEqual(t, len(all.String()), len(text))
	})
}
