package loyalty

import (
	"cmp"
	"slices"
	"time"

	"github.com/kopilka/kopilka/ledger/sale"
)

// Accrual is how earned points enter the ledger: a lot where any are left after debt, and postings that
// add up to zero.
type Accrual struct {
	Lots     []sale.Lot
	Postings []sale.Posting
	Net      sale.Points // what the customer's lot received, after debt
}

// Accrual books what a record earned into one purse of a customer: account is the customer's in that
// purse, zero being the points. What the customer owes there (debt, as a positive amount) is paid first.
// The lot's ID comes from the record's and the purse's, so that booking the record again makes the same
// lot. Nothing is booked for an amount of zero or less.
func (p *Programme) Accrual(record sale.ID, account sale.Account, at sale.Time, amount, debt sale.Points) Accrual {
	if p == nil || amount <= 0 {
		return Accrual{}
	}
	paid := min(max(debt, 0), amount)
	a := Accrual{
		Postings: []sale.Posting{{Account: sale.ProgrammeAccount().In(account.Purse), Amount: -amount}},
		Net:      amount - paid,
	}
	if paid > 0 {
		a.Postings = append(a.Postings, sale.Posting{Account: sale.DebtAccount(account.No).In(account.Purse), Amount: paid})
	}
	if a.Net > 0 {
		lot := p.lot(record, account, at)
		a.Lots = []sale.Lot{lot}
		a.Postings = append(a.Postings, sale.Posting{Account: account, Lot: lot.ID, Amount: a.Net})
	}
	return a
}

// Accruals is [Programme.Accrual] for every purse that a record earned into, points (purse zero) first
// and the others by number. Debts are positive amounts.
func (p *Programme) Accruals(record sale.ID, account sale.Account, at sale.Time, earned, debts []sale.PurseAmount) []Accrual {
	var all []Accrual
	for _, e := range sumPurses(earned) {
		if a := p.Accrual(record, account.In(e.Purse), at, e.Amount, purseOf(debts, e.Purse)); len(a.Postings) > 0 {
			all = append(all, a)
		}
	}
	return all
}

// EarnedInto is all that a receipt earned, by purse: points as purse zero, then what its lines say.
func EarnedInto(earned sale.Points, lines []sale.SoldLine) []sale.PurseAmount {
	all := []sale.PurseAmount{{Amount: earned}}
	for _, l := range lines {
		all = append(all, l.Extra...)
	}
	return sumPurses(all)
}

// sumPurses adds amounts up by purse, in the order of their numbers; a sum of zero is left out.
func sumPurses(list []sale.PurseAmount) []sale.PurseAmount {
	var sums []sale.PurseAmount
	for _, a := range list {
		sums = addPurse(sums, a.Purse, a.Amount)
	}
	if sums = slices.DeleteFunc(sums, func(a sale.PurseAmount) bool { return a.Amount == 0 }); len(sums) == 0 {
		return nil
	}
	slices.SortFunc(sums, func(a, b sale.PurseAmount) int { return cmp.Compare(a.Purse, b.Purse) })
	return sums
}

func addPurse(list []sale.PurseAmount, purse sale.PurseNo, amount sale.Points) []sale.PurseAmount {
	for i := range list {
		if list[i].Purse == purse {
			list[i].Amount += amount
			return list
		}
	}
	return append(list, sale.PurseAmount{Purse: purse, Amount: amount})
}

func purseOf(list []sale.PurseAmount, purse sale.PurseNo) sale.Points {
	for _, a := range list {
		if a.Purse == purse {
			return a.Amount
		}
	}
	return 0
}

// lot counts expiry from activation, so that a delay does not eat into the days promised.
func (p *Programme) lot(record sale.ID, account sale.Account, at sale.Time) sale.Lot {
	rules := p.lotRules(account.Purse)
	lot := sale.Lot{
		ID: sale.DeriveID(record, "lot", int(account.Purse)), Account: account, Source: record,
		ActivatesAt: at.Add(time.Duration(rules.ActivateAfterHours) * time.Hour),
	}
	if rules.ExpireAfterDays > 0 {
		lot.ExpiresAt = lot.ActivatesAt.Add(time.Duration(rules.ExpireAfterDays) * 24 * time.Hour)
	}
	return lot
}

// lotRules are a purse's; what a purse holds that the programme does not know lives for ever.
func (p *Programme) lotRules(purse sale.PurseNo) LotRules {
	if purse == 0 {
		return p.Lots
	}
	for _, o := range p.Purses {
		if o.No == purse {
			return o.Lots
		}
	}
	return LotRules{}
}
