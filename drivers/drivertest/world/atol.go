package world

import (
	"net/http"
	"slices"
	"strings"

	"github.com/kopilka/kopilka/drivers/atol/task"
	"github.com/kopilka/kopilka/drivers/drivertest"
	"github.com/kopilka/kopilka/drivers/emulator/atol"
	"github.com/kopilka/kopilka/drivers/emulator/storage"
)

// AtolWorld is a register of ATOL behind the vendor's web server. Its power is the device's: the server stays.
func AtolWorld() World {
	return World{
		Name: "atol", Type: "atol", Wordy: true,
		New: func(o Options) (Machine, error) {
			r, err := atol.New(atol.Options{
				Folder: o.Folder, FNSerial: o.FN, Serial: o.Serial, INN: o.INN, OFDDelay: o.OFDDelay, Now: o.Now, Unregistered: o.Unregistered,
			})
			if err != nil {
				return nil, err
			}
			return Atol(r), nil
		},
		Faults: atolFaults(),
	}
}

// requestsMax is about as many HTTP requests as a receipt takes: a fault on the way strikes one of them.
const requestsMax = 8

func atolFaults() []Fault {
	var out []Fault
	for name, f := range map[string]atol.Fault{
		"lost request": {Kind: atol.LoseRequest}, "lost answer": {Kind: atol.LoseAnswer}, "cut answer": {Kind: atol.CutAnswer, Bytes: 40},
		"slow answer": {Kind: atol.SlowAnswer, For: late}, "duplicate refused": {Kind: atol.Conflict, Method: http.MethodPost},
		"server failure": {Kind: atol.ServerFailure}, "server dies before, keeps its queue": {Kind: atol.RestartBefore, Keep: true},
		"server dies before": {Kind: atol.RestartBefore}, "server dies after, keeps its queue": {Kind: atol.RestartAfter, Keep: true},
		"server dies after": {Kind: atol.RestartAfter},
	} {
		out = append(out, Fault{Name: name, Arm: func(m Machine, n int) {
			f.N = n % requestsMax
			m.(atolMachine).Inject(f)
		}})
	}
	for name, f := range map[string]atol.Fault{
		"busy": {Kind: atol.Busy, For: late}, "cable before": {Kind: atol.LinkBeforeWrite}, "cable after": {Kind: atol.LinkAfterWrite},
		"storage silent": {Kind: atol.StorageSilent},
		"clock jump":     {Kind: atol.ClockJump, For: late}, "paper out": {Kind: atol.PaperOutAtLine}, "power out": {Kind: atol.PowerOutAtLine},
	} {
		out = append(out, Fault{Name: name, Arm: func(m Machine, n int) {
			f.N = n
			m.(atolMachine).Inject(f)
		}})
	}
	slices.SortFunc(out, func(a, b Fault) int { return strings.Compare(a.Name, b.Name) }) // the same order for the same seed
	return out
}

// Atol is a register of ATOL as the suites look at it.
func Atol(r *atol.Register) Machine { return atolMachine{r} }

type atolMachine struct{ *atol.Register }

func (m atolMachine) Archive() []storage.Document    { return m.Register.Documents() }
func (m atolMachine) Documents() []drivertest.Signed { return Signed(m.Register.Documents()) }

func (m atolMachine) Printed() []string {
	var out []string
	for _, l := range m.Tape() {
		out = append(out, l.Text)
	}
	return out
}

func (m atolMachine) PaperOutAfter(lines int) {
	m.Inject(atol.Fault{Kind: atol.PaperOutAtLine, N: lines})
}

// receiptTasks make a receipt or a correction of the contract.
var receiptTasks = []task.Type{task.Sell, task.SellReturn, task.SellCorrection, task.SellReturnCorrection}

func (m atolMachine) LoseClose() { m.onReceipt(atol.LoseAnswer) }
func (m atolMachine) LoseLine()  { m.onReceipt(atol.LoseRequest) }

// onReceipt strikes the next POST of a receipt, whichever kind it is.
func (m atolMachine) onReceipt(kind atol.FaultKind) {
	m.Inject(atol.Fault{Kind: kind, Method: http.MethodPost, Tasks: receiptTasks})
}

func (m atolMachine) CutAtWrite(after bool) {
	kind := atol.PowerBeforeWrite
	if after {
		kind = atol.PowerAfterWrite
	}
	m.Inject(atol.Fault{Kind: kind})
}
