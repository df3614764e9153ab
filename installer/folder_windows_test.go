package installer

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/windows"
)

// What wine cannot show: it keeps neither rights nor owners that it is given, and knows no junctions. These tests see which
// folders are refused, what is done with those of others, that the calls are understood, and that nothing breaks on the way.

// fake is a till's program in a package's folder somewhere, with the updater beside it.
func fake(t *testing.T, programs string) Service {
	t.Helper()
	program := filepath.Join(programs, "packaged", "kopilka-agent.exe")
	require.NoError(t, os.MkdirAll(filepath.Dir(program), 0o700))
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(programs)) })
	for _, exe := range []string{program, filepath.Join(programs, "kopilka-updater.exe")} {
		require.NoError(t, os.WriteFile(exe, []byte("MZ"), 0o600))
	}
	return Service{Program: program}
}

// ofAnother gives a folder or file to somebody else of the machine below wine. Windows itself would want a second person.
func ofAnother(t *testing.T, path string) {
	t.Helper()
	const nobody = "65534"
	unix(t, path, func() bool {
		f, err := hold(path)
		require.NoError(t, err)
		ours, err := f.trusted()
		require.NoError(t, errors.Join(err, f.letGo()))
		return !ours
	}, "/bin/chown", nobody)
}

// unix has a command of the system below wine do something to a file or folder, as root; wine does not wait for it.
func unix(t *testing.T, path string, done func() bool, command ...string) {
	t.Helper()
	name, err := exec.CommandContext(t.Context(), "winepath", "-u", path).Output()
	if err != nil {
		t.Skipf("this is not wine: %v", err)
	}
	args := append([]string{"/unix"}, append(command, strings.TrimSpace(string(name)))...)
	out, err := exec.CommandContext(t.Context(), "start", args...).CombinedOutput()
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	late := time.After(20 * time.Second)
	for !done() {
		select {
		case <-again.C:
		case <-late:
			t.Skipf("only root does that: %v %s", err, out)
		}
	}
}

// junction makes one as anybody may who can write the folder above it: without a privilege.
func junction(t *testing.T, link, to string) {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "cmd", "/c", "mklink", "/j", link, to).CombinedOutput()
	if err == nil {
		t.Cleanup(func() { _ = os.Remove(link) })
		if f, err := hold(link); err == nil {
			is := f.has(windows.FILE_ATTRIBUTE_REPARSE_POINT)
			require.NoError(t, f.letGo())
			if is {
				return
			}
		}
	}
	t.Skipf("this system makes no junctions: %v %s", err, out)
}

