package capture

import (
	"context"
	"slices"
	"strconv"
	"unicode/utf8"

	"github.com/kopilka/kopilka/drivers"
	"github.com/kopilka/kopilka/drivers/port"
	"github.com/kopilka/kopilka/ledger/sale"
)

const (
	gs       = 0x1D // stands inside codes; any other control byte between them
	aimBytes = 3    // "]", a letter, a character
	// markHead is the application identifier of a GTIN and its 14 digits, with which a marking code begins.
	markHead = 16
	gtinLen  = 14
	// tobaccoMin and tobaccoMax: a GTIN and a serial number of 7, with or without price and signature.
	tobaccoMin, tobaccoMax = 21, 29
	// gluedLen is two EAN-13 that ran together.
	gluedLen = 26
)

// Scanner makes a scanner whose every code and byte is written down, with nothing of them but codes of goods.
func (r *Recorder) Scanner(dial port.Dial, settings map[string]string, create Create[drivers.Scanner]) (drivers.Scanner, error) {
	r.begin(settings)
	r.mu.Lock()
	r.scans = true
	// A prefix that cannot be read so is masked as a part of the code.
	if text, err := strconv.Unquote(`"` + settings["prefix"] + `"`); err == nil {
		r.prefix = []byte(text)
	}
	r.mu.Unlock()
	s, err := create(r.Dial(dial))
	if err != nil {
		return nil, err
	}
	return &scanner{s, r}, nil
}

type scanner struct {
	drivers.Scanner
	r *Recorder
}

func (s *scanner) Read(ctx context.Context) (sale.Code, error) {
	code, err := s.Scanner.Read(ctx)
	if ctx.Err() != nil {
		return code, err // nothing was scanned
	}
	s.r.call(OpScan, nil)
	if err != nil {
		s.r.end(OpScan, nil, err)
	} else {
		s.r.end(OpScan, &Result{Code: &sale.Code{Symbology: code.Symbology, Text: code.Text}}, nil)
	}
	return code, err
}

// MaskScan masks what a scanner sent: codes of goods stay, all else keeps its shape only. Control bytes, AIM
// identifiers and the prefix stay.
func MaskScan(p, prefix []byte) []byte {
	out := slices.Clone(p)
	for from := 0; from < len(out); {
		to := from
		for to < len(out) && (out[to] >= 0x20 && out[to] != 0x7F || out[to] == gs) {
			to++
		}
		maskCode(out[from:to], prefix)
		from = to + 1
	}
	return out
}

func maskCode(p, prefix []byte) {
	if len(prefix) > 0 && len(p) >= len(prefix) && slices.Equal(p[:len(prefix)], prefix) {
		p = p[len(prefix):]
	}
	if len(p) >= aimBytes && p[0] == ']' {
		p = p[aimBytes:]
	}
	for len(p) > 0 && p[0] == gs {
		p = p[1:]
	}
	switch text := string(p); {
	case goods(text):
	case allDigits(text):
		maskNumber(p)
	case utf8.Valid(p):
		copy(p, MaskText(text))
	default:
		ascii(p)
		for i, c := range p {
			if c >= 0x80 {
				p[i] = 0xF5
			}
		}
	}
}

// goods tells codes of goods from cards and numbers of people. What a shop makes up for itself (prefix 2, and 0
// in the short form) may be a card, so it is none.
func goods(s string) bool {
	switch {
	case sale.ValidGTIN(s):
		return s[0] != '2' && (len(s) != 8 || s[0] != '0')
	case len(s) > markHead && s[:2] == "01" && sale.ValidGTIN(s[2:markHead]):
		return true
	case len(s) >= tobaccoMin && len(s) <= tobaccoMax && !allDigits(s) && sale.ValidGTIN(s[:gtinLen]):
		return true
	}
	return false
}

// maskNumber keeps what a driver goes by: length, and whether a check digit is right.
func maskNumber(p []byte) {
	switch s := string(p); {
	case sale.ValidGTIN(s):
		zero(p[1 : len(p)-1])
		p[len(p)-1] = sale.GTINCheckDigit(string(p[:len(p)-1]))
	case len(s) == gluedLen && sale.ValidGTIN(s[:gluedLen/2]) && sale.ValidGTIN(s[gluedLen/2:]):
		maskCode(p[:gluedLen/2], nil)
		maskCode(p[gluedLen/2:], nil)
	case len(p) > 0:
		zero(p)
		p[len(p)-1] = '1'
	}
}

func zero(p []byte) {
	for i := range p {
		p[i] = '0'
	}
}

func allDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return len(s) > 0
}
