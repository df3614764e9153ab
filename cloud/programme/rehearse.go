package programme

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/kopilka/kopilka/ledger/loyalty"
	"github.com/kopilka/kopilka/ledger/sale"
)

const (
	rehearsePage    = 2000 // receipts handed to a worker at once: some megabytes
	rehearseWorkers = 2    // more only wait for the one reader
)

// Rehearse replays the receipts of a time against a draft of the programme, without changing anything.
// progress, which may be nil, hears from one goroutine at a time how many of how many are done. It ends early
// with ctx.
func (o *Office) Rehearse(ctx context.Context, org sale.OrgNo, draft *loyalty.Programme, from, to sale.Time, progress func(done, all int64)) (*loyalty.Rehearsal, error) {
	scene, err := o.scene(ctx, org)
	if err != nil {
		return nil, err
	}
	sum, err := loyalty.NewRehearsal(draft, scene)
	if err != nil {
		return nil, err
	}
	all, err := o.Store.SalesBetween(ctx, org, from, to)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	pages, parts := make(chan [][]byte), make([]*loyalty.Rehearsal, rehearseWorkers)
	var wg sync.WaitGroup
	for i := range parts {
		parts[i] = sum.Worker()
		wg.Go(func() {
			if err := replay(parts[i], pages); err != nil {
				cancel(err)
			}
		})
	}
	done := int64(0)
	err = o.Store.Replay(ctx, org, from, to, rehearsePage, func(bodies [][]byte) error {
		select {
		case pages <- bodies:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		if done += int64(len(bodies)); progress != nil {
			progress(done, all)
		}
		return nil
	})
	close(pages)
	wg.Wait()
	if failed := context.Cause(ctx); failed != nil {
		err = failed
	}
	if err != nil {
		return nil, fmt.Errorf("rehearse the programme: %w", err)
	}
	for _, p := range parts {
		sum.Merge(p)
	}
	return sum, nil
}

// replay adds pages up until there are no more; after a failure it only drains them.
func replay(into *loyalty.Rehearsal, pages <-chan [][]byte) (failed error) {
	for bodies := range pages {
		for _, b := range bodies {
			if failed != nil {
				break
			}
			r := new(sale.Record)
			if err := sale.Decode(b, r); err != nil { // checked when it was booked
				failed = fmt.Errorf("read a stored receipt: %w", err)
				break
			}
			into.Add(r)
		}
	}
	return failed
}

// scene is what stands beside the receipts: goods, segments and zones as they are now.
func (o *Office) scene(ctx context.Context, org sale.OrgNo) (loyalty.Scene, error) {
	goods, err := o.Store.Goods(ctx, org)
	if err != nil {
		return loyalty.Scene{}, err
	}
	segments, err := o.Store.Segments(ctx, org)
	if err != nil {
		return loyalty.Scene{}, err
	}
	r, err := o.rules(ctx, org)
	if err != nil {
		return loyalty.Scene{}, err
	}
	return loyalty.Scene{
		Product: func(sku sale.SKU) (sale.Product, bool) {
			if p := goods[sku]; p != nil {
				return *p, true
			}
			return sale.Product{}, false
		},
		Segment: func(no sale.CustomerNo) uint8 { return segments[no] },
		Zone:    func(store sale.StoreNo) *time.Location { return r.place(store).Zone },
	}, nil
}
