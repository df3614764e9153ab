package loyalty

import (
	"testing"

	"github.com/kopilka/kopilka/ledger/sale"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestRepresent(t *testing.T) {
	for name, c := range map[string]struct {
		qty  sale.Qty
		sum  sale.Money
		want []sale.Part
	}{
		"one piece is its own price":           {1000, 16573, []sale.Part{{Qty: 1000, Price: 16573, Sum: 16573}}},
		"six pieces, 487.25":                   {6000, 48725, []sale.Part{{Qty: 1000, Price: 8120, Sum: 8120}, {Qty: 5000, Price: 8121, Sum: 40605}}},
		"pieces that divide":                   {4000, 10000, []sale.Part{{Qty: 4000, Price: 2500, Sum: 10000}}},
		"fewer kopecks than pieces":            {3000, 2, []sale.Part{{Qty: 1000, Price: 0, Sum: 0}, {Qty: 2000, Price: 1, Sum: 2}}},
		"nothing":                              {2000, 0, []sale.Part{{Qty: 2000, Price: 0, Sum: 0}}},
		"0.432 kg for 43.15: one price gives":  {432, 4315, []sale.Part{{Qty: 432, Price: 9988, Sum: 4315}}},
		"a few grams at the dearest price":     {22, 12094627906, []sale.Part{{Qty: 22, Price: sale.MoneyMax, Sum: 12094627906}}},
		"3.8 kg for 342.88: the weight splits": {3800, 34288, []sale.Part{{Qty: 3200, Price: 9023, Sum: 28874}, {Qty: 600, Price: 9024, Sum: 5414}}},
		// 0.505 × 1.00 and 1.500 × 1.01 end in half a kopeck each; a gram moves.
		"both parts end in half a kopeck": {2005, 202, []sale.Part{{Qty: 504, Price: 100, Sum: 50}, {Qty: 1501, Price: 101, Sum: 152}}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Represent(c.qty, c.sum)
			require.NoError(t, err)
			requireParts(t, got, c.qty, c.sum)
			require.Equal(t, c.want, got)
		})
	}
}

func TestRepresentRefuses(t *testing.T) {
	for _, c := range []struct {
		qty sale.Qty
		sum sale.Money
	}{{0, 100}, {-1, 100}, {1000, -1}, {1000, sale.MoneyMax + 1}, {1, sale.MoneyMax}} {
		_, err := Represent(c.qty, c.sum)
		require.ErrorIs(t, err, sale.ErrAmount, "%v", c)
	}
}

// Where both parts end in half a kopeck, rounding both up would give one kopeck too many: for every
// price of a thousand and every weight, the split must still be exact.
func TestRepresentHalves(t *testing.T) {
	halves := 0
	for price := sale.Money(1); price < 1000; price++ {
		for second := sale.Qty(1); second < 1500; second++ {
			if int64(second)*int64(price+1)%1000 != 500 {
				continue
			}
			for first := sale.Qty(1); first < 1500; first += 7 {
				if int64(first)*int64(price)%1000 != 500 || (first+second)%sale.Piece == 0 {
					continue
				}
				halves++
				sum := sale.Money((int64(first)*int64(price) + int64(second)*int64(price+1)) / 1000)
				got, err := Represent(first+second, sum)
				require.NoError(t, err)
				requireParts(t, got, first+second, sum)
			}
		}
	}
	require.Greater(t, halves, 1000)
}

func TestRepresentProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		qty := sale.Qty(rapid.OneOf(rapid.Int64Range(1, 3000), rapid.Int64Range(1, 50_000), rapid.Int64Range(1, 1_000_000_000)).Draw(t, "qty"))
		sum := sale.Money(rapid.OneOf(rapid.Int64Range(0, 2000), rapid.Int64Range(0, 10_000_000)).Draw(t, "sum"))
		got, err := Represent(qty, sum)
		require.NoError(t, err)
		requireParts(t, got, qty, sum)
	})
}

func requireParts(t require.TestingT, parts []sale.Part, qty sale.Qty, sum sale.Money) {
	require.NotEmpty(t, parts)
	require.LessOrEqual(t, len(parts), 2)
	for _, p := range parts {
		exact, err := p.Price.Times(p.Qty)
		require.NoError(t, err)
		require.Equal(t, exact, p.Sum)
		require.Positive(t, p.Qty)
		require.GreaterOrEqual(t, p.Price, sale.Money(0))
		require.False(t, qty%sale.Piece == 0 && p.Qty%sale.Piece != 0, "a piece was cut")
		qty, sum = qty-p.Qty, sum-p.Sum
	}
	require.Zero(t, qty)
	require.Zero(t, sum)
}

// A marking code stands on one line of a receipt only: marked cheese is one part, whatever points and discounts leave
// of it, and by a kopeck a kilogram at most the receipt's sum follows.
func TestQuoteKeepsAMarkedWeightWhole(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := Default()
		p.Policy = rapid.SampledFrom([]Policy{PolicyPoints, PolicyDiscount, PolicyCombined}).Draw(t, "policy")
		p.Counter = rapid.Bool().Draw(t, "counter")
		p.RedeemStep = 1
		cheese := sale.Product{Name: "Сыр", Price: sale.Money(rapid.Int64Range(1000, 200_000).Draw(t, "price")), Traits: sale.Weighed | sale.Marked}
		qty := sale.Qty(rapid.Int64Range(1, 30_000).Draw(t, "grams"))
		b := buyer(rapid.Uint16Range(0, 2).Draw(t, "tier"), sale.Points(rapid.Int64Range(0, 300_000).Draw(t, "spendable")))
		req := Request{Lines: []sale.Line{weighed(cheese, qty)}, Buyer: b, Redeem: RedeemAll}
		marked, err := p.Quote(req)
		require.NoError(t, err)
		req.Lines[0].Product.Traits = sale.Weighed
		plain, err := p.Quote(req)
		require.NoError(t, err)

		l := marked.Lines[0]
		require.Len(t, l.Printed(), 1)
		requireParts(t, l.Parts, qty, l.Net)
		require.Equal(t, marked.Total, marked.Gross-marked.Discount-marked.Redeemed.Worth())
		require.LessOrEqual(t, marked.Redeemed, plain.Redeemed, "nobody asked for more points")
		moved := marked.Total - plain.Total
		require.LessOrEqual(t, max(moved, -moved), sale.Money((qty+sale.Piece-1)/sale.Piece))
	})
}
