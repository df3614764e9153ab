package loyalty

import (
	"math"
	"testing"

	"github.com/kopilka/kopilka/ledger/sale"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func held(lease, lot byte, from, until sale.Time, free sale.Points) Held {
	return Held{Lease: sale.ID{lease}, Lot: sale.Lot{ID: sale.ID{lot}, ActivatesAt: from, ExpiresAt: until}, Free: free}
}

func spend(lease, lot byte, amount sale.Points) sale.Spend {
	return sale.Spend{Lease: sale.ID{lease}, Lot: sale.ID{lot}, Amount: amount}
}

func TestPlanSpend(t *testing.T) {
	leases := []Held{
		held(1, 10, 0, 0, 500),      // never expires
		held(1, 11, 0, 900, 100),    // the later
		held(2, 12, 0, 300, 70),     // the nearest, of the second lease
		held(1, 12, 0, 300, 30),     // the same lot, of the first
		held(1, 13, 0, 300, 5),      // the same expiry, a later lot
		held(1, 14, 0, 100, 999),    // expires at the very moment
		held(1, 15, 101, 200, 999),  // not yet active
		held(1, 16, 0, 200, 0),      // used up
		held(1, 17, 100, 10000, 20), // active from this very moment
	}
	before := append([]Held(nil), leases...)
	require.Equal(t, sale.Points(725), Spendable(leases, 100))
	for amount, want := range map[sale.Points][]sale.Spend{
		0:   nil,
		20:  {spend(1, 12, 20)},
		110: {spend(1, 12, 30), spend(2, 12, 70), spend(1, 13, 5), spend(1, 11, 5)},
		725: {spend(1, 12, 30), spend(2, 12, 70), spend(1, 13, 5), spend(1, 11, 100), spend(1, 17, 20), spend(1, 10, 500)},
	} {
		got, err := PlanSpend(leases, amount, 100)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	require.Equal(t, before, leases)

	_, err := PlanSpend(leases, 726, 100)
	var short *NotEnoughError
	require.ErrorAs(t, err, &short)
	require.Equal(t, sale.Points(1), short.Missing())
	require.ErrorContains(t, err, "0.01 missing")
	_, err = PlanSpend(leases, -1, 100)
	require.ErrorIs(t, err, sale.ErrAmount)
}

// +100 until 31 January, all spent on the 15th, +50 until 31 March: on 1 February 50 remain, where a
// sum of unexpired credits less all debits would say −50 (FloCafe#78).
func TestSpendableBalanceCollapse(t *testing.T) {
	const january15, january31, february1, march31 = 15, 31, 32, 90
	leases := []Held{held(1, 1, 0, january31, 10_000)}
	spends, err := PlanSpend(leases, 10_000, january15)
	require.NoError(t, err)
	leases[0].Free -= spends[0].Amount
	leases = append(leases, held(1, 2, january15, march31, 5_000))
	require.Equal(t, sale.Points(5_000), Spendable(leases, february1))
}

func TestSpendableDoesNotOverflow(t *testing.T) {
	require.Equal(t, sale.Points(math.MaxInt64), Spendable([]Held{held(1, 1, 0, 0, math.MaxInt64), held(1, 2, 0, 0, 5)}, 0))
}

func TestPlanSpendProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var leases []Held
		for range rapid.IntRange(0, 12).Draw(t, "leases") {
			leases = append(leases, held(
				rapid.Byte().Draw(t, "lease"), rapid.Byte().Draw(t, "lot"), sale.Time(rapid.Int64Range(0, 20).Draw(t, "from")),
				sale.Time(rapid.Int64Range(0, 40).Draw(t, "until")), sale.Points(rapid.Int64Range(0, 1000).Draw(t, "free")),
			))
		}
		at := sale.Time(rapid.Int64Range(0, 40).Draw(t, "at"))
		free := Spendable(leases, at)
		amount := sale.Points(rapid.Int64Range(0, int64(free)).Draw(t, "amount"))
		plan, err := PlanSpend(leases, amount, at)
		require.NoError(t, err)
		var sum sale.Points
		for _, s := range plan {
			require.Positive(t, s.Amount)
			sum += s.Amount
		}
		require.Equal(t, amount, sum)

		shuffled := rapid.Permutation(leases).Draw(t, "shuffled")
		other, err := PlanSpend(shuffled, amount, at)
		require.NoError(t, err)
		require.Equal(t, perLot(plan), perLot(other), "the order of leases must not matter")
	})
}

func perLot(spends []sale.Spend) map[[2]sale.ID]sale.Points {
	m := map[[2]sale.ID]sale.Points{}
	for _, s := range spends {
		m[[2]sale.ID{s.Lease, s.Lot}] += s.Amount
	}
	return m
}

func TestRestoreSpends(t *testing.T) {
	spends := []sale.Spend{spend(1, 12, 30), spend(2, 12, 70), spend(1, 13, 5), spend(1, 11, 95)}
	lot := func(id byte, amount sale.Points) sale.LotAmount {
		return sale.LotAmount{Lot: sale.ID{id}, Amount: amount}
	}
	for _, c := range []struct {
		before, now sale.Points
		want        []sale.LotAmount
	}{
		{0, 0, nil},
		{0, 200, []sale.LotAmount{lot(12, 100), lot(13, 5), lot(11, 95)}},
		{0, 40, []sale.LotAmount{lot(12, 40)}},
		{40, 62, []sale.LotAmount{lot(12, 60), lot(13, 2)}},
		{102, 98, []sale.LotAmount{lot(13, 3), lot(11, 95)}},
	} {
		got, err := RestoreSpends(spends, c.before, c.now)
		require.NoError(t, err)
		require.Equal(t, c.want, got)
	}
	for _, c := range [][2]sale.Points{{0, 201}, {200, 1}, {-1, 1}, {1, -1}, {math.MaxInt64, math.MaxInt64}} {
		_, err := RestoreSpends(spends, c[0], c[1])
		require.ErrorIs(t, err, sale.ErrAmount, "%v", c)
	}
	_, err := RestoreSpends([]sale.Spend{spend(1, 1, -1)}, 0, 0)
	require.ErrorIs(t, err, sale.ErrAmount)
}

func TestRestoreSpendsInAnySplit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var spends []sale.Spend
		var total sale.Points
		for range rapid.IntRange(1, 8).Draw(t, "spends") {
			s := spend(rapid.ByteRange(1, 2).Draw(t, "lease"), rapid.ByteRange(1, 5).Draw(t, "lot"), sale.Points(rapid.Int64Range(0, 50).Draw(t, "amount")))
			spends, total = append(spends, s), total+s.Amount
		}
		want, back := map[sale.ID]sale.Points{}, map[sale.ID]sale.Points{}
		for _, s := range spends {
			want[s.Lot] += s.Amount
		}
		for done := sale.Points(0); done < total; {
			step := sale.Points(rapid.Int64Range(1, int64(total-done)).Draw(t, "step"))
			lots, err := RestoreSpends(spends, done, step)
			require.NoError(t, err)
			var sum sale.Points
			for _, l := range lots {
				back[l.Lot] += l.Amount
				sum += l.Amount
			}
			require.Equal(t, step, sum)
			done += step
		}
		for lot, amount := range want {
			require.Equal(t, amount, back[lot])
		}
	})
}
