// Package charset writes Russian text for devices that know one byte a character.
//
// What will bite: a width is counted in bytes after encoding, and one character may become three. Code
// pages differ in what they lack: cp866 has № and ё but no ₽, no dashes and no angle quotes.
package charset

import (
	"strings"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/unicode/norm"
)

// Text1251 is a text for a command: cp1251, at most width bytes, what the page lacks replaced.
func Text1251(s string, width int) []byte { return Encode(charmap.Windows1251, s, width) }

// Text866 is a text for a tagged value: cp866, at most width bytes, what the page lacks replaced.
func Text866(s string, width int) []byte { return Encode(charmap.CodePage866, s, width) }

// From1251 reads a text up to its first zero byte.
func From1251(p []byte) string { return Decode(charmap.Windows1251, p) }

// From866 reads a text up to its first zero byte.
func From866(p []byte) string { return Decode(charmap.CodePage866, p) }

// replacements stand in for what one or both code pages lack, so that a receipt shows something a
// buyer can read and never a question mark for a common sign.
var replacements = map[rune]string{
	'₽': "р", '«': `"`, '»': `"`, '“': `"`, '”': `"`, '„': `"`, '‘': "'", '’': "'", '—': "-", '–': "-",
	'‑': "-", '−': "-", '…': "...", '×': "x", '€': "EUR", '™': "(tm)", '©': "(c)", '®': "(r)", '№': "N",
	'\u00a0': " ", '\u2009': " ", '\u202f': " ", '\u200b': "", '\ufeff': "", '\u00ad': "",
}

// spaced are replaced even where the page has them: a printer shows them as a blot, or not at all.
func spaced(r rune) bool { return r < 0x20 || r == 0x7F || r == '\u00a0' || r == '\u00ad' }

// Encode is a text in a code page of one byte a character, at most width bytes, what the page lacks replaced
// by what a buyer can read. Control characters become spaces.
func Encode(page *charmap.Charmap, s string, width int) []byte {
	out := make([]byte, 0, min(len(s), width))
	for _, r := range norm.NFC.String(s) {
		if len(out) >= width {
			break
		}
		out = append(out, encodeRune(page, r)...)
	}
	return out[:min(len(out), width)]
}

func encodeRune(page *charmap.Charmap, r rune) []byte {
	if b, ok := page.EncodeRune(r); ok && !spaced(r) {
		return []byte{b}
	}
	if r < 0x20 || r == 0x7F {
		return []byte{' '}
	}
	plain, ok := replacements[r]
	if !ok {
		return []byte{'?'}
	}
	out := make([]byte, 0, len(plain))
	for _, p := range plain {
		b, ok := page.EncodeRune(p)
		if !ok {
			b = '?'
		}
		out = append(out, b)
	}
	return out
}

// Decode reads a text up to its first zero byte.
func Decode(page *charmap.Charmap, p []byte) string {
	var b strings.Builder
	for _, c := range p {
		if c == 0 {
			break
		}
		b.WriteRune(page.DecodeByte(c))
	}
	return b.String()
}
