package desk_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/agent"
	"github.com/kopilka/kopilka/agent/desk"
)

func finding(subject string, level agent.Level, ru, en, command string) agent.Finding {
	return agent.Finding{Subject: subject, Level: level, Text: agent.Text{RU: ru, EN: en}, Command: command}
}

// well and ill are what real doctors have said.
func well() []agent.Finding {
	return []agent.Finding{
		finding("service", agent.LevelOK, "Служба работает (процесс 812)", "The service runs (process 812)", ""),
		finding("version", agent.LevelOK, "Версия программы: 1.3.0", "Version of the program: 1.3.0", ""),
		finding("disk", agent.LevelOK, "Надёжная запись на диск занимает обычно 4,1 мс, дольше всего 19,8 мс", "A durable write to the disk usually takes 4.1 ms, 19.8 ms at the worst", ""),
		finding("register", agent.LevelOK, "Касса ШТРИХ-М-01Ф на связи, накопитель 9999078900000001, в ОФД не передано: 0", "Register ШТРИХ-М-01Ф answers, fiscal storage 9999078900000001, 0 not yet sent to the operator", ""),
		finding("scanner hand", agent.LevelOK, "Сканер hand на связи", "Scanner hand is there", ""),
		finding("head office", agent.LevelOK, "Сертификат office.example действует до 21.01.2027, осталось дней: 59", "The certificate of office.example is good until 21.01.2027, 59 days are left", ""),
	}
}

func ill() []agent.Finding {
	return append(well(),
		finding("disk", agent.LevelWarning, "На диске осталось 500 МБ: освободите место", "The disk has 500 MB left: make room", "sudo du -xh --max-depth=2 / | sort -h | tail"),
		finding("register", agent.LevelError, "Срок накопителя 9999078900000001 кончился 01.11.2026: замените накопитель", "Fiscal storage 9999078900000001 expired on 01.11.2026: have it replaced", ""),
		finding("scanner table", agent.LevelError, "Порта /dev/ttyKopilka9 нет: проверьте кабель и порт в настройках. Есть порты: /dev/serial/by-id/usb-Prolific_Technology_Inc._USB-Serial_Controller-if00-port0", "There is no port /dev/ttyKopilka9: check the cable and the port in the config. Ports here: /dev/serial/by-id/usb-Prolific_Technology_Inc._USB-Serial_Controller-if00-port0", "kopilka-agent devices"),
		finding("log", agent.LevelWarning, "Журнал программы ведётся на уровне debug до 12:30, потом снова info", "The program logs at level debug until 12:30, then at info again", "kopilka-agent log info"))
}

// examined is a page with a doctor.
func examined(t *testing.T, doctor func(context.Context) []agent.Finding) string {
	t.Helper()
	l, err := desk.Listen("127.0.0.1:0")
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	d := desk.New(desk.Options{Till: newScript(selling()), Doctor: doctor})
	go func() { ended <- d.Serve(ctx, l) }()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-ended)
	})
	return "http://" + l.Addr().String()
}

func TestTheDoctorsPage(t *testing.T) {
	checker := axe(t)
	for _, l := range []look{{"ru", 1024, 768}, {"en", 1440, 900}, {"en", 1024, 768}, {"ru", 1440, 900}} {
		for name, findings := range map[string][]agent.Finding{"well": well(), "ill": ill()} {
			t.Run(fmt.Sprintf("%s-%s-%d", name, l.lang, l.width), func(t *testing.T) {
				p := &page{T: t, ctx: tab(t)}
				at := examined(t, func(context.Context) []agent.Finding { return findings })
				p.do(chromedp.EmulateViewport(l.width, l.height))
				p.do(chromedp.Navigate(at + "/doctor?lang=" + l.lang))
				p.see(".rows")
				require.Equal(t, len(findings), eval[int](p, `document.querySelectorAll('.row').length`))
				require.Equal(t, l.lang, eval[string](p, `document.documentElement.lang`))
				require.False(t, eval[bool](p, `document.documentElement.scrollWidth > innerWidth`), "nothing is cut at the side")
				for _, f := range findings {
					want := f.Text.RU
					if l.lang == "en" {
						want = f.Text.EN
					}
					require.Contains(t, p.text("main"), want)
				}
				if name == "ill" {
					require.Contains(t, eval[string](p, `document.querySelector('.row').className`), "error", "the worst stands first")
				}
				p.screenshot("doctor-" + t.Name()[len("TestTheDoctorsPage/"):])
				eval[bool](p, checker+"; true")
				require.Empty(t, eval[[]string](p, runAxe))
			})
		}
	}
}

