package gs1

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/kopilka/kopilka/ledger/sale"
)

// Pattern is how a store's scales print an EAN-13 that holds more than the item's code: digits stand for
// themselves, C for the item's code, W grams, N pieces, P a price in kopecks, R a price in whole roubles, V a
// digit to be skipped (a check digit of the price), K the check digit. "21CCCCCWWWWWK" and "23CCCCCPPPPPK"
// are usual; GS1 leaves the prefixes 20 to 29 to the retailer. Where there is W and no C, P is the item's
// code: "21PPPPPWWWWWK" means what it always meant.
type Pattern string

// ErrPattern is wrapped by every refusal of a pattern.
var ErrPattern = errors.New("not a pattern of a label: want 13 characters, a prefix 2 or 20 to 29, C for the item's code, " +
	"then W grams, N pieces, P kopecks or R roubles, and a final K, as in 21CCCCCWWWWWK or 23CCCCCPPPPPK")

// patternLen is an EAN-13.
const patternLen = 13

// Label is what a label of the store's own scales says. One of Weight, Pieces and Price is in it; it may be
// zero, which means that the label does not say.
type Label struct {
	Item   string // the digits under which the catalogue keeps the item: everything before the figure
	Weight sale.Qty
	Pieces sale.Qty
	Price  sale.Money
	kind   byte
}

// HasPrice tells a label with a price from one with a quantity.
func (l Label) HasPrice() bool { return l.kind == 'P' || l.kind == 'R' }

// HasPieces tells a label with a count from one with a weight.
func (l Label) HasPieces() bool { return l.kind == 'N' }

// layout is where the parts of a pattern stand.
type patternLayout struct {
	prefix   string
	item     int // the first byte of the item's code
	figure   int // the first byte of the figure
	figureTo int
	kind     byte
}

// Validate checks the pattern's shape.
func (p Pattern) Validate() error {
	_, err := p.layout()
	return err
}

func (p Pattern) layout() (patternLayout, error) {
	s := string(p)
	bad := fmt.Errorf("%w (got %q)", ErrPattern, s)
	if len(s) != patternLen || s[0] != '2' || s[patternLen-1] != 'K' {
		return patternLayout{}, bad
	}
	letter := byte('C')
	if !strings.Contains(s, "C") && strings.Contains(s, "W") {
		letter = 'P'
	}
	rest := strings.TrimLeft(s, "0123456789")
	l := patternLayout{prefix: s[:len(s)-len(rest)], item: len(s) - len(rest)}
	figure := strings.TrimLeft(rest, string(letter))
	if len(figure) == len(rest) {
		return patternLayout{}, bad
	}
	figure = strings.TrimLeft(figure, "V")
	l.figure, l.kind = len(s)-len(figure), figure[0]
	if strings.IndexByte("WNPR", l.kind) < 0 {
		return patternLayout{}, bad
	}
	tail := strings.TrimLeft(figure, string(l.kind))
	l.figureTo = len(s) - len(tail)
	if strings.TrimLeft(tail, "V") != "K" {
		return patternLayout{}, bad
	}
	return l, nil
}

// Match takes a label apart: false where the code has another prefix, another length or a wrong check digit.
func (p Pattern) Match(ean string) (Label, bool) {
	l, err := p.layout()
	if err != nil || len(ean) != patternLen || !strings.HasPrefix(ean, l.prefix) || !sale.ValidGTIN(ean) {
		return Label{}, false
	}
	n, err := strconv.ParseInt(ean[l.figure:l.figureTo], 10, 64)
	if err != nil {
		return Label{}, false
	}
	itemTo := l.item + strings.LastIndexByte(string(p[l.item:l.figure]), p[l.item]) + 1
	label := Label{Item: ean[:itemTo], kind: l.kind}
	switch l.kind {
	case 'W':
		label.Weight = sale.Qty(n)
	case 'N':
		label.Pieces = sale.Qty(n) * sale.Piece
	case 'P':
		label.Price = sale.Money(n)
	case 'R':
		label.Price = sale.Money(n) * 100
	}
	return label, true
}
