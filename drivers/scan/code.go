// Package scan is what all scanners have in common, however their bytes arrive: AIM identifiers, encodings,
// the check of a read, codes read twice in one pull of the trigger, and the sentences for a cashier.
//
// What will bite: codes are never put into errors, they may be a customer's card. The separator 1Dh is data
// of marking codes and stays. A code without identifier is named only where length and check digit make it
// plain.
//
// Sources: ISO/IEC 15424 for identifiers; scanner manuals of several makers for encodings.
package scan

import (
	"fmt"
	"unicode/utf8"

	"github.com/kopilka/kopilka/ledger/sale"
)

const (
	gs = 0x1D // group separator: ends an element of a marking code, is data
	// aimBytes is "]", a letter for the family, a character for its variant.
	aimBytes = 3
)

// aims are the identifiers of what a shop scans. Others are stripped and leave the symbology unknown.
var aims = map[string]sale.Symbology{
	"]E0": sale.SymbologyEAN13, "]E4": sale.SymbologyEAN8,
	"]C0": sale.SymbologyCode128, "]C1": sale.SymbologyGS1128, "]C2": sale.SymbologyCode128,
	"]d0": sale.SymbologyDataMatrix, "]d1": sale.SymbologyDataMatrix, "]d2": sale.SymbologyGS1DataMatrix,
	"]Q0": sale.SymbologyQR, "]Q1": sale.SymbologyQR, "]Q3": sale.SymbologyGS1QR,
	"]e0": sale.SymbologyDataBar, "]I0": sale.SymbologyITF, "]I1": sale.SymbologyITF,
}

// CutAIM takes the identifier off the front of a code; id is empty where none stands there.
func CutAIM(b []byte) (id string, rest []byte) {
	if len(b) < aimBytes || b[0] != ']' || !letter(b[1]) || !(letter(b[2]) || digit(b[2])) {
		return "", b
	}
	return string(b[:aimBytes]), b[aimBytes:]
}

func letter(b byte) bool { return b >= 'A' && b <= 'Z' || b >= 'a' && b <= 'z' }
func digit(b byte) bool  { return b >= '0' && b <= '9' }

// Decode makes a code of the bytes that a scanner read, the identifier off already; id is empty where the
// scanner sent none.
func Decode(id string, b []byte, e Encoding) (sale.Code, *Refusal) {
	symbology := aims[id]
	// A scanner set to "FNC1 as GS" may send the leading FNC1 too, which is not data.
	if !linear(symbology) && len(b) > 0 && b[0] == gs {
		b = b[1:]
	}
	switch {
	case len(b) == 0:
		return sale.Code{}, Refuse(ErrEmpty, "")
	case len(b) > sale.CodeBytesMax:
		return sale.Code{}, Refuse(ErrTooLong, fmt.Sprintf("%d bytes, at most %d", len(b), sale.CodeBytesMax))
	}
	if bad := checkControls(b, symbology); bad != nil {
		return sale.Code{}, bad
	}
	text, bad := e.decode(b)
	if bad != nil {
		return sale.Code{}, bad
	}
	if len(text) > sale.CodeBytesMax {
		return sale.Code{}, Refuse(ErrTooLong, fmt.Sprintf("%d bytes, at most %d", len(text), sale.CodeBytesMax))
	}
	return name(text, symbology, id != "")
}

func checkControls(b []byte, symbology sale.Symbology) *Refusal {
	for i, c := range b {
		if (c < 0x20 || c == 0x7F) && (c != gs || linear(symbology)) {
			return Refuse(ErrControl, fmt.Sprintf("%02Xh at byte %d", c, i+1))
		}
	}
	return nil
}

// linear symbologies hold digits only, so that a separator in them is noise.
func linear(s sale.Symbology) bool {
	switch s {
	case sale.SymbologyEAN13, sale.SymbologyEAN8, sale.SymbologyUPCA, sale.SymbologyITF:
		return true
	}
	return false
}

// name settles the symbology. Retail codes carry a check digit, which shows a byte lost on the line.
func name(text string, symbology sale.Symbology, named bool) (sale.Code, *Refusal) {
	if !named {
		symbology = guess(text)
	}
	if symbology == sale.SymbologyEAN13 {
		text, symbology = upc(text)
	}
	if (symbology == sale.SymbologyUnknown || symbology == sale.SymbologyEAN13) && glued(text) {
		return sale.Code{}, Refuse(ErrGlued, "")
	}
	switch symbology {
	case sale.SymbologyEAN13, sale.SymbologyEAN8, sale.SymbologyUPCA:
		if !sale.ValidGTIN(text) {
			return sale.Code{}, Refuse(ErrCheck, "")
		}
	}
	return sale.Code{Symbology: symbology, Text: text}, nil
}

// upc tells UPC-A and UPC-E, which come under the identifier of EAN-13, with or without a leading zero.
func upc(text string) (string, sale.Symbology) {
	switch {
	case len(text) == 12:
		return text, sale.SymbologyUPCA
	case len(text) == 8 && sale.Digits(text) && text[0] <= '1':
		return expandUPCE(text), sale.SymbologyUPCA
	}
	return text, sale.SymbologyEAN13
}

// expandUPCE puts back the zeros that UPC-E leaves out (GS1 General Specifications 5.2.2.4).
func expandUPCE(s string) string {
	var body string
	switch last := s[6]; last {
	case '0', '1', '2':
		body = s[1:3] + string(last) + "0000" + s[3:6]
	case '3':
		body = s[1:4] + "00000" + s[4:6]
	case '4':
		body = s[1:5] + "00000" + s[5:6]
	default:
		body = s[1:6] + "0000" + string(last)
	}
	return s[:1] + body + s[7:]
}

// guess names what the length and the check digit make plain, for a scanner that sends no identifier.
func guess(text string) sale.Symbology {
	if !sale.ValidGTIN(text) {
		return sale.SymbologyUnknown
	}
	switch len(text) {
	case 8:
		return sale.SymbologyEAN8
	case 12:
		return sale.SymbologyUPCA
	case 13:
		return sale.SymbologyEAN13
	case 14:
		return sale.SymbologyITF
	}
	return sale.SymbologyUnknown
}

// glued tells two EAN-13 that came without a suffix between them; the chance that another number of
// 26 digits looks so is one in a hundred, and no shop has such a number.
func glued(text string) bool {
	return len(text) == 26 && sale.ValidGTIN(text[:13]) && sale.ValidGTIN(text[13:])
}

// isUTF8 tells text with letters beyond ASCII that can only be UTF-8.
func isUTF8(b []byte) bool { return utf8.Valid(b) && utf8.RuneCount(b) < len(b) }
