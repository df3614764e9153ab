// Package serialscanner reads barcode scanners on a serial port, a USB port in CDC mode or a network
// socket: bytes in, codes out.
//
// What will bite: the line carries no lengths. A code ends at its suffix or, where the scanner has none,
// at a silence; so two quick scans without a suffix run together, and this package refuses what it can
// recognise as such. The separator 1Dh is data of marking codes and stays. Codes are never logged:
// they may be a customer's card.
//
// Sources: scanner manuals of several makers for suffixes.
package serialscanner

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/kopilka/kopilka/drivers"
	"github.com/kopilka/kopilka/drivers/port"
	"github.com/kopilka/kopilka/drivers/scan"
	"github.com/kopilka/kopilka/ledger/sale"
)

// readChunk is more than a scanner sends at once; codes split over reads are joined.
const readChunk = 256

// Scanner is a scanner on a stream of bytes. The first Read dials; one goroutine reads.
type Scanner struct {
	name  string
	dial  port.Dial
	opts  options
	conn  port.Conn
	split splitter

	runs    []raw // cut out of the stream and not yet handed over
	heard   time.Time
	repeats scan.Repeats
}

// New makes a scanner of settings as they stand in the config; see [Settings]. Nothing is dialled yet.
func New(name string, dial port.Dial, settings map[string]string) (drivers.Scanner, error) {
	opts, err := parse(settings)
	if err != nil {
		return nil, fmt.Errorf("scanner %s: %w", name, err)
	}
	return &Scanner{name: name, dial: dial, opts: opts, split: splitter{suffix: opts.Suffix}}, nil
}

// Read waits for the next code. See [drivers.Scanner] for what its errors mean.
func (s *Scanner) Read(ctx context.Context) (sale.Code, error) {
	if s.conn == nil {
		conn, err := s.dial(ctx)
		if err != nil {
			return sale.Code{}, scan.Gone(ctx, s.name, err)
		}
		s.conn = conn
	}
	conn := s.conn
	defer context.AfterFunc(ctx, func() {
		_ = conn.SetReadDeadline(time.Unix(1, 0)) // a connection that refuses a deadline ends the Read by itself
	})()
	for {
		for len(s.runs) > 0 {
			r := s.runs[0]
			s.runs = s.runs[1:]
			code, bad := s.opts.decode(r)
			if bad != nil {
				return sale.Code{}, bad.Error(s.name)
			}
			if code.Scanner = s.name; !s.repeats.Again(code.Text, time.Now(), s.opts.Repeat) {
				return code, nil
			}
		}
		if err := s.fill(ctx); err != nil {
			return sale.Code{}, scan.Gone(ctx, s.name, err)
		}
	}
}

// fill reads once and cuts what came; a silence ends a code that has no suffix.
func (s *Scanner) fill(ctx context.Context) error {
	by := time.Time{}
	if s.split.inside() {
		by = s.heard.Add(s.opts.silence)
	}
	if err := s.conn.SetReadDeadline(by); err != nil {
		return fmt.Errorf("set the read deadline: %w", err)
	}
	// Asked after the deadline is set: whichever comes later, this or the end of ctx, is noticed.
	if err := ctx.Err(); err != nil {
		return err
	}
	var chunk [readChunk]byte
	n, err := s.conn.Read(chunk[:])
	if n > 0 {
		s.heard = time.Now()
	}
	for _, b := range chunk[:n] {
		if r, ok := s.split.push(b); ok {
			s.runs = append(s.runs, r)
		}
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		s.silence()
		return nil
	}
	return err
}

func (s *Scanner) silence() {
	if !s.split.inside() || time.Since(s.heard) < s.opts.silence {
		return
	}
	if r, ok := s.split.end(); ok {
		s.runs = append(s.runs, r)
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
