// Package slots keeps several versions of the till program on a disk and moves between them so that a power cut at
// any moment leaves one that starts.
//
// A package brings one version (packaged), updates put others beside it (versions/1.3.0), and one of them is
// current: on Linux a link that one rename moves, which /usr/bin/kopilka-agent leads through; on Windows the path in
// the service's settings. A version is on trial until it has shown itself healthy; the one before it stays on the
// disk until then.
//
// What will bite: order. The trial is on disk before the switch, the switch before the start; so whoever wakes up
// after a power cut (the updater at boot) reads what was being done and finishes or undoes it.
package slots

import "path/filepath"

// Layout is where things are. The zero value is of no use; take [System], or folders of a test.
type Layout struct {
	Programs string // packaged/, versions/, current; only the system's administrator writes here
	State    string // the updater's own: trust.json, state.json, and status.json for everybody to read
	Data     string // the agent's folder; what is in there is not believed before it is verified
	Exe      string // ".exe" or nothing
}

// Names within a [Layout].
const (
	Packaged   = "packaged"
	Versions   = "versions"
	Current    = "current"
	Agent      = "kopilka-agent"
	TrustFile  = "trust.json"
	StateFile  = "state.json"
	StatusFile = "status.json"
)

// Program is the till program in a slot: "packaged" or "versions/1.3.0".
func (l Layout) Program(slot string) string {
	return filepath.Join(l.Programs, filepath.FromSlash(slot), Agent+l.Exe)
}
