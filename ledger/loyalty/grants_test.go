package loyalty

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/ledger/sale"
)

func gifted(b Birthday, h ...Holiday) *Programme {
	p := Default()
	p.Grants.Birthday, p.Grants.Holidays = b, h
	return p
}

func TestBirthdayGift(t *testing.T) {
	week := Birthday{Points: 300 * sale.Point, Average: 1500, Before: 7, After: 7}
	for name, c := range map[string]struct {
		month, day uint8
		today      sale.Date
		average    sale.Money
		key        string // empty: nothing today
		amount     sale.Points
		until      sale.Date
	}{
		"first day":                  {3, 15, 20270308, 0, "birthday/2027", 30_000, 20270322},
		"the day before that":        {3, 15, 20270307, 0, "", 0, 0},
		"last day":                   {3, 15, 20270322, 0, "birthday/2027", 30_000, 20270322},
		"the day after that":         {3, 15, 20270323, 0, "", 0, 0},
		"15 % of 2 345,67 ₽":         {3, 15, 20270315, 234_567, "birthday/2027", 35_185, 20270322},
		"15 % of too little":         {3, 15, 20270315, 100_000, "birthday/2027", 30_000, 20270322},
		"January, in December":       {1, 2, 20261226, 0, "birthday/2027", 30_000, 20270109},
		"December, in January":       {12, 30, 20270105, 0, "birthday/2026", 30_000, 20270106},
		"29 February, common year":   {2, 29, 20270221, 0, "birthday/2027", 30_000, 20270307},
		"29 February, too early":     {2, 29, 20270220, 0, "", 0, 0},
		"29 February, leap year":     {2, 29, 20280222, 0, "birthday/2028", 30_000, 20280307},
		"29 February, leap, early":   {2, 29, 20280221, 0, "", 0, 0},
		"New Year's day, its window": {1, 1, 20261225, 0, "birthday/2027", 30_000, 20270108},
	} {
		t.Run(name, func(t *testing.T) {
			p := gifted(week)
			require.NoError(t, p.Validate())
			g, due := p.BirthdayGift(c.month, c.day, c.today, c.average)
			require.Equal(t, c.key != "", due)
			if due {
				require.Equal(t, Grant{Cause: CauseBirthday, Key: c.key, Amount: c.amount, From: g.From, Until: c.until}, g)
			}
		})
	}
	_, due := gifted(Birthday{Before: 7}).BirthdayGift(3, 15, 20270315, 0)
	require.False(t, due, "no gift is set")
}

// Each day of four years asked in turn pays each birthday once a year, a leap day's too.
func TestBirthdayOnceAYear(t *testing.T) {
	p := gifted(Birthday{Points: 1, Before: 180, After: 0})
	for _, birthday := range []string{"02-29", "1990-12-31", "01-01", "07-15"} {
		month, day, ok := ParseBirthday(birthday)
		require.True(t, ok)
		keys := map[string]int{}
		for d := sale.Date(20270101); d < 20310101; d = d.Add(1) {
			if g, due := p.BirthdayGift(month, day, d, 0); due {
				keys[g.Key]++
			}
		}
		for _, key := range []string{"birthday/2028", "birthday/2029", "birthday/2030"} {
			require.Equal(t, 181, keys[key], "%s %s", birthday, key)
		}
	}
}

func TestParseBirthday(t *testing.T) {
	for text, want := range map[string][2]uint8{"03-08": {3, 8}, "1988-02-29": {2, 29}, "12-31": {12, 31}} {
		month, day, ok := ParseBirthday(text)
		require.True(t, ok, text)
		require.Equal(t, want, [2]uint8{month, day})
	}
	for _, text := range []string{"", "3-8", "02-30", "13-01", "00-10", "08.03", "1988-3-08", "ab-cd", "1988-02-2x"} {
		_, _, ok := ParseBirthday(text)
		require.False(t, ok, text)
	}
}

func TestHolidayGifts(t *testing.T) {
	women := Holiday{ID: 1, RU: "8 Марта", EN: "Women's day", Month: 3, Day: 8, Before: 3, After: 1, Points: 8 * sale.Point, Who: Who{Segments: []uint8{2}}}
	newYear := Holiday{ID: 2, RU: "Новый год", EN: "New Year", Month: 1, Day: 1, Before: 10, After: 10, Points: 100 * sale.Point, Who: Who{Tiers: []uint16{1, 2}}}
	p := gifted(Birthday{}, women, newYear)
	require.NoError(t, p.Validate())
	require.Empty(t, p.HolidayGifts(20270304))
	got := p.HolidayGifts(20270305)
	require.Len(t, got, 1)
	require.Equal(t, Grant{Cause: CauseHoliday, Key: "holiday/1/2027", Amount: 800, From: 20270305, Until: 20270309}, got[0].Grant)
	require.True(t, got[0].Who.Fits(0, 2))
	require.False(t, got[0].Who.Fits(0, 1))
	require.Equal(t, "holiday/2/2027", p.HolidayGifts(20261222)[0].Key)
	require.Equal(t, "holiday/2/2027", p.HolidayGifts(20270111)[0].Key)
	require.Empty(t, p.HolidayGifts(20270112))
}

func TestGrantLot(t *testing.T) {
	moscow, err := time.LoadLocation("Europe/Moscow")
	require.NoError(t, err)
	account := sale.CustomerAccount(7)
	lot := Grant{Until: 20270309}.Lot(LotRules{ExpireAfterDays: 365, ActivateAfterHours: 24}, sale.ID{1}, account, womensDay, moscow)
	require.Equal(t, womensDay, lot.ActivatesAt)
	require.Equal(t, sale.At(time.Date(2027, 3, 9, 21, 0, 0, 0, time.UTC)), lot.ExpiresAt, "Moscow's midnight after the last day")
	lot = Grant{}.Lot(LotRules{ExpireAfterDays: 30}, sale.ID{1}, account, womensDay, moscow)
	require.Equal(t, womensDay.Add(days(30)), lot.ExpiresAt)
}
