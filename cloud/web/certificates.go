package web

import (
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"

	"github.com/kopilka/kopilka/cloud/web/page"
	"github.com/kopilka/kopilka/ledger/sale"
)

// Limits of one press: a larger order is made in parts.
const (
	certificatesMax = 2000
	certificateMax  = 1_000_000 * sale.Rouble
)

func (s *site) certificatesPage(c *call) error { return s.showCertificates(c, nil, http.StatusOK) }

func (s *site) showCertificates(c *call, f *form, status int) error {
	batches, err := s.Codes.CertificateBatches(c.ctx(), c.org())
	if err != nil {
		return err
	}
	if err := c.located(); err != nil {
		return err
	}
	g := tableGroup{
		Columns: columns(Text{"Партия", "Batch"}, Text{"Выпущена", "Issued"}, Text{"Действует по", "Good until"}, Text{"#Штук", "#Pieces"}, Text{"#На сумму, ₽", "#Worth, ₽"}, Text{"#Остаток, ₽", "#Left, ₽"}),
		Empty:   Text{"Сертификатов ещё нет.", "No certificates yet."},
	}
	for _, b := range batches {
		g.Rows = append(g.Rows, []cell{
			{Text: b.Batch, Href: "/certificates/" + url.PathEscape(b.Batch)},
			{Text: c.at(b.Issued), Sub: b.By},
			plain(until(c, b.Expires)),
			figure(c.f.count(b.Count)), figure(c.f.money(b.Amount.Worth())), figure(c.f.money(b.Left.Worth())),
		})
	}
	t := table{Groups: []tableGroup{g}, Lead: Text{"Покупатель платит сертификатом как деньгами; остаток сохраняется. В чеке это зачёт аванса.", "A customer pays with a certificate as with money, and what is left stays. On the receipt it is an advance."}}
	if c.user.Role >= page.RoleOwner {
		t.Forms = []sideForm{{Title: Text{"Выпустить партию", "Issue a batch"}, Action: "/certificates", Yes: Text{"Выпустить…", "Issue…"}, Fields: []sideField{
			{Name: "batch", Kind: "text", Required: true, Label: Text{"Название партии", "The batch's name"}, Hint: Text{"Например: Новый год 2027", "For example: New Year 2027"}},
			{Name: "count", Kind: "text", Mode: "numeric", Required: true, Label: Text{"Сколько штук", "How many"}},
			{Name: "amount", Kind: "text", Mode: "decimal", Required: true, Label: Text{"Номинал, ₽", "Worth, ₽"}},
			{Name: "until", Kind: "date", Label: Text{"Действует по", "Good until"}, Hint: Text{"Пусто — бессрочно", "Empty: for ever"}},
		}}}
	}
	return c.table(status, Text{"Сертификаты", "Certificates"}, f, &t)
}

func until(c *call, t sale.Time) string {
	if t == 0 {
		return c.say("бессрочно", "for ever")
	}
	return c.f.date(t-1, c.zone) // the last moment of the last day
}

func (s *site) issueCertificates(c *call) error {
	sh, err := c.stores()
	if err != nil {
		return err
	}
	batch := c.form.text("batch", true, 60)
	count := int(c.form.whole("count", 1, certificatesMax))
	amount := c.form.money("amount", 1, certificateMax)
	day, err := sale.ParseDate(c.form.V("until"))
	var expires sale.Time
	switch {
	case err != nil:
		c.form.wrong("until", "Нужна дата: 2027-12-31.", "Want a date: 2027-12-31.")
	case day != 0:
		if expires = day.Add(1).Start(zone(sh.zone(0))); expires <= c.now() {
			c.form.wrong("until", "Этот день уже прошёл.", "This day has passed.")
		}
	}
	batches, err := s.Codes.CertificateBatches(c.ctx(), c.org())
	if err != nil {
		return err
	}
	for _, b := range batches {
		if b.Batch == batch {
			c.form.wrong("batch", "Партия с таким названием уже выпущена.", "A batch of this name is issued already.")
		}
	}
	if !c.form.ok() {
		return s.showCertificates(c, c.form, http.StatusUnprocessableEntity)
	}
	if !c.sure() {
		ru, en := formats{RU}, formats{EN}
		all := amount * sale.Money(count)
		return c.confirm(Text{"Выпустить сертификаты?", "Issue the certificates?"}, confirmation{
			Lines: []Text{
				{fmt.Sprintf("«%s»: %s шт. по %s ₽, всего на %s ₽.", batch, ru.count(count), ru.money(amount), ru.money(all)), fmt.Sprintf("“%s”: %s of %s, %s in all.", batch, en.count(count), en.money(amount), en.money(all))},
				{"Коды сразу годны к оплате: печатайте и храните их как деньги.", "The codes pay at once: print and keep them like money."},
			},
			Yes: Text{"Выпустить", "Issue"}, Back: "/certificates",
		})
	}
	_, err = s.Codes.IssueCertificates(c.ctx(), c.org(), batch, count, amount, expires, c.user.Login, rand.Reader)
	if errors.Is(err, page.ErrTaken) {
		c.form.wrong("batch", "Партия с таким названием уже выпущена.", "A batch of this name is issued already.")
		return s.showCertificates(c, c.form, http.StatusConflict)
	}
	if err != nil {
		return err
	}
	return c.done("/certificates/"+url.PathEscape(batch), "issued")
}

