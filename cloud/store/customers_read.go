package store

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/kopilka/kopilka/ledger/sale"
)

// usesMax bounds how many promotions' counts go to tills with a customer: the latest, since a promotion's
// number is never given again.
const usesMax = 64

// readCustomers adds those whose numbers are as `which` says: "IN (?, ?)" or "BETWEEN ? AND ?". A merged
// number is none: all that it has is added to its main customer's.
func (t *tx) readCustomers(ctx context.Context, org sale.OrgNo, which string, numbers []any, seen sale.Seen, out map[sale.CustomerNo]*sale.CustomerChange) error {
	args := append([]any{int64(org)}, numbers...)
	err := t.each(ctx, `SELECT no, short, tier, home, state, segment, staff, enrolled, bearer, prog_spend, prog_receipts, prog_referrals
		FROM customers WHERE org = ? AND merged_into = 0 AND no `+which, args, func(r *sql.Rows) error {
		c := &sale.CustomerChange{Customer: sale.Customer{Seen: seen}}
		x := &c.Customer
		var bearer int64
		err := r.Scan(&x.No, &x.Name, &x.Tier, &x.Home, &x.State, &x.Segment, &x.Staff, &x.Enrolled, &bearer,
			&x.Progress.Spend, &x.Progress.Receipts, &x.Progress.Referrals)
		x.Bearer = bearer == 1
		out[x.No] = c
		return err
	})
	if err != nil {
		return fmt.Errorf("read customers: %w", err)
	}
	reader := customerReader{t: t, org: org, of: out, owner: map[sale.CustomerNo]sale.CustomerNo{}, now: sale.At(t.s.now())}
	if err := reader.sums(ctx, which, args); err != nil {
		return err
	}
	return reader.merged(ctx, which, args)
}

// customerReader adds what lies in other tables to customers.
type customerReader struct {
	t     *tx
	org   sale.OrgNo
	of    map[sale.CustomerNo]*sale.CustomerChange
	owner map[sale.CustomerNo]sale.CustomerNo // of merged numbers
	now   sale.Time
}

func (c *customerReader) at(no sale.CustomerNo) *sale.CustomerChange {
	if main, ok := c.owner[no]; ok {
		no = main
	}
	return c.of[no]
}

// merged adds the accounts that were merged into the customers.
func (c *customerReader) merged(ctx context.Context, which string, args []any) error {
	var parts []any
	err := c.t.each(ctx, `SELECT no, merged_into, staff FROM customers WHERE org = ? AND merged_into <> 0 AND merged_into `+which+` ORDER BY no`, args, func(r *sql.Rows) error {
		var no, main sale.CustomerNo
		var staff sale.StaffNo
		if err := r.Scan(&no, &main, &staff); err != nil || c.of[main] == nil {
			return err
		}
		c.owner[no], parts = main, append(parts, int64(no))
		x := &c.of[main].Customer
		x.Accounts, x.Staff = append(x.Accounts, no), max(x.Staff, staff)
		return nil
	})
	if err != nil {
		return fmt.Errorf("read merged customers: %w", err)
	}
	for len(parts) > 0 {
		n := min(askMax, len(parts))
		if err := c.sums(ctx, "IN ("+marks(n)+")", append([]any{int64(c.org)}, parts[:n]...)); err != nil {
			return err
		}
		parts = parts[n:]
	}
	return nil
}

