package ledger

import (
	"encoding/binary"
	"fmt"
	"slices"

	"go.etcd.io/bbolt"

	"github.com/kopilka/kopilka/ledger/sale"
)

// ownRow is what one record of this till did to a customer: on top of what head office told before it had
// read the record.
type ownRow struct {
	Points   sale.Points        `cbor:"1,keyasint,omitempty"`
	Debt     sale.Points        `cbor:"2,keyasint,omitempty"`
	Purses   []sale.PurseAmount `cbor:"3,keyasint,omitempty"` // of the others, less their debts
	Owed     []sale.PurseAmount `cbor:"8,keyasint,omitempty"` // of the others, the debts alone
	Bought   uint32             `cbor:"4,keyasint,omitempty"` // receipts
	Uses     []sale.PromoUse    `cbor:"5,keyasint,omitempty"`
	Redeemed sale.Points        `cbor:"6,keyasint,omitempty"` // of a sale
	At       sale.Time          `cbor:"7,keyasint,omitempty"` // of a sale
}

const (
	accountPrefixBytes = 9
	accountKeyBytes    = accountPrefixBytes + 4
	ownKeyBytes        = 20
)

// accountPrefix begins the keys of all purses of an owner.
func accountPrefix(a sale.Account) []byte {
	return binary.BigEndian.AppendUint64(append(make([]byte, 0, accountKeyBytes+16), byte(a.Kind)), uint64(a.No))
}

func accountKey(a sale.Account) []byte {
	return binary.BigEndian.AppendUint32(accountPrefix(a), uint32(a.Purse))
}

func heldKey(a sale.Account, lease sale.ID) []byte { return append(accountKey(a), lease[:]...) }

func ownKey(no sale.CustomerNo, epoch uint32, seq uint64) []byte {
	return append(binary.BigEndian.AppendUint64(make([]byte, 0, ownKeyBytes), uint64(no)), positionKey(epoch, seq)...)
}

// ownRows is what a record does to each customer whose accounts it touches or who bought by it, in the
// order of its postings.
func ownRows(r *sale.Record) (numbers []sale.CustomerNo, rows map[sale.CustomerNo]*ownRow) {
	rows = map[sale.CustomerNo]*ownRow{}
	row := func(no sale.CustomerNo) *ownRow {
		if rows[no] == nil {
			rows[no] = new(ownRow)
			numbers = append(numbers, no)
		}
		return rows[no]
	}
	for _, p := range r.Postings {
		if p.Account.Kind != sale.AccountCustomer && p.Account.Kind != sale.AccountDebt {
			continue
		}
		switch own := row(p.Account.No); {
		case p.Account.Purse != 0: // a debt's account is negative while something is owed
			own.Purses = addPurse(own.Purses, sale.PurseAmount{Purse: p.Account.Purse, Amount: p.Amount})
			if p.Account.Kind == sale.AccountDebt {
				own.Owed = addPurse(own.Owed, sale.PurseAmount{Purse: p.Account.Purse, Amount: -p.Amount})
			}
		case p.Account.Kind == sale.AccountCustomer:
			own.Points += p.Amount
		default:
			own.Debt -= p.Amount
		}
	}
	if s := r.Sale; s != nil && s.Customer != 0 {
		own := row(s.Customer)
		own.Bought, own.Redeemed, own.At = 1, s.Redeemed, r.At
		for _, a := range s.Applied {
			own.Uses = addUse(own.Uses, sale.PromoUse{Promotion: a.Promotion, Times: a.Times})
		}
	}
	return numbers, rows
}

func addPurse(to []sale.PurseAmount, a sale.PurseAmount) []sale.PurseAmount {
	at := slices.IndexFunc(to, func(x sale.PurseAmount) bool { return x.Purse == a.Purse })
	if at < 0 {
		return append(to, a)
	}
	to[at].Amount += a.Amount
	return to
}

func addUse(to []sale.PromoUse, u sale.PromoUse) []sale.PromoUse {
	at := slices.IndexFunc(to, func(x sale.PromoUse) bool { return x.Promotion == u.Promotion })
	if at < 0 {
		return append(to, u)
	}
	to[at].Times += u.Times
	return to
}

func (r *ownRow) add(o ownRow) {
	r.Points, r.Debt, r.Bought = r.Points+o.Points, r.Debt+o.Debt, r.Bought+o.Bought
	for _, p := range o.Purses {
		r.Purses = addPurse(r.Purses, p)
	}
	for _, p := range o.Owed {
		r.Owed = addPurse(r.Owed, p)
	}
	for _, u := range o.Uses {
		r.Uses = addUse(r.Uses, u)
	}
}

// onTop adds what this till has done to what head office told.
func (r *ownRow) onTop(c *sale.Customer) {
	c.Balance, c.Debt, c.Bought = c.Balance+r.Points, c.Debt+r.Debt, c.Bought+r.Bought
	for _, p := range r.Purses {
		c.Purses = addPurse(c.Purses, p)
	}
	for _, p := range r.Owed {
		c.Owed = addPurse(c.Owed, p)
	}
	for _, u := range r.Uses {
		c.Uses = addUse(c.Uses, u)
	}
}

func (w *writer) applyPostings(r *sale.Record) error {
	numbers, rows := ownRows(r)
	for _, no := range numbers {
		if err := put(w.bucket("own"), ownKey(no, r.Epoch, r.Seq), *rows[no]); err != nil {
			return err
		}
	}
	return nil
}

// accounts are the numbers under which a customer's postings stand.
func accounts(c sale.Customer) []sale.CustomerNo {
	return append([]sale.CustomerNo{c.No}, c.Accounts...)
}

// ownSince adds up what this till's records, after those that head office had read, did to a customer.
func (l *Ledger) ownSince(c sale.Customer) (sum ownRow, err error) {
	err = l.view(func(tx *bbolt.Tx) error {
		for _, no := range accounts(c) {
			if err := eachOwn(tx, no, c.Seen.Epoch, c.Seen.Seq+1, func(_ []byte, row ownRow) { sum.add(row) }); err != nil {
				return err
			}
		}
		return nil
	})
	return sum, err
}

// eachOwn visits an account's rows from a record on.
func eachOwn(tx *bbolt.Tx, no sale.CustomerNo, epoch uint32, seq uint64, visit func(position []byte, row ownRow)) error {
	c := tx.Bucket([]byte("own")).Cursor()
	for k, v := c.Seek(ownKey(no, epoch, seq)); len(k) == ownKeyBytes && binary.BigEndian.Uint64(k) == uint64(no); k, v = c.Next() {
		var row ownRow
		if err := sale.Decode(v, &row); err != nil {
			return fmt.Errorf("%w: own posting %x: %w", ErrDamaged, k, err)
		}
		visit(k[8:], row)
	}
	return nil
}
