package shtrih

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/kopilka/kopilka/drivers/emulator/cabinet"
	"github.com/kopilka/kopilka/drivers/emulator/storage"
	"github.com/kopilka/kopilka/drivers/shtrih/frame"
)

// Limits of a register.
const (
	widthMin     = 36  // the narrowest line that the models of this family print
	widthMax     = 48  // the widest
	widthDefault = 42  //
	linesMax     = 300 // positions in one receipt; one more is error 94h
	textMax      = 48  // bytes of one printed text
)

// Options describe one register. The zero value is a register in memory with a storage of its own.
type Options struct {
	Folder    string        // where storage and memory are kept; empty: nothing survives the process
	Model     string        // as the device names itself; default "ШТРИХ-М-01Ф"
	Serial    uint32        // factory number; default 1
	INN       string        // of the taxpayer, 10 or 12 digits
	Shop      []string      // printed above every receipt
	FNSerial  string        // 16 digits; default 9999078900000001
	FNExpires time.Time     // zero: fifteen months after registration
	Width     int           // characters of a line, 36 to 48
	LineTime  time.Duration // what one line takes to print; zero: no time at all
	OFDDelay  time.Duration // how long a document waits until the operator of fiscal data confirms it
	// KeepDocument leaves an open receipt open over a power cut; otherwise it is cancelled at power-on,
	// as the model flag of automatic cancel says.
	KeepDocument bool
	// RunRepeated executes a protocol 2.0 frame whose number came before; otherwise the answer is
	// repeated. What a real device does is not known.
	RunRepeated bool
	ByteGap     time.Duration    // silence that ends a frame; default one second
	Now         func() time.Time // the wall clock of the shop; default time.Now

	FFD       string        // the format it is registered for, "1.05" or "1.2"; default "1.2"
	Positions int           // how many a receipt may have; default 300
	LineBytes int           // what 17h takes; default 48, the oldest firmware takes 40
	Silent    bool          // table 17 has a field 7 that keeps the next document from the paper; mobile models have none
	Ill       Ill           // what is wrong with it when it is first switched on
	ClockOff  time.Duration // its clock against the shop's when it is first switched on
}

// Ill are states in which a shop may find a register in the morning.
type Ill struct {
	Unregistered bool          // its storage is fresh out of the box
	Expired      bool          // its storage has come to the end of its life
	Unknown      bool          // firmware of another maker: it names itself and knows no F7h
	ShiftAge     time.Duration // a shift is open for so long; zero: none
	Document     bool          // another program has left a document open; needs a shift
}

func (o Options) withDefaults() Options {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Model == "" {
		o.Model = "ШТРИХ-М-01Ф"
	}
	if o.FNSerial == "" {
		o.FNSerial = "9999078900000001"
	}
	if o.Serial == 0 {
		o.Serial = 1
	}
	if o.Width == 0 {
		o.Width = widthDefault
	}
	if o.ByteGap == 0 {
		o.ByteGap = time.Second
	}
	if o.FFD == "" {
		o.FFD = ffd12
	}
	if o.Positions == 0 {
		o.Positions = linesMax
	}
	if o.LineBytes == 0 {
		o.LineBytes = textMax
	}
	if len(o.Shop) == 0 {
		o.Shop = []string{"КОПИЛКА"}
	}
	return o
}

// The formats of fiscal data that a register may be registered for.
const (
	ffd105 = "1.05"
	ffd12  = "1.2"
)

// ErrOptions is wrapped by every refusal of [Options].
var ErrOptions = errors.New("register cannot be built so")

func (o Options) check() error {
	digits := func(s string) bool {
		return !slices.ContainsFunc([]byte(s), func(b byte) bool { return b < '0' || b > '9' })
	}
	switch {
	case len(o.FNSerial) != 16 || !digits(o.FNSerial):
		return fmt.Errorf("%w: fiscal storage serial %q must have 16 digits", ErrOptions, o.FNSerial)
	case o.INN != "" && (len(o.INN) != 10 && len(o.INN) != 12 || !digits(o.INN)):
		return fmt.Errorf("%w: INN %q must have 10 or 12 digits", ErrOptions, o.INN)
	case o.FFD != ffd12 && o.FFD != ffd105:
		return fmt.Errorf("%w: FFD %q must be %s or %s", ErrOptions, o.FFD, ffd105, ffd12)
	case o.Positions < 1 || o.Positions > linesMax || o.LineBytes < 1 || o.LineBytes > textMax:
		return fmt.Errorf("%w: %d positions, at most %d; %d bytes of text, at most %d", ErrOptions, o.Positions, linesMax, o.LineBytes, textMax)
	case o.Width < widthMin || o.Width > widthMax:
		return fmt.Errorf("%w: width %d must be %d to %d", ErrOptions, o.Width, widthMin, widthMax)
	}
	return nil
}

