//go:build !windows

package installer

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// need names what a test cannot do without, so that a skip says what it skipped.
func need(t *testing.T, programs ...string) {
	t.Helper()
	for _, p := range programs {
		if _, err := exec.LookPath(p); err != nil {
			t.Skipf("%s is not on this machine: %v", p, err)
		}
	}
	if os.Geteuid() != 0 {
		t.Skip("systemd-sysusers wants root even for a folder")
	}
}

func files(t *testing.T, root string) map[string]string {
	t.Helper()
	found := map[string]string{}
	require.NoError(t, filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(root, path)
		require.NoError(t, err)
		found["/"+rel] = read(t, path)
		return nil
	}))
	return found
}

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if os.IsNotExist(err) {
		return "" // a link that points out of the image
	}
	require.NoError(t, err)
	return string(b)
}

func TestInstallIntoAnImageAndOut(t *testing.T) {
	need(t, "systemctl", "systemd-sysusers")
	root := t.TempDir()
	s := Service{Root: root}
	before, err := s.Status(t.Context())
	require.NoError(t, err)
	require.False(t, before.Installed)

	require.NoError(t, s.Install(t.Context()))
	got := files(t, root)
	for _, p := range places {
		want, err := Files.ReadFile(p.file)
		require.NoError(t, err)
		require.Equal(t, string(want), got[p.at], "the file is the one that packages ship")
	}
	require.Contains(t, got["/etc/passwd"], "kopilka:x:")
	require.Contains(t, got["/etc/group"], "plugdev:")
	link, err := os.Readlink(filepath.Join(root, "etc/systemd/system/multi-user.target.wants", unit))
	require.NoError(t, err)
	require.Equal(t, "/etc/systemd/system/"+unit, link)
	require.NotContains(t, got, dropIn)

	st, err := s.Status(t.Context())
	require.NoError(t, err)
	require.Equal(t, Status{Installed: true, Automatic: true, NoManager: true, State: "enabled"}, st)
	require.ErrorIs(t, s.Start(t.Context()), ErrNoManager)
	require.NoError(t, s.Install(t.Context()), "installing again repairs")

	keep := filepath.Join(root, "var/lib/kopilka/ledger/ledger.db")
	require.NoError(t, os.MkdirAll(filepath.Dir(keep), 0o700))
	require.NoError(t, os.WriteFile(keep, []byte("sales"), 0o600))
	require.NoError(t, s.Uninstall(t.Context()))
	left := files(t, root)
	require.Equal(t, "sales", left["/var/lib/kopilka/ledger/ledger.db"])
	for path := range left {
		if strings.HasPrefix(path, "/etc/") {
			require.NotContains(t, path, "kopilka")
		}
	}
	require.ErrorIs(t, s.Start(t.Context()), ErrNotInstalled)
	require.NoError(t, s.Uninstall(t.Context()), "uninstalling twice is no error")
}

func TestOtherPathsGoIntoADropIn(t *testing.T) {
	need(t, "systemctl", "systemd-sysusers")
	root := t.TempDir()
	s := Service{Root: root, Program: "/opt/Kopilka Till/kopilka-agent", Config: "/srv/till 1/config.yaml"}
	require.NoError(t, s.Install(t.Context()))
	got := files(t, root)
	want, err := Files.ReadFile("linux/" + unit)
	require.NoError(t, err)
	require.Equal(t, string(want), got["/etc/systemd/system/"+unit])
	require.Equal(t, "[Service]\nExecStart=\nExecStart=\"/opt/Kopilka Till/kopilka-agent\" run -config \"/srv/till 1/config.yaml\"\n", got[dropIn])
	require.Contains(t, got[autostart], "\nExec=\"/opt/Kopilka Till/kopilka-agent\" notify -config \"/srv/till 1/config.yaml\"\n")

	require.NoError(t, Service{Root: root}.Install(t.Context()))
	require.NotContains(t, files(t, root), dropIn, "back at the usual path the drop-in would be a trap")
}

// The unit lets the service write the usual folder alone: a till whose data lie elsewhere would not start.
func TestDataElsewhereMayBeWritten(t *testing.T) {
	need(t, "systemctl", "systemd-sysusers")
	root := t.TempDir()
	const data = "/srv/other disk/till"
	require.NoError(t, Service{Root: root, Data: data}.Admit(t.Context()))
	require.Empty(t, files(t, root), "there is no service yet")
	require.NoError(t, Service{Root: root, Data: usualData}.Install(t.Context()))
	require.NotContains(t, files(t, root), dataDropIn)
	want := "[Unit]\nRequiresMountsFor=\"/srv/other disk/till\"\n[Service]\nReadWritePaths=\"-/srv/other disk/till\"\n" +
		"ExecStartPre=-+/usr/bin/chown -R --no-dereference kopilka:kopilka \"/srv/other disk/till\"\n"
	for name, arrange := range map[string]func(Service) error{
		"install": func(s Service) error { return s.Install(t.Context()) },
		"admit":   func(s Service) error { return s.Admit(t.Context()) },
	} {
		require.NoError(t, arrange(Service{Root: root, Data: data}), name)
		require.Equal(t, want, files(t, root)[dataDropIn], name)
		require.NoError(t, arrange(Service{Root: root}), "a config that cannot be read says nothing")
		require.Equal(t, want, files(t, root)[dataDropIn], name)
		require.NoError(t, arrange(Service{Root: root, Data: usualData}), name)
		require.NotContains(t, files(t, root), dataDropIn, name)
	}
	for path, mode := range map[string]os.FileMode{data: dataMode, filepath.Dir(data): folderMode} {
		info, err := os.Stat(filepath.Join(root, path))
		require.NoError(t, err)
		require.Equal(t, mode, info.Mode().Perm(), path)
	}
	require.NoError(t, Service{Root: root, Data: data}.Install(t.Context()))
	require.NoError(t, Service{Root: root}.Uninstall(t.Context()))
	require.NotContains(t, files(t, root), dataDropIn)
}

