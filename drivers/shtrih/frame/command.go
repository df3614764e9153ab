package frame

import "fmt"

// Cmd is a command code: one byte, or FFh and one byte for the fiscal storage's commands.
type Cmd uint16

// The commands that the driver uses and the emulator understands.
const (
	CmdShortStatus   Cmd = 0x10
	CmdStatus        Cmd = 0x11
	CmdBeep          Cmd = 0x13
	CmdPrintLine     Cmd = 0x17
	CmdCashRegister  Cmd = 0x1A
	CmdOpRegister    Cmd = 0x1B
	CmdWriteTable    Cmd = 0x1E
	CmdReadTable     Cmd = 0x1F
	CmdSetTime       Cmd = 0x21
	CmdSetDate       Cmd = 0x22
	CmdConfirmDate   Cmd = 0x23
	CmdCut           Cmd = 0x25
	CmdDrawer        Cmd = 0x28
	CmdFeed          Cmd = 0x29
	CmdFieldInfo     Cmd = 0x2E
	CmdTableInfo     Cmd = 0x2D
	CmdPrintFont     Cmd = 0x2F
	CmdXReport       Cmd = 0x40
	CmdZReport       Cmd = 0x41
	CmdCashIn        Cmd = 0x50
	CmdCashOut       Cmd = 0x51
	CmdLastErrorText Cmd = 0x6B
	CmdCancel        Cmd = 0x88
	CmdSubtotal      Cmd = 0x89
	CmdCopyLast      Cmd = 0x8C
	CmdOpenReceipt   Cmd = 0x8D
	CmdContinue      Cmd = 0xB0
	CmdOpenShift     Cmd = 0xE0
	CmdCloseSlip     Cmd = 0xE2
	CmdModel         Cmd = 0xF7
	CmdDeviceType    Cmd = 0xFC

	CmdFNStatus      Cmd = 0xFF01
	CmdFNSerial      Cmd = 0xFF02
	CmdFNExpiry      Cmd = 0xFF03
	CmdFNVersion     Cmd = 0xFF04
	CmdFNCancel      Cmd = 0xFF08
	CmdFNRegistered  Cmd = 0xFF09
	CmdFNFind        Cmd = 0xFF0A
	CmdFNTag         Cmd = 0xFF0C
	CmdCorrection1   Cmd = 0xFF35 // FFD 1.05
	CmdOFDStatus     Cmd = 0xFF39
	CmdFNDocument    Cmd = 0xFF3A
	CmdFNDocumentTLV Cmd = 0xFF3B
	CmdShiftParams   Cmd = 0xFF40
	CmdFNShiftOpen   Cmd = 0xFF41
	CmdFNShiftClose1 Cmd = 0xFF42
	CmdFNShiftClose2 Cmd = 0xFF43
	CmdClose2        Cmd = 0xFF45
	CmdOperation2    Cmd = 0xFF46
	CmdCorrection2   Cmd = 0xFF4A // FFD 1.05
	CmdOperationTag  Cmd = 0xFF4D
	CmdMarkCheck     Cmd = 0xFF61
	CmdMarkBind      Cmd = 0xFF67
	CmdMarkAccept    Cmd = 0xFF69
	CmdMarkStatus    Cmd = 0xFF70
)

// Append puts the code before a command's parameters or an answer's error.
func (c Cmd) Append(dst []byte) []byte {
	if c > 0xFF {
		dst = append(dst, byte(c>>8))
	}
	return append(dst, byte(c))
}

// String is the code as the vendor's text writes it: "8Dh", "FF45h".
func (c Cmd) String() string { return fmt.Sprintf("%02Xh", uint16(c)) }

// Split takes the code off a body. It fails on a body too short to hold one.
func Split(body []byte) (cmd Cmd, rest []byte, ok bool) {
	switch {
	case len(body) == 0, body[0] == 0xFF && len(body) < 2:
		return 0, nil, false
	case body[0] == 0xFF:
		return 0xFF00 | Cmd(body[1]), body[2:], true
	}
	return Cmd(body[0]), body[1:], true
}
