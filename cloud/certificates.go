package cloud

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/acme"
	"golang.org/x/crypto/acme/autocert"
)

// How certificates are looked after.
const (
	expiryEvery = time.Hour           // between looks at when a certificate ends
	expirySoon  = 14 * 24 * time.Hour // from here on it is a warning: issuers' renewals begin a month before
	failedEvery = time.Minute         // between log lines about certificates that are not to be had
	cacheFolder = "acme"              // of accounts and certificates, where the settings name none
	hstsOneYear = "max-age=31536000"  // browsers remember that head office is https alone
	acmePerm    = os.FileMode(0o700)  // the folder holds keys
	acmeWait    = 30 * time.Second    // for one answer of the issuer
	letsEncrypt = acme.LetsEncryptURL // where the settings name no issuer
)

// ACME is where certificates come from when no files are given.
type ACME struct {
	Domains   []string `yaml:"domains"`
	Email     string   `yaml:"email"`     // for the issuer's warnings
	Cache     string   `yaml:"cache"`     // folder of account and certificates
	Directory string   `yaml:"directory"` // the issuer; empty: Let's Encrypt
	CA        string   `yaml:"ca"`        // PEM: whom to believe that it is the issuer; empty: the system's roots
}

// TLS tells whether head office speaks https by itself.
func (c Config) TLS() bool { return c.TLSCert != "" || len(c.ACME.Domains) > 0 }

// certificates gives out the certificate for each handshake, and knows when it ends.
type certificates struct {
	give    func(*tls.ClientHelloInfo) (*tls.Certificate, error)
	acme    *autocert.Manager // nil with files
	domains []string          // to ask the issuer for
	logger  *slog.Logger
	now     func() time.Time

	mu      sync.Mutex
	ends    map[string]time.Time // by the certificate's first name
	failure time.Time            // last logged
}

// openCertificates is nil for plain HTTP.
func openCertificates(c Config, now func() time.Time, logger *slog.Logger) (*certificates, error) {
	x := &certificates{now: now, logger: logger, ends: map[string]time.Time{}}
	switch {
	case c.TLSCert != "":
		f := &certificateFiles{cert: c.TLSCert, key: c.TLSKey, logger: logger}
		first, err := f.get(nil)
		if err != nil {
			return nil, err
		}
		x.give = f.get
		x.note(first)
	case len(c.ACME.Domains) > 0:
		manager, err := newManager(c)
		if err != nil {
			return nil, err
		}
		x.acme, x.give, x.domains = manager, manager.GetCertificate, c.ACME.Domains
	default:
		return nil, nil
	}
	return x, nil
}

func newManager(c Config) (*autocert.Manager, error) {
	cache := c.ACME.Cache
	if cache == "" {
		cache = filepath.Join(c.Data, cacheFolder)
	}
	if err := os.MkdirAll(cache, acmePerm); err != nil {
		return nil, fmt.Errorf("acme.cache: the folder for certificates cannot be made: give it to the account of the service / "+
			"не удаётся создать папку сертификатов: отдайте её учётной записи службы: %w", err)
	}
	client := &acme.Client{DirectoryURL: c.ACME.Directory, UserAgent: "kopilka-cloud", HTTPClient: &http.Client{Timeout: acmeWait}}
	if client.DirectoryURL == "" {
		client.DirectoryURL = letsEncrypt
	}
	if c.ACME.CA != "" {
		roots, err := readRoots(c.ACME.CA)
		if err != nil {
			return nil, err
		}
		transport := http.DefaultTransport.(*http.Transport).Clone()
		transport.TLSClientConfig = &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
		client.HTTPClient.Transport = transport
	}
	return &autocert.Manager{
		Prompt: autocert.AcceptTOS, Cache: autocert.DirCache(cache), HostPolicy: autocert.HostWhitelist(c.ACME.Domains...),
		Email: c.ACME.Email, Client: client,
	}, nil
}

func readRoots(path string) (*x509.CertPool, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("acme.ca: the issuer's root certificate cannot be read / не читается корневой сертификат: %w", err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(b) {
		return nil, fmt.Errorf("acme.ca: want a certificate in PEM / нужен сертификат в PEM (got %q)", path)
	}
	return roots, nil
}

// config is how TLS is spoken. Versions before 1.2 are refused.
func (x *certificates) config() *tls.Config {
	protocols := []string{"h2", "http/1.1"}
	if x.acme != nil {
		protocols = append(protocols, acme.ALPNProto)
	}
	return &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: protocols, GetCertificate: x.get}
}

func (x *certificates) get(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	c, err := x.give(hello)
	if err != nil {
		x.failed(hello.ServerName, err)
		return nil, err
	}
	if len(hello.SupportedProtos) != 1 || hello.SupportedProtos[0] != acme.ALPNProto {
		x.note(c)
	}
	return c, nil
}

