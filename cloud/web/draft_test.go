package web_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/cloud/web/page"
	"github.com/kopilka/kopilka/ledger/loyalty"
	"github.com/kopilka/kopilka/ledger/sale"
)

// richRules is a programme with something in every section.
func richRules() *loyalty.Programme {
	p := loyalty.Default()
	p.Tiers[2].Need = loyalty.Need{Spend: 5000000, Receipts: 20, Referrals: 3}
	p.Window = loyalty.Window{Days: 365, Downgrade: true, HoldDays: 30, Min: 10000}
	p.Promotions = []loyalty.Promotion{
		{ID: 1, RU: "Сыры по выходным, " + longName, EN: "Cheese at weekends", Goods: loyalty.Goods{Categories: []string{"Сыры"}, Except: &loyalty.Goods{SKUs: []sale.SKU{"500600"}}}, When: loyalty.When{From: 20261101, Until: 20270131, Weekdays: 96, Start: 600, End: 1200}, Give: loyalty.Give{Kind: loyalty.GivePercentOff, Rate: 1000}, Priority: 10, Group: "сыр"},
		{ID: 2, RU: "Десятый кофе", EN: "Tenth coffee", Goods: loyalty.Goods{SKUs: []sale.SKU{"100200"}}, Give: loyalty.Give{Kind: loyalty.GiveStamps, Purse: 1, Nth: 9}},
		{ID: 3, RU: "Весна", EN: "Spring", When: loyalty.When{Until: 20260501}, Campaign: 1, Give: loyalty.Give{Kind: loyalty.GiveAmountOff, Money: 20000}, Least: loyalty.Least{Sum: 200000}},
	}
	p.Campaigns = []loyalty.Campaign{{ID: 1, RU: "Весна", EN: "Spring", Kind: loyalty.CodeUnique}, {ID: 2, RU: "Листовка", EN: "Leaflet", Kind: loyalty.CodeAttribution, Code: "ЛИСТ", Channel: "листовка"}}
	p.Purses = []loyalty.Purse{{No: 1, RU: "Кофе", EN: "Coffee", Kind: loyalty.PurseStamps}, {No: 2, RU: "Билеты", EN: "Tickets", Kind: loyalty.PurseTickets}}
	p.Caps = []loyalty.GoodsCap{{Goods: loyalty.Goods{Tags: []string{"алкоголь"}}, Max: 1000}}
	p.Referral = loyalty.Referral{Rates: []sale.BasisPoints{500, 200, 100}, First: 30000, Friend: 10000, Min: 50000}
	p.Grants = loyalty.Grants{Welcome: 10000, Birthday: loyalty.Birthday{Points: 50000, Before: 3, After: 7}, Holidays: []loyalty.Holiday{{ID: 1, RU: "Новый год", EN: "New Year", Month: 12, Day: 31, Before: 3, After: 7, Points: 20000}}}
	p.Cashier.Rate = 50
	p.Watch.OwnCard, p.Watch.Fresh = loyalty.Watched{Measure: loyalty.MeasureBlock}, loyalty.Watched{Measure: loyalty.MeasurePIN, Limit: 24}
	p.Enrolment.Consents = []loyalty.ConsentText{{Kind: sale.ConsentPersonalData, Version: 1, RU: "Согласен на обработку персональных данных.", EN: "I agree to my personal data being processed.", Required: true}}
	p.Returns = loyalty.Returns{ForeignMax: 300000, ForeignDays: 14}
	return p
}

// draft begins a draft with rules of its own and gives its number.
func (o *office) draft(p *loyalty.Programme) int64 {
	body, err := sale.Encode(p)
	require.NoError(o.t, err)
	no, err := o.Store.AddDraft(context.Background(), o.org, page.Draft{Base: 1, Note: "весенние акции", Body: body}, "owner")
	require.NoError(o.t, err)
	return no
}

func (o *office) rules(no int64) *loyalty.Programme {
	d, err := o.Store.Draft(context.Background(), o.org, no)
	require.NoError(o.t, err)
	p := new(loyalty.Programme)
	require.NoError(o.t, sale.Decode(d.Body, p))
	return p
}

var revField = regexp.MustCompile(`name="rev" value="(\d+)"`)

// submit opens a page of a draft and posts its form with some fields changed, as a person would.
func (b *browser) submit(path string, change url.Values) (*http.Response, string) {
	b.o.t.Helper()
	_, body := b.get(path)
	form := formFields(body)
	for k, v := range change {
		form[k] = v
	}
	return b.post(path, form)
}

