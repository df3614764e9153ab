package agent

import (
	"context"

	"github.com/kopilka/kopilka/drivers"
	"github.com/kopilka/kopilka/ledger"
	"github.com/kopilka/kopilka/ledger/sale"
)

// pay closes the sale: the register prints, the ledger books.
func (t *Till) pay(c Command) error {
	s := &t.desk.sale
	if len(s.basket.Lines) == 0 {
		return refuse(textEmpty(), nil)
	}
	if err := t.refresh(); err != nil { // a lease may have left since the quote was shown
		return err
	}
	total := s.quote.Total
	if err := checkTenders(c.Tenders, c.Given, total); err != nil {
		return err
	}
	contact, sealed, err := t.sealContact(c.Contact)
	if err != nil {
		return err
	}
	id, err := sale.NewID(t.now().Time(), t.random)
	if err != nil {
		return err
	}
	n := ledger.NewSale{
		ID: id, At: t.now(), Staff: t.desk.cashier.No, Quote: s.quote, Programme: t.programme(), Held: s.held, Holder: t.holder(),
		Tenders: c.Tenders, Given: c.Given, Contact: contact,
	}
	if s.customer != nil && s.customer.State == sale.CustomerActive {
		n.Customer = *s.customer
	} else if s.customer != nil {
		n.Customer = sale.Customer{No: s.customer.No, Tier: s.customer.Tier}
	}
	draft, err := n.Draft()
	if err != nil {
		return err
	}
	receipt := t.saleReceipt(draft.Sale, s.customer, c.Contact)
	return t.start(job{draft: draft, sealed: sealed, do: printing(receipt)})
}

// printing prints one receipt.
func printing(r drivers.Receipt) func(context.Context, drivers.Printer, *ledger.Job) (sale.Fiscal, error) {
	return func(ctx context.Context, p drivers.Printer, _ *ledger.Job) (sale.Fiscal, error) {
		return p.Print(ctx, r)
	}
}

func checkTenders(tenders []sale.Tender, given, total sale.Money) error {
	var sum, cash sale.Money
	for _, x := range tenders {
		if x.Amount < 0 || x.Amount > sale.MoneyMax || (x.Kind != sale.TenderCash && x.Kind != sale.TenderCard) {
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
	if !validContact(value) {
		return sale.Commitment{}, nil, refuse(textContact(), nil)
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
