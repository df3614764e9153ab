package store

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/kopilka/kopilka/ledger/sale"
	"github.com/kopilka/kopilka/sync/wire"
)

// Post journals head office's own event in the chain of till 0 and books it. The caller fills in ID, Kind,
// postings, lots and leases; place, time and hash are given here. An event whose ID is here already
// changes nothing, so deterministic IDs make a repeat harmless. An event that no longer fits the balances
// is refused with [ErrStale].
func (s *Store) Post(ctx context.Context, org sale.OrgNo, r *sale.Record) error {
	err := s.change(ctx, func(tx *tx) error { return tx.postRecord(ctx, org, r) })
	if err != nil {
		return fmt.Errorf("journal head office's %s: %w", r.Kind, err)
	}
	return nil
}

func (t *tx) postRecord(ctx context.Context, org sale.OrgNo, r *sale.Record) error {
	if _, err := t.lockOffice(ctx, org); err != nil {
		return err
	}
	// A till may have put its own record under this ID ahead of us: that is not this event.
	known, err := t.int(ctx, `SELECT count(*) FROM records WHERE org = ? AND id = ? AND till = 0`, int64(org), r.ID[:])
	if err != nil || known > 0 {
		return err
	}
	have, err := t.position(ctx, org, 0)
	if err != nil {
		return err
	}
	placed := *r // fn may run again: the caller's record stays as it was
	placed.Version, placed.Org, placed.Till, placed.Epoch, placed.Seq, placed.Prev = sale.RecordVersion, org, 0, 1, have.Seq+1, have.Head
	placed.At, placed.Quality = sale.At(t.s.now()), sale.TimeHeadOffice
	body, err := placed.Bytes()
	if err != nil {
		return err
	}
	b := newBooking(t, org, 0, 0)
	if err := b.examine(&placed); err != nil {
		return err
	}
	if err := t.mayHold(ctx, org, r.Leases); err != nil {
		return err
	}
	hash := sale.HashOf(body)
	b.take(&wire.Sealed{Record: &placed, Bytes: body, Hash: hash})
	if err := b.write(ctx); err != nil {
		return err
	}
	if err := t.projectDecision(ctx, org, &placed); err != nil {
		return err
	}
	return t.moveCursor(ctx, org, 0, 0, sale.Position{Epoch: 1, Seq: placed.Seq, Head: hash})
}

// mayHold refuses to grant to a till that was revoked since it was chosen: it would never hear of the lease,
// and whoever retires it may have counted its leases already.
func (t *tx) mayHold(ctx context.Context, org sale.OrgNo, leases []sale.Lease) error {
	for _, l := range leases {
		if l.Holder.Till == 0 {
			continue
		}
		var state int64
		err := t.row(ctx, `SELECT state FROM tills WHERE org = ? AND till = ?`+t.s.dialect.lock(), []any{int64(org), int64(l.Holder.Till)}, &state)
		if err != nil {
			return fmt.Errorf("look at till %d: %w", l.Holder.Till, err)
		}
		if state == tillRevoked {
			return fmt.Errorf("%w: till %d is revoked", ErrStale, l.Holder.Till)
		}
	}
	return nil
}

// Standing is a customer with every lot that has a remainder, what of each nobody holds, and the leases
// not handed back: of all purses and of every account merged into the customer. Asked for a number that was
// merged it answers for the main customer, as c.No says. A lot and a lease name the account that they are of.
func (s *Store) Standing(ctx context.Context, org sale.OrgNo, no sale.CustomerNo) (c sale.Customer, lots []sale.Lot, free []sale.LotAmount, leases []sale.LeaseChange, err error) {
	err = s.view(ctx, func(tx *tx) error {
		main, numbers, err := tx.numbersOf(ctx, org, no)
		if err != nil {
			return err
		}
		all, err := tx.customerChanges(ctx, org, []any{int64(main)}, sale.Seen{})
		if err != nil {
			return err
		}
		if known := all[main]; known != nil {
			c = known.Customer
		} else if c, err = tx.unnamed(ctx, org, main); err != nil {
			return err
		}
		if lots, free, err = tx.lotsOf(ctx, org, numbers); err != nil {
			return err
		}
		leases, err = tx.leasesOf(ctx, org, numbers)
		return err
	})
	if err != nil {
		err = fmt.Errorf("read what customer %s has: %w", no, err)
	}
	return c, lots, free, leases, err
}

