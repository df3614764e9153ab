package pirit

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/kopilka/kopilka/drivers/pirit/frame"
)

// Settings are the names that New takes, each with what it means, for error texts and documents.
var Settings = map[string]string{
	"password":   "of the link, four characters; default PIRI",
	"department": "printed on each document, 1 to 99; default 1",
	"pulse":      "that opens the drawer, milliseconds from 50 to 500; default 150",
	"sale-key":   "on writes the short name of the sale on its receipt, tag 1084; default off",
}

const (
	departmentMax = 99
	pulseMin      = 50
	pulseMax      = 500
)

type options struct {
	password   string
	department int
	pulse      int
	saleKey    bool
}

// parse reads the settings and reports all that is wrong with them at once. The password is not repeated.
func parse(settings map[string]string) (options, error) {
	o := options{password: frame.PasswordDefault, department: 1, pulse: 150}
	var errs []error
	for _, key := range slices.Sorted(maps.Keys(settings)) {
		err := o.set(key, settings[key])
		switch {
		case err != nil && key == "password":
			errs = append(errs, fmt.Errorf("%s: %w", key, err))
		case err != nil:
			errs = append(errs, fmt.Errorf("%s: %w (got %q)", key, err, settings[key]))
		}
	}
	return o, errors.Join(errs...)
}

func (o *options) set(key, value string) (err error) {
	switch key {
	case "password":
		o.password = value
		if _, err := (frame.Request{Password: value, ID: frame.IDMin}).Encode(); err != nil {
			return fmt.Errorf("want %d plain characters", frame.PasswordBytes)
		}
	case "department":
		o.department, err = number(value, 1, departmentMax)
	case "pulse":
		o.pulse, err = number(value, pulseMin, pulseMax)
	case "sale-key":
		o.saleKey = value == "on"
		if value != "on" && value != "off" {
			err = errors.New("want on or off")
		}
	default:
		err = fmt.Errorf("unknown setting, known are %s", strings.Join(slices.Sorted(maps.Keys(Settings)), ", "))
	}
	return err
}

func number(value string, low, high int) (int, error) {
	n, err := strconv.Atoi(value)
	if err != nil || n < low || n > high {
		return 0, fmt.Errorf("want a number from %d to %d", low, high)
	}
	return n, nil
}
