package loyalty

import (
	"slices"
	"time"

	"github.com/kopilka/kopilka/ledger/sale"
)

// minutesOfDay is a day of the wall clock, which rules name their hours by.
const minutesOfDay = 24 * 60

// moment is a time on the wall of a store.
type moment struct {
	day, before sale.Date // before: the day before
	weekday     uint      // 0 is Monday
	minute      uint16
}

func momentOf(at sale.Time, zone *time.Location) moment {
	if zone == nil {
		zone = time.UTC
	}
	t := at.Time().In(zone)
	day := sale.DateOf(at, zone)
	return moment{
		day: day, before: day.Add(-1),
		weekday: (uint(t.Weekday()) + 6) % 7, minute: uint16(t.Hour()*60 + t.Minute()),
	}
}

// Holds tells whether a moment lies within, in a store's zone; nil is UTC.
func (w When) Holds(at sale.Time, zone *time.Location) bool { return w.holds(momentOf(at, zone)) }

// holds tells whether a moment lies within. Hours over midnight belong to the day on which they began:
// Monday from 22:00 to 02:00 ends on Tuesday at two.
func (w When) holds(m moment) bool {
	day, weekday := m.day, m.weekday
	if w.Start != 0 || w.End != 0 {
		switch {
		case w.Start < w.End:
			if m.minute < w.Start || m.minute >= w.End {
				return false
			}
		case m.minute < w.End:
			day, weekday = m.before, (m.weekday+6)%7
		case m.minute < w.Start:
			return false
		}
	}
	return w.From <= day && (w.Until == 0 || day <= w.Until) && (w.Weekdays == 0 || w.Weekdays>>weekday&1 == 1)
}

// admits tells whether a promotion is for this buyer, of this tier; nil is nobody in particular.
func (w Who) admits(b *Buyer, tier uint16) bool {
	if b == nil {
		return w.Anyone && len(w.Tiers) == 0 && len(w.Segments) == 0 && !w.First
	}
	return (len(w.Tiers) == 0 || slices.Contains(w.Tiers, tier)) &&
		(len(w.Segments) == 0 || slices.Contains(w.Segments, b.Segment)) &&
		(!w.First || b.Bought == 0)
}
