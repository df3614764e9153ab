package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/kopilka/kopilka/drivers/atol/task"
	"github.com/kopilka/kopilka/drivers/emulator/atol"
	"github.com/kopilka/kopilka/drivers/emulator/mercury"
	"github.com/kopilka/kopilka/drivers/emulator/paper"
	"github.com/kopilka/kopilka/drivers/emulator/pirit"
	"github.com/kopilka/kopilka/drivers/emulator/shtrih"
	"github.com/kopilka/kopilka/drivers/emulator/storage"
	mercuryframe "github.com/kopilka/kopilka/drivers/mercury/frame"
	piritframe "github.com/kopilka/kopilka/drivers/pirit/frame"
	shtrihframe "github.com/kopilka/kopilka/drivers/shtrih/frame"
)

// register is an emulated register of any type, as a counter needs it.
type register interface {
	Serve(ctx context.Context, conn io.ReadWriteCloser) error
	SetPower(on bool)
	SetPaper(in bool)
	SetOFD(answers bool)
	PassTime(d time.Duration)
	Documents() []storage.Document
	Tape() []paper.Line
	Changed() <-chan struct{}
	Close() error
	// state is what a person standing at the counter could see.
	state() state
	// loseAnswer lets the next receipt be closed and its answer vanish for good, or takes that back.
	loseAnswer(on bool)
}

// covered is a register whose lid can be opened.
type covered interface{ SetCover(open bool) }

// state is the same for every type of register.
type state struct {
	Type      string    `json:"type"`
	Power     bool      `json:"power"`
	Cable     bool      `json:"cable"`
	Paper     bool      `json:"paper"`
	Cover     bool      `json:"cover"` // open
	OFD       bool      `json:"ofd"`
	Document  bool      `json:"document"`  // a receipt is open
	DateAsked bool      `json:"dateAsked"` // the clock waits to be confirmed
	Waits     bool      `json:"waits"`     // for Resume printing
	ShiftOpen bool      `json:"shiftOpen"`
	Expired   bool      `json:"shiftExpired"`
	Shift     uint32    `json:"shift"`
	Receipt   uint32    `json:"receipt"`
	FN        string    `json:"fn"`
	LastFD    uint32    `json:"lastFd"`
	Unsent    int       `json:"unsent"`
	Drawer    int64     `json:"drawer"` // kopecks
	Opened    int       `json:"drawerOpened"`
	Clock     time.Time `json:"clock"`
	Faults    []string  `json:"faults"`
}

// typeDefault is the type of a counter whose config names none.
const typeDefault = "shtrih-m"

// types are the registers that can be put on a counter, by the name that a till's config has for them.
var types = map[string]func(c registerConfig, now func() time.Time) (register, error){
	"shtrih-m": newShtrih, "atol": newAtol, "pirit": newPirit, "mercury": newMercury,
}

// typeNames are all of them, for error texts.
func typeNames() string { return strings.Join(slices.Sorted(maps.Keys(types)), ", ") }

// ofdDelay is how long a document waits to be confirmed: long enough to be seen waiting.
const ofdDelay = 2 * time.Second

// newRegister puts a register of the config's type on the counter.
func newRegister(c registerConfig, now func() time.Time) (register, error) {
	open, ok := types[c.kind()]
	if !ok {
		return nil, fmt.Errorf("unknown type %q, known are %s", c.Type, typeNames())
	}
	return open(c, now)
}

type shtrihRegister struct{ *shtrih.Register }

func newShtrih(c registerConfig, now func() time.Time) (register, error) {
	expires, err := c.expires()
	if err != nil {
		return nil, err
	}
	r, err := shtrih.New(shtrih.Options{
		Folder: c.Folder, FNSerial: c.FN, Serial: c.Serial, INN: c.INN, Shop: c.Shop, Width: c.Width, KeepDocument: c.KeepDocument,
		OFDDelay: ofdDelay, Now: now, FNExpires: expires, Ill: shtrih.Ill{Unregistered: c.Unregistered},
	})
	if err != nil {
		return nil, err
	}
	return shtrihRegister{r}, nil
}

// Modes and sub-modes that a person could see, as the vendor numbers them.
const (
	shtrihModeDate = 6
	shtrihModeDoc  = 8
	shtrihModeMask = 0x0F
	shtrihWaits    = 3
)

func (r shtrihRegister) state() state {
	s := r.State()
	return state{
		Type: "shtrih-m", Power: s.Power, Paper: s.Paper, Cover: s.Cover, OFD: s.OFD, Document: s.Mode&shtrihModeMask == shtrihModeDoc,
		DateAsked: s.Mode&shtrihModeMask == shtrihModeDate, Waits: s.SubMode == shtrihWaits,
		ShiftOpen: s.ShiftOpen, Expired: s.Expired, Shift: s.Shift, Receipt: s.Receipt, FN: s.FN, LastFD: s.LastFD, Unsent: s.Unsent,
		Drawer: s.Drawer, Opened: s.Opened, Clock: s.Clock, Faults: s.Faults,
	}
}

