package agent

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/kopilka/kopilka/drivers/gs1"
	"github.com/kopilka/kopilka/ledger"
	"github.com/kopilka/kopilka/ledger/sale"
)

// WeightPattern is how a store's scales print a variable-weight EAN-13: digits stand for themselves, P
// for the item's code, W for grams, K for the check digit. "21PPPPPWWWWWK" is usual; GS1 leaves the
// prefixes 20 to 29 to the retailer.
type WeightPattern string

// ErrPattern is wrapped by every refusal of a weight pattern.
var ErrPattern = errors.New("not a weight pattern: want 13 characters of digits, P, W and a final K, as in 21PPPPPWWWWWK")

// Validate checks the pattern's shape.
func (p WeightPattern) Validate() error {
	rest := strings.TrimLeft(string(p), "0123456789")
	items := strings.TrimLeft(rest, "P")
	weight := strings.TrimLeft(items, "W")
	if len(p) != 13 || weight != "K" || len(items) == len(rest) || items == weight || !strings.HasPrefix(string(p), "2") {
		return fmt.Errorf("%w (got %q)", ErrPattern, string(p))
	}
	return nil
}

// Match takes an EAN-13 apart: the code under which the catalogue keeps the item (the prefix and the
// item's digits) and the weight.
func (p WeightPattern) Match(ean string) (item string, weight sale.Qty, ok bool) {
	if len(ean) != len(p) {
		return "", 0, false
	}
	at := strings.IndexByte(string(p), 'W')
	prefix := strings.IndexByte(string(p), 'P')
	if ean[:prefix] != string(p[:prefix]) {
		return "", 0, false
	}
	grams, err := strconv.Atoi(ean[at : len(ean)-1])
	return ean[:at], sale.Qty(grams), err == nil
}

// meaning is what a code turned out to be; exactly one part is set.
type meaning struct {
	product  *sale.Product
	qty      sale.Qty
	customer *sale.Customer
	receipt  *sale.Fiscal
	promo    *shownCode
	mark     *gs1.Mark // of a piece; alone where the code does not name its product
}

// errUnknownCode is a code that names nothing here.
var errUnknownCode = errors.New("unknown code")

// read finds out what a code means, from this till's disk alone: goods first, then a receipt's QR, then a
// customer's card or a certificate, then a promo code.
func (t *Till) read(code sale.Code) (meaning, error) {
	if f, err := sale.ParseFiscalQR(code.Text); err == nil {
		return meaning{receipt: &f}, nil
	}
	if m, err := t.readProduct(code); err == nil || !errors.Is(err, ledger.ErrNotFound) {
		return m, err
	}
	c, err := t.ledger.FindCustomer(t.cardKey(code.Text))
	switch {
	case err == nil:
		return meaning{customer: &c}, nil
	case !errors.Is(err, ledger.ErrNotFound):
		return meaning{}, err
	}
	shown, err := t.findCode(code.Text)
	switch {
	case err == nil:
		return meaning{promo: &shown}, nil
	case errors.Is(err, errUnknownCode):
		if latin, ok := gs1.FromRussianLayout(code.Text); ok { // a card or a code, typed by a scanner in Russian
			return t.read(sale.Code{Symbology: code.Symbology, Text: latin, Scanner: code.Scanner})
		}
		return meaning{}, t.unknownCode(code.Text)
	}
	return meaning{}, err
}

// readWeighed finds goods whose weight stands in the barcode, where the code itself names none.
func (t *Till) readWeighed(code string, err error) (meaning, error) {
	if !errors.Is(err, ledger.ErrNotFound) || !sale.ValidGTIN(code) {
		return meaning{}, err
	}
	for _, pattern := range t.rules.Weights {
		item, weight, ok := pattern.Match(code)
		if !ok {
			continue
		}
		if p, err := t.ledger.ProductByCode(item); err == nil {
			if weight == 0 {
				return meaning{}, refuse(textNoWeight(p.Name), nil)
			}
			return meaning{product: &p, qty: weight}, nil
		}
	}
	return meaning{}, err
}

// gtinOfGS1 takes the GTIN out of a GS1 element string that begins with AI 01.
func gtinOfGS1(text string) (string, bool) {
	if len(text) < 18 || !strings.HasPrefix(text, "01") || !sale.ValidGTIN(text[2:16]) {
		return "", false
	}
	return sale.GTIN(text[2:16]), true
}

func (t *Till) unknownCode(text string) error {
	if sale.Digits(text) && (len(text) == 8 || len(text) == 12 || len(text) == 13) && !sale.ValidGTIN(text) {
		return refuse(textMisread(text), errUnknownCode)
	}
	return refuse(textUnknownCode(text), errUnknownCode)
}
