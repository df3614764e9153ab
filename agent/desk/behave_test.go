package desk_test

import (
	"context"
	"fmt"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/agent"
	"github.com/kopilka/kopilka/ledger/sale"
)

// heard is the next command that the page sends.
func (p *page) heard() agent.Command {
	p.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, stepMax)
	defer cancel()
	select {
	case c := <-p.till.asked:
		return c
	case <-ctx.Done():
		require.Fail(p, "the page sent no command", "it says: %s", p.text("body"))
		return agent.Command{}
	}
}

// asked is the next command that a person gave: the page says by itself when payment begins and ends.
func (p *page) asked() agent.Command {
	p.Helper()
	for {
		if c := p.heard(); c.Do != "paying" {
			return c
		}
	}
}

// silent says that no command has been given; call it after something that shows the page is done.
func (p *page) silent() {
	p.Helper()
	for len(p.till.asked) > 0 {
		require.Equal(p, "paying", (<-p.till.asked).Do)
	}
}

func small(t *testing.T, v agent.View) *page {
	t.Helper()
	till := newScript(v)
	till.catalog, till.journal = catalog(), journal()
	t.Parallel()
	return openPage(t, till, "ru", 1024, 768)
}

// Keys, as a cashier with a keyboard alone presses them, and the command that must come of them.
func TestKeysBecomeCommands(t *testing.T) {
	cases := []struct {
		name string
		view func() agent.View
		keys []string
		want agent.Command
	}{
		{"sign in", signingIn, []string{"4", "3", "2", "1", "Enter"}, agent.Command{Do: "sign-in", PIN: "4321"}},
		{"open shift", shiftClosed, []string{"Enter"}, agent.Command{Do: "open-shift"}},
		{"sign out", shiftClosed, []string{"Escape"}, agent.Command{Do: "sign-out"}},
		{"close an expired shift", shiftExpired, []string{"Enter"}, agent.Command{Do: "close-shift"}},
		{"close the shift", selling, []string{"F1", "F10", "Enter"}, agent.Command{Do: "close-shift"}},
		{"add a product", selling, []string{"F2", "м", "о", "л", "о", "see .picks[data-for=моло]", "ArrowDown", "Enter"}, agent.Command{Do: "add", SKU: "000102", Qty: 1000}},
		{"add by weight", selling, []string{"F2", "т", "в", "о", "see .picks[data-for=тво]", "Enter", "0", ",", "5", "Enter"}, agent.Command{Do: "add", SKU: "000104", Qty: 500}},
		{"just type a name", selling, []string{"m", "i", "l", "see .picks[data-for=mil]", "Enter"}, agent.Command{Do: "add", SKU: "000106", Qty: 1000}},
		{"type a barcode", selling, []string{"F2", "4", "6", "0", "7", "0", "0", "1", "2", "Enter"}, agent.Command{Do: "scan", Code: "46070012"}},
		{"quantity", selling, []string{"F4", "3", "Enter"}, agent.Command{Do: "qty", Line: 4, SKU: "000105", Qty: 3000}},
		{"weight of another line", selling, []string{"ArrowUp", "ArrowUp", "ArrowUp", "F4", "1", ",", "2", "3", "4", "Enter"}, agent.Command{Do: "qty", Line: 1, SKU: "000102", Qty: 1234}},
		{"one more", selling, []string{"Ctrl+ArrowUp"}, agent.Command{Do: "qty", Line: 4, SKU: "000105", Qty: 2000}},
		{"remove", selling, []string{"ArrowUp", "Delete"}, agent.Command{Do: "remove", Line: 3, SKU: "000104"}},
		{"clear", selling, []string{"Ctrl+Delete", "Enter"}, agent.Command{Do: "clear"}},
		{"park", selling, []string{"F6"}, agent.Command{Do: "park"}},
		{"recall", selling, []string{"F7", "ArrowDown", "Enter"}, agent.Command{Do: "recall", ID: sale.ID{2}}},
		{"customer by phone", selling, []string{"F3", "9", "1", "6", "5", "Enter"}, agent.Command{Do: "customer", Phone: "9165"}},
		{"customer by card", selling, []string{"F3", "F4", "7", "7", "Enter"}, agent.Command{Do: "customer", Code: "77"}},
		{"no customer", selling, []string{"Ctrl+Backspace"}, agent.Command{Do: "drop-customer"}},
		{"redeem all", selling, []string{"F8", "F8"}, agent.Command{Do: "redeem", Points: -1}},
		{"redeem some", selling, []string{"F8", "1", "2", ",", "5", "Enter"}, agent.Command{Do: "redeem", Points: 1250}},
		{"redeem none", selling, []string{"F8", "F4"}, agent.Command{Do: "redeem"}},
		{"pay exactly", selling, []string{"F9", "Enter"}, agent.Command{
			Do: "pay", Tenders: []sale.Tender{{Kind: sale.TenderCash, Amount: 156_619}}, Given: 156_619,
		}},
		{"pay in cash", selling, []string{"F9", "2", "0", "0", "0", "Enter"}, agent.Command{
			Do: "pay", Tenders: []sale.Tender{{Kind: sale.TenderCash, Amount: 156_619}}, Given: 200_000,
		}},
		{"pay by card", selling, []string{"F10", "Enter"}, agent.Command{
			Do: "pay", Tenders: []sale.Tender{{Kind: sale.TenderCard, Amount: 156_619}},
		}},
		{"pay both ways", selling, []string{"F9", "F8", "1", "0", "0", "0", "Tab", "6", "0", "0", "Enter"}, agent.Command{
			Do: "pay", Tenders: []sale.Tender{{Kind: sale.TenderCard, Amount: 100_000}, {Kind: sale.TenderCash, Amount: 56_619}}, Given: 60_000,
		}},
		{"electronic receipt", selling, []string{"F9", "F4", "a", "@", "b", "Enter"}, agent.Command{
			Do: "pay", Tenders: []sale.Tender{{Kind: sale.TenderCash, Amount: 156_619}}, Given: 156_619, Contact: "a@b",
		}},
		{"of age", adult, []string{"F9"}, agent.Command{Do: "adult", Yes: true}},
		{"not of age", adult, []string{"Escape"}, agent.Command{Do: "adult"}},
		{"next", doneSale, []string{"Enter"}, agent.Command{Do: "next"}},
		{"copy", doneSale, []string{"F8"}, agent.Command{Do: "copy", ID: sale.ID{9}}},
		{"copy of the last", selling, []string{"F1", "F3"}, agent.Command{Do: "copy"}},
		{"copy of another", selling, []string{"F1", "F4", "see .picks", "ArrowDown", "Enter"}, agent.Command{Do: "copy", ID: sale.ID{8}}},
		{"continue printing", paperOut, []string{"F5"}, agent.Command{Do: "resume"}},
		{"continue printing under a dialog", paperOut, []string{"F9", "F5"}, agent.Command{Do: "resume"}},
		{"dismiss a notice", paperOut, []string{"Ctrl+M", "Ctrl+D"}, agent.Command{Do: "dismiss", Notice: 2}},
		{"cash in", selling, []string{"F1", "F6", "5", "0", "0", "Enter"}, agent.Command{Do: "cash-in", Amount: 50_000, Reason: "Размен"}},
		{"cash out", selling, []string{"F1", "F7", "1", "0", ",", "5", "Enter"}, agent.Command{Do: "cash-out", Amount: 1050, Reason: "Инкассация"}},
		{"x report", selling, []string{"F1", "F8"}, agent.Command{Do: "x-report"}},
		{"drawer", selling, []string{"F1", "F9"}, agent.Command{Do: "drawer"}},
		{"leave", selling, []string{"F1", "Ctrl+Q"}, agent.Command{Do: "sign-out"}},
		{"find a receipt to return", selling, []string{"F1", "F2", "see .picks", "ArrowDown", "Enter"}, agent.Command{Do: "return-find", Code: "3-1040"}},
		{"return by number", selling, []string{"F1", "F2", "9", "-", "7", "Enter"}, agent.Command{Do: "return-find", Code: "9-7"}},
		{"return one more", returning, []string{"ArrowRight"}, agent.Command{Do: "return-choose", Line: 0, Qty: 2000}},
		{"return one less", returning, []string{"ArrowLeft"}, agent.Command{Do: "return-choose", Line: 0}},
		{"return all that was weighed", returning, []string{"ArrowDown", "ArrowRight"}, agent.Command{Do: "return-choose", Line: 1, Qty: 1234}},
		{"make the return", returning, []string{"F9", "F3", "Enter"}, agent.Command{
			Do: "return-pay", Reason: "Брак", Tenders: []sale.Tender{{Kind: sale.TenderCard, Amount: 5000}, {Kind: sale.TenderCash, Amount: 4490}},
		}},
		{"return in cash with a PIN", returning, []string{"F9", "F9", "F2", "Tab", "1", "1", "Enter"}, agent.Command{
			Do: "return-pay", Reason: "Не подошёл", PIN: "11", Tenders: []sale.Tender{{Kind: sale.TenderCash, Amount: 9490}},
		}},
		{"cancel the return", returning, []string{"Escape"}, agent.Command{Do: "return-cancel"}},
		{"enrol by phone", enrolling, []string{"F3", "9", "1", "6", "F6", "F7", "F4", "О", "л", "я", "F6", "7", "-", "1", "Enter"}, agent.Command{
			Do: "enrol", Phone: "916", Name: "Оля", Code: "7-1", Consents: []sale.Consent{{Kind: 1, Version: 3, Given: true}, {Kind: 2, Version: 12}},
		}},
		{"enrol by card, with advertising", enrolling, []string{"F3", "F4", "7", "7", "F6", "F7", "F8", "Enter"}, agent.Command{
			Do: "enrol", Card: "77", Consents: []sale.Consent{{Kind: 1, Version: 3, Given: true}, {Kind: 2, Version: 12, Given: true}},
		}},
		{"promo code", programme, []string{"F12", "x", "4", "-", "p", "Enter"}, agent.Command{Do: "code", Code: "x4-p"}},
		{"take a code off", programme, []string{"F12", "ArrowDown", "F8"}, agent.Command{Do: "drop-code", Code: "KOFE-2026-XK4P"}},
		{"certificate", stranger, []string{"F12", "F4", "9", "0", "0", "Enter"}, agent.Command{Do: "certificate", Code: "900"}},
		{"take a certificate off", programme, append(downs(3, "F12"), "F8"), agent.Command{Do: "drop-certificate", No: 900_002}},
		{"gift", programme, append(downs(7, "F12"), "F8"), agent.Command{Do: "gift", SKU: "900101"}},
		{"partner's points, all", programme, append(downs(5, "F12"), "F8", "F8"), agent.Command{Do: "purse", Purse: 3, Points: -1}},
		{"partner's points, some", programme, append(downs(5, "F12"), "F8", "5", "0", "Enter"), agent.Command{Do: "purse", Purse: 3, Points: 5000}},
		{"partner's points, none", programme, append(downs(5, "F12"), "F8", "F4"), agent.Command{Do: "purse", Purse: 3}},
		{"cash beside certificates", programme, []string{"F9", "Enter"}, agent.Command{
			Do: "pay", Given: 100_000, Tenders: []sale.Tender{{Kind: sale.TenderCash, Amount: 100_000}},
		}},
		{"card beside certificates", programme, []string{"F10", "Enter"}, agent.Command{
			Do: "pay", Tenders: []sale.Tender{{Kind: sale.TenderCard, Amount: 100_000}},
		}},
		{"both ways beside certificates", programme, []string{"F9", "F8", "9", "0", "0", "Enter"}, agent.Command{
			Do: "pay", Given: 10_000, Tenders: []sale.Tender{
				{Kind: sale.TenderCard, Amount: 90_000}, {Kind: sale.TenderCash, Amount: 10_000},
			},
		}},
		{"certificates alone", giftedWhole, []string{"F9", "Enter"}, agent.Command{Do: "pay"}},
		{"permit", watched, []string{"Ctrl+P", "9", "9", "Enter"}, agent.Command{Do: "permit", PIN: "99", Yes: true}},
		{"sell without points", watched, []string{"Ctrl+P", "F4"}, agent.Command{Do: "permit"}},
		{"permit before the first product", watchedEmpty, []string{"Ctrl+P", "9", "Enter"}, agent.Command{Do: "permit", PIN: "9", Yes: true}},
		{"return that a manager permits", returnWatched, []string{"F9", "F3", "Enter", "F7", "9", "Enter"}, agent.Command{
			Do: "return-pay", Reason: "Брак", PIN: "9", Tenders: []sale.Tender{{Kind: sale.TenderCard, Amount: 5000}, {Kind: sale.TenderCash, Amount: 4490}},
		}},
		{"one more of a foreign return", foreign, []string{"ArrowRight"}, agent.Command{Do: "return-choose", Line: 0, Qty: 3000}},
		{"weight of a foreign return", foreign, []string{"ArrowDown", "F4", "2", "Enter"}, agent.Command{Do: "return-choose", Line: 1, Qty: 2000}},
		{"take a foreign line off", foreign, []string{"ArrowDown", "ArrowDown", "Delete"}, agent.Command{Do: "return-choose", Line: 2}},
		{"price of a foreign return", foreign, []string{"F8", "8", "9", ",", "5", "Enter"}, agent.Command{Do: "return-price", Line: 0, Amount: 8950}},
		{"name the goods of a foreign return", foreignEmpty, []string{"F2", "м", "о", "л", "see .picks", "Enter"}, agent.Command{Do: "add", SKU: "000101", Qty: 1000}},
		{"make a foreign return", foreign, []string{"F9", "F3", "F7", "1", "2", "Enter"}, agent.Command{
			Do: "return-pay", Reason: "Брак", PIN: "12", Tenders: []sale.Tender{{Kind: sale.TenderCash, Amount: 106_378}},
		}},
		{"leave a search at head office", returnAsking, []string{"Escape"}, agent.Command{Do: "return-cancel"}},
		{"leave marked goods", markWanted, []string{"Ctrl+B"}, agent.Command{Do: "drop-mark"}},
		{"take a marked piece off", marked, []string{"ArrowUp", "F4", "Ctrl+ArrowUp", "Delete"}, agent.Command{Do: "remove", Line: 3, SKU: "000104"}},
		{"do not return a marked piece", markedReturn, []string{"ArrowRight", "F3", "ArrowDown", "ArrowLeft"}, agent.Command{Do: "return-choose", Line: 1}},
		{"confirm another storage", swapped, []string{"Ctrl+U", "9", "9", "Enter"}, agent.Command{Do: "storage", Code: "9960440300987654", PIN: "99"}},
		{"correct a sale", corrects, []string{"F1", "see [data-dialog=menu]", "F12", "see [data-dialog=correction]", "F8", "1", "2", "Enter"}, agent.Command{
			Do: "correction", PIN: "12", Day: sale.DateOf(now(), time.Local), Tenders: []sale.Tender{{Kind: sale.TenderCash, Amount: corrects().Basket.Total}},
		}},
		{"correct a return by order", corrects, []string{"F1", "see [data-dialog=menu]", "F12", "see [data-dialog=correction]", "F3", "F7", "F10", "F4", "7", "F8", "1", "Enter"}, agent.Command{
			Do: "correction", PIN: "1", Yes: true, Code: "7", Return: true, Day: sale.DateOf(now(), time.Local), Tenders: []sale.Tender{{Kind: sale.TenderCard, Amount: corrects().Basket.Total}},
		}},
		{"close a shift of somebody else's", strangeShift, []string{"Enter"}, agent.Command{Do: "close-shift"}},
		{"ask again", unknown, []string{"F2"}, agent.Command{Do: "retry"}},
		{"it was made", unknown, []string{"9", "9", "F9"}, agent.Command{Do: "settle", ID: sale.ID{7}, Yes: true, PIN: "99"}},
		{"it was not made", unknown, []string{"9", "9", "F10"}, agent.Command{Do: "settle", ID: sale.ID{7}, PIN: "99"}},
	}
	for shard := range shards {
		t.Run(strconv.Itoa(shard), func(t *testing.T) {
			p := small(t, signingIn())
			for i, c := range cases {
				if i%shards != shard {
					continue
				}
				t.Run(c.name, func(t *testing.T) {
					p.T = t
					p.stand(scene{view: c.view, keys: c.keys, see: "main"})
					require.Equal(t, c.want, p.asked())
					p.silent()
				})
			}
		})
	}
}

