package store

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/kopilka/kopilka/cloud/web/page"
	"github.com/kopilka/kopilka/ledger/sale"
)

// CustomerRows lists customers by name after one of them. The first letters of a name, a phone and a
// card are looked up by index; letters inside a name are looked for among all. Whoever is known by a name or a
// key of a number that was merged is found by it too. A certificate is nobody, also when its number is asked for.
func (s *Store) CustomerRows(ctx context.Context, org sale.OrgNo, f page.CustomerFilter, after sale.CustomerNo, limit int) ([]page.Customer, error) {
	p := pickCustomers(org, f)
	var out []page.Customer
	err := s.view(ctx, func(tx *tx) error {
		if err := tx.beginAfter(ctx, org, p, after); err != nil {
			return err
		}
		var err error
		out, err = listCustomers(ctx, tx, p, limit)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list customers: %w", err)
	}
	return out, nil
}

func pickCustomers(org sale.OrgNo, f page.CustomerFilter) *picker {
	p := &picker{}
	p.and("c.org = ? AND c.bearer = 0", int64(org))
	if f.No != 0 {
		p.and("c.no = ?", int64(f.No))
	} else { // a house account is nobody, a merged number is somebody else's
		p.and("c.state <> ? AND c.merged_into = 0", int64(sale.CustomerHouse))
	}
	const joined = " OR c.no IN (SELECT m.merged_into FROM customers m WHERE m.org = ? AND m.merged_into <> 0 AND "
	if f.Name != "" {
		first, inside := escapeLike(f.Name)+"%", "% "+escapeLike(f.Name)+"%"
		p.and("(c.search LIKE ? ESCAPE '!' OR c.search LIKE ? ESCAPE '!'"+joined+"(m.search LIKE ? ESCAPE '!' OR m.search LIKE ? ESCAPE '!')))", first, inside, int64(org), first, inside)
	}
	if f.Phone != "" {
		part := "%" + escapeLike(f.Phone) + "%"
		p.and("(c.phone LIKE ? ESCAPE '!'"+joined+"m.phone LIKE ? ESCAPE '!'))", part, int64(org), part)
	}
	if f.Card != "" {
		const owner = "SELECT customer FROM customer_cards WHERE org = ? AND card = ?"
		p.and("(c.no IN ("+owner+")"+joined+"m.no IN ("+owner+")))", int64(org), f.Card, int64(org), int64(org), f.Card)
	}
	if f.State != nil {
		p.and("c.state = ?", int64(*f.State))
	}
	return p
}

// beginAfter lets a list by name begin after a customer. The place is looked up by number: what it is sorted by
// holds the phone, which has no business in an address.
func (t *tx) beginAfter(ctx context.Context, org sale.OrgNo, p *picker, after sale.CustomerNo) error {
	if after == 0 {
		return nil
	}
	found, err := t.strings(ctx, `SELECT search FROM customers WHERE org = ? AND no = ?`, int64(org), int64(after))
	if err == nil && len(found) == 0 {
		err = page.ErrNotFound
	}
	if err != nil {
		return fmt.Errorf("look for customer %s, after whom the list begins: %w", after, err)
	}
	p.and("c.search >= ? AND (c.search > ? OR c.no > ?)", found[0], found[0], int64(after))
	return nil
}

// escapeLike makes a text mean itself in LIKE … ESCAPE '!'.
func escapeLike(s string) string {
	out := make([]byte, 0, len(s))
	for i := range len(s) {
		if s[i] == '%' || s[i] == '_' || s[i] == '!' {
			out = append(out, '!')
		}
		out = append(out, s[i])
	}
	return string(out)
}

func listCustomers(ctx context.Context, tx *tx, p *picker, limit int) ([]page.Customer, error) {
	var out []page.Customer
	err := tx.each(ctx, `SELECT c.no, c.name, c.phone, c.tier, c.home, c.state, c.created, c.bearer,
 COALESCE((SELECT SUM(balance) FROM accounts a WHERE a.org = c.org AND a.kind = 1 AND a.purse = 0
  AND (a.no = c.no OR a.no IN (SELECT m.no FROM customers m WHERE m.org = c.org AND m.merged_into = c.no AND m.merged_into <> 0))), 0),
 COALESCE((SELECT SUM(-balance) FROM accounts a WHERE a.org = c.org AND a.kind = 4 AND a.purse = 0
  AND (a.no = c.no OR a.no IN (SELECT m.no FROM customers m WHERE m.org = c.org AND m.merged_into = c.no AND m.merged_into <> 0))), 0),
 COALESCE((SELECT MAX(at) FROM sales s WHERE s.org = c.org AND s.customer <> 0
  AND (s.customer = c.no OR s.customer IN (SELECT m.no FROM customers m WHERE m.org = c.org AND m.merged_into = c.no AND m.merged_into <> 0))), 0),
 COALESCE((SELECT MIN(card) FROM customer_cards k WHERE k.org = c.org AND k.customer = c.no), '')
 FROM customers c`+p.where()+` ORDER BY c.search, c.no LIMIT ?`, append(p.args, limit), func(r *sql.Rows) error {
		var c page.Customer
		var bearer int64
		err := r.Scan(&c.No, &c.Name, &c.Phone, &c.Tier, &c.Home, &c.State, &c.Made, &bearer, &c.Balance, &c.Debt, &c.Last, &c.Card)
		c.Bearer = bearer == 1
		out = append(out, c)
		return err
	})
	return out, err
}

// CustomerCard reads a customer with lots and keys.
func (s *Store) CustomerCard(ctx context.Context, org sale.OrgNo, no sale.CustomerNo) (page.CustomerCard, error) {
	var out page.CustomerCard
	err := s.view(ctx, func(tx *tx) error {
		p := &picker{}
		p.and("c.org = ? AND c.no = ?", int64(org), int64(no))
		found, err := listCustomers(ctx, tx, p, 1)
		if err != nil {
			return err
		}
		if len(found) == 0 {
			return page.ErrNotFound
		}
		out.Customer = found[0]
		if err := customerHome(ctx, tx, org, &out); err != nil {
			return err
		}
		if out.Phone != "" {
			out.Keys = append(out.Keys, page.Key{Kind: sale.KeyPhone, Value: out.Phone})
		}
		err = tx.each(ctx, `SELECT card FROM customer_cards WHERE org = ? AND customer = ? ORDER BY card`, []any{int64(org), int64(no)}, func(r *sql.Rows) error {
			k := page.Key{Kind: sale.KeyCard}
			err := r.Scan(&k.Value)
			out.Keys = append(out.Keys, k)
			return err
		})
		if err != nil {
			return err
		}
		out.Lots, err = listLots(ctx, tx, org, "l.kind = 1 AND l.remaining <> 0 AND l.no IN (SELECT c.no FROM customers c WHERE c.org = l.org AND ? IN (c.no, c.merged_into))", int64(no))
		return err
	})
	if err != nil {
		return page.CustomerCard{}, fmt.Errorf("read customer %s: %w", no, err)
	}
	return out, nil
}

// customerHome names the home store; a customer without one is shown in the first store's zone.
func customerHome(ctx context.Context, tx *tx, org sale.OrgNo, out *page.CustomerCard) error {
	return tx.each(ctx, `SELECT store, name, zone FROM stores WHERE org = ? ORDER BY store`, []any{int64(org)}, func(r *sql.Rows) error {
		var no sale.StoreNo
		var name, zone string
		err := r.Scan(&no, &name, &zone)
		if out.Zone == "" || no == out.Home {
			out.Zone = zone
		}
		if no == out.Home {
			out.HomeName = name
		}
		return err
	})
}

// lotsShownMax bounds the lots of one customer on a page.
const lotsShownMax = 500

func listLots(ctx context.Context, tx *tx, org sale.OrgNo, cond string, arg any) ([]page.Lot, error) {
	var out []page.Lot
	err := tx.each(ctx, `SELECT l.id, l.purse, l.remaining, l.activates, l.expires, l.source FROM lots l WHERE l.org = ? AND `+cond+`
 ORDER BY CASE WHEN l.expires = 0 THEN 1 ELSE 0 END, l.expires, l.id LIMIT ?`, []any{int64(org), arg, lotsShownMax}, func(r *sql.Rows) error {
		var l page.Lot
		err := r.Scan(scanID{&l.ID}, &l.Purse, &l.Left, &l.ActivatesAt, &l.ExpiresAt, scanID{&l.Source})
		out = append(out, l)
		return err
	})
	if err != nil {
		return nil, err
	}
	if err := leasedParts(ctx, tx, org, cond, arg, out); err != nil {
		return nil, err
	}
	return out, nil
}

func leasedParts(ctx context.Context, tx *tx, org sale.OrgNo, cond string, arg any, lots []page.Lot) error {
	at := make(map[sale.ID]int, len(lots))
	for i, l := range lots {
		at[l.ID] = i
	}
	return tx.each(ctx, `SELECT p.lot, e.till, COALESCE(st.name, ''), p.amount - p.spent, e.until FROM lots l
 JOIN leases e ON e.org = l.org AND e.kind = l.kind AND e.no = l.no AND e.released = 0 AND e.retired = 0
 JOIN lease_parts p ON p.org = e.org AND p.lease = e.id AND p.lot = l.id
 LEFT JOIN stores st ON st.org = e.org AND st.store = e.store
 WHERE l.org = ? AND `+cond+` AND p.amount > p.spent ORDER BY e.till`, []any{int64(org), arg}, func(r *sql.Rows) error {
		var lot sale.ID
		var l page.Leased
		err := r.Scan(scanID{&lot}, &l.Till, &l.Store, &l.Amount, &l.Until)
		if i, ok := at[lot]; ok {
			lots[i].Leased = append(lots[i].Leased, l)
		}
		return err
	})
}

// PostingRows lists a customer's postings, newest first, from a place in that list on.
func (s *Store) PostingRows(ctx context.Context, org sale.OrgNo, no sale.CustomerNo, limit int) ([]page.Posting, error) {
	var out []page.Posting
	err := s.view(ctx, func(tx *tx) error {
		_, numbers, err := tx.numbersOf(ctx, org, no)
		if err != nil {
			return err
		}
		return tx.each(ctx, `SELECT p.record, p.what, p.at, p.kind, p.lot, p.amount, p.till, p.purse, p.no, COALESCE(sa.programme, 0), COALESCE(st.zone, '') FROM postings p
 LEFT JOIN sales sa ON sa.org = p.org AND sa.id = p.record
 LEFT JOIN tills t ON t.org = p.org AND t.till = p.till LEFT JOIN stores st ON st.org = t.org AND st.store = t.store
 WHERE p.org = ? AND p.kind IN (1, 4) AND p.no IN (`+marks(len(numbers))+`) ORDER BY p.at DESC, p.record DESC, p.n LIMIT ?`, append(append([]any{int64(org)}, numbers...), int64(limit)), func(r *sql.Rows) error {
			var p page.Posting
			err := r.Scan(scanID{&p.Record}, &p.Kind, &p.At, &p.Account, scanID{&p.Lot}, &p.Amount, &p.Till, &p.Purse, &p.No, &p.Programme, &p.Zone)
			out = append(out, p)
			return err
		})
	})
	if err != nil {
		return nil, fmt.Errorf("list postings of customer %s: %w", no, err)
	}
	return out, nil
}
