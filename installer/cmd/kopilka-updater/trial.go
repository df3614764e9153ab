package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/kopilka/kopilka/installer/slots"
	"github.com/kopilka/kopilka/sync/update"
)

// resume ends what an updater before this one was doing when it, or the machine, went down.
func (u *updater) resume(ctx context.Context) error {
	if mended, err := u.slots.Mend(ctx); err != nil || mended {
		if err != nil {
			return err
		}
		u.start(ctx)
	}
	st, slot, err := u.slots.View()
	switch {
	case err != nil || st.Trial == nil:
		return err
	case st.Stage == slots.GoBack:
		return u.back(ctx, *st.Trial)
	case slot != st.Trial.To: // the cut came before the switch, or a package was faster
		return u.undo(ctx, *st.Trial)
	}
	t := *st.Trial
	if err := u.slots.Wake(ctx, t.Version); err != nil {
		return err
	}
	if t.Wakes++; t.Wakes > wakesMax {
		return u.fail(ctx, t, reasonWakes, false)
	}
	return u.watch(ctx, t, u.left(t))
}

// left is what remains of a trial by the wall clock, the only one that goes on while a machine is off. A clock that
// says what cannot be has the version judged as soon as it can answer.
func (u *updater) left(t slots.Trial) time.Duration {
	left := t.Deadline.Sub(u.slots.Now())
	if left <= 0 || left > u.pace.trialMax {
		return u.pace.startMax
	}
	return max(left, u.pace.startMax)
}

// try is the short time without a program. The order is what makes a cut harmless.
func (u *updater) try(ctx context.Context, t slots.Trial) error {
	t.Began = u.slots.Now().UTC()
	t.Deadline = t.Began.Add(u.pace.trialMax)
	if err := u.slots.Begin(ctx, t); err != nil {
		return err
	}
	u.say(t.Version, reasonTrial(t.Version))
	whole := context.WithoutCancel(ctx)      // whoever stops the updater now would leave a till without a program
	if err := u.swap(whole, t); err != nil { // still the old version
		return errors.Join(err, u.undo(whole, t))
	}
	return u.watch(ctx, t, u.pace.trialMax)
}

func (u *updater) swap(ctx context.Context, t slots.Trial) error {
	if err := u.service.Stop(ctx); err != nil {
		return fmt.Errorf("stop the till program: %w", err)
	}
	at, err := u.till()
	if err != nil {
		return err
	}
	if err := at.free(ctx); err != nil {
		return err
	}
	return u.slots.Try(ctx, t.Version)
}

// undo starts the till before it forgets why it is stopped.
func (u *updater) undo(ctx context.Context, t slots.Trial) error {
	u.start(ctx)
	err := u.slots.Forget(ctx, t.Version)
	if errors.Is(err, slots.ErrOver) {
		return nil
	}
	return err
}

// start tries a few times; then it is the service manager's.
func (u *updater) start(ctx context.Context) {
	for range crashesMax {
		if u.startOnce(ctx) || wait(ctx, u.pace.poll) != nil {
			return
		}
	}
}

// startOnce is done even if the updater is being stopped: it may have stopped the till.
func (u *updater) startOnce(ctx context.Context) (up bool) {
	err := u.service.Start(context.WithoutCancel(ctx))
	if err != nil {
		u.log.Warn("the till program does not start", "err", err)
	}
	return err == nil
}

// look is one look at a version on trial.
type look struct {
	well  bool
	why   slots.Reason // where it is not
	later bool         // it is not the version's fault, most likely
	lost  bool         // no use in waiting longer
	mute  bool
}

// watch starts the version and waits until it has been well for long enough, or may not be waited for any longer.
func (u *updater) watch(ctx context.Context, t slots.Trial, most time.Duration) error {
	var before update.Health
	if err := json.Unmarshal(t.Before, &before); err != nil {
		return fmt.Errorf("read the till's health before the trial: %w: %w", slots.ErrState, err)
	}
	began := time.Now()
	heard, well := began, time.Time{}
	for starts, up := 0, false; ; {
		if !up {
			up = u.startOnce(ctx)
			starts++
		}
		if over, err := u.overtaken(ctx, t); over || err != nil {
			return err
		}
		l := u.look(ctx, t, before)
		if l.mute && !up && starts >= crashesMax {
			l.lost, l.why = true, reasonCrash
		}
		now := time.Now()
		switch {
		case !l.well:
			well = time.Time{}
		case well.IsZero():
			well = now
		}
		if !l.mute {
			heard = now
		}
		switch {
		case l.well && now.Sub(well) >= u.pace.healthyFor:
			return u.commit(ctx, t, reasonDone(t.Version))
		case l.lost, l.mute && now.Sub(heard) >= u.pace.startMax, !l.well && now.Sub(began) >= most:
			return u.fail(ctx, t, l.why, l.later)
		}
		if err := wait(ctx, u.pace.poll); err != nil {
			return err
		}
	}
}

