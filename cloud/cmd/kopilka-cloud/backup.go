package main

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/kopilka/kopilka/cloud"
	"github.com/kopilka/kopilka/cloud/store"
)

// Limits of a backup.
const (
	backupMax  = 2 * time.Hour // while it runs the write-ahead log only grows
	backupDir  = 0o700         // backups hold the organisation's private keys
	spareBytes = 64 << 20      // left free on a disk that backups and the database may share
	backupLock = ".lock"       // one backup at a time in a folder
	keysAfter  = ".updates.tar"
)

// Errors of the command.
var (
	errBackupRuns = errors.New("another backup is being made in this folder: wait for its end / в этой папке уже делается копия: дождитесь конца")
	errNothing    = errors.New("there is nothing to copy here / здесь нечего копировать")
	errUsage      = errors.New("the settings or the command line are wrong / ошибка в настройках или в команде")
)

// backup makes a copy while head office serves, reads it back, and forgets the oldest ones.
func backup(ctx context.Context, c *call) error {
	to := c.flags.String("to", "", "folder of the copies / папка копий")
	keep := c.flags.Int("keep", 0, "how many copies to keep / сколько копий хранить")
	settings := c.settings()
	if err := c.parse(); err != nil {
		return err
	}
	config, err := settings()
	if err != nil {
		return err
	}
	if *to != "" {
		config.Backups = *to
	}
	if *keep != 0 {
		config.Keep = *keep
	}
	if err := wantBackup(config); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, backupMax)
	defer cancel()
	return c.backUp(ctx, config)
}

// wantBackup looks at what can be known before anything is opened.
func wantBackup(config cloud.Config) error {
	if config.Postgres != "" {
		return fmt.Errorf("%w: %w", errNothing, store.ErrBackupPostgres)
	}
	if config.Keep < 1 {
		return fmt.Errorf("%w: -keep: want 1 or more / нужно 1 или больше (got %d)", errUsage, config.Keep)
	}
	if config.Backups == "" {
		return fmt.Errorf("%w: -to: want a folder / нужна папка", errUsage)
	}
	return wantDatabase(config)
}

// wantDatabase refuses where an empty database would be made and saved. Where no copy was ever made that is a fresh
// installation; where there are copies, the folder is not the one that it was.
func wantDatabase(config cloud.Config) error {
	_, err := os.Stat(filepath.Join(config.Data, store.FileName))
	if err == nil {
		return nil
	}
	err = fmt.Errorf("there is no database in %s: -data or -config names the folder, kopilka-cloud init makes a new one / в папке нет базы: укажите -data или -config, новую создаст kopilka-cloud init: %w", config.Data, err)
	entries, listed := os.ReadDir(config.Backups)
	made := slices.ContainsFunc(entries, func(e fs.DirEntry) bool {
		_, is := store.BackupTime(e.Name())
		return is
	})
	if fresh := listed == nil || errors.Is(listed, fs.ErrNotExist); fresh && !made && errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w: %w", errNothing, err)
	}
	return err
}

