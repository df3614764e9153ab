package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"github.com/kopilka/kopilka/cloud/web/page"
	"github.com/kopilka/kopilka/ledger/sale"
	"github.com/kopilka/kopilka/sync/wire"
)

// strings reads one column of text.
func (t *tx) strings(ctx context.Context, query string, args ...any) (out []string, err error) {
	err = t.each(ctx, query, args, func(r *sql.Rows) error {
		var v string
		err := r.Scan(&v)
		out = append(out, v)
		return err
	})
	return out, err
}

// PutProducts creates or changes products, all or none; tills hear of those that changed.
func (s *Store) PutProducts(ctx context.Context, org sale.OrgNo, products []sale.Product) error {
	err := s.change(ctx, func(tx *tx) error { return tx.putProducts(ctx, org, products) })
	if err != nil {
		return fmt.Errorf("save %d products: %w", len(products), err)
	}
	return nil
}

func (t *tx) putProducts(ctx context.Context, org sale.OrgNo, products []sale.Product) error {
	skus := make([]any, len(products))
	for i, p := range products {
		skus[i] = text(string(p.SKU))
	}
	before, err := t.products(ctx, org, skus)
	if err != nil {
		return err
	}
	rows := insertInto("products", "org, sku, name, price, min_price, vat, subject, unit, traits, category, gone, tags, floors, search", `ON CONFLICT (org, sku) DO UPDATE
		SET name = excluded.name, price = excluded.price, min_price = excluded.min_price, vat = excluded.vat, subject = excluded.subject, unit = excluded.unit,
		traits = excluded.traits, category = excluded.category, gone = excluded.gone,
		tags = excluded.tags, floors = excluded.floors, search = excluded.search`)
	codes := insertInto("product_codes", "org, code, sku", "ON CONFLICT (org, code) DO UPDATE SET sku = excluded.sku")
	changed := map[feedKey]feedRow{}
	for _, p := range products {
		same, err := sameProduct(before[p.SKU], p)
		if err != nil {
			return err
		}
		if same {
			continue
		}
		tags, floors, err := packProduct(p)
		if err != nil {
			return err
		}
		rows.add(int64(org), text(string(p.SKU)), text(p.Name), int64(p.Price), int64(p.MinPrice), int64(p.VAT), int64(p.Subject), int64(p.Unit), int64(p.Traits),
			text(p.Category), flagged(p.Gone), tags, floors, Fold(text(p.Name)+" "+text(string(p.SKU))))
		if _, err := t.exec(ctx, `DELETE FROM product_codes WHERE org = ? AND sku = ?`, int64(org), text(string(p.SKU))); err != nil {
			return err
		}
		for _, c := range p.Codes {
			codes.add(int64(org), text(c), text(string(p.SKU)))
		}
		changed[productKey(p.SKU)] = feedRow{}
	}
	if err := errors.Join(rows.write(ctx, t), codes.write(ctx, t)); err != nil {
		return err
	}
	return t.bump(ctx, org, changed)
}

// packProduct is what a product has many of; nothing is none.
func packProduct(p sale.Product) (tags, floors []byte, err error) {
	if len(p.Tags) > 0 {
		if tags, err = sale.Encode(p.Tags); err != nil {
			return nil, nil, err
		}
	}
	if len(p.Floors) > 0 {
		floors, err = sale.Encode(p.Floors)
	}
	return tags, floors, err
}

func unpackProduct(p *sale.Product, tags, floors []byte) error {
	var err error
	if len(tags) > 0 {
		err = sale.Decode(tags, &p.Tags)
	}
	if err == nil && len(floors) > 0 {
		err = sale.Decode(floors, &p.Floors)
	}
	if err != nil {
		err = fmt.Errorf("product %s as stored: %w", p.SKU, err)
	}
	return err
}

func sameProduct(old *sale.Product, p sale.Product) (bool, error) {
	if old == nil {
		return false, nil
	}
	a, errA := sale.Encode(old)
	b, errB := sale.Encode(p)
	return string(a) == string(b), errors.Join(errA, errB)
}

