//go:build unix

package update_test

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/sync/update"
)

// A pipe in a file's place would have the updater, which nobody watches, wait for ever.
func TestAPipeIsNotWaitedFor(t *testing.T) {
	for _, name := range []string{update.WantedFile, "metadata/timestamp.json"} {
		tl := newOffice(t).till()
		_, _, err := tl.check()
		require.NoError(t, err)
		file := filepath.Join(tl.opts.Folder, filepath.FromSlash(name))
		require.NoError(t, os.Remove(file))
		require.NoError(t, syscall.Mkfifo(file, 0o600))
		_, _, err = tl.verify()
		require.ErrorIs(t, err, update.ErrForged)
	}
}
