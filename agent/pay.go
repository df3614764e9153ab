package agent

import (
	"context"
	"slices"

	"github.com/kopilka/kopilka/drivers"
	"github.com/kopilka/kopilka/ledger"
	"github.com/kopilka/kopilka/ledger/sale"
)

// pay closes the sale: the register prints, the ledger books. What certificates pay comes on top of what
// the cashier has taken.
func (t *Till) pay(c Command) error {
	s := &t.desk.sale
	if len(s.basket.Lines) == 0 {
		return refuse(textEmpty(), nil)
	}
	if err := t.othersCode(""); err != nil {
		return err
	}
	if err := markMissing(s.basket.Lines); err != nil {
		return err
	}
	if err := t.refresh(); err != nil { // a lease may have left since the quote was shown
		return err
	}
	pays, due := t.certificatePays()
	if err := checkTenders(c.Tenders, c.Given, due); err != nil {
		return err
	}
	if tendered(c.Tenders, sale.TenderAdvance) != 0 {
		return refuse(textAmount(), nil) // the till itself adds what certificates pay
	}
	to, err := contactOf(c.Contact)
	if err != nil {
		return err
	}
	contact, sealed, err := t.sealContact(to)
	if err != nil {
		return err
	}
	n, err := t.newSale(c, pays)
	if err != nil {
		return err
	}
	n.Contact = contact
	draft, err := n.Draft()
	if err != nil {
		return err
	}
	receipt := t.saleReceipt(draft.Sale, to)
	return t.start(job{draft: draft, sealed: sealed, do: printing(receipt)})
}

// newSale is all that the ledger wants to know of the sale.
func (t *Till) newSale(c Command, pays []sale.Money) (n ledger.NewSale, err error) {
	s := &t.desk.sale
	n = ledger.NewSale{
		At: t.now(), Staff: t.desk.cashier.No, Quote: s.quote, Programme: t.programme(), Held: s.held, Holder: t.holder(), House: t.shop.settings.House,
		Tenders: slices.Clone(c.Tenders), Given: c.Given, Codes: s.attributions(), Watched: s.watched(), FoundBy: s.foundBy,
	}
	if n.ID, err = sale.NewID(t.now().Time(), t.random); err != nil {
		return n, err
	}
	switch customer := s.customer; {
	case customer == nil || s.unnamed():
		n.FoundBy = 0
	case earns(customer.State):
		n.Customer = *customer
	default:
		n.Customer = sale.Customer{No: customer.No, Tier: customer.Tier}
	}
	for i, x := range s.certificates {
		if pays[i] > 0 {
			n.Certificates = append(n.Certificates, ledger.Certificate{Customer: x.customer.No, Held: x.held, Amount: pays[i].AsPoints()})
			n.Tenders = withAdvance(n.Tenders, pays[i])
		}
	}
	return n, nil
}

// withAdvance adds what a certificate pays: one payment of the kind that the receipt calls advance.
func withAdvance(tenders []sale.Tender, amount sale.Money) []sale.Tender {
	for i := range tenders {
		if tenders[i].Kind == sale.TenderAdvance {
			tenders[i].Amount += amount
			return tenders
		}
	}
	return append(tenders, sale.Tender{Kind: sale.TenderAdvance, Amount: amount})
}

// printing prints one receipt.
func printing(r drivers.Receipt) func(context.Context, drivers.Printer, *ledger.Job) (sale.Fiscal, error) {
	return func(ctx context.Context, p drivers.Printer, j *ledger.Job) (sale.Fiscal, error) {
		r.Key = j.Draft.ID.Key()
		return p.Print(ctx, r)
	}
}

func checkTenders(tenders []sale.Tender, given, total sale.Money) error {
	var sum, cash sale.Money
	for _, x := range tenders {
		if x.Amount < 0 || x.Amount > sale.MoneyMax || (x.Kind != sale.TenderCash && x.Kind != sale.TenderCard && x.Kind != sale.TenderAdvance) {
			return refuse(textAmount(), nil)
		}
		sum += x.Amount
		if x.Kind == sale.TenderCash {
			cash += x.Amount
		}
	}
	switch {
	case sum != total:
		return refuse(textTenders(sum, total), nil)
	case given != 0 && given < cash:
		return refuse(textGiven(given, cash), nil)
	case given != 0 && cash == 0:
		return refuse(textChangeFromCard(), nil)
	}
	return nil
}

// sealContact keeps a phone or e-mail out of the record: a commitment goes in, the data itself is
// sealed beside it.
func (t *Till) sealContact(value string) (sale.Commitment, []byte, error) {
	if value == "" {
		return sale.Commitment{}, nil, nil
	}
	contact, err := sale.NewContact(value, t.random)
	if err != nil {
		return sale.Commitment{}, nil, err
	}
	plain, err := sale.Encode(contact)
	if err != nil || t.seal == nil {
		return contact.Commit(), nil, err
	}
	sealed, err := t.seal(plain)
	return contact.Commit(), sealed, err
}
