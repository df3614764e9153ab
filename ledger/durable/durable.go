// Package durable writes small files so that a power cut leaves the old one or the new one, whole, and takes locks
// that end with the process.
//
// What will bite: a rename is on the disk only when its folder has been flushed. Windows cannot flush a folder; NTFS
// keeps names in a journal of its own.
package durable

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// Write replaces a file, and returns when what it holds and its name are on the disk.
func Write(file string, b []byte, mode fs.FileMode) error {
	f, err := os.CreateTemp(filepath.Dir(file), "."+filepath.Base(file)+"-*")
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	err = errors.Join(err, f.Chmod(mode), f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), file)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return FlushFolder(filepath.Dir(file))
}
