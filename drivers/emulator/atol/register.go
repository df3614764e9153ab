// Package atol is a register of ATOL in software, behind the vendor's web server, in software too: an HTTP
// server with a queue of JSON tasks on the PC, and a device with fiscal storage, paper and drawer on its cable.
//
// What will bite: two things can die here, and not together. The server keeps working when no host listens;
// the device keeps what its storage has signed when the server has lost it. The server is in memory only: with
// the process its queue is gone, the device's folder stays. Nothing is printed or signed in the background:
// whatever is due is done when somebody looks, so that virtual time never waits for it.
package atol

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/kopilka/kopilka/drivers/emulator/cabinet"
	"github.com/kopilka/kopilka/drivers/emulator/storage"
	"github.com/kopilka/kopilka/ledger/sale"
)

const (
	widthDefault = 42
	linesMax     = 300 // positions in one receipt
)

// Options describe one register and its server. The zero value is in memory, with a storage of its own.
type Options struct {
	Folder    string    // where storage and memory are kept; empty: nothing survives the process
	Model     string    // as the device names itself; default "АТОЛ 27Ф"
	Serial    uint32    // factory number; default 1
	INN       string    // of the taxpayer
	Shop      string    // printed above every receipt; default "КОПИЛКА"
	FNSerial  string    // 16 digits; default 9999078900000001
	FNExpires time.Time // zero: fifteen months after registration
	// Unregistered leaves its storage as it comes out of its box: it signs nothing.
	Unregistered bool
	Taxes        []string      // tax systems of the registration, in the vendor's words; default all but envd
	FFD          string        // "1.05" or "1.2", the default
	OFDDelay     time.Duration // how long a document waits until the operator of fiscal data confirms it
	JobTime      time.Duration // how long each request of the queue takes; zero: none
	User         string        // of the web server; empty: it asks for none
	Password     string
	// Stubborn keeps a blocked queue blocked until Unblock is called. The public servers ask the storage by
	// themselves as soon as they have the register again.
	Stubborn bool
	// Twice runs a request whose uuid was posted before as if it were new. The public servers answer 409.
	Twice bool
	// KeepAlive is how long a connection may rest before the server closes it; zero: for ever.
	KeepAlive time.Duration
	Now       func() time.Time // the wall clock of the shop; default time.Now
}

func (o Options) withDefaults() Options {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Model == "" {
		o.Model = "АТОЛ 27Ф"
	}
	if o.Serial == 0 {
		o.Serial = 1
	}
	if o.Shop == "" {
		o.Shop = "КОПИЛКА"
	}
	if o.INN == "" {
		o.INN = "7707083893"
	}
	if len(o.Taxes) == 0 {
		o.Taxes = []string{"osn", "usnIncome", "usnIncomeOutcome", "esn", "patent"}
	}
	if o.FFD == "" {
		o.FFD = "1.2"
	}
	return o
}

// ErrOptions is wrapped by every refusal of [Options].
var ErrOptions = errors.New("register cannot be built so")

// Register is the server and the device. All methods are safe from any goroutine: one lock makes tasks serial,
// as the queue does, and is never held while bytes move.
type Register struct {
	opt Options

	cabinet.Cabinet
	ram     memory
	faults  faults
	power   bool
	link    bool // the cable between server and device
	paper   bool
	cover   bool // open
	gone    bool // the power went inside a task
	foreign bool // a receipt of another program is open
	drawer  int  // how often it was opened
	check   *check

	queue   []*request
	blocked *request
	off     chan struct{} // closed when the server goes; a new one for the next
	closed  bool
}

// New puts a register on the counter, switched on, paper in, its server running. With a folder the device
// carries on where the last one stopped.
func New(o Options) (*Register, error) {
	o = o.withDefaults()
	if o.FFD != "1.05" && o.FFD != "1.2" {
		return nil, fmt.Errorf("%w: FFD %q", ErrOptions, o.FFD)
	}
	fn, err := storage.Open(storage.Options{Folder: o.Folder, Serial: o.FNSerial, Expires: o.FNExpires, Delay: o.OFDDelay, Now: o.Now, Unregistered: o.Unregistered})
	if err != nil {
		return nil, err
	}
	r := &Register{
		opt: o, power: true, link: true, paper: true, off: make(chan struct{}),
	}
	r.Assemble(fn)
	if err := errors.Join(r.ram.Load(o.Folder, &r.ram), r.Roll.Load(o.Folder)); err != nil {
		return nil, errors.Join(err, fn.Close())
	}
	r.wake()
	return r, nil
}

// Close ends server and device and reports the first write to disk that failed.
func (r *Register) Close() error {
	r.Mu.Lock()
	defer r.Mu.Unlock()
	if r.closed {
		return nil
	}
	r.cutPower()
	r.closed = true
	close(r.off)
	return errors.Join(r.ram.Failed(), r.FN.Close(), r.Roll.Close())
}

// SetPower switches the device on or off; the server stays. Switched on, its cable is in as well.
func (r *Register) SetPower(on bool) {
	r.Mu.Lock()
	defer r.Mu.Unlock()
	if !on {
		r.cutPower()
		return
	}
	if !r.power {
		r.power = true
		r.wake()
	}
	r.link = true
	r.settle()
	r.Notify()
}

func (r *Register) cutPower() {
	r.power, r.foreign, r.check = false, false, nil
	r.FN.PowerOff()
	r.FN.Drop()
	r.Notify()
}

