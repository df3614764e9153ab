package web

import (
	"fmt"
	"strings"

	"github.com/kopilka/kopilka/ledger/sale"
)

var weekdays = []Text{
	{"понедельник", "Monday"}, {"вторник", "Tuesday"}, {"среда", "Wednesday"}, {"четверг", "Thursday"}, {"пятница", "Friday"}, {"суббота", "Saturday"}, {"воскресенье", "Sunday"},
}

// weekdaysEntry is days of the week, kept as bits from Monday on.
func weekdaysEntry(name string, p *uint8, label Text) *entry {
	e := &entry{Name: name, Kind: "many", Label: label, Wide: true}
	for i, d := range weekdays {
		e.Options = append(e.Options, option{fmt.Sprint(i), d})
	}
	days := func() []string {
		var out []string
		for i := range weekdays {
			if *p&(1<<i) != 0 {
				out = append(out, fmt.Sprint(i))
			}
		}
		return out
	}
	e.values = days
	e.take = func(f *form, n string) {
		*p &= 1 << len(weekdays) // what is no day of the week stays, for the rules to refuse
		for i := range weekdays {
			if f.Has(n, fmt.Sprint(i)) {
				*p |= 1 << i
			}
		}
	}
	e.told = func(f formats) string {
		var words []string
		for _, d := range days() {
			words = append(words, optionText(e.Options, d).in(f.lang))
		}
		return strings.Join(words, ", ")
	}
	return e
}

// day is a calendar day in words.
func (f formats) day(d sale.Date) string {
	if d == 0 {
		return "—"
	}
	return f.dateOf(d.Start(zone("")).Time())
}
