package agent

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"
	_ "time/tzdata" // stores' zones are data: a till's machine may have none

	"github.com/kopilka/kopilka/drivers"
	"github.com/kopilka/kopilka/ledger"
	"github.com/kopilka/kopilka/ledger/loyalty"
	"github.com/kopilka/kopilka/ledger/sale"
)

// tick is how often the page's ages ("offline 35 min") are made anew.
const tick = 15 * time.Second

// Rules are the settings of one till that its config file holds.
type Rules struct {
	Weights      []WeightPattern
	Tax          drivers.TaxSystem
	Language     string // of what the receipt says beside the fiscal data: "ru" or "en"
	PrintBalance bool
	Quiet        time.Duration // without a touch or a scan, before an update may interrupt an open shift
}

// Options are what a till is made of. Ask, Find and Seal may be nil: then leases are never moved here, head
// office is not asked for sales of other tills, and receipts take no contact and nobody is enrolled.
type Options struct {
	Ledger   *ledger.Ledger
	Clock    *Clock
	Rules    Rules
	Register OpenPrinter                        // nil: another program makes the fiscal receipts, or nobody does
	Printer  OpenSlips                          // nil: no receipt printer beside the register
	Display  OpenDisplay                        // nil: no customer display
	Taken    error                              // wrapped by errors of a port that another program holds; nil: such are not told apart
	Config   string                             // digest of the settings, shown to the doctor; see [Config.Digest]
	Random   io.Reader                          // for IDs and salts
	Ask      func([]sale.CustomerNo)            // asks head office for customers' leases; never waits
	Find     Find                               // asks head office for a sale of another till
	Seal     func(plain []byte) ([]byte, error) // seals personal data to head office
	Log      *slog.Logger
}

// Till owns the sale: one goroutine takes commands, codes and the register's answers in turn.
type Till struct {
	ledger   *ledger.Ledger
	clock    *Clock
	rules    Rules
	random   io.Reader
	ask      func([]sale.CustomerNo)
	seal     func([]byte) ([]byte, error)
	log      *slog.Logger
	ops      chan op
	register *registerLine
	slips    *slipLine      // nil: no receipt printer
	display  *displayLine   // nil: no customer display
	config   string         // see Options
	taken    error          // see Options
	examined sale.FiscalKey // the register's goroutine's own, see readTo
	finder   *finder        // nil: nobody to ask
	viewers  viewers
	shop     shop
	desk     desk
}

// op is one turn of the till's goroutine.
type op struct {
	do    func() error
	reply chan error
}

// shop is what head office told of the store, kept ready for the next scan.
type shop struct {
	settings   sale.Settings
	zone       *time.Location
	staff      []sale.Staff
	programmes []*loyalty.Programme
	rules      *rulebook // of the programme in force; see Till.rulebook
	standing   sale.Standing
}

// desk is the state of the cashier's page.
type desk struct {
	stage     Stage // of the view last published; see Till.stage
	printing  int   // jobs given to the register's line and not ended
	cashier   *sale.Staff
	attempts  attempts
	sale      open
	ret       *openReturn
	done      *DoneView
	unknown   *ledger.Job
	notices   []Notice
	noticeSeq uint64
	network   NetworkView
	register  registerState
	printer   slipState
	display   displayState
	scanners  []DeviceView
	// knownSerial is of the register that was last held against the shift's.
	knownSerial string
	saidOfClock Text       // the last notice about the register's clock
	noMarks     Text       // why this register sells no marked goods; empty: it has not said so
	sold        soldPieces // nil until somebody asks
	staleMarks  bool       // the register may still hold codes of a basket that is gone
	frozen      *Text
	hold        hold
	compared    bool // with the register's storage, since the start
	spoken      bool // head office has, since the start
}

