package web_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/cloud/web/page"
	"github.com/kopilka/kopilka/ledger/sale"
)

// chrome starts a browser, or skips with the reason.
func chrome(t *testing.T, width, height int) context.Context {
	t.Helper()
	path := ""
	for _, name := range []string{"chromium-headless-shell", "chromium", "chromium-browser", "google-chrome"} {
		if found, err := exec.LookPath(name); err == nil {
			path = found
			break
		}
	}
	if path == "" {
		t.Skip("no Chromium on this machine: install chromium to test the pages in a browser")
	}
	allocator, stop := chromedp.NewExecAllocator(context.Background(), chromedp.ExecPath(path), chromedp.Headless, chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.NoFirstRun, chromedp.WindowSize(width, height), chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true))
	t.Cleanup(stop)
	ctx, cancel := chromedp.NewContext(allocator)
	t.Cleanup(cancel)
	ctx, end := context.WithTimeout(ctx, 6*time.Minute)
	t.Cleanup(end)
	return ctx
}

func signIn(t *testing.T, ctx context.Context, o *office, login string) {
	t.Helper()
	require.NoError(t, chromedp.Do(ctx, chromedp.Navigate(o.url+"/sign-in"),
		chromedp.SendKeys(chromedp.CSS("#f-login"), login), chromedp.SendKeys(chromedp.CSS("#f-password"), password), chromedp.Click(chromedp.CSS("button.main")),
		chromedp.WaitVisible(chromedp.CSS("nav"))))
}

// TestReceiptArrivesLive signs in, opens the list, sees a receipt come in without a reload, and follows it.
func TestReceiptArrivesLive(t *testing.T) {
	o := fill(t)
	ctx := chrome(t, 1440, 900)
	signIn(t, ctx, o, "viewer")
	require.NoError(t, chromedp.Do(ctx, chromedp.Navigate(o.url+"/sales"), chromedp.WaitVisible(chromedp.CSS(`.live[data-on=yes]`))))
	_, err := chromedp.Run(ctx, chromedp.Evaluate[bool](`window.unreloaded = true`))
	require.NoError(t, err)

	j := o.tills[2]
	before := j.Position.Seq
	r := j.Plain(2)
	r.Staff = 1
	j.At = sale.At(evening)
	j.Add(r)
	o.send(j, before)
	row := fmt.Sprintf(`tr.fresh[data-key="%s"]`, r.ID)
	require.NoError(t, chromedp.Do(ctx, chromedp.WaitVisible(chromedp.CSS(row))))
	stayed, err := chromedp.Run(ctx, chromedp.Evaluate[bool](`window.unreloaded === true`))
	require.NoError(t, err)
	require.True(t, stayed, "the page was not loaded anew")

	require.NoError(t, chromedp.Do(ctx, chromedp.Click(chromedp.CSS(row+" a")), chromedp.WaitVisible(chromedp.CSS("svg.qr"))))
	text, err := chromedp.Run(ctx, chromedp.Text(chromedp.CSS("main")))
	require.NoError(t, err)
	require.Contains(t, text, j.Position.Head.String())
	require.Contains(t, text, r.Fiscal.Key.FN)
}

