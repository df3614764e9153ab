package web

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"net/url"
	"strings"

	"github.com/kopilka/kopilka/cloud/web/page"
	"github.com/kopilka/kopilka/ledger/loyalty"
	"github.com/kopilka/kopilka/ledger/sale"
)

func queryEscape(s string) string { return url.QueryEscape(s) }

// view is what every template is given.
type view struct {
	Title   string
	Page    string
	Lang    Lang
	User    page.User
	CSRF    string
	Path    string // of this page, with its query: the language switch comes back to it
	OrgName string
	Now     sale.Time
	Flags   int64 // open
	Done    *Text
	Form    *form
	D       any
}

// May tells whether the user has at least a role.
func (v *view) May(role string) bool { return v.User.Role >= page.ParseRole(role) }

// section is the entry of the menu that a page belongs to.
func (v *view) Section() string {
	first, _, _ := strings.Cut(strings.TrimPrefix(v.Path, "/"), "/")
	first, _, _ = strings.Cut(first, "?")
	return first
}

// doneTexts are what a page says after a form was carried out.
var doneTexts = map[string]Text{
	"saved":     {"Сохранено.", "Saved."},
	"password":  {"Пароль изменён. Другие ваши входы завершены.", "The password is changed. Your other sign-ins have ended."},
	"points":    {"Баллы проведены.", "The points are booked."},
	"blocked":   {"Покупатель заблокирован. Кассы узнают об этом при ближайшей связи.", "The customer is blocked. Tills learn of it when they next connect."},
	"unblocked": {"Покупатель разблокирован.", "The customer is unblocked."},
	"published": {"Версия программы опубликована. Кассы получат её при ближайшей связи.", "The programme's version is published. Tills get it when they next connect."},
	"revoked":   {"Касса отозвана. Она больше ничего не получает, её продажи попадут в карантин.", "The till is revoked. It gets nothing any more, its sales go to quarantine."},
	"retired":   {"Касса выведена из работы, её аренды возвращены.", "The till is retired, its leases have come back."},
	"imported":  {"Импорт выполнен.", "The import is done."},
	"withdrawn": {"Убрано. Возвраты по старым чекам продолжают работать.", "Withdrawn. Returns of old receipts go on working."},
	"resolved":  {"Вопрос закрыт.", "The flag is resolved."},
	"dropped":   {"Черновик удалён.", "The draft is deleted."},
	"codes":     {"Коды выпущены. Кассы получат их при ближайшей связи.", "The codes are made. Tills get them when they next connect."},
	"issued":    {"Сертификаты выпущены и уже годны к оплате.", "The certificates are issued and pay already."},
	"released":  {"Записи проведены.", "The records are booked."},
	"merged":    {"Покупатели объединены.", "The customers are merged."},
	"split":     {"Номер отделён.", "The number is split."},
	"erased":    {"Данные покупателя стёрты.", "The customer's data are erased."},
	"paid":      {"Выплата записана.", "The payment is written down."},
	"rollout":   {"План опубликован. Кассы узнают о нём при следующей проверке.", "The plan is published. Tills learn of it when they next look."},
	"drawn":     {"Розыгрыш проведён.", "The draw is held."},
	"override":  {"Особые правила отменены с выбранного дня.", "The override is withdrawn from the day chosen."},
}

// show renders a page whole before the first byte is sent, so that a failing template is an error page
// and never half a page.
func (c *call) show(status int, name string, title Text, f *form, data any) error {
	tmpl := c.s.pages[c.lang][name]
	if tmpl == nil {
		return fmt.Errorf("no template %q", name)
	}
	if f == nil {
		f = newForm()
	}
	v := &view{
		Title: title.in(c.lang), Page: name, Lang: c.lang, User: c.user, CSRF: c.csrf, Path: c.r.URL.RequestURI(), OrgName: c.s.OrgName, Now: c.now(), Form: f, D: data,
	}
	if done, ok := doneTexts[c.r.URL.Query().Get("done")]; ok && c.r.Method == http.MethodGet {
		v.Done = &done
		v.Path = withoutDone(c.r.URL)
	}
	if c.user.Login != "" {
		pulse, err := c.s.Pulse(c.ctx(), c.org())
		if err != nil {
			return err
		}
		v.Flags = pulse.Flags
	}
	var body bytes.Buffer
	if err := tmpl.ExecuteTemplate(&body, "layout", v); err != nil {
		return fmt.Errorf("render %s: %w", name, err)
	}
	c.w.Header().Set("Content-Type", "text/html; charset=utf-8")
	c.w.WriteHeader(status)
	if _, err := body.WriteTo(c.w); err != nil {
		return nil //nolint:nilerr // the browser has gone; the page was made
	}
	return nil
}

