package programme

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/kopilka/kopilka/cloud/programme/deed"
	"github.com/kopilka/kopilka/ledger/loyalty"
	"github.com/kopilka/kopilka/ledger/sale"
)

// receipt reckons what follows from a sale as it stands: for whoever brought the buyer, for the first
// purchase, and for the buyer's tier.
func (c *reckoning) receipt(ctx context.Context, due *deed.Due) error {
	x, found, err := c.Store.SaleNow(ctx, c.org, due.Subject)
	if err != nil || !found || x.Training {
		return err
	}
	return c.only(ctx, x.Customer, func(ctx context.Context, p deed.Person) error {
		if c.rules.idle && p.Friend == "" {
			return c.tier(ctx, p)
		}
		chain, err := c.shares(ctx, p, x)
		if err != nil {
			return err
		}
		if err := c.firsts(ctx, p, chain); err != nil {
			return err
		}
		return c.tier(ctx, p)
	})
}

// shares reckons the chain above the buyer and pays what each month comes to.
func (c *reckoning) shares(ctx context.Context, p deed.Person, x deed.Receipt) (chain []loyalty.Link, err error) {
	old, err := c.Store.SharesOf(ctx, c.org, x.ID)
	if err != nil {
		return nil, err
	}
	rules := c.rules.of(x)
	if rules != nil && (p.Friend != "" || len(old) > 0) {
		if chain, err = c.chain(ctx, p, x, rules); err != nil {
			return nil, err
		}
	}
	if len(old) > 0 || len(c.d.Shares) > 0 {
		c.d.Due.Changed = true
	}
	period := fmt.Sprint(loyalty.Month(x.At, c.rules.place(x.Store).Zone))
	new := map[sale.CustomerNo]deed.Share{}
	for _, s := range old {
		new[s.Referrer] = deed.Share{Sale: x.ID, Level: s.Level, Referrer: s.Referrer, Period: period}
	}
	for _, s := range c.d.Shares {
		new[s.Referrer] = s
	}
	for _, no := range sortedNumbers(new) {
		if no == 0 {
			continue
		}
		if new[no].Level == 1 {
			c.d.Look = append(c.d.Look, no)
		}
		if err := c.month(ctx, new[no], rules); err != nil {
			return nil, err
		}
	}
	return chain, nil
}

// chain fills in the decision's shares, refusals included.
func (c *reckoning) chain(ctx context.Context, p deed.Person, x deed.Receipt, rules *loyalty.Programme) ([]loyalty.Link, error) {
	var failed error
	codes := map[sale.CustomerNo]string{p.No: p.Friend}
	pending := false
	chain, cycle := rules.Referral.Chain(p.No, func(of sale.CustomerNo) (loyalty.Link, bool) {
		above, found, err := c.above(ctx, codes[of])
		if failed = err; err != nil || !found {
			pending = err == nil && codes[of] != ""
			return loyalty.Link{}, false
		}
		codes[above.No] = above.Friend
		return loyalty.Link{Customer: above.No, State: above.State}, true
	})
	if failed != nil {
		return nil, failed
	}
	period := fmt.Sprint(loyalty.Month(x.At, c.rules.place(x.Store).Zone))
	add := func(s loyalty.ReferralShare) {
		c.d.Shares = append(c.d.Shares, deed.Share{
			Sale: x.ID, Level: s.Level, Referrer: s.Customer, Friend: p.No, Period: period, Deserved: s.Deserved, Counts: s.Counts, At: x.At, Reasons: s.Reasons,
		})
	}
	for _, s := range rules.Referral.Shares(loyalty.Bought{Total: x.Total, Kept: x.Kept()}, chain) {
		add(s)
	}
	stop := loyalty.ReferralShare{Level: uint8(len(chain) + 1)}
	switch {
	case cycle:
		stop.Reasons = []sale.Reason{{Rule: loyalty.RuleReferralCycle, Detail: fmt.Sprintf("level=%d", stop.Level)}}
		add(stop)
	case pending:
		stop.Reasons = []sale.Reason{{Rule: loyalty.RuleReferralPending}}
		add(stop)
	}
	return chain, nil
}

// above is the person whose code somebody came with.
func (c *reckoning) above(ctx context.Context, code string) (deed.Person, bool, error) {
	if code == "" {
		return deed.Person{}, false, nil
	}
	no, err := c.Store.Referrer(ctx, c.org, code)
	if err != nil || no == 0 {
		return deed.Person{}, false, err
	}
	return c.Store.Whole(ctx, c.org, no)
}

