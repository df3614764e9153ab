package store

import (
	"context"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"sort"

	"github.com/kopilka/kopilka/cloud/web/page"
	"github.com/kopilka/kopilka/ledger/sale"
)

// mainOf is the customer that a number stands for: itself, or the one it was merged into.
func (t *tx) mainOf(ctx context.Context, org sale.OrgNo, no sale.CustomerNo) (sale.CustomerNo, error) {
	main, err := t.int(ctx, `SELECT merged_into FROM customers WHERE org = ? AND no = ?`, int64(org), int64(no))
	if err != nil {
		return 0, fmt.Errorf("look whom customer %s was merged into: %w", no, err)
	}
	if main != 0 {
		return sale.CustomerNo(main), nil
	}
	return no, nil
}

// numbersOf is the main customer of a number and all numbers whose accounts are theirs, the main one first.
func (t *tx) numbersOf(ctx context.Context, org sale.OrgNo, no sale.CustomerNo) (main sale.CustomerNo, numbers []any, err error) {
	if main, err = t.mainOf(ctx, org, no); err != nil {
		return 0, nil, err
	}
	numbers = []any{int64(main)}
	err = t.each(ctx, `SELECT no FROM customers WHERE org = ? AND merged_into = ? AND merged_into <> 0 ORDER BY no`, []any{int64(org), int64(main)}, func(r *sql.Rows) error {
		var part int64
		err := r.Scan(&part)
		numbers = append(numbers, part)
		return err
	})
	return main, numbers, err
}

