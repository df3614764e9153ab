package pirit

import (
	"github.com/kopilka/kopilka/drivers"
	"github.com/kopilka/kopilka/drivers/pirit/frame"
)

// Refusal is what the driver makes of a code and its reason.
func Refusal(code byte, why int) drivers.Error {
	return refusedBy(frame.CmdFlags, code, why, false).failure
}
