package atol

import "io"

// SetRandom gives a driver of a test the randomness of its request keys.
func (p *Printer) SetRandom(r io.Reader) { p.random = r }
