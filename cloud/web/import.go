package web

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"reflect"
	"slices"
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
	products := make([]sale.Product, 0, len(rows))
	seen := map[sale.SKU]string{}
	for _, row := range rows {
		f := productValues(row)
		p := readProduct(f)
		p.Gone = yes(row["withdrawn"])
		if first, twice := seen[p.SKU]; twice {
			f.wrong("sku", "Артикул уже был в строке "+first+".", "The article stands in line "+first+" already.")
		}
		seen[p.SKU] = row["#"]
		d.wrong(row["#"], f)
		products = append(products, p)
	}
	codes := newForm()
	if err := s.checkCodes(c, codes, products); err != nil {
		return err
	}
	d.wrong("", codes)
	if err := s.previewProducts(c, d, products, seen); err != nil {
		return err
	}
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

// productValues makes a form of a row, with what an empty cell means.
func productValues(row map[string]string) *form {
	f := newForm("sku", row["sku"], "name", row["name"], "price", row["price"], "min-price", row["min_price"], "vat", row["vat"],
		"subject", row["subject"], "unit", row["unit"], "category", row["category"], "codes", row["codes"])
	if f.V("subject") == "" {
		f.Values.Set("subject", "goods")
	}
	if f.V("unit") == "" {
		f.Values.Set("unit", "piece")
	}
	f.Values["traits"] = strings.FieldsFunc(row["traits"], func(r rune) bool { return r == ' ' || r == ',' })
	return f
}

// previewProducts says what the file changes, and completes its products with what it does not name.
func (s *site) previewProducts(c *call, d *importData, products []sale.Product, lines map[sale.SKU]string) error {
	for i := range products {
		old, err := s.Catalogue.ProductRow(c.ctx(), c.org(), products[i].SKU)
		keepUnnamed(&products[i], old)
		p := products[i]
		state := Text{"новый", "new"}
		slices.Sort(p.Codes)
		switch {
		case err != nil && !isNotFound(err):
			return err
		case err != nil:
			d.New++
		case reflect.DeepEqual(normal(old), normal(p)):
			d.Same++
			continue
		default:
			d.Changed++
			state = Text{"изменится", "changes"}
		}
		if len(d.Rows) < previewMax {
			detail := c.f.money(p.Price) + " ₽"
			if err == nil && old.Price != p.Price {
				detail = c.f.money(old.Price) + " → " + detail
			}
			d.Rows = append(d.Rows, importRow{lines[p.SKU], string(p.SKU), p.Name, detail, state})
		}
	}
	return nil
}

// normal makes no difference of an empty list of codes and none.
func normal(p sale.Product) sale.Product {
	if len(p.Codes) == 0 {
		p.Codes = nil
	}
	return p
}

// memberRow is a row of the file taken for a member of staff.
type memberRow struct {
	member sale.Staff
	pin    string
	line   string
}

func (s *site) importStaff(c *call) error {
	d := &importData{What: "staff", Columns: staffColumns}
	rows, err := c.opened(d, staffColumnsRequired)
	if err != nil {
		return err
	}
	known, err := s.Catalogue.StaffRows(c.ctx(), c.org(), 0)
	if err != nil {
		return err
	}
	byNo := map[string]page.Staff{}
	for _, m := range known {
		byNo[fmt.Sprint(m.No)] = m
	}
	var members []memberRow
	for _, row := range rows {
		members = append(members, d.member(row, byNo, c.lang))
	}
	ready, err := c.finish(d)
	if err != nil || !ready {
		return err
	}
	for _, m := range members {
		if err := s.putMember(c, m.member, m.pin); err != nil {
			return fmt.Errorf("import line %s: %w", m.line, err)
		}
	}
	if err := c.audit("staff.import", d.Name, fmt.Sprint(len(members))); err != nil {
		return err
	}
	return c.done("/staff", "imported")
}

func (d *importData) member(row map[string]string, known map[string]page.Staff, l Lang) memberRow {
	role := map[string]string{"cashier": "1", "кассир": "1", "1": "1", "manager": "2", "старший": "2", "2": "2"}[strings.ToLower(row["role"])]
	f := &form{Values: url.Values{"name": {row["name"]}, "inn": {row["inn"]}, "role": {role}, "store": {row["store"]}, "pin": {row["pin"]}}}
	old, there := known[row["number"]]
	if row["number"] != "" && !there {
		f.wrong("number", "Кассира с таким номером нет. Новому номер даётся сам: оставьте пусто.", "No cashier has this number. A new one gets theirs: leave it empty.")
	}
	m := memberRow{member: old.Staff, line: row["#"]}
	m.pin = readMember(f, &m.member, len(old.PIN) == 0)
	m.member.Gone = yes(row["withdrawn"])
	d.wrong(row["#"], f)
	state := Text{"новый", "new"}
	d.New++
	if there {
		state = Text{"изменится", "changes"}
		d.New--
		d.Changed++
	}
	if len(d.Rows) < previewMax {
		detail := map[sale.Role]Text{sale.RoleCashier: {"кассир", "cashier"}, sale.RoleManager: {"старший", "manager"}}[m.member.Role].in(l)
		d.Rows = append(d.Rows, importRow{row["#"], row["number"], m.member.Name, detail, state})
	}
	return m
}