func TestFingersBecomeCommands(t *testing.T) {
	p := small(t, signingIn())
	for _, cap := range []int{1, 2} {
		p.click(fmt.Sprintf(".cap:nth-child(%d)", cap))
	}
	p.click("[data-do=sign-in]")
	require.Equal(t, agent.Command{Do: "sign-in", PIN: "12"}, p.asked())

	p.stand(scene{view: selling, see: ".line.lit"})
	p.click(".line:nth-child(1) .row")
	p.click(".lit [data-do=minus]")
	require.Equal(t, agent.Command{Do: "qty", Line: 0, SKU: "000101", Qty: 1000}, p.asked())
	p.click("[data-do=cash]")
	p.click("[data-do=note]:nth-child(3)")
	p.click("[data-do=pay]")
	c := p.asked()
	require.Equal(t, sale.Money(200_000), c.Given)

	p.stand(scene{view: foreign, keys: []string{"F8"}, see: "[data-dialog=return-price]"})
	for _, cap := range []int{8, 9} {
		p.click(fmt.Sprintf(".cap:nth-child(%d)", cap))
	}
	p.click("[data-do=confirm]")
	require.Equal(t, agent.Command{Do: "return-price", Line: 0, Amount: 8900}, p.asked(), "the first tap types over what stood there")

	p.stand(scene{view: programme, see: "[data-do=offers]"})
	p.click("[data-do=offers]")
	p.click("[data-do=gift]")
	require.Equal(t, agent.Command{Do: "gift", SKU: "900101"}, p.asked())
	p.click("[data-do=purse]")
	p.click("[data-do=purse-all]")
	require.Equal(t, agent.Command{Do: "purse", Purse: 3, Points: -1}, p.asked())
	p.until(`!document.querySelector('dialog')`)
	p.click("[data-do=day]")
	p.see("[data-dialog=day]")

	p.stand(scene{view: paperOut, see: "[data-do=rest]"})
	p.click("[data-do=rest]")
	p.click("[data-do=dismiss]")
	require.Equal(t, agent.Command{Do: "dismiss", Notice: 2}, p.asked())
}

