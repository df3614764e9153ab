//go:build !windows

package port

import (
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// lockNode takes the device file itself, so that two names of one port (/dev/ttyUSB0 and its link
// under /dev/serial/by-id) are one lock and a crash leaves none behind. Programs that keep to lock
// files of their own are not kept out.
func lockNode(node string) (io.Closer, error) {
	f, err := os.OpenFile(node, os.O_RDWR|unix.O_NOCTTY|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	if err := flock(f); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

func flock(f *os.File) error {
	raw, err := f.SyscallConn()
	if err != nil {
		return fmt.Errorf("lock: %w", err)
	}
	var locked error
	if err := raw.Control(func(fd uintptr) { locked = unix.Flock(int(fd), unix.LOCK_EX|unix.LOCK_NB) }); err != nil {
		return fmt.Errorf("lock: %w", err)
	}
	if errors.Is(locked, unix.EWOULDBLOCK) {
		return ErrBusy
	}
	if locked != nil {
		return fmt.Errorf("lock: %w", locked)
	}
	return nil
}

// nodeThere fails when the device file has vanished.
func nodeThere(node string) error {
	_, err := os.Stat(node)
	return err
}
