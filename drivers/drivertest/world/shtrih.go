package world

import (
	"time"

	"github.com/kopilka/kopilka/drivers/drivertest"
	"github.com/kopilka/kopilka/drivers/emulator/shtrih"
	"github.com/kopilka/kopilka/drivers/emulator/storage"
	"github.com/kopilka/kopilka/drivers/shtrih/frame"
	"github.com/kopilka/kopilka/ledger/sale"
)

// ShtrihWorld is a register of SHTRIH-M that is spoken to by one of its protocols, "1" or "2".
func ShtrihWorld(protocol string) World {
	return World{
		Name: "shtrih-m " + protocol + ".0", Type: "shtrih-m", Settings: map[string]string{"protocol": protocol},
		New: func(o Options) (Machine, error) {
			r, err := shtrih.New(shtrih.Options{
				Folder: o.Folder, FNSerial: o.FN, Serial: o.Serial, INN: o.INN, OFDDelay: o.OFDDelay, Now: o.Now, Ill: shtrih.Ill{Unregistered: o.Unregistered},
			})
			if err != nil {
				return nil, err
			}
			return Shtrih(r), nil
		},
		Faults: shtrihFaults(protocol),
	}
}

// late is longer than a driver waits for a byte, and shorter than for an answer.
const late = 7 * time.Second

func shtrihFaults(protocol string) []Fault {
	kinds := []shtrih.FaultKind{
		shtrih.DropByte, shtrih.RepeatByte, shtrih.CorruptByte, shtrih.DelayByte, shtrih.LoseAnswer, shtrih.ForgetAnswer,
		shtrih.LateAnswer, shtrih.SlowAnswer, shtrih.Busy, shtrih.ClockJump, shtrih.PaperOutAtLine, shtrih.PowerOutAtLine, shtrih.PowerAfterAnswer,
	}
	if protocol == "1" {
		kinds = append(kinds, shtrih.NAKStorm, shtrih.NoiseFF)
	}
	out := make([]Fault, len(kinds))
	for i, kind := range kinds {
		out[i] = Fault{Name: string(kind), Arm: func(m Machine, n int) {
			f := shtrih.Fault{Kind: kind, N: n, For: late, Mask: 0x13}
			switch kind {
			case shtrih.LoseAnswer, shtrih.ForgetAnswer, shtrih.LateAnswer, shtrih.SlowAnswer, shtrih.PowerAfterAnswer, shtrih.Busy:
				f.Command = steps[n%len(steps)]
			}
			m.(shtrihMachine).Inject(f)
		}}
	}
	return out
}

// steps are the commands of a receipt.
var steps = []frame.Cmd{
	frame.CmdShortStatus, frame.CmdStatus, frame.CmdOpenReceipt, frame.CmdFNTag, frame.CmdOperation2, frame.CmdSubtotal, frame.CmdClose2,
}

// Shtrih is a register of SHTRIH-M as the suites look at it.
func Shtrih(r *shtrih.Register) Machine { return shtrihMachine{r} }

type shtrihMachine struct{ *shtrih.Register }

func (m shtrihMachine) Archive() []storage.Document    { return m.Register.Documents() }
func (m shtrihMachine) Documents() []drivertest.Signed { return Signed(m.Register.Documents()) }

func (m shtrihMachine) Printed() []string {
	var out []string
	for _, l := range m.Tape() {
		out = append(out, l.Text)
	}
	return out
}

func (m shtrihMachine) Cash() sale.Money { return sale.Money(m.State().Drawer) }

func (m shtrihMachine) PaperOutAfter(lines int) {
	m.Inject(shtrih.Fault{Kind: shtrih.PaperOutAtLine, N: lines})
}

func (m shtrihMachine) LoseClose() {
	m.Inject(shtrih.Fault{Kind: shtrih.CloseAfter, Command: frame.CmdClose2, Dir: shtrih.ToHost, N: 2})
}

func (m shtrihMachine) LoseLine() {
	m.Inject(shtrih.Fault{Kind: shtrih.CloseAfter, Command: frame.CmdOperation2, Dir: shtrih.ToHost, N: 2})
}

func (m shtrihMachine) CutAtWrite(after bool) {
	kind := shtrih.PowerBeforeWrite
	if after {
		kind = shtrih.PowerAfterWrite
	}
	m.Inject(shtrih.Fault{Kind: kind})
}
