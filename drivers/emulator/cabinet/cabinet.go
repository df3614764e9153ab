// Package cabinet is what every emulated register has around its protocol: the fiscal storage, the roll of paper,
// one lock over all of it, and a bell that rings when something changes that can be seen.
//
// What will bite: the lock makes commands serial, as a device's one processor does; whoever embeds a Cabinet
// takes it before it touches anything, and never holds it while bytes move.
package cabinet

import (
	"sync"

	"github.com/kopilka/kopilka/drivers/emulator/paper"
	"github.com/kopilka/kopilka/drivers/emulator/storage"
)

// Cabinet is to be embedded; [Cabinet.Assemble] comes before everything else.
type Cabinet struct {
	Mu   sync.Mutex
	FN   *storage.Storage
	Roll paper.Tape

	changed chan struct{} // closed when anything that can be seen changes
}

// Assemble puts the storage in and hangs the bell up.
func (c *Cabinet) Assemble(fn *storage.Storage) { c.FN, c.changed = fn, make(chan struct{}) }

// SetOFD says whether the operator of fiscal data answers, and with it the marking system.
func (c *Cabinet) SetOFD(answers bool) {
	c.Mu.Lock()
	defer c.Mu.Unlock()
	c.FN.SetAnswer(answers)
	c.Notify()
}

// Expire ends the life of the fiscal storage.
func (c *Cabinet) Expire() {
	c.Mu.Lock()
	defer c.Mu.Unlock()
	c.FN.Expire()
	c.Notify()
}

// BanMark makes the marking system refuse a piece.
func (c *Cabinet) BanMark(raw string) {
	c.Mu.Lock()
	defer c.Mu.Unlock()
	c.FN.BanMark(raw)
}

// Marks is how many codes, checked or accepted, wait for a receipt.
func (c *Cabinet) Marks() int {
	c.Mu.Lock()
	defer c.Mu.Unlock()
	return c.FN.Marks()
}

// Asked are the last questions about codes that came over the wire.
func (c *Cabinet) Asked() []storage.Asked {
	c.Mu.Lock()
	defer c.Mu.Unlock()
	return c.FN.Asked()
}

// Documents is the storage's whole archive, in order.
func (c *Cabinet) Documents() []storage.Document {
	c.Mu.Lock()
	defer c.Mu.Unlock()
	return c.FN.Documents()
}

// Tape is what left the printer, oldest first; a long tape loses its beginning.
func (c *Cabinet) Tape() []paper.Line {
	c.Mu.Lock()
	defer c.Mu.Unlock()
	return c.Roll.Lines()
}

// Set changes one thing that can be seen.
func (c *Cabinet) Set(what *bool, to bool) {
	c.Mu.Lock()
	defer c.Mu.Unlock()
	*what = to
	c.Notify()
}

// Changed is closed when something changes that can be seen. Take it first, then look.
func (c *Cabinet) Changed() <-chan struct{} {
	c.Mu.Lock()
	defer c.Mu.Unlock()
	return c.changed
}

// Notify rings the bell. The lock is held.
func (c *Cabinet) Notify() {
	close(c.changed)
	c.changed = make(chan struct{})
}