func (s *site) certificateBatch(c *call) error {
	batch, q := c.r.PathValue("batch"), c.r.URL.Query()
	if err := c.located(); err != nil {
		return err
	}
	var after sale.CustomerNo
	if v := q.Get("after"); v != "" {
		n, err := strconv.ParseInt(v, 10, 64)
		if err != nil {
			return page.ErrNotFound
		}
		after = sale.CustomerNo(n)
	}
	rows, err := s.Codes.Certificates(c.ctx(), c.org(), batch, after, page.RowsMax+1)
	if err != nil {
		return err
	}
	if len(rows) == 0 && after == 0 {
		return page.ErrNotFound
	}
	t := table{Crumb: &link{Href: "/certificates", Text: Text{"Сертификаты", "Certificates"}}}
	if len(rows) > page.RowsMax {
		rows = rows[:page.RowsMax]
		t.Older = older(q, strconv.FormatInt(int64(rows[page.RowsMax-1].No), 10))
	}
	g := tableGroup{Columns: columns(Text{"Код", "Code"}, Text{"Состояние", "State"}, Text{"Действует по", "Good until"}, Text{"#Номинал, ₽", "#Worth, ₽"}, Text{"#Остаток, ₽", "#Left, ₽"}, Text{})}
	for _, x := range rows {
		g.Rows = append(g.Rows, s.certificateRow(c, x))
	}
	t.Groups = []tableGroup{g}
	if c.user.Role >= page.RoleManager {
		t.Links = []link{{Href: "/certificates/" + url.PathEscape(batch) + "/list.csv", Text: Text{"Скачать CSV", "Download CSV"}}}
	}
	return c.list(Text{batch, batch}, &t)
}

func (s *site) certificateRow(c *call, x page.Certificate) []cell {
	code := x.Code
	if c.user.Role < page.RoleManager { // whoever reads it can pay with it
		code = "··· " + code[max(0, len(code)-4):]
	}
	state := cell{Text: "", Tag: c.say("действует", "good"), Tone: "good"}
	act, name := "block", c.say("Заблокировать…", "Block…")
	switch {
	case x.State == sale.CustomerBlocked:
		state, act, name = cell{Tag: c.say("заблокирован", "blocked"), Tone: "bad"}, "unblock", c.say("Разблокировать", "Unblock")
	case x.Left == 0:
		state = cell{Tag: c.say("потрачен", "spent")}
	case x.Expires != 0 && x.Expires <= c.now():
		state = cell{Tag: c.say("просрочен", "expired"), Tone: "warn"}
	}
	row := []cell{{Text: code, Mono: true}, state, plain(until(c, x.Expires)), figure(c.f.money(x.Amount.Worth())), figure(c.f.money(x.Left.Worth())), {}}
	if c.user.Role >= page.RoleManager {
		row[5].Do = &button{Action: fmt.Sprintf("/customers/%d/%s?back=%s", int64(x.No), act, url.QueryEscape(c.r.URL.Path)), Name: name, About: code}
	}
	return row
}

// lastDay is the last day on which a certificate pays; none is for ever.
func (c *call) lastDay(expires sale.Time) string {
	if expires == 0 {
		return ""
	}
	return c.dayText(expires - 1)
}

func (s *site) certificatesCSV(c *call) error {
	batch := c.r.PathValue("batch")
	if err := c.located(); err != nil {
		return err
	}
	if err := c.audit("certificates.export", batch, ""); err != nil {
		return err
	}
	out := newCSV(c, "kopilka-certificates-"+c.today())
	if err := out.row("code", "worth", "left", "expires", "state", "number"); err != nil {
		return c.cut(err)
	}
	for after := sale.CustomerNo(0); ; {
		rows, err := s.Codes.Certificates(c.ctx(), c.org(), batch, after, csvFlushRows)
		if err != nil {
			return c.cut(err)
		}
		for _, x := range rows {
			if err := out.row(x.Code, out.figure(x.Amount.Worth()), out.figure(x.Left.Worth()), c.lastDay(x.Expires), strconv.Itoa(int(x.State)), x.No.String()); err != nil {
				return c.cut(err)
			}
		}
		if len(rows) < csvFlushRows {
			return c.cut(out.flush())
		}
		after = rows[len(rows)-1].No
	}
}
