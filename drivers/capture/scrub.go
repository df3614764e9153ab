package capture

import (
	"encoding/binary"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"unicode/utf16"
)

// What looks personal by itself is masked whether or not a call told of it: a register may print or answer what
// it was told before this program began. The source of the numbers of tags is the format of fiscal documents.

// personalTags are the buyer's contact, the cashier and his INN, the buyer and his.
var personalTags = []uint16{1008, 1021, 1203, 1227, 1228}

// tagBytesMax is the longest of them.
const tagBytesMax = 256

var (
	email  = regexp.MustCompile(`[A-Za-z0-9._%+\-]+@[A-Za-z0-9\-]+(?:\.[A-Za-z0-9\-]+)+`)
	digits = regexp.MustCompile(`\+[0-9]{10,}`)
	// people are the parts of registers' JSON that speak of people.
	people = regexp.MustCompile(`"(?:operator|clientInfo|cashierInfo|buyerInfo)"\s*:\s*\{(?:[^{}"]|"(?:[^"\\]|\\.)*")*\}`)
	// fields are the same where they stand alone, by name or by the number of their tag.
	fields = regexp.MustCompile(`"(?:1008|1021|1203|1227|1228|emailOrPhone|cashierName|cashierINN|cashierInn|sendCheckTo|buyerName|buyerInn)"\s*:\s*"(?:[^"\\]|\\.)*"`)
	// said is the value behind a colon.
	said = regexp.MustCompile(`:\s*"(?:[^"\\]|\\.)*"`)
	// secret is a password on the way to a device's web server.
	secret = regexp.MustCompile(`(?i)(?:authorization: *(?:basic|bearer) +)[A-Za-z0-9+/=._\-]+`)
)

// storageDigits are those of a fiscal storage's number, and more than a phone has.
const storageDigits = 16

// noPhone tells a fiscal storage's number: minute 43 of a register's clock is a plus too, and stands before it. Any other
// length may be a phone with digits behind it.
func noPhone(at []int) bool { return at[1]-at[0] == len("+")+storageDigits }

func scrub(p []byte) []byte {
	blank(p, email.FindAllIndex(p, -1))
	blank(p, slices.DeleteFunc(digits.FindAllIndex(p, -1), noPhone))
	for _, at := range people.FindAllIndex(p, -1) {
		quoted(p[at[0]:at[1]])
	}
	for _, at := range fields.FindAllIndex(p, -1) {
		quoted(p[at[0]:at[1]])
	}
	for _, at := range secret.FindAllIndex(p, -1) {
		hideSecret(p[at[0]:at[1]])
	}
	tags(p)
	return p
}

func blank(p []byte, spans [][]int) {
	for _, at := range spans {
		ascii(p[at[0]:at[1]])
	}
}

func ascii(p []byte) {
	for i, c := range p {
		switch {
		case c >= '0' && c <= '9':
			p[i] = '0'
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z':
			p[i] = 'x'
		}
	}
}

// quoted masks the values of JSON fields in place.
func quoted(p []byte) {
	for _, at := range said.FindAllIndex(p, -1) {
		value := p[at[0]:at[1]]
		open := slices.Index(value, '"')
		inJSONString(value[open+1 : len(value)-1])
	}
}

func inJSONString(p []byte) {
	for i := 0; i < len(p); {
		switch c := p[i]; {
		case c == '\\' && i+escapeBytes <= len(p) && p[i+1] == 'u':
			maskEscape(p[i : i+escapeBytes])
			i += escapeBytes
		case c == '\\':
			i += 2
		case c < 0x80:
			ascii(p[i : i+1])
			i++
		default:
			n := copy(p[i:], MaskText(string(firstRune(p[i:]))))
			i += max(n, 1)
		}
	}
}

// escapeBytes is a character written as \u0441.
const escapeBytes = 6

// maskEscape masks a character that is written so; halves of a pair stay, since no letter of ours is one.
func maskEscape(p []byte) {
	v, err := strconv.ParseUint(string(p[2:]), 16, 16)
	if err != nil || utf16.IsSurrogate(rune(v)) {
		return
	}
	if masked := maskRune(rune(v)); masked != rune(v) {
		copy(p[2:], fmt.Sprintf("%04x", masked))
	}
}

// firstRune is the bytes of the first character.
func firstRune(p []byte) []byte {
	for n := 1; n < len(p); n++ {
		if p[n]&0xC0 != 0x80 {
			return p[:n]
		}
	}
	return p
}

// hideSecret keeps the words before the secret.
func hideSecret(p []byte) {
	from := slices.Index(p, ' ') + 1
	for p[from] == ' ' {
		from++
	}
	from += slices.Index(p[from:], ' ')
	for i := from; i < len(p); i++ {
		if p[i] != ' ' && p[i] != '=' {
			p[i] = 'A'
		}
	}
}

// tags masks the values of personal tags: number and length in two bytes each, the lower first, and text.
func tags(p []byte) {
	for i := 0; i+tagHead <= len(p); i++ {
		n, ok := personal(p[i:])
		if !ok || i+tagHead+n > len(p) || !printable(p[i+tagHead:i+tagHead+n]) {
			continue
		}
		maskCP866(p[i+tagHead : i+tagHead+n])
		i += tagHead - 1 + n
	}
}

// personal tells that a personal tag begins here, and how long its value says it is.
func personal(p []byte) (n int, ok bool) {
	n = int(binary.LittleEndian.Uint16(p[2:]))
	return n, slices.Contains(personalTags, binary.LittleEndian.Uint16(p)) && n > 0 && n <= tagBytesMax
}

func printable(p []byte) bool {
	return !slices.ContainsFunc(p, func(c byte) bool { return c < 0x20 || c == 0x7F })
}

// maskCP866 masks text of code page 866 as MaskText would.
func maskCP866(p []byte) {
	ascii(p)
	for i, c := range p {
		if c >= 0x80 && c <= 0xAF || c >= 0xE0 && c <= 0xF7 {
			p[i] = 0xE5 // х
		}
	}
}
