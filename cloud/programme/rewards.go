package programme

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/kopilka/kopilka/cloud/programme/deed"
	"github.com/kopilka/kopilka/ledger/loyalty"
	"github.com/kopilka/kopilka/ledger/sale"
)

// Rewards is what head office reads to decide about rewards, and where it writes a decision. Read Turn
// before anything else that the decision rests on.
type Rewards interface {
	Turn(ctx context.Context, org sale.OrgNo) (uint64, error)
	// Decide writes all of a decision or nothing: Options.Stale when another came between.
	Decide(ctx context.Context, org sale.OrgNo, d deed.Decision) error
	DueRewards(ctx context.Context, org sale.OrgNo, limit int) ([]deed.Due, error)
	Undue(ctx context.Context, org sale.OrgNo, list []deed.Due) error
	Requeue(ctx context.Context, org sale.OrgNo, accounts []sale.CustomerNo, cause sale.ID) error
	Given(ctx context.Context, org sale.OrgNo, accounts []sale.CustomerNo, cause, period string, keys ...string) (map[sale.CustomerNo]deed.Given, error)
	Receipts
	Circle
	Calendar
	Ledgers
}

// Receipts are customers and what they bought.
type Receipts interface {
	Whole(ctx context.Context, org sale.OrgNo, no sale.CustomerNo) (deed.Person, bool, error)
	SaleNow(ctx context.Context, org sale.OrgNo, id sale.ID) (deed.Receipt, bool, error)
	SalesOf(ctx context.Context, org sale.OrgNo, accounts []sale.CustomerNo, since sale.Time) ([]deed.Receipt, error)
	FirstKept(ctx context.Context, org sale.OrgNo, accounts []sale.CustomerNo, least sale.Money) (deed.Receipt, bool, error)
	Places(ctx context.Context, org sale.OrgNo) (map[sale.StoreNo]deed.Place, error)
}

// Circle is who brought whom.
type Circle interface {
	// Bind finds whom a code names and keeps it beside the friend who came with it; zero while nobody is found.
	Bind(ctx context.Context, org sale.OrgNo, friend sale.CustomerNo, code string) (sale.CustomerNo, error)
	SharesOf(ctx context.Context, org sale.OrgNo, receipt sale.ID) ([]deed.Share, error)
	Deserved(ctx context.Context, org sale.OrgNo, accounts []sale.CustomerNo, period string, but sale.ID) (sale.Points, error)
	Friends(ctx context.Context, org sale.OrgNo, accounts []sale.CustomerNo, since sale.Time) (uint32, error)
	PendingFriends(ctx context.Context, org sale.OrgNo, after sale.CustomerNo, limit int) ([]sale.CustomerNo, error)
}

const (
	causeFirst   = "first" // the key of what is given once in a life
	rewardsPage  = 200
	zoneFallback = "UTC"
)

// rules are the programme's versions and the stores, read once for many decisions.
type rules struct {
	versions []*loyalty.Programme
	places   map[sale.StoreNo]loyalty.Place
	home     loyalty.Place // of customers without a home store: the first store's
	idle     bool          // no version rewards a purchase, so a receipt need not be looked into
}

func (o *Office) rules(ctx context.Context, org sale.OrgNo) (rules, error) {
	r := rules{places: map[sale.StoreNo]loyalty.Place{}}
	versions, err := o.versions(ctx, org)
	if err != nil {
		return r, err
	}
	r.versions, r.idle = versions, true
	for _, p := range versions {
		f := p.Referral
		r.idle = r.idle && len(f.Rates) == 0 && f.First == 0 && f.Friend == 0 && p.Grants.FirstPurchase == 0
	}
	places, err := o.Store.Places(ctx, org)
	if err != nil {
		return r, err
	}
	var first sale.StoreNo
	for no, p := range places {
		zone, err := time.LoadLocation(p.Zone)
		if err != nil {
			return r, fmt.Errorf("store %d: time zone %q: %w", no, p.Zone, err)
		}
		r.places[no] = loyalty.Place{Region: p.Region, Store: no, Zone: zone}
		if first == 0 || no < first {
			first, r.home = no, loyalty.Place{Zone: zone}
		}
	}
	if r.home.Zone == nil {
		r.home.Zone = time.UTC
	}
	return r, nil
}

// place is a store, or, for none, the organisation.
func (r rules) place(store sale.StoreNo) loyalty.Place {
	if p, ok := r.places[store]; ok {
		return p
	}
	return r.home
}

func (r rules) at(at sale.Time, store sale.StoreNo) *loyalty.Programme {
	return loyalty.Current(r.versions, at, r.place(store))
}

// of is the version that a receipt names, else the one in force then and there.
func (r rules) of(x deed.Receipt) *loyalty.Programme {
	for _, p := range r.versions {
		if p.Version == x.Programme {
			return p
		}
	}
	return r.at(x.At, x.Store)
}

