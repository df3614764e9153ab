package web_test

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"fmt"
	"html"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/cloud"
	"github.com/kopilka/kopilka/cloud/store"
	"github.com/kopilka/kopilka/cloud/store/storetest"
	"github.com/kopilka/kopilka/cloud/web"
	"github.com/kopilka/kopilka/cloud/web/page"
	"github.com/kopilka/kopilka/ledger/loyalty"
	"github.com/kopilka/kopilka/ledger/sale"
	"github.com/kopilka/kopilka/sync/wire"
)

const password = "четыре слова подряд тут"

// hostile is a name that somebody else chose.
const hostile = `<script>alert("имя")</script>'"><img src=x onerror=alert(1)>`

// longName is a name that breaks narrow tables.
const longName = "Преображенская-Константинопольская Александра-Виктория Владиславовна"

// office is a head office with a real database and a real listener.
type office struct {
	*cloud.Program
	org   sale.OrgNo
	url   string
	clock atomic.Int64 // milliseconds
	tills []*storetest.Journal
	drawn sale.ID // a prize draw
	t     testing.TB
}

// evening is a Saturday in Moscow, 18:42.
var evening = time.Date(2026, 11, 21, 15, 42, 0, 0, time.UTC)

func (o *office) now() time.Time { return time.UnixMilli(o.clock.Load()).UTC() }

// open starts a head office with an organisation and a user of each role, and nothing else.
func open(t testing.TB) *office {
	t.Helper()
	ctx := context.Background()
	o := &office{t: t}
	o.clock.Store(evening.UnixMilli())
	o.Program = &cloud.Program{
		Config: cloud.Config{Listen: "127.0.0.1:0", Data: t.TempDir()}, Now: o.now, Random: rand.Reader,
		Logger: slog.New(slog.NewTextHandler(testWriter{t}, &slog.HandlerOptions{Level: slog.LevelError})),
	}
	require.NoError(t, o.Open(ctx))
	t.Cleanup(func() { require.NoError(t, o.Close()) })
	var err error
	o.org, err = o.Store.CreateOrg(ctx, "ООО «Домик в деревне»", rand.Reader)
	require.NoError(t, err)
	h, err := hashOnce()
	require.NoError(t, err)
	for login, role := range map[string]page.Role{"viewer": page.RoleViewer, "manager": page.RoleManager, "owner": page.RoleOwner} {
		require.NoError(t, o.Store.PutPageUser(ctx, page.User{
			Org: o.org, Login: login, Name: "Анна Петрова", Role: role, Hash: h.hash, Salt: h.salt, Lang: "ru", Made: sale.At(o.now()),
		}, false))
	}
	options := o.PageOptions(o.org)
	options.OrgName = "ООО «Домик в деревне»"
	pages, err := web.New(options)
	require.NoError(t, err)
	server := httptest.NewServer(pages)
	t.Cleanup(server.Close)
	o.url = server.URL
	return o
}

type testWriter struct{ t testing.TB }

func (w testWriter) Write(b []byte) (int, error) {
	w.t.Log(strings.TrimSpace(string(b)))
	return len(b), nil
}

// hashOnce hashes once: it costs a tenth of a second each time.
var hashOnce = sync.OnceValues(func() (hashed, error) {
	hash, salt, err := web.HashPassword(password)
	return hashed{hash, salt}, err
})

type hashed struct{ hash, salt []byte }

