package escpos

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/kopilka/kopilka/drivers/escpos/command"
)

// Settings are the names that New takes, each with what it means, for error texts and documents.
var Settings = map[string]string{
	"profile":  "epson, sunmi, citizen, star, rp326, ocd, pos58, wcp1251 or wcp1251-73: the code page's number and encoding; default epson",
	"codepage": "number of the code page, 0 to 255, where no profile fits; TestPage prints the candidates",
	"encoding": "cp866 or cp1251: what that code page is; default the profile's",
	"width":    "characters of a line: 32, 42 or 48; default 48",
	"dots":     "dots of a line, 256 to 832; default 384, 512 or 576 by width",
	"qr":       "native: the printer draws QR codes; raster: they are sent as a picture; default native",
	"qr-size":  "dots of a QR code's module, 2 to 16; default 6",
	"qr-level": "L, M, Q or H: how much of a QR code may be damaged; default M",
	"cut":      "full, partial or off; default partial",
	"feed":     "lines of paper before the cut, 0 to 20; default 0, with cut off 5",
	"drawer":   "2 or 5: the pin that opens the drawer; default 2",
	"pulse":    "how long it is opened, 20ms to 500ms; default 50ms",
	"status":   "on, or off for a printer that answers nothing; default on",
	"barrier":  "gs-r, gs-h (newer Epsons) or off: how the printer says that a slip is out; with off nobody says so; default gs-r",
	"window":   "bytes sent ahead of an answer, 256 to 16384; default 2048, half of a small printer's buffer",
}

type barrier uint8

const (
	barrierQueued barrier = iota
	barrierProcess
	barrierOff
)

type cut uint8

const (
	cutPartial cut = iota
	cutFull
	cutOff
)

const (
	feedOff      = 5 // lines between the head and the edge that a slip is torn at
	feedMax      = 20
	windowMin    = 256
	windowMax    = 16384
	windowUsual  = 2048
	dotsMin      = 256
	dotsMax      = 832 // 4 inch heads
	qrSizeUsual  = 6
	qrSizeMin    = 2 // smaller modules no phone reads from thermal paper
	pulseUsual   = 50 * time.Millisecond
	pulseMin     = 20 * time.Millisecond
	pulseMax     = 500 * time.Millisecond
	pulsePauseMs = 500 // the coil cools
)

// profile is the code page of a family of printers. Source: the capability tables of public projects.
type profile struct {
	page     byte
	encoding encoding
}

var profiles = map[string]profile{
	"epson": {17, cp866}, "sunmi": {17, cp866}, "citizen": {7, cp866}, "rp326": {7, cp866}, "star": {10, cp866},
	"ocd": {11, cp866}, "pos58": {59, cp866}, "wcp1251": {46, cp1251}, "wcp1251-73": {73, cp1251},
}

var dotsOf = map[int]int{32: 384, 42: 512, 48: 576}

type options struct {
	profile
	columns, dots   int
	qrRaster        bool
	qrSize          int
	qrLevel         command.Level
	cut             cut
	feed            int
	pin             int
	pulse           time.Duration
	status          bool
	barrier         barrier
	window          int
	feedSet, dotSet bool
}

func defaults() options {
	return options{
		profile: profiles["epson"], columns: 48, qrSize: qrSizeUsual, qrLevel: command.LevelM,
		pin: 2, pulse: pulseUsual, status: true, window: windowUsual,
	}
}

// parse reads the settings and reports all that is wrong with them at once. The profile is read first, since
// code page and encoding change it.
func parse(settings map[string]string) (options, error) {
	o := defaults()
	var errs []error
	keys := slices.Sorted(maps.Keys(settings))
	slices.SortStableFunc(keys, func(a, b string) int { return boolInt(b == "profile") - boolInt(a == "profile") })
	for _, key := range keys {
		if err := o.set(key, settings[key]); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w (got %q)", key, err, settings[key]))
		}
	}
	if !o.dotSet {
		o.dots = dotsOf[o.columns]
	}
	if !o.feedSet && o.cut == cutOff {
		o.feed = feedOff
	}
	if !o.status && o.barrier != barrierOff {
		if settings["barrier"] != "" {
			errs = append(errs, errors.New("barrier: a printer with status off cannot answer, want off"))
		}
		o.barrier = barrierOff
	}
	return o, errors.Join(errs...)
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

func (o *options) set(key, value string) (err error) {
	switch key {
	case "profile":
		o.profile, err = choose(value, profiles)
	case "codepage":
		var n int
		n, err = number(value, 0, 255)
		o.page = byte(n)
	case "encoding":
		o.encoding, err = choose(value, map[string]encoding{"cp866": cp866, "cp1251": cp1251})
	case "width":
		o.columns, err = choose(value, map[string]int{"32": 32, "42": 42, "48": 48})
	case "dots":
		o.dotSet = true
		o.dots, err = number(value, dotsMin, dotsMax)
	case "feed":
		o.feedSet = true
		o.feed, err = number(value, 0, feedMax)
	case "window":
		o.window, err = number(value, windowMin, windowMax)
	default:
		return o.setPart(key, value)
	}
	return err
}

// setPart reads what concerns one part of the printer.
func (o *options) setPart(key, value string) (err error) {
	switch key {
	case "qr":
		o.qrRaster, err = choose(value, map[string]bool{"native": false, "raster": true})
	case "qr-size":
		o.qrSize, err = number(value, qrSizeMin, command.QRSizeMax)
	case "qr-level":
		o.qrLevel, err = choose(value, map[string]command.Level{"L": command.LevelL, "M": command.LevelM, "Q": command.LevelQ, "H": command.LevelH})
	case "cut":
		o.cut, err = choose(value, map[string]cut{"full": cutFull, "partial": cutPartial, "off": cutOff})
	case "drawer":
		o.pin, err = choose(value, map[string]int{"2": 2, "5": 5})
	case "pulse":
		o.pulse, err = time.ParseDuration(value)
		if err != nil || o.pulse < pulseMin || o.pulse > pulseMax {
			err = fmt.Errorf("want a duration from %s to %s", pulseMin, pulseMax)
		}
	case "status":
		o.status, err = choose(value, map[string]bool{"on": true, "off": false})
	case "barrier":
		o.barrier, err = choose(value, map[string]barrier{"gs-r": barrierQueued, "gs-h": barrierProcess, "off": barrierOff})
	default:
		err = fmt.Errorf("unknown setting, known are %s", strings.Join(slices.Sorted(maps.Keys(Settings)), ", "))
	}
	return err
}

func choose[T any](value string, from map[string]T) (T, error) {
	v, ok := from[value]
	if !ok {
		return v, fmt.Errorf("want one of %s", strings.Join(slices.Sorted(maps.Keys(from)), ", "))
	}
	return v, nil
}

func number(value string, low, high int) (int, error) {
	n, err := strconv.Atoi(value)
	if err != nil || n < low || n > high {
		return 0, fmt.Errorf("want a number from %d to %d", low, high)
	}
	return n, nil
}
