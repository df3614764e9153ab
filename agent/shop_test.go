package agent

import (
	"context"
	"database/sql"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	emulator "github.com/kopilka/kopilka/drivers/emulator/shtrih"
	"github.com/kopilka/kopilka/drivers/shtrih/frame"
	"github.com/kopilka/kopilka/ledger/sale"
)

// histories is how many shops `make test` plays; KOPILKA_HISTORIES asks for more, KOPILKA_SEED for one.
const histories = 60

// TestShop plays shop days full of faults and holds, at the end of each, the fiscal storages against the
// ledgers against head office. A failure prints the seed that repeats it.
func TestShop(t *testing.T) {
	first, count := uint64(1), uint64(histories)
	if n, err := strconv.ParseUint(os.Getenv("KOPILKA_HISTORIES"), 10, 64); err == nil {
		count = n
	}
	if n, err := strconv.ParseUint(os.Getenv("KOPILKA_SEED"), 10, 64); err == nil {
		first, count = n, 1
	}
	var mu sync.Mutex
	total := outcome{}
	t.Run("seeds", func(t *testing.T) {
		for seed := first; seed < first+count; seed++ {
			t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					o := playShop(t, seed)
					mu.Lock()
					defer mu.Unlock()
					total.add(o)
				})
			})
		}
	})
	t.Logf("%d histories: %+v", count, total)
	if count >= histories { // a simulation in which nothing ever goes wrong proves nothing
		require.Positive(t, total.Crashes)
		require.Positive(t, total.Restores)
		require.Positive(t, total.Faults)
		require.Positive(t, total.Cuts)
		require.Positive(t, total.Redeemed)
		require.Positive(t, total.Moved)
		require.Positive(t, total.HOBackups)
		require.Positive(t, total.Enrolled)
		require.Positive(t, total.Elsewhere)
		require.Positive(t, total.Codes)
		require.Positive(t, total.Vouchers)
	}
}

// outcome counts what happened, so that a simulation that tests nothing is seen.
type outcome struct {
	Sales, Returns, Crashes, Restores, Faults, Cuts, HOStarts, Moved, Abandoned, Settled int
	Redeemed                                                                             sale.Points
	Enrolled, Elsewhere, Codes, Vouchers, HOBackups                                      int
}

func (o *outcome) add(p outcome) {
	o.Sales, o.Returns, o.Crashes, o.Restores = o.Sales+p.Sales, o.Returns+p.Returns, o.Crashes+p.Crashes, o.Restores+p.Restores
	o.Faults, o.Cuts, o.HOStarts, o.Moved = o.Faults+p.Faults, o.Cuts+p.Cuts, o.HOStarts+p.HOStarts, o.Moved+p.Moved
	o.Abandoned, o.Settled, o.Redeemed = o.Abandoned+p.Abandoned, o.Settled+p.Settled, o.Redeemed+p.Redeemed
	o.Enrolled, o.Elsewhere, o.Codes, o.Vouchers = o.Enrolled+p.Enrolled, o.Elsewhere+p.Elsewhere, o.Codes+p.Codes, o.Vouchers+p.Vouchers
	o.HOBackups += p.HOBackups
}

const shopSteps = 6

func playShop(t *testing.T, seed uint64) outcome {
	s := newShop(t, seed)
	var o outcome
	defer func() {
		if t.Failed() {
			for _, st := range s.tills {
				t.Logf("seed %d, %s:\n  %s", seed, st.name, strings.Join(st.trace, "\n  "))
			}
		}
	}()
	for _, st := range s.tills {
		st.until("the shop's data", func(v View) bool { return v.Network.Online && v.Register.Online })
		st.until("staff", func(View) bool { staff, err := st.ledger.Staff(); return err == nil && len(staff) > 0 })
		st.ready()
	}
	for range shopSteps {
		for _, st := range s.tills {
			st.step(&o)
		}
		if s.rng.IntN(8) == 0 {
			s.restartHO(&o)
		}
	}
	s.settle(&o)
	s.audit(&o)
	return o
}

