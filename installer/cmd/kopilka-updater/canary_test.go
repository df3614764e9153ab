//go:build !windows

package main

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/installer/slots"
)

// skipFlush names, by its end, a path that the disk of the stories does not flush: the planted fault.
const skipFlush = "KOPILKA_SKIP_FLUSH"

func skipped() func(string) bool {
	if end := os.Getenv(skipFlush); end != "" {
		return func(path string) bool { return strings.HasSuffix(path, end) }
	}
	return nil
}

// A test of power cuts that does not notice a missing flush proves nothing.
func TestCutsNoticeEveryMissingFlush(t *testing.T) {
	if os.Getenv(skipFlush) != "" {
		t.Skip("this is the run with the planted fault")
	}
	for what, end := range map[string]string{
		"the new program's bytes":  slots.Agent + ".new",
		"the new program's name":   "/" + slots.Versions + "/" + newer,
		"the new version's folder": "/" + slots.Versions,
		"the link current":         layout.Programs,
		"the state's bytes":        slots.StateFile + ".new",
		"the state's name":         layout.State,
	} {
		t.Run(what, func(t *testing.T) {
			c := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^(TestCutAnywhereLeavesAProgramThatStarts|TestCutsInTheMendingOfCuts)$/", "-test.failfast")
			c.Env = append(os.Environ(), skipFlush+"="+end, "KOPILKA_SEED=7")
			out, err := c.CombinedOutput()
			require.Error(t, err, "nobody noticed that %s are not flushed", what)
			require.Contains(t, string(out), "--- FAIL: TestCut")
		})
	}
}
