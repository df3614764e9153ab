package frame

import "encoding/binary"

// Decoder1 finds control bytes and frames in a protocol 1.0 stream, in either direction. The zero
// value is ready. Bytes that are neither are dropped: a Bluetooth link sends FFh before an answer.
type Decoder1 struct {
	in   bool
	need int // bytes of LEN, body and LRC in all; zero until LEN is known
	buf  []byte
}

// Next takes one byte and tells whether it completed something.
func (d *Decoder1) Next(b byte) (Event, bool) {
	if !d.in {
		return d.outside(b)
	}
	d.buf = append(d.buf, b)
	if d.need == 0 {
		if b == 0 {
			d.Reset()
			return Event{Kind: Broken}, true
		}
		d.need = int(b) + 2
	}
	if len(d.buf) < d.need {
		return Event{}, false
	}
	body, sum := d.buf[1:len(d.buf)-1], d.buf[len(d.buf)-1]
	ok := LRC(d.buf[:len(d.buf)-1]) == sum
	d.Reset()
	if !ok {
		return Event{Kind: Broken}, true
	}
	return Event{Kind: Frame, Body: body}, true
}

func (d *Decoder1) outside(b byte) (Event, bool) {
	switch b {
	case STX:
		d.in = true
	case ENQ, ACK, NAK:
		return Event{Kind: Control, Byte: b}, true
	}
	return Event{}, false
}

// Inside tells whether a frame has begun and is not complete.
func (d *Decoder1) Inside() bool { return d.in }

// Reset forgets a frame that was cut; call it when the line was silent longer than the byte timeout.
func (d *Decoder1) Reset() { *d = Decoder1{} }

// Decoder2 finds frames in a protocol 2.0 stream, in either direction. The zero value is ready. A
// start byte begins anew wherever it comes, so that a cut frame costs only itself.
type Decoder2 struct {
	in, esc bool
	buf     []byte // unstuffed, from LEN on
}

// Next takes one byte and tells whether it completed something.
func (d *Decoder2) Next(b byte) (Event, bool) {
	if b == STX2 {
		cut := d.in
		*d = Decoder2{in: true}
		return Event{Kind: Broken}, cut
	}
	if !d.in {
		return Event{}, false
	}
	if d.esc {
		d.esc = false
		if b != escSTX && b != escEsc {
			return d.broken()
		}
		plain := STX2
		if b == escEsc {
			plain = esc2
		}
		return d.plain(plain)
	}
	if b == esc2 {
		d.esc = true
		return Event{}, false
	}
	return d.plain(b)
}

func (d *Decoder2) plain(b byte) (Event, bool) {
	d.buf = append(d.buf, b)
	if len(d.buf) < 2 {
		return Event{}, false
	}
	n := int(binary.LittleEndian.Uint16(d.buf))
	if n == 1 || n > BodyMax2+2 {
		return d.broken()
	}
	if len(d.buf) < n+4 {
		return Event{}, false
	}
	plain, sum := d.buf[:n+2], binary.LittleEndian.Uint16(d.buf[n+2:])
	d.Reset()
	if CRC(plain) != sum {
		return Event{Kind: Broken}, true
	}
	if n == 0 {
		return Event{Kind: Sync}, true
	}
	return Event{Kind: Frame, Num: binary.LittleEndian.Uint16(plain[2:]), Body: plain[4:]}, true
}

func (d *Decoder2) broken() (Event, bool) {
	d.Reset()
	return Event{Kind: Broken}, true
}

// Inside tells whether a frame has begun and is not complete.
func (d *Decoder2) Inside() bool { return d.in }

// Reset forgets a frame that was cut.
func (d *Decoder2) Reset() { *d = Decoder2{} }