// A config that a till program which was taken over has written must not give it the updater, the programs or Windows.
func TestTheServiceIsNotGivenTheMachine(t *testing.T) {
	s := fake(t, `C:\Касса и учёт`)
	d, err := readDefinition()
	require.NoError(t, err)
	for _, path := range []string{
		`C:\`, `C:`, `c:\.`, `C:\ProgramData`, `c:\programdata\KOPILKA-UPDATER`, `C:\ProgramData\Kopilka-Updater\trust`,
		`C:\ProgramData\Kopilka\..\Kopilka-Updater`, `C:/ProgramData/Kopilka-Updater/`,
		`C:\Windows`, `C:\windows\System32\drivers`, `C:\Program Files`, `C:\Program Files\Other`, `C:\Program Files (x86)\Other`,
		`C:\Касса и учёт`, `C:\КАССА И УЧЁТ\versions`, `C:\Касса и учёт\packaged`, `C:\Users`,
		`\\server\share\kopilka`, `\\?\C:\Data`, `\\.\C:\`,
	} {
		require.ErrorIs(t, s.Own(path), errNotOurs, path)
	}
	for _, path := range []string{
		`C:\ProgramData\Kopilka`, `D:\Данные кассы`, `C:\ProgramData\Kopilka-Updater2`, `C:\Windows.old`, `C:\Users\Public\Till`, `C:\Касса`,
	} {
		require.NoError(t, s.mayOwn(d, path), path)
	}
	byHand := Service{Program: `C:\kopilka\kopilka-agent.exe`}
	require.ErrorIs(t, byHand.mayOwn(d, `C:\kopilka`), errNotOurs)
	require.NoError(t, byHand.mayOwn(d, `C:\kopilka\data`))
}

func TestOwnGivesAFolderOfItsOwn(t *testing.T) {
	path := filepath.Join(t.TempDir(), "Данные кассы", "till")
	require.NoError(t, Service{}.Own(path))
	require.NoError(t, os.WriteFile(filepath.Join(path, "identity.json"), []byte("{}"), 0o600))
	require.NoError(t, Service{}.Own(path), "at the next upgrade")
	require.FileExists(t, filepath.Join(path, "identity.json"))

	file := filepath.Join(path, "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	require.Error(t, Service{}.Own(file))
	require.Error(t, Service{}.Share(path))

	// As where a folder above leads into Windows: what was made on the way is taken back.
	refused := filepath.Join(path, "refused")
	no := errors.New("not there")
	require.ErrorIs(t, takeFolder(refused, inherited, func(string) error { return no }), no)
	require.NoDirExists(t, refused)
}

// Two names of one file: the rights of what the other name is would be changed.
func TestAFileWithASecondNameIsNotShared(t *testing.T) {
	file := filepath.Join(t.TempDir(), "notice.token")
	require.NoError(t, os.WriteFile(file, []byte("x"), 0o600))
	require.NoError(t, Service{}.Share(file))
	require.NoError(t, os.Link(file, file+".too"))
	require.ErrorIs(t, Service{}.Share(file), errLink)
}

func TestTheConfigIsAnAdministrators(t *testing.T) {
	file := filepath.Join(t.TempDir(), "config.yaml")
	require.ErrorIs(t, Service{}.CheckConfig(file), fs.ErrNotExist)
	require.NoError(t, os.WriteFile(file, []byte("language: ru\n"), 0o600))
	require.NoError(t, Service{}.CheckConfig(file))
}

func TestLinksAreNotPlain(t *testing.T) {
	const folder = windows.FILE_ATTRIBUTE_DIRECTORY
	require.NoError(t, (&held{info: windows.ByHandleFileInformation{FileAttributes: folder}}).plain(true))
	require.ErrorIs(t, (&held{info: windows.ByHandleFileInformation{FileAttributes: folder | windows.FILE_ATTRIBUTE_REPARSE_POINT}}).plain(true), errLink)
}

func TestJunctionsAreRefused(t *testing.T) {
	dir := t.TempDir()
	victim, link := filepath.Join(dir, "victim"), filepath.Join(dir, "link")
	require.NoError(t, os.MkdirAll(victim, 0o700))
	junction(t, link, victim)
	require.ErrorIs(t, Service{}.Own(link), errLink)
	require.ErrorIs(t, takeFolder(link, inherited, nil), errLink)
	aside, err := moveAside(link)
	require.NoError(t, err)
	require.NotEmpty(t, aside)
	require.DirExists(t, victim)
	require.NoError(t, os.Remove(aside))

	junction(t, link, `C:\ProgramData`)
	require.ErrorIs(t, Service{}.Own(filepath.Join(link, "Kopilka-Updater")), errNotOurs, "by way of a junction")
}

// withTestFolder has an updater's folder of the test's own, which is not there yet.
func withTestFolder(t *testing.T) (d definition, path string) {
	t.Helper()
	d, err := readDefinition()
	require.NoError(t, err)
	d.Updater.Folder = "Kopilka test folder"
	path, err = folder(d.Updater.daemon)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(path)) })
	return d, path
}

// The updater's folder is made anew where it is not an administrator's, and stays where it is.
func TestTheUpdatersFolderIsMadeAndKept(t *testing.T) {
	d, path := withTestFolder(t)
	aside, err := d.makeUpdaterFolder()
	require.NoError(t, err)
	require.Empty(t, aside)
	trust := filepath.Join(path, "trust.json")
	require.NoError(t, os.WriteFile(trust, []byte("{}"), 0o600))
	aside, err = d.makeUpdaterFolder()
	require.NoError(t, err)
	require.Empty(t, aside, "this one is an administrator's")
	require.FileExists(t, trust)

	require.NoError(t, os.RemoveAll(path))
	require.NoError(t, os.WriteFile(path, []byte("a file in its place"), 0o600))
	aside, err = d.makeUpdaterFolder()
	require.NoError(t, err)
	require.FileExists(t, aside)
	require.NoError(t, os.Remove(aside))
	require.DirExists(t, path)
}

// What the updater would believe must not come from whoever was in ProgramData first.
func TestTheUpdatersFolderOfAnotherIsMovedAside(t *testing.T) {
	d, path := withTestFolder(t)
	require.NoError(t, os.Mkdir(path, 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(path, "trust.json"), []byte("{}"), 0o600))
	ofAnother(t, path)
	aside, err := d.makeUpdaterFolder()
	require.NoError(t, err)
	require.FileExists(t, filepath.Join(aside, "trust.json"))
	require.NoError(t, os.RemoveAll(aside))
	require.NoFileExists(t, filepath.Join(path, "trust.json"))
	require.DirExists(t, path)
}

// The till's folder stays where somebody has made it before: it may be store IT's, with a config for the package.
func TestTheTillsFolderOfAnotherIsKept(t *testing.T) {
	path := filepath.Join(t.TempDir(), "data")
	require.NoError(t, os.Mkdir(path, 0o700))
	config := filepath.Join(path, "config.yaml")
	require.NoError(t, os.WriteFile(config, []byte("language: ru\n"), 0o600))
	ofAnother(t, path)
	require.NoError(t, Service{}.Own(path))
	require.FileExists(t, config)
}

// Who has made a folder before and keeps things in it loses them to the administrators.
func TestWhatOthersHaveMadeIsTakenOver(t *testing.T) {
	path := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(path, "ledger"), 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(path, "ledger", "ledger.db"), []byte("x"), 0o600))
	seen := 0
	require.NoError(t, below(path, func(f *held) error {
		seen++
		return f.give(inherited)
	}))
	require.Equal(t, 2, seen)
	b, err := os.ReadFile(filepath.Join(path, "ledger", "ledger.db"))
	require.NoError(t, err)
	require.Equal(t, "x", string(b))
}

// While it is held, another one cannot be put in its place.
func TestHeldFoldersStay(t *testing.T) {
	path := filepath.Join(t.TempDir(), "folder")
	require.NoError(t, os.Mkdir(path, 0o700))
	f, err := hold(path)
	require.NoError(t, err)
	require.Error(t, os.Rename(path, path+".other"))
	place, err := f.place()
	require.NoError(t, err)
	require.True(t, inside(place, path) && inside(path, place), "%s is %s", path, place)
	require.NoError(t, f.letGo())
	require.NoError(t, os.Rename(path, path+".other"))
}