// fill gives the office three stores, tills, staff, products, customers and a day of records.
func fill(t testing.TB) *office {
	t.Helper()
	o := open(t)
	ctx := context.Background()
	for i, shop := range []store.Shop{
		{Name: "Домик на Лесной", Address: "Москва, ул. Лесная, 7", Zone: "Europe/Moscow"},
		{Name: "Супермаркет «Сибирская ярмарка у вокзала», Новосибирск-Главный", Address: "Новосибирск, ул. Дмитрия Шамшурина, 43, корпус 2", Zone: "Asia/Novosibirsk"},
		{Name: "Домик в Химках", Address: "Химки, ул. Панфилова, 2", Zone: "Europe/Moscow"},
	} {
		shop.No = sale.StoreNo(i + 1)
		require.NoError(t, o.Store.PutShop(ctx, o.org, shop))
	}
	rules := richRules()
	rules.Version = 1
	_, err := o.Office.Publish(ctx, o.org, *rules, "owner", "первая версия")
	require.NoError(t, err)
	for i, name := range []string{"Иванова Мария", longName, hostile} {
		require.NoError(t, o.Store.PutStaff(ctx, o.org, sale.Staff{No: sale.StaffNo(i + 1), Name: name, Role: sale.Role(1 + i%2), PIN: []byte("x"), Salt: []byte("y")}))
	}
	require.NoError(t, o.Store.PutProducts(ctx, o.org, products()))
	for i, p := range []store.Person{
		{Name: "Петрова Анна Сергеевна", Phone: "+79161234567", Cards: []string{"2900000001234"}, Home: 1},
		{Name: longName, Phone: "+79031112233", Tier: 2, Home: 2},
		{Name: hostile, Phone: "+79990001122", Tier: 1},
		{Name: "=HYPERLINK(\"http://example.com\")", Cards: []string{"777"}, State: sale.CustomerBlocked},
	} {
		p.No = sale.MakeNumber(0, uint32(i+1))
		_, err := o.Store.PutPerson(ctx, o.org, p)
		require.NoError(t, err)
	}
	require.NoError(t, o.Office.AdjustPoints(ctx, o.org, sale.DeriveID(sale.ID{1}, "test", 1), 1, 1240*sale.Point, "перенос со старой карты", "owner"))
	for i := range 3 {
		o.seat(sale.StoreNo(i + 1))
	}
	o.day()
	o.status()
	o.draft(richRules())
	o.whole()
	return o
}

func products() []sale.Product {
	return []sale.Product{
		{SKU: "100200", Name: "Молоко «Домик» 3,2 % 930 мл", Price: 8990, VAT: sale.VAT10, Subject: sale.SubjectGoods, Codes: []string{"4600000000015"}, Category: "Молочное"},
		{SKU: "300400", Name: "Яблоки «Гала»", Price: 12900, VAT: sale.VAT10, Subject: sale.SubjectGoods, Unit: sale.UnitKilogram, Traits: sale.Weighed, Category: "Фрукты"},
		{SKU: "500600", Name: "Сигареты «Север»", Price: 21000, MinPrice: 13000, VAT: sale.VAT22, Subject: sale.SubjectMarkedExcise, Traits: sale.NoStimulus | sale.AdultOnly | sale.Marked, Category: "Табак"},
		{SKU: "700800", Name: "Средство для мытья посуды концентрированное с экстрактом алтайских трав и глицерином, 1 000 мл, запасной блок", Price: 34550, VAT: sale.VAT22, Subject: sale.SubjectGoods},
	}
}

// correct sends the correction of a return that no receipt was made for.
func (o *office) correct() *sale.Record {
	j := o.tills[2]
	seq := j.Position.Seq
	r := j.Correcting(sale.DocSaleReturn, 4000)
	j.Add(r)
	o.send(j, seq)
	return r
}

// provide sends a sale of 10.00 whose points are a payment on its receipt: the line stands at its shelf price.
func (o *office) provide() *sale.Record {
	j := o.tills[1]
	seq := j.Position.Seq
	earned := j.Earning(7, 2, 500)
	j.Add(earned)
	r := j.Redeeming(earned.Leases[0], 311)
	r.Sale.Lines[0].Shelf = []sale.Part{{Qty: sale.Piece / 2, Price: 1001, Sum: 501}, {Qty: sale.Piece / 2, Price: 998, Sum: 499}}
	r.Fiscal.Sum = r.Sale.FiscalTotal()
	j.Add(r)
	o.send(j, seq)
	return r
}

