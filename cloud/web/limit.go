package web

import (
	"sync"
	"time"
)

// Limits of failed sign-ins within limitWindow. A person mistypes a few times; a shop's office has
// many people behind one address.
const (
	limitWindow     = 15 * time.Minute
	failuresLogin   = 5
	failuresAddress = 30
	// limitKeysMax bounds the memory of the counters; beyond it the oldest windows go first.
	limitKeysMax = 10000
)

// limiter counts failed sign-ins by login and by address. It is per process: behind several nodes an
// attacker has that many times the tries, which five in fifteen minutes leaves room for.
type limiter struct {
	now func() time.Time
	mu  sync.Mutex
	hit map[string]window
}

type window struct {
	failures int
	ends     time.Time
}

func newLimiter(now func() time.Time) *limiter {
	return &limiter{now: now, hit: make(map[string]window)}
}

// wait is how long a caller must wait before the next try; zero when it may go on.
func (l *limiter) wait(login, address string) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	return max(l.left("login "+login, failuresLogin, now), l.left("address "+address, failuresAddress, now))
}

func (l *limiter) left(key string, most int, now time.Time) time.Duration {
	w, ok := l.hit[key]
	if !ok || w.failures < most || !now.Before(w.ends) {
		return 0
	}
	return w.ends.Sub(now)
}

// failed counts a failure. It is called before the password is checked, so that tries sent at once
// cannot all pass; succeeded takes it back.
func (l *limiter) failed(login, address string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	if len(l.hit) >= limitKeysMax {
		l.sweep(now)
	}
	for _, key := range []string{"login " + login, "address " + address} {
		w, ok := l.hit[key]
		if !ok || !now.Before(w.ends) {
			w = window{ends: now.Add(limitWindow)}
		}
		w.failures++
		l.hit[key] = w
	}
}

func (l *limiter) succeeded(login, address string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.hit, "login "+login)
	if w, ok := l.hit["address "+address]; ok && w.failures > 0 {
		w.failures--
		l.hit["address "+address] = w
	}
}

func (l *limiter) sweep(now time.Time) {
	var oldest string
	for key, w := range l.hit {
		if !now.Before(w.ends) {
			delete(l.hit, key)
			continue
		}
		if oldest == "" || w.ends.Before(l.hit[oldest].ends) {
			oldest = key
		}
	}
	if len(l.hit) >= limitKeysMax {
		delete(l.hit, oldest)
	}
}
