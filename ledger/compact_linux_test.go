package ledger_test

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/ledger"
)

// handles counts how often this process has the file open.
func handles(path string) (n int) {
	fds, _ := filepath.Glob("/proc/self/fd/*")
	for _, fd := range fds {
		if at, err := os.Readlink(fd); err == nil && at == path {
			n++
		}
	}
	return n
}

// A service that restarts over and over waits for the lock, the old file in its hand, while the file is
// made anew: what it sold then would be gone with that file.
func TestAWaitingOpenGetsTheCompactedFile(t *testing.T) {
	s := newShop(t)
	require.NoError(t, s.Close())
	path := filepath.Join(s.dir, ledger.FileName)
	holder, err := ledger.Open(s.dir, ledger.Options{Clock: s.clock.Now, Random: s.random})
	require.NoError(t, err)
	before := handles(path)
	opened := make(chan *ledger.Ledger)
	go func() {
		l, err := ledger.Open(s.dir, ledger.Options{Clock: s.clock.Now, Random: s.random})
		if err != nil {
			l = nil
		}
		opened <- l
	}()
	for handles(path) == before {
		runtime.Gosched()
	}
	whole, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path+".other", whole, 0o600))
	require.NoError(t, os.Rename(path+".other", path), "as Compact does")
	require.NoError(t, holder.Close())
	waited := <-opened
	require.NotNil(t, waited)
	head := waited.Head()
	require.NoError(t, waited.OpenEpoch("restored", head))
	head = waited.Head()
	require.NoError(t, waited.Close())
	s.open()
	require.Equal(t, head, s.Head(), "what was journalled after the wait is in the file that the name stands for")
}
