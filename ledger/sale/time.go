package sale

import "time"

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

// Sub is the time between two moments.
func (t Time) Sub(u Time) time.Duration { return time.Duration(t-u) * time.Millisecond }
