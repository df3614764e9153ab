package agent

import (
	"github.com/kopilka/kopilka/ledger/loyalty"
	"github.com/kopilka/kopilka/ledger/sale"
)

// rulebook is the programme in force with all that a scan needs of it at hand: the engine, and what is
// looked up by a code. It is made when another version comes into force, never for a scan alone.
type rulebook struct {
	programme *loyalty.Programme // nil: none in force
	engine    *loyalty.Engine
	generic   map[string]*loyalty.Campaign // by the code as compared
	gifts     []giftGoods
	reasons   map[sale.Reason]Text // as said already: most of a receipt's stay as they are from scan to scan
}

// reasonsMax bounds the sentences kept: some dozens of receipts.
const reasonsMax = 4096

// reason is a reason as a sentence.
func (b *rulebook) reason(r sale.Reason) Text {
	if text, known := b.reasons[r]; known {
		return text
	}
	if b.reasons == nil || len(b.reasons) >= reasonsMax {
		b.reasons = map[sale.Reason]Text{}
	}
	text := ExplainReason(b.programme, r)
	b.reasons[r] = text
	return text
}

// giftGoods is a gift with its product, as the catalogue has it.
type giftGoods struct {
	rule    loyalty.Gift
	product sale.Product
}

// rulebook is the one in force now.
func (t *Till) rulebook() *rulebook {
	p := t.programme()
	if b := t.shop.rules; b != nil && b.programme == p {
		return b
	}
	b, err := t.openRulebook(p)
	if err != nil {
		// What the ledger gave was valid when it came; the last good rules are better than none.
		t.log.Error("compile the programme", "version", p.Version, "err", err)
		if t.shop.rules != nil {
			return t.shop.rules
		}
	}
	t.shop.rules = b
	return b
}

func (t *Till) openRulebook(p *loyalty.Programme) (*rulebook, error) {
	engine, err := loyalty.Compile(p)
	if err != nil {
		plain, none := loyalty.Compile(nil)
		if none != nil {
			return nil, none
		}
		return &rulebook{programme: p, engine: plain}, err
	}
	b := &rulebook{programme: p, engine: engine, generic: map[string]*loyalty.Campaign{}}
	if p == nil {
		return b, nil
	}
	for i := range p.Campaigns {
		if c := &p.Campaigns[i]; c.Code != "" {
			b.generic[sale.NormalCode(c.Code)] = c
		}
	}
	b.gifts = t.giftGoods(p)
	return b, nil
}

// giftGoods are the gifts whose goods are in the catalogue.
func (t *Till) giftGoods(p *loyalty.Programme) (out []giftGoods) {
	if p == nil {
		return nil
	}
	for _, g := range p.Gifts {
		if product, err := t.ledger.Product(g.SKU); err == nil && !product.Gone {
			out = append(out, giftGoods{g, product})
		}
	}
	return out
}

func (b *rulebook) campaign(id uint32) *loyalty.Campaign {
	if b.programme == nil {
		return nil
	}
	for i := range b.programme.Campaigns {
		if b.programme.Campaigns[i].ID == id {
			return &b.programme.Campaigns[i]
		}
	}
	return nil
}

func (b *rulebook) purses() []loyalty.Purse {
	if b.programme == nil {
		return nil
	}
	return b.programme.Purses
}

func (b *rulebook) purse(no sale.PurseNo) *loyalty.Purse {
	all := b.purses()
	for i := range all {
		if all[i].No == no {
			return &all[i]
		}
	}
	return nil
}

// stampsFor is how many stamps of a purse make a piece free; zero: no promotion says so.
func (b *rulebook) stampsFor(purse sale.PurseNo) int {
	if b.programme == nil {
		return 0
	}
	for _, p := range b.programme.Promotions {
		if p.Give.Kind == loyalty.GiveStamps && p.Give.Purse == purse {
			return int(p.Give.Nth)
		}
	}
	return 0
}

// promotion is the name of a promotion, as far as the programme in force knows it.
func (b *rulebook) promotion(id uint32) Text {
	name, _ := PromotionName(b.programme, id)
	return name
}
