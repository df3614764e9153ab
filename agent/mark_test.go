package agent

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/drivers"
	emulator "github.com/kopilka/kopilka/drivers/emulator/shtrih"
	"github.com/kopilka/kopilka/drivers/emulator/storage"
	"github.com/kopilka/kopilka/ledger/sale"
)

const (
	waterCode = "4600000000053"
	beerCode  = "4600000000060"
	furName   = "Шуба"
)

// waterMark is the code of one pack of water.
func waterMark(serial string) string {
	return "010" + waterCode + "21" + serial + "\x1d93abcd"
}

// beerMark is a code with a long crypto part, of a keg's bottle.
func beerMark(serial string) string {
	return "010" + beerCode + "21" + serial + "\x1d91EE11\x1d92" + strings.Repeat("k", 44)
}

// markedGoods puts goods that are sold by their codes on the shelf.
func (c *counter) markedGoods() {
	c.t.Helper()
	product := func(sku sale.SKU, name, code string, traits sale.Traits) sale.Change {
		return change(c.t, sale.ChangeProduct, []byte(sku), 2, sale.Product{
			SKU: sku, Name: name, Price: 5000, VAT: sale.VAT20, Subject: sale.SubjectGoods, Traits: traits, Codes: []string{code},
		})
	}
	require.NoError(c.t, c.ledger.Apply(2, []sale.Change{
		product("water", "Вода", waterCode, sale.Marked), product("beer", "Пиво", beerCode, sale.Marked|sale.AdultOnly), product("fur", furName, "4600000000077", sale.Marked),
	}))
}

func (c *counter) refusesScan(code, says string) {
	c.t.Helper()
	err := c.till.Scan(context.Background(), sale.Code{Text: code})
	var r *Refusal
	require.ErrorAs(c.t, err, &r, "%q", code)
	require.Contains(c.t, r.Text.EN, says)
	require.NotEmpty(c.t, r.Text.RU)
}

func (c *counter) untilMark(line int, state markStage) View {
	c.t.Helper()
	return c.until("mark "+string(state), func(v View) bool {
		return len(v.Basket.Lines) > line && v.Basket.Lines[line].Mark != nil && v.Basket.Lines[line].Mark.State == string(state)
	})
}

// marksOn are the codes on the last receipt of the storage.
func (c *counter) marksOn() (out []string) {
	docs := c.archive()
	for _, l := range docs[len(docs)-1].Lines {
		out = append(out, l.Mark)
		require.Equal(c.t, uint8(sale.SubjectMarkedGoods), l.Subject)
	}
	return out
}

func TestMarkedGoodsFromScanToReturn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCounter(t, 50)
		c.markedGoods()
		c.openShift()
		c.scan(waterCode)
		v := c.view()
		require.Empty(t, v.Basket.Lines)
		require.Equal(t, "Вода", v.Basket.Wanted, "its barcode alone sells no marked goods")
		one, two := waterMark("5abcdefghijkl"), waterMark("5abcdefghijkm")
		c.scan(one)
		v = c.untilMark(0, markChecked)
		require.Empty(t, v.Basket.Wanted)
		require.Contains(t, v.Basket.Lines[0].Mark.Text.EN, "may be sold")
		c.refusesScan(one, "in the receipt already")
		c.refusesScan(strings.Replace(one, "93abcd", "93zzzz", 1), "in the receipt already")
		c.scan(two)
		v = c.untilMark(1, markChecked)
		require.Len(t, v.Basket.Lines, 2, "one piece a line")
		require.ErrorContains(t, c.do(Command{Do: "qty", Line: 0, Qty: 2 * sale.Piece}), "one piece a line")
		require.NoError(t, c.payCash())
		c.untilStage(StageDone)
		require.Equal(t, []string{one, two}, c.marksOn(), "raw, GS included")
		sold := c.booked(sale.KindSale)[0]
		require.Equal(t, one, sold.Sale.Lines[0].Code)

		c.scan(sold.Fiscal.QR())
		v = c.untilStage(StageReturn)
		require.True(t, v.Return.Lines[0].Marked)
		require.ErrorContains(t, c.do(Command{Do: "return-choose", Line: 0, Qty: sale.Piece}), "by its marking code")
		c.refusesScan(waterMark("5zzzzzzzzzzzz"), "No pack with this code")
		c.refusesScan(waterCode, "Finish or cancel the return")
		c.scan(two)
		v = c.view()
		require.Equal(t, sale.Qty(0), v.Return.Lines[0].Chosen)
		require.Equal(t, sale.Piece, v.Return.Lines[1].Chosen)
		c.must(Command{Do: "return-pay"})
		c.untilStage(StageDone)
		require.Equal(t, []string{two}, c.marksOn())
		c.scan(sold.Fiscal.QR())
		c.refusesScan(two, "come back already")
		c.agree()
	})
}

