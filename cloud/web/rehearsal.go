package web

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"

	"github.com/kopilka/kopilka/cloud/web/page"
	"github.com/kopilka/kopilka/ledger/loyalty"
	"github.com/kopilka/kopilka/ledger/sale"
)

// rehearsals are the replays that run or have ended, one for each draft: the last. They are kept in
// memory: after a restart a rehearsal is simply begun again.
type rehearsals struct {
	mu    sync.Mutex
	of    map[int64]*rehearsal
	order []int64
}

// rehearsalsMax bounds the results kept; each is some hundred rows.
const rehearsalsMax = 20

// rehearsal is one replay. Its fields are guarded by the list's mutex.
type rehearsal struct {
	Rev       int64
	From, To  sale.Date
	Done, All int64
	Result    *loyalty.Rehearsal
	Failed    bool
	cancel    context.CancelFunc
}

func (r *rehearsals) get(draft int64) (rehearsal, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if x := r.of[draft]; x != nil {
		return *x, true
	}
	return rehearsal{}, false
}

// put takes the place of a draft's last replay and stops it, if it still runs.
func (r *rehearsals) put(draft int64, x *rehearsal) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if old := r.of[draft]; old != nil && old.cancel != nil {
		old.cancel()
	}
	if r.of == nil {
		r.of = map[int64]*rehearsal{}
	}
	r.of[draft] = x
	r.order = append(slices.DeleteFunc(r.order, func(n int64) bool { return n == draft }), draft)
	if len(r.order) > rehearsalsMax {
		delete(r.of, r.order[0])
		r.order = r.order[1:]
	}
}

func (r *rehearsals) change(fn func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	fn()
}

type rehearsalData struct {
	*editing
	Ran     bool
	Running bool
	Failed  bool
	Stale   bool // the draft was changed since
	Percent int
	Bar     string
	From    sale.Date
	To      sale.Date
	Refused int64
	Why     string
	Rows    []rehearsalRow
	Sum     rehearsalRow
	Links   []problemLink
}

type rehearsalRow struct {
	Store, Tier string
	loyalty.RehearsalRow
}

// cost is what a programme costs on receipts: money off, points earned at their worth, the cashiers' rewards.
func cost(c loyalty.Costs) sale.Money { return c.Discount + c.Earned.Worth() + c.Reward.Worth() }

// CostBefore is what the receipts cost by the rules that made them.
func (r rehearsalRow) CostBefore() sale.Money { return cost(r.Before) }

// CostAfter is what the draft would have cost.
func (r rehearsalRow) CostAfter() sale.Money { return cost(r.After) }

// More is how much dearer the draft is.
func (r rehearsalRow) More() sale.Money { return cost(r.After) - cost(r.Before) }

func (s *site) rehearsalPage(c *call) error {
	e, err := s.openDraft(c)
	if err != nil {
		return err
	}
	today := sale.DateOf(c.now(), zone(e.Zone))
	return s.showRehearsal(c, e, newForm("from", today.Add(-30).String(), "to", today.Add(-1).String()), http.StatusOK)
}

func (s *site) showRehearsal(c *call, e *editing, f *form, status int) error {
	d := rehearsalData{editing: e, Links: e.links()}
	if x, ran := s.rehearsals.get(e.Draft.No); ran {
		d.Ran, d.Running, d.Failed, d.Stale = true, x.Result == nil && !x.Failed, x.Failed, x.Rev != e.Draft.Rev
		d.From, d.To = x.From, x.To
		if x.All > 0 {
			d.Percent = int(x.Done * 100 / x.All)
		}
		if x.Result != nil {
			d.fill(c, x.Result)
		}
	}
	return c.show(status, "rehearsal", Text{"Примерка на прошлых чеках", "Rehearsal on past receipts"}, f, &d)
}

func (d *rehearsalData) fill(c *call, r *loyalty.Rehearsal) {
	d.Refused, d.Why = r.Refused, r.Why
	for key, row := range r.Rows {
		out := rehearsalRow{RehearsalRow: *row, Store: d.known.shop.storeName(key.Store), Tier: optionText(d.known.tiers(), fmt.Sprint(key.Tier)).in(c.lang)}
		d.Rows = append(d.Rows, out)
		d.Sum.Receipts, d.Sum.Turnover = d.Sum.Receipts+row.Receipts, d.Sum.Turnover+row.Turnover
		addCosts(&d.Sum.Before, row.Before)
		addCosts(&d.Sum.After, row.After)
	}
	slices.SortFunc(d.Rows, func(a, b rehearsalRow) int { return cmp.Or(cmp.Compare(a.Store, b.Store), cmp.Compare(a.Tier, b.Tier)) })
}

func addCosts(to *loyalty.Costs, c loyalty.Costs) {
	to.Discount, to.Earned, to.Redeemed, to.Reward = to.Discount+c.Discount, to.Earned+c.Earned, to.Redeemed+c.Redeemed, to.Reward+c.Reward
}

// rehearse begins a replay in the background; the page then shows how far it is.
func (s *site) rehearse(c *call) error {
	e, err := s.openDraft(c)
	if err != nil {
		return err
	}
	from, errFrom := sale.ParseDate(c.form.V("from"))
	to, errTo := sale.ParseDate(c.form.V("to"))
	switch {
	case errFrom != nil || from == 0:
		c.form.wrong("from", "Нужна дата: 2026-12-31.", "Want a date: 2026-12-31.")
	case errTo != nil || to == 0:
		c.form.wrong("to", "Нужна дата: 2026-12-31.", "Want a date: 2026-12-31.")
	case to < from:
		c.form.wrong("to", "Конец периода раньше начала.", "The period ends before it begins.")
	case len(e.problems) > 0:
		c.form.wrong("", "Сначала исправьте черновик: ниже видно, что не так.", "Mend the draft first: what is wrong stands below.")
	}
	if !c.form.ok() {
		return s.showRehearsal(c, e, c.form, http.StatusUnprocessableEntity)
	}
	x := &rehearsal{Rev: e.Draft.Rev, From: from, To: to}
	s.rehearsals.put(e.Draft.No, x) // before the redirect: the page it leads to shows it
	begun := s.Background(func(ctx context.Context) { s.replay(ctx, e.Draft.No, x, e.Rules, e.Zone) })
	if !begun {
		return page.ErrChanged // head office is closing
	}
	return errors.Join(c.audit("draft.rehearse", fmt.Sprint(e.Draft.No), from.String()+" "+to.String()), c.redirect(e.address("rehearse")))
}

func (s *site) replay(ctx context.Context, draft int64, x *rehearsal, rules *loyalty.Programme, zoneName string) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s.rehearsals.change(func() { x.cancel = cancel })
	result, err := s.Decisions.Rehearse(ctx, s.Org, rules, x.From.Start(zone(zoneName)), x.To.Add(1).Start(zone(zoneName)), func(done, all int64) {
		s.rehearsals.change(func() { x.Done, x.All = done, all })
	})
	if err != nil && ctx.Err() == nil {
		s.Logger.Error("rehearsal failed", "draft", draft, "err", err)
	}
	s.rehearsals.change(func() { x.Result, x.Failed = result, err != nil })
}
