//go:build !windows

package main

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/installer"
	"github.com/kopilka/kopilka/installer/slots"
	"github.com/kopilka/kopilka/sync/update"
)

// refused tells of an update that cannot be: the sentence, and that nothing was touched.
func refused(t *testing.T, code string, prepare func(w *world, b box)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, filepath.Join(*folder, "verified"))
		b := w.box()
		prepare(w, b)
		err := b.updater.apply(t.Context())
		var why slots.Reason
		if err != nil {
			why = explain(err)
		} else {
			st, err := b.slots.Published()
			require.NoError(t, err)
			why = st.Says
		}
		require.Equal(t, code, why.Code, "%v", err)
		require.NotEmpty(t, why.RU)
		require.NotEmpty(t, why.EN)
		w.disk.Fail = nil
		require.Equal(t, older, w.current())
		require.Equal(t, older, w.running)
		if st, slot, err := b.slots.View(); !errors.Is(err, slots.ErrState) {
			require.NoError(t, err)
			require.Nil(t, st.Trial)
			require.Equal(t, slots.Packaged, slot)
		}
	})
}

// change changes what the next candidate says of itself.
func change(b box, how func(*candidate)) {
	verify := b.updater.verify
	b.updater.verify = func(running string, now time.Time) (candidate, error) {
		c, err := verify(running, now)
		how(&c)
		return c, err
	}
}

func TestUpdateThatCannotBeIsOneSentence(t *testing.T) {
	fails := func(err error) func(*world, box) {
		return func(w *world, _ box) { w.disk.Fail = func() error { return err } }
	}
	verifies := func(err error) func(*world, box) {
		return func(_ *world, b box) {
			b.updater.verify = func(string, time.Time) (candidate, error) { return candidate{}, err }
		}
	}
	for name, it := range map[string]struct {
		code    string
		prepare func(*world, box)
	}{
		"no room":              {"full", func(w *world, _ box) { w.disk.Room = slots.Margin }},
		"the disk fills up":    {"full", fails(syscall.ENOSPC)},
		"a quota":              {"full", fails(syscall.EDQUOT)},
		"only to be read":      {"read-only", fails(syscall.EROFS)},
		"held by an antivirus": {"file-held", fails(syscall.EBUSY)},
		"not allowed":          {"rights", fails(syscall.EACCES)},
		"another system": {"machine", func(_ *world, b box) {
			change(b, func(c *candidate) { c.OS = "plan9" })
		}},
		"another architecture": {"machine", func(_ *world, b box) {
			change(b, func(c *candidate) { c.Arch = runtime.GOARCH + "64" })
		}},
		"another program": {"machine", func(_ *world, b box) {
			change(b, func(c *candidate) { c.Name = "kopilka-cloud" })
		}},
		"a version that is a path": {"unfit", func(_ *world, b box) {
			change(b, func(c *candidate) { c.Version = "../../1.3.0" })
		}},
		"older than the present": {"older", func(_ *world, b box) {
			change(b, func(c *candidate) { c.Version = "1.1.0" })
		}},
		"changed after it was verified": {"altered", func(_ *world, b box) {
			change(b, func(c *candidate) { c.SHA256 = strings.Repeat("0", 64) })
		}},
		"unsigned":                  {"forged", verifies(update.ErrForged)},
		"expired, or a wrong clock": {"expired", verifies(update.ErrExpired)},
		"no longer wanted":          {"stay", verifies(update.ErrStay)},
		"no room for the copy":      {"full", verifies(&os.PathError{Op: "write", Path: "verified", Err: syscall.ENOSPC})},
		"a ledger from which there is no way back": {"one-way", func(w *world, _ box) {
			w.ledger = update.Ledger{Writes: 2, Reads: 2}
		}},
		"a ledger that it cannot read": {"unread", func(w *world, _ box) {
			w.ledger = update.Ledger{}
			w.step.NoReturn = true
		}},
		"records that are damaged": {"state", func(w *world, _ box) {
			d := w.disk.Disk()
			require.NoError(w.t, d.Write("/state/"+slots.StateFile, 0o600, strings.NewReader(`{"stage":"trial"}`)))
		}},
		"no service": {"no-service", func(w *world, b box) {
			b.updater.service, b.updater.till = absent{installer.Status{}}, nobody
		}},
		"no service manager": {"no-manager", func(w *world, b box) {
			b.updater.service, b.updater.till = absent{installer.Status{NoManager: true}}, nobody
		}},
		"a till that hangs": {"hung", func(w *world, b box) {
			b.updater.service, b.updater.till = absent{installer.Status{Installed: true, Running: true}}, nobody
		}},
	} {
		t.Run(name, func(t *testing.T) { refused(t, it.code, it.prepare) })
	}
}

