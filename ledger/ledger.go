package ledger

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"go.etcd.io/bbolt"
	bbolterrors "go.etcd.io/bbolt/errors"

	"github.com/kopilka/kopilka/ledger/sale"
)

// FileName is the ledger's file in its folder.
const FileName = "ledger.db"

// FileFormat is the format of the file that this program writes. It reads every format up to this one, so that a
// version may be gone back to while it has the same.
const FileFormat = 1

// Limits of the file.
const (
	lockWait     = 2 * time.Second // for another process to let go of the file
	journalFill  = 1.0             // the journal is only appended to: full pages, half the file
	growBytes    = 16 << 20        // step by which bbolt grows the file
	customersMax = 1 << 24
)

// Errors that a caller tells apart.
var (
	ErrBroken     = errors.New("the ledger's disk failed; restart the till program, it will check the ledger's tail")
	ErrLocked     = errors.New("another program has the ledger open")
	ErrNoTill     = errors.New("this ledger belongs to no till yet: enrol it")
	ErrOtherTill  = errors.New("this ledger belongs to another till")
	ErrBusy       = errors.New("another fiscal job is not finished")
	ErrNotBegun   = errors.New("no such fiscal job is open")
	ErrKnown      = errors.New("this is journalled already")
	ErrLease      = errors.New("these points are not held here")
	ErrNotFound   = errors.New("not in this ledger")
	ErrDamaged    = errors.New("the ledger is damaged")
	ErrNewerFile  = errors.New("the ledger was written by a newer version of the program")
	errNoProgress = errors.New("nothing to do")
)

var buckets = []string{
	"meta", "journal", "index", "begun", "leases", "held", "recalled", "lots", "own",
	"customers", "keys", "products", "barcodes", "staff", "programmes", "settings", "parked",
	"codes", "used", "aside",
}

// Clock gives trusted time and who vouches for it.
type Clock func() (sale.Time, sale.TimeQuality)

// Options are what a ledger needs from outside.
type Options struct {
	Clock  Clock     // trusted time
	Random io.Reader // for the IDs of records that the ledger makes itself
	// Program is the name and version of who opens it. A new one has the changes that its predecessor
	// could not read sent again.
	Program string
}

// Identity is whose ledger this is.
type Identity struct {
	Org   sale.OrgNo   `cbor:"1,keyasint"`
	Store sale.StoreNo `cbor:"2,keyasint"`
	Till  sale.TillNo  `cbor:"3,keyasint"`
}

// Ledger is an open ledger. Its methods are safe for concurrent use; writes go one at a time.
type Ledger struct {
	dir      string
	db       *bbolt.DB
	clock    Clock
	random   io.Reader
	appended chan struct{}
	changed  chan struct{}

	// Reads of the sale path keep what they need in memory, replaced whole after each commit.
	state  atomic.Pointer[state]
	broken atomic.Pointer[error]
	snap   snapshotHolder
	goods  catalogue
	next   sync.Mutex // held by whoever writes next
	writes sync.Mutex // one writer at a time, and the state published in commit order
	looked looked
	kpi    figures
	rules  programmes
}

// state is what is asked for at every scan; a copy is swapped in after the commit that changed it.
type state struct {
	who      Identity
	head     sale.Position
	acked    sale.Position
	counter  uint32
	high     sale.Time
	applied  uint64
	tally    Tally
	snapshot snapshotRef
	aside    int

	generation uint32 // of head office, once all leases from before it are asked for
}

// Open opens the ledger in a folder, making it where there is none. The folder must be on a local
// disk. ErrLocked tells that another process has it.
func Open(dir string, o Options) (*Ledger, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the ledger's folder: %w", err)
	}
	path := filepath.Join(dir, FileName)
	db, err := openFile(dir)
	if errors.Is(err, bbolterrors.ErrTimeout) {
		return nil, fmt.Errorf("open %s: %w", path, ErrLocked)
	}
	if err != nil {
		return nil, fmt.Errorf("open the ledger %s: %w", path, err)
	}
	db.AllocSize = growBytes
	l := &Ledger{dir: dir, db: db, clock: o.Clock, random: o.Random, appended: make(chan struct{}, 1), changed: make(chan struct{}, 1)}
	if err := guard(l.load); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	if err := l.write(func(w *writer) error { return w.meetProgram(o.Program) }); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

// openFile opens and locks the file that the name stands for. A file that was waited for may have been
// replaced by Compact meanwhile, and what is written to that one is gone at the next start: so, with the lock
// held, a new file that waits to be put in place is taken away, and only then the names are compared.
func openFile(dir string) (*bbolt.DB, error) {
	path := filepath.Join(dir, FileName)
	for {
		var file *os.File
		db, err := bbolt.Open(path, 0o600, &bbolt.Options{
			Timeout: lockWait, FreelistType: bbolt.FreelistMapType,
			OpenFile: func(name string, flag int, mode os.FileMode) (f *os.File, err error) {
				f, err = os.OpenFile(name, flag, mode)
				file = f
				return f, err
			},
		})
		if err != nil {
			return nil, err
		}
		current, err := false, finishCompact(dir)
		if err == nil {
			current, err = isNamed(file, path)
		}
		if current {
			return db, nil
		}
		if err := errors.Join(err, db.Close()); err != nil {
			return nil, err
		}
	}
}

