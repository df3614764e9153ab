package store

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"database/sql"
	"encoding/base32"
	"errors"
	"fmt"

	"github.com/kopilka/kopilka/cloud/programme/deed"
	"github.com/kopilka/kopilka/ledger/sale"
)

// referralLetters leaves out what is misread or misheard; eight letters of 32 hold 10¹² codes.
const (
	referralLetters  = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
	referralCodeSize = 8
	referralTriesMax = 8 // of codes that another customer has already
)

// ReferralCode is the code that a customer gives to friends; it is made when first asked for.
func (s *Store) ReferralCode(ctx context.Context, org sale.OrgNo, no sale.CustomerNo) (code string, err error) {
	o, err := s.Org(ctx, org)
	if err != nil {
		return "", err
	}
	err = s.change(ctx, func(tx *tx) error {
		codes, err := tx.strings(ctx, `SELECT code FROM referral_codes WHERE org = ? AND customer = ? ORDER BY code LIMIT 1`, int64(org), int64(no))
		if err != nil || len(codes) > 0 {
			if len(codes) > 0 {
				code = codes[0]
			}
			return err
		}
		for n := range referralTriesMax {
			code = o.referralCode(no, n)
			res, err := tx.exec(ctx, `INSERT INTO referral_codes (org, code, customer) VALUES (?, ?, ?) ON CONFLICT DO NOTHING`, int64(org), code, int64(no))
			if err != nil {
				return err
			}
			if made, err := res.RowsAffected(); err != nil || made > 0 {
				return err
			}
		}
		return errors.New("every code that was tried belongs to another customer")
	})
	if err != nil {
		err = fmt.Errorf("make a referral code for customer %s: %w", no, err)
	}
	return code, err
}

func (o Org) referralCode(no sale.CustomerNo, try int) string {
	mac := hmac.New(sha256.New, o.CardSecret)
	fmt.Fprintf(mac, "referral/%d/%d", no, try)
	return base32.NewEncoding(referralLetters).EncodeToString(mac.Sum(nil))[:referralCodeSize]
}

// Referrer is whose code, card or phone number a friend named; zero when nobody's is known yet.
func (s *Store) Referrer(ctx context.Context, org sale.OrgNo, code string) (no sale.CustomerNo, err error) {
	err = s.view(ctx, func(tx *tx) error {
		n, err := tx.int(ctx, `SELECT customer FROM referral_codes WHERE org = ? AND code = ?`, int64(org), text(sale.NormalCode(code)))
		no = sale.CustomerNo(n)
		return err
	})
	if err != nil || no != 0 || code == "" {
		return no, err
	}
	if phone, err := sale.ParsePhone(code); err == nil {
		if no, err := s.FindPerson(ctx, org, phone); err == nil || !errors.Is(err, ErrNotFound) {
			return no, err
		}
	}
	if no, err = s.FindPerson(ctx, org, code); errors.Is(err, ErrNotFound) {
		return 0, nil
	}
	return no, err
}

