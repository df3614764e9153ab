package main

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"net"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/crypto/nacl/box"

	"github.com/kopilka/kopilka/agent"
	"github.com/kopilka/kopilka/agent/desk"
	"github.com/kopilka/kopilka/drivers/capture"
	"github.com/kopilka/kopilka/drivers/port"
	"github.com/kopilka/kopilka/ledger"
	"github.com/kopilka/kopilka/ledger/sale"
	"github.com/kopilka/kopilka/sync/uplink"
)

// Files in the data folder.
const (
	identityFile = "identity.json"
	tokenFile    = "notice.token"
	ledgerFolder = "ledger"
	chunkFolder  = "chunks"
)

// statusEvery is how often head office hears how this till is, when nothing changes.
const statusEvery = time.Minute

// Program is the whole daemon; tests start it too.
type Program struct {
	config   agent.Config
	log      *slog.Logger
	ledger   *ledger.Ledger
	clock    *agent.Clock
	till     *agent.Till
	uplink   *uplink.Uplink
	scanners []scannerPort
	register *registerPort
	ring     *capture.Ring // nil: nothing is written down

	slipLog, displayLog *capture.Recorder // nil: neither is written down
	listener            net.Listener
	desk                *desk.Desk
	updates             *updating // nil: this till takes none
	progress            *progress
	level               *logLevel // nil: the log has one level for ever
	metrics             *metrics  // nil: none are offered
	patience            patience  // with a ledger that has stopped
	path                string    // of the config; empty: it is what it was at the start
}

// NewProgram makes the daemon in the order in which its parts need each other; nothing runs yet but the
// page's port is taken, so that a second copy fails at once.
func NewProgram(c agent.Config, log *slog.Logger) (*Program, error) {
	p := &Program{config: c, log: log, clock: agent.NewClock(time.Now), patience: patience{ledgerLook, ledgerLast}}
	if h, ok := log.Handler().(*logHandler); ok {
		p.level = h.level
	}
	if err := p.open(); err != nil {
		return nil, errors.Join(err, p.close())
	}
	return p, nil
}

func (p *Program) open() error {
	c := p.config
	devices, err := p.devices()
	if err != nil {
		return err
	}
	id, err := uplink.Load(filepath.Join(c.Data, identityFile))
	if err != nil {
		return err
	}
	if c.HeadOffice.URL != "" {
		id.URL = c.HeadOffice.URL
	}
	if p.listener, err = desk.Listen(c.Page); err != nil {
		return err
	}
	if p.ledger, err = ledger.Open(filepath.Join(c.Data, ledgerFolder), ledger.Options{
		Clock: p.clock.Now, Random: rand.Reader, Program: "kopilka-agent " + version,
	}); err != nil {
		return err
	}
	if err := p.ledger.Enrol(ledger.Identity{Org: id.Org, Store: id.Store, Till: id.Till}); err != nil {
		return err
	}
	p.uplink, err = uplink.New(uplink.Options{
		Identity: id, Ledger: p.ledger, Cache: filepath.Join(c.Data, chunkFolder), Program: "kopilka-agent " + version,
		Trust: p.clock.Trust, Logger: p.log,
	})
	if err != nil {
		return err
	}
	if err := p.startCapture(); err != nil {
		return err
	}
	if err := p.makeTill(id, devices); err != nil {
		return err
	}
	p.makeUpdates(id)
	p.makeProgress()
	if p.config.Metrics != "" {
		if p.metrics, err = newMetrics(p.config, p.ledger, p.lastView); err != nil {
			return err
		}
	}
	return p.makeDesk()
}

