//go:build linux

package slots_test

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/installer/slots"
)

// A disk of memory that is really full, and then really read-only.
func TestRealDiskThatIsFullOrReadOnly(t *testing.T) {
	s, m := open(t)
	if err := syscall.Mount("tmpfs", s.Layout.Programs, "tmpfs", 0, "size=256k"); err != nil {
		t.Skipf("a disk of memory cannot be mounted here (it wants root): %v", err)
	}
	t.Cleanup(func() { require.NoError(t, syscall.Unmount(s.Layout.Programs, 0)) })
	require.NoError(t, os.Mkdir(filepath.Join(s.Layout.Programs, slots.Packaged), 0o755))
	require.NoError(t, os.WriteFile(s.Layout.Program(slots.Packaged), []byte("packaged"), 0o755))
	adopt(t, s, "1.2.0", never)
	require.ErrorIs(t, place(t, s, "1.3.0"), slots.ErrFull, "seen before anything is written")

	s.Disk.Free = func(string) (int64, error) { return 1 << 40, nil } // somebody else fills it meanwhile
	err := s.Place(t.Context(), "1.3.0", strings.NewReader(strings.Repeat("x", 1<<20)), 1<<20, "")
	require.ErrorIs(t, err, slots.ErrFull)
	require.NoFileExists(t, s.Layout.Program("versions/1.3.0")+".new", "it takes no room that the ledger could use")
	require.NoError(t, place(t, s, "1.3.0"), "once there is room, it goes on")

	require.NoError(t, syscall.Mount("", s.Layout.Programs, "", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""))
	require.ErrorIs(t, place(t, s, "1.4.0"), slots.ErrReadOnly)
	require.Equal(t, slots.Packaged, m.slot)
}
