package main

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/agent"
	"github.com/kopilka/kopilka/cloud/updates"
	"github.com/kopilka/kopilka/installer/slots"
	"github.com/kopilka/kopilka/ledger/sale"
	"github.com/kopilka/kopilka/sync/update"
	"github.com/kopilka/kopilka/sync/uplink"
	"github.com/kopilka/kopilka/sync/wire"
)

// offering is a real repository of head office that offers 9.9.0 to everybody, and a till of it.
type offering struct {
	*testing.T
	repo   *updates.Repo
	id     uplink.Identity
	config agent.Config
	path   string // of the config
	server *httptest.Server
	now    time.Time // the till's
}

func newOffering(t *testing.T) *offering {
	t.Helper()
	root, rootKey, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	o := &offering{T: t, id: uplink.Identity{Org: 4, Store: 2, Till: 9, Root: root}, now: time.Now()}
	o.repo = &updates.Repo{Folder: filepath.Join(t.TempDir(), "repo"), Now: time.Now, Random: rand.Reader, Logger: slog.New(slog.DiscardHandler)}
	stick := filepath.Join(t.TempDir(), "stick")
	require.NoError(t, o.repo.Init(t.Context(), stick, nil, func(_ context.Context, first []byte) ([]byte, error) {
		public, key, err := ed25519.GenerateKey(rand.Reader)
		require.NoError(t, err)
		cert, err := wire.SignCert(rootKey, wire.Cert{Org: o.id.Org, Role: wire.RoleUpdates, Key: public, Serial: 1})
		require.NoError(t, err)
		return update.SignVouch(key, cert, update.Vouch{Org: o.id.Org, Root: sha256.Sum256(first), At: sale.At(time.Now())})
	}))
	keys, err := updates.ReadKeys([]string{stick}, nil)
	require.NoError(t, err)
	_, err = o.repo.Add(t.Context(), release(t), keys)
	require.NoError(t, err)
	v, err := o.repo.Look(t.Context())
	require.NoError(t, err)
	_, err = o.repo.SetPlan(t.Context(), v.Plan.Serial, update.Plan{Steps: []update.Step{{Version: "9.9.0", Share: update.Everybody}}}, []sale.StoreNo{2})
	require.NoError(t, err)
	o.server = httptest.NewServer(o.repo.Handler())
	t.Cleanup(o.server.Close)
	o.id.URL = o.server.URL

	o.path = ill(t, "")
	o.config, err = agent.LoadConfig(o.path)
	require.NoError(t, err)
	_, o.id.Key, err = ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	o.id.Cert, err = wire.SignCert(rootKey, wire.Cert{Org: o.id.Org, Role: wire.RoleTill, Key: o.id.Key.Public().(ed25519.PublicKey), Till: o.id.Till, Store: o.id.Store, Serial: 2})
	require.NoError(t, err)
	require.NoError(t, o.id.Save(filepath.Join(o.config.Data, identityFile)))
	return o
}

// release is a built program with its release file, as packaging leaves them.
func release(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"go.mod":  "module example.test/kopilka-agent\n\ngo 1.26\n",
		"main.go": "package main\n\nvar version string\n\nfunc main() { println(version) }\n",
	} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	build := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-ldflags=-s -w -X main.version=9.9.0", "-o", "agent", ".")
	build.Dir, build.Env = dir, append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=")
	out, err := build.CombinedOutput()
	require.NoError(t, err, string(out))
	body, err := os.ReadFile(filepath.Join(dir, "agent"))
	require.NoError(t, err)
	sum := sha256.Sum256(body)
	b, err := json.Marshal(update.Release{Version: "9.9.0", Programs: []update.Artefact{{
		Program: update.Program{
			Name: update.AgentProgram, Version: "9.9.0", OS: runtime.GOOS, Arch: runtime.GOARCH, Ledger: update.Ledger{Writes: 1, Reads: 1},
			Notes: update.Text{RU: "быстрее", EN: "faster"},
		},
		File: "agent", SHA256: hex.EncodeToString(sum[:]),
	}}})
	require.NoError(t, err)
	file := filepath.Join(dir, "release.json")
	require.NoError(t, os.WriteFile(file, b, 0o600))
	return file
}

