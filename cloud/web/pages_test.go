package web_test

import (
	"bytes"
	"context"
	"encoding/csv"
	"fmt"
	"html"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/cloud/web"
	"github.com/kopilka/kopilka/cloud/web/page"
	"github.com/kopilka/kopilka/drivers"
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
	return strings.NewReplacer("{$}", "", "{id}", id, "{till}", "1", "{fn}", first.FN, "{shift}", "1", "{sku}", "100200", "{login}", "viewer", "{no}", "1").Replace(path)
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
		"1,432 × 129,00", "−9,24", "122,55", "Начисление уровня 1: 5% от 180.00", "Минимальная цена: 90.00", r.Fiscal.Key.FN, `class="qr"`, "fn=" + r.Fiscal.Key.FN,
		r.Prev.String(), o.tills[1].Records[3].Hash.String(), "Возвраты по этому чеку", "Новосибирск", "+9", "UTC+7",
	} {
		require.Contains(t, body, want)
	}
	local := r.At.Time().In(time.FixedZone("", 7*3600)).Format("15:04:05")
	require.Contains(t, body, local, "in the store's zone")
	_, body = b.get("/sales/" + o.tills[1].Records[27].Record.ID.String())
	require.Contains(t, body, "/sales/"+r.ID.String(), "a return leads to its sale")
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

func TestProgrammeVersions(t *testing.T) {
	t.Parallel()
	o := fill(t)
	b := o.signedIn("owner")
	form := url.Values{
		"policy": {"points"}, "effective": {"2026-12-01T09:00"}, "activate": {"24"}, "expire": {"abc"}, "earn-step": {"0"}, "redeem-step": {"1"}, "floor": {"0,01"},
		"tier-0-no": {"0"}, "tier-0-ru": {"Новый"}, "tier-0-en": {"New"}, "tier-0-earn": {"4,5"}, "tier-0-redeem": {"130"}, "tier-0-discount": {"0"},
	}
	res, body := b.post("/programme/new", form)
	require.Equal(t, http.StatusUnprocessableEntity, res.StatusCode)
	for _, id := range []string{"#f-expire", "#f-earn-step", "#f-tier-0-redeem"} {
		require.Contains(t, body, id, "all problems at once")
	}
	require.Contains(t, body, `value="Новый"`)
	form.Set("expire", "180")
	form.Set("earn-step", "1")
	form.Set("tier-0-redeem", "30")
	res, body = b.post("/programme/new", form)
	require.Equal(t, http.StatusOK, res.StatusCode)
	require.Contains(t, body, "Опубликовать версию 2?")
	form.Set("sure", "1")
	res, _ = b.post("/programme/new", form)
	require.Equal(t, http.StatusSeeOther, res.StatusCode)
	_, body = b.get("/programme")
	require.Contains(t, body, "вступит")
	require.Contains(t, body, "первая версия", "history stays")
	form.Set("effective", "2020-01-01T00:00")
	res, _ = b.post("/programme/new", form)
	require.Equal(t, http.StatusUnprocessableEntity, res.StatusCode)
}

