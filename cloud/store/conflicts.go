package store

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"sort"

	"github.com/kopilka/kopilka/cloud/web/page"
	"github.com/kopilka/kopilka/ledger/sale"
	"github.com/kopilka/kopilka/sync/wire"
)

// wholeMax bounds what one receipt may name of codes, promotions and fraud rules: more than any basket has.
const wholeMax = 200

// inAnalysis is whose receipt it is in all figures: a house account is nobody.
func inAnalysis(no sale.CustomerNo) sale.CustomerNo {
	if no.House() {
		return 0
	}
	return no
}

// examineWhole looks at what the whole programme writes into a record.
func (b *booking) examineWhole(r *sale.Record) error {
	switch {
	case r.Sale != nil && (len(r.Sale.Codes) > wholeMax || len(r.Sale.Applied) > wholeMax || len(r.Sale.Watched) > wholeMax):
		return fmt.Errorf("%w: more than %d codes, promotions or fraud rules", errClaim, wholeMax)
	case r.Return != nil && len(r.Return.Watched) > wholeMax:
		return fmt.Errorf("%w: more than %d fraud rules", errClaim, wholeMax)
	case r.Return != nil && r.Return.Pending && (r.Return.QR == nil || r.Return.QR.Key.FN == "" || r.Return.QR.Key.FD == 0 || !r.Return.Of.IsZero()):
		return fmt.Errorf("%w: a return that waits for its sale without naming its document", errClaim)
	case r.Kind == sale.KindEnrol:
		return b.examineEnrolment(r)
	}
	return nil
}

// flagWatched puts the fraud rules that a record met before a person. The words are the pages': rules are not
// this package's business.
func (b *booking) flagWatched(r *sale.Record, customer sale.CustomerNo, met []sale.Watched) {
	for _, w := range met {
		b.flag(flag{
			kind: FlagWatch, till: b.till, record: r.ID, cause: w.Rule, customer: inAnalysis(customer), amount: w.Amount, rule: w.Rule, policy: page.PolicyStands,
			ru: fmt.Sprintf("Сработало правило «%s» на кассе %d: чек проведён", w.Rule, b.till),
			en: fmt.Sprintf("Rule %q was met at till %d: the receipt stands", w.Rule, b.till),
		})
	}
}

