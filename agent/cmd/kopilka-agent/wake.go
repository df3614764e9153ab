package main

import (
	"context"
	"sync"
)

// wakes tells whoever waits that the machine has slept. A nil one never does: systems that do not say so have none.
type wakes struct {
	mu   sync.Mutex
	next chan struct{} // closed at the next wake
}

func newWakes() *wakes { return &wakes{next: make(chan struct{})} }

// wakesKey carries wakes from who hears of them, the system's part, to the daemon.
type wakesKey struct{}

func withWakes(ctx context.Context, w *wakes) context.Context {
	return context.WithValue(ctx, wakesKey{}, w)
}

func wakesOf(ctx context.Context) *wakes {
	w, _ := ctx.Value(wakesKey{}).(*wakes) // nobody told: nil
	return w
}

// wake is called once for each sleep, after it.
func (w *wakes) wake() {
	w.mu.Lock()
	defer w.mu.Unlock()
	close(w.next)
	w.next = make(chan struct{})
}

func (w *wakes) after() <-chan struct{} {
	if w == nil {
		return nil
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.next
}

// each calls do after every sleep until ctx ends.
func (w *wakes) each(ctx context.Context, do func()) {
	for next := w.after(); ; {
		select {
		case <-ctx.Done():
			return
		case <-next:
			next = w.after() // before do: a sleep during it counts
			do()
		}
	}
}

// through runs do until ctx ends, and anew after every sleep: a connection from before may look alive for more than a
// minute, and a scanner's port may be another one.
func (w *wakes) through(ctx context.Context, do func(ctx context.Context)) {
	for ctx.Err() == nil {
		awake, cancel := context.WithCancel(ctx)
		next, done := w.after(), make(chan struct{})
		go func() {
			defer close(done)
			select {
			case <-next:
				cancel()
			case <-awake.Done():
			}
		}()
		do(awake)
		slept := awake.Err() != nil
		cancel()
		<-done
		if !slept { // it ended by itself
			return
		}
	}
}

// woke has the till doubt the time and its devices.
func (p *Program) woke() {
	p.log.Warn("the machine has slept: devices and head office are dialled anew, the time waits for a witness")
	p.till.Woke()
}