// NewTill makes a till over an enrolled ledger; Run starts it.
func NewTill(o Options) (*Till, error) {
	t := &Till{
		ledger: o.Ledger, clock: o.Clock, rules: o.Rules, random: o.Random, ask: o.Ask, seal: o.Seal, log: o.Log,
		ops: make(chan op), register: newRegisterLine(o.Register),
	}
	if t.log == nil {
		t.log = slog.New(slog.DiscardHandler)
	}
	if o.Find != nil {
		t.finder = newFinder(o.Find)
	}
	if t.ask == nil {
		t.ask = func([]sale.CustomerNo) {}
	}
	t.clock.Floor(o.Ledger.HighWater())
	t.register.seen = func(s registerState) { t.post(func() { t.sawRegister(s) }) }
	t.register.connect, t.register.between = t.recover, t.tend
	t.attach(o)
	// A job that the last run of the program left open is decided before anything else is sold.
	unfinished, err := o.Ledger.Unfinished()
	if err != nil {
		return nil, fmt.Errorf("read the unfinished job: %w", err)
	}
	t.desk.unknown = unfinished
	found, err := t.foundUnsent()
	if err != nil {
		return nil, fmt.Errorf("look for documents that head office does not know: %w", err)
	}
	if found > 0 {
		text := textJournalBehind(found)
		t.desk.frozen = &text
	}
	return t, t.reload()
}

// Run serves until ctx ends; then a running fiscal job is waited for, since leaving it would leave its
// outcome unknown.
func (t *Till) Run(ctx context.Context) error {
	line, stopLine := context.WithCancel(context.WithoutCancel(ctx))
	lineDone := make(chan struct{})
	go func() {
		defer close(lineDone)
		t.serveDevices(line)
	}()
	defer t.viewers.close()
	found, stopFinder := t.startFinder(ctx)
	defer stopFinder()
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	t.publish()
	for stopping := ctx.Done(); ; {
		select {
		case <-stopping:
			stopping = nil
			if t.desk.stage != StagePrinting {
				stopLine()
			}
		case <-lineDone:
			stopLine()
			return ctx.Err()
		case o := <-t.ops:
			err := o.do()
			t.publish()
			o.reply <- err
		case <-t.ledger.Changed():
			t.stateChanged()
			t.publish()
		case a := <-found:
			t.heard(a)
			t.publish()
		case <-ticker.C:
			t.publish()
		case <-t.desk.hold.over:
			t.release()
			t.publish()
		}
		if stopping == nil && t.desk.stage != StagePrinting {
			stopLine()
		}
	}
}

// attach adds what a till may do without.
func (t *Till) attach(o Options) {
	t.taken, t.config = o.Taken, o.Config
	if o.Printer != nil {
		t.slips = &slipLine{open: o.Printer, jobs: make(chan func(context.Context, drivers.SlipPrinter) error, slipsMax)}
		t.slips.seen = func(s slipState) { t.post(func() { t.sawPrinter(s) }) }
	}
	if o.Display != nil {
		t.display = &displayLine{open: o.Display, want: make(chan facing, 1), log: t.log}
		t.display.seen = func(s displayState) { t.post(func() { t.desk.display = s }) }
	}
	if t.noRegister() {
		t.desk.compared = true // there is no storage to compare with
	}
}

// serveDevices runs the goroutine of each device until ctx ends.
func (t *Till) serveDevices(ctx context.Context) {
	var all sync.WaitGroup
	all.Go(func() { t.register.run(ctx) })
	if t.slips != nil {
		all.Go(func() { t.slips.run(ctx) })
	}
	if t.display != nil {
		all.Go(func() { t.display.run(ctx) })
	}
	all.Wait()
}

// startFinder lets head office be asked; stop joins its goroutine.
func (t *Till) startFinder(ctx context.Context) (found <-chan foundSale, stop func()) {
	if t.finder == nil {
		return nil, func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		t.finder.run(ctx)
	}()
	return t.finder.found, func() { cancel(); <-done }
}

// post gives the till's goroutine something to do and waits until it is done. Only the devices'
// goroutines, which Run outlives, call it.
func (t *Till) post(do func()) {
	done := make(chan error, 1)
	t.ops <- op{func() error { do(); return nil }, done}
	if err := <-done; err != nil {
		t.log.Error("a turn that cannot fail has failed", "err", err)
	}
}

// Do carries out a command and answers when it is done, or begun where the register has to print. A
// *Refusal holds the sentence for the cashier.
func (t *Till) Do(ctx context.Context, c Command) error {
	return t.turn(ctx, func() error {
		if err := t.touch(c.Do); err != nil {
			return err
		}
		return t.command(c)
	})
}

