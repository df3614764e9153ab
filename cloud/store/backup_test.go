package store

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func clock() time.Time { return testNow }

func TestBackupIsOneMomentAndRestores(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "100% of it, база")
	s, err := Open(t.Context(), folder, clock)
	require.NoError(t, err)
	org, err := s.CreateOrg(t.Context(), "Копилка", rand.Reader)
	require.NoError(t, err)
	to := filepath.Join(t.TempDir(), BackupName(testNow))
	require.NoError(t, s.Backup(t.Context(), to))
	info, err := os.Stat(to)
	require.NoError(t, err)
	require.EqualValues(t, backupPerm, info.Mode().Perm(), "it holds private keys")
	require.ErrorContains(t, s.Backup(t.Context(), to), "there already", "a backup is never written over")
	require.NoFileExists(t, to+".part")

	held, err := CheckCopy(t.Context(), to)
	require.NoError(t, err)
	require.EqualValues(t, 1, held.Orgs)
	_, err = Restore(t.Context(), to, folder, clock)
	require.ErrorIs(t, err, ErrInUse, "somebody has it open")

	before, err := s.Generation(t.Context(), org)
	require.NoError(t, err)
	require.NoError(t, s.PutShop(t.Context(), org, Shop{No: 7, Name: "after the backup", Zone: "Europe/Moscow"}))
	require.NoError(t, s.Close())
	done, err := Restore(t.Context(), to, folder, clock)
	require.NoError(t, err)
	s = openIn(t, folder)
	after, err := s.Generation(t.Context(), org)
	require.NoError(t, err)
	require.Greater(t, after, before, "tills are told")
	var shops int
	require.NoError(t, s.view(t.Context(), func(tx *tx) error {
		n, err := tx.int(t.Context(), `SELECT count(*) FROM stores WHERE store = 7`)
		shops = int(n)
		return err
	}))
	require.Zero(t, shops)
	old, err := CheckCopy(t.Context(), filepath.Join(done.Aside, FileName))
	require.NoError(t, err, "what was replaced is whole")
	require.EqualValues(t, 1, old.Orgs)
	require.NoDirExists(t, filepath.Join(folder, stagingName))
}

func TestRestoreRefusesWhatIsNoCopyAndChangesNothing(t *testing.T) {
	folder, dir := t.TempDir(), t.TempDir()
	s := openIn(t, folder)
	_, err := s.CreateOrg(t.Context(), "Копилка", rand.Reader)
	require.NoError(t, err)
	good := filepath.Join(dir, "good.db")
	require.NoError(t, s.Backup(t.Context(), good))
	require.NoError(t, s.Close())
	was, err := os.ReadFile(filepath.Join(folder, FileName))
	require.NoError(t, err)
	whole, err := os.ReadFile(good)
	require.NoError(t, err)

	bad := map[string][]byte{"empty": {}, "rubbish": []byte("not a database at all"), "cut": whole[:len(whole)/2], "hurt": append([]byte{}, whole...)}
	for i := range 200 { // over several pages, whatever lies there
		bad["hurt"][len(whole)/3+i*97] ^= 0xff
	}
	for name, body := range bad {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, body, 0o600))
		_, err := Restore(t.Context(), path, folder, clock)
		require.ErrorIs(t, err, ErrNotDatabase, name)
	}
	db, err := openFile(good, url.Values{})
	require.NoError(t, err)
	_, err = db.ExecContext(t.Context(), `INSERT INTO migrations (name, at) VALUES ('migrations/9999_tomorrow.sql', 0)`)
	require.NoError(t, err)
	require.NoError(t, db.Close())
	_, err = Restore(t.Context(), good, folder, clock)
	require.ErrorIs(t, err, ErrNewer)
	now, err := os.ReadFile(filepath.Join(folder, FileName))
	require.NoError(t, err)
	require.Equal(t, was, now)
	entries, err := filepath.Glob(filepath.Join(folder, asideName+"*"))
	require.NoError(t, err)
	require.Empty(t, entries)
}

func TestADatabaseOfANewerVersionIsRefused(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		require.NoError(t, s.change(t.Context(), func(tx *tx) error {
			_, err := tx.exec(t.Context(), `INSERT INTO migrations (name, at) VALUES ('migrations/9999_tomorrow.sql', 0)`)
			return err
		}))
		require.ErrorIs(t, s.migrate(t.Context()), ErrNewer)
	})
}

func TestPostgresNamesItsOwnTools(t *testing.T) {
	s := openPG(t)
	require.ErrorContains(t, s.Backup(t.Context(), filepath.Join(t.TempDir(), "x")), "pg_dump")
	_, err := Restore(t.Context(), "x", "postgres://somewhere/db", clock)
	require.ErrorIs(t, err, ErrBackupPostgres)
}

