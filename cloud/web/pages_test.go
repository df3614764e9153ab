package web_test

import (
	"context"
	"encoding/csv"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/cloud/store"
	"github.com/kopilka/kopilka/cloud/web"
	"github.com/kopilka/kopilka/cloud/web/page"
	"github.com/kopilka/kopilka/ledger/sale"
)

// example fills the wildcards of a route with things that exist.
func (o *office) example(pattern string) string {
	_, path, _ := strings.Cut(pattern, " ")
	first := o.tills[0]
	flags, err := o.Store.FlagRows(context.Background(), o.org, false, page.FlagKey{}, 1)
	require.NoError(o.t, err)
	id := first.Records[4].Record.ID.String()
	if strings.HasPrefix(path, "/flags") {
		id = flags[0].ID.String()
	}
	if strings.HasPrefix(path, "/draws/{id}") {
		id = o.drawn.String()
	}
	return strings.NewReplacer("{$}", "", "{campaign}", "1", "{batch}", url.PathEscape("Новый год 2027"), "{purse}", "2", "{id}", id, "{till}", "1", "{fn}", first.FN, "{shift}", "1", "{sku}", "100200", "{login}", "viewer", "{no}", "1", "{version}", "1", "{draft}", "1", "{section}", "promotions", "{i}", "0").Replace(path)
}

// TestEveryRoleOnEveryPage holds each route against each role: below the least it is refused and
// nothing happens, from there on it answers.
func TestEveryRoleOnEveryPage(t *testing.T) {
	t.Parallel()
	o := fill(t)
	checked := 0
	for login, role := range map[string]page.Role{"": 0, "viewer": page.RoleViewer, "manager": page.RoleManager, "owner": page.RoleOwner} {
		b := o.browser()
		if login != "" {
			b = o.signedIn(login)
		}
		for _, rt := range web.Routes() {
			if rt.Pattern == "GET /live" || rt.Pattern == "POST /sign-out" || rt.Pattern == "POST /sign-in" {
				continue
			}
			checked++
			t.Run(fmt.Sprintf("%s %s", login, rt.Pattern), func(t *testing.T) {
				var res *http.Response
				if strings.HasPrefix(rt.Pattern, "GET") {
					res, _ = b.get(o.example(rt.Pattern))
				} else {
					res, _ = b.post(o.example(rt.Pattern), url.Values{})
				}
				switch {
				case role >= rt.Least:
					require.NotContains(t, []int{401, 403, 404, 500}, res.StatusCode, rt.Pattern)
				case role == 0 && strings.HasPrefix(rt.Pattern, "GET"):
					require.Equal(t, http.StatusSeeOther, res.StatusCode)
					require.Contains(t, res.Header.Get("Location"), "/sign-in")
				default:
					require.Equal(t, http.StatusForbidden, res.StatusCode)
				}
			})
		}
	}
	require.Greater(t, checked, 150)
}

func TestSignIn(t *testing.T) {
	t.Parallel()
	o := fill(t)
	b := o.browser()
	res, _ := b.get("/sales?till=1")
	require.Equal(t, "/sign-in?next="+url.QueryEscape("/sales?till=1"), res.Header.Get("Location"))
	res, body := b.post("/sign-in", url.Values{"login": {"owner"}, "password": {"не тот пароль"}})
	require.Equal(t, http.StatusUnauthorized, res.StatusCode)
	require.Contains(t, body, "Неверный логин или пароль")
	res, _ = b.post("/sign-in", url.Values{"login": {" OWNER "}, "password": {password}, "next": {"//evil.example"}})
	require.Equal(t, "/", res.Header.Get("Location"), "never to another server")
	cookie := res.Header.Get("Set-Cookie")
	require.Contains(t, cookie, "HttpOnly")
	require.Contains(t, cookie, "SameSite=Lax")

	_, body = b.get("/")
	require.Contains(t, body, "Анна Петрова")
	o.clock.Add(13 * 3600_000)
	res, _ = b.get("/")
	require.Equal(t, http.StatusSeeOther, res.StatusCode, "a session ends after a working day")
}

func TestSignOutEndsTheSessionOnTheServer(t *testing.T) {
	t.Parallel()
	o := fill(t)
	b := o.signedIn("viewer")
	home, err := url.Parse(o.url)
	require.NoError(t, err)
	kept := b.Jar.Cookies(home)
	res, _ := b.post("/sign-out", nil)
	require.Equal(t, http.StatusSeeOther, res.StatusCode)
	thief := o.browser()
	thief.Jar.SetCookies(home, kept)
	res, _ = thief.get("/")
	require.Equal(t, http.StatusSeeOther, res.StatusCode)
}