// seat enrols a till as its installer would.
func (o *office) seat(no sale.StoreNo) *storetest.Journal {
	ctx := context.Background()
	code, err := o.Store.NewCode(ctx, o.org, no, 0, "owner", rand.Reader)
	require.NoError(o.t, err)
	public, private, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(o.t, err)
	a, err := o.Store.Enrol(ctx, &wire.EnrolRequest{Secret: code.Secret, Key: public, Proof: ed25519.Sign(private, wire.ProofBytes(code.Secret)), Name: fmt.Sprintf("Касса у входа %d", no), Program: "kopilka-agent 1.0.0"})
	require.NoError(o.t, err)
	j := storetest.New(o.org, no, a.Till, sale.At(evening.Add(-8*time.Hour)))
	o.tills = append(o.tills, j)
	return j
}

// send appends what a till has written since.
func (o *office) send(j *storetest.Journal, after uint64) {
	_, err := o.Store.Append(context.Background(), j.Org, j.Till, 0, j.After(after))
	require.NoError(o.t, err)
}

// basket is a sale with a discount, points, split parts and reasons, as the rules would make it.
func basket(j *storetest.Journal, customer sale.CustomerNo, staff sale.StaffNo) *sale.Record {
	r := j.Earning(customer, 3, 900)
	s := r.Sale
	s.Tier, s.Given = 1, 10000
	l := &s.Lines[1]
	l.Name, l.Qty, l.Price = "Яблоки «Гала», весовые, "+hostile, 1432, 12900
	l.Unit, l.Traits = sale.UnitKilogram, sale.Weighed
	l.Gross, l.Discount = 18473, 924
	l.Net = l.Gross - l.Discount
	l.Parts = []sale.Part{{Qty: 1000, Price: 12255, Sum: 12255}, {Qty: 432, Price: 12255, Sum: 5294}}
	l.Reasons = []sale.Reason{{Rule: loyalty.RulePriceFloor, Amount: 9000}}
	s.Reasons = []sale.Reason{{Rule: loyalty.RuleTierEarn, Amount: 900, Detail: "tier=1 rate=5% of=180.00"}, {Rule: loyalty.RuleTierDiscount, Amount: 924, Detail: "tier=1 rate=5% of=184.73"}}
	s.Gross, s.Discount, s.Total = 0, 0, 0
	for _, l := range s.Lines {
		s.Gross, s.Discount, s.Total = s.Gross+l.Gross, s.Discount+l.Discount, s.Total+l.Net
	}
	s.Given = s.Total + 5000
	s.Tenders = []sale.Tender{{Kind: sale.TenderCash, Amount: s.Total - 1500}, {Kind: sale.TenderCard, Amount: 1500}}
	s.Given = s.Total
	r.Staff, r.Fiscal.Sum = staff, s.Total
	return r
}

// day is eight hours of selling at every till. The first till closes its shift, the second one's
// fiscal storage disagrees.
func (o *office) day() {
	for i, j := range o.tills {
		j.Add(&sale.Record{Kind: sale.KindShiftOpen, Staff: 1, Shift: 1, Fiscal: j.Fiscal(sale.DocShiftOpen, 0)})
		j.Add(&sale.Record{Kind: sale.KindCashIn, Staff: 1, Shift: 1, Cash: &sale.CashMove{Amount: 500000, Reason: "размен"}, Fiscal: &sale.Fiscal{Kind: sale.FiscalOwn, Shift: 1, Key: sale.FiscalKey{FN: j.FN}}})
		var sold, card sale.Money
		var earned sale.Points
		var first *sale.Record
		n := 24
		for k := range n {
			j.At += 17 * 60_000
			var r *sale.Record
			if k%3 == 0 {
				r = basket(j, sale.CustomerNo(1+k%4), sale.StaffNo(1+k%3))
			} else {
				r = j.Plain(1 + k%5)
				r.Staff = sale.StaffNo(1 + k%3)
			}
			if i == 2 && k == explainedAt {
				explained(r)
			}
			j.Add(r)
			if first == nil {
				first = r
			}
			sold, earned = sold+r.Sale.Total, earned+r.Sale.Earned
			card += r.Sale.Total - r.Sale.Cash()
		}
		back := j.Owing(first, 900)
		j.Add(back)
		if i < 2 {
			c := &sale.ShiftClose{
				Sales: n, Returns: 1, Sold: sold, Refunded: back.Return.Total, Cash: sold - card - back.Return.Total + 500000, Card: card, Earned: earned, Head: j.Position.Head,
				Storage: &sale.StorageTotals{Sales: n - i, Returns: 1, Sold: sold - sale.Money(i)*1000, Refunded: back.Return.Total},
			}
			j.Add(&sale.Record{Kind: sale.KindShiftClose, Staff: 2, Shift: 1, Close: c, Fiscal: j.Fiscal(sale.DocShiftClose, 0)})
		}
		o.send(j, 0)
	}
}

