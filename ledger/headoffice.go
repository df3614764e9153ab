package ledger

import (
	"encoding/binary"
	"fmt"
	"sync"

	"go.etcd.io/bbolt"

	"github.com/kopilka/kopilka/ledger/loyalty"
	"github.com/kopilka/kopilka/ledger/sale"
)

// What head office tells a till besides customers, leases and goods: staff, programmes, settings; and
// the baskets that a cashier put aside.

type staffRow struct {
	Version uint64     `cbor:"1,keyasint"`
	Staff   sale.Staff `cbor:"2,keyasint"`
}

func (w *writer) applyStaff(c sale.Change) error {
	var old staffRow
	found, err := get(w.bucket("staff"), c.Key, &old)
	if err != nil || (found && old.Version > c.Version) {
		return err
	}
	row := staffRow{Version: c.Version, Staff: old.Staff}
	row.Staff.Gone = true
	if !c.Gone {
		row.Staff = sale.Staff{}
		if err := decodeChange(c.Body, &row.Staff); err != nil {
			return err
		}
	}
	return put(w.bucket("staff"), c.Key, row)
}

// Staff lists the members of staff who may work at this till, those who left too.
func (l *Ledger) Staff() (out []sale.Staff, err error) {
	err = l.view(func(tx *bbolt.Tx) error {
		return tx.Bucket([]byte("staff")).ForEach(func(k, v []byte) error {
			var row staffRow
			if err := sale.Decode(v, &row); err != nil {
				return fmt.Errorf("%w: staff %x: %w", ErrDamaged, k, err)
			}
			out = append(out, row.Staff)
			return nil
		})
	})
	return out, err
}

func (w *writer) applyProgramme(c sale.Change) error {
	if c.Gone {
		return nil // a version once published is history: receipts name it
	}
	p, err := loyalty.Decode(c.Body)
	if err != nil {
		return &changeError{err}
	}
	if p.Version != binary.BigEndian.Uint32(c.Key) {
		return refuse("programme %d under the key %x", p.Version, c.Key)
	}
	return w.bucket("programmes").Put(c.Key, c.Body)
}

// programmes keeps what was read of the programmes' bucket: all versions are asked for whenever anything of
// head office's state has changed, and reading one of 200 promotions takes a good part of a millisecond.
type programmes struct {
	mu   sync.Mutex
	read map[string]*loyalty.Programme // by its bytes, so that nothing else decides what it is
}

// decode gives the same programme for the same bytes.
func (c *programmes) decode(raw []byte) (*loyalty.Programme, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if p := c.read[string(raw)]; p != nil {
		return p, nil
	}
	p, err := loyalty.Decode(raw)
	if err != nil {
		return nil, err
	}
	if c.read == nil {
		c.read = map[string]*loyalty.Programme{}
	}
	c.read[string(raw)] = p
	return p, nil
}

// Programmes reads every version of the loyalty programme that came down. They are shared: nobody may
// change them. A version that has not changed is the same pointer as before.
func (l *Ledger) Programmes() (out []*loyalty.Programme, err error) {
	err = l.view(func(tx *bbolt.Tx) error {
		return tx.Bucket([]byte("programmes")).ForEach(func(k, v []byte) error {
			p, err := l.rules.decode(v)
			if err != nil {
				return fmt.Errorf("%w: programme %x: %w", ErrDamaged, k, err)
			}
			out = append(out, p)
			return nil
		})
	})
	return out, err
}

type settingsRow struct {
	Version  uint64        `cbor:"1,keyasint"`
	Settings sale.Settings `cbor:"2,keyasint"`
}

func (w *writer) applySettings(c sale.Change) error {
	var old settingsRow
	key := []byte("settings")
	if _, err := get(w.bucket("settings"), key, &old); err != nil || c.Gone || old.Version > c.Version {
		return err
	}
	row := settingsRow{Version: c.Version}
	if err := decodeChange(c.Body, &row.Settings); err != nil {
		return err
	}
	return put(w.bucket("settings"), key, row)
}

// SetSettings writes the settings that enrolment brought, before the first word of the feed.
func (l *Ledger) SetSettings(s sale.Settings) error {
	return l.write(func(w *writer) error { return put(w.bucket("settings"), []byte("settings"), settingsRow{Settings: s}) })
}

