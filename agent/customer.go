package agent

import (
	"errors"
	"strings"

	"github.com/kopilka/kopilka/ledger"
	"github.com/kopilka/kopilka/ledger/loyalty"
	"github.com/kopilka/kopilka/ledger/sale"
)

// foundBy tells a code that a scanner has read from one that was typed.
func (c Command) foundBy() sale.FoundBy {
	if c.Scanner == ScannerWedge {
		return sale.FoundCard
	}
	return sale.FoundTyped
}

// customer finds a customer by a phone number, or by a card number, typed or scanned.
func (t *Till) customer(c Command) error {
	by := c.foundBy()
	key := t.cardKey(strings.TrimSpace(c.Code))
	if c.Phone != "" {
		phone, err := sale.ParsePhone(c.Phone)
		if err != nil {
			return refuse(textPhone(), err)
		}
		by, key = sale.FoundPhone, sale.CustomerKey{Kind: sale.KeyPhone, Key: t.shop.settings.Phones.Key(phone)}
	}
	found, err := t.ledger.FindCustomer(key)
	if errors.Is(err, ledger.ErrNotFound) {
		return refuse(textNoCustomer(c.Phone != ""), err)
	}
	if err != nil {
		return err
	}
	if t.desk.stage == StageDone {
		t.next()
	}
	return t.name(found, by)
}

func (t *Till) cardKey(card string) sale.CustomerKey {
	return sale.CustomerKey{Kind: sale.KeyCard, Key: sale.CardKey(t.shop.settings.CardSecret, card)}
}

// name puts whoever was found where they belong: a certificate pays, a customer is named.
func (t *Till) name(c sale.Customer, by sale.FoundBy) error {
	switch {
	case c.Bearer && by != sale.FoundCard:
		return t.layTyped(c)
	case c.Bearer:
		return t.layCertificate(c)
	case c.State == sale.CustomerHouse:
		return refuse(textNoCustomer(false), nil)
	}
	if err := t.setCustomer(c, by); err != nil {
		return err
	}
	return t.countLookup(c)
}

// setCustomer names the customer of the receipt.
func (t *Till) setCustomer(c sale.Customer, by sale.FoundBy) error {
	held, err := t.held(c.No)
	if err != nil {
		return err
	}
	s := &t.desk.sale
	if s.customer != nil && s.customer.No == c.No {
		s.again(by)
	} else {
		s.forget()
		s.foundBy, s.late = by, s.totalled
	}
	s.customer, s.held, s.basket.Customer = &c, held, c.No
	if t.spendable(0) < c.Balance && earns(c.State) {
		s.asked = true
		t.ask(accounts(c))
	}
	return t.reckon()
}

// again names the same customer once more: nobody else has come, so what was asked for and permitted stays. A card in
// the hand is better than a number; after it a number takes nothing back.
func (s *open) again(by sale.FoundBy) {
	if by == sale.FoundCard {
		s.foundBy, s.lookups = by, 0
	}
}

// earns tells whether a customer takes part in the programme. Test customers do: staff learn on them.
func earns(state sale.CustomerState) bool {
	return state == sale.CustomerActive || state == sale.CustomerTest
}

// accounts are a customer's own number and those merged into it.
func accounts(c sale.Customer) []sale.CustomerNo {
	return append([]sale.CustomerNo{c.No}, c.Accounts...)
}

// forget drops all that hangs on the customer.
func (s *open) forget() {
	s.customer, s.held, s.foundBy, s.late, s.asked, s.basket.Customer = nil, nil, 0, false, false, 0
	s.wish, s.wishes, s.permits, s.met, s.spends, s.lookups = 0, nil, nil, nil, 0, 0
}

func (t *Till) dropCustomer(Command) error {
	t.desk.sale.forget()
	t.desk.sale.dropGifts()
	return t.reckon()
}

// phoneOnly is the rule that keeps points from whoever is named by a phone number alone.
const phoneOnly = "redeem.phone"

// buyer is what the rules may know of the customer; nil for nobody.
func (t *Till) buyer() *loyalty.Buyer {
	s := &t.desk.sale
	if s.customer == nil {
		return nil
	}
	c := s.customer
	b := &loyalty.Buyer{
		No: c.No, Tier: c.Tier, State: c.State, Spendable: t.spendable(0), Segment: c.Segment, Bought: c.Bought, Staff: c.Staff, Uses: c.Uses,
	}
	b.Purses = ledger.SpendablePurses(s.held, t.now())
	if p := t.programme(); p != nil && p.Enrolment.NoRedeem && s.foundBy == sale.FoundPhone {
		b.NoRedeem = phoneOnly
	}
	return b
}

// spendable is what this till holds of the named customer's purse, for sure.
func (t *Till) spendable(purse sale.PurseNo) sale.Points {
	return loyalty.Spendable(loyalty.In(t.desk.sale.held, purse), t.now())
}

// refresh reads the customer, the certificates, the codes and the leases anew, after head office or a release has
// changed them.
func (t *Till) refresh() error {
	s := &t.desk.sale
	if t.desk.stage == StagePrinting {
		return nil
	}
	if err := errors.Join(t.refreshCertificates(), t.refreshCodes()); err != nil {
		return err
	}
	if s.customer == nil {
		return t.reckon()
	}
	c, err := t.ledger.Customer(s.customer.No)
	if errors.Is(err, ledger.ErrNotFound) { // erased, or joined to another enrolment, while the cashier talks
		t.notify("info", "customer", textCustomerGone())
		return t.dropCustomer(Command{})
	}
	if err != nil {
		return err
	}
	held, err := t.held(c.No)
	if err != nil {
		return err
	}
	s.customer, s.held = &c, held
	return t.reckon()
}

func (t *Till) redeem(c Command) error {
	s := &t.desk.sale
	if s.customer == nil {
		return refuse(textNobody(), nil)
	}
	if c.Points != 0 {
		if doubt := t.doubt(); doubt != nil {
			return refuse(*doubt, nil)
		}
	}
	if c.Points < loyalty.RedeemAll {
		return refuse(textAmount(), nil)
	}
	before := s.wish
	s.wish = c.Points
	if err := t.reckon(); err != nil {
		s.wish = before
		return errors.Join(err, t.reckon())
	}
	if c.Points > s.quote.Redeemed && len(s.stopping()) == 0 { // what waits for a manager is still wished for
		s.wish = s.quote.Redeemed
		t.notify("info", "redeem", textRedeemLess(s.quote.Redeemed))
	}
	return nil
}
