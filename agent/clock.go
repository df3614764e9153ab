package agent

import (
	"maps"
	"sync"
	"time"

	"github.com/kopilka/kopilka/ledger/sale"
)

// One witness whose time jumps further ahead than clockJumpMax of what is known is not believed before a
// second one says the same within clockAgree: time once vouched for never goes back (the ledger's mark),
// so a register set to the wrong year would leave every till's points lapsed.
const (
	clockJumpMax = 48 * time.Hour
	clockAgree   = time.Hour
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
	floor   sale.Time // the ledger's high-water mark when the program started; zero: a till that has seen nothing
	claims  map[sale.TimeQuality]claim
}

// claim is what a witness said that was not believed, and when.
type claim struct {
	at   sale.Time
	from time.Time
}

// NewClock starts with the machine's own time, vouched for by nobody.
func NewClock(now func() time.Time) *Clock {
	t := now()
	return &Clock{now: now, base: sale.At(t), from: t, quality: sale.TimeFrozen, claims: map[sale.TimeQuality]claim{}}
}

// Floor tells the clock how far the ledger had come.
func (c *Clock) Floor(high sale.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.floor = high
}

// Now is a ledger.Clock.
func (c *Clock) Now() (sale.Time, sale.TimeQuality) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.base.Add(c.now().Sub(c.from)), c.quality
}

// Trust takes head office's time.
func (c *Clock) Trust(at sale.Time) { c.hear(at, sale.TimeHeadOffice) }

// Vouch takes the register's clock where head office has not spoken since the start.
func (c *Clock) Vouch(at sale.Time) { c.hear(at, sale.TimeRegister) }

// Woke is called when the machine has slept. What counted meanwhile is the clock on its board, which a dead battery or
// a person may have changed, so nobody vouches for the time until a witness speaks again, as after a cold start. What
// was vouched for before the sleep holds: time does not go back behind it.
func (c *Clock) Woke() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.quality == sale.TimeFrozen {
		return
	}
	t := c.now()
	c.floor = max(c.floor, c.base)
	c.base, c.from, c.quality = max(c.base, sale.At(t)), t, sale.TimeFrozen
	clear(c.claims)
}

// Doubted is a time that a witness gave and nobody else confirmed; ok is false when there is none.
func (c *Clock) Doubted() (at sale.Time, witness sale.TimeQuality, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, witness := range []sale.TimeQuality{sale.TimeHeadOffice, sale.TimeRegister} {
		if said, doubted := c.claims[witness]; doubted {
			return c.carried(said), witness, true
		}
	}
	return 0, 0, false
}

func (c *Clock) hear(at sale.Time, witness sale.TimeQuality) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.believable(at, witness) {
		c.claims[witness] = claim{at, c.now()}
		return
	}
	delete(c.claims, witness)
	maps.DeleteFunc(c.claims, func(_ sale.TimeQuality, said claim) bool { return near(at, c.carried(said)) })
	if witness == sale.TimeHeadOffice || c.quality == sale.TimeFrozen {
		c.base, c.from, c.quality = at, c.now(), witness
	}
}

// believable holds a witness against what is known, and against the others where it jumps ahead of that.
func (c *Clock) believable(at sale.Time, witness sale.TimeQuality) bool {
	known := c.floor
	if c.quality != sale.TimeFrozen {
		known = max(known, c.base.Add(c.now().Sub(c.from)))
	}
	if known == 0 || at <= known.Add(clockJumpMax) || near(at, sale.At(c.now())) {
		return true
	}
	for other, said := range c.claims {
		if other != witness && near(at, c.carried(said)) {
			return true
		}
	}
	return false
}

// carried is what a witness would say now.
func (c *Clock) carried(said claim) sale.Time { return said.at.Add(c.now().Sub(said.from)) }

func near(a, b sale.Time) bool { return a.Sub(b).Abs() <= clockAgree }

// Ahead is how far the machine's clock is ahead of trusted time.
func (c *Clock) Ahead() time.Duration {
	at, _ := c.Now()
	return c.now().Sub(at.Time())
}
