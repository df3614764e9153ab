package programme

import (
	"context"
	"errors"
	"fmt"

	"github.com/kopilka/kopilka/cloud/programme/deed"
	"github.com/kopilka/kopilka/ledger/loyalty"
	"github.com/kopilka/kopilka/ledger/sale"
)

// expiryPage is how many accounts one look takes.
const expiryPage = 200

// ExpireAll takes off the books what has expired longer ago than the grace, as an event an account. What
// tills hold of it is recalled first and taken once they have handed it back.
func (o *Office) ExpireAll(ctx context.Context, org sale.OrgNo) error {
	if waiting, err := o.waiting(ctx, org); err != nil || waiting {
		return err
	}
	p, err := o.Current(ctx, org)
	if err != nil {
		return err
	}
	now := sale.At(o.Now())
	for after := (sale.Account{}); ; {
		found, err := o.Store.Expired(ctx, org, p.ExpiredBefore(now), after, expiryPage)
		if err != nil || len(found) == 0 {
			return err
		}
		after = found[len(found)-1].Lot.Account
		for len(found) > 0 {
			n := 1
			for n < len(found) && found[n].Lot.Account == found[0].Lot.Account {
				n++
			}
			if err := o.expire(ctx, org, p, found[:n], now); err != nil {
				return err
			}
			found = found[n:]
		}
	}
}

// expire handles one account. Losing a race leaves it to the next look.
func (o *Office) expire(ctx context.Context, org sale.OrgNo, p *loyalty.Programme, found []deed.Holding, now sale.Time) error {
	account := found[0].Lot.Account
	holdings, lots, times := make([]loyalty.Holding, len(found)), map[sale.ID]sale.Lot{}, 0
	for i, h := range found {
		holdings[i] = loyalty.Holding(h)
		lots[h.Lot.ID] = h.Lot
		times += h.Times
	}
	take, held := p.Expire(holdings, now)
	for _, id := range held {
		leases, err := o.Store.LeasesOn(ctx, org, lots[id])
		if err != nil {
			return err
		}
		for _, lease := range leases {
			if err := o.Store.Recall(ctx, org, lease); err != nil {
				return err
			}
		}
	}
	if len(take) == 0 {
		return nil
	}
	if err := o.Store.Post(ctx, org, expired(account, take, times)); err != nil && !errors.Is(err, o.Stale) {
		return err
	}
	return nil
}

// expired is the event. times counts what was taken off these lots before, so that points that came back to
// a lot since are another deed.
func expired(account sale.Account, take []sale.LotAmount, times int) *sale.Record {
	r := &sale.Record{Kind: sale.KindExpire, ID: sale.DeriveID(take[0].Lot, fmt.Sprintf("expire/%d", len(take)), times)}
	var sum sale.Points
	for _, t := range take {
		r.Postings = append(r.Postings, sale.Posting{Account: account, Lot: t.Lot, Amount: -t.Amount})
		sum += t.Amount
	}
	r.Postings = append(r.Postings, sale.Posting{Account: sale.ExpiredAccount().In(account.Purse), Amount: sum})
	return r
}
