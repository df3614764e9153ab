package loyalty

import (
	"fmt"

	"github.com/kopilka/kopilka/ledger/sale"
	"pgregory.net/rapid"
)

// Products at prices of a Russian grocery.
var (
	bread     = sale.Product{SKU: "bread", Name: "Хлеб ржаной", Price: 5450, VAT: sale.VAT10, Subject: sale.SubjectGoods}
	milk      = sale.Product{SKU: "milk", Name: "Молоко 3,2 %", Price: 8990, VAT: sale.VAT10, Subject: sale.SubjectMarkedGoods, Traits: sale.Marked}
	apples    = sale.Product{SKU: "apples", Name: "Яблоки", Price: 12990, VAT: sale.VAT20, Subject: sale.SubjectGoods, Unit: sale.UnitKilogram, Traits: sale.Weighed}
	vodka     = sale.Product{SKU: "vodka", Name: "Водка 0,5 л", Price: 39900, MinPrice: 34900, VAT: sale.VAT20, Subject: sale.SubjectExcisable, Traits: sale.AdultOnly}
	vodkaMin  = sale.Product{SKU: "vodka-min", Name: "Водка по МРЦ", Price: 34900, MinPrice: 34900, VAT: sale.VAT20, Subject: sale.SubjectExcisable, Traits: sale.AdultOnly}
	tobacco   = sale.Product{SKU: "tobacco", Name: "Сигареты", Price: 21900, VAT: sale.VAT20, Subject: sale.SubjectMarkedExcise, Traits: sale.NoStimulus | sale.AdultOnly | sale.Marked}
	giftCard  = sale.Product{SKU: "gift", Name: "Карта подарочная", Price: 100000, VAT: sale.VATNone, Subject: sale.SubjectService, Traits: sale.NoRedeem | sale.NoEarn}
	promotion = sale.Product{SKU: "promo", Name: "Сахар по акции", Price: 4999, VAT: sale.VAT10, Subject: sale.SubjectGoods, Traits: sale.NoDiscount}
)

func pieces(p sale.Product, n sale.Qty) sale.Line { return sale.Line{Product: p, Qty: n * sale.Piece} }

func weighed(p sale.Product, qty sale.Qty) sale.Line { return sale.Line{Product: p, Qty: qty} }

// saleOf makes a quote a paid sale.
func saleOf(q Quote) *sale.Sale {
	return &sale.Sale{
		No: 1, Lines: q.Lines, Programme: q.Programme, Gross: q.Gross, Discount: q.Discount, Redeemed: q.Redeemed,
		Total: q.Total, Earned: q.Earned, Reasons: q.Reasons, Reward: q.Reward, Codes: q.Codes, Applied: q.Applied,
		Tenders: []sale.Tender{{Kind: sale.TenderCash, Amount: q.Total}},
	}
}

// recordOf puts a sale or a return into a record that must be valid.
func recordOf(s *sale.Sale, r *sale.Return) *sale.Record {
	rec := &sale.Record{Version: 1, Org: 1, Till: 1, Epoch: 1, Seq: 1, ID: sale.ID{1}, Kind: sale.KindSale, Sale: s, Return: r}
	if r != nil {
		rec.Kind = sale.KindReturn
		rec.Return.Tenders = []sale.Tender{{Kind: sale.TenderCash, Amount: r.Total}}
	}
	return rec
}

func drawProduct(t *rapid.T, i int) sale.Product {
	p := sale.Product{SKU: sale.SKU(fmt.Sprint("sku", i)), Name: fmt.Sprint("Товар ", i), VAT: sale.VAT20, Subject: sale.SubjectGoods}
	p.Price = sale.Money(rapid.OneOf(rapid.Int64Range(0, 300), rapid.Int64Range(1, 150_000)).Draw(t, "price"))
	switch rapid.IntRange(0, 9).Draw(t, "kind") {
	case 0:
		p.Traits = sale.NoStimulus
	case 1:
		p.MinPrice = sale.Money(rapid.Int64Range(1, int64(p.Price)+100).Draw(t, "minimum"))
	case 2:
		p.Traits = rapid.SampledFrom([]sale.Traits{sale.NoDiscount, sale.NoRedeem, sale.NoEarn, sale.NoEarn | sale.NoRedeem}).Draw(t, "traits")
	case 3, 4, 5:
		p.Traits = sale.Weighed
		if rapid.IntRange(0, 3).Draw(t, "floored") == 0 {
			p.MinPrice = p.Price * 9 / 10
		}
	}
	return p
}

func drawLine(t *rapid.T, i int) sale.Line {
	p := drawProduct(t, i)
	if p.Traits.Has(sale.Weighed) {
		return weighed(p, sale.Qty(rapid.Int64Range(1, 12_000).Draw(t, "grams")))
	}
	return pieces(p, sale.Qty(rapid.OneOf(rapid.Just(int64(1)), rapid.Int64Range(1, 20)).Draw(t, "pieces")))
}

func drawProgramme(t *rapid.T) *Programme {
	p := Default()
	p.Version = rapid.Uint32Range(1, 9).Draw(t, "version")
	p.Policy = rapid.SampledFrom([]Policy{PolicyPoints, PolicyPoints, PolicyDiscount}).Draw(t, "policy")
	p.EarnStep = rapid.SampledFrom([]sale.Points{1, 10, 100}).Draw(t, "earn step")
	p.RedeemStep = rapid.SampledFrom([]sale.Points{1, 50, 100}).Draw(t, "redeem step")
	p.LineFloor = rapid.SampledFrom([]sale.Money{0, 1, 100}).Draw(t, "line floor")
	for i := range p.Tiers {
		percent := rapid.Custom(func(t *rapid.T) sale.BasisPoints {
			return sale.BasisPoints(rapid.OneOf(rapid.Int32Range(0, 10_000), rapid.Just(int32(10_000)), rapid.Just(int32(500))).Draw(t, "bp"))
		})
		p.Tiers[i].Earn = percent.Draw(t, "earn")
		p.Tiers[i].Discount = percent.Draw(t, "discount")
		p.Tiers[i].RedeemMax = percent.Draw(t, "redeem max")
	}
	return p
}

func drawRequest(t *rapid.T) Request {
	n := rapid.IntRange(1, 12).Draw(t, "lines")
	req := Request{}
	for i := range n {
		req.Lines = append(req.Lines, drawLine(t, i))
	}
	if rapid.IntRange(0, 9).Draw(t, "named") > 0 {
		req.Buyer = &Buyer{
			No: 7, Tier: rapid.Uint16Range(0, 3).Draw(t, "tier"),
			State:     rapid.SampledFrom([]sale.CustomerState{sale.CustomerActive, sale.CustomerActive, sale.CustomerActive, sale.CustomerTest, sale.CustomerBlocked, sale.CustomerErased}).Draw(t, "state"),
			Spendable: sale.Points(rapid.OneOf(rapid.Int64Range(0, 100_000), rapid.Just(int64(1)<<40)).Draw(t, "spendable")),
		}
	}
	req.Redeem = sale.Points(rapid.OneOf(rapid.Just(int64(0)), rapid.Just(int64(RedeemAll)), rapid.Int64Range(0, 200_000)).Draw(t, "redeem"))
	return req
}
