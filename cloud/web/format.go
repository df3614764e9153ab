package web

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	// Store zones must be readable on a machine without a zone database.
	_ "time/tzdata"

	"github.com/kopilka/kopilka/ledger/sale"
)

// Lang is a language of the pages.
type Lang string

// The languages.
const (
	RU Lang = "ru"
	EN Lang = "en"
)

// Text is a sentence in both.
type Text struct{ RU, EN string }

// in picks.
func (t Text) in(l Lang) string {
	if l == EN {
		return t.EN
	}
	return t.RU
}

// formats writes figures the way a language does.
type formats struct{ lang Lang }

// Spaces that do not break a figure across lines.
const (
	nbsp     = "\u00a0"
	thinNbsp = "\u202f"
	minus    = "\u2212"
)

func (f formats) decimalPoint() string {
	if f.lang == EN {
		return "."
	}
	return ","
}

func (f formats) group(digits string) string {
	sep := thinNbsp
	if f.lang == EN {
		sep = ","
	}
	var b strings.Builder
	for i, d := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 {
			b.WriteString(sep)
		}
		b.WriteRune(d)
	}
	return b.String()
}

// figure rewrites "-1234.50" in the language's own signs.
func (f formats) figure(plain string) string {
	sign := ""
	if strings.HasPrefix(plain, "-") {
		sign, plain = minus, plain[1:]
	}
	whole, fraction, dotted := strings.Cut(plain, ".")
	s := sign + f.group(whole)
	if dotted {
		s += f.decimalPoint() + fraction
	}
	return s
}

func (f formats) money(m sale.Money) string { return f.figure(m.String()) }

func (f formats) moneyWhole(m sale.Money) string {
	return f.figure(strconv.FormatInt(int64(m/sale.Rouble), 10))
}

func (f formats) points(p sale.Points) string { return f.figure(p.String()) }

// signed shows a change: "+40", "−12,50", "0".
func (f formats) signed(p sale.Points) string {
	if p > 0 {
		return "+" + f.points(p)
	}
	return f.points(p)
}

func (f formats) qty(q sale.Qty) string { return f.figure(q.String()) }

func (f formats) percent(b sale.BasisPoints) string {
	return f.figure(strings.TrimSuffix(b.String(), "%")) + nbsp + "%"
}

func (f formats) count(n any) string { return f.figure(fmt.Sprint(n)) }

// share is part of whole in percent with one place.
func (f formats) share(part, whole int) string {
	if whole == 0 {
		return "—"
	}
	tenths := (part*1000 + whole/2) / whole
	return f.figure(fmt.Sprintf("%d.%d", tenths/10, tenths%10)) + nbsp + "%"
}

var monthsRU = [...]string{"янв", "фев", "мар", "апр", "мая", "июн", "июл", "авг", "сен", "окт", "ноя", "дек"}

// zone loads a store's zone; an unknown name shows UTC and says so, never the server's own zone.
func zone(name string) *time.Location {
	if name == "" || name == "Local" {
		return time.UTC
	}
	if loc, err := time.LoadLocation(name); err == nil {
		return loc
	}
	return time.UTC
}

func (f formats) date(t sale.Time, zoneName string) string {
	if t == 0 {
		return "—"
	}
	return f.dateOf(t.Time().In(zone(zoneName)))
}

func (f formats) dateOf(t time.Time) string {
	if f.lang == EN {
		return t.Format("2 Jan 2006")
	}
	return fmt.Sprintf("%d %s %d", t.Day(), monthsRU[t.Month()-1], t.Year())
}

// moment is the date and the time to the minute.
func (f formats) moment(t sale.Time, zoneName string) string {
	if t == 0 {
		return "—"
	}
	local := t.Time().In(zone(zoneName))
	return strings.ReplaceAll(f.dateOf(local), " ", nbsp) + ", " + local.Format("15:04")
}

func (f formats) momentSeconds(t sale.Time, zoneName string) string {
	if t == 0 {
		return "—"
	}
	local := t.Time().In(zone(zoneName))
	return strings.ReplaceAll(f.dateOf(local), " ", nbsp) + ", " + local.Format("15:04:05") + " " + zoneShort(local)
}

func zoneShort(t time.Time) string {
	name, offset := t.Zone()
	if strings.ContainsAny(name, "+-") || name == "" {
		return fmt.Sprintf("UTC%+d", offset/3600)
	}
	return name
}

// ago is how long ago in one unit: "3 мин", "2 ч", "5 дн".
func (f formats) ago(d time.Duration) string {
	d = max(0, d)
	switch {
	case d < time.Minute:
		return f.pick("меньше минуты", "under a minute")
	case d < time.Hour:
		return f.figure(strconv.Itoa(int(d.Minutes()))) + nbsp + f.pick("мин", "min")
	case d < 48*time.Hour:
		return f.figure(strconv.Itoa(int(d.Hours()))) + nbsp + f.pick("ч", "h")
	}
	return f.figure(strconv.Itoa(int(d.Hours()/24))) + nbsp + f.pick("дн.", "days")
}

func (f formats) pick(ru, en string) string { return Text{ru, en}.in(f.lang) }

// plural chooses the form of a Russian noun for a number: 1 чек, 2 чека, 5 чеков.
func plural(n int, one, few, many string) string {
	n = max(n, -n)
	switch {
	case n%10 == 1 && n%100 != 11:
		return one
	case n%10 >= 2 && n%10 <= 4 && (n%100 < 12 || n%100 > 14):
		return few
	}
	return many
}

// number joins a figure and its noun in the page's language.
func (f formats) number(n int, one, few, many, enOne, enMany string) string {
	noun := plural(n, one, few, many)
	if f.lang == EN {
		noun = enMany
		if n == 1 {
			noun = enOne
		}
	}
	return f.count(n) + nbsp + noun
}
