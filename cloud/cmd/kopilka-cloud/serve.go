package main

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strings"

	"github.com/kopilka/kopilka/cloud"
	"github.com/kopilka/kopilka/cloud/web"
)

func serve(ctx context.Context, c *call) error {
	settings := c.settings()
	if err := c.parse(); err != nil {
		return err
	}
	config, err := settings()
	if err != nil {
		return err
	}
	p := program(c, config)
	if c.config == "" {
		p.Logger.Info("no file of settings: these are the defaults and the command line's")
	} else {
		p.Logger.Info("settings read", "file", c.config)
	}
	p.Pages = func(p *cloud.Program) (http.Handler, error) { return pages(ctx, p) }
	if err := p.Open(ctx); err != nil {
		return err
	}
	err = p.Listen(ctx)
	if err == nil {
		if c.listen != nil {
			c.listen(p.Listener.Addr().String())
		}
		ended := tellSystemd(ctx, p.Logger)
		err = p.Run(ctx)
		ended()
	}
	return errors.Join(err, p.Close())
}

// pages puts the pages before the one organisation of this head office.
func pages(ctx context.Context, p *cloud.Program) (http.Handler, error) {
	no, err := org(ctx, p)
	if err != nil {
		return nil, err
	}
	o, err := p.Store.Org(ctx, no)
	if err != nil {
		return nil, err
	}
	pages := p.PageOptions(no)
	pages.Secure, pages.OrgName, pages.HeadURL = secure(p.Config), o.Name, headURL(p.Config)
	return web.New(pages)
}

// secure tells whether browsers reach us by https, by ourselves or through a proxy.
func secure(c cloud.Config) bool {
	return c.TLS() || len(c.BaseURL) >= 8 && c.BaseURL[:8] == "https://"
}

// headURL is what a till is told to connect to.
func headURL(c cloud.Config) string {
	if c.BaseURL != "" {
		return c.BaseURL
	}
	host, port, err := net.SplitHostPort(c.Listen)
	if len(c.ACME.Domains) > 0 && err == nil {
		return "https://" + strings.TrimSuffix(net.JoinHostPort(c.ACME.Domains[0], port), ":443")
	}
	if err != nil || host == "" || host == "0.0.0.0" || host == "::" {
		return "" // nobody can be told where we are: base_url says it
	}
	if c.TLS() {
		return "https://" + net.JoinHostPort(host, port)
	}
	return "http://" + net.JoinHostPort(host, port)
}
