package agent

import (
	"errors"
	"io"
	"slices"
	"strings"

	"github.com/kopilka/kopilka/ledger"
	"github.com/kopilka/kopilka/ledger/loyalty"
	"github.com/kopilka/kopilka/ledger/sale"
)

// Limits of what a cashier types of a customer.
const (
	personNameMax  = 60 // letters; longer is a paste of something else
	cardDigitsMin  = 4  // shorter numbers are typed by accident
	cardBytesMax   = 64
	friendBytesMax = 40
)

// enrol takes a customer in, from this till's disk alone: head office hears of it with the next records.
// The person is sealed to head office; this till keeps look-up keys and a short name.
func (t *Till) enrol(c Command) error {
	if !t.desk.compared {
		// A disk restored from an image would give the new customer a number that another has already.
		return refuse(textEnrolUncompared(), nil)
	}
	who, err := t.applicant(c)
	if err != nil {
		return err
	}
	if err := t.notYetEnrolled(who); err != nil {
		return err
	}
	sealed, err := t.sealPerson(&who)
	if err != nil {
		return err
	}
	commit, err := who.person.Commit()
	if err != nil {
		return err
	}
	_, found, err := t.ledger.EnrolCustomer(ledger.NewEnrolment{
		Staff: t.desk.cashier.No, Name: sale.ShortName(who.person.Name), Keys: who.keys, Person: commit, Sealed: sealed, Consents: who.consents, Code: who.code,
	})
	if err != nil {
		return err
	}
	t.log.Info("enrolled", "customer", found.No, "staff", t.desk.cashier.No)
	if t.desk.stage == StageDone {
		t.next()
	}
	t.notify("info", "enrol", textEnrolled(found.Name, t.welcome()))
	return t.setCustomer(found, who.by())
}

// applicant is whoever is to be enrolled, with everything that is said of them checked.
type applicant struct {
	person   sale.Person
	keys     []sale.CustomerKey
	consents []sale.Consent
	code     *sale.CodeUse
}

func (a applicant) by() sale.FoundBy {
	if a.person.Phone != "" {
		return sale.FoundPhone
	}
	return sale.FoundTyped
}

func (t *Till) applicant(c Command) (a applicant, err error) {
	rules := t.enrolment()
	switch {
	case rules == nil:
		return a, refuse(textEnrolClosed(), nil)
	case t.seal == nil:
		return a, refuse(textEnrolSeal(), nil)
	}
	if a.person.Name, err = personName(c.Name); err != nil {
		return a, err
	}
	if err := t.contacts(c, &a); err != nil {
		return a, err
	}
	if a.consents, err = consents(rules.Consents, c.Consents); err != nil {
		return a, err
	}
	return a, t.broughtBy(c.Code, &a)
}

// enrolment is how customers are taken in just now; nil: they are not.
func (t *Till) enrolment() *loyalty.Enrolment {
	p := t.programme()
	if p == nil || p.Enrolment.Closed {
		return nil
	}
	return &p.Enrolment
}

func personName(typed string) (string, error) {
	name := strings.Join(strings.Fields(toValid(typed)), " ")
	if len([]rune(name)) > personNameMax || strings.ContainsAny(name, "0123456789@<>") {
		return "", refuse(textPersonName(), nil)
	}
	return name, nil
}

// contacts are the ways to find the customer again: a phone, a card, or both.
func (t *Till) contacts(c Command, a *applicant) error {
	s := t.shop.settings
	if c.Phone != "" {
		phone, err := sale.ParsePhone(c.Phone)
		if err != nil {
			return refuse(textPhone(), err)
		}
		a.person.Phone = phone
		a.keys = append(a.keys, sale.CustomerKey{Kind: sale.KeyPhone, Key: s.Phones.Key(phone)})
	}
	if card := strings.TrimSpace(c.Card); card != "" {
		if err := t.checkCard(card); err != nil {
			return err
		}
		a.person.Card = card
		a.keys = append(a.keys, sale.CustomerKey{Kind: sale.KeyCard, Key: sale.CardKey(s.CardSecret, card)})
	}
	if len(a.keys) == 0 {
		return refuse(textEnrolContact(), nil)
	}
	return nil
}

// checkCard refuses what a scanner reads beside cards: goods, receipts.
func (t *Till) checkCard(card string) error {
	if len(card) < cardDigitsMin || len(card) > cardBytesMax || strings.ContainsAny(card, " \t=&") {
		return refuse(textCardNumber(), nil)
	}
	_, err := t.readProduct(sale.Code{Text: card})
	switch {
	case err == nil:
		return refuse(textCardIsGoods(), nil)
	case !errors.Is(err, ledger.ErrNotFound):
		return err
	}
	return nil
}

// consents holds what the customer said against the texts that are to be shown today. A text without an
// answer is a no; a required one must be a yes, to the very version that is in force.
func consents(texts []loyalty.ConsentText, given []sale.Consent) ([]sale.Consent, error) {
	out := make([]sale.Consent, 0, len(texts))
	for _, x := range texts {
		said := sale.Consent{Kind: x.Kind, Version: x.Version}
		if i := slices.IndexFunc(given, func(g sale.Consent) bool { return g.Kind == x.Kind }); i >= 0 {
			if given[i].Version != x.Version {
				return nil, refuse(textConsentChanged(), nil)
			}
			said.Given = given[i].Given
		}
		if x.Required && !said.Given {
			return nil, refuse(textConsentNeeded(x.Kind), nil)
		}
		out = append(out, said)
	}
	for _, g := range given {
		if !slices.ContainsFunc(texts, func(x loyalty.ConsentText) bool { return x.Kind == g.Kind }) {
			return nil, refuse(textConsentChanged(), nil)
		}
	}
	return out, nil
}

// broughtBy reads the code of whoever brought the customer. A campaign's goes into the record; any other
// is a friend's, which only head office can tell, so it travels sealed.
func (t *Till) broughtBy(code string, a *applicant) error {
	code = strings.TrimSpace(code)
	switch {
	case code == "":
		return nil
	case len(code) > friendBytesMax:
		return refuse(textFriendCode(), nil)
	}
	if shown, err := t.findCode(code); err == nil && !shown.single {
		a.code = &sale.CodeUse{Campaign: shown.claim.Campaign, Key: shown.claim.Key}
		return nil
	}
	a.person.Friend = toValid(code)
	return nil
}

func (t *Till) notYetEnrolled(a applicant) error {
	for _, k := range a.keys {
		_, err := t.ledger.FindCustomer(k)
		switch {
		case err == nil:
			return refuse(textEnrolledAlready(k.Kind == sale.KeyPhone), nil)
		case !errors.Is(err, ledger.ErrNotFound):
			return err
		}
	}
	return nil
}

func (t *Till) sealPerson(a *applicant) ([]byte, error) {
	if _, err := io.ReadFull(t.random, a.person.Salt[:]); err != nil {
		return nil, refuse(textInternal(), err)
	}
	plain, err := sale.Encode(a.person)
	if err != nil {
		return nil, err
	}
	return t.seal(plain)
}

// welcome is the points that head office gives to who has just been enrolled.
func (t *Till) welcome() sale.Points {
	if p := t.programme(); p != nil && p.Policy != loyalty.PolicyDiscount {
		return p.Grants.Welcome
	}
	return 0
}
