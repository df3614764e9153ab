package agent

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/ledger/loyalty"
	"github.com/kopilka/kopilka/ledger/sale"
)

// Figures of the shop: milk 89.90, sugar 64.50, apples 129.90 a kilogram, vodka 450.00; customer 5 holds
// 300 points here.

// told is what head office sends next.
func (c *counter) told(version uint64, changes ...sale.Change) {
	c.t.Helper()
	require.NoError(c.t, c.ledger.Apply(version, changes))
	synctest.Wait() // the till takes note in a turn of its own
}

func (c *counter) change(kind sale.ChangeKind, key []byte, version uint64, body any) sale.Change {
	return change(c.t, kind, key, version, body)
}

// rules publishes a programme.
func (c *counter) rules(version uint64, p *loyalty.Programme) {
	c.t.Helper()
	require.NoError(c.t, p.Validate())
	p.Version = uint32(version)
	c.told(version, c.change(sale.ChangeProgramme, []byte{0, 0, 0, byte(version)}, version, p))
}

// person is a customer with a card and a lease on so many points here.
func (c *counter) person(version uint64, customer sale.Customer, card string, held sale.Points) {
	c.t.Helper()
	secret := []byte("secret")
	changes := []sale.Change{c.change(sale.ChangeCustomer, number(customer.No), version, sale.CustomerChange{
		Customer: customer, Keys: []sale.CustomerKey{{Kind: sale.KeyCard, Key: sale.CardKey(secret, card)}},
	})}
	if held > 0 {
		changes = append(changes, c.lease(version, sale.CustomerAccount(customer.No), byte(customer.No), held))
	}
	c.told(version, changes...)
}

// lease lends this till a lot of its own.
func (c *counter) lease(version uint64, account sale.Account, tag byte, held sale.Points) sale.Change {
	lot := sale.Lot{ID: sale.ID{0: tag, 1: byte(account.Purse), 15: 1}, Account: account, Source: sale.ID{0: tag, 15: 9}}
	lease := sale.Lease{
		ID: sale.ID{0: tag, 1: byte(account.Purse), 2: byte(c.who.Till), 15: 2}, Account: account, Holder: sale.Holder{Store: 1, Till: c.who.Till},
		Parts: []sale.LotAmount{{Lot: lot.ID, Amount: held}},
	}
	return c.change(sale.ChangeLease, lease.ID[:], version, sale.LeaseChange{Lease: lease, Lots: []sale.Lot{lot}})
}

// refused makes sure that a command is answered by a sentence in both languages, and changes nothing.
func (c *counter) refused(cmd Command, says string) {
	c.t.Helper()
	before, head := c.view().Basket, c.ledger.Head()
	var r *Refusal
	err := c.do(cmd)
	require.True(c.t, errors.As(err, &r), "%+v: %v", cmd, err)
	require.Contains(c.t, r.Text.EN, says)
	require.NotEmpty(c.t, r.Text.RU)
	require.NotEqual(c.t, r.Text.EN, r.Text.RU)
	require.Equal(c.t, before, c.view().Basket)
	require.Equal(c.t, head, c.ledger.Head())
}

// sold pays in cash what is due and gives the record.
func (c *counter) sold() *sale.Record {
	c.t.Helper()
	due := c.view().Basket.Due
	var tenders []sale.Tender
	if due > 0 {
		tenders = cash(due)
	}
	c.must(Command{Do: "pay", Tenders: tenders})
	c.untilStage(StageDone)
	all := c.booked(sale.KindSale)
	return all[len(all)-1]
}

func consentRules() loyalty.Enrolment {
	return loyalty.Enrolment{Consents: []loyalty.ConsentText{
		{Kind: sale.ConsentPersonalData, Version: 3, RU: "Согласен на обработку", EN: "I agree to processing", Required: true},
		{Kind: sale.ConsentAdvertising, Version: 2, RU: "Согласен на рассылку", EN: "I agree to messages"},
	}}
}

