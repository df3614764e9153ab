package agent

import (
	"context"
	"time"

	"github.com/kopilka/kopilka/ledger/sale"
)

// findWait is how long head office is waited for: a buyer with a receipt in hand stands at the counter.
const findWait = 10 * time.Second

// Find asks head office for the sale of a fiscal document and the returns of it so far. An error says that
// it could not be asked, or does not know the sale either: the till that made it may be offline itself.
type Find func(ctx context.Context, doc sale.FiscalKey) (sold *sale.Record, returns []*sale.Record, err error)

// finder asks head office for sales beside the till's turns, one at a time; a newer question takes the
// place of one that waits.
type finder struct {
	find   Find
	wanted chan sale.FiscalKey
	found  chan foundSale
}

// foundSale is head office's answer.
type foundSale struct {
	doc     sale.FiscalKey
	sold    *sale.Record
	returns []*sale.Record
	err     error
}

func newFinder(find Find) *finder {
	return &finder{find: find, wanted: make(chan sale.FiscalKey, 1), found: make(chan foundSale)}
}

// ask never waits. Only the till's goroutine calls it.
func (f *finder) ask(doc sale.FiscalKey) {
	select {
	case <-f.wanted:
	default:
	}
	f.wanted <- doc
}

// run serves until ctx ends.
func (f *finder) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case doc := <-f.wanted:
			answer := f.answer(ctx, doc)
			select {
			case f.found <- answer:
			case <-ctx.Done():
				return
			}
		}
	}
}

func (f *finder) answer(ctx context.Context, doc sale.FiscalKey) foundSale {
	ctx, cancel := context.WithTimeout(ctx, findWait)
	defer cancel()
	a := foundSale{doc: doc}
	a.sold, a.returns, a.err = f.find(ctx, doc)
	return a
}
