package store

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"sort"

	"github.com/kopilka/kopilka/ledger/sale"
)

// feedKey names one piece of state; the key is unique within its kind.
type feedKey struct {
	kind sale.ChangeKind
	key  string
}

// feedRow says whom it concerns: a till, a store, or with zeros everybody.
type feedRow struct {
	gone  bool
	till  sale.TillNo
	store sale.StoreNo
}

func customerKey(no sale.CustomerNo) feedKey {
	return feedKey{sale.ChangeCustomer, string(binary.BigEndian.AppendUint64(nil, uint64(no)))}
}

func leaseKey(id sale.ID) feedKey { return feedKey{sale.ChangeLease, string(id[:])} }

func productKey(sku sale.SKU) feedKey { return feedKey{sale.ChangeProduct, string(sku)} }

func staffKey(no sale.StaffNo) feedKey {
	return feedKey{sale.ChangeStaff, string(binary.BigEndian.AppendUint32(nil, uint32(no)))}
}

func programmeKey(version uint32) feedKey {
	return feedKey{sale.ChangeProgramme, string(binary.BigEndian.AppendUint32(nil, version))}
}

func settingsKey(store sale.StoreNo) feedKey {
	return feedKey{sale.ChangeSettings, string(binary.BigEndian.AppendUint32(nil, uint32(store)))}
}

// bump gives each changed piece of state its own next version. The organisation's row stays locked to
// the commit, so versions become visible in their order and no reader can step over one.
func (t *tx) bump(ctx context.Context, org sale.OrgNo, changed map[feedKey]feedRow) error {
	if len(changed) == 0 {
		return nil
	}
	var last int64
	if err := t.row(ctx, `UPDATE orgs SET feed = feed + ? WHERE org = ? RETURNING feed`, []any{int64(len(changed)), int64(org)}, &last); err != nil {
		return fmt.Errorf("draw versions of the feed: %w", err)
	}
	changed, err := t.toMain(ctx, org, changed)
	if err != nil {
		return err
	}
	keys := make([]feedKey, 0, len(changed))
	for k := range changed {
		keys = append(keys, k)
	}
	sort.Slice(keys, func(i, j int) bool {
		if keys[i].kind != keys[j].kind {
			return keys[i].kind < keys[j].kind
		}
		return keys[i].key < keys[j].key
	})
	rows := insertInto("feed", "org, kind, key, version, gone, till, store", `ON CONFLICT (org, kind, key) DO UPDATE
		SET version = excluded.version, gone = excluded.gone, till = excluded.till, store = excluded.store`)
	version := last - int64(len(keys))
	for _, k := range keys {
		version++
		row, gone := changed[k], int64(0)
		if row.gone {
			gone = 1
		}
		rows.add(int64(org), int64(k.kind), []byte(k.key), version, gone, int64(row.till), int64(row.store))
	}
	t.moved[org] = true
	return rows.write(ctx, t)
}

// Version is the feed's newest version.
func (s *Store) Version(ctx context.Context, org sale.OrgNo) (version uint64, err error) {
	err = s.view(ctx, func(tx *tx) error {
		v, err := tx.int(ctx, `SELECT feed FROM orgs WHERE org = ?`, int64(org))
		version = uint64(v)
		return err
	})
	return version, err
}

// feedEntry is a row of the feed with what it takes to build the change.
type feedEntry struct {
	kind    sale.ChangeKind
	key     []byte
	version uint64
	gone    bool
}

// Changes lists what is new for a till after a version, oldest first: at most limit changes of at most
// bytesMax together (one at least). Customers that have not changed since the snapshot are left out. to
// is the version that the till has when it has applied them; last tells that nothing newer waits.
func (s *Store) Changes(ctx context.Context, org sale.OrgNo, till sale.TillNo, after, snapshot uint64, limit, bytesMax int) (changes []sale.Change, to uint64, last bool, err error) {
	err = s.view(ctx, func(tx *tx) error {
		changes, to, last, err = tx.changes(ctx, org, till, after, snapshot, limit, bytesMax)
		return err
	})
	if err != nil {
		return nil, 0, false, fmt.Errorf("read the changes for till %d after %d: %w", till, after, err)
	}
	return changes, to, last, nil
}

func (t *tx) changes(ctx context.Context, org sale.OrgNo, till sale.TillNo, after, snapshot uint64, limit, bytesMax int) ([]sale.Change, uint64, bool, error) {
	feed, err := t.int(ctx, `SELECT feed FROM orgs WHERE org = ?`, int64(org))
	if err != nil {
		return nil, 0, false, err
	}
	entries, err := t.entries(ctx, org, till, after, snapshot, limit+1)
	if err != nil {
		return nil, 0, false, err
	}
	to, last := uint64(feed), true
	if len(entries) > limit {
		entries, last = entries[:limit], false
		to = entries[limit-1].version
	}
	b, err := t.newBodies(ctx, org, till, entries)
	if err != nil {
		return nil, 0, false, err
	}
	out, total := make([]sale.Change, 0, len(entries)), 0
	for i, e := range entries {
		body, err := b.body(e)
		if err != nil {
			return nil, 0, false, err
		}
		if total += len(body); total > bytesMax && i > 0 {
			return out, entries[i-1].version, false, nil
		}
		out = append(out, sale.Change{Kind: e.kind, Key: e.key, Version: e.version, Gone: e.gone || body == nil, Body: body})
	}
	return out, max(to, after), last, nil
}

