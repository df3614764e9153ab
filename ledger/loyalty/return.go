package loyalty

import (
	"errors"
	"fmt"

	"github.com/kopilka/kopilka/ledger/sale"
)

// Returned is a quantity of one sold line that came back; Line is an index into the sale's lines.
type Returned struct {
	Line int
	Qty  sale.Qty
}

// ErrReturn is wrapped by every refusal of a return.
var ErrReturn = errors.New("return")

// Refund reckons a return of `now` after earlier returns of `before`. Every figure is the share of all
// that has come back so far less the share of what came back before, never a share of this return
// alone: so any split of a return ends where one whole return ends, and nobody gains points by
// returning a purchase piece by piece. Money comes back at the prices of the receipt, part by part in
// their order; what was earned into and paid from other purses, and the cashier's reward, by the same
// rule. Only Lines, Total, Restored, Clawed and Reward are filled in; lines follow the sale's order, one
// for each line that came back.
func Refund(s *sale.Sale, before, now []Returned) (*sale.Return, error) {
	left := make([]sale.Qty, len(s.Lines))
	for i := range s.Lines {
		left[i] = s.Lines[i].Qty
	}
	earlier, err := tally(s, left, before)
	if err != nil {
		return nil, fmt.Errorf("%w: earlier returns: %w", ErrReturn, err)
	}
	if len(now) == 0 {
		return nil, fmt.Errorf("%w: nothing to return / нечего возвращать", ErrReturn)
	}
	wanted, err := tally(s, left, now)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrReturn, err)
	}
	r := new(sale.Return)
	var moneyBefore sale.Money
	for i := range s.Lines {
		money, err := moneyAlong(s.Lines[i].Parts, earlier[i])
		if err != nil {
			return nil, fmt.Errorf("%w: line %d: %w", ErrReturn, i+1, err)
		}
		moneyBefore += money
		if wanted[i] == 0 {
			continue
		}
		line, err := refundLine(&s.Lines[i], earlier[i], wanted[i])
		if err != nil {
			return nil, fmt.Errorf("%w: line %d: %w", ErrReturn, i+1, err)
		}
		line.Line = i
		r.Lines = append(r.Lines, line)
		r.Total, r.Restored, r.Clawed = r.Total+line.Net, r.Restored+line.Restored, r.Clawed+line.Clawed
	}
	r.Reward = rewardBack(s, moneyBefore+r.Total) - rewardBack(s, moneyBefore)
	return r, nil
}

// rewardBack is what the cashier's reward loses when so much of the money has come back.
func rewardBack(s *sale.Sale, money sale.Money) sale.Points {
	if s.Reward <= 0 || s.Total <= 0 {
		return 0
	}
	return s.Reward - s.Reward.Worth().Share(int64(s.Total-money), int64(s.Total)).AsPoints()
}

// tally adds quantities up by line and takes them from what is left to return.
func tally(s *sale.Sale, left []sale.Qty, list []Returned) ([]sale.Qty, error) {
	taken := make([]sale.Qty, len(s.Lines))
	for _, r := range list {
		if r.Line < 0 || r.Line >= len(s.Lines) {
			return nil, fmt.Errorf("line %d is not on the receipt of %d lines / такой строки нет в чеке", r.Line+1, len(s.Lines))
		}
		if err := checkReturned(&s.Lines[r.Line], r.Qty, left[r.Line]); err != nil {
			return nil, fmt.Errorf("line %d: %w", r.Line+1, err)
		}
		left[r.Line] -= r.Qty
		taken[r.Line] += r.Qty
	}
	return taken, nil
}

func checkReturned(l *sale.SoldLine, qty, left sale.Qty) error {
	switch {
	case qty <= 0:
		return fmt.Errorf("quantity %s, want more than zero / количество должно быть больше нуля", qty)
	case qty%sale.Piece != 0 && !l.Traits.Has(sale.Weighed):
		return fmt.Errorf("quantity %s of goods sold by the piece / штучный товар возвращают целыми штуками", qty)
	case qty > left:
		return fmt.Errorf("quantity %s, only %s left to return / осталось вернуть %s", qty, left, left)
	}
	return nil
}

