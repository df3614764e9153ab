package agent

import (
	"errors"
	"strings"

	"github.com/kopilka/kopilka/drivers/gs1"
	"github.com/kopilka/kopilka/ledger"
	"github.com/kopilka/kopilka/ledger/sale"
)

// WeightPattern is how a store's scales print an EAN-13 that holds a weight, a count or a price.
type WeightPattern = gs1.Pattern

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

// readWeighed finds goods whose weight, count or price stands in the barcode, where the code itself names none.
func (t *Till) readWeighed(code string, err error) (meaning, error) {
	if !errors.Is(err, ledger.ErrNotFound) {
		return meaning{}, err
	}
	for _, pattern := range t.rules.Weights {
		label, ok := pattern.Match(code)
		if !ok {
			continue
		}
		if p, err := t.ledger.ProductByCode(label.Item); err == nil {
			return labelled(p, label)
		}
	}
	return meaning{}, err
}

// labelled is a product with what its label says.
func labelled(p sale.Product, l gs1.Label) (meaning, error) {
	qty := max(l.Weight, l.Pieces)
	switch {
	case l.HasPrice() && p.Traits.Has(sale.Weighed):
		qty = weightWorth(p.Price, l.Price)
	case l.HasPrice() && l.Price > 0:
		p.Price, qty = l.Price, sale.Piece // a piece that is sold for what stands on it
	}
	if qty == 0 {
		return meaning{}, refuse(textNoWeight(p.Name), nil)
	}
	if !sellable(p, qty) || (l.HasPieces() && p.Traits.Has(sale.Weighed)) {
		return meaning{}, refuse(textLabelUnfit(p.Name), nil)
	}
	return meaning{product: &p, qty: qty}, nil
}

// weightWorth is the most that a label's price buys: a buyer never pays more than stands on the label, and less
// than the price of a gram less. Zero where the product has no price, or the label none.
func weightWorth(price, label sale.Money) sale.Qty {
	if price <= 0 || label <= 0 {
		return 0
	}
	qty := sale.Qty(int64(label) * int64(sale.Piece) / int64(price))
	for more := qty + 1; ; more++ { // half a kopeck is rounded up to a whole one, so a little more may cost as much
		sum, err := price.Times(more)
		if err != nil || sum > label {
			return qty
		}
		qty = more
	}
}

// gtinOfGS1 takes the GTIN out of a GS1 element string that begins with AI 01.
func gtinOfGS1(text string) (string, bool) {
	if len(text) < 18 || !strings.HasPrefix(text, "01") || !sale.ValidGTIN(text[2:16]) {
		return "", false
	}
	return sale.GTIN(text[2:16]), true
}

func textLabelUnfit(name string) Text {
	return say("Этикетка не подходит к товару %[1]s: вес у штучного товара или штуки у весового. Найдите товар по названию, о весах сообщите в офис",
		"The label does not fit %[2]s: a weight on goods sold by the piece, or pieces on goods sold by weight. Find it by name and tell head office about the scales", inMarks(name).RU, inMarks(name).EN)
}

func (t *Till) unknownCode(text string) error {
	if sale.Digits(text) && (len(text) == 8 || len(text) == 12 || len(text) == 13) && !sale.ValidGTIN(text) {
		return refuse(textMisread(text), errUnknownCode)
	}
	return refuse(textUnknownCode(text), errUnknownCode)
}
