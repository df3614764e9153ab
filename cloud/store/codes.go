package store

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sort"

	"github.com/kopilka/kopilka/cloud/web/page"
	"github.com/kopilka/kopilka/ledger/sale"
)

// Limits and form of printed codes.
const (
	// codeAlphabet leaves out what is mistaken for something else on a worn print: 0 O 1 I L.
	codeAlphabet = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
	promoLetters = 9  // 31⁹ is 26 million million: nobody guesses one of some ten thousand
	certDigits   = 15 // of a certificate after its prefix, so that any scanner and any keyboard takes it
	// certPrefix begins every certificate's code; GS1 leaves 29 to the shop's own use.
	certPrefix = "29"
	// codesMax bounds the single codes of one campaign: a shard of 800 keys is 6 KB, and every use sends it again.
	codesMax = 200_000
	// issueMax bounds what is made at once: one transaction.
	issueMax  = 20_000
	shardsAll = 256
)

// ErrCodes is wrapped by every refusal to make codes or certificates.
var ErrCodes = errors.New("codes cannot be made / коды нельзя выпустить")

func codesKey(campaign uint32, shard uint8) feedKey {
	return feedKey{sale.ChangeCodes, string(append(binary.BigEndian.AppendUint32(nil, campaign), shard))}
}

// letters draws so many letters of an alphabet without bias.
func letters(random io.Reader, alphabet string, n int) (string, error) {
	out := make([]byte, 0, n)
	limit := byte(256 / len(alphabet) * len(alphabet) % 256)
	var b [1]byte
	for len(out) < n {
		if _, err := io.ReadFull(random, b[:]); err != nil {
			return "", fmt.Errorf("read randomness for a code: %w", err)
		}
		if limit == 0 || b[0] < limit {
			out = append(out, alphabet[int(b[0])%len(alphabet)])
		}
	}
	return string(out), nil
}

// promoCode is like "K7QM-P2XR-9T": nine letters and a check letter that finds one wrong or two swapped.
func promoCode(random io.Reader) (string, error) {
	s, err := letters(random, codeAlphabet, promoLetters)
	if err != nil {
		return "", err
	}
	s += string(codeAlphabet[checkLetter(s)])
	return s[:4] + "-" + s[4:8] + "-" + s[8:], nil
}

// checkLetter weighs each letter by its place: the alphabet's length is prime, so one wrong letter and any two
// swapped neighbours change the sum.
func checkLetter(s string) int {
	sum := 0
	for i := range len(s) {
		sum += (i + 2) * bytes.IndexByte([]byte(codeAlphabet), s[i])
	}
	return sum % len(codeAlphabet)
}

// certificateCode is 18 digits, the last a check digit as barcodes have it.
func certificateCode(random io.Reader) (string, error) {
	s, err := letters(random, "0123456789", certDigits)
	if err != nil {
		return "", err
	}
	s = certPrefix + s
	return s + string(sale.GTINCheckDigit(s)), nil
}

// MakeCodes makes single-use codes of a campaign and answers their texts to print or send: count of them for
// anybody, or with owners one for each. Tills hear of their keys only.
func (s *Store) MakeCodes(ctx context.Context, org sale.OrgNo, campaign uint32, count int, owners []sale.CustomerNo, by string, random io.Reader) (codes []string, err error) {
	return s.MoreCodes(ctx, org, campaign, haveAny, count, owners, by, random)
}

// haveAny is for whom it does not matter how many codes a campaign has.
const haveAny = -1

// MoreCodes makes them if the campaign has as many as whoever asks has seen, else page.ErrChanged: a button pressed
// twice makes one batch.
func (s *Store) MoreCodes(ctx context.Context, org sale.OrgNo, campaign uint32, have, count int, owners []sale.CustomerNo, by string, random io.Reader) (codes []string, err error) {
	if len(owners) > 0 {
		count = len(owners)
	}
	if count <= 0 || count > issueMax || campaign == 0 {
		return nil, fmt.Errorf("%w: %d at once, want 1 to %d / %d за раз, можно от 1 до %d", ErrCodes, count, issueMax, count, issueMax)
	}
	for range count {
		c, err := promoCode(random)
		if err != nil {
			return nil, err
		}
		codes = append(codes, c)
	}
	err = s.change(ctx, func(tx *tx) error { return tx.makeCodes(ctx, org, campaign, have, codes, owners, by) })
	if err != nil {
		return nil, fmt.Errorf("make %d codes of campaign %d: %w", count, campaign, err)
	}
	return codes, nil
}

