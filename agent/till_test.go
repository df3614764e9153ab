package agent

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	emulator "github.com/kopilka/kopilka/drivers/emulator/shtrih"
	"github.com/kopilka/kopilka/drivers/shtrih/frame"
	"github.com/kopilka/kopilka/ledger"
	"github.com/kopilka/kopilka/ledger/sale"
)

func TestSaleFromScanToJournal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCounter(t, 1)
		c.openShift()
		c.scan(milkCode, milkCode, sugarCode, testCard)
		v := c.view()
		require.Len(t, v.Basket.Lines, 2)
		require.Equal(t, sale.Qty(2000), v.Basket.Lines[0].Qty)
		require.Equal(t, sale.Money(2*8990+6450), v.Basket.Gross)
		require.Equal(t, "Анна П.", v.Basket.Customer.Name)
		require.Equal(t, sale.Points(30000), v.Basket.Customer.Spendable)
		c.must(Command{Do: "redeem", Points: -1})
		v = c.view()
		require.Equal(t, sale.Points(7300), v.Basket.Redeemed, "30 %% of 244.30 in whole points")
		require.Equal(t, sale.Money(24430-7300), v.Basket.Total)
		c.must(Command{Do: "pay", Tenders: cash(v.Basket.Total), Given: 20000})
		done := c.untilStage(StageDone).Done
		require.Equal(t, sale.Money(20000)-v.Basket.Total, done.Change)
		require.Equal(t, "7-1", done.No)
		c.agree()
		r := c.booked(sale.KindSale)[0]
		require.Equal(t, sale.Points(7300), r.Sale.Redeemed)
		require.Equal(t, []sale.Spend{{Lease: sale.ID{15: 2}, Lot: testLot.ID, Amount: 7300}}, r.Spends)
		customer, err := c.ledger.Customer(5)
		require.NoError(t, err)
		require.Equal(t, 30000-7300+r.Sale.Earned, customer.Balance)
		require.Empty(t, c.asked, "all of the balance is held here: head office need not be asked")
	})
}

func TestSalePaidByCardAndWeighedGoods(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCounter(t, 2)
		c.openShift()
		label := "2100123" + "01432"
		c.scan(label + string(sale.GTINCheckDigit(label)))
		v := c.view()
		require.Equal(t, sale.Qty(1432), v.Basket.Lines[0].Qty)
		total := v.Basket.Total
		require.Equal(t, sale.Money(18602), total, "1.432 × 129.90 = 186.0168")
		c.must(Command{Do: "pay", Tenders: []sale.Tender{{Kind: sale.TenderCard, Amount: total - 5000}, {Kind: sale.TenderCash, Amount: 5000}}, Given: 10000, Contact: "anna@example.ru"})
		require.Equal(t, sale.Money(5000), c.untilStage(StageDone).Done.Change)
		c.agree()
		require.NotEqual(t, sale.Commitment{}, c.booked(sale.KindSale)[0].Sale.Contact)
	})
}

func TestReturnInTwoPartsEndsWhereAWholeOneEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCounter(t, 3)
		c.openShift()
		c.scan(testCard, milkCode, milkCode, sugarCode)
		c.must(Command{Do: "redeem", Points: 5000})
		require.NoError(t, c.payCash())
		c.untilStage(StageDone)
		qr := c.booked(sale.KindSale)[0].Fiscal.QR()
		for range 2 {
			c.scan(qr)
			c.untilStage(StageReturn)
			c.must(Command{Do: "return-choose", Line: 0, Qty: sale.Piece})
			if len(c.booked(sale.KindReturn)) == 1 {
				c.must(Command{Do: "return-choose", Line: 1, Qty: sale.Piece})
			}
			c.must(Command{Do: "return-pay"})
			c.untilStage(StageDone)
		}
		c.agree()
		sold := c.booked(sale.KindSale)[0].Sale
		var back sale.Money
		for _, r := range c.booked(sale.KindReturn) {
			back += r.Return.Total
		}
		require.Equal(t, sold.Total, back)
		customer, err := c.ledger.Customer(5)
		require.NoError(t, err)
		require.Equal(t, sale.Points(30000), customer.Balance)
		require.Zero(t, customer.Debt)
		c.scan(qr)
		require.ErrorContains(t, c.do(Command{Do: "return-choose", Line: 0, Qty: sale.Piece}), "At most 0")
	})
}

