package desk_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/agent"
	"github.com/kopilka/kopilka/agent/desk"
)

// stepMax is how long one step of the page may take on a busy machine before the test gives up.
const stepMax = 45 * time.Second

// axePlace is where `make deps` puts axe-core; AXE_JS names another place.
const axePlace = "/usr/local/lib/kopilka-test/axe.min.js"

// chromium is the browser that the tests share; each test has a window of its own, so two of them may run
// at a time: a window that is in front draws its frames.
var chromium struct {
	starting sync.Mutex
	tab      context.Context
	stop     func()
}

// TestMain closes the browser that the tests share.
func TestMain(m *testing.M) {
	code := m.Run()
	if chromium.stop != nil {
		chromium.stop()
	}
	os.Exit(code)
}

// tab opens a page of the shared browser, or skips the test where there is none.
func tab(t *testing.T) context.Context {
	t.Helper()
	chromium.starting.Lock()
	defer chromium.starting.Unlock()
	if chromium.tab == nil {
		startChromium(t)
	}
	ctx, cancel := chromedp.NewContext(chromium.tab)
	t.Cleanup(cancel)
	require.NoError(t, chromedp.Do(ctx)) // opens it: a tab lives as long as the context of its first step
	return ctx
}

func startChromium(t *testing.T) {
	t.Helper()
	var path string
	for _, name := range []string{"chromium-headless-shell", "chromium", "chromium-browser", "google-chrome"} {
		if found, err := exec.LookPath(name); err == nil {
			path = found
			break
		}
	}
	if path == "" {
		t.Skip("skipped: no chromium in PATH (make deps installs it)")
	}
	dir, err := os.MkdirTemp("", "desk-chromium-")
	require.NoError(t, err)
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.UserDataDir(dir), chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true), chromedp.Flag("lang", "ru"))
	if os.Getuid() == 0 {
		options = append(options, chromedp.NoSandbox)
	}
	allocator, stopAllocator := chromedp.NewExecAllocator(context.Background(), options...)
	first, stopFirst := chromedp.NewContext(allocator)
	chromium.stop = func() {
		stopFirst()
		stopAllocator()
		// The browser's last children may still be writing there.
		for range 100 {
			if os.RemoveAll(dir) == nil {
				return
			}
		}
	}
	require.NoError(t, chromedp.Do(first))
	chromium.tab = first
}

// page is a desk in a browser.
type page struct {
	*testing.T
	ctx     context.Context
	till    *script
	address string
	stop    func()
}

// openPage serves the till and opens it in a fresh tab of the given size.
func openPage(t *testing.T, till *script, lang string, width, height int64) *page {
	t.Helper()
	p := &page{T: t, ctx: tab(t), till: till}
	p.address, p.stop = start(t, till, "127.0.0.1:0")
	p.do(chromedp.EmulateViewport(width, height))
	p.do(chromedp.Navigate("http://" + p.address + "/"))
	if lang != "ru" {
		p.see("[data-stage]")
		p.press("Ctrl+L")
		p.until(`document.documentElement.lang === 'en'`)
	}
	p.see("[data-stage=" + string(till.view.Stage) + "]")
	return p
}

// start serves until stop or the end of the test.
func start(t *testing.T, till *script, address string) (string, func()) {
	t.Helper()
	l, err := desk.Listen(address)
	require.NoError(t, err)
	d := desk.New(desk.Options{Till: till, Logger: slog.New(slog.DiscardHandler)})
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- d.Serve(ctx, l) }()
	stopped := false
	stop := func() {
		if !stopped {
			stopped = true
			cancel()
			require.NoError(t, <-ended)
		}
	}
	t.Cleanup(stop)
	return l.Addr().String(), stop
}

func (p *page) do(actions ...chromedp.Action[chromedp.Void]) {
	p.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, stepMax)
	defer cancel()
	require.NoError(p, chromedp.Do(ctx, actions...))
}

// until waits for a JavaScript expression to become true.
func (p *page) until(js string) {
	p.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, stepMax)
	defer cancel()
	_, err := chromedp.Run(ctx, chromedp.Poll[bool]("Boolean("+js+")"))
	require.NoError(p, err, "waited for %s; the page says: %s", js, p.text("body"))
}

func (p *page) see(selector string) {
	p.Helper()
	p.until(fmt.Sprintf("document.querySelector(%q)", selector))
}

func (p *page) text(selector string) string {
	p.Helper()
	return eval[string](p, fmt.Sprintf("(document.querySelector(%q) || {}).innerText || ''", selector))
}

func eval[V any](p *page, js string) V {
	p.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, stepMax)
	defer cancel()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[V](js, chromedp.EvalAwaitPromise))
	require.NoError(p, err, js)
	return v
}

