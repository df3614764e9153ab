package web

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/kopilka/kopilka/ledger/sale"
)

// sheet is a form described once: the same entries show what stands in a programme, read what was typed
// back into it, and name the differences between two versions. Fields that no entry names stay as they
// were.
type sheet struct {
	Title  Text
	Groups []*group
}

// group is entries that belong together.
type group struct {
	Title, Hint Text
	Entries     []*entry
}

// entry is one field, bound to what it changes. Name is the problem's path of the rules, with dots for
// brackets, so that a problem finds its field.
type entry struct {
	Name        string
	Kind        string // text, area, choose, many, flag, date
	Label, Hint Text
	Mode        string
	Wide        bool
	Options     []option

	values func() []string
	take   func(f *form, name string)
	told   func(f formats) string // the value in words; empty: nothing to tell
}

// option is one choice of an entry, in both languages.
type option struct {
	Value string
	Label Text
}

func (e *entry) hint(ru, en string) *entry { e.Hint = Text{ru, en}; return e }

func (e *entry) wide() *entry { e.Wide = true; return e }

func newGroup(ru, en string, entries ...*entry) *group {
	return &group{Title: Text{ru, en}, Entries: entries}
}

func (g *group) hint(ru, en string) *group { g.Hint = Text{ru, en}; return g }

func (s *sheet) each(fn func(*entry)) {
	for _, g := range s.Groups {
		for _, e := range g.Entries {
			fn(e)
		}
	}
}

// fill is the form with what stands there now.
func (s *sheet) fill() *form {
	f := newForm()
	s.each(func(e *entry) {
		if v := e.values(); len(v) > 0 {
			f.Values[e.Name] = v
		}
	})
	return f
}

// take reads a form into what the entries are bound to; problems stay in the form.
func (s *sheet) take(f *form) {
	s.each(func(e *entry) { e.take(f, e.Name) })
}

// has tells whether a field is on this sheet.
func (s *sheet) has(name string) bool {
	found := false
	s.each(func(e *entry) { found = found || e.Name == name })
	return found
}

// entryView is an entry as the template shows it.
type entryView struct {
	inputView
	Entry   *entry
	Choices []choice
	Labels  string
}

// entryOf joins an entry with what was typed and what is wrong with it.
func entryOf(v *view, e *entry) entryView {
	out := entryView{Entry: e, inputView: inputView{
		Name: e.Name, Label: e.Label.in(v.Lang), Kind: e.Kind, Value: v.Form.V(e.Name), Problem: v.Form.E(e.Name), Hint: e.Hint.in(v.Lang), Mode: e.Mode, Wide: e.Wide,
	}}
	if e.Kind == "area" {
		out.Kind = "textarea"
	}
	for _, o := range e.Options {
		chosen := v.Form.Has(e.Name, o.Value) || (e.Kind == "choose" && v.Form.V(e.Name) == "" && o.Value == "")
		out.Choices = append(out.Choices, choice{o.Value, o.Label.in(v.Lang), chosen})
	}
	return out
}

// textEntry is a line of text.
func textEntry[T ~string](name string, p *T, most int, label Text) *entry {
	return &entry{
		Name: name, Kind: "text", Label: label,
		values: func() []string { return []string{string(*p)} },
		take:   func(f *form, n string) { *p = T(f.text(n, false, most)) },
		told:   func(formats) string { return string(*p) },
	}
}

// areaEntry is text of several lines.
func areaEntry(name string, p *string, most int, label Text) *entry {
	e := textEntry(name, p, most, label)
	e.Kind, e.Wide = "area", true
	e.take = func(f *form, n string) { *p = strings.ReplaceAll(f.text(n, false, most), "\r\n", "\n") }
	return e
}

