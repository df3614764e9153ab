package programme

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"time"

	"github.com/kopilka/kopilka/ledger/sale"
)

// Terms and limits.
const (
	// LeaseTerm is how long a till may spend what it holds without a word from head office. It bounds
	// what a stolen till is worth, and must outlast the longest outage that a shop should sell through.
	LeaseTerm = 30 * 24 * time.Hour
	// LeaseSlack is the clock error granted to a till before a lease whose term is over is taken back.
	LeaseSlack = time.Hour
	// AskTerm is how long a till that asked for a customer is still likely to have them at the counter.
	AskTerm = 15 * time.Minute

	partsMax    = 256 // lots in one event: the journal takes no more than twice that
	staleMax    = 32  // decisions made again because the balances moved, or more is to be decided
	duePage     = 500
	settleEvery = time.Minute // for what another node left behind, and for lapsed leases
)

// Book is head office's journal and what stands in it.
type Book interface {
	// Standing is a customer, every lot with a remainder, what of it is free, and the open leases.
	Standing(ctx context.Context, org sale.OrgNo, no sale.CustomerNo) (sale.Customer, []sale.Lot, []sale.LotAmount, []sale.LeaseChange, error)
	// Post journals an event; one whose ID is there already changes nothing.
	Post(ctx context.Context, org sale.OrgNo, r *sale.Record) error
	// Journalled tells whether an event is there already: what it did to balances is done.
	Journalled(ctx context.Context, org sale.OrgNo, id sale.ID) (bool, error)
	// LeaseCount is how many leases a customer has ever had.
	LeaseCount(ctx context.Context, org sale.OrgNo, no sale.CustomerNo) (int, error)
	// Debts is what a customer owes by account, below zero where too much was paid.
	Debts(ctx context.Context, org sale.OrgNo, no sale.CustomerNo) (map[sale.Account]sale.Points, error)
	// Restoring is head office's generation, and whether tills may hold leases that a restored backup lacks.
	Restoring(ctx context.Context, org sale.OrgNo, term time.Duration) (generation uint32, waiting bool, err error)
}

// Holders are the tills that hold leases and ask for them.
type Holders interface {
	Ask(ctx context.Context, org sale.OrgNo, no sale.CustomerNo, till sale.TillNo) error
	Asked(ctx context.Context, org sale.OrgNo, no sale.CustomerNo, after sale.Time) (sale.TillNo, error)
	FirstTill(ctx context.Context, org sale.OrgNo, store sale.StoreNo) (sale.TillNo, sale.StoreNo, error)
	// Active tells whether a till may be granted anything: a revoked one hears nothing.
	Active(ctx context.Context, org sale.OrgNo, till sale.TillNo) (bool, error)
	Recall(ctx context.Context, org sale.OrgNo, lease sale.ID) error
	TakeBack(ctx context.Context, org sale.OrgNo, lease sale.ID) error
	LeasesHeld(ctx context.Context, org sale.OrgNo, till sale.TillNo) ([]sale.LeaseChange, error)
	Lapsed(ctx context.Context, org sale.OrgNo, slack time.Duration) ([]sale.ID, error)
}

// Work is what waits to be decided.
type Work interface {
	Due(ctx context.Context, org sale.OrgNo, limit int) (map[sale.CustomerNo]sale.ID, error)
	Settled(ctx context.Context, org sale.OrgNo, no sale.CustomerNo, cause sale.ID) error
	Watch(org sale.OrgNo) (moved <-chan struct{}, stop func())
}

// Rules are the tills' standing and the programme's versions.
type Rules interface {
	RevokeTill(ctx context.Context, org sale.OrgNo, till sale.TillNo, by string) error
	Flag(ctx context.Context, org sale.OrgNo, till sale.TillNo, kind, cause, ru, en string) error
	Programmes(ctx context.Context, org sale.OrgNo) ([][]byte, error)
	PutProgramme(ctx context.Context, org sale.OrgNo, version uint32, effective sale.Time, body []byte, by, note string) error
}

