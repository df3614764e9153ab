package loyalty

import (
	"fmt"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/ledger/sale"
)

func receiptOf(t testing.TB, p *Programme, tier uint16, store sale.StoreNo, redeem sale.Points, lines ...sale.Line) *sale.Record {
	q, err := p.Quote(Request{Lines: lines, Buyer: &Buyer{No: 7, Tier: tier, Spendable: redeem, Bought: 1}, Redeem: redeem, At: womensDay, Store: store})
	require.NoError(t, err)
	r := recordOf(saleOf(q), nil)
	r.Staff = 5
	r.At, r.Store, r.Sale.Customer, r.Sale.Tier = womensDay, store, 7, tier
	return r
}

func TestRehearsalComparesByTierAndStore(t *testing.T) {
	old := Default()
	draft := Default()
	draft.Version, draft.Tiers[0].Earn, draft.Tiers[1].RedeemMax = 2, 500, 1000
	draft.Cashier.Rate = 100
	r, err := NewRehearsal(draft, Scene{})
	require.NoError(t, err)
	other := r.Worker()
	r.Add(receiptOf(t, old, 0, 1, 0, pieces(bread, 2)))                  // 109,00 ₽: 3 points, by the draft 5
	other.Add(receiptOf(t, old, 0, 1, 0, pieces(bread, 2)))              // the same on another worker
	other.Add(receiptOf(t, old, 1, 2, 100*sale.Point, pieces(vodka, 2))) // 798 ₽, 100 points of at most 79
	training := receiptOf(t, old, 0, 1, 0, pieces(bread, 2))
	training.Sale.Training = true
	r.Add(training)
	r.Merge(other)
	require.Equal(t, []RehearsalKey{{0, 1}, {1, 2}}, r.Keys())
	base := r.Rows[RehearsalKey{0, 1}]
	require.Equal(t, RehearsalRow{Receipts: 2, Turnover: 21_800, Before: Costs{Earned: 600}, After: Costs{Earned: 1000, Reward: 218}}, *base)
	require.Equal(t, sale.Money(600), base.Before.Total())
	require.Equal(t, sale.Money(1218), base.After.Total())
	silver := r.Rows[RehearsalKey{1, 2}]
	require.Equal(t, sale.Points(10_000), silver.Before.Redeemed)
	require.Equal(t, sale.Points(7_900), silver.After.Redeemed, "10 % of 798 ₽, in whole points")
	require.Equal(t, int64(3), r.All().Receipts)
	require.Zero(t, r.Refused)
}

// The same rules find the same figures: nothing is read into a receipt that was not there.
func TestRehearsalOfTheSameRulesChangesNothing(t *testing.T) {
	p := Default()
	r, err := NewRehearsal(p, Scene{})
	require.NoError(t, err)
	r.Add(receiptOf(t, p, 2, 1, 150*sale.Point, pieces(bread, 3), pieces(vodka, 1), pieces(tobacco, 1), pieces(giftCard, 1)))
	sum := r.All()
	require.Equal(t, sum.Before, sum.After)
	require.Positive(t, sum.Before.Redeemed)
}

func TestRehearsalCountsWhatCannotBeReckoned(t *testing.T) {
	p := Default()
	r, err := NewRehearsal(p, Scene{})
	require.NoError(t, err)
	bad := receiptOf(t, p, 0, 1, 0, pieces(bread, 1))
	bad.Sale.Lines[0].Qty = 0
	r.Add(bad)
	require.Equal(t, int64(1), r.Refused)
	require.Contains(t, r.Why, "quantity 0")
	_, err = NewRehearsal(&Programme{}, Scene{})
	require.ErrorIs(t, err, ErrProgramme)
}

// twentyRules is a version as a chain would try one out.
func twentyRules() *Programme {
	p := Default()
	for i := range 20 {
		pr := Promotion{ID: uint32(i + 1), RU: fmt.Sprint("Акция ", i), EN: fmt.Sprint("Promo ", i), Goods: Goods{Categories: []string{fmt.Sprint("c", i%8)}}}
		switch i % 4 {
		case 0:
			pr.Give = Give{Kind: GiveEarnTimes, Rate: 20_000}
		case 1:
			pr.Give = Give{Kind: GiveEarnExtra, Rate: 200}
		case 2:
			pr.Give, pr.Least = Give{Kind: GivePoints, Points: 10 * sale.Point}, Least{Sum: 500 * sale.Rouble}
		case 3:
			pr.Give = Give{Kind: GivePercentOff, Rate: 500}
		}
		p.Promotions = append(p.Promotions, pr)
	}
	return p
}

// BenchmarkRehearsal replays encoded receipts of 8 lines against 20 rules on two workers, from bytes to
// figures. sec_per_million is what a million would take; limit_ratio is that against the target of 60 s.
func BenchmarkRehearsal(b *testing.B) {
	const receipts = 4000
	runtime.GOMAXPROCS(max(2, runtime.GOMAXPROCS(0)))
	goods := map[sale.SKU]sale.Product{}
	var lines []sale.Line
	for i := range 8 {
		p := sale.Product{SKU: sale.SKU(fmt.Sprint("sku", i)), Name: fmt.Sprint("Товар ", i), Price: sale.Money(4_990 + 1_111*i), VAT: sale.VAT20, Subject: sale.SubjectGoods, Category: fmt.Sprint("c", i)}
		goods[p.SKU] = p
		lines = append(lines, pieces(p, sale.Qty(1+i%2)))
	}
	body, err := receiptOf(b, Default(), 1, 1, 50*sale.Point, lines...).Bytes()
	require.NoError(b, err)
	draft, err := NewRehearsal(twentyRules(), Scene{Product: func(s sale.SKU) (sale.Product, bool) { p, ok := goods[s]; return p, ok }})
	require.NoError(b, err)
	b.ResetTimer()
	start := time.Now()
	for range b.N {
		var wg sync.WaitGroup
		for range 2 {
			wg.Go(func() {
				w := draft.Worker()
				for range receipts / 2 {
					r := new(sale.Record)
					if err := sale.Decode(body, r); err != nil {
						b.Error(err)
						return
					}
					w.Add(r)
				}
				if w.Refused > 0 {
					b.Error(w.Why)
				}
			})
		}
		wg.Wait()
	}
	perMillion := float64(time.Since(start)) / float64(b.N) / receipts * 1e6 / float64(time.Second)
	b.ReportMetric(perMillion, "sec_per_million")
	b.ReportMetric(perMillion/60, "limit_ratio")
}
