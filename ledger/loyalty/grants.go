package loyalty

import (
	"fmt"
	"time"

	"github.com/kopilka/kopilka/ledger/sale"
)

// The causes of rewards, as they stand in records ([sale.Reward].Cause).
const (
	CauseWelcome       = "welcome"
	CauseFirstPurchase = "first-purchase"
	CauseReview        = "review"
	CauseBirthday      = "birthday"
	CauseHoliday       = "holiday"
	CauseReferral      = "referral"        // running, of a friend's money
	CauseReferralFirst = "referral-first"  // once, for a friend's first purchase
	CauseFriend        = "referral-friend" // to the friend
)

// Grant is a gift to be given: once under its key, to be spent from From to the end of Until (zero: as the
// programme's lots live).
type Grant struct {
	Cause, Key  string
	Amount      sale.Points
	From, Until sale.Date
}

// ParseBirthday reads "03-08" or "1988-03-08"; the year, where known, is of no interest here. False for
// anything else, the empty text included.
func ParseBirthday(s string) (month, day uint8, ok bool) {
	if len(s) == len("1988-03-08") {
		s = s[len("1988-"):]
	}
	d, err := sale.ParseDate("2028-" + s) // a leap year: every birthday is in it
	return uint8(d / 100 % 100), uint8(d % 100), err == nil
}

// BirthdayGift is what a customer is due today for a birthday near it; false when there is nothing. average
// is the customer's average receipt. Who was born on 29 February is congratulated on the 28th in other years.
// The key bears the year of the birthday itself, so a window over New Year pays once.
func (p *Programme) BirthdayGift(month, day uint8, today sale.Date, average sale.Money) (Grant, bool) {
	b := p.Grants.Birthday
	amount := max(b.Points, max(0, average).Percent(b.Average).AsPoints())
	if amount <= 0 {
		return Grant{}, false
	}
	year, from, until, ok := near(today, month, day, b.Before, b.After)
	return Grant{Cause: CauseBirthday, Key: fmt.Sprintf("%s/%d", CauseBirthday, year), Amount: amount, From: from, Until: until}, ok
}

// HolidayGifts are those whose windows today lies in.
func (p *Programme) HolidayGifts(today sale.Date) (out []HolidayGift) {
	for _, h := range p.Grants.Holidays {
		if year, from, until, ok := near(today, h.Month, h.Day, h.Before, h.After); ok && h.Points > 0 {
			key := fmt.Sprintf("%s/%d/%d", CauseHoliday, h.ID, year)
			out = append(out, HolidayGift{Who: h.Who, Grant: Grant{Cause: CauseHoliday, Key: key, Amount: h.Points, From: from, Until: until}})
		}
	}
	return out
}

// HolidayGift is a grant to everybody whom it is for.
type HolidayGift struct {
	Grant
	Who Who
}

// Fits tells whether a customer of this tier and segment is meant. A holiday asks for no receipt, so First
// and Anyone say nothing here.
func (w Who) Fits(tier uint16, segment uint8) bool {
	return anyOf(w.Tiers, tier) && anyOf(w.Segments, segment)
}

func anyOf[T comparable](list []T, v T) bool {
	for _, x := range list {
		if x == v {
			return true
		}
	}
	return len(list) == 0
}

// near finds the year whose anniversary has today in its window.
func near(today sale.Date, month, day uint8, before, after uint32) (year int, from, until sale.Date, ok bool) {
	for year = int(today/10000) - 1; year <= int(today/10000)+1; year++ {
		d := yearDay(year, month, day)
		if !d.Valid() {
			d = yearDay(year, 2, 28) // the only day that some years lack
		}
		from, until = d.Add(-int(before)), d.Add(int(after))
		if today >= from && today <= until {
			return year, from, until, true
		}
	}
	return 0, 0, 0, false
}

func yearDay(year int, month, day uint8) sale.Date {
	return sale.Date(year*10000 + int(month)*100 + int(day))
}

// Lot is the lot of a gift to an account, made by a record at a moment: within the gift's window where it has
// one, else with the life that rules give, spendable at once.
func (g Grant) Lot(rules LotRules, record sale.ID, account sale.Account, at sale.Time, zone *time.Location) sale.Lot {
	p := Programme{Lots: LotRules{ExpireAfterDays: rules.ExpireAfterDays}}
	lot := p.lot(record, account, at)
	if g.Until != 0 {
		lot.ExpiresAt = g.Until.Add(1).Start(zone)
	}
	return lot
}

// ReviewsMonthMax is how many reviews of a calendar month are paid.
func (g Grants) ReviewsMonthMax() int { return max(1, int(g.ReviewsMonth)) }

// Month is a calendar month as 202703, the period of monthly limits.
func Month(at sale.Time, zone *time.Location) uint32 { return uint32(sale.DateOf(at, zone) / 100) }
