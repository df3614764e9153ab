// Package display shows the customer two lines: what was scanned, what is to pay, the change, the points.
//
// What will bite: such a display answers nothing, so nobody knows whether it is there; and it hangs on a cable that
// gets pulled in the middle of a queue. So a sale never waits for it: a write has half a second, and after a
// failure the next try is five seconds away, refused at once until then.
//
// Sources: public manuals; what is uncertain is in DESIGN.md.
package display

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/text/encoding/charmap"

	"github.com/kopilka/kopilka/drivers"
	"github.com/kopilka/kopilka/drivers/charset"
	"github.com/kopilka/kopilka/drivers/display/command"
	"github.com/kopilka/kopilka/drivers/port"
)

const (
	// showMax is for dialling and for 50 bytes at 1200 baud, the slowest that displays know.
	showMax = 500 * time.Millisecond
	// retryAfter keeps a pulled cable from costing half a second at each scan.
	retryAfter = 5 * time.Second
	widthUsual = 20
	widthMin   = 16
	widthMax   = 40
	pageEpson  = 17
)

// Settings are the names that New takes, each with what it means, for error texts and documents.
var Settings = map[string]string{
	"protocol": "cd5220 or epson (ESC/POS): what the display is set to; default cd5220",
	"encoding": "cp866 or cp1251: the display's letters; default cp866",
	"codepage": "number of that code page, 0 to 255, or off where the display's switches choose it; default off, for epson 17",
	"width":    "characters of a line, 16 to 40; default 20",
}

type options struct {
	epson   bool
	page    *charmap.Charmap
	number  int // of the code page; negative: not sent
	numbers bool
	width   int
}

// Display is one display, owned by one goroutine. The first Show dials.
type Display struct {
	name string
	dial port.Dial
	opts options

	conn  port.Conn
	wait  time.Time // not tried again before
	cause error     // of the failure that set wait
}

// New makes a driver of settings as they stand in the config; see [Settings]. Nothing is dialled yet. Displays are
// mostly set to 9600 baud, which the address must say.
func New(name string, dial port.Dial, settings map[string]string) (drivers.Display, error) {
	opts, err := parse(settings)
	if err != nil {
		return nil, fmt.Errorf("customer display %s: %w", name, err)
	}
	return &Display{name: name, dial: dial, opts: opts}, nil
}

// parse reads the settings and reports all that is wrong with them at once.
func parse(settings map[string]string) (options, error) {
	o := options{page: charmap.CodePage866, number: -1, width: widthUsual}
	var errs []error
	for _, key := range slices.Sorted(maps.Keys(settings)) {
		if err := o.set(key, settings[key]); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w (got %q)", key, err, settings[key]))
		}
	}
	if o.epson && !o.numbers {
		o.number = pageEpson
	}
	return o, errors.Join(errs...)
}

func (o *options) set(key, value string) (err error) {
	switch key {
	case "protocol":
		o.epson, err = choose(value, map[string]bool{"cd5220": false, "epson": true})
	case "encoding":
		o.page, err = choose(value, map[string]*charmap.Charmap{"cp866": charmap.CodePage866, "cp1251": charmap.Windows1251})
	case "codepage":
		o.numbers = true
		if value != "off" {
			o.number, err = number(value, 0, 255)
		}
	case "width":
		o.width, err = number(value, widthMin, widthMax)
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

// Width is the characters of a line.
func (d *Display) Width() int { return d.opts.width }

// Show replaces both lines; what is too long is cut. Two empty lines set the display up anew, so that one that was
// switched off between two customers has its letters again.
func (d *Display) Show(ctx context.Context, top, bottom string) error {
	now := time.Now()
	if now.Before(d.wait) {
		return d.failure(fmt.Errorf("not tried again until %s after: %w", retryAfter, d.cause))
	}
	ctx, cancel := context.WithTimeout(ctx, showMax)
	defer cancel()
	if err := d.show(ctx, top, bottom); err != nil {
		d.hangUp()
		d.wait, d.cause = now.Add(retryAfter), err
		return d.failure(err)
	}
	return nil
}

func (d *Display) show(ctx context.Context, top, bottom string) error {
	fresh := d.conn == nil
	if fresh {
		conn, err := d.dial(ctx)
		if err != nil {
			return err
		}
		d.conn = conn
	}
	conn := d.conn          // what ends the write may run after hangUp
	by, _ := ctx.Deadline() // Show has set one
	if err := conn.SetWriteDeadline(by); err != nil {
		return fmt.Errorf("set the write deadline: %w", err)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	defer context.AfterFunc(ctx, func() {
		_ = conn.SetWriteDeadline(time.Unix(1, 0)) // a connection that refuses a deadline fails by itself
	})()
	if _, err := conn.Write(d.opts.bytes(top, bottom, fresh || top+bottom == "")); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	return nil
}

// bytes are what brings two lines up. An Epson display is told its code page each time, since that hurts nothing; a
// CD5220 display can be told only when it is set up.
func (o options) bytes(top, bottom string, anew bool) (out []byte) {
	if anew {
		if o.epson {
			out = append(out, command.Select()...)
		}
		out = append(out, command.Init()...)
		if o.epson {
			out = append(append(out, command.Overwrite()...), command.HideCursor()...)
		}
	}
	if o.number >= 0 && (anew || o.epson) {
		out = append(out, command.CodePage(byte(o.number))...)
	}
	for n, text := range []string{top, bottom} {
		line := charset.Encode(o.page, text, o.width)
		line = append(line, strings.Repeat(" ", o.width-len(line))...)
		if o.epson {
			out = append(out, command.At(n, line)...)
		} else {
			out = append(out, command.Line(n, line)...)
		}
	}
	return out
}

func (d *Display) hangUp() {
	if d.conn != nil {
		_ = d.conn.Close() // the failure that led here is the one to report
		d.conn = nil
	}
}

// Close lets go of the display; what it shows stays.
func (d *Display) Close() error {
	if d.conn == nil {
		return nil
	}
	err := d.conn.Close()
	d.conn = nil
	if err != nil {
		return fmt.Errorf("close customer display %s: %w", d.name, err)
	}
	return nil
}

// failure is what a cashier may read. Nothing depends on what a display showed, so its outcome is always not done.
func (d *Display) failure(err error) error {
	return &drivers.Error{
		Op: "show", Device: d.name, Fail: drivers.FailLink, Outcome: drivers.OutcomeNotDone, Err: err,
		Hint: drivers.Hint{
			RU: "Дисплей покупателя не отвечает. Проверьте его питание и кабель; продавать можно и без него.",
			EN: "The customer display does not answer. Check its power and cable; sales go on without it.",
		},
	}
}

// ErrMute is what Probe returns.
var ErrMute = errors.New("a customer display answers nothing: show a line and look at it")

// Probe cannot tell a display from an open cable: these protocols have no answers. It sends nothing.
func Probe(context.Context, port.Dial) (drivers.Identity, error) { return drivers.Identity{}, ErrMute }
