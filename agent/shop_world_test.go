package agent

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/cloud/hub"
	"github.com/kopilka/kopilka/cloud/programme"
	"github.com/kopilka/kopilka/cloud/store"
	emulator "github.com/kopilka/kopilka/drivers/emulator/shtrih"
	"github.com/kopilka/kopilka/ledger"
	"github.com/kopilka/kopilka/ledger/sale"
	"github.com/kopilka/kopilka/sync/linktest"
	"github.com/kopilka/kopilka/sync/uplink"
	"github.com/kopilka/kopilka/sync/wire"
)

// A shop is head office and its tills in one process: real daemons, ledgers, drivers, hub and database,
// emulated registers, and a network in memory. All of it lives in one synctest bubble, one seed decides
// everything that chance decides.
type shop1 struct {
	t         *testing.T
	rng       *rand.Rand
	net       *linktest.Network
	file      string
	store     *store.Store
	org       sale.OrgNo
	hub       *hub.Hub
	office    *programme.Office
	tills     []*shopTill
	customers []sale.CustomerNo
	codes     []string // single-use, for everybody to try
	vouchers  []string // codes of gift certificates
	backup    string   // head office's database of some time ago
	restored  bool     // it was brought back; what a till's disk has lost as well then, nobody knows
	stopHO    func()
	random    *rand.ChaCha8
	counter   bool // points are counter-provision in this shop
}

// shopTill is one till of the shop with its actor's own randomness.
type shopTill struct {
	*counter
	shop    *shop1
	name    string
	rng     *rand.Rand
	id      uplink.Identity
	image   string // an older image of the ledger, to be restored later
	noting  sync.Mutex
	trace   []string
	uplink  *uplink.Uplink
	restore bool // an image was brought back: what was spent since is head office's to tell
}

const (
	statusEvery   = 30 * time.Second // as the daemon tells how it is
	shopTills     = 2
	shopCustomers = 4
	shopOpening   = sale.Points(50000) // each customer's points at the beginning
	hoPort        = "80"
)

var (
	pinSalt = []byte("0123456789abcdef")
	// managerHash is slow on purpose, and the same in every shop.
	managerHash = sync.OnceValue(func() []byte { return sale.HashPIN(managerPIN, pinSalt) })
)

func shopCard(i int) string { return fmt.Sprintf("27000000%04d", i) }

func newShop(t *testing.T, seed uint64) *shop1 {
	s := &shop1{
		t: t, rng: rand.New(rand.NewPCG(seed, 1)), net: linktest.New(seed), file: t.TempDir(),
		random: rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8), 1}), counter: seed%2 == 1,
	}
	s.openHO()
	s.seed()
	s.runHO()
	for i := range shopTills {
		s.tills = append(s.tills, s.newTill(i, seed))
	}
	return s
}

// startHO is head office's start after a restart.
func (s *shop1) startHO() {
	s.openHO()
	s.runHO()
}

// restartHO ends head office and starts it again: as it was, or now and then from a backup that was taken while it
// served.
func (s *shop1) restartHO(o *outcome) {
	o.HOStarts++
	restore := s.backup != "" && !slices.ContainsFunc(s.tills, func(st *shopTill) bool { return st.restore })
	if s.backup == "" && s.rng.IntN(2) == 0 {
		s.backup = filepath.Join(s.t.TempDir(), "backup.db")
		require.NoError(s.t, s.store.Backup(context.Background(), s.backup))
	}
	s.stopHO()
	if restore {
		o.HOBackups++
		s.restored = true
		_, err := store.Restore(context.Background(), s.backup, s.file, time.Now)
		require.NoError(s.t, err)
	}
	s.startHO()
}

func (s *shop1) openHO() {
	var err error
	s.store, err = store.Open(context.Background(), s.file, time.Now)
	require.NoError(s.t, err)
	s.office = programme.New(programme.Options{Store: s.store, Stale: store.ErrStale, Now: time.Now, Logger: slog.New(slog.DiscardHandler)})
}

