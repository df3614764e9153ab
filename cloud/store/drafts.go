package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/kopilka/kopilka/cloud/web/page"
	"github.com/kopilka/kopilka/ledger/sale"
)

const draftColumns = `no, rev, base, note, body, made, made_by, changed, changed_by`

func scanDraft(r *sql.Rows) (d page.Draft, err error) {
	err = r.Scan(&d.No, &d.Rev, &d.Base, &d.Note, &d.Body, &d.Made, &d.By, &d.Changed, &d.Changer)
	return d, err
}

// Drafts lists an organisation's drafts of the programme, the one changed last first.
func (s *Store) Drafts(ctx context.Context, org sale.OrgNo) (out []page.Draft, err error) {
	err = s.view(ctx, func(tx *tx) error {
		return tx.each(ctx, `SELECT `+draftColumns+` FROM drafts WHERE org = ? ORDER BY changed DESC, no DESC`, []any{int64(org)}, func(r *sql.Rows) error {
			d, err := scanDraft(r)
			out = append(out, d)
			return err
		})
	})
	if err != nil {
		return nil, fmt.Errorf("list the drafts of the programme: %w", err)
	}
	return out, nil
}

// Draft reads one draft; page.ErrNotFound when there is none of that number.
func (s *Store) Draft(ctx context.Context, org sale.OrgNo, no int64) (d page.Draft, err error) {
	err = s.view(ctx, func(tx *tx) (err error) {
		d, err = tx.draft(ctx, org, no)
		return err
	})
	if err != nil {
		return page.Draft{}, fmt.Errorf("read draft %d of the programme: %w", no, err)
	}
	return d, nil
}

func (t *tx) draft(ctx context.Context, org sale.OrgNo, no int64) (d page.Draft, err error) {
	found := false
	err = t.each(ctx, `SELECT `+draftColumns+` FROM drafts WHERE org = ? AND no = ?`, []any{int64(org), no}, func(r *sql.Rows) error {
		found = true
		d, err = scanDraft(r)
		return err
	})
	if err == nil && !found {
		err = page.ErrNotFound
	}
	return d, err
}

// AddDraft writes a new draft and gives it a number. page.ErrTaken says that there are too many.
func (s *Store) AddDraft(ctx context.Context, org sale.OrgNo, d page.Draft, by string) (int64, error) {
	err := s.change(ctx, func(tx *tx) error {
		count, err := tx.int(ctx, `SELECT count(*) FROM drafts WHERE org = ?`, int64(org))
		if err != nil {
			return err
		}
		if count >= page.DraftsMax {
			return page.ErrTaken
		}
		last, err := tx.int(ctx, `SELECT MAX(no) FROM drafts WHERE org = ?`, int64(org))
		if err != nil {
			return err
		}
		d.No = last + 1
		now := s.now().UnixMilli() // also the first rev, so that a form of a dropped draft fits no later one of its number
		if _, err := tx.exec(ctx, `INSERT INTO drafts (org, `+draftColumns+`) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
			int64(org), d.No, now, int64(d.Base), text(d.Note), d.Body, now, text(by), now, text(by)); err != nil {
			return err
		}
		return tx.audit(ctx, org, by, "draft.add", fmt.Sprint(d.No), d.Note)
	})
	if err != nil {
		return 0, fmt.Errorf("add a draft of the programme: %w", err)
	}
	return d.No, nil
}

// SaveDraft replaces a draft's body and note if nobody has saved it since d.Rev; else page.ErrChanged.
// what names the change in the audit.
func (s *Store) SaveDraft(ctx context.Context, org sale.OrgNo, d page.Draft, by, what string) error {
	err := s.change(ctx, func(tx *tx) error {
		done, err := tx.exec(ctx, `UPDATE drafts SET rev = rev + 1, note = ?, body = ?, changed = ?, changed_by = ? WHERE org = ? AND no = ? AND rev = ?`,
			text(d.Note), d.Body, s.now().UnixMilli(), text(by), int64(org), d.No, d.Rev)
		if err != nil {
			return err
		}
		switch n, err := done.RowsAffected(); {
		case err != nil:
			return err
		case n == 0:
			return errors.Join(page.ErrChanged, tx.draftThere(ctx, org, d.No))
		}
		return tx.audit(ctx, org, by, "draft.save", fmt.Sprint(d.No), what)
	})
	if err != nil {
		return fmt.Errorf("save draft %d of the programme: %w", d.No, err)
	}
	return nil
}

func (t *tx) draftThere(ctx context.Context, org sale.OrgNo, no int64) error {
	_, err := t.draft(ctx, org, no)
	return err
}

// DropDraft forgets a draft.
func (s *Store) DropDraft(ctx context.Context, org sale.OrgNo, no int64, by string) error {
	err := s.change(ctx, func(tx *tx) error {
		if _, err := tx.exec(ctx, `DELETE FROM drafts WHERE org = ? AND no = ?`, int64(org), no); err != nil {
			return err
		}
		return tx.audit(ctx, org, by, "draft.drop", fmt.Sprint(no), "")
	})
	if err != nil {
		return fmt.Errorf("drop draft %d of the programme: %w", no, err)
	}
	return nil
}
