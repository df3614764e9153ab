package store

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"unicode/utf8"

	"golang.org/x/crypto/nacl/box"

	"github.com/kopilka/kopilka/cloud/web/page"
	"github.com/kopilka/kopilka/ledger/sale"
	"github.com/kopilka/kopilka/sync/wire"
)

// Limits of an enrolment.
const (
	enrolConsentsMax = 16 // two kinds today
	// enrolCheckedMax bounds the work of one append: a phone's key takes some 15 ms. A till that has been
	// alone for a week hands in a hundred or two; what is beyond it is parked and can be released.
	enrolCheckedMax = 500
	sealBytesMax    = 4 << 10 // of one sealed blob: names and a phone
)

// people are enrolments with their sealed part opened, by record.
type people map[sale.ID]*opened

// opened is who was enrolled, once the sealed data fits the record's commitment; else what is wrong.
type opened struct {
	person  sale.Person
	keys    []sale.CustomerKey // made here from the person: a till's word is not enough to find somebody by
	problem error
}

// What can be wrong with a sealed person.
var (
	errUnsealed = errors.New("nothing that head office can open lies beside it")
	errCommit   = errors.New("the sealed data is not what the record commits to")
	errTooMany  = errors.New("too many enrolments at once: release it later")
)

// openEnrolments opens what is sealed beside the enrolments among the records and makes their look-up keys,
// before any transaction: that work is slow on purpose.
func (s *Store) openEnrolments(ctx context.Context, org sale.OrgNo, records []wire.Sealed) (people, error) {
	var todo []*wire.Sealed
	for i := range records {
		if r := records[i].Record; r.Kind == sale.KindEnrol && r.Enrol != nil {
			todo = append(todo, &records[i])
		}
	}
	if len(todo) == 0 {
		return nil, nil
	}
	o, err := s.Org(ctx, org)
	if errors.Is(err, ErrNotFound) {
		return nil, bye(wire.ByeUnknown, "organisation %d", org)
	}
	if err != nil {
		return nil, err
	}
	private, err := s.sealKey(ctx, org)
	if err != nil {
		return nil, err
	}
	out := people{}
	for i, e := range todo {
		if i >= enrolCheckedMax {
			out[e.Record.ID] = &opened{problem: errTooMany}
			continue
		}
		out[e.Record.ID] = o.open(private, e)
	}
	return out, ctx.Err()
}

func (s *Store) sealKey(ctx context.Context, org sale.OrgNo) (key [32]byte, err error) {
	err = s.view(ctx, func(tx *tx) error {
		var b []byte
		if err := tx.row(ctx, `SELECT private FROM org_keys WHERE org = ? AND role = ?`, []any{int64(org), int64(roleSeal)}, &b); err != nil {
			return err
		}
		if copy(key[:], b) != len(key) || len(b) != len(key) {
			return fmt.Errorf("it has %d bytes, want %d", len(b), len(key))
		}
		return nil
	})
	if err != nil {
		err = fmt.Errorf("read the sealing key of organisation %d: %w", org, err)
	}
	return key, err
}

// open unseals one person.
func (o Org) open(private [32]byte, e *wire.Sealed) *opened {
	if len(e.Blob) == 0 || len(e.Blob) > sealBytesMax {
		return &opened{problem: errUnsealed}
	}
	plain, ok := box.OpenAnonymous(nil, e.Blob, &o.Seal, &private)
	if !ok {
		return &opened{problem: errUnsealed}
	}
	var p sale.Person
	if err := sale.Decode(plain, &p); err != nil {
		return &opened{problem: errUnsealed}
	}
	if commit, err := p.Commit(); err != nil || commit != e.Record.Enrol.Person {
		return &opened{problem: errCommit}
	}
	phone, err := sale.ParsePhone(p.Phone)
	if p.Phone != "" && (err != nil || phone != p.Phone) {
		return &opened{problem: fmt.Errorf("its phone: %w", sale.ErrPhone)}
	}
	for _, s := range []string{p.Name, p.Card, p.Friend} {
		if len(s) > sale.NameBytesMax || !utf8.ValidString(s) {
			return &opened{problem: fmt.Errorf("a text of %d bytes, at most %d", len(s), sale.NameBytesMax)}
		}
	}
	return &opened{person: p, keys: o.keysOf(Person{Phone: p.Phone, Cards: oneCard(p.Card)})}
}