// Register is a fiscal register in software. All methods are safe from any goroutine: one lock makes
// commands serial, as the device's one processor does, and is never held while bytes move.
type Register struct {
	opt Options

	cabinet.Cabinet
	ram     memory
	faults  faults
	power   bool
	cable   bool
	paper   bool
	cover   bool      // open
	busy    time.Time // refuses work until then
	prints  time.Time // the last line leaves the head
	lastErr byte
	num     uint16                    // of the last protocol 2.0 frame; lost with the power
	repeat  []byte                    // the answer to it
	pending []byte                    // a protocol 1.0 answer that no host has acknowledged
	off     chan struct{}             // closed when the power goes
	drawer  int                       // how often it was opened
	gone    bool                      // the power went inside a command
	blocks  map[byte][blockBytes]byte // data loaded for a two-dimensional code
	mark    string                    // the code that was checked last and waits to be accepted
	reading []byte                    // what FF3Bh has still to give of a document
}

// New puts a register on the counter, switched on, paper in. With a folder it carries on where the
// last one stopped.
func New(o Options) (*Register, error) {
	o = o.withDefaults()
	if err := o.check(); err != nil {
		return nil, err
	}
	fn, err := storage.Open(storage.Options{
		Folder: o.Folder, Serial: o.FNSerial, Expires: o.FNExpires, Delay: o.OFDDelay, Now: o.Now, Unregistered: o.Ill.Unregistered,
	})
	if err != nil {
		return nil, err
	}
	r := &Register{
		opt: o, power: true, cable: true, paper: true,
		off: make(chan struct{}),
	}
	r.Assemble(fn)
	if err := errors.Join(r.ram.load(o), r.Roll.Load(o.Folder)); err != nil {
		return nil, errors.Join(err, fn.Close())
	}
	r.wake()
	r.sicken()
	return r, nil
}

// Close ends the register and reports the first write to disk that failed.
func (r *Register) Close() error {
	r.SetPower(false)
	r.Mu.Lock()
	defer r.Mu.Unlock()
	return errors.Join(r.ram.Failed(), r.FN.Close(), r.Roll.Close())
}

// SetPower switches the register on or off. Off drops every connection, an answer that waited and a
// command half received; documents and memory stay.
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
	r.power = false
	r.num, r.repeat, r.pending, r.lastErr = 0, nil, nil, 0
	r.busy, r.prints, r.blocks = time.Time{}, time.Time{}, nil
	r.mark, r.reading = "", nil
	r.FN.PowerOff()
	close(r.off)
	r.Notify()
}

// wake is what a register does when it gets power: it learns from the storage what was signed
// without its knowing, and drops a document that cannot go on.
func (r *Register) wake() {
	for fd := r.ram.Seen + 1; fd <= r.FN.Last().FD; fd++ {
		d, ok := r.FN.Find(fd)
		if !ok {
			break
		}
		r.book(d)
		r.ram.Queue = append(r.ram.Queue, r.ending(d)...) // after a power cut nothing prints before B0h
	}
	if r.ram.Receipt != nil && !r.opt.KeepDocument {
		r.annul()
	}
	if r.ram.Receipt != nil {
		r.FN.Current = r.ram.Receipt.current()
	}
	r.ram.save()
}

// SetPaper puts paper in or takes it out. Paper that comes back does not print the rest by itself:
// the host must say so.
func (r *Register) SetPaper(in bool) { r.Set(&r.paper, in) }

// SetCover opens or closes the lid; nothing prints under an open one.
func (r *Register) SetCover(open bool) { r.Set(&r.cover, open) }

// SetCable plugs or pulls the cable: pulled, bytes vanish both ways and nobody is told.
func (r *Register) SetCable(in bool) { r.Set(&r.cable, in) }

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
	Cable     bool      `json:"cable"`
	Paper     bool      `json:"paper"`
	Cover     bool      `json:"cover"`
	OFD       bool      `json:"ofd"`
	Mode      byte      `json:"mode"`
	SubMode   byte      `json:"subMode"`
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
		Power: r.power, Cable: r.cable, Paper: r.paper, Cover: r.cover, OFD: r.FN.Answers(),
		Mode: r.mode(), SubMode: r.subMode(), ShiftOpen: r.FN.ShiftOpen(), Expired: r.FN.Over24(), Shift: r.FN.ShiftNo(),
		Receipt: r.FN.Receipts(), FN: r.FN.Serial(), LastFD: r.FN.Last().FD, Unsent: unsent,
		Drawer: int64(r.ram.Cash), Opened: r.drawer, Clock: r.clock(), Faults: r.faults.names(),
	}
}

func (r *Register) clock() time.Time { return wall(r.opt.Now()).Add(r.ram.Drift) }

// wall is what a clock on the wall shows, without a zone: a register knows none.
func wall(t time.Time) time.Time {
	return time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), time.UTC)
}

// Modes, the low nibble of the mode byte.
const (
	modeOpen    = 2
	modeExpired = 3
	modeClosed  = 4
	modeDate    = 6
	modeDoc     = 8
)

