package update_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sigstore/sigstore/pkg/signature"
	"github.com/stretchr/testify/require"
	"github.com/theupdateframework/go-tuf/v2/metadata"

	"github.com/kopilka/kopilka/ledger/sale"
	"github.com/kopilka/kopilka/sync/update"
	"github.com/kopilka/kopilka/sync/wire"
)

var (
	today = time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)
	who   = update.Who{Org: 7, Store: 3, Till: 21}
)

// signer is one key of a role.
type signer struct{ key ed25519.PrivateKey }

func newSigner(t *testing.T) signer {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	return signer{key}
}

func (s signer) public(t *testing.T) *metadata.Key {
	t.Helper()
	k, err := metadata.KeyFromPublicKey(s.key.Public())
	require.NoError(t, err)
	return k
}

func sign[T metadata.Roles](t *testing.T, m *metadata.Metadata[T], by ...signer) []byte {
	t.Helper()
	for _, s := range by {
		loaded, err := signature.LoadSigner(s.key, crypto.Hash(0))
		require.NoError(t, err)
		_, err = m.Sign(loaded)
		require.NoError(t, err)
	}
	b, err := m.ToBytes(false)
	require.NoError(t, err)
	return b
}

// office is a whole repository, signed here, behind a real HTTP server on loopback.
type office struct {
	t       *testing.T
	orgRoot ed25519.PrivateKey
	server  *httptest.Server

	keys     map[string][]signer // by role; root has three of which two must sign
	versions map[string]int64
	expires  map[string]time.Time
	programs map[string]built // by target
	plan     update.Plan

	mu     sync.Mutex
	files  map[string][]byte // by name below update.Base
	answer func(w http.ResponseWriter, r *http.Request, name string) (done bool)
	asked  []string
}

// built is a program and what the operator says of it.
type built struct {
	body []byte
	says update.Program
}

func program(version, os, arch string) update.Program {
	return update.Program{Name: update.AgentProgram, Version: version, OS: os, Arch: arch, Ledger: update.Ledger{Writes: 1, Reads: 1}}
}

func newOffice(t *testing.T) *office {
	t.Helper()
	o := &office{
		t: t, orgRoot: newSigner(t).key, keys: map[string][]signer{}, programs: map[string]built{}, files: map[string][]byte{},
		versions: map[string]int64{"root": 1, "timestamp": 1, "snapshot": 1, "targets": 1, "rollout": 1}, expires: map[string]time.Time{},
		plan: update.Plan{Serial: 1, Steps: []update.Step{{Version: "1.3.0", Share: update.Everybody}}},
	}
	for role := range o.versions {
		o.keys[role] = []signer{newSigner(t)}
	}
	o.keys["root"] = []signer{newSigner(t), newSigner(t), newSigner(t)}
	o.build("1.3.0", "linux", "amd64")
	o.server = httptest.NewServer(http.HandlerFunc(o.serve))
	t.Cleanup(o.server.Close)
	o.publishRoot()
	o.vouch(o.files["metadata/1.root.json"])
	o.publish()
	return o
}

func (o *office) serve(w http.ResponseWriter, r *http.Request) {
	name := strings.TrimPrefix(r.URL.Path, update.Base)
	o.mu.Lock()
	o.asked = append(o.asked, name)
	body, there := o.files[name]
	answer := o.answer
	o.mu.Unlock()
	if answer != nil && answer(w, r, name) {
		return
	}
	if !there {
		http.NotFound(w, r)
		return
	}
	http.ServeContent(w, r, path.Base(name), time.Time{}, bytes.NewReader(body))
}

// answers has the server do something else than it should.
func (o *office) answers(f func(w http.ResponseWriter, r *http.Request, name string) bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.answer = f
}

func (o *office) build(version, os, arch string) update.Program {
	p := program(version, os, arch)
	body := make([]byte, 200_000)
	_, err := rand.Read(body)
	require.NoError(o.t, err)
	o.programs[p.Target()] = built{body, p}
	return p
}

