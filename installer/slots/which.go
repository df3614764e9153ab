package slots

import (
	"errors"
	"io/fs"
	"path/filepath"
)

// Switch knows which slot the machine starts, and changes it: a link on Linux, the service's setting on Windows.
type Switch interface {
	// Slot is "packaged" or "versions/1.3.0"; empty where nothing was chosen yet.
	Slot() (string, error)
	// Choose is done in one step: a cut leaves the old choice or the new one. When it returns, it is on the disk.
	Choose(slot string) error
	// Settle puts on the disk what a process that was killed chose.
	Settle() error
}

// Link is the Switch of Linux: the link current in the folder of the programs.
type Link struct {
	Layout Layout
	Disk   Disk
}

func (l Link) path() string { return filepath.Join(l.Layout.Programs, Current) }

// Slot reads the link.
func (l Link) Slot() (string, error) {
	to, err := l.Disk.Linked(l.path())
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	return filepath.ToSlash(to), say("read the link", l.path(), err)
}

// Choose makes another link beside it and moves that over it.
func (l Link) Choose(slot string) error {
	next := l.path() + ".new"
	if err := l.Disk.Remove(next); err != nil {
		return say("remove", next, err)
	}
	if err := l.Disk.Link(filepath.FromSlash(slot), next); err != nil {
		return say("make the link", next, err)
	}
	return l.Disk.move(next, l.path())
}

// Settle flushes the folder.
func (l Link) Settle() error { return l.Disk.flush(l.Layout.Programs) }
