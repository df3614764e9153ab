package web

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/kopilka/kopilka/cloud/web/page"
	"github.com/kopilka/kopilka/ledger/sale"
)

// sheetData is a page with one sheet of a draft.
type sheetData struct {
	*editing
	Section section
	Sheet   *sheet
	Ident   string // of a list's thing, so that a save cannot hit another one
	Back    string
	Rev     int64
}

type sectionRow struct {
	I     int
	Name  Text
	Ident string
	Cells []string
	Tag   Text
	Wrong bool
	Over  bool
}

type sectionData struct {
	*editing
	Section section
	Rows    []sectionRow
	Kinds   []kindChoice
	Adding  bool
	CanOff  bool
}

func (e *editing) address(parts ...any) string {
	out := fmt.Sprintf("/programme/drafts/%d", e.Draft.No)
	for _, p := range parts {
		out += "/" + fmt.Sprint(p)
	}
	return out
}

// at is the section that the address names, and the place in its list; -1 for the section itself.
func (e *editing) at(c *call) (section, int, error) {
	sec, ok := findSection(c.r.PathValue("section"))
	text := c.r.PathValue("i")
	if !ok || (text != "" && sec.List == nil) {
		return sec, -1, page.ErrNotFound
	}
	if text == "" {
		return sec, -1, nil
	}
	i, err := strconv.Atoi(text)
	if err != nil || i < 0 || i >= sec.List.size(e.Rules) {
		return sec, -1, page.ErrNotFound
	}
	return sec, i, nil
}

func (e *editing) sheetAt(sec section, i int) (*sheet, string) {
	if i < 0 {
		return sec.sheet(e.Rules, e.known), ""
	}
	ident, _ := sec.List.name(e.Rules, i)
	return sec.List.sheet(e.Rules, e.known, i), ident
}

func (s *site) sectionPage(c *call) error {
	e, err := s.openDraft(c)
	if err != nil {
		return err
	}
	sec, i, err := e.at(c)
	if err != nil {
		return err
	}
	if sec.List != nil && i < 0 {
		return s.showSection(c, e, sec, nil, http.StatusOK)
	}
	sh, _ := e.sheetAt(sec, i)
	f := sh.fill()
	e.explain(f, sh, sec, i)
	return s.showSheet(c, e, sec, i, f, http.StatusOK)
}

// explain puts the rules' problems beside their fields; those of this page without a field of their own
// stand above.
func (e *editing) explain(f *form, sh *sheet, sec section, i int) {
	for _, p := range e.problems {
		found, at := sectionOf(p.Name)
		switch {
		case sh.has(p.Name):
			f.Problems = append(f.Problems, problem{Field: p.Name, Text: p.Text})
		case found.Key == sec.Key && at == i:
			f.Problems = append(f.Problems, problem{Text: p.Text})
		}
	}
}

func (s *site) showSheet(c *call, e *editing, sec section, i int, f *form, status int) error {
	sh, ident := e.sheetAt(sec, i)
	d := sheetData{editing: e, Section: sec, Sheet: sh, Ident: ident, Rev: e.Draft.Rev, Back: e.address()}
	title := sec.Title
	if i >= 0 {
		d.Back = e.address(sec.Key)
		if title = sh.Title; strings.TrimSpace(title.RU) == "" {
			title = sec.Title
		}
	}
	return c.show(status, "sheet", title, f, &d)
}

func (s *site) showSection(c *call, e *editing, sec section, f *form, status int) error {
	l := sec.List
	d := sectionData{editing: e, Section: sec, CanOff: l.off != nil, Adding: c.r.URL.Query().Get("add") != ""}
	if l.Kinds != nil {
		d.Kinds = l.Kinds()
	}
	today := sale.DateOf(c.now(), zone(e.Zone))
	for i := range l.size(e.Rules) {
		row := sectionRow{I: i, Cells: l.cells(c.f, e.Rules, e.known, i)}
		row.Ident, row.Name = l.name(e.Rules, i)
		if l.tag != nil {
			row.Tag = l.tag(e.Rules, i, today)
			row.Over = row.Tag.EN == "over"
		}
		for _, p := range e.problems {
			if found, at := sectionOf(p.Name); found.Key == sec.Key && at == i {
				row.Wrong = true
			}
		}
		d.Rows = append(d.Rows, row)
	}
	if f == nil {
		f = newForm()
		for _, p := range e.problems {
			if found, at := sectionOf(p.Name); found.Key == sec.Key && at < 0 {
				f.Problems = append(f.Problems, problem{Text: p.Text})
			}
		}
	}
	return c.show(status, "section", sec.Title, f, &d)
}