func (c *customerReader) sums(ctx context.Context, which string, args []any) error {
	for _, q := range []struct {
		what, text string
		scan       func(*sql.Rows) error
	}{
		{"balances", `SELECT kind, no, purse, balance FROM accounts WHERE org = ? AND kind IN (1, 4) AND no ` + which + ` ORDER BY no, purse`, c.balance},
		{"look-up keys", `SELECT customer, kind, key FROM customer_keys WHERE org = ? AND customer ` + which + ` ORDER BY customer, kind, key`, c.key},
		{"purchases", `SELECT customer, receipts FROM bought WHERE org = ? AND customer ` + which, c.bought},
		{"promotions had", `SELECT customer, promotion, times FROM promo_uses WHERE org = ? AND customer ` + which + ` ORDER BY customer, promotion DESC`, c.use},
		{"lots that expire", `SELECT no, expires, SUM(remaining) FROM lots WHERE org = ? AND kind = 1 AND no ` + which +
			` AND purse = 0 AND remaining > 0 AND expires > ` + fmt.Sprint(int64(c.now)) + ` GROUP BY no, expires`, c.expiring},
	} {
		if err := c.t.each(ctx, q.text, args, q.scan); err != nil {
			return fmt.Errorf("read %s of customers: %w", q.what, err)
		}
	}
	return nil
}

func (c *customerReader) balance(r *sql.Rows) error {
	var a sale.Account
	var balance sale.Points
	if err := r.Scan(&a.Kind, &a.No, &a.Purse, &balance); err != nil || c.at(a.No) == nil {
		return err
	}
	x := &c.at(a.No).Customer
	switch {
	case a.Kind == sale.AccountDebt && a.Purse == 0:
		x.Debt -= balance
	case a.Kind == sale.AccountCustomer && a.Purse == 0:
		x.Balance += balance
	case balance != 0: // a debt's is negative: a till pays it first, from what is next earned into the purse
		x.Purses = addPurse(x.Purses, sale.PurseAmount{Purse: a.Purse, Amount: balance})
		if a.Kind == sale.AccountDebt {
			x.Owed = addPurse(x.Owed, sale.PurseAmount{Purse: a.Purse, Amount: -balance})
		}
	}
	return nil
}

// addPurse keeps the purses in the order of their numbers.
func addPurse(have []sale.PurseAmount, add sale.PurseAmount) []sale.PurseAmount {
	for i := range have {
		if have[i].Purse == add.Purse {
			have[i].Amount += add.Amount
			return have
		}
		if have[i].Purse > add.Purse {
			return append(have[:i], append([]sale.PurseAmount{add}, have[i:]...)...)
		}
	}
	return append(have, add)
}

func (c *customerReader) key(r *sql.Rows) error {
	var no sale.CustomerNo
	var k sale.CustomerKey
	var key []byte
	if err := r.Scan(&no, &k.Kind, &key); err != nil || c.at(no) == nil || len(key) != len(k.Key) {
		return err
	}
	copy(k.Key[:], key)
	x := c.at(no)
	for _, have := range x.Keys {
		if have == k { // two enrolments of one phone
			return nil
		}
	}
	x.Keys = append(x.Keys, k)
	return nil
}

func (c *customerReader) bought(r *sql.Rows) error {
	var no sale.CustomerNo
	var receipts int64
	if err := r.Scan(&no, &receipts); err != nil || c.at(no) == nil {
		return err
	}
	c.at(no).Customer.Bought += uint32(max(0, receipts))
	return nil
}

func (c *customerReader) use(r *sql.Rows) error {
	var no sale.CustomerNo
	var u sale.PromoUse
	var times int64
	if err := r.Scan(&no, &u.Promotion, &times); err != nil || c.at(no) == nil || times <= 0 {
		return err
	}
	u.Times = uint32(times)
	x := &c.at(no).Customer
	for i := range x.Uses {
		if x.Uses[i].Promotion == u.Promotion {
			x.Uses[i].Times += u.Times
			return nil
		}
	}
	if len(x.Uses) < usesMax {
		x.Uses = append(x.Uses, u)
	}
	return nil
}

func (c *customerReader) expiring(r *sql.Rows) error {
	var no sale.CustomerNo
	var e sale.Expiring
	if err := r.Scan(&no, &e.At, &e.Amount); err != nil || c.at(no) == nil {
		return err
	}
	x := &c.at(no).Customer.Expiring
	switch {
	case x.At == e.At:
		x.Amount += e.Amount
	case x.At == 0 || e.At < x.At:
		*x = e
	}
	return nil
}
