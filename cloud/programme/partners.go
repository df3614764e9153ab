package programme

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/kopilka/kopilka/cloud/programme/deed"
	"github.com/kopilka/kopilka/ledger/loyalty"
	"github.com/kopilka/kopilka/ledger/sale"
)

// Ledgers are the accounts and sums of those who are no customers, and the replay of receipts.
type Ledgers interface {
	Brought(ctx context.Context, org sale.OrgNo, campaigns []uint32, from, to sale.Time) (deed.Brought, error)
	Earners(ctx context.Context, org sale.OrgNo, from, to sale.Time) ([]deed.Earner, error)
	Tickets(ctx context.Context, org sale.OrgNo, purse sale.PurseNo) ([]deed.Tickets, error)
	// PendingReturns are returns whose receipt was not known where they were made and has come, with it.
	PendingReturns(ctx context.Context, org sale.OrgNo, after *sale.Record, limit int) (returns, sales []*sale.Record, err error)
	ReturnsOf(ctx context.Context, org sale.OrgNo, of sale.ID) ([]*sale.Record, error)
	FreeOf(ctx context.Context, org sale.OrgNo, lots []sale.ID) ([]deed.Free, error)
	Replay(ctx context.Context, org sale.OrgNo, from, to sale.Time, page int, each func([][]byte) error) error
	SalesBetween(ctx context.Context, org sale.OrgNo, from, to sale.Time) (int64, error)
	Goods(ctx context.Context, org sale.OrgNo) (map[sale.SKU]*sale.Product, error)
	Segments(ctx context.Context, org sale.OrgNo) (map[sale.CustomerNo]uint8, error)
}

// Partner tells what a partner's codes, of all versions of the programme, have brought in a time.
func (o *Office) Partner(ctx context.Context, org sale.OrgNo, partner sale.PartnerNo, from, to sale.Time) (deed.Brought, error) {
	return o.brought(ctx, org, from, to, func(c loyalty.Campaign) bool { return c.Partner == partner })
}

// Channel tells the same of a channel of advertising, and Member of a cashier's own code.
func (o *Office) Channel(ctx context.Context, org sale.OrgNo, channel string, from, to sale.Time) (deed.Brought, error) {
	return o.brought(ctx, org, from, to, func(c loyalty.Campaign) bool { return c.Channel == channel })
}

// Member tells what a cashier's own code has brought.
func (o *Office) Member(ctx context.Context, org sale.OrgNo, staff sale.StaffNo, from, to sale.Time) (deed.Brought, error) {
	return o.brought(ctx, org, from, to, func(c loyalty.Campaign) bool { return c.Staff == staff })
}

func (o *Office) brought(ctx context.Context, org sale.OrgNo, from, to sale.Time, fits func(loyalty.Campaign) bool) (deed.Brought, error) {
	versions, err := o.versions(ctx, org)
	if err != nil {
		return deed.Brought{}, err
	}
	ids := map[uint32]bool{}
	for _, v := range versions {
		for _, c := range v.Campaigns {
			if c.Kind == loyalty.CodeAttribution && fits(c) {
				ids[c.ID] = true
			}
		}
	}
	return o.Store.Brought(ctx, org, slices.SortedFunc(maps.Keys(ids), cmp.Compare[uint32]), from, to)
}

// ErrCashOut says that a member of staff has less than should be paid out.
var ErrCashOut = errors.New("there is less on the reward account / на счёте наград меньше")

// CashOut takes points off a member's reward account, which were paid out in money or otherwise. id names
// the deed, so that a repeat changes nothing.
func (o *Office) CashOut(ctx context.Context, org sale.OrgNo, id sale.ID, staff sale.StaffNo, amount sale.Points, reason, by string) error {
	if amount <= 0 {
		return fmt.Errorf("%w: pay out %s", sale.ErrAmount, amount)
	}
	err := o.alone(ctx, org, func(c *reckoning) error {
		earners, err := c.Store.Earners(ctx, org, 0, 0)
		if err != nil {
			return err
		}
		// asked after the balance: what came between may have been this very deed, and then too little is left for it
		done, err := c.Store.Journalled(ctx, org, id)
		if err != nil || done {
			return err
		}
		var has sale.Points
		for _, e := range earners {
			if e.Staff == staff {
				has = e.Balance
			}
		}
		if has < amount {
			return fmt.Errorf("%w: %s", ErrCashOut, has)
		}
		c.d.Events = append(c.d.Events, &sale.Record{
			Kind: sale.KindAdjust, ID: id, Adjust: &sale.Adjust{Amount: -amount, Reason: reason + " (" + by + ")"},
			Postings: []sale.Posting{{Account: sale.EmployeeAccount(staff), Amount: -amount}, {Account: sale.ProgrammeAccount(), Amount: amount}},
		})
		return nil
	})
	if err != nil {
		return fmt.Errorf("pay %s points out to member of staff %d: %w", amount, staff, err)
	}
	return nil
}

func sortedStores[T any](m map[sale.StoreNo]T) []sale.StoreNo {
	return slices.SortedFunc(maps.Keys(m), cmp.Compare[sale.StoreNo])
}
