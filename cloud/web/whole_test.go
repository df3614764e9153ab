package web_test

import (
	"context"
	"encoding/csv"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/cloud/web/page"
	"github.com/kopilka/kopilka/ledger/sale"
	"github.com/kopilka/kopilka/sync/wire"
)

// pressed posts a form, then presses yes on the question that comes back.
func (b *browser) pressed(path string, form url.Values) *http.Response {
	b.o.t.Helper()
	res, body := b.post(path, form)
	require.Equal(b.o.t, http.StatusOK, res.StatusCode, "a question first")
	sure := formFields(body)
	require.Equal(b.o.t, "1", sure.Get("sure"))
	res, _ = b.post(path, sure)
	return res
}

func TestInboxForgivesADebtOnce(t *testing.T) {
	t.Parallel()
	o := fill(t)
	b := o.signedIn("manager")
	ctx := context.Background()
	debts, err := o.Store.Conflicts(ctx, o.org, page.ConflictFilter{Kind: "debt"}, page.FlagKey{}, 9)
	require.NoError(t, err)
	require.Len(t, debts, 3)
	_, body := b.get("/flags?kind=debt")
	require.Contains(t, body, "Долг погасится следующими начислениями", "what head office does by itself")
	require.NotContains(t, body, "Смена 1 кассы")
	path := "/flags/" + debts[0].ID.String()
	res, _ := b.post(path, url.Values{"action": {"forgive"}})
	require.Equal(t, http.StatusUnprocessableEntity, res.StatusCode, "points move: say why")
	res, _ = b.post(path, url.Values{"action": {"split"}, "note": {"x"}})
	require.Equal(t, http.StatusNotFound, res.StatusCode, "not offered")
	res = b.pressed(path, url.Values{"action": {"forgive"}, "note": {"наша ошибка"}})
	require.Equal(t, http.StatusSeeOther, res.StatusCode)
	card, err := o.Store.CustomerCard(ctx, o.org, 1)
	require.NoError(t, err)
	require.Zero(t, card.Debt)
	_, body = b.get("/flags?show=resolved&kind=debt")
	require.Contains(t, body, "наша ошибка")
}

func TestCodesAreMadeListedAndRevoked(t *testing.T) {
	t.Parallel()
	o := fill(t)
	b := o.signedIn("manager")
	res, _ := b.post("/codes/1", url.Values{"count": {"99999"}})
	require.Equal(t, http.StatusUnprocessableEntity, res.StatusCode)
	res = b.pressed("/codes/1", url.Values{"count": {"3"}})
	require.Equal(t, http.StatusSeeOther, res.StatusCode)
	_, body := b.get("/codes/1/list.csv")
	r := csv.NewReader(strings.NewReader(strings.TrimPrefix(body, "\ufeff")))
	r.Comma = ';'
	rows, err := r.ReadAll()
	require.NoError(t, err)
	require.Len(t, rows, 1+63)
	for _, row := range rows[1:] {
		require.Regexp(t, `^[0-9A-Z-]{6,}$`, row[0])
	}
	code := rows[40][0]
	path := "/codes/1/revoke?code=" + url.QueryEscape(code)
	res, body = b.post(path, nil)
	require.Equal(t, http.StatusOK, res.StatusCode)
	require.Contains(t, body, code)
	res, _ = b.post(path, url.Values{"sure": {"1"}})
	require.Equal(t, http.StatusSeeOther, res.StatusCode)
	counts, err := o.Store.CampaignCodes(context.Background(), o.org)
	require.NoError(t, err)
	require.Equal(t, []page.CampaignCodes{{Campaign: 1, Codes: 63, Revoked: 1}}, counts)
	_, body = o.signedIn("owner").get("/audit?what=codes")
	require.Contains(t, body, code, "the log says which")
}

