package ledger

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"go.etcd.io/bbolt"

	"github.com/kopilka/kopilka/ledger/sale"
)

// Facts are what the fraud rules ask of a till's recent past.
type Facts struct {
	Receipts     int       // of the customer in this shift, over all their accounts
	LastReceipt  sale.Time // at this till; zero: none that is still to be read
	LastRedeemed sale.Time // last receipt at this till that points paid of
	Lookups      int       // customers and certificates looked up in this shift to whom nothing was sold in it
}

// shiftMax is how long a shift lasts by law; where another program keeps the shifts, it bounds what is counted.
const shiftMax = 24 * time.Hour

// Facts reads the recent past of a customer at this till; zero for nobody in particular.
func (l *Ledger) Facts(c sale.Customer) (f Facts, err error) {
	f.Lookups = l.looked.count()
	if c.No == 0 {
		return f, nil
	}
	now, _ := l.Now()
	t := l.Tally()
	opened, since := string(positionKey(t.Epoch, t.Seq)), now.Add(-shiftMax)
	err = l.view(func(tx *bbolt.Tx) error {
		for _, no := range accounts(c) {
			err := eachOwn(tx, no, 0, 0, func(at []byte, row ownRow) {
				if row.Bought == 0 {
					return
				}
				if string(at) >= opened && row.At >= since {
					f.Receipts++
				}
				f.LastReceipt = max(f.LastReceipt, row.At)
				if row.Redeemed > 0 {
					f.LastRedeemed = max(f.LastRedeemed, row.At)
				}
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
	return f, err
}

// lookedMax bounds the customers remembered as looked up in vain: a rule's limit is some tens.
const lookedMax = 1000

// looked are the customers looked up in this shift who have bought nothing since. They go to disk with the
// next record: a look-up must not wait for a disk.
type looked struct {
	mu    sync.Mutex // held for a few instructions
	who   map[sale.CustomerNo]bool
	dirty bool
}

var lookedKey = []byte("looked")

func (k *looked) load(tx *bbolt.Tx) error {
	var list []sale.CustomerNo
	if _, err := get(meta(tx), lookedKey, &list); err != nil {
		return fmt.Errorf("read who was looked up: %w", err)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.who = map[sale.CustomerNo]bool{}
	for _, no := range list {
		k.who[no] = true
	}
	return nil
}

func (k *looked) count() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return len(k.who)
}

func (k *looked) add(no sale.CustomerNo) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if !k.who[no] && len(k.who) < lookedMax {
		k.who[no], k.dirty = true, true
	}
}

// heard forgets who has bought; a new shift begins with nobody.
func (k *looked) heard(r *sale.Record) {
	k.mu.Lock()
	defer k.mu.Unlock()
	switch {
	case r.Kind == sale.KindShiftOpen:
		k.dirty = k.dirty || len(k.who) > 0
		clear(k.who)
	case r.Sale != nil:
		k.bought(r.Sale.Customer)
		for _, p := range r.Postings { // a certificate that was looked up has paid
			if p.Account.Kind == sale.AccountCustomer {
				k.bought(p.Account.No)
			}
		}
	}
}

func (k *looked) bought(no sale.CustomerNo) {
	if k.who[no] {
		delete(k.who, no)
		k.dirty = true
	}
}

// take is the list to be written, and whether there is anything new to write.
func (k *looked) take() (list []sale.CustomerNo, dirty bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for no := range k.who {
		list = append(list, no)
	}
	slices.Sort(list)
	dirty, k.dirty = k.dirty, false
	return list, dirty
}

// Looked notes that a customer was looked up at this till. It is counted until they buy or the shift ends.
func (l *Ledger) Looked(no sale.CustomerNo) { l.looked.add(no) }

// nobodys is set in the numbers that stand for keys which find nobody; customers' own never get so far.
const nobodys sale.CustomerNo = 1 << 62

// LookedFor notes a number that was typed and finds nobody: whoever tries numbers mostly meets those. It is
// counted until the shift ends.
func (l *Ledger) LookedFor(key sale.LookupKey) {
	l.looked.add(nobodys | sale.CustomerNo(binary.BigEndian.Uint64(key[:])>>2))
}

func (w *writer) saveLooked() error {
	list, dirty := w.l.looked.take()
	if !dirty {
		return nil
	}
	return put(meta(w.Tx), lookedKey, list)
}

// keepLooked writes before the ledger is closed what no record has taken along.
func (l *Ledger) keepLooked() error {
	l.looked.mu.Lock()
	dirty := l.looked.dirty
	l.looked.mu.Unlock()
	if !dirty {
		return nil
	}
	if err := l.write(func(*writer) error { return nil }); err != nil && !errors.Is(err, ErrBroken) {
		return fmt.Errorf("keep who was looked up: %w", err)
	}
	return nil
}
