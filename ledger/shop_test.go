package ledger_test

import (
	"encoding/binary"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/ledger"
	"github.com/kopilka/kopilka/ledger/ledgertest"
	"github.com/kopilka/kopilka/ledger/loyalty"
	"github.com/kopilka/kopilka/ledger/sale"
)

const storage = "9999078900001234"

// anna is a customer of head office.
const anna sale.CustomerNo = 5

// shop is a till at work: a ledger that can be closed and opened, a register that counts documents.
type shop struct {
	*ledger.Ledger
	t         require.TestingT
	dir       string
	clock     *ledgertest.Clock
	programme *loyalty.Programme
	random    *rand.ChaCha8
	docs      uint32
	version   uint64
	with      func(*ledger.NewSale) // what the test adds to each sale
}

// openShop opens an enrolled ledger in a folder, which is the caller's to close.
func openShop(t require.TestingT, dir string) *shop {
	s := &shop{t: t, dir: dir, clock: ledgertest.NewClock(), programme: loyalty.Default(), random: ledgertest.Random(3)}
	s.programme.EarnStep, s.programme.RedeemStep = 1, 1
	s.open()
	require.NoError(t, s.Enrol(ledgertest.Who))
	return s
}

// newShop opens a shop that is checked and closed when the test ends.
func newShop(t testing.TB) *shop {
	t.Helper()
	s := openShop(t, t.TempDir())
	t.Cleanup(func() {
		_, err := s.Check()
		require.NoError(t, err)
		require.NoError(t, s.Close())
	})
	return s
}

func (s *shop) open() {
	l, err := ledger.Open(s.dir, ledger.Options{Clock: s.clock.Now, Random: s.random})
	require.NoError(s.t, err)
	s.Ledger = l
}

func (s *shop) reopen() {
	require.NoError(s.t, s.Close())
	s.open()
}

func (s *shop) id() sale.ID {
	id, err := sale.NewID(s.clock.At.Time(), s.random)
	require.NoError(s.t, err)
	return id
}

func goods(prices ...sale.Money) (lines []sale.Line) {
	for _, p := range prices {
		lines = append(lines, sale.Line{Product: sale.Product{SKU: "sku", Name: "Товар", Price: p, VAT: sale.VAT20, Subject: sale.SubjectGoods}, Qty: sale.Piece})
	}
	return lines
}

// draft reckons a sale; zero is nobody.
func (s *shop) draft(no sale.CustomerNo, redeem sale.Points, lines []sale.Line) sale.Record {
	n := ledger.NewSale{ID: s.id(), At: s.clock.At, Staff: 1, Programme: s.programme, Holder: sale.Holder{Store: 1, Till: ledgertest.Who.Till}}
	req := loyalty.Request{Lines: lines, Redeem: redeem, At: s.clock.At}
	if no != 0 {
		c, err := s.Customer(no)
		require.NoError(s.t, err)
		n.Customer = c
		n.Held, err = s.Held(no)
		require.NoError(s.t, err)
		req.Buyer = &loyalty.Buyer{
			No: no, Tier: c.Tier, State: c.State, Spendable: loyalty.Spendable(loyalty.In(n.Held, 0), s.clock.At),
			Bought: c.Bought, Uses: c.Uses, Purses: ledger.SpendablePurses(n.Held, s.clock.At),
		}
		for _, p := range req.Buyer.Purses {
			req.Wishes = append(req.Wishes, sale.PurseAmount{Purse: p.Purse, Amount: loyalty.RedeemAll})
		}
	}
	req.Cashier, req.Store = 1, 1
	q, err := s.programme.Quote(req)
	require.NoError(s.t, err)
	n.Quote = q
	if s.with != nil {
		s.with(&n)
	}
	n.Tenders = append(n.Tenders, sale.Tender{Kind: sale.TenderCash, Amount: q.Total - paidBy(n.Tenders)})
	r, err := n.Draft()
	require.NoError(s.t, err)
	return r
}

func paidBy(tenders []sale.Tender) (sum sale.Money) {
	for _, t := range tenders {
		sum += t.Amount
	}
	return sum
}

// draftReturn reckons a return of pieces of one line; what came back already is read from the ledger.
func (s *shop) draftReturn(of *sale.Record, line int, qty sale.Qty) (sale.Record, error) {
	before, err := s.Returns(of.ID)
	require.NoError(s.t, err)
	n := ledger.NewReturn{
		ID: s.id(), At: s.clock.At, Staff: 1, Sale: of, Before: before, Now: []loyalty.Returned{{Line: line, Qty: qty}},
		Holder: sale.Holder{Store: 1, Till: ledgertest.Who.Till},
	}
	if no := of.Sale.Customer; no != 0 {
		n.Held, err = s.Held(no)
		require.NoError(s.t, err)
	}
	back, err := n.Refund()
	if err != nil {
		return sale.Record{}, err
	}
	// What certificates paid goes back to them first, the rest in cash.
	advance := advanceOf(of.Sale.Tenders)
	for _, b := range before {
		advance -= advanceOf(b.Return.Tenders)
	}
	advance = min(advance, back.Total)
	n.Tenders = []sale.Tender{{Kind: sale.TenderCash, Amount: back.Total - advance}}
	if advance > 0 {
		n.Tenders = append(n.Tenders, sale.Tender{Kind: sale.TenderAdvance, Amount: advance})
	}
	return n.Draft()
}

