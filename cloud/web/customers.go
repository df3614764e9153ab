package web

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/kopilka/kopilka/cloud/web/page"
	"github.com/kopilka/kopilka/ledger/loyalty"
	"github.com/kopilka/kopilka/ledger/sale"
)

// Customers are the people with points.
type Customers interface {
	CustomerRows(ctx context.Context, org sale.OrgNo, f page.CustomerFilter, after sale.CustomerNo, limit int) ([]page.Customer, error)
	CustomerCard(ctx context.Context, org sale.OrgNo, no sale.CustomerNo) (page.CustomerCard, error)
	PostingRows(ctx context.Context, org sale.OrgNo, no sale.CustomerNo, limit int) ([]page.Posting, error)
	// PutPageCustomer wraps page.ErrTaken when a card belongs to another customer.
	PutPageCustomer(ctx context.Context, org sale.OrgNo, form page.CustomerForm, by string) (sale.CustomerNo, error)
	PhoneOwner(ctx context.Context, org sale.OrgNo, phone string) (sale.CustomerNo, error)
}

const (
	// pointsByHandMax is the most that one press gives or takes: above it somebody typed a zero too many.
	pointsByHandMax = 100_000 * sale.Point
	postingsShown   = 200
	historyShown    = 20
	cardsMax        = 10
	cardBytesMax    = 64
)

type customersData struct {
	Rows     []page.Customer
	Tiers    map[uint16]string
	Older    string
	Query    string
	States   []choice
	CSV      string
	Homes    map[sale.StoreNo]string
	Zone     string
	Filtered bool
}

// customerFilters takes the search text for what it looks like: digits are a phone, a card or a number. A number and
// a card name somebody exactly; a name and a part of a phone may be many people's.
func customerFilters(text, state string) (exact []page.CustomerFilter, many *page.CustomerFilter) {
	var st *sale.CustomerState
	if n, err := strconv.ParseUint(state, 10, 8); err == nil {
		v := sale.CustomerState(n)
		st = &v
	}
	text = strings.TrimSpace(text)
	if text == "" {
		return nil, &page.CustomerFilter{State: st}
	}
	digits := strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, text)
	letters := strings.ContainsFunc(text, func(r rune) bool { return r > '9' && r != '№' })
	exact = []page.CustomerFilter{{Card: text, State: st}}
	if digits == "" || letters {
		return exact, &page.CustomerFilter{Name: fold(text), State: st}
	}
	if no, err := parseNumber(strings.TrimPrefix(text, "№")); err == nil {
		exact = append(exact, page.CustomerFilter{No: no, State: st})
	}
	if digits != text {
		exact = append(exact, page.CustomerFilter{Card: digits, State: st})
	}
	if len(digits) >= 4 {
		phone := digits
		if full, err := sale.ParsePhone(text); err == nil {
			phone = strings.TrimPrefix(full, "+")
		}
		many = &page.CustomerFilter{Phone: phone, State: st}
	}
	return exact, many
}

func (s *site) customersPage(c *call) error {
	q := c.r.URL.Query()
	sh, err := c.stores()
	if err != nil {
		return err
	}
	d := customersData{
		Query: q.Get("q"), CSV: "/customers.csv?" + without(q, "after", "done"), Filtered: without(q, "after", "done") != "", Zone: sh.zone(0), Homes: homes(sh),
		States: choices(q.Get("state"), "", c.f.pick("Любое", "Any"), "0", c.f.pick("Действует", "Active"), "1", c.f.pick("Заблокирован", "Blocked"), "2", c.f.pick("Учебный", "Training")),
	}
	if d.Tiers, err = c.tiers(); err != nil {
		return err
	}
	after, err := parseAfter(q.Get("after"))
	if err != nil {
		return err
	}
	if d.Rows, err = s.findCustomers(c, q, after, page.RowsMax+1); err != nil {
		return err
	}
	if len(d.Rows) > page.RowsMax {
		d.Rows = d.Rows[:page.RowsMax]
		d.Older = older(q, strconv.FormatInt(int64(d.Rows[page.RowsMax-1].No), 10))
	}
	return c.show(http.StatusOK, "customers", Text{"Покупатели", "Customers"}, &form{Values: q}, &d)
}

