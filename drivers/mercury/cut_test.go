package mercury_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/drivers"
	emulator "github.com/kopilka/kopilka/drivers/emulator/mercury"
	"github.com/kopilka/kopilka/drivers/emulator/storage"
	"github.com/kopilka/kopilka/drivers/mercury"
	"github.com/kopilka/kopilka/drivers/mercury/frame"
	"github.com/kopilka/kopilka/drivers/port"
	"github.com/kopilka/kopilka/ledger/sale"
)

// bench is a register and its driver in a bubble of virtual time, joined by in-memory links.
type bench struct {
	t      *testing.T
	reg    *emulator.Register
	p      *mercury.Printer
	ctx    context.Context
	served sync.WaitGroup
	knife  knife
}

var anna = drivers.Operator{Name: "Иванова А. П."}

// bubble gives f a register with an open shift.
func bubble(t *testing.T, transport string, o emulator.Options, f func(b *bench)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		reg, err := emulator.New(o)
		require.NoError(t, err)
		b := &bench{t: t, reg: reg, knife: knife{left: -1}}
		ctx, cancel := context.WithCancel(t.Context())
		b.ctx = ctx
		p, err := mercury.New("front", b.dial, map[string]string{"transport": transport})
		require.NoError(t, err)
		b.p = p.(*mercury.Printer)
		_, err = b.p.OpenShift(b.ctx, anna)
		require.NoError(t, err)
		f(b)
		require.NoError(t, b.p.Close())
		cancel()
		b.served.Wait()
		require.NoError(t, reg.Close())
	})
}

func (b *bench) dial(context.Context) (port.Conn, error) {
	near, far := net.Pipe()
	b.served.Go(func() { _ = b.reg.Serve(b.ctx, far) }) // ends with the link, as the test wants
	return &link{Conn: near, k: &b.knife}, nil
}

// knife counts bytes of one direction over all links and cuts the link that it is on when they are up.
type knife struct {
	out    bool
	left   int // negative: it never cuts
	silent bool
	passed [2]int // bytes to the device, to the host
}

// link is the host's end of one link.
type link struct {
	net.Conn
	k      *knife
	failed bool
}

func (l *link) Write(p []byte) (int, error) {
	if l.failed {
		return len(p), nil
	}
	n := len(p)
	if l.k.out && l.k.left >= 0 {
		n = min(n, l.k.left)
	}
	sent, err := l.Conn.Write(p[:n])
	l.k.passed[0] += sent
	if l.k.out && l.k.left >= 0 {
		if l.k.left -= sent; l.k.left == 0 && n < len(p) {
			return l.fail(len(p), sent)
		}
	}
	return sent, err
}

func (l *link) Read(p []byte) (int, error) {
	if l.failed {
		return l.swallow()
	}
	if !l.k.out && l.k.left >= 0 {
		p = p[:min(len(p), l.k.left)]
	}
	if len(p) == 0 {
		if _, err := l.fail(0, 0); err != nil {
			return 0, err
		}
		return l.swallow()
	}
	n, err := l.Conn.Read(p)
	l.k.passed[1] += n
	if !l.k.out && l.k.left >= 0 {
		l.k.left -= n
	}
	return n, err
}

func (l *link) fail(swallowed, sent int) (int, error) {
	l.failed, l.k.left = true, -1
	if l.k.silent {
		return swallowed, nil
	}
	return sent, errors.Join(io.ErrUnexpectedEOF, l.Conn.Close())
}

