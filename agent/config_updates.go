package agent

import (
	"strings"
	"time"
)

// UpdatesConfig says when this till takes a new version of the program.
type UpdatesConfig struct {
	Auto  bool   `yaml:"auto"`  // ask head office for new versions
	Quiet string `yaml:"quiet"` // without a key or a scan, before one may interrupt an open shift
	Hours string `yaml:"hours"` // of the store; outside of them none is installed; empty: at any time
}

// quietMax is a day: a till that nobody leaves alone for so long never takes an update.
const quietMax = 24 * time.Hour

// QuietFor is the quiet time; a config without problems has one.
func (c UpdatesConfig) QuietFor() (time.Duration, error) { return time.ParseDuration(c.Quiet) }

// Within tells whether updates may be installed at a time of the store.
func (c UpdatesConfig) Within(at time.Time) bool {
	from, to, ok := c.hours()
	if !ok || c.Hours == "" {
		return c.Hours == ""
	}
	now := time.Duration(at.Hour())*time.Hour + time.Duration(at.Minute())*time.Minute
	if from <= to {
		return from <= now && now < to
	}
	return now >= from || now < to // over midnight
}

// hours are since midnight.
func (c UpdatesConfig) hours() (from, to time.Duration, ok bool) {
	first, last, _ := strings.Cut(c.Hours, "-")
	from, fine := sinceMidnight(first)
	to, fine2 := sinceMidnight(last)
	return from, to, fine && fine2 && from != to
}

func sinceMidnight(s string) (time.Duration, bool) {
	t, err := time.Parse("15:04", strings.TrimSpace(s))
	return time.Duration(t.Hour())*time.Hour + time.Duration(t.Minute())*time.Minute, err == nil
}

func (c Config) updatesProblems() (problems []*ConfigProblem) {
	if d, err := c.Updates.QuietFor(); err != nil || d < 0 || d > quietMax {
		problems = append(problems, misset("updates.quiet", say("нужно время от 0s до 24h, например 5m", "want a time from 0s to 24h, such as 5m"), c.Updates.Quiet))
	}
	if _, _, ok := c.Updates.hours(); !ok && c.Updates.Hours != "" {
		problems = append(problems, misset("updates.hours", say("нужны часы магазина, например 22:00-07:00, или пусто", "want hours of the store such as 22:00-07:00, or nothing"), c.Updates.Hours))
	}
	return problems
}
