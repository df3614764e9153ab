package store

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"sort"
	"strings"

	"github.com/kopilka/kopilka/ledger/sale"
)

// Person is a customer as head office knows them: this is personal data and stays here. A till gets
// Short and look-up keys only.
type Person struct {
	No    sale.CustomerNo // zero: given the next number of head office
	Name  string
	Short string // "Анна П."; made from Name when empty
	Phone string // E.164, may be empty
	Cards []string
	Tier  uint16
	Home  sale.StoreNo
	State sale.CustomerState
}

// ShortName is [sale.ShortName], what tills are told of a full name.
func ShortName(full string) string { return sale.ShortName(full) }

// Fold makes a text searchable: lower case, ё as е. SQLite cannot fold Cyrillic, so it is done here,
// for what is stored and for what is looked for.
func Fold(s string) string {
	return strings.ReplaceAll(strings.ToLower(strings.Join(strings.Fields(s), " ")), "ё", "е")
}

// ErrTaken means that a card belongs to another customer.
var ErrTaken = errors.New("the card belongs to another customer")

// PutPerson creates or changes a customer with the cards given and answers the number; tills hear of it
// only when something changed. Tier and state are of a new customer only: of one that is here they are decided
// elsewhere, perhaps since the caller read them. Phone keys are memory-hard: their work is done before the transaction.
func (s *Store) PutPerson(ctx context.Context, org sale.OrgNo, p Person) (sale.CustomerNo, error) {
	o, err := s.Org(ctx, org)
	if err != nil {
		return 0, err
	}
	if p.Short == "" {
		p.Short = ShortName(p.Name)
	}
	keys := o.keysOf(p)
	err = s.change(ctx, func(tx *tx) error {
		no, err := tx.putPerson(ctx, org, p, keys)
		if err == nil {
			p.No = no
		}
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("save customer %q: %w", p.Name, err)
	}
	return p.No, nil
}

func (o Org) keysOf(p Person) []sale.CustomerKey {
	var keys []sale.CustomerKey
	for _, card := range p.Cards {
		keys = append(keys, sale.CustomerKey{Kind: sale.KeyCard, Key: sale.CardKey(o.CardSecret, card)})
	}
	if p.Phone != "" {
		keys = append(keys, sale.CustomerKey{Kind: sale.KeyPhone, Key: o.Phones.Key(p.Phone)})
	}
	return keys
}

// search is what a customer is found by: name, phone digits, cards.
func (p Person) search() string {
	return Fold(text(p.Name) + " " + strings.TrimPrefix(p.Phone, "+") + " " + strings.Join(p.Cards, " "))
}

func (t *tx) putPerson(ctx context.Context, org sale.OrgNo, p Person, keys []sale.CustomerKey) (sale.CustomerNo, error) {
	if p.No.House() || p.State == sale.CustomerHouse {
		return 0, fmt.Errorf("%w: customer %s is a store's own account", ErrState, p.No)
	}
	if p.No == 0 {
		var counter uint32
		if err := t.row(ctx, `UPDATE orgs SET customers = customers + 1 WHERE org = ? RETURNING customers`, []any{int64(org)}, &counter); err != nil {
			return 0, fmt.Errorf("draw a customer's number: %w", err)
		}
		p.No = sale.MakeNumber(0, counter)
	} else if p.No.Till() == 0 { // an import brings its own numbers: the counter stays ahead of them
		if _, err := t.exec(ctx, `UPDATE orgs SET customers = ? WHERE org = ? AND customers < ?`, int64(p.No.Counter()), int64(org), int64(p.No.Counter())); err != nil {
			return 0, err
		}
	}
	state, err := t.int(ctx, `SELECT state FROM customers WHERE org = ? AND no = ?`, int64(org), int64(p.No))
	if err != nil {
		return 0, err
	}
	if sale.CustomerState(state) == sale.CustomerErased { // by a form that was open meanwhile, or an old list
		return 0, fmt.Errorf("%w: customer %s is erased", ErrState, p.No)
	}
	before, err := t.personPrint(ctx, org, p.No)
	if err != nil {
		return 0, err
	}
	if err := t.writePerson(ctx, org, p, keys); err != nil {
		return 0, err
	}
	after, err := t.personPrint(ctx, org, p.No)
	if err != nil || before == after {
		return p.No, err
	}
	return p.No, t.bump(ctx, org, map[feedKey]feedRow{customerKey(p.No): {}})
}

func (t *tx) writePerson(ctx context.Context, org sale.OrgNo, p Person, keys []sale.CustomerKey) error {
	no := int64(p.No)
	_, err := t.exec(ctx, `INSERT INTO customers (org, no, name, short, phone, tier, home, state, search, created) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (org, no) DO UPDATE SET name = excluded.name, short = excluded.short, phone = excluded.phone, home = excluded.home, search = excluded.search`,
		int64(org), no, text(p.Name), text(p.Short), text(p.Phone), int64(p.Tier), int64(p.Home), int64(p.State), p.search(), t.s.now().UnixMilli())
	if err != nil {
		return err
	}
	for _, clear := range []string{`DELETE FROM customer_cards WHERE org = ? AND customer = ?`, `DELETE FROM customer_keys WHERE org = ? AND customer = ?`} {
		if _, err := t.exec(ctx, clear, int64(org), no); err != nil {
			return err
		}
	}
	for _, card := range p.Cards {
		owner, err := t.int(ctx, `SELECT customer FROM customer_cards WHERE org = ? AND card = ?`, int64(org), text(card))
		if err != nil {
			return err
		}
		if owner != 0 && owner != no {
			return fmt.Errorf("%w: customer %s", ErrTaken, sale.CustomerNo(owner))
		}
	}
	cards := insertInto("customer_cards", "org, card, customer", "ON CONFLICT DO NOTHING")
	for _, card := range p.Cards {
		cards.add(int64(org), text(card), no)
	}
	rows := insertInto("customer_keys", "org, customer, kind, key", "ON CONFLICT DO NOTHING")
	for _, k := range keys {
		rows.add(int64(org), no, int64(k.Kind), k.Key[:])
	}
	return errors.Join(cards.write(ctx, t), rows.write(ctx, t))
}

// personPrint stands for all that tills know of a customer; zero when there is none.
func (t *tx) personPrint(ctx context.Context, org sale.OrgNo, no sale.CustomerNo) ([32]byte, error) {
	found, err := t.customerChanges(ctx, org, []any{int64(no)}, sale.Seen{})
	if err != nil || found[no] == nil {
		return [32]byte{}, err
	}
	b, err := sale.Encode(found[no])
	return sha256.Sum256(b), err
}

// Person reads a customer.
func (s *Store) Person(ctx context.Context, org sale.OrgNo, no sale.CustomerNo) (p Person, err error) {
	err = s.view(ctx, func(tx *tx) error {
		p, err = tx.person(ctx, org, no)
		return err
	})
	if err != nil {
		err = fmt.Errorf("read customer %s: %w", no, err)
	}
	return p, err
}

func (t *tx) person(ctx context.Context, org sale.OrgNo, no sale.CustomerNo) (Person, error) {
	p := Person{No: no}
	if err := t.row(ctx, `SELECT name, short, phone, tier, home, state FROM customers WHERE org = ? AND no = ?`, []any{int64(org), int64(no)},
		&p.Name, &p.Short, &p.Phone, &p.Tier, &p.Home, &p.State); err != nil {
		return p, err
	}
	cards, err := t.strings(ctx, `SELECT card FROM customer_cards WHERE org = ? AND customer = ?`, int64(org), int64(no))
	sort.Strings(cards)
	p.Cards = cards
	return p, err
}

// FindPerson finds a customer by phone or card, exactly: the main one, where that number was merged.
func (s *Store) FindPerson(ctx context.Context, org sale.OrgNo, phoneOrCard string) (no sale.CustomerNo, err error) {
	err = s.view(ctx, func(tx *tx) error {
		n, err := tx.int(ctx, `SELECT customer FROM customer_cards WHERE org = ? AND card = ?`, int64(org), text(phoneOrCard))
		if err == nil && n == 0 {
			n, err = tx.int(ctx, `SELECT no FROM customers WHERE org = ? AND phone <> '' AND phone = ? ORDER BY enrolled, no LIMIT 1`, int64(org), text(phoneOrCard))
		}
		if err == nil && n != 0 {
			no, err = tx.mainOf(ctx, org, sale.CustomerNo(n))
		}
		return err
	})
	if err == nil && no == 0 {
		err = ErrNotFound
	}
	return no, err
}
