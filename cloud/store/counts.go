package store

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"sort"
	"time"

	"github.com/kopilka/kopilka/ledger/sale"
	"github.com/kopilka/kopilka/sync/wire"
)

// standingEvery bounds how often tills are told of their cashiers' day: it is for the eye, and every telling
// goes to each till of the store.
const standingEvery = time.Minute

// counts are additions beside points: how often customers bought and had promotions, how cashiers did.
type counts struct {
	bought    map[sale.CustomerNo]boughtSum
	uses      map[promoKey]int64
	standings map[standingKeyOf]standingSum
	codes     map[sale.LookupKey]bool // used by a receipt of this transaction
	traded    map[sale.ID]bool        // sales made or given back
	returned  bool
}

type boughtSum struct{ receipts, spend int64 }

type promoKey struct {
	customer  sale.CustomerNo
	promotion uint32
}

type standingKeyOf struct {
	store sale.StoreNo
	day   sale.Date
	staff sale.StaffNo
}

type standingSum struct{ receipts, withCustomer, enrolled int64 }

func newCounts() counts {
	return counts{
		bought: map[sale.CustomerNo]boughtSum{}, uses: map[promoKey]int64{}, standings: map[standingKeyOf]standingSum{},
		codes: map[sale.LookupKey]bool{}, traded: map[sale.ID]bool{},
	}
}

// sale counts a receipt; with −1 it takes the count back.
func (c *counts) sale(b *booking, r *sale.Record, sign int64) {
	s := r.Sale
	c.traded[r.ID] = true
	if s.Training {
		return
	}
	customer := inAnalysis(s.Customer)
	k := b.standingOf(r)
	sum := c.standings[k]
	sum.receipts += sign
	if customer != 0 {
		sum.withCustomer += sign
		had := c.bought[customer]
		had.receipts, had.spend = had.receipts+sign, had.spend+sign*int64(s.Total)
		c.bought[customer] = had
		for _, a := range s.Applied {
			c.uses[promoKey{customer, a.Promotion}] += sign * int64(a.Times)
		}
		b.points.feed[customerKey(customer)] = feedRow{}
	}
	c.standings[k] = sum
}

// giveBack takes a return's money off what a customer has bought for; a receipt it stays.
func (c *counts) giveBack(r *sale.Record, sign int64) {
	t := r.Return
	if !t.Of.IsZero() {
		c.traded[t.Of] = true
	}
	c.returned = true
	if t.Training {
		return
	}
	if customer := inAnalysis(t.Customer); customer != 0 {
		had := c.bought[customer]
		had.spend -= sign * int64(t.Total)
		c.bought[customer] = had
	}
}

func (c *counts) enrolment(b *booking, r *sale.Record) {
	k := b.standingOf(r)
	sum := c.standings[k]
	sum.enrolled++
	c.standings[k] = sum
}

// standingOf is the cashier's day that a record belongs to, by the clock of its store.
func (b *booking) standingOf(r *sale.Record) standingKeyOf {
	zone := b.zones[r.Store]
	if zone == nil {
		zone = time.UTC
	}
	return standingKeyOf{r.Store, sale.DateOf(r.At, zone), r.Staff}
}

// prefetchZones reads the clocks of the stores that the records name.
func (b *booking) prefetchZones(ctx context.Context, records []wire.Sealed) error {
	var stores []any
	for _, s := range records {
		if _, asked := b.zones[s.Record.Store]; !asked {
			b.zones[s.Record.Store], stores = nil, append(stores, int64(s.Record.Store))
		}
	}
	err := b.tx.in(ctx, `SELECT store, zone FROM stores WHERE org = ? AND store IN %s`, []any{int64(b.org)}, stores, func(r *sql.Rows) error {
		var store sale.StoreNo
		var name string
		if err := r.Scan(&store, &name); err != nil {
			return err
		}
		zone, err := b.tx.s.zone(name)
		b.zones[store] = zone
		return err
	})
	if err != nil {
		return fmt.Errorf("read the stores' time zones: %w", err)
	}
	return nil
}

// zone loads a time zone once.
func (s *Store) zone(name string) (*time.Location, error) {
	if z, ok := s.clocks.Load(name); ok {
		return z.(*time.Location), nil
	}
	z, err := time.LoadLocation(name)
	if err == nil {
		s.clocks.Store(name, z)
	}
	return z, err
}

