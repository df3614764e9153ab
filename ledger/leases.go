package ledger

import (
	"bytes"
	"encoding/binary"
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
	// Early is set while head office's word is missing: a job that was begun before a new epoch dropped
	// the lease was finished after. It is the record that spent.
	Early sale.Seen `cbor:"6,keyasint,omitzero"`
}

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

// ownRow is what one record of this till did to a customer's balance and debt.
type ownRow struct {
	Points sale.Points `cbor:"1,keyasint"`
	Debt   sale.Points `cbor:"2,keyasint,omitempty"`
}

const (
	accountKeyBytes = 9
	ownKeyBytes     = 20
)

func accountKey(a sale.Account) []byte {
	return binary.BigEndian.AppendUint64([]byte{byte(a.Kind)}, uint64(a.No))
}

func heldKey(a sale.Account, lease sale.ID) []byte { return append(accountKey(a), lease[:]...) }

func ownKey(no sale.CustomerNo, epoch uint32, seq uint64) []byte {
	return append(binary.BigEndian.AppendUint64(make([]byte, 0, ownKeyBytes), uint64(no)), positionKey(epoch, seq)...)
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

func (w *writer) applyPostings(r *sale.Record) error {
	for i, p := range r.Postings {
		if !firstOfCustomer(r.Postings, i) {
			continue
		}
		row := ownRow{}
		for _, q := range r.Postings[i:] {
			switch {
			case q.Account.No != p.Account.No:
			case q.Account.Kind == sale.AccountCustomer:
				row.Points += q.Amount
			case q.Account.Kind == sale.AccountDebt:
				row.Debt -= q.Amount // the debt account is negative while points are owed
			}
		}
		if err := put(w.bucket("own"), ownKey(p.Account.No, r.Epoch, r.Seq), row); err != nil {
			return err
		}
	}
	return nil
}

// firstOfCustomer tells whether postings[i] is the first that touches its customer's points or debt.
func firstOfCustomer(postings []sale.Posting, i int) bool {
	touches := func(p sale.Posting) bool {
		return p.Account.Kind == sale.AccountCustomer || p.Account.Kind == sale.AccountDebt
	}
	if !touches(postings[i]) {
		return false
	}
	for _, p := range postings[:i] {
		if touches(p) && p.Account.No == postings[i].Account.No {
			return false
		}
	}
	return true
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
			row = &leaseRow{Lease: sale.Lease{ID: s.Lease}, Early: sale.Seen{Epoch: r.Epoch, Seq: r.Seq}}
		}
		row.spend(s.Lot, s.Amount)
		if err := w.putLease(row); err != nil {
			return err
		}
	}
	return nil
}

// Held is what this till may spend for a customer: its live leases, less what is spent and what a
// begun job holds back. Lots not yet active are among them; loyalty leaves them out.
func (l *Ledger) Held(no sale.CustomerNo) (out []loyalty.Held, err error) {
	at, _ := l.Now()
	err = l.view(func(tx *bbolt.Tx) error {
		job, err := begun(tx)
		if err != nil {
			return err
		}
		return eachLease(tx, sale.CustomerAccount(no), func(row *leaseRow) error {
			if !row.live(at) || row.Recall {
				return nil
			}
			held, err := heldOf(tx, row, job)
			out = append(out, held...)
			return err
		})
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

func eachLease(tx *bbolt.Tx, a sale.Account, visit func(*leaseRow) error) error {
	prefix := accountKey(a)
	c := tx.Bucket([]byte("held")).Cursor()
	for k, _ := c.Seek(prefix); bytes.HasPrefix(k, prefix); k, _ = c.Next() {
		var row leaseRow
		found, err := get(tx.Bucket([]byte("leases")), k[len(prefix):], &row)
		if err != nil {
			return err
		}
		if !found {
			return fmt.Errorf("%w: lease %x of account %x", ErrDamaged, k[len(prefix):], prefix)
		}
		if err := visit(&row); err != nil {
			return err
		}
	}
	return nil
}

// applyLease takes a lease as head office has it. This till's own count of what it spent stands: head
// office may not have read this till's latest records. Only a lease that is new here (after a new
// epoch, when the own count was dropped) takes over head office's.
func (w *writer) applyLease(c sale.Change) error {
	if c.Gone {
		return w.closeLease(sale.ID(c.Key))
	}
	var in sale.LeaseChange
	if err := sale.Decode(c.Body, &in); err != nil {
		return err
	}
	if string(in.Lease.ID[:]) != string(c.Key) {
		return fmt.Errorf("%w: lease %s under the key %x", sale.ErrRecord, in.Lease.ID, c.Key)
	}
	for _, lot := range in.Lots {
		if err := put(w.bucket("lots"), lot.ID[:], lot); err != nil {
			return err
		}
	}
	row, err := w.lease(in.Lease.ID)
	if err != nil {
		return err
	}
	switch {
	case row == nil:
		row = &leaseRow{Lease: in.Lease, Spent: in.Spent}
	case row.Closed || row.Version > c.Version:
		return nil
	case row.Early.Seq != 0:
		row = row.met(in)
	default:
		row.Lease.Until = max(row.Lease.Until, in.Lease.Until)
	}
	row.Recall, row.Version = in.Recall, c.Version
	return errors.Join(w.newLease(row), w.markRecalled(row))
}

// met joins a spend that came before head office's word of the lease with that word.
func (r *leaseRow) met(in sale.LeaseChange) *leaseRow {
	row := &leaseRow{Lease: in.Lease, Spent: in.Spent}
	if heard := in.Seen.Epoch > r.Early.Epoch || (in.Seen.Epoch == r.Early.Epoch && in.Seen.Seq >= r.Early.Seq); heard {
		return row
	}
	for _, s := range r.Spent {
		row.spend(s.Lot, s.Amount)
	}
	return row
}

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