func (t *tx) makeCodes(ctx context.Context, org sale.OrgNo, campaign uint32, seen int, codes []string, owners []sale.CustomerNo, by string) error {
	o, err := t.org(ctx, org)
	if err != nil {
		return err
	}
	if _, err := t.exec(ctx, `INSERT INTO campaigns (org, campaign) VALUES (?, ?) ON CONFLICT (org, campaign) DO NOTHING`, int64(org), int64(campaign)); err != nil {
		return err
	}
	state, err := t.int(ctx, `SELECT state FROM campaigns WHERE org = ? AND campaign = ?`+t.s.dialect.lock(), int64(org), int64(campaign))
	if err != nil {
		return err
	}
	if state != 0 {
		return fmt.Errorf("%w: the campaign was withdrawn / кампания отозвана", ErrCodes)
	}
	have, err := t.int(ctx, `SELECT count(*) FROM codes WHERE org = ? AND campaign = ?`, int64(org), int64(campaign))
	if err != nil {
		return err
	}
	if seen != haveAny && seen != int(have) {
		return fmt.Errorf("campaign %d has %d codes and had %d: %w", campaign, have, seen, page.ErrChanged)
	}
	if int(have)+len(codes) > codesMax {
		return fmt.Errorf("%w: %d are made already, at most %d in a campaign / уже выпущено %d, в кампании не больше %d", ErrCodes, have, codesMax, have, codesMax)
	}
	rows := insertInto("codes", "org, key, campaign, shard, code, owner, made, made_by", "")
	changed := map[feedKey]feedRow{}
	for i, c := range codes {
		key := sale.CodeKey(o.CardSecret, c)
		var owner sale.CustomerNo
		if len(owners) > 0 {
			owner = owners[i]
		}
		rows.add(int64(org), bytes.Clone(key[:]), int64(campaign), int64(key[0]), c, int64(owner), t.s.now().UnixMilli(), text(by))
		changed[codesKey(campaign, key[0])] = feedRow{}
	}
	if err := rows.write(ctx, t); err != nil {
		return err
	}
	if err := t.audit(ctx, org, by, "codes.make", fmt.Sprint(campaign), fmt.Sprint(len(codes))); err != nil {
		return err
	}
	return t.bump(ctx, org, changed)
}

