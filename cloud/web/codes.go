package web

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/kopilka/kopilka/cloud/web/page"
	"github.com/kopilka/kopilka/ledger/loyalty"
	"github.com/kopilka/kopilka/ledger/sale"
)

// Codes are single-use promo codes and gift certificates.
type Codes interface {
	// MoreCodes wraps page.ErrChanged when the campaign has another number of codes by now.
	MoreCodes(ctx context.Context, org sale.OrgNo, campaign uint32, have, count int, owners []sale.CustomerNo, by string, random io.Reader) ([]string, error)
	Codes(ctx context.Context, org sale.OrgNo, campaign uint32, after string, limit int) ([]page.PromoCode, error)
	CampaignCodes(ctx context.Context, org sale.OrgNo) ([]page.CampaignCodes, error)
	RevokeCode(ctx context.Context, org sale.OrgNo, key sale.LookupKey, by string) error
	WithdrawCampaign(ctx context.Context, org sale.OrgNo, campaign uint32, by string) error
	// IssueCertificates wraps page.ErrTaken when there is a batch of that name.
	IssueCertificates(ctx context.Context, org sale.OrgNo, batch string, count int, amount sale.Money, expires sale.Time, by string, random io.Reader) ([]string, error)
	Certificates(ctx context.Context, org sale.OrgNo, batch string, after sale.CustomerNo, limit int) ([]page.Certificate, error)
	CertificateBatches(ctx context.Context, org sale.OrgNo) ([]page.CertificateBatch, error)
	// Attributed counts receipts and money of customers who showed a campaign's code between two moments.
	Attributed(ctx context.Context, org sale.OrgNo, from, to sale.Time) ([]page.Attributed, error)
}

// campaigns are those of every version, the latest words of each.
func (s *site) campaigns(c *call) ([]loyalty.Campaign, error) {
	versions, err := s.Programme.ProgrammeRows(c.ctx(), c.org())
	if err != nil {
		return nil, err
	}
	var out []loyalty.Campaign
	place := map[uint32]int{}
	for _, p := range decoded(versions) {
		for _, m := range p.Campaigns {
			if i, seen := place[m.ID]; seen {
				out[i] = m
				continue
			}
			place[m.ID] = len(out)
			out = append(out, m)
		}
	}
	return out, nil
}

func single(m loyalty.Campaign) bool {
	return m.Kind == loyalty.CodeUnique || m.Kind == loyalty.CodePersonal
}

func (s *site) codesPage(c *call) error {
	all, err := s.campaigns(c)
	if err != nil {
		return err
	}
	counts, err := s.Codes.CampaignCodes(c.ctx(), c.org())
	if err != nil {
		return err
	}
	byID := map[uint32]page.CampaignCodes{}
	for _, x := range counts {
		byID[x.Campaign] = x
	}
	g := tableGroup{
		Columns: columns(Text{"Кампания", "Campaign"}, Text{"Вид", "Kind"}, Text{"Когда", "When"}, Text{"#Выпущено", "#Made"}, Text{"#Использовано", "#Used"}, Text{"#Осталось", "#Left"}),
		Empty:   Text{"Кампаний ещё нет: их заводят в черновике программы, в разделе «Промокоды».", "No campaigns yet: they are made in a draft of the programme, section “Promo codes”."},
	}
	for _, m := range all {
		x := byID[m.ID]
		name := cell{Text: Text{m.RU, m.EN}.in(c.lang), Sub: fmt.Sprintf("№ %d", m.ID)}
		row := []cell{name, {Text: optionText(kindOptions(codeKinds), fmt.Sprint(uint8(m.Kind))).in(c.lang), Sub: m.Code}, plain(c.f.span(loyalty.When{From: m.From, Until: m.Until})), figure("—"), figure("—"), figure("—")}
		if single(m) {
			row[0].Href = fmt.Sprintf("/codes/%d", m.ID)
			row[3], row[4], row[5] = figure(c.f.count(x.Codes)), figure(c.f.count(x.Used)), figure(c.f.count(x.Codes-x.Used-x.Revoked))
		}
		if x.Withdrawn {
			row[0].Tag, row[0].Tone = c.say("отозвана", "withdrawn"), "bad"
		}
		g.Rows = append(g.Rows, row)
	}
	return c.list(Text{"Промокоды", "Promo codes"}, &table{Groups: []tableGroup{g}, Links: []link{{Href: "/codes/report", Text: Text{"Кто привёл покупателей", "Who brought customers"}}}})
}

func (s *site) campaign(c *call) (loyalty.Campaign, error) {
	all, err := s.campaigns(c)
	if err != nil {
		return loyalty.Campaign{}, err
	}
	for _, m := range all {
		if fmt.Sprint(m.ID) == c.r.PathValue("campaign") && single(m) {
			return m, nil
		}
	}
	return loyalty.Campaign{}, page.ErrNotFound
}

func (s *site) campaignPage(c *call) error { return s.showCampaign(c, nil, http.StatusOK) }

func codeStates(c *call, state page.CodeState) (text, tone string) {
	switch state {
	case page.CodeUsed:
		return c.say("использован", "used"), ""
	case page.CodeRevoked:
		return c.say("погашен", "revoked"), "bad"
	}
	return c.say("действует", "good"), "good"
}