// isNamed tells whether an open file is still the one that the path names.
func isNamed(file *os.File, path string) (bool, error) {
	opened, err := file.Stat()
	if err != nil {
		return false, err
	}
	named, err := os.Stat(path)
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	return err == nil && os.SameFile(opened, named), err
}

// Close closes the files. A second Close does nothing.
func (l *Ledger) Close() error {
	err := l.keepLooked()
	l.writes.Lock()
	defer l.writes.Unlock()
	return errors.Join(err, l.snap.close(), l.db.Close())
}

// Dir is the folder of the ledger.
func (l *Ledger) Dir() string { return l.dir }

func (l *Ledger) load() error {
	err := l.db.Update(func(tx *bbolt.Tx) error {
		for _, name := range buckets {
			if _, err := tx.CreateBucketIfNotExists([]byte(name)); err != nil {
				return err
			}
		}
		return checkFormat(meta(tx))
	})
	if err != nil {
		return fmt.Errorf("prepare the ledger's buckets: %w", err)
	}
	var s state
	if err := l.db.View(func(tx *bbolt.Tx) error { return readState(tx, &s) }); err != nil {
		return err
	}
	if err := l.snap.open(l.dir, s.snapshot); err != nil {
		return err
	}
	l.state.Store(&s)
	if err := l.db.View(l.looked.load); err != nil {
		return err
	}
	return l.goods.load(l.db)
}

func checkFormat(b *bbolt.Bucket) error {
	v := b.Get([]byte("format"))
	if v == nil {
		return b.Put([]byte("format"), []byte{FileFormat})
	}
	if len(v) != 1 || v[0] > FileFormat {
		return fmt.Errorf("%w: format %x, this program reads up to %d", ErrNewerFile, v, FileFormat)
	}
	return nil
}

func readState(tx *bbolt.Tx, s *state) error {
	b := meta(tx)
	for key, into := range map[string]any{
		"till": &s.who, "head": &s.head, "acked": &s.acked, "counter": &s.counter, "high": &s.high,
		"applied": &s.applied, "tally": &s.tally, "snapshot": &s.snapshot,
		"set-aside": &s.aside, "generation": &s.generation,
	} {
		v := b.Get([]byte(key))
		if v == nil {
			continue
		}
		if err := sale.Decode(v, into); err != nil {
			return fmt.Errorf("%w: meta %s: %w", ErrDamaged, key, err)
		}
	}
	return nil
}

// write runs one transaction. change works on a copy of the state, which is published only after the
// commit. A commit that fails closes the ledger: after a failed fsync nobody knows what is on disk.
func (l *Ledger) write(change func(w *writer) error) error {
	l.takeTurn()
	defer l.writes.Unlock()
	if e := l.broken.Load(); e != nil {
		return *e
	}
	tx, err := l.db.Begin(true)
	if errors.Is(err, bbolterrors.ErrDatabaseNotOpen) {
		return fmt.Errorf("the ledger was closed: %w", err)
	}
	if err != nil {
		return l.fail(fmt.Errorf("begin a transaction: %w", err))
	}
	before := l.state.Load()
	s := *before
	w := &writer{Tx: tx, s: &s, l: l}
	if err := change(w); err != nil {
		if errors.Is(err, errNoProgress) {
			err = nil
		}
		return errors.Join(err, tx.Rollback())
	}
	if err := errors.Join(w.saveState(before), w.saveLooked()); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	if err := tx.Commit(); err != nil {
		return l.fail(fmt.Errorf("commit: %w", err))
	}
	l.state.Store(&s)
	if s.head != before.head {
		signal(l.appended)
	}
	if s.applied != before.applied || s.snapshot != before.snapshot {
		signal(l.changed)
	}
	for _, f := range w.after {
		f()
	}
	return nil
}

// takeTurn locks writes. A mutex alone may go again to who has just let go of it: a sale would wait for two slices
// of a long work, and this way waits for one.
func (l *Ledger) takeTurn() {
	l.next.Lock()
	defer l.next.Unlock()
	l.writes.Lock()
}

// signal never waits: one signal stands for any number of events.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

func (l *Ledger) fail(cause error) error {
	err := fmt.Errorf("%w: %w", ErrBroken, cause)
	l.broken.CompareAndSwap(nil, &err)
	return err
}

