package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/kopilka/kopilka/cloud/web/page"
	"github.com/kopilka/kopilka/ledger/loyalty"
	"github.com/kopilka/kopilka/ledger/sale"
)

// Drafts keeps programmes while they are written.
type Drafts interface {
	Drafts(ctx context.Context, org sale.OrgNo) ([]page.Draft, error)
	Draft(ctx context.Context, org sale.OrgNo, no int64) (page.Draft, error)
	// AddDraft wraps page.ErrTaken when there are too many.
	AddDraft(ctx context.Context, org sale.OrgNo, d page.Draft, by string) (int64, error)
	// SaveDraft wraps page.ErrChanged when somebody has saved since d.Rev.
	SaveDraft(ctx context.Context, org sale.OrgNo, d page.Draft, by, what string) error
	DropDraft(ctx context.Context, org sale.OrgNo, no int64, by string) error
}

// editing is a draft open in the editor.
type editing struct {
	Draft    page.Draft
	Rules    *loyalty.Programme
	Versions []page.ProgrammeVersion
	Next     uint32
	Zone     string
	ScopeRU  Text
	known    *known
	problems []ruleProblem
}

// ruleProblem is what the rules refuse: where, as a field's name, and why.
type ruleProblem struct {
	Name string
	Text Text
}

func (s *site) openDraft(c *call) (*editing, error) {
	no, err := strconv.ParseInt(c.r.PathValue("draft"), 10, 64)
	if err != nil {
		return nil, page.ErrNotFound
	}
	e := &editing{Rules: new(loyalty.Programme)}
	if e.Draft, err = s.Drafts.Draft(c.ctx(), c.org(), no); err != nil {
		return nil, err
	}
	if err := sale.Decode(e.Draft.Body, e.Rules); err != nil {
		return nil, fmt.Errorf("read draft %d: %w", no, err)
	}
	if e.Versions, err = s.Programme.ProgrammeRows(c.ctx(), c.org()); err != nil {
		return nil, err
	}
	sh, err := c.shop()
	if err != nil {
		return nil, err
	}
	e.known = &known{shop: sh, history: decoded(e.Versions), p: e.Rules}
	if e.known.partners, err = s.partnerOptions(c); err != nil {
		return nil, err
	}
	e.Next, e.Zone = nextVersion(e.Versions), sh.zone(e.Rules.Scope.Store)
	e.Rules.Version, e.ScopeRU = e.Next, sh.scopeText(e.Rules.Scope)
	e.problems = ruleProblems(e.Rules.Validate())
	return e, nil
}

// scopeText names where a programme holds.
func (s shop) scopeText(sc loyalty.Scope) Text {
	switch {
	case sc.Store != 0:
		if st, err := s.find(fmt.Sprint(sc.Store)); err == nil {
			return Text{"магазин " + st.Name, "store " + st.Name}
		}
		return Text{fmt.Sprintf("магазин %d", sc.Store), fmt.Sprintf("store %d", sc.Store)}
	case sc.Region != "":
		return Text{"регион " + sc.Region, "region " + sc.Region}
	}
	return Text{"вся сеть", "the whole chain"}
}

// ruleProblems takes what Validate says apart: a line each, "programme: path: want … / нужно … (got …)".
func ruleProblems(err error) []ruleProblem {
	if err == nil {
		return nil
	}
	var out []ruleProblem
	for line := range strings.Lines(err.Error()) {
		line = strings.TrimPrefix(strings.TrimSpace(line), loyalty.ErrProgramme.Error()+": ")
		path, what, ok := strings.Cut(line, ": ")
		if !ok {
			path, what = "", line
		}
		what, got, hasGot := strings.Cut(strings.TrimSuffix(what, ")"), " (got ")
		en, ru, both := strings.Cut(what, " / ")
		if !both {
			ru = en
		}
		if hasGot && got != "" {
			ru, en = ru+", сейчас: "+got, en+", now: "+got
		}
		out = append(out, ruleProblem{fieldName(path), Text{sentence(ru), sentence(en)}})
	}
	return out
}

// fieldName is the form's name of what a path of the rules means.
func fieldName(path string) string { return strings.NewReplacer("[", ".", "]", "").Replace(path) }

func sentence(s string) string {
	for i, r := range s {
		if i == 0 {
			return strings.ToUpper(string(r)) + s[len(string(r)):] + "."
		}
	}
	return s
}

// paths are where a section's problems stand.
func (s section) paths() []string {
	if len(s.Paths) > 0 {
		return s.Paths
	}
	return []string{s.Key}
}

// owns tells how well a section fits a problem's name: the length of the path, zero for not at all.
func (s section) owns(name string) int {
	best := 0
	for _, p := range s.paths() {
		if name == p || strings.HasPrefix(name, p+".") {
			best = max(best, len(p))
		}
	}
	return best
}

