package ledger

import (
	"bytes"
	"errors"
	"fmt"

	"go.etcd.io/bbolt"

	"github.com/kopilka/kopilka/ledger/loyalty"
	"github.com/kopilka/kopilka/ledger/sale"
)

// leaseRow is a lease with what this till has spent of it. A closed one stays until the file is made
// anew, so that a late copy of it from head office cannot revive it.
type leaseRow struct {
	Lease  sale.Lease       `cbor:"1,keyasint"`
	Spent  []sale.LotAmount `cbor:"2,keyasint,omitempty"`
	Recall bool             `cbor:"3,keyasint,omitempty"`
	Closed bool             `cbor:"4,keyasint,omitempty"`
	// Version is of head office's word about it; zero for a lease born here.
	Version uint64 `cbor:"5,keyasint,omitempty"`
	// Early is set while head office may not have heard of spends that this till made before a new epoch
	// dropped the lease, or made since without it: the record up to which it must have read. Tail is where
	// its copy of the journal ended when the epoch was opened; what follows counts until it has.
	Early sale.Seen `cbor:"6,keyasint,omitzero"`
	Tail  sale.Seen `cbor:"7,keyasint,omitzero"`
}

// known tells that the row is more than a note of early spends.
func (r *leaseRow) known() bool { return len(r.Lease.Parts) > 0 }

func (r *leaseRow) spent(lot sale.ID) sale.Points {
	for _, s := range r.Spent {
		if s.Lot == lot {
			return s.Amount
		}
	}
	return 0
}

func (r *leaseRow) spend(lot sale.ID, amount sale.Points) {
	for i := range r.Spent {
		if r.Spent[i].Lot == lot {
			r.Spent[i].Amount += amount
			return
		}
	}
	r.Spent = append(r.Spent, sale.LotAmount{Lot: lot, Amount: amount})
}

// left is what may still be spent of a lot under the lease.
func (r *leaseRow) left(lot sale.ID) sale.Points {
	for _, p := range r.Lease.Parts {
		if p.Lot == lot {
			return p.Amount - r.spent(lot)
		}
	}
	return 0
}

func (r *leaseRow) live(at sale.Time) bool {
	return !r.Closed && (r.Lease.Until == 0 || at < r.Lease.Until)
}

// applyOwn brings the till's own tables up to a record just appended.
func (w *writer) applyOwn(r *sale.Record) error {
	for _, lot := range r.Lots {
		if err := put(w.bucket("lots"), lot.ID[:], lot); err != nil {
			return err
		}
	}
	for _, lease := range r.Leases {
		if err := w.newLease(&leaseRow{Lease: lease}); err != nil {
			return err
		}
	}
	if err := w.applySpends(r); err != nil {
		return err
	}
	if r.Release != nil {
		if err := w.closeLease(r.Release.Lease); err != nil {
			return err
		}
	}
	return w.applyPostings(r)
}

func (w *writer) lease(id sale.ID) (*leaseRow, error) {
	row := new(leaseRow)
	found, err := get(w.bucket("leases"), id[:], row)
	if err != nil || !found {
		return nil, err
	}
	return row, nil
}

func (w *writer) putLease(row *leaseRow) error {
	return put(w.bucket("leases"), row.Lease.ID[:], row)
}

func (w *writer) newLease(row *leaseRow) error {
	if err := w.putLease(row); err != nil {
		return err
	}
	if err := w.bucket("held").Put(heldKey(row.Lease.Account, row.Lease.ID), []byte{}); err != nil {
		return fmt.Errorf("index lease %s: %w", row.Lease.ID, err)
	}
	return nil
}

func (w *writer) closeLease(id sale.ID) error {
	row, err := w.lease(id)
	if err != nil || row == nil {
		return err
	}
	row.Closed = true
	if err := w.bucket("recalled").Delete(id[:]); err != nil {
		return fmt.Errorf("close lease %s: %w", id, err)
	}
	return w.putLease(row)
}

// checkSpends holds what is to be spent against what is held here and not held back by a begun job.
func (w *writer) checkSpends(spends []sale.Spend) error {
	if len(spends) == 0 {
		return nil
	}
	at, _ := w.now()
	job, err := begun(w.Tx)
	if err != nil {
		return err
	}
	for i, s := range spends {
		row, err := w.lease(s.Lease)
		if err != nil {
			return err
		}
		taken := s.Amount + heldBack(job, s.Lease, s.Lot)
		for _, earlier := range spends[:i] {
			if earlier.Lease == s.Lease && earlier.Lot == s.Lot {
				taken += earlier.Amount
			}
		}
		if row == nil || !row.live(at) || s.Amount <= 0 || taken > row.left(s.Lot) {
			return fmt.Errorf("%w: %s of lot %s", ErrLease, s.Amount, s.Lot)
		}
	}
	return nil
}

