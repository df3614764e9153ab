package loyalty

import (
	"slices"
	"testing"

	"github.com/kopilka/kopilka/ledger/sale"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func percentOff(group string, priority int32, rate sale.BasisPoints) Promotion {
	return Promotion{Group: group, Priority: priority, Give: Give{Kind: GivePercentOff, Rate: rate}}
}

func appliedOf(q Quote) (ids []uint32) {
	for _, a := range q.Applied {
		ids = append(ids, a.Promotion)
	}
	return ids
}

func TestStacking(t *testing.T) {
	milkOff := Promotion{Group: "скидки", Goods: onlySKU("milk"), Give: Give{Kind: GiveAmountOff, Money: 3000}}
	for name, c := range map[string]struct {
		list []Promotion
		want []uint32
		rule sale.Reason
	}{
		"no group: all of them, one on what the other left": {
			[]Promotion{percentOff("", 0, 1000), percentOff("", 0, 1000)}, []uint32{1, 2}, sale.Reason{},
		},
		"one of a group alone": {
			[]Promotion{percentOff("а", 0, 1000)}, []uint32{1}, sale.Reason{},
		},
		"the better of two": { // 10 % of 144.40 is 14.44, milk takes 30.00
			[]Promotion{percentOff("скидки", 9, 1000), milkOff}, []uint32{2}, sale.Reason{Rule: RuleStackBest, Amount: 2, Detail: "promo=2"},
		},
		"equal: the higher priority": {
			[]Promotion{percentOff("а", 1, 1000), percentOff("а", 2, 1000)}, []uint32{2}, sale.Reason{Rule: RuleStackBest, Amount: 2, Detail: "promo=2"},
		},
		"equal and of one priority: the lower number": {
			[]Promotion{percentOff("а", 1, 1000), percentOff("а", 1, 1000)}, []uint32{1}, sale.Reason{Rule: RuleStackBest, Amount: 2, Detail: "promo=1"},
		},
		"points against money": { // 20 points and 3 % against 10 % off and 3 % of the rest
			[]Promotion{percentOff("а", 9, 1000), {Group: "а", Give: Give{Kind: GivePoints, Points: 2000}}}, []uint32{2}, sale.Reason{Rule: RuleStackBest, Amount: 2, Detail: "promo=2"},
		},
		"what does not apply does not win a group": {
			[]Promotion{{Group: "а", Priority: 9, Goods: onlySKU("vodka"), Give: Give{Kind: GivePercentOff, Rate: 5000}}, percentOff("а", 0, 1000)}, []uint32{2}, sale.Reason{},
		},
		"the better for one group may be the worse alone": { // once milk is free, a percentage of milk is worth nothing: 10 % of all it is
			[]Promotion{
				{Goods: onlySKU("milk"), Priority: 9, Give: Give{Kind: GivePercentOff, Rate: 10_000}},
				{Group: "а", Goods: onlySKU("milk"), Priority: 5, Give: Give{Kind: GivePercentOff, Rate: 5000}},
				percentOff("а", 0, 1000),
			},
			[]uint32{1, 3},
			sale.Reason{Rule: RuleStackBest, Amount: 2, Detail: "promo=3"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			q, _ := quoted(t, promoted(c.list...), of(pieces(milk, 1), pieces(bread, 1)))
			ids := appliedOf(q)
			slices.Sort(ids)
			require.Equal(t, c.want, ids)
			if c.rule.Rule == "" {
				require.NotContains(t, rules(q.Reasons), RuleStackBest)
			} else {
				require.Contains(t, q.Reasons, c.rule)
			}
		})
	}
}

// Beyond the named number of candidates the priorities decide, and the reasons say so.
func TestStackingIsGreedyBeyondTheLimit(t *testing.T) {
	var list []Promotion
	for i := range StackCandidatesMax {
		list = append(list, percentOff("а", int32(i), sale.BasisPoints(100*(StackCandidatesMax-i))))
	}
	req := of(pieces(milk, 1), pieces(bread, 1))
	q, _ := quoted(t, promoted(list...), req)
	require.Equal(t, []uint32{1}, appliedOf(q)) // the best is of the lowest priority
	require.Contains(t, q.Reasons, sale.Reason{Rule: RuleStackBest, Amount: StackCandidatesMax, Detail: "promo=1"})

	list = append(list, percentOff("а", 100, 50))
	q, _ = quoted(t, promoted(list...), req)
	require.Equal(t, []uint32{StackCandidatesMax + 1}, appliedOf(q))
	require.Contains(t, q.Reasons, sale.Reason{Rule: RuleStackFirst, Amount: StackCandidatesMax + 1, Detail: "promo=11"})
}

// Whatever is chosen of a few conflicting promotions, no other choice would have been worth more.
func TestStackingFindsTheBest(t *testing.T) {
	compared := 0
	rapid.Check(t, func(t *rapid.T) {
		d := diceOf(rapid.Uint64().Draw(t, "seed"))
		p, req := d.programme(), d.request()
		for i := range p.Promotions {
			p.Promotions[i].Group = []string{"А", "Б"}[i%2]
			p.Promotions[i].PerCustomer, p.Promotions[i].Campaign = 0, 0
		}
		p.Purses[2].Max, req.Wishes = 1, nil // points of partners are worth what they are: tested by hand
		q, err := p.Quote(req)
		if err != nil || !slices.Contains(rules(q.Reasons), RuleStackBest) {
			return
		}
		compared++
		for a := range p.Promotions {
			for b := range p.Promotions {
				if a%2 == 1 || b%2 == 0 {
					continue
				}
				fewer := *p
				fewer.Promotions = []Promotion{p.Promotions[a], p.Promotions[b]}
				other, err := fewer.Quote(req)
				require.NoError(t, err)
				if len(other.Applied) == 2 {
					require.GreaterOrEqual(t, worthOf(p, q)+1, worthOf(p, other), "%d and %d", a, b)
				}
			}
		}
	})
	require.Positive(t, compared)
}

// worthOf is what a quote gives the customer.
func worthOf(p *Programme, q Quote) sale.Money {
	worth := q.Discount + q.Earned.Worth()
	for _, e := range EarnedInto(0, q.Lines) {
		if p.Purses[e.Purse-1].Kind == PursePartner {
			worth += e.Amount.Worth()
		}
	}
	return worth
}
