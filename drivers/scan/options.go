package scan

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/kopilka/kopilka/ledger/sale"
)

// Settings are the names that every scanner takes, each with what it means.
var Settings = map[string]string{
	"prefix":   `bytes before each code, escapes as in Go: "\x02"; default none`,
	"suffix":   `bytes after each code; default CR, LF or both`,
	"repeat":   `the same code within this time of the last is dropped; 0s to 10s, default 0s: nothing is dropped`,
	"aim":      `auto: strip an AIM identifier where one comes; on: demand one; off: take none; default auto`,
	"encoding": `of letters in QR codes: utf-8, cp1251 or cp866; default utf-8`,
}

const (
	repeatMax = 10 * time.Second // longer, and two equal articles could not be sold one after the other
	affixMax  = 8                // more bytes than any scanner can be told to put around a code
)

type aimMode string

const (
	aimAuto aimMode = "auto"
	aimOn   aimMode = "on"
	aimOff  aimMode = "off"
)

// Options say how a scanner was set up. The zero value is what they leave the factory with.
type Options struct {
	Prefix, Suffix []byte
	Repeat         time.Duration
	Encoding       Encoding
	aim            aimMode
}

// ErrSetting is returned by Set for names that are not in [Settings].
var ErrSetting = errors.New("unknown setting")

// Set takes one setting as it stands in the config.
func (o *Options) Set(key, value string) (err error) {
	switch key {
	case "prefix":
		o.Prefix, err = affix(value)
	case "suffix":
		o.Suffix, err = affix(value)
	case "repeat":
		o.Repeat, err = Duration(value, 0, repeatMax)
	case "aim":
		o.aim = aimMode(value)
		if !slices.Contains([]aimMode{aimAuto, aimOn, aimOff}, o.aim) {
			err = errors.New("want auto, on or off")
		}
	case "encoding":
		o.Encoding = Encoding(value)
		if !slices.Contains(Encodings, o.Encoding) {
			err = fmt.Errorf("want one of %v", Encodings)
		}
	default:
		err = ErrSetting
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

// Duration reads a duration within limits.
func Duration(value string, low, high time.Duration) (time.Duration, error) {
	d, err := time.ParseDuration(value)
	if err != nil || d < low || d > high {
		return 0, fmt.Errorf("want a duration from %s to %s", low, high)
	}
	return d, nil
}

// Decode makes a code of one run of bytes, the suffix off already. Where the line carries the AIM identifier
// apart from the code, as HID POS does, id is it.
func (o Options) Decode(id string, b []byte) (sale.Code, *Refusal) {
	b, ok := bytes.CutPrefix(b, o.Prefix)
	if !ok {
		return sale.Code{}, Refuse(ErrPrefix, "")
	}
	switch {
	case o.aim == aimOff:
		id = ""
	case id == "":
		id, b = CutAIM(b)
	}
	if id == "" && o.aim == aimOn {
		return sale.Code{}, Refuse(ErrAIM, "")
	}
	return Decode(id, b, o.Encoding)
}

// Repeats finds codes that a hand scanner read twice in one pull of its trigger. The zero value has seen
// none.
type Repeats struct {
	text string
	at   time.Time
}

// Again tells whether a code came again within the window, which begins anew with each of them: a trigger
// held down reads for as long as it is held.
func (r *Repeats) Again(text string, now time.Time, window time.Duration) bool {
	again := window > 0 && text == r.text && now.Sub(r.at) < window
	r.text, r.at = text, now
	return again
}
