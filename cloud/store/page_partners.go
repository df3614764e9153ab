package store

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/kopilka/kopilka/cloud/web/page"
	"github.com/kopilka/kopilka/ledger/sale"
)

// PartnerRows lists an organisation's partners by number, those withdrawn too.
func (s *Store) PartnerRows(ctx context.Context, org sale.OrgNo) (out []page.Partner, err error) {
	err = s.view(ctx, func(tx *tx) error {
		return tx.each(ctx, `SELECT no, name, contact, gone FROM partners WHERE org = ? ORDER BY no`, []any{int64(org)}, func(r *sql.Rows) error {
			var p page.Partner
			var gone int64
			err := r.Scan(&p.No, &p.Name, &p.Contact, &gone)
			p.Gone = gone == 1
			out = append(out, p)
			return err
		})
	})
	if err != nil {
		return nil, fmt.Errorf("list partners: %w", err)
	}
	return out, nil
}

// PutPartner changes a partner, or makes one with the next number when its own is zero.
func (s *Store) PutPartner(ctx context.Context, org sale.OrgNo, p page.Partner, by string) (sale.PartnerNo, error) {
	no := p.No
	err := s.change(ctx, func(tx *tx) error {
		what := "partner.change"
		no = p.No
		if no == 0 {
			what = "partner.add"
			if _, err := tx.lockOffice(ctx, org); err != nil { // two who are added at once get a number each
				return err
			}
			last, err := tx.int(ctx, `SELECT COALESCE(MAX(no), 0) FROM partners WHERE org = ?`, int64(org))
			if err != nil {
				return err
			}
			no = sale.PartnerNo(last + 1)
		}
		gone := int64(0)
		if p.Gone {
			gone = 1
		}
		if _, err := tx.exec(ctx, `INSERT INTO partners (org, no, name, contact, gone) VALUES (?, ?, ?, ?, ?)
			ON CONFLICT (org, no) DO UPDATE SET name = excluded.name, contact = excluded.contact, gone = excluded.gone`,
			int64(org), int64(no), text(p.Name), text(p.Contact), gone); err != nil {
			return err
		}
		return tx.audit(ctx, org, by, what, fmt.Sprint(no), p.Name)
	})
	if err != nil {
		return 0, fmt.Errorf("save partner %d: %w", p.No, err)
	}
	return no, nil
}