// absent is a service manager that only says how the service is.
type absent struct{ st installer.Status }

func (absent) Start(context.Context) error                        { return nil }
func (absent) Stop(context.Context) error                         { return nil }
func (a absent) Status(context.Context) (installer.Status, error) { return a.st, nil }

func nobody() (till, error) { return page{"127.0.0.1:1"}, nil }

// The disk fails at one call after the other, and works again: the till is never without its program, and in the end
// the update is there.
func TestDiskThatFailsAtAnyCallStopsNothingElse(t *testing.T) {
	points := 0
	for at := 1; at == points+1; at++ {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, filepath.Join(*folder, "verified"))
			w.disk.Fail = func() error {
				if w.disk.Calls == at {
					points = at
					return syscall.ENOSPC
				}
				return nil
			}
			err := w.box().updater.apply(t.Context())
			w.disk.Fail = nil
			require.NotEmpty(t, w.current())
			if err != nil {
				require.Contains(t, []string{"full"}, explain(err).Code, "%v", err)
			}
			for range 3 {
				require.NoError(t, w.box().updater.apply(t.Context()))
			}
			require.Equal(t, newer, w.current(), "call %d", at)
			require.Equal(t, newer, w.running)
		})
	}
	require.Greater(t, points, 30)
	t.Logf("%d calls", points)
}

// A wrong clock neither ends a trial before its time nor makes it last for ever.
func TestClockThatWasSetDuringATrial(t *testing.T) {
	for name, by := range map[string]time.Duration{"two years on": 2 * 365 * 24 * time.Hour, "two years back": -2 * 365 * 24 * time.Hour} {
		for story, told := range stories {
			t.Run(name+": "+story, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					w := newWorld(t, filepath.Join(*folder, "verified"))
					w.said = told.said
					ctx, cancel := context.WithCancel(t.Context())
					defer cancel()
					time.AfterFunc(20*time.Second, cancel) // in the middle of the trial
					require.NoError(t, w.box().updater.apply(ctx))
					w.boot()
					b := w.box()
					b.slots.Now = func() time.Time { return time.Now().Add(by) }
					began := time.Now()
					require.NoError(t, b.updater.apply(t.Context()))
					require.Less(t, time.Since(began), usual.startMax+2*usual.healthyFor)
					require.Equal(t, told.ends, w.current())
				})
			})
		}
	}
}

// Whoever stops the updater, as a machine that goes off does, never leaves a till that is stopped.
func TestStoppedUpdaterLeavesARunningTill(t *testing.T) {
	for at := 1; at < pointsMax; at++ {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, filepath.Join(*folder, "verified"))
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			w.disk.Fail = func() error {
				if w.disk.Calls == at {
					cancel()
				}
				return nil
			}
			require.NoError(t, w.box().updater.apply(ctx))
			require.NotEmpty(t, w.running, "stopped at %d", at)
			w.disk.Fail = nil
			require.NoError(t, w.box().updater.apply(t.Context()))
			require.Equal(t, newer, w.running)
		})
	}
}

// A sale that goes on with an ill version is not cut off.
func TestWayBackWaitsForTheCustomer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, filepath.Join(*folder, "verified"))
		var ill, back time.Time
		w.said = func(w *world, v string) (update.Health, error) {
			h, err := wellWorld(w, v)
			h.Register = v == older
			if v == newer && ill.IsZero() {
				ill, w.busy = time.Now(), 60
			}
			return h, err
		}
		w.disk.Fail = func() error {
			if w.running == "" && !ill.IsZero() && back.IsZero() {
				back = time.Now()
			}
			return nil
		}
		require.NoError(t, w.box().updater.apply(t.Context()))
		require.Equal(t, older, w.running)
		waited := back.Sub(ill) - usual.trialMax
		require.InDelta(t, (60 * usual.holdEvery).Seconds(), waited.Seconds(), 30)
	})
}

// stops counts how often the till is stopped.
type stops struct {
	*world
	n int
}

func (s *stops) Stop(ctx context.Context) error {
	s.n++
	return s.world.Stop(ctx)
}

