//go:build !windows

package updates_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/cloud/updates"
	"github.com/kopilka/kopilka/sync/update"
)

// nobody stands for the service's account.
const nobody = 65534

// besideNobody is a repository made by root in a folder of another account's.
func besideNobody(t *testing.T) *office {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root can make what is another's")
	}
	o := open(t)
	require.NoError(t, os.Chown(filepath.Dir(o.repo.Folder), nobody, nobody))
	o.init()
	return o
}

// What root does beside a service that has an account of its own must leave nothing that the account cannot use.
func TestWhatRootMakesIsTheServices(t *testing.T) {
	t.Parallel()
	o := besideNobody(t)
	ownedBy(t, o.repo.Folder, nobody)
	o.add("1.3.0")
	o.plan(update.Step{Version: "1.3.0", Share: update.Everybody})
	require.NoError(t, o.repo.Rotate(t.Context(), o.keys(), updates.Online))
	ownedBy(t, o.repo.Folder, nobody)
	require.NoError(t, o.repo.Rotate(t.Context(), o.keys(), updates.Operators))
	o.add("1.4.0")
	ownedBy(t, o.repo.Folder, nobody)
}

func ownedBy(t *testing.T, folder string, uid uint32) {
	t.Helper()
	seen := 0
	require.NoError(t, filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		require.NoError(t, err)
		info, err := d.Info()
		require.NoError(t, err)
		seen++
		require.Equal(t, uid, info.Sys().(*syscall.Stat_t).Uid, path)
		return nil
	}))
	require.Greater(t, seen, 10)
}

// The service's account may put a link where root writes next: what lies behind it stays whose it was.
func TestNothingIsGivenAwayThroughALink(t *testing.T) {
	t.Parallel()
	o := besideNobody(t)
	victim := filepath.Join(t.TempDir(), "shadow")
	require.NoError(t, os.WriteFile(victim, nil, 0o600))
	lock, keys := filepath.Join(o.repo.Folder, "lock"), filepath.Join(o.repo.Folder, "keys")
	require.NoError(t, os.Remove(lock))
	require.NoError(t, os.Symlink(victim, lock))
	require.NoError(t, o.repo.Refresh(t.Context()))
	elsewhere := t.TempDir()
	require.NoError(t, os.CopyFS(elsewhere, os.DirFS(keys)))
	require.NoError(t, os.RemoveAll(keys))
	require.NoError(t, os.Symlink(elsewhere, keys))
	require.Error(t, o.repo.Rotate(t.Context(), o.keys(), updates.Online))
	require.Zero(t, owner(t, victim))
	entries, err := os.ReadDir(elsewhere)
	require.NoError(t, err)
	for _, e := range entries {
		require.Zero(t, owner(t, filepath.Join(elsewhere, e.Name())))
	}
}

func owner(t *testing.T, path string) uint32 {
	t.Helper()
	info, err := os.Stat(path)
	require.NoError(t, err)
	return info.Sys().(*syscall.Stat_t).Uid
}

// A plan that tills read already is not called refused because an old file stays where it is.
func TestTidyingUpFailsNoChange(t *testing.T) {
	t.Parallel()
	o := open(t)
	o.init()
	failed := 0
	o.repo.Cut = func(operation string) error {
		if strings.HasPrefix(operation, "remove ") {
			failed++
			return errors.New("permission denied")
		}
		return nil
	}
	require.NoError(t, o.repo.Rotate(t.Context(), o.keys(), updates.Online))
	require.Positive(t, failed)
	_, _, err := o.till().refresh()
	require.NoError(t, err)
}
