package agent

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/ledger/loyalty"
	"github.com/kopilka/kopilka/ledger/sale"
)

// Each fraud rule at its three measures. Goods are sold whatever it says: blocked, or without a manager's
// PIN, a rule about spending leaves the 2 points that 89.90 earns, any other leaves nobody on the receipt.
func TestFraudRules(t *testing.T) {
	day := time.Date(2000, 1, 1, 15, 0, 0, 0, time.UTC) // a bubble's clock begins at midnight
	paid := func(c *counter) { c.scan(testCard, milkCode); c.must(Command{Do: "redeem", Points: 1000}) }
	for rule, x := range map[string]struct {
		set      func(*loyalty.Watch, loyalty.Watched)
		limit    uint32
		night    bool
		customer func(*sale.Customer)
		act      func(*counter)
		spending bool
	}{
		loyalty.WatchOwnCard: {set: func(w *loyalty.Watch, s loyalty.Watched) { w.OwnCard = s }, customer: func(c *sale.Customer) { c.Staff = 1 }, act: paid},
		loyalty.WatchCardReceipts: {set: func(w *loyalty.Watch, s loyalty.Watched) { w.CardReceipts = s }, limit: 1, act: func(c *counter) {
			c.scan(testCard, sugarCode)
			c.sold()
			paid(c)
		}},
		loyalty.WatchAfterTotal: {set: func(w *loyalty.Watch, s loyalty.Watched) { w.AfterTotal = s }, act: func(c *counter) {
			c.scan(milkCode)
			c.must(Command{Do: "paying", Yes: true}, Command{Do: "paying"})
			c.scan(testCard)
			c.must(Command{Do: "redeem", Points: 1000})
		}},
		loyalty.WatchFresh: {set: func(w *loyalty.Watch, s loyalty.Watched) { w.Fresh = s }, limit: 24, act: paid, spending: true, customer: func(c *sale.Customer) {
			c.Enrolled = sale.At(time.Now().Add(-time.Hour))
		}},
		loyalty.WatchTyped: {set: func(w *loyalty.Watch, s loyalty.Watched) { w.Typed = s }, spending: true, act: func(c *counter) {
			c.scan(milkCode)
			c.must(Command{Do: "customer", Phone: "+79001234567"}, Command{Do: "redeem", Points: 1000})
		}},
		loyalty.WatchNight: {set: func(w *loyalty.Watch, s loyalty.Watched) { w.Night = s }, limit: 30, night: true, act: paid, spending: true},
		loyalty.WatchLookups: {set: func(w *loyalty.Watch, s loyalty.Watched) { w.Lookups = s }, limit: 1, act: func(c *counter) {
			c.must(Command{Do: "customer", Code: "6000"}, Command{Do: "drop-customer"})
			c.scan(milkCode)
			c.must(Command{Do: "customer", Code: testCard}, Command{Do: "redeem", Points: 1000})
		}},
		loyalty.WatchPointsOnly: {set: func(w *loyalty.Watch, s loyalty.Watched) { w.PointsOnly = s }, spending: true, act: func(c *counter) {
			c.scan(testCard, milkCode)
			c.must(Command{Do: "redeem", Points: -1})
		}},
	} {
		t.Run(rule, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				if !x.night {
					time.Sleep(time.Until(day) % (24 * time.Hour))
				}
				c := newCounter(t, 50)
				customer := sale.Customer{No: 5, Name: "Анна П.", Balance: 30000, Home: 1}
				if x.customer != nil {
					x.customer(&customer)
				}
				c.told(2, c.change(sale.ChangeCustomer, number(5), 2, sale.CustomerChange{Customer: customer, Keys: []sale.CustomerKey{
					{Kind: sale.KeyCard, Key: sale.CardKey([]byte("secret"), testCard)}, {Kind: sale.KeyPhone, Key: sale.PhoneHash{Salt: []byte("saltsalt"), Passes: 1, KiB: 8}.Key("+79001234567")},
				}}))
				c.person(3, sale.Customer{No: 6, Name: "Иван С."}, "6000", 0)
				c.openShift()
				for i, measure := range []loyalty.Measure{loyalty.MeasureFlag, loyalty.MeasurePIN, loyalty.MeasureBlock} {
					p := loyalty.Default()
					p.Tiers[0].RedeemMax = sale.Hundred
					x.set(&p.Watch, loyalty.Watched{Measure: measure, Limit: x.limit})
					c.rules(uint64(4+i), p)
					x.act(c)
					checkRule(c, rule, measure, x.spending)
					c.must(Command{Do: "clear"})
				}
			})
		})
	}
}