// The till learns when payment begins and when it is left: a card named after that is named late.
func TestPayingIsTold(t *testing.T) {
	p := small(t, selling())
	p.press("F9")
	require.Equal(t, agent.Command{Do: "paying", Yes: true}, p.heard())
	p.press("F10", "Escape")
	require.Equal(t, agent.Command{Do: "paying"}, p.heard(), "another way of paying is the same payment")
	p.press("F10", "Enter")
	require.Equal(t, agent.Command{Do: "paying", Yes: true}, p.heard())
	require.Equal(t, "pay", p.heard().Do)
	p.until(`!document.querySelector('dialog')`)
	require.Empty(t, p.till.asked, "what is paid is not left")
	p.press("F9")
	p.heard()
	p.stop()
	p.see("[data-dialog=offline]")
	next := newScript(selling())
	_, p.stop = start(t, next, p.address)
	p.see("[data-dialog=pay]")
	p.till = next
	require.Equal(t, agent.Command{Do: "paying", Yes: true}, p.heard(), "a till started anew is told again")
}

// Nobody is taken in without the yeses that the programme requires, whatever is pressed.
func TestEnrolmentNeedsItsConsents(t *testing.T) {
	p := small(t, enrolling())
	p.press("F3", "9", "F6", "Enter")
	p.see("[data-do=enrol-do]:disabled")
	require.Contains(t, p.text(".lack"), "Персональные данные")
	p.press("F8", "Enter")
	p.silent()
	p.press("F7")
	p.see("[data-do=enrol-do]:not(:disabled)")
	p.press("F7", "Enter")
	p.silent()
	require.Equal(t, "false", eval[string](p, `document.querySelector('[data-do=consent-1]').getAttribute('aria-pressed')`), "a yes may be taken back")
}

