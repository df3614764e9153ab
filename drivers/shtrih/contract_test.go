//go:build linux

package shtrih_test

import (
	"context"
	"net"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/creack/pty"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/kopilka/kopilka/drivers"
	"github.com/kopilka/kopilka/drivers/drivertest"
	"github.com/kopilka/kopilka/drivers/emulator"
	"github.com/kopilka/kopilka/drivers/port"
	"github.com/kopilka/kopilka/drivers/shtrih"
	"github.com/kopilka/kopilka/drivers/shtrih/frame"
	"github.com/kopilka/kopilka/ledger/sale"
)

func TestContractTCPProtocol2(t *testing.T) {
	drivertest.Printer(t, rig(onTCP, "2"))
}

func TestContractTCPProtocol1(t *testing.T) {
	drivertest.Printer(t, rig(onTCP, "1"))
}

func TestContractPTYProtocol1(t *testing.T) {
	drivertest.Printer(t, rig(onPTY, "1"))
}

func TestContractAuto(t *testing.T) {
	drivertest.Printer(t, rig(onTCP, "auto"))
}

// rig makes a fresh register on a line.
func rig(line func(*testing.T, *emulator.Register) port.Dial, protocol string) func(*testing.T) drivertest.Rig {
	return func(t *testing.T) drivertest.Rig {
		reg, err := emulator.New(emulator.Options{INN: "7707083893", OFDDelay: time.Millisecond})
		require.NoError(t, err)
		dial := line(t, reg)
		return drivertest.Rig{
			Printer:  driver(t, dial, map[string]string{"protocol": protocol}),
			Stranger: driver(t, dial, map[string]string{"protocol": protocol, "password": "12345", "admin-password": "54321"}),
			Device:   device{reg},
		}
	}
}

func driver(t *testing.T, dial port.Dial, settings map[string]string) *shtrih.Printer {
	t.Helper()
	p, err := shtrih.New("front", dial, settings)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, p.Close()) })
	return p.(*shtrih.Printer)
}

// onTCP serves a register on a random port of this machine.
func onTCP(t *testing.T, reg *emulator.Register) port.Dial {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	var served sync.WaitGroup
	served.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			served.Go(func() { _ = reg.Serve(ctx, conn) }) // ends with the connection, as tests want
		}
	})
	t.Cleanup(func() {
		cancel()
		require.NoError(t, l.Close())
		served.Wait()
		require.NoError(t, reg.Close())
	})
	addr, err := port.ParseAddress("tcp://" + l.Addr().String())
	require.NoError(t, err)
	return addr.Dial
}

// onPTY gives each dial a cable of its own, as a USB adapter does when it is plugged in again.
func onPTY(t *testing.T, reg *emulator.Register) port.Dial {
	ctx, cancel := context.WithCancel(context.Background())
	var served sync.WaitGroup
	t.Cleanup(func() {
		cancel()
		served.Wait()
		require.NoError(t, reg.Close())
	})
	return func(dialCtx context.Context) (port.Conn, error) {
		master, slave, err := pty.Open()
		if err != nil {
			return nil, err
		}
		addr, err := port.ParseAddress("serial://" + slave.Name())
		if err != nil {
			return nil, err
		}
		conn, err := addr.Dial(dialCtx)
		if err != nil {
			return nil, err
		}
		device, err := interruptible(master)
		if err != nil {
			return nil, err
		}
		served.Go(func() { _ = reg.Serve(ctx, device) }) // ends with the cable
		// From here on only the driver holds its end, so that its Close is seen at the other.
		return conn, slave.Close()
	}
}

// interruptible is the same terminal as a file whose Read ends when it is closed.
func interruptible(f *os.File) (*os.File, error) {
	fd, err := unix.Dup(int(f.Fd()))
	if err != nil {
		return nil, err
	}
	if err := unix.SetNonblock(fd, true); err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), f.Name()), f.Close()
}

// device is the emulated register as the contract looks at it.
type device struct{ *emulator.Register }

var docKinds = map[emulator.DocType]sale.DocKind{
	emulator.DocRegistration: sale.DocOther, emulator.DocShiftOpen: sale.DocShiftOpen, emulator.DocShiftClose: sale.DocShiftClose,
}

var tenderKinds = map[uint8]sale.TenderKind{
	1: sale.TenderCash, 2: sale.TenderCard, 14: sale.TenderAdvance, 15: sale.TenderCredit, 16: sale.TenderCounter,
}

func (d device) Documents() []drivertest.Signed {
	var out []drivertest.Signed
	for _, doc := range d.Register.Documents() {
		s := drivertest.Signed{
			FD: doc.FD, Sign: doc.Sign, Doc: docKinds[doc.Type], Sum: doc.Sum, Shift: doc.Shift, Receipt: doc.Receipt,
			Stamp: sale.StampOf(doc.At), Change: doc.Change, Tax: drivers.TaxSystem(doc.Tax), Cashier: doc.Operator,
			Payments: map[sale.TenderKind]sale.Money{},
		}
		if doc.Type == emulator.DocReceipt {
			s.Doc = sale.DocKind(doc.Op)
		}
		for _, p := range doc.Payments {
			s.Payments[tenderKinds[p.Type]] += p.Sum
		}
		for _, tag := range doc.Tags {
			if tag.Tag == 1008 {
				s.Contact = tag.Text()
			}
		}
		for _, l := range doc.Lines {
			s.Lines = append(s.Lines, drivertest.SignedLine{
				Name: l.Name, Qty: sale.Qty(l.Qty / 1000), Price: l.Price, Sum: l.Sum, VAT: l.VAT, Subject: sale.Subject(l.Subject),
			})
		}
		out = append(out, s)
	}
	return out
}

func (d device) Printed() []string {
	var out []string
	for _, l := range d.Tape() {
		out = append(out, l.Text)
	}
	return out
}

func (d device) Cash() sale.Money { return sale.Money(d.State().Drawer) }

func (d device) PaperOutAfter(lines int) {
	d.Inject(emulator.Fault{Kind: emulator.PaperOutAtLine, N: lines})
}

func (d device) LoseClose() {
	d.Inject(emulator.Fault{Kind: emulator.CloseAfter, Command: frame.CmdClose2, Dir: emulator.ToHost, N: 2})
}

func (d device) LoseLine() {
	d.Inject(emulator.Fault{Kind: emulator.CloseAfter, Command: frame.CmdOperation2, Dir: emulator.ToHost, N: 2})
}
