// Package port reaches a device by its address: a serial port, a network socket, a USB device by what it is
// and not by where it was plugged in, or a HID device, behind one dial function, so that a driver sees a
// stream of bytes and a test may hand it an in-memory link.
//
// What will bite: a serial port that was unplugged looks almost like one that is silent, so reading is
// watched (see [ErrGone]); a write to a device that takes nothing cannot be cancelled by the system, so
// it is abandoned and the connection with it. Nothing here dials again or sends anything twice: a
// register would do its work twice. A serial port reports silence no finer than 100 ms. A replugged USB port
// has another device file than before, so files like /dev/ttyACM0 are for ports that are soldered in. A HID
// device speaks in reports: one Read is one whole report.
package port

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Conn is a stream of bytes to a device. A Read past its deadline fails with os.ErrDeadlineExceeded
// and the connection stays good; deadlines may be set from another goroutine and end a waiting Read.
// A net.Conn is a Conn, net.Pipe's ends too.
type Conn interface {
	io.ReadWriteCloser
	SetReadDeadline(t time.Time) error
	SetWriteDeadline(t time.Time) error
}

// Dial opens a connection anew.
type Dial func(ctx context.Context) (Conn, error)

var (
	// ErrAddress is wrapped by every refusal of an address.
	ErrAddress = errors.New("bad device address")
	// ErrGone is wrapped when a device was unplugged or its connection broke: close, then dial again.
	ErrGone = errors.New("the device is gone")
	// ErrBusy is wrapped when another program holds the port.
	ErrBusy = errors.New("the port is used by another program")
	// ErrAbsent is wrapped when no device of an address by identity is plugged in.
	ErrAbsent = errors.New("no such device is plugged in")
	// ErrMany is wrapped when more than one device fits an address by identity.
	ErrMany = errors.New("more than one device fits the address: add its serial number or @ and its USB port")
	// ErrMode is wrapped when a HID device is there but as a keyboard or another kind of device.
	ErrMode = errors.New("the device is not in HID POS mode")
	// ErrNoHID is wrapped where this build cannot reach HID devices: it was compiled without cgo.
	ErrNoHID = errors.New("this build reaches no HID devices (compiled without cgo)")
)

// The kinds of Address.
const (
	schemeTCP    = "tcp"
	schemeSerial = "serial"
	schemeUSB    = "usb-serial"
	schemeHID    = "hid"
	schemeHIDRaw = "hidraw"
)

const (
	// BaudDefault is what SHTRIH-M registers and most scanners leave the factory with today.
	BaudDefault = 115200
	// dialTimeout is long for a shop's LAN and short for a cashier who waits.
	dialTimeout = 5 * time.Second
)

// bauds are the speeds that a register or a scanner can be set to.
var bauds = []int{1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200, 230400, 460800, 921600}

// Address says where a device is. The zero value is nowhere.
type Address struct {
	scheme string
	target string // host:port, or the port's name; empty where the identity says it
	baud   int
	id     identity
}

// ParseAddress reads an address as it stands in the config.
func ParseAddress(s string) (Address, error) {
	switch scheme, rest, _ := strings.Cut(s, "://"); scheme {
	case schemeUSB, schemeHID, schemeHIDRaw:
		return parseUSB(scheme, rest, s) // VID:PID is no host and port
	}
	kind, _, found := strings.Cut(s, "://")
	if !found {
		return Address{}, refused(s, unknownKind(""))
	}
	u, err := url.Parse(s)
	if err != nil {
		return Address{}, refused(s, because("не похоже на адрес (%v)", "it is no address (%v)", errors.Unwrap(err))) // err has repeated s itself
	}
	switch u.Scheme {
	case schemeTCP:
		return parseTCP(u, s)
	case schemeSerial:
		return parseSerial(u, s)
	case schemeFile:
		return parseFile(u, s)
	}
	return Address{}, refused(s, unknownKind(kind))
}

