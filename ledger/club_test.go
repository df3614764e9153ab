package ledger_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/kopilka/kopilka/ledger"
	"github.com/kopilka/kopilka/ledger/ledgertest"
	"github.com/kopilka/kopilka/ledger/loyalty"
	"github.com/kopilka/kopilka/ledger/sale"
)

const (
	stamps  sale.PurseNo = 2
	partner sale.PurseNo = 3
)

// club is a programme with stamps for coffee, a partner's points and a reward for the cashier:
// 3 % of the money in points, 2 % in the partner's, a stamp a cup, six stamps a free one, 1 % to the cashier.
func club() *loyalty.Programme {
	p := loyalty.Default()
	p.EarnStep, p.RedeemStep = 1, 1
	p.Cashier.Rate = 100
	p.Purses = []loyalty.Purse{
		{No: stamps, RU: "Кофе", EN: "Coffee", Kind: loyalty.PurseStamps, Lots: loyalty.LotRules{ExpireAfterDays: 30}},
		{No: partner, RU: "Аптека", EN: "Pharmacy", Kind: loyalty.PursePartner, Partner: 1, Max: 5000},
	}
	p.Promotions = []loyalty.Promotion{
		{
			ID: 1, RU: "Шестой кофе", EN: "Sixth coffee", Goods: loyalty.Goods{SKUs: []sale.SKU{"coffee"}},
			Give: loyalty.Give{Kind: loyalty.GiveStamps, Purse: stamps, Nth: 6},
		},
		{ID: 2, RU: "Аптеке", EN: "Pharmacy", Give: loyalty.Give{Kind: loyalty.GivePurse, Purse: partner, Rate: 200}},
	}
	return p
}

func coffee(cups sale.Qty) sale.Line {
	return sale.Line{Product: sale.Product{SKU: "coffee", Name: "Капучино", Price: 20000, VAT: sale.VAT20, Subject: sale.SubjectGoods}, Qty: cups * sale.Piece}
}

// purse is what a customer has in one, as the till shows it.
func (s *shop) purse(no sale.CustomerNo, p sale.PurseNo) (sum sale.Points) {
	c, err := s.Customer(no)
	require.NoError(s.t, err)
	for _, a := range c.Purses {
		if a.Purse == p {
			sum += a.Amount
		}
	}
	return sum
}

func (s *shop) spendableIn(no sale.CustomerNo, p sale.PurseNo) sale.Points {
	held, err := s.Held(no)
	require.NoError(s.t, err)
	return loyalty.Spendable(loyalty.In(held, p), s.clock.At)
}

func clubShop(t testing.TB) *shop {
	s := newShop(t)
	s.programme = club()
	return s
}

// Seven cups at 200 on two receipts: six stamps make the seventh cup cost a kopeck; the rest earns.
func TestStamps(t *testing.T) {
	s := clubShop(t).withAnna(0 + 1)
	first := s.run(s.draft(anna, 0, []sale.Line{coffee(6)})) // 1200.00
	require.Equal(t, sale.Points(600), s.purse(anna, stamps))
	require.Equal(t, sale.Points(600), s.spendableIn(anna, stamps), "born on lease here")
	require.Equal(t, sale.Points(2400), s.purse(anna, partner))
	require.Equal(t, sale.Points(1+3600), s.balance(anna))
	require.Equal(t, sale.Points(1200), first.Sale.Reward)

	second := s.run(s.draft(anna, 0, []sale.Line{coffee(1)}))
	require.Equal(t, sale.Points(0), s.purse(anna, stamps), "a free cup earns no stamp")
	require.Equal(t, sale.Points(600), second.Sale.Lines[0].Paid[0].Amount)
	s.reopen()
	require.Zero(t, s.spendableIn(anna, stamps))

	// The free cup comes back: its stamps too, under a lease born here.
	back, err := s.draftReturn(second, 0, sale.Piece)
	require.NoError(t, err)
	s.run(back)
	require.Equal(t, sale.Points(600), s.purse(anna, stamps))
	require.Equal(t, sale.Points(600), s.spendableIn(anna, stamps))
	// Now the six that had earned them: stamps, points, partner's and reward are taken back.
	back, err = s.draftReturn(first, 0, 6*sale.Piece)
	require.NoError(t, err)
	r := s.run(back)
	require.Equal(t, sale.Points(0), s.purse(anna, stamps))
	require.Equal(t, sale.Points(0), s.purse(anna, partner))
	require.Equal(t, sale.Points(1), s.balance(anna))
	require.Equal(t, sale.Points(1200), r.Return.Reward)
	require.Equal(t, sale.StaffNo(1), r.Return.Seller)
}

