package agent

import (
	"cmp"
	"slices"

	"github.com/kopilka/kopilka/ledger/loyalty"
	"github.com/kopilka/kopilka/ledger/sale"
)

// What the page says of the loyalty programme: of the customer, of the receipt just made, of the cashier.

func (t *Till) enrolView() *EnrolView {
	rules := t.enrolment()
	if rules == nil || t.seal == nil || t.desk.cashier == nil {
		return nil
	}
	v := &EnrolView{Consents: []ConsentView{}}
	for _, x := range rules.Consents {
		v.Consents = append(v.Consents, ConsentView{Kind: x.Kind, Version: x.Version, Required: x.Required, Text: Text{RU: x.RU, EN: x.EN}})
	}
	return v
}

func (t *Till) appliedViews(applied []sale.Applied) (out []AppliedView) {
	for _, a := range applied {
		out = append(out, AppliedView{Name: t.rulebook().promotion(a.Promotion), Discount: a.Discount, Points: a.Points})
	}
	return out
}

// usedUp tells whether somebody has had all that a campaign gives one customer.
func (t *Till) usedUp(campaign *loyalty.Campaign, uses []sale.PromoUse) bool {
	p := t.programme()
	if p == nil {
		return false
	}
	found, left := false, false
	for _, o := range p.Promotions {
		if o.Campaign != campaign.ID {
			continue
		}
		had := uint32(0)
		if at := slices.IndexFunc(uses, func(u sale.PromoUse) bool { return u.Promotion == o.ID }); at >= 0 {
			had = uses[at].Times
		}
		if campaign.PerCustomer > 0 && had >= campaign.PerCustomer {
			return true
		}
		found, left = true, left || o.PerCustomer == 0 || had < o.PerCustomer
	}
	return found && !left
}

// progressText says what is missing to the next tier.
func (t *Till) progressText(c sale.Customer) *Text {
	p := t.programme()
	if p == nil || !earns(c.State) {
		return nil
	}
	next, need, ok := p.NextTier(c.Tier, c.Progress)
	if !ok {
		return nil
	}
	text := textProgress(Text{RU: next.RU, EN: next.EN}, need)
	return &text
}

func (t *Till) expiringText(c sale.Customer) *Text {
	if c.Expiring.Amount <= 0 || c.Expiring.At <= t.now() {
		return nil
	}
	text := textExpiring(c.Expiring.Amount, sale.DateOf(c.Expiring.At, t.shop.zone))
	return &text
}

// pendingText is of a customer of whom head office has not heard yet.
func (t *Till) pendingText(c sale.Customer) *Text {
	welcome := t.welcome()
	if welcome == 0 || c.Enrolled == 0 || c.Seen.At != c.Enrolled { // nobody but this till has told of them
		return nil
	}
	text := textWelcome(welcome)
	return &text
}

func (t *Till) doneSale(r *sale.Record) *DoneView {
	s := r.Sale
	d := &DoneView{
		Kind: "sale", ID: r.ID, No: s.No.String(), Total: s.Total, Given: s.Given, Change: s.Change(), Earned: s.Earned, Redeemed: s.Redeemed,
		Applied: t.appliedViews(s.Applied), Certificates: t.paidCertificates(r),
	}
	t.completeDone(d, r.Fiscal, s.Customer)
	d.Purses = t.changedPurses(s)
	return d
}

func (t *Till) doneReturn(r *sale.Record) *DoneView {
	b := r.Return
	advance := tendered(b.Tenders, sale.TenderAdvance)
	d := &DoneView{
		Kind: "return", ID: r.ID, No: b.No.String(), Total: b.Total, Given: tendered(b.Tenders, sale.TenderCash), Handed: b.Total - advance, Advance: advance, Earned: -b.Clawed, Redeemed: -b.Restored,
	}
	t.completeDone(d, r.Fiscal, b.Customer)
	if b.Pending {
		text := textForeignPending()
		d.Text = &text
	}
	return d
}

func (t *Till) completeDone(d *DoneView, f *sale.Fiscal, customer sale.CustomerNo) {
	d.Doc = docText(f)
	if f != nil && f.Key.FD != 0 {
		d.QR = f.QR()
	}
	if f != nil && f.Settled {
		text := textSettled()
		d.Text = &text
	}
	if customer == 0 || customer == t.shop.settings.House {
		return
	}
	if c, err := t.ledger.Customer(customer); err == nil {
		d.Customer, d.Balance = c.Name, c.Balance
	}
}

// paidCertificates are the certificates that a sale's advance was taken from, and what is left of each.
func (t *Till) paidCertificates(r *sale.Record) (out []CertificateView) {
	for _, p := range r.Postings {
		if p.Account.Kind != sale.AccountCustomer || p.Account.Purse != 0 || p.Amount >= 0 {
			continue
		}
		c, err := t.ledger.Customer(p.Account.No)
		if err != nil || !c.Bearer {
			continue
		}
		if at := slices.IndexFunc(out, func(v CertificateView) bool { return v.No == c.No }); at >= 0 {
			out[at].Pays -= p.Amount.Worth()
			continue
		}
		out = append(out, CertificateView{No: c.No, Name: c.Name, Balance: c.Balance, Pays: -p.Amount.Worth()})
	}
	return out
}

// changedPurses are the purses that a sale put something into or took something out of.
func (t *Till) changedPurses(s *sale.Sale) (out []PurseView) {
	c, err := t.ledger.Customer(s.Customer)
	if err != nil {
		return nil
	}
	for _, p := range t.rulebook().purses() {
		paid, earned := moved(s, p.No)
		if paid != 0 || earned != 0 {
			v := t.newPurseView(p, c)
			v.Paid = paid
			out = append(out, v)
		}
	}
	return out
}

func (t *Till) kpiView() *KPIView {
	c := t.desk.cashier
	if c == nil {
		return nil
	}
	all, err := t.ledger.KPIs(t.today().Start(t.shop.zone))
	if err != nil {
		t.unread("reckon the cashiers' day", err)
		return nil
	}
	k := all[c.No]
	v := &KPIView{Receipts: k.Receipts, WithCustomer: k.WithCustomer, Enrolled: k.Enrolled, Earned: k.Earned, Redeemed: k.Redeemed, Reward: k.Reward}
	v.Rank, v.Of = t.rank(sale.StandingRow{Staff: c.No, Receipts: uint32(k.Receipts), WithCustomer: uint32(k.WithCustomer), Enrolled: uint32(k.Enrolled)})
	return v
}

// rank is the cashier's place in the store today, as far as head office has told: by receipts with a
// customer, then by enrolments. This till's own count stands where head office's lags behind.
func (t *Till) rank(own sale.StandingRow) (rank, of int) {
	s := t.shop.standing
	if s.Store != t.shop.settings.Store || s.Day != t.today() {
		return 0, 0
	}
	rank, of = 1, 1
	if at := slices.IndexFunc(s.Rows, func(r sale.StandingRow) bool { return r.Staff == own.Staff }); at >= 0 {
		own.WithCustomer, own.Enrolled = max(own.WithCustomer, s.Rows[at].WithCustomer), max(own.Enrolled, s.Rows[at].Enrolled)
	}
	for _, r := range s.Rows {
		if r.Staff == own.Staff {
			continue
		}
		of++
		if cmp.Or(cmp.Compare(r.WithCustomer, own.WithCustomer), cmp.Compare(r.Enrolled, own.Enrolled)) > 0 {
			rank++
		}
	}
	return rank, of
}
