package main

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/term"

	"github.com/kopilka/kopilka/agent"
	"github.com/kopilka/kopilka/installer"
	"github.com/kopilka/kopilka/sync/uplink"
	"github.com/kopilka/kopilka/sync/wire"
)

const (
	// enrolWait bounds one talk with head office; a person waits for it.
	enrolWait = 30 * time.Second
	// pageWait bounds how long the page may take to answer after the service has started, pageLook is between looks.
	pageWait = 60 * time.Second
	pageLook = 200 * time.Millisecond
)

// configMode lets the cashier's session read where the page is; there is nothing secret in a config.
const configMode fs.FileMode = 0o644

var enrolCommand = command{"make this machine a till, from a fresh package to its page: enroll [-yes] [-no-start] [-later] [-config FILE] URL CODE", "сделать этот компьютер кассой, от установленного пакета до страницы кассира: enroll [-yes] [-no-start] [-later] [-config ФАЙЛ] АДРЕС КОД", func(ctx context.Context, args []string, out io.Writer) error {
	e, err := enrolFlags(args, out)
	if err != nil {
		return err
	}
	return e.run(ctx)
}}

// newTill is what turns a machine into a till, step by step. Each step that was done before is left as it is, so that
// running it again finishes what was cut off.
type newTill struct {
	setup
	url, code string
	noStart   bool
	later     bool // do not ask head office now: the service will
	usual     bool // the config is where packages expect it, so that the service is this till's
	service   installer.Service
	answered  *uplink.Identity // as head office has just answered; nil where the machine was enrolled before

	cut func(step string) error // nil outside tests: called behind each step
}

func enrolFlags(args []string, out io.Writer) (*newTill, error) {
	e := &newTill{setup: newSetup(out)}
	fs := flag.NewFlagSet("enroll", flag.ContinueOnError)
	e.flags(fs)
	fs.BoolVar(&e.noStart, "no-start", false, "leave the service as it is / службу не трогать")
	fs.BoolVar(&e.later, "later", false, "keep address and code, and have the service enrol when head office can be reached / сохранить адрес и код; служба зарегистрируется, когда офис ответит")
	words, err := anywhere(fs, args)
	if err != nil {
		return nil, err
	}
	if err := tooMany("enroll", words, 2); err != nil {
		return nil, err
	}
	if len(words) == 1 {
		if c, err := agent.LoadConfig(e.path); err == nil && c.HeadOffice.URL != "" {
			words = []string{c.HeadOffice.URL, words[0]}
		}
	}
	if len(words) != 2 {
		return nil, errors.New("want: kopilka-agent enroll [-yes] URL CODE, both as head office shows them under Tills / нужны адрес и код, как их показывает офис на странице «Кассы»")
	}
	if e.url, err = officeAddress(words[0]); err != nil {
		return nil, err
	}
	e.code, e.usual = words[1], e.path == agent.DefaultConfigPath
	e.service.English = e.lang == "en"
	e.service.Program, err = programPath()
	return e, err
}

// anywhere parses flags that stand before, between and after the words.
func anywhere(fs *flag.FlagSet, args []string) (words []string, err error) {
	for {
		if err := fs.Parse(args); err != nil {
			return nil, err
		}
		if args = fs.Args(); len(args) == 0 {
			return words, nil
		}
		words, args = append(words, args[0]), args[1:]
	}
}

func officeAddress(s string) (string, error) {
	u, err := url.Parse(s)
	if err == nil && u.Host != "" && (u.Scheme == "https" || u.Scheme == "http") {
		return strings.TrimRight(s, "/"), nil
	}
	hint := "https://office.example.ru"
	if !strings.Contains(s, "://") && strings.ContainsAny(s, ".:") {
		hint = "https://" + s
	}
	return "", fmt.Errorf("%q is no address of a head office, want one as %s / это не адрес офиса, нужен такой: %s", s, hint, hint)
}

func (e *newTill) run(ctx context.Context) error {
	if err := e.checkBefore(); err != nil {
		return err
	}
	for _, step := range []struct {
		name string
		do   func(context.Context) error
	}{
		{"config", e.writeConfig}, {"data", e.makeData}, {"enrol", e.enrol}, {"hand over", e.handOver}, {"updates", func(context.Context) error { return believe(updaterLayout(), e.config.Data, e.answered, e.out) }}, {"start", e.start}, {"page", e.awaitPage},
	} {
		if err := step.do(ctx); err != nil {
			return err
		}
		if e.cut != nil {
			if err := e.cut(step.name); err != nil {
				return err
			}
		}
	}
	return e.whatIsLeft()
}

// checkBefore refuses before anything is written.
func (e *newTill) checkBefore() error {
	if _, err := wire.ParseEnrolCode(e.code); err != nil {
		return e.spoken(&uplink.Problem{Code: uplink.CodeEnrolTyped})
	}
	if e.usual {
		if err := mayInstall(filepath.Dir(e.path)); err != nil {
			return noRights(err)
		}
	}
	return nil
}

