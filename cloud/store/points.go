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

// points are the sums by which a transaction moves balances. All of them are additions, so that the
// order in which tills' records arrive cannot change the end.
type points struct {
	lots     map[sale.ID]*lotMove
	accounts map[sale.Account]sale.Points
	parts    map[partKey]*partMove
	born     map[sale.ID]*sale.Lease
	released map[sale.ID]bool // of all leases known here: true when handed back
	holders  map[sale.ID]sale.TillNo
	owners   map[sale.ID]owner // of lots that are defined here or by a record of this transaction
	closed   map[sale.ID]bool  // handed back by this transaction
	feed     map[feedKey]feedRow
	due      map[sale.CustomerNo]sale.ID
	granted  map[sale.ID]sale.Time
	owing    bool                  // head office's own event may leave a debt
	terms    map[sale.ID]leaseTerm // of leases spent from
	expires  map[sale.ID]sale.Time // of lots spent from
}

// leaseTerm is when a lease ended, as far as head office knows.
type leaseTerm struct {
	until   sale.Time
	retired bool
}

type lotMove struct {
	lot               sale.Lot
	known             bool
	remaining, leased sale.Points
	check             bool // something was taken: look whether it was there
	over              bool // a lease was spent beyond what it held
}

type partKey struct{ lease, lot sale.ID }

type partMove struct{ amount, spent sale.Points }

func newPoints() points {
	p := points{released: map[sale.ID]bool{}, holders: map[sale.ID]sale.TillNo{}, owners: map[sale.ID]owner{}, lots: map[sale.ID]*lotMove{}, terms: map[sale.ID]leaseTerm{}, expires: map[sale.ID]sale.Time{}}
	p.forget()
	return p
}

// forget empties the sums, keeping what is known of leases.
func (p *points) forget() {
	clear(p.lots)
	p.accounts, p.parts = map[sale.Account]sale.Points{}, map[partKey]*partMove{}
	p.born, p.closed, p.granted = map[sale.ID]*sale.Lease{}, map[sale.ID]bool{}, map[sale.ID]sale.Time{}
	p.feed, p.due = map[feedKey]feedRow{}, map[sale.CustomerNo]sale.ID{}
}

func (p *points) lot(id sale.ID, account sale.Account) *lotMove {
	m, ok := p.lots[id]
	if !ok {
		m = &lotMove{lot: sale.Lot{ID: id, Account: account}}
		p.lots[id] = m
	}
	return m
}

func (p *points) part(lease, lot sale.ID) *partMove {
	k := partKey{lease, lot}
	m, ok := p.parts[k]
	if !ok {
		m = new(partMove)
		p.parts[k] = m
	}
	return m
}

// examinePoints refuses amounts that could overflow, and leases that a till would grant to itself over
// points that the same record does not give.
func (b *booking) examinePoints(r *sale.Record) error {
	given := map[sale.ID]sale.Points{}
	for _, p := range r.Postings {
		if p.Amount > amountMax || p.Amount < -amountMax {
			return fmt.Errorf("%w: a posting of %s", errClaim, p.Amount)
		}
		if (p.Account.Kind == sale.AccountCustomer) != !p.Lot.IsZero() {
			return fmt.Errorf("%w: a posting to the %s account with lot %s", errClaim, p.Account.Kind, p.Lot)
		}
		if p.Amount > 0 {
			given[p.Lot] += p.Amount
		}
	}
	for _, s := range r.Spends {
		if s.Amount <= 0 || s.Amount > amountMax {
			return fmt.Errorf("%w: a spend of %s", errClaim, s.Amount)
		}
	}
	if r.Release != nil { // or a stolen till could free what another goes on spending
		if holder := b.points.holders[r.Release.Lease]; holder != 0 && holder != b.till {
			return fmt.Errorf("%w: handing back lease %s of till %d", errClaim, r.Release.Lease, holder)
		}
	}
	for _, l := range r.Leases {
		if err := b.examineLease(&l, given); err != nil {
			return err
		}
	}
	if b.till == 0 {
		return nil
	}
	return b.examineTill(r)
}

