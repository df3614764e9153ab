package agent

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/drivers"
	"github.com/kopilka/kopilka/drivers/drivertest/world"
	emulator "github.com/kopilka/kopilka/drivers/emulator/shtrih"
	"github.com/kopilka/kopilka/drivers/emulator/storage"
	"github.com/kopilka/kopilka/drivers/port"
	"github.com/kopilka/kopilka/drivers/shtrih"
	"github.com/kopilka/kopilka/ledger"
	"github.com/kopilka/kopilka/ledger/loyalty"
	"github.com/kopilka/kopilka/ledger/sale"
)

// A counter is a real till on a real ledger with the real SHTRIH-M driver, wired in memory to an
// emulated register, so that it runs in a synctest bubble.
type counter struct {
	t   *testing.T
	dir string
	who ledger.Identity
	// attach wires the daemon to what a main wires it to; it returns what ends that.
	attach func(c *counter, clock *Clock) (detach func())
	ask    func([]sale.CustomerNo)
	find   Find
	sealed [][]byte // what was sealed to head office, in plain
	log    *slog.Logger
	reg    *emulator.Register
	device device                                        // what is at the end of the cable: reg, or another world's
	driver func(dial port.Dial) (drivers.Printer, error) // for it
	random *rand.ChaCha8
	ledger *ledger.Ledger
	till   *Till
	stop   func()
	served sync.WaitGroup
	asked  []sale.CustomerNo
	tune   func(*Options) // what this till has beside the usual

	mu     sync.Mutex
	dead   bool       // the till's machine has no power: its cables are dead too
	cables []net.Conn // the device's ends
}

// device is a register as far as a counter plugs a cable in and compares storages.
type device interface {
	Serve(ctx context.Context, conn io.ReadWriteCloser) error
	Close() error
}

// archive is what the device's fiscal storage holds.
func (c *counter) archive() []storage.Document {
	if m, ok := c.device.(world.Machine); ok {
		return m.Archive()
	}
	return c.reg.Documents()
}

func shtrihDriver(dial port.Dial) (drivers.Printer, error) {
	return shtrih.New("front", dial, map[string]string{"protocol": "2"})
}

const (
	testPIN    = "1111"
	managerPIN = "2222"
	testCard   = "2700000000017"
	milkCode   = "4600000000015"
	sugarCode  = "4600000000022"
	vodkaCode  = "4600000000039"
)

var testWho = ledger.Identity{Org: 1, Store: 1, Till: 7}

func newCounter(t *testing.T, seed byte) *counter { return newCounterAt(t, testWho, seed, nil) }

// newCounterAt is a till of its own with, where given, somebody to ask for other tills' sales.
func newCounterAt(t *testing.T, who ledger.Identity, seed byte, find Find) *counter {
	c := makeCounter(t, who, seed, find)
	c.open()
	return c
}

// newCounterWith is a till that is not open yet, with what it has beside the usual.
func newCounterWith(t *testing.T, seed byte, tune func(*Options)) *counter {
	c := makeCounter(t, testWho, seed, nil)
	c.tune = tune
	return c
}

func makeCounter(t *testing.T, who ledger.Identity, seed byte, find Find) *counter {
	c := &counter{t: t, dir: t.TempDir(), who: who, random: rand.NewChaCha8([32]byte{seed}), find: find}
	c.ask = func(no []sale.CustomerNo) { c.asked = append(c.asked, no...) }
	c.attach = func(*counter, *Clock) func() { return func() {} }
	var err error
	c.reg, err = emulator.New(emulator.Options{INN: "7707083893", FNSerial: fmt.Sprintf("99990789%08d", who.Till), OFDDelay: time.Second})
	require.NoError(t, err)
	c.device, c.driver = c.reg, shtrihDriver
	return c
}

// pipePair is a cable in memory.
func pipePair() (host, device net.Conn) { return net.Pipe() }

