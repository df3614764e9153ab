package loyalty

import (
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

// Accrual books points earned by a record. What the customer owes (debt, as a positive amount) is paid
// first. The lot's ID comes from the record's, so that booking the record again makes the same lot.
// Nothing is booked for an amount of zero or less.
func (p *Programme) Accrual(record sale.ID, account sale.Account, at sale.Time, amount, debt sale.Points) Accrual {
	if p == nil || amount <= 0 {
		return Accrual{}
	}
	paid := min(max(debt, 0), amount)
	a := Accrual{
		Postings: []sale.Posting{{Account: sale.ProgrammeAccount(), Amount: -amount}},
		Net:      amount - paid,
	}
	if paid > 0 {
		a.Postings = append(a.Postings, sale.Posting{Account: sale.DebtAccount(account.No), Amount: paid})
	}
	if a.Net > 0 {
		lot := p.lot(record, account, at)
		a.Lots = []sale.Lot{lot}
		a.Postings = append(a.Postings, sale.Posting{Account: account, Lot: lot.ID, Amount: a.Net})
	}
	return a
}

// lot counts expiry from activation, so that a delay does not eat into the days promised.
func (p *Programme) lot(record sale.ID, account sale.Account, at sale.Time) sale.Lot {
	lot := sale.Lot{
		ID: sale.DeriveID(record, "lot", 0), Account: account, Source: record,
		ActivatesAt: at.Add(time.Duration(p.Lots.ActivateAfterHours) * time.Hour),
	}
	if p.Lots.ExpireAfterDays > 0 {
		lot.ExpiresAt = lot.ActivatesAt.Add(time.Duration(p.Lots.ExpireAfterDays) * 24 * time.Hour)
	}
	return lot
}
