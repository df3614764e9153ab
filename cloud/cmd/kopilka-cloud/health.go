package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/kopilka/kopilka/cloud"
)

const healthMax = 8 * time.Second // below the patience of who asks: a container's health check

// health asks the head office of this machine whether it is well, for scripts and containers.
func health(ctx context.Context, c *call) error {
	settings := c.settings()
	if err := c.parse(); err != nil {
		return err
	}
	config, err := settings()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, healthMax)
	defer cancel()
	if err := askHealth(ctx, config); err != nil {
		return fmt.Errorf("head office at %s is not well: journalctl -u kopilka-cloud says why / головной офис не отвечает, причина в журнале: %w", config.Listen, err)
	}
	_, err = fmt.Fprintln(c.out, "ok")
	return err
}

func askHealth(ctx context.Context, config cloud.Config) (err error) {
	host, port, err := net.SplitHostPort(config.Listen)
	if err != nil {
		return err
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	scheme := "http"
	transport := &http.Transport{DisableKeepAlives: true}
	if config.TLS() {
		scheme = "https"
		// This machine asks itself: whether others should believe the certificate is not the question here.
		transport.TLSClientConfig = &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS12} //nolint:gosec // see above
		if len(config.ACME.Domains) > 0 {
			transport.TLSClientConfig.ServerName = config.ACME.Domains[0]
		}
	}
	q, err := http.NewRequestWithContext(ctx, http.MethodGet, scheme+"://"+net.JoinHostPort(host, port)+"/healthz", nil)
	if err != nil {
		return err
	}
	r, err := (&http.Client{Transport: transport}).Do(q)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.Body.Close()) }()
	if r.StatusCode != http.StatusOK {
		said, err := io.ReadAll(io.LimitReader(r.Body, 200))
		return errors.Join(fmt.Errorf("%s: %s", r.Status, said), err)
	}
	return nil
}