var named = map[string]string{
	"Enter": kb.Enter, "Escape": kb.Escape, "Delete": kb.Delete, "Backspace": kb.Backspace, "Tab": kb.Tab,
	"ArrowUp": kb.ArrowUp, "ArrowDown": kb.ArrowDown, "ArrowLeft": kb.ArrowLeft, "ArrowRight": kb.ArrowRight,
	"PageDown": kb.PageDown, "F12": kb.F12,
	"F1": kb.F1, "F2": kb.F2, "F3": kb.F3, "F4": kb.F4, "F5": kb.F5, "F6": kb.F6, "F7": kb.F7, "F8": kb.F8, "F9": kb.F9, "F10": kb.F10,
}

// press is one key of a person: "F2", "Ctrl+Delete", "м", or "see …" with a selector. A pause after what types something keeps it apart
// from a scanner's.
func (p *page) press(keys ...string) {
	p.Helper()
	for _, key := range keys {
		if what, ok := strings.CutPrefix(key, "see "); ok { // as a person waits for the list that they will pick from
			p.see(what)
			continue
		}
		types := utf8.RuneCountInString(key) == 1
		var options []chromedp.KeyOption
		if rest, ok := strings.CutPrefix(key, "Ctrl+"); ok {
			key = strings.ToLower(rest)
			if named[rest] != "" {
				key = rest
			}
			options = append(options, chromedp.KeyModifiers(chromedp.ModifierCtrl))
		}
		if code := named[key]; code != "" {
			key = code
		}
		p.do(chromedp.KeyEvent(key, options...))
		if types {
			p.settle()
		} else {
			p.drawn()
		}
	}
}

// drawn waits until the page has drawn what the last key has changed: it draws in the frame that follows, before us.
func (p *page) drawn() {
	p.Helper()
	eval[bool](p, `new Promise((done) => requestAnimationFrame(() => done(true)))`)
}

// settle is drawn, and longer than a scanner takes from one key to the next.
func (p *page) settle() {
	p.Helper()
	eval[bool](p, `new Promise((done) => setTimeout(() => requestAnimationFrame(() => done(true)), 70))`)
}

// scan types like a keyboard scanner: every key 5 ms after the last, by its place, on whatever layout. The
// times are the scanner's own, however busy the machine that runs the test is.
func (p *page) scan(code string, russian bool) {
	p.Helper()
	quoted, err := json.Marshal(code)
	require.NoError(p, err)
	eval[bool](p, fmt.Sprintf(`(() => {
		const layout = { A: 'ф', B: 'и', C: 'с', X: 'ч' };
		let time = performance.now();
		const fire = (key, code, shiftKey) => {
			const el = document.activeElement;
			const down = new KeyboardEvent('keydown', { key, code, shiftKey, bubbles: true, cancelable: true });
			Object.defineProperty(down, 'timeStamp', { value: time += 5 });
			const go = el.dispatchEvent(down);
			if (go && key.length === 1 && el.tagName === 'INPUT') { el.value += key; el.dispatchEvent(new Event('input', { bubbles: true })); }
			if (go && key === 'Enter' && el.tagName === 'BUTTON') el.click();
		};
		for (const char of %s) {
			const digit = /\d/.test(char);
			fire(%t && layout[char] || char, digit ? 'Digit' + char : char === '-' ? 'Minus' : 'Key' + char.toUpperCase(), /[A-Z]/.test(char));
		}
		fire('Enter', 'Enter', false);
		return true;
	})()`, quoted, russian))
}

// click is a finger's tap; like a finger it waits until the button may be pressed.
func (p *page) click(selector string) {
	p.Helper()
	p.see(selector + ":not(:disabled)")
	p.settle() // what the last tap has opened has come to rest
	p.do(chromedp.Click(chromedp.CSS(selector)))
}

func (p *page) screenshot(name string) {
	p.Helper()
	dir := os.Getenv("DESK_SHOTS")
	if dir == "" {
		return
	}
	ctx, cancel := context.WithTimeout(p.ctx, stepMax)
	defer cancel()
	b, err := chromedp.Run(ctx, chromedp.CaptureScreenshot())
	require.NoError(p, err)
	require.NoError(p, os.MkdirAll(dir, 0o755))
	require.NoError(p, os.WriteFile(filepath.Join(dir, name+".png"), b, 0o644))
}

// stand brings the page, whatever it showed before, to a scene.
func (p *page) stand(s scene) {
	p.Helper()
	p.till.answers(nil)
	p.till.show(base(agent.StagePrinting)) // ends what was open, as a new stage does
	p.see("[data-stage=" + string(agent.StagePrinting) + "]")
	eval[bool](p, `(document.querySelector('[data-do=forgive]')?.click(), true)`)
	p.until(`!document.querySelector('dialog, [data-do=forgive]')`)
	if s.refuses {
		p.till.answers(refuseAll)
	}
	p.till.show(s.view())
	p.see("[data-stage=" + string(s.view().Stage) + "]")
	p.press(s.keys...)
	if s.then != nil {
		p.till.show(s.then())
	}
	if s.stops {
		p.stop()
	}
	p.see(s.see)
}

// axe is the accessibility checker, or a skip.
func axe(t *testing.T) string {
	t.Helper()
	path := os.Getenv("AXE_JS")
	if path == "" {
		path = axePlace
	}
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		t.Skipf("skipped: no axe-core at %s (make deps installs it, or set AXE_JS)", path)
	}
	require.NoError(t, err)
	return string(b)
}