// unnamed is a customer of whom only the points have arrived.
func (t *tx) unnamed(ctx context.Context, org sale.OrgNo, no sale.CustomerNo) (sale.Customer, error) {
	const balanceOf = `SELECT balance FROM accounts WHERE org = ? AND kind = ? AND no = ? AND purse = 0`
	balance, err := t.int(ctx, balanceOf, int64(org), int64(sale.AccountCustomer), int64(no))
	if err != nil {
		return sale.Customer{}, err
	}
	debt, err := t.int(ctx, balanceOf, int64(org), int64(sale.AccountDebt), int64(no))
	return sale.Customer{No: no, Balance: sale.Points(balance), Debt: sale.Points(-debt)}, err
}

func (t *tx) lotsOf(ctx context.Context, org sale.OrgNo, numbers []any) (lots []sale.Lot, free []sale.LotAmount, err error) {
	err = t.in(ctx, `SELECT id, no, purse, activates, expires, source, remaining - leased FROM lots WHERE org = ? AND kind = ? AND remaining > 0 AND no IN %s ORDER BY id`,
		[]any{int64(org), int64(sale.AccountCustomer)}, numbers, func(r *sql.Rows) error {
			var id, source []byte
			l := sale.Lot{Account: sale.Account{Kind: sale.AccountCustomer}}
			var left sale.Points
			if err := r.Scan(&id, &l.Account.No, &l.Account.Purse, &l.ActivatesAt, &l.ExpiresAt, &source, &left); err != nil {
				return err
			}
			l.ID, l.Source = sale.ID(id), sale.ID(source)
			lots = append(lots, l)
			if left > 0 {
				free = append(free, sale.LotAmount{Lot: l.ID, Amount: left})
			}
			return nil
		})
	return lots, free, err
}

func (t *tx) leasesOf(ctx context.Context, org sale.OrgNo, numbers []any) ([]sale.LeaseChange, error) {
	return t.openLeases(ctx, org, `SELECT id FROM leases WHERE org = ? AND kind = ? AND released = 0 AND no IN (`+marks(len(numbers))+`) ORDER BY granted, id`,
		append([]any{int64(sale.AccountCustomer)}, numbers...)...)
}

func (t *tx) openLeases(ctx context.Context, org sale.OrgNo, query string, args ...any) ([]sale.LeaseChange, error) {
	var ids []any
	err := t.each(ctx, query, append([]any{int64(org)}, args...), func(r *sql.Rows) error {
		var id []byte
		err := r.Scan(&id)
		ids = append(ids, bytes.Clone(id))
		return err
	})
	if err != nil || len(ids) == 0 {
		return nil, err
	}
	found, err := t.leaseChanges(ctx, org, ids, sale.Seen{})
	if err != nil {
		return nil, err
	}
	out := make([]sale.LeaseChange, 0, len(ids))
	for _, id := range ids {
		if c := found[sale.ID(id.([]byte))]; c != nil {
			out = append(out, *c)
		}
	}
	return out, nil
}

// LeasesHeld lists the leases that a till has not handed back.
func (s *Store) LeasesHeld(ctx context.Context, org sale.OrgNo, till sale.TillNo) (out []sale.LeaseChange, err error) {
	err = s.view(ctx, func(tx *tx) error {
		out, err = tx.openLeases(ctx, org, `SELECT id FROM leases WHERE org = ? AND till = ? AND released = 0 ORDER BY granted, id`, int64(till))
		return err
	})
	return out, err
}

// Recall asks the holder for a lease back. Recalling twice changes nothing.
func (s *Store) Recall(ctx context.Context, org sale.OrgNo, lease sale.ID) error {
	return s.change(ctx, func(tx *tx) error {
		var h sale.Holder
		err := tx.row(ctx, `UPDATE leases SET recalled = ? WHERE org = ? AND id = ? AND released = 0 AND recalled = 0 RETURNING till, store`,
			[]any{s.now().UnixMilli(), int64(org), lease[:]}, &h.Till, &h.Store)
		if errors.Is(err, ErrNotFound) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("recall lease %s: %w", lease, err)
		}
		return tx.bump(ctx, org, map[feedKey]feedRow{leaseKey(lease): scope(h)})
	})
}