// Bind finds whom a friend's code names and keeps the number beside the friend's; zero while nobody is found. The
// code itself, somebody's phone perhaps, is forgotten then.
func (s *Store) Bind(ctx context.Context, org sale.OrgNo, friend sale.CustomerNo, code string) (sale.CustomerNo, error) {
	no, err := s.Referrer(ctx, org, code)
	if err != nil || no == 0 {
		return 0, err
	}
	err = s.change(ctx, func(tx *tx) error {
		if _, err := tx.exec(ctx, `UPDATE customers SET referrer = ?, friend = '' WHERE org = ? AND no = ? AND referrer = 0`, int64(no), int64(org), int64(friend)); err != nil {
			return err
		}
		n, err := tx.int(ctx, `SELECT referrer FROM customers WHERE org = ? AND no = ?`, int64(org), int64(friend)) // another node may have been first
		no = sale.CustomerNo(n)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("keep who brought customer %s: %w", friend, err)
	}
	return no, nil
}

// putShares replaces what everybody above the buyer deserves for a receipt.
func (t *tx) putShares(ctx context.Context, org sale.OrgNo, receipt sale.ID, shares []deed.Share) error {
	if _, err := t.exec(ctx, `DELETE FROM referral_shares WHERE org = ? AND sale = ?`, int64(org), receipt[:]); err != nil {
		return err
	}
	rows := insertInto("referral_shares", "org, sale, level, referrer, friend, period, deserved, counts, at, reasons", "")
	for _, x := range shares {
		reasons, err := sale.Encode(x.Reasons)
		if err != nil {
			return err
		}
		counts := int64(0)
		if x.Counts {
			counts = 1
		}
		rows.add(int64(org), x.Sale[:], int64(x.Level), int64(x.Referrer), int64(x.Friend), text(x.Period), int64(x.Deserved), counts, int64(x.At), reasons)
	}
	return rows.write(ctx, t)
}

// SharesOf are what everybody deserves for a receipt, as it was reckoned last.
func (s *Store) SharesOf(ctx context.Context, org sale.OrgNo, receipt sale.ID) (out []deed.Share, err error) {
	err = s.view(ctx, func(tx *tx) error {
		out, err = tx.shares(ctx, `org = ? AND sale = ? ORDER BY level`, int64(org), receipt[:])
		return err
	})
	return out, err
}

// SharesFor are what a customer's friends' receipts come to, the newest first: the trace of what was given,
// is pending or was refused, and why.
func (s *Store) SharesFor(ctx context.Context, org sale.OrgNo, no sale.CustomerNo, limit int) (out []deed.Share, err error) {
	err = s.view(ctx, func(tx *tx) error {
		_, accounts, err := tx.numbersOf(ctx, org, no)
		if err != nil {
			return err
		}
		out, err = tx.shares(ctx, `org = ? AND referrer IN (`+marks(len(accounts))+`) ORDER BY at DESC, sale LIMIT ?`, append(append([]any{int64(org)}, accounts...), int64(limit))...)
		return err
	})
	if err != nil {
		err = fmt.Errorf("list what friends of customer %s bought: %w", no, err)
	}
	return out, err
}

func (t *tx) shares(ctx context.Context, where string, args ...any) (out []deed.Share, err error) {
	err = t.each(ctx, `SELECT sale, level, referrer, friend, period, deserved, counts, at, reasons FROM referral_shares WHERE `+where, args, func(r *sql.Rows) error {
		var x deed.Share
		var id, reasons []byte
		var counts int64
		if err := r.Scan(&id, &x.Level, &x.Referrer, &x.Friend, &x.Period, &x.Deserved, &counts, &x.At, &reasons); err != nil {
			return err
		}
		x.Sale, x.Counts = sale.ID(id), counts > 0
		out = append(out, x)
		return sale.Decode(reasons, &out[len(out)-1].Reasons)
	})
	return out, err
}

// Deserved is what a person deserves for friends' receipts of a period, one receipt left out.
func (s *Store) Deserved(ctx context.Context, org sale.OrgNo, accounts []sale.CustomerNo, period string, but sale.ID) (sum sale.Points, err error) {
	err = s.view(ctx, func(tx *tx) error {
		n, err := tx.int(ctx, `SELECT sum(deserved) FROM referral_shares WHERE org = ? AND referrer IN (`+marks(len(accounts))+`) AND period = ? AND sale <> ?`,
			append(numbers(org, accounts), text(period), but[:])...)
		sum = sale.Points(n)
		return err
	})
	if err != nil {
		err = fmt.Errorf("add up what customer %s deserves for friends: %w", accounts[0], err)
	}
	return sum, err
}

// Friends counts those whom a person brought and who have bought since a moment.
func (s *Store) Friends(ctx context.Context, org sale.OrgNo, accounts []sale.CustomerNo, since sale.Time) (n uint32, err error) {
	err = s.view(ctx, func(tx *tx) error {
		c, err := tx.int(ctx, `SELECT count(DISTINCT friend) FROM referral_shares WHERE org = ? AND referrer IN (`+marks(len(accounts))+`) AND level = 1 AND counts = 1 AND at >= ?`,
			append(numbers(org, accounts), int64(since))...)
		n = uint32(c)
		return err
	})
	if err != nil {
		err = fmt.Errorf("count the friends of customer %s: %w", accounts[0], err)
	}
	return n, err
}

// Requeue asks for the receipts of these accounts to be reckoned anew: whose they are, or who brought the
// buyer, has changed.
func (s *Store) Requeue(ctx context.Context, org sale.OrgNo, accounts []sale.CustomerNo, cause sale.ID) error {
	err := s.change(ctx, func(tx *tx) error {
		as := func(kind string) string { return "CAST(?" + s.dialect.schema(" AS "+kind) + ")" } // PostgreSQL asks what a bare ? is
		args := append([]any{int64(sale.KindSale), cause[:], s.now().UnixMilli()}, numbers(org, accounts)...)
		_, err := tx.exec(ctx, `INSERT INTO due_rewards (org, subject, kind, customer, cause, at)
			SELECT org, id, `+as("INTEGER")+`, customer, `+as("BLOB")+`, `+as("INTEGER")+` FROM sales
			WHERE org = ? AND customer IN (`+marks(len(accounts))+`) AND customer <> 0 AND training = 0
			ON CONFLICT (org, subject) DO UPDATE SET cause = excluded.cause`, args...)
		return err
	})
	if err != nil {
		err = fmt.Errorf("ask for the receipts of customer %s to be reckoned: %w", accounts[0], err)
	}
	return err
}

// PendingFriends are customers who came with a code that was not known when they bought: those after a
// number, so that a daily look finds codes that have come since.
func (s *Store) PendingFriends(ctx context.Context, org sale.OrgNo, after sale.CustomerNo, limit int) (out []sale.CustomerNo, err error) {
	err = s.view(ctx, func(tx *tx) error {
		return tx.each(ctx, `SELECT c.no FROM customers c WHERE c.org = ? AND c.no > ? AND c.friend <> '' AND c.referrer = 0
			ORDER BY c.no LIMIT ?`, []any{int64(org), int64(after), int64(limit)}, func(r *sql.Rows) error {
			var no sale.CustomerNo
			err := r.Scan(&no)
			out = append(out, no)
			return err
		})
	})
	if err != nil {
		err = fmt.Errorf("list friends whose code is not known yet: %w", err)
	}
	return out, err
}
