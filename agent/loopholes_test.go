package agent

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/ledger/loyalty"
	"github.com/kopilka/kopilka/ledger/sale"
)

// ruled is a till with a shift open under a programme, and whoever came down with it.
func ruled(t *testing.T, seed byte, set func(*loyalty.Programme), people ...func(*counter)) *counter {
	c := newCounter(t, seed)
	p := loyalty.Default()
	set(p)
	c.rules(2, p)
	for _, come := range people {
		come(c)
	}
	c.openShift()
	return c
}

func holding(customer sale.Customer, card string) func(*counter) {
	return func(c *counter) { c.person(3, customer, card, 0) }
}

// Guesses at a manager's PIN add up though the guesser's own PIN comes in between; a manager's, or a quiet
// quarter of an hour, starts them anew.
func TestGuessesAddUpBesideOnesOwnPIN(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCounter(t, 90)
		guess := func(n int) {
			for i := range n {
				c.refused(Command{Do: "sign-in", PIN: fmt.Sprintf("9%03d", i)}, "Wrong PIN")
			}
		}
		own := func(pin string) { c.must(Command{Do: "sign-in", PIN: pin}, Command{Do: "sign-out"}) }
		guess(pinTriesMax - 1)
		own(managerPIN)
		guess(pinTriesMax - 1)
		time.Sleep(pinQuiet)
		guess(pinTriesMax - 1)
		own(testPIN)
		guess(1)
		c.refused(Command{Do: "sign-in", PIN: testPIN}, "Too many tries")
		time.Sleep(pinPause)
		own(testPIN)
	})
}

// Parking washes off neither a late card nor look-ups, over a restart too.
func TestParkingWashesNothingOff(t *testing.T) {
	for name, x := range map[string]struct {
		set func(*loyalty.Watch)
		act func(*counter)
	}{
		loyalty.WatchAfterTotal: {func(w *loyalty.Watch) { w.AfterTotal.Measure = loyalty.MeasureBlock }, func(c *counter) {
			c.scan(milkCode)
			c.must(Command{Do: "paying", Yes: true}, Command{Do: "paying"})
			c.scan(testCard)
		}},
		loyalty.WatchLookups: {func(w *loyalty.Watch) { w.Lookups = loyalty.Watched{Measure: loyalty.MeasureBlock, Limit: 1} }, func(c *counter) {
			c.must(Command{Do: "customer", Code: "6000"}, Command{Do: "drop-customer"})
			c.scan(milkCode)
			c.must(Command{Do: "customer", Code: testCard})
		}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := ruled(t, 91, func(p *loyalty.Programme) { x.set(&p.Watch) }, holding(sale.Customer{No: 6, Name: "Иван С."}, "6000"))
				x.act(c)
				c.must(Command{Do: "park"})
				c.stop()
				c.start()
				v := c.until("the basket", func(v View) bool { return len(v.Parked) == 1 && v.Register.Online })
				synctest.Wait() // until journal and storage are compared
				c.must(Command{Do: "sign-in", PIN: testPIN}, Command{Do: "recall", ID: v.Parked[0].ID})
				c.refused(Command{Do: "recall", ID: v.Parked[0].ID}, "Finish, park or clear")
				s := c.sold().Sale
				require.Equal(t, name, s.Watched[0].Rule)
				require.Zero(t, s.Earned)
				c.refused(Command{Do: "recall", ID: v.Parked[0].ID}, "parked basket is gone")
			})
		})
	}
}

