package update

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"

	"golang.org/x/mod/semver"

	"github.com/kopilka/kopilka/ledger/sale"
)

// Plan is head office's roll-out: who takes which version. It is signed by head office's online key.
type Plan struct {
	Serial uint64 `json:"serial"` // grows with every change
	Paused bool   `json:"paused,omitempty"`
	Steps  []Step `json:"steps"`
}

// Step offers one version to some tills.
type Step struct {
	Version string         `json:"version"`
	Stores  []sale.StoreNo `json:"stores,omitempty"` // none: all
	Share   BasisPoints    `json:"share"`            // of these stores' tills
	// Back has tills that run a newer version return to this one.
	Back bool `json:"back,omitempty"`
	// NoReturn is head office's yes to a version that the one before could not read the ledger of.
	NoReturn bool `json:"no_return,omitempty"`
}

// BasisPoints are hundredths of a percent: 10000 is everybody.
type BasisPoints int

// Everybody is a whole share.
const Everybody BasisPoints = 10000

// Who is the till that asks.
type Who struct {
	Org   sale.OrgNo
	Store sale.StoreNo
	Till  sale.TillNo
}

// Choose is the step that this till should take, running version; found is false where it should stay. The newest
// version offered wins; a step back counts only where nothing newer is offered beside it.
func Choose(p Plan, who Who, running string) (step Step, found bool) {
	if p.Paused {
		return Step{}, false
	}
	for _, s := range p.Steps {
		if CheckVersion(s.Version) != nil || !s.covers(who) {
			continue
		}
		if !found || Newer(s.Version, step.Version) {
			step, found = s, true
		}
	}
	if !found || step.Version == running || (!step.Back && !Newer(step.Version, running)) {
		return Step{}, false
	}
	return step, true
}

// Newer tells whether version a is later than b. Anything is later than what is no version, as a build of a
// developer's is.
func Newer(a, b string) bool { return semver.Compare("v"+a, "v"+b) > 0 }

func (s Step) covers(who Who) bool {
	if len(s.Stores) > 0 && !slices.Contains(s.Stores, who.Store) {
		return false
	}
	return place(s.Version, who) < s.Share
}

// place is where a till stands in the queue for a version, the same whenever it is asked and another for each
// version, so that a share that grows keeps those it had and no till is always the first.
func place(version string, who Who) BasisPoints {
	sum := sha256.Sum256(fmt.Appendf(nil, "kopilka-rollout-v1 %s %d %d %d", version, who.Org, who.Store, who.Till))
	return BasisPoints(binary.BigEndian.Uint64(sum[:8]) % uint64(Everybody))
}

// Wanted is what the agent asks the updater to install: a verified program in its folder.
type Wanted struct {
	Program
	Step   Step   `json:"step"`
	File   string `json:"file"` // name under the agent's updates folder
	SHA256 string `json:"sha256"`
}
