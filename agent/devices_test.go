package agent

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/drivers"
	"github.com/kopilka/kopilka/drivers/display"
	screens "github.com/kopilka/kopilka/drivers/emulator/display"
	papers "github.com/kopilka/kopilka/drivers/emulator/escpos"
	emulator "github.com/kopilka/kopilka/drivers/emulator/shtrih"
	"github.com/kopilka/kopilka/drivers/escpos"
	"github.com/kopilka/kopilka/drivers/port"
	"github.com/kopilka/kopilka/drivers/shtrih"
	"github.com/kopilka/kopilka/drivers/shtrih/frame"
	"github.com/kopilka/kopilka/ledger/sale"
)

// swap puts another register, or the same with another storage, at the end of the cable.
func (c *counter) swap(serial uint32, fn string) *emulator.Register {
	c.t.Helper()
	reg, err := emulator.New(emulator.Options{INN: "7707083893", Serial: serial, FNSerial: fn, OFDDelay: time.Second})
	require.NoError(c.t, err)
	old := c.reg
	old.SetPower(false)
	c.until("the register to go", func(v View) bool { return !v.Register.Online })
	c.mu.Lock()
	c.reg, c.device = reg, reg
	c.mu.Unlock()
	c.t.Cleanup(func() { require.NoError(c.t, old.Close()) })
	return reg
}

func TestASwappedStorageWaitsForAManager(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCounter(t, 40)
		c.openShift()
		c.scan(milkCode)
		require.NoError(t, c.payCash())
		c.untilStage(StageDone)
		was := c.booked(sale.KindShiftOpen)[0].Fiscal.Key.FN
		c.scan(sugarCode)
		const is = "9999078900007777"
		reg := c.swap(1, is)
		v := c.until("the swap on the page", func(v View) bool { return v.Register.Swap != nil })
		require.Equal(t, was, v.Register.Swap.Was)
		require.Equal(t, is, v.Register.Swap.Is)
		require.Contains(t, v.Register.Swap.Text.RU, "Верните прежний")
		require.NoError(t, c.payCash(), "the till tries")
		v = c.until("the refusal", func(v View) bool { return v.Stage == StageSale && len(v.Notices) > 0 })
		require.Contains(t, v.Notices[len(v.Notices)-1].Text.EN, "was changed within the shift")
		require.Len(t, v.Basket.Lines, 1, "the sale in hand is kept")
		require.ErrorContains(t, c.do(Command{Do: "storage", Code: is, PIN: testPIN}), "manager")
		require.ErrorContains(t, c.do(Command{Do: "storage", Code: was, PIN: managerPIN}), "nothing to confirm")
		c.must(Command{Do: "storage", Code: is, PIN: managerPIN})
		v = c.untilStage(StageShift)
		require.Nil(t, v.Register.Swap)
		closed := c.booked(sale.KindShiftClose)
		require.Len(t, closed, 1)
		require.Equal(t, is, closed[0].Close.Swapped)
		require.Equal(t, sale.StaffNo(2), closed[0].Close.By)
		require.Equal(t, was, closed[0].Fiscal.Key.FN)
		require.Equal(t, 1, closed[0].Close.Sales)
		c.must(Command{Do: "open-shift"})
		require.Len(t, c.untilStage(StageSale).Basket.Lines, 1)
		require.NoError(t, c.payCash())
		c.untilStage(StageDone)
		require.Len(t, reg.Documents(), 3, "registration, shift, receipt")
		c.must(Command{Do: "close-shift"})
		c.untilStage(StageShift)
		require.Equal(t, &sale.StorageTotals{Sales: 1, Sold: 6450}, c.booked(sale.KindShiftClose)[1].Close.Storage)
	})
}

func TestAnotherRegisterIsShown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCounter(t, 41)
		c.openShift()
		c.swap(2, c.view().Register.FN)
		c.reg.SetPower(true)
		v := c.until("the notice", func(v View) bool {
			return v.Register.Online && len(v.Notices) > 0 && strings.Contains(v.Notices[0].Text.EN, "Another register")
		})
		require.Nil(t, v.Register.Swap, "the storage is the same")
		require.Contains(t, v.Notices[0].Text.RU, "Подключена другая касса")
	})
}