// Partner's points are points to the rules about spending.
func TestPartnerPointsAreWatched(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := ruled(t, 92, func(p *loyalty.Programme) {
			p.Purses = []loyalty.Purse{{No: 2, RU: "Аптека", EN: "Pharmacy", Kind: loyalty.PursePartner, Max: 9900, Partner: 3}}
			p.Watch.Typed.Measure = loyalty.MeasurePIN
			p.Watch.Refund = loyalty.Watched{Measure: loyalty.MeasurePIN, Limit: 24}
		}, func(c *counter) {
			customer := sale.Customer{No: 5, Name: "Анна П.", Home: 1, Purses: []sale.PurseAmount{{Purse: 2, Amount: 6000}}}
			c.told(3, c.change(sale.ChangeCustomer, number(5), 3, sale.CustomerChange{
				Customer: customer, Keys: []sale.CustomerKey{{Kind: sale.KeyCard, Key: sale.CardKey([]byte("secret"), testCard)}},
			}), c.lease(3, sale.CustomerAccount(5).In(2), 5, 6000))
		})
		c.scan(milkCode)
		c.must(Command{Do: "customer", Code: testCard}, Command{Do: "purse", Purse: 2, Points: 6000})
		v := c.view()
		require.Equal(t, loyalty.WatchTyped, v.Basket.Watch[0].Rule)
		require.Equal(t, sale.Money(8990), v.Basket.Total)
		c.must(Command{Do: "permit", Yes: true, PIN: managerPIN})
		sold := c.sold()
		require.Equal(t, []sale.Watched{{Rule: loyalty.WatchTyped, Amount: 6000, By: 2}}, sold.Sale.Watched)
		require.Equal(t, sale.Money(2990), sold.Sale.Total)
		c.scan(sold.Fiscal.QR())
		c.must(Command{Do: "return-choose", Line: 0, Qty: sale.Piece})
		require.Equal(t, loyalty.WatchRefund, c.view().Return.Watch[0].Rule)
	})
}

// A manager's word is good for as many points as were asked for then.
func TestPermitHoldsForItsPoints(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := ruled(t, 93, func(p *loyalty.Programme) { p.Watch.Typed.Measure = loyalty.MeasurePIN })
		c.scan(milkCode)
		permit := Command{Do: "permit", Yes: true, PIN: managerPIN}
		c.must(Command{Do: "customer", Code: testCard}, Command{Do: "redeem", Points: 1000}, permit)
		for _, x := range []struct{ wish, redeemed sale.Points }{{1000, 1000}, {1100, 0}, {500, 500}} {
			c.must(Command{Do: "redeem", Points: x.wish})
			b := c.view().Basket
			require.Equal(t, x.redeemed, b.Redeemed)
			require.Equal(t, x.redeemed > 0, b.Watch[0].Permitted)
		}
		c.must(Command{Do: "redeem", Points: 1100})
		require.Zero(t, c.view().Basket.Redeemed)
		c.must(permit)
		require.Equal(t, sale.Points(1100), c.sold().Sale.Redeemed)
	})
}

// A manager at the till needs another one for their own card.
func TestNobodyPermitsTheirOwnCard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := ruled(t, 94, func(p *loyalty.Programme) { p.Watch.OwnCard.Measure = loyalty.MeasurePIN },
			holding(sale.Customer{No: 5, Name: "Олег П.", Balance: 30000, Home: 1, Staff: 2}, testCard))
		salt := []byte("0123456789abcdef")
		c.told(4, c.change(sale.ChangeStaff, []byte{0, 0, 0, 3}, 4, sale.Staff{No: 3, Name: "Анна К.", Role: sale.RoleManager, Salt: salt, PIN: sale.HashPIN("3333", salt)}))
		c.must(Command{Do: "sign-out"}, Command{Do: "sign-in", PIN: managerPIN})
		c.scan(testCard, milkCode)
		c.refused(Command{Do: "permit", Yes: true, PIN: managerPIN}, "another manager")
		require.False(t, c.view().Basket.Watch[0].Permitted)
		c.must(Command{Do: "permit", Yes: true, PIN: "3333"})
		require.Equal(t, sale.StaffNo(3), c.sold().Sale.Watched[0].By)
	})
}

// One's own purchase brings no reward, though a rule has kept the card off the receipt; a customer's does:
// 5 % of 89.90.
func TestNoRewardForAStoppedOwnPurchase(t *testing.T) {
	for staff, reward := range map[sale.StaffNo]sale.Points{1: 0, 2: 449} {
		synctest.Test(t, func(t *testing.T) {
			c := ruled(t, 95, func(p *loyalty.Programme) {
				p.Cashier.Rate = 500
				p.Watch.AfterTotal.Measure = loyalty.MeasureBlock
			}, holding(sale.Customer{No: 5, Name: "Мария И.", Home: 1, Staff: staff}, testCard))
			c.scan(milkCode)
			c.must(Command{Do: "paying", Yes: true})
			c.scan(testCard)
			s := c.sold().Sale
			require.Zero(t, s.Earned)
			require.Equal(t, reward, s.Reward)
		})
	}
}

