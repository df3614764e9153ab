// Package updatestest builds releases for tests: real programs with real headers, as small as the linker makes them.
package updatestest

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/sync/update"
)

const source = "package main\n\nvar version string\n\nfunc main() { println(version) }\n"

// Build makes a program named kopilka-agent that prints its version, in a folder of its own.
func Build(t testing.TB, version, goos string) (dir string, a update.Artefact) {
	t.Helper()
	dir = t.TempDir()
	for name, text := range map[string]string{"go.mod": "module example.test/kopilka-agent\n\ngo 1.26\n", "main.go": source} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	file := strings.Join([]string{version, goos, "amd64"}, "-")
	build := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w -X main.version="+version, "-o", file, ".")
	build.Dir = dir
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS="+goos, "GOARCH=amd64", "GOFLAGS=")
	out, err := build.CombinedOutput()
	require.NoError(t, err, string(out))
	raw, err := os.ReadFile(filepath.Join(dir, file))
	require.NoError(t, err)
	sum := sha256.Sum256(raw)
	return dir, update.Artefact{
		Program: update.Program{Name: "kopilka-agent", Version: version, OS: goos, Arch: "amd64", Ledger: update.Ledger{Writes: 3, Reads: 4}, Notes: update.Text{RU: "Новое", EN: "New"}},
		File:    file, SHA256: hex.EncodeToString(sum[:]),
	}
}

// List writes a release file into a folder and answers its name.
func List(t testing.TB, dir, version string, all ...update.Artefact) string {
	t.Helper()
	raw, err := json.Marshal(update.Release{Version: version, Programs: all})
	require.NoError(t, err)
	file := filepath.Join(dir, "release.json")
	require.NoError(t, os.WriteFile(file, raw, 0o600))
	return file
}