// figureEntry is a figure with a decimal point; an empty field is zero.
func figureEntry[T ~int64 | ~int32](name string, p *T, label Text, show func(T) string, read func(f *form, n string) T, told func(formats, T) string) *entry {
	return &entry{
		Name: name, Kind: "text", Mode: "decimal", Label: label,
		values: func() []string {
			if *p == 0 {
				return nil
			}
			return []string{show(*p)}
		},
		take: func(f *form, n string) {
			if strings.TrimSpace(f.V(n)) == "" {
				*p = 0
				return
			}
			if v := read(f, n); f.E(n) == nil {
				*p = v
			}
		},
		told: func(f formats) string {
			if *p == 0 {
				return ""
			}
			return told(f, *p)
		},
	}
}

func moneyEntry(name string, p *sale.Money, label Text) *entry {
	return figureEntry(name, p, label, sale.Money.String, func(f *form, n string) sale.Money { return f.money(n, 0, sale.MoneyMax) },
		func(f formats, m sale.Money) string { return f.money(m) + nbsp + "₽" })
}

func pointsEntry(name string, p *sale.Points, label Text) *entry {
	return figureEntry(name, p, label, sale.Points.String, func(f *form, n string) sale.Points {
		v := f.points(n)
		if v < 0 && f.E(n) == nil {
			f.wrong(n, "Нужно число не меньше нуля.", "Want zero or more.")
		}
		return v
	}, formats.points)
}

// percentMax is what a field of a percentage takes; what the rules allow they say themselves. It leaves
// room for a tenfold accrual.
const percentMax = 10 * sale.Hundred

func percentEntry(name string, p *sale.BasisPoints, label Text) *entry {
	return figureEntry(name, p, label, bare, func(f *form, n string) sale.BasisPoints {
		v, err := sale.ParsePercent(cleanFigure(f.V(n)))
		if err != nil || v < 0 || v > percentMax {
			f.wrong(n, "Нужен процент, не больше двух знаков после запятой.", "Want a percentage with at most two decimal places.")
		}
		return v
	}, formats.percent)
}

func qtyEntry(name string, p *sale.Qty, label Text) *entry {
	return figureEntry(name, p, label, sale.Qty.String, func(f *form, n string) sale.Qty {
		v, err := sale.ParseQty(cleanFigure(f.V(n)))
		if err != nil || v < 0 || v > sale.QtyMax {
			f.wrong(n, "Нужно количество, не больше трёх знаков после запятой.", "Want a quantity with at most three decimal places.")
		}
		return v
	}, formats.qty)
}

// wholeEntry is a whole number; an empty field is zero.
func wholeEntry[T ~uint8 | ~uint16 | ~uint32](name string, p *T, label Text) *entry {
	return &entry{
		Name: name, Kind: "text", Mode: "numeric", Label: label,
		values: func() []string {
			if *p == 0 {
				return nil
			}
			return []string{fmt.Sprint(*p)}
		},
		take: func(f *form, n string) {
			if strings.TrimSpace(f.V(n)) == "" {
				*p = 0
				return
			}
			if v := f.whole(n, 0, uint64(^T(0))); f.E(n) == nil {
				*p = T(v)
			}
		},
		told: func(f formats) string {
			if *p == 0 {
				return ""
			}
			return f.count(*p)
		},
	}
}

// numberEntry is a whole number that may be below zero.
func numberEntry(name string, p *int32, label Text) *entry {
	return &entry{
		Name: name, Kind: "text", Mode: "numeric", Label: label,
		values: func() []string {
			if *p == 0 {
				return nil
			}
			return []string{fmt.Sprint(*p)}
		},
		take: func(f *form, n string) {
			v, err := strconv.ParseInt(cleanFigure(f.V(n)), 10, 32)
			if err != nil && strings.TrimSpace(f.V(n)) != "" {
				f.wrong(n, "Нужно целое число.", "Want a whole number.")
				return
			}
			*p = int32(v)
		},
		told: func(f formats) string {
			if *p == 0 {
				return ""
			}
			return f.count(*p)
		},
	}
}

