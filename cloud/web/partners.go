package web

import (
	"context"
	"fmt"
	"net/http"

	"github.com/kopilka/kopilka/cloud/web/page"
	"github.com/kopilka/kopilka/ledger/sale"
)

// Partners are firms that bring customers or pay for points in a purse of their own.
type Partners interface {
	PartnerRows(ctx context.Context, org sale.OrgNo) ([]page.Partner, error)
	// PutPartner changes a partner, or makes one with the next number when its own is zero.
	PutPartner(ctx context.Context, org sale.OrgNo, p page.Partner, by string) (sale.PartnerNo, error)
}

func (s *site) partnerOptions(c *call) ([]option, error) {
	rows, err := s.Partners.PartnerRows(c.ctx(), c.org())
	if err != nil {
		return nil, err
	}
	var out []option
	for _, p := range rows {
		if !p.Gone {
			out = append(out, option{fmt.Sprint(p.No), Text{p.Name, p.Name}})
		}
	}
	return out, nil
}

// partnersPage lists the partners with what their codes have brought.
func (s *site) partnersPage(c *call) error {
	sh, err := c.stores()
	if err != nil {
		return err
	}
	rows, err := s.Partners.PartnerRows(c.ctx(), c.org())
	if err != nil {
		return err
	}
	p := c.periodOf(sh.zone(0))
	from, to := p.times(sh.zone(0))
	g := tableGroup{
		Columns: columns(Text{"Партнёр", "Partner"}, Text{"Связь", "Contact"}, Text{"#Привёл", "#Brought"}, Text{"#Из них купили", "#Of them bought"}, Text{"#Чеков за период", "#Receipts in the time"}, Text{"#На сумму, ₽", "#Worth, ₽"}),
		Empty:   Text{"Партнёров ещё нет.", "No partners yet."},
	}
	for _, x := range rows {
		b, err := s.Decisions.Partner(c.ctx(), c.org(), x.No, from, to)
		if err != nil {
			return err
		}
		name := cell{Text: x.Name, Sub: fmt.Sprintf("№ %d", x.No)}
		if c.user.Role >= page.RoleManager {
			name.Href = fmt.Sprintf("/partners/%d", x.No)
		}
		if x.Gone {
			name.Tag = c.say("убран", "withdrawn")
		}
		g.Rows = append(g.Rows, []cell{name, plain(x.Contact), figure(c.f.count(b.Customers)), figure(c.f.count(b.Bought)), figure(c.f.count(b.Receipts)), figure(c.f.money(b.Spent))})
	}
	t := table{Filters: p.filters(), Groups: []tableGroup{g}, Lead: Text{"Код партнёра заводится в программе, раздел «Промокоды», вид «Код источника».", "A partner's code is made in the programme, section “Promo codes”, kind “Attribution code”."}}
	if c.user.Role >= page.RoleManager {
		t.Links = []link{{Href: "/partners/new", Text: Text{"Новый партнёр", "New partner"}, Main: true}}
	}
	return c.table(p.status(), Text{"Партнёры", "Partners"}, p.form, &t)
}

func (s *site) partner(c *call) (page.Partner, error) {
	if c.r.PathValue("no") == "new" {
		return page.Partner{}, nil
	}
	rows, err := s.Partners.PartnerRows(c.ctx(), c.org())
	if err != nil {
		return page.Partner{}, err
	}
	for _, p := range rows {
		if fmt.Sprint(p.No) == c.r.PathValue("no") {
			return p, nil
		}
	}
	return page.Partner{}, page.ErrNotFound
}

func (s *site) partnerForm(c *call) error {
	p, err := s.partner(c)
	if err != nil {
		return err
	}
	return s.showPartner(c, p, partnerFormOf(p).opened(), http.StatusOK)
}

func partnerFormOf(p page.Partner) *form {
	f := newForm("name", p.Name, "contact", p.Contact)
	if p.Gone {
		f.Values.Set("gone", "1")
	}
	return f
}

func (s *site) showPartner(c *call, p page.Partner, f *form, status int) error {
	title := Text{"Новый партнёр", "New partner"}
	if p.No != 0 {
		title = Text{p.Name, p.Name}
	}
	t := table{Crumb: &link{Href: "/partners", Text: Text{"Партнёры", "Partners"}}, Forms: []sideForm{{Title: Text{"Данные", "Data"}, Action: c.r.URL.Path, Yes: Text{"Сохранить", "Save"}, Fields: []sideField{
		{Name: "name", Kind: "text", Required: true, Label: Text{"Название", "Name"}},
		{Name: "contact", Kind: "text", Label: Text{"Связь: человек, телефон, почта", "Contact: person, phone, e-mail"}},
		{Name: "gone", Kind: "flag", Label: Text{"Больше не работаем: новых кодов и кошельков не предлагать", "No longer a partner: offer no new codes or purses"}},
	}}}}
	return c.table(status, title, f, &t)
}

func (s *site) savePartner(c *call) error {
	p, err := s.partner(c)
	if err != nil {
		return err
	}
	if p.No != 0 {
		c.form.late(partnerFormOf(p))
	}
	p.Name, p.Contact, p.Gone = c.form.text("name", true, textMax), c.form.text("contact", false, textMax), c.form.V("gone") == "1"
	if !c.form.ok() {
		return s.showPartner(c, p, c.form, http.StatusUnprocessableEntity)
	}
	if _, err := s.Partners.PutPartner(c.ctx(), c.org(), p, c.user.Login); err != nil {
		return err
	}
	return c.done("/partners", "saved")
}
