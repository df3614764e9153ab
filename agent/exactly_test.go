package agent

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/drivers"
	"github.com/kopilka/kopilka/drivers/all"
	"github.com/kopilka/kopilka/drivers/drivertest/world"
	"github.com/kopilka/kopilka/drivers/emulator/storage"
	"github.com/kopilka/kopilka/drivers/port"
	"github.com/kopilka/kopilka/ledger/sale"
)

// Exactly once, shown by cutting: each fiscal job of each protocol is done again and again on a real till with
// a real ledger, and each time something breaks one byte later, until nothing is left to break. After every
// cut the fiscal storage and the journal must hold the same documents. All receipts have the same sum, so
// that telling them apart by it would be seen.

// breakage is what happens at the cut.
type breakage string

const (
	lineCloses  breakage = "line closes"  // a cable that the system notices
	lineSilent  breakage = "line silent"  // one that it does not
	deviceDark  breakage = "device dark"  // the register has no power for a while
	daemonDies  breakage = "daemon dies"  // the till's machine has none, and its disk is as it was
	beforeWrite breakage = "before write" // the register's power goes as its storage is about to sign
	afterWrite  breakage = "after write"  // it goes between signing and answering
)

// cutter is a counter whose cables a knife is held to.
type cutter struct {
	*counter
	w       world.World
	machine world.Machine
	knife   *knife
	image   string // the ledger as the machine's death found it
	woken   sync.WaitGroup
	checked int // documents of the storage that were held against the journal
	made    int // jobs that a cut did not keep from being done
}

// darkFor is how long the register's power is away.
const darkFor = 3 * time.Second

func newCutter(t *testing.T, w world.World) *cutter {
	m, err := w.New(world.Options{INN: "7707083893", FN: fmt.Sprintf("99990789%08d", testWho.Till), OFDDelay: time.Second})
	require.NoError(t, err)
	c := &cutter{w: w, machine: m, counter: &counter{
		t: t, dir: t.TempDir(), who: testWho, random: rand.NewChaCha8([32]byte{1}), device: m,
		ask: func([]sale.CustomerNo) {}, attach: func(*counter, *Clock) func() { return func() {} },
	}}
	c.image = filepath.Join(t.TempDir(), "image")
	c.knife = &knife{c: c, left: -1}
	c.driver = func(dial port.Dial) (drivers.Printer, error) {
		return all.Printer(w.Type, "front", func(ctx context.Context) (port.Conn, error) {
			conn, err := dial(ctx)
			if err != nil {
				return nil, err
			}
			return c.knife.link(conn.(net.Conn)), nil
		}, w.Settings)
	}
	c.open()
	c.until("the register", func(v View) bool { return v.Register.Online })
	synctest.Wait() // until journal and storage are compared
	c.signInQuietly()
	return c
}

// signInQuietly puts the cashier to the till without the half second of processor time that a PIN costs.
func (c *cutter) signInQuietly() {
	require.NoError(c.t, c.till.turn(context.Background(), func() error {
		c.till.desk.cashier = &sale.Staff{No: 1, Name: "Иванова Мария", Role: sale.RoleCashier}
		return nil
	}))
}

// dark takes the register's power away for a while.
func (c *cutter) dark() {
	c.machine.SetPower(false)
	c.woken.Go(func() {
		<-time.After(darkFor)
		c.machine.SetPower(true)
	})
}

// die takes the power from the till's machine: nothing goes over its cables, and what its disk holds now is
// what the next start finds. The register's goroutine is the one that writes the ledger in a job, and it is
// here, so the file is at rest.
func (c *cutter) die() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.dead = true
	copyFolder(c.t, filepath.Join(c.dir, "ledger"), c.image)
	for _, cable := range c.cables {
		_ = cable.Close() // a dead machine's cable
	}
	c.cables = nil
}

// revive starts the till's machine again.
func (c *cutter) revive() {
	c.stop()
	copyFolder(c.t, c.image, filepath.Join(c.dir, "ledger"))
	c.mu.Lock()
	c.dead = false
	c.mu.Unlock()
	c.start()
	c.until("the register", func(v View) bool { return v.Register.Online })
	synctest.Wait() // until journal and storage are compared
	c.signInQuietly()
}

// fiscalJob is one kind of job: what brings the till to where it can be done, and the command.
type fiscalJob struct {
	name    string
	signs   bool            // it makes a fiscal document
	prepare func(c *cutter) // unharmed
	do      func(c *cutter) error
}

