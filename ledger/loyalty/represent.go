package loyalty

import (
	"fmt"

	"github.com/kopilka/kopilka/ledger/sale"
)

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
// kopecks next to it do not, none does; of a few grams at the dearest price only the price itself may.
func onePrice(qty sale.Qty, sum sale.Money) (sale.Money, bool) {
	low := min(sale.MoneyMax, sale.Money(int64(sum)*int64(sale.Piece)/int64(qty)))
	for _, price := range []sale.Money{low, min(sale.MoneyMax, low+1)} {
		if got, err := price.Times(qty); err == nil && got == sum {
			return price, true
		}
	}
	return 0, false
}

// splitWeight divides 1000·S by q: the remainder is the weight that costs a kopeck more. The parts'
// exact sums add up to S; rounded they do too, unless both end in half a kopeck and both go up. Then a
// gram moves to the second: its price p+1 is no multiple of 10 roubles (or its sum would be whole) and
// neither is p, so the halves part. No price fitting means that both weights are 500 g at least.
func splitWeight(qty sale.Qty, sum sale.Money) ([]sale.Part, error) {
	thousandths := int64(sum) * int64(sale.Piece)
	price := sale.Money(thousandths / int64(qty))
	dearer := sale.Qty(thousandths % int64(qty))
	for _, second := range []sale.Qty{dearer, dearer + 1} {
		if parts, ok := twoParts(qty-second, second, price, sum); ok {
			return parts, nil
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
func representLine(p *position, net sale.Money) ([]sale.Part, error) {
	if price, ok := linePrice(p, net); ok {
		return []sale.Part{{Qty: p.line.Qty, Price: price, Sum: net}}, nil
	}
	return Represent(p.line.Qty, net)
}

// linePrice is the one price that gives the net, where there is one.
func linePrice(p *position, net sale.Money) (sale.Money, bool) {
	for _, price := range []sale.Money{p.line.Product.Price, p.price} {
		if got, err := price.Times(p.line.Qty); err == nil && got == net {
			return price, true
		}
	}
	return onePrice(p.line.Qty, net)
}
