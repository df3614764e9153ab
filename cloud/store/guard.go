package store

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"

	"github.com/kopilka/kopilka/ledger/sale"
	"github.com/kopilka/kopilka/sync/wire"
)

// A till's signature proves who wrote a record, not that it is true: a stolen till can sign anything. What is
// looked at here keeps it from moving points that are not its own, whatever it writes.

// Where an ID says how it was made, and what [sale.DeriveID] writes there: a till's receipts have random IDs,
// head office's events derived ones, which can be worked out ahead.
const (
	idVersion = 6
	idDerived = 8
)

// owner is whose a lot is; known when its definition is here and not only a posting to it.
type owner struct {
	account sale.Account
	known   bool
}

// prefetchOwners learns whose the lots are that the records name.
func (b *booking) prefetchOwners(ctx context.Context, records []wire.Sealed) error {
	var ids []any
	seen := map[sale.ID]bool{}
	name := func(id sale.ID) {
		if !id.IsZero() && !seen[id] {
			seen[id], ids = true, append(ids, bytes.Clone(id[:]))
		}
	}
	for _, s := range records {
		for _, p := range s.Record.Postings {
			name(p.Lot)
		}
		for _, l := range s.Record.Lots {
			name(l.ID)
		}
	}
	err := b.tx.in(ctx, `SELECT id, kind, no, purse, known FROM lots WHERE org = ? AND id IN %s`, []any{int64(b.org)}, ids, func(r *sql.Rows) error {
		var id []byte
		var o owner
		var known int64
		err := r.Scan(&id, &o.account.Kind, &o.account.No, &o.account.Purse, &known)
		if o.known = known == 1; err == nil && o.known {
			b.points.owners[sale.ID(id)] = o
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("look whose lots are: %w", err)
	}
	return nil
}

// examineTill looks at the points of a till's record: which it may move at all, and whether they are those that
// its receipt speaks of.
func (b *booking) examineTill(r *sale.Record) error {
	moves := len(r.Postings) + len(r.Spends) + len(r.Lots) + len(r.Leases)
	if moves > 0 && r.Kind != sale.KindSale && r.Kind != sale.KindReturn {
		return fmt.Errorf("%w: points in a record of kind %s", errClaim, r.Kind)
	}
	if moves > 0 && r.ID[idVersion]>>4 == idDerived {
		return fmt.Errorf("%w: points under ID %s, which is a name for a deed of head office", errClaim, r.ID)
	}
	if err := b.examineLots(r); err != nil {
		return err
	}
	for i, l := range r.Leases {
		if l.ID != sale.DeriveID(r.ID, "lease", i) && l.ID != sale.DeriveID(r.ID, "lease", int(l.Account.Purse)) {
			return fmt.Errorf("%w: lease %s, which is not named after the record", errClaim, l.ID)
		}
	}
	for _, s := range r.Spends {
		if holder := b.points.holders[s.Lease]; holder != 0 && holder != b.till {
			return fmt.Errorf("%w: a spend from lease %s of till %d", errClaim, s.Lease, holder)
		}
	}
	return examineSums(r)
}

// examineLots lets a till define lots of this very record, and lets nobody change whose a lot is.
func (b *booking) examineLots(r *sale.Record) error {
	for _, l := range r.Lots {
		if l.Source != r.ID || l.ID != sale.DeriveID(r.ID, "lot", int(l.Account.Purse)) || l.Account.Kind != sale.AccountCustomer {
			return fmt.Errorf("%w: lot %s, which is not named after the record", errClaim, l.ID)
		}
		if o, ok := b.points.owners[l.ID]; ok && o.account != l.Account {
			return fmt.Errorf("%w: lot %s as another customer's", errClaim, l.ID)
		}
	}
	for _, p := range r.Postings {
		if o, ok := b.points.owners[p.Lot]; ok && o.account != p.Account {
			return fmt.Errorf("%w: a posting of lot %s to another account", errClaim, p.Lot)
		}
	}
	return nil
}

// sums are a record's postings, as a receipt can be held against them.
type sums struct {
	taken  map[sale.ID]sale.Points      // out of lots
	given  map[sale.PurseNo]sale.Points // into lots
	out    map[sale.PurseNo]sale.Points // out of lots
	paid   map[sale.PurseNo]sale.Points // of debts
	owed   map[sale.PurseNo]sale.Points // new debts
	reward sale.Points
	staff  map[sale.StaffNo]bool
}

func sumsOf(r *sale.Record) (sums, error) {
	s := sums{
		taken: map[sale.ID]sale.Points{}, given: map[sale.PurseNo]sale.Points{}, out: map[sale.PurseNo]sale.Points{},
		paid: map[sale.PurseNo]sale.Points{}, owed: map[sale.PurseNo]sale.Points{}, staff: map[sale.StaffNo]bool{},
	}
	for _, p := range r.Postings {
		purse := p.Account.Purse
		switch p.Account.Kind {
		case sale.AccountProgramme:
		case sale.AccountCustomer:
			if p.Amount < 0 {
				s.taken[p.Lot] -= p.Amount
				s.out[purse] -= p.Amount
			} else {
				s.given[purse] += p.Amount
			}
		case sale.AccountDebt:
			if p.Amount < 0 {
				s.owed[purse] -= p.Amount
			} else {
				s.paid[purse] += p.Amount
			}
		case sale.AccountEmployee:
			s.reward += p.Amount
			s.staff[sale.StaffNo(p.Account.No)] = true
		default:
			return s, fmt.Errorf("%w: a posting to the %s account", errClaim, p.Account.Kind)
		}
	}
	for _, x := range r.Spends {
		s.taken[x.Lot] -= x.Amount
	}
	for lot, rest := range s.taken {
		if rest != 0 {
			return s, fmt.Errorf("%w: what is taken of lot %s and what is spent of it differ by %s", errClaim, lot, rest)
		}
	}
	return s, nil
}

// rewards looks whether it is this one's reward and no other's.
func (s sums) rewards(want sale.Points, staff sale.StaffNo) error {
	if len(s.staff) == 0 {
		return nil
	}
	if s.reward != want || len(s.staff) > 1 || !s.staff[staff] {
		return fmt.Errorf("%w: a reward of %s, the receipt says %s for member of staff %d", errClaim, s.reward, want, staff)
	}
	return nil
}

// examineSums holds the postings against what the receipt says. A receipt that says more than it posts harms
// nobody here: another rule finds it.
func examineSums(r *sale.Record) error {
	if len(r.Postings)+len(r.Spends) == 0 {
		return nil
	}
	s, err := sumsOf(r)
	switch {
	case err != nil:
		return err
	case r.Sale != nil:
		return examineSold(r, s)
	case r.Return != nil:
		return examineReturned(r, s)
	}
	return nil
}

func examineSold(r *sale.Record, s sums) error {
	earned := map[sale.PurseNo]sale.Points{0: r.Sale.Earned}
	for _, l := range r.Sale.Lines {
		for _, x := range l.Extra {
			earned[x.Purse] += x.Amount
		}
	}
	for _, purse := range pursesIn(s.given, s.paid, s.owed) {
		if got := s.given[purse] + s.paid[purse]; got > earned[purse] {
			return fmt.Errorf("%w: %s given in purse %d, the receipt earned %s", errClaim, got, purse, earned[purse])
		}
		if s.owed[purse] != 0 {
			return fmt.Errorf("%w: a sale that leaves a debt", errClaim)
		}
	}
	return s.rewards(r.Sale.Reward, r.Staff)
}

func examineReturned(r *sale.Record, s sums) error {
	t := r.Return
	back := map[sale.PurseNo]sale.Points{0: t.Restored + tendered(t.Tenders, sale.TenderAdvance).AsPoints()}
	claw := map[sale.PurseNo]sale.Points{0: t.Clawed}
	for _, l := range t.Lines {
		for _, x := range l.Paid {
			back[x.Purse] += x.Amount
		}
		for _, x := range l.Extra {
			claw[x.Purse] += x.Amount
		}
	}
	for _, purse := range pursesIn(s.given, s.out, s.owed, s.paid) {
		if s.given[purse] > back[purse] || s.paid[purse] != 0 {
			return fmt.Errorf("%w: %s given back in purse %d, the return says %s", errClaim, s.given[purse]+s.paid[purse], purse, back[purse])
		}
		if got := s.out[purse] + s.owed[purse]; got > claw[purse] {
			return fmt.Errorf("%w: %s taken back in purse %d, the return says %s", errClaim, got, purse, claw[purse])
		}
	}
	return s.rewards(-t.Reward, t.Seller)
}

func pursesIn(maps ...map[sale.PurseNo]sale.Points) (out []sale.PurseNo) {
	seen := map[sale.PurseNo]bool{}
	for _, m := range maps {
		for purse := range m {
			if !seen[purse] {
				seen[purse], out = true, append(out, purse)
			}
		}
	}
	return out
}
