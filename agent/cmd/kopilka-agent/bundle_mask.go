package main

import (
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// masked stands where something was.
const masked = "[masked]"

const (
	digitsTelling = 7 // a phone without its area, the shortest card
	codeShort     = 3 // a device's error code; a PIN has four digits
)

var (
	keyBlock   = regexp.MustCompile(`(?s)-----BEGIN [^-]*-----.*?(-----END [^-]*-----|$)`)
	userinfo   = regexp.MustCompile(`([A-Za-z][A-Za-z0-9+.-]*://)[^\s/@"']+@`)
	bearer     = regexp.MustCompile(`(?i)\b(bearer|basic)\s+\S+`)
	keyed      = regexp.MustCompile(`(?i)(["']?[\p{L}\d_.-]*(?:passw|passphrase|pwd|\bpin|[_.-]pin|token|secret|key|code|auth|cookie|card|phone|e-?mail|contact|name|customer|session|парол|пин|телефон|карт|имя|клиент|код)[\p{L}\d_-]*["']?\s*[=:]\s*)("(?:[^"\\\n]|\\.)*"?|'[^'\n]*'?|[^\s,;&}\])]+)`)
	spoken     = regexp.MustCompile(`(?i)((?:^|[^\p{L}])(?:pin|пин|пин-код|password|пароль|код|code)[^\p{L}\d\n]{1,3})([\p{L}\d-]{4,})`)
	email      = regexp.MustCompile(`[\p{L}\d._%+-]+@[\p{L}\d.-]+`)
	figures    = regexp.MustCompile(`\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d)?(?:[.,]\d{1,9})?(?:Z|[+-]\d\d:?\d\d)?|[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}|(?:\d{1,3}\.){3}\d{1,3}|[+(]?\d(?:[\d \t().–/_\x{00a0}-]*\d)?`)
	bare       = regexp.MustCompile(`(^|[\s"'])(\d{4,6})(["'\s,.]|$)`) // may be a PIN
	longTokens = regexp.MustCompile(`[A-Za-z0-9+/_-]{16,}={0,2}`)
	escapes    = regexp.MustCompile(`\\[uU][0-9a-fA-F]{4,8}|\\x[0-9a-fA-F]{2}`)
	numbers    = regexp.MustCompile(`[\w.]+=\d{4,6}\b`)
	mixtures   = regexp.MustCompile(`[A-Za-z]+\d[A-Za-z\d]*|\d+[A-Za-z][A-Za-z\d]*`) // a password, mostly
	words      = regexp.MustCompile(`[\p{L}\p{M}][\p{L}\p{M}'’-]*`)
)

// masker hides what may be personal or secret in text that comes from outside: it is better to hide a figure too many.
// keep are whole words and numbers known to be neither, such as the register's serial.
type masker struct{ keep []string }

// text hides keys, passwords, tokens, addresses with them, e-mail, and long numbers; times, IP addresses and our own
// records' IDs stay.
func (m masker) text(s string) string {
	s = plain(s)
	s = keyBlock.ReplaceAllString(s, masked)
	s = userinfo.ReplaceAllString(s, "${1}"+masked+"@")
	s = bearer.ReplaceAllString(s, "${1} "+masked)
	s = keyed.ReplaceAllStringFunc(s, m.value)
	s = spoken.ReplaceAllStringFunc(s, func(found string) string {
		if parts := spoken.FindStringSubmatch(found); strings.ContainsFunc(parts[2], unicode.IsDigit) {
			return parts[1] + masked
		}
		return found
	})
	s = email.ReplaceAllStringFunc(s, func(found string) string {
		if strings.HasPrefix(found, masked) {
			return found
		}
		return masked
	})
	s = figures.ReplaceAllStringFunc(s, m.figure)
	s = longTokens.ReplaceAllStringFunc(s, m.token)
	return strings.ReplaceAll(s, "["+masked+"]", masked)
}

// line hides names too: of a log's lines every word that begins with a capital, or is not ASCII, for our own
// messages have none.
func (m masker) line(s string) string {
	s = bare.ReplaceAllString(m.text(s), "${1}0000${3}")
	s = numbers.ReplaceAllStringFunc(s, func(found string) string {
		if key, _, _ := strings.Cut(found, "="); slices.Contains(countKeys, key) {
			return found
		}
		return shape(found[strings.IndexByte(found, '='):]) // the key goes too: it is no word of ours
	})
	s = mixtures.ReplaceAllStringFunc(s, func(found string) string {
		if len(found) < mixtureMin || !strings.ContainsFunc(found, unicode.IsLetter) || slices.Contains(m.keep, found) || stampInside.MatchString(found) {
			return found
		}
		return masked
	})
	return words.ReplaceAllStringFunc(s, func(w string) string {
		if slices.Contains(plainWords, w) || slices.Contains(m.keep, w) || ascii(w) && strings.ToLower(w) == w {
			return w
		}
		return shape(w)
	})
}

// sentence hides names in sentences of ours: what is capital in the middle of one is no word of ours.
func (m masker) sentence(s string) string {
	s = m.text(s)
	var out strings.Builder
	last := 0
	for _, at := range words.FindAllStringIndex(s, -1) {
		w := s[at[0]:at[1]]
		begins := at[0] == 0 || strings.HasSuffix(s[:at[0]], ". ") || strings.HasSuffix(s[:at[0]], ": ")
		out.WriteString(s[last:at[0]])
		last = at[1]
		r, _ := utf8.DecodeRuneInString(w)
		if unicode.IsUpper(r) && !begins && !slices.Contains(plainWords, w) && !slices.Contains(m.keep, w) {
			w = shape(w)
		}
		out.WriteString(w)
	}
	return out.String() + s[last:]
}

// mixtureMin spares amd64, base64, x509, ttyUSB0 and 1500ms.
const mixtureMin = 8

// stampInside is what is left of a time or of an ID, which mixtures cuts at its hyphens.
var stampInside = regexp.MustCompile(`^(?:\d\dT\d\d|[0-9a-f]{8}|[0-9a-f]{12})$`)

// countKeys name numbers of four digits and more that are nobody's.
var countKeys = []string{"bytes", "size", "port", "pid", "line", "seq", "epoch", "records", "unsent", "customers", "took", "generation"}

// plainWords are capital and nobody's name.
var plainWords = []string{
	"DEBUG", "INFO", "WARN", "ERROR", "EOF", "TLS", "TCP", "UDP", "DNS", "HTTP", "HTTPS", "URL", "USB", "HID", "COM", "UTC", "MB", "GB", "FFD", "ФФД", "ФН", "МБ", "ГБ", "ОФД", "НДС",
	"VAT", "QR", "Wi-Fi", "Kopilka", "KOPILKA", "Копилка", "EN", "RU", "X", "Z", "B", "T", "I", "ID", "DataMatrix",
}

// plain leaves nothing but text: what was in another encoding is unreadable after it, and hides nothing.
func plain(s string) string {
	s = escapes.ReplaceAllString(s, " ")
	return strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' || r != utf8.RuneError && unicode.IsPrint(r) {
			return r
		}
		return ' '
	}, s)
}

