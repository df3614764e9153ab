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
	// Own is the record by which this till enrolled the customer, until head office's own word of them.
	Own sale.Seen `cbor:"5,keyasint,omitzero"`
}

func keyBytes(k sale.CustomerKey) []byte { return append([]byte{byte(k.Kind)}, k.Key[:]...) }

func numberKey(no sale.CustomerNo) []byte { return binary.BigEndian.AppendUint64(nil, uint64(no)) }

// FindCustomer looks a card's or phone's key up. ErrNotFound where nobody has it.
func (l *Ledger) FindCustomer(k sale.CustomerKey) (sale.Customer, error) {
	no, own, err := l.owner(k)
	if err != nil {
		return sale.Customer{}, err
	}
	c, row, err := l.customer(no)
	switch {
	case err != nil:
	case row != nil && !slices.Contains(row.Keys, k), row == nil && own:
		err = fmt.Errorf("customer key %x was taken away: %w", k.Key, ErrNotFound)
	}
	if err != nil {
		return sale.Customer{}, err
	}
	return c, nil
}

// owner finds whose a key is. own tells that the snapshot in use does not have it while this till does: then
// it counts only for a customer enrolled here whom head office did not know when it made the snapshot.
func (l *Ledger) owner(k sale.CustomerKey) (no sale.CustomerNo, own bool, err error) {
	var version uint64
	err = l.view(func(tx *bbolt.Tx) error {
		version, no = keyRow(tx, k)
		return nil
	})
	if err != nil {
		return 0, false, err
	}
	if snap := l.snap.use(); snap != nil {
		defer snap.done()
		if version <= snap.head.Version { // no overlay, or one older than the snapshot
			there, err := snap.find(k)
			if err != nil {
				return 0, false, err
			}
			if own = there == 0; !own {
				no = there
			}
		}
	}
	if no == 0 {
		err = fmt.Errorf("customer key %x: %w", k.Key, ErrNotFound)
	}
	return no, own, err
}

// keyRow reads the overlay of keys; zero where it has none.
func keyRow(tx *bbolt.Tx, k sale.CustomerKey) (version uint64, no sale.CustomerNo) {
	v := tx.Bucket([]byte("keys")).Get(keyBytes(k))
	if len(v) != 16 {
		return 0, 0
	}
	return binary.BigEndian.Uint64(v), sale.CustomerNo(binary.BigEndian.Uint64(v[8:]))
}

func (w *writer) putKey(k sale.CustomerKey, version uint64, no sale.CustomerNo) error {
	v := binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(nil, version), uint64(no))
	if err := w.bucket("keys").Put(keyBytes(k), v); err != nil {
		return fmt.Errorf("put a key of customer %s: %w", no, err)
	}
	return nil
}

// Customer reads a customer with balance, debt, purses, receipts and uses of promotions as head office
// last told, and what this till has journalled since on top, over all accounts that were merged into the
// customer's. What a purse shows is less its debt.
func (l *Ledger) Customer(no sale.CustomerNo) (sale.Customer, error) {
	c, _, err := l.customer(no)
	return c, err
}

// customer gives also the change that the customer was read from, nil where it was the snapshot.
func (l *Ledger) customer(no sale.CustomerNo) (sale.Customer, *customerRow, error) {
	c, change, err := l.told(no)
	if err != nil {
		return c, nil, err
	}
	own, err := l.ownSince(c)
	if err != nil {
		return c, nil, err
	}
	own.onTop(&c)
	return c, change, nil
}

// HolderOf is the customer who has an account now: itself, or the one that head office merged it into, as far
// as its changes told since the snapshot. Nobody known of: the number itself.
func (l *Ledger) HolderOf(no sale.CustomerNo) (sale.CustomerNo, error) {
	if _, _, err := l.told(no); !errors.Is(err, ErrNotFound) {
		return no, err
	}
	holder := no
	err := l.view(func(tx *bbolt.Tx) error {
		return tx.Bucket([]byte("customers")).ForEach(func(k, v []byte) error { // few come since a snapshot, and merges are rare
			var row customerRow
			if err := sale.Decode(v, &row); err != nil {
				return fmt.Errorf("%w: customer %x: %w", ErrDamaged, k, err)
			}
			if !row.Gone && slices.Contains(row.Customer.Accounts, no) {
				holder = row.Customer.No
			}
			return nil
		})
	})
	return holder, err
}

// told is a customer as head office last told, or as this till enrolled them.
func (l *Ledger) told(no sale.CustomerNo) (c sale.Customer, change *customerRow, err error) {
	var row customerRow
	var found bool
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
			there, known, err := snap.customer(no)
			if err != nil {
				return c, nil, err
			}
			if enrolledHere := found && row.Own.Seq != 0 && !snap.covers(row.Own); known || !enrolledHere {
				c, found, change, row.Gone = there, known, nil, false
			}
		}
	}
	if !found || row.Gone {
		return sale.Customer{}, nil, fmt.Errorf("customer %s: %w", no, ErrNotFound)
	}
	return c, change, nil
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
		if err := decodeChange(c.Body, &in); err != nil {
			return err
		}
		if in.Customer.No != no {
			return refuse("customer %s under the key of %s", in.Customer.No, no)
		}
		row.Customer, row.Keys = in.Customer, in.Keys
	}
	for _, k := range in.Keys {
		if version, _ := keyRow(w.Tx, k); version > c.Version {
			continue // a newer change gave the key to another
		}
		if err := w.putKey(k, c.Version, no); err != nil {
			return err
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