func flagEntry(name string, p *bool, label Text) *entry {
	return &entry{
		Name: name, Kind: "flag", Label: label, Wide: true,
		values: func() []string {
			if *p {
				return []string{"1"}
			}
			return nil
		},
		take: func(f *form, n string) { *p = f.V(n) == "1" },
		told: func(f formats) string {
			if *p {
				return f.pick("да", "yes")
			}
			return ""
		},
	}
}

func dayEntry(name string, p *sale.Date, label Text) *entry {
	return &entry{
		Name: name, Kind: "date", Label: label,
		values: func() []string {
			if *p == 0 {
				return nil
			}
			return []string{p.String()}
		},
		take: func(f *form, n string) {
			d, err := sale.ParseDate(strings.TrimSpace(f.V(n)))
			if err != nil {
				f.wrong(n, "Нужна дата: 2026-12-31.", "Want a date: 2026-12-31.")
				return
			}
			*p = d
		},
		told: func(f formats) string {
			if *p == 0 {
				return ""
			}
			return f.day(*p)
		},
	}
}

// clockEntry is a time of day, kept as its minute.
func clockEntry(name string, p *uint16, label Text) *entry {
	return &entry{
		Name: name, Kind: "text", Mode: "numeric", Label: label,
		values: func() []string {
			if *p == 0 {
				return nil
			}
			return []string{clockText(*p)}
		},
		take: func(f *form, n string) {
			v := strings.TrimSpace(f.V(n))
			if v == "" {
				*p = 0
				return
			}
			hour, minute, ok := strings.Cut(v, ":")
			h, errH := strconv.ParseUint(hour, 10, 8)
			m, errM := strconv.ParseUint(minute, 10, 8)
			if !ok || errH != nil || errM != nil || m > 59 || h*60+m > dayMinutes {
				f.wrong(n, "Нужно время: 18:30.", "Want a time: 18:30.")
				return
			}
			*p = uint16(h*60 + m)
		},
		told: func(formats) string {
			if *p == 0 {
				return ""
			}
			return clockText(*p)
		},
	}
}

const dayMinutes = 24 * 60

func clockText(minute uint16) string { return fmt.Sprintf("%02d:%02d", minute/60, minute%60) }

// chooseEntry is one of several; what stands there and is not offered any more is offered as it is.
func chooseEntry[T ~uint8 | ~uint32](name string, p *T, label Text, options ...option) *entry {
	known := func(v string) bool {
		for _, o := range options {
			if o.Value == v {
				return true
			}
		}
		return false
	}
	value := func() string {
		if *p == 0 && known("") {
			return ""
		}
		return strconv.FormatUint(uint64(*p), 10) // never a name that the type writes of itself
	}
	if !known(value()) {
		options = append(options, option{value(), Text{"№ " + value() + " (такого нет)", "no. " + value() + " (there is none)"}})
	}
	return &entry{
		Name: name, Kind: "choose", Label: label, Options: options,
		values: func() []string { return []string{value()} },
		take: func(f *form, n string) {
			v := f.V(n)
			if !known(v) && v != value() {
				f.wrong(n, "Выберите из списка.", "Choose from the list.")
				return
			}
			u, err := strconv.ParseUint("0"+v, 10, 32)
			if err != nil || uint64(T(u)) != u {
				f.wrong(n, "Выберите из списка.", "Choose from the list.")
				return
			}
			*p = T(u)
		},
		told: func(f formats) string {
			if *p == 0 {
				return ""
			}
			return optionText(options, value()).in(f.lang)
		},
	}
}

func optionText(options []option, value string) Text {
	for _, o := range options {
		if o.Value == value {
			return o.Label
		}
	}
	return Text{value, value}
}

