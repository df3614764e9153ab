package web

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/kopilka/kopilka/cloud/web/page"
	"github.com/kopilka/kopilka/ledger/sale"
)

// Catalogue is what is sold and who sells it.
type Catalogue interface {
	ProductRows(ctx context.Context, org sale.OrgNo, f page.ProductFilter, after page.ProductKey, limit int) ([]sale.Product, error)
	ProductRow(ctx context.Context, org sale.OrgNo, sku sale.SKU) (sale.Product, error)
	PutProducts(ctx context.Context, org sale.OrgNo, products []sale.Product) error
	CodeOwners(ctx context.Context, org sale.OrgNo, codes []string) (map[string]sale.SKU, error)
	KnownGoods(ctx context.Context, org sale.OrgNo, asked page.GoodsNames) (page.GoodsNames, error)
	StaffRows(ctx context.Context, org sale.OrgNo, no sale.StaffNo) ([]page.Staff, error)
	PutStaff(ctx context.Context, org sale.OrgNo, m sale.Staff) error
	AddStaff(ctx context.Context, org sale.OrgNo, m sale.Staff) (sale.StaffNo, error)
	// PutMembers saves several at once, those without a number as new ones, or none. It wraps page.ErrChanged when last is
	// not the highest number any more.
	PutMembers(ctx context.Context, org sale.OrgNo, members []sale.Staff, last sale.StaffNo) ([]sale.Staff, error)
}

const (
	skuBytesMax = 64
	codesMax    = 50
)

// named is a value of a fiscal table with its words and its word in CSV.
type named struct {
	Value int
	Word  string
	Text  Text
}

var vats = []named{
	{int(sale.VAT22), "22", Text{"22 %", "22 %"}},
	{int(sale.VAT20), "20", Text{"20 %", "20 %"}},
	{int(sale.VAT10), "10", Text{"10 %", "10 %"}},
	{int(sale.VAT7), "7", Text{"7 %", "7 %"}},
	{int(sale.VAT5), "5", Text{"5 %", "5 %"}},
	{int(sale.VAT0), "0", Text{"0 %", "0 %"}},
	{int(sale.VATNone), "none", Text{"без НДС", "no VAT"}},
	{int(sale.VAT22122), "22/122", Text{"22/122", "22/122"}},
	{int(sale.VAT20120), "20/120", Text{"20/120", "20/120"}},
	{int(sale.VAT10110), "10/110", Text{"10/110", "10/110"}},
	{int(sale.VAT7107), "7/107", Text{"7/107", "7/107"}},
	{int(sale.VAT5105), "5/105", Text{"5/105", "5/105"}},
}

var subjects = []named{
	{int(sale.SubjectGoods), "goods", Text{"товар", "goods"}},
	{int(sale.SubjectService), "service", Text{"услуга", "service"}},
	{int(sale.SubjectExcisable), "excisable", Text{"подакцизный товар", "excisable goods"}},
	{int(sale.SubjectExciseUnmarked), "excise-unmarked", Text{"подакцизный, без кода маркировки", "excisable, no marking code"}},
	{int(sale.SubjectMarkedExcise), "excise-marked", Text{"подакцизный с маркировкой", "excisable, marked"}},
	{int(sale.SubjectMarkedGoods), "marked", Text{"товар с маркировкой", "marked goods"}},
}

var units = []named{
	{int(sale.UnitPiece), "piece", Text{"шт.", "piece"}}, {int(sale.UnitKilogram), "kg", Text{"кг", "kg"}}, {int(sale.UnitLitre), "l", Text{"л", "l"}},
}

var traits = []named{
	{int(sale.NoDiscount), "no-discount", Text{"без скидок", "no discount"}},
	{int(sale.NoRedeem), "no-redeem", Text{"не оплачивается баллами", "points may not pay"}},
	{int(sale.NoEarn), "no-earn", Text{"баллы не начисляются", "earns no points"}},
	{int(sale.AdultOnly), "adult", Text{"18+", "18+"}},
	{int(sale.Weighed), "weighed", Text{"весовой", "weighed"}},
	{int(sale.Marked), "marked", Text{"маркировка «Честный знак»", "Chestny ZNAK marking"}},
}

