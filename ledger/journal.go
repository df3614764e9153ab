package ledger

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"go.etcd.io/bbolt"

	"github.com/kopilka/kopilka/ledger/sale"
)

// appendNew gives a record its ID and time and appends it.
func (w *writer) appendNew(r *sale.Record, sealed []byte) error {
	at, _ := w.now()
	id, err := w.newID(at)
	if err != nil {
		return err
	}
	r.ID = id
	return w.append(r, sealed)
}

// append numbers, chains, stores and indexes a record, and applies what it does to the till's own
// tables, all in the caller's transaction.
func (w *writer) append(r *sale.Record, sealed []byte) error {
	if w.s.who.Till == 0 {
		return ErrNoTill
	}
	r.Version, r.Org, r.Store, r.Till = sale.RecordVersion, w.s.who.Org, w.s.who.Store, w.s.who.Till
	r.At, r.Quality = w.now()
	r.Epoch, r.Seq, r.Prev = w.s.head.Epoch, w.s.head.Seq+1, w.s.head.Head
	if err := r.Validate(); err != nil {
		return err
	}
	record, err := r.Bytes()
	if err != nil {
		return err
	}
	journal := w.bucket("journal")
	journal.FillPercent = journalFill
	key := positionKey(r.Epoch, r.Seq)
	if err := put(journal, key, sale.Entry{Record: record, Sealed: sealed}); err != nil {
		return err
	}
	if err := w.index(r, key); err != nil {
		return err
	}
	w.s.head.Seq, w.s.head.Head = r.Seq, sale.HashOf(record)
	w.s.tally.add(r)
	w.l.looked.heard(r)
	if err := w.useCodes(r); err != nil {
		return err
	}
	return w.applyOwn(r)
}

func (w *writer) index(r *sale.Record, key []byte) error {
	b := w.bucket("index")
	for _, k := range indexKeys(r) {
		if b.Get(k) != nil {
			return fmt.Errorf("%w: %s %s", ErrKnown, r.Kind, r.ID)
		}
		if err := b.Put(k, key); err != nil {
			return fmt.Errorf("index %s: %w", r.ID, err)
		}
	}
	if r.Return == nil {
		return nil
	}
	for _, k := range indexReturn(r.Return, key) {
		if err := b.Put(k, []byte{}); err != nil {
			return fmt.Errorf("index return %s: %w", r.ID, err)
		}
	}
	return nil
}

// indexReturn is where a return is found from what it undoes: its sale, and the fiscal document, which is all
// that a scanned receipt names. The first is the one that a file of any version has.
func indexReturn(r *sale.Return, key []byte) (keys [][]byte) {
	if !r.Pending {
		keys = append(keys, append(indexReturns(r.Of), key...))
	}
	if r.Pending || r.OfDoc.FD != 0 {
		keys = append(keys, append(indexDocReturns(r.OfDoc), key...))
	}
	return keys
}

// indexKeys are the keys that belong to one record alone.
func indexKeys(r *sale.Record) [][]byte {
	keys := [][]byte{indexID(r.ID)}
	if r.Fiscal != nil && r.Fiscal.Key.FD != 0 {
		keys = append(keys, indexDoc(r.Fiscal.Key))
	}
	if no := numberOf(r); no != 0 {
		keys = append(keys, indexNo(no))
	}
	return keys
}

func numberOf(r *sale.Record) sale.OperationNo {
	switch {
	case r.Sale != nil:
		return r.Sale.No
	case r.Return != nil:
		return r.Return.No
	case r.Correct != nil:
		return r.Correct.No
	case r.Enrol != nil:
		return r.Enrol.Customer
	}
	return 0
}

func indexID(id sale.ID) []byte { return append([]byte{'i'}, id[:]...) }

func indexDoc(k sale.FiscalKey) []byte {
	b := append([]byte{'d'}, k.FN...)
	return binary.BigEndian.AppendUint32(append(b, 0), k.FD)
}

func indexNo(no sale.OperationNo) []byte {
	return binary.BigEndian.AppendUint64([]byte{'n'}, uint64(no))
}

func indexDocReturns(k sale.FiscalKey) []byte {
	b := indexDoc(k)
	b[0] = 'p'
	return b
}

func indexReturns(of sale.ID) []byte { return append([]byte{'r'}, of[:]...) }

// Head is the newest record.
func (l *Ledger) Head() sale.Position { return l.state.Load().head }

// Acked is how far head office holds the journal, as it last told.
func (l *Ledger) Acked() sale.Position { return l.state.Load().acked }

// Appended is signalled, once for any number of records, when the journal has grown.
func (l *Ledger) Appended() <-chan struct{} { return l.appended }

