package web

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/kopilka/kopilka/cloud/web/page"
	"github.com/kopilka/kopilka/ledger/sale"
)

const (
	sessionLife = 12 * time.Hour // a working day; the next begins with a sign-in
	tokenBytes  = 32
	loginMax    = 64
)

// call is one request on its way through a page.
type call struct {
	s       *site
	w       http.ResponseWriter
	r       *http.Request
	user    page.User // zero without a sign-in
	session page.Session
	csrf    string
	lang    Lang
	f       formats
	form    *form  // of a POST
	zone    string // where the organisation's days begin, once asked for
}

// at tells a moment in the organisation's own zone: of what belongs to no store.
func (c *call) at(t sale.Time) string { return c.f.moment(t, c.zone) }

// located finds out the organisation's own zone.
func (c *call) located() error {
	sh, err := c.stores()
	c.zone = sh.zone(0)
	return err
}

func (c *call) ctx() context.Context { return c.r.Context() }
func (c *call) org() sale.OrgNo      { return c.s.Org }
func (c *call) now() sale.Time       { return sale.At(c.s.Now()) }

// Errors that the wrapper turns into pages.
var (
	errForbidden = errors.New("the role does not allow it")
	errExpired   = errors.New("the form's token does not fit the session")
)

func (s *site) cookieName(base string) string {
	if s.Secure {
		return "__Host-" + base
	}
	return base
}

func (s *site) setCookie(w http.ResponseWriter, base, value string, life time.Duration) {
	http.SetCookie(w, &http.Cookie{
		Name: s.cookieName(base), Value: value, Path: "/", MaxAge: int(life.Seconds()),
		HttpOnly: true, Secure: s.Secure, SameSite: http.SameSiteLaxMode,
	})
}

// Names of the cookies. The guest's one carries the token of the sign-in form only.
const (
	cookieSession = "kopilka"
	cookieGuest   = "kopilka-guest"
	cookieLang    = "kopilka-lang"
)

// guarded finds out who calls, holds them against the route's role and a POST against its token, and
// turns errors into pages.
func (s *site) guarded(rt route) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := &call{s: s, w: w, r: r}
		if err := c.identify(); err != nil {
			c.fail(err)
			return
		}
		if rt.least > anybody && c.user.Login == "" {
			c.toSignIn()
			return
		}
		if err := c.admit(rt.least); err != nil {
			c.fail(err)
			return
		}
		if err := rt.do(c); err != nil {
			c.fail(err)
		}
	})
}

func (c *call) admit(least access) error {
	if access(c.user.Role) < least {
		return errForbidden
	}
	if c.r.Method != http.MethodPost {
		return nil
	}
	if err := parsePost(c.w, c.r); err != nil {
		return err
	}
	c.form = formOf(c.r)
	if subtle.ConstantTimeCompare([]byte(c.form.V("csrf")), []byte(c.csrf)) != 1 {
		return errExpired
	}
	delete(c.form.Values, "csrf")
	return nil
}

func (c *call) identify() error {
	c.lang = c.guestLang()
	if token := c.cookie(cookieSession); token != "" {
		session, user, err := c.s.Accounts.PageSession(c.ctx(), c.org(), sha256.Sum256([]byte(token)))
		switch {
		case errors.Is(err, page.ErrNotFound):
		case err != nil:
			return err
		case session.Ends > c.now():
			c.session, c.user = session, user
			c.csrf = base64.RawURLEncoding.EncodeToString(session.CSRF)
			c.lang = RU
			if user.Lang == page.Lang(EN) {
				c.lang = EN
			}
		}
	}
	c.f = formats{c.lang}
	if c.user.Login != "" {
		return nil
	}
	return c.identifyGuest()
}

// identifyGuest gives a browser without a session a token of its own for the sign-in form.
func (c *call) identifyGuest() error {
	guest := c.cookie(cookieGuest)
	if len(guest) != base64.RawURLEncoding.EncodedLen(tokenBytes) {
		var err error
		if guest, err = newToken(); err != nil {
			return err
		}
		c.s.setCookie(c.w, cookieGuest, guest, sessionLife)
	}
	sum := sha256.Sum256([]byte("kopilka sign-in form " + guest))
	c.csrf = base64.RawURLEncoding.EncodeToString(sum[:])
	return nil
}

