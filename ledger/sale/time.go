package sale

import (
	"fmt"
	"time"
)

// Time is a trusted moment: milliseconds since 1970 UTC, as the till knew it.
type Time int64

// TimeQuality says who vouches for a Time.
type TimeQuality uint8

// The witnesses, best first. With TimeFrozen no witness has vouched since a cold start: the till sells
// but spends no lease.
const (
	TimeHeadOffice TimeQuality = 1 // head office's clock carried on by the monotonic clock
	TimeRegister   TimeQuality = 2 // the fiscal register's clock
	TimeFrozen     TimeQuality = 3 // the machine's clock alone, held at or above the high-water mark
)

// At makes a Time of a time.Time.
func At(t time.Time) Time { return Time(t.UnixMilli()) }

// Time is the moment in UTC.
func (t Time) Time() time.Time { return time.UnixMilli(int64(t)).UTC() }

// Add moves the moment.
func (t Time) Add(d time.Duration) Time { return t + Time(d.Milliseconds()) }

// Date is a calendar day as 20270131, in whatever zone its user says: a store's, mostly. Zero is none.
type Date uint32

// DateOf is the day that a moment falls on in a zone.
func DateOf(t Time, zone *time.Location) Date {
	y, m, d := t.Time().In(zone).Date()
	return Date(y*10000 + int(m)*100 + d)
}

// Valid tells whether such a day is in the calendar.
func (d Date) Valid() bool {
	y, m, day := d.split()
	t := time.Date(y, m, day, 12, 0, 0, 0, time.UTC)
	return y >= 1970 && t.Day() == day && t.Month() == m
}

// Start is the first moment of the day in a zone.
func (d Date) Start(zone *time.Location) Time {
	y, m, day := d.split()
	return At(time.Date(y, m, day, 0, 0, 0, 0, zone))
}

// Add moves by calendar days.
func (d Date) Add(days int) Date {
	y, m, day := d.split()
	return DateOf(At(time.Date(y, m, day+days, 12, 0, 0, 0, time.UTC)), time.UTC)
}

// String is the day as 2027-01-31.
func (d Date) String() string {
	y, m, day := d.split()
	return fmt.Sprintf("%04d-%02d-%02d", y, m, day)
}

// ParseDate reads 2027-01-31; an empty text is no day.
func ParseDate(s string) (Date, error) {
	if s == "" {
		return 0, nil
	}
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		return 0, fmt.Errorf("day %q, want 2027-01-31 / нужна дата вида 2027-01-31: %w", s, err)
	}
	return DateOf(At(t), time.UTC), nil
}

// MarshalText makes days readable in JSON.
func (d Date) MarshalText() ([]byte, error) {
	if d == 0 {
		return []byte{}, nil
	}
	return []byte(d.String()), nil
}

// UnmarshalText reads what [Date.MarshalText] wrote.
func (d *Date) UnmarshalText(b []byte) (err error) {
	*d, err = ParseDate(string(b))
	return err
}

func (d Date) split() (year int, month time.Month, day int) {
	return int(d / 10000), time.Month(d / 100 % 100), int(d % 100)
}

// Sub is the time between two moments.
func (t Time) Sub(u Time) time.Duration { return time.Duration(t-u) * time.Millisecond }
