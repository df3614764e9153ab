package uplink_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/sync/uplink"
)

// selfSigned is a certificate of 127.0.0.1 that is valid between two times.
func selfSigned(t *testing.T, from, until time.Time) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	c := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "office"}, NotBefore: from, NotAfter: until,
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	require.NoError(t, err)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

func TestWhyHeadOfficeCannotBeReached(t *testing.T) {
	now := time.Now()
	for name, c := range map[string]struct {
		from, until time.Time
		trusted     bool
		code        uplink.Code
	}{
		"a clock two years behind": {now.AddDate(2, 0, 0), now.AddDate(3, 0, 0), true, uplink.CodeEnrolClock},
		"a clock two years ahead":  {now.AddDate(-3, 0, 0), now.AddDate(-2, 0, 0), true, uplink.CodeEnrolClock},
		"an unknown authority":     {now.AddDate(-1, 0, 0), now.AddDate(1, 0, 0), false, uplink.CodeEnrolTLS},
		"all in order":             {now.AddDate(-1, 0, 0), now.AddDate(1, 0, 0), true, ""},
	} {
		t.Run(name, func(t *testing.T) {
			r, e := newRegistry(t)
			s := httptest.NewUnstartedServer(r)
			s.Config.ErrorLog = log.New(io.Discard, "", 0)
			certificate := selfSigned(t, c.from, c.until)
			s.TLS = &tls.Config{Certificates: []tls.Certificate{certificate}}
			s.StartTLS()
			t.Cleanup(s.Close)
			roots := x509.NewCertPool()
			if c.trusted {
				parsed, err := x509.ParseCertificate(certificate.Certificate[0])
				require.NoError(t, err)
				roots.AddCert(parsed)
			}
			e.URL, e.Client = s.URL, &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}}
			file := filepath.Join(t.TempDir(), "identity.json")
			_, _, err := uplink.Enrol(t.Context(), file, e)
			require.Equal(t, c.code, codeOf(err), "%v", err)
			if c.code != "" {
				_, err = uplink.Load(file)
				require.ErrorIs(t, err, uplink.ErrNotEnrolled)
				require.False(t, uplink.Final(err))
			}
		})
	}
}

// lateOffice is a head office that comes back after a few tries, without a socket.
type lateOffice struct {
	tries int
	wire  http.Handler
	from  int // the first try that it answers
}

func (o *lateOffice) RoundTrip(q *http.Request) (*http.Response, error) {
	if o.tries++; o.tries < o.from {
		return nil, io.ErrUnexpectedEOF
	}
	w := httptest.NewRecorder()
	o.wire.ServeHTTP(w, q)
	return w.Result(), nil
}

func TestEnrolmentWaitsForHeadOffice(t *testing.T) {
	r, e := newRegistry(t)
	synctest.Test(t, func(t *testing.T) {
		o := &lateOffice{wire: r, from: 5}
		e.Client = &http.Client{Transport: o}
		var pauses []time.Duration
		id, _, err := uplink.EnrolUntil(t.Context(), filepath.Join(t.TempDir(), "identity.json"), e, func(p *uplink.Problem, pause time.Duration) {
			require.Equal(t, uplink.CodeEnrolReach, p.Code)
			require.True(t, uplink.Unreached(p))
			pauses = append(pauses, pause)
		})
		require.NoError(t, err)
		require.True(t, id.Enrolled())
		require.Len(t, pauses, 4)
		require.LessOrEqual(t, pauses[3], 40*time.Second)
	})
}

func TestAWrongCodeIsNotTriedAgain(t *testing.T) {
	r, e := newRegistry(t)
	r.code.Secret[0]++
	_, _, err := uplink.EnrolUntil(t.Context(), filepath.Join(t.TempDir(), "identity.json"), e, func(*uplink.Problem, time.Duration) { t.Error("it waits") })
	require.Equal(t, uplink.CodeEnrolCode, codeOf(err))
	require.True(t, uplink.Final(err))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	e.URL = "http://127.0.0.1:1"
	_, _, err = uplink.EnrolUntil(ctx, filepath.Join(t.TempDir(), "identity.json"), e, nil)
	require.Error(t, err)
}