func (s *site) showCampaign(c *call, f *form, status int) error {
	m, err := s.campaign(c)
	if err != nil {
		return err
	}
	if err := c.located(); err != nil {
		return err
	}
	q := c.r.URL.Query()
	rows, err := s.Codes.Codes(c.ctx(), c.org(), m.ID, q.Get("after"), page.RowsMax+1)
	if err != nil {
		return err
	}
	at := fmt.Sprintf("/codes/%d", m.ID)
	t := table{Crumb: &link{Href: "/codes", Text: Text{"Промокоды", "Promo codes"}}}
	if len(rows) > page.RowsMax {
		rows = rows[:page.RowsMax]
		t.Older = older(q, url.QueryEscape(rows[page.RowsMax-1].Text))
	}
	g := tableGroup{
		Columns: columns(Text{"Код", "Code"}, Text{"Состояние", "State"}, Text{"Чей", "Whose"}, Text{"Выпущен", "Made"}, Text{"Использован", "Used"}, Text{}),
		Empty:   Text{"Кодов ещё нет. Выпустите партию — форма рядом.", "No codes yet. Make a batch with the form beside."},
	}
	for _, x := range rows {
		g.Rows = append(g.Rows, s.codeRow(c, at, x))
	}
	t.Groups = []tableGroup{g}
	if c.user.Role >= page.RoleManager {
		t.Links = []link{{Href: at + "/list.csv", Text: Text{"Скачать CSV", "Download CSV"}}}
		t.Forms = codeForms(m, at)
	}
	return c.table(status, Text{m.RU, m.EN}, f, &t)
}

func (s *site) codeRow(c *call, at string, x page.PromoCode) []cell {
	state, tone := codeStates(c, x.State)
	row := []cell{{Text: x.Text, Mono: true}, {Tag: state, Tone: tone}, plain(c.say("любой", "anybody")), plain(c.at(x.Made)), plain("—"), {}}
	if x.Owner != 0 {
		row[2] = cell{Text: "№ " + x.Owner.String(), Href: fmt.Sprintf("/customers/%d", int64(x.Owner))}
	}
	if !x.Record.IsZero() {
		row[4] = cell{Text: c.at(x.UsedAt), Href: "/sales/" + x.Record.String()}
		if x.Uses > 1 {
			row[4].Tag, row[4].Tone = c.f.count(x.Uses)+"×", "warn"
		}
	}
	if x.State == page.CodeGood && c.user.Role >= page.RoleManager {
		row[5].Do = &button{Action: fmt.Sprintf("%s/revoke?code=%s", at, url.QueryEscape(x.Text)), Name: c.say("Погасить…", "Revoke…"), About: x.Text}
	}
	return row
}

func codeForms(m loyalty.Campaign, at string) []sideForm {
	f := sideForm{Title: Text{"Новая партия", "New batch"}, Action: at, Yes: Text{"Выпустить…", "Make…"}, Fields: []sideField{
		{Name: "count", Kind: "text", Mode: "numeric", Required: true, Label: Text{"Сколько кодов", "How many codes"}, Hint: Text{"До 10 000 за раз", "Up to 10,000 at once"}},
	}}
	if m.Kind == loyalty.CodePersonal {
		f.Fields = []sideField{{Name: "owners", Kind: "textarea", Required: true, Label: Text{"Номера покупателей, по одному в строке", "Customers' numbers, one a line"}, Hint: Text{"Каждому — свой код", "A code for each"}}}
	}
	return []sideForm{f, {Title: Text{"Отозвать кампанию", "Withdraw the campaign"}, Hint: Text{"Кассы перестанут принимать все её коды.", "Tills stop taking all of its codes."}, Action: at + "/withdraw", Yes: Text{"Отозвать…", "Withdraw…"}, Danger: true}}
}

// batchMax is how many codes one press makes; a larger action is made in parts.
const batchMax = 10_000

func (s *site) makeCodes(c *call) error {
	m, err := s.campaign(c)
	if err != nil {
		return err
	}
	var owners []sale.CustomerNo
	count := 0
	if m.Kind == loyalty.CodePersonal {
		owners = readOwners(c.form)
		count = len(owners)
	} else {
		count = int(c.form.whole("count", 1, batchMax))
	}
	if !c.form.ok() {
		return s.showCampaign(c, c.form, http.StatusUnprocessableEntity)
	}
	back := fmt.Sprintf("/codes/%d", m.ID)
	if !c.sure() {
		counts, err := s.Codes.CampaignCodes(c.ctx(), c.org())
		if err != nil {
			return err
		}
		c.form.Values.Set("have", "0")
		for _, x := range counts {
			if x.Campaign == m.ID {
				c.form.Values.Set("have", fmt.Sprint(x.Codes))
			}
		}
		return c.confirm(Text{"Выпустить коды?", "Make the codes?"}, confirmation{
			Lines: []Text{{m.RU + ": " + fmt.Sprint(count), m.EN + ": " + fmt.Sprint(count)}, {"Кассы получат их при ближайшей связи.", "Tills get them when they next connect."}},
			Yes:   Text{"Выпустить", "Make"}, Back: back,
		})
	}
	have := int(c.form.whole("have", 0, 1<<31))
	if !c.form.ok() {
		return errExpired
	}
	_, err = s.Codes.MoreCodes(c.ctx(), c.org(), m.ID, have, count, owners, c.user.Login, rand.Reader)
	if errors.Is(err, page.ErrChanged) {
		c.form.wrong("", "Коды этой кампании уже выпущены, пока вы отвечали на вопрос: они в списке. Нужны ещё — выпустите новую партию.",
			"Codes of this campaign were made while you were asked: they are in the list. If more are needed, make another batch.")
		return s.showCampaign(c, c.form, http.StatusConflict)
	}
	var refused *page.Refusal
	if errors.As(err, &refused) {
		c.form.wrong("", sentence(refused.RU), sentence(refused.EN))
		return s.showCampaign(c, c.form, http.StatusConflict)
	}
	if err != nil {
		return err
	}
	return c.done(back, "codes")
}

