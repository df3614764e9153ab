package serialscanner

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/kopilka/kopilka/drivers/scan"
	"github.com/kopilka/kopilka/ledger/sale"
)

// Settings are the names that New takes, each with what it means, for error texts and documents.
var Settings = func() map[string]string {
	all := maps.Clone(scan.Settings)
	all["silence"] = `ends a code that has no suffix; 10ms to 2s, default 50ms (a serial port is no finer than 100ms)`
	return all
}()

const (
	silenceDefault = 50 * time.Millisecond // between bytes of one code at 1200 baud lie 8 ms
	silenceMin     = 10 * time.Millisecond
	silenceMax     = 2 * time.Second
)

type options struct {
	scan.Options
	silence time.Duration
}

// parse reads the settings and reports all that is wrong with them at once.
func parse(settings map[string]string) (options, error) {
	o := options{silence: silenceDefault}
	var errs []error
	for _, key := range slices.Sorted(maps.Keys(settings)) {
		if err := o.set(key, settings[key]); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w (got %q)", key, err, settings[key]))
		}
	}
	return o, errors.Join(errs...)
}

func (o *options) set(key, value string) (err error) {
	if key == "silence" {
		o.silence, err = scan.Duration(value, silenceMin, silenceMax)
		return err
	}
	if err = o.Set(key, value); errors.Is(err, scan.ErrSetting) {
		return fmt.Errorf("%w, known are %s", err, strings.Join(slices.Sorted(maps.Keys(Settings)), ", "))
	}
	return err
}

// decode makes a code of a run of bytes.
func (o options) decode(r raw) (sale.Code, *scan.Refusal) {
	if r.tooLong {
		return sale.Code{}, scan.Refuse(scan.ErrTooLong, "")
	}
	return o.Decode("", r.bytes)
}
