package main

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/agent"
	"github.com/kopilka/kopilka/installer/slots"
	"github.com/kopilka/kopilka/sync/update"
)

// secretOffice is a head office with a certificate of its own making.
func secretOffice(t *testing.T, tune func(*x509.Certificate)) *url.URL {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	c := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Shop Proxy CA"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	tune(c)
	raw, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	require.NoError(t, err)
	s := httptest.NewUnstartedServer(http.NotFoundHandler())
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{raw}, PrivateKey: key}}}
	s.StartTLS()
	t.Cleanup(s.Close)
	u, err := url.Parse(s.URL)
	require.NoError(t, err)
	return u
}

// Each fault of a certificate by a real handshake.
func TestReachTellsWhyACertificateIsRefused(t *testing.T) {
	for name, test := range map[string]struct {
		tune func(*x509.Certificate)
		want agent.Trust
	}{
		"signed by nobody known": {func(*x509.Certificate) {}, agent.TrustUnknown},
		"expired":                {func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) }, agent.TrustExpired},
		"of tomorrow": {func(c *x509.Certificate) {
			c.NotBefore, c.NotAfter = time.Now().Add(time.Hour), time.Now().Add(2*time.Hour)
		}, agent.TrustFuture},
		"of another": {func(c *x509.Certificate) { c.IPAddresses, c.DNSNames = nil, []string{"another.example"} }, agent.TrustName},
	} {
		t.Run(name, func(t *testing.T) {
			var r agent.Reach
			err := tryTLS(t.Context(), secretOffice(t, test.tune), &r)
			require.Error(t, err)
			require.Equal(t, test.want, r.Trust, "%v", err)
			require.False(t, r.Expires.IsZero())
			require.Equal(t, "Shop Proxy CA", r.Issuer)
		})
	}
}

func TestTheCertificateThatEndsFirstCounts(t *testing.T) {
	at := time.Now()
	c := func(hours int) *x509.Certificate {
		return &x509.Certificate{NotAfter: at.Add(time.Duration(hours) * time.Hour)}
	}
	var r agent.Reach
	lasting([][]*x509.Certificate{{c(50), c(10), c(90)}, {c(50), c(30), c(90)}}, &r)
	require.Equal(t, at.Add(30*time.Hour), r.Expires, "of the chain that lasts longest")
}

func TestVersionsSayWhatUpdatesAreAbout(t *testing.T) {
	at := time.Now()
	verdicts := map[string]slots.Verdict{
		"1.1.0": {At: at.Add(-time.Hour), Why: slots.Reason{Text: slots.Text{RU: "старое", EN: "old"}}},
		"1.2.0": {At: at, Why: slots.Reason{Text: slots.Text{RU: "нет сканера", EN: "a scanner is gone"}}},
	}
	full := slots.Reason{Code: "full", Text: slots.Text{RU: "нет места", EN: "no room"}}
	trouble := agent.Text(full.Text)
	stay := slots.Reason{Code: slots.CodeStay, Text: slots.Text{RU: "нечего", EN: "nothing"}}
	for _, test := range []struct {
		status slots.Status
		want   agent.Versions
	}{
		{slots.Status{Version: "1.0.0", Wanted: "1.2.0", Says: stay}, agent.Versions{Current: "1.0.0", Why: agent.Text(stay.Text)}},
		{slots.Status{Version: "1.0.0", Wanted: "1.2.0", Says: full}, agent.Versions{Current: "1.0.0", Why: trouble, Trouble: trouble}},
		{slots.Status{Version: "1.0.0", Stage: slots.Placed, Wanted: "1.2.0", Says: full}, agent.Versions{Current: "1.0.0", Why: trouble, Trouble: trouble}},
		{slots.Status{Version: "1.0.0", Wanted: "1.2.0", Says: full, Verdicts: verdicts}, agent.Versions{Current: "1.0.0", Failed: "1.2.0", Why: agent.Text{RU: "нет сканера", EN: "a scanner is gone"}}},
		{slots.Status{Version: "1.0.0", Wanted: "1.3.0", Says: full, Verdicts: verdicts}, agent.Versions{Current: "1.0.0", Failed: "1.2.0", Why: agent.Text{RU: "нет сканера", EN: "a scanner is gone"}, Trouble: trouble}},
		{slots.Status{Version: "1.0.0", Packaged: "1.0.0"}, agent.Versions{Current: "1.0.0", Packaged: "1.0.0"}},
		{slots.Status{Version: "1.0.0", Stage: slots.Placed, Wanted: "1.2.0"}, agent.Versions{Current: "1.0.0", Wanted: "1.2.0"}},
		{slots.Status{Version: "1.2.0", Stage: slots.OnTry, Wanted: "1.2.0"}, agent.Versions{Current: "1.2.0", Trial: "1.2.0"}},
		{slots.Status{Version: "1.2.0", Stage: slots.GoBack, Wanted: "1.2.0"}, agent.Versions{Current: "1.2.0", Failed: "1.2.0"}},
		{slots.Status{Version: "1.0.0", Verdicts: verdicts}, agent.Versions{Current: "1.0.0", Failed: "1.2.0", Why: agent.Text{RU: "нет сканера", EN: "a scanner is gone"}}},
		{slots.Status{Version: "1.2.0", Verdicts: verdicts}, agent.Versions{Current: "1.2.0"}},
	} {
		require.Equal(t, test.want, versionsIn(test.status, lastCheck{}))
	}
}

