package frame

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"time"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/unicode/norm"
)

// ErrValue is wrapped by every refusal of a value that its field cannot hold.
var ErrValue = errors.New("value does not fit its field")

// Sizes of fields, in bytes.
const (
	MoneyBytes  = 5
	Qty6Bytes   = 6
	FNTimeBytes = 5 // YY MM DD HH MM
	// Uint40Max is the largest amount that five bytes hold. All ones means "reckon it yourself".
	Uint40Max = 1<<40 - 1
	uint48Max = 1<<48 - 1
	// qty6Scale turns thousandths into the millionths of the V2 operation.
	qty6Scale = 1000
)

// AppendMoney writes kopecks in five bytes, low byte first.
func AppendMoney(dst []byte, kopecks int64) ([]byte, error) {
	if kopecks < 0 || kopecks >= Uint40Max {
		return nil, fmt.Errorf("%w: %d kopecks in five bytes", ErrValue, kopecks)
	}
	return appendLE(dst, uint64(kopecks), MoneyBytes), nil
}

// AppendReckon writes the amount that means "reckon it yourself".
func AppendReckon(dst []byte) []byte { return appendLE(dst, Uint40Max, MoneyBytes) }

// Uint reads an unsigned number of at most eight bytes, low byte first.
func Uint(p []byte) uint64 {
	var v uint64
	for i := len(p) - 1; i >= 0; i-- {
		v = v<<8 | uint64(p[i])
	}
	return v
}

// AppendQty6 writes thousandths of a unit as the V2 operation wants them: millionths in six bytes.
func AppendQty6(dst []byte, thousandths int64) ([]byte, error) {
	if thousandths < 0 || thousandths > uint48Max/qty6Scale {
		return nil, fmt.Errorf("%w: quantity %d/1000 in six bytes", ErrValue, thousandths)
	}
	return appendLE(dst, uint64(thousandths)*qty6Scale, Qty6Bytes), nil
}

// Qty6 reads six bytes of millionths as thousandths; it fails where a rest would be lost.
func Qty6(p []byte) (int64, error) {
	if len(p) < Qty6Bytes {
		return 0, fmt.Errorf("%w: quantity of %d bytes", ErrValue, len(p))
	}
	v := Uint(p[:Qty6Bytes])
	if v%qty6Scale != 0 {
		return 0, fmt.Errorf("%w: quantity %d/1000000 is finer than a thousandth", ErrValue, v)
	}
	return int64(v / qty6Scale), nil
}

func appendLE(dst []byte, v uint64, n int) []byte {
	for range n {
		dst = append(dst, byte(v))
		v >>= 8
	}
	return dst
}

// AppendFNTime writes a wall clock as the fiscal storage does: YY MM DD HH MM.
func AppendFNTime(dst []byte, t time.Time) []byte {
	return append(dst, byte(t.Year()-2000), byte(t.Month()), byte(t.Day()), byte(t.Hour()), byte(t.Minute()))
}

// FNTime reads five bytes YY MM DD HH MM as if they were UTC. Five zeros are the zero time.
func FNTime(p []byte) (time.Time, error) {
	if len(p) < FNTimeBytes {
		return time.Time{}, fmt.Errorf("%w: time of %d bytes", ErrValue, len(p))
	}
	if p[0]|p[1]|p[2]|p[3]|p[4] == 0 {
		return time.Time{}, nil
	}
	return wall(p[0], p[1], p[2], p[3], p[4], 0)
}

// AppendDMY writes a date as the old commands do: DD MM YY.
func AppendDMY(dst []byte, t time.Time) []byte {
	return append(dst, byte(t.Day()), byte(t.Month()), byte(t.Year()-2000))
}

// AppendHMS writes a time of day.
func AppendHMS(dst []byte, t time.Time) []byte {
	return append(dst, byte(t.Hour()), byte(t.Minute()), byte(t.Second()))
}

// OldTime reads DD MM YY and HH MM SS as if they were UTC.
func OldTime(dmy, hms []byte) (time.Time, error) {
	if len(dmy) < 3 || len(hms) < 3 {
		return time.Time{}, fmt.Errorf("%w: date of %d and time of %d bytes", ErrValue, len(dmy), len(hms))
	}
	return wall(dmy[2], dmy[1], dmy[0], hms[0], hms[1], hms[2])
}

