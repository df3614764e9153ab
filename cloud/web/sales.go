package web

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/kopilka/kopilka/cloud/web/page"
	"github.com/kopilka/kopilka/ledger/sale"
)

type salesData struct {
	Rows     []page.Sale
	Stores   []choice
	Tills    []choice
	Staff    []choice
	Kinds    []choice
	Cards    []choice
	Customer *page.Customer
	Older    string // query of the next page, empty at the end
	First    bool   // the newest page: renewed as records arrive
	CSV      string
	Filtered bool
	Mixed    string
	Text     Text // what the search text was taken for
}

// periodDays is how far back the list looks when no period is typed: a rare cashier's receipts are then
// looked for among a month's and not among ten years'.
const periodDays = 30

// salesPage lists sales and returns.
func (s *site) salesPage(c *call) error {
	sh, err := c.shop()
	if err != nil {
		return err
	}
	q := c.r.URL.Query()
	f, form, meant := s.saleFilter(c, sh, q)
	d := salesData{
		Stores: sh.storeChoices(q.Get("store"), c.f.pick("Все", "All")), Tills: sh.tillChoices(q.Get("till"), c.f.pick("Все", "All")),
		Staff: sh.staffChoices(q.Get("staff"), c.f.pick("Все", "All")), CSV: "/sales.csv?" + without(q, "after", "done"), Text: meant,
		Kinds:    choices(q.Get("kind"), "", c.f.pick("Все", "All"), "1", c.f.pick("Продажи", "Sales"), "2", c.f.pick("Возвраты", "Returns"), "3", c.f.pick("Коррекции", "Corrections")),
		Cards:    choices(q.Get("card"), "", c.f.pick("Все", "All"), "1", c.f.pick("С покупателем", "With a customer"), "2", c.f.pick("Без покупателя", "Anonymous")),
		Filtered: without(q, "after", "done") != "", Mixed: sh.mixed(f.Store, f.Till),
	}
	after, err := parseSaleKey(q.Get("after"))
	if err != nil {
		return page.ErrNotFound
	}
	d.First = after == page.SaleKey{}
	if form.ok() {
		if d.Rows, err = s.Sales.Transactions(c.ctx(), c.org(), f, after, page.RowsMax+1); err != nil {
			return err
		}
	}
	if len(d.Rows) > page.RowsMax {
		d.Rows = d.Rows[:page.RowsMax]
		d.Older = older(q, d.Rows[page.RowsMax-1].Key().String())
	}
	return c.show(http.StatusOK, "sales", Text{"Операции", "Transactions"}, form, &d)
}

// without is the query less some keys and less what is empty.
func without(q url.Values, drop ...string) string {
	kept := url.Values{}
	for key, values := range q {
		if len(values) > 0 && values[0] != "" {
			kept.Set(key, values[0])
		}
	}
	for _, key := range drop {
		kept.Del(key)
	}
	return kept.Encode()
}

func older(q url.Values, key string) string {
	rest := without(q, "after", "done")
	if rest != "" {
		rest += "&"
	}
	return "?" + rest + "after=" + key
}

func parseSaleKey(text string) (page.SaleKey, error) {
	if text == "" {
		return page.SaleKey{}, nil
	}
	return page.ParseSaleKey(text)
}

