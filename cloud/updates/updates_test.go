package updates_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"io/fs"
	"log/slog"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/theupdateframework/go-tuf/v2/metadata"
	"github.com/theupdateframework/go-tuf/v2/metadata/config"
	"github.com/theupdateframework/go-tuf/v2/metadata/updater"

	"github.com/kopilka/kopilka/cloud/updates"
	"github.com/kopilka/kopilka/cloud/updates/updatestest"
	"github.com/kopilka/kopilka/ledger/sale"
	"github.com/kopilka/kopilka/sync/update"
)

// office is a repository behind a real listener.
type office struct {
	t     testing.TB
	repo  *updates.Repo
	stick string
	url   string
	ahead atomic.Int64 // seconds that its clock is ahead
}

// vouch stands for the organisation's signature, which sync/update tests.
func vouch(context.Context, []byte) ([]byte, error) { return []byte("vouched"), nil }

func open(t testing.TB) *office {
	o := &office{t: t, stick: filepath.Join(t.TempDir(), "stick")}
	o.repo = o.at(filepath.Join(t.TempDir(), "updates"))
	server := httptest.NewServer(o.repo.Handler())
	t.Cleanup(server.Close)
	o.url = server.URL
	return o
}

func (o *office) at(folder string) *updates.Repo {
	now := func() time.Time { return time.Now().Add(time.Duration(o.ahead.Load()) * time.Second) }
	return &updates.Repo{Folder: folder, Now: now, Random: rand.Reader, Logger: slog.New(slog.NewTextHandler(io.Discard, nil))}
}

func (o *office) init() {
	o.t.Helper()
	require.NoError(o.t, o.repo.Init(o.t.Context(), o.stick, nil, vouch))
}

func (o *office) keys() *updates.Keys {
	o.t.Helper()
	k, err := updates.ReadKeys([]string{o.stick}, nil)
	require.NoError(o.t, err)
	return k
}

// till is a client as a till is one, with what it has come to trust.
type till struct {
	o    *office
	dir  string
	root []byte
}

func (o *office) till() *till {
	root, err := os.ReadFile(filepath.Join(o.repo.Folder, "metadata", "1.root.json"))
	require.NoError(o.t, err)
	return &till{o, o.t.TempDir(), root}
}

// refresh answers the plan and the programs that the till believes in.
func (x *till) refresh() (plan update.Plan, programs map[string]*metadata.TargetFiles, err error) {
	u, err := x.updater()
	if err != nil {
		return plan, nil, err
	}
	if err := u.Refresh(); err != nil {
		return plan, nil, err
	}
	info, err := u.GetTargetInfo(update.RolloutFile)
	if err != nil {
		return plan, nil, err
	}
	_, raw, err := u.DownloadTarget(info, filepath.Join(x.dir, "plan"), "")
	if err != nil {
		return plan, nil, err
	}
	return plan, u.GetTopLevelTargets(), json.Unmarshal(raw, &plan)
}

func (x *till) updater() (*updater.Updater, error) {
	c, err := config.New(x.o.url+"/updates/metadata", x.root)
	require.NoError(x.o.t, err)
	c.LocalMetadataDir, c.LocalTargetsDir, c.RemoteTargetsURL = x.dir, x.dir, x.o.url+"/updates/targets"
	require.NoError(x.o.t, c.SetDefaultFetcherRetry(time.Millisecond, 1))
	u, err := updater.New(c)
	if err == nil {
		u.UnsafeSetRefTime(x.o.repo.Now())
	}
	return u, err
}

// built are the programs of the tests, made once.
var (
	builtMu sync.Mutex
	built   = map[string]program{}
)

type program struct {
	update.Artefact
	raw []byte
}

