package hub

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"

	"github.com/kopilka/kopilka/ledger/sale"
	"github.com/kopilka/kopilka/sync/wire"
)

// run of batches of one epoch (and one fork) that are stored at once.
type haul struct {
	fork, epoch uint32
	records     []wire.Sealed
	held        int
}

// hearBatches takes a batch and those that have queued up behind it, stores them together and
// acknowledges them. A message of another kind that it meets is answered after that.
func (s *session) hearBatches(ctx context.Context, first *wire.Batch, held int) error {
	for next := (&inbound{m: first, held: held}); next != nil; {
		b, ok := next.m.(*wire.Batch)
		if !ok || next.err != nil {
			return s.hear(ctx, *next)
		}
		h := &haul{fork: b.Fork, epoch: b.Epoch, held: next.held}
		var err error
		if h.records, err = s.open(ctx, b, s.expect); err == nil {
			next, err = s.gather(ctx, h)
		}
		if err == nil || len(h.records) > 0 {
			err = errors.Join(s.store(ctx, h), err)
		}
		s.hub.budget.give(h.held)
		if err != nil {
			if next != nil {
				s.hub.budget.give(next.held)
			}
			return err
		}
	}
	return nil
}

// gather adds batches that wait already, while they go on where the haul ends. It answers the message
// that does not, if there is one. What was gathered before an error is good and should be stored.
func (s *session) gather(ctx context.Context, h *haul) (*inbound, error) {
	for len(h.records) < mergeMax-wire.BatchRecordsMax {
		var m inbound
		select {
		case m = <-s.in:
		default:
			return nil, nil
		}
		b, ok := m.m.(*wire.Batch)
		last := h.records[len(h.records)-1]
		if !ok || m.err != nil || b.Fork != h.fork || b.Epoch != h.epoch || b.From != last.Record.Seq+1 {
			return &m, nil
		}
		h.held += m.held
		more, err := s.open(ctx, b, sale.Position{Epoch: h.epoch, Seq: last.Record.Seq, Head: last.Hash})
		if err != nil {
			return nil, err
		}
		h.records = append(h.records, more...)
	}
	return nil, nil
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

// store appends a haul and acknowledges it once it is on disk.
func (s *session) store(ctx context.Context, h *haul) error {
	if s.hub.cut(CutBeforeCommit, s.key) {
		return errCut
	}
	if len(h.records) >= backlogFrom {
		select {
		case s.hub.backlog <- struct{}{}:
			defer func() { <-s.hub.backlog }()
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	within, cancel := context.WithTimeout(ctx, storeMax)
	defer cancel()
	have, err := s.hub.Store.Append(within, s.key.org, s.key.till, h.fork, h.records)
	if err != nil {
		return err
	}
	if h.fork == 0 {
		s.expect = have
	}
	if s.hub.cut(CutAfterCommit, s.key) {
		return errCut
	}
	return s.say(&wire.Ack{Have: have, Fork: h.fork})
}
