package updates

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/theupdateframework/go-tuf/v2/metadata"

	"github.com/kopilka/kopilka/ledger/durable"
	"github.com/kopilka/kopilka/sync/update"
)

const (
	// lockWait is how long a command waits for another one: signing takes less than a second, copying a release a few.
	lockWait = 30 * time.Second
	lockPoll = 50 * time.Millisecond
	// keepFor is how long what no reader is sent to any more stays: a till may be in the middle of a download.
	keepFor    = 24 * time.Hour
	partPrefix = ".part-" // of files that are being written
)

// cut lets tests fail an operation.
func (r *Repo) cut(operation string) error {
	if r.Cut == nil {
		return nil
	}
	return r.Cut(operation)
}

// whole writes a file by way of a temporary one, so that its name never stands for a part of it.
func (r *Repo) whole(name string, raw []byte, perm fs.FileMode) error {
	path := r.at(filepath.FromSlash(name))
	err := r.prepare(filepath.Dir(path), perm)
	if err == nil {
		err = r.replace(path, raw, perm)
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}

func (r *Repo) prepare(dir string, perm fs.FileMode) error {
	if err := r.cut("make " + dir); err != nil {
		return err
	}
	mode := fs.FileMode(folderPerm)
	if perm == secretPerm {
		mode = secretDir
	}
	made, err := makeFolders(dir, mode)
	return errors.Join(err, give(r.Folder, made...))
}

// makeFolders makes dir and what is missing above it, and answers what it made, the innermost first.
func makeFolders(dir string, mode fs.FileMode) (made []string, err error) {
	for at := dir; ; at = filepath.Dir(at) {
		if _, err := os.Lstat(at); !errors.Is(err, fs.ErrNotExist) {
			break
		}
		made = append(made, at)
	}
	if err := os.MkdirAll(dir, mode); err != nil {
		return nil, err
	}
	return made, nil
}

func (r *Repo) replace(path string, raw []byte, perm fs.FileMode) (err error) {
	dir := filepath.Dir(path)
	if err := r.cut("create " + path); err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, partPrefix+"*")
	if err != nil {
		return err
	}
	kept := false
	defer func() {
		if !kept && r.Cut == nil { // a power cut would not tidy up either
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	err = r.fill(f, raw, perm)
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := give(r.Folder, f.Name()); err != nil {
		return err
	}
	if err := r.cut("rename " + path); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	kept = true
	if err := r.cut("flush " + dir); err != nil {
		return err
	}
	return durable.FlushFolder(dir)
}

func (r *Repo) fill(f *os.File, raw []byte, perm fs.FileMode) error {
	if err := f.Chmod(perm); err != nil && runtime.GOOS != "windows" {
		return err
	}
	half := len(raw) / 2
	if _, err := f.Write(raw[:half]); err != nil {
		return err
	}
	if err := r.cut("fill " + f.Name()); err != nil {
		return err
	}
	if _, err := f.Write(raw[half:]); err != nil {
		return err
	}
	return f.Sync()
}

// locked runs fn while nobody else changes the repository.
func (r *Repo) locked(ctx context.Context, fn func() error) error {
	if err := r.home(); err != nil {
		return fmt.Errorf("make the folder of the repository: %w", err)
	}
	f, err := os.OpenFile(r.at(lockFile), os.O_CREATE|os.O_RDWR, secretPerm)
	if err != nil {
		return fmt.Errorf("open the lock of the repository: %w", err)
	}
	if err = give(r.Folder, r.at(lockFile)); err == nil {
		err = r.lock(ctx, f)
	}
	if err == nil {
		err = fn()
	}
	return errors.Join(err, f.Close()) // closing gives the lock back
}

// home makes the repository's folder where there is none, for whom the folder around it belongs to.
func (r *Repo) home() error {
	made, err := makeFolders(r.Folder, folderPerm)
	if err != nil || len(made) == 0 {
		return err
	}
	return give(filepath.Dir(made[len(made)-1]), made...)
}

func (r *Repo) lock(ctx context.Context, f *os.File) error {
	ctx, cancel := context.WithTimeoutCause(ctx, lockWait, ErrBusy)
	defer cancel()
	tick := time.NewTicker(lockPoll)
	defer tick.Stop()
	for {
		got, err := durable.TryLock(f, false)
		if err != nil {
			return fmt.Errorf("lock the repository of updates: %w", err)
		}
		if got {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("lock the repository of updates: %w", context.Cause(ctx))
		case <-tick.C:
		}
	}
}

// prune deletes what nobody is sent to any more, a day after it was written, and keys that are replaced.
func (r *Repo) prune(s *state) error {
	keep := map[string]bool{"timestamp.json": true}
	keep[versioned(s.snapshot.Signed.Version, metadata.SNAPSHOT)] = true
	keep[versioned(s.targets.Signed.Version, metadata.TARGETS)] = true
	keep[versioned(s.rollout.Signed.Version, update.RolloutRole)] = true
	for _, list := range []map[string]*metadata.TargetFiles{s.targets.Signed.Targets, s.rollout.Signed.Targets} {
		for name, t := range list {
			keep[hashed(name, t.Hashes["sha256"].String())] = true
		}
	}
	return errors.Join(
		r.sweep(metadataFolder, func(name string) bool { return keep[name] || strings.HasSuffix(name, ".root.json") }, keepFor),
		r.sweep(targetsFolder, func(name string) bool { return keep[name] }, keepFor),
		r.sweep(keysFolder, func(name string) bool { return s.names(strings.TrimSuffix(name, ".pem")) }, 0))
}

func (r *Repo) sweep(folder string, keep func(name string) bool, after time.Duration) error {
	err := filepath.WalkDir(r.at(folder), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, err := filepath.Rel(r.at(folder), path)
		if err != nil || keep(filepath.ToSlash(name)) {
			return err
		}
		info, err := d.Info()
		if err != nil || time.Since(info.ModTime()) < after { // the file system's clock, not the office's
			return err
		}
		if err := r.cut("remove " + path); err != nil {
			return err
		}
		return os.Remove(path)
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("tidy up the repository of updates: %w", err)
	}
	return nil
}
