package store

import (
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite" // the "sqlite" driver of database/sql
)

// Limits of the connections.
const (
	readersMax  = 8 // SQLite readers; more only wait for two cores
	writersMax  = 8 // PostgreSQL writers: beyond some 4 the random account rows are the limit (sync.md A4)
	busyTimeout = 10 * time.Second
	// FileName is the database's file in the data folder.
	FileName = "kopilka.db"
)

// dialect is all in which the two engines differ for us.
type dialect struct {
	postgres bool
}

// sql turns ? into $1… where the engine wants it. Our statements hold no ? in literals.
func (d *dialect) sql(text string) string {
	if !d.postgres {
		return text
	}
	var b strings.Builder
	n := 0
	for {
		i := strings.IndexByte(text, '?')
		if i < 0 {
			break
		}
		n++
		b.WriteString(text[:i])
		b.WriteByte('$')
		b.WriteString(strconv.Itoa(n))
		text = text[i+1:]
	}
	b.WriteString(text)
	return b.String()
}

// lock is appended to a SELECT whose rows the transaction is going to change. SQLite's writer is alone.
func (d *dialect) lock() string {
	if d.postgres {
		return " FOR UPDATE"
	}
	return ""
}

// share is appended to a SELECT whose rows must stay as they are until the transaction ends.
func (d *dialect) share() string {
	if d.postgres {
		return " FOR SHARE"
	}
	return ""
}

// schema translates a migration.
func (d *dialect) schema(text string) string {
	if !d.postgres {
		return text
	}
	return strings.NewReplacer(" INTEGER", " BIGINT", " BLOB", " BYTEA", ") WITHOUT ROWID;", ");").Replace(text)
}

// snapshot begins a read that sees one moment.
func (d *dialect) snapshot() *sql.TxOptions {
	if d.postgres {
		return &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true}
	}
	return &sql.TxOptions{ReadOnly: true}
}

// retryable tells errors of PostgreSQL that mean "the same again, please".
func retryable(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && (pg.Code == "40001" || pg.Code == "40P01")
}

// openSQLite locks the folder and opens its database: one writer, several readers. FULL, because an Ack promises
// that the records are on disk.
func (s *Store) openSQLite(folder string) error {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return forbidden(fmt.Errorf("make the data folder: %w", err))
	}
	lock, err := lockFolder(folder, false)
	if err != nil {
		return err
	}
	if err := s.openFolder(folder); err != nil {
		return errors.Join(err, lock.Close())
	}
	s.lock = lock
	return nil
}

func (s *Store) openFolder(folder string) error {
	s.path = filepath.Join(folder, FileName)
	f, err := os.OpenFile(s.path, os.O_CREATE|os.O_RDWR, 0o600) // the database holds private keys
	if err != nil {
		return fmt.Errorf("open the database file: %w", err)
	}
	if err := f.Close(); err != nil {
		return fmt.Errorf("close the database file: %w", err)
	}
	common := []string{
		"journal_mode(WAL)", "synchronous(FULL)", fmt.Sprintf("busy_timeout(%d)", busyTimeout.Milliseconds()),
		"cache_size(-65536)", "temp_store(MEMORY)", "wal_autocheckpoint(4000)",
	}
	dsn := func(extra url.Values, pragmas ...string) string {
		extra["_pragma"] = append(append([]string{}, common...), pragmas...)
		return dataSource(s.path, extra)
	}
	if s.write, err = sql.Open("sqlite", dsn(url.Values{"_txlock": {"immediate"}})); err != nil {
		return fmt.Errorf("open %s: %w", s.path, err)
	}
	s.write.SetMaxOpenConns(1)
	if s.read, err = sql.Open("sqlite", dsn(url.Values{}, "query_only(1)")); err != nil {
		return errors.Join(fmt.Errorf("open %s for reading: %w", s.path, err), s.write.Close())
	}
	s.read.SetMaxOpenConns(readersMax)
	s.read.SetMaxIdleConns(readersMax)
	s.read.SetConnMaxLifetime(tuneEvery) // a connection plans by the statistics that it found when it was opened
	return nil
}

func openPostgres(dsn string) (*sql.DB, error) {
	config, err := pgx.ParseConfig(dsn)
	if err != nil {
		return nil, fmt.Errorf("read the PostgreSQL address: %w", err)
	}
	db := stdlib.OpenDB(*config)
	db.SetMaxOpenConns(writersMax + readersMax)
	db.SetMaxIdleConns(writersMax)
	return db, nil
}

// script are the arguments of a text with several statements: PostgreSQL takes those in its simple
// protocol only.
func (d *dialect) script() []any {
	if d.postgres {
		return []any{pgx.QueryExecModeSimpleProtocol}
	}
	return nil
}

// isPostgres tells a URL of PostgreSQL from a folder.
func isPostgres(where string) bool {
	return strings.HasPrefix(where, "postgres://") || strings.HasPrefix(where, "postgresql://")
}