func TestEnrolAtTheTill(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCounter(t, 30)
		p := loyalty.Default()
		p.Enrolment, p.Grants.Welcome = consentRules(), 10000
		p.Campaigns = []loyalty.Campaign{{ID: 4, RU: "Листовка", EN: "Leaflet", Kind: loyalty.CodeAttribution, Code: "LEAFLET", Channel: "leaflet"}}
		c.rules(2, p)
		c.openShift()
		require.Len(t, c.view().Enrol.Consents, 2)
		yes := []sale.Consent{{Kind: sale.ConsentPersonalData, Version: 3, Given: true}}
		form := Command{Do: "enrol", Phone: "8 916 123-45-67", Card: "2700000000024", Name: "Котов  Борис", Consents: yes, Code: "leaflet"}
		with := func(edit func(*Command)) Command { x := form; edit(&x); return x }
		c.refused(with(func(x *Command) { x.Phone, x.Card = "", "" }), "phone or a card")
		c.refused(with(func(x *Command) { x.Phone = "12" }), "not a phone")
		c.refused(with(func(x *Command) { x.Phone = "+7 900 123-45-67" }), "phone is in the programme already")
		c.refused(with(func(x *Command) { x.Card = testCard }), "card is in the programme already")
		c.refused(with(func(x *Command) { x.Card = milkCode }), "product's code")
		c.refused(with(func(x *Command) { x.Card = "12" }), "not a card number")
		c.refused(with(func(x *Command) { x.Name = "boris@example.ru" }), "name in letters")
		c.refused(with(func(x *Command) { x.Consents = nil }), "consent to keep personal data")
		c.refused(with(func(x *Command) {
			x.Consents = []sale.Consent{{Kind: sale.ConsentPersonalData, Version: 2, Given: true}}
		}), "has changed")
		c.refused(with(func(x *Command) {
			x.Consents = append(slices.Clone(yes), sale.Consent{Kind: 9, Version: 1, Given: true})
		}), "has changed")
		c.scan(milkCode)
		c.must(form)
		v := c.view()
		require.Equal(t, "Борис К.", v.Basket.Customer.Name)
		require.Contains(t, v.Basket.Customer.Pending.EN, "100 welcome points")
		require.Contains(t, v.Notices[0].Text.RU, "100")
		require.Equal(t, sale.Points(200), v.Basket.Earned, "3 %% of 89.90 in whole points")
		r := c.booked(sale.KindEnrol)[0]
		require.Equal(t, []sale.Consent{{Kind: 1, Version: 3, Given: true}, {Kind: 2, Version: 2}}, r.Enrol.Consents)
		require.Equal(t, uint32(4), r.Enrol.Code.Campaign)
		var person sale.Person
		require.NoError(t, sale.Decode(c.sealed[0], &person))
		require.Equal(t, "+79161234567", person.Phone)
		require.Equal(t, "Котов Борис", person.Name)
		commit, err := person.Commit()
		require.NoError(t, err)
		require.Equal(t, commit, r.Enrol.Person)
		plain, err := r.Bytes()
		require.NoError(t, err)
		require.NotContains(t, string(plain), "Котов", "who it is never enters a record")
		key := sale.PhoneHash{Salt: []byte("saltsalt"), Passes: 1, KiB: 8}.Key("+79161234567")
		require.NotContains(t, string(plain), string(key[:]), "nor what the phone can be found by")

		require.Equal(t, r.Enrol.Customer, c.sold().Sale.Customer)
		c.agree()
		c.refused(form, "phone is in the programme already")
		c.must(Command{Do: "customer", Phone: "+79161234567"})
		require.Equal(t, sale.Points(200), c.view().Basket.Customer.Balance, "what the first purchase earned is there")
		require.Equal(t, 1, c.view().KPI.Enrolled)

		p.Enrolment.Closed = true
		c.rules(3, p)
		require.Nil(t, c.view().Enrol)
		c.refused(form, "takes in no customers")
	})
}

