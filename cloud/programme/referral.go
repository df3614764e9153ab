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
		if c.rules.idle && !p.Brought() {
			return c.whole(ctx, p, nil)
		}
		chain, err := c.shares(ctx, p, x)
		if err != nil {
			return err
		}
		return c.whole(ctx, p, chain)
	})
}

// whole reckons what rests on all receipts of a person: once a page, since every receipt of it is known by then.
func (c *reckoning) whole(ctx context.Context, p deed.Person, chain []loyalty.Link) error {
	if c.reckoned[p.No] {
		return nil
	}
	c.person = p.No
	if !c.rules.idle || p.Brought() {
		if err := c.firsts(ctx, p, chain); err != nil {
			return err
		}
	}
	return c.tier(ctx, p)
}

// shares reckons the chain above the buyer and pays what each month comes to.
func (c *reckoning) shares(ctx context.Context, p deed.Person, x deed.Receipt) (chain []loyalty.Link, err error) {
	old, err := c.oldShares(ctx, x.ID)
	if err != nil {
		return nil, err
	}
	rules := c.rules.of(x)
	if rules != nil && (p.Brought() || len(old) > 0) {
		if chain, err = c.chain(ctx, p, x, rules, old); err != nil {
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

// oldShares are what a receipt came to last, each under the number that its customer has now: a person who was
// merged since has one month, not two.
func (c *reckoning) oldShares(ctx context.Context, receipt sale.ID) ([]deed.Share, error) {
	old, err := c.Store.SharesOf(ctx, c.org, receipt)
	for i := range old {
		if err != nil || old[i].Referrer == 0 {
			continue
		}
		var p deed.Person
		var found bool
		if p, found, err = c.Store.Whole(ctx, c.org, old[i].Referrer); found {
			old[i].Referrer = p.No
		}
	}
	return old, err
}

// chain fills in the decision's shares, refusals included.
func (c *reckoning) chain(ctx context.Context, p deed.Person, x deed.Receipt, rules *loyalty.Programme, old []deed.Share) ([]loyalty.Link, error) {
	var failed error
	people := map[sale.CustomerNo]deed.Person{p.No: p}
	pending := false
	chain, cycle := rules.Referral.Chain(p.No, func(of sale.CustomerNo) (loyalty.Link, bool) {
		above, found, err := c.above(ctx, people[of])
		if failed = err; err != nil || !found {
			pending = err == nil && people[of].Brought()
			return loyalty.Link{}, false
		}
		people[above.No] = above
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
	b := loyalty.Bought{Total: x.Total, Kept: x.Kept()}
	open := rules.Referral.Shares(b, opened(chain))
	for i, s := range rules.Referral.Shares(b, chain) {
		if !loyalty.Earns(chain[i].State) { // closed since: what was deserved before stays, less what came back
			s.Deserved = min(had(old, s.Customer), open[i].Deserved)
		}
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

// opened is a chain as if everybody in it could be given points.
func opened(chain []loyalty.Link) []loyalty.Link {
	out := slices.Clone(chain)
	for i := range out {
		out[i].State = sale.CustomerActive
	}
	return out
}

// had is what a customer deserved for a receipt when it was reckoned last.
func had(old []deed.Share, no sale.CustomerNo) (n sale.Points) {
	for _, s := range old {
		if s.Referrer == no {
			n += s.Deserved
		}
	}
	return n
}

// above is the person who brought somebody. Whom a code names is found out once and kept as a number: phones
// change hands, and people are erased.
func (c *reckoning) above(ctx context.Context, p deed.Person) (deed.Person, bool, error) {
	no := p.Referrer
	if no == 0 && p.Friend != "" {
		var err error
		if no, err = c.Store.Bind(ctx, c.org, p.Came, p.Friend); err != nil {
			return deed.Person{}, false, err
		}
	}
	if no == 0 {
		return deed.Person{}, false, nil
	}
	return c.Store.Whole(ctx, c.org, no)
}

// month brings what a referrer was given for a month to what their friends' receipts of that month come to.
func (c *reckoning) month(ctx context.Context, s deed.Share, rules *loyalty.Programme) error {
	p, found, err := c.Store.Whole(ctx, c.org, s.Referrer)
	if err != nil || !found || !loyalty.Earns(p.State) { // a closed account keeps what it has, and gets nothing new
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
	sum := sumOf(given)
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
	closed := len(chain) > 0 && !loyalty.Earns(chain[0].State)
	if found && rules != nil && len(chain) > 0 {
		toWho, toFriend = rules.Referral.First, rules.Referral.Friend
	}
	if closed {
		had, err := c.Store.Given(ctx, c.org, p.Accounts, loyalty.CauseFriend, "", causeFirst)
		if err != nil {
			return err
		}
		toFriend = min(toFriend, sumOf(had)) // it is not taken from the friend that the other's account is closed
	}
	friend := once{cause: loyalty.CauseFriend, rule: loyalty.RuleReferralFriend, target: toFriend, rules: rules, of: first.ID}
	if err := c.once(ctx, p, friend); err != nil || closed {
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
	sum := sumOf(given)
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

// sumOf is what all of these accounts were given.
func sumOf(given map[sale.CustomerNo]deed.Given) (sum sale.Points) {
	for _, g := range given {
		sum += g.Amount
	}
	return sum
}

// sortedNumbers are the keys in order, so that two nodes decide the same.
func sortedNumbers[T any](m map[sale.CustomerNo]T) []sale.CustomerNo {
	return slices.SortedFunc(maps.Keys(m), cmp.Compare[sale.CustomerNo])
}
