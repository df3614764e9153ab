package ledger

import (
	"errors"
	"fmt"

	"github.com/kopilka/kopilka/ledger/sale"
)

// NewEnrolment is a customer to be taken in at this till.
type NewEnrolment struct {
	ID       sale.ID // the caller's, so that a repeat is known; zero: the ledger makes one
	Staff    sale.StaffNo
	Name     string // short, as a till keeps it: "Анна П."
	Tier     uint16
	Keys     []sale.CustomerKey // card, phone or both
	Person   sale.Commitment    // to what is sealed
	Sealed   []byte             // the person, sealed to head office
	Consents []sale.Consent
	Code     *sale.CodeUse // of the friend, cashier or channel that brought them
}

// EnrolCustomer takes a customer in: record, number from the till's counter, row and keys are one
// transaction, and the customer is found here at once, without a network. A card or phone that somebody has
// already is refused with ErrKnown and that customer. Other errors: ErrCodeUsed, sale.ErrRecord.
func (l *Ledger) EnrolCustomer(n NewEnrolment) (*sale.Record, sale.Customer, error) {
	var c sale.Customer
	r := &sale.Record{ID: n.ID, Kind: sale.KindEnrol, Staff: n.Staff, Enrol: &sale.Enrolment{
		Tier: n.Tier, Person: n.Person, Consents: n.Consents, Code: n.Code,
	}}
	err := l.write(func(w *writer) (err error) {
		if c, err = w.refuseKnown(n); err != nil {
			return err
		}
		if r.ID.IsZero() {
			at, _ := w.now()
			if r.ID, err = w.newID(at); err != nil {
				return err
			}
		}
		r.Shift = w.s.tally.Shift
		w.number(r)
		if err := w.checkCodes(r); err != nil {
			return err
		}
		if err := w.append(r, n.Sealed); err != nil {
			return err
		}
		c, err = w.putEnrolled(r, n)
		return err
	})
	if err != nil {
		return nil, c, fmt.Errorf("enrol a customer: %w", err)
	}
	return r, c, nil
}

// refuseKnown gives whoever has one of the keys already.
func (w *writer) refuseKnown(n NewEnrolment) (sale.Customer, error) {
	if len(n.Keys) == 0 || len(n.Name) > nameBytesMax {
		return sale.Customer{}, fmt.Errorf("%w: %d keys, name of %d bytes", sale.ErrRecord, len(n.Keys), len(n.Name))
	}
	for _, k := range n.Keys {
		known, err := w.l.FindCustomer(k) // writes are serialised, so what is committed is all there is
		if err == nil {
			return known, fmt.Errorf("%w: customer %s has this card or phone / эта карта или телефон уже у покупателя %s", ErrKnown, known.No, known.No)
		}
		if !errors.Is(err, ErrNotFound) {
			return sale.Customer{}, err
		}
	}
	return sale.Customer{}, nil
}

// putEnrolled writes the customer's row and keys, which stand nowhere in the journal: its bytes can never be
// erased, these can.
func (w *writer) putEnrolled(r *sale.Record, n NewEnrolment) (sale.Customer, error) {
	own := sale.Seen{Epoch: r.Epoch, Seq: r.Seq, At: r.At}
	row := customerRow{Keys: n.Keys, Own: own, Customer: sale.Customer{
		No: r.Enrol.Customer, Name: n.Name, Tier: r.Enrol.Tier, Home: w.s.who.Store, Enrolled: r.At, Seen: own,
	}}
	if err := put(w.bucket("customers"), numberKey(row.Customer.No), row); err != nil {
		return sale.Customer{}, err
	}
	for _, k := range row.Keys {
		// One above what is known of the key, the snapshot in use too: a card that head office has taken from
		// another there is this customer's from now on, until head office's next word.
		version, _ := keyRow(w.Tx, k)
		if err := w.putKey(k, max(version, w.s.snapshot.Version)+1, row.Customer.No); err != nil {
			return sale.Customer{}, err
		}
	}
	return row.Customer, nil
}