// A copy that is taken while others write holds each transaction whole or not at all.
func TestBackupsCutNoTransaction(t *testing.T) {
	s := openIn(t, t.TempDir())
	ctx, cancel := context.WithCancel(t.Context())
	var writing sync.WaitGroup
	var pairs int
	begun := make(chan struct{}, 1)
	writing.Go(func() {
		for ctx.Err() == nil {
			err := s.change(ctx, func(tx *tx) error {
				for half := range 2 {
					if _, err := tx.exec(ctx, `INSERT INTO migrations (name, at) VALUES (?, 0)`, fmt.Sprintf("%d-%d", pairs, half)); err != nil {
						return err
					}
				}
				return nil
			})
			if err != nil && ctx.Err() == nil {
				t.Error(err)
				return
			}
			pairs++
			select {
			case begun <- struct{}{}:
			default:
			}
		}
	})
	dir := t.TempDir()
	for n := range 5 {
		<-begun
		to := filepath.Join(dir, strconv.Itoa(n))
		require.NoError(t, s.Backup(t.Context(), to))
		db, err := openFile(to, url.Values{})
		require.NoError(t, err)
		var first, second int
		require.NoError(t, db.QueryRow(`SELECT (SELECT count(*) FROM migrations WHERE name LIKE '%-0'), (SELECT count(*) FROM migrations WHERE name LIKE '%-1')`).Scan(&first, &second))
		require.NoError(t, db.Close())
		require.Positive(t, first)
		require.Equal(t, first, second)
	}
	cancel()
	writing.Wait()
}

// Close returns when nobody has a connection any more, and not before: the files are at rest then.
func TestCloseWaitsForEverybody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		folder := t.TempDir()
		s, err := Open(t.Context(), folder, clock)
		require.NoError(t, err)
		goOn, read, closed := make(chan struct{}), make(chan error, 1), make(chan error, 1)
		go func() {
			read <- s.view(t.Context(), func(tx *tx) error {
				<-goOn
				_, err := tx.int(t.Context(), `SELECT count(*) FROM orgs`)
				return err
			})
		}()
		synctest.Wait()
		go func() { closed <- s.Close() }()
		synctest.Wait()
		select {
		case <-closed:
			t.Fatal("closed while somebody reads")
		default:
		}
		_, err = s.Orgs(t.Context())
		require.ErrorIs(t, err, errClosed, "nobody begins any more")
		close(goOn)
		require.NoError(t, <-closed)
		require.NoError(t, <-read, "who has begun ends in peace")
		require.NoFileExists(t, filepath.Join(folder, FileName+"-wal"), "the last connection folds the log in")
	})
}

// A transaction whose context was cancelled has ended when its caller hears of it, not some time after: its
// connection is back.
func TestACancelledTransactionLeavesNothingBehind(t *testing.T) {
	s := openIn(t, t.TempDir())
	for range 200 {
		ctx, cancel := context.WithCancel(t.Context())
		err := s.change(ctx, func(tx *tx) error {
			cancel()
			_, err := tx.exec(ctx, `INSERT INTO migrations (name, at) VALUES ('x', 0)`)
			return err
		})
		require.Error(t, err)
		require.Zero(t, s.write.Stats().InUse)
	}
}

// Head office was killed, a copy is brought back, and the power goes before the copy is in place: the old database has
// all that its log had.
func TestCutWhileTheOldDatabaseIsPutAside(t *testing.T) {
	live, dead := filepath.Join(t.TempDir(), FileName), t.TempDir()
	db, err := openFile(live, url.Values{})
	require.NoError(t, err)
	for _, statement := range []string{`PRAGMA journal_mode=WAL`, `CREATE TABLE t (n INTEGER)`, `INSERT INTO t VALUES (7)`} {
		_, err = db.ExecContext(t.Context(), statement)
		require.NoError(t, err)
	}
	for _, tail := range []string{"", "-wal"} {
		require.NoError(t, copyFile(live+tail, filepath.Join(dead, FileName+tail)))
	}
	require.NoError(t, db.Close())
	foldIn(t.Context(), filepath.Join(dead, FileName))
	_, err = putAside(dead, testNow)
	require.NoError(t, err)
	require.NoFileExists(t, filepath.Join(dead, FileName+"-wal"))
	db, err = openFile(filepath.Join(dead, FileName), url.Values{})
	require.NoError(t, err)
	var n int
	require.NoError(t, db.QueryRowContext(t.Context(), `SELECT n FROM t`).Scan(&n))
	require.Equal(t, 7, n)
	require.NoError(t, db.Close())
}
