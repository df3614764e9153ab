package loyalty

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/kopilka/kopilka/ledger/sale"
)

// What a quote may take: a cashier's tap is answered within a frame, and a replay of a million receipts
// of eight lines within a minute on two cores.
const (
	quoteP99Max  = time.Millisecond
	replayMax    = 60 * time.Second
	replayed     = 1_000_000
	replayCores  = 2
	benchRules   = 200
	replayRules  = 20
	replayedSize = 8
)

// thirtyLines is a trolley: goods by the piece and by weight, of ten categories, a few spirits.
func thirtyLines() (lines []sale.Line) {
	for i := range 30 {
		g := []sale.Product{bread, apples, vodka, milk}[i%4]
		g.SKU, g.Category = diceSKU(i), fmt.Sprint("категория ", i%10)
		if i%3 == 0 {
			g.Tags = []string{fmt.Sprint("метка ", i%5)}
		}
		if g.Traits.Has(sale.Weighed) {
			lines = append(lines, weighed(g, sale.Qty(1000+37*i)))
		} else {
			lines = append(lines, pieces(g, sale.Qty(1+i%3)))
		}
	}
	return lines
}

// manyPromotions are as a chain has them: most on a few articles, some on categories and tags, a few on
// all; one in twenty excludes others.
func manyPromotions(n int) *Programme {
	p := promoted()
	for i := range n {
		o := Promotion{ID: uint32(i + 1), RU: "Акция", EN: "Promotion", Priority: int32(i % 7)}
		switch {
		case i%10 < 6:
			o.Goods = onlySKU(diceSKU(i%60), diceSKU(i%60+1))
		case i%10 < 8:
			o.Goods.Categories = []string{fmt.Sprint("категория ", i%10)}
		case i%10 == 8:
			o.Goods.Tags = []string{fmt.Sprint("метка ", i%5)}
		}
		o.Give = Give{Kind: []GiveKind{GivePercentOff, GiveEarnTimes, GiveAmountOff, GiveEarnExtra, GivePoints, GiveNthFree, GivePurse, GiveTickets}[i%8], Rate: 500, Money: 1000, Points: 100, Nth: 3}
		switch o.Give.Kind {
		case GivePurse:
			o.Give.Purse = 3
		case GiveTickets:
			o.Give.Purse = 2
		}
		if i%20 == 0 {
			o.Group = fmt.Sprint("группа ", i/20%3)
		}
		p.Promotions = append(p.Promotions, o)
	}
	return p
}

// timed runs the quote and returns how long each took, sorted.
func timed(b *testing.B, p *Programme, lines []sale.Line) []time.Duration {
	b.Helper()
	e, err := Compile(p)
	if err != nil {
		b.Fatal(err)
	}
	req := of(lines...).by(buyer(1, 1_000_000))
	req.Redeem = RedeemAll
	q, err := e.Quote(req)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	var took []time.Duration
	for b.Loop() {
		begun := time.Now()
		if _, err := e.Quote(req); err != nil {
			b.Fatal(err)
		}
		took = append(took, time.Since(begun))
	}
	b.ReportMetric(float64(len(q.Applied)), "applied")
	slices.Sort(took)
	return took
}

func reportP99(b *testing.B, took []time.Duration) {
	b.Helper()
	p99 := took[len(took)*99/100]
	b.ReportMetric(float64(p99.Microseconds()), "p99_us")
	b.ReportMetric(float64(p99)/float64(quoteP99Max), "ratio")
	b.ReportMetric(1, "ratio_limit")
}

func BenchmarkQuote30Lines200Promotions(b *testing.B) {
	reportP99(b, timed(b, manyPromotions(benchRules), thirtyLines()))
}

// The worst that a programme can ask: every promotion is on every line, and as many exclude each other as
// are still tried.
func BenchmarkQuote30Lines200PromotionsOnEverything(b *testing.B) {
	p := manyPromotions(benchRules)
	for i := range p.Promotions {
		p.Promotions[i].Goods, p.Promotions[i].Group = Goods{}, ""
		if i < StackCandidatesMax {
			p.Promotions[i].Group = fmt.Sprint("группа ", i%4)
		}
	}
	reportP99(b, timed(b, p, thirtyLines()))
}

// The inner loop of a rehearsal: a receipt of eight lines against a version of twenty rules.
func BenchmarkReplay8Lines20Rules(b *testing.B) {
	took := timed(b, manyPromotions(replayRules), thirtyLines()[:replayedSize])
	var sum time.Duration
	for _, t := range took {
		sum += t
	}
	each := float64(sum) / float64(len(took))
	b.ReportMetric(each*replayed/replayCores/float64(replayMax), "ratio")
	b.ReportMetric(1, "ratio_limit")
}

// How long a programme takes to be made ready, once a version.
func BenchmarkCompile200Promotions(b *testing.B) {
	p := manyPromotions(benchRules)
	for b.Loop() {
		if _, err := Compile(p); err != nil {
			b.Fatal(err)
		}
	}
}