// saleFilter reads the filters of the address; a wrong one is a problem of the form and keeps its text.
func (s *site) saleFilter(c *call, sh shop, q url.Values) (page.SaleFilter, *form, Text) {
	form := &form{Values: q}
	number := func(key string, bits int) uint64 {
		if q.Get(key) == "" {
			return 0
		}
		n, err := strconv.ParseUint(q.Get(key), 10, bits)
		if err != nil {
			form.wrong(key, "Выберите из списка.", "Choose from the list.")
		}
		return n
	}
	f := page.SaleFilter{
		Store: sale.StoreNo(number("store", 32)), Till: sale.TillNo(number("till", 21)), Staff: sale.StaffNo(number("staff", 32)),
		Kind: page.SaleKind(number("kind", 2)), Card: page.CustomerShare(number("card", 2)),
	}
	if v := strings.TrimSpace(q.Get("customer")); v != "" {
		no, err := parseNumber(v)
		if err != nil {
			form.wrong("customer", "Номер покупателя: 1042 или 3-1042.", "A customer's number: 1042 or 3-1042.")
		}
		f.Customer = no
	}
	if q.Get("min") != "" {
		f.Min = form.money("min", 0, sale.MoneyMax)
	}
	if q.Get("max") != "" {
		f.Max = form.money("max", 0, sale.MoneyMax)
	}
	exact, meant := searchSale(strings.TrimSpace(q.Get("q")), &f, form)
	s.salePeriod(form, &f, sh.days(f.Store, f.Till), exact)
	return f, form, meant
}

// salePeriod reads the days. An exact identifier is looked up whatever the period.
func (s *site) salePeriod(form *form, f *page.SaleFilter, zoneName string, exact bool) {
	from, errFrom := readDay(form, "from", zoneName)
	to, errTo := readDay(form, "to", zoneName)
	if !errFrom || !errTo || exact {
		return
	}
	if from.IsZero() {
		from = dayStart(s.Now(), zoneName).AddDate(0, 0, -periodDays)
		if !to.IsZero() {
			from = to.AddDate(0, 0, -periodDays)
		}
		form.Values = cloned(form.Values)
		form.Values.Set("from", from.Format(dateLayout))
	}
	f.From = sale.At(from)
	if !to.IsZero() {
		f.To = sale.At(to.AddDate(0, 0, 1))
		if f.To <= f.From {
			form.wrong("to", "Конец периода раньше начала.", "The period ends before it begins.")
		}
	}
}

func cloned(q url.Values) url.Values {
	out := make(url.Values, len(q))
	for k, v := range q {
		out[k] = v
	}
	return out
}

func readDay(form *form, key, zoneName string) (time.Time, bool) {
	v := form.V(key)
	if v == "" {
		return time.Time{}, true
	}
	t, err := time.ParseInLocation(dateLayout, v, zone(zoneName))
	if err != nil {
		form.wrong(key, "Нужна дата: 2026-12-31.", "Want a date: 2026-12-31.")
		return time.Time{}, false
	}
	return t, true
}

var fiscalPair = regexp.MustCompile(`^(?:(?:ФН|FN)\s*)?(\d{16})[\s,/:-]+(?:(?:ФД|FD)\s*)?(\d{1,10})$`)

// searchSale takes a text for what it looks like: an identifier, a receipt's QR code, "storage
// document", a storage's serial, a receipt number "3-1042", a document number. exact says that it names
// one receipt, so that no period narrows it.
func searchSale(text string, f *page.SaleFilter, form *form) (exact bool, meant Text) {
	if text == "" {
		return false, Text{}
	}
	if id, err := sale.ParseID(text); err == nil {
		f.ID = id
		return true, Text{"по идентификатору", "by identifier"}
	}
	if fiscal, err := sale.ParseFiscalQR(text); err == nil {
		f.FN, f.FD = fiscal.Key.FN, fiscal.Key.FD
		return true, Text{"по QR-коду чека", "by the receipt's QR code"}
	}
	if m := fiscalPair.FindStringSubmatch(strings.ToUpper(text)); m != nil {
		fd, err := strconv.ParseUint(m[2], 10, 32)
		if err == nil {
			f.FN, f.FD = m[1], uint32(fd)
			return true, Text{"по ФН и ФД", "by FN and FD"}
		}
	}
	plain := strings.ToUpper(strings.ReplaceAll(text, " ", ""))
	for _, prefix := range []string{"ФД", "FD", "№"} {
		plain = strings.TrimPrefix(plain, prefix)
	}
	switch {
	case len(plain) == 16 && sale.Digits(plain):
		f.FN = plain
		return false, Text{"по номеру ФН", "by FN"}
	case strings.Contains(plain, "-"):
		if no, err := parseNumber(plain); err == nil {
			f.No = no
			return false, Text{"по номеру чека", "by receipt number"}
		}
	case len(plain) <= 10 && sale.Digits(plain):
		if fd, err := strconv.ParseUint(plain, 10, 32); err == nil {
			f.FD = uint32(fd)
			return false, Text{"по номеру ФД", "by FD"}
		}
	}
	form.wrong("q", "Не похоже ни на номер чека (3-1042), ни на ФД, ФН, QR-код или идентификатор.", "This is no receipt number (3-1042), FD, FN, QR code or identifier.")
	return false, Text{}
}