func wordOf(list []named, value int) string {
	for _, n := range list {
		if n.Value == value {
			return n.Word
		}
	}
	return strconv.Itoa(value)
}

func textOf(list []named, value int) Text {
	for _, n := range list {
		if n.Value == value {
			return n.Text
		}
	}
	return Text{strconv.Itoa(value), strconv.Itoa(value)}
}

func valueOf(list []named, word string) (int, bool) {
	word = strings.TrimSuffix(strings.TrimSpace(strings.ToLower(word)), "%")
	for _, n := range list {
		if n.Word == strings.TrimSpace(word) || strings.ToLower(n.Text.RU) == word {
			return n.Value, true
		}
	}
	return 0, false
}

func namedChoices(list []named, chosen string, l Lang) []choice {
	out := make([]choice, 0, len(list))
	for _, n := range list {
		out = append(out, choice{n.Word, n.Text.in(l), n.Word == chosen})
	}
	return out
}

// productRow is a product with its tables in words.
type productRow struct {
	sale.Product
	VATText, UnitText Text
	TraitTexts        []Text
	Link              string
}

func rowOf(p sale.Product) productRow {
	row := productRow{Product: p, VATText: textOf(vats, int(p.VAT)), UnitText: textOf(units, int(p.Unit)), Link: "/products/" + url.PathEscape(string(p.SKU))}
	if p.Traits.Has(sale.NoStimulus) {
		row.TraitTexts = append(row.TraitTexts, Text{"без стимулирования", "no promotion"})
	}
	for _, n := range traits {
		bit := sale.Traits(n.Value)
		if p.Traits.Has(bit) && (!p.Traits.Has(sale.NoStimulus) || !sale.NoStimulus.Has(bit)) {
			row.TraitTexts = append(row.TraitTexts, n.Text)
		}
	}
	return row
}

type productsData struct {
	Rows  []productRow
	Older string
	Query string
	Gone  bool
}

func (s *site) productsPage(c *call) error {
	q := c.r.URL.Query()
	d := productsData{Query: strings.TrimSpace(q.Get("q")), Gone: q.Get("gone") == "1"}
	var after page.ProductKey
	if text := q.Get("after"); text != "" {
		sku, name, ok := strings.Cut(text, "~")
		if !ok {
			return page.ErrNotFound
		}
		after = page.ProductKey{Name: name, SKU: sale.SKU(sku)}
	}
	products, err := s.Catalogue.ProductRows(c.ctx(), c.org(), page.ProductFilter{Text: fold(d.Query), Raw: d.Query, Gone: d.Gone}, after, page.RowsMax+1)
	if err != nil {
		return err
	}
	if len(products) > page.RowsMax {
		products = products[:page.RowsMax]
		last := products[page.RowsMax-1]
		d.Older = older(q, url.QueryEscape(string(last.SKU)+"~"+last.Name))
	}
	for _, p := range products {
		d.Rows = append(d.Rows, rowOf(p))
	}
	return c.show(http.StatusOK, "products", Text{"Товары", "Products"}, &form{Values: q}, &d)
}

type productFormData struct {
	SKU      sale.SKU // empty for a new one
	Gone     bool
	VATs     []choice
	Subjects []choice
	Units    []choice
	Traits   []choice
}

func (s *site) showProductForm(c *call, f *form, sku sale.SKU, gone bool, status int) error {
	title := Text{"Новый товар", "New product"}
	if sku != "" {
		title = Text{"Товар " + string(sku), "Product " + string(sku)}
	}
	d := productFormData{
		SKU: sku, Gone: gone, VATs: namedChoices(vats, f.V("vat"), c.lang), Subjects: namedChoices(subjects, f.V("subject"), c.lang),
		Units: namedChoices(units, f.V("unit"), c.lang),
	}
	for _, n := range traits {
		d.Traits = append(d.Traits, choice{n.Word, n.Text.in(c.lang), f.Has("traits", n.Word)})
	}
	f.chosen("vat", Text{"НДС", "VAT"}, d.VATs)
	f.chosen("subject", Text{"Предмет расчёта", "Subject"}, d.Subjects)
	f.chosen("unit", Text{"Единица", "Unit"}, d.Units)
	f.chosen("traits", Text{"Особенности", "Traits"}, d.Traits)
	return c.show(status, "product-form", title, f, &d)
}

