package pirit

import (
	"strconv"

	"github.com/kopilka/kopilka/drivers/emulator/storage"
	"github.com/kopilka/kopilka/drivers/pirit/frame"
	"github.com/kopilka/kopilka/ledger/sale"
)

// Error codes of the register.
const (
	errState    byte = 0x01
	errFunction byte = 0x02
	errFormat   byte = 0x03
	errOverflow byte = 0x04
	errTimeout  byte = 0x05
	errPassword byte = 0x06
	errChecksum byte = 0x07
	errPaper    byte = 0x08
	errPrinter  byte = 0x09
	errDay      byte = 0x0A
	errDrift    byte = 0x0B
	errEarlier  byte = 0x0C
	errCash     byte = 0x0E
	errShift    byte = 0x0F
	errFatal    byte = 0x20
	errNoData   byte = 0x48
	errLines    byte = 0x4E
	errMarkMode byte = 0x72
)

// Reasons of 01h, as 06/1 numbers them.
const (
	whyNotStarted = 1
	whyNoDocument = 8
	whyDocument   = 9
	whyState1     = 11
	whyState2     = 12
	whyState3     = 13
	whyState4     = 14
	whySigned     = 15
	whyNotReceipt = 16
	whyNotCash    = 17
	whyNotService = 18
	whyShift      = 20
	whyZero       = 26
	whyNoName     = 33
)

// fnCodes are the storage's answers as this family passes them on.
var fnCodes = map[storage.Code]byte{
	storage.WrongState: 0x42, storage.Broken: 0x43, storage.Expired: 0x45, storage.Full: 0x46, storage.WrongTime: 0x47,
	storage.NoData: errNoData, storage.Parameter: 0x49, storage.TLVTooBig: 0x50, storage.OFDWait: 0x55, storage.Shift24: 0x56,
	storage.TimeDiff: 0x57, storage.MarkOrder: 0x73, storage.MarksFull: 0x75, storage.MarkMissing: 0x7C, storage.MarkUnknown: 0x7E,
}

func fnCode(c storage.Code) byte {
	if c == storage.OK {
		return 0
	}
	return fnCodes[c]
}

// request is a command on its way, with its fields at hand.
type request struct {
	cmd    frame.Cmd
	fields [][]byte
}

func (q request) field(i int) []byte { return frame.Field(q.fields, i) }

func (q request) text(i int) string { return frame.ReadText(q.field(i)) }

// number is a field of digits; an empty one is zero.
func (q request) number(i int) (int, bool) {
	p := q.field(i)
	if len(p) == 0 {
		return 0, true
	}
	n, err := strconv.ParseUint(string(p), 10, 31)
	return int(n), err == nil
}

// money is a field of roubles; an empty one is zero.
func (q request) money(i int) (sale.Money, bool) {
	p := q.field(i)
	if len(p) == 0 {
		return 0, true
	}
	m, err := sale.ParseMoney(string(p))
	return m, err == nil
}

// command is what the register does on a code.
type command struct {
	run func(*Register, request) ([][]byte, byte)
	// early commands are answered before 10h has come.
	early bool
	// signed commands are answered in document state 8.
	signed bool
	// quiet commands have no answer in batch mode while all is well.
	quiet bool
}

