package ffd

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// ErrTLV is wrapped by every refusal of tagged values.
var ErrTLV = errors.New("not tagged values")

// TLV is one tagged value of a fiscal document.
type TLV struct {
	Tag   uint16
	Value []byte
}

// AppendTLV writes tag, length and value; the value must be shorter than 64 KB, and a register takes
// 250 bytes. Nested values are values that were written so themselves.
func AppendTLV(dst []byte, tag uint16, value []byte) []byte {
	dst = binary.LittleEndian.AppendUint16(dst, tag)
	dst = binary.LittleEndian.AppendUint16(dst, uint16(len(value)))
	return append(dst, value...)
}

// ParseTLV reads one level of tagged values.
func ParseTLV(p []byte) ([]TLV, error) {
	var out []TLV
	for len(p) > 0 {
		if len(p) < 4 {
			return nil, fmt.Errorf("%w: %d bytes left over after the last tag", ErrTLV, len(p))
		}
		tag, n := binary.LittleEndian.Uint16(p), int(binary.LittleEndian.Uint16(p[2:]))
		if len(p) < 4+n {
			return nil, fmt.Errorf("%w: tag %d says %d bytes, %d are there", ErrTLV, tag, n, len(p)-4)
		}
		out = append(out, TLV{Tag: tag, Value: p[4 : 4+n]})
		p = p[4+n:]
	}
	return out, nil
}

// VLN is an unsigned number in as few bytes as it needs, low byte first; zero takes one.
func VLN(v uint64) []byte {
	out := []byte{byte(v)}
	for v >>= 8; v > 0; v >>= 8 {
		out = append(out, byte(v))
	}
	return out
}

// FVLN is a decimal: the count of decimals, then the number as a [VLN].
func FVLN(v uint64, decimals byte) []byte { return append([]byte{decimals}, VLN(v)...) }

// ReadVLN reads a [VLN] of at most eight bytes.
func ReadVLN(p []byte) (uint64, error) {
	if len(p) == 0 || len(p) > 8 {
		return 0, fmt.Errorf("%w: a number of %d bytes", ErrTLV, len(p))
	}
	var v uint64
	for i := len(p) - 1; i >= 0; i-- {
		v = v<<8 | uint64(p[i])
	}
	return v, nil
}

// ReadFVLN reads an [FVLN]: the number and how many of its digits are decimals.
func ReadFVLN(p []byte) (v uint64, decimals byte, err error) {
	if len(p) < 2 {
		return 0, 0, fmt.Errorf("%w: a decimal of %d bytes", ErrTLV, len(p))
	}
	v, err = ReadVLN(p[1:])
	return v, p[0], err
}

// Find gives the first value of a tag on this level.
func Find(values []TLV, tag uint16) ([]byte, bool) {
	for _, v := range values {
		if v.Tag == tag {
			return v.Value, true
		}
	}
	return nil, false
}
