// Package frame is how a till and a SHTRIH-M register pack their words into bytes: frames with a
// checksum, money, dates, texts and the tagged values of fiscal documents. It moves no bytes itself,
// so the driver and the emulator can share it; golden vectors pin it down.
//
// What will bite: the LRC of protocol 1.0 leaves STX out but takes LEN in. A protocol 1.0 stream has no
// unambiguous start of frame, so a frame that was cut swallows what follows: call [Decoder1.Reset]
// after a silence. Texts are cp1251 in commands but cp866 in tagged values, and are cut after encoding.
//
// Source: the vendor's protocol text 1.10 and the vendor's public Java driver.
package frame

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// The control bytes of protocol 1.0, and the start of a protocol 2.0 frame.
const (
	STX  byte = 0x02
	ENQ  byte = 0x05
	ACK  byte = 0x06
	NAK  byte = 0x15
	STX2 byte = 0x8F
	esc2 byte = 0x9F
	// What follows esc2 in place of STX2 and of esc2 itself.
	escSTX byte = 0x81
	escEsc byte = 0x83
)

const (
	// BodyMax1 is the longest command or answer of protocol 1.0: LEN is one byte.
	BodyMax1 = 255
	// BodyMax2 bounds protocol 2.0: LEN has two bytes and counts NUM as well, but no command known is
	// longer than a marking check, some 600 bytes; more than this is a broken length.
	BodyMax2 = 4096
)

// ErrBody is wrapped by every refusal to pack a body that no frame can hold.
var ErrBody = errors.New("body does not fit a frame")

// Kind is what a decoder found in the stream.
type Kind uint8

// The kinds of [Event].
const (
	Control Kind = iota + 1 // ENQ, ACK or NAK, in Event.Byte; protocol 1.0 only
	Frame                   // a whole frame with a right checksum
	Sync                    // protocol 2.0: the host asks for the device's frame number
	Broken                  // a frame whose checksum, length or stuffing is wrong
)

// Event is one thing that a decoder found.
type Event struct {
	Kind Kind
	Byte byte   // of a Control
	Num  uint16 // frame number, protocol 2.0
	Body []byte // of a Frame; owned by the caller. Empty in a protocol 2.0 answer to Sync
}

// LRC is the checksum of protocol 1.0: XOR of the length and all that follows it.
func LRC(lenAndBody []byte) byte {
	var x byte
	for _, b := range lenAndBody {
		x ^= b
	}
	return x
}

// CRC is the checksum of protocol 2.0: CCITT, polynomial 1021h, start FFFFh, over the unstuffed bytes.
func CRC(p []byte) uint16 {
	crc := uint16(0xFFFF)
	for _, b := range p {
		crc ^= uint16(b) << 8
		for range 8 {
			if crc&0x8000 != 0 {
				crc = crc<<1 ^ 0x1021
			} else {
				crc <<= 1
			}
		}
	}
	return crc
}

// Encode1 packs a body for protocol 1.0: STX LEN body LRC.
func Encode1(body []byte) ([]byte, error) {
	if len(body) == 0 || len(body) > BodyMax1 {
		return nil, fmt.Errorf("%w: %d bytes, protocol 1.0 takes 1 to %d", ErrBody, len(body), BodyMax1)
	}
	out := make([]byte, 0, len(body)+3)
	out = append(out, STX, byte(len(body)))
	out = append(out, body...)
	return append(out, LRC(out[1:])), nil
}

// Encode2 packs a body for protocol 2.0 as frame num. An empty body is the device's answer to a sync.
func Encode2(num uint16, body []byte) ([]byte, error) {
	if len(body) > BodyMax2 {
		return nil, fmt.Errorf("%w: %d bytes, protocol 2.0 takes at most %d here", ErrBody, len(body), BodyMax2)
	}
	plain := make([]byte, 0, len(body)+6)
	plain = binary.LittleEndian.AppendUint16(plain, uint16(len(body)+2))
	plain = binary.LittleEndian.AppendUint16(plain, num)
	return stuff(append(plain, body...)), nil
}

// EncodeSync is the host's question for the device's frame number.
func EncodeSync() []byte { return stuff([]byte{0, 0}) }

// stuff adds the checksum to LEN..body, masks the bytes that would look like a start, and puts the start in front.
func stuff(plain []byte) []byte {
	plain = binary.LittleEndian.AppendUint16(plain, CRC(plain))
	out := append(make([]byte, 0, len(plain)+8), STX2)
	for _, b := range plain {
		switch b {
		case STX2:
			out = append(out, esc2, escSTX)
		case esc2:
			out = append(out, esc2, escEsc)
		default:
			out = append(out, b)
		}
	}
	return out
}
