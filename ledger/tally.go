package ledger

import "github.com/kopilka/kopilka/ledger/sale"

// Tally is the shift so far as the journal has it, kept in step with every record. Cash is what should
// lie in the drawer; it outlives the shift, as the drawer does.
type Tally struct {
	Shift    uint32         `cbor:"1,keyasint"`
	Open     bool           `cbor:"2,keyasint"`
	Since    sale.Time      `cbor:"3,keyasint"`
	Sales    int            `cbor:"4,keyasint"`
	Returns  int            `cbor:"5,keyasint"`
	Sold     sale.Money     `cbor:"6,keyasint"`
	Refunded sale.Money     `cbor:"7,keyasint"`
	Cash     sale.Money     `cbor:"8,keyasint"`
	Card     sale.Money     `cbor:"9,keyasint"`
	Earned   sale.Points    `cbor:"10,keyasint"`
	Redeemed sale.Points    `cbor:"11,keyasint"`
	Last     sale.FiscalKey `cbor:"12,keyasint"` // newest fiscal document that the journal knows
	OpenDoc  uint32         `cbor:"13,keyasint"` // number of the document that opened the shift
	// Epoch and Seq are the record that opened the shift.
	Epoch uint32 `cbor:"14,keyasint,omitempty"`
	Seq   uint64 `cbor:"15,keyasint,omitempty"`
	// Advance is what gift certificates paid: money that came in when they were sold.
	Advance sale.Money `cbor:"16,keyasint,omitempty"`
	// Correction receipts, and what they come to. Their cash counts in the drawer: it came in, or went out,
	// without a receipt, so the journal has not counted it yet.
	Corrections int        `cbor:"17,keyasint,omitempty"`
	Corrected   sale.Money `cbor:"18,keyasint,omitempty"`
	// What points paid as counter-provision, of sales and of returns: above Sold and Refunded in the storage.
	Counter     sale.Money `cbor:"19,keyasint,omitempty"`
	CounterBack sale.Money `cbor:"20,keyasint,omitempty"`
}

func (t *Tally) add(r *sale.Record) {
	if r.Fiscal != nil && r.Fiscal.Kind == sale.FiscalOwn && r.Fiscal.Key.FD != 0 {
		if t.Last.FN != r.Fiscal.Key.FN || t.Last.FD < r.Fiscal.Key.FD {
			t.Last = r.Fiscal.Key
		}
	}
	switch r.Kind {
	case sale.KindSale:
		t.addSale(r.Sale)
	case sale.KindReturn:
		t.addReturn(r.Return)
	case sale.KindCorrection:
		t.addCorrection(r.Correct)
	case sale.KindCashIn:
		t.Cash += r.Cash.Amount
	case sale.KindCashOut:
		t.Cash -= r.Cash.Amount
	case sale.KindShiftOpen:
		*t = Tally{Shift: r.Shift, Open: true, Since: r.At, Cash: t.Cash, Last: t.Last, OpenDoc: t.Last.FD, Epoch: r.Epoch, Seq: r.Seq}
	case sale.KindShiftClose:
		t.Open = false
	}
}

func (t *Tally) addSale(s *sale.Sale) {
	t.Sales++
	t.Sold += s.Total
	t.Counter += s.Counter()
	t.Earned += s.Earned
	t.Redeemed += s.Redeemed
	t.tenders(s.Tenders, 1)
}

func (t *Tally) addReturn(r *sale.Return) {
	t.Returns++
	t.Refunded += r.Total
	t.CounterBack += r.Counter()
	t.Earned -= r.Clawed
	t.Redeemed -= r.Restored
	t.tenders(r.Tenders, -1)
}

func (t *Tally) addCorrection(c *sale.Correction) {
	t.Corrections++
	t.Corrected += c.Signed()
	sign := sale.Money(1)
	if c.Of == sale.DocSaleReturn {
		sign = -1
	}
	t.tenders(c.Tenders, sign)
}

func (t *Tally) tenders(tenders []sale.Tender, sign sale.Money) {
	for _, x := range tenders {
		switch x.Kind {
		case sale.TenderCash:
			t.Cash += sign * x.Amount
		case sale.TenderAdvance:
			t.Advance += sign * x.Amount
		default:
			t.Card += sign * x.Amount
		}
	}
}

// Close is the journal's side of the shift's end.
func (t Tally) Close(head sale.Hash, storage *sale.StorageTotals) *sale.ShiftClose {
	return &sale.ShiftClose{
		Sales: t.Sales, Returns: t.Returns, Sold: t.Sold, Refunded: t.Refunded, Cash: t.Cash, Card: t.Card, Advance: t.Advance,
		Earned: t.Earned, Redeemed: t.Redeemed, Head: head, Storage: storage, Corrections: t.Corrections, Corrected: t.Corrected,
		Counter: t.Counter, CounterBack: t.CounterBack,
	}
}

// Tally is the shift so far.
func (l *Ledger) Tally() Tally { return l.state.Load().tally }