// status is what the tills say of themselves: well, in trouble, and a day ago.
func (o *office) status() {
	ctx := context.Background()
	st := func(j *storetest.Journal, s wire.Status) {
		s.At = sale.At(o.now())
		require.NoError(o.t, o.Store.SaveStatus(ctx, o.org, j.Till, &s))
	}
	well := wire.RegisterStatus{Online: true, Model: "ШТРИХ-М-01Ф", Serial: "0123456789012345", FN: o.tills[0].FN, Firmware: "C.3 20114"}
	st(o.tills[0], wire.Status{Register: well, Customers: 182044})
	bad := well
	bad.Conditions, bad.Unsent = 1|1<<8, 312
	st(o.tills[1], wire.Status{Shift: 1, ShiftOpen: true, Staff: 2, Register: bad, Unsent: 14, Unknown: 1, ClockLag: -480_000})
	o.clock.Add(-26 * 3600_000)
	st(o.tills[2], wire.Status{Shift: 1, ShiftOpen: true, Staff: 3, Register: well, Unsent: 240})
	o.clock.Add(26 * 3600_000)
}

// browser is one person at the pages.
type browser struct {
	*http.Client
	o *office
}

func (o *office) browser() *browser {
	jar, err := cookiejar.New(nil)
	require.NoError(o.t, err)
	return &browser{&http.Client{Jar: jar, Timeout: time.Minute, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}, o}
}

// signedIn is a browser with a session.
func (o *office) signedIn(login string) *browser {
	b := o.browser()
	res, _ := b.post("/sign-in", url.Values{"login": {login}, "password": {password}})
	require.Equal(o.t, http.StatusSeeOther, res.StatusCode)
	return b
}

func (b *browser) get(path string) (*http.Response, string) {
	b.o.t.Helper()
	res, err := b.Get(b.o.url + path)
	require.NoError(b.o.t, err)
	return res, read(b.o.t, res)
}

func read(t testing.TB, res *http.Response) string {
	t.Helper()
	body, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	return string(body)
}

var tokenField = regexp.MustCompile(`name="csrf" value="([^"]+)"`)

// token reads the form's token off a page that every role may see.
func (b *browser) token() string {
	b.o.t.Helper()
	_, body := b.get("/password")
	m := tokenField.FindStringSubmatch(body)
	if m == nil {
		_, body = b.get("/sign-in")
		m = tokenField.FindStringSubmatch(body)
	}
	require.NotNil(b.o.t, m, "a page with a form")
	return m[1]
}

// post sends a form with its token.
func (b *browser) post(path string, form url.Values) (*http.Response, string) {
	b.o.t.Helper()
	sent := url.Values{"csrf": {b.token()}}
	for k, v := range form {
		sent[k] = v
	}
	res, err := b.PostForm(b.o.url+path, sent)
	require.NoError(b.o.t, err)
	return res, read(b.o.t, res)
}

var (
	inputTag    = regexp.MustCompile(`<input [^>]*>`)
	areaTag     = regexp.MustCompile(`(?s)<textarea [^>]*name="([^"]+)"[^>]*>(.*?)</textarea>`)
	selectTag   = regexp.MustCompile(`(?s)<select [^>]*name="([^"]+)"[^>]*>(.*?)</select>`)
	selectedTag = regexp.MustCompile(`<option value="([^"]*)" selected>`)
	attribute   = regexp.MustCompile(`(\w+)="([^"]*)"`)
)

