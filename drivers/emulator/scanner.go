package emulator

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"github.com/kopilka/kopilka/drivers/hidscanner/report"
	"github.com/kopilka/kopilka/ledger/sale"
)

// typeMax is how long a scan may wait for a till that does not read; a real scanner's buffer is
// small, and a code that comes minutes later would land in another customer's basket.
const typeMax = 2 * time.Second

// ErrScanner is wrapped by every refusal to scan.
var ErrScanner = errors.New("scanner cannot type")

// ScannerOptions describe how a scanner was set up by its programming barcodes.
type ScannerOptions struct {
	Prefix string
	AIM    bool   // send the AIM identifier of the symbology ahead of the code
	Suffix string // empty: CR; HID POS: none
	// Reports make it a scanner in HID POS mode: a code goes out in reports of this layout, each in a write of
	// its own. Nil: a serial line.
	Reports *report.Layout
}

// Scanner types codes into whoever listens at its cable, as a scanner on a serial line does.
type Scanner struct {
	opt  ScannerOptions
	addr string

	mu   sync.Mutex
	line io.WriteCloser // the cable; nil while nobody is connected
	stop func() error
	wg   sync.WaitGroup
}

// Addr is where a till connects: a device file or a TCP address.
func (s *Scanner) Addr() string { return s.addr }

// ListenScanner is a scanner on a TCP port, for systems without pseudo terminals. The last
// connection is the one that hears it.
func ListenScanner(addr string, o ScannerOptions) (*Scanner, error) {
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("listen for the scanner: %w", err)
	}
	s := &Scanner{opt: o, addr: ln.Addr().String(), stop: ln.Close}
	s.wg.Go(func() { s.accept(ln) })
	return s, nil
}

// WireScanner is a scanner at a cable that is there already: one end of an in-memory link, or the device's
// side of a USB gadget. Closing the scanner closes it.
func WireScanner(line io.WriteCloser, o ScannerOptions) *Scanner {
	return &Scanner{opt: o, addr: "wire", line: line, stop: func() error { return nil }}
}

func (s *Scanner) accept(ln net.Listener) {
	for {
		conn, err := ln.Accept()
		if err != nil {
			return
		}
		s.connect(conn)
	}
}

func (s *Scanner) connect(line io.WriteCloser) {
	s.mu.Lock()
	old := s.line
	s.line = line
	s.mu.Unlock()
	if old != nil {
		_ = old.Close() // the old till is gone
	}
}

// Close unplugs the scanner.
func (s *Scanner) Close() error {
	err := s.stop()
	s.wg.Wait()
	s.connect(nil)
	return err
}

// Type scans one code. The symbology matters only where the scanner sends AIM identifiers;
// [sale.SymbologyUnknown] is guessed from the code.
func (s *Scanner) Type(ctx context.Context, code sale.Code) error {
	if code.Text == "" || len(code.Text) > sale.CodeBytesMax {
		return fmt.Errorf("%w: a code has 1 to %d bytes, this one %d", ErrScanner, sale.CodeBytesMax, len(code.Text))
	}
	s.mu.Lock()
	line := s.line
	s.mu.Unlock()
	if line == nil {
		return fmt.Errorf("%w: no till is connected to %s", ErrScanner, s.addr)
	}
	deadline := time.Now().Add(typeMax)
	if d, ok := ctx.Deadline(); ok && d.Before(deadline) {
		deadline = d
	}
	if c, ok := line.(interface{ SetWriteDeadline(time.Time) error }); ok {
		if err := c.SetWriteDeadline(deadline); err != nil {
			return fmt.Errorf("%w: %w", ErrScanner, err)
		}
	}
	for _, b := range s.writes(code) {
		if _, err := line.Write(b); err != nil {
			return fmt.Errorf("%w on %s: %w", ErrScanner, s.addr, err)
		}
	}
	return nil
}

// writes are the bytes of a code as they leave the device: a run on a serial line, or reports.
func (s *Scanner) writes(code sale.Code) [][]byte {
	if s.opt.Reports == nil {
		return [][]byte{s.typed(code)}
	}
	id := ""
	if s.opt.AIM {
		id = aim(code)
	}
	return s.opt.Reports.Split(id, []byte(s.opt.Prefix+code.Text+s.opt.Suffix))
}

// typed is the bytes that a code becomes.
func (s *Scanner) typed(code sale.Code) []byte {
	out := s.opt.Prefix
	if s.opt.AIM {
		out += aim(code)
	}
	out += code.Text
	if s.opt.Suffix == "" {
		return []byte(out + "\r")
	}
	return []byte(out + s.opt.Suffix)
}

// aims are the AIM identifiers of ISO/IEC 15424 that scanners in shops send.
var aims = map[sale.Symbology]string{
	sale.SymbologyEAN13: "]E0", sale.SymbologyUPCA: "]E0", sale.SymbologyEAN8: "]E4", sale.SymbologyCode128: "]C0",
	sale.SymbologyGS1128: "]C1", sale.SymbologyQR: "]Q1", sale.SymbologyGS1QR: "]Q3", sale.SymbologyDataMatrix: "]d1",
	sale.SymbologyGS1DataMatrix: "]d2", sale.SymbologyDataBar: "]e0", sale.SymbologyITF: "]I1",
}

func aim(code sale.Code) string {
	symbology := code.Symbology
	if symbology == sale.SymbologyUnknown {
		symbology = guess(code.Text)
	}
	return aims[symbology]
}

// guess is what a code most likely was printed as.
func guess(text string) sale.Symbology {
	const markingMin = 24 // shorter than any marking code: 01, GTIN, 21 and a serial of six
	switch {
	case sale.ValidGTIN(text) && len(text) == 8:
		return sale.SymbologyEAN8
	case sale.ValidGTIN(text) && len(text) <= 13:
		return sale.SymbologyEAN13
	case len(text) >= markingMin && text[:2] == "01" && sale.Digits(text[2:16]) && text[16:18] == "21":
		return sale.SymbologyGS1DataMatrix
	case len(text) > markingMin:
		return sale.SymbologyQR
	}
	return sale.SymbologyCode128
}