func oneCard(card string) []string {
	if card == "" {
		return nil
	}
	return []string{card}
}

// prefetchTaken asks which of the numbers that the records would enrol are given already.
func (b *booking) prefetchTaken(ctx context.Context, records []wire.Sealed) error {
	var numbers []any
	by := map[sale.CustomerNo]sale.ID{}
	for _, s := range records {
		if e := s.Record.Enrol; e != nil {
			numbers, by[e.Customer] = append(numbers, int64(e.Customer)), s.Record.ID
		}
	}
	err := b.tx.in(ctx, `SELECT no, enrol FROM customers WHERE org = ? AND no IN %s`, []any{int64(b.org)}, numbers, func(r *sql.Rows) error {
		var no sale.CustomerNo
		var enrol []byte
		err := r.Scan(&no, &enrol)
		id := by[no]
		b.taken[no] = !bytes.Equal(enrol, id[:])
		return err
	})
	if err != nil {
		return fmt.Errorf("look for customers' numbers that are given already: %w", err)
	}
	return nil
}

// examineEnrolment refuses what would put a customer into another's place.
func (b *booking) examineEnrolment(r *sale.Record) error {
	e := r.Enrol
	switch {
	case e.Customer.Till() != b.till || b.till == 0:
		return fmt.Errorf("%w: customer %s, whose number another till gives", errClaim, e.Customer)
	case len(e.Consents) > enrolConsentsMax:
		return fmt.Errorf("%w: %d consents", errClaim, len(e.Consents))
	case b.taken[e.Customer] && !b.ids[r.ID]:
		return fmt.Errorf("%w: customer %s, whose number is given already", errClaim, e.Customer)
	}
	if p := b.people[r.ID]; p != nil && errors.Is(p.problem, errTooMany) {
		return p.problem
	}
	return nil
}

// projectEnrolment makes the customer. One whose sealed data does not fit stays without name and keys: points
// are booked all the same, and a person looks.
func (b *booking) projectEnrolment(r *sale.Record) {
	e, p := r.Enrol, b.people[r.ID]
	if p == nil {
		p = &opened{problem: errUnsealed}
	}
	b.taken[e.Customer] = true
	var campaign int64
	var key []byte
	if e.Code != nil {
		campaign, key = int64(e.Code.Campaign), bytes.Clone(e.Code.Key[:])
	}
	org, no := int64(b.org), int64(e.Customer)
	who := Person{Name: text(p.person.Name), Phone: p.person.Phone, Cards: oneCard(text(p.person.Card))}
	b.tables.customers.add(org, no, who.Name, text(ShortName(who.Name)), who.Phone, int64(e.Tier), int64(r.Store), int64(sale.CustomerActive), who.search(),
		int64(r.At), int64(r.At), r.ID[:], int64(b.till), int64(r.Staff), text(p.person.Friend), campaign, key)
	for _, k := range p.keys {
		b.tables.keys.add(org, no, int64(k.Kind), bytes.Clone(k.Key[:]))
	}
	for _, card := range who.Cards {
		b.tables.cards.add(org, card, no)
	}
	for _, c := range e.Consents {
		b.tables.consents.add(org, no, int64(c.Kind), int64(c.Version), flagged(c.Given), int64(r.At), int64(b.till), r.ID[:])
	}
	b.points.feed[customerKey(e.Customer)] = feedRow{}
	b.points.due[e.Customer] = r.ID
	b.counts.enrolment(b, r)
	if p.problem != nil {
		b.flagEnrolment(r, p.problem)
	}
}

func (b *booking) flagEnrolment(r *sale.Record, problem error) {
	b.flag(flag{
		kind: FlagEnrolment, till: b.till, record: r.ID, customer: r.Enrol.Customer, policy: page.PolicyUnnamed,
		ru: fmt.Sprintf("Касса %d оформила покупателя %s, но его данные не удалось принять (%v): он остаётся без имени и телефона, оформите карту ещё раз", b.till, r.Enrol.Customer, problem),
		en: fmt.Sprintf("Till %d enrolled customer %s, but who it is could not be taken in (%v): without name and phone for now, enrol the card again", b.till, r.Enrol.Customer, problem),
	})
}

// enrolledIn lists the enrolments among records.
func enrolledIn(records []wire.Sealed) (out []sale.ID) {
	for _, s := range records {
		if s.Record.Kind == sale.KindEnrol {
			out = append(out, s.Record.ID)
		}
	}
	return out
}
