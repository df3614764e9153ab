package sale

import "fmt"

// Counter-provision is the second reading that the tax service allows of points: the price stays, and the
// points' part is a payment of its own kind (tag 1217). It is on the fiscal receipt alone: Net, Total and
// Tenders are money on either reading, and what the receipt says instead is derived here.

// Printed is the line as it stands on the fiscal receipt.
func (l *SoldLine) Printed() []Part { return printed(l.Shelf, l.Parts) }

// Counter is what points paid of the line as counter-provision; zero where they lowered its price.
func (l *SoldLine) Counter() Money { return counter(l.Shelf, l.Net) }

// Counter is what points paid of the sale as counter-provision.
func (s *Sale) Counter() (sum Money) {
	for i := range s.Lines {
		sum += s.Lines[i].Counter()
	}
	return sum
}

// FiscalTotal is the sum on the fiscal receipt (tag 1020): the money and the points' part.
func (s *Sale) FiscalTotal() Money { return s.Total + s.Counter() }

// FiscalTenders are the payments on the fiscal receipt.
func (s *Sale) FiscalTenders() []Tender { return withCounter(s.Tenders, s.Counter()) }

// Printed is the line as it stands on the fiscal receipt of the return.
func (l *ReturnedLine) Printed() []Part { return printed(l.Shelf, l.Parts) }

// Counter is what goes back of the line as counter-provision.
func (l *ReturnedLine) Counter() Money { return counter(l.Shelf, l.Net) }

// Counter is what goes back of the return as counter-provision.
func (r *Return) Counter() (sum Money) {
	for i := range r.Lines {
		sum += r.Lines[i].Counter()
	}
	return sum
}

// FiscalTotal is the sum on the fiscal receipt of the return.
func (r *Return) FiscalTotal() Money { return r.Total + r.Counter() }

// FiscalTenders are the payments on the fiscal receipt of the return.
func (r *Return) FiscalTenders() []Tender { return withCounter(r.Tenders, r.Counter()) }

func printed(shelf, parts []Part) []Part {
	if len(shelf) > 0 {
		return shelf
	}
	return parts
}

func counter(shelf []Part, net Money) (sum Money) {
	if len(shelf) == 0 {
		return 0
	}
	for _, p := range shelf {
		sum += p.Sum
	}
	return sum - net
}

// withCounter leaves out a payment of nothing where the points' part says it all.
func withCounter(tenders []Tender, amount Money) []Tender {
	if amount == 0 {
		return tenders
	}
	out := make([]Tender, 0, len(tenders)+1)
	for _, t := range tenders {
		if t.Amount != 0 {
			out = append(out, t)
		}
	}
	return append(out, Tender{Kind: TenderCounter, Amount: amount})
}

// validateShelf holds the line's printed price against what points can have paid: all of the programme's own,
// and of the discount no more than there is.
func (l *SoldLine) validateShelf() error {
	if l.Shelf == nil {
		return nil
	}
	if err := validateShelf(l.Shelf, l.Qty, l.Net); err != nil {
		return err
	}
	if c := l.Counter(); c < l.Redeemed.Worth() || c > l.Gross-l.Net {
		return fmt.Errorf("counter-provision of %s, points paid %s of %s", c, l.Redeemed, l.Gross)
	}
	return nil
}

func (l *ReturnedLine) validateShelf() error {
	if l.Shelf == nil {
		return nil
	}
	return validateShelf(l.Shelf, l.Qty, l.Net)
}

func validateShelf(shelf []Part, qty Qty, net Money) error {
	var sum Money
	for _, p := range shelf {
		if !inRange(int64(p.Sum)) {
			return ErrAmount
		}
		sum += p.Sum
	}
	if sum <= net || sum > MoneyMax {
		return fmt.Errorf("%s on the receipt, %s of it is money", sum, net)
	}
	return validateParts(shelf, qty, sum)
}