// saveSection saves one sheet, or carries out what a list's button asks.
func (s *site) saveSection(c *call) error {
	e, err := s.openDraft(c)
	if err != nil {
		return err
	}
	sec, i, err := e.at(c)
	if err != nil {
		return err
	}
	if sec.List != nil && i < 0 {
		return s.changeList(c, e, sec)
	}
	sh, ident := e.sheetAt(sec, i)
	if ident != c.form.V("ident") && c.form.V("rev") != fmt.Sprint(e.Draft.Rev) {
		e.late(c.form) // another thing stands in its place now: nothing typed may land there
		return s.showSection(c, e, sec, c.form, http.StatusConflict)
	}
	before := kindsOf(e, sec, i)
	sh.take(c.form)
	if !c.form.ok() {
		return s.showSheet(c, e, sec, i, c.form, http.StatusUnprocessableEntity)
	}
	changed := kindsOf(e, sec, i) != before
	if changed {
		sec.List.reshape(e.Rules, i)
	}
	done, err := e.keep(c, sec.Key)
	if err != nil {
		return err
	}
	if !done {
		return s.showSheet(c, e, sec, i, c.form, http.StatusConflict)
	}
	here := c.r.URL.Path
	e.Rules.Version = e.Next
	e.problems = ruleProblems(e.Rules.Validate())
	f := newForm()
	e.explain(f, sh, sec, i)
	switch {
	case changed || !f.ok():
		return c.done(here, "saved")
	case i >= 0:
		return c.done(e.address(sec.Key), "saved")
	}
	return c.done(e.address(), "saved")
}

// kindsOf is the kind of a list's thing, on which its other fields depend.
func kindsOf(e *editing, sec section, i int) uint8 {
	if i < 0 || sec.List.kind == nil {
		return 0
	}
	return sec.List.kind(e.Rules, i)
}

// changeList adds, copies, switches off or removes one of a list's things.
func (s *site) changeList(c *call, e *editing, sec section) error {
	l, act := sec.List, c.form.V("act")
	i, err := strconv.Atoi(c.form.V("i"))
	if act != "add" && (err != nil || i < 0 || i >= l.size(e.Rules)) {
		return c.redirect(e.address(sec.Key))
	}
	if act == "remove" && !c.sure() {
		_, name := l.name(e.Rules, i)
		return c.confirm(Text{"Убрать из черновика?", "Remove from the draft?"}, confirmation{
			Lines: []Text{name, {"Опубликованные версии не изменятся.", "Published versions stay as they are."}}, Yes: Text{"Убрать", "Remove"}, Back: e.address(sec.Key), Danger: true,
		})
	}
	to := e.address(sec.Key)
	switch act {
	case "add":
		kind, err := strconv.ParseUint("0"+c.form.V("kind"), 10, 8)
		if err != nil {
			return page.ErrNotFound
		}
		l.add(e.Rules, e.known, uint8(kind))
		to = e.address(sec.Key, l.size(e.Rules)-1)
	case "copy":
		if err := l.copy(e.Rules, e.known, i); err != nil {
			return err
		}
		to = e.address(sec.Key, i+1)
	case "remove":
		l.remove(e.Rules, i)
	case "off":
		if l.off != nil {
			l.off(e.Rules, i, sale.DateOf(c.now(), zone(e.Zone)))
		}
	default:
		return c.redirect(to)
	}
	done, err := e.keep(c, sec.Key+" "+act)
	if err != nil {
		return err
	}
	if !done {
		return s.showSection(c, e, sec, c.form, http.StatusConflict)
	}
	return c.done(to, "saved")
}