func TestShiftIsBesideTheZReport(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCounter(t, 4)
		c.openShift()
		c.must(Command{Do: "cash-in", Amount: 100000, Reason: "размен"})
		c.untilStage(StageSale)
		for range 3 {
			c.scan(milkCode)
			require.NoError(t, c.payCash())
			c.untilStage(StageDone)
		}
		require.ErrorContains(t, c.do(Command{Do: "cash-out", Amount: 1000000}), "only 1269.70")
		c.must(Command{Do: "cash-out", Amount: 50000})
		c.untilStage(StageSale)
		c.must(Command{Do: "close-shift"})
		c.untilStage(StageShift)
		c.agree()
		z := c.booked(sale.KindShiftClose)[0].Close
		require.Equal(t, 3, z.Sales)
		require.Equal(t, sale.Money(3*8990), z.Sold)
		require.Equal(t, &sale.StorageTotals{Sales: 3, Sold: 3 * 8990}, z.Storage)
		require.Equal(t, sale.Money(100000+3*8990-50000), z.Cash)
	})
}

// Each fault strikes the close of the second of two equal sales; whatever it does, the storage and the
// journal agree afterwards, and what is sold is sold once.
func TestLostAnswersAreFoundOut(t *testing.T) {
	for name, fault := range map[string]emulator.Fault{
		"power before the storage writes": {Kind: emulator.PowerBeforeWrite, Command: frame.CmdClose2},
		"power after the storage wrote":   {Kind: emulator.PowerAfterWrite, Command: frame.CmdClose2},
		"power after the answer":          {Kind: emulator.PowerAfterAnswer, Command: frame.CmdClose2},
		"answer lost":                     {Kind: emulator.LoseAnswer, Command: frame.CmdClose2},
		"answer forgotten":                {Kind: emulator.ForgetAnswer, Command: frame.CmdClose2},
		"link closed in the answer":       {Kind: emulator.CloseAfter, Command: frame.CmdClose2, N: 5},
		"link closed in the request":      {Kind: emulator.CloseAfter, Command: frame.CmdClose2, Dir: emulator.ToDevice, N: 9},
		"link closed in a line":           {Kind: emulator.CloseAfter, Command: frame.CmdOperation2, Dir: emulator.ToDevice, N: 9},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newCounter(t, 5)
				c.openShift()
				c.scan(milkCode)
				require.NoError(t, c.payCash())
				c.untilStage(StageDone)
				c.scan(milkCode)
				c.reg.Inject(fault)
				require.NoError(t, c.payCash())
				c.until("the fault", func(View) bool { return len(c.reg.Fired()) > 0 })
				c.reg.SetPower(true)
				v := c.until("an end", func(v View) bool { return v.Stage == StageDone || v.Stage == StageSale })
				if v.Stage == StageSale { // it was not printed: the basket is still there
					require.Len(t, v.Basket.Lines, 1)
					synctest.Wait() // the page may still show the register as it was before the link broke
					c.dialled()
					require.NoError(t, c.payCash())
					c.untilStage(StageDone)
				}
				c.agree()
				require.Len(t, c.booked(sale.KindSale), 2)
			})
		})
	}
}

func TestPaperOutDoesNotUndoASale(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCounter(t, 6)
		c.openShift()
		c.scan(milkCode, sugarCode)
		c.reg.Inject(emulator.Fault{Kind: emulator.PaperOutAtLine, N: 3})
		require.NoError(t, c.payCash())
		v := c.until("paper out", func(v View) bool { return v.Register.Text != nil && v.Register.Online })
		require.Contains(t, v.Register.Text.EN, "paper")
		c.reg.SetPaper(true)
		c.until("paper in", func(v View) bool { return v.Register.CanResume })
		c.must(Command{Do: "resume"})
		c.until("all well", func(v View) bool { return v.Register.Text == nil && (v.Stage == StageDone || v.Stage == StageSale) })
		if len(c.booked(sale.KindSale)) == 0 {
			require.NoError(t, c.payCash())
			c.untilStage(StageDone)
		}
		c.agree()
	})
}

// The daemon dies at every point where it can: the next start finds out what became of the sale.
func TestDaemonDiesBetweenBeginAndFinish(t *testing.T) {
	for name, fault := range map[string]emulator.Fault{
		"before the storage wrote": {Kind: emulator.PowerBeforeWrite, Command: frame.CmdClose2},
		"after the storage wrote":  {Kind: emulator.PowerAfterWrite, Command: frame.CmdClose2},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newCounter(t, 7)
				c.openShift()
				c.scan(testCard, milkCode)
				c.must(Command{Do: "redeem", Points: 1000})
				c.reg.Inject(fault)
				require.NoError(t, c.payCash())
				c.until("what to do", func(v View) bool {
					return v.Unknown != nil && strings.Contains(v.Unknown.Text.EN, "does not answer")
				})
				c.stop()
				c.start()
				require.Equal(t, StageUnknown, c.view().Stage, "nothing is sold before the last receipt is decided")
				c.reg.SetPower(true)
				c.until("recovery", func(View) bool { j, err := c.ledger.Unfinished(); return err == nil && j == nil })
				c.agree()
				held, err := c.ledger.Held(5)
				require.NoError(t, err)
				if len(c.booked(sale.KindSale)) == 0 {
					require.Len(t, c.booked(sale.KindAbandon), 1)
					require.Equal(t, sale.Points(30000), held[0].Free, "the hold is free again")
					require.Len(t, c.until("the goods", func(v View) bool { return len(v.Parked) == 1 }).Parked, 1)
				} else {
					require.Equal(t, sale.Points(29000), held[0].Free)
				}
			})
		})
	}
}