// codes is a shard with single codes of a campaign, each with its owner.
func (c *counter) codes(version uint64, campaign uint32, codes map[string]sale.CustomerNo) (changes []sale.Change) {
	shards := map[byte]*sale.CodeShard{}
	type single struct {
		key   sale.LookupKey
		owner sale.CustomerNo
	}
	var all []single
	for code, owner := range codes {
		all = append(all, single{sale.CodeKey([]byte("secret"), code), owner})
	}
	slices.SortFunc(all, func(a, b single) int { return slices.Compare(a.key[:], b.key[:]) })
	for _, x := range all {
		s := shards[x.key[0]]
		if s == nil {
			s = &sale.CodeShard{Campaign: campaign, Shard: x.key[0]}
			shards[x.key[0]] = s
		}
		s.Keys, s.Owners = append(s.Keys, x.key[:]...), append(s.Owners, x.owner)
	}
	for first, s := range shards {
		changes = append(changes, c.change(sale.ChangeCodes, []byte{0, 0, 0, byte(campaign), first}, version, s))
	}
	return changes
}

func TestPromoCodes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCounter(t, 31)
		today := sale.DateOf(sale.At(time.Now()), time.UTC)
		p := loyalty.Default()
		p.Campaigns = []loyalty.Campaign{
			{ID: 1, RU: "Пушкин", EN: "Pushkin", Kind: loyalty.CodeGeneric, Code: "Пушкин-10"},
			{ID: 2, RU: "Купоны", EN: "Coupons", Kind: loyalty.CodeUnique},
			{ID: 3, RU: "Лично", EN: "Personal", Kind: loyalty.CodePersonal},
			{ID: 4, RU: "Листовка", EN: "Leaflet", Kind: loyalty.CodeAttribution, Code: "LEAF", Channel: "leaflet"},
			{ID: 5, RU: "Завтра", EN: "Tomorrow", Kind: loyalty.CodeGeneric, Code: "SOON", From: today.Add(1)},
			{ID: 6, RU: "Вчера", EN: "Yesterday", Kind: loyalty.CodeGeneric, Code: "LATE", Until: today.Add(-1)},
		}
		off := loyalty.Give{Kind: loyalty.GivePercentOff, Rate: 1000}
		anyone := loyalty.Who{Anyone: true}
		p.Promotions = []loyalty.Promotion{
			{ID: 11, RU: "Скидка Пушкина", EN: "Pushkin's discount", Campaign: 1, Who: anyone, Give: off},
			{ID: 12, RU: "По купону", EN: "By coupon", Campaign: 2, Who: anyone, Give: loyalty.Give{Kind: loyalty.GiveAmountOff, Money: 2000}, Goods: loyalty.Goods{SKUs: []sale.SKU{"sugar"}}},
			{ID: 13, RU: "Для вас", EN: "For you", Campaign: 3, Give: off},
		}
		c.rules(2, p)
		c.told(3, append(c.codes(3, 2, map[string]sale.CustomerNo{"AB12-CD34": 0}), c.codes(3, 3, map[string]sale.CustomerNo{"МОЙ-7": 5, "НЕ-МОЙ": 77})...)...)
		c.openShift()
		code := func(text string) Command { return Command{Do: "code", Code: text} }
		c.scan(milkCode)
		c.refused(code("SOON"), "works from")
		c.refused(code("LATE"), "worked until")
		c.refused(code("NOBODY"), "unknown or used already")
		c.refused(code(strings.Repeat("Я", 60)), "unknown")
		c.refused(code("  "), "unknown")

		c.must(code("пушкин 10"))
		v := c.view()
		require.Equal(t, sale.Money(899), v.Basket.Discount, "10 %% of 89.90")
		require.Equal(t, []CodeView{{Code: "ПУШКИН 10", Name: Text{RU: "Пушкин", EN: "Pushkin"}, Gives: true}}, v.Basket.Codes)
		require.Equal(t, []AppliedView{{Name: Text{RU: "Скидка Пушкина", EN: "Pushkin's discount"}, Discount: 899}}, v.Basket.Applied)
		c.refused(code("ПУШКИН-10"), "on this receipt already")
		c.must(Command{Do: "drop-code", Code: "пушкин10"})
		require.Zero(t, c.view().Basket.Discount)
		c.refused(Command{Do: "drop-code", Code: "пушкин10"}, "is not on this receipt")

		c.scan("ab12cd34") // a scanned coupon; there is no sugar for it yet
		require.False(t, c.view().Basket.Codes[0].Gives)
		require.Contains(t, c.view().Basket.Codes[0].Text.EN, "nothing on this receipt")
		c.scan(sugarCode)
		require.Equal(t, sale.Money(2000), c.view().Basket.Discount)
		c.must(code("LEAF"))
		require.Contains(t, c.view().Basket.Codes[1].Text.EN, "whoever brought")
		r := c.sold()
		require.Equal(t, []sale.CodeUse{{Campaign: 2, Key: sale.CodeKey([]byte("secret"), "AB12CD34")}, {Campaign: 4, Key: sale.CodeKey([]byte("secret"), "LEAF")}}, r.Sale.Codes)
		require.Equal(t, "По купону", c.view().Done.Applied[0].Name.RU)
		c.agree()

		c.scan(sugarCode)
		c.refused(code("AB12CD34"), "used already")
		c.must(code("мой7"))
		require.Contains(t, c.view().Basket.Codes[0].Text.EN, "scan its owner's card")
		c.scan(testCard)
		require.True(t, c.view().Basket.Codes[0].Gives)
		c.refused(code("НЕМОЙ"), "another customer's")
		require.Equal(t, sale.Money(645), c.sold().Sale.Discount, "10 %% of 64.50")
	})
}

