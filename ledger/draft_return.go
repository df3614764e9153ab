package ledger

import (
	"fmt"
	"slices"

	"github.com/kopilka/kopilka/ledger/loyalty"
	"github.com/kopilka/kopilka/ledger/sale"
)

// NewReturn is what a till knows of a return.
type NewReturn struct {
	ID      sale.ID
	At      sale.Time
	Staff   sale.StaffNo
	Sale    *sale.Record   // what was sold
	Before  []*sale.Record // returns of it so far
	Now     []loyalty.Returned
	Held    []loyalty.Held // what this till may spend for the customer, of all purses
	Holder  sale.Holder
	Tenders []sale.Tender // nil: reckon only
	Reason  string
	Contact sale.Commitment

	// Foreign says that the sale came from head office and is not in this till's journal: its lots are
	// not known here, so that what goes back to them is not lent to this till.
	Foreign bool
	By      sale.StaffNo // the manager who allowed it
	Watched []sale.Watched
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
	r.Tenders, r.Reason, r.Contact, r.By, r.Watched = n.Tenders, n.Reason, n.Contact, n.By, n.Watched
	r.Training = n.Sale.Sale.Training
	if n.Sale.Fiscal != nil {
		r.OfDoc = n.Sale.Fiscal.Key
	}
	if r.Reward != 0 {
		r.Seller = n.Sale.Staff
	}
	return r, nil
}

// Draft makes the record of a return. What was redeemed, of points, purses and certificates, goes back to
// the lots that it came from, under leases born here. What was earned is taken back first from the lot
// that the sale made, then from the customer's other lots held here, then from what is being restored;
// what is still missing is debt.
func (n NewReturn) Draft() (sale.Record, error) {
	back, err := n.Refund()
	if err != nil {
		return sale.Record{}, err
	}
	r := sale.Record{ID: n.ID, Kind: sale.KindReturn, Staff: n.Staff, Return: back}
	u := undo{NewReturn: n, record: &r, accounts: spentFrom(n.Sale)}
	for _, purse := range append([]sale.PurseNo{0}, pursesOf(n.Sale.Sale)...) {
		if err := u.purse(purse); err != nil {
			return sale.Record{}, err
		}
	}
	if err := u.certificates(); err != nil {
		return sale.Record{}, err
	}
	if !n.Foreign {
		u.lend()
	}
	reward(&r, back.Seller, -back.Reward)
	return r, nil
}

// spentFrom says whose each lot is that a record spent of.
func spentFrom(r *sale.Record) map[sale.ID]sale.Account {
	out := map[sale.ID]sale.Account{}
	for _, p := range r.Postings {
		if p.Amount < 0 && p.Account.Kind == sale.AccountCustomer {
			out[p.Lot] = p.Account
		}
	}
	return out
}

// undo is a return's record on its way.
type undo struct {
	NewReturn
	record   *sale.Record
	accounts map[sale.ID]sale.Account
	restored []sale.LotAmount // given back and kept, to be lent to this till
}

// purse takes back what was earned into a purse, and gives back what was spent of it.
func (u *undo) purse(purse sale.PurseNo) error {
	spends := u.spends(purse)
	restored, err := loyalty.RestoreSpends(spends, u.earlier(purse, restoredOf), restoredOf(u.record.Return, purse))
	if err != nil {
		return fmt.Errorf("restore what was redeemed of purse %d: %w", purse, err)
	}
	held := loyalty.In(u.Held, purse)
	c := clawback{left: clawedOf(u.record.Return, purse), restored: restored}
	c.fromLeases(held, sale.DeriveID(u.Sale.ID, "lot", int(purse)))
	c.fromRestored()
	take(u.record, purse, c.spends, accountsOf(held))
	u.give(purse, c.restored)
	if c.left > 0 {
		u.post(sale.DebtAccount(u.record.Return.Customer).In(purse), sale.ID{}, -c.left)
		u.post(sale.ProgrammeAccount().In(purse), sale.ID{}, c.left)
	}
	return nil
}

// certificates gives the advance of the tenders back to the certificates that paid it.
func (u *undo) certificates() error {
	spends := u.certificateSpends()
	if len(spends) == 0 {
		return nil
	}
	var before, paid sale.Money
	for _, b := range u.Before {
		before += tendered(b.Return.Tenders, sale.TenderAdvance)
	}
	for _, s := range spends {
		paid += s.Amount.Worth()
	}
	before = min(before, paid) // two tills may have given the same back, each without the other's word
	restored, err := loyalty.RestoreSpends(spends, before.AsPoints(), tendered(u.Tenders, sale.TenderAdvance).AsPoints())
	if err != nil {
		return fmt.Errorf("give back to the certificates: %w", err)
	}
	u.give(0, restored)
	return nil
}

// spends are the sale's of one purse: of the points those that paid as points, before any certificate.
func (u *undo) spends(purse sale.PurseNo) (out []sale.Spend) {
	left := u.Sale.Sale.Redeemed
	for _, s := range u.Sale.Spends {
		if u.accounts[s.Lot].Purse != purse || (purse == 0 && left <= 0) {
			continue
		}
		out = append(out, s)
		left -= s.Amount
	}
	return out
}

// certificateSpends are those that came after the points had paid: a draft puts them last.
func (u *undo) certificateSpends() (out []sale.Spend) {
	left := u.Sale.Sale.Redeemed
	for _, s := range u.Sale.Spends {
		if u.accounts[s.Lot].Purse != 0 {
			continue
		}
		if left <= 0 {
			out = append(out, s)
		}
		left -= s.Amount
	}
	return out
}

