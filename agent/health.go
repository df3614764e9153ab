package agent

import "context"

// Health is how well the till is, for who decides whether a new version may stay.
type Health struct {
	Ledger     bool
	HeadOffice bool
	Register   bool // true as well where there is none
	Scanners   map[string]bool
	Stage      Stage
	Idle       bool // may be held now
	HeldFor    int  // seconds
}

// Health asks the till itself, so that an answer also shows that it is not stuck.
func (t *Till) Health(ctx context.Context) (h Health, err error) {
	err = t.turn(ctx, func() error { h = t.health(); return nil })
	return h, err
}

func (t *Till) health() Health {
	_, unread := t.ledger.Unfinished()
	_, busy := t.occupied()
	h := Health{
		Ledger: unread == nil, HeadOffice: t.desk.network.Online, Register: t.noRegister() || t.desk.register.online,
		Scanners: map[string]bool{}, Stage: t.desk.stage, Idle: !busy, HeldFor: t.holdLeft(),
	}
	for _, s := range t.desk.scanners {
		h.Scanners[s.Name] = s.Online
	}
	return h
}