func TestGiftsAndPurses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCounter(t, 32)
		p := loyalty.Default()
		p.Gifts = []loyalty.Gift{{SKU: "sugar", Points: 5000}, {SKU: "milk", Points: 5000, Tiers: []uint16{2}}}
		p.Purses = []loyalty.Purse{
			{No: 1, RU: "Молочные", EN: "Milk stamps", Kind: loyalty.PurseStamps},
			{No: 2, RU: "Аптека", EN: "Pharmacy", Kind: loyalty.PursePartner, Max: 5000, Partner: 3},
		}
		milk := loyalty.Goods{SKUs: []sale.SKU{"milk"}}
		p.Promotions = []loyalty.Promotion{{ID: 1, RU: "Шестое молоко", EN: "Sixth milk", Goods: milk, Give: loyalty.Give{Kind: loyalty.GiveStamps, Purse: 1, Nth: 6}}}
		c.rules(2, p)
		partner := sale.CustomerAccount(5).In(2)
		customer := sale.Customer{No: 5, Name: "Анна П.", Balance: 30000, Home: 1, Purses: []sale.PurseAmount{{Purse: 2, Amount: 9000}}}
		c.told(3, c.change(sale.ChangeCustomer, number(5), 3, sale.CustomerChange{
			Customer: customer, Keys: []sale.CustomerKey{{Kind: sale.KeyCard, Key: sale.CardKey([]byte("secret"), testCard)}},
		}), c.lease(3, partner, 5, 6000))
		c.openShift()
		c.refused(Command{Do: "gift", SKU: "sugar"}, "card first")
		c.refused(Command{Do: "purse", Purse: 2, Points: 100}, "card first")
		c.scan(testCard, milkCode, milkCode)
		v := c.view()
		require.Equal(t, []GiftView{{SKU: "sugar", Name: "Сахар", Points: 5000, Enough: true}}, v.Basket.Gifts)
		c.refused(Command{Do: "gift", SKU: "milk"}, "not to be had")
		c.refused(Command{Do: "gift", SKU: "bread"}, "not to be had")
		for range 6 {
			c.must(Command{Do: "gift", SKU: "sugar"})
		}
		c.refused(Command{Do: "gift", SKU: "sugar"}, "need 350 points")
		c.refused(Command{Do: "qty", Line: 1, Qty: 7 * sale.Piece}, "cannot be given for points")
		c.must(Command{Do: "qty", Line: 1, Qty: sale.Piece})
		v = c.view()
		require.Equal(t, sale.Points(5000), v.Basket.Redeemed)
		require.Equal(t, sale.Money(2*8990+1), v.Basket.Total, "the sugar keeps a kopeck")

		c.refused(Command{Do: "purse", Purse: 1, Points: 100}, "do not pay here")
		c.refused(Command{Do: "purse", Purse: 9, Points: 100}, "do not pay here")
		c.must(Command{Do: "purse", Purse: 2, Points: -1})
		v = c.view()
		require.Equal(t, sale.Points(6000), v.Basket.Purses[1].Paid, "60 of the 90 are here; half of 179.80 would be 89.90")
		require.Equal(t, "partner", v.Basket.Purses[1].Kind)
		require.Contains(t, v.Basket.Purses[1].Text.EN, "60 of them here for sure")
		r := c.sold()
		c.agree()
		require.Equal(t, sale.Money(2*8990+1-6000), r.Sale.Total)
		v = c.view()
		require.Equal(t, sale.Points(200), v.Done.Purses[0].Balance, "two stamps")
		require.Equal(t, 6, v.Done.Purses[0].Of)
		require.Equal(t, "2 из 6 марок, до подарка ещё 4", v.Done.Purses[0].Text.RU)
		require.Equal(t, sale.Points(3000), v.Done.Purses[1].Balance)
		require.Contains(t, c.paper(), "Аптека: -60, всего 30")
		require.Contains(t, c.paper(), "Молочные: +2, всего 2")
		var partners sale.Points
		for _, x := range r.Postings {
			if x.Account == partner {
				partners += x.Amount
			}
		}
		require.Equal(t, sale.Points(-6000), partners)

		c.scan(r.Fiscal.QR())
		c.must(Command{Do: "return-choose", Line: 0, Qty: 2 * sale.Piece}, Command{Do: "return-choose", Line: 1, Qty: sale.Piece}, Command{Do: "return-pay"})
		c.untilStage(StageDone)
		c.agree()
		back, err := c.ledger.Customer(5)
		require.NoError(t, err)
		require.Equal(t, sale.Points(30000), back.Balance, "whole return: every purse is as before")
		require.Equal(t, sale.Points(9000), amountIn(back.Purses, 2))
		require.Zero(t, amountIn(back.Purses, 1))
	})
}

