package slots_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/installer/slots"
)

// mark is the Switch of these tests on every system: a name in a variable.
type mark struct{ slot string }

func (m *mark) Slot() (string, error)    { return m.slot, nil }
func (m *mark) Choose(slot string) error { m.slot = slot; return nil }
func (m *mark) Settle() error            { return nil }

func open(t *testing.T) (*slots.Slots, *mark) {
	at := t.TempDir()
	l := slots.Layout{Programs: filepath.Join(at, "programs"), State: filepath.Join(at, "state"), Exe: slots.System().Exe}
	for _, folder := range []string{filepath.Join(l.Programs, slots.Packaged), l.State} {
		require.NoError(t, os.MkdirAll(folder, 0o755))
	}
	require.NoError(t, os.WriteFile(l.Program(slots.Packaged), []byte("packaged"), 0o755))
	m := &mark{}
	return slots.Open(l, slots.OS(), m), m
}

func place(t *testing.T, s *slots.Slots, version string) error {
	t.Helper()
	text := "program " + version
	sum := sha256.Sum256([]byte(text))
	return s.Place(t.Context(), version, strings.NewReader(text), int64(len(text)), hex.EncodeToString(sum[:]))
}

func never(string) bool  { return false }
func always(string) bool { return true }

func adopt(t *testing.T, s *slots.Slots, version string, take func(string) bool) bool {
	t.Helper()
	took, err := s.Adopt(t.Context(), version, take)
	require.NoError(t, err)
	return took
}

func TestPackageIsAdopted(t *testing.T) {
	s, m := open(t)
	require.True(t, adopt(t, s, "1.2.0", never), "there was nothing before")
	require.Equal(t, slots.Packaged, m.slot)
	require.False(t, adopt(t, s, "1.2.0", never), "again changes nothing")

	require.NoError(t, place(t, s, "1.3.0"))
	require.NoError(t, s.Begin(t.Context(), slots.Trial{Version: "1.3.0", To: "versions/1.3.0"}))
	require.NoError(t, s.Try(t.Context(), "1.3.0"))
	require.False(t, adopt(t, s, "1.2.1", never))
	require.Equal(t, "versions/1.3.0", m.slot, "an older package does not take over")
	st, err := s.Peek()
	require.NoError(t, err)
	require.Equal(t, slots.OnTry, st.Stage, "and does not disturb the trial")
	require.Equal(t, "1.2.1", st.Packaged)

	require.True(t, adopt(t, s, "1.4.0", always))
	require.Equal(t, slots.Packaged, m.slot)
	st, err = s.Peek()
	require.NoError(t, err)
	require.Equal(t, slots.State{Packaged: "1.4.0", Verdicts: st.Verdicts}, st, "no trial is left")
	require.ErrorIs(t, s.Commit(t.Context(), "1.3.0", always), slots.ErrOver)
	require.ErrorIs(t, s.Try(t.Context(), "1.3.0"), slots.ErrOver)

	require.NoError(t, os.Remove(s.Layout.Program(slots.Packaged)))
	_, err = s.Adopt(t.Context(), "1.5.0", always)
	require.NoError(t, err, "it is current already")
	m.slot = "versions/1.3.0"
	_, err = s.Adopt(t.Context(), "1.5.0", always)
	require.ErrorIs(t, err, slots.ErrNotWhole)
	require.Equal(t, "versions/1.3.0", m.slot)
}