const runAxe = `axe.run(document, { resultTypes: ['violations'], runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] })
	.then((r) => r.violations.map((v) => v.id + ': ' + v.help + ' at ' + v.nodes.map((n) => n.target.join(' ') + ' (' + (n.any[0] || n.all[0] || n.none[0] || {}).message + ')').join('; ')))`

// overflowing finds what sticks out of the screen or out of its own box, and fingers' targets too small.
const overflowing = `(() => {
	const bad = [];
	const seen = (el) => { const r = el.getBoundingClientRect(); return r.width > 0 && r.height > 0 ? r : null; };
	const top = document.querySelector('dialog[open]') || document.body;
	for (const el of top.querySelectorAll('button, input, output, h1, h2, .net, .chip')) {
		const r = seen(el);
		if (!r) continue;
		const scrolls = el.closest('.lines, .picks, .scroll, .consents, .watch, .side-top, .dialog');
		if (r.right > innerWidth + 1 || r.left < -1) bad.push('out of the screen: ' + el.outerHTML.slice(0, 120));
		if (!scrolls && (r.bottom > innerHeight + 1 || r.top < -1)) bad.push('below the screen: ' + el.outerHTML.slice(0, 120));
		if (el.tagName === 'BUTTON' && (r.height < 47.5 || r.width < 47.5)) bad.push('smaller than a finger: ' + Math.round(r.width) + '×' + Math.round(r.height) + ' ' + el.outerHTML.slice(0, 120));
		if (el.tagName === 'BUTTON' && el.scrollWidth > el.clientWidth + 1) bad.push('words stick out: ' + el.outerHTML.slice(0, 160));
	}
	if (document.documentElement.scrollWidth > innerWidth) bad.push('the page scrolls sideways');
	const dialog = document.querySelector('dialog[open]');
	if (dialog && dialog.scrollHeight > dialog.clientHeight + 1) bad.push('the dialog scrolls: ' + dialog.scrollHeight + ' > ' + dialog.clientHeight);
	const main = document.querySelector('main');
	if (main && main.scrollHeight > main.clientHeight + 1) bad.push('main scrolls: ' + main.scrollHeight + ' > ' + main.clientHeight);
	const side = document.querySelector('.side');
	if (side && side.scrollHeight > side.clientHeight + 1) bad.push('side scrolls: ' + side.scrollHeight + ' > ' + side.clientHeight);
	return bad;
})()`

// hidden tells, two frames later, whether the row that the keys are about is out of sight.
const hidden = `new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => {
	const lit = document.querySelector('.lines .lit');
	if (!lit || document.querySelector('dialog[open]')) return done('');
	const list = lit.closest('.lines').getBoundingClientRect(), row = lit.getBoundingClientRect();
	done(row.height <= list.height && (row.top < list.top - 1 || row.bottom > list.bottom + 1) ? 'the lit row: ' + row.top + ' to ' + row.bottom + ', the list: ' + list.top + ' to ' + list.bottom : '');
})))`

// printable finds shortcuts that type something.
const printable = `[...document.querySelectorAll('[aria-keyshortcuts]')].map((b) => b.getAttribute('aria-keyshortcuts')).filter((k) => k.length < 2)`

// shards is how many windows walk the scenes side by side: the machines that test have two cores.
const shards = 2

// Every scene on the small screen of a till and on a large one: nobody is shut out, nothing sticks out.
func TestScenesAreAccessibleAndFit(t *testing.T) {
	checker := axe(t)
	looks := []look{{"ru", 1024, 768}, {"en", 1440, 900}, {"en", 1024, 768}, {"ru", 1440, 900}}
	if os.Getenv("DESK_SHOTS") == "" {
		looks = looks[:1] // the tightest; the pictures' run takes all four
	}
	for _, l := range looks {
		for shard := range shards {
			t.Run(fmt.Sprintf("%s-%d-%d", l.lang, l.width, shard), func(t *testing.T) {
				t.Parallel()
				walk(t, l, shard, checker)
			})
		}
	}
}

type look struct {
	lang          string
	width, height int64
}

// walk checks every scene of one shard in one window.
func walk(t *testing.T, l look, shard int, checker string) {
	till := newScript(scenes[0].view())
	till.catalog, till.journal = catalog(), journal()
	p := openPage(t, till, l.lang, l.width, l.height)
	p.do(chromedp.Evaluate[chromedp.Void](checker))
	for i, s := range scenes {
		if i%shards != shard {
			continue
		}
		name := fmt.Sprintf("%s-%s-%d", s.name, l.lang, l.width)
		t.Run(s.name, func(t *testing.T) {
			p.T = t
			p.stand(s)
			p.screenshot(name)
			require.Empty(t, eval[[]string](p, overflowing))
			require.Empty(t, eval[string](p, hidden), "Delete and F4 are about goods that nobody sees")
			require.Empty(t, eval[[]string](p, printable), "a scanner would press it")
			require.Empty(t, eval[[]string](p, runAxe))
		})
	}
}
