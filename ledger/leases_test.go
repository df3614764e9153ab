package ledger_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/ledger"
	"github.com/kopilka/kopilka/ledger/sale"
)

func TestLeaseFromHeadOffice(t *testing.T) {
	s := newShop(t)
	s.apply(customerChange(sale.Customer{No: anna, Balance: 1500}), leaseChange(anna, 1, 1000, func(c *sale.LeaseChange) {
		c.Spent = []sale.LotAmount{{Lot: lotOf(anna, 1).ID, Amount: 300}}
	}))
	held, err := s.Held(anna)
	require.NoError(t, err)
	require.Len(t, held, 1)
	require.Equal(t, sale.Points(700), held[0].Free)
	require.Equal(t, lotOf(anna, 1), held[0].Lot)
	none, err := s.Held(anna + 1)
	require.NoError(t, err)
	require.Empty(t, none)
}

// Head office's copy of a lease may be older than what this till has spent of it.
func TestOwnCountStands(t *testing.T) {
	s := newShop(t).withAnna(1000)
	s.sell(anna, 400, 10000)
	earned := s.spendable(anna) - 600
	s.apply(leaseChange(anna, 1, 1000, func(c *sale.LeaseChange) { c.Lease.Until = s.clock.At.Add(time.Hour) }))
	require.Equal(t, 600+earned, s.spendable(anna))
	s.clock.At = s.clock.At.Add(time.Hour)
	require.Equal(t, earned, s.spendable(anna), "the term has run out")
}

func TestLeaseTerm(t *testing.T) {
	s := newShop(t)
	s.apply(customerChange(sale.Customer{No: anna, Balance: 1000}), leaseChange(anna, 1, 1000, func(c *sale.LeaseChange) { c.Lease.Until = s.clock.At.Add(time.Hour) }))
	d := s.draft(anna, 500, goods(10000))
	s.clock.At = s.clock.At.Add(time.Hour)
	_, err := s.Begin(ledger.Job{Draft: d})
	require.ErrorIs(t, err, ledger.ErrLease)
	// One begun in time is finished whenever the printer answers.
	s.clock.At = s.clock.At.Add(-time.Minute)
	s.reopen()
	d = s.draft(anna, 500, goods(10000))
	_, err = s.Begin(ledger.Job{Draft: d})
	require.NoError(t, err)
	s.clock.At = s.clock.At.Add(time.Hour)
	_, err = s.Finish(d.ID, sale.Fiscal{Kind: sale.FiscalNone})
	require.NoError(t, err)
	require.Equal(t, sale.Points(500+285), s.balance(anna))
}

func TestRecall(t *testing.T) {
	s := newShop(t).withAnna(1000)
	s.apply(leaseChange(anna, 1, 1000, recall))
	require.Equal(t, []string{"epoch", "release"}, s.kinds())
	require.Zero(t, s.spendable(anna))
	s.reopen()
	s.apply(leaseChange(anna, 1, 1000, nil)) // a late copy
	s.apply(leaseChange(anna, 1, 1000, recall))
	require.Zero(t, s.spendable(anna), "a released lease is not revived, nor released twice")
	require.Equal(t, []string{"epoch", "release"}, s.kinds())
}

func TestRecallWaitsForTheBegunJob(t *testing.T) {
	for name, c := range map[string]struct {
		end  func(s *shop, id sale.ID) error
		want []string
		left sale.Points
	}{
		"finished": {func(s *shop, id sale.ID) error {
			_, err := s.Finish(id, sale.Fiscal{Kind: sale.FiscalNone})
			return err
		}, []string{"epoch", "sale", "release"}, 500 + 285},
		"abandoned": {func(s *shop, id sale.ID) error { return s.Abandon(id, "x", 0) }, []string{"epoch", "abandon", "release"}, 1000},
	} {
		t.Run(name, func(t *testing.T) {
			s := newShop(t).withAnna(1000)
			d := s.draft(anna, 500, goods(10000))
			_, err := s.Begin(ledger.Job{Draft: d})
			require.NoError(t, err)
			s.apply(leaseChange(anna, 1, 1000, recall))
			require.Equal(t, []string{"epoch"}, s.kinds())
			require.Zero(t, s.spendable(anna), "what is asked back is not lent again")
			s.reopen()
			require.NoError(t, c.end(s, d.ID))
			require.Equal(t, c.want, s.kinds())
			require.Equal(t, c.left, s.balance(anna))
		})
	}
}

func TestRecallTakenBack(t *testing.T) {
	s := newShop(t).withAnna(1000)
	d := s.draft(anna, 500, goods(10000))
	_, err := s.Begin(ledger.Job{Draft: d})
	require.NoError(t, err)
	s.apply(leaseChange(anna, 1, 1000, recall))
	s.apply(leaseChange(anna, 1, 1000, nil))
	_, err = s.Finish(d.ID, sale.Fiscal{Kind: sale.FiscalNone})
	require.NoError(t, err)
	require.Equal(t, []string{"epoch", "sale"}, s.kinds())
	require.Equal(t, sale.Points(500+285), s.spendable(anna))
}

