// Package pirit is a fiscal register of the Pirit family (Pirit 2F, Viki Print) in software: it speaks the vendor's
// protocol byte for byte, keeps a virtual fiscal storage, prints on a virtual tape and breaks on request.
//
// What will bite: a document is signed before it is printed, and between the two the register is in document
// state 8, in which it can only be told to close again. A command that it works on is worked on to the end, also
// when the host has hung up. The register keeps time of its own: see [Register.PassTime].
package pirit

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/kopilka/kopilka/drivers/emulator/cabinet"
	"github.com/kopilka/kopilka/drivers/emulator/storage"
	"github.com/kopilka/kopilka/drivers/pirit/frame"
	"github.com/kopilka/kopilka/ledger/sale"
)

// Family is a line of firmware, as the vendor's text tells them apart.
type Family string

// The families. Viki says how wide its paper is (02/18) and explains errors in words (06/1); Pirit does neither.
const (
	FamilyPirit Family = "pirit"
	FamilyViki  Family = "viki"
)

// Limits of a register.
const (
	widthMin     = 32 // paper of 57 mm
	widthMax     = 57
	widthDefault = 44
	linesMax     = 300 // positions; one more is 4Eh, the storage's own limit is not published
	gapDefault   = 200 * time.Millisecond
	registered   = "0000000001012345" // the number that the tax office gave it
)

// Options describe one register. The zero value is a Viki Print in memory with a storage of FFD 1.2.
type Options struct {
	Folder    string    // where storage and memory are kept; empty: nothing survives the process
	Family    Family    // default FamilyViki
	Serial    uint32    // factory number; default 1
	INN       string    // of the taxpayer
	Shop      []string  // printed above every receipt
	FNSerial  string    // 16 digits; default the storage's own
	FNExpires time.Time // zero: fifteen months after registration
	// Unregistered leaves its storage as it comes out of its box: it signs nothing.
	Unregistered bool
	OldFormat    bool          // registered for FFD 1.05 and not for 1.2
	Taxes        uint8         // registered tax systems as bits of tag 1055; default all
	Width        int           // characters of a line
	OFDDelay     time.Duration // how long a document waits until the operator of fiscal data confirms it
	Rates        []Rate        // the table of VAT; default [DefaultRates]
	ByteGap      time.Duration // silence that ends a frame; default 200 ms, as the vendor says
	Now          func() time.Time
}

// Rate is a row of the register's table of VAT: settings 40 and 41.
type Rate struct {
	Name    string
	Percent string // "20.00"
	VAT     sale.VAT
}

// DefaultRates are the six rows of the vendor's text, then those that laws have added; where those stand in
// real firmware is not published.
func DefaultRates() []Rate {
	return []Rate{
		{"НДС 20%", "20.00", sale.VAT20},
		{"НДС 10%", "10.00", sale.VAT10},
		{"НДС 0%", "0.00", sale.VAT0},
		{"", "0.00", sale.VATNone},
		{"НДС 20/120", "20.00", sale.VAT20120},
		{"НДС 10/110", "10.00", sale.VAT10110},
		{"НДС 22%", "22.00", sale.VAT22},
		{"НДС 22/122", "22.00", sale.VAT22122},
		{"НДС 5%", "5.00", sale.VAT5},
		{"НДС 7%", "7.00", sale.VAT7},
		{"НДС 5/105", "5.00", sale.VAT5105},
		{"НДС 7/107", "7.00", sale.VAT7107},
	}
}

// taxesAll are the systems in force: ENVD has ended.
const taxesAll = 1 | 2 | 4 | 16 | 32

func (o Options) withDefaults() Options {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Family == "" {
		o.Family = FamilyViki
	}
	if o.Serial == 0 {
		o.Serial = 1
	}
	if o.Width == 0 {
		o.Width = widthDefault
	}
	if o.ByteGap == 0 {
		o.ByteGap = gapDefault
	}
	if len(o.Shop) == 0 {
		o.Shop = []string{"КОПИЛКА"}
	}
	if o.Taxes == 0 {
		o.Taxes = taxesAll
	}
	if o.Rates == nil {
		o.Rates = DefaultRates()
	}
	return o
}

// ErrOptions is wrapped by every refusal of [Options].
var ErrOptions = errors.New("register cannot be built so")

func (o Options) check() error {
	switch {
	case o.Family != FamilyPirit && o.Family != FamilyViki:
		return fmt.Errorf("%w: family %q is neither %s nor %s", ErrOptions, o.Family, FamilyPirit, FamilyViki)
	case o.INN != "" && (len(o.INN) != 10 && len(o.INN) != 12 || !sale.Digits(o.INN)):
		return fmt.Errorf("%w: INN %q must have 10 or 12 digits", ErrOptions, o.INN)
	case o.Width < widthMin || o.Width > widthMax:
		return fmt.Errorf("%w: width %d must be %d to %d", ErrOptions, o.Width, widthMin, widthMax)
	}
	return nil
}

// Register is a fiscal register in software. All methods are safe from any goroutine: one lock makes commands
// serial, as the device's one processor does, and is never held while bytes move.
type Register struct {
	opt Options

	cabinet.Cabinet
	ram      memory
	settings map[cell]string
	commands map[frame.Cmd]command
	faults   faults
	power    bool
	paper    bool
	cover    bool // open
	started  bool // 10h has come since the power
	batch    batch
	more     int    // the reason of the last refusal, 06/1
	mark     string // on its way through 79/1 and 79/2
	read     []byte // the document that 78/15 has chosen, for 78/16
	owed     *owed  // a command that is still to be worked on
	drawer   int    // how often it was opened
	asked    string // the far date that 14h was given once
	gone     bool   // the power went inside a command
	off      chan struct{}
}

