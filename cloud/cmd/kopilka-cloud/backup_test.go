package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/cloud/cloudtest"
	"github.com/kopilka/kopilka/cloud/store"
	"github.com/kopilka/kopilka/cloud/store/storetest"
	"github.com/kopilka/kopilka/ledger/sale"
)

// serving runs serve on a folder until the returned function is called.
func serving(t *testing.T, data string) (url string, stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	address, ended := make(chan string, 1), make(chan error, 1)
	go func() {
		ended <- run(ctx, []string{"serve", "-data", data, "-listen", "127.0.0.1:0"}, io.Discard, io.Discard, func(a string) { address <- a })
	}()
	stop = sync.OnceFunc(func() {
		cancel()
		require.NoError(t, <-ended)
	})
	select {
	case a := <-address:
		t.Cleanup(stop)
		return "http://" + a, stop
	case err := <-ended:
		require.NoError(t, err)
		return "", nil
	}
}

// Copies are taken while two tills hand in sales; the first is brought back; the tills hand in the rest again, and
// head office has every record once.
func TestBackupUnderLoadRestoreAndTillsReconcile(t *testing.T) {
	const sales = 400
	h := cloudtest.Start(t, cloudtest.Options{})
	data, folder := h.Config.Data, filepath.Join(t.TempDir(), "copies")
	var tills []cloudtest.Enrolled
	var journals []*storetest.Journal
	for range 2 {
		e := h.Enrol(1)
		tills, journals = append(tills, e), append(journals, storetest.New(h.Org, e.Store, e.Till, sale.At(h.Now())))
	}
	hand := func(url string, n int) {
		var sending sync.WaitGroup
		for i, j := range journals {
			sending.Go(func() {
				for range n {
					j.Add(j.Earning(5, 2, 100))
				}
				if _, err := cloudtest.Drain(t.Context(), url, tills[i], j); err != nil {
					t.Error(err)
				}
			})
		}
		sending.Wait()
	}
	hand(h.URL, 20)
	generation, err := h.Store.Generation(t.Context(), h.Org)
	require.NoError(t, err)
	var loading sync.WaitGroup
	loading.Go(func() { hand(h.URL, sales) })
	for range 3 { // names hold seconds: copies within one are refused
		var out bytes.Buffer
		err := run(t.Context(), []string{"backup", "-data", data, "-to", folder}, &out, io.Discard, nil)
		if err != nil {
			require.ErrorContains(t, err, "there already")
		}
	}
	require.NoError(t, os.Mkdir(filepath.Join(folder, "kopilka-other"), 0o700))
	copies, err := filepath.Glob(filepath.Join(folder, "kopilka-*.db"))
	require.NoError(t, err)
	require.NotEmpty(t, copies)
	loading.Wait()
	err = run(t.Context(), []string{"restore", "-data", data, copies[0]}, io.Discard, io.Discard, nil)
	require.ErrorIs(t, err, store.ErrInUse)
	require.Equal(t, exitBusy, exitCode(err))
	h.Stop()

	held, err := store.CheckCopy(t.Context(), copies[0])
	require.NoError(t, err)
	require.EqualValues(t, 2, held.Tills)
	require.Contains(t, do(t, "restore", "-data", data, copies[0]), "replaced-")
	url, stop := serving(t, data)
	hand(url, 20)
	stop()

	s, err := store.Open(t.Context(), data, time.Now)
	require.NoError(t, err)
	defer func() { require.NoError(t, s.Close()) }()
	after, err := s.Generation(t.Context(), h.Org)
	require.NoError(t, err)
	require.Greater(t, after, generation)
	c, _, _, _, err := s.Standing(t.Context(), h.Org, 5)
	require.NoError(t, err)
	require.Equal(t, sale.Points(2*(20+sales+20)*100), c.Balance, "every sale once")
	for i, e := range tills {
		at, err := s.Position(t.Context(), h.Org, e.Till)
		require.NoError(t, err)
		require.Equal(t, journals[i].Position, at)
	}
}

