package port

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"
)

const (
	// ReportMax is longer than any report of a device on a shop's counter; those of scanners are 64 bytes. A
	// Read with less room than a report needs fails with io.ErrShortBuffer.
	ReportMax = 4096
	// reportWait is how long one look at the device takes, and so the longest that closing it waits. The C
	// library frees what a read still uses, so reading and closing are done by one goroutine.
	reportWait = 200 * time.Millisecond
	// reportsMax are reports that wait for a reader: some thirty marking codes. Beyond that nobody reads, and
	// a report lost in the middle would make a wrong code of two.
	reportsMax = 64
	// emptyFastMax is how many empty reads in a row may come back at once: a device may send empty reports.
	emptyFastMax = 100
)

// Described is a connection to a HID device that has told how its reports are laid out.
type Described interface {
	// ReportDescriptor is the device's HID report descriptor; nil where it cannot be read.
	ReportDescriptor() []byte
}

// reportDevice is what hidapi opens.
type reportDevice interface {
	ReadTimeout(b []byte, milliseconds int) (int, error)
	Write(b []byte) (int, error)
	Close() error
}

// reportConn makes a Conn of such a device. One goroutine owns the device, from newReportConn to Close.
type reportConn struct {
	name     string
	report   []byte
	reports  chan []byte
	writes   chan outgoing
	stop     chan struct{}
	done     chan struct{} // closed when the device is closed; dead and closed are set before
	stopping sync.Once
	dead     error // why there are no more reports
	closed   error // of closing the device
	reading  deadline
	writing  deadline
}

type outgoing struct {
	bytes []byte
	done  chan error
}

func newReportConn(name string, dev reportDevice, report []byte) *reportConn {
	c := &reportConn{
		name: name, report: report, reports: make(chan []byte, reportsMax), writes: make(chan outgoing),
		stop: make(chan struct{}), done: make(chan struct{}),
	}
	go c.own(dev)
	return c
}

// own reads until the device goes or Close is called; it is joined by done.
func (c *reportConn) own(dev reportDevice) {
	defer close(c.done)
	c.dead = c.serve(dev)
	c.closed = dev.Close()
}

func (c *reportConn) serve(dev reportDevice) error {
	buf := make([]byte, ReportMax)
	fast := 0
	for {
		select {
		case <-c.stop:
			return fmt.Errorf("%s: %w", c.name, os.ErrClosed)
		case w := <-c.writes:
			_, err := dev.Write(w.bytes)
			w.done <- err
			continue
		default:
		}
		began := time.Now()
		n, err := dev.ReadTimeout(buf, int(reportWait/time.Millisecond))
		if err != nil {
			return fmt.Errorf("%w: read %s: %w", ErrGone, c.name, err)
		}
		if n == 0 {
			if fast++; time.Since(began) >= reportWait/2 {
				fast = 0
			}
			if fast >= emptyFastMax {
				return fmt.Errorf("%w: %s answers every read at once with nothing", ErrGone, c.name)
			}
			continue
		}
		fast = 0
		select {
		case c.reports <- append([]byte(nil), buf[:n]...):
		default:
			return fmt.Errorf("%w: nobody took %d reports of %s", ErrGone, reportsMax, c.name)
		}
	}
}

// ReportDescriptor is what the device said before it was opened.
func (c *reportConn) ReportDescriptor() []byte { return c.report }

// Read gives the next report. What came before the device went is given first.
func (c *reportConn) Read(p []byte) (int, error) {
	for {
		select {
		case r := <-c.reports:
			return fill(p, r)
		default:
		}
		expired, changed, stop := c.reading.watch()
		select {
		case r := <-c.reports:
			stop()
			return fill(p, r)
		case <-expired:
			stop()
			return 0, os.ErrDeadlineExceeded
		case <-changed:
			stop()
		case <-c.done:
			stop()
			if len(c.reports) == 0 {
				return 0, c.dead
			}
		}
	}
}

func fill(p, report []byte) (int, error) {
	if len(p) < len(report) {
		return 0, io.ErrShortBuffer
	}
	return copy(p, report), nil
}