func unknownKind(kind string) error {
	return because("неизвестный вид %q, бывают tcp://адрес:порт, serial:///dev/ttyUSB0?baud=115200, serial://COM3, usb-serial://VID:PID, hid://VID:PID",
		"unknown kind %q, there are tcp://host:port, serial:///dev/ttyUSB0?baud=115200, serial://COM3, usb-serial://VID:PID, hid://VID:PID", kind)
}

func parseTCP(u *url.URL, s string) (Address, error) {
	_, err := parseTCPPort(u.Port())
	switch {
	case u.Hostname() == "":
		return Address{}, refused(s, because("нет адреса перед портом", "the host is missing"))
	case err != nil:
		return Address{}, refused(s, err)
	case u.Path != "" || u.RawQuery != "" || u.User != nil || u.Fragment != "":
		return Address{}, refused(s, because("после порта ничего не должно стоять", "nothing may follow the port"))
	}
	return Address{scheme: schemeTCP, target: u.Host}, nil
}

func parseTCPPort(s string) (uint16, error) {
	n, err := strconv.ParseUint(s, 10, 16)
	if err != nil || n == 0 {
		return 0, because("нет порта, или он не от 1 до 65535", "the port is missing or not 1 to 65535")
	}
	return uint16(n), nil
}

func parseSerial(u *url.URL, s string) (Address, error) {
	a := Address{scheme: schemeSerial, target: u.Host + u.Path, baud: BaudDefault}
	if a.target == "" || a.target == "/" || u.User != nil || u.Fragment != "" {
		return Address{}, refused(s, because("нет имени порта", "the port's name is missing"))
	}
	if u.Host != "" && u.Path != "" {
		return Address{}, refused(s, because("для файла устройства нужны три черты, serial:///%[1]s", "a device file needs three slashes, serial:///%[1]s", a.target))
	}
	q, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return Address{}, refused(s, err)
	}
	for key, values := range q {
		if key != "baud" || len(values) != 1 {
			return Address{}, refused(s, because("неизвестная или повторная настройка %q, есть только baud", "unknown or repeated setting %q, the only one is baud", key))
		}
		if a.baud, err = parseBaud(values[0]); err != nil {
			return Address{}, refused(s, err)
		}
	}
	return a, nil
}

func parseBaud(s string) (int, error) {
	n, err := strconv.Atoi(s)
	for _, b := range bauds {
		if err == nil && n == b {
			return n, nil
		}
	}
	return 0, because("baud=%[1]s нет среди %[2]s", "baud=%[1]s is none of %[2]s", s, strings.Trim(fmt.Sprint(bauds), "[]"))
}

// String is the address as the config would write it.
func (a Address) String() string {
	switch a.scheme {
	case schemeTCP, schemeFile:
		return a.scheme + "://" + a.target
	case schemeSerial:
		return fmt.Sprintf("%s://%s?baud=%d", schemeSerial, a.target, a.baud)
	case schemeUSB:
		return schemeUSB + "://" + a.id.String() + a.query()
	case schemeHID, schemeHIDRaw:
		if a.target != "" {
			return a.scheme + "://" + a.target
		}
		return a.scheme + "://" + a.id.String()
	}
	return ""
}

// Dial opens the device. It is a [Dial].
func (a Address) Dial(ctx context.Context) (Conn, error) {
	switch a.scheme {
	case schemeTCP:
		return dialTCP(ctx, a.target)
	case schemeSerial:
		return dialSerial(ctx, a)
	case schemeFile:
		return dialFile(ctx, a.target)
	case schemeUSB:
		return dialUSBSerial(ctx, a)
	case schemeHID:
		return dialHID(ctx, a)
	case schemeHIDRaw:
		return dialHIDRaw(ctx, a)
	}
	return nil, fmt.Errorf("%w: got an empty one", ErrAddress)
}

func dialTCP(ctx context.Context, target string) (Conn, error) {
	d := net.Dialer{Timeout: dialTimeout}
	c, err := d.DialContext(ctx, "tcp", target)
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", target, err)
	}
	return c, nil
}