// entries are rows of the feed in the order of their versions. What is gone comes to a till that asks for everything
// as well: it may have a snapshot in which it is still there, or have asked anew with an old state in its file.
func (t *tx) entries(ctx context.Context, org sale.OrgNo, till sale.TillNo, after, snapshot uint64, limit int) (out []feedEntry, err error) {
	store, err := t.int(ctx, `SELECT store FROM tills WHERE org = ? AND till = ?`, int64(org), int64(till))
	if err != nil {
		return nil, err
	}
	err = t.each(ctx, `SELECT kind, key, version, gone FROM feed WHERE org = ? AND version > ? AND (till = 0 OR till = ?) AND (store = 0 OR store = ?)
		AND (kind <> ? OR version > ?) ORDER BY version LIMIT ?`,
		[]any{int64(org), int64(after), int64(till), store, int64(sale.ChangeCustomer), int64(snapshot), int64(limit)},
		func(r *sql.Rows) error {
			var e feedEntry
			var gone int64
			err := r.Scan(&e.kind, &e.key, &e.version, &gone)
			e.gone = gone == 1
			e.key = bytes.Clone(e.key)
			out = append(out, e)
			return err
		})
	return out, err
}

// bodies holds all that a page of changes needs, read with a few statements.
type bodies struct {
	seen      sale.Seen
	customers map[sale.CustomerNo]*sale.CustomerChange
	leases    map[sale.ID]*sale.LeaseChange
	products  map[sale.SKU]*sale.Product
	staff     map[sale.StaffNo]*sale.Staff
	signed    map[uint32][]byte
	settings  *sale.Settings
	codes     map[string]*sale.CodeShard
	standings map[sale.StoreNo]*sale.Standing
}

func (t *tx) newBodies(ctx context.Context, org sale.OrgNo, till sale.TillNo, entries []feedEntry) (*bodies, error) {
	seen, err := t.seen(ctx, org, till)
	if err != nil {
		return nil, err
	}
	keys := map[sale.ChangeKind][]any{}
	for _, e := range entries {
		if e.gone {
			continue
		}
		key, err := keyArg(e)
		if err != nil {
			return nil, err
		}
		keys[e.kind] = append(keys[e.kind], key)
	}
	b := &bodies{seen: seen}
	var errs [7]error
	b.customers, errs[0] = t.customerChanges(ctx, org, keys[sale.ChangeCustomer], seen)
	b.leases, errs[1] = t.leaseChanges(ctx, org, keys[sale.ChangeLease], seen)
	b.products, errs[2] = t.products(ctx, org, keys[sale.ChangeProduct])
	b.staff, errs[3] = t.staff(ctx, org, keys[sale.ChangeStaff])
	b.signed, errs[4] = t.signedProgrammes(ctx, org, keys[sale.ChangeProgramme])
	b.codes, errs[5] = t.codeShards(ctx, org, keys[sale.ChangeCodes])
	b.standings, errs[6] = t.standings(ctx, org, keys[sale.ChangeStanding])
	if err := errors.Join(errs[:]...); err != nil {
		return nil, err
	}
	if len(keys[sale.ChangeSettings]) > 0 {
		b.settings, err = t.settings(ctx, org, till)
	}
	return b, err
}

func keyArg(e feedEntry) (any, error) {
	switch {
	case e.kind == sale.ChangeCustomer && len(e.key) == 8:
		return int64(binary.BigEndian.Uint64(e.key)), nil
	case (e.kind == sale.ChangeStaff || e.kind == sale.ChangeProgramme || e.kind == sale.ChangeSettings || e.kind == sale.ChangeStanding) && len(e.key) == 4:
		return int64(binary.BigEndian.Uint32(e.key)), nil
	case e.kind == sale.ChangeProduct:
		return string(e.key), nil
	case e.kind == sale.ChangeLease && len(e.key) == len(sale.ID{}), e.kind == sale.ChangeCodes && len(e.key) == 5:
		return e.key, nil
	}
	return nil, fmt.Errorf("the feed's row of kind %d has key %x", e.kind, e.key)
}

// body encodes the state; nil means that there is none any more.
func (b *bodies) body(e feedEntry) ([]byte, error) {
	if e.gone {
		return nil, nil
	}
	switch e.kind {
	case sale.ChangeCustomer:
		c := b.customers[sale.CustomerNo(binary.BigEndian.Uint64(e.key))]
		if c != nil && (c.Customer.State == sale.CustomerErased || c.Customer.State == sale.CustomerHouse) {
			return nil, nil
		}
		return encodeFound(c)
	case sale.ChangeLease:
		return encodeFound(b.leases[sale.ID(e.key)])
	case sale.ChangeProduct:
		return encodeFound(b.products[sale.SKU(e.key)])
	case sale.ChangeStaff:
		return encodeFound(b.staff[sale.StaffNo(binary.BigEndian.Uint32(e.key))])
	case sale.ChangeProgramme:
		return b.signed[binary.BigEndian.Uint32(e.key)], nil
	case sale.ChangeCodes:
		return encodeFound(b.codes[string(e.key)])
	case sale.ChangeStanding:
		return encodeFound(b.standings[sale.StoreNo(binary.BigEndian.Uint32(e.key))])
	}
	return encodeFound(b.settings)
}