// SettleRewards decides about everything that is due. After a restore it waits with the grants of leases:
// taking back would take what a till may hold.
func (o *Office) SettleRewards(ctx context.Context, org sale.OrgNo) error {
	if waiting, err := o.waiting(ctx, org); err != nil || waiting {
		return err
	}
	stuck := 0
	for {
		due, err := o.Store.DueRewards(ctx, org, rewardsPage)
		if err != nil || len(due) == 0 {
			return err
		}
		r, err := o.rules(ctx, org)
		if err != nil {
			return err
		}
		done, err := o.settleRewards(ctx, org, r, due)
		if err != nil {
			return err
		}
		if stuck++; done > 0 {
			stuck = 0
		}
		if stuck == staleMax {
			return fmt.Errorf("decide about %d rewards: %w", len(due), o.Stale)
		}
	}
}

// settleRewards counts what it has settled. What has changed meanwhile is left for the next look.
func (o *Office) settleRewards(ctx context.Context, org sale.OrgNo, r rules, due []deed.Due) (done int, err error) {
	var nothing []deed.Due
	reckoned := map[sale.CustomerNo]bool{}
	for i := range due {
		d, person, err := o.decide(ctx, org, r, &due[i], reckoned)
		if err != nil {
			return done, fmt.Errorf("reckon the rewards of %s %s: %w", due[i].Kind, due[i].Subject, err)
		}
		done++
		if len(d.Events) == 0 && len(d.Shares) == 0 && len(d.Look) == 0 && d.Tell == nil && !d.Due.Changed {
			nothing = append(nothing, due[i])
			reckoned[person] = true
			continue
		}
		switch err := o.Store.Decide(ctx, org, d); {
		case errors.Is(err, o.Stale):
			done--
		case err != nil:
			return done, err
		default:
			reckoned[person] = true
		}
	}
	return done, o.Store.Undue(ctx, org, nothing)
}

// decide answers a decision and, for a receipt, whose tier and first purchase it took in.
func (o *Office) decide(ctx context.Context, org sale.OrgNo, r rules, due *deed.Due, reckoned map[sale.CustomerNo]bool) (d deed.Decision, person sale.CustomerNo, err error) {
	turn, err := o.Store.Turn(ctx, org)
	if err != nil {
		return deed.Decision{}, 0, err
	}
	c := &reckoning{Office: o, org: org, rules: r, reckoned: reckoned, d: deed.Decision{Turn: turn, Due: due}}
	switch due.Kind {
	case sale.KindSale:
		err = c.receipt(ctx, due)
	case sale.KindEnrol, sale.KindMerge:
		err = c.joined(ctx, due)
	case sale.KindTier:
		err = c.only(ctx, due.Customer, c.tier)
	}
	return c.d, c.person, err
}

// reckoning is a decision on its way.
type reckoning struct {
	*Office
	org   sale.OrgNo
	rules rules
	d     deed.Decision

	reckoned map[sale.CustomerNo]bool // whose receipts of this page need no second look as a whole
	person   sale.CustomerNo
}

// only does something for a customer to whom head office gives points.
func (c *reckoning) only(ctx context.Context, no sale.CustomerNo, then func(context.Context, deed.Person) error) error {
	if no == 0 {
		return nil
	}
	p, found, err := c.Store.Whole(ctx, c.org, no)
	if err != nil || !found || p.Bearer || !loyalty.Earns(p.State) {
		return err
	}
	return then(ctx, p)
}

// joined reckons an enrolment, or what a merge has put together: the welcome once a person, and every
// receipt anew, since whose friend the buyer is may have changed.
func (c *reckoning) joined(ctx context.Context, due *deed.Due) error {
	return c.only(ctx, due.Customer, func(ctx context.Context, p deed.Person) error {
		if err := c.Store.Requeue(ctx, c.org, p.Accounts, due.Cause); err != nil {
			return err
		}
		if _, _, err := c.above(ctx, p); err != nil { // a friend's code is looked up while its phone is still theirs
			return err
		}
		if err := c.welcome(ctx, p); err != nil {
			return err
		}
		return c.tier(ctx, p)
	})
}

// welcome is for who came at a till: an imported customer came before.
func (c *reckoning) welcome(ctx context.Context, p deed.Person) error {
	target := sale.Points(0)
	rules := c.rules.at(p.Enrolled, p.Home)
	if p.Enrolled != 0 && rules != nil {
		target = rules.Grants.Welcome
	}
	return c.once(ctx, p, once{cause: loyalty.CauseWelcome, rule: loyalty.RuleGrantWelcome, target: target, rules: rules, of: c.d.Due.Subject})
}

