package capture

import (
	"encoding/json"
	"slices"
)

// polls keep a printer's status, which is read every few seconds, out of the file until it is another one: the file
// then tells of days and not of hours.
type polls struct {
	running bool
	now     []Entry
	last    string // what the poll before came to; empty: anything else was done since
}

// begin is a call's; poll tells whether it is one of these.
func (p *polls) begin(poll bool) {
	p.running, p.now = poll, nil
	if !poll {
		p.last = ""
	}
}

// keep takes an entry of a poll that runs.
func (p *polls) keep(e Entry) bool {
	if p.running {
		p.now = append(p.now, e)
	}
	return p.running
}

// end is what a poll leaves to be written: nothing, where it went as the one before.
func (p *polls) end() []Entry {
	if !p.running {
		return nil
	}
	all := p.now
	p.running, p.now = false, nil
	plain := slices.Clone(all)
	for i := range plain {
		plain[i].At = 0
	}
	b, err := json.Marshal(plain)
	if err == nil && string(b) == p.last {
		return nil
	}
	p.last = string(b)
	return all
}
