package agent

import (
	"context"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/drivers"
	emulator "github.com/kopilka/kopilka/drivers/emulator/shtrih"
	"github.com/kopilka/kopilka/drivers/emulator/storage"
	"github.com/kopilka/kopilka/drivers/port"
	"github.com/kopilka/kopilka/ledger/sale"
)

// strangeReceipts puts the archive of another program onto the register: shifts, the last of them open, each of so
// many receipts.
func (c *counter) strangeReceipts(shifts, each int) {
	c.t.Helper()
	sign := func(kind storage.DocType, sum sale.Money) {
		d := storage.Document{Type: kind, At: c.reg.FN.Clock(), Op: 1, Sum: sum}
		if kind == storage.DocReceipt {
			d.Lines = []storage.Line{{Name: "Чужой товар", Qty: 1_000_000, Price: sum, Sum: sum, VAT: sale.VAT10, Method: 4, Subject: 1}}
			d.Payments = []storage.Payment{{Tender: sale.TenderCash, Sum: sum}}
		}
		_, code := c.reg.FN.Sign(d, nil)
		require.Equal(c.t, storage.OK, code)
	}
	for i := range shifts {
		sign(storage.DocShiftOpen, 0)
		for range each {
			sign(storage.DocReceipt, 1000)
		}
		if i < shifts-1 {
			sign(storage.DocShiftClose, 0)
		}
	}
}

// Kopilka comes to a register on which another program has left its shift open, above a long archive: closing it is
// the way out, it reads back no further than a shift's end needs, and a sum of half a shift is no figure.
func TestAStrangeShiftAboveALongArchive(t *testing.T) {
	for _, c := range []struct {
		name         string
		shifts, each int
		compared     bool
	}{
		{"the shift is short", 20, strangeDocsMax / 10, true},
		{"the shift is longer than what is read", 2, 2 * strangeDocsMax, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				till := newCounterWith(t, 71, nil)
				require.NoError(t, till.reg.Close())
				reg, err := emulator.New(emulator.Options{INN: "7707083893"})
				require.NoError(t, err)
				till.reg, till.device = reg, reg
				till.strangeReceipts(c.shifts, c.each)
				till.open()
				till.dialled()
				till.signIn()
				require.Equal(t, StageShift, till.view().Stage)
				till.must(Command{Do: "close-shift"})
				till.until("the shift's end", func(v View) bool { return v.Stage == StageShift && len(till.booked(sale.KindShiftClose)) == 1 })
				figures := till.booked(sale.KindShiftClose)[0].Close
				if c.compared {
					require.Equal(t, &sale.StorageTotals{Sales: c.each, Sold: 1000 * sale.Money(c.each)}, figures.Storage)
				} else {
					require.Nil(t, figures.Storage)
				}
				till.must(Command{Do: "open-shift"})
				till.untilStage(StageSale)
				till.scan(milkCode)
				require.NoError(t, till.payCash())
				till.untilStage(StageDone)
			})
		})
	}
}

// forgetful is a register whose archive cannot be read back.
type forgetful struct{ drivers.Printer }

func (forgetful) Documents(context.Context, uint32, uint32) ([]drivers.Document, error) {
	return nil, &drivers.Error{Fail: drivers.FailRefused, Outcome: drivers.OutcomeNotDone}
}

// The law ends a shift after 24 hours: figures to compare with must not keep it open.
func TestAShiftClosesThoughItCannotBeReadBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCounterWith(t, 72, nil)
		c.driver = func(dial port.Dial) (drivers.Printer, error) {
			p, err := shtrihDriver(dial)
			return forgetful{p}, err
		}
		c.open()
		c.openShift()
		c.sells()
		c.must(Command{Do: "close-shift"})
		c.untilStage(StageShift)
		closed := c.booked(sale.KindShiftClose)
		require.Len(t, closed, 1)
		require.Nil(t, closed[0].Close.Storage)
		require.EqualValues(t, 1, closed[0].Close.Sales)
		require.Len(t, c.receipts(sale.DocShiftClose), 1)
	})
}

// Tag 1008 wants a phone as + and digits, however the cashier typed it.
func TestPhoneOnTheReceiptIsInternational(t *testing.T) {
	for typed, want := range map[string]string{"8 (916) 123-45-67": "+79161234567", "9161234567": "+79161234567", "anna@example.ru": "anna@example.ru"} {
		synctest.Test(t, func(t *testing.T) {
			c := newCounter(t, 73)
			c.openShift()
			c.scan(milkCode)
			v := c.view()
			require.NoError(t, c.do(Command{Do: "pay", Tenders: cash(v.Basket.Total), Given: v.Basket.Total, Contact: typed}))
			c.untilStage(StageDone)
			docs := c.printed(sale.DocSale)
			require.Equal(t, want, tagText(docs[len(docs)-1].Tags, 1008))
		})
	}
}

// tagText is a tag of a document as text; empty where it has none.
func tagText(tags []storage.Tag, tag uint16) string {
	for _, x := range tags {
		if x.Tag == tag {
			return x.Text()
		}
	}
	return ""
}
