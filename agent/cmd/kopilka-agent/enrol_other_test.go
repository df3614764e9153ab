//go:build !windows

package main

import (
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/installer"
)

// A package has enabled the service; enrolling lets it write the folder that the config names, and refuses one that it
// will never see before the code is used up.
func TestEnrollingOpensADataFolderElsewhere(t *testing.T) {
	root := t.TempDir()
	unit := filepath.Join(root, "usr/lib/systemd/system/kopilka-agent.service")
	require.NoError(t, os.MkdirAll(filepath.Dir(unit), 0o755))
	require.NoError(t, os.WriteFile(unit, nil, 0o644))
	e := &newTill{setup: newSetup(io.Discard), service: installer.Service{Root: root}}
	opened := filepath.Join(root, "etc/systemd/system/kopilka-agent.service.d/20-data.conf")
	require.NoError(t, e.admit(t.Context(), "/srv/till/"))
	require.NoFileExists(t, opened, "the config is not the packages' one")
	e.usual = true
	require.NoError(t, e.admit(t.Context(), "/srv/till/"))
	said, err := os.ReadFile(opened)
	require.NoError(t, err)
	require.Contains(t, string(said), "ReadWritePaths=\"-/srv/till\"\n")

	const hidden = "/home/till-of-this-test"
	e.path = filepath.Join(root, "config.yaml")
	require.NoError(t, os.WriteFile(e.path, []byte("data: "+hidden+"\nregister: {type: none}\n"), 0o644))
	require.ErrorIs(t, e.makeData(t.Context()), installer.ErrPath)
	require.NoDirExists(t, hidden)
}
