package slots

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/windows"
)

// updaterProgram lies in the folder of the programs, so that where it runs from says where that is: a shop may have
// installed it on another disk.
const updaterProgram = "kopilka-updater.exe"

// System is where packages put things on this machine.
func System() Layout {
	programs, data := known(windows.FOLDERID_ProgramFiles, `C:\Program Files`), known(windows.FOLDERID_ProgramData, `C:\ProgramData`)
	l := Layout{
		Programs: filepath.Join(programs, "Kopilka"), State: filepath.Join(data, "Kopilka-Updater"), Data: filepath.Join(data, "Kopilka"),
		Exe: ".exe",
	}
	if exe, err := os.Executable(); err == nil && strings.EqualFold(filepath.Base(exe), updaterProgram) {
		l.Programs = filepath.Dir(exe)
	}
	return l
}

// known asks Windows, not the environment: whoever starts a program chooses that.
func known(id *windows.KNOWNFOLDERID, usual string) string {
	path, err := windows.KnownFolderPath(id, windows.KF_FLAG_DEFAULT)
	if err != nil {
		return usual
	}
	return path
}

// executable is what ends so; there is no such bit.
func executable(info fs.FileInfo) bool { return strings.EqualFold(filepath.Ext(info.Name()), ".exe") }

// flush is for files. A folder's names are in the journal of NTFS before a rename that writes through returns.
func flush(path string) (err error) {
	info, err := os.Stat(path)
	if err != nil || info.IsDir() {
		return err
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0) //nolint:gosec // a path of the layout; Windows flushes only what may be written
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	return f.Sync()
}

func rename(from, to string) error {
	names := [2]*uint16{}
	for i, name := range []string{from, to} {
		n, err := windows.UTF16PtrFromString(name)
		if err != nil {
			return fmt.Errorf("rename %s: %w", name, err)
		}
		names[i] = n
	}
	// To its own errors Windows adds no name; who called knows it.
	return windows.MoveFileEx(names[0], names[1], windows.MOVEFILE_REPLACE_EXISTING|windows.MOVEFILE_WRITE_THROUGH)
}

func free(path string) (int64, error) {
	name, err := windows.UTF16PtrFromString(path)
	if err != nil {
		return 0, fmt.Errorf("ask how much room %s has: %w", path, err)
	}
	var room uint64
	if err := windows.GetDiskFreeSpaceEx(name, &room, nil, nil); err != nil {
		return 0, fmt.Errorf("ask how much room %s has: %w", path, err)
	}
	return int64(min(room, 1<<62)), nil //nolint:gosec // bounded beside it
}

// Trouble tells what kind of trouble the system means, nil where it is none of the three.
func Trouble(err error) error {
	switch {
	case errors.Is(err, windows.ERROR_DISK_FULL), errors.Is(err, windows.ERROR_HANDLE_DISK_FULL):
		return ErrFull
	case errors.Is(err, windows.ERROR_WRITE_PROTECT):
		return ErrReadOnly
	case errors.Is(err, windows.ERROR_SHARING_VIOLATION), errors.Is(err, windows.ERROR_LOCK_VIOLATION), errors.Is(err, windows.ERROR_USER_MAPPED_FILE):
		return ErrBusy
	}
	return nil
}
