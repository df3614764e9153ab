package cloud

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"

	"github.com/kopilka/kopilka/cloud/programme"
	"github.com/kopilka/kopilka/cloud/store"
	"github.com/kopilka/kopilka/cloud/web"
	"github.com/kopilka/kopilka/cloud/web/page"
	"github.com/kopilka/kopilka/ledger/sale"
)

// rules joins what the pages call the programme: its versions lie in the store, points are booked and
// tills retired by the office.
type rules struct {
	*store.Store
	office *programme.Office
}

// AdjustPoints tells the pages in their own words when the points are not free.
func (r rules) AdjustPoints(ctx context.Context, org sale.OrgNo, id sale.ID, no sale.CustomerNo, amount sale.Points, reason, by string) error {
	err := r.office.AdjustPoints(ctx, org, id, no, amount, reason, by)
	var short *programme.NotFreeError
	if errors.As(err, &short) {
		return fmt.Errorf("%w: %w", page.ErrChanged, err)
	}
	return err
}

// RetireTill leaves the exposure to the flag that the office raises.
func (r rules) RetireTill(ctx context.Context, org sale.OrgNo, till sale.TillNo, by string) error {
	_, err := r.office.RetireTill(ctx, org, till, by)
	return err
}

// Pages is head office's pages for [Program.Pages]. They belong to the first organisation of the
// database and begin to answer once there is one.
func Pages(p *Program) (http.Handler, error) {
	l := &latePages{program: p}
	return l, nil
}

// latePages waits for the organisation, which a fresh database gets after the program has opened it.
type latePages struct {
	program *Program
	mu      sync.Mutex
	pages   http.Handler
}

func (l *latePages) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	pages, err := l.ready(r.Context())
	if err != nil {
		l.program.Logger.Error("make the pages", "err", err)
		http.Error(w, "Создайте организацию: kopilka-cloud init / Create an organisation: kopilka-cloud init", http.StatusServiceUnavailable)
		return
	}
	pages.ServeHTTP(w, r)
}

func (l *latePages) ready(ctx context.Context) (http.Handler, error) {
	l.mu.Lock()
	pages := l.pages
	l.mu.Unlock()
	if pages != nil {
		return pages, nil
	}
	made, err := l.program.pages(ctx)
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.pages == nil { // two first callers: the first one's counters of failed sign-ins stand
		l.pages = made
	}
	return l.pages, nil
}

func (p *Program) pages(ctx context.Context) (http.Handler, error) {
	orgs, err := p.Store.Orgs(ctx)
	if err != nil {
		return nil, err
	}
	if len(orgs) == 0 {
		return nil, errors.New("there is no organisation yet")
	}
	o, err := p.Store.Org(ctx, orgs[0])
	if err != nil {
		return nil, err
	}
	return web.New(web.Options{
		Org: orgs[0], OrgName: o.Name, Accounts: p.Store, Sales: p.Store, Tills: p.Store, Customers: p.Store, Catalogue: p.Store, Flags: p.Store,
		Programme: rules{p.Store, p.Office}, Pulse: p.Store.Pulse, Watch: p.Store.Watch, Now: p.Now, Logger: p.Logger, HeadURL: p.Config.BaseURL,
		Secure: p.Config.TLSCert != "" || strings.HasPrefix(p.Config.BaseURL, "https://"),
	})
}
