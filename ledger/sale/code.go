package sale

import "strings"

// Symbology is how a code was printed, as the scanner's AIM identifier says it (ISO/IEC 15424).
type Symbology uint8

// The symbologies; SymbologyUnknown when the scanner sends no identifier.
const (
	SymbologyUnknown Symbology = iota
	SymbologyEAN13
	SymbologyEAN8
	SymbologyUPCA
	SymbologyCode128
	SymbologyGS1128
	SymbologyQR
	SymbologyGS1QR
	SymbologyDataMatrix
	SymbologyGS1DataMatrix
	SymbologyDataBar
	SymbologyITF
)

// Code is one code as read: its symbology, where known, and its text without AIM identifier, prefix
// or suffix. GS (0x1D) inside the text is data of marking codes and stays.
type Code struct {
	Symbology Symbology
	Text      string
	Scanner   string // name of the device in the config
}

// CodeBytesMax bounds one code. The longest that a shop meets is a marking code with an 88-character
// signature, some 150 bytes; a QR code of a receipt or a signed customer code is below 512.
const CodeBytesMax = 512

// ValidGTIN tells whether the digits are an EAN-8, UPC-A, EAN-13 or GTIN-14 with a right check digit
// (GS1 General Specifications 7.9: weights 3 and 1 from the right).
func ValidGTIN(digits string) bool {
	switch len(digits) {
	case 8, 12, 13, 14:
	default:
		return false
	}
	return digitsOnly(digits) && digits[len(digits)-1] == GTINCheckDigit(digits[:len(digits)-1])
}

// GTINCheckDigit is the digit that follows these.
func GTINCheckDigit(digits string) byte {
	sum := 0
	for i := range len(digits) {
		d := int(digits[len(digits)-1-i] - '0')
		if i%2 == 0 {
			d *= 3
		}
		sum += d
	}
	return byte('0' + (10-sum%10)%10)
}

// GTIN brings a product code to the form under which the catalogue keeps it: UPC-A becomes EAN-13
// by a leading zero, GTIN-14 with leading zero becomes EAN-13; others stay.
func GTIN(digits string) string {
	switch {
	case len(digits) == 12 && digitsOnly(digits):
		return "0" + digits
	case len(digits) == 14 && strings.HasPrefix(digits, "0"):
		return digits[1:]
	}
	return digits
}

// Digits tells whether a text is digits only and not empty.
func Digits(s string) bool { return s != "" && digitsOnly(s) }
