package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/kopilka/kopilka/ledger/durable"
	"github.com/kopilka/kopilka/ledger/sale"
)

// Errors of backups and of what is brought back, each with what to do.
var (
	ErrBackupPostgres = errors.New("PostgreSQL keeps its own backups: use pg_dump -Fc for this database or pg_basebackup for the server, " +
		"and after bringing one back run kopilka-cloud restored / PostgreSQL копируют её средствами: pg_dump -Fc или pg_basebackup; " +
		"после возврата копии выполните kopilka-cloud restored")
	ErrFull = errors.New("the disk is full: free some space or name another folder, then try again / " +
		"диск заполнен: освободите место или укажите другую папку и повторите")
	ErrNewer = errors.New("this database belongs to a newer version of kopilka-cloud: install that version again; nothing was changed / " +
		"база от более новой версии kopilka-cloud: установите ту версию; ничего не изменено")
	ErrInUse = errors.New("head office or another command of it is at work on this folder: stop it first (systemctl stop kopilka-cloud) / " +
		"с этой папкой работает головной офис или другая его команда: сначала остановите (systemctl stop kopilka-cloud)")
	ErrNotDatabase = errors.New("this is not a whole database of kopilka-cloud: take another backup / " +
		"это не целая база kopilka-cloud: возьмите другую копию")
)

const backupPerm = 0o600 // whoever reads a backup can sign as head office

// Backup writes the database as it is at one moment into the file to, which must not exist, while others go on
// reading and writing. The name appears when the copy is whole and on the disk. It holds no lock that a till would
// wait for; until it ends, the write-ahead log grows by what is written meanwhile, so ctx should have an end.
func (s *Store) Backup(ctx context.Context, to string) error {
	if s.dialect.postgres {
		return ErrBackupPostgres
	}
	if err := s.enter(); err != nil {
		return err
	}
	defer s.busy.Done()
	if _, err := os.Lstat(to); err == nil {
		return fmt.Errorf("%s is there already: name another file / файл уже есть, укажите другой", to)
	}
	part := to + ".part"
	err := s.copyTo(ctx, part)
	if err == nil {
		err = settle(part, to)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("write a backup to %s: %w", to, full(err)), gone(os.Remove(part)))
	}
	return nil
}