// Ask remembers that a customer stands at a till; the last till to ask gets what becomes free.
func (s *Store) Ask(ctx context.Context, org sale.OrgNo, no sale.CustomerNo, till sale.TillNo) error {
	return s.change(ctx, func(tx *tx) error {
		no, err := tx.mainOf(ctx, org, no)
		if err != nil {
			return err
		}
		_, err = tx.exec(ctx, `INSERT INTO asks (org, customer, till, at) VALUES (?, ?, ?, ?)
			ON CONFLICT (org, customer) DO UPDATE SET till = excluded.till, at = excluded.at`, int64(org), int64(no), int64(till), s.now().UnixMilli())
		if err != nil {
			return fmt.Errorf("note that till %d asks for customer %s: %w", till, no, err)
		}
		return nil
	})
}

// Asked is the active till that last asked for a customer after a moment; zero when none did.
func (s *Store) Asked(ctx context.Context, org sale.OrgNo, no sale.CustomerNo, after sale.Time) (till sale.TillNo, err error) {
	err = s.view(ctx, func(tx *tx) error {
		no, err := tx.mainOf(ctx, org, no)
		if err != nil {
			return err
		}
		n, err := tx.int(ctx, `SELECT a.till FROM asks a JOIN tills t ON t.org = a.org AND t.till = a.till
			WHERE a.org = ? AND a.customer = ? AND a.at >= ? AND t.state = ?`, int64(org), int64(no), int64(after), tillActive)
		till = sale.TillNo(n)
		return err
	})
	return till, err
}

// Active tells whether a till is enrolled and not revoked.
func (s *Store) Active(ctx context.Context, org sale.OrgNo, till sale.TillNo) (active bool, err error) {
	err = s.view(ctx, func(tx *tx) error {
		n, err := tx.int(ctx, `SELECT count(*) FROM tills WHERE org = ? AND till = ? AND state = ?`, int64(org), int64(till), tillActive)
		active = n > 0
		return err
	})
	return active, err
}

// FirstTill is the lowest-numbered active till of a store, or of any store when the store is zero or
// has none; zero when there is no till at all.
func (s *Store) FirstTill(ctx context.Context, org sale.OrgNo, store sale.StoreNo) (till sale.TillNo, at sale.StoreNo, err error) {
	err = s.view(ctx, func(tx *tx) error {
		err := tx.row(ctx, `SELECT till, store FROM tills WHERE org = ? AND till > 0 AND state = ? ORDER BY CASE WHEN store = ? THEN 0 ELSE 1 END, till LIMIT 1`,
			[]any{int64(org), tillActive, int64(store)}, &till, &at)
		if errors.Is(err, ErrNotFound) {
			return nil
		}
		return err
	})
	return till, at, err
}

// Due lists customers of whom something has become free, oldest first, with the record that caused it.
func (s *Store) Due(ctx context.Context, org sale.OrgNo, limit int) (out map[sale.CustomerNo]sale.ID, err error) {
	out = map[sale.CustomerNo]sale.ID{}
	err = s.view(ctx, func(tx *tx) error {
		return tx.each(ctx, `SELECT COALESCE((SELECT c.merged_into FROM customers c WHERE c.org = d.org AND c.no = d.customer AND c.merged_into <> 0), d.customer), d.cause
			FROM due d WHERE d.org = ? ORDER BY d.at, d.customer LIMIT ?`, []any{int64(org), int64(limit)}, func(r *sql.Rows) error {
			var no sale.CustomerNo
			var cause []byte
			if err := r.Scan(&no, &cause); err != nil {
				return err
			}
			out[no] = sale.ID(cause)
			return nil
		})
	})
	return out, err
}

// A customer and the numbers merged into them apart: one statement for both would read the whole list.
const (
	settleDue    = `DELETE FROM due WHERE org = ? AND customer = ? AND cause = ?`
	settleMerged = `DELETE FROM due WHERE org = ? AND customer IN (SELECT no FROM customers WHERE org = ? AND merged_into = ? AND merged_into <> 0) AND cause = ?`
)