func (u *undo) earlier(purse sale.PurseNo, of func(*sale.Return, sale.PurseNo) sale.Points) (sum sale.Points) {
	for _, b := range u.Before {
		sum += of(b.Return, purse)
	}
	return sum
}

func restoredOf(r *sale.Return, purse sale.PurseNo) (sum sale.Points) {
	if purse == 0 {
		return r.Restored
	}
	for _, l := range r.Lines {
		sum += amountIn(l.Paid, purse)
	}
	return sum
}

func clawedOf(r *sale.Return, purse sale.PurseNo) (sum sale.Points) {
	if purse == 0 {
		return r.Clawed
	}
	for _, l := range r.Lines {
		sum += amountIn(l.Extra, purse)
	}
	return sum
}

// give posts what goes back to the lots that it came from.
func (u *undo) give(purse sale.PurseNo, lots []sale.LotAmount) {
	var sum sale.Points
	for _, p := range lots {
		u.post(u.accounts[p.Lot], p.Lot, p.Amount)
		sum += p.Amount
	}
	u.post(sale.ProgrammeAccount().In(purse), sale.ID{}, -sum)
	u.restored = append(u.restored, lots...)
}

func (u *undo) post(a sale.Account, lot sale.ID, amount sale.Points) {
	if amount != 0 {
		u.record.Postings = append(u.record.Postings, sale.Posting{Account: a, Lot: lot, Amount: amount})
	}
}

// lend makes a lease for each account that got something back.
func (u *undo) lend() {
	for _, p := range u.restored {
		account := u.accounts[p.Lot]
		at := slices.IndexFunc(u.record.Leases, func(l sale.Lease) bool { return l.Account == account })
		if at < 0 {
			at = len(u.record.Leases)
			u.record.Leases = append(u.record.Leases, sale.Lease{ID: bornLease(u.ID, at), Account: account, Holder: u.Holder})
		}
		lease := &u.record.Leases[at]
		lease.Parts = append(lease.Parts, p)
	}
}

// clawback finds where earned points are taken back from.
type clawback struct {
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

// PendingReturn is a return of a receipt that this till knows by its fiscal QR only: goods and money come
// back now, the points once head office has found the sale.
type PendingReturn struct {
	ID      sale.ID
	Staff   sale.StaffNo
	QR      sale.Fiscal    // as scanned
	Before  []*sale.Record // earlier returns of this receipt, see [Ledger.ReturnsOfDoc]
	Lines   []sale.Line    // goods at the prices of the receipt
	Tenders []sale.Tender  // nil: reckon only
	Reason  string
	By      sale.StaffNo // the manager who allowed it
	Contact sale.Commitment
	Watched []sale.Watched
}

// Refund reckons what comes back: never more than the receipt's own sum over all its returns here, those made
// while its sale was known among them. That the
// receipt is young and small enough is the caller's to check.
func (n PendingReturn) Refund() (*sale.Return, error) {
	r := &sale.Return{
		Pending: true, OfDoc: n.QR.Key, QR: &n.QR, Tenders: n.Tenders, Reason: n.Reason, By: n.By, Contact: n.Contact, Watched: n.Watched,
	}
	if n.QR.Doc != sale.DocSale {
		return nil, fmt.Errorf("%w: the code is not of a sale's receipt / это код не чека продажи", loyalty.ErrReturn)
	}
	for i, l := range n.Lines {
		line, err := pendingLine(i, l)
		if err != nil {
			return nil, fmt.Errorf("%w: line %d, %s: %w", loyalty.ErrReturn, i+1, l.Product.Name, err)
		}
		r.Lines, r.Total = append(r.Lines, line), r.Total+line.Net
	}
	left := n.QR.Sum
	for _, b := range n.Before {
		left -= b.Return.Total
	}
	switch {
	case len(r.Lines) == 0:
		return nil, fmt.Errorf("%w: nothing to return / нечего возвращать", loyalty.ErrReturn)
	case r.Total > left:
		return nil, fmt.Errorf("%w: %s, only %s of the receipt's %s left to return / по чеку осталось вернуть %s", loyalty.ErrReturn, r.Total, left, n.QR.Sum, left)
	}
	return r, nil
}

func pendingLine(i int, l sale.Line) (sale.ReturnedLine, error) {
	p := l.Product
	if l.Qty <= 0 || l.Qty > sale.QtyMax || p.Price < 0 || (l.Qty%sale.Piece != 0 && !p.Traits.Has(sale.Weighed)) {
		return sale.ReturnedLine{}, fmt.Errorf("%w: quantity %s at %s / количество или цена не подходят", sale.ErrAmount, l.Qty, p.Price)
	}
	net, err := l.Gross()
	if err != nil {
		return sale.ReturnedLine{}, err
	}
	return sale.ReturnedLine{
		Line: i, SKU: p.SKU, Name: p.Name, Code: l.Code, Qty: l.Qty, Net: net, VAT: p.VAT, Subject: p.Subject, Unit: p.Unit,
		Parts: []sale.Part{{Qty: l.Qty, Price: p.Price, Sum: net}},
	}, nil
}

// Draft makes the record of a pending return; it posts no points.
func (n PendingReturn) Draft() (sale.Record, error) {
	r, err := n.Refund()
	if err != nil {
		return sale.Record{}, err
	}
	return sale.Record{ID: n.ID, Kind: sale.KindReturn, Staff: n.Staff, Return: r}, nil
}