func artefact(t testing.TB, version, goos string) update.Artefact {
	builtMu.Lock()
	defer builtMu.Unlock()
	name := version + "-" + goos + "-amd64"
	if _, found := built[name]; !found {
		dir, a := updatestest.Build(t, version, goos)
		raw, err := os.ReadFile(filepath.Join(dir, a.File))
		require.NoError(t, err)
		built[name] = program{a, raw}
	}
	return built[name].Artefact
}

// release writes a release file beside copies of its programs.
func release(t testing.TB, version string, all ...update.Artefact) string {
	builtMu.Lock()
	defer builtMu.Unlock()
	dir := t.TempDir()
	for _, a := range all {
		if p, found := built[a.File]; found {
			require.NoError(t, os.WriteFile(filepath.Join(dir, a.File), p.raw, 0o600))
		}
	}
	return updatestest.List(t, dir, version, all...)
}

func (o *office) add(version string) {
	o.t.Helper()
	_, err := o.repo.Add(o.t.Context(), release(o.t, version, artefact(o.t, version, "linux")), o.keys())
	require.NoError(o.t, err)
}

func (o *office) plan(steps ...update.Step) update.Plan {
	o.t.Helper()
	v, err := o.repo.Look(o.t.Context())
	require.NoError(o.t, err)
	p, err := o.repo.SetPlan(o.t.Context(), v.Plan.Serial, update.Plan{Steps: steps}, []sale.StoreNo{1, 2})
	require.NoError(o.t, err)
	return p
}

func TestFromNothingToATill(t *testing.T) {
	t.Parallel()
	o := open(t)
	_, err := o.repo.Look(t.Context())
	require.ErrorIs(t, err, update.ErrNone)
	o.init()
	require.ErrorIs(t, o.repo.Init(t.Context(), o.stick+"2", nil, vouch), updates.ErrExists)
	x := o.till()
	plan, programs, err := x.refresh()
	require.NoError(t, err)
	require.Empty(t, plan.Steps)
	require.Empty(t, programs)

	out, err := o.repo.Add(t.Context(), release(t, "1.3.0", artefact(t, "1.3.0", "linux"), artefact(t, "1.3.0", "windows")), o.keys())
	require.NoError(t, err)
	require.Len(t, out.New, 2)
	set := o.plan(update.Step{Version: "1.3.0", Stores: []sale.StoreNo{2}, Share: 1000})
	got, programs, err := x.refresh()
	require.NoError(t, err)
	require.Equal(t, set, got)
	require.Contains(t, programs, "agent/1.3.0/windows-amd64/kopilka-agent.exe")

	u, err := x.updater()
	require.NoError(t, err)
	info, err := u.GetTargetInfo("agent/1.3.0/linux-amd64/kopilka-agent")
	require.NoError(t, err)
	file, _, err := u.DownloadTarget(info, filepath.Join(x.dir, "agent"), "")
	require.NoError(t, err)
	require.NoError(t, os.Chmod(file, 0o700))
	said, err := exec.Command(file).CombinedOutput()
	require.NoError(t, err)
	require.Equal(t, "1.3.0\n", string(said), "the very program")

	o.add("1.4.0")
	o.plan(update.Step{Version: "1.3.0", Share: update.Everybody}, update.Step{Version: "1.4.0", Share: 100})
	require.ErrorIs(t, o.repo.Withdraw(t.Context(), "1.4.0", o.keys()), updates.ErrPlanned)
	got, programs, err = x.refresh()
	require.NoError(t, err)
	require.Contains(t, programs, "agent/1.4.0/linux-amd64/kopilka-agent")
	require.Len(t, got.Steps, 2, "the plan stays")
	o.plan(update.Step{Version: "1.3.0", Share: update.Everybody})
	require.NoError(t, o.repo.Withdraw(t.Context(), "1.4.0", o.keys()))
	got, programs, err = x.refresh()
	require.NoError(t, err)
	require.NotContains(t, programs, "agent/1.4.0/linux-amd64/kopilka-agent")
	require.Len(t, got.Steps, 1)
	v, err := o.repo.Look(t.Context())
	require.NoError(t, err)
	require.Len(t, v.Versions, 1)
	require.True(t, v.Vouched)
}