// Write sends one output report, its number first. It waits for the reader's look at the device to end.
func (c *reportConn) Write(p []byte) (int, error) {
	w := outgoing{append([]byte(nil), p...), make(chan error, 1)}
	for {
		expired, changed, stop := c.writing.watch()
		select {
		case c.writes <- w:
			stop()
			if err := <-w.done; err != nil {
				return 0, fmt.Errorf("%w: write %s: %w", ErrGone, c.name, err)
			}
			return len(p), nil
		case <-expired:
			stop()
			return 0, os.ErrDeadlineExceeded
		case <-changed:
			stop()
		case <-c.done:
			stop()
			return 0, c.dead
		}
	}
}

// SetReadDeadline ends a Read at a moment; zero never.
func (c *reportConn) SetReadDeadline(t time.Time) error { c.reading.set(t); return nil }

// SetWriteDeadline ends a Write at a moment; zero never.
func (c *reportConn) SetWriteDeadline(t time.Time) error { c.writing.set(t); return nil }

// Close gives the device back to the system.
func (c *reportConn) Close() error {
	c.stopping.Do(func() { close(c.stop) })
	<-c.done
	if c.closed != nil && errors.Is(c.dead, ErrGone) {
		return nil // it went before: nothing is left to give back
	}
	return c.closed
}

// deadline is a moment that may be changed while somebody waits for it. The zero value is never.
type deadline struct {
	mu      sync.Mutex
	at      time.Time
	changed chan struct{}
}

func (d *deadline) set(t time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.at = t
	if d.changed != nil {
		close(d.changed)
		d.changed = nil
	}
}

// watch gives a channel for the moment and one for its change; stop must be called.
func (d *deadline) watch() (expired <-chan time.Time, changed <-chan struct{}, stop func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.changed == nil {
		d.changed = make(chan struct{})
	}
	if d.at.IsZero() {
		return nil, d.changed, func() {}
	}
	timer := time.NewTimer(time.Until(d.at))
	return timer.C, d.changed, func() { timer.Stop() }
}

// dialHID opens the device through libusb or the system's HID library, and on Linux through hidraw where
// libusb does not see it.
func dialHID(ctx context.Context, a Address) (Conn, error) {
	all, err := listHID(ctx)
	if err != nil {
		return nil, fmt.Errorf("look for %s: %w", a, err)
	}
	f, err := a.id.chooseHID(all)
	if errors.Is(err, ErrAbsent) && !hidWorks() {
		err = ErrNoHID
	}
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", a, err)
	}
	c, err := openHID(f)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", a, err)
	}
	return c, nil
}

// chooseHID finds the interface that sends codes: scanners often are a keyboard besides.
func (id identity) chooseHID(all []Found) (Found, error) {
	var scanners, unknown []Found
	for _, f := range all {
		switch {
		case f.Kind != KindHID || !id.fits(f):
		case f.IsScanner():
			scanners = append(scanners, f)
		case f.Page == 0:
			unknown = append(unknown, f)
		}
	}
	if len(scanners) > 0 {
		return id.choose(scanners)
	}
	if len(unknown) > 0 {
		return id.choose(unknown)
	}
	f, err := id.choose(all)
	if err == nil {
		err = fmt.Errorf("%w: its usage page is %02Xh, want 8Ch", ErrMode, f.Page)
	}
	return Found{}, err
}

// The items of a report descriptor that say what a device is (HID 1.11, section 6.2.2).
const (
	itemUsagePage  = 0x04
	itemUsage      = 0x08
	itemCollection = 0xA0
	itemLong       = 0xFE
)

// topUsage is the usage page and usage of the first application that a report descriptor describes, of a
// scanner's where there is one; zero for bytes that are none.
func topUsage(report []byte) (page, usage uint16) {
	var nowPage, nowUsage, depth uint16
	for at := 0; at < len(report); {
		prefix := report[at]
		size := int(prefix & 3)
		if size == 3 {
			size = 4
		}
		if prefix == itemLong || at+1+size > len(report) {
			break
		}
		value := uint32(0)
		for i := range size {
			value |= uint32(report[at+1+i]) << (8 * i)
		}
		at += 1 + size
		switch prefix &^ 3 {
		case itemUsagePage:
			nowPage = uint16(value)
		case itemUsage:
			nowUsage = uint16(value)
			if size == 4 {
				nowPage = uint16(value >> 16)
			}
		case itemCollection:
			if depth == 0 && (page == 0 || nowPage == pageScanner) {
				page, usage = nowPage, nowUsage
			}
			depth++
		case 0xC0: // end of a collection
			if depth > 0 {
				depth--
			}
		}
	}
	return page, usage
}