// A manager's PIN is forgotten whatever the till says to it, and a scanner's burst is no PIN.
func TestPermissionForgetsThePIN(t *testing.T) {
	p := small(t, watched())
	p.till.answers(refuseAll)
	p.press("Ctrl+P", "9", "9", "Enter")
	require.Equal(t, "99", p.asked().PIN)
	p.see("dialog .strip.error")
	require.Empty(t, eval[string](p, `document.querySelector('#f-permit-pin').value`))
	p.press("Enter")
	p.scan("4607001234567", false)
	require.Empty(t, eval[string](p, `document.querySelector('#f-permit-pin').value`))
	p.silent()
}

// Whatever joins the page while a finger is on its way, the buttons under it stay where they were.
func TestNothingJumpsUnderAFinger(t *testing.T) {
	p := small(t, stranger())
	places := func() string {
		return eval[string](p, `JSON.stringify(['cash', 'card', 'offers', 'search', 'more'].map((d) => { const r = document.querySelector('[data-do=' + d + ']').getBoundingClientRect(); return [d, Math.round(r.bottom), Math.round(r.right)]; }))`)
	}
	before := places()
	for name, view := range map[string]func() agent.View{"programme": programme, "watched": watched, "permitted": permitted, "house": house} {
		p.till.show(view())
		p.settle()
		require.Equal(t, before, places(), name)
	}
	p.till.show(programme())
	p.see(".purse-short")
	row := eval[float64](p, `document.querySelector('.lit').getBoundingClientRect().top`)
	p.till.show(watched())
	p.see(".watch")
	require.Equal(t, row, eval[float64](p, `document.querySelector('.lit').getBoundingClientRect().top`), "a rule's strip moves no row")
}

