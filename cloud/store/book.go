package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/kopilka/kopilka/cloud/programme/deed"
	"github.com/kopilka/kopilka/cloud/web/page"
	"github.com/kopilka/kopilka/ledger/sale"
	"github.com/kopilka/kopilka/sync/wire"
)

// Limits of what a single record may claim; beyond them it is parked.
const (
	amountMax   sale.Points = 1 << 40 // hundredths: eleven billion points; sums of AppendMax records stay far from overflow
	postingsMax             = 512     // a redemption over that many lots has never been seen
	// clockAhead is how far a till's trusted time may be ahead of ours before somebody should look.
	clockAhead = 10 * time.Minute
)

// booking gathers what the records of one transaction do, so that each table is written once and every
// balance row is touched once.
type booking struct {
	tx         *tx
	org        sale.OrgNo
	till       sale.TillNo
	fork       uint32
	quarantine bool
	dealtWith  int64 // flags of this till's quarantine that are closed
	again      bool  // the record rows are stored already: released from quarantine
	now        sale.Time

	tables tables
	points points
	due    map[sale.ID]deed.Due // whose rewards are to be reckoned, by subject
	counts counts
	people people                   // who was enrolled, opened beforehand
	erased map[sale.CustomerNo]bool // whose personal data is gone for good
	taken  map[sale.CustomerNo]bool // customers' numbers that the records would enrol and that are given already
	zones  map[sale.StoreNo]*time.Location
	events []*sale.Record              // head office's own, whose effects are more than postings
	docs   map[sale.FiscalKey]docOwner // documents seen in this transaction or stored before it
	ids    map[sale.ID]bool            // records booked before, of those in this transaction
	same   map[sale.Hash]bool          // records of a tail that stand in the journal proper as well
}

// tables are the rows to write.
type tables struct {
	records, sealed, parked, flags                   *bulk
	sales, saleLines, returns, returnLines, tenders  *bulk
	corrections                                      *bulk
	docs, shiftOpen, shiftClose, cashMoves, postings *bulk
	customers, cards, keys, consents                 *bulk
	promos, uses, pending                            *bulk
}

// docOwner is the record by which a fiscal document is booked.
type docOwner struct {
	id     sale.ID
	till   sale.TillNo
	found  bool // it was read back from the fiscal storage: the sale's own record is worth more
	stored bool // in the database, not only gathered
}

func newBooking(t *tx, org sale.OrgNo, till sale.TillNo, fork uint32) *booking {
	return &booking{
		tx: t, org: org, till: till, fork: fork, now: sale.At(t.s.now()), tables: newTables(), points: newPoints(), due: map[sale.ID]deed.Due{},
		counts: newCounts(), erased: map[sale.CustomerNo]bool{}, taken: map[sale.CustomerNo]bool{}, zones: map[sale.StoreNo]*time.Location{}, docs: map[sale.FiscalKey]docOwner{}, ids: map[sale.ID]bool{}, same: map[sale.Hash]bool{},
	}
}