// pipeTo is another program's cable to a device.
func pipeTo(d device) port.Dial {
	return func(ctx context.Context) (port.Conn, error) {
		host, end := pipePair()
		go func() { _ = d.Serve(context.WithoutCancel(ctx), end) }() // ends with the cable
		return host, nil
	}
}

// open starts the till for the first time, and closes all when the test ends.
func (c *counter) open() {
	c.start()
	c.seed()
	c.t.Cleanup(func() {
		c.stop()
		require.NoError(c.t, c.device.Close())
		c.served.Wait()
	})
}

// dial plugs a fresh cable in. A device that is switched off answers nothing.
func (c *counter) dial(ctx context.Context) (port.Conn, error) {
	host, device := net.Pipe()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.dead {
		return nil, errors.New("the machine is off")
	}
	c.cables = append(c.cables, device)
	c.served.Go(func() { _ = c.device.Serve(context.WithoutCancel(ctx), device) }) // ends with the cable
	return host, nil
}

// start is the daemon's start; the ledger is where the last one left it.
func (c *counter) start() {
	clock := NewClock(time.Now)
	l, err := ledger.Open(filepath.Join(c.dir, "ledger"), ledger.Options{Clock: clock.Now, Random: c.random})
	require.NoError(c.t, err)
	require.NoError(c.t, l.Enrol(c.who))
	c.ledger = l
	options := Options{
		Ledger: l, Clock: clock, Random: c.random,
		Rules: Rules{Weights: []WeightPattern{"21PPPPPWWWWWK"}, Tax: drivers.TaxOSN, Language: "ru", PrintBalance: true},
		Register: func(ctx context.Context) (drivers.Printer, error) {
			return c.driver(c.dial)
		},
		Ask: func(no []sale.CustomerNo) { c.ask(no) }, Find: c.find, Seal: c.seal, Log: c.log,
	}
	if c.tune != nil {
		c.tune(&options)
	}
	c.till, err = NewTill(options)
	require.NoError(c.t, err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- c.till.Run(ctx) }()
	detach := c.attach(c, clock)
	var once sync.Once
	c.stop = func() {
		once.Do(func() {
			detach()
			cancel()
			if err := <-done; !errors.Is(err, context.Canceled) {
				require.NoError(c.t, err)
			}
			_, err := l.Check()
			require.NoError(c.t, err)
			require.NoError(c.t, l.Close())
		})
	}
}

// seal keeps the plain text, so that a test can see what head office will read.
func (c *counter) seal(plain []byte) ([]byte, error) {
	c.sealed = append(c.sealed, plain)
	return append([]byte("sealed:"), plain...), nil
}

func change(t *testing.T, kind sale.ChangeKind, key []byte, version uint64, body any) sale.Change {
	b, err := sale.Encode(body)
	require.NoError(t, err)
	return sale.Change{Kind: kind, Key: key, Version: version, Body: b}
}

func number(no sale.CustomerNo) []byte { return binary.BigEndian.AppendUint64(nil, uint64(no)) }

var testLot = sale.Lot{ID: sale.ID{15: 1}, Account: sale.CustomerAccount(5), Source: sale.ID{15: 9}}

