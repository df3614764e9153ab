//go:build !windows

package main

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/installer/slots"
	"github.com/kopilka/kopilka/sync/update"
)

// Real processes: the updater, the till programs, the links and the sockets between them. Only the service manager is
// the test's own, and no second is waited that is not needed.

func sumOf(path string, before error) (string, error) {
	if before != nil {
		return "", before
	}
	raw, err := os.ReadFile(path)
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:]), err
}

func (s *shop) apply() {
	s.t.Helper()
	out, err := s.updater("apply").CombinedOutput()
	require.NoError(s.t, err, "%s", out)
}

// ends waits until this version answers, and looks at what is left behind.
func (s *shop) ends(version, code string) slots.Status {
	s.t.Helper()
	require.Eventually(s.t, func() bool { return s.version() == version }, time.Minute, 10*time.Millisecond, "%s must answer", version)
	st, err := slots.ReadStatus(s.layout)
	require.NoError(s.t, err)
	require.Equal(s.t, version, st.Version)
	require.Equal(s.t, code, st.Says.Code, "%+v", st)
	require.NotEmpty(s.t, st.Says.RU)
	require.NotEmpty(s.t, st.Says.EN)
	info, err := os.Stat(filepath.Join(s.layout.State, slots.StatusFile))
	require.NoError(s.t, err)
	require.Equal(s.t, os.FileMode(0o644), info.Mode().Perm(), "the doctor reads it")
	return st
}

func TestUpdateStaysWhereItIsWell(t *testing.T) {
	t.Parallel()
	s := openShop(t, nature{Version: older})
	s.offer(nature{Version: newer}, update.Step{})
	s.apply()
	s.ends(newer, "done")
	link, err := os.Readlink(filepath.Join(s.layout.Programs, slots.Current))
	require.NoError(t, err)
	require.Equal(t, "versions/1.3.0", link)

	s.offer(nature{Version: "1.4.0"}, update.Step{})
	s.apply()
	s.ends("1.4.0", "done")
	s.offer(nature{Version: "1.5.0"}, update.Step{})
	s.apply()
	s.ends("1.5.0", "done")
	left, err := filepath.Glob(filepath.Join(s.layout.Programs, slots.Versions, "*"))
	require.NoError(t, err)
	require.Len(t, left, 2, "the current version and the one before, no more: %v", left)

	out, err := s.updater("rollback").CombinedOutput()
	require.NoError(t, err, "%s", out)
	st := s.ends("1.4.0", "person")
	require.True(t, st.Verdicts["1.5.0"].Bad)
	s.apply()
	s.ends("1.4.0", "held")
	out, err = s.updater("retry", "1.5").CombinedOutput()
	require.Error(t, err, "a number that is mistyped is not tried again")
	require.Contains(t, string(out), "1.5.0", "which is meant")
	out, err = s.updater("retry", "1.5.0").CombinedOutput()
	require.NoError(t, err, "%s", out)
	out, err = s.updater("retry").CombinedOutput()
	require.Error(t, err, "%s", out)
	require.Contains(t, string(out), "nothing is held")
	s.apply()
	s.ends("1.5.0", "done")
}

func TestUpdateGoesBackByItself(t *testing.T) {
	t.Parallel()
	for code, n := range map[string]nature{
		"crash": {Version: newer, Crash: true},
		"mute":  {Version: newer, Mute: true},
		"worse": {Version: newer, NoCash: true},
		"other": {Version: "1.3.9"}, // it is not what its label says
	} {
		t.Run(code, func(t *testing.T) {
			t.Parallel()
			s := openShop(t, nature{Version: older})
			s.offer(n, update.Step{})
			if code == "other" {
				s.relabel(newer)
			}
			s.apply()
			st := s.ends(older, code)
			require.True(t, st.Verdicts[newer].Bad)
			s.apply()
			s.ends(older, "held")
			require.Len(t, st.Verdicts, 1)
		})
	}
}