// A partner's points pay half of 100.00 at most; the spend is posted in their purse alone.
func TestPartnersPoints(t *testing.T) {
	s := clubShop(t)
	lot := sale.Lot{ID: sale.ID{0xcc}, Account: sale.CustomerAccount(anna).In(partner), Source: sale.ID{1}}
	word := sale.LeaseChange{
		Lease: sale.Lease{ID: sale.ID{0xcd}, Account: lot.Account, Holder: sale.Holder{Store: 1, Till: 7}, Parts: []sale.LotAmount{{Lot: lot.ID, Amount: 9000}}},
		Lots:  []sale.Lot{lot},
	}
	s.apply(customerChange(sale.Customer{No: anna, Purses: []sale.PurseAmount{{Purse: partner, Amount: 9000}}}),
		sale.Change{Kind: sale.ChangeLease, Key: word.Lease.ID[:], Body: encoded(word)})
	require.Zero(t, s.spendable(anna), "a partner's points pay as nothing else")
	sold := s.run(s.draft(anna, 0, goods(10000)))
	require.Equal(t, sale.Money(5000), sold.Sale.Total)
	require.Contains(t, sold.Postings, sale.Posting{Account: lot.Account, Lot: lot.ID, Amount: -5000})
	require.Contains(t, sold.Postings, sale.Posting{Account: sale.ProgrammeAccount().In(partner), Amount: 5000})
	require.Equal(t, sale.Points(4000+100), s.purse(anna, partner), "and 2 % of the 50.00 paid")
	back, err := s.draftReturn(sold, 0, sale.Piece)
	require.NoError(t, err)
	s.run(back)
	require.Equal(t, sale.Points(9000), s.purse(anna, partner))
}

// A debt of a purse is paid by what is next earned into it.
func TestPurseDebt(t *testing.T) {
	s := clubShop(t)
	s.apply(customerChange(sale.Customer{No: anna, Purses: []sale.PurseAmount{{Purse: stamps, Amount: 400}}, Owed: []sale.PurseAmount{{Purse: stamps, Amount: 200}}}))
	r := s.run(s.draft(anna, 0, []sale.Line{coffee(3)}))
	require.Contains(t, r.Postings, sale.Posting{Account: sale.DebtAccount(anna).In(stamps), Amount: 200})
	require.Equal(t, sale.Points(700), s.purse(anna, stamps), "shown less the debt")
	require.Equal(t, sale.Points(100), s.spendableIn(anna, stamps))
	r = s.run(s.draft(anna, 0, []sale.Line{coffee(3)}))
	require.Equal(t, sale.Points(400), s.spendableIn(anna, stamps), "paid off once")
	require.NotContains(t, r.Postings, sale.Posting{Account: sale.DebtAccount(anna).In(stamps), Amount: 200})
}

const gift sale.CustomerNo = 77

// withGift gives the shop a certificate of 500.00, leased here.
func (s *shop) withGift() *shop {
	s.apply(customerChange(sale.Customer{No: gift, Bearer: true, Balance: 50000}, card(77)), leaseChange(gift, 9, 50000, nil))
	return s
}

// pay makes the next sales be paid by the certificate, so far as it goes.
func (s *shop) pay(amount sale.Points) {
	s.with = func(n *ledger.NewSale) {
		held, err := s.Held(gift)
		require.NoError(s.t, err)
		amount := min(amount, n.Quote.Total.AsPoints(), loyalty.Spendable(held, s.clock.At))
		if amount <= 0 {
			return
		}
		n.Certificates = []ledger.Certificate{{Customer: gift, Held: held, Amount: amount}}
		n.Tenders = []sale.Tender{{Kind: sale.TenderAdvance, Amount: amount.Worth()}}
	}
}

