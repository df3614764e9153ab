package mercury

import (
	"errors"
	"fmt"
	"time"

	"github.com/kopilka/kopilka/drivers/emulator/cabinet"
	"github.com/kopilka/kopilka/drivers/emulator/storage"
	"github.com/kopilka/kopilka/drivers/mercury/frame"
	"github.com/kopilka/kopilka/ledger/sale"
)

// Limits of a register.
const (
	widthMin     = 32
	widthMax     = 57
	widthDefault = 42
	linesMax     = 250 // positions of one receipt
)

// Options describe one register and its service. The zero value is a register in memory.
type Options struct {
	Folder    string    // where storage and memory are kept; empty: nothing survives the process
	Model     string    // as the device names itself; default "Меркурий-185Ф"
	Serial    uint32    // factory number; default 1
	INN       string    // of the taxpayer, 10 or 12 digits; default 7707083893
	Shop      []string  // printed above every document
	FNSerial  string    // 16 digits; default the storage's
	FNExpires time.Time // zero: fifteen months after registration
	// Unregistered leaves its storage as it comes out of its box: it signs nothing.
	Unregistered bool
	Port         string        // that the register hangs on, as the service knows it; default "USB"
	Password     string        // of operator 1; empty: none is asked for
	FFD          string        // "1.2" (default) or "1.0.5"
	Width        int           // characters of a line, 32 to 57
	OFDDelay     time.Duration // how long a document waits until the operator of fiscal data confirms it
	// OpeningSigns puts the fiscal sign of a shift's opening into the journal of sales. The one public
	// catalogue of the words names it for closings only.
	OpeningSigns bool
	Now          func() time.Time // the wall clock of the shop; default time.Now
}

func (o Options) withDefaults() Options {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Model == "" {
		o.Model = "Меркурий-185Ф"
	}
	if o.Serial == 0 {
		o.Serial = 1
	}
	if o.INN == "" {
		o.INN = "7707083893"
	}
	if o.Port == "" {
		o.Port = "USB"
	}
	if o.FFD == "" {
		o.FFD = "1.2"
	}
	if o.Width == 0 {
		o.Width = widthDefault
	}
	if len(o.Shop) == 0 {
		o.Shop = []string{"КОПИЛКА"}
	}
	return o
}

// ErrOptions is wrapped by every refusal of [Options].
var ErrOptions = errors.New("register cannot be built so")

func (o Options) check() error {
	switch {
	case len(o.INN) != 10 && len(o.INN) != 12 || !sale.Digits(o.INN):
		return fmt.Errorf("%w: INN %q must have 10 or 12 digits", ErrOptions, o.INN)
	case o.Width < widthMin || o.Width > widthMax:
		return fmt.Errorf("%w: width %d must be %d to %d", ErrOptions, o.Width, widthMin, widthMax)
	case o.FFD != "1.2" && o.FFD != "1.0.5":
		return fmt.Errorf("%w: FFD %q must be 1.2 or 1.0.5", ErrOptions, o.FFD)
	}
	return nil
}

// Register is a register and its service. All methods are safe from any goroutine.
type Register struct {
	opt Options

	cabinet.Cabinet
	ram      memory
	faults   faults
	power    bool
	cable    bool
	paper    bool
	busy     time.Time     // refuses work until then
	gone     bool          // the power went inside a command
	off      chan struct{} // closed when the power goes
	drawer   int           // how often it was opened
	sessions map[string]bool
	lastKey  uint64 // counts sessions, so that no key comes twice
	check    *check // the receipt in the register's buffer
	mark     *marking
	sales    *frame.Sales // what ReadSales has read
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
		opt: o, power: true, cable: true, paper: true, sessions: map[string]bool{},
		off: make(chan struct{}),
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

// SetPower switches register and service on or off. Off drops every connection, every session and the receipt
// in the buffer; documents and memory stay.
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
	r.power, r.gone, r.busy = false, false, time.Time{}
	r.restart()
	r.drop()
	r.FN.PowerOff()
	close(r.off)
	r.Notify()
}

// restart is what the service forgets when it starts anew; the register stays as it is.
func (r *Register) restart() {
	clear(r.sessions)
	r.sales = nil
}

// wake is what a register does when it gets power: it learns from the storage what was signed without its
// knowing, and prints what power or paper kept from it.
func (r *Register) wake() {
	for fd := r.ram.Seen + 1; fd <= r.FN.Last().FD; fd++ {
		d, ok := r.FN.Find(fd)
		if !ok {
			break
		}
		r.book(d)
		r.ram.Queue = append(r.ram.Queue, r.ending(d)...)
	}
	r.feed()
	r.ram.save()
}

// SetPaper puts paper in or takes it out. With paper in the register goes on printing by itself.
func (r *Register) SetPaper(in bool) {
	r.Mu.Lock()
	defer r.Mu.Unlock()
	r.paper = in
	if r.power {
		r.feed()
		r.ram.save()
	}
	r.Notify()
}

// SetCable plugs or pulls the network's cable: pulled, bytes vanish both ways and nobody is told.
func (r *Register) SetCable(in bool) {
	r.Mu.Lock()
	defer r.Mu.Unlock()
	r.cable = in
	r.Notify()
}

// PassTime lets time go by for register and storage alike, as if the shop had been closed meanwhile.
func (r *Register) PassTime(d time.Duration) {
	r.Mu.Lock()
	defer r.Mu.Unlock()
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

// Foreign opens a sale as another program would, and leaves it open with one position in it.
func (r *Register) Foreign() {
	r.Mu.Lock()
	defer r.Mu.Unlock()
	r.check = &check{Kind: 0, Print: true, Lines: []storage.Line{{Name: "Чужой товар", Qty: 1_000_000, Price: 100, Sum: 100, VAT: sale.VATNone, Method: 4, Subject: 1}}, Total: 100}
	r.Notify()
}

// State is what a person standing at the counter could see, and what the register would tell.
type State struct {
	Power     bool      `json:"power"`
	Cable     bool      `json:"cable"`
	Paper     bool      `json:"paper"`
	OFD       bool      `json:"ofd"`
	Document  bool      `json:"document"` // a receipt is open
	Sessions  int       `json:"sessions"`
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
		Power: r.power, Cable: r.cable, Paper: r.paper, OFD: r.FN.Answers(), Document: r.check != nil, Sessions: len(r.sessions),
		ShiftOpen: r.FN.ShiftOpen(), Expired: r.FN.Over24(), Shift: r.FN.ShiftNo(), Receipt: r.FN.Receipts(), FN: r.FN.Serial(),
		LastFD: r.FN.Last().FD, Unsent: unsent, Drawer: int64(r.ram.Cash), Opened: r.drawer, Clock: r.clock(), Faults: r.faults.names(),
	}
}

func (r *Register) clock() time.Time { return wall(r.opt.Now()).Add(r.ram.Drift) }

// wall is what a clock on the wall shows, without a zone: a register knows none.
func wall(t time.Time) time.Time {
	return time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), 0, time.UTC)
}

// serial is the factory number as the service writes it.
func (r *Register) serial() string { return fmt.Sprintf("%010d", r.opt.Serial) }