// noRights says what a person does who may not.
func noRights(err error) error {
	return fmt.Errorf("%w / нужны права: запустите через sudo, в Windows — в консоли от имени администратора (%w)", installer.ErrRights, err)
}

// mayInstall tries what this person may do, rather than asking who it is.
func mayInstall(folder string) error {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	f, err := os.CreateTemp(folder, ".kopilka-*")
	if err != nil {
		return err
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}

// writeConfig writes one where there is none, with the devices that were found. One that is there stays as it is,
// unless its register is still to be chosen.
func (e *newTill) writeConfig(ctx context.Context) error {
	_, err := os.Stat(e.path)
	if errors.Is(err, fs.ErrNotExist) {
		return e.fresh(ctx, e.dataFolder())
	}
	c, err := loadWhole(e.path)
	if err != nil {
		if told := tellConfig(e.out, e.path, err, cmp.Or(e.lang, "ru")); told != nil {
			return told
		}
		return err
	}
	e.speak(c)
	if c.Register.Later() {
		return e.add(ctx, c)
	}
	return nil
}

// dataFolder is the packages' one for the config in the packages' place, else one beside the config: two tills on a
// machine must not share a ledger.
func (e *newTill) dataFolder() string {
	if e.usual {
		return agent.DefaultConfig().Data
	}
	folder, err := filepath.Abs(filepath.Dir(e.path))
	if err != nil {
		folder = filepath.Dir(e.path)
	}
	return filepath.Join(folder, "data")
}

func (e *newTill) makeData(ctx context.Context) error {
	c, err := agent.LoadConfig(e.path)
	if err != nil {
		return err
	}
	if err := e.admit(ctx, c.Data); err != nil {
		return err
	}
	// What is missing above it is passed through by the service's account.
	if err := errors.Join(os.MkdirAll(filepath.Dir(c.Data), 0o755), os.MkdirAll(c.Data, 0o700)); err != nil {
		return fmt.Errorf("make the data folder: %w", err)
	}
	e.config = c
	return nil
}

// admit lets the packages' service write the folder, before the code is used up: it may not write everywhere.
func (e *newTill) admit(ctx context.Context, data string) error {
	if !e.usual {
		return nil
	}
	e.service.Data = filepath.Clean(data)
	return e.service.Admit(ctx)
}

// enrol gets an identity, then gives the ledger to it.
func (e *newTill) enrol(ctx context.Context) error {
	file := filepath.Join(e.config.Data, identityFile)
	if id, err := uplink.Load(file); err == nil {
		return e.already(id)
	}
	if e.later {
		return e.keepForLater()
	}
	id, settings, err := uplink.Enrol(ctx, file, enrolment(e.url, e.code))
	if err != nil {
		// What was kept of an earlier try must not go on with another code behind this person's back.
		if kept, readErr := readLater(e.config.Data); readErr == nil && kept.Code == e.code && uplink.Final(err) {
			err = errors.Join(err, removeLater(e.config.Data))
		}
		if uplink.Unreached(err) && e.usual && !e.noStart {
			if err := e.tell(e.spokenText(err)); err != nil {
				return err
			}
			return e.keepForLater()
		}
		return e.spoken(err)
	}
	e.answered = &id
	if err := errors.Join(seat(e.config, id, settings), removeLater(e.config.Data)); err != nil {
		return err
	}
	return say(e.out, "Till %d of store %d, %s. / Касса %d магазина %d, %s.\n", id.Till, id.Store, settings.StoreName, id.Till, id.Store, settings.StoreName)
}

// already goes on with a machine that is this head office's till, and refuses to forget another's.
func (e *newTill) already(id uplink.Identity) error {
	if strings.TrimRight(id.URL, "/") != e.url {
		return fmt.Errorf("this machine is till %d of store %d at %s already; to make it another till: once head office has every record, kopilka-agent service stop, kopilka-agent purge, then enroll again; if only the address is new, head_office.url in the config / "+
			"эта машина уже касса %[1]d магазина %[2]d (%[3]s); чтобы сделать её другой кассой: когда у офиса есть каждая запись, kopilka-agent service stop, kopilka-agent purge, затем enroll снова; если новый только адрес — head_office.url в настройках",
			id.Till, id.Store, id.URL)
	}
	e.known = true
	return e.tell(agent.Text{
		RU: fmt.Sprintf("Эта машина уже касса %d магазина %d; код не понадобился. Чтобы сделать её другой кассой: когда у офиса есть каждая запись, kopilka-agent service stop, kopilka-agent purge, затем enroll снова.", id.Till, id.Store),
		EN: fmt.Sprintf("This machine is till %d of store %d already; the code was not needed. To make it another till: once head office has every record, kopilka-agent service stop, kopilka-agent purge, then enroll again.", id.Till, id.Store),
	})
}

func (e *newTill) keepForLater() error {
	if err := writeLater(e.config.Data, later{URL: e.url, Code: e.code}); err != nil {
		return err
	}
	e.waits = true
	return e.tell(agent.Text{
		RU: "Адрес и код сохранены: служба подключит кассу сама, когда офис ответит, и сразу начнёт продавать.",
		EN: "Address and code are kept: the service enrols the till by itself when head office answers, and then sells at once.",
	})
}

// handOver gives what an administrator has made to the service.
func (e *newTill) handOver(context.Context) error {
	if !e.usual {
		return nil
	}
	return handOver(e.path, e.config.Data)
}

// start has the packages' service run, now and with the machine. Another config's till is started by whoever made it.
func (e *newTill) start(ctx context.Context) error {
	if e.noStart || !e.usual {
		return nil
	}
	e.service.English = e.lang == "en" // which the config may have said
	st, err := e.service.Status(ctx)
	if err != nil {
		return err
	}
	if !st.Installed || st.NoManager {
		return e.tell(agent.Text{RU: st.Sentence(false), EN: st.Sentence(true)})
	}
	if !st.Automatic {
		if err := e.service.Install(ctx); err != nil {
			return err
		}
	}
	if e.started = true; st.Running {
		return e.renew(ctx)
	}
	return e.service.Start(ctx)
}

// awaitPage waits until the till answers.
func (e *newTill) awaitPage(ctx context.Context) error {
	if !e.started {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, pageWait)
	defer cancel()
	for {
		err := askPage(ctx, e.config.Page, !e.waits)
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return fmt.Errorf("the service has started, but its page http://%s/ does not answer: kopilka-agent doctor says why / служба запущена, но её страница не отвечает: причину скажет kopilka-agent doctor (%w)", e.config.Page, err)
		}
		pause(ctx, pageLook)
	}
}