// Settled takes a customer off the list of [Store.Due], unless a later record has put them there again.
func (s *Store) Settled(ctx context.Context, org sale.OrgNo, no sale.CustomerNo, cause sale.ID) error {
	return s.change(ctx, func(tx *tx) error {
		if _, err := tx.exec(ctx, settleDue, int64(org), int64(no), cause[:]); err != nil {
			return err
		}
		_, err := tx.exec(ctx, settleMerged, int64(org), int64(org), int64(no), cause[:])
		return err
	})
}

// Journalled tells whether a record or event of that ID is booked.
func (s *Store) Journalled(ctx context.Context, org sale.OrgNo, id sale.ID) (found bool, err error) {
	err = s.view(ctx, func(tx *tx) error {
		n, err := tx.int(ctx, `SELECT count(*) FROM records WHERE org = ? AND id = ? AND state = 0`, int64(org), id[:])
		found = n > 0
		return err
	})
	if err != nil {
		err = fmt.Errorf("look for record %s: %w", id, err)
	}
	return found, err
}

// LeaseCount is how many leases a customer has ever had: it makes the next one's ID.
func (s *Store) LeaseCount(ctx context.Context, org sale.OrgNo, no sale.CustomerNo) (n int, err error) {
	err = s.view(ctx, func(tx *tx) error {
		_, numbers, err := tx.numbersOf(ctx, org, no)
		if err != nil {
			return err
		}
		c, err := tx.int(ctx, `SELECT count(*) FROM leases WHERE org = ? AND kind = ? AND no IN (`+marks(len(numbers))+`)`,
			append([]any{int64(org), int64(sale.AccountCustomer)}, numbers...)...)
		n = int(c)
		return err
	})
	return n, err
}

// TakeBack frees a lease whose holder will not hand it back: a retired till's, or one whose term the
// holder has reported past. What it may have spent unreported is flagged as exposure by the caller.
func (s *Store) TakeBack(ctx context.Context, org sale.OrgNo, lease sale.ID) error {
	return s.change(ctx, func(tx *tx) error {
		var h sale.Holder
		err := tx.row(ctx, `UPDATE leases SET retired = 1 WHERE org = ? AND id = ? AND released = 0 RETURNING till, store`, []any{int64(org), lease[:]}, &h.Till, &h.Store)
		if errors.Is(err, ErrNotFound) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("take lease %s back: %w", lease, err)
		}
		b := newBooking(tx, org, h.Till, 0)
		if err := b.free(ctx, lease, b.now); err != nil {
			return err
		}
		row := scope(h)
		row.gone = true
		b.points.feed[leaseKey(lease)] = row
		return b.write(ctx)
	})
}

// Lapsed lists leases whose term is over by more than slack, and whose holder has since said, at a moment
// after that, that it has nothing unsent: so no unreported spend can exist. A silent till's never lapse.
func (s *Store) Lapsed(ctx context.Context, org sale.OrgNo, slack time.Duration) (out []sale.ID, err error) {
	err = s.view(ctx, func(tx *tx) error {
		return tx.each(ctx, `SELECT l.id, l.until, t.status FROM leases l JOIN tills t ON t.org = l.org AND t.till = l.till
			WHERE l.org = ? AND l.released = 0 AND l.until > 0 AND l.until < ? AND t.unsent = 0 AND t.status IS NOT NULL ORDER BY l.id`,
			[]any{int64(org), s.now().Add(-slack).UnixMilli()}, func(r *sql.Rows) error {
				var id, body []byte
				var until sale.Time
				var st wire.Status
				if err := r.Scan(&id, &until, &body); err != nil {
					return err
				}
				if err := sale.Decode(body, &st); err != nil {
					return err
				}
				if st.Unsent == 0 && st.Unknown == 0 && st.At > until.Add(slack) { // an undecided job may yet have spent
					out = append(out, sale.ID(id))
				}
				return nil
			})
	})
	if err != nil {
		err = fmt.Errorf("look for lapsed leases: %w", err)
	}
	return out, err
}
