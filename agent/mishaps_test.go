package agent

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/drivers"
	"github.com/kopilka/kopilka/drivers/display"
	screens "github.com/kopilka/kopilka/drivers/emulator/display"
	emulator "github.com/kopilka/kopilka/drivers/emulator/shtrih"
	"github.com/kopilka/kopilka/drivers/port"
	"github.com/kopilka/kopilka/drivers/shtrih/frame"
	"github.com/kopilka/kopilka/ledger"
	"github.com/kopilka/kopilka/ledger/loyalty"
	"github.com/kopilka/kopilka/ledger/sale"
)

// Trusted time stands still while the clock is behind what is journalled; the pause after wrong PINs must not.
func TestThePauseAfterWrongPINsEndsThoughTimeStandsStill(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCounter(t, 160)
		c.openShift()
		c.till.clock.Trust(sale.At(time.Now().Add(40 * time.Hour)))
		c.scan(milkCode)
		require.NoError(t, c.payCash())
		c.untilStage(StageDone)
		c.till.clock.Trust(sale.At(time.Now()))
		stands := c.till.now()
		c.must(Command{Do: "sign-out"})
		for range pinTriesMax {
			require.ErrorContains(t, c.do(Command{Do: "sign-in", PIN: "0000"}), "Wrong PIN")
		}
		require.ErrorContains(t, c.do(Command{Do: "sign-in", PIN: testPIN}), "Too many tries")
		<-time.After(pinPause)
		require.Equal(t, stands, c.till.now())
		require.NoError(t, c.do(Command{Do: "sign-in", PIN: testPIN}))
	})
}

// Goods whose marking code is waited for are on the counter: other goods do not make them leave, and nobody pays
// without them.
func TestGoodsThatWaitForTheirCodeAreNotForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCounter(t, 161)
		c.markedGoods()
		c.openShift()
		c.scan(waterCode, milkCode, sugarCode)
		v := c.view()
		require.Equal(t, "Вода", v.Basket.Wanted)
		require.Len(t, v.Basket.Lines, 2)
		c.refusesScan("4600000000077", "First \"Вода\"")
		require.ErrorContains(t, c.payCash(), "First \"Вода\"")
		c.scan(waterMark("5abcdefghijkl"))
		c.untilMark(2, markChecked)
		require.Empty(t, c.view().Basket.Wanted)
		require.NoError(t, c.payCash())
		c.untilStage(StageDone)
		require.Len(t, c.booked(sale.KindSale)[0].Sale.Lines, 3)

		c.scan(waterCode, milkCode)
		c.must(Command{Do: "drop-mark"})
		require.NoError(t, c.payCash(), "left for good")
		c.untilStage(StageDone)
		c.agree()
	})
}

// An archive that does not answer is nothing to compare with: a number given now may be another customer's already.
func TestNobodyIsEnrolledBeforeTheJournalIsCompared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCounter(t, 162)
		p := loyalty.Default()
		p.Enrolment = consentRules()
		c.rules(2, p)
		c.openShift()
		restore := c.imaged()
		c.dialled()
		c.must(Command{Do: "sign-in", PIN: testPIN})
		c.must(enrolling("+7 916 123-45-67"))
		lost := c.view().Basket.Customer.No
		c.scan(milkCode)
		require.NoError(t, c.payCash())
		c.untilStage(StageDone)
		restore()
		driver := c.driver
		var silent atomic.Bool
		silent.Store(true)
		c.driver = func(dial port.Dial) (drivers.Printer, error) {
			p, err := driver(dial)
			return mute{p, &silent}, err
		}
		c.start()
		c.dialled()
		c.must(Command{Do: "sign-in", PIN: testPIN})
		require.ErrorContains(t, c.do(enrolling("+7 916 765-43-21")), "not yet compared")

		silent.Store(false)
		c.scan(sugarCode)
		require.NoError(t, c.payCash())
		c.untilStage(StageDone)
		c.must(enrolling("+7 916 765-43-21"))
		require.NotEqual(t, lost, c.view().Basket.Customer.No)
	})
}