// Gifts whose points have gone elsewhere leave the basket; the goods are sold all the same. A customer whom
// head office has erased meanwhile leaves the receipt.
func TestPointsThatLeaveMeanwhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCounter(t, 33)
		p := loyalty.Default()
		p.Gifts = []loyalty.Gift{{SKU: "sugar", Points: 5000}}
		c.rules(2, p)
		c.openShift()
		c.scan(testCard, milkCode)
		c.must(Command{Do: "gift", SKU: "sugar"})
		require.Len(t, c.view().Basket.Lines, 2)
		lease := sale.LeaseChange{Recall: true, Lots: []sale.Lot{testLot}, Lease: sale.Lease{ID: sale.ID{15: 2}, Account: testLot.Account, Parts: []sale.LotAmount{{Lot: testLot.ID, Amount: 30000}}}}
		c.told(3, c.change(sale.ChangeLease, lease.Lease.ID[:], 3, lease))
		v := c.view()
		require.Len(t, v.Basket.Lines, 1)
		require.Contains(t, v.Notices[0].Text.EN, "gift cannot be given")
		gone := c.change(sale.ChangeCustomer, number(5), 4, sale.CustomerChange{})
		gone.Gone = true
		c.told(4, gone)
		v = c.view()
		require.Nil(t, v.Basket.Customer)
		require.Equal(t, sale.Money(8990), c.sold().Sale.Total)
		c.agree()
	})
}

// paper is what the register has printed since it was switched on.
func (c *counter) paper() string {
	var b strings.Builder
	for _, l := range c.reg.Tape() {
		b.WriteString(strings.TrimRight(l.Text, " ") + "\n")
	}
	return b.String()
}
