package gs1

import (
	"strconv"
	"strings"
	"time"

	"github.com/kopilka/kopilka/ledger/sale"
)

// check holds a run of characters against its part of a format.
func (p part) check(s string) error {
	for i := range len(s) {
		if !p.allows(s[i]) {
			return ErrCharacter
		}
	}
	if p.checked && s[len(s)-1] != sale.GTINCheckDigit(s[:len(s)-1]) {
		return ErrCheckDigit
	}
	if p.kind == 'd' && !isDay(s) {
		return ErrDate
	}
	return nil
}

// marks82 are the signs that may stand in a value beside letters and digits (figure 7.11-1).
const marks82 = `!"%&'()*+,-./:;<=>?_`

func (p part) allows(c byte) bool {
	digit := c >= '0' && c <= '9'
	upper, lower := c >= 'A' && c <= 'Z', c >= 'a' && c <= 'z'
	switch p.kind {
	case 'x':
		return digit || upper || lower || strings.IndexByte(marks82, c) >= 0
	case 'y':
		return digit || upper || strings.IndexByte("#-/", c) >= 0
	case 'z':
		return digit || upper || lower || strings.IndexByte("-_=", c) >= 0
	}
	return digit
}

// isDay tells whether six digits are YYMMDD; day 00 is the last of its month. A year of two digits is a leap
// year in both centuries it may mean, save for 00, which is 2000 for any pack in a shop.
func isDay(s string) bool {
	year, month, day := 2000+number(s[:2]), number(s[2:4]), number(s[4:])
	return month >= 1 && month <= 12 && day <= lastDay(year, month)
}

func lastDay(year, month int) int {
	return time.Date(year, time.Month(month)+1, 0, 0, 0, 0, 0, time.UTC).Day()
}

// Day is the day of a date element, midnight UTC: a year is taken within 49 years before and 50 after now,
// day 00 is the last of its month (section 7.12). False for other elements.
func (e Element) Day(now time.Time) (time.Time, bool) {
	parts := formats()[e.AI]
	if len(parts) == 0 || parts[0].kind != 'd' || check(e, parts, 0) != nil {
		return time.Time{}, false
	}
	year := now.Year()/100*100 + number(e.Value[:2])
	switch ahead := year - now.Year(); {
	case ahead > 50:
		year -= 100
	case ahead < -49:
		year += 100
	}
	month, day := number(e.Value[2:4]), number(e.Value[4:6])
	if last := lastDay(year, month); day == 0 || day > last {
		day = last
	}
	return time.Date(year, time.Month(month), day, 0, 0, 0, 0, time.UTC), true
}

// Decimal is the number of a measure or an amount, as an integer and how many of its digits stand behind the
// point. False for elements that are no such number. The currency of 391n and 393n is not in it.
func (e Element) Decimal() (digits int64, behind int, ok bool) {
	parts := formats()[e.AI]
	if len(e.AI) != 4 || e.AI[0] != '3' || check(e, parts, 0) != nil {
		return 0, 0, false
	}
	value := e.Value
	if len(parts) == 2 {
		value = value[3:]
	}
	digits, err := strconv.ParseInt(value, 10, 64)
	return digits, int(e.AI[3] - '0'), err == nil
}

// Weight is the net weight of element 310n as a quantity, in thousandths of a kilogram.
func (e Elements) Weight() (sale.Qty, bool) {
	n, ok := e.scaled("310", 3)
	return sale.Qty(n), ok
}

// Price is the amount to pay of element 392n, in kopecks. Element 393n names a currency and is not taken.
func (e Elements) Price() (sale.Money, bool) {
	n, ok := e.scaled("392", 2)
	return sale.Money(n), ok
}

// scaled is the first number of a family with so many digits behind the point, half up.
func (e Elements) scaled(family string, want int) (int64, bool) {
	for _, x := range e {
		digits, behind, ok := x.Decimal()
		if !ok || x.AI[:3] != family {
			continue
		}
		for ; behind < want; behind++ {
			digits *= 10
		}
		for ; behind > want+1; behind-- {
			digits /= 10
		}
		if behind > want {
			digits = (digits + 5) / 10
		}
		return digits, true
	}
	return 0, false
}
