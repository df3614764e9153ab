package web

import (
	"crypto/rand"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/kopilka/kopilka/cloud/web/page"
	"github.com/kopilka/kopilka/ledger/sale"
)

type staffData struct {
	Rows  []page.Staff
	Query string
	All   int
}

func (s *site) staffPage(c *call) error {
	all, err := s.Catalogue.StaffRows(c.ctx(), c.org(), 0)
	if err != nil {
		return err
	}
	d := staffData{Query: strings.TrimSpace(c.r.URL.Query().Get("q")), All: len(all)}
	for _, m := range all {
		if d.Query == "" || strings.Contains(fold(m.Name), fold(d.Query)) || strconv.Itoa(int(m.No)) == d.Query || m.INN == d.Query {
			d.Rows = append(d.Rows, m)
		}
	}
	return c.show(http.StatusOK, "staff", Text{"Кассиры", "Cashiers"}, nil, &d)
}

type staffFormData struct {
	No     sale.StaffNo // zero for a new one
	Gone   bool
	HasPIN bool
	Stores []choice
	Roles  []choice
}

func (s *site) showStaffForm(c *call, f *form, m sale.Staff, status int) error {
	sh, err := c.stores()
	if err != nil {
		return err
	}
	title := Text{"Новый кассир", "New cashier"}
	if m.No != 0 {
		title = Text{fmt.Sprintf("Кассир %d", m.No), fmt.Sprintf("Cashier %d", m.No)}
	}
	d := staffFormData{
		No: m.No, Gone: m.Gone, HasPIN: len(m.PIN) > 0, Stores: sh.storeChoices(f.V("store"), c.f.pick("Все магазины", "Every store")),
		Roles: choices(f.V("role"), "1", c.f.pick("Кассир", "Cashier"), "2", c.f.pick("Старший: возвраты без чека, спорные чеки", "Manager: returns without a receipt, doubtful receipts")),
	}
	f.chosen("store", Text{"Магазин", "Store"}, d.Stores)
	f.chosen("role", Text{"Роль на кассе", "Role at the till"}, d.Roles)
	return c.show(status, "staff-form", title, f, &d)
}

// member finds whom the address names; "new" is a member without a number.
func (c *call) member() (sale.Staff, error) {
	if c.r.PathValue("no") == "new" {
		return sale.Staff{Role: sale.RoleCashier}, nil
	}
	no, err := strconv.ParseUint(c.r.PathValue("no"), 10, 32)
	if err != nil || no == 0 {
		return sale.Staff{}, page.ErrNotFound
	}
	rows, err := c.s.Catalogue.StaffRows(c.ctx(), c.org(), sale.StaffNo(no))
	if err == nil && len(rows) == 0 {
		err = page.ErrNotFound
	}
	if err != nil {
		return sale.Staff{}, err
	}
	return rows[0].Staff, nil
}

func (s *site) staffForm(c *call) error {
	m, err := c.member()
	if err != nil {
		return err
	}
	return s.showStaffForm(c, memberForm(m).opened(), m, http.StatusOK)
}

func memberForm(m sale.Staff) *form {
	f := newForm("name", m.Name, "inn", m.INN, "role", fmt.Sprint(m.Role), "store", "")
	if m.Store != 0 {
		f.Values.Set("store", fmt.Sprint(m.Store))
	}
	return f
}

// readMember reads what a form or a row of CSV says of a member of staff. pinNeeded is for new ones.
func readMember(f *form, m *sale.Staff, pinNeeded bool) (pin string) {
	m.Name = f.text("name", true, 64) // tag 1021 holds 64 characters
	m.INN = strings.TrimSpace(f.V("inn"))
	if m.INN != "" && !validINN(m.INN) {
		f.wrong("inn", "ИНН человека — 12 цифр с верными контрольными.", "A person's INN has 12 digits with right check digits.")
	}
	m.Role = sale.Role(f.whole("role", uint64(sale.RoleCashier), uint64(sale.RoleManager)))
	m.Store = 0
	if strings.TrimSpace(f.V("store")) != "" {
		m.Store = sale.StoreNo(f.whole("store", 1, 1<<32-1))
	}
	pin = strings.TrimSpace(f.V("pin"))
	switch {
	case pin == "" && pinNeeded:
		f.wrong("pin", "Задайте PIN: с ним кассир входит на кассе.", "Set a PIN: the cashier signs in with it.")
	case pin != "" && (!sale.Digits(pin) || len(pin) < sale.PINDigitsMin || len(pin) > sale.PINDigitsMax):
		f.wrong("pin", fmt.Sprintf("PIN — от %d до %d цифр.", sale.PINDigitsMin, sale.PINDigitsMax), fmt.Sprintf("A PIN has %d to %d digits.", sale.PINDigitsMin, sale.PINDigitsMax))
	case weakPIN(pin):
		f.wrong("pin", "Слишком простой PIN: не повтор и не ряд подряд.", "Too simple a PIN: no repeats, no runs.")
	}
	return pin
}

