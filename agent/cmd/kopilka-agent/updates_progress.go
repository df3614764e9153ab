package main

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"time"

	"github.com/kopilka/kopilka/agent"
	"github.com/kopilka/kopilka/installer/slots"
	"github.com/kopilka/kopilka/sync/update"
	"github.com/kopilka/kopilka/sync/wire"
)

// progressLook is how soon head office hears of the next stage: a trial lasts for a minute.
const progressLook = 15 * time.Second

// progress is how far an update of this till has come, for head office. The disk is looked at by a goroutine of its
// own: what is told is in memory, and a slow disk keeps no status back.
type progress struct {
	layout  slots.Layout
	config  agent.Config
	own     func() *wire.UpdateStatus // the agent's part: what it downloads or has downloaded
	last    atomic.Pointer[wire.UpdateStatus]
	changed chan struct{} // one signal stands for all
}

func (p *Program) makeProgress() {
	p.progress = &progress{layout: updaterLayout(), config: p.config, changed: make(chan struct{}, 1), own: func() *wire.UpdateStatus {
		if p.updates == nil {
			return nil
		}
		return p.updates.stand.Load()
	}}
}

func (g *progress) run(ctx context.Context) {
	ticker := time.NewTicker(progressLook)
	defer ticker.Stop()
	for {
		g.look()
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

func (g *progress) look() {
	now, before := g.read(), g.last.Load()
	if now == before || now != nil && before != nil && *now == *before {
		return
	}
	g.last.Store(now)
	select {
	case g.changed <- struct{}{}:
	default:
	}
}

// read leaves out what the updater says where that cannot be read: the doctor tells whoever is at the till.
func (g *progress) read() *wire.UpdateStatus {
	own := g.own()
	v, about, err := versions(g.layout, g.config)
	if err != nil {
		return own
	}
	return updateOf(about, v, own)
}

// updateOf is the last update that the till has begun, from what the updater says and what the agent has come to; nil:
// none, or one that it runs for good. About is the version that the updater last spoke of.
func updateOf(about string, v agent.Versions, own *wire.UpdateStatus) *wire.UpdateStatus {
	if own != nil && own.Version == v.Current {
		own = nil
	}
	if about == "" && own != nil { // trouble of the updater itself keeps whatever is wanted from the till
		about = own.Version
	}
	switch {
	case v.Trial != "":
		return &wire.UpdateStatus{Version: v.Trial, State: wire.UpdateTrial}
	case own != nil && own.Version != about && own.Version != v.Failed: // newer than all that the updater has heard of
		return own
	case v.Trouble.EN != "" && about != "":
		return failedUpdate(about, v.Trouble)
	case v.Failed != "":
		return failedUpdate(v.Failed, v.Why)
	case v.Wanted != "":
		return &wire.UpdateStatus{Version: v.Wanted, State: wire.UpdateReady}
	}
	return own
}

func failedUpdate(version string, why agent.Text) *wire.UpdateStatus {
	return &wire.UpdateStatus{Version: version, State: wire.UpdateFailed, RU: short(why.RU), EN: short(why.EN)}
}

// short cuts between letters.
func short(s string) string {
	return strings.ToValidUTF8(s[:min(len(s), wire.UpdateTextMax)], "")
}

// recall is what the last check has left on the disk, until the first one since the start.
func (u *updating) recall() {
	if c, err := readCheck(u.folder); err == nil && c.Offered != "" && c.Offered != version {
		u.stand.Store(&wire.UpdateStatus{Version: c.Offered, State: wire.UpdateReady})
	}
}

// loading hears that a download begins.
func (u *updating) loading(v string) {
	u.stand.Store(&wire.UpdateStatus{Version: v, State: wire.UpdateLoading})
}

// come keeps what a check has come to. A line that is ill changes nothing: the download goes on at the next check.
func (u *updating) come(offer update.Offer, found bool, err error) {
	was := u.stand.Load()
	switch {
	case errors.Is(err, update.ErrNone), err == nil && !found:
		u.stand.Store(nil)
	case err == nil:
		u.stand.Store(&wire.UpdateStatus{Version: offer.Version, State: wire.UpdateReady})
	case was != nil && (errors.Is(err, update.ErrForged) || errors.Is(err, update.ErrSpace)):
		u.stand.Store(failedUpdate(was.Version, agent.Text(update.Explain(err))))
	}
}