// A certificate pays 300.00 of a receipt that points pay too; parts of it come back to where they came from.
func TestCertificate(t *testing.T) {
	s := clubShop(t).withAnna(9000).withGift()
	s.pay(30000)
	sold := s.run(s.draft(anna, 9000, goods(40000, 10000))) // 500.00 − 90.00 in points = 410.00
	require.Equal(t, sale.Money(41000), sold.Sale.Total)
	require.Equal(t, sale.Points(20000), s.balance(gift))
	require.Equal(t, sale.Points(20000), s.spendable(gift))
	earned := sold.Sale.Earned
	require.Equal(t, earned, s.balance(anna))

	back, err := s.draftReturn(sold, 1, sale.Piece)
	require.NoError(t, err)
	r := s.run(back)
	require.Equal(t, sale.Points(1800), r.Return.Restored, "a fifth of 90")
	require.Equal(t, 20000+r.Return.Total.AsPoints(), s.balance(gift), "the certificate is paid back before the drawer")
	back, err = s.draftReturn(sold, 0, sale.Piece)
	require.NoError(t, err)
	s.run(back)
	require.Equal(t, sale.Points(50000), s.balance(gift))
	require.Equal(t, sale.Points(50000), s.spendable(gift))
	require.Equal(t, sale.Points(9000), s.balance(anna))
}

func TestCertificateWithoutCustomer(t *testing.T) {
	s := clubShop(t).withGift()
	s.pay(10000)
	sold := s.run(s.draft(0, 0, goods(10000)))
	require.Equal(t, sale.Money(10000), advanceOf(sold.Sale.Tenders))
	require.Equal(t, sale.Points(40000), s.balance(gift))
	n := ledger.NewSale{
		ID: s.id(), At: s.clock.At, Quote: loyalty.Quote{Total: 100}, Tenders: []sale.Tender{{Kind: sale.TenderAdvance, Amount: 100}},
		Certificates: []ledger.Certificate{{Customer: gift, Amount: 90}},
	}
	_, err := n.Draft()
	var missing *loyalty.NotEnoughError
	require.ErrorAs(t, err, &missing, "what is not held here pays nothing")
	held, err := s.Held(gift)
	require.NoError(t, err)
	n.Certificates[0].Held = held
	_, err = n.Draft()
	require.ErrorIs(t, err, sale.ErrAmount, "0.90 of certificates and 1.00 of advance")
}

func TestSaleSaysWhoAndHow(t *testing.T) {
	s := clubShop(t)
	s.apply(customerChange(sale.Customer{No: anna, State: sale.CustomerTest}))
	use := sale.CodeUse{Campaign: 3, Key: sale.LookupKey{1}}
	s.with = func(n *ledger.NewSale) {
		n.House, n.FoundBy, n.Watched = 500, sale.FoundPhone, []sale.Watched{{Rule: "own-card"}}
		n.Codes = []sale.CodeUse{use, use}
		n.Quote.Codes = []sale.CodeUse{use}
	}
	of := s.run(s.draft(anna, 0, goods(10000))).Sale
	require.Equal(t, anna, of.Customer)
	require.True(t, of.Training)
	require.Equal(t, sale.FoundPhone, of.FoundBy)
	require.Equal(t, []sale.CodeUse{use}, of.Codes, "once, though shown and quoted")
	require.Len(t, of.Watched, 1)
	of = s.run(s.draft(0, 0, goods(10000))).Sale
	require.Equal(t, sale.CustomerNo(500), of.Customer, "the store's own account")
	require.False(t, of.Training)
	require.Zero(t, of.Earned)
}