func newTables() tables {
	const skip = "ON CONFLICT DO NOTHING"
	return tables{
		records:     insertInto("records", "org, till, fork, epoch, seq, id, kind, state, store, at, quality, shift, staff, hash, body", ""),
		sealed:      insertInto("sealed", "org, record, body", skip),
		parked:      insertInto("parked", "org, till, fork, epoch, seq, record, at, problem", skip),
		flags:       flagRows(),
		sales:       insertInto("sales", "org, id, no, store, till, epoch, seq, at, shift, staff, customer, tier, programme, gross, discount, redeemed, total, earned, cash, lines, fn, fd, recovered, advance, reward, found_by, training", ""),
		saleLines:   insertInto("sale_lines", "org, sale, line, sku, name, qty, price, gross, discount, redeemed, net, earned, vat", ""),
		returns:     insertInto("returns", "org, id, no, of_sale, of_no, store, till, epoch, seq, at, shift, staff, customer, total, restored, clawed, cash, reason, fn, fd, advance", ""),
		corrections: insertInto("corrections", "org, id, no, store, till, epoch, seq, at, shift, staff, of_doc, day, prescribed, number, total, cash, fn, fd", ""),
		returnLines: insertInto("return_lines", "org, ret, n, line, sku, name, qty, net, restored, clawed, vat", ""),
		tenders:     insertInto("tenders", "org, record, n, kind, amount", ""),
		docs:        insertInto("fiscal_docs", "org, fn, fd, record, till, kind, doc, sum, sign, shift, stamp, register, settled, recovered", skip),
		shiftOpen: insertInto("shifts", "org, till, fn, shift, store, staff, opened",
			"ON CONFLICT (org, till, fn, shift) DO UPDATE SET opened = excluded.opened"),
		shiftClose: insertInto("shifts", "org, till, fn, shift, store, staff, closed, sales, returns, sold, refunded, cash, card, earned, redeemed, head, storage, st_sales, st_returns, st_sold, st_refunded, corrections, corrected, st_corrections, st_corrected, swapped",
			`ON CONFLICT (org, till, fn, shift) DO UPDATE SET closed = excluded.closed, sales = excluded.sales, returns = excluded.returns,
			sold = excluded.sold, refunded = excluded.refunded, cash = excluded.cash, card = excluded.card, earned = excluded.earned,
			redeemed = excluded.redeemed, head = excluded.head, storage = excluded.storage, st_sales = excluded.st_sales,
			st_returns = excluded.st_returns, st_sold = excluded.st_sold, st_refunded = excluded.st_refunded, corrections = excluded.corrections,
			corrected = excluded.corrected, st_corrections = excluded.st_corrections, st_corrected = excluded.st_corrected, swapped = excluded.swapped`),
		cashMoves: insertInto("cash_moves", "org, id, store, till, at, shift, staff, amount, reason", ""),
		postings:  insertInto("postings", "org, kind, no, purse, record, n, lot, amount, at, what, till", ""),
		customers: insertInto("customers", "org, no, name, short, phone, tier, home, state, search, created, enrolled, enrol, enrol_till, enrol_staff, friend, came_campaign, came_key", skip),
		cards:     insertInto("customer_cards", "org, card, customer", skip),
		keys:      insertInto("customer_keys", "org, customer, kind, key", skip),
		consents:  insertInto("consents", "org, customer, kind, version, given, at, till, record", skip),
		promos:    insertInto("sale_promos", "org, sale, n, promotion, times, discount, points, at", ""),
		uses:      insertInto("code_uses", "org, key, record, campaign, at, customer, till", skip),
		pending:   insertInto("pending_returns", "org, id, fn, fd, at", skip),
	}
}

func (t *tables) all() []*bulk {
	return []*bulk{
		t.records, t.sealed, t.parked, t.sales, t.saleLines, t.returns, t.returnLines, t.corrections, t.tenders, t.docs,
		t.shiftOpen, t.shiftClose, t.cashMoves, t.postings, t.customers, t.cards, t.keys, t.consents, t.promos, t.uses, t.pending,
	}
}

func (b *booking) flag(f flag) { f.addTo(b.tables.flags, b.org, b.now) }

// book stores new records and projects them. careful books each alone, so that one that the database
// itself refuses can be told from the rest and parked.
func (b *booking) book(ctx context.Context, records []wire.Sealed, careful bool) error {
	if err := b.prefetch(ctx, records); err != nil {
		return err
	}
	for i := range records {
		r := &records[i]
		if err := b.makeWay(ctx, r); err != nil {
			return err
		}
		if careful {
			if err := b.bookAlone(ctx, r); err != nil {
				return err
			}
			continue
		}
		b.take(r)
	}
	return b.write(ctx)
}

// bookAlone books one record behind a savepoint.
func (b *booking) bookAlone(ctx context.Context, r *wire.Sealed) error {
	if _, err := b.tx.exec(ctx, `SAVEPOINT one`); err != nil {
		return err
	}
	b.take(r)
	spoilt := b.write(ctx)
	if spoilt == nil {
		_, err := b.tx.exec(ctx, `RELEASE SAVEPOINT one`)
		return err
	}
	if ctx.Err() != nil || retryable(spoilt) {
		return spoilt
	}
	if _, err := b.tx.exec(ctx, `ROLLBACK TO SAVEPOINT one`); err != nil {
		return errors.Join(spoilt, err)
	}
	b.forget()
	b.park(r, spoilt)
	if err := b.write(ctx); err != nil {
		return errors.Join(spoilt, err)
	}
	_, err := b.tx.exec(ctx, `RELEASE SAVEPOINT one`)
	return err
}

