// Package update brings new versions of the till program from head office: what a release is, which till takes
// which version when, and the till's side of the signed repository (The Update Framework, github.com/theupdateframework).
//
// Nothing here installs. The agent downloads and verifies into its own folder and says what it wants; the
// privileged updater verifies all of it once more from those files, with a trust that the agent cannot write,
// and installs (installer/slots). A repository that is expired, unreachable or forged, or a wrong clock, stops
// updating and nothing else.
//
// What will bite: roles. The operator's offline keys sign root and targets (which programs exist); head office's
// online keys sign rollout (who takes which), snapshot and timestamp. A thief of head office's machine can hold
// versions back or hand out an older signed one within the rules of [Choose]; he cannot make a program for a till
// that has seen the repository before. One that has not believes whom the organisation's root vouches for.
package update

import "errors"

// Names within the repository, under head office's path [Base].
const (
	Base        = "/updates/"    // metadata/… and targets/… below it
	VouchFile   = "vouch"        // the organisation's word for the first root, see [Vouch]
	RolloutFile = "rollout.json" // the [Plan], a target of the delegated role [RolloutRole]
	RolloutRole = "rollout"

	AgentProgram = "kopilka-agent" // the one program that tills take
)

// Files in the agent's folder (Config.Data + "/updates").
const (
	Folder     = "updates"
	WantedFile = "wanted.json" // a [Wanted], written last and whole
	TrustFile  = "trust.json"  // the agent's own [Trust]; the updater's lies where the agent cannot write
)

// Errors that callers tell apart.
var (
	// ErrNone is returned where head office has no repository.
	ErrNone = errors.New("head office offers no updates")
	// ErrExpired is wrapped when the repository's word is out of date by this machine's clock.
	ErrExpired = errors.New("the update repository is out of date, or this machine's clock is wrong")
	// ErrForged is wrapped when something does not carry the signatures that it must.
	ErrForged = errors.New("the update is not signed as it must be")
	// ErrUnfit is wrapped when a release is for another system, or cannot be gone back from.
	ErrUnfit = errors.New("the update does not fit this till")
	// ErrStay is wrapped where the plan leaves a till with the version that it runs.
	ErrStay = errors.New("this till is to stay with the version that it runs")
	// ErrBusy is wrapped where other tills are downloading: what has come stays, the rest comes when asked again.
	ErrBusy = errors.New("head office serves other tills just now")
	// ErrSpace is wrapped where the disk has no room for a download.
	ErrSpace = errors.New("there is no room on the disk for the update")
)