// sectionOf finds the page where a problem can be mended, and which of a list's things it is about.
func sectionOf(name string) (section, int) {
	var found section
	best := 0
	for _, ch := range chapters() {
		for _, s := range ch.Sections {
			if n := s.owns(name); n > best {
				found, best = s, n
			}
		}
	}
	if best == 0 || found.List == nil || len(name) <= best+1 {
		return found, -1
	}
	head, _, _ := strings.Cut(name[best+1:], ".")
	i, err := strconv.Atoi(head)
	if err != nil {
		return found, -1
	}
	return found, i
}

// problemLink is a problem with the way to its field.
type problemLink struct {
	Text Text
	Href string
	Page Text
}

func (e *editing) links() []problemLink { return e.linksTo(e.problems) }

func (e *editing) linksTo(problems []ruleProblem) []problemLink {
	var out []problemLink
	for _, p := range problems {
		sec, i := sectionOf(p.Name)
		l := problemLink{Text: p.Text, Page: sec.Title}
		switch {
		case sec.Key == "":
			l.Page = Text{p.Name, p.Name}
		case i >= 0 && i < sec.List.size(e.Rules):
			_, l.Page = sec.List.name(e.Rules, i)
			l.Href = fmt.Sprintf("/programme/drafts/%d/%s/%d#f-%s", e.Draft.No, sec.Key, i, p.Name)
		default:
			l.Href = fmt.Sprintf("/programme/drafts/%d/%s#f-%s", e.Draft.No, sec.Key, p.Name)
		}
		out = append(out, l)
	}
	return out
}

type draftData struct {
	*editing
	Chapters []draftChapter
	Problems []problemLink
	Doubts   []problemLink
	Changes  []difference
	Other    bool // somebody else changed it last
}

type draftChapter struct {
	Title    Text
	Sections []draftSection
}

type draftSection struct {
	Key         string
	Title, Hint Text
	Count       string
	Problems    int
}

func (s *site) draftPage(c *call) error {
	e, err := s.openDraft(c)
	if err != nil {
		return err
	}
	return s.showDraft(c, e, nil, http.StatusOK)
}

func (s *site) showDraft(c *call, e *editing, f *form, status int) error {
	doubts, err := s.doubts(c, e)
	if err != nil {
		return err
	}
	d := draftData{editing: e, Problems: e.links(), Doubts: doubts, Other: e.Draft.Changer != c.user.Login}
	for _, ch := range chapters() {
		row := draftChapter{Title: ch.Title}
		for _, sec := range ch.Sections {
			ds := draftSection{Key: sec.Key, Title: sec.Title, Hint: sec.Hint}
			if sec.List != nil {
				ds.Count = c.f.count(sec.List.size(e.Rules))
			}
			for _, p := range e.problems {
				if found, _ := sectionOf(p.Name); found.Key == sec.Key {
					ds.Problems++
				}
			}
			row.Sections = append(row.Sections, ds)
		}
		d.Chapters = append(d.Chapters, row)
	}
	d.Changes = differences(c.f, e.before(), e.Rules, e.known)
	if f == nil {
		f = newForm("note", e.Draft.Note)
	}
	return c.show(status, "draft", Text{fmt.Sprintf("Черновик %d: %s", e.Draft.No, e.ScopeRU.RU), fmt.Sprintf("Draft %d: %s", e.Draft.No, e.ScopeRU.EN)}, f, &d)
}

// before is the version that the draft was begun from; nil when it is gone or there was none.
func (e *editing) before() *loyalty.Programme {
	for _, p := range e.known.history {
		if p.Version == e.Draft.Base {
			return p
		}
	}
	return nil
}

// replaced is what a publication takes the place of at a moment. It is not the version that the draft was begun from where
// another was published since: what that one changed would be undone.
func (e *editing) replaced(at sale.Time) *loyalty.Programme {
	return loyalty.Current(e.known.history, at, e.known.shop.place(e.Rules.Scope))
}

// everything is a moment at which all that is published has begun.
const everything = sale.Time(1 << 62)

// Undone is the version whose changes a publication would undo; zero for none.
func (e *editing) Undone() uint32 { return e.undoneAt(everything) }

func (e *editing) undoneAt(at sale.Time) uint32 {
	if p := e.replaced(at); p != nil && p.Version != e.Draft.Base {
		return p.Version
	}
	return 0
}

// followed is the version of the same scope, published already, that begins next after a moment; nil for none.
func (e *editing) followed(at sale.Time) (next *loyalty.Programme) {
	z := zone(e.Zone)
	for _, p := range e.known.history {
		if p.Scope == e.Rules.Scope && p.Begins(z) > at && (next == nil || p.Begins(z) < next.Begins(z)) {
			next = p
		}
	}
	return next
}

