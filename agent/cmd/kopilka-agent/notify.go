package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/gen2brain/beeep"

	"github.com/kopilka/kopilka/agent"
)

// Times of the notice helper.
const (
	notifyRetryMin = time.Second      // before the first new attempt
	notifyRetryMax = 20 * time.Second // and the longest: a cashier who has restarted the till waits no longer
	notifySilence  = 20 * time.Second // the daemon says something every 5 s
	notifyGoneMax  = time.Minute      // without the daemon before the cashier hears of it
	noticeLineMax  = 64 << 10         // a notice is some 300 bytes
)

var (
	errTwice     = errors.New("the notice helper runs in this session already / помощник сообщений уже запущен в этом сеансе")
	errNoDesktop = errors.New("there is no desktop here to show notices on: run it in the cashier's session (it starts there by itself after service install) / " +
		"здесь нет рабочего стола: запустите в сеансе кассира (после service install запускается сам)")
	errQuiet = errors.New("the till program has fallen silent")
)

var notifyCommand = command{"show the till's notices on this desktop (starts by itself at logon)", "показывать сообщения кассы на этом рабочем столе (запускается сам при входе)", func(ctx context.Context, args []string, out io.Writer) error {
	n, err := notifyFlags(args)
	if err != nil {
		return err
	}
	if err := desktopHere(); err != nil {
		return err
	}
	release, err := onlyOne()
	if err != nil {
		return err
	}
	beeep.AppName = "Kopilka"
	return errors.Join(n.run(ctx, leaveConsole(out)), release())
}}

// noticeHelper carries notices from the daemon to the desktop.
type noticeHelper struct {
	page  string // host:port of the daemon's page
	token string // file
	lang  string
	show  func(title, text string, alarm bool) error

	silence  time.Duration       // after which a daemon that says nothing is taken for gone
	standing map[agent.Text]bool // shown and not gone
	ids      map[uint64]agent.Text
	before   map[agent.Text]bool // were standing when the connection broke: not news when they come again
}

// notifyFlags reads the config where the person may; the defaults are right where nobody has changed them.
func notifyFlags(args []string) (*noticeHelper, error) {
	n := &noticeHelper{show: onDesktop, silence: notifySilence, standing: map[agent.Text]bool{}, ids: map[uint64]agent.Text{}}
	path, _, err := configFlag("notify", args, func(fs *flag.FlagSet) {
		fs.StringVar(&n.page, "page", "", "address of the cashier's page, as in the config / адрес страницы кассира, как в настройках")
		fs.StringVar(&n.token, "token", "", "file of the notice token / файл с ключом сообщений")
		fs.StringVar(&n.lang, "lang", "", "ru or en; as in the config where it is not given / язык, ru или en; без него как в настройках")
	})
	if err != nil {
		return nil, err
	}
	c, err := agent.LoadConfig(path)
	if errors.Is(err, fs.ErrNotExist) && path != agent.DefaultConfigPath {
		return nil, err
	}
	if err != nil {
		c = agent.DefaultConfig()
	}
	if n.page == "" {
		n.page = c.Page
	}
	if n.token == "" {
		n.token = filepath.Join(c.Data, tokenFile)
	}
	if n.lang == "" {
		n.lang = c.Language
	}
	return n, nil
}

// run shows notices until ctx ends. A daemon that is away is waited for; what is wrong is said once.
func (n *noticeHelper) run(ctx context.Context, out io.Writer) error {
	wait, said, seen := notifyRetryMin, "", time.Now()
	told := false
	for ctx.Err() == nil {
		heard, ended := n.listen(ctx)
		if ctx.Err() != nil {
			break
		}
		if heard {
			wait, seen, told = notifyRetryMin, time.Now(), false
		}
		if text := ended.Error(); text != said {
			said = text
			if err := say(out, "%s\n", text); err != nil {
				return err
			}
		}
		if !told && time.Since(seen) > notifyGoneMax {
			told = true
			if err := n.show(n.title("error"), n.in(textGone), true); err != nil {
				return fmt.Errorf("show a notice: %w", err)
			}
		}
		pause(ctx, time.Duration(rand.Int64N(int64(wait)))+notifyRetryMin/2) //nolint:gosec // jitter
		wait = min(2*wait, notifyRetryMax)
	}
	return nil //nolint:nilerr // the session has ended: how the connection did is nobody's concern
}