// copyTo uses a connection of its own: the pool's readers may write nothing anywhere, the writer belongs to tills.
func (s *Store) copyTo(ctx context.Context, part string) (err error) {
	if err := gone(os.Remove(part)); err != nil { // of a backup that was cut short
		return err
	}
	f, err := os.OpenFile(part, os.O_CREATE|os.O_EXCL|os.O_WRONLY, backupPerm)
	if err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	db, err := openFile(s.path, url.Values{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	conn, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	_, err = conn.ExecContext(ctx, `VACUUM INTO ?`, part)
	return err
}

// openFile opens one database file without any of our settings: a copy stays the bytes that it is.
func openFile(path string, extra url.Values) (*sql.DB, error) {
	extra["_pragma"] = []string{fmt.Sprintf("busy_timeout(%d)", busyTimeout.Milliseconds())}
	db, err := sql.Open("sqlite", dataSource(path, extra))
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	db.SetMaxOpenConns(1)
	return db, nil
}

// dataSource makes a path safe for a URI: a folder may be named "100% of it?".
func dataSource(path string, extra url.Values) string {
	return "file:" + (&url.URL{Path: filepath.ToSlash(path)}).EscapedPath() + "?" + extra.Encode()
}

// settle puts a written file on the disk and gives it its name.
func settle(part, to string) error {
	if err := flush(part); err != nil {
		return err
	}
	if err := os.Rename(part, to); err != nil {
		return err
	}
	return durable.FlushFolder(filepath.Dir(to))
}

func flush(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// gone forgives a file that was not there.
func gone(err error) error {
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}

// full adds the sentence to an error that means a full disk, whichever of the engine and the system found it.
func full(err error) error {
	var ill *sqlite.Error
	if isFull(err) || errors.As(err, &ill) && ill.Code()&0xff == sqlite3.SQLITE_FULL {
		return fmt.Errorf("%w (%w)", ErrFull, err)
	}
	return err
}

// Copy is what a database file holds, counted.
type Copy struct {
	Bytes   int64
	Orgs    int64
	Tills   int64
	Records int64
	Newest  sale.Time // of the records, as tills dated them; zero where there is none
}

// CheckCopy reads a database file from its first page to its last, without changing it, and counts what it holds.
func CheckCopy(ctx context.Context, path string) (c Copy, err error) {
	info, err := os.Stat(path)
	if err != nil {
		return c, fmt.Errorf("look at the copy: %w", err)
	}
	c.Bytes = info.Size()
	// Immutable: a copy beside which nobody writes needs no locks, and may lie on a disk that is read-only.
	db, err := openFile(path, url.Values{"mode": {"ro"}, "immutable": {"1"}})
	if err != nil {
		return c, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if err := checkPages(ctx, db); err != nil {
		return c, fmt.Errorf("%s: %w", path, err)
	}
	if err := checkMigrations(ctx, db); err != nil {
		return c, fmt.Errorf("%s: %w", path, err)
	}
	var newest sql.NullInt64
	err = db.QueryRowContext(ctx, `SELECT (SELECT count(*) FROM orgs), (SELECT count(*) FROM tills WHERE till > 0), (SELECT count(*) FROM records), (SELECT max(at) FROM records)`).
		Scan(&c.Orgs, &c.Tills, &c.Records, &newest)
	if err != nil {
		return c, fmt.Errorf("%s: count what it holds: %w", path, err)
	}
	c.Newest = sale.Time(newest.Int64)
	return c, nil
}

// checkPages has the engine check every page and index.
func checkPages(ctx context.Context, db *sql.DB) error {
	var verdict string
	err := db.QueryRowContext(ctx, `PRAGMA integrity_check(1)`).Scan(&verdict)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		return fmt.Errorf("%w (%w)", ErrNotDatabase, err)
	}
	if verdict != "ok" {
		return fmt.Errorf("%w (%s)", ErrNotDatabase, verdict)
	}
	var tables int
	err = db.QueryRowContext(ctx, `SELECT count(*) FROM sqlite_schema WHERE name IN ('migrations', 'orgs', 'records')`).Scan(&tables)
	if err != nil || tables != 3 {
		return errors.Join(ErrNotDatabase, err)
	}
	return nil
}

// checkMigrations refuses a database that has been through steps which this program does not know.
func checkMigrations(ctx context.Context, db *sql.DB) error {
	rows, err := db.QueryContext(ctx, `SELECT name FROM migrations`)
	if err != nil {
		return fmt.Errorf("read the list of migrations: %w", err)
	}
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return errors.Join(err, rows.Close())
		}
		if _, err := migrations.ReadFile(name); err != nil {
			return errors.Join(fmt.Errorf("%w (%s)", ErrNewer, name), rows.Close())
		}
	}
	return errors.Join(rows.Err(), rows.Close())
}

// A backup is named by its moment, so that sorted by name is sorted by time.
const (
	stamp        = "20060102T150405Z"
	backupBefore = "kopilka-"
	backupAfter  = ".db"
)

// Stamp is how moments are written in names of files.
func Stamp(at time.Time) string { return at.UTC().Format(stamp) }

// BackupName is the file name of a backup of that moment.
func BackupName(at time.Time) string { return backupBefore + Stamp(at) + backupAfter }

// BackupTime reads the moment from a backup's name; false for any other file.
func BackupTime(name string) (time.Time, bool) {
	name, ok := strings.CutPrefix(name, backupBefore)
	if !ok {
		return time.Time{}, false
	}
	name, ok = strings.CutSuffix(name, backupAfter)
	at, err := time.Parse(stamp, name)
	return at, ok && err == nil
}

// Held counts the records that are stored and not booked: those of revoked tills, and those with a problem.
func (s *Store) Held(ctx context.Context) (quarantined, parked int64, err error) {
	err = s.view(ctx, func(tx *tx) error {
		if quarantined, err = tx.int(ctx, `SELECT count(*) FROM records WHERE state <> 0 AND state = ?`, recordQuarantine); err != nil {
			return err
		}
		parked, err = tx.int(ctx, `SELECT count(*) FROM records WHERE state <> 0 AND state = ?`, recordParked)
		return err
	})
	if err != nil {
		err = fmt.Errorf("count what is not booked: %w", err)
	}
	return quarantined, parked, err
}

// Size is how many bytes the database takes on the disk, at most as many as a backup of it.
func (s *Store) Size() (bytes int64, err error) {
	for _, tail := range []string{"", "-wal"} {
		info, err := os.Stat(s.path + tail)
		if gone(err) != nil {
			return 0, fmt.Errorf("measure the database: %w", err)
		}
		if err == nil {
			bytes += info.Size()
		}
	}
	return bytes, nil
}
