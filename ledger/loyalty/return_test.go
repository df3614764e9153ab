package loyalty

import (
	"slices"
	"testing"

	"github.com/kopilka/kopilka/ledger/sale"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// A purchase of 1000 roubles with 1 point for 10 roubles, returned in 200 parts of 5 roubles. A rule that
// rounds each return down by itself takes no point back and leaves the customer 100.
func TestRefundIn200Parts(t *testing.T) {
	p := Default()
	p.Tiers[0].Earn = 1000
	q, err := p.Quote(Request{Lines: []sale.Line{pieces(sale.Product{Name: "Пакет", Price: 500}, 200)}, Buyer: buyer(0, 0)})
	require.NoError(t, err)
	require.Equal(t, 100*sale.Point, q.Earned)
	s := saleOf(q)
	var before []Returned
	var money sale.Money
	var clawed sale.Points
	for i := range 200 {
		now := []Returned{{Line: 0, Qty: sale.Piece}}
		r, err := Refund(s, before, now)
		require.NoError(t, err)
		require.Equal(t, sale.Money(500), r.Total, "part %d", i)
		before, money, clawed = append(before, now...), money+r.Total, clawed+r.Clawed
	}
	require.Equal(t, 1000*sale.Rouble, money)
	require.Equal(t, 100*sale.Point, clawed)
}

func TestRefund(t *testing.T) {
	s := &sale.Sale{Lines: []sale.SoldLine{
		{ // six pieces, 529.20 less 41.95 of points
			SKU: "butter", Name: "Масло", Qty: 6000, Price: 8820, Gross: 52920, Redeemed: 4195, Net: 48725, Earned: 1461,
			Parts: []sale.Part{{Qty: 1000, Price: 8120, Sum: 8120}, {Qty: 5000, Price: 8121, Sum: 40605}},
		},
		{ // a split weight
			SKU: "meat", Name: "Мясо", Qty: 3800, Price: 9800, Gross: 37240, Redeemed: 2952, Net: 34288, Traits: sale.Weighed,
			Parts: []sale.Part{{Qty: 3200, Price: 9023, Sum: 28874}, {Qty: 600, Price: 9024, Sum: 5414}},
		},
		{
			SKU: "saffron", Name: "Шафран", Qty: 22, Price: 51555, Gross: 1134, Net: 1134, Traits: sale.Weighed,
			Parts: []sale.Part{{Qty: 22, Price: 51555, Sum: 1134}},
		},
	}}
	for name, c := range map[string]struct {
		before, now []Returned
		want        []sale.ReturnedLine
	}{
		"one piece at the first price": { // 4195/6 = 699.2; kept 5/6 of 1461 = 1217.5
			nil,
			[]Returned{{0, 1000}},
			[]sale.ReturnedLine{{Qty: 1000, Net: 8120, Restored: 699, Clawed: 244, Parts: []sale.Part{{Qty: 1000, Price: 8120, Sum: 8120}}}},
		},
		"the next two at the second": { // 4195/2 = 2097.5 less 699; kept 1/2 of 1461 = 730.5, clawed 731 less 244
			[]Returned{{0, 1000}},
			[]Returned{{0, 1000}, {0, 1000}},
			[]sale.ReturnedLine{{Qty: 2000, Net: 16242, Restored: 1398, Clawed: 487, Parts: []sale.Part{{Qty: 2000, Price: 8121, Sum: 16242}}}},
		},
		"two across the prices": {
			nil,
			[]Returned{{0, 2000}},
			[]sale.ReturnedLine{{Qty: 2000, Net: 16241, Restored: 1398, Clawed: 487, Parts: []sale.Part{{Qty: 1000, Price: 8120, Sum: 8120}, {Qty: 1000, Price: 8121, Sum: 8121}}}},
		},
		"half a kilogram": { // 0.5 × 90.23 = 45.115; 2952 × 0.5 ÷ 3.8 = 388.4
			nil,
			[]Returned{{1, 500}},
			[]sale.ReturnedLine{{Line: 1, Qty: 500, Net: 4512, Restored: 388, Parts: []sale.Part{{Qty: 500, Price: 9023, Sum: 4512}}}},
		},
		"the next half leaves what was rounded up": { // 1 × 90.23 less 45.12: no longer 0.5 × 90.23
			[]Returned{{1, 500}},
			[]Returned{{1, 500}},
			[]sale.ReturnedLine{{Line: 1, Qty: 500, Net: 4511, Restored: 388, Parts: []sale.Part{{Qty: 500, Price: 9022, Sum: 4511}}}},
		},
		"a few grams at the price of the receipt": { // 0.022 × 515.55 = 11.3421; 11.34 ÷ 0.022 would say 515.45
			nil,
			[]Returned{{2, 22}},
			[]sale.ReturnedLine{{Line: 2, Qty: 22, Net: 1134, Parts: []sale.Part{{Qty: 22, Price: 51555, Sum: 1134}}}},
		},
		"all of everything, in the sale's order": {
			nil,
			[]Returned{{1, 3800}, {0, 6000}},
			[]sale.ReturnedLine{
				{Qty: 6000, Net: 48725, Restored: 4195, Clawed: 1461, Parts: s.Lines[0].Parts},
				{Line: 1, Qty: 3800, Net: 34288, Restored: 2952, Parts: s.Lines[1].Parts},
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			r, err := Refund(s, c.before, c.now)
			require.NoError(t, err)
			for i := range c.want {
				c.want[i].SKU, c.want[i].Name = s.Lines[c.want[i].Line].SKU, s.Lines[c.want[i].Line].Name
			}
			require.Equal(t, c.want, r.Lines)
			require.NoError(t, recordOf(nil, r).Validate())
		})
	}
}

func TestRefundRefuses(t *testing.T) {
	q, err := kopecks().Quote(Request{Lines: []sale.Line{pieces(bread, 2), weighed(apples, 432)}})
	require.NoError(t, err)
	s := saleOf(q)
	for name, c := range map[string]struct {
		before, now []Returned
		says        string
	}{
		"nothing":             {nil, nil, "nothing to return"},
		"zero":                {nil, []Returned{{0, 0}}, "line 1: quantity 0, want more than zero"},
		"negative":            {nil, []Returned{{0, -1000}}, "line 1: quantity -1, want more than zero"},
		"unknown line":        {nil, []Returned{{2, 1000}}, "line 3 is not on the receipt"},
		"negative line":       {nil, []Returned{{-1, 1000}}, "line 0 is not on the receipt"},
		"half a loaf":         {nil, []Returned{{0, 500}}, "sold by the piece"},
		"more than bought":    {nil, []Returned{{0, 3000}}, "quantity 3, only 2 left"},
		"more, in two":        {nil, []Returned{{0, 2000}, {0, 1000}}, "quantity 1, only 0 left"},
		"more after earlier":  {[]Returned{{0, 1000}}, []Returned{{0, 2000}}, "quantity 2, only 1 left"},
		"a gram too many":     {[]Returned{{1, 400}}, []Returned{{1, 33}}, "quantity 0.033, only 0.032 left"},
		"earlier too many":    {[]Returned{{0, 3000}}, []Returned{{1, 1}}, "earlier returns: line 1: quantity 3, only 2 left"},
		"earlier of no line":  {[]Returned{{5, 1000}}, []Returned{{1, 1}}, "earlier returns: line 6 is not"},
		"beyond any quantity": {[]Returned{{0, 1000}}, []Returned{{0, 1<<63 - 808}}, "only 1 left"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Refund(s, c.before, c.now)
			require.ErrorIs(t, err, ErrReturn)
			require.ErrorContains(t, err, c.says)
		})
	}
	_, err = Refund(&sale.Sale{}, nil, []Returned{{0, 1000}})
	require.ErrorIs(t, err, ErrReturn)
	s.Lines[0].Parts = nil
	_, err = Refund(s, nil, []Returned{{0, 1000}})
	require.ErrorIs(t, err, ErrReturn)
	require.ErrorContains(t, err, "parts lack 1")
}

