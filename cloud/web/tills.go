package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/kopilka/kopilka/cloud/web/page"
	"github.com/kopilka/kopilka/ledger/sale"
)

// Tills are the tills and the stores that they stand in.
type Tills interface {
	TillRows(ctx context.Context, org sale.OrgNo, no sale.TillNo) ([]page.Till, error)
	EnrolCodes(ctx context.Context, org sale.OrgNo) ([]page.EnrolCode, error)
	StoreRows(ctx context.Context, org sale.OrgNo) ([]page.Store, error)
	// PutPageStore changes a store, or makes one with the next number when its own is zero.
	PutPageStore(ctx context.Context, org sale.OrgNo, st page.Store, by string) (sale.StoreNo, error)
	NewPageCode(ctx context.Context, org sale.OrgNo, store sale.StoreNo, till sale.TillNo, by string) (code string, ends sale.Time, err error)
	RevokeTill(ctx context.Context, org sale.OrgNo, till sale.TillNo, by string) error
}

const (
	// onlineWithin is how long after its last word a till counts as on the line: tills report every half
	// minute, and one report may be late.
	onlineWithin = 90 * time.Second
	// clockLagMax is a machine's clock error worth a line: certificates and logs suffer beyond it.
	clockLagMax = 2 * 60 * 1000
	// ofdWaitsMax is the queue to the operator of fiscal data that is still a usual lunch break's.
	ofdWaitsMax = 50
)

// tillRow is a till with what is the matter with it.
type tillRow struct {
	page.Till
	Troubles []Text
}

// Online tells whether the till has spoken lately.
func (t tillRow) Online(now sale.Time) bool {
	return t.State == page.TillEnrolled && now.Sub(t.Seen) < onlineWithin
}

// conditions are drivers.Condition in words and what to do; a test holds the bits against drivers.
var conditions = []struct {
	bit  uint16
	text Text
	mild bool
}{
	{1 << 0, Text{"Нет бумаги: вставьте рулон", "Out of paper: put in a roll"}, false},
	{1 << 1, Text{"Бумага кончается", "Paper is near its end"}, true},
	{1 << 2, Text{"Открыта крышка", "The cover is open"}, false},
	{1 << 3, Text{"Печатает", "Printing"}, true},
	{1 << 4, Text{"Ждёт продолжения печати: нажмите «Продолжить» на кассе", "Waits to resume: press “Resume” at the till"}, false},
	{1 << 5, Text{"Смена старше 24 часов: закройте её", "The shift is over 24 hours old: close it"}, false},
	{1 << 6, Text{"Не зарегистрирована в ФНС или нет ФН", "Not registered, or no fiscal storage"}, false},
	{1 << 7, Text{"ФН подходит к концу: закажите новый", "The fiscal storage is near its end: order a new one"}, false},
	{1 << 8, Text{"Документы слишком долго не уходят в ОФД: проверьте интернет ККТ", "Documents wait too long for the OFD: check the register's network"}, false},
	{1 << 9, Text{"Не подтверждена дата", "The date is not confirmed"}, false},
	{1 << 10, Text{"Неисправность механизма: нужен мастер", "A mechanical fault: call service"}, false},
}

// conditionTexts are the register's conditions in words.
func conditionTexts(bits uint16) []Text {
	var out []Text
	for _, c := range conditions {
		if bits&c.bit != 0 {
			out = append(out, c.text)
		}
	}
	return out
}