// parseNumber reads what sale.Number shows: "1042" or "3-1042".
func parseNumber(text string) (sale.Number, error) {
	till, counter, dashed := strings.Cut(text, "-")
	if !dashed {
		n, err := strconv.ParseUint(till, 10, 53)
		return sale.Number(n), err
	}
	t, err := strconv.ParseUint(till, 10, 21)
	if err != nil {
		return 0, err
	}
	n, err := strconv.ParseUint(counter, 10, 32)
	return sale.MakeNumber(sale.TillNo(t), uint32(n)), err
}

// salesCSV streams the list with the page's own filters, a page of rows at a time, so that millions of
// rows need no memory and no long read of the database.
func (s *site) salesCSV(c *call) error {
	sh, err := c.shop()
	if err != nil {
		return err
	}
	f, form, _ := s.saleFilter(c, sh, c.r.URL.Query())
	if !form.ok() {
		return page.ErrNotFound
	}
	c.zone = sh.zone(0)
	if err := c.audit("sales.export", "", without(c.r.URL.Query())); err != nil {
		return err
	}
	out := newCSV(c, "kopilka-sales-"+c.today())
	if err := out.row("time", "zone", "kind", "number", "store", "till", "shift", "cashier", "customer", "customer_name",
		"gross", "discount", "points", "total", "cash", "card", "earned", "fn", "fd", "id"); err != nil {
		return c.cut(err)
	}
	var after page.SaleKey
	for {
		rows, err := s.Sales.Transactions(c.ctx(), c.org(), f, after, csvFlushRows)
		if err != nil {
			return c.cut(err)
		}
		for _, r := range rows {
			if err := out.row(saleCells(r, out.figure)...); err != nil {
				return c.cut(err)
			}
		}
		if len(rows) < csvFlushRows {
			return c.cut(out.flush())
		}
		after = rows[len(rows)-1].Key()
	}
}

func saleCells(r page.Sale, figure func(fmt.Stringer) string) []string {
	customer := ""
	if r.Customer != 0 {
		customer = r.Customer.String()
	}
	kind := r.Kind.String()
	if r.Corrects == sale.DocSaleReturn { // sums have no sign: the kind tells what is to be taken off
		kind = "return-correction"
	}
	return []string{
		r.At.Time().In(zone(r.Zone)).Format("2006-01-02 15:04:05"), r.Zone, kind, r.No.String(), r.StoreName,
		strconv.Itoa(int(r.Till)), strconv.Itoa(int(r.Shift)), r.StaffName, customer, r.CustomerName,
		figure(r.Gross), figure(r.Discount), figure(r.Redeemed), figure(r.Total), figure(r.Cash), figure(r.Card), figure(r.Earned),
		r.Doc.FN, strconv.Itoa(int(r.Doc.FD)), r.ID.String(),
	}
}

// cut ends a download that has begun. The connection is broken off, so that the browser reports a
// failed download instead of keeping a short file.
func (c *call) cut(err error) error {
	if err == nil {
		return nil
	}
	if c.ctx().Err() == nil {
		c.s.Logger.Error("download broke off", "path", c.r.URL.Path, "user", c.user.Login, "err", err)
	}
	panic(http.ErrAbortHandler)
}
