package main

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/kopilka/kopilka/cloud/store"
)

// restore puts a copy in the database's place. Head office must be stopped, and is told nothing else: the copy
// knows by itself that it was restored.
func restore(ctx context.Context, c *call) error {
	c.words = 1
	settings := c.settings()
	if err := c.parse(); err != nil {
		return err
	}
	config, err := settings()
	if err != nil {
		return err
	}
	if config.Postgres != "" {
		return store.ErrBackupPostgres
	}
	if c.flags.NArg() != 1 {
		return fmt.Errorf("%w: name one copy, as in kopilka-cloud restore %s / укажите одну копию", errUsage,
			filepath.Join(config.Backups, store.BackupName(time.Now())))
	}
	from := c.flags.Arg(0)
	done, err := store.Restore(ctx, from, config.Data, time.Now)
	if err != nil {
		return fmt.Errorf("nothing was changed / ничего не изменено: %w", err)
	}
	// Said first: whatever fails from here on, the database is the restored one.
	if err := tellRestored(c.out, from, done); err != nil {
		return err
	}
	if err := bringUpdates(from+keysAfter, updatesFolder(config)); err != nil {
		return fmt.Errorf("the database is restored, the keys of updates are not; without them no program can be published / база восстановлена, ключи обновлений нет; без них программы не опубликовать: %w", err)
	}
	p := program(c, config)
	if err := p.Open(ctx); err != nil {
		return err
	}
	return errors.Join(restoredUpdates(ctx, c, p), p.Close())
}

func tellRestored(out io.Writer, from string, done store.Restored) error {
	newest := "-"
	if done.Newest != 0 {
		newest = done.Newest.Time().UTC().Format(time.RFC3339)
	}
	aside := done.Aside
	if aside == "" {
		aside = "-"
	}
	_, err := fmt.Fprintf(out, `restored / восстановлено: %s
records / записей: %d, newest / последняя: %s
the database that was replaced / прежняя база: %s (remove it when it is not missed / удалите, когда не понадобится)
Start head office again: tills send what the copy does not have by themselves, nothing that they still hold is lost.
Points that stores held are granted again when every till has reported; until then each spends what it holds.
What was changed on head office's own pages since the copy is lost: prices, rules, people.
Запустите головной офис: кассы сами дошлют то, чего нет в копии. Баллы выдаются кассам снова, когда все кассы
отчитаются; до этого каждая тратит то, что у неё есть. Правки на страницах офиса, сделанные после копии, потеряны.
`, from, done.Records, newest, aside)
	return err
}

// bringUpdates gives a new machine the repository's keys back. A repository that is there is left alone: it is
// newer, and tills believe no older one.
func bringUpdates(from, folder string) (err error) {
	f, err := os.Open(from)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read the keys of updates: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if _, err := os.Stat(folder); err == nil {
		return nil
	}
	part := folder + ".part" // a restore that is cut off leaves no half a repository, which the next would take for one
	if err := os.RemoveAll(part); err != nil {
		return fmt.Errorf("remove half a folder of updates: %w", err)
	}
	if err := os.MkdirAll(part, backupDir); err != nil {
		return fmt.Errorf("make the folder of updates: %w", err)
	}
	if err := unpack(f, part); err != nil {
		return fmt.Errorf("bring the keys of updates back from %s: %w", from, err)
	}
	if err := os.Rename(part, folder); err != nil {
		return fmt.Errorf("put the folder of updates in place: %w", err)
	}
	return nil
}

func unpack(from io.Reader, folder string) (err error) {
	root, err := os.OpenRoot(folder) // names in an archive are somebody's word
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, root.Close()) }()
	for r := tar.NewReader(from); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			err = bringFile(root, h, r)
		}
		if err != nil {
			return err
		}
	}
}

func bringFile(root *os.Root, h *tar.Header, r io.Reader) error {
	if h.Size > smallBytes {
		return fmt.Errorf("%s is larger than anything that was saved", h.Name)
	}
	body, err := io.ReadAll(io.LimitReader(r, smallBytes))
	if err != nil {
		return err
	}
	if err := root.MkdirAll(filepath.FromSlash(filepath.Dir(h.Name)), backupDir); err != nil {
		return err
	}
	return root.WriteFile(filepath.FromSlash(h.Name), body, 0o600)
}
