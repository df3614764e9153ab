package pirit_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/drivers"
	"github.com/kopilka/kopilka/drivers/drivertest"
	emulator "github.com/kopilka/kopilka/drivers/emulator/pirit"
	"github.com/kopilka/kopilka/drivers/emulator/storage"
	"github.com/kopilka/kopilka/drivers/pirit"
	"github.com/kopilka/kopilka/drivers/pirit/frame"
	"github.com/kopilka/kopilka/drivers/port"
	"github.com/kopilka/kopilka/ledger/sale"
)

// bench is a register and its driver in a bubble of virtual time, joined by in-memory links.
type bench struct {
	t      *testing.T
	reg    *emulator.Register
	p      *pirit.Printer
	ctx    context.Context
	cancel context.CancelFunc
	served sync.WaitGroup
	cut    *drivertest.Cut // of the link that is up
	name   string
	fired  int // faults that happened
	mended bool
}

// bubble gives f a register with an open shift.
func bubble(t *testing.T, o emulator.Options, f func(b *bench)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		reg, err := emulator.New(o)
		require.NoError(t, err)
		b := &bench{t: t, reg: reg}
		b.ctx, b.cancel = context.WithCancel(t.Context())
		b.p = b.driver(nil)
		_, err = b.p.OpenShift(b.ctx, drivers.Operator{Name: "Иванова А. П."})
		require.NoError(t, err)
		f(b)
		require.NoError(t, b.p.Close())
		b.cancel()
		b.served.Wait()
		require.NoError(t, reg.Close())
	})
}

func (b *bench) driver(settings map[string]string) *pirit.Printer {
	p, err := pirit.New("front", b.dial, settings)
	require.NoError(b.t, err)
	return p.(*pirit.Printer)
}

func (b *bench) dial(context.Context) (port.Conn, error) {
	if b.mended {
		b.reg.SetPower(true) // it may have gone late: an in-memory link holds bytes back until they are read
	}
	near, far := net.Pipe()
	b.served.Go(func() { _ = b.reg.Serve(b.ctx, far) }) // ends with the link, as the test wants
	b.cut = &drivertest.Cut{Conn: near, Left: -1}
	return b.cut, nil
}

// small is a receipt with everything that is sent, in as few bytes as that takes.
func small() drivers.Receipt {
	return drivers.Receipt{
		Doc: sale.DocSale, Operator: drivers.Operator{Name: "И"}, Tax: drivers.TaxOSN, Total: 5490, Contact: "a@b.ru",
		Lines: []drivers.ReceiptLine{{
			Name: "Хлеб", Part: sale.Part{Qty: sale.Piece, Price: 5490, Sum: 5490}, VAT: sale.VAT10, Subject: sale.SubjectGoods,
			Text: []string{"скидка"},
		}},
		Tenders: []sale.Tender{{Kind: sale.TenderCash, Amount: 5490}}, Given: 10000, Footer: []string{"баллы"},
	}
}

// receipts counts the receipts in the storage.
func (b *bench) receipts() int {
	n := 0
	for _, d := range b.reg.Documents() {
		if d.Type == storage.DocReceipt {
			n++
		}
	}
	return n
}

// judge holds what the driver says of a receipt against what the storage holds. It tells the outcome.
func (b *bench) judge(before drivers.Snapshot, had int, f sale.Fiscal, err error, when string) string {
	b.t.Helper()
	synctest.Wait()                    // what the register has heard on the line that was cut, it does
	now, errNow := b.p.Snapshot(b.ctx) // a register whose link is cut goes on with what it has heard: count when it answers again
	require.NoError(b.t, errNow, when)
	if now.Open {
		require.NoError(b.t, b.p.Cancel(b.ctx), when)
		now, errNow = b.p.Snapshot(b.ctx)
		require.NoError(b.t, errNow, when)
		require.False(b.t, now.Open, when)
	}
	made := b.receipts() - had
	switch {
	case err == nil:
		require.Equal(b.t, 1, made, "%s: success without exactly one receipt", when)
		require.Equal(b.t, before.LastFD+1, f.Key.FD, when)
	case drivers.NotDone(err):
		require.Zero(b.t, made, "%s: said not to be done: %v", when, err)
	}
	docs, errDocs := b.p.Documents(b.ctx, before.LastFD, now.LastFD)
	require.NoError(b.t, errDocs, when)
	require.Len(b.t, docs, made, "%s: the archive shows what was made", when)
	if err == nil {
		require.Equal(b.t, docs[0].Fiscal, f, when)
	}
	switch {
	case err == nil:
		return "done"
	case drivers.NotDone(err):
		return "not done"
	case made == 1:
		return "unknown, done"
	}
	return "unknown, not done"
}

// TestCutAfterEveryByte cuts the link after every byte of a receipt, both ways, by closing it and by silence, and
// lets the till do what it does then.
func TestCutAfterEveryByte(t *testing.T) {
	step := 1
	if testing.Short() {
		step = 7
	}
	for _, out := range []bool{true, false} {
		for _, silent := range []bool{true, false} {
			t.Run(fmt.Sprintf("to device %v, silent %v", out, silent), func(t *testing.T) {
				total := receiptBytes(t, out)
				seen := map[string]int{}
				for n := 0; n < total; n += step {
					bubble(t, emulator.Options{}, func(b *bench) { seen[b.cutReceipt(n, out, silent)]++ })
				}
				t.Logf("%d bytes, a cut after every %d: %v", total, step, seen)
				require.Positive(t, seen["not done"])
				require.Positive(t, seen["done"])
			})
		}
	}
}

