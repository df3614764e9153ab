package agent

import "sync"

// viewers are the pages and notifiers that watch the till. A slow one misses views, never delays one: each
// channel holds the newest view only.
type viewers struct {
	mu     sync.Mutex
	last   View
	open   map[chan View]struct{}
	closed bool
}

// Watch streams views, the newest first; stop ends it. The channel is closed when the till stops.
func (t *Till) Watch() (views <-chan View, stop func()) {
	v := &t.viewers
	v.mu.Lock()
	defer v.mu.Unlock()
	c := make(chan View, 1)
	if v.closed {
		close(c)
		return c, func() {}
	}
	if v.last.Seq > 0 {
		c <- v.last
	}
	if v.open == nil {
		v.open = map[chan View]struct{}{}
	}
	v.open[c] = struct{}{}
	return c, func() { v.leave(c) }
}

func (v *viewers) leave(c chan View) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if _, open := v.open[c]; open {
		delete(v.open, c)
		close(c)
	}
}

func (v *viewers) send(view View) {
	v.mu.Lock()
	defer v.mu.Unlock()
	view.Seq = v.last.Seq + 1
	v.last = view
	for c := range v.open {
		select {
		case <-c: // the view that nobody took yet
		default:
		}
		c <- view
	}
}

func (v *viewers) close() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.closed = true
	for c := range v.open {
		delete(v.open, c)
		close(c)
	}
}