func (c *call) cookie(base string) string {
	v, err := c.r.Cookie(c.s.cookieName(base))
	if err != nil {
		return ""
	}
	return v.Value
}

func (c *call) guestLang() Lang {
	if v := c.cookie(cookieLang); v == string(EN) || v == string(RU) {
		return Lang(v)
	}
	if accept := strings.ToLower(c.r.Header.Get("Accept-Language")); strings.HasPrefix(accept, "en") {
		return EN
	}
	return RU
}

func newToken() (string, error) {
	b := make([]byte, tokenBytes)
	if _, err := io.ReadFull(rand.Reader, b); err != nil {
		return "", fmt.Errorf("read randomness for a token: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(b), nil
}

func remoteAddress(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}

// toSignIn sends a page's reader to the form and back; what is not a page is refused.
func (c *call) toSignIn() {
	if c.r.Method != http.MethodGet || c.r.URL.Path == "/live" {
		c.fail(errExpired)
		return
	}
	target := "/sign-in"
	if c.r.URL.Path != "/" {
		target += "?next=" + queryEscape(c.r.URL.RequestURI())
	}
	http.Redirect(c.w, c.r, target, http.StatusSeeOther)
}

// localPath keeps a redirect on this server.
func localPath(next string) string {
	if !strings.HasPrefix(next, "/") || strings.HasPrefix(next, "//") || strings.ContainsAny(next, "\\\r\n") || strings.HasPrefix(next, "/sign-") {
		return "/"
	}
	return next
}

type signInData struct{ Next string }

func (s *site) signInForm(c *call) error {
	if c.user.Login != "" {
		return c.redirect("/")
	}
	return c.show(http.StatusOK, "sign-in", Text{"Вход", "Sign in"}, newForm(), signInData{localPath(c.r.URL.Query().Get("next"))})
}

func (s *site) signIn(c *call) error {
	login, password := fold(c.form.V("login")), c.form.V("password")
	delete(c.form.Values, "password") // the form is shown again without it
	next := localPath(c.form.V("next"))
	again := func(status int) error {
		return c.show(status, "sign-in", Text{"Вход", "Sign in"}, c.form, signInData{next})
	}
	address := s.Address(c.r)
	if wait := s.limits.wait(login, address); wait > 0 {
		minutes := int(wait/time.Minute) + 1
		c.w.Header().Set("Retry-After", fmt.Sprint(int(wait/time.Second)+1))
		c.form.wrong("", fmt.Sprintf("Слишком много неудачных попыток входа. Подождите %d мин и попробуйте снова или попросите владельца сменить пароль.", minutes),
			fmt.Sprintf("Too many failed sign-ins. Wait %d min and try again, or ask the owner to set a new password.", minutes))
		return again(http.StatusTooManyRequests)
	}
	s.limits.failed(login, address)
	user, ok, err := s.verify(c.ctx(), login, password)
	if err != nil {
		return err
	}
	if !ok {
		c.form.wrong("", "Неверный логин или пароль. Проверьте раскладку клавиатуры и Caps Lock.", "Wrong login or password. Check the keyboard layout and Caps Lock.")
		return again(http.StatusUnauthorized)
	}
	s.limits.succeeded(login, address)
	if err := c.open(user); err != nil {
		return err
	}
	return c.redirect(next)
}

func (s *site) verify(ctx context.Context, login, password string) (page.User, bool, error) {
	var user page.User
	if login != "" && utf8.RuneCountInString(login) <= loginMax && utf8.RuneCountInString(password) <= PasswordMax {
		found, err := s.Accounts.PageUsers(ctx, s.Org, login)
		if err != nil {
			return user, false, err
		}
		if len(found) == 1 && !found[0].Gone {
			user = found[0]
		}
	}
	ok, err := s.hasher.check(ctx, user.Hash, user.Salt, password)
	return user, ok && user.Login != "", err
}

// open begins a session under a new token, whatever the browser sent before.
func (c *call) open(user page.User) error {
	token, err := newToken()
	if err != nil {
		return err
	}
	csrf := make([]byte, tokenBytes)
	if _, err := io.ReadFull(rand.Reader, csrf); err != nil {
		return fmt.Errorf("read randomness for a session: %w", err)
	}
	session := page.Session{
		Token: sha256.Sum256([]byte(token)), CSRF: csrf, Login: user.Login, Created: c.now(), Ends: c.now().Add(sessionLife),
	}
	if err := c.s.Accounts.OpenPageSession(c.ctx(), c.org(), session); err != nil {
		return err
	}
	c.s.setCookie(c.w, cookieSession, token, sessionLife)
	c.user = user
	return c.audit("sign-in", user.Login, c.s.Address(c.r))
}

func (s *site) signOut(c *call) error {
	if err := s.Accounts.EndPageSession(c.ctx(), c.session.Token); err != nil {
		return err
	}
	s.setCookie(c.w, cookieSession, "", -time.Second)
	return c.redirect("/sign-in")
}

func (s *site) passwordForm(c *call) error {
	return c.show(http.StatusOK, "password", Text{"Смена пароля", "Change password"}, newForm(), nil)
}

func (s *site) changePassword(c *call) error {
	address := s.Address(c.r)
	if s.limits.wait(c.user.Login, address) > 0 {
		c.form.wrong("old", "Слишком много попыток. Подождите 15 минут.", "Too many tries. Wait 15 minutes.")
	} else {
		s.limits.failed(c.user.Login, address)
		ok, err := s.hasher.check(c.ctx(), c.user.Hash, c.user.Salt, c.form.V("old"))
		if err != nil {
			return err
		}
		if ok {
			s.limits.succeeded(c.user.Login, address)
		} else {
			c.form.wrong("old", "Это не ваш нынешний пароль.", "This is not your present password.")
		}
	}
	password := newPassword(c.form)
	if !c.form.ok() {
		return c.show(http.StatusUnprocessableEntity, "password", Text{"Смена пароля", "Change password"}, &form{Problems: c.form.Problems}, nil)
	}
	hash, salt, err := HashPassword(password)
	if err != nil {
		return err
	}
	if err := s.Accounts.SetPagePassword(c.ctx(), c.org(), c.user.Login, hash, salt); err != nil {
		return err
	}
	if err := c.audit("password", c.user.Login, ""); err != nil {
		return err
	}
	if err := c.open(c.user); err != nil {
		return err
	}
	return c.done("/password", "password")
}

// newPassword reads a password typed twice.
func newPassword(f *form) string {
	password := f.V("new")
	if n := utf8.RuneCountInString(password); n < PasswordMin || n > PasswordMax {
		f.wrong("new", fmt.Sprintf("От %d до %d знаков. Проще всего запомнить несколько слов подряд.", PasswordMin, PasswordMax),
			fmt.Sprintf("From %d to %d characters. A few words in a row are easiest to remember.", PasswordMin, PasswordMax))
	}
	if f.V("again") != password {
		f.wrong("again", "Пароли не совпадают.", "The passwords differ.")
	}
	return password
}

func (s *site) setLang(c *call) error {
	lang := Lang(c.form.V("lang"))
	if lang != RU && lang != EN {
		lang = RU
	}
	s.setCookie(c.w, cookieLang, string(lang), 365*24*time.Hour)
	if c.user.Login != "" {
		if err := s.Accounts.SetPageLang(c.ctx(), c.org(), c.user.Login, page.Lang(lang)); err != nil {
			return err
		}
	}
	next := c.form.V("next")
	if c.user.Login == "" {
		return c.redirect("/sign-in")
	}
	return c.redirect(localPath(next))
}

// audit writes down what the user did.
func (c *call) audit(what, object, detail string) error {
	return c.s.Accounts.Audit(c.ctx(), c.org(), c.user.Login, what, object, detail)
}
