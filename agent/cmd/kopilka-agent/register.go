package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/kopilka/kopilka/agent"
	"github.com/kopilka/kopilka/drivers"
	"github.com/kopilka/kopilka/drivers/all"
	"github.com/kopilka/kopilka/drivers/capture"
	"github.com/kopilka/kopilka/drivers/port"
)

const (
	// identifyMax is for the first answer of a register that is there.
	identifyMax = 10 * time.Second
	// walkMax bounds a search for a register that has moved, walkEvery how often one is begun: the till dials
	// every few seconds, and each look at a port disturbs what is on it.
	walkMax   = 30 * time.Second
	walkEvery = 30 * time.Second
)

// registerPort opens the register of the config. Where the config names the register's own number, another
// register is refused and the right one looked for on the other ports of its kind.
type registerPort struct {
	config   agent.RegisterConfig
	log      *slog.Logger
	recorder *capture.Recorder // nil: nothing is written down
	list     func(ctx context.Context) ([]port.Found, error)
	exclude  []string                        // ports of other devices
	holders  func(path string) []string      // nil: nobody can tell
	dial     func(string) (port.Dial, error) // nil: as the config says
	now      func() time.Time

	mu     sync.Mutex // guards what follows, which the doctor asks for; never held across I/O
	at     string     // where the register was seen last; empty: as in the config
	walked time.Time
}

// address is where the register is dialled.
func (r *registerPort) address() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.at != "" {
		return r.at
	}
	return r.config.Port
}

// moved is where the register was found, empty while it is where the config says.
func (r *registerPort) moved() string {
	if at := r.address(); at != r.config.Port {
		return at
	}
	return ""
}

// open is an agent.OpenPrinter.
func (r *registerPort) open(ctx context.Context) (drivers.Printer, error) {
	p, err := r.create(r.address())
	if err != nil || r.config.Serial == "" {
		return p, err
	}
	id, err := identify(ctx, p)
	if err == nil && sameSerial(id.Serial, r.config.Serial) {
		return p, nil
	}
	if closed := p.Close(); closed != nil {
		r.log.Debug("close a register that is not ours", "err", closed)
	}
	if err != nil && drivers.FailOf(err) != drivers.FailLink {
		return nil, err
	}
	if at := r.walk(ctx); at != "" {
		r.settle(at)
		return r.create(at)
	}
	r.settle(r.config.Port)
	if err != nil {
		return nil, err
	}
	return nil, r.stranger(id)
}

// settle notes where the register is, and says so once.
func (r *registerPort) settle(at string) {
	before := r.address()
	r.mu.Lock()
	r.at = at
	r.mu.Unlock()
	if at != before {
		r.log.Warn("the register answers on another port", "serial", r.config.Serial, "was", before, "is", at)
	}
}

func identify(ctx context.Context, p drivers.Printer) (drivers.Identity, error) {
	ctx, cancel := context.WithTimeout(ctx, identifyMax)
	defer cancel()
	return p.Identify(ctx)
}

// sameSerial compares numbers as people copy them: without leading zeros, in any case.
func sameSerial(a, b string) bool {
	plain := func(s string) string { return strings.TrimLeft(strings.ToUpper(strings.TrimSpace(s)), "0") }
	return plain(a) == plain(b) && plain(a) != ""
}

// create makes the driver on an address, written down where the config wants it.
func (r *registerPort) create(address string) (drivers.Printer, error) {
	dial, err := r.dialer(address)
	if err != nil {
		return nil, err
	}
	driver := func(d port.Dial) (drivers.Printer, error) {
		return all.Printer(r.config.Type, r.config.Name, d, r.config.Settings)
	}
	if r.recorder == nil {
		return driver(dial)
	}
	p, err := r.recorder.Printer(dial, r.config.Settings, driver)
	if errors.Is(err, capture.ErrCapabilities) {
		return driver(dial)
	}
	return p, err
}

func (r *registerPort) dialer(address string) (port.Dial, error) {
	if r.dial != nil {
		return r.dial(address)
	}
	a, err := port.ParseAddress(address)
	if err != nil {
		return nil, err
	}
	return a.Dial, nil
}

// walk looks for the register on the other ports; empty: it is on none, or it is too early to look again.
func (r *registerPort) walk(ctx context.Context) (address string) {
	r.mu.Lock()
	early := !r.walked.IsZero() && r.now().Sub(r.walked) < walkEvery
	if !early {
		r.walked = r.now()
	}
	r.mu.Unlock()
	if early {
		return ""
	}
	ctx, cancel := context.WithTimeout(ctx, walkMax)
	defer cancel()
	ports, err := r.list(ctx)
	if err != nil {
		r.log.Debug("list the ports", "err", err)
		return ""
	}
	search := all.Search{
		Ports: ports, Local: true, Exclude: append([]string{r.address()}, r.exclude...), Holders: r.holders,
		Only: r.config.Type, Baud: all.Baud(r.config.Port), Dial: r.dial,
	}
	for _, h := range search.Run(ctx) {
		if h.Type != "" && r.is(ctx, h) {
			return h.Address
		}
	}
	return ""
}

// is tells whether a register that was found is ours. A probe may not know its number; the driver with its
// password does.
func (r *registerPort) is(ctx context.Context, h all.Hit) bool {
	if h.Identity.Serial != "" {
		return sameSerial(h.Identity.Serial, r.config.Serial)
	}
	dial, err := r.dialer(h.Address)
	if err != nil {
		return false
	}
	p, err := all.Printer(r.config.Type, r.config.Name, dial, r.config.Settings)
	if err != nil {
		return false
	}
	id, err := identify(ctx, p)
	if err := p.Close(); err != nil {
		r.log.Debug("close a register", "err", err)
	}
	return err == nil && sameSerial(id.Serial, r.config.Serial)
}

// stranger is the refusal of another register.
func (r *registerPort) stranger(id drivers.Identity) error {
	return &drivers.Error{
		Op: "reach", Device: r.config.Name, Fail: drivers.FailConfig, Outcome: drivers.OutcomeNotDone,
		Err: fmt.Errorf("register %s answers on %s, the config wants %s", id.Serial, r.config.Port, r.config.Serial),
		Hint: drivers.Hint{
			RU: fmt.Sprintf("На порту другая касса: № %s, а в настройках № %s. Верните свою или исправьте register.serial.", id.Serial, r.config.Serial),
			EN: fmt.Sprintf("Another register is on the port: no. %s, the config says no. %s. Put yours back, or change register.serial.", id.Serial, r.config.Serial),
		},
	}
}
