package web

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/kopilka/kopilka/cloud/web/page"
	"github.com/kopilka/kopilka/ledger/sale"
)

// problemsMax is how many problems of a file are shown; a file with more has one cause.
const problemsMax = 200

// previewMax is how many rows of an import are shown before it is done.
const previewMax = 100

var (
	productColumns         = []string{"sku", "name", "price", "min_price", "vat", "subject", "unit", "traits", "category", "codes", "withdrawn"}
	productColumnsRequired = []string{"sku", "name", "price", "vat"}
	staffColumns           = []string{"number", "name", "role", "pin", "inn", "store", "withdrawn"}
	staffColumnsRequired   = []string{"name", "role"}
)

// fileProblem is one thing wrong in a row of a file.
type fileProblem struct {
	Line, Column string
	Text         Text
}

type importData struct {
	What     string // "products" or "staff"
	Columns  []string
	Problems []fileProblem
	More     int // problems not shown
	Rows     []importRow
	New      int
	Changed  int
	Same     int
	Text     string // the file, carried by the form that confirms
	Name     string
	Ready    bool
	Last     string // of members: the highest number when the file was looked at
}

type importRow struct {
	Line, Key, Name, Detail string
	State                   Text
}

func (s *site) productTemplate(c *call) error {
	out := newCSV(c, "kopilka-products")
	for _, row := range [][]string{
		productColumns,
		{"100200", "Молоко 3,2 % 930 мл", out.figure(sale.Money(8990)), "", "10", "goods", "piece", "", "Молочное", "4600000000015", ""},
		{"300400", "Яблоки, кг", out.figure(sale.Money(12900)), "", "10", "goods", "kg", "weighed", "Фрукты", "", ""},
		{"500600", "Сигареты", out.figure(sale.Money(21000)), "", "22", "excise-marked", "piece", "no-discount no-redeem no-earn adult marked", "Табак", "", ""},
	} {
		if err := out.row(slices.Clone(row)...); err != nil {
			return c.cut(err)
		}
	}
	return c.cut(out.flush())
}

func (s *site) staffTemplate(c *call) error {
	out := newCSV(c, "kopilka-cashiers")
	for _, row := range [][]string{staffColumns, {"", "Иванова Анна", "cashier", "4821", "", "1", ""}, {"", "Петров Олег", "manager", "7305", "", "", ""}} {
		if err := out.row(slices.Clone(row)...); err != nil {
			return c.cut(err)
		}
	}
	return c.cut(out.flush())
}

func (s *site) importForm(what string, columns []string) func(*call) error {
	return func(c *call) error {
		return c.show(http.StatusOK, "import", importTitle(what), newForm(), &importData{What: what, Columns: columns})
	}
}

func importTitle(what string) Text {
	if what == "staff" {
		return Text{"Импорт кассиров", "Import of cashiers"}
	}
	return Text{"Импорт товаров", "Import of products"}
}

// uploaded is the file of the form, or its text when the preview is confirmed.
func (c *call) uploaded() (text, name string, err error) {
	if v := c.form.V("text"); v != "" {
		return v, c.form.V("name"), nil
	}
	if c.r.MultipartForm == nil || len(c.r.MultipartForm.File["file"]) == 0 {
		return "", "", nil
	}
	header := c.r.MultipartForm.File["file"][0]
	file, err := header.Open()
	if err != nil {
		return "", "", fmt.Errorf("open the uploaded file: %w", err)
	}
	body, err := io.ReadAll(io.LimitReader(file, uploadBytesMax+1))
	if errClose := file.Close(); err == nil {
		err = errClose
	}
	if err != nil {
		return "", "", fmt.Errorf("read the uploaded file: %w", err)
	}
	return string(body), header.Filename, nil
}

// opened reads the rows of an upload; what is wrong with the file as a whole is already in d.
func (c *call) opened(d *importData, required []string) ([]map[string]string, error) {
	text, name, err := c.uploaded()
	if err != nil {
		return nil, err
	}
	d.Text, d.Name = text, name
	if text == "" {
		d.Problems = append(d.Problems, fileProblem{Text: Text{"Выберите файл CSV.", "Choose a CSV file."}})
		return nil, nil
	}
	rows, problems := readCSV(strings.NewReader(text), required)
	for _, p := range problems {
		d.Problems = append(d.Problems, fileProblem{Text: p.Text})
	}
	if len(rows) == 0 && len(problems) == 0 {
		d.Problems = append(d.Problems, fileProblem{Text: Text{"В файле нет строк с данными.", "The file has no rows of data."}})
	}
	return rows, nil
}

func (d *importData) wrong(line string, f *form) {
	for _, p := range f.Problems {
		if len(d.Problems) == problemsMax {
			d.More++
			continue
		}
		d.Problems = append(d.Problems, fileProblem{line, p.Field, p.Text})
	}
}

