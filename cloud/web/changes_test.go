package web_test

import (
	"bytes"
	"context"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/cloud/web"
	"github.com/kopilka/kopilka/cloud/web/page"
	"github.com/kopilka/kopilka/drivers"
	"github.com/kopilka/kopilka/ledger/sale"
)

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

// TestALongLoginSignsIn: a limit in characters where it is made, and in bytes where it is asked for, lets half a Russian
// login in.
func TestALongLoginSignsIn(t *testing.T) {
	t.Parallel()
	o := fill(t)
	login := strings.Repeat("ю", 40)
	res, _ := o.signedIn("owner").post("/users/new", url.Values{"login": {login}, "name": {"Юлия"}, "role": {"viewer"}, "new": {password}, "again": {password}})
	require.Equal(t, http.StatusSeeOther, res.StatusCode)
	res, _ = o.browser().post("/sign-in", url.Values{"login": {login}, "password": {password}})
	require.Equal(t, http.StatusSeeOther, res.StatusCode)
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
		"/programme": "Начните с черновика", "/products": "есть шаблон", "/staff": "задайте ему PIN", "/flags": "Всё спокойно", "/stores": "Новый магазин",
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
	own := map[string]page.Role{
		"/sign-in": 0, "/lang": 0, "/sign-out": page.RoleViewer, "/password": page.RoleViewer,
		// a manager writes a draft, an owner publishes it; what cannot be undone about a customer is the owner's
		"/programme/drafts": page.RoleManager, "/programme/drafts/{draft}/drop": page.RoleManager, "/programme/drafts/{draft}/rehearse": page.RoleManager,
		"/programme/drafts/{draft}/{section}": page.RoleManager, "/programme/drafts/{draft}/{section}/{i}": page.RoleManager,
		"/customers/{no}/test": page.RoleOwner, "/customers/{no}/erase": page.RoleOwner,
	}
	sections := map[string]page.Role{
		"customers": page.RoleManager, "products": page.RoleManager, "staff": page.RoleManager, "flags": page.RoleManager,
		"codes": page.RoleManager, "partners": page.RoleManager, "certificates": page.RoleOwner, "draws": page.RoleOwner,
		"tills": page.RoleOwner, "programme": page.RoleOwner, "stores": page.RoleOwner, "users": page.RoleOwner, "rollout": page.RoleOwner,
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
	require.Equal(t, 46, writes)
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

// TestAFileOfCashiersHandedInTwice makes nobody twice: neither pressed twice, nor at the same moment. A file's numbers
// and stores are there once.
func TestAFileOfCashiersHandedInTwice(t *testing.T) {
	t.Parallel()
	o := fill(t)
	b := o.signedIn("manager")
	count := func() int {
		rows, err := o.Store.StaffRows(context.Background(), o.org, 0)
		require.NoError(t, err)
		return len(rows)
	}
	had := count()
	res, body := b.post("/staff/import", url.Values{"text": {"name;role;pin;number\nСидоров Пётр;cashier;4826;\nСидорова Мария;cashier;4827;\nИванова Анна;manager;;1\n"}, "name": {"x.csv"}})
	require.Equal(t, http.StatusOK, res.StatusCode)
	sure := formFields(body)
	sure.Set("csrf", b.token())
	var presses sync.WaitGroup
	for range 3 {
		presses.Go(func() {
			if res, err := b.PostForm(o.url+"/staff/import", sure); err == nil {
				_ = res.Body.Close() // the page is not looked at
			}
		})
	}
	presses.Wait()
	require.Equal(t, had+2, count())
	res, body = b.post("/staff/import", sure)
	require.Equal(t, http.StatusUnprocessableEntity, res.StatusCode)
	require.Contains(t, body, "этот файл уже загружен")
	require.Equal(t, had+2, count())

	_, body = b.post("/staff/import", url.Values{"text": {"name;role;number;store\nИванова Анна;cashier;1;77\nИванова Яна;cashier;1;\n"}, "name": {"x.csv"}})
	require.Contains(t, body, "Магазина с таким номером нет")
	require.Contains(t, body, "уже был в строке 2")
}

// TestAFileChangesOnlyWhatItsColumnsName: a list of prices takes no barcodes, categories or limits of age away and puts
// nothing back on sale, a list of names no store and no INN.
func TestAFileChangesOnlyWhatItsColumnsName(t *testing.T) {
	t.Parallel()
	o := fill(t)
	ctx := context.Background()
	b := o.signedIn("manager")
	p := sale.Product{
		SKU: "700", Name: "Вино", Price: 50000, MinPrice: 40000, VAT: sale.VAT22, Subject: sale.SubjectMarkedExcise, Unit: sale.UnitLitre, Category: "Вина",
		Codes: []string{"4600000000022"}, Traits: sale.AdultOnly | sale.Marked, Gone: true,
	}
	require.NoError(t, o.Store.PutProducts(ctx, o.org, []sale.Product{p}))
	file := "sku;name;price;vat\n700;Вино;490;22\n"
	_, body := b.post("/products/import", url.Values{"text": {file}, "name": {"x.csv"}})
	res, _ := b.post("/products/import", formFields(body))
	require.Equal(t, http.StatusSeeOther, res.StatusCode)
	now, err := o.Store.ProductRow(ctx, o.org, "700")
	require.NoError(t, err)
	p.Price = 49000
	require.Equal(t, p, now)
	_, body = b.post("/products/import", url.Values{"text": {"sku;name;price;vat\n700;Вино;390;22\n"}, "name": {"x.csv"}})
	require.Contains(t, body, "Минимальная цена выше цены", "one that stands in no column")
	_, body = b.post("/products/import", url.Values{"text": {"sku;name;price;vat;codes;min_price\n700;Вино;390;22\n"}, "name": {"x.csv"}})
	res, _ = b.post("/products/import", formFields(body))
	require.Equal(t, http.StatusSeeOther, res.StatusCode)
	now, err = o.Store.ProductRow(ctx, o.org, "700")
	require.NoError(t, err)
	require.Empty(t, now.Codes, "an empty cell clears")
	require.Zero(t, now.MinPrice)

	m, err := o.Store.Member(ctx, o.org, 1)
	require.NoError(t, err)
	m.INN, m.Store = "500100732259", 2
	require.NoError(t, o.Store.PutStaff(ctx, o.org, m))
	_, body = b.post("/staff/import", url.Values{"text": {"number;name;role\n1;Новая Анна;manager\n"}, "name": {"x.csv"}})
	res, _ = b.post("/staff/import", formFields(body))
	require.Equal(t, http.StatusSeeOther, res.StatusCode)
	after, err := o.Store.Member(ctx, o.org, 1)
	require.NoError(t, err)
	require.Equal(t, "Новая Анна", after.Name)
	require.Equal(t, m.INN, after.INN)
	require.Equal(t, m.Store, after.Store)
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
