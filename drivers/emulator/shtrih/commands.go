package shtrih

import (
	"encoding/binary"

	"github.com/kopilka/kopilka/drivers/shtrih/frame"
	"github.com/kopilka/kopilka/ledger/sale"
)

// rights say whose password a command takes.
type rights uint8

const (
	nobody rights = iota
	anybody
	admin  // the administrator or the system administrator
	system // the system administrator
)

// Where a command works, by mode.
const (
	inOpen   = 1 << modeOpen
	inOver   = 1 << modeExpired
	inClosed = 1 << modeClosed
	inDate   = 1 << modeDate
	inDoc    = 1 << modeDoc
	inShift  = inOpen | inOver
	outside  = inOpen | inOver | inClosed
	always   = outside | inDate | inDoc
)

// command is one row of the machine. Lengths count the parameters with the password.
type command struct {
	min, max  int
	who       rights
	when      uint16
	otherwise byte   // error in another mode; zero: what the mode itself says
	oper      bool   // the answer names the operator
	read      bool   // taken at any time, also while printing
	prints    bool   // needs paper to begin
	ffd       string // known only where the register is registered for this format; empty: always
	run       func(*Register, request) ([]byte, byte)
}

type request struct {
	code frame.Cmd
	who  byte
	p    []byte // after the password
}

func (q request) uint(from, n int) uint64 { return frame.Uint(q.p[from : from+n]) }

func (q request) money(from int) sale.Money { return sale.Money(q.uint(from, frame.MoneyBytes)) }