// The main flow needs nothing of the programme: these are all the buttons that it adds to the selling screen.
func TestProgrammeAddsTwoButtons(t *testing.T) {
	p := small(t, house())
	buttons := eval[[]string](p, `[...document.querySelectorAll('.button')].map((b) => b.dataset.do)`)
	require.ElementsMatch(t, []string{
		"day", "offers", // the new ones
		"language", "minus", "qty", "plus", "remove", "customer", "explain", "cash", "card", "more", "search", "customer", "park", "recall", "clearBasket",
	}, buttons)
}

// The Enter of the scan that asked for the buyer's age must not answer the question.
func TestAgeIsNotConfirmedByEnter(t *testing.T) {
	p := small(t, adult())
	p.press("Enter")
	p.silent()
	p.press("F9")
	require.Equal(t, agent.Command{Do: "adult", Yes: true}, p.asked())
}

func TestSecondPressWaitsForTheFirst(t *testing.T) {
	p := small(t, selling())
	release := make(chan struct{})
	var calls atomic.Int32
	p.till.answers(func(ctx context.Context, c agent.Command) error {
		if c.Do != "pay" {
			return nil
		}
		calls.Add(1)
		select {
		case <-release:
		case <-ctx.Done():
		}
		return nil
	})
	p.press("F9", "Enter", "Enter")
	p.do(chromedp.Evaluate[chromedp.Void](`document.querySelector('[data-do=pay]').click()`))
	require.Equal(t, "pay", p.asked().Do)
	close(release)
	p.until(`!document.querySelector('dialog')`)
	require.Equal(t, int32(1), calls.Load())
}

