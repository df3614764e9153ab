//go:build !windows

package main

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/cloud/updates"
	"github.com/kopilka/kopilka/installer/slots"
	"github.com/kopilka/kopilka/ledger/sale"
	"github.com/kopilka/kopilka/sync/update"
	"github.com/kopilka/kopilka/sync/wire"
)

var who = update.Who{Org: 1, Store: 2, Till: 3}

// office is head office's own repository behind a real listener, and the operator's keys.
type office struct {
	t      *testing.T
	repo   *updates.Repo
	keys   *updates.Keys
	root   ed25519.PublicKey // the organisation's
	client *update.Client
}

func openOffice(t *testing.T, s *shop) *office {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	_, key, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	cert, err := wire.SignCert(private, wire.Cert{Org: who.Org, Role: wire.RoleUpdates, Key: key.Public().(ed25519.PublicKey), Serial: 1})
	require.NoError(t, err)
	o := &office{t: t, root: public, repo: &updates.Repo{
		Folder: filepath.Join(t.TempDir(), "updates"), Now: time.Now, Random: rand.Reader, Logger: slog.New(slog.DiscardHandler),
	}}
	stick := filepath.Join(t.TempDir(), "stick")
	require.NoError(t, o.repo.Init(t.Context(), stick, nil, func(_ context.Context, root []byte) ([]byte, error) {
		return update.SignVouch(key, cert, update.Vouch{Org: who.Org, Root: sha256.Sum256(root), At: sale.At(time.Now())})
	}))
	o.keys, err = updates.ReadKeys([]string{stick}, nil)
	require.NoError(t, err)
	server := httptest.NewServer(o.repo.Handler())
	t.Cleanup(server.Close)
	o.client, err = update.NewClient(update.Options{
		URL: server.URL, HTTP: http.DefaultClient, Folder: filepath.Join(s.layout.Data, update.Folder), OrgRoot: public, Who: who,
		Running: older, OS: runtime.GOOS, Arch: runtime.GOARCH, Now: time.Now,
	})
	require.NoError(t, err)
	return o
}

// source is a till program of its own: head office looks into a program and takes none that is not named as it must.
const source = `package main

import (
	"fmt"
	"net/http"
	"os"
	"strings"
)

var version string

func main() {
	if os.Args[1] == "version" {
		fmt.Printf("{\"version\":%q,\"ledger\":{\"writes\":1,\"reads\":1}}", version)
		return
	}
	config, err := os.ReadFile(os.Args[1])
	if err != nil {
		panic(err)
	}
	page, _, _ := strings.Cut(strings.TrimPrefix(string(config), "page: "), "\n")
	http.HandleFunc("GET /health", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, "{\"version\":%q,\"ledger\":true,\"head_office\":true,\"register\":true,\"scanners\":{\"counter\":true}}", version)
	})
	panic(http.ListenAndServe(page, nil))
}
`

// build makes that program.
func build(t *testing.T, dir, version string) {
	t.Helper()
	for name, text := range map[string]string{"go.mod": "module example.test/kopilka-agent\n\ngo 1.26\n", "main.go": source} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	c := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-ldflags=-s -w -X main.version="+version, "-o", "program", ".")
	c.Dir, c.Env = dir, append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=")
	out, err := c.CombinedOutput()
	require.NoError(t, err, "%s", out)
}

// publish offers a version to everybody.
func (o *office) publish(version string) {
	o.t.Helper()
	dir := o.t.TempDir()
	build(o.t, dir, version)
	sum, err := sumOf(filepath.Join(dir, "program"), nil)
	require.NoError(o.t, err)
	raw, err := json.Marshal(update.Release{Version: version, Programs: []update.Artefact{{
		Program: update.Program{Name: slots.Agent, Version: version, OS: runtime.GOOS, Arch: runtime.GOARCH, Ledger: update.Ledger{Writes: 1, Reads: 1}},
		File:    "program", SHA256: sum,
	}}})
	require.NoError(o.t, err)
	require.NoError(o.t, os.WriteFile(filepath.Join(dir, "release.json"), raw, 0o600))
	_, err = o.repo.Add(o.t.Context(), filepath.Join(dir, "release.json"), o.keys)
	require.NoError(o.t, err)
	o.plan(update.Plan{Steps: []update.Step{{Version: version, Share: update.Everybody}}})
}

func (o *office) plan(p update.Plan) {
	o.t.Helper()
	view, err := o.repo.Look(o.t.Context())
	require.NoError(o.t, err)
	_, err = o.repo.SetPlan(o.t.Context(), view.Plan.Serial, p, []sale.StoreNo{who.Store})
	require.NoError(o.t, err)
}

// agent does what the agent does.
func (o *office) agent() update.Offer {
	o.t.Helper()
	offer, found, err := o.client.Check(o.t.Context())
	require.NoError(o.t, err)
	require.True(o.t, found)
	require.NoError(o.t, o.client.Want(offer))
	return offer
}

func (s *shop) applySigned() {
	s.t.Helper()
	c := s.updater("apply")
	c.Env = append(c.Env, signedEnv+"=1")
	out, err := c.CombinedOutput()
	s.t.Logf("%v\n%s", err, out)
}

// From head office's repository to a till that runs the new version, with every signature real.
func TestSignedUpdateFromHeadOfficeToTheTill(t *testing.T) {
	t.Parallel()
	s := openShop(t, nature{Version: older})
	o := openOffice(t, s)
	o.publish(newer)
	offer := o.agent()
	s.applySigned()
	s.ends(older, "trust")

	trust := update.Trust{Org: who.Org, Store: who.Store, Till: who.Till, OrgRoot: o.root}
	require.NoError(t, trust.Save(filepath.Join(s.layout.State, slots.TrustFile)))
	program := filepath.Join(s.layout.Data, update.Folder, filepath.FromSlash(offer.File))
	good, err := os.ReadFile(program)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(program, bytes.Replace(good, []byte("scanners"), []byte("stealing"), 1), 0o600))
	s.applySigned()
	s.ends(older, "forged")
	require.NoFileExists(t, s.layout.Program(slots.SlotOf(newer)))

	require.NoError(t, os.WriteFile(program, good, 0o600))
	s.applySigned()
	s.ends(newer, "done")
	kept, err := update.LoadTrust(filepath.Join(s.layout.State, slots.TrustFile))
	require.NoError(t, err)
	require.NotEmpty(t, kept.Root, "the first root is believed once")
	require.Positive(t, kept.Seen.Timestamp)
}

// What head office has taken back is not installed, whatever the agent still asks for.
func TestSignedPlanIsTheLastWord(t *testing.T) {
	t.Parallel()
	s := openShop(t, nature{Version: older})
	o := openOffice(t, s)
	trust := update.Trust{Org: who.Org, Store: who.Store, Till: who.Till, OrgRoot: o.root}
	require.NoError(t, trust.Save(filepath.Join(s.layout.State, slots.TrustFile)))
	o.publish(newer)
	offer := o.agent()
	o.plan(update.Plan{Paused: true})
	_, found, err := o.client.Ask(t.Context())
	require.NoError(t, err)
	require.False(t, found)
	require.NoError(t, o.client.Want(offer))
	s.applySigned()
	s.ends(older, "stay")
}
