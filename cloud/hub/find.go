package hub

import (
	"context"
	"time"

	"github.com/kopilka/kopilka/sync/wire"
)

// How often a till may ask for sales made elsewhere. A return takes a cashier a minute; a stolen till that
// wanted to read the shop's receipts one by one would need years.
const (
	findsMax  = 20
	findEvery = 3 * time.Second // one more
)

// finds counts the questions that a till may still ask. It outlives the session: who connects anew has no more of them.
type finds struct {
	left int
	at   time.Time
}

func (f *finds) allow(now time.Time) bool {
	if f.at.IsZero() {
		f.left, f.at = findsMax, now
	}
	if n := int(now.Sub(f.at) / findEvery); n > 0 {
		f.left, f.at = min(findsMax, f.left+n), f.at.Add(time.Duration(n)*findEvery)
	}
	if f.left == 0 {
		return false
	}
	f.left--
	return true
}

// mayFind takes one of a till's questions. There are as many counts as tills that have asked.
func (h *Hub) mayFind(k tillKey) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	f := h.finds[k]
	if f == nil {
		f = new(finds)
		h.finds[k] = f
	}
	return f.allow(h.Now())
}

// hearFind answers with a sale and its returns. A revoked till is told nothing of other tills.
func (s *session) hearFind(ctx context.Context, q *wire.Find) error {
	if s.revoked {
		return s.say(wire.NewFound(q.Ref, nil, nil))
	}
	if !s.hub.mayFind(s.key) {
		return &wire.Bye{Code: wire.ByeBusy, Text: "too many questions for receipts", RetryAfter: (findsMax * findEvery).Milliseconds()}
	}
	if err := s.settle(ctx); err != nil { // what it sold or took back itself just now counts
		return err
	}
	record, returns, err := s.hub.Store.FindReceipt(ctx, s.key.org, q.Doc, q.ID)
	if err != nil {
		return err
	}
	return s.say(wire.NewFound(q.Ref, record, returns))
}
