package capture_test

import (
	"context"
	"net"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/drivers"
	"github.com/kopilka/kopilka/drivers/all"
	"github.com/kopilka/kopilka/drivers/capture"
	"github.com/kopilka/kopilka/drivers/drivertest/world"
	"github.com/kopilka/kopilka/drivers/port"
	"github.com/kopilka/kopilka/ledger/sale"
)

// counter is an emulated register, its driver and the recorder between them.
type counter struct {
	t       *testing.T
	machine world.Machine
	ring    *capture.Ring
	path    string
	p       drivers.Printer
	noise   func(port.Conn) port.Conn
}

// open puts a register of a world on a counter, in a bubble.
func open(t *testing.T, w world.World, size int64) *counter {
	t.Helper()
	m, err := w.New(world.Options{INN: "7707083893", Now: time.Now, OFDDelay: time.Second})
	require.NoError(t, err)
	c := &counter{t: t, machine: m, path: filepath.Join(t.TempDir(), "devices.capture")}
	c.ring, err = capture.OpenRing(c.path, size)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	var served sync.WaitGroup
	dial := func(context.Context) (port.Conn, error) {
		ours, theirs := net.Pipe()
		served.Go(func() { _ = m.Serve(ctx, theirs) }) // ends with the link
		if c.noise != nil {
			return c.noise(ours), nil
		}
		return ours, nil
	}
	t.Cleanup(func() {
		require.NoError(t, c.p.Close())
		cancel()
		served.Wait()
		require.NoError(t, m.Close())
		require.NoError(t, c.ring.Close())
	})
	r := capture.NewRecorder(capture.Options{
		Ring: c.ring, Now: time.Now, Device: "register", Type: w.Type, Program: "test", Rewrite: all.Kinds[w.Type].Rewrite,
	})
	c.p, err = r.Printer(dial, w.Settings, func(d port.Dial) (drivers.Printer, error) {
		return all.Printer(w.Type, "register", d, w.Settings)
	})
	require.NoError(t, err)
	return c
}

// closed ends the writing and gives back what was written.
func (c *counter) closed() []capture.Entry {
	c.t.Helper()
	require.NoError(c.t, c.p.Close())
	require.NoError(c.t, c.ring.Close())
	require.Zero(c.t, c.ring.Dropped())
	entries, damaged, err := capture.Read(c.path)
	require.NoError(c.t, err)
	require.Zero(c.t, damaged)
	return entries
}

// makers make drivers as the till does, in virtual time.
func makers(t *testing.T) capture.Makers {
	t.Helper()
	return capture.Makers{
		Wait:    func(until time.Time) { time.Sleep(time.Until(until)) },
		Rewrite: func(kind string) capture.Rewrite { return all.Kinds[kind].Rewrite },
		Rename:  func(kind string) capture.Rename { return all.Kinds[kind].Rename },
		Printer: func(a capture.About, dial port.Dial) (drivers.Printer, error) {
			return all.Printer(a.Type, a.Device, dial, a.Settings)
		},
		Scanner: func(a capture.About, dial port.Dial) (drivers.Scanner, error) {
			if _, ok := all.Scanners[a.Type]; !ok {
				return nil, nil
			}
			return all.Scanner(a.Type, a.Device, dial, a.Settings)
		},
		SlipPrinter: func(a capture.About, dial port.Dial) (drivers.SlipPrinter, error) {
			if _, ok := all.SlipPrinters[a.Type]; !ok {
				return nil, nil
			}
			return all.SlipPrinter(a.Type, a.Device, dial, a.Settings)
		},
		Display: func(a capture.About, dial port.Dial) (drivers.Display, error) {
			if _, ok := all.Displays[a.Type]; !ok {
				return nil, nil
			}
			return all.Display(a.Type, a.Device, dial, a.Settings)
		},
	}
}

// replay runs a session again in a bubble of its own.
func replay(t *testing.T, s capture.Session) (calls int, err error) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { calls, err = makers(t).Replay(t.Context(), s) })
	return calls, err
}

func receipt(who drivers.Operator, contact string, text ...string) drivers.Receipt {
	return drivers.Receipt{
		Doc: sale.DocSale, Operator: who, Contact: contact, Tax: drivers.TaxOSN, Total: 24_690, Given: 30_000,
		Lines: []drivers.ReceiptLine{
			{Name: "Молоко 3,2 % «Домик», 1 л", Part: sale.Part{Qty: 2 * sale.Piece, Price: 8_990, Sum: 17_980}, VAT: sale.VAT10, Subject: sale.SubjectGoods, Unit: sale.UnitPiece},
			{Name: "Хлеб", Part: sale.Part{Qty: sale.Piece, Price: 6_710, Sum: 6_710}, VAT: sale.VAT22, Subject: sale.SubjectGoods, Unit: sale.UnitPiece, Text: text},
		},
		Tenders: []sale.Tender{{Kind: sale.TenderCash, Amount: 24_690}},
		Footer:  text,
	}
}

// day is a short day at a register: every call that a till makes.
func day(ctx context.Context, c *counter, who drivers.Operator, contact string, text ...string) {
	t := c.t
	t.Helper()
	_, err := c.p.Identify(ctx)
	require.NoError(t, err)
	_, err = c.p.OpenShift(ctx, who)
	require.NoError(t, err)
	_, err = c.p.Status(ctx)
	require.NoError(t, err)
	_, err = c.p.Print(ctx, receipt(who, contact, text...))
	require.NoError(t, err)
	snap, err := c.p.Snapshot(ctx)
	require.NoError(t, err)
	_, err = c.p.Documents(ctx, 0, snap.LastFD)
	require.NoError(t, err)
	if s, ok := c.p.(drivers.Slips); ok {
		require.NoError(t, s.Slip(ctx, text, ""))
	}
	if x, ok := c.p.(drivers.CashMover); ok {
		require.NoError(t, x.CashIn(ctx, who, 100_000))
	}
	if x, ok := c.p.(drivers.Reporter); ok {
		require.NoError(t, x.XReport(ctx, who))
	}
	_, err = c.p.CloseShift(ctx, who)
	require.NoError(t, err)
}

// every runs f for each protocol of each register.
func every(t *testing.T, f func(t *testing.T, w world.World)) {
	t.Helper()
	require.NotEmpty(t, world.All())
	for _, w := range world.All() {
		t.Run(w.Name, func(t *testing.T) { f(t, w) })
	}
}
