package cloudtest_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/cloud/cloudtest"
	"github.com/kopilka/kopilka/ledger"
	"github.com/kopilka/kopilka/ledger/loyalty"
	"github.com/kopilka/kopilka/ledger/sale"
	"github.com/kopilka/kopilka/sync/uplink"
)

// What a backlog is made of.
const (
	linesOfSale     = 8
	productsOfShop  = 3000
	salesOfCustomer = 10                 // of a backlog, on average: regulars of a shop that was cut off
	betweenSales    = 20 * time.Second   // on the till's clock
	drainPatience   = 30 * time.Minute   // a machine that is busy with other things is no failure
	storageOfTill   = "9999078900001234" // serial of the fiscal storage
	shopSeed        = 7                  // of all that is made up: the same shop each run
)

// till is a real till without a register: ledger, identity, uplink.
type till struct {
	*ledger.Ledger
	t       testing.TB
	id      uplink.Identity
	at      sale.Time
	random  *rand.ChaCha8
	draw    *rand.Rand
	goods   []sale.Product
	rules   *loyalty.Programme
	fd      uint32
	records []sale.ID
	json    int // bytes of the sales as JSON

	acks     int
	finished chan struct{}
	sent     atomic.Int64
	heard    atomic.Int64
}

// newTill enrols a till over HTTP and opens its ledger.
func newTill(t testing.TB, h *cloudtest.HeadOffice, sales int) *till {
	t.Helper()
	random := rand.NewChaCha8([32]byte{shopSeed})
	id, _, err := uplink.Enrol(t.Context(), filepath.Join(t.TempDir(), "identity.json"), uplink.Enrolment{
		URL: h.URL, Code: h.Code(1).String(), Name: "касса 1", Program: "bench 1", Client: http.DefaultClient, Random: random,
	})
	require.NoError(t, err)
	x := &till{
		t: t, id: id, random: random, draw: rand.New(random), rules: loyalty.Default(), finished: make(chan struct{}),
		at: sale.At(time.Now().Add(-time.Duration(sales+1) * betweenSales)),
	}
	x.goods = x.stock()
	x.Ledger, err = ledger.Open(t.TempDir(), ledger.Options{Clock: x.clock, Random: random})
	require.NoError(t, err)
	t.Cleanup(func() {
		_, err := x.Check()
		require.NoError(t, err)
		require.NoError(t, x.Close())
	})
	require.NoError(t, x.Enrol(ledger.Identity{Org: id.Org, Store: id.Store, Till: id.Till}))
	return x
}

func (x *till) clock() (sale.Time, sale.TimeQuality) { return x.at, sale.TimeHeadOffice }

// stock is a grocery's goods: names that share words and differ in the rest, as in life.
func (x *till) stock() []sale.Product {
	kinds := []string{"Молоко", "Кефир", "Сыр", "Хлеб", "Батон", "Колбаса", "Сосиски", "Печенье", "Чай", "Кофе", "Сок", "Вода", "Макароны", "Рис", "Гречка", "Масло"}
	makers := []string{"Домик в деревне", "Простоквашино", "Вкуснотеево", "Красная цена", "Фермерское", "Сибирское", "Утренняя заря", "Луговое"}
	packs := []string{"0,5 л", "1 л", "200 г", "350 г", "450 г", "900 г", "1 кг", "6 шт"}
	out := make([]sale.Product, productsOfShop)
	for i := range out {
		out[i] = sale.Product{
			SKU:   sale.SKU(fmt.Sprintf("%06d", 100000+i*7)),
			Name:  fmt.Sprintf("%s «%s» %s арт. %d", kinds[i%len(kinds)], makers[x.draw.IntN(len(makers))], packs[x.draw.IntN(len(packs))], i),
			Price: sale.Money(1990 + x.draw.IntN(60000)), VAT: sale.VAT10, Subject: sale.SubjectGoods,
			Codes: []string{fmt.Sprintf("46%011d", x.draw.Uint64N(1e11))},
		}
	}
	return out
}

