package cloud

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"log/slog"
	"math/big"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// issue writes a certificate of its own making and its key, and answers them.
func issue(t *testing.T, name string, until time.Time, cert, key string) (certPEM, keyPEM []byte) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<60))
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: until.Add(-90 * 24 * time.Hour), NotAfter: until, KeyUsage: x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	require.NoError(t, err)
	raw, err := x509.MarshalPKCS8PrivateKey(private)
	require.NoError(t, err)
	certPEM = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	keyPEM = pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: raw})
	require.NoError(t, os.WriteFile(cert, certPEM, 0o600))
	require.NoError(t, os.WriteFile(key, keyPEM, 0o600))
	return certPEM, keyPEM
}

func TestRenewedFilesAreTakenUpAndHalvesAreNot(t *testing.T) {
	dir := t.TempDir()
	c := Config{TLSCert: filepath.Join(dir, "cert.pem"), TLSKey: filepath.Join(dir, "key.pem")}
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	issue(t, "old.example.ru", now.Add(40*24*time.Hour), c.TLSCert, c.TLSKey)
	var log bytes.Buffer
	x, err := openCertificates(c, func() time.Time { return now }, slog.New(slog.NewTextHandler(&log, nil)))
	require.NoError(t, err)
	given := func() string {
		got, err := x.get(&tls.ClientHelloInfo{})
		require.NoError(t, err)
		return got.Leaf.Subject.CommonName
	}
	require.Equal(t, "old.example.ru", given())
	x.tell()
	require.NotContains(t, log.String(), "level=WARN")

	fresh := filepath.Join(dir, "fresh.pem")
	_, key := issue(t, "new.example.ru", now.Add(90*24*time.Hour), fresh, filepath.Join(dir, "fresh.key"))
	body, err := os.ReadFile(fresh)
	require.NoError(t, err)
	later := time.Now().Add(time.Minute)
	require.NoError(t, os.WriteFile(c.TLSCert, body, 0o600))
	require.NoError(t, os.Chtimes(c.TLSCert, later, later))
	require.Equal(t, "old.example.ru", given(), "the key is not there yet")
	require.Contains(t, log.String(), "make no pair")
	require.NoError(t, os.WriteFile(c.TLSKey, key, 0o600))
	require.NoError(t, os.Chtimes(c.TLSKey, later, later))
	require.Equal(t, "new.example.ru", given())

	now = now.Add(60 * 24 * time.Hour)
	log.Reset()
	x.tell()
	require.NotContains(t, log.String(), "expired", "the certificate that was replaced is not in use any more")
	now = now.Add(20 * 24 * time.Hour)
	x.tell()
	require.Contains(t, log.String(), "ends soon")
}

func TestCertificatesThatCannotServeAreNamed(t *testing.T) {
	dir := t.TempDir()
	now := time.Now()
	at := func(name string) string { return filepath.Join(dir, name) }
	issue(t, "a.example.ru", now.Add(time.Hour), at("a.pem"), at("a.key"))
	issue(t, "b.example.ru", now.Add(time.Hour), at("b.pem"), at("b.key"))
	require.NoError(t, os.WriteFile(at("rubbish"), []byte("rubbish"), 0o600))
	for _, c := range []struct {
		config Config
		says   string
	}{
		{Config{TLSCert: at("a.pem"), TLSKey: at("b.key")}, "ключ не от этого сертификата"},
		{Config{TLSCert: at("none"), TLSKey: at("b.key")}, "нет такого файла"},
		{Config{TLSCert: at("rubbish"), TLSKey: at("b.key")}, "нужны сертификат и ключ в PEM"},
		{Config{Data: dir, ACME: ACME{Domains: []string{"x.example.ru"}, CA: at("rubbish")}}, "acme.ca: want a certificate"},
		{Config{Data: at("rubbish"), ACME: ACME{Domains: []string{"x.example.ru"}}}, "acme.cache"},
	} {
		_, err := openCertificates(c.config, time.Now, slog.New(slog.DiscardHandler))
		require.ErrorContains(t, err, c.says)
	}
	issue(t, "a.example.ru", now.Add(-time.Hour), at("a.pem"), at("a.key"))
	var log bytes.Buffer
	x, err := openCertificates(Config{TLSCert: at("a.pem"), TLSKey: at("a.key")}, time.Now, slog.New(slog.NewTextHandler(&log, nil)))
	require.NoError(t, err, "an expired certificate is told and served: pages can still be reached by who insists")
	x.tell()
	require.Contains(t, log.String(), "срок сертификата истёк")
}

// Who sets head office up reads at once what the issuer says, and a program that ends waits for no issuer.
func TestRefusalsOfTheIssuerAreToldBeforeAnybodyComes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		x := &certificates{
			now: time.Now, logger: slog.New(slog.NewTextHandler(&log, nil)), ends: map[string]time.Time{},
			domains: []string{"slow.example.ru", "refused.example.ru"},
		}
		x.give = func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
			time.Sleep(2 * headerWait)
			if hello.ServerName == "refused.example.ru" {
				return nil, errors.New("connection refused by the firewall")
			}
			return &tls.Certificate{Leaf: &x509.Certificate{DNSNames: []string{hello.ServerName}, NotAfter: time.Now().Add(expirySoon * 2)}}, nil
		}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- x.watch(ctx) }()
		time.Sleep(5 * headerWait)
		synctest.Wait()
		name, _ := x.expiry()
		require.Equal(t, "slow.example.ru", name)
		require.Contains(t, log.String(), "name=refused.example.ru")
		require.Contains(t, log.String(), "refused by the firewall")
		time.Sleep(expiryEvery - 4*headerWait) // the issuer is being asked again
		before := time.Now()
		cancel()
		require.NoError(t, <-ended)
		require.Equal(t, before, time.Now())
		time.Sleep(2 * headerWait) // the question ends by itself, unheard
	})
}
