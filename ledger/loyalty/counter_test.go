package loyalty

import (
	"testing"

	"github.com/kopilka/kopilka/ledger/sale"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// countering is a programme whose points are counter-provision, in a copy.
func countering(p *Programme) *Programme {
	c := *p
	c.Counter = true
	return &c
}

func part(qty sale.Qty, price, sum sale.Money) sale.Part {
	return sale.Part{Qty: qty, Price: price, Sum: sum}
}

func TestPointsAsCounterProvision(t *testing.T) {
	partners := func(p *Programme) *Programme {
		p.Purses = []Purse{{No: 7, Kind: PursePartner, RU: "Партнёр", EN: "Partner", Max: sale.Hundred}}
		return p
	}
	gifts := func(p *Programme) *Programme {
		p.Gifts = []Gift{{SKU: "cup", Points: 50 * sale.Point}}
		return p
	}
	discounted := func(p *Programme) *Programme {
		p.Policy, p.Tiers[0].Discount = PolicyCombined, 1000
		return p
	}
	for name, c := range map[string]struct {
		programme *Programme
		line      sale.Line
		redeem    sale.Points
		wish      sale.Points // of purse 7
		net       sale.Money
		parts     []sale.Part
		shelf     []sale.Part
	}{
		"three pieces for 100.00, points pay 50": { // 250.00 ÷ 3 = 83.33⅓
			kopecks(), pieces(sale.Product{SKU: "a", Price: 10000}, 3), 5000, 0, 25000,
			[]sale.Part{part(2000, 8333, 16666), part(1000, 8334, 8334)},
			[]sale.Part{part(3000, 10000, 30000)},
		},
		"no points, no shelf": {
			kopecks(), pieces(sale.Product{SKU: "a", Price: 10000}, 3), 0, 0, 30000, []sale.Part{part(3000, 10000, 30000)}, nil,
		},
		"after a discount of 10 %": { // 299.97 − 29.99 = 269.98, 89.99⅓ a piece; less 49.97 it is 220.01, 73.33⅔
			discounted(kopecks()), pieces(sale.Product{SKU: "a", Price: 9999}, 3), 4997, 0, 22001,
			[]sale.Part{part(1000, 7333, 7333), part(2000, 7334, 14668)},
			[]sale.Part{part(2000, 8999, 17998), part(1000, 9000, 9000)},
		},
		"a weight": { // 1.234 kg × 129.90 = 160.2966 → 160.30
			kopecks(), weighed(sale.Product{SKU: "a", Price: 12990, Traits: sale.Weighed}, 1234), 4030, 0, 12000,
			nil,
			[]sale.Part{part(1234, 12990, 16030)},
		},
		"spirits keep the price on the shelf, money stays at the minimum": {
			kopecks(), pieces(sale.Product{SKU: "v", Price: 45000, MinPrice: 34900}, 1), RedeemAll, 0, 34900,
			[]sale.Part{part(1000, 34900, 34900)},
			[]sale.Part{part(1000, 45000, 45000)},
		},
		"a partner's points": {
			partners(kopecks()), pieces(sale.Product{SKU: "a", Price: 10000}, 1), 1000, 3000, 6000,
			[]sale.Part{part(1000, 6000, 6000)},
			[]sale.Part{part(1000, 10000, 10000)},
		},
		"a gift stands for what its points are worth": { // 80.00: 50 points, the rest is a discount but for a kopeck
			gifts(kopecks()),
			sale.Line{Product: sale.Product{SKU: "cup", Price: 8000}, Qty: sale.Piece, Gift: true},
			0, 0, 1,
			[]sale.Part{part(1000, 1, 1)},
			[]sale.Part{part(1000, 5001, 5001)},
		},
	} {
		t.Run(name, func(t *testing.T) {
			c.programme.Tiers[0].RedeemMax, c.programme.LineFloor = sale.Hundred, 1
			b := buyer(0, 100*sale.Point)
			b.Spendable, b.Purses = 1000*sale.Point, []sale.PurseAmount{{Purse: 7, Amount: 1000 * sale.Point}}
			req := Request{Lines: []sale.Line{c.line}, Buyer: b, Redeem: c.redeem}
			if c.wish > 0 {
				req.Wishes = []sale.PurseAmount{{Purse: 7, Amount: c.wish}}
			}
			q, err := countering(c.programme).Quote(req)
			require.NoError(t, err)
			l := q.Lines[0]
			require.Equal(t, c.net, l.Net)
			require.Equal(t, c.shelf, l.Shelf)
			if c.parts != nil {
				require.Equal(t, c.parts, l.Parts)
			}
			s := saleOf(q)
			require.NoError(t, recordOf(s, nil).Validate())
			var printed sale.Money
			for _, p := range l.Printed() {
				printed += p.Sum
			}
			require.Equal(t, printed, s.FiscalTotal())
			require.Equal(t, printed-c.net, s.Counter())
		})
	}
}

// However receipts are, the switch changes nothing but what the fiscal receipt says; and however a receipt
// comes back, by pieces or whole, its counter-provision comes back to the kopeck and never less than nothing.
func TestCounterProvisionChangesOnlyThePaper(t *testing.T) {
	countered := 0
	rapid.Check(t, func(t *rapid.T) {
		d := diceOf(rapid.Uint64().Draw(t, "seed"))
		p := d.programme()
		for range 6 {
			req := d.request()
			off, err := p.Quote(req)
			on, errOn := countering(p).Quote(req)
			require.Equal(t, err, errOn)
			if err != nil {
				continue
			}
			s := saleOf(on)
			require.NoError(t, recordOf(s, nil).Validate())
			requireReturnsMirror(t, d, s)
			if s.Counter() > 0 {
				countered++
			}
			for i := range on.Lines {
				on.Lines[i].Shelf = nil
			}
			require.Equal(t, off, on)
		}
	})
	require.Greater(t, countered, 50)
}

func requireReturnsMirror(t *rapid.T, d dice, s *sale.Sale) {
	var before []Returned
	var money, paid sale.Money
	for i := range s.Lines {
		for left := s.Lines[i].Qty; left > 0; {
			qty := left
			if d.one(2) && left > sale.Piece {
				qty = sale.Piece
				if s.Lines[i].Traits.Has(sale.Weighed) {
					qty = sale.Qty(d.between(1, int64(left)))
				}
			}
			now := []Returned{{Line: i, Qty: qty}}
			r, err := Refund(s, before, now)
			require.NoError(t, err)
			require.NoError(t, recordOf(nil, r).Validate())
			before, left = append(before, now...), left-qty
			money, paid = money+r.Total, paid+r.Counter()
			requireShelfPrices(t, &s.Lines[i], &r.Lines[0])
		}
	}
	require.Equal(t, s.Total, money)
	require.Equal(t, s.Counter(), paid, "what points paid comes back whole")
}

// Goods by the piece, and whole lines, come back at the very prices of the receipt.
func requireShelfPrices(t *rapid.T, sold *sale.SoldLine, back *sale.ReturnedLine) {
	if back.Qty == sold.Qty {
		require.Equal(t, sold.Printed(), back.Printed())
	}
	if sold.Qty%sale.Piece != 0 || sold.Traits.Has(sale.Weighed) {
		return
	}
	for _, p := range back.Printed() {
		known := false
		for _, q := range sold.Printed() {
			known = known || q.Price == p.Price
		}
		require.True(t, known, "%+v of %+v", back, sold)
	}
}

// Three pieces at 100.00 of which points paid 50.00 come back one by one.
func TestReturnOfCounterProvisionPieceByPiece(t *testing.T) {
	q, err := countering(kopecks()).Quote(Request{
		Lines: []sale.Line{pieces(sale.Product{SKU: "a", Price: 10000}, 3)}, Buyer: buyer(2, 50*sale.Point), Redeem: 5000,
	})
	require.NoError(t, err)
	s := saleOf(q)
	var before []Returned
	for i, want := range []struct{ money, counter sale.Money }{{8333, 1667}, {8333, 1667}, {8334, 1666}} {
		now := []Returned{{Line: 0, Qty: sale.Piece}}
		r, err := Refund(s, before, now)
		require.NoError(t, err)
		require.Equal(t, want.money, r.Total, i)
		require.Equal(t, want.counter, r.Counter(), i)
		require.Equal(t, []sale.Part{part(1000, 10000, 10000)}, r.Lines[0].Printed())
		r.Tenders = []sale.Tender{{Kind: sale.TenderCard, Amount: r.Total}}
		require.Equal(t, []sale.Tender{{Kind: sale.TenderCard, Amount: want.money}, {Kind: sale.TenderCounter, Amount: want.counter}}, r.FiscalTenders())
		require.Equal(t, 100*sale.Rouble, r.FiscalTotal())
		before = append(before, now...)
	}
}
