package web_test

import (
	"context"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/cloud/web"
	"github.com/kopilka/kopilka/cloud/web/page"
	"github.com/kopilka/kopilka/ledger/sale"
)

// TestTwoPeopleEditOneThing: whoever saves second is told what stands there now, keeps what was typed, and may put it
// over by pressing again. Without that a card or a price of the first one's is lost and nobody knows.
func TestTwoPeopleEditOneThing(t *testing.T) {
	t.Parallel()
	for path, x := range map[string]struct{ field, first, second, other, typed, says string }{
		"/customers/1/edit": {"cards", "2900000001234\n555", "name", "Петрова Анна", "555", "Сейчас сохранено: "},
		"/products/100200":  {"price", "99.90", "name", "Молоко", "99.90", "Сейчас сохранено: 99.90"},
		"/staff/1":          {"store", "2", "name", "Смирнова", "2", "Магазин: сейчас сохранено «"},
		"/stores/1":         {"zone", "Europe/Samara", "name", "Домик", "Europe/Samara", "Сейчас сохранено: Europe/Samara"},
		"/users/manager":    {"role", "owner", "name", "Ольга", "owner", "Роль: сейчас сохранено «Владелец"},
		"/partners/1":       {"contact", "+79160000000", "name", "Фитнес", "+79160000000", "Сейчас сохранено: "},
	} {
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			o := fill(t)
			b := o.signedIn("owner")
			_, body := b.get(path)
			first, second := formFields(body), formFields(body)
			first.Set(x.field, x.first)
			res, _ := b.post(path, first)
			require.Equal(t, http.StatusSeeOther, res.StatusCode)
			second.Set(x.second, x.other)
			res, body = b.post(path, second)
			require.Equal(t, http.StatusUnprocessableEntity, res.StatusCode)
			require.Contains(t, body, "сохранил кто-то ещё")
			require.Contains(t, body, x.says)
			require.Equal(t, x.other, formFields(body).Get(x.second), "what was typed")
			_, now := b.get(path)
			require.Contains(t, formFields(now).Get(x.field), x.typed, "the first one's is there")
			over := formFields(body)
			maps.DeleteFunc(over, func(key string, _ []string) bool { return key == "new" || key == "again" || key == "pin" })
			res, _ = b.post(path, over)
			require.Equal(t, http.StatusSeeOther, res.StatusCode, "pressed again")
			_, now = b.get(path)
			require.Equal(t, x.other, formFields(now).Get(x.second))
		})
	}
}

// TestAButtonPressedTwicePutsNothingBack: a second press of "withdraw" used to put the cashier or the product back; and
// a form that was opened before somebody withdrew the product asks before it does.
func TestAButtonPressedTwicePutsNothingBack(t *testing.T) {
	t.Parallel()
	o := fill(t)
	ctx := context.Background()
	b := o.signedIn("manager")
	gone := func() (member, product bool) {
		m, err := o.Store.Member(ctx, o.org, 1)
		require.NoError(t, err)
		p, err := o.Store.ProductRow(ctx, o.org, "100200")
		require.NoError(t, err)
		return m.Gone, p.Gone
	}
	_, form := b.get("/products/100200")
	for _, path := range []string{"/staff/1/withdraw", "/products/100200/withdraw"} {
		_, body := b.post(path, nil)
		sure := formFields(body)
		for range 2 {
			res, _ := b.post(path, sure)
			require.Equal(t, http.StatusSeeOther, res.StatusCode)
		}
	}
	member, product := gone()
	require.True(t, member)
	require.True(t, product)

	res, body := b.post("/products/100200", formFields(form))
	require.Equal(t, http.StatusUnprocessableEntity, res.StatusCode)
	require.Contains(t, body, "сохранил кто-то ещё")
	require.Contains(t, body, "Сохранение вернёт его в продажу")
	require.NotContains(t, body, "Сейчас сохранено")

	for _, path := range []string{"/staff/1/withdraw", "/products/100200/withdraw"} {
		for range 2 {
			res, _ := b.post(path, url.Values{"gone": {"0"}})
			require.Equal(t, http.StatusSeeOther, res.StatusCode)
		}
	}
	member, product = gone()
	require.False(t, member)
	require.False(t, product)
}

// TestAProductKeepsWhatNoFormNames: promotions go by tags, and a till without network by minimum prices known ahead.
func TestAProductKeepsWhatNoFormNames(t *testing.T) {
	t.Parallel()
	o := fill(t)
	ctx := context.Background()
	p := products()[0]
	p.Tags, p.Floors = []string{"own-brand"}, []sale.DatedPrice{{From: 20270101, Price: 9900}}
	require.NoError(t, o.Store.PutProducts(ctx, o.org, []sale.Product{p}))
	b := o.signedIn("manager")
	res, _ := b.submit("/products/100200", url.Values{"price": {"91"}})
	require.Equal(t, http.StatusSeeOther, res.StatusCode)
	file := "sku;name;price;vat;codes;category\n100200;Молоко;92;10;4600000000015;Молочное\n"
	res, _ = b.post("/products/import", url.Values{"text": {file}, "name": {"x.csv"}, "sure": {"1"}})
	require.Equal(t, http.StatusSeeOther, res.StatusCode)
	now, err := o.Store.ProductRow(ctx, o.org, "100200")
	require.NoError(t, err)
	require.Equal(t, sale.Money(9200), now.Price)
	require.Equal(t, p.Tags, now.Tags)
	require.Equal(t, p.Floors, now.Floors)
}