func TestTheDoctorsPageIsAskedAgain(t *testing.T) {
	var times atomic.Int32
	at := examined(t, func(context.Context) []agent.Finding {
		if times.Add(1) == 1 {
			return ill()
		}
		return well()
	})
	p := &page{T: t, ctx: tab(t)}
	p.do(chromedp.Navigate(at + "/doctor"))
	p.see(".verdict.error")
	p.until("document.querySelector('.verdict.ok') || (document.querySelector('#again:not(:disabled)')?.click(), false)") // a young answer is given again
	require.Equal(t, "/", eval[string](p, `document.querySelector('#back').getAttribute('href')`))
}

// The menu of the cashier's page leads there.
func TestTheMenuLeadsToTheDoctor(t *testing.T) {
	p := openPage(t, newScript(selling()), "ru", 1024, 768)
	p.press("F1", "see [data-dialog=menu]", "F5")
	p.until(`location.pathname === '/doctor'`)
}

func TestExaminationsAreMadeOneAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var now, most, made atomic.Int32
		d := desk.New(desk.Options{Till: newScript(selling()), Doctor: func(context.Context) []agent.Finding {
			most.Store(max(most.Load(), now.Add(1)))
			time.Sleep(time.Second)
			now.Add(-1)
			made.Add(1)
			return well()
		}})
		var asking sync.WaitGroup
		for range 20 {
			asking.Go(func() {
				_, err := desk.Examine(d, t.Context())
				require.NoError(t, err)
			})
		}
		asking.Wait()
		require.EqualValues(t, 1, most.Load())
		require.EqualValues(t, 1, made.Load(), "who waited gets what was found meanwhile")
		time.Sleep(time.Minute)
		_, err := desk.Examine(d, t.Context())
		require.NoError(t, err)
		require.EqualValues(t, 2, made.Load())
	})
}

// A doctor that hangs is not waited for, and what he found by then is not shown as all there is.
func TestAnExaminationHasAnEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := desk.New(desk.Options{Till: newScript(selling()), Doctor: func(ctx context.Context) []agent.Finding {
			<-ctx.Done()
			return nil
		}})
		began := time.Now()
		_, err := desk.Examine(d, t.Context())
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Equal(t, time.Minute, time.Since(began))
	})
}

func TestTheDoctorIsForThisMachine(t *testing.T) {
	at := examined(t, func(context.Context) []agent.Finding { return ill() })
	get := func(path string, head map[string]string) (int, string) {
		q, err := http.NewRequestWithContext(t.Context(), http.MethodGet, at+path, nil)
		require.NoError(t, err)
		for k, v := range head {
			q.Header.Set(k, v)
		}
		if head["Host"] != "" {
			q.Host = head["Host"]
		}
		a, err := http.DefaultClient.Do(q)
		require.NoError(t, err)
		b, err := io.ReadAll(a.Body)
		require.NoError(t, err)
		require.NoError(t, a.Body.Close())
		return a.StatusCode, string(b)
	}
	status, text := get("/doctor.json", nil)
	require.Equal(t, http.StatusOK, status)
	var e desk.Examined
	require.NoError(t, json.Unmarshal([]byte(text), &e))
	require.Equal(t, agent.LevelError, e.Worst)
	require.Len(t, e.Findings, len(ill()))
	for _, path := range []string{"/doctor", "/doctor.json", "/log"} {
		status, _ = get(path, map[string]string{"Host": "evil.example"})
		require.Equal(t, http.StatusForbidden, status, path)
		status, _ = get(path, map[string]string{"Origin": "http://evil.example"})
		require.Equal(t, http.StatusForbidden, status, path)
	}
	status, _ = get("/log", nil)
	require.Equal(t, http.StatusNotFound, status, "this one has no log")
	require.False(t, strings.Contains(text, "null"))
}