func (m masker) value(found string) string {
	parts := keyed.FindStringSubmatch(found)
	bare := strings.Trim(parts[2], `"'`)
	if len(bare) <= codeShort || slices.Contains(m.keep, bare) || bare == masked || strings.HasPrefix(bare, masked) {
		return found
	}
	if quote := parts[2][0]; quote == '"' || quote == '\'' {
		return parts[1] + string(quote) + masked + string(quote)
	}
	return parts[1] + masked
}

func (m masker) figure(found string) string {
	digits := 0
	for _, r := range found {
		if unicode.IsDigit(r) {
			digits++
		}
	}
	if digits < digitsTelling || slices.Contains(m.keep, found) || stamps.MatchString(found) {
		return found
	}
	if _, err := netip.ParseAddr(found); err == nil {
		return found
	}
	return shape(found)
}

// stamps are times and IDs of records, whole.
var stamps = regexp.MustCompile(`^(?:20\d\d-[01]\d-[0-3]\d[T ][0-2]\d:[0-5]\d.*|[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f-]{21})$`)

func (m masker) token(found string) string {
	if slices.Contains(m.keep, found) || stamps.MatchString(found) {
		return found
	}
	letter := strings.ContainsFunc(found, unicode.IsLetter)
	digit := strings.ContainsFunc(found, unicode.IsDigit)
	mixed := strings.ToLower(found) != found && strings.ToUpper(found) != found
	path := strings.Contains(found, "/")
	if letter && digit && (!path || mixed) || mixed && !path && !strings.ContainsAny(found, "-_=") && len(found) >= 24 {
		return masked
	}
	return found
}

// shape is as long, and nothing can be told from it.
func shape(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case unicode.IsDigit(r):
			return '0'
		case unicode.IsLetter(r) || unicode.IsMark(r):
			return 'x'
		}
		return r
	}, s)
}

func ascii(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r >= utf8.RuneSelf })
}