// A finger is faster than the till's answer to the last tap: paying opens all the same.
func TestPayingOpensWhileTheTillAnswers(t *testing.T) {
	p := small(t, selling())
	release := make(chan struct{})
	p.till.answers(func(ctx context.Context, _ agent.Command) error {
		select {
		case <-release:
		case <-ctx.Done():
		}
		return nil
	})
	p.press("Ctrl+ArrowUp")
	require.Equal(t, "qty", p.asked().Do)
	for _, way := range []string{"cash", "card"} {
		p.click("[data-do=" + way + "]")
		p.see("[data-dialog=pay]")
		p.press("Escape")
	}
	close(release)
}

func TestRefusalStaysUntilActedOn(t *testing.T) {
	p := small(t, selling())
	p.till.answers(refuseAll)
	p.press("Delete")
	p.see(".strip.error[role=alert]")
	p.till.show(selling())
	p.settle()
	require.Contains(t, p.text(".strip.error"), "нет в каталоге")
	p.press("Escape")
	p.until(`!document.querySelector('.strip.error')`)
	p.press("F6")
	p.see(".strip.error")
	p.till.answers(nil)
	p.press("F6")
	p.until(`!document.querySelector('.strip.error')`)
}

func TestLanguageIsRemembered(t *testing.T) {
	p := small(t, selling())
	require.Contains(t, p.text("main"), "К оплате")
	p.press("Ctrl+L")
	p.until(`document.documentElement.lang === 'en'`)
	require.Contains(t, p.text("main"), "To pay")
	p.do(chromedp.Reload())
	p.see("[data-stage=sale]")
	require.Contains(t, p.text("main"), "To pay")
}