func TestFailedSignInsAreCounted(t *testing.T) {
	t.Parallel()
	o := fill(t)
	b := o.browser()
	for range 5 {
		res, _ := b.post("/sign-in", url.Values{"login": {"owner"}, "password": {"wrong password"}})
		require.Equal(t, http.StatusUnauthorized, res.StatusCode)
	}
	res, body := b.post("/sign-in", url.Values{"login": {"owner"}, "password": {password}})
	require.Equal(t, http.StatusTooManyRequests, res.StatusCode, "even the right one")
	require.Contains(t, body, "Слишком много неудачных попыток входа")
	require.NotEmpty(t, res.Header.Get("Retry-After"))
	res, _ = b.post("/sign-in", url.Values{"login": {"manager"}, "password": {password}})
	require.Equal(t, http.StatusSeeOther, res.StatusCode, "another login is free")
	o.clock.Add((16 * time.Minute).Milliseconds())
	o.signedIn("owner")
}

func TestPostsNeedTheirToken(t *testing.T) {
	t.Parallel()
	o := fill(t)
	b := o.signedIn("owner")
	other := o.signedIn("owner")
	for _, token := range []string{"", "nonsense", other.token()} {
		res, err := b.PostForm(o.url+"/stores/1", url.Values{"csrf": {token}, "name": {"Захвачен"}, "zone": {"Europe/Moscow"}})
		require.NoError(t, err)
		read(t, res)
		require.Equal(t, http.StatusForbidden, res.StatusCode)
	}
	req, err := http.NewRequest(http.MethodPost, o.url+"/stores/1", strings.NewReader(url.Values{"csrf": {b.token()}, "name": {"Захвачен"}, "zone": {"Europe/Moscow"}}.Encode()))
	require.NoError(t, err)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Sec-Fetch-Site", "cross-site")
	res, err := b.Do(req)
	require.NoError(t, err)
	read(t, res)
	require.Equal(t, http.StatusForbidden, res.StatusCode)
	_, body := b.get("/stores")
	require.NotContains(t, body, "Захвачен")
}

// TestHostileNamesStayText looks at every page for a tag that a name has smuggled in.
func TestHostileNamesStayText(t *testing.T) {
	t.Parallel()
	o := fill(t)
	b := o.signedIn("owner")
	seen := 0
	for _, rt := range web.Routes() {
		if !strings.HasPrefix(rt.Pattern, "GET") || rt.Pattern == "GET /live" || strings.HasSuffix(rt.Pattern, ".csv") {
			continue
		}
		res, body := b.get(o.example(rt.Pattern))
		if strings.Contains(rt.Pattern, "record.json") {
			require.Equal(t, "application/json; charset=utf-8", res.Header.Get("Content-Type"))
			continue
		}
		require.NotContains(t, body, "<script>alert", rt.Pattern)
		require.NotContains(t, body, "<img", rt.Pattern)
		bare := regexp.MustCompile(`"[^"]*"`).ReplaceAllString(body, `""`)
		require.False(t, regexp.MustCompile(`<[^>]+ (style|on[a-z]+)=`).MatchString(bare), "the policy forbids it: %s", rt.Pattern)
		require.Contains(t, res.Header.Get("Content-Security-Policy"), "script-src 'self'")
		if strings.Contains(body, "&lt;script&gt;") {
			seen++
		}
	}
	require.Greater(t, seen, 4, "the hostile names are on the pages")
}

func TestCSVCannotCarryFormulas(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"=1+1": "'=1+1", "+cmd": "'+cmd", "-12.50": "-12.50", "-1+2": "'-1+2", "@x": "'@x", "Молоко": "Молоко", "\tx": "'\tx", " =x": "' =x", "": "", "-": "'-", "1-2": "1-2",
	} {
		require.Equal(t, want, web.CSVSafe(in))
	}
	o := fill(t)
	_, body := o.signedIn("manager").get("/customers.csv")
	require.Contains(t, body, `"'=HYPERLINK(""http://example.com"")"`)
	require.NotRegexp(t, regexp.MustCompile(`(^|;|\n)"?[=@]`), body)
}

