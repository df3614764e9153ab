package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/cloud"
)

const headoffice = "../../../installer/headoffice/"

// mountSmall is a disk of half a megabyte.
func mountSmall(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=512k"); err != nil {
		t.Skipf("a small disk cannot be mounted here: %v", err)
	}
	t.Cleanup(func() { require.NoError(t, syscall.Unmount(dir, 0)) })
	return dir
}

func TestPackagedSettingsAreTheDefaults(t *testing.T) {
	got, wrong, err := readConfig(headoffice + "config.yaml")
	require.Empty(t, wrong)
	require.NoError(t, err)
	want := cloud.DefaultConfig()
	want.Data, want.Backups, want.ACME.Domains = "/var/lib/kopilka-cloud", "/var/backups/kopilka-cloud", []string{}
	require.Equal(t, want, got)
	require.NoError(t, got.Validate())
	_, wrong, err = readConfig(headoffice + "container.yaml")
	require.NoError(t, err)
	require.Empty(t, wrong)
}

func TestPackagedSettingsAreFound(t *testing.T) {
	was := packagedConfig
	t.Cleanup(func() { packagedConfig = was })
	packagedConfig = filepath.Join(t.TempDir(), "config.yaml")
	data := filepath.Join(t.TempDir(), "data")
	require.NoError(t, os.WriteFile(packagedConfig, []byte("data: "+data+"\nlisten: \"nowhere:0:0\"\n"), 0o600))
	var log bytes.Buffer
	err := run(t.Context(), []string{"serve"}, io.Discard, &log, nil)
	require.ErrorContains(t, err, `listen: want host:port`)
	require.Equal(t, exitUsage, exitCode(err))
	err = run(t.Context(), []string{"serve", "-listen", "127.0.0.1:0"}, io.Discard, &log, nil)
	require.ErrorIs(t, err, errNotInit)
	require.Contains(t, log.String(), packagedConfig)
	require.NoError(t, os.WriteFile(packagedConfig, []byte("lisen: x\n"), 0o600))
	require.ErrorContains(t, run(t.Context(), []string{"serve"}, io.Discard, io.Discard, nil), "такой настройки нет")
}

// systemd's own reading of the units.
func TestSystemdUnderstandsTheUnits(t *testing.T) {
	if _, err := exec.LookPath("systemd-analyze"); err != nil {
		t.Skipf("systemd-analyze is not on this machine: %v", err)
	}
	dir := t.TempDir()
	program := filepath.Join(dir, "kopilka-cloud")
	require.NoError(t, os.WriteFile(program, []byte("#!/bin/sh\n"), 0o755))
	for _, unit := range []string{"kopilka-cloud.service", "kopilka-cloud-backup.service", "kopilka-cloud-backup.timer"} {
		b, err := os.ReadFile(headoffice + unit)
		require.NoError(t, err)
		at := filepath.Join(dir, unit)
		require.NoError(t, os.WriteFile(at, bytes.ReplaceAll(b, []byte("/usr/bin/kopilka-cloud"), []byte(program)), 0o644))
	}
	openFolders(t, dir)
	for _, unit := range []string{"kopilka-cloud.service", "kopilka-cloud-backup.service", "kopilka-cloud-backup.timer"} {
		at := filepath.Join(dir, unit)
		verify := exec.CommandContext(t.Context(), "systemd-analyze", "verify", "--man=no", at)
		verify.Env = append(os.Environ(), "LC_ALL=C.UTF-8")
		out, err := verify.CombinedOutput()
		require.NoError(t, err, "%s", out)
		for line := range strings.Lines(string(out)) {
			require.NotContains(t, line, "kopilka", "systemd ignores what it does not understand, and says so only here")
		}
		if strings.HasSuffix(unit, ".service") {
			out, err = exec.CommandContext(t.Context(), "systemd-analyze", "security", "--offline=true", "--threshold=15", "--no-pager", at).CombinedOutput()
			require.NoError(t, err, "exposure above 1.5: %s", out)
		}
	}
}

// openFolders does what guide and settings say for folders elsewhere, in place of /etc/systemd/system.
func openFolders(t *testing.T, dir string) {
	t.Helper()
	settings, err := os.ReadFile(headoffice + "config.yaml")
	require.NoError(t, err)
	said := strings.ReplaceAll(string(settings), "\n#   ", "\n")
	guide, err := os.ReadFile(headoffice + "../GUIDE.md")
	require.NoError(t, err)
	var commands string
	for _, block := range strings.Split(string(guide), "```") {
		if strings.Contains(block, "folders.conf") {
			commands = strings.TrimPrefix(block, "\n")
		}
	}
	require.NotEmpty(t, commands)
	require.Contains(t, said, commands, "the settings say what the guide says")
	russian, err := os.ReadFile(headoffice + "../GUIDE.ru.md")
	require.NoError(t, err)
	require.Contains(t, string(russian), commands)
	sh := exec.CommandContext(t.Context(), "sh", "-euc", "install() { :; }\nsystemctl() { :; }\n"+strings.ReplaceAll(commands, "/etc/systemd/system", dir))
	out, err := sh.CombinedOutput()
	require.NoError(t, err, "%s", out)
	for _, unit := range []string{"kopilka-cloud", "kopilka-cloud-backup"} {
		b, err := os.ReadFile(filepath.Join(dir, unit+".service.d", "folders.conf"))
		require.NoError(t, err)
		require.Contains(t, string(b), "ReadWritePaths=/srv/kopilka\n")
	}
}

// A night with nothing to copy is no failure, and where the data lie is not the unit's to know.
func TestNightlyBackupKnowsNothingToCopy(t *testing.T) {
	b, err := os.ReadFile(headoffice + "kopilka-cloud-backup.service")
	require.NoError(t, err)
	require.Contains(t, string(b), fmt.Sprintf("\nSuccessExitStatus=%d\n", exitNothing))
	require.NotContains(t, string(b), "\nCondition")
}

// The Compose Specification's own program reads the file; Docker is not asked.
func TestComposeFileFollowsItsSpecification(t *testing.T) {
	program := filepath.Join(t.TempDir(), "compose-spec")
	build := exec.CommandContext(t.Context(), "go", "build", "-modfile=../../../tools.mod", "-o", program, "github.com/compose-spec/compose-go/v2/cmd")
	if out, err := build.CombinedOutput(); err != nil {
		t.Skipf("the Compose Specification's program cannot be built here: %v\n%s", err, out)
	}
	b, err := os.ReadFile(headoffice + "compose.yaml")
	require.NoError(t, err)
	read := func(body string) (string, error) {
		file := filepath.Join(t.TempDir(), "compose.yaml")
		require.NoError(t, os.WriteFile(file, []byte(body), 0o600))
		c := exec.CommandContext(t.Context(), program, file)
		c.Dir, c.Env = filepath.Dir(file), append(os.Environ(), "COMPOSE_PROFILES=postgres", "KOPILKA_PG_PASSWORD=x")
		out, err := c.CombinedOutput()
		return string(out), err
	}
	out, err := read(string(b))
	require.NoError(t, err, "%s", out)
	require.Contains(t, out, "KOPILKA_POSTGRES: postgres://kopilka:")
	out, err = read(strings.Replace(string(b), "read_only: true", "read_ony: true", 1))
	require.Error(t, err, "a typing error is seen: %s", out)
}
