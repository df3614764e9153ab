package shtrih_test

import (
	emulator "github.com/kopilka/kopilka/drivers/emulator/shtrih"
	"github.com/kopilka/kopilka/drivers/shtrih/frame"
)

// receiptCommands are all that a receipt sends, from the first look to the last.
var receiptCommands = []frame.Cmd{
	frame.CmdModel, frame.CmdStatus, frame.CmdFNStatus, frame.CmdReadTable, frame.CmdShiftParams, frame.CmdOpenReceipt,
	frame.CmdFNTag, frame.CmdOperation2, frame.CmdSubtotal, frame.CmdClose2, frame.CmdShortStatus,
}

// onlyProtocol1 are the faults of ENQ and NAK.
var onlyProtocol1 = map[emulator.FaultKind]bool{emulator.NAKStorm: true, emulator.NoiseFF: true}

// seeds is how many draws TestSeveralFaultsAtOnce makes for each protocol; a draw takes two milliseconds.
const seeds = 200
