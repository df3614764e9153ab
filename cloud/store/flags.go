package store

import (
	"context"
	"crypto/sha256"
	"fmt"

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
)

// flag is raised at most once for a cause: kind, till and record (or a word that stands for one).
type flag struct {
	kind   FlagKind
	till   sale.TillNo
	record sale.ID
	cause  string
	ru, en string
}

func (f flag) id() []byte {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s/%d/%x/%s", f.kind, f.till, f.record, f.cause))
	return sum[:16]
}

func flagRows() *bulk {
	return insertInto("flags", "org, id, kind, ru, en, till, record, at", "ON CONFLICT (org, id) DO NOTHING")
}

func (f flag) addTo(b *bulk, org sale.OrgNo, now sale.Time) {
	b.add(int64(org), f.id(), string(f.kind), text(f.ru), text(f.en), int64(f.till), f.record[:], int64(now))
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
		res, err := tx.exec(ctx, `UPDATE flags SET resolved_by = ?, resolved_at = ?, note = ? WHERE org = ? AND id = ? AND resolved_at = 0`,
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
