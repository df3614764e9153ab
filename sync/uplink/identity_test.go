package uplink_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/ledger/ledgertest"
	"github.com/kopilka/kopilka/ledger/sale"
	"github.com/kopilka/kopilka/sync/uplink"
	"github.com/kopilka/kopilka/sync/wire"
)

// registry is head office's enrolment over a real socket: a code is spent on the first key that proves
// itself, and a repeat with that key gets the same answer.
type registry struct {
	keys   *keys
	code   wire.EnrolCode
	spent  ed25519.PublicKey
	status int // answered instead, when set
	cut    bool
	root   ed25519.PrivateKey // certifies the till; another than the code's where a test wants it
}

func (r *registry) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	if r.status != 0 {
		w.Header().Set("Retry-After", "60")
		http.Error(w, "no", r.status)
		return
	}
	body, err := io.ReadAll(q.Body)
	var e wire.EnrolRequest
	if err != nil || q.URL.Path != wire.PathEnrol || sale.Decode(body, &e) != nil || e.Secret != r.code.Secret ||
		!ed25519.Verify(e.Key, wire.ProofBytes(e.Secret), e.Proof) || (r.spent != nil && !r.spent.Equal(e.Key)) {
		status := http.StatusForbidden
		if r.spent != nil && e.Secret == r.code.Secret {
			status = http.StatusConflict
		}
		http.Error(w, "no such code", status)
		return
	}
	r.spent = e.Key
	if r.cut {
		r.cut = false
		panic(http.ErrAbortHandler) // stored, and the answer lost
	}
	cert, err := wire.SignCert(r.root, wire.Cert{Org: org, Role: wire.RoleTill, Key: e.Key, Till: till})
	if err != nil {
		panic(err)
	}
	answer, err := sale.Encode(wire.EnrolAnswer{
		Org: org, Till: till, Store: 4, Root: r.root.Public().(ed25519.PublicKey), Cert: cert, Seal: [32]byte{7},
		Settings: sale.Settings{Org: "Лавка", Store: 4, Zone: "Europe/Moscow"},
	})
	if err != nil {
		panic(err)
	}
	_, _ = w.Write(answer) // the till may hang up
}

func newRegistry(t *testing.T) (*registry, uplink.Enrolment) {
	k := newKeys(t, 1)
	code, err := wire.NewEnrolCode(k.root.Public().(ed25519.PublicKey), ledgertest.Random(1))
	require.NoError(t, err)
	r := &registry{keys: k, code: code, root: k.root}
	s := httptest.NewServer(r)
	t.Cleanup(s.Close)
	return r, uplink.Enrolment{
		URL: s.URL, Code: strings.ToLower(code.String()), Name: "касса 1", Program: "test 1", Client: s.Client(), Random: ledgertest.Random(2),
	}
}

func TestEnrol(t *testing.T) {
	r, e := newRegistry(t)
	file := filepath.Join(t.TempDir(), "identity.json")
	_, err := uplink.Load(file)
	require.ErrorIs(t, err, uplink.ErrNotEnrolled)

	r.cut = true
	_, _, err = uplink.Enrol(context.Background(), file, e)
	require.Equal(t, uplink.CodeEnrolReach, codeOf(err), "the answer was lost")
	_, err = uplink.Load(file)
	require.ErrorIs(t, err, uplink.ErrNotEnrolled, "half an enrolment is none")

	id, settings, err := uplink.Enrol(context.Background(), file, e)
	require.NoError(t, err, "the same code with the same key ends what was begun")
	require.Equal(t, "Лавка", settings.Org)
	require.Equal(t, till, id.Till)
	loaded, err := uplink.Load(file)
	require.NoError(t, err)
	require.Equal(t, id, loaded)

	_, _, err = uplink.Enrol(context.Background(), file, e)
	require.Equal(t, uplink.CodeEnrolled, codeOf(err))
	if runtime.GOOS != "windows" {
		info, err := os.Stat(file)
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o600), info.Mode().Perm(), "the key is the owner's alone")
	}
	left, err := os.ReadDir(filepath.Dir(file))
	require.NoError(t, err)
	require.Len(t, left, 1, "no temporary file stays")
}

func TestEnrolRefusals(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(r *registry, e *uplink.Enrolment)
		code  uplink.Code
	}{
		"a mistyped code":   {func(_ *registry, e *uplink.Enrolment) { e.Code = "ABC" }, uplink.CodeEnrolTyped},
		"a code of another": {func(r *registry, _ *uplink.Enrolment) { r.code.Secret[0]++ }, uplink.CodeEnrolCode},
		"a code spent":      {func(r *registry, _ *uplink.Enrolment) { r.spent = newKey(9).Public().(ed25519.PublicKey) }, uplink.CodeEnrolSpent},
		"a foreign root":    {func(r *registry, _ *uplink.Enrolment) { r.root = newKey(60) }, uplink.CodeEnrolOther},
		"busy":              {func(r *registry, _ *uplink.Enrolment) { r.status = 503 }, uplink.CodeBusy},
		"a portal's page":   {func(r *registry, _ *uplink.Enrolment) { r.status = 302 }, uplink.CodeEnrolNot},
		"http, not https":   {func(_ *registry, e *uplink.Enrolment) { e.URL = strings.Replace(e.URL, "http://", "https://", 1) }, uplink.CodeEnrolNot},
		"nobody there":      {func(_ *registry, e *uplink.Enrolment) { e.URL = "http://127.0.0.1:1" }, uplink.CodeEnrolReach},
	} {
		t.Run(name, func(t *testing.T) {
			r, e := newRegistry(t)
			c.spoil(r, &e)
			file := filepath.Join(t.TempDir(), "identity.json")
			_, _, err := uplink.Enrol(context.Background(), file, e)
			require.Equal(t, c.code, codeOf(err), "%v", err)
			var p *uplink.Problem
			require.ErrorAs(t, err, &p)
			require.NotEmpty(t, p.Text().RU)
			require.NotEmpty(t, p.Text().EN)
			_, err = uplink.Load(file)
			require.ErrorIs(t, err, uplink.ErrNotEnrolled)
		})
	}
}

func codeOf(err error) uplink.Code {
	var p *uplink.Problem
	if errors.As(err, &p) {
		return p.Code
	}
	return uplink.CodeNone
}

func TestLoadRefusesDamage(t *testing.T) {
	r, e := newRegistry(t)
	file := filepath.Join(t.TempDir(), "identity.json")
	id, _, err := uplink.Enrol(context.Background(), file, e)
	require.NoError(t, err)
	good, err := os.ReadFile(file)
	require.NoError(t, err)
	id.Root = newKey(8).Public().(ed25519.PublicKey)
	for name, bad := range map[string][]byte{
		"cut":          good[:len(good)/2],
		"empty":        {},
		"no key":       []byte(`{"till":7}`),
		"huge":         bytes.Repeat([]byte(" "), 1<<20),
		"another till": bytes.Replace(good, []byte(`"till": 7`), []byte(`"till": 8`), 1),
	} {
		require.NoError(t, os.WriteFile(file, bad, 0o600))
		_, err := uplink.Load(file)
		require.Error(t, err, name)
	}
	require.NoError(t, id.Save(file))
	_, err = uplink.Load(file)
	require.Equal(t, uplink.CodeTrust, codeOf(err), "a root that did not sign our certificate")
	require.NotNil(t, r.spent)
}
