package agent

import (
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/ledger/loyalty"
	"github.com/kopilka/kopilka/ledger/sale"
)

// A code that a customer has had says so; "gives nothing yet" would send the cashier looking for goods.
func TestUsedUpCodeSaysSo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCounter(t, 83)
		p := loyalty.Default()
		p.Campaigns = []loyalty.Campaign{{ID: 1, RU: "Листовка", EN: "Leaflet", Kind: loyalty.CodeGeneric, Code: "LEAF10", PerCustomer: 1}}
		p.Promotions = []loyalty.Promotion{{
			ID: 11, RU: "Скидка", EN: "Discount", Campaign: 1, PerCustomer: 1, Least: loyalty.Least{Sum: 50 * sale.Rouble},
			Give: loyalty.Give{Kind: loyalty.GivePercentOff, Rate: 1000},
		}}
		c.rules(2, p)
		c.openShift()
		c.scan(testCard, milkCode)
		c.must(Command{Do: "code", Code: "LEAF10"})
		require.True(t, c.view().Basket.Codes[0].Gives)
		require.Equal(t, sale.Money(899), c.sold().Sale.Lines[0].Discount, "10 %% of 89.90")

		c.scan(milkCode)
		c.must(Command{Do: "code", Code: "LEAF10"})
		require.Equal(t, textPromoNothing(), *c.view().Basket.Codes[0].Text, "whose it would be is not known yet")
		c.scan(testCard)
		require.False(t, c.view().Basket.Codes[0].Gives)
		require.Equal(t, textPromoSpent(), *c.view().Basket.Codes[0].Text)
	})
}

// Another till takes a coupon that lies in this basket already: it leaves by its name, and the sale goes on without it.
func TestACouponTakenElsewhereLeavesTheBasket(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCounter(t, 84)
		p := loyalty.Default()
		p.Campaigns = []loyalty.Campaign{{ID: 2, RU: "Купоны", EN: "Coupons", Kind: loyalty.CodeUnique}}
		p.Promotions = []loyalty.Promotion{{
			ID: 12, RU: "По купону", EN: "By coupon", Campaign: 2, Who: loyalty.Who{Anyone: true}, Give: loyalty.Give{Kind: loyalty.GiveAmountOff, Money: 2000},
		}}
		c.rules(2, p)
		c.told(3, c.codes(3, 2, map[string]sale.CustomerNo{"AB12-CD34": 0})...)
		c.openShift()
		c.scan(milkCode, "ab12cd34")
		require.Equal(t, sale.Money(2000), c.view().Basket.Discount)
		key := sale.CodeKey([]byte("secret"), "AB12CD34")
		c.told(4, c.change(sale.ChangeCodes, []byte{0, 0, 0, 2, key[0]}, 4, sale.CodeShard{Campaign: 2, Shard: key[0]}))
		v := c.view()
		require.Empty(t, v.Basket.Codes)
		require.Zero(t, v.Basket.Discount)
		require.Equal(t, textPromoUnknown("AB12CD34"), v.Notices[len(v.Notices)-1].Text)
		require.Zero(t, c.sold().Sale.Discount)
	})
}