func readOwners(f *form) []sale.CustomerNo {
	var out []sale.CustomerNo
	seen := map[sale.CustomerNo]bool{}
	for _, word := range strings.FieldsFunc(f.V("owners"), func(r rune) bool { return r == '\n' || r == '\r' || r == ',' || r == ';' || r == ' ' }) {
		no, err := parseNumber(strings.TrimPrefix(word, "№"))
		if err != nil || no <= 0 {
			f.wrong("owners", "Это не номер покупателя: "+word, "This is no customer's number: "+word)
			return nil
		}
		if !seen[no] {
			seen[no], out = true, append(out, no)
		}
	}
	if len(out) == 0 || len(out) > batchMax {
		f.wrong("owners", "Нужно от 1 до 10 000 номеров.", "Want 1 to 10,000 numbers.")
	}
	return out
}

func (s *site) revokeCode(c *call) error {
	m, err := s.campaign(c)
	if err != nil {
		return err
	}
	text := c.r.URL.Query().Get("code")
	back := fmt.Sprintf("/codes/%d", m.ID)
	found, err := s.Codes.Codes(c.ctx(), c.org(), m.ID, before(text), 1)
	if err != nil {
		return err
	}
	if len(found) != 1 || found[0].Text != text {
		return c.redirect(back)
	}
	if !c.sure() {
		return c.confirm(Text{"Погасить код?", "Revoke the code?"}, confirmation{Lines: []Text{{text, text}, {"Отменить нельзя.", "It cannot be undone."}}, Yes: Text{"Погасить", "Revoke"}, Back: back, Danger: true})
	}
	if err := s.Codes.RevokeCode(c.ctx(), c.org(), found[0].Key, c.user.Login); err != nil {
		return err
	}
	return c.done(back, "saved")
}

// before is a text just under another in the order of bytes, so that a list after it begins with that one.
func before(text string) string {
	if text == "" {
		return ""
	}
	return text[:len(text)-1] + string(text[len(text)-1]-1) + "\x7f"
}

func (s *site) withdrawCampaign(c *call) error {
	m, err := s.campaign(c)
	if err != nil {
		return err
	}
	back := fmt.Sprintf("/codes/%d", m.ID)
	if !c.sure() {
		return c.confirm(Text{"Отозвать кампанию?", "Withdraw the campaign?"}, confirmation{
			Lines: []Text{{m.RU, m.EN}, {"Все неиспользованные коды перестанут действовать. Отменить нельзя.", "All unused codes stop working. It cannot be undone."}}, Yes: Text{"Отозвать", "Withdraw"}, Back: back, Danger: true,
		})
	}
	if err := s.Codes.WithdrawCampaign(c.ctx(), c.org(), m.ID, c.user.Login); err != nil {
		return err
	}
	return c.done(back, "saved")
}

func (s *site) codesCSV(c *call) error {
	m, err := s.campaign(c)
	if err != nil {
		return err
	}
	if err := c.located(); err != nil {
		return err
	}
	if err := c.audit("codes.export", fmt.Sprint(m.ID), ""); err != nil {
		return err
	}
	out := newCSV(c, fmt.Sprintf("kopilka-codes-%d-%s", m.ID, c.today()))
	if err := out.row("code", "owner", "state", "made", "used", "receipt"); err != nil {
		return c.cut(err)
	}
	for after := ""; ; {
		rows, err := s.Codes.Codes(c.ctx(), c.org(), m.ID, after, csvFlushRows)
		if err != nil {
			return c.cut(err)
		}
		for _, x := range rows {
			owner, receipt := "", ""
			if x.Owner != 0 {
				owner = x.Owner.String()
			}
			if !x.Record.IsZero() {
				receipt = x.Record.String()
			}
			if err := out.row(x.Text, owner, strconv.Itoa(int(x.State)), c.dayText(x.Made), c.dayText(x.UsedAt), receipt); err != nil {
				return c.cut(err)
			}
		}
		if len(rows) < csvFlushRows {
			return c.cut(out.flush())
		}
		after = rows[len(rows)-1].Text
	}
}