func TestDialogKeepsTheFocus(t *testing.T) {
	p := small(t, selling())
	eval[bool](p, `(document.querySelector('[data-do=cash]').focus(), true)`)
	p.press("Enter")
	p.see("[data-dialog=pay]")
	for range 12 {
		p.press("Tab")
		require.True(t, eval[bool](p, `document.activeElement === document.body || Boolean(document.activeElement.closest('dialog'))`))
	}
	p.press("Escape")
	p.until(`!document.querySelector('dialog')`)
	p.until(`document.activeElement.dataset.do === 'cash'`)
}

func TestStoppedProgramCoversThePageAndItComesBack(t *testing.T) {
	p := small(t, selling())
	p.press("F9")
	p.stop()
	p.see("[data-dialog=offline]")
	p.press("Escape", "Escape")
	p.see("[data-dialog=offline]")
	p.press("Enter")
	p.silent()
	next := newScript(doneSale())
	_, p.stop = start(t, next, p.address)
	p.see("[data-stage=done]")
	p.until(`!document.querySelector('dialog')`)
}

// Scanning into a long basket must not make the cashier wait, nor redraw what has not changed.
func TestLongBasketRedrawsOnlyWhatChanged(t *testing.T) {
	const lines, mutationsMax = 200, 60
	p := small(t, heavy(lines))
	p.see(fmt.Sprintf(".line:nth-child(%d)", lines))
	eval[bool](p, `(window.seen = 0, new MutationObserver((list) => { window.seen += list.length; }).observe(document.querySelector('.lines'), { childList: true, subtree: true, characterData: true, attributes: true }), true)`)
	p.till.show(heavy(lines + 1))
	p.see(fmt.Sprintf(".line.lit:nth-child(%d)", lines+1))
	p.settle()
	require.Less(t, eval[int](p, `window.seen`), mutationsMax)
	require.True(t, eval[bool](p, `(() => { const r = document.querySelector('.lit').getBoundingClientRect(); return r.top >= 0 && r.bottom <= innerHeight; })()`), "the new line is in sight")
}

