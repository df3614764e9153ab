package store

import (
	"bytes"
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/kopilka/kopilka/cloud/web/page"
	"github.com/kopilka/kopilka/ledger/sale"
	"github.com/kopilka/kopilka/sync/wire"
)

// ErrState is wrapped by every refusal to change what a customer is.
var ErrState = errors.New("this customer cannot be changed so / с этим покупателем так нельзя")

// SetCustomerState blocks a customer or certificate, makes one a test customer, or makes one active again.
// Erasing is [Store.EraseCustomer]; a house account and an erased customer stay what they are.
func (s *Store) SetCustomerState(ctx context.Context, org sale.OrgNo, no sale.CustomerNo, state sale.CustomerState, by string) error {
	if state != sale.CustomerActive && state != sale.CustomerBlocked && state != sale.CustomerTest {
		return fmt.Errorf("%w: state %d", ErrState, state)
	}
	err := s.change(ctx, func(tx *tx) error {
		x, err := tx.side(ctx, org, no)
		if err != nil {
			return err
		}
		if x.state == sale.CustomerErased || x.state == sale.CustomerHouse {
			return fmt.Errorf("%w: customer %s is erased, or a store's own account", ErrState, no)
		}
		if x.state == state {
			return nil
		}
		to, was := state, int64(0)
		switch {
		case state == sale.CustomerBlocked:
			was = int64(x.state)
		case state == sale.CustomerActive && x.state == sale.CustomerBlocked:
			before, err := tx.int(ctx, `SELECT blocked_as FROM customers WHERE org = ? AND no = ?`, int64(org), int64(no))
			if err != nil {
				return err
			}
			to = sale.CustomerState(before)
		}
		if _, err := tx.exec(ctx, `UPDATE customers SET state = ?, blocked_as = ? WHERE org = ? AND no = ?`, int64(to), was, int64(org), int64(no)); err != nil {
			return err
		}
		if err := tx.audit(ctx, org, by, "customer.state", no.String(), fmt.Sprintf("%d → %d", x.state, to)); err != nil {
			return err
		}
		return tx.bump(ctx, org, map[feedKey]feedRow{customerKey(no): {}})
	})
	if err != nil {
		return fmt.Errorf("change the state of customer %s: %w", no, err)
	}
	return nil
}

// EraseCustomer deletes all personal data of a customer and of every enrolment merged into them: names, phones,
// cards, birthday, what lay sealed beside enrolments and receipts. Numbers, receipts and points stay, and the
// journal's chain with them; tills forget the keys. It cannot be undone.
func (s *Store) EraseCustomer(ctx context.Context, org sale.OrgNo, no sale.CustomerNo, by string) error {
	err := s.change(ctx, func(tx *tx) error {
		if _, err := tx.lockOffice(ctx, org); err != nil { // no merge joins a number meanwhile
			return err
		}
		main, numbers, err := tx.numbersOf(ctx, org, no)
		if err != nil {
			return err
		}
		x, err := tx.side(ctx, org, main)
		if err != nil {
			return err
		}
		if !x.person() {
			return fmt.Errorf("%w: customer %s is erased already, or is no person", ErrState, main)
		}
		if err := tx.erase(ctx, org, numbers); err != nil {
			return err
		}
		if err := tx.eraseSetAside(ctx, org, numbers); err != nil {
			return err
		}
		if err := tx.audit(ctx, org, by, "customer.erase", main.String(), ""); err != nil {
			return err
		}
		return tx.bump(ctx, org, map[feedKey]feedRow{customerKey(main): {gone: true}})
	})
	if err != nil {
		return fmt.Errorf("erase customer %s: %w", no, err)
	}
	return nil
}

// whose is the customer whose personal data lies beside a record; zero: nobody's that is known.
func whose(r *sale.Record) sale.CustomerNo {
	switch {
	case r.Sale != nil:
		return r.Sale.Customer
	case r.Return != nil:
		return r.Return.Customer
	case r.Enrol != nil:
		return r.Enrol.Customer
	}
	return 0
}

