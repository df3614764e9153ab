package gs1

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/kopilka/kopilka/ledger/sale"
)

// russian types a text on a Russian keyboard, as a scanner in keyboard mode does.
func russian(text string) string {
	back := map[rune]rune{}
	for from, to := range latin {
		back[to] = from
	}
	return strings.Map(func(r rune) rune {
		if typed, ok := back[r]; ok {
			return typed
		}
		return r
	}, text)
}

func TestLayoutsAreAPermutation(t *testing.T) {
	require.Len(t, []rune(latinKeys), len([]rune(russianKeys)))
	require.Len(t, latin, len([]rune(russianKeys)), "no sign stands on two keys")
	seen := map[rune]bool{}
	for _, to := range latin {
		require.False(t, seen[to], "%c", to)
		seen[to] = true
	}
}

// Whatever a Russian layout does to a code, it is undone whole or not at all.
func TestRussianLayoutIsUndone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text, _ := drawMark(t)
		typed := russian(text)
		r, err := Read(sale.Code{Text: typed})
		if !isCyrillic(typed) && typed != text {
			return // signs alone: nothing tells the layout
		}
		require.NoError(t, err)
		require.Equal(t, KindMark, r.Kind)
		require.Equal(t, text, r.Text)
		require.Equal(t, typed != text, r.Repaired)
	})
}

func TestRead(t *testing.T) {
	full := fullCode
	tests := []struct {
		name, in  string
		symbology sale.Symbology
		kind      Kind
		text      string // empty: as it came
		gtin      string
		repaired  bool
		err       error
	}{
		{name: "article", in: "4600494000010", kind: KindGTIN, gtin: "4600494000010"},
		{name: "UPC-A", in: "036000291452", kind: KindGTIN, gtin: "0036000291452"},
		{name: "case", in: "14600494000017", kind: KindGTIN, gtin: "14600494000017"},
		{name: "misread article", in: "4600494000011", kind: KindNumber},
		{name: "mark", in: full, kind: KindMark, gtin: "4600494000010"},
		{name: "mark with its identifier", in: "]d2" + full, kind: KindMark, text: full, gtin: "4600494000010"},
		{name: "mark typed in Russian", in: russian(full), kind: KindMark, text: full, gtin: "4600494000010", repaired: true},
		{name: "mark and identifier in Russian", in: russian("]d2" + full), kind: KindMark, text: full, gtin: "4600494000010", repaired: true},
		{name: "pack in Russian", in: russian("04600494000010NWvtqZ4AB6QqLaT"), kind: KindMark, text: "04600494000010NWvtqZ4AB6QqLaT", gtin: "4600494000010", repaired: true},
		{name: "GS shown as a sign", in: strings.ReplaceAll(full, "\x1d", "␝"), kind: KindMark, text: full, gtin: "4600494000010", repaired: true},
		{name: "GS shown in braces", in: strings.ReplaceAll(full, "\x1d", "{GS}"), kind: KindMark, text: full, gtin: "4600494000010", repaired: true},
		{name: "GS shown in angles", in: strings.ReplaceAll(full, "\x1d", "<GS>"), kind: KindMark, text: full, gtin: "4600494000010", repaired: true},
		{name: "GS shown as escape", in: strings.ReplaceAll(full, "\x1d", `\u001d`), kind: KindMark, text: full, gtin: "4600494000010", repaired: true},
		{name: "GS lost", in: strings.ReplaceAll(full, "\x1d", ""), err: ErrSeparator},
		{name: "GS lost and in Russian", in: russian(strings.ReplaceAll(full, "\x1d", "")), err: ErrSeparator},
		{name: "both layouts in one code", in: head + "5Abфы\x1d93dGVz", err: ErrLayout},
		{name: "batch and day", in: "010460049400001010AB\x1d17301231", kind: KindElements, gtin: "4600494000010"},
		{name: "DataBar", in: "0104600494000010", symbology: sale.SymbologyDataBar, kind: KindElements, gtin: "4600494000010"},
		{name: "DataBar with weight", in: "01046004940000103103001234", symbology: sale.SymbologyDataBar, kind: KindElements, gtin: "4600494000010"},
		{name: "GS1 promised and broken", in: "10", symbology: sale.SymbologyGS1128, kind: KindNumber},
		{name: "GS1 DataMatrix broken", in: "10A B", symbology: sale.SymbologyGS1DataMatrix, err: ErrCharacter},
		{name: "phone +7", in: "+79161234567", kind: KindPhone},
		{name: "phone 8", in: "89161234567", kind: KindPhone},
		{name: "phone 9", in: "9161234567", kind: KindPhone},
		{name: "no phone", in: "1234567890", kind: KindNumber},
		{name: "short number", in: "4711", kind: KindNumber},
		{name: "card", in: "K-1234"},
		{name: "plus in a card", in: "+7K"},
		{name: "Cyrillic", in: "Привет"},
		{name: "address", in: "https://e.ru/?a=1"},
		{name: "empty", in: ""},
	}
	for _, tt := range tests {
		r, err := Read(sale.Code{Text: tt.in, Symbology: tt.symbology})
		if tt.err != nil {
			require.ErrorIs(t, err, tt.err, tt.name)
			require.NotEmpty(t, HintOf(err).RU, tt.name)
			continue
		}
		require.NoError(t, err, tt.name)
		want := tt.text
		if want == "" {
			want = tt.in
		}
		require.Equal(t, want, r.Text, tt.name)
		require.Equal(t, tt.kind, r.Kind, tt.name)
		require.Equal(t, tt.gtin, r.GTIN, tt.name)
		require.Equal(t, tt.repaired, r.Repaired, tt.name)
		if tt.kind == KindPhone {
			require.Equal(t, "+79161234567", r.Phone, tt.name)
		}
	}
	r, err := Read(sale.Code{Text: "Л-1234"})
	require.NoError(t, err)
	require.Equal(t, "Л-1234", r.Text, "Cyrillic may be right")
	require.Equal(t, "K-1234", r.Latin, "and may be a card in the wrong layout")
}