func (c *call) backUp(ctx context.Context, config cloud.Config) (err error) {
	if err := os.MkdirAll(config.Backups, backupDir); err != nil {
		return fmt.Errorf("make the folder of backups; name another with -to / не создать папку копий, укажите другую: %w", err)
	}
	lock, err := store.LockFile(filepath.Join(config.Backups, backupLock))
	if errors.Is(err, store.ErrLocked) {
		return errBackupRuns
	}
	if err != nil {
		return fmt.Errorf("the folder of backups %s cannot be written: run as its owner / в папку копий нельзя писать: %w", config.Backups, err)
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	s, err := store.Open(ctx, config.Data, time.Now)
	if err != nil {
		return err
	}
	to := filepath.Join(config.Backups, store.BackupName(time.Now()))
	if err = room(s, config.Backups); err == nil {
		err = s.Backup(ctx, to)
	}
	if err := errors.Join(err, s.Close()); err != nil {
		return err
	}
	held, err := store.CheckCopy(ctx, to)
	if err != nil {
		return errors.Join(fmt.Errorf("the backup is not good and was removed / копия негодна и удалена: %w", err), os.Remove(to))
	}
	saved := saveUpdates(updatesFolder(config), to+keysAfter)
	_, said := fmt.Fprintf(c.out, "backup / копия: %s (%d bytes, organisations %d, tills %d, records %d)\n", to, held.Bytes, held.Orgs, held.Tills, held.Records)
	// The copy is good whatever became of the keys. Old ones go all the same, or the disk fills night by night.
	return errors.Join(saved, said, prune(config.Backups, config.Keep, time.Now()))
}

// room refuses before the disk is full: the database may be on the same one, and a till waits for it.
func room(s *store.Store, folder string) error {
	need, err := s.Size()
	if err != nil {
		return err
	}
	free, err := freeSpace(folder)
	if err != nil {
		return err
	}
	if free < uint64(need)+spareBytes {
		return fmt.Errorf("%w (%s: %d MB free, %d MB needed)", store.ErrFull, folder, free>>20, (need+spareBytes)>>20)
	}
	return nil
}

// prune removes all but the newest copies. Files with other names are somebody else's. Copies from after now were made
// by a clock that was wrong, or this one is: they neither count nor go, or a good copy would be removed at once.
func prune(folder string, keep int, now time.Time) error {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return fmt.Errorf("list the backups: %w", err)
	}
	var names []string
	for _, e := range entries {
		if at, ok := store.BackupTime(e.Name()); ok && !at.After(now) {
			names = append(names, e.Name())
		}
	}
	slices.Sort(names)
	for _, name := range names[:max(0, len(names)-keep)] {
		path := filepath.Join(folder, name)
		err := os.Remove(path)
		if gone := os.Remove(path + keysAfter); gone != nil && !errors.Is(gone, fs.ErrNotExist) {
			err = errors.Join(err, gone)
		}
		if err != nil {
			return fmt.Errorf("remove an old backup: %w", err)
		}
	}
	return nil
}

// saveUpdates keeps the small files of the repository of updates beside the copy: its online keys and what they
// signed. Programs are not among them: they are published again from where they were built.
func saveUpdates(folder, to string) (err error) {
	if _, err := os.Stat(folder); err != nil {
		return nil //nolint:nilerr // nothing was ever published
	}
	part := to + ".part"
	f, err := os.OpenFile(part, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("save the keys of updates: %w", err)
	}
	w := tar.NewWriter(f)
	err = filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		return addSmall(w, folder, path)
	})
	if err = errors.Join(err, w.Close(), f.Sync(), f.Close()); err == nil {
		err = os.Rename(part, to)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("save the keys of updates to %s: %w", to, err), os.Remove(part))
	}
	return nil
}

// smallBytes: keys and metadata are below it, programs far above.
const smallBytes = 1 << 20

func addSmall(w *tar.Writer, folder, path string) error {
	body, err := readSmall(path)
	if errors.Is(err, fs.ErrNotExist) || body == nil && err == nil { // replaced meanwhile, or a program
		return nil
	}
	if err != nil {
		return err
	}
	name, err := filepath.Rel(folder, path)
	if err != nil {
		return err
	}
	if err := w.WriteHeader(&tar.Header{Name: filepath.ToSlash(name), Mode: 0o600, Size: int64(len(body)), ModTime: time.Now()}); err != nil {
		return err
	}
	_, err = w.Write(body)
	return err
}

// readSmall is nil for what is too large.
func readSmall(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil || info.Size() > smallBytes {
		return nil, err
	}
	return os.ReadFile(path)
}

// updatesFolder is where the repository of updates lies.
func updatesFolder(config cloud.Config) string {
	if config.Updates != "" {
		return config.Updates
	}
	return filepath.Join(config.Data, "updates")
}