func homes(sh shop) map[sale.StoreNo]string {
	out := make(map[sale.StoreNo]string, len(sh.Stores))
	for _, st := range sh.Stores {
		out[st.No] = st.Name
	}
	return out
}

// parseAfter reads after whom a list of customers goes on; zero is its top.
func parseAfter(text string) (sale.CustomerNo, error) {
	if text == "" {
		return 0, nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n <= 0 {
		return 0, page.ErrNotFound
	}
	return sale.CustomerNo(n), nil
}

// findCustomers lists whom the search text may mean: first those whom it names exactly, then the many, after one of
// whom the next page goes on. Each is listed once, whatever finds them.
func (s *site) findCustomers(c *call, q url.Values, after sale.CustomerNo, limit int) ([]page.Customer, error) {
	exact, many := customerFilters(q.Get("q"), q.Get("state"))
	var out []page.Customer
	named := map[sale.CustomerNo]bool{}
	for _, f := range exact {
		rows, err := s.Customers.CustomerRows(c.ctx(), c.org(), f, 0, 1)
		if err != nil {
			return nil, err
		}
		for _, r := range rows {
			if !named[r.No] && after == 0 {
				out = append(out, r)
			}
			named[r.No] = true
		}
	}
	if many == nil {
		return out, nil
	}
	rows, err := s.Customers.CustomerRows(c.ctx(), c.org(), *many, after, limit+len(named))
	if err != nil {
		return nil, err
	}
	for _, r := range rows {
		if !named[r.No] {
			out = append(out, r)
		}
	}
	return out[:min(limit, len(out))], nil
}

// tiers are the names of the tiers of the programme in force.
func (c *call) tiers() (map[uint16]string, error) {
	versions, err := c.s.Programme.ProgrammeRows(c.ctx(), c.org())
	if err != nil {
		return nil, err
	}
	out := map[uint16]string{}
	if p := loyalty.Current(decoded(versions), c.now(), loyalty.Place{}); p != nil {
		for _, t := range p.Tiers {
			out[t.No] = Text{t.RU, t.EN}.in(c.lang)
		}
	}
	return out, nil
}

type customerData struct {
	page.CustomerCard
	TierName string
	Postings []page.Posting
	Sales    []page.Sale
	Expiring sale.Points
	Pending  sale.Points
	Leased   sale.Points
	careData
}

func (c *call) customerNo() (sale.CustomerNo, error) {
	n, err := strconv.ParseInt(c.r.PathValue("no"), 10, 64)
	if err != nil || n <= 0 {
		return 0, page.ErrNotFound
	}
	return sale.CustomerNo(n), nil
}

// person is the number in the address if it is somebody's. What is done to people is not done to a certificate: points
// by hand would be money that no owner issued, and another card would be a second key to it.
func (c *call) person() (sale.CustomerNo, error) {
	no, err := c.customerNo()
	if err != nil {
		return 0, err
	}
	card, err := c.s.Customers.CustomerCard(c.ctx(), c.org(), no)
	if err != nil {
		return 0, err
	}
	if card.Bearer || card.State == sale.CustomerHouse {
		return 0, &page.Refusal{RU: "это сертификат или счёт магазина, а не покупатель: его можно только заблокировать", EN: "this is a certificate or a store's account and no customer: it can only be blocked"}
	}
	return no, nil
}

func (s *site) customerPage(c *call) error { return s.showCustomer(c, nil, http.StatusOK) }

func (s *site) showCustomer(c *call, f *form, status int) error {
	no, err := c.customerNo()
	if err != nil {
		return err
	}
	d := customerData{}
	if d.CustomerCard, err = s.Customers.CustomerCard(c.ctx(), c.org(), no); err != nil {
		return err
	}
	if d.Bearer && c.user.Role < page.RoleManager { // whoever reads the code can pay with it
		d.Name, d.Keys = "", nil
	}
	tiers, err := c.tiers()
	if err != nil {
		return err
	}
	d.TierName = tiers[d.Tier]
	if d.Postings, err = s.Customers.PostingRows(c.ctx(), c.org(), no, postingsShown); err != nil {
		return err
	}
	if d.Sales, err = s.Sales.Transactions(c.ctx(), c.org(), page.SaleFilter{Customer: no}, page.SaleKey{}, historyShown); err != nil {
		return err
	}
	d.add(c.now())
	if f == nil {
		f = newForm()
	}
	if d.careData, err = s.care(c, no, f); err != nil {
		return err
	}
	if _, typed := f.Values["birthday"]; !typed {
		f.Values.Set("birthday", d.Extra.Birthday)
	}
	name := d.Name
	if name == "" {
		name = "№ " + d.No.String()
	}
	return c.show(status, "customer", Text{name, name}, f, &d)
}

// Person tells a customer from a certificate and a store's own account.
func (d *customerData) Person() bool { return !d.Bearer && d.State != sale.CustomerHouse }

// expiringWithin is what counts as "soon" on a customer's page.
const expiringWithin = 30 * 24 * 60 * 60 * 1000

func (d *customerData) add(now sale.Time) {
	for _, l := range d.Lots {
		if l.Purse != 0 { // stamps and tickets are no points
			continue
		}
		if l.ActivatesAt > now {
			d.Pending += l.Left
		}
		if l.ExpiresAt != 0 && l.ExpiresAt <= now+expiringWithin {
			d.Expiring += l.Left
		}
		for _, held := range l.Leased {
			d.Leased += held.Amount
		}
	}
}

type customerFormData struct {
	No    sale.CustomerNo
	Homes []choice
}

func (s *site) showCustomerForm(c *call, no sale.CustomerNo, f *form, status int) error {
	sh, err := c.stores()
	if err != nil {
		return err
	}
	title := Text{"Новый покупатель", "New customer"}
	if no != 0 {
		title = Text{"Данные покупателя", "Customer's data"}
	}
	homes := sh.storeChoices(f.V("home"), c.f.pick("Не указан", "None"))
	f.chosen("home", Text{"Домашний магазин", "Home store"}, homes)
	return c.show(status, "customer-form", title, f, customerFormData{no, homes})
}

func (s *site) newCustomerForm(c *call) error {
	return s.showCustomerForm(c, 0, newForm(), http.StatusOK)
}

func (s *site) editCustomerForm(c *call) error {
	no, err := c.person()
	if err != nil {
		return err
	}
	card, err := s.Customers.CustomerCard(c.ctx(), c.org(), no)
	if err != nil {
		return err
	}
	return s.showCustomerForm(c, no, customerForm(card).opened(), http.StatusOK)
}

func customerForm(card page.CustomerCard) *form {
	f := newForm("name", card.Name, "phone", card.Phone, "cards", strings.Join(cardsOf(card), "\n"), "home", "")
	if card.Home != 0 {
		f.Values.Set("home", fmt.Sprint(card.Home))
	}
	return f
}

func cardsOf(card page.CustomerCard) []string {
	var out []string
	for _, k := range card.Keys {
		if k.Kind == sale.KeyCard {
			out = append(out, k.Value)
		}
	}
	return out
}

// saveCustomer creates a customer or changes one.
func (s *site) saveCustomer(c *call) error {
	form := page.CustomerForm{}
	if c.r.PathValue("no") != "" {
		no, err := c.person()
		if err != nil {
			return err
		}
		card, err := s.Customers.CustomerCard(c.ctx(), c.org(), no)
		if err != nil {
			return err
		}
		form.No, form.State = no, card.State
		c.form.late(customerForm(card))
	}
	if err := s.readCustomer(c, &form); err != nil {
		return err
	}
	if !c.form.ok() {
		return s.showCustomerForm(c, form.No, c.form, http.StatusUnprocessableEntity)
	}
	no, err := s.Customers.PutPageCustomer(c.ctx(), c.org(), form, c.user.Login)
	if errors.Is(err, page.ErrTaken) {
		c.form.wrong("cards", "Одна из карт уже у другого покупателя. Найдите её поиском.", "One of the cards belongs to another customer. Search for it.")
		return s.showCustomerForm(c, form.No, c.form, http.StatusUnprocessableEntity)
	}
	if err != nil {
		return err
	}
	return c.done(fmt.Sprintf("/customers/%d", int64(no)), "saved")
}

func (s *site) readCustomer(c *call, form *page.CustomerForm) error {
	form.Name = c.form.text("name", true, textMax)
	if v := strings.TrimSpace(c.form.V("phone")); v != "" {
		phone, err := sale.ParsePhone(v)
		if err != nil {
			c.form.wrong("phone", "Номер телефона: +7 и десять цифр.", "A phone number: +7 and ten digits, or + and 8 to 15 digits.")
		}
		form.Phone = phone
	}
	form.Cards = strings.Fields(strings.ReplaceAll(c.form.V("cards"), ",", " "))
	if len(form.Cards) > cardsMax {
		c.form.wrong("cards", "Не больше 10 карт.", "10 cards at most.")
	}
	for _, card := range form.Cards {
		if len(card) > cardBytesMax {
			c.form.wrong("cards", "Номер карты длиннее 64 знаков.", "A card's number is over 64 characters.")
		}
	}
	if form.Phone == "" && len(form.Cards) == 0 {
		c.form.wrong("phone", "Нужен телефон или хотя бы одна карта: иначе касса не найдёт покупателя.", "A phone or at least one card is needed: the till could not find the customer otherwise.")
	}
	if v := c.form.V("home"); v != "" {
		form.Home = sale.StoreNo(c.form.whole("home", 1, 1<<32-1))
	}
	if form.Phone == "" || !c.form.ok() {
		return nil
	}
	other, err := s.Customers.PhoneOwner(c.ctx(), c.org(), form.Phone)
	if err == nil && other != 0 && other != form.No {
		c.form.wrong("phone", fmt.Sprintf("Этот телефон у покупателя № %s.", other), fmt.Sprintf("Customer no. %s has this phone.", other))
	}
	return err
}

// blockCustomer and unblock change only the state.
func (s *site) blockCustomer(c *call) error   { return s.setState(c, sale.CustomerBlocked) }
func (s *site) unblockCustomer(c *call) error { return s.setState(c, sale.CustomerActive) }

func (s *site) setState(c *call, state sale.CustomerState) error {
	no, err := c.customerNo()
	if err != nil {
		return err
	}
	card, err := s.Customers.CustomerCard(c.ctx(), c.org(), no)
	if err != nil {
		return err
	}
	back := fmt.Sprintf("/customers/%d", int64(no))
	if v := c.r.URL.Query().Get("back"); v != "" { // a certificate's list
		back = localPath(v)
	}
	if state == sale.CustomerActive && card.State != sale.CustomerBlocked {
		return c.redirect(back) // who may have blocked is not who decides about training customers
	}
	if state == sale.CustomerBlocked && !c.sure() {
		return c.confirm(Text{"Заблокировать покупателя?", "Block the customer?"}, confirmation{
			Lines: []Text{
				{card.Name + ", № " + no.String(), card.Name + ", no. " + no.String()},
				{"Баллы не будут ни начисляться, ни списываться. Накопленное останется на счёте и сгорает по сроку.", "Points will be neither earned nor redeemed. What was saved stays and expires on its date."},
				{"Касса без связи узнает о блокировке, когда связь появится.", "A till offline learns of it when it connects."},
			},
			Yes: Text{"Заблокировать", "Block"}, Back: back, Danger: true,
		})
	}
	if err := s.Care.SetCustomerState(c.ctx(), c.org(), no, state, c.user.Login); err != nil {
		return err
	}
	if state == sale.CustomerBlocked {
		return c.done(back, "blocked")
	}
	return c.done(back, "unblocked")
}

// adjust gives or takes points by hand. The form that asks for confirmation carries the record's own
// identifier, so that pressing the button twice books once.
func (s *site) adjust(c *call) error {
	no, err := c.person()
	if err != nil {
		return err
	}
	card, err := s.Customers.CustomerCard(c.ctx(), c.org(), no)
	if err != nil {
		return err
	}
	amount := c.form.points("amount")
	if c.form.ok() && amount == 0 {
		c.form.wrong("amount", "Нужно число, отличное от нуля: 50 — начислить, -50 — списать.", "Want a number other than zero: 50 gives, -50 takes.")
	}
	if amount > pointsByHandMax || amount < -pointsByHandMax {
		c.form.wrong("amount", "За один раз — не больше 100 000 баллов.", "100,000 points at most at a time.")
	}
	if -amount > card.Balance && !c.sure() { // pressed twice, the first has taken it: the booking itself knows
		c.form.wrong("amount", fmt.Sprintf("На счёте только %s.", formats{RU}.points(card.Balance)), fmt.Sprintf("The account holds %s only.", formats{EN}.points(card.Balance)))
	}
	rules, err := c.rules()
	if err != nil {
		return err
	}
	if c.user.Role < page.RoleOwner && rules != nil && rules.Grants.ByHandMax > 0 && max(amount, -amount) > rules.Grants.ByHandMax {
		most := rules.Grants.ByHandMax
		c.form.wrong("amount", "Менеджер проводит за раз не больше "+formats{RU}.points(most)+". Попросите владельца.", "A manager books at most "+formats{EN}.points(most)+" at once. Ask the owner.")
	}
	reason := c.form.text("reason", true, textMax)
	if !c.form.ok() {
		return s.showCustomer(c, c.form, http.StatusUnprocessableEntity)
	}
	if !c.sure() {
		return s.confirmAdjust(c, card, amount, reason)
	}
	key, err := sale.ParseID(c.form.V("key"))
	if err != nil {
		return errExpired
	}
	if err := s.Programme.AdjustPoints(c.ctx(), c.org(), key, no, amount, reason, c.user.Login); err != nil {
		if errors.Is(err, page.ErrChanged) {
			c.form.wrong("amount", "Пока вы заполняли форму, баллы потратили или они в аренде у кассы. Проверьте остаток и повторите.", "The points were spent meanwhile or are on lease to a till. Check the balance and repeat.")
			return s.showCustomer(c, c.form, http.StatusConflict)
		}
		return err
	}
	return c.done(fmt.Sprintf("/customers/%d", int64(no)), "points")
}

func (s *site) confirmAdjust(c *call, card page.CustomerCard, amount sale.Points, reason string) error {
	key, err := sale.NewID(s.Now(), rand.Reader)
	if err != nil {
		return err
	}
	c.form.Values.Set("key", key.String())
	ru, en := formats{RU}, formats{EN}
	return c.confirm(Text{"Провести баллы?", "Book the points?"}, confirmation{
		Lines: []Text{
			{fmt.Sprintf("%s, № %s", card.Name, card.No), fmt.Sprintf("%s, no. %s", card.Name, card.No)},
			{
				fmt.Sprintf("%s баллов; на счёте станет %s.", ru.signed(amount), ru.points(card.Balance+amount)),
				fmt.Sprintf("%s points; the account will hold %s.", en.signed(amount), en.points(card.Balance+amount)),
			},
			{"Причина: " + reason, "Reason: " + reason},
			{"Отменить проводку нельзя, можно только провести обратную.", "A booking cannot be undone, only booked the other way round."},
		},
		Yes: Text{"Провести", "Book"}, Back: fmt.Sprintf("/customers/%d", int64(card.No)),
	})
}

func (s *site) customersCSV(c *call) error {
	q := c.r.URL.Query()
	tiers, err := c.tiers()
	if err != nil {
		return err
	}
	if err := c.located(); err != nil {
		return err
	}
	// before the first row: whoever breaks the download off has what came by then
	if err := c.audit("customers.export", "", without(q)); err != nil {
		return err
	}
	out := newCSV(c, "kopilka-customers-"+c.today())
	if err := out.row("number", "name", "phone", "card", "tier", "state", "balance", "debt", "since", "last_purchase"); err != nil {
		return c.cut(err)
	}
	return c.cut(errors.Join(s.writeCustomers(c, out, q, tiers), out.flush()))
}

func (s *site) writeCustomers(c *call, out *csvWriter, q url.Values, tiers map[uint16]string) error {
	for after := sale.CustomerNo(0); ; {
		rows, err := s.findCustomers(c, q, after, csvFlushRows)
		if err != nil {
			return err
		}
		for _, r := range rows {
			// the plus of a phone would make it a formula
			if err := out.row(r.No.String(), r.Name, strings.TrimPrefix(r.Phone, "+"), r.Card, tiers[r.Tier], strconv.Itoa(int(r.State)),
				out.figure(r.Balance), out.figure(r.Debt), c.dayText(r.Made), c.dayText(r.Last)); err != nil {
				return err
			}
		}
		if len(rows) < csvFlushRows {
			return nil
		}
		after = rows[len(rows)-1].No
	}
}

// dayText is a day for a spreadsheet, by the organisation's own midnight like the pages' days. Needs located.
func (c *call) dayText(t sale.Time) string {
	if t == 0 {
		return ""
	}
	return t.Time().In(zone(c.zone)).Format(dateLayout)
}

// today is the day in a download's name.
func (c *call) today() string { return c.s.Now().In(zone(c.zone)).Format(dateLayout) }
