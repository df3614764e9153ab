//go:build linux

package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/ledger/sale"
)

// pageWait bounds one wait for a page; the longest is for a till to notice that its line is dead.
const pageWait = 2 * time.Minute

// tab is a page in a browser.
type tab struct {
	*testing.T
	ctx context.Context
}

// openTab opens a page of the given size; the first one starts the browser.
func openTab(t *testing.T, parent context.Context, width, height int64, url string) tab {
	t.Helper()
	ctx, stop := chromedp.NewContext(parent)
	t.Cleanup(stop)
	require.NoError(t, chromedp.Do(ctx)) // a tab lives as long as the context of its first step
	p := tab{t, ctx}
	p.do(chromedp.EmulateViewport(width, height), chromedp.Navigate(url))
	return p
}

// browser is a parent of tabs, or skips the test where there is none.
func browser(t *testing.T) context.Context {
	t.Helper()
	for _, name := range []string{"chromium-headless-shell", "chromium", "chromium-browser", "google-chrome"} {
		path, err := exec.LookPath(name)
		if err != nil {
			continue
		}
		options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.DisableGPU,
			chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true), chromedp.Flag("lang", "ru"), chromedp.Env("TZ="+shops[0].Zone, "TMPDIR="+t.TempDir())) // it leaves sockets behind
		if os.Getuid() == 0 {
			options = append(options, chromedp.NoSandbox)
		}
		allocator, stop := chromedp.NewExecAllocator(context.Background(), options...)
		t.Cleanup(stop)
		ctx, end := chromedp.NewContext(allocator)
		t.Cleanup(end)
		require.NoError(t, chromedp.Do(ctx))
		return ctx
	}
	t.Skip("no Chromium on this machine: make deps installs it")
	return nil
}

func (p tab) do(actions ...chromedp.Action[chromedp.Void]) {
	p.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, pageWait)
	defer cancel()
	require.NoError(p, chromedp.Do(ctx, actions...))
}

// until waits for a JavaScript expression to become true.
func (p tab) until(js string) {
	p.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, pageWait)
	defer cancel()
	_, err := chromedp.Run(ctx, chromedp.Poll[bool]("Boolean("+js+")", chromedp.WithPollingTimeout(pageWait)))
	if err != nil {
		p.shot("failed")
	}
	require.NoError(p, err, "waited for %s; the page says: %s", js, read[string](p, "document.body.innerText"))
}

func (p tab) see(selector string) {
	p.Helper()
	p.until(fmt.Sprintf("document.querySelector(%q)", selector))
}

func read[V any](p tab, js string) V {
	p.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, pageWait)
	defer cancel()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[V](js))
	require.NoError(p, err, js)
	return v
}

func (p tab) text(selector string) string {
	p.Helper()
	p.see(selector)
	return strings.ReplaceAll(read[string](p, fmt.Sprintf("document.querySelector(%q).innerText", selector)), "\u00a0", " ")
}

// press clicks a button when it can be clicked.
func (p tab) press(name string) {
	p.Helper()
	selector := fmt.Sprintf("[data-do=%q]", name)
	p.see(selector + ":not(:disabled)")
	p.do(chromedp.Click(chromedp.CSS(selector)))
}

func (p tab) write(selector, text string) {
	p.Helper()
	p.see(selector)
	p.do(chromedp.SendKeys(chromedp.CSS(selector), text))
}

func (p tab) stage(name string) {
	p.Helper()
	p.see("main[data-stage=" + name + "]")
}

// shot writes the page as a picture where KOPILKA_SHOTS says, from the root of the house.
func (p tab) shot(name string) {
	p.Helper()
	folder := os.Getenv("KOPILKA_SHOTS")
	if folder == "" {
		return
	}
	if !filepath.IsAbs(folder) {
		folder = filepath.Join("..", "..", "..", folder)
	}
	ctx, cancel := context.WithTimeout(p.ctx, pageWait)
	defer cancel()
	picture, err := chromedp.Run(ctx, chromedp.CaptureScreenshot())
	require.NoError(p, err)
	require.NoError(p, os.MkdirAll(folder, 0o755))
	require.NoError(p, os.WriteFile(filepath.Join(folder, name+".png"), picture, 0o644))
}

// visit is one test's way through the shop: a cashier's page, and head office's list of sales beside it.
type visit struct {
	*running
	till till
	desk tab
	list tab
	sold int // receipts that head office should show
}

// TestShopThroughItsPages sells, redeems, goes offline and back and returns, through the pages that
// people use, with codes that come in through the serial scanner.
func TestShopThroughItsPages(t *testing.T) {
	parent := browser(t)
	shop := openShop(t, filepath.Join(t.TempDir(), "demo"))
	v := &visit{running: shop, till: tills[0]}
	v.desk = openTab(t, parent, 1024, 768, shop.tillURL(v.till))
	v.list = openTab(t, parent, 1440, 900, shop.url(shop.demo.ports.Cloud)+"sign-in")
	v.signIn()
	v.sellNextDoor()
	v.sellWithPoints()
	v.sellOffline()
	v.takeBack()
	v.list.shot("office-sales")
	openTab(t, parent, 1440, 900, shop.counterURL(v.till)).shot("counter")
	documents := 0
	for _, k := range tills {
		documents += len(shop.fiscal(k))
	}
	require.Equal(t, v.sold, documents, "the registers have made as many receipts as head office shows")
	shop.close()
}