// relabel claims another version for what is offered.
func (s *shop) relabel(version string) {
	path := filepath.Join(s.layout.Data, update.Folder, update.WantedFile)
	raw, err := os.ReadFile(path)
	require.NoError(s.t, err)
	w, err := update.ParseWanted(raw)
	require.NoError(s.t, err)
	w.Version = version
	require.NoError(s.t, os.WriteFile(path, fmt.Appendf(nil, `{"name":%q,"version":%q,"os":%q,"arch":%q,"ledger":{"writes":1,"reads":1},"file":%q,"step":{}}`,
		w.Name, w.Version, w.OS, w.Arch, w.File), 0o600))
}

func TestUpdateThatLosesHeadOfficeIsTriedThreeTimes(t *testing.T) {
	t.Parallel()
	s := openShop(t, nature{Version: older})
	s.offer(nature{Version: newer, NoOffice: true}, update.Step{})
	for try := 1; try <= triesMax; try++ {
		s.apply()
		st := s.ends(older, "worse")
		require.Equal(t, try, st.Verdicts[newer].Tries)
		require.Equal(t, try == triesMax, st.Verdicts[newer].Bad)
	}
	s.apply()
	s.ends(older, "held")

	s.offer(nature{Version: "1.3.1"}, update.Step{})
	s.apply()
	st := s.ends("1.3.1", "done")
	require.Empty(t, st.Verdicts, "a newer version settles what was held against older ones")
}

func TestUpdateWaitsForTheCustomers(t *testing.T) {
	t.Parallel()
	s := openShop(t, nature{Version: older, Busy: true})
	s.offer(nature{Version: newer}, update.Step{})
	process := s.pid()
	s.apply()
	st := s.ends(older, "busy")
	require.Equal(t, slots.Placed, st.Stage)
	require.Equal(t, process, s.pid(), "nobody was disturbed")

	require.NoError(t, os.Remove(filepath.Join(s.layout.Data, update.Folder, update.WantedFile)))
	s.apply()
	st = s.ends(older, "stay")
	require.Equal(t, slots.Idle, st.Stage)
	require.NoFileExists(t, s.layout.Program(slots.SlotOf(newer)), "what was taken back does not lie about")
}

func (s *shop) pid() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.process.Process.Pid
}

func TestUpdateHealsATillThatCrashes(t *testing.T) {
	t.Parallel()
	s := openShop(t, nature{Version: older})
	nature{Version: older, Crash: true}.write(t, s.layout.Program(slots.Packaged)+".2")
	require.NoError(t, os.Rename(s.layout.Program(slots.Packaged)+".2", s.layout.Program(slots.Packaged)))
	s.stop()
	s.start()
	require.Eventually(t, func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.restarts > 0
	}, time.Minute, 10*time.Millisecond)
	s.offer(nature{Version: newer}, update.Step{})
	s.apply()
	s.ends(newer, "done")
}

func TestUpdateLeavesAStoppedTillAlone(t *testing.T) {
	t.Parallel()
	s := openShop(t, nature{Version: older})
	s.stop()
	s.offer(nature{Version: newer}, update.Step{})
	s.apply()
	st, err := slots.ReadStatus(s.layout)
	require.NoError(t, err)
	require.Equal(t, "off", st.Says.Code)
	require.Empty(t, s.version())
}

func TestUpdateWithoutAWayBackSaysSoFirst(t *testing.T) {
	t.Parallel()
	s := openShop(t, nature{Version: older})
	next := nature{Version: newer, Ledger: update.Ledger{Writes: 2, Reads: 2}, NoCash: true}
	s.offer(next, update.Step{})
	s.apply()
	s.ends(older, "one-way")
	s.offer(next, update.Step{NoReturn: true})
	s.apply()
	s.ends(newer, "ill")
	out, err := s.updater("rollback").CombinedOutput()
	require.Error(t, err, "%s", out)

	s.offer(nature{Version: older}, update.Step{Back: true})
	s.apply()
	s.ends(newer, "unread")
}

