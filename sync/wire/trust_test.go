package wire_test

import (
	"bytes"
	"crypto/ed25519"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/kopilka/kopilka/ledger/sale"
	"github.com/kopilka/kopilka/sync/wire"
)

func public(k ed25519.PrivateKey) ed25519.PublicKey { return k.Public().(ed25519.PublicKey) }

func certOf(t require.TestingT, root, k ed25519.PrivateKey, role wire.Role) []byte {
	c, err := wire.SignCert(root, wire.Cert{Org: 1, Role: role, Key: public(k), Serial: 1})
	require.NoError(t, err)
	return c
}

func TestVerifyCert(t *testing.T) {
	root, k := key(1), key(2)
	good := certOf(t, root, k, wire.RoleProgramme)
	c, err := wire.VerifyCert(public(root), good, wire.RoleProgramme)
	require.NoError(t, err)
	require.Equal(t, public(k), c.Key)

	short, err := wire.SignCert(root, wire.Cert{Org: 1, Role: wire.RoleProgramme, Key: public(k)[:31]})
	require.NoError(t, err)
	for name, b := range map[string]struct {
		root ed25519.PublicKey
		cert []byte
		role wire.Role
	}{
		"a foreign root":     {public(key(3)), good, wire.RoleProgramme},
		"a short root":       {public(root)[:31], good, wire.RoleProgramme},
		"no root":            {nil, good, wire.RoleProgramme},
		"another role":       {public(root), good, wire.RoleManifest},
		"signed by itself":   {public(root), certOf(t, k, k, wire.RoleProgramme), wire.RoleProgramme},
		"a short key":        {public(root), short, wire.RoleProgramme},
		"nothing":            {public(root), nil, wire.RoleProgramme},
		"a body as if a key": {public(root), signed(t, root, nil, good), wire.RoleProgramme},
	} {
		_, err := wire.VerifyCert(b.root, b.cert, b.role)
		require.ErrorIs(t, err, wire.ErrTrust, name)
	}
}

func signed(t require.TestingT, k ed25519.PrivateKey, cert, body []byte) []byte {
	s, err := wire.Sign(k, cert, body)
	require.NoError(t, err)
	return s
}

func TestVerifyBody(t *testing.T) {
	root, k, body := key(1), key(2), []byte("programme 7")
	cert := certOf(t, root, k, wire.RoleProgramme)
	got, err := wire.Verify(public(root), signed(t, k, cert, body), wire.RoleProgramme)
	require.NoError(t, err)
	require.Equal(t, body, got)
	for name, s := range map[string][]byte{
		"another key than the certificate's": signed(t, key(3), cert, body),
		"no certificate":                     signed(t, k, nil, body),
		"the root's own signature":           signed(t, root, nil, body),
		"another role":                       signed(t, k, certOf(t, root, k, wire.RoleOnline), body),
		"a foreign root":                     signed(t, k, certOf(t, key(4), k, wire.RoleProgramme), body),
		"the bare body":                      body,
		"a certificate in its place":         cert,
	} {
		_, err := wire.Verify(public(root), s, wire.RoleProgramme)
		require.ErrorIs(t, err, wire.ErrTrust, name)
	}
}

// Whatever byte of something signed is changed, it is refused, or it still says the same.
func TestTamperedIsRefused(t *testing.T) {
	root, k, body := key(1), key(2), []byte("programme 7")
	s := signed(t, k, certOf(t, root, k, wire.RoleProgramme), body)
	rapid.Check(t, func(t *rapid.T) {
		bad := append([]byte(nil), s...)
		bad[rapid.IntRange(0, len(bad)-1).Draw(t, "at")] ^= byte(rapid.IntRange(1, 255).Draw(t, "bits"))
		got, err := wire.Verify(public(root), bad, wire.RoleProgramme)
		if err == nil {
			require.Equal(t, body, got)
			return
		}
		require.ErrorIs(t, err, wire.ErrTrust)
	})
}

// No signature serves for anything but what it was made for: each of these is over other bytes.
func TestSignaturesAreApart(t *testing.T) {
	nonce := make([]byte, wire.NonceBytes)
	h, w, b := &wire.Hello{Version: 1, Nonce: nonce}, &wire.Welcome{Version: 1}, &wire.Batch{}
	all := [][]byte{
		wire.HelloBytes(nonce, h), wire.WelcomeBytes(nonce, w), wire.BatchBytes(1, 1, b),
		wire.RequestBytes(1, 1, wire.PathManifest, 1), wire.ProofBytes([10]byte{}),
	}
	for i, a := range all {
		for j, c := range all {
			require.True(t, i == j || !bytes.HasPrefix(a, c[:12]), "%d and %d", i, j)
		}
	}
	for name, change := range map[string]func(h *wire.Hello){
		"till": func(h *wire.Hello) { h.Till++ }, "organisation": func(h *wire.Hello) { h.Org++ }, "version": func(h *wire.Hello) { h.Version++ },
		"epoch": func(h *wire.Hello) { h.Head.Epoch++ }, "seq": func(h *wire.Hello) { h.Head.Seq++ }, "head": func(h *wire.Hello) { h.Head.Head[0]++ },
	} {
		other := *h
		change(&other)
		require.NotEqual(t, all[0], wire.HelloBytes(nonce, &other), name)
	}
	for name, change := range map[string]func(w *wire.Welcome){
		"now": func(w *wire.Welcome) { w.Now++ }, "generation": func(w *wire.Welcome) { w.Generation++ }, "quarantine": func(w *wire.Welcome) { w.Quarantine = true },
		"epoch": func(w *wire.Welcome) { w.Have.Epoch++ }, "seq": func(w *wire.Welcome) { w.Have.Seq++ }, "head": func(w *wire.Welcome) { w.Have.Head[0]++ },
	} {
		other := *w
		change(&other)
		require.NotEqual(t, all[1], wire.WelcomeBytes(nonce, &other), name)
	}
	for name, change := range map[string]func(b *wire.Batch){
		"epoch": func(b *wire.Batch) { b.Epoch++ }, "fork": func(b *wire.Batch) { b.Fork++ }, "from": func(b *wire.Batch) { b.From++ },
		"count": func(b *wire.Batch) { b.Count++ }, "head": func(b *wire.Batch) { b.Head[0]++ },
	} {
		other := *b
		change(&other)
		require.NotEqual(t, all[2], wire.BatchBytes(1, 1, &other), name)
	}
}

