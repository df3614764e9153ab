//go:build !windows

package installer

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// systemd's own reading of the updater's units.
func TestSystemdUnderstandsTheUpdater(t *testing.T) {
	for _, p := range []string{"systemctl", "systemd-analyze"} {
		if _, err := exec.LookPath(p); err != nil {
			t.Skipf("%s is not on this machine: %v", p, err)
		}
	}
	folder := t.TempDir()
	var units []string
	for _, name := range []string{"kopilka-updater.service", "kopilka-updater.path", "kopilka-updater.timer"} {
		b, err := Files.ReadFile("linux/" + name)
		require.NoError(t, err)
		program := filepath.Join(folder, "kopilka-updater") // verify wants it to be there
		b = []byte(strings.ReplaceAll(string(b), "/usr/lib/kopilka/kopilka-updater", program))
		require.NoError(t, os.WriteFile(program, []byte("#!/bin/sh\n"), 0o755))
		units = append(units, filepath.Join(folder, name))
		require.NoError(t, os.WriteFile(filepath.Join(folder, name), b, 0o644))
	}
	verify := exec.CommandContext(t.Context(), "systemd-analyze", append([]string{"verify", "--man=no"}, units...)...)
	verify.Env = append(os.Environ(), "LC_ALL=C.UTF-8")
	out, err := verify.CombinedOutput()
	require.NoError(t, err, "%s", out)
	for line := range strings.Lines(string(out)) {
		require.NotContains(t, line, "kopilka", "systemd ignores what it does not understand, and says so only here")
	}

	security := exec.CommandContext(t.Context(), "systemd-analyze", "security", "--offline=true", "--threshold=20", "--no-pager", units[0])
	out, err = security.CombinedOutput()
	require.NoError(t, err, "exposure above 2.0: %s", out)
	t.Log(lastLine(string(out)))
}

func lastLine(s string) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	return lines[len(lines)-1]
}