func TestUpdateToATakenAddress(t *testing.T) {
	t.Parallel()
	s := openShop(t, nature{Version: older})
	s.offer(nature{Version: newer}, update.Step{})
	s.mu.Lock()
	s.restarts = 1
	s.mu.Unlock()
	s.stop()
	other, err := net.Listen("tcp", s.address)
	require.NoError(t, err)
	defer func() { require.NoError(t, other.Close()) }()
	s.start() // it cannot have its address, and crashes
	require.Eventually(t, func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.restarts > 1
	}, time.Minute, 10*time.Millisecond)
	out, err := s.updater("apply").CombinedOutput()
	require.Error(t, err, "%s", out)
	st, err := slots.ReadStatus(s.layout)
	require.NoError(t, err)
	require.Equal(t, "port", st.Says.Code)
	require.Equal(t, older, st.Version)
	require.Empty(t, st.Verdicts)
}

func TestPackageInTheMiddleOfATrialTakesOver(t *testing.T) {
	t.Parallel()
	s := openShop(t, nature{Version: older})
	s.offer(nature{Version: newer, NoCash: true}, update.Step{})
	apply := s.updater("apply")
	require.NoError(t, apply.Start())
	require.Eventually(t, func() bool { return s.version() == newer }, time.Minute, 5*time.Millisecond)
	nature{Version: "1.4.0"}.write(t, s.layout.Program(slots.Packaged)+".dpkg-new")
	require.NoError(t, os.Rename(s.layout.Program(slots.Packaged)+".dpkg-new", s.layout.Program(slots.Packaged)))
	out, err := s.updater("adopt").CombinedOutput()
	require.NoError(t, err, "%s", out)
	s.stop() // what packages do
	s.start()
	require.NoError(t, apply.Wait(), "the updater notices and goes")
	st := s.ends("1.4.0", "adopted")
	require.Equal(t, slots.Idle, st.Stage)
}

func TestOlderPackageTakesOverByForceOnly(t *testing.T) {
	t.Parallel()
	s := openShop(t, nature{Version: older})
	s.offer(nature{Version: newer}, update.Step{})
	s.apply()
	s.ends(newer, "done")
	for _, force := range []bool{false, true} {
		args := []string{"adopt", "-version", "1.1.0"}
		if force {
			args = append(args, "-force")
		}
		out, err := s.updater(args...).CombinedOutput()
		require.NoError(t, err, "%s", out)
		link, err := os.Readlink(filepath.Join(s.layout.Programs, slots.Current))
		require.NoError(t, err)
		require.Equal(t, force, link == slots.Packaged)
	}
}

// killed runs an update whose updater is killed, and tells whether it was.
func (s *shop) killed(at int) bool {
	s.t.Helper()
	c := s.updater("apply")
	c.Env = append(c.Env, fmt.Sprintf("%s=%d", cutEnv, at))
	err := c.Run()
	var exit *exec.ExitError
	require.True(s.t, err == nil || (errors.As(err, &exit) && exit.ExitCode() == -1), "killed or done, not failed: %v", err)
	return err != nil
}

// The updater is killed for real; then either it is started again, or the machine was restarted too.
func TestKilledUpdaterIsResumed(t *testing.T) {
	t.Parallel()
	for name, story := range map[string]struct {
		n    nature
		ends string
		code string
	}{
		"well": {nature{Version: newer}, newer, "done"},
		"ill":  {nature{Version: newer, Crash: true}, older, "held"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			kills := 0
			for at := 3; ; at += 7 {
				s := openShop(t, nature{Version: older})
				s.offer(story.n, update.Step{})
				if !s.killed(at) {
					break
				}
				kills++
				if at%2 == 0 {
					s.stop()
					s.start()
				}
				s.apply()
				s.apply()
				s.ends(story.ends, story.code)
			}
			require.Greater(t, kills, 6)
			t.Logf("%d kills", kills)
		})
	}
}
