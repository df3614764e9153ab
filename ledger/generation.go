package ledger

import (
	"go.etcd.io/bbolt"

	"github.com/kopilka/kopilka/ledger/sale"
)

// Regenerate takes the generation that head office says it is of. A higher one than before means that it
// came back from a backup, and may not know of leases that it granted since: all are handed back, those of
// a begun job as soon as that has ended, and head office grants what is left anew. The first generation
// that a till hears of is only noted: its leases, if any, were born here.
func (l *Ledger) Regenerate(generation uint32) error {
	if generation <= l.state.Load().generation {
		return nil
	}
	return l.write(func(w *writer) error {
		before := w.s.generation
		if generation <= before {
			return nil
		}
		w.s.generation = generation
		if before == 0 {
			return nil
		}
		if err := w.recallAll(); err != nil {
			return err
		}
		return w.releaseRecalled()
	})
}

// recallAll marks every lease that is not handed back as asked for.
func (w *writer) recallAll() error {
	var live []*leaseRow
	err := w.bucket("leases").ForEach(func(_, v []byte) error {
		row := new(leaseRow)
		if err := sale.Decode(v, row); err != nil {
			return err
		}
		if !row.Closed && !row.Recall {
			live = append(live, row)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, row := range live {
		row.Recall = true
		if err := w.putLease(row); err != nil {
			return err
		}
		if err := w.markRecalled(row); err != nil {
			return err
		}
	}
	return nil
}

// Generation is head office's generation of which this till holds no lease from before: zero while one is
// still to be handed back.
func (l *Ledger) Generation() (generation uint32, err error) {
	err = l.view(func(tx *bbolt.Tx) error {
		if k, _ := tx.Bucket([]byte("recalled")).Cursor().First(); k == nil {
			generation = l.state.Load().generation
		}
		return nil
	})
	return generation, err
}