// ready signs in and opens a shift, whatever state the till is in.
func (st *shopTill) ready() {
	for range 20 {
		v := st.attend("something to do", func(v View) bool { return v.Stage != StagePrinting && v.Register.Online })
		switch v.Stage {
		case StageSignIn:
			st.signInQuietly()
		case StageShift:
			st.tries(Command{Do: "open-shift"})
		case StageUnknown:
			st.settleUnknown(v)
		case StageDone:
			st.tries(Command{Do: "next"})
		case StageReturn:
			st.tries(Command{Do: "return-cancel"})
		case StageSale:
			return
		}
		st.attend("the command's end", func(v View) bool { return v.Stage != StagePrinting })
	}
	require.FailNow(st.t, "the till cannot be brought to sell", st.view().Stage)
}

// signInQuietly spares thousands of slow PIN hashes; the PIN itself has tests of its own.
func (st *shopTill) signInQuietly() {
	require.NoError(st.t, st.till.turn(context.Background(), func() error {
		if err := st.till.reload(); err != nil {
			return err
		}
		st.till.desk.cashier = &st.till.shop.staff[0]
		return nil
	}))
}

func (st *shopTill) tries(c Command) {
	if err := st.do(c); err != nil {
		st.note("%s: %v", c.Do, err)
	}
}

// settleUnknown does what a manager does: look at the paper.
func (st *shopTill) settleUnknown(v View) {
	if err := st.do(Command{Do: "retry"}); err != nil {
		st.note("retry: %v", err)
	}
	st.attend("an answer", func(v View) bool { return v.Stage != StagePrinting })
}

// step is one customer, with something going wrong now and then. Whatever happens, the sale that the
// customer wanted is in the storage exactly once at its end.
func (st *shopTill) step(o *outcome) {
	st.mishap(o)
	st.ready()
	before := len(st.receipts(sale.DocSale))
	redeem := false
	fill := func() {
		codes := []string{milkCode, sugarCode}
		for range 1 + st.rng.IntN(3) {
			_ = st.till.Scan(context.Background(), sale.Code{Text: codes[st.rng.IntN(2)]})
		}
		if st.rng.IntN(3) > 0 {
			_ = st.till.Scan(context.Background(), sale.Code{Text: shopCard(st.rng.IntN(shopCustomers))})
			redeem = st.rng.IntN(2) == 0
		}
		st.extras(o)
	}
	fill()
	crashed := false
	for attempt := 0; len(st.receipts(sale.DocSale)) == before; attempt++ {
		require.Less(st.t, attempt, 25, "the sale never gets through: %+v", st.view().Notices)
		st.ready()
		v := st.view()
		if len(v.Parked) > 0 && len(v.Basket.Lines) == 0 {
			st.tries(Command{Do: "recall", ID: v.Parked[0].ID})
		} else if len(v.Basket.Lines) == 0 {
			fill()
		}
		if redeem {
			st.tries(Command{Do: "redeem", Points: -1})
		}
		if err := st.do(payment(st.view().Basket)); err != nil {
			st.note("pay: %v", err)
			continue
		}
		if !crashed && st.rng.IntN(8) == 0 { // the power goes while the register works
			crashed = true
			o.Crashes++
			<-time.After(time.Duration(st.rng.IntN(1500)) * time.Millisecond)
			st.note("crash")
			st.crash("")
		}
		st.decided()
	}
	require.Len(st.t, st.receipts(sale.DocSale), before+1, "one sale, one receipt")
	o.Sales++
	switch st.rng.IntN(12) {
	case 0, 1:
		st.giveBack(o)
	case 2:
		st.ready()
		st.bringElsewhere(o)
	}
	if st.image == "" && st.rng.IntN(4) == 0 {
		st.image = filepath.Join(st.dir, "image")
		copyFolder(st.t, filepath.Join(st.dir, "ledger"), st.image)
		st.note("image taken")
	}
}

