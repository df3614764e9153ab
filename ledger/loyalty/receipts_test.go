package loyalty

import (
	"errors"
	"flag"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kopilka/kopilka/ledger/sale"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// receiptsPerCheck times rapid's checks makes a hundred thousand receipts in a normal run, beside those
// whose gift is refused.
const receiptsPerCheck = 60

// A hundred thousand random receipts under random programmes: every figure is the exact sum of its lines,
// every line can stand on a fiscal receipt, floors hold, nothing is negative, tobacco is untouched,
// nothing is spent that the customer has not, and the reasons add up to the figures.
func TestReceiptsHold(t *testing.T) {
	reckoned, refused := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		d := diceOf(rapid.Uint64().Draw(t, "seed"))
		p := d.programme()
		e, err := Compile(p)
		require.NoError(t, err)
		for n := range receiptsPerCheck {
			req := d.request()
			q, err := e.Quote(req)
			if err != nil {
				require.ErrorContains(t, err, "cannot be given for points", "receipt %d", n)
				refused++
				continue
			}
			reckoned++
			require.NoError(t, broken(p, req, q), "receipt %d", n)
		}
	})
	t.Logf("%d receipts reckoned, %d refused", reckoned, refused)
	require.Greater(t, reckoned, refused*5)
	if flag.Lookup("rapid.checks").Value.String() == rapidChecks && !testing.Short() {
		require.GreaterOrEqual(t, reckoned, 100_000)
	}
}

// broken names the first thing that does not hold of a quote.
func broken(p *Programme, req Request, q Quote) error {
	if err := recordOf(saleOf(q), nil).Validate(); err != nil {
		return err
	}
	paid := map[sale.PurseNo]sale.Points{}
	var giftPoints sale.Points
	for i := range q.Lines {
		l := &q.Lines[i]
		if err := brokenLine(p, &req.Lines[i], l, sale.DateOf(req.At, time.UTC)); err != nil {
			return fmt.Errorf("line %d: %w: %+v", i, err, *l)
		}
		for _, a := range l.Paid {
			paid[a.Purse] += a.Amount
		}
		if req.Lines[i].Gift {
			giftPoints += l.Redeemed
		}
	}
	return errors.Join(brokenSpending(p, req, q, paid, giftPoints), brokenReasons(q), brokenPromotions(p, req, q))
}

func brokenLine(p *Programme, asked *sale.Line, l *sale.SoldLine, day sale.Date) error {
	gross, err := asked.Gross()
	if err != nil || gross != l.Gross {
		return fmt.Errorf("gross %s, want %s, %w", l.Gross, gross, err)
	}
	floor := asked.Product.Floor(day)
	minimum, err := floor.Times(l.Qty)
	if err != nil || l.Net < min(gross, max(minimum, p.LineFloor)) {
		return fmt.Errorf("below the floor %s, %w", minimum, err)
	}
	for _, part := range l.Parts {
		if l.Net < gross && (part.Price < floor || part.Price > asked.Product.Price || (p.LineFloor > 0 && part.Price == 0)) {
			return fmt.Errorf("a part at %s", part.Price)
		}
	}
	none := func(amounts ...int64) bool {
		return !slices.ContainsFunc(amounts, func(a int64) bool { return a != 0 })
	}
	switch {
	case l.Traits.Has(sale.NoStimulus) && !none(int64(gross-l.Net), int64(l.Earned), int64(len(l.Extra)), int64(len(l.Paid))):
		return errors.New("tobacco was touched")
	case l.Traits.Has(sale.NoDiscount) && l.Discount != 0, l.Traits.Has(sale.NoRedeem) && l.Redeemed != 0:
		return errors.New("a cut that the product refuses")
	case l.Traits.Has(sale.NoEarn) && !none(int64(l.Earned), int64(len(l.Extra))):
		return errors.New("earned on goods that earn nothing")
	case asked.Gift && !none(int64(l.Earned), int64(len(l.Extra)), int64(len(l.Paid))):
		return errors.New("a gift earned")
	}
	var partners sale.Money
	for _, a := range append(slices.Clone(l.Extra), l.Paid...) {
		if a.Amount <= 0 {
			return errors.New("an amount of nothing")
		}
	}
	for _, a := range l.Paid {
		if a.Purse >= 3 {
			partners += a.Amount.Worth()
		}
	}
	if partners > l.Discount {
		return errors.New("partners paid more than the discount")
	}
	return nil
}

