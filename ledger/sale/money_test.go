package sale

import (
	"math"
	"math/big"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestTimes(t *testing.T) {
	for name, c := range map[string]struct {
		price Money
		qty   Qty
		want  Money
	}{
		"a piece":                 {12990, 1000, 12990},
		"nothing":                 {12990, 0, 0},
		"half a kopeck goes up":   {1, 500, 1},
		"less than half goes off": {1, 499, 0},
		"apples by weight":        {12990, 432, 5612}, // 56.1168
		"a half exactly":          {333, 1500, 500},   // 4.995
		"negative price":          {-1, 500, -1},      // half away from zero, so that a refund mirrors a sale
		"negative quantity":       {12990, -432, -5612},
		"the dearest receipt":     {MoneyMax, 1000, MoneyMax},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := c.price.Times(c.qty)
			require.NoError(t, err)
			require.Equal(t, c.want, got)
		})
	}
	for _, c := range []struct {
		price Money
		qty   Qty
	}{{MoneyMax, 1001}, {-MoneyMax, 1001}, {math.MaxInt64, math.MaxInt64}, {math.MinInt64, math.MinInt64}, {math.MinInt64, 1000}} {
		_, err := c.price.Times(c.qty)
		require.ErrorIs(t, err, ErrAmount, "%d × %d", c.price, c.qty)
	}
}

// Every figure is held against arithmetic without limits.
func TestMoneyAgainstBigIntegers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := Money(rapid.Int64().Draw(t, "money"))
		part := rapid.Int64().Draw(t, "part")
		whole := rapid.Int64Range(1, math.MaxInt64).Draw(t, "whole")
		down, up := bigShare(int64(m), part, whole, false), bigShare(int64(m), part, whole, true)
		require.Equal(t, fitting(down), m.Share(part, whole))
		require.Equal(t, fitting(up), m.ShareRounded(part, whole))
		bp := BasisPoints(rapid.Int32().Draw(t, "basis points"))
		require.Equal(t, fitting(bigShare(int64(m), int64(bp), 10_000, false)), m.Percent(bp))
		qty := Qty(part)
		got, err := m.Times(qty)
		want := bigShare(int64(m), part, 1000, true)
		if want.CmpAbs(big.NewInt(int64(MoneyMax))) > 0 {
			require.ErrorIs(t, err, ErrAmount)
			return
		}
		require.NoError(t, err)
		require.Equal(t, Money(want.Int64()), got)
	})
}

// bigShare is a×b÷c towards zero, or half away from it.
func bigShare(a, b, c int64, half bool) *big.Int {
	v := new(big.Int).Mul(big.NewInt(a), big.NewInt(b))
	sign := v.Sign()
	v.Abs(v)
	if half {
		v.Add(v, big.NewInt(c/2))
	}
	v.Quo(v, big.NewInt(c))
	if sign < 0 {
		v.Neg(v)
	}
	return v
}

// fitting is what a share without an error answers: nothing where it does not fit.
func fitting(v *big.Int) Money {
	if new(big.Int).Abs(v).Cmp(big.NewInt(math.MaxInt64)) > 0 {
		return 0
	}
	return Money(v.Int64())
}

func TestShareOfNothing(t *testing.T) {
	require.Zero(t, Money(100).Share(1, 0))
	require.Zero(t, Money(100).ShareRounded(1, -1))
	require.Equal(t, Money(33), Money(100).Share(1, 3))
	require.Equal(t, Money(-33), Money(-100).Share(1, 3))
	require.Equal(t, Money(67), Money(100).ShareRounded(2, 3))
	require.Equal(t, Money(49), Money(999).Percent(499)) // 49.8501
}

func TestParseAndFormat(t *testing.T) {
	for in, want := range map[string]Money{
		"0": 0, "12": 1200, "12.5": 1250, "12,50": 1250, " 7.05 ": 705, "-0.01": -1, "007": 700, "5497558138.87": MoneyMax, "-5497558138.87": -MoneyMax,
	} {
		got, err := ParseMoney(in)
		require.NoError(t, err, in)
		require.Equal(t, want, got, in)
	}
	for _, in := range []string{
		"", " ", "-", "+5", "1.", ".5", "1.234", "1.2.3", "1,2.3", "1 000", "--1", "-+1", "1e3", "٣", "0x10", "5497558138.88", "-5497558138.88", "92233720368547758.08", "99999999999999999999",
	} {
		_, err := ParseMoney(in)
		require.ErrorIs(t, err, ErrAmount, "%q", in)
	}
	require.Equal(t, "1234.50", Money(123450).String())
	require.Equal(t, "-0.05", Money(-5).String())
	require.Equal(t, "-92233720368547758.08", Money(math.MinInt64).String())
	require.Equal(t, "240", Points(24000).String())
	require.Equal(t, "12.50", Points(1250).String())
	require.Equal(t, "0.432", Qty(432).String())
	require.Equal(t, "-2", Qty(-2000).String())
	require.Equal(t, "2.50%", BasisPoints(250).String())
	require.Equal(t, "5%", BasisPoints(500).String())
}

func TestParsePercent(t *testing.T) {
	for in, want := range map[string]BasisPoints{"5": 500, "2.5": 250, "2,5%": 250, " 100% ": 10_000, "0": 0} {
		got, err := ParsePercent(in)
		require.NoError(t, err, in)
		require.Equal(t, want, got, in)
	}
	for _, in := range []string{"", "%", "5%%", "0.001", "99999999999"} {
		_, err := ParsePercent(in)
		require.ErrorIs(t, err, ErrAmount, "%q", in)
	}
}

func TestTextRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := Money(rapid.Int64Range(-int64(MoneyMax), int64(MoneyMax)).Draw(t, "money"))
		gotMoney, err := ParseMoney(m.String())
		require.NoError(t, err)
		require.Equal(t, m, gotMoney)
		v := rapid.Int64Range(-math.MaxInt64, math.MaxInt64).Draw(t, "any")
		gotPoints, err := ParsePoints(Points(v).String())
		require.NoError(t, err)
		require.Equal(t, Points(v), gotPoints)
		gotQty, err := ParseQty(Qty(v).String())
		require.NoError(t, err)
		require.Equal(t, Qty(v), gotQty)
		bp := BasisPoints(rapid.Int32().Draw(t, "percent"))
		gotPercent, err := ParsePercent(bp.String())
		require.NoError(t, err)
		require.Equal(t, bp, gotPercent)
	})
}

func TestPointsPayOneToOne(t *testing.T) {
	require.Equal(t, Rouble, Point.Worth())
	require.Equal(t, Point, Rouble.AsPoints())
}
