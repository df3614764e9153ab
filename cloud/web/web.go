// Package web is head office's pages: what was sold, by whom, on which till; which customers hold how
// many points; what is wrong; and the forms by which the owner changes any of it.
//
// What will bite: pages are made on the server and work without scripts; a small module only renews
// what is marked as live when records arrive. Every POST carries a token of its session, every page has
// a least role in one table ([site.routes]), and the policy of the browser allows no inline script or
// style, so templates hold none. Times are shown in the store's zone, never in the server's.
package web

import (
	"context"
	"errors"
	"fmt"
	"html/template"
	"log/slog"
	"net/http"
	"time"

	"github.com/kopilka/kopilka/cloud/web/page"
	"github.com/kopilka/kopilka/ledger/sale"
)

// Options is what the pages need of the rest of head office. All are required but Watch, Address and
// Secure.
type Options struct {
	Org       sale.OrgNo
	Accounts  Accounts
	Sales     Sales
	Tills     Tills
	Customers Customers
	Catalogue Catalogue
	Programme Programme
	Drafts    Drafts
	Partners  Partners
	Codes     Codes
	Care      Care
	Logbook   Logbook
	Decisions Decisions
	Updates   Updates
	Flags     Flags
	Pulse     func(context.Context, sale.OrgNo) (page.Pulse, error)
	// Watch gives a channel that gets a token when something has changed, and how to stop; nil leaves
	// the live pages to asking Pulse every two seconds.
	Watch func(sale.OrgNo) (<-chan struct{}, func())
	// Background runs work that a page begins and does not wait for, and ends it with the program; false
	// when the program is ending.
	Background func(func(context.Context)) bool
	Now        func() time.Time
	Logger     *slog.Logger
	Secure     bool                       // pages are reached by https: cookies are never sent otherwise
	Address    func(*http.Request) string // the caller's address behind a proxy that is trusted; nil: the connection's
	OrgName    string
	HeadURL    string // address that tills reach head office by, shown with enrolment codes
}

// Accounts are the people who sign in here.
type Accounts interface {
	PageUsers(ctx context.Context, org sale.OrgNo, login string) ([]page.User, error)
	// PutPageUser leaves the password as it is where u has none.
	PutPageUser(ctx context.Context, u page.User, endSessions bool) error
	// SetPagePassword changes nothing else, and ends the user's sessions; page.ErrNotFound of one who has lost access.
	SetPagePassword(ctx context.Context, org sale.OrgNo, login string, hash, salt []byte) error
	SetPageLang(ctx context.Context, org sale.OrgNo, login string, lang page.Lang) error
	OpenPageSession(ctx context.Context, org sale.OrgNo, s page.Session) error
	PageSession(ctx context.Context, org sale.OrgNo, token [32]byte) (page.Session, page.User, error)
	EndPageSession(ctx context.Context, token [32]byte) error
	Audit(ctx context.Context, org sale.OrgNo, who, what, object, detail string) error
}

// Sales is what was sold.
type Sales interface {
	Day(ctx context.Context, org sale.OrgNo, store sale.StoreNo, from, to sale.Time) ([]page.StoreTotals, []page.Bucket, error)
	Transactions(ctx context.Context, org sale.OrgNo, f page.SaleFilter, after page.SaleKey, limit int) ([]page.Sale, error)
	Receipt(ctx context.Context, org sale.OrgNo, id sale.ID) (page.Receipt, error)
	Shifts(ctx context.Context, org sale.OrgNo, f page.ShiftFilter, after page.ShiftKey, limit int) ([]page.Shift, error)
	Shift(ctx context.Context, org sale.OrgNo, id page.ShiftID) (page.Shift, []page.Record, error)
}

// site is the pages at work.
type site struct {
	Options
	pages  map[Lang]map[string]*template.Template
	assets *assets
	hasher *hasher
	limits *limiter

	rehearsals rehearsals
}

// New makes the handler of every page and asset.
func New(o Options) (http.Handler, error) {
	if err := o.complete(); err != nil {
		return nil, err
	}
	s := &site{Options: o, limits: newLimiter(o.Now)}
	var err error
	if s.assets, err = loadAssets(); err != nil {
		return nil, err
	}
	if s.hasher, err = newHasher(); err != nil {
		return nil, err
	}
	if s.pages, err = loadTemplates(s.assets); err != nil {
		return nil, err
	}
	return s.handler(), nil
}

func (o *Options) complete() error {
	var missing []error
	for name, set := range map[string]bool{
		"Org": o.Org != 0, "Accounts": o.Accounts != nil, "Sales": o.Sales != nil, "Tills": o.Tills != nil, "Customers": o.Customers != nil,
		"Catalogue": o.Catalogue != nil, "Programme": o.Programme != nil, "Drafts": o.Drafts != nil, "Partners": o.Partners != nil, "Codes": o.Codes != nil, "Care": o.Care != nil,
		"Logbook": o.Logbook != nil, "Decisions": o.Decisions != nil, "Updates": o.Updates != nil, "Background": o.Background != nil, "Flags": o.Flags != nil, "Pulse": o.Pulse != nil,
		"Now": o.Now != nil, "Logger": o.Logger != nil,
	} {
		if !set {
			missing = append(missing, fmt.Errorf("web: option %s is not set", name))
		}
	}
	if o.Watch == nil {
		o.Watch = func(sale.OrgNo) (<-chan struct{}, func()) { return nil, func() {} }
	}
	if o.Address == nil {
		o.Address = remoteAddress
	}
	return errors.Join(missing...)
}

// access is who may see a page.
type access uint8

const (
	anybody access = 0 // also without a sign-in
	viewer         = access(page.RoleViewer)
	manager        = access(page.RoleManager)
	owner          = access(page.RoleOwner)
)

// route is one address: who may use it and what it does.
type route struct {
	pattern string
	least   access
	do      func(*call) error
}

// handler joins the routes under the guards that all pages share.
func (s *site) handler() http.Handler {
	mux := http.NewServeMux()
	for _, r := range s.routes() {
		mux.Handle(r.pattern, s.guarded(r))
	}
	mux.Handle("GET /assets/{name}", s.assets)
	mux.Handle("/", s.guarded(route{least: anybody, do: func(*call) error { return page.ErrNotFound }}))
	return secured(http.NewCrossOriginProtection().Handler(mux))
}

// contentPolicy lets a page use this server's own files and nothing else.
const contentPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

func secured(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", contentPolicy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Permissions-Policy", "camera=(), microphone=(), geolocation=()")
		h.Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}