func TestPlaceTakesOnlyWhatWasVerified(t *testing.T) {
	s, _ := open(t)
	adopt(t, s, "1.2.0", never)
	err := s.Place(t.Context(), "1.3.0", strings.NewReader("something else"), 14, strings.Repeat("ab", 32))
	require.ErrorIs(t, err, slots.ErrAltered)
	require.NoFileExists(t, s.Layout.Program("versions/1.3.0"))
	require.NoFileExists(t, s.Layout.Program("versions/1.3.0")+".new")

	require.NoError(t, place(t, s, "1.3.0"))
	require.NoError(t, place(t, s, "1.3.0"), "again is no error")
	st, err := s.Peek()
	require.NoError(t, err)
	require.Equal(t, slots.Placed, st.Stage)
	require.Equal(t, "1.3.0", st.Placed)

	require.NoError(t, os.WriteFile(s.Layout.Program("versions/1.3.0"), []byte("half a pro"), 0o755))
	require.NoError(t, place(t, s, "1.3.0"), "what lies there and is not it is replaced")
	raw, err := os.ReadFile(s.Layout.Program("versions/1.3.0"))
	require.NoError(t, err)
	require.Equal(t, "program 1.3.0", string(raw))

	s.Disk.Free = func(string) (int64, error) { return slots.Margin, nil }
	require.ErrorIs(t, place(t, s, "1.4.0"), slots.ErrFull)
}

func TestCurrentIsNeverOverwrittenAndNeverMissing(t *testing.T) {
	s, m := open(t)
	adopt(t, s, "1.2.0", never)
	require.NoError(t, s.Begin(t.Context(), slots.Trial{Version: "1.3.0", To: "versions/1.3.0"}))
	require.ErrorIs(t, s.Try(t.Context(), "1.3.0"), slots.ErrNotWhole, "nobody placed it")
	require.Equal(t, slots.Packaged, m.slot)
	require.Error(t, s.Begin(t.Context(), slots.Trial{Version: "1.4.0", To: "versions/1.4.0"}), "one trial at a time")
	require.NoError(t, place(t, s, "1.3.0"))
	require.NoError(t, s.Try(t.Context(), "1.3.0"))
	require.Error(t, place(t, s, "1.3.0"), "it is current")
	require.Error(t, s.Forget(t.Context(), "1.3.0"), "a trial of what is current is not forgotten")
	require.NoError(t, s.Commit(t.Context(), "1.3.0", never))

	require.NoError(t, os.RemoveAll(filepath.Join(s.Layout.Programs, slots.Versions)))
	mended, err := s.Mend(t.Context())
	require.NoError(t, err)
	require.True(t, mended)
	require.Equal(t, slots.Packaged, m.slot)
	st, err := s.Peek()
	require.NoError(t, err)
	require.Equal(t, "1.2.0", st.Packaged)
}

// The version to go back to may have been lost meanwhile; then the package's is better than one that is ill.
func TestWayBackWithoutTheOldVersion(t *testing.T) {
	s, m := open(t)
	adopt(t, s, "1.2.0", never)
	for _, v := range []string{"1.3.0", "1.4.0"} {
		require.NoError(t, place(t, s, v))
		require.NoError(t, s.Begin(t.Context(), slots.Trial{Version: v, To: slots.SlotOf(v)}))
		require.NoError(t, s.Try(t.Context(), v))
		if v == "1.3.0" {
			require.NoError(t, s.Commit(t.Context(), v, never))
		}
	}
	require.NoError(t, os.Remove(s.Layout.Program("versions/1.3.0")))
	require.NoError(t, s.Return(t.Context(), "1.4.0", slots.Reason{Code: "crash"}, false))
	require.NoError(t, s.Back(t.Context(), "1.4.0"))
	require.Equal(t, slots.Packaged, m.slot)
	require.NoError(t, s.Returned(t.Context(), "1.4.0", 3))
	st, err := s.Peek()
	require.NoError(t, err)
	require.True(t, st.Verdicts["1.4.0"].Bad)
}

