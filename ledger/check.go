package ledger

import (
	"errors"
	"fmt"
	"reflect"

	"go.etcd.io/bbolt"

	"github.com/kopilka/kopilka/ledger/sale"
)

// Report is what Check went through.
type Report struct {
	Records  uint64
	Epochs   uint32
	Sales    int
	Returns  int
	Leases   int
	Head     sale.Position
	Warnings []string
}

// Check verifies every invariant of the file: bbolt's own pages, the chain of records without a gap,
// postings that add up to zero, no return of more than was sold, no lease spent beyond its amount, own
// postings equal to the journal's, the index complete, the tally equal to the records. It reads all
// and changes nothing, and a till may sell meanwhile; problems come together, each wrapping ErrDamaged.
func (l *Ledger) Check() (Report, error) {
	c := checker{
		own: map[string]ownRow{}, spent: map[string]sale.Points{}, sold: map[sale.ID]*sale.Sale{},
		returned: map[sale.ID]map[int]sale.Qty{}, from: new(state),
	}
	if err := l.checkPages(&c); err != nil {
		return c.report, err
	}
	err := l.view(func(tx *bbolt.Tx) error {
		if err := readState(tx, c.from); err != nil { // of this transaction: the till may be selling meanwhile
			c.problem("%v", err)
		}
		c.journal(tx)
		c.leases(tx)
		c.compareOwn(tx)
		c.usedCodes(tx)
		c.aside(tx)
		c.ends()
		return nil
	})
	if err != nil {
		return c.report, err
	}
	if snap := l.snap.use(); snap != nil {
		defer snap.done()
		if err := snap.verify(); err != nil {
			c.problems = append(c.problems, err)
		}
	}
	return c.report, errors.Join(c.problems...)
}

// checkPages lets bbolt check its pages. It holds them against the list of free pages of this very
// moment, so nothing may be written meanwhile: some seconds where the journal holds a million records.
func (l *Ledger) checkPages(c *checker) error {
	l.writes.Lock()
	defer l.writes.Unlock()
	return l.view(func(tx *bbolt.Tx) error {
		for err := range tx.Check() {
			c.problem("pages: %v", err)
		}
		return nil
	})
}

// problemsMax keeps a ruined file from filling the memory with sentences.
const problemsMax = 100

type checker struct {
	from     *state
	report   Report
	problems []error
	tally    Tally
	last     sale.Position
	floor    []byte // key of the first record kept
	whole    bool   // nothing has left by Compact
	own      map[string]ownRow
	taken    map[string]bool // code and the record that took it
	spent    map[string]sale.Points
	sold     map[sale.ID]*sale.Sale
	returned map[sale.ID]map[int]sale.Qty
}

func (c *checker) problem(format string, args ...any) {
	if len(c.problems) < problemsMax {
		c.problems = append(c.problems, fmt.Errorf("%w: %s", ErrDamaged, fmt.Sprintf(format, args...)))
	}
}

func (c *checker) journal(tx *bbolt.Tx) {
	cursor := tx.Bucket([]byte("journal")).Cursor()
	first := true
	for k, v := cursor.First(); k != nil; k, v = cursor.Next() {
		epoch, seq := splitPosition(k)
		var e sale.Entry
		if err := sale.Decode(v, &e); err != nil {
			c.problem("journal %d/%d: %v", epoch, seq, err)
			continue
		}
		r, err := sale.DecodeRecord(e.Record)
		if err != nil {
			c.problem("journal %d/%d: %v", epoch, seq, err)
			continue
		}
		if first {
			c.first(tx, epoch, seq)
		}
		c.chain(r, epoch, seq, first)
		c.last = sale.Position{Epoch: epoch, Seq: seq, Head: sale.HashOf(e.Record)}
		c.record(tx, r, k)
		first = false
	}
	c.report.Head = c.last
}

// first holds the first record kept against where the journal is known to begin: at the very first, or
// where Compact left off.
func (c *checker) first(tx *bbolt.Tx, epoch uint32, seq uint64) {
	want := positionKey(1, 1)
	if v := meta(tx).Get([]byte(floorKey)); v != nil {
		want = v
	}
	c.whole = string(want) == string(positionKey(1, 1))
	if string(want) != string(positionKey(epoch, seq)) {
		c.problem("the journal begins at %d/%d instead of %x", epoch, seq, want)
	}
	c.floor = want
}

