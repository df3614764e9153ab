//go:build !windows

package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/installer"
	"github.com/kopilka/kopilka/installer/slots"
	"github.com/kopilka/kopilka/installer/slots/slotstest"
	"github.com/kopilka/kopilka/sync/update"
)

// Every story below is told with the power going, or the updater being killed, at each change that it makes to the
// disk or the service; then the machine comes up again and the story must end as it would have.

const (
	older = "1.2.0"
	newer = "1.3.0"
)

var layout = slots.Layout{Programs: "/usr/lib/kopilka", State: "/state", Data: "/data"}

// world is a machine: its disk, its service manager and what the programs would say.
type world struct {
	t       *testing.T
	disk    *slotstest.Disk
	file    string                                                // stands for the updater's verified copy
	running string                                                // version; empty: the service is stopped
	said    func(w *world, version string) (update.Health, error) // what a version says of itself
	crashes int
	since   time.Time // of the running program
	proved  bool      // the new version was well for long enough, before the eyes of the updater
	busy    int       // times that a hold is refused
	step    update.Step
	ledger  update.Ledger // of the new version
}

func program(version string) []byte { return []byte(strings.Repeat("program "+version+"\n", 50)) }

func newWorld(t *testing.T, file string) *world {
	w := &world{t: t, disk: slotstest.New(), file: file, said: wellWorld, ledger: update.Ledger{Writes: 1, Reads: 1}}
	d := w.disk.Disk()
	for _, path := range []string{"/usr", "/usr/lib", "/usr/lib/kopilka", "/usr/lib/kopilka/packaged", "/state", "/data"} {
		require.NoError(t, d.Folder(path, 0o755))
	}
	require.NoError(t, d.Write(layout.Program(slots.Packaged), 0o755, strings.NewReader(string(program(older)))))
	_, err := w.box().slots.Adopt(t.Context(), older, func(string) bool { return false })
	require.NoError(t, err)
	w.disk.Settle()
	w.disk.Revive()
	require.NoError(t, w.Start(t.Context()))
	w.disk.Revive()
	return w
}

func wellWorld(w *world, version string) (update.Health, error) {
	return update.Health{Version: version, Ledger: true, HeadOffice: true, Register: true, Idle: true}, nil
}

// box is an updater that starts on this machine.
func (w *world) box() box {
	d := w.disk.Disk()
	s := &slots.Slots{
		Layout: layout, Disk: d, Switch: slots.Link{Layout: layout, Disk: d}, Now: time.Now,
		Guard: func(context.Context) (func(), error) { return func() {}, nil },
	}
	return box{layout: layout, slots: s, updater: &updater{
		slots: s, service: w, pace: usual, log: slog.New(slog.DiscardHandler),
		till:   func() (till, error) { return w, nil },
		asked:  func() (string, error) { return newer, nil },
		verify: w.verify,
		about:  w.about,
	}}
}

func (w *world) verify(string, time.Time) (candidate, error) {
	if err := os.WriteFile(w.file, program(newer), 0o600); err != nil {
		return candidate{}, err
	}
	sum := sha256.Sum256(program(newer))
	return candidate{path: w.file, Wanted: update.Wanted{
		Program: update.Program{Name: slots.Agent, Version: newer, OS: runtime.GOOS, Arch: runtime.GOARCH, Ledger: w.ledger},
		Step:    w.step, SHA256: hex.EncodeToString(sum[:]),
	}}, nil
}

func (w *world) about(_ context.Context, path string) (update.Program, error) {
	raw, err := w.disk.Read(path)
	for _, v := range []string{older, newer} {
		if string(raw) == string(program(v)) {
			return update.Program{Version: v, Ledger: update.Ledger{Writes: 1, Reads: 1}}, nil
		}
	}
	return update.Program{}, fmt.Errorf("what is that: %d bytes: %w", len(raw), err)
}

// current is the version that the machine would start; the test fails where that is no whole program.
func (w *world) current() string {
	p, err := w.about(w.t.Context(), layout.Programs+"/current/"+slots.Agent)
	require.NoError(w.t, err, "the machine must always have a program to start")
	return p.Version
}

func (w *world) Start(ctx context.Context) error {
	if w.running != "" {
		return nil
	}
	if err := w.disk.Step(); err != nil {
		return err
	}
	w.boot()
	return nil
}

func (w *world) boot() { w.running, w.since, w.crashes = w.current(), time.Now(), 0 }

func (w *world) Stop(context.Context) error {
	if err := w.disk.Step(); err != nil {
		return err
	}
	w.running = ""
	return nil
}

func (w *world) Status(context.Context) (installer.Status, error) {
	return installer.Status{Installed: true, Running: w.running != "", Restarts: w.crashes}, nil
}

func (w *world) health(context.Context) (update.Health, error) {
	if w.running == "" {
		return update.Health{}, errMute
	}
	h, err := w.said(w, w.running)
	if w.running == newer && err == nil && len(h.Worse(update.Health{Register: true, HeadOffice: true})) == 0 {
		w.proved = w.proved || time.Since(w.since) >= usual.healthyFor
	}
	return h, err
}

func (w *world) hold(context.Context) error {
	if w.busy--; w.busy >= 0 {
		return errBusy
	}
	return nil
}

func (w *world) free(context.Context) error {
	if w.running != "" {
		return errStranger
	}
	return nil
}