// manyEntry is any of several, kept in the order of the options.
func manyEntry[T ~uint8 | ~uint16 | ~uint32](name string, p *[]T, label Text, options ...option) *entry {
	for _, v := range *p {
		if text := fmt.Sprint(v); optionText(options, text).RU == text {
			options = append(options, option{text, Text{"№ " + text + " (такого нет)", "no. " + text + " (there is none)"}})
		}
	}
	return &entry{
		Name: name, Kind: "many", Label: label, Options: options, Wide: true,
		values: func() []string { return numberTexts(*p) },
		take: func(f *form, n string) {
			var chosen []T
			for _, o := range options {
				u, err := strconv.ParseUint(o.Value, 10, 32)
				if err == nil && f.Has(n, o.Value) {
					chosen = append(chosen, T(u))
				}
			}
			*p = chosen
		},
		told: func(f formats) string {
			var words []string
			for _, v := range *p {
				words = append(words, optionText(options, fmt.Sprint(v)).in(f.lang))
			}
			return strings.Join(words, ", ")
		},
	}
}

func numberTexts[T ~uint8 | ~uint16 | ~uint32](numbers []T) []string {
	var out []string
	for _, n := range numbers {
		out = append(out, strconv.FormatUint(uint64(n), 10))
	}
	return out
}

// listRowsMax bounds a list typed one a line; the programme's own limit in bytes is stricter.
const listRowsMax = 2000

// listEntry is words, one a line.
func listEntry[T ~string](name string, p *[]T, label Text) *entry {
	return &entry{
		Name: name, Kind: "area", Label: label,
		values: func() []string {
			if len(*p) == 0 {
				return nil
			}
			lines := make([]string, len(*p))
			for i, v := range *p {
				lines[i] = string(v)
			}
			return []string{strings.Join(lines, "\n")}
		},
		take: func(f *form, n string) {
			var out []T
			for line := range strings.Lines(f.V(n)) {
				if line = strings.TrimSpace(line); line != "" {
					out = append(out, T(line))
				}
			}
			if len(out) > listRowsMax {
				f.wrong(n, fmt.Sprintf("Не больше %d строк.", listRowsMax), fmt.Sprintf("At most %d lines.", listRowsMax))
				return
			}
			*p = out
		},
		told: func(formats) string {
			words := make([]string, len(*p))
			for i, v := range *p {
				words[i] = string(v)
			}
			return strings.Join(words, ", ")
		},
	}
}

// numbersEntry is numbers, separated by commas or spaces.
func numbersEntry[T ~uint8](name string, p *[]T, label Text) *entry {
	text := func() string { return strings.Join(numberTexts(*p), ", ") }
	return &entry{
		Name: name, Kind: "text", Label: label,
		values: func() []string { return []string{text()} },
		take: func(f *form, n string) {
			var out []T
			for _, word := range strings.FieldsFunc(f.V(n), func(r rune) bool { return r == ',' || r == ';' || r == ' ' }) {
				v, err := strconv.ParseUint(word, 10, 8)
				if err != nil {
					f.wrong(n, "Нужны числа от 0 до 255 через запятую.", "Want numbers from 0 to 255 with commas between.")
					return
				}
				out = append(out, T(v))
			}
			*p = out
		},
		told: func(formats) string { return text() },
	}
}

// percentsEntry is percentages, separated by semicolons or spaces.
func percentsEntry(name string, p *[]sale.BasisPoints, label Text) *entry {
	text := func() string {
		words := make([]string, len(*p))
		for i, b := range *p {
			words[i] = bare(b)
		}
		return strings.Join(words, "; ")
	}
	return &entry{
		Name: name, Kind: "text", Label: label,
		values: func() []string { return []string{text()} },
		take: func(f *form, n string) {
			var out []sale.BasisPoints
			for _, word := range strings.FieldsFunc(f.V(n), func(r rune) bool { return r == ';' || r == ' ' }) {
				v, err := sale.ParsePercent(cleanFigure(word))
				if err != nil || v < 0 || v > percentMax {
					f.wrong(n, "Нужны проценты через точку с запятой: 5; 2; 1.", "Want percentages with semicolons between: 5; 2; 1.")
					return
				}
				out = append(out, v)
			}
			*p = out
		},
		told: func(formats) string { return text() },
	}
}
