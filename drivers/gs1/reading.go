package gs1

import (
	"strings"

	"github.com/kopilka/kopilka/ledger/sale"
)

// Kind is what a code turned out to be by its shape alone; only the catalogue and the customers' file know
// what it means.
type Kind uint8

// The kinds.
const (
	KindOther    Kind = iota // a card, an address, a text
	KindGTIN                 // a retail barcode with a right check digit
	KindElements             // a GS1 element string that is no marking code
	KindMark                 // a marking code
	KindPhone                // a Russian mobile number
	KindNumber               // digits that are none of these
)

// Reading is a code understood.
type Reading struct {
	Kind     Kind
	Text     string   // what to go on with: as it was read, or repaired
	Repaired bool     // a Russian layout was undone, or GS put back
	GTIN     string   // as the catalogue keeps it; empty where there is none
	Mark     *Mark    // of KindMark
	Elements Elements // of KindElements, and of marking codes that have identifiers
	Phone    string   // of KindPhone, as +79161234567
	Latin    string   // Cyrillic that may be Latin in a Russian layout: try it where Text is not known
}

// Read understands a code by its shape. Where it is damaged so that nothing certain can be said the error is
// an *[Error]; see [HintOf]. Codes that are of no kind here are no error: they may be cards.
func Read(code sale.Code) (Reading, error) {
	text, repaired := repair(cutAIM(code.Text))
	r := Reading{Text: text, Repaired: repaired}
	if isCyrillic(text) {
		r.Latin, _ = FromRussianLayout(text)
		if strings.HasPrefix(text, "01") && len(text) > 16 && sale.ValidGTIN(text[2:16]) {
			return Reading{}, fail(ErrLayout, "", markHeadBytes, "")
		}
		return r, nil
	}
	mark, err := ParseMark(text)
	switch {
	case err == nil:
		return r.marked(mark), nil
	case isMarkHead(strings.TrimPrefix(text, string(GS))):
		return Reading{}, err
	}
	if sale.Digits(strings.TrimPrefix(text, "+")) {
		return r.numbered(), nil
	}
	return r.elements(code.Symbology)
}

// gs1AIMs are the identifiers under which GS1 codes come. A keyboard types them with the code.
var gs1AIMs = []string{"]d2", "]C1", "]Q3", "]e0"}

func cutAIM(text string) string {
	for _, id := range gs1AIMs {
		if rest, ok := strings.CutPrefix(text, id); ok {
			return rest
		}
	}
	return text
}

// repair undoes damage where the result is certain: it is whole as a GS1 code, and the code as it came is not.
func repair(text string) (string, bool) {
	plain := text
	if fixed, ok := FromRussianLayout(text); ok && isWhole(cutAIM(fixed)) {
		return cutAIM(fixed), true
	}
	if fixed, ok := FromRussianLayout(text); ok {
		plain = cutAIM(fixed)
	} else if isWhole(text) {
		return text, false
	}
	if fixed, ok := restoreSeparators(plain); ok {
		return fixed, true
	}
	if plain != text && isMarkHead(plain) {
		return plain, true // the layout is undone; what else is wrong is told by its own error
	}
	return text, false
}

// isWhole tells a marking code, or an element string that begins with a GTIN.
func isWhole(text string) bool {
	if _, err := ParseMark(text); err == nil {
		return true
	}
	return strings.HasPrefix(text, "01") && isElements(text)
}

func isElements(text string) bool {
	_, err := Parse(text)
	return err == nil
}

func (r Reading) marked(m Mark) Reading {
	r.Kind, r.Mark, r.Text = KindMark, &m, m.Raw
	if m.GTIN == "" {
		return r
	}
	r.GTIN = sale.GTIN(m.GTIN)
	if m.Kind != MarkTobacco {
		r.Elements, _ = Parse(m.Raw) // it was parsed before, so there is no error
	}
	return r
}

// numbered are digits: a retail code, a phone, or a number.
func (r Reading) numbered() Reading {
	if sale.ValidGTIN(r.Text) {
		r.Kind, r.GTIN = KindGTIN, sale.GTIN(r.Text)
		return r
	}
	if phone, ok := Mobile(r.Text); ok {
		r.Kind, r.Phone = KindPhone, phone
		return r
	}
	// DataBar and GS1-128 of digits alone; its check digit says that it is one.
	if strings.HasPrefix(r.Text, "01") && isElements(r.Text) {
		return r.parsed()
	}
	r.Kind = KindNumber
	return r
}

// elements are what a GS1 symbology promises, or what begins as a GTIN does.
func (r Reading) elements(s sale.Symbology) (Reading, error) {
	promised := s == sale.SymbologyGS1DataMatrix || s == sale.SymbologyGS1128 || s == sale.SymbologyGS1QR || s == sale.SymbologyDataBar
	begins := len(r.Text) > 16 && strings.HasPrefix(r.Text, "01") && sale.ValidGTIN(r.Text[2:16])
	if !promised && !begins {
		return r, nil
	}
	if _, err := Parse(r.Text); err != nil {
		return Reading{}, err
	}
	return r.parsed(), nil
}

// parsed is for a text that was parsed before, so there is no error.
func (r Reading) parsed() Reading {
	r.Kind = KindElements
	r.Elements, _ = Parse(r.Text)
	if gtin, ok := r.Elements.Value("01"); ok {
		r.GTIN = sale.GTIN(gtin)
	}
	return r
}

// Mobile recognises a Russian mobile number as people and QR codes write it: +7 9…, 8 9…, 7 9… or 9…, with
// ten digits after the code of the country. Other numbers may be cards and are none.
func Mobile(text string) (string, bool) {
	digits := strings.NewReplacer("tel:", "", " ", "", "-", "", "(", "", ")", "", "+", "").Replace(text)
	if !sale.Digits(digits) {
		return "", false
	}
	if len(digits) == 11 && (digits[0] == '7' || digits[0] == '8') {
		digits = digits[1:]
	}
	if len(digits) != 10 || digits[0] != '9' {
		return "", false
	}
	phone, err := sale.ParsePhone("+7" + digits)
	return phone, err == nil
}
