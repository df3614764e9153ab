package capture

import "github.com/kopilka/kopilka/drivers"

// A till asks by a type assertion what its register can do, so a recorded driver must have its own driver's
// capabilities and no others. Go has no type with methods chosen at run time, hence a type for each set that
// drivers have; a test holds the list of drivers against it.

// The bits of a set.
const (
	canMoveCash = 1 << iota
	canReport
	canSlip
	canCopy
	canDrawer
	canClock
	canCorrect
	canMark
	canStorage
	canPreflight
)

const canAll = canMoveCash | canReport | canSlip | canCopy | canDrawer | canClock | canCorrect | canMark | canStorage | canPreflight

// everything is what most registers can do.
type everything struct {
	*printer
	cashMover
	reporter
	slips
	copier
	drawer
	clockSetter
	corrector
	markChecker
	storageTeller
	preflighter
}

// elder is a register from before marking and corrections.
type elder struct {
	*printer
	cashMover
	reporter
	slips
	copier
	drawer
}

// sets are the types by their bits.
var sets = map[int]func(p *printer) drivers.Printer{
	0: func(p *printer) drivers.Printer { return p },
	canAll: func(p *printer) drivers.Printer {
		return everything{p, cashMover{p}, reporter{p}, slips{p}, copier{p}, drawer{p}, clockSetter{p}, corrector{p}, markChecker{p}, storageTeller{p}, preflighter{p}}
	},
	canMoveCash | canReport | canSlip | canCopy | canDrawer: func(p *printer) drivers.Printer {
		return elder{p, cashMover{p}, reporter{p}, slips{p}, copier{p}, drawer{p}}
	},
}

// capable dresses a recorded driver in the capabilities of its own.
func capable(p *printer) (drivers.Printer, bool) {
	dress, ok := sets[capabilities(p.inner)]
	if !ok {
		return nil, false
	}
	return dress(p), true
}

// capabilities are a driver's bits.
func capabilities(p drivers.Printer) (bits int) {
	for bit, has := range map[int]bool{
		canMoveCash: can[drivers.CashMover](p), canReport: can[drivers.Reporter](p), canSlip: can[drivers.Slips](p),
		canCopy: can[drivers.Copier](p), canDrawer: can[drivers.Drawer](p), canClock: can[drivers.ClockSetter](p),
		canCorrect: can[drivers.Corrector](p), canMark: can[drivers.MarkChecker](p),
		canStorage: can[drivers.StorageTeller](p), canPreflight: can[drivers.Preflighter](p),
	} {
		if has {
			bits |= bit
		}
	}
	return bits
}

func can[C any](p drivers.Printer) bool {
	_, ok := p.(C)
	return ok
}