func TestOldCopiesGoAndOthersStay(t *testing.T) {
	data, folder := t.TempDir(), t.TempDir()
	do(t, "init", "-data", data)
	require.NoError(t, os.MkdirAll(filepath.Join(data, "updates", "keys"), 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(data, "updates", "keys", "timestamp.pem"), []byte("key"), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(data, "updates", "program"), make([]byte, smallBytes+1), 0o600))
	for _, name := range []string{"kopilka-20250101T000000Z.db", "kopilka-20250102T000000Z.db", "kopilka-20250102T000000Z.db.updates.tar", "kopilka-latest.db", "photo.jpg"} {
		require.NoError(t, os.WriteFile(filepath.Join(folder, name), nil, 0o600))
	}
	do(t, "backup", "-data", data, "-to", folder, "-keep", "1")
	left, err := os.ReadDir(folder)
	require.NoError(t, err)
	var names []string
	for _, e := range left {
		names = append(names, e.Name())
	}
	require.Len(t, names, 5, "lock, copy, keys, and two files that are somebody else's: %v", names)
	require.Subset(t, names, []string{"kopilka-latest.db", "photo.jpg"})

	copies, err := filepath.Glob(filepath.Join(folder, "kopilka-2*.db"))
	require.NoError(t, err)
	elsewhere := filepath.Join(t.TempDir(), "new machine")
	var said bytes.Buffer
	_ = run(t.Context(), []string{"restore", "-data", elsewhere, copies[0]}, &said, io.Discard, nil) // the rubbish repository is told of at the end
	key, err := os.ReadFile(filepath.Join(elsewhere, "updates", "keys", "timestamp.pem"))
	require.NoError(t, err)
	require.Equal(t, "key", string(key))
	require.NoFileExists(t, filepath.Join(elsewhere, "updates", "program"), "programs are published again")
	require.NoDirExists(t, filepath.Join(elsewhere, ".restoring"))
}

// Night after night without the keys must not fill the disk.
func TestOldCopiesGoThoughTheKeysAreNotSaved(t *testing.T) {
	data, folder := t.TempDir(), t.TempDir()
	do(t, "init", "-data", data)
	require.NoError(t, os.Mkdir(filepath.Join(data, "updates"), 0o700))
	old := filepath.Join(folder, "kopilka-20250101T000000Z.db")
	require.NoError(t, os.WriteFile(old, nil, 0o600))
	for at := range 300 { // seconds: wherever the keys would go, something is in the way
		name := store.BackupName(time.Now().Add(time.Duration(at)*time.Second)) + keysAfter + ".part"
		require.NoError(t, os.Mkdir(filepath.Join(folder, name), 0o700))
	}
	var out bytes.Buffer
	err := run(t.Context(), []string{"backup", "-data", data, "-to", folder, "-keep", "1"}, &out, io.Discard, nil)
	require.ErrorContains(t, err, "save the keys of updates")
	require.Contains(t, out.String(), "копия: ", "the copy itself is good")
	require.NoFileExists(t, old)
}

// Two copies were made while the clock was two years on; the copies of today must not go at once for their sake.
func TestCopiesFromTheFutureCostNone(t *testing.T) {
	folder := t.TempDir()
	now := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	var names []string
	for _, at := range []time.Time{now.AddDate(0, 0, -2), now.AddDate(0, 0, -1), now, now.AddDate(2, 0, 0), now.AddDate(2, 0, 1)} {
		require.NoError(t, os.WriteFile(filepath.Join(folder, store.BackupName(at)), nil, 0o600))
		names = append(names, store.BackupName(at))
	}
	require.NoError(t, prune(folder, 2, now))
	require.NoFileExists(t, filepath.Join(folder, names[0]))
	for _, name := range names[1:] {
		require.FileExists(t, filepath.Join(folder, name))
	}
}

// TestARestoreSaysWhatItHasDone: keys that cannot be read do not hide that the database is another one by now.
func TestARestoreSaysWhatItHasDone(t *testing.T) {
	data, copies, elsewhere := t.TempDir(), t.TempDir(), filepath.Join(t.TempDir(), "new machine")
	do(t, "init", "-data", data)
	do(t, "backup", "-data", data, "-to", copies)
	made, err := filepath.Glob(filepath.Join(copies, "kopilka-*.db"))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(made[0]+keysAfter, []byte("no archive"), 0o600))
	var said bytes.Buffer
	err = run(t.Context(), []string{"restore", "-data", elsewhere, made[0]}, &said, io.Discard, nil)
	require.ErrorContains(t, err, "база восстановлена")
	require.Contains(t, said.String(), "restored / восстановлено")
	require.FileExists(t, filepath.Join(elsewhere, store.FileName))
}

