package uplink

import (
	"encoding/binary"
	"fmt"
	"io"
	"time"
)

// The waits between attempts (sync.md C9). When a region's power comes back, all its tills knock at once;
// a wait uniform over the whole interval spreads them as evenly as can be.
const (
	backoffFirst = 5 * time.Second
	backoffMax   = 5 * time.Minute
)

// backoff is full jitter: uniform in [0, J], J doubling with every failure. The zero value is not ready;
// it needs its randomness.
type backoff struct {
	random io.Reader
	limit  time.Duration
}

// next is how long to wait now, never less than what head office asked for.
func (b *backoff) next(atLeast time.Duration) (time.Duration, error) {
	b.limit = max(b.limit, backoffFirst)
	var draw [8]byte
	if _, err := io.ReadFull(b.random, draw[:]); err != nil {
		return 0, fmt.Errorf("read randomness for a wait: %w", err)
	}
	wait := time.Duration(binary.BigEndian.Uint64(draw[:]) % uint64(b.limit+1))
	b.limit = min(2*b.limit, backoffMax)
	return max(0, min(atLeast, backoffMax)) + wait, nil
}

// reset follows a success.
func (b *backoff) reset() { b.limit = 0 }
