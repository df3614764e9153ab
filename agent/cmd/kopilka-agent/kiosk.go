package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/kopilka/kopilka/agent"
)

const (
	// kioskSteady is how long a browser lasts that works; one that ends sooner is started again after a longer pause.
	kioskSteady   = 20 * time.Second
	kioskPauseMin = 500 * time.Millisecond
	kioskPauseMax = 10 * time.Second
	// kioskEnd is what a browser may take to close.
	kioskEnd = 5 * time.Second
)

var (
	errNoBrowser  = errors.New("no Chromium, Chrome or Edge is on this machine: install one, or name it with -browser / нет ни Chromium, ни Chrome, ни Edge: установите один из них или укажите -browser")
	errKioskTwice = errors.New("the till's page is kept open in this session already / страница кассы уже открыта в этом сеансе")
)

const kioskUsage = "kiosk [install | uninstall] [-print] [-window] [-browser FILE] [-page HOST:PORT] [-config FILE] [-- FLAGS OF THE BROWSER]"

var kioskCommand = command{"keep the till's page open in a browser over the whole screen (install: at every logon)", "держать страницу кассы открытой на весь экран (install: при каждом входе)", func(ctx context.Context, args []string, out io.Writer) error {
	k, err := kioskFlags(args)
	if err != nil {
		return err
	}
	switch k.verb {
	case "install":
		return k.install(out)
	case "uninstall":
		return k.uninstall(out)
	}
	if k.browser == "" {
		if k.browser, err = findBrowser(); err != nil {
			return err
		}
	}
	if k.print {
		return say(out, "%q\n", append([]string{k.browser}, k.arguments()...))
	}
	if err := os.MkdirAll(k.profile, 0o700); err != nil {
		return fmt.Errorf("make the browser's folder: %w", err)
	}
	release, err := kioskLock(k.profile)
	if err != nil {
		return err
	}
	return errors.Join(k.run(ctx, leaveConsole(out)), release())
}}

// kiosk keeps a browser on the till's page.
type kiosk struct {
	verb    string
	print   bool
	window  bool
	browser string
	page    string // host:port
	config  string // empty: the usual one
	profile string // the browser's folder, its own: the cashier's private windows are none of this one's business
	more    []string
	said    []string // what the config does not say: it holds at each logon too
}

// logon are the words after "kiosk" that do the same at each logon.
func (k *kiosk) logon() (words []string) {
	if k.config != "" {
		words = append(words, "-config", k.config)
	}
	if k.window {
		words = append(words, "-window")
	}
	if k.browser != "" {
		words = append(words, "-browser", k.browser)
	}
	words = append(words, k.said...)
	if len(k.more) > 0 {
		words = append(append(words, "--"), k.more...)
	}
	return words
}

func kioskFlags(args []string) (*kiosk, error) {
	k := &kiosk{}
	if len(args) > 0 && (args[0] == "install" || args[0] == "uninstall") {
		k.verb, args = args[0], args[1:]
	}
	path := ""
	flags := flag.NewFlagSet("kiosk", flag.ContinueOnError)
	flags.StringVar(&path, "config", agent.DefaultConfigPath, "config file / файл настроек")
	flags.BoolVar(&k.print, "print", false, "print the command and start nothing / показать команду и ничего не запускать")
	flags.BoolVar(&k.window, "window", false, "in a window of its own instead of the whole screen / в окне, а не на весь экран")
	flags.StringVar(&k.browser, "browser", "", "the browser's program; else Chromium, Chrome or Edge is looked for / программа браузера; без неё ищется Chromium, Chrome или Edge")
	flags.StringVar(&k.page, "page", "", "address of the cashier's page, as in the config / адрес страницы кассира, как в настройках")
	flags.StringVar(&k.profile, "profile", "", "the browser's folder; else one in this person's cache / папка браузера; без неё папка в кеше пользователя")
	own, more, given := args, []string(nil), false
	for i, a := range args {
		if a == "--" {
			own, more, given = args[:i], args[i+1:], true
			break
		}
	}
	if err := flags.Parse(own); err != nil {
		return nil, err
	}
	if flags.NArg() > 0 {
		return nil, fmt.Errorf("%q is one word too many / лишнее слово; want / надо: kopilka-agent %s", flags.Arg(0), kioskUsage)
	}
	if given {
		k.more = more
	}
	return k, k.complete(path)
}