// mute is a register whose archive may not answer.
type mute struct {
	drivers.Printer
	silent *atomic.Bool
}

func (m mute) Documents(ctx context.Context, after, last uint32) ([]drivers.Document, error) {
	if !m.silent.Load() {
		return m.Printer.Documents(ctx, after, last)
	}
	return nil, &drivers.Error{Op: "read", Device: "register", Fail: drivers.FailRefused, Outcome: drivers.OutcomeNotDone}
}

// A manager says that there was no receipt, after the till's own power cut: the goods need not be scanned again.
func TestGoodsOfASaleThatAManagerSettledAsNotMadeAreKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCounter(t, 163)
		c.openShift()
		c.scan(testCard, milkCode, sugarCode)
		c.reg.Inject(emulator.Fault{Kind: emulator.PowerBeforeWrite, Command: frame.CmdClose2})
		require.NoError(t, c.payCash())
		c.untilStage(StageUnknown)
		c.stop()
		c.start()
		v := c.untilStage(StageUnknown)
		c.must(Command{Do: "settle", ID: v.Unknown.ID, PIN: managerPIN})
		v = c.view()
		require.Len(t, v.Parked, 1)
		c.must(Command{Do: "sign-in", PIN: testPIN}, Command{Do: "recall", ID: v.Parked[0].ID})
		require.Len(t, c.view().Basket.Lines, 2)
		require.NotNil(t, c.view().Basket.Customer)
	})
}

// Where no more baskets can be parked, the goods of an unprinted receipt lie on the counter again.
func TestGoodsOfAnUnprintedSaleAreKeptBesideAFullList(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCounter(t, 183)
		c.openShift()
		for i := range ledger.ParkedMax {
			id := sale.DeriveID(sale.ID{}, "full", i)
			require.NoError(t, c.ledger.Park(ledger.Parked{ID: id, Staff: 1, Basket: sale.Basket{Lines: []sale.Line{{Qty: sale.Piece}}}}))
		}
		c.scan(testCard, milkCode, sugarCode)
		c.reg.Inject(emulator.Fault{Kind: emulator.PowerBeforeWrite, Command: frame.CmdClose2})
		require.NoError(t, c.payCash())
		c.untilStage(StageUnknown)
		c.stop()
		c.reg.SetPower(true)
		c.start()
		c.dialled()
		c.must(Command{Do: "sign-in", PIN: testPIN})
		require.Len(t, c.view().Basket.Lines, 2)
		require.NotNil(t, c.view().Basket.Customer)
		require.NoError(t, c.payCash())
		c.untilStage(StageDone)
		require.Len(t, c.booked(sale.KindSale), 1)
	})
}

// The same card once more, at the payment too, is no other customer: the points asked for stay, and nobody was named late.
func TestTheSameCardAgainChangesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCounter(t, 164)
		p := loyalty.Default()
		p.Watch.AfterTotal.Measure = loyalty.MeasureBlock
		c.rules(2, p)
		c.openShift()
		c.must(Command{Do: "customer", Phone: "+7 900 123-45-67"})
		c.scan(milkCode)
		c.must(Command{Do: "redeem", Points: 1000}, Command{Do: "paying", Yes: true})
		before := c.view().Basket
		require.Equal(t, sale.Points(1000), before.Redeemed)
		c.scan(testCard)
		require.Equal(t, before.Total, c.view().Basket.Total)
		s := c.sold().Sale
		require.Empty(t, s.Watched)
		require.Equal(t, sale.Points(1000), s.Redeemed)
		require.Equal(t, sale.FoundCard, s.FoundBy, "now the card was there")
	})
}

// Who was named before a parked basket is taken back is its buyer where it has none.
func TestRecallKeepsTheCustomerInHand(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCounter(t, 165)
		c.openShift()
		c.scan(milkCode)
		c.must(Command{Do: "park"})
		parked := c.view().Parked[0].ID
		c.scan(testCard)
		c.must(Command{Do: "recall", ID: parked})
		require.NotNil(t, c.view().Basket.Customer)
		require.NotZero(t, c.sold().Sale.Earned)
	})
}