// writeCounts adds the sums to their tables, rows in the order of their keys.
func (b *booking) writeCounts(ctx context.Context) error {
	c := &b.counts
	bought := insertInto("bought", "org, customer, receipts, spend", `ON CONFLICT (org, customer) DO UPDATE
		SET receipts = bought.receipts + excluded.receipts, spend = bought.spend + excluded.spend`)
	for _, no := range sortedNumbers(c.bought) {
		bought.add(int64(b.org), int64(no), c.bought[no].receipts, c.bought[no].spend)
	}
	uses := insertInto("promo_uses", "org, customer, promotion, times", "ON CONFLICT (org, customer, promotion) DO UPDATE SET times = promo_uses.times + excluded.times")
	keys := make([]promoKey, 0, len(c.uses))
	for k := range c.uses {
		keys = append(keys, k)
	}
	sort.Slice(keys, func(i, j int) bool {
		if keys[i].customer != keys[j].customer {
			return keys[i].customer < keys[j].customer
		}
		return keys[i].promotion < keys[j].promotion
	})
	for _, k := range keys {
		uses.add(int64(b.org), int64(k.customer), int64(k.promotion), c.uses[k])
	}
	return errors.Join(bought.write(ctx, b.tx), uses.write(ctx, b.tx), b.writeStandings(ctx))
}

func sortedNumbers[T any](m map[sale.CustomerNo]T) []sale.CustomerNo {
	out := make([]sale.CustomerNo, 0, len(m))
	for no := range m {
		out = append(out, no)
	}
	sort.Slice(out, func(i, j int) bool { return out[i] < out[j] })
	return out
}

func (b *booking) writeStandings(ctx context.Context) error {
	rows := insertInto("standings", "org, store, day, staff, receipts, with_customer, enrolled", `ON CONFLICT (org, store, day, staff) DO UPDATE SET
		receipts = standings.receipts + excluded.receipts, with_customer = standings.with_customer + excluded.with_customer,
		enrolled = standings.enrolled + excluded.enrolled`)
	var keys []standingKeyOf
	stores := map[sale.StoreNo]bool{}
	for k := range b.counts.standings {
		keys, stores[k.store] = append(keys, k), true
	}
	sort.Slice(keys, func(i, j int) bool {
		a, z := keys[i], keys[j]
		switch {
		case a.store != z.store:
			return a.store < z.store
		case a.day != z.day:
			return a.day < z.day
		}
		return a.staff < z.staff
	})
	for _, k := range keys {
		sum := b.counts.standings[k]
		rows.add(int64(b.org), int64(k.store), int64(k.day), int64(k.staff), sum.receipts, sum.withCustomer, sum.enrolled)
	}
	if err := rows.write(ctx, b.tx); err != nil {
		return err
	}
	for _, store := range sortedStores(stores) {
		if err := b.tell(ctx, store); err != nil {
			return err
		}
	}
	return nil
}

func sortedStores(m map[sale.StoreNo]bool) []sale.StoreNo {
	out := make([]sale.StoreNo, 0, len(m))
	for no := range m {
		out = append(out, no)
	}
	sort.Slice(out, func(i, j int) bool { return out[i] < out[j] })
	return out
}

// tell puts a store's standing before its tills, or notes that this is due.
func (b *booking) tell(ctx context.Context, store sale.StoreNo) error {
	var at sale.Time
	var stale int64
	err := b.tx.row(ctx, `SELECT at, stale FROM standings_told WHERE org = ? AND store = ?`, []any{int64(b.org), int64(store)}, &at, &stale)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return fmt.Errorf("look when store %d heard of its standing: %w", store, err)
	}
	soon := b.now.Sub(at) < standingEvery
	if soon && stale == 1 {
		return nil
	}
	if soon {
		stale = 1
	} else {
		at, stale = b.now, 0
		b.points.feed[standingKey(store)] = feedRow{store: store}
	}
	return b.tx.told(ctx, b.org, store, at, stale)
}

func (t *tx) told(ctx context.Context, org sale.OrgNo, store sale.StoreNo, at sale.Time, stale int64) error {
	_, err := t.exec(ctx, `INSERT INTO standings_told (org, store, at, stale) VALUES (?, ?, ?, ?)
		ON CONFLICT (org, store) DO UPDATE SET at = excluded.at, stale = excluded.stale`, int64(org), int64(store), int64(at), stale)
	if err != nil {
		return fmt.Errorf("note when store %d heard of its standing: %w", store, err)
	}
	return nil
}