// swallow reads and drops until the deadline.
func (l *link) swallow() (int, error) {
	var trash [64]byte
	for {
		if _, err := l.Conn.Read(trash[:]); err != nil {
			return 0, err
		}
	}
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

// judge holds what the driver says of a receipt against what the storage holds, as the till does: look, cancel
// what is open, read what was made. It tells the outcome.
func (b *bench) judge(before drivers.Snapshot, f sale.Fiscal, err error, when string) string {
	b.t.Helper()
	now, errNow := b.p.Snapshot(b.ctx)
	require.NoError(b.t, errNow, when)
	if now.Open {
		errCancel := b.p.Cancel(b.ctx)
		if drivers.FailOf(errCancel) == drivers.FailBusy {
			<-time.After(time.Minute)
			errCancel = b.p.Cancel(b.ctx)
		}
		require.NoError(b.t, errCancel, when)
		now, errNow = b.p.Snapshot(b.ctx)
		require.NoError(b.t, errNow, when)
		require.False(b.t, now.Open, when)
	}
	made := b.receipts()
	switch {
	case err == nil:
		require.Equal(b.t, 1, made, "%s: success without exactly one receipt", when)
		require.Equal(b.t, before.LastFD+1, f.Key.FD, when)
	case drivers.NotDone(err):
		require.Zero(b.t, made, "%s: said not to be done: %v", when, err)
	}
	docs, errDocs := b.p.Documents(b.ctx, before.LastFD, now.LastFD)
	require.NoError(b.t, errDocs, when)
	require.Len(b.t, docs, made, "%s: the journal shows what was made", when)
	switch {
	case err == nil:
		return "done"
	case drivers.NotDone(err):
		return "not done"
	case made == 1:
		require.Equal(b.t, sale.DocSale, docs[0].Fiscal.Doc, when)
		require.Equal(b.t, small().Total, docs[0].Fiscal.Sum, when)
		return "unknown, done"
	}
	return "unknown, not done"
}

// TestCuts cuts the link after bytes of a receipt, both ways, by closing it and by silence, and lets the till do
// what it does then. The suite over all worlds cuts after every byte; this one must be quick.
func TestCuts(t *testing.T) {
	const step = 11
	for _, transport := range []string{"http", "length"} {
		for _, out := range []bool{true, false} {
			for _, silent := range []bool{true, false} {
				t.Run(fmt.Sprintf("%s, to device %v, silent %v", transport, out, silent), func(t *testing.T) {
					total := receiptBytes(t, transport, out)
					seen := map[string]int{}
					for n := 0; n < total; n += step {
						bubble(t, transport, emulator.Options{}, func(b *bench) { seen[b.cutReceipt(n, out, silent)]++ })
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
func receiptBytes(t *testing.T, transport string, out bool) (n int) {
	bubble(t, transport, emulator.Options{}, func(b *bench) {
		had := b.knife.passed
		_, err := b.p.Print(b.ctx, small())
		require.NoError(b.t, err)
		n = b.knife.passed[1] - had[1]
		if out {
			n = b.knife.passed[0] - had[0]
		}
	})
	return n
}

func (b *bench) cutReceipt(n int, out, silent bool) string {
	when := fmt.Sprintf("cut after byte %d", n)
	before, err := b.p.Snapshot(b.ctx)
	require.NoError(b.t, err)
	b.knife.out, b.knife.left, b.knife.silent = out, n, silent
	f, err := b.p.Print(b.ctx, small())
	b.knife.left = -1
	outcome := b.judge(before, f, err, when)
	had := b.receipts()
	_, err = b.p.Print(b.ctx, small())
	require.NoError(b.t, err, "%s: the next receipt", when)
	require.Equal(b.t, had+1, b.receipts(), when)
	return outcome
}

// steps are the commands of a receipt.
var steps = []frame.Command{frame.CmdStatus, frame.CmdOpenCheck, frame.CmdAddGoods, frame.CmdCloseCheck}

// TestFaultsInEveryCommand lets each fault of the emulator strike each command of a receipt.
func TestFaultsInEveryCommand(t *testing.T) {
	kinds := []emulator.FaultKind{
		emulator.CloseAfter, emulator.LoseAnswer, emulator.SlowAnswer, emulator.LateRequest, emulator.CorruptAnswer, emulator.HTTPError,
		emulator.Busy, emulator.RestartBefore, emulator.RestartAfter, emulator.PowerBeforeWrite, emulator.PowerAfterWrite, emulator.PowerAfterAnswer,
		emulator.PaperOutAtLine, emulator.PowerOutAtLine, emulator.CutRequest,
	}
	for _, transport := range []string{"http", "length"} {
		seen := map[string]int{}
		for _, kind := range kinds {
			fired := 0
			for _, cmd := range steps {
				for _, n := range []int{0, 3, 40} {
					for _, wait := range []time.Duration{7 * time.Second, 40 * time.Second} {
						bubble(t, transport, emulator.Options{}, func(b *bench) {
							seen[b.strike(emulator.Fault{Kind: kind, Command: cmd, N: n, For: wait})]++
							fired += len(b.reg.Fired())
						})
					}
				}
			}
			require.Positive(t, fired, "%s never happened", kind)
		}
		t.Logf("%s: %v", transport, seen)
		require.Positive(t, seen["done"])
		require.Positive(t, seen["not done"])
		require.Positive(t, seen["unknown, done"])
	}
}

// strike arms a fault, prints, mends everything, looks the receipt up and prints the next one.
func (b *bench) strike(fault emulator.Fault) string {
	before, err := b.p.Snapshot(b.ctx)
	require.NoError(b.t, err, fault)
	b.reg.Inject(fault)
	f, err := b.p.Print(b.ctx, small())
	b.reg.Disarm("")
	synctest.Wait() // power that goes behind an answer has gone by now
	b.reg.SetPower(true)
	b.reg.SetPaper(true)
	outcome := b.judge(before, f, err, fault.String()) // at once: what is still on its way must do no harm
	<-time.After(time.Minute)
	made := b.receipts()
	require.LessOrEqual(b.t, made, 1, fault)
	if outcome == "not done" || outcome == "unknown, not done" {
		require.Zero(b.t, made, "%s: a late close found a receipt to close", fault)
	}
	_, err = b.p.Print(b.ctx, small())
	if drivers.FailOf(err) == drivers.FailDocument { // an opening that came late left a receipt open
		require.True(b.t, drivers.NotDone(err), fault)
		require.NoError(b.t, b.p.Cancel(b.ctx), fault)
		_, err = b.p.Print(b.ctx, small())
	}
	require.NoError(b.t, err, "%s: the next receipt", fault)
	require.Equal(b.t, made+1, b.receipts(), fault)
	return outcome
}

// TestServiceRestart: the session's key dies with the service, in every pause between two works.
func TestServiceRestart(t *testing.T) {
	bubble(t, "http", emulator.Options{}, func(b *bench) {
		b.reg.Inject(emulator.Fault{Kind: emulator.RestartBefore})
		_, err := b.p.Print(b.ctx, small())
		require.NoError(t, err, "the read that every work begins with opens a new session")
		require.Len(t, b.reg.Fired(), 1)

		b.reg.Inject(emulator.Fault{Kind: emulator.RestartBefore, Command: frame.CmdAddGoods})
		_, err = b.p.Print(b.ctx, small())
		require.True(t, drivers.NotDone(err), "%v", err)
		snap, err := b.p.Snapshot(b.ctx)
		require.NoError(t, err)
		require.False(t, snap.Open, "the receipt was dropped under a new session")

		b.reg.Inject(emulator.Fault{Kind: emulator.RestartBefore, Command: frame.CmdCloseCheck})
		_, err = b.p.Print(b.ctx, small())
		require.True(t, drivers.NotDone(err), "the close was refused and the register shows that nothing came of it: %v", err)
		require.Equal(t, 1, b.receipts())
		_, err = b.p.Print(b.ctx, small())
		require.NoError(t, err)
	})
}

// TestRefusedClose: numbers of errors are not known, so the register's state decides the outcome.
func TestRefusedClose(t *testing.T) {
	bubble(t, "http", emulator.Options{}, func(b *bench) {
		b.reg.Inject(emulator.Fault{Kind: emulator.Busy, Command: frame.CmdCloseCheck, For: time.Second})
		_, err := b.p.Print(b.ctx, small())
		require.True(t, drivers.NotDone(err), "%v", err)
		require.Equal(t, drivers.FailBusy, drivers.FailOf(err))
		<-time.After(2 * time.Second)
		require.NoError(t, b.p.Cancel(b.ctx))

		b.reg.Inject(emulator.Fault{Kind: emulator.Busy, Command: frame.CmdBringMoney, For: time.Second})
		err = b.p.CashIn(b.ctx, anna, 1000)
		require.True(t, drivers.NotDone(err), "%v", err)
		<-time.After(2 * time.Second)
		b.reg.Inject(emulator.Fault{Kind: emulator.HTTPError, Command: frame.CmdBringMoney})
		err = b.p.CashIn(b.ctx, anna, 1000)
		require.Error(t, err)
		require.False(t, drivers.NotDone(err), "the cash is in, and nobody has said so")
		cash, err := b.p.CashInDrawer(b.ctx)
		require.NoError(t, err)
		require.Equal(t, sale.Money(1000), cash)
	})
}

// TestStrictJournal: the service may not tell the sign of an opening. The document is found all the same, and
// the registration, which the journal lacks, is told as one of another kind.
func TestStrictJournal(t *testing.T) {
	bubble(t, "http", emulator.Options{}, func(b *bench) {
		docs, err := b.p.Documents(b.ctx, 0, 2)
		require.NoError(t, err)
		require.Equal(t, sale.DocOther, docs[0].Fiscal.Doc)
		require.Equal(t, sale.DocShiftOpen, docs[1].Fiscal.Doc)
		require.Zero(t, docs[1].Fiscal.Sign)
		require.Equal(t, uint32(2), docs[1].Fiscal.Key.FD)
	})
	bubble(t, "http", emulator.Options{OpeningSigns: true}, func(b *bench) {
		docs, err := b.p.Documents(b.ctx, 1, 2)
		require.NoError(t, err)
		require.Equal(t, b.reg.Documents()[1].Sign, docs[0].Fiscal.Sign)
	})
}

// TestOldFormat: a register of FFD 1.05 gets neither measures nor marking codes.
func TestOldFormat(t *testing.T) {
	bubble(t, "http", emulator.Options{FFD: "1.0.5"}, func(b *bench) {
		r := small()
		r.Lines[0].Unit = sale.UnitKilogram
		_, err := b.p.Print(b.ctx, r)
		require.NoError(t, err)
		life, err := b.p.Storage(b.ctx)
		require.NoError(t, err)
		require.Equal(t, "1.05", life.FFD)
		r.Lines[0].Mark = &drivers.Mark{Raw: "0104600494000010215AbCdEf\x1d93dGVz"}
		_, err = b.p.Print(b.ctx, r)
		require.True(t, drivers.NotDone(err))
		require.Equal(t, drivers.FailConfig, drivers.FailOf(err))
		_, err = b.p.CheckMark(b.ctx, drivers.MarkQuery{Raw: "01"})
		require.Equal(t, drivers.FailConfig, drivers.FailOf(err))
		require.NoError(t, b.p.DropMarks(b.ctx), "there is nothing to drop")
	})
}

func TestProbe(t *testing.T) {
	bubble(t, "http", emulator.Options{}, func(b *bench) {
		signed, printed := len(b.reg.Documents()), len(b.reg.Tape())
		id, err := mercury.Probe(b.ctx, b.dial)
		require.NoError(t, err)
		require.Equal(t, drivers.Identity{Model: "INECRMAN", Firmware: "1.11.0.643"}, id)
		require.Equal(t, 1, b.reg.State().Sessions, "only the driver's own")
		require.Len(t, b.reg.Documents(), signed)
		require.Len(t, b.reg.Tape(), printed)

		began := time.Now()
		_, err = mercury.Probe(b.ctx, func(context.Context) (port.Conn, error) {
			near, far := net.Pipe()
			b.served.Go(func() { _, _ = io.Copy(io.Discard, far) }) // a device that says nothing
			return near, nil
		})
		require.Error(t, err)
		require.LessOrEqual(t, time.Since(began), 2*time.Second)
	})
}

func TestSettings(t *testing.T) {
	for key, bad := range map[string]string{
		"transport": "usb", "port": " ", "baud": "0", "model": "115K", "operator": "x", "section": "17", "tax-22": "256",
		"correction": "12a", "sale-key": "yes", "colour": "red",
	} {
		_, err := mercury.New("front", nil, map[string]string{key: bad})
		require.ErrorContains(t, err, key)
	}
	_, err := mercury.New("front", nil, map[string]string{"password": " ", "baud": "9600"})
	require.ErrorContains(t, err, "password: want")
	for key := range mercury.Settings {
		require.NotEmpty(t, mercury.Settings[key])
	}
}