// seed is what head office sends: a small shop and one customer with 300 points on lease here.
func (c *counter) seed() {
	programme := loyalty.Default()
	programme.Version = 1
	lease := sale.LeaseChange{Lots: []sale.Lot{testLot}, Lease: sale.Lease{
		ID: sale.ID{15: 2}, Account: testLot.Account, Holder: sale.Holder{Store: 1, Till: 7}, Parts: []sale.LotAmount{{Lot: testLot.ID, Amount: 30000}},
	}}
	secret := []byte("secret")
	settings := sale.Settings{Org: "Копилка", Store: 1, StoreName: "Магазин 1", Zone: "UTC", CardSecret: secret, Phones: sale.PhoneHash{Salt: []byte("saltsalt"), Passes: 1, KiB: 8}}
	customer := sale.CustomerChange{
		Customer: sale.Customer{No: 5, Name: "Анна П.", Balance: 30000, Home: 1},
		Keys:     []sale.CustomerKey{{Kind: sale.KeyCard, Key: sale.CardKey(secret, testCard)}, {Kind: sale.KeyPhone, Key: settings.Phones.Key("+79001234567")}},
	}
	product := func(v uint64, p sale.Product) sale.Change {
		return change(c.t, sale.ChangeProduct, []byte(p.SKU), v, p)
	}
	staff := func(no sale.StaffNo, name, pin string, role sale.Role) sale.Change {
		salt := []byte("0123456789abcdef")
		return change(c.t, sale.ChangeStaff, binary.BigEndian.AppendUint32(nil, uint32(no)), 1, sale.Staff{No: no, Name: name, Role: role, Salt: salt, PIN: sale.HashPIN(pin, salt)})
	}
	require.NoError(c.t, c.ledger.Apply(1, []sale.Change{
		change(c.t, sale.ChangeSettings, []byte("settings"), 1, settings),
		change(c.t, sale.ChangeProgramme, []byte{0, 0, 0, 1}, 1, programme),
		staff(1, "Иванова Мария", testPIN, sale.RoleCashier), staff(2, "Петров Олег", managerPIN, sale.RoleManager),
		product(1, sale.Product{SKU: "milk", Name: "Молоко 3,2 %", Price: 8990, VAT: sale.VAT10, Subject: sale.SubjectGoods, Codes: []string{milkCode}}),
		product(1, sale.Product{SKU: "sugar", Name: "Сахар", Price: 6450, VAT: sale.VAT10, Subject: sale.SubjectGoods, Codes: []string{sugarCode}}),
		product(1, sale.Product{SKU: "apples", Name: "Яблоки", Price: 12990, VAT: sale.VAT10, Subject: sale.SubjectGoods, Unit: sale.UnitKilogram, Traits: sale.Weighed, Codes: []string{"2100123"}}),
		product(1, sale.Product{SKU: "vodka", Name: "Водка", Price: 45000, MinPrice: 34900, VAT: sale.VAT20, Subject: sale.SubjectExcisable, Traits: sale.AdultOnly, Codes: []string{vodkaCode}}),
		change(c.t, sale.ChangeCustomer, number(5), 1, customer),
		change(c.t, sale.ChangeLease, lease.Lease.ID[:], 1, lease),
	}))
}

func (c *counter) do(cmd Command) error { return c.till.Do(context.Background(), cmd) }

func (c *counter) must(cmds ...Command) {
	c.t.Helper()
	for _, cmd := range cmds {
		require.NoError(c.t, c.do(cmd), "%+v", cmd)
	}
}

func (c *counter) scan(codes ...string) {
	c.t.Helper()
	for _, code := range codes {
		require.NoError(c.t, c.till.Scan(context.Background(), sale.Code{Text: code}), code)
	}
}

// waitLimit is virtual time: a till that has not got there in ten minutes never will.
const waitLimit = 10 * time.Minute

// until waits for a view that holds.
func (c *counter) until(what string, holds func(View) bool) View {
	c.t.Helper()
	views, stop := c.till.Watch()
	defer stop()
	deadline := time.After(waitLimit)
	var last View
	for {
		select {
		case v, open := <-views:
			require.True(c.t, open, "the till stopped while waiting for: %s", what)
			if last = v; holds(v) {
				return v
			}
		case <-deadline:
			require.FailNow(c.t, "never: "+what, "stage %s, notices %+v, register %+v, unknown %+v", last.Stage, last.Notices, last.Register, last.Unknown)
		}
	}
}

func (c *counter) untilStage(s Stage) View {
	c.t.Helper()
	return c.until("stage "+string(s), func(v View) bool { return v.Stage == s })
}

func (c *counter) view() View {
	c.t.Helper()
	return c.until("a view", func(View) bool { return true })
}

