package main

import (
	"io"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/installer"
)

// The Windows service manager starts "run as-service": a word that run refused would keep every till shut.
func TestRunTakesTheServiceManagersMark(t *testing.T) {
	err := runCommand.run(t.Context(), []string{"-config", filepath.Join(t.TempDir(), "none.yaml"), installer.Marker}, io.Discard)
	require.ErrorContains(t, err, "none.yaml")
	require.NotContains(t, err.Error(), "one word too many")
}
