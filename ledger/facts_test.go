package ledger_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/ledger"
	"github.com/kopilka/kopilka/ledger/sale"
)

func TestFacts(t *testing.T) {
	s := newShop(t)
	s.apply(customerChange(sale.Customer{No: anna, Balance: 5000}), leaseChange(anna, 1, 5000, nil))
	facts := func(no sale.CustomerNo) ledger.Facts {
		f, err := s.Facts(sale.Customer{No: no, Accounts: []sale.CustomerNo{90}})
		require.NoError(t, err)
		return f
	}
	s.openShift()
	s.Looked(anna)
	s.Looked(6)
	s.Looked(6)
	require.Equal(t, ledger.Facts{Lookups: 2}, facts(anna))
	began := s.clock.At
	s.sell(anna, 0, 10000)
	require.Equal(t, ledger.Facts{Receipts: 1, LastReceipt: began, Lookups: 1}, facts(anna), "who has bought was not looked up in vain")
	s.clock.At = began.Add(time.Hour)
	s.sell(anna, 500, 10000)
	s.reopen()
	want := ledger.Facts{Receipts: 2, LastReceipt: s.clock.At, LastRedeemed: s.clock.At, Lookups: 1}
	require.Equal(t, want, facts(anna))
	s.Looked(7) // no record takes it along: closing does
	s.reopen()
	require.Equal(t, 2, facts(0).Lookups)
	s.openShift()
	want.Receipts, want.Lookups = 0, 0
	require.Equal(t, want, facts(anna), "another shift")
	s.clock.At = s.clock.At.Add(25 * time.Hour)
	require.Zero(t, facts(anna).Receipts)
}

// openShift opens a shift.
func (s *shop) openShift() {
	r := sale.Record{ID: s.id(), Kind: sale.KindShiftOpen}
	j, err := s.Begin(ledger.Job{Draft: r})
	require.NoError(s.t, err)
	_, err = s.Finish(r.ID, s.print(j, sale.DocShiftOpen))
	require.NoError(s.t, err)
}

func TestKPIs(t *testing.T) {
	s := clubShop(t)
	require.NoError(t, s.SetSettings(sale.Settings{House: 500}))
	s.apply(customerChange(sale.Customer{No: anna, Balance: 5000}), leaseChange(anna, 1, 5000, nil), customerChange(sale.Customer{No: 8, State: sale.CustomerTest}))
	s.sell(anna, 0, 10000) // yesterday's
	s.clock.At = s.clock.At.Add(24 * time.Hour)
	since := s.clock.At
	s.with = func(n *ledger.NewSale) { n.House = 500 }
	s.sell(0, 0, 10000)
	s.sell(8, 0, 10000)
	of := s.sell(anna, 500, 10000) // less the partner's 2.00 of yesterday 93.00: earns 2.79, gives the cashier 0.93
	kpi := func() map[sale.StaffNo]ledger.KPI {
		all, err := s.KPIs(since)
		require.NoError(t, err)
		return all
	}
	want := ledger.KPI{Receipts: 2, WithCustomer: 1, Sold: 19300, Earned: 279, Redeemed: 500, Reward: 100 + 93}
	require.Equal(t, map[sale.StaffNo]ledger.KPI{1: want}, kpi())
	_, _, err := s.EnrolCustomer(newcomer(40))
	require.NoError(t, err)
	back, err := s.draftReturn(of, 0, sale.Piece)
	require.NoError(t, err)
	back.Staff = 2
	s.run(back)
	want.Reward = 100
	all := map[sale.StaffNo]ledger.KPI{1: want, 2: {Returns: 1, Earned: -279, Redeemed: -500}, 3: {Enrolled: 1}}
	require.Equal(t, all, kpi())
	s.reopen()
	require.Equal(t, all, kpi(), "as reckoned anew")
	s.clock.At = s.clock.At.Add(time.Hour)
	since = s.clock.At
	require.Empty(t, kpi())
}

func TestStanding(t *testing.T) {
	s := newShop(t)
	_, err := s.Standing()
	require.ErrorIs(t, err, ledger.ErrNotFound)
	word := func(store sale.StoreNo, receipts uint32) sale.Change {
		return sale.Change{Kind: sale.ChangeStanding, Key: u32(uint32(store)), Body: encoded(sale.Standing{
			Store: store, Day: 20261102, Rows: []sale.StandingRow{{Staff: 1, Receipts: receipts}},
		})}
	}
	s.apply(word(1, 5), word(2, 9))
	got, err := s.Standing()
	require.NoError(t, err)
	require.Equal(t, uint32(5), got.Rows[0].Receipts, "another store's is not ours")
	late := word(1, 3)
	late.Version = 1
	require.NoError(t, s.Apply(s.version, []sale.Change{word(1, 6)}))
	s.apply(word(1, 7))
	require.NoError(t, s.Apply(s.version, []sale.Change{late}))
	got, err = s.Standing()
	require.NoError(t, err)
	require.Equal(t, uint32(7), got.Rows[0].Receipts)
}

func TestExplain(t *testing.T) {
	s := newShop(t)
	s.apply(customerChange(sale.Customer{No: anna, Balance: 1000, Accounts: []sale.CustomerNo{6}, Seen: sale.Seen{Epoch: 1, Seq: 2}}), leaseChange(anna, 1, 1000, nil), leaseChange(6, 2, 70, nil))
	first := s.sell(anna, 0, 10000) // head office has read it: it is in the 10.00
	second := s.sell(anna, 400, 10000)
	e, err := s.Explain(anna)
	require.NoError(t, err)
	require.Equal(t, sale.Points(1000), e.Told.Balance)
	require.Equal(t, 1000-400+second.Sale.Earned, e.Now.Balance)
	require.Len(t, e.Lots, 4)
	require.Len(t, e.Entries, 2)
	require.True(t, e.Entries[0].Heard)
	require.Equal(t, first.ID, e.Entries[0].Record.ID)
	require.False(t, e.Entries[1].Heard)
	require.Equal(t, s.programme.Version, e.Entries[1].Record.Sale.Programme)
	var sum, left sale.Points
	for _, p := range e.Entries[1].Postings {
		sum += p.Amount
	}
	require.Equal(t, e.Now.Balance-e.Told.Balance, sum)
	for _, l := range e.Lots {
		left += l.Lent - l.Spent
	}
	require.Equal(t, s.spendable(anna), left)
	_, err = s.Explain(99)
	require.ErrorIs(t, err, ledger.ErrNotFound)
}
