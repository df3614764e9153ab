package agent

import (
	"context"
	"errors"
	"io/fs"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/drivers"
	emulator "github.com/kopilka/kopilka/drivers/emulator/shtrih"
	"github.com/kopilka/kopilka/drivers/port"
	"github.com/kopilka/kopilka/ledger/sale"
)

// illCounter is a till whose register is in a state that a shop may find it in, one in the morning.
func illCounter(t *testing.T, seed byte, o emulator.Options) *counter {
	c := newCounterWith(t, seed, nil)
	require.NoError(t, c.reg.Close())
	o.INN, o.OFDDelay = "7707083893", time.Second
	reg, err := emulator.New(o)
	require.NoError(t, err)
	c.reg, c.device = reg, reg
	c.open()
	return c
}

// says waits for a sentence, in whatever place of the page, and wants it in both languages.
func (c *counter) says(en, ru string) View {
	c.t.Helper()
	return c.until(en, func(v View) bool {
		texts := []*Text{v.Register.Text}
		for i := range v.Notices {
			texts = append(texts, &v.Notices[i].Text)
		}
		for _, x := range texts {
			if x != nil && strings.Contains(x.EN, en) && strings.Contains(x.RU, ru) {
				return true
			}
		}
		return false
	})
}

// keptSale scans goods, tries to pay, and wants the sale in hand afterwards.
func (c *counter) keptSale(en, ru string) {
	c.t.Helper()
	if len(c.view().Basket.Lines) == 0 {
		c.scan(milkCode)
	}
	require.NoError(c.t, c.payCash())
	c.until("the try's end", func(v View) bool { return v.Stage != StagePrinting })
	v := c.says(en, ru)
	require.Len(c.t, v.Basket.Lines, 1, "the sale in hand is kept")
	require.Empty(c.t, c.booked(sale.KindSale))
}

// sells ends a story: after the way out was taken the sale in hand is sold.
func (c *counter) sells() {
	c.t.Helper()
	synctest.Wait()
	if len(c.view().Basket.Lines) == 0 {
		c.scan(milkCode)
	}
	require.NoError(c.t, c.payCash())
	c.untilStage(StageDone)
	require.Len(c.t, c.booked(sale.KindSale), 1)
	require.Len(c.t, c.receipts(sale.DocSale), 1)
}

func (c *counter) signIn() {
	c.t.Helper()
	c.must(Command{Do: "sign-in", PIN: testPIN})
}

// A port that is not there, and one that another program holds: the page says which of the two, and goes on
// trying by itself.
func TestRegisterPortsThatCannotBeOpened(t *testing.T) {
	missing, err := port.ParseAddress("serial:///dev/ttyKopilkaNone")
	require.NoError(t, err)
	for name, x := range map[string]struct {
		dial   func(ctx context.Context) (port.Conn, error)
		en, ru string
	}{
		"no such port": {missing.Dial, "/dev/ttyKopilkaNone is not there", "проверьте кабель"},
		"taken": {func(context.Context) (port.Conn, error) {
			return nil, errors.Join(port.ErrBusy, &fs.PathError{Op: "open", Path: "/dev/ttyACM0", Err: errors.New("locked")})
		}, "Another program holds the register", "Кассу занимает другая программа"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newCounterWith(t, 60, func(o *Options) { o.Taken = port.ErrBusy })
				cable := c.dial
				broken := true
				c.driver = func(dial port.Dial) (drivers.Printer, error) {
					return shtrihDriver(func(ctx context.Context) (port.Conn, error) {
						c.mu.Lock()
						bad := broken
						c.mu.Unlock()
						if bad {
							return x.dial(ctx)
						}
						return cable(ctx)
					})
				}
				c.open()
				c.signIn()
				v := c.says(x.en, x.ru)
				require.False(t, v.Register.Online)
				c.must(Command{Do: "open-shift"})
				c.says(x.en, x.ru)
				c.mu.Lock()
				broken = false
				c.mu.Unlock()
				c.dialled()
				c.must(Command{Do: "open-shift"})
				c.untilStage(StageSale)
				c.sells()
			})
		})
	}
}

func TestARegisterOfAnotherModel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCounterWith(t, 61, nil)
		c.driver = func(port.Dial) (drivers.Printer, error) {
			return shtrihDriver(func(context.Context) (port.Conn, error) {
				host, end := pipePair()
				go func() { // a device that says back whatever it hears: no SHTRIH-M
					buf := make([]byte, 64)
					for {
						n, err := end.Read(buf)
						if err != nil {
							return
						}
						if _, err := end.Write(append([]byte{0x7F}, buf[:n]...)); err != nil {
							return
						}
					}
				}()
				return host, nil
			})
		}
		c.open()
		c.signIn()
		v := c.says("does not answer. Check", "не отвечает. Проверьте")
		require.False(t, v.Register.Online)
		c.must(Command{Do: "open-shift"})
		c.until("the try's end", func(v View) bool { return v.Stage == StageShift && len(v.Notices) > 0 })
		require.Empty(t, c.booked(sale.KindShiftOpen))
	})
}

// A register that speaks the protocol and is of another maker: what it does not know it says, and nothing is sold.
func TestARegisterOfUnknownFirmware(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := illCounter(t, 71, emulator.Options{Ill: emulator.Ill{Unknown: true}, Model: "МИНИ-ФР"})
		c.signIn()
		v := c.says("another model", "другая модель")
		require.Equal(t, StageShift, v.Stage)
	})
}

func TestARegisterThatIsNotFiscalised(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := illCounter(t, 62, emulator.Options{Ill: emulator.Ill{Unregistered: true}})
		c.dialled()
		c.signIn()
		v := c.says("not registered", "не зарегистрирована")
		require.Contains(t, v.Register.Conditions, "not-fiscal")
		c.must(Command{Do: "open-shift"})
		c.until("the try's end", func(v View) bool { return v.Stage == StageShift })
		c.says("not registered", "не зарегистрирована")
		require.Empty(t, c.booked(sale.KindShiftOpen))
	})
}

