package ledger

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"go.etcd.io/bbolt"

	"github.com/kopilka/kopilka/ledger/sale"
)

// productRow is a product as head office last sent it.
type productRow struct {
	Version uint64       `cbor:"1,keyasint"`
	Product sale.Product `cbor:"2,keyasint"`
}

// catalogue keeps folded names in memory, for the search as a cashier types; the products are on disk.
type catalogue struct {
	mu    sync.RWMutex
	names map[sale.SKU]string
	order []sale.SKU // by folded name
	stale bool
}

func (g *catalogue) load(db *bbolt.DB) error {
	g.names = map[sale.SKU]string{}
	g.stale = true
	return db.View(func(tx *bbolt.Tx) error {
		return tx.Bucket([]byte("products")).ForEach(func(k, v []byte) error {
			var row productRow
			if err := sale.Decode(v, &row); err != nil {
				return fmt.Errorf("%w: product %q: %w", ErrDamaged, k, err)
			}
			g.set(row.Product)
			return nil
		})
	})
}

func (g *catalogue) set(p sale.Product) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if p.Gone {
		delete(g.names, p.SKU)
	} else {
		g.names[p.SKU] = FoldName(p.Name)
	}
	g.stale = true
}

// FoldName brings a name to the form that searches compare: lower case, ё as е.
func FoldName(s string) string {
	return strings.ReplaceAll(strings.ToLower(s), "ё", "е")
}

// find gives the SKUs whose names hold every word, those that begin with the first word first.
func (g *catalogue) find(words []string, limit int) []sale.SKU {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.sort()
	var first, rest []sale.SKU
	for _, sku := range g.order {
		name := g.names[sku]
		if !holdsAll(name, words) {
			continue
		}
		if strings.HasPrefix(name, words[0]) {
			if first = append(first, sku); len(first) == limit {
				break
			}
		} else if len(rest) < limit {
			rest = append(rest, sku)
		}
	}
	all := append(first, rest...)
	return all[:min(limit, len(all))]
}

func (g *catalogue) sort() {
	if !g.stale {
		return
	}
	g.order = g.order[:0]
	for sku := range g.names {
		g.order = append(g.order, sku)
	}
	slices.SortFunc(g.order, func(a, b sale.SKU) int {
		if c := strings.Compare(g.names[a], g.names[b]); c != 0 {
			return c
		}
		return strings.Compare(string(a), string(b))
	})
	g.stale = false
}

func holdsAll(name string, words []string) bool {
	for _, w := range words {
		if !strings.Contains(name, w) {
			return false
		}
	}
	return true
}

// Product reads a product of the catalogue; withdrawn ones too.
func (l *Ledger) Product(sku sale.SKU) (p sale.Product, err error) {
	err = l.view(func(tx *bbolt.Tx) error {
		p, err = product(tx, sku)
		return err
	})
	return p, err
}

func product(tx *bbolt.Tx, sku sale.SKU) (sale.Product, error) {
	var row productRow
	found, err := get(tx.Bucket([]byte("products")), []byte(sku), &row)
	if err == nil && !found {
		err = fmt.Errorf("product %q: %w", sku, ErrNotFound)
	}
	return row.Product, err
}

// ProductByCode finds what is sold under a barcode.
func (l *Ledger) ProductByCode(code string) (p sale.Product, err error) {
	err = l.view(func(tx *bbolt.Tx) error {
		sku := tx.Bucket([]byte("barcodes")).Get([]byte(code))
		if sku == nil {
			return fmt.Errorf("barcode %q: %w", code, ErrNotFound)
		}
		p, err = product(tx, sale.SKU(sku))
		return err
	})
	if err == nil && p.Gone {
		err = fmt.Errorf("product %q is withdrawn: %w", p.SKU, ErrNotFound)
	}
	return p, err
}

// Search finds products by words of the name, by SKU or by the beginning of a barcode.
func (l *Ledger) Search(query string, limit int) ([]sale.Product, error) {
	words := strings.Fields(FoldName(query))
	if len(words) == 0 || limit <= 0 {
		return nil, nil
	}
	skus := append(l.skusByCode(strings.TrimSpace(query), limit), l.goods.find(words, limit)...)
	var out []sale.Product
	for _, sku := range skus {
		p, err := l.Product(sku)
		if err != nil {
			return nil, err
		}
		known := slices.ContainsFunc(out, func(q sale.Product) bool { return q.SKU == sku })
		if !p.Gone && !known && len(out) < limit {
			out = append(out, p)
		}
	}
	return out, nil
}

// codeDigitsMin keeps a search by barcode from matching half the shop.
const codeDigitsMin = 4

func (l *Ledger) skusByCode(query string, limit int) (out []sale.SKU) {
	if _, err := l.Product(sale.SKU(query)); err == nil {
		out = append(out, sale.SKU(query))
	}
	if !sale.Digits(query) || len(query) < codeDigitsMin {
		return out
	}
	if err := l.view(func(tx *bbolt.Tx) error {
		c := tx.Bucket([]byte("barcodes")).Cursor()
		for k, v := c.Seek([]byte(query)); k != nil && strings.HasPrefix(string(k), query) && len(out) < limit; k, v = c.Next() {
			out = append(out, sale.SKU(v))
		}
		return nil
	}); err != nil {
		return nil // a broken ledger shows on the page already
	}
	return out
}

func (w *writer) applyProduct(c sale.Change) error {
	var old productRow
	found, err := get(w.bucket("products"), c.Key, &old)
	if err != nil || (found && old.Version >= c.Version) {
		return err
	}
	row := productRow{Version: c.Version, Product: old.Product}
	row.Product.Gone = true
	if !c.Gone {
		row.Product = sale.Product{}
		if err := decodeChange(c.Body, &row.Product); err != nil {
			return err
		}
		if err := checkProduct(row.Product, c.Key); err != nil {
			return err
		}
	}
	if err := w.barcodes(old.Product, row.Product); err != nil {
		return err
	}
	w.after = append(w.after, func() { w.l.goods.set(row.Product) })
	return put(w.bucket("products"), c.Key, row)
}

func checkProduct(p sale.Product, key []byte) error {
	if string(p.SKU) != string(key) {
		return refuse("product %q under the key %q", p.SKU, key)
	}
	for _, code := range p.Codes {
		if code == "" || len(code) > sale.CodeBytesMax {
			return refuse("product %q: a barcode of %d bytes", p.SKU, len(code))
		}
	}
	return nil
}

// barcodes moves a product's codes; a code that another product has taken since is left to it.
func (w *writer) barcodes(old, now sale.Product) error {
	b := w.bucket("barcodes")
	for _, code := range old.Codes {
		if string(b.Get([]byte(code))) == string(old.SKU) && !slices.Contains(now.Codes, code) {
			if err := b.Delete([]byte(code)); err != nil {
				return fmt.Errorf("drop barcode %q: %w", code, err)
			}
		}
	}
	for _, code := range now.Codes {
		if string(b.Get([]byte(code))) == string(now.SKU) {
			continue
		}
		if err := b.Put([]byte(code), []byte(now.SKU)); err != nil {
			return fmt.Errorf("put barcode %q: %w", code, err)
		}
	}
	return nil
}
