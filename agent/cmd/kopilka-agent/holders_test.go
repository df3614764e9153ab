//go:build linux

package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/creack/pty"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/kopilka/kopilka/agent"
)

// Another program that holds a real terminal device, as ModemManager would.
func TestDoctorNamesWhoHoldsAPort(t *testing.T) {
	master, line, err := pty.Open()
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, master.Close()) })
	name := line.Name()
	require.Empty(t, holders(name), "we do not count ourselves")

	other := exec.Command("sleep", "60")
	other.Stdin = line
	require.NoError(t, other.Start())
	require.NoError(t, line.Close())
	t.Cleanup(func() {
		require.NoError(t, other.Process.Kill())
		require.Error(t, other.Wait(), "it was killed")
	})
	link := filepath.Join(t.TempDir(), "scanner")
	require.NoError(t, os.Symlink(name, link))
	found := holders(link)
	require.Len(t, found, 1)
	require.Regexp(t, `^(sleep|kopilka-agent\S*), \d+$`, found[0], "between fork and exec it still has our name")

	findings, err := doctor(t, "-config", ill(t, "scanners: [{name: hand, type: serial-scanner, port: \"serial://"+name+"\"}]\n"))
	require.ErrorIs(t, err, errIll)
	require.Equal(t, agent.LevelError, levelOf(findings, "scanner hand", "another program"))
}

func TestATerminalIsItselfUnderAnyName(t *testing.T) {
	master, line, err := pty.Open()
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, errors.Join(line.Close(), master.Close())) })
	var ours unix.Stat_t
	require.NoError(t, unix.Stat(line.Name(), &ours))
	require.True(t, sameDevice(ours, ours))
	elsewhere := ours
	elsewhere.Dev++
	require.False(t, sameDevice(ours, elsewhere), "a container's terminal of the same number is another")

	port := unix.Stat_t{Mode: unix.S_IFCHR, Dev: 5, Ino: 9, Rdev: unix.Mkdev(188, 0)} // /dev/ttyUSB0
	inContainer := port
	inContainer.Dev, inContainer.Ino = 77, 3
	require.True(t, sameDevice(port, inContainer), "a container's port of the same number is this one")
	inContainer.Rdev = unix.Mkdev(188, 1)
	require.False(t, sameDevice(port, inContainer))
}

func TestDoctorFindsFilesOfRoot(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can give files away")
	}
	folder := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(folder, "identity.json"), nil, 0o600))
	names, err := foreignFiles(folder)
	require.NoError(t, err)
	require.Empty(t, names)
	require.NoError(t, os.Chown(folder, 65534, 65534))
	names, err = foreignFiles(folder)
	require.NoError(t, err)
	require.Equal(t, []string{filepath.Join(folder, "identity.json")}, names)
	_, err = foreignFiles(filepath.Join(folder, "none"))
	require.ErrorIs(t, err, os.ErrNotExist)
}