// What was merged into a customer is spent from its own lots and posted there; what is earned is the customer's.
func TestMergedAccounts(t *testing.T) {
	const twin sale.CustomerNo = 6
	s := clubShop(t)
	s.apply(customerChange(sale.Customer{No: twin, Balance: 1000}), leaseChange(twin, 2, 1000, nil))
	s.run(s.draft(twin, 0, goods(10000))) // the twin earns 3.00 before the merge
	s.apply(customerChange(sale.Customer{No: anna, Balance: 2500, Accounts: []sale.CustomerNo{twin}}), leaseChange(anna, 1, 1500, nil),
		sale.Change{Kind: sale.ChangeCustomer, Key: u64(uint64(twin)), Gone: true})
	require.Equal(t, sale.Points(2800), s.balance(anna), "head office has not read the twin's receipt")
	require.Equal(t, sale.Points(2800), s.spendable(anna))
	c, err := s.Customer(anna)
	require.NoError(t, err)
	require.Equal(t, uint32(1), c.Bought)
	sold := s.run(s.draft(anna, 2800, goods(100000)))
	by := map[sale.CustomerNo]sale.Points{}
	for _, p := range sold.Postings {
		if p.Account.Kind == sale.AccountCustomer && p.Account.Purse == 0 {
			by[p.Account.No] += p.Amount
		}
	}
	require.Equal(t, sale.Points(-1300), by[twin])
	require.Equal(t, sold.Sale.Earned-1500, by[anna])
	require.Equal(t, sold.Sale.Earned, s.balance(anna))
	back, err := s.draftReturn(sold, 0, sale.Piece)
	require.NoError(t, err)
	s.run(back)
	require.Equal(t, sale.Points(2800), s.balance(anna))
	require.Equal(t, sale.Points(2800), s.spendable(anna))
}

func TestUsesAndReceiptsSince(t *testing.T) {
	s := newShop(t)
	s.apply(customerChange(sale.Customer{No: anna, Bought: 4, Uses: []sale.PromoUse{{Promotion: 1, Times: 2}}, Seen: sale.Seen{Epoch: 1, Seq: 1}}))
	s.with = func(n *ledger.NewSale) {
		n.Quote.Applied = []sale.Applied{{Promotion: 1, Times: 3}, {Promotion: 8, Times: 1}}
	}
	s.sell(anna, 0, 10000)
	c, err := s.Customer(anna)
	require.NoError(t, err)
	require.Equal(t, uint32(5), c.Bought)
	require.Equal(t, []sale.PromoUse{{Promotion: 1, Times: 5}, {Promotion: 8, Times: 1}}, c.Uses)
	s.apply(customerChange(sale.Customer{No: anna, Bought: 5, Uses: c.Uses, Seen: sale.Seen{Epoch: 1, Seq: 2}}))
	again, err := s.Customer(anna)
	require.NoError(t, err)
	require.Equal(t, c.Uses, again.Uses, "head office has read it")
	require.Equal(t, uint32(5), again.Bought)
}

// However a receipt comes back, in whatever parts and order, all ends where one whole return ends: points,
// purses, certificate and the cashier's reward.
func TestAnySplitOfReturnsEndsEqual(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		cups := sale.Qty(rapid.IntRange(1, 4).Draw(r, "cups"))
		bread := sale.Qty(rapid.IntRange(1, 5).Draw(r, "loaves"))
		price := sale.Money(rapid.IntRange(1, 30_000).Draw(r, "price"))
		redeem := sale.Points(rapid.IntRange(0, 9_000).Draw(r, "redeem"))
		advance := sale.Points(rapid.IntRange(0, 50_000).Draw(r, "advance"))
		left := []sale.Qty{cups, bread}
		s := sellTwo(t, r, cups, bread, price, redeem, advance)
		of := s.last
		for left[0]+left[1] > 0 {
			line := rapid.IntRange(0, 1).Draw(r, "line")
			if left[line] == 0 {
				line = 1 - line
			}
			n := sale.Qty(rapid.IntRange(1, int(left[line])).Draw(r, "pieces"))
			left[line] -= n
			back, err := s.draftReturn(of, line, n*sale.Piece)
			require.NoError(r, err)
			s.run(back)
		}
		require.Equal(r, sale.Points(9000), s.balance(anna))
		require.Equal(r, sale.Points(50000), s.balance(gift))
		require.Equal(r, sale.Points(700), s.purse(anna, stamps))
		require.Equal(r, sale.Points(0), s.purse(anna, partner))
		var reward sale.Points
		require.NoError(r, s.Walk(false, func(x *sale.Record, _ sale.Entry) bool {
			for _, p := range x.Postings {
				if p.Account.Kind == sale.AccountEmployee {
					reward += p.Amount
				}
			}
			return true
		}))
		require.Zero(r, reward)
		_, err := s.Check()
		require.NoError(r, err)
		require.NoError(r, s.Close())
	})
}