// formFields is what a browser would send of the page's forms, apart from the token and other forms'
// buttons.
func formFields(body string) url.Values {
	out := url.Values{}
	_, body, _ = strings.Cut(body, "<main")
	for _, tag := range inputTag.FindAllString(body, -1) {
		at := map[string]string{}
		for _, m := range attribute.FindAllStringSubmatch(tag, -1) {
			at[m[1]] = html.UnescapeString(m[2])
		}
		box := at["type"] == "checkbox" || at["type"] == "radio"
		if at["name"] == "" || at["name"] == "csrf" || (box && !strings.Contains(tag, " checked")) {
			continue
		}
		out.Add(at["name"], at["value"])
	}
	for _, m := range areaTag.FindAllStringSubmatch(body, -1) {
		out.Set(html.UnescapeString(m[1]), html.UnescapeString(m[2]))
	}
	for _, m := range selectTag.FindAllStringSubmatch(body, -1) {
		if chosen := selectedTag.FindStringSubmatch(m[2]); chosen != nil {
			out.Set(html.UnescapeString(m[1]), html.UnescapeString(chosen[1]))
		}
	}
	return out
}

// explainedAt is which of the third till's receipts has something of every kind to explain.
const explainedAt = 12

// explained adds a promotion, draw tickets, a cashier's reward and a fraud rule to a receipt.
func explained(r *sale.Record) {
	s := r.Sale
	s.Programme, s.Reward, s.FoundBy = 1, 90, sale.FoundTyped
	s.Applied = []sale.Applied{{Promotion: 1, Times: 1, Discount: 924}}
	s.Watched = []sale.Watched{{Rule: loyalty.WatchOwnCard, Amount: 1, By: 2}}
	s.Lines[0].Extra = []sale.PurseAmount{{Purse: 2, Amount: 300}}
	lot := sale.Lot{ID: sale.DeriveID(r.ID, "lot", 2), Account: sale.CustomerAccount(s.Customer).In(2), Source: r.ID}
	r.Lots = append(r.Lots, lot)
	r.Postings = append(r.Postings, sale.Posting{Account: sale.EmployeeAccount(r.Staff), Amount: 90}, sale.Posting{Account: sale.ProgrammeAccount(), Amount: -90},
		sale.Posting{Account: lot.Account, Lot: lot.ID, Amount: 300}, sale.Posting{Account: sale.ProgrammeAccount().In(2), Amount: -300})
}

// whole gives the office codes, certificates, a partner, a prize draw and a merged customer.
func (o *office) whole() {
	ctx, t := context.Background(), o.t
	_, err := o.Store.MakeCodes(ctx, o.org, 1, 60, nil, "owner", rand.Reader)
	require.NoError(t, err)
	_, err = o.Store.IssueCertificates(ctx, o.org, "Новый год 2027", 3, 150000, sale.At(evening.AddDate(1, 0, 0)), "owner", rand.Reader)
	require.NoError(t, err)
	_, err = o.Store.PutPartner(ctx, o.org, page.Partner{Name: "Кофейня «" + longName + "»", Contact: "Пётр, +7 900 000-00-00"}, "owner")
	require.NoError(t, err)
	require.NoError(t, o.Store.MergeCustomers(ctx, o.org, 2, 3, "одна и та же", "owner"))
	require.NoError(t, o.Store.SetConsent(ctx, o.org, 1, sale.Consent{Kind: sale.ConsentAdvertising, Version: 1, Given: true}, "owner"))
	_, err = o.Office.Draw(ctx, o.org, 2, "тираж 1234", 1)
	require.NoError(t, err)
	draws, err := o.Store.Draws(ctx, o.org)
	require.NoError(t, err)
	o.drawn = draws[0].Record
}