// Store is the database behind all of these.
type Store interface {
	Book
	Holders
	Work
	Rules
	Rewards
}

// Options is what an office is made of. All are required.
type Options struct {
	Store  Store
	Stale  error // what Post wraps when an event no longer fits the balances
	Now    func() time.Time
	Logger *slog.Logger
}

// Office decides for head office. It is safe for concurrent use.
type Office struct{ Options }

// New makes an office.
func New(o Options) *Office { return &Office{o} }

// Run decides for an organisation as records come in and days begin, until ctx ends.
func (o *Office) Run(ctx context.Context, org sale.OrgNo) error {
	moved, stop := o.Store.Watch(org)
	defer stop()
	tick := time.NewTicker(settleEvery)
	defer tick.Stop()
	o.work(ctx, org, o.chores())
	for {
		o.work(ctx, org, o.duties())
		select {
		case <-ctx.Done():
			return nil
		case <-moved:
		case <-tick.C:
			o.work(ctx, org, o.chores())
		}
	}
}

// job is one kind of work, and what could not be done when it fails.
type job struct {
	what string
	do   func(context.Context, sale.OrgNo) error
}

// duties follow from what has come in. Returns come before rewards, which look at what was kept, and points
// that these set free come last.
func (o *Office) duties() []job {
	return []job{
		{"settle returns of receipts unknown at their till", o.SettleReturns},
		{"reckon rewards", o.SettleRewards},
		{"settle points", o.SettleAll},
	}
}

// chores are done from time to time.
func (o *Office) chores() []job {
	return []job{
		{"take lapsed leases back", o.Reclaim},
		{"take expired points off the books", o.ExpireAll},
		{"give the day's gifts and look at tiers", o.Daily},
	}
}

// work does one job after another: one that fails is logged, and tried again the next time.
func (o *Office) work(ctx context.Context, org sale.OrgNo, jobs []job) {
	for _, j := range jobs {
		if err := j.do(ctx, org); err != nil && ctx.Err() == nil {
			o.Logger.Error("could not "+j.what+"; will try again", "org", org, "err", err)
		}
	}
}

// SettleAll settles every customer of whom something has become free. One who cannot be settled stays due and holds
// up no other: only as many of them as a page takes would.
func (o *Office) SettleAll(ctx context.Context, org sale.OrgNo) error {
	if waiting, err := o.waiting(ctx, org); err != nil || waiting {
		return err // what is due stays so
	}
	failed := map[sale.CustomerNo]error{}
	for {
		due, err := o.Store.Due(ctx, org, duePage)
		if err != nil {
			return err
		}
		settled := 0
		for no, cause := range due {
			if failed[no] != nil {
				continue
			}
			if err := o.settleDue(ctx, org, no, cause); ctx.Err() != nil {
				return ctx.Err()
			} else if err != nil {
				failed[no] = err
				continue
			}
			settled++
		}
		if len(due) < duePage || settled == 0 {
			return errors.Join(slices.Collect(maps.Values(failed))...)
		}
	}
}

func (o *Office) settleDue(ctx context.Context, org sale.OrgNo, no sale.CustomerNo, cause sale.ID) error {
	if err := o.Settle(ctx, org, no); err != nil {
		return err
	}
	return o.Store.Settled(ctx, org, no, cause)
}

// waiting tells whether nothing may be taken or granted because head office came back from a backup and
// tills have not all reported what they hold.
func (o *Office) waiting(ctx context.Context, org sale.OrgNo) (bool, error) {
	_, waiting, err := o.Store.Restoring(ctx, org, LeaseTerm+LeaseSlack)
	return waiting, err
}

// Request is a till's word that these customers stand at it: what is free is granted to it, what others
// hold is recalled and follows once they have handed it back.
func (o *Office) Request(ctx context.Context, org sale.OrgNo, till sale.TillNo, customers []sale.CustomerNo) error {
	for _, no := range customers {
		if err := o.Store.Ask(ctx, org, no, till); err != nil {
			return err
		}
		if err := o.Settle(ctx, org, no); err != nil {
			return err
		}
	}
	return nil
}

