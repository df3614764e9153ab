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
		if p.cut == 0 || p.line.Qty%sale.Piece == 0 {
			continue
		}
		if _, ok := linePrice(p.line, p.net()); !ok {
			r.smoothLine(i)
		}
	}
}

func (r *reckoning) smoothLine(i int) {
	p := &r.lines[i]
	for _, target := range nearestSums(p.line.Qty, p.net()) {
		move := target - p.net()
		if max(move, -move) > moveMax || !p.takes(-move) {
			continue
		}
		if j := r.absorber(i, move); j >= 0 {
			p.shift(-move)
			r.lines[j].shift(move)
			return
		}
	}
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
func (r *reckoning) absorber(except int, more sale.Money) int {
	best := -1
	for j := range r.lines {
		q := &r.lines[j]
		if j == except || q.line.Qty != sale.Piece || !q.takes(more) {
			continue
		}
		if best < 0 || q.net() > r.lines[best].net() {
			best = j
		}
	}
	return best
}

// takes tells whether the cut can grow by so much and stay within its line.
func (p *position) takes(more sale.Money) bool { return p.cut+more >= 0 && p.cut+more <= p.room }

// shift grows the cut; the reason names by how much the net moved.
func (p *position) shift(more sale.Money) {
	p.cut += more
	p.because(RuleRoundMove, -more)
}