// meanwhile does something once, after somebody's session was looked up.
type meanwhile struct {
	web.Accounts
	do func()
}

func (m *meanwhile) PageSession(ctx context.Context, org sale.OrgNo, token [32]byte) (page.Session, page.User, error) {
	s, u, err := m.Accounts.PageSession(ctx, org, token)
	if do := m.do; do != nil {
		m.do = nil
		do()
	}
	return s, u, err
}

// TestAPasswordBringsNoRightsBack: an owner takes rights away while their holder changes the password, which takes
// a while; and renames somebody who has changed theirs since the form was opened.
func TestAPasswordBringsNoRightsBack(t *testing.T) {
	t.Parallel()
	o := fill(t)
	ctx := context.Background()
	options := o.PageOptions(o.org)
	m := &meanwhile{Accounts: options.Accounts}
	options.Accounts = m
	pages, err := web.New(options)
	require.NoError(t, err)
	server := httptest.NewServer(pages)
	t.Cleanup(server.Close)
	o.url = server.URL
	b := o.signedIn("manager")
	change := url.Values{"csrf": {b.token()}, "old": {password}, "new": {"совсем новый пароль"}, "again": {"совсем новый пароль"}}
	m.do = func() {
		found, err := o.Store.PageUsers(ctx, o.org, "manager")
		require.NoError(t, err)
		found[0].Role, found[0].Gone = page.RoleViewer, true
		require.NoError(t, o.Store.PutPageUser(ctx, found[0], true))
	}
	res, err := b.PostForm(o.url+"/password", change)
	require.NoError(t, err)
	read(t, res)
	found, err := o.Store.PageUsers(ctx, o.org, "manager")
	require.NoError(t, err)
	require.True(t, found[0].Gone, "the access stays taken away")
	require.Equal(t, page.RoleViewer, found[0].Role)

	found[0].Gone, found[0].Hash, found[0].Salt = false, []byte("changed since"), []byte("by themselves")
	require.NoError(t, o.Store.PutPageUser(ctx, found[0], false))
	found[0].Name, found[0].Hash, found[0].Salt = "Ольга", nil, nil
	require.NoError(t, o.Store.PutPageUser(ctx, found[0], false))
	found, err = o.Store.PageUsers(ctx, o.org, "manager")
	require.NoError(t, err)
	require.Equal(t, "changed since", string(found[0].Hash))
}

// TestARefusedNoteStaysOnThePage: of a flag that is not among the newest fifty too.
func TestARefusedNoteStaysOnThePage(t *testing.T) {
	t.Parallel()
	o := fill(t)
	ctx := context.Background()
	j := o.tills[2]
	before := j.Position.Seq
	for range page.RowsMax + 5 { // a debt each
		earned := j.Earning(1, 1, 100)
		j.Add(earned)
		j.Add(j.Owing(earned, 100))
	}
	o.send(j, before)
	all, err := o.Store.FlagRows(ctx, o.org, false, page.FlagKey{}, 500)
	require.NoError(t, err)
	require.Greater(t, len(all), page.RowsMax+1)
	oldest := all[len(all)-1].ID
	note := strings.Repeat("длинно ", 200)
	res, body := o.signedIn("manager").post("/flags/"+oldest.String(), url.Values{"note": {note}, "action": {"note"}})
	require.Equal(t, http.StatusUnprocessableEntity, res.StatusCode)
	require.Contains(t, body, `data-key="`+oldest.String()+`"`)
	require.Contains(t, body, note)
}

// TestATillsDaysAreItsStores: a till of Novosibirsk chosen by its number sells till its own midnight, as it does when
// its store is chosen.
func TestATillsDaysAreItsStores(t *testing.T) {
	t.Parallel()
	o := fill(t)
	j := o.tills[1]
	before := j.Position.Seq
	late := j.Plain(1)
	j.At = sale.At(time.Date(2026, 11, 21, 18, 0, 0, 0, time.UTC)) // an hour into the 22nd there, the 21st in Moscow
	j.Add(late)
	o.send(j, before)
	o.clock.Store(time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC).UnixMilli())
	b := o.signedIn("viewer")
	for _, path := range []string{"/sales?store=2&from=2026-11-22&to=2026-11-22", "/sales?till=2&from=2026-11-22&to=2026-11-22"} {
		_, body := b.get(path)
		require.Equal(t, 1, strings.Count(body, "<tr data-key="), path)
		require.Contains(t, body, late.ID.String())
	}
	for path, said := range map[string]bool{"/": true, "/sales": true, "/?store=2": false, "/sales?till=2": false, "/sales?store=1": false} {
		_, body := b.get(path)
		require.Equal(t, said, strings.Contains(body, "по времени Europe/Moscow"), "whose days all stores' are: "+path)
	}
}