func TestOlderWordOnALease(t *testing.T) {
	s := newShop(t).withAnna(1000)
	d := s.draft(anna, 500, goods(10000))
	_, err := s.Begin(ledger.Job{Draft: d})
	require.NoError(t, err)
	older, newer := leaseChange(anna, 1, 1000, nil), leaseChange(anna, 1, 1000, recall)
	older.Version, newer.Version = 10, 11
	require.NoError(t, s.Apply(11, []sale.Change{newer}))
	require.NoError(t, s.Apply(11, []sale.Change{older}))
	require.Zero(t, s.spendable(anna))
	_, err = s.Finish(d.ID, sale.Fiscal{Kind: sale.FiscalNone})
	require.NoError(t, err)
	require.Equal(t, []string{"epoch", "sale", "release"}, s.kinds())
}

func TestLeaseGone(t *testing.T) {
	s := newShop(t).withAnna(1000)
	id := sale.ID{0xbb, 1}
	s.apply(sale.Change{Kind: sale.ChangeLease, Key: id[:], Gone: true})
	require.Zero(t, s.spendable(anna))
	require.Equal(t, sale.Points(1000), s.balance(anna), "the points are elsewhere, not lost")
}

func TestLeaseUnderAnothersKey(t *testing.T) {
	s := newShop(t)
	c := leaseChange(anna, 1, 1000, nil)
	c.Key = make([]byte, 16)
	require.NoError(t, s.Apply(1, []sale.Change{c}))
	require.Equal(t, 1, s.SetAside())
	require.Zero(t, s.spendable(anna))
}

func TestEpochDropsLeases(t *testing.T) {
	s := newShop(t).withAnna(1000)
	s.sell(anna, 400, 10000)
	at, theirs := s.Head(), sale.Position{Epoch: 1, Seq: 7, Head: sale.Hash{1}}
	require.NoError(t, s.OpenEpoch("restored", theirs))
	require.Zero(t, s.spendable(anna))
	require.Zero(t, s.Applied())
	require.Equal(t, sale.Position{Epoch: 2, Seq: 1, Head: s.Head().Head}, s.Head())
	r, err := s.Record(lastID(t, s))
	require.NoError(t, err)
	require.Equal(t, &sale.EpochStart{Reason: "restored", OldEpoch: 1, OldSeq: 7, OldHead: sale.Hash{1}, Storage: sale.FiscalKey{FN: storage, FD: 1}}, r.Start)
	require.Zero(t, r.Prev)
	hash, found, err := s.Find(1, at.Seq)
	require.NoError(t, err)
	require.True(t, found)
	require.Equal(t, at.Head, hash)
	s.apply(leaseChange(anna, 1, 1000, func(c *sale.LeaseChange) {
		c.Seen = sale.Seen{Epoch: 2, Seq: 1}
		c.Spent = []sale.LotAmount{{Lot: lotOf(anna, 1).ID, Amount: 650}}
	}))
	require.Equal(t, sale.Points(350), s.spendable(anna), "after a restore head office's count is all there is")
	s.sell(anna, 350, 10000)
	s.reopen()
	require.Equal(t, []string{"epoch", "sale", "epoch", "sale"}, s.kinds())
}

// A job begun before the epoch and finished after it has spent of a lease that is not here just then.
func TestSpendAcrossAnEpoch(t *testing.T) {
	for name, c := range map[string]struct {
		seen sale.Seen
		said sale.Points
		want sale.Points
	}{
		"head office has not heard": {sale.Seen{Epoch: 2, Seq: 1}, 0, 500},
		"head office has heard":     {sale.Seen{Epoch: 2, Seq: 2}, 500, 500},
		"and of more":               {sale.Seen{Epoch: 3, Seq: 1}, 600, 400},
	} {
		t.Run(name, func(t *testing.T) {
			s := newShop(t).withAnna(1000)
			d := s.draft(anna, 500, goods(600)) // earns too little to matter: 0.03
			d.Lots, d.Leases = nil, nil
			d = spendOnly(s, d)
			_, err := s.Begin(ledger.Job{Draft: d})
			require.NoError(t, err)
			require.NoError(t, s.OpenEpoch("restored", s.Head()))
			_, err = s.Finish(d.ID, sale.Fiscal{Kind: sale.FiscalNone})
			require.NoError(t, err)
			s.reopen()
			_, err = s.Check()
			require.NoError(t, err)
			s.apply(leaseChange(anna, 1, 1000, func(l *sale.LeaseChange) {
				l.Seen = c.seen
				if c.said > 0 {
					l.Spent = []sale.LotAmount{{Lot: lotOf(anna, 1).ID, Amount: c.said}}
				}
			}))
			require.Equal(t, c.want, s.spendable(anna))
		})
	}
}

