package uplink

import (
	"context"
	"errors"
	"fmt"

	"github.com/kopilka/kopilka/ledger/sale"
	"github.com/kopilka/kopilka/sync/wire"
)

// heardDown applies changes of state and says so once they are on disk.
func (s *session) heardDown(ctx context.Context, d *wire.Down) error {
	applied := s.Ledger.Applied()
	switch {
	case s.revoked || s.filling:
		return nil // a revoked till believes nothing new; a fill brings a newer state than this
	case d.Refill:
		s.startFill(ctx)
		return nil
	case d.From > applied:
		return problem(CodeProtocol, "state from version %d on, this till has %d", d.From, applied)
	case d.To > applied:
		if err := s.apply(d); err != nil {
			return err
		}
		s.progress()
	}
	return s.push(&wire.DownAck{Version: s.Ledger.Applied()})
}

func (s *session) apply(d *wire.Down) error {
	changes, err := s.open(d.Changes)
	if err != nil {
		s.Logger.Error("a programme is not signed by our head office: not applied", "err", err, "version", d.To)
		s.publish(func(st *State) { st.Code = CodeProgramme })
	}
	if err := s.Ledger.Apply(d.To, changes); err != nil {
		code := CodeLedger
		if errors.Is(err, sale.ErrRecord) {
			code = CodeProtocol // head office sent what cannot be; the disk is well
		}
		return &Problem{Code: code, Err: fmt.Errorf("apply state up to version %d: %w", d.To, err)}
	}
	return nil
}

// open takes programmes out of their signatures. One that does not verify is left out, and the rest goes
// on: a forged programme must change no price, but neither may it keep leases and customers from coming.
func (s *session) open(changes []sale.Change) (out []sale.Change, err error) {
	out = make([]sale.Change, 0, len(changes))
	for _, c := range changes {
		if c.Kind == sale.ChangeProgramme && !c.Gone {
			body, e := wire.Verify(s.Identity.Root, c.Body, wire.RoleProgramme)
			if e != nil {
				err = errors.Join(err, fmt.Errorf("programme %x, version %d: %w", c.Key, c.Version, e))
				continue
			}
			c.Body = body
		}
		out = append(out, c)
	}
	return out, err
}
