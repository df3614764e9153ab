//go:build !windows

package slots

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// System is where packages put things on this machine.
func System() Layout {
	return Layout{Programs: "/usr/lib/kopilka", State: "/var/lib/kopilka-updater", Data: "/var/lib/kopilka"}
}

func executable(info fs.FileInfo) bool { return info.Mode().Perm()&0o111 == 0o111 }

// flush works for folders too: their names reach the disk.
func flush(path string) (err error) {
	f, err := os.Open(path) //nolint:gosec // a path of the layout
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	return f.Sync()
}

func rename(from, to string) error { return os.Rename(from, to) }

func free(path string) (int64, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(path, &st); err != nil {
		return 0, fmt.Errorf("ask how much room %s has: %w", path, err)
	}
	return int64(st.Bavail) * st.Bsize, nil //nolint:gosec // blocks of a real disk fit
}

// Trouble tells what kind of trouble the system means, nil where it is none of the three.
func Trouble(err error) error {
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return ErrFull
	case errors.Is(err, syscall.EROFS):
		return ErrReadOnly
	case errors.Is(err, syscall.ETXTBSY), errors.Is(err, syscall.EBUSY):
		return ErrBusy
	}
	return nil
}