func TestSalesFilters(t *testing.T) {
	t.Parallel()
	o := fill(t)
	b := o.signedIn("viewer")
	row := regexp.MustCompile(`<tr data-key=`)
	count := func(query string) int {
		n := 0
		for path := "/sales?" + query; ; {
			res, body := b.get(path)
			require.Equal(t, http.StatusOK, res.StatusCode, path)
			n += len(row.FindAllString(body, -1))
			m := regexp.MustCompile(`rel="next" href="([^"]+)"`).FindStringSubmatch(body)
			if m == nil {
				return n
			}
			path = "/sales" + strings.ReplaceAll(m[1], "&amp;", "&")
		}
	}
	sold := o.tills[0].Records[4].Record
	all := 3 * 25
	for query, want := range map[string]int{
		"": all, "store=2": 25, "till=1": 25, "kind=2": 3, "kind=1": 72, "card=1": 3*8 + 3, "card=2": 3 * 16, "customer=1": 9 + 3*0,
		"q=" + sold.ID.String(): 1, "q=" + sold.Sale.No.String(): 1, "q=" + url.QueryEscape(sold.Fiscal.QR()): 1,
		"q=" + url.QueryEscape(o.tills[0].FN+" "+fmt.Sprint(sold.Fiscal.Key.FD)): 1, "q=" + o.tills[0].FN: 25, "q=%D0%A4%D0%94+" + fmt.Sprint(sold.Fiscal.Key.FD): 3,
		"from=2026-11-22": 0, "to=2026-11-20": 0, "from=2026-11-21&to=2026-11-21": all, "min=100000": 0, "max=0,01": 0,
	} {
		if query == "customer=1" {
			want = 0
			for _, j := range o.tills {
				for _, r := range j.Records {
					if (r.Record.Sale != nil && r.Record.Sale.Customer == 1) || (r.Record.Return != nil && r.Record.Return.Customer == 1) {
						want++
					}
				}
			}
		}
		require.Equal(t, want, count(query), query)
	}
	for _, query := range []string{"q=%D1%87%D1%82%D0%BE-%D1%82%D0%BE", "min=abc", "from=yesterday", "customer=x"} {
		_, body := b.get("/sales?" + query)
		require.Contains(t, body, "data-problems", query)
	}
	res, _ := b.get("/sales?after=nonsense")
	require.Equal(t, http.StatusNotFound, res.StatusCode)
}

func TestSalesCSVHasTheFiltersOfThePage(t *testing.T) {
	t.Parallel()
	o := fill(t)
	b := o.signedIn("viewer")
	res, body := b.get("/sales.csv?till=2")
	require.Contains(t, res.Header.Get("Content-Disposition"), "attachment")
	r := csv.NewReader(strings.NewReader(strings.TrimPrefix(body, "\ufeff")))
	r.Comma = ';'
	rows, err := r.ReadAll()
	require.NoError(t, err)
	require.Len(t, rows, 1+25)
	var sum sale.Money
	for _, row := range rows[1:] {
		require.Equal(t, "2", row[5])
		require.Equal(t, "Asia/Novosibirsk", row[1])
		m, err := sale.ParseMoney(row[13])
		require.NoError(t, err)
		if row[2] == "sale" {
			sum += m
		}
	}
	var want sale.Money
	for _, rec := range o.tills[1].Records {
		if rec.Record.Sale != nil {
			want += rec.Record.Sale.Total
		}
	}
	require.Equal(t, want, sum)
}

func TestReceiptExplainsItself(t *testing.T) {
	t.Parallel()
	o := fill(t)
	b := o.signedIn("viewer")
	r := o.tills[1].Records[3].Record
	_, body := b.get("/sales/" + r.ID.String())
	body = html.UnescapeString(body)
	for _, want := range []string{
		"1,432 × 129,00", "−9,24", "122,55", "Начислено баллов по уровню 1: 5% от 180,00", "Минимальная цена: 90,00", r.Fiscal.Key.FN, `class="qr"`, "fn=" + r.Fiscal.Key.FN,
		r.Prev.String(), o.tills[1].Records[3].Hash.String(), "Возвраты по этому чеку", "Новосибирск", "+9", "UTC+7",
	} {
		require.Contains(t, body, want)
	}
	local := r.At.Time().In(time.FixedZone("", 7*3600)).Format("15:04:05")
	require.Contains(t, body, local, "in the store's zone")
	_, body = b.get("/sales/" + o.tills[1].Records[27].Record.ID.String())
	require.Contains(t, body, "/sales/"+r.ID.String(), "a return leads to its sale")
}

// Where points are counter-provision the page shows the price that was printed and the payment that was not money.
func TestReceiptShowsCounterProvision(t *testing.T) {
	t.Parallel()
	o := fill(t)
	sold := o.provide()
	_, body := o.signedIn("viewer").get("/sales/" + sold.ID.String())
	body = html.UnescapeString(body)
	for _, want := range []string{"0,500 × 10,01; 0,500 × 9,98", "Встречное предоставление", "3,11", "s=20.10"} {
		require.Contains(t, body, want)
	}
}

func TestShiftsAreHeldAgainstTheStorage(t *testing.T) {
	t.Parallel()
	o := fill(t)
	b := o.signedIn("viewer")
	_, body := b.get("/shifts")
	require.Contains(t, body, "расхождение")
	require.Contains(t, body, "сходится")
	_, body = b.get("/shifts/1/" + o.tills[0].FN + "/1")
	require.NotContains(t, body, `class="off"`)
	require.Contains(t, body, o.tills[0].Records[len(o.tills[0].Records)-1].Record.Close.Head.Short())
	_, body = b.get("/shifts/2/" + o.tills[1].FN + "/1")
	require.Contains(t, body, `class="off"`)
}

