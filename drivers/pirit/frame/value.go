package frame

import (
	"bytes"
	"fmt"
	"strings"
	"time"

	"github.com/kopilka/kopilka/drivers/charset"
)

const (
	dateLayout = "020106"
	timeLayout = "150405"
)

// lowered are characters that the code page has where the protocol's range ends.
var lowered = strings.NewReplacer("ё", "е", "№", "N", "°", "o", "·", ".", "√", "v", "¤", "o", "■", "#")

// Text is a text for a field: cp866, at most width bytes, everything above F0h replaced. The vendor's text names
// the range; that the small ё (F1h) lies outside it is taken at its word.
func Text(s string, width int) []byte {
	out := charset.Text866(lowered.Replace(s), width)
	for i, b := range out {
		if b > IDMax {
			out[i] = '?'
		}
	}
	return out
}

// ReadText reads a text field.
func ReadText(p []byte) string { return charset.From866(p) }

// Operator is the cashier as commands want one: the taxpayer's number, an ampersand, the name; at most 64 bytes
// of name, tag 1021.
func Operator(inn, name string) []byte {
	const nameBytes = 64
	text := Text(strings.ReplaceAll(name, "&", "+"), nameBytes)
	if inn == "" {
		return text
	}
	return append(append(Text(inn, 12), '&'), text...)
}

// ReadOperator takes an operator apart.
func ReadOperator(p []byte) (inn, name string) {
	if head, rest, ok := bytes.Cut(p, []byte{'&'}); ok {
		return ReadText(head), ReadText(rest)
	}
	return "", ReadText(p)
}

// Date is ddmmyy.
func Date(t time.Time) []byte { return []byte(t.Format(dateLayout)) }

// Clock is hhmmss.
func Clock(t time.Time) []byte { return []byte(t.Format(timeLayout)) }

// Time reads date and clock as UTC; some answers leave the seconds out.
func Time(date, clock []byte) (time.Time, error) {
	text := string(date) + string(clock)
	layout := dateLayout + timeLayout
	if len(clock) == 4 {
		layout = dateLayout + "1504"
	}
	t, err := time.Parse(layout, text)
	if err != nil {
		return time.Time{}, fmt.Errorf("%w: date and time %q", ErrFrame, text)
	}
	return t, nil
}

// Day reads a date alone.
func Day(date []byte) (time.Time, error) {
	t, err := time.Parse(dateLayout, string(date))
	if err != nil {
		return time.Time{}, fmt.Errorf("%w: date %q", ErrFrame, date)
	}
	return t, nil
}

// Escape writes a marking code or other raw bytes: what is not plain ASCII becomes $ and two digits, as does the
// dollar itself.
func Escape(raw string) []byte {
	out := make([]byte, 0, len(raw))
	for _, b := range []byte(raw) {
		if b < textMin || b > '~' || b == '$' {
			out = appendHex(append(out, '$'), b)
			continue
		}
		out = append(out, b)
	}
	return out
}

// Unescape reads what Escape wrote. A dollar that no two digits follow stands for itself.
func Unescape(p []byte) string {
	var out strings.Builder
	for i := 0; i < len(p); i++ {
		if p[i] == '$' && i+2 < len(p) {
			if b, ok := readHex(p[i+1 : i+3]); ok {
				out.WriteByte(b)
				i += 2
				continue
			}
		}
		out.WriteByte(p[i])
	}
	return out.String()
}
