package port

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"

	"github.com/karalabe/hid"
	"golang.org/x/sys/unix"
)

// hidWorks without the C library too: hidraw is the kernel's.
func hidWorks() bool { return true }

// openHID takes the device through libusb, which keeps every other program away from it, keyboard drivers
// too. Where libusb may not or does not see the device, hidraw is next.
func openHID(f Found) (Conn, error) {
	if f.usb == "" || !hid.Supported() {
		return openRaw(f.node)
	}
	if err := heldByOther(f.node); err != nil {
		return nil, err
	}
	// The path is libusb's and the kernel's name of the interface, so the library need not ask every HID
	// device of the machine for its strings first.
	dev, err := hid.DeviceInfo{Path: f.usb, VendorID: f.VID, ProductID: f.PID}.Open()
	if err == nil {
		return newReportConn(f.usb, dev, f.report), nil
	}
	if f.node != "" && nodeThere(f.node) == nil {
		return openRaw(f.node)
	}
	return nil, fmt.Errorf("%w: %w", whyNot(f), err)
}

// heldByOther fails when a program that keeps to flock reads the device through hidraw: libusb would take
// it away without asking.
func heldByOther(node string) error {
	if node == "" {
		return nil
	}
	lock, err := lockNode(node)
	if err == nil {
		return lock.Close()
	}
	if errors.Is(err, ErrBusy) {
		return err
	}
	return nil // no right to hidraw, or it vanished: libusb is asked all the same
}

// whyNot says why libusb refuses, which it does not itself.
func whyNot(f Found) error {
	err := unix.Access(system.usbNode(f.Port), unix.W_OK)
	if errors.Is(err, unix.EACCES) {
		return os.ErrPermission
	}
	if errors.Is(err, unix.ENOENT) {
		return ErrGone
	}
	return ErrBusy
}

// dialHIDRaw opens a device through the kernel's hidraw: no C library, and Bluetooth too.
func dialHIDRaw(ctx context.Context, a Address) (Conn, error) {
	node := a.target
	if node == "" {
		all, err := listHID(ctx)
		if err != nil {
			return nil, fmt.Errorf("look for %s: %w", a, err)
		}
		f, err := a.id.chooseHID(all)
		if err != nil {
			return nil, fmt.Errorf("open %s: %w", a, err)
		}
		if node = f.node; node == "" {
			return nil, fmt.Errorf("open %s: %w: another program has it through libusb", a, ErrBusy)
		}
	}
	c, err := openRaw(node)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", a, err)
	}
	return c, nil
}

// rawConn is a hidraw file. The runtime polls it, so deadlines and Close end a Read at once.
type rawConn struct {
	*os.File
	report []byte
}

func openRaw(node string) (Conn, error) {
	if node == "" {
		return nil, fmt.Errorf("%w, and it has no hidraw file", ErrNoHID)
	}
	file, err := os.OpenFile(node, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	c := &rawConn{File: file}
	err = flock(file)
	if err == nil {
		c.report, err = describeRaw(file)
	}
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return c, nil
}

// describeRaw sees that the file is hidraw at all, and reads the report descriptor.
func describeRaw(file *os.File) ([]byte, error) {
	raw, err := file.SyscallConn()
	if err != nil {
		return nil, fmt.Errorf("ask %s what it is: %w", file.Name(), err)
	}
	var report []byte
	var asked error
	err = raw.Control(func(fd uintptr) {
		if _, asked = unix.IoctlHIDGetRawInfo(int(fd)); asked != nil {
			return
		}
		var size int
		if size, asked = unix.IoctlGetInt(int(fd), unix.HIDIOCGRDESCSIZE); asked != nil {
			return
		}
		d := unix.HIDRawReportDescriptor{Size: uint32(size)}
		if asked = unix.IoctlHIDGetDesc(int(fd), &d); asked == nil {
			report = d.Value[:min(size, len(d.Value))]
		}
	})
	if err = errors.Join(err, asked); err != nil {
		return nil, fmt.Errorf("ask %s what it is: %w", file.Name(), err)
	}
	return report, nil
}

// ReportDescriptor is what the kernel read from the device.
func (c *rawConn) ReportDescriptor() []byte { return c.report }

// Read gives one report.
func (c *rawConn) Read(p []byte) (int, error) {
	n, err := c.File.Read(p)
	return n, rawGone(err)
}

// Write sends one output report, its number first.
func (c *rawConn) Write(p []byte) (int, error) {
	n, err := c.File.Write(p)
	return n, rawGone(err)
}

// rawGone names the errors of a device that was unplugged.
func rawGone(err error) error {
	for _, gone := range []error{syscall.EIO, syscall.ENODEV, io.EOF} {
		if errors.Is(err, gone) {
			return fmt.Errorf("%w: %w", ErrGone, err)
		}
	}
	return err
}