// Leases may come down before head office has booked what this till spent of them in the part of the old
// epoch that it never acknowledged: those spends count until head office says that it has read them.
func TestTailSpendsCount(t *testing.T) {
	spent := func(amount sale.Points, seen sale.Seen) sale.Change {
		return leaseChange(anna, 1, 1000, func(c *sale.LeaseChange) {
			c.Seen = seen
			if amount > 0 {
				c.Spent = []sale.LotAmount{{Lot: lotOf(anna, 1).ID, Amount: amount}}
			}
		})
	}
	s := newShop(t).withAnna(1000)
	s.run(spendOnly(s, s.draft(anna, 0, goods(600)))) // 1/2, which head office has read
	require.NoError(t, s.Confirm(s.Head()))
	s.run(spendOnly(s, s.draft(anna, 0, goods(600)))) // 1/3, which it has not
	// Head office's own 1/3 and 1/4 are of the disk before it was restored: they spent nothing.
	require.NoError(t, s.OpenEpoch("restored", sale.Position{Epoch: 1, Seq: 4, Head: sale.Hash{1}}))
	s.apply(spent(500, sale.Seen{Epoch: 1, Seq: 4}))
	require.Zero(t, s.spendable(anna), "5 that head office knows, 5 that it does not")
	s.reopen()
	s.apply(leaseChange(anna, 2, 800, func(c *sale.LeaseChange) { c.Seen = sale.Seen{Epoch: 1, Seq: 4} }))
	require.Equal(t, sale.Points(800), s.spendable(anna), "another lease is whole")
	s.apply(spent(500, sale.Seen{Epoch: 1, Seq: 4}))
	require.Equal(t, sale.Points(800), s.spendable(anna), "nor are they counted twice")
	s.apply(spent(1000, sale.Seen{Epoch: 2, Seq: 1}))
	require.Equal(t, sale.Points(800), s.spendable(anna))
}

// A lease that was handed back in the tail may come once more before head office has booked that.
func TestReleasedInTheTail(t *testing.T) {
	s := newShop(t).withAnna(1000)
	s.apply(leaseChange(anna, 1, 1000, recall))
	require.NoError(t, s.OpenEpoch("restored", sale.Position{Epoch: 1, Seq: 9, Head: sale.Hash{1}}))
	s.apply(leaseChange(anna, 1, 1000, func(c *sale.LeaseChange) { c.Seen = sale.Seen{Epoch: 1, Seq: 9} }))
	require.Zero(t, s.spendable(anna))
	s.reopen()
	s.apply(leaseChange(anna, 1, 1000, recall))
	require.Equal(t, []string{"epoch", "release", "epoch"}, s.kinds())
}

// An image may hold records that head office had taken before: once it has read the new epoch its count is
// right, and what the till has spent since comes on top.
func TestTailThatHeadOfficeKnew(t *testing.T) {
	s := newShop(t).withAnna(1000)
	s.run(spendOnly(s, s.draft(anna, 0, goods(600)))) // acknowledged, but after the image was taken
	require.NoError(t, s.OpenEpoch("restored", sale.Position{Epoch: 1, Seq: 9, Head: sale.Hash{1}}))
	word := func(seen sale.Seen) sale.Change {
		return leaseChange(anna, 1, 2000, func(c *sale.LeaseChange) {
			c.Seen, c.Spent = seen, []sale.LotAmount{{Lot: lotOf(anna, 1).ID, Amount: 500}}
		})
	}
	s.apply(word(sale.Seen{Epoch: 1, Seq: 9}))
	require.Equal(t, sale.Points(1000), s.spendable(anna), "in doubt it counts twice")
	s.run(spendOnly(s, s.draft(anna, 0, goods(600)))) // 2/2
	require.Equal(t, sale.Points(500), s.spendable(anna))
	s.apply(word(sale.Seen{Epoch: 2, Seq: 1}))
	require.Equal(t, sale.Points(1000), s.spendable(anna), "2000 less 5 that head office knows and 5 since")
}

// spendOnly is a sale that redeems 5 points and earns none.
func spendOnly(s *shop, d sale.Record) sale.Record {
	lot := lotOf(anna, 1).ID
	line := sale.SoldLine{SKU: "sku", Name: "Товар", Qty: 1000, Price: 600, Gross: 600, Redeemed: 500, Net: 100, VAT: 1, Subject: 1, Parts: []sale.Part{{Qty: 1000, Price: 100, Sum: 100}}}
	return sale.Record{
		ID: d.ID, Kind: sale.KindSale,
		Sale: &sale.Sale{
			Customer: anna, Lines: []sale.SoldLine{line}, Gross: 600, Redeemed: 500, Total: 100, Tenders: []sale.Tender{{Kind: sale.TenderCash, Amount: 100}},
		},
		Postings: []sale.Posting{{Account: sale.CustomerAccount(anna), Lot: lot, Amount: -500}, {Account: sale.ProgrammeAccount(), Amount: 500}},
		Spends:   []sale.Spend{{Lease: sale.ID{0xbb, 1}, Lot: lot, Amount: 500}},
	}
}

func lastID(t *testing.T, s *shop) (id sale.ID) {
	t.Helper()
	require.NoError(t, s.Walk(true, func(r *sale.Record, _ sale.Entry) bool {
		id = r.ID
		return false
	}))
	return id
}