// tillTroubles is what somebody should look at, the worst first.
func tillTroubles(t page.Till, now sale.Time) []Text {
	var out []Text
	st := t.Status
	if t.State != page.TillEnrolled {
		return nil
	}
	if st != nil && st.Unknown > 0 {
		out = append(out, Text{fmt.Sprintf("Неизвестен исход %d чек. — нужен старший на кассе", st.Unknown), fmt.Sprintf("Outcome of %d receipt(s) unknown: a manager is needed at the till", st.Unknown)})
	}
	if now.Sub(t.Seen) >= onlineWithin {
		f := [2]formats{{RU}, {EN}}
		if t.Seen == 0 {
			out = append(out, Text{"Ещё не выходила на связь", "Has not connected yet"})
		} else {
			out = append(out, Text{"Нет связи " + f[0].ago(now.Sub(t.Seen)), "Offline for " + f[1].ago(now.Sub(t.Seen))})
		}
	}
	if st == nil {
		return out
	}
	if !st.Online {
		out = append(out, Text{"ККТ не отвечает: проверьте питание и кабель", "The register does not answer: check its power and cable"})
	}
	for _, c := range conditions {
		if st.Conditions&c.bit != 0 && !c.mild {
			out = append(out, c.text)
		}
	}
	if st.UnsentOFD > ofdWaitsMax {
		out = append(out, Text{fmt.Sprintf("В ОФД не ушло %d док.", st.UnsentOFD), fmt.Sprintf("%d documents not yet at the OFD", st.UnsentOFD)})
	}
	if st.ClockLag > clockLagMax || st.ClockLag < -clockLagMax {
		off := max(st.ClockLag, -st.ClockLag) / 60000
		out = append(out, Text{fmt.Sprintf("Часы компьютера расходятся на %d мин", off), fmt.Sprintf("The machine's clock is %d min off", off)})
	}
	if t.Parked > 0 {
		out = append(out, Text{fmt.Sprintf("%d запис. не удалось провести", t.Parked), fmt.Sprintf("%d records could not be booked", t.Parked)})
	}
	return out
}

type tillsData struct {
	Rows     []tillRow
	Codes    []page.EnrolCode
	NoStores bool
	Zone     string
}

func (s *site) tillsPage(c *call) error {
	sh, err := c.stores()
	if err != nil {
		return err
	}
	tills, err := s.Tills.TillRows(c.ctx(), c.org(), 0)
	if err != nil {
		return err
	}
	d := tillsData{NoStores: len(sh.Stores) == 0, Zone: sh.zone(0)}
	for _, t := range tills {
		d.Rows = append(d.Rows, tillRow{t, tillTroubles(t, c.now())})
	}
	if d.Codes, err = s.Tills.EnrolCodes(c.ctx(), c.org()); err != nil {
		return err
	}
	return c.show(http.StatusOK, "tills", Text{"Кассы", "Tills"}, nil, &d)
}

type tillData struct {
	tillRow
	Conditions []Text
}

func (c *call) till() (page.Till, error) {
	no, err := strconv.ParseUint(c.r.PathValue("no"), 10, 21)
	if err != nil || no == 0 {
		return page.Till{}, page.ErrNotFound
	}
	rows, err := c.s.Tills.TillRows(c.ctx(), c.org(), sale.TillNo(no))
	if err == nil && len(rows) == 0 {
		err = page.ErrNotFound
	}
	if err != nil {
		return page.Till{}, err
	}
	return rows[0], nil
}

func (s *site) tillPage(c *call) error {
	t, err := c.till()
	if err != nil {
		return err
	}
	d := tillData{tillRow: tillRow{t, tillTroubles(t, c.now())}}
	if t.Status != nil {
		d.Conditions = conditionTexts(t.Status.Conditions)
	}
	return c.show(http.StatusOK, "till", tillTitle(t), nil, &d)
}

func tillTitle(t page.Till) Text {
	return Text{fmt.Sprintf("Касса %d", t.No), fmt.Sprintf("Till %d", t.No)}
}

type enrolData struct {
	Stores  []choice
	Tills   []choice
	Code    string
	Ends    sale.Time
	Zone    string
	Command string
	HeadURL string
}

func (s *site) enrolForm(c *call) error {
	return s.showEnrol(c, newForm("till", c.r.URL.Query().Get("till"), "store", c.r.URL.Query().Get("store")), http.StatusOK)
}

func (s *site) showEnrol(c *call, f *form, status int) error {
	sh, err := c.shop()
	if err != nil {
		return err
	}
	d := enrolData{
		Stores: sh.storeChoices(f.V("store"), c.f.pick("Выберите магазин", "Choose a store")),
		Tills:  sh.tillChoices(f.V("till"), c.f.pick("Новая касса — следующий номер", "A new till, the next number")),
	}
	return c.show(status, "enrol", Text{"Новая касса", "New till"}, f, &d)
}