// The pure parts, in the browser that will run them.
func TestFiguresAndKeys(t *testing.T) {
	p := small(t, selling())
	cases := []struct{ js, want string }{
		{`f.money(123450, 'ru')`, "1\u00a0234,50\u00a0₽"},
		{`f.money(123450, 'en')`, "1,234.50\u00a0₽"},
		{`f.money(-5, 'ru')`, "\u22120,05\u00a0₽"},
		{`f.money(549755813887, 'ru')`, "5\u00a0497\u00a0558\u00a0138,87\u00a0₽"},
		{`f.round(200000, 'en')`, "2,000\u00a0₽"},
		{`f.round(156619, 'ru')`, "1\u00a0566,19\u00a0₽"},
		{`f.points(24000, 'ru')`, "240"},
		{`f.points(1250, 'en')`, "12.50"},
		{`f.qty(2000, 'ru', false)`, "2"},
		{`f.qty(432, 'ru', true)`, "0,432"},
		{`f.qty(1500, 'ru', true)`, "1,500"},
		{`f.parse('1 234,5', 2)`, "123450"},
		{`f.parse('12.345', 2)`, "null"},
		{`f.parse('0,432', 3)`, "432"},
		{`f.parse('', 2)`, "null"},
		{`f.parse('-5', 2)`, "null"},
		{`f.parse('1e5', 2)`, "null"},
		{`f.parse('12,', 2)`, "1200"},
		{`f.draft(200000, 2, 'ru')`, "2000"},
		{`f.draft(156619, 2, 'ru')`, "1566,19"},
		{`f.draft(150000, 2, 'en')`, "1500"},
		{`f.notes(156619, 4).join(' ')`, "156619 160000 200000 500000"},
		{`f.notes(100000, 4).join(' ')`, "100000 200000 500000"},
		{`[1, 2, 5, 11, 21, 112].map((n) => f.plural(n, 'чек', 'чека', 'чеков')).join(' ')`, "чек чека чеков чеков чек чеков"},
		{`f.span(35 * 60000, 'ru') + ' ' + f.span(30 * 3600000, 'ru') + ' ' + f.span(73 * 3600000, 'en')`, "35\u00a0мин 30\u00a0ч 3\u00a0days"},
		{`burst('4607', [0, 10, 20, 30], 40)`, "4607"},
		{`burst('4607', [0, 10, 20, 300], 310)`, "null"},
		{`burst('460', [0, 10, 20], 30)`, "null"},
		{`burst('4607', [0, 10, 20, 30], 200)`, "null"},
		{`w.charOf({ code: 'KeyA', key: 'ф', shiftKey: true })`, "A"},
		{`w.charOf({ code: 'KeyA', key: 'ф', capsLock: true, shiftKey: true })`, "a"},
		{`w.charOf({ code: 'Digit7', key: '?', shiftKey: true })`, "&"},
		{`w.charOf({ code: 'Slash', key: '.' })`, "/"},
		{`w.charOf({ code: 'BracketRight', key: 'ъ', ctrlKey: true }).charCodeAt(0)`, "29"},
		{`w.charOf({ code: 'F2', key: 'F2' })`, "null"},
		{`k.nameOf({ key: 'д', code: 'KeyL', ctrlKey: true })`, "Ctrl+L"},
		{`k.hint('Ctrl+Delete', 'ru')`, "Ctrl Del"},
		{`JSON.stringify(pay.backTenders('as-paid', [{ kind: 2, amount: 5000 }, { kind: 1, amount: 900 }], 5500))`, `[{"kind":2,"amount":5000},{"kind":1,"amount":500}]`},
		{`JSON.stringify(pay.backTenders('as-paid', [{ kind: 1, amount: 900 }], 500))`, `[{"kind":1,"amount":500}]`},
		{`JSON.stringify(pay.backTenders('cash', [{ kind: 3, amount: 700 }, { kind: 2, amount: 900 }], 1000))`, `[{"kind":3,"amount":700},{"kind":1,"amount":300}]`},
		{`JSON.stringify(pay.backTenders('as-paid', [{ kind: 3, amount: 700 }, { kind: 2, amount: 200 }, { kind: 1, amount: 900 }], 1000))`, `[{"kind":3,"amount":700},{"kind":2,"amount":200},{"kind":1,"amount":100}]`},
		{`JSON.stringify(pay.backTenders('card', [{ kind: 3, amount: 700 }], 500))`, `[{"kind":3,"amount":500}]`},
		{`day.shareOf({ receipts: 87, withCustomer: 54 }) + ' ' + day.shareOf({ receipts: 0, withCustomer: 0 })`, "62 0"},
	}
	const load = `(async () => {
		const [f, w, k, pay, day] = await Promise.all(['format', 'wedge', 'keys', 'pay', 'day'].map((m) => import('/assets/' + m + '.js')));
		const burst = (text, times, end) => { const b = new w.Burst(); [...text].forEach((c, i) => b.add(c, times[i])); return b.enter(end, w.LENGTH_MIN); };
		return String(%s);
	})()`
	for _, c := range cases {
		require.Equal(t, c.want, eval[string](p, fmt.Sprintf(load, c.js)), c.js)
	}
}