// Whatever is returned in whatever pieces and order ends where one whole return ends, each return is a
// valid record, and nothing is ever given back twice or taken back negative.
func TestRefundInAnySplit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		q, err := drawProgramme(t).Quote(drawRequest(t))
		require.NoError(t, err)
		s := saleOf(q)
		sold, err := sale.Encode(s)
		require.NoError(t, err)

		left := make([]sale.Qty, len(s.Lines))
		for i, l := range s.Lines {
			left[i] = l.Qty
		}
		var before []Returned
		var ended sale.Return
		for step := 0; ; step++ {
			now := drawReturn(t, s, left, step >= 8)
			if now == nil {
				break
			}
			r, err := Refund(s, before, now)
			require.NoError(t, err)
			require.NoError(t, recordOf(nil, r).Validate())
			again, err := Refund(s, rapid.Permutation(before).Draw(t, "order"), now)
			require.NoError(t, err)
			require.Equal(t, r.Lines, again.Lines, "the order of earlier returns must not matter")
			for _, l := range r.Lines {
				require.GreaterOrEqual(t, l.Clawed, sale.Points(0))
			}
			before = append(before, now...)
			ended.Total, ended.Restored, ended.Clawed = ended.Total+r.Total, ended.Restored+r.Restored, ended.Clawed+r.Clawed
		}
		require.Equal(t, s.Total, ended.Total)
		require.Equal(t, s.Redeemed, ended.Restored)
		require.Equal(t, s.Earned, ended.Clawed)
		after, err := sale.Encode(s)
		require.NoError(t, err)
		require.Equal(t, sold, after)
	})
}