// chain checks number and previous hash; what the first record kept follows may have left by Compact.
func (c *checker) chain(r *sale.Record, epoch uint32, seq uint64, first bool) {
	switch {
	case r.Epoch != epoch || r.Seq != seq:
		c.problem("record %d/%d lies at %d/%d", r.Epoch, r.Seq, epoch, seq)
	case first:
	case epoch == c.last.Epoch && seq != c.last.Seq+1:
		c.problem("records %d/%d to %d are missing", epoch, c.last.Seq+1, seq-1)
	case epoch == c.last.Epoch && r.Prev != c.last.Head:
		c.problem("record %d/%d does not follow the one before it: the chain is broken", epoch, seq)
	case epoch != c.last.Epoch && (seq != 1 || r.Kind != sale.KindEpoch):
		c.problem("epoch %d begins with a %s of number %d", epoch, r.Kind, seq)
	}
}

func (c *checker) record(tx *bbolt.Tx, r *sale.Record, key []byte) {
	c.report.Records++
	c.report.Epochs = r.Epoch
	c.tally.add(r)
	for _, k := range indexKeys(r) {
		if at := tx.Bucket([]byte("index")).Get(k); string(at) != string(key) {
			c.problem("%s %s is not in the index under %q", r.Kind, r.ID, k[:1])
		}
	}
	if r.Return != nil && tx.Bucket([]byte("index")).Get(indexReturn(r.Return, key)[0]) == nil {
		c.problem("return %s is not in the index of its sale", r.ID)
	}
	for _, s := range r.Spends {
		c.spent[string(s.Lease[:])+string(s.Lot[:])] += s.Amount
	}
	numbers, rows := ownRows(r)
	for _, no := range numbers {
		c.own[string(ownKey(no, r.Epoch, r.Seq))] = *rows[no]
	}
	c.purses(r)
	c.codes(r, key)
	if r.Enrol != nil && tx.Bucket([]byte("customers")).Get(numberKey(r.Enrol.Customer)) == nil {
		c.problem("customer %s was enrolled by %s and is not among the customers", r.Enrol.Customer, r.ID)
	}
	switch {
	case r.Sale != nil:
		c.report.Sales++
		c.sold[r.ID] = r.Sale
	case r.Return != nil:
		c.report.Returns++
		c.returns(r.Return)
	}
}

// purses holds each purse's postings of a record against zero.
func (c *checker) purses(r *sale.Record) {
	sums := map[sale.PurseNo]sale.Points{}
	for _, p := range r.Postings {
		sums[p.Account.Purse] += p.Amount
	}
	for p, sum := range sums {
		if sum != 0 {
			c.problem("%s %s: postings of purse %d add up to %s", r.Kind, r.ID, p, sum)
		}
	}
}

// codes notes the codes that a record took, for the marks to be held against.
func (c *checker) codes(r *sale.Record, key []byte) {
	for _, code := range codesIn(r) {
		if c.taken == nil {
			c.taken = map[string]bool{}
		}
		c.taken[string(usedKey(code))+string(key)] = true
	}
}

// usedCodes wants a record behind every mark of a used code.
func (c *checker) usedCodes(tx *bbolt.Tx) {
	err := tx.Bucket([]byte("used")).ForEach(func(k, v []byte) error {
		if kept := string(v) >= string(c.floor); kept && !c.taken[string(k)+string(v)] {
			c.problem("code %x is marked used by record %x, which did not take it", k, v)
		}
		return nil
	})
	if err != nil {
		c.problem("used codes: %v", err)
	}
}

// aside compares the count of changes set aside with the list.
func (c *checker) aside(tx *bbolt.Tx) {
	n := 0
	err := tx.Bucket([]byte("aside")).ForEach(func(_, _ []byte) error {
		n++
		return nil
	})
	if err != nil || n != c.from.aside {
		c.problem("%d changes are set aside, the state says %d", n, c.from.aside)
	}
	if n > 0 {
		c.report.Warnings = append(c.report.Warnings, fmt.Sprintf("%d changes of head office could not be read and were set aside; a newer program may understand them", n))
	}
}

