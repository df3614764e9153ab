package ledger

import (
	"errors"
	"fmt"

	"go.etcd.io/bbolt"

	"github.com/kopilka/kopilka/ledger/sale"
)

// Job is a fiscal job between Begin and Finish: what will be journalled once the register has done
// it, and what the register looked like before.
type Job struct {
	Draft  sale.Record    `cbor:"1,keyasint"` // without number, chain and fiscal data
	Before sale.FiscalKey `cbor:"2,keyasint"` // storage and its last document
	Stamp  sale.Stamp     `cbor:"3,keyasint"` // the register's clock then
	Drawer sale.Money     `cbor:"4,keyasint"` // cash that the register knew of, for cash in and out
	Begun  sale.Time      `cbor:"5,keyasint"`
	Sealed []byte         `cbor:"6,keyasint,omitempty"` // personal data, already sealed
}

// Total is what the job's receipt will say: its fiscal sum.
func (j *Job) Total() sale.Money {
	switch {
	case j.Draft.Sale != nil:
		return j.Draft.Sale.FiscalTotal()
	case j.Draft.Return != nil:
		return j.Draft.Return.FiscalTotal()
	case j.Draft.Cash != nil:
		return j.Draft.Cash.Amount
	case j.Draft.Correct != nil:
		return j.Draft.Correct.Total
	}
	return 0
}

// NextNo is the number that the next sale or return will get.
func (l *Ledger) NextNo() sale.OperationNo {
	s := l.state.Load()
	return sale.MakeNumber(s.who.Till, s.counter+1)
}

// Begin puts a fiscal job on disk before the register is touched, with the points that it will spend
// held back. The draft's ID is the caller's; its operation number is given here. One job at a time: a
// register has one paper. Errors: ErrBusy, ErrLease (points not held here), ErrCodeUsed, sale.ErrRecord.
func (l *Ledger) Begin(j Job) (*Job, error) {
	err := l.write(func(w *writer) error {
		if k, _ := w.bucket("begun").Cursor().First(); k != nil {
			return ErrBusy
		}
		if w.bucket("index").Get(indexID(j.Draft.ID)) != nil {
			return fmt.Errorf("%w: %s", ErrKnown, j.Draft.ID)
		}
		j.Begun, _ = w.now()
		w.number(&j.Draft)
		if err := w.validateDraft(&j.Draft); err != nil {
			return err
		}
		if err := errors.Join(w.checkSpends(j.Draft.Spends), w.checkCodes(&j.Draft)); err != nil {
			return err
		}
		return put(w.bucket("begun"), j.Draft.ID[:], j)
	})
	if err != nil {
		return nil, fmt.Errorf("begin %s: %w", j.Draft.Kind, err)
	}
	return &j, nil
}

// number gives what people will call a sale, a return, a correction or a new customer; all are counted together.
func (w *writer) number(r *sale.Record) {
	if r.Sale == nil && r.Return == nil && r.Enrol == nil && r.Correct == nil {
		return
	}
	w.s.counter++
	no := sale.MakeNumber(w.s.who.Till, w.s.counter)
	switch {
	case r.Sale != nil:
		r.Sale.No = no
	case r.Return != nil:
		r.Return.No = no
	case r.Correct != nil:
		r.Correct.No = no
	default:
		r.Enrol.Customer = no
	}
}

// validateDraft holds a draft against the rules of a record before anything is printed, so that
// Finish cannot be refused afterwards.
func (w *writer) validateDraft(r *sale.Record) error {
	if w.s.who.Till == 0 {
		return ErrNoTill
	}
	probe := *r
	probe.Version, probe.Org, probe.Store, probe.Till = sale.RecordVersion, w.s.who.Org, w.s.who.Store, w.s.who.Till
	probe.Epoch, probe.Seq = w.s.head.Epoch, w.s.head.Seq+1
	if err := probe.Validate(); err != nil {
		return err
	}
	b, err := probe.Bytes()
	if err == nil && len(b) > sale.RecordBytesMax-maxFiscalBytes {
		err = fmt.Errorf("%w: %d bytes", sale.ErrRecord, len(b))
	}
	return err
}

