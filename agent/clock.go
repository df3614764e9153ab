package agent

import (
	"sync"
	"time"

	"github.com/kopilka/kopilka/ledger/sale"
)

// Clock is trusted time: head office's carried on by the monotonic clock, else the register's, else
// the machine's with nobody to vouch for it. A machine's clock that is set back or forward while the
// till runs changes nothing.
type Clock struct {
	now func() time.Time

	mu      sync.Mutex
	base    sale.Time // trusted time at `from`
	from    time.Time // carries the monotonic reading
	quality sale.TimeQuality
}

// NewClock starts with the machine's own time, vouched for by nobody.
func NewClock(now func() time.Time) *Clock {
	t := now()
	return &Clock{now: now, base: sale.At(t), from: t, quality: sale.TimeFrozen}
}

// Now is a ledger.Clock.
func (c *Clock) Now() (sale.Time, sale.TimeQuality) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.base.Add(c.now().Sub(c.from)), c.quality
}

// Trust takes head office's time.
func (c *Clock) Trust(at sale.Time) { c.set(at, sale.TimeHeadOffice) }

// Vouch takes the register's clock where head office has not spoken since the start.
func (c *Clock) Vouch(at sale.Time) {
	c.mu.Lock()
	better := c.quality == sale.TimeFrozen
	c.mu.Unlock()
	if better {
		c.set(at, sale.TimeRegister)
	}
}

func (c *Clock) set(at sale.Time, quality sale.TimeQuality) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.base, c.from, c.quality = at, c.now(), quality
}

// Ahead is how far the machine's clock is ahead of trusted time.
func (c *Clock) Ahead() time.Duration {
	at, _ := c.Now()
	return c.now().Sub(at.Time())
}
