package cloud_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/binary"
	"encoding/json"
	"encoding/pem"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/dns/dnsmessage"

	"github.com/kopilka/kopilka/cloud"
)

// domain is whom the issuer is asked for. Nobody owns it; the test's own name server says that it is this machine.
const domain = "head.kopilka.example"

// nameServer answers every question with this machine until the test ends: over TCP, as Pebble asks.
func nameServer(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			serving.Go(func() {
				_ = answerName(c) // a question that goes wrong is asked again
				_ = c.Close()
			})
		}
	})
	t.Cleanup(func() {
		require.NoError(t, l.Close())
		serving.Wait()
	})
	return l.Addr().String()
}

// answerName answers one question, after its length.
func answerName(c net.Conn) error {
	size := make([]byte, 2)
	if _, err := io.ReadFull(c, size); err != nil {
		return err
	}
	body := make([]byte, binary.BigEndian.Uint16(size))
	if _, err := io.ReadFull(c, body); err != nil {
		return err
	}
	var m dnsmessage.Message
	if err := m.Unpack(body); err != nil {
		return err
	}
	m.Response, m.Authoritative, m.Additionals = true, true, nil
	for _, q := range m.Questions {
		if q.Type == dnsmessage.TypeA {
			m.Answers = append(m.Answers, dnsmessage.Resource{
				Header: dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class, TTL: 1},
				Body:   &dnsmessage.AResource{A: [4]byte{127, 0, 0, 1}},
			})
		}
	}
	body, err := m.Pack()
	if err != nil {
		return err
	}
	_, err = c.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(body))), body...))
	return err
}

// freePort is a port that nobody had a moment ago.
func freePort(t *testing.T) (port int) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	port = l.Addr().(*net.TCPAddr).Port
	require.NoError(t, l.Close())
	return port
}

// issuer runs Pebble, Let's Encrypt's own server for tests, which asks back at tlsPort and httpPort.
func issuer(t *testing.T, tlsPort, httpPort int) (directory, ca, management string) {
	t.Helper()
	dir := t.TempDir()
	program := filepath.Join(dir, "pebble")
	build := exec.CommandContext(t.Context(), "go", "build", "-modfile=../tools.mod", "-o", program, "github.com/letsencrypt/pebble/v2/cmd/pebble")
	if out, err := build.CombinedOutput(); err != nil {
		t.Skipf("Pebble, the issuer for tests, cannot be built here: %v\n%s", err, out)
	}
	ca = filepath.Join(dir, "ca.pem")
	key := filepath.Join(dir, "ca.key")
	itself(t, ca, key)
	listen, manage := freePort(t), freePort(t)
	address := func(port int) string { return (&net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port}).String() }
	config, err := json.Marshal(map[string]any{"pebble": map[string]any{
		"listenAddress": address(listen), "managementListenAddress": address(manage), "certificate": ca, "privateKey": key,
		"httpPort": httpPort, "tlsPort": tlsPort,
		"profiles": map[string]any{"default": map[string]any{"description": "a day", "validityPeriod": 86400 * 7}},
	}})
	require.NoError(t, err)
	file := filepath.Join(dir, "pebble.json")
	require.NoError(t, os.WriteFile(file, config, 0o600))
	ctx, cancel := context.WithCancel(t.Context())
	pebble := exec.CommandContext(ctx, program, "-config", file, "-dnsserver", nameServer(t))
	pebble.Env = append(os.Environ(), "PEBBLE_VA_NOSLEEP=1", "PEBBLE_WFE_NONCEREJECT=20")
	log, err := os.Create(filepath.Join(dir, "pebble.log"))
	require.NoError(t, err)
	pebble.Stdout, pebble.Stderr = log, log
	require.NoError(t, pebble.Start())
	t.Cleanup(func() {
		cancel()
		_ = pebble.Wait() // killed on purpose
		require.NoError(t, log.Close())
		if t.Failed() {
			b, err := os.ReadFile(log.Name())
			t.Logf("Pebble (%v):\n%s", err, b)
		}
	})
	return "https://" + address(listen) + "/dir", ca, "https://" + address(manage)
}