// pagesToLookAt is every page with something on it.
func (o *office) pagesToLookAt() map[string]string {
	first, second := o.tills[0], o.tills[1]
	return map[string]string{
		"overview": "/", "sales": "/sales", "sales-nothing": "/sales?q=9-9", "sales-wrong": "/sales?q=%D1%87%D1%82%D0%BE&min=x", "receipt": "/sales/" + second.Records[3].Record.ID.String(),
		"return": "/sales/" + second.Records[27].Record.ID.String(), "shifts": "/shifts", "shift": "/shifts/2/" + second.FN + "/1", "shift-fine": "/shifts/1/" + first.FN + "/1",
		"flags": "/flags", "tills": "/tills", "till": "/tills/2", "enrol": "/tills/new", "customers": "/customers", "customer": "/customers/1", "customer-form": "/customers/1/edit",
		"programme": "/programme", "version": "/programme/1", "draft": "/programme/drafts/1", "rehearsal": "/programme/drafts/1/rehearse", "flags-resolved": "/flags?show=resolved", "codes": "/codes", "campaign": "/codes/1", "report": "/codes/report", "certificates": "/certificates", "batch": "/certificates/" + url.PathEscape("Новый год 2027"),
		"draws": "/draws", "draw": "/draws/" + o.drawn.String(), "partners": "/partners", "partner": "/partners/1", "rewards": "/staff/rewards", "aside": "/aside", "audit": "/audit", "publish": "/programme/drafts/1/publish", "sheet-base": "/programme/drafts/1/base",
		"list-tiers": "/programme/drafts/1/tiers", "list-promotions": "/programme/drafts/1/promotions", "add-promotion": "/programme/drafts/1/promotions?add=1", "sheet-promotion": "/programme/drafts/1/promotions/0",
		"sheet-tier": "/programme/drafts/1/tiers/0", "sheet-watch": "/programme/drafts/1/watch", "sheet-consent": "/programme/drafts/1/consents/0", "list-empty": "/programme/drafts/1/gifts", "sheet-purse": "/programme/drafts/1/purses/0", "products": "/products", "product-form": "/products/500600", "import": "/products/import",
		"staff": "/staff", "staff-form": "/staff/2", "stores": "/stores", "store-form": "/stores/2", "users": "/users", "rollout": "/rollout", "user-form": "/users/viewer", "password": "/password", "error": "/nothing-here",
		"correction": "/sales/" + o.correct().ID.String(), "counter-provision": "/sales/" + o.provide().ID.String(),
	}
}

// TestAxe runs axe-core on every page in both languages: no violation of WCAG 2.1 A and AA. The same load of a page is then
// made narrower: nothing may stick out of a small screen.
func TestAxe(t *testing.T) {
	path := os.Getenv("AXE_JS")
	if path == "" {
		path = "/usr/local/lib/kopilka-test/axe.min.js"
	}
	script, err := os.ReadFile(path)
	if err != nil {
		t.Skipf("no axe-core: put axe.min.js at %s or name it in AXE_JS", path)
	}
	o := fill(t)
	o.published()
	ctx := chrome(t, 1440, 900)
	check := func(name, path string) {
		require.NoError(t, chromedp.Do(ctx, chromedp.Navigate(o.url+path)))
		_, err := chromedp.Run(ctx, chromedp.Evaluate[bool](string(script)+"; true"))
		require.NoError(t, err)
		found, err := chromedp.Run(ctx, chromedp.Evaluate[string](`axe.run(document, {runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]}).then(r =>
			JSON.stringify(r.violations.map(v => v.id + ": " + v.nodes.map(n => n.target + " " + n.failureSummary).join(" | "))))`, chromedp.EvalAwaitPromise))
		require.NoError(t, err)
		var violations []string
		require.NoError(t, json.Unmarshal([]byte(found), &violations))
		require.Empty(t, violations, name)
		for _, width := range []int64{1440, 1024} {
			require.NoError(t, chromedp.Do(ctx, chromedp.EmulateViewport(width, 768)))
			wide, err := chromedp.Run(ctx, chromedp.Evaluate[float64](`document.documentElement.scrollWidth`))
			require.NoError(t, err)
			require.LessOrEqual(t, wide, float64(width), "%s at %d", name, width)
		}
		require.NoError(t, chromedp.Do(ctx, chromedp.EmulateViewport(1440, 900)))
	}
	check("sign-in", "/sign-in")
	signIn(t, ctx, o, "owner")
	all := o.pagesToLookAt()
	for _, lang := range []page.Lang{"ru", "en"} {
		require.NoError(t, o.Store.SetPageLang(context.Background(), o.org, "owner", lang))
		for name, path := range all {
			check(name+" "+string(lang), path)
		}
		shown, err := chromedp.Run(ctx, chromedp.Evaluate[string](`document.documentElement.lang`))
		require.NoError(t, err)
		require.Equal(t, string(lang), shown)
	}
}