// toMain turns changes of merged customers into changes of their main ones. It runs under the lock on the
// organisation's row, so a merge that commits meanwhile is seen.
func (t *tx) toMain(ctx context.Context, org sale.OrgNo, changed map[feedKey]feedRow) (map[feedKey]feedRow, error) {
	var numbers []any
	for k, row := range changed {
		if k.kind == sale.ChangeCustomer && !row.gone {
			numbers = append(numbers, int64(binary.BigEndian.Uint64([]byte(k.key))))
		}
	}
	main := map[sale.CustomerNo]sale.CustomerNo{}
	err := t.in(ctx, `SELECT no, merged_into FROM customers WHERE org = ? AND merged_into <> 0 AND no IN %s`, []any{int64(org)}, numbers, func(r *sql.Rows) error {
		var no, into sale.CustomerNo
		err := r.Scan(&no, &into)
		main[no] = into
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("look for merged customers: %w", err)
	}
	if len(main) == 0 {
		return changed, nil
	}
	out := make(map[feedKey]feedRow, len(changed))
	for k, row := range changed {
		out[k] = row
	}
	for no, into := range main {
		delete(out, customerKey(no))
		out[customerKey(into)] = feedRow{}
	}
	return out, nil
}

// Debts is what a customer owes, by account: positive amounts are owed, negative ones were paid too much.
func (s *Store) Debts(ctx context.Context, org sale.OrgNo, no sale.CustomerNo) (out map[sale.Account]sale.Points, err error) {
	out = map[sale.Account]sale.Points{}
	err = s.view(ctx, func(tx *tx) error {
		_, numbers, err := tx.numbersOf(ctx, org, no)
		if err != nil {
			return err
		}
		return tx.in(ctx, `SELECT no, purse, balance FROM accounts WHERE org = ? AND kind = ? AND balance <> 0 AND no IN %s`,
			[]any{int64(org), int64(sale.AccountDebt)}, numbers, func(r *sql.Rows) error {
				a := sale.Account{Kind: sale.AccountDebt}
				var balance sale.Points
				err := r.Scan(&a.No, &a.Purse, &balance)
				out[a] = -balance
				return err
			})
	})
	if err != nil {
		err = fmt.Errorf("read what customer %s owes: %w", no, err)
	}
	return out, err
}

// applyEvents does what head office's own events mean beside their postings.
func (b *booking) applyEvents(ctx context.Context) error {
	for _, r := range b.events {
		var err error
		switch r.Kind {
		case sale.KindMerge:
			err = b.merge(ctx, r)
		case sale.KindSplit:
			err = b.split(ctx, r)
		case sale.KindSettle:
			err = b.settle(ctx, r)
		}
		if err != nil {
			return fmt.Errorf("apply %s %s: %w", r.Kind, r.ID, err)
		}
	}
	return nil
}

// SQLite goes by an index of some rows only where the statement names the index's own condition.
const (
	mergeCustomers = `UPDATE customers SET merged_into = ? WHERE org = ? AND (no = ? OR (merged_into = ? AND merged_into <> 0))`
	mergeFlags     = `UPDATE flags SET customer = ? WHERE org = ? AND customer = ? AND customer <> 0 AND kind = 'double'`
	// splitKeys takes away what both were found by.
	splitKeys = `DELETE FROM customer_keys WHERE org = ? AND customer = ? AND EXISTS (SELECT 1 FROM customer_keys k
		JOIN customers c ON c.org = k.org AND c.no = k.customer WHERE k.org = customer_keys.org AND k.kind = customer_keys.kind AND k.key = customer_keys.key
		AND (c.no = ? OR (c.merged_into = ? AND c.merged_into <> 0)))`
)

func (b *booking) merge(ctx context.Context, r *sale.Record) error {
	org, into, from := int64(b.org), int64(r.Merge.Into), int64(r.Merge.From)
	if err := b.lend(ctx, r); err != nil {
		return err
	}
	group, err := b.tx.joinedTo(ctx, b.org, r.Merge.From)
	if err != nil {
		return err
	}
	if _, err := b.tx.exec(ctx, mergeCustomers, into, org, from, from); err != nil {
		return err
	}
	if _, err := b.tx.exec(ctx, mergeFlags, into, org, from); err != nil {
		return err
	}
	if _, err := b.tx.exec(ctx, `UPDATE customers SET joined = ? WHERE org = ? AND no = ?`, into, org, from); err != nil {
		return err
	}
	b.points.feed[customerKey(r.Merge.From)] = feedRow{gone: true}
	b.points.feed[customerKey(r.Merge.Into)] = feedRow{}
	for _, no := range group {
		if err := b.bumpCodesOf(ctx, no); err != nil {
			return err
		}
	}
	return b.dueNow(ctx, r.ID, r.Merge.Into)
}

// joinedTo is a number and all that were merged into it, or into one of those, the way the merges went.
func (t *tx) joinedTo(ctx context.Context, org sale.OrgNo, no sale.CustomerNo) (out []sale.CustomerNo, err error) {
	by := map[sale.CustomerNo][]sale.CustomerNo{}
	main, err := t.mainOf(ctx, org, no)
	if err != nil {
		return nil, err
	}
	err = t.each(ctx, `SELECT no, joined FROM customers WHERE org = ? AND merged_into = ? AND merged_into <> 0 ORDER BY no`, []any{int64(org), int64(main)}, func(r *sql.Rows) error {
		var x, joined sale.CustomerNo
		err := r.Scan(&x, &joined)
		if joined == 0 {
			joined = main
		}
		by[joined] = append(by[joined], x)
		return err
	})
	out = []sale.CustomerNo{no}
	for i := 0; i < len(out); i++ {
		out = append(out, by[out[i]]...)
		delete(by, out[i]) // each is visited once, whatever the rows say
	}
	return out, err
}

// lend gives the main customer what the merge brings: the better tier, to its end where it was given by hand,
// and the stricter state, since nobody gets out of a block by a second card. What was before is kept for a split.
func (b *booking) lend(ctx context.Context, r *sale.Record) error {
	into, err := b.tx.whole(ctx, b.org, r.Merge.Into)
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	from, err := b.tx.whole(ctx, b.org, r.Merge.From)
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	var lent int64
	var tier []byte
	if strictness(from.State) > strictness(into.State) {
		lent = int64(into.State) + 1
		if _, err := b.tx.exec(ctx, `UPDATE customers SET state = ? WHERE org = ? AND no = ?`, int64(from.State), int64(b.org), int64(into.No)); err != nil {
			return err
		}
	}
	if from.Tier > into.Tier {
		tier = r.ID[:]
		err := b.moveTier(ctx, r, sale.TierChange{Customer: into.No, From: into.Tier, To: from.Tier, Until: from.Until, Reason: "объединение с / merged with " + from.No.String()})
		if err != nil {
			return err
		}
	}
	_, err = b.tx.exec(ctx, `UPDATE customers SET lent_state = ?, lent_tier = ? WHERE org = ? AND no = ?`, lent, tier, int64(b.org), int64(from.No))
	return err
}

// strictness orders the states of people that can be merged.
func strictness(s sale.CustomerState) int {
	return map[sale.CustomerState]int{sale.CustomerTest: 1, sale.CustomerBlocked: 2}[s]
}

// takeBackLent undoes [booking.lend], unless the tier or the state has been changed since.
func (b *booking) takeBackLent(ctx context.Context, r *sale.Record) error {
	org, into, from := int64(b.org), int64(r.Merge.Into), int64(r.Merge.From)
	var lent, state int64
	var record []byte
	err := b.tx.row(ctx, `SELECT lent_state, lent_tier, state FROM customers WHERE org = ? AND no = ?`, []any{org, from}, &lent, &record, &state)
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if lent > 0 {
		if _, err := b.tx.exec(ctx, `UPDATE customers SET state = ? WHERE org = ? AND no = ? AND state = ?`, lent-1, org, into, state); err != nil {
			return err
		}
	}
	if _, err := b.tx.exec(ctx, `UPDATE customers SET lent_state = 0, lent_tier = NULL WHERE org = ? AND no = ?`, org, from); err != nil || len(record) == 0 {
		return err
	}
	return b.takeBackTier(ctx, r, record)
}

func (b *booking) takeBackTier(ctx context.Context, r *sale.Record, merge []byte) error {
	org, into := int64(b.org), int64(r.Merge.Into)
	var n, last int64
	var before, lent uint16
	err := b.tx.row(ctx, `SELECT n, tier_from, tier_to, (SELECT MAX(x.n) FROM tier_changes x WHERE x.org = c.org AND x.customer = c.customer)
		FROM tier_changes c WHERE org = ? AND customer = ? AND record = ?`, []any{org, into, merge}, &n, &before, &lent, &last)
	if err != nil || n != last {
		if errors.Is(err, ErrNotFound) {
			return nil
		}
		return err
	}
	until, err := b.tx.int(ctx, `SELECT until FROM tier_changes WHERE org = ? AND customer = ? AND n = ?`, org, into, n-1)
	if err != nil {
		return err
	}
	return b.moveTier(ctx, r, sale.TierChange{Customer: r.Merge.Into, From: lent, To: before, Until: sale.Time(until), Reason: "разъединение с / split from " + r.Merge.From.String()})
}

// moveTier writes a change of tier that a merge or split brings.
func (b *booking) moveTier(ctx context.Context, r *sale.Record, c sale.TierChange) error {
	return b.tx.putTier(ctx, b.org, &sale.Record{ID: r.ID, At: r.At, Tier: &c})
}

// split takes one number out, and with it those that had been merged into it. What both were found by stays with
// the main customer; else the next till would not know whom it finds.
func (b *booking) split(ctx context.Context, r *sale.Record) error {
	org, into, from := int64(b.org), int64(r.Merge.Into), int64(r.Merge.From)
	group, err := b.tx.joinedTo(ctx, b.org, r.Merge.From)
	if err != nil {
		return err
	}
	for _, no := range group {
		main := from
		if no == r.Merge.From {
			main = 0
		}
		if _, err := b.tx.exec(ctx, `UPDATE customers SET merged_into = ? WHERE org = ? AND no = ? AND merged_into = ?`, main, org, int64(no), into); err != nil {
			return err
		}
	}
	if _, err := b.tx.exec(ctx, `UPDATE customers SET joined = 0 WHERE org = ? AND no = ?`, org, from); err != nil {
		return err
	}
	for _, no := range group {
		if _, err := b.tx.exec(ctx, splitKeys, org, int64(no), into, into); err != nil {
			return err
		}
		if err := b.bumpCodesOf(ctx, no); err != nil {
			return err
		}
	}
	if err := b.takeBackLent(ctx, r); err != nil {
		return err
	}
	b.points.feed[customerKey(r.Merge.From)], b.points.feed[customerKey(r.Merge.Into)] = feedRow{}, feedRow{}
	return b.dueNow(ctx, r.ID, r.Merge.From, r.Merge.Into)
}

// dueNow asks for a decision over customers' points after points.write has run.
func (b *booking) dueNow(ctx context.Context, cause sale.ID, numbers ...sale.CustomerNo) error {
	for _, no := range numbers {
		b.points.due[no] = cause
	}
	return b.points.writeDue(ctx, b)
}

// ErrMerge is wrapped by every merge or split that cannot be.
var ErrMerge = errors.New("these customers cannot be merged or split / этих покупателей нельзя объединить или разделить")

// side is one of two customers of a merge.
type side struct {
	no       sale.CustomerNo
	enrolled sale.Time
	into     sale.CustomerNo
	state    sale.CustomerState
	bearer   bool
}

func (t *tx) side(ctx context.Context, org sale.OrgNo, no sale.CustomerNo) (x side, err error) {
	x.no = no
	var bearer int64
	err = t.row(ctx, `SELECT enrolled, merged_into, state, bearer FROM customers WHERE org = ? AND no = ?`, []any{int64(org), int64(no)}, &x.enrolled, &x.into, &x.state, &bearer)
	x.bearer = bearer == 1
	if err != nil {
		err = fmt.Errorf("read customer %s: %w", no, err)
	}
	return x, err
}

func (x side) person() bool {
	return !x.bearer && x.state != sale.CustomerErased && x.state != sale.CustomerHouse
}

// MergeCustomers joins from's accounts to into's customer, in somebody's name: both are found by either's keys
// from then on, and nothing is lost. Both must be main customers, or the main ones are taken.
func (s *Store) MergeCustomers(ctx context.Context, org sale.OrgNo, into, from sale.CustomerNo, reason, by string) error {
	err := s.change(ctx, func(tx *tx) error { return tx.mergeByHand(ctx, org, into, from, reason, by) })
	if err != nil {
		return fmt.Errorf("merge customer %s into %s: %w", from, into, err)
	}
	return nil
}

func (t *tx) mergeByHand(ctx context.Context, org sale.OrgNo, into, from sale.CustomerNo, reason, by string) error {
	if _, err := t.lockOffice(ctx, org); err != nil {
		return err
	}
	var err, errFrom error
	into, err = t.mainOf(ctx, org, into)
	from, errFrom = t.mainOf(ctx, org, from)
	if err := errors.Join(err, errFrom); err != nil {
		return err
	}
	if into == from {
		return fmt.Errorf("%w: they are one already", ErrMerge)
	}
	for _, no := range []sale.CustomerNo{into, from} {
		x, err := t.side(ctx, org, no)
		if err != nil {
			return err
		}
		if !x.person() {
			return fmt.Errorf("%w: customer %s is no person's card, or is erased", ErrMerge, no)
		}
	}
	if err := t.postMerge(ctx, org, sale.KindMerge, into, from, reason); err != nil {
		return err
	}
	return t.audit(ctx, org, by, "customer.merge", into.String(), from.String()+" "+reason)
}

// postMerge journals a merge or split. Head office's chain is locked, so the next place in it names the event.
func (t *tx) postMerge(ctx context.Context, org sale.OrgNo, kind sale.RecordKind, into, from sale.CustomerNo, reason string) error {
	at, err := t.lockOffice(ctx, org)
	if err != nil {
		return err
	}
	return t.postRecord(ctx, org, &sale.Record{
		Kind: kind, ID: sale.DeriveID(sale.ID{}, fmt.Sprintf("%s/%d/%d/%d", kind, org, into, from), int(at.Seq)),
		Merge: &sale.Merge{Into: into, From: from, Reason: reason},
	})
}

// SplitCustomer takes a number out of the customer that it was merged into; each has their own points again.
func (s *Store) SplitCustomer(ctx context.Context, org sale.OrgNo, from sale.CustomerNo, reason, by string) error {
	err := s.change(ctx, func(tx *tx) error { return tx.splitByHand(ctx, org, from, reason, by) })
	if err != nil {
		return fmt.Errorf("split customer %s: %w", from, err)
	}
	return nil
}

func (t *tx) splitByHand(ctx context.Context, org sale.OrgNo, from sale.CustomerNo, reason, by string) error {
	if _, err := t.lockOffice(ctx, org); err != nil {
		return err
	}
	x, err := t.side(ctx, org, from)
	if err != nil {
		return err
	}
	if x.into == 0 {
		return fmt.Errorf("%w: customer %s was not merged", ErrMerge, from)
	}
	if err := t.postMerge(ctx, org, sale.KindSplit, x.into, from, reason); err != nil {
		return err
	}
	return t.audit(ctx, org, by, "customer.split", from.String(), x.into.String()+" "+reason)
}

// MergeDoubles merges the customers of these enrolments with whoever has the same phone or card: into the
// oldest, and head office's own count as older. Each is put into the inbox, where one click splits them again.
// Doing it again changes nothing.
func (s *Store) MergeDoubles(ctx context.Context, org sale.OrgNo, enrolments []sale.ID) error {
	for _, id := range enrolments {
		var no sale.CustomerNo
		var mains []side
		look := func(tx *tx) (err error) {
			no, mains, err = tx.doubles(ctx, org, id)
			return err
		}
		shared := int64(0)
		err := s.view(ctx, func(tx *tx) (err error) {
			if err = look(tx); err == nil {
				shared, err = tx.int(ctx, `SELECT count(*) FROM customer_keys mine JOIN customer_keys k ON k.org = mine.org AND k.kind = mine.kind AND k.key = mine.key
					WHERE mine.org = ? AND mine.customer = ? AND mine.kind = ? AND k.customer <> mine.customer`, int64(org), int64(no), int64(sale.KeyCard))
			}
			return err
		})
		if err == nil && (len(mains) > 1 || shared > 0) { // merged through a phone already: the card may still be the younger one's
			err = s.change(ctx, func(tx *tx) error {
				if _, err := tx.lockOffice(ctx, org); err != nil {
					return err
				}
				if err := look(tx); err != nil {
					return err
				}
				return tx.mergeAll(ctx, org, no, mains)
			})
		}
		if err != nil {
			return fmt.Errorf("merge the double enrolments of %s: %w", id, err)
		}
	}
	return nil
}

// doubles are the main customers of all who have a key of an enrolment's customer, the oldest first. A merged
// customer answers for nobody any more: a split by hand stays.
func (t *tx) doubles(ctx context.Context, org sale.OrgNo, enrolment sale.ID) (no sale.CustomerNo, mains []side, err error) {
	var n int64
	if n, err = t.int(ctx, `SELECT no FROM customers WHERE org = ? AND enrol = ?`, int64(org), enrolment[:]); err != nil || n == 0 {
		return 0, nil, err
	}
	no = sale.CustomerNo(n)
	seen := map[sale.CustomerNo]bool{}
	var found []sale.CustomerNo
	err = t.each(ctx, `SELECT DISTINCT CASE WHEN c.merged_into <> 0 THEN c.merged_into ELSE c.no END FROM customer_keys mine
		JOIN customer_keys k ON k.org = mine.org AND k.kind = mine.kind AND k.key = mine.key
		JOIN customers c ON c.org = k.org AND c.no = k.customer WHERE mine.org = ? AND mine.customer = ?`, []any{int64(org), n}, func(r *sql.Rows) error {
		var x sale.CustomerNo
		err := r.Scan(&x)
		if !seen[x] {
			seen[x], found = true, append(found, x)
		}
		return err
	})
	for _, x := range found {
		one, errOne := t.side(ctx, org, x)
		if err = errors.Join(err, errOne); err == nil && one.person() {
			mains = append(mains, one)
		}
	}
	sort.Slice(mains, func(i, j int) bool {
		if mains[i].enrolled != mains[j].enrolled {
			return mains[i].enrolled < mains[j].enrolled
		}
		return mains[i].no < mains[j].no
	})
	return no, mains, err
}

func (t *tx) mergeAll(ctx context.Context, org sale.OrgNo, no sale.CustomerNo, mains []side) error {
	for _, from := range mains[min(1, len(mains)):] {
		into := mains[0].no
		if err := t.postMerge(ctx, org, sale.KindMerge, into, from.no, "double enrolment"); err != nil {
			return err
		}
		err := t.flag(ctx, org, flag{
			kind: FlagDouble, cause: from.no.String(), customer: into, other: from.no, policy: page.PolicyMerged,
			actions: []page.Action{page.ActionAccept, page.ActionSplit},
			ru:      fmt.Sprintf("Телефон или карта покупателя %s уже были оформлены раньше: счета объединены, баллы сохранены", from.no),
			en:      fmt.Sprintf("The phone or card of customer %s had been enrolled before: their accounts are one now, all points are kept", from.no),
		})
		if err != nil {
			return err
		}
	}
	return t.settleCards(ctx, org, no)
}

// settleCards gives a card enrolled twice to whoever enrolled it first, whichever record came first here.
func (t *tx) settleCards(ctx context.Context, org sale.OrgNo, no sale.CustomerNo) error {
	o, err := t.org(ctx, org)
	if err != nil {
		return err
	}
	type card struct {
		text  string
		owner sale.CustomerNo
	}
	var cards []card
	err = t.each(ctx, `SELECT DISTINCT x.card, x.customer FROM customer_keys mine JOIN customer_keys k ON k.org = mine.org AND k.kind = mine.kind AND k.key = mine.key
		JOIN customer_cards x ON x.org = k.org AND x.customer = k.customer WHERE mine.org = ? AND mine.customer = ? AND mine.kind = ?`,
		[]any{int64(org), int64(no), int64(sale.KeyCard)}, func(r *sql.Rows) error {
			var c card
			err := r.Scan(&c.text, &c.owner)
			cards = append(cards, c)
			return err
		})
	for _, c := range cards {
		if err != nil {
			break
		}
		key := sale.CardKey(o.CardSecret, c.text)
		var first int64
		first, err = t.int(ctx, `SELECT c.no FROM customer_keys k JOIN customers c ON c.org = k.org AND c.no = k.customer
			WHERE k.org = ? AND k.kind = ? AND k.key = ? ORDER BY c.enrolled, c.no LIMIT 1`, int64(org), int64(sale.KeyCard), key[:])
		if err == nil && first != 0 && sale.CustomerNo(first) != c.owner {
			_, err = t.exec(ctx, `UPDATE customer_cards SET customer = ? WHERE org = ? AND card = ?`, first, int64(org), c.text)
		}
	}
	return err
}