// Unsent counts the records that head office has not acknowledged.
func (l *Ledger) Unsent() uint64 {
	s := l.state.Load()
	if s.head.Epoch == s.acked.Epoch {
		return s.head.Seq - min(s.head.Seq, s.acked.Seq)
	}
	return s.head.Seq + 1 // at least; the rest is in epochs before
}

// Since reads the records of after's epoch that follow it, at most so many and so many bytes (but
// always one), for the uplink.
func (l *Ledger) Since(after sale.Position, records, limit int) ([]sale.Entry, error) {
	var out []sale.Entry
	err := l.view(func(tx *bbolt.Tx) error {
		c := tx.Bucket([]byte("journal")).Cursor()
		total := 0
		for k, v := c.Seek(positionKey(after.Epoch, after.Seq+1)); k != nil && len(out) < records; k, v = c.Next() {
			if epoch, _ := splitPosition(k); epoch != after.Epoch {
				break
			}
			total += len(v)
			if len(out) > 0 && total > limit {
				break
			}
			var e sale.Entry // decoding copies the bytes out of the transaction
			if err := sale.Decode(v, &e); err != nil {
				return fmt.Errorf("%w: journal %x: %w", ErrDamaged, k, err)
			}
			out = append(out, e)
		}
		return nil
	})
	return out, err
}

// Find is the hash of a record; found is false where the journal has none of that number. Seq zero,
// before the first record, is found with the zero hash in every epoch that exists.
func (l *Ledger) Find(epoch uint32, seq uint64) (hash sale.Hash, found bool, err error) {
	if seq == 0 {
		return sale.Hash{}, epoch >= 1 && epoch <= l.Head().Epoch, nil
	}
	err = l.view(func(tx *bbolt.Tx) error {
		var e sale.Entry
		if found, err = get(tx.Bucket([]byte("journal")), positionKey(epoch, seq), &e); found {
			hash = sale.HashOf(e.Record)
		}
		return err
	})
	return hash, found, err
}

// Confirm moves the outbox cursor to what head office holds. It never moves back: an older word of
// head office, arriving late, is ignored.
func (l *Ledger) Confirm(have sale.Position) error {
	return l.write(func(w *writer) error {
		a := w.s.acked
		if have.Epoch < a.Epoch || (have.Epoch == a.Epoch && have.Seq <= a.Seq) {
			return errNoProgress
		}
		w.s.acked = have
		return nil
	})
}

// OpenEpoch begins a new epoch after theirs and ours: this journal was restored from an older image, or
// head office knows another. All leases are dropped: head office, which knows what was spent, sends
// them again. The state is asked for from the beginning.
func (l *Ledger) OpenEpoch(reason string, theirs sale.Position) error {
	return l.write(func(w *writer) error {
		old := w.s.head
		start := &sale.EpochStart{Reason: reason, OldEpoch: theirs.Epoch, OldSeq: theirs.Seq, OldHead: theirs.Head, Storage: w.s.tally.Last}
		w.s.counter += lostNumbers(old, w.s.acked, theirs)
		w.s.head = sale.Position{Epoch: max(old.Epoch, theirs.Epoch) + 1}
		w.s.applied = 0
		if err := w.dropLeases(); err != nil {
			return err
		}
		return w.appendNew(&sale.Record{Kind: sale.KindEpoch, Start: start}, nil)
	})
}

// epochNumbers is more than a till numbers in an epoch that it has never seen.
const epochNumbers = 1 << 20

// lostNumbers bounds how many operation numbers the lost part of the journal used: one a record at most,
// and one for a job that was begun then. Numbers already given to receipts must not be given again.
func lostNumbers(ours, acked, theirs sale.Position) uint32 {
	switch {
	case theirs.Epoch > ours.Epoch:
		return epochNumbers
	case theirs.Epoch < ours.Epoch:
		return 0
	case theirs.Epoch > acked.Epoch:
		acked.Seq = 0
	}
	lost := theirs.Seq - min(theirs.Seq, acked.Seq)
	if lost == 0 {
		return 0
	}
	return uint32(min(lost+1, epochNumbers))
}

// numbersLost is more than a till numbers between an image of its disk and the day that it is restored.
const numbersLost = 10_000

// SkipNumbers leaves numbers out that the lost part of a restored journal may have given to receipts and
// customers, when the fiscal storage shows that there was one and head office has not yet said how long.
func (l *Ledger) SkipNumbers() error {
	return l.write(func(w *writer) error {
		w.s.counter += numbersLost
		return nil
	})
}

// Record reads one record by its ID.
func (l *Ledger) Record(id sale.ID) (*sale.Record, error) {
	return l.recordAt(indexID(id))
}

// RecordByDoc reads the record of a fiscal document.
func (l *Ledger) RecordByDoc(k sale.FiscalKey) (*sale.Record, error) {
	return l.recordAt(indexDoc(k))
}

