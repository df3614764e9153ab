package loyalty

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/kopilka/kopilka/ledger/sale"
)

// backOf is a pending return of goods by article and quantity, at the prices that the customer named.
func backOf(lines ...sale.ReturnedLine) *sale.Return {
	r := &sale.Return{Pending: true, Lines: lines}
	for _, l := range lines {
		r.Total += l.Net
	}
	return r
}

func bought(t require.TestingT, redeem sale.Points, lines ...sale.Line) *sale.Sale {
	p := Default()
	q, err := p.Quote(Request{Lines: lines, Buyer: &Buyer{No: 7, Spendable: redeem}, Redeem: redeem, At: womensDay})
	require.NoError(t, err)
	return saleOf(q)
}

func TestSettleMatchesGoods(t *testing.T) {
	first, second := pieces(milk, 1), pieces(milk, 1)
	first.Code, second.Code = "0104600000000017215A", "0104600000000017215B"
	s := bought(t, 0, pieces(bread, 2), first, second, pieces(bread, 1)) // 2 × 54,50; 89,90; 89,90; 54,50
	got, err := Settle(s, []Returned{{Line: 0, Qty: sale.Piece}}, backOf(
		sale.ReturnedLine{SKU: "bread", Qty: 2 * sale.Piece, Net: 10_900},
		sale.ReturnedLine{SKU: "milk", Code: second.Code, Qty: sale.Piece, Net: 8_990},
	))
	require.NoError(t, err)
	require.Equal(t, []Returned{{0, sale.Piece}, {2, sale.Piece}, {3, sale.Piece}}, got.Lines, "one loaf had come back before, so the other line gives the second")
	require.Equal(t, sale.Money(19_890), got.Figures.Total)
	// 343,30 ₽ earn 10 points, by line 3,17, 2,62, 2,62 and 1,59; of the first line 1,59 went before.
	require.Equal(t, sale.Points(1000), s.Earned)
	require.Equal(t, sale.Points(158+262+159), got.Figures.Clawed)
	require.Zero(t, got.Over)
	require.Empty(t, got.Unmatched)
}

func TestSettleListsWhatDoesNotMatch(t *testing.T) {
	marked := pieces(milk, 1)
	marked.Code = "0104600000000017215A"
	s := bought(t, 0, pieces(bread, 1), marked)
	got, err := Settle(s, nil, backOf(
		sale.ReturnedLine{SKU: "bread", Qty: 3 * sale.Piece, Net: 3 * 5_450}, // more than was bought
		sale.ReturnedLine{SKU: "vodka", Qty: sale.Piece, Net: 39_900},        // never bought
		sale.ReturnedLine{SKU: "milk", Code: "another", Qty: sale.Piece, Net: 8_990},
	))
	require.NoError(t, err)
	require.Equal(t, []Returned{{0, sale.Piece}}, got.Lines)
	require.Equal(t, []sale.Qty{2 * sale.Piece, sale.Piece, sale.Piece}, []sale.Qty{got.Unmatched[0].Qty, got.Unmatched[1].Qty, got.Unmatched[2].Qty})
	require.Equal(t, sale.Money(2*5_450+39_900+8_990), got.Over)
	got, err = Settle(s, []Returned{{0, sale.Piece}}, backOf(sale.ReturnedLine{SKU: "bread", Qty: sale.Piece, Net: 5_450}))
	require.NoError(t, err)
	require.Nil(t, got.Figures)
	require.Equal(t, sale.Money(5_450), got.Over, "money was given for goods that had come back already")
	_, err = Settle(s, []Returned{{0, 2 * sale.Piece}}, backOf())
	require.ErrorIs(t, err, ErrReturn)
}

// However a receipt's pieces come back, by known lines or settled from a QR, all points end where one whole
// return ends.
func TestSettledPartsEndWhereAWholeReturnEnds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 12).Draw(t, "loaves")
		s := bought(t, sale.Points(rapid.Int64Range(0, 50).Draw(t, "points"))*sale.Point, pieces(bread, sale.Qty(n)), pieces(vodka, 1))
		whole, err := Refund(s, nil, []Returned{{0, sale.Qty(n) * sale.Piece}})
		require.NoError(t, err)
		var before []Returned
		var total sale.Money
		var restored, clawed sale.Points
		for left := n; left > 0; {
			some := rapid.IntRange(1, left).Draw(t, "part")
			left -= some
			got, err := Settle(s, before, backOf(sale.ReturnedLine{SKU: "bread", Qty: sale.Qty(some) * sale.Piece}))
			require.NoError(t, err)
			require.Empty(t, got.Unmatched)
			before = append(before, got.Lines...)
			total, restored, clawed = total+got.Figures.Total, restored+got.Figures.Restored, clawed+got.Figures.Clawed
		}
		require.Equal(t, []int64{int64(whole.Total), int64(whole.Restored), int64(whole.Clawed)}, []int64{int64(total), int64(restored), int64(clawed)})
	})
}