func (w *writer) applySpends(r *sale.Record) error {
	for _, s := range r.Spends {
		row, err := w.lease(s.Lease)
		if err != nil {
			return err
		}
		if row == nil { // dropped by a new epoch since Begin; head office may send it before it has heard of this spend
			row = &leaseRow{Lease: sale.Lease{ID: s.Lease}, Tail: sale.Seen{Epoch: r.Epoch}}
		}
		if !row.known() {
			row.Early = sale.Seen{Epoch: r.Epoch, Seq: r.Seq}
		}
		row.spend(s.Lot, s.Amount)
		if err := w.putLease(row); err != nil {
			return err
		}
	}
	return nil
}

// dropLeases forgets all leases for a new epoch, but for a note of each that was spent of, or released, in
// records which head office has not acknowledged: it may send the lease before it has booked them.
func (w *writer) dropLeases() error {
	for _, name := range []string{"leases", "held", "recalled"} {
		if err := w.DeleteBucket([]byte(name)); err != nil {
			return fmt.Errorf("drop the leases: %w", err)
		}
		if _, err := w.CreateBucket([]byte(name)); err != nil {
			return fmt.Errorf("drop the leases: %w", err)
		}
	}
	tail := sale.Seen{Epoch: w.s.acked.Epoch, Seq: w.s.acked.Seq}
	return w.eachAfter(tail, func(r *sale.Record) error {
		for _, s := range r.Spends {
			if err := w.noteEarly(s, tail); err != nil {
				return err
			}
		}
		if r.Release != nil { // head office may send it once more before it has booked the release
			return w.putLease(&leaseRow{Lease: sale.Lease{ID: r.Release.Lease}, Closed: true})
		}
		return nil
	})
}

func (w *writer) noteEarly(s sale.Spend, tail sale.Seen) error {
	row, err := w.lease(s.Lease)
	if err != nil {
		return err
	}
	if row == nil {
		// The records of the tail go up before the new epoch's first.
		row = &leaseRow{Lease: sale.Lease{ID: s.Lease}, Tail: tail, Early: sale.Seen{Epoch: w.s.head.Epoch, Seq: 1}}
	}
	row.spend(s.Lot, s.Amount)
	return w.putLease(row)
}

// eachAfter visits the records after a place in the journal.
func (w *writer) eachAfter(after sale.Seen, visit func(*sale.Record) error) error {
	c := w.bucket("journal").Cursor()
	for k, v := c.Seek(positionKey(after.Epoch, after.Seq+1)); k != nil; k, v = c.Next() {
		var e sale.Entry
		if err := sale.Decode(v, &e); err != nil {
			return fmt.Errorf("%w: journal %x: %w", ErrDamaged, k, err)
		}
		r, err := sale.DecodeRecord(e.Record)
		if err != nil {
			return fmt.Errorf("%w: journal %x: %w", ErrDamaged, k, err)
		}
		if err := visit(r); err != nil {
			return err
		}
	}
	return nil
}

