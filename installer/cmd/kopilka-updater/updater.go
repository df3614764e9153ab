package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"runtime"
	"time"

	"github.com/kopilka/kopilka/installer"
	"github.com/kopilka/kopilka/installer/slots"
	"github.com/kopilka/kopilka/sync/update"
)

// service is the till program's service.
type service interface {
	Start(context.Context) error // waits until it says that it is ready; nothing where it runs
	Stop(context.Context) error  // waits until it is gone
	Status(context.Context) (installer.Status, error)
}

// till is the running program.
type till interface {
	health(context.Context) (update.Health, error)
	hold(context.Context) error
	free(context.Context) error
}

// pace is how long the updater waits for what.
type pace struct {
	poll       time.Duration // between two looks at a version on trial
	healthyFor time.Duration // without a break, for a version to stay
	trialMax   time.Duration // until then it must have begun to be well
	startMax   time.Duration // for a new version to answer at all; a ledger's tail is verified first
	holdEvery  time.Duration // between two questions whether somebody is at the till
	holdMax    time.Duration // of such questions in one run; the timer brings the next run
	busyMax    time.Duration // for a sale to end before the way back; a till that is stuck in one must not stay ill
	laterAfter time.Duration // until a version that lost head office is tried again
}

var usual = pace{
	poll: 2 * time.Second, healthyFor: time.Minute, trialMax: 10 * time.Minute, startMax: 3 * time.Minute,
	holdEvery: 15 * time.Second, holdMax: 30 * time.Minute, busyMax: 30 * time.Minute, laterAfter: time.Hour,
}

const (
	crashesMax = 3 // restarts by the service manager within a trial
	wakesMax   = 3 // times that a trial is found on the disk after the machine or the updater went down
	triesMax   = 3 // of a version that loses head office
)

// candidate is a program that was verified.
type candidate struct {
	update.Wanted
	path string
}

// updater takes one version after the other. Its fields are the world.
type updater struct {
	slots   *slots.Slots
	service service
	till    func() (till, error)
	asked   func() (version string, err error) // by the agent; a claim
	verify  func(running string, now time.Time) (candidate, error)
	about   func(ctx context.Context, program string) (update.Program, error)
	pace    pace
	log     *slog.Logger
}

// apply ends what was begun and takes what is wanted. An update that cannot be is no failure of the updater: it is
// said in the status.
func (u *updater) apply(ctx context.Context) error {
	if err := u.resume(ctx); err != nil {
		return u.tell("", err)
	}
	wanted, err := u.asked()
	if errors.Is(err, fs.ErrNotExist) {
		return u.tell("", u.unwanted(ctx))
	}
	if err == nil {
		err = u.take(ctx, wanted)
	}
	return u.tell(wanted, err)
}

// unwanted clears away what waited for its turn and was taken back.
func (u *updater) unwanted(ctx context.Context) error {
	was, err := u.slots.Discard(ctx)
	if err != nil || was == "" && !u.mended() {
		return err
	}
	u.say(was, reasonStay)
	return u.slots.Prune(ctx)
}

// mended tells that the last word was of trouble with no version's name on it, and that this run came without it as far
// as an updater comes that is asked for nothing: nobody else would take that word back.
func (u *updater) mended() bool {
	said, err := u.slots.Published()
	return err == nil && said.Wanted == "" && !said.Says.Well()
}

// tell publishes and logs why an update does not go on.
func (u *updater) tell(version string, err error) error {
	if err == nil || errors.Is(err, slots.ErrOver) || errors.Is(err, context.Canceled) {
		return nil
	}
	why := explain(err)
	u.log.Warn("no update", "version", version, "why", why.Code, "says", why.EN, "err", err)
	published := u.slots.Publish(version, why)
	var r refusal
	if errors.As(err, &r) {
		return published
	}
	return errors.Join(err, published)
}

// say publishes what is being done. A status that cannot be written stops nothing.
func (u *updater) say(version string, r slots.Reason) {
	u.log.Info("update", "version", version, "what", r.Code, "says", r.EN)
	if err := u.slots.Publish(version, r); err != nil {
		u.log.Warn("no status", "err", err)
	}
}

// take is one update: look whether it fits, put it beside the others, wait for the customers, try it.
func (u *updater) take(ctx context.Context, wanted string) error {
	st, slot, err := u.slots.View()
	if err != nil {
		return err
	}
	current := u.current(ctx, st, slot)
	if wanted == current.Version {
		return u.arrived(wanted)
	}
	if err := u.allowed(wanted, st); err != nil {
		return err
	}
	c, err := u.verify(current.Version, u.slots.Now())
	if errors.Is(err, update.ErrStay) || errors.Is(err, update.ErrNone) {
		return refusal{reasonStay, err}
	}
	if err != nil {
		return err
	}
	if err := u.allowed(c.Version, st); err != nil { // by its true name
		return err
	}
	t, err := u.fit(c, current)
	if err != nil {
		return err
	}
	if err := u.slots.Prune(ctx); err != nil {
		return err
	}
	if err := u.place(ctx, c); err != nil {
		return err
	}
	before, empty, err := u.before(ctx)
	if err != nil {
		return err
	}
	if !empty {
		if err := u.hold(ctx, c.Version); err != nil {
			return err
		}
	}
	if t.Before, err = json.Marshal(before); err != nil {
		return fmt.Errorf("keep the till's health: %w", err)
	}
	return u.try(ctx, t)
}