// TestAButtonPressedTwiceMakesOneBatch sends the second press before the first has ended, as a mouse does.
func TestAButtonPressedTwiceMakesOneBatch(t *testing.T) {
	t.Parallel()
	o := fill(t)
	b := o.signedIn("owner")
	for path, form := range map[string]url.Values{"/codes/1": {"count": {"5"}}, "/certificates": {"batch": {"8 Марта"}, "count": {"5"}, "amount": {"1000"}}} {
		_, body := b.post(path, form)
		sure := formFields(body)
		sure.Set("csrf", b.token())
		var presses sync.WaitGroup
		for range 4 {
			presses.Go(func() {
				if res, err := b.PostForm(o.url+path, sure); err == nil {
					_ = res.Body.Close() // the page is not looked at
				}
			})
		}
		presses.Wait()
	}
	counts, err := o.Store.CampaignCodes(context.Background(), o.org)
	require.NoError(t, err)
	require.Equal(t, 65, counts[0].Codes)
	rows, err := o.Store.Certificates(context.Background(), o.org, "8 Марта", 0, 100)
	require.NoError(t, err)
	require.Len(t, rows, 5)

	require.NoError(t, o.Store.WithdrawCampaign(context.Background(), o.org, 1, "owner"))
	_, body := b.post("/codes/1", url.Values{"count": {"5"}})
	res, _ := b.post("/codes/1", formFields(body))
	require.Equal(t, http.StatusConflict, res.StatusCode, "no fault of the server's")
}

func TestCertificatesAreIssuedOnceAndBlocked(t *testing.T) {
	t.Parallel()
	o := fill(t)
	b := o.signedIn("owner")
	form := url.Values{"batch": {"8 Марта"}, "count": {"2"}, "amount": {"1 500,50"}, "until": {"2027-03-08"}}
	require.Equal(t, http.StatusSeeOther, b.pressed("/certificates", form).StatusCode)
	res, body := b.post("/certificates", form)
	require.Equal(t, http.StatusUnprocessableEntity, res.StatusCode, "the same batch twice is a slip")
	require.Contains(t, body, `id="e-batch"`)
	rows, err := o.Store.Certificates(context.Background(), o.org, "8 Марта", 0, 9)
	require.NoError(t, err)
	require.Len(t, rows, 2)
	require.Equal(t, sale.Points(150050), rows[0].Left)
	require.Equal(t, sale.At(time.Date(2027, 3, 8, 21, 0, 0, 0, time.UTC)), rows[0].Expires, "the end of the day in Moscow")
	at := "/certificates/" + url.PathEscape("8 Марта")
	_, body = b.get(at)
	require.Contains(t, body, "8 мар 2027")
	require.Contains(t, body, rows[0].Code)
	_, body = o.signedIn("viewer").get(at)
	require.NotContains(t, body, rows[0].Code, "whoever reads it could pay with it")
	res = b.pressed(fmt.Sprintf("/customers/%d/block?back=%s", int64(rows[0].No), url.QueryEscape(at)), nil)
	require.Contains(t, res.Header.Get("Location"), at)
	rows, err = o.Store.Certificates(context.Background(), o.org, "8 Марта", 0, 9)
	require.NoError(t, err)
	require.Equal(t, sale.CustomerBlocked, rows[0].State)
}

// TestRehearsalShowsTheDifference doubles a tier's accrual and reads the difference off the page.
func TestRehearsalShowsTheDifference(t *testing.T) {
	t.Parallel()
	o := fill(t)
	b := o.signedIn("manager")
	res, _ := b.post("/programme/drafts/1/rehearse", url.Values{"from": {"2026-11-21"}, "to": {"2026-11-20"}})
	require.Equal(t, http.StatusUnprocessableEntity, res.StatusCode)
	res, _ = b.post("/programme/drafts/1/rehearse", url.Values{"from": {"2026-11-21"}, "to": {"2026-11-21"}})
	require.Equal(t, http.StatusSeeOther, res.StatusCode)
	var body string
	require.Eventually(t, func() bool {
		_, body = b.get("/programme/drafts/1/rehearse")
		return strings.Contains(body, "Оборот до скидок")
	}, 20*time.Second, 20*time.Millisecond)
	require.Contains(t, body, ">72<", "every receipt of the day, of all stores")
	require.Contains(t, body, "Что предполагается")
	b.submit("/programme/drafts/1/returns", url.Values{"returns.foreignDays": {"7"}})
	_, body = b.get("/programme/drafts/1/rehearse")
	require.Contains(t, body, "Черновик с тех пор изменили")
}

