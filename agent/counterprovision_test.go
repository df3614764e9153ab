package agent

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	emulator "github.com/kopilka/kopilka/drivers/emulator/shtrih"
	"github.com/kopilka/kopilka/drivers/emulator/storage"
	"github.com/kopilka/kopilka/drivers/shtrih/frame"
	"github.com/kopilka/kopilka/ledger"
	"github.com/kopilka/kopilka/ledger/loyalty"
	"github.com/kopilka/kopilka/ledger/sale"
)

// counterRules are the seed's, with points as counter-provision.
func counterRules() *loyalty.Programme {
	p := loyalty.Default()
	p.Counter = true
	p.Returns = loyalty.Returns{ForeignMax: 30000}
	return p
}

// printed are the storage's sales or returns, as they were sent to the tax service.
func (c *counter) printed(kind sale.DocKind) (out []storage.Document) {
	for _, d := range c.archive() {
		if d.Fiscal("", "").Doc == kind {
			out = append(out, d)
		}
	}
	return out
}

// payments are a document's by kind: tags 1031, 1081, 1215 to 1217.
func payments(d storage.Document) map[sale.TenderKind]sale.Money {
	out := map[sale.TenderKind]sale.Money{}
	for _, p := range d.Payments {
		if p.Sum != 0 {
			out[p.Tender] += p.Sum
		}
	}
	return out
}

func prices(d storage.Document) (out []sale.Money) {
	for _, l := range d.Lines {
		out = append(out, l.Price)
	}
	return out
}

// Two milks of 89.90 and a sugar of 64.50, 244.30; 50.00 of points come to 36.80 and 13.20. The receipt keeps
// the prices on the shelf, the return gives them back in two parts, and the shift agrees with the storage.
func TestPointsAsCounterProvisionFromSaleToZReport(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCounter(t, 90)
		c.rules(2, counterRules())
		c.openShift()
		c.scan(testCard, milkCode, milkCode, sugarCode)
		c.must(Command{Do: "redeem", Points: 5000})
		require.Equal(t, sale.Money(19430), c.view().Basket.Due, "what the customer pays is the same")
		sold := c.sold()
		c.agree()
		require.Equal(t, sale.Money(24430), sold.Fiscal.Sum)
		require.Contains(t, sold.Fiscal.QR(), "s=244.30")
		require.Equal(t, sale.Money(19430), sold.Sale.Total)
		doc := c.printed(sale.DocSale)[0]
		require.Equal(t, map[sale.TenderKind]sale.Money{sale.TenderCash: 19430, sale.TenderCounter: 5000}, payments(doc))
		require.Equal(t, []sale.Money{8990, 6450}, prices(doc))
		require.Contains(t, c.paper(), "Оплачено баллами 36.80")

		c.rules(3, returnsRules()) // the accountant has changed his mind: a return follows its own sale
		want := []map[sale.TenderKind]sale.Money{
			{sale.TenderCash: 7150, sale.TenderCounter: 1840},
			{sale.TenderCash: 12280, sale.TenderCounter: 3160},
		}
		for i := range want {
			c.scan(sold.Fiscal.QR())
			c.untilStage(StageReturn)
			c.must(Command{Do: "return-choose", Line: 0, Qty: sale.Piece})
			if i == 1 {
				c.must(Command{Do: "return-choose", Line: 1, Qty: sale.Piece})
			}
			c.must(Command{Do: "return-pay"})
			c.untilStage(StageDone)
			back := c.printed(sale.DocSaleReturn)[i]
			require.Equal(t, want[i], payments(back))
			require.Equal(t, []sale.Money{8990, 6450}[:i+1], prices(back))
		}
		c.agree()
		customer, err := c.ledger.Customer(5)
		require.NoError(t, err)
		require.Equal(t, sale.Points(30000), customer.Balance)
		c.must(Command{Do: "close-shift"})
		c.untilStage(StageShift)
		z := c.booked(sale.KindShiftClose)[0].Close
		require.Equal(t, &sale.StorageTotals{Sales: 1, Sold: 24430, Returns: 2, Refunded: 24430}, z.Storage)
		require.Equal(t, *z.Storage, z.Counted())
		require.Equal(t, []sale.Money{19430, 19430, 0}, []sale.Money{z.Sold, z.Refunded, z.Cash})
	})
}

