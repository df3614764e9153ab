// Package ledgertest opens real ledgers for tests, in temp folders, that check themselves when the
// test ends.
//
// What will bite: the clock stands still unless the test moves it, and randomness is seeded, so that a
// failing test fails again.
package ledgertest

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/ledger"
	"github.com/kopilka/kopilka/ledger/sale"
)

// Who is the till of a test ledger.
var Who = ledger.Identity{Org: 1, Store: 1, Till: 7}

// Start is when a test ledger's clock stands at first.
var Start = sale.At(time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC))

// Clock is a clock that a test moves.
type Clock struct {
	At      sale.Time
	Quality sale.TimeQuality
}

// Now is a ledger.Clock.
func (c *Clock) Now() (sale.Time, sale.TimeQuality) { return c.At, c.Quality }

// NewClock stands at Start.
func NewClock() *Clock { return &Clock{At: Start, Quality: sale.TimeHeadOffice} }

// Open makes an enrolled ledger in a temp folder. When the test ends it is checked and closed.
func Open(t testing.TB) (*ledger.Ledger, *Clock) {
	t.Helper()
	clock := NewClock()
	l := OpenAt(t, t.TempDir(), clock)
	require.NoError(t, l.Enrol(Who))
	return l, clock
}

// OpenAt opens the ledger in a folder; Enrol is the caller's.
func OpenAt(t testing.TB, dir string, clock *Clock) *ledger.Ledger {
	t.Helper()
	l, err := ledger.Open(dir, ledger.Options{Clock: clock.Now, Random: Random(1)})
	require.NoError(t, err)
	t.Cleanup(func() {
		if _, err := l.Check(); err != nil && !t.Failed() {
			t.Errorf("the ledger does not check when the test ends: %v", err)
		}
		require.NoError(t, l.Close())
	})
	return l
}

// Random is a seeded source of bytes.
func Random(seed byte) *rand.ChaCha8 { return rand.NewChaCha8([32]byte{seed}) }