type sold struct {
	*shop
	last *sale.Record
}

// sellTwo sells coffee and bread to Anna, who has 90 points, seven stamps (six make a cup free) and a certificate of 500.00 with her.
func sellTwo(t *testing.T, r *rapid.T, cups, bread sale.Qty, price sale.Money, redeem, advance sale.Points) sold {
	s := openShop(r, t.TempDir())
	s.programme = club()
	lot := sale.Lot{ID: sale.ID{0xcc}, Account: sale.CustomerAccount(anna).In(stamps), Source: sale.ID{1}}
	word := sale.LeaseChange{
		Lease: sale.Lease{ID: sale.ID{0xcd}, Account: lot.Account, Holder: sale.Holder{Store: 1, Till: 7}, Parts: []sale.LotAmount{{Lot: lot.ID, Amount: 700}}},
		Lots:  []sale.Lot{lot},
	}
	s.apply(customerChange(sale.Customer{No: anna, Balance: 9000, Purses: []sale.PurseAmount{{Purse: stamps, Amount: 700}}}), leaseChange(anna, 1, 9000, nil),
		sale.Change{Kind: sale.ChangeLease, Key: word.Lease.ID[:], Body: encoded(word)})
	s.withGift().pay(advance)
	line := goods(price)[0]
	line.Qty = bread * sale.Piece
	of := s.run(s.draft(anna, redeem, []sale.Line{coffee(cups), line}))
	s.with = nil
	return sold{s, of}
}

func TestPendingReturn(t *testing.T) {
	s := newShop(t)
	qr, err := sale.ParseFiscalQR("t=20261101T1830&s=1500.00&fn=9999078900005555&i=42&fp=3522207165&n=1")
	require.NoError(t, err)
	lines := goods(40000)
	lines[0].Qty = 3 * sale.Piece
	n := ledger.PendingReturn{ID: s.id(), Staff: 2, QR: qr, Lines: lines, By: 9, Reason: "не подошло"}
	reckoned, err := n.Refund()
	require.NoError(t, err)
	require.Equal(t, sale.Money(120000), reckoned.Total)
	n.Tenders = []sale.Tender{{Kind: sale.TenderCash, Amount: reckoned.Total}}
	d, err := n.Draft()
	require.NoError(t, err)
	require.Empty(t, d.Postings, "the points wait for head office")
	r := s.run(d)
	require.True(t, r.Return.Pending)
	require.Zero(t, r.Return.Of)
	s.reopen()

	n.ID = s.id()
	n.Before, err = s.ReturnsOfDoc(qr.Key)
	require.NoError(t, err)
	require.Len(t, n.Before, 1)
	_, err = n.Refund()
	require.ErrorIs(t, err, loyalty.ErrReturn, "1200 of 1500 came back already")
	n.Lines = goods(30000)
	_, err = n.Refund()
	require.NoError(t, err)
	for name, spoil := range map[string]func(n *ledger.PendingReturn){
		"a return's code": func(n *ledger.PendingReturn) { n.QR.Doc = sale.DocSaleReturn },
		"nothing":         func(n *ledger.PendingReturn) { n.Lines = nil },
		"half a piece":    func(n *ledger.PendingReturn) { n.Lines = goods(100); n.Lines[0].Qty = 500 },
		"less than zero":  func(n *ledger.PendingReturn) { n.Lines = goods(-100) },
		"too much":        func(n *ledger.PendingReturn) { n.Lines = goods(30001) },
		"an overflow":     func(n *ledger.PendingReturn) { n.Lines = goods(1 << 62) },
	} {
		bad := n
		spoil(&bad)
		_, err := bad.Draft()
		require.Error(t, err, name)
	}
	none, err := s.ReturnsOfDoc(sale.FiscalKey{FN: qr.Key.FN, FD: 43})
	require.NoError(t, err)
	require.Empty(t, none)
}

