package port

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"syscall"
	"time"
)

// schemeFile is a device file that is neither a serial port nor a socket: a printer of the USB printer class,
// file:///dev/usb/lp0 on Linux.
const schemeFile = "file"

func parseFile(u *url.URL, s string) (Address, error) {
	switch {
	case u.Host != "" || u.Path == "" || u.Path == "/":
		return Address{}, refused(s, because("для файла устройства нужны три черты, file:///dev/usb/lp0", "a device file needs three slashes, file:///dev/usb/lp0"))
	case u.RawQuery != "" || u.User != nil || u.Fragment != "":
		return Address{}, refused(s, because("после файла ничего не должно стоять", "nothing may follow the file"))
	}
	return Address{scheme: schemeFile, target: u.Path}, nil
}

// dialFile opens a device file that can be waited for. One that cannot, a file on a disk among them, is refused:
// a read of it could not be ended. A file that is not there is not made. The system itself lets a printer be
// opened once only, so there is no lock; a second opening of the same file for one would fail by itself.
func dialFile(ctx context.Context, target string) (Conn, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("open %s: %w", target, err)
	}
	f, err := os.OpenFile(target, os.O_RDWR|syscall.O_NONBLOCK, 0)
	if errors.Is(err, syscall.EBUSY) {
		return nil, fmt.Errorf("open %s: %w: %w", target, ErrBusy, err)
	}
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", target, err)
	}
	if err := f.SetDeadline(time.Time{}); err != nil {
		return nil, errors.Join(fmt.Errorf("open %s: %w: it is no device that can be waited for: %w", target, ErrAddress, err), f.Close())
	}
	return fileConn{f}, nil
}

// fileConn is a device file. What fails for another reason than time says that the device is gone.
type fileConn struct{ *os.File }

// Read waits for the first bytes.
func (c fileConn) Read(p []byte) (int, error) {
	n, err := c.File.Read(p)
	return n, gone(err)
}

// Write sends all bytes.
func (c fileConn) Write(p []byte) (int, error) {
	n, err := c.File.Write(p)
	return n, gone(err)
}

func gone(err error) error {
	if err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		return err
	}
	return fmt.Errorf("%w: %w", ErrGone, err)
}
