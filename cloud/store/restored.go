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

// Restoring answers head office's generation, and whether it came back from a backup so lately that tills may
// hold leases it does not know: until each active till has said, since then, that it knows this generation
// and has nothing unsent, or until the term of every lease granted before is over.
func (s *Store) Restoring(ctx context.Context, org sale.OrgNo, term time.Duration) (generation uint32, waiting bool, err error) {
	err = s.view(ctx, func(tx *tx) error {
		var restored sale.Time
		waiting = false
		err := tx.row(ctx, `SELECT generation, restored_at FROM orgs WHERE org = ?`, []any{int64(org)}, &generation, &restored)
		if err != nil || restored == 0 || sale.At(s.now()) > restored.Add(term) {
			return err
		}
		waiting, err = tx.anySilent(ctx, org, generation, restored)
		return err
	})
	if err != nil {
		err = fmt.Errorf("look whether tills have reported since the restore: %w", err)
	}
	return generation, waiting, err
}

func (t *tx) anySilent(ctx context.Context, org sale.OrgNo, generation uint32, restored sale.Time) (silent bool, err error) {
	err = t.each(ctx, `SELECT status, status_at FROM tills WHERE org = ? AND till > 0 AND state = ?`, []any{int64(org), tillActive}, func(r *sql.Rows) error {
		var body []byte
		var at sale.Time
		if err := r.Scan(&body, &at); err != nil {
			return err
		}
		var st wire.Status
		if len(body) > 0 {
			if err := sale.Decode(body, &st); err != nil {
				return errors.Join(errors.New("a till's status cannot be read"), err)
			}
		}
		if at < restored || st.Generation < generation || st.Unsent > 0 || st.Unknown > 0 {
			silent = true
		}
		return nil
	})
	return silent, err
}
