package web

import (
	"fmt"
	"strings"

	"github.com/kopilka/kopilka/cloud/web/page"
	"github.com/kopilka/kopilka/ledger/loyalty"
)

// doubtNamesMax is how many names a doubt tells; the rest are counted.
const doubtNamesMax = 5

// doubts are what a programme may say and hardly means: goods that no product of the catalogue is. A promotion for a
// category with a slip of the pen would be published and never be met.
func (s *site) doubts(c *call, e *editing) ([]problemLink, error) {
	asked := page.GoodsNames{SKUs: map[string]bool{}, Categories: map[string]bool{}, Tags: map[string]bool{}}
	for _, g := range e.Rules.NamedGoods() {
		for _, k := range goodsKinds {
			for _, name := range k.names(g) {
				k.of(asked)[name] = true
			}
		}
	}
	known, err := s.Catalogue.KnownGoods(c.ctx(), c.org(), asked)
	if err != nil {
		return nil, err
	}
	var found []ruleProblem
	for path, g := range e.Rules.NamedGoods() {
		for _, k := range goodsKinds {
			if t, ok := k.doubt(k.names(g), k.of(known)); ok {
				found = append(found, ruleProblem{fieldName(path) + k.field(path), t})
			}
		}
	}
	return e.linksTo(found), nil
}

// goodsKind is one way in which a programme names products.
type goodsKind struct {
	key    string // the field's last name
	ru, en string // "category: " ahead of the names
	names  func(loyalty.Goods) []string
	of     func(page.GoodsNames) map[string]bool
}

var goodsKinds = []goodsKind{
	{"skus", "товара с артикулом", "product with article number", func(g loyalty.Goods) (out []string) {
		for _, sku := range g.SKUs {
			out = append(out, string(sku))
		}
		return out
	}, func(n page.GoodsNames) map[string]bool { return n.SKUs }},
	{"categories", "товара категории", "product of category", func(g loyalty.Goods) []string { return g.Categories }, func(n page.GoodsNames) map[string]bool { return n.Categories }},
	{"tags", "товара с меткой", "product with tag", func(g loyalty.Goods) []string { return g.Tags }, func(n page.GoodsNames) map[string]bool { return n.Tags }},
}

// field is the input's own name behind the path of its list; a present is an input by itself.
func (k goodsKind) field(path string) string {
	if strings.HasSuffix(path, ".sku") {
		return ""
	}
	return "." + k.key
}

func (k goodsKind) doubt(names []string, known map[string]bool) (Text, bool) {
	var missing []string
	for _, name := range names {
		if !known[name] {
			missing = append(missing, name)
		}
	}
	if len(missing) == 0 {
		return Text{}, false
	}
	more := Text{}
	if n := len(missing) - doubtNamesMax; n > 0 {
		missing, more = missing[:doubtNamesMax], Text{fmt.Sprintf(" и ещё %d", n), fmt.Sprintf(" and %d more", n)}
	}
	return Text{
		"В продаже нет " + k.ru + " «" + strings.Join(missing, "», «") + "»" + more.RU + ".",
		"No " + k.en + " “" + strings.Join(missing, "”, “") + "”" + more.EN + " is on sale.",
	}, true
}
