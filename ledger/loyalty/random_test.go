package loyalty

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/kopilka/kopilka/ledger/sale"
)

// dice makes programmes and receipts by the hundred thousand, where drawing each figure with rapid would
// take minutes; rapid draws the seed, and prints it.
type dice struct{ *rand.Rand }

func diceOf(seed uint64) dice { return dice{rand.New(rand.NewPCG(seed, 0))} }

func (d dice) one(in int) bool { return d.IntN(in) == 0 }

func (d dice) between(low, high int64) int64 { return low + d.Int64N(high-low+1) }

func (d dice) bp() sale.BasisPoints {
	switch d.IntN(4) {
	case 0:
		return sale.Hundred
	case 1:
		return sale.BasisPoints(d.between(1, 10_000))
	}
	return sale.BasisPoints(d.between(1, 20) * 100)
}

var (
	diceTags       = []string{"весна", "своя марка", "эко"}
	diceCategories = []string{"Молочное", "Хлеб", "Овощи", "Алкоголь"}
)

func (d dice) goods() Goods {
	var g Goods
	for range d.IntN(3) {
		g.SKUs = append(g.SKUs, diceSKU(d.IntN(12)))
	}
	if d.one(3) {
		g.Categories = append(g.Categories, diceCategories[d.IntN(len(diceCategories))])
	}
	if d.one(3) {
		g.Tags = append(g.Tags, diceTags[d.IntN(len(diceTags))])
	}
	if d.one(5) {
		g.Except = &Goods{Categories: []string{diceCategories[d.IntN(len(diceCategories))]}}
	}
	return g
}

func diceSKU(n int) sale.SKU { return sale.SKU(fmt.Sprint("sku", n)) }

func (d dice) promotion(id uint32, p *Programme) Promotion {
	o := Promotion{ID: id, RU: "Акция", EN: "Promotion", Goods: d.goods(), Priority: int32(d.IntN(5))}
	o.Give = Give{Kind: GiveKind(d.between(1, 10)), Rate: d.bp(), Money: sale.Money(d.between(100, 30_000)), Points: sale.Points(d.between(1, 20_000)), Nth: uint32(d.between(2, 6))}
	switch o.Give.Kind {
	case GiveEarnTimes:
		o.Give.Rate = sale.BasisPoints([]int64{0, 5000, 15_000, 20_000, 100_000, 33_333}[d.IntN(6)])
	case GiveGift:
		n := d.IntN(12)
		o.Give.SKU, o.Give.Qty = diceSKU(n), sale.Qty(d.between(1, 3))*sale.Piece
		o.Goods.SKUs = append(o.Goods.SKUs, diceSKU(n+1)) // a gift alone would never come due
	case GiveStamps:
		o.Give.Purse = 1
	case GiveTickets:
		o.Give.Purse = 2
	case GivePurse:
		o.Give.Purse = 3
	}
	if p.Policy == PolicyDiscount && o.Give.Kind <= GivePoints {
		o.Give.Kind, o.Give.Rate = GivePercentOff, d.bp()
	}
	if d.one(3) {
		o.Least = Least{Sum: sale.Money(d.between(0, 100_000)), Qty: sale.Qty(d.between(0, 4)) * sale.Piece}
	}
	if d.one(3) {
		o.Group = []string{"А", "Б", "В"}[d.IntN(3)]
	}
	if d.one(4) {
		o.PerReceipt = uint32(d.between(1, 3))
	}
	switch d.IntN(8) {
	case 0:
		o.Who.Anyone = o.Give.Kind.money()
	case 1:
		o.Who.Tiers = []uint16{uint16(d.IntN(3))}
	case 2:
		o.Who.First = true
	case 3:
		o.PerCustomer = uint32(d.between(1, 3))
	case 4:
		o.Campaign = uint32(d.between(1, 3))
	case 5:
		o.When = When{Start: uint16(d.IntN(1440)), End: uint16(d.IntN(1440)), Weekdays: uint8(d.IntN(128))}
		if o.When.Start == o.When.End {
			o.When.End = o.When.Start + 1
		}
	}
	return o
}

