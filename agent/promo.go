package agent

import (
	"errors"
	"slices"
	"strings"

	"github.com/kopilka/kopilka/ledger"
	"github.com/kopilka/kopilka/ledger/loyalty"
	"github.com/kopilka/kopilka/ledger/sale"
)

// Limits of promo codes.
const (
	codesMax      = 10 // on one receipt
	promoBytesMax = 64 // of one code as typed
)

// shownCode is a promo code that was shown for this receipt and found to be genuine.
type shownCode struct {
	text     string
	claim    loyalty.Claim
	campaign *loyalty.Campaign
	single   bool // works once
}

// promoCode takes a typed promo code; a scanned one comes here when it is neither goods nor a card.
func (t *Till) promoCode(c Command) error {
	shown, err := t.findCode(c.Code)
	if err != nil {
		return err
	}
	if t.desk.stage == StageDone {
		t.next()
	}
	return t.showCode(shown)
}

// findCode finds out what a promo code is: a text that the programme names, or one of the single codes
// whose keys this till holds.
func (t *Till) findCode(typed string) (shownCode, error) {
	text := strings.ToUpper(strings.TrimSpace(toValid(typed)))
	normal := sale.NormalCode(text)
	if normal == "" || len(normal) > promoBytesMax {
		return shownCode{}, refuse(textPromoUnknown(typed), errUnknownCode)
	}
	rules := t.rulebook()
	shown := shownCode{text: text, claim: loyalty.Claim{Key: sale.CodeKey(t.shop.settings.CardSecret, normal)}}
	if campaign := rules.generic[normal]; campaign != nil {
		shown.campaign = campaign
	} else if err := t.singleCode(&shown); err != nil {
		return shownCode{}, err
	}
	shown.claim.Campaign = shown.campaign.ID
	return shown, t.inTime(shown)
}

// singleCode looks for a code that works once. While the journal is in doubt nobody here knows whether it has.
func (t *Till) singleCode(shown *shownCode) error {
	campaign, owner, used, err := t.ledger.Code(shown.claim.Key)
	switch {
	case errors.Is(err, ledger.ErrNotFound):
		return refuse(textPromoUnknown(shown.text), errUnknownCode)
	case err != nil:
		return err
	case used:
		return refuse(textPromoUsed(shown.text), ledger.ErrCodeUsed)
	case t.journalDoubt() != nil:
		return refuse(textPromoDoubt(shown.text), nil)
	}
	shown.single, shown.claim.Owner = true, owner
	if shown.campaign = t.rulebook().campaign(campaign); shown.campaign == nil {
		return refuse(textPromoOver(shown.text), nil)
	}
	return nil
}

// refreshCodes takes single codes off the receipt that were used elsewhere since they were shown. While it is not known
// what became of a job, they may be its own.
func (t *Till) refreshCodes() error {
	s := &t.desk.sale
	if t.desk.unknown != nil {
		return nil
	}
	kept := make([]shownCode, 0, len(s.codes))
	for _, x := range s.codes {
		var err error
		if x.single {
			err = t.singleCode(&x)
		}
		var r *Refusal
		switch {
		case errors.As(err, &r):
			t.notify("warning", "code "+x.text, r.Text)
		case err != nil:
			return err
		default:
			kept = append(kept, x)
		}
	}
	s.codes = kept
	return nil
}

func (t *Till) inTime(shown shownCode) error {
	today := t.today()
	switch c := shown.campaign; {
	case c.From != 0 && today < c.From:
		return refuse(textPromoEarly(shown.text, c.From), nil)
	case c.Until != 0 && today > c.Until:
		return refuse(textPromoLate(shown.text, c.Until), nil)
	}
	return nil
}

func (t *Till) today() sale.Date { return sale.DateOf(t.now(), t.shop.zone) }

func (t *Till) showCode(shown shownCode) error {
	s := &t.desk.sale
	switch {
	case slices.ContainsFunc(s.codes, func(x shownCode) bool { return x.claim.Key == shown.claim.Key }):
		return refuse(textPromoTwice(shown.text), nil)
	case len(s.codes) >= codesMax:
		return refuse(textPromoTooMany(), nil)
	case shown.claim.Owner != 0 && s.customer != nil && !slices.Contains(accounts(*s.customer), shown.claim.Owner):
		return refuse(textPromoOfAnother(shown.text), nil)
	}
	before := s.codes
	s.codes = append(slices.Clone(before), shown)
	if err := t.reckon(); err != nil {
		s.codes = before
		return errors.Join(err, t.reckon())
	}
	return nil
}

func (t *Till) dropCode(c Command) error {
	s := &t.desk.sale
	normal := sale.NormalCode(c.Code)
	kept := slices.DeleteFunc(slices.Clone(s.codes), func(x shownCode) bool { return sale.NormalCode(x.text) == normal })
	if len(kept) == len(s.codes) {
		return refuse(textPromoNotHere(c.Code), nil)
	}
	s.codes = kept
	return t.reckon()
}

// claims are the codes as the rules take them. A personal code of an account that was merged into the
// buyer's is the buyer's.
func (s *open) claims(b *loyalty.Buyer) (out []loyalty.Claim) {
	for _, x := range s.codes {
		c := x.claim
		if b != nil && s.customer != nil && slices.Contains(accounts(*s.customer), c.Owner) {
			c.Owner = b.No
		}
		out = append(out, c)
	}
	return out
}

// attributions are the codes that say who brought the customer: the receipt names them though they give
// nothing.
func (s *open) attributions() (out []sale.CodeUse) {
	for _, x := range s.codes {
		if x.campaign.Kind == loyalty.CodeAttribution {
			out = append(out, sale.CodeUse{Campaign: x.claim.Campaign, Key: x.claim.Key})
		}
	}
	return out
}

func (t *Till) codeViews() (out []CodeView) {
	s := &t.desk.sale
	for _, x := range s.codes {
		v := CodeView{Code: x.text, Name: Text{RU: x.campaign.RU, EN: x.campaign.EN}}
		v.Gives = slices.ContainsFunc(s.quote.Codes, func(u sale.CodeUse) bool { return u.Key == x.claim.Key })
		if !v.Gives {
			text := s.whyNothing(x)
			if s.customer != nil && t.usedUp(x.campaign, s.customer.Uses) {
				text = textPromoSpent()
			}
			v.Text = &text
		}
		out = append(out, v)
	}
	return out
}

// whyNothing is why a code gives nothing on this receipt, as far as it is not the basket's doing.
func (s *open) whyNothing(x shownCode) Text {
	switch {
	case x.campaign.Kind == loyalty.CodeAttribution:
		return textPromoAttribution()
	case x.claim.Owner != 0 && s.customer == nil:
		return textPromoOwner()
	case x.claim.Owner != 0 && !slices.Contains(accounts(*s.customer), x.claim.Owner):
		return textPromoOfAnother(x.text)
	}
	return textPromoNothing()
}
