package ledger

import (
	"fmt"
	"slices"

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
	House     sale.CustomerNo    // whose receipt it is without a customer; zero: nobody's
	Held      []loyalty.Held     // what this till may spend for the customer, of all purses
	Holder    sale.Holder        // this till
	Tenders   []sale.Tender
	Given     sale.Money
	Contact   sale.Commitment

	Certificates []Certificate  // that pay the advance among the tenders
	Codes        []sale.CodeUse // taken, beside those that the quote says gave something
	Watched      []sale.Watched
	FoundBy      sale.FoundBy
}

// Certificate is a gift certificate on the counter and what it pays of the receipt.
type Certificate struct {
	Customer sale.CustomerNo // the bearer's account
	Held     []loyalty.Held  // what this till may spend of it
	Amount   sale.Points
}

// Draft makes the record of a sale from its quote: the sale, the lots that redemption takes from, the
// lots that accrual makes and the leases they are born under, the cashier's reward, and postings that
// add up to zero in each purse. A spend is posted on its lot's own account, which may be one that was
// merged into the customer's.
func (n NewSale) Draft() (sale.Record, error) {
	q, training := n.Quote, n.Customer.State == sale.CustomerTest
	if training {
		q.Reward = 0 // points of one's own for playing the buyer
		q.Reasons = slices.DeleteFunc(slices.Clone(q.Reasons), func(x sale.Reason) bool { return x.Rule == loyalty.RuleReward })
	}
	r := sale.Record{ID: n.ID, Kind: sale.KindSale, Staff: n.Staff, Sale: &sale.Sale{
		Lines: q.Lines, Customer: n.Customer.No, Tier: n.Customer.Tier, Programme: q.Programme, Gross: q.Gross, Discount: q.Discount,
		Redeemed: q.Redeemed, Total: q.Total, Earned: q.Earned, Tenders: n.Tenders, Given: n.Given, Contact: n.Contact, Reasons: q.Reasons,
		Reward: q.Reward, Codes: joinCodes(q.Codes, n.Codes), Applied: q.Applied, Watched: n.Watched, FoundBy: n.FoundBy,
		Training: training,
	}}
	if n.Customer.No == 0 {
		r.Sale.Customer = n.House
	} else if err := n.points(&r); err != nil {
		return sale.Record{}, err
	}
	if err := n.certificates(&r); err != nil {
		return sale.Record{}, err
	}
	reward(&r, n.Staff, q.Reward)
	return r, nil
}

func joinCodes(quoted, more []sale.CodeUse) []sale.CodeUse {
	out := slices.Clone(quoted)
	for _, c := range more {
		if !slices.Contains(out, c) {
			out = append(out, c)
		}
	}
	return out
}

// points books what the customer spends and earns: of the points first, then of each purse.
func (n NewSale) points(r *sale.Record) error {
	if err := n.spend(r, 0, n.Quote.Redeemed); err != nil {
		return fmt.Errorf("plan the redemption: %w", err)
	}
	for _, p := range pursesOf(r.Sale) {
		paid := inLines(r.Sale, p, paidOf)
		if paid == 0 {
			continue
		}
		if err := n.spend(r, p, paid); err != nil {
			return fmt.Errorf("plan what purse %d pays: %w", p, err)
		}
	}
	n.earn(r)
	return nil
}

func (n NewSale) spend(r *sale.Record, purse sale.PurseNo, amount sale.Points) error {
	held := loyalty.In(n.Held, purse)
	spends, err := loyalty.PlanSpend(held, amount, n.At)
	if err != nil {
		return err
	}
	take(r, purse, spends, accountsOf(held))
	return nil
}

// earn books what the receipt earned into each purse, less what is owed there.
func (n NewSale) earn(r *sale.Record) {
	debts := append([]sale.PurseAmount{{Amount: n.Customer.Debt}}, n.Customer.Owed...)
	account := sale.CustomerAccount(n.Customer.No)
	for _, a := range n.Programme.Accruals(n.ID, account, n.At, loyalty.EarnedInto(n.Quote.Earned, r.Sale.Lines), debts) {
		r.Lots = append(r.Lots, a.Lots...)
		r.Postings = append(r.Postings, a.Postings...)
		for _, lot := range a.Lots {
			r.Leases = append(r.Leases, sale.Lease{
				ID: bornLease(n.ID, int(lot.Account.Purse)), Account: lot.Account, Holder: n.Holder,
				Parts: []sale.LotAmount{{Lot: lot.ID, Amount: a.Net}},
			})
		}
	}
}