func (o *office) until(role string) time.Time {
	if at, ok := o.expires[role]; ok {
		return at
	}
	return today.Add(30 * 24 * time.Hour)
}

func (o *office) put(name string, body []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.files[name] = body
}

// all is a copy of what is served, to go back to.
func (o *office) all() map[string][]byte {
	o.mu.Lock()
	defer o.mu.Unlock()
	return maps.Clone(o.files)
}

func (o *office) restore(files map[string][]byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.files = files
}

// root is the next root, unsigned, as the keys are now.
func (o *office) root() *metadata.Metadata[metadata.RootType] {
	m := metadata.Root(o.until("root"))
	m.Signed.Version, m.Signed.ConsistentSnapshot = o.versions["root"], true
	for _, role := range []string{"root", "timestamp", "snapshot", "targets"} {
		for _, k := range o.keys[role] {
			require.NoError(o.t, m.Signed.AddKey(k.public(o.t), role))
		}
	}
	m.Signed.Roles["root"].Threshold = 2
	return m
}

func (o *office) publishRoot(also ...signer) {
	by := o.keys["root"][:2:2]
	for _, s := range also {
		if !slices.ContainsFunc(by, func(have signer) bool { return have.key.Equal(s.key) }) {
			by = append(by, s)
		}
	}
	body := sign(o.t, o.root(), by...)
	o.put(fmt.Sprintf("metadata/%d.root.json", o.versions["root"]), body)
}

// rotate makes a new root with other keys for some roles.
func (o *office) rotate(roles ...string) {
	before := slices.Clone(o.keys["root"][:2])
	o.versions["root"]++
	for _, role := range roles {
		for i := range o.keys[role] {
			o.keys[role][i] = newSigner(o.t)
		}
	}
	o.publishRoot(before...)
}

// vouch puts the organisation's word for a first root.
func (o *office) vouch(root []byte) {
	key := newSigner(o.t).key
	cert, err := wire.SignCert(o.orgRoot, wire.Cert{Org: who.Org, Role: wire.RoleUpdates, Key: key.Public().(ed25519.PublicKey), Serial: 1})
	require.NoError(o.t, err)
	signed, err := update.SignVouch(key, cert, update.Vouch{Org: who.Org, Root: sha256.Sum256(root), At: sale.At(today)})
	require.NoError(o.t, err)
	o.put(update.VouchFile, signed)
}

func hashed(name string, body []byte) string {
	sum := sha256.Sum256(body)
	return path.Join("targets", path.Dir(name), hex.EncodeToString(sum[:])+"."+path.Base(name))
}

func (o *office) target(name string, body []byte, custom any) *metadata.TargetFiles {
	f, err := metadata.TargetFile().FromBytes(name, body, "sha256")
	require.NoError(o.t, err)
	if custom != nil {
		b, err := json.Marshal(custom)
		require.NoError(o.t, err)
		raw := json.RawMessage(b)
		f.Custom = &raw
	}
	o.put(hashed(name, body), body)
	return f
}

func (o *office) targets() *metadata.Metadata[metadata.TargetsType] {
	m := metadata.Targets(o.until("targets"))
	m.Signed.Version = o.versions["targets"]
	for name, b := range o.programs {
		m.Signed.Targets[name] = o.target(name, b.body, b.says)
	}
	k := o.keys["rollout"][0].public(o.t)
	id, err := k.ID()
	require.NoError(o.t, err)
	m.Signed.Delegations = &metadata.Delegations{
		Keys: map[string]*metadata.Key{id: k},
		Roles: []metadata.DelegatedRole{{
			Name: update.RolloutRole, KeyIDs: []string{id}, Threshold: 1, Terminating: true, Paths: []string{update.RolloutFile},
		}},
	}
	return m
}

func (o *office) rollout() *metadata.Metadata[metadata.TargetsType] {
	plan, err := json.Marshal(o.plan)
	require.NoError(o.t, err)
	m := metadata.Targets(o.until("rollout"))
	m.Signed.Version = o.versions["rollout"]
	m.Signed.Targets[update.RolloutFile] = o.target(update.RolloutFile, plan, nil)
	return m
}