func TestCorrections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCounter(t, 42)
		c.openShift()
		require.True(t, c.view().Corrects)
		day := sale.DateOf(sale.At(time.Now()), time.UTC)
		c.scan(milkCode, milkCode, testCard)
		ask := Command{Do: "correction", Day: day, PIN: managerPIN, Reason: "касса стояла"}
		require.ErrorContains(t, c.do(ask), "no customer")
		c.must(Command{Do: "drop-customer"})
		wrong := ask
		wrong.PIN = testPIN
		require.ErrorContains(t, c.do(wrong), "manager")
		wrong = ask
		wrong.Day = day.Add(1)
		require.ErrorContains(t, c.do(wrong), "not after today")
		wrong = ask
		wrong.Yes = true
		require.ErrorContains(t, c.do(wrong), "has a number")
		wrong = ask
		wrong.Return = true
		require.ErrorContains(t, c.do(wrong), "in the drawer")
		ask.Yes, ask.Code = true, "17-А"
		c.must(ask)
		v := c.untilStage(StageDone)
		require.Equal(t, "correction", v.Done.Kind)
		require.Empty(t, v.Basket.Lines)
		booked, made := c.booked(sale.KindCorrection), c.receipts(sale.DocSaleCorrection)
		require.Len(t, booked, 1)
		require.Len(t, made, 1)
		require.Equal(t, made[0].Key.FD, booked[0].Fiscal.Key.FD)
		require.Equal(t, sale.Money(2*8990), booked[0].Correct.Total)
		require.Empty(t, booked[0].Postings)
		require.Zero(t, c.view().KPI.Receipts, "it is nobody's merit")
		require.Equal(t, "correction", c.till.Receipts("", 5)[0].Kind)
		require.Equal(t, sale.Money(2*8990), c.view().Shift.Cash, "the money lay in the drawer without a receipt")

		c.scan(milkCode)
		ask.Return, ask.Yes, ask.Code = true, false, ""
		c.must(ask)
		c.untilStage(StageDone)
		c.must(Command{Do: "close-shift"})
		c.untilStage(StageShift)
		z := c.booked(sale.KindShiftClose)[0].Close
		require.Equal(t, 2, z.Corrections)
		require.Equal(t, sale.Money(8990), z.Corrected)
		require.Equal(t, &sale.StorageTotals{Corrections: 2, Corrected: 8990}, z.Storage)
		c.agree()
	})
}

// The power goes as the storage signs a correction, or just after, and the till is started anew meanwhile: it is
// booked once, or not made and its goods are there again.
func TestACorrectionIsMadeOnce(t *testing.T) {
	for name, kind := range map[string]emulator.FaultKind{"before the write": emulator.PowerBeforeWrite, "after the write": emulator.PowerAfterWrite} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newCounter(t, 46)
				c.openShift()
				c.scan(milkCode)
				c.reg.Inject(emulator.Fault{Kind: kind})
				c.must(Command{Do: "correction", Day: sale.DateOf(sale.At(time.Now()), time.UTC), PIN: managerPIN})
				v := c.untilStage(StageUnknown)
				require.Equal(t, "correction", v.Unknown.Kind)
				c.stop()
				c.start()
				c.reg.SetPower(true)
				v = c.until("a decision", func(v View) bool {
					j, err := c.ledger.Unfinished()
					return err == nil && j == nil && v.Register.Online && v.Unknown == nil
				})
				made, booked := c.receipts(sale.DocSaleCorrection), c.booked(sale.KindCorrection)
				require.Len(t, booked, len(made))
				if kind == emulator.PowerAfterWrite {
					require.Len(t, made, 1)
					require.Equal(t, made[0].Key.FD, booked[0].Fiscal.Key.FD)
					require.Empty(t, v.Parked)
					return
				}
				require.Empty(t, made)
				require.Len(t, v.Parked, 1, "the goods are there again")
			})
		})
	}
}