func advanceOf(tenders []sale.Tender) (sum sale.Money) {
	for _, t := range tenders {
		if t.Kind == sale.TenderAdvance {
			sum += t.Amount
		}
	}
	return sum
}

// print is the register: it answers with its next document.
func (s *shop) print(j *ledger.Job, doc sale.DocKind) sale.Fiscal {
	s.docs++
	return sale.Fiscal{Kind: sale.FiscalOwn, Key: sale.FiscalKey{FN: storage, FD: s.docs}, Sign: s.docs, Doc: doc, Sum: j.Total(), Stamp: "20261102T1200", Register: "test"}
}

// run begins and finishes a draft.
func (s *shop) run(draft sale.Record) *sale.Record {
	j, err := s.Begin(ledger.Job{Draft: draft, Before: sale.FiscalKey{FN: storage, FD: s.docs}})
	require.NoError(s.t, err)
	r, err := s.Finish(draft.ID, s.print(j, sale.DocSale))
	require.NoError(s.t, err)
	return r
}

func (s *shop) sell(no sale.CustomerNo, redeem sale.Points, prices ...sale.Money) *sale.Record {
	return s.run(s.draft(no, redeem, goods(prices...)))
}

func (s *shop) balance(no sale.CustomerNo) sale.Points {
	c, err := s.Customer(no)
	require.NoError(s.t, err)
	return c.Balance - c.Debt
}

func (s *shop) spendable(no sale.CustomerNo) sale.Points {
	held, err := s.Held(no)
	require.NoError(s.t, err)
	return loyalty.Spendable(loyalty.In(held, 0), s.clock.At)
}

// apply brings changes of head office down, each of the next version.
func (s *shop) apply(changes ...sale.Change) {
	for i := range changes {
		s.version++
		changes[i].Version = s.version
	}
	require.NoError(s.t, s.Apply(s.version, changes))
}

func encoded(v any) []byte {
	b, err := sale.Encode(v)
	if err != nil {
		panic(err) // of a test's own value
	}
	return b
}

func u64(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }

func u32(n uint32) []byte { return binary.BigEndian.AppendUint32(nil, n) }

// shardKey is the key of a shard of codes as head office sends it.
func shardKey(campaign uint32, shard byte) []byte { return append(u32(campaign), shard) }

func customerChange(c sale.Customer, keys ...sale.CustomerKey) sale.Change {
	return sale.Change{Kind: sale.ChangeCustomer, Key: u64(uint64(c.No)), Body: encoded(sale.CustomerChange{Customer: c, Keys: keys})}
}

// lot n of Anna; lots never expire unless the test says so.
func lotOf(no sale.CustomerNo, n byte) sale.Lot {
	return sale.Lot{ID: sale.ID{0xaa, n}, Account: sale.CustomerAccount(no), Source: sale.ID{0xab, n}}
}

func leaseChange(no sale.CustomerNo, n byte, amount sale.Points, more func(*sale.LeaseChange)) sale.Change {
	lot := lotOf(no, n)
	c := sale.LeaseChange{
		Lease: sale.Lease{ID: sale.ID{0xbb, n}, Account: lot.Account, Holder: sale.Holder{Store: 1, Till: 7}, Parts: []sale.LotAmount{{Lot: lot.ID, Amount: amount}}},
		Lots:  []sale.Lot{lot},
	}
	if more != nil {
		more(&c)
	}
	return sale.Change{Kind: sale.ChangeLease, Key: c.Lease.ID[:], Body: encoded(c)}
}

func recall(c *sale.LeaseChange) { c.Recall = true }

// withAnna gives the shop a customer who holds points, all of them leased here.
func (s *shop) withAnna(points sale.Points) *shop {
	s.apply(customerChange(sale.Customer{No: anna, Name: "Анна П.", Balance: points}), leaseChange(anna, 1, points, nil))
	return s
}

// kinds lists the journal.
func (s *shop) kinds() (out []string) {
	require.NoError(s.t, s.Walk(false, func(r *sale.Record, _ sale.Entry) bool {
		out = append(out, r.Kind.String())
		return true
	}))
	return out
}