// complete reads the config where the person may; the defaults are right where nobody has changed them.
func (k *kiosk) complete(path string) error {
	c, err := agent.LoadConfig(path)
	if errors.Is(err, fs.ErrNotExist) && path != agent.DefaultConfigPath {
		return err
	}
	if err != nil {
		c = agent.DefaultConfig()
	}
	if k.page != "" {
		k.said = append(k.said, "-page", k.page)
	}
	k.page = cmp.Or(k.page, c.Page)
	if path != agent.DefaultConfigPath {
		if k.config, err = filepath.Abs(path); err != nil {
			return fmt.Errorf("find the config: %w", err)
		}
	}
	if k.profile != "" {
		if k.profile, err = filepath.Abs(k.profile); err != nil {
			return fmt.Errorf("find the browser's folder: %w", err)
		}
		k.said = append(k.said, "-profile", k.profile)
	} else {
		cache, err := os.UserCacheDir()
		if err != nil {
			return fmt.Errorf("find a folder for the browser: %w", err)
		}
		k.profile = filepath.Join(cache, "kopilka-kiosk")
	}
	return nil
}

// findBrowser is the first browser that can be a kiosk.
func findBrowser() (string, error) {
	for _, name := range browsers() {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", errNoBrowser
}

// arguments of the browser: nothing of a browser is shown, asked or offered.
func (k *kiosk) arguments() []string {
	url := "http://" + k.page + "/"
	args := []string{
		"--user-data-dir=" + k.profile, "--no-first-run", "--no-default-browser-check", "--noerrdialogs", "--disable-session-crashed-bubble",
		"--disable-infobars", "--disable-features=Translate,TranslateUI", "--disable-pinch", "--overscroll-history-navigation=0", "--password-store=basic",
	}
	switch {
	case k.window:
		return append(append(args, k.more...), "--app="+url)
	case strings.Contains(strings.ToLower(filepath.Base(k.browser)), "edge"):
		args = append(args, "--edge-kiosk-type=fullscreen")
	}
	return append(append(args, "--kiosk"), append(k.more, url)...)
}

// run starts the browser when the page answers, and again whenever it ends, until ctx does.
func (k *kiosk) run(ctx context.Context, out io.Writer) error {
	wait := kioskPauseMin
	for ctx.Err() == nil {
		k.awaitPage(ctx)
		began := time.Now()
		ended := k.show(ctx)
		switch {
		case ctx.Err() != nil:
			continue // whatever it said: it was told to go
		case errors.Is(ended, exec.ErrNotFound) || errors.Is(ended, os.ErrNotExist) || errors.Is(ended, os.ErrPermission):
			return fmt.Errorf("start the browser: %w", ended)
		case time.Since(began) > kioskSteady:
			wait = kioskPauseMin
		}
		if err := say(out, "the browser has ended and is started again / браузер закрылся, запускаем снова: %v\n", ended); err != nil {
			return err
		}
		pause(ctx, wait)
		wait = min(2*wait, kioskPauseMax)
	}
	return nil
}

// awaitPage waits until the till answers, enrolled or not: a browser that finds nobody keeps its own error page for ever.
func (k *kiosk) awaitPage(ctx context.Context) {
	for ctx.Err() == nil && askPage(ctx, k.page, false) != nil {
		pause(ctx, lookEvery)
	}
}

func (k *kiosk) show(ctx context.Context) error {
	c := exec.CommandContext(ctx, k.browser, k.arguments()...)
	c.Cancel = func() error { return c.Process.Signal(endSignal) }
	c.WaitDelay = kioskEnd
	return c.Run()
}