func TestCustomersAreMergedSplitAndErased(t *testing.T) {
	t.Parallel()
	o := fill(t)
	b := o.signedIn("owner")
	ctx := context.Background()
	res, body := b.post("/customers/1/merge", url.Values{"other": {"1"}, "merge-reason": {""}})
	require.Equal(t, http.StatusUnprocessableEntity, res.StatusCode)
	require.Contains(t, body, `id="e-other"`)
	require.Equal(t, http.StatusSeeOther, b.pressed("/customers/1/merge", url.Values{"other": {"4"}, "merge-reason": {"одна семья"}}).StatusCode)
	extra, err := o.Store.CustomerExtra(ctx, o.org, 1)
	require.NoError(t, err)
	require.Len(t, extra.Merged, 1)
	_, body = b.get("/customers/4")
	require.Contains(t, body, "Этот номер присоединён к покупателю")
	res = b.pressed("/customers/1/split?from=4", nil)
	require.Equal(t, http.StatusSeeOther, res.StatusCode)
	extra, err = o.Store.CustomerExtra(ctx, o.org, 1)
	require.NoError(t, err)
	require.Empty(t, extra.Merged)

	res, _ = b.post("/customers/1/erase", url.Values{"erase-no": {"2"}, "sure": {"1"}})
	require.Equal(t, http.StatusUnprocessableEntity, res.StatusCode, "the number must be typed")
	require.Equal(t, http.StatusSeeOther, b.pressed("/customers/1/erase", url.Values{"erase-no": {"1"}}).StatusCode)
	card, err := o.Store.CustomerCard(ctx, o.org, 1)
	require.NoError(t, err)
	require.Equal(t, sale.CustomerErased, card.State)
	_, body = b.get("/customers/1")
	require.NotContains(t, body, "79161234567")
	res, body = b.post("/customers/1/test", url.Values{"sure": {"1"}})
	require.Equal(t, http.StatusConflict, res.StatusCode, "an erased customer stays so")
	require.Contains(t, body, "С этим покупателем так нельзя.")
}

func TestRewardsArePaidOutOnce(t *testing.T) {
	t.Parallel()
	o := fill(t)
	b := o.signedIn("manager")
	_, body := b.get("/staff/rewards")
	require.Contains(t, body, "0,90")
	form := url.Values{"staff": {"1"}, "amount": {"5"}, "reason": {"премия"}}
	_, body = b.post("/staff/rewards", form)
	res, body := b.post("/staff/rewards", formFields(body))
	require.Equal(t, http.StatusConflict, res.StatusCode, "more than there is")
	require.Contains(t, body, "На счёте наград меньше.")
	form.Set("amount", "0,40")
	_, body = b.post("/staff/rewards", form)
	for range 2 {
		res, _ = b.post("/staff/rewards", formFields(body))
		require.Equal(t, http.StatusSeeOther, res.StatusCode)
	}
	left, err := o.Store.EmployeeBalance(context.Background(), o.org, 1)
	require.NoError(t, err)
	require.Equal(t, sale.Points(50), left, "pressed twice, paid once")
}

