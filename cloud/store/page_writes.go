package store

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"

	"github.com/kopilka/kopilka/cloud/web/page"
	"github.com/kopilka/kopilka/ledger/sale"
)

// What the pages write goes through the same methods that everything else uses; here only the pages'
// own forms are turned into them.

// PutPageStore changes a store, or makes one with the next number when its own is zero. Two made at once wait for each
// other, or the later would take the earlier's place.
func (s *Store) PutPageStore(ctx context.Context, org sale.OrgNo, st page.Store, by string) (sale.StoreNo, error) {
	no := st.No
	err := s.change(ctx, func(tx *tx) error {
		what := "store.change"
		if no = st.No; no == 0 {
			what = "store.add"
			if _, err := tx.lockOffice(ctx, org); err != nil {
				return err
			}
			last, err := tx.int(ctx, `SELECT MAX(store) FROM stores WHERE org = ?`, int64(org))
			if err != nil {
				return err
			}
			no = sale.StoreNo(last + 1)
		}
		if err := tx.putShop(ctx, org, Shop{No: no, Name: st.Name, Address: st.Address, Zone: st.Zone, Region: st.Region}); err != nil {
			return err
		}
		return tx.audit(ctx, org, by, what, fmt.Sprint(no), st.Name)
	})
	if err != nil {
		return 0, fmt.Errorf("save store %q: %w", st.Name, err)
	}
	return no, nil
}

// NewPageCode makes an enrolment code and says until when it waits.
func (s *Store) NewPageCode(ctx context.Context, org sale.OrgNo, store sale.StoreNo, till sale.TillNo, by string) (string, sale.Time, error) {
	code, err := s.NewCode(ctx, org, store, till, by, rand.Reader)
	if errors.Is(err, ErrNotFound) {
		err = fmt.Errorf("%w: %w", page.ErrNotFound, err)
	}
	if err != nil {
		return "", 0, err
	}
	return code.String(), sale.At(s.now()).Add(CodeTerm), nil
}

// PutPageCustomer creates a customer or changes what the form holds of one; the rest stays.
func (s *Store) PutPageCustomer(ctx context.Context, org sale.OrgNo, form page.CustomerForm, by string) (no sale.CustomerNo, err error) {
	o, err := s.Org(ctx, org)
	if err != nil {
		return 0, err
	}
	keys := o.keysOf(Person{Phone: form.Phone, Cards: form.Cards}) // before the transaction: slow on purpose
	err = s.change(ctx, func(tx *tx) error {
		no, err = tx.putForm(ctx, org, form, keys, by)
		return err
	})
	if errors.Is(err, ErrTaken) {
		err = fmt.Errorf("%w: %w", page.ErrTaken, err)
	}
	if err != nil {
		return 0, fmt.Errorf("save customer %q: %w", form.Name, err)
	}
	return no, nil
}

func (t *tx) putForm(ctx context.Context, org sale.OrgNo, form page.CustomerForm, keys []sale.CustomerKey, by string) (sale.CustomerNo, error) {
	p, what := Person{State: form.State}, "customer.add"
	if form.No != 0 {
		what = "customer.change"
		var err error
		if p, err = t.person(ctx, org, form.No); err != nil {
			return 0, err
		}
	}
	if p.Name != form.Name || p.Short == "" {
		p.Short = ShortName(form.Name)
	}
	p.Name, p.Phone, p.Cards, p.Home = form.Name, form.Phone, form.Cards, form.Home
	no, err := t.putPerson(ctx, org, p, keys)
	if err != nil {
		return 0, err
	}
	return no, t.audit(ctx, org, by, what, no.String(), fmt.Sprintf("state %d", p.State))
}

// PhoneOwner is the customer of a phone number; zero when there is none.
func (s *Store) PhoneOwner(ctx context.Context, org sale.OrgNo, phone string) (sale.CustomerNo, error) {
	no, err := s.FindPerson(ctx, org, phone)
	if errors.Is(err, ErrNotFound) {
		return 0, nil
	}
	return no, err
}

// CodeOwners tells to which products codes belong.
func (s *Store) CodeOwners(ctx context.Context, org sale.OrgNo, codes []string) (map[string]sale.SKU, error) {
	out := map[string]sale.SKU{}
	args := make([]any, len(codes))
	for i, c := range codes {
		args[i] = text(c)
	}
	err := s.view(ctx, func(tx *tx) error {
		return tx.in(ctx, `SELECT code, sku FROM product_codes WHERE org = ? AND code IN %s`, []any{int64(org)}, args, func(r *sql.Rows) error {
			var code string
			var sku sale.SKU
			err := r.Scan(&code, &sku)
			out[code] = sku
			return err
		})
	})
	if err != nil {
		return nil, fmt.Errorf("look up product codes: %w", err)
	}
	return out, nil
}