func (c *checker) returns(r *sale.Return) {
	of := c.sold[r.Of]
	if of == nil {
		return // sold at another till, or before what is kept here
	}
	if c.returned[r.Of] == nil {
		c.returned[r.Of] = map[int]sale.Qty{}
	}
	for _, line := range r.Lines {
		c.returned[r.Of][line.Line] += line.Qty
		if line.Line < 0 || line.Line >= len(of.Lines) || c.returned[r.Of][line.Line] > of.Lines[line.Line].Qty {
			c.problem("more came back of sale %s line %d than was sold", r.Of, line.Line+1)
		}
	}
}

func (c *checker) leases(tx *bbolt.Tx) {
	err := tx.Bucket([]byte("leases")).ForEach(func(k, v []byte) error {
		c.report.Leases++
		var row leaseRow
		if err := sale.Decode(v, &row); err != nil {
			c.problem("lease %x: %v", k, err)
			return nil
		}
		if !row.known() {
			return nil // a note of early spends: head office's word of it is still to come
		}
		if tx.Bucket([]byte("held")).Get(heldKey(row.Lease.Account, row.Lease.ID)) == nil {
			c.problem("lease %s is not in the index of its account", row.Lease.ID)
		}
		for _, s := range row.Spent {
			if row.left(s.Lot) < 0 && row.Early.Seq == 0 {
				c.problem("lease %s: %s of lot %s spent beyond it", row.Lease.ID, -row.left(s.Lot), s.Lot)
			}
			if own := c.spent[string(row.Lease.ID[:])+string(s.Lot[:])]; own > s.Amount {
				c.problem("lease %s: the journal spent %s of lot %s, the lease says %s", row.Lease.ID, own, s.Lot, s.Amount)
			}
		}
		return nil
	})
	if err == nil {
		err = tx.Bucket([]byte("held")).ForEach(func(k, _ []byte) error {
			if len(k) != accountKeyBytes+len(sale.ID{}) || tx.Bucket([]byte("leases")).Get(k[accountKeyBytes:]) == nil {
				c.problem("a lease is lost: %x", k)
			}
			return nil
		})
	}
	if err != nil {
		c.problem("leases: %v", err)
	}
}

// compareOwn holds the own postings against those that the journal gives.
func (c *checker) compareOwn(tx *bbolt.Tx) {
	err := tx.Bucket([]byte("own")).ForEach(func(k, v []byte) error {
		var row ownRow
		if err := sale.Decode(v, &row); err != nil {
			c.problem("own posting %x: %v", k, err)
			return nil
		}
		want, known := c.own[string(k)]
		kept := len(k) == ownKeyBytes && string(k[8:]) >= string(c.floor)
		if !reflect.DeepEqual(want, row) && (known || kept) {
			c.problem("own posting %x says %s, the journal %s", k, row.Points, want.Points)
		}
		delete(c.own, string(k))
		return nil
	})
	if err != nil {
		c.problem("own postings: %v", err)
	}
	for k := range c.own {
		c.problem("own posting %x is missing", k)
	}
}

// ends compares what the state remembers with what the journal ends in.
func (c *checker) ends() {
	if c.last != c.from.head {
		c.problem("the journal ends at %d/%d %s, the state says %d/%d %s", c.last.Epoch, c.last.Seq, c.last.Head.Short(),
			c.from.head.Epoch, c.from.head.Seq, c.from.head.Head.Short())
	}
	if c.whole && c.tally != c.from.tally {
		c.problem("the shift's tally %+v does not fit the records %+v", c.from.tally, c.tally)
	}
	if a := c.from.acked; a.Epoch > c.from.head.Epoch || (a.Epoch == c.from.head.Epoch && a.Seq > c.from.head.Seq) {
		c.report.Warnings = append(c.report.Warnings, fmt.Sprintf("head office holds %d/%d, this journal ends at %d/%d: restored from an image?", a.Epoch, a.Seq, c.from.head.Epoch, c.from.head.Seq))
	}
}
