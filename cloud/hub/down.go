package hub

import (
	"context"

	"github.com/kopilka/kopilka/sync/wire"
)

// pushDown sends what is new, a few messages ahead of the till's acknowledgements.
func (s *session) pushDown(ctx context.Context) error {
	key, revoked, err := s.hub.Store.TillKey(ctx, s.key.org, s.key.till)
	if err != nil {
		return err
	}
	if revoked != s.revoked || !s.pub.Equal(key) { // another machine may have been enrolled in its place
		return &wire.Bye{Code: wire.ByeBusy, Text: "this till's standing has changed: say hello again", RetryAfter: retryMin.Milliseconds()}
	}
	for s.more && !s.revoked && !s.refill && len(s.flying) < downsMax {
		changes, to, last, err := s.hub.Store.Changes(ctx, s.key.org, s.key.till, s.down, s.snapshot, wire.DownChangesMax, wire.DownBytesMax)
		if err != nil {
			return err
		}
		s.more, s.asked = !last, s.asked && !last
		if to == s.down {
			return nil
		}
		if s.hub.cut(CutBeforeDown, s.key) {
			return errCut
		}
		if err := s.say(&wire.Down{From: s.down, To: to, Changes: changes, Last: last}); err != nil {
			return err
		}
		s.down, s.flying = to, append(s.flying, to)
	}
	return nil
}

func (s *session) hearDownAck(ctx context.Context, a *wire.DownAck) error {
	if len(s.flying) == 0 {
		return nil
	}
	for len(s.flying) > 0 && s.flying[0] <= a.Version {
		s.flying = s.flying[1:]
	}
	if now := s.hub.Now(); now.Sub(s.noted) >= noteEvery {
		s.noted = now
		return s.hub.Store.SaveDown(ctx, s.key.org, s.key.till, a.Version)
	}
	return nil
}
