package cloud

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/kopilka/kopilka/cloud/programme"
	"github.com/kopilka/kopilka/cloud/store"
	"github.com/kopilka/kopilka/cloud/updates"
	"github.com/kopilka/kopilka/cloud/web"
	"github.com/kopilka/kopilka/cloud/web/page"
	"github.com/kopilka/kopilka/ledger/loyalty"
	"github.com/kopilka/kopilka/ledger/sale"
)

// PageOptions is what the pages of an organisation need of a running head office. The caller adds what
// differs: names and addresses.
func (p *Program) PageOptions(org sale.OrgNo) web.Options {
	d := desk{p.Store, p.Office}
	return web.Options{
		Org: org, Accounts: p.Store, Sales: p.Store, Tills: p.Store, Customers: p.Store, Catalogue: p.Store, Programme: d, Drafts: p.Store, Partners: p.Store,
		Flags: d, Codes: d, Care: d, Logbook: p.Store, Decisions: d, Updates: p, Pulse: p.Store.Pulse, Watch: p.Store.Watch, Background: p.background.start, Now: p.Now, Logger: p.Logger,
	}
}

// background is work that pages begin and do not wait for. It ends with the program.
type background struct {
	mu     sync.Mutex
	ended  bool
	cancel []context.CancelFunc
	wg     sync.WaitGroup
}

// start runs fn until it returns or the program closes; false when that has happened already.
func (b *background) start(fn func(context.Context)) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ended {
		return false
	}
	ctx, cancel := context.WithCancel(context.Background())
	b.cancel = append(b.cancel, cancel)
	b.wg.Go(func() {
		defer cancel()
		fn(ctx)
	})
	return true
}

func (b *background) close() {
	b.mu.Lock()
	b.ended = true
	for _, cancel := range b.cancel {
		cancel()
	}
	b.mu.Unlock()
	b.wg.Wait()
}

// desk is what the pages may decide: the office's and the store's own decisions in the pages' words.
type desk struct {
	*store.Store
	office *programme.Office
}

// refusedError says what err says, which begins with the words that a page shows.
type refusedError struct {
	words *page.Refusal
	err   error
}

func (e *refusedError) Error() string   { return e.err.Error() }
func (e *refusedError) Unwrap() []error { return []error{e.words, e.err} }

