package programme

import (
	"context"
	"errors"
	"fmt"
	"sort"

	"github.com/kopilka/kopilka/ledger/loyalty"
	"github.com/kopilka/kopilka/ledger/sale"
)

// NotFreeError says that fewer points are free at head office than should be taken: the rest is on tills.
type NotFreeError struct{ Wanted, Free sale.Points }

// Error says what can be done.
func (e *NotFreeError) Error() string {
	return fmt.Sprintf("only %s of %s points are free at head office, the rest is on lease at tills / в головном офисе свободно %s баллов из %s, остальное закреплено за кассами",
		e.Free, e.Wanted, e.Free, e.Wanted)
}

// AdjustPoints gives or takes points by hand. id names the deed, so that a repeat changes nothing. Points
// are given into a lot of the current programme's life; they are taken from what is free, the nearest
// expiry first, and *[NotFreeError] says when that is not enough.
func (o *Office) AdjustPoints(ctx context.Context, org sale.OrgNo, id sale.ID, no sale.CustomerNo, amount sale.Points, reason, by string) error {
	if amount == 0 {
		return fmt.Errorf("%w: no points to give or take / баллы не указаны", sale.ErrAmount)
	}
	var err error
	for range staleMax {
		if err = o.adjust(ctx, org, id, no, amount, reason+" ("+by+")"); !errors.Is(err, o.Stale) {
			break
		}
	}
	if err != nil {
		return fmt.Errorf("adjust the points of customer %s by %s: %w", no, amount, err)
	}
	return nil
}

func (o *Office) adjust(ctx context.Context, org sale.OrgNo, id sale.ID, no sale.CustomerNo, amount sale.Points, reason string) error {
	r := &sale.Record{Kind: sale.KindAdjust, ID: id, Adjust: &sale.Adjust{Customer: no, Amount: amount, Reason: reason}}
	if amount > 0 {
		lot, err := o.newLot(ctx, org, id, no)
		if err != nil {
			return err
		}
		r.Lots = []sale.Lot{lot}
		r.Postings = []sale.Posting{{Account: sale.ProgrammeAccount(), Amount: -amount}, {Account: lot.Account, Lot: lot.ID, Amount: amount}}
		return o.Store.Post(ctx, org, r)
	}
	if waiting, err := o.waiting(ctx, org); err != nil {
		return err
	} else if waiting {
		return errRestoring
	}
	x, err := o.standing(ctx, org, no)
	if err != nil {
		return err
	}
	left := -amount
	for _, f := range x.in(0) {
		if n := min(f.Amount, left); n > 0 {
			r.Postings = append(r.Postings, sale.Posting{Account: x.lots[f.Lot].Account, Lot: f.Lot, Amount: -n})
			left -= n
		}
	}
	if left > 0 {
		if done, err := o.Store.Journalled(ctx, org, id); err != nil || done { // a repeat: what it took is what is missing
			return err
		}
		return &NotFreeError{Wanted: -amount, Free: -amount - left}
	}
	r.Postings = append(r.Postings, sale.Posting{Account: sale.ProgrammeAccount(), Amount: -amount})
	return o.Store.Post(ctx, org, r)
}

// errRestoring says why nothing is taken now.
var errRestoring = errors.New("head office came back from a backup and not every till has reported yet: points cannot be taken before / головной офис восстановлен из копии, и не все кассы ещё отчитались: снимать баллы пока нельзя")

// newLot has the life that the rules in force give to earned points.
func (o *Office) newLot(ctx context.Context, org sale.OrgNo, id sale.ID, no sale.CustomerNo) (sale.Lot, error) {
	account, now := sale.CustomerAccount(no), sale.At(o.Now())
	p, err := o.Current(ctx, org)
	if err != nil {
		return sale.Lot{}, err
	}
	if a := p.Accrual(id, account, now, 1, 0); len(a.Lots) == 1 {
		lot := a.Lots[0]
		lot.ActivatesAt = now // a gift by hand can be spent at once
		return lot, nil
	}
	return sale.Lot{ID: sale.DeriveID(id, "lot", 0), Account: account, Source: id, ActivatesAt: now}, nil
}

// Current is the organisation's programme in force; nil when there is none.
func (o *Office) Current(ctx context.Context, org sale.OrgNo) (*loyalty.Programme, error) {
	versions, err := o.versions(ctx, org)
	if err != nil {
		return nil, err
	}
	return loyalty.Current(versions, sale.At(o.Now()), loyalty.Place{}), nil
}

// versions are all published programmes.
func (o *Office) versions(ctx context.Context, org sale.OrgNo) (out []*loyalty.Programme, err error) {
	bodies, err := o.Store.Programmes(ctx, org)
	if err != nil {
		return nil, err
	}
	for _, b := range bodies {
		p, err := loyalty.Decode(b)
		if err != nil {
			return nil, fmt.Errorf("read a published programme: %w", err)
		}
		out = append(out, p)
	}
	return out, nil
}

// Publish signs a version of the rules and sends it to every till. Version zero is given the next number.
func (o *Office) Publish(ctx context.Context, org sale.OrgNo, p loyalty.Programme, by, note string) (uint32, error) {
	if p.Version == 0 {
		bodies, err := o.Store.Programmes(ctx, org)
		if err != nil {
			return 0, err
		}
		p.Version = 1
		if n := len(bodies); n > 0 {
			last, err := loyalty.Decode(bodies[n-1])
			if err != nil {
				return 0, fmt.Errorf("read the programme published last: %w", err)
			}
			p.Version = last.Version + 1
		}
	}
	body, err := p.Encode()
	if err != nil {
		return 0, err
	}
	return p.Version, o.Store.PutProgramme(ctx, org, p.Version, p.EffectiveFrom, body, by, note)
}

// byExpiry orders parts by their lots' expiry, those that never expire last.
func byExpiry(lots []sale.Lot, parts []sale.LotAmount) []sale.LotAmount {
	expires := map[sale.ID]sale.Time{}
	for _, l := range lots {
		expires[l.ID] = l.ExpiresAt
	}
	out := append([]sale.LotAmount(nil), parts...)
	sort.SliceStable(out, func(i, j int) bool {
		a, b := expires[out[i].Lot], expires[out[j].Lot]
		return a != b && a != 0 && (b == 0 || a < b)
	})
	return out
}