// finish shows the preview, or says that there is something to do.
func (c *call) finish(d *importData) (ready bool, err error) {
	d.Ready = len(d.Problems) == 0
	if d.Ready && c.sure() {
		return true, nil
	}
	status := http.StatusOK
	if !d.Ready {
		status, d.Text = http.StatusUnprocessableEntity, ""
	}
	return false, c.show(status, "import", importTitle(d.What), newForm(), d)
}

func yes(s string) bool {
	return slices.Contains([]string{"1", "yes", "true", "да", "+"}, strings.ToLower(strings.TrimSpace(s)))
}

func (s *site) importProducts(c *call) error {
	d := &importData{What: "products", Columns: productColumns}
	rows, err := c.opened(d, productColumnsRequired)
	if err != nil {
		return err
	}
	products, olds := make([]sale.Product, 0, len(rows)), make([]*sale.Product, 0, len(rows))
	seen := map[sale.SKU]string{}
	for _, row := range rows {
		old, err := s.known(c, sale.SKU(row["sku"]))
		if err != nil {
			return err
		}
		f := productValues(row, old)
		p := readProduct(f)
		p.Gone = f.V("gone") == "1"
		if first, twice := seen[p.SKU]; twice {
			f.wrong("sku", "Артикул уже был в строке "+first+".", "The article stands in line "+first+" already.")
		}
		seen[p.SKU] = row["#"]
		d.wrong(row["#"], f)
		products, olds = append(products, p), append(olds, old)
	}
	codes := newForm()
	if err := s.checkCodes(c, codes, products); err != nil {
		return err
	}
	d.wrong("", codes)
	d.previewProducts(c.f, products, olds, seen)
	ready, err := c.finish(d)
	if err != nil || !ready {
		return err
	}
	if err := s.Catalogue.PutProducts(c.ctx(), c.org(), products); err != nil {
		return err
	}
	if err := c.audit("products.import", d.Name, fmt.Sprintf("%d new, %d changed", d.New, d.Changed)); err != nil {
		return err
	}
	return c.done("/products", "imported")
}

// known is a product as it is saved, nil for one that is not.
func (s *site) known(c *call, sku sale.SKU) (*sale.Product, error) {
	p, err := s.Catalogue.ProductRow(c.ctx(), c.org(), sku)
	if isNotFound(err) {
		return nil, nil //nolint:nilnil // a new one
	}
	return &p, err
}

// productValues makes a form of a row, with what an empty cell means. What stands in no column of the file stays as it
// was: a list of prices alone takes no barcodes away.
func productValues(row map[string]string, old *sale.Product) *form {
	f := newForm("subject", "goods", "unit", "piece")
	if old != nil {
		f = productFormOf(*old)
	}
	for field, column := range map[string]string{
		"sku": "sku", "name": "name", "price": "price", "min-price": "min_price", "vat": "vat", "subject": "subject", "unit": "unit", "category": "category", "codes": "codes",
	} {
		if cell, named := row[column]; named {
			f.Values.Set(field, cell)
		}
	}
	if f.V("subject") == "" {
		f.Values.Set("subject", "goods")
	}
	if f.V("unit") == "" {
		f.Values.Set("unit", "piece")
	}
	if cell, named := row["traits"]; named {
		f.Values["traits"] = strings.FieldsFunc(cell, func(r rune) bool { return r == ' ' || r == ',' })
	}
	if cell, named := row["withdrawn"]; named {
		f.Values.Del("gone")
		if yes(cell) {
			f.Values.Set("gone", "1")
		}
	}
	return f
}

// previewProducts says what the file changes, and completes its products with what no file names.
func (d *importData) previewProducts(f formats, products []sale.Product, olds []*sale.Product, lines map[sale.SKU]string) {
	for i, old := range olds {
		state := Text{"новый", "new"}
		slices.Sort(products[i].Codes)
		if old != nil {
			keepUnnamed(&products[i], *old)
		}
		p := products[i]
		switch {
		case old == nil:
			d.New++
		case reflect.DeepEqual(normal(*old), normal(p)):
			d.Same++
			continue
		default:
			d.Changed++
			state = Text{"изменится", "changes"}
		}
		if len(d.Rows) < previewMax {
			detail := f.money(p.Price) + " ₽"
			if old != nil && old.Price != p.Price {
				detail = f.money(old.Price) + " → " + detail
			}
			d.Rows = append(d.Rows, importRow{lines[p.SKU], string(p.SKU), p.Name, detail, state})
		}
	}
}

// normal makes no difference of an empty list of codes and none.
func normal(p sale.Product) sale.Product {
	if len(p.Codes) == 0 {
		p.Codes = nil
	}
	return p
}