// till is the daemon's part that asks for updates.
func (o *offering) till() *updating {
	o.Helper()
	opts := updateOptions(o.config, o.id, func() time.Time { return o.now })
	opts.BytesPerSecond = 0
	client, err := update.NewClient(opts)
	require.NoError(o, err)
	u := &updating{client: client, folder: opts.Folder, config: o.config.Updates, log: slog.New(slog.DiscardHandler), local: func() time.Time { return o.now }}
	client.Loading = u.loading
	return u
}

func (o *offering) wanted() string {
	w, err := readWanted(filepath.Join(o.config.Data, update.Folder))
	if err != nil {
		require.ErrorIs(o, err, os.ErrNotExist)
	}
	return w.Version
}

func (o *offering) says(word, lang string) string {
	o.Helper()
	args := []string{"-config", o.path, "-lang", lang}
	if word != "" {
		args = append([]string{word}, args...)
	}
	var out bytes.Buffer
	require.NoError(o, updatesCommand.run(o.Context(), args, &out))
	return out.String()
}

func TestUpdatesFromHeadOfficeToTheUpdater(t *testing.T) {
	o := newOffering(t)
	require.Contains(t, o.says("", "en"), "has not been asked yet")
	u := o.till()
	require.Zero(t, u.look(t.Context(), false), "not yet")
	require.Empty(t, o.wanted())
	require.GreaterOrEqual(t, u.look(t.Context(), true), updatesEvery)
	require.Equal(t, "9.9.0", o.wanted())
	require.Contains(t, o.says("", "en"), "The updater is to install 9.9.0: faster")
	require.Contains(t, o.says("", "ru"), "Служба обновлений должна поставить 9.9.0: быстрее")

	to := filepath.Join(t.TempDir(), "program")
	v, err := update.Verify(update.Request{
		Folder: u.folder, Running: version, OS: runtime.GOOS, Arch: runtime.GOARCH, Now: time.Now(), To: to,
		Trust: update.Trust{Org: o.id.Org, Store: o.id.Store, Till: o.id.Till, OrgRoot: o.id.Root},
	})
	require.NoError(t, err)
	require.Equal(t, "9.9.0", v.Version)
	if runtime.GOOS != "windows" {
		said, err := exec.CommandContext(t.Context(), to).CombinedOutput()
		require.NoError(t, err)
		require.Equal(t, "9.9.0\n", string(said), "it is the program, and it may be run")
	}

	_, err = o.repo.SetPlan(t.Context(), v.Trust.Seen.Plan, update.Plan{Paused: true}, []sale.StoreNo{2})
	require.NoError(t, err)
	u.look(t.Context(), true)
	require.Empty(t, o.wanted(), "head office has paused")
	require.Contains(t, o.says("", "en"), "there are no updates")
}

func TestUpdatesKeepTheStoresHours(t *testing.T) {
	o := newOffering(t)
	o.config.Updates.Hours = "22:00-07:00"
	o.now = time.Date(o.now.Year(), o.now.Month(), o.now.Day(), 21, 59, 0, 0, time.UTC)
	u := o.till()
	u.look(t.Context(), true)
	require.Empty(t, o.wanted(), "downloaded, and not asked for")
	o.now = o.now.Add(time.Minute)
	require.Zero(t, u.look(t.Context(), false))
	require.Equal(t, "9.9.0", o.wanted())
	o.now = o.now.Add(9 * time.Hour)
	u.look(t.Context(), false)
	require.Empty(t, o.wanted(), "the shop opens")
}

func TestUpdatesByHand(t *testing.T) {
	o := newOffering(t)
	o.config.Updates.Auto, o.config.Updates.Hours = false, "03:00-03:01"
	u := o.till()
	require.Zero(t, u.look(t.Context(), true))
	said := o.says("check", "ru")
	require.Contains(t, said, "Офис даёт этой кассе 9.9.0")
	require.Contains(t, said, "service start", "nobody is there to download it")
	require.NotContains(t, said, "за несколько минут")
	running := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "{}") }))
	defer running.Close()
	o.config.Page = running.Listener.Addr().String()
	var out bytes.Buffer
	require.NoError(t, updatesTold{Config: o.config, lang: "en", out: &out, layout: updaterLayout()}.check(t.Context()))
	require.Contains(t, out.String(), "within minutes")
	require.Empty(t, o.wanted(), "the running till does it")
	u.look(t.Context(), false)
	require.Equal(t, "9.9.0", o.wanted())
	u.look(t.Context(), false)
	require.Equal(t, "9.9.0", o.wanted())
}

