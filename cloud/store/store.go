package store

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sort"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/kopilka/kopilka/ledger/sale"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Store is the database of head office. It is safe for concurrent use.
type Store struct {
	write, read *sql.DB
	dialect     *dialect
	path        string   // of SQLite's file
	lock        *os.File // of its folder
	now         func() time.Time

	mu       sync.Mutex // of what follows, for moments only
	watchers map[sale.OrgNo]map[chan struct{}]bool
	closed   bool
	busy     sync.WaitGroup // whoever has a connection

	texts    sync.Map      // bulkKey → *sql.Stmt (SQLite) or string (PostgreSQL)
	clocks   sync.Map      // name → *time.Location
	tuned    atomic.Int64  // when [Store.tune] last ran, in Unix milliseconds
	building chan struct{} // holds one token: one snapshot is built at a time
}

// Errors that callers tell apart.
var (
	ErrNotFound = errors.New("not found")
	// ErrStale means that head office's own event no longer fits the balances: read and decide again.
	ErrStale = errors.New("the balances have moved on")
	// errClosed is for those who still ask when head office has ended.
	errClosed = errors.New("the database is closed")
)

const txRetriesMax = 5 // of deadlocks and serialisation failures on PostgreSQL

// Open opens a data folder (SQLite) or a postgres:// address and brings the schema up to date. now is
// head office's clock.
func Open(ctx context.Context, where string, now func() time.Time) (*Store, error) {
	s := &Store{
		dialect: &dialect{postgres: isPostgres(where)}, now: now,
		watchers: map[sale.OrgNo]map[chan struct{}]bool{}, building: make(chan struct{}, 1),
	}
	var err error
	if s.dialect.postgres {
		s.write, err = openPostgres(where)
		s.read = s.write
	} else {
		err = s.openSQLite(where)
	}
	if err != nil {
		return nil, err
	}
	if err := s.migrate(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	if err := s.tune(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// tuneEvery is how often the engine looks at how full its tables have become.
const tuneEvery = time.Hour

// tune lets SQLite count what its indices hold, from a few hundred rows of each: without that it takes any index
// that begins with the organisation for a good one. PostgreSQL does so by itself.
func (s *Store) tune(ctx context.Context) error {
	now, last := s.now().UnixMilli(), s.tuned.Load()
	if s.dialect.postgres || (last != 0 && now-last < tuneEvery.Milliseconds()) || !s.tuned.CompareAndSwap(last, now) {
		return nil
	}
	if err := s.enter(); err != nil {
		return err
	}
	defer s.busy.Done()
	if _, err := s.write.ExecContext(ctx, `PRAGMA analysis_limit = 400; ANALYZE`); err != nil {
		return fmt.Errorf("count what the indices hold: %w", err)
	}
	return nil
}

// Engine names the engine, for people.
func (s *Store) Engine() string {
	if s.dialect.postgres {
		return "PostgreSQL"
	}
	return "SQLite"
}

// Close lets nobody begin any more, waits for those who have begun, and closes: when it returns, no connection
// is open and the files are at rest. [sql.DB.Close] alone waits for nobody.
func (s *Store) Close() error {
	s.mu.Lock()
	again := s.closed
	s.closed = true
	s.mu.Unlock()
	s.busy.Wait()
	if again {
		return nil
	}
	if s.read == s.write {
		return s.write.Close()
	}
	return errors.Join(s.read.Close(), s.write.Close(), s.lock.Close())
}

// enter counts somebody in whom [Store.Close] has to wait for, until s.busy.Done.
func (s *Store) enter() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return errClosed
	}
	s.busy.Add(1)
	return nil
}

// begin takes a connection while ctx lasts and begins a transaction on it, which ctx does not end: its statements
// end with ctx, and the caller rolls back what was done. Otherwise database/sql rolls back in a goroutine of its
// own, and the connection is still at work when everybody has heard of the end. Call end after the transaction.
func (s *Store) begin(ctx context.Context, db *sql.DB, opts *sql.TxOptions) (raw *sql.Tx, end func() error, err error) {
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, nil, err
	}
	end = func() error {
		if err := conn.Close(); err != nil && !errors.Is(err, sql.ErrConnDone) { // done: the line to PostgreSQL broke
			return fmt.Errorf("give a connection back: %w", err)
		}
		return nil
	}
	if raw, err = conn.BeginTx(context.WithoutCancel(ctx), opts); err != nil {
		return nil, nil, errors.Join(err, end())
	}
	return raw, end, nil
}

func (s *Store) migrate(ctx context.Context) error {
	if _, err := s.write.ExecContext(ctx, s.dialect.schema(
		`CREATE TABLE IF NOT EXISTS migrations (name TEXT NOT NULL PRIMARY KEY, at INTEGER NOT NULL)`)); err != nil {
		return fmt.Errorf("make the list of migrations: %w", err)
	}
	if err := checkMigrations(ctx, s.write); err != nil {
		return err
	}
	names, err := fs.Glob(migrations, "migrations/*.sql")
	if err != nil {
		return fmt.Errorf("list the migrations: %w", err)
	}
	sort.Strings(names)
	for _, name := range names {
		if err := s.migrateOne(ctx, name); err != nil {
			return fmt.Errorf("migrate the database, step %s: %w", name, err)
		}
	}
	return nil
}

