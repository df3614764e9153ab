package agent

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	emulator "github.com/kopilka/kopilka/drivers/emulator/shtrih"
	"github.com/kopilka/kopilka/drivers/shtrih/frame"
	"github.com/kopilka/kopilka/ledger/loyalty"
	"github.com/kopilka/kopilka/ledger/sale"
)

// What becomes of a receipt over 89.90 that is somebody's in particular, nobody's, or a learner's.
func TestWhoseReceipt(t *testing.T) {
	for name, x := range map[string]struct {
		customer sale.Customer
		name     func(*counter)
		want     sale.Sale // of which customer, earned, redeemed, found by, training are compared
	}{
		"a customer's": {
			sale.Customer{No: 5, Name: "Анна П.", Balance: 30000},
			func(c *counter) { c.scan(testCard); c.must(Command{Do: "redeem", Points: 1000}) },
			sale.Sale{Customer: 5, Earned: 200, Redeemed: 1000, FoundBy: sale.FoundCard},
		},
		"named by phone, where that spends nothing": {
			sale.Customer{No: 5, Name: "Анна П.", Balance: 30000},
			func(c *counter) {
				c.must(Command{Do: "customer", Phone: "+79001234567"}, Command{Do: "redeem", Points: 1000})
			},
			sale.Sale{Customer: 5, Earned: 200, FoundBy: sale.FoundPhone},
		},
		"named by phone, parked and taken back": {
			sale.Customer{No: 5, Name: "Анна П.", Balance: 30000},
			func(c *counter) {
				c.must(Command{Do: "customer", Phone: "+79001234567"}, Command{Do: "park"})
				c.must(Command{Do: "recall", ID: c.view().Parked[0].ID}, Command{Do: "redeem", Points: 1000})
			},
			sale.Sale{Customer: 5, Earned: 200, FoundBy: sale.FoundPhone},
		},
		"a test customer's": {
			sale.Customer{No: 5, Name: "Учебный", Balance: 30000, State: sale.CustomerTest},
			func(c *counter) { c.scan(testCard); c.must(Command{Do: "redeem", Points: 1000}) },
			sale.Sale{Customer: 5, Earned: 200, Redeemed: 1000, FoundBy: sale.FoundCard, Training: true},
		},
		"a blocked customer's": {
			sale.Customer{No: 5, Name: "Анна П.", Balance: 30000, State: sale.CustomerBlocked},
			func(c *counter) { c.scan(testCard); c.must(Command{Do: "redeem", Points: 1000}) },
			sale.Sale{Customer: 5, FoundBy: sale.FoundCard},
		},
		"nobody's": {sale.Customer{No: 5}, func(*counter) {}, sale.Sale{Customer: 99}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newCounter(t, 60)
				p := loyalty.Default()
				p.Enrolment.NoRedeem = true
				c.rules(2, p)
				phones := sale.PhoneHash{Salt: []byte("saltsalt"), Passes: 1, KiB: 8}
				settings := sale.Settings{Org: "Копилка", Store: 1, Zone: "UTC", CardSecret: []byte("secret"), Phones: phones, House: 99}
				c.told(3, c.change(sale.ChangeSettings, []byte("settings"), 3, settings),
					c.change(sale.ChangeCustomer, number(99), 3, sale.CustomerChange{Customer: sale.Customer{No: 99, Name: "Магазин", State: sale.CustomerHouse}}),
					c.change(sale.ChangeCustomer, number(5), 3, sale.CustomerChange{Customer: x.customer, Keys: []sale.CustomerKey{
						{Kind: sale.KeyCard, Key: sale.CardKey([]byte("secret"), testCard)}, {Kind: sale.KeyPhone, Key: phones.Key("+79001234567")},
					}}))
				c.openShift()
				require.True(t, c.view().Basket.House)
				c.scan(milkCode)
				x.name(c)
				got := c.sold().Sale
				c.agree()
				require.Equal(t, x.want, sale.Sale{Customer: got.Customer, Earned: got.Earned, Redeemed: got.Redeemed, FoundBy: got.FoundBy, Training: got.Training})
				require.Equal(t, sale.Money(8990-got.Redeemed), got.Total)
				kpi := c.view().KPI
				require.Equal(t, x.want.Customer == 5 && !x.want.Training, kpi.WithCustomer == 1)
				require.Equal(t, x.want.Training, kpi.Receipts == 0, "learners' receipts are in no figures")
			})
		})
	}
}