// SweepStandings tells the stores whose cashiers' figures changed less than a minute after they were last
// told. Call it once a minute.
func (s *Store) SweepStandings(ctx context.Context, org sale.OrgNo) error {
	due := sale.At(s.now()).Add(-standingEvery)
	n := int64(0)
	err := s.view(ctx, func(tx *tx) (err error) {
		n, err = tx.int(ctx, `SELECT count(*) FROM standings_told WHERE org = ? AND stale = 1 AND at <= ?`, int64(org), int64(due))
		return err
	})
	if err == nil && n > 0 {
		err = s.change(ctx, func(tx *tx) error { return tx.sweepStandings(ctx, org, due) })
	}
	if err != nil {
		return fmt.Errorf("tell stores how their cashiers stand: %w", err)
	}
	return s.tune(ctx)
}

func (t *tx) sweepStandings(ctx context.Context, org sale.OrgNo, due sale.Time) error {
	changed := map[feedKey]feedRow{}
	err := t.each(ctx, `UPDATE standings_told SET at = ?, stale = 0 WHERE org = ? AND stale = 1 AND at <= ? RETURNING store`,
		[]any{t.s.now().UnixMilli(), int64(org), int64(due)}, func(r *sql.Rows) error {
			var store sale.StoreNo
			err := r.Scan(&store)
			changed[standingKey(store)] = feedRow{store: store}
			return err
		})
	if err != nil {
		return err
	}
	return t.bump(ctx, org, changed)
}

func standingKey(store sale.StoreNo) feedKey {
	return feedKey{sale.ChangeStanding, string(binary.BigEndian.AppendUint32(nil, uint32(store)))}
}

// standingRowsMax bounds the cashiers of one store's day.
const standingRowsMax = 200

// standings reads how the cashiers of stores do today, by each store's clock.
func (t *tx) standings(ctx context.Context, org sale.OrgNo, stores []any) (map[sale.StoreNo]*sale.Standing, error) {
	out := map[sale.StoreNo]*sale.Standing{}
	err := t.in(ctx, `SELECT store, zone FROM stores WHERE org = ? AND store IN %s`, []any{int64(org)}, stores, func(r *sql.Rows) error {
		var store sale.StoreNo
		var name string
		if err := r.Scan(&store, &name); err != nil {
			return err
		}
		zone, err := t.s.zone(name)
		if err == nil {
			out[store] = &sale.Standing{Store: store, Day: sale.DateOf(sale.At(t.s.now()), zone)}
		}
		return err
	})
	for _, st := range out {
		if err != nil {
			break
		}
		err = t.each(ctx, `SELECT staff, receipts, with_customer, enrolled FROM standings WHERE org = ? AND store = ? AND day = ? ORDER BY staff LIMIT ?`,
			[]any{int64(org), int64(st.Store), int64(st.Day), standingRowsMax}, func(r *sql.Rows) error {
				var x sale.StandingRow
				var n [3]int64
				err := r.Scan(&x.Staff, &n[0], &n[1], &n[2])
				x.Receipts, x.WithCustomer, x.Enrolled = uint32(max(0, n[0])), uint32(max(0, n[1])), uint32(max(0, n[2]))
				st.Rows = append(st.Rows, x)
				return err
			})
	}
	if err != nil {
		return nil, fmt.Errorf("read how cashiers stand: %w", err)
	}
	return out, nil
}

// projectPromos files what promotions gave and which single codes were taken.
func (b *booking) projectPromos(r *sale.Record) {
	s := r.Sale
	for i, a := range s.Applied {
		b.tables.promos.add(int64(b.org), r.ID[:], int64(i), int64(a.Promotion), int64(a.Times), int64(a.Discount), int64(a.Points), int64(r.At))
	}
	if s.Training { // a test customer uses up nobody's code
		return
	}
	for _, c := range s.Codes {
		b.tables.uses.add(int64(b.org), bytes.Clone(c.Key[:]), r.ID[:], int64(c.Campaign), int64(r.At), int64(s.Customer), int64(b.till))
		b.counts.codes[c.Key] = true
	}
}