func withoutDone(u *url.URL) string {
	q := u.Query()
	q.Del("done")
	if len(q) == 0 {
		return u.Path
	}
	return u.Path + "?" + q.Encode()
}

func (c *call) redirect(to string) error {
	http.Redirect(c.w, c.r, to, http.StatusSeeOther)
	return nil
}

// done goes to a page that says what was done.
func (c *call) done(to, what string) error {
	sep := "?"
	if strings.Contains(to, "?") {
		sep = "&"
	}
	return c.redirect(to + sep + "done=" + what)
}

// confirmation is what a person is asked before something that cannot be taken back.
type confirmation struct {
	Lines  []Text
	Yes    Text
	Back   string
	Danger bool
	Fields url.Values
}

// sure asks once more: the first POST shows what will happen, the second carries sure=1 and does it.
func (c *call) sure() bool { return c.form.V("sure") == "1" }

func (c *call) confirm(title Text, ask confirmation) error {
	ask.Fields = c.form.Values
	return c.show(http.StatusOK, "confirm", title, c.form, ask)
}

// trouble is an error as a page shows it.
type trouble struct {
	Code int
	Text Text
}

func troubleOf(err error) trouble {
	var refused *page.Refusal
	switch {
	case errors.As(err, &refused):
		return trouble{http.StatusConflict, Text{sentence(refused.RU), sentence(refused.EN)}}
	case errors.Is(err, page.ErrNotFound):
		return trouble{http.StatusNotFound, Text{"Такой страницы нет. Возможно, ссылка устарела или в ней опечатка.", "There is no such page. The link may be old or mistyped."}}
	case errors.Is(err, errForbidden):
		return trouble{http.StatusForbidden, Text{"Вашей роли это недоступно. Попросите владельца дать вам права.", "Your role does not allow this. Ask the owner for the right."}}
	case errors.Is(err, errExpired):
		return trouble{http.StatusForbidden, Text{"Страница устарела: вход был завершён или форма открыта давно. Откройте её заново и повторите.", "The page is out of date: the sign-in has ended or the form was opened long ago. Open it again and repeat."}}
	case tooLarge(err):
		return trouble{http.StatusRequestEntityTooLarge, Text{"Файл слишком большой: не больше 8 МБ.", "The file is too large: 8 MB at most."}}
	}
	return trouble{http.StatusInternalServerError, Text{"Что-то сломалось на сервере. Ничего не потеряно; повторите через минуту. Если не поможет — покажите администратору время на этой странице.", "Something broke on the server. Nothing is lost; try again in a minute. If that does not help, show the administrator the time on this page."}}
}

// fail answers with an error's page. Its detail goes to the log only.
func (c *call) fail(err error) {
	if errors.Is(err, context.Canceled) && c.ctx().Err() != nil {
		return // the browser has gone
	}
	t := troubleOf(err)
	if t.Code == http.StatusInternalServerError {
		c.s.Logger.Error("page failed", "method", c.r.Method, "path", c.r.URL.Path, "user", c.user.Login, "err", err)
	}
	c.w.Header().Del("Content-Disposition")
	if shown := c.show(t.Code, "error", Text{fmt.Sprintf("Ошибка %d", t.Code), fmt.Sprintf("Error %d", t.Code)}, nil, t); shown != nil {
		http.Error(c.w, t.Text.in(c.lang), t.Code)
	}
}

// loadTemplates parses every page once for each language: the function t picks the language's words,
// so both stand side by side in the template and none can be missing.
func loadTemplates(a *assets) (map[Lang]map[string]*template.Template, error) {
	out := make(map[Lang]map[string]*template.Template)
	names, err := fs.Glob(embedded, "templates/*.html")
	if err != nil {
		return nil, fmt.Errorf("list the embedded templates: %w", err)
	}
	for _, lang := range []Lang{RU, EN} {
		out[lang] = make(map[string]*template.Template)
		base, err := template.New("").Funcs(functions(lang, a)).ParseFS(embedded, "templates/layout.html", "templates/parts.html")
		if err != nil {
			return nil, fmt.Errorf("parse the shared templates: %w", err)
		}
		for _, file := range names {
			name := strings.TrimSuffix(strings.TrimPrefix(file, "templates/"), ".html")
			if name == "layout" || name == "parts" {
				continue
			}
			set, err := base.Clone()
			if err == nil {
				set, err = set.ParseFS(embedded, file)
			}
			if err != nil {
				return nil, fmt.Errorf("parse template %s: %w", name, err)
			}
			out[lang][name] = set
		}
	}
	return out, nil
}

