// Package frame is how a till and a register of the Pirit family (Pirit 2F, Viki Print, FM16, Punix) pack their
// words into bytes: frames of text with a checksum, and the forms of dates, texts and marking codes. It moves no
// bytes itself, so the driver and the emulator can share it; golden vectors pin it down.
//
// What will bite: a frame says nothing of its length, so everything in it must stay between 20h and F0h; the
// small ё lies above (see [Text]). A request without parameters still has one separator. The checksum leaves STX
// out and takes ETX in. ENQ, ACK and LF are never inside a frame, so they are control bytes wherever they stand.
//
// Source: the vendor's protocol text (dreamkas/pirit_documentation), recomputed vectors of the vendor's sample.
package frame

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
)

// The control bytes.
const (
	STX byte = 0x02
	ETX byte = 0x03
	ENQ byte = 0x05 // is anybody there?
	ACK byte = 0x06 // the answer to it
	LF  byte = 0x0A // feed a line
	FS  byte = 0x1C // ends each parameter
)

const (
	// IDMin and IDMax bound the byte that names a request; the answer carries it back.
	IDMin byte = 0x20
	IDMax byte = 0xF0
	// PasswordBytes is the length of the password of the link.
	PasswordBytes = 4
	// PasswordDefault is what devices leave the factory with.
	PasswordDefault = "PIRI"
	// BodyMax bounds what stands between STX and ETX: no command known comes near it, and a stream that
	// lost its ETX must end somewhere.
	BodyMax = 8192
)

const (
	textMin    byte = 0x20
	headAnswer      = 5 // id, command 2, error 2
	headAsk         = PasswordBytes + 3
	sealBytes       = 3 // ETX and two digits
)

// ErrFrame is wrapped by every refusal to pack or to read a frame.
var ErrFrame = errors.New("not a frame of a Pirit register")

// Cmd is the code of a command.
type Cmd byte

// The commands that driver or emulator know.
const (
	CmdFlags        Cmd = 0x00
	CmdCounters     Cmd = 0x01
	CmdInfo         Cmd = 0x02
	CmdReceipt      Cmd = 0x03
	CmdPrinter      Cmd = 0x04
	CmdService      Cmd = 0x05
	CmdErrorMore    Cmd = 0x06
	CmdStart        Cmd = 0x10
	CmdReadSetting  Cmd = 0x11
	CmdWriteSetting Cmd = 0x12
	CmdReadClock    Cmd = 0x13
	CmdWriteClock   Cmd = 0x14
	CmdXReport      Cmd = 0x20
	CmdZReport      Cmd = 0x21
	CmdOpenShift    Cmd = 0x23
	CmdLineTags     Cmd = 0x24
	CmdOpen         Cmd = 0x30
	CmdClose        Cmd = 0x31
	CmdCancel       Cmd = 0x32
	CmdPostpone     Cmd = 0x33
	CmdCut          Cmd = 0x34
	CmdText         Cmd = 0x40
	CmdBarcode      Cmd = 0x41
	CmdLine         Cmd = 0x42
	CmdSubtotal     Cmd = 0x44
	CmdDiscount     Cmd = 0x45
	CmdPay          Cmd = 0x47
	CmdCash         Cmd = 0x48
	CmdRequisite    Cmd = 0x49
	CmdCompare      Cmd = 0x52
	CmdOFDRequisite Cmd = 0x57
	CmdCorrection   Cmd = 0x58
	CmdSetTotal     Cmd = 0x64
	CmdPrintStored  Cmd = 0x73
	CmdStorage      Cmd = 0x78
	CmdMark         Cmd = 0x79
	CmdDrawer       Cmd = 0x80
	CmdDrawerState  Cmd = 0x81
	CmdBeep         Cmd = 0x82
)

// String is how the vendor's text writes a code.
func (c Cmd) String() string { return fmt.Sprintf("%02Xh", byte(c)) }

// Request is a command of the host.
type Request struct {
	Password string // four bytes
	ID       byte
	Cmd      Cmd
	Fields   [][]byte
}

// Answer is what the device says to a [Request]; its Code is zero where all is well.
type Answer struct {
	ID     byte
	Cmd    Cmd
	Code   byte
	Fields [][]byte
}

