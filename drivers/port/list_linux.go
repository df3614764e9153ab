package port

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// sysfs is Linux's own list of devices. The enumerator of go.bug.st/serial is not used here: it opens every
// ttyS to see whether it is real, which raises DTR and sets 9600 baud under a register at work.
type sysfs struct {
	root string // "/"; another in tests
}

var system = sysfs{root: "/"}

func listSerial(ctx context.Context) ([]Found, error) { return system.serial(ctx) }
func listHID(ctx context.Context) ([]Found, error)    { return system.hid(ctx) }

// depthMax is more steps than lie between a port's folder and its USB device's.
const depthMax = 8

// serial lists ports with hardware behind them.
func (s sysfs) serial(ctx context.Context) ([]Found, error) {
	names, err := s.names("sys/class/tty")
	if err != nil {
		return nil, err
	}
	var all []Found
	for _, name := range names {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		at, err := filepath.EvalSymlinks(s.path("sys/class/tty", name, "device"))
		if err != nil || !s.real(name) {
			continue // a terminal, a placeholder, or unplugged meanwhile
		}
		f := Found{Kind: KindSerial, Path: "/dev/" + name}
		s.describe(at, &f)
		all = append(all, f)
	}
	return all, nil
}

// real tells a port from the placeholders ttyS0 to ttyS31: the driver gives those the type 0.
func (s sysfs) real(name string) bool {
	if !strings.HasPrefix(name, "ttyS") {
		return true
	}
	kind := s.read(s.path("sys/class/tty", name, "type"))
	return kind != "" && kind != "0"
}

// hid lists devices with a hidraw file, and those that libusb has taken from the kernel and which have none.
func (s sysfs) hid(ctx context.Context) ([]Found, error) {
	names, err := s.names("sys/class/hidraw")
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var all []Found
	for _, name := range names {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		at, err := filepath.EvalSymlinks(s.path("sys/class/hidraw", name, "device"))
		if err != nil {
			continue // unplugged meanwhile
		}
		all = append(all, s.hidraw(name, at))
	}
	taken, err := s.taken(all)
	return append(all, taken...), err
}

func (s sysfs) hidraw(name, at string) Found {
	f := Found{Kind: KindHID, Path: "/dev/" + name, node: "/dev/" + name}
	for line := range strings.Lines(s.read(filepath.Join(at, "uevent"))) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		switch key {
		case "HID_ID": // bus, vendor, product
			if ids := strings.Split(value, ":"); len(ids) == 3 {
				f.VID, f.PID = hexID(ids[1]), hexID(ids[2])
			}
		case "HID_NAME":
			f.Product = value
		case "HID_UNIQ":
			f.Serial = value
		}
	}
	s.describe(at, &f)
	if report, err := os.ReadFile(filepath.Join(at, "report_descriptor")); err == nil {
		f.report = report
		f.Page, f.Usage = topUsage(report)
	}
	return f
}

// taken are HID interfaces without a hidraw file.
func (s sysfs) taken(known []Found) ([]Found, error) {
	names, err := s.names("sys/bus/usb/devices")
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var all []Found
	for _, name := range names {
		at, err := filepath.EvalSymlinks(s.path("sys/bus/usb/devices", name))
		if err != nil || s.read(filepath.Join(at, "bInterfaceClass")) != "03" {
			continue
		}
		if slices.ContainsFunc(known, func(f Found) bool { return f.usb == name }) {
			continue
		}
		f := Found{Kind: KindHID}
		s.describe(at, &f)
		all = append(all, f)
	}
	return all, nil
}

// describe looks for the USB interface and the USB device above a folder.
func (s sysfs) describe(at string, f *Found) {
	for range depthMax {
		if n := s.read(filepath.Join(at, "bInterfaceNumber")); n != "" {
			f.usb = filepath.Base(at)
			f.Interface = int(hexID(n))
		}
		if vid := s.read(filepath.Join(at, "idVendor")); vid != "" {
			f.VID, f.PID = hexID(vid), hexID(s.read(filepath.Join(at, "idProduct")))
			f.Serial, f.Maker = s.read(filepath.Join(at, "serial")), s.read(filepath.Join(at, "manufacturer"))
			f.Product = s.read(filepath.Join(at, "product"))
			f.Port = filepath.Base(at)
			return
		}
		at = filepath.Dir(at)
	}
}

// usbNode is the file through which libusb reaches the device in a USB port.
func (s sysfs) usbNode(port string) string {
	at := s.path("sys/bus/usb/devices", port)
	bus, _ := strconv.Atoi(s.read(filepath.Join(at, "busnum"))) // a device that went away is bus 0, which is not there
	dev, _ := strconv.Atoi(s.read(filepath.Join(at, "devnum")))
	return s.path(fmt.Sprintf("dev/bus/usb/%03d/%03d", bus, dev))
}

func (s sysfs) path(parts ...string) string {
	return filepath.Join(append([]string{s.root}, parts...)...)
}

func (s sysfs) names(folder string) ([]string, error) {
	entries, err := os.ReadDir(s.path(folder))
	if err != nil {
		return nil, err
	}
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = e.Name()
	}
	slices.SortFunc(names, natural)
	return names, nil
}

// natural puts ttyUSB2 before ttyUSB10.
func natural(a, b string) int {
	if d := len(strings.TrimRight(a, "0123456789")) - len(strings.TrimRight(b, "0123456789")); d == 0 && len(a) != len(b) {
		return len(a) - len(b)
	}
	return strings.Compare(a, b)
}

// read is an attribute without its line end; empty where the device has none, or is gone.
func (s sysfs) read(path string) string {
	raw, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(raw))
}
