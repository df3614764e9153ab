package ledger

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"go.etcd.io/bbolt"

	"github.com/kopilka/kopilka/ledger/sale"
)

// customerRow is a customer as a change brought them, newer than the snapshot's.
type customerRow struct {
	Version  uint64        `cbor:"1,keyasint"`
	Gone     bool          `cbor:"2,keyasint,omitempty"`
	Customer sale.Customer `cbor:"3,keyasint"`
	// Keys are all that find the customer: a card taken away is missing here, though its row in keys or
	// in the snapshot stays.
	Keys []sale.CustomerKey `cbor:"4,keyasint,omitempty"`
}

func keyBytes(k sale.CustomerKey) []byte { return append([]byte{byte(k.Kind)}, k.Key[:]...) }

func numberKey(no sale.CustomerNo) []byte { return binary.BigEndian.AppendUint64(nil, uint64(no)) }

// FindCustomer looks a card's or phone's key up. ErrNotFound where nobody has it.
func (l *Ledger) FindCustomer(k sale.CustomerKey) (sale.Customer, error) {
	no, err := l.owner(k)
	if err != nil {
		return sale.Customer{}, err
	}
	c, row, err := l.customer(no)
	if err == nil && row != nil && !slices.Contains(row.Keys, k) {
		err = fmt.Errorf("customer key %x was taken away: %w", k.Key, ErrNotFound)
	}
	if err != nil {
		return sale.Customer{}, err
	}
	return c, nil
}

