package slots

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// ErrOver is returned where the trial that is meant is not there any more: a package or a person was faster.
var ErrOver = errors.New("this trial is over")

// ErrNotWhole is wrapped where the program of a slot is not there, or could not start.
var ErrNotWhole = errors.New("there is no program that could start")

// Slots are the versions on a disk and which of them is current. Every method is one step: after a cut it is done
// again, or was done.
type Slots struct {
	Layout Layout
	Disk   Disk
	Switch Switch
	Now    func() time.Time
	// Guard keeps two processes from changing the state at once.
	Guard func(context.Context) (unlock func(), err error)
}

// guardMax is for one step of another process; a step writes a few small files.
const guardMax = 30 * time.Second

// Open is the usual one.
func Open(l Layout, d Disk, which Switch) *Slots {
	return &Slots{Layout: l, Disk: d, Switch: which, Now: time.Now, Guard: func(ctx context.Context) (func(), error) {
		ctx, cancel := context.WithTimeout(ctx, guardMax)
		defer cancel()
		unlock, taken, err := l.Lock(ctx, stepLock)
		if err == nil && !taken {
			err = fmt.Errorf("change the updater's state: %w", ErrBusy)
		}
		return unlock, err
	}}
}

// View is the state and the current slot, as they are on the disk for good.
func (s *Slots) View() (State, string, error) {
	st, err := s.load()
	if err != nil {
		return st, "", err
	}
	if err := s.Switch.Settle(); err != nil {
		return st, "", err
	}
	slot, err := s.Switch.Slot()
	return st, slot, err
}