// maxFiscalBytes is more than a Fiscal adds to a record.
const maxFiscalBytes = 1 << 10

// Finish journals a begun job: its receipt exists, as fiscal says. Sale finished, holds spent,
// postings, chained record and outbox are one transaction.
func (l *Ledger) Finish(id sale.ID, fiscal sale.Fiscal) (*sale.Record, error) {
	var r *sale.Record
	err := l.write(func(w *writer) error {
		j, err := w.take(id)
		if err != nil {
			return err
		}
		r = &j.Draft
		r.Fiscal = &fiscal
		if fiscal.Shift != 0 {
			r.Shift = fiscal.Shift
		}
		if r.Kind == sale.KindShiftClose && r.Close != nil {
			r.Close.Head = w.s.head.Head
		}
		if err := w.append(r, j.Sealed); err != nil {
			return err
		}
		return w.releaseRecalled()
	})
	if err != nil {
		return nil, fmt.Errorf("finish %s: %w", id, err)
	}
	return r, nil
}

// Abandon journals that a begun job came to nothing; its holds are free again.
func (l *Ledger) Abandon(id sale.ID, reason string, by sale.StaffNo) error {
	err := l.write(func(w *writer) error {
		j, err := w.take(id)
		if err != nil {
			return err
		}
		r := &sale.Record{
			Kind: sale.KindAbandon, Staff: j.Draft.Staff, Shift: j.Draft.Shift,
			Abandon: &sale.Abandon{What: j.Draft.Kind, Total: j.Total(), Reason: reason, By: by},
		}
		// The abandoned job keeps its own ID, so that a late copy of it is recognised.
		r.ID = id
		if err := w.append(r, nil); err != nil {
			return err
		}
		return w.releaseRecalled()
	})
	if err != nil {
		return fmt.Errorf("abandon %s: %w", id, err)
	}
	return nil
}

// Book journals a record whose receipt another program prints, or none does, or which the fiscal
// storage holds and the journal had lost, in one step. A known ID or fiscal document is ErrKnown.
func (l *Ledger) Book(r sale.Record, sealed []byte) (*sale.Record, error) {
	err := l.write(func(w *writer) error {
		if w.bucket("index").Get(indexID(r.ID)) != nil {
			return fmt.Errorf("%w: %s", ErrKnown, r.ID)
		}
		w.number(&r)
		if err := errors.Join(w.checkSpends(r.Spends), w.checkCodes(&r)); err != nil {
			return err
		}
		return w.append(&r, sealed)
	})
	if err != nil {
		return nil, fmt.Errorf("book %s: %w", r.Kind, err)
	}
	return &r, nil
}

// take reads a begun job and removes it; the bucket holds one row at most, so that its page is used
// again and the file does not fill with free pages.
func (w *writer) take(id sale.ID) (*Job, error) {
	var j Job
	found, err := get(w.bucket("begun"), id[:], &j)
	if err != nil {
		return nil, err
	}
	if !found {
		return nil, fmt.Errorf("%w: %s", ErrNotBegun, id)
	}
	if err := w.bucket("begun").Delete(id[:]); err != nil {
		return nil, fmt.Errorf("take %s: %w", id, err)
	}
	return &j, nil
}

// Unfinished is the begun job whose outcome is open, or nil.
func (l *Ledger) Unfinished() (*Job, error) {
	var j *Job
	err := l.view(func(tx *bbolt.Tx) (err error) {
		j, err = begun(tx)
		return err
	})
	return j, err
}

func begun(tx *bbolt.Tx) (*Job, error) {
	k, v := tx.Bucket([]byte("begun")).Cursor().First()
	if k == nil {
		return nil, nil
	}
	j := new(Job)
	if err := sale.Decode(v, j); err != nil {
		return nil, errors.Join(ErrDamaged, err)
	}
	return j, nil
}
