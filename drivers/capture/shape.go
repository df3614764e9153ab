package capture

import (
	"strings"

	"golang.org/x/text/unicode/norm"
)

// Printers of slips and displays are told what a till makes up for one customer: a greeting, a balance, a code. So
// nothing of it is kept but its shape, and no list of names is needed to find them.

// shapeText keeps a text's length in every code page, and the case of Latin letters: a QR code of capitals alone is
// smaller.
func shapeText(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' {
			return 'X'
		}
		return maskRune(r)
	}, norm.NFC.String(s))
}

// shape is the same of encoded text: what one page writes as a letter another may lack and write as a question mark
// or as a Latin letter.
func shape(p []byte) []byte {
	for i, b := range p {
		switch {
		case b >= '0' && b <= '9':
			p[i] = '0'
		case b >= 0x80, b == '?', b >= 'a' && b <= 'z', b >= 'A' && b <= 'Z':
			p[i] = 'x'
		}
	}
	return p
}

// shapeOnly makes the recorder one of a printer of slips or of a display.
func (r *Recorder) shapeOnly() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.shapes = true
}
