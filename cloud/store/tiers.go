package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/kopilka/kopilka/cloud/programme/deed"
	"github.com/kopilka/kopilka/ledger/sale"
)

// Whole is a customer with all accounts and where they stand among the tiers; not found while only the number
// is known here.
func (s *Store) Whole(ctx context.Context, org sale.OrgNo, no sale.CustomerNo) (p deed.Person, found bool, err error) {
	err = s.view(ctx, func(tx *tx) error {
		p, err = tx.whole(ctx, org, no)
		return err
	})
	if errors.Is(err, ErrNotFound) {
		return deed.Person{}, false, nil
	}
	if err != nil {
		return deed.Person{}, false, fmt.Errorf("read customer %s with all accounts: %w", no, err)
	}
	return p, true, nil
}

func (t *tx) whole(ctx context.Context, org sale.OrgNo, no sale.CustomerNo) (deed.Person, error) {
	main, accounts, err := t.numbersOf(ctx, org, no)
	if err != nil {
		return deed.Person{}, err
	}
	p := deed.Person{No: main}
	for _, a := range accounts {
		p.Accounts = append(p.Accounts, sale.CustomerNo(a.(int64)))
	}
	var bearer int64
	err = t.row(ctx, `SELECT state, segment, home, bearer, tier, tier_until, birthday, prog_spend, prog_receipts, prog_referrals FROM customers WHERE org = ? AND no = ?`,
		[]any{int64(org), int64(main)}, &p.State, &p.Segment, &p.Home, &bearer, &p.Tier, &p.Until, &p.Birthday, &p.Told.Spend, &p.Told.Receipts, &p.Told.Referrals)
	if err != nil {
		return deed.Person{}, err
	}
	p.Bearer = bearer > 0
	if err := t.eldest(ctx, org, accounts, &p); err != nil {
		return deed.Person{}, err
	}
	return p, t.tierPast(ctx, org, &p)
}

// eldest finds the account with which the customer came first: who brought a later one brought nobody new.
// An account that no till enrolled was imported or typed in, and is older than any programme.
func (t *tx) eldest(ctx context.Context, org sale.OrgNo, accounts []any, p *deed.Person) error {
	first := true
	return t.each(ctx, `SELECT no, enrolled, friend, referrer, birthday FROM customers WHERE org = ? AND no IN (`+marks(len(accounts))+`) ORDER BY enrolled, no`,
		append([]any{int64(org)}, accounts...), func(r *sql.Rows) error {
			var at sale.Time
			var no, referrer sale.CustomerNo
			var friend, birthday string
			if err := r.Scan(&no, &at, &friend, &referrer, &birthday); err != nil {
				return err
			}
			if first {
				p.Enrolled, p.Friend, p.Came, p.Referrer, first = at, friend, no, referrer, false
			}
			if p.Birthday == "" {
				p.Birthday = birthday
			}
			return nil
		})
}

// tierPast is when the tier was reached and which one the rules had given last.
func (t *tx) tierPast(ctx context.Context, org sale.OrgNo, p *deed.Person) error {
	p.Earned = p.Tier
	return t.each(ctx, `SELECT tier_from, tier_to, until, at FROM tier_changes WHERE org = ? AND customer = ? ORDER BY n`, []any{int64(org), int64(p.No)}, func(r *sql.Rows) error {
		var from, to uint16
		var until sale.Time
		if err := r.Scan(&from, &to, &until, &p.Since); err != nil {
			return err
		}
		if p.Changes++; until == 0 {
			p.Earned = to
		} else if p.Changes == 1 {
			p.Earned = from
		}
		return nil
	})
}