// prefetchErased learns of the records' customers which are erased: what comes late beside their records is not
// kept. Those who are not cannot be erased before the transaction ends. They are held in the order of their numbers,
// as [tx.erase] takes them, so that neither waits for the other.
func (b *booking) prefetchErased(ctx context.Context, records []wire.Sealed) error {
	named := map[sale.CustomerNo]bool{}
	for _, s := range records {
		if no := whose(s.Record); no != 0 && len(s.Blob) > 0 {
			named[no] = true
		}
	}
	held := make([]any, 0, len(named))
	for _, no := range sortedNumbers(named) {
		held = append(held, int64(no))
	}
	err := b.tx.in(ctx, `SELECT no, state FROM customers WHERE org = ? AND no IN %s ORDER BY no`+b.tx.s.dialect.share(), []any{int64(b.org)}, held, func(r *sql.Rows) error {
		var no sale.CustomerNo
		var state sale.CustomerState
		err := r.Scan(&no, &state)
		if state == sale.CustomerErased {
			b.erased[no] = true
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("look for erased customers: %w", err)
	}
	return nil
}

// eraseSetAside deletes what lies sealed beside a customer's records that are stored without being booked: the
// tables do not know whose they are.
func (t *tx) eraseSetAside(ctx context.Context, org sale.OrgNo, numbers []any) error {
	var gone []any
	err := t.each(ctx, `SELECT r.id, r.body FROM records r JOIN sealed s ON s.org = r.org AND s.record = r.id WHERE r.org = ? AND r.state <> 0`,
		[]any{int64(org)}, func(r *sql.Rows) error {
			var id, body []byte
			if err := r.Scan(&id, &body); err != nil {
				return err
			}
			x := new(sale.Record)
			if sale.Decode(body, x) == nil && whose(x) != 0 && slices.Contains(numbers, any(int64(whose(x)))) {
				gone = append(gone, bytes.Clone(id))
			}
			return nil
		})
	if err != nil {
		return err
	}
	for _, id := range gone {
		if _, err := t.exec(ctx, `DELETE FROM sealed WHERE org = ? AND record = ?`, int64(org), id); err != nil {
			return err
		}
	}
	return nil
}

// What lies sealed beside a customer's enrolment, sales and returns. The organisation is an argument inside as well:
// a subquery that took it from the row outside would be run again for every sealed row there is.
const (
	eraseEnrolment = `DELETE FROM sealed WHERE org = ? AND record IN (SELECT enrol FROM customers WHERE org = ? AND no = ?)`
	eraseSales     = `DELETE FROM sealed WHERE org = ? AND record IN (SELECT id FROM sales WHERE org = ? AND customer <> 0 AND customer = ?)`
	eraseReturns   = `DELETE FROM sealed WHERE org = ? AND record IN (SELECT id FROM returns WHERE org = ? AND customer <> 0 AND customer = ?)`
)

// erase takes the customers' rows first: an append that found them not erased has then ended, and what it keeps is
// seen and deleted; one that comes later finds them erased.
func (t *tx) erase(ctx context.Context, org sale.OrgNo, numbers []any) error {
	ordered := slices.SortedFunc(slices.Values(numbers), func(a, b any) int { return cmp.Compare(a.(int64), b.(int64)) })
	for _, no := range ordered {
		if _, err := t.exec(ctx, `UPDATE customers SET name = '', short = '', phone = '', search = '', birthday = '', friend = '', state = ? WHERE org = ? AND no = ?`,
			int64(sale.CustomerErased), int64(org), no); err != nil {
			return err
		}
	}
	for _, no := range ordered {
		for _, text := range []string{eraseEnrolment, eraseSales, eraseReturns} {
			if _, err := t.exec(ctx, text, int64(org), int64(org), no); err != nil {
				return err
			}
		}
		for _, text := range []string{`DELETE FROM customer_cards WHERE org = ? AND customer = ?`, `DELETE FROM customer_keys WHERE org = ? AND customer = ?`} {
			if _, err := t.exec(ctx, text, int64(org), no); err != nil {
				return err
			}
		}
	}
	return nil
}

// SetBirthday keeps a birthday, "05-17" or with the year "1990-05-17"; empty forgets it. Tills never hear of it.
func (s *Store) SetBirthday(ctx context.Context, org sale.OrgNo, no sale.CustomerNo, day, by string) error {
	layout := map[int]string{5: "01-02", 10: time.DateOnly}[len(day)]
	if day != "" {
		whole := day
		if layout == "01-02" {
			whole, layout = "2000-"+day, time.DateOnly // a leap year: the 29th of February is somebody's
		}
		if _, err := time.Parse(layout, whole); layout == "" || err != nil {
			return fmt.Errorf("%w: birthday %q, want 05-17 or 1990-05-17 / нужна дата вида 05-17 или 1990-05-17", ErrState, day)
		}
	}
	err := s.change(ctx, func(tx *tx) error {
		res, err := tx.exec(ctx, `UPDATE customers SET birthday = ? WHERE org = ? AND no = ? AND state <> ?`, day, int64(org), int64(no), int64(sale.CustomerErased))
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			return errors.Join(err, page.ErrNotFound)
		}
		return tx.audit(ctx, org, by, "customer.birthday", no.String(), "")
	})
	if err != nil {
		return fmt.Errorf("keep the birthday of customer %s: %w", no, err)
	}
	return nil
}

// SetStaffCard says that a card is a member of staff's own; nobody makes it a customer's again.
func (s *Store) SetStaffCard(ctx context.Context, org sale.OrgNo, no sale.CustomerNo, staff sale.StaffNo, by string) error {
	return s.setOne(ctx, org, no, "staff", int64(staff), by)
}

// SetSegment puts a customer into a segment, whose meaning the programme knows.
func (s *Store) SetSegment(ctx context.Context, org sale.OrgNo, no sale.CustomerNo, segment uint8, by string) error {
	return s.setOne(ctx, org, no, "segment", int64(segment), by)
}

// setOne changes one number of a customer; column is a constant of this file.
func (s *Store) setOne(ctx context.Context, org sale.OrgNo, no sale.CustomerNo, column string, to int64, by string) error {
	err := s.change(ctx, func(tx *tx) error {
		res, err := tx.exec(ctx, `UPDATE customers SET `+column+` = ? WHERE org = ? AND no = ? AND `+column+` <> ?`, to, int64(org), int64(no), to)
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			return err
		}
		if err := tx.audit(ctx, org, by, "customer."+column, no.String(), fmt.Sprint(to)); err != nil {
			return err
		}
		return tx.bump(ctx, org, map[feedKey]feedRow{customerKey(no): {}})
	})
	if err != nil {
		return fmt.Errorf("change the %s of customer %s: %w", column, no, err)
	}
	return nil
}

