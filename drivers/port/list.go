package port

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
)

// Kind says how a device is reached.
type Kind string

// The kinds.
const (
	KindSerial Kind = "serial"
	KindHID    Kind = "hid"
)

// pageScanner is the HID usage page of bar code scanners (HID Point of Sale Usage Tables 1.02).
const pageScanner = 0x8C

// Found is a device or a port that is there now.
type Found struct {
	Kind      Kind
	Path      string // its device file, or the port's name on Windows; empty while a library holds a HID device
	VID, PID  uint16 // zero: no USB device
	Serial    string // its own number
	Maker     string
	Product   string
	Port      string // the USB port that it is in, as 1-1.4; empty where the system does not tell
	Interface int    // of a device that is several at once
	Page      uint16 // HID usage page; zero where unknown
	Usage     uint16
	address   string
	usb       string // the USB interface, as libusb and Linux name it: 1-1.4:1.0
	node      string // hidraw device file
	report    []byte // HID report descriptor, where known
}

// Address is the device's as the config takes it: by identity where it has one.
func (f Found) Address() string { return f.address }

// IsScanner tells a scanner in HID POS mode.
func (f Found) IsScanner() bool { return f.Kind == KindHID && f.Page == pageScanner }

func (f Found) place() string { return cmp.Or(f.Port, f.Path, "an unknown place") }

// List finds the serial ports and HID devices that are plugged in, serial ports first. It opens none of
// them: opening a serial port can reset the device behind it.
func List(ctx context.Context) ([]Found, error) {
	serial, err := listSerial(ctx)
	if err != nil {
		return nil, fmt.Errorf("list serial ports: %w", err)
	}
	hid, err := listHID(ctx)
	if err != nil {
		return nil, fmt.Errorf("list HID devices: %w", err)
	}
	all := slices.Concat(serial, hid)
	for i := range all {
		all[i].address = address(all[i], all)
	}
	return all, nil
}

// address is as short as it may be: the serial number is named where there is one, the USB port only where
// two of a kind have none.
func address(f Found, all []Found) string {
	if f.VID == 0 {
		return byPath(f)
	}
	id := identity{vid: f.VID, pid: f.PID, serial: f.Serial, iface: -1}
	for _, other := range all {
		if other.Kind != f.Kind || !id.fits(other) {
			continue
		}
		if other.Port != f.Port {
			id.at = f.Port
		} else if other.Interface < f.Interface && f.Kind == KindSerial {
			id.iface = f.Interface
		}
	}
	scheme := schemeUSB
	switch {
	case f.Kind == KindHID && f.usb != "":
		scheme = schemeHID
	case f.Kind == KindHID:
		scheme = schemeHIDRaw
	}
	a := Address{scheme: scheme, id: id, baud: BaudDefault}
	return a.String()
}

func byPath(f Found) string {
	if f.Kind == KindHID {
		return schemeHIDRaw + "://" + f.Path
	}
	return Address{scheme: schemeSerial, target: f.Path, baud: BaudDefault}.String()
}

// hexID reads a vendor's, a product's or an interface's number; zero where it is none.
func hexID(s string) uint16 {
	n, err := strconv.ParseUint(s, 16, 32)
	if err != nil || n > 0xFFFF {
		return 0
	}
	return uint16(n)
}
