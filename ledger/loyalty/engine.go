package loyalty

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/kopilka/kopilka/ledger/sale"
)

// Engine is a programme made ready to reckon: validated once, its rules indexed by the goods that they
// name. It is never changed and may be used by many at once.
type Engine struct {
	programme *Programme
	rules     []rule      // promotions, the higher priority first, then the lower number
	goods     *goodsIndex // of rules
	caps      *goodsIndex // of the programme's Caps
	partners  *goodsIndex // of the programme's Purses
	gifts     map[sale.SKU][]*Gift
	campaigns map[uint32]*Campaign
}

// rule is a promotion with the words that its reasons begin with.
type rule struct {
	*Promotion
	name string // "promo=12"
}

// Compile makes an engine of a programme, which must not be changed any more; nil reckons plain sales.
// It fails with every problem that [Programme.Validate] finds.
func Compile(p *Programme) (*Engine, error) {
	if p == nil {
		return new(Engine), nil
	}
	if err := p.Validate(); err != nil {
		return nil, err
	}
	e := &Engine{programme: p, rules: make([]rule, len(p.Promotions)), gifts: make(map[sale.SKU][]*Gift), campaigns: make(map[uint32]*Campaign)}
	for i := range p.Promotions {
		e.rules[i] = rule{&p.Promotions[i], fmt.Sprintf("promo=%d", p.Promotions[i].ID)}
	}
	slices.SortFunc(e.rules, func(a, b rule) int {
		return cmp.Or(cmp.Compare(b.Priority, a.Priority), cmp.Compare(a.ID, b.ID))
	})
	for i := range p.Gifts {
		e.gifts[p.Gifts[i].SKU] = append(e.gifts[p.Gifts[i].SKU], &p.Gifts[i])
	}
	for i := range p.Campaigns {
		e.campaigns[p.Campaigns[i].ID] = &p.Campaigns[i]
	}
	e.index()
	return e, nil
}

func (e *Engine) index() {
	var rules, caps, purses []Goods
	for _, r := range e.rules {
		rules = append(rules, r.Goods)
	}
	for _, c := range e.programme.Caps {
		caps = append(caps, c.Goods)
	}
	for _, p := range e.programme.Purses {
		purses = append(purses, p.Goods)
	}
	e.goods, e.caps, e.partners = indexGoods(rules), indexGoods(caps), indexGoods(purses)
}

// Programme is what was compiled; nil for plain sales.
func (e *Engine) Programme() *Programme { return e.programme }

// Quote reckons a basket. Only bad input is an error: no lines or too many, quantities that are not
// positive, a fraction of a piece, negative prices, sums too large, a gift that cannot be given.
func (e *Engine) Quote(req Request) (Quote, error) {
	r := reckoning{engine: e, programme: e.programme, request: req}
	if err := r.whole(); err != nil {
		return Quote{}, fmt.Errorf("%w: %w", ErrBasket, err)
	}
	return r.quote, nil
}

// Quote reckons one basket by a programme; whoever reckons many compiles it once. A nil programme gives
// a plain sale, an invalid one an error.
func (p *Programme) Quote(req Request) (Quote, error) {
	e, err := Compile(p)
	if err != nil {
		return Quote{}, fmt.Errorf("%w: %w", ErrBasket, err)
	}
	return e.Quote(req)
}