// The version before runs again and the disk fills up, or the power goes: what is left is to write down how it ended.
// A till that sells is not stopped for that.
func TestWayBackThatIsWrittenLaterStopsNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, filepath.Join(*folder, "verified"))
		ill := false
		w.said = func(w *world, v string) (update.Health, error) {
			h, err := wellWorld(w, v)
			h.Register = v == older
			ill = ill || v == newer
			return h, err
		}
		w.disk.Fail = func() error {
			if ill && w.running == older {
				return syscall.ENOSPC
			}
			return nil
		}
		manager := &stops{world: w}
		apply := func() error {
			b := w.box()
			b.updater.service = manager
			return b.updater.apply(t.Context())
		}
		require.ErrorIs(t, apply(), slots.ErrFull)
		require.Equal(t, older, w.running)
		before := manager.n
		for range 3 { // the timer's next runs
			require.ErrorIs(t, apply(), slots.ErrFull)
			require.Equal(t, older, w.running)
		}
		w.disk.Fail = nil
		require.NoError(t, apply())
		require.Equal(t, before, manager.n)
		st, err := w.box().slots.Peek()
		require.NoError(t, err)
		require.Equal(t, slots.Idle, st.Stage)
		require.Equal(t, "worse", st.Verdicts[newer].Why.Code)
	})
}

// Head office pauses a roll-out while a till waits for its customers: the pause holds.
func TestWhatIsTakenBackWhileItWaitsIsNotInstalled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, filepath.Join(*folder, "verified"))
		w.busy = 20
		b := w.box()
		b.updater.asked = func() (string, error) {
			if w.busy < 10 {
				return "", fs.ErrNotExist
			}
			return newer, nil
		}
		require.NoError(t, b.updater.apply(t.Context()))
		require.Equal(t, older, w.running)
		st, err := b.slots.Published()
		require.NoError(t, err)
		require.Equal(t, "stay", st.Says.Code)
		require.NoError(t, b.updater.apply(t.Context()))
		names, err := b.slots.Disk.List(layout.Programs + "/" + slots.Versions)
		require.NoError(t, err)
		require.Empty(t, names)
	})
}

// The doctor warns of what was last said: an updater that is asked for nothing must not leave it at trouble that is over.
func TestTroubleWithoutAVersionIsTakenBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, filepath.Join(*folder, "verified"))
		b := w.box()
		asked := errors.New("rubbish")
		b.updater.asked = func() (string, error) { return "", asked }
		require.Error(t, b.updater.apply(t.Context()))
		st, err := b.slots.Published()
		require.NoError(t, err)
		require.False(t, st.Says.Well(), st.Says.Code)
		asked = fs.ErrNotExist
		require.NoError(t, b.updater.apply(t.Context()))
		st, err = b.slots.Published()
		require.NoError(t, err)
		require.Equal(t, slots.CodeStay, st.Says.Code)
	})
}

// The doctor has nothing but the status to read: it must hear of a state that stops all updates.
func TestADamagedStateIsPublished(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, filepath.Join(*folder, "verified"))
		b := w.box()
		require.NoError(t, b.slots.Publish("", reasonAdopted(older)))
		require.NoError(t, b.slots.Disk.Write(layout.State+"/"+slots.StateFile, 0o600, strings.NewReader("{")))
		require.ErrorIs(t, b.updater.apply(t.Context()), slots.ErrState)
		st, err := b.slots.Published()
		require.NoError(t, err)
		require.Equal(t, "state", st.Says.Code)
		require.Equal(t, older, st.Version, "what was known before")
	})
}

// What means well is counted one by one: all else makes the doctor and head office warn.
func TestOnlyWhatMeansWellIsNoTrouble(t *testing.T) {
	for _, r := range []slots.Reason{{}, reasonStay, reasonBusy, reasonAdopted("1.0.0"), reasonTrial("1.0.0"), reasonDone("1.0.0")} {
		require.True(t, r.Well(), r.Code)
	}
	ill := []slots.Reason{reasonPerson, reasonTrust, reasonHung, reasonOff, reasonMute, reasonCrash, reasonWakes, reasonPort, reasonIll("1.0.0", reasonMute), reasonHeld("1.0.0", slots.Verdict{}), reasonOlder("1.0.0", "1.1.0"), explain(errors.New("rubbish"))}
	for _, k := range kinds {
		ill = append(ill, k.why)
	}
	for _, s := range signed {
		ill = append(ill, explain(s.err))
	}
	for _, r := range ill {
		require.False(t, r.Well(), r.Code)
	}
}