// enrol makes a code. It is on this one answer only: the store keeps its hash.
func (s *site) enrol(c *call) error {
	store := c.form.whole("store", 1, 1<<32-1)
	if !c.form.ok() {
		c.form.Problems = nil
		c.form.wrong("store", "Выберите магазин, в котором стоит касса.", "Choose the store that the till stands in.")
		return s.showEnrol(c, c.form, http.StatusUnprocessableEntity)
	}
	till, _ := strconv.ParseUint(c.form.V("till"), 10, 21) //nolint:errcheck // empty: a new till
	sh, err := c.stores()
	if err != nil {
		return err
	}
	code, ends, err := s.Tills.NewPageCode(c.ctx(), c.org(), sale.StoreNo(store), sale.TillNo(till), c.user.Login)
	if err != nil {
		return err
	}
	head := s.HeadURL
	if head == "" {
		scheme := "http"
		if s.Secure {
			scheme = "https"
		}
		head = scheme + "://" + c.r.Host
	}
	d := enrolData{Code: code, Ends: ends, Zone: sh.zone(sale.StoreNo(store)), HeadURL: head, Command: "kopilka-agent enrol " + head + " " + code}
	return c.show(http.StatusOK, "enrol", Text{"Код регистрации кассы", "Enrolment code"}, c.form, &d)
}

func (s *site) revoke(c *call) error {
	t, err := c.till()
	if err != nil {
		return err
	}
	if !c.sure() {
		return c.confirm(Text{fmt.Sprintf("Отозвать кассу %d?", t.No), fmt.Sprintf("Revoke till %d?", t.No)}, confirmation{
			Lines: []Text{
				{"Касса сразу перестанет получать данные покупателей, цены и аренды баллов. Так поступают, если компьютер украден или ключ утёк.", "The till gets no customers' data, prices or leases from now on. Do this when the computer was stolen or its key has leaked."},
				{"Продажи, которые она ещё пришлёт, попадут в карантин, и вы решите, что с ними делать.", "Sales that it still sends go to quarantine, and you decide about them."},
				{"Вернуть отозванную кассу нельзя: её регистрируют заново новым кодом.", "A revoked till cannot be taken back: it is enrolled again with a new code."},
			},
			Yes: Text{"Отозвать кассу", "Revoke the till"}, Back: "/tills/" + strconv.Itoa(int(t.No)), Danger: true,
		})
	}
	if err := s.Tills.RevokeTill(c.ctx(), c.org(), t.No, c.user.Login); err != nil {
		return err
	}
	return c.done("/tills/"+strconv.Itoa(int(t.No)), "revoked")
}

// retire takes back what a till holds. What it may have spent and not reported is the exposure.
func (s *site) retire(c *call) error {
	t, err := c.till()
	if err != nil {
		return err
	}
	if !c.sure() {
		ru, en := formats{RU}, formats{EN}
		return c.confirm(Text{fmt.Sprintf("Вывести кассу %d из работы?", t.No), fmt.Sprintf("Retire till %d?", t.No)}, confirmation{
			Lines: []Text{
				{
					fmt.Sprintf("У кассы %s на %s баллов. Они вернутся покупателям.", ru.number(t.Leases, "аренда", "аренды", "аренд", "", ""), ru.points(t.Exposure)),
					fmt.Sprintf("The till holds %s of %s points. They go back to the customers.", en.number(t.Leases, "", "", "", "lease", "leases"), en.points(t.Exposure)),
				},
				{
					fmt.Sprintf("Риск: если касса без связи успела списать баллы и не прислала чеки, их могут потратить второй раз — не больше %s ₽.", ru.money(t.Exposure.Worth())),
					fmt.Sprintf("Exposure: if the till has redeemed points offline and not sent the receipts, they can be spent again, %s ₽ at most.", en.money(t.Exposure.Worth())),
				},
				{"Ключ кассы будет отозван: вернуть её можно только новым кодом.", "The till's key is revoked: only a new code brings it back."},
				{"Если касса ещё включается, сначала дайте ей связь и дождитесь, пока очередь опустеет.", "If the till still starts, connect it first and wait until its queue is empty."},
			},
			Yes: Text{"Вывести из работы", "Retire the till"}, Back: "/tills/" + strconv.Itoa(int(t.No)), Danger: true,
		})
	}
	if err := s.Programme.RetireTill(c.ctx(), c.org(), t.No, c.user.Login); err != nil && !errors.Is(err, page.ErrNotFound) {
		return err
	}
	return c.done("/tills/"+strconv.Itoa(int(t.No)), "retired")
}
