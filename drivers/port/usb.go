package port

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
)

// identity is what a USB device says of itself. It stays when the device is plugged in elsewhere.
type identity struct {
	vid, pid uint16
	serial   string // its serial number; empty: any
	at       string // the USB port that it is in, as 1-1.4, for devices without serial numbers; empty: any
	iface    int    // of a device that is several ports at once; negative: the first
}

// parseUSB reads VID:PID, an optional /SERIAL or /@PORT, and settings of a serial port. A hidraw address may
// name a device file instead.
func parseUSB(scheme, rest, s string) (Address, error) {
	path, query, asked := strings.Cut(rest, "?")
	a := Address{scheme: scheme, baud: BaudDefault, id: identity{iface: -1}}
	if scheme == schemeHIDRaw && strings.HasPrefix(path, "/") && !asked {
		if a.target = filepath.Clean(path); a.target == "/" {
			return Address{}, refused(s, because("нет файла устройства", "the device file is missing"))
		}
		return a, nil
	}
	if err := a.id.parse(path); err != nil {
		return Address{}, refused(s, err)
	}
	if asked && scheme != schemeUSB {
		return Address{}, refused(s, because("у устройства HID нет настроек", "a HID device takes no settings"))
	}
	if err := a.setUSB(query); err != nil {
		return Address{}, refused(s, err)
	}
	return a, nil
}

func (id *identity) parse(path string) error {
	ids, serial, named := strings.Cut(path, "/")
	vid, pid, _ := strings.Cut(ids, ":")
	var errs [2]error
	id.vid, errs[0] = usbID(vid)
	id.pid, errs[1] = usbID(pid)
	if errs[0] != nil || errs[1] != nil {
		return because("%q не VID:PID, по четыре шестнадцатеричные цифры", "%q is not VID:PID, four hexadecimal digits each", ids)
	}
	if !named {
		return nil
	}
	serial, err := url.PathUnescape(serial)
	if err != nil || serial == "" || serial == "@" {
		return because("после VID:PID/ стоит заводской номер или @ и порт USB", "after VID:PID/ stands a serial number or @ and a USB port")
	}
	if at, ok := strings.CutPrefix(serial, "@"); ok {
		id.at = at
		return nil
	}
	id.serial = serial
	return nil
}

func usbID(s string) (uint16, error) {
	n, err := strconv.ParseUint(s, 16, 16)
	if err == nil && len(s) != 4 {
		err = strconv.ErrSyntax
	}
	return uint16(n), err
}

func (a *Address) setUSB(query string) error {
	q, err := url.ParseQuery(query)
	if err != nil {
		return err
	}
	for key, values := range q {
		if len(values) != 1 {
			return because("%q указано дважды", "%q stands twice", key)
		}
		switch key {
		case "baud":
			a.baud, err = parseBaud(values[0])
		case "interface":
			a.id.iface, err = strconv.Atoi(values[0])
			if err == nil && (a.id.iface < 0 || a.id.iface > 255) {
				err = because("interface=%d не от 0 до 255", "interface=%d is not 0 to 255", a.id.iface)
			}
		default:
			err = because("неизвестная настройка %q, есть baud и interface", "unknown setting %q, known are baud and interface", key)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// String is the identity as the config would write it.
func (id identity) String() string {
	s := fmt.Sprintf("%04X:%04X", id.vid, id.pid)
	switch {
	case id.at != "":
		s += "/@" + url.PathEscape(id.at)
	case id.serial != "":
		s += "/" + url.PathEscape(id.serial)
	}
	return s
}

func (a Address) query() string {
	s := fmt.Sprintf("?baud=%d", a.baud)
	if a.id.iface >= 0 {
		s += fmt.Sprintf("&interface=%d", a.id.iface)
	}
	return s
}

// fits tells whether a device is the one meant.
func (id identity) fits(f Found) bool {
	return f.VID == id.vid && f.PID == id.pid && (id.serial == "" || f.Serial == id.serial) &&
		(id.at == "" || f.Port == id.at) && (id.iface < 0 || f.Interface == id.iface)
}

// choose finds the one device meant. A device of several interfaces is one device: the first is taken.
func (id identity) choose(all []Found) (Found, error) {
	var fit []Found
	for _, f := range all {
		if id.fits(f) {
			fit = append(fit, f)
		}
	}
	if len(fit) == 0 {
		return Found{}, fmt.Errorf("%w: %s", ErrAbsent, id)
	}
	first := fit[0]
	for _, f := range fit[1:] {
		if f.Port != first.Port || f.Serial != first.Serial || f.Port == "" && f.Serial == "" {
			return Found{}, fmt.Errorf("%w: %s is in %s and in %s", ErrMany, id, first.place(), f.place())
		}
		if f.Interface < first.Interface {
			first = f
		}
	}
	return first, nil
}

// dialUSBSerial looks for the device anew each time: replugged it has another device file.
func dialUSBSerial(ctx context.Context, a Address) (Conn, error) {
	node, err := a.Resolve(ctx)
	if err != nil {
		return nil, err
	}
	return dialSerial(ctx, Address{scheme: schemeSerial, target: node, baud: a.baud})
}

// Resolve is the device file, or on Windows the port's name, where the device is now; for a socket its
// host and port. A HID device that a library has taken may have none.
func (a Address) Resolve(ctx context.Context) (string, error) {
	if a.target != "" {
		return a.target, nil
	}
	f, err := a.find(ctx)
	if err != nil {
		return "", fmt.Errorf("look for %s: %w", a, err)
	}
	return f.Path, nil
}

// find looks for the device of an address by identity, in whatever mode it is.
func (a Address) find(ctx context.Context) (Found, error) {
	if a.scheme == schemeUSB {
		all, err := listSerial(ctx)
		if err != nil {
			return Found{}, err
		}
		return a.id.choose(all)
	}
	all, err := listHID(ctx)
	if err != nil {
		return Found{}, err
	}
	f, err := a.id.chooseHID(all)
	if errors.Is(err, ErrMode) {
		return a.id.choose(all)
	}
	return f, err
}
