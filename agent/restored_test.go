package agent

import (
	"context"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/drivers"
	emulator "github.com/kopilka/kopilka/drivers/emulator/shtrih"
	"github.com/kopilka/kopilka/drivers/port"
	"github.com/kopilka/kopilka/drivers/shtrih/frame"
	"github.com/kopilka/kopilka/ledger/loyalty"
	"github.com/kopilka/kopilka/ledger/sale"
)

// slowArchive is a register whose archive takes its time, as long ones do: it answers once open is closed.
type slowArchive struct {
	drivers.Printer
	open <-chan struct{}
}

func (s slowArchive) Documents(ctx context.Context, after, last uint32) ([]drivers.Document, error) {
	select {
	case <-s.open:
		return s.Printer.Documents(ctx, after, last)
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// On a disk restored from an image the points of the lost receipts may not be spent again while the register's
// archive is still being read: the register has vouched for the time by then, and a payment would wait for it.
func TestPointsWaitForTheArchiveOfARestoredDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCounter(t, 180)
		c.openShift()
		restore := c.imaged()
		c.dialled()
		c.must(Command{Do: "sign-in", PIN: testPIN})
		c.scan(testCard, milkCode)
		c.must(Command{Do: "redeem", Points: 5000})
		require.NoError(t, c.payCash())
		c.untilStage(StageDone)
		restore()
		driver, open := c.driver, make(chan struct{})
		c.driver = func(dial port.Dial) (drivers.Printer, error) {
			p, err := driver(dial)
			return slowArchive{p, open}, err
		}
		c.start()
		c.dialled()
		c.must(Command{Do: "sign-in", PIN: testPIN})
		c.scan(testCard, sugarCode)
		require.Error(t, c.do(Command{Do: "redeem", Points: 5000}), "what was spent in the lost record is not known here")
		require.NotNil(t, c.view().Frozen)
		require.NoError(t, c.payCash())
		close(open)
		c.untilStage(StageDone)
		require.Len(t, c.receipts(sale.DocSale), 2)
		for _, r := range c.booked(sale.KindSale) {
			require.Empty(t, r.Spends, "the points of the lost receipt were spent again")
		}
	})
}

// An image was taken while it was unknown whether a receipt was printed. What came behind that receipt is looked into
// once it is decided, by a manager too: until then nobody gets a number that another has already.
func TestDocumentsBehindAnUndecidedJobAreLookedInto(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCounter(t, 181)
		p := loyalty.Default()
		p.Enrolment = consentRules()
		c.rules(2, p)
		c.openShift()
		c.scan(milkCode)
		c.reg.Inject(emulator.Fault{Kind: emulator.PowerAfterWrite, Command: frame.CmdClose2})
		require.NoError(t, c.payCash())
		c.untilStage(StageUnknown)
		restore := c.imaged(func() { c.reg.SetPower(true) }) // the job is open on the image
		c.dialled()
		c.must(Command{Do: "sign-in", PIN: testPIN})
		c.must(enrolling("+7 916 123-45-67"))
		lost := c.view().Basket.Customer.No
		c.scan(milkCode) // the same sum again: no one document alone is the job's
		require.NoError(t, c.payCash())
		c.untilStage(StageDone)
		restore()
		c.start()
		c.until("the register", func(v View) bool { return v.Register.Online })
		v := c.untilStage(StageUnknown)
		synctest.Wait()
		require.NotNil(t, c.view().Frozen)
		c.must(Command{Do: "settle", ID: v.Unknown.ID, Yes: true, PIN: managerPIN})
		synctest.Wait() // the archive is read at once, not at the next receipt
		c.must(Command{Do: "sign-in", PIN: testPIN})
		c.must(enrolling("+7 916 765-43-21"))
		require.NotEqual(t, lost, c.view().Basket.Customer.No)
		require.Contains(t, c.view().Frozen.EN, "journal lacked")
		require.Len(t, c.booked(sale.KindSale), 2)
	})
}
