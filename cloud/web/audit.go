package web

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/kopilka/kopilka/cloud/web/page"
	"github.com/kopilka/kopilka/ledger/sale"
)

// Logbook is who did what at head office, and the records that were stored and not booked.
type Logbook interface {
	Events(ctx context.Context, org sale.OrgNo, f page.EventFilter, after page.EventKey, limit int) ([]page.Event, error)
	SetAside(ctx context.Context, org sale.OrgNo, till sale.TillNo, limit int) ([]page.Aside, error)
	// Release books what a till has set aside and answers how many records that were.
	Release(ctx context.Context, org sale.OrgNo, till sale.TillNo, by string) (int, error)
}

// eventNames are the deeds of the log in words; a prefix stands for its whole family in the filter.
var eventNames = []struct {
	what string
	name Text
}{
	{"sign-in", Text{"Вход", "Sign-in"}},
	{"password", Text{"Смена пароля", "Password"}},
	{"user", Text{"Пользователи", "Users"}},
	{"programme", Text{"Программа", "Programme"}},
	{"draft", Text{"Черновики", "Drafts"}},
	{"customer", Text{"Покупатели", "Customers"}},
	{"codes", Text{"Промокоды", "Promo codes"}},
	{"certificates", Text{"Сертификаты", "Certificates"}},
	{"conflict", Text{"Вопросы", "Inbox"}},
	{"till", Text{"Кассы", "Tills"}},
	{"store", Text{"Магазины", "Stores"}},
	{"update", Text{"Обновления касс", "Till updates"}},
	{"staff", Text{"Кассиры", "Cashiers"}},
	{"product", Text{"Товары", "Products"}},
	{"sales", Text{"Операции", "Transactions"}},
	{"draw", Text{"Розыгрыши", "Prize draws"}},
	{"partner", Text{"Партнёры", "Partners"}},
}

func (s *site) auditPage(c *call) error {
	q := c.r.URL.Query()
	sh, err := c.stores()
	if err != nil {
		return err
	}
	form := newForm("from", q.Get("from"), "to", q.Get("to"))
	f := page.EventFilter{Who: fold(q.Get("who")), What: q.Get("what"), Object: strings.TrimSpace(q.Get("object"))}
	if from, ok := readDay(form, "from", sh.zone(0)); ok && !from.IsZero() {
		f.From = sale.At(from)
	}
	if to, ok := readDay(form, "to", sh.zone(0)); ok && !to.IsZero() {
		f.To = sale.At(to.AddDate(0, 0, 1))
	}
	var after page.EventKey
	if v := q.Get("after"); v != "" {
		if after, err = page.ParseEventKey(v); err != nil {
			return err
		}
	}
	rows, err := s.Logbook.Events(c.ctx(), c.org(), f, after, page.RowsMax+1)
	if err != nil {
		return err
	}
	what := []choice{{"", c.say("Всё", "All"), f.What == ""}}
	for _, n := range eventNames {
		what = append(what, choice{n.what, n.name.in(c.lang), n.what == f.What})
	}
	t := table{Filters: []filter{
		{Name: "who", Label: Text{"Кто (логин)", "Who (login)"}, Kind: "search", Value: q.Get("who")},
		{Name: "what", Label: Text{"Что", "What"}, Kind: "choose", Choices: what},
		{Name: "object", Label: Text{"Над чем", "To what"}, Kind: "text", Value: q.Get("object")},
		{Name: "from", Label: Text{"С", "From"}, Kind: "date", Value: q.Get("from")},
		{Name: "to", Label: Text{"По", "To"}, Kind: "date", Value: q.Get("to")},
	}}
	if len(rows) > page.RowsMax {
		rows = rows[:page.RowsMax]
		t.Older = older(q, rows[page.RowsMax-1].Key().String())
	}
	g := tableGroup{Columns: columns(Text{"Когда", "When"}, Text{"Кто", "Who"}, Text{"Что", "What"}, Text{"Над чем", "To what"}, Text{"Подробности", "Details"}), Empty: Text{"Ничего не нашлось.", "Nothing found."}}
	for _, e := range rows {
		g.Rows = append(g.Rows, []cell{plain(c.f.momentSeconds(e.At, sh.zone(0))), plain(e.Who), {Text: eventName(e.What).in(c.lang), Sub: e.What}, plain(e.Object), plain(e.Detail)})
	}
	t.Groups = []tableGroup{g}
	return c.table(200, Text{"Журнал действий", "Audit log"}, form, &t)
}