// once is something given once to a person, as it should stand now.
type once struct {
	cause, rule string
	target      sale.Points
	rules       *loyalty.Programme
	of          sale.ID
}

// once brings what a person was given, over all accounts, to what is deserved.
func (c *reckoning) once(ctx context.Context, p deed.Person, x once) error {
	given, err := c.Store.Given(ctx, c.org, p.Accounts, x.cause, "", causeFirst)
	if err != nil {
		return err
	}
	var sum sale.Points
	times := 0
	for _, g := range given {
		sum, times = sum+g.Amount, times+g.Times
	}
	w := sale.Reward{Customer: p.No, Cause: x.cause, Key: causeFirst, Of: x.of}
	if x.rules != nil {
		w.Programme = x.rules.Version
	}
	if x.target >= sum {
		w.Reasons = []sale.Reason{{Rule: x.rule, Amount: int64(x.target - sum)}}
		return c.move(w, x.target-sum, times, lotsOf(x.rules), nil)
	}
	return c.takeBack(w, sum-x.target, given)
}

// takeBack takes a sum from those who were given it, an account's own at most.
func (c *reckoning) takeBack(w sale.Reward, sum sale.Points, given map[sale.CustomerNo]deed.Given) error {
	w.Reasons = []sale.Reason{{Rule: loyalty.RuleReturned, Amount: int64(sum)}}
	for _, no := range sortedNumbers(given) {
		n := min(sum, given[no].Amount)
		if n <= 0 {
			continue
		}
		w.Customer = no
		w.Reasons[0].Amount = int64(n)
		if err := c.move(w, -n, given[no].Times, loyalty.LotRules{}, given[no].Free); err != nil {
			return err
		}
		w.Reasons = []sale.Reason{w.Reasons[0]}
		sum -= n
	}
	return nil
}

func lotsOf(p *loyalty.Programme) loyalty.LotRules {
	if p == nil {
		return loyalty.LotRules{}
	}
	return p.Lots
}

// move adds the event that gives (above zero) or takes back an amount. times counts the events of its cause
// and key before it, so that giving again after a return is another deed, and the same decision the same one.
func (c *reckoning) move(w sale.Reward, amount sale.Points, times int, lots loyalty.LotRules, free []deed.Free) error {
	if amount == 0 {
		return nil
	}
	id := sale.DeriveID(w.Of, fmt.Sprintf("%s/%s/%d", w.Cause, w.Key, w.Customer), times)
	if amount > 0 {
		w.Amount = amount
		lot := loyalty.Grant{}.Lot(lots, id, sale.CustomerAccount(w.Customer), sale.At(c.Now()), c.rules.home.Zone)
		lot.ActivatesAt = lot.ActivatesAt.Add(time.Duration(lots.ActivateAfterHours) * time.Hour)
		if lot.ExpiresAt != 0 {
			lot.ExpiresAt = lot.ExpiresAt.Add(time.Duration(lots.ActivateAfterHours) * time.Hour)
		}
		c.d.Events = append(c.d.Events, give(id, w, lot))
		return nil
	}
	w.Amount = -amount
	id = sale.DeriveID(w.Of, fmt.Sprintf("%s/%s/%d/back", w.Cause, w.Key, w.Customer), times)
	c.d.Events = append(c.d.Events, revoke(id, w, free))
	return nil
}

// give is the event of a reward.
func give(id sale.ID, w sale.Reward, lot sale.Lot) *sale.Record {
	return &sale.Record{Kind: sale.KindReward, ID: id, Reward: &w, Lots: []sale.Lot{lot}, Postings: []sale.Posting{
		{Account: sale.ProgrammeAccount(), Amount: -w.Amount}, {Account: lot.Account, Lot: lot.ID, Amount: w.Amount},
	}}
}

// revoke is the event that takes a reward back: out of what is free of its own lots, the rest as a debt.
func revoke(id sale.ID, w sale.Reward, free []deed.Free) *sale.Record {
	accounts, parts := map[sale.ID]sale.Account{}, make([]sale.LotAmount, 0, len(free))
	for _, f := range free {
		accounts[f.Lot] = f.Account
		parts = append(parts, sale.LotAmount{Lot: f.Lot, Amount: f.Amount})
	}
	taken, debt := loyalty.TakeBack(w.Amount, parts)
	r := &sale.Record{Kind: sale.KindRevoke, ID: id, Reward: &w, Postings: []sale.Posting{{Account: sale.ProgrammeAccount(), Amount: w.Amount}}}
	for _, t := range taken {
		r.Postings = append(r.Postings, sale.Posting{Account: accounts[t.Lot], Lot: t.Lot, Amount: -t.Amount})
	}
	if debt > 0 {
		r.Postings = append(r.Postings, sale.Posting{Account: sale.DebtAccount(w.Customer), Amount: -debt})
	}
	return r
}