// What a tap meant by its number may have moved: another line than the cashier saw is left alone.
func TestALineThatMovedIsLeftAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCounter(t, 166)
		c.openShift()
		c.scan(milkCode, sugarCode)
		c.must(Command{Do: "remove", Line: 0, SKU: "milk"})
		c.refused(Command{Do: "remove", Line: 0, SKU: "milk"}, "has changed")
		c.refused(Command{Do: "qty", Line: 0, SKU: "milk", Qty: 5 * sale.Piece}, "has changed")
		require.Equal(t, sale.Piece, c.view().Basket.Lines[0].Qty)
		c.must(Command{Do: "qty", Line: 0, SKU: "sugar", Qty: 2 * sale.Piece})
	})
}

// A complaint that was read and put away stays away until it says something else.
func TestTheClocksNoticeCanBePutAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		<-time.After(100 * time.Hour) // a register knows no year before 2000, where the bubble's time begins
		c := newCounter(t, 167)
		c.openShift()
		c.reg.JumpClock(-72 * time.Hour)
		v := c.until("the complaint", func(v View) bool { return len(v.Notices) == 1 })
		require.Contains(t, v.Notices[0].Text.EN, "3 days behind")
		c.must(Command{Do: "dismiss", Notice: v.Notices[0].ID})
		<-time.After(time.Minute)
		require.Empty(t, c.view().Notices)
		c.reg.JumpClock(72 * time.Hour)
		<-time.After(time.Minute)
		c.reg.JumpClock(-72 * time.Hour)
		c.until("the complaint about another time", func(v View) bool { return len(v.Notices) == 1 })
	})
}

// Whoever signs in next finds nobody's customer on an empty receipt.
func TestTheNextCashierFindsNobodysCustomer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCounter(t, 168)
		c.markedGoods()
		c.openShift()
		c.scan(testCard, waterCode)
		c.refused(Command{Do: "sign-out"}, "First")
		c.must(Command{Do: "drop-mark"}, Command{Do: "sign-out"}, Command{Do: "sign-in", PIN: managerPIN})
		require.Nil(t, c.view().Basket.Customer)
		c.scan(milkCode)
		require.Zero(t, c.sold().Sale.Earned)
	})
}

// Two pies with different prices on their labels come back for what stands on each; a price put right holds for more of
// the same.
func TestLabelsOfOneProductComeBackForTheirOwnPrices(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCounterWith(t, 169, func(o *Options) { o.Rules.Weights = []WeightPattern{"23CCCCCPPPPPK"} })
		c.open()
		c.onTheShelf("pie", "Пирог", 0, "2300888")
		c.rules(3, returnsRules())
		c.openShift()
		c.scan(foreignQR(40000, time.Hour), labelOf("230088808000"), labelOf("230088812000"), milkCode)
		v := c.view().Return
		require.Len(t, v.Lines, 3)
		require.Equal(t, sale.Money(8000+12000+8990), v.Total)
		c.must(Command{Do: "return-price", Line: 2, Amount: 5000})
		c.scan(milkCode)
		require.Equal(t, sale.Money(8000+12000+2*5000), c.view().Return.Total)
	})
}

// The customer reads what is scanned also after a payment that was left, and what comes back by a QR alone.
func TestTheDisplayFollowsTheCounter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &glass{Display: screens.New(screens.Options{})}
		c := newCounterWith(t, 170, func(o *Options) {
			o.Display = func(context.Context) (drivers.Display, error) { return display.New("pole", g.dial, nil) }
		})
		c.open()
		c.rules(2, returnsRules())
		c.openShift()
		c.scan(milkCode)
		c.must(Command{Do: "paying", Yes: true})
		g.reads(c, "К оплате       89,90", "                    ")
		c.must(Command{Do: "paying"})
		c.scan(sugarCode)
		g.reads(c, "Сахар          64,50", "Итого         154,40")
		c.must(Command{Do: "clear"})
		c.scan(foreignQR(20000, time.Hour), milkCode)
		g.reads(c, "Возврат             ", "К возврату     89,90")
		c.must(Command{Do: "return-cancel"})
		c.stop()
		g.served.Wait()
	})
}