// SetSegments puts many customers into segments at once; tills hear of those that changed.
func (s *Store) SetSegments(ctx context.Context, org sale.OrgNo, segments map[sale.CustomerNo]uint8) error {
	err := s.change(ctx, func(tx *tx) error {
		changed := map[feedKey]feedRow{}
		for _, no := range sortedNumbers(segments) {
			to := int64(segments[no])
			res, err := tx.exec(ctx, `UPDATE customers SET segment = ? WHERE org = ? AND no = ? AND segment <> ?`, to, int64(org), int64(no), to)
			if err != nil {
				return err
			}
			if n, err := res.RowsAffected(); err != nil {
				return err
			} else if n > 0 {
				changed[customerKey(no)] = feedRow{}
			}
		}
		return tx.bump(ctx, org, changed)
	})
	if err != nil {
		return fmt.Errorf("put %d customers into segments: %w", len(segments), err)
	}
	return nil
}

// SetProgress keeps what counts towards a customer's next tier; tills hear of it when it changed.
func (s *Store) SetProgress(ctx context.Context, org sale.OrgNo, no sale.CustomerNo, p sale.Progress) error {
	err := s.change(ctx, func(tx *tx) error {
		res, err := tx.exec(ctx, `UPDATE customers SET prog_spend = ?, prog_receipts = ?, prog_referrals = ? WHERE org = ? AND no = ?
			AND (prog_spend <> ? OR prog_receipts <> ? OR prog_referrals <> ?)`, int64(p.Spend), int64(p.Receipts), int64(p.Referrals), int64(org), int64(no),
			int64(p.Spend), int64(p.Receipts), int64(p.Referrals))
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			return err
		}
		return tx.bump(ctx, org, map[feedKey]feedRow{customerKey(no): {}})
	})
	if err != nil {
		return fmt.Errorf("keep the progress of customer %s: %w", no, err)
	}
	return nil
}

// SetConsent keeps a yes or no given at head office, with the version of the text.
func (s *Store) SetConsent(ctx context.Context, org sale.OrgNo, no sale.CustomerNo, c sale.Consent, by string) error {
	err := s.change(ctx, func(tx *tx) error {
		at := s.now().UnixMilli()
		id := sale.DeriveID(sale.ID{}, fmt.Sprintf("consent/%d/%d/%d/%d", org, no, c.Kind, at), int(c.Version))
		if _, err := tx.exec(ctx, `INSERT INTO consents (org, customer, kind, version, given, at, till, record) VALUES (?, ?, ?, ?, ?, ?, 0, ?) ON CONFLICT DO NOTHING`,
			int64(org), int64(no), int64(c.Kind), int64(c.Version), flagged(c.Given), at, id[:]); err != nil {
			return err
		}
		return tx.audit(ctx, org, by, "customer.consent", no.String(), fmt.Sprintf("%d.%d %t", c.Kind, c.Version, c.Given))
	})
	if err != nil {
		return fmt.Errorf("keep a consent of customer %s: %w", no, err)
	}
	return nil
}