// A sale of nobody's that was not printed comes back from the parked baskets as nobody's, its gifts as gifts.
func TestNobodysBasketIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCounter(t, 65)
		settings := sale.Settings{Org: "Копилка", Store: 1, Zone: "UTC", CardSecret: []byte("secret"), House: 99}
		c.told(2, c.change(sale.ChangeSettings, []byte("settings"), 2, settings),
			c.change(sale.ChangeCustomer, number(99), 2, sale.CustomerChange{Customer: sale.Customer{No: 99, Name: "Магазин", State: sale.CustomerHouse}}))
		c.openShift()
		c.scan(milkCode)
		c.reg.Inject(emulator.Fault{Kind: emulator.PowerBeforeWrite, Command: frame.CmdClose2})
		require.NoError(t, c.payCash())
		c.until("doubt", func(v View) bool { return v.Unknown != nil })
		c.stop()
		c.start()
		c.reg.SetPower(true)
		v := c.until("the goods", func(v View) bool { return len(v.Parked) == 1 && v.Stage == StageSignIn })
		c.must(Command{Do: "sign-in", PIN: testPIN}, Command{Do: "recall", ID: v.Parked[0].ID})
		v = c.view()
		require.Nil(t, v.Basket.Customer)
		require.Equal(t, sale.CustomerNo(99), c.sold().Sale.Customer)
		c.agree()
	})
}

func TestPhoneOnlySaysWhy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCounter(t, 61)
		p := loyalty.Default()
		p.Enrolment.NoRedeem = true
		c.rules(2, p)
		c.openShift()
		c.scan(milkCode)
		c.must(Command{Do: "customer", Phone: "+79001234567"}, Command{Do: "redeem", Points: 1000})
		require.Contains(t, c.view().Basket.Reasons, textPhoneOnly())
		c.scan(testCard) // the card in the hand
		c.must(Command{Do: "redeem", Points: 1000})
		require.Equal(t, sale.Points(1000), c.view().Basket.Redeemed)
	})
}

// What the page and the receipt say of a customer on the way up, and of the cashier's day.
func TestProgressExpiryAndTheCashiersDay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCounter(t, 62)
		p := loyalty.Default()
		p.Tiers[1].Need = loyalty.Need{Spend: 1000000, Receipts: 12}
		p.Cashier.Rate = 100
		c.rules(2, p)
		today := sale.DateOf(sale.At(time.Now()), time.UTC)
		customer := sale.Customer{
			No: 5, Name: "Анна П.", Balance: 30000, Progress: sale.Progress{Spend: 660000, Receipts: 10},
			Expiring: sale.Expiring{Amount: 12000, At: sale.At(time.Date(2000, 3, 31, 0, 0, 0, 0, time.UTC))},
		}
		c.told(3, c.change(sale.ChangeCustomer, number(5), 3, sale.CustomerChange{
			Customer: customer, Keys: []sale.CustomerKey{{Kind: sale.KeyCard, Key: sale.CardKey([]byte("secret"), testCard)}},
		}), c.change(sale.ChangeStanding, []byte{0, 0, 0, 1}, 3, sale.Standing{Store: 1, Day: today, Rows: []sale.StandingRow{
			{Staff: 1, Receipts: 0}, {Staff: 2, Receipts: 9, WithCustomer: 1}, {Staff: 3, Receipts: 20, WithCustomer: 4},
		}}))
		c.openShift()
		require.Equal(t, 3, c.view().KPI.Rank)
		c.scan(testCard, milkCode)
		v := c.view()
		require.Equal(t, Text{RU: "до уровня Серебряный осталось 3\u00a0400,00 ₽ или 2 чека", EN: "3400.00 or 2 receipts to Silver"}, *v.Basket.Customer.Progress)
		require.Equal(t, Text{RU: "120 баллов сгорят 31.03.2000", EN: "120 points expire on 2000-03-31"}, *v.Basket.Customer.Expiring)
		c.must(Command{Do: "redeem", Points: 2000})
		s := c.sold().Sale
		require.Equal(t, sale.Points(69), s.Reward, "1 %% of 69.90")
		paper := c.paper()
		for _, line := range []string{"Покупатель: Анна П.", "Списано баллов: 20", "Начислено баллов: 2", "Баланс: 282", "Сгорят 31.03.2000: 100"} {
			require.Contains(t, paper, line+"\n")
		}
		require.Contains(t, strings.ReplaceAll(paper, "\n", " "), "до уровня Серебряный осталось 3 330,10 р. или 1 чек")
		c.scan(testCard, milkCode)
		c.sold()
		require.Equal(t, &KPIView{Receipts: 2, WithCustomer: 2, Earned: 400, Redeemed: 2000, Reward: 69 + 89, Rank: 2, Of: 3}, c.view().KPI)
	})
}

