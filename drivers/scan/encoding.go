package scan

import (
	"fmt"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
)

// Encoding is how a scanner sends letters beyond ASCII. Only QR and DataMatrix codes have such.
type Encoding string

// The encodings.
const (
	EncodingUTF8   Encoding = "utf-8"
	EncodingCP1251 Encoding = "cp1251"
	EncodingCP866  Encoding = "cp866"
)

// Encodings are all of them, for settings.
var Encodings = []Encoding{EncodingUTF8, EncodingCP1251, EncodingCP866}

// decode makes text of bytes. Bytes of another encoding are refused by name where they show which it is:
// silently wrong letters would name no customer, and nobody would know why.
func (e Encoding) decode(b []byte) (string, *Refusal) {
	if ascii(b) {
		return string(b), nil
	}
	if e == EncodingUTF8 || e == "" {
		if utf8.Valid(b) {
			return string(b), nil
		}
		if like := looksLike(b); like != "" {
			return "", Refuse(ErrEncoding, fmt.Sprintf("looks like %s, the setting is %s", like, EncodingUTF8))
		}
		return "", Refuse(ErrText, "")
	}
	if isUTF8(b) {
		return "", Refuse(ErrEncoding, fmt.Sprintf("looks like %s, the setting is %s", EncodingUTF8, e))
	}
	if like := looksLike(b); like != "" && like != e {
		return "", Refuse(ErrEncoding, fmt.Sprintf("looks like %s, the setting is %s", like, e))
	}
	page := charmap.Windows1251
	if e == EncodingCP866 {
		page = charmap.CodePage866
	}
	text, err := page.NewDecoder().Bytes(b)
	if err != nil || !utf8.Valid(text) {
		return "", Refuse(ErrText, "")
	}
	return string(text), nil
}

func ascii(b []byte) bool {
	for _, c := range b {
		if c >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// looksLike names the Russian code page whose letters all high bytes may be, where it is one: cp1251 has
// letters from C0h on, cp866 from 80h to AFh and from E0h to F1h. Empty where both or none fit.
func looksLike(b []byte) Encoding {
	in1251, in866 := true, true
	for _, c := range b {
		if c < utf8.RuneSelf {
			continue
		}
		in1251 = in1251 && (c >= 0xC0 || c == 0xA8 || c == 0xB8) // Ё and ё stand apart
		in866 = in866 && (c <= 0xAF || c >= 0xE0 && c <= 0xF1)
	}
	switch {
	case in1251 && !in866:
		return EncodingCP1251
	case in866 && !in1251:
		return EncodingCP866
	}
	return ""
}