func (s *site) productForm(c *call) error {
	if c.r.PathValue("sku") == "new" {
		return s.showProductForm(c, newForm("vat", "22", "subject", "goods", "unit", "piece"), "", false, http.StatusOK)
	}
	p, err := s.Catalogue.ProductRow(c.ctx(), c.org(), sale.SKU(c.r.PathValue("sku")))
	if err != nil {
		return err
	}
	return s.showProductForm(c, productFormOf(p).opened(), p.SKU, p.Gone, http.StatusOK)
}

func productFormOf(p sale.Product) *form {
	f := newForm("name", p.Name, "price", p.Price.String(), "min-price", "", "vat", wordOf(vats, int(p.VAT)), "subject", wordOf(subjects, int(p.Subject)),
		"unit", wordOf(units, int(p.Unit)), "category", p.Category, "codes", strings.Join(p.Codes, "\n"))
	if p.MinPrice != 0 {
		f.Values.Set("min-price", p.MinPrice.String())
	}
	f.Values["traits"] = traitWords(p.Traits)
	if p.Gone {
		f.Values.Set("gone", "1")
	}
	return f
}

func traitWords(t sale.Traits) []string {
	var out []string
	for _, n := range traits {
		if t.Has(sale.Traits(n.Value)) {
			out = append(out, n.Word)
		}
	}
	return out
}

// readProduct takes a form, or a row of CSV put into one, for a product.
func readProduct(f *form) sale.Product {
	p := sale.Product{
		Name: f.text("name", true, textMax), Price: f.money("price", 0, sale.MoneyMax), Category: f.text("category", false, textMax),
		SKU: sale.SKU(f.text("sku", true, skuBytesMax)),
	}
	if string(p.SKU) == "new" || strings.ContainsAny(string(p.SKU), "~\t\n") {
		f.wrong("sku", "Такой артикул использовать нельзя.", "This article number cannot be used.")
	}
	if strings.TrimSpace(f.V("min-price")) != "" {
		p.MinPrice = f.money("min-price", 0, sale.MoneyMax)
	}
	if p.MinPrice > p.Price && f.E("price") == nil {
		f.wrong("min-price", "Минимальная цена выше цены.", "The minimum price is above the price.")
	}
	pick := func(field string, list []named) int {
		v, ok := valueOf(list, f.V(field))
		if !ok {
			f.wrong(field, "Нет такого значения: "+words(list), "No such value: "+words(list))
		}
		return v
	}
	p.VAT, p.Subject, p.Unit = sale.VAT(pick("vat", vats)), sale.Subject(pick("subject", subjects)), sale.Unit(pick("unit", units))
	for _, word := range f.Values["traits"] {
		v, ok := valueOf(traits, word)
		if !ok {
			f.wrong("traits", "Нет такого признака «"+word+"»: "+words(traits), "No such trait “"+word+"”: "+words(traits))
		}
		p.Traits |= sale.Traits(v)
	}
	p.Codes = readCodes(f)
	return p
}

// keepUnnamed leaves what neither the form nor the file names as it was: tags that promotions go by, and minimum prices
// known in advance.
func keepUnnamed(p *sale.Product, old sale.Product) { p.Tags, p.Floors = old.Tags, old.Floors }

func words(list []named) string {
	all := make([]string, 0, len(list))
	for _, n := range list {
		all = append(all, n.Word)
	}
	return strings.Join(all, ", ")
}

// readCodes checks barcodes: what looks like a GTIN must have its check digit.
func readCodes(f *form) []string {
	var out []string
	for _, code := range strings.FieldsFunc(f.V("codes"), func(r rune) bool { return strings.ContainsRune(" ,\r\n\t", r) }) {
		if sale.Digits(code) && slices.Contains([]int{8, 12, 13, 14}, len(code)) && !sale.ValidGTIN(code) {
			f.wrong("codes", "Штрихкод "+code+": не сходится контрольная цифра.", "Barcode "+code+": wrong check digit.")
		}
		if len(code) > sale.CodeBytesMax {
			f.wrong("codes", "Слишком длинный штрихкод.", "A barcode is too long.")
		}
		if code = sale.GTIN(code); !slices.Contains(out, code) {
			out = append(out, code)
		}
	}
	if len(out) > codesMax {
		f.wrong("codes", "Не больше 50 штрихкодов.", "50 barcodes at most.")
	}
	return out
}

