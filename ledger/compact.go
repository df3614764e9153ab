package ledger

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"go.etcd.io/bbolt"

	"github.com/kopilka/kopilka/ledger/durable"
	"github.com/kopilka/kopilka/ledger/sale"
)

// Compact limits.
const (
	compactTxRows = 20_000 // rows a transaction: few enough for memory, many enough for speed
	newName       = FileName + ".new"
	floorKey      = "floor" // in meta: key of the first record kept
)

// Compact moves what is still needed into a new file, closes this one and puts the new in its place;
// the ledger is closed afterwards, open it anew. Records stay if they are younger than keep or not yet
// acknowledged; own postings and lots stay. A return whose sale has left is still found, one that has
// left itself is ErrNotFound. It refuses while a fiscal job is begun. A power cut leaves the old file or
// the new one, both whole.
func Compact(dir string, o Options, keep time.Duration) error {
	l, err := Open(dir, o)
	if err != nil {
		return err
	}
	now, _ := l.Now()
	err = l.copyTo(filepath.Join(dir, newName), now.Add(-keep))
	if err = errors.Join(err, l.Close()); err != nil {
		return errors.Join(fmt.Errorf("compact the ledger: %w", err), remove(filepath.Join(dir, newName)))
	}
	if err := os.Rename(filepath.Join(dir, newName), filepath.Join(dir, FileName)); err != nil {
		return fmt.Errorf("put the compacted ledger in place: %w", err)
	}
	return syncDir(dir)
}

// syncDir makes a rename in the ledger's folder last.
func syncDir(dir string) error {
	if err := durable.FlushFolder(dir); err != nil {
		return fmt.Errorf("flush the ledger's folder: %w", err)
	}
	return nil
}

// finishCompact clears away a new file that a power cut left half written: the old one is whole.
func finishCompact(dir string) error { return remove(filepath.Join(dir, newName)) }

func remove(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

func (l *Ledger) copyTo(path string, since sale.Time) error {
	if err := remove(path); err != nil {
		return err
	}
	to, err := bbolt.Open(path, 0o600, &bbolt.Options{FreelistType: bbolt.FreelistMapType, NoSync: true})
	if err != nil {
		return fmt.Errorf("make %s: %w", path, err)
	}
	err = l.view(func(from *bbolt.Tx) error {
		if j, err := begun(from); err != nil || j != nil {
			return errors.Join(err, ErrBusy)
		}
		for _, name := range buckets {
			if err := copyBucket(from, to, name, l.keeps(from, name, since)); err != nil {
				return fmt.Errorf("copy %s: %w", name, err)
			}
		}
		return nil
	})
	if err == nil {
		err = to.Update(writeFloor)
	}
	if err == nil {
		err = to.Sync() // one flush for the whole copy: nothing refers to the file before it
	}
	return errors.Join(err, to.Close())
}

// writeFloor notes where the journal begins from now on, so that Check tells what has left from what is lost.
func writeFloor(tx *bbolt.Tx) error {
	k, _ := tx.Bucket([]byte("journal")).Cursor().First()
	if k == nil {
		return nil
	}
	return meta(tx).Put([]byte(floorKey), k)
}

// keeps says which rows of a bucket move. The newest record always does: the next is chained to it.
// Closed leases stay while head office may not have heard that they are: its late word would revive them.
func (l *Ledger) keeps(from *bbolt.Tx, name string, since sale.Time) func(k, v []byte) (bool, error) {
	acked, head := l.Acked(), l.Head()
	heard := acked == head
	switch name {
	case "journal":
		return func(k, v []byte) (bool, error) {
			epoch, seq := splitPosition(k)
			if epoch > acked.Epoch || (epoch == acked.Epoch && seq >= acked.Seq) || (epoch == head.Epoch && seq == head.Seq) {
				return true, nil
			}
			var e sale.Entry
			if err := sale.Decode(v, &e); err != nil {
				return false, err
			}
			r, err := sale.DecodeRecord(e.Record)
			return err == nil && r.At >= since, err
		}
	case "leases":
		return func(_, v []byte) (bool, error) {
			var row leaseRow
			err := sale.Decode(v, &row)
			return !row.Closed || !heard, err
		}
	case "held":
		return func(k, _ []byte) (bool, error) {
			var row leaseRow
			found, err := get(from.Bucket([]byte("leases")), k[accountKeyBytes:], &row)
			return found && (!row.Closed || !heard), err
		}
	}
	return func(_, _ []byte) (bool, error) { return true, nil }
}

func copyBucket(from *bbolt.Tx, to *bbolt.DB, name string, keep func(k, v []byte) (bool, error)) error {
	c := from.Bucket([]byte(name)).Cursor()
	k, v := c.First()
	for done := false; !done; {
		err := to.Update(func(tx *bbolt.Tx) error {
			b, err := tx.CreateBucketIfNotExists([]byte(name))
			if err != nil {
				return err
			}
			b.FillPercent = journalFill // keys come sorted
			for n := 0; k != nil && n < compactTxRows; n++ {
				ok, err := keep(k, v)
				if err != nil {
					return err
				}
				if ok {
					if err := b.Put(k, v); err != nil {
						return err
					}
				}
				k, v = c.Next()
			}
			done = k == nil
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}
