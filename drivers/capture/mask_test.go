package capture_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"regexp"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
	"golang.org/x/text/encoding/charmap"
	"pgregory.net/rapid"

	"github.com/kopilka/kopilka/drivers"
	"github.com/kopilka/kopilka/drivers/capture"
	"github.com/kopilka/kopilka/drivers/drivertest/world"
)

func TestMaskText(t *testing.T) {
	for in, want := range map[string]string{
		"":                    "",
		"+7 (916) 123-45-67":  "+0 (000) 000-00-00",
		"anna.p@example.com":  "xxxx.x@xxxxxxx.xxx",
		"Иванова А. П.":       "ххххххх х. х.",
		"Ødegård":             "хxxxхxx",
		"Ёлкина-Щукина №7 «»": "хххххх-хххххх №0 «»",
		"李 😀":                 "№ 😀",
	} {
		got := capture.MaskText(in)
		require.Equal(t, want, got, in)
		require.Len(t, got, len(in), in)
		require.Equal(t, got, capture.MaskText(got), "masked twice")
		for _, page := range []*charmap.Charmap{charmap.CodePage866, charmap.Windows1251} {
			a, errA := page.NewEncoder().String(in)
			b, errB := page.NewEncoder().String(got)
			if errA == nil && errB == nil {
				require.Len(t, b, len(a), in)
			}
		}
	}
}

// forms are a value in every encoding that it could stand in.
func forms(value string) (all [][]byte) {
	quoted, err := json.Marshal(value)
	if err != nil {
		panic(err)
	}
	all = append(all, []byte(value), quoted[1:len(quoted)-1])
	for _, format := range []string{"\\u%04x", "\\u%04X"} {
		var escaped []byte
		for _, r := range value {
			if r < 0x80 {
				escaped = append(escaped, byte(r))
			} else {
				escaped = fmt.Appendf(escaped, format, r)
			}
		}
		all = append(all, escaped)
	}
	for _, page := range []*charmap.Charmap{charmap.CodePage866, charmap.Windows1251} {
		if b, err := page.NewEncoder().String(value); err == nil && len(b) >= 3 {
			all = append(all, []byte(b))
		}
	}
	return all
}

var digits = regexp.MustCompile(`(?:[0-9A-Fa-f]{2}){8,}`)

// spelt is what stands in a capture as hexadecimal digits, one block behind the other.
func spelt(entries []capture.Entry) (all []byte) {
	for _, e := range entries {
		for _, run := range digits.FindAll(e.Data, -1) {
			b, err := hex.DecodeString(string(run))
			if err != nil {
				panic(err)
			}
			all = append(all, b...)
		}
	}
	return all
}

// holds tells whether a value can be found in a capture's bytes.
func holds(entries []capture.Entry, value string) (string, bool) {
	stored := spelt(entries)
	for _, f := range forms(value) {
		if bytes.Contains(stored, f) {
			return "run of hexadecimal digits", true
		}
	}
	for _, e := range entries {
		text, err := json.Marshal(e)
		if err != nil {
			panic(err)
		}
		for _, f := range forms(value) {
			if bytes.Contains(e.Data, f) || bytes.Contains(text, f) || bytes.Contains(text, []byte(base64.StdEncoding.EncodeToString(f))) {
				return string(e.Kind) + " " + string(e.Op), true
			}
		}
	}
	return "", false
}

var (
	letters = []rune("АБВГДЕЖЗИКЛМНОПРСТУФХЦЧШЩЭЮЯабвгдежзийклмнопрстуфхцчшщъыьэюяё")
	// Three equal letters stand by chance in any binary answer, so that a shorter word would prove nothing.
	word     = rapid.StringOfN(rapid.RuneFrom(letters), 5, 14, -1).Filter(distinct)
	names    = rapid.OneOf(word, rapid.Custom(func(t *rapid.T) string { return word.Draw(t, "last") + " " + word.Draw(t, "first") }))
	latin    = rapid.StringOfN(rapid.RuneFrom([]rune("abcdefghijklmnopqrstuvw0123456789")), 3, 12, -1)
	phones   = rapid.Custom(func(t *rapid.T) string { return "+7" + rapid.StringMatching(`9[1-9]{9}`).Draw(t, "phone") })
	emails   = rapid.Custom(func(t *rapid.T) string { return latin.Draw(t, "box") + "@" + latin.Draw(t, "host") + ".ru" })
	contacts = rapid.OneOf(phones, emails)
	inns     = rapid.StringMatching(`[1-9]{12}`)
)

func distinct(s string) bool {
	seen := map[rune]bool{}
	for _, r := range s {
		seen[r] = true
	}
	return len(seen) > 3
}