// An updater that is asked for nothing says nothing more: its last word would be warned of for ever.
func TestTroubleWithAVersionThatWasTakenBackIsOver(t *testing.T) {
	at := time.Now()
	s := slots.Status{Version: "1.0.0", Wanted: "1.2.0", At: at, Says: slots.Reason{Code: "full", Text: slots.Text{RU: "нет места", EN: "no room"}}}
	for name, test := range map[string]struct {
		asked lastCheck
		over  bool
	}{
		"nothing is offered any more": {lastCheck{At: at.Add(time.Minute)}, true},
		"another is offered":          {lastCheck{At: at.Add(time.Minute), Offered: "1.3.0"}, true},
		"it is still offered":         {lastCheck{At: at.Add(time.Minute), Offered: "1.2.0"}, false},
		"head office did not answer":  {lastCheck{At: at.Add(time.Minute), Failure: &update.Text{}}, false},
		"asked before":                {lastCheck{At: at.Add(-time.Minute)}, false},
		"never asked":                 {lastCheck{}, false},
	} {
		require.Equal(t, test.over, versionsIn(s, test.asked).Trouble.EN == "", name)
	}
	s.Version = s.Wanted // it runs, is ill and cannot be gone back from
	require.NotEmpty(t, versionsIn(s, lastCheck{At: at.Add(time.Minute)}).Trouble)
}

// publish writes the updater's word, as the updater does.
func publish(t *testing.T, l slots.Layout, s slots.Status) {
	t.Helper()
	raw, err := json.Marshal(s)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(l.State, slots.StatusFile), raw, 0o600))
}

func TestTheDoctorReadsWhomTheUpdaterBelieves(t *testing.T) {
	c := agent.Config{Data: t.TempDir()}
	l := slots.Layout{State: t.TempDir(), Data: c.Data}
	read := func() agent.Versions {
		t.Helper()
		v, _, err := versions(l, c)
		require.NoError(t, err)
		return v
	}
	require.True(t, read().Untrusted, "it is installed and has said nothing yet")
	publish(t, l, slots.Status{Version: "1.0.0", Says: slots.Reason{Code: slots.CodeAdopted}})
	require.True(t, read().Untrusted)
	sentence := slots.Text{RU: "не знает, кому верить", EN: "does not know whom to believe"}
	publish(t, l, slots.Status{Version: "1.0.0", Wanted: "1.2.0", Says: slots.Reason{Code: slots.CodeTrust, Text: sentence}})
	v := read()
	require.Equal(t, agent.Text(sentence), v.Trouble)
	require.Equal(t, "kopilka-agent updates trust", v.Mend)
	require.False(t, v.Untrusted, "said once is enough")

	root, _, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	require.NoError(t, update.Trust{Org: 4, Store: 2, Till: 9, OrgRoot: root}.Save(filepath.Join(l.State, slots.TrustFile)))
	v = read()
	require.Empty(t, v.Trouble, "it was told meanwhile")
	require.False(t, v.Untrusted)

	require.NoError(t, os.WriteFile(filepath.Join(l.State, slots.StatusFile), []byte("{"), 0o600))
	_, _, err = versions(l, c)
	require.ErrorContains(t, err, slots.StatusFile)
	_, _, err = versions(l, agent.Config{Data: t.TempDir()})
	require.ErrorIs(t, err, fs.ErrNotExist, "a till of another folder has no updater")
	_, _, err = versions(slots.Layout{State: filepath.Join(l.State, "none"), Data: c.Data}, c)
	require.ErrorIs(t, err, fs.ErrNotExist)
}

// A chain of more than one error is told apart.
func TestJoinedErrorsAreTakenApart(t *testing.T) {
	a, b, c := errors.New("a"), errors.New("b"), errors.New("c")
	require.Equal(t, []error{a, b, c}, joined(errors.Join(errors.Join(a, b), c)))
	require.Empty(t, joined(nil))
}