// Equal sums side by side: the archive tells which document was made for which sale, so nothing is guessed.
func TestEqualNeighboursAreToldApartByTheirKeys(t *testing.T) {
	id, other := sale.ID{1}, sale.ID{2}
	key := id.Key()
	require.Len(t, key, 16)
	doc := func(key string) drivers.Document {
		return drivers.Document{Key: key, Fiscal: sale.Fiscal{Doc: sale.DocSale, Sum: 8990, Stamp: "20261122T0600"}}
	}
	for name, x := range map[string]struct {
		docs  []drivers.Document
		may   int
		named bool
	}{
		"no keys: both may be it":           {[]drivers.Document{doc(""), doc("")}, 2, false},
		"one is named":                      {[]drivers.Document{doc(other.Key()), doc(key)}, 1, true},
		"another's only":                    {[]drivers.Document{doc(other.Key())}, 0, false},
		"another's beside a nameless one":   {[]drivers.Document{doc(other.Key()), doc("")}, 1, false},
		"named twice, which cannot be true": {[]drivers.Document{doc(key), doc(key)}, 2, true},
	} {
		may, named := candidates(x.docs, key)
		require.Len(t, may, x.may, name)
		require.Equal(t, x.named, named, name)
	}

	synctest.Test(t, func(t *testing.T) {
		c := newCounterWith(t, 43, nil)
		c.driver = func(dial port.Dial) (drivers.Printer, error) {
			return shtrih.New("front", dial, map[string]string{"protocol": "2", "sale-key": "on"})
		}
		c.open()
		c.openShift()
		c.scan(milkCode)
		c.reg.Inject(emulator.Fault{Kind: emulator.PowerAfterWrite, Command: frame.CmdClose2})
		require.NoError(t, c.payCash())
		c.untilStage(StageUnknown)
		begun, err := c.ledger.Unfinished()
		require.NoError(t, err)
		// Before the till is back another program makes a receipt of the same sum on the same register.
		c.mu.Lock()
		c.dead = true
		c.mu.Unlock()
		c.reg.SetPower(true)
		stranger, err := shtrih.New("stranger", pipeTo(c.reg), map[string]string{"protocol": "2"})
		require.NoError(t, err)
		require.NoError(t, stranger.Resume(t.Context()))
		_, err = stranger.Print(t.Context(), drivers.Receipt{
			Doc: sale.DocSale, Tax: drivers.TaxOSN, Total: 8990, Tenders: cash(8990), Operator: drivers.Operator{Name: "Другой"},
			Lines: []drivers.ReceiptLine{{Name: "Молоко", Part: sale.Part{Qty: sale.Piece, Price: 8990, Sum: 8990}, VAT: sale.VAT10, Subject: sale.SubjectGoods}},
		})
		require.NoError(t, err)
		require.NoError(t, stranger.Close())
		c.mu.Lock()
		c.dead = false
		c.mu.Unlock()
		c.untilStage(StageDone)
		r, err := c.ledger.Record(begun.Draft.ID)
		require.NoError(t, err)
		made := c.receipts(sale.DocSale)
		require.Len(t, made, 2)
		require.Equal(t, made[0].Key.FD, r.Fiscal.Key.FD, "the first of the two is ours, by its key")
		require.True(t, r.Fiscal.Settled)
	})
}

// glass is a customer display at the end of a cable that can be pulled.
type glass struct {
	*screens.Display
	mu     sync.Mutex
	pulled bool
	cables []net.Conn
	served sync.WaitGroup
}

var errGlass = errors.New("the display's cable is out")

func (g *glass) dial(ctx context.Context) (port.Conn, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.pulled {
		return nil, errGlass
	}
	host, end := pipePair()
	g.cables = append(g.cables, end)
	g.served.Go(func() { _ = g.Serve(context.WithoutCancel(ctx), end) }) // ends with the cable
	return host, nil
}

func (g *glass) pull(out bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.pulled = out
	for _, c := range g.cables {
		_ = c.Close() // pulled once already
	}
	g.cables = nil
}

func (g *glass) reads(c *counter, top, bottom string) {
	c.t.Helper()
	synctest.Wait()
	require.Equal(c.t, [2]string{strings.TrimRight(top, " "), strings.TrimRight(bottom, " ")}, g.Lines())
}

func TestTheCustomerReadsAlong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &glass{Display: screens.New(screens.Options{})}
		c := newCounterWith(t, 44, func(o *Options) {
			o.Display = func(context.Context) (drivers.Display, error) { return display.New("pole", g.dial, nil) }
		})
		c.open()
		g.reads(c, "Магазин 1           ", "Касса закрыта       ")
		c.openShift()
		g.reads(c, "Добро пожаловать!   ", "Магазин 1           ")
		c.scan(milkCode)
		g.reads(c, "Молоко 3,2 %   89,90", "Итого          89,90")
		c.scan(sugarCode, milkCode)
		g.reads(c, "Молоко 3,2 %   89,90", "Итого         244,30")
		c.scan(testCard)
		c.must(Command{Do: "paying", Yes: true})
		g.reads(c, "К оплате      244,30", "Баллы             +7")
		c.must(Command{Do: "pay", Tenders: cash(24430), Given: 50000})
		c.untilStage(StageDone)
		g.reads(c, "Сдача         255,70", "Баллов           307")
		c.must(Command{Do: "next"})
		g.reads(c, "Добро пожаловать!   ", "Магазин 1           ")

		require.Equal(t, &DeviceView{Name: "display", Online: true}, c.view().Display)
		g.pull(true)
		c.scan(milkCode)
		require.NoError(t, c.payCash(), "a broken display stops no sale")
		c.untilStage(StageDone)
		require.NotNil(t, c.view().Display.Text, "the doctor can say so")
		g.pull(false)
		<-time.After(displayRetry)
		g.reads(c, "Оплачено       89,90", "Спасибо за покупку! ")
		c.stop()
		g.served.Wait()
	})
}