func TestADeadRegisterIsSettledByAManager(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCounter(t, 8)
		c.openShift()
		c.scan(milkCode)
		c.reg.Inject(emulator.Fault{Kind: emulator.PowerAfterWrite, Command: frame.CmdClose2})
		require.NoError(t, c.payCash())
		v := c.untilStage(StageUnknown)
		require.ErrorContains(t, c.do(Command{Do: "settle", ID: v.Unknown.ID, Yes: true, PIN: testPIN}), "manager")
		c.must(Command{Do: "settle", ID: v.Unknown.ID, Yes: true, PIN: managerPIN})
		c.untilStage(StageDone)
		r := c.booked(sale.KindSale)
		require.Len(t, r, 1)
		require.True(t, r[0].Fiscal.Settled)

		c.reg.SetPower(true)
		c.until("the register, not dead after all", func(v View) bool { return v.Register.Online })
		c.scan(sugarCode)
		require.NoError(t, c.payCash())
		v = c.untilStage(StageDone)
		require.Len(t, c.receipts(sale.DocSale), 2)
		require.Len(t, c.booked(sale.KindSale), 2, "what the manager settled is not booked again from the storage")
		require.Nil(t, v.Frozen)
	})
}

// The register comes back and tells, while a manager settles the same job by hand.
func TestSettledWhileTheRegisterIsAsked(t *testing.T) {
	for name, printed := range map[string]bool{"as printed": true, "as not printed": false} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newCounter(t, 15)
				c.openShift()
				c.scan(milkCode)
				c.reg.Inject(emulator.Fault{Kind: emulator.PowerAfterWrite, Command: frame.CmdClose2})
				require.NoError(t, c.payCash())
				v := c.untilStage(StageUnknown)
				j, err := c.ledger.Unfinished()
				require.NoError(t, err)
				c.must(Command{Do: "settle", ID: v.Unknown.ID, Yes: printed, PIN: managerPIN})
				c.till.finish(j, sale.Fiscal{Kind: sale.FiscalOwn, Key: sale.FiscalKey{FN: j.Before.FN, FD: j.Before.FD + 1}})
				require.Nil(t, c.view().Unknown, "what is settled is not asked again")
				c.reg.SetPower(true)
				c.dialled()
				c.scan(sugarCode)
				require.NoError(t, c.payCash())
				c.untilStage(StageDone)
				require.Len(t, c.booked(sale.KindSale), 2)
			})
		})
	}
}

// A disk restored from an image: the storage knows documents that the journal does not.
func TestARestoredDiskIsCaughtUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCounter(t, 9)
		c.openShift()
		c.scan(milkCode)
		require.NoError(t, c.payCash())
		c.untilStage(StageDone)
		restore := c.imaged()
		c.dialled()
		c.must(Command{Do: "sign-in", PIN: testPIN})
		c.scan(testCard, sugarCode)
		c.must(Command{Do: "redeem", Points: 1000})
		require.NoError(t, c.payCash())
		c.untilStage(StageDone)
		restore()
		c.start()
		v := c.until("doubt", func(v View) bool { return v.Frozen != nil && v.Register.Online && len(v.Notices) > 0 })
		require.Contains(t, v.Frozen.EN, "journal lacked")
		c.agree()
		c.stop()
		c.start()
		c.until("the same doubt after a restart", func(v View) bool { return v.Frozen != nil && v.Register.Online })
		synctest.Wait() // the register has vouched for the time: only the journal is in doubt
		c.must(Command{Do: "sign-in", PIN: testPIN})
		c.scan(testCard, milkCode)
		require.Error(t, c.do(Command{Do: "redeem", Points: 1000}), "what was spent in the lost record is not known here")
		require.NoError(t, c.till.Network(context.Background(), NetworkView{Online: true}))
		require.NoError(t, c.do(Command{Do: "redeem", Points: 1000}))
	})
}

