package world

import (
	"github.com/kopilka/kopilka/drivers/drivertest"
	"github.com/kopilka/kopilka/drivers/emulator/mercury"
	"github.com/kopilka/kopilka/drivers/emulator/storage"
	"github.com/kopilka/kopilka/drivers/mercury/frame"
	"github.com/kopilka/kopilka/ledger/sale"
)

// MercuryWorld is a register Mercury behind its service, spoken to over "http" or "length". Its journal tells
// the signs of openings, which the real one may not do: without them nobody could find out the sign of an
// opening whose answer was lost.
func MercuryWorld(transport string) World {
	return World{
		Name: "mercury " + transport, Type: "mercury", Wordy: true, Settings: map[string]string{"transport": transport},
		New: func(o Options) (Machine, error) {
			r, err := mercury.New(mercury.Options{
				Folder: o.Folder, FNSerial: o.FN, Serial: o.Serial, INN: o.INN, OFDDelay: o.OFDDelay, Now: o.Now, Unregistered: o.Unregistered, OpeningSigns: true,
			})
			if err != nil {
				return nil, err
			}
			return Mercury(r), nil
		},
		Faults: mercuryFaults(),
	}
}

func mercuryFaults() []Fault {
	kinds := []mercury.FaultKind{
		mercury.CloseAfter, mercury.CutRequest, mercury.LoseAnswer, mercury.SlowAnswer, mercury.LateRequest, mercury.CorruptAnswer,
		mercury.HTTPError, mercury.Busy, mercury.ClockJump, mercury.RestartBefore, mercury.RestartAfter, mercury.PaperOutAtLine,
		mercury.PowerOutAtLine, mercury.PowerAfterAnswer,
	}
	out := make([]Fault, len(kinds))
	for i, kind := range kinds {
		out[i] = Fault{Name: string(kind), Arm: func(m Machine, n int) {
			f := mercury.Fault{Kind: kind, N: n, For: late}
			switch kind {
			case mercury.CutRequest, mercury.PaperOutAtLine, mercury.PowerOutAtLine:
			default:
				f.Command = mercurySteps[n%len(mercurySteps)]
			}
			m.(mercuryMachine).Inject(f)
		}}
	}
	return out
}

// mercurySteps are the commands of a receipt.
var mercurySteps = []frame.Command{frame.CmdStatus, frame.CmdOpenCheck, frame.CmdAddGoods, frame.CmdCloseCheck}

// Mercury is a register Mercury as the suites look at it.
func Mercury(r *mercury.Register) Machine { return mercuryMachine{r} }

type mercuryMachine struct{ *mercury.Register }

func (m mercuryMachine) Archive() []storage.Document    { return m.Register.Documents() }
func (m mercuryMachine) Documents() []drivertest.Signed { return Signed(m.Register.Documents()) }

func (m mercuryMachine) Printed() []string {
	var out []string
	for _, l := range m.Tape() {
		out = append(out, l.Text)
	}
	return out
}

func (m mercuryMachine) Cash() sale.Money { return sale.Money(m.State().Drawer) }

func (m mercuryMachine) PaperOutAfter(lines int) {
	m.Inject(mercury.Fault{Kind: mercury.PaperOutAtLine, N: lines})
}

func (m mercuryMachine) LoseClose() {
	m.Inject(mercury.Fault{Kind: mercury.CloseAfter, Command: frame.CmdCloseCheck, N: 2})
}

func (m mercuryMachine) LoseLine() {
	m.Inject(mercury.Fault{Kind: mercury.CloseAfter, Command: frame.CmdAddGoods, N: 2})
}

func (m mercuryMachine) CutAtWrite(after bool) {
	kind := mercury.PowerBeforeWrite
	if after {
		kind = mercury.PowerAfterWrite
	}
	m.Inject(mercury.Fault{Kind: kind})
}
