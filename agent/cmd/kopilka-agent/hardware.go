package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"time"

	"github.com/kopilka/kopilka/agent"
	"github.com/kopilka/kopilka/drivers"
	"github.com/kopilka/kopilka/drivers/all"
	"github.com/kopilka/kopilka/drivers/capture"
	"github.com/kopilka/kopilka/drivers/port"
)

// captureFile is in the data folder unless the config says otherwise.
const captureFile = "devices.capture"

// openers dial the devices of a till; nil where the config has none.
type openers struct {
	register agent.OpenPrinter
	printer  agent.OpenSlips
	display  agent.OpenDisplay
}

// scannerPort is one scanner of the config.
type scannerPort struct {
	config   agent.DeviceConfig
	dial     port.Dial
	recorder *capture.Recorder // nil: nothing is written down
}

// open makes the scanner's driver; it dials at its first read.
func (s scannerPort) open() (drivers.Scanner, error) {
	create := func(d port.Dial) (drivers.Scanner, error) {
		return all.Scanner(s.config.Type, s.config.Name, d, s.config.Settings)
	}
	if s.recorder == nil {
		return create(s.dial)
	}
	return s.recorder.Scanner(s.dial, s.config.Settings, create)
}

// devices makes sure, before anything is opened, that every driver takes its settings.
func (p *Program) devices() (o openers, err error) {
	if p.log == nil { // the tools keep no log
		p.log = slog.New(slog.DiscardHandler)
	}
	var problems []error
	for i, s := range p.config.Scanners {
		dial, found := checkDevice(fmt.Sprintf("scanners[%d]", i), s, all.Scanners)
		if problems = append(problems, found...); dial != nil && len(found) == 0 {
			p.scanners = append(p.scanners, scannerPort{config: s, dial: dial})
		}
	}
	var found []error
	o.printer, found = opener("printer", p.config.Printer, all.SlipPrinters, &p.slipLog, (*capture.Recorder).SlipPrinter)
	problems = append(problems, found...)
	o.display, found = opener("display", p.config.Display, all.Displays, &p.displayLog, (*capture.Recorder).Display)
	problems = append(problems, found...)
	r := p.config.Register
	p.register = &registerPort{config: r, log: p.log} // never dialled, where there is none
	switch {
	case r.None():
	case r.Later():
		o.register = notChosen
	default:
		_, found = checkDevice("register", r.DeviceConfig, all.Printers)
		problems = append(problems, found...)
		p.register = &registerPort{config: r, log: p.log, list: port.List, exclude: p.otherPorts(), holders: holders, now: time.Now}
		o.register = p.register.open
	}
	return o, errors.Join(append(problems, clashes(p.config, place)...)...)
}

// notChosen is an agent.OpenPrinter for a till whose register is still to be chosen.
func notChosen(context.Context) (drivers.Printer, error) {
	return nil, &drivers.Error{
		Op: "reach", Device: "register", Fail: drivers.FailConfig, Outcome: drivers.OutcomeNotDone,
		Hint: drivers.Hint{
			RU: "Касса ещё не выбрана. Подключите её и выполните kopilka-agent setup от имени администратора.",
			EN: "No register is chosen yet. Connect it and run kopilka-agent setup as an administrator.",
		},
	}
}

// opener makes a driver when it is called, written down by the recorder that log has by then, if any. It is nil for a
// device that the config does not have, or has wrong.
func opener[D any](
	path string, c agent.DeviceConfig, from driverList[D],
	log **capture.Recorder, record func(*capture.Recorder, port.Dial, map[string]string, capture.Create[D]) (D, error),
) (func(context.Context) (D, error), []error) {
	if c.Type == "" && c.Port == "" {
		return nil, nil
	}
	dial, problems := checkDevice(path, c, from)
	if dial == nil || len(problems) > 0 {
		return nil, problems
	}
	create := func(d port.Dial) (D, error) { return from[c.Type](c.Name, d, c.Settings) }
	return func(context.Context) (D, error) {
		if *log == nil {
			return create(dial)
		}
		return record(*log, dial, c.Settings, create)
	}, nil
}

// otherPorts are those that are no register's.
func (p *Program) otherPorts() (ports []string) {
	for _, s := range p.config.Scanners {
		ports = append(ports, s.Port)
	}
	return append(ports, p.config.Printer.Port, p.config.Display.Port)
}

// startCapture opens the file and has the devices written down. A file that cannot be opened is a pity and no
// reason not to sell.
func (p *Program) startCapture() error {
	p.register.recorder = p.registerLog() // which tells the log of failures, whatever is captured
	c := p.config.Capture
	size, err := c.Bytes()
	if err != nil || size == 0 {
		return err
	}
	file := c.File
	if file == "" {
		file = filepath.Join(p.config.Data, captureFile)
	}
	if p.ring, err = capture.OpenRing(file, size); err != nil {
		p.log.Warn("devices are not captured", "err", err)
		p.ring = nil
		return nil
	}
	p.register.recorder = p.registerLog()
	for i, s := range p.scanners {
		if c.Wants(s.config.Name) {
			p.scanners[i].recorder = p.recorder(s.config)
		}
	}
	if c.Wants(p.config.Printer.Name) {
		p.slipLog = p.recorder(p.config.Printer)
	}
	if c.Wants(p.config.Display.Name) {
		p.displayLog = p.recorder(p.config.Display)
	}
	return nil
}

// registerLog is a recorder of the register that tells the log of failures: each once, until a call succeeds.
func (p *Program) registerLog() *capture.Recorder {
	r := p.recorder(p.config.Register.DeviceConfig)
	if !p.config.Capture.Wants(p.config.Register.Name) {
		r.Ring = nil
	}
	var said onceLog
	r.Failed = func(op capture.Op, err error) {
		switch {
		case err == nil:
			said = onceLog{}
		case !errors.Is(err, context.Canceled):
			said.tell(p.log, "the register failed: "+string(op), r.Device, err)
		}
	}
	return r
}

func (p *Program) recorder(d agent.DeviceConfig) *capture.Recorder {
	return capture.NewRecorder(capture.Options{
		Ring: p.ring, Now: time.Now, Device: d.Name, Type: d.Type, Program: "kopilka-agent " + version, Rewrite: all.Kinds[d.Type].Rewrite,
	})
}

// onceLog says an error once, not at every try: what changes in it is no more than a time or an address.
type onceLog struct{ last string }

func (o *onceLog) tell(log *slog.Logger, what, device string, err error) {
	key := failureKey(err)
	if key == o.last {
		return
	}
	o.last = key
	hint := drivers.HintOf(err)
	log.Warn(what, "device", device, "err", err, "hint", strings.TrimSpace(hint.EN))
}

// failureKey is the same for the same trouble.
func failureKey(err error) string {
	var e *drivers.Error
	if errors.As(err, &e) {
		return string(e.Fail) + " " + e.Code + " " + e.Hint.EN
	}
	return err.Error()
}
