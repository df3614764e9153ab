package serialscanner

import (
	"bytes"
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/kopilka/kopilka/drivers"
	"github.com/kopilka/kopilka/ledger/sale"
)

const (
	gs = 0x1D // group separator: ends an element of a marking code, is data
	// aimBytes is "]", a letter for the family, a character for its variant (ISO/IEC 15424).
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

// refusal is why a run of bytes is no code, and what the cashier can do.
type refusal struct {
	cause error
	hint  drivers.Hint
}

var (
	errTooLong = errors.New("longer than any code in a shop")
	errControl = errors.New("control byte inside the code")
	errText    = errors.New("bytes that are no UTF-8 text")
	errPrefix  = errors.New("the configured prefix is missing")
	errAIM     = errors.New("the AIM identifier is missing")
	errCheck   = errors.New("wrong check digit")
	errGlued   = errors.New("two EAN-13 codes glued together")
	errEmpty   = errors.New("nothing but prefix and identifier")
)

// hints are keyed by cause. Scanning again cures noise; a wrong setting fails every time.
var hints = map[error]drivers.Hint{
	errTooLong: {RU: "Код слишком длинный. Сканируйте ещё раз, по одному коду.", EN: "The code is too long. Scan again, one code at a time."},
	errControl: {RU: "Код прочитан с помехами. Сканируйте ещё раз; если повторяется, проверьте кабель и скорость порта.", EN: "The code was damaged on the line. Scan again; if it repeats, check the cable and the port's speed."},
	errText:    {RU: "Код прочитан с помехами. Сканируйте ещё раз; если повторяется, проверьте скорость порта и кодировку сканера.", EN: "The code was damaged on the line. Scan again; if it repeats, check the port's speed and the scanner's character set."},
	errPrefix:  {RU: "Сканер не прислал заданный префикс. Проверьте настройку prefix и сам сканер.", EN: "The scanner did not send the prefix. Check the prefix setting and the scanner."},
	errAIM:     {RU: "Сканер не прислал идентификатор AIM. Включите его на сканере или задайте aim: auto.", EN: "The scanner sent no AIM identifier. Switch it on in the scanner or set aim: auto."},
	errCheck:   {RU: "Штрихкод прочитан неверно: не сходится контрольная цифра. Сканируйте ещё раз.", EN: "The barcode was misread: its check digit is wrong. Scan again."},
	errGlued:   {RU: "Два штрихкода слиплись. Сканируйте их по одному и включите на сканере суффикс CR.", EN: "Two barcodes ran together. Scan them one by one and switch on the CR suffix in the scanner."},
	errEmpty:   {RU: "Сканер прислал пустой код. Сканируйте ещё раз.", EN: "The scanner sent an empty code. Scan again."},
}

func refuse(cause error, detail string) *refusal {
	r := &refusal{cause: cause, hint: hints[cause]}
	if detail != "" {
		r.cause = fmt.Errorf("%w: %s", cause, detail)
	}
	return r
}

// decode makes a code of a run of bytes. What was read is never put into the refusal: it may be a
// customer's card.
func (o options) decode(r raw) (sale.Code, *refusal) {
	if r.tooLong {
		return sale.Code{}, refuse(errTooLong, "")
	}
	b, ok := bytes.CutPrefix(r.bytes, o.prefix)
	if !ok {
		return sale.Code{}, refuse(errPrefix, "")
	}
	aim, b := o.cutAIM(b)
	if aim == "" && o.aim == aimOn {
		return sale.Code{}, refuse(errAIM, "")
	}
	symbology := aims[aim]
	// A scanner set to "FNC1 as GS" may send the leading FNC1 too, which is not data.
	if !linear(symbology) && len(b) > 0 && b[0] == gs {
		b = b[1:]
	}
	if bad := check(b, symbology); bad != nil {
		return sale.Code{}, bad
	}
	return identify(string(b), symbology, aim != "")
}

// cutAIM takes the identifier off, where the setting allows one.
func (o options) cutAIM(b []byte) (string, []byte) {
	if o.aim == aimOff || len(b) < aimBytes || b[0] != ']' || !letter(b[1]) || !(letter(b[2]) || digit(b[2])) {
		return "", b
	}
	return string(b[:aimBytes]), b[aimBytes:]
}

func letter(b byte) bool { return b >= 'A' && b <= 'Z' || b >= 'a' && b <= 'z' }
func digit(b byte) bool  { return b >= '0' && b <= '9' }

func check(b []byte, symbology sale.Symbology) *refusal {
	switch {
	case len(b) == 0:
		return refuse(errEmpty, "")
	case len(b) > sale.CodeBytesMax:
		return refuse(errTooLong, fmt.Sprintf("%d bytes, at most %d", len(b), sale.CodeBytesMax))
	}
	for i, c := range b {
		if (c < 0x20 || c == 0x7F) && (c != gs || linear(symbology)) {
			return refuse(errControl, fmt.Sprintf("%02Xh at byte %d", c, i+1))
		}
	}
	if !utf8.Valid(b) {
		return refuse(errText, "")
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

// identify settles the symbology. Retail codes carry a check digit, which shows a byte lost on the line.
func identify(text string, symbology sale.Symbology, named bool) (sale.Code, *refusal) {
	if !named {
		symbology = guess(text)
	}
	if symbology == sale.SymbologyEAN13 && len(text) == 12 {
		symbology = sale.SymbologyUPCA // ]E0 covers UPC-A, with or without its leading zero
	}
	switch symbology {
	case sale.SymbologyUnknown, sale.SymbologyEAN13:
		if glued(text) {
			return sale.Code{}, refuse(errGlued, "")
		}
	}
	switch symbology {
	case sale.SymbologyEAN13, sale.SymbologyEAN8, sale.SymbologyUPCA:
		if !sale.ValidGTIN(text) {
			return sale.Code{}, refuse(errCheck, "")
		}
	}
	return sale.Code{Symbology: symbology, Text: text}, nil
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
