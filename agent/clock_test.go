package agent

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/ledger/sale"
)

// A wrong year, once vouched for, can never be taken back, so it takes two to say it.
func TestClockBelievesNoLoneJump(t *testing.T) {
	const year = 365 * 24 * time.Hour
	today := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	flat := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC) // the machine's battery is dead
	type word struct {
		head bool
		at   time.Time
	}
	cases := map[string]struct {
		machine time.Time
		floor   time.Time
		words   []word
		want    time.Time
		quality sale.TimeQuality
		doubted bool
	}{
		"head office, as expected":              {today, today.Add(-time.Hour), []word{{true, today}}, today, sale.TimeHeadOffice, false},
		"after a month in the cupboard":         {today, today.Add(-30 * 24 * time.Hour), []word{{true, today}}, today, sale.TimeHeadOffice, false},
		"a month, battery dead, head office":    {flat, today.Add(-30 * 24 * time.Hour), []word{{true, today}}, flat, sale.TimeFrozen, true},
		"a month, battery dead, both say so":    {flat, today.Add(-30 * 24 * time.Hour), []word{{false, today}, {true, today}}, today, sale.TimeHeadOffice, false},
		"a weekend, battery dead":               {flat, today.Add(-47 * time.Hour), []word{{false, today}}, today, sale.TimeRegister, false},
		"a register three years ahead":          {today, today.Add(-time.Hour), []word{{false, today.Add(3 * year)}}, today, sale.TimeFrozen, true},
		"head office ten years ahead, later":    {today, today.Add(-time.Hour), []word{{true, today}, {true, today.Add(10 * year)}}, today, sale.TimeHeadOffice, true},
		"head office recovers":                  {today, today.Add(-time.Hour), []word{{true, today.Add(10 * year)}, {true, today}}, today, sale.TimeHeadOffice, false},
		"a new till knows nothing better":       {flat, time.Time{}, []word{{true, today}}, today, sale.TimeHeadOffice, false},
		"the register speaks after head office": {today, today, []word{{true, today}, {false, today.Add(time.Hour)}}, today, sale.TimeHeadOffice, false},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			clock := NewClock(func() time.Time { return c.machine })
			if !c.floor.IsZero() {
				clock.Floor(sale.At(c.floor))
			}
			for _, w := range c.words {
				if w.head {
					clock.Trust(sale.At(w.at))
				} else {
					clock.Vouch(sale.At(w.at))
				}
			}
			at, quality := clock.Now()
			require.Equal(t, c.want, at.Time())
			require.Equal(t, c.quality, quality)
			_, _, doubted := clock.Doubted()
			require.Equal(t, c.doubted, doubted)
		})
	}
}