func TestUpdatesSayWhatIsWrong(t *testing.T) {
	o := newOffering(t)
	u := o.till()
	u.look(t.Context(), true)
	require.Equal(t, "9.9.0", o.wanted())
	o.now = o.now.Add(30 * 24 * time.Hour)
	u.look(t.Context(), true)
	require.Contains(t, o.says("", "ru"), "часы этой кассы неверны")
	require.Equal(t, "9.9.0", o.wanted(), "what was downloaded is judged by the updater's own clock")
	o.now = time.Now()
	o.server.Close()
	pause := u.look(t.Context(), true)
	require.Less(t, pause, updatesEvery, "a line is tried again soon")
	require.Contains(t, o.says("", "en"), "did not answer")
	var out bytes.Buffer
	require.Error(t, updatesCommand.run(t.Context(), []string{"check", "-config", o.path, "-lang", "en"}, &out))
	require.Contains(t, out.String(), "did not answer")
}

func TestAnUpdateThatRunsIsWantedNoMore(t *testing.T) {
	o := newOffering(t)
	before := version
	t.Cleanup(func() { version = before })
	u := o.till()
	u.look(t.Context(), true)
	u.forget()
	require.Equal(t, "9.9.0", o.wanted())
	version = "9.9.0"
	u.forget()
	require.Empty(t, o.wanted())
	require.Contains(t, o.says("check", "en"), "There are no updates: 9.9.0 is running")
}

func TestTheUpdaterLearnsWhomToBelieve(t *testing.T) {
	o := newOffering(t)
	l := slots.Layout{State: filepath.Join(t.TempDir(), "state"), Data: o.config.Data}
	require.NoError(t, trustUpdates(l, filepath.Join(o.config.Data, "demo"), o.id, false, &bytes.Buffer{}))
	require.NoDirExists(t, l.State, "a till of another folder has no updater")
	if runtime.GOOS == "windows" {
		require.NoError(t, os.Mkdir(l.State, 0o700)) // the installer's work, with its rights
	}
	require.NoError(t, trustUpdates(l, o.config.Data, o.id, false, &bytes.Buffer{}))
	file := filepath.Join(l.State, slots.TrustFile)
	trust, err := update.LoadTrust(file)
	require.NoError(t, err)
	require.Equal(t, update.Trust{Org: 4, Store: 2, Till: 9, OrgRoot: o.id.Root}, trust)

	trust.Root, trust.Seen.Plan = []byte("root"), 12
	require.NoError(t, trust.Save(file))
	o.id.Till = 10
	require.NoError(t, trustUpdates(l, o.config.Data, o.id, false, &bytes.Buffer{}))
	again, err := update.LoadTrust(file)
	require.NoError(t, err)
	require.Equal(t, trust.Seen, again.Seen, "what was seen of the same organisation's stays")
	require.Equal(t, sale.TillNo(10), again.Till)
	other := newOffering(t).id
	var refused bytes.Buffer
	require.NoError(t, trustUpdates(l, o.config.Data, other, false, &refused))
	require.Contains(t, refused.String(), "updates trust -replace")
	again, err = update.LoadTrust(file)
	require.NoError(t, err)
	require.Equal(t, o.id.Root, again.OrgRoot, "the folder is the agent's: it does not choose whom root believes")
	require.NoError(t, trustUpdates(l, o.config.Data, other, true, &bytes.Buffer{}))
	again, err = update.LoadTrust(file)
	require.NoError(t, err)
	require.Empty(t, again.Root, "another organisation's counts for nothing")

	if os.Getuid() > 0 {
		require.NoError(t, os.Chmod(l.State, 0o500))
		var out bytes.Buffer
		require.NoError(t, trustUpdates(l, o.config.Data, o.id, false, &out))
		require.Contains(t, out.String(), "kopilka-agent updates trust")
	}
}

