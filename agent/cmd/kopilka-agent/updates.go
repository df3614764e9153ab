package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/kopilka/kopilka/agent"
	"github.com/kopilka/kopilka/sync/update"
	"github.com/kopilka/kopilka/sync/uplink"
	"github.com/kopilka/kopilka/sync/wire"
)

// When the till asks for updates, and how fast it takes them. All tills of a shop start at the same hour and share a
// line: they ask at different minutes, and never at the speed of the line.
const (
	updatesFirst  = time.Minute // and up to updatesSpread more, after the start
	updatesSpread = 9 * time.Minute
	updatesEvery  = time.Hour        // and up to updatesSpread more
	updatesAgain  = 10 * time.Minute // after a line that broke, and up to as much more
	updatesBusy   = time.Minute      // after others were served, and up to as much more
	updatesLook   = time.Minute
	updatesRate   = 256 << 10 // bytes a second: a program in two minutes, a tenth of a slow shop's line
)

// Files in the folder of updates, beside those of package update.
const (
	checkFile    = "check.json" // a [lastCheck]
	checkNowFile = "check-now"  // a person has asked for a check
)

// lastCheck is what people are told of the till's last question to head office.
type lastCheck struct {
	At      time.Time    `json:"at"`
	Offered string       `json:"offered,omitempty"` // a version
	Failure *update.Text `json:"failure,omitempty"`
	Detail  string       `json:"detail,omitempty"`
}

// updating asks head office for new versions, downloads them and tells the updater. It never touches the till.
type updating struct {
	client *update.Client
	folder string
	config agent.UpdatesConfig
	log    *slog.Logger
	local  func() time.Time // the store's

	offer *update.Offer // downloaded
	asked bool          // by a person, who is there: the hours do not count
	told  bool          // the updater, of the offer

	stand atomic.Pointer[wire.UpdateStatus] // what the offer has come to, for head office
}

func updateOptions(c agent.Config, id uplink.Identity, now func() time.Time) update.Options {
	return update.Options{
		URL: id.URL, HTTP: direct(0), Folder: filepath.Join(c.Data, update.Folder), OrgRoot: id.Root,
		Who: update.Who{Org: id.Org, Store: id.Store, Till: id.Till}, Running: version, OS: runtime.GOOS, Arch: runtime.GOARCH,
		Now: now, BytesPerSecond: updatesRate, Free: freeSpace,
	}
}

// makeUpdates prepares the questions for updates. A folder that cannot be used stops them, and not the till.
func (p *Program) makeUpdates(id uplink.Identity) {
	now := func() time.Time { at, _ := p.clock.Now(); return at.Time() }
	o := updateOptions(p.config, id, now)
	client, err := update.NewClient(o)
	if err != nil {
		p.log.Warn("this till takes no updates", "err", err)
		return
	}
	local := func() time.Time {
		s, err := p.ledger.Settings()
		if zone, bad := time.LoadLocation(s.Zone); err == nil && bad == nil {
			return now().In(zone)
		}
		return now()
	}
	p.updates = &updating{client: client, folder: o.Folder, config: p.config.Updates, log: p.log, local: local}
	client.Loading = p.updates.loading
}

func (u *updating) run(ctx context.Context) {
	u.forget()
	u.recall()
	next := time.Now().Add(updatesFirst + rand.N(updatesSpread))
	look := time.NewTicker(updatesLook)
	defer look.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-look.C:
		}
		if pause := u.look(ctx, !time.Now().Before(next)); pause > 0 {
			next = time.Now().Add(pause)
		}
	}
}

// look checks where it is time to or somebody asked, and has the updater know what holds now. It answers when to check
// again, zero where it did not check.
func (u *updating) look(ctx context.Context, due bool) (pause time.Duration) {
	byHand := os.Remove(filepath.Join(u.folder, checkNowFile)) == nil
	if byHand || (due && u.config.Auto) {
		u.asked = byHand
		pause = pauseAfter(u.check(ctx))
	}
	u.tell()
	return pause
}

