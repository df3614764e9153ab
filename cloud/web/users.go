package web

import (
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/kopilka/kopilka/cloud/web/page"
)

type usersData struct {
	Rows []page.User
	Zone string
}

func (s *site) usersPage(c *call) error {
	users, err := s.Accounts.PageUsers(c.ctx(), c.org(), "")
	if err != nil {
		return err
	}
	sh, err := c.stores()
	if err != nil {
		return err
	}
	return c.show(http.StatusOK, "users", Text{"Пользователи", "Users"}, nil, &usersData{users, sh.zone(0)})
}

type userFormData struct {
	Login string // empty for a new one
	Roles []choice
	Self  bool
	Gone  bool
}

func (s *site) showUserForm(c *call, f *form, login string, gone bool, status int) error {
	title := Text{"Новый пользователь", "New user"}
	if login != "" {
		title = Text{"Пользователь " + login, "User " + login}
	}
	d := userFormData{
		Login: login, Self: login == c.user.Login, Gone: gone,
		Roles: choices(f.V("role"), "viewer", c.f.pick("Просмотр — видит всё, ничего не меняет", "Viewer — sees, changes nothing"),
			"manager", c.f.pick("Менеджер — покупатели, баллы, товары, кассиры", "Manager — customers, points, products, staff"),
			"owner", c.f.pick("Владелец — всё, включая кассы, программу и пользователей", "Owner — everything, with tills, programme and users")),
	}
	f.chosen("role", Text{"Роль", "Role"}, d.Roles)
	f.chosen("gone", Text{"Доступ", "Access"}, choices("", "1", c.f.pick("закрыт", "closed"), "", c.f.pick("открыт", "open")))
	return c.show(status, "user-form", title, f, &d)
}

func (s *site) userForm(c *call) error {
	if c.r.PathValue("login") == "new" {
		return s.showUserForm(c, newForm("role", "viewer"), "", false, http.StatusOK)
	}
	u, err := c.findUser()
	if err != nil {
		return err
	}
	return s.showUserForm(c, userFormOf(u).opened(), u.Login, u.Gone, http.StatusOK)
}

func userFormOf(u page.User) *form {
	f := newForm("name", u.Name, "role", u.Role.String())
	if u.Gone {
		f.Values.Set("gone", "1")
	}
	return f
}

func (c *call) findUser() (page.User, error) {
	found, err := c.s.Accounts.PageUsers(c.ctx(), c.org(), c.r.PathValue("login"))
	if err == nil && len(found) != 1 {
		err = page.ErrNotFound
	}
	if err != nil {
		return page.User{}, err
	}
	return found[0], nil
}

// saveUser adds or changes one. An owner cannot lock themselves out.
func (s *site) saveUser(c *call) error {
	fresh := c.r.PathValue("login") == "new"
	u := page.User{Org: c.org(), Made: c.now(), Lang: page.Lang(RU)}
	var err error
	if fresh {
		u.Login, err = s.newLogin(c)
	} else {
		u, err = c.findUser()
	}
	if err != nil {
		return err
	}
	if !fresh {
		c.form.late(userFormOf(u))
	}
	u.Name = c.form.text("name", true, textMax)
	role, gone := page.ParseRole(c.form.V("role")), c.form.V("gone") == "1"
	self := u.Login == c.user.Login
	if role == 0 {
		c.form.wrong("role", "Выберите роль.", "Choose a role.")
	}
	if self && (role != u.Role || gone) {
		c.form.wrong("role", "Свою роль и вход менять нельзя: попросите другого владельца.", "You cannot change your own role or access: ask another owner.")
	}
	password := ""
	if fresh || c.form.V("new") != "" {
		password = newPassword(c.form)
	}
	if !c.form.ok() {
		login := u.Login
		if fresh {
			login = ""
		}
		c.form.Values.Del("new")
		c.form.Values.Del("again")
		return s.showUserForm(c, c.form, login, gone, http.StatusUnprocessableEntity)
	}
	ends := role != u.Role || gone || password != ""
	u.Role, u.Gone, u.Hash, u.Salt = role, gone, nil, nil
	if password != "" {
		if u.Hash, u.Salt, err = HashPassword(password); err != nil {
			return err
		}
	}
	if err := s.Accounts.PutPageUser(c.ctx(), u, ends); err != nil {
		return err
	}
	if err := c.audit("user.save", u.Login, u.Role.String()); err != nil {
		return err
	}
	return c.done("/users", "saved")
}

// ParseLogin brings a login to the form that signing in looks for, and tells whether it can be one.
func ParseLogin(text string) (login string, ok bool) {
	login = fold(text)
	return login, login != "" && utf8.RuneCountInString(login) <= loginMax && login != "new" && !strings.ContainsAny(login, " /?#%\\\"'<>")
}

func (s *site) newLogin(c *call) (string, error) {
	login, ok := ParseLogin(c.form.text("login", true, loginMax))
	if login != "" && !ok {
		c.form.wrong("login", "Только буквы, цифры, точка, дефис и @.", "Letters, digits, dot, dash and @ only.")
		return login, nil
	}
	found, err := s.Accounts.PageUsers(c.ctx(), c.org(), login)
	if login != "" && len(found) > 0 {
		c.form.wrong("login", "Такой логин уже есть.", "This login is taken.")
	}
	return login, err
}