func (r shtrihRegister) loseAnswer(on bool) {
	r.Disarm(shtrih.ForgetAnswer)
	if on {
		r.Inject(shtrih.Fault{Kind: shtrih.ForgetAnswer, Command: shtrihframe.CmdClose2})
	}
}

type atolRegister struct{ *atol.Register }

func newAtol(c registerConfig, now func() time.Time) (register, error) {
	expires, err := c.expires()
	if err != nil {
		return nil, err
	}
	r, err := atol.New(atol.Options{
		Folder: c.Folder, FNSerial: c.FN, Serial: c.Serial, INN: c.INN, Shop: strings.Join(c.Shop, "\n"), OFDDelay: ofdDelay, Now: now,
		FNExpires: expires, Unregistered: c.Unregistered,
	})
	if err != nil {
		return nil, err
	}
	return atolRegister{r}, nil
}

func (r atolRegister) state() state {
	s := r.State()
	return state{
		Type: "atol", Power: s.Power, Paper: s.Paper, Cover: s.Cover, OFD: s.OFD, Document: s.Open,
		ShiftOpen: s.ShiftOpen, Expired: s.Expired, Shift: s.Shift, Receipt: s.Receipt, FN: s.FN, LastFD: s.LastFD, Unsent: s.Unsent,
		Drawer: s.Drawer, Opened: s.Opened, Clock: s.Clock, Faults: s.Faults,
	}
}

func (r atolRegister) loseAnswer(on bool) {
	r.Disarm()
	if on {
		r.Inject(atol.Fault{Kind: atol.LoseAnswer, Tasks: []task.Type{task.Sell, task.SellReturn}, Method: "POST"})
	}
}

type piritRegister struct{ *pirit.Register }

func newPirit(c registerConfig, now func() time.Time) (register, error) {
	expires, err := c.expires()
	if err != nil {
		return nil, err
	}
	r, err := pirit.New(pirit.Options{
		Folder: c.Folder, FNSerial: c.FN, Serial: c.Serial, INN: c.INN, Shop: c.Shop, Width: c.Width, OFDDelay: ofdDelay, Now: now,
		FNExpires: expires, Unregistered: c.Unregistered,
	})
	if err != nil {
		return nil, err
	}
	return piritRegister{r}, nil
}

// State and type of a document as the vendor numbers them: the low four bits are the type, the high four the
// state, and state 8 is signed and not printed.
const (
	piritTypeMask  = 0x0F
	piritUnprinted = 8
)

func (r piritRegister) state() state {
	s := r.State()
	unprinted := s.Document>>4 == piritUnprinted
	return state{
		Type: "pirit", Power: s.Power, Paper: s.Paper, Cover: s.Cover, OFD: s.OFD, Document: s.Document&piritTypeMask != 0 && !unprinted, Waits: unprinted,
		ShiftOpen: s.ShiftOpen, Expired: s.Expired, Shift: s.Shift, Receipt: s.Receipt, FN: s.FN, LastFD: s.LastFD, Unsent: s.Unsent,
		Drawer: s.Drawer, Opened: s.Opened, Clock: s.Clock, Faults: s.Faults,
	}
}

func (r piritRegister) loseAnswer(on bool) {
	r.Disarm()
	if on {
		r.Inject(pirit.Fault{Kind: pirit.CloseAfter, Command: piritframe.CmdClose, Dir: pirit.ToHost, N: 2})
	}
}

type mercuryRegister struct{ *mercury.Register }

func newMercury(c registerConfig, now func() time.Time) (register, error) {
	expires, err := c.expires()
	if err != nil {
		return nil, err
	}
	r, err := mercury.New(mercury.Options{
		Folder: c.Folder, FNSerial: c.FN, Serial: c.Serial, INN: c.INN, Shop: c.Shop, Width: c.Width, OFDDelay: ofdDelay, Now: now,
		FNExpires: expires, Unregistered: c.Unregistered,
	})
	if err != nil {
		return nil, err
	}
	return mercuryRegister{r}, nil
}

func (r mercuryRegister) state() state {
	s := r.State()
	return state{
		Type: "mercury", Power: s.Power, Paper: s.Paper, OFD: s.OFD, Document: s.Document,
		ShiftOpen: s.ShiftOpen, Expired: s.Expired, Shift: s.Shift, Receipt: s.Receipt, FN: s.FN, LastFD: s.LastFD, Unsent: s.Unsent,
		Drawer: s.Drawer, Opened: s.Opened, Clock: s.Clock, Faults: s.Faults,
	}
}

func (r mercuryRegister) loseAnswer(on bool) {
	r.Disarm(mercury.CloseAfter)
	if on {
		r.Inject(mercury.Fault{Kind: mercury.CloseAfter, Command: mercuryframe.CmdCloseCheck})
	}
}

// noPower tells the ordinary end of a connection from one that is worth a log line.
func noPower(err error) bool {
	return errors.Is(err, shtrih.ErrPower) || errors.Is(err, pirit.ErrPower) || errors.Is(err, mercury.ErrPower)
}