// pauseAfter tells what asking soon again may heal from what it may not.
func pauseAfter(err error) time.Duration {
	switch {
	case errors.Is(err, update.ErrBusy):
		return updatesBusy + rand.N(updatesBusy)
	case err == nil, errors.Is(err, update.ErrNone), errors.Is(err, update.ErrForged), errors.Is(err, update.ErrExpired), errors.Is(err, update.ErrUnfit), errors.Is(err, update.ErrSpace):
		return updatesEvery + rand.N(updatesSpread)
	}
	return updatesAgain + rand.N(updatesAgain)
}

// forget takes back what has been done by the time that this version runs.
func (u *updating) forget() {
	if w, err := readWanted(u.folder); err == nil && w.Version == version {
		u.unwant()
	}
}

func (u *updating) check(ctx context.Context) error {
	offer, found, err := u.client.Check(ctx)
	if ctx.Err() != nil {
		return err
	}
	u.come(offer, found, err)
	c := lastCheck{At: time.Now().UTC().Truncate(time.Second)}
	switch {
	case errors.Is(err, update.ErrNone):
		u.log.Debug("no updates", "err", err)
	case err != nil:
		u.log.Warn("updates could not be had", "err", err)
		text := update.Explain(err)
		c.Failure, c.Detail = &text, err.Error()
	case found:
		u.log.Info("a new version is here", "version", offer.Version)
		c.Offered = offer.Version
	}
	if err == nil || errors.Is(err, update.ErrForged) || errors.Is(err, update.ErrNone) {
		u.offer, u.told = nil, false
		if found {
			u.offer = &offer
		}
	} // else what was downloaded before still stands: the line is ill, the program is not
	if err := writeCheck(u.folder, c); err != nil {
		u.log.Warn("the last check for updates is not written down", "err", err)
	}
	return err
}

// tell has the updater want the offer in its hours, and nothing else.
func (u *updating) tell() {
	wants := u.offer != nil && (u.asked || u.config.Within(u.local()))
	switch {
	case wants && !u.told:
		if err := u.client.Want(*u.offer); err != nil {
			u.log.Warn("the updater cannot be told", "err", err)
			return
		}
		u.told = true
	case !wants && u.config.Auto:
		u.told = false
		u.unwant()
	}
}

func (u *updating) unwant() {
	if err := u.client.Unwant(); err != nil {
		u.log.Warn("the updater cannot be told", "err", err)
	}
}

func readWanted(folder string) (update.Wanted, error) {
	b, err := os.ReadFile(filepath.Join(folder, update.WantedFile))
	if err != nil {
		return update.Wanted{}, err
	}
	return update.ParseWanted(b)
}

func writeCheck(folder string, c lastCheck) error {
	b, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		return err
	}
	file := filepath.Join(folder, checkFile)
	if err := os.WriteFile(file+".new", append(b, '\n'), 0o644); err != nil {
		return err
	}
	return os.Rename(file+".new", file)
}

// readCheck is the zero value where none was made.
func readCheck(folder string) (c lastCheck, err error) {
	b, err := os.ReadFile(filepath.Join(folder, checkFile))
	if errors.Is(err, fs.ErrNotExist) {
		return c, nil
	}
	if err == nil {
		err = json.Unmarshal(b, &c)
	}
	if err != nil {
		return c, fmt.Errorf("read the last check for updates: %w", err)
	}
	return c, nil
}

// health is the till's word for who updates it.
func (p *Program) health(ctx context.Context) (any, error) {
	h, err := p.till.Health(ctx)
	if err != nil {
		return nil, err
	}
	return update.Health{
		Version: version, Ledger: h.Ledger, HeadOffice: h.HeadOffice, Register: h.Register, Scanners: h.Scanners,
		Stage: string(h.Stage), Idle: h.Idle, HeldFor: h.HeldFor,
	}, nil
}