func TestProductImport(t *testing.T) {
	t.Parallel()
	o := fill(t)
	b := o.signedIn("manager")
	send := func(text string, more url.Values) (*http.Response, string) {
		form := url.Values{"text": {text}, "name": {"goods.csv"}}
		for k, v := range more {
			form[k] = v
		}
		return b.post("/products/import", form)
	}
	bad := "sku;name;price;vat;codes\n1;;abc;99;4600000000016\n1;Хлеб;50;10;\n"
	res, body := send(bad, nil)
	require.Equal(t, http.StatusUnprocessableEntity, res.StatusCode)
	for _, want := range []string{"строка 2", "строка 3", "контрольная цифра", "Артикул уже был", "Ничего не загружено"} {
		require.Contains(t, body, want)
	}
	good := "sku;name;price;vat;codes\n900;Хлеб;50,5;10;4600000000022\n100200;Молоко «Домик» 3,2 % 930 мл;95;10;4600000000015\n"
	res, body = send(good, nil)
	require.Equal(t, http.StatusOK, res.StatusCode)
	require.Contains(t, body, "89,90 → 95,00")
	_, err := o.Store.ProductRow(context.Background(), o.org, "900")
	require.Error(t, err, "nothing before the confirmation")
	res, _ = send(good, url.Values{"sure": {"1"}})
	require.Equal(t, http.StatusSeeOther, res.StatusCode)
	p, err := o.Store.ProductRow(context.Background(), o.org, "900")
	require.NoError(t, err)
	require.Equal(t, sale.Money(5050), p.Price)
	res, body = send("sku;name;price;vat;codes\n901;Батон;40;10;4600000000015\n", nil)
	require.Equal(t, http.StatusUnprocessableEntity, res.StatusCode)
	require.Contains(t, body, "уже у товара 100200")
}

func TestEnrolmentAndRevocation(t *testing.T) {
	t.Parallel()
	o := fill(t)
	b := o.signedIn("owner")
	res, body := b.post("/tills/new", url.Values{"store": {"1"}, "till": {""}})
	require.Equal(t, http.StatusOK, res.StatusCode)
	code := regexp.MustCompile(`id="code">([^<]+)<`).FindStringSubmatch(body)[1]
	require.Contains(t, body, "kopilka-agent enrol "+o.url+" "+code)
	_, body = b.get("/tills")
	require.NotContains(t, body, code, "shown once")
	require.Contains(t, body, "Коды, которые ещё не введены")
	_, body = b.post("/tills/1/retire", nil)
	require.Contains(t, body, "Риск:")
	_, body = b.post("/tills/1/revoke", nil)
	require.Contains(t, body, "Отозвать кассу 1?")
	_, body = b.get("/tills/1")
	require.NotContains(t, body, "Касса отозвана")
	res, _ = b.post("/tills/1/revoke", url.Values{"sure": {"1"}})
	require.Equal(t, http.StatusSeeOther, res.StatusCode)
	_, body = b.get("/tills/1")
	require.Contains(t, body, "Касса отозвана")
}

func TestFlagsAreResolvedWithANote(t *testing.T) {
	t.Parallel()
	o := fill(t)
	b := o.signedIn("manager")
	flags, err := o.Store.FlagRows(context.Background(), o.org, false, page.FlagKey{}, 50)
	require.NoError(t, err)
	require.NotEmpty(t, flags)
	res, body := b.post("/flags/"+flags[0].ID.String(), url.Values{"note": {" "}})
	require.Equal(t, http.StatusUnprocessableEntity, res.StatusCode)
	require.Contains(t, body, "Заполните это поле")
	res, _ = b.post("/flags/"+flags[0].ID.String(), url.Values{"note": {"сверили"}})
	require.Equal(t, http.StatusSeeOther, res.StatusCode)
	_, body = b.get("/flags?show=resolved")
	require.Contains(t, body, "сверили")
}

func TestUsersAndPasswords(t *testing.T) {
	t.Parallel()
	o := fill(t)
	b := o.signedIn("owner")
	viewer := o.signedIn("viewer")
	res, body := b.post("/users/owner", url.Values{"name": {"Я"}, "role": {"viewer"}})
	require.Equal(t, http.StatusUnprocessableEntity, res.StatusCode)
	require.Contains(t, body, "Свою роль и вход менять нельзя")
	res, _ = b.post("/users/viewer", url.Values{"name": {"Анна"}, "role": {"manager"}})
	require.Equal(t, http.StatusSeeOther, res.StatusCode)
	res, _ = viewer.get("/")
	require.Equal(t, http.StatusSeeOther, res.StatusCode, "a changed role ends the sessions")
	viewer = o.signedIn("viewer")
	res, body = viewer.post("/password", url.Values{"old": {"wrong"}, "new": {"short"}, "again": {"other"}})
	require.Equal(t, http.StatusUnprocessableEntity, res.StatusCode)
	require.Contains(t, body, "#f-old")
	require.Contains(t, body, "#f-new")
	require.Contains(t, body, "#f-again")
	res, _ = viewer.post("/password", url.Values{"old": {password}, "new": {"совсем новый пароль"}, "again": {"совсем новый пароль"}})
	require.Equal(t, http.StatusSeeOther, res.StatusCode)
	res, _ = viewer.get("/")
	require.Equal(t, http.StatusOK, res.StatusCode, "the one who changed it stays")
}