// CustomerExtra reads what the whole programme adds to a customer's card. Asked for a merged number it answers
// for the main one, as Main says.
func (s *Store) CustomerExtra(ctx context.Context, org sale.OrgNo, no sale.CustomerNo) (out page.CustomerExtra, err error) {
	err = s.view(ctx, func(tx *tx) error {
		main, numbers, err := tx.numbersOf(ctx, org, no)
		if err != nil {
			return err
		}
		if main != no {
			out.Main = main
		}
		all, err := tx.customerChanges(ctx, org, []any{int64(main)}, sale.Seen{})
		if err != nil {
			return err
		}
		if all[main] == nil {
			return page.ErrNotFound
		}
		out.Customer = all[main].Customer
		err = tx.row(ctx, `SELECT birthday, enrolled, enrol_till, enrol_staff FROM customers WHERE org = ? AND no = ?`, []any{int64(org), int64(main)},
			&out.Birthday, &out.Enrolled, &out.ByTill, &out.ByStaff)
		if err != nil {
			return err
		}
		return errors.Join(tx.extraMerged(ctx, org, main, &out), tx.extraConsents(ctx, org, numbers, &out))
	})
	if err != nil {
		return page.CustomerExtra{}, fmt.Errorf("read customer %s: %w", no, err)
	}
	return out, nil
}

func (t *tx) extraMerged(ctx context.Context, org sale.OrgNo, main sale.CustomerNo, out *page.CustomerExtra) error {
	n, err := t.int(ctx, `SELECT count(*) FROM flags WHERE org = ? AND customer = ? AND customer <> 0 AND resolved_at = 0`, int64(org), int64(main))
	out.Conflict = int(n)
	if err != nil {
		return err
	}
	return t.each(ctx, `SELECT c.no, c.name, c.enrolled, COALESCE((SELECT a.balance FROM accounts a WHERE a.org = c.org AND a.kind = 1 AND a.no = c.no AND a.purse = 0), 0)
		FROM customers c WHERE c.org = ? AND c.merged_into = ? AND c.merged_into <> 0 ORDER BY c.enrolled, c.no`, []any{int64(org), int64(main)}, func(r *sql.Rows) error {
		var m page.MergedAccount
		err := r.Scan(&m.No, &m.Name, &m.Enrolled, &m.Balance)
		out.Merged = append(out.Merged, m)
		return err
	})
}

func (t *tx) extraConsents(ctx context.Context, org sale.OrgNo, numbers []any, out *page.CustomerExtra) error {
	return t.in(ctx, `SELECT kind, version, given, at, till, record FROM consents WHERE org = ? AND customer IN %s ORDER BY at, kind`, []any{int64(org)}, numbers, func(r *sql.Rows) error {
		var c page.Consent
		var given int64
		err := r.Scan(&c.Kind, &c.Version, &given, &c.At, &c.Till, scanID{&c.Record})
		c.Given = given == 1
		out.Consents = append(out.Consents, c)
		return err
	})
}

// EmployeeBalance is what a member of staff has been rewarded and not been paid.
func (s *Store) EmployeeBalance(ctx context.Context, org sale.OrgNo, no sale.StaffNo) (balance sale.Points, err error) {
	err = s.view(ctx, func(tx *tx) error {
		n, err := tx.int(ctx, `SELECT SUM(balance) FROM accounts WHERE org = ? AND kind = ? AND no = ?`, int64(org), int64(sale.AccountEmployee), int64(no))
		balance = sale.Points(n)
		return err
	})
	if err != nil {
		err = fmt.Errorf("read the rewards of member of staff %d: %w", no, err)
	}
	return balance, err
}

// PromotionCosts is what promotions gave on receipts of [from, to).
func (s *Store) PromotionCosts(ctx context.Context, org sale.OrgNo, from, to sale.Time) (out []page.PromotionCost, err error) {
	err = s.view(ctx, func(tx *tx) error {
		return tx.each(ctx, `SELECT p.promotion, COUNT(*), SUM(p.times), SUM(p.discount), SUM(p.points) FROM sale_promos p JOIN sales s ON s.org = p.org AND s.id = p.sale
			WHERE p.org = ? AND p.at >= ? AND p.at < ? AND s.training = 0 GROUP BY p.promotion ORDER BY p.promotion`, []any{int64(org), int64(from), int64(to)}, func(r *sql.Rows) error {
			var c page.PromotionCost
			err := r.Scan(&c.Promotion, &c.Receipts, &c.Times, &c.Discount, &c.Points)
			out = append(out, c)
			return err
		})
	})
	if err != nil {
		return nil, fmt.Errorf("add up what promotions gave: %w", err)
	}
	return out, nil
}
