package store

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
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
	now         func() time.Time

	mu       sync.Mutex // of watchers, for moments only
	watchers map[sale.OrgNo]map[chan struct{}]bool

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
		s.write, s.read, err = openSQLite(where)
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

// Close waits for running statements and closes.
func (s *Store) Close() error {
	if s.read == s.write {
		return s.write.Close()
	}
	return errors.Join(s.read.Close(), s.write.Close())
}

func (s *Store) migrate(ctx context.Context) error {
	if _, err := s.write.ExecContext(ctx, s.dialect.schema(
		`CREATE TABLE IF NOT EXISTS migrations (name TEXT NOT NULL PRIMARY KEY, at INTEGER NOT NULL)`)); err != nil {
		return fmt.Errorf("make the list of migrations: %w", err)
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
	raw, err := s.write.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("begin a transaction: %w", err)
	}
	t := &tx{Tx: raw, s: s, moved: map[sale.OrgNo]bool{}}
	if err := fn(t); err != nil {
		if back := raw.Rollback(); back != nil && !errors.Is(back, sql.ErrTxDone) {
			return errors.Join(err, fmt.Errorf("roll back: %w", back))
		}
		return err
	}
	if err := raw.Commit(); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	if err := s.prepareLater(context.WithoutCancel(ctx), t.later); err != nil {
		return err
	}
	for org := range t.moved {
		s.wake(org)
	}
	return nil
}

// view runs fn in a read transaction that sees one moment.
func (s *Store) view(ctx context.Context, fn func(*tx) error) error {
	raw, err := s.read.BeginTx(ctx, s.dialect.snapshot())
	if err != nil {
		return fmt.Errorf("begin to read: %w", err)
	}
	err = fn(&tx{Tx: raw, s: s})
	if back := raw.Rollback(); back != nil && !errors.Is(back, sql.ErrTxDone) {
		err = errors.Join(err, fmt.Errorf("end reading: %w", back))
	}
	return err
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
