package slots

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/windows"
)

// A shop's own words in a path, and blanks.
func cyrillic(t *testing.T) string {
	folder := filepath.Join(t.TempDir(), "Копилка касса", "версия 1")
	require.NoError(t, os.MkdirAll(folder, 0o700))
	return folder
}

func TestRenameReplacesAndFlushWants(t *testing.T) {
	folder := cyrillic(t)
	next, path := filepath.Join(folder, "состояние.json.new"), filepath.Join(folder, "состояние.json")
	require.NoError(t, os.WriteFile(path, []byte("old"), 0o600))
	d := OS()
	require.NoError(t, d.fill(next, 0o600, strings.NewReader("new")))
	require.NoError(t, d.move(next, path))
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, "new", string(b))
	room, err := d.Free(folder)
	require.NoError(t, err)
	require.Positive(t, room)
}

// An antivirus that holds a file does not let it be replaced; people are told so, and the old one stays.
func TestAHeldFileIsTold(t *testing.T) {
	folder := cyrillic(t)
	next, path := filepath.Join(folder, "a.new"), filepath.Join(folder, "a")
	for _, p := range []string{next, path} {
		require.NoError(t, os.WriteFile(p, []byte(p), 0o600))
	}
	name, err := windows.UTF16PtrFromString(path)
	require.NoError(t, err)
	h, err := windows.CreateFile(name, windows.GENERIC_READ, windows.FILE_SHARE_READ, nil, windows.OPEN_EXISTING, 0, 0)
	require.NoError(t, err)
	_, err = os.OpenFile(path, os.O_RDWR, 0)
	require.ErrorIs(t, say("write", path, err), ErrBusy)
	require.Error(t, OS().move(next, path))
	require.NoError(t, windows.CloseHandle(h))
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, path, string(b))
}

func TestALockKeepsOthersOut(t *testing.T) {
	l := Layout{State: cyrillic(t)}
	unlock, taken, err := l.Lock(t.Context(), RunLock)
	require.NoError(t, err)
	require.True(t, taken)
	over, cancel := context.WithCancel(t.Context())
	cancel()
	_, taken, err = l.Lock(over, RunLock)
	require.NoError(t, err)
	require.False(t, taken)
	unlock()
	unlock, taken, err = l.Lock(over, RunLock)
	require.NoError(t, err)
	require.True(t, taken)
	unlock()
}

func TestSystemIsWhereThePackagePutsIt(t *testing.T) {
	l := System()
	require.Equal(t, ".exe", l.Exe)
	require.Equal(t, "Kopilka", filepath.Base(l.Programs))
	require.Equal(t, `versions\1.3.0\kopilka-agent.exe`, strings.TrimPrefix(l.Program("versions/1.3.0"), l.Programs+`\`))
}