func (s *shop1) runHO() {
	ctx, cancel := context.WithCancel(context.Background())
	log := slog.New(slog.DiscardHandler)
	office := s.office
	s.hub = hub.New(hub.Options{Store: s.store, Leases: office, Now: time.Now, Random: rand.NewChaCha8([32]byte{byte(s.rng.Uint64()), 9}), Logger: log})
	l, err := s.net.Host("ho").Listen(hoPort)
	require.NoError(s.t, err)
	server := &http.Server{Handler: s.hub.Handler(), BaseContext: func(net.Listener) context.Context { return ctx }, ReadHeaderTimeout: time.Minute}
	var running sync.WaitGroup
	running.Go(func() { _ = s.hub.Run(ctx) })
	running.Go(func() { _ = office.Run(ctx, s.org) })
	running.Go(func() { _ = server.Serve(l) })
	s.stopHO = func() {
		cancel()
		require.NoError(s.t, server.Close())
		running.Wait()
		require.NoError(s.t, s.store.Close())
	}
}

func (s *shop1) seed() {
	ctx := context.Background()
	var err error
	s.org, err = s.store.CreateOrg(ctx, "Копилка", s.random)
	require.NoError(s.t, err)
	s.cheapPhones()
	rules := shopRules()
	rules.Counter = s.counter
	body, err := rules.Encode()
	require.NoError(s.t, err)
	require.NoError(s.t, s.store.PutProgramme(ctx, s.org, 1, 0, body, "seed", ""))
	for i := range shopTills {
		require.NoError(s.t, s.store.PutShop(ctx, s.org, store.Shop{No: sale.StoreNo(i + 1), Name: fmt.Sprintf("Магазин %d", i+1), Zone: "Europe/Moscow"}))
	}
	require.NoError(s.t, s.store.PutStaff(ctx, s.org, sale.Staff{No: 1, Name: "Петров Олег", Role: sale.RoleManager, Salt: pinSalt, PIN: managerHash()}))
	require.NoError(s.t, s.store.PutProducts(ctx, s.org, []sale.Product{
		{SKU: "milk", Name: "Молоко", Price: 8990, VAT: sale.VAT10, Subject: sale.SubjectGoods, Codes: []string{milkCode}},
		{SKU: "sugar", Name: "Сахар", Price: 6450, VAT: sale.VAT10, Subject: sale.SubjectGoods, Codes: []string{sugarCode}},
	}))
	for i := range shopCustomers {
		no, err := s.store.PutPerson(ctx, s.org, store.Person{Name: fmt.Sprintf("Покупатель %d", i), Cards: []string{shopCard(i)}, Home: sale.StoreNo(i%shopTills + 1)})
		require.NoError(s.t, err)
		require.NoError(s.t, s.office.AdjustPoints(ctx, s.org, sale.DeriveID(sale.ID{1}, "opening", i), no, shopOpening, "opening", "seed"))
		s.customers = append(s.customers, no)
	}
	s.codes, err = s.store.MakeCodes(ctx, s.org, shopCampaign, shopCodes, nil, "seed", s.random)
	require.NoError(s.t, err)
	s.vouchers, err = s.store.IssueCertificates(ctx, s.org, "seed", shopVouchers, shopVoucherSum, 0, "seed", s.random)
	require.NoError(s.t, err)
}

func (s *shop1) newTill(i int, seed uint64) *shopTill {
	moscow, err := time.LoadLocation("Europe/Moscow")
	require.NoError(s.t, err)
	st := &shopTill{shop: s, name: fmt.Sprintf("till%d", i), rng: rand.New(rand.NewPCG(seed, uint64(i)+100))}
	random := rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8), byte(seed >> 16), byte(i), 7})
	st.counter = &counter{t: s.t, dir: s.t.TempDir(), random: random, log: slog.New(slog.NewTextHandler(tracer{st}, nil))}
	code, err := s.store.NewCode(context.Background(), s.org, sale.StoreNo(i+1), 0, "seed", s.random)
	require.NoError(s.t, err)
	client := &http.Client{Transport: &http.Transport{DialContext: s.net.Host(st.name).Dial}}
	var settings sale.Settings
	st.id, settings, err = uplink.Enrol(context.Background(), filepath.Join(st.dir, "identity.json"), uplink.Enrolment{
		URL: "http://ho:" + hoPort, Code: code.String(), Name: st.name, Program: "test", Client: client, Random: random,
	})
	require.NoError(s.t, err)
	client.CloseIdleConnections()
	st.who = ledger.Identity{Org: st.id.Org, Store: st.id.Store, Till: st.id.Till}
	st.reg, err = emulator.New(emulator.Options{
		INN: "7707083893", FNSerial: fmt.Sprintf("99990789%08d", i), OFDDelay: time.Second, LineTime: 10 * time.Millisecond,
		Now: func() time.Time { return time.Now().In(moscow) },
	})
	require.NoError(s.t, err)
	st.device, st.driver = st.reg, shtrihDriver
	st.ask = func(no []sale.CustomerNo) { st.uplink.Ask(no...) }
	st.attach = st.connect
	st.start()
	require.NoError(s.t, st.ledger.SetSettings(settings))
	return st
}

