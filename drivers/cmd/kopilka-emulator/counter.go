package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/kopilka/kopilka/drivers/emulator"
)

// counter is one till's devices.
type counter struct {
	name    string
	reg     register
	cable   cable // between till and register
	ln      net.Listener
	scanner *emulator.Scanner
	relay   *emulator.Relay // nil where there is no way to cut

	mu      sync.Mutex
	changed chan struct{} // closed when a switch that the register does not know was moved
}

func openCounter(c counterConfig) (*counter, error) {
	k := &counter{name: c.Name, changed: make(chan struct{})}
	if err := k.open(c); err != nil {
		return nil, errors.Join(fmt.Errorf("counter %s: %w", c.Name, err), k.close())
	}
	return k, nil
}

func (k *counter) open(c counterConfig) (err error) {
	zone, err := c.Register.location()
	if err != nil {
		return fmt.Errorf("zone of the register's clock: %w", err)
	}
	if k.reg, err = newRegister(c.Register, func() time.Time { return time.Now().In(zone) }); err != nil {
		return fmt.Errorf("register: %w", err)
	}
	if k.ln, err = net.Listen("tcp", c.Register.Listen); err != nil {
		return fmt.Errorf("listen for the register: %w", err)
	}
	o := emulator.ScannerOptions{AIM: c.Scanner.AIM, Prefix: c.Scanner.Prefix}
	if c.Scanner.Listen != "" {
		k.scanner, err = emulator.ListenScanner(c.Scanner.Listen, o)
	} else {
		k.scanner, err = emulator.OpenScanner(c.Scanner.Link, o)
	}
	if err != nil || c.Network.Listen == "" {
		return err
	}
	k.relay, err = emulator.NewRelay(c.Network.Listen, c.Network.Target)
	return err
}

func (k *counter) close() error {
	var errs []error
	if k.relay != nil {
		errs = append(errs, k.relay.Close())
	}
	if k.scanner != nil {
		errs = append(errs, k.scanner.Close())
	}
	if k.ln != nil {
		_ = k.ln.Close() // serve has closed it already, unless it never began
	}
	if k.reg != nil {
		errs = append(errs, k.reg.Close())
	}
	return errors.Join(errs...)
}

// serve takes the till's connections to the register until ctx ends.
func (k *counter) serve(ctx context.Context) error {
	var wg sync.WaitGroup
	defer wg.Wait()
	stop := context.AfterFunc(ctx, func() { _ = k.ln.Close() }) // the accept below says what is left to say
	defer stop()
	for {
		conn, err := k.ln.Accept()
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return fmt.Errorf("accept a till at counter %s: %w", k.name, err)
		}
		wg.Go(func() {
			if err := k.reg.Serve(ctx, k.cable.plug(conn)); err != nil && !noPower(err) {
				slog.Warn("connection to a register ended", "counter", k.name, "error", err)
			}
		})
	}
}

// switches are what can be thrown; on means that the trouble is there.
var switches = map[string]func(k *counter, on bool){
	"paper-out":    func(k *counter, on bool) { k.reg.SetPaper(!on) },
	"cover-open":   (*counter).openCover,
	"power-off":    func(k *counter, on bool) { k.reg.SetPower(!on) },
	"cable-out":    (*counter).pullCable,
	"ofd-silent":   func(k *counter, on bool) { k.reg.SetOFD(!on) },
	"answer-lost":  func(k *counter, on bool) { k.reg.loseAnswer(on) },
	"internet-cut": (*counter).cutInternet,
	"day-passed": func(k *counter, on bool) {
		if on {
			k.reg.PassTime(24 * time.Hour)
		}
	},
}

// openCover does nothing to a register that has no lid to open.
func (k *counter) openCover(on bool) {
	if r, ok := k.reg.(covered); ok {
		r.SetCover(on)
	}
}

func (k *counter) pullCable(on bool) {
	k.cable.out.Store(on)
	k.notify()
}

func (k *counter) cutInternet(on bool) {
	if k.relay == nil {
		return
	}
	k.relay.Cut(on)
	k.notify()
}

// notify wakes the pages that show this counter.
func (k *counter) notify() {
	k.mu.Lock()
	defer k.mu.Unlock()
	close(k.changed)
	k.changed = make(chan struct{})
}

func (k *counter) moved() <-chan struct{} {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.changed
}

// view is a counter as the page and the API see it.
type view struct {
	Name     string          `json:"name"`
	Register state           `json:"register"`
	Switches map[string]bool `json:"switches"`
	Address  string          `json:"address"`
	Scanner  string          `json:"scanner"`
	Network  string          `json:"network,omitempty"`
}

func (k *counter) view() view {
	s := k.reg.state()
	s.Cable = !k.cable.out.Load()
	v := view{Name: k.name, Register: s, Address: k.ln.Addr().String(), Scanner: k.scanner.Addr(), Switches: map[string]bool{
		"paper-out": !s.Paper, "power-off": !s.Power, "cable-out": !s.Cable,
		"ofd-silent": !s.OFD, "answer-lost": len(s.Faults) > 0,
	}}
	if _, ok := k.reg.(covered); ok {
		v.Switches["cover-open"] = s.Cover
	}
	if k.relay != nil {
		v.Network = k.relay.Addr()
		v.Switches["internet-cut"] = k.relay.IsCut()
	}
	return v
}

// shop is all the counters and the page that shows them.
type shop struct {
	counters []*counter
	goods    goods
	prefix   string
	ln       net.Listener
}

func openShop(c config) (*shop, error) {
	g, err := loadGoods(c.Goods)
	if err != nil {
		return nil, err
	}
	s := &shop{goods: g, prefix: c.WeightPrefix}
	for _, k := range c.Counters {
		opened, err := openCounter(k)
		if err != nil {
			return nil, errors.Join(err, s.close())
		}
		s.counters = append(s.counters, opened)
	}
	if s.ln, err = net.Listen("tcp", c.Listen); err != nil {
		return nil, errors.Join(fmt.Errorf("listen for the page: %w", err), s.close())
	}
	return s, nil
}

func (s *shop) close() error {
	var errs []error
	for _, k := range s.counters {
		errs = append(errs, k.close())
	}
	return errors.Join(errs...)
}

func (s *shop) announce(out io.Writer) {
	fmt.Fprintf(out, "page      http://%s/\n", s.ln.Addr())
	for _, k := range s.counters {
		v := k.view()
		fmt.Fprintf(out, "%s\n  register  %s  %s  FN %s\n  scanner   %s\n", v.Name, v.Address, v.Register.Type, v.Register.FN, v.Scanner)
		if v.Network != "" {
			fmt.Fprintf(out, "  network   %s\n", v.Network)
		}
	}
}

// run serves until ctx ends; the first thing that fails ends the rest.
func (s *shop) run(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var wg sync.WaitGroup
	for _, k := range s.counters {
		wg.Go(func() {
			if err := k.serve(ctx); err != nil {
				cancel(err)
			}
		})
	}
	const headMax = 10 * time.Second // a browser on this machine sends its header at once
	server := &http.Server{
		Handler: s.handler(), ReadHeaderTimeout: headMax,
		BaseContext: func(net.Listener) context.Context { return ctx },
	}
	wg.Go(func() {
		<-ctx.Done()
		_ = server.Close() // open event streams end with it; nothing is owed to them
	})
	if err := server.Serve(s.ln); !errors.Is(err, http.ErrServerClosed) {
		cancel(fmt.Errorf("serve the page: %w", err))
	}
	wg.Wait()
	if err := context.Cause(ctx); !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}