// The service enrols the till later, and may not write what the updater believes.
func TestAnEnrolmentThatWaitsSaysWhatTheUpdaterWillNeed(t *testing.T) {
	data := t.TempDir()
	var out bytes.Buffer
	require.NoError(t, believe(slots.Layout{State: t.TempDir(), Data: data}, data, nil, &out))
	require.Contains(t, out.String(), "Once the till has enrolled, an administrator has to run: kopilka-agent updates trust.")
	require.Contains(t, out.String(), "Когда касса подключится")
	out.Reset()
	require.NoError(t, believe(slots.Layout{State: t.TempDir(), Data: t.TempDir()}, data, nil, &out))
	require.Empty(t, out.String(), "a till of another folder has no updater")
}

// A demo beside the real till must not get to choose who makes the real one's programs.
func TestUpdatesTrustIsForTheInstalledTillOnly(t *testing.T) {
	o := newOffering(t)
	l := slots.Layout{State: filepath.Join(t.TempDir(), "state"), Data: filepath.Join(t.TempDir(), "installed")}
	if runtime.GOOS == "windows" {
		require.NoError(t, os.Mkdir(l.State, 0o700))
	}
	var out bytes.Buffer
	u := updatesTold{Config: o.config, lang: "en", out: &out, layout: l}
	for _, replace := range []bool{false, true} {
		require.ErrorContains(t, u.trust(replace), "nothing was changed")
	}
	require.NoFileExists(t, filepath.Join(l.State, slots.TrustFile))
	require.ErrorContains(t, updatesCommand.run(t.Context(), []string{"trust", "-config", o.path}, &out), "nothing was changed", "as the command does")
	require.Empty(t, out.String())

	u.layout.Data = o.config.Data
	require.NoError(t, u.trust(false))
	require.FileExists(t, filepath.Join(l.State, slots.TrustFile))
}

func TestUpdatesCheckTellsItsOwnDiskFromTheLine(t *testing.T) {
	o := newOffering(t)
	gone := filepath.Join(t.TempDir(), "gone")
	for _, name := range []string{"TMPDIR", "TMP", "TEMP"} {
		t.Setenv(name, gone)
	}
	var out bytes.Buffer
	require.Error(t, updatesCommand.run(t.Context(), []string{"check", "-config", o.path, "-lang", "en"}, &out))
	require.Contains(t, out.String(), "on its own disk")
	require.NotContains(t, out.String(), "did not answer")
}

// TestTheDaemonAnswersItsUpdater runs the whole program, as the service does.
func TestTheDaemonAnswersItsUpdater(t *testing.T) {
	o := newOffering(t)
	o.config.Register.Type, o.config.Register.Port = agent.RegisterNone, ""
	p, err := NewProgram(o.config, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- p.Run(ctx) }()
	defer func() { stop(); require.NoError(t, <-ended) }()

	h := healthOf(t, p)
	require.Equal(t, update.Health{Version: version, Ledger: true, Register: true, Scanners: map[string]bool{}, Stage: "sign-in", Idle: true}, h)
	require.Equal(t, http.StatusForbidden, holdAt(t, p, `{"seconds":30}`, ""))
	require.Equal(t, http.StatusOK, holdAt(t, p, `{"seconds":30}`, "1"))
	require.InDelta(t, 30, healthOf(t, p).HeldFor, 10)
	require.Equal(t, http.StatusOK, holdAt(t, p, `{"seconds":0}`, "1"))
	require.Zero(t, healthOf(t, p).HeldFor)
}

func healthOf(t *testing.T, p *Program) (h update.Health) {
	t.Helper()
	a, err := http.Get(p.URL() + "health") //nolint:noctx // this machine answers
	require.NoError(t, err)
	require.NoError(t, errors.Join(json.NewDecoder(a.Body).Decode(&h), a.Body.Close()))
	return h
}

func holdAt(t *testing.T, p *Program, body, script string) int {
	t.Helper()
	q, err := http.NewRequestWithContext(t.Context(), http.MethodPost, p.URL()+"hold", strings.NewReader(body))
	require.NoError(t, err)
	if script != "" {
		q.Header.Set("X-Kopilka", script)
	}
	a, err := http.DefaultClient.Do(q)
	require.NoError(t, err)
	require.NoError(t, a.Body.Close())
	return a.StatusCode
}