func TestMobile(t *testing.T) {
	for _, in := range []string{"+7 916 123-45-67", "8(916)1234567", "79161234567", "tel:+79161234567", "9161234567"} {
		phone, ok := Mobile(in)
		require.True(t, ok, in)
		require.Equal(t, "+79161234567", phone)
	}
	for _, in := range []string{"", "+7495123", "84951234567", "916123456", "99161234567", "91612345678", "916123456x"} {
		_, ok := Mobile(in)
		require.False(t, ok, in)
	}
}

func ean(body string) string { return body + string(sale.GTINCheckDigit(body)) }

func TestPattern(t *testing.T) {
	for _, good := range []Pattern{"21PPPPPWWWWWK", "2PPPPPPWWWWWK", "22PPPPWWWWWWK", "21CCCCCWWWWWK", "23CCCCCPPPPPK", "23CCCCVPPPPPK", "2CCCCCCRRRRRK", "22CCCCCNNNNNK", "23CCCCCCWWWVK"} {
		require.NoError(t, good.Validate(), good)
	}
	for _, bad := range []Pattern{"", "21PPPPPWWWWW", "46PPPPPWWWWWK", "21WWWWWPPPPPK", "21PPPPPPPPPPK", "2100000WWWWWK", "21PPPPPWWWWWKK", "23CCCCCPPPWWK", "23CCCCCCCCCCK", "23CCCCCXXXXXK", "K", "2K"} {
		require.ErrorIs(t, bad.Validate(), ErrPattern, bad)
	}
	tests := []struct {
		pattern Pattern
		code    string
		want    Label
		ok      bool
	}{
		{"21PPPPPWWWWWK", ean("210012301432"), Label{Item: "2100123", Weight: 1432, kind: 'W'}, true},
		{"21CCCCCWWWWWK", ean("210012301432"), Label{Item: "2100123", Weight: 1432, kind: 'W'}, true},
		{"23CCCCCPPPPPK", ean("230012312345"), Label{Item: "2300123", Price: 12345, kind: 'P'}, true},
		{"23CCCCVPPPPPK", ean("230123912345"), Label{Item: "230123", Price: 12345, kind: 'P'}, true},
		{"23CCCCCRRRRRK", ean("230012300123"), Label{Item: "2300123", Price: 12300, kind: 'R'}, true},
		{"22CCCCCNNNNNK", ean("220012300004"), Label{Item: "2200123", Pieces: 4000, kind: 'N'}, true},
		{"21CCCCCWWWWWK", ean("220012301432"), Label{}, false},
		{"21CCCCCWWWWWK", "2100123014320", Label{}, false},
		{"21CCCCCWWWWWK", "4600494000010", Label{}, false},
		{"21CCCCCWWWWWK", "46009333", Label{}, false},
		{"nonsense", ean("210012301432"), Label{}, false},
	}
	for _, tt := range tests {
		got, ok := tt.pattern.Match(tt.code)
		require.Equal(t, tt.ok, ok, tt.code)
		require.Equal(t, tt.want, got, tt.code)
	}
	l, _ := Pattern("23CCCCCPPPPPK").Match(ean("230012300000"))
	require.True(t, l.HasPrice())
	require.False(t, l.HasPieces())
	require.Zero(t, l.Price, "a label that does not say")
}

func FuzzRead(f *testing.F) {
	f.Add(fullCode, uint8(9))
	f.Add(russian(fullCode), uint8(0))
	f.Add("+79161234567", uint8(0))
	f.Add("0104600494000010", uint8(10))
	f.Fuzz(func(t *testing.T, text string, symbology uint8) {
		r, err := Read(sale.Code{Text: text, Symbology: sale.Symbology(symbology)})
		if err != nil {
			require.NotEmpty(t, HintOf(err).RU)
			return
		}
		require.Equal(t, r.Kind == KindMark, r.Mark != nil)
		if r.GTIN != "" {
			require.True(t, sale.ValidGTIN(r.GTIN))
		}
		if !r.Repaired && r.Kind != KindMark {
			require.Equal(t, cutAIM(text), r.Text)
		}
	})
}

func FuzzPattern(f *testing.F) {
	f.Add("21PPPPPWWWWWK", "2100123014329")
	f.Add("23CCCCVPPPPPK", "2301239123450")
	f.Fuzz(func(t *testing.T, pattern, code string) {
		l, ok := Pattern(pattern).Match(code)
		if !ok {
			return
		}
		require.NoError(t, Pattern(pattern).Validate())
		require.True(t, strings.HasPrefix(code, l.Item))
		require.GreaterOrEqual(t, len(l.Item), 2)
	})
}