// Settle nets a customer's debt against what is free, recalls what should move, and grants the rest to
// one till: the one that asked, else the one that holds the others, else the first of the home store.
func (o *Office) Settle(ctx context.Context, org sale.OrgNo, no sale.CustomerNo) error {
	var err error
	for range staleMax {
		if err = o.settle(ctx, org, no); !errors.Is(err, o.Stale) && !errors.Is(err, errMore) {
			break
		}
	}
	if err != nil {
		return fmt.Errorf("settle the points of customer %s: %w", no, err)
	}
	return nil
}

// errMore says that more lots are free than one event takes: the rest follows in the next decision.
var errMore = errors.New("more is free than one event takes")

func (o *Office) settle(ctx context.Context, org sale.OrgNo, no sale.CustomerNo) error {
	generation, waiting, err := o.Store.Restoring(ctx, org, LeaseTerm+LeaseSlack)
	if err != nil || waiting {
		return err // tills may hold what we do not know of
	}
	x, err := o.standing(ctx, org, no)
	if err != nil || x.customer.State == sale.CustomerBlocked || x.customer.State == sale.CustomerErased {
		return err
	}
	evened, err := o.even(ctx, org, x)
	if err != nil {
		return err
	}
	if evened {
		if x, err = o.standing(ctx, org, no); err != nil {
			return err
		}
	}
	asker, err := o.Store.Asked(ctx, org, x.customer.No, sale.At(o.Now()).Add(-AskTerm))
	if err != nil {
		return err
	}
	if err := o.recall(ctx, org, asker, x.leases); err != nil {
		return err
	}
	if len(x.free) == 0 {
		return nil
	}
	holder, err := o.holder(ctx, org, x.customer, asker, x.leases)
	if err != nil || holder.Till == 0 {
		return err // no till yet: the first one to ask gets them
	}
	return o.grantAll(ctx, org, holder, x, generation)
}

// standing is a customer as decisions see them: what is free and has not expired, by lot.
type standing struct {
	customer sale.Customer
	lots     map[sale.ID]sale.Lot
	free     []sale.LotAmount // the nearest expiry first
	leases   []sale.LeaseChange
}

func (o *Office) standing(ctx context.Context, org sale.OrgNo, no sale.CustomerNo) (standing, error) {
	c, lots, free, leases, err := o.Store.Standing(ctx, org, no)
	if err != nil {
		return standing{}, err
	}
	x := standing{customer: c, lots: map[sale.ID]sale.Lot{}, free: byExpiry(lots, alive(lots, free, sale.At(o.Now()))), leases: leases}
	for _, l := range lots {
		x.lots[l.ID] = l
	}
	return x, nil
}

// in is what is free of one purse, over all the customer's accounts.
func (x standing) in(purse sale.PurseNo) (out []sale.LotAmount) {
	for _, f := range x.free {
		if x.lots[f.Lot].Account.Purse == purse {
			out = append(out, f)
		}
	}
	return out
}

// grantAll leases what is free, an event for each account: a lease names one.
func (o *Office) grantAll(ctx context.Context, org sale.OrgNo, holder sale.Holder, x standing, generation uint32) error {
	parts := map[sale.Account][]sale.LotAmount{}
	for _, f := range x.free {
		a := x.lots[f.Lot].Account
		parts[a] = append(parts[a], f)
	}
	more := false
	for _, a := range accountsOf(parts) {
		n, err := o.Store.LeaseCount(ctx, org, a.No)
		if err != nil {
			return err
		}
		first := parts[a][:min(len(parts[a]), partsMax)]
		more = more || len(first) < len(parts[a])
		if err := o.Store.Post(ctx, org, grant(a, holder, first, n, generation, sale.At(o.Now()).Add(LeaseTerm))); err != nil {
			return err
		}
	}
	if more {
		return errMore
	}
	return nil
}