// certificates spends the lots of the certificates shown; they pay the whole advance or none of it.
func (n NewSale) certificates(r *sale.Record) error {
	if len(n.Certificates) == 0 {
		return nil
	}
	var worth sale.Money
	for _, c := range n.Certificates {
		spends, err := loyalty.PlanSpend(loyalty.In(c.Held, 0), c.Amount, n.At)
		if err != nil {
			return fmt.Errorf("plan what certificate %s pays: %w", c.Customer, err)
		}
		take(r, 0, spends, accountsOf(c.Held))
		worth += c.Amount.Worth()
	}
	if advance := tendered(n.Tenders, sale.TenderAdvance); advance != worth {
		return fmt.Errorf("%w: certificates pay %s, the advance is %s", sale.ErrAmount, worth, advance)
	}
	return nil
}

func tendered(tenders []sale.Tender, kind sale.TenderKind) (sum sale.Money) {
	for _, t := range tenders {
		if t.Kind == kind {
			sum += t.Amount
		}
	}
	return sum
}

// reward posts what a member of staff gets of a receipt; less than zero is taken back.
func reward(r *sale.Record, staff sale.StaffNo, amount sale.Points) {
	if amount == 0 {
		return
	}
	r.Postings = append(r.Postings, sale.Posting{Account: sale.EmployeeAccount(staff), Amount: amount},
		sale.Posting{Account: sale.ProgrammeAccount(), Amount: -amount})
}

// bornLease names a lease that a record's new or restored points are born under.
func bornLease(record sale.ID, n int) sale.ID { return sale.DeriveID(record, "lease", n) }

// take adds spends to a record and posts them: out of the lots, back to the programme.
func take(r *sale.Record, purse sale.PurseNo, spends []sale.Spend, account map[sale.ID]sale.Account) {
	var sum sale.Points
	for _, s := range spends {
		r.Postings = append(r.Postings, sale.Posting{Account: account[s.Lot], Lot: s.Lot, Amount: -s.Amount})
		sum += s.Amount
	}
	r.Spends = append(r.Spends, spends...)
	if sum > 0 {
		r.Postings = append(r.Postings, sale.Posting{Account: sale.ProgrammeAccount().In(purse), Amount: sum})
	}
}

// SpendablePurses is what of each purse beside the points may be spent at a moment, for a Buyer.
func SpendablePurses(held []loyalty.Held, at sale.Time) (out []sale.PurseAmount) {
	for _, p := range heldPurses(held) {
		if sum := loyalty.Spendable(loyalty.In(held, p), at); p != 0 && sum > 0 {
			out = append(out, sale.PurseAmount{Purse: p, Amount: sum})
		}
	}
	return out
}

func heldPurses(held []loyalty.Held) (out []sale.PurseNo) {
	for _, h := range held {
		out = append(out, h.Lot.Account.Purse)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func accountsOf(held []loyalty.Held) map[sale.ID]sale.Account {
	out := make(map[sale.ID]sale.Account, len(held))
	for _, h := range held {
		out[h.Lot.ID] = h.Lot.Account
	}
	return out
}

func paidOf(l sale.SoldLine) []sale.PurseAmount { return l.Paid }

// pursesOf lists the purses, beside the points, that a sale earned into or was paid from, in their order.
func pursesOf(s *sale.Sale) (out []sale.PurseNo) {
	for _, l := range s.Lines {
		for _, a := range slices.Concat(l.Extra, l.Paid) {
			out = append(out, a.Purse)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func inLines(s *sale.Sale, purse sale.PurseNo, of func(sale.SoldLine) []sale.PurseAmount) (sum sale.Points) {
	for _, l := range s.Lines {
		sum += amountIn(of(l), purse)
	}
	return sum
}

func amountIn(amounts []sale.PurseAmount, purse sale.PurseNo) (sum sale.Points) {
	for _, a := range amounts {
		if a.Purse == purse {
			sum += a.Amount
		}
	}
	return sum
}
