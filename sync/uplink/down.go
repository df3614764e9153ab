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
	before := s.Ledger.SetAside()
	if err := s.Ledger.Apply(d.To, changes); err != nil {
		return &Problem{Code: CodeLedger, Err: fmt.Errorf("apply state up to version %d: %w", d.To, err)}
	}
	s.tellAside(before, s.Ledger.SetAside(), d.To)
	return nil
}

// tellAside says what the ledger left out. It is no reason to end the session: the rest is applied.
func (s *session) tellAside(before, now int, version uint64) {
	switch code := s.State().Code; {
	case now > before:
		s.Logger.Error("changes of head office could not be read: set aside", "now", now, "before", before, "version", version)
		s.publish(func(st *State) { st.Code = CodeAside })
	case now == 0 && code == CodeAside:
		s.publish(func(st *State) { st.Code = CodeNone })
	}
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