// askPage asks the page; selling: the one of a till that is enrolled.
func askPage(ctx context.Context, page string, selling bool) error {
	path := "/"
	if selling {
		path = "/receipts" // which a till that is not enrolled has not
	}
	q, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+page+path, nil)
	if err != nil {
		return err
	}
	a, err := http.DefaultClient.Do(q)
	if err != nil {
		return err
	}
	if err := a.Body.Close(); err != nil {
		return err
	}
	if a.StatusCode != http.StatusOK {
		return errors.New(a.Status)
	}
	return nil
}

// whatIsLeft says where the page is and what a person has to do still.
func (e *newTill) whatIsLeft() error {
	c, err := agent.LoadConfig(e.path)
	if err != nil {
		return err
	}
	t := agent.Text{}
	if e.started {
		t = agent.Text{RU: "Страница кассы: http://" + c.Page + "/\n", EN: "The till's page: http://" + c.Page + "/\n"}
	}
	if c.Register.Later() {
		t.RU += "Осталось: подключить кассу (фискальный регистратор) и выполнить kopilka-agent setup.\n"
		t.EN += "Left to do: connect the register and run kopilka-agent setup.\n"
	}
	if !c.Register.None() && len(c.Scanners) == 0 {
		t.RU += "Сканер в настройках не указан: kopilka-agent setup найдёт его; сканер в режиме клавиатуры работает и так.\n"
		t.EN += "The config has no scanner: kopilka-agent setup finds it; one in keyboard mode works as it is.\n"
	}
	if e.usual && !e.started && !e.noStart {
		t.RU += "Осталось: kopilka-agent service install, затем kopilka-agent service start.\n"
		t.EN += "Left to do: kopilka-agent service install, then kopilka-agent service start.\n"
	}
	t.RU, t.EN = strings.TrimSuffix(t.RU, "\n"), strings.TrimSuffix(t.EN, "\n")
	if t.EN == "" {
		return nil
	}
	return e.tell(t)
}

// spoken is a problem as a sentence in both languages, without the code.
func (e *newTill) spoken(err error) error {
	t := e.spokenText(err)
	if t.EN == "" {
		return err
	}
	var p *uplink.Problem
	if errors.As(err, &p) && p.Err != nil {
		return fmt.Errorf("%s / %s (%w)", t.EN, t.RU, p.Err)
	}
	return fmt.Errorf("%s / %s", t.EN, t.RU)
}

func (e *newTill) spokenText(err error) agent.Text {
	var p *uplink.Problem
	if !errors.As(err, &p) {
		return agent.Text{}
	}
	if errors.Is(err, http.ErrSchemeMismatch) {
		plain := strings.Replace(e.url, "https://", "http://", 1)
		return agent.Text{
			RU: fmt.Sprintf("По этому адресу говорят по http, без шифрования: попробуйте %s.", plain),
			EN: fmt.Sprintf("This address speaks http, without encryption: try %s.", plain),
		}
	}
	return agent.Text(p.Text())
}

// terminal asks a person at a terminal; nil where there is none.
func terminal(out io.Writer) func(question string) (string, error) {
	if !term.IsTerminal(int(os.Stdin.Fd())) {
		return nil
	}
	lines := bufio.NewReader(os.Stdin)
	return func(question string) (string, error) {
		if err := say(out, "%s ", question); err != nil {
			return "", err
		}
		answer, err := lines.ReadString('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return "", fmt.Errorf("read the answer: %w", err)
		}
		return strings.ToLower(strings.TrimSpace(answer)), nil
	}
}
