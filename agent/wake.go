package agent

import "github.com/kopilka/kopilka/drivers"

// errSlept ends a connection from before the machine slept.
var errSlept = &drivers.Error{
	Op: "watch", Device: "register", Fail: drivers.FailLink, Outcome: drivers.OutcomeNotDone,
	Hint: drivers.Hint{RU: "Компьютер спал: соединяемся с кассой заново", EN: "The machine has slept: the register is being dialled anew"},
}

// Woke tells the till that the machine has slept. Time is nobody's word until a witness speaks; the register, which
// is one, is dialled anew between two jobs and asked what it holds: somebody may have moved it to another till meanwhile.
func (t *Till) Woke() {
	t.clock.Woke()
	select {
	case t.register.slept <- struct{}{}:
	default: // it is told already
	}
}