func TestLanguageIsTheUsersOwn(t *testing.T) {
	t.Parallel()
	o := fill(t)
	b := o.signedIn("viewer")
	res, _ := b.post("/lang", url.Values{"lang": {"en"}, "next": {"/sales"}})
	require.Equal(t, "/sales", res.Header.Get("Location"))
	_, body := o.signedIn("viewer").get("/sales")
	require.Contains(t, body, `<html lang="en">`)
	require.Contains(t, body, "Transactions")
	require.NotContains(t, body, "Операции")
}

func TestAssetsAreNamedByTheirContent(t *testing.T) {
	t.Parallel()
	o := fill(t)
	_, body := o.browser().get("/sign-in")
	m := regexp.MustCompile(`href="(/assets/app\.[0-9a-f]{12}\.css)"`).FindStringSubmatch(body)
	require.NotNil(t, m)
	res, css := o.browser().get(m[1])
	require.Equal(t, http.StatusOK, res.StatusCode)
	require.Contains(t, res.Header.Get("Cache-Control"), "immutable")
	require.NotContains(t, css, "http://")
	require.NotContains(t, css, "@import")
	res, _ = o.browser().get("/assets/app.000000000000.css")
	require.Equal(t, http.StatusNotFound, res.StatusCode)
}

func TestConditionsHaveWords(t *testing.T) {
	t.Parallel()
	require.Equal(t, []uint16{
		uint16(drivers.PaperOut), uint16(drivers.PaperNear), uint16(drivers.CoverOpen), uint16(drivers.Printing), uint16(drivers.WaitsForResume), uint16(drivers.ShiftOver24h),
		uint16(drivers.NotFiscal), uint16(drivers.StorageEnding), uint16(drivers.OFDOverdue), uint16(drivers.ClockUnset), uint16(drivers.Fault),
	}, web.ConditionBits())
}

func TestEmptyListsSayWhatToDo(t *testing.T) {
	t.Parallel()
	o := open(t)
	b := o.signedIn("owner")
	for path, want := range map[string]string{
		"/": "Начните с магазина", "/sales": "Операций пока нет", "/shifts": "Смен нет", "/tills": "Сначала добавьте магазин", "/customers": "Покупателей пока нет",
		"/programme": "Составить первую версию", "/products": "есть шаблон", "/staff": "задайте ему PIN", "/flags": "Всё спокойно", "/stores": "Новый магазин",
	} {
		res, body := b.get(path)
		require.Equal(t, http.StatusOK, res.StatusCode, path)
		require.Contains(t, body, want, path)
	}
	res, body := b.get("/no-such-page")
	require.Equal(t, http.StatusNotFound, res.StatusCode)
	require.Contains(t, body, "Такой страницы нет")
}