// receiptBytes is how many bytes a receipt moves in one direction.
func receiptBytes(t *testing.T, out bool) (n int) {
	bubble(t, emulator.Options{}, func(b *bench) {
		had := b.cut.Passed
		_, err := b.p.Print(b.ctx, small())
		require.NoError(b.t, err)
		n = b.cut.Passed[1] - had[1]
		if out {
			n = b.cut.Passed[0] - had[0]
		}
	})
	return n
}

func (b *bench) cutReceipt(n int, out, silent bool) string {
	when := fmt.Sprintf("cut after byte %d", n)
	before, err := b.p.Snapshot(b.ctx)
	require.NoError(b.t, err)
	b.cut.Out, b.cut.Left, b.cut.Silent = out, n, silent
	f, err := b.p.Print(b.ctx, small())
	outcome := b.judge(before, 0, f, err, when)
	had := b.receipts()
	_, err = b.p.Print(b.ctx, small())
	require.NoError(b.t, err, "%s: the next receipt", when)
	require.Equal(b.t, had+1, b.receipts(), when)
	return outcome
}

// receiptCommands are the commands that a receipt sends.
var receiptCommands = []frame.Cmd{
	frame.CmdFlags, frame.CmdPrinter, frame.CmdInfo, frame.CmdStorage, frame.CmdReadSetting, frame.CmdOpen, frame.CmdLine,
	frame.CmdRequisite, frame.CmdSubtotal, frame.CmdCompare, frame.CmdPay, frame.CmdClose,
}

// TestFaultsInEveryCommand lets each fault of the emulator strike each command of a receipt.
func TestFaultsInEveryCommand(t *testing.T) {
	seen := map[string]int{}
	for _, kind := range emulator.Kinds() {
		fired := 0
		for _, cmd := range receiptCommands {
			for _, dir := range []emulator.Direction{emulator.ToDevice, emulator.ToHost} {
				for _, n := range []int{0, 3, 9} {
					fault := emulator.Fault{Kind: kind, Command: cmd, Dir: dir, N: n, For: 7 * time.Second, Mask: 0x13}
					if kind == emulator.Busy {
						fault.For = 30 * time.Second
					}
					bubble(t, emulator.Options{}, func(b *bench) {
						seen[b.strike(fault)]++
						fired += b.fired
					})
				}
			}
		}
		require.Positive(t, fired, "%s never happened", kind)
	}
	t.Logf("%v", seen)
	require.Positive(t, seen["done"])
	require.Positive(t, seen["not done"])
	require.Positive(t, seen["unknown, done"])
}

// seeds is how many draws TestSeveralFaultsAtOnce makes.
const seeds = 400

// TestSeveralFaultsAtOnce draws up to three faults for one receipt. A failure names the seed.
func TestSeveralFaultsAtOnce(t *testing.T) {
	seen := map[string]int{}
	for seed := range seeds {
		rng := rand.New(rand.NewPCG(uint64(seed), 0))
		var faults []emulator.Fault
		for range 1 + rng.IntN(3) {
			faults = append(faults, emulator.RandomFault(rng, receiptCommands...))
		}
		bubble(t, emulator.Options{}, func(b *bench) {
			b.name = fmt.Sprintf("seed %d", seed)
			seen[b.strike(faults...)]++
		})
	}
	t.Logf("%d seeds: %v", seeds, seen)
	require.Positive(t, seen["done"])
	require.Positive(t, seen["not done"])
}

// strike arms the faults, prints, mends everything, looks the receipt up and prints the next one.
func (b *bench) strike(faults ...emulator.Fault) string {
	when := fmt.Sprint(b.name, faults)
	before, err := b.p.Snapshot(b.ctx)
	require.NoError(b.t, err, when)
	for _, f := range faults {
		b.reg.Inject(f)
	}
	f, err := b.p.Print(b.ctx, small())
	b.fired = len(b.reg.Fired())
	b.reg.Disarm()
	b.mended = true
	b.reg.SetPower(true)
	b.reg.SetPaper(true)
	<-time.After(2 * time.Minute) // whatever is on its way arrives, and what is busy comes to rest
	outcome := b.judge(before, 0, f, err, when)
	require.NoError(b.t, b.p.Resume(b.ctx), "%s: what the power kept from printing", when)
	b.comeToTerms(when)
	had := b.receipts()
	_, err = b.p.Print(b.ctx, small())
	require.NoError(b.t, err, "%s: the next receipt", when)
	require.Equal(b.t, had+1, b.receipts(), when)
	return outcome
}

// comeToTerms begins a new shift where a fault has made the old one too old or its clock wrong.
func (b *bench) comeToTerms(when string) {
	leapt := false
	for _, f := range b.reg.Fired() {
		leapt = leapt || f.Kind == emulator.DayPasses || f.Kind == emulator.ClockJump
	}
	if !leapt {
		return
	}
	_, err := b.p.CloseShift(b.ctx, drivers.Operator{Name: "И"})
	require.NoError(b.t, err, when)
	_, err = b.p.OpenShift(b.ctx, drivers.Operator{Name: "И"})
	require.NoError(b.t, err, when)
}
