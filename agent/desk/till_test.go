package desk_test

import (
	"context"
	"slices"
	"strings"
	"sync"

	"github.com/kopilka/kopilka/agent"
)

// script is a till that plays views written for a test of the page and notes what the page asks for.
// The real till has tests of its own; here the views must be exact and reach states that are rare.
type script struct {
	mu       sync.Mutex
	view     agent.View
	watchers []chan agent.View
	done     []agent.Command
	asked    chan agent.Command // every command, in order
	answer   func(ctx context.Context, c agent.Command) error
	catalog  []agent.ProductView
	journal  []agent.ReceiptView
}

const askedMax = 1024 // more than any test sends: Do must never wait for the test

func newScript(v agent.View) *script {
	return &script{view: v, asked: make(chan agent.Command, askedMax)}
}

func (s *script) Do(ctx context.Context, c agent.Command) error {
	s.mu.Lock()
	s.done = append(s.done, c)
	answer := s.answer
	s.mu.Unlock()
	s.asked <- c
	if answer == nil {
		return nil
	}
	return answer(ctx, c)
}

func (s *script) Watch() (<-chan agent.View, func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := make(chan agent.View, 1)
	c <- s.view
	s.watchers = append(s.watchers, c)
	return c, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.watchers = slices.DeleteFunc(s.watchers, func(x chan agent.View) bool { return x == c })
	}
}

func (s *script) watching() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.watchers)
}

// show replaces the view; a watcher that has not taken the last one gets this one instead.
func (s *script) show(v agent.View) {
	s.mu.Lock()
	defer s.mu.Unlock()
	v.Seq = s.view.Seq + 1
	s.view = v
	for _, c := range s.watchers {
		select {
		case <-c:
		default:
		}
		c <- v
	}
}

func (s *script) answers(f func(context.Context, agent.Command) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answer = f
}

func (s *script) Products(query string, limit int) []agent.ProductView {
	var found []agent.ProductView
	for _, p := range s.catalog {
		if query != "" && len(found) < limit && strings.Contains(strings.ToLower(p.Name), strings.ToLower(query)) {
			found = append(found, p)
		}
	}
	return found
}

func (s *script) Receipts(query string, limit int) []agent.ReceiptView {
	var found []agent.ReceiptView
	for _, r := range s.journal {
		if len(found) < limit && strings.Contains(r.No, query) {
			found = append(found, r)
		}
	}
	return found
}