// itself writes a certificate for 127.0.0.1 that vouches for itself.
func itself(t *testing.T, cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "issuer"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	require.NoError(t, err)
	raw, err := x509.MarshalECPrivateKey(private)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
	require.NoError(t, os.WriteFile(key, pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: raw}), 0o600))
}

// answers waits until a server answers, for as long as the test lasts.
func answers(t *testing.T, client *http.Client, url string) []byte {
	t.Helper()
	retry := time.NewTicker(20 * time.Millisecond)
	defer retry.Stop()
	for {
		r, err := client.Get(url)
		if err == nil {
			b, err := io.ReadAll(r.Body)
			require.NoError(t, err)
			require.NoError(t, r.Body.Close())
			return b
		}
		select {
		case <-t.Context().Done():
			t.Fatal(err)
		case <-retry.C:
		}
	}
}

// measuredCertificate waits until head office says that it has a certificate.
func measuredCertificate(t *testing.T, url string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	for !strings.Contains(string(answers(t, http.DefaultClient, url)), "\nkopilka_cloud_certificate_expiry_seconds ") {
		select {
		case <-ctx.Done():
			t.Fatal("no certificate was had")
		case <-look.C:
		}
	}
}

// Head office gets its certificate from a real issuer, which comes back to ask at our ports, before anybody comes:
// the issuer may take longer than a handshake may. Browsers that trust that issuer are let in.
func TestCertificateFromARealIssuer(t *testing.T) {
	httpPort := freePort(t)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	tlsPort := listener.Addr().(*net.TCPAddr).Port
	require.NoError(t, listener.Close())
	directory, ca, manage := issuer(t, tlsPort, httpPort)
	pool := x509.NewCertPool()
	b, err := os.ReadFile(ca)
	require.NoError(t, err)
	require.True(t, pool.AppendCertsFromPEM(b))
	toIssuer := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, DisableKeepAlives: true}}
	root := answers(t, toIssuer, manage+"/roots/0")
	answers(t, toIssuer, directory) // the two begin to listen one after the other

	data := t.TempDir()
	p := &cloud.Program{
		Now: time.Now, Random: rand.Reader, Logger: slog.New(slog.NewTextHandler(t.Output(), nil)),
		Config: cloud.Config{
			Listen: (&net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: tlsPort}).String(), HTTP: (&net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: httpPort}).String(),
			Metrics: (&net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: freePort(t)}).String(), Data: data,
			ACME: cloud.ACME{Domains: []string{domain}, Directory: directory, CA: ca, Email: "it@kopilka.example"},
		},
	}
	require.NoError(t, p.Open(t.Context()))
	require.NoError(t, p.Listen(t.Context()))
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- p.Run(ctx) }()
	defer func() {
		cancel()
		require.NoError(t, <-ended)
		require.NoError(t, p.Close())
	}()

	measures := "http://" + p.Config.Metrics + "/metrics"
	measuredCertificate(t, measures)

	trust := x509.NewCertPool()
	require.True(t, trust.AppendCertsFromPEM(root))
	browser := &http.Client{
		Transport:     &http.Transport{TLSClientConfig: &tls.Config{RootCAs: trust, ServerName: domain}, DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	r, err := browser.Get("https://" + p.Config.Listen + "/healthz")
	require.NoError(t, err)
	require.NoError(t, r.Body.Close())
	require.Equal(t, http.StatusOK, r.StatusCode)
	require.Equal(t, []string{domain}, r.TLS.PeerCertificates[0].DNSNames)
	require.Equal(t, "max-age=31536000", r.Header.Get("Strict-Transport-Security"))
	kept, err := os.ReadDir(filepath.Join(data, "acme"))
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(kept), 2, "account and certificate survive a restart")

	r, err = browser.Get("http://" + p.Config.HTTP + "/orders?x=1")
	require.NoError(t, err)
	require.NoError(t, r.Body.Close())
	require.Equal(t, "https://"+p.Config.Listen+"/orders?x=1", r.Header.Get("Location"))

	metrics := string(answers(t, http.DefaultClient, measures))
	for _, name := range []string{"kopilka_cloud_certificate_expiry_seconds", "kopilka_cloud_sessions 0", `kopilka_cloud_records_held{why="parked"} 0`, "kopilka_cloud_records_appended_total 0"} {
		require.Contains(t, metrics, name)
	}
}