// Whatever a programme calls its promotions, the footer's lines fit the narrowest roll and the poorest
// character set, and no word is lost.
func TestPaperTakesAnyText(t *testing.T) {
	require.Equal(t, []string{"Сертификат \"Праздник\": осталось", "1500.50 р."}, toPaper("Сертификат «Праздник»: осталось 1500.50 ₽"))
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.String().Draw(t, "text")
		lines := toPaper(text)
		for _, l := range lines {
			require.LessOrEqual(t, utf8.RuneCountInString(l), paperWidth)
			require.NotEmpty(t, strings.TrimSpace(l))
			for _, r := range l {
				require.True(t, (r >= ' ' && r < 0x7f) || (r >= 'А' && r <= 'я') || r == 'ё' || r == 'Ё', "%q", r)
			}
		}
		joined := func(s string) string { return strings.Join(strings.Fields(s), "") }
		require.Equal(t, joined(strings.Map(printable, plainSigns.Replace(text))), joined(strings.Join(lines, "")))
	})
}

// The programme in force changes at the store's midnight, without a network.
func TestProgrammeSwitchesAtMidnight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCounter(t, 63)
		zone, err := time.LoadLocation("Atlantic/Azores") // an hour behind: it is eleven at night there
		require.NoError(t, err)
		p := loyalty.Default()
		p.Day = sale.DateOf(sale.At(time.Now()), zone).Add(1)
		p.Tiers[0].Earn = 1000
		settings := sale.Settings{Org: "Копилка", Store: 1, Zone: zone.String(), CardSecret: []byte("secret")}
		c.told(3, c.change(sale.ChangeSettings, []byte("settings"), 3, settings))
		c.rules(4, p)
		c.openShift()
		c.scan(testCard, milkCode)
		require.Equal(t, sale.Points(200), c.view().Basket.Earned)
		time.Sleep(time.Until(p.Day.Start(zone).Time()))
		c.must(Command{Do: "qty", Line: 0, Qty: 2 * sale.Piece})
		require.Equal(t, sale.Points(1700), c.view().Basket.Earned, "10 %% of 179.80 in whole points")
		require.Equal(t, uint32(4), c.sold().Sale.Programme)
	})
}

// A rulebook is made when another programme comes, not for a scan nor for other news of head office.
func TestRulesAreCompiledOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCounter(t, 64)
		c.openShift()
		c.scan(milkCode)
		book := c.till.shop.rules
		c.scan(milkCode, sugarCode, testCard)
		require.Same(t, book, c.till.shop.rules)
		c.person(2, sale.Customer{No: 6, Name: "Иван С."}, "6000", 0)
		c.scan(milkCode)
		require.Same(t, book, c.till.shop.rules)
		c.rules(3, loyalty.Default())
		c.scan(milkCode)
		require.NotSame(t, book, c.till.shop.rules)
	})
}
