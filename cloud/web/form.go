package web

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/kopilka/kopilka/ledger/sale"
)

// Limits of what a page accepts.
const (
	formBytesMax   = 256 << 10
	uploadBytesMax = 8 << 20 // a catalogue of some 50 000 products
	textMax        = 200     // characters of one field
	noteMax        = 1000
)

// problem is one thing wrong with a form; Field names the input, empty for the whole form.
type problem struct {
	Field string
	Text  Text
	saved bool // somebody else has saved another value meanwhile
}

// form is what was typed and what is wrong with it: all problems at once, and nothing typed is lost.
type form struct {
	Values   url.Values
	Problems []problem
	saved    url.Values // what somebody else has saved since the form was opened; nil: nobody has
}

func formOf(r *http.Request) *form { return &form{Values: r.PostForm} }

func newForm(pairs ...string) *form {
	f := &form{Values: url.Values{}}
	for i := 0; i+1 < len(pairs); i += 2 {
		f.Values.Set(pairs[i], pairs[i+1])
	}
	return f
}

// V is what stands in a field.
func (f *form) V(field string) string { return f.Values.Get(field) }

// E is a field's problem, nil for none.
func (f *form) E(field string) *Text {
	for _, p := range f.Problems {
		if p.Field == field {
			return &p.Text
		}
	}
	return nil
}

// Is tells whether a choice is the one chosen.
func (f *form) Is(field string, value any) bool { return f.V(field) == fmt.Sprint(value) }

// Has tells whether a value is among a field's several.
func (f *form) Has(field, value string) bool {
	for _, v := range f.Values[field] {
		if v == value {
			return true
		}
	}
	return false
}

func (f *form) ok() bool { return len(f.Problems) == 0 }

func (f *form) wrong(field, ru, en string) {
	f.Problems = append(f.Problems, problem{Field: field, Text: Text{ru, en}})
}

// opened remembers in a form of something saved what it shows, so that a save can tell whether that has changed since.
func (f *form) opened() *form {
	f.Values.Set("seen", seen(f.Values))
	return f
}

func seen(values url.Values) string {
	shown := cloned(values)
	shown.Del("seen")
	sum := sha256.Sum256([]byte(shown.Encode()))
	return hex.EncodeToString(sum[:8])
}

// late says so where somebody else has saved since the form was opened, and beside each field that differs what stands
// there now. The next save of this form goes over theirs.
func (f *form) late(now *form) {
	was, is := f.V("seen"), seen(now.Values)
	if was == "" || was == is {
		return
	}
	f.Values.Set("seen", is)
	f.wrong("", "Пока вы правили, это сохранил кто-то ещё. Ваш ввод остался на странице: сверьте и нажмите «Сохранить» ещё раз — он ляжет поверх.",
		"While you were editing, somebody else saved this. What you typed is still on the page: compare and press Save again to put it over theirs.")
	for _, field := range slices.Sorted(maps.Keys(now.Values)) {
		typed, saved := strings.ReplaceAll(strings.Join(f.Values[field], ", "), "\r", ""), strings.Join(now.Values[field], ", ")
		if typed == saved {
			continue
		}
		text := Text{"Сейчас сохранено: " + saved, "Saved now: " + saved}
		if saved == "" {
			text = Text{"Сейчас здесь сохранено пустое.", "Saved now: nothing."}
		}
		f.Problems = append(f.Problems, problem{field, text, true})
	}
	f.saved = now.Values
}

// chosen has the problem of a field that is chosen from a list say which field it is, and what is saved now in the
// list's words: such a field has no room for a problem of its own.
func (f *form) chosen(field string, what Text, list []choice) {
	var words []string
	for _, c := range list {
		if saved, late := f.saved[field]; late && slices.Contains(saved, c.Value) {
			words = append(words, c.Label)
		}
	}
	none := Text{"ничего", "nothing"}
	for i := range f.Problems {
		if p := &f.Problems[i]; p.Field == field && p.saved {
			p.Text = Text{what.RU + ": сейчас сохранено «" + cmp.Or(strings.Join(words, ", "), none.RU) + "».", what.EN + ": saved now is “" + cmp.Or(strings.Join(words, ", "), none.EN) + "”."}
		}
	}
}