func (r *Register) mode() byte {
	switch {
	case r.ram.Receipt != nil:
		return modeDoc | r.ram.Receipt.Kind<<4
	case r.ram.DateAsked != "":
		return modeDate
	case r.FN.Over24():
		return modeExpired
	case r.FN.ShiftOpen():
		return modeOpen
	}
	return modeClosed
}

// Sub-modes.
const (
	subReady    = 0
	subPassive  = 1
	subActive   = 2
	subContinue = 3
	subPrinting = 5
)

func (r *Register) subMode() byte {
	switch fed := r.paper && !r.cover; {
	case len(r.ram.Queue) > 0 && fed:
		return subContinue
	case len(r.ram.Queue) > 0:
		return subActive
	case !fed:
		return subPassive
	case r.opt.Now().Before(r.prints):
		return subPrinting
	}
	return subReady
}

// Error codes of the register.
const (
	errParameters  = 0x33
	errUnsupported = 0x37
	errShiftClosed = 0x3D
	errPayment     = 0x45
	errDrawer      = 0x46
	errDocOpen     = 0x4A
	errCashless    = 0x4D
	errShift24     = 0x4E
	errPassword    = 0x4F
	errPrinting    = 0x50
	errDocClosed   = 0x55
	errNoRepeat    = 0x56
	errContinue    = 0x58
	errOtherUser   = 0x59
	errTable       = 0x5D
	errOperation   = 0x5E
	errPaper       = 0x6B
	errMode        = 0x73
	errMemory      = 0x74
	errLength      = 0x7E
	errDate        = 0x7C
	errZero        = 0x8E
	errUnfiscal    = 0x8F
	errLines       = 0x94
	errConfirm     = 0xC0
)

// Execute runs one command as a frame carries it: code, parameters. The answer is code, error, data.
// No answer means that the power went, or is off.
func (r *Register) Execute(command []byte) (answer []byte, ok bool) {
	r.Mu.Lock()
	defer r.Mu.Unlock()
	if !r.power {
		return nil, false
	}
	code, params, whole := frame.Split(command)
	if !whole {
		return append(slices.Clone(command), errParameters), true
	}
	r.gone = false
	data, fault := r.dispatch(code, params)
	if r.gone || !r.power {
		r.cutPower()
		return nil, false
	}
	if fault == 0 {
		fault = r.ram.trouble()
	}
	r.lastErr = fault
	r.Notify()
	answer = append(code.Append(nil), fault)
	if fault == 0 {
		answer = append(answer, data...)
	}
	return answer, true
}

// dispatch refuses in the order in which a device finds reasons: unknown, malformed, not allowed to
// you, not now, not in this mode.
func (r *Register) dispatch(code frame.Cmd, params []byte) ([]byte, byte) {
	c, known := commands[code]
	r.before(code)
	if !known || r.opt.Ill.Unknown && code == frame.CmdModel || c.ffd != "" && c.ffd != r.opt.FFD {
		return nil, errUnsupported
	}
	if len(params) < c.min || len(params) > c.max {
		return nil, errParameters
	}
	q := request{code: code}
	if c.who != nobody {
		who, ok := r.operator(params, c.who)
		if !ok {
			return nil, errPassword
		}
		q.who, params = who, params[4:]
	}
	q.p = params
	if !c.read {
		if refused := r.refuses(code, c, q.who); refused != 0 {
			return nil, refused
		}
	}
	data, fault := c.run(r, q)
	if fault != 0 || !c.oper {
		return data, fault
	}
	return append([]byte{q.who}, data...), 0
}

// refuses says why a command that does work cannot be taken now.
func (r *Register) refuses(code frame.Cmd, c command, who byte) byte {
	if r.opt.Now().Before(r.busy) {
		return errPrinting
	}
	switch sub := r.subMode(); {
	case sub == subPrinting:
		return errPrinting
	case sub == subActive:
		return errPaper
	case sub == subContinue && code != frame.CmdContinue:
		return errContinue
	case sub == subPassive && c.prints:
		return errPaper
	}
	if c.when&(1<<(r.mode()&0x0F)) != 0 {
		return r.foreignTo(c, who)
	}
	if r.FN.Phase() != storage.PhaseFiscal && c.when&(inOpen|inDoc|inClosed) != 0 {
		return errUnfiscal
	}
	if c.otherwise != 0 && r.mode() != modeDate {
		return c.otherwise
	}
	return r.wrongMode()
}

// foreignTo keeps an operator off another's document; the administrators may always go on with it.
func (r *Register) foreignTo(c command, who byte) byte {
	if c.when == inDoc && who < adminRow && r.ram.Receipt.Who != who {
		return errOtherUser
	}
	return 0
}

func (r *Register) wrongMode() byte {
	switch r.mode() & 0x0F {
	case modeDate:
		return errConfirm
	case modeDoc:
		return errDocOpen
	case modeExpired:
		return errShift24
	case modeClosed:
		return errShiftClosed
	}
	return errMode
}
