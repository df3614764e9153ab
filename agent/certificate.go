package agent

import (
	"errors"
	"slices"
	"strings"

	"github.com/kopilka/kopilka/ledger"
	"github.com/kopilka/kopilka/ledger/loyalty"
	"github.com/kopilka/kopilka/ledger/sale"
)

// certificatesMax is more than a buyer lays on a counter; each is an account that the record names.
const certificatesMax = 10

// certificate is a gift certificate laid on the counter.
type certificate struct {
	customer sale.Customer
	held     []loyalty.Held
	asked    bool // head office was asked for its lease
}

// certificate lays a gift certificate on the counter by its number.
func (t *Till) certificate(c Command) error {
	key := t.cardKey(strings.TrimSpace(c.Code))
	found, err := t.ledger.FindCustomer(key)
	switch {
	case errors.Is(err, ledger.ErrNotFound) && c.foundBy() == sale.FoundCard:
		return refuse(textNoCertificate(), err)
	case errors.Is(err, ledger.ErrNotFound):
		if _, err := t.countTyped(func() { t.ledger.LookedFor(key.Key) }); err != nil {
			return err
		}
		return refuse(textNoCertificate(), err)
	case err != nil:
		return err
	}
	if t.desk.stage == StageDone {
		t.next()
	}
	if c.foundBy() == sale.FoundCard && found.Bearer {
		return t.layCertificate(found)
	}
	return t.layTyped(found)
}

// layTyped lays down a certificate whose number was typed. That is a look-up whatever comes of it, or the
// numbers could be tried one by one unseen; it stops no receipt, for the certificate is its bearer's money.
func (t *Till) layTyped(found sale.Customer) error {
	if _, err := t.countTyped(func() { t.ledger.Looked(found.No) }); err != nil {
		return err
	}
	if !found.Bearer {
		return refuse(textNotACertificate(), nil)
	}
	return t.layCertificate(found)
}

func (t *Till) layCertificate(c sale.Customer) error {
	s := &t.desk.sale
	switch {
	case slices.ContainsFunc(s.certificates, func(x certificate) bool { return x.customer.No == c.No }):
		return refuse(textCertificateTwice(), nil)
	case !earns(c.State):
		return refuse(textCertificateBlocked(), nil)
	case c.Balance <= 0:
		return refuse(textCertificateSpent(), nil)
	case len(s.certificates) >= certificatesMax:
		return refuse(textTooManyCertificates(), nil)
	}
	held, err := t.held(c.No)
	if err != nil {
		return err
	}
	x := certificate{customer: c, held: held}
	if loyalty.Spendable(held, t.now()) < c.Balance {
		x.asked = true
		t.ask([]sale.CustomerNo{c.No})
	}
	s.certificates = append(s.certificates, x)
	return nil
}

func (t *Till) dropCertificate(c Command) error {
	s := &t.desk.sale
	at := slices.IndexFunc(s.certificates, func(x certificate) bool { return x.customer.No == c.No })
	if at < 0 {
		return refuse(textNoCertificate(), nil)
	}
	s.certificates = slices.Delete(slices.Clone(s.certificates), at, at+1)
	return nil
}

// refreshCertificates reads them anew; one that head office has stopped or taken back leaves the counter.
func (t *Till) refreshCertificates() error {
	s := &t.desk.sale
	kept := make([]certificate, 0, len(s.certificates))
	for _, x := range s.certificates {
		c, err := t.ledger.Customer(x.customer.No)
		if errors.Is(err, ledger.ErrNotFound) || (err == nil && !earns(c.State)) {
			t.notify("info", "certificate", textCertificateStopped())
			continue
		}
		if err != nil {
			return err
		}
		if x.held, err = t.held(c.No); err != nil {
			return err
		}
		x.customer = c
		kept = append(kept, x)
	}
	s.certificates = kept
	return nil
}

// certificatePays is what each certificate pays of the receipt, for sure: in the order in which they were
// laid down, what is held here and never more than is due.
func (t *Till) certificatePays() (pays []sale.Money, due sale.Money) {
	s := &t.desk.sale
	due = s.quote.Total
	for _, x := range s.certificates {
		part := min(due, loyalty.Spendable(x.held, t.now()).Worth())
		pays, due = append(pays, part), due-part
	}
	return pays, due
}

func (t *Till) certificateViews() (views []CertificateView, due sale.Money) {
	pays, due := t.certificatePays()
	for i, x := range t.desk.sale.certificates {
		v := CertificateView{No: x.customer.No, Name: x.customer.Name, Balance: x.customer.Balance, Pays: pays[i]}
		if have := loyalty.Spendable(x.held, t.now()); have < x.customer.Balance {
			text := textCertificateHeld(have, x.asked && t.desk.network.Online)
			v.Text = &text
		}
		views = append(views, v)
	}
	return views, due
}
