package web

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/kopilka/kopilka/cloud/web/page"
	"github.com/kopilka/kopilka/ledger/loyalty"
	"github.com/kopilka/kopilka/ledger/sale"
)

// Decisions are head office's own: rehearsals, rewards of staff, prize draws. What cannot be is a
// *page.Refusal.
type Decisions interface {
	// Rehearse replays the receipts of a time against a draft and changes nothing.
	Rehearse(ctx context.Context, org sale.OrgNo, draft *loyalty.Programme, from, to sale.Time, progress func(done, all int64)) (*loyalty.Rehearsal, error)
	Earners(ctx context.Context, org sale.OrgNo, from, to sale.Time) ([]page.Earner, error)
	// CashOut takes points off a member's account; id makes a repeat harmless.
	CashOut(ctx context.Context, org sale.OrgNo, id sale.ID, staff sale.StaffNo, amount sale.Points, reason, by string) error
	Leaders(ctx context.Context, org sale.OrgNo, store sale.StoreNo, from, to sale.Date) ([]page.Leader, error)
	Partner(ctx context.Context, org sale.OrgNo, partner sale.PartnerNo, from, to sale.Time) (page.Brought, error)
	Tickets(ctx context.Context, org sale.OrgNo, purse sale.PurseNo) ([]page.Tickets, error)
	Draws(ctx context.Context, org sale.OrgNo) ([]page.Draw, error)
	// Draw holds a draw; the same purse and seed are drawn once.
	Draw(ctx context.Context, org sale.OrgNo, purse sale.PurseNo, seed string, winners int) ([]sale.CustomerNo, error)
}

// period is a span of days that a report is about.
type period struct {
	From, To sale.Date
	form     *form
}

// periodOf reads the days of a report; without them it is this month so far.
func (c *call) periodOf(zoneName string) period {
	today := sale.DateOf(c.now(), zone(zoneName))
	p := period{From: today - today%100 + 1, To: today, form: newForm()}
	for _, at := range []struct {
		key string
		to  *sale.Date
	}{{"from", &p.From}, {"to", &p.To}} {
		v := c.r.URL.Query().Get(at.key)
		day, err := sale.ParseDate(v)
		if err != nil {
			p.form.wrong(at.key, "Нужна дата: 2026-12-31.", "Want a date: 2026-12-31.")
		} else if day != 0 {
			*at.to = day
		}
		p.form.Values.Set(at.key, at.to.String())
	}
	if p.To < p.From {
		p.form.wrong("to", "Конец периода раньше начала.", "The period ends before it begins.")
		p.To = p.From
	}
	return p
}

func (p period) filters() []filter {
	return []filter{{Name: "from", Label: Text{"С", "From"}, Kind: "date", Value: p.From.String()}, {Name: "to", Label: Text{"По", "To"}, Kind: "date", Value: p.To.String()}}
}

func (p period) times(zoneName string) (from, to sale.Time) {
	return p.From.Start(zone(zoneName)), p.To.Add(1).Start(zone(zoneName))
}

func (p period) status() int {
	if p.form.ok() {
		return http.StatusOK
	}
	return http.StatusUnprocessableEntity
}

// rewardsPage is the leaderboard and the reward accounts of the staff.
func (s *site) rewardsPage(c *call) error { return s.showRewards(c, nil, http.StatusOK) }

