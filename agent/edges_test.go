package agent

import (
	"context"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/drivers"
	emulator "github.com/kopilka/kopilka/drivers/emulator/shtrih"
	"github.com/kopilka/kopilka/ledger/sale"
)

// labelOf is a label of the store's own scales with its check digit.
func labelOf(digits string) string { return digits + string(sale.GTINCheckDigit(digits)) }

// onTheShelf adds goods at 1000.00 a piece or a kilogram.
func (c *counter) onTheShelf(sku sale.SKU, name string, traits sale.Traits, codes ...string) {
	c.t.Helper()
	require.NoError(c.t, c.ledger.Apply(2, []sale.Change{change(c.t, sale.ChangeProduct, []byte(sku), 2, sale.Product{
		SKU: sku, Name: name, Price: 100000, VAT: sale.VAT20, Subject: sale.SubjectGoods, Traits: traits, Codes: codes,
	})}))
}

// A till whose register was taken away leaves a lost job to a manager; asking nobody must not stop it for good.
func TestRetryWithoutARegisterEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCounter(t, 151)
		c.openShift()
		c.scan(milkCode)
		c.reg.Inject(emulator.Fault{Kind: emulator.PowerAfterWrite})
		require.NoError(t, c.payCash())
		c.untilStage(StageUnknown)
		c.stop()
		c.tune = func(o *Options) { o.Register = nil }
		c.start()
		v := c.view()
		require.Equal(t, StageUnknown, v.Stage)
		require.ErrorContains(t, c.do(Command{Do: "retry"}), "Another program")
		require.Equal(t, StageUnknown, c.view().Stage)
		c.must(Command{Do: "settle", ID: v.Unknown.ID, PIN: managerPIN, Yes: true})
		require.Len(t, c.booked(sale.KindSale), 1)
	})
}

// A register that is configured in the middle of a shift that began without one knows nothing of that shift.
func TestARegisterComesIntoAShiftWithoutOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCounterWith(t, 152, func(o *Options) { o.Register = nil })
		c.open()
		c.must(Command{Do: "sign-in", PIN: testPIN}, Command{Do: "open-shift"})
		c.scan(milkCode)
		require.NoError(t, c.payCash())
		c.stop()
		c.tune = nil
		c.start()
		c.dialled()
		c.must(Command{Do: "sign-in", PIN: testPIN})
		c.scan(sugarCode)
		require.NoError(t, c.payCash(), "the till tries")
		v := c.until("the way out", func(v View) bool { return v.Stage == StageSale && len(v.Notices) > 0 })
		require.Contains(t, v.Notices[0].Text.EN, "close it and open a new one")
		c.must(Command{Do: "close-shift"})
		closed := c.booked(sale.KindShiftClose)
		require.Len(t, closed, 1)
		require.Equal(t, sale.FiscalNone, closed[0].Fiscal.Kind)
		require.Equal(t, 1, closed[0].Close.Sales)
		c.must(Command{Do: "open-shift"})
		require.Len(t, c.untilStage(StageSale).Basket.Lines, 1, "the sale in hand stays")
		require.NoError(t, c.payCash())
		c.untilStage(StageDone)
		require.Len(t, c.receipts(sale.DocSale), 1)
		c.must(Command{Do: "next"}, Command{Do: "close-shift"})
		c.untilStage(StageShift)
		require.Len(t, c.receipts(sale.DocShiftClose), 1)
	})
}