// Whatever the cashier and the buyer are called, nothing of them is in the file, and the capture still replays.
func TestNothingPersonalIsKept(t *testing.T) {
	const people = 12 // a day each at each protocol; the masker alone meets more of them below
	every(t, func(t *testing.T, w world.World) {
		for seed := range people {
			who := drivers.Operator{Name: names.Example(seed), INN: inns.Example(seed)}
			contact, customer := contacts.Example(seed), names.Example(seed+people)
			var entries []capture.Entry
			synctest.Test(t, func(t *testing.T) {
				c := open(t, w, capture.SizeMin)
				day(t.Context(), c, who, contact, "Покупатель: "+customer, "Карта "+contact)
				entries = c.closed()
			})
			for what, value := range map[string]string{"cashier": who.Name, "inn": who.INN, "contact": contact, "customer": customer} {
				where, found := holds(entries, value)
				require.False(t, found && capture.MaskText(value) != value, "seed %d: the %s %q is in the capture, in a %s", seed, what, value, where)
			}
			calls, err := replay(t, capture.Sessions(entries)[0])
			require.NoError(t, err, "seed %d", seed)
			require.NotZero(t, calls)
		}
	})
}

// The same for the masker alone, in frames of each protocol and in none.
func TestNothingPersonalPassesTheMasker(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		who := drivers.Operator{Name: names.Draw(t, "cashier"), INN: inns.Draw(t, "inn")}
		contact := contacts.Draw(t, "contact")
		m := capture.NewMasker(nil)
		m.Learn(&capture.Args{Receipt: &drivers.Receipt{Operator: who, Contact: contact}})
		noise := rapid.SliceOfN(rapid.Byte(), 0, 40)
		for _, value := range []string{who.Name, who.INN, contact} {
			for _, f := range forms(value) {
				p := append(append(noise.Draw(t, "before"), f...), noise.Draw(t, "after")...)
				got := m.Burst(p)
				if len(got) != len(p) || bytes.Contains(got, f) && capture.MaskText(value) != value {
					t.Fatalf("%q passed: %x became %x", value, p, got)
				}
				if !bytes.Equal(got, m.Burst(got)) {
					t.Fatalf("masked twice, %x became %x", got, m.Burst(got))
				}
			}
		}
	})
}

// The prices and names of goods stay as they are: a capture of nothing but crosses would be of no use.
func TestGoodsAreKept(t *testing.T) {
	every(t, func(t *testing.T, w world.World) {
		var entries []capture.Entry
		synctest.Test(t, func(t *testing.T) {
			c := open(t, w, capture.SizeMin)
			day(t.Context(), c, ivanova, buyer, "Покупатель: Мария")
			entries = c.closed()
		})
		_, found := holds(entries, "Молоко 3,2 %")
		require.True(t, found)
		_, found = holds(entries, "Мария")
		require.False(t, found)
	})
}

// A device may answer what it was told before this program began.
func TestWhatLooksPersonalIsMaskedUnasked(t *testing.T) {
	cp866 := func(s string) string {
		b, err := charmap.CodePage866.NewEncoder().String(s)
		require.NoError(t, err)
		return b
	}
	m := capture.NewMasker(nil)
	for in, want := range map[string]string{
		"to ivan@shop.ru now":                                "to xxxx@xxxx.xx now",
		"tel +79161234567!":                                  "tel +00000000000!",
		"+7916123456720261122":                               "+0000000000000000000",     // and a date behind it
		"\x0c\x2b9999078900000001":                           "\x0c\x2b9999078900000001", // 12:43, and a fiscal storage's number
		"\xf0\x03\x05\x00a@b.c":                              "\xf0\x03\x05\x00x@x.x",
		"\xfd\x03\x04\x00" + cp866("Анна"):                   "\xfd\x03\x04\x00" + cp866("хххх"),
		"\xfd\x03\xff\xff" + cp866("Анна"):                   "\xfd\x03\xff\xff" + cp866("Анна"), // no tag: its length cannot be
		`{"operator": {"name": "Анна \"А\" Б"}}`:             `{"operator": {"name": "хххх \"х\" х"}}`,
		`{"items":[{"name": "Хлеб"}]}`:                       `{"items":[{"name": "Хлеб"}]}`,
		`"clientInfo":{"emailOrPhone":"89161"}`:              `"clientInfo":{"emailOrPhone":"00000"}`,
		"Authorization: Basic dXNlcjpwYXNz\r\nX: y":          "Authorization: Basic AAAAAAAAAAAA\r\nX: y",
		"FN 9999078900000001 sum 100.00":                     "FN 9999078900000001 sum 100.00",
		`{"operator":{"name":"\u0418\u0432a1\ud83d\ude00"}}`: `{"operator":{"name":"\u0445\u0445x0\ud83d\ude00"}}`,
		`{"operator":{"name":"Анна {стажёр}"}}`:              `{"operator":{"name":"хххх {хххххх}"}}`,
		`{"1008":"89161234567","1021":"Анна","1020":5.5}`:    `{"1008":"00000000000","1021":"хххх","1020":5.5}`,
	} {
		require.Equal(t, want, string(m.Burst([]byte(in))), "%q", in)
	}
}