func tradeIn(c *cutter) {
	c.shift(true)
	c.tidy()
	c.scan(milkCode)
}

var fiscalJobs = []fiscalJob{
	{"sale", true, tradeIn, func(c *cutter) error { return c.payCash() }},
	{"return", true, func(c *cutter) {
		tradeIn(c)
		c.unharmed(c.payCash())
		v := c.view()
		require.Equal(c.t, StageDone, v.Stage, "a sale that nothing was cut in: %+v", v.Notices)
		sold := c.lastSale()
		c.scan(sold.Fiscal.QR())
		c.untilStage(StageReturn)
		c.must(Command{Do: "return-choose", Line: 0, Qty: sale.Piece})
	}, func(c *cutter) error { return c.do(Command{Do: "return-pay"}) }},
	{"correction", true, tradeIn, func(c *cutter) error {
		// The manager's PIN is left out: it costs more of the processor's time than all the rest.
		return c.till.turn(context.Background(), func() error {
			if err := c.till.refresh(); err != nil {
				return err
			}
			r, err := c.till.correction(Command{Day: sale.DateOf(c.till.now(), time.UTC), Reason: "не пробит чек"})
			if err != nil {
				return err
			}
			return c.till.startCorrection(r)
		})
	}},
	{"open shift", true, func(c *cutter) { c.shift(false); c.tidy() }, func(c *cutter) error { return c.do(Command{Do: "open-shift"}) }},
	{"close shift", true, func(c *cutter) { c.shift(true); c.tidy() }, func(c *cutter) error { return c.do(Command{Do: "close-shift"}) }},
	{"cash in", false, func(c *cutter) { c.shift(true); c.tidy() }, func(c *cutter) error {
		return c.do(Command{Do: "cash-in", Amount: 8990, Reason: "размен"})
	}},
	{"cash out", false, func(c *cutter) { c.shift(true); c.tidy(); c.fill() }, func(c *cutter) error {
		return c.do(Command{Do: "cash-out", Amount: 8990, Reason: "инкассация"})
	}},
}

// unharmed waits for a job that nothing is cut in.
func (c *cutter) unharmed(err error) {
	c.t.Helper()
	require.NoError(c.t, err)
	c.rested()
}

// fill sees that the drawer can give what a job takes out.
func (c *cutter) fill() {
	if c.ledger.Tally().Cash < 8990 {
		c.unharmed(c.do(Command{Do: "cash-in", Amount: 100 * 8990, Reason: "размен"}))
	}
}

// shift opens or closes the shift where it is not so already. An old one is closed in time.
func (c *cutter) shift(open bool) {
	c.t.Helper()
	v := c.rested()
	if v.Shift.Open && (!open || v.Shift.Expired || c.old(v)) {
		c.tidy()
		c.unharmed(c.do(Command{Do: "close-shift"}))
		v = c.view()
	}
	if open && !v.Shift.Open {
		c.unharmed(c.do(Command{Do: "open-shift"}))
	}
	require.Equal(c.t, open, c.view().Shift.Open)
}

// shiftAge is when a shift of the suite is closed: cuts take hours of virtual time.
const shiftAge = 20 * time.Hour

func (c *cutter) old(v View) bool { return v.Shift.Expired || v.Now.Sub(v.Shift.Since) > shiftAge }

// tidy leaves an empty counter: what was not sold is taken off.
func (c *cutter) tidy() {
	c.t.Helper()
	v := c.rested()
	for _, p := range v.Parked {
		if c.view().Stage == StageDone {
			c.must(Command{Do: "next"})
		}
		c.must(Command{Do: "clear"}, Command{Do: "recall", ID: p.ID}, Command{Do: "clear"})
	}
	switch c.view().Stage {
	case StageReturn:
		c.must(Command{Do: "return-cancel"})
	case StageDone:
		c.must(Command{Do: "next"})
	case StageSale:
		c.must(Command{Do: "clear"})
	}
}

// rested waits until the register answers and has nothing left to do or to decide.
func (c *cutter) rested() View {
	c.t.Helper()
	for {
		c.until("rest", c.rests)
		synctest.Wait() // a job's end is seen before the link's that it ended by
		if v := c.view(); c.rests(v) {
			return v
		}
	}
}

func (c *cutter) rests(v View) bool {
	j, err := c.ledger.Unfinished()
	return err == nil && j == nil && v.Register.Online && v.Unknown == nil && v.Stage != StagePrinting && !c.knife.limps()
}

