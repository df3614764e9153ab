package hub

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"

	"github.com/kopilka/kopilka/ledger/sale"
	"github.com/kopilka/kopilka/sync/wire"
)

// haul is a run of batches of one epoch (and one fork) that are stored at once.
type haul struct {
	fork    uint32
	records []wire.Sealed
	held    int // of the budget
}

// stored is how an append ended.
type stored struct {
	have sale.Position
	err  error
}

func (h *haul) end() sale.Position {
	last := h.records[len(h.records)-1]
	return sale.Position{Epoch: last.Record.Epoch, Seq: last.Record.Seq, Head: last.Hash}
}

func (h *haul) goesOn(b *wire.Batch) bool {
	end := h.end()
	return b.Fork == h.fork && b.Epoch == end.Epoch && b.From == end.Seq+1
}

// hearBatch verifies a batch and adds it to what is stored next. While one haul is on its way to disk the
// next is gathered, so that both cores of a small machine work and a backlog is stored in few transactions.
func (s *session) hearBatch(ctx context.Context, b *wire.Batch, held int) error {
	if h := s.newest(); h != nil && !h.goesOn(b) {
		if err := s.settle(ctx); err != nil {
			s.hub.budget.give(held)
			return err
		}
	}
	known := s.expect
	if h := s.newest(); h != nil {
		known = h.end()
	}
	records, err := s.open(ctx, b, known)
	if err != nil {
		s.hub.budget.give(held)
		return errors.Join(s.settle(ctx), err) // what came before it is good
	}
	if s.gathered == nil {
		s.gathered = &haul{fork: b.Fork}
	}
	s.gathered.records = append(s.gathered.records, records...)
	s.gathered.held += held
	s.startStore(ctx)
	return nil
}

// newest is the haul that a batch may go on from.
func (s *session) newest() *haul {
	if s.gathered != nil {
		return s.gathered
	}
	return s.storing
}

// full tells that no further batch should be read until the store has caught up.
func (s *session) full() bool {
	return s.gathered != nil && len(s.gathered.records) > mergeMax-wire.BatchRecordsMax
}

// draining tells that the till hands in a backlog.
func (s *session) draining() bool {
	n := 0
	for _, h := range []*haul{s.storing, s.gathered} {
		if h != nil {
			n += len(h.records)
		}
	}
	return n >= backlogFrom
}

// open verifies a batch: its signature, its chain, and that it follows what is known.
func (s *session) open(ctx context.Context, b *wire.Batch, known sale.Position) ([]wire.Sealed, error) {
	if !ed25519.Verify(s.pub, wire.BatchBytes(s.key.org, s.key.till, b), b.Signature) {
		return nil, errors.Join(&wire.Bye{Code: wire.ByeSignature, Text: fmt.Sprintf("batch %d/%d", b.Epoch, b.From)}, s.flagSignature(ctx, s.key))
	}
	prev, certain, err := s.before(ctx, b, known)
	if err != nil {
		return nil, err
	}
	records, err := b.Open(prev)
	switch {
	case err == nil:
		return records, nil
	case errors.Is(err, wire.ErrChain) && certain && firstPrev(b) != prev:
		return nil, &wire.Bye{Code: wire.ByeFork, Text: err.Error()}
	case errors.Is(err, wire.ErrChain) || errors.Is(err, wire.ErrBatch):
		return nil, errors.Join(&wire.Bye{Code: wire.ByeMessage, Text: err.Error()}, s.flagBroken(ctx, b, err))
	}
	return nil, err
}

// before is the hash that the batch must follow; certain tells that it is head office's own knowledge.
func (s *session) before(ctx context.Context, b *wire.Batch, known sale.Position) (prev sale.Hash, certain bool, err error) {
	switch {
	case b.Fork > 0:
		return firstPrev(b), false, nil // where a tail branches off is the till's word, under its signature
	case b.Epoch == known.Epoch && b.From == known.Seq+1:
		return known.Head, true, nil
	case b.From == 1:
		return sale.Hash{}, true, nil
	}
	prev, found, err := s.hub.Store.HashAt(ctx, s.key.org, s.key.till, b.Epoch, b.From-1)
	if err == nil && !found {
		err = &wire.Bye{Code: wire.ByeOrder, Text: fmt.Sprintf("batch %d/%d, head office has %d/%d", b.Epoch, b.From, known.Epoch, known.Seq)}
	}
	return prev, true, err
}

// firstPrev is what a batch's first record says is before it; zero when it cannot be read, which opening
// the batch will say better.
func firstPrev(b *wire.Batch) sale.Hash {
	entries, err := wire.UnpackEntries(b.Payload, b.Count)
	if err != nil {
		return sale.Hash{}
	}
	r, err := sale.DecodeRecord(entries[0].Record)
	if err != nil {
		return sale.Hash{}
	}
	return r.Prev
}

func (s *session) flagBroken(ctx context.Context, b *wire.Batch, problem error) error {
	return s.hub.Store.Flag(ctx, s.key.org, s.key.till, "unprojected", fmt.Sprintf("batch %d/%d", b.Epoch, b.From),
		fmt.Sprintf("Касса %d прислала повреждённые записи %d/%d и далее: они остаются у неё (%v)", s.key.till, b.Epoch, b.From, problem),
		fmt.Sprintf("Till %d sent damaged records from %d/%d on: it still has them (%v)", s.key.till, b.Epoch, b.From, problem))
}

// startStore sends what is gathered on its way, one haul at a time.
func (s *session) startStore(ctx context.Context) {
	if s.storing != nil || s.gathered == nil {
		return
	}
	h := s.gathered
	s.storing, s.gathered = h, nil
	s.wg.Go(func() {
		have, err := s.store(ctx, h)
		s.stored <- stored{have, err}
	})
}

// afterStore acknowledges a haul that is on disk and sends the next on its way.
func (s *session) afterStore(ctx context.Context, end stored) error {
	h := s.storing
	s.storing = nil
	s.hub.budget.give(h.held)
	if end.err != nil {
		return end.err
	}
	if h.fork == 0 {
		s.expect = end.have
	}
	if err := s.say(&wire.Ack{Have: end.have, Fork: h.fork}); err != nil {
		return err
	}
	s.startStore(ctx)
	return nil
}

// settle waits until all that was taken is on disk.
func (s *session) settle(ctx context.Context) error {
	for s.storing != nil {
		if err := s.afterStore(ctx, <-s.stored); err != nil {
			return err
		}
	}
	return nil
}

// abandon waits for an append that is under way: nothing of a session may happen after it.
func (s *session) abandon() {
	if s.storing != nil {
		<-s.stored
		s.hub.budget.give(s.storing.held)
	}
	if s.gathered != nil {
		s.hub.budget.give(s.gathered.held)
	}
	s.storing, s.gathered = nil, nil
}

// store appends a haul.
func (s *session) store(ctx context.Context, h *haul) (sale.Position, error) {
	if s.hub.cut(CutBeforeCommit, s.key) {
		return sale.Position{}, errCut
	}
	if len(h.records) >= backlogFrom {
		select {
		case s.hub.backlog <- struct{}{}:
			defer func() { <-s.hub.backlog }()
		case <-ctx.Done():
			return sale.Position{}, ctx.Err()
		}
	}
	within, cancel := context.WithTimeout(ctx, storeMax)
	defer cancel()
	have, err := s.hub.Store.Append(within, s.key.org, s.key.till, h.fork, h.records)
	if err == nil && s.hub.cut(CutAfterCommit, s.key) {
		err = errCut
	}
	return have, err
}