// A stored document is given out as digits, a block at a time; wherever a block ends, nothing personal is left.
func TestSpeltDocumentsAreMasked(t *testing.T) {
	name, err := charmap.CodePage866.NewEncoder().String("Анна Ёлкина")
	require.NoError(t, err)
	document := append([]byte("\x10\x04\x04\x00\x01\x02\x03\x04\xf0\x03\x0c\x00+79161234567\xfd\x03\x0b\x00"), name...)
	document = append(document, "\xfc\x03\x02\x00\x10\x27 the end of the document"...)
	for _, learned := range []bool{false, true} {
		for _, format := range []string{"%x", "%X"} {
			for cut := 16; cut <= len(document)-16; cut++ {
				m := capture.NewMasker(nil)
				if learned {
					m.Learn(&capture.Args{Receipt: &drivers.Receipt{Contact: "+79161234567", Operator: drivers.Operator{Name: "Анна Ёлкина"}}})
				}
				var got []byte
				for _, part := range [][]byte{document[:cut], document[cut:]} {
					block := m.Burst(fmt.Appendf([]byte("16\x1c"), format+"\x1c", part))
					require.Len(t, block, 2*len(part)+4)
					got = append(got, block...)
				}
				entries := []capture.Entry{{Data: got}}
				for _, value := range []string{"+79161234567", "9161", "4567", "Анна", "Ёлкина"} {
					_, found := holds(entries, value)
					require.False(t, found, "%s is left, cut at %d", value, cut)
				}
				require.Contains(t, string(spelt(entries)), "the end of the document")
				require.Equal(t, format == "%X", bytes.Contains(got, []byte("E5")), "the digits' case stays")
			}
		}
	}
}

func TestCutAndWrappedValuesAreMasked(t *testing.T) {
	m := capture.NewMasker(nil)
	m.Learn(&capture.Args{Who: drivers.Operator{Name: "Константинопольская Александра Владиславовна"}})
	for in, want := range map[string]string{
		"Константинопольская\nАлександра\nВладиславов": "ххххххххххххххххххх\nхххххххххх\nххххххххххх",
		"нтинопольская Алек!":                          "ххххххххххххх хххх!",
		"Влад":                                         "Влад", // too little to be told from any other word
	} {
		require.Equal(t, want, string(m.Burst([]byte(in))))
	}
}

func TestMaskScan(t *testing.T) {
	mark := "0104600494000010215AbCdEf\x1d93dGVz"
	for in, want := range map[string]string{
		"4600494000010\r":                 "4600494000010\r",
		"]E04600494000010\r\n":            "]E04600494000010\r\n",
		"46009333\r":                      "46009333\r",
		"2900004321874\r":                 "2000000000008\r", // a card in the clothes of an EAN-13 keeps a right check digit
		"4600494000012\r":                 "0000000000001\r", // and another keeps a wrong one
		"]d2" + mark + "\r":               "]d2" + mark + "\r",
		mark + "\r":                       mark + "\r",
		"\x1d" + mark:                     "\x1d" + mark,
		"79161234567\r":                   "00000000001\r",
		"K-1234\r":                        "x-0000\r",
		"Привет\r":                        "хххххх\r",
		"00000046198488X?io+qCABm8wAYa\r": "00000046198488X?io+qCABm8wAYa\r", // a pack of tobacco
		"46004940000104600494000010":      "46004940000104600494000010",      // glued, and still so
		"29000043218744600494000010":      "20000000000084600494000010",
		"\x02A12\x03":                     "\x02x00\x03",
		"":                                "",
	} {
		got := string(capture.MaskScan([]byte(in), nil))
		require.Equal(t, want, got, "%q", in)
	}
	require.Equal(t, "PREx-00", string(capture.MaskScan([]byte("PREK-12"), []byte("PRE"))))
}

// A card or a phone never comes out as it went in, and what is masked keeps its length and frame.
func TestNoCardSurvives(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		card := rapid.OneOf(rapid.StringMatching(`7?9[1-9]{9}`), rapid.StringMatching(`[A-Z]{1,3}-?[1-9]{3,9}`), rapid.StringMatching(`2[1-9]{12}`)).Draw(t, "card")
		got := capture.MaskScan([]byte("]C0"+card+"\r"), nil)
		if bytes.Contains(got, []byte(card)) {
			t.Fatalf("%q came out as %q", card, got)
		}
		if len(got) != len(card)+4 || !bytes.HasPrefix(got, []byte("]C0")) || got[len(got)-1] != '\r' {
			t.Fatalf("%q came out as %q", card, got)
		}
	})
}

func FuzzMask(f *testing.F) {
	f.Add([]byte("\xf0\x03\x05\x00a@b.c"), "Иванова Анна")
	f.Add([]byte(`{"operator":{"name":"\u04`), "a@b.ru")
	f.Add([]byte("authorization:basic x"), "+79161234567")
	f.Fuzz(func(t *testing.T, p []byte, name string) {
		m := capture.NewMasker(nil)
		m.Learn(&capture.Args{Who: drivers.Operator{Name: name}})
		once := m.Burst(p)
		require.Len(t, once, len(p))
		require.Len(t, capture.MaskScan(p, nil), len(p))
	})
}