// TestWhoMayWrite says once more, apart from the table itself, who may change what.
func TestWhoMayWrite(t *testing.T) {
	t.Parallel()
	own := map[string]page.Role{"/sign-in": 0, "/lang": 0, "/sign-out": page.RoleViewer, "/password": page.RoleViewer}
	sections := map[string]page.Role{
		"customers": page.RoleManager, "products": page.RoleManager, "staff": page.RoleManager, "flags": page.RoleManager,
		"tills": page.RoleOwner, "programme": page.RoleOwner, "stores": page.RoleOwner, "users": page.RoleOwner,
	}
	writes := 0
	for _, rt := range web.Routes() {
		method, path, _ := strings.Cut(rt.Pattern, " ")
		if method != "POST" {
			require.True(t, rt.Least >= page.RoleViewer || path == "/sign-in", rt.Pattern)
			continue
		}
		writes++
		want, ok := own[path]
		if !ok {
			want, ok = sections[strings.Split(path, "/")[1]]
		}
		require.True(t, ok, "nobody has decided who may %s", rt.Pattern)
		require.Equal(t, want, rt.Least, rt.Pattern)
	}
	require.Equal(t, 22, writes)
	for _, rt := range web.Routes() {
		if rt.Pattern == "GET /customers.csv" || rt.Pattern == "GET /users" {
			require.Greater(t, rt.Least, page.RoleViewer)
		}
	}
}

// TestProductUpload sends a file as a browser does.
func TestProductUpload(t *testing.T) {
	t.Parallel()
	o := fill(t)
	b := o.signedIn("manager")
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	require.NoError(t, w.WriteField("csrf", b.token()))
	part, err := w.CreateFormFile("file", "товары.csv")
	require.NoError(t, err)
	_, err = io.WriteString(part, "\ufeffSKU,Name,Price,VAT\r\n902,\"Сыр, твёрдый\",700,none\r\n")
	require.NoError(t, err)
	require.NoError(t, w.Close())
	res, err := b.Post(o.url+"/products/import", w.FormDataContentType(), &body)
	require.NoError(t, err)
	page := read(t, res)
	require.Equal(t, http.StatusOK, res.StatusCode)
	require.Contains(t, page, "Сыр, твёрдый")
	require.Contains(t, page, "товары.csv")
}

// TestStaffImport makes a cashier who can sign in at a till.
func TestStaffImport(t *testing.T) {
	t.Parallel()
	o := fill(t)
	b := o.signedIn("manager")
	res, body := b.post("/staff/import", url.Values{"text": {"name;role;pin;number\nСидоров Пётр;cashier;1111;\n;boss;;99\n"}, "name": {"x.csv"}})
	require.Equal(t, http.StatusUnprocessableEntity, res.StatusCode)
	for _, want := range []string{"Слишком простой PIN", "Кассира с таким номером нет", "Заполните это поле"} {
		require.Contains(t, body, want)
	}
	res, _ = b.post("/staff/import", url.Values{"text": {"name;role;pin\nСидоров Пётр;cashier;4826\n"}, "name": {"x.csv"}, "sure": {"1"}})
	require.Equal(t, http.StatusSeeOther, res.StatusCode)
	m, err := o.Store.Member(context.Background(), o.org, 4)
	require.NoError(t, err)
	require.Equal(t, "Сидоров Пётр", m.Name)
	require.True(t, m.CheckPIN("4826"))
}

// TestOverviewAddsUp holds the day's figures against the journals.
func TestOverviewAddsUp(t *testing.T) {
	t.Parallel()
	o := fill(t)
	day := time.Date(2026, 11, 21, 0, 0, 0, 0, time.FixedZone("", 3*3600))
	stores, buckets, err := o.Store.Day(context.Background(), o.org, 0, sale.At(day), sale.At(day.AddDate(0, 0, 1)))
	require.NoError(t, err)
	require.Len(t, stores, 3)
	var sold, inBuckets sale.Money
	for _, j := range o.tills {
		for _, r := range j.Records {
			if r.Record.Sale != nil {
				sold += r.Record.Sale.Total
			}
		}
	}
	var sum page.Totals
	for _, s := range stores {
		sum.Add(s.Totals)
	}
	for i, b := range buckets {
		inBuckets += b.Sold
		require.Zero(t, int64(b.From)%page.BucketMs)
		require.True(t, i == 0 || buckets[i-1].From < b.From)
	}
	require.Equal(t, page.Totals{Sales: 72, Returns: 3, Sold: sold, Refunded: 3000, Discount: 24 * 924, WithCustomer: 24, Earned: 24 * 900}, sum)
	require.Equal(t, sold, inBuckets)
}
