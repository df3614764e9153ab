package hub

import (
	"context"
	"sync"
	"time"
)

// budget bounds the bytes that all sessions hold between socket and store. Whoever gets none stops
// reading, and TCP tells the till.
type budget struct {
	mu    sync.Mutex
	left  int
	freed chan struct{} // closed when something is given back
}

func newBudget(bytes int) *budget { return &budget{left: bytes, freed: make(chan struct{})} }

func (b *budget) take(ctx context.Context, n int) error {
	for {
		b.mu.Lock()
		if b.left >= n {
			b.left -= n
			b.mu.Unlock()
			return nil
		}
		freed := b.freed
		b.mu.Unlock()
		select {
		case <-freed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (b *budget) give(n int) {
	if n == 0 {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.left += n
	close(b.freed)
	b.freed = make(chan struct{})
}

// Enrolment by one address: a person types a code once or twice, a guesser millions of times. A code has
// 80 random bits, so this only keeps the noise down.
const (
	enrolBurst     = 10
	enrolEvery     = 6 * time.Second
	addressesMax   = 10_000 // remembered at once; beyond it everybody waits a while
	addressForgets = enrolBurst * enrolEvery
)

// rate is a token bucket an address.
type rate struct {
	mu   sync.Mutex
	seen map[string]bucket
}

type bucket struct {
	tokens float64
	at     time.Time
}

func newRate() *rate { return &rate{seen: map[string]bucket{}} }

func (r *rate) allow(address string, now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.seen) >= addressesMax {
		for a, b := range r.seen {
			if now.Sub(b.at) > addressForgets {
				delete(r.seen, a)
			}
		}
		if len(r.seen) >= addressesMax {
			return false
		}
	}
	b, ok := r.seen[address]
	if !ok {
		b = bucket{enrolBurst, now}
	}
	b.tokens = min(enrolBurst, b.tokens+now.Sub(b.at).Seconds()/enrolEvery.Seconds())
	b.at = now
	if b.tokens < 1 {
		r.seen[address] = b
		return false
	}
	b.tokens--
	r.seen[address] = b
	return true
}
