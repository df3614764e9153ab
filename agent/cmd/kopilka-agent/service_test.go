package main

import (
	"bytes"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/agent"
	"github.com/kopilka/kopilka/installer"
)

func TestServiceFlags(t *testing.T) {
	o, err := serviceFlags([]string{"-lang", "en", "-delayed"})
	require.NoError(t, err)
	require.True(t, o.service.English)
	require.True(t, o.service.Delayed)
	require.Empty(t, o.service.Config, "the default needs no drop-in")
	require.NotEmpty(t, o.service.Program, "this test is not where packages put the program")

	other := filepath.Join(t.TempDir(), "config.yaml")
	o, err = serviceFlags([]string{"-config", other})
	require.NoError(t, err)
	require.Equal(t, other, o.service.Config)

	require.NoError(t, os.WriteFile(other, []byte("language: en\nregister: {type: none}\n"), 0o600))
	o, err = serviceFlags([]string{"-config", other})
	require.NoError(t, err)
	require.True(t, o.service.English, "as the config says")
	o, err = serviceFlags([]string{"-config", other, "-lang", "ru"})
	require.NoError(t, err)
	require.False(t, o.service.English)

	for _, wrong := range [][]string{{"-lang", "de"}, {"now"}, {"-speed", "9"}} {
		_, err := serviceFlags(wrong)
		require.Error(t, err, wrong)
	}
}

func TestServiceWantsAVerb(t *testing.T) {
	for _, args := range [][]string{nil, {"restart"}, {"install", "now"}} {
		require.ErrorContains(t, serviceCommand.run(t.Context(), args, &bytes.Buffer{}), "install | uninstall | start | stop | status", args)
	}
}

func TestServiceIntoAnImage(t *testing.T) {
	root := t.TempDir()
	if runtime.GOOS != "windows" {
		config := filepath.Join(root, agent.DefaultConfigPath)
		require.NoError(t, os.MkdirAll(filepath.Dir(config), 0o755))
		require.NoError(t, os.WriteFile(config, []byte("data: /srv/till/\nregister: {type: none}\n"), 0o644))
	}
	var out bytes.Buffer
	err := serviceCommand.run(t.Context(), []string{"install", "-root", root, "-lang", "en"}, &out)
	if runtime.GOOS == "windows" {
		require.ErrorIs(t, err, installer.ErrNoManager)
		return
	}
	if os.Geteuid() != 0 {
		t.Skip("systemd-sysusers wants root even for a folder")
	}
	if _, lookErr := os.Stat("/bin/systemctl"); lookErr != nil {
		t.Skipf("systemctl is not on this machine: %v", lookErr)
	}
	require.NoError(t, err)
	require.Contains(t, out.String(), "kopilka-agent enroll")
	require.FileExists(t, filepath.Join(root, "etc/systemd/system/kopilka-agent.service"))
	opened, err := os.ReadFile(filepath.Join(root, "etc/systemd/system/kopilka-agent.service.d/20-data.conf"))
	require.NoError(t, err)
	require.Contains(t, string(opened), "ReadWritePaths=\"-/srv/till\"\n", "the config's own data folder")

	out.Reset()
	require.ErrorIs(t, serviceCommand.run(t.Context(), []string{"status", "-root", root, "-lang", "en"}, &out), errNotRunning)
	require.Contains(t, out.String(), "starts with the machine")
	require.NoError(t, serviceCommand.run(t.Context(), []string{"uninstall", "-root", root}, &out))
	require.NoFileExists(t, filepath.Join(root, "etc/systemd/system/kopilka-agent.service"))
}

func TestServiceConfigDefaultsAgree(t *testing.T) {
	require.True(t, filepath.IsAbs(agent.DefaultConfigPath))
	if runtime.GOOS != "windows" {
		require.Equal(t, "/etc/kopilka/config.yaml", agent.DefaultConfigPath, "the unit's ConfigurationDirectory")
		require.Equal(t, "/var/lib/kopilka", agent.DefaultConfig().Data, "the unit's StateDirectory: all else is read-only to the service")
	}
}

// A drop-in that named a version would hold the service to it for ever.
func TestServiceOfAPackageIsAtTheUsualPlace(t *testing.T) {
	for path, want := range map[string]bool{
		"/usr/lib/kopilka/packaged/kopilka-agent":       true,
		"/usr/lib/kopilka/versions/1.3.0/kopilka-agent": true,
		"/usr/lib/kopilka-other/kopilka-agent":          false,
		"/opt/kopilka-agent":                            false,
	} {
		require.Equal(t, want, ofPackage(path), path)
	}
}