// attend waits as a cashier does, who sees to the register's power and paper.
func (st *shopTill) attend(what string, holds func(View) bool) View {
	return st.until(what, func(v View) bool {
		if !v.Register.Online || v.Register.Text != nil {
			st.reg.SetPower(true)
			st.reg.SetPaper(true)
		}
		return holds(v)
	})
}

// decided waits until nothing is under way.
func (st *shopTill) decided() {
	st.attend("a decision", func(v View) bool {
		j, err := st.ledger.Unfinished()
		return err == nil && j == nil && v.Register.Online && v.Stage != StagePrinting
	})
}

// mishap arms what will go wrong next.
func (st *shopTill) mishap(o *outcome) {
	net := st.shop.net
	switch st.rng.IntN(12) {
	case 0, 1, 2:
		fault := emulator.RandomFault(st.rng, frame.CmdOpenShift, frame.CmdOpenReceipt, frame.CmdOperation2, frame.CmdClose2)
		st.note("fault: %s", fault)
		st.reg.Inject(fault)
		o.Faults++
	case 3:
		st.note("cable cut")
		net.Cut(st.name, "ho")
		o.Cuts++
	case 4:
		net.Restore(st.name, "ho")
	case 5:
		net.Reset(st.name, "ho")
	case 6:
		st.note("restart")
		st.stop()
		st.start()
	case 7:
		if st.image != "" && !st.restore && !st.shop.restored && st.rng.IntN(2) == 0 {
			st.note("disk restored from the image")
			st.restore = true
			o.Restores++
			st.crash(st.image)
		}
	case 8:
		<-time.After(time.Duration(st.rng.IntN(600)) * time.Second)
	}
}

// giveBack returns the last sale that this till still knows.
func (st *shopTill) giveBack(o *outcome) {
	st.ready()
	sales := st.till.Receipts("", 5)
	for _, r := range sales {
		if r.Kind != "sale" || r.Doc == "" {
			continue
		}
		before := len(st.receipts(sale.DocSaleReturn))
		if st.do(Command{Do: "return-find", ID: r.ID}) != nil {
			return
		}
		if st.do(Command{Do: "return-choose", Line: 0, Qty: sale.Piece}) != nil || st.do(Command{Do: "return-pay"}) != nil {
			st.tries(Command{Do: "return-cancel"})
			return
		}
		st.decided()
		o.Returns += len(st.receipts(sale.DocSaleReturn)) - before
		return
	}
}

// settle lets everything that is under way come to its end, with nothing going wrong any more.
func (s *shop1) settle(o *outcome) {
	for _, st := range s.tills {
		s.net.Restore(st.name, "ho")
		for _, kind := range []emulator.FaultKind{
			emulator.DropByte, emulator.RepeatByte, emulator.CorruptByte, emulator.DelayByte, emulator.CloseAfter, emulator.LoseAnswer,
			emulator.ForgetAnswer, emulator.LateAnswer, emulator.SlowAnswer, emulator.NAKStorm, emulator.NoiseFF, emulator.Busy,
			emulator.ClockJump, emulator.PaperOutAtLine, emulator.PowerOutAtLine, emulator.PowerBeforeWrite, emulator.PowerAfterWrite, emulator.PowerAfterAnswer,
		} {
			st.reg.Disarm(kind)
		}
		st.reg.SetPower(true)
		st.reg.SetPaper(true)
		st.ready()
	}
	s.quiet()
	for _, st := range s.tills {
		st.until("head office has it all", func(v View) bool { return v.Network.Online && st.ledger.Unsent() == 0 })
		o.Abandoned += len(st.booked(sale.KindAbandon))
		o.Moved += len(st.booked(sale.KindRelease))
	}
}

