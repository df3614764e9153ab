package ledger

import (
	"fmt"

	"github.com/kopilka/kopilka/ledger/loyalty"
	"github.com/kopilka/kopilka/ledger/sale"
)

// NewSale is what a till knows when the cashier has taken the money.
type NewSale struct {
	ID        sale.ID
	At        sale.Time
	Staff     sale.StaffNo
	Quote     loyalty.Quote
	Programme *loyalty.Programme // that reckoned the quote; nil for a plain sale
	Customer  sale.Customer      // zero: nobody
	Held      []loyalty.Held     // what this till may spend for the customer
	Holder    sale.Holder        // this till
	Tenders   []sale.Tender
	Given     sale.Money
	Contact   sale.Commitment
}

// Draft makes the record of a sale from its quote: the sale, the lots that redemption takes from,
// the lot that accrual makes and the lease it is born under, and postings that add up to zero.
func (n NewSale) Draft() (sale.Record, error) {
	q := n.Quote
	r := sale.Record{ID: n.ID, Kind: sale.KindSale, Staff: n.Staff, Sale: &sale.Sale{
		Lines: q.Lines, Customer: n.Customer.No, Tier: n.Customer.Tier, Programme: q.Programme, Gross: q.Gross, Discount: q.Discount,
		Redeemed: q.Redeemed, Total: q.Total, Earned: q.Earned, Tenders: n.Tenders, Given: n.Given, Contact: n.Contact, Reasons: q.Reasons,
	}}
	if n.Customer.No == 0 {
		return r, nil
	}
	account := sale.CustomerAccount(n.Customer.No)
	spends, err := loyalty.PlanSpend(n.Held, q.Redeemed, n.At)
	if err != nil {
		return sale.Record{}, fmt.Errorf("plan the redemption: %w", err)
	}
	r.Spends = spends
	r.Postings = takeFrom(account, spends)
	accrual := n.Programme.Accrual(n.ID, account, n.At, q.Earned, n.Customer.Debt)
	r.Lots = accrual.Lots
	r.Postings = append(r.Postings, accrual.Postings...)
	if accrual.Net > 0 {
		r.Leases = []sale.Lease{{
			ID: bornLease(n.ID), Account: account, Holder: n.Holder,
			Parts: []sale.LotAmount{{Lot: accrual.Lots[0].ID, Amount: accrual.Net}},
		}}
	}
	return r, nil
}

// bornLease names the lease that a record's new or restored points are born under.
func bornLease(record sale.ID) sale.ID { return sale.DeriveID(record, "lease", 0) }

// takeFrom posts spends: out of the customer's lots, back to the programme.
func takeFrom(account sale.Account, spends []sale.Spend) (out []sale.Posting) {
	var sum sale.Points
	for _, s := range spends {
		out = append(out, sale.Posting{Account: account, Lot: s.Lot, Amount: -s.Amount})
		sum += s.Amount
	}
	if sum > 0 {
		out = append(out, sale.Posting{Account: sale.ProgrammeAccount(), Amount: sum})
	}
	return out
}

// NewReturn is what a till knows of a return.
type NewReturn struct {
	ID      sale.ID
	At      sale.Time
	Staff   sale.StaffNo
	Sale    *sale.Record   // what was sold
	Before  []*sale.Record // returns of it so far
	Now     []loyalty.Returned
	Held    []loyalty.Held // what this till may spend for the customer
	Holder  sale.Holder
	Tenders []sale.Tender // nil: reckon only
	Reason  string
	Contact sale.Commitment
}

// Refund reckons what the return comes to, before the money is given back.
func (n NewReturn) Refund() (*sale.Return, error) {
	var before []loyalty.Returned
	for _, b := range n.Before {
		for _, l := range b.Return.Lines {
			before = append(before, loyalty.Returned{Line: l.Line, Qty: l.Qty})
		}
	}
	r, err := loyalty.Refund(n.Sale.Sale, before, n.Now)
	if err != nil {
		return nil, err
	}
	r.Of, r.OfNo, r.Customer = n.Sale.ID, n.Sale.Sale.No, n.Sale.Sale.Customer
	r.Tenders, r.Reason, r.Contact = n.Tenders, n.Reason, n.Contact
	if n.Sale.Fiscal != nil {
		r.OfDoc = n.Sale.Fiscal.Key
	}
	return r, nil
}

// Draft makes the record of a return. Redeemed points go back to the lots that they came from, under
// a lease born here. Earned points are taken back first from the lot that the sale made, then from the
// customer's other lots held here, then from what is being restored; what is still missing is debt.
func (n NewReturn) Draft() (sale.Record, error) {
	back, err := n.Refund()
	if err != nil {
		return sale.Record{}, err
	}
	r := sale.Record{ID: n.ID, Kind: sale.KindReturn, Staff: n.Staff, Return: back}
	if back.Customer == 0 {
		return r, nil
	}
	account := sale.CustomerAccount(back.Customer)
	var before sale.Points
	for _, b := range n.Before {
		before += b.Return.Restored
	}
	restored, err := loyalty.RestoreSpends(n.Sale.Spends, before, back.Restored)
	if err != nil {
		return sale.Record{}, fmt.Errorf("restore the redeemed points: %w", err)
	}
	c := clawback{account: account, left: back.Clawed, restored: restored}
	c.fromLeases(n.Held, sale.DeriveID(n.Sale.ID, "lot", 0))
	c.fromRestored()
	r.Spends = c.spends
	r.Postings = c.postings(back)
	if len(c.restored) > 0 {
		r.Leases = []sale.Lease{{ID: bornLease(n.ID), Account: account, Holder: n.Holder, Parts: c.restored}}
	}
	return r, nil
}

// clawback finds where earned points are taken back from.
type clawback struct {
	account  sale.Account
	left     sale.Points // still to be found
	restored []sale.LotAmount
	spends   []sale.Spend
}

func (c *clawback) fromLeases(held []loyalty.Held, first sale.ID) {
	for _, own := range []bool{true, false} {
		for _, h := range held {
			take := min(c.left, h.Free)
			if (h.Lot.ID == first) != own || take <= 0 {
				continue
			}
			c.spends = append(c.spends, sale.Spend{Lease: h.Lease, Lot: h.Lot.ID, Amount: take})
			c.left -= take
		}
	}
}

// fromRestored leaves the rest of what is given back; points taken here never leave the programme.
func (c *clawback) fromRestored() {
	var kept []sale.LotAmount
	for _, p := range c.restored {
		take := min(c.left, p.Amount)
		c.left -= take
		if p.Amount > take {
			kept = append(kept, sale.LotAmount{Lot: p.Lot, Amount: p.Amount - take})
		}
	}
	c.restored = kept
}

func (c *clawback) postings(back *sale.Return) []sale.Posting {
	out := takeFrom(c.account, c.spends)
	var sum sale.Points
	for _, p := range c.restored {
		out = append(out, sale.Posting{Account: c.account, Lot: p.Lot, Amount: p.Amount})
		sum += p.Amount
	}
	if c.left > 0 {
		out = append(out, sale.Posting{Account: sale.DebtAccount(c.account.No), Amount: -c.left})
	}
	if net := c.left - sum; net != 0 {
		out = append(out, sale.Posting{Account: sale.ProgrammeAccount(), Amount: net})
	}
	return out
}