func (c *cutter) lastSale() (found *sale.Record) {
	c.t.Helper()
	require.NoError(c.t, c.ledger.Walk(true, func(r *sale.Record, _ sale.Entry) bool {
		if r.Kind == sale.KindSale {
			found = r
		}
		return found == nil
	}))
	require.NotNil(c.t, found)
	return found
}

// journalKinds are the records that stand for a document, by its kind.
var journalKinds = map[sale.DocKind]sale.RecordKind{
	sale.DocSale: sale.KindSale, sale.DocSaleReturn: sale.KindReturn, sale.DocShiftOpen: sale.KindShiftOpen, sale.DocShiftClose: sale.KindShiftClose,
	sale.DocSaleCorrection: sale.KindCorrection,
}

// balance holds storage against journal: the documents since the last look, one record each, in order, sums,
// signs and numbers equal, and no record besides. The drawers are equal too.
func (c *cutter) balance(when string) {
	c.t.Helper()
	docs := c.machine.Archive()
	fresh := docs[c.checked:]
	var booked []*sale.Record
	require.NoError(c.t, c.ledger.Walk(true, func(r *sale.Record, _ sale.Entry) bool {
		if r.Fiscal == nil || r.Fiscal.Key.FD == 0 { // cash, abandoned jobs: no document
			return true
		}
		if c.checked > 0 && r.Fiscal.Key.FD <= docs[c.checked-1].FD {
			return false
		}
		booked = append(booked, r)
		return true
	}))
	var made []storage.Document
	for _, d := range fresh {
		if d.Type != storage.DocRegistration {
			made = append(made, d)
		}
	}
	require.Len(c.t, booked, len(made), "%s: records of the journal for the documents of the storage", when)
	for i, d := range made {
		r, f := booked[len(made)-1-i], d.Fiscal("", "")
		require.Equal(c.t, journalKinds[f.Doc], r.Kind, when)
		require.Equal(c.t, f.Key.FD, r.Fiscal.Key.FD, when)
		require.Equal(c.t, f.Sign, r.Fiscal.Sign, when)
		require.Equal(c.t, f.Doc, r.Fiscal.Doc, when)
		if r.Sale != nil || r.Return != nil {
			require.Equal(c.t, f.Sum, r.Fiscal.Sum, when)
		}
	}
	c.checked = len(docs)
	require.Equal(c.t, c.machine.Cash(), c.ledger.Tally().Cash, "%s: the drawers of register and journal", when)
}

// cut does one job with a cut behind byte n and tells whether the job was long enough to be cut there.
func (c *cutter) cut(j fiscalJob, how breakage, out bool, n int) (struck bool) {
	c.t.Helper()
	j.prepare(c)
	head, had := c.ledger.Head(), len(c.machine.Archive())
	c.knife.arm(how, out, n)
	require.NoError(c.t, j.do(c))
	c.until("rest or death", func(v View) bool { return how == daemonDies && c.knife.hit() || c.rests(v) })
	synctest.Wait()
	struck = c.knife.sheathe()
	if struck && how == daemonDies {
		c.revive()
	}
	c.woken.Wait()
	c.rested()
	if c.ledger.Head() != head && len(c.machine.Archive()) > had {
		c.made++
	}
	c.balance(fmt.Sprintf("%s, %s, %s behind byte %d, to device %v", c.w.Name, j.name, how, n, out))
	return struck
}

// cutsPerCounter bounds how long one till lives: journal and storage grow with every cut.
const cutsPerCounter = 120

// cutAll does the job once for every byte of it, in steps; it tells how many cuts there were, and how many
// documents were made all the same.
func cutAll(t *testing.T, w world.World, j fiscalJob, how breakage, out bool, step int) (cuts, made int) {
	for n, struck := 0, true; struck; {
		synctest.Test(t, func(t *testing.T) {
			c := newCutter(t, w)
			for range cutsPerCounter {
				if struck = c.cut(j, how, out, n); !struck {
					break
				}
				cuts, n = cuts+1, n+step
			}
			made += c.made
		})
		if t.Failed() {
			break
		}
	}
	return cuts, made
}

// stride is how far apart the cuts of an everyday run lie: a prime, so that they fall differently in each job.
const stride = 997