// prefetch asks once for all that the records refer to.
func (b *booking) prefetch(ctx context.Context, records []wire.Sealed) error {
	ids := make([]any, len(records))
	spans := map[string][2]uint32{}
	for i, r := range records {
		ids[i] = r.Record.ID[:]
		if f := r.Record.Fiscal; f != nil && f.Key.FN != "" && f.Key.FD != 0 {
			span, ok := spans[f.Key.FN]
			if !ok {
				span = [2]uint32{f.Key.FD, f.Key.FD}
			}
			spans[f.Key.FN] = [2]uint32{min(span[0], f.Key.FD), max(span[1], f.Key.FD)}
		}
	}
	err := b.tx.in(ctx, `SELECT id FROM records WHERE org = ? AND state = 0 AND id IN %s`, []any{int64(b.org)}, ids, func(r *sql.Rows) error {
		var id []byte
		if err := r.Scan(&id); err != nil {
			return err
		}
		b.ids[sale.ID(id)] = true
		return nil
	})
	if err != nil {
		return fmt.Errorf("look for records that are here already: %w", err)
	}
	if b.quarantine {
		b.dealtWith, err = b.tx.int(ctx, `SELECT count(*) FROM flags WHERE org = ? AND till = ? AND kind = ? AND resolved_at <> 0`, int64(b.org), int64(b.till), string(FlagQuarantine))
		if err != nil {
			return fmt.Errorf("count the flags of a quarantine: %w", err)
		}
	}
	for _, fn := range slices.Sorted(maps.Keys(spans)) {
		if err := b.prefetchDocs(ctx, fn, spans[fn]); err != nil {
			return err
		}
	}
	return errors.Join(b.prefetchTaken(ctx, records), b.prefetchErased(ctx, records), b.prefetchZones(ctx, records), b.prefetchLeases(ctx, records), b.prefetchOwners(ctx, records))
}

// prefetchDocs reads which documents of a fiscal storage are booked. Storages are asked for in the order of their
// numbers, since each is held until the transaction ends.
func (b *booking) prefetchDocs(ctx context.Context, fn string, span [2]uint32) error {
	if err := b.tx.holdStorage(ctx, b.org, fn); err != nil {
		return fmt.Errorf("hold fiscal storage %s: %w", fn, err)
	}
	err := b.tx.each(ctx, `SELECT fd, record, till, recovered FROM fiscal_docs WHERE org = ? AND fn = ? AND fd BETWEEN ? AND ?`,
		[]any{int64(b.org), text(fn), int64(span[0]), int64(span[1])}, func(r *sql.Rows) error {
			var fd uint32
			var id []byte
			var till sale.TillNo
			var found int64
			if err := r.Scan(&fd, &id, &till, &found); err != nil {
				return err
			}
			b.docs[sale.FiscalKey{FN: fn, FD: fd}] = docOwner{sale.ID(id), till, found == 1, true}
			return nil
		})
	if err != nil {
		return fmt.Errorf("look for fiscal documents that are here already: %w", err)
	}
	return nil
}

// take files one record: booked, or set aside for the reason found.
func (b *booking) take(s *wire.Sealed) {
	r := s.Record
	state := recordBooked
	switch problem := b.examine(r); {
	case b.quarantine:
		state = recordQuarantine
		b.flagQuarantine()
	case problem != nil:
		b.park(s, problem)
		return
	case b.same[s.Hash]:
		state = recordDuplicate
	case b.duplicate(r):
		state = recordDuplicate
	}
	b.store(s, state)
	if state == recordBooked {
		b.project(s)
	}
}

func (b *booking) store(s *wire.Sealed, state int) {
	r := s.Record
	if !b.again {
		b.tables.records.add(int64(b.org), int64(b.till), int64(b.fork), int64(r.Epoch), int64(r.Seq), r.ID[:], int64(r.Kind), int64(state),
			int64(r.Store), int64(r.At), int64(r.Quality), int64(r.Shift), int64(r.Staff), s.Hash[:], s.Bytes)
		if len(s.Blob) > 0 && !b.erased[whose(r)] {
			b.tables.sealed.add(int64(b.org), r.ID[:], s.Blob)
		}
	}
}

// park keeps a record that cannot be booked, and says so.
func (b *booking) park(s *wire.Sealed, problem error) {
	r := s.Record
	b.store(s, recordParked)
	b.tables.parked.add(int64(b.org), int64(b.till), int64(b.fork), int64(r.Epoch), int64(r.Seq), r.ID[:], int64(b.now), text(problem.Error()))
	b.flag(flag{
		kind: FlagUnprojected, till: b.till, record: r.ID,
		ru: fmt.Sprintf("Запись %d/%d кассы %d (%s) сохранена, но не проведена: %v", r.Epoch, r.Seq, b.till, r.Kind, problem),
		en: fmt.Sprintf("Record %d/%d of till %d (%s) is stored but could not be booked: %v", r.Epoch, r.Seq, b.till, r.Kind, problem),
	})
}

// errClaim is wrapped by all that a till's record may not say.
var errClaim = errors.New("a till may not journal this")

