package uplink

import (
	"crypto/ed25519"
	"fmt"

	"github.com/kopilka/kopilka/ledger/sale"
	"github.com/kopilka/kopilka/sync/wire"
)

// outbox walks the journal from where head office's copy ends. It does no I/O but the journal's.
//
// After a fork (this ledger came out of an old image, and a new epoch was opened for it) the records of
// older epochs that head office has not acknowledged go first, marked with the new epoch, and are booked
// there beside what head office already holds under the same numbers.
type outbox struct {
	identity Identity
	journal  Journal
	window   int

	given  sale.Position   // end of the newest batch made
	acked  sale.Position   // what head office holds
	flight []sale.Position // ends of batches without an acknowledgement, in order
	fork   uint32          // epoch opened since; zero: no fork
	until  uint32          // records of epochs up to this one are the fork's
	frame  []byte          // the batch made and not yet taken by the writer
	end    sale.Position   // its end
}

// meet finds where this journal and head office's copy part. errAgain tells that a new epoch was opened.
func (o *outbox) meet(have sale.Position) error {
	if have.Epoch == 0 {
		o.given = sale.Position{Epoch: 1}
		o.acked = o.given
		return nil
	}
	hash, found, err := o.journal.Find(have.Epoch, have.Seq)
	if err != nil {
		return &Problem{Code: CodeLedger, Err: fmt.Errorf("look up record %d/%d: %w", have.Epoch, have.Seq, err)}
	}
	head := o.journal.Head()
	switch {
	case found && hash == have.Head:
		o.given, o.acked = have, have
		return o.confirm(have)
	case have.Epoch >= head.Epoch:
		if err := o.journal.OpenEpoch("restored", have); err != nil {
			return &Problem{Code: CodeLedger, Err: fmt.Errorf("open an epoch after %d/%d: %w", have.Epoch, have.Seq, err)}
		}
		return errAgain
	}
	o.fork, o.until = head.Epoch, have.Epoch
	o.given = o.journal.Acked()
	if o.given.Epoch > have.Epoch {
		// Head office lost, in a restore of its own, what it had acknowledged of the fork: all of that epoch again.
		o.given = sale.Position{Epoch: have.Epoch}
	}
	o.acked = o.given
	return nil
}

func (o *outbox) confirm(have sale.Position) error {
	if err := o.journal.Confirm(have); err != nil {
		return &Problem{Code: CodeLedger, Err: fmt.Errorf("confirm records up to %d/%d: %w", have.Epoch, have.Seq, err)}
	}
	return nil
}

// next is the next batch's frame, the same until sent is called; nil when the window is full or nothing
// is left.
func (o *outbox) next() ([]byte, error) {
	if o.frame != nil || len(o.flight) >= o.window {
		return o.frame, nil
	}
	entries, err := o.read()
	if err != nil || len(entries) == 0 {
		return nil, err
	}
	b, err := o.batch(entries)
	if err != nil {
		return nil, err
	}
	o.end = sale.Position{Epoch: b.Epoch, Seq: b.From + uint64(b.Count) - 1, Head: b.Head}
	if o.frame, err = wire.Marshal(b); err != nil {
		return nil, &Problem{Code: CodeJournal, Err: err}
	}
	return o.frame, nil
}

func (o *outbox) sent() {
	o.given, o.frame = o.end, nil
	o.flight = append(o.flight, o.end)
}

// read is the records after the last ones given, going on into later epochs.
func (o *outbox) read() ([]sale.Entry, error) {
	for {
		entries, err := o.journal.Since(o.given, wire.BatchRecordsMax, wire.BatchBytesMax)
		if err != nil {
			return nil, &Problem{Code: CodeLedger, Err: fmt.Errorf("read records after %d/%d: %w", o.given.Epoch, o.given.Seq, err)}
		}
		if len(entries) > 0 || o.given.Epoch >= o.journal.Head().Epoch {
			return entries, nil
		}
		o.given = sale.Position{Epoch: o.given.Epoch + 1}
	}
}

// batch packs and signs records. That they follow the ones before is checked here, before they are sent:
// a gap means that the ledger no longer keeps what head office lacks.
func (o *outbox) batch(entries []sale.Entry) (*wire.Batch, error) {
	first, err := sale.DecodeRecord(entries[0].Record)
	if err != nil {
		return nil, &Problem{Code: CodeLedger, Err: err}
	}
	if first.Epoch != o.given.Epoch || first.Seq != o.given.Seq+1 || first.Prev != o.given.Head {
		return nil, problem(CodeJournal, "record %d/%d where %d/%d was due: %w",
			first.Epoch, first.Seq, o.given.Epoch, o.given.Seq+1, wire.ErrChain)
	}
	payload, err := wire.PackEntries(entries)
	if err != nil {
		return nil, &Problem{Code: CodeLedger, Err: err}
	}
	b := &wire.Batch{
		Epoch: first.Epoch, From: first.Seq, Count: len(entries), Payload: payload,
		Head: sale.HashOf(entries[len(entries)-1].Record),
	}
	if first.Epoch <= o.until {
		b.Fork = o.fork
	}
	b.Signature = ed25519.Sign(o.identity.Key, wire.BatchBytes(o.identity.Org, o.identity.Till, b))
	return b, nil
}

// ack takes an acknowledgement. One that is older than what is known changes nothing; one for records
// that were never sent, or whose hash is not theirs, ends the session.
func (o *outbox) ack(a *wire.Ack) (moved bool, err error) {
	have := a.Have
	if !after(have, o.acked) {
		return false, nil
	}
	if after(have, o.lastSent()) {
		return false, problem(CodeProtocol, "record %d/%d acknowledged and never sent", have.Epoch, have.Seq)
	}
	hash, found, err := o.journal.Find(have.Epoch, have.Seq)
	if err != nil {
		return false, &Problem{Code: CodeLedger, Err: fmt.Errorf("look up record %d/%d: %w", have.Epoch, have.Seq, err)}
	}
	if !found || hash != have.Head {
		return false, problem(CodeJournal, "acknowledged record %d/%d as %s, here it is %s: %w",
			have.Epoch, have.Seq, have.Head.Short(), hash.Short(), wire.ErrChain)
	}
	if err := o.confirm(have); err != nil {
		return false, err
	}
	o.acked = have
	for len(o.flight) > 0 && !after(o.flight[0], have) {
		o.flight = o.flight[1:]
	}
	return true, nil
}

// lastSent is the end of the newest batch that the writer took.
func (o *outbox) lastSent() sale.Position {
	if n := len(o.flight); n > 0 {
		return o.flight[n-1]
	}
	return o.acked
}

// after tells whether a comes after b in a till's journal.
func after(a, b sale.Position) bool {
	return a.Epoch > b.Epoch || (a.Epoch == b.Epoch && a.Seq > b.Seq)
}