func wall(yy, mo, dd, hh, mi, ss byte) (time.Time, error) {
	t := time.Date(2000+int(yy), time.Month(mo), int(dd), int(hh), int(mi), int(ss), 0, time.UTC)
	if yy > 99 || t.Month() != time.Month(mo) || t.Day() != int(dd) || t.Hour() != int(hh) || t.Minute() != int(mi) || t.Second() != int(ss) {
		return time.Time{}, fmt.Errorf("%w: date %02d.%02d.%02d %02d:%02d:%02d", ErrValue, dd, mo, yy, hh, mi, ss)
	}
	return t, nil
}

// Text1251 is a text for a command: cp1251, at most width bytes, what the page lacks replaced.
func Text1251(s string, width int) []byte { return encode(charmap.Windows1251, s, width) }

// Text866 is a text for a tagged value: cp866, at most width bytes, what the page lacks replaced.
func Text866(s string, width int) []byte { return encode(charmap.CodePage866, s, width) }

// AppendPadded writes a cp1251 text into a field of exactly width bytes, padded with zeros.
func AppendPadded(dst []byte, s string, width int) []byte {
	text := Text1251(s, width)
	return append(append(dst, text...), make([]byte, width-len(text))...)
}

// From1251 reads a text up to its first zero byte.
func From1251(p []byte) string { return decode(charmap.Windows1251, p) }

// From866 reads a text up to its first zero byte.
func From866(p []byte) string { return decode(charmap.CodePage866, p) }

// replacements stand in for what one or both code pages lack, so that a receipt shows something a
// buyer can read and never a question mark for a common sign.
var replacements = map[rune]string{
	'₽': "р", '«': `"`, '»': `"`, '“': `"`, '”': `"`, '„': `"`, '‘': "'", '’': "'", '—': "-", '–': "-",
	'‑': "-", '−': "-", '…': "...", '×': "x", '€': "EUR", '™': "(tm)", '©': "(c)", '®': "(r)", '№': "N",
	'\u00a0': " ", '\u2009': " ", '\u202f': " ", '\u200b': "", '\ufeff': "", '\u00ad': "",
}

// spaced are replaced even where the page has them: a printer shows them as a blot, or not at all.
func spaced(r rune) bool { return r < 0x20 || r == 0x7F || r == '\u00a0' || r == '\u00ad' }

func encode(page *charmap.Charmap, s string, width int) []byte {
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

func decode(page *charmap.Charmap, p []byte) string {
	var b strings.Builder
	for _, c := range p {
		if c == 0 {
			break
		}
		b.WriteRune(page.DecodeByte(c))
	}
	return b.String()
}

// TLV is one tagged value of a fiscal document.
type TLV struct {
	Tag   uint16
	Value []byte
}

// AppendTLV writes tag, length and value; the value must be shorter than 64 KB, and a register takes
// 250 bytes. Nested values are values that were written so themselves.
func AppendTLV(dst []byte, tag uint16, value []byte) []byte {
	dst = binary.LittleEndian.AppendUint16(dst, tag)
	dst = binary.LittleEndian.AppendUint16(dst, uint16(len(value)))
	return append(dst, value...)
}

// ParseTLV reads one level of tagged values.
func ParseTLV(p []byte) ([]TLV, error) {
	var out []TLV
	for len(p) > 0 {
		if len(p) < 4 {
			return nil, fmt.Errorf("%w: %d bytes left over after the last tag", ErrValue, len(p))
		}
		tag, n := binary.LittleEndian.Uint16(p), int(binary.LittleEndian.Uint16(p[2:]))
		if len(p) < 4+n {
			return nil, fmt.Errorf("%w: tag %d says %d bytes, %d are there", ErrValue, tag, n, len(p)-4)
		}
		out = append(out, TLV{Tag: tag, Value: p[4 : 4+n]})
		p = p[4+n:]
	}
	return out, nil
}

// VLN is an unsigned number in as few bytes as it needs, low byte first; zero takes one.
func VLN(v uint64) []byte {
	out := []byte{byte(v)}
	for v >>= 8; v > 0; v >>= 8 {
		out = append(out, byte(v))
	}
	return out
}

// FVLN is a decimal: the count of decimals, then the number as a [VLN].
func FVLN(v uint64, decimals byte) []byte { return append([]byte{decimals}, VLN(v)...) }
