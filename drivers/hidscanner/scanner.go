// Package hidscanner reads barcode scanners in USB HID POS mode: reports in, codes out. It is the mode to
// recommend: the code comes whole, with its symbology and its separators, whatever the keyboard's layout.
//
// What will bite: a marking code is longer than a report and comes in two; when the second is lost the first
// is given up after a moment and the cashier is told, never joined with the next code. A scanner in keyboard
// mode is there and sends nothing here: it is refused with a hint when it is opened.
package hidscanner

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/kopilka/kopilka/drivers"
	"github.com/kopilka/kopilka/drivers/hidscanner/report"
	"github.com/kopilka/kopilka/drivers/port"
	"github.com/kopilka/kopilka/drivers/scan"
	"github.com/kopilka/kopilka/ledger/sale"
)

// partWait is how long the next report of a code may take. A device sends them some 10 ms apart; the till
// may look elsewhere for longer, but then they wait in the connection.
const partWait = 500 * time.Millisecond

// Settings are the names that New takes, each with what it means, for error texts and documents.
var Settings = maps.Clone(scan.Settings)

// Scanner is a scanner that sends reports. The first Read dials; one goroutine reads.
type Scanner struct {
	name    string
	dial    port.Dial
	opts    scan.Options
	conn    port.Conn
	layout  report.Layout
	parts   report.Joiner
	heard   time.Time
	read    []report.Message // whole codes, not yet handed over
	bad     error            // a broken report, not yet told
	repeats scan.Repeats
	buf     [port.ReportMax]byte
}

// New makes a scanner of settings as they stand in the config; see [Settings]. Nothing is dialled yet.
func New(name string, dial port.Dial, settings map[string]string) (drivers.Scanner, error) {
	s := &Scanner{name: name, dial: dial}
	var errs []error
	for _, key := range slices.Sorted(maps.Keys(settings)) {
		err := s.opts.Set(key, settings[key])
		if errors.Is(err, scan.ErrSetting) {
			err = fmt.Errorf("%w, known are %s", err, strings.Join(slices.Sorted(maps.Keys(Settings)), ", "))
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w (got %q)", key, err, settings[key]))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("scanner %s: %w", name, err)
	}
	return s, nil
}

// Read waits for the next code. See [drivers.Scanner] for what its errors mean.
func (s *Scanner) Read(ctx context.Context) (sale.Code, error) {
	if err := s.open(ctx); err != nil {
		return sale.Code{}, scan.Gone(ctx, s.name, err)
	}
	conn := s.conn
	defer context.AfterFunc(ctx, func() {
		_ = conn.SetReadDeadline(time.Unix(1, 0)) // a connection that refuses a deadline ends the Read by itself
	})()
	for {
		code, found, err := s.next()
		if found || err != nil {
			return code, err
		}
		if err := s.fill(ctx); err != nil {
			return sale.Code{}, scan.Gone(ctx, s.name, err)
		}
	}
}

// open dials and learns how the reports are laid out.
func (s *Scanner) open(ctx context.Context) error {
	if s.conn != nil {
		return nil
	}
	conn, err := s.dial(ctx)
	if err != nil {
		return err
	}
	layout := report.Usual
	if d, ok := conn.(port.Described); ok && len(d.ReportDescriptor()) > 0 {
		if layout, err = report.Learn(d.ReportDescriptor()); err != nil {
			return errors.Join(fmt.Errorf("%w: %w", port.ErrMode, err), conn.Close())
		}
	}
	s.conn, s.layout, s.parts = conn, layout, report.Joiner{}
	return nil
}

// next takes a code that has been read already, or tells of a broken one.
func (s *Scanner) next() (code sale.Code, found bool, err error) {
	for len(s.read) > 0 {
		m := s.read[0]
		s.read = s.read[1:]
		code, bad := s.decode(m)
		if bad != nil {
			return sale.Code{}, false, bad.Error(s.name)
		}
		if code.Scanner = s.name; !s.repeats.Again(code.Text, time.Now(), s.opts.Repeat) {
			return code, true, nil
		}
	}
	if bad := s.bad; bad != nil {
		s.bad = nil
		return sale.Code{}, false, scan.Refuse(scan.ErrCut, bad.Error()).Error(s.name)
	}
	return sale.Code{}, false, nil
}

func (s *Scanner) decode(m report.Message) (sale.Code, *scan.Refusal) {
	switch {
	case m.Cut:
		return sale.Code{}, scan.Refuse(scan.ErrCut, "")
	case m.Long:
		return sale.Code{}, scan.Refuse(scan.ErrTooLong, "")
	}
	// The mode needs no suffix, but scanners often have one switched on.
	b := bytes.TrimRight(m.Data, "\r\n")
	if len(s.opts.Suffix) > 0 {
		b = bytes.TrimSuffix(m.Data, s.opts.Suffix)
	}
	return s.opts.Decode(m.AIM, b)
}

// fill reads one report; a silence gives up a code whose next part did not come.
func (s *Scanner) fill(ctx context.Context) error {
	by := time.Time{}
	if s.parts.Open() {
		by = s.heard.Add(partWait)
	}
	if err := s.conn.SetReadDeadline(by); err != nil {
		return fmt.Errorf("set the read deadline: %w", err)
	}
	// Asked after the deadline is set: whichever comes later, this or the end of ctx, is noticed.
	if err := ctx.Err(); err != nil {
		return err
	}
	n, err := s.conn.Read(s.buf[:])
	if errors.Is(err, os.ErrDeadlineExceeded) {
		if s.parts.Open() && time.Since(s.heard) >= partWait {
			s.read = append(s.read, s.parts.End()...)
		}
		return nil
	}
	if err != nil {
		return err
	}
	s.take(s.buf[:n])
	return nil
}

func (s *Scanner) take(b []byte) {
	s.heard = time.Now()
	part, err := s.layout.Parse(b)
	switch {
	case errors.Is(err, report.ErrOther):
	case err != nil:
		s.bad = err
		s.parts.End() // what came before is told by the same sentence
	default:
		s.read = append(s.read, s.parts.Add(part)...)
	}
}

// Close lets go of the device.
func (s *Scanner) Close() error {
	if s.conn == nil {
		return nil
	}
	conn := s.conn
	s.conn = nil
	if err := conn.Close(); err != nil {
		return fmt.Errorf("close scanner %s: %w", s.name, err)
	}
	return nil
}
