package gs1

import (
	"regexp"
	"strings"

	"github.com/kopilka/kopilka/ledger/sale"
)

// MarkKind is how a marking code of Chestny ZNAK is built.
type MarkKind uint8

// The kinds.
const (
	MarkFull     MarkKind = iota + 1 // 01 21 GS 91 key GS 92 crypto of 44 or 88
	MarkShort                        // 01 21 GS 93 crypto of 4: water, dairy, beer
	MarkIdentity                     // 01 21 and no crypto part
	MarkTobacco                      // a pack: 29 characters without identifiers
	MarkFur                          // a control mark of furs: RU-430302-AAA1234567
	MarkEGAIS2                       // an excise stamp of 68 characters
	MarkEGAIS3                       // an excise stamp of 150 characters
)

// Mark is a marking code taken apart.
type Mark struct {
	Kind   MarkKind
	GTIN   string // 14 digits; empty for furs and excise stamps
	Serial string // the whole code for furs and excise stamps
	Key    string // element 91
	Crypto string // element 92 or 93, or of a tobacco pack
	Price  sale.Money
	Weight sale.Qty // element 310n; zero where there is none
	Raw    string   // as the register wants it: separators included, no leading one
}

// Identity names the piece in the marking system: the code without its crypto part.
func (m Mark) Identity() string {
	switch m.Kind {
	case MarkTobacco:
		return m.GTIN + m.Serial
	case MarkFur, MarkEGAIS2, MarkEGAIS3:
		return m.Serial
	}
	return "01" + m.GTIN + "21" + m.Serial
}

// The lengths that marking codes have.
const (
	tobaccoBytes    = 29 // GTIN 14, serial 7, price 4, crypto 4
	markKeyBytes    = 4  // element 91
	markHeadBytes   = 18 // 01, GTIN 14, 21
	tailBytes       = 6  // 93 with a short crypto part, or 91 with a key
	egais2Bytes     = 68
	egais3Bytes     = 150
	serialBytesMax  = 20 // element 21
	tobaccoPriceAt  = 21
	tobaccoCryptoAt = 25
)

// serials are how long serials of marked goods are, by group of goods.
var serials = map[int]bool{6: true, 7: true, 13: true, 20: true}

var (
	fur    = regexp.MustCompile(`^[A-Z]{2}-[0-9]{6}-[A-Z]{3}[0-9]{7}$`)
	stamp  = regexp.MustCompile(`^[0-9A-Z]+$`)
	base80 = `ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!"%&'*+-./_,:;=<>?`
)

// ParseMark takes a marking code apart, as a scanner in HID POS or COM mode delivers it. What came from a
// keyboard goes through [Read]. Errors are *[Error]: [ErrSeparator] where GS was lost, [ErrNotMark] for
// codes of other kinds, else what is wrong inside.
func ParseMark(text string) (Mark, error) {
	text = strings.TrimPrefix(text, string(GS))
	switch {
	case isMarkHead(text):
		return parseGS1Mark(text)
	case isTobacco(text):
		return tobacco(text), nil
	case fur.MatchString(text):
		return Mark{Kind: MarkFur, Serial: text, Raw: text}, nil
	case len(text) == egais2Bytes && stamp.MatchString(text):
		return Mark{Kind: MarkEGAIS2, Serial: text, Raw: text}, nil
	case len(text) == egais3Bytes && stamp.MatchString(text):
		return Mark{Kind: MarkEGAIS3, Serial: text, Raw: text}, nil
	}
	return Mark{}, fail(ErrNotMark, "", 0, "")
}

// isMarkHead tells whether a text begins with a GTIN and a serial. It may still be broken further on.
func isMarkHead(text string) bool {
	return len(text) > markHeadBytes && text[:2] == "01" && text[16:18] == "21" && sale.ValidGTIN(text[2:16])
}

func isTobacco(text string) bool {
	return len(text) == tobaccoBytes && sale.ValidGTIN(text[:14]) && part{kind: 'x'}.check(text[14:]) == nil &&
		strings.Trim(text[tobaccoPriceAt:tobaccoCryptoAt], base80) == ""
}

func tobacco(text string) Mark {
	return Mark{
		Kind: MarkTobacco, GTIN: text[:14], Serial: text[14:tobaccoPriceAt], Crypto: text[tobaccoCryptoAt:],
		Price: base80Price(text[tobaccoPriceAt:tobaccoCryptoAt]), Raw: text,
	}
}

// base80Price is the highest price allowed for a pack, in kopecks.
func base80Price(s string) (n sale.Money) {
	for i := range len(s) {
		n = n*sale.Money(len(base80)) + sale.Money(strings.IndexByte(base80, s[i]))
	}
	return n
}

func parseGS1Mark(text string) (Mark, error) {
	if glued(text) {
		return Mark{}, fail(ErrSeparator, "21", markHeadBytes-2, "")
	}
	all, err := Parse(text)
	if err != nil {
		return Mark{}, err
	}
	m := Mark{Kind: MarkIdentity, Raw: text}
	m.GTIN, _ = all.Value("01")
	m.Serial, _ = all.Value("21")
	m.Key, _ = all.Value("91")
	m.Weight, _ = all.Weight()
	m.Price = packPrice(all)
	crypto, full := all.Value("92")
	if full {
		m.Kind, m.Crypto = MarkFull, crypto
		return m, nil
	}
	if crypto, short := all.Value("93"); short {
		m.Kind, m.Crypto = MarkShort, crypto
	}
	return m, nil
}

// packPrice is element 8005, on a block of cigarettes: the highest price allowed, in kopecks.
func packPrice(all Elements) sale.Money {
	price, _ := all.Value("8005")
	return sale.Money(number(price))
}

// glued tells a code whose separator was lost, so that the crypto part hangs on the serial or on the key. A
// serial may look so by itself; then, too, nobody can tell, and one in some thousands is scanned in vain.
func glued(text string) bool {
	serial, rest, more := strings.Cut(text[markHeadBytes:], string(GS))
	switch {
	case len(serial) > serialBytesMax:
		return true
	case !more:
		return tailHangs(serial, "93")
	case strings.HasPrefix(rest, "92"):
		return tailHangs(serial, "91")
	}
	return strings.HasPrefix(rest, "91") && !strings.Contains(rest, string(GS)) && keyHangs(rest[2:])
}

// tailHangs tells a serial that ends as an element of four characters does and without it has a serial's
// length, or has no serial's length itself.
func tailHangs(serial, ai string) bool {
	n := len(serial) - tailBytes
	return n > 0 && serial[n:n+2] == ai && (serials[n] || !serials[len(serial)])
}

// keyHangs tells a key with element 92 hanging on it.
func keyHangs(key string) bool {
	return len(key) > markKeyBytes+2 && key[markKeyBytes:markKeyBytes+2] == "92"
}
