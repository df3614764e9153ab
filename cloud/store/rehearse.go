package store

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/kopilka/kopilka/ledger/sale"
)

// Replay hands out the bodies of the sales of a time, page by page in the order of their journals, until
// each says stop or they end. A body is the receiver's to keep.
func (s *Store) Replay(ctx context.Context, org sale.OrgNo, from, to sale.Time, page int, each func(bodies [][]byte) error) error {
	var till, epoch, seq int64
	for {
		var bodies [][]byte
		err := s.view(ctx, func(tx *tx) error {
			return tx.each(ctx, `SELECT s.till, s.epoch, s.seq, r.body FROM records r JOIN sales s ON s.org = r.org AND s.id = r.id
				WHERE r.org = ? AND (r.till > ? OR (r.till = ? AND (r.epoch > ? OR (r.epoch = ? AND r.seq > ?))))
				AND r.fork = 0 AND r.state = 0 AND r.kind = ? AND r.at >= ? AND r.at < ? ORDER BY r.till, r.epoch, r.seq LIMIT ?`,
				[]any{int64(org), till, till, epoch, epoch, seq, int64(sale.KindSale), int64(from), int64(to), int64(page)}, func(r *sql.Rows) error {
					var b []byte
					err := r.Scan(&till, &epoch, &seq, &b)
					bodies = append(bodies, b)
					return err
				})
		})
		if err != nil {
			return fmt.Errorf("read receipts to replay: %w", err)
		}
		if len(bodies) == 0 {
			return nil
		}
		if err := each(bodies); err != nil {
			return err
		}
	}
}

// SalesBetween counts the sales of a time, for the progress of a replay.
func (s *Store) SalesBetween(ctx context.Context, org sale.OrgNo, from, to sale.Time) (n int64, err error) {
	err = s.view(ctx, func(tx *tx) error {
		n, err = tx.int(ctx, `SELECT count(*) FROM sales WHERE org = ? AND at >= ? AND at < ?`, int64(org), int64(from), int64(to))
		return err
	})
	return n, err
}

// Goods are all products as they are now, by article.
func (s *Store) Goods(ctx context.Context, org sale.OrgNo) (map[sale.SKU]*sale.Product, error) {
	out := map[sale.SKU]*sale.Product{}
	err := s.view(ctx, func(tx *tx) error {
		names, err := tx.strings(ctx, `SELECT sku FROM products WHERE org = ? ORDER BY sku`, int64(org))
		if err != nil {
			return err
		}
		skus := make([]any, len(names))
		for i, n := range names {
			skus[i] = n
		}
		out, err = tx.products(ctx, org, skus)
		return err
	})
	if err != nil {
		err = fmt.Errorf("read the goods for a replay: %w", err)
	}
	return out, err
}

// Segments are the customers' segments as they are now, those of none left out.
func (s *Store) Segments(ctx context.Context, org sale.OrgNo) (out map[sale.CustomerNo]uint8, err error) {
	out = map[sale.CustomerNo]uint8{}
	err = s.view(ctx, func(tx *tx) error {
		return tx.each(ctx, `SELECT no, segment FROM customers WHERE org = ? AND segment <> 0`, []any{int64(org)}, func(r *sql.Rows) error {
			var no sale.CustomerNo
			var segment uint8
			err := r.Scan(&no, &segment)
			out[no] = segment
			return err
		})
	})
	return out, err
}