func eventName(what string) Text {
	for _, n := range eventNames {
		if strings.HasPrefix(what, n.what) { // "product.save" and "products.import" are of one family, as in the filter
			return n.name
		}
	}
	return Text{what, what}
}

// asideShown is how many records the page lists; a release takes them in the order of the journal
// anyhow.
const asideShown = 200

// asidePage lists records in quarantine or not understood, by till, with the button that books them.
func (s *site) asidePage(c *call) error {
	sh, err := c.shop()
	if err != nil {
		return err
	}
	rows, err := s.Logbook.SetAside(c.ctx(), c.org(), 0, asideShown+1)
	if err != nil {
		return err
	}
	t := table{
		Crumb: &link{Href: "/tills", Text: Text{"Кассы", "Tills"}},
		Lead:  Text{"Эти записи сохранены, но в отчёты и баллы не входят: их прислала отозванная касса или эта версия программы их не поняла.", "These records are kept, but are in no report or balance: a revoked till has sent them, or this version could not read them."},
	}
	if len(rows) > asideShown {
		rows = rows[:asideShown]
		t.Note = c.say("Показаны первые 200 записей.", "The first 200 records are shown.")
	}
	for _, a := range rows {
		if n := len(t.Groups); n == 0 || t.Groups[n-1].Title.EN != tillName(sh, a.Till).EN {
			t.Groups = append(t.Groups, tableGroup{Title: tillName(sh, a.Till), Columns: columns(Text{"Когда", "When"}, Text{"Что", "What"}, Text{"Почему", "Why"}, Text{"#Место в журнале", "#Place"})})
			if c.user.Role >= page.RoleOwner {
				t.Forms = append(t.Forms, sideForm{Title: tillName(sh, a.Till), Hint: Text{"Провести, если касса ваша и чеки настоящие.", "Book them if the till is yours and the receipts are real."}, Action: fmt.Sprintf("/tills/%d/release", a.Till), Yes: Text{"Провести записи…", "Book the records…"}})
			}
		}
		g := &t.Groups[len(t.Groups)-1]
		why := c.say("карантин", "quarantine")
		if a.State == page.RecordParked {
			why = c.say("не разобрана", "not understood")
		}
		g.Rows = append(g.Rows, []cell{{Text: c.f.moment(a.At, sh.zone(0)), Href: "/sales/" + a.ID.String()}, plain(kindText(a.Kind).in(c.lang)), {Tag: why, Tone: "warn", Sub: a.Problem}, figure(fmt.Sprintf("%d/%d", a.Epoch, a.Seq))})
	}
	if len(t.Groups) == 0 {
		t.Groups = []tableGroup{{Empty: Text{"Всё, что прислали кассы, проведено.", "All that tills have sent is booked."}}}
	}
	return c.list(Text{"Непроведённые записи", "Records not booked"}, &t)
}

func tillName(sh shop, no sale.TillNo) Text {
	name := ""
	for _, t := range sh.Tills {
		if t.No == no {
			name = " · " + t.Name + " · " + t.StoreName
		}
	}
	return Text{fmt.Sprintf("Касса %d%s", no, name), fmt.Sprintf("Till %d%s", no, name)}
}

// release books a till's records that were set aside, as many as one pass takes.
func (s *site) release(c *call) error {
	n, err := strconv.ParseUint(c.r.PathValue("no"), 10, 21)
	if err != nil {
		return page.ErrNotFound
	}
	till := sale.TillNo(n)
	rows, err := s.Logbook.SetAside(c.ctx(), c.org(), till, asideShown)
	if err != nil {
		return err
	}
	if len(rows) == 0 {
		return c.redirect("/aside")
	}
	if !c.sure() {
		return c.confirm(Text{"Провести записи?", "Book the records?"}, confirmation{
			Lines: []Text{{fmt.Sprintf("Касса %d, записей: %d.", n, len(rows)), fmt.Sprintf("Till %d, records: %d.", n, len(rows))}, {"Чеки войдут в отчёты, баллы будут начислены и списаны. Отменить нельзя.", "The receipts enter the reports, points are given and taken. It cannot be undone."}},
			Yes:   Text{"Провести", "Book"}, Back: "/aside", Danger: true,
		})
	}
	if _, err := s.Logbook.Release(c.ctx(), c.org(), till, c.user.Login); err != nil {
		return err
	}
	return c.done("/aside", "released")
}