// Failed is why the ledger takes nothing more, wrapping [ErrBroken]; nil while it works.
func (l *Ledger) Failed() error {
	if e := l.broken.Load(); e != nil {
		return *e
	}
	return nil
}

func (l *Ledger) view(read func(tx *bbolt.Tx) error) error {
	if e := l.broken.Load(); e != nil {
		return *e
	}
	return guard(func() error { return l.db.View(read) })
}

// guard makes an error of bbolt's panics: it asserts what a page must look like, and where a page number
// is wild it reads outside of the file. A till must say that its file is damaged, not vanish.
func guard(read func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: %v", ErrDamaged, p)
		}
	}()
	return read()
}

// writer is one write transaction with the state that it will leave.
type writer struct {
	*bbolt.Tx
	s     *state
	l     *Ledger
	after []func() // run once the commit is durable
}

func (w *writer) saveState(before *state) error {
	type item struct {
		key     string
		changed bool
		value   any
	}
	for _, i := range []item{
		{"till", w.s.who != before.who, w.s.who},
		{"head", w.s.head != before.head, w.s.head},
		{"acked", w.s.acked != before.acked, w.s.acked},
		{"counter", w.s.counter != before.counter, w.s.counter},
		{"high", w.s.high != before.high, w.s.high},
		{"applied", w.s.applied != before.applied, w.s.applied},
		{"tally", w.s.tally != before.tally, w.s.tally},
		{"snapshot", w.s.snapshot != before.snapshot, w.s.snapshot},
		{"set-aside", w.s.aside != before.aside, w.s.aside},
		{"generation", w.s.generation != before.generation, w.s.generation},
	} {
		if !i.changed {
			continue
		}
		if err := put(meta(w.Tx), []byte(i.key), i.value); err != nil {
			return err
		}
	}
	return nil
}

// now is trusted time, never below the high-water mark, which it raises. A clock that nobody vouches for does
// not raise it: a machine set a year ahead would hold every later clock to that year.
func (w *writer) now() (sale.Time, sale.TimeQuality) {
	at, quality := w.l.clock()
	at = max(at, w.s.high)
	if quality != sale.TimeFrozen {
		w.s.high = at
	}
	return at, quality
}

func (w *writer) newID(at sale.Time) (sale.ID, error) { return sale.NewID(at.Time(), w.l.random) }

func (w *writer) bucket(name string) *bbolt.Bucket { return w.Bucket([]byte(name)) }

func meta(tx *bbolt.Tx) *bbolt.Bucket { return tx.Bucket([]byte("meta")) }

func put(b *bbolt.Bucket, key []byte, value any) error {
	v, err := sale.Encode(value)
	if err != nil {
		return err
	}
	if err := b.Put(key, v); err != nil {
		return fmt.Errorf("put %x: %w", key, err)
	}
	return nil
}

// get decodes a value; found is false where there is none.
func get(b *bbolt.Bucket, key []byte, into any) (found bool, err error) {
	v := b.Get(key)
	if v == nil {
		return false, nil
	}
	if err := sale.Decode(v, into); err != nil {
		return false, fmt.Errorf("%w: %x: %w", ErrDamaged, key, err)
	}
	return true, nil
}

func positionKey(epoch uint32, seq uint64) []byte {
	return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint32(make([]byte, 0, 12), epoch), seq)
}

func splitPosition(k []byte) (epoch uint32, seq uint64) {
	return binary.BigEndian.Uint32(k), binary.BigEndian.Uint64(k[4:])
}

// Who is whose ledger this is; ErrNoTill before enrolment.
func (l *Ledger) Who() (Identity, error) {
	who := l.state.Load().who
	if who.Till == 0 {
		return who, ErrNoTill
	}
	return who, nil
}

// Enrol gives the ledger to a till: the first record of epoch 1 says so. The same till again is no
// error; another one is.
func (l *Ledger) Enrol(who Identity) error {
	return l.write(func(w *writer) error {
		switch {
		case who.Till == 0:
			return ErrNoTill
		case w.s.who == who:
			return errNoProgress
		case w.s.who.Till != 0:
			return fmt.Errorf("%w: till %d of store %d, not till %d", ErrOtherTill, w.s.who.Till, w.s.who.Store, who.Till)
		}
		w.s.who = who
		w.s.head = sale.Position{Epoch: 1}
		w.s.acked = w.s.head
		return w.appendNew(&sale.Record{Kind: sale.KindEpoch, Start: &sale.EpochStart{Reason: "enrolled"}}, nil)
	})
}

// Now is trusted time as the ledger would write it, never below the high-water mark.
func (l *Ledger) Now() (sale.Time, sale.TimeQuality) {
	at, quality := l.clock()
	return max(at, l.state.Load().high), quality
}

// HighWater is the latest trusted time that is on disk.
func (l *Ledger) HighWater() sale.Time { return l.state.Load().high }