func (s *site) saveProduct(c *call) error {
	sku := sale.SKU(c.r.PathValue("sku"))
	fresh := sku == "new"
	if !fresh {
		c.form.Values.Set("sku", string(sku))
	}
	p, gone := readProduct(c.form), false
	if fresh {
		if _, err := s.Catalogue.ProductRow(c.ctx(), c.org(), p.SKU); err == nil {
			c.form.wrong("sku", "Такой артикул уже есть.", "This article number is taken.")
		}
		sku = ""
	} else {
		old, err := s.Catalogue.ProductRow(c.ctx(), c.org(), p.SKU)
		if err != nil {
			return err
		}
		now := productFormOf(old)
		gone = old.Gone
		c.form.Values["gone"] = now.Values["gone"] // no field of the form: its note says it
		c.form.late(now)
		keepUnnamed(&p, old)
	}
	if err := s.checkCodes(c, c.form, []sale.Product{p}); err != nil {
		return err
	}
	if !c.form.ok() {
		return s.showProductForm(c, c.form, sku, gone, http.StatusUnprocessableEntity)
	}
	if err := s.Catalogue.PutProducts(c.ctx(), c.org(), []sale.Product{p}); err != nil {
		return err
	}
	if err := c.audit("product.save", string(p.SKU), p.Price.String()); err != nil {
		return err
	}
	return c.done("/products", "saved")
}

// checkCodes refuses a barcode that belongs to a product which is not among those given.
func (s *site) checkCodes(c *call, f *form, products []sale.Product) error {
	owner := map[string]sale.SKU{}
	var all []string
	for _, p := range products {
		for _, code := range p.Codes {
			if other, twice := owner[code]; twice && other != p.SKU {
				f.wrong("codes", fmt.Sprintf("Штрихкод %s указан у %s и у %s.", code, other, p.SKU), fmt.Sprintf("Barcode %s stands with %s and with %s.", code, other, p.SKU))
			}
			owner[code] = p.SKU
			all = append(all, code)
		}
	}
	known, err := s.Catalogue.CodeOwners(c.ctx(), c.org(), all)
	if err != nil {
		return err
	}
	for _, code := range all {
		if other, taken := known[code]; taken && other != owner[code] {
			f.wrong("codes", fmt.Sprintf("Штрихкод %s уже у товара %s.", code, other), fmt.Sprintf("Product %s has barcode %s already.", other, code))
		}
	}
	return nil
}

// withdrawProduct takes a product off sale; it is kept for returns.
func (s *site) withdrawProduct(c *call) error {
	p, err := s.Catalogue.ProductRow(c.ctx(), c.org(), sale.SKU(c.r.PathValue("sku")))
	if err != nil {
		return err
	}
	gone := c.form.V("gone") != "0" // what was pressed, and not the other of what is: a second press undoes nothing
	if p.Gone == gone {
		return c.redirect("/products")
	}
	if gone && !c.sure() {
		return c.confirm(Text{"Убрать товар из продажи?", "Withdraw the product?"}, confirmation{
			Lines: []Text{
				{p.Name + ", артикул " + string(p.SKU), p.Name + ", article " + string(p.SKU)},
				{"Кассы перестанут его продавать, возвраты по старым чекам останутся. Вернуть в продажу можно в любой момент.", "Tills stop selling it; returns of old receipts go on. It can be put back at any time."},
			},
			Yes: Text{"Убрать", "Withdraw"}, Back: "/products",
		})
	}
	p.Gone = gone
	if err := s.Catalogue.PutProducts(c.ctx(), c.org(), []sale.Product{p}); err != nil {
		return err
	}
	if err := c.audit("product.withdraw", string(p.SKU), strconv.FormatBool(p.Gone)); err != nil {
		return err
	}
	if p.Gone {
		return c.done("/products", "withdrawn")
	}
	return c.done("/products", "saved")
}