func functions(lang Lang, a *assets) template.FuncMap {
	f := formats{lang}
	return template.FuncMap{
		"t": f.pick, "asset": a.href, "money": f.money, "moneyWhole": f.moneyWhole, "points": f.points, "signed": f.signed, "qty": f.qty,
		"percent": f.percent, "count": f.count, "share": f.share, "date": f.date, "moment": f.moment, "seconds": f.momentSeconds,
		"time":   func(t sale.Time, zoneName string) string { return t.Time().In(zone(zoneName)).Format("15:04:05") },
		"clock":  func(t sale.Time, zoneName string) string { return t.Time().In(zone(zoneName)).Format("15:04") },
		"ago":    func(now, t sale.Time) string { return f.ago(now.Sub(t)) },
		"number": f.number, "say": func(t Text) string { return t.in(lang) },
		"reason": func(r sale.Reason) string { return loyalty.ReasonText(r, string(lang)) },
		"kind":   func(k sale.RecordKind) string { return kindText(k).in(lang) },
		"add":    func(a, b int) int { return a + b },
		"shiftLink": func(till sale.TillNo, fn string, shift uint32) string {
			return shiftLink(page.ShiftID{Till: till, FN: fn, Shift: shift})
		},
		"account": func(k sale.AccountKind) string { return accountText(k).in(lang) }, "entry": entryOf, "day": f.day, "formview": formViewOf, "undoes": undoes, "purse": func(rows []purseRow, no sale.PurseNo) string {
			for _, r := range rows {
				if r.No == no {
					return r.Name.in(lang)
				}
			}
			return fmt.Sprintf(f.pick("кошелёк %d", "purse %d"), no)
		}, "flagname": func(kind string) string { return flagName(kind).in(lang) }, "cause": func(c string) string { return causeText(c).in(lang) }, "fieldview": fieldViewOf,
		"pinHint": func(has bool) string {
			if has {
				return "hint=" + f.pick("Пусто — останется прежний", "Empty: stays as it is")
			}
			return "hint=" + f.pick("От 4 до 8 цифр", "4 to 8 digits")
		},
		"pwHint": func(fresh bool) string {
			if fresh {
				return "hint=" + f.pick("Не короче 10 знаков", "10 characters or more")
			}
			return "hint=" + f.pick("Пусто — останется прежний", "Empty: stays as it is")
		},
		"in": input, "neg": func(m sale.Money) sale.Money { return -m }, "negp": func(p sale.Points) sale.Points { return -p },
		"subm": func(a, b sale.Money) sale.Money { return a - b },
		"phone": func(v *view, p string) string {
			if v.User.Role >= page.RoleManager {
				return p
			}
			return maskPhone(p)
		},
		"short": func(id sale.ID) string { return id.String()[:8] }, "lower": strings.ToLower,
		"hashed": func(h sale.Hash) string { return h.Short() }, "q": queryEscape,
	}
}

// maskPhone leaves enough of a number to tell two customers apart.
func maskPhone(p string) string {
	if len(p) < 8 {
		return p
	}
	return p[:2] + " ··· ··· " + p[len(p)-4:]
}

// inputView is one labelled field of a form.
type inputView struct {
	Name, Label, Kind, Value, Hint, Mode, Min, Max, List string
	Problem                                              *Text
	Required, Wide, Focus                                bool
}

// input describes a field: options are "required", "wide", "focus", "hint=…", "mode=decimal".
func input(v *view, name, label, kind string, options ...string) inputView {
	f := inputView{Name: name, Label: label, Kind: kind, Value: v.Form.V(name), Problem: v.Form.E(name)}
	for _, o := range options {
		key, value, _ := strings.Cut(o, "=")
		switch key {
		case "required":
			f.Required = true
		case "wide":
			f.Wide = true
		case "focus":
			f.Focus = true
		case "hint":
			f.Hint = value
		case "mode":
			f.Mode = value
		case "list":
			f.List = value
		}
	}
	if kind == "password" {
		f.Value = ""
	}
	return f
}