// TestADrawCanBeVerified follows the recipe of the result's page with the list of tickets.
func TestADrawCanBeVerified(t *testing.T) {
	t.Parallel()
	o := fill(t)
	b := o.signedIn("owner")
	_, body := b.get("/draws/" + o.drawn.String())
	require.Contains(t, body, "тираж 1234")
	require.Contains(t, body, "/customers/1")
	_, body = b.get("/draws/tickets/2/list.csv")
	require.Contains(t, body, "1;3")
	res, _ := b.post("/draws", url.Values{"purse": {"2"}, "seed": {""}, "winners": {"0"}})
	require.Equal(t, http.StatusUnprocessableEntity, res.StatusCode)
	require.Equal(t, http.StatusSeeOther, b.pressed("/draws", url.Values{"purse": {"2"}, "seed": {"курс 77,10"}, "winners": {"1"}}).StatusCode)
	draws, err := o.Store.Draws(context.Background(), o.org)
	require.NoError(t, err)
	require.Len(t, draws, 2)
}

// TestQuarantineIsReleased revokes a till, lets it send, and books what it sent.
func TestQuarantineIsReleased(t *testing.T) {
	t.Parallel()
	o := fill(t)
	b := o.signedIn("owner")
	_, body := b.get("/aside")
	require.Contains(t, body, "Всё, что прислали кассы, проведено")
	res, _ := b.post("/tills/3/revoke", url.Values{"sure": {"1"}})
	require.Equal(t, http.StatusSeeOther, res.StatusCode)
	j := o.tills[2]
	before := j.Position.Seq
	r := j.Plain(2)
	r.Staff = 1
	j.Add(r)
	o.send(j, before)
	_, body = b.get("/aside")
	require.Contains(t, body, r.ID.String())
	res, _ = b.post("/tills/3/release", url.Values{"sure": {"1"}})
	require.Equal(t, http.StatusSeeOther, res.StatusCode)
	_, body = b.get("/aside")
	require.NotContains(t, body, r.ID.String())
	_, body = b.get("/sales?q=" + r.ID.String())
	require.Contains(t, body, "/sales/"+r.ID.String(), "it is in the list of transactions now")
}

// TestReceiptNamesItsPromotions reads the names by the version that reckoned the receipt.
func TestReceiptNamesItsPromotions(t *testing.T) {
	t.Parallel()
	o := fill(t)
	at := slices.IndexFunc(o.tills[2].Records, func(r wire.Sealed) bool { return r.Record.Sale != nil && r.Record.Sale.Reward != 0 })
	_, body := o.signedIn("viewer").get("/sales/" + o.tills[2].Records[at].Record.ID.String())
	for _, want := range []string{"Сыры по выходным", "Своя карта на своей кассе", "разрешил старший 2", "номер набран вручную", "награда +0,90", `href="/programme/1"`} {
		require.Contains(t, html.UnescapeString(body), want)
	}
}

// TestEveryPageSpeaksEnglish looks for Russian left over on English pages of an empty office.
func TestEveryPageSpeaksEnglish(t *testing.T) {
	t.Parallel()
	o := open(t)
	no := o.draft(richRules())
	b := o.signedIn("owner")
	require.NoError(t, o.Store.SetPageLang(context.Background(), o.org, "owner", "en"))
	cyrillic := regexp.MustCompile(`[А-Яа-яЁё]{3,}`)
	at := fmt.Sprintf("/programme/drafts/%d", no)
	for _, path := range []string{"/programme", "/codes", "/codes/report", "/certificates", "/draws", "/partners", "/partners/new", "/staff/rewards", "/aside", "/audit", "/flags", at + "/base", at + "/watch", at + "/referral", at + "/grants", at + "/returns", at + "/gifts", at + "/promotions?add=1", at + "/rehearse"} {
		_, body := b.get(path)
		_, main, _ := strings.Cut(body, "<main")
		main = strings.NewReplacer("весенние акции", "", "Русский", "").Replace(main)
		require.Empty(t, cyrillic.FindAllString(main, 3), path)
	}
}