// audit is the proof: money in the storages = money in the ledgers = money at head office, document by
// document; postings add up to zero; nobody spent what was not leased.
func (s *shop1) audit(o *outcome) {
	type doc struct {
		fn  string
		fd  uint32
		sum sale.Money
	}
	storages := map[doc]bool{}
	beliefs := map[string]standing{}
	journals, sales := map[sale.ID][]sale.Posting{}, []*sale.Record{}
	numbers := s.numbers()
	for _, st := range s.tills {
		beliefs[st.name] = st.believes(numbers)
		require.NoError(s.t, st.ledger.Walk(false, func(r *sale.Record, _ sale.Entry) bool {
			if !st.restore && r.Fiscal != nil {
				require.NotEqual(s.t, foundID(r.Fiscal.Key), r.ID, "%s lost a receipt and found it in the storage, though its disk was never restored", st.name)
			}
			journals[r.ID] = r.Postings
			if r.Sale != nil && r.Sale.Programme != 0 {
				sales = append(sales, r)
			}
			return true
		}))
		serial := st.view().Register.FN
		for _, kind := range []sale.DocKind{sale.DocSale, sale.DocSaleReturn} {
			for _, f := range st.receipts(kind) {
				storages[doc{serial, f.Key.FD, f.Sum}] = true
			}
		}
		st.note("audit of stage %s", st.view().Stage)
		st.agree()
	}
	db := s.close()
	defer func() { require.NoError(s.t, db.Close()) }()
	office := map[doc]bool{}
	rows, err := db.Query(`SELECT fn, fd, sum FROM fiscal_docs WHERE doc IN (1, 2)`)
	require.NoError(s.t, err)
	for rows.Next() {
		var d doc
		require.NoError(s.t, rows.Scan(&d.fn, &d.fd, &d.sum))
		require.False(s.t, office[d], "%+v twice at head office", d)
		office[d] = true
	}
	require.NoError(s.t, rows.Err())
	require.Equal(s.t, storages, office, "fiscal storages and head office")
	for _, st := range s.tills {
		require.Equal(s.t, s.knows(db), beliefs[st.name], "what customers have, at head office and at %s", st.name)
	}
	s.samePostings(db, journals)
	s.reckonedAgain(sales)
	require.Zero(s.t, one(s.t, db, `SELECT COUNT(*) FROM (SELECT purse, SUM(amount) AS sum FROM postings GROUP BY purse) AS p WHERE sum <> 0`), "a purse's postings")
	for _, r := range sales {
		o.Codes += len(r.Sale.Codes)
		o.Vouchers += len(r.Sale.Tenders) - 1
	}

	require.EqualValues(s.t, len(storages), one(s.t, db, `SELECT (SELECT COUNT(*) FROM sales) + (SELECT COUNT(*) FROM returns)`), "sales and returns at head office")
	require.Zero(s.t, one(s.t, db, `SELECT COUNT(*) FROM lots WHERE remaining < 0 OR leased < 0 OR leased > remaining`), "lots overspent")
	require.Zero(s.t, one(s.t, db, `SELECT COUNT(*) FROM leases l JOIN lease_parts p ON p.org = l.org AND p.lease = l.id WHERE p.spent > p.amount`), "leases overspent")
	require.Zero(s.t, one(s.t, db, `SELECT COALESCE(SUM(amount), 0) FROM postings`), "postings")
	s.each(db, `SELECT problem FROM parked`, func(scan func(...any) error) error {
		var problem string
		err := scan(&problem)
		require.Empty(s.t, problem, "a record that could not be booked")
		return err
	})
	require.Equal(s.t, one(s.t, db, `SELECT COALESCE(SUM(remaining), 0) FROM lots`), one(s.t, db, `SELECT COALESCE(SUM(amount), 0) FROM postings WHERE kind = 1`), "lots and postings")
	o.Redeemed += sale.Points(one(s.t, db, `SELECT COALESCE(SUM(redeemed), 0) FROM sales`))
}

func one(t *testing.T, db *sql.DB, query string) (n int64) {
	t.Helper()
	require.NoError(t, db.QueryRow(query).Scan(&n), query)
	return n
}
