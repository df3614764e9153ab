package loyalty

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/kopilka/kopilka/ledger/sale"
)

func TestExpire(t *testing.T) {
	p := Default()
	p.GraceDays = 10
	lot := func(n byte, expires sale.Time) sale.Lot { return sale.Lot{ID: sale.ID{n}, ExpiresAt: expires} }
	take, held := p.Expire([]Holding{
		{Lot: lot(1, womensDay.Add(-days(10))), Remaining: 100},             // the grace is over
		{Lot: lot(2, womensDay.Add(-days(10))+1), Remaining: 100},           // not yet
		{Lot: lot(3, 0), Remaining: 100},                                    // never
		{Lot: lot(4, womensDay.Add(-days(20))), Remaining: 100, Leased: 30}, // 30 at a till
		{Lot: lot(5, womensDay.Add(-days(20))), Remaining: 30, Leased: 30},
		{Lot: lot(6, womensDay.Add(-days(20))), Remaining: -5}, // overspent by a till: nothing to take
	}, womensDay)
	require.Equal(t, []sale.LotAmount{{Lot: sale.ID{1}, Amount: 100}, {Lot: sale.ID{4}, Amount: 70}}, take)
	require.Equal(t, []sale.ID{{4}, {5}}, held)
	take, _ = (*Programme)(nil).Expire([]Holding{{Lot: lot(1, womensDay), Remaining: 1}}, womensDay)
	require.Len(t, take, 1)
}

// FloCafe#78, "balance collapse": +100 to 31 January, −100 on 15 January, +50 to 31 March. On 1 February the
// sum of unexpired credits less all debits would be −50; the lots say 50.
func TestBalanceCollapse(t *testing.T) {
	day := func(m time.Month, d int) sale.Time { return sale.At(time.Date(2027, m, d, 0, 0, 0, 0, time.UTC)) }
	p := Default()
	first := Holding{Lot: sale.Lot{ID: sale.ID{1}, ExpiresAt: day(1, 31)}, Remaining: 100 * sale.Point}
	first.Remaining -= 100 * sale.Point // spent out of the lot that it names
	second := Holding{Lot: sale.Lot{ID: sale.ID{2}, ExpiresAt: day(3, 31)}, Remaining: 50 * sale.Point}
	take, _ := p.Expire([]Holding{first, second}, day(2, 1))
	require.Empty(t, take)
	require.Equal(t, 50*sale.Point, first.Remaining+second.Remaining)
}

// Whatever was spent, leased and asked how often: nothing is taken twice, no lot goes below what is leased of
// it, and what is left is what was there less what was taken.
func TestExpireNeverTakesTwice(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := Default()
		p.GraceDays = rapid.Uint32Range(0, 30).Draw(t, "grace")
		var lots []Holding
		var sum, taken sale.Points
		for i := range rapid.IntRange(0, 6).Draw(t, "lots") {
			h := Holding{Lot: sale.Lot{ID: sale.ID{byte(i)}, ExpiresAt: womensDay.Add(days(rapid.IntRange(-60, 60).Draw(t, "expires")))}}
			h.Remaining = sale.Points(rapid.Int64Range(0, 500).Draw(t, "remaining"))
			h.Leased = sale.Points(rapid.Int64Range(0, int64(h.Remaining)).Draw(t, "leased"))
			lots, sum = append(lots, h), sum+h.Remaining
		}
		for range 3 {
			take, _ := p.Expire(lots, womensDay)
			for _, x := range take {
				h := &lots[x.Lot[0]]
				h.Remaining -= x.Amount
				taken += x.Amount
				require.GreaterOrEqual(t, h.Remaining, h.Leased)
			}
		}
		again, _ := p.Expire(lots, womensDay)
		require.Empty(t, again)
		for _, h := range lots {
			sum -= h.Remaining
		}
		require.Equal(t, taken, sum)
	})
}