// A name of any length leaves the sum whole.
func TestSpread(t *testing.T) {
	for _, x := range [][3]string{
		{"Колбаса сырокопчёная", "1 689,00", "Колбаса сыр 1 689,00"},
		{"", "9,90", "                9,90"},
		{"Чай", "", "Чай                 "},
		{"Чай", "123456789012345678901", "12345678901234567890"},
	} {
		require.Equal(t, x[2], spread(x[0], x[1], 20))
	}
}

// A till without a register books at once and prints a plain slip on a real printer's emulator.
func TestTillWithoutARegister(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		paper := papers.New(papers.Options{})
		var served sync.WaitGroup
		dial := func(ctx context.Context) (port.Conn, error) {
			host, end := pipePair()
			served.Go(func() { _ = paper.Serve(context.WithoutCancel(ctx), end) })
			return host, nil
		}
		c := newCounterWith(t, 45, func(o *Options) {
			o.Register = nil
			o.Printer = func(context.Context) (drivers.SlipPrinter, error) { return escpos.New("kitchen", dial, nil) }
		})
		c.open()
		v := c.until("the printer", func(v View) bool { return v.Printer != nil && v.Printer.Online })
		require.True(t, v.Register.Plain)
		require.True(t, v.Register.Online)
		require.Nil(t, v.Register.Text)
		c.must(Command{Do: "sign-in", PIN: testPIN}, Command{Do: "open-shift"})
		c.untilStage(StageSale)
		c.scan(testCard, milkCode, milkCode)
		c.must(Command{Do: "pay", Tenders: cash(17980), Given: 20000})
		v = c.untilStage(StageDone)
		require.Equal(t, sale.Money(2020), v.Done.Change)
		r := c.booked(sale.KindSale)[0]
		require.Equal(t, sale.FiscalNone, r.Fiscal.Kind)
		require.Zero(t, r.Fiscal.Key)
		require.Positive(t, r.Sale.Earned, "points are as always")
		slip := func(want ...string) {
			t.Helper()
			<-time.After(10 * time.Second) // the paper moves
			text := strings.Join(papers.Lines(paper.Paper()), "\n")
			for _, w := range want {
				require.Contains(t, text, w)
			}
		}
		slip("НЕ ФИСКАЛЬНЫЙ ЧЕК", "Молоко 3,2 %", "2 x 89.90", "179.80", "Наличными", "Сдача", "20.20")
		require.Len(t, paper.Pulses(), 1, "cash opens the drawer")

		c.must(Command{Do: "next"}, Command{Do: "return-find", Code: r.Sale.No.String()}, Command{Do: "return-choose", Line: 0, Qty: sale.Piece}, Command{Do: "return-pay"})
		c.untilStage(StageDone)
		require.Len(t, c.booked(sale.KindReturn), 1)
		slip("Возврат")
		c.must(Command{Do: "copy", ID: r.ID})
		slip("КОПИЯ ЧЕКА")
		c.must(Command{Do: "drawer"})
		<-time.After(time.Second)
		require.Len(t, paper.Pulses(), 3)
		for _, do := range []string{"x-report", "resume", "copy"} {
			require.Error(t, c.do(Command{Do: do}), do)
		}
		c.must(Command{Do: "next"})
		c.scan(milkCode)
		require.ErrorContains(t, c.do(Command{Do: "correction", PIN: managerPIN}), "Another program")
		c.must(Command{Do: "clear"}, Command{Do: "cash-out", Amount: 1000}, Command{Do: "close-shift"})
		v = c.untilStage(StageShift)
		z := c.booked(sale.KindShiftClose)[0]
		require.Nil(t, z.Close.Storage)
		require.Equal(t, sale.Money(17980-8990-1000), z.Close.Cash)
		c.must(Command{Do: "open-shift"})
		require.Equal(t, uint32(2), c.untilStage(StageSale).Shift.No)
		_, err := c.ledger.Unfinished()
		require.NoError(t, err)
		c.stop()
		served.Wait()
	})
}