// cutStep is how far apart the cuts lie: KOPILKA_CUT_STEP, and for protocols of JSON KOPILKA_CUT_STEP_WORDY.
func cutStep(t *testing.T, w world.World) int {
	text := os.Getenv("KOPILKA_CUT_STEP")
	if wordy := os.Getenv("KOPILKA_CUT_STEP_WORDY"); w.Wordy && wordy != "" {
		text = wordy
	}
	if text == "" {
		return stride
	}
	n, err := strconv.Atoi(text)
	require.NoError(t, err)
	require.Positive(t, n)
	return n
}

// breakages are what a job meets: everything, or, on an ordinary day, everything in a sale and a broken line in
// the rest.
func breakages(j fiscalJob, step int) []breakage {
	if step >= stride && j.name != "sale" {
		return []breakage{lineCloses}
	}
	return []breakage{lineCloses, lineSilent, deviceDark, daemonDies}
}

// TestExactlyOnce cuts every job of every protocol behind every byte, both ways (KOPILKA_CUT_STEP=1, as
// `make exactly` does; one byte in 997 otherwise), and says how many cuts each protocol has seen.
func TestExactlyOnce(t *testing.T) {
	covered := map[string]bool{}
	var mu sync.Mutex
	counts := map[string]int{}
	t.Run("cuts", func(t *testing.T) {
		for _, w := range world.All() {
			covered[w.Type] = true
			step := cutStep(t, w)
			for _, j := range fiscalJobs {
				for _, how := range breakages(j, step) {
					t.Run(w.Name+"/"+j.name+"/"+string(how), func(t *testing.T) {
						t.Parallel()
						there, madeThere := cutAll(t, w, j, how, true, step)
						back, madeBack := cutAll(t, w, j, how, false, step)
						if j.signs && step == 1 {
							require.Positive(t, madeThere+madeBack, "nothing was ever done")
							require.Less(t, madeThere+madeBack, there+back, "nothing was ever kept from being done")
						}
						mu.Lock()
						defer mu.Unlock()
						counts[w.Name] += there + back
					})
				}
				t.Run(w.Name+"/"+j.name+"/at the write", func(t *testing.T) {
					t.Parallel()
					cutAtWrite(t, w, j)
				})
			}
		}
	})
	for kind := range all.Printers {
		require.True(t, covered[kind], "no world shows that %s is exact", kind)
	}
	for _, w := range world.All() {
		require.Positive(t, counts[w.Name], "%s was never cut", w.Name)
		t.Logf("%s: %d cuts, behind every byte %v", w.Name, counts[w.Name], cutStep(t, w) == 1)
	}
}

// cutAtWrite takes the register's power around the write of its storage; twice each, since the second comes
// after a job of the same sum.
func cutAtWrite(t *testing.T, w world.World, j fiscalJob) {
	synctest.Test(t, func(t *testing.T) {
		c := newCutter(t, w)
		for _, after := range []bool{false, true, false, true} {
			j.prepare(c)
			c.machine.CutAtWrite(after)
			require.NoError(t, j.do(c))
			c.woken.Go(func() {
				<-time.After(darkFor)
				c.machine.SetPower(true)
			})
			c.woken.Wait()
			c.rested()
			c.balance(fmt.Sprintf("%s, %s, power cut after the write %v", w.Name, j.name, after))
		}
	})
}

// TestExactlyOnceDespiteFaults lets each named fault of each protocol strike at each of its first moments.
func TestExactlyOnceDespiteFaults(t *testing.T) {
	for _, w := range world.All() {
		require.NotEmpty(t, w.Faults, w.Name)
		moments := 12
		if cutStep(t, w) >= stride {
			moments = 3
		}
		for _, f := range w.Faults {
			t.Run(w.Name+"/"+f.Name, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					c := newCutter(t, w)
					for n := range moments {
						for _, j := range fiscalJobs[:2] {
							c.struck(j, f, n)
						}
					}
				})
			})
		}
	}
}

// faultFor is longer than any fault keeps a register from working.
const faultFor = time.Minute

// struck does one job with a fault armed, mends everything and balances.
func (c *cutter) struck(j fiscalJob, f world.Fault, n int) {
	j.prepare(c)
	f.Arm(c.machine, n)
	err := j.do(c)
	var refused *Refusal
	if err != nil {
		require.ErrorAs(c.t, err, &refused, "%s %d", f.Name, n)
	}
	<-time.After(faultFor)
	c.machine.SetPower(true)
	c.machine.SetPaper(true)
	c.rested()
	c.balance(fmt.Sprintf("%s, %s, %s %d", c.w.Name, j.name, f.Name, n))
}