func TestAnExpiredStorage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCounter(t, 63)
		c.openShift()
		c.reg.Expire()
		c.keptSale("must be replaced", "Замените фискальный накопитель")
	})
}

// A shift that another program opened 25 hours ago: closing it is the way out, though the journal knows no shift.
func TestAShiftOpenForADay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := illCounter(t, 64, emulator.Options{Ill: emulator.Ill{ShiftAge: 25 * time.Hour}})
		c.dialled()
		c.signIn()
		v := c.says("older than 24 hours", "больше 24 часов")
		require.True(t, v.Shift.Expired)
		require.Equal(t, StageShift, v.Stage)
		c.scanInShift()
		c.must(Command{Do: "close-shift"})
		c.until("the shift's end", func(v View) bool { return v.Stage == StageShift && !v.Shift.Expired })
		require.Len(t, c.receipts(sale.DocShiftClose), 1)
		c.must(Command{Do: "open-shift"})
		c.untilStage(StageSale)
		c.sells()
	})
}

// scanInShift: a till without a shift takes no goods, and says why.
func (c *counter) scanInShift() {
	c.t.Helper()
	c.refusesScan(milkCode, "Open the shift first")
}

// Our own shift runs out with a basket on the counter: it stays there over the Z report.
func TestAShiftRunsOutInMidReceipt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCounter(t, 65)
		c.openShift()
		c.scan(milkCode)
		c.reg.PassTime(25 * time.Hour)
		v := c.until("the shift over", func(v View) bool { return v.Shift.Expired })
		require.Equal(t, StageShift, v.Stage)
		require.Len(t, v.Basket.Lines, 1)
		c.must(Command{Do: "close-shift"})
		c.until("the shift's end", func(v View) bool { return v.Stage == StageShift && !v.Shift.Expired && !v.Shift.Open })
		c.must(Command{Do: "open-shift"})
		c.untilStage(StageSale)
		c.sells()
	})
}

func TestAWrongDate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		<-time.After(100 * time.Hour) // a register knows no year before 2000, where the bubble's time begins
		c := newCounter(t, 66)
		c.openShift()
		c.scan(milkCode)
		c.reg.JumpClock(-72 * time.Hour)
		c.keptSale("clock", "время")
		v := c.says("3 days behind", "отстают на 3 дн")
		require.Len(t, v.Basket.Lines, 1)
	})
}

// Found in the morning: the till sets the clock itself before the shift's first document, by head office's time.
func TestAWrongDateInTheMorning(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCounterWith(t, 70, nil)
		require.NoError(t, c.reg.Close())
		reg, err := emulator.New(emulator.Options{INN: "7707083893", OFDDelay: time.Second, ClockOff: 3 * time.Hour})
		require.NoError(t, err)
		c.reg, c.device = reg, reg
		c.attach = func(_ *counter, clock *Clock) func() {
			clock.Trust(sale.At(time.Now()))
			return func() {}
		}
		c.open()
		c.dialled()
		c.signIn()
		c.says("3 h ahead", "спешат на 3 ч")
		c.must(Command{Do: "open-shift"})
		c.untilStage(StageSale)
		made, err := c.receipts(sale.DocShiftOpen)[0].Stamp.Time()
		require.NoError(t, err)
		require.WithinDuration(t, time.Now(), made, 2*time.Minute)
		require.Empty(t, c.until("no complaint", func(v View) bool { return len(v.Notices) == 0 }).Notices)
		c.sells()
	})
}

// Another program was stopped in the middle of a receipt: its document is cancelled, ours comes out.
func TestADocumentLeftOpenByAnotherProgram(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCounter(t, 67)
		c.openShift()
		c.scan(milkCode)
		c.reg.Foreign()
		require.NoError(t, c.payCash())
		v := c.until("an end", func(v View) bool { return v.Stage == StageDone || (v.Stage == StageSale && len(v.Notices) > 0) })
		if v.Stage == StageSale { // it could not be cancelled under our password: the sentence says what to do
			c.keptSale("operator", "кассир")
			return
		}
		require.Len(t, c.receipts(sale.DocSale), 1)
		c.agree()
	})
}

// Documents wait too long for the operator of fiscal data: the register says no, the page why.
func TestOFDSilentForAMonth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCounter(t, 68)
		c.openShift()
		c.reg.SetOFD(false)
		c.scan(milkCode)
		require.NoError(t, c.payCash())
		c.untilStage(StageDone)
		c.reg.PassTime(31 * 24 * time.Hour)
		v := c.says("fiscal data operator", "ОФД")
		require.Contains(t, v.Register.Conditions, "ofd-overdue")
	})
}

// A scanner that sends cp1251, cuts or glues: no code of that enters the basket, and each is explained.
func TestAScannerWithAWrongEncoding(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCounter(t, 69)
		c.markedGoods()
		c.openShift()
		c.scan(milkCode)
		for code, says := range map[string]string{
			"\xd4\xc8\xd1\xc2": "unknown",
			"010" + waterCode + "21\xd4\xc8\xd1\xc2\x1d93abcd": "",
			"4600000000016":                          "misread",
			milkCode + sugarCode:                     "",
			strings.Repeat("9", sale.CodeBytesMax+1): "unknown",
		} {
			c.refusesScan(code, says)
		}
		require.Len(t, c.view().Basket.Lines, 1)
		c.sells()
		r := c.booked(sale.KindSale)[0]
		require.Equal(t, milkCode, r.Sale.Lines[0].Code)
	})
}
