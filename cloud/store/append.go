package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"

	"github.com/kopilka/kopilka/ledger/sale"
	"github.com/kopilka/kopilka/sync/wire"
)

// AppendMax is how many records one transaction takes: merging what is queued is worth 60 to 100 %
// (sync.md C7), and beyond this a transaction only keeps others waiting.
const AppendMax = 4000

// States of a till.
const (
	tillWaiting = 0
	tillActive  = 1
	tillRevoked = 2
)

// States of a record.
const (
	recordBooked     = 0
	recordParked     = 1
	recordQuarantine = 2
	recordDuplicate  = 3
)

func bye(code wire.ByeCode, format string, args ...any) error {
	return &wire.Bye{Code: code, Text: fmt.Sprintf(format, args...)}
}

// Append stores records of one epoch of a till, in order, with all that follows from them, and answers
// how far the till's journal is durable now. Records that are here already are passed over, if they are
// the same. With fork > 0 they are the tail of an older epoch that head office knows otherwise.
//
// What the till did wrong comes as a *[wire.Bye]; nothing is stored then. A record that cannot be booked
// is stored and parked: that is not an error.
func (s *Store) Append(ctx context.Context, org sale.OrgNo, till sale.TillNo, fork uint32, records []wire.Sealed) (sale.Position, error) {
	if err := checkChain(records); err != nil {
		return sale.Position{}, err
	}
	people, err := s.openEnrolments(ctx, org, records)
	if err != nil {
		return sale.Position{}, err
	}
	have, err := s.appendTwice(ctx, org, till, fork, records, people)
	if err != nil {
		return have, err
	}
	// What follows is head office's own: its events are made under another lock. Should this fail, the till
	// gets no Ack, sends the same again, and comes by here once more.
	if err := s.MergeDoubles(ctx, org, enrolledIn(records)); err != nil {
		return have, err
	}
	return have, s.reopenExpired(ctx, org, spentIn(records))
}

// appendTwice books all at once, and each record alone where the database refuses that.
func (s *Store) appendTwice(ctx context.Context, org sale.OrgNo, till sale.TillNo, fork uint32, records []wire.Sealed, people people) (sale.Position, error) {
	have, err := s.appendBooked(ctx, org, till, fork, records, people, false)
	var b *wire.Bye
	if err == nil || errors.As(err, &b) || ctx.Err() != nil || retryable(err) {
		return have, err
	}
	// One record spoils the statement of many: find it by booking each alone.
	careful, again := s.appendBooked(ctx, org, till, fork, records, people, true)
	if again != nil {
		return have, fmt.Errorf("append %d records of till %d: %w", len(records), till, err)
	}
	return careful, nil
}

// checkChain holds the records against each other.
func checkChain(records []wire.Sealed) error {
	if len(records) == 0 || len(records) > AppendMax {
		return bye(wire.ByeMessage, "%d records at once, want 1 to %d", len(records), AppendMax)
	}
	for i, r := range records {
		if r.Record == nil || r.Record.Seq == 0 || r.Record.Seq > math.MaxInt64 || r.Record.Epoch == 0 {
			return bye(wire.ByeMessage, "record %d of the batch has no place", i)
		}
		if i > 0 && (r.Record.Epoch != records[0].Record.Epoch || r.Record.Seq != records[i-1].Record.Seq+1) {
			return bye(wire.ByeOrder, "record %d/%d after %d/%d", r.Record.Epoch, r.Record.Seq, records[i-1].Record.Epoch, records[i-1].Record.Seq)
		}
		if i > 0 && r.Record.Prev != records[i-1].Hash {
			return bye(wire.ByeMessage, "record %d/%d does not follow the one before it", r.Record.Epoch, r.Record.Seq)
		}
	}
	return nil
}

func (s *Store) appendBooked(ctx context.Context, org sale.OrgNo, till sale.TillNo, fork uint32, records []wire.Sealed, people people, careful bool) (have sale.Position, err error) {
	err = s.change(ctx, func(tx *tx) error {
		var state int64
		err := tx.row(ctx, `SELECT state FROM tills WHERE org = ? AND till = ?`+s.dialect.lock(), []any{int64(org), int64(till)}, &state)
		if errors.Is(err, ErrNotFound) || (err == nil && (state == tillWaiting || till == 0)) {
			return bye(wire.ByeUnknown, "till %d of organisation %d", till, org)
		}
		if err != nil {
			return fmt.Errorf("lock till %d: %w", till, err)
		}
		b := newBooking(tx, org, till, fork)
		b.quarantine, b.people = state == tillRevoked, people
		var fresh []wire.Sealed
		if have, fresh, err = b.fence(ctx, records); err != nil || len(fresh) == 0 {
			return err
		}
		if err := b.book(ctx, fresh, careful); err != nil {
			return err
		}
		last := fresh[len(fresh)-1]
		have = sale.Position{Epoch: last.Record.Epoch, Seq: last.Record.Seq, Head: last.Hash}
		return tx.moveCursor(ctx, org, till, fork, have)
	})
	return have, err
}

