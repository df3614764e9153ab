package shtrih_test

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
	emulator "github.com/kopilka/kopilka/drivers/emulator/shtrih"
	"github.com/kopilka/kopilka/drivers/emulator/storage"
	"github.com/kopilka/kopilka/drivers/port"
	"github.com/kopilka/kopilka/drivers/shtrih"
	"github.com/kopilka/kopilka/ledger/sale"
)

// bench is a register and its driver in a bubble of virtual time, joined by in-memory links.
type bench struct {
	t      *testing.T
	reg    *emulator.Register
	p      *shtrih.Printer
	ctx    context.Context
	cancel context.CancelFunc
	served sync.WaitGroup
	cut    *drivertest.Cut // of the link that is up
	name   string
	fired  int // faults that happened
	mended bool
	wrap   func(net.Conn) port.Conn // of each link, where a test wants one
}

// bubble gives f a register with an open shift.
func bubble(t *testing.T, protocol string, f func(b *bench)) {
	t.Helper()
	bubbleOf(t, emulator.Options{}, protocol, f)
}

func bubbleOf(t *testing.T, o emulator.Options, protocol string, f func(b *bench)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		reg, err := emulator.New(o)
		require.NoError(t, err)
		b := &bench{t: t, reg: reg}
		b.ctx, b.cancel = context.WithCancel(t.Context())
		p, err := shtrih.New("front", b.dial, map[string]string{"protocol": protocol})
		require.NoError(t, err)
		b.p = p.(*shtrih.Printer)
		_, err = b.p.OpenShift(b.ctx, drivers.Operator{Name: "Иванова А. П."})
		require.NoError(t, err)
		f(b)
		require.NoError(t, b.p.Close())
		b.cancel()
		b.served.Wait()
		require.NoError(t, reg.Close())
	})
}

func (b *bench) dial(context.Context) (port.Conn, error) {
	if b.mended {
		b.reg.SetPower(true) // it may have gone late: an in-memory link holds bytes back until they are read
	}
	near, far := net.Pipe()
	b.served.Go(func() { _ = b.reg.Serve(b.ctx, far) }) // ends with the link, as the test wants
	if b.wrap != nil {
		return b.wrap(near), nil
	}
	b.cut = &drivertest.Cut{Conn: near, Left: -1}
	return b.cut, nil
}