// accountsOf are the keys in a fixed order.
func accountsOf[T any](m map[sale.Account]T) []sale.Account {
	return slices.SortedFunc(maps.Keys(m), func(a, b sale.Account) int {
		return cmp.Or(cmp.Compare(a.No, b.No), cmp.Compare(a.Purse, b.Purse))
	})
}

// recall asks every other till to hand back what it holds.
func (o *Office) recall(ctx context.Context, org sale.OrgNo, asker sale.TillNo, leases []sale.LeaseChange) error {
	for _, l := range leases {
		if asker == 0 || l.Lease.Holder.Till == asker || l.Recall {
			continue
		}
		if err := o.Store.Recall(ctx, org, l.Lease.ID); err != nil {
			return err
		}
	}
	return nil
}

func (o *Office) holder(ctx context.Context, org sale.OrgNo, c sale.Customer, asker sale.TillNo, leases []sale.LeaseChange) (sale.Holder, error) {
	if asker != 0 {
		return sale.Holder{Till: asker}, nil
	}
	for _, l := range leases {
		if l.Recall {
			continue
		}
		active, err := o.Store.Active(ctx, org, l.Lease.Holder.Till)
		if err != nil {
			return sale.Holder{}, err
		}
		if active {
			return l.Lease.Holder, nil
		}
	}
	till, store, err := o.Store.FirstTill(ctx, org, c.Home)
	return sale.Holder{Till: till, Store: store}, err
}

// alive leaves out what has expired: it is nobody's to spend.
func alive(lots []sale.Lot, free []sale.LotAmount, now sale.Time) (out []sale.LotAmount) {
	expired := map[sale.ID]bool{}
	for _, l := range lots {
		expired[l.ID] = l.ExpiresAt != 0 && l.ExpiresAt <= now
	}
	for _, f := range free {
		if !expired[f.Lot] {
			out = append(out, f)
		}
	}
	return out
}

// grant is the event that leases what is free. Two nodes that decide the same from the same standing make
// the same ID; after a restore the count of leases begins anew, so the generation is in it.
func grant(account sale.Account, holder sale.Holder, free []sale.LotAmount, before int, generation uint32, until sale.Time) *sale.Record {
	lease := sale.DeriveID(free[0].Lot, fmt.Sprintf("grant/%d/%d", holder.Till, generation), before)
	return &sale.Record{
		Kind: sale.KindGrant, ID: sale.DeriveID(lease, "record", 0),
		Leases: []sale.Lease{{ID: lease, Account: account, Holder: holder, Until: until, Parts: free}},
	}
}

// even brings debts to nothing, a purse at a time: paid out of what is free in it, or, where two tills that
// could not know of each other have paid it twice, given back. It tells whether anything was posted.
func (o *Office) even(ctx context.Context, org sale.OrgNo, x standing) (posted bool, err error) {
	debts, err := o.Store.Debts(ctx, org, x.customer.No)
	if err != nil {
		return false, err
	}
	free := map[sale.PurseNo][]sale.LotAmount{}
	for _, f := range x.free {
		purse := x.lots[f.Lot].Account.Purse
		free[purse] = append(free[purse], f)
	}
	for _, a := range accountsOf(debts) {
		var r *sale.Record
		if debts[a] < 0 {
			r, err = o.overpaid(ctx, org, a, debts[a])
		} else {
			r, free[a.Purse] = net(a, debts[a], x.lots, free[a.Purse], sale.At(o.Now()))
		}
		if err != nil {
			return posted, err
		}
		if r == nil {
			continue
		}
		if err := o.Store.Post(ctx, org, r); err != nil {
			return posted, err
		}
		posted = true
	}
	return posted, nil
}