func (s *site) showRewards(c *call, f *form, status int) error {
	sh, err := c.shop()
	if err != nil {
		return err
	}
	p := c.periodOf(sh.zone(0))
	if f == nil {
		f, status = p.form, p.status()
	}
	q := c.r.URL.Query()
	store, err := strconv.ParseUint("0"+q.Get("store"), 10, 32)
	if err != nil {
		return page.ErrNotFound
	}
	leaders, err := s.Decisions.Leaders(c.ctx(), c.org(), sale.StoreNo(store), p.From, p.To)
	if err != nil {
		return err
	}
	from, to := p.times(sh.zone(0))
	earners, err := s.Decisions.Earners(c.ctx(), c.org(), from, to)
	if err != nil {
		return err
	}
	t := table{Crumb: &link{Href: "/staff", Text: Text{"Кассиры", "Cashiers"}}, Filters: append(p.filters(), filter{Name: "store", Label: Text{"Магазин", "Store"}, Kind: "choose", Choices: sh.storeChoices(q.Get("store"), c.say("Все", "All"))})}
	t.Groups = []tableGroup{leaderGroup(c, sh, leaders), earnerGroup(c, sh, earners)}
	if c.user.Role >= page.RoleManager {
		t.Forms = []sideForm{{Title: Text{"Выплатить награду", "Pay a reward out"}, Action: "/staff/rewards", Yes: Text{"Дальше…", "Next…"}, Fields: []sideField{
			{Name: "staff", Kind: "choose", Label: Text{"Кому", "To whom"}, Choices: sh.staffChoices(f.V("staff"), c.say("выберите", "choose"))},
			{Name: "amount", Kind: "text", Mode: "decimal", Required: true, Label: Text{"Сколько баллов", "How many points"}},
			{Name: "reason", Kind: "text", Required: true, Label: Text{"Как выплачено", "How it was paid"}, Hint: Text{"Например: премия за ноябрь, ведомость 14", "For example: November's bonus, sheet 14"}},
		}}}
	}
	return c.table(status, Text{"Награды и лучшие кассиры", "Rewards and leaders"}, f, &t)
}

func leaderGroup(c *call, sh shop, rows []page.Leader) tableGroup {
	g := tableGroup{
		Title:   Text{"Кто больше заводит и узнаёт покупателей", "Who enrols and names the most customers"},
		Columns: columns(Text{"#Место", "#Rank"}, Text{"Кассир", "Cashier"}, Text{"Магазин", "Store"}, Text{"#Чеков", "#Receipts"}, Text{"#С покупателем", "#With a customer"}, Text{"#Доля", "#Share"}, Text{"#Завёл", "#Enrolled"}),
		Empty:   Text{"За эти дни чеков нет.", "No receipts in these days."},
	}
	for i, l := range rows {
		g.Rows = append(g.Rows, []cell{
			figure(c.f.count(i + 1)),
			{Text: sh.member(l.Staff), Href: fmt.Sprintf("/staff/%d", l.Staff)},
			plain(sh.storeName(l.Store)),
			figure(c.f.count(l.Receipts)), figure(c.f.count(l.WithCustomer)), figure(c.f.share(l.WithCustomer, l.Receipts)), figure(c.f.count(l.Enrolled)),
		})
	}
	return g
}

func earnerGroup(c *call, sh shop, rows []page.Earner) tableGroup {
	g := tableGroup{
		Title: Text{"Счета наград", "Reward accounts"}, Columns: columns(Text{"Кассир", "Cashier"}, Text{"#Заработано за период", "#Earned in the time"}, Text{"#Выплачено за период", "#Paid in the time"}, Text{"#На счёте", "#On the account"}),
		Empty: Text{"Наград нет: процент кассира задаётся в программе.", "No rewards: the cashier's percentage is set in the programme."},
	}
	for _, e := range rows {
		g.Rows = append(g.Rows, []cell{{Text: sh.member(e.Staff), Href: fmt.Sprintf("/staff/%d", e.Staff)}, figure(c.f.points(e.Earned)), figure(c.f.points(e.Paid)), figure(c.f.points(e.Balance))})
	}
	return g
}

// member names one of the staff.
func (s shop) member(no sale.StaffNo) string {
	for _, m := range s.Staff {
		if m.No == no {
			return m.Name
		}
	}
	return fmt.Sprintf("№ %d", no)
}

