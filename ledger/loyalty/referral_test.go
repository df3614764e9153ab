package loyalty

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/kopilka/kopilka/ledger/sale"
)

// uds has three levels, 5, 2 and 1 %, from receipts of 500 ₽ on, at most 300 points a month.
var uds = Referral{Rates: []sale.BasisPoints{500, 200, 100}, First: 100 * sale.Point, Friend: 50 * sale.Point, Min: 500 * sale.Rouble, Month: 300 * sale.Point}

func above(chain map[sale.CustomerNo]sale.CustomerNo) func(sale.CustomerNo) (Link, bool) {
	return func(no sale.CustomerNo) (Link, bool) {
		by, ok := chain[no]
		return Link{Customer: by}, ok
	}
}

func TestReferralShares(t *testing.T) {
	chain, cycle := uds.Chain(1, above(map[sale.CustomerNo]sale.CustomerNo{1: 2, 2: 3, 3: 4, 4: 5}))
	require.False(t, cycle)
	require.Equal(t, []Link{{Customer: 2}, {Customer: 3}, {Customer: 4}}, chain, "three levels, not four")
	chain[1].State = sale.CustomerBlocked
	got := uds.Shares(Bought{Total: 123_456, Kept: 123_456}, chain) // 1234,56 ₽
	require.Len(t, got, 3)
	require.Equal(t, sale.Points(6172), got[0].Deserved, "61,728 rounded down")
	require.Equal(t, "За покупку друга, уровень 1: 5% от 1234,56 ₽ = 61,72", ReasonText(got[0].Reasons[0], "ru"))
	require.Zero(t, got[1].Deserved)
	require.Equal(t, RuleReferralClosed, got[1].Reasons[0].Rule)
	require.Equal(t, sale.Points(1234), got[2].Deserved)
	for _, s := range uds.Shares(Bought{Total: 49_999, Kept: 49_999}, chain[:1]) {
		require.Zero(t, s.Deserved)
		require.False(t, s.Counts)
		require.Equal(t, "A reward is due for a receipt of 500.00 or more", ReasonText(s.Reasons[0], "en"))
	}
}

func TestReferralCyclesAreRefused(t *testing.T) {
	for name, c := range map[string]struct {
		by   map[sale.CustomerNo]sale.CustomerNo
		want []Link
	}{
		"oneself":            {map[sale.CustomerNo]sale.CustomerNo{1: 1}, nil},
		"one another":        {map[sale.CustomerNo]sale.CustomerNo{1: 2, 2: 1}, []Link{{Customer: 2}}},
		"three in a circle":  {map[sale.CustomerNo]sale.CustomerNo{1: 2, 2: 3, 3: 1}, []Link{{Customer: 2}, {Customer: 3}}},
		"a circle above one": {map[sale.CustomerNo]sale.CustomerNo{1: 2, 2: 3, 3: 2}, []Link{{Customer: 2}, {Customer: 3}}},
	} {
		t.Run(name, func(t *testing.T) {
			chain, cycle := uds.Chain(1, above(c.by))
			require.True(t, cycle)
			require.Equal(t, c.want, chain)
		})
	}
}

func TestReferralMonth(t *testing.T) {
	require.Equal(t, 299*sale.Point, uds.InMonth(299*sale.Point))
	require.Equal(t, 300*sale.Point, uds.InMonth(301*sale.Point))
	require.Equal(t, 301*sale.Point, Referral{}.InMonth(301*sale.Point))
}

// 1000 ₽ at 5 % are 50 points; brought back in 200 parts of 5 ₽ they leave none, and on the way never more
// than what was kept deserves.
func TestReferralRefundedIn200Parts(t *testing.T) {
	r := Referral{Rates: []sale.BasisPoints{500}}
	given := sale.Points(0)
	for part := 0; part <= 200; part++ {
		kept := sale.Money(100_000 - 500*part)
		deserved := r.Shares(Bought{Total: 100_000, Kept: kept}, []Link{{Customer: 2}})[0].Deserved
		given += deserved - given // what a decision posts: the difference
		require.Equal(t, kept.Percent(500).AsPoints(), given)
	}
	require.Zero(t, given)
}

func TestTakeBack(t *testing.T) {
	a, b := sale.ID{1}, sale.ID{2}
	parts, debt := TakeBack(70, []sale.LotAmount{{Lot: a, Amount: 50}, {Lot: b, Amount: 50}})
	require.Equal(t, []sale.LotAmount{{Lot: a, Amount: 50}, {Lot: b, Amount: 20}}, parts)
	require.Zero(t, debt)
	parts, debt = TakeBack(70, nil)
	require.Empty(t, parts)
	require.Equal(t, sale.Points(70), debt)
	rapid.Check(t, func(t *rapid.T) {
		amount := sale.Points(rapid.Int64Range(0, 1000).Draw(t, "amount"))
		free := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) sale.LotAmount {
			return sale.LotAmount{Lot: sale.ID{byte(rapid.Int().Draw(t, "lot"))}, Amount: sale.Points(rapid.Int64Range(0, 300).Draw(t, "free"))}
		}), 0, 6).Draw(t, "lots")
		parts, debt := TakeBack(amount, free)
		for _, p := range parts {
			require.Positive(t, p.Amount)
			amount -= p.Amount
		}
		require.Equal(t, amount, debt)
	})
}