// Scan takes a code from a scanner.
func (t *Till) Scan(ctx context.Context, code sale.Code) error {
	return t.turn(ctx, func() error {
		if err := t.touch("scan"); err != nil {
			return t.show(err)
		}
		return t.show(t.scan(code, sale.FoundCard))
	})
}

// ScanFailed shows what a scanner could not read.
func (t *Till) ScanFailed(ctx context.Context, err error) error {
	return t.turn(ctx, func() error { return t.show(err) })
}

// Network tells the till how the link to head office is.
func (t *Till) Network(ctx context.Context, n NetworkView) error {
	return t.turn(ctx, func() error {
		t.desk.network = n
		if n.Online {
			t.desk.frozen, t.desk.spoken = nil, true
		}
		return t.refresh()
	})
}

// Scanner tells the till how a scanner is.
func (t *Till) Scanner(ctx context.Context, d DeviceView) error {
	return t.turn(ctx, func() error {
		for i := range t.desk.scanners {
			if t.desk.scanners[i].Name == d.Name {
				t.desk.scanners[i] = d
				return nil
			}
		}
		t.desk.scanners = append(t.desk.scanners, d)
		return nil
	})
}

func (t *Till) turn(ctx context.Context, do func() error) error {
	reply := make(chan error, 1)
	select {
	case t.ops <- op{do, reply}:
		return <-reply
	case <-ctx.Done():
		return ctx.Err()
	}
}

// show turns the error of something that nobody waits for, a scan, into a notice on the page.
func (t *Till) show(err error) error {
	var r *Refusal
	switch {
	case err == nil:
		t.dropNotices("scan")
		return nil
	case errors.As(err, &r):
		t.notify("error", "scan", r.Text)
	case drivers.HintOf(err).EN != "":
		t.notify("error", "scan", drivers.HintOf(err))
	default:
		t.notify("error", "scan", textInternal())
	}
	return err
}

// now is trusted time as the ledger has it.
func (t *Till) now() sale.Time {
	at, _ := t.ledger.Now()
	return at
}

// reload reads what head office told of the shop.
func (t *Till) reload() error {
	s, err := t.ledger.Settings()
	if err != nil && !errors.Is(err, ledger.ErrNotFound) {
		return err
	}
	staff, err := t.ledger.Staff()
	if err != nil {
		return err
	}
	programmes, err := t.ledger.Programmes()
	if err != nil {
		return err
	}
	zone, err := time.LoadLocation(s.Zone)
	if err != nil {
		zone = time.UTC
	}
	standing, err := t.ledger.Standing()
	if err != nil && !errors.Is(err, ledger.ErrNotFound) {
		return err
	}
	t.shop = shop{settings: s, zone: zone, staff: staff, programmes: programmes, standing: standing, rules: t.shop.rules}
	if t.shop.rules != nil { // a gift may have got another price
		t.shop.rules.gifts = t.giftGoods(t.shop.rules.programme)
	}
	return nil
}

// unread logs what of the ledger could not be read. That it has stopped is said once by who runs the till: each look of
// the page would say so again.
func (t *Till) unread(what string, err error) {
	if !errors.Is(err, ledger.ErrBroken) {
		t.log.Error(what, "err", err)
	}
}

func (t *Till) stateChanged() {
	if err := t.reload(); err != nil {
		t.unread("read head office's state", err)
		return
	}
	if err := t.refresh(); err != nil {
		t.log.Error("reckon the basket anew", "err", err)
	}
}

func (t *Till) programme() *loyalty.Programme {
	return loyalty.Current(t.shop.programmes, t.now(), loyalty.Place{
		Region: t.shop.settings.Region, Store: t.shop.settings.Store, Zone: t.shop.zone,
	})
}

func (t *Till) holder() sale.Holder {
	who, err := t.ledger.Who()
	if err != nil {
		return sale.Holder{}
	}
	return sale.Holder{Store: who.Store, Till: who.Till}
}

func (t *Till) operator() drivers.Operator {
	if t.desk.cashier == nil {
		return drivers.Operator{}
	}
	return drivers.Operator{Name: t.desk.cashier.Name, INN: t.desk.cashier.INN}
}

// refuse makes a sentence an error.
func refuse(text Text, err error) error { return &Refusal{Text: text, Err: err} }
