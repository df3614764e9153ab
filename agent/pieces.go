package agent

import (
	"slices"

	"github.com/kopilka/kopilka/ledger/sale"
)

// soldPieces are the marked pieces that this till has sold in its shift and not taken back, by their identity. A
// piece leaves the marking system when its receipt reaches it, so offline nobody else refuses one that a parked
// basket still holds.
type soldPieces map[string]bool

// take follows one record of the journal.
func (s soldPieces) take(r *sale.Record) {
	switch r.Kind {
	case sale.KindSale:
		for _, l := range r.Sale.Lines {
			s.put(l.Code, true)
		}
	case sale.KindReturn:
		for _, l := range r.Return.Lines {
			s.put(l.Code, false)
		}
	case sale.KindShiftOpen:
		clear(s)
	default:
	}
}

func (s soldPieces) put(code string, sold bool) {
	m := markOf(code)
	switch {
	case m == nil:
	case sold:
		s[m.Identity()] = true
	default:
		delete(s, m.Identity())
	}
}

// soldHere tells whether this till has sold the piece in its shift. The journal is read at the first question
// after a start; from then on each record that is finished is followed.
func (t *Till) soldHere(code string) (bool, error) {
	m := markOf(code)
	if m == nil {
		return false, nil
	}
	if t.desk.sold == nil {
		var shift []*sale.Record
		err := t.ledger.Walk(true, func(r *sale.Record, _ sale.Entry) bool {
			shift = append(shift, r)
			return r.Kind != sale.KindShiftOpen
		})
		if err != nil {
			return false, err
		}
		t.desk.sold = soldPieces{}
		for _, r := range slices.Backward(shift) {
			t.desk.sold.take(r)
		}
	}
	return t.desk.sold[m.Identity()], nil
}

// mayHold refuses a piece that is in the basket or sold already.
func (t *Till) mayHold(line sale.Line) error {
	if !line.Product.Traits.Has(sale.Marked) {
		return nil
	}
	if hasPiece(t.desk.sale.basket.Lines, line.Code) {
		return refuse(textMarkTwice(line.Product.Name), nil)
	}
	switch sold, err := t.soldHere(line.Code); {
	case err != nil:
		return err
	case sold:
		return refuse(textMarkSold(line.Product.Name), nil)
	}
	return nil
}

// dropSold takes pieces out of a recalled basket that were sold while it lay aside, and says which.
func (t *Till) dropSold(b *sale.Basket) {
	b.Lines = slices.DeleteFunc(b.Lines, func(l sale.Line) bool {
		sold, err := t.soldHere(l.Code)
		if err != nil { // the basket is off the disk by now: better whole than lost
			t.unread("look for a marked piece in the journal", err)
		}
		if !sold || !l.Product.Traits.Has(sale.Marked) {
			return false
		}
		t.notify("warning", "mark", textMarkSold(l.Product.Name))
		return true
	})
}

func textMarkSold(name string) Text {
	return say("Эта упаковка %[1]s уже продана этой кассой: у каждой свой код, возьмите другую", "This pack of %[2]s has been sold by this till already: each has a code of its own, take another one", inMarks(name).RU, inMarks(name).EN)
}