// A restore that broke off in the middle of the keys is ended by the next one.
func TestHalfARepositoryIsNotTakenForOne(t *testing.T) {
	at := t.TempDir()
	whole, tar := filepath.Join(at, "whole"), filepath.Join(at, "keys.tar")
	for _, name := range []string{"keys/a.pem", "metadata/timestamp.json", "vouch"} {
		require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(whole, name)), 0o700))
		require.NoError(t, os.WriteFile(filepath.Join(whole, name), []byte(name), 0o600))
	}
	require.NoError(t, saveUpdates(whole, tar))
	raw, err := os.ReadFile(tar)
	require.NoError(t, err)
	cut, to := filepath.Join(at, "cut.tar"), filepath.Join(at, "to")
	require.NoError(t, os.WriteFile(cut, raw[:len(raw)/3], 0o600))
	require.Error(t, bringUpdates(cut, to))
	require.NoError(t, bringUpdates(tar, to))
	require.FileExists(t, filepath.Join(to, "metadata", "timestamp.json"))
	require.FileExists(t, filepath.Join(to, "vouch"))
	require.NoDirExists(t, to+".part")
}

func TestBackupSaysWhatIsWrong(t *testing.T) {
	data := t.TempDir()
	do(t, "init", "-data", data)
	taken := t.TempDir()
	lock, err := store.LockFile(filepath.Join(taken, backupLock))
	require.NoError(t, err)
	defer func() { require.NoError(t, lock.Close()) }()
	used := t.TempDir() // there was a database once
	require.NoError(t, os.WriteFile(filepath.Join(used, "kopilka-20250101T000000Z.db"), nil, 0o600))
	rubbish := filepath.Join(t.TempDir(), "rubbish.db")
	require.NoError(t, os.WriteFile(rubbish, []byte("rubbish"), 0o600))
	for _, c := range []struct {
		args []string
		says string
		code int
	}{
		{[]string{"backup", "-data", data, "-to", taken}, "уже делается копия", exitBusy},
		{[]string{"backup", "-data", data, "-to", rubbish}, "не создать папку копий", exitFailed},
		{[]string{"backup", "-data", t.TempDir(), "-to", t.TempDir()}, "в папке нет базы", exitNothing},
		{[]string{"backup", "-data", t.TempDir(), "-to", filepath.Join(t.TempDir(), "none")}, "kopilka-cloud init", exitNothing},
		{[]string{"backup", "-data", t.TempDir(), "-to", used}, "в папке нет базы", exitFailed},
		{[]string{"backup", "-data", rubbish, "-to", t.TempDir()}, "в папке нет базы", exitFailed},
		{[]string{"backup", "-data", data, "-to", t.TempDir(), "-keep", "-1"}, "-keep", exitUsage},
		{[]string{"backup", "-postgres", "postgres://x/y"}, "pg_dump", exitNothing},
		{[]string{"restore", "-postgres", "postgres://x/y", rubbish}, "pg_basebackup", exitFailed},
		{[]string{"restore", "-data", data, rubbish}, "ничего не изменено", exitBad},
		{[]string{"restore", "-data", data}, "name one copy", exitUsage},
		{[]string{"health", "-listen", "127.0.0.1:1"}, "не отвечает", exitFailed},
		{[]string{"bakcup"}, "no command", exitUsage},
	} {
		err := run(t.Context(), c.args, io.Discard, io.Discard, nil)
		require.ErrorContains(t, err, c.says)
		require.Equal(t, c.code, exitCode(err), "%v: %v", c.args, err)
	}
}

// A disk that is too small is a real one, of one megabyte, where this machine lets us mount it.
func TestBackupLeavesNoPieceOnAFullDisk(t *testing.T) {
	small := mountSmall(t)
	data := t.TempDir()
	do(t, "init", "-data", data)
	err := run(t.Context(), []string{"backup", "-data", data, "-to", small}, io.Discard, io.Discard, nil)
	require.ErrorIs(t, err, store.ErrFull, "seen before anything is written")
	require.Equal(t, exitFull, exitCode(err))
	s, err := store.Open(t.Context(), data, time.Now)
	require.NoError(t, err)
	err = errors.Join(s.Backup(t.Context(), filepath.Join(small, "x.db")), s.Close())
	require.ErrorIs(t, err, store.ErrFull, "met while it is written")
	require.ErrorContains(t, err, "диск заполнен")
	left, err := filepath.Glob(filepath.Join(small, "x*"))
	require.NoError(t, err)
	require.Empty(t, left)
}

func TestHealthAsksWhoServes(t *testing.T) {
	data := t.TempDir()
	do(t, "init", "-data", data)
	url, _ := serving(t, data)
	require.Equal(t, "ok\n", do(t, "health", "-data", data, "-listen", url[len("http://"):]))
	err := run(t.Context(), []string{"serve", "-data", data, "-listen", url[len("http://"):]}, io.Discard, io.Discard, nil)
	require.ErrorContains(t, err, "порт занят другой программой")
}
