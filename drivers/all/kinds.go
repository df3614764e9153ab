package all

import (
	"context"

	"github.com/kopilka/kopilka/drivers"
	"github.com/kopilka/kopilka/drivers/atol"
	"github.com/kopilka/kopilka/drivers/atol/task"
	displayframe "github.com/kopilka/kopilka/drivers/display/command"
	"github.com/kopilka/kopilka/drivers/escpos"
	escposframe "github.com/kopilka/kopilka/drivers/escpos/command"
	"github.com/kopilka/kopilka/drivers/mercury"
	mercuryframe "github.com/kopilka/kopilka/drivers/mercury/frame"
	"github.com/kopilka/kopilka/drivers/pirit"
	piritframe "github.com/kopilka/kopilka/drivers/pirit/frame"
	"github.com/kopilka/kopilka/drivers/port"
	"github.com/kopilka/kopilka/drivers/shtrih"
	shtrihframe "github.com/kopilka/kopilka/drivers/shtrih/frame"
)

// Kind is how a type of register, printer or display is looked for, and how its bytes are framed.
type Kind struct {
	// Probe asks whether such a device is at the other end, harmlessly, within two seconds; nil: it answers nothing.
	Probe func(ctx context.Context, dial port.Dial) (drivers.Identity, error)
	// Rewrite applies a replacement to the payload of each frame of a burst and seals the frames again.
	Rewrite func(burst []byte, replace func([]byte) []byte) []byte
	// Rename gives each request that a burst names, asked or answered, another name of the same length and seals
	// the frames again, where a till makes names up; nil: it does not.
	Rename func(burst []byte, answer bool, rename func(old string) string)
	// Bauds are the speeds on a serial port, the likeliest first; none: it is never on one.
	Bauds []int
	// Local are addresses of this machine where a program of its maker listens.
	Local []string
}

// Kinds are the types by name, as in [Printers], [SlipPrinters] and [Displays]; who adds a type there adds it here.
var Kinds = map[string]Kind{
	"shtrih-m": {
		Probe: shtrih.Probe, Rewrite: shtrihframe.Rewrite,
		Bauds: []int{115200, 4800, 9600, 57600, 19200, 38400, 2400}, Local: []string{"tcp://127.0.0.1:7778", "tcp://192.168.137.111:7778"},
	},
	"pirit": {
		Probe: pirit.Probe, Rewrite: piritframe.Rewrite, Rename: renamePirit,
		Bauds: []int{57600, 115200, 9600, 38400, 19200, 4800}, Local: []string{"tcp://127.0.0.1:50003"},
	},
	"atol":         {Probe: atol.Probe, Rewrite: task.Rewrite, Rename: renameATOL, Local: []string{atol.AddressDefault}},
	"mercury":      {Probe: mercury.Probe, Rewrite: mercuryframe.Rewrite, Local: []string{"tcp://127.0.0.1:50010", "tcp://127.0.0.1:50009"}},
	"escpos":       {Probe: escpos.Probe, Rewrite: escposframe.Rewrite, Rename: renameESCPOS, Bauds: []int{9600, 115200, 19200, 38400}},
	"line-display": {Rewrite: displayframe.Rewrite, Bauds: []int{9600, 19200, 2400}},
}

// order is in which types are asked for on a serial port: what the till needs first, what is most common first.
var order = []string{"shtrih-m", "pirit", "atol", "escpos", "mercury"}

// scannerMakers are the USB vendors whose serial ports are scanners. A scanner answers no question, so it is
// known by its maker or not at all (USB-IF's list of vendors).
var scannerMakers = map[uint16]string{
	0x05E0: "Zebra", 0x0C2E: "Honeywell", 0x0536: "Honeywell", 0x05F9: "Datalogic", 0x080C: "Datalogic", 0x1EAB: "Newland", 0x065A: "Opticon",
}

// ScannerMaker is the maker of a USB scanner, empty where the vendor makes other things or is not known.
func ScannerMaker(vid uint16) string { return scannerMakers[vid] }
