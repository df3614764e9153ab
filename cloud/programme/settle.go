package programme

import (
	"context"
	"fmt"

	"github.com/kopilka/kopilka/ledger/loyalty"
	"github.com/kopilka/kopilka/ledger/sale"
)

// SettleReturns settles the points of returns that were made where their receipt was not known, for those
// whose receipt has come. What does not match the receipt is flagged; the goods have come back all the same.
func (o *Office) SettleReturns(ctx context.Context, org sale.OrgNo) error {
	if waiting, err := o.waiting(ctx, org); err != nil || waiting {
		return err
	}
	for after := (*sale.Record)(nil); ; {
		returns, sales, err := o.Store.PendingReturns(ctx, org, after, rewardsPage)
		if err != nil || len(returns) == 0 {
			return err
		}
		for i, back := range returns {
			err := o.settleReturn(ctx, org, back, sales[i])
			if err == nil {
				continue
			}
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if err := o.flagUnsettled(ctx, org, back, sales[i], err); err != nil {
				return fmt.Errorf("settle return %s: %w", back.ID, err)
			}
		}
		after = returns[len(returns)-1]
	}
}

// flagUnsettled puts a return that cannot be settled before a person: it is tried again at the next look, and
// no other waits for it.
func (o *Office) flagUnsettled(ctx context.Context, org sale.OrgNo, back, sold *sale.Record, why error) error {
	o.Logger.WarnContext(ctx, "a return cannot be settled", "return", back.ID, "sale", sold.ID, "err", why)
	return o.Store.Flag(ctx, org, back.Till, "return", back.ID.String()+" unsettled",
		fmt.Sprintf("Возврат %s по чеку %s: баллы не удалось пересчитать, поправьте их вручную в карточке покупателя", back.Return.No, sold.Sale.No),
		fmt.Sprintf("Return %s of receipt %s: its points could not be settled, correct them by hand on the customer's page", back.Return.No, sold.Sale.No))
}

func (o *Office) settleReturn(ctx context.Context, org sale.OrgNo, back, sold *sale.Record) error {
	others, err := o.Store.ReturnsOf(ctx, org, sold.ID)
	if err != nil {
		return err
	}
	p := pending{Return: back, Sale: sold, Before: others}
	before, earlier, err := returnedBefore(p)
	if err != nil {
		return err
	}
	s, err := loyalty.Settle(p.Sale.Sale, before, p.Return.Return)
	if err != nil {
		return err
	}
	r := &sale.Record{
		Kind: sale.KindSettle, ID: sale.DeriveID(p.Return.ID, "settle", 0),
		Settle: &sale.Settle{Return: p.Return.ID, Sale: p.Sale.ID, Customer: p.Sale.Sale.Customer},
	}
	if s.Figures != nil && p.Sale.Sale.Customer != 0 {
		if err := o.settlePoints(ctx, org, r, p.Sale, s.Figures, earlier); err != nil {
			return err
		}
	}
	if len(s.Unmatched) > 0 || s.Over != 0 {
		if err := o.flagReturn(ctx, org, p, s); err != nil {
			return err
		}
	}
	return o.Store.Post(ctx, org, r)
}

// pending is a return with its receipt and what else of it has come back, the oldest first.
type pending struct {
	Return, Sale *sale.Record
	Before       []*sale.Record // by lines, and pending ones that were settled
}

// returnedBefore replays what came back earlier: by its lines, or matched as a pending return was.
func returnedBefore(p pending) (before []loyalty.Returned, restored map[sale.PurseNo]sale.Points, err error) {
	restored = map[sale.PurseNo]sale.Points{}
	for _, r := range p.Before {
		figures := r.Return
		if r.Return.Pending {
			s, err := loyalty.Settle(p.Sale.Sale, before, r.Return)
			if err != nil {
				return nil, nil, err
			}
			before = append(before, s.Lines...) // never beyond what is left
			if s.Figures == nil {
				continue
			}
			figures = s.Figures
		} else {
			before = append(before, loyalty.StillSold(p.Sale.Sale, before, loyalty.ReturnedBy(r.Return))...)
		}
		for purse, n := range givenBack(figures) {
			restored[purse] += n
		}
	}
	return before, restored, nil
}

// givenBack is what a return gives back to each purse, takenBack what it takes.
func givenBack(r *sale.Return) map[sale.PurseNo]sale.Points {
	out := map[sale.PurseNo]sale.Points{0: r.Restored}
	for _, l := range r.Lines {
		for _, p := range l.Paid {
			out[p.Purse] += p.Amount
		}
	}
	return out
}

func takenBack(r *sale.Return) map[sale.PurseNo]sale.Points {
	out := map[sale.PurseNo]sale.Points{0: r.Clawed}
	for _, l := range r.Lines {
		for _, p := range l.Extra {
			out[p.Purse] += p.Amount
		}
	}
	return out
}