func TestDataThatTheServiceMustNotHaveIsRefused(t *testing.T) {
	root := t.TempDir()
	for _, data := range []string{"/home/cashier/till", "/root", "/tmp/till", "/", "/srv", "/var/lib", "/etc", "srv/till", "/srv/a$b"} {
		require.ErrorIs(t, Service{Root: root, Data: data}.Install(t.Context()), ErrPath, data)
	}
	require.Empty(t, files(t, root), "before anything is written")
}

func TestPackagedUnitIsNotShadowed(t *testing.T) {
	need(t, "systemctl", "systemd-sysusers")
	root := t.TempDir()
	packaged := filepath.Join(root, packagedUnit)
	require.NoError(t, os.MkdirAll(filepath.Dir(packaged), 0o755))
	b, err := Files.ReadFile("linux/" + unit)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(packaged, b, 0o644))
	s := Service{Root: root}
	require.NoError(t, s.Install(t.Context()))
	require.NotContains(t, files(t, root), "/etc/systemd/system/"+unit, "a copy would hide every later upgrade")
	st, err := s.Status(t.Context())
	require.NoError(t, err)
	require.True(t, st.Automatic)
	require.NoError(t, s.Uninstall(t.Context()))
	require.FileExists(t, packaged, "the package manager removes its own")
}

// systemd's own reading of the unit and of the drop-in.
func TestSystemdUnderstandsTheUnit(t *testing.T) {
	need(t, "systemctl", "systemd-sysusers", "systemd-analyze")
	root := t.TempDir()
	program := filepath.Join(root, "kopilka agent")
	require.NoError(t, os.WriteFile(program, []byte("#!/bin/sh\n"), 0o755))
	require.NoError(t, Service{Root: root, Program: program, Config: "/etc/kopilka/other.yaml", Data: "/srv/other disk/till"}.Install(t.Context()))
	verify := exec.CommandContext(t.Context(), "systemd-analyze", "verify", "--man=no", filepath.Join(root, "/etc/systemd/system", unit))
	verify.Env = append(os.Environ(), "LC_ALL=C.UTF-8")
	out, err := verify.CombinedOutput()
	require.NoError(t, err, "%s", out)
	for line := range strings.Lines(string(out)) {
		require.NotContains(t, line, "kopilka", "systemd ignores what it does not understand, and says so only here")
	}

	security := exec.CommandContext(t.Context(), "systemd-analyze", "security", "--offline=true", "--threshold=20",
		"--no-pager", filepath.Join(root, "/etc/systemd/system", unit))
	out, err = security.CombinedOutput()
	require.NoError(t, err, "exposure above 2.0: %s", out)
}

func TestAutostartFileIsValid(t *testing.T) {
	if _, err := exec.LookPath("desktop-file-validate"); err != nil {
		t.Skipf("desktop-file-validate is not on this machine: %v", err)
	}
	path := filepath.Join(t.TempDir(), "kopilka-notify.desktop")
	b, err := Files.ReadFile("linux/kopilka-notify.desktop")
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, b, 0o644))
	out, err := exec.CommandContext(t.Context(), "desktop-file-validate", path).CombinedOutput()
	require.NoError(t, err, "%s", out)
}

func TestShowIsRead(t *testing.T) {
	require.Equal(t, Status{Installed: true, Automatic: true, Running: true, State: "active/running", PID: 4711, Restarts: 2},
		readShow("MainPID=4711\nNRestarts=2\nLoadState=loaded\nActiveState=active\nSubState=running\nUnitFileState=enabled\n"))
	require.Equal(t, Status{State: "inactive/dead"},
		readShow("MainPID=0\nNRestarts=0\nLoadState=not-found\nActiveState=inactive\nSubState=dead\nUnitFileState=\n"))
	require.Equal(t, Status{Installed: true, State: "activating/auto-restart", Restarts: 9},
		readShow("MainPID=0\nNRestarts=9\nLoadState=loaded\nActiveState=activating\nSubState=auto-restart\nUnitFileState=disabled\n"))
}

func TestSharedFileGetsTheFoldersGroup(t *testing.T) {
	path := filepath.Join(t.TempDir(), "notice.token")
	require.NoError(t, os.WriteFile(path, []byte("x"), 0o600))
	require.NoError(t, Service{}.Share(path))
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, sharedMode, info.Mode().Perm())

	victim := filepath.Join(t.TempDir(), "shadow")
	require.NoError(t, os.WriteFile(victim, []byte("x"), 0o600))
	require.NoError(t, os.Remove(path))
	require.NoError(t, os.Symlink(victim, path))
	require.Error(t, Service{}.Share(path), "a link that the service put there")
	info, err = os.Stat(victim)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
}
