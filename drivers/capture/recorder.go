package capture

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/kopilka/kopilka/drivers"
	"github.com/kopilka/kopilka/drivers/port"
)

// burstMax is what is kept of one burst: a logo of a printer with room to spare. The rest is counted.
const burstMax = 1 << 20

// Options say what a recorder writes down and where.
type Options struct {
	Ring    *Ring // nil: nothing is written down, only Failed is called
	Now     func() time.Time
	Device  string // name in the config
	Type    string // as drivers/all names it
	Program string
	Rewrite Rewrite // of the type's frames; nil: none
	// Failed hears of every call of a register that ended, with its error or with nil; nil: nobody does.
	Failed func(op Op, err error)
}

// Recorder writes down one device. Its methods are safe to be called from several goroutines, as drivers that
// speak HTTP do.
type Recorder struct {
	Options

	mu      sync.Mutex // guards what follows; never held across I/O
	session string
	conns   int
	mask    *Masker
	shapes  bool // of what is printed and shown only the shape is kept
	polls   polls
	scans   bool   // bytes are kept back until a code is whole
	prefix  []byte // that the scanner is set to send before each code
	burst   burst
	last    Entry   // the one before: its connection and kind
	held    []Entry // of a session that has not reached its device yet
	holding bool
	vain    bool   // a session that never reached its device is in the file already
	began   uint64 // turns of the ring when the session began
}

// burst is what came in one direction since the direction changed.
type burst struct {
	kind Kind
	conn int
	at   time.Time
	data []byte
	lost int
}

// NewRecorder makes a recorder; nothing is written before a session begins.
func NewRecorder(o Options) *Recorder { return &Recorder{Options: o, mask: NewMasker(o.Rewrite)} }

// secretWords are found in the names of settings whose values stay out of the file.
var secretWords = []string{"password", "secret", "token", "login", "pin", "key"}

// begin starts a session: a driver is made.
func (r *Recorder) begin(settings map[string]string) {
	if r.Ring == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.flush()
	about := &About{Device: r.Device, Type: r.Type, Program: r.Program, Settings: maps.Clone(settings)}
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		if slices.ContainsFunc(secretWords, func(w string) bool { return strings.Contains(name, w) }) && !factory(settings[name]) {
			delete(about.Settings, name)
			about.Withheld = append(about.Withheld, name)
		}
	}
	now := r.Now()
	r.session, r.conns, r.mask = r.Device+" "+strconv.FormatInt(now.UnixMicro(), 36), 0, NewMasker(r.Rewrite)
	r.mask.shapes, r.polls = r.shapes, polls{}
	r.began = r.Ring.turned()
	r.held, r.holding = nil, true
	r.put(Entry{Kind: KindSession, About: about})
}

// hold keeps an entry back until the device is reached: a till dials an absent device every few seconds, and of
// that the first time is enough.
func (r *Recorder) hold(e Entry) {
	r.held = append(r.held, e)
	switch {
	case e.Kind == KindDial:
		r.vain = false
	case e.Kind != KindEnd:
		return
	case r.vain:
		r.held = r.held[:1] // the session itself
		return
	default:
		r.vain = true
	}
	for _, h := range r.held {
		r.Ring.Put(h)
	}
	r.held, r.holding = nil, false
}

// factory are the passwords that registers leave the factory with: no secret, and a replay needs them.
func factory(password string) bool {
	return slices.Contains([]string{"", "1", "29", "30", "PIRI", "0000"}, password)
}

// turnedSince tells whether half of the file was given up since the session began.
func (r *Recorder) turnedSince() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.Ring != nil && r.Ring.turned() != r.began
}

func (r *Recorder) put(e Entry) {
	if e.At == 0 {
		e.At = r.Now().UnixMicro()
	}
	e.Session = r.session
	r.last = e
	if r.polls.keep(e) {
		return
	}
	r.write(e)
}

// write is the end of put.
func (r *Recorder) write(e Entry) {
	if r.holding {
		r.hold(e)
		return
	}
	r.Ring.Put(e)
}

// add collects bytes of one direction.
func (r *Recorder) add(kind Kind, conn int, data []byte) {
	if r.Ring == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.burst.kind != kind || r.burst.conn != conn {
		r.flush()
		r.burst = burst{kind: kind, conn: conn, at: r.Now()}
	}
	room := max(0, burstMax-len(r.burst.data))
	r.burst.data = append(r.burst.data, data[:min(room, len(data))]...)
	r.burst.lost += max(0, len(data)-room)
}

// sent flushes what was written: the till waits for an answer now, and may not live to see it.
func (r *Recorder) sent() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.burst.kind == KindWrite {
		r.flush()
	}
}

