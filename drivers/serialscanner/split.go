package serialscanner

import (
	"bytes"

	"github.com/kopilka/kopilka/ledger/sale"
)

// rawMax is the longest run of bytes taken as one code: the code, its AIM identifier, a prefix and a
// suffix of a few bytes.
const rawMax = sale.CodeBytesMax + 32

// raw is one run of bytes between two suffixes or silences.
type raw struct {
	bytes   []byte
	tooLong bool // the bytes are a beginning only
}

// splitter cuts a stream into runs. It is pure; the reader tells it when the line fell silent.
type splitter struct {
	suffix  []byte // empty: CR, LF or both
	buf     []byte
	tooLong bool
}

// push takes a byte and tells whether it ended a run. Empty runs are no runs: CR LF ends one code.
func (s *splitter) push(b byte) (raw, bool) {
	if len(s.suffix) == 0 && (b == '\r' || b == '\n') {
		return s.end()
	}
	if len(s.buf) >= rawMax {
		s.tooLong = true
		s.buf = s.buf[len(s.buf)-len(s.suffix):] // enough to know the suffix when it comes
	}
	s.buf = append(s.buf, b)
	if len(s.suffix) > 0 && bytes.HasSuffix(s.buf, s.suffix) {
		s.buf = s.buf[:len(s.buf)-len(s.suffix)]
		return s.end()
	}
	return raw{}, false
}

// end closes the run: a suffix came, or the line has been silent.
func (s *splitter) end() (raw, bool) {
	r := raw{bytes: s.buf, tooLong: s.tooLong}
	s.buf, s.tooLong = nil, false
	return r, len(r.bytes) > 0 || r.tooLong
}

// inside tells whether bytes wait for their suffix.
func (s *splitter) inside() bool { return len(s.buf) > 0 || s.tooLong }