func (t *tx) moveCursor(ctx context.Context, org sale.OrgNo, till sale.TillNo, fork uint32, to sale.Position) error {
	_, err := t.exec(ctx, `INSERT INTO cursors (org, till, fork, epoch, seq, head) VALUES (?, ?, ?, ?, ?, ?)
		ON CONFLICT (org, till, fork, epoch) DO UPDATE SET seq = excluded.seq, head = excluded.head`,
		int64(org), int64(till), int64(fork), int64(to.Epoch), int64(to.Seq), to.Head[:])
	if err != nil {
		return fmt.Errorf("move the cursor of till %d: %w", till, err)
	}
	return nil
}

// Position is the last record that head office holds of the till's newest epoch; zero when it has none.
func (s *Store) Position(ctx context.Context, org sale.OrgNo, till sale.TillNo) (p sale.Position, err error) {
	err = s.view(ctx, func(tx *tx) error {
		p, err = tx.position(ctx, org, till)
		return err
	})
	return p, err
}

func (t *tx) position(ctx context.Context, org sale.OrgNo, till sale.TillNo) (sale.Position, error) {
	return t.cursor(ctx, `SELECT epoch, seq, head FROM cursors WHERE org = ? AND till = ? AND fork = 0 ORDER BY epoch DESC LIMIT 1`, int64(org), int64(till))
}

func (t *tx) cursor(ctx context.Context, text string, args ...any) (sale.Position, error) {
	var p sale.Position
	var head []byte
	err := t.row(ctx, text, args, &p.Epoch, &p.Seq, &head)
	if errors.Is(err, ErrNotFound) {
		return sale.Position{}, nil
	}
	if err != nil {
		return sale.Position{}, fmt.Errorf("read a cursor: %w", err)
	}
	copy(p.Head[:], head)
	return p, nil
}

// HashAt is the hash of a stored record of the journal proper, and whether it is here. Before the first
// record of an epoch is the zero hash.
func (s *Store) HashAt(ctx context.Context, org sale.OrgNo, till sale.TillNo, epoch uint32, seq uint64) (h sale.Hash, found bool, err error) {
	if seq == 0 {
		return h, true, nil
	}
	err = s.view(ctx, func(tx *tx) error {
		var b []byte
		err := tx.row(ctx, `SELECT hash FROM records WHERE org = ? AND till = ? AND fork = 0 AND epoch = ? AND seq = ?`,
			[]any{int64(org), int64(till), int64(epoch), int64(seq)}, &b)
		found = copy(h[:], b) == len(h)
		if errors.Is(err, ErrNotFound) {
			return nil
		}
		return err
	})
	return h, found, err
}

// fence decides which of the records are new, inside the transaction that will store them. It answers
// the position before them.
func (b *booking) fence(ctx context.Context, records []wire.Sealed) (sale.Position, []wire.Sealed, error) {
	if b.fork > 0 {
		return b.fenceFork(ctx, records)
	}
	have, err := b.tx.position(ctx, b.org, b.till)
	if err != nil {
		return have, nil, err
	}
	first := records[0].Record
	if first.Epoch > have.Epoch {
		return have, records, b.openEpoch(have, first)
	}
	known := have.Seq
	if first.Epoch < have.Epoch {
		known = math.MaxInt64
	}
	fresh, err := b.passOver(ctx, records, known)
	if err != nil || len(fresh) == 0 {
		return have, nil, err
	}
	return have, fresh, follows(have, fresh[0].Record)
}

func follows(have sale.Position, r *sale.Record) error {
	if r.Seq != have.Seq+1 {
		return bye(wire.ByeOrder, "record %d/%d where %d/%d is due", r.Epoch, r.Seq, have.Epoch, have.Seq+1)
	}
	if r.Prev != have.Head {
		return bye(wire.ByeFork, "record %d/%d follows %s, head office has %s", r.Epoch, r.Seq, r.Prev.Short(), have.Head.Short())
	}
	return nil
}