// The code of a marked piece adds to what its label says: the label's price and weight are what is paid.
func TestALabelHoldsForMarkedGoods(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCounterWith(t, 153, func(o *Options) { o.Rules.Weights = []WeightPattern{"21CCCCCWWWWWK", "22CCCCCNNNNNK", "23CCCCCPPPPPK"} })
		c.open()
		c.onTheShelf("cheese", "Сыр", sale.Marked|sale.Weighed, "2100777", "2200777", waterCode)
		c.onTheShelf("cake", "Торт", sale.Marked, "2300888", beerCode)
		c.onTheShelf("fur", furName, sale.Marked, "2300666")
		c.onTheShelf("pie", "Пирог", 0, "2100999")
		c.openShift()
		for _, x := range []struct {
			label, code string
			qty         sale.Qty
			gross       sale.Money
		}{
			{"210077700300", waterMark("5abcdefghijkl"), 300, 30000},
			{"210077700300", waterMark("5abcdefghijkm") + "\x1d3103000765", 765, 76500}, // the code's own weight is the piece's
			{"230088850000", beerMark("5abcdefghijkl"), sale.Piece, 50000},
			{"230066670000", "RU-430302-AAA1234567", sale.Piece, 70000},
		} {
			c.scan(labelOf(x.label), x.code)
			lines := c.view().Basket.Lines
			require.Equal(t, x.qty, lines[len(lines)-1].Qty, x.label)
			require.Equal(t, x.gross, lines[len(lines)-1].Gross, x.label)
		}
		c.refusesScan(labelOf("210099900300"), "does not fit")
		c.refusesScan(labelOf("220077700003"), "does not fit")
		require.Len(t, c.view().Basket.Lines, 4)
	})
}

// The power goes in the middle of a sale by a label: what is parked costs what the label says.
func TestALabelsPriceOutlivesAPowerCut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCounterWith(t, 157, func(o *Options) { o.Rules.Weights = []WeightPattern{"23CCCCCPPPPPK"} })
		c.open()
		c.onTheShelf("pie", "Пирог", 0, "2300888")
		c.openShift()
		c.scan(labelOf("230088815000"))
		require.Equal(t, sale.Money(15000), c.view().Basket.Total)
		c.reg.Inject(emulator.Fault{Kind: emulator.PowerBeforeWrite})
		require.NoError(t, c.payCash())
		c.untilStage(StageUnknown)
		c.stop()
		c.start()
		c.reg.SetPower(true)
		v := c.until("the parked basket", func(v View) bool { return v.Register.Online && v.Unknown == nil && len(v.Parked) == 1 })
		require.Equal(t, sale.Money(15000), v.Parked[0].Total)
	})
}

// Of a receipt made before codes were kept each piece scanned takes a line of its own.
func TestPiecesOfAnOldReceiptComeBackEach(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCounter(t, 154)
		c.markedGoods()
		c.openShift()
		one, two, three := waterMark("5abcdefghijkl"), waterMark("5abcdefghijkm"), waterMark("5abcdefghijkn")
		c.scan(one, two)
		require.NoError(t, c.payCash())
		c.untilStage(StageDone)
		back := func() {
			c.scan(c.booked(sale.KindSale)[0].Fiscal.QR())
			c.untilStage(StageReturn)
			require.NoError(t, c.till.turn(context.Background(), func() error {
				for i := range c.till.desk.ret.of.Sale.Lines {
					c.till.desk.ret.of.Sale.Lines[i].Code = ""
				}
				return nil
			}))
		}
		back()
		c.scan(one)
		c.refusesScan(one, "already")
		c.scan(two)
		for _, l := range c.view().Return.Lines {
			require.Equal(t, sale.Piece, l.Chosen)
		}
		c.must(Command{Do: "return-choose", Line: 0}, Command{Do: "return-pay"}) // the first goes home again
		c.untilStage(StageDone)
		require.Equal(t, []string{two}, c.marksOn())
		back()
		c.scan(one)
		require.Equal(t, sale.Piece, c.view().Return.Lines[0].Chosen)
		c.must(Command{Do: "return-pay"})
		c.untilStage(StageDone)
		back()
		c.refusesScan(three, "come back already")
	})
}

// A piece that left while the register was asked about it is known to the register all the same.
func TestAPieceThatLeftDuringTheQuestionIsForgotten(t *testing.T) {
	till := &Till{register: newRegisterLine(nil)}
	till.markAnswered(drivers.MarkQuery{Raw: "x"}, 15, nil)
	require.True(t, till.desk.staleMarks)
}

// The customer does not read of a return where a sale was corrected.
func TestACorrectionIsNoReturnOnTheDisplay(t *testing.T) {
	till := &Till{rules: Rules{Language: "ru"}}
	f := till.facesDone(DoneView{Kind: sale.KindCorrection.String(), Total: 8990})
	require.Equal(t, "Коррекция", f[0].left)
	require.Equal(t, "89,90", f[0].right)
	require.Empty(t, f[1].left)
}