func (s *site) importStaff(c *call) error {
	d := &importData{What: "staff", Columns: staffColumns}
	rows, err := c.opened(d, staffColumnsRequired)
	if err != nil {
		return err
	}
	byNo, last, err := s.members(c)
	if err != nil {
		return err
	}
	sh, err := c.stores()
	if err != nil {
		return err
	}
	if d.Last = c.form.V("last"); d.Last == "" {
		d.Last = last
	}
	var members []sale.Staff
	lines := map[string]string{}
	for _, row := range rows {
		m, pin := d.member(row, byNo, lines, sh, c.lang)
		if c.sure() {
			if err := givePIN(&m, pin); err != nil {
				return err
			}
		}
		members = append(members, m)
	}
	if c.sure() && d.Last != last {
		d.Problems = append(d.Problems, fileProblem{Text: Text{
			"Пока вы смотрели на файл, кассиров добавили: этот файл уже загружен, или добавил кто-то другой. Сверьте список кассиров.",
			"Cashiers were added while you looked at the file: it has been imported already, or somebody else added them. Look at the list of cashiers.",
		}})
	}
	ready, err := c.finish(d)
	if err != nil || !ready {
		return err
	}
	return s.saveMembers(c, d, members)
}

// members are those known, by their numbers, and the highest number.
func (s *site) members(c *call) (map[string]page.Staff, string, error) {
	known, err := s.Catalogue.StaffRows(c.ctx(), c.org(), 0)
	if err != nil {
		return nil, "", err
	}
	byNo, last := map[string]page.Staff{}, sale.StaffNo(0)
	for _, m := range known {
		byNo[fmt.Sprint(m.No)], last = m, max(last, m.No)
	}
	return byNo, fmt.Sprint(last), nil
}

// saveMembers saves a file's members at once: a file broken off in the middle would be imported again, and those of its
// first half be there twice.
func (s *site) saveMembers(c *call, d *importData, members []sale.Staff) error {
	last, err := strconv.ParseUint(d.Last, 10, 32)
	if err != nil {
		return errExpired
	}
	saved, err := s.Catalogue.PutMembers(c.ctx(), c.org(), members, sale.StaffNo(last))
	if errors.Is(err, page.ErrChanged) { // the other press was quicker by a hair
		return c.redirect("/staff")
	}
	if err != nil {
		return err
	}
	for _, m := range saved {
		if err := c.audit("staff.save", fmt.Sprint(m.No), m.Name); err != nil {
			return err
		}
	}
	if err := c.audit("staff.import", d.Name, fmt.Sprint(len(members))); err != nil {
		return err
	}
	return c.done("/staff", "imported")
}

// memberValues makes a form of a row. What stands in no column of the file stays as it was.
func memberValues(row map[string]string, old sale.Staff) *form {
	f := memberForm(old)
	for _, field := range []string{"name", "inn", "store", "pin"} {
		if cell, named := row[field]; named {
			f.Values.Set(field, cell)
		}
	}
	f.Values.Set("role", map[string]string{"cashier": "1", "кассир": "1", "1": "1", "manager": "2", "старший": "2", "2": "2"}[strings.ToLower(row["role"])])
	return f
}

// member reads a row. lines are the numbers that the file has named, with their lines.
func (d *importData) member(row map[string]string, known map[string]page.Staff, lines map[string]string, sh shop, l Lang) (m sale.Staff, pin string) {
	no := row["number"]
	old, there := known[no]
	f := memberValues(row, old.Staff)
	if no != "" && !there {
		f.wrong("number", "Кассира с таким номером нет. Новому номер даётся сам: оставьте пусто.", "No cashier has this number. A new one gets theirs: leave it empty.")
	}
	if first, twice := lines[no]; twice && no != "" {
		f.wrong("number", "Этот номер уже был в строке "+first+".", "This number stands in line "+first+" already.")
	}
	lines[no] = row["#"]
	m = old.Staff
	pin = readMember(f, &m, len(old.PIN) == 0)
	if m.Store != 0 && !slices.ContainsFunc(sh.Stores, func(x page.Store) bool { return x.No == m.Store }) {
		f.wrong("store", "Магазина с таким номером нет.", "No store has this number.")
	}
	if cell, named := row["withdrawn"]; named {
		m.Gone = yes(cell)
	}
	d.wrong(row["#"], f)
	state := Text{"новый", "new"}
	d.New++
	if there {
		state = Text{"изменится", "changes"}
		d.New--
		d.Changed++
	}
	if len(d.Rows) < previewMax {
		detail := map[sale.Role]Text{sale.RoleCashier: {"кассир", "cashier"}, sale.RoleManager: {"старший", "manager"}}[m.Role].in(l)
		d.Rows = append(d.Rows, importRow{row["#"], no, m.Name, detail, state})
	}
	return m, pin
}