// overtaken goes along with a person or a package that was faster.
func (u *updater) overtaken(ctx context.Context, t slots.Trial) (bool, error) {
	st, err := u.slots.Peek()
	switch {
	case err != nil:
		return false, err
	case st.Trial == nil || st.Trial.Version != t.Version:
		return true, nil
	case st.Stage == slots.GoBack:
		return true, u.back(ctx, *st.Trial)
	}
	return false, nil
}

func (u *updater) look(ctx context.Context, t slots.Trial, before update.Health) look {
	at, err := u.till()
	if err != nil {
		return look{why: explain(err), mute: true, later: true}
	}
	h, err := at.health(ctx)
	switch {
	case errors.Is(err, errStranger):
		return look{why: reasonPort, mute: true, later: true}
	case err != nil:
		if st, err := u.service.Status(ctx); err == nil && st.Restarts >= crashesMax {
			return look{why: reasonCrash, lost: true}
		}
		return look{why: reasonMute, mute: true}
	case h.Version != t.Version:
		return look{why: reason("other", "отвечает другая версия: "+h.Version, "another version answers: "+h.Version)}
	}
	worse := h.Worse(before)
	if len(worse) == 0 {
		return look{well: true}
	}
	reached := h
	reached.HeadOffice = true
	return look{why: reasonWorse(worse), later: len(reached.Worse(before)) == 0}
}

func (u *updater) commit(ctx context.Context, t slots.Trial, said slots.Reason) error {
	err := u.slots.Commit(ctx, t.Version, func(v string) bool { return update.Newer(v, t.Version) })
	if err != nil {
		return err
	}
	u.say(t.Version, said)
	return u.slots.Prune(ctx)
}

// fail goes back, where there is a way.
func (u *updater) fail(ctx context.Context, t slots.Trial, why slots.Reason, later bool) error {
	if t.NoReturn {
		return u.commit(ctx, t, reasonIll(t.Version, why))
	}
	if err := u.slots.Return(ctx, t.Version, why, later); err != nil {
		return err
	}
	t.Why = why
	return u.back(ctx, t)
}

// back is on the disk as decided; it makes the version before current again, between customers.
func (u *updater) back(ctx context.Context, t slots.Trial) error {
	u.say(t.Version, reasonReturning(t.Version, t.Why))
	_, slot, err := u.slots.View()
	if err != nil {
		return err
	}
	ill := slot == t.To || u.runs(ctx, t.Version) // else only the end is to be written down, and customers may be there
	if ill {
		if err := u.vacate(ctx, t); err != nil {
			return err
		}
		ctx = context.WithoutCancel(ctx) // as on the way there
		if err := u.exchange(ctx, t); err != nil {
			return err
		}
	}
	u.start(ctx)
	if err := u.slots.Returned(ctx, t.Version, triesMax); err != nil {
		return err
	}
	u.say(t.Version, reasonReturned(t.Version, t.Why))
	return u.slots.Prune(ctx)
}

// exchange has the version before be current, and the till stopped.
func (u *updater) exchange(ctx context.Context, t slots.Trial) error {
	if err := u.service.Stop(ctx); err != nil {
		return fmt.Errorf("stop the till program: %w", err)
	}
	err := u.slots.Back(ctx, t.Version)
	if err != nil {
		u.start(ctx)
	}
	return err
}

// runs tells whether this version answers.
func (u *updater) runs(ctx context.Context, version string) bool {
	at, err := u.till()
	if err != nil {
		return false
	}
	h, err := at.health(ctx)
	return err == nil && h.Version == version
}

// vacate waits for the end of a sale with a version that is ill but sells. What a till that is stuck has begun is
// ended by the version before, as after a power cut.
func (u *updater) vacate(ctx context.Context, t slots.Trial) error {
	at, err := u.till()
	if err != nil {
		return nil //nolint:nilerr // without an address nobody can be asked
	}
	began := time.Now()
	for {
		h, err := at.health(ctx)
		if err != nil || h.Version != t.Version {
			return nil //nolint:nilerr // nobody sells with a program that does not answer
		}
		if err := at.hold(ctx); !errors.Is(err, errBusy) || time.Since(began) >= u.pace.busyMax {
			return nil //nolint:nilerr // held, or gone meanwhile
		}
		if err := wait(ctx, u.pace.holdEvery); err != nil {
			return err
		}
	}
}
