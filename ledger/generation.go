package ledger

import (
	"bytes"
	"fmt"

	"go.etcd.io/bbolt"

	"github.com/kopilka/kopilka/ledger/sale"
)

// recallSlice is how many leases at most go back in one transaction: a sale that begins or ends meanwhile waits for
// one slice. In one transaction for all, the time would grow with the square of their number: bbolt splits a page
// that grows only at the commit, and until then moves all that follows at each row put in or taken out.
const recallSlice = 500

// Regenerate takes the generation that head office says it is of. A higher one than before means that it
// came back from a backup, and may not know of leases that it granted since: all are handed back, those of
// a begun job as soon as that has ended, and head office grants what is left anew. The first generation
// that a till hears of is only noted: its leases, if any, were born here.
//
// Sales go on meanwhile, and may spend of a lease whose turn has not come, as they did before this till heard
// of the restore: head office grants nothing until it is told the new generation. That is noted last, so that
// after a power cut the same word of head office goes on with the leases that are left.
func (l *Ledger) Regenerate(generation uint32) error {
	before := l.state.Load().generation
	if generation <= before {
		return nil
	}
	if before != 0 {
		if err := l.recallAll(); err != nil {
			return fmt.Errorf("recall the leases of generation %d: %w", before, err)
		}
	}
	return l.write(func(w *writer) error {
		if generation <= w.s.generation {
			return errNoProgress
		}
		w.s.generation = generation
		return nil
	})
}

// recallAll hands back every lease that is not handed back, in slices.
func (l *Ledger) recallAll() error {
	for from := []byte{}; from != nil; {
		live, next, err := l.recallable(from)
		if err != nil {
			return err
		}
		if len(live) > 0 {
			if err := l.write(func(w *writer) error { return w.recall(live) }); err != nil {
				return err
			}
		}
		from = next
	}
	return nil
}

// recallable lists the leases to hand back in the next slice of the table, and where the one after it begins. It
// reads before the write begins: of the closed ones, which are many after a year, no sale waits for any.
func (l *Ledger) recallable(from []byte) (live []sale.ID, next []byte, err error) {
	err = l.view(func(tx *bbolt.Tx) error {
		c := tx.Bucket([]byte("leases")).Cursor()
		k, v := c.Seek(from)
		for n := 0; k != nil && n < recallSlice; n++ {
			var row leaseRow
			if err := sale.Decode(v, &row); err != nil {
				return fmt.Errorf("%w: lease %x: %w", ErrDamaged, k, err)
			}
			if row.recallable() {
				live = append(live, sale.ID(k))
			}
			k, v = c.Next()
		}
		next = bytes.Clone(k) // nil at the end
		return nil
	})
	return live, next, err
}

// recallable tells that the lease is to be handed back, and has not been asked for yet. So is one with nothing left
// in it: head office may have lost what was spent of it, and reads that before it reads the release.
func (r *leaseRow) recallable() bool { return !r.Closed && !r.Recall }

// recall marks leases as asked for and hands back those that no begun job holds. What a sale has spent or closed
// since they were listed stays so.
func (w *writer) recall(ids []sale.ID) error {
	for _, id := range ids {
		row, err := w.lease(id)
		if err != nil {
			return err
		}
		if row == nil || !row.recallable() {
			continue
		}
		row.Recall = true
		if err := w.putLease(row); err != nil {
			return err
		}
		if err := w.markRecalled(row); err != nil {
			return err
		}
	}
	return w.releaseRecalled()
}

// Generation is head office's generation of which this till holds no lease from before: zero while one is
// still to be handed back.
func (l *Ledger) Generation() (generation uint32, err error) {
	heard := l.state.Load().generation // before the leases: a newer one has leases that the view may not show
	err = l.view(func(tx *bbolt.Tx) error {
		if k, _ := tx.Bucket([]byte("recalled")).Cursor().First(); k == nil {
			generation = heard
		}
		return nil
	})
	return generation, err
}
