package loyalty

import (
	"fmt"
	"slices"

	"github.com/kopilka/kopilka/ledger/sale"
)

// gifts lets points pay for the goods that the cashier took from the list of gifts: their points price,
// and a discount of the rest, down to the line's floor. They earn nothing and no promotion sees them.
func (r *reckoning) gifts() error {
	for i := range r.lines {
		p := &r.lines[i]
		if !p.line.Gift {
			continue
		}
		if err := r.gift(p); err != nil {
			return fmt.Errorf("line %d, %s: %w", i+1, p.line.Product.Name, err)
		}
	}
	return nil
}

func (r *reckoning) gift(p *position) error {
	g, err := r.giftOf(p)
	if err != nil {
		return err
	}
	room := p.gross - p.keep
	pay := min(g.Points*sale.Points(p.pieces()), room.AsPoints())
	switch {
	case !p.may(sale.NoRedeem):
		return giftRefused("points may not pay for this product", "за этот товар нельзя платить баллами")
	case !p.may(sale.NoDiscount) && pay < room.AsPoints():
		return giftRefused("this product takes no discount", "на этот товар скидка не действует")
	case pay > r.spendable:
		return giftRefused(fmt.Sprintf("it costs %s points, %s can be spent here now", pay, r.spendable),
			fmt.Sprintf("нужно баллов: %s, сейчас можно потратить: %s", pay, r.spendable))
	}
	r.spendable -= pay
	p.redeemed, p.off, p.gift = pay.Worth(), room-pay.Worth(), true
	r.note(p, RuleGiftPoints, int64(pay), "price="+g.Points.String())
	if p.off > 0 {
		r.note(p, RuleGiftOff, int64(p.off), "")
		r.because(sale.Reason{Rule: RuleGiftOff, Amount: int64(p.off)})
	}
	r.because(sale.Reason{Rule: RuleGiftPoints, Amount: int64(pay), Detail: "price=" + g.Points.String()})
	return nil
}

// giftOf finds the cheapest entry of the list that holds for this buyer now.
func (r *reckoning) giftOf(p *position) (*Gift, error) {
	switch {
	case r.programme == nil:
		return nil, giftRefused("no loyalty programme is in force", "программа лояльности не действует")
	case r.buyer == nil:
		return nil, giftRefused("no customer is named who could pay with points", "не назван покупатель, который мог бы платить баллами")
	case r.buyer.NoRedeem != "":
		return nil, giftRefused("points cannot be spent on this receipt, rule "+r.buyer.NoRedeem, "в этом чеке баллы не списываются, правило "+r.buyer.NoRedeem)
	case p.line.Qty%sale.Piece != 0:
		return nil, giftRefused("gifts are counted in whole pieces", "подарки отпускаются целыми штуками")
	}
	var best *Gift
	for _, g := range r.engine.gifts[p.line.Product.SKU] {
		if !g.When.holds(r.now) || (len(g.Tiers) > 0 && !slices.Contains(g.Tiers, r.tier.No)) {
			continue
		}
		if best == nil || g.Points < best.Points {
			best = g
		}
	}
	if best == nil {
		return nil, giftRefused("it is not on the list of goods for points today for this customer", "товара нет в списке подарков для этого покупателя сегодня")
	}
	return best, nil
}

func giftRefused(en, ru string) error {
	return fmt.Errorf("cannot be given for points: %s / нельзя отдать за баллы: %s", en, ru)
}