// openEpoch lets a till begin anew. A skipped epoch is taken as a fact and flagged: its records may yet
// come as a fork.
func (b *booking) openEpoch(have sale.Position, first *sale.Record) error {
	if first.Seq != 1 || first.Prev != (sale.Hash{}) || (have.Epoch > 0 && first.Kind != sale.KindEpoch) {
		return bye(wire.ByeOrder, "epoch %d must begin with its opening record, head office has %d/%d", first.Epoch, have.Epoch, have.Seq)
	}
	if have.Epoch > 0 && first.Epoch > have.Epoch+1 {
		b.flag(flag{
			kind: FlagGap, till: b.till, cause: fmt.Sprintf("epoch %d", first.Epoch),
			ru: fmt.Sprintf("Касса %d перешла с эпохи %d на %d: записи между ними не получены", b.till, have.Epoch, first.Epoch),
			en: fmt.Sprintf("Till %d went from epoch %d to %d: the records between have not come", b.till, have.Epoch, first.Epoch),
		})
	}
	return nil
}

// fenceFork takes a diverged tail. Where it branches off is the till's word, under its signature; it may
// come before the epoch that was opened for it, and again from further back.
func (b *booking) fenceFork(ctx context.Context, records []wire.Sealed) (sale.Position, []wire.Sealed, error) {
	newest, err := b.tx.position(ctx, b.org, b.till)
	if err != nil {
		return newest, nil, err
	}
	first, last := records[0].Record, records[len(records)-1]
	if first.Epoch > newest.Epoch || first.Epoch >= b.fork {
		return newest, nil, bye(wire.ByeOrder, "a tail of epoch %d under epoch %d, head office has epoch %d", first.Epoch, b.fork, newest.Epoch)
	}
	ours, err := b.hashes(ctx, 0, first.Epoch, first.Seq, last.Record.Seq)
	if err != nil {
		return newest, nil, err
	}
	forked, err := b.hashes(ctx, b.fork, first.Epoch, first.Seq, last.Record.Seq)
	if err != nil {
		return newest, nil, err
	}
	var fresh []wire.Sealed
	for _, r := range records {
		hash, stored := forked[r.Record.Seq]
		if stored && hash != r.Hash {
			return newest, nil, bye(wire.ByeFork, "record %d/%d of the tail under epoch %d is another one at head office", first.Epoch, r.Record.Seq, b.fork)
		}
		if !stored {
			fresh = append(fresh, r)
		}
		b.same[r.Hash] = ours[r.Record.Seq] == r.Hash
	}
	return sale.Position{Epoch: first.Epoch, Seq: last.Record.Seq, Head: last.Hash}, fresh, nil
}

// hashes are those of the stored records of a stretch, by seq.
func (b *booking) hashes(ctx context.Context, fork, epoch uint32, from, to uint64) (map[uint64]sale.Hash, error) {
	out := map[uint64]sale.Hash{}
	err := b.tx.each(ctx, `SELECT seq, hash FROM records WHERE org = ? AND till = ? AND fork = ? AND epoch = ? AND seq BETWEEN ? AND ?`,
		[]any{int64(b.org), int64(b.till), int64(fork), int64(epoch), int64(from), int64(to)}, func(r *sql.Rows) error {
			var seq uint64
			var hash []byte
			if err := r.Scan(&seq, &hash); err != nil {
				return err
			}
			if len(hash) == len(sale.Hash{}) {
				out[seq] = sale.Hash(hash)
			}
			return nil
		})
	if err != nil {
		return nil, fmt.Errorf("compare with the records stored: %w", err)
	}
	return out, nil
}

// passOver drops records up to seq known after comparing them with what is stored: a repeat is an ack,
// a difference is a fork.
func (b *booking) passOver(ctx context.Context, records []wire.Sealed, known uint64) ([]wire.Sealed, error) {
	if records[0].Record.Seq > known {
		return records, nil
	}
	first, last := records[0].Record, records[len(records)-1].Record
	stored, err := b.hashes(ctx, b.fork, first.Epoch, first.Seq, last.Seq)
	if err != nil {
		return nil, err
	}
	for i, r := range records {
		if r.Record.Seq > known {
			return records[i:], nil
		}
		if stored[r.Record.Seq] != r.Hash {
			return nil, bye(wire.ByeFork, "record %d/%d is another one at head office", r.Record.Epoch, r.Record.Seq)
		}
	}
	return nil, nil
}