// settlePoints posts each purse's part: what paid goes back to the lots it came from, what was earned is
// taken out of what is free of the sale's own lot, and the rest is a debt, netted when something is free.
func (o *Office) settlePoints(ctx context.Context, org sale.OrgNo, r *sale.Record, sold *sale.Record, figures *sale.Return, earlier map[sale.PurseNo]sale.Points) error {
	r.Settle.Restored, r.Settle.Clawed = figures.Restored, figures.Clawed
	back, taken := givenBack(figures), takenBack(figures)
	purses := map[sale.Account]bool{}
	for purse := range back {
		purses[sale.Account{Purse: purse}] = true
	}
	for purse := range taken {
		purses[sale.Account{Purse: purse}] = true
	}
	for _, a := range accountsOf(purses) {
		paid := paidFrom(sold, a.Purse)
		earlier[a.Purse] = min(earlier[a.Purse], paid)
		back[a.Purse] = min(back[a.Purse], paid-earlier[a.Purse])
		restore, err := restored(sold, a.Purse, earlier[a.Purse], back[a.Purse])
		if err != nil {
			return err
		}
		claw, err := o.clawed(ctx, org, sold, a.Purse, taken[a.Purse])
		if err != nil {
			return err
		}
		if counter := taken[a.Purse] - back[a.Purse]; counter != 0 {
			r.Postings = append(r.Postings, sale.Posting{Account: sale.ProgrammeAccount().In(a.Purse), Amount: counter})
		}
		r.Postings = append(append(r.Postings, restore...), claw...)
	}
	r.Settle.Restored = back[0]
	if figures.Reward > 0 {
		r.Postings = append(r.Postings, sale.Posting{Account: sale.EmployeeAccount(sold.Staff), Amount: -figures.Reward}, sale.Posting{Account: sale.ProgrammeAccount(), Amount: figures.Reward})
	}
	return nil
}

// paidFrom is what a sale took out of its customer's purse: no more can ever be given back.
func paidFrom(sold *sale.Record, purse sale.PurseNo) (n sale.Points) {
	for _, p := range sold.Postings {
		if p.Account.Kind == sale.AccountCustomer && p.Account.Purse == purse && p.Amount < 0 {
			n -= p.Amount
		}
	}
	return n
}

// restored are the postings that give a purse's points back to the lots that the sale took them from.
func restored(sold *sale.Record, purse sale.PurseNo, before, now sale.Points) (out []sale.Posting, err error) {
	if now == 0 {
		return nil, nil
	}
	var spends []sale.Spend
	accounts := map[sale.ID]sale.Account{}
	for _, p := range sold.Postings {
		if p.Account.Kind == sale.AccountCustomer && p.Account.Purse == purse && p.Amount < 0 {
			spends = append(spends, sale.Spend{Lot: p.Lot, Amount: -p.Amount})
			accounts[p.Lot] = p.Account
		}
	}
	parts, err := loyalty.RestoreSpends(spends, before, now)
	for _, x := range parts {
		out = append(out, sale.Posting{Account: accounts[x.Lot], Lot: x.Lot, Amount: x.Amount})
	}
	return out, err
}

// clawed are the postings that take a purse's earned points back.
func (o *Office) clawed(ctx context.Context, org sale.OrgNo, sold *sale.Record, purse sale.PurseNo, amount sale.Points) (out []sale.Posting, err error) {
	var own []sale.ID
	for _, l := range sold.Lots {
		if l.Account.Purse == purse {
			own = append(own, l.ID)
		}
	}
	free, err := o.Store.FreeOf(ctx, org, own)
	if err != nil {
		return nil, err
	}
	for _, f := range free {
		if n := min(f.Amount, amount); n > 0 {
			out = append(out, sale.Posting{Account: f.Account, Lot: f.Lot, Amount: -n})
			amount -= n
		}
	}
	if amount > 0 {
		out = append(out, sale.Posting{Account: sale.DebtAccount(sold.Sale.Customer).In(purse), Amount: -amount})
	}
	return out, nil
}

func (o *Office) flagReturn(ctx context.Context, org sale.OrgNo, p pending, s loyalty.Settlement) error {
	return o.Store.Flag(ctx, org, p.Return.Till, "return", p.Return.ID.String(),
		fmt.Sprintf("Возврат %s по чеку %s: не найдено строк: %d, отличие от цен чека: %s", p.Return.Return.No, p.Sale.Sale.No, len(s.Unmatched), s.Over),
		fmt.Sprintf("Return %s of receipt %s: %d lines are not on it, %s beyond its prices", p.Return.Return.No, p.Sale.Sale.No, len(s.Unmatched), s.Over))
}