func TestAddRefusesWhatIsNotWhatItSays(t *testing.T) {
	t.Parallel()
	o := open(t)
	o.init()
	good := artefact(t, "1.3.0", "linux")
	for name, bend := range map[string]func(a *update.Artefact){
		"hash":             func(a *update.Artefact) { a.SHA256 = strings.Repeat("0", 64) },
		"other system":     func(a *update.Artefact) { a.OS = "windows" },
		"other machine":    func(a *update.Artefact) { a.Arch = "arm64" },
		"no system":        func(a *update.Artefact) { a.OS = "plan9" },
		"other version":    func(a *update.Artefact) { a.Version = "1.3.1" },
		"no file":          func(a *update.Artefact) { a.File = "nothing" },
		"a file elsewhere": func(a *update.Artefact) { a.File = "../1.3.0-linux-amd64" },
		"long notes":       func(a *update.Artefact) { a.Notes.EN = strings.Repeat("x", 5000) },
		"other program":    func(a *update.Artefact) { a.Name = "kopilka-cloud" },
	} {
		a := good
		bend(&a)
		_, err := o.repo.Add(t.Context(), release(t, a.Version, a), o.keys())
		require.ErrorIs(t, err, updates.ErrRelease, name)
	}
	a := artefact(t, "1.3.0", "linux")
	_, err := o.repo.Add(t.Context(), release(t, "1.2.0", a), o.keys())
	require.ErrorContains(t, err, "of version 1.3.0, the release of 1.2.0")
	v, err := o.repo.Look(t.Context())
	require.NoError(t, err)
	require.Empty(t, v.Versions)

	o.add("1.3.0")
	out, err := o.repo.Add(t.Context(), release(t, "1.3.0", good), o.keys())
	require.NoError(t, err)
	require.Len(t, out.Known, 1, "twice is as good as once")
	other := changed(t, good)
	_, err = o.repo.Add(t.Context(), other, o.keys())
	require.ErrorIs(t, err, updates.ErrTaken)
	require.NoError(t, o.repo.Withdraw(t.Context(), "1.3.0", o.keys()))
	_, err = o.repo.Add(t.Context(), other, o.keys())
	require.ErrorIs(t, err, updates.ErrTaken, "nor after it was withdrawn")
}

// changed is a release of the same name with a byte more.
func changed(t *testing.T, a update.Artefact) string {
	builtMu.Lock()
	raw := append(bytes.Clone(built[a.File].raw), 0)
	builtMu.Unlock()
	sum := sha256.Sum256(raw)
	a.SHA256 = hex.EncodeToString(sum[:])
	file := release(t, a.Version, a)
	require.NoError(t, os.WriteFile(filepath.Join(filepath.Dir(file), a.File), raw, 0o600))
	return file
}

func TestPlanRefusesWhatCannotBe(t *testing.T) {
	t.Parallel()
	o := open(t)
	o.init()
	o.add("1.3.0")
	v, err := o.repo.Look(t.Context())
	require.NoError(t, err)
	_, err = o.repo.SetPlan(t.Context(), v.Plan.Serial, update.Plan{Steps: []update.Step{
		{Version: "9.9.9", Share: 1}, {Version: "1.3.0", Share: 10001}, {Version: "1.3.0", Share: 0}, {Version: "1.3.0", Share: 1, Stores: []sale.StoreNo{7}},
	}}, []sale.StoreNo{1})
	require.ErrorIs(t, err, updates.ErrPlan)
	for _, want := range []string{"step 1: version 9.9.9", "step 2: a share of 100.01% is not", "step 3: a share of 0% is not", "step 4: there is no store 7", "шаг 4: нет магазина 7"} {
		require.ErrorContains(t, err, want)
	}
	require.Equal(t, 1, strings.Count(err.Error(), updates.ErrPlan.Error()), "one heading above all of them")
	_, err = o.repo.SetPlan(t.Context(), v.Plan.Serial+1, update.Plan{}, nil)
	require.ErrorIs(t, err, updates.ErrStale)
	first := o.plan()
	second := o.plan()
	require.Greater(t, second.Serial, first.Serial, "also within a second")
}

