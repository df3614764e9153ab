package slots

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// Errors of a disk that people can do something about.
var (
	// ErrFull is wrapped where the disk has no room.
	ErrFull = errors.New("the disk is full")
	// ErrReadOnly is wrapped where nothing can be written, as on a disk that the system has shut after an error.
	ErrReadOnly = errors.New("the disk can only be read")
	// ErrBusy is wrapped where another program, an antivirus most often, holds a file.
	ErrBusy = errors.New("another program holds the file")
)

// Disk is the file system as this package uses it. Nothing is on the disk for good before it is flushed: a file's
// bytes by flushing the file, its name by flushing the folder. Tests cut it at every call.
type Disk struct {
	Read func(path string) ([]byte, error)
	// Write makes or overwrites a file.
	Write func(path string, mode fs.FileMode, from io.Reader) error
	Flush func(path string) error
	// Rename moves within one folder and replaces what is there, in one step.
	Rename func(from, to string) error
	// Remove takes a file, a link or a folder with what is in it; what is not there is no error.
	Remove func(path string) error
	// Folder makes one folder; one that is there is no error.
	Folder func(path string, mode fs.FileMode) error
	Link   func(to, path string) error
	Linked func(path string) (to string, err error)
	List   func(path string) ([]string, error)
	// Whole tells whether a program that could start is there: a file, not empty, executable.
	Whole func(path string) bool
	// Free is how many bytes may be written in the folder's file system.
	Free func(path string) (int64, error)
}

// OS is the machine's own disk.
func OS() Disk {
	return Disk{
		Read: os.ReadFile, Write: write, Flush: flush, Rename: rename, Remove: os.RemoveAll, Folder: folder,
		Link: os.Symlink, Linked: os.Readlink, List: list, Whole: whole, Free: free,
	}
}

func write(path string, mode fs.FileMode, from io.Reader) (err error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, mode) //nolint:gosec // a path of the layout
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if err := f.Chmod(mode); err != nil { // past the umask
		return err
	}
	_, err = io.Copy(f, from)
	return err
}

func folder(path string, mode fs.FileMode) error {
	if err := os.Mkdir(path, mode); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}

func list(path string) ([]string, error) {
	entries, err := os.ReadDir(path)
	names := make([]string, 0, len(entries))
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names, err
}

func whole(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && info.Size() > 0 && executable(info)
}

// replace puts a file whole, so that a power cut leaves the old one or the new one.
func (d Disk) replace(path string, mode fs.FileMode, from io.Reader) error {
	next := path + ".new"
	if err := d.fill(next, mode, from); err != nil {
		return err
	}
	return d.move(next, path)
}

// fill writes a file and its bytes are on the disk; its name may not be.
func (d Disk) fill(path string, mode fs.FileMode, from io.Reader) error {
	if err := d.Write(path, mode, from); err != nil {
		return say("write", path, err)
	}
	return say("flush", path, d.Flush(path))
}

// move renames for good.
func (d Disk) move(from, to string) error {
	if err := d.Rename(from, to); err != nil {
		return say("put in place", to, err)
	}
	return d.flush(filepath.Dir(to))
}

func (d Disk) flush(path string) error { return say("flush", path, d.Flush(path)) }

// folder makes a folder in one that is there, for good.
func (d Disk) folder(path string, mode fs.FileMode) error {
	if err := d.Folder(path, mode); err != nil {
		return say("make", path, err)
	}
	return d.flush(filepath.Dir(path))
}

// say wraps with what was tried, and with what kind of trouble it is where that is known.
func say(what, path string, err error) error {
	if err == nil {
		return nil
	}
	if k := Trouble(err); k != nil {
		return fmt.Errorf("%s %s: %w: %w", what, path, k, err)
	}
	return fmt.Errorf("%s %s: %w", what, path, err)
}
