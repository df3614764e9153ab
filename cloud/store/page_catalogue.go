package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/kopilka/kopilka/cloud/web/page"
	"github.com/kopilka/kopilka/ledger/sale"
)

// ProductRows lists products by name after one of them.
func (s *Store) ProductRows(ctx context.Context, org sale.OrgNo, f page.ProductFilter, after page.ProductKey, limit int) ([]sale.Product, error) {
	p := &picker{}
	p.and("p.org = ? AND p.gone = ?", int64(org), map[bool]int64{true: 1}[f.Gone])
	if f.Text != "" {
		p.and(`(p.search LIKE ? ESCAPE '!' OR p.sku = ? OR p.sku IN (SELECT sku FROM product_codes WHERE org = ? AND code = ?))`,
			"%"+escapeLike(f.Text)+"%", f.Raw, int64(org), sale.GTIN(f.Raw))
	}
	if after != (page.ProductKey{}) {
		p.and("p.name >= ? AND (p.name > ? OR p.sku > ?)", after.Name, after.Name, string(after.SKU))
	}
	var out []sale.Product
	err := s.view(ctx, func(tx *tx) error {
		var err error
		out, err = listProducts(ctx, tx, org, p, limit)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list products: %w", err)
	}
	return out, nil
}

// ProductRow reads one product.
func (s *Store) ProductRow(ctx context.Context, org sale.OrgNo, sku sale.SKU) (sale.Product, error) {
	var out []sale.Product
	err := s.view(ctx, func(tx *tx) error {
		p := &picker{}
		p.and("p.org = ? AND p.sku = ?", int64(org), string(sku))
		var err error
		out, err = listProducts(ctx, tx, org, p, 1)
		return err
	})
	if err == nil && len(out) == 0 {
		err = page.ErrNotFound
	}
	if err != nil {
		return sale.Product{}, fmt.Errorf("read product %s: %w", sku, err)
	}
	return out[0], nil
}

func listProducts(ctx context.Context, tx *tx, org sale.OrgNo, p *picker, limit int) ([]sale.Product, error) {
	var out []sale.Product
	at := map[sale.SKU]int{}
	err := tx.each(ctx, `SELECT p.sku, p.name, p.price, p.min_price, p.vat, p.subject, p.unit, p.traits, p.category, p.gone, p.tags, p.floors FROM products p`+
		p.where()+` ORDER BY p.name, p.sku LIMIT ?`, append(p.args, limit), func(r *sql.Rows) error {
		var v sale.Product
		var gone int
		var tags, floors []byte
		err := r.Scan(&v.SKU, &v.Name, &v.Price, &v.MinPrice, &v.VAT, &v.Subject, &v.Unit, &v.Traits, &v.Category, &gone, &tags, &floors)
		if err == nil {
			err = unpackProduct(&v, tags, floors)
		}
		v.Gone = gone != 0
		at[v.SKU] = len(out)
		out = append(out, v)
		return err
	})
	if err != nil || len(out) == 0 {
		return out, err
	}
	args := []any{int64(org)}
	for _, v := range out {
		args = append(args, string(v.SKU))
	}
	err = tx.each(ctx, `SELECT sku, code FROM product_codes WHERE org = ? AND sku IN (`+marks(len(out))+`) ORDER BY code`, args, func(r *sql.Rows) error {
		var sku sale.SKU
		var code string
		err := r.Scan(&sku, &code)
		if i, ok := at[sku]; ok {
			out[i].Codes = append(out[i].Codes, code)
		}
		return err
	})
	return out, err
}

// StaffRows lists the members of staff by name; no other than zero chooses one.
func (s *Store) StaffRows(ctx context.Context, org sale.OrgNo, no sale.StaffNo) ([]page.Staff, error) {
	p := &picker{}
	p.and("w.org = ?", int64(org))
	if no != 0 {
		p.and("w.no = ?", int64(no))
	}
	var out []page.Staff
	err := s.view(ctx, func(tx *tx) error {
		return tx.each(ctx, `SELECT w.no, w.name, w.inn, w.role, w.pin, w.salt, w.gone, w.store, COALESCE(st.name, '') FROM staff w
 LEFT JOIN stores st ON st.org = w.org AND st.store = w.store`+p.where()+` ORDER BY w.gone, w.name, w.no`, p.args, func(r *sql.Rows) error {
			var v page.Staff
			var gone int
			err := r.Scan(&v.No, &v.Name, &v.INN, &v.Role, &v.PIN, &v.Salt, &gone, &v.Store, &v.StoreName)
			v.Gone = gone != 0
			out = append(out, v)
			return err
		})
	})
	if err != nil {
		return nil, fmt.Errorf("list staff: %w", err)
	}
	return out, nil
}

// ProgrammeRows lists the versions of the programme, newest first.
func (s *Store) ProgrammeRows(ctx context.Context, org sale.OrgNo) ([]page.ProgrammeVersion, error) {
	var out []page.ProgrammeVersion
	err := s.view(ctx, func(tx *tx) error {
		return tx.each(ctx, `SELECT version, effective, published, made_by, note, body FROM programmes WHERE org = ? ORDER BY version DESC`,
			[]any{int64(org)}, func(r *sql.Rows) error {
				var v page.ProgrammeVersion
				err := r.Scan(&v.Version, &v.From, &v.Made, &v.By, &v.Note, &v.Body)
				out = append(out, v)
				return err
			})
	})
	if err != nil {
		return nil, fmt.Errorf("list versions of the programme: %w", err)
	}
	return out, nil
}

// KnownGoods tells which of the asked names some product on sale has.
func (s *Store) KnownGoods(ctx context.Context, org sale.OrgNo, asked page.GoodsNames) (page.GoodsNames, error) {
	known := page.GoodsNames{SKUs: map[string]bool{}, Categories: map[string]bool{}, Tags: map[string]bool{}}
	err := s.view(ctx, func(tx *tx) error {
		return errors.Join(
			tx.knownIn(ctx, org, "sku", asked.SKUs, known.SKUs),
			tx.knownIn(ctx, org, "category", asked.Categories, known.Categories),
			tx.knownTags(ctx, org, asked.Tags, known.Tags))
	})
	if err != nil {
		return known, fmt.Errorf("look for goods that a programme names: %w", err)
	}
	return known, nil
}

func (t *tx) knownIn(ctx context.Context, org sale.OrgNo, column string, asked, known map[string]bool) error {
	var values []any
	for name := range asked {
		values = append(values, text(name))
	}
	return t.in(ctx, `SELECT DISTINCT `+column+` FROM products WHERE org = ? AND gone = 0 AND `+column+` IN %s`, []any{int64(org)}, values, func(r *sql.Rows) error {
		var name string
		err := r.Scan(&name)
		known[name] = true
		return err
	})
}

// knownTags reads the tags of all products, which are packed.
func (t *tx) knownTags(ctx context.Context, org sale.OrgNo, asked, known map[string]bool) error {
	if len(asked) == 0 {
		return nil
	}
	return t.each(ctx, `SELECT DISTINCT tags FROM products WHERE org = ? AND gone = 0`, []any{int64(org)}, func(r *sql.Rows) error {
		var p sale.Product
		var tags []byte
		if err := r.Scan(&tags); err != nil {
			return err
		}
		if err := unpackProduct(&p, tags, nil); err != nil {
			return err
		}
		for _, tag := range p.Tags {
			if asked[tag] {
				known[tag] = true
			}
		}
		return nil
	})
}
