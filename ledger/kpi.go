package ledger

import (
	"fmt"
	"sync"

	"go.etcd.io/bbolt"

	"github.com/kopilka/kopilka/ledger/sale"
)

// KPI is what a member of staff did at this till in a time: receipts of test customers are left out, and their
// returns.
type KPI struct {
	Receipts     int
	WithCustomer int // the store's own account of buyers without a card is none
	Enrolled     int
	Returns      int
	Sold         sale.Money
	Earned       sale.Points // given to customers, less what was taken back
	Redeemed     sale.Points // less what was given back
	Reward       sale.Points // their own, less what returns of their sales took back
}

// figures are the KPIs since a moment, kept up to the newest record read: a page that is shown after each
// receipt must not read the whole day each time.
type figures struct {
	mu    sync.Mutex // one reader at a time; the till asks after each record
	since sale.Time
	house sale.CustomerNo
	read  sale.Position
	of    map[sale.StaffNo]*KPI
}

// KPIs is each cashier's figures since a moment: the store's midnight, or the shift's opening.
func (l *Ledger) KPIs(since sale.Time) (map[sale.StaffNo]KPI, error) {
	f := &l.kpi
	f.mu.Lock()
	defer f.mu.Unlock()
	err := l.view(func(tx *bbolt.Tx) error {
		var settings settingsRow
		if _, err := get(tx.Bucket([]byte("settings")), []byte("settings"), &settings); err != nil {
			return err
		}
		if f.of == nil || f.since != since || f.house != settings.Settings.House {
			f.of, f.since, f.house, f.read = map[sale.StaffNo]*KPI{}, since, settings.Settings.House, sale.Position{}
		}
		return f.readOn(tx)
	})
	if err != nil {
		f.of = nil // half read
		return nil, fmt.Errorf("reckon the cashiers' figures: %w", err)
	}
	out := make(map[sale.StaffNo]KPI, len(f.of))
	for staff, k := range f.of {
		out[staff] = *k
	}
	return out, nil
}

// readOn goes back from the newest record to what was read before, or to the beginning of the time.
func (f *figures) readOn(tx *bbolt.Tx) error {
	c := tx.Bucket([]byte("journal")).Cursor()
	newest := sale.Position{}
	for k, v := c.Last(); k != nil; k, v = c.Prev() {
		epoch, seq := splitPosition(k)
		if epoch < f.read.Epoch || (epoch == f.read.Epoch && seq <= f.read.Seq) {
			break
		}
		if newest.Seq == 0 {
			newest = sale.Position{Epoch: epoch, Seq: seq}
		}
		var e sale.Entry
		if err := sale.Decode(v, &e); err != nil {
			return fmt.Errorf("%w: journal %x: %w", ErrDamaged, k, err)
		}
		r, err := sale.DecodeRecord(e.Record)
		if err != nil {
			return fmt.Errorf("%w: journal %x: %w", ErrDamaged, k, err)
		}
		if r.At < f.since {
			break
		}
		f.add(r)
	}
	if newest.Seq != 0 {
		f.read = newest
	}
	return nil
}

func (f *figures) row(staff sale.StaffNo) *KPI {
	if f.of[staff] == nil {
		f.of[staff] = new(KPI)
	}
	return f.of[staff]
}

func (f *figures) add(r *sale.Record) {
	switch {
	case r.Sale != nil && !r.Sale.Training:
		k := f.row(r.Staff)
		k.Receipts++
		k.Sold += r.Sale.Total
		k.Earned, k.Redeemed, k.Reward = k.Earned+r.Sale.Earned, k.Redeemed+r.Sale.Redeemed, k.Reward+r.Sale.Reward
		if no := r.Sale.Customer; no != 0 && no != f.house {
			k.WithCustomer++
		}
	case r.Return != nil && !r.Return.Training:
		k := f.row(r.Staff)
		k.Returns++
		k.Earned, k.Redeemed = k.Earned-r.Return.Clawed, k.Redeemed-r.Return.Restored
		if r.Return.Reward != 0 {
			f.row(r.Return.Seller).Reward -= r.Return.Reward
		}
	case r.Enrol != nil:
		f.row(r.Staff).Enrolled++
	}
}