func (p *Program) makeTill(id uplink.Identity, d openers) error {
	quiet, err := p.config.Updates.QuietFor()
	if err != nil {
		return err
	}
	p.till, err = agent.NewTill(agent.Options{
		Ledger: p.ledger, Clock: p.clock, Register: d.register, Printer: d.printer, Display: d.display, Taken: port.ErrBusy, Random: rand.Reader, Log: p.log, Config: p.config.Digest(),
		Rules: agent.Rules{
			Weights: p.config.Weights, Tax: agent.Taxes[p.config.Register.Tax], Language: p.config.Receipt.Language, PrintBalance: p.config.Receipt.Balance,
			Quiet: quiet,
		},
		Ask:  func(customers []sale.CustomerNo) { p.uplink.Ask(customers...) },
		Find: p.uplink.Find,
		Seal: func(plain []byte) ([]byte, error) { return box.SealAnonymous(nil, plain, &id.Seal, rand.Reader) },
	})
	return err
}

func (p *Program) makeDesk() error {
	token, err := desk.NoticeToken(filepath.Join(p.config.Data, tokenFile))
	if err != nil {
		return err
	}
	o := desk.Options{Till: timedTill{p.till, p.metrics}, Lang: p.config.Language, Logger: p.log, NoticeToken: token, Doctor: p.examine, Health: p.health, Hold: p.till.Hold}
	if p.level != nil { // an interface around nil would not be nil
		o.Log = p.level
	}
	p.desk = desk.New(o)
	return nil
}

// URL is the cashier's page.
func (p *Program) URL() string { return "http://" + p.listener.Addr().String() + "/" }

// Run serves until ctx ends. The page goes first, then devices and head office, the till last, since it
// may have to see a receipt through; the ledger is closed when nothing can write any more.
func (p *Program) Run(ctx context.Context) error {
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	p.log.Info("started", "version", version, "page", p.URL(), "data", p.config.Data)
	tillDone := make(chan error, 1)
	go func() { tillDone <- p.till.Run(ctx) }()
	var others sync.WaitGroup
	slept := wakesOf(ctx)
	others.Go(func() { p.serveDesk(ctx) })
	others.Go(func() { slept.each(ctx, p.woke) })
	others.Go(func() { slept.through(ctx, p.runUplink) })
	others.Go(func() { p.tellNetwork(ctx) })
	others.Go(func() { p.tellHeadOffice(ctx) })
	others.Go(func() { p.progress.run(ctx) })
	others.Go(func() { p.mindLedger(ctx, end) })
	if p.updates != nil {
		others.Go(func() { p.updates.run(ctx) })
	}
	if p.metrics != nil {
		others.Go(func() { p.serveMetrics(ctx) })
	}
	for _, s := range p.scanners {
		others.Go(func() { slept.through(ctx, func(ctx context.Context) { p.scan(ctx, s) }) })
	}
	err := <-tillDone
	others.Wait()
	p.log.Info("stopped")
	if errors.Is(err, context.Canceled) {
		err = nil
	}
	if cause := context.Cause(ctx); errors.Is(cause, ledger.ErrBroken) {
		err = errors.Join(cause, err)
	}
	return errors.Join(err, p.close())
}

func (p *Program) close() error {
	var errs []error
	if p.level != nil {
		p.level.close()
	}
	if p.ledger != nil {
		errs = append(errs, p.ledger.Close())
	}
	if p.ring != nil {
		if err := p.ring.Close(); err != nil {
			p.log.Warn("the capture of devices stopped", "err", err) // the till has sold without it
		}
	}
	if p.metrics != nil {
		if err := p.metrics.listener.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
			errs = append(errs, err)
		}
	}
	if p.listener != nil {
		if err := p.listener.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

func (p *Program) serveDesk(ctx context.Context) {
	if err := p.desk.Serve(ctx, p.listener); err != nil && ctx.Err() == nil {
		p.log.Error("the cashier's page stopped", "err", err)
	}
}

func (p *Program) serveMetrics(ctx context.Context) {
	if err := p.metrics.run(ctx); err != nil && ctx.Err() == nil {
		p.log.Error("the metrics stopped", "err", err)
	}
}

func (p *Program) runUplink(ctx context.Context) {
	if err := p.uplink.Run(ctx); err != nil && ctx.Err() == nil {
		p.log.Error("the link to head office stopped", "err", err)
	}
}