// prefetchExpiry reads when the lots expire that the records spend from.
func (b *booking) prefetchExpiry(ctx context.Context, records []wire.Sealed) error {
	lots := spentIn(records)
	err := b.tx.in(ctx, `SELECT id, expires FROM lots WHERE org = ? AND expires > 0 AND id IN %s`, []any{int64(b.org)}, lots, func(r *sql.Rows) error {
		var id []byte
		var at sale.Time
		err := r.Scan(&id, &at)
		if err == nil {
			b.points.expires[sale.ID(id)] = at
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("look when lots expire: %w", err)
	}
	return nil
}

// spentIn lists the lots that records spend from, each once.
func spentIn(records []wire.Sealed) (out []any) {
	seen := map[sale.ID]bool{}
	for _, s := range records {
		for _, x := range s.Record.Spends {
			if !seen[x.Lot] {
				seen[x.Lot], out = true, append(out, bytes.Clone(x.Lot[:]))
			}
		}
	}
	return out
}

// checkLate flags a spend of what was no longer to be spent by the till's own time. It stands: the customer
// was told that it was theirs.
func (b *booking) checkLate(r *sale.Record, s sale.Spend) {
	if b.till == 0 {
		return
	}
	lot, term := b.points.expires[s.Lot], b.points.terms[s.Lease]
	if (lot == 0 || r.At < lot) && (term.until == 0 || r.At < term.until) && !term.retired {
		return
	}
	var customer sale.CustomerNo
	if r.Sale != nil {
		customer = r.Sale.Customer
	}
	b.flag(flag{
		kind: FlagLate, till: b.till, record: r.ID, customer: customer, amount: int64(s.Amount), policy: page.PolicyStands, actions: []page.Action{page.ActionAccept},
		ru: fmt.Sprintf("Касса %d списала %s баллов после окончания их срока или срока аренды: списание остаётся в силе", b.till, s.Amount),
		en: fmt.Sprintf("Till %d took %s points after their term, or its right to them, had ended: the redemption stands", b.till, s.Amount),
	})
}

// look compares what was written with what stands beside it in the tables.
func (b *booking) look(ctx context.Context) error {
	if len(b.counts.traded) > 0 {
		if err := b.lookAtReturns(ctx); err != nil {
			return fmt.Errorf("look for more returned than sold: %w", err)
		}
	}
	if len(b.counts.codes) > 0 {
		if err := b.lookAtCodes(ctx); err != nil {
			return fmt.Errorf("look for promo codes used twice: %w", err)
		}
	}
	return nil
}

// lookAtReturns flags sales of which more came back than was sold, in any line or in money. It runs for sales
// too: a return may come before them.
func (b *booking) lookAtReturns(ctx context.Context) error {
	ids := make([]any, 0, len(b.counts.traded))
	for _, id := range sortedIDs(b.counts.traded) {
		ids = append(ids, bytes.Clone(id[:]))
	}
	given := map[sale.ID]bool{}
	gather := func(r *sql.Rows) error {
		var id []byte
		err := r.Scan(&id)
		if err == nil && len(id) == len(sale.ID{}) {
			given[sale.ID(id)] = true
		}
		return err
	}
	if err := b.tx.in(ctx, `SELECT DISTINCT of_sale FROM returns WHERE org = ? AND of_sale IN %s`, []any{int64(b.org)}, ids, gather); err != nil || len(given) == 0 {
		return err
	}
	ids = ids[:0]
	for _, id := range sortedIDs(given) {
		ids = append(ids, bytes.Clone(id[:]))
	}
	clear(given)
	for _, text := range []string{
		`SELECT r.of_sale FROM returns r JOIN sales s ON s.org = r.org AND s.id = r.of_sale WHERE r.org = ? AND r.of_sale IN %s
			GROUP BY r.org, r.of_sale, s.total HAVING SUM(r.total) > s.total`,
		`SELECT r.of_sale FROM returns r JOIN return_lines l ON l.org = r.org AND l.ret = r.id JOIN sales s ON s.org = r.org AND s.id = r.of_sale
			WHERE r.org = ? AND r.of_sale IN %s GROUP BY r.org, r.of_sale, l.line
			HAVING SUM(l.qty) > COALESCE((SELECT x.qty FROM sale_lines x WHERE x.org = r.org AND x.sale = r.of_sale AND x.line = l.line), 0)`,
	} {
		if err := b.tx.in(ctx, text, []any{int64(b.org)}, ids, gather); err != nil {
			return err
		}
	}
	for _, id := range sortedIDs(given) {
		b.flag(flag{
			kind: FlagOverReturn, record: id, policy: page.PolicyStands, actions: []page.Action{page.ActionAccept},
			ru: "По чеку вернули больше, чем было продано: проверьте возвраты",
			en: "More of this receipt came back than was sold: look at its returns",
		})
	}
	return nil
}

// lookAtCodes marks single-use codes as used and flags those used before, or revoked: the receipt stands.
func (b *booking) lookAtCodes(ctx context.Context) error {
	var keys []any
	for _, k := range sortedKeys(b.counts.codes) {
		keys = append(keys, bytes.Clone(k[:]))
	}
	err := b.tx.in(ctx, `UPDATE codes SET state = 1 WHERE org = ? AND state = 0 AND key IN %s RETURNING campaign, shard`, []any{int64(b.org)}, keys, func(r *sql.Rows) error {
		var campaign uint32
		var shard uint8
		err := r.Scan(&campaign, &shard)
		b.points.feed[codesKey(campaign, shard)] = feedRow{}
		return err
	})
	if err != nil {
		return err
	}
	return b.tx.in(ctx, `SELECT c.key, c.code, c.owner FROM codes c WHERE c.org = ? AND (c.state = 2 OR
		(SELECT count(*) FROM code_uses u WHERE u.org = c.org AND u.key = c.key) > 1) AND c.key IN %s`, []any{int64(b.org)}, keys, func(r *sql.Rows) error {
		var key []byte
		var code string
		var owner sale.CustomerNo
		if err := r.Scan(&key, &code, &owner); err != nil {
			return err
		}
		b.flag(flag{
			kind: FlagCode, cause: fmt.Sprintf("%x", key), code: bytes.Clone(key), customer: owner, policy: page.PolicyStands,
			actions: []page.Action{page.ActionAccept, page.ActionRevoke},
			ru:      fmt.Sprintf("Одноразовый промокод %s использован не один раз или после отзыва: кассы не могли знать друг о друге, чеки остаются в силе", code),
			en:      fmt.Sprintf("Single-use promo code %s was used more than once, or after it was revoked: the tills could not know of each other, the receipts stand", code),
		})
		return nil
	})
}

func sortedKeys(m map[sale.LookupKey]bool) []sale.LookupKey {
	out := make([]sale.LookupKey, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	sort.Slice(out, func(i, j int) bool { return bytes.Compare(out[i][:], out[j][:]) < 0 })
	return out
}

// reopenExpired gives points back that head office had taken off the books as expired, where a till turns out
// to have spent them: so much that the lot is not below nothing.
func (s *Store) reopenExpired(ctx context.Context, org sale.OrgNo, lots []any) error {
	var below []sale.ID
	err := s.view(ctx, func(tx *tx) error {
		return tx.in(ctx, `SELECT id FROM lots WHERE org = ? AND remaining < 0 AND id IN %s`, []any{int64(org)}, lots, func(r *sql.Rows) error {
			var id []byte
			err := r.Scan(&id)
			if err == nil {
				below = append(below, sale.ID(id))
			}
			return err
		})
	})
	for _, lot := range below {
		if err == nil {
			err = s.change(ctx, func(tx *tx) error { return tx.reopen(ctx, org, lot) })
		}
	}
	if err != nil {
		return fmt.Errorf("give expired points back that were spent in time: %w", err)
	}
	return nil
}

func (t *tx) reopen(ctx context.Context, org sale.OrgNo, lot sale.ID) error {
	at, err := t.lockOffice(ctx, org)
	if err != nil {
		return err
	}
	account := sale.Account{Kind: sale.AccountCustomer}
	var remaining sale.Points
	if err := t.row(ctx, `SELECT no, purse, remaining FROM lots WHERE org = ? AND id = ?`, []any{int64(org), lot[:]}, &account.No, &account.Purse, &remaining); err != nil {
		return err
	}
	expired, err := t.int(ctx, `SELECT -SUM(amount) FROM postings WHERE org = ? AND kind = ? AND no = ? AND lot = ? AND what = ?`,
		int64(org), int64(sale.AccountCustomer), int64(account.No), lot[:], int64(sale.KindExpire))
	give := min(-remaining, sale.Points(expired))
	if err != nil || give <= 0 {
		return err
	}
	r := &sale.Record{Kind: sale.KindExpire, ID: sale.DeriveID(lot, "reopen", int(at.Seq)), Postings: []sale.Posting{
		{Account: sale.ExpiredAccount().In(account.Purse), Amount: -give}, {Account: account, Lot: lot, Amount: give},
	}}
	if err := t.postRecord(ctx, org, r); err != nil {
		return err
	}
	return t.flag(ctx, org, flag{
		kind: FlagLate, record: r.ID, customer: account.No, amount: int64(give), policy: page.PolicyReopened, actions: []page.Action{page.ActionAccept},
		ru: fmt.Sprintf("Касса без связи списала %s баллов, которые здесь уже сгорели: они возвращены, покупатель ничего не должен", give),
		en: fmt.Sprintf("A till without a line took %s points that had expired here: they were given back, the customer owes nothing", give),
	})
}

// lockOffice locks head office's own chain and answers where it ends.
func (t *tx) lockOffice(ctx context.Context, org sale.OrgNo) (sale.Position, error) {
	var state int64
	if err := t.row(ctx, `SELECT state FROM tills WHERE org = ? AND till = 0`+t.s.dialect.lock(), []any{int64(org)}, &state); err != nil {
		return sale.Position{}, fmt.Errorf("lock head office's chain: %w", err)
	}
	return t.position(ctx, org, 0)
}