func (s *site) cashOut(c *call) error {
	staff := sale.StaffNo(c.form.whole("staff", 1, 1<<32-1))
	amount := c.form.points("amount")
	if c.form.E("amount") == nil && amount <= 0 {
		c.form.wrong("amount", "Нужно число больше нуля.", "Want more than zero.")
	}
	reason := c.form.text("reason", true, textMax)
	if !c.form.ok() {
		return s.showRewards(c, c.form, http.StatusUnprocessableEntity)
	}
	if !c.sure() {
		key, err := sale.NewID(s.Now(), rand.Reader)
		if err != nil {
			return err
		}
		sh, err := c.shop()
		if err != nil {
			return err
		}
		c.form.Values.Set("key", key.String())
		return c.confirm(Text{"Записать выплату?", "Write the payment down?"}, confirmation{
			Lines: []Text{{fmt.Sprintf("%s: %s баллов. %s", sh.member(staff), formats{RU}.points(amount), reason), fmt.Sprintf("%s: %s points. %s", sh.member(staff), formats{EN}.points(amount), reason)}}, Yes: Text{"Записать", "Write down"}, Back: "/staff/rewards",
		})
	}
	key, err := sale.ParseID(c.form.V("key"))
	if err != nil {
		return errExpired
	}
	err = s.Decisions.CashOut(c.ctx(), c.org(), key, staff, amount, reason, c.user.Login)
	var refused *page.Refusal
	if errors.As(err, &refused) {
		c.form.wrong("amount", sentence(refused.RU), sentence(refused.EN))
		return s.showRewards(c, c.form, http.StatusConflict)
	}
	if err != nil {
		return err
	}
	return errors.Join(c.audit("staff.cash-out", fmt.Sprint(staff), amount.String()+" "+reason), c.done("/staff/rewards", "paid"))
}

// reportPage is what every attribution code has brought.
func (s *site) reportPage(c *call) error {
	sh, err := c.shop()
	if err != nil {
		return err
	}
	p := c.periodOf(sh.zone(0))
	all, err := s.campaigns(c)
	if err != nil {
		return err
	}
	from, to := p.times(sh.zone(0))
	rows, err := s.Codes.Attributed(c.ctx(), c.org(), from, to)
	if err != nil {
		return err
	}
	partners, err := s.partnerOptions(c)
	if err != nil {
		return err
	}
	g := tableGroup{
		Columns: columns(Text{"Кто привёл", "Who brought"}, Text{"Кампания", "Campaign"}, Text{"Код", "Code"}, Text{"#Завелись", "#Joined"}, Text{"#Чеков с кодом", "#Receipts with it"}, Text{"#На сумму, ₽", "#Worth, ₽"}),
		Empty:   Text{"За эти дни кодов не показывали.", "No codes were shown in these days."},
	}
	for _, x := range rows {
		i := slices.IndexFunc(all, func(m loyalty.Campaign) bool { return m.ID == x.Campaign })
		m := loyalty.Campaign{ID: x.Campaign, RU: fmt.Sprintf("№ %d", x.Campaign), EN: fmt.Sprintf("no. %d", x.Campaign)}
		if i >= 0 {
			m = all[i]
		}
		g.Rows = append(g.Rows, []cell{plain(bringer(c, sh, partners, m)), plain(Text{m.RU, m.EN}.in(c.lang)), plain(m.Code), figure(c.f.count(x.Joined)), figure(c.f.count(x.Receipts)), figure(c.f.money(x.Total))})
	}
	return c.table(p.status(), Text{"Кто привёл покупателей", "Who brought customers"}, p.form, &table{Crumb: &link{Href: "/codes", Text: Text{"Промокоды", "Promo codes"}}, Filters: p.filters(), Groups: []tableGroup{g}})
}

func bringer(c *call, sh shop, partners []option, m loyalty.Campaign) string {
	switch {
	case m.Staff != 0:
		return c.say("кассир ", "cashier ") + sh.member(m.Staff)
	case m.Partner != 0:
		return c.say("партнёр ", "partner ") + optionText(partners, fmt.Sprint(m.Partner)).in(c.lang)
	case m.Channel != "":
		return c.say("канал ", "channel ") + m.Channel
	}
	return "—"
}

// drawsPage lists the draws held and the purses that may be drawn.
func (s *site) drawsPage(c *call) error { return s.showDraws(c, nil, http.StatusOK) }

func (s *site) ticketPurses(c *call) ([]option, error) {
	p, err := c.rules()
	if err != nil || p == nil {
		return nil, err
	}
	return (&known{p: p}).purses(loyalty.PurseTickets)[1:], nil
}