// commands is the whole machine; what is not here answers 37h.
var commands = map[frame.Cmd]command{
	0x10: {min: 4, max: 4, who: anybody, oper: true, read: true, run: (*Register).shortStatus},
	0x11: {min: 4, max: 4, who: anybody, oper: true, read: true, run: (*Register).fullStatus},
	0x6B: {min: 1, max: 4, who: nobody, read: true, run: (*Register).errorText},
	0xF7: {min: 1, max: 1, who: nobody, read: true, run: (*Register).modelInfo},
	0xFC: {who: nobody, read: true, run: (*Register).deviceType},

	0x13: {min: 4, max: 4, who: anybody, when: always, oper: true, run: done},
	0x12: {min: 6, max: 5 + textMax, who: anybody, when: always, oper: true, prints: true, run: (*Register).printBold},
	0x17: {min: 6, max: 5 + 255, who: anybody, when: always, oper: true, prints: true, run: (*Register).printText},
	0x2F: {min: 7, max: 6 + textMax, who: anybody, when: always, oper: true, prints: true, run: (*Register).printFont},
	0x25: {min: 5, max: 5, who: anybody, when: always, oper: true, prints: true, run: (*Register).cut},
	0x28: {min: 5, max: 5, who: anybody, when: always, oper: true, run: (*Register).openDrawer},
	0x29: {min: 6, max: 6, who: anybody, when: always, oper: true, prints: true, run: (*Register).feedLines},
	0xB0: {min: 4, max: 4, who: anybody, when: always, oper: true, prints: true, run: (*Register).resume},
	0xDD: {min: 6, max: 6 + blockBytes, who: anybody, when: always, oper: true, run: (*Register).loadBlock},
	0xDE: {min: 14, max: 14, who: anybody, when: always, oper: true, prints: true, run: (*Register).printBarcode},
	0xE2: {min: 4, max: 4, who: anybody, when: always, oper: true, run: done},

	0x1A: {min: 5, max: 6, who: anybody, oper: true, read: true, run: (*Register).cashRegister},
	0x1B: {min: 5, max: 6, who: anybody, oper: true, read: true, run: (*Register).opRegister},
	0x1E: {min: 9, max: 8 + 250, who: system, when: always, run: (*Register).writeTable},
	0x1F: {min: 8, max: 8, who: system, read: true, run: (*Register).readTable},
	0x2D: {min: 5, max: 5, who: system, read: true, run: (*Register).tableShape},
	0x2E: {min: 6, max: 6, who: system, read: true, run: (*Register).fieldShape},

	0x21: {min: 7, max: 7, who: system, when: inClosed | inDate, otherwise: errMode, run: (*Register).setTime},
	0x22: {min: 7, max: 7, who: system, when: inClosed | inDate, otherwise: errMode, run: (*Register).setDate},
	0x23: {min: 7, max: 7, who: system, when: inDate, otherwise: errMode, run: (*Register).confirmDate},

	0x40: {min: 4, max: 4, who: admin, when: outside, oper: true, prints: true, run: (*Register).xReport},
	0x41: {min: 4, max: 4, who: admin, when: inShift, oper: true, prints: true, run: (*Register).zReport},
	0xE0: {min: 4, max: 4, who: anybody, when: inClosed, otherwise: errMode, oper: true, prints: true, run: (*Register).openShift},
	0x50: {min: 9, max: 9, who: anybody, when: inOpen, oper: true, prints: true, run: (*Register).cashIn},
	0x51: {min: 9, max: 9, who: anybody, when: inOpen, oper: true, prints: true, run: (*Register).cashOut},
	0x8C: {min: 4, max: 4, who: anybody, when: outside, oper: true, prints: true, run: (*Register).copyLast},

	0x8D:   {min: 5, max: 5, who: anybody, when: inOpen, oper: true, prints: true, run: (*Register).openReceipt},
	0x88:   {min: 4, max: 4, who: anybody, when: inDoc, otherwise: errMode, oper: true, prints: true, run: (*Register).cancelReceipt},
	0x89:   {min: 4, max: 4, who: anybody, when: inDoc, otherwise: errDocClosed, oper: true, run: (*Register).subtotal},
	0xFF46: {min: opHead, max: opHead + nameMax, who: anybody, when: inDoc, otherwise: errDocClosed, run: (*Register).operation},
	0xFF4D: {min: 5, max: 4 + tlvMax + 1, who: anybody, when: inDoc, otherwise: errDocClosed, run: (*Register).tagLine},
	0xFF0C: {min: 5, max: 4 + tlvMax + 1, who: anybody, when: always, run: (*Register).tagDocument},
	0xFF45: {min: closeHead, max: closeHead + closeText, who: anybody, when: inDoc, otherwise: errDocClosed, run: (*Register).closeReceipt},

	0xFF01: {min: 4, max: 4, who: anybody, read: true, run: (*Register).fnStatus},
	0xFF02: {min: 4, max: 4, who: anybody, read: true, run: (*Register).fnSerial},
	0xFF03: {min: 4, max: 4, who: anybody, read: true, run: (*Register).fnExpiry},
	0xFF04: {min: 4, max: 4, who: anybody, read: true, run: (*Register).fnVersion},
	0xFF09: {min: 4, max: 4, who: anybody, read: true, run: (*Register).fnRegistered},
	0xFF3A: {min: 8, max: 8, who: system, read: true, run: (*Register).fnDocument},
	0xFF3B: {min: 4, max: 4, who: system, read: true, run: (*Register).fnDocumentTLV},
	0xFF35: {min: 4, max: 4, who: system, when: inOpen, ffd: ffd105, run: (*Register).beginCorrection},
	0xFF4A: {min: 67, max: 67, who: system, when: inOpen, ffd: ffd105, prints: true, run: (*Register).correct105},
	0xFF61: {min: 8, max: 8 + 255 + tlvMax, who: anybody, when: outside | inDoc, ffd: ffd12, run: (*Register).checkMark},
	0xFF67: {min: 5, max: 6 + 255, who: anybody, when: inDoc, otherwise: errDocClosed, ffd: ffd12, run: (*Register).bindMark},
	0xFF69: {min: 5, max: 5, who: anybody, when: outside | inDoc, ffd: ffd12, run: (*Register).acceptMark},
	0xFF70: {min: 4, max: 4, who: anybody, ffd: ffd12, read: true, run: (*Register).markStatus},
	0xFF08: {min: 4, max: 4, who: anybody, when: always, run: (*Register).fnCancel},
	0xFF0A: {min: 8, max: 8, who: anybody, read: true, run: (*Register).fnFind},
	0xFF0B: {min: 4, max: 4, who: anybody, when: inClosed, otherwise: errMode, prints: true, run: (*Register).fnOpenShift},
	0xFF39: {min: 4, max: 4, who: anybody, read: true, run: (*Register).ofdStatus},
	0xFF40: {min: 4, max: 4, who: anybody, read: true, run: (*Register).shiftParams},
	0xFF41: {min: 4, max: 4, who: anybody, when: inClosed, otherwise: errMode, run: (*Register).beginOpenShift},
	0xFF42: {min: 4, max: 4, who: anybody, when: inShift, run: (*Register).beginCloseShift},
	0xFF43: {min: 4, max: 4, who: anybody, when: inShift, prints: true, run: (*Register).fnCloseShift},
}

func done(*Register, request) ([]byte, byte) { return nil, 0 }

// operator finds who a password belongs to: his row in table 2.
func (r *Register) operator(params []byte, need rights) (byte, bool) {
	password := binary.LittleEndian.Uint32(params)
	for row := uint16(1); row <= operators; row++ {
		cell, ok := r.cell(cellKey{tableOperators, row, 1})
		if !ok || binary.LittleEndian.Uint32(cell) != password {
			continue
		}
		switch need {
		case system:
			return byte(row), row == systemRow
		case admin:
			return byte(row), row >= adminRow
		case anybody, nobody:
		}
		return byte(row), true
	}
	return 0, false
}
