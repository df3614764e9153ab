package agent

import (
	"errors"
	"slices"

	"github.com/kopilka/kopilka/ledger/loyalty"
	"github.com/kopilka/kopilka/ledger/sale"
)

// gift puts one piece of goods for points into the basket.
func (t *Till) gift(c Command) error {
	s := &t.desk.sale
	if s.customer == nil {
		return refuse(textNobody(), nil)
	}
	if doubt := t.doubt(); doubt != nil {
		return refuse(*doubt, nil)
	}
	at := slices.IndexFunc(t.rulebook().gifts, func(g giftGoods) bool { return g.rule.SKU == c.SKU })
	if at < 0 || !t.mayHave(t.rulebook().gifts[at].rule) {
		return refuse(textNoGift(), nil)
	}
	g := t.rulebook().gifts[at]
	if need := t.giftPoints() + g.rule.Points; t.spendable(0) < need {
		return refuse(textGiftPoints(need, t.spendable(0)), nil)
	}
	if g.product.Traits.Has(sale.Marked) {
		return refuse(textMarkGift(), nil)
	}
	return t.add(sale.Line{Product: g.product, Qty: sale.Piece, Gift: true})
}

// mayHave tells whether a gift is to be had by the named customer just now.
func (t *Till) mayHave(g loyalty.Gift) bool {
	c := t.desk.sale.customer
	return c != nil && earns(c.State) && g.When.Holds(t.now(), t.shop.zone) && (len(g.Tiers) == 0 || slices.Contains(g.Tiers, c.Tier))
}

// giftPoints is what the gifts in the basket cost.
func (t *Till) giftPoints() (sum sale.Points) {
	for _, l := range t.desk.sale.basket.Lines {
		if !l.Gift {
			continue
		}
		for _, g := range t.rulebook().gifts {
			if g.rule.SKU == l.Product.SKU {
				sum += g.rule.Points * sale.Points(l.Qty/sale.Piece)
			}
		}
	}
	return sum
}

// dropGifts takes the gifts out with the customer whose points were to pay for them.
func (s *open) dropGifts() {
	s.basket.Lines = slices.DeleteFunc(slices.Clone(s.basket.Lines), func(l sale.Line) bool { return l.Gift })
}

// giftPieces counts the gifts in a basket.
func giftPieces(b sale.Basket) (n sale.Qty) {
	for _, l := range b.Lines {
		if l.Gift {
			n += l.Qty
		}
	}
	return n
}

func (t *Till) giftViews() (out []GiftView) {
	s := &t.desk.sale
	if s.customer == nil {
		return nil
	}
	left := t.spendable(0) - t.giftPoints()
	for _, g := range t.rulebook().gifts {
		if t.mayHave(g.rule) {
			out = append(out, GiftView{SKU: g.rule.SKU, Name: g.product.Name, Points: g.rule.Points, Enough: g.rule.Points <= left})
		}
	}
	return out
}

// purse asks for a partner's points to pay.
func (t *Till) purse(c Command) error {
	s := &t.desk.sale
	if s.customer == nil {
		return refuse(textNobody(), nil)
	}
	if doubt := t.doubt(); doubt != nil && c.Points != 0 {
		return refuse(*doubt, nil)
	}
	if c.Points < loyalty.RedeemAll {
		return refuse(textAmount(), nil)
	}
	if at := t.rulebook().purse(c.Purse); at == nil || at.Kind != loyalty.PursePartner {
		return refuse(textNoPurse(), nil)
	}
	wanted := c.Points
	if wanted == loyalty.RedeemAll {
		wanted = t.spendable(c.Purse)
	}
	before := s.wishes
	s.wishes = withWish(before, c.Purse, wanted)
	if err := t.reckon(); err != nil {
		s.wishes = before
		return errors.Join(err, t.reckon())
	}
	if paid := amountIn(s.quote.Paid, c.Purse); paid < wanted && len(s.stopping()) == 0 {
		s.wishes = withWish(s.wishes, c.Purse, paid)
		if c.Points != loyalty.RedeemAll {
			t.notify("info", "redeem", textRedeemLess(paid))
		}
	}
	return nil
}

// withWish is a copy of the wishes with one purse's changed; zero takes it off.
func withWish(wishes []sale.PurseAmount, purse sale.PurseNo, amount sale.Points) []sale.PurseAmount {
	out := slices.DeleteFunc(slices.Clone(wishes), func(w sale.PurseAmount) bool { return w.Purse == purse })
	if amount > 0 {
		out = append(out, sale.PurseAmount{Purse: purse, Amount: amount})
	}
	return out
}

func amountIn(amounts []sale.PurseAmount, purse sale.PurseNo) (sum sale.Points) {
	for _, a := range amounts {
		if a.Purse == purse {
			sum += a.Amount
		}
	}
	return sum
}

func (t *Till) purseViews() (out []PurseView) {
	s := &t.desk.sale
	if s.customer == nil {
		return nil
	}
	for _, p := range t.rulebook().purses() {
		v := t.newPurseView(p, *s.customer)
		v.Payable, v.Paid = amountIn(s.quote.Payable, p.No), amountIn(s.quote.Paid, p.No)
		out = append(out, v)
	}
	return out
}

func (t *Till) newPurseView(p loyalty.Purse, c sale.Customer) PurseView {
	v := PurseView{Purse: p.No, Name: Text{RU: p.RU, EN: p.EN}, Kind: purseKinds[p.Kind], Balance: amountIn(c.Purses, p.No)}
	if p.Kind == loyalty.PurseStamps {
		v.Of = t.rulebook().stampsFor(p.No)
	}
	v.Text = t.purseText(p, v)
	return v
}

// purseKinds are the stable words of the page.
var purseKinds = map[loyalty.PurseKind]string{loyalty.PurseStamps: "stamps", loyalty.PurseTickets: "tickets", loyalty.PursePartner: "partner"}

func (t *Till) purseText(p loyalty.Purse, v PurseView) Text {
	switch p.Kind {
	case loyalty.PurseStamps:
		return textStamps(v.Balance, v.Of)
	case loyalty.PurseTickets:
		return textTickets(v.Balance)
	}
	return textPartner(v.Balance, t.spendable(p.No))
}
