package loyalty

import (
	"fmt"
	"iter"

	"github.com/kopilka/kopilka/ledger/sale"
)

// goodsSet is [Goods] made ready to be asked.
type goodsSet struct {
	skus             map[sale.SKU]bool
	categories, tags map[string]bool
}

func setOf(g *Goods) *goodsSet {
	if g == nil {
		return nil
	}
	s := &goodsSet{make(map[sale.SKU]bool, len(g.SKUs)), make(map[string]bool, len(g.Categories)), make(map[string]bool, len(g.Tags))}
	for _, sku := range g.SKUs {
		s.skus[sku] = true
	}
	for _, name := range g.Categories {
		s.categories[name] = true
	}
	for _, tag := range g.Tags {
		s.tags[tag] = true
	}
	return s
}

// names tells whether one of the lists has the product; a nil set names nothing.
func (s *goodsSet) names(p *sale.Product) bool {
	if s == nil {
		return false
	}
	if s.skus[p.SKU] || s.categories[p.Category] {
		return true
	}
	for _, tag := range p.Tags {
		if s.tags[tag] {
			return true
		}
	}
	return false
}

// goodsIndex finds the rules that name a product without asking each: a receipt of 30 lines meets 200
// rules, of which a few concern it.
type goodsIndex struct {
	all              []int // rules that name every product
	skus             map[sale.SKU][]int
	categories, tags map[string][]int
	except           []*goodsSet // of each rule
}

func indexGoods(lists []Goods) *goodsIndex {
	x := &goodsIndex{
		skus: make(map[sale.SKU][]int), categories: make(map[string][]int), tags: make(map[string][]int),
		except: make([]*goodsSet, len(lists)),
	}
	for i, g := range lists {
		x.except[i] = setOf(g.Except)
		if g.named() == 0 {
			x.all = append(x.all, i)
		}
		for _, sku := range g.SKUs {
			x.skus[sku] = append(x.skus[sku], i)
		}
		for _, name := range g.Categories {
			x.categories[name] = append(x.categories[name], i)
		}
		for _, tag := range g.Tags {
			x.tags[tag] = append(x.tags[tag], i)
		}
	}
	return x
}

func (g Goods) named() int { return len(g.SKUs) + len(g.Categories) + len(g.Tags) }

// visit calls for every rule that names the product; one that names it twice may be called twice.
func (x *goodsIndex) visit(p *sale.Product, found func(rule int)) {
	x.each(p, x.all, found)
	x.each(p, x.skus[p.SKU], found)
	if p.Category != "" {
		x.each(p, x.categories[p.Category], found)
	}
	for _, tag := range p.Tags {
		x.each(p, x.tags[tag], found)
	}
}

func (x *goodsIndex) each(p *sale.Product, rules []int, found func(rule int)) {
	for _, i := range rules {
		if !x.except[i].names(p) {
			found(i)
		}
	}
}

// NamedGoods are all goods that the programme names, each list by its path as [Programme.Validate] writes paths:
// for who holds them against the catalogue, which a programme does not know.
func (p *Programme) NamedGoods() iter.Seq2[string, Goods] {
	return func(yield func(string, Goods) bool) {
		more := true
		list := func(path string, g Goods) {
			more = more && (g.named() == 0 || yield(path, g))
			if g.Except != nil {
				more = more && yield(path+".except", *g.Except)
			}
		}
		for i, o := range p.Promotions {
			list(fmt.Sprintf("promotions[%d].goods", i), o.Goods)
			if o.Give.Kind == GiveGift {
				list(fmt.Sprintf("promotions[%d].give.sku", i), Goods{SKUs: []sale.SKU{o.Give.SKU}})
			}
		}
		for i, o := range p.Caps {
			list(fmt.Sprintf("caps[%d].goods", i), o.Goods)
		}
		for i, o := range p.Purses {
			list(fmt.Sprintf("purses[%d].goods", i), o.Goods)
		}
	}
}
