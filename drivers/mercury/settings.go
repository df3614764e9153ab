package mercury

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/kopilka/kopilka/drivers/mercury/frame"
	"github.com/kopilka/kopilka/ledger/sale"
)

// Settings are the names that New takes, each with what it means, for error texts and documents.
var Settings = map[string]string{
	"transport":  "http (port 50010 of the service) or length (port 50009); default http",
	"port":       "of the register as the service knows it: COM3, USB, /dev/ttyS0; default USB",
	"baud":       "speed of that port, 1 to 230400; default 115200",
	"model":      "119F, or 185F for 115F, 130F, 180F and 185F; default 185F",
	"operator":   "number of the operator in the register, 1 to 99; default: the service's own",
	"password":   "of that operator; default: none",
	"section":    "department of each position, 1 to 16; default 1",
	"tax-22":     "tax code for 22 %, 1 to 255; default 11",
	"tax-22-122": "tax code for 22/122, 1 to 255; default 12",
	"correction": "additional requisite (tag 1192) of corrections, up to 16 digits; default 0",
	"sale-key":   "on: each receipt carries the sale's short name in tag 1084; default off",
}

const (
	baudMax    = 230_400
	sectionMax = 16
	userMax    = 99
)

type options struct {
	transport  frame.Transport
	port       string
	baud       int64
	model      string
	operator   int64
	password   string
	section    int64
	rates      map[sale.VAT]int64
	correction string
	saleKey    bool
}

// defaults: codes of rates are those of tag 1199, which the service's own are as far as they are known.
func defaults() options {
	return options{port: "USB", baud: 115_200, model: "185F", section: 1, correction: "0", rates: map[sale.VAT]int64{
		sale.VAT20: 1, sale.VAT10: 2, sale.VAT20120: 3, sale.VAT10110: 4, sale.VAT0: 5, sale.VATNone: 6,
		sale.VAT5: 7, sale.VAT7: 8, sale.VAT5105: 9, sale.VAT7107: 10, sale.VAT22: 11, sale.VAT22122: 12,
	}}
}

// parse reads the settings and reports all that is wrong with them at once. The password is not repeated.
func parse(settings map[string]string) (options, error) {
	o := defaults()
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
	case "transport":
		o.transport, err = choose(value, map[string]frame.Transport{"http": frame.HTTP, "length": frame.Length})
	case "port":
		o.port, err = text(value)
	case "baud":
		o.baud, err = number(value, 1, baudMax)
	case "model":
		o.model, err = choose(value, map[string]string{"119F": "119F", "185F": "185F"})
	case "operator":
		o.operator, err = number(value, 1, userMax)
	case "password":
		o.password, err = text(value)
	case "section":
		o.section, err = number(value, 1, sectionMax)
	case "tax-22":
		o.rates[sale.VAT22], err = number(value, 1, 255)
	case "tax-22-122":
		o.rates[sale.VAT22122], err = number(value, 1, 255)
	case "correction":
		if o.correction = value; len(value) < 1 || len(value) > frame.ExtraMax || !sale.Digits(value) {
			err = fmt.Errorf("want 1 to %d digits", frame.ExtraMax)
		}
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

func number(value string, low, high int64) (int64, error) {
	n, err := strconv.ParseInt(value, 10, 64)
	if err != nil || n < low || n > high {
		return 0, fmt.Errorf("want a number from %d to %d", low, high)
	}
	return n, nil
}

func text(value string) (string, error) {
	if strings.TrimSpace(value) == "" {
		return "", errors.New("want a name")
	}
	return value, nil
}