func (d dice) programme() *Programme {
	p := Default()
	p.Policy = Policy(d.between(1, 3))
	p.EarnStep = []sale.Points{1, 10, 100}[d.IntN(3)]
	p.RedeemStep = []sale.Points{1, 50, 100}[d.IntN(3)]
	p.LineFloor = []sale.Money{0, 1, 100}[d.IntN(3)]
	p.Cashier.Rate = sale.BasisPoints(d.IntN(300))
	for i := range p.Tiers {
		p.Tiers[i].Earn, p.Tiers[i].Discount, p.Tiers[i].RedeemMax = d.bp()*sale.BasisPoints(d.IntN(2)), d.bp()*sale.BasisPoints(d.IntN(2)), d.bp()
	}
	p.Purses = []Purse{
		{No: 1, RU: "Наклейки", EN: "Stamps", Kind: PurseStamps},
		{No: 2, RU: "Билеты", EN: "Tickets", Kind: PurseTickets},
		{No: 3, RU: "Партнёр", EN: "Partner", Kind: PursePartner, Max: d.bp(), Goods: d.goods()},
		{No: 4, RU: "Второй", EN: "Second", Kind: PursePartner, Max: d.bp(), Stores: []sale.StoreNo{1}},
	}
	p.Campaigns = []Campaign{
		{ID: 1, RU: "Общий", EN: "Generic", Kind: CodeGeneric, Code: "ПУШКИН"},
		{ID: 2, RU: "Разовый", EN: "Unique", Kind: CodeUnique, PerCustomer: 1},
		{ID: 3, RU: "Личный", EN: "Personal", Kind: CodePersonal},
	}
	for i := range d.IntN(9) {
		p.Promotions = append(p.Promotions, d.promotion(uint32(i+1), p))
	}
	for range d.IntN(3) {
		p.Caps = append(p.Caps, GoodsCap{Goods: d.goods(), Max: d.bp() * sale.BasisPoints(d.IntN(2))})
	}
	if p.Policy != PolicyDiscount {
		p.Gifts = []Gift{{SKU: diceSKU(0), Points: sale.Points(d.between(1, 30_000))}, {SKU: diceSKU(1), Points: 100, Tiers: []uint16{0, 1}}}
	}
	return p
}

func (d dice) line() sale.Line {
	i := d.IntN(12)
	g := sale.Product{SKU: diceSKU(i), Name: "Товар", VAT: sale.VAT20, Subject: sale.SubjectGoods, Price: sale.Money(d.between(0, 40_000))}
	if d.one(5) {
		g.Price = sale.Money(d.between(0, 300))
	}
	if d.one(2) {
		g.Category = diceCategories[d.IntN(len(diceCategories))]
	}
	if d.one(3) {
		g.Tags = []string{diceTags[d.IntN(len(diceTags))]}
	}
	switch d.IntN(10) {
	case 0:
		g.Traits = sale.NoStimulus
	case 1:
		g.MinPrice = sale.Money(d.between(1, int64(g.Price)+100))
		g.Floors = []sale.DatedPrice{{From: 20260101, Price: sale.Money(d.between(1, int64(g.Price)+100))}, {From: 20280101, Price: 1}}
	case 2:
		g.Traits = []sale.Traits{sale.NoDiscount, sale.NoRedeem, sale.NoEarn}[d.IntN(3)]
	case 3, 4, 5:
		g.Traits = sale.Weighed
		return weighed(g, sale.Qty(d.between(1, 6000)))
	}
	return pieces(g, sale.Qty(max(1, d.between(-4, 9))))
}

func (d dice) request() Request {
	req := Request{
		At: sale.At(time.Date(2027, 3, int(d.between(1, 28)), d.IntN(24), d.IntN(60), 0, 0, time.UTC)), Store: sale.StoreNo(d.between(1, 2)),
		Cashier: 5, Redeem: []sale.Points{0, RedeemAll, sale.Points(d.IntN(50_000))}[d.IntN(3)],
	}
	for range d.between(1, 10) {
		req.Lines = append(req.Lines, d.line())
	}
	for i := range d.IntN(3) {
		req.Claims = append(req.Claims, Claim{Campaign: uint32(d.between(1, 4)), Key: sale.LookupKey{byte(i)}, Owner: 7})
	}
	if d.one(8) {
		return req
	}
	b := buyer(uint16(d.IntN(4)), sale.Points(d.IntN(60_000)))
	b.Bought, b.Staff = uint32(d.IntN(2)), sale.StaffNo(d.between(4, 6))
	b.State = []sale.CustomerState{sale.CustomerActive, sale.CustomerActive, sale.CustomerActive, sale.CustomerTest, sale.CustomerBlocked, sale.CustomerHouse}[d.IntN(6)]
	b.Uses = []sale.PromoUse{{Promotion: uint32(d.between(1, 8)), Times: uint32(d.between(1, 3))}}
	b.Purses = []sale.PurseAmount{{Purse: 1, Amount: sale.Points(d.IntN(2000))}, {Purse: 3, Amount: sale.Points(d.IntN(30_000))}, {Purse: 4, Amount: sale.Points(d.IntN(30_000))}}
	if d.one(10) {
		b.NoRedeem = "own-card"
	}
	req.Buyer = b
	for _, no := range []sale.PurseNo{3, 4} {
		if d.one(2) {
			req.Wishes = append(req.Wishes, sale.PurseAmount{Purse: no, Amount: []sale.Points{RedeemAll, sale.Points(d.IntN(20_000))}[d.IntN(2)]})
		}
	}
	if d.one(6) {
		n := d.IntN(len(req.Lines))
		req.Lines[n].Gift, req.Lines[n].Product.SKU = true, diceSKU(d.IntN(2))
	}
	return req
}