// A piece is sold once, also where nobody but the till can know: parked, sold again, recalled.
func TestAPieceIsSoldOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCounter(t, 54)
		c.markedGoods()
		c.openShift()
		one, two := waterMark("5onceonceonce"), waterMark("5twicetwicet2")
		c.scan(milkCode, one)
		c.untilMark(1, markChecked)
		c.must(Command{Do: "park"})
		c.scan(one)
		c.untilMark(0, markChecked)
		require.NoError(t, c.payCash())
		c.untilStage(StageDone)
		c.must(Command{Do: "recall", ID: c.view().Parked[0].ID})
		v := c.view()
		require.Len(t, v.Basket.Lines, 1, "the piece is gone, the milk is not")
		require.Contains(t, v.Basket.Lines[0].Name, "Молоко")
		require.Contains(t, v.Notices[len(v.Notices)-1].Text.RU, "«Вода» уже продана")
		c.refusesScan(one, "sold by this till already")
		c.scan(two)
		c.untilMark(1, markChecked)

		c.stop() // what was sold is in the journal, not in the program
		c.start()
		c.must(Command{Do: "sign-in", PIN: testPIN})
		c.refusesScan(one, "sold by this till already")

		sold := c.booked(sale.KindSale)[0]
		c.scan(sold.Fiscal.QR())
		c.untilStage(StageReturn)
		c.scan(one)
		c.must(Command{Do: "return-pay"})
		c.untilStage(StageDone)
		c.scan(one) // it came back, so it may be sold anew
		c.untilMark(0, markChecked)
		c.agree()
	})
}

// A refused piece leaves by itself, and nobody may let it pass.
func TestARefusedPieceLeavesTheBasket(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCounter(t, 51)
		c.markedGoods()
		c.openShift()
		bad, good := waterMark("5badbadbadbad"), waterMark("5goodgoodgood")
		c.reg.BanMark(bad)
		c.scan(milkCode, bad, good)
		v := c.until("it to leave", func(v View) bool { return len(v.Basket.Lines) == 2 && len(v.Notices) > 0 })
		require.Equal(t, "Вода", v.Basket.Lines[1].Name)
		require.Contains(t, v.Notices[0].Text.RU, "«Вода» продавать нельзя")
		require.Equal(t, sale.Money(8990+5000), v.Basket.Total)
		c.untilMark(1, markChecked)
		require.NoError(t, c.payCash())
		c.untilStage(StageDone)
		require.Equal(t, good, c.archive()[len(c.archive())-1].Lines[1].Mark)
	})
}

// The marking system cannot be reached: the piece may be sold, the register tells of it later. Nobody waits.
func TestMarksWithoutTheMarkingSystem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCounter(t, 52)
		c.markedGoods()
		c.openShift()
		c.reg.SetOFD(false)
		code := waterMark("5abcdefghijkl")
		c.scan(code)
		v := c.untilMark(0, markUnreachable)
		require.Contains(t, v.Basket.Lines[0].Mark.Text.EN, "did not answer")
		require.NoError(t, c.payCash())
		c.untilStage(StageDone)
		require.Equal(t, []string{code}, c.marksOn())
	})
}

