package uplink_test

import (
	"context"
	"crypto/ed25519"
	"encoding/binary"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/ledger"
	"github.com/kopilka/kopilka/ledger/ledgertest"
	"github.com/kopilka/kopilka/ledger/sale"
	"github.com/kopilka/kopilka/sync/linktest"
	"github.com/kopilka/kopilka/sync/uplink"
)

// world is one till with a real ledger, one head office, and the network between them.
type world struct {
	t      testing.TB
	net    *linktest.Network
	office *office
	ledger *ledger.Ledger
	dir    string
	cache  string
	sales  int
	ids    io.Reader

	uplink  *uplink.Uplink
	trusted []sale.Time
	stop    func()
}

// inWorld runs a test in a bubble of virtual time. Time that passes costs nothing; a goroutine that is
// left over fails the test.
func inWorld(t *testing.T, seed uint64, test func(w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		n := linktest.New(seed)
		n.SetAll(linktest.Link{Latency: 20 * time.Millisecond, Jitter: 5 * time.Millisecond})
		w := &world{t: t, net: n, office: newOffice(t, n), dir: t.TempDir(), cache: t.TempDir(), ids: ledgertest.Random(byte(seed) + 100)}
		w.open()
		require.NoError(t, w.ledger.Enrol(ledger.Identity{Org: org, Store: 1, Till: till}))
		defer func() {
			w.halt()
			w.office.close()
			_, err := w.ledger.Check()
			require.NoError(t, err)
			require.NoError(t, w.ledger.Close())
		}()
		test(w)
	})
}

func (w *world) open() {
	l, err := ledger.Open(w.dir, ledger.Options{
		Clock:  func() (sale.Time, sale.TimeQuality) { return sale.At(time.Now()), sale.TimeHeadOffice },
		Random: w.ids,
	})
	require.NoError(w.t, err)
	w.ledger = l
}

// image copies the ledger's file, as a disk image taken at night; restore puts it back.
func (w *world) image() []byte {
	require.NoError(w.t, w.ledger.Close())
	b, err := os.ReadFile(filepath.Join(w.dir, ledger.FileName))
	require.NoError(w.t, err)
	w.open()
	return b
}

func (w *world) restore(image []byte) {
	require.NoError(w.t, w.ledger.Close())
	require.NoError(w.t, os.WriteFile(filepath.Join(w.dir, ledger.FileName), image, 0o600))
	w.open()
}

// sell journals so many records.
func (w *world) sell(n int) {
	for range n {
		w.sales++
		id, err := sale.NewID(time.Now(), w.ids)
		require.NoError(w.t, err)
		_, err = w.ledger.Book(sale.Record{ID: id, Kind: sale.KindCashIn, Cash: &sale.CashMove{Amount: sale.Money(w.sales), Reason: "размен"}}, []byte{byte(w.sales)})
		require.NoError(w.t, err)
	}
}

func (w *world) identity() uplink.Identity {
	k := w.office.keys
	return uplink.Identity{
		URL: "http://office:80", Org: org, Till: till, Store: 1, Key: k.till, Cert: k.ownCert, Root: k.root.Public().(ed25519.PublicKey),
	}
}

// start connects the till.
func (w *world) start() { w.startAs(w.identity()) }

func (w *world) startAs(id uplink.Identity) {
	u, err := uplink.New(uplink.Options{
		Identity: id, Ledger: w.ledger, Cache: w.cache, Program: "test 1", Dial: w.net.Host("till").Dial,
		Random: ledgertest.Random(3), Logger: slog.New(slog.DiscardHandler),
		Trust: func(now sale.Time) { w.trusted = append(w.trusted, now) },
	})
	require.NoError(w.t, err)
	w.uplink = u
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- u.Run(ctx) }()
	w.stop = func() {
		cancel()
		require.NoError(w.t, <-done)
	}
}

func (w *world) halt() {
	if w.stop != nil {
		w.stop()
		w.stop = nil
	}
}

// patience is the virtual time after which a test gives up: with nine of ten sessions failing, and five
// minutes between attempts, a backlog takes a day.
const patience = 3 * 24 * time.Hour

// until lets virtual time pass until something is so.
func (w *world) until(what string, so func() bool) {
	w.t.Helper()
	for end := time.Now().Add(patience); !so(); {
		require.True(w.t, time.Now().Before(end), "never: %s; state %+v", what, w.uplink.State())
		w.pass(50 * time.Millisecond)
	}
}

// pass lets virtual time pass. What the test has read of the office until now, it has read before the
// office's goroutines write again; taking the mutex once tells the race detector so.
func (w *world) pass(d time.Duration) {
	w.office.mu.Lock()
	//lint:ignore SA2001 an empty critical section is the point
	w.office.mu.Unlock() //nolint:staticcheck // as above
	<-time.After(d)
	synctest.Wait()
}

// arrived tells that head office holds all of the journal and the till knows it.
func (w *world) arrived() bool {
	return w.ledger.Acked() == w.ledger.Head() && w.uplink.State().Unsent == 0
}

// requireSame holds head office's copy of every epoch against the ledger, byte by byte.
func (w *world) requireSame() {
	w.t.Helper()
	w.office.mu.Lock()
	defer w.office.mu.Unlock()
	for epoch := uint32(1); epoch <= w.ledger.Head().Epoch; epoch++ {
		var mine []sale.Entry
		for at := (sale.Position{Epoch: epoch}); ; {
			got, err := w.ledger.Since(at, 1000, 1<<30)
			require.NoError(w.t, err)
			if len(got) == 0 {
				break
			}
			mine, at.Seq = append(mine, got...), at.Seq+uint64(len(got))
		}
		require.Equal(w.t, len(mine), len(w.office.journal[epoch]), "records of epoch %d", epoch)
		for i := range mine {
			require.Equal(w.t, mine[i], w.office.journal[epoch][i], "record %d/%d", epoch, i+1)
		}
	}
}

func customerKey(no sale.CustomerNo) []byte { return binary.BigEndian.AppendUint64(nil, uint64(no)) }

func customer(t testing.TB, no sale.CustomerNo, name string) sale.Change {
	body, err := sale.Encode(sale.CustomerChange{Customer: sale.Customer{No: no, Name: name, Balance: 12300}})
	require.NoError(t, err)
	return sale.Change{Kind: sale.ChangeCustomer, Key: customerKey(no), Body: body}
}

func ledgerIdentity(id uplink.Identity) ledger.Identity {
	return ledger.Identity{Org: id.Org, Store: id.Store, Till: id.Till}
}