// RecordByNo reads a sale or return by its number.
func (l *Ledger) RecordByNo(no sale.OperationNo) (*sale.Record, error) {
	return l.recordAt(indexNo(no))
}

func (l *Ledger) recordAt(index []byte) (r *sale.Record, err error) {
	err = l.view(func(tx *bbolt.Tx) error {
		key := tx.Bucket([]byte("index")).Get(index)
		if key == nil {
			return fmt.Errorf("record %q: %w", index, ErrNotFound)
		}
		r, err = readRecord(tx, key)
		return err
	})
	return r, err
}

func readRecord(tx *bbolt.Tx, key []byte) (*sale.Record, error) {
	var e sale.Entry
	found, err := get(tx.Bucket([]byte("journal")), key, &e)
	if err != nil {
		return nil, err
	}
	if !found {
		return nil, fmt.Errorf("record %x: %w", key, ErrNotFound)
	}
	return sale.DecodeRecord(e.Record)
}

// Returns reads the returns of a sale so far, in order.
func (l *Ledger) Returns(of sale.ID) ([]*sale.Record, error) { return l.recordsUnder(indexReturns(of)) }

// ReturnsOfDoc reads the returns of a fiscal document, in order: whether its sale was known here or not.
func (l *Ledger) ReturnsOfDoc(k sale.FiscalKey) ([]*sale.Record, error) {
	return l.recordsUnder(indexDocReturns(k))
}

// Undocumented says whether this journal has documents of the fiscal storage that k names, and which sales a
// manager settled without a document's number between the known neighbours of k: k may be the paper of one
// of them.
func (l *Ledger) Undocumented(k sale.FiscalKey) (own bool, settled []*sale.Record, err error) {
	err = l.view(func(tx *bbolt.Tx) error {
		before, after := neighbours(tx, k)
		if own = before != nil || after != nil; !own {
			return nil
		}
		c := tx.Bucket([]byte("journal")).Cursor()
		for at, v := c.Seek(before); at != nil && !bytes.Equal(at, after); at, v = c.Next() {
			var e sale.Entry
			if err := sale.Decode(v, &e); err != nil {
				return fmt.Errorf("%w: journal %x: %w", ErrDamaged, at, err)
			}
			r, err := sale.DecodeRecord(e.Record)
			if err != nil {
				return fmt.Errorf("%w: journal %x: %w", ErrDamaged, at, err)
			}
			switch f := r.Fiscal; {
			case f == nil:
			case f.Key.FN != k.FN && f.Key.FD != 0:
				return nil // another storage has taken over
			case r.Sale != nil && f.Settled && f.Key == sale.FiscalKey{FN: k.FN}:
				settled = append(settled, r)
			}
		}
		return nil
	})
	return own, settled, err
}

// neighbours are the places in the journal of the documents nearest to k in its storage.
func neighbours(tx *bbolt.Tx, k sale.FiscalKey) (before, after []byte) {
	c := tx.Bucket([]byte("index")).Cursor()
	own := append(append([]byte{'d'}, k.FN...), 0)
	at, v := c.Seek(indexDoc(k))
	if bytes.HasPrefix(at, own) {
		after = v
	}
	if at == nil {
		at, v = c.Last()
	} else {
		at, v = c.Prev()
	}
	if bytes.HasPrefix(at, own) {
		before = v
	}
	return before, after
}

func (l *Ledger) recordsUnder(prefix []byte) (out []*sale.Record, err error) {
	err = l.view(func(tx *bbolt.Tx) error {
		c := tx.Bucket([]byte("index")).Cursor()
		for k, _ := c.Seek(prefix); bytes.HasPrefix(k, prefix); k, _ = c.Next() {
			r, err := readRecord(tx, k[len(prefix):])
			if err != nil {
				return err
			}
			out = append(out, r)
		}
		return nil
	})
	return out, err
}

// Walk calls visit for every record from the first to the last, or from the last to the first, until
// it answers false.
func (l *Ledger) Walk(backwards bool, visit func(*sale.Record, sale.Entry) bool) error {
	return l.view(func(tx *bbolt.Tx) error {
		c := tx.Bucket([]byte("journal")).Cursor()
		first, step := c.First, c.Next
		if backwards {
			first, step = c.Last, c.Prev
		}
		for k, v := first(); k != nil; k, v = step() {
			var e sale.Entry
			if err := sale.Decode(v, &e); err != nil {
				return fmt.Errorf("%w: journal %x: %w", ErrDamaged, k, err)
			}
			r, err := sale.DecodeRecord(e.Record)
			if err != nil {
				return fmt.Errorf("%w: journal %x: %w", ErrDamaged, k, err)
			}
			if !visit(r, e) {
				return nil
			}
		}
		return nil
	})
}