// Banned between the question and the receipt: the register refuses, the sentence names the piece, it leaves.
func TestAPieceRefusedAtPaymentIsNamed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCounter(t, 53)
		c.markedGoods()
		c.openShift()
		bad := waterMark("5abcdefghijkl")
		c.scan(bad, waterMark("5abcdefghijkm"))
		c.untilMark(1, markChecked)
		c.reg.BanMark(bad)
		c.reg.SetPower(false) // what was checked is forgotten with the power
		c.powerBack()
		require.NoError(t, c.payCash())
		v := c.until("it to leave", func(v View) bool { return v.Stage == StageSale && len(v.Basket.Lines) == 1 })
		require.Contains(t, v.Notices[len(v.Notices)-1].Text.EN, "may not be sold")
		require.Empty(t, c.booked(sale.KindSale))
		c.untilMark(0, markChecked)
		require.NoError(t, c.payCash())
		c.untilStage(StageDone)
		c.agree()
	})
}

// A register that cannot sell marked goods says so at the first piece; the rest of the basket is sold.
func TestARegisterThatSellsNoMarkedGoods(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := makeCounter(t, testWho, 56, nil)
		var err error
		c.reg, err = emulator.New(emulator.Options{INN: "7707083893", FFD: "1.05", OFDDelay: time.Second})
		require.NoError(t, err)
		c.device = c.reg
		c.open()
		c.markedGoods()
		c.openShift()
		c.scan(milkCode, waterMark("5abcdefghijkl"))
		v := c.until("it to leave", func(v View) bool { return len(v.Basket.Lines) == 1 && len(v.Notices) > 0 })
		text := v.Notices[len(v.Notices)-1].Text
		require.Contains(t, text.RU, "«Вода» продать на этой кассе нельзя")
		require.Contains(t, text.EN, "FFD 1.05")
		c.refusesScan(beerMark("5abcdefghijkl"), "cannot be sold at this register")
		c.refusesScan(waterCode, "cannot be sold at this register")
		require.NoError(t, c.payCash())
		c.untilStage(StageDone)
		require.Len(t, c.booked(sale.KindSale)[0].Sale.Lines, 1)
		c.agree()
	})
}

func TestDamagedMarksAreExplained(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCounter(t, 54)
		c.markedGoods()
		c.openShift()
		whole := beerMark("5abcdefghijkl")
		c.refusesScan(strings.ReplaceAll(whole, "\x1d", ""), "drops the GS separator")
		require.Contains(t, c.view().Notices[0].Text.RU, "«Пиво»")
		require.Contains(t, c.view().Notices[0].Text.EN, "sell the rest", "the way on")
		c.refusesScan("010"+waterCode+"21"+"5фисABCDEFGHI\x1d93фисв", "Russian layout")
		c.refusesScan("0104600000000084"+"215abcdefghijkl\x1d93abcd", "no such product")
		c.refusesScan("RU-430302-AAA1234567", "scan the barcode")
		c.scan(milkCode)
		require.Len(t, c.view().Basket.Lines, 1, "the sale goes on")
		c.must(Command{Do: "add", SKU: "fur"})
		require.Equal(t, furName, c.view().Basket.Wanted)
		c.must(Command{Do: "drop-mark"})
		require.Empty(t, c.view().Basket.Wanted)
		c.must(Command{Do: "add", SKU: "fur"})
		c.scan("RU-430302-AAA1234567")
		require.Len(t, c.view().Basket.Lines, 2, "a code that names no product goes to the one asked for")
		c.scan(whole)
		require.Equal(t, StageAdult, c.view().Stage)
		c.must(Command{Do: "adult", Yes: true})
		c.scan("]d2" + waterMark("5abcdefghijkn"))
		lines := c.view().Basket.Lines
		require.Equal(t, "Вода", lines[len(lines)-1].Name, "the AIM identifier is no part of the code")
	})
}

// What was checked for a basket that is gone is not left in the register, nor is it printed with the next one.
func TestMarksOfAClearedBasketAreForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCounter(t, 55)
		c.markedGoods()
		c.openShift()
		c.scan(waterMark("5abcdefghijkl"))
		c.untilMark(0, markChecked)
		require.Equal(t, 1, c.reg.Marks())
		c.must(Command{Do: "park"})
		<-time.After(time.Second)
		require.Zero(t, c.reg.Marks())
		c.scan(milkCode)
		require.NoError(t, c.payCash())
		v := c.untilStage(StageDone)
		c.must(Command{Do: "recall", ID: v.Parked[0].ID})
		c.untilMark(0, markChecked)
		require.NoError(t, c.payCash())
		c.untilStage(StageDone)
		require.Equal(t, []string{waterMark("5abcdefghijkl")}, c.marksOn())
	})
}