func encodeFound[T any](v *T) ([]byte, error) {
	if v == nil {
		return nil, nil
	}
	return sale.Encode(v)
}

// seen is what of the till's journal is in the balances that this transaction reads.
func (t *tx) seen(ctx context.Context, org sale.OrgNo, till sale.TillNo) (sale.Seen, error) {
	p, err := t.position(ctx, org, till)
	return sale.Seen{Epoch: p.Epoch, Seq: p.Seq, At: sale.At(t.s.now())}, err
}

// customerChanges reads customers with balances, debts and keys.
func (t *tx) customerChanges(ctx context.Context, org sale.OrgNo, numbers []any, seen sale.Seen) (map[sale.CustomerNo]*sale.CustomerChange, error) {
	out := map[sale.CustomerNo]*sale.CustomerChange{}
	for len(numbers) > 0 {
		n := min(askMax, len(numbers))
		if err := t.readCustomers(ctx, org, "IN ("+marks(n)+")", numbers[:n], seen, out); err != nil {
			return nil, err
		}
		numbers = numbers[n:]
	}
	return out, nil
}

// leaseChanges reads leases that are not handed back, with their lots and what is spent of them.
func (t *tx) leaseChanges(ctx context.Context, org sale.OrgNo, ids []any, seen sale.Seen) (map[sale.ID]*sale.LeaseChange, error) {
	out := map[sale.ID]*sale.LeaseChange{}
	err := t.in(ctx, `SELECT id, kind, no, purse, store, till, until, recalled FROM leases WHERE org = ? AND released = 0 AND id IN %s`, []any{int64(org)}, ids,
		func(r *sql.Rows) error {
			c := &sale.LeaseChange{Seen: seen}
			var id []byte
			var recalled int64
			l := &c.Lease
			err := r.Scan(&id, &l.Account.Kind, &l.Account.No, &l.Account.Purse, &l.Holder.Store, &l.Holder.Till, &l.Until, &recalled)
			if err == nil {
				l.ID, c.Recall = sale.ID(id), recalled > 0
				out[l.ID] = c
			}
			return err
		})
	if err != nil {
		return nil, fmt.Errorf("read leases: %w", err)
	}
	err = t.in(ctx, `SELECT p.lease, p.lot, p.amount, p.spent, l.activates, l.expires, l.source FROM lease_parts p JOIN lots l ON l.org = p.org AND l.id = p.lot
		WHERE p.org = ? AND p.lease IN %s ORDER BY p.lease, p.lot`, []any{int64(org)}, ids, func(r *sql.Rows) error { return scanPart(r, out) })
	if err != nil {
		return nil, fmt.Errorf("read the parts of leases: %w", err)
	}
	return out, nil
}

func scanPart(r *sql.Rows, into map[sale.ID]*sale.LeaseChange) error {
	var lease, lot, source []byte
	var amount, spent sale.Points
	var x sale.Lot
	if err := r.Scan(&lease, &lot, &amount, &spent, &x.ActivatesAt, &x.ExpiresAt, &source); err != nil {
		return err
	}
	c := into[sale.ID(lease)]
	if c == nil {
		return nil
	}
	x.ID, x.Account, x.Source = sale.ID(lot), c.Lease.Account, sale.ID(source)
	c.Lots = append(c.Lots, x)
	if amount > 0 {
		c.Lease.Parts = append(c.Lease.Parts, sale.LotAmount{Lot: x.ID, Amount: amount})
	}
	if spent > 0 {
		c.Spent = append(c.Spent, sale.LotAmount{Lot: x.ID, Amount: spent})
	}
	return nil
}

// When a till fetches the snapshot rather than change by change: below RefillMin a hundred frames carry
// all customers, and up to RefillBehindMax reading changes is less than reading everybody.
const (
	RefillMin       = 20_000
	RefillBehindMax = 4 * SnapshotMovedMax
)

// NeedsRefill tells whether a till that has the state of these versions should fetch the snapshot. It is asked at
// every hello, so it counts no further than it has to.
func (s *Store) NeedsRefill(ctx context.Context, org sale.OrgNo, down, snapshot uint64) (needs bool, err error) {
	err = s.view(ctx, func(tx *tx) error {
		n, err := tx.int(ctx, `SELECT count(*) FROM (SELECT 1 FROM customers WHERE org = ? LIMIT ?) c`, int64(org), RefillMin)
		if err != nil || n < RefillMin {
			return err
		}
		feed, err := tx.int(ctx, `SELECT feed FROM orgs WHERE org = ?`, int64(org))
		has := max(down, snapshot)
		needs = has == 0 || uint64(feed) > has+RefillBehindMax
		return err
	})
	return needs, err
}
