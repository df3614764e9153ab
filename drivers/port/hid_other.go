//go:build !linux

package port

import (
	"context"
	"fmt"

	"github.com/karalabe/hid"
)

// hidWorks only with the C library, which a cross build without a C compiler silently leaves out.
func hidWorks() bool { return hid.Supported() }

func openHID(f Found) (Conn, error) {
	dev, err := hid.DeviceInfo{Path: f.Path, VendorID: f.VID, ProductID: f.PID}.Open()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrBusy, err) // the library says no more
	}
	return newReportConn(f.Path, dev, nil), nil
}

func dialHIDRaw(_ context.Context, a Address) (Conn, error) {
	return nil, fmt.Errorf("%w: %s: hidraw is Linux's, use hid://", ErrAddress, a)
}