// text reads a line of text; what is missing or too long is a problem.
func (f *form) text(field string, required bool, most int) string {
	v := strings.TrimSpace(f.V(field))
	switch {
	case v == "" && required:
		f.wrong(field, "Заполните это поле.", "Fill in this field.")
	case utf8.RuneCountInString(v) > most:
		f.wrong(field, fmt.Sprintf("Не длиннее %d знаков, сейчас %d.", most, utf8.RuneCountInString(v)),
			fmt.Sprintf("At most %d characters, now %d.", most, utf8.RuneCountInString(v)))
	case !utf8.ValidString(v) || strings.ContainsFunc(v, func(r rune) bool { return r < ' ' && r != '\n' && r != '\r' && r != '\t' }):
		f.wrong(field, "Недопустимые знаки.", "Characters that cannot be used.")
	}
	return v
}

func (f *form) money(field string, least, most sale.Money) sale.Money {
	m, err := sale.ParseMoney(cleanFigure(f.V(field)))
	switch {
	case err != nil || (most == sale.MoneyMax && (m < least || m > most)):
		f.wrong(field, "Нужна сумма в рублях, копейки через запятую или точку: 129,90.", "Want a sum with at most two decimal places: 129.90.")
	case m < least || m > most:
		f.wrong(field, fmt.Sprintf("Нужна сумма от %s до %s, копейки через запятую или точку.", least, most),
			fmt.Sprintf("Want a sum from %s to %s with at most two decimal places.", least, most))
	}
	return m
}

func (f *form) points(field string) sale.Points {
	p, err := sale.ParsePoints(cleanFigure(f.V(field)))
	if err != nil {
		f.wrong(field, "Нужно число баллов, не больше двух знаков после запятой.", "Want a number of points with at most two decimal places.")
	}
	return p
}

func (f *form) whole(field string, least, most uint64) uint64 {
	n, err := strconv.ParseUint(cleanFigure(f.V(field)), 10, 64)
	if err != nil || n < least || n > most {
		f.wrong(field, fmt.Sprintf("Нужно целое число от %d до %d.", least, most), fmt.Sprintf("Want a whole number from %d to %d.", least, most))
	}
	return n
}

// moment reads what an <input type="datetime-local"> sends, in a store's zone.
func (f *form) moment(field, zoneName string) sale.Time {
	t, err := time.ParseInLocation("2006-01-02T15:04", f.V(field), zone(zoneName))
	if err != nil {
		f.wrong(field, "Нужны дата и время: 2026-12-31T09:00.", "Want a date and a time: 2026-12-31T09:00.")
		return 0
	}
	return sale.At(t)
}

// cleanFigure drops the spaces and signs that people paste with figures.
func cleanFigure(s string) string {
	return strings.NewReplacer(" ", "", nbsp, "", thinNbsp, "", "₽", "", minus, "-").Replace(strings.TrimSpace(s))
}

// fold brings text to the form of the search columns: lower case, ё as е, single spaces.
func fold(s string) string {
	return strings.ReplaceAll(strings.ToLower(strings.Join(strings.Fields(s), " ")), "ё", "е")
}

// parsePost reads a form within the limits.
func parsePost(w http.ResponseWriter, r *http.Request) error {
	r.Body = http.MaxBytesReader(w, r.Body, uploadBytesMax+formBytesMax)
	if strings.HasPrefix(r.Header.Get("Content-Type"), "multipart/form-data") {
		if err := r.ParseMultipartForm(formBytesMax); err != nil {
			return fmt.Errorf("read an uploaded form: %w", err)
		}
		return nil
	}
	r.Body = http.MaxBytesReader(w, r.Body, formBytesMax)
	if err := r.ParseForm(); err != nil {
		return fmt.Errorf("read a form: %w", err)
	}
	return nil
}

// tooLarge tells whether reading stopped at a limit.
func tooLarge(err error) bool {
	var e *http.MaxBytesError
	return errors.As(err, &e)
}