// check is what must hold whenever the machine comes up, before anybody has mended anything.
func (w *world) check() {
	version := w.current()
	st, _, err := w.box().slots.View()
	require.NoError(w.t, err)
	if version == newer && !w.proved {
		require.NotNil(w.t, st.Trial, "a version that has not proved itself is on trial, or nobody would go back from it")
	}
}

// cut is how a story is interrupted.
type cut struct {
	at   int
	luck *slotstest.Luck // nil: only the updater is killed
}

// tell tells the story of an update with cuts, and then to its end.
func (w *world) tell(cuts ...cut) (interrupted int) {
	for _, c := range cuts {
		w.disk.Revive()
		w.disk.CutAt = c.at
		if err := w.box().updater.apply(w.t.Context()); !errors.Is(err, slotstest.ErrCut) {
			break // it was over before
		}
		interrupted++
		if c.luck == nil {
			w.disk.Revive()
		} else {
			w.disk.Lose(*c.luck)
			w.running = ""
		}
		w.check()
		if c.luck != nil {
			w.boot()
		}
		w.disk.Revive()
	}
	w.disk.Revive()
	for range 3 { // the timer's next runs
		require.NoError(w.t, w.box().updater.apply(w.t.Context()))
	}
	return interrupted
}

// stories are what may become of an update, and what is left in the end.
var stories = map[string]struct {
	said func(w *world, version string) (update.Health, error)
	ends string
	code string // of the verdict; none where it went well
}{
	"a version that is well stays": {wellWorld, newer, ""},
	"a version that crashes is gone back from": {func(w *world, v string) (update.Health, error) {
		if v == newer {
			w.crashes++
			return update.Health{}, errMute
		}
		return wellWorld(w, v)
	}, older, "crash"},
	"a version that hangs is gone back from": {func(w *world, v string) (update.Health, error) {
		if v == newer {
			return update.Health{}, errMute
		}
		return wellWorld(w, v)
	}, older, "mute"},
	"a version that loses the register is gone back from": {func(w *world, v string) (update.Health, error) {
		h, err := wellWorld(w, v)
		h.Register = v == older
		return h, err
	}, older, "worse"},
}

// history runs one telling in a bubble of its own, where waiting costs nothing.
func history(t *testing.T, story string, cuts ...cut) (interrupted int) {
	t.Helper()
	told := stories[story]
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, filepath.Join(*folder, "verified"))
		w.said, w.disk.Skip = told.said, skipped()
		interrupted = w.tell(cuts...)
		st, slot, err := w.box().slots.View()
		require.NoError(t, err)
		require.Equal(t, slots.Idle, st.Stage)
		require.Nil(t, st.Trial)
		require.Equal(t, told.ends, w.current())
		require.Equal(t, told.ends, w.running, "and it runs")
		require.Equal(t, told.ends == older, slot == slots.Packaged)
		require.Equal(t, told.code, st.Verdicts[newer].Why.Code)
	})
	return interrupted
}

// ways are how the cut may come: to the updater alone, or to the machine with more luck or less.
func ways(r *rand.Rand) map[string]*slotstest.Luck {
	all := map[string]*slotstest.Luck{"the updater is killed": nil}
	for is, luck := range slotstest.Lucks(r) {
		all[is] = &luck
	}
	return all
}

func TestCutAnywhereLeavesAProgramThatStarts(t *testing.T) {
	for story := range stories {
		t.Run(story, func(t *testing.T) {
			points := 0
			for way, luck := range ways(rand.New(rand.NewPCG(1, 2))) {
				t.Run(way, func(t *testing.T) {
					at := 1
					for history(t, story, cut{at, luck}) > 0 {
						at++
					}
					points += at - 1
				})
			}
			require.Greater(t, points, 7*30, "a story has more changes than that")
			t.Logf("%d cuts", points)
		})
	}
}

// Every pair of kills: one in the update, one in what the next updater does about it.
func TestKillsInTheMendingOfKills(t *testing.T) {
	const story = "a version that crashes is gone back from"
	count := 0
	for first := 1; history(t, story, cut{at: first}) > 0; first++ {
		for second := 1; history(t, story, cut{at: first}, cut{at: second}) > 1; second++ {
			count++
		}
	}
	require.Greater(t, count, 40*40)
	t.Logf("%d pairs", count)
}

// Cuts in the mending of what a cut had left, at random points and with a random luck.
func TestCutsInTheMendingOfCuts(t *testing.T) {
	seed := rand.Uint64()
	if s := os.Getenv("KOPILKA_SEED"); s != "" {
		_, err := fmt.Sscan(s, &seed)
		require.NoError(t, err)
	}
	r := rand.New(rand.NewPCG(seed, 0))
	t.Logf("KOPILKA_SEED=%d", seed)
	names, count := slices.Sorted(maps.Keys(stories)), 0
	for range historiesOf(t) {
		all := ways(r)
		kinds := slices.Sorted(maps.Keys(all))
		var cuts []cut
		for range 2 + r.IntN(3) {
			cuts = append(cuts, cut{1 + r.IntN(pointsMax), all[kinds[r.IntN(len(kinds))]]})
		}
		count += history(t, names[r.IntN(len(names))], cuts...)
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
	t.Logf("%d cuts", count)
}

// pointsMax is about how many changes the longest story makes.
const pointsMax = 70

// historiesOf is how many tellings KOPILKA_HISTORIES asks for.
func historiesOf(t *testing.T) int {
	n := 300
	if s := os.Getenv("KOPILKA_HISTORIES"); s != "" {
		_, err := fmt.Sscan(s, &n)
		require.NoError(t, err)
	}
	return n
}