// putTier moves the customer's row and tells the tills.
func (t *tx) putTier(ctx context.Context, org sale.OrgNo, r *sale.Record) error {
	c := r.Tier
	n, err := t.int(ctx, `SELECT count(*) FROM tier_changes WHERE org = ? AND customer = ?`, int64(org), int64(c.Customer))
	if err != nil {
		return err
	}
	if _, err := t.exec(ctx, `INSERT INTO tier_changes (org, customer, n, record, tier_from, tier_to, until, at, reason, programme) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		int64(org), int64(c.Customer), n, r.ID[:], int64(c.From), int64(c.To), int64(c.Until), int64(r.At), text(c.Reason), int64(c.Programme)); err != nil {
		return fmt.Errorf("write a change of tier down: %w", err)
	}
	if _, err := t.exec(ctx, `UPDATE customers SET tier = ?, tier_until = ? WHERE org = ? AND no = ?`, int64(c.To), int64(c.Until), int64(org), int64(c.Customer)); err != nil {
		return fmt.Errorf("move customer %s to tier %d: %w", c.Customer, c.To, err)
	}
	return t.bump(ctx, org, map[feedKey]feedRow{customerKey(c.Customer): {}})
}

// tellProgress puts what counts towards tiers where tills read it.
func (t *tx) tellProgress(ctx context.Context, org sale.OrgNo, p *deed.Progress) error {
	if p == nil {
		return nil
	}
	if _, err := t.exec(ctx, `UPDATE customers SET prog_spend = ?, prog_receipts = ?, prog_referrals = ? WHERE org = ? AND no = ?`,
		int64(p.Progress.Spend), int64(p.Progress.Receipts), int64(p.Progress.Referrals), int64(org), int64(p.Customer)); err != nil {
		return fmt.Errorf("note the progress of customer %s: %w", p.Customer, err)
	}
	return t.bump(ctx, org, map[feedKey]feedRow{customerKey(p.Customer): {}})
}

// queueTiers asks for these customers' tiers to be reckoned.
func (t *tx) queueTiers(ctx context.Context, org sale.OrgNo, list []sale.CustomerNo) error {
	rows, now := dueRows(), t.s.now().UnixMilli()
	for _, no := range list {
		subject := tierSubject(no)
		cause := sale.DeriveID(subject, fmt.Sprint("asked/", now), 0)
		rows.add(int64(org), subject[:], int64(sale.KindTier), int64(no), cause[:], now)
	}
	return rows.write(ctx, t)
}

// QueueTiers asks for the tiers of the next customers after a number to be reckoned: of those that time can
// lower, or whose tier by hand has come to its end. It answers the last of them; zero when none is left.
func (s *Store) QueueTiers(ctx context.Context, org sale.OrgNo, after sale.CustomerNo, limit int) (last sale.CustomerNo, err error) {
	err = s.change(ctx, func(tx *tx) error {
		last = 0
		var list []sale.CustomerNo
		err := tx.each(ctx, `SELECT no FROM customers WHERE org = ? AND no > ? AND merged_into = 0 AND (tier > 0 OR tier_until > 0 OR prog_receipts > 0)
			ORDER BY no LIMIT ?`, []any{int64(org), int64(after), int64(limit)}, func(r *sql.Rows) error {
			err := r.Scan(&last)
			list = append(list, last)
			return err
		})
		if err != nil {
			return err
		}
		return tx.queueTiers(ctx, org, list)
	})
	if err != nil {
		err = fmt.Errorf("ask for tiers to be reckoned: %w", err)
	}
	return last, err
}

const receiptColumns = `s.id, s.at, s.store, s.customer, s.programme, s.total, s.training,
	coalesce((SELECT sum(r.total) FROM returns r WHERE r.org = s.org AND r.of_sale = s.id), 0)`

func scanReceipt(r *sql.Rows) (x deed.Receipt, err error) {
	var id []byte
	var training int64
	err = r.Scan(&id, &x.At, &x.Store, &x.Customer, &x.Programme, &x.Total, &training, &x.Back)
	if err == nil {
		x.ID, x.Training = sale.ID(id), training > 0
		x.Back = min(x.Back, x.Total)
	}
	return x, err
}

// SaleNow is a sale as it stands; not found before it has come.
func (s *Store) SaleNow(ctx context.Context, org sale.OrgNo, id sale.ID) (x deed.Receipt, found bool, err error) {
	err = s.view(ctx, func(tx *tx) error {
		return tx.each(ctx, `SELECT `+receiptColumns+` FROM sales s WHERE s.org = ? AND s.id = ?`, []any{int64(org), id[:]}, func(r *sql.Rows) (err error) {
			x, err = scanReceipt(r)
			found = true
			return err
		})
	})
	if err != nil {
		err = fmt.Errorf("read receipt %s as it stands: %w", id, err)
	}
	return x, found, err
}

// FirstKept is a customer's earliest sale of which at least so much money, and some, has not come back.
func (s *Store) FirstKept(ctx context.Context, org sale.OrgNo, accounts []sale.CustomerNo, least sale.Money) (x deed.Receipt, found bool, err error) {
	err = s.view(ctx, func(tx *tx) error {
		return tx.each(ctx, `SELECT * FROM (SELECT `+receiptColumns+` AS back FROM sales s WHERE s.org = ? AND s.customer IN (`+marks(len(accounts))+`) AND s.customer <> 0 AND s.training = 0) k
			WHERE k.total - k.back >= ? ORDER BY k.at, k.id LIMIT 1`, append(numbers(org, accounts), int64(max(1, least))), func(r *sql.Rows) (err error) {
			x, err = scanReceipt(r)
			found = true
			return err
		})
	})
	if err != nil {
		err = fmt.Errorf("look for the first receipt of customer %s: %w", accounts[0], err)
	}
	return x, found, err
}

// SalesOf are a customer's sales from a moment on, as they stand, oldest first; training is left out.
func (s *Store) SalesOf(ctx context.Context, org sale.OrgNo, accounts []sale.CustomerNo, since sale.Time) (out []deed.Receipt, err error) {
	err = s.view(ctx, func(tx *tx) error {
		return tx.each(ctx, `SELECT `+receiptColumns+` FROM sales s WHERE s.org = ? AND s.customer IN (`+marks(len(accounts))+`) AND s.customer <> 0 AND s.training = 0 AND s.at >= ? ORDER BY s.at, s.id`,
			append(numbers(org, accounts), int64(since)), func(r *sql.Rows) error {
				x, err := scanReceipt(r)
				out = append(out, x)
				return err
			})
	})
	if err != nil {
		err = fmt.Errorf("read the receipts of customer %s: %w", accounts[0], err)
	}
	return out, err
}

// Places are the stores' regions and zones.
func (s *Store) Places(ctx context.Context, org sale.OrgNo) (out map[sale.StoreNo]deed.Place, err error) {
	out = map[sale.StoreNo]deed.Place{}
	err = s.view(ctx, func(tx *tx) error {
		return tx.each(ctx, `SELECT store, region, zone FROM stores WHERE org = ?`, []any{int64(org)}, func(r *sql.Rows) error {
			var no sale.StoreNo
			var p deed.Place
			err := r.Scan(&no, &p.Region, &p.Zone)
			out[no] = p
			return err
		})
	})
	return out, err
}

// JobDay is the last day that a daily job has done.
func (s *Store) JobDay(ctx context.Context, org sale.OrgNo, job string) (day sale.Date, err error) {
	err = s.view(ctx, func(tx *tx) error {
		n, err := tx.int(ctx, `SELECT day FROM jobs WHERE org = ? AND job = ?`, int64(org), job)
		day = sale.Date(n)
		return err
	})
	return day, err
}

// JobDone notes it.
func (s *Store) JobDone(ctx context.Context, org sale.OrgNo, job string, day sale.Date) error {
	return s.change(ctx, func(tx *tx) error {
		_, err := tx.exec(ctx, `INSERT INTO jobs (org, job, day) VALUES (?, ?, ?) ON CONFLICT (org, job) DO UPDATE SET day = excluded.day`, int64(org), job, int64(day))
		return err
	})
}
