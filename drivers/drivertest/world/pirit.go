package world

import (
	"time"

	"github.com/kopilka/kopilka/drivers/drivertest"
	"github.com/kopilka/kopilka/drivers/emulator/pirit"
	"github.com/kopilka/kopilka/drivers/emulator/storage"
	"github.com/kopilka/kopilka/drivers/pirit/frame"
	"github.com/kopilka/kopilka/ledger/sale"
)

// PiritWorld is a register of the Pirit family: Viki Print with a storage of FFD 1.2.
func PiritWorld() World {
	return World{
		Name: "pirit", Type: "pirit", Settings: map[string]string{},
		New: func(o Options) (Machine, error) {
			r, err := pirit.New(pirit.Options{
				Folder: o.Folder, FNSerial: o.FN, Serial: o.Serial, INN: o.INN, OFDDelay: o.OFDDelay, Now: o.Now, Unregistered: o.Unregistered,
			})
			if err != nil {
				return nil, err
			}
			return Pirit(r), nil
		},
		Faults: piritFaults(),
	}
}

// piritBusy is longer than any answer that a host would expect, while ENQ is answered.
const piritBusy = 30 * time.Second

func piritFaults() []Fault {
	kinds := []pirit.FaultKind{
		pirit.DropByte, pirit.RepeatByte, pirit.CorruptByte, pirit.DelayByte, pirit.LoseAnswer, pirit.LateAnswer, pirit.SlowAnswer,
		pirit.Busy, pirit.Noise, pirit.ClockJump, pirit.DayPasses, pirit.PaperOutAtLine, pirit.PowerOutAtLine, pirit.PowerAfterAnswer,
	}
	out := make([]Fault, len(kinds))
	for i, kind := range kinds {
		out[i] = Fault{Name: string(kind), Arm: func(m Machine, n int) {
			f := pirit.Fault{Kind: kind, N: n, For: late, Mask: 0x13}
			switch kind {
			case pirit.PaperOutAtLine, pirit.PowerOutAtLine:
			case pirit.DropByte, pirit.RepeatByte, pirit.CorruptByte, pirit.DelayByte:
				f.Any = true
			case pirit.Busy:
				f.Command, f.For = piritSteps[n%len(piritSteps)], piritBusy
			default:
				f.Command = piritSteps[n%len(piritSteps)]
			}
			m.(piritMachine).Inject(f)
		}}
	}
	return out
}

// piritSteps are the commands of a receipt.
var piritSteps = []frame.Cmd{
	frame.CmdFlags, frame.CmdPrinter, frame.CmdStorage, frame.CmdOpen, frame.CmdLine, frame.CmdSubtotal, frame.CmdCompare, frame.CmdPay, frame.CmdClose,
}

// Pirit is a register of the Pirit family as the suites look at it.
func Pirit(r *pirit.Register) Machine { return piritMachine{r} }

type piritMachine struct{ *pirit.Register }

func (m piritMachine) Archive() []storage.Document    { return m.Register.Documents() }
func (m piritMachine) Documents() []drivertest.Signed { return Signed(m.Register.Documents()) }

func (m piritMachine) Printed() []string {
	var out []string
	for _, l := range m.Tape() {
		out = append(out, l.Text)
	}
	return out
}

func (m piritMachine) Cash() sale.Money { return sale.Money(m.State().Drawer) }

func (m piritMachine) PaperOutAfter(lines int) {
	m.Inject(pirit.Fault{Kind: pirit.PaperOutAtLine, N: lines})
}

// LoseClose strikes the close of a receipt: a register of FFD 1.2 closes corrections by the same command.
func (m piritMachine) LoseClose() {
	m.Inject(pirit.Fault{Kind: pirit.CloseAfter, Command: frame.CmdClose, Dir: pirit.ToHost, N: 2})
}

func (m piritMachine) LoseLine() {
	m.Inject(pirit.Fault{Kind: pirit.CloseAfter, Command: frame.CmdLine, Dir: pirit.ToHost, N: 2})
}

func (m piritMachine) CutAtWrite(after bool) {
	kind := pirit.PowerBeforeWrite
	if after {
		kind = pirit.PowerAfterWrite
	}
	m.Inject(pirit.Fault{Kind: kind, Any: true})
}