// A lost answer is found again by the fiscal sum, which is not what the customer has paid; a job that a manager
// has settled is recognised by it when the register comes back.
func TestCounterProvisionIsFoundBySum(t *testing.T) {
	for name, fault := range map[string]emulator.Fault{
		"answer lost":                   {Kind: emulator.LoseAnswer, Command: frame.CmdClose2},
		"power after the storage wrote": {Kind: emulator.PowerAfterWrite, Command: frame.CmdClose2},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newCounter(t, 91)
				c.rules(2, counterRules())
				c.openShift()
				c.scan(testCard, milkCode)
				c.must(Command{Do: "redeem", Points: 1000})
				c.reg.Inject(fault)
				require.NoError(t, c.payCash())
				c.until("the fault", func(View) bool { return len(c.reg.Fired()) > 0 })
				c.reg.SetPower(true)
				c.untilStage(StageDone)
				c.agree()
				require.Equal(t, sale.Money(8990), c.booked(sale.KindSale)[0].Fiscal.Sum)
				require.Equal(t, sale.Money(7990), c.booked(sale.KindSale)[0].Sale.Total)
			})
		})
	}
	t.Run("settled by a manager", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			c := newCounter(t, 92)
			c.rules(2, counterRules())
			c.openShift()
			c.scan(testCard, milkCode)
			c.must(Command{Do: "redeem", Points: 1000})
			c.reg.Inject(emulator.Fault{Kind: emulator.PowerAfterWrite, Command: frame.CmdClose2})
			require.NoError(t, c.payCash())
			v := c.untilStage(StageUnknown)
			require.Equal(t, sale.Money(8990), v.Unknown.Total, "the sum to look for on the paper")
			c.must(Command{Do: "settle", ID: v.Unknown.ID, Yes: true, PIN: managerPIN})
			c.untilStage(StageDone)
			c.powerBack() // not dead after all
			c.scan(sugarCode)
			require.NoError(t, c.payCash())
			require.Nil(t, c.untilStage(StageDone).Frozen)
			require.Len(t, c.booked(sale.KindSale), 2, "what the manager settled is not booked again")
		})
	})
}

// Another till, whose rules say discount, returns the sale as it was printed.
func TestCounterProvisionReturnedElsewhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		head := &office{delay: time.Second}
		first := newCounterAt(t, testWho, 93, head.find)
		second := newCounterAt(t, ledger.Identity{Org: 1, Store: 2, Till: 8}, 94, head.find)
		head.tills = []*counter{first, second}
		first.rules(2, counterRules())
		second.rules(2, returnsRules())
		for _, c := range head.tills {
			c.openShift()
			c.must(Command{Do: "cash-in", Amount: 100000})
			c.untilStage(StageSale)
			require.NoError(t, c.till.Network(t.Context(), NetworkView{Online: true}))
		}
		first.scan(testCard, vodkaCode)
		first.must(Command{Do: "adult", Yes: true})
		first.scan(milkCode)
		first.must(Command{Do: "redeem", Points: 10000})
		sold := first.sold()
		require.Equal(t, []sale.Money{45000, 8990}, prices(first.printed(sale.DocSale)[0]), "spirits keep the price on the shelf")
		second.scan(sold.Fiscal.QR())
		second.until("head office's answer", func(v View) bool { return v.Return != nil && !v.Return.Asking })
		second.must(Command{Do: "return-choose", Line: 1, Qty: sale.Piece}, Command{Do: "return-pay"})
		second.untilStage(StageDone)
		second.agree()
		paid := sold.Sale.Lines[1].Redeemed.Worth()
		back := second.printed(sale.DocSaleReturn)[0]
		require.Equal(t, map[sale.TenderKind]sale.Money{sale.TenderCash: 8990 - paid, sale.TenderCounter: paid}, payments(back))
		require.Equal(t, []sale.Money{8990}, prices(back))
	})
}

