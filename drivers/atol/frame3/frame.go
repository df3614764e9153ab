// Package frame3 is the framing of ATOL's low-level protocol, version 3, as registers speak it on serial lines,
// USB and TCP 5555: bytes into packets and back. It is pure, and no driver stands on it yet.
//
// What will bite: two public implementations disagree over what the checksum covers where a payload was escaped,
// and no public vector has an escape. So it is a switch ([Sum]), and a host that has not learned its device's way
// should keep FDh and FEh out of what it sends. Lengths count what was not escaped, without the packet's number.
//
// Sources: kurbatov/atol4j and Zzzzipper/projects, in own words.
package frame3

import (
	"errors"
	"fmt"
)

// Bytes with a meaning on the line.
const (
	stx     = 0xFE
	escape  = 0xFD
	escSTX  = 0xEE // after escape: FEh
	escSelf = 0xED // after escape: FDh
)

const (
	// DataMax is what the two bytes of the length can say, seven bits each.
	DataMax = 1<<14 - 1
	// HostIDMax is the last number of a host's packets, which count up from zero and begin again.
	HostIDMax = 0xDF
	// Async is the number of a packet that the device sends unasked.
	Async = 0xF0
)

// Sum says what the checksum runs over.
type Sum uint8

// The two ways.
const (
	SumRaw     Sum = iota // number and data as they are meant
	SumEscaped            // number and data as they are on the line
)

// ErrFrame is wrapped by every refusal.
var ErrFrame = errors.New("not a packet of ATOL's protocol 3")

// Packet is what is inside a frame.
type Packet struct {
	ID   byte
	Data []byte
}

// Encode packs a packet.
func Encode(p Packet, sum Sum) ([]byte, error) {
	n := len(p.Data)
	switch {
	case n > DataMax:
		return nil, fmt.Errorf("%w: %d bytes, at most %d", ErrFrame, n, DataMax)
	case p.ID > HostIDMax && p.ID != Async:
		return nil, fmt.Errorf("%w: number %02Xh", ErrFrame, p.ID)
	}
	out := []byte{stx, byte(n & 0x7F), byte(n >> 7), p.ID}
	for _, b := range p.Data {
		out = appendEscaped(out, b)
	}
	return appendEscaped(out, checksum(p, sum)), nil
}

func appendEscaped(out []byte, b byte) []byte {
	switch b {
	case stx:
		return append(out, escape, escSTX)
	case escape:
		return append(out, escape, escSelf)
	}
	return append(out, b)
}

// checksum is CRC-8 with polynomial 31h, beginning with FFh, high bit first.
func checksum(p Packet, sum Sum) byte {
	crc := crc8(0xFF, p.ID)
	for _, b := range p.Data {
		if sum == SumRaw {
			crc = crc8(crc, b)
			continue
		}
		for _, e := range appendEscaped(nil, b) {
			crc = crc8(crc, e)
		}
	}
	return crc
}

func crc8(crc, b byte) byte {
	crc ^= b
	for range 8 {
		if crc&0x80 != 0 {
			crc = crc<<1 ^ 0x31
		} else {
			crc <<= 1
		}
	}
	return crc
}

// Decoder finds packets in a stream. The zero value waits for a start.
type Decoder struct {
	// Sum is how checksums are made; Learn takes it from the device's own packets instead.
	Sum   Sum
	Learn bool

	inside  bool
	escaped bool
	head    []byte // length, number, data and checksum, escapes undone
}

// headBytes are the two of the length and the number.
const headBytes = 3

// Next takes a byte. It gives a packet when one is complete, and an error when what came is none; after an error
// the decoder waits for the next start.
func (d *Decoder) Next(b byte) (p Packet, ok bool, err error) {
	if b == stx { // it never stands inside a packet
		cut := d.inside && len(d.head) > 0
		d.inside, d.escaped, d.head = true, false, nil
		if cut {
			return Packet{}, false, fmt.Errorf("%w: cut by the next one", ErrFrame)
		}
		return Packet{}, false, nil
	}
	if !d.inside {
		return Packet{}, false, nil
	}
	if b, ok, err = d.unescape(b); !ok {
		return Packet{}, false, err
	}
	d.head = append(d.head, b)
	if len(d.head) <= headBytes {
		return Packet{}, false, d.checkLength()
	}
	if n := int(d.head[0]) | int(d.head[1])<<7; len(d.head) < headBytes+n+1 {
		return Packet{}, false, nil
	}
	return d.finish()
}

// unescape undoes escapes after the head; false waits for the byte that follows.
func (d *Decoder) unescape(b byte) (byte, bool, error) {
	switch {
	case d.escaped:
		d.escaped = false
		switch b {
		case escSTX:
			return stx, true, nil
		case escSelf:
			return escape, true, nil
		}
		d.inside = false
		return 0, false, fmt.Errorf("%w: escape before %02Xh", ErrFrame, b)
	case b == escape && len(d.head) >= headBytes:
		d.escaped = true
		return 0, false, nil
	}
	return b, true, nil
}

func (d *Decoder) checkLength() error {
	for _, b := range d.head[:min(len(d.head), 2)] {
		if b > 0x7F {
			d.inside = false
			return fmt.Errorf("%w: length byte %02Xh", ErrFrame, b)
		}
	}
	return nil
}

func (d *Decoder) finish() (Packet, bool, error) {
	d.inside = false
	last := len(d.head) - 1
	p, got := Packet{ID: d.head[2], Data: d.head[headBytes:last:last]}, d.head[last]
	raw, escaped := checksum(p, SumRaw) == got, checksum(p, SumEscaped) == got
	if d.Learn && raw != escaped { // a packet without escapes says nothing
		d.Sum = SumRaw
		if escaped {
			d.Sum = SumEscaped
		}
	}
	if fits := map[Sum]bool{SumRaw: raw, SumEscaped: escaped}; !fits[d.Sum] {
		return Packet{}, false, fmt.Errorf("%w: checksum %02Xh of packet %02Xh", ErrFrame, got, p.ID)
	}
	return p, true, nil
}