func (s *Store) migrateOne(ctx context.Context, name string) error {
	text, err := migrations.ReadFile(name)
	if err != nil {
		return err
	}
	return s.change(ctx, func(tx *tx) error {
		if s.dialect.postgres { // two nodes may start at once
			if _, err := tx.exec(ctx, `LOCK TABLE migrations IN EXCLUSIVE MODE`); err != nil {
				return err
			}
		}
		done, err := tx.int(ctx, `SELECT count(*) FROM migrations WHERE name = ?`, name)
		if err != nil || done > 0 {
			return err
		}
		if _, err := tx.exec(ctx, s.dialect.schema(string(text)), s.dialect.script()...); err != nil {
			return err
		}
		_, err = tx.exec(ctx, `INSERT INTO migrations (name, at) VALUES (?, ?)`, name, s.now().UnixMilli())
		return err
	})
}

// tx is a transaction that speaks with ? on both engines.
type tx struct {
	*sql.Tx
	s *Store
	// moved is set when the feed gets new versions, so that commit wakes those who watch it.
	moved map[sale.OrgNo]bool
	later []pending
}

// change runs fn in a write transaction and commits; fn may run again after a deadlock, so it must not
// keep state from a run that failed.
func (s *Store) change(ctx context.Context, fn func(*tx) error) error {
	var err error
	for range txRetriesMax {
		if err = s.changeOnce(ctx, fn); !retryable(err) {
			return err
		}
	}
	return err
}

func (s *Store) changeOnce(ctx context.Context, fn func(*tx) error) error {
	if err := s.enter(); err != nil {
		return err
	}
	defer s.busy.Done()
	raw, end, err := s.begin(ctx, s.write, nil)
	if err != nil {
		return fmt.Errorf("begin a transaction: %w", err)
	}
	t := &tx{Tx: raw, s: s, moved: map[sale.OrgNo]bool{}}
	if err := t.finish(fn(t)); err != nil {
		return errors.Join(err, end())
	}
	if err := errors.Join(end(), s.prepareLater(context.WithoutCancel(ctx), t.later)); err != nil {
		return err
	}
	for org := range t.moved {
		s.wake(org)
	}
	return nil
}

// finish commits unless there was an error, and rolls back otherwise.
func (t *tx) finish(err error) error {
	if err == nil {
		if err := t.Commit(); err != nil {
			return fmt.Errorf("commit: %w", err)
		}
		return nil
	}
	if back := t.Rollback(); back != nil && !errors.Is(back, sql.ErrTxDone) {
		return errors.Join(err, fmt.Errorf("roll back: %w", back))
	}
	return err
}

// view runs fn in a read transaction that sees one moment.
func (s *Store) view(ctx context.Context, fn func(*tx) error) error {
	if err := s.enter(); err != nil {
		return err
	}
	defer s.busy.Done()
	raw, end, err := s.begin(ctx, s.read, s.dialect.snapshot())
	if err != nil {
		return fmt.Errorf("begin to read: %w", err)
	}
	err = fn(&tx{Tx: raw, s: s})
	if back := raw.Rollback(); back != nil && !errors.Is(back, sql.ErrTxDone) {
		err = errors.Join(err, fmt.Errorf("end reading: %w", back))
	}
	return errors.Join(err, end())
}

func (t *tx) exec(ctx context.Context, text string, args ...any) (sql.Result, error) {
	return t.ExecContext(ctx, t.s.dialect.sql(text), args...)
}

func (t *tx) query(ctx context.Context, text string, args ...any) (*sql.Rows, error) {
	return t.QueryContext(ctx, t.s.dialect.sql(text), args...)
}

// row scans one row; none is ErrNotFound.
func (t *tx) row(ctx context.Context, text string, args []any, into ...any) error {
	err := t.QueryRowContext(ctx, t.s.dialect.sql(text), args...).Scan(into...)
	if errors.Is(err, sql.ErrNoRows) {
		return ErrNotFound
	}
	return err
}

// holdStorage keeps others from booking documents of a fiscal storage until the transaction ends: a register moves
// between tills, and two of them may hand in the same document in the same instant. SQLite's writer is alone.
func (t *tx) holdStorage(ctx context.Context, org sale.OrgNo, fn string) error {
	if !t.s.dialect.postgres {
		return nil
	}
	_, err := t.exec(ctx, `SELECT pg_advisory_xact_lock(hashtextextended(?, ?))`, text(fn), int64(org))
	return err
}

// int reads one number; none is zero.
func (t *tx) int(ctx context.Context, text string, args ...any) (int64, error) {
	var n sql.NullInt64
	err := t.row(ctx, text, args, &n)
	if errors.Is(err, ErrNotFound) {
		err = nil
	}
	return n.Int64, err
}

// each scans every row of a query with scan.
func (t *tx) each(ctx context.Context, text string, args []any, scan func(*sql.Rows) error) error {
	rows, err := t.query(ctx, text, args...)
	if err != nil {
		return err
	}
	for rows.Next() {
		if err := scan(rows); err != nil {
			return errors.Join(err, rows.Close())
		}
	}
	return errors.Join(rows.Err(), rows.Close())
}

// marks is "?, ?, ?".
func marks(n int) string {
	return strings.TrimSuffix(strings.Repeat("?, ", n), ", ")
}

// text makes a string that both engines can hold: PostgreSQL's text knows no zero byte.
func text(s string) string { return strings.ReplaceAll(s, "\x00", "") }

// Watch gives a channel that gets a token whenever the organisation's feed has moved in this process;
// call stop when done. Other nodes' changes are seen by asking [Store.Version] from time to time.
func (s *Store) Watch(org sale.OrgNo) (moved <-chan struct{}, stop func()) {
	ch := make(chan struct{}, 1)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.watchers[org] == nil {
		s.watchers[org] = map[chan struct{}]bool{}
	}
	s.watchers[org][ch] = true
	return ch, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.watchers[org], ch)
	}
}

func (s *Store) wake(org sale.OrgNo) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for ch := range s.watchers[org] {
		select {
		case ch <- struct{}{}:
		default: // a token waits already
		}
	}
}