// A return of a sale that head office sent counts for its fiscal document too: with the line cut, its paper is
// all that the next return names.
func TestReturnOfKnownSaleCountsForItsPaper(t *testing.T) {
	other := newShop(t)
	sold := other.sell(0, 0, 10000)
	s := newShop(t)
	n := ledger.NewReturn{
		ID: s.id(), At: s.clock.At, Staff: 1, Sale: sold, Now: []loyalty.Returned{{Line: 0, Qty: sale.Piece}}, Foreign: true,
		Tenders: []sale.Tender{{Kind: sale.TenderCash, Amount: sold.Sale.Total}},
	}
	d, err := n.Draft()
	require.NoError(t, err)
	back := s.run(d)
	s.reopen()
	qr := *sold.Fiscal
	before, err := s.ReturnsOfDoc(qr.Key)
	require.NoError(t, err)
	require.Len(t, before, 1)
	require.Equal(t, back.ID, before[0].ID)
	qr.Sum = sold.Sale.Total
	qr.Doc = sale.DocSale
	_, err = ledger.PendingReturn{ID: s.id(), Staff: 2, QR: qr, Before: before, Lines: goods(1)}.Refund()
	require.ErrorIs(t, err, loyalty.ErrReturn, "all of it came back already")
}

// A sale that a manager settled has no document's number: its paper is told by standing between its neighbours.
func TestUndocumentedSales(t *testing.T) {
	s := newShop(t)
	key := func(fd uint32) sale.FiscalKey { return sale.FiscalKey{FN: storage, FD: fd} }
	book := func(fd uint32, settled bool) sale.ID {
		j, err := s.Begin(ledger.Job{Draft: s.draft(0, 0, goods(777))})
		require.NoError(t, err)
		r, err := s.Finish(j.Draft.ID, sale.Fiscal{Kind: sale.FiscalOwn, Key: key(fd), Doc: sale.DocSale, Sum: 777, Settled: settled})
		require.NoError(t, err)
		return r.ID
	}
	book(101, false)
	first := book(0, true)
	book(103, false)
	second := book(0, true)
	for name, c := range map[string]struct {
		key  sale.FiscalKey
		own  bool
		want []sale.ID
	}{
		"between":         {key(102), true, []sale.ID{first}},
		"after the last":  {key(104), true, []sale.ID{second}},
		"before all":      {key(50), true, nil},
		"another storage": {sale.FiscalKey{FN: "9999078900009999", FD: 102}, false, nil},
	} {
		own, settled, err := s.Undocumented(c.key)
		require.NoError(t, err, name)
		require.Equal(t, c.own, own, name)
		var ids []sale.ID
		for _, r := range settled {
			ids = append(ids, r.ID)
		}
		require.Equal(t, c.want, ids, name)
	}
}

// A sale of another till comes back here: what was paid with points goes to lots that this till does not know,
// so nothing is lent to it, and what cannot be taken back is owed.
func TestForeignReturn(t *testing.T) {
	other := newShop(t).withAnna(1000)
	sale1 := other.sell(anna, 400, 10000)
	s := newShop(t)
	s.apply(customerChange(sale.Customer{No: anna, Balance: 888}))
	n := ledger.NewReturn{
		ID: s.id(), At: s.clock.At, Staff: 1, Sale: sale1, Now: []loyalty.Returned{{Line: 0, Qty: sale.Piece}}, Foreign: true, By: 9,
		Holder: sale.Holder{Store: 1, Till: ledgertest.Who.Till}, Tenders: []sale.Tender{{Kind: sale.TenderCash, Amount: sale1.Sale.Total}},
	}
	d, err := n.Draft()
	require.NoError(t, err)
	require.Empty(t, d.Leases)
	s.run(d)
	require.Equal(t, 888+400-sale1.Sale.Earned, s.balance(anna))
	require.Zero(t, s.spendable(anna))
	back, err := s.Returns(sale1.ID)
	require.NoError(t, err)
	require.Len(t, back, 1)
}