// flush masks the burst and writes it down.
func (r *Recorder) flush() {
	b := r.burst
	r.burst = burst{}
	if b.kind == "" {
		return
	}
	e := Entry{At: b.at.UnixMicro(), Kind: b.kind, Conn: b.conn, Lost: b.lost}
	switch {
	case r.scans:
		e.Data = MaskScan(b.data, r.prefix)
	case r.shapes && b.kind == KindRead:
		e.Data = b.data // a printer says how it is and how it is called
	default:
		e.Data = r.mask.Burst(b.data)
	}
	r.put(e)
}

// tell writes down what is no bytes. A wait in vain is told once, however often it is repeated.
func (r *Recorder) tell(e Entry) {
	if r.Ring == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if e.Kind == KindTimeout {
		if r.scans || r.burst.kind == "" && r.last.Kind == KindTimeout && r.last.Conn == e.Conn {
			return // of a scanner's silence nothing is to be learned
		}
	}
	r.flush()
	r.put(e)
}

// call writes down the beginning of a call, and end its outcome. args is masked in place.
func (r *Recorder) call(op Op, args *Args) {
	if r.Ring == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.flush()
	r.mask.Learn(args)
	r.mask.Values(args)
	r.polls.begin(r.shapes && op == OpStatus)
	r.put(Entry{Kind: KindCall, Op: op, Args: args})
}

func (r *Recorder) end(op Op, result *Result, err error) {
	if r.Ring == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.flush()
	e := Entry{Kind: KindEnd, Op: op, Result: result, Failure: failureOf(err)}
	if r.scans && result != nil && result.Code != nil {
		result.Code.Text = string(MaskScan([]byte(result.Code.Text), nil))
	}
	if !r.scans && !r.shapes {
		r.mask.Values(result)
		if e.Failure != nil {
			e.Failure.Text = r.mask.Text(e.Failure.Text)
		}
	}
	r.put(e)
	for _, e := range r.polls.end() {
		r.write(e)
	}
}

// failureOf is an error in the capture's words.
func failureOf(err error) *Failure {
	if err == nil {
		return nil
	}
	f := &Failure{Why: whyOf(err), Text: err.Error()}
	var e *drivers.Error
	if errors.As(err, &e) {
		f.Fail, f.Outcome, f.Code = e.Fail, e.Outcome, e.Code
	}
	return f
}

func whyOf(err error) Why {
	for _, w := range []struct {
		is  error
		why Why
	}{
		{context.Canceled, WhyEnded},
		{context.DeadlineExceeded, WhyEnded},
		{port.ErrGone, WhyGone},
		{port.ErrBusy, WhyBusy},
		{fs.ErrNotExist, WhyMissing},
		{io.EOF, WhyEnd},
		{io.ErrClosedPipe, WhyEnd},
		{os.ErrClosed, WhyClosed},
	} {
		if errors.Is(err, w.is) {
			return w.why
		}
	}
	return WhyOther
}

// Dial is a dial function whose connections are written down.
func (r *Recorder) Dial(dial port.Dial) port.Dial {
	return func(ctx context.Context) (port.Conn, error) {
		conn, err := dial(ctx)
		if err != nil {
			r.tell(Entry{Kind: KindDialFailed, Failure: failureOf(err)})
			return nil, err
		}
		r.mu.Lock()
		r.conns++
		no := r.conns
		r.mu.Unlock()
		r.tell(Entry{Kind: KindDial, Conn: no})
		return &recordedConn{Conn: conn, r: r, no: no}, nil
	}
}

// recordedConn passes everything through.
type recordedConn struct {
	port.Conn
	r  *Recorder
	no int
}

func (c *recordedConn) Read(p []byte) (int, error) {
	c.r.sent()
	n, err := c.Conn.Read(p)
	if n > 0 {
		c.r.add(KindRead, c.no, p[:n])
	}
	switch {
	case err == nil:
	case errors.Is(err, os.ErrDeadlineExceeded):
		c.r.tell(Entry{Kind: KindTimeout, Conn: c.no})
	default:
		c.r.tell(Entry{Kind: KindReadFailed, Conn: c.no, Failure: failureOf(err)})
	}
	return n, err
}

func (c *recordedConn) Write(p []byte) (int, error) {
	// Noted before it is done: an answer may come in another goroutine before Write returns.
	c.r.add(KindWrite, c.no, p)
	n, err := c.Conn.Write(p)
	if err != nil {
		c.r.tell(Entry{Kind: KindWriteFailed, Conn: c.no, Failure: failureOf(err)})
	}
	return n, err
}

func (c *recordedConn) Close() error {
	c.r.tell(Entry{Kind: KindClose, Conn: c.no})
	return c.Conn.Close()
}