func (s *site) showDraws(c *call, f *form, status int) error {
	draws, err := s.Decisions.Draws(c.ctx(), c.org())
	if err != nil {
		return err
	}
	purses, err := s.ticketPurses(c)
	if err != nil {
		return err
	}
	if err := c.located(); err != nil {
		return err
	}
	g := tableGroup{Title: Text{"Проведённые", "Held"}, Columns: columns(Text{"Когда", "When"}, Text{"Кошелёк", "Purse"}, Text{"Затравка", "Seed"}, Text{"#Билетов", "#Tickets"}, Text{"#Победителей", "#Winners"}), Empty: Text{"Розыгрышей ещё не было.", "No draws yet."}}
	for _, d := range draws {
		g.Rows = append(g.Rows, []cell{
			{Text: c.at(d.At), Href: "/draws/" + d.Record.String()}, plain(optionText(purses, fmt.Sprint(d.Purse)).in(c.lang)), {Text: d.Seed, Mono: true}, figure(c.f.count(d.Tickets)), figure(c.f.count(len(d.Winners))),
		})
	}
	ready := tableGroup{Title: Text{"Билеты сейчас", "Tickets now"}, Columns: columns(Text{"Кошелёк", "Purse"}, Text{"#Участников", "#Customers"}, Text{"#Билетов", "#Tickets"}, Text{}), Empty: Text{"Кошелька с билетами нет: его заводят в программе, раздел «Кошельки».", "There is no purse of tickets: it is made in the programme, section “Purses”."}}
	for _, o := range purses {
		row, err := s.ticketRow(c, o)
		if err != nil {
			return err
		}
		ready.Rows = append(ready.Rows, row)
	}
	t := table{Groups: []tableGroup{ready, g}}
	if c.user.Role >= page.RoleOwner && len(purses) > 0 {
		choices := []choice{}
		for _, o := range purses {
			choices = append(choices, choice{o.Value, o.Label.in(c.lang), f != nil && f.V("purse") == o.Value})
		}
		t.Forms = []sideForm{{Title: Text{"Провести розыгрыш", "Hold a draw"}, Action: "/draws", Yes: Text{"Дальше…", "Next…"}, Fields: []sideField{
			{Name: "purse", Kind: "choose", Label: Text{"Билеты", "Tickets"}, Choices: choices},
			{Name: "seed", Kind: "text", Required: true, Label: Text{"Затравка", "Seed"}, Hint: Text{"Число или слова, которых никто не мог знать заранее: тираж лотереи, курс дня. Объявите источник до розыгрыша", "A number or words nobody could know beforehand: a lottery's numbers, a day's rate. Announce its source before the draw"}},
			{Name: "winners", Kind: "text", Mode: "numeric", Required: true, Label: Text{"Сколько победителей", "How many winners"}},
		}}}
	}
	return c.table(status, Text{"Розыгрыши", "Prize draws"}, f, &t)
}

func (s *site) ticketRow(c *call, o option) ([]cell, error) {
	purse, err := strconv.ParseUint(o.Value, 10, 32)
	if err != nil {
		return nil, page.ErrNotFound
	}
	tickets, err := s.Decisions.Tickets(c.ctx(), c.org(), sale.PurseNo(purse))
	if err != nil {
		return nil, err
	}
	total := uint64(0)
	for _, t := range tickets {
		total += t.Count
	}
	return []cell{plain(o.Label.in(c.lang)), figure(c.f.count(len(tickets))), figure(c.f.count(total)), {Text: c.say("Список CSV", "List as CSV"), Href: "/draws/tickets/" + o.Value + "/list.csv"}}, nil
}

