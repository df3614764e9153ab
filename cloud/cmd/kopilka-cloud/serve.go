package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"

	"github.com/kopilka/kopilka/cloud"
	"github.com/kopilka/kopilka/cloud/programme"
	"github.com/kopilka/kopilka/cloud/store"
	"github.com/kopilka/kopilka/cloud/web"
	"github.com/kopilka/kopilka/cloud/web/page"
	"github.com/kopilka/kopilka/ledger/sale"
)

func serve(ctx context.Context, c *call) error {
	settings := c.settings()
	if err := c.flags.Parse(c.args); err != nil {
		return err
	}
	config, err := settings()
	if err != nil {
		return err
	}
	p := program(c, config)
	p.Pages = func(p *cloud.Program) (http.Handler, error) { return pages(ctx, p) }
	if err := p.Open(ctx); err != nil {
		return err
	}
	err = p.Listen(ctx)
	if err == nil {
		if c.listen != nil {
			c.listen(p.Listener.Addr().String())
		}
		err = p.Run(ctx)
	}
	return errors.Join(err, p.Close())
}

// desk is what the pages may decide: the office's own decisions in the pages' words.
type desk struct {
	*store.Store
	office *programme.Office
}

func (d desk) AdjustPoints(ctx context.Context, org sale.OrgNo, id sale.ID, no sale.CustomerNo, amount sale.Points, reason, by string) error {
	err := d.office.AdjustPoints(ctx, org, id, no, amount, reason, by)
	var short *programme.NotFreeError
	if errors.As(err, &short) || errors.Is(err, store.ErrStale) {
		return fmt.Errorf("%w: %w", page.ErrChanged, err)
	}
	return err
}

func (d desk) RetireTill(ctx context.Context, org sale.OrgNo, till sale.TillNo, by string) error {
	_, err := d.office.RetireTill(ctx, org, till, by)
	return err
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
	d := desk{p.Store, p.Office}
	return web.New(web.Options{
		Org: no, Accounts: p.Store, Sales: p.Store, Tills: p.Store, Customers: p.Store, Catalogue: p.Store, Programme: d, Flags: p.Store, Drafts: p.Store, Partners: p.Store,
		Pulse: p.Store.Pulse, Watch: p.Store.Watch, Now: p.Now, Logger: p.Logger, Secure: secure(p.Config), OrgName: o.Name, HeadURL: headURL(p.Config),
	})
}

// secure tells whether browsers reach us by https, by ourselves or through a proxy.
func secure(c cloud.Config) bool {
	return c.TLSCert != "" || len(c.BaseURL) >= 8 && c.BaseURL[:8] == "https://"
}

// headURL is what a till is told to connect to.
func headURL(c cloud.Config) string {
	if c.BaseURL != "" {
		return c.BaseURL
	}
	host, port, err := net.SplitHostPort(c.Listen)
	if err != nil || host == "" || host == "0.0.0.0" || host == "::" {
		return "" // nobody can be told where we are: base_url says it
	}
	if c.TLSCert != "" {
		return "https://" + net.JoinHostPort(host, port)
	}
	return "http://" + net.JoinHostPort(host, port)
}
