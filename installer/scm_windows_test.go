package installer

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/windows"
	"golang.org/x/sys/windows/registry"
	"golang.org/x/sys/windows/svc"
	"golang.org/x/sys/windows/svc/mgr"
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
	t.Cleanup(func() { require.NoError(t, s.Uninstall(context.WithoutCancel(t.Context()))) }) // which ends before clean-up
	st, err := s.Status(t.Context())
	require.NoError(t, err)
	require.Equal(t, Status{Installed: true, Automatic: true, State: "stopped", Account: `NT SERVICE\Kopilka`}, st)

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
	dir, err := folder(d.daemon)
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
	for sddl, aces := range map[string]uint16{d.FolderRights: 5, d.SharedRights: 4, d.ProgramsRights: 3, d.Updater.FolderRights: 3} {
		sd, err := windows.SecurityDescriptorFromString(d.rights(sddl))
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
	require.Equal(t, `"C:\Program Files\Kopilka\packaged\kopilka-agent.exe" run -config "C:\My Shop\config.yaml" as-service`,
		commandLine(s.program(), s.arguments(d)))
}

// The updater chooses among versions; installing again, as an upgrade of the package does, must not undo that.
func TestInstallKeepsTheChosenVersion(t *testing.T) {
	programs := filepath.Join(t.TempDir(), "Копилка касса")
	place := func(slot string) string {
		require.NoError(t, os.MkdirAll(filepath.Join(programs, filepath.FromSlash(slot)), 0o700))
		exe := filepath.Join(programs, filepath.FromSlash(slot), "kopilka-agent.exe")
		require.NoError(t, os.WriteFile(exe, []byte("MZ"), 0o600))
		return exe
	}
	s := Service{Program: place("packaged")}
	newer := place("versions/1.3.0")
	require.Equal(t, newer, s.chosen(newer))
	require.Equal(t, s.Program, s.chosen(""), "the first time")
	require.Equal(t, s.Program, s.chosen(`C:\kopilka\kopilka-agent.exe`), "from elsewhere")
	require.Equal(t, s.Program, s.chosen(filepath.Join(programs, "versions", "1.4.0", "kopilka-agent.exe")), "it is gone")
	require.Equal(t, newer, Service{Program: newer}.chosen(newer))
	require.Equal(t, programs, Service{Program: newer}.programs())
	require.Empty(t, Service{Program: `C:\kopilka\kopilka-agent.exe`}.programs())
}

// Paths of real shops: blanks and Cyrillic, in the programs' folder and in the config's.
func TestServiceInCyrillicWithBlanks(t *testing.T) {
	self, err := os.ReadFile(os.Args[0])
	require.NoError(t, err)
	programs := filepath.Join(os.Getenv("ProgramFiles"), "Копилка касса")
	program := filepath.Join(programs, "packaged", "kopilka-agent.exe")
	updater := filepath.Join(programs, "kopilka-updater.exe")
	require.NoError(t, os.MkdirAll(filepath.Dir(program), 0o700))
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(programs)) })
	for _, exe := range []string{program, updater} {
		require.NoError(t, os.WriteFile(exe, self, 0o700)) //nolint:gosec // a program
	}
	s := Service{Program: program, Config: `C:\Данные кассы\настройки.yaml`}
	st, err := s.Status(t.Context())
	require.NoError(t, err)
	if st.Installed {
		t.Skip("this machine has the real service: the test leaves it alone")
	}
	require.NoError(t, s.Install(t.Context()))
	t.Cleanup(func() { require.NoError(t, s.Uninstall(context.WithoutCancel(t.Context()))) }) // which ends before clean-up
	d, err := readDefinition()
	require.NoError(t, err)
	line := func(service string) string {
		k, err := registry.OpenKey(registry.LOCAL_MACHINE, `SYSTEM\CurrentControlSet\Services\`+service, registry.QUERY_VALUE)
		require.NoError(t, err)
		path, _, err := k.GetStringValue("ImagePath")
		require.NoError(t, errors.Join(err, k.Close()))
		return path
	}
	require.Equal(t, `"`+program+`" run -config "`+s.Config+`" as-service`, line(d.Name), "unquoted, C:\\Program.exe would be run")
	require.Equal(t, `"`+updater+`" run as-service`, line(d.Updater.Name))

	require.NoError(t, s.Start(t.Context()))
	for _, name := range []string{d.Name, d.Updater.Name} {
		require.NoError(t, s.with(name, func(service *mgr.Service) error {
			now, err := service.Query()
			require.Equal(t, svc.Running, now.State, name)
			return err
		}))
	}
	require.NoError(t, s.Stop(t.Context()))
}

func TestEventsAreWritten(t *testing.T) {
	const source = "Kopilka test"
	require.NoError(t, installSource(source))
	require.NoError(t, installSource(source), "again")
	k, err := registry.OpenKey(registry.LOCAL_MACHINE, sources+source, registry.QUERY_VALUE)
	require.NoError(t, err)
	file, kind, err := k.GetStringValue("EventMessageFile")
	require.NoError(t, errors.Join(err, k.Close()))
	require.Equal(t, uint32(registry.EXPAND_SZ), kind)
	require.Equal(t, messages, file)
	e, err := OpenEvents()
	require.NoError(t, err)
	require.NoError(t, e.Info(EventStarted, "Касса запущена / started"))
	require.NoError(t, e.Error(EventFailed, "Журнал повреждён / damaged"))
	require.NoError(t, e.Close())
	require.NoError(t, removeSource(source))
	require.NoError(t, removeSource(source), "again")
	require.NoError(t, errors.Join(Events{}.Info(EventStopped, "nobody listens"), Events{}.Close()))
}
