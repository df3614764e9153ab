package agent

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestUpdatesHours(t *testing.T) {
	at := func(hour, minute int) time.Time { return time.Date(2026, 11, 22, hour, minute, 0, 0, time.UTC) }
	for hours, want := range map[string][3]bool{ // at 06:59, 07:00 and 23:00
		"":            {true, true, true},
		"22:00-07:00": {true, false, true},
		"07:00-23:00": {false, true, false},
		"06:00-07:00": {true, false, false},
	} {
		c := DefaultConfig()
		c.Register.Port, c.Updates.Hours = "tcp://127.0.0.1:1", hours
		require.Empty(t, c.Problems(), hours)
		require.Equal(t, want, [3]bool{c.Updates.Within(at(6, 59)), c.Updates.Within(at(7, 0)), c.Updates.Within(at(23, 0))}, hours)
	}
}

func TestUpdatesProblems(t *testing.T) {
	for yaml, path := range map[string]string{
		"quiet: soon":            "updates.quiet",
		"quiet: -1s":             "updates.quiet",
		"quiet: 25h":             "updates.quiet",
		"hours: night":           "updates.hours",
		"hours: 22:00":           "updates.hours",
		"hours: 25:00-26:00":     "updates.hours",
		"hours: \"07:00-07:00\"": "updates.hours",
		"auto: often":            "updates.auto",
		"automatic: true":        "updates.automatic",
	} {
		_, err := ParseConfig([]byte("register: {port: \"tcp://127.0.0.1:1\"}\nupdates: {" + yaml + "}\n"))
		require.ErrorContains(t, err, path+":", yaml)
	}
}
