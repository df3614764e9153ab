package loyalty

import (
	"fmt"

	"github.com/kopilka/kopilka/ledger/sale"
)

// nudgeMax bounds the search for a second weight. Both parts round half up only when both end in half
// a kopeck; one or two grams more or less always undo that.
const nudgeMax = 4

// Represent writes a line's sum as a fiscal receipt can hold it: at most two parts, each of a price in
// whole kopecks whose price × quantity, rounded half up, is its sum (FFD tags 1079, 1023, 1043), and
// together exactly the line. Pieces become ⌊S/n⌋ and one kopeck more; a weight becomes one price where
// any fits, else a little of it at a kopeck more.
func Represent(qty sale.Qty, sum sale.Money) ([]sale.Part, error) {
	if qty <= 0 || sum < 0 || sum > sale.MoneyMax {
		return nil, fmt.Errorf("%w: put %s for %s on a receipt", sale.ErrAmount, sum, qty)
	}
	if qty%sale.Piece == 0 {
		return representPieces(qty, sum), nil
	}
	if price, ok := onePrice(qty, sum); ok {
		return []sale.Part{{Qty: qty, Price: price, Sum: sum}}, nil
	}
	return splitWeight(qty, sum)
}

func representPieces(qty sale.Qty, sum sale.Money) []sale.Part {
	n := int64(qty / sale.Piece)
	price, dearer := sum/sale.Money(n), int64(sum)%n
	parts := []sale.Part{{Qty: sale.Qty(n-dearer) * sale.Piece, Price: price, Sum: price * sale.Money(n-dearer)}}
	if dearer > 0 {
		parts = append(parts, sale.Part{Qty: sale.Qty(dearer) * sale.Piece, Price: price + 1, Sum: (price + 1) * sale.Money(dearer)})
	}
	return parts
}

// onePrice finds a price that gives the sum. Prices that do lie around 1000·S/q, so if the two whole
// kopecks next to it do not, none does.
func onePrice(qty sale.Qty, sum sale.Money) (sale.Money, bool) {
	low := sale.Money(int64(sum) * int64(sale.Piece) / int64(qty))
	for _, price := range []sale.Money{low, low + 1} {
		if got, err := price.Times(qty); err == nil && got == sum && price <= sale.MoneyMax {
			return price, true
		}
	}
	return 0, false
}

func splitWeight(qty sale.Qty, sum sale.Money) ([]sale.Part, error) {
	thousandths := int64(sum) * int64(sale.Piece)
	price := sale.Money(thousandths / int64(qty))
	dearer := sale.Qty(thousandths % int64(qty))
	for nudge := sale.Qty(0); nudge <= nudgeMax; nudge++ {
		for _, second := range []sale.Qty{dearer + nudge, dearer - nudge} {
			if parts, ok := twoParts(qty-second, second, price, sum); ok {
				return parts, nil
			}
		}
	}
	return nil, fmt.Errorf("%w: put %s for %s on a receipt in two parts", sale.ErrAmount, sum, qty)
}

func twoParts(first, second sale.Qty, price, sum sale.Money) ([]sale.Part, bool) {
	if first <= 0 || second <= 0 || price >= sale.MoneyMax {
		return nil, false
	}
	a, errA := price.Times(first)
	b, errB := (price + 1).Times(second)
	if errA != nil || errB != nil || a+b != sum {
		return nil, false
	}
	return []sale.Part{{Qty: first, Price: price, Sum: a}, {Qty: second, Price: price + 1, Sum: b}}, true
}

// representLine is [Represent] for a basket's line: an untouched line keeps the price on its shelf, and
// a line at its floor keeps the minimum price, so no part of a spirit is ever a kopeck below it.
func representLine(l sale.Line, net sale.Money) ([]sale.Part, error) {
	if price, ok := linePrice(l, net); ok {
		return []sale.Part{{Qty: l.Qty, Price: price, Sum: net}}, nil
	}
	return Represent(l.Qty, net)
}

// linePrice is the one price that gives the net, where there is one.
func linePrice(l sale.Line, net sale.Money) (sale.Money, bool) {
	for _, price := range []sale.Money{l.Product.Price, l.Product.MinPrice} {
		if got, err := price.Times(l.Qty); err == nil && got == net {
			return price, true
		}
	}
	return onePrice(l.Qty, net)
}