// current is the program that runs; where it cannot say what it is, it reads no ledger but its own.
func (u *updater) current(ctx context.Context, st slots.State, slot string) update.Program {
	p, err := u.about(ctx, u.slots.Layout.Program(slot))
	if err != nil {
		u.log.Warn("the current program does not say what it is", "err", err)
		return update.Program{Version: st.VersionOf(slot)}
	}
	return p
}

// arrived says once that the wanted version is the current one, unless something better is said already.
func (u *updater) arrived(version string) error {
	if said, err := u.slots.Published(); err == nil && said.Version == version && said.Stage == slots.Idle {
		return nil
	}
	return u.slots.Publish(version, reasonDone(version))
}

// allowed refuses what is held against a version, before anything of it is read.
func (u *updater) allowed(version string, st slots.State) error {
	v, held := st.Verdicts[version]
	if !held {
		return nil
	}
	if v.Bad {
		return refusal{why: reasonHeld(version, v)}
	}
	if wait := v.At.Add(u.pace.laterAfter).Sub(u.slots.Now()); wait > 0 && wait <= u.pace.laterAfter { // else the clock was set since
		return refusal{why: reasonLater(version, v)}
	}
	return nil
}

// fit looks at all that can be known before anything is touched.
func (u *updater) fit(c candidate, current update.Program) (slots.Trial, error) {
	no := func(why slots.Reason) (slots.Trial, error) { return slots.Trial{}, refusal{why: why} }
	if err := update.CheckVersion(c.Version); err != nil {
		return slots.Trial{}, err
	}
	back := current.Ledger.Reads >= c.Ledger.Writes
	switch {
	case c.Name != slots.Agent || c.OS != runtime.GOOS || c.Arch != runtime.GOARCH:
		return no(reasonMachine(c.Program))
	case !update.Newer(c.Version, current.Version) && !c.Step.Back:
		return no(reasonOlder(c.Version, current.Version))
	case c.Ledger.Reads < current.Ledger.Writes:
		return no(reasonUnread(c.Version, current.Version))
	case !back && !c.Step.NoReturn:
		return no(reasonOneWay(c.Version, current.Version))
	}
	return slots.Trial{Version: c.Version, To: slots.SlotOf(c.Version), NoReturn: !back}, nil
}

// place copies from the updater's own folder; the copy there has served its purpose then.
func (u *updater) place(ctx context.Context, c candidate) (err error) {
	f, err := os.Open(c.path)
	if err != nil {
		return fmt.Errorf("open the new version: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close(), os.Remove(c.path)) }()
	info, err := f.Stat()
	if err != nil {
		return fmt.Errorf("open the new version: %w", err)
	}
	return u.slots.Place(ctx, c.Version, f, info.Size(), c.SHA256)
}

// before is the till's health; empty tells that nobody can be at the till, since its program fails to start.
func (u *updater) before(ctx context.Context) (h update.Health, empty bool, err error) {
	t, err := u.till()
	if err != nil {
		return h, false, err
	}
	if h, err = t.health(ctx); err == nil {
		return h, false, nil
	}
	st, asked := u.service.Status(ctx)
	switch {
	case asked != nil:
		return h, false, errors.Join(err, asked)
	case st.NoManager:
		return h, false, installer.ErrNoManager
	case !st.Installed:
		return h, false, installer.ErrNotInstalled
	case st.Restarts > 0: // an update may be what heals it
		return update.Health{}, true, nil
	case st.Running:
		return h, false, refusal{reasonHung, err}
	}
	return h, false, refusal{reasonOff, err}
}

// hold waits for the moment when nobody is at the till, for as long as one run may.
func (u *updater) hold(ctx context.Context, version string) error {
	t, err := u.till()
	if err != nil {
		return err
	}
	began, said := time.Now(), false
	for {
		err := t.hold(ctx)
		if !errors.Is(err, errBusy) {
			return err
		}
		if !said {
			u.say(version, reasonBusy)
			said = true
		}
		if time.Since(began) >= u.pace.holdMax {
			return refusal{reasonBusy, err}
		}
		if err := wait(ctx, u.pace.holdEvery); err != nil {
			return err
		}
		if now, err := u.asked(); err != nil || now != version { // head office has paused it, or its hours are over
			return refusal{reasonStay, err}
		}
	}
}

func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
