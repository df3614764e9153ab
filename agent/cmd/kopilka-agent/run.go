package main

import (
	"context"
	"errors"
	"io"
	"slices"
	"time"

	"github.com/kopilka/kopilka/agent"
	"github.com/kopilka/kopilka/drivers"
	"github.com/kopilka/kopilka/installer"
	"github.com/kopilka/kopilka/ledger"
	"github.com/kopilka/kopilka/ledger/sale"
	"github.com/kopilka/kopilka/sync/uplink"
	"github.com/kopilka/kopilka/sync/wire"
)

var runCommand = command{"run the till (what the service does)", "работать кассой (это делает служба)", func(ctx context.Context, args []string, _ io.Writer) error {
	// The service manager's mark is its own last word, and no word of a person.
	args = slices.DeleteFunc(slices.Clone(args), func(a string) bool { return a == installer.Marker })
	path, _, err := configFlag("run", args, nil)
	if err != nil {
		return err
	}
	run := func(ctx context.Context) error {
		c, err := loadWhole(path)
		if err != nil {
			return err
		}
		log := logger(c.Log.Level)
		p, err := NewProgram(c, log)
		if errors.Is(err, uplink.ErrNotEnrolled) {
			p, err = enrolledProgram(ctx, path, c, log)
		}
		if err != nil || p == nil {
			return err
		}
		p.path = path
		return p.Run(ctx)
	}
	if handled, err := asService(run); handled {
		return err
	}
	return run(ctx)
}}

// scannerRetry is the pause before a scanner that is gone is looked for again.
const scannerRetry = 2 * time.Second

// scannerSteady is how long a scanner is there before its next failure is another one.
const scannerSteady = 10 * time.Second

// scan reads one scanner for ever, dialling it anew whenever it is unplugged.
func (p *Program) scan(ctx context.Context, s scannerPort) {
	var said onceLog
	for ctx.Err() == nil {
		began := time.Now()
		err := p.readScanner(ctx, s)
		if ctx.Err() != nil {
			return
		}
		if time.Since(began) > scannerSteady {
			said = onceLog{} // it was there meanwhile: what comes now is new
		}
		text := drivers.HintOf(err)
		if text.EN == "" {
			text = agent.Text{RU: "Сканер не отвечает: проверьте кабель", EN: "The scanner does not answer: check its cable"}
		}
		p.tell(ctx, agent.DeviceView{Name: s.config.Name, Text: &text})
		said.tell(p.log, "the scanner is gone", s.config.Name, err)
		pause(ctx, scannerRetry)
	}
}

func (p *Program) readScanner(ctx context.Context, s scannerPort) (err error) {
	scanner, err := s.open()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, scanner.Close()) }()
	// A driver dials at its first read. It is shown as there until a read says otherwise.
	p.tell(ctx, agent.DeviceView{Name: s.config.Name, Online: true})
	for {
		code, err := scanner.Read(ctx)
		switch {
		case err == nil:
			// What the till refuses it has shown on the page.
			_ = p.metrics.scanned(func() error { return p.till.Scan(ctx, code) })
		case drivers.FailOf(err) == drivers.FailScan:
			_ = p.till.ScanFailed(ctx, err)
		default:
			return err
		}
	}
}

func (p *Program) tell(ctx context.Context, d agent.DeviceView) {
	if err := p.till.Scanner(ctx, d); err != nil && ctx.Err() == nil {
		p.log.Error("show a scanner's state", "err", err)
	}
}

func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// tellNetwork carries the link's state to the till.
func (p *Program) tellNetwork(ctx context.Context) {
	online := false
	for {
		s := p.uplink.State()
		p.metrics.connected(online, s.Online)
		online = s.Online
		v := agent.NetworkView{Online: s.Online, Since: sale.At(s.Since)}
		if !s.LastAck.IsZero() {
			v.Seen = sale.At(s.LastAck)
		}
		if s.Text.EN != "" {
			v.Text = &agent.Text{RU: s.Text.RU, EN: s.Text.EN}
		}
		if err := p.till.Network(ctx, v); err != nil && ctx.Err() == nil {
			p.log.Error("show the network's state", "err", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-p.uplink.Changed():
		}
	}
}

// tellHeadOffice says how this till is, whenever that changes and once a minute.
func (p *Program) tellHeadOffice(ctx context.Context) {
	views, stop := p.till.Watch()
	defer stop()
	ticker := time.NewTicker(statusEvery)
	defer ticker.Stop()
	var last wire.Status
	var view agent.View
	for {
		select {
		case <-ctx.Done():
			return
		case v, open := <-views:
			if !open {
				return
			}
			view = v
		case <-p.progress.changed:
			if view.Now == 0 { // the first view brings it along
				continue
			}
		case <-ticker.C:
			last = wire.Status{}
		}
		s := p.status(view)
		if same := s; same.At != 0 {
			same.At, same.ClockLag = last.At, last.ClockLag
			if same == last {
				continue
			}
		}
		last = s
		p.uplink.SendStatus(s)
	}
}

func (p *Program) status(v agent.View) wire.Status {
	// Before what is unsent is counted: a new generation with nothing unsent lets head office grant points anew.
	generation, err := p.ledger.Generation()
	if err != nil && !errors.Is(err, ledger.ErrBroken) {
		p.log.Error("read head office's generation", "err", err)
	}
	s := wire.Status{
		Update: p.progress.last.Load(), At: v.Now, Shift: v.Shift.No, ShiftOpen: v.Shift.Open, Unsent: p.ledger.Unsent(), Customers: p.ledger.Customers(),
		ClockLag: p.clock.Ahead().Milliseconds(), Register: wire.RegisterStatus{
			Online: v.Register.Online, Model: v.Register.Model, Serial: v.Register.Serial, FN: v.Register.FN,
			Conditions: v.Register.Flags, Unsent: v.Register.Unsent, Firmware: v.Register.Firmware,
		},
	}
	s.Generation = generation
	if v.Cashier != nil {
		s.Staff = v.Cashier.No
	}
	if v.Unknown != nil {
		s.Unknown = 1
	}
	return s
}