// note remembers when a certificate ends.
func (x *certificates) note(c *tls.Certificate) {
	if c.Leaf == nil {
		return
	}
	name := c.Leaf.Subject.CommonName
	if len(c.Leaf.DNSNames) > 0 {
		name = c.Leaf.DNSNames[0]
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.acme == nil { // there is one, and a renewal may have another name
		clear(x.ends)
	}
	x.ends[name] = c.Leaf.NotAfter
}

// failed logs once a while: strangers who call by names that are not ours come all day.
func (x *certificates) failed(name string, err error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	now := x.now()
	if now.Sub(x.failure) < failedEvery {
		return
	}
	x.failure = now
	x.logger.Warn("no certificate for a connection: does acme.domains name it, and does the issuer reach us at port 443 or 80? / "+
		"нет сертификата для соединения: указан ли адрес в acme.domains и видит ли нас издатель по порту 443 или 80?", "name", name, "err", err)
}

// expiry is the certificate that ends first.
func (x *certificates) expiry() (name string, at time.Time) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for n, end := range x.ends {
		if at.IsZero() || end.Before(at) {
			name, at = n, end
		}
	}
	return name, at
}

// watch asks the issuer for what is not there yet, and tells of certificates that end, until ctx does.
func (x *certificates) watch(ctx context.Context) error {
	tick := time.NewTicker(expiryEvery)
	defer tick.Stop()
	for {
		if !x.acquire(ctx) {
			return nil
		}
		x.tell()
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// acquire gets the certificate of each domain before anybody comes by it, and tells whether ctx still runs. An
// issuer may take longer than a handshake may (headerWait), and who set it up wants to read now what is wrong.
// Certificates that are there are only looked at; the manager renews them by itself.
func (x *certificates) acquire(ctx context.Context) bool {
	for _, domain := range x.domains {
		type answer struct {
			certificate *tls.Certificate
			err         error
		}
		// The manager knows no context: where the program ends, its question ends by itself, unheard.
		asked := make(chan answer, 1)
		go func() {
			c, err := x.give(modernHello(domain))
			asked <- answer{c, err}
		}()
		select {
		case <-ctx.Done():
			return false
		case a := <-asked:
			if a.err != nil {
				x.failed(domain, a.err)
				continue
			}
			x.note(a.certificate)
		}
	}
	return true
}

// modernHello is how today's browsers and our tills call: the manager keeps a certificate of another kind for those
// that know no elliptic curves.
func modernHello(domain string) *tls.ClientHelloInfo {
	return &tls.ClientHelloInfo{ServerName: domain, CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256}}
}

func (x *certificates) tell() {
	name, at := x.expiry()
	switch left := at.Sub(x.now()); {
	case at.IsZero(): // the issuer gave none: told already
	case left <= 0:
		x.logger.Error("the certificate has expired: tills and browsers will refuse it, renew it / "+
			"срок сертификата истёк: кассы и браузеры его не примут, обновите", "name", name, "until", at)
	case left < expirySoon:
		x.logger.Warn("the certificate ends soon: is its renewal working? / срок сертификата скоро истечёт: работает ли продление?", "name", name, "until", at)
	default:
		x.logger.Info("certificate", "name", name, "until", at)
	}
}

// strict has browsers come by https alone from now on.
func strict(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		w.Header().Set("Strict-Transport-Security", hstsOneYear)
		next.ServeHTTP(w, q)
	})
}

// certificateFiles reads files again when they have changed. A renewal writes two files, one after the other: what
// does not fit together yet is tried again with the next handshake, and the old pair serves until then.
type certificateFiles struct {
	cert, key string
	logger    *slog.Logger

	mu     sync.Mutex
	loaded *tls.Certificate
	seen   [2]fileMark
	bad    [2]fileMark // marks that did not make a pair, told once
}

// fileMark tells one state of a file from another.
type fileMark struct {
	size  int64
	moved time.Time
}

func mark(path string) (fileMark, error) {
	info, err := os.Stat(path)
	if err != nil {
		return fileMark{}, err
	}
	return fileMark{info.Size(), info.ModTime()}, nil
}

func (f *certificateFiles) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	cert, err := mark(f.cert)
	key, err2 := mark(f.key)
	now := [2]fileMark{cert, key}
	if err = errors.Join(err, err2); err == nil && f.loaded != nil && now == f.seen {
		return f.loaded, nil
	}
	var pair tls.Certificate
	if err == nil {
		pair, err = tls.LoadX509KeyPair(f.cert, f.key)
	}
	switch {
	case err == nil:
		if f.loaded != nil {
			f.logger.Info("took up a renewed certificate", "until", pair.Leaf.NotAfter)
		}
		f.loaded, f.seen = &pair, now
	case f.loaded == nil:
		return nil, explainPair(f.cert, f.key, err)
	case now != f.bad:
		f.bad = now
		f.logger.Warn("the certificate's files have changed and make no pair: the old one stays in use / "+
			"файлы сертификата изменились и не подходят друг другу: пока служит прежний", "err", err)
	}
	return f.loaded, nil
}

func explainPair(cert, key string, err error) error {
	switch {
	case errors.Is(err, os.ErrPermission):
		return fmt.Errorf("tls_cert, tls_key: the account of the service may not read %s or %s / учётной записи службы нельзя читать файлы: %w", cert, key, err)
	case errors.Is(err, os.ErrNotExist):
		return fmt.Errorf("tls_cert, tls_key: there is no such file / нет такого файла: %w", err)
	case strings.Contains(err.Error(), "does not match"):
		return fmt.Errorf("tls_key: the key in %s is not that of the certificate in %s / ключ не от этого сертификата: %w", key, cert, err)
	}
	return fmt.Errorf("tls_cert, tls_key: want a certificate and its key in PEM / нужны сертификат и ключ в PEM: %w", err)
}
