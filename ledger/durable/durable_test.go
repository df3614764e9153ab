package durable_test

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/ledger/durable"
)

func TestWriteReplacesAFileWhole(t *testing.T) {
	folder := t.TempDir()
	file := filepath.Join(folder, "identity.json")
	require.NoError(t, durable.Write(file, []byte("a long first text"), 0o644))
	require.NoError(t, durable.Write(file, []byte("second"), 0o600))
	b, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, "second", string(b))
	if runtime.GOOS != "windows" {
		info, err := os.Stat(file)
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	}
	left, err := os.ReadDir(folder)
	require.NoError(t, err)
	require.Len(t, left, 1, "nothing half written stays beside it")
}

func TestWriteThatFailsLeavesTheOldFile(t *testing.T) {
	folder := t.TempDir()
	file := filepath.Join(folder, "taken")
	require.NoError(t, os.MkdirAll(filepath.Join(file, "full"), 0o700)) // no file can take this name
	require.Error(t, durable.Write(file, []byte("x"), 0o600))
	left, err := os.ReadDir(folder)
	require.NoError(t, err)
	require.Len(t, left, 1)
	require.Error(t, durable.Write(filepath.Join(folder, "nowhere", "x"), []byte("x"), 0o600))
}

func TestLocksAreSharedOrAlone(t *testing.T) {
	file := filepath.Join(t.TempDir(), "lock")
	open := func() *os.File {
		f, err := os.OpenFile(file, os.O_CREATE|os.O_RDWR, 0o600)
		require.NoError(t, err)
		t.Cleanup(func() { _ = f.Close() })
		return f
	}
	take := func(f *os.File, shared bool) bool {
		taken, err := durable.TryLock(f, shared)
		require.NoError(t, err)
		return taken
	}
	one, two, three := open(), open(), open()
	require.True(t, take(one, true))
	require.True(t, take(two, true), "together with others")
	require.False(t, take(three, false), "alone it is not")
	require.NoError(t, one.Close())
	require.False(t, take(three, false))
	require.NoError(t, two.Close())
	require.True(t, take(three, false), "closing gives it back")
	require.False(t, take(open(), true))
}