// TestProgrammeFromDraftToHistory takes a person's way: a draft, a mistake beside its field, its mending,
// publishing, the difference to the version before.
func TestProgrammeFromDraftToHistory(t *testing.T) {
	t.Parallel()
	o := open(t)
	b := o.signedIn("owner")
	res, _ := b.post("/programme/drafts", url.Values{"note": {"первые правила"}})
	require.Equal(t, http.StatusSeeOther, res.StatusCode)
	at := res.Header.Get("Location")
	require.Equal(t, "/programme/drafts/1", at)

	res, body := b.submit(at+"/tiers/0", url.Values{"tiers.0.ru": {"Новичок"}, "tiers.0.earn": {"много"}})
	require.Equal(t, http.StatusUnprocessableEntity, res.StatusCode)
	require.Contains(t, body, `id="e-tiers.0.earn"`)
	require.Contains(t, body, `value="Новичок"`, "what was typed is kept")
	require.Equal(t, "Базовый", o.rules(1).Tiers[0].RU, "and nothing is saved")

	res, _ = b.submit(at+"/tiers/0", url.Values{"tiers.0.ru": {"Новичок"}, "tiers.0.earn": {"130"}})
	require.Equal(t, http.StatusSeeOther, res.StatusCode, "a draft may break the rules")
	_, body = b.get(at + "/tiers/0")
	require.Contains(t, body, `id="e-tiers.0.earn"`, "the rules' own problem stands beside its field")
	_, body = b.get(at)
	require.Contains(t, body, at+"/tiers/0#f-tiers.0.earn")
	res, body = b.submit(at+"/publish", url.Values{"note": {"старт"}})
	require.Equal(t, http.StatusUnprocessableEntity, res.StatusCode)
	require.Contains(t, body, "Сначала исправьте черновик")

	b.submit(at+"/tiers/0", url.Values{"tiers.0.earn": {"4,5"}, "tiers.0.need.spend": {""}})
	res, body = b.submit(at+"/publish", url.Values{"note": {"старт"}, "day": {"2026-11-21"}})
	require.Equal(t, http.StatusUnprocessableEntity, res.StatusCode, "today's midnight has passed")
	require.Contains(t, body, `id="e-day"`)
	res, body = b.submit(at+"/publish", url.Values{"note": {"старт"}, "day": {"2026-11-23"}})
	require.Equal(t, http.StatusOK, res.StatusCode)
	require.Contains(t, body, "Опубликовать версию 1?")
	form := formFields(body)
	form.Set("sure", "1")
	res, _ = b.post(at+"/publish", form)
	require.Equal(t, "/programme/1?done=published", res.Header.Get("Location"))
	res, _ = b.get(at)
	require.Equal(t, http.StatusNotFound, res.StatusCode, "the draft has become a version")

	res, _ = b.post("/programme/drafts", url.Values{"from": {"1"}})
	at = res.Header.Get("Location")
	b.submit(at+"/tiers/0", url.Values{"tiers.0.earn": {"6"}})
	b.submit(at+"/publish", url.Values{"sure": {"1"}, "note": {"щедрее"}, "day": {"2026-12-01"}})
	_, body = b.get("/programme/2")
	require.Contains(t, body, "<del>4,50\u00a0%</del>")
	require.Contains(t, body, "<ins>6\u00a0%</ins>")
	require.Contains(t, body, "щедрее")
	_, body = b.get("/programme")
	require.Contains(t, body, "вступит")
}

// TestTwoDraftsOfOneVersion: the one that is published second would silently take back what the first one changed, and one
// that begins before a version that waits ends with it. Both are said before anything is published.
func TestTwoDraftsOfOneVersion(t *testing.T) {
	t.Parallel()
	o := open(t)
	b := o.signedIn("owner")
	first := loyalty.Default()
	first.Version = 1
	body, err := first.Encode()
	require.NoError(t, err)
	require.NoError(t, o.Store.PutProgramme(context.Background(), o.org, 1, 0, body, "init", ""))
	begin := func(earn string) string {
		res, _ := b.post("/programme/drafts", url.Values{"note": {"x"}})
		at := res.Header.Get("Location")
		b.submit(at+"/tiers/0", url.Values{"tiers.0.earn": {earn}})
		return at
	}
	one, two := begin("6"), begin("8")
	publish := func(at, day string) (form url.Values, asked string) {
		_, asked = b.submit(at+"/publish", url.Values{"note": {"x"}, "day": {day}})
		return formFields(asked), asked
	}
	late, _ := publish(two, "2026-11-24")
	sure, asked := publish(one, "2026-11-23")
	require.NotContains(t, asked, "будет отменено")
	b.post(one+"/publish", sure)
	for range 2 { // pressed twice: published once, and no page that is not there
		res, _ := b.post(one+"/publish", sure)
		require.Equal(t, http.StatusSeeOther, res.StatusCode)
	}
	versions, err := o.Store.ProgrammeRows(context.Background(), o.org)
	require.NoError(t, err)
	require.Len(t, versions, 2)

	res, again := b.post(two+"/publish", late)
	require.Equal(t, http.StatusUnprocessableEntity, res.StatusCode, "asked before the other was published")
	require.Contains(t, again, "опубликовали другую версию")
	for _, path := range []string{two, two + "/publish"} {
		_, page := b.get(path)
		require.Contains(t, page, "начат не с версии 2", path)
	}
	_, page := b.get(two + "/publish")
	require.Contains(t, page, "<del>6\u00a0%</del>", "against what it takes the place of")
	_, asked = publish(two, "2026-11-24")
	require.Contains(t, asked, "начат не с версии 2")
	_, asked = publish(two, "2026-11-22")
	require.NotContains(t, asked, "начат не с версии 2", "that has not begun then")
	require.Contains(t, asked, "Затем её сменит версия 2, опубликованная раньше")
}

