package shtrih

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Settings are the names that New takes, each with what it means, for error texts and documents.
var Settings = map[string]string{
	"protocol":       "1, 2 or auto; default auto: 2 is tried first, then 1",
	"password":       "of the operator, default 1",
	"admin-password": "of the system administrator: reports, tables, clock; default 30",
	"department":     "printed on each position, 1 to 16; default 1",
	"drawer":         "number of the cash drawer, 0 or 1; default 0",
	"cut":            "full, partial or off (for registers that cut by themselves); default partial",
	"tax-22":         "tax code byte for 22 %, 1 to 255; default 203",
	"tax-22-122":     "tax code byte for 22/122, 1 to 255; default 204",
	"positions":      "how many positions the model takes in one receipt, 1 to 300; default 300",
	"sale-key":       "on writes the till's short name of a sale into tag 1084 and reads it back from the archive; default off",
}

type protocol uint8

const (
	protocolAuto protocol = iota
	protocol1
	protocol2
)

const (
	cutFull    byte = 0
	cutPartial byte = 1
	// departmentMax is what every model of the family has at least.
	departmentMax = 16
	// passwordMax is eight digits, as the device's own keyboard takes.
	passwordMax = 99_999_999
	// positionsMax is what the vendor's larger models hold; one more and the device refuses with 94h.
	positionsMax = 300
)

type options struct {
	protocol   protocol
	password   uint32
	admin      uint32
	department byte
	drawer     byte
	cut        byte
	noCut      bool
	tax22      byte
	tax22122   byte
	positions  uint32
	saleKey    bool
}

func defaults() options {
	return options{password: 1, admin: 30, department: 1, cut: cutPartial, tax22: 0xCB, tax22122: 0xCC, positions: positionsMax}
}

// parse reads the settings and reports all that is wrong with them at once. Passwords are not repeated.
func parse(settings map[string]string) (options, error) {
	o := defaults()
	var errs []error
	for _, key := range slices.Sorted(maps.Keys(settings)) {
		err := o.set(key, settings[key])
		switch {
		case err != nil && strings.HasSuffix(key, "password"):
			errs = append(errs, fmt.Errorf("%s: %w", key, err))
		case err != nil:
			errs = append(errs, fmt.Errorf("%s: %w (got %q)", key, err, settings[key]))
		}
	}
	return o, errors.Join(errs...)
}

func (o *options) set(key, value string) (err error) {
	switch key {
	case "protocol":
		o.protocol, err = choose(value, map[string]protocol{"auto": protocolAuto, "1": protocol1, "2": protocol2})
	case "password":
		o.password, err = number[uint32](value, 0, passwordMax)
	case "admin-password":
		o.admin, err = number[uint32](value, 0, passwordMax)
	case "department":
		o.department, err = number[byte](value, 1, departmentMax)
	case "drawer":
		o.drawer, err = number[byte](value, 0, 1)
	case "cut":
		o.noCut = value == "off"
		o.cut, err = choose(value, map[string]byte{"full": cutFull, "partial": cutPartial, "off": 0})
	case "tax-22":
		o.tax22, err = number[byte](value, 1, 255)
	case "tax-22-122":
		o.tax22122, err = number[byte](value, 1, 255)
	case "positions":
		o.positions, err = number[uint32](value, 1, positionsMax)
	case "sale-key":
		o.saleKey, err = choose(value, map[string]bool{"on": true, "off": false})
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

func number[T byte | uint32](value string, low, high uint64) (T, error) {
	n, err := strconv.ParseUint(value, 10, 32)
	if err != nil || n < low || n > high {
		return 0, fmt.Errorf("want a number from %d to %d", low, high)
	}
	return T(n), nil
}
