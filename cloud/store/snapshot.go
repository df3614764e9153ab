package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/kopilka/kopilka/ledger/sale"
	"github.com/kopilka/kopilka/sync/wire"
)

// When a snapshot is made anew: a till that fetches an older one has that much more to read as changes.
const (
	SnapshotMovedMax = 50_000
	SnapshotAgeMax   = 24 * time.Hour
	// snapshotsKept are the manifests whose chunks stay: a till may be half-way through the one before.
	snapshotsKept = 2
)

// Manifest is the signed manifest of the customers' snapshot with its version. It is built when there is
// none, or when the feed has moved on too far.
func (s *Store) Manifest(ctx context.Context, org sale.OrgNo) (signed []byte, version uint64, err error) {
	signed, version, fresh, err := s.manifest(ctx, org)
	if err != nil || fresh {
		return signed, version, err
	}
	select {
	case s.building <- struct{}{}:
		defer func() { <-s.building }()
	case <-ctx.Done():
		return nil, 0, ctx.Err()
	}
	if signed, version, fresh, err = s.manifest(ctx, org); err != nil || fresh {
		return signed, version, err
	}
	if err := s.BuildSnapshot(ctx, org); err != nil {
		return nil, 0, err
	}
	signed, version, _, err = s.manifest(ctx, org)
	return signed, version, err
}

func (s *Store) manifest(ctx context.Context, org sale.OrgNo) (signed []byte, version uint64, fresh bool, err error) {
	err = s.view(ctx, func(tx *tx) error {
		var at sale.Time
		err := tx.row(ctx, `SELECT version, at, signed FROM manifests WHERE org = ? ORDER BY version DESC LIMIT 1`, []any{int64(org)}, &version, &at, &signed)
		if errors.Is(err, ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		feed, err := tx.int(ctx, `SELECT feed FROM orgs WHERE org = ?`, int64(org))
		fresh = uint64(feed) <= version+SnapshotMovedMax && sale.At(s.now()).Sub(at) < SnapshotAgeMax
		return err
	})
	if err != nil {
		err = fmt.Errorf("read the snapshot's manifest: %w", err)
	}
	return signed, version, fresh, err
}

// Chunk reads a chunk by its hash; none when there is no such chunk.
func (s *Store) Chunk(ctx context.Context, org sale.OrgNo, hash sale.Hash) (body []byte, err error) {
	err = s.view(ctx, func(tx *tx) error {
		err := tx.row(ctx, `SELECT body FROM chunks WHERE org = ? AND hash = ?`, []any{int64(org), hash[:]}, &body)
		if errors.Is(err, ErrNotFound) {
			return nil
		}
		return err
	})
	if err != nil {
		err = fmt.Errorf("read chunk %s: %w", hash.Short(), err)
	}
	return body, err
}

// BuildSnapshot writes all customers of one moment into content-addressed chunks and a signed manifest.
// The long read holds no lock; chunks that have not changed are kept as they are.
func (s *Store) BuildSnapshot(ctx context.Context, org sale.OrgNo) error {
	m := &wire.Manifest{Org: org, At: sale.At(s.now())}
	var chunks [][]byte
	err := s.view(ctx, func(tx *tx) error {
		feed, err := tx.int(ctx, `SELECT feed FROM orgs WHERE org = ?`, int64(org))
		if err != nil {
			return err
		}
		m.Version = uint64(feed)
		if m.Cursors, err = tx.cursors(ctx, org, m.At); err != nil {
			return err
		}
		chunks, err = tx.packAll(ctx, org, m)
		return err
	})
	if err == nil {
		err = s.change(ctx, func(tx *tx) error { return tx.saveSnapshot(ctx, org, m, chunks) })
	}
	if err != nil {
		return fmt.Errorf("build the customers' snapshot: %w", err)
	}
	return nil
}

// cursors is each till's place in its newest epoch.
func (t *tx) cursors(ctx context.Context, org sale.OrgNo, at sale.Time) (out []wire.SeenByTill, err error) {
	err = t.each(ctx, `SELECT till, epoch, seq FROM cursors WHERE org = ? AND fork = 0 AND till > 0 ORDER BY till, epoch`, []any{int64(org)}, func(r *sql.Rows) error {
		x := wire.SeenByTill{Seen: sale.Seen{At: at}}
		if err := r.Scan(&x.Till, &x.Seen.Epoch, &x.Seen.Seq); err != nil {
			return err
		}
		if n := len(out); n > 0 && out[n-1].Till == x.Till {
			out[n-1] = x
			return nil
		}
		out = append(out, x)
		return nil
	})
	return out, err
}

// packAll reads customers chunk by chunk in the order of their numbers.
func (t *tx) packAll(ctx context.Context, org sale.OrgNo, m *wire.Manifest) (chunks [][]byte, err error) {
	after := int64(-1)
	for {
		var numbers []any
		err := t.each(ctx, `SELECT no FROM customers WHERE org = ? AND no > ? AND state NOT IN (?, ?) AND merged_into = 0 ORDER BY no LIMIT ?`,
			[]any{int64(org), after, int64(sale.CustomerErased), int64(sale.CustomerHouse), wire.ChunkCustomersMax}, func(r *sql.Rows) error {
				err := r.Scan(&after)
				numbers = append(numbers, after)
				return err
			})
		if err != nil || len(numbers) == 0 {
			return chunks, err
		}
		found := make(map[sale.CustomerNo]*sale.CustomerChange, len(numbers))
		if err := t.readCustomers(ctx, org, "BETWEEN ? AND ?", []any{numbers[0], after}, sale.Seen{}, found); err != nil {
			return nil, err
		}
		page := make([]sale.CustomerChange, 0, len(numbers))
		for _, no := range numbers {
			page = append(page, *found[sale.CustomerNo(no.(int64))])
		}
		body, err := wire.PackChunk(page)
		if err != nil {
			return nil, err
		}
		chunks = append(chunks, body)
		m.Chunks = append(m.Chunks, wire.ChunkRef{Hash: sale.HashOf(body), Bytes: len(body), Count: len(page)})
		m.Customers += uint64(len(page))
	}
}

func (t *tx) saveSnapshot(ctx context.Context, org sale.OrgNo, m *wire.Manifest, chunks [][]byte) error {
	body, err := sale.Encode(m)
	if err != nil {
		return err
	}
	signed, err := t.signManifest(ctx, org, body)
	if err != nil {
		return err
	}
	rows := insertInto("chunks", "org, hash, version, body", "ON CONFLICT (org, hash) DO UPDATE SET version = excluded.version")
	for i, c := range chunks {
		hash := m.Chunks[i].Hash
		rows.add(int64(org), hash[:], int64(m.Version), c)
	}
	if err := rows.write(ctx, t); err != nil {
		return err
	}
	if _, err := t.exec(ctx, `INSERT INTO manifests (org, version, at, customers, signed) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT (org, version) DO UPDATE SET at = excluded.at, customers = excluded.customers, signed = excluded.signed`,
		int64(org), int64(m.Version), int64(m.At), int64(m.Customers), signed); err != nil {
		return err
	}
	oldest, err := t.int(ctx, `SELECT min(version) FROM (SELECT version FROM manifests WHERE org = ? ORDER BY version DESC LIMIT ?) AS kept`, int64(org), snapshotsKept)
	if err != nil {
		return err
	}
	for _, clear := range []string{`DELETE FROM manifests WHERE org = ? AND version < ?`, `DELETE FROM chunks WHERE org = ? AND version < ?`} {
		if _, err := t.exec(ctx, clear, int64(org), oldest); err != nil {
			return err
		}
	}
	return nil
}