// commandTable is all that the register can do.
func commandTable() map[frame.Cmd]command {
	return map[frame.Cmd]command{
		frame.CmdFlags:        {run: (*Register).flags, early: true, signed: true},
		frame.CmdCounters:     {run: (*Register).counters, early: true, signed: true},
		frame.CmdInfo:         {run: (*Register).info, early: true, signed: true},
		frame.CmdReceipt:      {run: (*Register).receiptData, early: true, signed: true},
		frame.CmdPrinter:      {run: (*Register).printer, early: true, signed: true},
		frame.CmdErrorMore:    {run: (*Register).errorMore, early: true, signed: true},
		frame.CmdStart:        {run: (*Register).start, early: true, signed: true},
		frame.CmdReadSetting:  {run: (*Register).readSetting, signed: true},
		frame.CmdWriteSetting: {run: (*Register).writeSetting},
		frame.CmdReadClock:    {run: (*Register).readClock, early: true, signed: true},
		frame.CmdWriteClock:   {run: (*Register).writeClock},
		frame.CmdXReport:      {run: (*Register).xReport},
		frame.CmdZReport:      {run: (*Register).zReport},
		frame.CmdOpenShift:    {run: (*Register).openShift},
		frame.CmdLineTags:     {run: (*Register).lineTags, quiet: true},
		frame.CmdOpen:         {run: (*Register).open},
		frame.CmdClose:        {run: (*Register).close, signed: true},
		frame.CmdCancel:       {run: (*Register).cancel},
		frame.CmdPostpone:     {run: (*Register).cancel},
		frame.CmdCut:          {run: (*Register).cut},
		frame.CmdText:         {run: (*Register).text, quiet: true},
		frame.CmdBarcode:      {run: (*Register).barcode, quiet: true},
		frame.CmdLine:         {run: (*Register).line, quiet: true},
		frame.CmdSubtotal:     {run: (*Register).subtotal, quiet: true},
		frame.CmdPay:          {run: (*Register).pay, quiet: true},
		frame.CmdCash:         {run: (*Register).moveCash, quiet: true},
		frame.CmdRequisite:    {run: (*Register).requisite, quiet: true},
		frame.CmdCompare:      {run: (*Register).compare, quiet: true},
		frame.CmdCorrection:   {run: (*Register).correction},
		frame.CmdPrintStored:  {run: (*Register).printStored},
		frame.CmdStorage:      {run: (*Register).storage, signed: true},
		frame.CmdMark:         {run: (*Register).marking},
		frame.CmdDrawer:       {run: (*Register).openDrawer, signed: true},
		frame.CmdDrawerState:  {run: (*Register).drawerState, signed: true},
		frame.CmdBeep:         {run: (*Register).beep, signed: true},
	}
}

// Execute runs one command. No answer means that the power went or is off, or that the batch mode keeps silent.
func (r *Register) Execute(ask frame.Request) (frame.Answer, bool) {
	r.Mu.Lock()
	defer r.Mu.Unlock()
	return r.execute(ask)
}

func (r *Register) execute(ask frame.Request) (frame.Answer, bool) {
	if !r.power {
		return frame.Answer{}, false
	}
	r.gone = false
	c, known := r.commands[ask.Cmd]
	fields, code := [][]byte(nil), errFunction
	if known {
		fields, code = r.run(c, request{ask.Cmd, ask.Fields})
	}
	if r.gone || !r.power {
		r.cutPower()
		return frame.Answer{}, false
	}
	if r.ram.Failed() != nil {
		code = errFatal
	}
	r.Notify()
	if code != 0 {
		fields = nil
	}
	return frame.Answer{ID: ask.ID, Cmd: ask.Cmd, Code: code, Fields: fields}, r.speaks(c, code)
}

// speaks tells whether an answer is sent at all: see the batch mode.
func (r *Register) speaks(c command, code byte) bool {
	if r.batch == batchOff || !c.quiet {
		return true
	}
	if code != 0 {
		r.batch = batchFailed
	}
	return code != 0
}

// run refuses in the order in which a device finds reasons.
func (r *Register) run(c command, q request) ([][]byte, byte) {
	r.before(q.cmd)
	switch {
	case !r.started && !c.early:
		return r.impossible(whyNotStarted)
	case r.ram.Signed != 0 && !c.signed:
		return r.impossible(whySigned)
	case r.batch == batchFailed && c.quiet:
		return r.impossible(whyDocument)
	}
	return c.run(r, q)
}

func (r *Register) impossible(why int) ([][]byte, byte) {
	r.more = why
	return nil, errState
}

// ready tells whether something can be printed now, after what still waits has been printed.
func (r *Register) ready() byte {
	r.feed()
	switch {
	case !r.paper:
		return errPaper
	case r.cover:
		return errPrinter
	}
	return 0
}

// Numbers and texts as answers carry them.

func number[T int | uint32 | uint8](n T) []byte { return []byte(strconv.FormatInt(int64(n), 10)) }

func numbers(ns ...int) [][]byte {
	out := make([][]byte, len(ns))
	for i, n := range ns {
		out[i] = number(n)
	}
	return out
}

func roubles(m sale.Money) []byte { return []byte(m.String()) }

const textMax = 256

func text(s string) []byte { return frame.Text(s, textMax) }
