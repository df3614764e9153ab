package agent

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/drivers"
	papers "github.com/kopilka/kopilka/drivers/emulator/escpos"
	"github.com/kopilka/kopilka/drivers/escpos"
	"github.com/kopilka/kopilka/drivers/port"
	"github.com/kopilka/kopilka/ledger/sale"
)

var errTestUnplugged = errors.New("no such port")

// deadWire is a port that opens and takes nothing: a printer behind a cable that is switched off.
type deadWire struct{ port.Conn }

func (deadWire) Write([]byte) (int, error) { return 0, errTestUnplugged }

// A printer that tells nothing is not online again because nobody asked it; each customer without paper is named
// until the copy is out.
func TestSlipsThatDidNotComeOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		paper := papers.New(papers.Options{Mute: true})
		var served sync.WaitGroup
		var down atomic.Bool
		dial := func(ctx context.Context) (port.Conn, error) {
			host, end := pipePair()
			served.Go(func() { _ = paper.Serve(context.WithoutCancel(ctx), end) })
			if down.Load() {
				return deadWire{host}, nil
			}
			return host, nil
		}
		c := newCounterWith(t, 46, func(o *Options) {
			o.Register = nil
			o.Printer = func(context.Context) (drivers.SlipPrinter, error) {
				return escpos.New("kitchen", dial, map[string]string{"status": "off"})
			}
		})
		down.Store(true)
		c.open()
		c.must(Command{Do: "sign-in", PIN: testPIN}, Command{Do: "open-shift"})
		c.untilStage(StageSale)
		for range 3 {
			c.scan(milkCode)
			c.must(Command{Do: "pay", Tenders: cash(8990), Given: 8990})
			c.untilStage(StageDone)
			<-time.After(time.Minute)
			v := c.view()
			require.False(t, v.Printer.Online)
			require.NotNil(t, v.Printer.Text)
			require.Contains(t, v.Printer.Text.EN, "last print failed")
		}
		sold := c.booked(sale.KindSale)
		require.Len(t, sold, 3)
		missing := func() (n int) {
			for _, x := range c.view().Notices {
				for _, r := range sold {
					if x.about == aboutSlip(r.ID) {
						require.Contains(t, x.Text.EN, r.Sale.No.String())
						require.Contains(t, x.Text.EN, "print a copy")
						n++
					}
				}
			}
			return n
		}
		require.Equal(t, 3, missing())
		down.Store(false)
		<-time.After(time.Minute)
		require.False(t, c.view().Printer.Online, "nothing has come out yet")
		c.must(Command{Do: "copy", ID: sold[0].ID})
		c.until("the printer", func(v View) bool { return v.Printer.Online })
		require.Equal(t, 2, missing())
		c.stop()
		served.Wait()
	})
}

// A printer that is left without paper overnight keeps our questions until it can keep no more, and falls silent.
// The cashier still reads what it said last, and paper alone mends it.
func TestPrinterThatStoodStillUntilItFellSilent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		paper := papers.New(papers.Options{})
		var served sync.WaitGroup
		powered, off := context.WithCancel(t.Context())
		dial := func(context.Context) (port.Conn, error) {
			host, end := pipePair()
			served.Go(func() { _ = paper.Serve(powered, end) })
			return host, nil
		}
		c := newCounterWith(t, 47, func(o *Options) {
			o.Register = nil
			o.Printer = func(context.Context) (drivers.SlipPrinter, error) { return escpos.New("kitchen", dial, nil) }
		})
		c.open()
		<-time.After(time.Minute)
		require.True(t, c.view().Printer.Online)
		paper.Arrange(papers.PaperOut, 0)
		<-time.After(time.Minute)
		require.True(t, c.view().Printer.Online)
		require.Equal(t, "The printer is out of paper: put a roll in", c.view().Printer.Text.EN)
		<-time.After(time.Hour)
		require.False(t, c.view().Printer.Online, "it can keep no more")
		require.Contains(t, c.view().Printer.Text.EN, "out of paper: put a roll in. The receipt printer does not answer")
		require.Contains(t, c.view().Printer.Text.RU, "кончилась бумага: вставьте рулон. Принтер чеков не отвечает")
		paper.Mend()
		<-time.After(time.Minute)
		require.True(t, c.view().Printer.Online)
		require.Nil(t, c.view().Printer.Text)
		c.stop()
		off()
		served.Wait()
	})
}
