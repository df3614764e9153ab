package loyalty

import (
	"time"

	"github.com/kopilka/kopilka/ledger/sale"
)

// Holding is a lot as head office has it.
type Holding struct {
	Lot       sale.Lot
	Remaining sale.Points
	Leased    sale.Points // of it, at tills
	Times     int         // that some of it was taken off the books before
}

// ExpiredBefore is the moment before which a lot must have expired to be taken off the books now: the grace
// lets a till that was without a line hand in what it spent in time. A nil programme gives no grace.
func (p *Programme) ExpiredBefore(now sale.Time) sale.Time {
	if p == nil {
		return now
	}
	return now.Add(-time.Duration(p.GraceDays) * 24 * time.Hour)
}

// Expire tells what of each lot to take off the books now. What is leased stays until its till has handed
// it back, since a spend may be on its way; held lists the lots of which some is. Nothing is ever taken
// twice: what is taken leaves the lot, so the balance stays the sum of its lots.
func (p *Programme) Expire(lots []Holding, now sale.Time) (take []sale.LotAmount, held []sale.ID) {
	before := p.ExpiredBefore(now)
	for _, h := range lots {
		if h.Lot.ExpiresAt == 0 || h.Lot.ExpiresAt > before || h.Remaining <= 0 {
			continue
		}
		if free := h.Remaining - max(0, h.Leased); free > 0 {
			take = append(take, sale.LotAmount{Lot: h.Lot.ID, Amount: free})
		}
		if h.Leased > 0 {
			held = append(held, h.Lot.ID)
		}
	}
	return take, held
}