// TestRotations takes a till that knows only the first root through everything that may happen to keys, and a till
// that is there all along.
func TestRotations(t *testing.T) {
	t.Parallel()
	o := open(t)
	o.init()
	late, early := o.till(), o.till()
	see := func() {
		t.Helper()
		_, programs, err := early.refresh()
		require.NoError(t, err)
		require.Contains(t, programs, "agent/1.3.0/linux-amd64/kopilka-agent")
	}
	o.add("1.3.0")
	see()
	require.NoError(t, o.repo.Rotate(t.Context(), o.keys(), updates.Operators))
	see()
	require.NoError(t, o.repo.Rotate(t.Context(), o.keys(), updates.Online))
	see()
	require.NoError(t, o.repo.Refresh(t.Context()))
	see()
	require.NoError(t, o.repo.Renew(t.Context(), o.keys()))
	o.plan(update.Step{Version: "1.3.0", Share: 1})
	see()
	_, programs, err := late.refresh()
	require.NoError(t, err, "three roots in one step")
	require.Len(t, programs, 1)
	files, err := filepath.Glob(filepath.Join(o.repo.Folder, "keys", "*.pem"))
	require.NoError(t, err)
	require.Len(t, files, 3, "the keys that were replaced are gone")

	// Half of the keys do nothing, and a stranger's neither.
	before, err := o.repo.Look(t.Context())
	require.NoError(t, err)
	other := open(t)
	other.init()
	for _, which := range []updates.Which{updates.Operators, updates.Online} {
		require.ErrorIs(t, o.repo.Rotate(t.Context(), other.keys(), which), updates.ErrKeys)
	}
	_, err = o.repo.Add(t.Context(), release(t, "1.4.0", artefact(t, "1.4.0", "linux")), other.keys())
	require.ErrorIs(t, err, updates.ErrKeys)
	require.ErrorIs(t, o.repo.Withdraw(t.Context(), "1.3.0", other.keys()), updates.ErrKeys)
	after, err := o.repo.Look(t.Context())
	require.NoError(t, err)
	require.Equal(t, before, after)
	see()
}

func TestTwoOfThreeRootKeysInDifferentSafes(t *testing.T) {
	t.Parallel()
	o := open(t)
	passphrase := []byte("три слова и точка.")
	require.NoError(t, o.repo.Init(t.Context(), o.stick, passphrase, vouch))
	x := o.till()
	_, err := updates.ReadKeys([]string{o.stick}, []byte("other"))
	require.ErrorIs(t, err, updates.ErrKeys)
	roots, err := filepath.Glob(filepath.Join(o.stick, "root-*.pem"))
	require.NoError(t, err)
	require.Len(t, roots, 3)
	safe := t.TempDir()
	require.NoError(t, os.Rename(roots[0], filepath.Join(safe, "a.pem")))
	require.NoError(t, os.Remove(roots[1]))
	alone, err := updates.ReadKeys([]string{o.stick}, passphrase)
	require.NoError(t, err)
	require.ErrorIs(t, o.repo.Rotate(t.Context(), alone, updates.Operators), updates.ErrKeys)
	both, err := updates.ReadKeys([]string{o.stick, safe}, passphrase)
	require.NoError(t, err)
	require.NoError(t, o.repo.Rotate(t.Context(), both, updates.Operators))
	_, _, err = x.refresh()
	require.NoError(t, err)
}