// change is one step: what do makes of the state is on the disk when it returns.
func (s *Slots) change(ctx context.Context, do func(st *State, slot string) error) error {
	unlock, err := s.Guard(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	st, slot, err := s.View()
	if err != nil {
		return err
	}
	if err := do(&st, slot); err != nil {
		return err
	}
	return s.save(st)
}

// choose never chooses what could not start.
func (s *Slots) choose(slot string) error {
	if program := s.Layout.Program(slot); !s.Disk.Whole(program) {
		return fmt.Errorf("make %s current: %w: %s", slot, ErrNotWhole, program)
	}
	return s.Switch.Choose(slot)
}

// Adopt is told that a package brought this version. It becomes current where there was nothing that starts, and where
// take says so of the current version. A trial that was going on is over then: the administrator's word is newer.
func (s *Slots) Adopt(ctx context.Context, version string, take func(current string) bool) (took bool, err error) {
	err = s.change(ctx, func(st *State, slot string) error {
		took = slot == "" || !s.Disk.Whole(s.Layout.Program(slot)) || take(st.VersionOf(slot))
		st.Packaged = version
		delete(st.Verdicts, version)
		if slot != Packaged && took { // before the trial is forgotten, so that a cut leaves one that somebody ends
			if err := s.choose(Packaged); err != nil {
				return err
			}
			slot = Packaged
		}
		if slot == Packaged && st.Stage != GoBack {
			st.Stage, st.Trial, st.Placed, st.Previous = Idle, nil, "", ""
		}
		return nil
	})
	return took, err
}

// Mend makes the package's program current where the current one could not start, as after an administrator's rm; on the
// way back it is the one before.
func (s *Slots) Mend(ctx context.Context) (mended bool, err error) {
	st, slot, err := s.View()
	if err != nil || (slot != "" && s.Disk.Whole(s.Layout.Program(slot))) {
		return false, err
	}
	if st.Stage == GoBack && slot == st.Trial.To {
		return true, s.Back(ctx, st.Trial.Version)
	}
	return s.Adopt(ctx, st.Packaged, func(string) bool { return true })
}

// Begin puts the trial on the disk, before anything is touched.
func (s *Slots) Begin(ctx context.Context, t Trial) error {
	return s.change(ctx, func(st *State, slot string) error {
		if st.Stage == OnTry || st.Stage == GoBack {
			return fmt.Errorf("begin the trial of %s: the one of %s is not over", t.Version, st.Trial.Version)
		}
		t.From, t.Why, t.Later = slot, Reason{}, false
		st.Stage, st.Trial, st.Placed = OnTry, &t, ""
		return nil
	})
}

// trial is a step of the trial of this version.
func (s *Slots) trial(ctx context.Context, version string, do func(st *State, slot string) error) error {
	return s.change(ctx, func(st *State, slot string) error {
		if st.Trial == nil || st.Trial.Version != version {
			return ErrOver
		}
		return do(st, slot)
	})
}

// Try makes the version on trial current.
func (s *Slots) Try(ctx context.Context, version string) error {
	return s.trial(ctx, version, func(st *State, _ string) error {
		if st.Stage != OnTry {
			return ErrOver
		}
		return s.choose(st.Trial.To)
	})
}

// Wake counts that a trial was found on the disk.
func (s *Slots) Wake(ctx context.Context, version string) error {
	return s.trial(ctx, version, func(st *State, _ string) error {
		st.Trial.Wakes++
		return nil
	})
}

// Forget ends a trial that had not begun: its version was never current. It may be tried anew.
func (s *Slots) Forget(ctx context.Context, version string) error {
	return s.trial(ctx, version, func(st *State, slot string) error {
		if slot == st.Trial.To && st.Trial.To != st.Trial.From {
			return fmt.Errorf("forget the trial of %s: it is current", version)
		}
		st.Stage, st.Trial = Idle, nil
		return nil
	})
}

// Commit ends the trial: the version stays. What was held against it and older ones is forgotten by keep.
func (s *Slots) Commit(ctx context.Context, version string, keep func(version string) bool) error {
	return s.trial(ctx, version, func(st *State, slot string) error {
		if st.Stage != OnTry || slot != st.Trial.To {
			return ErrOver
		}
		st.Previous = st.Trial.From
		if st.Trial.NoReturn {
			st.Previous = ""
		}
		st.Stage, st.Trial = Idle, nil
		maps.DeleteFunc(st.Verdicts, func(v string, _ Verdict) bool { return !keep(v) })
		return nil
	})
}

// Return puts on the disk that the trial has failed and why, before anything is touched. Later lets the version be
// tried again by itself.
func (s *Slots) Return(ctx context.Context, version string, why Reason, later bool) error {
	return s.trial(ctx, version, func(st *State, _ string) error {
		if st.Stage != GoBack {
			st.Stage, st.Trial.Why, st.Trial.Later = GoBack, why, later
		}
		return nil
	})
}

// Leave is a person's order to go back to the version before the current one.
func (s *Slots) Leave(ctx context.Context, why Reason) error {
	return s.change(ctx, func(st *State, slot string) error {
		switch {
		case st.Stage == OnTry && st.Trial.To == slot && !st.Trial.NoReturn:
			st.Stage, st.Trial.Why, st.Trial.Later = GoBack, why, false
			return nil
		case st.Stage == OnTry || st.Stage == GoBack || st.Previous == "" || st.Previous == slot:
			return fmt.Errorf("go back: %w", ErrOver)
		case !s.Disk.Whole(s.Layout.Program(st.Previous)):
			return fmt.Errorf("go back to %s: %w", st.Previous, ErrNotWhole)
		}
		st.Trial = &Trial{Version: st.VersionOf(slot), To: slot, From: st.Previous, Began: s.Now(), Deadline: s.Now(), Why: why}
		st.Stage, st.Previous = GoBack, ""
		return nil
	})
}

// Back makes the version before the trial current again. Where it was lost meanwhile, the package's is; where a newer
// package took over meanwhile, that one stays.
func (s *Slots) Back(ctx context.Context, version string) error {
	return s.trial(ctx, version, func(st *State, slot string) error {
		if st.Stage != GoBack {
			return ErrOver
		}
		if slot != st.Trial.To {
			return nil
		}
		err := s.choose(st.Trial.From)
		if errors.Is(err, ErrNotWhole) && s.choose(Packaged) == nil {
			return nil
		}
		return err
	})
}

// Returned ends a trial that was gone back from, and holds it against the version.
func (s *Slots) Returned(ctx context.Context, version string, triesMax int) error {
	return s.trial(ctx, version, func(st *State, slot string) error {
		if st.Stage != GoBack || slot == st.Trial.To {
			return ErrOver
		}
		v := st.Verdicts[version]
		v.Tries++
		v.Why, v.At, v.Bad = st.Trial.Why, s.Now().UTC().Truncate(time.Second), !st.Trial.Later || v.Tries >= triesMax
		if st.Verdicts == nil {
			st.Verdicts = map[string]Verdict{}
		}
		st.Verdicts[version] = v
		st.Stage, st.Trial = Idle, nil
		return nil
	})
}

// Discard forgets a version that waited and is not wanted any more; Prune takes its file.
func (s *Slots) Discard(ctx context.Context) (was string, err error) {
	st, err := s.Peek()
	if err != nil || st.Stage != Placed {
		return "", err
	}
	err = s.change(ctx, func(st *State, _ string) error {
		if st.Stage == Placed {
			was, st.Stage, st.Placed = st.Placed, Idle, ""
		}
		return nil
	})
	return was, err
}

// ErrNotHeld is wrapped where nothing is held against a version that is to be tried again: it was mistyped, or is another
// trouble's, which this would not end.
var ErrNotHeld = errors.New("nothing is held against it / за ней ничего не числится")

// Retry forgets what is held against a version; against all of them where none is named.
func (s *Slots) Retry(ctx context.Context, version string) error {
	return s.change(ctx, func(st *State, _ string) error {
		if _, held := st.Verdicts[version]; !held && (version != "" || len(st.Verdicts) == 0) {
			return fmt.Errorf("try %s again: %w (%s)", version, ErrNotHeld, strings.Join(slices.Sorted(maps.Keys(st.Verdicts)), ", "))
		}
		maps.DeleteFunc(st.Verdicts, func(v string, _ Verdict) bool { return version == "" || v == version })
		return nil
	})
}

// Prune removes versions that nobody can want: all but the current one, the one before and one on its way.
func (s *Slots) Prune(ctx context.Context) error {
	return s.change(ctx, func(st *State, slot string) error {
		keep := []string{slot, st.Previous, SlotOf(st.Placed)}
		if st.Trial != nil {
			keep = append(keep, st.Trial.From, st.Trial.To)
		}
		names, err := s.versions()
		if err != nil {
			return err
		}
		for _, name := range names {
			if slices.Contains(keep, SlotOf(name)) {
				continue
			}
			if err := s.remove(name); err != nil {
				return err
			}
		}
		return nil
	})
}