func TestPruneKeepsWhatSomebodyCanWant(t *testing.T) {
	s, m := open(t)
	adopt(t, s, "1.2.0", never)
	require.NoError(t, s.Prune(t.Context()), "there are no versions yet")
	for _, v := range []string{"1.3.0", "1.4.0", "1.5.0"} {
		require.NoError(t, place(t, s, v))
		require.NoError(t, s.Begin(t.Context(), slots.Trial{Version: v, To: slots.SlotOf(v)}))
		require.NoError(t, s.Try(t.Context(), v))
		require.NoError(t, s.Commit(t.Context(), v, never))
	}
	require.NoError(t, place(t, s, "1.6.0"))
	require.NoError(t, s.Prune(t.Context()))
	left, err := slots.OS().List(filepath.Join(s.Layout.Programs, slots.Versions))
	require.NoError(t, err)
	require.Equal(t, []string{"1.4.0", "1.5.0", "1.6.0"}, left, "before, current, on its way")
	require.Equal(t, "versions/1.5.0", m.slot)
}

func TestLockIsOneAtATime(t *testing.T) {
	s, _ := open(t)
	unlock, taken, err := s.Layout.Lock(t.Context(), slots.RunLock)
	require.NoError(t, err)
	require.True(t, taken)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	_, taken, err = s.Layout.Lock(ctx, slots.RunLock)
	require.NoError(t, err)
	require.False(t, taken)
	unlock()
	unlock, taken, err = s.Layout.Lock(t.Context(), slots.RunLock)
	require.NoError(t, err)
	require.True(t, taken)
	unlock()
}

func TestStatusIsForEverybody(t *testing.T) {
	s, _ := open(t)
	_, err := slots.ReadStatus(s.Layout)
	require.ErrorIs(t, err, os.ErrNotExist)
	adopt(t, s, "1.2.0", never)
	require.NoError(t, s.Publish("1.3.0", slots.Reason{Code: "busy", Text: slots.Text{RU: "ждёт", EN: "waits"}}))
	st, err := slots.ReadStatus(s.Layout)
	require.NoError(t, err)
	require.Equal(t, "1.2.0", st.Version)
	require.Equal(t, "ждёт", st.Says.RU)

	require.NoError(t, os.WriteFile(filepath.Join(s.Layout.State, slots.StateFile), []byte(`{"stage":"","more":1}`), 0o600))
	_, _, err = s.View()
	require.ErrorIs(t, err, slots.ErrState, "what a newer updater wrote is not lost by an older one")
}

// An administrator who installs a newer package while the updater goes back gets that package.
func TestPackageOnTheWayBackTakesOver(t *testing.T) {
	s, m := open(t)
	adopt(t, s, "1.2.0", never)
	for _, v := range []string{"1.3.0", "1.4.0"} {
		require.NoError(t, place(t, s, v))
		require.NoError(t, s.Begin(t.Context(), slots.Trial{Version: v, To: slots.SlotOf(v)}))
		require.NoError(t, s.Try(t.Context(), v))
		if v == "1.3.0" {
			require.NoError(t, s.Commit(t.Context(), v, never))
		}
	}
	require.NoError(t, s.Return(t.Context(), "1.4.0", slots.Reason{Code: "crash"}, false))
	require.True(t, adopt(t, s, "1.5.0", always))
	require.NoError(t, s.Back(t.Context(), "1.4.0"))
	require.Equal(t, slots.Packaged, m.slot)
	require.NoError(t, s.Returned(t.Context(), "1.4.0", 3))

	// The current program is lost on the way back: the one before is better than the package's.
	require.NoError(t, place(t, s, "1.6.0"))
	m.slot = "versions/1.3.0"
	require.NoError(t, s.Begin(t.Context(), slots.Trial{Version: "1.6.0", To: "versions/1.6.0"}))
	require.NoError(t, s.Try(t.Context(), "1.6.0"))
	require.NoError(t, s.Return(t.Context(), "1.6.0", slots.Reason{Code: "crash"}, false))
	require.NoError(t, os.Remove(s.Layout.Program("versions/1.6.0")))
	mended, err := s.Mend(t.Context())
	require.NoError(t, err)
	require.True(t, mended)
	require.Equal(t, "versions/1.3.0", m.slot)
}
