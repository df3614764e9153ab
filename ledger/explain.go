package ledger

import (
	"fmt"

	"go.etcd.io/bbolt"

	"github.com/kopilka/kopilka/ledger/sale"
)

// Explanation is where a customer's figures at this till come from: Now is Told with what every entry that
// head office had not heard of did on top.
type Explanation struct {
	Told    sale.Customer // as head office last told, or as this till enrolled them
	Now     sale.Customer
	Lots    []LentLot
	Entries []BalanceEntry // of this till's own journal, oldest first
}

// LentLot is what this till holds of a lot, and how much of it can still be spent here.
type LentLot struct {
	Lease    sale.Lease
	Lot      sale.Lot // zero but for its ID where head office has not sent it
	Lent     sale.Points
	Spent    sale.Points
	Recalled bool // asked back: no more is lent
	Closed   bool
}

// BalanceEntry is one record and what it did to the customer. The rules that gave each figure stand in the
// record's reasons, and their version in its sale.
type BalanceEntry struct {
	Record   *sale.Record // nil where it has left the journal by Compact
	Epoch    uint32
	Seq      uint64
	Heard    bool // head office had read it when it told the balance
	Postings []sale.Posting
}

// Explain gathers what a customer's balance is made of here.
func (l *Ledger) Explain(no sale.CustomerNo) (*Explanation, error) {
	told, _, err := l.told(no)
	if err != nil {
		return nil, err
	}
	now, err := l.Customer(no)
	if err != nil {
		return nil, err
	}
	e := &Explanation{Told: told, Now: now}
	err = l.view(func(tx *bbolt.Tx) error {
		for _, no := range accounts(told) {
			if err := e.lots(tx, no); err != nil {
				return err
			}
			if err := e.entries(tx, no); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("explain the balance of %s: %w", no, err)
	}
	return e, nil
}

func (e *Explanation) lots(tx *bbolt.Tx, no sale.CustomerNo) error {
	return eachLease(tx, sale.CustomerAccount(no), func(row *leaseRow) error {
		for _, part := range row.Lease.Parts {
			lot := sale.Lot{ID: part.Lot}
			if _, err := get(tx.Bucket([]byte("lots")), part.Lot[:], &lot); err != nil {
				return err
			}
			e.Lots = append(e.Lots, LentLot{
				Lease: row.Lease, Lot: lot, Lent: part.Amount, Spent: row.spent(part.Lot), Recalled: row.Recall, Closed: row.Closed,
			})
		}
		return nil
	})
}

func (e *Explanation) entries(tx *bbolt.Tx, no sale.CustomerNo) error {
	var keys [][]byte
	err := eachOwn(tx, no, 0, 0, func(at []byte, _ ownRow) { keys = append(keys, append([]byte(nil), at...)) })
	if err != nil {
		return err
	}
	for _, k := range keys {
		entry := BalanceEntry{}
		entry.Epoch, entry.Seq = splitPosition(k)
		entry.Heard = !behind(e.Told.Seen, sale.Seen{Epoch: entry.Epoch, Seq: entry.Seq})
		if tx.Bucket([]byte("journal")).Get(k) != nil {
			if entry.Record, err = readRecord(tx, k); err != nil {
				return err
			}
			entry.Postings = postingsOf(entry.Record, no)
		}
		e.Entries = append(e.Entries, entry)
	}
	return nil
}

func postingsOf(r *sale.Record, no sale.CustomerNo) (out []sale.Posting) {
	for _, p := range r.Postings {
		if p.Account.No == no && (p.Account.Kind == sale.AccountCustomer || p.Account.Kind == sale.AccountDebt) {
			out = append(out, p)
		}
	}
	return out
}
