package escpos

import (
	"math"

	"golang.org/x/text/encoding/charmap"

	"github.com/kopilka/kopilka/drivers/charset"
)

// encoding is what the upper half of the bytes means.
type encoding uint8

const (
	cp866 encoding = iota
	cp1251
)

func (e encoding) charmap() *charmap.Charmap {
	if e == cp1251 {
		return charmap.Windows1251
	}
	return charmap.CodePage866
}

// encode turns a text into bytes of the page, what it lacks replaced.
func (e encoding) encode(s string) []byte { return charset.Encode(e.charmap(), s, math.MaxInt) }

// fit is a text as the page will show it, so that a row can be measured: one character, one byte.
func (e encoding) fit(s string) string { return charset.Decode(e.charmap(), e.encode(s)) }