func TestCorrectionsAreShown(t *testing.T) {
	t.Parallel()
	o := fill(t)
	r := o.correct()
	b := o.signedIn("viewer")
	_, body := b.get("/sales?kind=3")
	require.Contains(t, body, "/sales/"+r.ID.String())
	require.Contains(t, body, "коррекция возврата")
	require.Contains(t, body, "<strong>−40,00</strong>", "what it takes off the drawer")
	_, body = o.signedIn("manager").get("/sales.csv?kind=3")
	require.Equal(t, "return-correction", cells(t, body, ';')[1][2])
	res, body := b.get("/sales/" + r.ID.String())
	require.Equal(t, http.StatusOK, res.StatusCode)
	for _, words := range []string{"Коррекция", "возврат прихода", "предписание 17-А", "20 ноя 2026", "без чека", "Наличными", "−40,00"} {
		require.Contains(t, body, words)
	}
	require.NotContains(t, body, "t=2026", "the tax office's app knows no code of a correction")
}

func TestPointsByHand(t *testing.T) {
	t.Parallel()
	o := fill(t)
	b := o.signedIn("manager")
	res, body := b.post("/customers/1/points", url.Values{"amount": {"abc"}, "reason": {""}})
	require.Equal(t, http.StatusUnprocessableEntity, res.StatusCode)
	require.Contains(t, body, "Заполните это поле")
	require.Contains(t, body, `value="abc"`, "what was typed is kept")
	before := o.balance(1)
	res, body = b.post("/customers/1/points", url.Values{"amount": {"50"}, "reason": {"извинение"}})
	require.Equal(t, http.StatusOK, res.StatusCode)
	require.Equal(t, before, o.balance(1), "nothing before the confirmation")
	key := regexp.MustCompile(`name="key" value="([^"]+)"`).FindStringSubmatch(body)[1]
	for range 2 {
		res, _ = b.post("/customers/1/points", url.Values{"amount": {"50"}, "reason": {"извинение"}, "key": {key}, "sure": {"1"}})
		require.Equal(t, http.StatusSeeOther, res.StatusCode)
	}
	require.Equal(t, before+50*sale.Point, o.balance(1), "pressing twice books once")
	no, err := o.Store.PutPerson(context.Background(), o.org, store.Person{Name: "Новый Олег"})
	require.NoError(t, err)
	at := fmt.Sprintf("/customers/%d/points", int64(no))
	for _, amount := range []string{"50", "-50"} {
		_, body = b.post(at, url.Values{"amount": {amount}, "reason": {"ошибка"}})
		sure := formFields(body)
		for range 2 {
			res, _ = b.post(at, sure)
			require.Equal(t, http.StatusSeeOther, res.StatusCode, "taken already is not too little: "+amount)
		}
	}
	require.Zero(t, o.balance(no))
	res, _ = b.post("/customers/1/points", url.Values{"amount": {"-999999"}, "reason": {"x"}})
	require.Equal(t, http.StatusUnprocessableEntity, res.StatusCode)
}

func (o *office) balance(no sale.CustomerNo) sale.Points {
	c, err := o.Store.CustomerCard(context.Background(), o.org, no)
	require.NoError(o.t, err)
	return c.Balance
}

func TestCustomersAreFoundAndChanged(t *testing.T) {
	t.Parallel()
	o := fill(t)
	b := o.signedIn("manager")
	for _, q := range []string{"петро", "анна", "8 (916) 123-45-67", "2900000001234", "1"} {
		_, body := b.get("/customers?q=" + url.QueryEscape(q))
		require.Contains(t, body, "Петрова Анна Сергеевна", q)
	}
	_, body := o.signedIn("viewer").get("/customers?q=" + url.QueryEscape("петро"))
	require.NotContains(t, body, "79161234567", "a viewer sees no whole numbers")
	res, body := b.post("/customers/new", url.Values{"name": {"Двойник"}, "phone": {"89161234567"}, "cards": {"777"}})
	require.Equal(t, http.StatusUnprocessableEntity, res.StatusCode)
	require.Contains(t, body, "Этот телефон у покупателя № 1")
	res, _ = b.post("/customers/new", url.Values{"name": {"Новый Олег"}, "phone": {"8 905 000 11 22"}, "home": {"1"}})
	require.Equal(t, http.StatusSeeOther, res.StatusCode)
	_, body = b.get(res.Header.Get("Location"))
	require.Contains(t, html.UnescapeString(body), "+79050001122")
	res, _ = b.post("/customers/1/block", url.Values{"sure": {"1"}})
	require.Equal(t, http.StatusSeeOther, res.StatusCode)
	_, body = b.get("/customers/1")
	require.Contains(t, body, "заблокирован")
	require.Contains(t, body, "2900000001234", "blocking loses no card")
}
