package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/kopilka/kopilka/ledger/durable"
)

// Names in the data folder.
const (
	lockName    = "kopilka.lock" // held by whoever has the database open, and alone by who replaces it
	stagingName = ".restoring"   // where a copy is made ready
	asideName   = "replaced-"    // and the moment: the database that a copy took the place of
)

// Restored is what Restore has done.
type Restored struct {
	Copy
	// Aside is the folder with the database that was replaced; empty where there was none.
	Aside string
}

// Restore puts a copy in the place of a folder's database. The copy is checked, brought up to this program's schema
// and given its new generation (see [Store.RaiseGeneration]) before it takes the name, in one step: a power cut
// leaves the old database or the restored one, never one that does not know that it was restored. Whoever has the
// database open is left in peace: ErrInUse.
func Restore(ctx context.Context, from, folder string, now func() time.Time) (r Restored, err error) {
	if isPostgres(folder) {
		return r, ErrBackupPostgres
	}
	if r.Copy, err = CheckCopy(ctx, from); err != nil {
		return r, err
	}
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return r, fmt.Errorf("make the data folder: %w", err)
	}
	lock, err := lockFolder(folder, true)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	staging := filepath.Join(folder, stagingName)
	if err := os.RemoveAll(staging); err != nil { // of a restore that was cut short
		return r, fmt.Errorf("clear the way: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(staging)) }()
	if err := stage(ctx, from, staging, now); err != nil {
		return r, fmt.Errorf("make the copy ready in %s: %w", staging, full(err))
	}
	foldIn(ctx, filepath.Join(folder, FileName))
	if r.Aside, err = putAside(folder, now()); err != nil {
		return r, fmt.Errorf("keep the old database: %w", full(err))
	}
	if err := os.Rename(filepath.Join(staging, FileName), filepath.Join(folder, FileName)); err != nil {
		return r, fmt.Errorf("put the copy in its place: %w", err)
	}
	return r, durable.FlushFolder(folder)
}

// stage copies, migrates and raises the generation.
func stage(ctx context.Context, from, staging string, now func() time.Time) error {
	if err := os.Mkdir(staging, 0o700); err != nil {
		return err
	}
	at := filepath.Join(staging, FileName)
	if err := copyFile(from, at); err != nil {
		return err
	}
	s, err := Open(ctx, staging, now)
	if err != nil {
		return err
	}
	orgs, err := s.Orgs(ctx)
	for _, org := range orgs {
		err = errors.Join(err, s.RaiseGeneration(ctx, org))
	}
	if err := errors.Join(err, s.Close()); err != nil {
		return err
	}
	if _, err := os.Lstat(at + "-wal"); err == nil { // the last connection folds it in
		return fmt.Errorf("%s was not closed in order", at)
	}
	return flush(at)
}

// foldIn has the engine play the write-ahead log of a head office that was killed into its database: between the log's
// going and the copy's coming a power cut would else leave a database without its last records. One that is too ill for
// that is what the copy is for.
func foldIn(ctx context.Context, path string) {
	if _, err := os.Lstat(path + "-wal"); err != nil {
		return
	}
	db, err := openFile(path, url.Values{"mode": {"rw"}})
	if err != nil {
		return
	}
	_, err = db.ExecContext(ctx, `PRAGMA wal_checkpoint(TRUNCATE)`)
	_ = errors.Join(err, db.Close(), flush(path)) // see above
}

// putAside gives the old files second names, and takes the first one from the write-ahead log: beside another
// database it would be played into that.
func putAside(folder string, at time.Time) (string, error) {
	old := filepath.Join(folder, FileName)
	if _, err := os.Lstat(old); err != nil {
		return "", gone(err)
	}
	aside := filepath.Join(folder, asideName+Stamp(at))
	for n := 2; ; n++ {
		err := os.Mkdir(aside, 0o700)
		if err == nil {
			break
		}
		if !errors.Is(err, os.ErrExist) || n > asidesMax {
			return "", err
		}
		aside = filepath.Join(folder, fmt.Sprintf("%s%s-%d", asideName, Stamp(at), n))
	}
	for _, tail := range []string{"", "-wal"} {
		if err := gone(secondName(old+tail, filepath.Join(aside, FileName+tail))); err != nil {
			return "", err
		}
	}
	if err := errors.Join(durable.FlushFolder(aside), durable.FlushFolder(folder)); err != nil {
		return "", err
	}
	return aside, errors.Join(gone(os.Remove(old+"-wal")), gone(os.Remove(old+"-shm")))
}

// asidesMax: so many restores within one second are a mistake.
const asidesMax = 100

// secondName links, or copies where the file system knows no links.
func secondName(from, to string) error {
	err := os.Link(from, to)
	if err == nil || errors.Is(err, os.ErrNotExist) {
		return err
	}
	return copyFile(from, to)
}

func copyFile(from, to string) error {
	r, err := os.Open(from)
	if err != nil {
		return err
	}
	w, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, backupPerm)
	if err != nil {
		return errors.Join(err, r.Close())
	}
	_, err = io.Copy(w, r)
	return errors.Join(err, w.Sync(), w.Close(), r.Close())
}

// ErrLocked means that another process holds the lock.
var ErrLocked = errors.New("locked by another process")

// LockFile takes a lock alone. It ends with the file or the process.
func LockFile(path string) (*os.File, error) { return lockFile(path, true) }

func lockFile(path string, alone bool) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, backupPerm)
	if err != nil {
		return nil, fmt.Errorf("open a lock: %w", err)
	}
	free, err := durable.TryLock(f, !alone)
	if err == nil && !free {
		err = ErrLocked
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("lock %s: %w", path, err), f.Close())
	}
	return f, nil
}

// lockFolder takes the folder's lock, together with others or alone. It ends with the file or the process.
func lockFolder(folder string, alone bool) (*os.File, error) {
	f, err := lockFile(filepath.Join(folder, lockName), alone)
	switch {
	case errors.Is(err, ErrLocked) && alone:
		return nil, fmt.Errorf("%w (%s)", ErrInUse, folder)
	case errors.Is(err, ErrLocked):
		return nil, fmt.Errorf("%w (%s)", errRestoring, folder)
	}
	return f, forbidden(err)
}

// forbidden adds the sentence to an error that means that this account may not write here.
func forbidden(err error) error {
	if errors.Is(err, os.ErrPermission) || errors.Is(err, syscall.EROFS) {
		return fmt.Errorf("%w (%w)", errForbidden, err)
	}
	return err
}

// What stands in the way of opening a folder.
var (
	errForbidden = errors.New("the data folder cannot be written by this account: run as root or as the folder's owner, or name another with data / " +
		"этой учётной записи нельзя писать в папку данных: запустите от root или от владельца папки, или укажите другую в data")
	errRestoring = errors.New("a backup is being brought back in this folder: wait for its end / в эту папку возвращают копию: дождитесь конца")
)
