package store

import (
	"context"
	"crypto/sha256"
	"fmt"

	"github.com/kopilka/kopilka/cloud/web/page"
	"github.com/kopilka/kopilka/ledger/sale"
)

// FlagKind is what a person at head office should look at.
type FlagKind string

// The kinds of flag.
const (
	FlagDebt        FlagKind = "debt"        // a customer owes points
	FlagFork        FlagKind = "fork"        // a till was restored or replaced, or its journal differs from ours
	FlagGap         FlagKind = "gap"         // epochs are missing
	FlagClock       FlagKind = "clock"       // a record from the future, or made without a trusted clock
	FlagDuplicate   FlagKind = "duplicate"   // the same sale or fiscal document came again from elsewhere
	FlagUnprojected FlagKind = "unprojected" // a record that could not be booked
	FlagOverspent   FlagKind = "overspent"   // more was taken than a lot or lease held
	FlagShift       FlagKind = "shift"       // the journal and the fiscal storage disagree about a shift
	FlagQuarantine  FlagKind = "quarantine"  // a revoked till has handed in records
	FlagSignature   FlagKind = "signature"   // somebody spoke in a till's name without its key
	FlagExposure    FlagKind = "exposure"    // a retired till may have spent what it held
	FlagDouble      FlagKind = "double"      // a phone or card was enrolled twice
	FlagLate        FlagKind = "late"        // points were spent after they, or the right to them, had expired
	FlagCode        FlagKind = "code"        // a single-use promo code was used twice, or after it was revoked
	FlagOverReturn  FlagKind = "over-return" // more came back than was sold
	FlagWatch       FlagKind = "watch"       // a fraud rule was met at a till
	FlagPending     FlagKind = "pending"     // a return whose sale is not known yet
	FlagEnrolment   FlagKind = "enrolment"   // who was enrolled does not fit what the till's record says
)

// flag is raised at most once for a cause: kind, till and record (or a word that stands for one).
type flag struct {
	kind   FlagKind
	till   sale.TillNo
	record sale.ID
	cause  string
	ru, en string

	customer, other sale.CustomerNo
	amount          int64
	rule            string
	code            []byte
	policy          string
	actions         []page.Action // beside a note
}

func (f flag) id() []byte {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s/%d/%x/%s", f.kind, f.till, f.record, f.cause))
	return sum[:16]
}

func flagRows() *bulk {
	return insertInto("flags", "org, id, kind, ru, en, till, record, at, customer, other, amount, rule, code, policy, actions", "ON CONFLICT (org, id) DO NOTHING")
}

func (f flag) addTo(b *bulk, org sale.OrgNo, now sale.Time) {
	actions := string(page.ActionNote)
	for _, a := range f.actions {
		actions += "," + string(a)
	}
	b.add(int64(org), f.id(), string(f.kind), text(f.ru), text(f.en), int64(f.till), f.record[:], int64(now), int64(f.customer), int64(f.other), f.amount,
		text(f.rule), f.code, f.policy, actions)
}

// Flag raises a flag about a till, once for each cause.
func (s *Store) Flag(ctx context.Context, org sale.OrgNo, till sale.TillNo, kind, cause, ru, en string) error {
	return s.change(ctx, func(tx *tx) error {
		return tx.flag(ctx, org, flag{kind: FlagKind(kind), till: till, cause: cause, ru: ru, en: en})
	})
}

func (t *tx) flag(ctx context.Context, org sale.OrgNo, f flag) error {
	b := flagRows()
	f.addTo(b, org, sale.At(t.s.now()))
	return b.write(ctx, t)
}

// ResolveFlag closes a flag in somebody's name.
func (s *Store) ResolveFlag(ctx context.Context, org sale.OrgNo, id []byte, by, note string) error {
	return s.change(ctx, func(tx *tx) error {
		res, err := tx.exec(ctx, `UPDATE flags SET resolved_by = ?, resolved_at = ?, note = ?, action = 'note' WHERE org = ? AND id = ? AND resolved_at = 0`,
			text(by), s.now().UnixMilli(), text(note), int64(org), id)
		if err != nil {
			return fmt.Errorf("resolve a flag: %w", err)
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			return fmt.Errorf("resolve flag %x: %w (or resolved already)", id, ErrNotFound)
		}
		return nil
	})
}