func TestRequest(t *testing.T) {
	const at = sale.Time(1793600000000)
	k := key(5)
	header, err := wire.SignRequest(k, 1, 7, wire.PathManifest, at)
	require.NoError(t, err)
	r, err := wire.ParseRequest(header)
	require.NoError(t, err)
	require.Equal(t, sale.TillNo(7), r.Till)
	require.NoError(t, r.Verify(public(k), wire.PathManifest, at+wire.RequestAgeMax))
	require.NoError(t, r.Verify(public(k), wire.PathManifest, at-wire.RequestAgeMax), "a till's clock may be ahead")

	other := r
	other.Till = 8
	require.ErrorIs(t, other.Verify(public(k), wire.PathManifest, at), wire.ErrRequest)
	require.ErrorIs(t, r.Verify(public(k), wire.PathChunk+"00", at), wire.ErrRequest, "for another path")
	require.ErrorIs(t, r.Verify(public(key(6)), wire.PathManifest, at), wire.ErrRequest)
	require.ErrorIs(t, r.Verify(nil, wire.PathManifest, at), wire.ErrRequest)
	require.ErrorIs(t, r.Verify(public(k), wire.PathManifest, at+wire.RequestAgeMax+1), wire.ErrRequest, "found in a log next day")
	require.ErrorIs(t, r.Verify(public(k), wire.PathManifest, at-wire.RequestAgeMax-1), wire.ErrRequest)
	for _, bad := range []string{"", "Bearer x", "Kopilka", "Kopilka !", "Kopilka AAAA", "Kopilka " + strings.Repeat("A", 4096)} {
		_, err := wire.ParseRequest(bad)
		require.ErrorIs(t, err, wire.ErrRequest, bad)
	}
}

func TestEnrolCode(t *testing.T) {
	root := public(key(1))
	c, err := wire.NewEnrolCode(root, rand.NewChaCha8([32]byte{1}))
	require.NoError(t, err)
	require.Equal(t, wire.RootPrint(root), c.Print)
	require.NotEqual(t, wire.RootPrint(public(key(2))), c.Print)
	text := c.String()
	require.Regexp(t, `^([A-HJ-NP-Z2-9]{6}-){3}[A-HJ-NP-Z2-9]{6}$`, text, "no I, O, 0 or 1 to be mistaken")
	for _, typed := range []string{text, strings.ToLower(text), strings.ReplaceAll(text, "-", ""), " " + strings.ReplaceAll(text, "-", " ") + " "} {
		got, err := wire.ParseEnrolCode(typed)
		require.NoError(t, err, typed)
		require.Equal(t, c, got)
	}
	for _, bad := range []string{"", text[1:], text + "A", strings.Replace(text, text[:1], "0", 1), strings.Repeat("Ж", 24), text[:13]} {
		_, err := wire.ParseEnrolCode(bad)
		require.ErrorIs(t, err, wire.ErrCode, bad)
	}
	_, err = wire.NewEnrolCode(root, bytes.NewReader(nil))
	require.Error(t, err, "no randomness, no code")
}

func FuzzParseEnrolCode(f *testing.F) {
	f.Add("ABCDEF-GHJKLM-NPQRST-UVWXYZ")
	f.Add("abcdef ghjklm npqrst uvwxyz")
	f.Add("0")
	f.Fuzz(func(t *testing.T, s string) {
		c, err := wire.ParseEnrolCode(s)
		if err != nil {
			require.ErrorIs(t, err, wire.ErrCode)
			return
		}
		again, err := wire.ParseEnrolCode(c.String())
		require.NoError(t, err)
		require.Equal(t, c, again)
	})
}

func FuzzVerifyCert(f *testing.F) {
	root := key(1)
	f.Add(certOf(f, root, key(2), wire.RoleProgramme))
	f.Add(certOf(f, key(3), key(2), wire.RoleProgramme))
	f.Add(signed(f, key(2), certOf(f, root, key(2), wire.RoleProgramme), []byte("body")))
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := wire.VerifyCert(public(root), b, wire.RoleProgramme)
		if err != nil {
			require.ErrorIs(t, err, wire.ErrTrust)
			return
		}
		require.Equal(t, public(key(2)), c.Key, "only what the root has signed is believed")
	})
}

func FuzzParseRequest(f *testing.F) {
	header, err := wire.SignRequest(key(1), 1, 7, wire.PathManifest, 1793600000000)
	require.NoError(f, err)
	f.Add(header)
	f.Add("Kopilka ")
	f.Fuzz(func(t *testing.T, s string) {
		r, err := wire.ParseRequest(s)
		if err != nil {
			require.ErrorIs(t, err, wire.ErrRequest)
			return
		}
		require.Error(t, r.Verify(public(key(2)), wire.PathManifest, r.At))
	})
}