// connect wires a daemon to head office, as the main does.
func (st *shopTill) connect(c *counter, clock *Clock) (detach func()) {
	random := rand.NewChaCha8([32]byte{byte(st.rng.Uint64()), 3})
	var err error
	st.uplink, err = uplink.New(uplink.Options{
		Identity: st.id, Ledger: c.ledger, Cache: filepath.Join(c.dir, "chunks"), Program: "test", Trust: clock.Trust,
		Dial: st.shop.net.Host(st.name).Dial, Random: random, Logger: slog.New(slog.DiscardHandler),
	})
	require.NoError(c.t, err)
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	up, till := st.uplink, c.till
	running.Go(func() { _ = up.Run(ctx) })
	running.Go(func() {
		for {
			s := up.State()
			if err := till.Network(ctx, NetworkView{Online: s.Online, Since: sale.At(s.Since)}); err != nil {
				return
			}
			generation, err := c.ledger.Generation()
			if err != nil {
				return // closed
			}
			up.SendStatus(wire.Status{At: sale.At(time.Now()), Unsent: c.ledger.Unsent(), Generation: generation})
			select {
			case <-ctx.Done():
				return
			case <-up.Changed():
			case <-time.After(statusEvery):
			}
		}
	})
	return func() {
		cancel()
		running.Wait()
	}
}

func (st *shopTill) note(format string, args ...any) {
	st.noting.Lock()
	defer st.noting.Unlock()
	st.trace = append(st.trace, fmt.Sprintf("%s "+format, append([]any{time.Now().Format("15:04:05.000")}, args...)...))
}

// crash takes the till's power away: its cables are dead at once, what its disk held at that moment is
// what it starts with. An older image instead of that is a restored disk.
func (st *shopTill) crash(image string) {
	st.mu.Lock()
	st.dead = true
	cables := st.cables
	st.cables = nil
	st.mu.Unlock()
	for _, c := range cables {
		_ = c.Close() // the other end may be closed already
	}
	st.shop.net.Cut(st.name, "ho")
	st.shop.net.Reset(st.name, "ho")
	at := filepath.Join(st.dir, "at-crash")
	copyFolder(st.t, filepath.Join(st.dir, "ledger"), at)
	st.stop()
	if image == "" {
		image = at
	}
	copyFolder(st.t, image, filepath.Join(st.dir, "ledger"))
	st.mu.Lock()
	st.dead = false
	st.mu.Unlock()
	st.start()
	st.shop.net.Restore(st.name, "ho")
}

// close ends everything and hands the database over for the last questions.
func (s *shop1) close() *sql.DB {
	for _, st := range s.tills {
		st.stop()
		require.NoError(s.t, st.reg.Close())
		st.served.Wait()
	}
	s.stopHO()
	return s.books()
}

// cheapPhones spares the memory-hard hash of every phone that enrols; its cost has a benchmark of its own.
func (s *shop1) cheapPhones() {
	db := s.books()
	_, err := db.Exec(`UPDATE orgs SET phone_kib = 8`)
	require.NoError(s.t, errors.Join(err, db.Close()))
}

// books is head office's database, read past its program.
func (s *shop1) books() *sql.DB {
	db, err := sql.Open("sqlite", filepath.Join(s.file, "kopilka.db")+"?_pragma=busy_timeout(5000)")
	require.NoError(s.t, err)
	return db
}

// tracer keeps a daemon's log for the history of a failed seed.
type tracer struct{ st *shopTill }

func (t tracer) Write(b []byte) (int, error) {
	t.st.noting.Lock()
	defer t.st.noting.Unlock()
	t.st.trace = append(t.st.trace, strings.TrimSpace(string(b)))
	return len(b), nil
}
