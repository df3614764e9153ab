package emulator

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"
)

// OpenScanner is a scanner on a pseudo terminal, which a till opens like a serial port. With a link a
// stable name points to it; a link left behind is replaced, any other file is not touched.
func OpenScanner(link string, o ScannerOptions) (*Scanner, error) {
	master, slave, err := pty.Open()
	if err != nil {
		return nil, fmt.Errorf("open a pseudo terminal for the scanner: %w", err)
	}
	s := &Scanner{opt: o, addr: slave.Name(), line: master}
	s.stop = func() error { return errors.Join(unlink(link), slave.Close()) }
	if err := errors.Join(raw(slave), symlink(slave.Name(), link)); err != nil {
		return nil, errors.Join(fmt.Errorf("set up the scanner's pseudo terminal: %w", err), slave.Close(), master.Close())
	}
	if link != "" {
		s.addr = link
	}
	return s, nil
}

// raw leaves bytes as they are: a terminal would turn CR into LF and echo what it gets.
func raw(f *os.File) error {
	t, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	if err != nil {
		return err
	}
	t.Iflag &^= unix.IGNBRK | unix.BRKINT | unix.PARMRK | unix.ISTRIP | unix.INLCR | unix.IGNCR | unix.ICRNL | unix.IXON
	t.Oflag &^= unix.OPOST
	t.Lflag &^= unix.ECHO | unix.ECHONL | unix.ICANON | unix.ISIG | unix.IEXTEN
	t.Cflag = t.Cflag&^(unix.CSIZE|unix.PARENB) | unix.CS8
	return unix.IoctlSetTermios(int(f.Fd()), unix.TCSETS, t)
}

func symlink(target, link string) error {
	if link == "" {
		return nil
	}
	if err := errors.Join(os.MkdirAll(filepath.Dir(link), 0o750), unlink(link)); err != nil {
		return err
	}
	return os.Symlink(target, link)
}

func unlink(link string) error {
	info, err := os.Lstat(link)
	if link == "" || errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if info.Mode()&os.ModeSymlink == 0 {
		return fmt.Errorf("%s is there already and is not a link", link)
	}
	return os.Remove(link)
}