// month brings what a referrer was given for a month to what their friends' receipts of that month come to.
func (c *reckoning) month(ctx context.Context, s deed.Share, rules *loyalty.Programme) error {
	p, found, err := c.Store.Whole(ctx, c.org, s.Referrer)
	if err != nil || !found {
		return err
	}
	others, err := c.Store.Deserved(ctx, c.org, p.Accounts, s.Period, s.Sale)
	if err != nil {
		return err
	}
	given, err := c.Store.Given(ctx, c.org, p.Accounts, loyalty.CauseReferral, s.Period)
	if err != nil {
		return err
	}
	var sum sale.Points
	for _, g := range given {
		sum += g.Amount
	}
	deserved, target := others+s.Deserved, others+s.Deserved
	w := sale.Reward{Customer: p.No, Cause: loyalty.CauseReferral, Key: s.Period + "/" + s.Sale.String(), Of: s.Sale, Level: s.Level, Reasons: s.Reasons}
	lots := loyalty.LotRules{}
	if rules != nil {
		target, lots, w.Programme = rules.Referral.InMonth(deserved), rules.Referral.Lots, rules.Version
	}
	if target < deserved {
		w.Reasons = append(slices.Clone(w.Reasons), sale.Reason{Rule: loyalty.RuleReferralMonth, Amount: int64(deserved - target)})
	}
	if target < sum {
		return c.takeBack(w, sum-target, given)
	}
	times, err := c.times(ctx, w)
	if err != nil {
		return err
	}
	return c.move(w, target-sum, times, lots, nil)
}

// times counts the events of a reward's own key, which its ID needs.
func (c *reckoning) times(ctx context.Context, w sale.Reward) (int, error) {
	given, err := c.Store.Given(ctx, c.org, []sale.CustomerNo{w.Customer}, w.Cause, "", w.Key)
	return given[w.Customer].Times, err
}

// firsts are what a person's first purchase brings: to themselves, and to who brought them. It is the
// earliest of which enough has not come back, so it stands whatever else is returned.
func (c *reckoning) firsts(ctx context.Context, p deed.Person, chain []loyalty.Link) error {
	first, found, err := c.Store.FirstKept(ctx, c.org, p.Accounts, 1)
	if err != nil {
		return err
	}
	x := once{cause: loyalty.CauseFirstPurchase, rule: loyalty.RuleGrantFirst, of: first.ID}
	if found {
		if x.rules = c.rules.of(first); x.rules != nil {
			x.target = x.rules.Grants.FirstPurchase
		}
	}
	if err := c.once(ctx, p, x); err != nil {
		return err
	}
	return c.firstOfFriend(ctx, p, chain, first, found)
}

// firstOfFriend pays for a friend's first purchase, once for the friend, whoever was paid then.
func (c *reckoning) firstOfFriend(ctx context.Context, p deed.Person, chain []loyalty.Link, first deed.Receipt, found bool) error {
	var rules *loyalty.Programme
	if found {
		if rules = c.rules.of(first); rules != nil && !rules.Referral.Qualifies(first.Kept()) {
			var err error
			if first, found, err = c.Store.FirstKept(ctx, c.org, p.Accounts, rules.Referral.Min); err != nil {
				return err
			}
		}
	}
	toWho, toFriend := sale.Points(0), sale.Points(0)
	if found && rules != nil && len(chain) > 0 && loyalty.Earns(chain[0].State) {
		toWho, toFriend = rules.Referral.First, rules.Referral.Friend
	}
	friend := once{cause: loyalty.CauseFriend, rule: loyalty.RuleReferralFriend, target: toFriend, rules: rules, of: first.ID}
	if err := c.once(ctx, p, friend); err != nil {
		return err
	}
	keys := make([]string, len(p.Accounts))
	for i, no := range p.Accounts {
		keys[i] = fmt.Sprintf("%d", no)
	}
	given, err := c.Store.Given(ctx, c.org, nil, loyalty.CauseReferralFirst, "", keys...)
	if err != nil {
		return err
	}
	var sum sale.Points
	for _, g := range given {
		sum += g.Amount
	}
	w := sale.Reward{Cause: loyalty.CauseReferralFirst, Key: keys[0], Of: first.ID, Level: 1}
	if rules != nil {
		w.Programme = rules.Version
	}
	if toWho <= sum {
		return c.takeBack(w, sum-toWho, given)
	}
	w.Customer = chain[0].Customer
	w.Reasons = []sale.Reason{{Rule: loyalty.RuleReferralFirst, Amount: int64(toWho - sum)}}
	return c.move(w, toWho-sum, given[w.Customer].Times, rules.Referral.Lots, nil)
}

// sortedNumbers are the keys in order, so that two nodes decide the same.
func sortedNumbers[T any](m map[sale.CustomerNo]T) []sale.CustomerNo {
	return slices.SortedFunc(maps.Keys(m), cmp.Compare[sale.CustomerNo])
}