// sell books so many sales: quoted, drafted and journalled by the same code as at a counter. Only the
// register is missing: its answer is made up.
func (x *till) sell(sales int) {
	x.t.Helper()
	for range sales {
		x.at += sale.Time(betweenSales.Milliseconds())
		draft := x.draft(sale.CustomerNo(1 + x.draw.IntN(max(1, sales/salesOfCustomer))))
		r, err := x.Book(draft, nil)
		require.NoError(x.t, err)
		b, err := json.Marshal(r)
		require.NoError(x.t, err)
		x.json += len(b)
		x.records = append(x.records, r.ID)
	}
}

func (x *till) draft(no sale.CustomerNo) sale.Record {
	id, err := sale.NewID(x.at.Time(), x.random)
	require.NoError(x.t, err)
	lines := make([]sale.Line, linesOfSale)
	for i := range lines {
		p := x.goods[x.draw.IntN(len(x.goods))]
		lines[i] = sale.Line{Product: p, Qty: sale.Piece * sale.Qty(1+x.draw.IntN(3)), Code: p.Codes[0]}
	}
	q, err := x.rules.Quote(loyalty.Request{Lines: lines, At: x.at, Buyer: &loyalty.Buyer{No: no}})
	require.NoError(x.t, err)
	require.NotZero(x.t, q.Earned)
	r, err := ledger.NewSale{
		ID: id, At: x.at, Staff: 1, Quote: q, Programme: x.rules, Customer: sale.Customer{No: no},
		Holder: sale.Holder{Store: x.id.Store, Till: x.id.Till}, Tenders: []sale.Tender{{Kind: sale.TenderCard, Amount: q.Total}},
	}.Draft()
	require.NoError(x.t, err)
	x.fd++
	r.Shift = 1 + x.fd/1000
	r.Fiscal = &sale.Fiscal{
		Kind: sale.FiscalOwn, Key: sale.FiscalKey{FN: storageOfTill, FD: x.fd}, Sign: x.draw.Uint32(), Shift: r.Shift, Receipt: x.fd % 1000,
		Doc: sale.DocSale, Sum: q.Total, Stamp: sale.StampOf(x.at.Time()), Register: "emulator",
	}
	return r
}

// Confirm counts head office's acknowledgements: each is one transaction there.
func (x *till) Confirm(have sale.Position) error {
	err := x.Ledger.Confirm(have)
	x.acks++
	if have == x.Head() {
		close(x.finished)
	}
	return err
}

// countedConn counts what crosses the wire, websocket frames and handshake included.
type countedConn struct {
	net.Conn
	sent, heard *atomic.Int64
}

func (c countedConn) Write(b []byte) (int, error) {
	n, err := c.Conn.Write(b)
	c.sent.Add(int64(n))
	return n, err
}

func (c countedConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.heard.Add(int64(n))
	return n, err
}

func counted(sent, heard *atomic.Int64) func(ctx context.Context, network, address string) (net.Conn, error) {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := new(net.Dialer).DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return countedConn{conn, sent, heard}, nil
	}
}

// drain runs the real uplink until head office has acknowledged everything, and answers how long that took.
func (x *till) drain() time.Duration {
	x.t.Helper()
	u, err := uplink.New(uplink.Options{
		Identity: x.id, Ledger: x, Cache: x.t.TempDir(), Program: "bench 1", Random: x.random,
		Dial: counted(&x.sent, &x.heard), Logger: slog.New(slog.DiscardHandler),
	})
	require.NoError(x.t, err)
	ctx, stop := context.WithTimeout(x.t.Context(), drainPatience)
	defer stop()
	done := make(chan error, 1)
	start := time.Now()
	go func() { done <- u.Run(ctx) }()
	select {
	case <-x.finished:
	case <-ctx.Done():
		require.Fail(x.t, "the backlog never arrived", "%+v", u.State())
	}
	took := time.Since(start)
	stop()
	require.NoError(x.t, <-done)
	return took
}
