package atol_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/drivers"
	"github.com/kopilka/kopilka/drivers/atol"
	emulator "github.com/kopilka/kopilka/drivers/emulator/atol"
	"github.com/kopilka/kopilka/drivers/emulator/storage"
	"github.com/kopilka/kopilka/drivers/port"
	"github.com/kopilka/kopilka/ledger/sale"
)

// bench is a register behind its server, and a driver, in a bubble of virtual time with links in memory.
type bench struct {
	t      *testing.T
	reg    *emulator.Register
	p      *atol.Printer
	ctx    context.Context
	cancel context.CancelFunc
	served sync.WaitGroup
	sent   []string // what was written to the server, in order
	knife  knife
	refuse bool // the server's machine takes no connections
}

// bubble gives f a register with an open shift.
func bubble(t *testing.T, o emulator.Options, f func(b *bench)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		reg, err := emulator.New(o)
		require.NoError(t, err)
		b := &bench{t: t, reg: reg, knife: knife{left: -1}}
		b.ctx, b.cancel = context.WithCancel(t.Context())
		b.p = b.driver(1)
		_, err = b.p.OpenShift(b.ctx, drivers.Operator{Name: "Иванова А. П."})
		require.NoError(t, err)
		f(b)
		require.NoError(t, b.p.Close())
		b.cancel()
		b.served.Wait()
		require.NoError(t, reg.Close())
	})
}

// driver is a fresh one, as after the daemon was started anew; its request keys come from a seed.
func (b *bench) driver(seed uint64) *atol.Printer {
	p, err := atol.New("front", b.dial, nil)
	require.NoError(b.t, err)
	var key [32]byte
	key[0] = byte(seed)
	p.(*atol.Printer).SetRandom(rand.NewChaCha8(key))
	return p.(*atol.Printer)
}

var errRefused = errors.New("connection refused")

func (b *bench) dial(context.Context) (port.Conn, error) {
	if b.refuse {
		return nil, errRefused
	}
	near, far := net.Pipe()
	b.served.Go(func() { _ = b.reg.Serve(b.ctx, far) }) // ends with the link, as the test wants
	return &cutLink{Conn: near, b: b}, nil
}

// knife cuts a link after a count of bytes, over all links, in one direction.
type knife struct {
	out    bool
	left   int // negative: it does not
	silent bool
	passed [2]int // bytes to the server, to the host
}

// cutLink is the host's end of a link.
type cutLink struct {
	net.Conn
	b    *bench
	dead bool
}

func (l *cutLink) Write(p []byte) (int, error) {
	k := &l.b.knife
	if l.dead {
		return len(p), nil
	}
	n := len(p)
	if k.out && k.left >= 0 {
		n = min(n, k.left)
	}
	l.b.sent = append(l.b.sent, string(p[:n]))
	sent, err := l.Conn.Write(p[:n])
	k.passed[0] += sent
	if err != nil || n == len(p) {
		l.spend(true, sent)
		return sent, err
	}
	k.left = -1
	return l.fail(len(p))
}

func (l *cutLink) Read(p []byte) (int, error) {
	k := &l.b.knife
	if !k.out && k.left >= 0 && !l.dead {
		if k.left == 0 {
			k.left = -1
			if _, err := l.fail(0); err != nil {
				return 0, err
			}
		} else {
			p = p[:min(len(p), k.left)]
		}
	}
	if l.dead {
		return l.swallow()
	}
	n, err := l.Conn.Read(p)
	k.passed[1] += n
	l.spend(false, n)
	return n, err
}

func (l *cutLink) spend(out bool, n int) {
	if k := &l.b.knife; k.out == out && k.left >= 0 {
		k.left -= n
	}
}

// fail ends this link: by closing it, or by swallowing all that comes.
func (l *cutLink) fail(done int) (int, error) {
	l.dead = true
	if l.b.knife.silent {
		return done, nil
	}
	return 0, errors.Join(io.ErrUnexpectedEOF, l.Conn.Close())
}

func (l *cutLink) swallow() (int, error) {
	var trash [64]byte
	for {
		if _, err := l.Conn.Read(trash[:]); err != nil {
			return 0, err
		}
	}
}

// small is a receipt with all that is sent, in as few bytes as that takes.
func small() drivers.Receipt {
	return drivers.Receipt{
		Doc: sale.DocSale, Operator: drivers.Operator{Name: "И"}, Tax: drivers.TaxOSN, Total: 5490, Contact: "a@b.ru",
		Lines: []drivers.ReceiptLine{{
			Name: "Хлеб", Part: sale.Part{Qty: sale.Piece, Price: 5490, Sum: 5490}, VAT: sale.VAT10, Subject: sale.SubjectGoods,
		}},
		Tenders: []sale.Tender{{Kind: sale.TenderCash, Amount: 5490}}, Given: 10000,
	}
}

func (b *bench) receipts() (n int) {
	for _, d := range b.reg.Documents() {
		if d.Type == storage.DocReceipt {
			n++
		}
	}
	return n
}

func (b *bench) snapshot() drivers.Snapshot {
	b.t.Helper()
	s, err := b.p.Snapshot(b.ctx)
	require.NoError(b.t, err)
	return s
}

// sells are the POSTs of receipts that were written whole.
func (b *bench) sells() (n int) {
	for _, s := range b.sent {
		if strings.HasPrefix(s, "POST") && strings.Contains(s, `"type":"sell"`) {
			n++
		}
	}
	return n
}

// judge holds what the driver says of a receipt against what the storage holds. It tells the outcome.
func (b *bench) judge(before drivers.Snapshot, f sale.Fiscal, err error, when string) string {
	b.t.Helper()
	require.LessOrEqual(b.t, b.sells(), 1, "%s: a receipt is posted once", when)
	now := b.snapshot() // behind everything in the queue
	made := b.receipts()
	docs, errDocs := b.p.Documents(b.ctx, before.LastFD, now.LastFD)
	require.NoError(b.t, errDocs, when)
	require.Len(b.t, docs, made, "%s: the archive shows what was made", when)
	switch {
	case err == nil:
		require.Equal(b.t, 1, made, "%s: success without exactly one receipt", when)
		require.Equal(b.t, before.LastFD+1, f.Key.FD, when)
		require.Equal(b.t, docs[0].Fiscal.Sign, f.Sign, when)
		return "done"
	case drivers.NotDone(err):
		require.Zero(b.t, made, "%s: said not to be done: %v", when, err)
		return "not done"
	case made == 1:
		return "unknown, done"
	}
	require.Zero(b.t, made, when)
	return "unknown, not done"
}

// strike arms faults, prints, mends everything, looks the receipt up and prints the next one.
func (b *bench) strike(faults ...emulator.Fault) string {
	b.t.Helper()
	when := fmt.Sprint(faults)
	before := b.snapshot()
	for _, f := range faults {
		b.reg.Inject(f)
	}
	b.sent = nil
	f, err := b.p.Print(b.ctx, small())
	b.reg.Disarm()
	b.reg.SetPower(true)
	b.reg.SetPaper(true)
	<-time.After(time.Minute)
	outcome := b.judge(before, f, err, when)
	require.NoError(b.t, b.p.Resume(b.ctx), when)
	_, err = b.p.Print(b.ctx, small())
	require.NoError(b.t, err, "%s: the next receipt", when)
	return outcome
}
