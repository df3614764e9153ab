package atol

import (
	"io"

	"github.com/kopilka/kopilka/drivers"
)

// SetRandom gives a driver of a test the randomness of its request keys.
func (p *Printer) SetRandom(r io.Reader) { p.random = r }

// FaultOf is the meaning of one of the vendor's codes.
func FaultOf(code int) (drivers.Fail, drivers.Hint, bool) {
	f, ok := faults[code]
	return f.fail, drivers.Hint{RU: f.ru, EN: f.en}, ok
}
