package uplink

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The waits are uniform over the whole interval, which doubles up to its bound.
func TestBackoffSpreads(t *testing.T) {
	const draws = 2000
	b := backoff{random: rand.NewChaCha8([32]byte{1})}
	for _, limit := range []time.Duration{5, 10, 20, 40, 80, 160, 300, 300} {
		limit *= time.Second
		var buckets [10]int
		for range draws {
			if limit == backoffFirst {
				b.limit = 0
			} else {
				b.limit = limit
			}
			d, err := b.next(0)
			require.NoError(t, err)
			require.LessOrEqual(t, d, limit)
			buckets[min(9, 10*d/(limit+1))]++
		}
		for i, n := range buckets {
			require.InDelta(t, draws/10, n, draws/20, "tenth %d of %s", i, limit)
		}
		require.Equal(t, min(2*limit, backoffMax), b.limit)
	}
	b.reset()
	d, err := b.next(time.Minute)
	require.NoError(t, err)
	require.GreaterOrEqual(t, d, time.Minute, "not sooner than head office wants")
	require.LessOrEqual(t, d, time.Minute+backoffFirst)
	d, err = b.next(1000 * time.Hour)
	require.NoError(t, err)
	require.LessOrEqual(t, d, 3*backoffMax, "but neither for ever")
}