// newDraft begins a draft from a version, from what is in force, or from the rules that a new
// organisation starts with.
func (s *site) newDraft(c *call) error {
	versions, err := s.Programme.ProgrammeRows(c.ctx(), c.org())
	if err != nil {
		return err
	}
	sh, err := c.stores()
	if err != nil {
		return err
	}
	scope, ok := sh.parseScope(c.form.V("scope"))
	if !ok {
		return page.ErrNotFound
	}
	base := baseOf(decoded(versions), c.form.V("from"), c.now(), sh.place(scope))
	p := loyalty.Default()
	d := page.Draft{Note: c.form.text("note", false, textMax)}
	if base != nil {
		if *p, err = clone(*base); err != nil {
			return err
		}
		d.Base = base.Version
	}
	if !c.form.ok() {
		return s.showProgramme(c, c.form, http.StatusUnprocessableEntity)
	}
	p.Scope, p.Day, p.EffectiveFrom, p.Withdrawn = scope, 0, 0, false
	if d.Body, err = sale.Encode(p); err != nil {
		return err
	}
	no, err := s.Drafts.AddDraft(c.ctx(), c.org(), d, c.user.Login)
	if errors.Is(err, page.ErrTaken) {
		c.form.wrong("", "Черновиков слишком много. Удалите ненужные.", "There are too many drafts. Delete those not needed.")
		return s.showProgramme(c, c.form, http.StatusUnprocessableEntity)
	}
	if err != nil {
		return err
	}
	return c.redirect(fmt.Sprintf("/programme/drafts/%d", no))
}

func baseOf(versions []*loyalty.Programme, from string, now sale.Time, where loyalty.Place) *loyalty.Programme {
	for _, p := range versions {
		if fmt.Sprint(p.Version) == from {
			return p
		}
	}
	return loyalty.Current(versions, now, where)
}

// place is where a scope's programme holds, for finding the one in force there.
func (s shop) place(sc loyalty.Scope) loyalty.Place {
	return loyalty.Place{Region: sc.Region, Store: sc.Store, Zone: zone(s.zone(sc.Store))}
}

// parseScope reads "", "store-3" or "region-Сибирь".
func (s shop) parseScope(text string) (loyalty.Scope, bool) {
	kind, name, _ := strings.Cut(text, "-")
	switch kind {
	case "":
		return loyalty.Scope{}, text == ""
	case "store":
		st, err := s.find(name)
		return loyalty.Scope{Store: st.No}, err == nil
	case "region":
		return loyalty.Scope{Region: name}, name != ""
	}
	return loyalty.Scope{}, false
}

// scopeChoices are where a programme may hold.
func (s shop) scopeChoices(f formats) []choice {
	out := []choice{{"", f.pick("Вся сеть", "The whole chain"), true}}
	for _, r := range s.regions() {
		out = append(out, choice{"region-" + r, f.pick("Регион: ", "Region: ") + r, false})
	}
	for _, st := range s.Stores {
		out = append(out, choice{fmt.Sprintf("store-%d", st.No), f.pick("Магазин: ", "Store: ") + st.Name, false})
	}
	return out
}

func (s *site) dropDraft(c *call) error {
	e, err := s.openDraft(c)
	if err != nil {
		return err
	}
	if !c.sure() {
		return c.confirm(Text{"Удалить черновик?", "Delete the draft?"}, confirmation{
			Lines: []Text{{fmt.Sprintf("Черновик %d, %s. %s", e.Draft.No, e.ScopeRU.RU, e.Draft.Note), fmt.Sprintf("Draft %d, %s. %s", e.Draft.No, e.ScopeRU.EN, e.Draft.Note)}, {"Опубликованные версии останутся.", "Published versions stay."}},
			Yes:   Text{"Удалить", "Delete"}, Back: fmt.Sprintf("/programme/drafts/%d", e.Draft.No), Danger: true,
		})
	}
	if err := s.Drafts.DropDraft(c.ctx(), c.org(), e.Draft.No, c.user.Login); err != nil {
		return err
	}
	return c.done("/programme", "dropped")
}

// keep saves what was changed. done is false when somebody was quicker; the form then says so.
func (e *editing) keep(c *call, what string) (done bool, err error) {
	if c.form.V("rev") != fmt.Sprint(e.Draft.Rev) {
		e.late(c.form)
		return false, nil
	}
	if e.Draft.Body, err = sale.Encode(e.Rules); err != nil {
		return false, err
	}
	err = c.s.Drafts.SaveDraft(c.ctx(), c.org(), e.Draft, c.user.Login, what)
	if errors.Is(err, page.ErrChanged) {
		e.late(c.form)
		return false, nil
	}
	return err == nil, err
}

// late tells that the form was opened before somebody else's save.
func (e *editing) late(f *form) {
	ru, en := formats{RU}, formats{EN}
	f.wrong("", fmt.Sprintf("Пока вы правили, черновик сохранил %s (%s). Ваш ввод остался на странице: сверьте и нажмите «Сохранить» ещё раз — он ляжет поверх.", e.Draft.Changer, ru.moment(e.Draft.Changed, e.Zone)),
		fmt.Sprintf("While you were editing, %s saved the draft (%s). What you typed is still on this page: compare and press Save again to put it over theirs.", e.Draft.Changer, en.moment(e.Draft.Changed, e.Zone)))
}