// publish signs and serves everything below the root.
func (o *office) publish() { o.publishWith(nil) }

// publishWith lets a test replace single signed files before the snapshot is made.
func (o *office) publishWith(change func(signed map[string][]byte)) {
	signed := map[string][]byte{"targets": sign(o.t, o.targets(), o.keys["targets"]...), "rollout": sign(o.t, o.rollout(), o.keys["rollout"]...)}
	if change != nil {
		change(signed)
	}
	s := metadata.Snapshot(o.until("snapshot"))
	s.Signed.Version = o.versions["snapshot"]
	for _, role := range []string{"targets", "rollout"} {
		s.Signed.Meta[role+".json"] = metaOf(o.t, o.versions[role], signed[role])
		o.put(fmt.Sprintf("metadata/%d.%s.json", o.versions[role], role), signed[role])
	}
	snapshot := sign(o.t, s, o.keys["snapshot"]...)
	o.put(fmt.Sprintf("metadata/%d.snapshot.json", o.versions["snapshot"]), snapshot)
	ts := metadata.Timestamp(o.until("timestamp"))
	ts.Signed.Version = o.versions["timestamp"]
	ts.Signed.Meta["snapshot.json"] = metaOf(o.t, o.versions["snapshot"], snapshot)
	o.put("metadata/timestamp.json", sign(o.t, ts, o.keys["timestamp"]...))
}

func metaOf(t *testing.T, version int64, body []byte) *metadata.MetaFiles {
	t.Helper()
	m := metadata.MetaFile(version)
	sum := sha256.Sum256(body)
	m.Length, m.Hashes = int64(len(body)), metadata.Hashes{"sha256": sum[:]}
	return m
}

// bump publishes all roles but the root anew, under higher versions.
func (o *office) bump() {
	for _, role := range []string{"timestamp", "snapshot", "targets", "rollout"} {
		o.versions[role]++
	}
	o.plan.Serial++
	o.publish()
}

// till is a client of the office, and the updater beside it.
type till struct {
	*office
	client *update.Client
	opts   update.Options
	trust  update.Trust // the updater's
}

func (o *office) till() *till { return o.tillWith(nil) }

func (o *office) tillWith(tune func(*update.Options)) *till {
	o.t.Helper()
	t := &till{office: o, opts: update.Options{
		URL: o.server.URL, HTTP: o.server.Client(), Folder: filepath.Join(o.t.TempDir(), update.Folder), OrgRoot: o.orgRoot.Public().(ed25519.PublicKey),
		Who: who, Running: "1.2.0", OS: "linux", Arch: "amd64", Now: func() time.Time { return today }, Patience: 20 * time.Second,
	}}
	if tune != nil {
		tune(&t.opts)
	}
	t.trust = update.Trust{Org: who.Org, Store: who.Store, Till: who.Till, OrgRoot: t.opts.OrgRoot}
	t.restart()
	return t
}

// restart is the agent started anew: it knows what is on the disk.
func (t *till) restart() {
	t.office.t.Helper()
	c, err := update.NewClient(t.opts)
	require.NoError(t.office.t, err)
	t.client = c
}

// check is a check whose find is asked for.
func (t *till) check() (update.Offer, bool, error) {
	offer, found, err := t.client.Check(context.Background())
	if err == nil && found {
		require.NoError(t.office.t, t.client.Want(offer))
	}
	return offer, found, err
}

// takes is a check that must find a version, which the updater must verify too.
func (t *till) takes(version string) {
	t.office.t.Helper()
	offer, found, err := t.check()
	require.NoError(t.office.t, err)
	require.True(t.office.t, found)
	require.Equal(t.office.t, version, offer.Version)
	v, body, err := t.verify()
	require.NoError(t.office.t, err)
	require.Equal(t.office.t, version, v.Version)
	require.Equal(t.office.t, t.programs[v.Target()].body, body)
	require.Equal(t.office.t, offer.Wanted, v.Wanted)
}
