package installer

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/windows"
	"golang.org/x/sys/windows/registry"
	"golang.org/x/sys/windows/svc"
)

// The test's own program is the service that it installs.
func TestMain(m *testing.M) {
	if slices.Contains(os.Args, Marker) {
		if err := svc.Run("Kopilka", obedient{}); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// obedient is the least that the service manager takes for a service.
type obedient struct{}

func (obedient) Execute(_ []string, requests <-chan svc.ChangeRequest, states chan<- svc.Status) (bool, uint32) {
	states <- svc.Status{State: svc.Running, Accepts: svc.AcceptStop}
	for r := range requests {
		switch r.Cmd {
		case svc.Interrogate:
			states <- r.CurrentStatus
		case svc.Stop, svc.Shutdown:
			return false, 0
		}
	}
	return false, 1
}

func TestServiceLivesAndDies(t *testing.T) {
	program, err := os.Executable()
	require.NoError(t, err)
	s := Service{Program: program, English: true}
	before, err := s.Status(t.Context())
	require.NoError(t, err)
	if before.Installed {
		t.Skip("this machine has the real service: the test leaves it alone")
	}
	require.ErrorIs(t, s.Start(t.Context()), ErrNotInstalled)

	require.NoError(t, s.Install(t.Context()))
	t.Cleanup(func() { require.NoError(t, s.Uninstall(t.Context())) })
	st, err := s.Status(t.Context())
	require.NoError(t, err)
	require.Equal(t, Status{Installed: true, Automatic: true, State: "stopped"}, st)

	require.NoError(t, s.Start(t.Context()))
	st, err = s.Status(t.Context())
	require.NoError(t, err)
	require.True(t, st.Running)
	require.NotZero(t, st.PID)
	require.NoError(t, s.Start(t.Context()), "started already")
	require.NoError(t, s.Install(t.Context()), "installing again repairs while it runs")

	require.NoError(t, s.Stop(t.Context()))
	st, err = s.Status(t.Context())
	require.NoError(t, err)
	require.Equal(t, "stopped", st.State)
	require.NoError(t, s.Stop(t.Context()), "stopped already")
}

func TestUninstallKeepsTheData(t *testing.T) {
	program, err := os.Executable()
	require.NoError(t, err)
	s := Service{Program: program, Config: `C:\ProgramData\Kopilka\other.yaml`}
	st, err := s.Status(t.Context())
	require.NoError(t, err)
	if st.Installed {
		t.Skip("this machine has the real service: the test leaves it alone")
	}
	require.NoError(t, s.Install(t.Context()))

	d, err := readDefinition()
	require.NoError(t, err)
	dir, err := folder(d)
	require.NoError(t, err)
	keep := filepath.Join(dir, "keep.test")
	require.NoError(t, os.WriteFile(keep, []byte("sales"), 0o600))
	t.Cleanup(func() { require.NoError(t, os.Remove(keep)) })
	require.NoError(t, s.Share(keep))

	k, err := registry.OpenKey(registry.LOCAL_MACHINE, d.Notify.Key, registry.QUERY_VALUE)
	require.NoError(t, err)
	line, _, err := k.GetStringValue(d.Notify.Value)
	require.NoError(t, err)
	require.Equal(t, commandLine(program, []string{"notify", "-config", s.Config}), line)

	require.NoError(t, s.Uninstall(t.Context()))
	require.FileExists(t, keep)
	_, _, err = k.GetStringValue(d.Notify.Value)
	require.ErrorIs(t, err, registry.ErrNotExist)
	require.NoError(t, k.Close())
	st, err = s.Status(t.Context())
	require.NoError(t, err)
	require.False(t, st.Installed)
	require.NoError(t, s.Uninstall(t.Context()), "uninstalling twice is no error")
}

// The definition's rights are Windows's own language; a slip there would lock everybody out, or nobody.
func TestRightsAreUnderstood(t *testing.T) {
	d, err := readDefinition()
	require.NoError(t, err)
	for sddl, aces := range map[string]uint16{d.FolderRights: 4, d.SharedRights: 4} {
		sd, err := windows.SecurityDescriptorFromString(sddl)
		require.NoError(t, err, sddl)
		acl, _, err := sd.DACL()
		require.NoError(t, err)
		require.Equal(t, aces, acl.AceCount)
	}
}

func TestAnImageHasNoRegistry(t *testing.T) {
	require.ErrorIs(t, Service{Root: t.TempDir()}.Install(t.Context()), ErrNoManager)
}

func TestCommandLineIsQuoted(t *testing.T) {
	s := Service{Config: `C:\My Shop\config.yaml`}
	d, err := readDefinition()
	require.NoError(t, err)
	require.Equal(t, `"C:\Program Files\Kopilka\kopilka-agent.exe" run -config "C:\My Shop\config.yaml" as-service`,
		commandLine(s.program(), s.arguments(d)))
}
