package programme

import (
	"context"
	"errors"
	"fmt"

	"github.com/kopilka/kopilka/cloud/programme/deed"
	"github.com/kopilka/kopilka/ledger/loyalty"
	"github.com/kopilka/kopilka/ledger/sale"
)

// tier reckons a person's tier by the rules of their home store, and tells tills how far the next one is.
func (c *reckoning) tier(ctx context.Context, p deed.Person) error {
	now := sale.At(c.Now())
	rules := c.rules.at(now, p.Home)
	if rules == nil || p.State != sale.CustomerActive || (!rules.HasNeeds() && p.Until == 0) {
		return nil
	}
	pr, err := c.progress(ctx, p, rules)
	if err != nil {
		return err
	}
	if pr != p.Told {
		c.d.Tell = &deed.Progress{Customer: p.No, Progress: pr}
	}
	m := loyalty.Membership{Tier: p.Tier, Since: p.Since, Until: p.Until, Earned: p.Earned}
	if to, reason, change := rules.Retier(m, pr, now); change {
		c.d.Events = append(c.d.Events, retier(p, to, 0, reason, rules.Version))
	}
	return nil
}

func (c *reckoning) progress(ctx context.Context, p deed.Person, rules *loyalty.Programme) (sale.Progress, error) {
	now := sale.At(c.Now())
	sold, err := c.Store.SalesOf(ctx, c.org, p.Accounts, rules.WindowStart(now))
	if err != nil {
		return sale.Progress{}, err
	}
	counted := make([]loyalty.Counted, len(sold))
	for i, x := range sold {
		counted[i] = loyalty.Counted{At: x.At, Kept: x.Kept()}
	}
	friends, err := c.Store.Friends(ctx, c.org, p.Accounts, rules.WindowStart(now))
	return rules.Progress(counted, friends, now), err
}

// retier is the event of a person's n-th change of tier: from one standing two nodes make the same.
func retier(p deed.Person, to uint16, until sale.Time, reason string, version uint32) *sale.Record {
	id := sale.DeriveID(sale.ID{}, fmt.Sprintf("tier/%d/%d/%d/%d", p.No, p.Tier, to, until), p.Changes)
	return &sale.Record{Kind: sale.KindTier, ID: id, Tier: &sale.TierChange{Customer: p.No, From: p.Tier, To: to, Until: until, Reason: reason, Programme: version}}
}

// ErrTier says that there is no such tier.
var ErrTier = errors.New("the programme has no such tier / такого уровня в программе нет")

// SetTier gives a person a tier by hand until a moment (zero: for ever); the rules leave it alone before.
func (o *Office) SetTier(ctx context.Context, org sale.OrgNo, no sale.CustomerNo, tier uint16, until sale.Time, reason, by string) error {
	if until == 0 {
		until = loyalty.Forever
	}
	err := o.alone(ctx, org, func(c *reckoning) error {
		return c.only(ctx, no, func(ctx context.Context, p deed.Person) error {
			rules := c.rules.at(sale.At(o.Now()), p.Home)
			if rules == nil {
				return ErrTier
			}
			for _, t := range rules.Tiers {
				if t.No == tier {
					c.d.Events = append(c.d.Events, retier(p, tier, until, reason+" ("+by+")", rules.Version))
					return nil
				}
			}
			return fmt.Errorf("%w: %d", ErrTier, tier)
		})
	})
	if err != nil {
		return fmt.Errorf("set the tier of customer %s to %d: %w", no, tier, err)
	}
	return nil
}

// alone makes a decision that a calendar or a person asked for, again while others come between.
func (o *Office) alone(ctx context.Context, org sale.OrgNo, decide func(*reckoning) error) error {
	r, err := o.rules(ctx, org)
	if err != nil {
		return err
	}
	for range staleMax {
		turn, err := o.Store.Turn(ctx, org)
		if err != nil {
			return err
		}
		c := &reckoning{Office: o, org: org, rules: r, d: deed.Decision{Turn: turn}}
		if err := decide(c); err != nil || len(c.d.Events) == 0 {
			return err
		}
		if err = o.Store.Decide(ctx, org, c.d); !errors.Is(err, o.Stale) {
			return err
		}
	}
	return o.Stale
}

// queueDaily asks once a day for the tiers that time can lower to be reckoned, and for the receipts of
// friends whose code was not known.
func (o *Office) queueDaily(ctx context.Context, org sale.OrgNo) error {
	for after := sale.CustomerNo(0); ; {
		last, err := o.Store.QueueTiers(ctx, org, after, duePage)
		if err != nil {
			return err
		}
		if last == 0 {
			break
		}
		after = last
	}
	for after := sale.CustomerNo(0); ; {
		list, err := o.Store.PendingFriends(ctx, org, after, duePage)
		if err != nil || len(list) == 0 {
			return err
		}
		after = list[len(list)-1]
		if err := o.Store.Requeue(ctx, org, list, sale.DeriveID(sale.ID{}, "pending", int(sale.At(o.Now())))); err != nil {
			return err
		}
	}
}