// Held is what this till may spend for a customer, of all purses and over all accounts merged into
// theirs: its live leases, less what is spent and what a begun job holds back. Lots not yet active are
// among them; loyalty leaves them out. [loyalty.In] picks the points alone.
func (l *Ledger) Held(no sale.CustomerNo) (out []loyalty.Held, err error) {
	numbers := []sale.CustomerNo{no}
	c, _, err := l.told(no)
	switch {
	case err == nil:
		numbers = accounts(c)
	case !errors.Is(err, ErrNotFound):
		return nil, err
	}
	at, _ := l.Now()
	err = l.view(func(tx *bbolt.Tx) error {
		job, err := begun(tx)
		if err != nil {
			return err
		}
		for _, no := range numbers {
			err := eachLease(tx, sale.CustomerAccount(no), func(row *leaseRow) error {
				if !row.live(at) || row.Recall {
					return nil
				}
				held, err := heldOf(tx, row, job)
				out = append(out, held...)
				return err
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
	return out, err
}

func heldOf(tx *bbolt.Tx, row *leaseRow, job *Job) (out []loyalty.Held, err error) {
	for _, part := range row.Lease.Parts {
		var lot sale.Lot
		found, err := get(tx.Bucket([]byte("lots")), part.Lot[:], &lot)
		if err != nil {
			return nil, err
		}
		free := row.left(part.Lot) - heldBack(job, row.Lease.ID, part.Lot)
		if found && free > 0 {
			out = append(out, loyalty.Held{Lease: row.Lease.ID, Lot: lot, Free: free})
		}
	}
	return out, nil
}

func heldBack(job *Job, lease, lot sale.ID) (sum sale.Points) {
	if job == nil {
		return 0
	}
	for _, s := range job.Draft.Spends {
		if s.Lease == lease && s.Lot == lot {
			sum += s.Amount
		}
	}
	return sum
}

// eachLease visits the leases of all purses of an owner.
func eachLease(tx *bbolt.Tx, a sale.Account, visit func(*leaseRow) error) error {
	prefix := accountPrefix(a)
	c := tx.Bucket([]byte("held")).Cursor()
	for k, _ := c.Seek(prefix); bytes.HasPrefix(k, prefix) && len(k) > accountKeyBytes; k, _ = c.Next() {
		var row leaseRow
		found, err := get(tx.Bucket([]byte("leases")), k[accountKeyBytes:], &row)
		if err != nil {
			return err
		}
		if !found {
			return fmt.Errorf("%w: lease %x of account %x", ErrDamaged, k[accountKeyBytes:], prefix)
		}
		if err := visit(&row); err != nil {
			return err
		}
	}
	return nil
}

// applyLease takes a lease as head office has it. This till's own count of what it spent stands: head
// office may not have read this till's latest records. Only a lease that is new here takes over head
// office's, with what this till has spent since head office read its journal on top.
func (w *writer) applyLease(c sale.Change) error {
	if c.Gone {
		return w.closeLease(sale.ID(c.Key))
	}
	var in sale.LeaseChange
	if err := decodeChange(c.Body, &in); err != nil {
		return err
	}
	if string(in.Lease.ID[:]) != string(c.Key) || len(in.Lease.Parts) == 0 {
		return refuse("lease %s of %d parts under the key %x", in.Lease.ID, len(in.Lease.Parts), c.Key)
	}
	row, err := w.lease(in.Lease.ID)
	if err != nil {
		return err
	}
	for _, lot := range in.Lots {
		if err := put(w.bucket("lots"), lot.ID[:], lot); err != nil {
			return err
		}
	}
	switch {
	case row == nil:
		row = &leaseRow{Lease: in.Lease, Spent: in.Spent}
	case row.Closed || row.Version > c.Version:
		return nil
	case row.Early.Seq != 0:
		if err := w.recount(row, in); err != nil {
			return err
		}
	default:
		row.Lease.Until = max(row.Lease.Until, in.Lease.Until)
	}
	row.Recall, row.Version = in.Recall, c.Version
	return errors.Join(w.newLease(row), w.markRecalled(row))
}

// recount takes head office's count of a lease that a new epoch dropped, and adds the spends of this till
// that it had not read then. Once it has read all that was early the till's own count stands again.
func (w *writer) recount(row *leaseRow, in sale.LeaseChange) error {
	from := in.Seen
	if behind(in.Seen, sale.Seen{Epoch: row.Early.Epoch, Seq: 1}) {
		from = row.Tail // head office's own records of these numbers may be others than this till's
	}
	early, tail := row.Early, row.Tail
	*row = leaseRow{Lease: in.Lease, Spent: in.Spent}
	if behind(in.Seen, early) {
		row.Early, row.Tail = early, tail
	}
	return w.eachAfter(from, func(r *sale.Record) error {
		for _, s := range r.Spends {
			if s.Lease == row.Lease.ID {
				row.spend(s.Lot, s.Amount)
			}
		}
		return nil
	})
}

// behind tells whether a place in the journal comes before another.
func behind(a, b sale.Seen) bool { return a.Epoch < b.Epoch || (a.Epoch == b.Epoch && a.Seq < b.Seq) }

func (w *writer) markRecalled(row *leaseRow) error {
	if !row.Recall {
		return w.bucket("recalled").Delete(row.Lease.ID[:])
	}
	return w.bucket("recalled").Put(row.Lease.ID[:], []byte{})
}

// releaseRecalled hands back the leases that head office asked for and no begun job holds.
func (w *writer) releaseRecalled() error {
	job, err := begun(w.Tx)
	if err != nil {
		return err
	}
	var due []sale.ID
	c := w.bucket("recalled").Cursor()
	for k, _ := c.First(); k != nil; k, _ = c.Next() {
		if id := sale.ID(k); !holds(job, id) {
			due = append(due, id)
		}
	}
	for _, id := range due {
		if err := w.appendNew(&sale.Record{Kind: sale.KindRelease, Release: &sale.Release{Lease: id}}, nil); err != nil {
			return err
		}
	}
	return nil
}

func holds(job *Job, lease sale.ID) bool {
	if job == nil {
		return false
	}
	for _, s := range job.Draft.Spends {
		if s.Lease == lease {
			return true
		}
	}
	return false
}
