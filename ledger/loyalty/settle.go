package loyalty

import (
	"fmt"

	"github.com/kopilka/kopilka/ledger/sale"
)

// Settlement is a return of goods, made where their receipt was not known, brought together with it.
type Settlement struct {
	Lines     []Returned          // of the sale
	Figures   *sale.Return        // as the receipt's own till would have reckoned them; nil when no line matches
	Unmatched []sale.ReturnedLine // goods that the receipt does not have, or has no more of
	Over      sale.Money          // given back beyond the receipt's own prices; negative: less
}

// Settle finds the goods of a pending return among the lines of its sale that earlier returns have left: a
// marked piece by its code, others by their article, in the order of the receipt. The figures are cumulative,
// as [Refund] has them. What does not match is listed, never an error: the goods have come back all the same.
func Settle(s *sale.Sale, before []Returned, pending *sale.Return) (Settlement, error) {
	left := make([]sale.Qty, len(s.Lines))
	for i := range s.Lines {
		left[i] = s.Lines[i].Qty
	}
	if _, err := tally(s, left, before); err != nil {
		return Settlement{}, fmt.Errorf("%w: earlier returns: %w", ErrReturn, err)
	}
	var out Settlement
	back := make([]sale.Qty, len(s.Lines))
	for _, l := range pending.Lines {
		rest := l
		rest.Qty = match(s, left, back, l)
		if rest.Qty > 0 {
			out.Unmatched = append(out.Unmatched, rest)
		}
	}
	for i, q := range back {
		if q > 0 {
			out.Lines = append(out.Lines, Returned{Line: i, Qty: q})
		}
	}
	out.Over = pending.Total
	if len(out.Lines) == 0 {
		return out, nil
	}
	figures, err := Refund(s, before, out.Lines)
	if err != nil {
		return Settlement{}, err
	}
	out.Figures, out.Over = figures, pending.Total-figures.Total
	return out, nil
}

// match takes a quantity from the lines that fit and answers what found no place.
func match(s *sale.Sale, left, back []sale.Qty, l sale.ReturnedLine) sale.Qty {
	want := l.Qty
	for _, strict := range []bool{true, false} {
		for i := range s.Lines {
			sold := &s.Lines[i]
			marked := sold.Traits.Has(sale.Marked)
			if sold.SKU != l.SKU || (strict || marked) && sold.Code != l.Code {
				continue
			}
			n := min(want, left[i])
			if !sold.Traits.Has(sale.Weighed) {
				n -= n % sale.Piece
			}
			left[i], back[i], want = left[i]-n, back[i]+n, want-n
		}
	}
	return want
}

// ReturnedBy lists what a return of known lines brought back.
func ReturnedBy(r *sale.Return) (out []Returned) {
	for _, l := range r.Lines {
		out = append(out, Returned{Line: l.Line, Qty: l.Qty})
	}
	return out
}

// StillSold is what a return can have brought back after earlier ones, of which none is of a line that the sale
// has not. Two tills without a connection may have taken the same goods back twice: the second time counts for
// nothing here, head office has flagged it.
func StillSold(s *sale.Sale, before, list []Returned) (out []Returned) {
	left := make([]sale.Qty, len(s.Lines))
	for i := range s.Lines {
		left[i] = s.Lines[i].Qty
	}
	for _, r := range before {
		left[r.Line] -= r.Qty
	}
	for _, r := range list {
		if r.Line < 0 || r.Line >= len(left) {
			continue
		}
		if r.Qty = min(r.Qty, left[r.Line]); r.Qty > 0 {
			left[r.Line] -= r.Qty
			out = append(out, r)
		}
	}
	return out
}