// A certificate stays an advance beside the points: 244.30 is 50.00 of points, 100.00 of the certificate and
// 94.30 in cash, and goes back the ways it came.
func TestCounterProvisionBesideACertificate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const code = "CERT-0001"
		c := newCounter(t, 96)
		c.rules(2, counterRules())
		c.person(3, sale.Customer{No: 50, Name: "Сертификат 100", Balance: 10000, Bearer: true}, code, 10000)
		c.openShift()
		c.scan(testCard, milkCode, milkCode, sugarCode, code)
		c.must(Command{Do: "redeem", Points: 5000})
		sold := c.sold()
		want := map[sale.TenderKind]sale.Money{sale.TenderCash: 9430, sale.TenderAdvance: 10000, sale.TenderCounter: 5000}
		require.Equal(t, want, payments(c.printed(sale.DocSale)[0]))
		c.scan(sold.Fiscal.QR())
		c.must(Command{Do: "return-choose", Line: 0, Qty: 2 * sale.Piece}, Command{Do: "return-choose", Line: 1, Qty: sale.Piece}, Command{Do: "return-pay"})
		c.untilStage(StageDone)
		require.Equal(t, want, payments(c.printed(sale.DocSaleReturn)[0]))
		c.agree()
		for _, no := range []sale.CustomerNo{5, 50} {
			x, err := c.ledger.Customer(no)
			require.NoError(t, err)
			require.Equal(t, map[sale.CustomerNo]sale.Points{5: 30000, 50: 10000}[no], x.Balance)
		}
	})
}

// A marked piece is one line at the price on its shelf.
func TestCounterProvisionOfAMarkedPiece(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCounter(t, 97)
		c.markedGoods()
		c.rules(3, counterRules())
		c.openShift()
		c.scan(testCard, waterMark("0000001"))
		v := c.view()
		c.must(Command{Do: "redeem", Points: 1000})
		sold := c.sold()
		c.agree()
		line := c.printed(sale.DocSale)[0].Lines[0]
		require.Equal(t, v.Basket.Gross, line.Sum)
		require.NotEmpty(t, line.Mark)
		require.Equal(t, v.Basket.Gross-1000, sold.Sale.Total)
	})
}

// A receipt that points pay whole has no payment but theirs; a receipt without points is as it always was.
func TestCounterProvisionAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCounter(t, 95)
		p := counterRules()
		p.LineFloor, p.Tiers[0].RedeemMax = 0, sale.Hundred
		c.rules(2, p)
		c.openShift()
		c.scan(milkCode)
		c.sold()
		c.scan(testCard, milkCode)
		c.must(Command{Do: "redeem", Points: 9000}) // whole points: 89 of 89.90
		c.sold()
		c.agree()
		docs := c.printed(sale.DocSale)
		require.Equal(t, map[sale.TenderKind]sale.Money{sale.TenderCash: 8990}, payments(docs[0]))
		require.Equal(t, map[sale.TenderKind]sale.Money{sale.TenderCash: 90, sale.TenderCounter: 8900}, payments(docs[1]))
		require.Equal(t, []sale.Money{8990}, prices(docs[1]))

		p = counterRules()
		p.LineFloor, p.Tiers[0].RedeemMax, p.RedeemStep = 0, sale.Hundred, 10
		c.rules(3, p)
		c.scan(testCard, milkCode)
		c.must(Command{Do: "redeem", Points: 8990})
		r := c.sold()
		c.agree()
		require.Zero(t, r.Sale.Total)
		require.Equal(t, map[sale.TenderKind]sale.Money{sale.TenderCounter: 8990}, payments(c.printed(sale.DocSale)[2]))
	})
}