// ticketsCSV is the list that anybody needs to verify a draw: numbers of customers, no names.
func (s *site) ticketsCSV(c *call) error {
	purse, err := strconv.ParseUint(c.r.PathValue("purse"), 10, 32)
	if err != nil {
		return page.ErrNotFound
	}
	tickets, err := s.Decisions.Tickets(c.ctx(), c.org(), sale.PurseNo(purse))
	if err != nil {
		return err
	}
	if err := c.located(); err != nil {
		return err
	}
	out := newCSV(c, "kopilka-tickets-"+c.today())
	if err := out.row("customer", "tickets"); err != nil {
		return c.cut(err)
	}
	slices.SortFunc(tickets, func(a, b page.Tickets) int {
		return strings.Compare(fmt.Sprintf("%020d", a.Customer), fmt.Sprintf("%020d", b.Customer))
	})
	for _, t := range tickets {
		if err := out.row(strconv.FormatInt(int64(t.Customer), 10), strconv.FormatUint(t.Count, 10)); err != nil {
			return c.cut(err)
		}
	}
	return c.cut(out.flush())
}

func (s *site) draw(c *call) error {
	purse := sale.PurseNo(c.form.whole("purse", 1, 1<<32-1))
	seed := c.form.text("seed", true, textMax)
	winners := int(c.form.whole("winners", 1, 1000))
	if !c.form.ok() {
		return s.showDraws(c, c.form, http.StatusUnprocessableEntity)
	}
	if !c.sure() {
		return c.confirm(Text{"Провести розыгрыш?", "Hold the draw?"}, confirmation{
			Lines: []Text{{fmt.Sprintf("Затравка «%s», победителей: %d.", seed, winners), fmt.Sprintf("Seed “%s”, winners: %d.", seed, winners)}, {"Скачайте список билетов до розыгрыша: по нему любой проверит результат. Переиграть нельзя.", "Download the list of tickets before the draw: with it anybody can verify the result. It cannot be held again."}},
			Yes:   Text{"Провести", "Hold"}, Back: "/draws", Danger: true,
		})
	}
	_, err := s.Decisions.Draw(c.ctx(), c.org(), purse, seed, winners)
	var refused *page.Refusal
	if errors.As(err, &refused) {
		c.form.wrong("", sentence(refused.RU), sentence(refused.EN))
		return s.showDraws(c, c.form, http.StatusConflict)
	}
	if err != nil {
		return err
	}
	return errors.Join(c.audit("draw.hold", fmt.Sprint(purse), seed), c.done("/draws", "drawn"))
}

// drawPage is a draw's result with the way to verify it.
func (s *site) drawPage(c *call) error {
	draws, err := s.Decisions.Draws(c.ctx(), c.org())
	if err != nil {
		return err
	}
	i := slices.IndexFunc(draws, func(d page.Draw) bool { return d.Record.String() == c.r.PathValue("id") })
	if i < 0 {
		return page.ErrNotFound
	}
	d := draws[i]
	if err := c.located(); err != nil {
		return err
	}
	g := tableGroup{Title: Text{"Победители по порядку", "Winners in order"}, Columns: columns(Text{"Место", "Place"}, Text{"Покупатель", "Customer"})}
	for i, no := range d.Winners {
		g.Rows = append(g.Rows, []cell{plain(c.f.count(i + 1)), {Text: "№ " + no.String(), Href: address(no)}})
	}
	note := fmt.Sprintf(c.say(
		"Затравка «%s», билетов %d. Проверка: билеты лежат подряд по номеру покупателя (список CSV). Для n = 0, 1, 2… берётся SHA-256 строки «%s/n», первые 8 байт как целое число, остаток от деления на число оставшихся билетов — номер билета. Его владелец выиграл и выбывает со всеми билетами. Числа из последнего неполного круга пропускаются.",
		"Seed “%s”, %d tickets. To verify: the tickets lie in a row by customer number (the CSV list). For n = 0, 1, 2… take SHA-256 of “%s/n”, its first 8 bytes as a number, modulo the tickets left: that is the ticket. Its owner has won and leaves with all tickets. Numbers of the last, incomplete round are passed over."),
		d.Seed, d.Tickets, d.Seed)
	title := fmt.Sprintf("%s, %s", c.say("Розыгрыш", "Prize draw"), c.at(d.At))
	return c.list(Text{title, title}, &table{Crumb: &link{Href: "/draws", Text: Text{"Розыгрыши", "Prize draws"}}, Note: note, Groups: []tableGroup{g}, Links: []link{{Href: "/sales/" + d.Record.String(), Text: Text{"Запись журнала", "Journal record"}}}})
}