func TestRefusals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCounter(t, 10)
		refused := func(cmd Command, says string) {
			t.Helper()
			var r *Refusal
			err := c.do(cmd)
			require.True(t, errors.As(err, &r), "%+v: %v", cmd, err)
			require.Contains(t, r.Text.EN, says)
			require.NotEmpty(t, r.Text.RU)
		}
		refused(Command{Do: "scan", Code: milkCode}, "Sign in")
		refused(Command{Do: "sign-in", PIN: "0000"}, "Wrong PIN")
		refused(Command{Do: "fly"}, "Unknown command")
		c.openShift()
		refused(Command{Do: "scan", Code: "4600000000992"}, "unknown")
		refused(Command{Do: "scan", Code: "4600000000016"}, "misread")
		refused(Command{Do: "pay"}, "empty")
		label := "2100123" + "00000"
		refused(Command{Do: "scan", Code: label + string(sale.GTINCheckDigit(label))}, "no weight")
		c.scan(vodkaCode)
		require.Equal(t, StageAdult, c.view().Stage)
		refused(Command{Do: "scan", Code: milkCode}, "age")
		c.must(Command{Do: "adult", Yes: false})
		require.Empty(t, c.view().Basket.Lines)
		c.scan(vodkaCode)
		c.must(Command{Do: "adult", Yes: true})
		require.Len(t, c.view().Basket.Lines, 1)
		refused(Command{Do: "qty", Line: 0, Qty: 1500}, "quantity")
		refused(Command{Do: "qty", Line: 7, Qty: 1000}, "no such line")
		refused(Command{Do: "pay", Tenders: cash(1)}, "the receipt is for")
		refused(Command{Do: "pay", Tenders: cash(45000), Given: 100}, "at least")
		refused(Command{Do: "customer", Phone: "12"}, "not a phone")
		refused(Command{Do: "customer", Phone: "+79990000000"}, "No customer")
		refused(Command{Do: "redeem", Points: 100}, "card first")
		refused(Command{Do: "sign-out"}, "Finish, park or clear")
		c.must(Command{Do: "customer", Phone: "8 (900) 123-45-67"})
		require.Equal(t, sale.CustomerNo(5), c.view().Basket.Customer.No)
	})
}

func TestPINIsNotGuessed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCounter(t, 11)
		for range pinTriesMax {
			require.ErrorContains(t, c.do(Command{Do: "sign-in", PIN: "0000"}), "Wrong PIN")
		}
		require.ErrorContains(t, c.do(Command{Do: "sign-in", PIN: testPIN}), "Too many tries")
		<-time.After(pinPause)
		require.NoError(t, c.do(Command{Do: "sign-in", PIN: testPIN}))
	})
}

func TestParkAndRecall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCounter(t, 12)
		c.openShift()
		c.scan(testCard, milkCode, sugarCode)
		c.must(Command{Do: "park"})
		v := c.view()
		require.Empty(t, v.Basket.Lines)
		require.Equal(t, "Анна П.", v.Parked[0].Customer)
		c.stop()
		c.start()
		c.dialled()
		c.must(Command{Do: "sign-in", PIN: testPIN}, Command{Do: "recall", ID: v.Parked[0].ID})
		v = c.view()
		require.Len(t, v.Basket.Lines, 2)
		require.NotNil(t, v.Basket.Customer)
		require.Empty(t, v.Parked)
	})
}

// A lease that head office takes away while the cashier talks is not spent: the payment is refused with
// nothing printed, and the page shows the new figures.
func TestALeaseTakenAwayBeforePayment(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCounter(t, 13)
		c.openShift()
		c.scan(testCard, milkCode)
		c.must(Command{Do: "redeem", Points: 2000})
		before := c.view().Basket.Total
		lease := sale.LeaseChange{Recall: true, Lots: []sale.Lot{testLot}, Lease: sale.Lease{ID: sale.ID{15: 2}, Account: testLot.Account, Parts: []sale.LotAmount{{Lot: testLot.ID, Amount: 30000}}}}
		require.NoError(t, c.ledger.Apply(2, []sale.Change{change(t, sale.ChangeLease, lease.Lease.ID[:], 2, lease)}))
		v := c.until("new figures", func(v View) bool { return v.Basket.Customer.Spendable == 0 })
		require.Greater(t, v.Basket.Total, before)
		require.ErrorContains(t, c.do(Command{Do: "pay", Tenders: cash(before)}), "the receipt is for")
		require.Len(t, c.booked(sale.KindRelease), 1)
		require.ErrorIs(t, func() error { _, err := c.ledger.Begin(ledger.Job{}); return err }(), sale.ErrRecord)
	})
}
