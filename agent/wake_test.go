package agent

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/ledger/sale"
)

// On Windows the monotonic clock runs on in sleep, by the clock on the board. It is no witness.
func TestClockBelievesNobodyAfterASleep(t *testing.T) {
	evening := time.Date(2026, 11, 22, 21, 0, 0, 0, time.UTC)
	morning := evening.Add(11 * time.Hour)
	now := evening
	clock := NewClock(func() time.Time { return now })
	clock.Trust(sale.At(evening))

	now = morning
	clock.Woke()
	at, quality := clock.Now()
	require.Equal(t, sale.TimeFrozen, quality)
	require.Equal(t, morning, at.Time(), "shown, not vouched for")
	clock.Vouch(sale.At(morning.Add(time.Minute)))
	at, quality = clock.Now()
	require.Equal(t, sale.TimeRegister, quality, "the register is a witness")
	require.Equal(t, morning.Add(time.Minute), at.Time())
	clock.Trust(sale.At(morning))
	clock.Woke()
	clock.Woke()
	clock.Trust(sale.At(morning))
	_, quality = clock.Now()
	require.Equal(t, sale.TimeHeadOffice, quality)
}

// The battery of the board died overnight.
func TestClockDoesNotGoBackInASleep(t *testing.T) {
	evening := time.Date(2026, 11, 22, 21, 0, 0, 0, time.UTC)
	now := evening
	clock := NewClock(func() time.Time { return now })
	clock.Trust(sale.At(evening))
	now = time.Date(2009, 1, 1, 0, 0, 0, 0, time.UTC)
	clock.Woke()
	at, quality := clock.Now()
	require.Equal(t, sale.TimeFrozen, quality)
	require.Equal(t, evening, at.Time())
	clock.Vouch(sale.At(evening.Add(24 * 365 * time.Hour)))
	_, quality = clock.Now()
	require.Equal(t, sale.TimeFrozen, quality, "one witness alone, a year ahead of what was known before")
	clock.Vouch(sale.At(evening.Add(11 * time.Hour)))
	_, quality = clock.Now()
	require.Equal(t, sale.TimeRegister, quality)
}