func brokenSpending(p *Programme, req Request, q Quote, paid map[sale.PurseNo]sale.Points, gifts sale.Points) error {
	b := req.Buyer
	if b == nil || b.State == sale.CustomerBlocked || b.State == sale.CustomerHouse {
		if q.Redeemed+q.Earned+q.Redeemable != 0 || len(paid)+len(EarnedInto(0, q.Lines)) != 0 {
			return errors.New("given to nobody")
		}
		return nil
	}
	if b.NoRedeem != "" && (q.Redeemed != 0 || len(paid) != 0) {
		return errors.New("spent in spite of a rule")
	}
	goods := q.Redeemed - gifts
	if q.Redeemed > b.Spendable || goods > q.Redeemable || goods%p.RedeemStep != 0 || q.Redeemable%p.RedeemStep != 0 || q.Earned%p.EarnStep != 0 {
		return fmt.Errorf("redeemed %s (%s gifts) of %s, most %s, earned %s", q.Redeemed, gifts, b.Spendable, q.Redeemable, q.Earned)
	}
	if req.Redeem >= 0 && goods > req.Redeem {
		return errors.New("more redeemed than wanted")
	}
	for purse, amount := range paid {
		if amount > purseOf(b.Purses, purse) || amount != purseOf(q.Paid, purse) || (purse >= 3 && amount > purseOf(q.Payable, purse)) {
			return fmt.Errorf("purse %d paid %s of %s", purse, amount, purseOf(b.Purses, purse))
		}
	}
	if own := b.Staff == req.Cashier; own == (q.Reward != 0) && q.Total.Percent(p.Cashier.Rate) > 0 {
		return fmt.Errorf("reward %s", q.Reward)
	}
	return nil
}

// brokenReasons adds the reasons up to the receipt's figures, and a line's to its discount.
func brokenReasons(q Quote) error {
	off := []string{RuleTierDiscount, RulePromoPercent, RulePromoAmount, RulePromoGift, RulePromoNth, RulePromoStamps, RuleGiftOff, RulePursePaid}
	earn := []string{RuleTierEarn, RuleEarnTimes, RuleEarnExtra, RuleEarnPoints}
	var discount, earned, moved int64
	all := slices.Clone(q.Reasons)
	for _, r := range q.Reasons {
		switch {
		case slices.Contains(off, r.Rule):
			discount += r.Amount
		case slices.Contains(earn, r.Rule):
			earned += r.Amount
		case r.Rule == RuleRoundEarn:
			earned -= r.Amount
		}
	}
	for _, l := range q.Lines {
		all = append(all, l.Reasons...)
		for _, r := range l.Reasons {
			if r.Rule == RuleRoundMove {
				moved += r.Amount
			}
		}
	}
	if discount != int64(q.Discount) || earned != int64(q.Earned) || moved != 0 {
		return fmt.Errorf("the reasons say %d off, %d earned, %d moved of %d off, %d earned", discount, earned, moved, q.Discount, q.Earned)
	}
	for _, r := range all {
		if strings.Contains(ReasonText(r, "ru")+ReasonText(r, "en"), "{") {
			return fmt.Errorf("%q", ReasonText(r, "ru"))
		}
	}
	return nil
}

func brokenPromotions(p *Programme, req Request, q Quote) error {
	groups, seen := map[string]uint32{}, map[uint32]bool{}
	for _, a := range q.Applied {
		at := slices.IndexFunc(p.Promotions, func(o Promotion) bool { return o.ID == a.Promotion })
		o := p.Promotions[at]
		if seen[o.ID] || a.Times == 0 || a.Discount < 0 {
			return fmt.Errorf("applied %+v", a)
		}
		if seen[o.ID] = true; o.Group != "" && groups[o.Group] != 0 {
			return fmt.Errorf("promotions %d and %d of group %s", groups[o.Group], o.ID, o.Group)
		}
		groups[o.Group] = o.ID
		if o.PerCustomer > 0 && usesOf(req.Buyer.Uses, o.ID)+a.Times > o.PerCustomer {
			return fmt.Errorf("promotion %d had %d times more", o.ID, a.Times)
		}
		if o.Campaign != 0 && !slices.ContainsFunc(q.Codes, func(c sale.CodeUse) bool { return c.Campaign == o.Campaign }) {
			return fmt.Errorf("promotion %d without a code", o.ID)
		}
	}
	for i, c := range q.Codes {
		if slices.ContainsFunc(q.Codes[:i], func(other sale.CodeUse) bool { return other.Campaign == c.Campaign }) {
			return fmt.Errorf("campaign %d twice", c.Campaign)
		}
	}
	return nil
}

// The same request gives the same quote, from an engine of its own too, and nothing that came in changes.
func TestReceiptsAreReckonedAlikeAndLeaveInputsAlone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := diceOf(rapid.Uint64().Draw(t, "seed"))
		p, req := d.programme(), d.request()
		before := fmt.Sprintf("%+v", req.Lines) + fmt.Sprintf("%+v %+v %+v", req.Buyer, req.Claims, req.Wishes)
		coded, err := p.Encode()
		require.NoError(t, err)
		q, err := p.Quote(req)
		decoded, derr := Decode(coded)
		require.NoError(t, derr)
		again, err2 := decoded.Quote(req)
		require.Equal(t, err, err2)
		require.Equal(t, q, again)
		after, err := p.Encode()
		require.NoError(t, err)
		require.Equal(t, coded, after)
		require.Equal(t, before, fmt.Sprintf("%+v", req.Lines)+fmt.Sprintf("%+v %+v %+v", req.Buyer, req.Claims, req.Wishes))
	})
}