// Codes lists a campaign's codes by text after one of them, for export and for looking one up.
func (s *Store) Codes(ctx context.Context, org sale.OrgNo, campaign uint32, after string, limit int) (out []page.PromoCode, err error) {
	err = s.view(ctx, func(tx *tx) error {
		out, err = tx.promoCodes(ctx, org, "c.campaign = ? AND c.code > ? ORDER BY c.code LIMIT ?", int64(campaign), after, int64(limit))
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list the codes of campaign %d: %w", campaign, err)
	}
	return out, nil
}

// Code reads one code by its key: what a conflict names, or what somebody holds in hand ([sale.CodeKey]).
func (s *Store) Code(ctx context.Context, org sale.OrgNo, key sale.LookupKey) (code page.PromoCode, err error) {
	err = s.view(ctx, func(tx *tx) error {
		found, err := tx.promoCodes(ctx, org, "c.key = ?", key[:])
		if err == nil && len(found) == 0 {
			return page.ErrNotFound
		}
		if err == nil {
			code = found[0]
		}
		return err
	})
	if err != nil {
		return page.PromoCode{}, fmt.Errorf("read a promo code: %w", err)
	}
	return code, nil
}

// CodesOf lists the codes that belong to a customer.
func (s *Store) CodesOf(ctx context.Context, org sale.OrgNo, no sale.CustomerNo) (out []page.PromoCode, err error) {
	err = s.view(ctx, func(tx *tx) error {
		out, err = tx.promoCodes(ctx, org, "c.owner = ? AND c.owner <> 0 ORDER BY c.made, c.code LIMIT 500", int64(no))
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list the codes of customer %s: %w", no, err)
	}
	return out, nil
}

func (t *tx) promoCodes(ctx context.Context, org sale.OrgNo, cond string, args ...any) (out []page.PromoCode, err error) {
	err = t.each(ctx, `SELECT c.campaign, c.code, c.key, c.owner, c.state, c.made, (SELECT count(*) FROM code_uses u WHERE u.org = c.org AND u.key = c.key),
		COALESCE((SELECT u.at FROM code_uses u WHERE u.org = c.org AND u.key = c.key ORDER BY u.at, u.record LIMIT 1), 0),
		(SELECT u.record FROM code_uses u WHERE u.org = c.org AND u.key = c.key ORDER BY u.at, u.record LIMIT 1)
		FROM codes c WHERE c.org = ? AND `+cond, append([]any{int64(org)}, args...), func(r *sql.Rows) error {
		var c page.PromoCode
		var key []byte
		err := r.Scan(&c.Campaign, &c.Text, &key, &c.Owner, &c.State, &c.Made, &c.Uses, &c.UsedAt, scanID{&c.Record})
		copy(c.Key[:], key)
		out = append(out, c)
		return err
	})
	return out, err
}

// CampaignCodes counts the single codes of each campaign that has any.
func (s *Store) CampaignCodes(ctx context.Context, org sale.OrgNo) (out []page.CampaignCodes, err error) {
	err = s.view(ctx, func(tx *tx) error {
		return tx.each(ctx, `SELECT p.campaign, p.state, COUNT(c.key), COALESCE(SUM(CASE WHEN c.state = 1 THEN 1 ELSE 0 END), 0),
			COALESCE(SUM(CASE WHEN c.state = 2 THEN 1 ELSE 0 END), 0) FROM campaigns p LEFT JOIN codes c ON c.org = p.org AND c.campaign = p.campaign
			WHERE p.org = ? GROUP BY p.campaign, p.state ORDER BY p.campaign`, []any{int64(org)}, func(r *sql.Rows) error {
			var x page.CampaignCodes
			var state int64
			err := r.Scan(&x.Campaign, &state, &x.Codes, &x.Used, &x.Revoked)
			x.Withdrawn = state != 0
			out = append(out, x)
			return err
		})
	})
	if err != nil {
		return nil, fmt.Errorf("count the codes of campaigns: %w", err)
	}
	return out, nil
}

// RevokeCode makes one code worth nothing.
func (s *Store) RevokeCode(ctx context.Context, org sale.OrgNo, key sale.LookupKey, by string) error {
	err := s.change(ctx, func(tx *tx) error { return tx.revokeCode(ctx, org, key, by) })
	if err != nil {
		return fmt.Errorf("revoke a promo code: %w", err)
	}
	return nil
}

func (t *tx) revokeCode(ctx context.Context, org sale.OrgNo, key sale.LookupKey, by string) error {
	var campaign uint32
	var code string
	err := t.row(ctx, `UPDATE codes SET state = 2 WHERE org = ? AND key = ? RETURNING campaign, code`, []any{int64(org), key[:]}, &campaign, &code)
	if errors.Is(err, ErrNotFound) {
		return page.ErrNotFound
	}
	if err != nil {
		return err
	}
	if err := t.audit(ctx, org, by, "codes.revoke", fmt.Sprint(campaign), code); err != nil {
		return err
	}
	return t.bump(ctx, org, map[feedKey]feedRow{codesKey(campaign, key[0]): {}})
}

// WithdrawCampaign takes all codes of a campaign away from tills. What was used stays used.
func (s *Store) WithdrawCampaign(ctx context.Context, org sale.OrgNo, campaign uint32, by string) error {
	err := s.change(ctx, func(tx *tx) error {
		if _, err := tx.exec(ctx, `INSERT INTO campaigns (org, campaign, state) VALUES (?, ?, 1) ON CONFLICT (org, campaign) DO UPDATE SET state = 1`, int64(org), int64(campaign)); err != nil {
			return err
		}
		changed := map[feedKey]feedRow{}
		for shard := range shardsAll {
			changed[codesKey(campaign, uint8(shard))] = feedRow{gone: true}
		}
		if err := tx.audit(ctx, org, by, "codes.withdraw", fmt.Sprint(campaign), ""); err != nil {
			return err
		}
		return tx.bump(ctx, org, changed)
	})
	if err != nil {
		return fmt.Errorf("withdraw campaign %d: %w", campaign, err)
	}
	return nil
}

// shardMax bounds the keys of a shard as they travel: the journal's decoder takes lists of no more.
const shardMax = 4096

// codeShards reads the good codes of shards, by feed key. A withdrawn campaign has none.
func (t *tx) codeShards(ctx context.Context, org sale.OrgNo, keys []any) (map[string]*sale.CodeShard, error) {
	out := map[string]*sale.CodeShard{}
	for _, k := range keys {
		key := k.([]byte)
		shard := &sale.CodeShard{Campaign: binary.BigEndian.Uint32(key), Shard: key[4]}
		state, err := t.int(ctx, `SELECT state FROM campaigns WHERE org = ? AND campaign = ?`, int64(org), int64(shard.Campaign))
		if err != nil {
			return nil, fmt.Errorf("read campaign %d: %w", shard.Campaign, err)
		}
		if state != 0 {
			continue
		}
		personal := false
		err = t.each(ctx, `SELECT c.key, COALESCE((SELECT p.merged_into FROM customers p WHERE p.org = c.org AND p.no = c.owner AND p.merged_into <> 0), c.owner)
			FROM codes c WHERE c.org = ? AND c.campaign = ? AND c.shard = ? AND c.state = 0 ORDER BY c.key LIMIT ?`,
			[]any{int64(org), int64(shard.Campaign), int64(shard.Shard), shardMax}, func(r *sql.Rows) error {
				var code []byte
				var owner sale.CustomerNo
				if err := r.Scan(&code, &owner); err != nil || len(code) != len(sale.LookupKey{}) {
					return err
				}
				shard.Keys, shard.Owners = append(shard.Keys, code...), append(shard.Owners, owner)
				personal = personal || owner != 0
				return nil
			})
		if err != nil {
			return nil, fmt.Errorf("read the codes of campaign %d: %w", shard.Campaign, err)
		}
		if !personal {
			shard.Owners = nil
		}
		out[string(key)] = shard
	}
	return out, nil
}

// bumpCodesOf tells tills of a customer's personal codes after a merge: they belong to the main number.
func (b *booking) bumpCodesOf(ctx context.Context, no sale.CustomerNo) error {
	return b.tx.each(ctx, `SELECT DISTINCT campaign, shard FROM codes WHERE org = ? AND owner = ? AND owner <> 0 AND state = 0`, []any{int64(b.org), int64(no)}, func(r *sql.Rows) error {
		var campaign uint32
		var shard uint8
		err := r.Scan(&campaign, &shard)
		b.points.feed[codesKey(campaign, shard)] = feedRow{}
		return err
	})
}

// IssueCertificates makes gift certificates of a batch and answers their codes to print. Each is a bearer's
// account with one lot; the code is its card, so any till finds it. The money for them is taken elsewhere.
func (s *Store) IssueCertificates(ctx context.Context, org sale.OrgNo, batch string, count int, amount sale.Money, expires sale.Time, by string, random io.Reader) (codes []string, err error) {
	if count <= 0 || count > certificatesMax || amount <= 0 || amount > certificateMax || (expires != 0 && expires <= sale.At(s.now())) {
		return nil, fmt.Errorf("%w: %d of %s, want 1 to %d of up to %s with a day to come / %d по %s, можно от 1 до %d до %s со сроком в будущем",
			ErrCodes, count, amount, certificatesMax, certificateMax, count, amount, certificatesMax, certificateMax)
	}
	for range count {
		c, err := certificateCode(random)
		if err != nil {
			return nil, err
		}
		codes = append(codes, c)
	}
	sort.Strings(codes)
	err = s.change(ctx, func(tx *tx) error { return tx.issue(ctx, org, batch, codes, amount, expires, by) })
	if err != nil {
		return nil, fmt.Errorf("issue %d certificates: %w", count, err)
	}
	return codes, nil
}

// Limits of certificates.
const (
	certificatesMax            = 2000 // at once: each is an event in head office's chain
	certificateMax  sale.Money = 1_000_000_00
)

func (t *tx) issue(ctx context.Context, org sale.OrgNo, batch string, codes []string, amount sale.Money, expires sale.Time, by string) error {
	if _, err := t.lockOffice(ctx, org); err != nil {
		return err
	}
	// within the transaction: a button pressed twice sends both presses before either has ended
	there, err := t.int(ctx, `SELECT count(*) FROM certificates WHERE org = ? AND batch = ?`, int64(org), text(batch))
	if err == nil && there > 0 {
		err = page.ErrTaken
	}
	if err != nil {
		return fmt.Errorf("look whether batch %q is issued already: %w", batch, err)
	}
	o, err := t.org(ctx, org)
	if err != nil {
		return err
	}
	for _, code := range codes {
		p := Person{Name: "Сертификат " + code, Short: "Сертификат", Cards: []string{code}}
		if p.No, err = t.putPerson(ctx, org, p, o.keysOf(p)); err != nil {
			return err
		}
		if _, err := t.exec(ctx, `UPDATE customers SET bearer = 1 WHERE org = ? AND no = ?`, int64(org), int64(p.No)); err != nil {
			return err
		}
		now := t.s.now().UnixMilli()
		if _, err := t.exec(ctx, `INSERT INTO certificates (org, no, code, batch, amount, expires, issued, made_by) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
			int64(org), int64(p.No), code, text(batch), int64(amount.AsPoints()), int64(expires), now, text(by)); err != nil {
			return err
		}
		id := sale.DeriveID(sale.ID{}, fmt.Sprintf("certificate/%d", org), int(p.No))
		lot := sale.Lot{ID: sale.DeriveID(id, "lot", 0), Account: sale.CustomerAccount(p.No), ExpiresAt: expires, Source: id}
		err := t.postRecord(ctx, org, &sale.Record{
			Kind: sale.KindIssue, ID: id, Issue: &sale.Issue{Certificate: p.No, Amount: amount.AsPoints(), Batch: text(batch)}, Lots: []sale.Lot{lot},
			Postings: []sale.Posting{{Account: sale.ProgrammeAccount(), Amount: -amount.AsPoints()}, {Account: lot.Account, Lot: lot.ID, Amount: amount.AsPoints()}},
		})
		if err != nil {
			return err
		}
	}
	return t.audit(ctx, org, by, "certificates.issue", text(batch), fmt.Sprintf("%d × %s", len(codes), amount))
}

// Certificates lists certificates by number after one of them: of a batch, or with no batch all.
func (s *Store) Certificates(ctx context.Context, org sale.OrgNo, batch string, after sale.CustomerNo, limit int) (out []page.Certificate, err error) {
	p := &picker{}
	p.and("x.org = ? AND x.no > ?", int64(org), int64(after))
	if batch != "" {
		p.and("x.batch = ?", batch)
	}
	err = s.view(ctx, func(tx *tx) error {
		return tx.each(ctx, `SELECT x.no, x.code, x.batch, x.amount, x.expires, x.issued, x.made_by, c.state,
			COALESCE((SELECT a.balance FROM accounts a WHERE a.org = x.org AND a.kind = 1 AND a.no = x.no AND a.purse = 0), 0)
			FROM certificates x JOIN customers c ON c.org = x.org AND c.no = x.no`+p.where()+` ORDER BY x.no LIMIT ?`, append(p.args, int64(limit)), func(r *sql.Rows) error {
			var c page.Certificate
			err := r.Scan(&c.No, &c.Code, &c.Batch, &c.Amount, &c.Expires, &c.Issued, &c.By, &c.State, &c.Left)
			out = append(out, c)
			return err
		})
	})
	if err != nil {
		return nil, fmt.Errorf("list certificates: %w", err)
	}
	return out, nil
}

// CertificateBatches lists batches, newest first.
func (s *Store) CertificateBatches(ctx context.Context, org sale.OrgNo) (out []page.CertificateBatch, err error) {
	err = s.view(ctx, func(tx *tx) error {
		return tx.each(ctx, `SELECT x.batch, COUNT(*), SUM(x.amount), SUM(COALESCE(a.balance, 0)), MAX(x.issued), MAX(x.expires), MAX(x.made_by)
			FROM certificates x LEFT JOIN accounts a ON a.org = x.org AND a.kind = 1 AND a.no = x.no AND a.purse = 0
			WHERE x.org = ? GROUP BY x.batch ORDER BY MAX(x.issued) DESC, x.batch LIMIT 500`, []any{int64(org)}, func(r *sql.Rows) error {
			var b page.CertificateBatch
			err := r.Scan(&b.Batch, &b.Count, &b.Amount, &b.Left, &b.Issued, &b.Expires, &b.By)
			out = append(out, b)
			return err
		})
	})
	if err != nil {
		return nil, fmt.Errorf("list batches of certificates: %w", err)
	}
	return out, nil
}