// wake is what a register does when it gets power: it learns from the storage what was signed without its
// knowing; the paper of that waits until it is told to go on.
func (r *Register) wake() {
	for fd := r.ram.Seen + 1; fd <= r.FN.Last().FD; fd++ {
		d, ok := r.FN.Find(fd)
		if !ok {
			break
		}
		r.book(d)
		r.ram.Queue = append(r.ram.Queue, r.document(d)...)
	}
	r.ram.save()
}

// Restart lets the server die and start again: every connection breaks, and without keep the queue is gone with
// all it knew. What a real server keeps is not known.
func (r *Register) Restart(keep bool) {
	r.Mu.Lock()
	defer r.Mu.Unlock()
	r.restart(keep)
}

func (r *Register) restart(keep bool) {
	if r.closed {
		return
	}
	close(r.off)
	r.off = make(chan struct{})
	if !keep {
		r.queue, r.blocked = nil, nil
	}
	r.Notify()
}

// SetLink plugs or pulls the cable between server and device.
func (r *Register) SetLink(in bool) {
	r.set(&r.link, in)
}

// SetPaper puts paper in or takes it out. Paper that comes back does not print the rest by itself.
func (r *Register) SetPaper(in bool) { r.set(&r.paper, in) }

// SetCover opens or closes the lid; nothing prints under an open one.
func (r *Register) SetCover(open bool) { r.set(&r.cover, open) }

// set changes a thing that a task may have been waiting for.
func (r *Register) set(what *bool, to bool) {
	r.Mu.Lock()
	defer r.Mu.Unlock()
	*what = to
	r.settle()
	r.Notify()
}

// PassTime lets time go by for register and storage alike, as if the shop had been closed meanwhile.
func (r *Register) PassTime(d time.Duration) {
	r.Mu.Lock()
	defer r.Mu.Unlock()
	r.ram.Drift += d
	r.FN.Pass(d)
	r.ram.save()
	r.Notify()
}

// JumpClock moves the register's clock alone, as a dying battery does.
func (r *Register) JumpClock(d time.Duration) {
	r.Mu.Lock()
	defer r.Mu.Unlock()
	r.ram.Drift += d
	r.ram.save()
	r.Notify()
}

// Marks is how many codes the storage holds for the next receipt.
func (r *Register) Marks() int {
	r.Mu.Lock()
	defer r.Mu.Unlock()
	r.settle()
	return r.FN.Marks()
}

// Foreign leaves a sale open, as a program would that spoke to the device past the server. The next task that
// prints drops it, and none tells of it.
func (r *Register) Foreign() {
	r.Mu.Lock()
	defer r.Mu.Unlock()
	r.foreign = r.FN.ShiftOpen()
	r.Notify()
}

// Documents is the storage's whole archive, in order.
func (r *Register) Documents() []storage.Document {
	r.Mu.Lock()
	defer r.Mu.Unlock()
	r.settle()
	return r.FN.Documents()
}

// State is what a person standing at the counter could see, and what the device would tell.
type State struct {
	Power     bool      `json:"power"`
	Link      bool      `json:"link"`
	Paper     bool      `json:"paper"`
	Cover     bool      `json:"cover"`
	OFD       bool      `json:"ofd"`
	Open      bool      `json:"open"`
	ShiftOpen bool      `json:"shiftOpen"`
	Expired   bool      `json:"shiftExpired"`
	Shift     uint32    `json:"shift"`
	Receipt   uint32    `json:"receipt"`
	FN        string    `json:"fn"`
	LastFD    uint32    `json:"lastFd"`
	Unsent    int       `json:"unsent"`
	Drawer    int64     `json:"drawer"` // kopecks
	Opened    int       `json:"drawerOpened"`
	Waiting   int       `json:"waiting"` // requests that are not done
	Blocked   string    `json:"blocked"` // uuid of the request at which the queue stands
	Clock     time.Time `json:"clock"`
	Faults    []string  `json:"faults"`
}

// State looks at server and device.
func (r *Register) State() State {
	r.Mu.Lock()
	defer r.Mu.Unlock()
	unsent, _ := r.FN.Unsent()
	s := State{
		Power: r.power, Link: r.link, Paper: r.paper, Cover: r.cover, OFD: r.FN.Answers(), Open: r.foreign,
		ShiftOpen: r.FN.ShiftOpen(), Expired: r.FN.Over24(), Shift: r.FN.ShiftNo(), Receipt: r.FN.Receipts(), FN: r.FN.Serial(),
		LastFD: r.FN.Last().FD, Unsent: unsent, Drawer: int64(r.ram.Cash), Opened: r.drawer, Clock: r.clock(), Faults: r.faults.names(),
	}
	if r.blocked != nil {
		s.Blocked = r.blocked.uuid
	}
	s.Waiting = len(r.queue) - len(slices.DeleteFunc(slices.Clone(r.queue), func(q *request) bool { return !q.done }))
	return s
}

// Cash is what the device believes to lie in the drawer.
func (r *Register) Cash() sale.Money {
	r.Mu.Lock()
	defer r.Mu.Unlock()
	return r.ram.Cash
}

func (r *Register) clock() time.Time { return wall(r.opt.Now()).Add(r.ram.Drift) }

// wall is what a clock on the wall shows, without a zone: a register knows none.
func wall(t time.Time) time.Time {
	return time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), time.UTC)
}

func (r *Register) serial() string {
	s := strconv.FormatUint(uint64(r.opt.Serial), 10)
	const digits = 14
	for len(s) < digits {
		s = "0" + s
	}
	return s
}
