package main

import (
	"context"
	"time"

	"github.com/kopilka/kopilka/agent"
)

const (
	// ledgerLook is how often a till looks whether its ledger has stopped, and then whether there is room again.
	ledgerLook = 5 * time.Second
	// ledgerLast is how long the program lasts at least when its ledger stops: a dying disk must not take the page away
	// again and again before anybody has read it.
	ledgerLast = 30 * time.Second
)

// patience are [ledgerLook] and [ledgerLast]; tests have less.
type patience struct{ look, last time.Duration }

// mindLedger ends the program when its ledger has stopped, so that the service manager starts it anew: what a failed
// write has left on the disk is known only after opening. A full disk would stop the new one as well, so the end waits
// for room. A receipt that is being printed is seen through, as at every end; a basket could not be paid any more.
func (p *Program) mindLedger(ctx context.Context, end context.CancelCauseFunc) {
	begun, said := time.Now(), false
	ticker := time.NewTicker(p.patience.look)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		cause := p.ledger.Failed()
		if cause == nil {
			continue
		}
		if !said {
			said = true
			p.log.Error("the ledger has stopped and the till does not sell; it starts anew by itself when there is room on the disk", "err", cause, "room", agent.RoomMin)
		}
		free, err := freeSpace(p.config.Data)
		if time.Since(begun) >= p.patience.last && (err != nil || free >= agent.RoomMin) {
			end(cause)
			return
		}
	}
}