// drawReturn takes something of what is left; all of it when last, nil when nothing is.
func drawReturn(t *rapid.T, s *sale.Sale, left []sale.Qty, last bool) []Returned {
	var open, list []int
	for i := range left {
		if left[i] > 0 {
			open = append(open, i)
		}
	}
	if len(open) == 0 {
		return nil
	}
	list = open
	if !last {
		list = []int{rapid.SampledFrom(open).Draw(t, "line")}
	}
	var now []Returned
	for _, i := range list {
		qty := left[i]
		if !last {
			unit := sale.Piece
			if s.Lines[i].Traits.Has(sale.Weighed) {
				unit = 1
			}
			qty = unit * sale.Qty(rapid.Int64Range(1, int64(left[i]/unit)).Draw(t, "qty"))
		}
		left[i] -= qty
		now = append(now, Returned{Line: i, Qty: qty})
	}
	return now
}

// A line's stamps, partner's points and the cashier's reward go back by the share of all that came back.
func TestRefundOfPurses(t *testing.T) {
	s := &sale.Sale{Reward: 199, Total: 30000, Lines: []sale.SoldLine{
		{ // three cups, one of them for six stamps; two stamps and 1.00 of a partner's points earned
			SKU: "coffee", Name: "Кофе", Qty: 3000, Price: 15000, Gross: 45000, Discount: 15000, Net: 30000,
			Parts: []sale.Part{{Qty: 3000, Price: 10000, Sum: 30000}},
			Extra: []sale.PurseAmount{{Purse: 1, Amount: 200}, {Purse: 3, Amount: 100}}, Paid: []sale.PurseAmount{{Purse: 1, Amount: 600}},
		},
	}}
	var before []Returned
	for i, want := range []struct {
		extra, paid []sale.PurseAmount
		reward      sale.Points
	}{
		{[]sale.PurseAmount{{Purse: 1, Amount: 67}, {Purse: 3, Amount: 34}}, []sale.PurseAmount{{Purse: 1, Amount: 200}}, 67}, // 133.3, 66.6 and 132.6 are kept
		{[]sale.PurseAmount{{Purse: 1, Amount: 67}, {Purse: 3, Amount: 33}}, []sale.PurseAmount{{Purse: 1, Amount: 200}}, 66}, // 66.6, 33.3 and 66.3
		{[]sale.PurseAmount{{Purse: 1, Amount: 66}, {Purse: 3, Amount: 33}}, []sale.PurseAmount{{Purse: 1, Amount: 200}}, 66},
	} {
		now := []Returned{{0, 1000}}
		r, err := Refund(s, before, now)
		require.NoError(t, err)
		require.Equal(t, want.extra, r.Lines[0].Extra, "cup %d", i)
		require.Equal(t, want.paid, r.Lines[0].Paid, "cup %d", i)
		require.Equal(t, want.reward, r.Reward, "cup %d", i)
		before = append(before, now...)
	}
}

// The same as [TestRefundInAnySplit], of receipts with promotions, gifts, stamps and partners' points.
func TestRefundOfAnyPromotedReceiptInAnySplit(t *testing.T) {
	refunded := 0
	rapid.Check(t, func(t *rapid.T) {
		d := diceOf(rapid.Uint64().Draw(t, "seed"))
		q, err := d.programme().Quote(d.request())
		if err != nil {
			return
		}
		refunded++
		s := saleOf(q)
		left := make([]sale.Qty, len(s.Lines))
		for i, l := range s.Lines {
			left[i] = l.Qty
		}
		whole, err := Refund(s, nil, drawReturn(t, s, slices.Clone(left), true))
		require.NoError(t, err)
		require.Equal(t, []int64{int64(q.Total), int64(q.Redeemed), int64(q.Earned), int64(q.Reward)}, []int64{int64(whole.Total), int64(whole.Restored), int64(whole.Clawed), int64(whole.Reward)})

		var before []Returned
		var ended sale.Return
		var extra, paid []sale.PurseAmount
		for step := 0; ; step++ {
			now := drawReturn(t, s, left, step >= 5)
			if now == nil {
				break
			}
			r, err := Refund(s, before, now)
			require.NoError(t, err)
			require.NoError(t, recordOf(nil, r).Validate())
			require.GreaterOrEqual(t, r.Reward, sale.Points(0))
			before = append(before, now...)
			ended.Total, ended.Restored, ended.Clawed, ended.Reward = ended.Total+r.Total, ended.Restored+r.Restored, ended.Clawed+r.Clawed, ended.Reward+r.Reward
			for _, l := range r.Lines {
				extra, paid = append(extra, l.Extra...), append(paid, l.Paid...)
				for _, a := range append(slices.Clone(l.Extra), l.Paid...) {
					require.Positive(t, a.Amount)
				}
			}
		}
		require.Equal(t, whole.Total, ended.Total)
		require.Equal(t, whole.Restored, ended.Restored)
		require.Equal(t, whole.Clawed, ended.Clawed)
		require.Equal(t, whole.Reward, ended.Reward)
		require.Equal(t, EarnedInto(0, q.Lines), sumPurses(extra))
		require.Equal(t, sumPurses(q.Paid), sumPurses(paid))
	})
	require.Positive(t, refunded)
}