// TestTwoPeopleEditOneDraft has the later save told, with nothing of either lost.
func TestTwoPeopleEditOneDraft(t *testing.T) {
	t.Parallel()
	o := open(t)
	no := o.draft(richRules())
	path := fmt.Sprintf("/programme/drafts/%d/returns", no)
	anna, boris := o.signedIn("owner"), o.signedIn("manager")
	_, hers := anna.get(path)
	res, _ := boris.submit(path, url.Values{"returns.foreignDays": {"30"}})
	require.Equal(t, http.StatusSeeOther, res.StatusCode)

	form := formFields(hers)
	form.Set("returns.foreignMax", "7000")
	res, body := anna.post(path, form)
	require.Equal(t, http.StatusConflict, res.StatusCode)
	require.Contains(t, body, "сохранил manager")
	require.Contains(t, body, `value="7000"`)
	require.Equal(t, uint32(30), o.rules(no).Returns.ForeignDays, "his save stands until she decides")
	res, _ = anna.post(path, formFields(body))
	require.Equal(t, http.StatusSeeOther, res.StatusCode)
	require.Equal(t, sale.Money(700000), o.rules(no).Returns.ForeignMax)
}

func TestPromotionsAreAddedCopiedAndSwitchedOff(t *testing.T) {
	t.Parallel()
	o := open(t)
	no := o.draft(richRules())
	at := fmt.Sprintf("/programme/drafts/%d/promotions", no)
	b := o.signedIn("manager")
	act := func(form url.Values) {
		_, body := b.get(at)
		form.Set("rev", revField.FindStringSubmatch(body)[1])
		res, _ := b.post(at, form)
		require.Equal(t, http.StatusSeeOther, res.StatusCode)
	}
	act(url.Values{"act": {"add"}, "kind": {fmt.Sprint(loyalty.GiveNthFree)}})
	p := o.rules(no)
	require.Len(t, p.Promotions, 4)
	require.Equal(t, uint32(4), p.Promotions[3].ID)
	require.Equal(t, loyalty.Give{Kind: loyalty.GiveNthFree, Nth: 4}, p.Promotions[3].Give)
	_, body := b.get(at + "/3")
	require.Contains(t, body, `name="promotions.3.give.nth"`)
	require.NotContains(t, body, `name="promotions.3.give.rate"`, "only what the kind needs")
	res, _ := b.submit(at+"/3", url.Values{"promotions.3.give.kind": {fmt.Sprint(loyalty.GivePoints)}})
	require.Contains(t, res.Header.Get("Location"), at+"/3", "a new kind has other fields: the form stays open")
	require.Equal(t, uint32(0), o.rules(no).Promotions[3].Give.Nth, "what is not shown any more is cleared")

	act(url.Values{"act": {"copy"}, "i": {"0"}})
	p = o.rules(no)
	require.Equal(t, uint32(5), p.Promotions[1].ID, "a number that was never given")
	require.Equal(t, p.Promotions[0].Goods, p.Promotions[1].Goods)
	act(url.Values{"act": {"off"}, "i": {"1"}})
	require.Equal(t, sale.Date(20261120), o.rules(no).Promotions[1].When.Until, "over since yesterday")
	act(url.Values{"act": {"off"}, "i": {"1"}})
	require.Zero(t, o.rules(no).Promotions[1].When.Until, "and on again")
	act(url.Values{"act": {"remove"}, "i": {"1"}, "sure": {"1"}})
	require.Len(t, o.rules(no).Promotions, 4)
}

