package serialscanner

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Settings are the names that New takes, each with what it means, for error texts and documents.
var Settings = map[string]string{
	"prefix":  `bytes before each code, escapes as in Go: "\x02"; default none`,
	"suffix":  `bytes after each code; default CR, LF or both`,
	"silence": `ends a code that has no suffix; 10ms to 2s, default 50ms (a serial port is no finer than 100ms)`,
	"repeat":  `the same code within this time is dropped; 0s to 10s, default 0s: nothing is dropped`,
	"aim":     `auto: strip an AIM identifier where one comes; on: demand one; off: take none; default auto`,
}

const (
	silenceDefault = 50 * time.Millisecond // between bytes of one code at 1200 baud lie 8 ms
	silenceMin     = 10 * time.Millisecond
	silenceMax     = 2 * time.Second
	repeatMax      = 10 * time.Second // longer, and two equal articles could not be sold one after the other
	affixMax       = 8                // more bytes than any scanner can be told to put around a code
)

type aimMode string

const (
	aimAuto aimMode = "auto"
	aimOn   aimMode = "on"
	aimOff  aimMode = "off"
)

type options struct {
	prefix, suffix  []byte
	silence, repeat time.Duration
	aim             aimMode
}

// parse reads the settings and reports all that is wrong with them at once.
func parse(settings map[string]string) (options, error) {
	o := options{silence: silenceDefault, aim: aimAuto}
	var errs []error
	for _, key := range slices.Sorted(maps.Keys(settings)) {
		if err := o.set(key, settings[key]); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w (got %q)", key, err, settings[key]))
		}
	}
	return o, errors.Join(errs...)
}

func (o *options) set(key, value string) (err error) {
	switch key {
	case "prefix":
		o.prefix, err = affix(value)
	case "suffix":
		o.suffix, err = affix(value)
	case "silence":
		o.silence, err = duration(value, silenceMin, silenceMax)
	case "repeat":
		o.repeat, err = duration(value, 0, repeatMax)
	case "aim":
		o.aim = aimMode(value)
		if !slices.Contains([]aimMode{aimAuto, aimOn, aimOff}, o.aim) {
			err = errors.New("want auto, on or off")
		}
	default:
		err = fmt.Errorf("unknown setting, known are %s", strings.Join(slices.Sorted(maps.Keys(Settings)), ", "))
	}
	return err
}

func affix(value string) ([]byte, error) {
	s, err := strconv.Unquote(`"` + value + `"`)
	if err != nil {
		return nil, errors.New(`want bytes, escapes as in "\x02"`)
	}
	if len(s) > affixMax {
		return nil, fmt.Errorf("at most %d bytes", affixMax)
	}
	return []byte(s), nil
}

func duration(value string, low, high time.Duration) (time.Duration, error) {
	d, err := time.ParseDuration(value)
	if err != nil || d < low || d > high {
		return 0, fmt.Errorf("want a duration from %s to %s", low, high)
	}
	return d, nil
}
