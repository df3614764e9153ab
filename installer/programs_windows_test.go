package installer

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// LocalSystem runs what lies there, and in the root of a drive everybody may write.
func TestProgramsElsewhereAreGuarded(t *testing.T) {
	s := fake(t, `C:\Другая папка`)
	d, err := readDefinition()
	require.NoError(t, err)
	require.NoError(t, s.guardPrograms(d))
	require.NoError(t, s.guardPrograms(d), "at the next upgrade")
	usual := fake(t, filepath.Join(os.Getenv("ProgramFiles"), "Kopilka test"))
	require.NoError(t, usual.guardPrograms(definition{ProgramsRights: "no rights at all"}), "Windows's own rights are left alone")
	require.Error(t, s.guardPrograms(definition{ProgramsRights: "no rights at all"}))
	require.NoError(t, Service{Program: `C:\kopilka\kopilka-agent.exe`}.guardPrograms(d), "a program somewhere by hand has no updater")
}

// Who may rename the folder above puts a folder of programs of the own there.
func TestProgramsBelowAFolderForAllAreRefused(t *testing.T) {
	const shared = `C:\Общая папка`
	t.Cleanup(func() { require.NoError(t, os.Remove(shared)) })
	s := fake(t, shared+`\Касса`)
	d, err := readDefinition()
	require.NoError(t, err)
	require.NoError(t, s.guardPrograms(d))
	unix(t, shared, func() bool {
		others, err := allows(shared, exchange)
		return others || err != nil
	}, "/bin/chmod", "777")
	require.ErrorIs(t, s.guardPrograms(d), errAbove)
}

// A library beside a program of LocalSystem may be loaded by it.
func TestAProgramOfAnotherIsRefused(t *testing.T) {
	s := fake(t, `C:\Другая папка`)
	d, err := readDefinition()
	require.NoError(t, err)
	planted := filepath.Join(s.programs(), "packaged", "version.dll")
	require.NoError(t, os.WriteFile(planted, []byte("MZ"), 0o600))
	ofAnother(t, planted)
	err = s.guardPrograms(d)
	require.ErrorIs(t, err, errForeign)
	require.ErrorContains(t, err, "version.dll")

	st, err := s.Status(t.Context())
	require.NoError(t, err)
	if st.Installed {
		t.Skip("this machine has the real service: the test leaves it alone")
	}
	t.Cleanup(func() { require.NoError(t, s.Uninstall(context.WithoutCancel(t.Context()))) })
	require.ErrorIs(t, s.Install(t.Context()), errForeign)
	st, err = s.Status(t.Context())
	require.NoError(t, err)
	require.False(t, st.Installed, "nothing that lies there is registered")
}
