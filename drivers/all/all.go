// Package all is the list of devices that a till can use: the type in the config names the driver.
//
// What will bite: a constructor dials nothing, so a wrong cable shows at the first use and not here;
// what it does refuse is a type or a setting that nobody knows.
package all

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/kopilka/kopilka/drivers"
	"github.com/kopilka/kopilka/drivers/atol"
	"github.com/kopilka/kopilka/drivers/display"
	"github.com/kopilka/kopilka/drivers/escpos"
	"github.com/kopilka/kopilka/drivers/hidscanner"
	"github.com/kopilka/kopilka/drivers/mercury"
	"github.com/kopilka/kopilka/drivers/pirit"
	"github.com/kopilka/kopilka/drivers/port"
	"github.com/kopilka/kopilka/drivers/serialscanner"
	"github.com/kopilka/kopilka/drivers/shtrih"
)

// Printers are the registers by type.
var Printers = map[string]func(name string, dial port.Dial, settings map[string]string) (drivers.Printer, error){
	"shtrih-m": shtrih.New,
	"atol":     atol.New,
	"mercury":  mercury.New,
	"pirit":    pirit.New,
}

// Scanners are the scanners by type.
var Scanners = map[string]func(name string, dial port.Dial, settings map[string]string) (drivers.Scanner, error){
	"serial-scanner": serialscanner.New,
	"hid-scanner":    hidscanner.New,
}

// SlipPrinters are the receipt printers without a fiscal storage by type.
var SlipPrinters = map[string]func(name string, dial port.Dial, settings map[string]string) (drivers.SlipPrinter, error){
	"escpos": escpos.New,
}

// Displays are the customer displays by type.
var Displays = map[string]func(name string, dial port.Dial, settings map[string]string) (drivers.Display, error){
	"line-display": display.New,
}

// ErrType is wrapped when the config names a type that no driver has.
var ErrType = errors.New("unknown device type")

// Printer makes the driver of a register; name is the device's in the config, for errors and receipts.
func Printer(kind, name string, dial port.Dial, settings map[string]string) (drivers.Printer, error) {
	return choose(Printers, kind, name, dial, settings)
}

// Scanner makes the driver of a scanner.
func Scanner(kind, name string, dial port.Dial, settings map[string]string) (drivers.Scanner, error) {
	return choose(Scanners, kind, name, dial, settings)
}

// SlipPrinter makes the driver of a receipt printer.
func SlipPrinter(kind, name string, dial port.Dial, settings map[string]string) (drivers.SlipPrinter, error) {
	return choose(SlipPrinters, kind, name, dial, settings)
}

// Display makes the driver of a customer display.
func Display(kind, name string, dial port.Dial, settings map[string]string) (drivers.Display, error) {
	return choose(Displays, kind, name, dial, settings)
}

func choose[D any](
	from map[string]func(string, port.Dial, map[string]string) (D, error),
	kind, name string, dial port.Dial, settings map[string]string,
) (D, error) {
	create, ok := from[kind]
	if !ok {
		var none D
		known := strings.Join(slices.Sorted(maps.Keys(from)), ", ")
		return none, fmt.Errorf("%w %q of device %s, known are %s", ErrType, kind, name, known)
	}
	return create(name, dial, settings)
}
