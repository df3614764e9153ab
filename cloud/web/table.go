package web

import (
	"net/http"
	"strings"
)

// table is a page that is a list: filters above, rows, what may be done. Pages that need more have
// templates of their own.
type table struct {
	Crumb    *link
	Lead     Text   // a sentence under the title
	Links    []link // buttons at the top
	Filters  []filter
	Filtered bool
	Note     string // above the rows
	Groups   []tableGroup
	Older    string
	Forms    []sideForm
}

// tableGroup is rows under a heading of their own.
type tableGroup struct {
	Title   Text
	Columns []column
	Rows    [][]cell
	Empty   Text
	Foot    []cell
}

type column struct {
	Text   Text
	Figure bool
}

// cell is one cell; Text is shown as it is, in the page's language already.
type cell struct {
	Text, Href, Sub, Tag, Tone string
	Figure, Mono               bool
	Do                         *button
}

// button is a form of one button in a row.
type button struct {
	Action string
	Name   string
	About  string // what it is about, for a screen reader
	Danger bool
}

type link struct {
	Href string
	Text Text
	Main bool
}

// filter is one field of the form above the rows.
type filter struct {
	Name    string
	Label   Text
	Kind    string // search, date, choose
	Value   string
	Choices []choice
}

// sideForm is a form beside the rows.
type sideForm struct {
	Title, Hint Text
	Action      string
	Fields      []sideField
	Yes         Text
	Danger      bool
}

type sideField struct {
	Name, Kind, Mode string
	Label, Hint      Text
	Required         bool
	Choices          []choice
}

func columns(texts ...Text) []column {
	var out []column
	for _, t := range texts {
		figure := strings.HasPrefix(t.RU, "#")
		out = append(out, column{Text{strings.TrimPrefix(t.RU, "#"), strings.TrimPrefix(t.EN, "#")}, figure})
	}
	return out
}

func (c *call) table(status int, title Text, f *form, t *table) error {
	return c.show(status, "table", title, f, t)
}

func (c *call) list(title Text, t *table) error { return c.table(http.StatusOK, title, nil, t) }

func figure(text string) cell { return cell{Text: text, Figure: true} }

func plain(text string) cell { return cell{Text: text} }

// say picks the page's language.
func (c *call) say(ru, en string) string { return Text{ru, en}.in(c.lang) }

// formView is a form beside the rows with the page that it stands on.
type formView struct {
	View *view
	Form sideForm
}

func formViewOf(v *view, f sideForm) formView { return formView{v, f} }

func fieldViewOf(v *view, f sideField) inputView {
	return inputView{
		Name: f.Name, Label: f.Label.in(v.Lang), Kind: f.Kind, Value: v.Form.V(f.Name), Problem: v.Form.E(f.Name), Hint: f.Hint.in(v.Lang), Mode: f.Mode, Required: f.Required,
	}
}