// A code that works once waits while the journal is in doubt: the lost part may have used it.
func TestSingleCodeWaitsForTheJournal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := ruled(t, 96, func(p *loyalty.Programme) {
			p.Campaigns = []loyalty.Campaign{{ID: 2, RU: "Купоны", EN: "Coupons", Kind: loyalty.CodeUnique}}
			p.Promotions = []loyalty.Promotion{{ID: 12, RU: "По купону", EN: "By coupon", Campaign: 2, Who: loyalty.Who{Anyone: true}, Give: loyalty.Give{Kind: loyalty.GiveAmountOff, Money: 2000}}}
		}, func(c *counter) { c.told(3, c.codes(3, 2, map[string]sale.CustomerNo{"AB12-CD34": 0})...) })
		restore := c.imaged()
		c.dialled()
		c.must(Command{Do: "sign-in", PIN: testPIN})
		c.scan(milkCode, "ab12cd34")
		require.Equal(t, sale.Money(2000), c.sold().Sale.Discount)
		restore()
		c.start()
		c.until("doubt", func(v View) bool { return v.Frozen != nil && len(v.Notices) > 0 })
		c.must(Command{Do: "sign-in", PIN: testPIN})
		c.scan(milkCode)
		c.refused(Command{Do: "code", Code: "ab12cd34"}, "Head office must check")
		require.Zero(t, c.sold().Sale.Discount)
	})
}

// A certificate that head office stops while it lies on the counter pays nothing.
func TestStoppedCertificateLeavesTheCounter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCounter(t, 97)
		certificate := sale.Customer{No: 50, Name: "Сертификат", Balance: 6450, Bearer: true}
		c.person(2, certificate, "CERT-0001", 6450)
		c.openShift()
		c.scan(milkCode, "CERT-0001")
		require.Equal(t, sale.Money(2540), c.view().Basket.Due)
		certificate.State = sale.CustomerBlocked
		c.person(3, certificate, "CERT-0001", 0)
		v := c.view()
		require.Equal(t, sale.Money(8990), v.Basket.Due)
		require.Equal(t, textCertificateStopped(), v.Notices[len(v.Notices)-1].Text)
	})
}

// Numbers of certificates cannot be tried one by one unseen; one that pays was not looked up in vain.
func TestTypedCertificatesAreLookups(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := ruled(t, 98, func(p *loyalty.Programme) { p.Watch.Lookups = loyalty.Watched{Measure: loyalty.MeasureBlock, Limit: 2} },
			func(c *counter) {
				c.person(3, sale.Customer{No: 50, Name: "Сертификат", Balance: 6450, Bearer: true}, "CERT-0001", 6450)
			})
		c.scan(milkCode)
		c.must(Command{Do: "certificate", Code: "CERT-0001"})
		require.Equal(t, sale.Money(2540), c.view().Basket.Due)
		c.must(Command{Do: "pay", Tenders: cash(2540), Given: 2540})
		c.untilStage(StageDone)
		for _, number := range []string{"CERT-0002", "CERT-0003", "CERT-0003"} {
			c.refused(Command{Do: "certificate", Code: number}, "not found")
		}
		require.Empty(t, c.booked(sale.KindLookup))
		require.ErrorContains(t, c.do(Command{Do: "certificate", Code: "CERT-0004"}), "not found")
		require.Equal(t, &sale.Watched{Rule: loyalty.WatchLookups, Amount: 3}, c.booked(sale.KindLookup)[0].Lookup)
		require.Error(t, c.do(Command{Do: "customer", Code: "CERT-0001"}), "nothing is left on it")
		require.Len(t, c.booked(sale.KindLookup), 2)
	})
}

// Only so much of a product as can be sold comes into the basket; what cannot is a sentence.
func TestOddQuantitiesAreRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCounter(t, 99)
		c.openShift()
		c.must(Command{Do: "add", SKU: "milk", Qty: 3000}, Command{Do: "add", SKU: "apples", Qty: 345})
		for _, qty := range []sale.Qty{-2000, -1, 500, qtyMax, qtyMax + sale.Piece} {
			c.refused(Command{Do: "add", SKU: "milk", Qty: qty}, "whole numbers")
		}
		c.refused(Command{Do: "add", SKU: "apples", Qty: -345}, "quantity is wrong")
		require.Equal(t, []sale.Qty{3000, 345}, []sale.Qty{c.view().Basket.Lines[0].Qty, c.view().Basket.Lines[1].Qty})
		c.must(Command{Do: "clear"})
		c.refused(Command{Do: "recall", ID: sale.ID{9}}, "parked basket is gone")
	})
}