// Encode packs a request.
func (r Request) Encode() ([]byte, error) {
	if len(r.Password) != PasswordBytes || !plain([]byte(r.Password)) {
		return nil, fmt.Errorf("%w: the password must have %d plain characters", ErrFrame, PasswordBytes)
	}
	head := append([]byte(r.Password), r.ID)
	body := appendFields(appendHex(head, byte(r.Cmd)), r.Fields)
	if len(r.Fields) == 0 {
		body = append(body, FS)
	}
	return seal(r.ID, body, r.Fields)
}

// Encode packs an answer.
func (a Answer) Encode() ([]byte, error) {
	body := appendHex(appendHex([]byte{a.ID}, byte(a.Cmd)), a.Code)
	return seal(a.ID, appendFields(body, a.Fields), a.Fields)
}

func appendFields(body []byte, fields [][]byte) []byte {
	for _, f := range fields {
		body = append(append(body, f...), FS)
	}
	return body
}

func seal(id byte, body []byte, fields [][]byte) ([]byte, error) {
	if id < IDMin || id > IDMax {
		return nil, fmt.Errorf("%w: id %02Xh is outside %02Xh to %02Xh", ErrFrame, id, IDMin, IDMax)
	}
	for i, f := range fields {
		if !plain(f) {
			return nil, fmt.Errorf("%w: field %d has bytes outside %02Xh to %02Xh", ErrFrame, i+1, textMin, IDMax)
		}
	}
	if len(body) > BodyMax {
		return nil, fmt.Errorf("%w: %d bytes, at most %d fit", ErrFrame, len(body), BodyMax)
	}
	out := append(append([]byte{STX}, body...), ETX)
	return appendHex(out, sum(out[1:])), nil
}

// plain tells whether a frame can carry the bytes.
func plain(p []byte) bool {
	for _, b := range p {
		if b < textMin || b > IDMax {
			return false
		}
	}
	return true
}

// sum is the exclusive or of everything behind STX, ETX included.
func sum(p []byte) byte {
	var x byte
	for _, b := range p {
		x ^= b
	}
	return x
}

const digits = "0123456789ABCDEF"

func appendHex(dst []byte, b byte) []byte { return append(dst, digits[b>>4], digits[b&15]) }

func readHex(p []byte) (byte, bool) {
	v, err := strconv.ParseUint(string(p), 16, 8)
	return byte(v), err == nil && len(p) == 2
}

// ParseRequest reads the body of a frame from a host. A body whose head is whole but whose command is no number
// gives an error beside a request with ID and password: the device answers it.
func ParseRequest(body []byte) (Request, error) {
	if len(body) < headAsk {
		return Request{}, fmt.Errorf("%w: a request of %d bytes", ErrFrame, len(body))
	}
	r := Request{Password: string(body[:PasswordBytes]), ID: body[PasswordBytes], Fields: split(body[headAsk:])}
	code, ok := readHex(body[PasswordBytes+1 : headAsk])
	r.Cmd = Cmd(code)
	if !ok {
		return r, fmt.Errorf("%w: the command %q is no number", ErrFrame, body[PasswordBytes+1:headAsk])
	}
	return r, nil
}

// ParseAnswer reads the body of a frame from a device.
func ParseAnswer(body []byte) (Answer, error) {
	if len(body) < headAnswer {
		return Answer{}, fmt.Errorf("%w: an answer of %d bytes", ErrFrame, len(body))
	}
	cmd, okCmd := readHex(body[1:3])
	code, okCode := readHex(body[3:5])
	if !okCmd || !okCode {
		return Answer{}, fmt.Errorf("%w: command %q and error %q are no numbers", ErrFrame, body[1:3], body[3:5])
	}
	return Answer{ID: body[0], Cmd: Cmd(cmd), Code: code, Fields: split(body[headAnswer:])}, nil
}

// split takes fields apart; the separator behind the last one may be missing.
func split(p []byte) [][]byte {
	if len(p) == 0 {
		return nil
	}
	fields := bytes.Split(p, []byte{FS})
	if len(fields[len(fields)-1]) == 0 {
		fields = fields[:len(fields)-1]
	}
	return fields
}

// Field is a field by its place from 0 on; one that is not there is empty.
func Field(fields [][]byte, i int) []byte {
	if i < 0 || i >= len(fields) {
		return nil
	}
	return fields[i]
}