// A code is checked for what was weighed, and anew when the weight is put right; an answer for the old weight
// that comes after that says nothing.
func TestMarkedGoodsAreCheckedForTheirWeight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCounterWith(t, 158, func(o *Options) { o.Rules.Weights = []WeightPattern{"21CCCCCWWWWWK"} })
		c.open()
		require.NoError(t, c.ledger.Apply(2, []sale.Change{change(t, sale.ChangeProduct, []byte("cheese"), 2, sale.Product{
			SKU: "cheese", Name: "Сыр", Price: 100000, VAT: sale.VAT20, Subject: sale.SubjectGoods, Unit: sale.UnitKilogram,
			Traits: sale.Marked | sale.Weighed, Codes: []string{"2100777", waterCode},
		})}))
		c.openShift()
		code := waterMark("5abcdefghijkl")
		c.scan(labelOf("210077700300"), code)
		c.untilMark(0, markChecked)
		require.Equal(t, []storage.Asked{{Mark: code, Qty: 300}}, c.reg.Asked())
		c.must(Command{Do: "qty", Line: 0, Qty: 300})
		require.Equal(t, string(markChecked), c.view().Basket.Lines[0].Mark.State, "nothing has changed")
		c.must(Command{Do: "qty", Line: 0, Qty: 512})
		c.untilMark(0, markChecked)
		require.Equal(t, []storage.Asked{{Mark: code, Qty: 300}, {Mark: code, Qty: 512}}, c.reg.Asked())
		require.NoError(t, c.payCash())
		c.untilStage(StageDone)
		require.Equal(t, []string{code}, c.marksOn())
		require.Len(t, c.reg.Asked(), 2, "and not once more for the receipt")
	})
	till := &Till{register: newRegisterLine(nil)}
	till.desk.sale.basket.Lines = []sale.Line{{Code: "x", Qty: 512}}
	till.markAnswered(drivers.MarkQuery{Raw: "x", Qty: 300}, 15, nil)
	require.True(t, till.desk.staleMarks)
	require.Empty(t, till.desk.sale.marks)
}

// The verdict's bits as a page shows them.
func TestMarkVerdicts(t *testing.T) {
	for name, x := range map[string]struct {
		v    drivers.MarkVerdict
		want markStage
	}{
		"all is well":          {15, markChecked},
		"storage alone":        {drivers.MarkVerdict(storage.VerdictChecked | storage.VerdictValid), markUnreachable},
		"storage alone, badly": {drivers.MarkVerdict(storage.VerdictChecked), markRefused},
		"sold already":         {drivers.MarkVerdict(storage.VerdictChecked | storage.VerdictValid | storage.VerdictStateKnown), markRefused},
		"nobody has looked":    {0, markUnreachable},
	} {
		till := &Till{register: newRegisterLine(nil)}
		till.desk.printing = 1 // a receipt is being made: refused pieces stay where they are
		till.desk.sale.basket.Lines = []sale.Line{{Code: "x"}}
		till.markAnswered(drivers.MarkQuery{Raw: "x"}, x.v, nil)
		require.Equal(t, x.want, till.desk.sale.marks["x"], name)
		require.NotEmpty(t, markView(x.want).Text.RU)
	}
}

// A scanner that ends its codes at the separator sends GTIN and serial alone: that proves no piece, and the cashier
// hears why at once, not from the marking system days later.
func TestAMarkWithoutItsCryptoPartIsNotSold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCounter(t, 57)
		c.markedGoods()
		c.openShift()
		whole := waterMark("5abcdefghijkm")
		cut, _, _ := strings.Cut(whole, "\x1d")
		c.refusesScan(cut, "was not read whole")
		require.Empty(t, c.view().Basket.Lines)
		c.scan(whole)
		require.Len(t, c.view().Basket.Lines, 1)
		require.NoError(t, c.payCash())
		c.untilStage(StageDone)
		require.Equal(t, []string{whole}, c.marksOn())
	})
}
