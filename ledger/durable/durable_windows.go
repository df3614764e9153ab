package durable

import (
	"errors"
	"os"

	"golang.org/x/sys/windows"
)

// FlushFolder has nothing to do: see the package.
func FlushFolder(string) error { return nil }

// TryLock takes a file's lock, alone or together with others who share it, and waits for nobody: taken is false while
// somebody else's is in the way. It ends with the file or the process.
func TryLock(f *os.File, shared bool) (taken bool, err error) {
	how := uint32(windows.LOCKFILE_FAIL_IMMEDIATELY)
	if !shared {
		how |= windows.LOCKFILE_EXCLUSIVE_LOCK
	}
	err = windows.LockFileEx(windows.Handle(f.Fd()), how, 0, 1, 0, new(windows.Overlapped))
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) || errors.Is(err, windows.ERROR_IO_PENDING) {
		return false, nil
	}
	return err == nil, err
}
