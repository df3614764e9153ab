package page

import "github.com/kopilka/kopilka/ledger/sale"

// Rollout is which versions of the till program are published, and which till takes which.
type Rollout struct {
	RolloutPlan
	Versions []Published // newest first
	// OperatorUntil is when the first of the operator's signatures ends, Signed when head office last signed.
	OperatorUntil, Signed sale.Time
	Running               map[sale.TillNo]string // versions, by the tills' last word; empty: not known
	Wanted                map[sale.TillNo]string // versions due by the plan, by the tills that should take another; a pause leaves them due
}

// Published is a version that tills may be given.
type Published struct {
	Version string
	RU, EN  string   // what is new
	Systems []string // linux-amd64
	Added   sale.Time
	Tills   int // that run it
}

// RolloutPlan is who takes which version.
type RolloutPlan struct {
	Serial uint64
	Paused bool
	Steps  []RolloutStep
}

// RolloutStep offers one version to some tills.
type RolloutStep struct {
	Version  string
	Stores   []sale.StoreNo // none: all
	Share    sale.BasisPoints
	Back     bool // tills with a newer version return to this one
	NoReturn bool // also if it cannot be gone back from
	Tills    int  // that it is meant for
	Taken    int  // of these, that run it or, unless Back, a newer one
}

// TillUpdate is how far a till has come with an update.
type TillUpdate struct {
	Version string
	State   UpdateState
	RU, EN  string // why it failed
}

// UpdateState is a stage of an update, as tills report it.
type UpdateState uint8

// The stages.
const (
	UpdateLoading UpdateState = 1
	UpdateReady   UpdateState = 2
	UpdateTrial   UpdateState = 3
	UpdateFailed  UpdateState = 4
)