// examine looks for what would do harm if it were booked.
func (b *booking) examine(r *sale.Record) error {
	switch {
	case r.Org != b.org || r.Till != b.till:
		return fmt.Errorf("%w: it names till %d of organisation %d", errClaim, r.Till, r.Org)
	case b.till != 0 && (r.Kind >= sale.KindGrant || r.Kind == 0 || r.Kind > sale.KindCorrection):
		return fmt.Errorf("%w: kind %s", errClaim, r.Kind)
	case len(r.Postings) > postingsMax || len(r.Spends) > postingsMax || len(r.Leases) > postingsMax || len(r.Lots) > postingsMax:
		return fmt.Errorf("%w: more than %d postings, spends, leases or lots", errClaim, postingsMax)
	}
	if err := r.Validate(); err != nil {
		return err
	}
	if err := b.examineWhole(r); err != nil {
		return err
	}
	return b.examinePoints(r)
}

// duplicate tells whether this event is booked already, by its ID or by its fiscal document: a till that
// was restored reads its sales back from the fiscal storage under new IDs.
func (b *booking) duplicate(r *sale.Record) bool {
	same := b.ids[r.ID]
	b.ids[r.ID] = true
	what := "ID"
	if f := r.Fiscal; f != nil && f.Key.FN != "" && f.Key.FD != 0 {
		first, known := b.docs[f.Key]
		switch {
		case known && first.id != r.ID && (first.till == b.till || first.found || isRecovered(r)):
			same, what = true, f.Key.String()
		case known && first.id != r.ID && !same:
			b.flagDocument(r, first)
		case !same:
			b.docs[f.Key] = docOwner{id: r.ID, till: b.till, found: isRecovered(r)}
		}
	}
	if same {
		b.flagDuplicate(b.till, b.fork, r, what)
	}
	return same
}

// flagDocument says that two tills claim one document. Both are booked: the first to speak need not be the
// honest one, and no sale may be lost because a stranger has named its document ahead.
func (b *booking) flagDocument(r *sale.Record, first docOwner) {
	b.flag(flag{
		kind: FlagDuplicate, till: b.till, record: r.ID, cause: "document", policy: page.PolicyStands, actions: []page.Action{page.ActionAccept},
		ru: fmt.Sprintf("Документ %s есть и у кассы %d, и у кассы %d: проведены обе записи, одна из касс говорит неправду", r.Fiscal.Key, first.till, b.till),
		en: fmt.Sprintf("Document %s is claimed by till %d and by till %d: both records are booked, one of the tills is wrong", r.Fiscal.Key, first.till, b.till),
	})
}

func (b *booking) flagDuplicate(till sale.TillNo, fork uint32, r *sale.Record, what string) {
	b.flag(flag{
		kind: FlagDuplicate, till: till, record: r.ID, cause: fmt.Sprintf("%d/%d/%d", fork, r.Epoch, r.Seq),
		ru: fmt.Sprintf("Запись %d/%d кассы %d (%s) уже проведена раньше (совпал %s): второй раз не проведена", r.Epoch, r.Seq, till, r.Kind, what),
		en: fmt.Sprintf("Record %d/%d of till %d (%s) was booked before (same %s): not booked again", r.Epoch, r.Seq, till, r.Kind, what),
	})
}

func (b *booking) flagQuarantine() {
	cause := "records"
	if b.dealtWith > 0 { // what comes after somebody has dealt with the last ones is told anew
		cause = fmt.Sprintf("records/%d", b.dealtWith)
	}
	b.flag(flag{
		kind: FlagQuarantine, till: b.till, cause: cause,
		ru: fmt.Sprintf("Отозванная касса %d сдала записи: они в карантине, проведите или отклоните", b.till),
		en: fmt.Sprintf("Revoked till %d has handed in records: they are in quarantine, release or dismiss them", b.till),
	})
}

// write sends everything gathered, in an order of tables that is the same for every writer.
func (b *booking) write(ctx context.Context) error {
	if err := b.points.write(ctx, b); err != nil {
		return err
	}
	for _, t := range b.tables.all() {
		if err := t.write(ctx, b.tx); err != nil {
			return err
		}
	}
	if err := b.writeCounts(ctx); err != nil {
		return err
	}
	if err := b.writeDue(ctx); err != nil {
		return err
	}
	if err := b.applyEvents(ctx); err != nil {
		return err
	}
	if err := b.look(ctx); err != nil {
		return err
	}
	if err := b.tables.flags.write(ctx, b.tx); err != nil {
		return err
	}
	// Last, because the organisation's row is held from here to the commit.
	if err := b.tx.bump(ctx, b.org, b.points.feed); err != nil {
		return err
	}
	for key, doc := range b.docs {
		doc.stored = true
		b.docs[key] = doc
	}
	b.forget()
	return nil
}

// forget empties what was gathered, keeping what is known of the database.
func (b *booking) forget() {
	b.tables, b.counts, b.events = newTables(), newCounts(), nil
	clear(b.due)
	b.points.forget()
}