// dialled waits for the register, and for what the till asks it first: whether the journal is behind and what the time
// is. The page shows the register before that.
func (c *counter) dialled() View {
	c.t.Helper()
	v := c.until("the register", func(v View) bool { return v.Register.Online })
	synctest.Wait()
	return v
}

// powerBack ends the register's power cut once the till has seen it: until then the page still shows the register
// as it was, and work given to it is told that it does not answer.
func (c *counter) powerBack() {
	c.t.Helper()
	c.until("the register to go", func(v View) bool { return !v.Register.Online })
	c.reg.SetPower(true)
	c.dialled()
}

// openShift brings the till to where a sale can begin.
func (c *counter) openShift() {
	c.t.Helper()
	c.dialled()
	c.must(Command{Do: "sign-in", PIN: testPIN})
	c.must(Command{Do: "open-shift"})
	c.untilStage(StageSale)
}

func cash(amount sale.Money) []sale.Tender {
	return []sale.Tender{{Kind: sale.TenderCash, Amount: amount}}
}

// payCash pays what the page asks for.
func (c *counter) payCash() error {
	c.t.Helper()
	total := c.view().Basket.Total
	return c.do(Command{Do: "pay", Tenders: cash(total), Given: total})
}

// receipts are the storage's documents of one kind.
func (c *counter) receipts(kind sale.DocKind) (out []sale.Fiscal) {
	for _, d := range c.archive() {
		if f := d.Fiscal("", ""); f.Doc == kind {
			out = append(out, f)
		}
	}
	return out
}

// booked are the journal's records of one kind.
func (c *counter) booked(kind sale.RecordKind) (out []*sale.Record) {
	require.NoError(c.t, c.ledger.Walk(false, func(r *sale.Record, _ sale.Entry) bool {
		if r.Kind == kind {
			out = append(out, r)
		}
		return true
	}))
	return out
}

// agree holds the fiscal storage against the journal, document by document.
func (c *counter) agree() {
	c.t.Helper()
	for doc, kind := range map[sale.DocKind]sale.RecordKind{
		sale.DocSale: sale.KindSale, sale.DocSaleReturn: sale.KindReturn, sale.DocShiftOpen: sale.KindShiftOpen, sale.DocShiftClose: sale.KindShiftClose,
	} {
		made, booked := c.receipts(doc), c.booked(kind)
		require.Len(c.t, booked, len(made), "till %d, %s: storage and journal", c.who.Till, kind)
		for i, f := range made {
			require.Equal(c.t, f.Key.FD, booked[i].Fiscal.Key.FD)
			require.Equal(c.t, f.Sign, booked[i].Fiscal.Sign)
			if doc == sale.DocSale || doc == sale.DocSaleReturn {
				require.Equal(c.t, f.Sum, booked[i].Fiscal.Sum)
			}
		}
	}
}

// enrolling takes somebody in by phone, with the consent that [consentRules] asks for.
func enrolling(phone string) Command {
	return Command{Do: "enrol", Phone: phone, Name: "Котов Борис", Consents: []sale.Consent{{Kind: sale.ConsentPersonalData, Version: 3, Given: true}}}
}

// imaged stops the till, takes an image of its disk, and starts it again, with whatever happens meanwhile. restore stops
// it and puts the image back.
func (c *counter) imaged(meanwhile ...func()) (restore func()) {
	c.t.Helper()
	disk, image := filepath.Join(c.dir, "ledger"), filepath.Join(c.t.TempDir(), "image")
	c.stop()
	copyFolder(c.t, disk, image)
	for _, do := range meanwhile {
		do()
	}
	c.start()
	return func() {
		c.t.Helper()
		c.stop()
		copyFolder(c.t, image, disk)
	}
}

// copyFolder keeps an image of the ledger, as a backup program would.
func copyFolder(t *testing.T, from, to string) {
	require.NoError(t, os.RemoveAll(to))
	require.NoError(t, os.CopyFS(to, os.DirFS(from)))
}
