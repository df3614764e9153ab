package update

// Health is what the till program says of itself at GET /health on its own page's address. The updater takes it
// before it installs, and holds the new version against it.
type Health struct {
	Version    string          `json:"version"`
	Ledger     bool            `json:"ledger"`      // open, its tail verified
	HeadOffice bool            `json:"head_office"` // in session
	Register   bool            `json:"register"`    // answers; true as well for a till that has none
	Scanners   map[string]bool `json:"scanners"`    // by name: there
	Stage      string          `json:"stage"`       // the cashier's page, for people
	Idle       bool            `json:"idle"`        // nothing in the basket, no fiscal job, quiet for long enough
	HeldFor    int             `json:"held_for"`    // seconds that no sale may begin, for an update
}

// Worse names what was well before and is not now; empty when h is at least as well.
func (h Health) Worse(before Health) []Text {
	var out []Text
	say := func(was, is bool, ru, en string) {
		if was && !is {
			out = append(out, Text{RU: ru, EN: en})
		}
	}
	say(true, h.Ledger, "журнал не открылся", "the ledger did not open")
	say(before.Register, h.Register, "касса не отвечает", "the register does not answer")
	say(before.HeadOffice, h.HeadOffice, "нет связи с офисом", "no session with head office")
	for name, there := range before.Scanners {
		say(there, h.Scanners[name], "нет сканера "+name, "scanner "+name+" is gone")
	}
	return out
}