func refundLine(l *sale.SoldLine, before, now sale.Qty) (sale.ReturnedLine, error) {
	old, err := returnedSoFar(l, before)
	if err != nil {
		return sale.ReturnedLine{}, err
	}
	all, err := returnedSoFar(l, before+now)
	if err != nil {
		return sale.ReturnedLine{}, err
	}
	net := all.net - old.net
	parts, err := representReturned(l.Parts, before, now, net)
	if err != nil {
		return sale.ReturnedLine{}, err
	}
	shelf, err := shelfBack(l, before, now, net)
	if err != nil {
		return sale.ReturnedLine{}, err
	}
	return sale.ReturnedLine{
		SKU: l.SKU, Name: l.Name, Code: l.Code, Qty: now, Net: net, Parts: parts,
		Restored: all.restored - old.restored, Clawed: all.clawed - old.clawed,
		Extra: purseShares(l.Extra, func(a sale.Points) sale.Points { return lost(a, l.Qty, before+now) - lost(a, l.Qty, before) }),
		Paid:  purseShares(l.Paid, func(a sale.Points) sale.Points { return given(a, l.Qty, before+now) - given(a, l.Qty, before) }),
		VAT:   l.VAT, Subject: l.Subject, Unit: l.Unit, Shelf: shelf,
	}, nil
}

// shelfBack is what the fiscal return says of a line that points paid as counter-provision: the prices of its
// receipt, and beside the money the share of what the points paid.
func shelfBack(l *sale.SoldLine, before, now sale.Qty, net sale.Money) ([]sale.Part, error) {
	if l.Shelf == nil {
		return nil, nil
	}
	old, err := counterAlong(l, before)
	if err != nil {
		return nil, err
	}
	all, err := counterAlong(l, before+now)
	if err != nil {
		return nil, err
	}
	if all <= old {
		return nil, nil
	}
	return representReturned(l.Shelf, before, now, net+all-old)
}

// counterAlong is what points paid of the first qty of a line, and never falls as qty grows. By the piece it is
// the printed price less the money, piece by piece: both rise by a kopeck at most along a line, in the same
// order ([Represent]). Of a weight both are rounded, and their difference could fall by a kopeck: it is shared
// in proportion instead, rounded down.
func counterAlong(l *sale.SoldLine, qty sale.Qty) (sale.Money, error) {
	if qty%sale.Piece != 0 || l.Qty%sale.Piece != 0 || l.Traits.Has(sale.Weighed) {
		return l.Counter().Share(int64(qty), int64(l.Qty)), nil
	}
	shelf, err := moneyAlong(l.Shelf, qty)
	if err != nil {
		return 0, err
	}
	money, err := moneyAlong(l.Parts, qty)
	return shelf - money, err
}

// soFar is what a line's returns come to together.
type soFar struct {
	net              sale.Money
	restored, clawed sale.Points
}

func returnedSoFar(l *sale.SoldLine, qty sale.Qty) (soFar, error) {
	net, err := moneyAlong(l.Parts, qty)
	if err != nil {
		return soFar{}, err
	}
	return soFar{net: net, restored: given(l.Redeemed, l.Qty, qty), clawed: lost(l.Earned, l.Qty, qty)}, nil
}

// given is the share of what was paid that goes back with so much of a line, rounded down.
func given(paid sale.Points, of, back sale.Qty) sale.Points {
	return paid.Worth().Share(int64(back), int64(of)).AsPoints()
}

// lost is what was earned less the share that stays with what is kept, rounded down.
func lost(earned sale.Points, of, back sale.Qty) sale.Points {
	return earned - earned.Worth().Share(int64(of-back), int64(of)).AsPoints()
}

func purseShares(list []sale.PurseAmount, share func(sale.Points) sale.Points) (shares []sale.PurseAmount) {
	for _, a := range list {
		if part := share(a.Amount); part != 0 {
			shares = append(shares, sale.PurseAmount{Purse: a.Purse, Amount: part})
		}
	}
	return shares
}

// representReturned keeps the prices that stand on the receipt wherever they give the sum, so that the
// buyer and the tax service see the same price come back. The cumulative sum of a weight returned bit
// by bit may differ from them by a kopeck.
func representReturned(parts []sale.Part, before, now sale.Qty, net sale.Money) ([]sale.Part, error) {
	var own []sale.Part
	var sum sale.Money
	var from sale.Qty
	for _, p := range parts {
		to := from + p.Qty
		if qty := min(to, before+now) - max(from, before); qty > 0 {
			some, err := p.Price.Times(qty)
			if err != nil {
				return nil, err
			}
			own, sum = append(own, sale.Part{Qty: qty, Price: p.Price, Sum: some}), sum+some
		}
		from = to
	}
	if sum == net {
		return own, nil
	}
	return Represent(now, net)
}

// moneyAlong is what the first qty of a line cost, walking its parts.
func moneyAlong(parts []sale.Part, qty sale.Qty) (sale.Money, error) {
	var sum sale.Money
	for _, p := range parts {
		if qty >= p.Qty {
			sum, qty = sum+p.Sum, qty-p.Qty
			continue
		}
		some, err := p.Price.Times(qty)
		return sum + some, err
	}
	if qty != 0 {
		return 0, fmt.Errorf("the receipt's parts lack %s of the quantity sold", qty)
	}
	return sum, nil
}