func (t *tx) products(ctx context.Context, org sale.OrgNo, skus []any) (map[sale.SKU]*sale.Product, error) {
	out := map[sale.SKU]*sale.Product{}
	err := t.in(ctx, `SELECT sku, name, price, min_price, vat, subject, unit, traits, category, gone, tags, floors FROM products WHERE org = ? AND sku IN %s`, []any{int64(org)}, skus,
		func(r *sql.Rows) error {
			p := new(sale.Product)
			var gone int64
			var tags, floors []byte
			err := r.Scan(&p.SKU, &p.Name, &p.Price, &p.MinPrice, &p.VAT, &p.Subject, &p.Unit, &p.Traits, &p.Category, &gone, &tags, &floors)
			p.Gone = gone == 1
			out[p.SKU] = p
			return errors.Join(err, unpackProduct(p, tags, floors))
		})
	if err != nil {
		return nil, fmt.Errorf("read products: %w", err)
	}
	err = t.in(ctx, `SELECT sku, code FROM product_codes WHERE org = ? AND sku IN %s ORDER BY code`, []any{int64(org)}, skus, func(r *sql.Rows) error {
		var sku sale.SKU
		var code string
		if err := r.Scan(&sku, &code); err != nil {
			return err
		}
		if p := out[sku]; p != nil {
			p.Codes = append(p.Codes, code)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the codes of products: %w", err)
	}
	return out, nil
}

// PutStaff creates or changes a member of staff; tills hear of it when something changed. A member
// without a PIN keeps the one that is stored.
func (s *Store) PutStaff(ctx context.Context, org sale.OrgNo, m sale.Staff) error {
	err := s.change(ctx, func(tx *tx) error { return tx.putStaff(ctx, org, m) })
	if err != nil {
		return fmt.Errorf("save member of staff %d: %w", m.No, err)
	}
	return nil
}

// AddStaff gives somebody new the next number. The lock keeps two who are added at once from getting the same one:
// the later would take the earlier's place, with their receipts.
func (s *Store) AddStaff(ctx context.Context, org sale.OrgNo, m sale.Staff) (sale.StaffNo, error) {
	err := s.change(ctx, func(tx *tx) error {
		if _, err := tx.lockOffice(ctx, org); err != nil {
			return err
		}
		last, err := tx.int(ctx, `SELECT MAX(no) FROM staff WHERE org = ?`, int64(org))
		if err != nil {
			return err
		}
		m.No = sale.StaffNo(last + 1)
		return tx.putStaff(ctx, org, m)
	})
	if err != nil {
		return 0, fmt.Errorf("add member of staff %q: %w", m.Name, err)
	}
	return m.No, nil
}

// PutMembers saves several at once, those without a number as new ones, or none of them. last is the highest number that
// whoever asks has seen: a file that is handed in twice makes nobody twice.
func (s *Store) PutMembers(ctx context.Context, org sale.OrgNo, members []sale.Staff, last sale.StaffNo) ([]sale.Staff, error) {
	var saved []sale.Staff
	err := s.change(ctx, func(tx *tx) error {
		saved = slices.Clone(members)
		if _, err := tx.lockOffice(ctx, org); err != nil {
			return err
		}
		highest, err := tx.int(ctx, `SELECT COALESCE(MAX(no), 0) FROM staff WHERE org = ?`, int64(org))
		if err != nil {
			return err
		}
		if sale.StaffNo(highest) != last {
			return page.ErrChanged
		}
		next := last
		for i := range saved {
			if saved[i].No == 0 {
				next++
				saved[i].No = next
			}
			if err := tx.putStaff(ctx, org, saved[i]); err != nil {
				return fmt.Errorf("%q: %w", saved[i].Name, err)
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("save %d members of staff: %w", len(members), err)
	}
	return saved, nil
}

func (t *tx) putStaff(ctx context.Context, org sale.OrgNo, m sale.Staff) error {
	known, err := t.staff(ctx, org, []any{int64(m.No)})
	if err != nil {
		return err
	}
	if old := known[m.No]; old != nil {
		if len(m.PIN) == 0 {
			m.PIN, m.Salt = old.PIN, old.Salt
		}
		if a, b := mustEncode(old), mustEncode(&m); a == b {
			return nil
		}
	}
	if _, err := t.exec(ctx, `INSERT INTO staff (org, no, name, inn, role, pin, salt, gone, store) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (org, no) DO UPDATE SET name = excluded.name, inn = excluded.inn, role = excluded.role, pin = excluded.pin, salt = excluded.salt,
		gone = excluded.gone, store = excluded.store`,
		int64(org), int64(m.No), text(m.Name), text(m.INN), int64(m.Role), m.PIN, m.Salt, flagged(m.Gone), int64(m.Store)); err != nil {
		return err
	}
	// To every store: a member who moves must vanish where they were.
	return t.bump(ctx, org, map[feedKey]feedRow{staffKey(m.No): {}})
}

// mustEncode compares two members; encoding plain fields cannot fail.
func mustEncode(m *sale.Staff) string {
	b, err := sale.Encode(m)
	if err != nil {
		return err.Error()
	}
	return string(b)
}

func (t *tx) staff(ctx context.Context, org sale.OrgNo, numbers []any) (map[sale.StaffNo]*sale.Staff, error) {
	out := map[sale.StaffNo]*sale.Staff{}
	err := t.in(ctx, `SELECT no, name, inn, role, pin, salt, gone, store FROM staff WHERE org = ? AND no IN %s`, []any{int64(org)}, numbers, func(r *sql.Rows) error {
		m := new(sale.Staff)
		var gone int64
		err := r.Scan(&m.No, &m.Name, &m.INN, &m.Role, &m.PIN, &m.Salt, &gone, &m.Store)
		m.Gone = gone == 1
		out[m.No] = m
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read staff: %w", err)
	}
	return out, nil
}

// Member reads a member of staff.
func (s *Store) Member(ctx context.Context, org sale.OrgNo, no sale.StaffNo) (m sale.Staff, err error) {
	err = s.view(ctx, func(tx *tx) error {
		found, err := tx.staff(ctx, org, []any{int64(no)})
		if err == nil && found[no] == nil {
			return fmt.Errorf("member of staff %d: %w", no, ErrNotFound)
		}
		if err == nil {
			m = *found[no]
		}
		return err
	})
	return m, err
}

// PutProgramme signs a programme's bytes with the programme key and sends it to every till. The same
// version with the same bytes changes nothing; with others it is refused, since sales name versions.
func (s *Store) PutProgramme(ctx context.Context, org sale.OrgNo, version uint32, effective sale.Time, body []byte, by, note string) error {
	err := s.change(ctx, func(tx *tx) error {
		var old []byte
		err := tx.row(ctx, `SELECT body FROM programmes WHERE org = ? AND version = ?`, []any{int64(org), int64(version)}, &old)
		if err == nil {
			if string(old) == string(body) {
				return nil
			}
			return errors.New("this version is published already with other rules: publish the next one / эта версия уже опубликована с другими правилами: опубликуйте следующую")
		}
		if !errors.Is(err, ErrNotFound) {
			return err
		}
		key, cert, err := tx.key(ctx, org, wire.RoleProgramme)
		if err != nil {
			return err
		}
		signed, err := wire.Sign(key, cert, body)
		if err != nil {
			return err
		}
		if _, err := tx.exec(ctx, `INSERT INTO programmes (org, version, effective, published, made_by, note, body, signed) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
			int64(org), int64(version), int64(effective), s.now().UnixMilli(), text(by), text(note), body, signed); err != nil {
			return err
		}
		if err := tx.audit(ctx, org, by, "programme.publish", fmt.Sprint(version), note); err != nil {
			return err
		}
		return tx.bump(ctx, org, map[feedKey]feedRow{programmeKey(version): {}})
	})
	if err != nil {
		return fmt.Errorf("publish programme version %d: %w", version, err)
	}
	return nil
}

// Programmes lists the programmes' bytes by version.
func (s *Store) Programmes(ctx context.Context, org sale.OrgNo) (out [][]byte, err error) {
	err = s.view(ctx, func(tx *tx) error {
		return tx.each(ctx, `SELECT body FROM programmes WHERE org = ? ORDER BY version`, []any{int64(org)}, func(r *sql.Rows) error {
			var b []byte
			err := r.Scan(&b)
			out = append(out, b)
			return err
		})
	})
	return out, err
}

func (t *tx) signedProgrammes(ctx context.Context, org sale.OrgNo, versions []any) (map[uint32][]byte, error) {
	out := map[uint32][]byte{}
	err := t.in(ctx, `SELECT version, signed FROM programmes WHERE org = ? AND version IN %s`, []any{int64(org)}, versions, func(r *sql.Rows) error {
		var v uint32
		var signed []byte
		err := r.Scan(&v, &signed)
		out[v] = signed
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read programmes: %w", err)
	}
	return out, nil
}

// signManifest signs with the manifest key.
func (t *tx) signManifest(ctx context.Context, org sale.OrgNo, body []byte) ([]byte, error) {
	key, cert, err := t.key(ctx, org, wire.RoleManifest)
	if err != nil {
		return nil, err
	}
	return wire.Sign(key, cert, body)
}