// batch is the mode in which a document is made without answers.
type batch uint8

const (
	batchOff batch = iota
	batchOn
	batchFailed
)

// owed is a command that was heard while the register was busy.
type owed struct {
	ask  frame.Request
	when time.Time
}

// New puts a register on the counter, switched on, paper in. With a folder it carries on where the last one
// stopped.
func New(o Options) (*Register, error) {
	o = o.withDefaults()
	if err := o.check(); err != nil {
		return nil, err
	}
	fn, err := storage.Open(storage.Options{Folder: o.Folder, Serial: o.FNSerial, Expires: o.FNExpires, Delay: o.OFDDelay, Now: o.Now, Unregistered: o.Unregistered})
	if err != nil {
		return nil, err
	}
	r := &Register{
		opt: o, power: true, paper: true, off: make(chan struct{}),
		settings: factory(o), commands: commandTable(),
	}
	r.Assemble(fn)
	if err := errors.Join(r.ram.Load(o.Folder, &r.ram), r.Roll.Load(o.Folder)); err != nil {
		return nil, errors.Join(err, fn.Close())
	}
	r.wake()
	return r, nil
}

// Close ends the register and reports the first write to disk that failed.
func (r *Register) Close() error {
	r.SetPower(false)
	r.Mu.Lock()
	defer r.Mu.Unlock()
	return errors.Join(r.ram.Failed(), r.FN.Close(), r.Roll.Close())
}

// SetPower switches the register on or off. Off drops every connection and all that was not finished; documents
// and memory stay.
func (r *Register) SetPower(on bool) {
	r.Mu.Lock()
	defer r.Mu.Unlock()
	if on == r.power {
		return
	}
	if !on {
		r.cutPower()
		return
	}
	r.power, r.off = true, make(chan struct{})
	r.wake()
	r.Notify()
}

func (r *Register) cutPower() {
	if !r.power {
		return
	}
	r.power, r.started, r.batch, r.owed, r.mark, r.read, r.asked = false, false, batchOff, nil, "", nil, ""
	r.FN.PowerOff()
	close(r.off)
	r.Notify()
}

// wake is what a register does when it gets power: it learns from the storage what was signed without its
// knowing, and drops a document that cannot go on. Nothing prints before the host says so.
func (r *Register) wake() {
	for fd := r.ram.Seen + 1; fd <= r.FN.Last().FD; fd++ {
		d, ok := r.FN.Find(fd)
		if !ok {
			break
		}
		silent := r.ram.Doc != nil && r.ram.Doc.NoPrint
		r.book(d)
		if !silent {
			r.ram.Queue = append(r.ram.Queue, r.ending(d, 0)...)
		}
	}
	if r.ram.Doc != nil {
		r.annul()
	}
	r.ram.save()
}

// SetPaper puts paper in or takes it out. Paper that comes back prints nothing by itself.
func (r *Register) SetPaper(in bool) { r.Set(&r.paper, in) }

// SetCover opens or closes the lid; nothing prints under an open one.
func (r *Register) SetCover(open bool) { r.Set(&r.cover, open) }

// PassTime lets time go by for register and storage alike, as if the shop had been closed meanwhile.
func (r *Register) PassTime(d time.Duration) {
	r.Mu.Lock()
	defer r.Mu.Unlock()
	r.pass(d)
}

func (r *Register) pass(d time.Duration) {
	r.FN.Pass(d)
	r.jump(d)
}

// JumpClock moves the register's clock alone, as a dying battery does.
func (r *Register) JumpClock(d time.Duration) {
	r.Mu.Lock()
	defer r.Mu.Unlock()
	r.jump(d)
}

func (r *Register) jump(d time.Duration) {
	r.ram.Drift += d
	r.ram.save()
	r.Notify()
}

// State is what a person standing at the counter could see, and what the device would tell.
type State struct {
	Power     bool      `json:"power"`
	Paper     bool      `json:"paper"`
	Cover     bool      `json:"cover"`
	OFD       bool      `json:"ofd"`
	Started   bool      `json:"started"`
	Document  int       `json:"document"` // type and state, as 00h answers them
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

// State looks at the register.
func (r *Register) State() State {
	r.Mu.Lock()
	defer r.Mu.Unlock()
	unsent, _ := r.FN.Unsent()
	return State{
		Power: r.power, Paper: r.paper, Cover: r.cover, OFD: r.FN.Answers(), Started: r.started, Document: r.docStatus(),
		ShiftOpen: r.FN.ShiftOpen(), Expired: r.FN.Over24(), Shift: r.FN.ShiftNo(), Receipt: r.FN.Receipts(),
		FN: r.FN.Serial(), LastFD: r.FN.Last().FD, Unsent: unsent, Drawer: int64(r.ram.Cash), Opened: r.drawer,
		Clock: r.clock(), Faults: r.faults.names(),
	}
}

func (r *Register) clock() time.Time { return wall(r.opt.Now()).Add(r.ram.Drift) }

// wall is what a clock on the wall shows, without a zone: a register knows none.
func wall(t time.Time) time.Time {
	return time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), time.UTC)
}

// Inject arms a fault.
func (r *Register) Inject(f Fault) {
	r.Mu.Lock()
	defer r.Mu.Unlock()
	r.faults.arm(f)
	r.Notify()
}

// Disarm takes back the faults that have not happened yet.
func (r *Register) Disarm() {
	r.Mu.Lock()
	defer r.Mu.Unlock()
	r.faults.armed = nil
	r.Notify()
}

// Fired is what went wrong so far, in order: a test that armed a fault can see that it happened.
func (r *Register) Fired() []Fault {
	r.Mu.Lock()
	defer r.Mu.Unlock()
	return slices.Clone(r.faults.fired)
}
