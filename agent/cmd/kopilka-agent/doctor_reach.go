package main

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"time"

	"github.com/kopilka/kopilka/agent"
	"github.com/kopilka/kopilka/sync/uplink"
)

const (
	reachStepWait = 5 * time.Second  // for one step towards head office
	reachWait     = 12 * time.Second // for all of them
)

// headOfficeURL is what the till was enrolled with; before that, what the config says.
func headOfficeURL(c agent.Config) string {
	if id, err := uplink.Load(filepath.Join(c.Data, identityFile)); err == nil {
		return id.URL
	}
	if kept, err := readLater(c.Data); err == nil && kept.URL != "" {
		return kept.URL
	}
	return c.HeadOffice.URL
}

// errNoAddress tells that nobody has said yet where head office is.
var errNoAddress = errors.New("no address of head office")

// reachHeadOffice goes step by step, so that the sentence can name the one that failed.
func reachHeadOffice(ctx context.Context, c agent.Config) (r agent.Reach) {
	u, err := url.Parse(headOfficeURL(c))
	if err != nil || u.Hostname() == "" {
		return agent.Reach{Step: agent.StepAddress, Err: errors.Join(errNoAddress, err)}
	}
	ctx, cancel := context.WithTimeout(ctx, reachWait)
	defer cancel()
	r.Host, r.URL = u.Hostname(), u.Scheme+"://"+u.Host
	if _, r.Port, err = net.SplitHostPort(hostPort(u)); err != nil {
		return agent.Reach{Step: agent.StepAddress, Err: err}
	}
	begun := time.Now()
	steps := []struct {
		name agent.Step
		try  func(context.Context, *url.URL) error
	}{{agent.StepName, tryName}, {agent.StepConnect, tryConnect}, {agent.StepTLS, func(ctx context.Context, u *url.URL) error { return tryTLS(ctx, u, &r) }}}
	for _, s := range steps {
		r.Step = s.name
		if r.Err = s.try(ctx, u); r.Err != nil {
			return r
		}
	}
	r.Step = agent.StepAnswer
	r.At, r.Err = tryAnswer(ctx, u)
	r.Took = time.Since(begun)
	return r
}

func tryName(ctx context.Context, u *url.URL) error {
	ctx, cancel := context.WithTimeout(ctx, reachStepWait)
	defer cancel()
	_, err := net.DefaultResolver.LookupHost(ctx, u.Hostname())
	return err
}

func hostPort(u *url.URL) string {
	if u.Port() != "" {
		return u.Host
	}
	if u.Scheme == "http" {
		return net.JoinHostPort(u.Hostname(), "80")
	}
	return net.JoinHostPort(u.Hostname(), "443")
}

func tryConnect(ctx context.Context, u *url.URL) error {
	d := net.Dialer{Timeout: reachStepWait}
	conn, err := d.DialContext(ctx, "tcp", hostPort(u))
	if err != nil {
		return err
	}
	return conn.Close()
}

// tryTLS notes what the certificate is like, also where it is refused.
func tryTLS(ctx context.Context, u *url.URL, r *agent.Reach) error {
	if u.Scheme != "https" {
		return nil
	}
	d := tls.Dialer{NetDialer: &net.Dialer{Timeout: reachStepWait}}
	conn, err := d.DialContext(ctx, "tcp", hostPort(u))
	if err != nil {
		distrust(err, time.Now(), r)
		return err
	}
	if t, ok := conn.(*tls.Conn); ok {
		lasting(t.ConnectionState().VerifiedChains, r)
	}
	return conn.Close()
}

// lasting finds the chain that lasts longest, and the certificate that ends it.
func lasting(chains [][]*x509.Certificate, r *agent.Reach) {
	for _, chain := range chains {
		first := slices.MinFunc(chain, func(a, b *x509.Certificate) int { return a.NotAfter.Compare(b.NotAfter) })
		if first.NotAfter.After(r.Expires) {
			r.Expires, r.Issuer = first.NotAfter, first.Issuer.CommonName
		}
	}
}

// distrust tells why a certificate was refused.
func distrust(err error, now time.Time, r *agent.Reach) {
	var verification *tls.CertificateVerificationError
	if !errors.As(err, &verification) || len(verification.UnverifiedCertificates) == 0 {
		return
	}
	leaf := verification.UnverifiedCertificates[0]
	r.Issuer, r.Expires = cmp.Or(leaf.Issuer.CommonName, leaf.Issuer.String()), leaf.NotAfter
	var invalid x509.CertificateInvalidError
	var name x509.HostnameError
	var unknown x509.UnknownAuthorityError
	switch {
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		r.Trust = agent.TrustExpired
		r.Expires = invalid.Cert.NotAfter // it may be one above the leaf
		if now.Before(invalid.Cert.NotBefore) {
			r.Trust = agent.TrustFuture
		}
	case errors.As(err, &name):
		r.Trust = agent.TrustName
	case errors.As(err, &unknown):
		r.Trust = agent.TrustUnknown
	}
}

// tryAnswer takes any answer for an answer, but head office's own trouble.
func tryAnswer(ctx context.Context, u *url.URL) (at time.Time, err error) {
	q, err := http.NewRequestWithContext(ctx, http.MethodHead, u.String(), nil)
	if err != nil {
		return at, err
	}
	client := direct(reachStepWait)
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	defer client.CloseIdleConnections()
	a, err := client.Do(q)
	if err != nil {
		return at, err
	}
	if err := a.Body.Close(); err != nil {
		return at, err
	}
	if a.StatusCode >= http.StatusInternalServerError {
		return at, errors.New(a.Status)
	}
	if date, err := http.ParseTime(a.Header.Get("Date")); err == nil { // a proxy may take the date away
		at = date
	}
	return at, nil
}