func checkRule(c *counter, rule string, measure loyalty.Measure, spending bool) {
	t := c.t
	wanted := c.till.desk.sale.wish
	require.NotZero(t, wanted)
	v := c.view()
	if measure == loyalty.MeasureFlag {
		if rule != loyalty.WatchLookups { // which is told by a record of its own
			require.Equal(t, []string{rule, "flag"}, []string{v.Basket.Watch[0].Rule, v.Basket.Watch[0].Measure})
		}
		require.NotZero(t, v.Basket.Redeemed)
		return
	}
	require.Equal(t, []string{rule, measureNames[measure]}, []string{v.Basket.Watch[0].Rule, v.Basket.Watch[0].Measure})
	require.NotEqual(t, v.Basket.Watch[0].Text.RU, v.Basket.Watch[0].Text.EN)
	require.Zero(t, v.Basket.Redeemed)
	require.Equal(t, sale.Money(8990), v.Basket.Total, "the milk is sold all the same")
	earned := sale.Points(0)
	if spending {
		earned = 200
	}
	require.Equal(t, earned, v.Basket.Earned)
	if measure == loyalty.MeasureBlock {
		c.refused(Command{Do: "permit", Yes: true, PIN: managerPIN}, "nothing to permit")
		s := c.sold().Sale
		require.Equal(t, rule, s.Watched[0].Rule)
		require.Zero(t, s.Redeemed)
		require.Equal(t, spending, s.Customer == 5)
		c.agree()
		return
	}
	c.refused(Command{Do: "permit", Yes: true, PIN: testPIN}, "manager's PIN")
	c.must(Command{Do: "permit", Yes: true, PIN: managerPIN})
	require.NotZero(t, c.view().Basket.Redeemed)
	require.True(t, c.view().Basket.Watch[0].Permitted)
	s := c.sold().Sale
	require.Equal(t, sale.Watched{Rule: rule, Amount: s.Watched[0].Amount, By: 2}, s.Watched[0])
	require.Equal(t, sale.CustomerNo(5), s.Customer)
	c.agree()
}

// Leaving the points alone is the other way out of a rule that asks for a manager.
func TestPointsLeftInsteadOfAManager(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCounter(t, 51)
		p := loyalty.Default()
		p.Watch.Typed = loyalty.Watched{Measure: loyalty.MeasurePIN}
		c.rules(2, p)
		c.openShift()
		c.scan(milkCode)
		c.must(Command{Do: "customer", Code: testCard}, Command{Do: "redeem", Points: 1000})
		require.Len(t, c.view().Basket.Watch, 1)
		c.must(Command{Do: "permit"})
		require.Empty(t, c.view().Basket.Watch, "who spends nothing meets no rule about spending")
		require.Equal(t, sale.Points(200), c.sold().Sale.Earned)
	})
}

// A look-up too many is journalled once for each customer, whether or not a sale follows.
func TestLookupsWithoutASale(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCounter(t, 52)
		p := loyalty.Default()
		p.Watch.Lookups = loyalty.Watched{Measure: loyalty.MeasureFlag, Limit: 1}
		c.rules(2, p)
		c.person(3, sale.Customer{No: 6, Name: "Иван С."}, "6000", 0)
		c.person(4, sale.Customer{No: 7, Name: "Пётр С."}, "7000", 0)
		c.openShift()
		look := func(card string) { c.must(Command{Do: "customer", Code: card}, Command{Do: "drop-customer"}) }
		look("6000")
		c.scan("7000") // a card in the hand is no look-up
		require.Empty(t, c.booked(sale.KindLookup))
		look(testCard)
		look(testCard)
		look("7000")
		all := c.booked(sale.KindLookup)
		require.Len(t, all, 2)
		require.Equal(t, &sale.Watched{Rule: loyalty.WatchLookups, Amount: 3}, all[1].Lookup)
		require.Equal(t, sale.StaffNo(1), all[1].Staff)
	})
}

// A return soon after points paid asks for a manager; the buyer gets the money back with one, even where
// the rule blocks.
func TestRefundSoonAfterRedeeming(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCounter(t, 53)
		p := loyalty.Default()
		p.Watch.Refund = loyalty.Watched{Measure: loyalty.MeasureBlock, Limit: 2}
		c.rules(2, p)
		c.openShift()
		c.scan(testCard, milkCode)
		c.must(Command{Do: "redeem", Points: 1000})
		sold := c.sold()
		c.scan(sold.Fiscal.QR())
		c.must(Command{Do: "return-choose", Line: 0, Qty: sale.Piece})
		v := c.view()
		require.True(t, v.Return.Manager)
		require.Equal(t, loyalty.WatchRefund, v.Return.Watch[0].Rule)
		c.refused(Command{Do: "return-pay"}, "manager's PIN")
		c.must(Command{Do: "return-pay", PIN: managerPIN})
		c.untilStage(StageDone)
		r := c.booked(sale.KindReturn)[0].Return
		require.Equal(t, []sale.Watched{{Rule: loyalty.WatchRefund, By: 2}}, r.Watched)
		require.Equal(t, sale.Points(1000), r.Restored)
		c.agree()
	})
}