// overpaid gives back what was paid of a debt that another had paid already.
func (o *Office) overpaid(ctx context.Context, org sale.OrgNo, debt sale.Account, owed sale.Points) (*sale.Record, error) {
	id := sale.DeriveID(sale.ID{}, fmt.Sprintf("overpaid/%d/%d/%d", debt.No, debt.Purse, sale.At(o.Now())), 0)
	lot, err := o.newLot(ctx, org, id, debt.No)
	if err != nil {
		return nil, err
	}
	lot.Account = lot.Account.In(debt.Purse)
	return &sale.Record{Kind: sale.KindNet, ID: id, Lots: []sale.Lot{lot}, Postings: []sale.Posting{
		{Account: debt, Amount: owed}, {Account: lot.Account, Lot: lot.ID, Amount: -owed},
	}}, nil
}

// net is the event that pays a debt out of free points of its purse, the nearest expiry first, with what is
// free afterwards; nil when nothing is owed or free. The same standing may come again, so the moment is in the
// ID; that two nodes do not pay one debt twice is seen to by the store, which refuses an event that would
// overpay.
func net(debt sale.Account, owed sale.Points, lots map[sale.ID]sale.Lot, free []sale.LotAmount, now sale.Time) (*sale.Record, []sale.LotAmount) {
	if owed <= 0 || len(free) == 0 {
		return nil, free
	}
	r := &sale.Record{Kind: sale.KindNet}
	var paid sale.Points
	var rest []sale.LotAmount
	for _, f := range free {
		n := min(f.Amount, owed-paid)
		if n == 0 || len(r.Postings) == partsMax {
			rest = append(rest, f)
			continue
		}
		r.Postings = append(r.Postings, sale.Posting{Account: lots[f.Lot].Account, Lot: f.Lot, Amount: -n})
		paid += n
		if f.Amount > n {
			rest = append(rest, sale.LotAmount{Lot: f.Lot, Amount: f.Amount - n})
		}
	}
	r.Postings = append(r.Postings, sale.Posting{Account: debt, Amount: paid})
	r.ID = sale.DeriveID(r.Postings[0].Lot, fmt.Sprintf("net/%d/%d/%d/%d/%d", debt.No, debt.Purse, owed, free[0].Amount, now), len(free))
	return r, rest
}

// Reclaim takes back leases whose term is over and whose till has said since that nothing is unsent.
func (o *Office) Reclaim(ctx context.Context, org sale.OrgNo) error {
	lapsed, err := o.Store.Lapsed(ctx, org, LeaseSlack)
	if err != nil {
		return err
	}
	for _, id := range lapsed {
		if err := o.Store.TakeBack(ctx, org, id); err != nil {
			return err
		}
	}
	return nil
}

// left is what a lease still holds; a part that was overspent takes nothing from the others.
func left(l sale.LeaseChange) (sum sale.Points) {
	spent := map[sale.ID]sale.Points{}
	for _, s := range l.Spent {
		spent[s.Lot] += s.Amount
	}
	for _, p := range l.Lease.Parts {
		sum += max(0, p.Amount-spent[p.Lot])
	}
	return sum
}

// RetireTill gives up a till that will not come back: its key is revoked and its leases are taken back. The
// answer is the exposure: what it may have spent without our knowing, which is flagged too.
func (o *Office) RetireTill(ctx context.Context, org sale.OrgNo, till sale.TillNo, by string) (exposure sale.Points, err error) {
	if err := o.Store.RevokeTill(ctx, org, till, by); err != nil {
		return 0, err
	}
	held, err := o.Store.LeasesHeld(ctx, org, till)
	if err != nil {
		return 0, err
	}
	for _, l := range held {
		exposure += left(l)
		if err := o.Store.TakeBack(ctx, org, l.Lease.ID); err != nil {
			return exposure, err
		}
	}
	if exposure > 0 {
		// the moment is in it: the number goes on with another machine, which may be retired too
		err = o.Store.Flag(ctx, org, till, "exposure", fmt.Sprintf("retired by %s at %d", by, sale.At(o.Now())),
			fmt.Sprintf("Касса %d списана (%s): на ней оставалось %s баллов, часть могла быть потрачена без нашего ведома", till, by, exposure),
			fmt.Sprintf("Till %d is retired (%s): it held %s points, some may have been spent without our knowing", till, by, exposure))
	}
	return exposure, err
}