// Settings reads what head office told of this till and its store; ErrNotFound before enrolment.
func (l *Ledger) Settings() (sale.Settings, error) {
	var row settingsRow
	err := l.view(func(tx *bbolt.Tx) error {
		found, err := get(tx.Bucket([]byte("settings")), []byte("settings"), &row)
		if err == nil && !found {
			err = fmt.Errorf("settings: %w", ErrNotFound)
		}
		return err
	})
	return row.Settings, err
}

type standingRow struct {
	Version  uint64        `cbor:"1,keyasint"`
	Standing sale.Standing `cbor:"2,keyasint"`
}

var standingKey = []byte("standing")

// applyStanding takes the word about this till's own store; of others there is none to be expected.
func (w *writer) applyStanding(c sale.Change) error {
	var old standingRow
	if _, err := get(w.bucket("settings"), standingKey, &old); err != nil || old.Version > c.Version {
		return err
	}
	row := standingRow{Version: c.Version}
	if !c.Gone {
		if err := decodeChange(c.Body, &row.Standing); err != nil {
			return err
		}
	}
	if !c.Gone && row.Standing.Store != w.s.who.Store {
		return nil
	}
	return put(w.bucket("settings"), standingKey, row)
}

// Standing is how the store's cashiers did, as head office last told; ErrNotFound where it has not.
func (l *Ledger) Standing() (sale.Standing, error) {
	var row standingRow
	err := l.view(func(tx *bbolt.Tx) error {
		_, err := get(tx.Bucket([]byte("settings")), standingKey, &row)
		if err == nil && row.Standing.Day == 0 {
			err = fmt.Errorf("standing: %w", ErrNotFound)
		}
		return err
	})
	return row.Standing, err
}

// Parked is a basket that a cashier put aside.
type Parked struct {
	ID     sale.ID      `cbor:"1,keyasint"`
	At     sale.Time    `cbor:"2,keyasint"`
	Staff  sale.StaffNo `cbor:"3,keyasint"`
	Basket sale.Basket  `cbor:"4,keyasint"`
	// What the fraud rules know of the receipt goes with it: parking washes nothing off.
	FoundBy  sale.FoundBy `cbor:"5,keyasint,omitempty"` // how the customer was named; zero: nobody knows any more
	Totalled bool         `cbor:"6,keyasint,omitempty"` // the payment was begun
	Late     bool         `cbor:"7,keyasint,omitempty"` // the customer was named after that
	Lookups  uint32       `cbor:"8,keyasint,omitempty"` // without a sale, where they stop this receipt
}

// ParkedMax bounds the baskets put aside at one till.
const ParkedMax = 50

// Park puts a basket aside.
func (l *Ledger) Park(p Parked) error {
	return l.write(func(w *writer) error {
		b := w.bucket("parked")
		if b.Stats().KeyN >= ParkedMax {
			return fmt.Errorf("park a basket: %d are parked already: %w", ParkedMax, ErrBusy)
		}
		p.At, _ = w.now()
		return put(b, p.ID[:], p)
	})
}

// Unpark takes a basket back; it is gone from the list.
func (l *Ledger) Unpark(id sale.ID) (p Parked, err error) {
	err = l.write(func(w *writer) error {
		found, err := get(w.bucket("parked"), id[:], &p)
		if err != nil {
			return err
		}
		if !found {
			return fmt.Errorf("parked basket %s: %w", id, ErrNotFound)
		}
		return w.bucket("parked").Delete(id[:])
	})
	return p, err
}

// ParkedBaskets lists what is put aside, oldest first.
func (l *Ledger) ParkedBaskets() (out []Parked, err error) {
	err = l.view(func(tx *bbolt.Tx) error {
		return tx.Bucket([]byte("parked")).ForEach(func(k, v []byte) error {
			var p Parked
			if err := sale.Decode(v, &p); err != nil {
				return fmt.Errorf("%w: parked %x: %w", ErrDamaged, k, err)
			}
			out = append(out, p)
			return nil
		})
	})
	return out, err
}