// weakPIN tells 1111 and 1234, which are tried first.
func weakPIN(pin string) bool {
	if len(pin) < 2 || !utf8.ValidString(pin) {
		return false
	}
	step := int(pin[1]) - int(pin[0])
	if step < -1 || step > 1 {
		return false
	}
	for i := 1; i < len(pin); i++ {
		if int(pin[i])-int(pin[i-1]) != step {
			return false
		}
	}
	return true
}

// validINN checks a natural person's number (order of the tax service MM-7-6/435@).
func validINN(inn string) bool {
	if len(inn) != 12 || !sale.Digits(inn) {
		return false
	}
	check := func(weights []int) int {
		sum := 0
		for i, w := range weights {
			sum += w * int(inn[i]-'0')
		}
		return sum % 11 % 10
	}
	return check([]int{7, 2, 4, 10, 3, 5, 9, 4, 6, 8}) == int(inn[10]-'0') && check([]int{3, 7, 2, 4, 10, 3, 5, 9, 4, 6, 8}) == int(inn[11]-'0')
}

func (s *site) saveStaff(c *call) error {
	m, err := c.member()
	if err != nil {
		return err
	}
	c.form.late(memberForm(m))
	pin := readMember(c.form, &m, len(m.PIN) == 0)
	c.form.Values.Del("pin")
	if !c.form.ok() {
		return s.showStaffForm(c, c.form, m, http.StatusUnprocessableEntity)
	}
	if err := s.putMember(c, m, pin); err != nil {
		return err
	}
	return c.done("/staff", "saved")
}

// givePIN salts and hashes a PIN; none leaves the member's own.
func givePIN(m *sale.Staff, pin string) error {
	if pin == "" {
		return nil
	}
	m.Salt = make([]byte, passwordSalt)
	if _, err := io.ReadFull(rand.Reader, m.Salt); err != nil {
		return fmt.Errorf("read randomness for a PIN's salt: %w", err)
	}
	m.PIN = sale.HashPIN(pin, m.Salt)
	return nil
}

func (s *site) putMember(c *call, m sale.Staff, pin string) error {
	err := givePIN(&m, pin)
	if err != nil {
		return err
	}
	if m.No == 0 {
		m.No, err = s.Catalogue.AddStaff(c.ctx(), c.org(), m)
	} else {
		err = s.Catalogue.PutStaff(c.ctx(), c.org(), m)
	}
	if err != nil {
		return err
	}
	return c.audit("staff.save", fmt.Sprint(m.No), m.Name)
}

func (s *site) withdrawStaff(c *call) error {
	m, err := c.member()
	if err != nil {
		return err
	}
	if m.No == 0 {
		return page.ErrNotFound
	}
	gone := c.form.V("gone") != "0" // what was pressed: pressed twice, a cashier does not come back
	if m.Gone == gone {
		return c.redirect("/staff")
	}
	if gone && !c.sure() {
		return c.confirm(Text{"Убрать кассира?", "Withdraw the cashier?"}, confirmation{
			Lines: []Text{{m.Name, m.Name}, {
				"Войти на кассе больше не получится — на кассе без связи после её появления. Старые чеки сохранят имя.",
				"Signing in at a till ends, at a till offline once it connects. Old receipts keep the name.",
			}},
			Yes: Text{"Убрать", "Withdraw"}, Back: "/staff",
		})
	}
	m.Gone = gone
	if err := s.putMember(c, m, ""); err != nil {
		return err
	}
	if m.Gone {
		return c.done("/staff", "withdrawn")
	}
	return c.done("/staff", "saved")
}