var textGone = agent.Text{
	RU: "Программа кассы не отвечает больше минуты. Сообщите старшему: kopilka-agent doctor скажет, что случилось.",
	EN: "The till program has not answered for more than a minute. Tell your manager: kopilka-agent doctor says what happened.",
}

func (n *noticeHelper) in(t agent.Text) string {
	if n.lang == "en" {
		return t.EN
	}
	return t.RU
}

func (n *noticeHelper) title(level string) string {
	switch level {
	case "error":
		return n.in(agent.Text{RU: "Касса: ошибка", EN: "Till: error"})
	case "warning":
		return n.in(agent.Text{RU: "Касса: внимание", EN: "Till: warning"})
	}
	return n.in(agent.Text{RU: "Касса", EN: "Till"})
}

// listen reads one connection to its end; heard tells that the daemon was there.
func (n *noticeHelper) listen(ctx context.Context) (heard bool, err error) {
	token, err := os.ReadFile(n.token)
	if err != nil {
		return false, fmt.Errorf("read the notice token (has the till ever been started, and is this person in the group kopilka?): %w", err)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	quiet := time.AfterFunc(n.silence, func() { cancel(errQuiet) })
	defer quiet.Stop()
	q, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+n.page+"/notices", nil)
	if err != nil {
		return false, fmt.Errorf("ask the till program at %s: %w", n.page, err)
	}
	q.Header.Set("Authorization", "Bearer "+strings.TrimSpace(string(token)))
	a, err := http.DefaultClient.Do(q)
	if err != nil {
		return false, fmt.Errorf("ask the till program at %s: %w", n.page, err)
	}
	defer func() { err = errors.Join(err, a.Body.Close()) }()
	if a.StatusCode != http.StatusOK {
		return false, fmt.Errorf("the till program at %s answers %s", n.page, a.Status)
	}
	n.before, n.standing, n.ids = n.standing, map[agent.Text]bool{}, map[uint64]agent.Text{}
	err = n.read(a.Body, func() { quiet.Reset(n.silence) })
	if errors.Is(context.Cause(ctx), errQuiet) {
		err = errors.Join(errQuiet, err)
	}
	return true, err
}

// read takes the stream's lines: "event: …", "data: …", and a comment every few seconds.
func (n *noticeHelper) read(from io.Reader, alive func()) error {
	lines := bufio.NewScanner(from)
	lines.Buffer(nil, noticeLineMax)
	event := ""
	for lines.Scan() {
		alive()
		line := lines.Text()
		switch key, value, _ := strings.Cut(line, ": "); key {
		case "event":
			event = value
		case "data":
			if err := n.take(event, []byte(value)); err != nil {
				return err
			}
		case "": // the beat comes after all that stands
			if value != "" {
				n.before = nil
			}
		}
	}
	return errors.Join(errors.New("the till program closed the connection"), lines.Err())
}

func (n *noticeHelper) take(event string, data []byte) error {
	var notice agent.Notice
	if err := json.Unmarshal(data, &notice); err != nil {
		return fmt.Errorf("read a notice: %w", err)
	}
	if old, ok := n.ids[notice.ID]; ok {
		delete(n.standing, old)
		delete(n.ids, notice.ID)
	}
	if event != "notice" {
		return nil
	}
	n.standing[notice.Text], n.ids[notice.ID] = true, notice.Text
	if n.before[notice.Text] {
		return nil
	}
	if err := n.show(n.title(notice.Level), n.in(notice.Text), notice.Level == "error"); err != nil {
		return fmt.Errorf("show a notice: %w", err)
	}
	return nil
}

// Of the sound that goes with an error.
const (
	beepHertz = 880.0
	beepMs    = 300
)

// onDesktop shows a notice by the desktop's own means; errors also sound.
func onDesktop(title, text string, alarm bool) error {
	if !alarm {
		return beeep.Notify(title, text, "")
	}
	return errors.Join(beeep.Alert(title, text, ""), beeep.Beep(beepHertz, beepMs))
}
