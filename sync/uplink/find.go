package uplink

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/kopilka/kopilka/ledger/sale"
	"github.com/kopilka/kopilka/sync/wire"
)

// Limits of asking for a sale.
const (
	FindMax  = 8 * time.Second // for an answer: a buyer with a receipt in hand stands at the counter
	findsMax = 8               // questions on the way; a till asks one at a time
)

// Errors of Find.
var (
	ErrOffline     = errors.New("head office cannot be asked now / центральный офис сейчас недоступен")
	ErrUnknownSale = errors.New("head office does not know this receipt / центральный офис не знает этого чека")
)

// find is one question and where its answer goes. done is buffered: nobody waits for who has left.
type find struct {
	asked *wire.Find
	done  chan answer
}

type answer struct {
	sold    *sale.Record
	returns []*sale.Record
	err     error
}

// Find asks head office for the sale of a fiscal document, as another till made it, and for all returns of it
// so far. It answers ErrOffline at once where there is no link, or one to a head office that is too old, and
// after FindMax at the latest; ErrUnknownSale where head office does not know the document.
func (u *Uplink) Find(ctx context.Context, doc sale.FiscalKey) (*sale.Record, []*sale.Record, error) {
	ctx, cancel := context.WithTimeout(ctx, FindMax)
	defer cancel()
	q, err := u.wishes.addFind(&wire.Find{Doc: doc})
	if err != nil {
		return nil, nil, err
	}
	select {
	case a := <-q.done:
		return a.sold, a.returns, a.err
	case <-ctx.Done():
		u.wishes.dropFind(q)
		return nil, nil, fmt.Errorf("%w: no answer: %w", ErrOffline, ctx.Err())
	}
}

// addFind queues a question for the session that is there; where none is, nobody is to be asked.
func (w *wishes) addFind(q *wire.Find) (*find, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case !w.finding:
		return nil, ErrOffline
	case len(w.finds) >= findsMax:
		return nil, fmt.Errorf("%w: %d questions wait already", ErrOffline, len(w.finds))
	}
	w.ref++
	q.Ref = w.ref
	f := &find{asked: q, done: make(chan answer, 1)}
	w.finds = append(w.finds, f)
	w.unasked = append(w.unasked, q)
	w.ring()
	return f, nil
}

func (w *wishes) dropFind(f *find) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for i, x := range w.finds {
		if x == f {
			w.finds = append(w.finds[:i:i], w.finds[i+1:]...)
			return
		}
	}
}

// openFinds lets questions in, once a session can take them; closing it answers those that wait.
func (w *wishes) openFinds(open bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.finding = open
	for _, f := range w.finds {
		f.done <- answer{err: fmt.Errorf("%w: the line was cut", ErrOffline)}
	}
	w.finds, w.unasked = nil, nil
}

func (w *wishes) takeFinds() []*wire.Find {
	w.mu.Lock()
	defer w.mu.Unlock()
	out := w.unasked
	w.unasked = nil
	return out
}

// takeFind is the question of a number; nil where nobody waits for it any more.
func (w *wishes) takeFind(ref uint32) *find {
	w.mu.Lock()
	defer w.mu.Unlock()
	for i, f := range w.finds {
		if f.asked.Ref == ref {
			w.finds = append(w.finds[:i:i], w.finds[i+1:]...)
			return f
		}
	}
	return nil
}

// heardFound answers whoever asked. What does not fit the question ends the session: it is not head
// office's word, or a head office that must not be believed.
func (s *session) heardFound(m *wire.Found) error {
	f := s.wishes.takeFind(m.Ref)
	if f == nil {
		return nil // too late
	}
	sold, returns, err := m.Open(f.asked)
	switch {
	case err == nil && sold == nil:
		f.done <- answer{err: fmt.Errorf("%w: %s", ErrUnknownSale, f.asked.Doc)}
		return nil
	case err == nil && sold.Org != s.Identity.Org:
		err = fmt.Errorf("%w: a sale of organisation %d", wire.ErrMessage, sold.Org)
	}
	if err != nil {
		f.done <- answer{err: fmt.Errorf("%w: %w", ErrOffline, err)}
		return &Problem{Code: CodeProtocol, Err: err}
	}
	f.done <- answer{sold: sold, returns: returns}
	return nil
}