// TestRestoredFromABackup brings back a folder that is older than what a till has seen.
func TestRestoredFromABackup(t *testing.T) {
	t.Parallel()
	for name, meanwhile := range map[string]func(o *office){
		"a plan":       func(o *office) { o.plan(update.Step{Version: "1.3.0", Share: 7}) },
		"a version":    func(o *office) { o.add("1.4.0") },
		"new keys":     func(o *office) { require.NoError(t, o.repo.Rotate(t.Context(), o.keys(), updates.Operators)) },
		"new own keys": func(o *office) { require.NoError(t, o.repo.Rotate(t.Context(), o.keys(), updates.Online)) },
	} {
		t.Run(name, func(t *testing.T) {
			o := open(t)
			o.init()
			o.add("1.3.0")
			backup := t.TempDir()
			require.NoError(t, os.CopyFS(backup, os.DirFS(o.repo.Folder)))
			x := o.till()
			o.ahead.Add(3600)
			meanwhile(o)
			_, _, err := x.refresh()
			require.NoError(t, err)
			require.NoError(t, os.RemoveAll(o.repo.Folder))
			require.NoError(t, os.CopyFS(o.repo.Folder, os.DirFS(backup)))
			_, _, err = x.refresh()
			require.Error(t, err, "older than what it knows: the till holds on to that")
			o.ahead.Add(3600)

			require.NoError(t, o.repo.Refresh(t.Context()))
			_, _, err = x.refresh()
			if name == "a plan" {
				require.NoError(t, err, "head office alone can mend this")
			} else {
				require.Error(t, err)
				err := o.repo.Renew(t.Context(), o.keys())
				if name == "new own keys" {
					require.ErrorContains(t, err, "rotate -online")
					err = o.repo.Rotate(t.Context(), o.keys(), updates.Online)
				}
				require.NoError(t, err)
				_, _, err = x.refresh()
				require.NoError(t, err, "with the operator's keys it goes on")
			}
			_, _, err = o.till().refresh()
			require.NoError(t, err, "a new till as well")
		})
	}
}

func TestWritersTakeTurns(t *testing.T) {
	t.Parallel()
	o := open(t)
	o.init()
	o.add("1.3.0")
	x := o.till()
	var wg sync.WaitGroup
	for range 8 {
		same := o.at(o.repo.Folder) // as another process would
		wg.Go(func() {
			for range 5 {
				if err := same.Refresh(t.Context()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for range 20 {
		_, _, err := x.refresh()
		require.NoError(t, err)
	}
	wg.Wait()
	_, _, err := x.refresh()
	require.NoError(t, err)
}

func TestWhatLiesThereADayIsTidiedUp(t *testing.T) {
	t.Parallel()
	o := open(t)
	o.init()
	o.add("1.3.0")
	require.NoError(t, o.repo.Withdraw(t.Context(), "1.3.0", o.keys()))
	old := time.Now().Add(-25 * time.Hour)
	count := func() (n int) {
		require.NoError(t, filepath.WalkDir(o.repo.Folder, func(path string, d fs.DirEntry, err error) error {
			if !d.IsDir() {
				n++
				require.NoError(t, os.Chtimes(path, old, old))
			}
			return err
		}))
		return n
	}
	require.Greater(t, count(), 15)
	require.NoError(t, o.repo.Refresh(t.Context()))
	require.LessOrEqual(t, count(), 12)
	_, _, err := o.till().refresh()
	require.NoError(t, err)
}

func TestTillNoticesThatItIsHeldBack(t *testing.T) {
	t.Parallel()
	o := open(t)
	o.init()
	x := o.till()
	_, _, err := x.refresh()
	require.NoError(t, err)
	o.ahead.Add(8 * 24 * 3600)
	_, _, err = x.refresh()
	require.ErrorContains(t, err, "expired")
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { o.repo.Run(ctx); close(done) }()
	require.Eventually(t, func() bool { _, _, err := x.refresh(); return err == nil }, time.Minute, 20*time.Millisecond)
	cancel()
	<-done
}