// small is a receipt with everything that is sent, in as few bytes as that takes.
func small() drivers.Receipt {
	return drivers.Receipt{
		Doc: sale.DocSale, Operator: drivers.Operator{Name: "И"}, Tax: drivers.TaxOSN, Total: 5490, Contact: "a@b.ru",
		Lines: []drivers.ReceiptLine{{
			Name: "Хлеб", Part: sale.Part{Qty: sale.Piece, Price: 5490, Sum: 5490}, VAT: sale.VAT10, Subject: sale.SubjectGoods,
		}},
		Tenders: []sale.Tender{{Kind: sale.TenderCash, Amount: 5490}}, Given: 10000,
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
	now, errNow := b.p.Snapshot(b.ctx) // a register whose link is cut goes on with what it has heard: count when it answers again
	require.NoError(b.t, errNow, when)
	made := b.receipts() - had
	switch {
	case err == nil:
		require.Equal(b.t, 1, made, "%s: success without exactly one receipt", when)
		require.Equal(b.t, before.LastFD+1, f.Key.FD, when)
	case drivers.NotDone(err):
		require.Zero(b.t, made, "%s: said not to be done: %v", when, err)
	}
	if now.Open {
		require.Zero(b.t, made, when)
		require.NoError(b.t, b.p.Cancel(b.ctx), when)
	}
	docs, errDocs := b.p.Documents(b.ctx, before.LastFD, now.LastFD)
	require.NoError(b.t, errDocs, when)
	require.Len(b.t, docs, made, "%s: the archive shows what was made", when)
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

// TestCutAfterEveryByte cuts the link after every byte of a receipt, both ways, by closing it and by
// silence, and lets the till do what it does then.
func TestCutAfterEveryByte(t *testing.T) {
	step := 1
	if testing.Short() {
		step = 7 // every byte takes a minute under the race detector
	}
	for _, protocol := range []string{"1", "2"} {
		for _, out := range []bool{true, false} {
			for _, silent := range []bool{true, false} {
				name := fmt.Sprintf("protocol %s, to device %v, silent %v", protocol, out, silent)
				t.Run(name, func(t *testing.T) {
					total := receiptBytes(t, protocol, out)
					seen := map[string]int{}
					for n := 0; n < total; n += step {
						bubble(t, protocol, func(b *bench) { seen[b.cutReceipt(n, out, silent)]++ })
					}
					t.Logf("%d bytes, a cut after every %d: %v", total, step, seen)
					require.Positive(t, seen["not done"])
					require.Positive(t, seen["done"]+seen["unknown, done"])
				})
			}
		}
	}
}

// receiptBytes is how many bytes a receipt moves in one direction.
func receiptBytes(t *testing.T, protocol string, out bool) (n int) {
	bubble(t, protocol, func(b *bench) {
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

// TestFaultsInEveryCommand lets each fault of the emulator strike each command of a receipt.
func TestFaultsInEveryCommand(t *testing.T) {
	kinds := []emulator.FaultKind{
		emulator.DropByte, emulator.RepeatByte, emulator.CorruptByte, emulator.DelayByte, emulator.LoseAnswer,
		emulator.ForgetAnswer, emulator.LateAnswer, emulator.SlowAnswer, emulator.NAKStorm, emulator.NoiseFF,
		emulator.Busy, emulator.PowerBeforeWrite, emulator.PowerAfterWrite, emulator.PowerAfterAnswer,
	}
	for _, protocol := range []string{"1", "2"} {
		seen := map[string]int{}
		for _, kind := range kinds {
			fired := 0
			for _, cmd := range receiptCommands {
				for _, dir := range []emulator.Direction{emulator.ToDevice, emulator.ToHost} {
					for _, n := range []int{0, 3} {
						fault := emulator.Fault{Kind: kind, Command: cmd, Dir: dir, N: n, For: 7 * time.Second, Mask: 0x13}
						if kind == emulator.NoiseFF {
							fault.Command = 0 // it comes before a reply to ENQ, which belongs to no command
						}
						bubble(t, protocol, func(b *bench) {
							seen[b.strike(fault)]++
							fired += b.fired
						})
					}
				}
			}
			if protocol == "1" || !onlyProtocol1[kind] {
				require.Positive(t, fired, "%s never happened", kind)
			}
		}
		t.Logf("protocol %s: %v", protocol, seen)
		require.Positive(t, seen["done"])
		require.Positive(t, seen["not done"])
	}
}

// TestSeveralFaultsAtOnce draws up to three faults for one receipt. A failure names the seed.
func TestSeveralFaultsAtOnce(t *testing.T) {
	for _, protocol := range []string{"1", "2"} {
		seen := map[string]int{}
		for seed := range seeds {
			rng := rand.New(rand.NewPCG(uint64(seed), 0))
			var faults []emulator.Fault
			for range 1 + rng.IntN(3) {
				faults = append(faults, emulator.RandomFault(rng, receiptCommands...))
			}
			bubble(t, protocol, func(b *bench) {
				b.name = fmt.Sprintf("protocol %s seed %d", protocol, seed)
				seen[b.strike(faults...)]++
			})
		}
		t.Logf("protocol %s, %d seeds: %v", protocol, seeds, seen)
		require.Positive(t, seen["done"])
		require.Positive(t, seen["not done"])
	}
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
	b.reg.Disarm("")
	b.mended = true
	b.reg.SetPower(true)
	b.reg.SetPaper(true)
	<-time.After(time.Minute) // whatever is on its way arrives, and what is busy comes to rest
	outcome := b.judge(before, 0, f, err, when)
	require.NoError(b.t, b.p.Resume(b.ctx), "%s: what the power kept from printing", when)
	had := b.receipts()
	_, err = b.p.Print(b.ctx, small())
	require.NoError(b.t, err, "%s: the next receipt", when)
	require.Equal(b.t, had+1, b.receipts(), when)
	return outcome
}
