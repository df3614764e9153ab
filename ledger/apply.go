package ledger

import (
	"errors"
	"fmt"

	"go.etcd.io/bbolt"

	"github.com/kopilka/kopilka/ledger/sale"
)

// Limits of head office's changes.
const (
	changeKeyBytesMax = 256    // longer than any article number; bbolt takes 32 KB
	asideMax          = 10_000 // changes set aside that are listed; more would mean a broken head office
	asideWhyMax       = 300    // bytes of the reason kept
)

// Aside is a change of head office's state that this program could not read. It is asked for again when
// another version of the program opens the ledger.
type Aside struct {
	Kind    sale.ChangeKind `cbor:"1,keyasint" json:"kind"`
	Key     []byte          `cbor:"2,keyasint" json:"key"`
	Version uint64          `cbor:"3,keyasint" json:"version"`
	Why     string          `cbor:"4,keyasint" json:"why"`
}

// changeError is a change that cannot be taken as it is. Nothing was written for it.
type changeError struct{ err error }

func (e *changeError) Error() string { return e.err.Error() }
func (e *changeError) Unwrap() error { return e.err }

func refuse(format string, args ...any) error {
	return &changeError{fmt.Errorf("%w: %w", sale.ErrRecord, fmt.Errorf(format, args...))}
}

func decodeChange(body []byte, into any) error {
	if err := sale.Decode(body, into); err != nil {
		return &changeError{fmt.Errorf("%w: %w", sale.ErrRecord, err)}
	}
	return nil
}

// Applied is the version of head office's state that is on disk here.
func (l *Ledger) Applied() uint64 { return l.state.Load().applied }

// Changed is signalled, once for any number of changes, when head office's state here has changed.
func (l *Ledger) Changed() <-chan struct{} { return l.changed }

// Apply takes changes of head office's state up to a version, in one transaction. Changes that are
// older than what is here change nothing. A change that cannot be read is set aside, and the rest is
// applied all the same: one bad row at head office must not keep leases and customers from every till.
// Leases that head office asks back are released in the same step unless a begun job holds them.
func (l *Ledger) Apply(to uint64, changes []sale.Change) error {
	err := l.write(func(w *writer) error {
		if len(changes) == 0 && to <= w.s.applied {
			return errNoProgress
		}
		for _, c := range changes {
			if err := w.applyOrSetAside(c); err != nil {
				return fmt.Errorf("apply change %d of kind %d: %w", c.Version, c.Kind, err)
			}
		}
		w.s.applied = max(w.s.applied, to)
		return w.releaseRecalled()
	})
	if err != nil && !errors.Is(err, ErrBroken) {
		return fmt.Errorf("apply head office's state %d: %w", to, err)
	}
	return err
}

func (w *writer) applyOrSetAside(c sale.Change) error {
	err := w.apply(c)
	var bad *changeError
	if errors.As(err, &bad) {
		return w.setAside(c, bad)
	}
	if err != nil || w.s.aside == 0 {
		return err
	}
	if b, k := w.bucket("aside"), asideKey(c); b.Get(k) != nil {
		w.s.aside--
		return b.Delete(k)
	}
	return nil
}

// asideKey bounds the key, which may be what is wrong with the change.
func asideKey(c sale.Change) []byte {
	h := sale.HashOf(c.Key)
	return append([]byte{byte(c.Kind)}, h[:16]...)
}

func (w *writer) setAside(c sale.Change, why error) error {
	b, k := w.bucket("aside"), asideKey(c)
	if b.Get(k) == nil {
		if w.s.aside >= asideMax {
			return nil
		}
		w.s.aside++
	}
	text := why.Error()
	return put(b, k, Aside{Kind: c.Kind, Key: c.Key[:min(len(c.Key), changeKeyBytesMax)], Version: c.Version, Why: text[:min(len(text), asideWhyMax)]})
}

// SetAside counts the changes of head office's state that this program could not read.
func (l *Ledger) SetAside() int { return l.state.Load().aside }

// Aside lists the changes that were set aside, for whoever has to mend them.
func (l *Ledger) Aside() (out []Aside, err error) {
	err = l.view(func(tx *bbolt.Tx) error {
		return tx.Bucket([]byte("aside")).ForEach(func(k, v []byte) error {
			var a Aside
			if err := sale.Decode(v, &a); err != nil {
				return fmt.Errorf("%w: change set aside %x: %w", ErrDamaged, k, err)
			}
			out = append(out, a)
			return nil
		})
	})
	return out, err
}

// meetProgram notes which program has the file. Another one than last time may understand what that one
// set aside: then all of head office's state is asked for again.
func (w *writer) meetProgram(program string) error {
	key := []byte("program")
	if program == "" || string(meta(w.Tx).Get(key)) == program {
		return errNoProgress
	}
	if w.s.aside > 0 {
		w.s.applied, w.s.aside = 0, 0
		if err := w.DeleteBucket([]byte("aside")); err != nil {
			return fmt.Errorf("forget what was set aside: %w", err)
		}
		if _, err := w.CreateBucket([]byte("aside")); err != nil {
			return fmt.Errorf("forget what was set aside: %w", err)
		}
	}
	return meta(w.Tx).Put(key, []byte(program))
}

// A key has the length that its kind says; zero is any.
var changeKeyBytes = map[sale.ChangeKind]int{
	sale.ChangeCustomer: 8, sale.ChangeLease: 16, sale.ChangeStaff: 4, sale.ChangeProgramme: 4, sale.ChangeCodes: 5, sale.ChangeStanding: 4,
}

func (w *writer) apply(c sale.Change) error {
	n, fixed := changeKeyBytes[c.Kind]
	if (fixed && len(c.Key) != n) || len(c.Key) == 0 || len(c.Key) > changeKeyBytesMax {
		return refuse("a key of %d bytes", len(c.Key))
	}
	switch c.Kind {
	case sale.ChangeCustomer:
		return w.applyCustomer(c)
	case sale.ChangeLease:
		return w.applyLease(c)
	case sale.ChangeProduct:
		return w.applyProduct(c)
	case sale.ChangeProgramme:
		return w.applyProgramme(c)
	case sale.ChangeStaff:
		return w.applyStaff(c)
	case sale.ChangeSettings:
		return w.applySettings(c)
	case sale.ChangeCodes:
		return w.applyCodes(c)
	case sale.ChangeStanding:
		return w.applyStanding(c)
	}
	return nil // a kind that a newer head office knows
}