// TestOverrideIsWithdrawn publishes rules of one store and takes them back.
func TestOverrideIsWithdrawn(t *testing.T) {
	t.Parallel()
	o := fill(t)
	b := o.signedIn("owner")
	res, _ := b.post("/programme/drafts", url.Values{"scope": {"store-2"}, "note": {"открытие"}})
	at := res.Header.Get("Location")
	b.submit(at+"/tiers/0", url.Values{"tiers.0.earn": {"10"}})
	res, _ = b.submit(at+"/publish", url.Values{"sure": {"1"}, "begin": {"moment"}, "effective": {"2026-11-21T23:00"}, "note": {"открытие"}})
	require.Equal(t, "/programme/2?done=published", res.Header.Get("Location"))
	_, body := b.get("/programme/2")
	require.Contains(t, body, "Сибирская ярмарка")
	require.Contains(t, body, "<ins>10\u00a0%</ins>", "against the chain's rules")
	res, _ = b.post("/programme/1/withdraw", url.Values{"day": {"2026-12-01"}, "note": {"x"}, "sure": {"1"}})
	require.Equal(t, "/programme/1", res.Header.Get("Location"), "the chain's own rules are no override")
	res, _ = b.post("/programme/2/withdraw", url.Values{"day": {"2026-12-01"}, "note": {"конец открытия"}, "sure": {"1"}})
	require.Equal(t, http.StatusSeeOther, res.StatusCode)
	bodies, err := o.Store.Programmes(context.Background(), o.org)
	require.NoError(t, err)
	last, err := loyalty.Decode(bodies[len(bodies)-1])
	require.NoError(t, err)
	require.True(t, last.Withdrawn)
	require.Equal(t, loyalty.Scope{Store: 2}, last.Scope)
	require.Equal(t, sale.Date(20261201), last.Day)
}

// TestGoodsThatNobodySells has a slip of the pen told before it is published; it stops nobody, since goods may follow.
func TestGoodsThatNobodySells(t *testing.T) {
	t.Parallel()
	o := open(t)
	require.NoError(t, o.Store.PutProducts(context.Background(), o.org, []sale.Product{
		{SKU: "500600", Name: "Сыр", Price: 50000, VAT: sale.VAT10, Subject: sale.SubjectGoods, Category: "Сыры", Tags: []string{"весовой"}},
		{SKU: "100200", Name: "Кофе", Price: 20000, VAT: sale.VAT22, Subject: sale.SubjectGoods, Gone: true},
		{SKU: "700800", Name: "Вино", Price: 90000, VAT: sale.VAT22, Subject: sale.SubjectGoods, Tags: []string{"алкоголь", "вино"}},
	}))
	p := richRules()
	p.Caps = append(p.Caps, loyalty.GoodsCap{Goods: loyalty.Goods{Categories: []string{"Сыры", "Сыр"}, Tags: []string{"а", "б", "в", "г", "д", "е", "ё"}}, Max: 1000})
	p.Promotions = append(p.Promotions, loyalty.Promotion{ID: 9, RU: "Подарок", EN: "A present", Give: loyalty.Give{Kind: loyalty.GiveGift, SKU: "900", Qty: sale.Piece}})
	at := fmt.Sprintf("/programme/drafts/%d", o.draft(p))
	b := o.signedIn("owner")
	for _, path := range []string{at, at + "/publish"} {
		_, body := b.get(path)
		require.Contains(t, body, "Публиковать можно, но проверьте:", path)
		require.Contains(t, body, "В продаже нет товара категории «Сыр».", path)
		require.Contains(t, body, "В продаже нет товара с меткой «а», «б», «в», «г», «д» и ещё 2.", path)
		require.Contains(t, body, "В продаже нет товара с артикулом «100200».", "withdrawn goods are not sold")
		require.Contains(t, body, "В продаже нет товара с артикулом «900».", "a present is given from the shelf")
		for _, href := range []string{"/promotions/1#f-promotions.1.goods.skus", "/promotions/3#f-promotions.3.give.sku", "/caps/1#f-caps.1.goods.tags"} {
			require.Contains(t, body, `href="`+at+href+`"`, path)
		}
		for _, sold := range []string{"«Сыры»", "«500600»", "«алкоголь»"} {
			require.NotContains(t, body, "товара категории "+sold, path)
			require.NotContains(t, body, "артикулом "+sold, path)
			require.NotContains(t, body, "меткой "+sold, path)
		}
	}
	_, body := b.get(at + "/caps/1")
	require.Contains(t, body, `id="f-caps.1.goods.tags"`, "the link leads to the field")
	_, body = b.get(at + "/promotions/3")
	require.Contains(t, body, `id="f-promotions.3.give.sku"`)
}
