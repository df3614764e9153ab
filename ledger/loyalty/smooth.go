package loyalty

import "github.com/kopilka/kopilka/ledger/sale"

// moveMax bounds the kopecks that smoothing moves between two lines: beyond a few, an even reduction is
// worth more to the customer who reads the receipt than a line less on it.
const moveMax sale.Money = 5

// smooth spares the receipt a split weight: where no single price gives a weighed line's sum, the
// nearest sum that has one is taken, and a line of one piece, whose price is its sum whatever it is,
// absorbs the difference. Totals stay as they are; where no line can absorb it, the weight is split.
func (r *reckoning) smooth() {
	for i := range r.lines {
		p := &r.lines[i]
		if p.left() == p.gross || p.gift || p.line.Qty%sale.Piece == 0 {
			continue
		}
		if _, ok := linePrice(p, p.left()); ok {
			continue
		}
		if !r.smoothLine(i, cutPoints) {
			r.smoothLine(i, cutOff)
		}
	}
	for i := range r.lines {
		r.onePart(&r.lines[i])
	}
}

// onePart gives a marked weight a sum that has one price though no other line can absorb the difference: its code
// may stand on one line of a receipt only, so it must not be split. The discount grows or shrinks by the difference,
// or points pay that much less. It changes the receipt's sum by a kopeck a kilogram at most.
func (r *reckoning) onePart(p *position) {
	if p.gift || p.line.Qty == sale.Piece || !p.line.Product.Traits.Has(sale.Marked) {
		return
	}
	sum, onShelf := p.left(), r.programme != nil && r.programme.Counter
	if onShelf {
		sum += p.redeemed + p.partners // points are a payment then, and no matter of the price
	}
	if _, ok := linePrice(p, sum); ok {
		return
	}
	for _, target := range nearestSums(p.line.Qty, sum) {
		more := sum - target
		kind := cutOff
		if !p.takes(kind, more) {
			kind = cutPoints // fewer only: nobody has asked for more
		}
		if kind == cutPoints && (onShelf || more > 0 || !p.takes(kind, more)) {
			continue
		}
		p.take(kind, more)
		r.note(p, RuleRoundMark, -int64(more), "")
		return
	}
}

// smoothLine moves kopecks of one kind of cut, so that what points pay and what is a discount stay as
// they are on the receipt.
func (r *reckoning) smoothLine(i int, kind cutKind) bool {
	p := &r.lines[i]
	for _, target := range nearestSums(p.line.Qty, p.left()) {
		move := target - p.left()
		if max(move, -move) > moveMax || !p.takes(kind, -move) {
			continue
		}
		if j := r.absorber(i, kind, move); j >= 0 {
			r.shift(p, kind, -move)
			r.shift(&r.lines[j], kind, move)
			return true
		}
	}
	return false
}

// nearestSums are the sums just below and above that one price gives, the nearer first.
func nearestSums(qty sale.Qty, net sale.Money) []sale.Money {
	price := sale.Money(int64(net) * int64(sale.Piece) / int64(qty))
	low, errLow := price.Times(qty)
	high, errHigh := (price + 1).Times(qty)
	switch {
	case errLow != nil || errHigh != nil:
		return nil
	case high-net < net-low:
		return []sale.Money{high, low}
	}
	return []sale.Money{low, high}
}

// absorber is the dearest line of one piece that can be cut by so much more, where a kopeck shows least;
// −1 when there is none.
func (r *reckoning) absorber(except int, kind cutKind, more sale.Money) int {
	best := -1
	for j := range r.lines {
		q := &r.lines[j]
		if j == except || q.line.Qty != sale.Piece || !q.takes(kind, more) {
			continue
		}
		if best < 0 || q.left() > r.lines[best].left() {
			best = j
		}
	}
	return best
}

// takes tells whether the cut can grow by so much and stay within its line: only where it cut already,
// not below what a partner's points paid, and never where a piece was promised for its floor.
func (p *position) takes(kind cutKind, more sale.Money) bool {
	cut := p.off - p.partners
	if kind == cutPoints {
		cut = p.redeemed
	}
	return p.parts[kind] && !p.gift && p.free == 0 && cut+more >= 0 && more <= p.room(kind)
}

// shift grows the cut; the reason names by how much the net moved.
func (r *reckoning) shift(p *position, kind cutKind, more sale.Money) {
	p.take(kind, more)
	r.note(p, RuleRoundMove, -int64(more), "")
}