// sellNextDoor sells at the other till, in the other store and time zone.
func (v *visit) sellNextDoor() {
	next := tills[1]
	v.command(next, fmt.Sprintf(`{"do":"sign-in","pin":%q}`, who(next.store, roleCashier).PIN))
	v.command(next, `{"do":"open-shift"}`)
	v.running.stage(next, "sale")
	for i, name := range []string{"Сметана", "Пельмени"} {
		p := find(v.T, name)
		v.command(next, fmt.Sprintf(`{"do":"add","sku":%q,"qty":1000}`, p.SKU))
		v.command(next, fmt.Sprintf(`{"do":"customer","code":%q}`, customers()[i+4].Cards[0]))
		v.command(next, fmt.Sprintf(`{"do":"pay","tenders":[{"kind":2,"amount":%d}]}`, p.Price))
		v.running.stage(next, "done")
		v.arrives(v.receipts(next)[0])
		v.command(next, `{"do":"next"}`)
	}
}

func (v *visit) signIn() {
	v.list.write("#f-login", v.login.Login)
	v.list.write("#f-password", v.login.Password)
	v.list.do(chromedp.Click(chromedp.CSS("button.main")), chromedp.WaitVisible(chromedp.CSS("nav")),
		chromedp.Navigate(v.url(v.demo.ports.Cloud)+"sales"))
	v.list.see(".live[data-on=yes]")
	read[bool](v.list, "window.unreloaded = true")

	v.desk.stage("sign-in")
	v.desk.write("#f-pin", who(v.till.store, roleCashier).PIN)
	v.desk.press("sign-in")
	v.desk.stage("shift")
	v.desk.press("open-shift")
	v.desk.stage("sale")
}

// fill scans products one by one, each when the one before is on the page.
func (v *visit) fill(names ...string) {
	v.Helper()
	for i, name := range names {
		p := find(v.T, name)
		code := p.Codes[0]
		if p.Traits.Has(sale.Weighed) {
			code += "01250"
			code += string(sale.GTINCheckDigit(code))
		}
		v.scan(v.till, code)
		v.desk.until(fmt.Sprintf("document.querySelectorAll('.lines > li').length === %d", i+1))
	}
}

func (v *visit) sellWithPoints() {
	gold := customers()[0]
	v.fill("Молоко", "Батон", "Яблоки", "Сыр «Российский»", "Кофе молотый", "Шоколад", "Форель")
	v.scan(v.till, gold.Cards[0])
	v.desk.see(".customer .names strong")
	v.desk.until(`/[1-9]/.test(document.querySelectorAll('.balances b')[1]?.innerText)`) // head office has moved the points here
	v.desk.press("redeem")
	v.desk.press("redeem-all")
	v.desk.see(".redeem.on")
	v.desk.shot("till-sale")
	v.desk.press("cash")
	v.desk.write("#f-given", "5000")
	v.desk.shot("till-pay")
	v.desk.press("pay")
	v.desk.stage("done")
	require.NotEqual(v, "0", v.desk.text(".change b"))
	v.desk.shot("till-done")

	mine := v.receipts(v.till)[0]
	v.arrives(mine)
	v.list.do(chromedp.Click(chromedp.CSS(fmt.Sprintf(`tr[data-key="%s"] a`, mine.ID))), chromedp.WaitVisible(chromedp.CSS("svg.qr")))
	said := v.list.text("main")
	require.Contains(v, said, gold.Name)
	require.Contains(v, said, mine.No)
	require.Contains(v, said, "Сыр «Российский»")
	v.list.shot("office-receipt")
	v.list.do(chromedp.Navigate(v.url(v.demo.ports.Cloud) + "sales"))
	v.list.see(".live[data-on=yes]")
	read[bool](v.list, "window.unreloaded = true")
}

// arrives sees a receipt come into the live list by itself, once.
func (v *visit) arrives(r receipt) {
	v.Helper()
	v.sold++
	v.list.see(fmt.Sprintf(`tr[data-key="%s"]`, r.ID))
	require.True(v, read[bool](v.list, "window.unreloaded === true"), "the list was not loaded anew")
	require.Equal(v, v.sold, read[int](v.list, "document.querySelectorAll('tr[data-key]').length"))
}

func (v *visit) sellOffline() {
	v.throw(v.till, "internet-cut", true)
	v.desk.press("next")
	v.desk.stage("sale")
	v.fill("Кефир", "Хлеб", "Бананы", "Чай чёрный", "Сушки") // nobody has noticed yet, and nobody waits
	v.scan(v.till, customers()[0].Cards[0])
	v.desk.see(".customer .names strong")
	v.desk.press("redeem") // what the first sale earned is on lease where it was earned
	v.desk.press("redeem-all")
	v.desk.see(".redeem.on")
	v.desk.see(".chips .chip.calm")
	v.desk.shot("till-offline")
	require.Contains(v, v.desk.text(".chips"), "Без связи")
	v.desk.press("card")
	v.desk.press("pay")
	v.desk.stage("done")
	mine := v.receipts(v.till)[0]
	require.Equal(v, v.sold, read[int](v.list, "document.querySelectorAll('tr[data-key]').length"), "head office cannot know yet")

	v.throw(v.till, "internet-cut", false)
	v.desk.until("!document.querySelector('.chips .chip.calm')")
	v.arrives(mine)
}

// takeBack returns the last sale from the list of receipts.
func (v *visit) takeBack() {
	v.desk.press("more")
	v.desk.press("returnStart")
	v.desk.see(".picks .row.lit")
	v.desk.press("find")
	v.desk.stage("return")
	v.desk.press("return-whole")
	v.desk.see(".line.chosen")
	v.desk.shot("till-return")
	v.desk.press("return-pay")
	v.desk.press("reason")
	v.desk.press("confirm")
	v.desk.stage("done")
	back := v.receipts(v.till)[0]
	require.Equal(v, "return", back.Kind)
	v.arrives(back)
	require.Contains(v, v.list.text(fmt.Sprintf(`tr[data-key="%s"]`, back.ID)), "возврат")
}