// refusal turns what cannot be into words for people; other errors stay what they are.
func refusal(err error) error {
	for _, known := range []error{store.ErrMerge, store.ErrState, store.ErrCodes, store.ErrAction, programme.ErrCashOut, programme.ErrDraw, updates.ErrPlan, updates.ErrBusy, updates.ErrKeys} {
		if errors.Is(err, known) {
			en, ru, both := strings.Cut(known.Error(), " / ")
			if !both {
				ru = en
			}
			return &refusedError{&page.Refusal{RU: ru, EN: en}, err}
		}
	}
	if errors.Is(err, store.ErrNotFound) {
		return fmt.Errorf("%w: %w", page.ErrNotFound, err)
	}
	return err
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

func (d desk) ResolveConflict(ctx context.Context, org sale.OrgNo, id sale.ID, action page.Action, by, note string) error {
	return refusal(d.Store.ResolveConflict(ctx, org, id, action, by, note))
}

func (d desk) MergeCustomers(ctx context.Context, org sale.OrgNo, into, from sale.CustomerNo, reason, by string) error {
	return refusal(d.Store.MergeCustomers(ctx, org, into, from, reason, by))
}

func (d desk) SplitCustomer(ctx context.Context, org sale.OrgNo, from sale.CustomerNo, reason, by string) error {
	return refusal(d.Store.SplitCustomer(ctx, org, from, reason, by))
}

func (d desk) SetCustomerState(ctx context.Context, org sale.OrgNo, no sale.CustomerNo, state sale.CustomerState, by string) error {
	return refusal(d.Store.SetCustomerState(ctx, org, no, state, by))
}

func (d desk) EraseCustomer(ctx context.Context, org sale.OrgNo, no sale.CustomerNo, by string) error {
	return refusal(d.Store.EraseCustomer(ctx, org, no, by))
}

func (d desk) SetBirthday(ctx context.Context, org sale.OrgNo, no sale.CustomerNo, day, by string) error {
	return refusal(d.Store.SetBirthday(ctx, org, no, day, by))
}

func (d desk) MoreCodes(ctx context.Context, org sale.OrgNo, campaign uint32, have, count int, owners []sale.CustomerNo, by string, random io.Reader) ([]string, error) {
	codes, err := d.Store.MoreCodes(ctx, org, campaign, have, count, owners, by, random)
	return codes, refusal(err)
}

func (d desk) WithdrawCampaign(ctx context.Context, org sale.OrgNo, campaign uint32, by string) error {
	return refusal(d.Store.WithdrawCampaign(ctx, org, campaign, by))
}

func (d desk) SetTier(ctx context.Context, org sale.OrgNo, no sale.CustomerNo, tier uint16, until sale.Time, reason, by string) error {
	return refusal(d.office.SetTier(ctx, org, no, tier, until, reason, by))
}

func (d desk) GiveReview(ctx context.Context, org sale.OrgNo, review sale.ID, no sale.CustomerNo) error {
	return refusal(d.office.GiveReview(ctx, org, review, no))
}

func (d desk) CashOut(ctx context.Context, org sale.OrgNo, id sale.ID, staff sale.StaffNo, amount sale.Points, reason, by string) error {
	return refusal(d.office.CashOut(ctx, org, id, staff, amount, reason, by))
}

func (d desk) Draw(ctx context.Context, org sale.OrgNo, purse sale.PurseNo, seed string, winners int) ([]sale.CustomerNo, error) {
	won, err := d.office.Draw(ctx, org, purse, seed, winners)
	return won, refusal(err)
}

func (d desk) Rehearse(ctx context.Context, org sale.OrgNo, draft *loyalty.Programme, from, to sale.Time, progress func(done, all int64)) (*loyalty.Rehearsal, error) {
	return d.office.Rehearse(ctx, org, draft, from, to, progress)
}

func (d desk) Rewards(ctx context.Context, org sale.OrgNo, no sale.CustomerNo, limit int) (out []page.Reward, err error) {
	rows, err := d.Store.Rewards(ctx, org, no, limit)
	for _, r := range rows {
		out = append(out, page.Reward(r))
	}
	return out, err
}

func (d desk) Shares(ctx context.Context, org sale.OrgNo, no sale.CustomerNo, limit int) (out []page.Share, err error) {
	rows, err := d.Store.SharesFor(ctx, org, no, limit)
	for _, s := range rows {
		out = append(out, page.Share{Receipt: s.Sale, Friend: s.Friend, Level: s.Level, Deserved: s.Deserved, Counts: s.Counts, At: s.At, Reasons: s.Reasons})
	}
	return out, err
}

func (d desk) Earners(ctx context.Context, org sale.OrgNo, from, to sale.Time) (out []page.Earner, err error) {
	rows, err := d.Store.Earners(ctx, org, from, to)
	for _, e := range rows {
		out = append(out, page.Earner(e))
	}
	return out, err
}

func (d desk) Tickets(ctx context.Context, org sale.OrgNo, purse sale.PurseNo) (out []page.Tickets, err error) {
	rows, err := d.Store.Tickets(ctx, org, purse)
	for _, t := range rows {
		out = append(out, page.Tickets(t))
	}
	return out, err
}

func (d desk) Draws(ctx context.Context, org sale.OrgNo) (out []page.Draw, err error) {
	rows, err := d.Store.Draws(ctx, org)
	for _, x := range rows {
		out = append(out, page.Draw(x))
	}
	return out, err
}

func (d desk) Partner(ctx context.Context, org sale.OrgNo, partner sale.PartnerNo, from, to sale.Time) (page.Brought, error) {
	b, err := d.office.Partner(ctx, org, partner, from, to)
	return page.Brought(b), err
}