func (l *Ledger) owner(k sale.CustomerKey) (no sale.CustomerNo, err error) {
	var version uint64
	err = l.view(func(tx *bbolt.Tx) error {
		if v := tx.Bucket([]byte("keys")).Get(keyBytes(k)); len(v) == 16 {
			version, no = binary.BigEndian.Uint64(v), sale.CustomerNo(binary.BigEndian.Uint64(v[8:]))
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	if snap := l.snap.use(); snap != nil {
		defer snap.done()
		if version <= snap.head.Version { // no overlay, or one older than the snapshot
			no, err = snap.find(k)
		}
	}
	if err == nil && no == 0 {
		err = fmt.Errorf("customer key %x: %w", k.Key, ErrNotFound)
	}
	return no, err
}

// Customer reads a customer with the balance as head office last told and this till's own postings
// since on top.
func (l *Ledger) Customer(no sale.CustomerNo) (sale.Customer, error) {
	c, _, err := l.customer(no)
	return c, err
}

// customer gives also the change that the customer was read from, nil where it was the snapshot.
func (l *Ledger) customer(no sale.CustomerNo) (c sale.Customer, change *customerRow, err error) {
	var row customerRow
	var found bool
	var own ownRow
	err = l.view(func(tx *bbolt.Tx) error {
		found, err = get(tx.Bucket([]byte("customers")), numberKey(no), &row)
		return err
	})
	if err != nil {
		return c, nil, err
	}
	c, change = row.Customer, &row
	if snap := l.snap.use(); snap != nil {
		defer snap.done()
		if !found || row.Version <= snap.head.Version {
			if c, found, err = snap.customer(no); err != nil {
				return c, nil, err
			}
			row.Gone, change = false, nil
		}
	}
	if !found || row.Gone {
		return sale.Customer{}, nil, fmt.Errorf("customer %s: %w", no, ErrNotFound)
	}
	if own, err = l.ownSince(no, c.Seen); err != nil {
		return c, nil, err
	}
	c.Balance += own.Points
	c.Debt += own.Debt
	return c, change, nil
}

// ownSince adds up what this till's records after a position did to a customer.
func (l *Ledger) ownSince(no sale.CustomerNo, seen sale.Seen) (sum ownRow, err error) {
	err = l.view(func(tx *bbolt.Tx) error {
		c := tx.Bucket([]byte("own")).Cursor()
		for k, v := c.Seek(ownKey(no, seen.Epoch, seen.Seq+1)); k != nil && binary.BigEndian.Uint64(k) == uint64(no); k, v = c.Next() {
			var row ownRow
			if err := sale.Decode(v, &row); err != nil {
				return fmt.Errorf("%w: own posting %x: %w", ErrDamaged, k, err)
			}
			sum.Points += row.Points
			sum.Debt += row.Debt
		}
		return nil
	})
	return sum, err
}

func (w *writer) applyCustomer(c sale.Change) error {
	no := sale.CustomerNo(binary.BigEndian.Uint64(c.Key))
	var old customerRow
	if _, err := get(w.bucket("customers"), c.Key, &old); err != nil {
		return err
	}
	if old.Version > c.Version {
		return nil
	}
	row := customerRow{Version: c.Version, Gone: c.Gone}
	var in sale.CustomerChange
	if !c.Gone {
		if err := sale.Decode(c.Body, &in); err != nil {
			return err
		}
		if in.Customer.No != no {
			return fmt.Errorf("%w: customer %s under the key of %s", sale.ErrRecord, in.Customer.No, no)
		}
		row.Customer, row.Keys = in.Customer, in.Keys
	}
	for _, k := range in.Keys {
		if v := w.bucket("keys").Get(keyBytes(k)); len(v) == 16 && binary.BigEndian.Uint64(v) > c.Version {
			continue // a newer change gave the key to another
		}
		v := binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(nil, c.Version), uint64(no))
		if err := w.bucket("keys").Put(keyBytes(k), v); err != nil {
			return fmt.Errorf("put a key of customer %s: %w", no, err)
		}
	}
	return put(w.bucket("customers"), c.Key, row)
}

// Fill replaces the customers' snapshot whole. next gives customers sorted by number, some thousands at
// a time, and nothing at the end. The old snapshot serves look-ups until the new one is on disk.
func (l *Ledger) Fill(version uint64, at sale.Time, customers uint64, next func() ([]sale.CustomerChange, error)) error {
	if customers > customersMax {
		return fmt.Errorf("a snapshot of %d customers, at most %d: ask head office for this till's region only", customers, customersMax)
	}
	ref := snapshotRef{Name: fmt.Sprintf("customers-%d.snap", version), Version: version, Customers: customers}
	if ref.Name == l.state.Load().snapshot.Name {
		return nil
	}
	if err := writeSnapshot(l.dir, ref, at, next); err != nil {
		return fmt.Errorf("write the customers' snapshot: %w", err)
	}
	err := l.write(func(w *writer) error {
		w.s.snapshot = ref
		return nil
	})
	if err != nil {
		return err
	}
	return l.snap.open(l.dir, ref)
}

// Filled is the version of the snapshot held; zero where there is none.
func (l *Ledger) Filled() uint64 { return l.state.Load().snapshot.Version }

// Customers is about how many customers can be found here: those of the snapshot, or, where head
// office has so few that it sends no snapshot, those that came one by one.
func (l *Ledger) Customers() uint64 {
	n := l.state.Load().snapshot.Customers
	if n > 0 {
		return n
	}
	if err := l.view(func(tx *bbolt.Tx) error {
		n = uint64(tx.Bucket([]byte("customers")).Stats().KeyN)
		return nil
	}); err != nil {
		return 0 // a broken ledger shows elsewhere
	}
	return n
}

// Applied is the version of head office's state that is on disk here.
func (l *Ledger) Applied() uint64 { return l.state.Load().applied }

// Changed is signalled, once for any number of changes, when head office's state here has changed.
func (l *Ledger) Changed() <-chan struct{} { return l.changed }

// Apply takes changes of head office's state up to a version, in one transaction. Changes that are
// older than what is here change nothing. Leases that head office asks back are released in the same
// step unless a begun job holds them.
func (l *Ledger) Apply(to uint64, changes []sale.Change) error {
	err := l.write(func(w *writer) error {
		if len(changes) == 0 && to <= w.s.applied {
			return errNoProgress
		}
		for _, c := range changes {
			if err := w.apply(c); err != nil {
				return fmt.Errorf("apply change %d of kind %d: %w", c.Version, c.Kind, err)
			}
		}
		w.s.applied = max(w.s.applied, to)
		return w.releaseRecalled()
	})
	if err != nil && !errors.Is(err, ErrBroken) {
		return fmt.Errorf("apply head office's state %d: %w", to, err)
	}
	return err
}

// A key has the length that its kind says; zero is any.
var changeKeyBytes = map[sale.ChangeKind]int{sale.ChangeCustomer: 8, sale.ChangeLease: 16, sale.ChangeStaff: 4, sale.ChangeProgramme: 4}

func (w *writer) apply(c sale.Change) error {
	if n, fixed := changeKeyBytes[c.Kind]; (fixed && len(c.Key) != n) || len(c.Key) == 0 {
		return fmt.Errorf("%w: a key of %d bytes", sale.ErrRecord, len(c.Key))
	}
	switch c.Kind {
	case sale.ChangeCustomer:
		return w.applyCustomer(c)
	case sale.ChangeLease:
		return w.applyLease(c)
	case sale.ChangeProduct:
		return w.applyProduct(c)
	case sale.ChangeProgramme:
		return w.applyProgramme(c)
	case sale.ChangeStaff:
		return w.applyStaff(c)
	case sale.ChangeSettings:
		return w.applySettings(c)
	}
	return nil // a kind that a newer head office knows
}