func (b *booking) examineLease(l *sale.Lease, given map[sale.ID]sale.Points) error {
	if b.till != 0 && l.Holder.Till != b.till {
		return fmt.Errorf("%w: a lease held by till %d", errClaim, l.Holder.Till)
	}
	if len(l.Parts) > postingsMax {
		return fmt.Errorf("%w: a lease of %d parts", errClaim, len(l.Parts))
	}
	for _, part := range l.Parts {
		if part.Amount <= 0 || part.Amount > amountMax {
			return fmt.Errorf("%w: a lease of %s", errClaim, part.Amount)
		}
		if given[part.Lot] -= part.Amount; b.till != 0 && given[part.Lot] < 0 {
			return fmt.Errorf("%w: a lease of more points than it gives", errClaim)
		}
	}
	return nil
}

// prefetchLeases learns who holds the leases that the records name, and which are handed back already.
func (b *booking) prefetchLeases(ctx context.Context, records []wire.Sealed) error {
	named := map[sale.ID]bool{}
	var ids []any
	name := func(id sale.ID) {
		if !named[id] {
			named[id] = true
			ids = append(ids, id[:])
		}
	}
	for _, s := range records {
		for _, spend := range s.Record.Spends {
			name(spend.Lease)
		}
		if s.Record.Release != nil {
			name(s.Record.Release.Lease)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	err := b.tx.in(ctx, `SELECT id, released, till, until, retired FROM leases WHERE org = ? AND id IN %s`, []any{int64(b.org)}, ids, func(r *sql.Rows) error {
		var id []byte
		var released int64
		var holder sale.TillNo
		var until sale.Time
		var retired int64
		if err := r.Scan(&id, &released, &holder, &until, &retired); err != nil {
			return err
		}
		b.points.terms[sale.ID(id)] = leaseTerm{until, retired == 1}
		b.points.released[sale.ID(id)], b.points.holders[sale.ID(id)] = released > 0, holder
		return nil
	})
	if err != nil {
		return fmt.Errorf("look up leases: %w", err)
	}
	return b.prefetchExpiry(ctx, records)
}

func (b *booking) projectPoints(r *sale.Record) {
	p := &b.points
	for i, x := range r.Postings {
		b.tables.postings.add(int64(b.org), int64(x.Account.Kind), int64(x.Account.No), int64(x.Account.Purse), r.ID[:], int64(i), x.Lot[:], int64(x.Amount), int64(r.At), int64(r.Kind), int64(b.till))
		b.post(r, x)
	}
	for _, l := range r.Lots {
		m := p.lot(l.ID, l.Account)
		m.lot, m.known = l, true
		p.owners[l.ID] = owner{l.Account, true}
	}
	for i := range r.Leases {
		b.bear(r, &r.Leases[i])
	}
	for _, s := range r.Spends {
		b.spend(s)
		b.checkLate(r, s)
	}
	if r.Release != nil {
		p.closed[r.Release.Lease] = true
		if p.granted[r.Release.Lease] == 0 {
			p.granted[r.Release.Lease] = r.At
		}
		p.feed[leaseKey(r.Release.Lease)] = feedRow{gone: true, till: b.till}
	}
}

func (b *booking) post(r *sale.Record, x sale.Posting) {
	p := &b.points
	switch x.Account.Kind {
	case sale.AccountCustomer:
		m := p.lot(x.Lot, x.Account)
		m.remaining += x.Amount
		m.check = m.check || x.Amount < 0
		if x.Amount > 0 && len(r.Leases) == 0 {
			p.due[x.Account.No] = r.ID // points that nobody holds
		}
	case sale.AccountDebt:
		if b.till != 0 {
			p.due[x.Account.No] = r.ID // owed, or perhaps paid at two tills
		}
		if b.till != 0 && x.Amount < 0 {
			b.flagDebt(r, x)
		}
	case sale.AccountEmployee, sale.AccountPartner:
		p.accounts[x.Account] += x.Amount // no till asks for these
		return
	default:
		return // counter-accounts keep no balance row: it would be the hottest of all
	}
	p.accounts[x.Account] += x.Amount
	p.feed[customerKey(x.Account.No)] = feedRow{}
}

func (b *booking) flagDebt(r *sale.Record, x sale.Posting) {
	b.flag(flag{
		kind: FlagDebt, till: b.till, record: r.ID, customer: x.Account.No, amount: int64(-x.Amount), policy: page.PolicyNetted,
		actions: []page.Action{page.ActionAccept, page.ActionForgive},
		ru:      fmt.Sprintf("Покупатель %s должен %s баллов: возврат на кассе %d снял больше, чем было", x.Account.No, -x.Amount, b.till),
		en:      fmt.Sprintf("Customer %s owes %s points: a return at till %d took back more than was there", x.Account.No, -x.Amount, b.till),
	})
}

// bear books a lease granted, or born with the points that its record gave.
func (b *booking) bear(r *sale.Record, l *sale.Lease) {
	p := &b.points
	p.born[l.ID], p.released[l.ID], p.granted[l.ID] = l, false, r.At
	for _, part := range l.Parts {
		p.part(l.ID, part.Lot).amount += part.Amount
		m := p.lot(part.Lot, l.Account)
		m.check = m.check || b.till == 0
	}
	p.feed[leaseKey(l.ID)] = scope(l.Holder)
}

// scope is who hears of a lease: the till that holds it, wherever it stands now, or every till of a store.
func scope(h sale.Holder) feedRow {
	if h.Till != 0 {
		return feedRow{till: h.Till}
	}
	return feedRow{store: h.Store}
}

// spend counts against a lease; what it does to the lot is reckoned by [points.hold].
func (b *booking) spend(s sale.Spend) {
	b.points.part(s.Lease, s.Lot).spent += s.Amount
	m, ok := b.points.lots[s.Lot]
	if !ok {
		m = b.points.lot(s.Lot, sale.Account{})
	}
	m.check = true
}

// write adds the sums to the rows, each row once, in the order of their keys: two writers that take
// their rows in one order cannot block each other.
func (p *points) write(ctx context.Context, b *booking) error {
	if err := p.writeLeases(ctx, b); err != nil {
		return err
	}
	if err := p.close(ctx, b); err != nil {
		return err
	}
	if err := p.writeLots(ctx, b); err != nil {
		return err
	}
	if err := p.writeAccounts(ctx, b); err != nil {
		return err
	}
	return p.writeDue(ctx, b)
}

func (p *points) writeLeases(ctx context.Context, b *booking) error {
	leases := insertInto("leases", "org, id, kind, no, purse, store, till, until, granted", "ON CONFLICT DO NOTHING")
	for _, id := range sortedIDs(p.born) {
		l := p.born[id]
		leases.add(int64(b.org), l.ID[:], int64(l.Account.Kind), int64(l.Account.No), int64(l.Account.Purse), int64(l.Holder.Store), int64(l.Holder.Till), int64(l.Until), int64(p.granted[id]))
	}
	parts := insertInto("lease_parts", "org, lease, lot, amount, spent", `ON CONFLICT (org, lease, lot) DO UPDATE
		SET amount = lease_parts.amount + excluded.amount, spent = lease_parts.spent + excluded.spent`)
	keys := make([]partKey, 0, len(p.parts))
	for k := range p.parts {
		keys = append(keys, k)
	}
	sort.Slice(keys, func(i, j int) bool {
		if c := bytes.Compare(keys[i].lease[:], keys[j].lease[:]); c != 0 {
			return c < 0
		}
		return bytes.Compare(keys[i].lot[:], keys[j].lot[:]) < 0
	})
	for _, k := range keys {
		m := p.parts[k]
		parts.add(int64(b.org), k.lease[:], k.lot[:], int64(m.amount), int64(m.spent))
	}
	if err := leases.write(ctx, b.tx); err != nil {
		return err
	}
	if err := parts.write(ctx, b.tx); err != nil {
		return err
	}
	return p.hold(ctx, b, keys)
}

// held is what is left of a lease's part. Tills whose journals forked may both have spent it: then it is nothing,
// and what was spent beyond it was never on lease.
func held(amount, spent sale.Points) sale.Points { return max(0, amount-spent) }

// hold moves what lots have on lease by what the parts, written already, hold more or less than before. A lease that
// is handed back holds nothing: a spend that comes late, out of a restored till's tail, lowers the lot alone. So does
// one from a lease that is not known: it was granted before a restore and is lost.
func (p *points) hold(ctx context.Context, b *booking, keys []partKey) error {
	plain := func(m *partMove) bool { return m.spent == 0 && !b.again } // nobody can have spent from it before it was born
	var spent []any
	var last sale.ID
	for _, k := range keys {
		if m := p.parts[k]; plain(m) {
			p.lots[k.lot].leased += m.amount
		} else if k.lease != last {
			last, spent = k.lease, append(spent, bytes.Clone(k.lease[:]))
		}
	}
	err := b.tx.in(ctx, `SELECT lease, lot, amount, spent FROM lease_parts WHERE org = ? AND lease IN %s`, []any{int64(b.org)}, spent, func(r *sql.Rows) error {
		var lease, lot []byte
		var amount, spent sale.Points
		if err := r.Scan(&lease, &lot, &amount, &spent); err != nil {
			return err
		}
		k := partKey{sale.ID(lease), sale.ID(lot)}
		m := p.parts[k]
		if released, known := p.released[k.lease]; m == nil || plain(m) || released || !known {
			return nil
		}
		l := p.lots[k.lot]
		l.leased += held(amount, spent) - held(amount-m.amount, spent-m.spent)
		l.over = l.over || spent > amount
		return nil
	})
	if err != nil {
		return fmt.Errorf("look what is left of the leases spent from: %w", err)
	}
	return nil
}

// close frees what is left of the leases handed back. It runs after their last spends are counted.
func (p *points) close(ctx context.Context, b *booking) error {
	for _, id := range sortedIDs(p.closed) {
		if err := b.free(ctx, id, p.granted[id]); err != nil {
			return err
		}
		p.released[id] = true
	}
	return nil
}

// free marks a lease handed back and gives its rest back to its lots; a second time it does nothing.
func (b *booking) free(ctx context.Context, lease sale.ID, at sale.Time) error {
	res, err := b.tx.exec(ctx, `UPDATE leases SET released = ? WHERE org = ? AND id = ? AND released = 0`, max(1, int64(at)), int64(b.org), lease[:])
	if err != nil {
		return fmt.Errorf("hand lease %s back: %w", lease, err)
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return err
	}
	var account sale.Account
	if err := b.tx.row(ctx, `SELECT kind, no, purse FROM leases WHERE org = ? AND id = ?`, []any{int64(b.org), lease[:]}, &account.Kind, &account.No, &account.Purse); err != nil {
		return fmt.Errorf("read lease %s: %w", lease, err)
	}
	b.points.due[account.No] = lease
	return b.tx.each(ctx, `SELECT lot, amount - spent FROM lease_parts WHERE org = ? AND lease = ? AND amount > spent`, []any{int64(b.org), lease[:]}, func(r *sql.Rows) error {
		var lot []byte
		var left int64
		if err := r.Scan(&lot, &left); err != nil {
			return err
		}
		b.points.lot(sale.ID(lot), account).leased -= sale.Points(left)
		return nil
	})
}

func (p *points) writeLots(ctx context.Context, b *booking) error {
	lots := insertInto("lots", "org, id, kind, no, purse, activates, expires, source, known, remaining, leased", `ON CONFLICT (org, id) DO UPDATE SET
		remaining = lots.remaining + excluded.remaining, leased = lots.leased + excluded.leased,
		kind = CASE WHEN lots.known = 0 AND excluded.kind <> 0 THEN excluded.kind ELSE lots.kind END,
		no = CASE WHEN lots.known = 0 AND excluded.kind <> 0 THEN excluded.no ELSE lots.no END,
		purse = CASE WHEN lots.known = 0 AND excluded.kind <> 0 THEN excluded.purse ELSE lots.purse END,
		activates = CASE WHEN lots.known = 0 THEN excluded.activates ELSE lots.activates END,
		expires = CASE WHEN lots.known = 0 THEN excluded.expires ELSE lots.expires END,
		source = CASE WHEN lots.known = 0 THEN excluded.source ELSE lots.source END,
		known = CASE WHEN excluded.known = 1 THEN 1 ELSE lots.known END`)
	var checks []any
	for _, id := range sortedIDs(p.lots) {
		m := p.lots[id]
		known := int64(0)
		if m.known {
			known = 1
		}
		lots.add(int64(b.org), id[:], int64(m.lot.Account.Kind), int64(m.lot.Account.No), int64(m.lot.Account.Purse), int64(m.lot.ActivatesAt), int64(m.lot.ExpiresAt), m.lot.Source[:], known,
			int64(m.remaining), int64(m.leased))
		if m.check {
			checks = append(checks, bytes.Clone(id[:]))
		}
	}
	if err := lots.write(ctx, b.tx); err != nil {
		return err
	}
	return b.checkLots(ctx, checks)
}

// checkLots looks whether all that was taken was there. A till's record is a fact and only flagged; head
// office's own event is drawn back.
func (b *booking) checkLots(ctx context.Context, ids []any) error {
	return b.tx.in(ctx, `SELECT id, no, remaining, leased FROM lots WHERE org = ? AND id IN %s`,
		[]any{int64(b.org)}, ids, func(r *sql.Rows) error {
			var id []byte
			var no sale.CustomerNo
			var remaining, leased sale.Points
			if err := r.Scan(&id, &no, &remaining, &leased); err != nil {
				return err
			}
			if there := remaining >= 0 && leased >= 0 && leased <= remaining; there && !b.points.lots[sale.ID(id)].over {
				return nil
			}
			if b.till == 0 {
				return fmt.Errorf("%w: lot %s would have %s left and %s on lease", ErrStale, sale.ID(id), remaining, leased)
			}
			b.flag(flag{
				kind: FlagOverspent, till: b.till, record: sale.ID(id),
				ru: fmt.Sprintf("Касса %d списала больше, чем было: у покупателя %s в лоте осталось %s, на кассах %s", b.till, no, remaining, leased),
				en: fmt.Sprintf("Till %d took more than there was: customer %s has %s left in a lot, %s of it on tills", b.till, no, remaining, leased),
			})
			return nil
		})
}

func (p *points) writeAccounts(ctx context.Context, b *booking) error {
	rows := insertInto("accounts", "org, kind, no, purse, balance", "ON CONFLICT (org, kind, no, purse) DO UPDATE SET balance = accounts.balance + excluded.balance")
	accounts := make([]sale.Account, 0, len(p.accounts))
	for a := range p.accounts {
		accounts = append(accounts, a)
	}
	sort.Slice(accounts, func(i, j int) bool {
		if accounts[i].Kind != accounts[j].Kind {
			return accounts[i].Kind < accounts[j].Kind
		}
		if accounts[i].No != accounts[j].No {
			return accounts[i].No < accounts[j].No
		}
		return accounts[i].Purse < accounts[j].Purse
	})
	for _, a := range accounts {
		rows.add(int64(b.org), int64(a.Kind), int64(a.No), int64(a.Purse), int64(p.accounts[a]))
	}
	if err := rows.write(ctx, b.tx); err != nil || b.till != 0 {
		return err
	}
	return p.checkDebts(ctx, b, accounts)
}

// checkDebts draws head office's own event back when it would pay more than is owed, or give back more than
// was paid too much: another has decided the same meanwhile.
func (p *points) checkDebts(ctx context.Context, b *booking, accounts []sale.Account) error {
	for _, a := range accounts {
		if a.Kind != sale.AccountDebt {
			continue
		}
		balance, err := b.tx.int(ctx, `SELECT balance FROM accounts WHERE org = ? AND kind = ? AND no = ? AND purse = ?`, int64(b.org), int64(a.Kind), int64(a.No), int64(a.Purse))
		if err != nil {
			return fmt.Errorf("read the debt of customer %s: %w", a.No, err)
		}
		if moved := p.accounts[a]; (moved > 0 && balance > 0) || (moved < 0 && balance < 0 && !p.owing) {
			return fmt.Errorf("%w: the debt of customer %s would be %s", ErrStale, a.No, sale.Points(-balance))
		}
	}
	return nil
}

func (p *points) writeDue(ctx context.Context, b *booking) error {
	rows := insertInto("due", "org, customer, at, cause", "ON CONFLICT (org, customer) DO UPDATE SET at = excluded.at, cause = excluded.cause")
	numbers := make([]sale.CustomerNo, 0, len(p.due))
	for no := range p.due {
		numbers = append(numbers, no)
	}
	sort.Slice(numbers, func(i, j int) bool { return numbers[i] < numbers[j] })
	for _, no := range numbers {
		cause := p.due[no]
		rows.add(int64(b.org), int64(no), int64(b.now), bytes.Clone(cause[:]))
	}
	return rows.write(ctx, b.tx)
}

func sortedIDs[T any](m map[sale.ID]T) []sale.ID {
	out := make([]sale.ID, 0, len(m))
	for id := range m {
		out = append(out, id)
	}
	sort.Slice(out, func(i, j int) bool { return bytes.Compare(out[i][:], out[j][:]) < 0 })
	return out
}
